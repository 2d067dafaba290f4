//! How a ticket stands, for whoever is told of it.

use jiff::Timestamp;

use super::block::ClockRow;
use crate::policy::shown::{date, day_and_time, length, when};
use crate::policy::{Milestone, Policy, Promise, Within};
use crate::project::Project;
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::{Embargo, Status, Ticket};
use crate::vocabulary::clean_line;

/// A promise that runs on a ticket, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The promise.
    pub promise: Box<Promise>,
    /// When its term ends.
    pub deadline: Timestamp,
}

impl From<&Clock<'_>> for Due {
    fn from(clock: &Clock<'_>) -> Self {
        Self { promise: Box::new(clock.promise.clone()), deadline: clock.deadline }
    }
}

/// A line on status, severity and owner.
pub(crate) fn state_line(ticket: &Ticket, project: &Project) -> String {
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

/// The clocks of a ticket.
pub(crate) fn clock_rows(ticket: &Ticket, policy: &Policy, now: Timestamp) -> Vec<ClockRow> {
    clocks(ticket, policy, now).iter().map(|clock| clock_row(clock, policy, now)).collect()
}

/// The deadlines that still bind, by the names of their promises, and nothing else of the ticket.
pub(crate) fn deadlines(ticket: &Ticket, policy: &Policy, now: Timestamp) -> Vec<ClockRow> {
    let mut live = clocks(ticket, policy, now);
    live.retain(|c| c.live && matches!(c.state, ClockState::Running | ClockState::Broken));
    live.iter().map(|clock| clock_row(clock, policy, now)).collect()
}

fn clock_row(clock: &Clock<'_>, policy: &Policy, now: Timestamp) -> ClockRow {
    ClockRow {
        name: clock.promise.name.clone(),
        state: clock.state,
        live: clock.live,
        date: date(clock.deadline, policy),
        distance: length(clock.deadline.duration_since(now)),
    }
}

/// Whether a date to the reporter would promise too much: until somebody judged it we hurry as for the worst. That is
/// not what was promised for all.
pub(crate) fn depends_on_severity(promise: &Promise, ticket: &Ticket) -> bool {
    match &promise.within {
        Within::BySeverity(_) => ticket.severity.is_none(),
        Within::All(_) => false,
    }
}

/// The promises to a reporter that lie ahead, one an item with its date, whose zone is said beside the list.
pub(crate) fn promises_ahead(ticket: &Ticket, policy: &Policy, now: Timestamp) -> Vec<String> {
    let mut ahead = clocks(ticket, policy, now);
    ahead.retain(|c| c.live && c.deadline > now);
    ahead.sort_by_key(|c| c.deadline);
    ahead.iter().map(|clock| ahead_of(ticket, &clock.into(), policy)).collect()
}

/// A promise that lies ahead, with its date.
pub(crate) fn ahead_of(ticket: &Ticket, due: &Due, policy: &Policy) -> String {
    match due.promise.until.means() {
        what if depends_on_severity(&due.promise, ticket) => {
            format!("we {what}; the date depends on how severe it is")
        }
        what => format!("we {what} by {}", day_and_time(due.deadline, policy)),
    }
}

/// When it is to be published, as far as that is known: the date that was agreed on, else what the policy promises.
pub(crate) fn publication(ticket: &Ticket, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let agreed = ticket.embargo.as_ref().and_then(Embargo::holds).map(|(until, _)| until);
    let promised = || {
        let all = clocks(ticket, policy, now);
        let publish = |c: &&Clock<'_>| c.promise.until == Milestone::Public && !depends_on_severity(c.promise, ticket);
        all.iter().filter(|c| c.live).find(publish).map(|c| c.deadline)
    };
    agreed.or_else(promised).filter(|at| *at > now)
}

/// Characters of a title that a line shows.
const TITLE: usize = 66;

/// The title of a ticket beside its number, set off as what came from outside is. None where it has none.
pub(crate) fn titled(number: &str, title: &str) -> Option<String> {
    let room = TITLE.saturating_sub(number.chars().count());
    let title = clean_line(title, room);
    (!title.is_empty()).then(|| format!("{number} | {title}"))
}

/// The commands that make sense now.
pub(crate) fn commands(ticket: &Ticket) -> Vec<&'static str> {
    let mut words = Vec::new();
    // Before anybody can be answered, somebody says who.
    if ticket.reporter.is_none() && ticket.status != Status::Closed {
        words.push("/reporter ADDRESS");
    }
    if !ticket.milestones.contains_key(&Milestone::Acknowledged) && !ticket.spam {
        words.push("/ack");
    }
    if ticket.reporter.is_some() {
        words.push("/reply");
    }
    if ticket.owner.is_none() {
        words.push("/claim");
    }
    words.extend(match ticket.status {
        Status::Received => &["/valid", "/invalid", "/accept", "/spam"][..],
        Status::Invalid => &["/valid", "/close"],
        Status::Valid => &["/accept", "/defer"],
        Status::Accepted => &["/fix", "/released", "/public", "/embargo", "/defer", "/close"],
        Status::Deferred => &["/accept", "/close"],
        Status::Closed => &["/reopen"],
    });
    if ticket.severity.is_none() && ticket.status != Status::Closed {
        words.push("/severity high");
    }
    words.extend(["/note", "/help"]);
    words
}
