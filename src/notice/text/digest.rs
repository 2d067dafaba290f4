//! The state of all open tickets, a line each.

use jiff::Timestamp;

use super::Text;
use crate::notice::block::{Form, Mark, always, content, quiet, state};
use crate::notice::codename::Codename;
use crate::notice::level::Said;
use crate::policy::Severity;
use crate::policy::shown::{day, length, when};
use crate::project::Project;
use crate::ticket::Status;
use crate::token::Key;
use crate::vocabulary::{Address, TicketId, clean_line};

/// One open ticket, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// All open tickets, first those whose deadline is nearest: by number with their state, or at `none` by their names
/// alone.
fn listed(text: Text, open: &[Line], key: &Key, project: &Project, now: Timestamp) -> Text {
    let mut order: Vec<&Line> = open.iter().collect();
    order.sort_by_key(|l| (l.next.as_ref().map_or(Timestamp::MAX, |n| n.1), l.ticket));
    let list = |item: &dyn Fn(&Line) -> String| {
        let mut items: Vec<String> = order.iter().take(LINES_MAX).map(|line| item(line)).collect();
        if order.len() > LINES_MAX {
            items.push(format!("… and {} more: `disclosed list` shows all.", order.len() - LINES_MAX));
        }
        Form::List(Mark::Nothing, items)
    };
    if order.is_empty() {
        return text.paragraph([always("No ticket is open.")]);
    }
    let by_number = list(&|line| {
        let severity = line.severity.map_or(String::new(), |s| format!(", {s}"));
        let owner = line.owner.as_deref().unwrap_or("nobody");
        let number = project.show(line.ticket);
        format!("{number} ({}{severity}), owner {owner}: {}", line.status, next(line, project, now))
    });
    let by_name = list(&|line| format!("{}: {}", Codename::of(line.ticket, key).loud(), next(line, project, now)));
    text.shown_by("disclosed list").block(Said::State, by_number).block(Said::Quiet, by_name)
}

/// What comes next, and what it waits for.
fn next(line: &Line, project: &Project, now: Timestamp) -> String {
    let next = match &line.next {
        Some((name, at)) if *at > now => {
            format!("{name} by {}, {} left", when(*at, &project.policy), length(at.duration_since(now)))
        }
        Some((name, at)) => format!("{name} BROKEN {} ago", length(now.duration_since(*at))),
        None => "no promise runs".into(),
    };
    let waits = |since: Timestamp| format!("; waiting for the reporter for {}", length(now.duration_since(since)));
    next + &line.waits_since.map_or(String::new(), waits)
}

/// The answer to `/list`.
pub(crate) fn list(open: &[Line], key: &Key, project: &Project, now: Timestamp) -> Text {
    listed(Text::desk(format!("{} open", open.len())), open, key, project, now)
}

/// What has happened since the last digest, and waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The people of the project whom mail does not reach, since when, and what the server said.
    pub unreached: Vec<(Address, Timestamp, String)>,
    /// What waits for a person in the outbox.
    pub held: u32,
    /// Mails that are listed and belong to no ticket.
    pub listed: u32,
    /// Mails with the reply address of one of the team that say of themselves that a program wrote them, and begin like
    /// a command.
    pub unheard: u32,
    /// The tickets for which commands came that were not obeyed, and in how many mails.
    pub refused: Vec<(TicketId, u32)>,
}

/// The digest.
pub(crate) fn text(open: &[Line], counts: &Counts, key: &Key, project: &Project, now: Timestamp) -> Text {
    let Counts { unreached, held, listed: loose, unheard, refused } = counts;
    let broken = open.iter().filter(|l| l.next.as_ref().is_some_and(|n| n.1 <= now)).count();
    let broken = if broken == 0 { String::new() } else { format!(", {broken} overdue") };
    let mut text = Text::desk(format!("{}: {} open{broken}", project.name, open.len()));
    text = listed(text, open, key, project, now);
    for (to, since, reply) in unreached {
        let name = project.name_of(to);
        text = text.paragraph([
            always("No mail reaches "),
            state(name.to_owned()),
            quiet("one of you"),
            always(format!(" since {}.", day(*since, &project.policy))),
            content(format!(" The mail server said:\n{}", clean_line(reply, 200))),
        ]);
    }
    if *held > 0 {
        text = text.paragraph([always(format!("{held} mails are held for a person: `disclosed outbox` shows them."))]);
    }
    if *loose > 0 {
        text = text.paragraph([always(format!(
            "{loose} delivery and other reports about mail belong to no ticket: `disclosed inbox` lists them."
        ))]);
    }
    if *unheard > 0 {
        text = text.paragraph([always(format!(
            "{unheard} mails with a reply address of yours begin with a command, and say that a program wrote\n\
             them: they were neither obeyed nor answered. `disclosed inbox` lists them."
        ))]);
    }
    if !refused.is_empty() {
        let all: u32 = refused.iter().map(|(_, mails)| mails).sum();
        let mails = if all == 1 { "1 mail with commands was" } else { &format!("{all} mails with commands were") };
        let item = |(ticket, mails): &(TicketId, u32)| format!("{}: {mails}", project.show(*ticket));
        let mut items: Vec<String> = refused.iter().take(LINES_MAX).map(item).collect();
        if refused.len() > LINES_MAX {
            items.push(format!("… and for {} more.", refused.len() - LINES_MAX));
        }
        text = text
            .paragraph([always(format!(
                "{mails} not obeyed since the last digest, of which you were told at most\n\
                 three a day for each ticket. `disclosed inbox` lists them."
            ))])
            .block(Said::State, Form::List(Mark::Nothing, items));
    }
    text
}
