//! To the reporter: the report arrived. Fixed text; not one byte of the report is in it, so that nobody can make
//! us send a message of theirs to a third party (RFC 3834 section 2). What is the project's own in it, the note and
//! the table of versions, stands in the config.

use jiff::Timestamp;

use super::{promises_ahead, subject, wrapped};
use crate::mail::fields::Part;
use crate::project::Project;
use crate::ticket::Ticket;

/// Subject and body.
pub fn text(ticket: &Ticket, missing: &[Part], project: &Project, now: Timestamp) -> (String, String) {
    let number = project.show(ticket.id);
    let mut body = format!(
        "Your report has arrived at {}. Its number is {number}.\n\n\
         This is an automatic acknowledgement. It means that your mail is stored and\n\
         that the people who handle reports have been told.\n",
        project.name
    );
    let ahead = promises_ahead(ticket, &project.policy, now);
    if !ahead.is_empty() {
        body.push_str("\nWhat happens next, as published in our security policy:\n");
        body.push_str(&ahead);
    }
    body.push_str(
        "\nTo add something, reply to this mail and leave its address as it is; what you\n\
         write is filed with your report.\n",
    );
    let reports = &project.reports;
    if !reports.asks.is_empty() {
        let phrases: Vec<&str> = reports.asks.iter().map(|p| p.phrase()).collect();
        body.push_str(&format!("\n{}\n", wrapped(&format!("A good report holds {}.", listed(&phrases)), "")));
    }
    if !missing.is_empty() {
        body.push_str("We could not make out in yours:\n");
        body.extend(missing.iter().map(|p| format!("  - {}\n", p.name())));
        body.push_str("If you have more, reply with it; nothing waits for it.\n");
    }
    if let Some(versions) = reports.versions.sentence() {
        body.push_str(&format!("\n{}\n", wrapped(&versions, "")));
    }
    if let Some(note) = &reports.note {
        body.push_str(&format!("\n{note}\n"));
    }
    body.push_str("\nPlease keep this between us until we have agreed on a date to publish it.\n");
    (subject(project, ticket.id, "We have received your report"), body)
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
