//! A mail to send, as a decision makes it: to whom, about which ticket, in which words. [`crate::notice::write`] makes
//! bytes of it.

pub mod appointment;
pub mod calendar;
pub mod codename;
pub mod key;
pub mod leak;
pub mod text;
pub mod write;

use jiff::Timestamp;

use self::key::NoticeKey;
use crate::token::Purpose;
use crate::vocabulary::{Address, MessageId, NoticeKind, TicketId};

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
    pub keys: Vec<NoticeKey>,
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
