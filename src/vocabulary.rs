//! What every room speaks of: addresses, Message-IDs, prints, the numbers of tickets and mails, the kinds of notices and what
//! becomes of one, and text made fit to be shown. Nothing here knows a rule.

mod address;
mod clean;
mod delivery;
mod kind;
mod message_id;
mod print;
mod role;

use serde::{Deserialize, Serialize};

pub use address::Address;
pub(crate) use clean::piece;
pub(crate) use clean::trim_blanks;
pub use clean::{clean, clean_line};
pub use delivery::{NoticeState, Outcome};
pub(crate) use delivery::{Said, Stage};
pub(crate) use kind::Mailed;
pub use kind::NoticeKind;
pub use message_id::MessageId;
pub(crate) use print::Print;
pub(crate) use role::Role;

/// The number of a ticket: 17 for `SEC-17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(pub u32);

impl TicketId {
    /// As people write it: `SEC-17`.
    pub fn show(self, prefix: &str) -> String {
        format!("{prefix}-{}", self.0)
    }

    /// Reads `SEC-17`, `sec-17` or `17`.
    pub fn parse(text: &str, prefix: &str) -> Option<Self> {
        let text = trim_blanks(text);
        let number = match text.split_once('-') {
            Some((p, n)) if p.eq_ignore_ascii_case(prefix) => n,
            Some(_) => return None,
            None => text,
        };
        if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        number.parse().ok().filter(|n| *n > 0).map(Self)
    }
}

/// A stored mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MailRef(pub i64);
