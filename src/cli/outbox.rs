//! `disclosed outbox`: every notice, or the bytes of one.

use std::borrow::Cow;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::lists::{Each, Shown, Wanted, number};
use super::out::{Items, Out, table};
use crate::open;
use crate::project::Project;
use crate::store::{NoticeRow, Span, Tx};
use crate::vocabulary::{Address, NoticeKind, NoticeState};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print one notice as it leaves
    #[arg(long, value_name = "NUMBER", value_parser = number::<u32>)]
    show: Option<u32>,
    /// Let go what is held because too much was made within an hour
    #[arg(long, conflicts_with = "show")]
    release: bool,
    #[command(flatten)]
    wanted: Wanted,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if let Some(number) = args.show {
        return show(number, desk, out);
    }
    if args.release {
        return release(desk, out);
    }
    desk.read(|tx, _| Ok(print(args, tx, &desk.project, out)))?.map(|()| Exit::Done)
}

fn print(args: &Args, tx: &Tx<'_>, project: &Project, out: &mut Out) -> Result<()> {
    let held_since = tx.breaker()?;
    // As they stand, whatever their rows say: the breaker is in none of them.
    let notices = |span, each: Each<'_, NoticeRow>| {
        tx.each_notice(span, |mut notice| {
            let holds = notice.state == NoticeState::Waiting && notice.lane > NoticeKind::ASKED;
            if let Some(since) = held_since.filter(|_| holds) {
                notice.state = NoticeState::Held;
                notice.reply = Some(format!("too much was made since {}", local(since, project)));
            }
            each(notice)
        })
    };
    if out.wants_json() {
        let mut all = |items: &mut Items<'_>| notices(Span::All, &mut |n| items.add(&NoticeDocument::of(&n, project)));
        return out.stream(&Document { held_since }, &mut [("notices", &mut all)]);
    }
    let shown = Shown {
        command: "outbox",
        parse: &|text| text.parse().ok(),
        number: &|n: &NoticeRow| n.number.to_string(),
        text: &|notices, _| listed(notices, project),
        empty: "No mail has left, and none waits.\n",
    };
    args.wanted.print(&shown, out, notices)?;
    if held_since.is_some() {
        out.text("\nAll that nobody asked for is held; `disclosed outbox --release` lets it go.\n")?;
    }
    Ok(())
}

/// Notices as a table.
pub(super) fn listed(notices: &[NoticeRow], project: &Project) -> String {
    let row = |n: &NoticeRow| {
        vec![
            n.number.to_string(),
            local(n.created, project),
            n.kind.word().to_owned(),
            n.to.as_ref().map_or("-", Address::as_str).to_owned(),
            n.ticket.map_or("-".to_owned(), |t| project.show(t)),
            n.state.word().to_owned(),
            n.tries.to_string(),
            n.reply.clone().unwrap_or_default(),
        ]
    };
    let made = format!("MADE ({})", project.policy.calendar.zone_name);
    let heading = ["NO", &made, "KIND", "TO", "TICKET", "STATE", "TRIES", "SAID"];
    table(&heading, notices.iter().map(row))
}

/// What programs see beside the notices.
#[derive(Serialize)]
struct Document {
    held_since: Option<Timestamp>,
}

/// A notice as programs see it.
#[derive(Serialize)]
pub(super) struct NoticeDocument<'a> {
    number: u32,
    created: Timestamp,
    kind: NoticeKind,
    to: Option<&'a Address>,
    ticket: Option<String>,
    message_id: &'a str,
    state: NoticeState,
    attempts: u32,
    reply: Option<&'a str>,
}

impl<'a> NoticeDocument<'a> {
    pub(super) fn of(n: &'a NoticeRow, project: &Project) -> Self {
        Self {
            number: n.number,
            created: n.created,
            kind: n.kind,
            to: n.to.as_ref(),
            ticket: n.ticket.map(|t| project.show(t)),
            message_id: &n.message_id,
            state: n.state,
            attempts: n.tries,
            reply: n.reply.as_deref(),
        }
    }
}

/// What programs see of one notice.
#[derive(Serialize)]
struct One<'a> {
    notice: Whole<'a>,
}

/// A notice with its bytes as text.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    notice: NoticeDocument<'a>,
    mail: Cow<'a, str>,
}

/// How many notices wait to leave now; null where nothing was held.
#[derive(Serialize)]
struct Released {
    released: Option<u32>,
}

fn release(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let released = open::tracker(&desk.config, desk.now()?)?.release()?;
    if out.wants_json() {
        out.json(&Released { released })?;
        return Ok(Exit::Done);
    }
    out.text(&match released {
        Some(waiting) => format!("Released: {waiting} notices leave now, as fast as the server takes them.\n"),
        None => "Nothing is held for having been too much.\n".into(),
    })?;
    Ok(Exit::Done)
}

fn show(number: u32, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, _| {
        Ok(match tx.notice_row(number)? {
            Some(row) => Some((row, tx.notice_bytes(number)?)),
            None => None,
        })
    })?;
    let Some((row, bytes)) = found else { bail!("there is no notice {number}; `disclosed outbox` lists them") };
    if out.wants_json() {
        let (notice, mail) = (NoticeDocument::of(&row, &desk.project), String::from_utf8_lossy(&bytes));
        out.json(&One { notice: Whole { notice, mail } })?;
    } else if bytes.is_empty() {
        bail!("notice {number} was erased with its ticket");
    } else {
        out.bytes(&bytes)?;
    }
    Ok(Exit::Done)
}
