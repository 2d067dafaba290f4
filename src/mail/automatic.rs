//! Mail written by programs: what must never be answered, and what a bounce says.

use super::{Address, MessageId};
use serde::{Deserialize, Serialize};

/// Why a mail counts as automatic. It changes only what we answer, never whether a person sees the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automatic {
    /// Auto-Submitted other than "no" (RFC 3834 section 5).
    AutoSubmitted,
    /// A delivery report or a null return path.
    Bounce,
    /// Another report: read receipt, feedback, DMARC, TLS.
    Report,
    /// List-* headers or Precedence: list.
    List,
    /// Precedence: bulk or junk.
    Bulk,
    /// A header or subject that responders write.
    Responder,
    /// The sender is a mailbox of a program: mailer-daemon, noreply, owner-….
    RoleSender,
}

/// What a delivery report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounce {
    /// Whom the mail did not reach.
    pub recipients: Vec<Address>,
    /// The Message-IDs that the returned mail, or its header, bears.
    pub message_ids: Vec<MessageId>,
    /// True when delivery has failed for good (RFC 3464 section 2.3.3 "failed"), false for "delayed" and the like.
    pub permanent: bool,
}
