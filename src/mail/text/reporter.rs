//! To the reporter: only what a maintainer wrote for them, and dates.

use jiff::Timestamp;

use super::{meaning, promises_ahead, subject, when};
use crate::policy::Within;
use crate::project::Project;
use crate::ticket::Ticket;
use crate::ticket::clock::Clock;

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

/// Rungs for the reporter: good news, said by a machine, so that it says no more than what is planned.
pub fn at_work(ticket: &Ticket, news: &[&Clock<'_>], project: &Project) -> (String, String) {
    let plan = |clock: &&Clock<'_>| {
        let planned = meaning(clock.promise);
        match &clock.promise.within {
            // Until somebody judged it we hurry as for the worst. That is not what was promised for all.
            Within::BySeverity(_) if ticket.severity.is_none() => {
                format!("Now planned: {planned}; the date depends on how severe it is.\n")
            }
            Within::BySeverity(_) | Within::All(_) => {
                format!("Now planned: {planned} by\n{}.\n", when(clock.deadline, &project.policy))
            }
        }
    };
    let plans: String = news.iter().map(plan).collect();
    let number = project.show(ticket.id);
    let body =
        format!("We are still at work on your report {number}.\n\n{plans}\nTo add something, reply to this mail.\n");
    (subject(project, ticket.id, "Still at work on your report"), body)
}

/// What a person can send when a promise was broken: a draft, since how it went on no machine knows.
pub fn late(ticket: &Ticket, clock: &Clock<'_>, project: &Project) -> String {
    let promise = meaning(clock.promise);
    let date = when(clock.deadline, &project.policy);
    format!(
        "About your report {}: we had promised that {promise} by\n{date}.\n\
         That date has passed, and we have not kept it. We are sorry.\n\
         {GAP}\n\
         If you have questions, reply to this mail.\n",
        project.show(ticket.id)
    )
}

/// Where a person writes the date that no machine knows.
pub const GAP: &str = "[NEW DATE: write here by when, or what holds it up]";
