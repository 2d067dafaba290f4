//! `disclosed show`: one ticket whole.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::out::{Out, alarming};
use super::{Desk, Exit, list, log, role_word};
use crate::notice::codename::Codename;
use crate::notice::text::{clock_table, state_line};
use crate::open;
use crate::policy::shown::when;
use crate::project::Project;
use crate::store::TicketRow;
use crate::ticket::clock::clocks;
use crate::ticket::{Entry, Ticket};
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
        let ticket = row.map(|row| document(&row, &ticket, key.as_ref(), &desk.project, now));
        let entries: Vec<Value> = entries.iter().map(|e| log::document(e, &desk.project)).collect();
        out.json(&json!({ "ticket": ticket, "entries": entries }))?;
    } else {
        out.text(&text(&ticket, &entries, key.as_ref(), &desk.project, now))?;
    }
    Ok(Exit::Done)
}

fn document(row: &TicketRow, ticket: &Ticket, key: Option<&Key>, project: &Project, now: Timestamp) -> Value {
    let clocks = clocks(ticket, &project.policy, now);
    let clocks = clocks
        .iter()
        .map(|c| json!({ "promise": c.promise.name, "state": c.state, "starts": c.starts, "deadline": c.deadline }));
    let reporter = ticket.reporter.iter().map(|r| json!({ "address": r, "role": "reporter" }));
    let people = project
        .people
        .iter()
        .flat_map(|p| p.roles.iter().map(move |r| json!({ "address": p.address, "role": role_word(*r) })));
    let mut document = list::document(row, key, project);
    if let Some(object) = document.as_object_mut() {
        object.insert("title".into(), ticket.title.clone().into());
        object.insert("clocks".into(), clocks.collect());
        object.insert("parties".into(), reporter.chain(people).collect());
        object.insert("embargo".into(), json!(ticket.embargo));
        object.insert("credit".into(), json!(ticket.credit));
    }
    document
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
    text.push_str(&format!("\nPromises:\n{}", alarming(&clock_table(ticket, &project.policy, now))));
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
