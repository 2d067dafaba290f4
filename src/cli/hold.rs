//! What would be sent after a restore, and the end of the hold in which it waits: `disclosed recover`.

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit};
use super::out::{Out, complain};
use super::outbox::{NoticeDocument, listed};
use crate::open;

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    hold: Option<Hold<'a>>,
    notices: Vec<NoticeDocument<'a>>,
    recovered: bool,
}

/// Why nothing leaves.
#[derive(Serialize)]
struct Hold<'a> {
    since: Timestamp,
    why: &'a str,
}

/// Lists what waits; with `yes` lets it go, but for the notices that are dropped.
pub(super) fn end(yes: bool, dropped: &[u32], desk: &Desk, out: &mut Out) -> Result<Exit> {
    // Opened to write: where this is the first to see that the database was restored, that is written down here.
    let mut tracker = open::tracker(&desk.config, desk.now()?)?;
    let hold = tracker.hold()?;
    let mut waiting = tracker.store().read(|tx| tx.unsent())?;
    waiting.retain(|n| !dropped.contains(&n.number));
    let recovered = hold.is_some() && yes;
    if recovered {
        let unknown = tracker.end_hold(dropped)?;
        if let Some(number) = unknown.first() {
            bail!("no notice {number} waits, and nothing was changed; `disclosed recover` lists those that do");
        }
        // After the database: a mark that says less than it is no sign of anything.
        if let Some(mark) = tracker.mark()? {
            open::write_mark(&desk.config, mark)?;
            tracker.note_marked()?;
        }
    }
    if out.wants_json() {
        let hold = hold.as_ref().map(|(standing, why)| Hold { since: standing.since, why });
        let notices = waiting.iter().map(|n| NoticeDocument::of(n, &desk.project)).collect();
        out.json(&Document { hold, notices, recovered })?;
    }
    let Some((_, why)) = hold else {
        if !out.wants_json() {
            out.text("There is no hold: what is made leaves.\n")?;
        }
        return Ok(Exit::Done);
    };
    if !out.wants_json() {
        let all =
            if waiting.is_empty() { "Nothing waits to be sent.\n".to_owned() } else { listed(&waiting, &desk.project) };
        let first = if recovered { "The hold is over. Before, nothing left, since" } else { "Nothing leaves, since" };
        out.text(&format!("{first} {why}.\n\nThis is sent, though some of it may have left before:\n{all}"))?;
    }
    if recovered {
        return Ok(Exit::Done);
    }
    complain(
        "the hold stands. Make sure that no other disclosed works on this mailbox; then `disclosed recover --yes` ends it, \
         and --drop NUMBERS drops what need not be sent",
    );
    Ok(Exit::Failed)
}
