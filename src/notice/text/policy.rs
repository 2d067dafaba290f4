//! To the team: the policy changed, and with it deadlines of open tickets.

use jiff::Timestamp;

use super::Text;
use crate::notice::block::{Form, Mark, always, quiet, state};
use crate::notice::level::Said;
use crate::policy::shown::date;
use crate::project::Project;
use crate::ticket::moved::Moved;

/// Moved deadlines that one mail lists; the rest is counted.
pub(crate) const POLICY_LINES: usize = 200;

/// The text: `moved` are those to list, in this order, `all` how many there are.
pub(crate) fn text(moved: &[Moved], all: usize, project: &Project, now: Timestamp) -> Text {
    let calendar = &project.policy.calendar;
    let date = |at: Timestamp| date(at, &project.policy);
    let item = |one: &Moved| {
        let late = if one.is_late(now) { "OVERDUE NOW: " } else { "" };
        let change = match (one.from, one.to) {
            (Some(from), Some(to)) => {
                let way = if to < from { "earlier" } else { "later" };
                format!("{} -> {} ({way})", date(from), date(to))
            }
            (None, Some(to)) => format!("-> {} (new)", date(to)),
            (Some(from), None) => format!("{} -> none (gone)", date(from)),
            (None, None) => return None,
        };
        Some(format!("{late}{} {}: {change}", project.show(one.ticket), one.promise))
    };
    let mut items: Vec<String> = moved.iter().filter_map(item).collect();
    if all > moved.len() {
        items.push(format!("… and {} more: `disclosed list` shows all.", all - moved.len()));
    }
    let deadlines = if all == 1 { "deadline of an open ticket" } else { "deadlines of open tickets" };
    Text::desk(format!("The policy has changed: {all} {deadlines} moved"))
        .paragraph([
            always(format!("The policy in the config of {} has changed, and with it {all} {deadlines}", project.name)),
            state(format!("\n(dates in {}):", calendar.zone_name)),
            quiet(".\n`disclosed list` on the daemon's machine shows them."),
        ])
        .block(Said::State, Form::List(Mark::Indent, items))
        .paragraph([always(
            "Reporters have not been told. Where one was given a date, that is for a person to do:\n\
             /reply or /extend in answer to a mail about the ticket.",
        )])
}
