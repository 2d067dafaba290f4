//! How much of a ticket a notice to a person says. The rule stands here alone: each block and span of a text is marked
//! with what it gives away, and a level leaves out what it does not say.
//!
//! A mailbox may be read by more people than may know of a report. At `summary` nothing leaves that came from outside
//! or that a person wrote: neither subject nor text, names or addresses, names of attachments, answers of servers. At
//! `none` not even the number does: the ticket has a codename, and each notice of it reads alike. A person's own
//! command is answered with their own lines at each level.

use crate::project::Level;

/// At which levels something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// At each: the words of whoever reads it, and ours that tell nothing of a ticket.
    Always,
    /// At `full` and `summary`: number, state, clocks, roles, counts.
    State,
    /// At `full`: whatever came from outside or was written by a person.
    Content,
    /// At `summary`, in place of content.
    Instead,
    /// At `none`.
    Quiet,
}

impl Said {
    /// Whether a level says it.
    pub fn at(self, level: Level) -> bool {
        match (self, level) {
            (Self::Always, Level::Full | Level::Summary | Level::None)
            | (Self::State, Level::Full | Level::Summary)
            | (Self::Content, Level::Full)
            | (Self::Instead, Level::Summary)
            | (Self::Quiet, Level::None) => true,
            (Self::State, Level::None)
            | (Self::Content, Level::Summary | Level::None)
            | (Self::Instead, Level::Full | Level::None)
            | (Self::Quiet, Level::Full | Level::Summary) => false,
        }
    }
}
