//! What another policy moves: the deadlines of a ticket that are not where they stood before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::clock::clocks;
use super::{Actor, Entry, EntryKind, Ticket};
use crate::policy::Policy;
use crate::vocabulary::TicketId;

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
pub(crate) fn moved(
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
            Entry { seq, at: now, by: Actor::Daemon, kind, party: None, text: None, mail: None, order: None }
        })
        .collect();
    let revision = entries.last().map_or(ticket.revision, |e| e.seq);
    let moved = all.into_iter().map(|(promise, from, to)| Moved { ticket: ticket.id, promise, from, to, revision });
    (moved.collect(), entries)
}

fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::policy::{Calendar, Milestone, Promise, Term, Within, presets};

    #[test]
    fn what_moved_is_told_once_with_the_entries_that_say_so() {
        let promise = |name: &str, hours: i64| Promise {
            name: name.into(),
            from: Milestone::Received,
            until: Milestone::Public,
            within: Within::All(Term::Elapsed(SignedDuration::from_hours(hours))),
            recurring: false,
            pauses: false,
            or_sooner: None,
            about: None,
            ladder: None,
        };
        let promises = vec![promise("stays", 1), promise("moves", 2), promise("new", 3)];
        let policy = Policy {
            calendar: Calendar::default(),
            promises,
            ladder: presets::default_ladder(),
            automatic_counts: false,
        };
        // It came between two milliseconds, as a deadline does not once it is stored.
        let received = Timestamp::from_nanosecond(1_500_000).unwrap();
        let kind = EntryKind::Reported { received, message_id: None, may_belong_to: None, erased: false };
        let report =
            Entry { seq: 1, at: received, by: Actor::Daemon, kind, party: None, text: None, mail: None, order: None };
        let ticket = Ticket::fold(TicketId(7), &[report]);
        let at = |hour: i64| Timestamp::from_millisecond(hour * 3_600_000 + 1).unwrap();
        let before = [("stays", at(1)), ("moves", at(9)), ("gone", at(4))];
        let before = before.map(|(name, at)| (name.to_owned(), at)).into();

        let (all, entries) = moved(&ticket, before, &policy, at(0));
        let told: Vec<_> = all.iter().map(|m| (m.promise.as_str(), m.from, m.to, m.revision)).collect();
        let (moves, new) = (("moves", Some(at(9)), Some(at(2)), 4), ("new", None, Some(at(3)), 4));
        assert_eq!(told, [moves, new, ("gone", Some(at(4)), None, 4)]);
        let said = entries.iter().filter_map(|e| {
            let EntryKind::Rederived { promise, from, to } = &e.kind else { return None };
            Some((e.seq, promise.as_str(), *from, *to))
        });
        let expect = (2..).zip(&told).map(|(seq, (promise, from, to, _))| (seq, *promise, *from, *to));
        assert_eq!(said.collect::<Vec<_>>(), expect.collect::<Vec<_>>());
        assert!(all[0].is_late(at(3)) && !all[0].is_late(at(1)) && !all[2].is_late(at(5)));
    }
}
