//! Trouble stands until the event that ends it, and needs a person as long as it does.

use super::signed::{pass, signed, unverified, with_ticket};
use super::*;
use crate::health::Health;

/// The kinds that stand, each with whether a notice tells of it. One that stands needs a person.
fn standing(tracker: &mut Tracker, at: Timestamp) -> Vec<(TroubleKind, bool)> {
    let health = tracker.store.read(|tx| Health::read(tx, &tracker.project, at)).unwrap();
    assert!(health.troubles.is_empty() || health.needs_person());
    health.troubles.iter().map(|t| (t.kind, t.notice.is_some())).collect()
}

fn minutes(n: i64) -> Timestamp {
    now() + SignedDuration::from_mins(n)
}

#[test]
fn trouble_with_the_inbox_is_over_when_it_was_read_to_its_end() {
    for trouble in
        [Trouble::Inbox { since: now() }, Trouble::Login("no such user".into()), Trouble::Odd("no such mail".into())]
    {
        let mut tracker = tracker();
        tracker.trouble(&trouble, now()).unwrap();
        tracker.on_tick(minutes(1)).unwrap();
        assert_eq!(standing(&mut tracker, minutes(1)), [(trouble.kind(), true)]);
        // A look that could not have all that is listed ends what kept the inbox from being read, and nothing else.
        tracker.scanned("f", None, minutes(2)).unwrap();
        let odd = trouble.kind() == TroubleKind::Odd;
        assert_eq!(standing(&mut tracker, minutes(2)).len(), usize::from(odd), "{trouble:?}");
        tracker.scanned("f", Some(minutes(3)), minutes(3)).unwrap();
        assert_eq!(standing(&mut tracker, minutes(3)), []);
    }
}

#[test]
fn trouble_stands_since_it_was_raised_first_and_names_the_last_notice() {
    let mut tracker = tracker();
    let mut raise = |at: Timestamp| {
        tracker.trouble(&Trouble::Login("no such user".into()), at).unwrap();
        let found = tracker.store.read(|tx| tx.trouble(TroubleKind::Login)).unwrap().unwrap();
        (found.since, found.notice.unwrap())
    };
    let (since, first) = raise(now());
    assert_eq!(since, now());
    assert_eq!(raise(minutes(15)), (now(), first), "told once a day");
    let (since, second) = raise(minutes(24 * 60));
    assert!(since == now() && second > first);
    // It is over, and comes back on the same day: nobody is told once more, and it stands all the same.
    let at = minutes(25 * 60);
    tracker.scanned("f", Some(at), at).unwrap();
    tracker.trouble(&Trouble::Login("no such user".into()), at).unwrap();
    assert_eq!(standing(&mut tracker, at), [(TroubleKind::Login, false)]);
}

/// H2: each of these was forgotten as soon as the inbox was read once more.
#[test]
fn a_look_into_the_inbox_ends_no_other_trouble() {
    let ticket = TicketId(1);
    let mut tracker = tracker();
    for trouble in [Trouble::Key, Trouble::Dns, Trouble::Breaker, Trouble::Timeline { ticket, why: "torn".into() }] {
        tracker.trouble(&trouble, now()).unwrap();
    }
    tracker.scanned("f", Some(minutes(1)), minutes(1)).unwrap();
    let all = [TroubleKind::Key, TroubleKind::Dns, TroubleKind::Breaker, TroubleKind::Timeline(ticket)];
    assert_eq!(standing(&mut tracker, minutes(1)), all.map(|kind| (kind, true)));
    tracker.release().unwrap();
    assert_eq!(standing(&mut tracker, minutes(1)).len(), 3);
}

#[test]
fn a_lost_secret_is_missed_until_it_is_back_or_a_person_changes_the_key() {
    let one = Key::new([7; KEY_LENGTH]);
    let both = one.rotated([8; KEY_LENGTH], now()).unwrap();
    let other = one.rotated([9; KEY_LENGTH], now()).unwrap();
    let is_missed = |tracker: &mut Tracker| standing(tracker, now()) == [(TroubleKind::Key, true)];
    let notices = |tracker: &mut Tracker| tracker.store.read(|tx| tx.notices(0)).unwrap().len();
    let mut tracker = tracker();
    tracker.rekey(both.clone(), now()).unwrap();
    assert!(!is_missed(&mut tracker), "one more is a rotation");
    tracker.rekey(one.clone(), now()).unwrap();
    assert!(is_missed(&mut tracker));
    // However often the key is read, and whatever else is in it.
    tracker.rekey(one.clone(), minutes(24 * 60)).unwrap();
    tracker.rekey(other, minutes(24 * 60)).unwrap();
    assert!(is_missed(&mut tracker));
    assert_eq!(notices(&mut tracker), 1, "told once");
    tracker.store.write(|tx| Tracker::accept_key(tx, &one)).unwrap();
    assert_eq!(standing(&mut tracker, now()), []);
    tracker.rekey(one.clone(), now()).unwrap();
    assert_eq!(standing(&mut tracker, now()), [], "accepted for good");
    // The other way out: the file is restored.
    tracker.rekey(both.clone(), now()).unwrap();
    tracker.rekey(one, minutes(48 * 60)).unwrap();
    assert!(is_missed(&mut tracker));
    tracker.rekey(both, minutes(48 * 60)).unwrap();
    assert_eq!(standing(&mut tracker, now()), []);
}

/// A tracker whose person's command waits for a key that cannot be had, so long that it was told, and when that is.
fn without_answers() -> (Tracker, Timestamp) {
    let (mut tracker, token) = with_ticket("");
    tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    let mut at = now();
    while standing(&mut tracker, at).is_empty() {
        let (mail, _) = tracker.next_question(at).unwrap().1.unwrap();
        tracker.verified(mail, Dkim::Temporary("no answer".into()), at).unwrap();
        at += SignedDuration::from_hours(1);
    }
    assert_eq!(standing(&mut tracker, at), [(TroubleKind::Dns, true)]);
    (tracker, at)
}

#[test]
fn name_servers_are_in_trouble_until_one_answers_or_nothing_waits() {
    for answer in [pass(), Dkim::Fail("not published".into())] {
        let (mut tracker, at) = without_answers();
        let (mail, _) = tracker.next_question(at).unwrap().1.unwrap();
        tracker.verified(mail, answer, at).unwrap();
        assert_eq!(standing(&mut tracker, at), []);
    }
    let (mut tracker, mut at) = without_answers();
    while unverified(&mut tracker) > 0 {
        assert_eq!(standing(&mut tracker, at).len(), 1);
        let (mail, _) = tracker.next_question(at).unwrap().1.unwrap();
        tracker.verified(mail, Dkim::Temporary("no answer".into()), at).unwrap();
        at += SignedDuration::from_hours(1);
    }
    assert_eq!(standing(&mut tracker, at), []);
}

#[test]
fn a_timeline_is_in_trouble_until_that_ticket_is_read_again() {
    let (folder, mut tracker) = on_disk("UPDATE entry SET kind = 'x' || kind WHERE ticket IN (1, 2)");
    let mend = |ticket: u32| {
        tamper(&folder, &format!("UPDATE entry SET kind = substr(kind, 2) WHERE kind LIKE 'x%' AND ticket = {ticket}"));
    };
    let [first, second] = [1, 2].map(|n| TroubleKind::Timeline(TicketId(n)));
    let mut at = minutes(47 * 60);
    tracker.on_tick(at).unwrap();
    // One notice tells of all timelines of a day: the first of them.
    assert_eq!(standing(&mut tracker, at), [(first, true), (second, false)]);
    mend(2);
    at += SignedDuration::from_hours(2);
    tracker.on_tick(at).unwrap();
    assert_eq!(standing(&mut tracker, at), [(first, true)]);
    mend(1);
    tracker.order(TicketId(1), crate::command::split("/ack"), Seat::default(), at).unwrap();
    assert_eq!(standing(&mut tracker, at), []);
}

/// What cannot be delivered about a ticket that cannot be read is settled like any other: else nothing else would be.
#[test]
fn a_reminder_about_what_cannot_be_read_is_settled() {
    let (folder, mut tracker) = on_disk("SELECT 1");
    let at = minutes(47 * 60);
    tracker.on_tick(at).unwrap();
    tamper(&folder, "UPDATE entry SET kind = 'x' || kind");
    let mut reminders = 0;
    while let Some(claim) = tracker.claim(at).unwrap() {
        let lost = claim.kind == NoticeKind::Reminder;
        reminders += u32::from(lost);
        let outcome = if lost { Outcome::Refused("550 5.1.1 no".into()) } else { Outcome::Sent("250 ok".into()) };
        tracker.delivered(&claim, &outcome, at).unwrap();
    }
    assert!(reminders > 0);
}

/// What is known of whom a notice goes to cannot be read.
fn unreadable(number: u32) -> String {
    format!(
        "INSERT INTO meta (key, value) SELECT 'unreached:' || recipient, CAST(x'ff' AS TEXT) FROM outbox WHERE id = {number};"
    )
}

/// One at which the program ended too often is put aside, also where nothing of that can be recorded: the others leave.
#[test]
fn one_that_cannot_be_put_aside_keeps_no_other() {
    let (folder, mut tracker) = on_disk("SELECT 1");
    let notices = |tracker: &mut Tracker| tracker.store.read(|tx| tx.notices(0)).unwrap();
    let all = notices(&mut tracker);
    let ours = all.iter().find(|n| n.kind == NoticeKind::Report).unwrap().number;
    tamper(&folder, &format!("{} UPDATE outbox SET begun = 100 WHERE id = {ours}", unreadable(ours)));
    let mut left = 0;
    while let (_, Some(claim)) = tracker.pick(now(), &[]).unwrap() {
        assert!(claim.number != ours && tracker.offer(&claim, now()).unwrap().is_some());
        tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), now()).unwrap();
        left += 1;
    }
    assert_eq!(left, all.len() - 1);
    let aside = notices(&mut tracker).into_iter().find(|n| n.number == ours).unwrap();
    assert!(aside.state == NoticeState::Refused && aside.reply.unwrap().contains("what follows cannot be recorded"));
}

/// What follows from the loss of one notice cannot be recorded: the others are settled all the same, and it says so itself.
#[test]
fn one_that_cannot_be_settled_keeps_no_other() {
    let (folder, mut tracker) = on_disk("SELECT 1");
    let mut claims = Vec::new();
    while let Some(claim) = tracker.pick(now(), &claims.iter().map(|c: &Claim| c.number).collect::<Vec<_>>()).unwrap().1
    {
        assert!(tracker.offer(&claim, now()).unwrap().is_some());
        claims.push(claim);
    }
    let is_ours = |claim: &&Claim| claim.kind == NoticeKind::Report;
    let (ours, ready) = (claims.iter().find(is_ours).unwrap(), claims.last().unwrap());
    assert!(claims.len() > 2 && !is_ours(&ready));
    tamper(&folder, &unreadable(ours.number));
    let (refused, sent) = (Outcome::Refused("550 5.1.1 no".into()), Outcome::Sent("250 ok".into()));
    let ended = claims.iter().map(|claim| (claim, if claim.number == ours.number { &refused } else { &sent }));
    let ended: Vec<_> = ended.filter(|(claim, _)| claim.number != ready.number).collect();
    tracker.turn(&Turn { ended: &ended, ..Turn::default() }, now()).unwrap();
    let notices = tracker.store.read(|tx| tx.notices(0)).unwrap();
    let of = |claim: &Claim| notices.iter().find(|n| n.number == claim.number).unwrap();
    assert_eq!(of(ours).state, NoticeState::Refused);
    let said = of(ours).reply.clone().unwrap_or_default();
    assert!(said.starts_with("550 5.1.1 no; what follows cannot be recorded: "), "{said}");
    assert!(ended.iter().all(|(claim, outcome)| *outcome == &refused || of(claim).state == NoticeState::Sent));
    assert_eq!(of(ready).state, NoticeState::Sending);
    tracker.doubt(now(), &[]).unwrap();
}

/// Nor may what is kept of it later: that a server took it is known all the same.
#[test]
fn one_that_cannot_be_packed_is_settled_as_it_is() {
    let (folder, mut tracker) = on_disk("SELECT 1");
    let claim = tracker.claim(now()).unwrap().unwrap();
    tamper(&folder, &format!("UPDATE outbox SET message_id = CAST(x'ff' AS TEXT) WHERE id = {}", claim.number));
    tamper(&folder, "INSERT OR REPLACE INTO meta (key, value) VALUES ('last_send', CAST(x'ff' AS TEXT))");
    tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), now()).unwrap();
    assert!(tracker.store.read(|tx| tx.interrupted()).unwrap().is_empty());
    assert_ne!(tracker.claim(now()).unwrap().map(|c| c.number), Some(claim.number), "it is not sent again");
}

/// One that waits and cannot be read takes no leave from those that can.
#[test]
fn one_that_cannot_be_picked_keeps_none_at_its_dot() {
    let (folder, mut tracker) = on_disk("SELECT 1");
    let (first, second) = (pick(&mut tracker, &[]), pick(&mut tracker, &[1]));
    tamper(
        &folder,
        &format!("UPDATE outbox SET kind = 'letter' WHERE id NOT IN ({}, {})", first.number, second.number),
    );
    assert!(tracker.offer(&first, now()).unwrap().is_some());
    let sent = Outcome::Sent("250 ok".into());
    let turn = Turn { ended: &[(&first, &sent)], ready: &[&second], hand: &[second.number], room: 3 };
    let done = tracker.turn(&turn, now()).unwrap();
    assert!(matches!(&done.leaves[..], [Some(_)]) && done.picked.is_empty());
    assert_eq!(tracker.store.read(|tx| tx.interrupted()).unwrap(), [second.number]);
    tracker.pick(now(), &[second.number]).unwrap_err();
}

fn pick(tracker: &mut Tracker, hand: &[u32]) -> Claim {
    tracker.pick(now(), hand).unwrap().1.unwrap()
}

#[test]
fn what_the_breaker_holds_needs_a_person_until_it_is_released() {
    let mut tracker = tracker();
    tracker.reload(project("[limits]\nbreaker_per_hour = 1\n"), None, now()).unwrap();
    let mail = |n: u8| arrival(&format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext\r\n"));
    tracker.on_mail(&[mail(1), mail(2)], now()).unwrap();
    tracker.scanned("f", Some(minutes(1)), minutes(1)).unwrap();
    assert_eq!(standing(&mut tracker, minutes(1)), [(TroubleKind::Breaker, true)]);
    assert_eq!(tracker.store.read(|tx| tx.breaker()).unwrap(), Some(now()));
    assert!(tracker.release().unwrap().is_some());
    assert_eq!(standing(&mut tracker, minutes(1)), []);
}
