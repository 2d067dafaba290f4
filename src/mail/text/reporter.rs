//! To the reporter, brought about by a person: only what a maintainer wrote for them, and dates.

use jiff::Timestamp;

use super::{promises_ahead, subject, when};
use crate::project::Project;
use crate::ticket::Ticket;

/// `/ack`: a person has read the report.
pub fn acknowledged(ticket: &Ticket, by: &str, words: &str, project: &Project, now: Timestamp) -> (String, String) {
    let number = project.show(ticket.id);
    let mut body = format!("{by} of {} has read your report {number}.\n", project.name);
    if !words.is_empty() {
        body.push_str(&format!("\n{words}\n"));
    }
    let ahead = promises_ahead(ticket, &project.policy, now);
    if !ahead.is_empty() {
        body.push_str(&format!("\nWhat comes next:\n{ahead}"));
    }
    body.push_str("\nTo add something, reply to this mail.\n");
    (subject(project, ticket.id, "A person has read your report"), body)
}

/// `/reply` and `/ask`: the words of the maintainer.
pub fn reply(ticket: &Ticket, by: &str, words: &str, project: &Project) -> (String, String) {
    let body = format!("{words}\n\n-- \n{by}, {}\nabout your report {}\n", project.name, project.show(ticket.id));
    (subject(project, ticket.id, "About your report"), body)
}

/// A fact that the reporter was promised to hear.
pub fn update(ticket: &Ticket, what: &str, words: &str, project: &Project) -> (String, String) {
    let mut body = format!("About your report {} to {}: {what}\n", project.show(ticket.id), project.name);
    if !words.is_empty() {
        body.push_str(&format!("\n{words}\n"));
    }
    body.push_str("\nTo answer, reply to this mail.\n");
    (subject(project, ticket.id, "News of your report"), body)
}

/// A deadline was moved.
pub fn moved(ticket: &Ticket, meaning: &str, to: Timestamp, project: &Project) -> (String, String) {
    update(ticket, &format!("\na date has changed. Now {meaning} by {}.", when(to, &project.policy)), "", project)
}
