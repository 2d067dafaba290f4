//! Reading a stored mail, whatever it is.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::mail::automatic::Automatic;
use crate::mail::header::Header;
use crate::mail::signature::Dkim;
use crate::mail::{Address, Mail, MessageId, read};
use crate::store::Unverified;
use crate::ticket::MailRef;
use crate::token::LENGTH;

/// A mail in the store, with its bytes at hand.
pub(super) struct Stowed<'a> {
    pub(super) mail: MailRef,
    pub(super) raw: &'a [u8],
    pub(super) received: Timestamp,
    pub(super) whole: bool,
    pub(super) quarantine: bool,
    /// What is known of its signatures; `None` while nobody has looked whether to ask.
    pub(super) dkim: Option<Dkim>,
    /// A person handed it over; it did not come by itself.
    pub(super) by_hand: bool,
}

impl<'a> Stowed<'a> {
    /// One whose signatures were to be checked; only whole ones are.
    pub(super) fn whole(waits: &Unverified, raw: &'a [u8], dkim: Option<Dkim>) -> Self {
        Self { mail: waits.mail, raw, received: waits.received, whole: true, quarantine: false, dkim, by_hand: false }
    }

    /// One that is not stored.
    pub(super) fn tried(raw: &'a [u8], now: Timestamp, dkim: Option<Dkim>) -> Self {
        Self { mail: MailRef(0), raw, received: now, whole: true, quarantine: false, dkim, by_hand: true }
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
/// attempts in the store.
pub(super) fn read_one(stowed: &Stowed<'_>) -> (Mail, i64) {
    let mut mail = if stowed.quarantine {
        Mail::unreadable("reading it ended the daemon again and again; it was put aside unread")
    } else {
        let read = catch_unwind(AssertUnwindSafe(|| read::read(stowed.raw)));
        read.unwrap_or_else(|_| Mail::unreadable("reading it failed; the whole mail is in the store"))
    };
    if !stowed.whole {
        mail.problems
            .push("it is over limits.message, so only its beginning is here; the rest is in the mailbox".into());
    }
    let fingerprint = fingerprint(&mail, stowed.raw);
    (mail, fingerprint)
}

/// What makes a second copy of a mail, by another way through the network, the same mail: sender, Message-ID, date,
/// subject and every byte of the body; not the headers that each hop adds.
fn fingerprint(mail: &Mail, raw: &[u8]) -> i64 {
    let (_, body) = Header::split(raw);
    let mut hash = Sha256::new();
    let from = mail.from.as_ref().map_or(String::new(), Address::key);
    let id = mail.message_id.as_ref().map_or("", MessageId::as_str);
    let date = mail.date.map_or(String::new(), |d| d.to_string());
    for part in [from.as_bytes(), id.as_bytes(), date.as_bytes(), mail.subject.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    // Two reports about two notices may differ in nothing but where they go. A command may not: sent once more to
    // another address, it is still the same command.
    if mail.bounce.is_some() || matches!(mail.automatic, Some(Automatic::Bounce | Automatic::NullSender)) {
        let tags = mail.recipients.iter().filter_map(|a| a.local().split_once('+')).map(|(_, tag)| tag);
        let tokens: BTreeSet<String> = tags.filter(|t| t.len() == LENGTH).map(str::to_ascii_lowercase).collect();
        tokens.iter().for_each(|t| hash.update(t));
    }
    crate::store::leading(&hash.finalize().into())
}
