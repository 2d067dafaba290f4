//! What commands end, and whether the reporter hears of it: an ending that nobody tells of reads like being forgotten.

use super::draft::Draft;
use crate::policy::shown::day;
use crate::ticket::clock::{ClockState, clocks};
use crate::ticket::{Status, Ticket};

/// What is said of commands that judged, put off or closed a ticket which stood so before: the promises that end with it,
/// and that the reporter has not been told where none of these commands writes to them.
pub(super) fn endings(before: &Ticket, draft: &Draft<'_>) -> Option<String> {
    let after = &draft.ticket;
    let ends = match after.status {
        Status::Invalid | Status::Deferred | Status::Closed => after.status != before.status,
        Status::Received | Status::Valid | Status::Accepted => false,
    };
    if !ends {
        return None;
    }
    let now = clocks(after, &draft.project.policy, draft.now);
    let ended = |name: &str| now.iter().any(|c| c.promise.name == name && c.over);
    let all: Vec<String> = running(before, draft).filter(|(name, _)| ended(name)).map(|(_, shown)| shown).collect();
    let mut says = if all.is_empty() {
        "No promise ends with it.".to_owned()
    } else {
        format!("These promises end with it: {}.", all.join(", "))
    };
    let told = draft.decision.notices.iter().any(|n| Some(&n.to) == after.reporter.as_ref());
    if after.reporter.is_some() && !told {
        let how = if after.spam { "" } else { ": /reply with your reasons" };
        says.push_str(&format!("\nThe reporter has not been told{how}."));
    }
    Some(says)
}

/// The promises that run or stand still on a ticket: their names, and as they are shown.
pub(super) fn running(ticket: &Ticket, draft: &Draft<'_>) -> impl Iterator<Item = (String, String)> {
    let policy = &draft.project.policy;
    let runs = clocks(ticket, policy, draft.now).into_iter().filter(|c| c.live || c.state == ClockState::Paused);
    runs.map(|c| (c.promise.name.clone(), format!("{} (by {})", c.promise.name, day(c.deadline, policy))))
}
