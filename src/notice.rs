//! A mail to send, as a decision makes it: what is said, as facts, and to whom.
//!
//! [`says`] lists all that can be said. [`text`] makes [`block`]s of it, [`level`] leaves out what its reader may not
//! be told, [`plain`] makes plain text of the rest, and [`mod@write`] makes bytes. A notice about a ticket shows the
//! ticket as it stood when the rule spoke.

pub(crate) mod appointment;
pub(crate) mod block;
pub(crate) mod calendar;
pub(crate) mod codename;
pub(crate) mod key;
pub(crate) mod leak;
pub(crate) mod level;
pub(crate) mod plain;
pub(crate) mod says;
pub(crate) mod standing;
pub(crate) mod text;
pub(crate) mod words;
pub(crate) mod write;

use std::sync::Arc;

use jiff::Timestamp;

use self::key::NoticeKey;
use self::says::Says;
use crate::token::Purpose;
use crate::vocabulary::{Address, MessageId, NoticeKind, TicketId};

/// A mail to send, decided and not yet bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub says: Arc<Says>,
    /// The one recipient.
    pub to: Address,
    /// What it stands for, so that it is made once (G3): no two notices share a key.
    pub keys: Vec<NoticeKey>,
    /// The token that an answer to it carries.
    pub carries: Purpose,
    /// The mail that it answers.
    pub in_reply_to: Option<MessageId>,
    /// Why it is held for a person; `None` when it leaves.
    pub held: Option<String>,
    /// The deadlines that it puts into its reader's calendar, moves there or takes out.
    pub calendar: Vec<CalendarEvent>,
}

impl Notice {
    /// What it is.
    pub fn kind(&self) -> NoticeKind {
        self.says.kind()
    }

    /// The revision of the ticket that it shows; 0 for one about no single ticket.
    pub fn revision(&self) -> u32 {
        self.says.revision()
    }

    /// The ticket that it is about; `None` for one about many or none.
    pub fn ticket(&self) -> Option<TicketId> {
        self.says.ticket()
    }
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
