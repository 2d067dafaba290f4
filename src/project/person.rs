//! The people of the project.

use serde::{Deserialize, Serialize};

use crate::mail::signature::Pin;
use crate::policy::Calendar;
use crate::vocabulary::Address;

/// Someone of the project, as the config names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// How mails call them.
    pub name: String,
    /// Where they are reached, and who they are for commands.
    pub address: Address,
    /// What they do.
    pub roles: Vec<Role>,
    /// How much their notices say.
    pub notices: Level,
    /// Who may sign for them besides the domain of their address.
    pub dkim_domains: Vec<Pin>,
    /// Their own quiet time and zone; `None` when they go by the policy's. Only when they hear of something depends
    /// on it, never what was promised.
    pub calendar: Option<Calendar>,
}

impl Person {
    /// Whether they have that role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether they are told of each report.
    pub fn handles(&self) -> bool {
        self.is(Role::Maintainer) || self.is(Role::Lead)
    }

    /// Whether they may command: everyone but pure observers.
    pub fn commands(&self) -> bool {
        self.handles() || self.is(Role::Escalation)
    }
}

/// What a person of the project does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Handles reports: is told of each, and commands.
    Maintainer,
    /// Also hears the later rungs.
    Lead,
    /// Hears what nobody else has answered, and commands.
    Escalation,
    /// Follows along; does not command.
    Observer,
}

/// How much of a ticket its notices say to a person of the project: `notices` in the config. What each level leaves
/// out is decided in [`crate::notice::level`].
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
