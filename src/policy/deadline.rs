//! From a term and a start to a deadline.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Span, Timestamp};

use super::calendar::shift;
use super::{Policy, Promise, Severity, Term, Within};

impl Promise {
    /// The term for a ticket of this severity. None: a ticket of this severity has no such promise.
    ///
    /// While no severity is set, the strictest term holds.
    pub fn term(&self, severity: Option<Severity>) -> Option<Term> {
        match (&self.within, severity) {
            (Within::All(term), _) => Some(*term),
            (Within::BySeverity(terms), None) => terms.iter().map(|(_, term)| *term).min_by_key(|term| term.nominal()),
            (Within::BySeverity(terms), Some(severity)) => {
                terms.iter().find(|(listed, _)| *listed == severity).map(|(_, term)| *term)
            }
        }
    }
}

impl Policy {
    /// When a promise that started is to be kept. None: a ticket of this severity has no such promise.
    ///
    /// `sooner` is when the milestone of its `or_sooner` was reached, if it was: then the deadline comes forward to
    /// that plus the grace, and never moves back.
    pub fn deadline(
        &self,
        promise: &Promise,
        start: Timestamp,
        severity: Option<Severity>,
        sooner: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let full = self.add(start, promise.term(severity)?);
        let forward = promise.or_sooner.zip(sooner).map(|((_, grace), reached)| self.add(reached, grace));
        Some(forward.map_or(full, |forward| forward.min(full)))
    }

    /// The end of a term.
    ///
    /// Elapsed time is exact. Civil time ends at the same local time in the policy's zone, moved to the next that
    /// exists, the first of two; 31 January plus a month is the last of February. Business days end at close of
    /// business of the nth working day after the day of the start. What lies beyond the range of time is its end.
    pub fn add(&self, start: Timestamp, term: Term) -> Timestamp {
        self.advance(start, term, 1)
    }

    /// The instant that lies a term before another. Business days give the close of business of the nth working day
    /// before its day.
    pub fn subtract(&self, end: Timestamp, term: Term) -> Timestamp {
        if term.is_zero() {
            return end;
        }
        match term {
            Term::Elapsed(duration) => shift(end, SignedDuration::ZERO.saturating_sub(duration)),
            Term::Civil { months, days } => {
                let local = self.calendar.zone.to_datetime(end);
                let back = |local: DateTime| {
                    local.checked_sub(Span::new().months(months)).ok()?.checked_sub(Span::new().days(days)).ok()
                };
                back(local).map_or(Timestamp::MIN, |local| self.calendar.instant(local))
            }
            Term::Business(days) => {
                let day = self.calendar.workday_before(self.calendar.day(end), u32::from(days));
                self.calendar.close_of_business(day)
            }
        }
    }

    /// The end of `times` terms in a row, counted as one: twice "1 month" from 31 January is 31 March.
    pub(super) fn advance(&self, start: Timestamp, term: Term, times: u32) -> Timestamp {
        if times == 0 || term.is_zero() {
            return start;
        }
        match term {
            Term::Elapsed(duration) => {
                // jiff multiplies by an i32 only, which is 68 years of seconds.
                let nanos = duration.as_nanos().saturating_mul(i128::from(times));
                let whole = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
                let rest = i32::try_from(nanos % 1_000_000_000).unwrap_or(0);
                shift(start, SignedDuration::new(whole, rest))
            }
            Term::Civil { months, days } => {
                let local = self.calendar.zone.to_datetime(start);
                let (months, days) = (i64::from(months) * i64::from(times), i64::from(days) * i64::from(times));
                let forward = |local: DateTime| {
                    let later = local.checked_add(Span::new().try_months(months).ok()?).ok()?;
                    later.checked_add(Span::new().try_days(days).ok()?).ok()
                };
                forward(local).map_or(Timestamp::MAX, |local| self.calendar.instant(local))
            }
            Term::Business(days) => {
                let count = u32::from(days).saturating_mul(times);
                let day = self.calendar.workday_after(self.calendar.day(start), count);
                self.calendar.close_of_business(day)
            }
        }
    }
}

#[cfg(test)]
mod tests;
