//! Each letter to a reporter as it stands in a terminal of 80 columns, to be read aloud one after the other:
//! `tests/letters.txt`. `DISCLOSED_BLESS=1 cargo test --lib -- each_letter` writes it anew.

use std::fmt::Write as _;
use std::mem::discriminant;
use std::path::Path;

use super::*;
use crate::command::Ask;
use crate::config::{Config, EXAMPLE};
use crate::mail::fields::Part;
use crate::notice::standing::Due;
use crate::notice::text::reporter;
use crate::policy::Milestone;
use crate::ticket::{Actor, EmbargoState, Entry, EntryKind, Fact, Seat, Status};
use crate::token::KEY_LENGTH;
use crate::vocabulary::{Address, TicketId};

const COLUMNS: usize = 80;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn project() -> Project {
    let more = "[policy]\ntimezone = \"Europe/Berlin\"\n[reports]\nsupported = [\"2.x\", \"1.9\"]\n";
    Config::parse(&format!("{EXAMPLE}{more}"), Path::new("config.toml")).unwrap().project()
}

/// A ticket of 4 January, on which this has happened since.
fn ticket(kinds: &[(EntryKind, &str)]) -> Ticket {
    let received = at("2027-01-04T09:00:00Z");
    let reported = EntryKind::Reported { received, message_id: None, may_belong_to: None, erased: false };
    let all = std::iter::once((&reported, "Overflow")).chain(kinds.iter().map(|(kind, text)| (kind, *text)));
    let entries: Vec<Entry> = (1..)
        .zip(all)
        .map(|(seq, (kind, text))| {
            let (party, text) = (Address::parse("r@reporter.example"), Some(text.to_owned()));
            Entry {
                seq,
                at: received,
                by: Actor::Local(Seat::default()),
                kind: kind.clone(),
                party,
                text,
                mail: None,
                order: None,
            }
        })
        .collect();
    Ticket::fold(TicketId(17), &entries)
}

fn embargo(to: EmbargoState, until: &str) -> (EntryKind, &'static str) {
    (EntryKind::Embargo { to, until: Some(at(until)), zone: None }, "")
}

/// What each is, the ticket as it stands then, and what is said of it.
fn letters() -> Vec<(&'static str, Ticket, About)> {
    let (own, none) = (|text: &str| text.to_owned(), String::new);
    let fresh = || ticket(&[]);
    let read = || (EntryKind::Acknowledged, "");
    let accepted = || (EntryKind::Status { to: Status::Accepted }, "");
    let fixed = || (EntryKind::Fact { fact: Fact::FixReleased }, "");
    let agreed = || embargo(EmbargoState::Active, "2027-01-15T16:00:00Z");
    let credit = |name| (EntryKind::Credit, name);
    let (until, later) = (at("2027-01-15T16:00:00Z"), at("2027-02-05T16:00:00Z"));
    let due = |number: usize| Due { promise: Box::new(project().policy.promises[number].clone()), deadline: until };
    let reply = |asks| {
        let words = own("We can see it on 2.1.3. Which build option did you set?\n\nThank you for the trace.");
        About::Reply { by: own("Dana"), words, asks }
    };
    let moved = |from: Option<&str>, reason: &str| About::Moved {
        until: Milestone::Assessed,
        from: from.map(at),
        to: until,
        reason: own(reason),
    };
    let date = |proposed, before| About::Embargo { proposed, before, until: later, zone: None };
    let released = |note| About::Released(own(note));
    vec![
        (
            "the report has arrived, and two things would help",
            fresh(),
            About::Acknowledgement { missing: vec![Part::Steps, Part::AffectedVersion] },
        ),
        ("the report has arrived, and nothing is asked for", fresh(), About::Acknowledgement { missing: Vec::new() }),
        ("/ack alone", ticket(&[read()]), About::Acknowledged { by: own("Dana"), words: none() }),
        (
            "/ack with a text",
            ticket(&[read()]),
            About::Acknowledged { by: own("Dana"), words: own("We can see it too. I am on it.") },
        ),
        ("/reply", ticket(&[read()]), reply(false)),
        ("/ask", ticket(&[read()]), reply(true)),
        ("a rung that tells of work", ticket(&[read()]), About::AtWork(vec![due(1), due(2)])),
        ("/extend without a text", ticket(&[read()]), moved(Some("2027-01-11T09:00:00Z"), "")),
        (
            "/extend with a text",
            ticket(&[read()]),
            moved(Some("2027-01-11T09:00:00Z"), "The one who knows the parser is away until the 13th."),
        ),
        ("/extend to an earlier date", ticket(&[read()]), moved(Some("2027-01-20T09:00:00Z"), "")),
        ("/extend where no date was told", ticket(&[read()]), moved(None, "")),
        ("/embargo propose", ticket(&[accepted()]), date(true, None)),
        ("/embargo propose, where a date holds", ticket(&[accepted(), agreed()]), date(true, Some(until))),
        ("/embargo", ticket(&[accepted(), agreed()]), date(false, None)),
        ("/embargo with another date", ticket(&[accepted(), agreed()]), date(false, Some(until))),
        (
            "/embargo with a date in another zone",
            ticket(&[accepted(), agreed()]),
            About::Embargo { proposed: false, before: None, until: later, zone: Some(own("America/New_York")) },
        ),
        ("/lift", ticket(&[accepted()]), About::EmbargoOver),
        ("/released 2.1.4, with a date to publish", ticket(&[accepted(), agreed(), fixed()]), released("2.1.4")),
        (
            "/released with other words, and a name",
            ticket(&[accepted(), fixed(), credit("Rita R. (@rita)")]),
            released("in the nightly builds; 2.1.4 follows on Friday"),
        ),
        (
            "/released alone, after it was published",
            ticket(&[accepted(), fixed(), (EntryKind::Fact { fact: Fact::Public }, ""), credit("none")]),
            released(""),
        ),
        ("/public with a link", ticket(&[accepted()]), About::Public(own("https://widget.example/advisories/1"))),
        ("/public alone, with a name", ticket(&[accepted(), credit("Rita R. (@rita)")]), About::Public(none())),
        ("the reporter asks /status at once", fresh(), About::Asked(vec![Ask::Status])),
        (
            "the reporter asks /status later",
            ticket(&[read(), accepted(), agreed(), fixed()]),
            About::Asked(vec![Ask::Status]),
        ),
        ("the reporter says /credit", fresh(), About::Asked(vec![Ask::Credit(own("Rita R. (@rita)"))])),
        ("the reporter says /credit none", fresh(), About::Asked(vec![Ask::Credit(own("none"))])),
        ("the reporter says /withdraw", fresh(), About::Asked(vec![Ask::Withdraw(none())])),
        ("the reporter says /help", fresh(), About::Asked(vec![Ask::Help])),
    ]
}

/// As a terminal shows a line: what is longer goes on in the next.
fn on_screen(line: &str) -> String {
    let columns: Vec<char> = line.chars().collect();
    let rows: Vec<String> = columns.chunks(COLUMNS).map(|row| row.iter().collect()).collect();
    rows.join("\n")
}

#[test]
fn each_letter_to_a_reporter_reads_well() {
    let (project, key, now) = (project(), Key::new([7; KEY_LENGTH]), at("2027-01-05T09:00:00Z"));
    let mut found = String::new();
    let mut there = Vec::new();
    let mut letter = |what: &str, subject: Option<&str>, body: &str| {
        let subject = subject.map_or(String::new(), |subject| format!("Subject: {subject}\n"));
        writeln!(found, "{}\n{what}\n{}\n{subject}", "=".repeat(COLUMNS), "-".repeat(COLUMNS)).unwrap();
        body.lines().for_each(|line| writeln!(found, "{}", on_screen(line)).unwrap());
    };
    for (what, ticket, about) in letters() {
        there.push(discriminant(&about));
        let Words { subject, body } = Says::About(ticket.into(), about).words(Level::Full, &key, &project, now);
        assert!(body.lines().all(|line| line.chars().count() < COLUMNS), "{what}:\n{body}");
        let zones = body.matches("Europe/Berlin").count();
        assert!(zones <= 1, "{what} names the zone {zones} times:\n{body}");
        letter(what, Some(&subject), &body);
    }
    let due = Due { promise: Box::new(project.policy.promises[0].clone()), deadline: now };
    letter("a draft for whoever broke a promise", None, &reporter::late(&ticket(&[]), &due, &project));
    for says in super::tests::all().iter().filter(|says| super::tests::is_theirs(says)) {
        let Says::About(_, about) = says else { continue };
        assert!(there.contains(&discriminant(about)), "a letter that nobody has read aloud: {about:?}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/letters.txt");
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites expectations")]
    if std::env::var("DISCLOSED_BLESS").is_ok() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    let parts = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(expected == found, "tests/letters.txt says another thing: {parts:?}");
}
