//! To the reporter: the report arrived. Fixed text; not one byte of the report is in it, so that nobody can make
//! us send a message of theirs to a third party (RFC 3834 section 2).

use jiff::Timestamp;

use super::{promises_ahead, subject};
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
         write is filed with your report.\n\n\
         A good report holds a description, the steps to reproduce it, its impact, and\n\
         the versions that are affected.",
    );
    if missing.is_empty() {
        body.push('\n');
    } else {
        let names: Vec<&str> = missing.iter().map(|p| p.name()).collect();
        body.push_str(&format!(
            " We could not make out in yours:\n{}. If you have more, reply with it;\nnothing waits for it.\n",
            names.join(", ")
        ));
    }
    body.push_str("\nPlease keep this between us until we have agreed on a date to publish it.\n");
    (subject(project, ticket.id, "We have received your report"), body)
}
