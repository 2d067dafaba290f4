//! The commands: one table from which the parser, the permission check, the help mails and the README's list come.

mod arguments;
mod orders;
mod table;
mod when;

use crate::policy::Severity;

pub use orders::{Asked, Line, Orders, parse, split};
pub(crate) use orders::{LINES_MAX, asks};
pub(crate) use table::reporters_verbs;
pub use table::verbs;
pub(crate) use when::When;

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
        /// Why; the reporter is told the new date, and not the reason.
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
    Close(String),
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
    /// What of a person's words it sends to the reporter: the text below it, or its own argument.
    pub fn sends<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        if let Self::Released(words) | Self::Public(words) = self {
            return Some(words);
        }
        matches!(self, Self::Ack | Self::Reply | Self::Ask).then_some(text)
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
    reads: Reads,
}

/// What the rest of the line makes of a verb.
#[derive(Clone, Copy, Debug)]
enum Reads {
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
