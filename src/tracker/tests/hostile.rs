//! Floods, loops and forgeries, whatever the headers say: each ends bounded, and joins, hides and shows nothing.

use super::lost::drain;
use super::*;
use crate::command;
use crate::ticket::{Actor, EntryKind, Status};
use crate::vocabulary::NoticeKind;

pub(super) const VOUCH: &str = "[identity]\nauthserv_ids = [\"mx.example.org\"]\n";

fn with(config: &str) -> Tracker {
    let key = Key::new([7; KEY_LENGTH]);
    watching(Store::in_memory().unwrap(), project(config), key)
}

fn report(n: usize) -> Arrival {
    arrival(&format!(
        "From: r{n}@d{n}.example\r\nMessage-ID: <{n}@d{n}.example>\r\nSubject: Hole {n}\r\n\r\nHole {n}.\r\n"
    ))
}

fn tickets(tracker: &mut Tracker) -> usize {
    tracker.store.read(|tx| tx.tickets(true)).unwrap().len()
}

#[test]
fn a_mail_bomb_makes_sixty_tickets_and_one() {
    let mut tracker = with("");
    let mut notices = 0;
    let mut receipts = 0;
    for batch in 0..100 {
        let mails: Vec<Arrival> = (0..100).map(|n| report(batch * 100 + n)).collect();
        let news = tracker.on_mail(&mails, now() + SignedDuration::from_secs(batch as i64)).unwrap();
        notices += news.notices.len();
        receipts += news.receipts.iter().filter(|r| r.1 == Disposition::Report && r.2.is_some()).count();
    }
    assert_eq!((tickets(&mut tracker), receipts), (61, 10_000));
    assert!(notices <= 60 * 2 + 4, "{notices} notices");
    let entries = tracker.store.read(|tx| tx.entries(TicketId(61))).unwrap();
    let members: Vec<_> = entries.iter().filter(|e| e.kind == EntryKind::Member).collect();
    assert_eq!(members.len(), 10_000 - 60);
    let last = members.last().unwrap();
    assert_eq!(last.party.as_ref().unwrap().as_str(), "r9999@d9999.example");
    assert_eq!(last.text.as_deref(), Some("Hole 9999"));
    let raw = tracker.store.read(|tx| tx.raw(last.mail.unwrap())).unwrap();
    assert_eq!(raw, report(9999).raw, "each has its mail");
    // It is announced like any promise, and a rebuild makes the same of it.
    let before = tracker.store.read(|tx| tx.projections()).unwrap();
    tracker.rebuild(|_| ()).unwrap();
    assert_eq!(tracker.store.read(|tx| tx.projections()).unwrap(), before);
    let ticket = tracker.store.read(|tx| tx.ticket(TicketId(61))).unwrap().unwrap();
    assert_eq!((ticket.status, ticket.reporter.is_none(), ticket.held), (Status::Received, true, false));
    assert!(crate::ticket::clock::next_deadline(&ticket, &tracker.project.policy, now()).is_some());
}

#[test]
fn many_at_once_are_told_once_an_hour_and_wait_for_a_person() {
    let mut tracker = with("[limits]\nreports_per_hour = 2\n");
    let told = |news: &News| news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Flood).count();
    let minutes = |m| now() + SignedDuration::from_mins(m);
    tracker.on_mail(&[report(1), report(2)], now()).unwrap();
    let news = tracker.on_mail(&[report(3)], now()).unwrap();
    assert_eq!((told(&news), news.notices.len(), news.receipts[0].2), (1, 1, Some(TicketId(3))));
    assert_eq!(news.receipts[0].3, "one of many at once");
    assert_eq!(told(&tracker.on_mail(&[report(4)], minutes(10)).unwrap()), 0);
    let automatic = "From: l@l.example\r\nList-Id: <l.example>\r\nSubject: News\r\n\r\nNews.\r\n";
    let news = tracker.on_mail(&[arrival(automatic)], minutes(20)).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Automatic, Some(TicketId(3))));
    // The limit is of the last hour: later reports have tickets of their own again.
    assert_eq!(tracker.on_mail(&[report(5)], minutes(61)).unwrap().receipts[0].2, Some(TicketId(4)));
    tracker.on_mail(&[report(6)], minutes(61)).unwrap();
    let news = tracker.on_mail(&[report(7)], minutes(62)).unwrap();
    assert_eq!((told(&news), news.receipts[0].2), (1, Some(TicketId(3))), "it still waits for a person, and gathers");
    // What a person has dealt with swallows nothing more.
    tracker.order(TicketId(3), crate::command::split("/spam"), Seat::default(), minutes(63)).unwrap();
    let news = tracker.on_mail(&[report(8)], minutes(64)).unwrap();
    assert_eq!((told(&news), news.receipts[0].2), (1, Some(TicketId(6))));
    // What a person hands over is not a flood.
    let handed = Arrival { place: None, ..report(9) };
    assert_eq!(tracker.on_mail(&[handed], minutes(64)).unwrap().receipts[0].2, Some(TicketId(7)));
    // A second copy of a member is one.
    let copy = [b"Received: from elsewhere; x\r\n", &report(7).raw[..]].concat();
    let copy = Arrival { size: copy.len() as u64, raw: copy, ..report(7) };
    let news = tracker.on_mail(&[copy], minutes(65)).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Duplicate, Some(TicketId(3))));
}

#[test]
fn what_has_waited_for_the_daemon_is_no_flood() {
    let mut tracker = with("[limits]\nreports_per_hour = 2\n");
    let hours = |h| now() - SignedDuration::from_hours(h);
    let mails: Vec<Arrival> = (1..7)
        .map(|n| Arrival { internal_date: Some(hours(n as i64 / 2)), not_before: Some(hours(9)), ..report(n) })
        .collect();
    let news = tracker.on_mail(&mails, now()).unwrap();
    assert!(news.receipts.iter().all(|r| r.3 == "a new report"), "{:?}", news.receipts);
    assert_eq!(tickets(&mut tracker), 6);
}

#[test]
fn mail_for_one_ticket_is_told_ten_times_an_hour() {
    let mut tracker = with("");
    tracker.on_mail(&[report(1)], now()).unwrap();
    let left = drain(&mut tracker, now());
    let address = reply_to(&left.iter().find(|c| c.kind == NoticeKind::Acknowledgement).unwrap().bytes);
    let mut kinds = Vec::new();
    for n in 0..30 {
        let mail = format!("From: r1@d1.example\r\nTo: {address}\r\nSubject: More\r\n\r\nMore {n}.\r\n");
        let news = tracker.on_mail(&[arrival(&mail)], now()).unwrap();
        assert_eq!(news.receipts[0].2, Some(TicketId(1)), "all of it is filed");
        kinds.extend(news.notices.iter().map(|p| p.notice.kind()));
    }
    let count = |kind| kinds.iter().filter(|k| **k == kind).count();
    assert_eq!((count(NoticeKind::FollowUp), count(NoticeKind::Flood), kinds.len()), (10, 1, 11));
    // Another ticket is told of as ever.
    let news = tracker.on_mail(&[report(2)], now()).unwrap();
    assert!(news.notices.iter().any(|p| p.notice.kind() == NoticeKind::Report));
}

#[test]
fn the_breaker_holds_what_nobody_asked_for_until_a_person_releases_it() {
    let mut tracker = with("[limits]\nbreaker_per_hour = 2\n");
    tracker.on_mail(&[report(1)], now()).unwrap();
    assert_eq!(drain(&mut tracker, now()).len(), 2);
    assert_eq!(tracker.release().unwrap(), None);
    let news = tracker.on_mail(&[report(2), report(3)], now()).unwrap();
    let trouble = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Trouble).count();
    assert_eq!((news.notices.len(), trouble), (5, 1), "two for each, and the word about it once");
    let left = drain(&mut tracker, now());
    assert_eq!(left.iter().map(|c| c.kind).collect::<Vec<_>>(), [NoticeKind::Trouble]);
    // Reminders pass; the loop is not kept awake by what is held.
    let (news, _) = tracker.on_tick(now() + SignedDuration::from_hours(47)).unwrap();
    let reminders = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Reminder).count();
    assert!(reminders > 0);
    let later = now() + SignedDuration::from_hours(47);
    assert_eq!(drain(&mut tracker, later).len(), reminders);
    assert!(tracker.next_wake(true).unwrap().is_none_or(|at| at > later));
    assert_eq!(tracker.release().unwrap(), Some(4));
    assert_eq!(drain(&mut tracker, later).len(), 4);
    // It does not fall again over what was released.
    let news = tracker.on_mail(&[report(4)], later).unwrap();
    assert!(news.notices.iter().all(|p| p.notice.kind() != NoticeKind::Trouble));
    assert_eq!(drain(&mut tracker, later).len(), 2);
}

/// The address that an answer to a notice goes to.
fn reply_to(notice: &[u8]) -> String {
    field(notice, "Reply-To: ")
}

fn field(notice: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(notice).replace("\r\n ", " ");
    text.lines().find_map(|l| l.strip_prefix(name)).unwrap().to_owned()
}

#[test]
fn two_daemons_that_answer_one_another_fall_silent() {
    let config = |own: &str| {
        format!(
            "[project]\nname = \"P\"\naddress = \"security@{own}\"\n[inbox]\nmaildir = \"in\"\n\
         [outgoing]\nmaildir = \"out\"\n[[person]]\nname = \"Ada\"\naddress = \"ada@{own}\"\n"
        )
    };
    let make = |own: &str, key: u8| {
        let config = Config::parse(&config(own), std::path::Path::new("config.toml")).unwrap();
        let key = Key::new([key; KEY_LENGTH]);
        let mut tracker = watching(Store::in_memory().unwrap(), config.project(), key);
        tracker.unseen("folder", &[]).unwrap();
        tracker
    };
    let mut one = make("one.example", 1);
    let mut other = make("other.example", 2);
    // A report in the name of the other's desk begins it.
    let begin = "From: security@other.example\r\nMessage-ID: <1@x.example>\r\nSubject: Hole\r\n\r\nHole.\r\n";
    one.on_mail(&[arrival(begin)], now()).unwrap();
    let mut carried = 0;
    for round in 0..50 {
        let at = now() + SignedDuration::from_mins(round);
        let (from, to) = if round % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        for claim in drain(from, at).into_iter().filter(|c| c.to.local() == "security") {
            carried += 1;
            to.on_mail(&[arrival(&String::from_utf8(claim.bytes).unwrap())], at).unwrap();
        }
    }
    assert_eq!(carried, 1, "the acknowledgement of the first, and nothing after it");
    assert_eq!((tickets(&mut one), tickets(&mut other)), (1, 1));
}

/// An echo answers each mail to `who` with its text and no header that tells; it goes on for a day.
fn echo(who: &str, answers_to: impl Fn(&[u8]) -> String) -> (Tracker, usize) {
    let mut tracker = with("");
    tracker.on_mail(&[arrival(&format!("From: {who}\r\nSubject: s\r\n\r\ntext\r\n"))], now()).unwrap();
    let mut mails = 0;
    for minute in 0..24 * 60 {
        let at = now() + SignedDuration::from_mins(minute);
        for claim in drain(&mut tracker, at).into_iter().filter(|c| c.to.as_str() == who) {
            mails += 1;
            let text = String::from_utf8_lossy(&claim.bytes).split_once("\r\n\r\n").unwrap().1.to_owned();
            let to = answers_to(&claim.bytes);
            let mail =
                format!("From: {who}\r\nTo: {to}\r\nMessage-ID: <{mails}@e.example>\r\nSubject: {mails}\r\n\r\n{text}");
            tracker.on_mail(&[arrival(&mail)], at).unwrap();
        }
    }
    (tracker, mails)
}

#[test]
fn an_echo_without_headers_ends_bounded() {
    // To the project's address each echo is a new report: the caps of the acknowledgements end it.
    let (mut tracker, mails) = echo("echo@e.example", |_| "security@example.org".into());
    assert_eq!((mails, tickets(&mut tracker)), (3, 4));
    // To the reply address it joins, and nothing is said to it.
    let (mut tracker, mails) = echo("echo@e.example", reply_to);
    assert_eq!((mails, tickets(&mut tracker)), (1, 1));
    // A person of the team whose mailbox echoes is told of each echo: as much as is told of one ticket in a day, one
    // word an hour that there is more, and the reminders.
    let (mut tracker, mails) = echo("ada@example.org", reply_to);
    assert!(mails <= 40 + 24 + 10, "{mails}");
    assert!(tickets(&mut tracker) <= 2);
    let (mut tracker, mails) = echo("ada@example.org", |_| "security@example.org".into());
    assert!(tickets(&mut tracker) <= 24 * 60 + 24, "{}", tickets(&mut tracker));
    assert!(mails <= 24 * 121, "{mails}");
}

#[test]
fn our_own_mark_under_another_name_is_an_echo() {
    let mut tracker = with("");
    tracker.on_mail(&[report(1)], now()).unwrap();
    let left = drain(&mut tracker, now());
    let notice = &left.iter().find(|c| c.kind == NoticeKind::Acknowledgement).unwrap().bytes;
    let mark = field(notice, "X-Disclosed-Loop: ");
    let check = |tracker: &mut Tracker, mail: &str, expect: Disposition, acknowledged: bool| {
        let news = tracker.on_mail(&[arrival(mail)], now()).unwrap();
        assert_eq!(news.receipts[0].1, expect, "{mail}");
        let acks = news.notices.iter().any(|p| p.notice.kind() == NoticeKind::Acknowledgement);
        assert_eq!(acks, acknowledged, "{mail}");
    };
    let echo = format!("From: r9@d9.example\r\nX-Disclosed-Loop: {mark}\r\nSubject: a\r\n\r\nText.\r\n");
    check(&mut tracker, &echo, Disposition::Automatic, false);
    // A relay gave it another Message-ID.
    let own = format!(
        "From: security@example.org\r\nX-Disclosed-Loop: {mark}\r\nMessage-ID: <new@r.example>\r\n\r\nText.\r\n"
    );
    check(&mut tracker, &own, Disposition::Own, false);
    // A mark that nobody signed, or a token of another purpose, has no mail passed over.
    let token = reply_to(notice).split(['+', '@']).nth(1).unwrap().to_owned();
    for (n, mark) in ["yes", &token, &mark.to_string().replace(|c: char| c.is_ascii_digit(), "x")].iter().enumerate() {
        let mail = format!("From: s{n}@s{n}.example\r\nX-Disclosed-Loop: {mark}\r\nSubject: b\r\n\r\nText {n}.\r\n");
        check(&mut tracker, &mail, Disposition::Report, true);
    }
}

#[test]
fn nothing_that_can_be_guessed_or_copied_joins_a_ticket() {
    let mut tracker = with(VOUCH);
    tracker.on_mail(&[report(1)], now()).unwrap();
    let left = drain(&mut tracker, now());
    let ack = &left.iter().find(|c| c.kind == NoticeKind::Acknowledgement).unwrap().bytes;
    let ours = field(ack, "Message-ID: ");
    let believed = "Authentication-Results: mx.example.org; dmarc=pass header.from=thief.example\r\n\
                    Received: from a by mx.example.org with ESMTPS; x\r\n";
    let mut made = 1;
    for (header, hint) in [
        ("Subject: [SEC-1] more", true),
        ("Subject: Re: SEC-1", false),
        ("Subject: x\r\nTo: security+1@example.org", false),
        ("Subject: x\r\nTo: security+sec-1@example.org", false),
        ("Subject: x\r\nIn-Reply-To: <ticket-1@example.org>", false),
        ("Subject: x\r\nReferences: <1@d1.example>", true),
        // The reporter's own Message-ID, written once more.
        ("Subject: x\r\nMessage-ID: <1@d1.example>", false),
    ] {
        for auth in ["", believed] {
            made += 1;
            let mail = format!("{auth}From: t{made}@thief.example\r\n{header}\r\n\r\n/status\n/close\r\n");
            let news = tracker.on_mail(&[arrival(&mail)], now()).unwrap();
            let (_, disposition, ticket, _) = &news.receipts[0];
            assert_eq!((*disposition, *ticket), (Disposition::Report, Some(TicketId(made))), "{header}");
            let EntryKind::Reported { may_belong_to, .. } = &news.entries[0].1.kind else { panic!("{header}") };
            assert_eq!(may_belong_to.is_some(), hint, "{header}");
            // Nothing of the first ticket is shown to whoever wrote.
            let shown = news.notices.iter().filter(|p| p.notice.to.domain() == "thief.example");
            assert!(
                shown.clone().all(|p| !p.words.body.contains("Hole") && !p.words.body.contains("SEC-1 ")),
                "{header}"
            );
        }
    }
    let first = tracker.store.read(|tx| tx.entries(TicketId(1))).unwrap();
    assert_eq!(first.len(), 2, "the first ticket is what it was");
    // Who has the reporter's token may add, and sees nothing: not even that way is anything answered.
    let mail = format!("From: t@thief.example\r\nIn-Reply-To: {ours}\r\n\r\n/status\r\n");
    let news = tracker.on_mail(&[arrival(&mail)], now()).unwrap();
    assert_eq!(news.receipts[0].1, Disposition::FollowUp);
    assert!(news.notices.iter().all(|p| p.notice.to.domain() == "example.org"));
}

#[test]
fn a_replay_is_harmless_and_a_reused_message_id_keeps_both() {
    let mut tracker = with(VOUCH);
    tracker.on_mail(&[report(1)], now()).unwrap();
    let left = drain(&mut tracker, now());
    let to_ada = &left.iter().find(|c| c.to.as_str() == "ada@example.org").unwrap().bytes;
    let command = format!(
        "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n\
         Received: from a by mx.example.org with ESMTPS; x\r\n\
         From: ada@example.org\r\nTo: {}\r\nMessage-ID: <c@example.org>\r\nSubject: Re\r\n\r\n/accept\r\n",
        reply_to(to_ada)
    );
    let news = tracker.on_mail(&[arrival(&command)], now()).unwrap();
    assert_eq!(news.receipts[0].1, Disposition::Command);
    assert!(news.entries.iter().any(|(_, e)| matches!(e.kind, EntryKind::Status { to: Status::Accepted })));
    tracker.order(TicketId(1), crate::command::split("/defer"), Seat::default(), now()).unwrap();
    // The whole mail once more, by another way, days later.
    let later = now() + SignedDuration::from_hours(24 * 5);
    let again = format!("Received: from b by mx.example.org with ESMTPS; y\r\n{command}");
    let news = tracker.on_mail(&[arrival(&again)], later).unwrap();
    assert_eq!((news.receipts[0].1, news.entries.len(), news.notices.len()), (Disposition::Duplicate, 0, 0));
    // Its Message-ID with other words: both are kept, whoever comes first.
    let reused = "From: r2@d2.example\r\nMessage-ID: <1@d1.example>\r\nSubject: Other\r\n\r\nOther words.\r\n";
    let news = tracker.on_mail(&[arrival(reused)], later).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Report, Some(TicketId(2))));
    let same_sender = "From: r1@d1.example\r\nMessage-ID: <1@d1.example>\r\nSubject: Hole 1\r\n\r\nNew words.\r\n";
    let news = tracker.on_mail(&[arrival(same_sender)], later).unwrap();
    assert_eq!((news.receipts[0].1, news.receipts[0].2), (Disposition::Report, Some(TicketId(3))));
}

/// G5: should a command of somebody without authority ever get past all that asks for it, the commit does not take it.
#[test]
fn what_nobody_with_authority_did_is_not_committed() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let all = |store: &mut Store| {
        let read = |tx: &Tx<'_>| Ok((tx.entries(TicketId(1))?, tx.notices(0)?.len(), tx.projections()?));
        store.read(read).unwrap()
    };
    let before = all(&mut tracker.store);
    for (by, expect) in [
        (Actor::Stranger, "no stranger makes an entry \"severity\""),
        (Actor::Reporter, "no reporter makes an entry \"severity\""),
        (Actor::Daemon, "no daemon makes an entry \"severity\""),
    ] {
        let (project, key) = (&tracker.project, &tracker.key);
        let written = tracker.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now())?;
            let Some(ticket) = tx.ticket(TicketId(1))? else { return Ok(()) };
            let order = Order { by, orders: command::split("/severity high"), ..Order::local() };
            work.carry_out(&ticket, decide::decide(&ticket, &Event::Ordered(order), project, key, now()))
        });
        let said = written.unwrap_err().to_string();
        assert!(said.ends_with(expect), "{said}");
        assert_eq!(all(&mut tracker.store), before);
    }
}
