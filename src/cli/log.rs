//! `disclosed log`: the timeline of one ticket.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::out::{Out, alarming, beside, set_off};
use crate::project::Project;
use crate::store::ReceiptRow;
use crate::ticket::kinds::{who, words, words_with};
use crate::ticket::{Actor, Entry, EntryKind, Seat};
use crate::vocabulary::{Address, clean};

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
        out.text(&lines(&entries, &desk.project, "", &[]))?;
    }
    Ok(Exit::Done)
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    ticket: String,
    entries: Vec<EntryDocument<'a>>,
}

/// Each entry: when, who, what. What somebody wrote in several lines stays in them. More mail that is among these is named
/// by its number, and not said twice.
pub(super) fn lines(entries: &[Entry], project: &Project, indent: &str, mails: &[ReceiptRow]) -> String {
    let entry = |e: &Entry| {
        let text = clean(e.text.as_deref().unwrap_or_default());
        let number = mails.iter().position(|m| e.kind == EntryKind::FollowUp && e.mail == Some(m.mail));
        let text = number.map_or(text.trim().to_owned(), |before| format!("mail {}", before + 1));
        let (beside_it, below) = if text.contains('\n') { ("", text.as_str()) } else { (text.as_str(), "") };
        let colon = if below.is_empty() { "" } else { ":" };
        let head = format!("{indent}{}  ", local(e.at, project));
        let what = format!("{} {}{colon}", who(&e.by, project), words_with(e, beside_it, project));
        alarming(&beside(&head, &what)) + &set_off(below, &" ".repeat(head.len()))
    };
    entries.iter().map(entry).collect()
}

/// An entry as programs see it.
#[derive(Serialize)]
pub(super) struct EntryDocument<'a> {
    /// The fields of its kind stand beside the common ones, which come after them and win where both have one.
    #[serde(flatten)]
    kind: &'a EntryKind,
    seq: u32,
    at: Timestamp,
    /// An address of a person, or in words who else did it.
    by: String,
    by_kind: &'static str,
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
            Actor::Daemon | Actor::Reporter | Actor::Stranger => entry.by.kind().word().to_owned(),
            // An early version knew no more.
            Actor::Local(seat) if *seat == Seat::default() => entry.by.kind().word().to_owned(),
            Actor::Local(_) => who(&entry.by, project),
            Actor::Person(address) => address.as_str().to_owned(),
        };
        let words = words(entry, project);
        Self {
            kind: &entry.kind,
            seq: entry.seq,
            at: entry.at,
            by,
            by_kind: entry.by.kind().word(),
            party: entry.party.as_ref(),
            order: entry.order,
            text: entry.text.clone().unwrap_or_else(|| words.clone()),
            words,
        }
    }
}
