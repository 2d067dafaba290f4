//! The joint between the rules and the store: read once, decide, commit once.
//!
//! One mail: stored → read → (put off until its signatures are checked, where that could matter) → identified → one
//! look into the store → `intake` → `decide` → one transaction with entries, projections, notices and the receipt.
//! One tick: each due ticket → `decide(Tick)` → commit. One delivery: claim (the try counted, committed) → the shell
//! sends → the outcome is settled, and what failed for good is news.

mod caps;
mod news;
mod questions;
mod reading;
mod tallies;
mod words;
mod work;

pub use news::{News, Posted, Told};
pub use questions::Asked;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use self::reading::{Stowed, read_one, side_by_side};
use self::tallies::Scope;
use self::work::Work;
use crate::command::{Command, Orders};
use crate::intake;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::standing::Part;
use crate::intake::unheard::Unheard;
use crate::mail::signature::Dkim;
use crate::mail::{Mail, identity};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::policy::Milestone;
use crate::policy::digest::Schedule;
use crate::project::Project;
use crate::rules::event::{Event, Loss, Lost, Order};
use crate::rules::{decide, reminders};
use crate::store::{
    Claim, Erasable, ErasableMail, Memo, NewMail, NewReceipt, Place, RETRY_FOR, ReceiptRow, Result, Store, StoreError,
    Stored, Tx, WaitingMail,
};
use crate::token::Key;
use crate::vocabulary::{Address, MailRef, NoticeKind, NoticeState, Outcome, TicketId};

/// Tries to read a mail before it is put aside as quarantined.
const TRIES: u32 = 3;
/// Mails from before the first start, and octets of them, that are taken in at a time.
const EARLIER: u32 = 64;
const EARLIER_OCTETS: i64 = 4 << 20;
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

/// What became of erasing a ticket.
#[derive(Debug)]
pub enum Erasure {
    /// Nothing was done, and why.
    Refused(String),
    /// It is done.
    Done {
        /// What there was to erase.
        erased: Erasable,
        /// What the team is told.
        news: News,
        /// Whether the files hold no byte of it any more; else why they may: an old copy in a gap of the database.
        scrubbed: std::result::Result<(), String>,
    },
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
        tracker.know_past()?;
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

    /// A person has changed the key file, and has seen what is in it: of what is not, nothing is missed any more. Part of
    /// the transaction under which the file is changed.
    pub fn accept_key(tx: &Tx<'_>, key: &Key) -> Result<()> {
        tx.set_memo(Memo::Secrets, key.prints().join(" "))?;
        tx.drop_memo(Memo::MissedSecrets)?;
        tx.end_trouble(TroubleKind::Key)
    }

    /// A folder that bore tokens of a key makes no first start, until another database or another key is there.
    fn know_past(&mut self) -> Result<()> {
        let Some(begun) = self.store.read(|tx| tx.memo::<String>(Memo::Begun))? else { return Ok(()) };
        if begun.split(' ').any(|of| self.key.prints().iter().any(|p| p == of)) {
            return Err(StoreError::Begun);
        }
        // The key was moved away on purpose, and is not missed.
        let key = &self.key;
        self.store.write(|tx| {
            tx.drop_memo(Memo::Begun)?;
            Self::accept_key(tx, key)
        })
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

    /// The store, to read.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// After a start: mails that a crash left unhandled are tried again, each try counted first, and notices that
    /// were being sent are doubtful.
    pub fn recover(&mut self, now: Timestamp) -> Result<News> {
        let mut news = std::mem::take(&mut self.started);
        news.add(self.doubt(now)?);
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

    /// Notices whose sending ended without a word.
    pub fn doubt(&mut self, now: Timestamp) -> Result<News> {
        let mut news = News::default();
        for number in self.store.read(|tx| tx.interrupted())? {
            if let Some(claim) = self.store.read(|tx| tx.claimed(number))? {
                let why = "the daemon ended while it was being sent".into();
                news.add(self.delivered(&claim, &Outcome::Unknown(why), now)?);
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
        // The count includes the try that is made now.
        let quarantine = tries > TRIES;
        let raw = match self.store.read(|tx| tx.raw(mail)) {
            // What was put aside is not read.
            Err(StoreError::Corrupt(_)) if quarantine => Vec::new(),
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
        let received = |a: &Arrival| {
            let claimed = a.internal_date.unwrap_or(now).min(now);
            a.not_before.map_or(claimed, |n| claimed.max(n.min(now)))
        };
        let (fresh, mut news) = self.store.write(|tx| {
            let mut fresh = Vec::new();
            let mut news = News::default();
            for arrival in arrivals {
                let place = arrival.place.as_ref();
                let before = received(arrival);
                let new = NewMail { raw: &arrival.raw, size: arrival.size, received: before, place };
                match tx.store_mail(&new, now)? {
                    Stored::New(mail) => fresh.push((mail, arrival, before)),
                    // A person hands over what was there before the first start, or moved it here from another folder.
                    Stored::Known(mail)
                        if tx.earlier_receipt(mail)?.is_some()
                            && place.map_or(Ok(true), |place| tx.is_moved(mail, place.source))?
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
                Stowed { mail: *mail, raw: &a.raw, received: *received, whole, quarantine: false, dkim: None, by_hand }
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
        let (news, begun) = self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            for (stowed, (mail, prints)) in stowed.iter().zip(&read) {
                work.mail(stowed, mail, prints)?;
                if work.begun {
                    break;
                }
            }
            Ok((work.news, work.begun))
        })?;
        if begun { Err(StoreError::Begun) } else { Ok(news) }
    }

    /// Takes in mail from before the first start as if it had just come, some at a time: what our mail server took at
    /// `since` or later. Says how many; none when all are.
    pub fn take_earlier(&mut self, since: Timestamp, now: Timestamp) -> Result<(usize, News)> {
        let mails = self.store.write(|tx| {
            let mut mails = Vec::new();
            for (mail, whole) in tx.earlier_mails(since, EARLIER, EARLIER_OCTETS)? {
                tx.promote(mail, now)?;
                mails.push((mail, whole, tx.raw(mail)?));
            }
            Ok(mails)
        })?;
        let stowed: Vec<Stowed<'_>> =
            mails.iter().map(|(mail, whole, raw)| Stowed::by_hand(*mail, raw, now, *whole)).collect();
        let news = if stowed.is_empty() { News::default() } else { self.handle(&stowed, now)? };
        Ok((mails.len(), news))
    }

    /// Makes a ticket of the mail of a receipt, by a person's decision; or says why not.
    pub fn take(&mut self, number: i64, now: Timestamp) -> Result<std::result::Result<News, String>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let Some(receipt) = tx.receipt_row(number)? else {
                return Ok(Err(format!("there is no receipt {number}; `disclosed inbox` shows all")));
            };
            let disposition = receipt.disposition;
            let (print, whole, size) = tx.facts(receipt.mail)?;
            if let Some(ticket) = receipt.ticket.filter(|_| disposition != Disposition::Duplicate)
                && let Some(print) = print
                && matches!(tx.part(ticket, print)?, Part::Opened { .. })
            {
                return Ok(Err(format!("it is the report of {} already", project.show(ticket))));
            }
            let raw = match tx.raw(receipt.mail) {
                Ok(raw) if raw.is_empty() && size > 0 => return Ok(Err("its content was erased".into())),
                Err(StoreError::Corrupt(_)) => Vec::new(),
                raw => raw?,
            };
            let earlier = disposition == Disposition::Earlier;
            if earlier {
                // No promise ran on it before.
                tx.promote(receipt.mail, now)?;
            }
            let received = if earlier { now } else { receipt.received };
            let quarantine = disposition == Disposition::Quarantined;
            let mut work = Work::new(tx, project, key, now)?;
            work.take(&receipt, &Stowed { quarantine, ..Stowed::by_hand(receipt.mail, &raw, received, whole) })?;
            Ok(Ok(work.news))
        })
    }

    /// What would be done with this mail, of whose signatures this is known; nothing is stored.
    pub fn try_mail(&mut self, raw: &[u8], dkim: Dkim, now: Timestamp) -> Result<Tried> {
        let stowed = Stowed::tried(raw, now, Some(dkim.clone()));
        let (mail, prints) = read_one(&stowed);
        let dkim = match dkim.clone() {
            Dkim::Pass { domain, print, selector } => {
                let used = |tx: &Tx<'_>| tx.is_signature_used(print, MailRef(0), &prints);
                if self.store.read(used)? { work::used_before(&domain) } else { Dkim::Pass { domain, selector, print } }
            }
            Dkim::Unasked | Dkim::None | Dkim::Fail(_) | Dkim::Temporary(_) => dkim,
        };
        let identity = identity::identify(&mail, &self.project.authserv_ids, &dkim);
        let (project, key) = (&self.project, &self.key);
        self.store.read(|tx| {
            let work = Work::new(tx, project, key, now)?;
            let first = work.first(&mail, &work.with_old(&prints, &mail, raw)?)?;
            let (mut intake, unheard) = work.look(&stowed, &mail, first.clone(), &identity, intake::take)?;
            let same = tx.known(raw)?.map(|m| tx.receipt_of(m)).transpose()?.flatten();
            let happened = same.is_some() || intake.disposition == Disposition::Duplicate;
            let first = first.filter(|f| f.altered.is_none());
            let first = first.map(|f| tx.receipt_row(f.receipt)).transpose()?.flatten();
            let known = same.or(first);
            if let Some(receipt) = known.as_ref().filter(|_| happened) {
                let (disposition, ticket) = (receipt.disposition, receipt.ticket);
                intake = Intake { disposition, reason: receipt.reason.clone(), ticket, event: None };
            }
            Ok(Tried { mail, identity, intake, known, unheard })
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
        let gathered = self.store.read(|tx| tx.memo(Memo::ReturnedDue))?.is_some_and(|at: Timestamp| at <= now);
        if due.is_empty() && !digest && !gathered {
            return Ok((adopted, false));
        }
        let (project, key) = (&self.project, &self.key);
        let news = self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
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
            Ok(work.news)
        })?;
        adopted.add(news);
        Ok((adopted, due.len() as u64 >= u64::from(BATCH)))
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
        let gathered = self.store.read(|tx| tx.memo(Memo::ReturnedDue))?;
        let zone = &self.project.policy.calendar.zone;
        let digest = self.digest.as_ref().zip(last).and_then(|(s, last)| s.next(last, zone));
        Ok([ticket, notice.filter(|_| sending), digest, unverified, gathered].into_iter().flatten().min())
    }

    /// Commands from the command line of this machine: full authority.
    pub fn order(&mut self, id: TicketId, orders: Orders, now: Timestamp) -> Result<Option<News>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            let mut work = Work::new(tx, project, key, now)?;
            if orders.are_only(&Command::List) {
                let text = work.in_full(&work.list()?);
                work.news.answer = Some(Told { text, refused: false });
                return Ok(Some(work.news));
            }
            let mut order = Order { orders, ..Order::local() };
            order.known = work.known(&ticket, &order)?;
            let decision = decide::decide(&ticket, &Event::Ordered(order), project, key, now);
            work.carry_out(&ticket, decision)?;
            Ok(Some(work.news))
        })
    }

    /// Erases what is held about people in a closed ticket: see [`Tx::erase`]. `None`: there is no such ticket.
    pub fn erase(&mut self, id: TicketId, now: Timestamp) -> Result<Option<Erasure>> {
        let (project, key) = (&self.project, &self.key);
        let done = self.store.write_over(|tx| {
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            if let Some(why) = decide::not_erasable(&ticket, project, now) {
                return Ok(Some(Err(why)));
            }
            if tx.is_sending(id)? {
                return Ok(Some(Err("a mail about it is being sent this moment; try again in a minute".into())));
            }
            let rest = tx.erasable(id)?;
            if ticket.milestones.contains_key(&Milestone::Erased) && rest.mails.is_empty() && rest.texts == 0 {
                // What tells of the erasing may still wait to leave.
                return Ok(Some(Ok((Erasable::default(), News::default()))));
            }
            let erased = tx.erase(id, project)?;
            // As it is now: nothing of what was erased can come into what the team is told.
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            let mut work = Work::new(tx, project, key, now)?;
            tx.project(&ticket, project)?;
            work.carry_out(&ticket, decide::decide(&ticket, &Event::Erased, project, key, now))?;
            tx.forget_addresses()?;
            Ok(Some(Ok((erased, work.news))))
        })?;
        Ok(match done {
            None => None,
            Some(Err(why)) => Some(Erasure::Refused(why)),
            Some(Ok((erased, news))) => {
                let scrubbed = self.scrub();
                Some(Erasure::Done { erased, news, scrubbed })
            }
        })
    }

    /// Erases the mails of an address that belong to no ticket, such as reports of programs: see
    /// [`Tx::erase_loose_mails`]. Says which, and as [`Erasure::Done`] whether the files hold no byte of them any more.
    pub fn erase_loose_mails(&mut self, of: &Address) -> Result<(Vec<ErasableMail>, std::result::Result<(), String>)> {
        let mails = self.store.write_over(|tx| {
            let mails = tx.erase_loose_mails(of)?;
            tx.forget_addresses()?;
            Ok(mails)
        })?;
        Ok((mails, self.scrub()))
    }

    fn scrub(&mut self) -> std::result::Result<(), String> {
        match self.store.scrub() {
            Ok(true) => Ok(()),
            Ok(false) => Err("another process still reads the database".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Claims the next notice that is due: the try is on disk before anything is sent (G4).
    pub fn claim(&mut self, now: Timestamp) -> Result<Option<Claim>> {
        self.store.write(|tx| tx.claim(now))
    }

    /// Lets go what the breaker holds; says how many notices wait, `None` when nothing was held.
    pub fn release(&mut self) -> Result<Option<u32>> {
        self.store.write(|tx| {
            if tx.breaker()?.is_none() {
                return Ok(None);
            }
            tx.end_trouble(TroubleKind::Breaker)?;
            // Else the same hour would hold it again at once.
            tx.uncount(Scope::Made)?;
            Ok(Some(tx.waiting()?))
        })
    }

    /// How a delivery ended: where the notice stands now, and what follows where it is lost.
    pub fn delivered(&mut self, claim: &Claim, outcome: &Outcome, now: Timestamp) -> Result<News> {
        use NoticeState::{Held, Refused, Sending, Sent, Unknown, Waiting};
        let (project, key) = (&self.project, &self.key);
        let age = now.duration_since(claim.created);
        let after = |wait: SignedDuration| now.checked_add(wait).unwrap_or(now);
        let later = || after(backoff(claim.number, claim.tries));
        let (state, due, doubts, reply) = match outcome {
            Outcome::Sent(said) => (Sent, now, claim.doubts, said.to_string()),
            Outcome::Deferred(said) if age > keep_trying(claim.kind) => (Refused, now, claim.doubts, said.to_string()),
            Outcome::Deferred(said) => (Waiting, later(), claim.doubts, said.to_string()),
            Outcome::Refused(said) => (Refused, now, claim.doubts, said.to_string()),
            // Once more with the same bytes, and never a third time (G3).
            Outcome::Unknown(said) if claim.doubts == 0 => {
                (Waiting, after(SignedDuration::from_mins(1)), 1, said.to_string())
            }
            Outcome::Unknown(said) => (Unknown, now, claim.doubts + 1, said.to_string()),
            // Later than the others, so that one notice that the way is closed for does not keep them all. What is wrong
            // is not about this mail, however old it is.
            Outcome::Closed(said) => (Waiting, later(), claim.doubts, said.for_log().to_string()),
        };
        self.store.write(|tx| {
            tx.settle(claim.number, state, due, doubts, &reply)?;
            let mut work = Work::new(tx, project, key, now)?;
            match state {
                Sent => tx.set_memo(Memo::LastSend, now)?,
                Refused | Unknown => {
                    let ticket = claim.ticket.map(|t| tx.ticket(t)).transpose()?.flatten();
                    let of = Lost::Notice { number: claim.number, kind: claim.kind, report: None };
                    let (to, reminded, mailed) = (claim.to.clone(), Vec::new(), Vec::new());
                    let loss = Loss { of, to, reply, reminded, mailed, perhaps: false };
                    work.undelivered(ticket.as_ref(), &loss)?;
                }
                Waiting | Sending | Held => {}
            }
            Ok(work.news)
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

    /// Notes since when the inbox cannot be read, for `status`.
    pub fn inbox_fails(&mut self, since: Timestamp) -> Result<()> {
        self.store.write(|tx| tx.set_memo(Memo::InboxFails, since))
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

/// What `disclosed try` shows.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The mail as read.
    pub mail: Mail,
    /// How sure the sender is.
    pub identity: identity::Identity,
    /// What would be done; what was done, where a second copy of it would change nothing.
    pub intake: Intake,
    /// The receipt that the mail, or a copy of it, has already.
    pub known: Option<ReceiptRow>,
    /// What a person whose own reply address it bears would be told of it.
    pub unheard: Option<Unheard>,
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

/// Minutes between tries: 1, 5, 15, 30, then each hour, with up to a quarter more so that queues do not march in
/// step. The same notice always waits the same time.
fn backoff(number: u32, tries: u32) -> SignedDuration {
    let minutes: i64 = match tries {
        0 | 1 => 1,
        2 => 5,
        3 => 15,
        4 => 30,
        _ => 60,
    };
    let jitter = i64::from((number.wrapping_mul(2_654_435_761).wrapping_add(tries)) % 16) * minutes * 60 / 64;
    SignedDuration::from_secs(minutes * 60 + jitter)
}

/// How long a notice is tried. An acknowledgement that is a day late only confuses.
fn keep_trying(kind: NoticeKind) -> SignedDuration {
    if kind == NoticeKind::Acknowledgement { SignedDuration::from_hours(24) } else { RETRY_FOR }
}

#[cfg(test)]
mod tests;
