//! Clocks: the promises that run on one ticket. Derived each time from ticket and policy, never stored as truth.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::hearer::{Hearer, Who};
use super::{Status, Ticket};
use crate::policy::calendar::shift;
use crate::policy::ladder::{Run, Step};
use crate::policy::{Audience, Milestone, Policy, Promise};

/// A promise running on a ticket, or what became of it.
#[derive(Clone, Debug)]
pub struct Clock<'a> {
    /// The promise.
    pub promise: &'a Promise,
    /// What the world is told of it.
    pub state: ClockState,
    /// Whether it still wants an answer: neither kept nor ended nor paused.
    pub live: bool,
    /// When it started.
    pub starts: Timestamp,
    /// When the term ends.
    pub deadline: Timestamp,
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// The deadline is ahead.
    Running,
    /// It stands still while we wait for the reporter.
    Paused,
    /// Done in time.
    Kept,
    /// The deadline passed first.
    Broken,
    /// It makes no sense any more.
    Ended,
}

impl std::fmt::Display for ClockState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Ended => "ended",
        })
    }
}

/// All clocks of a ticket, in the order of the policy. Promises whose milestone has not come, or that are not
/// made for this severity, have none.
pub fn clocks<'a>(ticket: &Ticket, policy: &'a Policy, now: Timestamp) -> Vec<Clock<'a>> {
    policy.promises.iter().filter_map(|p| clock(ticket, policy, p, now)).collect()
}

/// The live clock whose deadline comes next, passed ones included.
pub fn next_deadline<'a>(ticket: &Ticket, policy: &'a Policy, now: Timestamp) -> Option<Clock<'a>> {
    clocks(ticket, policy, now).into_iter().filter(|c| c.live).min_by_key(|c| c.deadline)
}

impl Clock<'_> {
    /// The rung that has to speak to this hearer at `now`; the highest one alone.
    pub fn due(&self, ticket: &Ticket, policy: &Policy, hearer: &Hearer<'_>, now: Timestamp) -> Option<Step> {
        self.run(policy, hearer)?.due(self.spoken(ticket, hearer), now)
    }

    /// Whom a due rung speaks to.
    pub fn audiences(&self, ticket: &Ticket, policy: &Policy, hearer: &Hearer<'_>, step: &Step) -> Vec<Audience> {
        self.run(policy, hearer).map_or(Vec::new(), |run| run.audiences(self.spoken(ticket, hearer), step))
    }

    /// The ladder as it is heard; `None` when nothing of it is.
    fn run<'a>(&'a self, policy: &'a Policy, hearer: &'a Hearer<'_>) -> Option<Run<'a>> {
        let heard = match hearer.who {
            Who::Everybody | Who::Person(_) => true,
            // Work that nobody has answered for is none to tell of.
            Who::Reporter { .. } => self.promise.until != Milestone::Acknowledged,
        };
        let run = || policy.run(self.promise, self.starts, self.deadline).heard(hearer.calendar, &hearer.audiences);
        (self.live && heard).then(run)
    }

    /// Up to where this hearer has been told of this deadline. When a maintainer moved it here, the move told
    /// everybody; when a pause did, what was said before it moves along.
    fn spoken(&self, ticket: &Ticket, hearer: &Hearer<'_>) -> Option<Timestamp> {
        let party = hearer.party().cloned();
        let said = |deadline| ticket.spoken.get(&(self.promise.name.clone(), deadline, party.clone())).copied();
        let moved = ticket.moved.get(&self.promise.name).filter(|(_, to)| *to == self.deadline).map(|(at, _)| *at);
        let before_pauses = || self.shifts(ticket).find_map(|by| Some(shift(said(shift(self.deadline, -by))?, by)));
        let heard = match hearer.who {
            Who::Everybody | Who::Person(_) => None,
            Who::Reporter { heard, .. } => Some(heard),
        };
        said(self.deadline).or_else(before_pauses).max(moved).max(heard)
    }

    /// By how much pauses have moved the deadline of this round: the last one, the last two and so on.
    fn shifts(&self, ticket: &Ticket) -> impl Iterator<Item = SignedDuration> {
        let pauses = if self.promise.pauses { ticket.pauses.as_slice() } else { &[] };
        let lengths =
            pauses.iter().rev().filter_map(|(from, to)| Some(to.as_ref()?.duration_since((*from).max(self.starts))));
        lengths.filter(SignedDuration::is_positive).scan(SignedDuration::ZERO, |all, one| {
            *all += one;
            Some(*all)
        })
    }

    /// Whether the deadline has passed and nobody has written it down.
    pub fn breaks(&self, ticket: &Ticket, now: Timestamp) -> bool {
        self.live && self.deadline <= now && !ticket.broken.contains(&self.key())
    }

    /// When this clock next needs a look: the first unspoken rung of whoever hears one, or its deadline while nobody
    /// has written down that it passed. It may lie in the past; `None` when nothing can come any more.
    pub fn wake(&self, ticket: &Ticket, policy: &Policy, hearers: &[Hearer<'_>]) -> Option<Timestamp> {
        if !self.live {
            return None;
        }
        let first = |hearer: &Hearer<'_>| {
            let spoken = self.spoken(ticket, hearer);
            self.run(policy, hearer)?.next(spoken, Timestamp::MIN).map(|s| s.at)
        };
        let deadline = (!ticket.broken.contains(&self.key())).then_some(self.deadline);
        hearers.iter().filter_map(first).chain(deadline).min()
    }

    /// What names it in the timeline.
    pub fn key(&self) -> (String, Timestamp) {
        (self.promise.name.clone(), self.deadline)
    }
}

fn clock<'a>(ticket: &Ticket, policy: &'a Policy, promise: &'a Promise, now: Timestamp) -> Option<Clock<'a>> {
    let reached = |m: Milestone| ticket.milestones.get(&m).copied();
    let mut starts = reached(promise.from)?;
    if promise.recurring {
        starts = starts.max(reached(promise.until).unwrap_or(starts));
    }
    let term = promise.term(ticket.severity)?;
    let mut deadline = policy.add(starts, term);
    if promise.pauses {
        deadline = deadline.checked_add(paused(ticket, starts, now)).unwrap_or(deadline);
    }
    if let Some((milestone, grace)) = promise.or_sooner
        && let Some(at) = reached(milestone)
    {
        deadline = deadline.min(policy.add(at, grace));
    }
    // A deadline moved before this round of the clock began is another round's.
    if let Some((_, to)) = ticket.moved.get(&promise.name).filter(|(at, _)| *at >= starts) {
        deadline = *to;
    }

    let kept = if promise.recurring { None } else { kept_at(ticket, policy, promise) };
    let paused = promise.pauses && ticket.paused_since().is_some();
    let over = ends(ticket, promise);
    let state = match kept {
        Some(at) if at <= deadline => ClockState::Kept,
        Some(_) => ClockState::Broken,
        None if ticket.broken.contains(&(promise.name.clone(), deadline)) => ClockState::Broken,
        None if over => ClockState::Ended,
        None if paused => ClockState::Paused,
        None if deadline <= now => ClockState::Broken,
        None => ClockState::Running,
    };
    let live = kept.is_none() && !over && !paused;
    Some(Clock { promise, state, live, starts, deadline })
}

fn kept_at(ticket: &Ticket, policy: &Policy, promise: &Promise) -> Option<Timestamp> {
    let at = ticket.milestones.get(&promise.until).copied();
    match ticket.auto_acknowledged.filter(|_| policy.automatic_counts && promise.until == Milestone::Acknowledged) {
        Some(auto) => Some(at.map_or(auto, |a| a.min(auto))),
        None => at,
    }
}

/// Spam ends every clock. A closed or invalid report still deserves an answer, so the promise to acknowledge runs
/// on until somebody gave one; what else was promised about it makes no sense any more.
fn ends(ticket: &Ticket, promise: &Promise) -> bool {
    let closed = matches!(ticket.status, Status::Closed | Status::Invalid);
    let goes_on = match promise.until {
        Milestone::Acknowledged => true,
        Milestone::Closed => ticket.status == Status::Invalid,
        Milestone::Received
        | Milestone::Assessed
        | Milestone::Accepted
        | Milestone::FixReady
        | Milestone::FixReleased
        | Milestone::Public
        | Milestone::Exploited
        | Milestone::LastHeardFromUs => false,
    };
    ticket.spam || (closed && !goes_on)
}

/// How long the ticket has waited for its reporter since `start`.
fn paused(ticket: &Ticket, start: Timestamp, now: Timestamp) -> SignedDuration {
    let one = |(from, to): &(Timestamp, Option<Timestamp>)| {
        to.unwrap_or(now).duration_since((*from).max(start)).max(SignedDuration::ZERO)
    };
    ticket.pauses.iter().map(one).sum()
}
