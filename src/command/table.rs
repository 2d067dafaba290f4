//! The one table: what can be written, by whom, and what it does.

use super::arguments::{done, embargo, extend, none, severity, word};
use super::{Ask, Class, Command, Reads, Verb};
use crate::vocabulary::clean_line;

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
        "PROMISE WHEN REASON",
        Act,
        "move a deadline; the reporter is told the new date",
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
    verb!("credit", "NAME|none", Act, "how the reporter agreed to be named", "/credit R. Porter", |a| word(
        a,
        "a name, or none",
        |w| Ok(Command::Credit(w))
    )),
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
    verb!("close", "[REASON]", Act, "done", "/close fixed in 2.1.4", |a| Ok(Command::Close(a.into()))),
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
    verb!(
        "credit",
        "NAME",
        Ask,
        "how we are to name you when we publish; /credit none for not at all",
        "/credit R. Porter",
        |a| Some(Ask::Credit(clean_line(a, ASK_MAX))).filter(|_| !a.trim().is_empty())
    ),
    verb!("withdraw", "[WHY]", Ask, "take the report back", "/withdraw", |a| Some(Ask::Withdraw(clean_line(
        a, ASK_MAX
    )))),
    verb!("help", "", Ask, "this list", "/help", |_| Some(Ask::Help)),
];

/// The most characters of what a reporter writes behind a verb.
const ASK_MAX: usize = 200;
