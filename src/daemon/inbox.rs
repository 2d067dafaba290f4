//! The watch over the inbox: a task that lists, fetches and waits, and asks the loop for everything else.
//!
//! What is new is the difference between the folder's listing and what the store took in from it, never a high-water
//! mark: UIDs become visible late, and some servers lower UIDNEXT. A push is a hint; the folder is listed after each
//! wait, whatever ended it. Any error ends the session, and the next one begins from the listing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::folder::{BATCH, Fetched, Folder, FolderError, Listing};
use crate::config::Inbox;
use crate::imap::Woke;
use crate::store::Place;
use crate::tracker::Arrival;

/// Between two looks into a Maildir.
const MAILDIR_POLL: Duration = Duration::from_secs(2);
/// The same for a large one.
const MAILDIR_POLL_MAX: Duration = Duration::from_secs(60);
/// The first pause after a failure; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// After a refused login: trying again soon only helps to lock the account.
const LOGIN_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The least time between two looks that find nothing.
const BREATH: Duration = Duration::from_secs(1);
/// Failures at one mail before the others go on without it for a while.
const STRIKES: u8 = 3;
/// For so long.
const STRUCK: Duration = Duration::from_secs(30 * 60);
/// Looks in vain at one mail before somebody is told.
const VAIN: u8 = 10;

/// What the watch asks of the loop, or tells it.
#[derive(Debug)]
pub(crate) enum Inward {
    /// The folder holds these names; which are new?
    Listing {
        /// The folder, with its UIDVALIDITY.
        folder: String,
        /// All names in it.
        names: Arc<Vec<String>>,
        /// The answer.
        unseen: oneshot::Sender<Unseen>,
    },
    /// Take these in.
    Mails {
        /// The mails.
        arrivals: Vec<Arrival>,
        /// Answered when they are on disk and handled.
        stored: oneshot::Sender<()>,
    },
    /// All that the listing held is taken in.
    Scanned {
        /// The folder.
        folder: String,
        /// When it was listed; `None` when some of the listing could not be had, and must count as listed all along
        /// once it can.
        listed: Option<Timestamp>,
        /// Answered when that is on disk.
        done: oneshot::Sender<()>,
    },
    /// The inbox could not be read.
    Failed {
        /// Why, without mail and secrets.
        what: String,
        /// The same for the log, without the server's own words.
        brief: String,
        /// The login was refused.
        login: bool,
    },
    /// Something in the inbox wants a person.
    Odd {
        /// What.
        what: String,
    },
}

/// What is new in a folder.
#[derive(Debug)]
pub(crate) struct Unseen {
    /// The folder's number in the store.
    pub source: i64,
    /// The names that were not taken in.
    pub new: Vec<String>,
    /// The last scan that did not list them.
    pub not_before: Option<Timestamp>,
    /// When this was asked.
    pub asked: Timestamp,
}

/// How far a watch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Until all that is there is taken in, or to the first failure.
    OnePass,
    /// Until the loop has gone.
    ForGood,
}

/// Why a session with the folder ended.
enum Ended {
    /// The loop has gone, or did not answer: it had an error of its own.
    NoAnswer,
    /// The folder could not be read.
    Folder(FolderError),
}

impl From<FolderError> for Ended {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

/// Watches one folder.
pub(crate) async fn watch(inbox: Inbox, max: u64, to: mpsc::Sender<Inward>, watching: Watching) {
    let mut memory = Memory::default();
    while let Err(ended) = session(&inbox, max, &to, watching, &mut memory).await {
        let (what, brief, login) = match ended {
            Ended::NoAnswer => {
                let what = "the store did not take the mail; it stays in the inbox".to_owned();
                (what.clone(), what, false)
            }
            Ended::Folder(error) => (error.to_string(), error.without_words(), error.is_login()),
        };
        let told = to.send(Inward::Failed { what, brief, login }).await;
        if told.is_err() || watching == Watching::OnePass {
            return;
        }
        let pause = memory.pause_after_failure();
        tokio::time::sleep(if login { LOGIN_PAUSE } else { jittered(pause) }).await;
    }
}

/// Up to half longer, so that forty daemons do not come back to one server in step.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers there is no jitter, which is no reason not to try again.
    let _ = getrandom::fill(&mut byte);
    pause + pause * u32::from(byte.first().copied().unwrap_or(0)) / 512
}

async fn ask<T>(to: &mpsc::Sender<Inward>, make: impl FnOnce(oneshot::Sender<T>) -> Inward) -> Result<T, Ended> {
    let (answer, answered) = oneshot::channel();
    to.send(make(answer)).await.map_err(|_| Ended::NoAnswer)?;
    answered.await.map_err(|_| Ended::NoAnswer)
}

/// Opens the folder, takes in what is new, waits, and looks again. Ends well after one pass only.
async fn session(
    inbox: &Inbox,
    max: u64,
    to: &mpsc::Sender<Inward>,
    watching: Watching,
    memory: &mut Memory,
) -> Result<(), Ended> {
    let mut folder = Folder::open(inbox).await?;
    let mut pushes = matches!(inbox, Inbox::Imap(config) if config.idle);
    loop {
        let listing = folder.list().await?;
        let new = take_in(&mut folder, &listing, max, to, memory).await?;
        if watching == Watching::OnePass {
            folder.close().await;
            return Ok(());
        }
        let poll = poll(inbox, listing.names.len());
        if !pushes {
            tokio::time::sleep(poll).await;
            continue;
        }
        let begun = Instant::now();
        match folder.idle(poll.max(Duration::from_secs(60))).await? {
            // A server that ends each wait at once must not make a busy loop of it.
            Woke::Mail if new == 0 && begun.elapsed() < BREATH => tokio::time::sleep(BREATH).await,
            Woke::Mail | Woke::Timeout => {}
            Woke::Unsupported => {
                tracing::info!("the server does not push; the inbox is looked at each {} s", poll.as_secs());
                pushes = false;
            }
        }
    }
}

/// Between two looks, where nothing is pushed.
fn poll(inbox: &Inbox, listed: usize) -> Duration {
    match inbox {
        // Each look costs a listing: a large folder is looked at less often.
        Inbox::Maildir(_) => MAILDIR_POLL.max(Duration::from_millis(listed as u64 / 4)).min(MAILDIR_POLL_MAX),
        Inbox::Imap(config) => config.poll,
    }
}

/// Takes in what is new in a listing; says how much that was.
async fn take_in(
    folder: &mut Folder<'_>,
    listing: &Listing,
    max: u64,
    to: &mpsc::Sender<Inward>,
    memory: &mut Memory,
) -> Result<usize, Ended> {
    memory.enter(&listing.folder);
    let (name, names) = (listing.folder.clone(), Arc::clone(&listing.names));
    let unseen = ask(to, |unseen| Inward::Listing { folder: name, names, unseen }).await?;
    let new: HashSet<&String> = unseen.new.iter().collect();
    let new = listing.names.iter().filter(|name| new.contains(name)).cloned();
    // A mail at which the session ended again and again waits, so that the others come through. It may have been the
    // network's doing: after a while it is asked for again, behind the others.
    let (mut kept_back, mut new): (Vec<String>, Vec<String>) = new.partition(|name| memory.waits(name));
    new.sort_by_key(|name| memory.is_struck_out(name));
    let mut rest = new.as_slice();
    let (mut missing, mut unreadable) = (false, None);
    while !rest.is_empty() {
        // After a failure one by one, to find the mail that does it.
        let single = rest.iter().any(|name| memory.strikes.contains_key(name));
        let asked = if single { rest.get(..1).unwrap_or_default() } else { rest };
        let batch = folder.fetch(asked, max).await.inspect_err(|_| {
            for name in asked.iter().take(BATCH) {
                memory.strike(name);
            }
        })?;
        for name in rest.iter().take(batch.taken) {
            memory.strikes.remove(name);
        }
        rest = rest.get(batch.taken..).unwrap_or_default();
        let mut arrivals = Vec::new();
        for fetched in batch.mails {
            match fetched {
                Fetched::Mail { name, raw, size, internal_date } => {
                    let place = Some(Place { source: unseen.source, name });
                    let (not_before, listing) = (unseen.not_before, Arc::clone(&listing.names));
                    arrivals.push(Arrival { raw, size, internal_date, not_before, place, listing });
                }
                Fetched::Missing(name) if memory.is_in_vain(&name) => kept_back.push(name),
                Fetched::Missing(_) => missing = true,
                // The others come through; that this one does not is told in the end.
                Fetched::Unreadable(error) => unreadable = Some(error),
            }
        }
        if !arrivals.is_empty() {
            ask(to, |stored| Inward::Mails { arrivals, stored }).await?;
            memory.progress = true;
        }
    }
    if let Some(error) = unreadable {
        return Err(FolderError::from(error).into());
    }
    if !kept_back.is_empty() {
        to.send(Inward::Odd { what: not_fetched(&kept_back) }).await.map_err(|_| Ended::NoAnswer)?;
    }
    let listed = Some(unseen.asked).filter(|_| !missing && kept_back.is_empty());
    let name = listing.folder.clone();
    ask(to, |done| Inward::Scanned { folder: name, listed, done }).await?;
    Ok(new.len())
}

/// What is told of mails that the server lists and does not give.
fn not_fetched(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    format!("{} mails are listed by the server and cannot be fetched: UIDs [{}]", names.len(), shown.join(", "))
}

/// What the watch remembers of its folder from one session to the next.
struct Memory {
    /// Of which folder, by its name in the store.
    folder: String,
    /// How often the session ended while this mail was asked for, and when it last did.
    strikes: HashMap<String, (u8, Instant)>,
    /// How often the server listed this mail and gave nothing.
    vain: HashMap<String, u8>,
    /// Whether anything was taken in since the last failure.
    progress: bool,
    /// The pause after the next failure.
    pause: Duration,
}

impl Default for Memory {
    fn default() -> Self {
        let (strikes, vain) = (HashMap::new(), HashMap::new());
        Self { folder: String::new(), strikes, vain, progress: false, pause: PAUSE }
    }
}

impl Memory {
    /// Forgets the single mails of another folder: the same names mean other mails there.
    fn enter(&mut self, folder: &str) {
        if self.folder != folder {
            folder.clone_into(&mut self.folder);
            self.strikes.clear();
            self.vain.clear();
        }
    }

    fn strike(&mut self, name: &str) {
        let now = Instant::now();
        let (times, at) = self.strikes.entry(name.to_owned()).or_insert((0, now));
        (*times, *at) = (times.saturating_add(1), now);
    }

    fn is_struck_out(&self, name: &str) -> bool {
        self.strikes.get(name).is_some_and(|(times, _)| *times >= STRIKES)
    }

    /// Whether a mail that is struck out is not yet asked for again.
    fn waits(&self, name: &str) -> bool {
        self.is_struck_out(name) && self.strikes.get(name).is_some_and(|(_, at)| at.elapsed() < STRUCK)
    }

    /// Counts a look in vain at a mail; says whether they are enough to tell somebody.
    fn is_in_vain(&mut self, name: &str) -> bool {
        let times = self.vain.entry(name.to_owned()).or_default();
        *times = times.saturating_add(1);
        *times >= VAIN
    }

    /// How long to wait after a failure: twice as long as the last time, unless something was taken in since.
    fn pause_after_failure(&mut self) -> Duration {
        let pause = if std::mem::take(&mut self.progress) { PAUSE } else { self.pause };
        self.pause = (pause * 2).min(PAUSE_MAX);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_mail_that_ends_the_session_waits_and_is_asked_for_again() {
        let mut memory = Memory::default();
        memory.enter("f;1");
        for _ in 0..STRIKES {
            assert!(!memory.waits("7"));
            memory.strike("7");
        }
        assert!(memory.waits("7") && !memory.waits("8"));
        tokio::time::advance(STRUCK).await;
        assert!(!memory.waits("7") && memory.is_struck_out("7"), "behind the others");
        memory.strike("7");
        assert!(memory.waits("7"), "and once more is enough");
    }

    #[test]
    fn another_uidvalidity_is_another_folder() {
        let mut memory = Memory::default();
        memory.enter("f;1");
        (0..STRIKES).for_each(|_| memory.strike("7"));
        assert_eq!((1..=VAIN).filter(|_| memory.is_in_vain("8")).count(), 1);
        memory.enter("f;1");
        assert!(memory.is_struck_out("7") && memory.is_in_vain("8"));
        memory.enter("f;2");
        assert!(!memory.is_struck_out("7") && !memory.is_in_vain("8"));
    }

    #[test]
    fn pauses_double_until_something_comes_in() {
        let mut memory = Memory::default();
        let pauses: Vec<u64> = (0..10).map(|_| memory.pause_after_failure().as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        memory.progress = true;
        memory.enter("another folder of this inbox");
        assert_eq!([2, 4].map(Duration::from_secs), [(); 2].map(|()| memory.pause_after_failure()));
    }
}
