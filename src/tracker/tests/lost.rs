//! Notices that do not arrive: delivery reports to the envelope sender, and who hears in place of whom.

use super::*;
use crate::vocabulary::Address;

pub(super) const PEOPLE: &str = r#"
[identity]
authserv_ids = ["mx.example.org"]
[[person]]
name = "Lee"
address = "lee@example.org"
roles = ["lead"]
[[person]]
name = "Eve"
address = "eve@board.example"
roles = ["escalation"]
[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "48h"
[[policy.promise.rung]]
at = "-40h"
to = "owner"
[[policy.promise.rung]]
at = "due"
to = "escalation"
"#;

/// A tracker with a report that Ada owns, and time passed to the reminder to her.
fn reminded() -> (Tracker, Timestamp, Claim) {
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = watching(Store::in_memory().unwrap(), project(PEOPLE), key);
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    tracker.order(TicketId(1), crate::command::split("/assign ada"), Seat::default(), now()).unwrap();
    drain(&mut tracker, now());
    let at = tracker.next_wake(false).unwrap().unwrap();
    tracker.on_tick(at).unwrap();
    let mut left = drain(&mut tracker, at);
    assert_eq!(left.iter().map(|c| c.to.as_str()).collect::<Vec<_>>(), ["ada@example.org"]);
    (tracker, at, left.remove(0))
}

/// All that is due leaves.
pub(super) fn drain(tracker: &mut Tracker, now: Timestamp) -> Vec<Claim> {
    let mut left = Vec::new();
    while let Some(claim) = tracker.claim(now).unwrap() {
        tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), now).unwrap();
        left.push(claim);
    }
    left
}

/// A delivery report to the envelope sender of a notice; it names nothing of ours but that address.
pub(super) fn report_on(claim: &Claim, action: &str) -> Arrival {
    let to = claim.envelope.as_ref().unwrap().as_str();
    arrival(&format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.test\r\nTo: <{to}>\r\nSubject: Undelivered Mail\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n{action}.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.test\r\n\r\n\
         Final-Recipient: rfc822; somebody@elsewhere.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    ))
}

fn told(news: &News) -> Vec<(NoticeKind, &str)> {
    news.notices.iter().map(|p| (p.notice.kind(), p.notice.to.as_str())).collect()
}

#[test]
fn a_report_to_the_envelope_sender_says_which_notice_was_lost() {
    let (mut tracker, at, reminder) = reminded();
    let envelope = reminder.envelope.clone().unwrap();
    assert!(envelope.as_str().starts_with("security+") && envelope.local().len() <= 64);
    let news = tracker.on_mail(&[report_on(&reminder, "failed")], at).unwrap();
    assert_eq!(news.receipts[0].1, Disposition::Bounce);
    assert_eq!(news.receipts[0].2, Some(TicketId(1)));
    // The rung was for the owner, and the next on the ladder is the team.
    let expect = [(NoticeKind::Reminder, "lee@example.org"), (NoticeKind::Undeliverable, "eve@board.example")];
    assert_eq!(told(&news), expect);
    let passed = &news.notices[0].words;
    assert!(passed.body.starts_with("SEC-1 | s\n\nPassed on to you, since it did not reach Ada."), "{}", passed.body);
    let entry = &news.entries[0].1;
    assert_eq!((entry.mail, &entry.party), (Some(news.receipts[0].0), &Some(reminder.to.clone())));
    // The same once more tells nobody twice.
    let again = tracker.on_mail(&[report_on(&reminder, "failed (again)")], at).unwrap();
    assert_eq!(told(&again), []);
}

#[test]
fn a_reminder_goes_on_until_all_who_are_responsible_know() {
    let (mut tracker, at, reminder) = reminded();
    tracker.on_mail(&[report_on(&reminder, "failed")], at).unwrap();
    let left = drain(&mut tracker, at);
    let to_lee = left.iter().find(|c| c.kind == NoticeKind::Reminder).unwrap();
    let news = tracker.on_mail(&[report_on(to_lee, "failed")], at).unwrap();
    // Ada is dead to mail, but hears that Lee is: nobody is silenced by a report.
    let expect = [(NoticeKind::Reminder, "eve@board.example"), (NoticeKind::Undeliverable, "ada@example.org")];
    assert_eq!(told(&news), expect);
    let left = drain(&mut tracker, at);
    let to_eve = left.iter().find(|c| c.kind == NoticeKind::Reminder).unwrap();
    let news = tracker.on_mail(&[report_on(to_eve, "failed")], at).unwrap();
    let expect = [(NoticeKind::Undeliverable, "ada@example.org"), (NoticeKind::Undeliverable, "lee@example.org")];
    assert_eq!(told(&news), expect, "nobody is left to be reminded");
}

#[test]
fn a_forged_report_silences_nobody() {
    let (mut tracker, at, reminder) = reminded();
    let before = tracker.store.read(|tx| tx.notices(0)).unwrap();
    tracker.on_mail(&[report_on(&reminder, "failed")], at).unwrap();
    let after = tracker.store.read(|tx| tx.notices(0)).unwrap();
    let state = |all: &[crate::store::NoticeRow]| all.iter().find(|n| n.number == reminder.number).map(|n| n.state);
    assert_eq!(state(&before), state(&after), "nothing is withdrawn");
    drain(&mut tracker, at);
    // Ada gets what comes later: a change, and the next reminder once she is meant by it.
    let order = crate::command::split("/severity high");
    tracker.order(TicketId(1), order, Seat::default(), at).unwrap();
    let later = drain(&mut tracker, at);
    assert!(later.iter().any(|c| c.to.as_str() == "ada@example.org"), "later notices leave");
    // Who has no token is heard by nobody.
    let forged = report_on(&reminder, "failed");
    let raw = String::from_utf8(forged.raw).unwrap();
    let token = reminder.envelope.as_ref().unwrap().local().split_once('+').unwrap().1.to_owned();
    let other: String = token.chars().rev().collect();
    let news = tracker.on_mail(&[arrival(&raw.replace(&token, &other))], at).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Bounce, None));
    assert_eq!(told(&news), []);
}

#[test]
fn repeated_bounces_of_one_address_are_told_once_a_day() {
    let (mut tracker, at, _) = reminded();
    let mut told = Vec::new();
    for n in 0..5 {
        let mail = format!("From: r{n}@example.test\r\nSubject: s{n}\r\n\r\ntext {n}\r\n");
        tracker.on_mail(&[arrival(&mail)], at).unwrap();
        let left = drain(&mut tracker, at);
        let to_ada = left.iter().find(|c| c.kind == NoticeKind::Report && c.to.as_str() == "ada@example.org").unwrap();
        let news = tracker.on_mail(&[report_on(to_ada, "failed")], at).unwrap();
        assert_eq!(news.entries.len(), 1, "the timeline holds each");
        told.push(news.notices.len());
    }
    assert_eq!(told, [2, 0, 0, 0, 0]);
    // What a person wrote to a reporter is told each time: somebody must say it another way.
    for n in 0..2 {
        let orders = crate::command::split(&format!("/reply\nWords {n}."));
        tracker.order(TicketId(1), orders, Seat::default(), at).unwrap();
        let left = drain(&mut tracker, at);
        let reply = left.iter().find(|c| c.kind == NoticeKind::Reply).unwrap();
        assert_eq!(tracker.on_mail(&[report_on(reply, "failed")], at).unwrap().notices.len(), 3);
    }
}

#[test]
fn what_comes_to_the_envelope_sender_is_taken_for_what_it_is() {
    let (mut tracker, at, reminder) = reminded();
    let to = reminder.envelope.clone().unwrap();
    let mut check = |header: &str, expect: (Disposition, Option<u32>), notices: usize| {
        let from = if header.contains("From:") { "" } else { "From: x@example.test\r\n" };
        let mail = format!("{from}To: {}\r\n{header}\r\n\r\nSome words: {header}\r\n", to.as_str());
        let news = tracker.on_mail(&[arrival(&mail)], at).unwrap();
        let (_, disposition, ticket, _) = news.receipts[0];
        assert_eq!((disposition, ticket), (expect.0, expect.1.map(TicketId)), "{header}");
        assert_eq!(news.notices.len(), notices, "{header}");
        news
    };
    // Not delivered yet, or delivered: nothing is lost.
    let delayed = report_on(&reminder, "delayed");
    let relayed = report_on(&reminder, "relayed");
    // A person who writes there reports, with no more authority than anybody: the old ticket is a hint.
    let news = check("Subject: /close", (Disposition::Report, Some(2)), 3);
    let acknowledgement = news.notices.iter().find(|p| p.notice.kind() == NoticeKind::Acknowledgement).unwrap();
    assert!(acknowledgement.notice.held.is_some(), "a person decides whether that is answered");
    assert!(matches!(
        news.entries[0].1.kind,
        crate::ticket::EntryKind::Reported { may_belong_to: Some(TicketId(1)), .. }
    ));
    // The recipient's answering machine is filed with the ticket that it answers.
    let away = format!("From: {}\r\nAuto-Submitted: auto-replied\r\nReturn-Path: <>", reminder.to.as_str());
    check(&away, (Disposition::Automatic, Some(1)), 0);
    check("Content-Type: text/calendar; method=REPLY", (Disposition::Automatic, Some(1)), 0);
    // From nowhere and not from the recipient, in no form that is known: it can only be a report of failure, whatever it
    // says of itself. Each is in the timeline, and told once a day.
    check("Return-Path: <>", (Disposition::Bounce, Some(1)), 2);
    check("Auto-Submitted: auto-replied\r\nReturn-Path: <>", (Disposition::Bounce, Some(1)), 0);
    for mail in [delayed, relayed] {
        let news = tracker.on_mail(&[mail], at).unwrap();
        assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Bounce, Some(TicketId(1))));
        assert_eq!((news.notices.len(), news.entries.len()), (0, 0));
    }
}

#[test]
fn an_older_secret_still_knows_its_bounces() {
    let (mut tracker, at, reminder) = reminded();
    let rotated = Key::new([7; KEY_LENGTH]).rotated([8; KEY_LENGTH], at).unwrap();
    tracker.rekey(rotated.clone(), at).unwrap();
    let news = tracker.on_mail(&[report_on(&reminder, "failed")], at).unwrap();
    assert_eq!(news.receipts[0].2, Some(TicketId(1)));
    tracker.rekey(rotated.without(0).unwrap(), at).unwrap();
    let news = tracker.on_mail(&[report_on(&reminder, "failed (later)")], at).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Bounce, None));
}

/// After a restore the number of a notice may be another one's: the token says whose it was.
#[test]
fn a_report_on_a_notice_that_is_another_one_now_is_only_listed() {
    let (mut tracker, at, mut reminder) = reminded();
    let purpose = crate::token::Purpose::Bounce;
    let (ticket, notice, party) = (reminder.ticket, reminder.number, crate::token::party(&tracker.project.address));
    let token = crate::token::Token { purpose, party, ticket, notice }.sign(&tracker.key);
    reminder.envelope = tracker.project.address.tagged(&token);
    let news = tracker.on_mail(&[report_on(&reminder, "failed")], at).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Bounce, None));
    assert_eq!(news.entries.len(), 0);
    assert!(news.notices.iter().all(|p| p.notice.kind() == NoticeKind::Trouble), "it says that there was a restore");
    assert!(tracker.hold().unwrap().is_some());
}

#[test]
fn many_reminders_in_one_that_did_not_arrive_go_on_each() {
    let (mut tracker, at, _) = reminded();
    let mails: Vec<Arrival> =
        (0..6).map(|n| arrival(&format!("From: r{n}@a{n}.example\r\nSubject: s\r\n\r\ntext {n}\r\n"))).collect();
    tracker.on_mail(&mails, at).unwrap();
    for n in 2..8 {
        tracker.order(TicketId(n), crate::command::split("/assign ada"), Seat::default(), at).unwrap();
    }
    drain(&mut tracker, at);
    let later = at + SignedDuration::from_hours(12);
    tracker.on_tick(later).unwrap();
    let left = drain(&mut tracker, later);
    let many = left.iter().find(|c| c.kind == NoticeKind::Reminder && c.ticket.is_none()).expect("one for many");
    assert_eq!(many.to, Address::parse("ada@example.org").unwrap());
    let news = tracker.on_mail(&[report_on(many, "failed")], later).unwrap();
    let passed: Vec<_> = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Reminder).collect();
    assert_eq!(passed.len(), 1, "six are one mail again");
    assert_eq!(passed[0].notice.to.as_str(), "lee@example.org");
    assert_eq!(news.entries.len(), 6, "each timeline says so");
}
