//! The watch over the inbox: a task that lists, fetches and waits, and asks the loop for everything else.
//!
//! What is new is the difference between the folder's listing and what the store took in from it, never a high-water
//! mark: UIDs become visible late, and some servers lower UIDNEXT. A push is a hint; the folder is listed after each
//! wait, whatever ended it. Any error ends the session, and the next one begins from the listing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::config::{ImapConfig, Inbox};
use crate::imap::{self, Fetched, ImapError, Session, Transport, Woke};
use crate::maildir::{Found, Maildir, ReadMail};
use crate::store::Place;
use crate::tracker::Arrival;

/// Mails and octets that are taken in at a time.
const BATCH: usize = 64;
const BATCH_OCTETS: usize = 4 << 20;
/// Between two looks into a Maildir.
const MAILDIR_POLL: Duration = Duration::from_secs(2);
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
pub enum Inward {
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
pub struct Unseen {
    /// The folder's number in the store.
    pub source: i64,
    /// The names that were not taken in.
    pub new: Vec<String>,
    /// The last scan that did not list them.
    pub not_before: Option<Timestamp>,
    /// When this was asked.
    pub asked: Timestamp,
}

/// Why a look at the inbox ended.
enum Trouble {
    /// The loop has gone, or did not answer: it had an error of its own.
    NoAnswer,
    Imap(ImapError),
    Secret(String),
    Maildir(std::io::Error),
}

impl From<ImapError> for Trouble {
    fn from(error: ImapError) -> Self {
        Self::Imap(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Maildir(error)
    }
}

/// Watches until the loop goes; with `once`, until all that is there is taken in, or the first failure.
pub async fn watch(inbox: Inbox, max: u64, to: mpsc::Sender<Inward>, once: bool) {
    let mut pause = PAUSE;
    let mut uids = Uids::default();
    loop {
        let ended = match &inbox {
            Inbox::Maildir(path) => watch_maildir(path, max, &to, once).await,
            Inbox::Imap(config) => watch_imap(config, max, &to, once, &mut uids).await,
        };
        let brief = match &ended {
            Err(Trouble::Imap(error)) => Some(error.without_words()),
            Ok(()) | Err(Trouble::NoAnswer | Trouble::Secret(_) | Trouble::Maildir(_)) => None,
        };
        let (what, login) = match ended {
            Ok(()) if once => return,
            Ok(()) => {
                pause = PAUSE;
                continue;
            }
            Err(Trouble::NoAnswer) => ("the store did not take the mail; it stays in the inbox".to_owned(), false),
            Err(Trouble::Imap(error)) => (error.to_string(), error.is_login_refused()),
            Err(Trouble::Secret(what)) => (what, true),
            Err(Trouble::Maildir(error)) => (error.to_string(), false),
        };
        let brief = brief.unwrap_or_else(|| what.clone());
        if to.send(Inward::Failed { what, brief, login }).await.is_err() || once {
            return;
        }
        if uids.progress {
            (pause, uids.progress) = (PAUSE, false);
        }
        tokio::time::sleep(if login { LOGIN_PAUSE } else { jittered(pause) }).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Up to half longer, so that forty daemons do not come back to one server in step.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers there is no jitter, which is no reason not to try again.
    let _ = getrandom::fill(&mut byte);
    pause + pause * u32::from(byte.first().copied().unwrap_or(0)) / 512
}

async fn ask<T>(to: &mpsc::Sender<Inward>, make: impl FnOnce(oneshot::Sender<T>) -> Inward) -> Result<T, Trouble> {
    let (answer, answered) = oneshot::channel();
    to.send(make(answer)).await.map_err(|_| Trouble::NoAnswer)?;
    answered.await.map_err(|_| Trouble::NoAnswer)
}

async fn watch_maildir(path: &Path, max: u64, to: &mpsc::Sender<Inward>, once: bool) -> Result<(), Trouble> {
    let maildir = Maildir::open(path)?;
    let folder = format!("maildir:{}", path.display());
    loop {
        let found = maildir.list()?;
        let names = Arc::new(found.iter().map(|f| f.name.clone()).collect::<Vec<_>>());
        let listed = Arc::clone(&names);
        let unseen = ask(to, |unseen| Inward::Listing { folder: folder.clone(), names: listed, unseen }).await?;
        let new: std::collections::HashSet<&String> = unseen.new.iter().collect();
        let mut batch = Batch::default();
        let mut unreadable = None;
        for found in found.iter().filter(|f| new.contains(&f.name)) {
            let arrival = match from_file(&maildir, found, max, &unseen, &names) {
                Ok(Some(arrival)) => arrival,
                Ok(None) => continue,
                Err(error) => {
                    // The others come through; that this one does not is told in the end.
                    unreadable = Some(error);
                    continue;
                }
            };
            if let Some(full) = batch.add(arrival) {
                ask(to, |stored| Inward::Mails { arrivals: full, stored }).await?;
            }
        }
        if !batch.arrivals.is_empty() {
            ask(to, |stored| Inward::Mails { arrivals: batch.arrivals, stored }).await?;
        }
        if let Some(error) = unreadable {
            return Err(error);
        }
        let at = Some(unseen.asked);
        ask(to, |done| Inward::Scanned { folder: folder.clone(), listed: at, done }).await?;
        if once {
            return Ok(());
        }
        // Each look costs a listing: a large folder is looked at less often, and never slower than a minute.
        let pause = MAILDIR_POLL.max(Duration::from_millis(names.len() as u64 / 4)).min(Duration::from_secs(60));
        tokio::time::sleep(pause).await;
    }
}

fn from_file(
    maildir: &Maildir,
    found: &Found,
    max: u64,
    unseen: &Unseen,
    listed: &Arc<Vec<String>>,
) -> Result<Option<Arrival>, Trouble> {
    let (raw, size) = match maildir.read(found, max) {
        Ok(ReadMail::Whole(raw)) => {
            let size = raw.len() as u64;
            (raw, size)
        }
        Ok(ReadMail::Oversize { size, head }) => (head, size),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let place = Some(Place { source: unseen.source, name: found.name.clone() });
    let (internal_date, not_before) = (Some(found.modified), unseen.not_before);
    Ok(Some(Arrival { raw, size, internal_date, not_before, place, listing: Arc::clone(listed) }))
}

#[derive(Default)]
struct Batch {
    arrivals: Vec<Arrival>,
    octets: usize,
}

impl Batch {
    /// Adds a mail; gives the mails back when they are enough to be taken in.
    fn add(&mut self, arrival: Arrival) -> Option<Vec<Arrival>> {
        self.octets += arrival.raw.len();
        self.arrivals.push(arrival);
        (self.arrivals.len() >= BATCH || self.octets >= BATCH_OCTETS).then(|| {
            self.octets = 0;
            std::mem::take(&mut self.arrivals)
        })
    }
}

/// What is remembered of single mails from one session to the next.
#[derive(Default)]
struct Uids {
    /// Under which UIDVALIDITY.
    validity: u32,
    /// How often the session ended while this mail was asked for, and when it last did.
    strikes: HashMap<u32, (u8, tokio::time::Instant)>,
    /// How often the server listed this mail and gave nothing.
    vain: HashMap<u32, u8>,
    /// Whether anything was taken in since the last failure.
    progress: bool,
}

async fn watch_imap(
    config: &ImapConfig,
    max: u64,
    to: &mpsc::Sender<Inward>,
    once: bool,
    uids: &mut Uids,
) -> Result<(), Trouble> {
    let secret = config.login.secret.read().await.map_err(|e| Trouble::Secret(e.to_string()))?;
    let mut session = imap::connect(config, secret.expose()).await?;
    drop(secret);
    let mut idle = config.idle;
    loop {
        let found = scan(&mut session, config, max, to, uids).await?;
        if once {
            session.logout().await;
            return Ok(());
        }
        if !idle {
            tokio::time::sleep(config.poll).await;
            continue;
        }
        let begun = tokio::time::Instant::now();
        match session.idle(config.poll.max(Duration::from_secs(60))).await? {
            // A server that ends each wait at once must not make a busy loop of it.
            Woke::Mail if found == 0 && begun.elapsed() < BREATH => tokio::time::sleep(BREATH).await,
            Woke::Mail | Woke::Timeout => {}
            Woke::Unsupported => {
                tracing::info!("the server does not push; the inbox is looked at each {} s", config.poll.as_secs());
                idle = false;
            }
        }
    }
}

/// Lists the folder and takes in what is new; says how much that was.
async fn scan<S: Transport>(
    session: &mut Session<S>,
    config: &ImapConfig,
    max: u64,
    to: &mpsc::Sender<Inward>,
    uids: &mut Uids,
) -> Result<usize, Trouble> {
    let mailbox = session.select(&config.folder).await?;
    if uids.validity != mailbox.uidvalidity {
        *uids = Uids { validity: mailbox.uidvalidity, ..Uids::default() };
    }
    let endpoint = &config.endpoint;
    // A folder under another UIDVALIDITY, or another user's, is another folder (RFC 3501 section 2.3.1.1).
    let folder = format!(
        "imap:{}@{}:{}/{};{}",
        config.login.user, endpoint.server, endpoint.port, config.folder, mailbox.uidvalidity
    );
    let names = Arc::new(session.uids().await?.iter().map(u32::to_string).collect::<Vec<_>>());
    let listed = Arc::clone(&names);
    let unseen = ask(to, |unseen| Inward::Listing { folder: folder.clone(), names: listed, unseen }).await?;
    let mut new: Vec<u32> = unseen.new.iter().filter_map(|n| n.parse().ok()).collect();
    new.sort_unstable();
    // A mail at which the session ended again and again waits, so that the others come through. It may have been the
    // network's doing: after a while it is asked for again.
    let waits = |uid: &u32| uids.strikes.get(uid).is_some_and(|(n, at)| *n >= STRIKES && at.elapsed() < STRUCK);
    let (mut kept_back, mut rest): (Vec<u32>, Vec<u32>) = new.into_iter().partition(waits);
    rest.sort_by_key(|uid| uids.strikes.get(uid).is_some_and(|(n, _)| *n >= STRIKES));
    let found = rest.len();
    let mut missing = false;
    while !rest.is_empty() {
        // After a failure one by one, to find the mail that does it.
        let single = rest.iter().any(|uid| uids.strikes.contains_key(uid));
        let ask_for = if single { rest.get(..1) } else { rest.get(..) }.unwrap_or_default();
        let chunk = match session.fetch_chunk(ask_for, max).await {
            Ok(chunk) => chunk,
            Err(error) => {
                for uid in ask_for.iter().take(BATCH) {
                    let now = tokio::time::Instant::now();
                    let (times, at) = uids.strikes.entry(*uid).or_insert((0, now));
                    (*times, *at) = (times.saturating_add(1), now);
                }
                return Err(error.into());
            }
        };
        let taken: Vec<u32> = rest.drain(..chunk.taken.max(1).min(rest.len())).collect();
        for uid in &taken {
            uids.strikes.remove(uid);
        }
        let mut arrivals = Vec::new();
        for fetched in chunk.mails {
            let (uid, internal_date, raw, size) = match fetched {
                Fetched::Mail { uid, internal_date, raw } => {
                    let size = raw.len() as u64;
                    (uid, internal_date, raw, size)
                }
                Fetched::Oversize { uid, internal_date, size, head } => (uid, internal_date, head, size),
                Fetched::Missing(uid) | Fetched::Placeholder(uid) => {
                    let times = uids.vain.entry(uid).or_default();
                    *times = times.saturating_add(1);
                    missing |= *times < VAIN;
                    if *times >= VAIN {
                        kept_back.push(uid);
                    }
                    continue;
                }
            };
            let name = uid.to_string();
            let listing = Arc::clone(&names);
            let place = Some(Place { source: unseen.source, name });
            arrivals.push(Arrival { raw, size, internal_date, not_before: unseen.not_before, place, listing });
        }
        if !arrivals.is_empty() {
            ask(to, |stored| Inward::Mails { arrivals, stored }).await?;
            uids.progress = true;
        }
    }
    if !kept_back.is_empty() {
        let shown: Vec<u32> = kept_back.iter().take(20).copied().collect();
        let what = format!("{} mails are listed by the server and cannot be fetched: UIDs {shown:?}", kept_back.len());
        to.send(Inward::Odd { what }).await.map_err(|_| Trouble::NoAnswer)?;
    }
    let listed = Some(unseen.asked).filter(|_| !missing && kept_back.is_empty());
    ask(to, |done| Inward::Scanned { folder, listed, done }).await?;
    Ok(found)
}
