//! What leaves, and to whom: each level of notices, no address of a stranger's choice, nothing of a mail in the log.

use std::collections::BTreeSet;

use disclosed::testing::notice::codename::Codename;
use disclosed::testing::notice::text::trouble::Trouble;
use disclosed::testing::open;
use disclosed::testing::project::Level;
use disclosed::testing::store::Store;
use disclosed::testing::tracker::{News, Posted, Tracker};
use disclosed::testing::vocabulary::{NoticeKind, Outcome, TicketId};
use jiff::{SignedDuration, Timestamp};

use crate::desk::Desk;
use crate::world::{self, Letter, Proof, answer, field};

/// What came from outside or was written by a person, each once where it can stand.
const MARKS: &[&str] = &[
    "frobnicator",       // the subject
    "Riley",             // the name of the sender
    "reporter.example",  // the address of the sender, and its domain in what vouches for it
    "heapspray",         // the text
    "proof-of-concept",  // the name of an attachment
    "second-thoughts",   // the text of a follow-up
    "passer.example",    // who holds the reporter's address
    "confidential-note", // a note
    "vendor-asked",      // a reason behind a command
    "no-such-mailbox",   // what a mail server said
    "bea@example.org",   // who tried to command
];

const PEOPLE: &str = r#"
[[person]]
name = "Bea"
address = "bea@example.org"

[[person]]
name = "Dana"
address = "dana@example.org"

[[person]]
name = "Sam"
address = "sam@example.org"
notices = "summary"

[[person]]
name = "Nox"
address = "nox@example.org"
notices = "none"
[reports]
digest = "0 0 9 * * Mon"
"#;
const EACH: [(&str, Level); 3] =
    [("dana@example.org", Level::Full), ("sam@example.org", Level::Summary), ("nox@example.org", Level::None)];

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

/// A tracker, all notices that it made, and their bytes.
struct Life {
    tracker: Tracker,
    said: Vec<(Posted, Vec<u8>)>,
    at: Timestamp,
    mails: usize,
}

impl Life {
    fn new(more: &str) -> Self {
        let config = world::config(&format!("{PEOPLE}{more}"));
        let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
        let digest = open::digest(&config).unwrap();
        let tracker = Tracker::new(store, config.project(), world::key(), digest, now()).unwrap();
        Self { tracker, said: Vec::new(), at: now(), mails: 0 }
    }

    fn heard(&mut self, news: News) {
        for posted in news.notices {
            let bytes = self.tracker.store().read(|tx| tx.notice_bytes(posted.number)).unwrap();
            self.said.push((posted, bytes));
        }
    }

    fn mail(&mut self, letter: &Letter) {
        self.mails += 1;
        let letter = Letter { id: format!("<mail-{}@example.test>", self.mails), date: self.at, ..letter.clone() };
        let raw = letter.bytes();
        let arrival = world::found(&mut self.tracker, raw);
        let news = self.tracker.on_mail(&[arrival], self.at).unwrap();
        self.heard(news);
    }

    fn tick(&mut self, hours: i64) {
        self.at += SignedDuration::from_hours(hours);
        let (news, _) = self.tracker.on_tick(self.at).unwrap();
        self.heard(news);
    }

    /// The last notice of a kind to somebody.
    fn last(&self, kind: NoticeKind, to: &str) -> &(Posted, Vec<u8>) {
        let found = self.said.iter().rev().find(|(p, _)| p.notice.kind() == kind && p.notice.to.as_str() == to);
        found.unwrap_or_else(|| panic!("no {kind:?} to {to}"))
    }

    /// Fails the delivery of the waiting notice of a kind.
    fn refuse(&mut self, kind: NoticeKind, reply: &str) {
        while let Some(claim) = self.tracker.claim(self.at).unwrap() {
            if claim.kind == kind {
                let news = self.tracker.delivered(&claim, &Outcome::Refused(reply.into()), self.at).unwrap();
                self.heard(news);
                return;
            }
        }
        panic!("no {kind:?} waits");
    }

    fn reply(&mut self, kind: NoticeKind, to: &str, from: &str, proof: Proof, body: &str) {
        let notice = self.last(kind, to).1.clone();
        let letter = Letter { proof, ..answer(from, &notice, body, "", self.at) };
        self.mail(&letter);
    }
}

fn report() -> Letter {
    Letter {
        from: Some("riley@reporter.example".into()),
        proof: Proof::Vouched,
        headers: vec![
            "From: Riley Reporter <riley@reporter.example>".into(),
            "Subject: Overflow in the frobnicator".into(),
            "MIME-Version: 1.0".into(),
            "Content-Type: multipart/mixed; boundary=b".into(),
        ],
        body: "--b\nContent-Type: text/plain\n\nA heapspray does it. Severity: high. CVE-2027-4242, CWE-79.\n--b\n\
               Content-Type: application/zip\nContent-Disposition: attachment; filename=proof-of-concept.zip\n\nPK\n--b--\n"
            .into(),
        ..Letter::default()
    }
}

/// A ticket with all that can be told of one.
fn life() -> Life {
    let mut life = Life::new("");
    // She commands; the others hear of it.
    let (bea, riley) = ("bea@example.org", "riley@reporter.example");
    life.mail(&report());
    let follow = "second-thoughts of mine\n";
    life.reply(NoticeKind::Acknowledgement, riley, riley, Proof::Vouched, follow);
    life.reply(NoticeKind::Acknowledgement, riley, "eve@passer.example", Proof::Vouched, "second-thoughts of hers\n");
    life.reply(NoticeKind::Report, bea, bea, Proof::Vouched, "A confidential-note.\n");
    let orders = "/extend acknowledge 2027-03-01 vendor-asked for it\n/note\n\nA confidential-note.\n";
    life.reply(NoticeKind::Report, bea, bea, Proof::Vouched, orders);
    // With her token, and nobody vouches; and about no ticket, from nobody: a report like any other.
    life.reply(NoticeKind::Report, bea, bea, Proof::Forged, "/close vendor-asked\n");
    let nowhere = Letter {
        from: Some(bea.into()),
        headers: vec!["Authentication-Results: mx.example.org; dmarc=pass header.from=evil.example".into()],
        body: "/close vendor-asked\n".into(),
        ..Letter::default()
    };
    life.mail(&nowhere);
    // A code asked for and guessed wrongly.
    life.reply(NoticeKind::Report, bea, bea, Proof::Vouched, "/public\n");
    life.reply(NoticeKind::Code, bea, bea, Proof::Vouched, "/confirm 00000000\n");
    life.refuse(NoticeKind::Acknowledgement, "550 riley@reporter.example: no-such-mailbox");
    life.tick(24 * 7 * 9);
    life.refuse(NoticeKind::Digest, "550 no-such-mailbox at reporter.example");
    let trouble =
        life.tracker.trouble(&Trouble::Timeline { ticket: TicketId(1), why: "frobnicator".into() }, life.at).unwrap();
    life.heard(trouble);
    life
}

#[test]
fn each_level_says_what_it_may_in_every_kind_of_notice() {
    let mut life = life();
    // Flood: one mail an hour, and a second of a sender who is not new.
    let mut flooded = Life::new("[limits]\nautomatic_per_hour = 0\n");
    flooded.mail(&report());
    flooded.mail(&Letter { body: "Another heapspray.".into(), headers: Vec::new(), ..report() });
    life.said.extend(flooded.said);

    for (person, level) in EACH {
        let mine: Vec<_> = life.said.iter().filter(|(p, _)| p.notice.to.as_str() == person).collect();
        let kinds: BTreeSet<&str> = mine.iter().map(|(p, _)| p.notice.kind().word()).collect();
        for told in
            ["report", "follow-up", "change", "attempt", "undeliverable", "reminder", "digest", "trouble", "flood"]
        {
            assert!(kinds.contains(told), "no {told} to {person}: {kinds:?}");
        }
        let mut seen = BTreeSet::new();
        for (Posted { notice, words, .. }, bytes) in &mine {
            // All of it but the tokens.
            let raw = String::from_utf8(bytes.clone()).unwrap();
            let raw: String =
                raw.lines().filter(|l| !l.starts_with("Message-ID") && !l.starts_with("Reply-To")).collect();
            let text = format!("{}\n{}", words.subject, world::reading(bytes).text);
            for mark in MARKS {
                let found = text.contains(mark) || raw.contains(mark);
                if found {
                    seen.insert(*mark);
                }
                // Trouble is about the daemon; what it says there, it says in our words.
                let ours = notice.kind() == NoticeKind::Trouble && level == Level::Summary;
                assert!(!found || level == Level::Full || ours, "{mark} to {level:?}:\n{text}");
            }
            match level {
                Level::Full => {}
                Level::Summary => {
                    let tagged = ["[SEC-1] ", "[SEC-2] "].iter().any(|tag| words.subject.starts_with(tag));
                    assert!(notice.ticket().is_none() || tagged, "{}", words.subject);
                }
                Level::None => {
                    for word in [
                        "SEC-1", "SEC-2", "ticket-1", "CVE", "CWE", "high", "received", "Severity", "Status", "Owner",
                        "Bea",
                    ] {
                        assert!(!text.contains(word) && !raw.contains(word), "{word}:\n{text}");
                    }
                    if let Some(ticket) = notice.ticket() {
                        let name = Codename::of(ticket, &world::key());
                        assert!(words.subject.starts_with(&format!("[{name}] ")), "{}", words.subject);
                        let say = [name.loud(), format!("`disclosed show {}`", name.slug()), "/help".into()];
                        assert!(say.iter().all(|s| text.contains(s)), "{text}");
                    }
                }
            }
        }
        let all: BTreeSet<&str> = MARKS.iter().copied().collect();
        assert!(level != Level::Full || seen == all, "full leaves out {:?}", all.difference(&seen));
    }
    // Summary says what was recognised, and who in the sense of a role.
    let summary = |kind| world::reading(&life.last(kind, "sam@example.org").1).text;
    let report = life
        .said
        .iter()
        .find(|(p, _)| p.notice.kind() == NoticeKind::Report && p.notice.to.as_str() == "sam@example.org");
    let report = world::reading(&report.unwrap().1).text;
    for part in
        ["SEC-1", "severity high", "CVE-2027-4242, CWE-79", "Attachments: 1.", "acknowledge", "Status: received"]
    {
        assert!(report.contains(part), "{part}:\n{report}");
    }
    assert!(summary(NoticeKind::FollowUp).contains("somebody who is not the reporter"));
    assert!(summary(NoticeKind::Reminder).contains("acknowledge"));
}

#[test]
fn a_person_without_notices_commands_as_well() {
    let mut life = Life::new("");
    let nox = "nox@example.org";
    life.mail(&report());
    let name = Codename::of(TicketId(1), &world::key());
    let said = |life: &Life, kind| {
        let (Posted { words, .. }, bytes) = life.last(kind, nox);
        let text = world::reading(bytes).text;
        assert!(MARKS.iter().all(|m| !text.contains(m)) && !text.contains("SEC-1"), "{text}");
        (words.subject.clone(), text)
    };
    life.reply(NoticeKind::Report, nox, nox, Proof::Vouched, "/severity critical\n");
    let (subject, text) = said(&life, NoticeKind::Answer);
    assert_eq!(subject, format!("[{name}] Done"));
    assert!(text.contains("> /severity critical\nseverity is critical\n") && text.contains(&name.loud()), "{text}");
    life.reply(NoticeKind::Report, nox, nox, Proof::Vouched, "/status\n");
    let (_, text) = said(&life, NoticeKind::Answer);
    assert!(text.contains("\n  acknowledge  ") && !text.contains("critical"), "{text}");
    life.reply(NoticeKind::Report, nox, nox, Proof::Vouched, "/severity bad\n");
    assert_eq!(said(&life, NoticeKind::Answer).0, format!("[{name}] Nothing was done"));
    life.reply(NoticeKind::Report, nox, nox, Proof::Vouched, "/list\n");
    let (_, text) = said(&life, NoticeKind::Answer);
    assert!(text.contains(&format!("\n  {}  answer the reporter by ", name.loud())), "{text}");
    life.reply(NoticeKind::Report, nox, nox, Proof::Vouched, "/public\n");
    assert_eq!(said(&life, NoticeKind::Code).0, format!("[{name}] Please confirm"));
    let code = world::code(&life.last(NoticeKind::Code, nox).1).unwrap();
    life.reply(NoticeKind::Code, nox, nox, Proof::Vouched, &format!("/confirm {code}\n"));
    let public = life.tracker.store().read(|tx| tx.tickets(true)).unwrap()[0].public;
    assert!(public.is_some());
}

/// What was made for the team is known at each level, and does not slip into a text for the reporter (G6).
#[test]
fn a_notice_of_any_level_is_no_text_for_the_reporter() {
    for (person, _) in EACH {
        let mut life = Life::new("");
        life.mail(&report());
        let notice = world::reading(&life.last(NoticeKind::Report, person).1).text;
        life.reply(NoticeKind::Report, person, person, Proof::Vouched, &format!("/reply\n\nSee below.\n\n{notice}"));
        let answer = &life.last(NoticeKind::Code, person).0;
        assert!(answer.words.subject.ends_with("Nothing was sent"), "{person}: {answer:?}");
        assert!(!life.said.iter().any(|(p, _)| p.notice.kind() == NoticeKind::Reply));
    }
}

#[test]
fn many_reminders_in_one_name_their_tickets_by_level() {
    let mut life = Life::new("");
    for n in 0..8 {
        life.mail(&Letter {
            body: format!("heapspray number {n}"),
            headers: vec![format!("Subject: frobnicator {n}")],
            ..report()
        });
    }
    life.tick(47);
    for (person, level) in EACH {
        let (Posted { notice, .. }, bytes) = life.last(NoticeKind::Reminder, person);
        let text = world::reading(bytes).text;
        assert_eq!(notice.ticket(), None, "one for all");
        // Titles are for those who may read all.
        assert_eq!(MARKS.iter().any(|m| text.contains(m)), level == Level::Full, "{text}");
        let third = Codename::of(TicketId(3), &world::key()).to_string();
        assert_eq!((text.contains("[SEC-3]"), text.contains(&third)), (level != Level::None, level == Level::None));
    }
}

/// Where a stranger could ask us to write, nobody is written to: RFC 3834 section 4 names the return path, and even
/// that is the sender's to choose.
#[test]
fn no_address_is_written_to_because_a_stranger_named_it() {
    let mut life = Life::new("");
    let mut letter = report();
    let asks = [
        "Reply-To",
        "Sender",
        "Return-Path",
        "Mail-Followup-To",
        "Mail-Reply-To",
        "Errors-To",
        "Cc",
        "Resent-From",
        "Disposition-Notification-To",
        "Return-Receipt-To",
        "X-Original-From",
        "List-Post",
    ];
    letter.headers.extend(asks.iter().filter(|h| **h != "List-Post").map(|h| format!("{h}: victim@victim.example")));
    life.mail(&letter);
    let followed = life.last(NoticeKind::Acknowledgement, "riley@reporter.example").1.clone();
    let mut more = answer("riley@reporter.example", &followed, "More.\n", "", life.at);
    more.headers.push("Reply-To: victim@victim.example".into());
    life.mail(&more);
    life.reply(NoticeKind::Report, "dana@example.org", "dana@example.org", Proof::Vouched, "/reply\n\nThank you.\n");
    life.tick(24 * 100);
    assert!(life.said.len() > 10);
    for (Posted { notice, .. }, bytes) in &life.said {
        assert_ne!(notice.to.as_str(), "victim@victim.example", "{:?}", notice.kind());
        let raw = String::from_utf8(bytes.clone()).unwrap();
        let head = raw.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("victim"), "{head}");
        // One recipient a mail, who is the one that the outbox names.
        assert_eq!(field(bytes, "To").as_deref(), Some(notice.to.as_str()));
        assert!(["Cc", "Bcc"].iter().all(|h| field(bytes, h).is_none()), "{head}");
    }
    assert_eq!(life.last(NoticeKind::Reply, "riley@reporter.example").0.notice.to.as_str(), "riley@reporter.example");
}

#[test]
fn the_reporter_reads_only_what_was_written_for_them() {
    let life = life();
    let theirs: Vec<_> = life.said.iter().filter(|(p, _)| p.notice.to.as_str() == "riley@reporter.example").collect();
    assert!(theirs.len() >= 2, "an acknowledgement and a date");
    for (Posted { words, .. }, bytes) in theirs {
        let text = world::reading(bytes).text;
        // Not even their own words come back, and nothing of the team's.
        for mark in MARKS.iter().filter(|m| !["reporter.example", "Riley"].contains(m)) {
            assert!(!text.contains(mark) && !words.subject.contains(mark), "{mark}:\n{text}");
        }
    }
}

#[test]
fn the_log_names_no_title_no_text_and_no_address() {
    let desk = Desk::new();
    let mail = |n: usize, text: &str| desk.write(&format!("in/new/{n}"), text);
    let head = "From: Riley <riley@reporter.example>\nTo: security@example.org\nSubject: frobnicator\n";
    mail(1, &format!("{head}Message-ID: <1@reporter.example>\n\nA heapspray.\n"));
    mail(2, &format!("{head}Content-Type: multipart/mixed; boundary=b\n\n--b\nheapspray\n"));
    mail(3, "From: ada@example.org\nSubject: frobnicator\n\n/close vendor-asked\n");
    mail(4, "From: ada@example.org, eve@evil.example\nSubject: frobnicator\n\n/ack\n");
    mail(
        5,
        "From: mailer-daemon@evil.example\nReturn-Path: <>\nSubject: Undelivered frobnicator\n\nriley@reporter.example: no-such-mailbox\n",
    );
    mail(6, "From: \x1b[31mRiley\r riley@reporter.example\n\nheapspray\n");
    let output = desk.command(&["run", "--once"]).env("RUST_LOG", "trace").output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.lines().count() > 6, "{log}");
    for mark in MARKS.iter().chain(&["riley@", "ada@", "evil.example", "/close"]) {
        assert!(!log.contains(mark), "{mark} is in the log:\n{log}");
    }
}

#[test]
fn a_ticket_is_found_by_its_codename() {
    let desk = Desk::with_report();
    let name = desk.json(&["list"])["tickets"][0]["codename"].as_str().unwrap().to_owned();
    assert_eq!(desk.json(&["show", "SEC-1"])["ticket"]["codename"], name.as_str());
    let spaced = name.replace('-', " ");
    assert!(desk.ok(&["show", "1"]).contains(&format!("Codename: {spaced}.")));
    for written in [name.clone(), spaced, name.to_uppercase()] {
        assert_eq!(desk.json(&["show", &written])["ticket"]["id"], "SEC-1");
    }
    desk.ok(&["log", &name]);
    desk.fails(1, &["show", "quiet-harbour-77"], "is no ticket; write SEC-17 or 17");
}

#[test]
fn check_says_who_is_told_how_much() {
    let desk = Desk::new();
    let config = std::fs::read_to_string(desk.path().join("config.toml")).unwrap();
    let more = "[[person]]\nname = \"Nox\"\naddress = \"nox@example.org\"\nnotices = \"none\"\n";
    // The project's level is for all who have none of their own.
    desk.write(
        "config.toml",
        &format!("{}{more}", config.replacen("[project]", "[project]\nnotices = \"summary\"", 1)),
    );
    let said = desk.ok(&["check"]);
    assert!(said.contains("Ada <ada@example.org>: maintainer, lead; notices: summary"), "{said}");
    assert!(said.contains("Nox <nox@example.org>: maintainer; notices: none"), "{said}");
    let people = desk.json(&["check"])["people"].clone();
    assert_eq!((&people[0]["notices"], &people[1]["notices"]), (&"summary".into(), &"none".into()));
}
