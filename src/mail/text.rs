//! All that leaves, as text: one file a kind of notice. No byte of a report stands in what strangers get, and no
//! title in any subject.

pub mod acknowledgement;
pub mod answer;
pub mod digest;
pub mod reminder;
pub mod reporter;
pub mod team;

use jiff::{SignedDuration, Timestamp};

use crate::policy::{Milestone, Policy, Promise, Within};
use crate::project::Project;
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::{Ticket, TicketId};

/// "Wed 6 January 2027, 10:00 (Europe/Berlin, UTC+01:00)".
pub fn when(at: Timestamp, policy: &Policy) -> String {
    let local = at.to_zoned(policy.calendar.zone.clone());
    let offset = local.strftime("%:z");
    let zone = &policy.calendar.zone_name;
    let zone = if zone == "UTC" { "UTC".to_owned() } else { format!("{zone}, UTC{offset}") };
    format!("{} ({zone})", local.strftime("%a %-d %B %Y, %H:%M"))
}

/// "3 days", "5 hours", "12 minutes": a length of time in its largest unit that makes two of it, rounded down. An hour
/// short of a day is that day, since a change of the clocks takes one from ninety days.
pub fn length(d: SignedDuration) -> String {
    let minutes = (d.abs().as_secs() + 30) / 60;
    let unit = |n: i64, name: &str| format!("{n} {name}{}", if n == 1 { "" } else { "s" });
    match minutes {
        m if m >= 48 * 60 => unit((m + 60) / (24 * 60), "day"),
        m if m >= 120 => unit(m / 60, "hour"),
        m => unit(m, "minute"),
    }
}

/// Text from outside, set off so that no line of it can pass for ours or for a command, at most `max` characters.
pub fn quoted(text: &str, max: usize) -> String {
    let text = text.trim();
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    let short = text.get(..end).unwrap_or(text);
    let mut out = String::with_capacity(2 * short.len());
    for line in short.lines() {
        out.push_str("| ");
        out.push_str(line);
        out.push('\n');
    }
    if short.len() < text.len() {
        out.push_str("| […]\n");
    }
    out
}

/// What a promise means to a reporter.
pub fn meaning(promise: &Promise) -> &'static str {
    match promise.until {
        Milestone::Received => "the report is received",
        Milestone::Acknowledged => "a person answers you",
        Milestone::Assessed => "we have assessed the report",
        Milestone::Accepted => "we have taken it on",
        Milestone::FixReady => "a fix is ready",
        Milestone::FixReleased => "a fixed version is released",
        Milestone::Public => "the vulnerability is made public",
        Milestone::Closed => "the report is closed",
        Milestone::Exploited => "attacks are reported",
        Milestone::LastHeardFromUs => "you hear from us again",
        Milestone::Erased => "your data is erased here",
    }
}

/// The clocks of a ticket as a table for the team: name, state, deadline, distance.
pub fn clock_table(ticket: &Ticket, policy: &Policy, now: Timestamp) -> String {
    let all = clocks(ticket, policy, now);
    let width = all.iter().map(|c| c.promise.name.len()).max().unwrap_or(0);
    all.iter().map(|c| format!("  {:width$}  {}\n", c.promise.name, clock_line(c, policy, now))).collect()
}

fn clock_line(clock: &Clock<'_>, policy: &Policy, now: Timestamp) -> String {
    let date = when(clock.deadline, policy);
    let distance = length(clock.deadline.duration_since(now));
    match clock.state {
        ClockState::Running => format!("by {date}, {distance} left"),
        ClockState::Broken if clock.live => format!("BROKEN: was due {date}, {distance} ago"),
        ClockState::Broken => format!("broken: was due {date}"),
        ClockState::Paused => "paused: we wait for the reporter".into(),
        ClockState::Kept => "kept".into(),
        ClockState::Ended => "ended".into(),
    }
}

/// The promises to a reporter that lie ahead, one a line with its date.
pub fn promises_ahead(ticket: &Ticket, policy: &Policy, now: Timestamp) -> String {
    let mut ahead: Vec<_> = clocks(ticket, policy, now).into_iter().filter(|c| c.live && c.deadline > now).collect();
    ahead.sort_by_key(|c| c.deadline);
    let line = |c: &Clock<'_>| match &c.promise.within {
        // Until somebody judged it we hurry as for the worst. That is not what was promised for all.
        Within::BySeverity(_) if ticket.severity.is_none() => {
            format!("  - {}: the date depends on how severe it is\n", meaning(c.promise))
        }
        Within::BySeverity(_) | Within::All(_) => {
            format!("  - {}: by {}\n", meaning(c.promise), when(c.deadline, policy))
        }
    };
    ahead.iter().map(line).collect()
}

/// "[SEC-17] …": the number alone names the ticket in a subject.
pub fn subject(project: &Project, ticket: TicketId, what: &str) -> String {
    format!("[{}] {what}", project.show(ticket))
}

/// A line on status, severity and owner.
pub fn state_line(ticket: &Ticket, project: &Project) -> String {
    let severity = ticket.severity.map_or("not set".to_owned(), |s| s.to_string());
    let owner = ticket.owner.as_ref().map_or("nobody", |o| project.name_of(o));
    let status = if ticket.spam { "closed as spam".to_owned() } else { ticket.status.to_string() };
    format!("Status: {status}. Severity: {severity}. Owner: {owner}.")
}
