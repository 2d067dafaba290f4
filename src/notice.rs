//! A mail to send, as a decision makes it: to whom, about which ticket, in which words. [`crate::mail::write`] makes
//! bytes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::{Address, MessageId};
use crate::ticket::TicketId;
use crate::token::Purpose;

/// A mail to send, decided and not yet bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is.
    pub kind: NoticeKind,
    /// The one recipient.
    pub to: Address,
    /// The ticket it is about; `None` for one about many or none.
    pub ticket: Option<TicketId>,
    /// What it stands for, so that it is made once (G3): no two notices share a key.
    pub keys: Vec<String>,
    /// The token that an answer to it carries.
    pub carries: Option<Purpose>,
    /// Its subject, without content of the ticket.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// The mail that it answers.
    pub in_reply_to: Option<MessageId>,
    /// Why it is held for a person; `None` when it leaves.
    pub held: Option<String>,
    /// The revision of the ticket that it shows; 0 for one about no single ticket.
    pub revision: u32,
    /// The deadlines that it puts into its reader's calendar, moves there or takes out.
    pub calendar: Vec<CalendarEvent>,
}

/// A deadline as an event of people's calendars (RFC 5545 section 3.6.1). Calendars are synced to clouds and shared:
/// nothing of a ticket but its number stands in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEvent {
    /// What it is known by for ever: one a ticket and promise.
    pub uid: String,
    /// Which of two versions holds: the higher one. The revision of the ticket grows whenever a deadline moves.
    pub sequence: u32,
    /// What a calendar shows.
    pub summary: String,
    /// The deadline.
    pub at: Timestamp,
    /// Whether it is taken out again.
    pub cancelled: bool,
}

/// How much of a ticket its notices say to a person of the project: `notices` in the config. What each level leaves
/// out is decided in [`crate::mail::text::level`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Everything but attachments.
    #[default]
    Full,
    /// Number, state, clocks and what was recognised; no words, names or addresses from outside, and nobody's text.
    Summary,
    /// A codename, the deadlines, and how to see more.
    None,
}

impl Level {
    /// The word for it in the config and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Summary => "summary",
            Self::None => "none",
        }
    }
}

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// To the reporter: the report arrived.
    Acknowledgement,
    /// To the reporter, in the words of a person.
    Reply,
    /// To the reporter: a fact or a date that the team set.
    Update,
    /// To the reporter: what they asked for.
    Told,
    /// To the team: a new report.
    Report,
    /// To the team: more mail for a ticket.
    FollowUp,
    /// To the team: what one of them did.
    Change,
    /// To the person who commanded: what was done.
    Answer,
    /// To the person who commanded: the one-time code.
    Code,
    /// A rung of the ladder.
    Reminder,
    /// To the team: somebody tried what they may not.
    Attempt,
    /// To the team: a notice did not arrive.
    Undeliverable,
    /// To the team: more comes in than is answered one by one.
    Flood,
    /// To everybody: the state of all tickets.
    Digest,
    /// To the team: a new policy moved deadlines.
    Policy,
    /// To the leads: the daemon itself is in trouble.
    Trouble,
}

impl NoticeKind {
    /// Which of the waiting notices goes first; the lowest lane does. Promises before courtesy.
    pub fn lane(self) -> u8 {
        match self {
            Self::Code | Self::Reminder | Self::Trouble => 0,
            Self::Answer | Self::Reply | Self::Update | Self::Told => 1,
            Self::Report
            | Self::FollowUp
            | Self::Change
            | Self::Attempt
            | Self::Undeliverable
            | Self::Flood
            | Self::Policy => 2,
            Self::Acknowledgement | Self::Digest => 3,
        }
    }

    /// Whether incoming mail alone brings it about: what the hourly cap counts.
    pub fn provoked(self) -> bool {
        match self {
            Self::Acknowledgement | Self::Told | Self::Report | Self::FollowUp | Self::Attempt => true,
            Self::Reply
            | Self::Update
            | Self::Change
            | Self::Answer
            | Self::Code
            | Self::Reminder
            | Self::Undeliverable
            | Self::Flood
            | Self::Digest
            | Self::Policy
            | Self::Trouble => false,
        }
    }

    /// Whether it tells people of the project how a ticket stands now, so that their calendars go with it.
    pub fn moves_deadlines(self) -> bool {
        match self {
            Self::Report | Self::FollowUp | Self::Change | Self::Answer => true,
            Self::Acknowledgement
            | Self::Reply
            | Self::Update
            | Self::Told
            | Self::Code
            | Self::Reminder
            | Self::Attempt
            | Self::Undeliverable
            | Self::Flood
            | Self::Policy
            | Self::Digest
            | Self::Trouble => false,
        }
    }

    /// The word for it in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Reply => "reply",
            Self::Update => "update",
            Self::Told => "told",
            Self::Report => "report",
            Self::FollowUp => "follow-up",
            Self::Change => "change",
            Self::Answer => "answer",
            Self::Code => "code",
            Self::Reminder => "reminder",
            Self::Attempt => "attempt",
            Self::Undeliverable => "undeliverable",
            Self::Flood => "flood",
            Self::Digest => "digest",
            Self::Policy => "policy",
            Self::Trouble => "trouble",
        }
    }
}
