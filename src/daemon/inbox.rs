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
use super::looking::look;
use super::pauses::Pauses;
use crate::config::Inbox;
use crate::imap::Woke;

/// Between two looks into a Maildir.
const MAILDIR_POLL: Duration = Duration::from_secs(2);
/// The same for a large one.
const MAILDIR_POLL_MAX: Duration = Duration::from_secs(60);
/// After a refused login: trying again soon only helps to lock the account.
const LOGIN_PAUSE: Duration = Duration::from_secs(15 * 60);
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
    let mut seen = None;
    loop {
        let look = look(&mut folder, &mut seen, to, pauses).await?;
        let new = take_in(&mut folder, &look, max, to, pauses).await?;
        if watching == Watching::OnePass {
            folder.close().await;
            return Ok(());
        }
        let poll = poll(inbox, look.all.len());
        drop(look);
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
