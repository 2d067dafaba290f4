//! One look into a folder: all of it, or what came since the last.
//!
//! Of a server, a push costs what came and nothing more: only the UIDs above the highest are listed. All of it is listed
//! when a session begins and at least every ten minutes, since mail may become visible late, below the highest; and then
//! the newest that were taken in are looked at again, since a server that was set back hands out UIDs again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::folder::{Folder, Listing};
use super::inward::{Ended, Inward, ask};
use super::pauses::Pauses;
use crate::tracker::Sighting;

/// Between two looks at all of a folder.
const WHOLE: Duration = Duration::from_secs(10 * 60);

/// What a session knows of a folder.
pub(super) struct Seen {
    folder: String,
    names: Arc<Vec<String>>,
    highest: u32,
    uidnext: Option<u32>,
    /// When all of it was listed.
    at: Instant,
}

/// What one look shows.
pub(super) struct Look {
    /// What is listed now.
    pub(super) listing: Listing,
    /// All that is there, as far as it is known.
    pub(super) all: Arc<Vec<String>>,
    /// Whether that is the same.
    pub(super) whole: bool,
    /// What the server says of mails that were taken in before.
    pub(super) sightings: Vec<Sighting>,
}

/// Looks into a folder. What is taken in meanwhile counts as seen.
pub(super) async fn look(
    folder: &mut Folder<'_>,
    seen: &mut Option<Seen>,
    to: &mpsc::Sender<Inward>,
    pauses: &mut Pauses,
) -> Result<Look, Ended> {
    let pushes = matches!(folder, Folder::Imap { .. });
    if let Some(before) = seen.as_mut().filter(|before| pushes && before.at.elapsed() < WHOLE) {
        let listing = folder.list_above(Some(before.highest)).await?;
        let fell = listing.uidnext.zip(before.uidnext).is_some_and(|(next, last)| next < last);
        if listing.folder == before.folder && !fell {
            Arc::make_mut(&mut before.names).extend(listing.names.iter().cloned());
            before.highest = highest(&listing.names).max(before.highest);
            before.uidnext = listing.uidnext;
            let all = Arc::clone(&before.names);
            return Ok(Look { listing, all, whole: false, sightings: Vec::new() });
        }
    }
    let listing = folder.list().await?;
    let sightings = if pushes { compared(folder, &listing, to, pauses).await? } else { Vec::new() };
    *seen = Some(Seen {
        folder: listing.folder.clone(),
        names: Arc::clone(&listing.names),
        highest: highest(&listing.names),
        uidnext: listing.uidnext,
        at: Instant::now(),
    });
    let all = Arc::clone(&listing.names);
    Ok(Look { listing, all, whole: true, sightings })
}

fn highest(names: &[String]) -> u32 {
    names.last().and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// What the server says now of the newest mails that were taken in and are still there.
async fn compared(
    folder: &mut Folder<'_>,
    listing: &Listing,
    to: &mpsc::Sender<Inward>,
    pauses: &mut Pauses,
) -> Result<Vec<Sighting>, Ended> {
    let name = listing.folder.clone();
    let witnesses = ask(to, |uids| Inward::Witnesses { folder: name, uids }).await?;
    let listed: HashSet<&String> = listing.names.iter().collect();
    let witnesses: Vec<String> = witnesses.iter().map(u32::to_string).filter(|name| listed.contains(name)).collect();
    if witnesses.is_empty() || !pauses.may_compare() {
        return Ok(Vec::new());
    }
    let sightings = folder.sightings(&witnesses).await?;
    pauses.compared();
    Ok(sightings)
}
