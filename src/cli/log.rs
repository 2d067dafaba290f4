//! `disclosed log`: the timeline of one ticket, a line an entry.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::out::{Out, alarming};
use crate::project::Project;
use crate::ticket::kinds::{who, words};
use crate::ticket::{Actor, Entry, EntryKind};
use crate::vocabulary::Address;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17 or 17
    ticket: String,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, _| {
        Ok(match desk.ticket(tx, &args.ticket)? {
            Ok(id) => Ok((id, tx.entries(id)?)),
            Err(none) => Err(none),
        })
    })?;
    let (id, entries) = found?;
    if out.wants_json() {
        let entries = entries.iter().map(|e| EntryDocument::of(e, &desk.project)).collect();
        out.json(&Document { ticket: desk.project.show(id), entries })?;
    } else {
        out.text(&lines(&entries, &desk.project, ""))?;
    }
    Ok(Exit::Done)
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    ticket: String,
    entries: Vec<EntryDocument<'a>>,
}

/// One line an entry: when, who, what.
pub(super) fn lines(entries: &[Entry], project: &Project, indent: &str) -> String {
    let line = |e: &Entry| {
        let what = alarming(&words(e, project));
        format!("{indent}{}  {} {what}\n", local(e.at, project), who(&e.by, project))
    };
    entries.iter().map(line).collect()
}

/// An entry as programs see it.
#[derive(Serialize)]
pub(super) struct EntryDocument<'a> {
    /// The fields of its kind stand beside the common ones, which come after them and win where both have one.
    #[serde(flatten)]
    kind: &'a EntryKind,
    seq: u32,
    at: Timestamp,
    by: &'a str,
    party: Option<&'a Address>,
    /// The number of the first entry that the same commands made.
    order: Option<u32>,
    /// What stands in the entry, or what happened, in words, where nothing does.
    text: String,
    words: String,
}

impl<'a> EntryDocument<'a> {
    pub(super) fn of(entry: &'a Entry, project: &Project) -> Self {
        let by = match &entry.by {
            Actor::Daemon => "daemon",
            Actor::Local => "local",
            Actor::Reporter => "reporter",
            Actor::Stranger => "stranger",
            Actor::Person(address) => address.as_str(),
        };
        let words = words(entry, project);
        Self {
            kind: &entry.kind,
            seq: entry.seq,
            at: entry.at,
            by,
            party: entry.party.as_ref(),
            order: entry.order,
            text: entry.text.clone().unwrap_or_else(|| words.clone()),
            words,
        }
    }
}
