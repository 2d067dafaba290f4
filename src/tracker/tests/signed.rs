//! Mail whose signatures are checked before it is handled.

use super::*;
use crate::mail::signature::{Proof, Share, Signed};

/// A tracker with a ticket of r@example.test, and what a person of the project gets a notice about it with.
pub(super) fn with_ticket(more: &str) -> (Tracker, String) {
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = watching(Store::in_memory().unwrap(), project(more), key.clone());
    let news = tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let told = news.notices.iter().find(|p| p.notice.kind() == NoticeKind::Report).unwrap();
    let token = crate::token::Token {
        purpose: crate::token::Purpose::Person,
        party: crate::token::party(&told.notice.to),
        ticket: Some(TicketId(1)),
        notice: told.number,
    };
    (tracker, token.sign(&key))
}

/// A command of Ada's with a signature that is worth a look; whether it is good, the test says.
pub(super) fn signed(token: &str, text: &str, more: &str) -> Arrival {
    let at = now().as_second();
    arrival(&format!(
        "{more}DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; \
         b=aGVsbG8=\r\nFrom: ada@example.org\r\nTo: security+{token}@example.org\r\nSubject: Re: s\r\n\
         Date: Mon, 4 Jan 2027 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n{text}\r\n"
    ))
}

/// That a domain signed all that counts.
fn vouched(domain: &str) -> Dkim {
    let fields = ["from", "to", "subject", "date"].map(str::to_owned).into();
    let (domain, selector, of_sender) = (domain.to_owned(), "s1".to_owned(), domain == "example.org");
    Dkim::Pass(Signed { by: Proof::Dkim, domain, selector, fields, of_sender })
}

pub(super) fn pass() -> Dkim {
    vouched("example.org")
}

pub(super) fn dispositions(news: &News) -> Vec<(&'static str, &str)> {
    news.receipts.iter().map(|(_, disposition, _, reason)| (disposition.word(), reason.as_str())).collect()
}

pub(super) fn unverified(tracker: &mut Tracker) -> u32 {
    tracker.store.read(|tx| Ok(tx.unverified_mails()?.0)).unwrap()
}

#[test]
fn a_signed_command_is_obeyed_once_its_signature_is_checked() {
    let (mut tracker, token) = with_ticket("");
    let news = tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    assert!(news.receipts.is_empty() && news.notices.is_empty(), "stored, and not handled yet");
    assert_eq!(unverified(&mut tracker), 1);
    assert_eq!(tracker.next_wake(false).unwrap(), Some(now()));
    let (_, asked) = tracker.next_question(now()).unwrap();
    let (mail, question) = asked.unwrap();
    assert!(question.share == Share::Holder && question.from.as_str() == "ada@example.org");
    assert_eq!(question.signatures[0].key_name(), "s1._domainkey.example.org");
    let news = tracker.verified(mail, pass(), now()).unwrap();
    assert_eq!(dispositions(&news), [("command", "commands of a maintainer")]);
    assert!(!news.entries.is_empty());
    assert_eq!(unverified(&mut tracker), 0);
    assert!(tracker.verified(mail, pass(), now()).unwrap().receipts.is_empty(), "once");
}

/// A list that breaks the sender's own signature is vouched for by its own, and never makes the sender believed.
#[test]
fn the_signature_of_the_operators_list_lets_the_acknowledgement_leave() {
    let mut project = project("");
    project.through = vec![crate::mail::passage::Way::List("security.lists.example.org".into())];
    let at = now().as_second();
    let mail = arrival(&format!(
        "DKIM-Signature: v=1; a=rsa-sha256; d=lists.example.org; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; \
         b=aGVsbG8=\r\nList-Id: <security.lists.example.org>\r\nPrecedence: list\r\nFrom: ann@strict.example\r\n\
         To: security@lists.example.org\r\nSubject: s\r\nDate: Mon, 4 Jan 2027 10:00:00 +0000\r\n\r\ntext\r\n"
    ));
    for good in [true, false] {
        let mut tracker = watching(Store::in_memory().unwrap(), project.clone(), Key::new([7; KEY_LENGTH]));
        assert!(tracker.on_mail(std::slice::from_ref(&mail), now()).unwrap().receipts.is_empty());
        let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
        assert_eq!(question.signatures[0].key_name(), "s1._domainkey.lists.example.org");
        let pass = vouched("lists.example.org");
        let news = tracker.verified(mail, if good { pass } else { Dkim::Fail("changed".into()) }, now()).unwrap();
        let word = if good { "report" } else { "automatic" };
        assert_eq!(news.receipts[0].1.word(), word);
        let acknowledged = |n: &Notice| n.kind() == NoticeKind::Acknowledgement && n.held.is_none();
        assert_eq!(news.notices.iter().any(|p| acknowledged(&p.notice)), good);
    }
}

#[test]
fn a_signature_is_believed_for_one_mail_only() {
    let (mut tracker, token) = with_ticket("");
    let mut command = |mail: Arrival| {
        tracker.on_mail(&[mail], now()).unwrap();
        match tracker.next_question(now()).unwrap().1 {
            Some((mail, _)) => tracker.verified(mail, pass(), now()).unwrap(),
            None => News::default(),
        }
    };
    assert_eq!(dispositions(&command(signed(&token, "/valid", "")))[0].1, "commands of a maintainer");
    // The same mail by another way is a second copy, and nothing is asked.
    assert!(dispositions(&command(signed(&token, "/valid", "Received: by another way\r\n"))).is_empty());
    let mut again = signed(&token, "/valid", "");
    again.raw = String::from_utf8(again.raw).unwrap().replace("<1@", "<2@").into_bytes();
    let news = command(again);
    let (disposition, reason) = dispositions(&news)[0];
    assert_eq!(disposition, "command");
    assert!(reason.contains("not obeyed") && reason.contains("was obeyed before"), "{reason}");
}

#[test]
fn a_command_waits_a_day_for_a_key_and_no_longer() {
    let (mut tracker, token) = with_ticket("");
    let later = |h: i64| now() + SignedDuration::from_hours(h);
    let silent = || Dkim::Temporary("the name servers gave no usable answer".into());
    tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    let mut at = now();
    let mut tries = 0;
    let mut told = Vec::new();
    let news = loop {
        let (_, question) = tracker.next_question(at).unwrap();
        let (mail, _) = question.expect("it is due when it was said to be");
        tries += 1;
        let news = tracker.verified(mail, silent(), at).unwrap();
        told.extend(news.notices.iter().map(|p| p.notice.kind()));
        if !news.receipts.is_empty() {
            break news;
        }
        assert_eq!(unverified(&mut tracker), 1);
        assert!(tracker.next_question(at).unwrap().1.is_none(), "not at once again");
        // Nothing else takes it, and no try is counted against it.
        assert!(tracker.recover(at).unwrap().receipts.is_empty() && tracker.resume(at).unwrap().receipts.is_empty());
        let wait = tracker.store.read(|tx| Ok(tx.waiting_mails(9)?.len())).unwrap();
        assert_eq!(wait, 0);
        at += SignedDuration::from_hours(1);
    };
    assert_eq!((at, tries), (later(24), 25));
    let (disposition, reason) = dispositions(&news)[0];
    assert_eq!(disposition, "command");
    assert!(reason.contains("not obeyed") && reason.contains("DKIM could not be checked"), "{reason}");
    assert!(told.contains(&NoticeKind::Trouble), "people hear of it while it waits: {told:?}");
    assert!(news.notices.iter().any(|p| p.notice.to.as_str() == "ada@example.org"), "she is told what failed");
}

#[test]
fn a_key_that_comes_late_is_in_time() {
    let (mut tracker, token) = with_ticket("");
    tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    let (mail, _) = tracker.next_question(now()).unwrap().1.unwrap();
    tracker.verified(mail, Dkim::Temporary("late".into()), now()).unwrap();
    let at = tracker.store.read(|tx| Ok(tx.unverified_mails()?.1)).unwrap().unwrap();
    assert_eq!(at, now() + SignedDuration::from_mins(5));
    let (mail, _) = tracker.next_question(at).unwrap().1.unwrap();
    assert_eq!(dispositions(&tracker.verified(mail, pass(), at).unwrap())[0].1, "commands of a maintainer");
}

#[test]
fn reports_do_not_wait_for_keys() {
    let (mut tracker, _) = with_ticket("[identity]\nacknowledge = \"believed\"\n");
    let report = |n: u8| {
        let mut mail = signed("x", "a report", "");
        mail.raw = String::from_utf8(mail.raw).unwrap().replace("ada@", &format!("r{n}@")).into_bytes();
        mail.size = mail.raw.len() as u64;
        mail
    };
    tracker.on_mail(&[report(1)], now()).unwrap();
    let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
    assert_eq!(question.share, Share::Strangers);
    let news = tracker.verified(mail, Dkim::Temporary("no answer".into()), now()).unwrap();
    assert_eq!(dispositions(&news), [("report", "a new report")]);
    assert!(news.notices.iter().any(|p| p.notice.held.as_ref().is_some_and(|h| h.contains("no answer"))));
    // One whose check ends the daemon is handled without it after a few tries.
    tracker.on_mail(&[report(2)], now()).unwrap();
    let mut at = now();
    for _ in 0..3 {
        assert!(tracker.next_question(at).unwrap().1.is_some());
        at += SignedDuration::from_mins(1);
    }
    let (news, none) = tracker.next_question(at).unwrap();
    assert!(none.is_none());
    assert_eq!(dispositions(&news), [("report", "a new report")]);
}

/// Copies of one mail, of which some wait for keys: one acknowledgement, and one order, whichever comes when.
#[test]
fn copies_that_wait_for_keys_are_one_mail() {
    let of = |hop: &str, is_signed: bool| {
        let mut mail = signed("x", "a report", &format!("Received: from {hop}\r\n"));
        let text = String::from_utf8(mail.raw).unwrap().replace("ada@", "r@");
        let text = if is_signed { text } else { text.replace("DKIM-Signature", "X-Broken") };
        (mail.size, mail.raw) = (text.len() as u64, text.into_bytes());
        mail
    };
    let (a, b, c) = (of("a", true), of("b", false), of("c", true));
    let believed = "[identity]\nacknowledge = \"believed\"\n";
    let orders: [&[&[&Arrival]]; 5] =
        [&[&[&a, &b]], &[&[&b], &[&a]], &[&[&a], &[&b]], &[&[&a, &c]], &[&[&b], &[&c], &[&a]]];
    for order in orders {
        let mut tracker = watching(Store::in_memory().unwrap(), project(believed), Key::new([7; KEY_LENGTH]));
        for batch in order {
            tracker.on_mail(&batch.iter().map(|a| (*a).clone()).collect::<Vec<_>>(), now()).unwrap();
            while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
                tracker.verified(mail, pass(), now()).unwrap();
            }
        }
        let (tickets, mut notices) = tracker.store.read(|tx| Ok((tx.tickets(true)?, tx.notices(0)?))).unwrap();
        notices.retain(|n| n.kind == NoticeKind::Acknowledgement);
        assert_eq!((tickets.len(), notices.len(), notices[0].state), (1, 1, NoticeState::Waiting), "{order:?}");
    }
    // The list's copy cannot command, the direct one can, though it bears the same signature; once.
    let (mut tracker, token) = with_ticket("");
    let mut obeyed = 0;
    for more in ["List-Id: <l.example.org>\r\n", "", "Received: from elsewhere\r\n", "Received: from nowhere\r\n"] {
        tracker.on_mail(&[signed(&token, "/valid", more)], now()).unwrap();
        while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
            let news = tracker.verified(mail, pass(), now()).unwrap();
            obeyed += news.entries.iter().filter(|(_, e)| matches!(e.kind, EntryKind::Status { .. })).count();
        }
    }
    assert_eq!(obeyed, 1);
}

#[test]
fn nothing_is_asked_where_it_would_change_nothing() {
    let asked = |more: &str, change: &dyn Fn(String) -> String| {
        let (mut tracker, token) = with_ticket(more);
        let mut mail = signed(&token, "/valid", "");
        mail.raw = change(String::from_utf8(mail.raw).unwrap()).into_bytes();
        mail.size = mail.raw.len() as u64;
        tracker.on_mail(&[mail], now()).unwrap();
        unverified(&mut tracker) > 0
    };
    let same = |raw: String| raw;
    let ids = "[identity]\nauthserv_ids = [\"mx.example.org\"]\n";
    let results = |word: &'static str| {
        move |raw: String| {
            format!(
                "Authentication-Results: mx.example.org; {word} header.from=example.org\r\n\
                 Received: from x by mx.example.org with ESMTPS; date\r\n{raw}"
            )
        }
    };
    assert!(asked("", &same));
    assert!(asked(ids, &same));
    assert!(!asked("[identity]\ndkim = false\n", &same), "it is switched off");
    let whole = "spf=pass smtp.mailfrom=ada@example.org; dmarc=pass";
    assert!(!asked(ids, &results(whole)), "our own server vouches");
    assert!(asked(ids, &results("dmarc=pass")), "it may have been the signature that passed");
    assert!(asked(ids, &results("spf=pass smtp.mailfrom=x@other.example; dmarc=pass")), "it was the signature");
    assert!(!asked(ids, &results("dmarc=fail")), "our own server calls it forged");
    assert!(asked(ids, &results("dmarc=none")));
    assert!(!asked("", &|raw| raw.replace("From: ada@example.org", "From: r@example.org")), "a report of anybody");
    assert!(!asked("", &|raw| format!("Auto-Submitted: auto-replied\r\n{raw}")), "a program");
    assert!(!asked("", &|raw| raw.replace("d=example.org", "d=evil.test")), "another domain's signature");
    let refers = |raw: String| {
        raw.replace("From: ada@example.org", "From: r@example.org")
            .replace("Message-ID", "In-Reply-To: <a@b>\r\nMessage-ID")
    };
    assert!(asked("", &refers), "it may be the reporter of a ticket");
}

/// Every way to be a little less than believed, in all combinations: exactly those are obeyed that keep all rules.
#[test]
fn only_who_keeps_all_rules_is_obeyed() {
    const BOB: &str =
        "[identity]\nauthserv_ids = [\"mx.example.org\"]\n[[person]]\nname = \"Bob\"\naddress = \"bob@example.org\"\n";
    let (mut tracker, hers) = with_ticket(BOB);
    let read = |token: &str| crate::token::Token::verify(token, &Key::new([7; KEY_LENGTH])).unwrap();
    let of = |change: &dyn Fn(&mut crate::token::Token), key: u8| {
        let mut token = read(&hers);
        change(&mut token);
        format!("+{}", token.sign(&Key::new([key; KEY_LENGTH])))
    };
    let bob = crate::vocabulary::Address::parse("bob@example.org").unwrap();
    let tokens = [
        (format!("+{hers}"), true),
        (format!("+{}", hers.to_uppercase()), true),
        (String::new(), false),
        (of(&|t| t.party = crate::token::party(&bob), 7), false),
        (of(&|t| t.purpose = crate::token::Purpose::Reporter, 7), false),
        (of(&|t| t.ticket = Some(TicketId(9)), 7), false),
        (of(&|_| (), 8), false),
    ];
    let senders = [
        ("From: ada@example.org", true),
        ("From: \"Bob\" <Ada@Example.org>", true),
        ("From: ada@example.org\r\nFrom: ada@example.org", false),
        ("From : ada@example.org", false),
        ("From: team: ada@example.org;", false),
        ("From: ada@example.org <x@evil.test>", false),
        ("From: ada@example.org.evil.test", false),
    ];
    let line = |id: &str, word: &str| format!("Authentication-Results: {id}; dmarc={word} header.from=example.org\r\n");
    const OURS: &str = "mx.example.org";
    let received = "Received: from x by mx.example.org with ESMTPS; date\r\n";
    // What our server says, and whether it vouches.
    let results = [
        (received.to_owned(), false),
        (line(OURS, "pass") + received, true),
        (line(OURS, "fail") + received, false),
        (line(OURS, "none") + received, false),
        (received.to_owned() + &line(OURS, "pass"), false),
        (line(OURS, "pass") + &line(OURS, "pass") + received, true),
        (line(OURS, "pass") + &line(OURS, "none") + received, false),
        (line("mx.evil.test", "pass") + received, false),
        (line(OURS, "none smtp.mailfrom=\"x; dmarc=pass header.from=example.org\"") + received, false),
    ];
    let other = vouched("evil.test");
    let signatures = [
        (pass(), true),
        (other, false),
        (Dkim::Unasked, false),
        (Dkim::None, false),
        (Dkim::Fail("changed".into()), false),
        (Dkim::Temporary("late".into()), false),
    ];
    let kinds = [("", true), ("Auto-Submitted: auto-replied\r\n", false), ("List-Id: <l.example.org>\r\n", false)];
    let (mut obeyed, mut all) = (0, 0);
    for (sender, one) in &senders {
        for (results, vouched) in &results {
            for (token, mine) in &tokens {
                for (kind, by_person) in &kinds {
                    let raw = format!(
                        "{results}{kind}{sender}\r\nTo: security{token}@example.org\r\nSubject: s\r\n\
                         Message-ID: <1@x>\r\n\r\n/valid\r\n"
                    );
                    for (dkim, signed) in &signatures {
                        let tried = tracker.try_mail(raw.as_bytes(), dkim.clone(), now()).unwrap();
                        // Without a ticket there is nothing to do, and the person is told so.
                        let ordered = matches!(&tried.intake.event, Some(Event::Ordered(_)));
                        let got = ordered && tried.intake.ticket == Some(TicketId(1));
                        let expect = *one && *mine && *by_person && (*vouched || *signed);
                        assert_eq!(got, expect, "{raw}\n{dkim:?}: {}", tried.intake.reason);
                        obeyed += u32::from(got);
                        all += 1;
                    }
                }
            }
        }
    }
    // Two senders, two spellings of the token; our server vouches, or a signature that is checked here.
    assert_eq!((all, obeyed), (7 * 9 * 7 * 3 * 6, 2 * 2 * (2 * 6 + 7)));
}
