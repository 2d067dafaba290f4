//! To the reporter: the report arrived. Fixed text; not one byte of the report is in it, so that nobody can make
//! us send a message of theirs to a third party (RFC 3834 section 2). What is the project's own in it, the note and
//! the table of versions, stands in the config.

use jiff::Timestamp;

use super::Text;
use crate::mail::fields::Part;
use crate::notice::block::{Form, Mark, always};
use crate::notice::level::Said;
use crate::notice::plain::wrapped;
use crate::notice::standing::promises_ahead;
use crate::project::Project;
use crate::ticket::Ticket;

/// The text; `missing` is what the project asks for and was not found.
pub(crate) fn text(ticket: &Ticket, missing: &[Part], project: &Project, now: Timestamp) -> Text {
    let (name, number) = (&project.name, project.show(ticket.id));
    let mut text = Text::to_reporter(ticket, "We have received your report", project)
        .paragraph([always(format!("Your report has arrived at {name}. Its number is {number}."))])
        .paragraph([always(
            "This is an automatic acknowledgement. It means that your mail is stored and\n\
             that the people who handle reports have been told.",
        )]);
    let ahead = promises_ahead(ticket, &project.policy, now);
    if !ahead.is_empty() {
        text = text
            .paragraph([always("What happens next, as published in our security policy:")])
            .below(Said::Always, Form::List(Mark::Dash, ahead));
    }
    text = text.paragraph([always(
        "To add something, reply to this mail and leave its address as it is; what you\n\
         write is filed with your report.",
    )]);
    let reports = &project.reports;
    if !reports.asks.is_empty() {
        let phrases: Vec<&str> = reports.asks.iter().map(|p| p.phrase()).collect();
        text = text.paragraph([always(wrapped(&format!("A good report holds {}.", listed(&phrases)), ""))]);
    }
    if !missing.is_empty() {
        let missing = missing.iter().map(|p| p.name().to_owned()).collect();
        text = text
            .line([always("We could not make out in yours:")])
            .below(Said::Always, Form::List(Mark::Dash, missing))
            .line([always("If you have more, reply with it; nothing waits for it.")]);
    }
    if let Some(versions) = reports.versions.sentence() {
        text = text.paragraph([always(wrapped(&versions, ""))]);
    }
    if let Some(note) = &reports.note {
        text = text.block(Said::Always, Form::Verbatim(note.clone()));
    }
    text.paragraph([always("Please keep this between us until we have agreed on a date to publish it.")])
}

/// "a, b, and c".
fn listed(phrases: &[&str]) -> String {
    match phrases {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}
