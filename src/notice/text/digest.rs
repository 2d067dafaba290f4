//! The state of all open tickets, a line each.

use jiff::Timestamp;

use super::level::Text;
use crate::notice::codename::Codename;
use crate::policy::Severity;
use crate::policy::shown::{length, when};
use crate::project::Project;
use crate::ticket::Status;
use crate::token::Key;
use crate::vocabulary::TicketId;

/// One open ticket, as the list shows it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number.
    pub ticket: TicketId,
    /// Where it stands.
    pub status: Status,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// The name of its owner.
    pub owner: Option<String>,
    /// The promise that ends next, and when.
    pub next: Option<(String, Timestamp)>,
    /// Since when it waits for its reporter; nothing else reminds of that.
    pub waits_since: Option<Timestamp>,
}

/// Tickets that one mail lists; the rest is counted.
const LINES_MAX: usize = 200;

/// All open tickets: first those whose deadline is nearest. By number with their state, or by `names` alone.
pub fn lines(open: &[Line], names: Option<&Key>, project: &Project, now: Timestamp) -> String {
    let mut order: Vec<&Line> = open.iter().collect();
    order.sort_by_key(|l| (l.next.as_ref().map_or(Timestamp::MAX, |n| n.1), l.ticket));
    let one = |l: &&Line| {
        let next = match &l.next {
            Some((name, at)) if *at > now => {
                format!("{name} by {}, {} left", when(*at, &project.policy), length(at.duration_since(now)))
            }
            Some((name, at)) => format!("{name} BROKEN {} ago", length(now.duration_since(*at))),
            None => "no promise runs".into(),
        };
        let waits = l.waits_since.map_or(String::new(), |since| {
            format!("; waiting for the reporter for {}", length(now.duration_since(since)))
        });
        let next = next + &waits;
        if let Some(key) = names {
            return format!("{}: {next}\n", Codename::of(l.ticket, key).loud());
        }
        let severity = l.severity.map_or(String::new(), |s| format!(", {s}"));
        let owner = l.owner.as_deref().unwrap_or("nobody");
        format!("{} ({}{severity}), owner {owner}: {next}\n", project.show(l.ticket), l.status)
    };
    let mut text: String = order.iter().take(LINES_MAX).map(one).collect();
    if order.len() > LINES_MAX {
        text.push_str(&format!("… and {} more: `disclosed list` shows all.\n", order.len() - LINES_MAX));
    }
    if text.is_empty() { "No ticket is open.\n".into() } else { text }
}

/// The answer to `/list`.
pub fn list(open: &[Line], key: &Key, project: &Project, now: Timestamp) -> Text {
    Text::desk(format!("{} open", open.len())).state(lines(open, None, project, now)).quiet(lines(
        open,
        Some(key),
        project,
        now,
    ))
}

/// What has happened since the last digest, and waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// What waits for a person in the outbox.
    pub held: u32,
    /// Mails that are listed and belong to no ticket.
    pub listed: u32,
    /// Mails with the reply address of one of the team that say of themselves that a program wrote them, and begin like
    /// a command.
    pub unheard: u32,
}

/// The digest.
pub fn text(open: &[Line], counts: Counts, key: &Key, project: &Project, now: Timestamp) -> Text {
    let Counts { held, listed, unheard } = counts;
    let broken = open.iter().filter(|l| l.next.as_ref().is_some_and(|n| n.1 <= now)).count();
    let broken = if broken == 0 { String::new() } else { format!(", {broken} overdue") };
    let mut text = Text::desk(format!("{}: {} open{broken}", project.name, open.len()))
        .state(lines(open, None, project, now))
        .quiet(lines(open, Some(key), project, now));
    if held > 0 {
        text = text.always(format!("\n{held} mails are held for a person: `disclosed outbox` shows them.\n"));
    }
    if listed > 0 {
        text = text.always(format!(
            "\n{listed} delivery and other reports about mail belong to no ticket: `disclosed inbox` lists them.\n"
        ));
    }
    if unheard > 0 {
        text = text.always(format!(
            "\n{unheard} mails with a reply address of yours begin with a command, and say that a program wrote\n\
             them: they were neither obeyed nor answered. `disclosed inbox` lists them.\n"
        ));
    }
    text
}
