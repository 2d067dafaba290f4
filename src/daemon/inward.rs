//! What the watch over the inbox asks of the loop, or tells it, and why a session with the folder ended.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::folder::FolderError;
use crate::tracker::{Arrival, Aside, Sighting, Sought};
use crate::vocabulary::Role;

/// What the watch asks of the loop, or tells it.
#[derive(Debug)]
pub(crate) enum Inward {
    /// The folder holds these names; which are new?
    Listing {
        /// The folder, with its UIDVALIDITY.
        folder: String,
        /// All names in it, or those that came since.
        names: Arc<Vec<String>>,
        /// What the folder is for.
        role: Role,
        /// Whether they are all.
        whole: bool,
        /// Of a server: the UID of the next mail.
        uidnext: Option<u32>,
        /// Of a server: what it says of mails that were taken in.
        sightings: Vec<Sighting>,
        /// The answer.
        unseen: oneshot::Sender<Unseen>,
    },
    /// Which mails of a folder are looked at again, to see whether their UIDs mean the same ones?
    Witnesses {
        /// The folder.
        folder: String,
        /// Their UIDs.
        uids: oneshot::Sender<Vec<u32>>,
    },
    /// Which of these are here already?
    Recognise {
        /// The folder.
        folder: String,
        /// What the server says of them.
        sightings: Vec<Sighting>,
        /// The names of those that are.
        known: oneshot::Sender<Vec<String>>,
    },
    /// What the server says of mails that were just taken in.
    Witnessed {
        /// The folder.
        folder: String,
        /// Of each.
        sightings: Vec<Sighting>,
    },
    /// These are asked for now.
    Asking {
        /// The folder's number in the store.
        source: i64,
        /// The mails.
        names: Vec<String>,
        /// How often, with this time.
        tries: u32,
        /// Answered when that is written down.
        noted: oneshot::Sender<()>,
    },
    /// Take these in.
    Mails {
        /// The mails.
        arrivals: Vec<Arrival>,
        /// Answered when they are on disk and handled.
        stored: oneshot::Sender<()>,
    },
    /// The server gives others, and not this one.
    PutAside {
        /// The mail.
        aside: Aside,
        /// Answered when that is on disk.
        stored: oneshot::Sender<()>,
    },
    /// All that the listing held is taken in.
    Scanned {
        /// The folder.
        folder: String,
        /// What it is for.
        role: Role,
        /// When all of it was listed; `None` when only a part was, or some could not be had, and must count as listed
        /// all along once it can.
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
    /// The folders beside the inbox were looked at; of those that could not be opened, why.
    Beside {
        /// Why not.
        refused: Option<String>,
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
    /// What was not taken in.
    pub sought: Vec<Sought>,
    /// Whether what is new is to be compared with what is here, before it is fetched.
    pub doubted: bool,
    /// The last scan that did not list them.
    pub not_before: Option<Timestamp>,
    /// When this was asked.
    pub asked: Timestamp,
}

/// Why a session with the folder ended.
pub(super) enum Ended {
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

/// Asks the loop, and waits for its answer.
pub(super) async fn ask<T>(
    to: &mpsc::Sender<Inward>,
    make: impl FnOnce(oneshot::Sender<T>) -> Inward,
) -> Result<T, Ended> {
    let (answer, answered) = oneshot::channel();
    to.send(make(answer)).await.map_err(|_| Ended::NoAnswer)?;
    answered.await.map_err(|_| Ended::NoAnswer)
}
