//! How much of a ticket a notice to a person says. The rule stands here alone: each text marks its pieces by what they
//! give away, and [`Text::at`] leaves out what a level does not say.
//!
//! A mailbox may be read by more people than may know of a report. At `summary` nothing leaves that came from outside
//! or that a person wrote: neither subject nor text, names or addresses, names of attachments, answers of servers. At
//! `none` not even the number does: the ticket has a codename, and each notice of it reads alike. A person's own
//! command is answered with their own lines at each level.

use jiff::Timestamp;

use super::invitation::invitation;
use super::{deadlines, subject};
use crate::notice::codename::Codename;
use crate::project::{Level, Project};
use crate::ticket::Ticket;
use crate::token::Key;
use crate::vocabulary::TicketId;

/// Subject and body for whoever it goes to.
pub type Words = (String, String);

/// A text for people of the project, in pieces.
#[derive(Clone, Debug)]
pub struct Text {
    /// The ticket that it is about, and its number in the subject.
    ticket: Option<(TicketId, String)>,
    /// What the subject says; and what it says at `none`.
    what: (String, String),
    /// How the body begins at `none`, before the codename.
    opening: &'static str,
    pieces: Vec<(Said, String)>,
    /// The deadlines, below all else at `none`.
    deadlines: String,
}

/// At which levels a piece is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
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
    fn at(self, level: Level) -> bool {
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

impl Text {
    /// News of a ticket. `what` is the subject; it names no content, and at `none` it is not said.
    pub fn news(ticket: &Ticket, what: &str, project: &Project, now: Timestamp) -> Self {
        let tag = Some((ticket.id, subject(project, ticket.id, "")));
        let what = (what.to_owned(), "News".to_owned());
        let text = Self { ticket: tag, what, opening: "There is news about", ..Self::empty() };
        text.clocks(ticket, project, now)
    }

    /// The answer to whoever wrote about a ticket. Its subject tells nothing of the ticket.
    pub fn answer(ticket: Option<TicketId>, what: &str, project: &Project) -> Self {
        let ticket = ticket.map(|id| (id, subject(project, id, "")));
        let what = (what.to_owned(), what.to_owned());
        Self { ticket, what, opening: "You wrote about", ..Self::empty() }
    }

    /// About no single ticket.
    pub fn desk(what: impl Into<String>) -> Self {
        let what: String = what.into();
        Self { what: (what.clone(), what), ..Self::empty() }
    }

    fn empty() -> Self {
        let what = (String::new(), String::new());
        Self { ticket: None, what, opening: "", pieces: Vec::new(), deadlines: String::new() }
    }

    /// What each level says before all else.
    pub fn first(mut self, text: impl Into<String>) -> Self {
        self.pieces.insert(0, (Said::Always, text.into()));
        self
    }

    /// Another subject at `none` than "News".
    pub fn quiet_subject(mut self, what: &str) -> Self {
        what.clone_into(&mut self.what.1);
        self
    }

    /// What each level says: nothing of a ticket but what its reader wrote.
    pub fn always(self, text: impl Into<String>) -> Self {
        self.piece(Said::Always, text)
    }

    /// What `full` and `summary` say: number, state, clocks, roles, counts.
    pub fn state(self, text: impl Into<String>) -> Self {
        self.piece(Said::State, text)
    }

    /// What `full` alone says: whatever came from outside or was written by a person.
    pub fn content(self, text: impl Into<String>) -> Self {
        self.piece(Said::Content, text)
    }

    /// What `summary` says in place of content.
    pub fn instead(self, text: impl Into<String>) -> Self {
        self.piece(Said::Instead, text)
    }

    /// What `none` alone says.
    pub fn quiet(self, text: impl Into<String>) -> Self {
        self.piece(Said::Quiet, text)
    }

    /// The deadlines, as `none` says them.
    pub fn clocks(mut self, ticket: &Ticket, project: &Project, now: Timestamp) -> Self {
        let ahead = deadlines(ticket, &project.policy, now);
        self.deadlines = if ahead.is_empty() { ahead } else { format!("\nPromises:\n{ahead}") };
        self
    }

    fn piece(mut self, said: Said, text: impl Into<String>) -> Self {
        self.pieces.push((said, text.into()));
        self
    }

    /// Subject and body at a level.
    pub fn at(&self, level: Level, key: &Key) -> Words {
        let said: String = self.pieces.iter().filter(|(s, _)| s.at(level)).map(|(_, text)| text.as_str()).collect();
        match (&self.ticket, level) {
            (None, Level::Full | Level::Summary) => (self.what.0.clone(), said),
            (None, Level::None) => (self.what.1.clone(), said),
            (Some((_, tag)), Level::Full | Level::Summary) => (format!("{tag}{}", self.what.0), said),
            (Some((id, _)), Level::None) => {
                let name = Codename::of(*id, key);
                let body = format!(
                    "{} {}.\n{said}{}\nTo see more: `disclosed show {}` on the daemon's machine.\n{}",
                    self.opening,
                    name.loud(),
                    self.deadlines,
                    name.slug(),
                    invitation(&["/help"])
                );
                (format!("[{name}] {}", self.what.1), body)
            }
        }
    }
}

/// To the reporter: the same whatever the team's levels are, since it is theirs.
impl From<Words> for Text {
    fn from((what, body): Words) -> Self {
        Self::desk(what).always(body)
    }
}
