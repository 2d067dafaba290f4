//! Where a report stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a report stands, in the terms of CERT/CC's Vultron (its report management model).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Came in; nobody has judged it.
    Received,
    /// Judged to be no vulnerability of ours.
    Invalid,
    /// Judged to be one.
    Valid,
    /// We work on it.
    Accepted,
    /// One, and not worked on now.
    Deferred,
    /// Done.
    Closed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Invalid => "invalid",
            Self::Valid => "valid",
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Closed => "closed",
        })
    }
}
