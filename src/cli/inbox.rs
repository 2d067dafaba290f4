//! `disclosed inbox`: every receipt, or a ticket made of one.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::out::{Out, table};
use super::{Desk, Exit, local};
use crate::mail::Address;
use crate::notice::{Notice, NoticeKind};
use crate::open;
use crate::store::ReceiptRow;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Make a ticket of the mail of this receipt
    #[arg(long, value_name = "NUMBER")]
    take: Option<i64>,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if let Some(number) = args.take {
        return take(number, desk, out);
    }
    let project = &desk.project;
    let receipts = desk.read(|tx, _| tx.receipts())?;
    if out.wants_json() {
        let document = |r: &ReceiptRow| {
            json!({
                "number": r.number,
                "received": r.received,
                "message_id": r.message_id,
                "from": r.from,
                "disposition": r.disposition,
                "ticket": r.ticket.map(|t| project.show(t)),
                "reason": r.reason,
            })
        };
        out.json(&json!({ "receipts": receipts.iter().map(document).collect::<Vec<Value>>() }))?;
    } else if receipts.is_empty() {
        out.text("No mail has come in.\n")?;
    } else {
        let row = |r: &ReceiptRow| {
            vec![
                r.number.to_string(),
                local(r.received, project),
                r.from.as_ref().map_or("-", Address::as_str).to_owned(),
                r.disposition.word().to_owned(),
                r.ticket.map_or("-".to_owned(), |t| project.show(t)),
                r.reason.clone(),
            ]
        };
        let received = format!("RECEIVED ({})", project.policy.calendar.zone_name);
        let heading = ["NO", &received, "FROM", "DISPOSITION", "TICKET", "WHY"];
        out.text(&table(&heading, receipts.iter().map(row)))?;
    }
    Ok(Exit::Done)
}

fn take(number: i64, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let now = desk.now()?;
    let news = match open::tracker(&desk.config, now)?.take(number, now)? {
        Ok(news) => news,
        Err(why) => bail!("{why}; nothing was done"),
    };
    let ticket = news.receipts.iter().find_map(|(_, _, ticket, _)| ticket.map(|t| desk.project.show(t)));
    let left = |n: &&(u32, Notice)| n.1.kind == NoticeKind::Acknowledgement;
    let (word, words) = match news.notices.iter().find(left).map(|(_, n)| n.held.is_some()) {
        Some(false) => ("sent", "Its sender is sent an acknowledgement"),
        Some(true) => ("held", "The acknowledgement is held for a person"),
        None => ("withheld", "Nothing is sent to its sender"),
    };
    if out.wants_json() {
        out.json(&json!({ "number": number, "ticket": ticket, "acknowledgement": word }))?;
    } else {
        out.text(&format!("Receipt {number} is {} now. {words}.\n", ticket.unwrap_or_default()))?;
    }
    Ok(Exit::Done)
}
