//! What shows that the database is older than what has left, and what follows.

use super::lost::drain;
use super::*;
use crate::store::Mark;
use crate::token::{self, Purpose, Token};
use crate::vocabulary::Address;

const KEY: [u8; KEY_LENGTH] = [7; KEY_LENGTH];

fn report(n: u32) -> Arrival {
    arrival(&format!("From: r{n}@example.test\r\nMessage-ID: <{n}@r>\r\nSubject: Hole {n}\r\n\r\ntext {n}\r\n"))
}

/// A mail that bears a token.
fn bears(token: Token, n: u32) -> Arrival {
    let to = format!("security+{}@example.org", token.sign(&Key::new(KEY)));
    arrival(&format!("From: x@example.test\r\nTo: {to}\r\nMessage-ID: <b{n}@x>\r\nSubject: Re: s\r\n\r\nmore {n}\r\n"))
}

fn token(to: &str, ticket: u32, notice: u32) -> Token {
    let party = token::party(&Address::parse(to).unwrap());
    Token { purpose: Purpose::Reporter, party, ticket: Some(TicketId(ticket)), notice }
}

/// A tracker with two reports, of which all that was made has left.
fn working() -> Tracker {
    let mut tracker = tracker();
    tracker.on_mail(&[report(1), report(2)], now()).unwrap();
    drain(&mut tracker, now());
    tracker
}

fn holds(tracker: &mut Tracker) -> bool {
    tracker.hold().unwrap().is_some()
}

fn tickets(tracker: &mut Tracker) -> Vec<u32> {
    tracker.store.read(|tx| tx.tickets(true)).unwrap().iter().map(|t| t.id.0).collect()
}

/// In hold all is taken in, and one notice leaves: that it holds, to the leads.
#[test]
fn in_hold_nothing_leaves_but_that_it_holds() {
    let mut tracker = working();
    tracker.on_mail(&[report(3)], now()).unwrap();
    let own = tracker.store.read(|tx| tx.mark()).unwrap();
    Tracker::compare(&mut tracker.store, FoundMark::At(Mark { notice: own.notice + 1, ..own }), now()).unwrap();
    tracker.tell_hold(now()).unwrap();
    tracker.on_mail(&[report(4)], now()).unwrap();
    tracker.on_tick(now() + SignedDuration::from_hours(100)).unwrap();
    assert_eq!(tickets(&mut tracker).len(), 4, "taken in");
    let left = drain(&mut tracker, now() + SignedDuration::from_hours(100));
    let leads = tracker.project.audience(crate::policy::Audience::Lead, None).len();
    assert!(left.len() == leads && left.iter().all(|c| c.kind == NoticeKind::Trouble), "{left:?}");
    assert!(tracker.next_wake(true).unwrap().is_none_or(|at| at > now()), "and it does not spin");
    // Not another one each day, nor at each start.
    Tracker::compare(&mut tracker.store, FoundMark::Unreadable, now()).unwrap();
    tracker.tell_hold(now() + SignedDuration::from_hours(200)).unwrap();
    assert_eq!(drain(&mut tracker, now() + SignedDuration::from_hours(200)).len(), 0);
    // What a person ends goes on, and what was dropped does not leave.
    let waits = tracker.store.read(|tx| tx.notices(0)).unwrap();
    let waits: Vec<u32> = waits.iter().filter(|n| n.state == NoticeState::Waiting).map(|n| n.number).collect();
    assert_eq!(tracker.end_hold(&[waits[0], 1]).unwrap(), [1], "what has left cannot be dropped");
    assert!(holds(&mut tracker), "and then nothing is changed");
    assert_eq!(tracker.store.read(|tx| tx.notices(waits[0])).unwrap()[0].state, NoticeState::Waiting);
    assert!(tracker.end_hold(&waits[..1]).unwrap().is_empty() && !holds(&mut tracker));
    let left: Vec<u32> =
        drain(&mut tracker, now() + SignedDuration::from_hours(100)).iter().map(|c| c.number).collect();
    assert!(!left.is_empty() && left.iter().all(|n| waits[1..].contains(n)), "{left:?} of {waits:?}");
}

/// The mark against the database: what it says of offered notices and of tickets, and that it is there.
#[test]
fn the_mark_is_compared_with_what_was_offered() {
    let own = working().store.read(|tx| tx.mark()).unwrap();
    assert!(own.ticket == 2 && own.notice > 0);
    let check = |found: FoundMark, marked: bool, expect: bool| {
        let mut tracker = working();
        // A number that was given and never offered is no part of it.
        tracker.trouble(&Trouble::Dns, now()).unwrap();
        let mark = tracker.mark().unwrap().unwrap();
        assert_eq!(mark.notice, own.notice);
        if marked {
            tracker.note_marked().unwrap();
        }
        Tracker::compare(&mut tracker.store, found, now()).unwrap();
        assert_eq!(holds(&mut tracker), expect, "{found:?}, {marked}");
        assert_eq!(tracker.mark().unwrap().is_none(), expect, "in hold the file stays as it was found");
    };
    for (notice, ticket, above) in [(0, 0, false), (0, -1, false), (-1, 1, true), (1, -1, true), (1, 0, true)] {
        let at = |n: u32, by: i32| n.checked_add_signed(by).unwrap();
        let mark = Mark { notice: at(own.notice, notice), ticket: at(own.ticket, ticket) };
        check(FoundMark::At(mark), true, above);
    }
    check(FoundMark::None, false, false);
    check(FoundMark::None, true, true);
    check(FoundMark::Unreadable, false, true);
}

/// No number of what was lost is given again: not of a ticket, and not of a notice.
#[test]
fn both_numbers_are_raised_before_anything_is_taken_in() {
    let mut tracker = working();
    let mark = Mark { notice: 70, ticket: 9 };
    Tracker::compare(&mut tracker.store, FoundMark::At(mark), now()).unwrap();
    tracker.tell_hold(now()).unwrap();
    let news = tracker.on_mail(&[report(3)], now()).unwrap();
    let told = tracker.store.read(|tx| tx.notices(71)).unwrap();
    assert!(tickets(&mut tracker)[2] > 9 && news.notices.iter().all(|p| p.number > 70));
    assert!(told.iter().any(|n| n.kind == NoticeKind::Trouble));
    // The same mark at the next start raises nothing.
    let next = tracker.store.read(|tx| tx.next_ticket()).unwrap();
    Tracker::compare(&mut tracker.store, FoundMark::At(mark), now()).unwrap();
    assert_eq!(tracker.store.read(|tx| tx.next_ticket()).unwrap(), next);

    // A mail with a token: also what comes before it in the same look is numbered apart.
    let mut tracker = working();
    tracker.on_mail(&[report(3), bears(token("x@example.test", 30, 500), 1)], now()).unwrap();
    assert!(holds(&mut tracker));
    assert!(tickets(&mut tracker)[2..].iter().all(|n| *n > 30), "{:?}", tickets(&mut tracker));
    let numbers = tracker.store.read(|tx| tx.notices(0)).unwrap();
    assert!(numbers.iter().filter(|n| n.state == NoticeState::Waiting).all(|n| n.number > 500));
}

#[test]
fn a_token_of_what_the_database_does_not_know_means_hold() {
    let ack = |tracker: &mut Tracker| {
        let all = tracker.store.read(|tx| tx.notices(0)).unwrap();
        all.iter().find(|n| n.kind == NoticeKind::Acknowledgement && n.ticket == Some(TicketId(1))).unwrap().number
    };
    let number = ack(&mut working());
    let check = |token: Token, expect: bool| {
        let mut tracker = working();
        tracker.on_mail(&[bears(token, 1)], now()).unwrap();
        assert_eq!(holds(&mut tracker), expect, "{token:?}");
    };
    let known = token("r1@example.test", 1, number);
    check(known, false);
    check(Token { notice: 500, ..known }, true);
    check(Token { ticket: Some(TicketId(2)), ..known }, true);
    check(token("r2@example.test", 1, number), true);
    for purpose in [Purpose::Person, Purpose::Bounce] {
        check(Token { purpose, notice: 500, ..known }, true);
    }
    // The mails by which servers are tried out, of now and of an older disclosed.
    check(Token { purpose: Purpose::Check, notice: 500, ..known }, false);
    check(Token { notice: token::CHECKS + 7, ..known }, false);
    // What was erased is not another one.
    let mut tracker = working();
    tracker.order(TicketId(1), crate::command::split("/spam"), Seat::default(), now()).unwrap();
    drain(&mut tracker, now());
    let later = now() + SignedDuration::from_hours(24 * 400);
    let erased = tracker.erase(TicketId(1), Seat::default(), later).unwrap();
    assert!(matches!(erased, Some(Erasure::Done { .. })), "{erased:?}");
    assert!(tracker.store.read(|tx| tx.addressed(number)).unwrap().unwrap().0.is_none(), "it is erased");
    tracker.on_mail(&[bears(known, 1)], later).unwrap();
    assert!(!holds(&mut tracker));
}

/// What was lost goes on to be answered; that is known once a person has looked, and is no news.
#[test]
fn what_was_lost_means_hold_once_and_opens_nothing() {
    let mut tracker = working();
    let number = tracker.store.read(|tx| tx.mark()).unwrap().notice;
    // Restored with its mark: the same number was given to another ticket's mail.
    let lost = token("x@example.test", 2, number);
    tracker.on_mail(&[bears(Token { ticket: Some(TicketId(1)), ..lost }, 1)], now()).unwrap();
    assert!(holds(&mut tracker));
    tracker.end_hold(&[]).unwrap();
    for (n, token) in [(2, lost), (3, Token { notice: number + 5, ..lost }), (4, Token { notice: 3_000, ..lost })] {
        tracker.on_mail(&[bears(token, n)], now()).unwrap();
        assert!(!holds(&mut tracker), "{token:?}");
    }
    // A token that was made for another ticket of that number joins nothing.
    let receipts = tracker.store.read(|tx| tx.receipts()).unwrap();
    let of = |n: u32| {
        receipts.iter().find(|r| r.message_id.as_deref() == Some(&format!("b{n}@x"))).unwrap().ticket.unwrap().0
    };
    assert!(of(1) > 2 && of(2) > 2, "{} {}", of(1), of(2));
    // Further ahead than the numbers were raised is another restore, or another daemon.
    tracker.on_mail(&[bears(Token { notice: 1_000_000, ..lost }, 5)], now()).unwrap();
    assert!(holds(&mut tracker));
}
