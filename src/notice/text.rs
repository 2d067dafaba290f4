//! All that leaves, as text: one file a kind of notice. No byte of a report stands in what strangers get, and no
//! title in any subject.

pub mod acknowledgement;
pub mod answer;
pub mod digest;
pub mod invitation;
pub mod level;
pub mod reminder;
pub mod reporter;
pub mod team;
pub mod trouble;

use jiff::Timestamp;

use crate::policy::shown::{length, when};
use crate::policy::{Policy, Promise, Within};
use crate::project::Project;
use crate::ticket::Ticket;
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::vocabulary::TicketId;

/// Whether a text holds a phrase of ours, however a mail program wrapped and marked its lines.
fn holds(text: &str, phrase: &str) -> bool {
    let words = |t: &'_ str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let phrase = words(phrase);
    words(text).windows(phrase.len()).any(|w| w == phrase)
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

/// How many lines were left out of a text, and what shows them; empty for none.
pub fn folded_line(lines: usize, number: &str) -> String {
    match lines {
        0 => String::new(),
        1 => format!("[1 line that looks quoted: disclosed show {number}]\n"),
        _ => format!("[{lines} lines that look quoted: disclosed show {number}]\n"),
    }
}

/// A text as lines of at most 78 characters, broken at blanks; all but the first begin with `indent`. A longer word
/// keeps its line to itself. Without a line break at its end.
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut width = 0;
    for word in text.split_ascii_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 78 {
            out.push('\n');
            out.push_str(indent);
            width = indent.chars().count();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}

/// The lines and what each did.
pub fn done_lines(lines: &[(String, String)]) -> String {
    lines.iter().map(|(line, did)| format!("> {line}\n{did}\n")).collect()
}

/// What a promise means to a reporter.
pub fn meaning(promise: &Promise) -> &'static str {
    promise.until.means()
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

/// The deadlines that still bind, by the names of their promises, and nothing else of the ticket.
pub fn deadlines(ticket: &Ticket, policy: &Policy, now: Timestamp) -> String {
    let mut live: Vec<_> = clocks(ticket, policy, now).into_iter().filter(|c| c.live).collect();
    live.retain(|c| matches!(c.state, ClockState::Running | ClockState::Broken));
    let width = live.iter().map(|c| c.promise.name.len()).max().unwrap_or(0);
    live.iter().map(|c| format!("  {:width$}  {}\n", c.promise.name, clock_line(c, policy, now))).collect()
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
    let mut line = format!("Status: {status}. Severity: {severity}. Owner: {owner}.");
    if let Some(embargo) = &ticket.embargo {
        let date = |at: Timestamp| when(at, &project.policy);
        let until = embargo.holds().map_or(String::new(), |(until, _)| format!(", until {}", date(until)));
        let proposed = embargo.proposed.map_or(String::new(), |at| format!(", proposed {}", date(at)));
        line.push_str(&format!("\nEmbargo: {}{until}{proposed}.", embargo.state));
    }
    if let Some(since) = ticket.paused_since() {
        line.push_str(&format!("\nWaiting for the reporter since {}.", when(since, &project.policy)));
    }
    line
}
