//! Who may act: every combination of what a mail can say about its sender, through the real path.
//!
//! Seven thousand ways to send each of four commands. What must come of each is written down here as a rule in plain
//! words ([`intended`]), from the rules of authority and never from the code that follows them. What came of it is
//! read from the tickets afterwards, and from whom anything was sent to: of each mail that acts by the rule or by the
//! code, and of every seventh of the others.

use std::fmt::Write as _;

use disclosed::testing::intake::unheard::Unheard;
use disclosed::testing::policy::{Milestone, Severity};
use disclosed::testing::rules::event::Event;
use disclosed::testing::store::Store;
use disclosed::testing::ticket::{Actor, Entry, EntryKind, State, Ticket};
use disclosed::testing::tracker::{News, Posted, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeKind, TicketId};
use jiff::Timestamp;

use crate::world;

const DANA: &str = "dana@example.org";
const LEE: &str = "lee@example.org";
/// Handled reports once, and is no longer in the config.
const REM: &str = "rem@example.org";
/// The ticket that the mails are about, and another one.
const ONE: TicketId = TicketId(1);
const OTHER: TicketId = TicketId(2);

/// Our own server's results are all that is believed.
const RESULTS: &str = "authserv_ids = [\"mx.example.org\"]\ncode = false";

/// Declares an axis: its values, and all of them in a list.
macro_rules! axis {
    ($(#[$about:meta])* $name:ident { $($value:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name { $($value),+ }
        impl $name {
            const ALL: &[Self] = &[$(Self::$value),+];
        }
    };
}

mod ways;

axis!(
    /// What stands in From.
    From { Plain, Named, Capitalised, Commented, NameOfHers, TwoLines, TwoAddresses, Group, Lookalike, Subdomain, EncodedWord, Empty, Removed }
);
axis!(
    /// What Authentication-Results say, and where they stand.
    Results { None, Pass, PassBelow, PassTwice, PassByOther, PassInjected, Fail, PassForOther }
);
axis!(
    /// Which token the mail carries, and where.
    Carries { None, Own, OwnInReference, OwnUpperCase, OwnOfOther, OfLee, OfReporter, BitFlipped, OfRemoved, Truncated }
);
axis!(
    /// What says that no person wrote these words as text.
    Marking { None, AutoSubmitted, ListId, Bulk, QuotedOnly, HtmlOnly, Wrapped }
);

/// What is commanded; a test each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    /// An act.
    Severity,
    /// What is grave.
    Public,
    /// The code that the grave one asks for.
    Confirm,
    /// What only reads.
    Status,
}

/// One mail.
#[derive(Clone, Copy, Debug)]
struct Cell {
    command: Command,
    from: From,
    results: Results,
    carries: Carries,
    marking: Marking,
}

/// What comes of a mail that commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is done, or for a grave command its code is asked for, on this ticket.
    Done(TicketId),
    /// The registered address is answered; no ticket changes.
    Answered,
    /// Nothing is done, and the person whose token it bears is told at the registered address why.
    Told,
    /// Nothing is done, and whoever sent it hears nothing of it.
    Nothing,
}

/// The rules of authority, in words.
fn intended(cell: Cell) -> Outcome {
    // 1. One From with one plain address, and it is hers.
    let hers = matches!(cell.from, From::Plain | From::Named | From::Capitalised | From::Commented);
    // 1. No program wrote it, and the words are hers and not quoted, not forwarded, not HTML.
    let by_hand = cell.marking == Marking::None;
    // 3. A token that was given to her, for one certain ticket.
    let own = match cell.carries {
        Carries::Own | Carries::OwnInReference | Carries::OwnUpperCase => Some(ONE),
        Carries::OwnOfOther => Some(OTHER),
        Carries::None | Carries::OfLee | Carries::OfReporter => None,
        Carries::BitFlipped | Carries::OfRemoved | Carries::Truncated => None,
    };
    if hers && vouched(cell) && by_hand {
        return match (cell.command, own) {
            // 4. What only reads is answered to the registered address without a token.
            (Command::Status, _) => Outcome::Answered,
            // Nothing waits for a code on the other ticket: that is an answer, and no guess.
            (Command::Confirm, Some(OTHER)) => Outcome::Answered,
            (Command::Severity | Command::Public | Command::Confirm, Some(ticket)) => Outcome::Done(ticket),
            (Command::Severity | Command::Public | Command::Confirm, None) if cell.carries == Carries::OfLee => {
                Outcome::Told
            }
            (Command::Severity | Command::Public | Command::Confirm, None) => Outcome::Nothing,
        };
    }
    // 5. Whoever holds their own token is never met with silence, but by a mail of a program by its own word; and what a
    // person whom her domain vouches for wrote without a command is her note.
    let held = own.is_some() || cell.carries == Carries::OfLee;
    let note = hers && vouched(cell) && own.is_some() && cell.marking == Marking::QuotedOnly;
    if held && !note && cell.marking != Marking::AutoSubmitted { Outcome::Told } else { Outcome::Nothing }
}

/// 2. Her domain vouches for the mail.
fn vouched(cell: Cell) -> bool {
    // Our own server says so, above its own Received, about the domain in From; as often as it likes.
    matches!(cell.results, Results::Pass | Results::PassTwice)
}

/// Two tickets, the second without anything special, the first with a grave command of Dana's that waits for its code.
struct World {
    tracker: Tracker,
    own: String,
    own_id: String,
    own_of_other: String,
    of_lee: String,
    of_reporter: String,
    of_removed: String,
    code: String,
    before: [String; 2],
    cells: usize,
    attempts: usize,
    told: usize,
}

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

fn config(more: &str, identity: &str) -> disclosed::testing::config::Config {
    let person = |name: &str, address: &str| format!("[[person]]\nname = \"{name}\"\naddress = \"{address}\"\n");
    let tenant = "dkim_domains = [\"team.onmicrosoft.com\"]\n";
    let people = person("Dana", DANA) + tenant + &person("Lee", LEE) + more;
    // The caps have tests of their own; here they would only hide what is to be seen.
    let limits = "[limits]\nacks_per_sender_day = 1000000\nacks_per_domain_hour = 1000000\nreports_per_hour = 1000000\nbreaker_per_hour = 1000000\n\
                  automatic_per_hour = 1000000\n";
    // One promise: the clocks of thousands of tickets are not what is looked at.
    let policy = "[policy]\n[[policy.promise]]\nname = \"acknowledge\"\nuntil = \"acknowledged\"\nwithin = \"48h\"\n";
    world::config(&format!("{people}[identity]\n{identity}\n{limits}{policy}"))
}

impl World {
    fn new() -> Self {
        let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
        let removed = format!("[[person]]\nname = \"Rem\"\naddress = \"{REM}\"\n");
        let mut tracker = Tracker::new(store, config(&removed, RESULTS).project(), world::key(), None, now()).unwrap();
        let report = |n: u32| {
            let text =
                format!("From: r{n}@reporter.example\r\nMessage-ID: <r{n}@reporter.example>\r\n\r\nReport {n}.\r\n");
            text.into_bytes()
        };
        let reports = [report(1), report(2)].map(|raw| world::found(&mut tracker, raw));
        tracker.on_mail(&reports, now()).unwrap();
        let sent: Vec<_> = std::iter::from_fn(|| tracker.claim(now()).unwrap()).collect();
        let find = |to: &str, ticket| {
            sent.iter().find(|c| c.to.as_str() == to && c.ticket == Some(ticket)).map(|c| c.bytes.clone()).unwrap()
        };
        let address = |notice: &[u8]| world::field(notice, "Reply-To").unwrap();
        let own = find(DANA, ONE);
        tracker.reload(config("", RESULTS).project(), None, now()).unwrap();
        // Asked for by a mail as good as can be.
        let asks = format!(
            "Authentication-Results: {0}; dmarc=pass header.from=example.org\r\n\
             Received: from mail.example.org by {0} with ESMTPS; date\r\n\
             From: {DANA}\r\nTo: {1}\r\nMessage-ID: <asks@example.org>\r\n\r\n/public\r\n\r\nas agreed\r\n",
            world::AUTHSERV,
            address(&own)
        );
        let asks = world::found(&mut tracker, asks.into_bytes());
        tracker.on_mail(&[asks], now()).unwrap();
        let code = std::iter::from_fn(|| tracker.claim(now()).unwrap()).find_map(|c| world::code(&c.bytes)).unwrap();
        let mut world = Self {
            own: address(&own),
            own_id: world::field(&own, "Message-ID").unwrap(),
            own_of_other: address(&find(DANA, OTHER)),
            of_lee: address(&find(LEE, ONE)),
            of_reporter: address(&find("r1@reporter.example", ONE)),
            of_removed: address(&find(REM, ONE)),
            code,
            before: Default::default(),
            cells: 0,
            attempts: 0,
            told: 0,
            tracker,
        };
        world.before = [ONE, OTHER].map(|id| state(&world.ticket(id)));
        world
    }

    fn ticket(&mut self, id: TicketId) -> Ticket {
        self.tracker.store().read(|tx| tx.ticket(id)).unwrap().unwrap()
    }

    /// The mail of a cell.
    fn bytes(&self, cell: Cell) -> Vec<u8> {
        let id = world::AUTHSERV;
        // The domain that a server would look at, and where two could be looked at, the one that helps the sender.
        let domain = match cell.from {
            From::NameOfHers => "evil.example",
            From::Lookalike => "examp1e.org",
            From::Subdomain => "mail.example.org",
            From::Plain | From::Named | From::Capitalised | From::Commented | From::TwoLines => "example.org",
            From::TwoAddresses | From::Group | From::EncodedWord | From::Empty | From::Removed => "example.org",
        };
        let pass = format!("Authentication-Results: {id}; dmarc=pass header.from={domain}\n");
        let received =
            format!("Received: from mail.{domain} (h [192.0.2.1]) by {id} (Postfix) with ESMTPS id 1; date\n");
        let trace = match cell.results {
            Results::None => received,
            Results::Pass => pass + &received,
            Results::PassBelow => received + &pass,
            Results::PassTwice => pass.clone() + &pass + &received,
            Results::PassByOther => pass.replace(id, "mx.evil.example") + &received,
            Results::PassInjected => format!(
                "Authentication-Results: {id}; spf=pass smtp.mailfrom=\"x; dmarc=pass header.from={domain}\"@evil.example\n{received}"
            ),
            Results::Fail => pass.replace("=pass", "=fail") + &received,
            Results::PassForOther => pass.replace(domain, "elsewhere.example") + &received,
        };
        let from = match cell.from {
            From::Plain => format!("From: {DANA}\n"),
            From::Named => format!("From: \"Dana, of Example\" <{DANA}>\n"),
            From::Capitalised => "From: Dana@EXAMPLE.Org\n".to_owned(),
            From::Commented => format!("From: {DANA} (Dana) \n"),
            From::NameOfHers => format!("From: \"{DANA}\" <mallory@evil.example>\n"),
            From::TwoLines => format!("From: {DANA}\nFrom: mallory@evil.example\n"),
            From::TwoAddresses => format!("From: {DANA}, mallory@evil.example\n"),
            From::Group => format!("From: Team: {DANA};\n"),
            From::Lookalike => "From: dana@examp1e.org\n".to_owned(),
            From::Subdomain => "From: dana@mail.example.org\n".to_owned(),
            From::EncodedWord => "From: =?utf-8?q?dana=40example.org?=\n".to_owned(),
            From::Empty => "From:\n".to_owned(),
            From::Removed => format!("From: {REM}\n"),
        };
        let (to, answers) = match cell.carries {
            Carries::None => (world::PROJECT.to_owned(), ""),
            Carries::Own => (self.own.clone(), ""),
            Carries::OwnInReference => (world::PROJECT.to_owned(), self.own_id.as_str()),
            Carries::OwnUpperCase => (self.own.to_ascii_uppercase(), ""),
            Carries::OwnOfOther => (self.own_of_other.clone(), ""),
            Carries::OfLee => (self.of_lee.clone(), ""),
            Carries::OfReporter => (self.of_reporter.clone(), ""),
            Carries::BitFlipped => (flipped(&self.own), ""),
            Carries::OfRemoved => (self.of_removed.clone(), ""),
            Carries::Truncated => (self.own.replacen(|c: char| c.is_ascii_digit(), "", 1), ""),
        };
        let command = match cell.command {
            Command::Severity => "/severity critical",
            Command::Public => "/public",
            Command::Confirm => &format!("/confirm {}", self.code),
            Command::Status => "/status",
        };
        let (marks, body) = match cell.marking {
            Marking::None => ("", format!("{command}\n")),
            Marking::AutoSubmitted => ("Auto-Submitted: auto-generated\n", format!("{command}\n")),
            Marking::ListId => ("List-Id: <list.example.org>\n", format!("{command}\n")),
            Marking::Bulk => ("Precedence: bulk\n", format!("{command}\n")),
            Marking::QuotedOnly => ("", format!("> {command}\n")),
            Marking::HtmlOnly => ("Content-Type: text/html\n", format!("<p>{command}</p>\n")),
            Marking::Wrapped => (
                "Content-Type: message/rfc822\n",
                format!("From: {DANA}\nTo: {}\nMessage-ID: <inner@example.org>\n\n{command}\n", self.own),
            ),
        };
        let mut text = format!("{trace}{from}To: {to}\nMessage-ID: <cell-{}@example.org>\n{marks}", self.cells);
        if !answers.is_empty() {
            writeln!(text, "In-Reply-To: {answers}").unwrap();
        }
        format!("{text}\n{body}").replace('\n', "\r\n").into_bytes()
    }

    /// What would come of the mail of a cell; `None` where anything would happen in somebody's name. Nothing is stored.
    fn would(&mut self, cell: Cell) -> Option<Outcome> {
        let raw = self.bytes(cell);
        let tried = self.tracker.try_mail(&raw, disclosed::testing::mail::signature::Dkim::Unasked, now()).unwrap();
        let told = matches!(tried.unheard, Some(Unheard::Told { .. }));
        match tried.intake.event {
            Some(
                Event::Ordered(_)
                | Event::Wrote { .. }
                | Event::Undelivered(_)
                | Event::Erased(_)
                | Event::ClockSet(_)
                | Event::Tick,
            ) => None,
            Some(
                Event::Reported(_)
                | Event::Flooded(_)
                | Event::Copied(..)
                | Event::FollowedUp(_)
                | Event::Attempted { .. }
                | Event::Requested(_)
                | Event::Confirmed(..),
            )
            | None => Some(if told { Outcome::Told } else { Outcome::Nothing }),
        }
    }

    /// Sends the mail of a cell; says what came of it.
    fn send(&mut self, cell: Cell) -> (Outcome, News) {
        self.cells += 1;
        let raw = self.bytes(cell);
        let arrival = world::found(&mut self.tracker, raw);
        let news = self.tracker.on_mail(&[arrival], now()).unwrap();
        assert_eq!(news.receipts.len(), 1, "{cell:?}");
        let about_tickets = |(id, _): &&(TicketId, Entry)| [ONE, OTHER].contains(id);
        let touched = news.entries.iter().find(about_tickets).map(|(id, _)| *id);
        let changed = touched.filter(|id| {
            let after = state(&self.ticket(*id));
            let before = if *id == ONE { &self.before[0] } else { &self.before[1] };
            after != *before
        });
        let sent = |kind: NoticeKind| news.notices.iter().filter(move |p| p.notice.kind() == kind);
        let told: Vec<&str> = sent(NoticeKind::Attempt)
            .filter(|p| p.words.subject.ends_with("Not done"))
            .map(|p| p.notice.to.as_str())
            .collect();
        let holder = if cell.carries == Carries::OfLee { LEE } else { DANA };
        assert!(told.is_empty() || told == [holder], "{cell:?}: {told:?}");
        let answered = sent(NoticeKind::Answer).next().is_some();
        let outcome = match changed {
            Some(id) => Outcome::Done(id),
            None if answered => Outcome::Answered,
            None if !told.is_empty() => Outcome::Told,
            None => Outcome::Nothing,
        };
        (outcome, news)
    }
}

/// Another token of the same length: one digit of its proof is another.
fn flipped(address: &str) -> String {
    let at = address.find('@').unwrap() - 3;
    let other = |c| if c == '0' { '1' } else { '0' };
    address.char_indices().map(|(n, c)| if n == at { other(c) } else { c }).collect()
}

/// All of a ticket that a command can change; not what is counted of attempts, nor what was filed.
fn state(ticket: &Ticket) -> String {
    let State { status, spam, severity, owner, milestones, moved, pauses, pending, reporter, held, .. } = &**ticket;
    let agreed = (&ticket.embargo, &ticket.credit, &ticket.done);
    let asked = pending.as_ref().map(|p| (p.seq, &p.lines));
    let owner = owner.as_ref().map(Address::as_str);
    let reporter = reporter.as_ref().map(Address::as_str);
    format!(
        "{status} {spam} {severity:?} {owner:?} {milestones:?} {moved:?} {pauses:?} {asked:?} {reporter:?} {held} {agreed:?}"
    )
}

/// What holds for every cell, whatever its outcome.
fn contained(cell: Cell, outcome: Outcome, news: &News) {
    for Posted { notice, .. } in &news.notices {
        let to = notice.to.as_str();
        // Letter by letter as registered, never as the mail wrote it.
        let registered = to == DANA || to == LEE;
        match notice.kind() {
            NoticeKind::Answer | NoticeKind::Code => {
                assert_eq!(to, DANA, "{cell:?}");
                assert!(matches!(outcome, Outcome::Done(_) | Outcome::Answered), "{cell:?}: {outcome:?}");
            }
            NoticeKind::Acknowledgement => {
                assert!(notice.ticket() > Some(OTHER), "{cell:?}: only a new report is acknowledged");
                let person =
                    matches!(cell.marking, Marking::None | Marking::QuotedOnly | Marking::HtmlOnly | Marking::Wrapped);
                assert!(person, "{cell:?}: automatic mail was answered");
                let forged = cell.results == Results::Fail;
                assert!(!forged || notice.held.is_some(), "{cell:?}: a forged sender was answered");
            }
            // The reporter was promised to hear of it.
            NoticeKind::Update => {
                assert!(cell.command == Command::Confirm && matches!(outcome, Outcome::Done(_)), "{cell:?}");
                assert_eq!(to, "r1@reporter.example", "{cell:?}");
            }
            // More mail for one ticket than is told one by one.
            NoticeKind::Report
            | NoticeKind::FollowUp
            | NoticeKind::Change
            | NoticeKind::Attempt
            | NoticeKind::Flood => {
                assert!(registered, "{cell:?}: a notice to the team went to a stranger");
            }
            NoticeKind::Reply
            | NoticeKind::Told
            | NoticeKind::Reminder
            | NoticeKind::Undeliverable
            | NoticeKind::Policy
            | NoticeKind::Digest
            | NoticeKind::Trouble => panic!("{cell:?}: {:?}", notice.kind()),
        }
    }
    // Nobody is written down as having done what they did not do.
    let dana = Actor::Person(Address::parse(DANA).unwrap());
    for (_, entry) in &news.entries {
        let by_person = matches!(entry.by, Actor::Person(_));
        assert!(!by_person || entry.by == dana, "{cell:?}: {entry:?}");
        // What a believed Dana writes without a command is her note, and no more.
        let note = entry.kind == EntryKind::Note && vouched(cell);
        assert!(!by_person || note || matches!(outcome, Outcome::Done(_)), "{cell:?}: {entry:?}");
        assert!(!matches!(entry.by, Actor::Local(_)), "{cell:?}");
    }
}

/// Sends every combination that commands so; gives how many had each outcome.
fn each(command: Command) -> [usize; 4] {
    let mut world = World::new();
    let (mut wrong, mut counts, mut number) = (Vec::new(), [0; 4], 0);
    for &from in From::ALL {
        for &results in Results::ALL {
            for &carries in Carries::ALL {
                for &marking in Marking::ALL {
                    let cell = Cell { command, from, results, carries, marking };
                    number += 1;
                    // Where rule and code agree that nothing is done, one in seven proves it by what is in the store.
                    let passive = matches!(intended(cell), Outcome::Nothing | Outcome::Told);
                    if passive && world.would(cell) == Some(intended(cell)) && number % 7 != 0 {
                        counts[if intended(cell) == Outcome::Told { 2 } else { 3 }] += 1;
                        continue;
                    }
                    let (outcome, news) = world.send(cell);
                    if outcome != intended(cell) {
                        wrong.push(format!("{cell:?}: {outcome:?}, not {:?}", intended(cell)));
                    }
                    contained(cell, outcome, &news);
                    if let Outcome::Done(id) = outcome {
                        done(&mut world, cell, id);
                    }
                    counts[match outcome {
                        Outcome::Done(_) => 0,
                        Outcome::Answered => 1,
                        Outcome::Told => 2,
                        Outcome::Nothing => 3,
                    }] += 1;
                    // What a cell changed, the next one must not see; and a long timeline is slow to read.
                    let attempts = news.entries.iter().filter(|(_, e)| e.kind == EntryKind::Attempt).count();
                    world.attempts += attempts;
                    world.told += usize::from(outcome == Outcome::Told);
                    if matches!(outcome, Outcome::Done(_))
                        || world.attempts >= ATTEMPTS
                        || world.told >= TOLD
                        || world.cells >= FRESH
                    {
                        world = World::new();
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    counts
}

/// Mails that one world is sent before it is made anew.
const FRESH: usize = 300;
/// Refused commands that one world takes: more of them in a day are not told one by one.
const ATTEMPTS: usize = 3;
/// Of so many mails a person is told in an hour.
const TOLD: usize = 10;

/// What was commanded is there, and nothing else is.
fn done(world: &mut World, cell: Cell, id: TicketId) {
    let ticket = world.ticket(id);
    let other = world.ticket(if id == ONE { OTHER } else { ONE });
    let public = ticket.milestones.contains_key(&Milestone::Public);
    let critical = ticket.severity == Some(Severity::Critical);
    match cell.command {
        Command::Severity => assert!(critical && !public, "{cell:?}"),
        // Asked for, and not done.
        Command::Public => assert!(!critical && !public && ticket.pending.is_some(), "{cell:?}"),
        Command::Confirm => assert!(!critical && public && ticket.pending.is_none(), "{cell:?}"),
        Command::Status => panic!("{cell:?}: what only reads has changed something"),
    }
    assert_eq!(state(&other), world.before[if id == ONE { 1 } else { 0 }], "{cell:?}: the other ticket");
}

/// Of 13 × 8 × 10 × 7 mails. Four forms of From are hers, two results vouch, one marking is none.
fn check(command: Command, expect: [usize; 4]) {
    assert_eq!(each(command), expect, "{command:?}: done, answered, told, nothing");
}

#[test]
fn an_act_needs_sender_domain_and_token() {
    // 4 Froms × 4 tokens of hers; told: 13 Froms × 8 results × 5 tokens of people × 6 markings, less those and as many
    // notes.
    check(Command::Severity, [32, 0, 3056, 4192]);
}

#[test]
fn what_is_grave_asks_for_a_code() {
    check(Command::Public, [32, 0, 3056, 4192]);
}

#[test]
fn a_code_alone_opens_nothing() {
    // The right code, from her mailbox, by any of three ways to answer; on the other ticket nothing waits for it.
    check(Command::Confirm, [24, 8, 3056, 4192]);
}

#[test]
fn what_only_reads_is_answered_to_the_registered_address() {
    check(Command::Status, [0, 80, 3048, 4152]);
}
