//! A panel of the picture: a line of time, with its days and nights.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::shapes::{Canvas, Font};
use crate::policy::Calendar;
use crate::policy::calendar::shift;
use crate::rules::simulate::course::Course;

/// Where the lines of time begin and end, in pixels. Labels may reach beyond the end.
pub(super) const LEFT: f64 = 170.0;
pub(super) const RIGHT: f64 = 985.0;

/// Nights are shaded in panels up to this many hours; in longer ones they are too narrow to see.
pub(super) const NIGHTS: i64 = 16 * 24;

pub(super) const INK: &str = "#1f2933";
pub(super) const GREY: &str = "#667380";
pub(super) const GRID: &str = "#d5dbe1";
pub(super) const DAY_OFF: &str = "#e3e7ec";
pub(super) const HOLIDAY: &str = "#fbe3c0";
pub(super) const NIGHT: &str = "#f1f3f6";
pub(super) const EVENT: &str = "#7b3fb5";

/// A line of time and the clocks on it.
pub(super) struct Panel<'a> {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) courses: Vec<&'a Course>,
}

pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(1.0)
}

impl Panel<'_> {
    /// Where an instant is.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let share = at.duration_since(self.from).as_secs_f64() / seconds(self.from, self.to);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    pub(super) fn hours(&self) -> i64 {
        self.to.duration_since(self.from).as_hours()
    }

    /// The days of the panel, each with its ends.
    pub(super) fn days<'c>(
        &self,
        calendar: &'c Calendar,
    ) -> impl Iterator<Item = (Date, Timestamp, Timestamp)> + use<'c> {
        let (first, last) = (calendar.day(self.from), calendar.day(self.to));
        std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(move |day| *day <= last).map(|day| {
            let midnight = |day: Date| calendar.instant(day.at(0, 0, 0, 0));
            (day, midnight(day), day.tomorrow().map_or(Timestamp::MAX, midnight))
        })
    }

    /// Days on which nobody works, and nights.
    pub(super) fn shade(&self, canvas: &mut Canvas, top: f64, bottom: f64, calendar: &Calendar) {
        let mut band = |from: Timestamp, to: Timestamp, colour: &str| {
            let (left, right) = (self.x(from), self.x(to));
            if right > left {
                canvas.rect((left, top), (right - left, bottom - top), colour, "");
            }
        };
        for (day, from, to) in self.days(calendar) {
            if calendar.holidays.contains(&day) {
                band(from, to, HOLIDAY);
            } else if !calendar.is_workday(day) {
                band(from, to, DAY_OFF);
            } else if self.hours() <= NIGHTS {
                let quarter = SignedDuration::from_mins(15);
                let mut since = None;
                for at in std::iter::successors(Some(from), |at| Some(shift(*at, quarter)).filter(|at| *at < to)) {
                    // The ends of quiet time are not quiet: the middle of the quarter tells.
                    let quiet = calendar.is_quiet(shift(at, quarter / 2));
                    match since {
                        None if quiet => since = Some(at),
                        Some(dusk) if !quiet => {
                            band(dusk, at, NIGHT);
                            since = None;
                        }
                        None | Some(_) => {}
                    }
                }
                if let Some(dusk) = since {
                    band(dusk, to, NIGHT);
                }
            }
        }
    }

    /// Dates along the line, as many as have room.
    pub(super) fn ticks(&self, canvas: &mut Canvas, top: f64, bottom: f64, calendar: &Calendar) {
        let room = (RIGHT - LEFT) / (seconds(self.from, self.to) / 86_400.0);
        let (form, every) = match room {
            room if room >= 60.0 => ("%a %-d %b", 1),
            room if room >= 12.0 => ("%a %-d %b", 7),
            room if room >= 4.0 => ("%-d %b", 14),
            _ => ("%b %Y", 0),
        };
        for (day, at, _) in self.days(calendar) {
            let monday = day.weekday().to_monday_zero_offset();
            let weeks = day.duration_since(Date::constant(1970, 1, 5)).as_hours().div_euclid(24);
            let shown = match every {
                0 => day.day() == 1 && (room >= 1.5 || day.month() % 3 == 1),
                1 => true,
                every => monday == 0 && weeks.rem_euclid(every) == 0,
            };
            if shown && at >= self.from {
                let x = self.x(at);
                canvas.line((x, top + 6.0), (x, bottom), GRID, 1.0, "");
                canvas.text(x + 3.0, top + 15.0, Font::plain(11.0, GREY), &day.strftime(form).to_string());
            }
        }
    }
}
