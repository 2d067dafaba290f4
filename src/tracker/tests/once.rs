//! What was obeyed is not obeyed again, however it comes: what whoever has an old mail can make of it.

use super::hostile::VOUCH;
use super::signed::{pass, with_ticket};
use super::*;
use crate::mail::prints::prints;
use crate::mail::read::read;
use crate::mail::signature::{Proof, Signed};
use crate::ticket::Actor;

const RECEIVED: &str = "Received: from x by mx.example.org with ESMTPS; date\r\n";

/// A command of Ada's as her server signed it.
fn command(token: &str, text: &str) -> String {
    format!(
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; t={}; h=from:to:subject:date; bh=YQ==; b=aGVs\r\n \
         bG8=\r\nFrom: ada@example.org\r\nTo: security+{token}@example.org\r\nSubject: Re: s\r\n\
         Date: Mon, 4 Jan 2027 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n{text}\r\n\r\nThanks.\r\n",
        now().as_second()
    )
}

/// The same by her server's envelope, without a signature.
fn unsigned(token: &str, text: &str, id: u8) -> String {
    command(token, text).replace("DKIM-Signature", "X-Was").replace("<1@", &format!("<{id}@"))
}

/// Who vouches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// Our own server, by the envelope.
    Results,
    /// Our own check of the signature.
    Dkim,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Results, Self::Dkim];

    fn config(self) -> &'static str {
        match self {
            Self::Results => VOUCH,
            Self::Dkim => "",
        }
    }

    /// A mail comes, and is vouched for where this way can.
    fn comes(self, tracker: &mut Tracker, raw: &str) -> News {
        let from = if raw.contains("\nFrom: r") { "example.test" } else { "example.org" };
        let dkim = if raw.contains("DKIM-Signature: v=1") { "pass" } else { "fail" };
        let results = format!(
            "Authentication-Results: mx.example.org; dkim={dkim} header.d={from}; spf=pass smtp.mailfrom=a@{from}; \
             dmarc=pass header.from={from}\r\n{RECEIVED}"
        );
        let raw = if self == Self::Results { results + raw } else { raw.to_owned() };
        let mut news = tracker.on_mail(&[arrival(&raw)], now()).unwrap();
        while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
            news.add(tracker.verified(mail, pass(), now()).unwrap());
        }
        news
    }
}

/// Her token of another notice.
fn in_answer_to(notice: u32, token: &str) -> String {
    let key = Key::new([7; KEY_LENGTH]);
    crate::token::Token { notice, ..crate::token::Token::verify(token, &key).unwrap() }.sign(&key)
}

fn reason(news: &News) -> &str {
    &news.receipts[0].3
}

#[track_caller]
fn obeyed(news: &News) {
    assert_eq!(reason(news), "commands of a maintainer");
    assert!(!news.entries.is_empty(), "refused: {:?}", texts(news));
}

fn texts(news: &News) -> Vec<&str> {
    news.notices.iter().map(|p| p.words.body.as_str()).collect()
}

fn notes(tracker: &mut Tracker) -> usize {
    let entries = tracker.store.read(|tx| tx.entries(TicketId(1))).unwrap();
    entries.iter().filter(|e| e.kind == EntryKind::Note && matches!(e.by, Actor::Person(_))).count()
}

type Change = Box<dyn Fn(&str) -> String>;

/// What somebody can make of a mail who has it and may put any field around what is signed.
fn variations(other: &str) -> Vec<(&'static str, Change)> {
    let other = other.to_owned();
    let change = |old: &'static str, new: &'static str| move |raw: &str| raw.replacen(old, new, 1);
    vec![
        ("one more blank line", Box::new(change("/note\r\n", "/note\r\n\r\n"))),
        ("blank lines at the end", Box::new(|raw| format!("{raw}\r\n \r\n"))),
        ("a year-old Date", Box::new(change("Jan 2027", "Jan 2026"))),
        ("another Date", Box::new(change("10:00:00", "09:59:00"))),
        ("another Subject", Box::new(change("Subject: Re: s", "Subject: Re: [SEC-1] s"))),
        ("another Message-ID", Box::new(change("<1@", "<2@"))),
        ("no Message-ID", Box::new(change("Message-ID: <1@example.org>\r\n", ""))),
        (
            "fields in another order",
            Box::new(|raw| {
                let (sender, rest) = raw.split_once("To: ").unwrap();
                let (head, body) = rest.split_once("\r\n\r\n").unwrap();
                let sender = sender.replace("From: ada", "from: \"A.\" <ada").replace("org\r\n", "org>\r\n");
                format!("To: {head}\r\n{sender}\r\n{body}").replace("Re: s", "Re: t")
            }),
        ),
        (
            "the signature once more",
            Box::new(change("DKIM-Signature", "DKIM-Signature: v=1; b=eA==\r\nDKIM-Signature")),
        ),
        ("the signature taken out", Box::new(change("DKIM-Signature", "X-Was"))),
        ("the signature taken out, and another Subject", {
            Box::new(|raw| raw.replace("DKIM-Signature", "X-Was").replace("Re: s", "Re: t"))
        }),
        ("the signature altered, and another Subject", {
            Box::new(|raw| raw.replace("b=aGVs", "b=aGVt").replace("Re: s", "Re: t"))
        }),
        ("the signature as a seal, and another Subject", {
            Box::new(|raw| raw.replace("DKIM-Signature: v=1", "ARC-Seal: i=1").replace("Re: s", "Re: t"))
        }),
        (
            "another token beside",
            Box::new(move |raw| {
                format!("X-Original-To: security+{other}@example.org\r\n{}", raw.replace("<1@", "<2@"))
            }),
        ),
    ]
}

/// What Ada wrote is done once, whichever way vouches and whatever stands around what she wrote.
#[test]
fn what_was_obeyed_is_not_obeyed_as_another_mail() {
    for way in Way::BOTH {
        for (name, change) in variations("") {
            let (mut tracker, token) = with_ticket(way.config());
            let first = command(&token, "/note");
            obeyed(&way.comes(&mut tracker, &first));
            // A notice that she was given since, and that whoever has her mail has too.
            let other = in_answer_to(tracker.store.read(|tx| tx.next_notice()).unwrap() - 1, &token);
            let again = if name == "another token beside" {
                variations(&other).into_iter().find(|(n, _)| *n == name).unwrap().1(&first)
            } else {
                change(&first)
            };
            assert_ne!(again, first, "{name}");
            let news = way.comes(&mut tracker, &again);
            assert_ne!(reason(&news), "commands of a maintainer", "{way:?}: {name}");
            assert_eq!(notes(&mut tracker), 1, "{way:?}: {name}: {}", reason(&news));
        }
    }
}

/// The person hears why, at the registered address.
#[test]
fn whoever_wrote_it_hears_that_it_was_obeyed_before() {
    for way in Way::BOTH {
        let (mut tracker, token) = with_ticket(way.config());
        way.comes(&mut tracker, &command(&token, "/note"));
        let news = way.comes(&mut tracker, &command(&token, "/note").replace("<1@", "<2@"));
        let why = "not obeyed: nobody vouches for the sender: it was obeyed before, in another mail";
        assert_eq!(reason(&news), why, "{way:?}");
        let told = news.notices.iter().find(|p| p.notice.kind() == NoticeKind::Attempt).unwrap();
        let body = told.words.body.replace('\n', " ");
        assert!(body.contains("it was obeyed before, in another mail"), "{body}");
        // What it would be is seen without its being taken in.
        let raw = command(&token, "/note").replace("<1@", "<3@");
        let tried = tracker.try_mail(raw.as_bytes(), pass(), now()).unwrap();
        assert!(!tried.identity.believed() && tried.identity.reason.contains("obeyed before"));
        assert!(tried.identity.checks.iter().all(|c| !c.passed));
    }
}

/// What was refused is a person's word all the same: whoever keeps it must not wait until it can be done.
#[test]
fn what_was_refused_is_spent() {
    for way in Way::BOTH {
        let (mut tracker, token) = with_ticket(way.config());
        let news = way.comes(&mut tracker, &command(&token, "/nonsense"));
        assert_eq!(reason(&news), "commands of a maintainer");
        let again = way.comes(&mut tracker, &command(&token, "/nonsense").replace("<1@", "<2@"));
        assert!(reason(&again).contains("obeyed before"), "{}", reason(&again));
    }
}

/// A note spends as commands do.
#[test]
fn a_note_is_filed_once_in_its_authors_name() {
    for way in Way::BOTH {
        let (mut tracker, token) = with_ticket(way.config());
        assert_eq!(reason(&way.comes(&mut tracker, &command(&token, "Not ours."))), "a maintainer's note");
        let again = way.comes(&mut tracker, &command(&token, "Not ours.").replace("<1@", "<2@"));
        assert_eq!((again.receipts[0].1.word(), notes(&mut tracker)), ("follow_up", 1), "{}", reason(&again));
    }
}

/// A token is never used up, and her own later change is no reason to refuse where a signature is spent.
#[test]
fn one_notice_takes_several_commands() {
    for way in Way::BOTH {
        let (mut tracker, token) = with_ticket(way.config());
        for (n, text) in ["/valid", "/severity high", "/severity medium"].iter().enumerate() {
            let raw = command(&token, text).replace("<1@", &format!("<{n}@")).replace("aGVs", &format!("aGV{n}"));
            obeyed(&way.comes(&mut tracker, &raw));
        }
    }
}

/// Without a signature nothing shows that a mail is no copy: it is refused, by a mail that can be answered.
#[test]
fn what_no_signature_tells_from_a_copy_is_asked_for_again() {
    let way = Way::Results;
    let (mut tracker, token) = with_ticket(VOUCH);
    for (id, text) in [(1, "/valid"), (2, "/severity high"), (3, "/note")] {
        obeyed(&way.comes(&mut tracker, &unsigned(&token, text, id)));
    }
    // A signature that is not good is none.
    for (id, text, bad, why) in [
        (4, "/note", false, "you wrote the same in answer to the same mail before"),
        (5, "/note", true, "you wrote the same in answer to the same mail before"),
        (6, "/severity medium", false, "you changed that after"),
        (7, "/severity low", true, "you changed that after"),
    ] {
        let mut raw = unsigned(&token, text, id);
        if bad {
            raw = raw.replace("X-Was: v=1", "DKIM-Signature: v=2").replace("b=aGVs", &format!("b=aG{id}s"));
        }
        let news = way.comes(&mut tracker, &raw);
        assert_eq!((reason(&news), news.entries.len()), ("commands of a maintainer", 0), "{raw}");
        let refused = news.notices.iter().find(|p| p.notice.to.as_str() == "ada@example.org").unwrap();
        assert!(refused.words.body.contains(why), "{}", refused.words.body);
        // The refusal is a notice like any other.
        obeyed(&way.comes(&mut tracker, &unsigned(&in_answer_to(refused.number, &token), text, id + 20)));
    }
    // What only reads may be asked for as often as anybody likes.
    for id in 90..93 {
        let news = way.comes(&mut tracker, &unsigned(&token, "/status", id));
        assert!(texts(&news).iter().all(|t| !t.contains("Nothing was done")), "{:?}", texts(&news));
    }
}

/// Mail of others is taken in, whatever it bears, and spends nothing.
#[test]
fn what_others_send_spends_nothing_and_is_taken_in() {
    for way in Way::BOTH {
        let (mut tracker, token) = with_ticket(way.config());
        let of_reporter = |n: u8| {
            let raw =
                command("", "More about it.").replace("From: ada@example.org", &format!("From: r{n}@example.test"));
            raw.replace("<1@", &format!("<r{n}@"))
                .replace("security+@", "security@")
                .replace("More", &format!("{n} more"))
        };
        // Somebody who saw her command on its way sends its signature first.
        for n in 1..3 {
            let news = way.comes(&mut tracker, &of_reporter(n));
            assert_eq!(news.receipts[0].1.word(), "report");
        }
        obeyed(&way.comes(&mut tracker, &command(&token, "/note")));
        let news = way.comes(&mut tracker, &of_reporter(3));
        assert_eq!(news.receipts[0].1.word(), "report", "{}", reason(&news));
        assert!(news.notices.iter().any(|p| p.notice.kind() == NoticeKind::Acknowledgement && p.notice.held.is_none()));
    }
}

/// A list's copy of a command is the same mail, and nobody tried anything.
#[test]
fn a_lists_copy_of_a_command_is_a_duplicate() {
    for way in Way::BOTH {
        for list in ["", "List-Id: <team.example.org>\r\n"] {
            let (mut tracker, token) = with_ticket(way.config());
            obeyed(&way.comes(&mut tracker, &command(&token, "/note")));
            let copy = command(&token, "/note").replace("Subject: Re: s", "Subject: [team] Re: s");
            let news = way.comes(&mut tracker, &format!("{list}{copy}--\r\nTo leave this list, write to it.\r\n"));
            assert_eq!(news.receipts[0].1.word(), "duplicate", "{way:?} {list}: {}", reason(&news));
            assert!(news.notices.is_empty() && news.entries.is_empty());
            // With other commands it is no copy.
            let more = copy.replace("/note", "/note\r\n/accept").replace("aGVs", "bGVs");
            let news = way.comes(&mut tracker, &format!("{list}{}", more.replace("DKIM-Signature", "X-Was")));
            assert!(news.receipts[0].1.word() != "duplicate", "{way:?} {list}: {}", reason(&news));
        }
    }
}

/// A word counts for a week by the clock of our server, and what it spent is kept for as long as it could count.
#[test]
fn a_word_counts_for_a_week_and_is_kept_longer() {
    let days = |n: i64| SignedDuration::from_hours(24 * n);
    let dated = |token: &str, at: Timestamp| {
        let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let raw = unsigned(token, "/note", 1).replace("Mon, 4 Jan 2027 10:00:00 +0000", &date);
        format!(
            "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a@example.org; \
             dmarc=pass header.from=example.org\r\n{RECEIVED}{raw}"
        )
    };
    // When it was written and when our server took it, in days before we do.
    for (written, received, counts) in
        [(6, 0, true), (7, 7, true), (13, 6, true), (8, 0, false), (14, 6, false), (8, 8, false)]
    {
        let (mut tracker, token) = with_ticket(VOUCH);
        let mail = arrival(&dated(&token, now() - days(written)));
        let news = tracker.on_mail(&[Arrival { internal_date: Some(now() - days(received)), ..mail }], now()).unwrap();
        assert_eq!(reason(&news) == "commands of a maintainer", counts, "{written} {received}: {}", reason(&news));
        assert!(counts || reason(&news).contains("more than a week old"), "{}", reason(&news));
    }
    let (mut tracker, token) = with_ticket(VOUCH);
    obeyed(&tracker.on_mail(&[arrival(&dated(&token, now()))], now()).unwrap());
    let spent = |tracker: &mut Tracker, at: Timestamp| {
        let (project, key, raw) = (&tracker.project, &tracker.key, dated(&token, now()));
        let all = prints(&read(raw.as_bytes()), raw.as_bytes());
        let done = tracker.store.write(|tx| {
            Work::new(tx, project, key, at)?.forget_counts()?;
            tx.is_spent(&all, MailRef(99), &[])
        });
        done.unwrap()
    };
    // Written in a week's time by its own word less an hour, it would be handled a week after that.
    assert!(spent(&mut tracker, now() + days(14) + SignedDuration::from_hours(1)));
    assert!(!spent(&mut tracker, now() + days(16)));
}

/// What a maintainer wrote elsewhere keeps a promise only where To or Cc, vouched for, name the reporter, and once.
#[test]
fn an_answer_from_elsewhere_is_believed_of_to_and_cc_alone() {
    const TO: &str = "To: security@example.org\r\n";
    let raw = |to: &str, id: u8| {
        let raw =
            unsigned("", "We are on it.", id).replace("Message-ID", "In-Reply-To: <r@example.test>\r\nMessage-ID");
        raw.replace("To: security+@example.org\r\n", to).replace("X-Was", "DKIM-Signature")
    };
    let signed = |fields: &[&str]| {
        let fields = ["from", "subject", "date", "to"].iter().chain(fields).map(|f| (*f).to_owned()).collect();
        let (domain, selector) = ("example.org".to_owned(), "s1".to_owned());
        Dkim::Pass(Signed { by: Proof::Dkim, domain, selector, fields, of_sender: true })
    };
    let results = "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a@example.org; \
                   dmarc=pass header.from=example.org\r\nReceived: from x by mx.example.org with ESMTPS; date\r\n";
    let answered = |tracker: &mut Tracker, raw: &str, dkim: Option<Dkim>| {
        let raw = if dkim.is_some() { raw.to_owned() } else { format!("{results}{raw}") };
        let mut news = tracker.on_mail(&[arrival(&raw)], now()).unwrap();
        while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
            news.add(tracker.verified(mail, dkim.clone().unwrap(), now()).unwrap());
        }
        news.entries.iter().any(|(_, e)| e.kind == EntryKind::Answered)
    };
    let fresh = || {
        let mut tracker = watching(Store::in_memory().unwrap(), project(VOUCH), Key::new([7; KEY_LENGTH]));
        let report = "From: r@example.test\r\nMessage-ID: <r@example.test>\r\nSubject: s\r\n\r\ntext\r\n";
        tracker.on_mail(&[arrival(report)], now()).unwrap();
        tracker
    };
    let both = "To: security@example.org, R <r@example.test>\r\n".to_owned();
    let cc = format!("{TO}Cc: r@example.test\r\n");
    let own = |field: &str| format!("{TO}{field}: r@example.test\r\n");
    for (to, fields, counts) in [
        (&both, None, true),
        (&both, Some(&[][..]), true),
        (&cc, None, true),
        (&cc, Some(&["cc"][..]), true),
        // Somebody on the way added it.
        (&cc, Some(&[][..]), false),
        (&own("X-Original-To"), None, false),
        (&own("Delivered-To"), None, false),
        (&own("X-Original-To"), Some(&["x-original-to"][..]), false),
        (&own("Bcc"), None, false),
        (&own("Resent-To"), None, false),
    ] {
        let dkim = fields.map(signed);
        assert_eq!(answered(&mut fresh(), &raw(to, 1), dkim), counts, "{to} {fields:?}");
    }
    for dkim in [None, Some(signed(&[]))] {
        let mut tracker = fresh();
        assert!(answered(&mut tracker, &raw(&both, 1), dkim.clone()));
        assert!(!answered(&mut tracker, &raw(&both, 2), dkim.clone()), "it comes again as another mail");
        let old = |raw: String| raw.replace("Jan 2027", "Jan 2026").replace("t=1", "t=0");
        assert!(!answered(&mut fresh(), &old(raw(&both, 3)), dkim), "it is a year old");
    }
}
