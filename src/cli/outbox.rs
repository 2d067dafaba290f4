//! `disclosed outbox`: every notice, or the bytes of one.

use std::borrow::Cow;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::out::{Out, table};
use crate::open;
use crate::project::Project;
use crate::store::NoticeRow;
use crate::vocabulary::{Address, NoticeKind, NoticeState};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print one notice as it leaves
    #[arg(long, value_name = "NUMBER")]
    show: Option<u32>,
    /// Let go what is held because too much was made within an hour
    #[arg(long, conflicts_with = "show")]
    release: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if let Some(number) = args.show {
        return show(number, desk, out);
    }
    if args.release {
        return release(desk, out);
    }
    let project = &desk.project;
    let (mut notices, breaker) = desk.read(|tx, _| Ok((tx.notices(0)?, tx.breaker()?)))?;
    if let Some(since) = breaker {
        for notice in notices.iter_mut().filter(|n| n.state == NoticeState::Waiting && n.lane > NoticeKind::ASKED) {
            notice.state = NoticeState::Held;
            notice.reply = Some(format!("too much was made since {}", local(since, project)));
        }
    }
    if out.wants_json() {
        let notices = notices.iter().map(|n| NoticeDocument::of(n, project)).collect();
        out.json(&Document { notices, held_since: breaker })?;
    } else if notices.is_empty() {
        out.text("No mail has left, and none waits.\n")?;
    } else {
        out.text(&listed(&notices, project))?;
        if breaker.is_some() {
            out.text("\nAll that nobody asked for is held; `disclosed outbox --release` lets it go.\n")?;
        }
    }
    Ok(Exit::Done)
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

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    notices: Vec<NoticeDocument<'a>>,
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
struct Shown<'a> {
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
        let row = tx.notices(number)?.into_iter().next().filter(|n| n.number == number);
        Ok(match row {
            Some(row) => Some((row, tx.notice_bytes(number)?)),
            None => None,
        })
    })?;
    let Some((row, bytes)) = found else { bail!("there is no notice {number}; `disclosed outbox` lists them") };
    if out.wants_json() {
        let (notice, mail) = (NoticeDocument::of(&row, &desk.project), String::from_utf8_lossy(&bytes));
        out.json(&Shown { notice: Whole { notice, mail } })?;
    } else if bytes.is_empty() {
        bail!("notice {number} was erased with its ticket");
    } else {
        out.bytes(&bytes)?;
    }
    Ok(Exit::Done)
}
