//! When the next digest is due: a cron expression in the policy's zone.
//!
//! The cron crate is given civil time only. With a zone it would skip a digest when the clocks go forward and send
//! two when they go back; here jiff resolves each local time, so that each comes exactly once.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime as CronTime, Utc};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::calendar::resolve;
use crate::vocabulary::piece;

/// A schedule of six fields: second, minute, hour, day of month, month, day of week.
///
/// Where both days are restricted, both must hold ("1-7" and "Mon" is the first Monday); other crons take either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    cron: cron::Schedule,
    text: String,
}

/// Enough to pass every second of a day that comes twice.
const MOST_STEPS: usize = 100_000;

/// Longer expressions are refused unread: the parser copies them several times.
const LONGEST: usize = 200;

const EXAMPLE: &str = r#""0 0 9 * * Mon-Fri" (second, minute, hour, day of month, month, day of week)"#;

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// A sentence for the person who wrote it, with what to write instead. A five-field expression and numbers for
    /// days of the week are refused: in the cron crate Sunday is 1, elsewhere Monday is, and a wrong guess is a
    /// digest on the wrong day.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if text.len() > LONGEST {
            return Err(format!("this schedule is too long: write one like {EXAMPLE}"));
        }
        if let [nickname] = fields.as_slice()
            && let Some(meant) = spelled_out(nickname)
        {
            return Err(format!("{}: write {meant:?}", piece(nickname)));
        }
        let (count, days) = match fields.as_slice() {
            [_, _, _, _, days] => (5, *days),
            [_, _, _, _, _, days] => (6, *days),
            other => return Err(format!("{} fields, but a schedule has six: write one like {EXAMPLE}", other.len())),
        };
        let numbered = days.contains(|c: char| c.is_ascii_digit());
        if count == 5 || numbered {
            let first = if count == 5 { "0 " } else { "" };
            let kept: Vec<&str> = fields.iter().take(count - 1).copied().collect();
            let days = if numbered { names(days) } else { Some(days.to_owned()) };
            // What is shown as the right way must be one.
            let meant = days.map(|days| format!("{first}{} {days}", kept.join(" ")));
            let meant = meant.filter(|meant| Schedule::read(meant).is_ok());
            let meant = meant.map_or_else(|| EXAMPLE.to_owned(), |meant| format!("{meant:?}"));
            return Err(if count == 5 {
                format!(
                    "{}: five fields, but a schedule has six and begins with the seconds: write {meant}",
                    piece(text)
                )
            } else {
                format!("{}: days of the week are written by name: write {meant}", piece(text))
            });
        }
        Schedule::read(&fields.join(" "))
    }

    /// Reads six fields with days by name.
    fn read(text: &str) -> Result<Schedule, String> {
        if text.split(' ').any(zero_step) {
            return Err(format!("{}: a step of 0 never moves on: write one like {EXAMPLE}", piece(text)));
        }
        let passed = match text.rsplit_once(' ').and_then(|(rest, days)| Some((rest, names(days)?))) {
            Some((rest, days)) => format!("{rest} {days}"),
            None => text.to_owned(),
        };
        let cron = cron::Schedule::from_str(&passed)
            .map_err(|_| format!("{} is not a schedule: write one like {EXAMPLE}", piece(text)))?;
        let schedule = Schedule { cron, text: text.to_owned() };
        // The cron crate knows the years up to 2100: what does not come in them never comes.
        if schedule.next(Timestamp::UNIX_EPOCH, &TimeZone::UTC).is_none() {
            return Err(format!("{}: such a day never comes: check day and month", piece(text)));
        }
        Ok(schedule)
    }

    /// The first time strictly after an instant; None past the year 2100, where the cron crate ends.
    ///
    /// A local time that does not exist moves to the next that does; one that comes twice is the first. Later
    /// instants never give earlier times.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // In the second pass of an hour that comes twice, local times of the first are found again, and passed over.
        let local = as_cron(zone.to_datetime(after))?;
        self.cron
            .after(&local)
            .take(MOST_STEPS)
            .filter_map(|local| from_cron(&local))
            .map(|local| resolve(zone, local))
            .find(|at| *at > after)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Schedule, String> {
        Schedule::parse(text)
    }
}

/// Civil time in the dress of UTC: the cron crate knows no time without a zone.
fn as_cron(local: DateTime) -> Option<CronTime<Utc>> {
    let at = TimeZone::UTC.to_timestamp(local).ok()?;
    CronTime::from_timestamp(at.as_second(), 0)
}

fn from_cron(local: &CronTime<Utc>) -> Option<DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_second(local.timestamp()).ok()?))
}

fn zero_step(field: &str) -> bool {
    field.split(',').filter_map(|part| part.split_once('/')).any(|(_, step)| step.chars().all(|c| c == '0'))
}

/// What a nickname of other crons stands for.
fn spelled_out(nickname: &str) -> Option<&'static str> {
    match nickname.to_ascii_lowercase().as_str() {
        "@hourly" => Some("0 0 * * * *"),
        "@daily" | "@midnight" => Some("0 0 0 * * *"),
        "@weekly" => Some("0 0 0 * * Sun"),
        "@monthly" => Some("0 0 0 1 * *"),
        "@yearly" | "@annually" => Some("0 0 0 1 Jan *"),
        _ => None,
    }
}

/// The days as the cron crate orders them.
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Days of the week by name, where numbers are those of the usual cron (0 and 7 are Sunday), and a range that passes
/// Saturday becomes a list, since the cron crate refuses it. None if that cannot be read.
fn names(field: &str) -> Option<String> {
    let place = |text: &str| {
        let full = |day: &str| ["day", "sday", "nesday", "rsday", "urday"].iter().any(|end| same(text, day, end));
        let number = text.parse::<usize>().ok().filter(|n| *n <= 7).map(|n| n % 7);
        number.or_else(|| DAYS.iter().position(|day| text.eq_ignore_ascii_case(day) || full(day)))
    };
    let part = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(from)?, place(to)?);
        let named = DAYS.iter().copied().cycle().skip(first);
        Some(match last.cmp(&first) {
            Ordering::Equal => DAYS.get(first).copied()?.to_owned(),
            Ordering::Greater => format!("{}-{}", DAYS.get(first)?, DAYS.get(last)?),
            Ordering::Less => named.take(last + 8 - first).collect::<Vec<_>>().join(","),
        })
    };
    let parts: Option<Vec<String>> = field.split(',').map(part).collect();
    Some(parts?.join(","))
}

/// Whether a text is a day's short name and the rest of its long one.
fn same(text: &str, day: &str, end: &str) -> bool {
    text.len() == day.len() + end.len() && text.to_ascii_lowercase() == format!("{}{end}", day.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
