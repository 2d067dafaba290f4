mod plans;

use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::FromSql;

use super::*;
use crate::config::{Config, EXAMPLE};
use crate::intake::disposition::Disposition;
use crate::notice::key::NoticeKey;
use crate::policy::Severity;
use crate::project::Project;
use crate::ticket::{Actor, Entry, EntryKind, Status, Ticket};
use crate::vocabulary::{MailRef, MessageId, NoticeKind, NoticeState, TicketId};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn mail<'a>(raw: &'a [u8], place: Option<&'a Place>) -> NewMail<'a> {
    NewMail { raw, size: raw.len() as u64, received: at(0), place }
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    drop(Store::open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(raw);
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found }) if found == VERSION + 1));
    let raw = Connection::open(&path).unwrap();
    assert_eq!(raw.query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)), Ok(VERSION + 1));
}

#[test]
fn only_the_owner_can_read_it_and_what_was_written_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.db");
    let mut store = Store::open(&path).unwrap();
    store.write(|tx| tx.set_fact(Fact::LastSend, "b")).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().map(std::result::Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    let pragma = |name: &str| {
        store.connection.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()), "G4");
    assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2), "G4: FULL");
    let version: i64 = rusqlite::version_number().into();
    assert!(version >= 3_051_003, "older ones could corrupt a WAL when it was reset");
}

#[test]
fn what_failed_in_the_middle_never_happened() {
    let mut store = Store::in_memory().unwrap();
    let failed: Result<()> = store.write(|tx| {
        tx.set_fact(Fact::LastSend, "b")?;
        Err(StoreError::Corrupt("no".into()))
    });
    assert!(failed.is_err());
    assert_eq!(store.read(|tx| tx.fact::<String>(Fact::LastSend)).unwrap(), None);
}

#[test]
fn raw_mail_comes_back_octet_by_octet() {
    let mut store = Store::in_memory().unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for raw in [&b""[..], b"\0\r\n\xff", &large] {
        let stored = store.write(|tx| tx.store_mail(&mail(raw, None), at(1))).unwrap();
        let Stored::New(id) = stored else { panic!("these octets are new") };
        assert!(store.read(|tx| tx.raw(id)).unwrap() == raw);
        assert_eq!(store.write(|tx| tx.store_mail(&mail(raw, None), at(2))).unwrap(), Stored::Known(id));
    }
}

#[test]
fn what_is_new_in_a_folder_is_what_was_not_taken_in_from_there() {
    let mut store = Store::in_memory().unwrap();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    store
        .write(|tx| {
            let (one, other) = (tx.source("one")?, tx.source("other")?);
            for (source, name) in [(one, "2"), (one, "10"), (one, "7"), (other, "3")] {
                let place = Place { source, name: name.into() };
                tx.store_mail(&mail(name.as_bytes(), Some(&place)), at(1))?;
            }
            let check = |listing: &[&str], unseen: &[&str]| {
                assert_eq!(tx.unseen(one, &names(listing)).unwrap(), names(unseen), "{listing:?}");
            };
            check(&["1", "2", "3", "7", "10", "11"], &["1", "11", "3"]);
            check(&["10", "7", "2"], &[]);
            check(&["9", "9"], &["9"]);
            check(&[], &[]);
            assert_eq!(tx.source("one")?, one);
            Ok(())
        })
        .unwrap();
}

#[test]
fn whoever_only_reads_changes_no_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let set = |version: i64| {
        Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
    };
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Missing)));
    set(0);
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Missing)));
    drop(Store::open(&path).unwrap());
    assert!(Store::open_to_read(&path).is_ok());
    set(VERSION + 1);
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Newer { found }) if found == VERSION + 1));
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { .. })));
}

#[test]
fn a_filled_database_of_version_1_becomes_what_a_fresh_one_is() {
    let tables = |connection: &Connection| {
        let sql = "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name";
        let mut query = connection.prepare(sql).unwrap();
        query.query_map([], |r| r.get::<_, String>(0)).unwrap().map(|r| r.unwrap()).collect::<Vec<_>>()
    };
    let old = Connection::open_in_memory().unwrap();
    old.execute_batch(STEPS[0]).unwrap();
    old.execute_batch(
        "INSERT INTO source VALUES (1, 'f'); \
         INSERT INTO mail VALUES (1, x'00', 0, 1, 1, 5, 5, 'done', 1, 7); INSERT INTO place VALUES (1, 'a', 1); \
         INSERT INTO receipt VALUES (1, 1, 5, NULL, NULL, NULL, 'automatic', 3, 'a list');",
    )
    .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let mut store = Store::with(old).unwrap();
    let fresh = Store::in_memory().unwrap();
    assert_eq!(tables(&store.connection), tables(&fresh.connection));
    assert_eq!(version(&store.connection), Ok(VERSION));
    let (first, earlier) = store.read(|tx| Ok((tx.same_mail(&[7])?, tx.is_first_listing("g")?))).unwrap();
    assert!(
        store.read(|tx| tx.fact::<String>(Fact::OldPrints)).unwrap().is_some(),
        "its fingerprints are of the first kind"
    );
    assert_eq!((first[0].receipt, first[0].ticket, earlier), (1, Some(crate::vocabulary::TicketId(3)), false));
}

const MAIL: MailRef = MailRef(1);
const TICKET: TicketId = TicketId(1);

fn reporter() -> Address {
    Address::parse("r@example.test").unwrap()
}

fn message_id() -> MessageId {
    MessageId::parse("1@example.test").unwrap()
}

fn project() -> Project {
    Config::parse(EXAMPLE, Path::new("config.toml")).unwrap().project()
}

/// The receipt of a report with this fingerprint.
fn report(id: &MessageId, fingerprint: Option<i64>) -> NewReceipt<'_> {
    let (at, disposition, ticket) = (at(1), Disposition::Report, Some(TICKET));
    NewReceipt { mail: MAIL, at, sender: None, message_id: Some(id), disposition, ticket, reason: "new", fingerprint }
}

/// The timeline of a ticket with nothing but its report.
fn timeline() -> Vec<Entry> {
    let kind = EntryKind::Reported { received: at(0), message_id: None, may_belong_to: None, erased: false };
    let (party, text) = (Some(reporter()), Some("a title".into()));
    vec![Entry { seq: 1, at: at(1), by: Actor::Daemon, kind, party, text, mail: Some(MAIL) }]
}

fn key() -> NoticeKey {
    NoticeKey::Told(MAIL)
}

fn notice(to: &Address) -> Outgoing<'_> {
    let (kind, ticket, revision) = (NoticeKind::Acknowledgement, Some(TICKET), 1);
    Outgoing { number: 1, kind, to, ticket, revision, message_id: "n@x.test", held: None, envelope: None, bytes: b"" }
}

/// A database with one report: its mail, receipt, ticket, and a notice about it.
fn filled() -> Store {
    let mut store = Store::in_memory().unwrap();
    store
        .write(|tx| {
            let place = Place { source: tx.source("folder")?, name: "1".into() };
            tx.store_mail(&mail(b"raw", Some(&place)), at(1))?;
            tx.receipt(&report(&message_id(), Some(7)))?;
            tx.append(TICKET, &timeline())?;
            tx.project(&Ticket::fold(TICKET, &timeline()), &project())?;
            tx.post(&notice(&reporter()), &[], at(1))
        })
        .unwrap();
    store
}

/// All kinds and states of notices, by the order of their lists.
fn words_of_notices() -> ([NoticeKind; 16], [NoticeState; 6]) {
    use NoticeKind::*;
    use NoticeState::{Held, Refused, Sending, Sent, Unknown, Waiting};
    let kinds = [
        Acknowledgement,
        Reply,
        Update,
        Told,
        Report,
        FollowUp,
        Change,
        Answer,
        Code,
        Reminder,
        Attempt,
        Undeliverable,
        Flood,
        Digest,
        Policy,
        Trouble,
    ];
    (kinds, [Waiting, Sending, Sent, Unknown, Refused, Held])
}

#[test]
fn a_notice_can_stand_in_each_state() {
    for state in words_of_notices().1 {
        let mut store = filled();
        store.write(|tx| tx.settle(1, state, at(9), 0, "said")).unwrap();
        assert_eq!(store.read(|tx| tx.notices(0)).unwrap()[0].state, state);
    }
}

/// G3: another name is another fact, and what it said is forgotten.
#[test]
fn each_small_fact_stands_under_the_name_that_it_always_had() {
    use crate::notice::key::Gathered;
    use crate::notice::text::trouble::TroubleKind;
    let names = [
        (Fact::LastScan, "last_scan"),
        (Fact::LastScanOf("imap:INBOX"), "last_scan:imap:INBOX"),
        (Fact::LastSend, "last_send"),
        (Fact::InboxFails, "inbox_fails"),
        (Fact::LastDigest, "digest"),
        (Fact::Policy, "policy"),
        (Fact::Secrets, "key"),
        (Fact::MissedSecrets, "key_missed"),
        (Fact::Begun, "begun"),
        (Fact::FirstStart, "first_start"),
        (Fact::OldPrints, "old_prints"),
        (Fact::CountsForgotten, "counts_forgotten"),
        (Fact::Unheard, "unheard"),
        (Fact::Gathers(Gathered::Reports), "many"),
        (Fact::Gathers(Gathered::Returned), "backscatter"),
        (Fact::GatheredTold(Gathered::Reports), "many_told"),
        (Fact::GatheredTold(Gathered::Returned), "backscatter_told"),
        (Fact::ReturnedDue, "gathered_due"),
        (Fact::ReturnedListed, "gathered_listed"),
        (Fact::Trouble(TroubleKind::Login), "trouble:login"),
        (Fact::Trouble(TroubleKind::Timeline(TicketId(17))), "trouble:timeline:17"),
    ];
    let mut store = Store::in_memory().unwrap();
    for (fact, name) in names {
        store.write(|tx| tx.set_fact(fact, 17)).unwrap();
        let sql = "SELECT value FROM meta WHERE key = ?1";
        assert_eq!(store.connection.query_row(sql, [name], |r| r.get(0)), Ok("17".to_owned()), "{name}");
        store.write(|tx| tx.drop_fact(fact)).unwrap();
        let rows: i64 = store.connection.query_row("SELECT count(*) FROM meta", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 0, "{name}: what is not known has no row");
        assert_eq!(store.read(|tx| tx.fact::<u32>(fact)).unwrap(), None);
    }
}

#[test]
fn an_empty_fact_of_an_older_version_is_none() {
    let mut store = Store::in_memory().unwrap();
    let old = "INSERT INTO meta VALUES ('begun', ''), ('key_missed', ''), ('first_start', 'told')";
    store.connection.execute_batch(old).unwrap();
    for fact in [Fact::Begun, Fact::MissedSecrets] {
        assert_eq!(store.read(|tx| tx.fact::<String>(fact)).unwrap(), None);
    }
    assert!(!store.read(|tx| tx.is_first_start()).unwrap());
}

#[test]
fn every_word_that_a_column_holds_comes_back_as_itself() {
    fn check<T: ToSql + FromSql + PartialEq + Debug>(all: &[T]) {
        let connection = Connection::open_in_memory().unwrap();
        let ask = |word: &dyn ToSql| connection.query_row("SELECT ?1", [word], |r| r.get::<_, T>(0));
        for value in all {
            assert_eq!(ask(value).as_ref(), Ok(value));
        }
        assert!(matches!(ask(&"from-the-future").map_err(StoreError::from), Err(StoreError::Corrupt(_))));
    }
    use Disposition::*;
    check(&[Report, FollowUp, Command, Answer, Bounce, Automatic, Own, Duplicate, Earlier, Unreadable, Quarantined]);
    check(&Severity::ALL);
    let (kinds, states) = words_of_notices();
    check(&kinds);
    check(&states);
    check(&[Status::Received, Status::Invalid, Status::Valid, Status::Accepted, Status::Deferred, Status::Closed]);
}

#[test]
fn a_word_that_no_list_has_is_an_error_and_no_other_value() {
    let broken = |sql: &str, ask: fn(&Tx<'_>) -> Result<()>| {
        let mut store = filled();
        store.connection.execute_batch(sql).unwrap();
        let answer = store.read(ask);
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{sql}: {answer:?}");
    };
    broken("UPDATE ticket SET status = 'done'", |tx| tx.open_lines(&project(), 9).map(drop));
    broken("UPDATE ticket SET severity = 'huge'", |tx| tx.open_lines(&project(), 9).map(drop));
    broken("UPDATE ticket SET status = 'done'", |tx| tx.tickets(true).map(drop));
    broken("UPDATE outbox SET kind = 'letter'", |tx| tx.notices(0).map(drop));
    broken("UPDATE outbox SET kind = 'letter'", |tx| tx.claim(at(9)).map(drop));
    broken("UPDATE receipt SET disposition = 'lost'", |tx| tx.receipts().map(drop));
    broken("UPDATE receipt SET disposition = 'lost'", |tx| tx.mails_of(TICKET).map(drop));
    broken("UPDATE entry SET by_kind = 'ghost'", |tx| tx.ticket(TICKET).map(drop));
    broken("UPDATE entry SET by_kind = 'person'", |tx| tx.ticket(TICKET).map(drop));
}
