//! What is odd about promises: what nobody can be warned of in time, what contradicts itself, what falls on a Sunday.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::course::Course;
use crate::policy::calendar::shift;
use crate::policy::shown::when;
use crate::policy::{Milestone, Policy, Promise, Severity, Term, Within};
use crate::ticket::Ticket;

/// Warnings of one promise that are looked at; a ladder that repeats so often needs no more.
const STEPS: usize = 1_000;
/// Days in which a night between two working days is looked for.
const NIGHTS: usize = 14;

/// All that is odd, in the order of the policy.
pub(super) fn of(policy: &Policy, ticket: &Ticket, courses: &[Course]) -> Vec<String> {
    let mut all = Vec::new();
    for promise in &policy.promises {
        all.extend(no_term(promise, ticket.severity));
        all.extend(no_grace(promise));
        let Some(course) = courses.iter().find(|c| c.promise == promise.name) else { continue };
        all.extend(unheard(policy, promise, ticket, course));
        all.extend(day_off(policy, promise, course));
    }
    all.extend(contradictions(policy, ticket));
    all
}

fn no_term(promise: &Promise, severity: Option<Severity>) -> Option<String> {
    let Within::BySeverity(terms) = &promise.within else { return None };
    let listed = |s: &Severity| terms.iter().any(|(listed, _)| listed == s);
    let without: Vec<&str> = Severity::ALL
        .iter()
        .filter(|s| severity.is_none_or(|set| set == **s) && !listed(s))
        .map(|s| s.word())
        .collect();
    let many = if without.len() == 1 { "a ticket of that severity has" } else { "tickets of these severities have" };
    (!without.is_empty()).then(|| {
        let (name, without) = (&promise.name, without.join(", "));
        format!("{name}: there is no term for {without}: {many} no such promise")
    })
}

/// A deadline that comes forward to the very instant at which it does so.
fn no_grace(promise: &Promise) -> Option<String> {
    let (milestone, _) = promise.or_sooner.filter(|(_, grace)| grace.is_zero())?;
    let (name, until) = (&promise.name, promise.until);
    Some(format!(
        "{name}: without a grace it is broken the moment that {milestone} is recorded, unless it is {until} already; \
         write grace = \"1d\""
    ))
}

/// A promise of which nobody is warned, or not at a time at which people work.
fn unheard(policy: &Policy, promise: &Promise, ticket: &Ticket, course: &Course) -> Option<String> {
    let name = &promise.name;
    let term = promise.term(ticket.severity)?;
    let deadline = policy.deadline(promise, course.starts, ticket.severity, None)?;
    let mut warnings = policy.steps(promise, course.starts, deadline).take_while(|s| s.warns).take(STEPS).peekable();
    let Some(first) = warnings.peek().copied() else {
        return Some(format!(
            "{name}: nobody is warned before its deadline: all of its reminders lie before its start or after its \
             end; give it a rung at a share of its term, such as \"50%\""
        ));
    };
    let night = night(policy, course.starts);
    if let Term::Elapsed(length) = term
        && length < night
    {
        return Some(format!(
            "{name}: {term} is shorter than the quiet night ({} hours); of a report that comes after hours nobody can \
             be warned in working hours",
            night.as_hours()
        ));
    }
    warnings.all(|s| policy.calendar.is_quiet(s.at)).then(|| {
        format!(
            "{name}: all of the {term} from this start lie in quiet time; the first warning comes {}, outside \
             working hours",
            when(first.at, policy)
        )
    })
}

/// The length of the first quiet time between two working days that follow each other.
fn night(policy: &Policy, from: Timestamp) -> SignedDuration {
    let calendar = &policy.calendar;
    let days = std::iter::successors(Some(calendar.day(from)), |day| day.tomorrow().ok()).take(NIGHTS);
    let evening = |day: Date| -> Option<Timestamp> {
        let next = day.tomorrow().ok().filter(|next| calendar.is_workday(day) && calendar.is_workday(*next))?;
        Some(calendar.earlier(calendar.instant(next.at(0, 0, 0, 0))))
    };
    let Some(evening) = days.into_iter().find_map(evening) else { return SignedDuration::ZERO };
    let second = SignedDuration::from_secs(1);
    let morning = calendar.later(shift(evening, second));
    let length = morning.duration_since(evening);
    if length > second { length } else { SignedDuration::ZERO }
}

/// A deadline on a day on which nobody works.
fn day_off(policy: &Policy, promise: &Promise, course: &Course) -> Option<String> {
    let calendar = &policy.calendar;
    let day = calendar.day(course.deadline);
    if calendar.is_workday(day) || course.over.is_some_and(|over| over <= course.deadline) {
        return None;
    }
    let before = calendar.workday_before(day, 1);
    let is = if calendar.holidays.contains(&day) { "a holiday".to_owned() } else { day.strftime("a %A").to_string() };
    let (name, date, before) = (&promise.name, day.strftime("%-d %B %Y"), (before, before.strftime("%a %-d %B %Y")));
    if promise.until == Milestone::Public {
        let before = before.1;
        return Some(format!(
            "{name}: {date} is {is}: what becomes public then finds nobody at work; plan for {before}"
        ));
    }
    // That nobody works in all of the term is said already.
    let time_left = calendar.close_of_business(before.0) > course.starts;
    time_left.then(|| format!("{name}: {date} is {is}; the last working day before it is {}", before.1))
}

/// What comes later in the life of a report and is due earlier.
fn contradictions(policy: &Policy, ticket: &Ticket) -> Vec<String> {
    let starts = latest(policy, ticket);
    let due = |p: &Promise| policy.deadline(p, *starts.get(&p.from)?, ticket.severity, None);
    let all: Vec<(&Promise, Timestamp)> =
        policy.promises.iter().filter(|p| !p.recurring).filter_map(|p| Some((p, due(p)?))).collect();
    let mut found = Vec::new();
    for (earlier, first) in &all {
        for (later, last) in &all {
            let (Some(a), Some(b)) = (earlier.until.stage(), later.until.stage()) else { continue };
            if a < b && last < first {
                found.push(format!(
                    "{}: due {}, before {} has to be ({}); one of the two terms cannot be meant",
                    later.name,
                    when(*last, policy),
                    earlier.name,
                    when(*first, policy)
                ));
            }
        }
    }
    found
}

/// When each milestone is reached at the latest, if each promise is kept at the last moment.
fn latest(policy: &Policy, ticket: &Ticket) -> BTreeMap<Milestone, Timestamp> {
    let mut reached = ticket.milestones.clone();
    for _ in Milestone::ALL {
        let mut next: BTreeMap<Milestone, Timestamp> = BTreeMap::new();
        for promise in policy.promises.iter().filter(|p| !p.recurring && !reached.contains_key(&p.until)) {
            let Some(start) = reached.get(&promise.from) else { continue };
            let Some(due) = policy.deadline(promise, *start, ticket.severity, None) else { continue };
            next.entry(promise.until).and_modify(|at| *at = due.min(*at)).or_insert(due);
        }
        reached.append(&mut next);
    }
    reached
}
