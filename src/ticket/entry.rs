//! Entries: the lines of a timeline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EmbargoState, Status};
use crate::policy::{Milestone, Severity};
use crate::vocabulary::{Address, MailRef, Mailed, MessageId, TicketId};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// This program.
    Daemon,
    /// Someone at the command line of its host, who may do everything there, and be anybody: what is known of them is
    /// what they say, by their login too.
    Local(Seat),
    /// The reporter.
    Reporter,
    /// A person of the project.
    Person(Address),
    /// Someone of whom we know nothing.
    Stranger,
}

/// Who says to sit at the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The name they logged in by; `None` in what an early version wrote.
    pub login: Option<String>,
    /// The person of the project whom they act as, where they named one.
    pub person: Option<Address>,
}

/// What sort of actor did something: an [`Actor`] without the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// [`Actor::Daemon`].
    Daemon,
    /// [`Actor::Local`].
    Local,
    /// [`Actor::Reporter`].
    Reporter,
    /// [`Actor::Person`].
    Person,
    /// [`Actor::Stranger`].
    Stranger,
}

impl Actor {
    /// What sort of actor this is.
    pub fn kind(&self) -> ActorKind {
        match self {
            Self::Daemon => ActorKind::Daemon,
            Self::Local(_) => ActorKind::Local,
            Self::Reporter => ActorKind::Reporter,
            Self::Person(_) => ActorKind::Person,
            Self::Stranger => ActorKind::Stranger,
        }
    }

    /// The person of the project who did it, by mail or as the command line says.
    pub fn person(&self) -> Option<&Address> {
        match self {
            Self::Person(address) => Some(address),
            Self::Local(seat) => seat.person.as_ref(),
            Self::Daemon | Self::Reporter | Self::Stranger => None,
        }
    }
}

impl ActorKind {
    /// The word for it in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Local => "local",
            Self::Reporter => "reporter",
            Self::Person => "person",
            Self::Stranger => "stranger",
        }
    }
}

/// One line of the timeline: never changed, never removed. Addresses and texts stand apart from `kind`, since
/// the store keeps personal data in tables of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the timeline, from 1.
    pub seq: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What was done.
    pub kind: EntryKind,
    /// The address it is about: reporter, owner, recipient.
    pub party: Option<Address>,
    /// Title, note, reason, answer of a server.
    pub text: Option<String>,
    /// The mail it came from.
    pub mail: Option<MailRef>,
    /// The order that made it: the number of the first entry of those that the commands of one mail made together;
    /// `None` for what no command made.
    pub order: Option<u32>,
}

/// What an entry records. What else is to be known of each kind stands in [`super::kinds`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EntryKind {
    /// A report came in. Party: the reporter. Text: the title.
    Reported {
        /// When our mail server took it.
        received: Timestamp,
        /// Its Message-ID, to answer it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message_id: Option<MessageId>,
        /// A ticket that its subject or references name without proof.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        may_belong_to: Option<TicketId>,
        /// Whether there was a reporter, whose address has been erased since: what they were told still counts.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        erased: bool,
    },
    /// One of many reports that came at once. Party: its sender. Text: its title.
    Member,
    /// What became of the automatic acknowledgement. Text: why.
    Acknowledgement {
        /// Sent, held or not made.
        outcome: Acknowledgement,
    },
    /// More mail for the ticket, from the reporter or with their token. Text: its beginning.
    FollowUp,
    /// A person answered the reporter. Text: the answer.
    Answered,
    /// A person acknowledged the report.
    Acknowledged,
    /// A person waits for the reporter: the pausable clocks stop.
    Paused,
    /// The reporter answered: they run again.
    Resumed,
    /// The status changed. Text: the reason.
    Status {
        /// The new status.
        to: Status,
    },
    /// Spam: closed, and no promise runs.
    Spam,
    /// The severity was set.
    Severity {
        /// The new severity.
        to: Severity,
    },
    /// The owner changed. Party: the new one.
    Owner,
    /// A person said who the reporter is: that one from now on, and no earlier one. Party: the reporter.
    Reporter,
    /// A note of the team. Text: it.
    Note,
    /// A fact beside the status. Text: a version, a link, a reason.
    Fact {
        /// Which.
        fact: Fact,
    },
    /// A deadline of this ticket was moved. Text: the reason.
    DeadlineMoved {
        /// Of which promise.
        promise: String,
        /// To when.
        to: Timestamp,
    },
    /// The embargo changed. Text: the reason.
    Embargo {
        /// How.
        to: EmbargoState,
        /// The date that it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Timestamp>,
        /// The zone that the date was written in.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        zone: Option<String>,
    },
    /// How the reporter wants to be named. Text: the name, or "none".
    Credit,
    /// The reporter takes the report back. Text: why.
    Withdrawn,
    /// The reporter asked for the state of the report.
    Asked,
    /// A promise is kept that no milestone tells of. Text: a note.
    Done {
        /// Which.
        promise: String,
    },
    /// A rung of the ladder spoke: to those who go by the policy's quiet time. Party: the one person to whom it spoke
    /// when they have a quiet time of their own, or the reporter. Text: the names of the people who were told; an early
    /// version wrote none.
    Reminded {
        /// Of which promise.
        promise: String,
        /// Its deadline then.
        deadline: Timestamp,
        /// Which rung, from 0.
        rung: usize,
        /// Which round of it, from 0.
        round: u32,
        /// Where the ladder put it: nothing up to here is said again.
        nominal: Timestamp,
    },
    /// The policy changed, and with it a deadline of this ticket.
    Rederived {
        /// Of which promise.
        promise: String,
        /// The deadline before; `None` when no such promise ran.
        from: Option<Timestamp>,
        /// The deadline now; `None` when no such promise runs any more.
        to: Option<Timestamp>,
    },
    /// A deadline passed.
    Broken {
        /// Of which promise.
        promise: String,
        /// Which deadline.
        deadline: Timestamp,
    },
    /// A grave command waits for its one-time code. Text: the lines.
    CodeAsked {
        /// Whether another person than whoever asked must give it.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        second: bool,
        /// Whether it waits for somebody to look at a text that is to leave, and not because it is grave.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        send: bool,
    },
    /// The code came, and the command was done.
    CodeUsed,
    /// Another code came, and the command will not be done.
    CodeWrong,
    /// Somebody tried to command and may not. Text: why.
    Attempt,
    /// A mail of ours did not arrive. Party: to whom. Text: the answer of the server.
    Undeliverable {
        /// What it was.
        notice: Undelivered,
        /// Whether nothing but the recipient says that it was this one: anybody can have written so.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        perhaps: bool,
    },
    /// The clock had been ahead, and is right now: what stands above with a later instant was at this one, and what was
    /// said or broken before its time was not.
    ClockSet,
    /// The addresses, texts and mails of the ticket up to here were erased.
    Erased,
}

/// A fact beside the status: a milestone that somebody says is reached, and that no other entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// A fix exists.
    FixReady,
    /// A fixed version is out.
    FixReleased,
    /// The vulnerability is public.
    Public,
    /// Attacks are seen.
    Exploited,
}

impl Fact {
    /// The milestone that is reached by it.
    pub fn milestone(self) -> Milestone {
        match self {
            Self::FixReady => Milestone::FixReady,
            Self::FixReleased => Milestone::FixReleased,
            Self::Public => Milestone::Public,
            Self::Exploited => Milestone::Exploited,
        }
    }
}

/// What did not arrive. In JSON it is a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Undelivered {
    /// A mail of a kind that this version knows.
    Known(Mailed),
    /// A mail of a kind that only another version knows. A timeline lasts longer than the list of kinds, and one such
    /// word must not make it unreadable.
    Unknown(String),
}

impl Undelivered {
    /// The word for it in the timeline and for people.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(mailed) => mailed.word(),
            Self::Unknown(word) => word,
        }
    }
}

/// What became of the automatic acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// It is in the outbox.
    Sent,
    /// It waits for a person.
    Held,
    /// There is none: a program wrote, or nobody can be answered.
    Withheld,
}

/// What a command changes, to tell one that was overtaken: see `Ticket::changed`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The status.
    Status,
    /// The severity.
    Severity,
    /// The owner.
    Owner,
    /// The reporter.
    Reporter,
    /// The embargo.
    Embargo,
    /// The deadline of a promise.
    Deadline(String),
}
