//! Honest mail: nothing that a person wrote is lost, hidden or cut, whatever words stand in it and whatever way it came.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use disclosed::testing::config::Config;
use disclosed::testing::intake::disposition::Disposition;
use disclosed::testing::mail::signature::Dkim;
use disclosed::testing::open;
use disclosed::testing::rules::event::Event;
use disclosed::testing::store::Store;
use disclosed::testing::ticket::{Acknowledgement, EntryKind};
use disclosed::testing::token::LENGTH;
use disclosed::testing::tracker::{Arrival, News, Posted, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeKind, TicketId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::corpus;
use crate::world::{self, Letter, Proof};

fn now() -> Timestamp {
    "2026-11-27T17:00:00Z".parse().unwrap()
}

fn tracker(config: &Config) -> Tracker {
    let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
    Tracker::new(store, config.project(), world::key(), open::digest(config).unwrap(), now()).unwrap()
}

fn arrival(raw: Vec<u8>) -> Arrival {
    let size = raw.len() as u64;
    // Found in a folder, as what comes by itself is.
    Arrival { raw, size, internal_date: None, not_before: None, place: None, listing: std::sync::Arc::default() }
}

/// What becomes of a mail: its disposition, whether it makes a ticket, and its acknowledgement.
fn fate(tracker: &mut Tracker, raw: &[u8]) -> (Disposition, Option<Acknowledgement>) {
    let intake = tracker.try_mail(raw, Dkim::Unasked, now()).unwrap().intake;
    let report = match &intake.event {
        Some(Event::Reported(report)) => Some(report.acknowledge.0),
        Some(_) | None => None,
    };
    (intake.disposition, report)
}

/// All that stands between quotes in the sources that recognise mail by words: their whole vocabulary.
fn vocabulary() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut words = Vec::new();
    for file in [
        "mail/automatic.rs",
        "mail/automatic/subjects.rs",
        "mail/bounce.rs",
        "mail/reply.rs",
        "mail/reply/words.rs",
        "intake/through.rs",
        "intake.rs",
    ] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code = code.replace("\\\n", "\n");
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            // A list that goes on from line to line stands between no quotes of its own.
            let inside = |n: &(usize, &str)| n.0 % 2 == 1 || line.matches('|').count() > 2 && !line.contains("||");
            words.extend(line.split('"').enumerate().filter(inside).map(|(_, w)| w.trim().to_owned()));
        }
    }
    let mut words: Vec<String> = words.iter().flat_map(|w| w.split('|')).map(str::to_owned).collect();
    words.retain(|w| w.chars().filter(|c| c.is_alphabetic()).count() >= 2 && !w.contains(['{', '\\']));
    words.sort();
    words.dedup();
    for known in
        ["user unknown", "is delayed", "returned mail", "réponse automatique", "thank you for", "mailer-daemon"]
    {
        assert!(words.iter().any(|w| w.trim() == known), "{known}");
    }
    assert!(words.len() > 300, "only {} phrases", words.len());
    words
}

/// The sender, the null return path and an attached delivery report, none or any two of them.
fn suspicious() -> [(bool, bool, bool); 4] {
    [(false, false, false), (true, true, false), (true, false, true), (false, true, true)]
}

fn suspicious_mail(subject: &str, text: &str, (postmaster, null, attached): (bool, bool, bool)) -> Vec<u8> {
    let mut headers = vec![format!("Subject: {subject}")];
    if null {
        headers.push("Return-Path: <>".into());
    }
    let mut body = text.to_owned();
    if attached {
        headers.push("Content-Type: multipart/mixed; boundary=b".into());
        body = format!(
            "--b\n\n{text}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.a.example\n\n\
             Final-Recipient: rfc822; b@a.example\nAction: failed\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\nx\n--b--\n"
        );
    }
    let from = if postmaster { "postmaster@isp.example" } else { "ann@researcher.example" };
    let proof = if null { Proof::Silent } else { Proof::Vouched };
    Letter {
        from: Some(from.into()),
        proof,
        id: "<1@a.example>".into(),
        date: now(),
        headers,
        body,
        ..Letter::default()
    }
    .bytes()
}

#[test]
fn every_phrase_of_the_recognisers_still_makes_a_ticket() {
    let mut tracker = tracker(&world::config(""));
    let mut acknowledged = 0;
    for phrase in vocabulary() {
        for how in suspicious() {
            for (subject, text) in [
                (phrase.clone(), "The parser of 2.1 overflows.".to_owned()),
                (format!("{phrase}: overflow in 2.1"), format!("{phrase}\n\nThe parser overflows.")),
                ("Overflow in 2.1".to_owned(), format!("{phrase}\nIt says: {phrase}.")),
                ("Overflow in 2.1".to_owned(), format!("Overflow.\n\n{phrase}")),
            ] {
                let raw = suspicious_mail(&subject, &text, how);
                let (disposition, report) = fate(&mut tracker, &raw);
                assert!(report.is_some(), "{phrase:?} {how:?}: {disposition:?}, no ticket");
                // What a person writes in the text says nothing of who they are.
                if how == (false, false, false) && subject.starts_with("Overflow") {
                    assert_eq!(report, Some(Acknowledgement::Sent), "{phrase:?}: {disposition:?}");
                    acknowledged += 1;
                }
            }
        }
    }
    assert!(acknowledged > 600, "{acknowledged}");
}

/// Headers that a list or a forwarder of the operator's adds to people's mail.
const RELAYED: &[&str] = &[
    "Precedence: list",
    "Precedence: bulk",
    "X-Loop: security@example.org",
    "Feedback-ID: 1:2:3:relay",
    "Mailing-list: list security@example.org; contact x@example.org",
    "List-Post: <mailto:security@example.org>",
    "List-Unsubscribe: <mailto:unsubscribe@relay.example>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    "List-Help: <mailto:help@relay.example>",
    "X-BeenThere: security@example.org",
    "X-Mailman-Version: 3.3.8",
    "Sender: security-bounces@example.org",
    "X-SES-Outgoing: 2027.01.04-192.0.2.1",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_operators_own_way_adds_changes_nothing(
        added in proptest::sample::subsequence(RELAYED, 0..RELAYED.len()),
        list in any::<bool>(),
        generated in any::<bool>(),
    ) {
        let through = "[inbox]\nmaildir = \"Maildir\"\nthrough = [{ list = \"security.example.org\" }, { forwarder = \"relay.example\" }]\n\
            [project]\nname = \"Example\"\naddress = \"security@example.org\"\n[outgoing]\nmaildir = \"Outgoing\"\n";
        let mut tracker = tracker(&world::config(through));
        let mut headers: Vec<String> = added.iter().map(ToString::to_string).collect();
        if list {
            headers.push("List-Id: <security.example.org>".into());
        } else {
            headers.push("X-Forwarded-For: in@relay.example security@example.org".into());
            if generated {
                headers.push("Auto-Submitted: auto-generated".into());
            }
        }
        let mail = |more: &[String]| {
            let mut headers = more.to_vec();
            headers.push("Subject: Overflow in 2.1".into());
            let (from, id) = (Some("ann@researcher.example".to_owned()), "<1@a.example>".to_owned());
            let body = "The parser overflows.".to_owned();
            Letter { from, proof: Proof::Vouched, id, date: now(), headers, body, ..Letter::default() }.bytes()
        };
        let plain = fate(&mut tracker, &mail(&[]));
        prop_assert_eq!(plain, (Disposition::Report, Some(Acknowledgement::Sent)));
        prop_assert_eq!(fate(&mut tracker, &mail(&headers)), plain);
        // The answer of a machine stays one, by whatever way.
        headers.retain(|h| !h.starts_with("Auto-Submitted"));
        headers.push("Auto-Submitted: auto-replied".into());
        prop_assert_eq!(fate(&mut tracker, &mail(&headers)).1, Some(Acknowledgement::Withheld));
    }
}

#[test]
fn five_thousand_bounces_hide_no_report() {
    let mut tracker = tracker(&world::config(""));
    let (source, _) = tracker.unseen("INBOX", &[]).unwrap();
    let mut news = News::default();
    let mut at = now();
    let bounce = |n: usize| {
        let headers = vec!["Return-Path: <>".into(), format!("Subject: failure notice {n}")];
        let from = Some(format!("mailer-daemon@host{n}.example"));
        let body = format!("I could not deliver your mail to user{n}@host{n}.example.");
        Letter { from, id: format!("<{n}@host.example>"), date: now(), headers, body, ..Letter::default() }.bytes()
    };
    let honest = Letter {
        from: Some("ann@researcher.example".into()),
        proof: Proof::Vouched,
        id: "<honest@researcher.example>".into(),
        date: now(),
        headers: vec!["Subject: Overflow".into()],
        body: "The parser overflows.".into(),
        ..Letter::default()
    };
    let mails: Vec<Vec<u8>> =
        (0..2_500).map(bounce).chain([honest.bytes()]).chain((2_500..5_000).map(bounce)).collect();
    for (batch, mails) in mails.chunks(64).enumerate() {
        let place = |n: usize| Some(disclosed::testing::store::Place { source, name: format!("{batch}.{n}") });
        let arrivals: Vec<Arrival> =
            mails.iter().enumerate().map(|(n, raw)| Arrival { place: place(n), ..arrival(raw.clone()) }).collect();
        news.add(tracker.on_mail(&arrivals, at).unwrap());
        at += SignedDuration::from_secs(20);
        news.add(tracker.on_tick(at).unwrap().0);
    }
    assert_eq!(news.receipts.len(), 5_001);
    assert!(news.receipts.iter().all(|(_, _, ticket, _)| ticket.is_some()), "each is a ticket or in one");
    let tickets: std::collections::BTreeSet<TicketId> = news.receipts.iter().filter_map(|r| r.2).collect();
    assert_eq!(tickets.len(), 22, "twenty, the one that gathers, and the report");
    let report = news.receipts.iter().find(|r| r.1 == Disposition::Report).unwrap().2;
    let of = |kind| news.notices.iter().filter(move |p| p.notice.kind() == kind && p.notice.ticket() == report);
    let acknowledged: Vec<&Address> =
        of(NoticeKind::Acknowledgement).filter(|p| p.notice.held.is_none()).map(|p| &p.notice.to).collect();
    assert_eq!(acknowledged.iter().map(|a| a.as_str()).collect::<Vec<_>>(), ["ann@researcher.example"]);
    assert_eq!(of(NoticeKind::Report).count(), 2, "the team is told of it");
    assert_eq!(tracker.store().read(|tx| tx.breaker()).unwrap(), None);
}

/// The small mails that were found on the way, beside the corpus, with what must become of each.
const FOUND: &str = include_str!("found.tsv");

/// A project as these mails know it, with one ticket; tokens in them are replaced by good ones of the same kind.
struct Desk {
    tracker: Tracker,
    /// By the first characters of a token: for whom its like was made.
    tokens: Vec<(&'static str, String)>,
    news: News,
}

impl Desk {
    fn new(domain: &str) -> Self {
        let (person, reporter) =
            if domain == "project.test" { ("mara", "ann@reporters.test") } else { ("ada", "bo@reporter.test") };
        let config = format!(
            "[project]\nname = \"Project\"\naddress = \"security@{domain}\"\n[inbox]\nmaildir = \"Maildir\"\n\
             through = [{{ list = \"security.project.test\" }}, {{ forwarder = \"project.test\" }}, \
             {{ forwarder = \"me.addy.example\" }}, {{ forwarder = \"mozmail.example\" }}]\n\
             [outgoing]\nmaildir = \"Outgoing\"\n[identity]\nauthserv_ids = [\"mx.{domain}\"]\n\
             [[person]]\nname = \"{person}\"\naddress = \"{person}@{domain}\"\n\
             [[person]]\nname = \"Lea\"\naddress = \"lea@{domain}\"\n"
        );
        let mut desk = Self { tracker: tracker(&world::config(&config)), tokens: Vec::new(), news: News::default() };
        let verdict = reporter.rsplit_once('@').unwrap().1;
        desk.take(
            format!(
                "Authentication-Results: mx.{domain}; dmarc=pass header.from={verdict}\r\nReceived: from a by b\r\n\
                 From: {reporter}\r\nTo: security@{domain}\r\nSubject: The report\r\nMessage-ID: <first@{verdict}>\r\n\
                 Date: Mon, 4 Jan 2027 09:00:00 +0000\r\n\r\nDoes version 1.1 have it too?\r\nCan I publish on Monday?\r\n"
            )
            .into_bytes(),
        );
        let mut token = |prefix, kind: NoticeKind, to: &str, field: &str| {
            let is_it = |p: &&Posted| p.notice.kind() == kind && p.notice.to.as_str() == to;
            let number = desk.news.notices.iter().find(is_it).unwrap().number;
            let bytes = desk.tracker.store().read(|tx| tx.notice_bytes(number)).unwrap();
            let value = world::field(&bytes, field).unwrap();
            let token = value.trim_matches(['<', '>']).split('@').next().unwrap().to_owned();
            desk.tokens.push((prefix, token));
        };
        token("04", NoticeKind::Report, &format!("{person}@{domain}"), "Message-ID");
        token("08", NoticeKind::Acknowledgement, reporter, "Message-ID");
        let claims: Vec<_> = std::iter::from_fn(|| desk.tracker.claim(now()).unwrap()).collect();
        let claim = claims.iter().find(|c| c.kind == NoticeKind::Acknowledgement).unwrap();
        let envelope = claim.envelope.as_ref().unwrap().local().split_once('+').unwrap().1.to_owned();
        desk.tokens.push(("0c", envelope));
        desk
    }

    fn take(&mut self, raw: Vec<u8>) -> String {
        let arrival = world::found(&mut self.tracker, raw);
        let news = self.tracker.on_mail(&[arrival], now()).unwrap();
        let mut said = String::new();
        for (_, disposition, ticket, _) in &news.receipts {
            let ticket = ticket.map_or("no ticket".to_owned(), |t| format!("SEC-{}", t.0));
            write!(said, "{} {ticket}", disposition.word()).unwrap();
        }
        for (_, entry) in &news.entries {
            if let EntryKind::Acknowledgement { outcome } = &entry.kind {
                write!(said, ", acknowledgement {outcome:?}").unwrap();
            }
        }
        let mut told: Vec<String> = news
            .notices
            .iter()
            .filter(|p| p.notice.kind() != NoticeKind::Reminder && !p.notice.to.as_str().starts_with("lea@"))
            .map(|p| format!("{} to {}", p.notice.kind().word(), p.notice.to.as_str()))
            .collect();
        told.sort();
        if !told.is_empty() {
            write!(said, ", {}", told.join(", ")).unwrap();
        }
        self.news.add(news);
        said
    }

    /// All that was said to people of the project since the first report.
    fn told(&mut self) -> String {
        let mut all = String::new();
        for Posted { number, .. } in self.news.notices.iter().skip(3) {
            let bytes = self.tracker.store().read(|tx| tx.notice_bytes(*number)).unwrap();
            all.push_str(&world::reading(&bytes).text);
        }
        all.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn found_mails_come_to_their_right_end() {
    let Some(place) = corpus::found() else { return };
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites expectations")]
    let bless = std::env::var("DISCLOSED_BLESS").is_ok();
    let mut wrong = String::new();
    let mut all = String::new();
    let mut seen = Vec::new();
    for line in FOUND.lines().filter(|l| !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [names, expected, shown] = columns[..] else { panic!("three columns: {line}") };
        if let Some(name) = names.split(' ').find(|name| !place.join(name).exists()) {
            corpus::left_out(&format!("{names}: there is no {name} beside the corpus"));
            continue;
        }
        let mut desk: Option<Desk> = None;
        let mut end = String::new();
        for name in names.split(' ') {
            let mut raw = fs::read(place.join(name)).unwrap();
            seen.push(name);
            let to = world::field(&raw, "To").unwrap();
            let domain = if to.contains("disclosed.test") { "disclosed.test" } else { "project.test" };
            let desk = desk.get_or_insert_with(|| Desk::new(domain));
            for (prefix, token) in &desk.tokens {
                let mut at = 0;
                while let Some(found) = raw[at..].windows(LENGTH).position(|w| {
                    w.starts_with(prefix.as_bytes()) && w.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                }) {
                    raw[at + found..at + found + LENGTH].copy_from_slice(token.as_bytes());
                    at += found + LENGTH;
                }
            }
            write!(end, "{}{}", if end.is_empty() { "" } else { "; " }, desk.take(raw)).unwrap();
        }
        let told = desk.unwrap().told();
        for phrase in shown.split(" | ").filter(|p| !p.is_empty()) {
            let (phrase, wanted) = phrase.strip_prefix('!').map_or((phrase, true), |p| (p, false));
            if told.contains(phrase) != wanted {
                writeln!(wrong, "{names}: {phrase:?} shown: {}", !wanted).unwrap();
            }
        }
        if end != expected {
            writeln!(wrong, "{names}:\n  expected {expected}\n  found    {end}").unwrap();
        }
        writeln!(all, "{names}\t{end}\t{shown}").unwrap();
    }
    if bless {
        let head: String = FOUND.lines().filter(|l| l.starts_with('#')).map(|l| format!("{l}\n")).collect();
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/found.tsv"), head + &all).unwrap();
    }
    assert!(wrong.is_empty() || bless, "{wrong}");
    for file in fs::read_dir(&place).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !seen.contains(&name.as_str()) {
            corpus::left_out(&format!("{name}, of which tests/suite/found.tsv does not say what must become"));
        }
    }
}
