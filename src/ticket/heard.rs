//! What is heard of a clock: which rung speaks to whom, and when it next does.

use jiff::{SignedDuration, Timestamp};

use super::Ticket;
use super::clock::Clock;
use super::hearer::{Hearer, Who};
use crate::policy::calendar::shift;
use crate::policy::ladder::{Run, Step};
use crate::policy::{Audience, Milestone, Policy};

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

    /// Up to where this hearer has been told of this deadline. A maintainer who moves a deadline tells everybody of it,
    /// so that no rung from before that instant is due any more. A pause moves a deadline too, and tells nobody of
    /// anything new: what was said of the old deadline is then taken as said of the new one, moved by the same length.
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
}
