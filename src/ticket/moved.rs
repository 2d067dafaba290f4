//! What another policy moves: the deadlines of a ticket that are not where they stood before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::clock::clocks;
use super::{Actor, Entry, EntryKind, Ticket, TicketId};
use crate::policy::Policy;

/// A deadline that the policy moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Of which ticket.
    pub ticket: TicketId,
    /// Of which promise.
    pub promise: String,
    /// The deadline before; `None` when no such promise ran.
    pub from: Option<Timestamp>,
    /// The deadline now; `None` when no such promise runs any more.
    pub to: Option<Timestamp>,
    /// The revision of the ticket that knows of it.
    pub revision: u32,
}

impl Moved {
    /// Whether the change alone made it overdue.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.to.is_some_and(|to| to <= now) && self.from.is_none_or(|from| from > now)
    }
}

/// The deadlines that a policy moves from where they stood `before`, by the name of their promise, and the entries that
/// say so. A difference of less than a millisecond is none: deadlines are stored without it.
pub fn moved(
    ticket: &Ticket,
    mut before: BTreeMap<String, Timestamp>,
    policy: &Policy,
    now: Timestamp,
) -> (Vec<Moved>, Vec<Entry>) {
    // Which clocks are live, and until when, does not depend on the time of day.
    let clocks = clocks(ticket, policy, Timestamp::MIN);
    let live = clocks.iter().filter(|c| c.live).map(|c| {
        let name = &c.promise.name;
        (name.clone(), before.remove(name), Some(to_millisecond(c.deadline)))
    });
    let mut all: Vec<(String, Option<Timestamp>, Option<Timestamp>)> = live.collect();
    all.extend(before.into_iter().map(|(name, from)| (name, Some(from), None)));
    all.retain(|(_, from, to)| from != to);
    let entries: Vec<Entry> = (ticket.revision + 1..)
        .zip(&all)
        .map(|(seq, (promise, from, to))| {
            let kind = EntryKind::Rederived { promise: promise.clone(), from: *from, to: *to };
            Entry { seq, at: now, by: Actor::Daemon, kind, party: None, text: None, mail: None }
        })
        .collect();
    let revision = entries.last().map_or(ticket.revision, |e| e.seq);
    let moved = all.into_iter().map(|(promise, from, to)| Moved { ticket: ticket.id, promise, from, to, revision });
    (moved.collect(), entries)
}

fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
