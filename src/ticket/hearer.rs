//! Who hears the ladder of one ticket, and by whose quiet time.
//!
//! Most people go by the policy's quiet time and hear it together. Who has a quiet time or a zone of their own hears a
//! ladder of their own, whenever the others are told; so does the reporter, who hears good news only.

use jiff::Timestamp;

use super::clock::{Clock, clocks};
use super::{Status, Ticket};
use crate::policy::{Audience, Calendar, Milestone, Policy};
use crate::project::{Person, Project};
use crate::vocabulary::Address;

/// One who hears a ladder, or those who hear it together.
#[derive(Clone, Debug)]
pub struct Hearer<'a> {
    /// Who it is.
    pub who: Who<'a>,
    /// Out of whose quiet time the steps are moved.
    pub calendar: &'a Calendar,
    /// The rungs for these audiences are heard: there is somebody here for each.
    pub audiences: Vec<Audience>,
}

/// Who hears a ladder.
#[derive(Clone, Debug)]
pub enum Who<'a> {
    /// All who go by the policy's quiet time.
    Everybody,
    /// A person with a quiet time of their own.
    Person(&'a Person),
    /// The reporter.
    Reporter {
        /// Where they are written to.
        address: &'a Address,
        /// When they last heard from us, a machine included. Rungs from before that instant stay silent for them.
        heard: Timestamp,
    },
}

/// All who hear the ladder of this ticket at `now`. Nobody is in two of them.
pub fn hearers<'a>(ticket: &'a Ticket, project: &'a Project, now: Timestamp) -> Vec<Hearer<'a>> {
    let policy = &project.policy;
    let mut all = Vec::new();
    // Without somebody to hear it, a rung would be written down as said, and nobody told.
    let together = |a: &Audience| !together(*a, ticket, project).is_empty();
    let audiences: Vec<Audience> = Audience::PEOPLE.into_iter().filter(together).collect();
    if !audiences.is_empty() {
        all.push(Hearer { who: Who::Everybody, calendar: &policy.calendar, audiences });
    }
    for (person, calendar) in project.people.iter().filter_map(|p| Some((p, p.calendar.as_ref()?))) {
        let hears =
            |a: &Audience| project.audience(*a, ticket.owner.as_ref()).iter().any(|p| p.address == person.address);
        let audiences: Vec<Audience> = Audience::PEOPLE.into_iter().filter(hears).collect();
        if !audiences.is_empty() {
            all.push(Hearer { who: Who::Person(person), calendar, audiences });
        }
    }
    if tells_reporters(policy)
        && let Some((address, heard)) = reporter(ticket).filter(|(address, _)| project.person(address).is_none())
        && !is_late(ticket, policy, now)
    {
        let audiences = vec![Audience::Reporter];
        all.push(Hearer { who: Who::Reporter { address, heard }, calendar: &policy.calendar, audiences });
    }
    all
}

/// Those of an audience who go by the policy's quiet time.
pub(crate) fn together<'a>(audience: Audience, ticket: &Ticket, project: &'a Project) -> Vec<&'a Person> {
    let mut people = project.audience(audience, ticket.owner.as_ref());
    people.retain(|p| p.calendar.is_none());
    people
}

impl Hearer<'_> {
    /// Whom an entry names when a rung spoke to them alone.
    pub fn party(&self) -> Option<&Address> {
        match &self.who {
            Who::Everybody => None,
            Who::Person(person) => Some(&person.address),
            Who::Reporter { address, .. } => Some(address),
        }
    }
}

/// Whether a promise that somebody waits for is broken. Then a person has to write to the reporter before a machine may
/// tell of good work.
fn is_late(ticket: &Ticket, policy: &Policy, now: Timestamp) -> bool {
    let broken = |c: &Clock<'_>| c.live && (c.deadline <= now || ticket.broken.contains(&c.key()));
    clocks(ticket, policy, now).iter().any(broken)
}

fn tells_reporters(policy: &Policy) -> bool {
    let own = policy.promises.iter().filter_map(|p| p.ladder.as_deref());
    own.chain([policy.ladder.as_slice()]).flatten().any(|rung| rung.to == Audience::Reporter)
}

/// The reporter and when they last heard from us, once they have, and while it is true that we are at work.
fn reporter(ticket: &Ticket) -> Option<(&Address, Timestamp)> {
    let works = match ticket.status {
        Status::Received | Status::Valid | Status::Accepted => !ticket.spam,
        Status::Invalid | Status::Deferred | Status::Closed => false,
    };
    let heard = ticket.milestones.get(&Milestone::LastHeardFromUs).copied().max(ticket.auto_acknowledged)?;
    ticket.reporter.as_ref().filter(|_| works).map(|address| (address, heard))
}

#[cfg(test)]
mod tests;
