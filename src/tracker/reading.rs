//! Reading a stored mail, whatever it is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;

use crate::mail::signature::Dkim;
use crate::mail::{Mail, content, read};
use crate::project::Project;
use crate::provider::Server;
use crate::store::Unverified;
use crate::vocabulary::{MailRef, Print};

/// Why a mail is put aside that is here and cannot be read.
pub(super) const UNREADABLE: &str = "reading it failed again and again";

/// What a mail is known by: the fingerprint that is stored, then those that an earlier version stored.
pub(super) type Prints = Vec<Print>;

/// A mail in the store, with its bytes at hand.
pub(super) struct Stowed<'a> {
    pub(super) mail: MailRef,
    pub(super) raw: &'a [u8],
    pub(super) received: Timestamp,
    pub(super) whole: bool,
    /// It is put aside, and why.
    pub(super) quarantine: Option<&'static str>,
    /// What is known of its signatures; `None` while nobody has looked whether to ask.
    pub(super) dkim: Option<Dkim>,
    /// A person handed it over; it did not come by itself.
    pub(super) by_hand: bool,
}

impl<'a> Stowed<'a> {
    /// One whose signatures were to be checked; only whole ones are.
    pub(super) fn whole(waits: &Unverified, raw: &'a [u8], dkim: Option<Dkim>) -> Self {
        Self { mail: waits.mail, raw, received: waits.received, whole: true, quarantine: None, dkim, by_hand: false }
    }

    /// One that a person takes in, and whose signatures nobody has looked at.
    pub(super) fn by_hand(mail: MailRef, raw: &'a [u8], received: Timestamp, whole: bool) -> Self {
        Self { mail, raw, received, whole, quarantine: None, dkim: None, by_hand: true }
    }

    /// Whose results are believed: nobody's where a person hands the mail over, who may have got it from anywhere.
    pub(super) fn server<'p>(&self, project: &'p Project) -> &'p Server {
        if self.by_hand { Server::nobody() } else { &project.server }
    }

    /// One that is not stored.
    pub(super) fn tried(raw: &'a [u8], now: Timestamp, dkim: Option<Dkim>) -> Self {
        Self { mail: MailRef(0), raw, received: now, whole: true, quarantine: None, dkim, by_hand: true }
    }
}

/// From so many mails on, it pays to start threads.
const SIDE_BY_SIDE: usize = 16;

/// The same work on each of many mails, in their order, by all cores of the machine: a quarter of what a full inbox
/// costs is reading, and it is pure.
pub(super) fn side_by_side<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if all.len() < SIDE_BY_SIDE || cores == 1 {
        return all.iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let begin = |part| (part, scope.spawn(move || <[T]>::iter(part).map(work).collect::<Vec<R>>()));
        let begun: Vec<_> = all.chunks(all.len().div_ceil(cores)).map(begin).collect();
        // What made a thread panic does so here again, where it is known to the caller.
        let ended = begun.into_iter().map(|(part, t)| t.join().unwrap_or_else(|_| part.iter().map(work).collect()));
        ended.flatten().collect()
    })
}

/// Reads a mail, whatever it is. A panic in a parser makes it unreadable, not lost; an abort is counted by the
/// tries in the store.
pub(super) fn read_one(stowed: &Stowed<'_>) -> (Mail, Prints) {
    let mut mail = if stowed.quarantine == Some(UNREADABLE) {
        Mail::unreadable("reading it ended the daemon again and again; it was put aside unread")
    } else {
        let read = catch_unwind(AssertUnwindSafe(|| read::read(stowed.raw)));
        read.unwrap_or_else(|_| Mail::unreadable("reading it failed; the whole mail is in the store"))
    };
    if !stowed.whole {
        mail.problems
            .push("it is over limits.message, so only its beginning is here; the rest is in the mailbox".into());
    }
    let prints = content::fingerprints(&mail, stowed.raw, false);
    (mail, prints)
}
