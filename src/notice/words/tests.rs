//! Each text at each level: what may not be said is not said.

use std::sync::Arc;

use super::*;
use crate::command::Ask;
use crate::config::{Config, EXAMPLE};
use crate::mail::Attachment;
use crate::mail::enclosed::Enclosed;
use crate::mail::fields::{Fields, Part};
use crate::notice::block::Obeyed;
use crate::notice::codename::Codename;
use crate::notice::leak::Hit;
use crate::notice::says::Request;
use crate::notice::standing::Due;
use crate::notice::text::digest::{Counts, Line, Open};
use crate::notice::text::flood::Sample;
use crate::notice::text::report::{Authors, NewReport};
use crate::notice::text::team::{Contents, Did, MoreMail};
use crate::notice::text::trouble::Trouble;
use crate::policy::{Milestone, Severity};
use crate::ticket::moved::Moved;
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Seat, Status};
use crate::token::KEY_LENGTH;
use crate::vocabulary::{Address, Mailed, NoticeKind, TicketId};

/// What came from outside or was written by a person: at `full` alone, or to whoever wrote it.
const SECRET: &str = "frobnicator";
/// What the ticket is and how it stands, and the names of those who work on it: not at `none`.
const STANDING: &[&str] = &["SEC-3", "accepted", "Ada", "Dana"];

/// How the reporter wants to be named.
const CREDIT: &str = "R. Porter";

fn now() -> Timestamp {
    "2027-01-06T09:00:00Z".parse().unwrap()
}

fn project() -> Project {
    let people = "[[person]]\nname = \"Dana\"\naddress = \"dana@example.org\"\n";
    Config::parse(&format!("{EXAMPLE}{people}"), std::path::Path::new("config.toml")).unwrap().project()
}

fn secret() -> String {
    format!("the {SECRET}")
}

fn enclosed() -> Enclosed {
    Enclosed {
        from: secret(),
        address: Some(stranger()),
        date: secret(),
        subject: secret(),
        text: Some(secret() + " elsewhere"),
        attachments: vec![Attachment { name: secret(), media_type: secret(), size: 1 }],
        named: true,
    }
}

fn contents() -> Contents {
    let attachments = vec![Attachment { name: secret(), media_type: secret(), size: 1 }];
    Contents { text: secret(), folded: 2, attachments, problems: vec![secret()], mails: vec![enclosed()] }
}

fn stranger() -> Address {
    Address::parse(&format!("{SECRET}@reporter.example")).unwrap()
}

fn ticket() -> Arc<Ticket> {
    told(&secret())
}

/// A ticket of which each text is this.
fn told(text: &str) -> Arc<Ticket> {
    let mut ticket = Ticket::new(TicketId(3));
    let kinds = [
        EntryKind::Reported { received: now(), message_id: None, may_belong_to: None, erased: false },
        EntryKind::Note,
        EntryKind::Severity { to: Severity::Critical },
        EntryKind::Status { to: Status::Accepted },
        EntryKind::Credit,
        EntryKind::Owner,
    ];
    for (seq, kind) in (1..).zip(kinds) {
        let party = if kind == EntryKind::Owner { Address::parse("ada@example.org") } else { Some(stranger()) };
        // It is the reporter's, and shown to them.
        let text = Some(if kind == EntryKind::Credit { CREDIT.to_owned() } else { text.to_owned() });
        let by = Actor::Local(Seat::default());
        ticket.apply(&Entry { seq, at: now(), by, kind, party, text, mail: None, order: None });
    }
    Arc::new(ticket)
}

fn due() -> Due {
    let promise = Box::new(project().policy.promises[0].clone());
    Due { promise, deadline: now() }
}

fn obeyed(line: &str) -> Vec<Obeyed> {
    vec![Obeyed { line: line.into(), verb: Some("close"), did: "done".into() }]
}

/// The text after this one, so that each stands here once: a new one is linked in where the compiler asks for it.
/// Whatever a level may hide is [`SECRET`], and the reader's own words are not.
fn after(about: Option<&About>) -> Option<About> {
    let (code, until, own) = (|| "7k2m9xq4".to_owned(), now(), || "mine".to_owned());
    let samples = || vec![Sample { from: Some(stranger().as_str().into()), subject: secret() }];
    Some(match about {
        None => About::Acknowledgement { missing: vec![Part::Impact] },
        Some(About::Acknowledgement { .. }) => About::Acknowledged { by: own(), words: own() },
        Some(About::Acknowledged { .. }) => About::Reply { by: own(), words: own(), asks: true },
        Some(About::Reply { .. }) => About::Released(own()),
        Some(About::Released(_)) => About::Public(own()),
        Some(About::Public(_)) => About::Embargo { proposed: true, before: None, until, zone: None },
        Some(About::Embargo { .. }) => About::EmbargoOver,
        Some(About::EmbargoOver) => {
            About::Moved { until: Milestone::Public, from: Some(until), to: until, reason: own() }
        }
        Some(About::Moved { .. }) => About::AtWork(vec![due()]),
        Some(About::AtWork(_)) => About::Asked(vec![Ask::Status, Ask::Credit(own()), Ask::Withdraw(own()), Ask::Help]),
        Some(About::Asked(_)) => About::Report(Box::new(NewReport {
            from: secret(),
            identity: secret(),
            excerpt: secret(),
            fields: Fields {
                severity: Some(Severity::Low),
                cves: vec!["CVE-2027-4242".into()],
                versions: vec![secret()],
                paths: vec![secret()],
                locations: vec![secret()],
                ..Fields::default()
            },
            missing: vec![Part::Impact],
            off_subject: true,
            attachments: vec![Attachment { name: secret(), media_type: secret(), size: 1 }],
            authors: Authors::Named(vec![("Reply-To", stranger())]),
            attached: vec![enclosed()],
            problems: vec![secret()],
            acknowledgement: (Acknowledgement::Withheld, secret()),
            may_belong_to: Some(TicketId(2)),
        })),
        Some(About::Report(_)) => About::Copied { sent: true, excerpt: secret() },
        Some(About::Copied { .. }) => About::FollowUp(MoreMail {
            by: Actor::Stranger,
            who: secret(),
            holder: Some("Dana".into()),
            contents: contents(),
        }),
        Some(About::FollowUp(_)) => {
            About::Change { who: "Dana".into(), did: Did::Wrote { to_reporter: false, contents: contents() } }
        }
        Some(About::Change { did: Did::Wrote { .. }, .. }) => {
            let lines = obeyed(&format!("/close {SECRET}"));
            About::Change { who: "Dana".into(), did: Did::Commanded(lines, contents()) }
        }
        Some(About::Change { did: Did::Commanded(..), .. }) => {
            About::Change { who: "Dana".into(), did: Did::GuessedCode }
        }
        Some(About::Change { did: Did::GuessedCode, .. }) => About::Change { who: "Dana".into(), did: Did::Erased },
        Some(About::Change { did: Did::Erased, .. }) => {
            About::Attempt { from: Some(stranger()), sender: None, holder: Some("Dana".into()), why: secret() }
        }
        Some(About::Attempt { .. }) => About::Undeliverable {
            notice: Mailed::Notice(NoticeKind::Reply),
            to: stranger(),
            perhaps: true,
            since: Some(now()),
            reply: secret(),
        },
        Some(About::Undeliverable { .. }) => About::Unreached,
        Some(About::Unreached) => About::Flood,
        Some(About::Flood) => About::Many(7),
        Some(About::Many(_)) => About::Returned { newest: samples(), all: 9 },
        Some(About::Returned { .. }) => About::Junk { newest: samples(), all: 9 },
        Some(About::Junk { .. }) => About::Reminder { due: due(), missed: Some("Lee".into()) },
        Some(About::Reminder { .. }) => {
            let left = vec![Arc::new(Says::About(ticket(), About::Reply { by: own(), words: secret(), asks: false }))];
            About::Done { lines: obeyed("/close mine"), left }
        }
        Some(About::Done { .. }) => About::Refused { line: "/clse mine".into(), column: Some(1), why: own() },
        Some(About::Refused { .. }) => About::Unheard { line: Some("/close mine".into()), why: own(), filed: "Filed." },
        Some(About::Unheard { .. }) => About::Code { lines: vec!["/public mine".into()], code: code(), until },
        Some(About::Code { .. }) => {
            let left = vec![Arc::new(Says::About(ticket(), About::Reply { by: own(), words: secret(), asks: false }))];
            let lines = crate::command::split("/close mine").lines;
            let from = Some(stranger());
            About::Request(Box::new(Request { from, lines, leaves: left, text: own(), code: code(), until }))
        }
        Some(About::Request(_)) => {
            About::CodeOfSecond { who: "Lee".into(), lines: vec![format!("/public {SECRET}")], code: code(), until }
        }
        Some(About::CodeOfSecond { .. }) => About::WaitsForSecond { lines: vec!["/public mine".into()], until },
        Some(About::WaitsForSecond { .. }) => {
            let hits = vec![Hit { line: secret(), why: "is the team's" }];
            About::Look { hits, text: secret(), code: code(), until }
        }
        Some(About::Look { .. }) => return None,
    })
}

/// The same for what is about no single ticket.
fn after_many(says: Option<&Says>) -> Option<Says> {
    let sample = || Sample { from: Some(stranger().as_str().into()), subject: secret() };
    let line = || Line {
        ticket: TicketId(3),
        title: secret(),
        status: Status::Accepted,
        severity: Some(Severity::Critical),
        owner: Some("Ada".into()),
        next: Some(("fix".into(), now())),
        waits_since: Some(now()),
    };
    let open = || Open { first: vec![line()], all: 3, overdue: 2 };
    Some(match says {
        None => Says::Lost {
            notice: Mailed::Notice(NoticeKind::Digest),
            to: stranger(),
            since: Some(now()),
            reply: secret(),
        },
        Some(Says::Lost { .. }) => Says::Earlier { all: 1, newest: vec![(now(), sample())] },
        Some(Says::Earlier { .. }) => Says::Flood,
        Some(Says::Flood) => {
            let (ticket, promise) = (TicketId(3), "fix".to_owned());
            let moved = vec![Moved { ticket, promise, from: Some(now()), to: None, revision: 7 }];
            Says::Policy { moved, all: 2 }
        }
        Some(Says::Policy { .. }) => {
            let reminder = About::Reminder { due: due(), missed: None };
            Says::Reminders(vec![Arc::new(Says::About(ticket(), reminder))])
        }
        Some(Says::Reminders(_)) => Says::Digest(
            open(),
            Counts {
                unreached: vec![(Address::parse("dana@example.org").unwrap(), now(), secret())],
                held: 1,
                listed: 1,
                unheard: 1,
                refused: vec![(TicketId(17), 2)],
            },
        ),
        Some(Says::Digest(..)) => Says::List(open()),
        Some(Says::List(_)) => Says::Help,
        Some(Says::Help) => Says::NoTicket("/close mine".into()),
        Some(Says::NoTicket(_)) => Says::Trouble(Trouble::Timeline { ticket: TicketId(3), why: "Ada".into() }),
        Some(Says::Trouble(_) | Says::About(..)) => return None,
    })
}

pub(super) fn all() -> Vec<Says> {
    let of_one = std::iter::successors(after(None), |about| after(Some(about)));
    let of_many = std::iter::successors(after_many(None), |says| after_many(Some(says)));
    of_one.map(|about| Says::About(ticket(), about)).chain(of_many).collect()
}

/// To the reporter, whose ticket it is.
pub(super) fn is_theirs(says: &Says) -> bool {
    match says.kind() {
        NoticeKind::Acknowledgement | NoticeKind::Reply | NoticeKind::Update | NoticeKind::Told => true,
        NoticeKind::Report
        | NoticeKind::FollowUp
        | NoticeKind::Change
        | NoticeKind::Answer
        | NoticeKind::Code
        | NoticeKind::Reminder
        | NoticeKind::Attempt
        | NoticeKind::Undeliverable
        | NoticeKind::Flood
        | NoticeKind::Digest
        | NoticeKind::Policy
        | NoticeKind::Trouble => false,
    }
}

#[test]
fn no_text_says_more_than_the_level_of_its_reader() {
    let (project, key) = (project(), Key::new([7; KEY_LENGTH]));
    let texts = all();
    assert!(texts.len() > 40, "{}", texts.len());
    for says in texts {
        let at = |level| {
            let Words { subject, body } = says.words(level, &key, &project, now());
            assert!(!subject.contains('\n') && body.ends_with('\n') && !body.starts_with('\n'), "{subject}\n{body}");
            assert!(!subject.contains(SECRET), "a subject holds no content: {subject}");
            format!("{subject}\n\n{body}")
        };
        let (full, summary, none) = (at(Level::Full), at(Level::Summary), at(Level::None));
        // A ticket is full of secrets; what counts is what was given to be said of it.
        // Its title alone is said to each of the team.
        let given = if let Says::About(_, about) = &says { format!("{about:?}") } else { format!("{says:?}") };
        let given = given.contains(SECRET) || says.ticket().is_some() && !is_theirs(&says);
        let (given, told) = (given, full.contains(SECRET));
        assert_eq!(given, told, "{full}");
        assert!(!summary.contains(SECRET), "at summary:\n{summary}");
        assert!(!none.contains(SECRET), "at none:\n{none}");
        if is_theirs(&says) {
            assert_eq!((&full, &full), (&summary, &none), "whatever the levels of the team are");
        } else {
            assert!(!summary.contains(CREDIT), "at summary:\n{summary}");
            let said = STANDING.iter().find(|word| none.contains(**word));
            assert_eq!(said, None, "at none:\n{none}");
        }
        if says.ticket().is_some() && !is_theirs(&says) {
            assert!(full.starts_with("[SEC-3] ") && summary.starts_with("[SEC-3] "), "{summary}");
            assert!(none.contains("disclosed show ") && none.contains("/help"), "{none}");
        }
    }
}

/// What is not said is one command away: which, stands in the notice.
#[test]
fn each_notice_names_the_command_that_shows_what_it_leaves_out() {
    let (project, key) = (project(), Key::new([7; KEY_LENGTH]));
    for says in all().into_iter().filter(|says| !is_theirs(says)) {
        let at = |level| says.words(level, &key, &project, now()).body;
        let full = at(Level::Full);
        for level in [Level::Summary, Level::None] {
            let body = at(level);
            let lacks = full.lines().find(|line| !body.contains(line.trim()));
            let ticket = if level == Level::None { Codename::of(TicketId(3), &key).slug() } else { "SEC-3".into() };
            let command = says.ticket().map_or("disclosed ".to_owned(), |_| format!("`disclosed show {ticket}`"));
            assert!(lacks.is_none() || body.contains(&command), "{level:?}, without {lacks:?}:\n{body}");
        }
    }
    let long = |text: &str| format!("{text}\n{}", "long ".repeat(2_000));
    let more = || Contents { text: long("begins"), ..contents() };
    let by = Actor::Reporter;
    for about in [
        About::Copied { sent: true, excerpt: long("begins") },
        About::FollowUp(MoreMail { by, who: secret(), holder: None, contents: more() }),
        About::Change { who: "Dana".into(), did: Did::Wrote { to_reporter: true, contents: more() } },
        About::Change { who: "Dana".into(), did: Did::Commanded(obeyed("/note"), more()) },
    ] {
        let body = Says::About(ticket(), about).words(Level::Full, &key, &project, now()).body;
        let cut = body.lines().find(|line| line.contains("more characters")).expect("it says how many");
        assert!(body.contains("| begins\n") && cut.ends_with(": disclosed show SEC-3]"), "{body}");
    }
    let held = Says::About(ticket(), after(Some(&About::Copied { sent: true, excerpt: String::new() })).unwrap());
    let body = |level| held.words(level, &key, &project, now()).body;
    for part in [format!("Attached: {}", secret()), format!("Odd: {}.", secret()), "[2 lines that look quoted: ".into()]
    {
        assert!(body(Level::Full).contains(&part), "{part}: {}", body(Level::Full));
    }
    assert!(body(Level::Summary).contains("Attachments: 1.\nOddities: 1.\n"), "{}", body(Level::Summary));
}

/// A responder that sends the notice back, from any of its lines on, must not send the code.
#[test]
fn no_line_that_tells_the_code_of_a_request_is_a_command() {
    let (project, key) = (project(), Key::new([7; KEY_LENGTH]));
    let lines = crate::command::split("/close mine").lines;
    for text in ["mine", "/confirm abcdefgh\n\n/confirm abcdefgh"] {
        let (from, text, code) = (Some(stranger()), text.to_owned(), "abcdefgh".to_owned());
        let asked = Request { from, lines: lines.clone(), leaves: Vec::new(), text, code, until: now() };
        let says = Says::About(ticket(), About::Request(Box::new(asked)));
        for level in [Level::Full, Level::Summary, Level::None] {
            let Words { subject, body } = says.words(level, &key, &project, now());
            assert!(!subject.contains("abcdefgh") && body.contains("the code is abcdefgh."), "{body}");
            let orders = body.lines().flat_map(|line| crate::command::split(line).lines);
            let written: Vec<String> = orders.map(|line| line.written).collect();
            assert!(written.iter().all(|line| !line.contains("confirm")), "{written:?}");
        }
    }
}

/// A terminal has 80 columns, and an answer quotes a line once or twice. What somebody else wrote, commands and what
/// has no blank stay whole.
#[test]
fn no_line_of_ours_is_over_76_columns() {
    let mut project = project();
    let key = Key::new([7; KEY_LENGTH]);
    project.policy.calendar.zone_name = "America/Argentina/ComodRivadavia".into();
    project.titles_in_subjects = true;
    project.policy.promises[0].name = "p".repeat(40);
    let long = |mut says: Says| {
        if let Says::About(ticket, _) = &mut says {
            *ticket = told(&"A long title ".repeat(20));
        }
        if let Says::Digest(open, _) = &mut says {
            open.first.iter_mut().for_each(|line| line.title = "A long title ".repeat(20));
        }
        says
    };
    for says in all().into_iter().map(long) {
        for level in [Level::Full, Level::Summary, Level::None] {
            let Words { subject, body } = says.words(level, &key, &project, now());
            let ours = body.lines().filter(|l| !l.starts_with("| ") && !l.starts_with("> "));
            let wide = |l: &&str| l.chars().count() > 76 && l.trim_start().contains(' ');
            assert_eq!(ours.filter(wide).collect::<Vec<_>>(), [""; 0], "{level:?}: {subject}\n\n{body}");
            assert!(subject.chars().count() <= 150, "{subject}");
        }
    }
}
