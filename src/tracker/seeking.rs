//! Mails that a folder lists and that do not come: each is tried again on its own, behind all others, and is put aside in
//! the end.
//!
//! A try is counted before it is made. So whatever a mail does to the session, or to this process, the next one knows; and
//! since the mail with the fewest tries is next, no mail waits behind one that has failed before it.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::Tracker;
use super::news::News;
use super::reading::{Stowed, read_one};
use super::received;
use super::work::Work;
use crate::store::{NewMail, Place, Result, Stored, Strike};

/// Tries at a mail after which its server has to give another one first: see [`Sought::suspect`].
const ENOUGH: u32 = 5;

/// Why a mail is put aside that its server does not give.
const NOT_GIVEN: &str = "the mail server gives others, and not this one";

/// A mail that a folder lists and that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    /// A UID or a file name.
    pub name: String,
    /// How often it was asked for.
    pub tries: u32,
    /// Whether it is time to ask for it.
    pub due: bool,
}

impl Sought {
    /// Whether it may be the mail's own fault and not the server's. That is proven where the server gives another mail,
    /// and then, in the same session, not this one.
    pub(crate) fn suspect(&self) -> bool {
        self.tries == ENOUGH
    }

    /// Whether that was tried, and it did not come.
    pub(crate) fn convicted(&self) -> bool {
        self.tries > ENOUGH
    }

    /// Whether asking how large it is may have ended the session: then nobody asks again.
    pub(crate) fn is_mute(&self) -> bool {
        self.tries > ENOUGH + 1
    }

    fn of(name: String, strike: Option<&Strike>, now: Timestamp) -> Self {
        let Some(strike) = strike else { return Self { name, tries: 0, due: true } };
        // Either way, for a clock that was wrong at the last try.
        let due = now.duration_since(strike.at).abs() >= pause(strike.tries);
        Self { name, tries: strike.tries, due }
    }
}

/// How long a mail waits after so many tries. The first may have been another mail's doing in the same batch.
fn pause(tries: u32) -> SignedDuration {
    SignedDuration::from_mins(match tries {
        0 | 1 => 0,
        2 => 1,
        3 => 3,
        4 => 6,
        ENOUGH => 10,
        _ => 0,
    })
}

/// A mail to put aside: what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    /// Where it is.
    pub place: Place,
    /// The folder, as the store calls it.
    pub folder: String,
    /// How often it was asked for.
    pub tries: u32,
    /// Octets, as the server says.
    pub size: Option<u64>,
    /// When the server took it.
    pub internal_date: Option<Timestamp>,
    /// The last scan that did not list it.
    pub not_before: Option<Timestamp>,
}

impl Aside {
    /// A mail that stands for the one that nobody can have: what is known of it, and what to do. A person sees it like any
    /// report.
    fn stand_in(&self) -> String {
        let Self { place, folder, tries, size, internal_date, .. } = self;
        let size = size.map_or("It is not known how large it is".into(), |size| format!("It has {size} octets"));
        let date = internal_date.map_or("when it came".into(), |at| format!("it came at {at}"));
        let known =
            if internal_date.is_some() { format!("{size}, and {date}.") } else { format!("{size}, or {date}.") };
        format!(
            "Subject: A mail that the mail server does not give\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             The mailbox lists a mail that disclosed cannot have: {tries} tries failed, while the server gave another \
             mail. Nobody has read it, and it may be a report.\r\n\r\n\
             UID or file name: {}\r\nFolder: {folder}\r\n{known}\r\n\r\n\
             Look for it with a mail program. If you can read it there, save it to a file and hand it in with\r\n\
             `disclosed ingest FILE`, or move it to another folder and back. If nobody can read it, ask whoever runs the \
             mail server.\r\n",
            place.name
        )
    }
}

impl Tracker {
    /// What to ask for, with the tries so far: those `new` mails of a folder that were not taken in. A listing that is
    /// `whole` ends the search for what is no longer listed; one that is not leaves out what was asked for before.
    pub(crate) fn sought(&mut self, source: i64, new: Vec<String>, whole: bool, now: Timestamp) -> Result<Vec<Sought>> {
        let struck: HashMap<String, Strike> =
            self.store.read(|tx| tx.struck(source))?.into_iter().map(|s| (s.name.clone(), s)).collect();
        let listed: HashSet<&String> = if struck.is_empty() { HashSet::new() } else { new.iter().collect() };
        let unlisted: Vec<String> = struck.keys().filter(|name| !listed.contains(name)).cloned().collect();
        let mut all = new;
        if whole && !unlisted.is_empty() {
            self.store.note(|tx| unlisted.iter().try_for_each(|name| tx.forget_strike(source, name)))?;
        } else {
            all.extend(unlisted);
        }
        Ok(all.into_iter().map(|name| Sought::of(name.clone(), struck.get(&name), now)).collect())
    }

    /// Writes down, before it is made, which try at each of these comes now.
    pub(crate) fn strike(&mut self, source: i64, names: &[String], tries: u32, now: Timestamp) -> Result<()> {
        self.store.note(|tx| tx.strike(source, names, tries, now))
    }

    /// Puts a mail aside that its server does not give. It ends like any other, in one receipt, and has a ticket, since it
    /// may be a report.
    pub(crate) fn put_aside(&mut self, aside: &Aside, now: Timestamp) -> Result<News> {
        let (project, key) = (&self.project, &self.key);
        let raw = aside.stand_in();
        self.store.write(|tx| {
            let received = received::taken_at(aside.internal_date, aside.not_before, now, received::latest(tx, now)?);
            let place = Some(&aside.place);
            let new = NewMail { raw: raw.as_bytes(), size: raw.len() as u64, received, place };
            let Stored::New(mail) = tx.store_mail(&new, now)? else { return Ok(News::default()) };
            let quarantine = Some(NOT_GIVEN);
            let stowed = Stowed { quarantine, ..Stowed::by_hand(mail, raw.as_bytes(), received, true) };
            let (mail, prints) = read_one(&stowed);
            let mut work = Work::new(tx, project, key, now)?;
            work.mail(&stowed, &mail, &prints)?;
            Ok(work.news)
        })
    }
}
