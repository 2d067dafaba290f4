//! The joint between the rules and the store: read once, decide, commit once.
//!
//! One mail: stored → read → (put off until its signatures are checked, where that could matter) → identified → one
//! look into the store → `intake` → `decide` → one transaction with entries, projections, notices and the receipt.
//! One tick: each due ticket → `decide(Tick)` → commit. One delivery: picked (the try counted) → the shell sends all but
//! the final dot → offered (committed) → dot → the outcome is settled, and what failed for good is news.

mod adopting;
pub(crate) mod ahead;
mod caps;
mod delivery;
mod erasing;
mod folders;
mod holding;
mod losses;
mod mails;
mod news;
mod once;
mod questions;
mod reading;
mod rebuilding;
mod received;
mod requests;
mod seeking;
mod signed;
mod taking;
mod tallies;
mod trying;
mod words;
mod work;

pub use delivery::{Turn, Turned};
pub use erasing::Erasure;
pub(crate) use folders::{First, Look, Looked, Sighting};
pub use holding::FoundMark;
pub(crate) use news::Told;
pub use news::{News, Posted};
pub use questions::Asked;
pub(crate) use rebuilding::Rebuilt;
pub(crate) use seeking::{Aside, Sought};
pub(crate) use trying::Tried;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use self::reading::{Stowed, UNREADABLE, read_one, side_by_side};
use self::work::Work;
use crate::command::{Command, Orders};
use crate::intake::disposition::Disposition;
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::policy::digest::Schedule;
use crate::project::Project;
use crate::rules::event::{Event, Order};
use crate::rules::{decide, reminders};
use crate::store::{Memo, NewMail, NewReceipt, Place, Result, Store, StoreError, Stored, Tx, WaitingMail};
use crate::ticket::{Actor, Seat};
use crate::token::Key;
use crate::vocabulary::{MailRef, TicketId};

/// Tries to read a mail before it is put aside as quarantined.
const TRIES: u32 = 3;
/// Due tickets handled in one transaction.
const BATCH: u32 = 2_000;

/// A mail that has arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its bytes; its beginning when it is over the limit.
    pub raw: Vec<u8>,
    /// Octets on the server.
    pub size: u64,
    /// When our mail server says that it took it.
    pub internal_date: Option<Timestamp>,
    /// The last scan of the same folder that did not list it.
    pub not_before: Option<Timestamp>,
    /// Where it was found; `None` when a person handed it over.
    pub place: Option<Place>,
    /// The folder's present listing, to tell a second copy from a renumbered one.
    pub listing: Arc<Vec<String>>,
}

impl Arrival {
    /// When our mail server took it: what it says, bounded by what the scans saw.
    fn received(&self, now: Timestamp) -> Timestamp {
        received::taken_at(self.internal_date, self.not_before, now, now)
    }
}

/// The tracker: the store and the rules.
#[derive(Debug)]
pub struct Tracker {
    store: Store,
    project: Project,
    key: Key,
    digest: Option<Schedule>,
    /// The fingerprint of the policy.
    policy: String,
    /// What the start brought about, for [`Tracker::recover`] to tell.
    started: News,
}

impl Tracker {
    /// Takes the store. Brings the projections in line with the policy when that has changed, and counts what an
    /// earlier process left half done.
    pub fn new(store: Store, project: Project, key: Key, digest: Option<Schedule>, now: Timestamp) -> Result<Self> {
        let policy = policy_print(&project);
        let mut tracker = Self { store, project, key, digest, policy, started: News::default() };
        tracker.started = tracker.adopt_policy(now)?;
        tracker.know_key(now)?;
        Ok(tracker)
    }

    /// A secret that was lost makes the reply addresses of what it made worthless: that is told, and stands until it is
    /// back or a person has changed the key file ([`Tracker::accept_key`]). No time ends it: nobody else can know
    /// whether a backup is still looked for. One more secret than before is a rotation.
    fn know_key(&mut self, now: Timestamp) -> Result<()> {
        let (project, key, prints) = (&self.project, &self.key, self.key.prints());
        let lacks = |known: &str| -> Vec<String> {
            known.split_whitespace().filter(|k| !prints.iter().any(|p| p == k)).map(str::to_owned).collect()
        };
        self.store.write(|tx| {
            let known: String = tx.memo(Memo::Secrets)?.unwrap_or_default();
            let missed_before: String = tx.memo(Memo::MissedSecrets)?.unwrap_or_default();
            let (lost, mut missed) = (lacks(&known), lacks(&missed_before));
            missed.extend(lost.iter().cloned());
            let (present, missing) = (prints.join(" "), missed.join(" "));
            if (&present, &missing) == (&known, &missed_before) {
                return Ok(());
            }
            tx.set_memo(Memo::Secrets, &present)?;
            if missed.is_empty() {
                tx.drop_memo(Memo::MissedSecrets)?;
            } else {
                tx.set_memo(Memo::MissedSecrets, &missing)?;
            }
            if !lost.is_empty() {
                return Work::new(tx, project, key, now)?.trouble(&Trouble::Key);
            }
            if missed.is_empty() { tx.end_trouble(TroubleKind::Key) } else { Ok(()) }
        })
    }

    /// Whether a database has known a key, so that one that is missing was lost.
    pub fn has_key_of_before(tx: &Tx<'_>) -> Result<bool> {
        Ok(tx.memo::<String>(Memo::Secrets)?.is_some() || tx.next_notice()? > 1)
    }

    /// A person has changed the key file, and has seen what is in it: of what is not, nothing is missed any more. Part of
    /// the transaction under which the file is changed.
    pub fn accept_key(tx: &Tx<'_>, key: &Key) -> Result<()> {
        tx.set_memo(Memo::Secrets, key.prints().join(" "))?;
        tx.drop_memo(Memo::MissedSecrets)?;
        tx.end_trouble(TroubleKind::Key)
    }

    /// Goes on with the key file as it stands now.
    pub fn rekey(&mut self, key: Key, now: Timestamp) -> Result<()> {
        self.key = key;
        self.know_key(now)
    }

    /// Takes the store for [`Tracker::try_mail`]: nothing is written, not even that the policy has changed.
    pub fn to_try(store: Store, project: Project, key: Key) -> Self {
        Self { store, project, key, digest: None, policy: String::new(), started: News::default() }
    }

    /// Goes on with another config.
    pub fn reload(&mut self, project: Project, digest: Option<Schedule>, now: Timestamp) -> Result<News> {
        let policy = policy_print(&project);
        let before = (std::mem::replace(&mut self.project, project), std::mem::replace(&mut self.policy, policy));
        let adopted = self.adopt_policy(now);
        if adopted.is_ok() {
            self.digest = digest;
        } else {
            (self.project, self.policy) = before;
        }
        adopted
    }

    /// Brings the projections in line with the policy when that is another one than they were made by. What moved is
    /// told, but for the first time, when there was none.
    fn adopt_policy(&mut self, now: Timestamp) -> Result<News> {
        let (project, key, policy) = (&self.project, &self.key, self.policy.as_str());
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            let known: Option<String> = tx.memo(Memo::Policy)?;
            if known.as_deref() != Some(policy) {
                match known {
                    Some(_) => work.rederive(policy)?,
                    None => drop(tx.rebuild(project, |_| ())?),
                }
                tx.set_memo(Memo::Policy, policy)?;
            }
            if tx.memo::<Timestamp>(Memo::LastDigest)?.is_none() {
                tx.set_memo(Memo::LastDigest, now)?;
            }
            Ok(work.news)
        })
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The fingerprint of its policy, short enough for a log.
    pub fn policy(&self) -> &str {
        self.policy.get(..8).unwrap_or_default()
    }

    /// The store, to read.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Ends with the store.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// After a start: mails that a crash left unhandled are tried again, each try counted first, and notices that
    /// were being sent are doubtful.
    pub fn recover(&mut self, now: Timestamp) -> Result<News> {
        let mut news = std::mem::take(&mut self.started);
        news.add(self.doubt(now, &[])?);
        self.store.write(|tx| tx.hurry_unverified(now))?;
        while let Some(WaitingMail { mail, tries, .. }) = self.waiting()? {
            if tries <= TRIES {
                self.store.write(|tx| tx.count_try(mail))?;
            }
            match self.resume_one(now) {
                Ok(done) => news.add(done),
                Err(StoreError::Corrupt(_)) if tries <= TRIES => {}
                Err(error) => return Err(error),
            }
        }
        Ok(news)
    }

    /// Mails that are stored and not handled, because the database failed in between: handled now. Not counted as
    /// tries, since it was not their doing; but where the mail itself makes handling fail, it is put aside in the end,
    /// so that it does not hold up everything else.
    pub fn resume(&mut self, now: Timestamp) -> Result<News> {
        let mut news = News::default();
        while let Some(WaitingMail { mail, tries, .. }) = self.waiting()? {
            match self.resume_one(now) {
                Ok(done) => news.add(done),
                Err(StoreError::Corrupt(_)) if tries <= TRIES => {
                    self.store.write(|tx| tx.count_try(mail))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(news)
    }

    fn waiting(&mut self) -> Result<Option<WaitingMail>> {
        Ok(self.store.read(|tx| tx.waiting_mails(1))?.first().copied())
    }

    fn resume_one(&mut self, now: Timestamp) -> Result<News> {
        let Some(waiting) = self.waiting()? else { return Ok(News::default()) };
        let WaitingMail { mail, received, whole, tries } = waiting;
        // After a crash this try is counted already; else those that failed are, and the first stands for itself.
        let quarantine = (tries > TRIES).then_some(UNREADABLE);
        let raw = match self.store.read(|tx| tx.raw(mail)) {
            // What was put aside is not read.
            Err(StoreError::Corrupt(_)) if quarantine.is_some() => Vec::new(),
            raw => raw?,
        };
        self.handle(&[Stowed { mail, raw: &raw, received, whole, quarantine, dkim: None, by_hand: false }], now)
    }

    /// [`Tracker::unseen`] of a daemon that stays. What is listed at its first start was there before it: these names
    /// are on disk before any of the mails is fetched.
    pub fn listed(&mut self, folder: &str, listing: &[String]) -> Result<(i64, Vec<String>)> {
        self.store.write(|tx| {
            let is_first = tx.is_first_listing(folder)?;
            let source = tx.source(folder)?;
            if is_first {
                tx.note_earlier(source, listing)?;
            }
            Ok((source, tx.unseen(source, listing)?))
        })
    }

    /// The names of a listing that have not been taken in, with the number of their folder.
    pub fn unseen(&mut self, folder: &str, listing: &[String]) -> Result<(i64, Vec<String>)> {
        self.store.write(|tx| {
            let source = tx.source(folder)?;
            Ok((source, tx.unseen(source, listing)?))
        })
    }

    /// Takes mails in: stores them all, then handles them all. One transaction each, so that nothing is lost if
    /// handling kills the process (G1), and a batch costs what one mail costs.
    pub fn on_mail(&mut self, arrivals: &[Arrival], now: Timestamp) -> Result<News> {
        let (fresh, mut news) = self.store.write(|tx| {
            let latest = received::latest(tx, now)?;
            let mut fresh = Vec::new();
            let mut news = News::default();
            for arrival in arrivals {
                let place = arrival.place.as_ref();
                let before = received::taken_at(arrival.internal_date, arrival.not_before, now, latest);
                let new = NewMail { raw: &arrival.raw, size: arrival.size, received: before, place };
                match tx.store_mail(&new, now)? {
                    Stored::New(mail) => fresh.push((mail, arrival, before)),
                    // A person hands over what was there before the first start, or moved it here from another folder; or
                    // it lay beside the inbox only, and is in it now.
                    Stored::Known(mail)
                        if place.map_or(Ok(true), |place| tx.is_moved(mail, place.source))?
                            && (tx.earlier_receipt(mail)?.is_some()
                                || place.map_or(Ok(false), |place| tx.is_beside(mail, place.source))?)
                            && tx.promote(mail, before)? =>
                    {
                        fresh.push((mail, arrival, before));
                    }
                    Stored::Known(mail) if second_copy(tx, mail, arrival)? => {
                        let ticket = tx.handled(mail)?.flatten();
                        let reason = "the same bytes are in the folder a second time";
                        tx.receipt(&NewReceipt {
                            mail,
                            at: now,
                            sender: None,
                            message_id: None,
                            disposition: Disposition::Duplicate,
                            ticket,
                            reason,
                            fingerprint: None,
                        })?;
                        news.receipts.push((mail, Disposition::Duplicate, ticket, reason.into()));
                    }
                    Stored::Known(_) => {}
                }
            }
            Ok((fresh, news))
        })?;
        let stowed: Vec<Stowed<'_>> = fresh
            .iter()
            .map(|(mail, a, received)| {
                let whole = a.size == a.raw.len() as u64;
                let by_hand = a.place.is_none();
                Stowed { mail: *mail, raw: &a.raw, received: *received, whole, quarantine: None, dkim: None, by_hand }
            })
            .collect();
        if !stowed.is_empty() {
            news.add(self.handle(&stowed, now)?);
        }
        Ok(news)
    }

    fn handle(&mut self, stowed: &[Stowed<'_>], now: Timestamp) -> Result<News> {
        let read = side_by_side(stowed, read_one);
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            // All of them first: what is numbered after a sign that numbers may come twice is numbered apart.
            read.iter().try_for_each(|(mail, _)| work.look_for_witness(mail))?;
            for (stowed, (mail, prints)) in stowed.iter().zip(&read) {
                work.mail(stowed, mail, prints)?;
            }
            Ok(work.news)
        })
    }

    /// Whether another process has derived the deadlines by another policy: `disclosed do` beside the daemon may have
    /// read a config that the daemon has not been told to read.
    pub fn has_other_policy(&mut self) -> Result<bool> {
        Ok(self.store.read(|tx| tx.memo(Memo::Policy))?.as_ref() != Some(&self.policy))
    }

    /// Time passed: reminds, notes what broke, makes the digest. Call again while it says that there is more.
    pub fn on_tick(&mut self, now: Timestamp) -> Result<(News, bool)> {
        let mut adopted = if self.has_other_policy()? { self.adopt_policy(now)? } else { News::default() };
        let due = self.store.read(|tx| tx.due(now, BATCH))?;
        let digest = self.digest_due(now)?;
        let gathered = self.store.read(|tx| tx.gathered_due())?.is_some_and(|at| at <= now);
        let late = !self.store.read(|tx| tx.late(now, 1))?.is_empty();
        if due.is_empty() && !digest && !gathered && !late {
            return Ok((adopted, false));
        }
        let (project, key) = (&self.project, &self.key);
        let (news, more) = self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            let more = late && work.drop_late()?;
            let mut notices = Vec::new();
            let later = |at: Timestamp| at.checked_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
            for id in &due {
                let ticket = match tx.ticket(*id) {
                    Ok(ticket) => ticket,
                    // One timeline that cannot be read must not silence all the others.
                    Err(StoreError::Corrupt(why)) => {
                        work.trouble(&Trouble::Timeline { ticket: *id, why })?;
                        None
                    }
                    Err(error) => return Err(error),
                };
                let Some(ticket) = ticket else {
                    tx.postpone(*id, now, later(now))?;
                    continue;
                };
                let mut decision = decide::decide(&ticket, &Event::Tick, project, key, now);
                notices.append(&mut decision.notices);
                if decision.entries.is_empty() {
                    tx.project(&ticket, project)?;
                    tx.postpone(*id, now, later(now))?;
                } else {
                    work.commit(&ticket, decision)?;
                }
            }
            for notice in reminders::coalesce(notices) {
                work.post(notice)?;
            }
            if digest {
                work.digest()?;
            }
            if gathered {
                work.tell_rest()?;
            }
            work.forget_counts()?;
            Ok((work.news, more))
        })?;
        adopted.add(news);
        Ok((adopted, more || due.len() as u64 >= u64::from(BATCH)))
    }

    fn digest_due(&mut self, now: Timestamp) -> Result<bool> {
        let Some(schedule) = &self.digest else { return Ok(false) };
        let last = self.store.read(|tx| tx.memo(Memo::LastDigest))?.unwrap_or(now);
        Ok(schedule.next(last, &self.project.policy.calendar.zone).is_some_and(|at| at <= now))
    }

    /// When something is due next: a ticket, a notice, the digest, a signature.
    pub fn next_wake(&mut self, sending: bool) -> Result<Option<Timestamp>> {
        let (ticket, notice, last, unverified) = self
            .store
            .read(|tx| Ok((tx.next_wake()?, tx.next_due()?, tx.memo(Memo::LastDigest)?, tx.unverified_mails()?.1)))?;
        let gathered = self.store.read(|tx| tx.gathered_due())?;
        let zone = &self.project.policy.calendar.zone;
        let digest = self.digest.as_ref().zip(last).and_then(|(s, last)| s.next(last, zone));
        Ok([ticket, notice.filter(|_| sending), digest, unverified, gathered].into_iter().flatten().min())
    }

    /// Commands from the command line of this machine: full authority.
    pub fn order(&mut self, id: TicketId, orders: Orders, seat: Seat, now: Timestamp) -> Result<Option<News>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            let mut work = Work::new(tx, project, key, now)?;
            if orders.are_only(&Command::List) {
                let text = work.in_full(&work.list()?);
                work.news.answer = Some(Told { text, refused: false });
                return Ok(Some(work.news));
            }
            let order = work.informed(&ticket, &Order { orders, by: Actor::Local(seat), ..Order::local() })?;
            let decision = decide::decide(&ticket, &Event::Ordered(order), project, key, now);
            work.carry_out(&ticket, decision)?;
            Ok(Some(work.news))
        })
    }

    /// The daemon itself is in trouble: that is noted until it is over ([`TroubleKind`]), and everyone but pure observers
    /// is told, once a day for each kind.
    pub fn trouble(&mut self, trouble: &Trouble, now: Timestamp) -> Result<News> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            work.trouble(trouble)?;
            Ok(work.news)
        })
    }

    /// Whether the database can be written: its disk may be full, failing or read-only. One row tells, once it is on disk.
    pub fn try_commit(&mut self, now: Timestamp) -> Result<()> {
        self.store.write(|tx| tx.set_memo(Memo::LastCommit, now))
    }

    /// Notes since when the inbox cannot be read, for `status`.
    pub fn inbox_fails(&mut self, since: Timestamp) -> Result<()> {
        self.store.write(|tx| tx.set_memo(Memo::InboxFails, tx.memo(Memo::InboxFails)?.unwrap_or(since).min(since)))
    }

    /// Notes that a folder was read to its end; after a first start, what was in it is told. What comes up later was
    /// not there when it was `listed`; `None` where not all that was listed could be had.
    pub fn scanned(&mut self, folder: &str, listed: Option<Timestamp>, now: Timestamp) -> Result<News> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            if tx.is_first_start()? {
                work.tell_earlier()?;
            }
            tx.drop_memo(Memo::InboxFails)?;
            tx.end_trouble(TroubleKind::Inbox)?;
            tx.end_trouble(TroubleKind::Login)?;
            if listed.is_some() {
                // What cannot be had is odd from the tenth look on, and until then these looks are not whole either.
                tx.end_trouble(TroubleKind::Odd)?;
                tx.end_doubt(folder)?;
            }
            tx.set_memo(Memo::LastScan, now)?;
            listed.map_or(Ok(()), |at| tx.set_memo(Memo::LastScanOf(folder), at))?;
            Ok(work.news)
        })
    }

    /// When a folder was last listed that was then read to its end.
    pub fn last_scan(&mut self, folder: &str) -> Result<Option<Timestamp>> {
        self.store.read(|tx| tx.memo(Memo::LastScanOf(folder)))
    }

    /// Throws the projections away and remakes them from the timeline; says how many tickets there are.
    pub fn rebuild(&mut self, each: impl FnMut(u32)) -> Result<u32> {
        let project = &self.project;
        self.store.write(|tx| tx.rebuild(project, each))
    }
}

/// What tells a policy from another: all that the projections are derived by. Who hears which rung is part of it where
/// people have a quiet time of their own.
fn policy_print(project: &Project) -> String {
    let mut print = Sha256::new();
    print.update(format!("{:?}", project.policy));
    if project.people.iter().any(|p| p.calendar.is_some()) {
        for person in &project.people {
            print.update(format!("{} {:?} {:?}\n", person.address.key(), person.roles, person.calendar));
        }
    }
    data_encoding::HEXLOWER.encode(&print.finalize())
}

/// Whether known bytes under a new name are one more delivery: the folder holds more copies of them than there are
/// receipts. Else the folder was renumbered, or a person moved the mail away and back.
fn second_copy(tx: &Tx<'_>, mail: MailRef, arrival: &Arrival) -> Result<bool> {
    let Some(place) = &arrival.place else { return Ok(false) };
    let names = tx.places(place.source, mail)?;
    let others = names.iter().filter(|n| **n != place.name && arrival.listing.contains(n)).count();
    Ok(others > 0 && others >= usize::try_from(tx.receipts_of(mail)?).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
