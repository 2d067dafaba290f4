//! A database from the inbox alone.

use std::collections::BTreeMap;

use super::lost::drain;
use super::*;
use crate::vocabulary::Address;

/// A mail as it lies in the folder.
fn lying(n: usize, raw: &str) -> Arrival {
    let at = now() + SignedDuration::from_mins(i64::try_from(n).unwrap());
    Arrival { internal_date: Some(at), place: Some(Place { source: 1, name: n.to_string() }), ..arrival(raw) }
}

fn later() -> Timestamp {
    now() + SignedDuration::from_hours(24 * 60)
}

const HEAD: &str = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n\
    Received: from a by mx.example.org with ESMTPS; x\r\n";

fn config() -> Project {
    project("[identity]\nauthserv_ids = [\"mx.example.org\"]\n")
}

/// Four reports, of which the first and the third were answered, with a command to one of them; what lies in the folder,
/// and which subject had which number.
fn lived() -> (Vec<Arrival>, BTreeMap<String, u32>) {
    let then = now() + SignedDuration::from_hours(1);
    let mut tracker = watching(Store::in_memory().unwrap(), config(), Key::new([7; KEY_LENGTH]));
    let mut folder = Vec::new();
    let report =
        |n: usize| format!("From: r{n}@example.test\r\nMessage-ID: <{n}@r>\r\nSubject: Hole {n}\r\n\r\ntext {n}\r\n");
    // In the tracker that was lost, they came in another order than that of their dates.
    for n in [2, 0, 3, 1] {
        folder.push(lying(n, &report(n)));
        tracker.on_mail(&folder[folder.len() - 1..], then).unwrap();
    }
    let sent = drain(&mut tracker, then);
    let answer = |to: &str, kind: NoticeKind, n: usize, text: &str| {
        let mine = |c: &&Claim| {
            c.to.as_str() == to && c.kind == kind && (kind != NoticeKind::Report || c.ticket == Some(TicketId(1)))
        };
        let notice = sent.iter().find(mine).unwrap_or_else(|| panic!("{to} {kind:?}: {sent:?}"));
        let raw = String::from_utf8(notice.bytes.clone()).unwrap();
        let unfolded = raw.replace("\r\n ", " ");
        let field =
            |name: &str| unfolded.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let (id, refers, reply) = (field("Message-ID:"), field("References:"), field("Reply-To:"));
        let head = if to.ends_with("example.org") { HEAD } else { "" };
        lying(
            n,
            &format!(
                "{head}From: {to}\r\nTo: {reply}\r\nMessage-ID: <a{n}@r>\r\nIn-Reply-To: {id}\r\nReferences: {refers} {id}\r\n\
             Subject: Re: s\r\n\r\n{text}\r\n"
            ),
        )
    };
    folder.push(answer("r0@example.test", NoticeKind::Acknowledgement, 10, "more about it"));
    folder.push(answer("r2@example.test", NoticeKind::Acknowledgement, 11, "more about it"));
    folder.push(answer("ada@example.org", NoticeKind::Report, 12, "/valid"));
    tracker.on_mail(&folder[4..], then).unwrap();
    let all = tracker.store.read(|tx| tx.tickets(true)).unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(all[0].status, crate::ticket::Status::Valid, "the command was obeyed");
    (folder, all.into_iter().map(|t| (t.title, t.id.0)).collect())
}

fn rebuilt(folder: &[Arrival], at: Timestamp) -> (Tracker, Rebuilt) {
    rebuilt_by(folder, FoundMark::None, at)
}

fn rebuilt_by(folder: &[Arrival], found: FoundMark, at: Timestamp) -> (Tracker, Rebuilt) {
    let mut tracker = Tracker::new(Store::in_memory().unwrap(), config(), Key::new([7; KEY_LENGTH]), None, at).unwrap();
    tracker.unseen("folder", &[]).unwrap();
    tracker.stow(folder, at).unwrap();
    let made = tracker.rebuild_from_mail(found, at).unwrap();
    (tracker, made)
}

fn numbers(tracker: &mut Tracker) -> BTreeMap<String, u32> {
    tracker.store.read(|tx| tx.tickets(true)).unwrap().into_iter().map(|t| (t.title, t.id.0)).collect()
}

#[test]
fn no_number_denotes_another_report_than_it_did() {
    let (folder, before) = lived();
    let (mut tracker, made) = rebuilt(&folder, later());
    let after = numbers(&mut tracker);
    assert_eq!((after.len(), made.tickets, made.proven), (4, 4, 2));
    for title in ["Hole 0", "Hole 2"] {
        assert_eq!(after[title], before[title], "a token proves it");
    }
    for title in ["Hole 1", "Hole 3"] {
        assert!(after[title] > made.above && before.values().all(|n| after[title] > *n), "{after:?}");
    }
    // The mark that was left knows more than the mail that is there.
    let (_, made) = rebuilt_by(&folder, FoundMark::At(crate::store::Mark { notice: 0, ticket: 500 }), later());
    assert!(made.above > 500);
    // Nor does one that comes after.
    tracker.on_mail(&[lying(20, "From: n@example.test\r\nSubject: New\r\n\r\nnew\r\n")], later()).unwrap();
    let after = numbers(&mut tracker);
    assert_eq!(after.values().collect::<std::collections::BTreeSet<_>>().len(), 5);
    assert!(before.values().all(|n| after["New"] > *n));
}

#[test]
fn nothing_leaves_and_no_command_is_done_again() {
    let (folder, _) = lived();
    let (mut tracker, _) = rebuilt(&folder, later());
    let received = |t: &crate::store::TicketRow| t.status == crate::ticket::Status::Received;
    assert!(tracker.store.read(|tx| tx.tickets(true)).unwrap().iter().all(received), "no command was done again");
    let made = tracker.store.read(|tx| tx.notices(0)).unwrap();
    assert!(!made.is_empty() && made.iter().all(|n| n.kind == NoticeKind::Trouble), "{made:?}");
    assert!(tracker.hold().unwrap().is_some());
    let left = drain(&mut tracker, later());
    assert!(left.iter().all(|c| c.kind == NoticeKind::Trouble));
    // Each says what is not known, and that is no promise kept.
    for ticket in tracker.store.read(|tx| tx.tickets(true)).unwrap() {
        let entries = tracker.store.read(|tx| tx.entries(ticket.id)).unwrap();
        let notes = entries.iter().filter(|e| e.text.as_deref().is_some_and(|t| t.contains("Not known:")));
        assert_eq!(notes.count(), 1);
        assert!(ticket.acknowledged.is_none());
    }
    let receipts = tracker.store.read(|tx| tx.receipts()).unwrap();
    let command = receipts.iter().find(|r| r.message_id.as_deref() == Some("a12@r")).unwrap();
    assert!(command.disposition == Disposition::Command && command.reason.contains("not done again"), "{command:?}");
    // After a person has looked, the reporters of old hear nothing of it.
    tracker.end_hold(&[]).unwrap();
    tracker.on_tick(later()).unwrap();
    let reporter = |c: &Claim| c.to.as_str().ends_with("@example.test");
    assert!(!drain(&mut tracker, later()).iter().any(reporter));
    // What answers a notice that was lost goes to its ticket, and is no news of another database.
    let again = folder[4].clone();
    let more = String::from_utf8(again.raw).unwrap().replace("<a10@r>", "<a30@r>").replace("more about it", "and more");
    let news = tracker.on_mail(&[lying(30, &more)], later()).unwrap();
    assert_eq!((news.receipts[0].1, tracker.hold().unwrap().is_some()), (Disposition::FollowUp, false));
}

#[test]
fn two_rebuilds_are_equal() {
    let (mut folder, _) = lived();
    let state = |tracker: &mut Tracker| {
        let tickets = tracker.store.read(|tx| tx.tickets(true)).unwrap();
        let entries: Vec<_> = tickets
            .iter()
            .flat_map(|t| tracker.store.read(|tx| tx.entries(t.id)).unwrap())
            .map(|e| (e.seq, e.at, e.by, e.kind, e.party, e.text))
            .collect();
        let mut receipts: Vec<_> = tracker
            .store
            .read(|tx| tx.receipts())
            .unwrap()
            .into_iter()
            .map(|r| (r.message_id, r.disposition, r.ticket, r.reason))
            .collect();
        receipts.sort_by_key(|r| format!("{r:?}"));
        format!("{tickets:?}\n{entries:#?}\n{receipts:#?}")
    };
    let one = state(&mut rebuilt(&folder, later()).0);
    // At another time, from a folder that lists them in another order.
    folder.reverse();
    let other = state(&mut rebuilt(&folder, later() + SignedDuration::from_hours(5)).0);
    assert_eq!(one, other);
}

/// Whoever has a token of their own binds nobody else's report to it, and reaches nobody else's ticket.
#[test]
fn a_stranger_takes_no_number_of_anybody() {
    let (mut folder, before) = lived();
    let taken = String::from_utf8(folder[5].raw.clone()).unwrap();
    // The reporter of Hole 2 refers to Hole 1, with a token of their own.
    let forged = taken.replace("<a11@r>", "<f@r>").replace("References: ", "References: <1@r> ");
    folder.push(lying(13, &forged));
    let (mut tracker, made) = rebuilt(&folder, later());
    let after = numbers(&mut tracker);
    assert!(after["Hole 1"] > made.above && after["Hole 2"] == before["Hole 2"], "{after:?}");
    let reporter = tracker.store.read(|tx| tx.reporter(TicketId(after["Hole 1"]))).unwrap().flatten();
    assert_eq!(reporter, Address::parse("r1@example.test"));
}
