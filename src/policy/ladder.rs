//! From a ladder to dated steps: what is to be said now, and when there is next something to say.
//!
//! Each step has a *nominal* instant, which the ladder gives, and an instant *at* which it speaks, moved out of
//! quiet time: a warning earlier, a nag later. Moving never changes their order. So one instant, the *horizon*,
//! tells all about "now": what is due is what has its nominal instant at or before the horizon. And one instant
//! tells all that was said: the nominal one of the last step that spoke. It holds when the ladder in the config
//! changes, where the number of a rung would not.
//!
//! Who has a quiet time of their own hears a ladder of their own: the rungs that are meant for them, with the same
//! nominal instants, moved out of *their* quiet time. What was said is counted for each ladder alone.

use jiff::{SignedDuration, Timestamp};

use super::calendar::shift;
use super::{Audience, Calendar, Policy, Promise, Rung, RungAt, Term};

/// One rung with a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which rung of the ladder, from 0.
    pub rung: usize,
    /// Which repetition of the rung, from 0.
    pub round: u32,
    /// Where the ladder puts it. Store this of the step that spoke last, and pass it as `spoken`. It is a whole second
    /// when start and deadline are; store all three equally fine, or a step is said twice.
    pub nominal: Timestamp,
    /// When it speaks: the nominal instant, moved out of quiet time.
    pub at: Timestamp,
    /// To whom.
    pub to: Audience,
    /// True before the deadline.
    pub warns: bool,
}

/// One promise running, as somebody hears it: the ladder, the two ends, whose quiet time, and which rungs.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    policy: &'a Policy,
    rungs: &'a [Rung],
    start: Timestamp,
    deadline: Timestamp,
    /// Whose quiet time its steps are moved out of. Terms, shares and business days stay the policy's.
    calendar: &'a Calendar,
    /// The rungs for other audiences are not there.
    hears: &'a [Audience],
}

/// Nobody is left to hear a nag this long after the deadline. It bounds the cost of an absurd clock.
const ENDLESS: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// The smallest distance between two instants.
const TICK: SignedDuration = SignedDuration::from_nanos(1);

impl Policy {
    /// The ladder of a promise: its own, or else the policy's.
    pub fn rungs<'a>(&'a self, promise: &'a Promise) -> &'a [Rung] {
        promise.ladder.as_deref().unwrap_or(&self.ladder)
    }

    /// A promise that runs from `start` to `deadline`, as the people hear it who go by the policy's quiet time.
    pub fn run<'a>(&'a self, promise: &'a Promise, start: Timestamp, deadline: Timestamp) -> Run<'a> {
        self.on(self.rungs(promise), start, deadline)
    }

    /// Whom the step at a nominal instant speaks to, the highest where several fall on it; `None` when the ladder
    /// holds no such step any more.
    pub fn audience_at(
        &self,
        promise: &Promise,
        start: Timestamp,
        deadline: Timestamp,
        nominal: Timestamp,
    ) -> Option<Audience> {
        let run = self.run(promise, start, deadline);
        let there = |rung: &&Rung| run.last(rung, nominal).is_some_and(|(_, at)| at == nominal);
        run.rungs.iter().rev().find(there).map(|rung| rung.to)
    }

    /// All steps that speak if nothing is done and the daemon never sleeps, in order. Endless if a rung repeats.
    pub fn steps(
        &self,
        promise: &Promise,
        start: Timestamp,
        deadline: Timestamp,
    ) -> impl Iterator<Item = Step> + use<'_> {
        // The ladder is copied, so that the steps may outlive the promise.
        let rungs = self.rungs(promise).to_vec();
        let mut spoken = None;
        let mut now = Timestamp::MIN;
        std::iter::from_fn(move || {
            let step = self.on(&rungs, start, deadline).next(spoken, now)?;
            (spoken, now) = (Some(step.nominal), step.at);
            Some(step)
        })
    }

    fn on<'a>(&'a self, rungs: &'a [Rung], start: Timestamp, deadline: Timestamp) -> Run<'a> {
        Run { policy: self, rungs, start, deadline, calendar: &self.calendar, hears: &Audience::PEOPLE }
    }
}

impl<'a> Run<'a> {
    /// The same, as those hear it who have a quiet time of their own: of the ladder, the rungs for these audiences.
    pub fn heard(self, calendar: &'a Calendar, hears: &'a [Audience]) -> Run<'a> {
        Run { calendar, hears, ..self }
    }

    /// What is to be said now: the highest step that is due and lies after all that was `spoken`. The steps below it
    /// are passed over for good: after downtime one reminder is enough.
    ///
    /// `spoken` is the nominal instant of the last step that spoke for this deadline. Whoever moves a deadline and
    /// tells people so may pass the instant of the move, so that what lies before it is not said again.
    pub fn due(self, spoken: Option<Timestamp>, now: Timestamp) -> Option<Step> {
        self.all_due(spoken, now).max_by_key(|step| (step.nominal, step.rung))
    }

    /// Whom a due step speaks to: its own audience, and those of the lower ones that quiet time moved to the same
    /// instant. One reminder is enough, and it must not pass over whom each rung was meant for. And of the break
    /// itself hear all who were to, also when the daemon was down at the deadline.
    pub fn audiences(self, spoken: Option<Timestamp>, step: &Step) -> Vec<Audience> {
        let heard = |s: &Step| s.at == step.at || s.nominal == self.deadline;
        let mut together: Vec<Step> = self.all_due(spoken, step.at).filter(heard).collect();
        together.sort_by_key(|s| std::cmp::Reverse((s.nominal, s.rung)));
        together.iter().map(|s| s.to).collect()
    }

    /// The first step after now, to sleep until its `at`. Where several fall on that instant, the highest.
    pub fn next(self, spoken: Option<Timestamp>, now: Timestamp) -> Option<Step> {
        let past = self.floor().max(spoken.unwrap_or(Timestamp::MIN)).max(self.horizon(now));
        let first = self
            .rungs()
            .filter_map(|(index, rung)| {
                let (round, nominal) = self.first_after(rung, past)?;
                Some(self.step(index, rung, round, nominal))
            })
            .min_by_key(|step| step.nominal)?;
        self.due(spoken, first.at)
    }

    /// The rungs that are heard, each with its place in the ladder.
    fn rungs(self) -> impl Iterator<Item = (usize, &'a Rung)> {
        self.rungs.iter().enumerate().filter(move |(_, rung)| self.hears.contains(&rung.to))
    }

    /// The last due step of each rung.
    fn all_due(self, spoken: Option<Timestamp>, now: Timestamp) -> impl Iterator<Item = Step> + use<'a> {
        let floor = self.floor().max(spoken.unwrap_or(Timestamp::MIN));
        let horizon = self.horizon(now);
        self.rungs().filter_map(move |(index, rung)| {
            let (round, nominal) = self.last(rung, horizon)?;
            (nominal > floor).then(|| self.step(index, rung, round, nominal))
        })
    }

    /// Only what lies after this instant is said: the notice of the report has said what warnings before it would.
    fn floor(self) -> Timestamp {
        self.start.min(shift(self.deadline, -TICK))
    }

    /// The latest nominal instant that is due now.
    ///
    /// A nag at x speaks at `later(x)`, which is at or before now exactly when x is at or before `earlier(now)`.
    /// A warning at x speaks at `earlier(x)`, which is at or before now exactly when x lies before the first time to
    /// speak after now, unless that is at or before the start: then it speaks at x, quiet or not.
    fn horizon(self, now: Timestamp) -> Timestamp {
        let calendar = self.calendar;
        let now = now.min(shift(self.deadline, ENDLESS));
        let heard = calendar.earlier(now);
        if heard >= self.deadline {
            return heard;
        }
        let next = |at| calendar.later(shift(at, TICK));
        let warned = if now < next(self.start) { now } else { shift(next(now), -TICK) };
        warned.min(shift(self.deadline, -TICK))
    }

    fn step(self, index: usize, rung: &Rung, round: u32, nominal: Timestamp) -> Step {
        let calendar = self.calendar;
        let warns = nominal < self.deadline;
        let at = if warns {
            // Quiet time is a wish. That no promise is broken unannounced is not.
            Some(calendar.earlier(nominal)).filter(|at| *at > self.start).unwrap_or(nominal)
        } else {
            calendar.later(nominal)
        };
        Step { rung: index, round, nominal, at, to: rung.to, warns }
    }

    /// The nominal instant of a rung's first round.
    fn first(self, rung: &Rung) -> Option<Timestamp> {
        match rung.at {
            RungAt::Share(percent) => {
                let whole = self.deadline.duration_since(self.start);
                // A deadline that was over when it was set has no share to wait for.
                let share = Some(whole).filter(|whole| whole.is_positive())?.checked_mul(i32::from(percent))?;
                // Whole seconds: what a store that knows no finer time gives back is still what was said.
                Some(shift(self.start, SignedDuration::from_secs((share / 100).as_secs())))
            }
            RungAt::Before(term) => Some(self.policy.subtract(self.deadline, term)),
            RungAt::Fitting(term) => Some(self.policy.subtract(self.deadline, term)).filter(|at| self.is_late(*at)),
            RungAt::Due => Some(self.deadline),
            RungAt::After(term) => Some(self.policy.add(self.deadline, term)),
        }
    }

    /// Whether an instant lies in the second half of the term. An hour before it does: a change of the clocks takes one
    /// from a week.
    fn is_late(self, at: Timestamp) -> bool {
        let half = self.deadline.duration_since(self.start) / 2;
        at >= shift(self.start, half - SignedDuration::from_hours(1))
    }

    /// The last round of a rung at or before a limit, and its nominal instant.
    fn last(self, rung: &Rung, limit: Timestamp) -> Option<(u32, Timestamp)> {
        let limit = limit.min(shift(self.deadline, ENDLESS));
        let first = self.first(rung).filter(|first| *first <= limit)?;
        let Some(every) = repeats(rung) else { return Some((0, first)) };
        let nominal = |round| self.policy.advance(first, every, round);
        // The guess is off by a round or so, from months of unequal length and clocks that change.
        let guess = self.rounds(every, first, limit);
        let mut last = (guess, nominal(guess));
        while last.0 > 0 && last.1 > limit {
            last = (last.0 - 1, nominal(last.0 - 1));
        }
        while let Some(next) = last.0.checked_add(1) {
            let at = nominal(next);
            if at > limit || at == Timestamp::MAX {
                break;
            }
            last = (next, at);
        }
        Some(last)
    }

    /// The first round of a rung after a limit, and its nominal instant.
    fn first_after(self, rung: &Rung, limit: Timestamp) -> Option<(u32, Timestamp)> {
        let Some((last, _)) = self.last(rung, limit) else { return Some((0, self.first(rung)?)) };
        let every = repeats(rung)?;
        let round = last.saturating_add(1);
        Some((round, self.policy.advance(self.first(rung)?, every, round)))
    }

    /// About how many rounds fit between two instants.
    fn rounds(self, every: Term, first: Timestamp, limit: Timestamp) -> u32 {
        let calendar = &self.policy.calendar;
        let rounds = match every {
            Term::Elapsed(_) | Term::Civil { .. } => {
                u32::try_from(limit.duration_since(first).as_secs() / every.nominal().as_secs().max(1))
            }
            Term::Business(days) => {
                let passed = calendar.workdays_between(calendar.day(first), calendar.day(limit));
                u32::try_from(passed / usize::from(days.max(1)))
            }
        };
        rounds.unwrap_or(u32::MAX)
    }
}

/// The distance of a rung's rounds. What is under a second is none: it would never be silent.
fn repeats(rung: &Rung) -> Option<Term> {
    rung.every.filter(|every| every.nominal() >= SignedDuration::from_secs(1))
}

#[cfg(test)]
mod tests;
