//! Deadlines in people's calendars: which appear, move and end.
//!
//! A calendar follows the clocks that are live. One that is kept, has ended or stands still has no date to show, and
//! is taken out; when it runs again, it comes back under the same UID.

use jiff::Timestamp;

use super::{CalendarEvent, Notice};
use crate::project::{Level, Person, Project};
use crate::ticket::Ticket;
use crate::ticket::clock::{Clock, clocks};
use crate::ticket::moved::Moved;
use crate::vocabulary::TicketId;

/// Puts what a change of a ticket did to its deadlines into the notices of it to people of the project, never into one
/// to a reporter.
pub(crate) fn attach(before: &Ticket, after: &Ticket, notices: &mut [Notice], project: &Project, now: Timestamp) {
    if !project.calendar {
        return;
    }
    let live = |ticket| clocks(ticket, &project.policy, now);
    let events = changed(&live(before), &live(after), after, project, now);
    for notice in notices.iter_mut().filter(|n| n.kind().moves_deadlines()) {
        if project.person(&notice.to).is_some_and(shows) {
            notice.calendar.clone_from(&events);
        }
    }
}

/// Whether a person's calendar may show a ticket: not where their notices do not even say its number.
pub(crate) fn shows(person: &Person) -> bool {
    person.notices != Level::None
}

/// What calendars have to learn when the clocks of one ticket change: a live one that is new or has moved is
/// published, one that was live and is not any more is cancelled. One that appears with its deadline over is no
/// appointment.
///
/// Also for a policy that has changed under a ticket: `before` by the old one, `after` by the new one. The sequence is
/// the number of the last entry of `ticket`: a change must come with an entry of its own, since a calendar ignores an
/// appointment whose sequence it has already seen.
pub(crate) fn changed(
    before: &[Clock<'_>],
    after: &[Clock<'_>],
    ticket: &Ticket,
    project: &Project,
    now: Timestamp,
) -> Vec<CalendarEvent> {
    let same = |a: &Clock<'_>, b: &Clock<'_>| a.live && b.live && a.promise.name == b.promise.name;
    let known = |c: &Clock<'_>| before.iter().find(|b| same(b, c)).map(|b| b.deadline);
    let news = after.iter().filter(|c| c.live).filter(|c| match known(c) {
        Some(deadline) => deadline != c.deadline,
        None => c.deadline > now,
    });
    let gone = before.iter().filter(|b| b.live && !after.iter().any(|a| same(a, b)));
    let published = news.map(|c| event(c, ticket, project, false));
    published.chain(gone.map(|c| event(c, ticket, project, true))).collect()
}

/// The deadline that a reminder is about, while it lies ahead.
pub(crate) fn reminded(clock: &Clock<'_>, ticket: &Ticket, project: &Project, now: Timestamp) -> Vec<CalendarEvent> {
    let ahead = project.calendar && clock.deadline > now;
    ahead.then(|| event(clock, ticket, project, false)).into_iter().collect()
}

/// What calendars have to learn of deadlines that another policy moved. Each that is taken out is a part of its own, so
/// that no more than a few are.
pub(crate) fn moved(all: &[Moved], project: &Project, now: Timestamp) -> Vec<CalendarEvent> {
    let gone = all.iter().filter(|m| m.to.is_none()).take(TAKEN_OUT).filter_map(|m| Some((m, m.from?, true)));
    let there = all.iter().filter_map(|m| Some((m, m.to.filter(|to| *to > now || m.from.is_some())?, false)));
    there.chain(gone).map(|(m, at, over)| dated((m.ticket, m.revision), &m.promise, at, project, over)).collect()
}

/// The most cancellations in one mail.
const TAKEN_OUT: usize = 20;

fn event(clock: &Clock<'_>, ticket: &Ticket, project: &Project, cancelled: bool) -> CalendarEvent {
    dated((ticket.id, ticket.revision), &clock.promise.name, clock.deadline, project, cancelled)
}

fn dated(
    (ticket, revision): (TicketId, u32),
    promise: &str,
    at: Timestamp,
    project: &Project,
    cancelled: bool,
) -> CalendarEvent {
    let number = project.show(ticket);
    CalendarEvent {
        uid: format!("{}-{promise}@{}", number.to_ascii_lowercase(), project.address.domain()),
        sequence: revision,
        summary: format!("{number}: {promise} due"),
        at,
        cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EXAMPLE as CONFIG};
    use crate::policy::Promise;
    use crate::ticket::clock::ClockState;
    use crate::ticket::{Actor, Entry, EntryKind, Seat};
    use crate::vocabulary::TicketId;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    /// Each event as "publish NAME HOUR" or "cancel NAME HOUR"; clocks are (name, live, hour of the deadline).
    #[track_caller]
    fn check(before: &[(&str, bool, i64)], after: &[(&str, bool, i64)], expect: &[&str]) {
        let project = Config::parse(CONFIG, std::path::Path::new("config.toml")).unwrap().project();
        let named = |name: &str| Promise { name: name.into(), ..project.policy.promises[0].clone() };
        let promises: Vec<Promise> = ["acknowledge", "assess", "fix"].map(named).into();
        let clocks = |all: &[(&str, bool, i64)]| -> Vec<Clock<'_>> {
            let one = |(name, live, hour): &(&str, bool, i64)| Clock {
                promise: promises.iter().find(|p| p.name == *name).unwrap(),
                state: ClockState::Running,
                live: *live,
                over: false,
                starts: at(0),
                deadline: at(*hour),
            };
            all.iter().map(one).collect()
        };
        let kind = EntryKind::Note;
        let seventh = Entry {
            seq: 7,
            at: at(0),
            by: Actor::Local(Seat::default()),
            kind,
            party: None,
            text: None,
            mail: None,
            order: None,
        };
        let ticket = Ticket::fold(TicketId(17), &[seventh]);
        let events = changed(&clocks(before), &clocks(after), &ticket, &project, at(10));
        let shown: Vec<String> = events
            .iter()
            .map(|e| {
                let name = e.uid.strip_prefix("sec-17-").unwrap().strip_suffix("@example.org").unwrap();
                assert_eq!((e.sequence, e.summary.as_str()), (7, format!("SEC-17: {name} due").as_str()));
                let what = if e.cancelled { "cancel" } else { "publish" };
                format!("{what} {name} {}", e.at.as_second() / 3_600)
            })
            .collect();
        assert_eq!(shown, expect, "{before:?} {after:?}");
    }

    #[test]
    fn calendars_follow_the_live_clocks() {
        let ack = ("acknowledge", true, 48);
        check(&[], &[ack, ("assess", true, 99)], &["publish acknowledge 48", "publish assess 99"]);
        check(&[ack], &[ack], &[]);
        check(&[ack], &[("acknowledge", true, 50)], &["publish acknowledge 50"]);
        check(&[ack], &[("acknowledge", false, 48)], &["cancel acknowledge 48"]);
        check(&[ack], &[], &["cancel acknowledge 48"]);
        check(&[("acknowledge", false, 48)], &[ack], &["publish acknowledge 48"]);
        check(&[("acknowledge", false, 48)], &[], &[]);
        check(&[("acknowledge", false, 48)], &[("acknowledge", false, 60)], &[]);
        let done = [("acknowledge", false, 48), ("assess", true, 90), ("fix", true, 70)];
        check(&[ack, ("assess", true, 99)], &done, &["publish assess 90", "publish fix 70", "cancel acknowledge 48"]);
    }

    #[test]
    fn what_is_over_when_it_appears_is_no_appointment() {
        check(&[], &[("fix", true, 9)], &[]);
        check(&[], &[("fix", true, 10)], &[]);
        check(&[("fix", true, 48)], &[("fix", true, 9)], &["publish fix 9"]);
        check(&[("fix", true, 9)], &[("fix", false, 9)], &["cancel fix 9"]);
    }
}
