//! Clocks that were ahead, or are behind.

use super::*;
use crate::notice::text::trouble::Set;
use crate::policy::Milestone;
use crate::tracker::ahead::ahead;

fn at(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn report(n: u32) -> Arrival {
    arrival(&format!("From: r{n}@example.test\r\nSubject: {n}\r\nMessage-ID: <{n}@example.test>\r\n\r\ntext {n}\r\n"))
}

/// All reminders that are made from then on, hour by hour.
fn reminders(tracker: &mut Tracker, hours: std::ops::Range<i64>) -> Vec<(Timestamp, String)> {
    let mut all = Vec::new();
    for hour in hours {
        let reminders = tracker.on_tick(at(hour)).unwrap().0.notices.into_iter();
        let reminders = reminders.filter(|p| p.notice.kind() == NoticeKind::Reminder);
        all.extend(reminders.map(|p| (at(hour), p.words.subject)));
    }
    all
}

fn received(tracker: &mut Tracker, ticket: u32) -> Timestamp {
    tracker.store().read(|tx| tx.ticket(TicketId(ticket))).unwrap().unwrap().received
}

fn stands(tracker: &mut Tracker) -> bool {
    tracker.store().read(|tx| tx.trouble(TroubleKind::Clock)).unwrap().is_some()
}

/// Once the clock is right and a person has said so, all is as if it had never been wrong.
#[test]
fn a_clock_that_was_ahead_leaves_nothing_deaf_or_dumb() {
    let (mut tracker, mut twin) = (tracker(), tracker());
    for t in [&mut tracker, &mut twin] {
        t.on_mail(&[report(1)], at(0)).unwrap();
        t.scanned("folder", Some(at(0)), at(0)).unwrap();
        assert_eq!(t.recover_clock(&Seat::default(), at(0)).unwrap(), None, "nothing is ahead");
    }
    let year = 366 * 24;
    assert!(!reminders(&mut tracker, year..year + 1).is_empty());
    // Far more than any cap lets through in an hour, and the caps of an hour are full then.
    for n in 100..260 {
        tracker.on_mail(&[report(n)], at(year)).unwrap();
    }
    tracker.scanned("folder", Some(at(year)), at(year)).unwrap();
    let broken = |t: &mut Tracker| t.store().read(|tx| tx.ticket(TicketId(1))).unwrap().unwrap().broken.len();
    assert!(broken(&mut tracker) > 0);

    // Back: told, and not deaf.
    let how = Set::Ahead(SignedDuration::from_hours(year));
    assert_eq!(tracker.look_at_clock(at(1), how).unwrap().notices.len(), 1);
    assert!(tracker.look_at_clock(at(1), how).unwrap().notices.is_empty(), "once a day");
    assert!(stands(&mut tracker));
    let mut late = report(2);
    (late.internal_date, late.not_before) = (Some(at(1)), tracker.last_scan("folder").unwrap());
    let news = tracker.on_mail(&[late], at(1)).unwrap();
    let acknowledged = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Acknowledgement);
    assert_eq!(acknowledged.filter(|p| p.notice.held.is_none()).count(), 1, "the caps count what has been");
    let (ticket, ..) = news.entries[0];
    assert_eq!(received(&mut tracker, ticket.0), at(1));
    assert!(tracker.claim(at(1)).unwrap().is_some());
    tracker.scanned("folder", Some(at(1)), at(1)).unwrap();
    assert!(stands(&mut tracker), "what was said too early is still not said");

    let (seen, deadlines) = tracker.recover_clock(&Seat::default(), at(1)).unwrap().unwrap();
    assert_eq!(seen, at(year));
    let first: Vec<_> = deadlines.iter().filter(|d| d.ticket == TicketId(1)).collect();
    assert!(!first.is_empty() && first.iter().all(|d| !d.is_broken && d.before == Some(d.deadline)));
    assert!(first.iter().all(|d| d.was_broken && d.again));
    assert!(!stands(&mut tracker) && broken(&mut tracker) == 0);
    assert_eq!(tracker.store().read(|tx| ahead(tx, at(1))).unwrap(), None);
    assert!(tracker.look_at_clock(at(1), how).unwrap().notices.is_empty() && !stands(&mut tracker));
    assert_eq!(tracker.recover_clock(&Seat::default(), at(1)).unwrap(), None, "once");

    let of_first = |all: Vec<(Timestamp, String)>| -> Vec<_> {
        all.into_iter().filter(|(_, subject)| subject.contains("SEC-1]")).collect()
    };
    // The others are too many to be told one by one.
    for n in 2..=news.entries[0].0.0 {
        let spam = crate::command::split("/spam");
        tracker.order(TicketId(n), spam, Seat::default(), at(1)).unwrap();
    }
    let (mine, theirs) = (reminders(&mut tracker, 2..24 * 100), reminders(&mut twin, 2..24 * 100));
    let theirs = of_first(theirs);
    assert!(theirs.len() > 5, "{theirs:?}");
    assert_eq!(of_first(mine), theirs);
}

/// Where the clock is behind, the mail server's says when a mail came.
#[test]
fn a_mail_is_not_older_than_its_server_says() {
    let mut tracker = tracker();
    tracker.on_mail(&[report(1)], at(0)).unwrap();
    tracker.scanned("folder", Some(at(0)), at(0)).unwrap();
    let set = Set::Back(SignedDuration::from_hours(48));
    tracker.look_at_clock(at(-48), set).unwrap();
    let late = Arrival { internal_date: Some(at(1)), not_before: Some(at(0)), ..report(2) };
    tracker.on_mail(&[late], at(-48)).unwrap();
    assert_eq!(received(&mut tracker, 2), at(0), "at least when the database was there");
    assert_eq!(reminders(&mut tracker, -48..-24), []);
    // Within a few minutes of it the clock has passed, and nobody needs to say anything.
    tracker.look_at_clock(at(0) - SignedDuration::from_mins(6), set).unwrap();
    assert!(stands(&mut tracker));
    tracker.look_at_clock(at(0) - SignedDuration::from_mins(5), set).unwrap();
    assert!(!stands(&mut tracker));
    assert_eq!(tracker.store().read(|tx| tx.memo::<Timestamp>(Memo::Ahead)).unwrap(), None);
}

/// A look into the inbox, a tally, a notice: each alone shows it.
#[test]
fn each_of_three_witnesses_shows_that_the_clock_is_behind() {
    type Write = fn(&Tx<'_>) -> Result<()>;
    let witnesses: [Write; 3] = [
        |tx| tx.set_memo(Memo::LastScan, at(0)),
        |tx| tx.count("scope", at(0).as_second() / 300),
        |tx| {
            let to = crate::vocabulary::Address::parse("ada@example.org").unwrap();
            let new = crate::store::Outgoing {
                expires: None,
                number: 1,
                kind: NoticeKind::Reminder,
                lane: 0,
                to: &to,
                ticket: None,
                revision: 0,
                message_id: "n@example.org",
                held: None,
                envelope: None,
                bytes: b"",
            };
            tx.post(&new, &[[1; 20]], at(0))
        },
    ];
    for write in witnesses {
        let mut store = Store::in_memory().unwrap();
        let ahead = |store: &mut Store, now| store.read(|tx| ahead(tx, now)).unwrap();
        assert_eq!(ahead(&mut store, at(-1)), None);
        store.write(write).unwrap();
        assert_eq!(ahead(&mut store, at(-1)), Some(at(0)));
        assert_eq!(ahead(&mut store, at(0) - SignedDuration::from_mins(5)), None);
        store.write(|tx| tx.bring_back(at(-1), at(-1).as_second() / 300)).unwrap();
        assert_eq!(ahead(&mut store, at(-1)), None, "and each is brought back");
    }
}

/// What a clock that was ahead put off is not waited for.
#[test]
fn what_was_put_off_is_due_once_the_clock_is_back() {
    let mut tracker = tracker();
    tracker.on_mail(&[report(1)], at(48)).unwrap();
    let claim = tracker.claim(at(48)).unwrap().unwrap();
    for _ in 0..5 {
        tracker.delivered(&Claim { tries: 9, ..claim.clone() }, &Outcome::Deferred("later".into()), at(48)).unwrap();
    }
    // Less than two hours before it would be tried: what is put off for longer is taken for wrong anyway.
    let back = at(48) - SignedDuration::from_mins(30);
    tracker.look_at_clock(back, Set::Before).unwrap();
    let numbers: Vec<u32> = std::iter::from_fn(|| tracker.claim(back).unwrap()).map(|claim| claim.number).collect();
    assert!(numbers.contains(&claim.number), "{numbers:?}");
}

/// What a person did while the clock was ahead was done by now.
#[test]
fn a_milestone_that_was_reached_while_the_clock_was_ahead_is_reached() {
    let mut tracker = tracker();
    tracker.on_mail(&[report(1)], at(0)).unwrap();
    tracker.order(TicketId(1), crate::command::split("/ack"), Seat::default(), at(24 * 30)).unwrap();
    let state = |t: &mut Tracker| {
        let ticket = t.store().read(|tx| tx.ticket(TicketId(1))).unwrap().unwrap();
        let clocks = crate::ticket::clock::clocks(&ticket, &t.project().policy, at(1));
        let acknowledge = clocks.iter().find(|c| c.promise.name == "acknowledge").map(|c| c.state);
        (ticket.milestones[&Milestone::Acknowledged], acknowledge)
    };
    use crate::ticket::clock::ClockState::{Broken, Kept};
    assert_eq!(state(&mut tracker), (at(24 * 30), Some(Broken)));
    tracker.recover_clock(&Seat::default(), at(1)).unwrap().unwrap();
    assert_eq!(state(&mut tracker), (at(1), Some(Kept)));
}
