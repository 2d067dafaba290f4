//! To the reporter: only what a maintainer wrote for them, and dates.

use jiff::Timestamp;

use super::{holds, meaning, promises_ahead, subject};
use crate::command::{Ask, Verb, reporters_verbs};
use crate::policy::shown::when;
use crate::policy::{Milestone, Within};
use crate::project::Project;
use crate::ticket::clock::Clock;
use crate::ticket::{Embargo, Status, Ticket};

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

/// A date until which nothing is published.
pub fn embargo(ticket: &Ticket, proposed: bool, date: &str, project: &Project) -> (String, String) {
    let (what, words) = if proposed {
        (
            format!("\nwe propose to publish nothing before\n{date}."),
            "Please tell us whether you agree, by a reply to this mail.",
        )
    } else {
        (
            format!("\nnothing is to be published before\n{date}."),
            "If that is not what we agreed on, please say so by a reply to this mail.",
        )
    };
    update(ticket, &what, words, project)
}

/// What the reporter asked for.
pub fn asked(ticket: &Ticket, asks: &[Ask], project: &Project, now: Timestamp) -> (String, String) {
    let mut body = format!("About your report {} to {}:\n\n", project.show(ticket.id), project.name);
    for ask in asks {
        body.push_str(&match ask {
            Ask::Status => format!("{}\n", standing(ticket, project, now)),
            Ask::Credit(name) if is_none(name) => "We will not name you.\n\n".to_owned(),
            Ask::Credit(_) => "The name that you gave is written down; we name you so when we publish.\n\n".to_owned(),
            Ask::Withdraw(_) => {
                "The team is told that you take it back. They decide what becomes of it.\n\n".to_owned()
            }
            Ask::Help => format!("{}\n", help()),
        });
    }
    body.push_str("This was answered automatically. The people who handle your report have been told.\n");
    (subject(project, ticket.id, "Your question"), body)
}

/// What a reporter may ask for. Nothing of the ticket's inner life stands in the answers.
fn help() -> String {
    let row = |verb: &Verb| {
        let usage = format!("/{} {}", verb.name, verb.arguments);
        format!("  {:18} {}\n", usage.trim_end(), verb.about)
    };
    let rows: String = reporters_verbs().map(row).collect();
    format!("Reply with one of these on the first line:\n{rows}All else is read by a person.\n")
}

fn standing(ticket: &Ticket, project: &Project, now: Timestamp) -> String {
    let stands = match ticket.status {
        Status::Received => "It has arrived and waits to be assessed.",
        Status::Invalid => "We found no vulnerability of ours in it.",
        Status::Valid => "We have assessed it: it is a vulnerability.",
        Status::Accepted => "We have assessed it and work on it.",
        Status::Deferred => "We have assessed it; work on it is put off.",
        Status::Closed => "It is closed.",
    };
    let mut text = format!("{stands}\n");
    for (milestone, what) in [
        (Milestone::Acknowledged, "A person answered you"),
        (Milestone::FixReleased, "A fixed version was released"),
        (Milestone::Public, "It was made public"),
    ] {
        if let Some(at) = ticket.milestones.get(&milestone) {
            text.push_str(&format!("  - {what}: {}\n", when(*at, &project.policy)));
        }
    }
    if let Some((until, _)) = ticket.embargo.as_ref().and_then(Embargo::holds) {
        text.push_str(&format!("  - Nothing is to be published before {}\n", when(until, &project.policy)));
    }
    let ahead = promises_ahead(ticket, &project.policy, now);
    if !ahead.is_empty() {
        text.push_str(&format!("What comes next:\n{ahead}"));
    }
    text
}

/// Whether a credit says that the reporter is not to be named.
pub fn is_none(credit: &str) -> bool {
    ["none", "no", "nobody", "anonymous"].iter().any(|w| credit.trim().eq_ignore_ascii_case(w))
}

/// Asked with the news that there is something to be named in, while nobody has said how.
pub fn ask_credit(ticket: &Ticket) -> &'static str {
    if ticket.credit.is_some() {
        ""
    } else {
        "Whom may we thank? Reply with /credit and a name on the first line, or /credit none.\n\
         We name nobody who has not said so."
    }
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
pub(super) const GAP: &str = "[NEW DATE: write here by when, or what holds it up]";

/// Whether a text for the reporter still has the gap of [`late`].
pub fn has_gap(text: &str) -> bool {
    holds(text, GAP)
}
