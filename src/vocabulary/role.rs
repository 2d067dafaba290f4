//! What a watched folder is for.

use serde::{Deserialize, Serialize};

/// What a watched folder is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Where mail comes in.
    #[default]
    Inbox,
    /// What was sent from the mailbox by hand, and what the provider files there of what we sent.
    Sent,
    /// What the provider took for junk.
    Junk,
}

impl Role {
    /// The word for it in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Sent => "sent",
            Self::Junk => "junk",
        }
    }
}
