//! `disclosed erase`: the personal data of one ticket.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::out::{Out, complain};
use super::{Desk, Exit, local};
use crate::mail::clean_line;
use crate::open;
use crate::project::Project;
use crate::store::Erasable;
use crate::ticket::TicketId;
use crate::tracker::Erasure;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17 or 17
    ticket: String,
    /// Do it; it cannot be undone
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, now| {
        Ok(match desk.ticket(tx, &args.ticket)? {
            Ok(id) => Ok((id, tx.erasable(id)?, now)),
            Err(none) => Err(none),
        })
    })?;
    let (id, erasable, now) = found?;
    let project = &desk.project;
    if !args.yes {
        if out.wants_json() {
            out.json(&document(id, &erasable, false, project))?;
        } else {
            out.text(&format!("{}\n{}", would(id, &erasable, project), mailbox(&erasable, project)))?;
            complain("nothing was erased; add --yes to do it, it cannot be undone");
        }
        return Ok(Exit::Failed);
    }
    let mut tracker = open::tracker(&desk.config, now)?;
    let erasure = tracker.erase(id, now)?.with_context(|| format!("there is no {}", project.show(id)))?;
    match erasure {
        Erasure::Refused(why) => {
            complain(&why);
            Ok(Exit::Failed)
        }
        Erasure::Done { erased, scrubbed, .. } => {
            if out.wants_json() {
                out.json(&document(id, &erased, scrubbed.is_ok(), project))?;
            } else {
                out.text(&format!("{}\n{}", did(id, &erased, project), mailbox(&erased, project)))?;
            }
            let Err(why) = scrubbed else { return Ok(Exit::Done) };
            let number = project.show(id);
            complain(&format!(
                "it is erased, but old copies of it may still stand in unused parts of the database file: {why}. \
                 `disclosed erase {number} --yes` once more clears them"
            ));
            Ok(Exit::Failed)
        }
    }
}

/// `erased` is true once no byte of it is left in the database.
fn document(id: TicketId, erasable: &Erasable, erased: bool, project: &Project) -> Value {
    let mails = erasable.mails.iter().map(|m| json!({ "received": m.received, "message_id": m.message_id }));
    json!({
        "ticket": project.show(id),
        "erased": erased,
        "mails": mails.collect::<Vec<_>>(),
        "texts": erasable.texts,
        "notices": erasable.notices,
        "unsent": erasable.unsent,
    })
}

fn would(id: TicketId, erasable: &Erasable, project: &Project) -> String {
    format!("{} would lose {}.\n", project.show(id), counted(erasable))
}

fn did(id: TicketId, erased: &Erasable, project: &Project) -> String {
    format!(
        "{} has lost {}.\nIts timeline, hashes, receipts and deadlines stay, and the addresses of your people.\n",
        project.show(id),
        counted(erased)
    )
}

fn counted(erasable: &Erasable) -> String {
    let (mails, texts, notices) = (erasable.mails.len(), erasable.texts, erasable.notices);
    let unsent = match erasable.unsent {
        0 => String::new(),
        n => format!(" ({n} of them not sent, and never to be)"),
    };
    format!("the addresses of strangers, {mails} mails that came, {texts} texts, {notices} mails that we made{unsent}")
}

fn mailbox(erasable: &Erasable, project: &Project) -> String {
    let mut text = String::new();
    if !erasable.mails.is_empty() {
        text.push_str("The mailbox may still hold these mails; only a person deletes there:\n");
        for mail in &erasable.mails {
            let id = mail
                .message_id
                .as_deref()
                .map_or("(no Message-ID)".to_owned(), |i| format!("<{}>", clean_line(i, 200)));
            text.push_str(&format!("  {}  {id}\n", local(mail.received, project)));
        }
    }
    text.push_str(
        "Backups from before hold it all until they are deleted. So do mailboxes of those who got notices.\n",
    );
    text
}
