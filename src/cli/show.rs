//! `disclosed show`: one ticket whole.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, role_word};
use super::list::TicketDocument;
use super::log::{self, EntryDocument};
use super::out::{Out, alarming};
use crate::notice::codename::Codename;
use crate::notice::plain;
use crate::notice::standing::{clock_rows, state_line};
use crate::open;
use crate::policy::shown::when;
use crate::project::{Person, Project};
use crate::store::TicketRow;
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::{Embargo, Entry, Ticket};
use crate::token::Key;
use crate::vocabulary::{Address, clean_line};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17, 17, or its codename: quiet-harbour
    ticket: String,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, now| {
        let id = match desk.ticket(tx, &args.ticket)? {
            Ok(id) => id,
            Err(none) => return Ok(Err(none)),
        };
        let row = tx.tickets(true)?.into_iter().find(|t| t.id == id);
        let entries = tx.entries(id)?;
        let ticket = Ticket::fold(id, &entries);
        Ok(Ok((row, entries, ticket, now)))
    })?;
    let (row, entries, ticket, now) = found?;
    let key = open::present_key(&desk.config).ok();
    if out.wants_json() {
        let ticket = row.as_ref().map(|row| Whole::of(row, &ticket, key.as_ref(), &desk.project, now));
        let entries = entries.iter().map(|e| EntryDocument::of(e, &desk.project)).collect();
        out.json(&Document { ticket, entries })?;
    } else {
        out.text(&text(&ticket, &entries, key.as_ref(), &desk.project, now))?;
    }
    Ok(Exit::Done)
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    ticket: Option<Whole<'a>>,
    entries: Vec<EntryDocument<'a>>,
}

/// A ticket as in the list, and what else is known of it.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    listed: TicketDocument<'a>,
    title: &'a str,
    clocks: Vec<Running<'a>>,
    parties: Vec<Party<'a>>,
    embargo: Option<&'a Embargo>,
    credit: Option<&'a str>,
}

/// A promise on this ticket.
#[derive(Serialize)]
struct Running<'a> {
    promise: &'a str,
    state: ClockState,
    starts: Timestamp,
    deadline: Timestamp,
}

/// Somebody who has to do with it.
#[derive(Serialize)]
struct Party<'a> {
    address: &'a Address,
    role: &'static str,
}

impl<'a> Whole<'a> {
    fn of(row: &'a TicketRow, ticket: &'a Ticket, key: Option<&Key>, project: &'a Project, now: Timestamp) -> Self {
        let clock =
            |c: Clock<'a>| Running { promise: &c.promise.name, state: c.state, starts: c.starts, deadline: c.deadline };
        let reporter = ticket.reporter.iter().map(|address| Party { address, role: "reporter" });
        let roles = |p: &'a Person| p.roles.iter().map(|r| Party { address: &p.address, role: role_word(*r) });
        Self {
            listed: TicketDocument::of(row, key, project),
            title: &ticket.title,
            clocks: clocks(ticket, &project.policy, now).into_iter().map(clock).collect(),
            parties: reporter.chain(project.people.iter().flat_map(roles)).collect(),
            embargo: ticket.embargo.as_ref(),
            credit: ticket.credit.as_deref(),
        }
    }
}

pub(super) fn text(ticket: &Ticket, entries: &[Entry], key: Option<&Key>, project: &Project, now: Timestamp) -> String {
    let bold = anstyle::Style::new().bold();
    let title = clean_line(&ticket.title, 250);
    let reporter = ticket.reporter.as_ref().map_or("nobody who can be answered", Address::as_str);
    let mut text = format!("{bold}{}{bold:#}  {title}\n", project.show(ticket.id));
    text.push_str(&format!("{}\n", clean_line(&state_line(ticket, project), 300)));
    if let Some(key) = key {
        text.push_str(&format!("Codename: {}.\n", Codename::of(ticket.id, key)));
    }
    text.push_str(&format!("Received: {}.\nReporter: {reporter}.\n", when(ticket.received, &project.policy)));
    if ticket.held {
        text.push_str("The automatic acknowledgement is held; /ack or /reply answers in its place.\n");
    }
    let (zone, rows) = (&project.policy.calendar.zone_name, clock_rows(ticket, &project.policy, now));
    text.push_str(&format!("\n{}", alarming(&plain::clocks(zone, &rows))));
    text.push_str("\nPeople:\n");
    for person in &project.people {
        let roles: Vec<&str> = person.roles.iter().map(|r| role_word(*r)).collect();
        let owner = if ticket.owner.as_ref() == Some(&person.address) { ", owner" } else { "" };
        let name = clean_line(&person.name, 100);
        text.push_str(&format!("  {name} <{}>: {}{owner}\n", person.address.as_str(), roles.join(", ")));
    }
    text.push_str(&format!("\nTimeline:\n{}", log::lines(entries, project, "  ")));
    text
}
