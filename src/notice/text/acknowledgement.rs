//! To the reporter: the report arrived. Fixed text; not one byte of the report is in it, so that nobody can make
//! us send a message of theirs to a third party (RFC 3834 section 2). What is the project's own in it, the note and
//! the table of versions, stands in the config.

use jiff::Timestamp;

use super::Text;
use super::reporter::{says, what_comes_next};
use crate::mail::fields::Part;
use crate::notice::block::{Form, Mark, always};
use crate::notice::level::Said;
use crate::notice::standing::promises_ahead;
use crate::project::Project;
use crate::ticket::Ticket;

/// The text; `missing` is what the project asks for and was not found.
pub(crate) fn text(ticket: &Ticket, missing: &[Part], project: &Project, now: Timestamp) -> Text {
    let (name, number, reports) = (&project.name, project.show(ticket.id), &project.reports);
    let mut text = Text::to_reporter(ticket, "We have received your report", project)
        .and([
            says(&format!("Thank you for your report to {name}. It has arrived; its number is {number}.")),
            says("This mail is automatic. The people who handle reports have been told of yours."),
        ])
        .and(what_comes_next(promises_ahead(ticket, &project.policy, now), project));
    if !missing.is_empty() {
        let missing = missing.iter().map(|p| p.name().to_owned()).collect();
        text = text
            .paragraph([always("These would help us, if you have them:")])
            .below(Said::Always, Form::List(Mark::Dash, missing));
    }
    text = text.and([says("To add something, reply to this mail: it is filed with your report.")]);
    text = text.and(reports.versions.sentence().map(|versions| says(&versions)));
    if let Some(note) = &reports.note {
        text = text.block(Said::Always, Form::Verbatim(note.clone()));
    }
    text.and([says("Please keep this between us until we have agreed on a date to publish it.")])
}
