//! The one table: what can be written, by whom, and what it does.

use super::when::When;
use crate::policy::Severity;
use crate::vocabulary::{Address, clean_line};

/// How much a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What a reporter may ask in their own ticket; no command of the team.
    Ask,
    /// Shows something to the registered address.
    Read,
    /// What the team can see and take back.
    Act,
    /// What cannot be taken back or lets more people know: needs a one-time code.
    Grave,
}

/// A command, ready to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell the reporter that a person has read the report.
    Ack,
    /// Judge it a vulnerability.
    Valid,
    /// Judge it none.
    Invalid(String),
    /// Take it on.
    Accept,
    /// Put it off.
    Defer(String),
    /// Set how bad it is.
    Severity(Severity),
    /// Give it to somebody.
    Assign(String),
    /// Take it.
    Claim,
    /// Give it back to the team.
    Pass,
    /// Say who the reporter is.
    Reporter(Address),
    /// Write something down.
    Note,
    /// Send the text to the reporter.
    Reply,
    /// Send the text to the reporter and wait for the answer.
    Ask,
    /// A fix exists.
    Fix(String),
    /// A fixed version is out.
    Released(String),
    /// Attacks are known.
    Exploited(String),
    /// The vulnerability is public.
    Public(String),
    /// Move a deadline.
    Extend {
        /// Of which promise.
        promise: String,
        /// To when.
        to: When,
        /// Why, for the team; the reporter is told the new date, and the text below. Empty where that says why.
        reason: String,
    },
    /// A date until which nothing is published.
    Embargo {
        /// Whether it is only proposed yet.
        propose: bool,
        /// Until when.
        until: When,
        /// Why; for the team.
        reason: String,
    },
    /// End the embargo before its date.
    Lift(String),
    /// Run the paused clocks again.
    Resume,
    /// How the reporter wants to be named.
    Credit(String),
    /// A promise is kept that no milestone tells of.
    Done {
        /// Which promise.
        promise: String,
        /// In words, for the team.
        note: String,
    },
    /// Done.
    Close {
        /// Though it was accepted, and nothing of it is public.
        unpublished: bool,
        /// Why; may be empty.
        reason: String,
    },
    /// Not done after all.
    Reopen,
    /// Spam.
    Spam,
    /// The one-time code of a grave command.
    Confirm(String),
    /// The one-time code of a text that may hold what is not meant for the reporter.
    Send(String),
    /// Show the ticket.
    Status,
    /// Show all open tickets.
    List,
    /// Show the commands.
    Help,
}

impl Command {
    /// Whether the text below belongs to it, and to no other command of the mail.
    pub fn takes_text(&self) -> bool {
        matches!(self, Self::Ack | Self::Reply | Self::Ask | Self::Note)
    }

    /// What of a person's words it sends to the reporter: the text that it takes, or its own argument. The name of a
    /// credit is sent later, with the news of what it is named in.
    pub fn sends<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        if let Self::Released(words) | Self::Public(words) | Self::Credit(words) = self {
            return Some(words);
        }
        matches!(self, Self::Ack | Self::Reply | Self::Ask | Self::Extend { .. }).then_some(text)
    }
}

/// What reporters can ask for in their own ticket, by a reply to one of our mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// How it stands.
    Status,
    /// To be named so; "none" for not at all.
    Credit(String),
    /// To take it back.
    Withdraw(String),
    /// What can be asked for.
    Help,
}

/// One row of the table.
#[derive(Debug)]
pub struct Verb {
    /// What is written after the slash.
    pub name: &'static str,
    /// What follows it; empty for nothing. `[…]` is optional.
    pub arguments: &'static str,
    /// What it does, one line.
    pub about: &'static str,
    /// How much it asks for.
    pub class: Class,
    /// An example.
    pub example: &'static str,
    pub(super) reads: Reads,
}

/// What the rest of the line makes of a verb.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// For the team: a command, or what is wrong and what to write.
    Command(fn(&str) -> Result<Command, String>),
    /// For a reporter: what is not understood is a text that a person reads.
    Ask(fn(&str) -> Option<Ask>),
}

/// A name and a class tell one row from another.
impl PartialEq for Verb {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.class) == (other.name, other.class)
    }
}
impl Eq for Verb {}

macro_rules! verb {
    ($name:literal, $arguments:literal, Ask, $about:literal, $example:literal, $reads:expr) => {
        verb!(@ $name, $arguments, Ask, $about, $example, Reads::Ask($reads))
    };
    ($name:literal, $arguments:literal, $class:ident, $about:literal, $example:literal, $reads:expr) => {
        verb!(@ $name, $arguments, $class, $about, $example, Reads::Command($reads))
    };
    (@ $name:literal, $arguments:literal, $class:ident, $about:literal, $example:literal, $reads:expr) => {
        Verb {
            name: $name,
            arguments: $arguments,
            about: $about,
            class: Class::$class,
            example: $example,
            reads: $reads,
        }
    };
}

/// The commands of the team, in the order in which help shows them.
pub fn verbs() -> impl Iterator<Item = &'static Verb> {
    TABLE.iter().filter(|v| v.class != Class::Ask)
}

/// What reporters can ask for, in the order in which their help shows it.
pub(crate) fn reporters_verbs() -> impl Iterator<Item = &'static Verb> {
    TABLE.iter().filter(|v| v.class == Class::Ask)
}

/// All commands.
pub(super) const TABLE: &[Verb] = &[
    verb!("ack", "", Act, "tell the reporter that a person has read the report", "/ack", |a| none(a, Command::Ack)),
    verb!("reply", "", Act, "send the text below to the reporter", "/reply", |a| none(a, Command::Reply)),
    verb!(
        "ask",
        "",
        Act,
        "send the text below to the reporter; clocks that may pause stop until the answer",
        "/ask",
        |a| none(a, Command::Ask)
    ),
    verb!("note", "", Act, "write the text below down for the team", "/note", |a| none(a, Command::Note)),
    verb!(
        "reporter",
        "ADDRESS",
        Act,
        "name the reporter, in place of any earlier one; they are acknowledged",
        "/reporter rita@example.net",
        reporter
    ),
    verb!("claim", "", Act, "make yourself the owner", "/claim", |a| none(a, Command::Claim)),
    verb!("assign", "PERSON", Act, "make somebody the owner, by name or address", "/assign dana", |a| word(
        a,
        "the name or the address of a person",
        |w| Ok(Command::Assign(w))
    )),
    verb!("pass", "", Act, "give the ticket back to the team", "/pass", |a| none(a, Command::Pass)),
    verb!("severity", "low|medium|high|critical", Act, "say how bad it is", "/severity high", |a| word(
        a,
        "low, medium, high or critical",
        severity
    )),
    verb!("valid", "", Act, "judge it a vulnerability", "/valid", |a| none(a, Command::Valid)),
    verb!("invalid", "[REASON]", Act, "judge it no vulnerability of ours", "/invalid not our code", |a| Ok(
        Command::Invalid(a.into())
    )),
    verb!("accept", "", Act, "take it on: work begins", "/accept", |a| none(a, Command::Accept)),
    verb!("defer", "[REASON]", Act, "put it off: no work now", "/defer after the release", |a| Ok(Command::Defer(
        a.into()
    ))),
    verb!(
        "extend",
        "PROMISE WHEN [REASON]",
        Act,
        "move a deadline; the reporter is told the new date, and the text below",
        "/extend disclose 2027-05-31 vendor asked for a month",
        extend
    ),
    verb!(
        "embargo",
        "[propose] WHEN [REASON]",
        Act,
        "agree on a date until which nothing is published, or propose one; the reporter is told",
        "/embargo 2027-05-31T14:00[America/New_York]",
        embargo
    ),
    verb!(
        "lift",
        "[REASON]",
        Grave,
        "end the embargo before its date; the reporter is told",
        "/lift published elsewhere",
        |a| { Ok(Command::Lift(a.into())) }
    ),
    verb!("resume", "", Act, "run the clocks again that wait for the reporter", "/resume", |a| none(
        a,
        Command::Resume
    )),
    verb!(
        "credit",
        "NAME|none",
        Act,
        "how the reporter agreed to be named; they are shown it",
        "/credit R. Porter",
        |a| word(a, "a name, or none", |w| Ok(Command::Credit(w)))
    ),
    verb!(
        "done",
        "PROMISE [NOTE]",
        Act,
        "a promise is kept that only a person can tell of",
        "/done announce mailed the registered users",
        done
    ),
    verb!("fix", "[NOTE]", Act, "a fix exists", "/fix branch is ready", |a| Ok(Command::Fix(a.into()))),
    verb!("released", "[VERSION]", Act, "a fixed version is out; the reporter is told", "/released 2.1.4", |a| Ok(
        Command::Released(a.into())
    )),
    verb!("exploited", "[NOTE]", Act, "attacks are known", "/exploited seen in our logs", |a| Ok(Command::Exploited(
        a.into()
    ))),
    verb!("public", "[LINK]", Grave, "the vulnerability is public; the reporter is told", "/public", |a| Ok(
        Command::Public(a.into())
    )),
    verb!("close", "[unpublished] [REASON]", Act, "done", "/close fixed in 2.1.4", close),
    verb!("reopen", "", Act, "not done after all", "/reopen", |a| none(a, Command::Reopen)),
    verb!("spam", "", Act, "close it as spam: nobody is answered", "/spam", |a| none(a, Command::Spam)),
    verb!("confirm", "CODE", Act, "the code that a grave command asked for", "/confirm 7k2m9xq4", |a| word(
        a,
        "the code that was mailed to you",
        |w| Ok(Command::Confirm(w))
    )),
    verb!(
        "send",
        "CODE",
        Act,
        "send a text to the reporter that was held back for a look",
        "/send 7k2m9xq4",
        |a| word(a, "the code that was mailed to you", |w| Ok(Command::Send(w)))
    ),
    verb!("status", "", Read, "show the ticket and its clocks", "/status", |a| none(a, Command::Status)),
    verb!("list", "", Read, "show all open tickets", "/list", |a| none(a, Command::List)),
    verb!("help", "", Read, "show the commands", "/help", |a| none(a, Command::Help)),
    verb!("status", "", Ask, "how your report stands", "/status", |_| Some(Ask::Status)),
    verb!("credit", "NAME", Ask, "how we name you when we publish; none for not at all", "/credit R. Porter", |a| {
        Some(Ask::Credit(clean_line(a, ASK_MAX))).filter(|_| !a.trim().is_empty())
    }),
    verb!("withdraw", "[WHY]", Ask, "take the report back", "/withdraw", |a| Some(Ask::Withdraw(clean_line(
        a, ASK_MAX
    )))),
    verb!("help", "", Ask, "this list", "/help", |_| Some(Ask::Help)),
];

/// The most characters of what a reporter writes behind a verb.
const ASK_MAX: usize = 200;

fn none(arguments: &str, command: Command) -> Result<Command, String> {
    if arguments.is_empty() { Ok(command) } else { Err("this takes nothing on its line; write text below it".into()) }
}

fn word(arguments: &str, what: &str, make: impl Fn(String) -> Result<Command, String>) -> Result<Command, String> {
    match arguments.split_whitespace().count() {
        0 => Err(format!("this needs {what}")),
        _ => make(arguments.to_owned()),
    }
}

fn severity(word: String) -> Result<Command, String> {
    let severity = match word.to_ascii_lowercase().as_str() {
        "low" => Severity::Low,
        "medium" | "moderate" => Severity::Medium,
        "high" | "important" => Severity::High,
        "critical" => Severity::Critical,
        _ => return Err(format!("{word:?} is no severity; write low, medium, high or critical")),
    };
    Ok(Command::Severity(severity))
}

fn reporter(address: &str) -> Result<Command, String> {
    let plain = Address::parse(address.strip_prefix('<').and_then(|a| a.strip_suffix('>')).unwrap_or(address));
    plain.map(Command::Reporter).ok_or_else(|| "this needs one plain address, such as rita@example.net".into())
}

fn close(arguments: &str) -> Result<Command, String> {
    let (word, rest) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    let unpublished = word.eq_ignore_ascii_case("unpublished");
    let reason = if unpublished { rest.trim_start() } else { arguments };
    Ok(Command::Close { unpublished, reason: reason.to_owned() })
}

fn extend(arguments: &str) -> Result<Command, String> {
    let mut words = arguments.split_whitespace();
    let (Some(promise), Some(date)) = (words.next(), words.next()) else {
        return Err("this needs a promise and a date".into());
    };
    let to = When::parse(date)?;
    let reason = words.collect::<Vec<_>>().join(" ");
    Ok(Command::Extend { promise: promise.to_ascii_lowercase(), to, reason })
}

fn embargo(arguments: &str) -> Result<Command, String> {
    let (propose, rest) = match arguments.split_once(char::is_whitespace) {
        Some((first, rest)) if first.eq_ignore_ascii_case("propose") => (true, rest.trim_start()),
        _ => (false, arguments),
    };
    let (date, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if date.is_empty() || date.eq_ignore_ascii_case("propose") {
        return Err("this needs the date until which nothing is published".into());
    }
    Ok(Command::Embargo { propose, until: When::parse(date)?, reason: reason.trim().to_owned() })
}

fn done(arguments: &str) -> Result<Command, String> {
    let (promise, note) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    if promise.is_empty() {
        return Err("this needs the name of a promise".into());
    }
    Ok(Command::Done { promise: promise.to_ascii_lowercase(), note: note.trim().to_owned() })
}
