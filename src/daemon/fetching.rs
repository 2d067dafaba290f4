//! Taking in what is new in a listing, so that no mail waits for a bad one.
//!
//! Mails that were never asked for come in batches. One that was asked for and did not come is asked for alone, after all
//! that failed less often. A failure that ends the session leaves its mark first (see [`crate::tracker::Sought`]), so the
//! next session begins with the others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::folder::{BATCH, Fetched, Folder, FolderError, Listing};
use super::inward::{Ended, Inward, Unseen, ask};
use super::looking::Look;
use super::pauses::Pauses;
use crate::store::Place;
use crate::tracker::{Arrival, Aside, Sought};
use crate::vocabulary::Role;

/// Mails whose headers are asked for in one command.
const AT_ONCE: usize = 200;
/// Between two commands for mails that are compared with those that are here: all of a folder is no hurry.
const THROTTLE: Duration = Duration::from_millis(200);

/// What came of a look.
pub(super) struct Took {
    /// How many mails were new.
    pub(super) new: usize,
    /// Whether there are more than were wanted at once.
    pub(super) left: bool,
}

/// Takes in what is new in a listing of a folder with this role, and no more at once than that.
pub(super) async fn take_in(
    folder: &mut Folder<'_>,
    look: &Look,
    (role, most): (Role, usize),
    max: u64,
    to: &mpsc::Sender<Inward>,
    pauses: &mut Pauses,
) -> Result<Took, Ended> {
    let (listing, whole, uidnext, sightings) =
        (&look.listing, look.whole, look.listing.uidnext, look.sightings.clone());
    let (name, names) = (listing.folder.clone(), Arc::clone(&listing.names));
    let listed = |unseen| Inward::Listing { folder: name, names, role, whole, uidnext, sightings, unseen };
    let unseen = ask(to, listed).await?;
    let (mut queue, mut kept) = in_turn(&listing.names, &unseen.sought);
    if !whole {
        // Whether they are still there only the whole listing says.
        kept.extend(queue.iter().filter(|s| s.suspect() || s.convicted()).cloned());
        queue.retain(|s| !s.suspect() && !s.convicted());
    }
    let left = queue.len() > most;
    queue.truncate(most);
    if unseen.doubted {
        recognise(folder, listing, &unseen, &mut queue, to).await?;
    }
    let (new, mut alone, mut unreadable, mut taken) = (queue.len(), Vec::new(), None, Vec::new());
    while let Some(next) = queue.front().cloned() {
        if next.convicted() {
            queue.pop_front();
            put_aside(folder, listing, &unseen, next, to, pauses).await?;
            continue;
        }
        if next.suspect() && !gives_another(folder, &listing.names, &unseen.sought).await? {
            alone.extend(queue.pop_front());
            continue;
        }
        let batch = if next.tries == 0 { BATCH } else { 1 };
        let asked: Vec<String> =
            queue.iter().take_while(|s| s.tries == next.tries).take(batch).map(|s| s.name.clone()).collect();
        let (source, names, tries) = (unseen.source, asked.clone(), next.tries + 1);
        ask(to, |noted| Inward::Asking { source, names, tries, noted }).await?;
        folder.be_patient(patience(next.tries));
        let batch = match folder.fetch(&asked, max).await {
            Ok(batch) => batch,
            // One of them, or this one, is what the server does not give; the session goes on.
            Err(error) if error.is_refusal() => {
                let refused: Vec<Sought> = queue.drain(..asked.len()).map(|s| Sought { tries, ..s }).collect();
                if asked.len() > 1 {
                    queue.extend(refused)
                } else {
                    kept.extend(refused)
                }
                continue;
            }
            Err(error) => {
                pauses.at_mail();
                return Err(error.into());
            }
        };
        let mut arrivals = Vec::new();
        queue.drain(..batch.taken.min(queue.len()));
        for fetched in batch.mails {
            match fetched {
                Fetched::Mail { name, raw, size, internal_date } => {
                    taken.push(name.clone());
                    let place = Some(Place { source, name });
                    let (not_before, listing) = (unseen.not_before, Arc::clone(&look.all));
                    arrivals.push(Arrival { raw, size, internal_date, not_before, place, listing });
                }
                Fetched::Missing(name) => {
                    let missing = Sought { name, tries, due: false };
                    // In a batch it may be another's doing.
                    if asked.len() > 1 { queue.push_back(missing) } else { kept.push(missing) }
                }
                Fetched::Unreadable(error) => unreadable = Some(error),
            }
        }
        if !arrivals.is_empty() {
            ask(to, |stored| Inward::Mails { arrivals, stored }).await?;
            pauses.progress();
        }
        if unseen.doubted {
            tokio::time::sleep(THROTTLE).await;
        }
    }
    if let Some(error) = unreadable {
        // The others came through. That this one does not is told in the end.
        pauses.at_mail();
        return Err(FolderError::from(error).into());
    }
    if !alone.is_empty() {
        to.send(Inward::Odd { what: not_fetched(&alone) }).await.map_err(|_| Ended::NoAnswer)?;
    }
    if let Some(claims) = listing.claims {
        let what = format!("the server says that there are {claims} mails, and lists {}", listing.names.len());
        to.send(Inward::Odd { what }).await.map_err(|_| Ended::NoAnswer)?;
    }
    let newest = taken.get(taken.len().saturating_sub(AT_ONCE)..).unwrap_or_default();
    if !newest.is_empty() {
        let (folder, sightings) = (listing.folder.clone(), folder.sightings(newest).await?);
        to.send(Inward::Witnessed { folder, sightings }).await.map_err(|_| Ended::NoAnswer)?;
    }
    let all = whole && !left && kept.is_empty() && alone.is_empty() && listing.claims.is_none();
    let listed = Some(unseen.asked).filter(|_| all);
    let name = listing.folder.clone();
    ask(to, |done| Inward::Scanned { folder: name, role, listed, done }).await?;
    Ok(Took { new, left })
}

/// Takes what is here already off the list of what is to be fetched, of a folder whose UIDs mean other mails than before.
async fn recognise(
    folder: &mut Folder<'_>,
    listing: &Listing,
    unseen: &Unseen,
    queue: &mut VecDeque<Sought>,
    to: &mpsc::Sender<Inward>,
) -> Result<(), Ended> {
    let fresh: Vec<String> = queue.iter().filter(|s| s.tries == 0).map(|s| s.name.clone()).collect();
    let mut known: HashSet<String> = HashSet::new();
    for names in fresh.chunks(AT_ONCE) {
        let (source, asked) = (unseen.source, names.to_vec());
        ask(to, |noted| Inward::Asking { source, names: asked, tries: 1, noted }).await?;
        let (folder, sightings) = (listing.folder.clone(), folder.sightings(names).await?);
        known.extend(ask(to, |known| Inward::Recognise { folder, sightings, known }).await?);
        tokio::time::sleep(THROTTLE).await;
    }
    queue.retain(|s| !known.contains(&s.name));
    Ok(())
}

/// What is to be asked for, in turn, and what waits: those with the fewest tries first, of equals the earliest.
fn in_turn(names: &[String], sought: &[Sought]) -> (VecDeque<Sought>, Vec<Sought>) {
    let mut by_name: HashMap<&String, &Sought> = sought.iter().map(|s| (&s.name, s)).collect();
    let mut listed: Vec<Sought> = names.iter().filter_map(|name| by_name.remove(name).cloned()).collect();
    // What was asked for before, and is in no listing of what came since.
    listed.extend(by_name.into_values().cloned());
    let (mut due, kept): (Vec<Sought>, Vec<Sought>) = listed.into_iter().partition(|s| s.due);
    due.sort_by_key(|s| s.tries);
    (due.into(), kept)
}

/// How long the server may take over a mail, besides the time that its octets need. The second try is the first that this
/// mail has for itself, and others may wait behind it for nothing that they did; from then on it is last.
fn patience(tries: u32) -> Duration {
    Duration::from_secs(match tries {
        0 => 20,
        1 => 6,
        _ => 40,
    })
}

/// Whether the server gives a mail now that was taken in before.
async fn gives_another(folder: &mut Folder<'_>, names: &[String], sought: &[Sought]) -> Result<bool, FolderError> {
    let sought: HashSet<&String> = sought.iter().map(|s| &s.name).collect();
    let Some(other) = names.iter().rev().find(|name| !sought.contains(name)) else { return Ok(false) };
    match folder.fetch(std::slice::from_ref(other), 0).await {
        Ok(batch) => Ok(batch.mails.iter().any(|mail| matches!(mail, Fetched::Mail { .. }))),
        Err(error) if error.is_refusal() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Has a mail put aside, with what the server says of it.
async fn put_aside(
    folder: &mut Folder<'_>,
    listing: &Listing,
    unseen: &Unseen,
    sought: Sought,
    to: &mpsc::Sender<Inward>,
    pauses: &mut Pauses,
) -> Result<(), Ended> {
    let Sought { name, tries, .. } = sought.clone();
    let (source, names) = (unseen.source, vec![name.clone()]);
    let (mut size, mut internal_date) = (None, None);
    if !sought.is_mute() {
        ask(to, |noted| Inward::Asking { source, names, tries: tries + 1, noted }).await?;
        (size, internal_date) = match folder.facts(&name).await {
            Ok(facts) => facts,
            Err(error) if error.is_refusal() => (None, None),
            Err(error) => {
                pauses.at_mail();
                return Err(error.into());
            }
        };
    }
    let (place, folder, not_before) = (Place { source, name }, listing.folder.clone(), unseen.not_before);
    let aside = Aside { place, folder, tries, size, internal_date, not_before };
    ask(to, |stored| Inward::PutAside { aside, stored }).await
}

/// What is told of mails that the server lists and does not give, while it gives no other either.
fn not_fetched(mails: &[Sought]) -> String {
    let shown: Vec<&str> = mails.iter().take(20).map(|s| s.name.as_str()).collect();
    format!("{} mails are listed by the server and cannot be fetched: UIDs [{}]", mails.len(), shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_failed_least_come_first_and_of_equals_the_earliest() {
        let sought = |name: &str, tries, due| Sought { name: name.into(), tries, due };
        let names = ["9", "10", "11", "12", "13"].map(String::from);
        let all = [sought("10", 0, true), sought("11", 2, true), sought("12", 4, false), sought("13", 0, true)];
        let (due, kept) = in_turn(&names, &[&all[..], &[sought("9", 1, true)]].concat());
        let in_turn: Vec<&str> = due.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(in_turn, ["10", "13", "9", "11"]);
        assert_eq!(kept, [sought("12", 4, false)]);
    }

    /// Whatever the first five do, a good one behind them is there within a minute: a batch, then each alone.
    #[test]
    fn five_bad_mails_that_hang_cost_a_good_one_less_than_a_minute() {
        let pause = Duration::from_secs(1) * 3 / 2;
        assert!(patience(0) + pause + 5 * (patience(1) + pause) < Duration::from_secs(60));
        assert!(patience(2) + pause < Duration::from_secs(60));
    }
}
