//! The fold: what the entries of a timeline make of a ticket.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use jiff::Timestamp;

use super::{Acknowledgement, Actor, Aspect, Embargo, EmbargoState, Entry, EntryKind, Fact, Status, Undelivered};
use crate::policy::{Milestone, Severity};
use crate::vocabulary::{Address, Mailed, MessageId, NoticeKind, TicketId};

/// Commands that wait for their code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Who asked.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The entry that recorded it: what the code is bound to.
    pub seq: u32,
    /// The lines and the text that were asked for.
    pub lines: String,
    /// Whether another person must give the code.
    pub second: bool,
    /// Whether it is a text that waits for a look, by `/send`.
    pub send: bool,
}

/// A ticket: the fold of its entries. Its fields are read as if they were its own; [`Ticket::apply`] alone changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(State);

/// What a ticket's entries say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its number.
    pub id: TicketId,
    /// The number of its last entry.
    pub revision: u32,
    /// Who reported it; `None` when the mail had no usable sender.
    pub reporter: Option<Address>,
    /// Whether there is a reporter, or was one before they were erased.
    pub had_reporter: bool,
    /// The subject of the report.
    pub title: String,
    /// The Message-ID of the report.
    pub report_id: Option<MessageId>,
    /// When our mail server took the report.
    pub received: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// The status before it was closed.
    pub before_closed: Status,
    /// Whether it is spam.
    pub spam: bool,
    /// How bad it is, once somebody said so.
    pub severity: Option<Severity>,
    /// Who looks after it.
    pub owner: Option<Address>,
    /// When each milestone was reached: the first time, but for last-heard-from-us, which is the latest.
    pub milestones: BTreeMap<Milestone, Timestamp>,
    /// When the automatic acknowledgement went into the outbox.
    pub auto_acknowledged: Option<Timestamp>,
    /// Whether the automatic acknowledgement is held.
    pub held: bool,
    /// Deadlines that a maintainer moved: promise to (when moved, new deadline).
    pub moved: BTreeMap<String, (Timestamp, Timestamp)>,
    /// Up to where the ladder has spoken for each (promise, deadline), and to whom when that was one alone: each who
    /// hears a ladder of their own has their own count.
    pub spoken: BTreeMap<(String, Timestamp, Option<Address>), Timestamp>,
    /// The deadlines that have passed.
    pub broken: BTreeSet<(String, Timestamp)>,
    /// The agreement not to publish before a date.
    pub embargo: Option<Embargo>,
    /// How the reporter wants to be named, in whose words: "none" for not at all.
    pub credit: Option<String>,
    /// The promises that somebody said are kept, and when.
    pub done: BTreeMap<String, Timestamp>,
    /// Who changed each aspect last, in which entry.
    pub changed: BTreeMap<Aspect, (u32, Actor)>,
    /// When the pausable clocks stood still.
    pub pauses: Vec<(Timestamp, Option<Timestamp>)>,
    /// The commands that wait for their code.
    pub pending: Option<Pending>,
    /// The last refused attempt, and how many there were in a row on its day, to bound what is told of them.
    pub attempts: Option<(Timestamp, u32)>,
    /// Those whom the notice of its report did not reach.
    pub unreached: BTreeSet<Address>,
}

impl Deref for Ticket {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl Ticket {
    /// A ticket without entries, with which a fold begins.
    pub fn new(id: TicketId) -> Self {
        Self(State {
            id,
            revision: 0,
            reporter: None,
            had_reporter: false,
            title: String::new(),
            report_id: None,
            received: Timestamp::UNIX_EPOCH,
            status: Status::Received,
            before_closed: Status::Received,
            spam: false,
            severity: None,
            owner: None,
            milestones: BTreeMap::new(),
            auto_acknowledged: None,
            held: false,
            moved: BTreeMap::new(),
            spoken: BTreeMap::new(),
            broken: BTreeSet::new(),
            embargo: None,
            credit: None,
            done: BTreeMap::new(),
            changed: BTreeMap::new(),
            pauses: Vec::new(),
            pending: None,
            attempts: None,
            unreached: BTreeSet::new(),
        })
    }

    /// The ticket that these entries make.
    pub fn fold<'a>(id: TicketId, entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut ticket = Self::new(id);
        entries.into_iter().for_each(|e| ticket.apply(e));
        ticket
    }

    /// Takes one more entry in.
    pub fn apply(&mut self, entry: &Entry) {
        self.0.apply(entry);
    }
}

impl State {
    fn apply(&mut self, entry: &Entry) {
        self.revision = entry.seq;
        if let Some(aspect) = entry.kind.row().changes {
            self.changed.insert(aspect, (entry.seq, entry.by.clone()));
        }
        if entry.mail.is_some() {
            // New mail is new personal data, and the promise to erase it begins anew.
            self.milestones.remove(&Milestone::Erased);
        }
        match &entry.kind {
            EntryKind::Reported { received, message_id, may_belong_to: _, erased } => {
                self.reporter = entry.party.clone();
                self.had_reporter = entry.party.is_some() || *erased;
                self.title = entry.text.clone().unwrap_or_default();
                self.report_id = message_id.clone();
                self.received = *received;
                self.reach(Milestone::Received, *received);
            }
            EntryKind::Acknowledgement { outcome } => {
                self.held = *outcome == Acknowledgement::Held;
                if *outcome == Acknowledgement::Sent {
                    self.auto_acknowledged = Some(entry.at);
                }
            }
            EntryKind::Answered | EntryKind::Acknowledged => self.heard(entry.at),
            EntryKind::Paused if self.paused_since().is_none() => self.pauses.push((entry.at, None)),
            EntryKind::Resumed => {
                if let Some((_, end @ None)) = self.pauses.last_mut() {
                    *end = Some(entry.at);
                }
            }
            EntryKind::Status { to } => self.enter(*to, entry.at),
            EntryKind::Spam => {
                self.enter(Status::Closed, entry.at);
                (self.spam, self.held) = (true, false);
            }
            EntryKind::Severity { to } => self.severity = Some(*to),
            EntryKind::Owner => self.owner = entry.party.clone(),
            EntryKind::Reporter => {
                self.reporter = entry.party.clone();
                // Whoever it is has heard nothing of ours yet.
                (self.had_reporter, self.held, self.auto_acknowledged) = (true, false, None);
                self.milestones.remove(&Milestone::Acknowledged);
            }
            EntryKind::Embargo { to, until, zone } => self.embargo(*to, *until, zone.clone(), entry.at),
            EntryKind::Credit => self.credit = entry.text.clone(),
            EntryKind::Done { promise } => {
                self.done.entry(promise.clone()).or_insert(entry.at);
            }
            EntryKind::Fact { fact } => {
                self.reach(fact.milestone(), entry.at);
                // What is public cannot be kept back any more.
                if *fact == Fact::Public && self.embargo.is_some() {
                    self.embargo(EmbargoState::Ended, None, None, entry.at);
                }
                if self.had_reporter && matches!(fact, Fact::FixReleased | Fact::Public) {
                    self.heard(entry.at);
                }
            }
            EntryKind::DeadlineMoved { promise, to } => {
                self.moved.insert(promise.clone(), (entry.at, *to));
                if self.had_reporter {
                    self.heard(entry.at);
                }
            }
            EntryKind::Reminded { promise, deadline, nominal, .. } => {
                let key = (promise.clone(), *deadline, entry.party.clone());
                let said = self.spoken.entry(key).or_insert(*nominal);
                *said = (*said).max(*nominal);
            }
            EntryKind::Broken { promise, deadline } => {
                self.broken.insert((promise.clone(), *deadline));
            }
            EntryKind::CodeAsked { second, send } => {
                let (by, lines) = (entry.by.clone(), entry.text.clone().unwrap_or_default());
                self.pending = Some(Pending { by, at: entry.at, seq: entry.seq, lines, second: *second, send: *send });
            }
            EntryKind::CodeUsed | EntryKind::CodeWrong => self.pending = None,
            EntryKind::Attempt => {
                self.attempts = Some((entry.at, self.attempts_on(entry.at) + 1));
            }
            EntryKind::Paused
            | EntryKind::Member
            | EntryKind::FollowUp
            | EntryKind::Withdrawn
            | EntryKind::Asked
            | EntryKind::Note
            | EntryKind::Rederived { .. } => {}
            EntryKind::Undeliverable { notice, perhaps } => {
                let of_report = !perhaps && *notice == Undelivered::Known(Mailed::Notice(NoticeKind::Report));
                self.unreached.extend(entry.party.clone().filter(|_| of_report));
            }
            EntryKind::ClockSet => self.set_back(entry.at),
            EntryKind::Erased => self.reach(Milestone::Erased, entry.at),
        }
    }

    /// Whether its reporter has had no word of ours, and nobody has judged it: what is held is no word yet.
    pub fn is_unanswered(&self) -> bool {
        let heard = self.auto_acknowledged.is_some() || self.milestones.contains_key(&Milestone::Acknowledged);
        self.reporter.is_some() && self.status == Status::Received && !heard
    }

    /// How many attempts to command stand in its timeline for the day, in UTC, of this instant.
    pub fn attempts_on(&self, at: Timestamp) -> u32 {
        let day = |t: Timestamp| t.as_second().div_euclid(86_400);
        self.attempts.filter(|(last, _)| day(*last) == day(at)).map_or(0, |(_, n)| n)
    }

    /// Since when the pausable clocks stand still; `None` when they run.
    pub fn paused_since(&self) -> Option<Timestamp> {
        self.pauses.last().filter(|(_, end)| end.is_none()).map(|(start, _)| *start)
    }

    /// Nothing has happened after this instant: the clock had been ahead. Deadlines that were agreed on stay.
    fn set_back(&mut self, now: Timestamp) {
        let back = |at: &mut Timestamp| *at = (*at).min(now);
        back(&mut self.received);
        self.milestones.values_mut().for_each(back);
        self.auto_acknowledged.iter_mut().for_each(back);
        self.moved.values_mut().for_each(|(when, _)| back(when));
        self.spoken.values_mut().for_each(back);
        self.broken.retain(|(_, deadline)| *deadline <= now);
        self.embargo.iter_mut().for_each(|embargo| back(&mut embargo.since));
        self.done.values_mut().for_each(back);
        for (from, to) in &mut self.pauses {
            back(from);
            to.iter_mut().for_each(back);
        }
        self.pending.iter_mut().for_each(|pending| back(&mut pending.at));
        self.attempts.iter_mut().for_each(|(last, _)| back(last));
    }

    fn embargo(&mut self, to: EmbargoState, date: Option<Timestamp>, zone: Option<String>, at: Timestamp) {
        let none = Embargo { state: to, until: None, zone: None, proposed: None, since: at };
        let before = self.embargo.take().unwrap_or(none);
        self.embargo = Some(match to {
            EmbargoState::Proposed | EmbargoState::Revised => {
                let state = if before.holds().is_some() { EmbargoState::Revised } else { EmbargoState::Proposed };
                Embargo { state, proposed: date, ..before }
            }
            EmbargoState::Active => Embargo { state: to, until: date, zone, proposed: None, since: at },
            EmbargoState::Ended => Embargo { state: to, proposed: None, ..before },
        });
        if self.had_reporter {
            self.heard(at);
        }
    }

    /// A person has the reporter told something.
    fn heard(&mut self, at: Timestamp) {
        self.held = false;
        self.reach(Milestone::Acknowledged, at);
        self.milestones.insert(Milestone::LastHeardFromUs, at);
    }

    fn reach(&mut self, milestone: Milestone, at: Timestamp) {
        self.milestones.entry(milestone).or_insert(at);
    }

    fn enter(&mut self, to: Status, at: Timestamp) {
        if to == Status::Closed {
            if self.status != Status::Closed {
                self.before_closed = self.status;
            }
            self.milestones.insert(Milestone::Closed, at);
        } else {
            self.milestones.remove(&Milestone::Closed);
            self.milestones.remove(&Milestone::Erased);
            self.spam = false;
        }
        if to == Status::Received {
            // Taken back: nobody has judged it after all.
            self.milestones.remove(&Milestone::Assessed);
        } else {
            self.reach(Milestone::Assessed, at);
        }
        if to == Status::Accepted {
            self.reach(Milestone::Accepted, at);
        }
        self.status = to;
    }
}
