//! `disclosed inbox`: every receipt.

use anyhow::Result;
use serde_json::{Value, json};

use super::out::{Out, table};
use super::{Desk, Exit, local};
use crate::mail::Address;
use crate::store::ReceiptRow;

pub(super) fn run(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let project = &desk.project;
    let receipts = desk.read(|tx, _| tx.receipts())?;
    if out.wants_json() {
        let document = |r: &ReceiptRow| {
            json!({
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
                local(r.received, project),
                r.from.as_ref().map_or("-", Address::as_str).to_owned(),
                r.disposition.clone(),
                r.ticket.map_or("-".to_owned(), |t| project.show(t)),
                r.reason.clone(),
            ]
        };
        let received = format!("RECEIVED ({})", project.policy.calendar.zone_name);
        let heading = [&received, "FROM", "DISPOSITION", "TICKET", "WHY"];
        out.text(&table(&heading, receipts.iter().map(row)))?;
    }
    Ok(Exit::Done)
}
