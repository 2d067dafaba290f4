//! Clocks: the promises that run on one ticket. Derived each time from ticket and policy, never stored as truth.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Embargo, Status, Ticket};
use crate::policy::{Kept, Lasts, Milestone, Policy, Promise, Within};

/// A promise running on a ticket, or what became of it.
#[derive(Clone, Debug)]
pub struct Clock<'a> {
    /// The promise.
    pub promise: &'a Promise,
    /// What the world is told of it.
    pub state: ClockState,
    /// Whether it still wants an answer: neither kept nor ended nor paused.
    pub live: bool,
    /// Whether it ended unkept, since it makes no sense any more; its deadline may have passed before.
    pub over: bool,
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
    let mut all: Vec<Clock<'a>> = policy.promises.iter().filter_map(|p| clock(ticket, policy, p, now)).collect();
    // An agreed date is kept and reminded of even where the policy promises none.
    if let Some((until, since)) = ticket.embargo.as_ref().and_then(Embargo::holds)
        && !all.iter().any(|c| c.promise.until == Milestone::Public)
    {
        all.push(judge(ticket, policy, &EMBARGO, (since, until), now));
    }
    all
}

/// The promise that an agreed date is, where the policy has none to publish.
static EMBARGO: LazyLock<Promise> = LazyLock::new(|| Promise {
    name: "embargo".into(),
    from: Milestone::Received,
    until: Milestone::Public,
    within: Within::BySeverity(Vec::new()),
    recurring: false,
    pauses: false,
    or_sooner: None,
    about: Some("On that date it may be published: /public says that it is, /embargo agrees on another date.".into()),
    ladder: None,
});

/// The live clock whose deadline comes next, passed ones included.
pub(crate) fn next_deadline<'a>(ticket: &Ticket, policy: &'a Policy, now: Timestamp) -> Option<Clock<'a>> {
    clocks(ticket, policy, now).into_iter().filter(|c| c.live).min_by_key(|c| c.deadline)
}

impl Ticket {
    /// Whether there is work to do on it, which has these clocks. Where it only waits for its data to be erased, there
    /// is none.
    pub fn is_open(&self, clocks: &[Clock<'_>]) -> bool {
        self.status != Status::Closed || clocks.iter().any(|c| c.live && c.promise.until != Milestone::Erased)
    }
}

impl Clock<'_> {
    /// Whether the deadline has passed and nobody has written it down.
    pub fn breaks(&self, ticket: &Ticket, now: Timestamp) -> bool {
        self.live && self.deadline <= now && !ticket.broken.contains(&self.key())
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
    // What was agreed on with the reporter goes before the policy; no pause and no fix moves it.
    if promise.until == Milestone::Public
        && let Some((until, _)) = ticket.embargo.as_ref().and_then(Embargo::holds)
    {
        deadline = until;
    }
    Some(judge(ticket, policy, promise, (starts, deadline), now))
}

fn judge<'a>(
    ticket: &Ticket,
    policy: &Policy,
    promise: &'a Promise,
    (starts, deadline): (Timestamp, Timestamp),
    now: Timestamp,
) -> Clock<'a> {
    let kept = if promise.recurring { None } else { kept_at(ticket, policy, promise, starts) };
    let agreed = promise.until == Milestone::Public && ticket.embargo.as_ref().and_then(Embargo::holds).is_some();
    let paused = promise.pauses && !agreed && ticket.paused_since().is_some();
    let over = kept.is_none() && ends(ticket, promise);
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
    Clock { promise, state, live, over, starts, deadline }
}

fn kept_at(ticket: &Ticket, policy: &Policy, promise: &Promise, starts: Timestamp) -> Option<Timestamp> {
    let reached = ticket.milestones.get(&promise.until).copied();
    let at = match promise.until.kept() {
        Kept::First => reached,
        Kept::Latest => reached.filter(|at| *at >= starts),
        Kept::ByName => ticket.done.get(&promise.name).copied(),
    };
    match ticket.auto_acknowledged.filter(|_| policy.automatic_counts && promise.until == Milestone::Acknowledged) {
        Some(auto) => Some(at.map_or(auto, |a| a.min(auto))),
        None => at,
    }
}

/// Whether a promise makes no sense any more. What is held of a report is erased when all else is over, spam or not;
/// after that nobody is left to keep a promise to.
fn ends(ticket: &Ticket, promise: &Promise) -> bool {
    let closed = ticket.status == Status::Closed;
    let over = match promise.until.lasts() {
        Lasts::UntilErased => return false,
        Lasts::UntilKept => false,
        Lasts::UntilClosed => closed || ticket.status == Status::Invalid,
        Lasts::WhileInvalid => closed,
        Lasts::WhenClosedValid => ticket.status == Status::Invalid || closed && ticket.before_closed == Status::Invalid,
    };
    ticket.spam || over || ticket.milestones.contains_key(&Milestone::Erased)
}

/// How long the ticket has waited for its reporter since `start`.
fn paused(ticket: &Ticket, start: Timestamp, now: Timestamp) -> SignedDuration {
    let one = |(from, to): &(Timestamp, Option<Timestamp>)| {
        to.unwrap_or(now).duration_since((*from).max(start)).max(SignedDuration::ZERO)
    };
    ticket.pauses.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{Calendar, Severity, Term, presets};
    use crate::ticket::{Actor, EmbargoState, Entry, EntryKind, Fact, Seat};
    use crate::vocabulary::TicketId;

    fn policy(promises: Vec<Promise>) -> Policy {
        Policy { calendar: Calendar::default(), promises, ladder: presets::default_ladder(), automatic_counts: false }
    }

    /// A ticket received at the epoch, to which these things happened, so many hours later each.
    fn ticket(happened: &[(i64, EntryKind)]) -> Ticket {
        let received = Timestamp::UNIX_EPOCH;
        let reported = EntryKind::Reported { received, message_id: None, may_belong_to: None, erased: false };
        let all = std::iter::once((0, reported)).chain(happened.iter().cloned());
        let entries: Vec<Entry> = (1..)
            .zip(all)
            .map(|(seq, (hour, kind))| Entry {
                seq,
                at: hours(hour),
                by: Actor::Local(Seat::default()),
                kind,
                party: crate::vocabulary::Address::parse("r@example.test"),
                text: None,
                mail: None,
                order: None,
            })
            .collect();
        Ticket::fold(TicketId(1), &entries)
    }

    fn hours(n: i64) -> Timestamp {
        Timestamp::from_second(n * 3_600).unwrap()
    }

    fn disclose() -> Promise {
        Promise {
            name: "disclose".into(),
            from: Milestone::Received,
            until: Milestone::Public,
            within: Within::All(Term::Civil { months: 0, days: 90 }),
            recurring: false,
            pauses: true,
            or_sooner: Some((Milestone::FixReleased, Term::Civil { months: 0, days: 0 })),
            about: None,
            ladder: None,
        }
    }

    fn agreed(hour: i64) -> EntryKind {
        EntryKind::Embargo { to: EmbargoState::Active, until: Some(hours(hour)), zone: None }
    }

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

        #[test]
        fn no_pause_no_fix_and_no_severity_moves_an_embargo(
            events in prop::collection::vec((3..2_000_i64, 0..5_usize), 0..12),
            until in 2_001..9_000_i64,
            promised in any::<bool>(),
        ) {
            let kinds = [
                EntryKind::Paused,
                EntryKind::Resumed,
                EntryKind::Fact { fact: Fact::FixReleased },
                EntryKind::Severity { to: Severity::Low },
                EntryKind::Embargo { to: EmbargoState::Proposed, until: Some(hours(1)), zone: None },
            ];
            let mut happened = vec![(2, agreed(until))];
            happened.extend(events.into_iter().map(|(at, kind)| (at, kinds[kind].clone())));
            happened.sort_by_key(|(at, _)| *at);
            let policy = policy(if promised { vec![disclose()] } else { Vec::new() });
            let ticket = ticket(&happened);
            let clocks = clocks(&ticket, &policy, hours(2_000));
            prop_assert_eq!(clocks.len(), 1);
            prop_assert_eq!((clocks[0].deadline, clocks[0].live), (hours(until), true));
            prop_assert_eq!(clocks[0].state, ClockState::Running);
        }
    }

    #[test]
    fn an_embargo_ends_by_being_lifted_or_public() {
        let policy = policy(vec![disclose()]);
        let deadline = |happened: &[(i64, EntryKind)]| {
            let ticket = ticket(happened);
            clocks(&ticket, &policy, hours(10)).iter().map(|c| (c.deadline, c.state)).collect::<Vec<_>>()
        };
        let ninety_days = hours(90 * 24);
        assert_eq!(deadline(&[(1, agreed(5_000))]), [(hours(5_000), ClockState::Running)]);
        let ended = EntryKind::Embargo { to: EmbargoState::Ended, until: None, zone: None };
        assert_eq!(deadline(&[(1, agreed(5_000)), (2, ended)]), [(ninety_days, ClockState::Running)]);
        let public = EntryKind::Fact { fact: Fact::Public };
        assert_eq!(deadline(&[(1, agreed(5_000)), (2, public)]), [(ninety_days, ClockState::Kept)]);
        let proposed = EntryKind::Embargo { to: EmbargoState::Proposed, until: Some(hours(20)), zone: None };
        assert_eq!(deadline(&[(1, proposed)]), [(ninety_days, ClockState::Running)], "a proposal binds nobody");
    }

    #[test]
    fn done_keeps_its_own_promise_alone_and_outlives_closing() {
        let done = |name: &str| Promise {
            name: name.into(),
            from: Milestone::FixReleased,
            until: Milestone::Done,
            within: Within::All(Term::Elapsed(SignedDuration::from_hours(5))),
            pauses: false,
            or_sooner: None,
            ..disclose()
        };
        let policy = policy(vec![done("announce"), done("thank")]);
        let states = |happened: &[(i64, EntryKind)], now: i64| {
            clocks(&ticket(happened), &policy, hours(now)).iter().map(|c| (c.state, c.live)).collect::<Vec<_>>()
        };
        let released = || (1, EntryKind::Fact { fact: Fact::FixReleased });
        let announced = || (2, EntryKind::Done { promise: "announce".into() });
        let closed = || (3, EntryKind::Status { to: Status::Closed });
        assert_eq!(states(&[], 1), []);
        let running = (ClockState::Running, true);
        assert_eq!(states(&[released()], 1), [running, running]);
        assert_eq!(states(&[released(), announced(), closed()], 4), [(ClockState::Kept, false), running]);
        assert_eq!(states(&[released(), closed()], 7), [(ClockState::Broken, true), (ClockState::Broken, true)]);
        let spam = (3, EntryKind::Spam);
        assert_eq!(states(&[released(), spam], 4), [(ClockState::Ended, false), (ClockState::Ended, false)]);
    }

    #[test]
    fn a_word_from_before_a_promise_began_does_not_keep_it() {
        let tell = Promise {
            name: "tell".into(),
            from: Milestone::FixReady,
            until: Milestone::LastHeardFromUs,
            within: Within::All(Term::Elapsed(SignedDuration::from_hours(48))),
            pauses: false,
            or_sooner: None,
            ..disclose()
        };
        let policy = policy(vec![tell]);
        let state = |happened: &[(i64, EntryKind)]| clocks(&ticket(happened), &policy, hours(9))[0].state;
        let ready = || (2, EntryKind::Fact { fact: Fact::FixReady });
        assert_eq!(state(&[(1, EntryKind::Answered), ready()]), ClockState::Running);
        assert_eq!(state(&[ready(), (3, EntryKind::Answered)]), ClockState::Kept);
    }

    #[test]
    fn a_closed_ticket_is_open_while_a_promise_runs_but_for_that_of_erasing_it() {
        let erase = Promise { name: "erase".into(), from: Milestone::Closed, until: Milestone::Erased, ..disclose() };
        let answer = Promise { name: "answer".into(), until: Milestone::Acknowledged, ..disclose() };
        let is_open = |promises: Vec<Promise>, happened: &[(i64, EntryKind)]| {
            let (policy, ticket) = (policy(promises), ticket(happened));
            ticket.is_open(&clocks(&ticket, &policy, hours(2)))
        };
        let closed = || (1, EntryKind::Status { to: Status::Closed });
        assert!(is_open(vec![], &[]));
        assert!(!is_open(vec![], &[closed()]));
        assert!(!is_open(vec![erase.clone()], &[closed()]));
        assert!(is_open(vec![erase, answer], &[closed()]));
    }
}
