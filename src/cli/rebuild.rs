//! `disclosed rebuild`: the ticket tables, anew from the timelines; or the whole database, anew from the inbox.

use anyhow::Result;
use serde_json::json;

use super::desk::{Desk, Exit};
use super::out::{Out, Progress};
use crate::tracker::Rebuilt;
use crate::vocabulary::TicketId;
use crate::{daemon, open};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The database is lost: make one of the mail that is in the inbox
    #[arg(long)]
    from_inbox: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if args.from_inbox {
        return from_inbox(desk, out);
    }
    let mut tracker = open::tracker(&desk.config, desk.now()?)?;
    let progress = Progress::new();
    let tickets = tracker.rebuild(|done| {
        if done % 100 == 0 {
            progress.show(&format!("{done} tickets"));
        }
    })?;
    drop(progress);
    if out.wants_json() {
        out.json(&json!({ "tickets": tickets }))?;
    } else {
        out.text(&format!("Made anew from their timelines: {tickets} tickets.\n"))?;
    }
    Ok(Exit::Done)
}

fn from_inbox(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let Rebuilt { mails, tickets, proven, above } = daemon::rebuild(&desk.config)?;
    if out.wants_json() {
        out.json(&json!({ "mails": mails, "tickets": tickets, "proven": proven, "above": above }))?;
        return Ok(Exit::Done);
    }
    out.text(&format!(
        "{tickets} tickets were made of {mails} mails. {proven} have the numbers that they had, since mail in the inbox\n\
         proves them; the others stand above {}. Each says what is not known of it.\n\
         Start the daemon: it takes mail in, and sends nothing until `disclosed recover`.\n",
        desk.project.show(TicketId(above))
    ))?;
    Ok(Exit::Done)
}
