//! What is to be done for all open tickets.

use jiff::{SignedDuration, Timestamp};

use super::Text;
use crate::notice::block::{Form, Mark, always, content, quiet, state};
use crate::notice::codename::Codename;
use crate::notice::level::Said;
use crate::notice::standing;
use crate::policy::Severity;
use crate::policy::calendar::shift;
use crate::policy::shown::{by_when, day, length};
use crate::project::Project;
use crate::ticket::Status;
use crate::ticket::clock::to_do;
use crate::token::Key;
use crate::vocabulary::{Address, TicketId, clean_line};

/// One open ticket, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub ticket: TicketId,
    /// Its title; may be empty.
    pub title: String,
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
pub(crate) const LINES_MAX: u32 = 200;

/// The tickets that are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Those of them whose deadline is nearest: at most as many as one mail lists.
    pub first: Vec<Line>,
    /// How many there are.
    pub all: u32,
    /// Of how many the next deadline has passed.
    pub overdue: u32,
}

/// All open tickets, first those whose deadline is nearest: what is overdue, what is due within a week, the rest. Each
/// by number, with its title at `full`; or at `none` by its name alone.
fn listed(mut text: Text, open: &Open, key: &Key, project: &Project, now: Timestamp) -> Text {
    if open.all == 0 {
        return text.paragraph([always("No ticket is open.")]);
    }
    text = text.shown_by("disclosed list");
    let mut order: Vec<&Line> = open.first.iter().collect();
    order.sort_by_key(|l| (l.next.as_ref().map_or(Timestamp::MAX, |n| n.1), l.ticket));
    let zone = &project.policy.calendar.zone_name;
    text = text.paragraph([always(format!("What is to be done (times in {zone}):"))]);
    let week = shift(now, WEEK);
    for (head, part) in [("Overdue:", Part::Overdue), ("This week:", Part::Week), ("Later:", Part::Later)] {
        let mine = |line: &&&Line| {
            part == match &line.next {
                Some((_, at)) if *at <= now => Part::Overdue,
                Some((_, at)) if *at <= week => Part::Week,
                Some(_) | None => Part::Later,
            }
        };
        let lines: Vec<&&Line> = order.iter().filter(mine).collect();
        if lines.is_empty() {
            continue;
        }
        let list =
            |item: &dyn Fn(&Line) -> String| Form::List(Mark::Indent, lines.iter().map(|line| item(line)).collect());
        let by_number = |line: &Line| format!("{}  {}", project.show(line.ticket), stands(line, project, now));
        let titled = |line: &Line| titled(line, project, now);
        let by_name = |line: &Line| format!("{}  {}", Codename::of(line.ticket, key).loud(), next(line, project, now));
        text = text
            .paragraph([always(head)])
            .below(Said::Content, list(&titled))
            .below(Said::Instead, list(&by_number))
            .below(Said::Quiet, list(&by_name));
    }
    match open.all.saturating_sub(u32::try_from(order.len()).unwrap_or(u32::MAX)) {
        0 => text,
        more => text.paragraph([always(format!("… and {more} more: `disclosed list --open --all` shows all."))]),
    }
}

/// One open ticket with its title, in two lines.
pub(crate) fn titled(line: &Line, project: &Project, now: Timestamp) -> String {
    let (number, stands) = (project.show(line.ticket), stands(line, project, now));
    match standing::titled(&number, &line.title) {
        Some(title) => format!("{title}\n    {stands}"),
        None => format!("{number}  {stands}"),
    }
}

/// Which part of a list a ticket belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Overdue,
    Week,
    Later,
}

/// How far ahead what is due next is told apart from the rest.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What comes next, who looks after it, and where it stands.
fn stands(line: &Line, project: &Project, now: Timestamp) -> String {
    let owner = line.owner.as_deref().unwrap_or("nobody");
    let severity = line.severity.map_or(String::new(), |s| format!(", {s}"));
    format!("{}; owner {owner}; {}{severity}", next(line, project, now), line.status)
}

/// What is to be done next, and what it waits for.
fn next(line: &Line, project: &Project, now: Timestamp) -> String {
    let policy = &project.policy;
    let next = match &line.next {
        Some((name, at)) => by_when(&to_do(name, policy), *at, policy, now),
        None => "no promise runs".into(),
    };
    let waits = |since: Timestamp| format!("; waiting for the reporter for {}", length(now.duration_since(since)));
    next + &line.waits_since.map_or(String::new(), waits)
}

/// The answer to `/list`.
pub(crate) fn list(open: &Open, key: &Key, project: &Project, now: Timestamp) -> Text {
    listed(Text::desk(format!("{} open", open.all)), open, key, project, now)
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
pub(crate) fn text(open: &Open, counts: &Counts, key: &Key, project: &Project, now: Timestamp) -> Text {
    let Counts { unreached, held, listed: loose, unheard, refused } = counts;
    let overdue = if open.overdue == 0 { String::new() } else { format!(", {} overdue", open.overdue) };
    let mut text = Text::desk(format!("{}: {} open{overdue}", project.name, open.all));
    text = listed(text, open, key, project, now);
    if open.all > 0 {
        text = text.paragraph([always("Nothing else is open. Reply with /list for this list at any time.")]);
    }
    for (to, since, reply) in unreached {
        let name = project.name_of(to);
        text = text.paragraph([
            always("No mail reaches "),
            state(name.to_owned()),
            quiet("one of you"),
            always(format!(" since {}.", day(*since, &project.policy))),
            content(if reply.is_empty() {
                String::new()
            } else {
                format!(" The mail server said: {}", clean_line(reply, 200))
            }),
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
        let most = LINES_MAX as usize;
        let all: u32 = refused.iter().map(|(_, mails)| mails).sum();
        let mails = if all == 1 { "1 mail with commands was" } else { &format!("{all} mails with commands were") };
        let item = |(ticket, mails): &(TicketId, u32)| format!("{}: {mails}", project.show(*ticket));
        let mut items: Vec<String> = refused.iter().take(most).map(item).collect();
        if refused.len() > most {
            items.push(format!("… and for {} more.", refused.len() - most));
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
