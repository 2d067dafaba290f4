//! Who is obeyed at which provider: set-ups × senders × true and forged, through the real path.
//!
//! `providers/layouts.txt` says how each provider writes the header of a mail that it takes, and what must come of a
//! true command there. Here stand the senders, and what an attacker may write who holds a valid token. Keys are our own,
//! and what is published of them is a value. What came of each cell, and why, is in `providers/verdicts.txt`, which
//! `DISCLOSED_BLESS=1` writes anew; the rules hold whatever stands there.

mod forged;
mod layout;
mod metamorphic;
mod samples;
mod signing;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use disclosed::testing::dkim::Verifier;
use disclosed::testing::rules::event::Event;
use disclosed::testing::store::{Place, Store};
use disclosed::testing::ticket::{Actor, EntryKind};
use disclosed::testing::tracker::{Arrival, Asked, News, Tracker};
use disclosed::testing::vocabulary::NoticeKind;
use jiff::Timestamp;

use self::layout::{Row, Seen, rows};
use self::signing::{GMAILS, MICROSOFTS, signature};
use crate::world;

/// Writes from the address that the config names for her, at a domain with a strict policy.
const MARA: &str = "mara@team.test";
/// The same, and the config names the tenant that signs for her.
const PIA: &str = "pia@team.test";
/// Has an address in the project's own domain.
const MAX: &str = "max@example.org";

/// How a true command was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// Signed by the domain of the From, To among the fields.
    S1,
    /// By the same, as Microsoft 365 does it: without To.
    S2,
    /// Signed by the tenant, `*.onmicrosoft.com`.
    S3,
    /// The same, by a tenant that the config names.
    S3Pinned,
    /// Not signed; the envelope is all.
    S4,
}

impl Sender {
    const ALL: [Self; 5] = [Self::S1, Self::S2, Self::S3, Self::S3Pinned, Self::S4];
}

/// What came of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Something was done in the name of a person.
    Obeyed,
    /// Nothing was done, and a note was written down as a person's.
    Noted,
    /// Nothing was done, and a person was sent a code.
    Code,
    /// Nothing was done, and the person whose token it bears was told.
    Told,
    /// Nothing was done.
    Silent,
}

/// A database with one ticket, and how each person answers its notice.
struct Base {
    folder: tempfile::TempDir,
    answers: BTreeMap<&'static str, Answers>,
}

/// What a notice says of how it is answered.
struct Answers {
    to: String,
    id: String,
    subject: String,
}

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

/// The next mail of the folder.
fn arrival(tracker: &mut Tracker, raw: &str) -> Arrival {
    let raw = raw.replace('\n', "\r\n").into_bytes();
    let size = raw.len() as u64;
    let (source, _) = tracker.unseen("INBOX", &[]).unwrap();
    let name = tracker.store().read(|tx| tx.receipts()).unwrap().len().to_string();
    let place = Some(Place { source, name: name.clone() });
    Arrival { raw, size, internal_date: None, not_before: None, place, listing: vec![name].into() }
}

/// The config of a set-up.
fn config(through: &str, identity: &str) -> disclosed::testing::config::Config {
    let person = |name: &str, address: &str, more: &str| {
        format!("[[person]]\nname = \"{name}\"\naddress = \"{address}\"\nroles = [\"maintainer\", \"lead\"]\n{more}\n")
    };
    let people = person("Mara", MARA, "")
        + &person("Pia", PIA, "dkim_domains = [\"teamtest.onmicrosoft.com\"]")
        + &person("Max", MAX, "");
    world::config(&format!(
        "[project]\nname = \"Example\"\naddress = \"{}\"\n[inbox]\nmaildir = \"Maildir\"\nthrough = [{through}]\n\
         [outgoing]\nmaildir = \"Outgoing\"\n{people}[identity]\n{identity}\n",
        world::PROJECT
    ))
}

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::with(rusqlite::Connection::open(folder.path().join("base")).unwrap()).unwrap();
        let project = config("", "authserv_ids = [\"mx.example.org\"]").project();
        let mut tracker = Tracker::new(store, project, world::key(), None, now()).unwrap();
        let report = "From: rae@reporter.example\nMessage-ID: <r1@reporter.example>\nSubject: A hole\n\nIt is so.\n";
        let report = arrival(&mut tracker, report);
        tracker.on_mail(&[report], now()).unwrap();
        let mut answers = BTreeMap::new();
        while let Some(claim) = tracker.claim(now()).unwrap() {
            let field = |name: &str| world::field(&claim.bytes, name).unwrap();
            if let Some(to) = [MARA, PIA, MAX].into_iter().find(|a| claim.to.as_str() == *a) {
                let (id, subject) = (field("Message-ID"), format!("Re: {}", field("Subject")));
                answers.insert(to, Answers { to: field("Reply-To"), id, subject });
            }
        }
        Self { folder, answers }
    }

    /// A mail of that person in answer to the notice, with that text.
    fn letter(&self, from: &str, body: &str) -> String {
        let Answers { to, id, subject } = &self.answers[from];
        let domain = from.split_once('@').unwrap().1;
        format!(
            "From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: <c1@{domain}>\nIn-Reply-To: {id}\n\
             References: {id}\nDate: {}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 7bit\n\n{body}",
            now().strftime("%a, %d %b %Y %H:%M:%S +0000")
        )
    }

    /// A daemon at that provider, which knows the ticket.
    fn tracker(&self, row: &Row) -> Tracker {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        let none: Option<fn(rusqlite::backup::Progress)> = None;
        connection.restore("main", self.folder.path().join("base"), none).unwrap();
        let project = config(&row.through, &row.identity).project();
        Tracker::new(Store::with(connection).unwrap(), project, world::key(), None, now()).unwrap()
    }

    /// What comes of the last of these mails, as they stand in the mailbox, and why.
    fn verdict(&self, row: &Row, mails: &[String], at: Timestamp) -> (Verdict, String) {
        let mut tracker = self.tracker(row);
        let mut news = News::default();
        for mail in mails {
            while tracker.claim(at).unwrap().is_some() {}
            news = deliver(&mut tracker, mail, at);
        }
        let mut persons = news.entries.iter().filter(|(_, entry)| matches!(entry.by, Actor::Person(_)));
        let noted = persons.clone().next().is_some();
        let done = persons.any(|(_, entry)| entry.kind != EntryKind::Note);
        let mut told = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Attempt);
        let told = told.any(|p| p.words.subject.ends_with("Not done"));
        let code = std::iter::from_fn(|| tracker.claim(at).unwrap()).any(|c| world::code(&c.bytes).is_some());
        let verdict = if done {
            Verdict::Obeyed
        } else if noted {
            Verdict::Noted
        } else if code {
            Verdict::Code
        } else if told {
            Verdict::Told
        } else {
            Verdict::Silent
        };
        let reason = news.receipts.last().map_or_else(String::new, |(.., reason)| reason.clone());
        match (verdict, mails) {
            (Verdict::Obeyed, [mail]) => (verdict, tried(&mut self.tracker(row), mail, at).0),
            _ => (verdict, reason),
        }
    }
}

/// Who vouches for a mail, and the commands that would be obeyed of it.
fn tried(tracker: &mut Tracker, mail: &str, at: Timestamp) -> (String, Option<String>) {
    let raw = mail.replace('\n', "\r\n").into_bytes();
    let dkim = match tracker.question(&raw, at) {
        Asked::Known(dkim) => dkim,
        Asked::Open(question) => runtime().block_on(verifier().check(&question, at)),
    };
    let tried = tracker.try_mail(&raw, dkim, at).unwrap();
    let orders = match tried.intake.event {
        Some(Event::Ordered(order)) => Some(format!("{:?} {:?}", order.by, order.orders.lines)),
        // A note commands nothing.
        Some(_) | None => None,
    };
    (tried.identity.reason, orders)
}

/// Takes in a mail, and answers what is asked about its signatures.
fn deliver(tracker: &mut Tracker, mail: &str, at: Timestamp) -> News {
    let mail = arrival(tracker, mail);
    let mut news = tracker.on_mail(&[mail], at).unwrap();
    while let (more, Some((mail, question))) = tracker.next_question(at).unwrap() {
        news.add(more);
        let dkim = runtime().block_on(verifier().check(&question, at));
        news.add(tracker.verified(mail, dkim, at).unwrap());
    }
    assert_eq!(news.receipts.len(), 1);
    news
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Knows the keys of all who sign here.
fn verifier() -> Verifier {
    Verifier::fixed(signing::published())
}

/// A true command, and what the provider finds out about it.
fn truth(base: &Base, row: &Row, sender: Sender) -> (String, Seen) {
    let from = if row.is_inside() {
        MAX
    } else if sender == Sender::S3Pinned {
        PIA
    } else {
        MARA
    };
    let letter = base.letter(from, "/severity critical\n");
    let (signer, names) = match sender {
        Sender::S1 => (Some("team.test"), GMAILS),
        Sender::S2 => (Some("team.test"), MICROSOFTS),
        Sender::S3 | Sender::S3Pinned => (Some("teamtest.onmicrosoft.com"), MICROSOFTS),
        Sender::S4 => (None, GMAILS),
    };
    let mail = signer.map_or_else(|| letter.clone(), |signer| signature(&letter, signer, names) + &letter);
    let domain = from.split_once('@').unwrap().1;
    let to = base.answers[from].to.clone();
    let seen = Seen {
        envelope: from.into(),
        helo: format!("out.{domain}"),
        ip: "192.0.2.10",
        recipient: to.clone(),
        to,
        dkim: signer.map(|signer| (signer, true)),
        by_envelope: true,
        from: format!("Mara <{from}>"),
        domain,
    };
    (mail, seen)
}

/// All cells of a set-up: their names, what must come of them, and what came of them and why.
fn cells(base: &Base, row: &Row) -> Vec<(String, String, Verdict, String)> {
    let mut cells = Vec::new();
    for (sender, expected) in Sender::ALL.into_iter().zip(&row.truth).filter(|(_, e)| *e != "-") {
        let (mail, seen) = truth(base, row, sender);
        let (verdict, reason) = base.verdict(row, &[row.render(&seen, &mail)], now());
        cells.push((format!("{sender:?}"), expected.clone(), verdict, reason));
    }
    for forged in forged::all(base, row) {
        let mails: Vec<String> = forged.mails.iter().map(|(seen, mail)| row.render(seen, mail)).collect();
        let (verdict, reason) = base.verdict(row, &mails, forged.at);
        // What she wrote to the ticket, and signed so, may come to it as her note by whomever.
        let expected = if forged.hers { "a note of hers, or not" } else { "not" };
        cells.push((forged.name, expected.into(), verdict, reason));
    }
    cells
}

#[test]
fn true_commands_are_obeyed_and_forged_ones_are_not() {
    let base = Base::new();
    let (mut wrong, mut found, mut before) = (String::new(), String::new(), Vec::new());
    let rows = rows();
    // Each set-up has a database of its own.
    let all: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = rows.iter().map(|row| scope.spawn(|| cells(&base, row))).collect();
        rows.iter().zip(started.into_iter().map(|s| s.join().unwrap())).collect()
    });
    for (row, cells) in all {
        writeln!(found, "== {}", row.name).unwrap();
        let mut alike: BTreeMap<(Verdict, String), Vec<String>> = BTreeMap::new();
        for (cell, expected, verdict, reason) in cells {
            let right = match expected.as_str() {
                "obeyed" => verdict == Verdict::Obeyed,
                "code" => verdict == Verdict::Code,
                "not" => matches!(verdict, Verdict::Code | Verdict::Told | Verdict::Silent),
                "a note of hers, or not" => verdict != Verdict::Obeyed,
                other => panic!("{other}"),
            };
            let name = format!("{}/{cell}", row.name);
            if !right {
                writeln!(wrong, "{name}: {verdict:?}, not {expected}: {reason}").unwrap();
            }
            alike.entry((verdict, reason)).or_default().push(cell);
        }
        let told: Vec<String> = alike
            .into_iter()
            .map(|((v, reason), cells)| format!("{v:?}: {}\n\t{reason}\n", cells.join(", ")))
            .collect();
        // A provider by another name.
        found += &if told == before { "as above\n".to_owned() } else { told.concat() };
        before = told;
    }
    assert!(wrong.is_empty(), "{wrong}");
    compare(&found);
}

fn compare(found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/providers/verdicts.txt");
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites expectations")]
    let bless = std::env::var("DISCLOSED_BLESS").is_ok();
    if bless {
        std::fs::write(path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap();
    let part = expected.lines().zip(found.lines()).find(|(e, f)| e != f);
    assert!(expected == found, "bless and read the diff; the first line that differs: {part:#?}");
}
