//! How high a mail stands by what was made of it, and what a copy of it changes.

use super::disposition::{Disposition, Intake};
use crate::rules::event::Event;
use crate::vocabulary::{Address, MailRef, TicketId};

/// How the reason of commands that were not obeyed begins.
pub(crate) const NOT_OBEYED: &str = "not obeyed";

/// The reason of a mail in the folder for junk that nothing speaks for.
pub(crate) const JUNK: &str = "in the folder for junk, and of nobody who is known";

/// How high a mail stands by what was made of it, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It was there before us, and nobody has looked at it.
    Earlier,
    /// Ours, or a report about ours.
    Own,
    /// A program's.
    Automatic,
    /// A person's.
    Report,
    /// A person's with authority, which was used.
    Command,
}

impl Standing {
    pub(super) fn of(disposition: Disposition, obeyed: bool) -> Self {
        match disposition {
            Disposition::Earlier => Self::Earlier,
            Disposition::Own | Disposition::Bounce => Self::Own,
            Disposition::Automatic => Self::Automatic,
            Disposition::Command if obeyed => Self::Command,
            Disposition::Command
            | Disposition::Report
            | Disposition::FollowUp
            | Disposition::Answer
            | Disposition::Unreadable
            | Disposition::Quarantined
            // It stands for what it is a copy of.
            | Disposition::Duplicate => Self::Report,
        }
    }
}

/// What was made of the copy that stands highest so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// The number of its receipt.
    pub receipt: i64,
    /// The mail itself: the same one, where a mail is handled anew.
    pub mail: MailRef,
    /// How it was handled.
    pub disposition: Disposition,
    /// Whether it was commands that were done.
    pub obeyed: bool,
    /// Its ticket.
    pub ticket: Option<TicketId>,
    /// What it is in that ticket.
    pub part: Part,
    /// It lay in the folder for junk, and stands for nothing else.
    pub junk: bool,
    /// Whose mail it was, where only Message-ID and date are the same and one text holds the other: lists write into
    /// subject and From, and below the text. Of a report that made the ticket, its reporter.
    pub altered: Option<Address>,
}

/// What a mail is in its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The report that made it.
    Opened {
        /// Whether its sender waits for any word of ours.
        unanswered: bool,
    },
    /// One of many in a ticket that gathers.
    Gathered,
    /// More mail for it.
    Joined,
}

impl First {
    /// How high it stands.
    pub fn standing(&self) -> Standing {
        Standing::of(self.disposition, self.obeyed)
    }

    /// Whether a copy that is taken for a person's could get its sender an acknowledgement that the first did not.
    pub fn is_unanswered(&self) -> bool {
        self.part == Part::Opened { unanswered: true }
    }

    /// Whether its receipt says from now on what was made of a mail that is a copy of it, or itself, handled anew.
    pub fn is_raised_by(&self, intake: &Intake, is_itself: bool) -> bool {
        let to = intake.disposition;
        let more = to != Disposition::Duplicate && (is_itself || to != Disposition::Own);
        more && (self.altered.is_none() || matches!(intake.event, Some(Event::Copied(..))))
    }

    /// What its receipt says where it is raised; then the disposition and the reason of the mail that raised it.
    pub fn receipts(&self, to: Disposition, reason: String, is_itself: bool) -> (String, Disposition, String) {
        let before = self.disposition.word();
        if is_itself {
            return (format!("{reason} (before: {before})"), to, reason);
        }
        let why = format!("{reason}, as a second copy shows (first: {before})");
        (why, Disposition::Duplicate, format!("a second copy, which raises the first: {reason}"))
    }
}
