//! The ticket: what is tracked.

use crate::mail::Address;
use serde::{Deserialize, Serialize};

/// Someone of the project, as the config names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// How mails call them.
    pub name: String,
    /// Where they are reached, and who they are for commands.
    pub address: Address,
    /// What they do.
    pub roles: Vec<Role>,
}

/// What a person of the project does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Handles reports: is told of each, and commands.
    Maintainer,
    /// Also hears the later rungs.
    Lead,
    /// Hears what nobody else has answered.
    Escalation,
    /// Follows along; does not command.
    Observer,
}
