//! One clock: its name, its term, its reminders, its deadline.

use jiff::Timestamp;

use super::panel::{DAY_OFF, EVENT, GREY, HOLIDAY, INK, LEFT, NIGHT, NIGHTS, Panel, RIGHT};
use super::shapes::{self, Canvas, Font};
use crate::cli::simulate::words::{audiences, ended, hearers, said};
use crate::policy::Policy;
use crate::policy::shown::date;
use crate::rules::simulate::course::{Course, Word};
use crate::ticket::clock::ClockState;

const ROW: f64 = 15.0;
const BAR: f64 = 14.0;
/// Where the end of a label below a bar may be.
const EDGE: f64 = 1180.0;

const TERM: &str = "#9cc3f0";
const REST: &str = "#e3effb";
const LATE: &str = "#f5b5b0";
const WARNING: &str = "#1257a8";
const NAG: &str = "#c62f22";
const KEPT: &str = "#18794e";

const LABEL: Font = Font::plain(11.0, INK);
const DATE: Font = Font::bold(12.0, INK);

pub(super) struct Lane<'a> {
    course: &'a Course,
    /// Each word with its label and the row of that.
    words: Vec<(&'a Word, String, u16)>,
    /// What is said below the bar: where, how, what.
    below: Vec<(Timestamp, Font, String)>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(course: &'a Course, panel: &Panel<'_>, policy: &Policy) -> Self {
        // In a long panel the day says enough.
        let form = if panel.hours() <= NIGHTS { "%a %H:%M" } else { "%-d %b" };
        let label = |w: &Word| {
            let at = w.at.to_zoned(policy.calendar.zone.clone()).strftime(form).to_string();
            let more = w.and_so_on.map_or(String::new(), |every| format!(" … each {every}"));
            format!("{}, {at}{more}", audiences(w))
        };
        let labels: Vec<String> = course.words.iter().map(label).collect();
        let places: Vec<(f64, f64)> =
            course.words.iter().zip(&labels).map(|(w, l)| (panel.x(w.at), shapes::width(l, LABEL) + 8.0)).collect();
        let rows = shapes::rows(&places);
        let words = course.words.iter().zip(labels).zip(rows).map(|((w, l), r)| (w, l, r)).collect();

        let mut below = vec![(course.deadline, DATE, format!("due {}", date(course.deadline, policy)))];
        if let Some(over) = course.over {
            let colour = if course.state == ClockState::Broken { NAG } else { KEPT };
            below.push((over, Font::bold(11.0, colour), format!("{}, {}", ended(course), date(over, policy))));
        }
        for (_, from) in &course.moved {
            below.push((*from, Font::plain(11.0, GREY), format!("was due {}", date(*from, policy))));
        }
        below.retain(|(at, _, _)| *at <= panel.to);
        Self { course, words, below }
    }

    #[expect(clippy::cast_precision_loss, reason = "a lane has few rows")]
    pub(super) fn height(&self) -> f64 {
        (self.top() + BAR + 10.0 + self.below.len() as f64 * ROW + 8.0).max(70.0)
    }

    /// From the top of the lane to the top of the bar.
    fn top(&self) -> f64 {
        14.0 + ROW * f64::from(self.words.iter().map(|(_, _, row)| row + 1).max().unwrap_or(0))
    }

    /// Draws it from `y` down, and says how high it is.
    pub(super) fn draw(&self, canvas: &mut Canvas, y: f64, panel: &Panel<'_>, policy: &Policy) -> f64 {
        let course = self.course;
        self.name(canvas, y, policy);
        let bar = y + self.top();
        let middle = bar + BAR / 2.0;
        let (start, due) = (panel.x(course.starts), panel.x(course.deadline));
        let over = course.over.map(|at| panel.x(at));

        let late = over.unwrap_or_else(|| panel.x(panel.to));
        if late > due && course.state == ClockState::Broken {
            canvas.rect((due, middle - 3.0), (late - due, 6.0), LATE, "");
        }
        let done = over.map_or(due, |over| over.min(due));
        let round = r#" rx="3""#;
        canvas.rect((start, bar), ((due - start).max(1.0), BAR), REST, round);
        canvas.rect((start, bar), ((done - start).max(1.0), BAR), TERM, round);

        deadline(canvas, (due, bar));
        for (word, label, row) in &self.words {
            let x = panel.x(word.at);
            let above = bar - 8.0 - ROW * f64::from(*row);
            canvas.begin(&format!("{}; {}, {}", date(word.at, policy), said(word, course), hearers(word)));
            canvas.line((x, above - 9.0), (x, middle), GREY, 1.0, "");
            mark(canvas, (x, middle), word.warns);
            canvas.halo(x + 4.0, above, LABEL, label);
            canvas.end();
        }
        for (_, from) in &course.moved {
            let x = panel.x(*from);
            if *from <= panel.to {
                canvas.line((x, bar - 6.0), (x, bar + BAR + 6.0), GREY, 2.0, "3 2");
            }
        }
        if let Some(x) = over {
            diamond(canvas, (x, middle), if course.state == ClockState::Broken { NAG } else { KEPT });
        }
        let mut text = bar + BAR + 20.0;
        for (at, font, label) in &self.below {
            let x = panel.x(*at).min(EDGE - shapes::width(label, *font)).max(LEFT);
            canvas.halo(x, text, *font, label);
            text += ROW;
        }
        self.height()
    }

    fn name(&self, canvas: &mut Canvas, y: f64, policy: &Policy) {
        let course = self.course;
        canvas.text(20.0, y + 24.0, Font::bold(13.0, INK), &short(&course.promise, 17));
        let promise = policy.promises.iter().find(|p| p.name == course.promise);
        let from = promise.map_or(String::new(), |p| {
            // The rounds of one promise differ in their start.
            if p.recurring {
                let day = policy.calendar.day(course.starts);
                return day.strftime("from %-d %B %Y").to_string();
            }
            format!("from {}", p.from)
        });
        canvas.text(20.0, y + 40.0, Font::plain(10.0, GREY), &from);
        canvas.text(20.0, y + 53.0, Font::plain(10.0, GREY), &format!("until {}", course.until));
    }
}

fn short(text: &str, most: usize) -> String {
    crate::vocabulary::clean_line(text, most)
}

fn mark(canvas: &mut Canvas, (x, y): (f64, f64), warns: bool) {
    if warns {
        canvas.circle((x, y), 6.0, WARNING);
    } else {
        canvas.polygon(&[(x - 7.0, y + 6.0), (x, y - 7.0), (x + 7.0, y + 6.0)], NAG);
    }
}

fn diamond(canvas: &mut Canvas, (x, y): (f64, f64), colour: &str) {
    canvas.polygon(&[(x - 8.0, y), (x, y - 8.0), (x + 8.0, y), (x, y + 8.0)], colour);
}

fn deadline(canvas: &mut Canvas, (x, bar): (f64, f64)) {
    canvas.line((x, bar - 7.0), (x, bar + BAR + 9.0), INK, 4.0, "");
}

/// What the marks mean.
pub(super) fn legend(canvas: &mut Canvas, y: f64) -> f64 {
    let middle = y + 10.0;
    let mut x = 20.0;
    let mut entry = |canvas: &mut Canvas, text: &str, draw: &dyn Fn(&mut Canvas, f64)| {
        draw(canvas, x + 12.0);
        canvas.text(x + 30.0, middle + 4.0, LABEL, text);
        x += 44.0 + shapes::width(text, LABEL);
    };
    let bar = |canvas: &mut Canvas, x: f64, colour: &str| {
        canvas.rect((x - 12.0, middle - BAR / 2.0), (24.0, BAR), colour, r##" stroke="#b8c1ca" stroke-width="0.5""##);
    };
    entry(canvas, "term", &|c, x| bar(c, x, TERM));
    entry(canvas, "warning", &|c, x| mark(c, (x, middle), true));
    entry(canvas, "deadline", &|c, x| c.line((x, middle - 11.0), (x, middle + 11.0), INK, 4.0, ""));
    entry(canvas, "broken", &|c, x| c.rect((x - 12.0, middle - 3.0), (24.0, 6.0), LATE, ""));
    entry(canvas, "nag", &|c, x| mark(c, (x, middle), false));
    entry(canvas, "done", &|c, x| diamond(c, (x, middle), KEPT));
    entry(canvas, "event", &|c, x| c.line((x, middle - 10.0), (x, middle + 10.0), EVENT, 1.5, "6 3"));
    entry(canvas, "no working day", &|c, x| bar(c, x, DAY_OFF));
    entry(canvas, "holiday", &|c, x| bar(c, x, HOLIDAY));
    entry(canvas, "quiet time", &|c, x| bar(c, x, NIGHT));
    debug_assert!(x < RIGHT + 120.0, "the legend has one line");
    y + 34.0
}
