//! `disclosed inbox`: every receipt, the mail of one, or a ticket made of it.

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::lists::{Shown, Wanted, number};
use super::mails::MailDocument;
use super::out::{Items, Out, table};
use crate::intake::disposition::Disposition;
use crate::open;
use crate::project::Project;
use crate::store::{ReceiptRow, Span, Tx};
use crate::tracker::Posted;
use crate::vocabulary::{Address, NoticeKind};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Make a ticket of the mail of this receipt
    #[arg(long, value_name = "NUMBER", value_parser = number::<i64>)]
    take: Option<i64>,
    /// Print the mail of this receipt, whole
    #[arg(long, value_name = "NUMBER", value_parser = number::<i64>, conflicts_with = "take")]
    show: Option<i64>,
    #[command(flatten)]
    wanted: Wanted,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if let Some(number) = args.take {
        return take(number, desk, out);
    }
    if let Some(number) = args.show {
        return show(number, desk, out);
    }
    desk.read(|tx, _| Ok(print(args, tx, &desk.project, out)))?.map(|()| Exit::Done)
}

fn print(args: &Args, tx: &Tx<'_>, project: &Project, out: &mut Out) -> Result<()> {
    if out.wants_json() {
        let mut receipts =
            |items: &mut Items<'_>| tx.each_receipt(Span::All, |r| items.add(&ReceiptDocument::of(&r, project)));
        return out.stream(&(), &mut [("receipts", &mut receipts)]);
    }
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
    let shown = Shown {
        command: "inbox",
        parse: &|text| text.parse().ok(),
        number: &|r: &ReceiptRow| r.number.to_string(),
        text: &|receipts, _| table(&heading, receipts.iter().map(row)),
        empty: "No mail has come in.\n",
    };
    args.wanted.print(&shown, out, |span, each| tx.each_receipt(span, each))
}

/// A receipt as programs see it.
#[derive(Serialize)]
struct ReceiptDocument<'a> {
    number: i64,
    received: Timestamp,
    message_id: Option<&'a str>,
    from: Option<&'a Address>,
    disposition: Disposition,
    ticket: Option<String>,
    reason: &'a str,
}

impl<'a> ReceiptDocument<'a> {
    fn of(r: &'a ReceiptRow, project: &Project) -> Self {
        Self {
            number: r.number,
            received: r.received,
            message_id: r.message_id.as_deref(),
            from: r.from.as_ref(),
            disposition: r.disposition,
            ticket: r.ticket.map(|t| project.show(t)),
            reason: &r.reason,
        }
    }
}

/// What programs see of one receipt.
#[derive(Serialize)]
struct Whole<'a> {
    receipt: ReceiptDocument<'a>,
    mail: MailDocument,
}

fn show(number: i64, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, _| {
        let Some(row) = tx.receipt_row(number)? else { return Ok(None) };
        let mail = MailDocument::of(tx, &row, None)?;
        Ok(Some((row, mail)))
    })?;
    let Some((row, mail)) = found else { bail!("there is no receipt {number}; `disclosed inbox` shows all") };
    if out.wants_json() {
        out.json(&Whole { receipt: ReceiptDocument::of(&row, &desk.project), mail })?;
    } else {
        let ticket = row.ticket.map_or("no ticket".to_owned(), |t| desk.project.show(t));
        out.text(&mail.shown(&format!("Receipt {number}, {ticket}"), &desk.project))?;
    }
    Ok(Exit::Done)
}

/// What programs see of a receipt that was taken.
#[derive(Serialize)]
struct Taken<'a> {
    number: i64,
    ticket: Option<String>,
    acknowledgement: &'a str,
}

fn take(number: i64, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let now = desk.now()?;
    let news = match open::tracker(&desk.config, now)?.take(number, now)? {
        Ok(news) => news,
        Err(why) => bail!("{why}; nothing was done"),
    };
    let ticket = news.receipts.iter().find_map(|(_, _, ticket, _)| ticket.map(|t| desk.project.show(t)));
    let left = |n: &&Posted| n.notice.kind() == NoticeKind::Acknowledgement;
    let (word, words) = match news.notices.iter().find(left).map(|n| n.notice.held.is_some()) {
        Some(false) => ("sent", "Its sender is sent an acknowledgement"),
        Some(true) => ("held", "The acknowledgement is held for a person"),
        None => ("withheld", "Nothing is sent to its sender"),
    };
    if out.wants_json() {
        out.json(&Taken { number, ticket, acknowledgement: word })?;
    } else {
        out.text(&format!("Receipt {number} is {} now. {words}.\n", ticket.unwrap_or_default()))?;
    }
    Ok(Exit::Done)
}
