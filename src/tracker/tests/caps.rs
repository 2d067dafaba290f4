//! What mails can make us send: by what each causes, however many people are told; and what no flood takes away.

use super::lost::drain;
use super::*;
use crate::mail::signature::{Proof, Signed};
use crate::token::{self, Purpose, Token};
use crate::vocabulary::Address;

/// A team of so many, and the server whose results are believed.
fn team(size: usize, more: &str) -> Tracker {
    let person = |n: usize| format!("[[person]]\nname = \"P{n}\"\naddress = \"p{n}@example.org\"\n");
    let people: String = (1..size).map(person).collect();
    let config = format!("{people}[identity]\nauthserv_ids = [\"mx.example.org\"]\n{more}");
    let key = Key::new([7; KEY_LENGTH]);
    watching(Store::in_memory().unwrap(), project(&config), key)
}

/// What our own server writes on top of a mail whose sender's domain vouches.
fn vouched(domain: &str) -> String {
    format!(
        "Authentication-Results: mx.example.org; dmarc=pass header.from={domain}\r\n\
         Received: from a by mx.example.org with ESMTPS; x\r\n"
    )
}

fn report(from: &str, n: usize) -> String {
    format!("From: {from}\r\nMessage-ID: <{n}@r.example>\r\nSubject: Hole {n}\r\n\r\nHole {n}.\r\n")
}

/// A report whose sender's domain vouches.
fn believed(from: &str, n: usize) -> Arrival {
    let domain = from.split_once('@').unwrap().1;
    arrival(&format!("{}{}", vouched(domain), report(from, n)))
}

/// The reply address that the first notice to somebody about a ticket bears.
fn reply_address(tracker: &mut Tracker, purpose: Purpose, to: &str, ticket: u32) -> String {
    let (to, ticket) = (Address::parse(to).unwrap(), Some(TicketId(ticket)));
    let all = tracker.store.read(|tx| tx.notices(0)).unwrap();
    let notice = all.iter().find(|n| n.to.as_ref() == Some(&to) && n.ticket == ticket).unwrap().number;
    let token = Token { purpose, party: token::party(&to), ticket, notice };
    format!("security+{}@example.org", token.sign(&Key::new([7; KEY_LENGTH])))
}

fn count(news: &News, kind: NoticeKind) -> usize {
    news.notices.iter().filter(|p| p.notice.kind() == kind && p.notice.held.is_none()).count()
}

fn breaker(tracker: &mut Tracker) -> bool {
    tracker.store.read(|tx| tx.breaker()).unwrap().is_some()
}

#[test]
fn a_large_team_costs_no_report_its_acknowledgement() {
    let mut tracker = team(25, "");
    let mails: Vec<Arrival> = (0..30).map(|n| arrival(&report(&format!("r{n}@d{n}.example"), n))).collect();
    let news = tracker.on_mail(&mails, now()).unwrap();
    assert_eq!(count(&news, NoticeKind::Acknowledgement), 30);
    assert_eq!(count(&news, NoticeKind::Report), 30 * 25);
    assert!(!breaker(&mut tracker));
}

/// Many mails with one Message-ID and date, each a little longer than the last.
fn variants(n: usize) -> Vec<Arrival> {
    let mail = |n: usize| {
        format!(
            "From: x@evil.example\r\nMessage-ID: <1@evil.example>\r\nDate: Mon, 4 Jan 2027 10:00:00 +0000\r\n\
             Subject: Hole\r\n\r\nHole here{}\r\n",
            " and".repeat(n)
        )
    };
    (0..n).map(|n| arrival(&mail(n))).collect()
}

/// A command of Ada's, for whom our own server vouches, on the first ticket.
fn command(tracker: &mut Tracker, n: usize, line: &str) -> Arrival {
    let to = reply_address(tracker, Purpose::Person, "ada@example.org", 1);
    arrival(&format!(
        "{}From: ada@example.org\r\nTo: {to}\r\nMessage-ID: <c{n}@example.org>\r\nSubject: Re\r\n\r\n{line}\r\n",
        vouched("example.org")
    ))
}

#[test]
fn a_flood_of_variants_silences_no_honest_report_and_no_maintainer() {
    for strangers in [variants(400), (0..400).map(|n| arrival(&report(&format!("x{n}@x{n}.example"), n))).collect()] {
        let mut tracker = team(10, "");
        tracker.on_mail(&strangers, now()).unwrap();
        let news = tracker.on_mail(&[believed("ann@researcher.example", 1_000)], now()).unwrap();
        assert_eq!(count(&news, NoticeKind::Acknowledgement), 1, "{:?}", news.receipts);
        assert_eq!(count(&news, NoticeKind::Report), 10, "the team is told of it");
        let valid = command(&mut tracker, 1, "/valid");
        assert_eq!(count(&tracker.on_mail(&[valid], now()).unwrap(), NoticeKind::Answer), 1);
        assert!(!breaker(&mut tracker));
        let left = drain(&mut tracker, now());
        assert!(
            left.iter().any(|c| c.kind == NoticeKind::Acknowledgement && c.to.as_str() == "ann@researcher.example")
        );
        // Nobody vouches for these, and all that there is for them is used up.
        let news = tracker.on_mail(&[arrival(&report("bob@honest.example", 1_001))], now()).unwrap();
        assert_eq!(count(&news, NoticeKind::Acknowledgement), 0);
    }
}

#[test]
fn with_the_breaker_fallen_people_are_answered_and_honest_reports_acknowledged() {
    let mut tracker = team(3, "[limits]\nbreaker_per_hour = 2\nacks_per_domain_hour = 4\n");
    let mails = (0..3).map(|n| arrival(&report(&format!("x{n}@x{n}.example"), n))).collect::<Vec<_>>();
    tracker.on_mail(&mails, now()).unwrap();
    assert!(breaker(&mut tracker));
    drain(&mut tracker, now());
    let left = |tracker: &mut Tracker, mail: Arrival, at: Timestamp| {
        tracker.on_mail(&[mail], at).unwrap();
        assert!(tracker.next_wake(true).unwrap().is_some());
        drain(tracker, at).iter().map(|c| c.kind).collect::<Vec<_>>()
    };
    let hours = |h: i64| now() + SignedDuration::from_hours(h);
    let [list, reply, public] =
        ["/list", "/reply\n\nThank you.", "/public"].map(|line| command(&mut tracker, line.len(), line));
    assert_eq!(left(&mut tracker, list, now()), [NoticeKind::Answer]);
    assert_eq!(left(&mut tracker, reply, now()), [NoticeKind::Reply, NoticeKind::Answer]);
    assert_eq!(left(&mut tracker, public, now()), [NoticeKind::Code]);
    // Below what is usual in a day, and then no more; nor without somebody who vouches.
    for n in 0..4 {
        let mail = believed(&format!("ann@honest{n}.example"), 10 + n);
        assert_eq!(left(&mut tracker, mail, hours(n as i64)), [NoticeKind::Acknowledgement], "{n}");
    }
    assert_eq!(left(&mut tracker, believed("ann@honest9.example", 20), hours(5)), []);
    assert_eq!(left(&mut tracker, arrival(&report("bob@other.example", 21)), hours(5)), []);
    assert_eq!(left(&mut tracker, believed("ann@honest8.example", 22), hours(25)), [NoticeKind::Acknowledgement]);
}

#[test]
fn the_breaker_counts_what_was_caused_and_not_how_many_were_told() {
    let mut tracker = team(25, "[limits]\nbreaker_per_hour = 30\n");
    let mails: Vec<Arrival> = (0..30).map(|n| arrival(&report(&format!("r{n}@d{n}.example"), n))).collect();
    tracker.on_mail(&mails, now()).unwrap();
    assert!(!breaker(&mut tracker));
    tracker.on_mail(&[arrival(&report("r@d.example", 31))], now()).unwrap();
    assert!(breaker(&mut tracker));
}

#[test]
fn the_reserve_is_not_used_up_by_one_domain() {
    let mut tracker = team(2, "[limits]\nautomatic_per_hour = 1\n");
    tracker.on_mail(&[arrival(&report("x@x.example", 0))], now()).unwrap();
    let mut acknowledged = |from: &str, n: usize, at: Timestamp| {
        let news = tracker.on_mail(&[believed(from, n)], at).unwrap();
        count(&news, NoticeKind::Acknowledgement) == 1
    };
    // Whoever owns a domain has names below it too.
    let evil = (0..30).filter(|n| acknowledged(&format!("x{n}@a{n}.evil.example"), 100 + n, now())).count();
    assert_eq!(evil, 3);
    assert!(acknowledged("ann@researcher.example", 1, now()));
    assert!(!acknowledged("ann@researcher.example", 2, now()), "she is not new");
    // All newcomers together have what else one domain has.
    let all = (0..30).filter(|n| acknowledged(&format!("x@evil{n}.example"), 200 + n, now())).count();
    assert_eq!(all, 20 - 3 - 1);
    let hour = now() + SignedDuration::from_hours(1);
    assert!(acknowledged("bob@evil0.example", 300, hour));
}

/// Where our own server says nothing of senders, a signature shows who may draw from the reserve: it is asked for when
/// nothing else is left.
#[test]
fn a_signature_draws_from_the_reserve() {
    let at = now().as_second();
    let signed = |n: usize| {
        arrival(&format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d=d{n}.example; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; \
             b=aGVsbG8=\r\nFrom: r@d{n}.example\r\nTo: security@example.org\r\nSubject: s{n}\r\n\
             Date: Mon, 4 Jan 2027 10:00:00 +0000\r\n\r\ntext {n}\r\n"
        ))
    };
    for limit in ["automatic_per_hour = 1", "reports_per_hour = 1", "breaker_per_hour = 1"] {
        let mut tracker = team(1, &format!("[limits]\n{limit}\n"));
        tracker.on_mail(&[signed(1)], now()).unwrap();
        assert!(tracker.next_question(now()).unwrap().1.is_none(), "{limit}: there is room");
        tracker.on_mail(&[arrival(&report("x@x.example", 0)), signed(2)], now()).unwrap();
        let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
        assert_eq!(question.from.as_str(), "r@d2.example");
        drain(&mut tracker, now());
        let fields = ["from", "to", "subject", "date"].map(str::to_owned).into();
        let (domain, selector) = ("d2.example".to_owned(), "s1".to_owned());
        let pass = Dkim::Pass(Signed { by: Proof::Dkim, domain, selector, fields, of_sender: true });
        tracker.verified(mail, pass, now()).unwrap();
        let left = drain(&mut tracker, now());
        assert!(left.iter().any(|c| c.kind == NoticeKind::Acknowledgement), "{limit}: {left:?}");
    }
}

/// A command in Ada's name by somebody who has a reporter's reply address for that ticket.
fn spoofed(tracker: &mut Tracker, ticket: u32, n: usize) -> Arrival {
    let to = reply_address(tracker, Purpose::Reporter, &format!("r{ticket}@d.example"), ticket);
    arrival(&format!(
        "From: ada@example.org\r\nTo: {to}\r\nMessage-ID: <s{ticket}.{n}@r.example>\r\nSubject: s\r\n\r\n/valid\r\n"
    ))
}

#[test]
fn refused_commands_are_told_three_times_a_day_and_then_by_the_digest() {
    let mut tracker = team(10, "");
    tracker.on_mail(&[arrival(&report("r1@d.example", 1)), arrival(&report("r2@d.example", 2))], now()).unwrap();
    let mut attempts: Vec<Arrival> = (0..63).map(|n| spoofed(&mut tracker, 1, n)).collect();
    attempts.push(spoofed(&mut tracker, 2, 0));
    let news = tracker.on_mail(&attempts, now() + SignedDuration::from_mins(1)).unwrap();
    assert_eq!(count(&news, NoticeKind::Attempt), 3 * 10 + 10);
    assert!(!breaker(&mut tracker));
    // A stranger cannot make the timeline grow without end.
    let entries = tracker.store.read(|tx| tx.entries(TicketId(1))).unwrap();
    assert_eq!(entries.iter().filter(|e| e.kind == EntryKind::Attempt).count(), 10);
    assert_eq!(news.receipts.iter().filter(|r| r.1 == Disposition::Command).count(), 64, "each has its receipt");
    tracker.digest = Some(Schedule::parse("0 0 9 * * Tue").unwrap());
    let day = |n: i64| now() + SignedDuration::from_hours(24 * n);
    let said = |news: News| {
        let digest = news.notices.into_iter().find(|p| p.notice.kind() == NoticeKind::Digest);
        digest.map(|p| p.words.body).unwrap_or_default()
    };
    let digest = said(tracker.on_tick(day(1)).unwrap().0);
    assert!(digest.contains("64 mails with commands were not obeyed"), "{digest}");
    assert!(digest.contains("SEC-1: 63") && digest.contains("SEC-2: 1"), "{digest}");
    // The next day begins anew, and the next digest too.
    let more = spoofed(&mut tracker, 1, 70);
    assert_eq!(count(&tracker.on_mail(&[more], day(2)).unwrap(), NoticeKind::Attempt), 10);
    let digest = said(tracker.on_tick(day(8)).unwrap().0);
    assert!(digest.contains("1 mail with commands was") && !digest.contains("SEC-2: "), "{digest}");
}

#[test]
fn refused_commands_on_many_tickets_have_the_cap_of_all_mails() {
    let mut tracker = team(10, "");
    for n in 1..=63 {
        let at = now() + SignedDuration::from_hours(n);
        tracker.on_mail(&[arrival(&report(&format!("r{n}@d.example"), n as usize))], at).unwrap();
    }
    let each = (1..=63).flat_map(|t| (0..4).map(move |n| (t, n)));
    let attempts: Vec<Arrival> = each.map(|(t, n)| spoofed(&mut tracker, t, n)).collect();
    let news = tracker.on_mail(&attempts, now() + SignedDuration::from_hours(100)).unwrap();
    assert_eq!(count(&news, NoticeKind::Attempt), 120 * 10);
    assert!(!breaker(&mut tracker));
}

/// Whoever got mail of ours can say that it did not arrive: of each such mail once, and no more than of other mail.
#[test]
fn forged_losses_have_the_cap_of_all_mails() {
    let mut tracker = team(2, "[limits]\nautomatic_per_hour = 5\nbreaker_per_hour = 8\n");
    let mut acks = Vec::new();
    for n in 0..10 {
        let at = now() + SignedDuration::from_hours(n);
        tracker.on_mail(&[arrival(&report(&format!("r@d{n}.example"), n as usize))], at).unwrap();
        acks.extend(drain(&mut tracker, at).into_iter().filter(|c| c.kind == NoticeKind::Acknowledgement));
    }
    let losses: Vec<Arrival> = acks.iter().map(|c| super::lost::report_on(c, "failed")).collect();
    let news = tracker.on_mail(&losses, now() + SignedDuration::from_hours(20)).unwrap();
    assert_eq!((count(&news, NoticeKind::Undeliverable), count(&news, NoticeKind::Flood)), (5 * 2, 2));
    assert!(!breaker(&mut tracker));
}

/// Mail in a maintainer's name is asked for after that with a token of that very person, however much of it waits.
#[test]
fn a_token_comes_before_a_thousand_spoofed_mails() {
    let (mut tracker, token) = super::signed::with_ticket("");
    let spoofed: Vec<Arrival> = (0..1_000)
        .map(|n| {
            let mail = super::signed::signed("none", "/valid", &format!("X-Number: {n}\r\n"));
            let raw = String::from_utf8(mail.raw).unwrap().replace("<1@", &format!("<x{n}@"));
            arrival(&raw.replace("aGVsbG8=", "c3Bvb2Y="))
        })
        .collect();
    tracker.on_mail(&spoofed, now()).unwrap();
    tracker.on_mail(&[super::signed::signed(&token, "/valid", "")], now()).unwrap();
    assert_eq!(super::signed::unverified(&mut tracker), 1_001);
    let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
    assert!(String::from_utf8_lossy(&question.raw).contains(&token));
    let news = tracker.verified(mail, super::signed::pass(), now()).unwrap();
    assert_eq!(super::signed::dispositions(&news), [("command", "commands of a maintainer")]);
}
