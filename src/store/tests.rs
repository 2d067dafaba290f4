mod counted;
mod packed;
mod plans;

use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::FromSql;

use super::*;
use crate::config::{Config, EXAMPLE};
use crate::intake::disposition::Disposition;
use crate::mail::prints::prints;
use crate::mail::read::read;
use crate::notice::key::{Gathered, NoticeKey};
use crate::notice::text::trouble::TroubleKind;
use crate::policy::Severity;
use crate::project::Project;
use crate::ticket::kinds::every_kind;
use crate::ticket::{Actor, ActorKind, Entry, EntryKind, Seat, Status, Ticket};
use crate::vocabulary::{MailRef, MessageId, NoticeKind, NoticeState, Print, TicketId};

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
    store.write(|tx| tx.set_memo(Memo::LastSend, "b")).unwrap();
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
        tx.set_memo(Memo::LastSend, "b")?;
        Err(StoreError::Corrupt("no".into()))
    });
    assert!(failed.is_err());
    assert_eq!(store.read(|tx| tx.memo::<String>(Memo::LastSend)).unwrap(), None);
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

/// All tables and indexes, and all entries, of a database.
fn shape(connection: &Connection) -> (Vec<String>, Vec<String>) {
    let all = |sql: &str| {
        let mut query = connection.prepare(sql).unwrap();
        query.query_map([], |r| r.get::<_, String>(0)).unwrap().map(|r| r.unwrap()).collect::<Vec<_>>()
    };
    let entries =
        "SELECT ticket || ' ' || seq || ' ' || name || ' ' || folds_text || ' ' || kind FROM entry ORDER BY 1";
    (all("SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name"), all(entries))
}

#[test]
fn filled_databases_of_earlier_versions_become_what_a_fresh_one_is() {
    let entries: Vec<Entry> = (1..).zip(every_kind()).map(|(seq, kind)| made(seq, kind)).collect();
    let mut fresh = Store::in_memory().unwrap();
    fresh.write(|tx| tx.append(TICKET, &entries)).unwrap();
    for found in [1_u8, 2, 3, 4] {
        let old = Connection::open_in_memory().unwrap();
        STEPS.iter().take(found.into()).for_each(|step| old.execute_batch(step).unwrap());
        old.execute_batch(
            r"
            INSERT INTO source VALUES (1, 'f');
            INSERT INTO mail (id, sha256, hash, size, whole, received, first_seen, state, attempts)
            VALUES (1, x'00', 0, 1, 1, 5, 5, 'done', 1);
            INSERT INTO place VALUES (1, 'a', 1);
            INSERT INTO receipt VALUES (1, 1, 5, NULL, NULL, NULL, 'automatic', 3, 'a list');
            INSERT INTO meta VALUES ('breaker', '2027-01-04T10:00:00Z');",
        )
        .unwrap();
        let print = if found < 4 { "7" } else { "x'00000000000000070000000000000000'" };
        old.execute(&format!("UPDATE mail SET fingerprint = {print}"), []).unwrap();
        for e in &entries {
            let row = params![e.seq, serde_json::to_string(&e.kind).unwrap()];
            let sql = "INSERT INTO entry (ticket, seq, at, by_kind, kind) VALUES (1, ?1, 1000, 'daemon', ?2)";
            old.execute(sql, row).unwrap();
        }
        if found >= 3 {
            // As it is written there.
            let names = "UPDATE meta SET key = 'trouble:breaker'; UPDATE entry SET name = json_extract(kind, '$.kind'); \
                UPDATE entry SET folds_text = 1 WHERE name IN ('reported', 'credit', 'code-asked')";
            old.execute_batch(names).unwrap();
        }
        old.pragma_update(None, "user_version", found).unwrap();
        let mut store = Store::with(old).unwrap();
        assert_eq!(shape(&store.connection), shape(&fresh.connection), "from version {found}");
        assert_eq!(version(&store.connection), Ok(VERSION));
        let (first, earlier) = store
            .read(|tx| {
                Ok((
                    tx.same_mail(&[Print([0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0])])?,
                    tx.is_first_listing("g")?,
                ))
            })
            .unwrap();
        let is_old = store.read(|tx| tx.memo::<String>(Memo::OldPrints)).unwrap().is_some();
        assert_eq!(is_old, found == 1, "the fingerprints of version 1 are of the first kind");
        assert_eq!((first[0].receipt, first[0].ticket, earlier), (1, Some(TicketId(3)), false));
        // The breaker had fallen: it holds on, and a person can let the mail go.
        let since = "2027-01-04T10:00:00Z".parse().unwrap();
        let breaker = Standing { kind: TroubleKind::Breaker, since, notice: None };
        assert_eq!(store.read(|tx| tx.troubles()).unwrap(), [breaker]);
        let rows = "SELECT count(*) FROM meta WHERE key = 'breaker'";
        assert_eq!(store.connection.query_row(rows, [], |r| r.get(0)), Ok(0));
    }
}

/// Who acted before logins were written down, and since.
#[test]
fn whoever_sat_at_the_command_line_comes_back_as_they_were() {
    let old = Connection::open_in_memory().unwrap();
    STEPS.iter().take(4).for_each(|step| old.execute_batch(step).unwrap());
    let sql = "INSERT INTO entry (ticket, seq, at, by_kind, name, kind) VALUES (1, 1, 5, 'local', 'note', '{\"kind\":\"note\"}')";
    old.execute(sql, []).unwrap();
    old.pragma_update(None, "user_version", 4).unwrap();
    let mut store = Store::with(old).unwrap();
    let ada = Address::parse("ada@example.org");
    let seats = [
        Seat::default(),
        Seat { login: Some("alice".into()), person: None },
        Seat { login: Some("alice".into()), person: ada },
    ];
    let entries: Vec<Entry> = (1..)
        .zip(&seats)
        .map(|(seq, seat)| Entry { by: Actor::Local(seat.clone()), ..made(seq, EntryKind::Note) })
        .collect();
    store.write(|tx| tx.append(TICKET, &entries[1..])).unwrap();
    let found = store.read(|tx| tx.entries(TICKET)).unwrap();
    assert_eq!(found.iter().map(|e| &e.by).collect::<Vec<_>>(), entries.iter().map(|e| &e.by).collect::<Vec<_>>());
}

/// What an earlier version spent stays spent: it kept the first 8 octets of the hash of a signature.
#[test]
fn what_version_3_spent_stays_spent() {
    let raw = |b: &str| format!("DKIM-Signature: v=1; b={b}\r\nFrom: a@b.test\r\n\r\n");
    let of = |b: &str| prints(&read(raw(b).as_bytes()), raw(b).as_bytes());
    let old = Connection::open_in_memory().unwrap();
    STEPS.iter().take(3).for_each(|step| old.execute_batch(step).unwrap());
    old.execute_batch("INSERT INTO mail VALUES (1, x'00', 0, 1, 1, 5, 5, 'done', 1, 7)").unwrap();
    // One of them is negative as a number.
    let used = ["aGVsbG8=", "YQ==", "Yg==", "Yw=="];
    for octets in [&b"hello"[..], b"a", b"b", b"c"] {
        old.execute("INSERT INTO signature VALUES (?1, 1, 5)", [short_hash(octets)]).unwrap();
    }
    assert!([&b"a"[..], b"b", b"c"].iter().any(|octets| short_hash(octets) < 0));
    old.pragma_update(None, "user_version", 3).unwrap();
    let mut store = Store::with(old).unwrap();
    let mut spent =
        |b: &str, mail, copies: &[Print]| store.read(|tx| tx.is_spent(&of(b), MailRef(mail), copies)).unwrap();
    let mut own = [0; 16];
    own[7] = 7;
    let own = Print(own);
    for b in used {
        assert!(spent(b, 2, &[]) && spent(b, 2, &[PRINT]), "{b}");
        assert!(!spent(b, 2, &[PRINT, own]) && !spent(b, 1, &[]), "its copy, and itself: {b}");
    }
    assert!(!spent("ZA==", 2, &[]));
}

/// What is unreadable stays what it was, and hinders nothing else; a breaker that was let go has not fallen.
#[test]
fn one_unreadable_entry_does_not_keep_a_database_from_its_new_version() {
    let old = Connection::open_in_memory().unwrap();
    STEPS.iter().take(2).for_each(|step| old.execute_batch(step).unwrap());
    old.execute_batch(
        r#"
        INSERT INTO entry VALUES (1, 1, 1000, 'daemon', NULL, '"kind":"reported"}', NULL, NULL, NULL);
        INSERT INTO entry VALUES (2, 1, 1000, 'daemon', NULL, '{}', NULL, NULL, NULL);
        INSERT INTO entry VALUES (3, 1, 1000, 'daemon', NULL, '{"kind":"note"}', NULL, NULL, NULL);
        INSERT INTO meta VALUES ('breaker', '');
        PRAGMA user_version = 2;"#,
    )
    .unwrap();
    let mut store = Store::with(old).unwrap();
    let (_, entries) = shape(&store.connection);
    assert_eq!(entries, [r#"1 1  0 "kind":"reported"}"#, "2 1  0 {}", r#"3 1 note 0 {"kind":"note"}"#]);
    assert!(matches!(store.read(|tx| tx.ticket(TicketId(1))), Err(StoreError::Corrupt(_))));
    assert!(store.read(|tx| tx.ticket(TicketId(3))).unwrap().is_some());
    assert_eq!(store.read(|tx| tx.troubles()).unwrap(), []);
}

/// An entry of a kind with all that an entry can have, by somebody who may make it.
fn made(seq: u32, kind: EntryKind) -> Entry {
    let by = kind.row().makers.iter().map(|maker| actor(*maker)).next().unwrap();
    let (party, text) = (Some(reporter()), Some(format!("text {seq}")));
    Entry { seq, at: at(1), by, kind, party, text, mail: None, order: None }
}

fn actor(kind: ActorKind) -> Actor {
    match kind {
        ActorKind::Daemon => Actor::Daemon,
        ActorKind::Local => Actor::Local(Seat { login: Some("alice".into()), person: None }),
        ActorKind::Reporter => Actor::Reporter,
        ActorKind::Person => Actor::Person(Address::parse("ada@example.org").unwrap()),
        ActorKind::Stranger => Actor::Stranger,
    }
}

/// Only the texts that the fold needs are read for it. No other may change what it makes.
#[test]
fn a_ticket_is_the_fold_of_all_that_its_entries_say() {
    let reported = every_kind().swap_remove(0);
    for kind in every_kind() {
        let entries = [made(1, reported.clone()), made(2, kind)];
        let mut store = Store::in_memory().unwrap();
        store.write(|tx| tx.append(TICKET, &entries)).unwrap();
        let (ticket, read) = store.read(|tx| Ok((tx.ticket(TICKET)?, tx.entries(TICKET)?))).unwrap();
        assert_eq!(read, entries);
        assert_eq!(ticket, Some(Ticket::fold(TICKET, &entries)), "{:?}", entries[1].kind);
    }
}

/// G5: who may make an entry is held where all entries come by.
#[test]
fn an_entry_by_somebody_who_may_not_make_it_is_not_made() {
    use ActorKind::*;
    for kind in every_kind() {
        for maker in [Daemon, Local, Reporter, Person, Stranger] {
            let mut store = filled();
            let entry = Entry { by: actor(maker), ..made(2, kind.clone()) };
            let written = store.write(|tx| {
                tx.set_memo(Memo::LastSend, "it")?;
                tx.append(TICKET, &[made(3, EntryKind::Attempt), entry.clone()])
            });
            let (entries, meta) =
                store.read(|tx| Ok((tx.entries(TICKET)?, tx.memo::<String>(Memo::LastSend)?))).unwrap();
            if kind.row().makers.contains(&maker) {
                assert!(written.is_ok() && meta.is_some() && entries.contains(&entry), "{kind:?} by {maker:?}");
                continue;
            }
            let said = written.unwrap_err().to_string();
            let expect = format!("no {} makes an entry \"{}\"", maker.word(), kind.word());
            assert!(said.ends_with(&expect) && !said.contains('@'), "{said}");
            assert_eq!((entries.len(), meta), (1, None), "nothing of the transaction is done");
        }
    }
}

const MAIL: MailRef = MailRef(1);
const PRINT: Print = Print([7; 16]);
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
fn report(id: &MessageId, fingerprint: Option<Print>) -> NewReceipt<'_> {
    let (at, disposition, ticket) = (at(1), Disposition::Report, Some(TICKET));
    NewReceipt { mail: MAIL, at, sender: None, message_id: Some(id), disposition, ticket, reason: "new", fingerprint }
}

/// The timeline of a ticket with nothing but its report.
fn timeline() -> Vec<Entry> {
    let kind = EntryKind::Reported { received: at(0), message_id: None, may_belong_to: None, erased: false };
    let (party, text) = (Some(reporter()), Some("a title".into()));
    vec![Entry { seq: 1, at: at(1), by: Actor::Daemon, kind, party, text, mail: Some(MAIL), order: None }]
}

fn key() -> NoticeKey {
    NoticeKey::Told(MAIL)
}

fn notice(to: &Address) -> Outgoing<'_> {
    let (kind, ticket, revision) = (NoticeKind::Acknowledgement, Some(TICKET), 1);
    let (lane, message_id, bytes) = (kind.lane(), "n@x.test", b"".as_slice());
    Outgoing {
        number: 1,
        kind,
        lane,
        to,
        ticket,
        revision,
        message_id,
        held: None,
        envelope: None,
        expires: None,
        bytes,
    }
}

/// A database with one report: its mail, receipt, ticket, and a notice about it.
fn filled() -> Store {
    let mut store = Store::in_memory().unwrap();
    store
        .write(|tx| {
            let place = Place { source: tx.source("folder")?, name: "1".into() };
            tx.store_mail(&mail(b"raw", Some(&place)), at(1))?;
            tx.receipt(&report(&message_id(), Some(PRINT)))?;
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
        assert!(store.write(|tx| tx.settle(1, 1, &Settled { state, ..plans::SENT })).unwrap());
        assert_eq!(store.read(|tx| tx.notices(0)).unwrap()[0].state, state);
    }
}

/// G3: another name is another fact, and what it said is forgotten.
#[test]
fn each_small_fact_stands_under_the_name_that_it_always_had() {
    let names = [
        (Memo::LastScan, "last_scan"),
        (Memo::LastScanOf("imap:INBOX"), "last_scan:imap:INBOX"),
        (Memo::LastSend, "last_send"),
        (Memo::InboxFails, "inbox_fails"),
        (Memo::SendFails, "send_fails"),
        (Memo::LastDigest, "digest"),
        (Memo::Policy, "policy"),
        (Memo::Secrets, "key"),
        (Memo::MissedSecrets, "key_missed"),
        (Memo::LastCommit, "last_commit"),
        (Memo::Offered, "offered"),
        (Memo::Marked, "marked"),
        (Memo::Raised, "raised"),
        (Memo::HoldWhy, "hold_why"),
        (Memo::FirstStart, "first_start"),
        (Memo::OldPrints, "old_prints"),
        (Memo::CountsForgotten, "counts_forgotten"),
        (Memo::Unheard, "unheard"),
        (Memo::Gathers(Gathered::Reports), "many"),
        (Memo::Gathers(Gathered::Returned), "backscatter"),
        (Memo::GatheredTold(Gathered::Reports), "many_told"),
        (Memo::GatheredTold(Gathered::Returned), "backscatter_told"),
        (Memo::GatheredDue(Gathered::Returned), "gathered_due"),
        (Memo::GatheredListed(Gathered::Returned), "gathered_listed"),
        (Memo::GatheredDue(Gathered::Junk), "junk_due"),
        (Memo::GatheredListed(Gathered::Junk), "junk_listed"),
        (Memo::TagRefused, "tag_refused"),
        (Memo::Ahead, "ahead"),
        (Memo::Played, "played"),
        (Memo::Alarm("inbox"), "alarm:inbox"),
        (Memo::Canary, "canary"),
        (Memo::Trouble(TroubleKind::Login), "trouble:login"),
        (Memo::Trouble(TroubleKind::Timeline(TicketId(17))), "trouble:timeline:17"),
    ];
    let mut store = Store::in_memory().unwrap();
    for (memo, name) in names {
        store.write(|tx| tx.set_memo(memo, 17)).unwrap();
        let sql = "SELECT value FROM meta WHERE key = ?1";
        assert_eq!(store.connection.query_row(sql, [name], |r| r.get(0)), Ok("17".to_owned()), "{name}");
        store.write(|tx| tx.drop_memo(memo)).unwrap();
        let rows: i64 = store.connection.query_row("SELECT count(*) FROM meta", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 0, "{name}: what is not known has no row");
        assert_eq!(store.read(|tx| tx.memo::<u32>(memo)).unwrap(), None);
    }
}

#[test]
fn an_empty_fact_of_an_older_version_is_none() {
    let mut store = Store::in_memory().unwrap();
    let old = "INSERT INTO meta VALUES ('key_missed', ''), ('first_start', 'told')";
    store.connection.execute_batch(old).unwrap();
    assert_eq!(store.read(|tx| tx.memo::<String>(Memo::MissedSecrets)).unwrap(), None);
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
    broken("UPDATE ticket SET status = 'done'", |tx| tx.open_list(&project(), at(9)).map(drop));
    broken("UPDATE ticket SET severity = 'huge'", |tx| tx.open_list(&project(), at(9)).map(drop));
    broken("UPDATE ticket SET status = 'done'", |tx| tx.tickets(true).map(drop));
    broken("UPDATE outbox SET kind = 'letter'", |tx| tx.notices(0).map(drop));
    broken("UPDATE outbox SET kind = 'letter'", |tx| tx.pick(at(9), &[]).map(drop));
    broken("UPDATE receipt SET disposition = 'lost'", |tx| tx.receipts().map(drop));
    broken("UPDATE receipt SET disposition = 'lost'", |tx| tx.mails_of(TICKET).map(drop));
    broken("UPDATE entry SET by_kind = 'ghost'", |tx| tx.ticket(TICKET).map(drop));
    broken("UPDATE entry SET by_kind = 'person'", |tx| tx.ticket(TICKET).map(drop));
}

#[test]
fn what_follows_a_note_is_on_disk_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("d.db")).unwrap();
    let level = |tx: &Tx<'_>| Ok(tx.0.query_row("PRAGMA synchronous", [], |r| r.get::<_, i64>(0))?);
    assert_eq!(store.note(level).unwrap(), 1);
    assert_eq!(store.write(level).unwrap(), 2, "G4");
    assert_eq!((store.note(level).unwrap(), store.note(level).unwrap()), (1, 1));
    store.note(|_| Err::<(), _>(StoreError::Missing)).unwrap_err();
    assert_eq!(store.write(level).unwrap(), 2, "G4");
}
