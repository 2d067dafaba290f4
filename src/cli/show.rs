//! `disclosed show`: one ticket whole.

use std::path::PathBuf;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::attachments::{self, Saved};
use super::desk::{Desk, Exit, role_word};
use super::list::TicketDocument;
use super::log::{self, EntryDocument};
use super::mails::{self, MailDocument};
use super::out::{Out, alarming, beside};
use crate::notice::codename::Codename;
use crate::notice::plain;
use crate::notice::standing::{clock_rows, state_line};
use crate::open;
use crate::policy::shown::when;
use crate::project::{Person, Project};
use crate::store::{self, TicketRow, Tx};
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::{Embargo, Ticket};
use crate::token::Key;
use crate::vocabulary::{Address, TicketId, clean_line};

#[derive(clap::Args)]
#[group(multiple = false)]
pub(super) struct Wanted {
    /// Print this mail of the ticket alone
    #[arg(long, value_name = "NUMBER")]
    mail: Option<usize>,
    /// Write the bytes of this mail, as they came, to standard output
    #[arg(long, value_name = "NUMBER", conflicts_with = "json")]
    raw: Option<usize>,
    /// Write what is attached to the ticket's mails into this folder
    #[arg(long, value_name = "DIR")]
    attachments: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17, 17, or its codename: quiet-harbour
    ticket: String,
    #[command(flatten)]
    wanted: Wanted,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, now| {
        Ok(match desk.ticket(tx, &args.ticket)? {
            Ok(id) => print(tx, id, &args.wanted, desk, now, out),
            Err(none) => Err(none.into()),
        })
    })?;
    found.map(|()| Exit::Done)
}

/// Prints what is wanted, or the ticket whole.
fn print(tx: &Tx<'_>, id: TicketId, wanted: &Wanted, desk: &Desk, now: Timestamp, out: &mut Out) -> Result<()> {
    let project = &desk.project;
    let number = project.show(id);
    let mails = mails::of_ticket(tx, id)?;
    let heading = |at: usize| format!("Mail {at} of {}", mails.len());
    let one = |at: usize| match at.checked_sub(1).and_then(|before| mails.get(before)) {
        Some(receipt) => Ok(receipt),
        None => bail!("there is no mail {at} of {number}; `disclosed show {number}` shows all {}", mails.len()),
    };
    if let Some(at) = wanted.mail {
        let mail = MailDocument::of(tx, one(at)?, Some(at))?;
        return if out.wants_json() { out.json(&One { mail }) } else { out.text(&mail.shown(&heading(at), project)) };
    }
    if let Some(at) = wanted.raw {
        let raw = tx.raw(one(at)?.mail)?;
        if raw.is_empty() {
            bail!("mail {at} of {number} was erased");
        }
        return out.bytes(&raw);
    }
    if let Some(folder) = &wanted.attachments {
        let files = attachments::save(tx, &mails, folder)?;
        let mut text = attachments::text(&files, folder, &number);
        // What is not among the files is named.
        for (at, mail) in (1..).zip(&mails) {
            for odd in MailDocument::of(tx, mail, Some(at))?.problems {
                text.push_str(&beside(&format!("Odd in mail {at}: "), &clean_line(&odd, 400)));
            }
        }
        return if out.wants_json() { out.json(&Files { files }) } else { out.text(&text) };
    }
    let entries = tx.entries(id)?;
    let ticket = Ticket::fold(id, &entries);
    let key = open::present_key(&desk.config).ok();
    let read = (1..).zip(&mails).map(|(at, receipt)| MailDocument::of(tx, receipt, Some(at)));
    if out.wants_json() {
        let row = tx.ticket_row(id)?;
        let ticket = row.as_ref().map(|row| Whole::of(row, &ticket, key.as_ref(), project, now));
        let entries = entries.iter().map(|e| EntryDocument::of(e, project)).collect();
        return out.json(&Document { ticket, entries, mails: read.collect::<store::Result<_>>()? });
    }
    let timeline = log::lines(&entries, project, "  ", &mails);
    out.text(&text(&ticket, &timeline, key.as_ref(), project, now))?;
    for (at, mail) in (1..).zip(read) {
        out.text(&format!("\n{}", mail?.shown(&heading(at), project)))?;
    }
    Ok(())
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    ticket: Option<Whole<'a>>,
    entries: Vec<EntryDocument<'a>>,
    mails: Vec<MailDocument>,
}

/// What programs see of one mail.
#[derive(Serialize)]
struct One {
    mail: MailDocument,
}

/// What programs see of files that were written.
#[derive(Serialize)]
struct Files {
    files: Vec<Saved>,
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

/// All but the mails. `timeline` is that of [`log::lines`].
pub(super) fn text(ticket: &Ticket, timeline: &str, key: Option<&Key>, project: &Project, now: Timestamp) -> String {
    let bold = anstyle::Style::new().bold();
    let title = clean_line(&ticket.title, 250);
    let reporter = ticket.reporter.as_ref().map_or("nobody who can be answered", Address::as_str);
    let number = project.show(ticket.id);
    let title = beside(&format!("{number}  "), &title).replacen(&number, &format!("{bold}{number}{bold:#}"), 1);
    let mut text = title + &beside("", &clean_line(&state_line(ticket, project), 300));
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
        let person = format!("{name} <{}>: {}{owner}", person.address.as_str(), roles.join(", "));
        text.push_str(&beside("  ", &person));
    }
    text.push_str(&format!("\nTimeline:\n{timeline}"));
    text
}
