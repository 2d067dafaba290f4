//! A text in blocks, and what each level shows of it. Below stand the texts themselves: one file a kind of notice. No
//! byte of a report stands in what strangers get, and no title in any subject.

pub(crate) mod acknowledgement;
pub(crate) mod answer;
pub(crate) mod digest;
pub(crate) mod flood;
pub(crate) mod lost;
pub(crate) mod policy;
pub(crate) mod reminder;
pub(crate) mod report;
pub(crate) mod reporter;
pub(crate) mod team;
pub(crate) mod trouble;

use jiff::Timestamp;

use super::block::{Block, ClockRow, Form, Span, always};
use super::codename::Codename;
use super::level::Said;
use super::standing;
use crate::project::{Level, Project};
use crate::ticket::Ticket;
use crate::token::Key;
use crate::vocabulary::TicketId;

/// A text, before a level has left out what it does not say.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// The subject where all is said; it names no content.
    subject: String,
    /// The subject at `none`.
    quiet_subject: String,
    /// The ticket that it hides at `none`, and how it begins there before the codename.
    hides: Option<(TicketId, &'static str)>,
    blocks: Vec<Block>,
    /// The deadlines, below all else at `none`.
    deadlines: Vec<ClockRow>,
    /// The command that shows all that a level leaves out, where there is one.
    shown_by: Option<String>,
}

impl Text {
    /// To the reporter: the same whatever the levels of the team are, since it is theirs.
    pub(crate) fn to_reporter(ticket: &Ticket, what: &str, project: &Project) -> Self {
        Self::desk(tagged(ticket, what, project))
    }

    /// News of a ticket for people of the project. What it is about is not said at `none`.
    pub(crate) fn news(ticket: &Ticket, what: &str, project: &Project, now: Timestamp) -> Self {
        Self::about(ticket, what, "News", "There is news about", project).with_deadlines(ticket, project, now)
    }

    /// The answer to whoever wrote about a ticket. Its subject tells nothing of the ticket.
    pub(crate) fn answer(ticket: &Ticket, what: &str, project: &Project) -> Self {
        Self::about(ticket, what, what, "You wrote about", project)
    }

    fn about(ticket: &Ticket, what: &str, quietly: &str, opening: &'static str, project: &Project) -> Self {
        let hides = Some((ticket.id, opening));
        let shown_by = Some(shown_by(ticket, project));
        Self { hides, shown_by, quiet_subject: quietly.to_owned(), ..Self::desk(tagged(ticket, what, project)) }
    }

    /// About no single ticket.
    pub(crate) fn desk(subject: impl Into<String>) -> Self {
        let subject: String = subject.into();
        let (blocks, deadlines) = (Vec::new(), Vec::new());
        Self { quiet_subject: subject.clone(), subject, hides: None, blocks, deadlines, shown_by: None }
    }

    /// With a command that shows what a level leaves out.
    pub(crate) fn shown_by(self, command: &str) -> Self {
        Self { shown_by: Some(command.to_owned()), ..self }
    }

    /// Another subject at `none`.
    pub(crate) fn quiet_subject(self, what: &str) -> Self {
        Self { quiet_subject: what.to_owned(), ..self }
    }

    /// With the deadlines, at `none`.
    pub(crate) fn with_deadlines(self, ticket: &Ticket, project: &Project, now: Timestamp) -> Self {
        Self { deadlines: standing::deadlines(ticket, &project.policy, now), ..self }
    }

    /// With a paragraph.
    pub(crate) fn paragraph(self, spans: impl IntoIterator<Item = Span>) -> Self {
        self.and([Block::paragraph(spans)])
    }

    /// With a paragraph right below the last block.
    pub(crate) fn line(self, spans: impl IntoIterator<Item = Span>) -> Self {
        self.and([Block { apart: false, ..Block::paragraph(spans) }])
    }

    /// With a block.
    pub(crate) fn block(self, said: Said, form: Form) -> Self {
        self.and([Block { said, apart: true, form }])
    }

    /// With a block right below the last one.
    pub(crate) fn below(self, said: Said, form: Form) -> Self {
        self.and([Block { said, apart: false, form }])
    }

    /// With more blocks.
    pub(crate) fn and(mut self, blocks: impl IntoIterator<Item = Block>) -> Self {
        self.blocks.extend(blocks);
        self
    }

    /// With the promises that run on the ticket.
    pub(crate) fn promises(self, ticket: &Ticket, project: &Project, now: Timestamp) -> Self {
        let rows = standing::clock_rows(ticket, &project.policy, now);
        self.block(Said::State, Form::Clocks(rows))
    }

    /// With the commands that make sense now.
    pub(crate) fn commands(self, ticket: &Ticket) -> Self {
        self.block(Said::State, Form::Commands(standing::commands(ticket)))
    }

    /// The subject at a level.
    pub(crate) fn subject(&self, level: Level, key: &Key) -> String {
        match (self.hides, level) {
            (_, Level::Full | Level::Summary) => self.subject.clone(),
            (None, Level::None) => self.quiet_subject.clone(),
            (Some((ticket, _)), Level::None) => format!("[{}] {}", Codename::of(ticket, key), self.quiet_subject),
        }
    }

    /// What a level shows below the subject.
    pub(crate) fn blocks(self, level: Level, key: &Key) -> Vec<Block> {
        let left_out = self.blocks.iter().any(|block| block.leaves_out(level));
        let said = self.blocks.into_iter().filter_map(|block| block.at(level));
        let more = |command: &str| {
            let more = format!("To see what this mail leaves out: `{command}`\non the daemon's machine.");
            Block::paragraph([always(more)])
        };
        let Some((ticket, opening)) = self.hides.filter(|_| level == Level::None) else {
            let mut said: Vec<Block> = said.collect();
            // What can be done stands last.
            let at = said.iter().position(|b| matches!(b.form, Form::Commands(_))).unwrap_or(said.len());
            let command = self.shown_by.filter(|_| left_out);
            said.splice(at..at, command.as_deref().map(more));
            return said;
        };
        let name = Codename::of(ticket, key);
        let quiet = |form| Block { said: Said::Quiet, apart: true, form };
        let more = more(&format!("disclosed show {}", name.slug()));
        let deadlines = Some(self.deadlines).filter(|rows| !rows.is_empty()).map(|rows| quiet(Form::Clocks(rows)));
        [Block::paragraph([always(format!("{opening} {}.", name.loud()))])]
            .into_iter()
            .chain(said)
            .chain(deadlines)
            .chain([more, quiet(Form::Commands(vec!["/help"]))])
            .collect()
    }
}

/// The command that shows a ticket with all its mails.
pub(super) fn shown_by(ticket: &Ticket, project: &Project) -> String {
    format!("disclosed show {}", project.show(ticket.id))
}

/// "[SEC-17] …": the number alone names the ticket in a subject.
fn tagged(ticket: &Ticket, what: &str, project: &Project) -> String {
    format!("[{}] {what}", project.show(ticket.id))
}
