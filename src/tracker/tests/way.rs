//! The way out: what is our own fault burns no notice, and what waited too long is replaced.

use super::lost::PEOPLE;
use super::*;
use crate::health::Health;
use crate::store::few;
use crate::ticket::Undelivered;
use crate::vocabulary::Mailed;

fn after(hours: i64, minutes: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes)
}

/// A tracker with one report: its notices and its acknowledgement wait.
fn reported(config: &str) -> Tracker {
    let mut tracker = watching(Store::in_memory().unwrap(), project(config), Key::new([7; KEY_LENGTH]));
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    tracker
}

/// Tries all that is due.
fn try_all(tracker: &mut Tracker, outcome: &Outcome, at: Timestamp) -> Vec<Claim> {
    let due: Vec<Claim> = std::iter::from_fn(|| tracker.claim(at).unwrap()).collect();
    for claim in &due {
        tracker.delivered(claim, outcome, at).unwrap();
    }
    due
}

fn states(tracker: &mut Tracker) -> Vec<NoticeState> {
    let rows = tracker.store.read(|tx| tx.notices(0)).unwrap();
    rows.iter().filter(|n| n.kind != NoticeKind::Trouble).map(|n| n.state).collect()
}

fn trouble(tracker: &mut Tracker) -> bool {
    tracker.store.read(|tx| tx.trouble(TroubleKind::Sender)).unwrap().is_some()
}

fn health(tracker: &mut Tracker, at: Timestamp) -> Health {
    let project = tracker.project.clone();
    tracker.store.read(|tx| Health::read(tx, &project, at)).unwrap()
}

#[test]
fn a_closed_way_burns_nothing_and_is_told_until_the_next_mail_is_accepted() {
    let mut tracker = reported(PEOPLE);
    let closed = Outcome::Closed("553 5.7.1 <r@example.test>: Sender address rejected: not owned by user".into());
    // However long: nothing that is not a day late is dropped, and nothing is refused.
    for hour in [0, 1, 5, 20] {
        try_all(&mut tracker, &closed, after(hour, 0));
        assert!(states(&mut tracker).iter().all(|s| *s == NoticeState::Waiting));
        assert!(trouble(&mut tracker) && health(&mut tracker, after(hour, 0)).needs_person());
    }
    let told: Vec<_> = tracker.store.read(|tx| tx.notices(0)).unwrap();
    let told: Vec<_> = told.iter().filter(|n| n.kind == NoticeKind::Trouble).collect();
    assert_eq!(told.len(), 3, "each who is responsible, once");
    let bytes = tracker.store.read(|tx| tx.notice_bytes(told[0].number)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("no mail could leave since") && !text.contains("r@example.test"), "{text}");
    try_all(&mut tracker, &Outcome::Sent("250 ok".into()), after(22, 0));
    assert!(!trouble(&mut tracker) && !health(&mut tracker, after(22, 0)).needs_person());
    assert!(states(&mut tracker).iter().all(|s| *s == NoticeState::Sent));
}

#[test]
fn a_way_that_is_closed_for_a_moment_is_seen_at_once_and_told_when_it_lasts() {
    for away in [Outcome::Away("connection refused".into()), Outcome::Slower("421 4.7.0 too many".into())] {
        let mut tracker = reported("");
        try_all(&mut tracker, &away, now());
        assert!(!trouble(&mut tracker) && health(&mut tracker, now()).send_fails == Some(now()));
        assert!(health(&mut tracker, now()).needs_person());
        try_all(&mut tracker, &away, after(0, 14));
        assert!(!trouble(&mut tracker));
        try_all(&mut tracker, &away, after(0, 25));
        assert!(trouble(&mut tracker));
    }
}

/// No word says whose fault it is. One such refusal is doubtful; of a way that has taken other mail since, it is clear.
#[test]
fn an_unclear_refusal_is_believed_of_a_way_that_takes_other_mail() {
    let unclear = Outcome::Unclear("550 5.7.1 no".into());
    let sent = Outcome::Sent("250 ok".into());
    let mut tracker = reported("");
    let one = tracker.claim(now()).unwrap().unwrap();
    tracker.delivered(&one, &unclear, now()).unwrap();
    assert!(!trouble(&mut tracker) && health(&mut tracker, now()).send_fails.is_none());
    let state = |tracker: &mut Tracker| {
        let rows = tracker.store.read(|tx| tx.notices(one.number)).unwrap();
        (rows[0].state, rows[0].tries)
    };
    assert_eq!(state(&mut tracker), (NoticeState::Waiting, 1));
    // Alone it may be refused as often as it likes.
    let others: Vec<Claim> = std::iter::from_fn(|| tracker.claim(now()).unwrap()).collect();
    assert!(!others.is_empty());
    let again = |tracker: &mut Tracker, at: Timestamp| {
        let claim = tracker.claim(at).unwrap().unwrap();
        assert_eq!(claim.number, one.number);
        tracker.delivered(&claim, &unclear, at).unwrap();
    };
    again(&mut tracker, after(0, 2));
    assert_eq!(state(&mut tracker), (NoticeState::Waiting, 2));
    others.iter().for_each(|claim| drop(tracker.delivered(claim, &sent, after(0, 3)).unwrap()));
    again(&mut tracker, after(0, 20));
    assert_eq!(state(&mut tracker), (NoticeState::Refused, 3));
    let told = tracker.store.read(|tx| tx.notices(0)).unwrap();
    assert!(told.iter().any(|n| n.kind == NoticeKind::Undeliverable));
}

#[test]
fn unclear_refusals_of_different_mails_to_different_people_are_our_own_fault() {
    let unclear = Outcome::Unclear("550 5.7.1 no".into());
    let mut tracker = reported("");
    for minute in [0, 3, 20, 60, 200, 600] {
        try_all(&mut tracker, &unclear, after(0, minute));
        assert!(states(&mut tracker).iter().all(|s| *s == NoticeState::Waiting));
        assert!(trouble(&mut tracker));
    }
    try_all(&mut tracker, &Outcome::Sent("250 ok".into()), after(13, 0));
    assert!(!trouble(&mut tracker) && states(&mut tracker).iter().all(|s| *s == NoticeState::Sent));
}

/// The same mail to two people, such as a report that their filter knows for an exploit, may well be the mail.
#[test]
fn one_mail_to_several_people_is_no_witness_against_us() {
    let mut tracker = reported(PEOPLE);
    let of_report = |c: &Claim| c.kind == NoticeKind::Report;
    let claims: Vec<Claim> = std::iter::from_fn(|| tracker.claim(now()).unwrap()).filter(of_report).collect();
    assert!(claims.len() > 1);
    for claim in &claims {
        tracker.delivered(claim, &Outcome::Unclear("554 5.7.1 spam".into()), now()).unwrap();
    }
    assert!(!trouble(&mut tracker));
}

/// A way that was closed for long opens: what is late by then is replaced by what there is to say.
#[test]
fn what_is_late_is_dropped_with_a_line_and_replaced() {
    let mut tracker = reported(PEOPLE);
    tracker.order(TicketId(1), crate::command::split("/assign ada"), Seat::default(), now()).unwrap();
    let away = Outcome::Away("connection refused".into());
    try_all(&mut tracker, &away, now());
    let dropped = |news: &News| -> Vec<NoticeKind> {
        let kind = |kind: &EntryKind| {
            let EntryKind::Undeliverable { notice: Undelivered::Known(Mailed::Notice(kind)), .. } = kind else {
                return None;
            };
            Some(*kind)
        };
        news.entries.iter().filter_map(|(_, entry)| kind(&entry.kind)).collect()
    };
    let (reminded, _) = tracker.on_tick(after(8, 0)).unwrap();
    assert_eq!(count(&reminded, NoticeKind::Reminder), 1);
    try_all(&mut tracker, &away, after(8, 0));
    let (news, _) = tracker.on_tick(after(24, 0)).unwrap();
    assert_eq!(dropped(&news), [NoticeKind::Acknowledgement]);
    assert!(count(&news, NoticeKind::Undeliverable) > 0, "the team answers in its place");
    // A minute before the deadline the reminder still has something to say.
    let (news, _) = tracker.on_tick(after(47, 59)).unwrap();
    assert_eq!(dropped(&news), []);
    let (news, _) = tracker.on_tick(after(48, 0)).unwrap();
    assert_eq!(dropped(&news), [NoticeKind::Reminder]);
    assert_eq!((count(&news, NoticeKind::Undeliverable), count(&news, NoticeKind::Reminder)), (0, 1));
    let left = try_all(&mut tracker, &Outcome::Sent("250 ok".into()), after(48, 0));
    let kinds: Vec<_> = left.iter().map(|c| (c.kind, c.to.as_str())).collect();
    let reminders: Vec<_> = kinds.iter().filter(|(kind, _)| *kind == NoticeKind::Reminder).collect();
    assert_eq!(reminders, [&(NoticeKind::Reminder, "eve@board.example")], "{kinds:?}");
    assert!(kinds.iter().all(|(kind, _)| *kind != NoticeKind::Acknowledgement));
    // Nobody is said to be out of reach, and the reminder needs nobody's look.
    let health = health(&mut tracker, after(48, 0));
    assert!(health.unreached.is_empty());
    let since = Health::concerns_since(after(48, 0));
    for state in Health::UNDELIVERED {
        let failed = tracker.store.read(|tx| few(|each| tx.each_failed(state, since, None, each))).unwrap();
        assert!(failed.iter().all(|n| n.kind == NoticeKind::Acknowledgement), "{failed:?}");
    }
}

fn count(news: &News, kind: NoticeKind) -> usize {
    news.notices.iter().filter(|p| p.notice.kind() == kind).count()
}
