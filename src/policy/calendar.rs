//! Working time, holidays and quiet time in the policy's zone.

mod ics;

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time, Weekday, time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

pub(crate) use ics::holidays_from_ics;

/// When people work and when they want to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The policy's time zone.
    pub zone: TimeZone,
    /// Its IANA name, to show beside each date.
    pub zone_name: String,
    /// Working days, Monday first.
    pub workdays: [bool; 7],
    /// Start and close of business of each day of the week, local time, Monday first; start < close.
    pub hours: [(Time, Time); 7],
    /// Days on which nobody works.
    pub holidays: BTreeSet<Date>,
    /// When reminders are not sent if they can be sent at another time.
    pub quiet: Quiet,
}

/// Quiet time. Its first and its last instant are not quiet, so that "the last time to speak before it" exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// All time outside `hours` on working days.
    OutsideHours,
    /// From the first to the second local time each night, and all of each day that is not a working day.
    /// It may pass midnight.
    Between(Time, Time),
    /// None.
    Never,
}

/// Office hours where none are written.
pub(crate) const OFFICE_HOURS: (Time, Time) = (time(9, 0, 0, 0), time(17, 0, 0, 0));

/// How many days are searched for working or speaking time. Longer than any run of holidays that is no mistake.
const SEARCH_DAYS: usize = 400;

impl Default for Calendar {
    /// UTC, Monday to Friday, 09:00 to 17:00, no holidays, reminders in working time.
    fn default() -> Calendar {
        Calendar {
            zone: TimeZone::UTC,
            zone_name: "UTC".to_owned(),
            workdays: [true, true, true, true, true, false, false],
            hours: [OFFICE_HOURS; 7],
            holidays: BTreeSet::new(),
            quiet: Quiet::OutsideHours,
        }
    }
}

impl Calendar {
    /// Whether people work on this day. A day that the zone left out (Apia, 30 December 2011) is none.
    pub fn is_workday(&self, date: Date) -> bool {
        of_weekday(self.workdays, date) && !self.holidays.contains(&date) && self.exists(date)
    }

    /// The next ten holidays, the day of `at` included: so many show whether a list was understood.
    pub fn next_holidays(&self, at: Timestamp) -> Vec<Date> {
        self.holidays.range(self.day(at)..).take(10).copied().collect()
    }

    /// Start and close of business on this day, whether or not it is a working day; local time.
    pub fn hours(&self, date: Date) -> (Time, Time) {
        of_weekday(self.hours, date)
    }

    /// The end of working time on this day, whether or not it is a working day.
    pub fn close_of_business(&self, date: Date) -> Timestamp {
        let (_, close) = self.hours(date);
        self.instant(date.to_datetime(close))
    }

    /// The nth working day after a day; the day itself for 0.
    ///
    /// Where no working day comes for more than a year, every day counts: a deadline must come at some time.
    pub fn workday_after(&self, date: Date, n: u32) -> Date {
        let Some(skip) = n.checked_sub(1) else { return date };
        self.workdays(date, |day| day.tomorrow().ok()).nth(skip as usize).unwrap_or(Date::MAX)
    }

    /// The nth working day before a day; the day itself for 0. See [`Calendar::workday_after`].
    pub fn workday_before(&self, date: Date, n: u32) -> Date {
        let Some(skip) = n.checked_sub(1) else { return date };
        self.workdays(date, |day| day.yesterday().ok()).nth(skip as usize).unwrap_or(Date::MIN)
    }

    /// How many working days lie after the first day, up to and with the second.
    pub(super) fn workdays_between(&self, first: Date, last: Date) -> usize {
        self.workdays(first, |day| day.tomorrow().ok()).take_while(|day| *day <= last).count()
    }

    /// Whether reminders should not be sent now if they can be sent at another time.
    pub fn is_quiet(&self, at: Timestamp) -> bool {
        let speaks = |(start, end): (Timestamp, Timestamp)| start <= at && at <= end;
        match self.quiet {
            Quiet::Never => false,
            Quiet::OutsideHours | Quiet::Between(..) => {
                !self.days_from(at).take(3).any(|day| self.speaking(day).into_iter().flatten().any(speaks))
            }
        }
    }

    /// The last instant at or before `at` that is not quiet; `at` itself if there is none for more than a year.
    pub fn earlier(&self, at: Timestamp) -> Timestamp {
        if self.quiet == Quiet::Never {
            return at;
        }
        self.days_back_from(at)
            .take(SEARCH_DAYS)
            .flat_map(|day| self.speaking(day).into_iter().rev().flatten())
            .find(|(start, _)| *start <= at)
            .map_or(at, |(_, end)| end.min(at))
    }

    /// The first instant at or after `at` that is not quiet; `at` itself if there is none for more than a year.
    pub fn later(&self, at: Timestamp) -> Timestamp {
        if self.quiet == Quiet::Never {
            return at;
        }
        self.days_from(at)
            .take(SEARCH_DAYS)
            .flat_map(|day| self.speaking(day).into_iter().flatten())
            .find(|(_, end)| at <= *end)
            .map_or(at, |(start, _)| start.max(at))
    }

    /// The day on which an instant falls in the policy's zone.
    pub fn day(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The instant of a local time in the policy's zone. See [`resolve`].
    pub fn instant(&self, local: DateTime) -> Timestamp {
        resolve(&self.zone, local)
    }

    /// The working days that follow a day in the direction of `step`.
    fn workdays(&self, date: Date, step: impl Fn(Date) -> Option<Date>) -> impl Iterator<Item = Date> {
        let mut idle = 0;
        std::iter::successors(step(date), move |day| step(*day)).filter(move |day| {
            if idle < SEARCH_DAYS {
                idle = if self.is_workday(*day) { 0 } else { idle + 1 };
            }
            idle == 0 || idle == SEARCH_DAYS
        })
    }

    /// False for the few days that a zone skipped when it crossed the date line.
    fn exists(&self, date: Date) -> bool {
        let noon = date.at(12, 0, 0, 0);
        match self.zone.to_ambiguous_timestamp(noon).offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => true,
            AmbiguousOffset::Gap { .. } => self.day(self.instant(noon)) == date,
        }
    }

    /// The times of a day at which reminders are sent, in order, their ends included.
    fn speaking(&self, date: Date) -> [Option<(Timestamp, Timestamp)>; 2] {
        if !self.is_workday(date) {
            return [None, None];
        }
        let morning = date.to_datetime(Time::midnight());
        let midnight = date.tomorrow().unwrap_or(date).to_datetime(Time::midnight());
        let local = match self.quiet {
            Quiet::OutsideHours => {
                let (open, close) = self.hours(date);
                [Some((date.to_datetime(open), date.to_datetime(close))), None]
            }
            Quiet::Between(from, until) if from < until => {
                [Some((morning, date.to_datetime(from))), Some((date.to_datetime(until), midnight))]
            }
            Quiet::Between(from, until) if until < from => {
                [Some((date.to_datetime(until), date.to_datetime(from))), None]
            }
            Quiet::Between(..) | Quiet::Never => [Some((morning, midnight)), None],
        };
        // A span of no length is no time to speak: quiet time from midnight on, or hours that a gap swallowed.
        local.map(|span| span.map(|(start, end)| (self.instant(start), self.instant(end))).filter(|(s, e)| s < e))
    }

    /// Days upward from the day before `at`: a span may end at midnight, and a fold may cross it.
    fn days_from(&self, at: Timestamp) -> impl Iterator<Item = Date> {
        let day = self.day(at);
        std::iter::successors(Some(day.yesterday().unwrap_or(day)), |day| day.tomorrow().ok())
    }

    /// Days downward from the day after `at`.
    fn days_back_from(&self, at: Timestamp) -> impl Iterator<Item = Date> {
        let day = self.day(at);
        std::iter::successors(Some(day.tomorrow().unwrap_or(day)), |day| day.yesterday().ok())
    }
}

/// What stands for the weekday of a day in a week that begins on Monday.
fn of_weekday<T>([monday, tuesday, wednesday, thursday, friday, saturday, sunday]: [T; 7], date: Date) -> T {
    match date.weekday() {
        Weekday::Monday => monday,
        Weekday::Tuesday => tuesday,
        Weekday::Wednesday => wednesday,
        Weekday::Thursday => thursday,
        Weekday::Friday => friday,
        Weekday::Saturday => saturday,
        Weekday::Sunday => sunday,
    }
}

/// The instant of a local time. One that does not exist (the clocks went forward) moves to the next that does,
/// one that comes twice (they went back) is the first. Later local times never give earlier instants.
pub(crate) fn resolve(zone: &TimeZone, local: DateTime) -> Timestamp {
    let far = || if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local).unwrap_or_else(|_| far())
        }
        AmbiguousOffset::Gap { before, after } => {
            // The two readings of a time in a gap stand on both sides of the change of the clocks.
            let (Ok(ahead), Ok(past)) = (after.to_timestamp(local), before.to_timestamp(local)) else { return far() };
            zone.following(ahead)
                .map(|change| (change.timestamp(), change.offset()))
                .take_while(|(at, _)| *at <= past)
                .find(|(_, offset)| *offset == after)
                .map_or(past, |(at, _)| at)
        }
    }
}

/// Adds elapsed time; what lies beyond the range of time is its end.
pub(crate) fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests;
