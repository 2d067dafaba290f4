//! How a mail was handled.

use serde::{Deserialize, Serialize};

use crate::rules::event::Event;
use crate::vocabulary::TicketId;

/// How one mail was handled. Each mail ends in exactly one of these, and all are listed (G1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// A new report.
    Report,
    /// More for a ticket, from its reporter's side.
    FollowUp,
    /// Commands, obeyed or not.
    Command,
    /// A maintainer's answer or note.
    Answer,
    /// A delivery report.
    Bounce,
    /// Written by a program.
    Automatic,
    /// Sent by ourselves.
    Own,
    /// A second copy of a mail we have.
    Duplicate,
    /// It was in the folder before the first start, and waits there to be taken in.
    Earlier,
    /// Nothing in it could be read; it is a ticket all the same.
    Unreadable,
    /// Reading it failed again and again; a person must look.
    Quarantined,
}

impl Disposition {
    /// The word for it in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::FollowUp => "follow_up",
            Self::Command => "command",
            Self::Answer => "answer",
            Self::Bounce => "bounce",
            Self::Automatic => "automatic",
            Self::Own => "own",
            Self::Duplicate => "duplicate",
            Self::Earlier => "earlier",
            Self::Unreadable => "unreadable",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What to do with a mail.
#[derive(Clone, Debug)]
pub struct Intake {
    /// How it was handled.
    pub disposition: Disposition,
    /// Why, in words for the operator; holds no address and no content.
    pub reason: String,
    /// The ticket it belongs to; `None` for a new one or for none.
    pub ticket: Option<TicketId>,
    /// What happened; `None` when it changes nothing.
    pub event: Option<Event>,
}

/// One that changes nothing.
pub(super) fn nothing(disposition: Disposition, ticket: Option<TicketId>, reason: &str) -> Intake {
    Intake { disposition, reason: reason.to_owned(), ticket, event: None }
}
