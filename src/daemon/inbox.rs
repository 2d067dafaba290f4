//! The watch over the inbox: a task that lists, fetches and waits, and asks the loop for everything else.
//!
//! What is new is the difference between the folder's listing and what the store took in from it. A high-water mark is
//! never trusted for longer than ten minutes: see [`super::looking`]. A push is a hint; the folder is listed after each
//! wait, whatever ended it. Any error but a refusal ends the session, and the next one begins from the listing.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fetching::take_in;
use super::folder::Folder;
use super::inward::{Ended, Inward};
use super::looking::{Seen, look};
use super::pauses::Pauses;
use crate::config::Inbox;
use crate::imap::Woke;
use crate::vocabulary::Role;

/// Between two looks into a Maildir.
const MAILDIR_POLL: Duration = Duration::from_secs(2);
/// The same for a large one.
const MAILDIR_POLL_MAX: Duration = Duration::from_secs(60);
/// After a refused login: trying again soon only helps to lock the account.
const LOGIN_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Between two looks into the folders beside the inbox.
const BESIDE: Duration = Duration::from_secs(3 * 60);
/// Mails that are taken in from one of them before the inbox has its turn.
const AT_A_TIME: usize = 256;
/// The least time between two looks that find nothing.
const BREATH: Duration = Duration::from_secs(1);

/// How far a watch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Until all that is there is taken in, or to the first failure.
    OnePass,
    /// Until the loop has gone.
    ForGood,
}

/// Watches one folder.
pub(crate) async fn watch(inbox: Inbox, max: u64, to: mpsc::Sender<Inward>, watching: Watching) {
    let mut pauses = Pauses::default();
    while let Err(ended) = session(&inbox, max, &to, watching, &mut pauses).await {
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
        let pause = pauses.after_failure();
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

/// Opens the folder, takes in what is new, waits, and looks again. Ends well after one pass only.
async fn session(
    inbox: &Inbox,
    max: u64,
    to: &mpsc::Sender<Inward>,
    watching: Watching,
    pauses: &mut Pauses,
) -> Result<(), Ended> {
    let mut folder = Folder::open(inbox).await?;
    let mut pushes = matches!(inbox, Inbox::Imap(config) if config.idle);
    let (mut seen, mut beside) = (None, Beside::of(inbox));
    loop {
        folder.turn_to(main(inbox));
        let look = look(&mut folder, &mut seen, to, pauses).await?;
        let took = take_in(&mut folder, &look, (Role::Inbox, usize::MAX), max, to, pauses).await?;
        if beside.is_due() {
            // Then the inbox again, which is no longer the open folder.
            beside.look(&mut folder, max, to, pauses).await?;
            continue;
        }
        if watching == Watching::OnePass {
            folder.close().await;
            return Ok(());
        }
        let poll = poll(inbox, look.all.len());
        drop(look);
        let least = if pushes { Duration::from_secs(60) } else { Duration::ZERO };
        let wait = poll.max(least).min(beside.wait());
        if !pushes {
            tokio::time::sleep(wait).await;
            continue;
        }
        let begun = Instant::now();
        match folder.idle(wait).await? {
            // A server that ends each wait at once must not make a busy loop of it.
            Woke::Mail if took.new == 0 && begun.elapsed() < BREATH => tokio::time::sleep(BREATH).await,
            Woke::Mail | Woke::Timeout => {}
            Woke::Unsupported => {
                tracing::info!("the server does not push; the inbox is looked at each {} s", poll.as_secs());
                pushes = false;
            }
        }
    }
}

/// The folder that mail comes into.
fn main(inbox: &Inbox) -> &str {
    match inbox {
        Inbox::Maildir(_) => "",
        Inbox::Imap(config) => &config.folder,
    }
}

/// The folders beside the inbox, which are looked at in turn, by the same connection.
struct Beside<'a> {
    folders: Vec<(&'a str, Role, Option<Seen>)>,
    due: Instant,
}

impl<'a> Beside<'a> {
    fn of(inbox: &'a Inbox) -> Self {
        let folders = match inbox {
            Inbox::Maildir(_) => [None, None],
            Inbox::Imap(config) => [(&config.sent_folder, Role::Sent), (&config.junk_folder, Role::Junk)]
                .map(|(name, role)| name.as_ref().map(|name| (name.as_str(), role, None))),
        };
        Self { folders: folders.into_iter().flatten().collect(), due: Instant::now() }
    }

    fn is_due(&self) -> bool {
        !self.folders.is_empty() && self.due <= Instant::now()
    }

    /// How long until they are.
    fn wait(&self) -> Duration {
        if self.folders.is_empty() { Duration::MAX } else { self.due.saturating_duration_since(Instant::now()) }
    }

    /// Looks into each, and takes in no more at once than leaves the inbox its turn.
    async fn look(
        &mut self,
        folder: &mut Folder<'a>,
        max: u64,
        to: &mpsc::Sender<Inward>,
        pauses: &mut Pauses,
    ) -> Result<(), Ended> {
        let (mut refused, mut left) = (None, false);
        for (name, role, seen) in &mut self.folders {
            folder.turn_to(name);
            let look = match look(folder, seen, to, pauses).await {
                Ok(look) => look,
                Err(Ended::Folder(error)) if error.is_refusal() => {
                    refused = Some(format!("the folder {name:?} cannot be opened: {error}"));
                    continue;
                }
                Err(ended) => return Err(ended),
            };
            let took = take_in(folder, &look, (*role, AT_A_TIME), max, to, pauses).await?;
            if took.left {
                // What was listed and is left is in no listing of what comes.
                (left, *seen) = (true, None);
            }
        }
        self.due = Instant::now() + if left { Duration::ZERO } else { BESIDE };
        to.send(Inward::Beside { refused }).await.map_err(|_| Ended::NoAnswer)
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
