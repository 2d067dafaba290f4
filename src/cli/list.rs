//! `disclosed list`: the tickets, the newest last.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::out::{Out, table};
use super::{Desk, Exit, local};
use crate::codename::Codename;
use crate::mail::text::length;
use crate::open;
use crate::policy::Severity;
use crate::project::Project;
use crate::store::TicketRow;
use crate::token::Key;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only those that are open, or on which a promise still runs other than that of erasing them
    #[arg(long)]
    open: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let project = &desk.project;
    let (tickets, now) = desk.read(|tx, now| Ok((tx.tickets(!args.open)?, now)))?;
    if out.wants_json() {
        let key = open::present_key(&desk.config).ok();
        let all: Vec<Value> = tickets.iter().map(|t| document(t, key.as_ref(), project)).collect();
        out.json(&json!({ "tickets": all }))?;
    } else if tickets.is_empty() {
        out.text(if args.open { "No ticket is open.\n" } else { "There is no ticket yet.\n" })?;
    } else {
        let received = format!("RECEIVED ({})", project.policy.calendar.zone_name);
        let heading = ["TICKET", "STATUS", "SEVERITY", "OWNER", &received, "NEXT PROMISE"];
        out.text(&table(&heading, tickets.iter().map(|t| row(t, project, now))))?;
    }
    Ok(Exit::Done)
}

/// A ticket as programs see it.
pub(super) fn document(t: &TicketRow, key: Option<&Key>, project: &Project) -> Value {
    json!({
        "id": project.show(t.id),
        "codename": key.map(|key| Codename::of(t.id, key).slug()),
        "status": t.status,
        "severity": t.severity,
        "owner": t.owner,
        "reporter": t.reporter,
        "received": t.received,
        "acknowledged": t.acknowledged,
        "assessed": t.assessed,
        "fix_released": t.fix_released,
        "public": t.public,
        "closed": t.closed,
        "open": t.open,
        "next": t.next.as_ref().map(|(promise, deadline)| json!({ "promise": promise, "deadline": deadline })),
    })
}

fn row(t: &TicketRow, project: &Project, now: Timestamp) -> Vec<String> {
    vec![
        project.show(t.id),
        t.status.to_string(),
        t.severity.map_or("-", Severity::word).to_owned(),
        t.owner.as_ref().map_or("-", |o| project.name_of(o)).to_owned(),
        local(t.received, project),
        t.next.as_ref().map_or("-".to_owned(), |(promise, at)| next(promise, *at, project, now)),
    ]
}

/// "acknowledge by 2027-01-06 10:00, 5 hours left".
pub(super) fn next(promise: &str, at: Timestamp, project: &Project, now: Timestamp) -> String {
    let distance = length(at.duration_since(now));
    if at <= now {
        format!("{promise} BROKEN {distance} ago")
    } else {
        format!("{promise} by {}, {distance} left", local(at, project))
    }
}
