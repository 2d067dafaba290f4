//! What no transcript can play: batches, and errors between two steps.

mod ahead;
mod caps;
mod holding;
mod hostile;
mod lost;
mod once;
mod policy;
mod rebuilding;
mod signed;
mod trouble;
mod way;

use super::*;
use crate::config::{Config, EXAMPLE as CONFIG};
use crate::mail::signature::Dkim;
use crate::mail::{content, read};
use crate::notice::Notice;
use crate::store::Claim;
use crate::ticket::{EntryKind, Seat};
use crate::token::KEY_LENGTH;
use crate::vocabulary::{NoticeKind, NoticeState, Outcome};

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

fn project(more: &str) -> Project {
    Config::parse(&format!("{CONFIG}{more}"), std::path::Path::new("config.toml")).unwrap().project()
}

/// A tracker that has looked into its folder.
fn watching(store: Store, project: Project, key: Key) -> Tracker {
    let mut tracker = Tracker::new(store, project, key, None, now()).unwrap();
    tracker.unseen("folder", &[]).unwrap();
    tracker
}

fn tracker() -> Tracker {
    watching(Store::in_memory().unwrap(), project(""), Key::new([7; KEY_LENGTH]))
}

/// A mail in the watched folder.
fn arrival(raw: &str) -> Arrival {
    static NAME: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let name = format!("found {}", NAME.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let raw = raw.as_bytes().to_vec();
    Arrival {
        size: raw.len() as u64,
        raw,
        internal_date: None,
        not_before: None,
        place: Some(Place { source: 1, name }),
        listing: std::sync::Arc::default(),
    }
}

#[test]
fn two_copies_that_are_found_at_once_are_one_report() {
    let mut tracker = tracker();
    let listing = vec!["1".to_owned(), "2".to_owned()];
    let (source, new) = tracker.unseen("folder", &listing).unwrap();
    let arrivals: Vec<Arrival> = new
        .iter()
        .map(|name| Arrival {
            place: Some(Place { source, name: name.clone() }),
            listing: std::sync::Arc::new(listing.clone()),
            ..arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")
        })
        .collect();
    let news = tracker.on_mail(&arrivals, now()).unwrap();
    let mut found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
    found.sort_unstable();
    assert_eq!(found, ["duplicate", "report"]);
    assert_eq!(news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Acknowledgement).count(), 1);
}

#[test]
fn mails_that_differ_in_their_text_are_two_reports() {
    let check = |one: &str, other: &str| {
        let mut tracker = tracker();
        let news = tracker.on_mail(&[arrival(one), arrival(other)], now()).unwrap();
        let found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
        assert_eq!(found, ["report", "report"], "{one:?}");
    };
    let head = "From: r@example.test\nSubject: s\n";
    check(&format!("{head}\none\r\n\r\nbye"), &format!("{head}\nother\r\n\r\nbye"));
    check(&format!("{head}no empty line: one\n\nbye"), &format!("{head}no empty line: other\n\nbye"));
    check(&format!("{head}Not a field\n\nbye"), &format!("{head}Neither a field\n\nbye"));
    let cr = head.replace('\n', "\r");
    check(&format!("{cr}\rone"), &format!("{cr}\rother"));
}

/// Each reminder until the deadline is over, as (subject, recipient's part before the at).
fn reminders(tracker: &mut Tracker, until: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(at) = tracker.next_wake(false).unwrap().filter(|at| *at <= until) {
        let (news, _) = tracker.on_tick(at).unwrap();
        let reminders = news.notices.into_iter().filter(|p| p.notice.kind() == NoticeKind::Reminder);
        said.extend(reminders.map(|p| p.words.subject));
    }
    said
}

const LADDER: &str =
    "[policy]\n[[policy.promise]]\nname = \"acknowledge\"\nuntil = \"acknowledged\"\nwithin = \"48h\"\n";

fn rungs(at: &[&str]) -> Project {
    let rung = |at: &&str| format!("[[policy.rung]]\nat = \"{at}\"\nto = \"team\"\n");
    project(&format!("{LADDER}{}", at.iter().map(rung).collect::<String>()))
}

#[test]
fn a_rung_that_moves_up_the_ladder_still_speaks() {
    let mut tracker = tracker();
    tracker.reload(rungs(&["-24h", "-4h", "due"]), None, now()).unwrap();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let hours = |h| now() + SignedDuration::from_hours(h);
    assert_eq!(reminders(&mut tracker, hours(30)), ["[SEC-1] Answer the reporter by Wed 10:00 (24 hours left)"]);
    // What was rung 1 is rung 0 now.
    tracker.reload(rungs(&["-4h", "due"]), None, hours(31)).unwrap();
    // Four hours before is quiet time here, and it warns before that.
    assert_eq!(reminders(&mut tracker, hours(47)), ["[SEC-1] Answer the reporter by Wed 10:00 (17 hours left)"]);
}

#[test]
fn projections_follow_the_policy_of_whoever_reads_them() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    // Its number of entries changes: what moved there and back is written down.
    let deadlines = |tracker: &mut Tracker| {
        let all = tracker.store.read(|tx| tx.projections()).unwrap();
        all.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let ours = deadlines(&mut tracker);
    // `disclosed do` with a config that the daemon has not read.
    let other = rungs(&["-1h"]);
    tracker.store.write(|tx| tx.set_memo(Memo::Policy, "of another process").and(tx.rebuild(&other, |_| ()))).unwrap();
    assert_ne!(deadlines(&mut tracker), ours);
    tracker.on_tick(now()).unwrap();
    assert_eq!(deadlines(&mut tracker), ours);
}

/// What undo and audit go by: which entries belong together, and that no others do.
#[test]
fn each_entry_names_the_order_that_made_it() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let mut order = |lines: &str| {
        tracker.order(TicketId(1), crate::command::split(lines), Seat::default(), now()).unwrap();
    };
    order("/accept\n/severity high\n\nWe work on it.");
    order("/frobnicate");
    order("/close unpublished fixed");
    let entries = tracker.store.read(|tx| tx.entries(TicketId(1))).unwrap();
    let orders: Vec<(u32, Option<u32>)> = entries.iter().map(|e| (e.seq, e.order)).collect();
    // The report and its acknowledgement; valid, accepted, high and the note; closed.
    let (first, second) = (Some(3), Some(7));
    assert_eq!(orders, [(1, None), (2, None), (3, first), (4, first), (5, first), (6, first), (7, second)]);
}

#[test]
fn a_stale_wake_is_mended_by_the_look_that_it_causes() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let next = tracker.next_wake(false).unwrap().unwrap();
    let at = next - SignedDuration::from_mins(10);
    let all = |wake: Timestamp| move |tx: &Tx<'_>| tx.postpone(TicketId(1), Timestamp::MAX, wake);
    tracker.store.write(all(at)).unwrap();
    tracker.on_tick(at).unwrap();
    assert_eq!(tracker.next_wake(false).unwrap(), Some(next), "not an hour later");
}

/// Changes a database beside its tracker.
fn tamper(folder: &tempfile::TempDir, sql: &str) {
    rusqlite::Connection::open(folder.path().join("db")).unwrap().execute_batch(sql).unwrap();
}

/// A tracker with two tickets, whose database was changed by this SQL.
fn on_disk(sql: &str) -> (tempfile::TempDir, Tracker) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = watching(Store::open(&path).unwrap(), project(""), key);
    let mail = |n: u8| arrival(&format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext\r\n"));
    tracker.on_mail(&[mail(1), mail(2)], now()).unwrap();
    tamper(&folder, sql);
    (folder, tracker)
}

#[test]
fn a_timeline_that_cannot_be_read_does_not_silence_the_others() {
    let (_folder, mut tracker) = on_disk("UPDATE entry SET kind = '{\"kind\":\"from-the-future\"}' WHERE ticket = 1");
    let (news, _) = tracker.on_tick(now() + SignedDuration::from_hours(47)).unwrap();
    let kinds: Vec<_> = news.notices.iter().map(|p| (p.notice.kind(), p.notice.ticket())).collect();
    assert!(kinds.contains(&(NoticeKind::Reminder, Some(TicketId(2)))), "{kinds:?}");
    assert!(kinds.contains(&(NoticeKind::Trouble, None)), "{kinds:?}");
}

#[test]
fn a_mail_that_cannot_be_handled_is_put_aside_and_the_next_is_taken() {
    let sql = "DELETE FROM receipt; UPDATE mail SET state = 'stored', attempts = 1, fingerprint = NULL; \
               UPDATE raw SET bytes = x'ffff' WHERE mail = 1;";
    let (_folder, mut tracker) = on_disk(sql);
    let news = tracker.resume(now()).unwrap();
    let found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
    assert_eq!(found, ["quarantined", "report"]);
}

/// What version 3 stored: the first 8 octets of a print, as a number.
fn print_of_before(raw: &str) -> i64 {
    let print = content::fingerprints(&read::read(raw.as_bytes()), raw.as_bytes(), false)[0];
    i64::from_be_bytes(*print.0.first_chunk().unwrap())
}

#[test]
fn a_second_copy_of_a_mail_from_before_version_4_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let reports: Vec<String> =
        (0..8).map(|n| format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext\r\n")).collect();
    let prints: Vec<i64> = reports.iter().map(|r| print_of_before(r)).collect();
    assert!(prints.iter().any(|p| *p < 0) && prints.iter().any(|p| *p > 0), "both signs: {prints:?}");
    let old = rusqlite::Connection::open(&path).unwrap();
    for step in [
        include_str!("../store/schema.sql"),
        include_str!("../store/version_2.sql"),
        include_str!("../store/version_3.sql"),
        "PRAGMA user_version = 3",
    ] {
        old.execute_batch(step).unwrap();
    }
    for (id, print) in (1_i64..).zip(&prints) {
        let sql = "INSERT INTO mail VALUES (?1, x'00', 0, 1, 1, 5, 5, 'done', 1, ?2)";
        old.execute(sql, [id, *print]).unwrap();
        let sql = "INSERT INTO receipt VALUES (?1, ?1, 5, NULL, NULL, NULL, 'report', NULL, 'new')";
        old.execute(sql, [id]).unwrap();
    }
    drop(old);
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = watching(Store::open(&path).unwrap(), project(""), key);
    for raw in &reports {
        let copy = arrival(&format!("Received: from x by y; z\r\n{raw}"));
        let news = tracker.on_mail(&[copy], now()).unwrap();
        assert_eq!(news.receipts[0].1.word(), "duplicate", "{raw}");
    }
    let other = reports[0].replace("text", "another text");
    assert_eq!(tracker.on_mail(&[arrival(&other)], now()).unwrap().receipts[0].1.word(), "report");
}

/// Two mails whose prints agree in the 8 octets that were stored before are two.
#[test]
fn the_beginning_of_a_print_makes_no_copy() {
    let (raw, rest) = ("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n", "1122334455667788");
    let print = print_of_before(raw);
    let set = format!("UPDATE mail SET fingerprint = unhex(printf('%016x{rest}', {print})) WHERE id = 1");
    let (_folder, mut tracker) = on_disk(&set);
    assert_eq!(tracker.on_mail(&[arrival(raw)], now()).unwrap().receipts[0].1.word(), "report");
}

#[test]
fn a_full_disk_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let open = |pages: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        let store = Store::with(connection).unwrap();
        watching(store, project(""), Key::new([7; KEY_LENGTH]))
    };
    // What does not compress, so that the disk fills in the middle of the mails.
    let noise = |n: u64| {
        let mut x = n + 1;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((x >> 33) % 90).unwrap())
        };
        (0..20_000).map(|i| if i % 70 == 0 { '\n' } else { next() }).collect::<String>()
    };
    let mails: Vec<Arrival> = (0..20)
        .map(|n| arrival(&format!("From: r{n}@example.test\r\nSubject: s{n}\r\n\r\n{}\r\n", noise(n))))
        .collect();

    let mut tracker = open(120);
    let taken = mails.iter().take_while(|m| tracker.on_mail(std::slice::from_ref(m), now()).is_ok()).count();
    assert!((1..20).contains(&taken), "the disk was to fill in between, not after {taken}");
    drop(tracker);

    // The mails still lie in the inbox: with room, all of them are offered again.
    let mut tracker = open(1_000_000);
    tracker.recover(now()).unwrap();
    tracker.on_mail(&mails, now()).unwrap();
    let (tickets, receipts) = tracker.store().read(|tx| Ok((tx.tickets(true)?, tx.receipts()?))).unwrap();
    assert_eq!((tickets.len(), receipts.len()), (20, 20));
}
