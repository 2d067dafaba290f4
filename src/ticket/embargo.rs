//! The agreement not to publish before a date.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where an embargo stands, in the terms of Vultron's embargo management model; a ticket without one has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmbargoState {
    /// A date is proposed, and none agreed on.
    Proposed,
    /// A date is agreed on.
    Active,
    /// A date is agreed on, and another one proposed; the old one stands meanwhile.
    Revised,
    /// It is over.
    Ended,
}

impl fmt::Display for EmbargoState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Revised => "revised",
            Self::Ended => "ended",
        })
    }
}

/// An agreement not to publish before a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Embargo {
    /// Where it stands.
    pub state: EmbargoState,
    /// The date that is agreed on.
    pub until: Option<Timestamp>,
    /// The zone that it was written in.
    pub zone: Option<String>,
    /// The date that is proposed.
    pub proposed: Option<Timestamp>,
    /// When the agreed date was set.
    pub since: Timestamp,
}

impl Embargo {
    /// The date that holds now, and since when it does.
    pub fn holds(&self) -> Option<(Timestamp, Timestamp)> {
        match self.state {
            EmbargoState::Active | EmbargoState::Revised => self.until.map(|until| (until, self.since)),
            EmbargoState::Proposed | EmbargoState::Ended => None,
        }
    }
}
