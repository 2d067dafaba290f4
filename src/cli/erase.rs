//! `disclosed erase`: the personal data of one ticket, or of the mails of an address that belong to none.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::desk::{Desk, Exit, local};
use super::out::{Out, complain};
use super::seat::seat;
use crate::open;
use crate::project::Project;
use crate::rules::decide::not_erasable;
use crate::store::{Erasable, ErasableMail, TicketRow};
use crate::tracker::Erasure;
use crate::vocabulary::{Address, TicketId, clean_line};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17 or 17; or an address
    #[arg(value_name = "TICKET")]
    what: String,
    /// Do it; it cannot be undone
    #[arg(long)]
    yes: bool,
}

const ADD_YES: &str = "nothing was erased; add --yes to do it, it cannot be undone";

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if args.what.contains('@') {
        let Some(address) = Address::parse(args.what.trim()) else {
            bail!("{:?} is not a plain mail address", clean_line(&args.what, 100));
        };
        return loose(&address, args.yes, desk, out);
    }
    let project = &desk.project;
    let found = desk.read(|tx, now| {
        let id = match desk.ticket(tx, &args.what)? {
            Ok(id) => id,
            Err(none) => return Ok(Err(none)),
        };
        let refusal = tx.ticket(id)?.and_then(|t| not_erasable(&t, project, now));
        Ok(Ok((id, tx.erasable(id)?, refusal, now)))
    })?;
    let (id, erasable, refusal, now) = found?;
    if let Some(why) = refusal {
        return refused(id, &erasable, &why, project, out);
    }
    if !args.yes {
        if out.wants_json() {
            out.json(&document(id, &erasable, false, project))?;
        } else {
            let would = format!("{} would lose {}.\n", project.show(id), counted(&erasable));
            out.text(&format!("{would}\n{}", elsewhere(&erasable.mails, project)))?;
            complain(ADD_YES);
        }
        return Ok(Exit::Failed);
    }
    let mut tracker = open::tracker(&desk.config, now)?;
    let erasure =
        tracker.erase(id, seat(None, project)?, now)?.with_context(|| format!("there is no {}", project.show(id)))?;
    match erasure {
        Erasure::Refused(why) => refused(id, &erasable, &why, project, out),
        Erasure::Done { erased, scrubbed, .. } => {
            if out.wants_json() {
                out.json(&document(id, &erased, scrubbed.is_ok(), project))?;
            } else {
                let did = format!(
                    "{} has lost {}.\n\
                     Its timeline, hashes, receipts and deadlines stay, and the addresses of your people.\n",
                    project.show(id),
                    counted(&erased)
                );
                out.text(&format!("{did}\n{}", elsewhere(&erased.mails, project)))?;
            }
            Ok(ended(scrubbed, &project.show(id)))
        }
    }
}

fn refused(id: TicketId, erasable: &Erasable, why: &str, project: &Project, out: &mut Out) -> Result<Exit> {
    if out.wants_json() {
        let mut document = document(id, erasable, false, project);
        if let Some(object) = document.as_object_mut() {
            object.insert("refused".into(), why.into());
        }
        out.json(&document)?;
    } else {
        complain(why);
    }
    Ok(Exit::Failed)
}

/// Says it when the rows are gone and their bytes may not be.
fn ended(scrubbed: Result<(), String>, what: &str) -> Exit {
    let Err(why) = scrubbed else { return Exit::Done };
    complain(&format!(
        "it is erased, but old copies of it may still stand in unused parts of the database file: {why}. \
         `disclosed erase {what} --yes` once more clears them"
    ));
    Exit::Failed
}

/// Mails that belong to no ticket, and the tickets that hold more of the same address.
fn loose(address: &Address, yes: bool, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let project = &desk.project;
    if project.person(address).is_some() {
        bail!("{} is one of the people in the config; their addresses stay", address.as_str());
    }
    let (mut mails, tickets, now) = desk.read(|tx, now| {
        let mut tickets = tx.held_about(address)?.tickets;
        tickets.retain(|t| t.reporter.as_ref() == Some(address));
        Ok((tx.loose_mails(address)?, tickets, now))
    })?;
    let mut exit = Exit::Failed;
    let mut erased = false;
    if yes {
        let mut tracker = open::tracker(&desk.config, now)?;
        let (gone, scrubbed) = tracker.erase_loose_mails(address)?;
        erased = scrubbed.is_ok();
        mails = gone;
        exit = ended(scrubbed, address.as_str());
    }
    if out.wants_json() {
        let tickets: Vec<String> = tickets.iter().map(|t| project.show(t.id)).collect();
        let mails: Vec<Value> = mails.iter().map(mail).collect();
        out.json(&json!({ "address": address, "erased": erased, "mails": mails, "tickets": tickets }))?;
        return Ok(exit);
    }
    let (number, done) = (mails.len(), if yes { "were erased" } else { "would be erased" });
    let mut text = format!("{number} mails from {} that belong to no ticket {done}.\n", address.as_str());
    if !tickets.is_empty() {
        text.push_str("Tickets hold more of it, to be erased one by one:\n");
        let line = |t: &TicketRow| format!("  disclosed erase {}    ({})\n", project.show(t.id), t.status);
        text.extend(tickets.iter().map(line));
    }
    out.text(&format!("{text}\n{}", elsewhere(&mails, project)))?;
    if !yes {
        complain(ADD_YES);
    }
    Ok(exit)
}

/// `erased` is true once no byte of it is left in the database.
fn document(id: TicketId, erasable: &Erasable, erased: bool, project: &Project) -> Value {
    json!({
        "ticket": project.show(id),
        "erased": erased,
        "mails": erasable.mails.iter().map(mail).collect::<Vec<_>>(),
        "texts": erasable.texts,
        "notices": erasable.notices,
        "unsent": erasable.unsent,
    })
}

fn mail(mail: &ErasableMail) -> Value {
    json!({ "received": mail.received, "message_id": mail.message_id })
}

fn counted(erasable: &Erasable) -> String {
    let (mails, texts, notices) = (erasable.mails.len(), erasable.texts, erasable.notices);
    let unsent = match erasable.unsent {
        0 => String::new(),
        n => format!(" ({n} of them not sent, and never to be)"),
    };
    format!("the addresses of strangers, mails that came: {mails}, texts: {texts}, mails of ours: {notices}{unsent}")
}

/// Where this program does not reach.
fn elsewhere(mails: &[ErasableMail], project: &Project) -> String {
    let mut text = String::new();
    if !mails.is_empty() {
        text.push_str("The mailbox may still hold these mails; only a person deletes there:\n");
    }
    for mail in mails {
        let id = mail.message_id.as_deref();
        let id = id.map_or("(no Message-ID)".to_owned(), |i| format!("<{}>", clean_line(i, 200)));
        text.push_str(&format!("  {}  {id}\n", local(mail.received, project)));
    }
    text.push_str(
        "Backups from before hold it all until they are deleted. So do mailboxes of those who got mail of it.\n",
    );
    text
}
