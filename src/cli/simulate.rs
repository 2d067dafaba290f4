//! `disclosed simulate`: what the project has promised, played forward: a table, JSON, a picture.

mod svg;
mod words;

use std::path::PathBuf;

use anyhow::{Context, Result};
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use self::words::{ended, happened, headline, hearers, said};
use super::desk::{Desk, Exit, Usage};
use super::out::{Out, table};
use crate::clock;
use crate::policy::shown::{holidays, when};
use crate::policy::{Audience, Milestone, Policy, Severity, Term};
use crate::project::Project;
use crate::rules::simulate::course::{Course, Word};
use crate::rules::simulate::{DAYS_MAX, Happening, Play, Scenario, play};
use crate::ticket::clock::ClockState;
use crate::vocabulary::{clean_line, piece};

#[derive(clap::Args)]
pub(super) struct Args {
    /// When the report is received: RFC 3339, or a time in the policy's zone; now when left out
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The severity, if it is known from the start
    #[arg(long, value_name = "LEVEL")]
    severity: Option<Severity>,
    /// What somebody does, and when: accepted@+3d; may be given more than once
    #[arg(long = "event", value_name = "EVENT@WHEN")]
    events: Vec<String>,
    /// How many days are played, at most 400; a week more than the last deadline when left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(DAYS_MAX)))]
    days: Option<u16>,
    /// Also draw it into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What stands below the arguments in its help.
pub(super) fn help() -> String {
    let is_event = |m: &&Milestone| !matches!(m, Milestone::Received | Milestone::Done);
    let events: Vec<&str> = Milestone::ALL.iter().filter(is_event).map(|m| m.word()).collect();
    format!(
        "Examples:
  disclosed simulate
  disclosed simulate --at \"2027-01-08 18:00\" --severity high
  disclosed simulate --event acknowledged@+1d --event accepted@+3d --svg promises.svg

Events: {}, severity:LEVEL, ask (the reporter: clocks that may
pause stand still), answer (of the reporter). Each is followed by @ and when: +3d after the report, or a time as in --at.
Nothing is stored, and nothing is sent.",
        events.join(", ")
    )
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let project = &desk.project;
    let scenario = scenario(args, &project.policy, clock::now()).map_err(Usage)?;
    let play = play(project, &scenario);
    if let Some(file) = &args.svg {
        std::fs::write(file, svg::draw(&play, project)).with_context(|| file.display().to_string())?;
    }
    if out.wants_json() {
        out.json(&Document::of(&play, project))?;
    } else {
        out.text(&text(&play, project))?;
        if let Some(file) = &args.svg {
            out.text(&format!("\nDrawn: {}\n", file.display()))?;
        }
    }
    Ok(Exit::Done)
}

fn scenario(args: &Args, policy: &Policy, now: Timestamp) -> Result<Scenario, String> {
    let at = args.at.as_deref().map_or(Ok(now), |text| instant(text, policy).map_err(|e| format!("--at {e}")))?;
    // Steps of the ladder are whole seconds.
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    let event = |text: &String| event(text, at, policy).map_err(|e| format!("--event {}: {e}", piece(text)));
    let events = args.events.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let days = args.days.unwrap_or(DAYS_MAX);
    let last = policy.add(at, Term::Civil { months: 0, days });
    if let Some((_, late)) = events.iter().find(|(at, _)| *at > last) {
        let more = if args.days.is_some() { "raise --days" } else { "write an earlier one" };
        return Err(format!("--event {}: it comes after the {days} days that are played; {more}", late.word()));
    }
    Ok(Scenario { at, severity: args.severity, events, days: args.days })
}

/// "2027-01-08T17:00Z", or "2027-01-08 18:00" in the policy's zone.
fn instant(text: &str, policy: &Policy) -> Result<Timestamp, String> {
    let zoned = || text.parse::<Zoned>().map(|z| z.timestamp());
    let local = || text.parse::<DateTime>().map(|d| policy.calendar.instant(d));
    let zone = &policy.calendar.zone_name;
    let write = || format!("{}: write \"2027-01-08 18:00\" ({zone}) or 2027-01-08T17:00:00Z", piece(text));
    let at: Timestamp = text.parse().or_else(|_| zoned()).or_else(|_| local()).map_err(|_| write())?;
    let year = policy.calendar.day(at).year();
    if (1970..=9000).contains(&year) { Ok(at) } else { Err(write()) }
}

/// "accepted@+3d".
fn event(text: &str, start: Timestamp, policy: &Policy) -> Result<(Timestamp, Happening), String> {
    let (what, at) = text.split_once('@').ok_or("it does not say when; write accepted@+3d")?;
    let what = what.parse()?;
    let at = match at.trim().strip_prefix('+') {
        Some(term) => policy.add(start, Term::parse(term)?),
        None => instant(at.trim(), policy).map_err(|e| format!("{e}, or +3d"))?,
    };
    if at < start {
        return Err("it comes before the report; write +3d for three days after it".to_owned());
    }
    Ok((at, what))
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    received: Timestamp,
    until: Timestamp,
    timezone: &'a str,
    severity: Option<Severity>,
    events: Vec<Happened>,
    clocks: Vec<Clock<'a>>,
    not_started: Vec<Waiting<'a>>,
    holidays: Vec<Date>,
    warnings: &'a [String],
}

/// What somebody did.
#[derive(Serialize)]
struct Happened {
    at: Timestamp,
    event: String,
}

/// A promise that ran.
#[derive(Serialize)]
struct Clock<'a> {
    promise: &'a str,
    until: Milestone,
    starts: Timestamp,
    deadline: Timestamp,
    state: ClockState,
    over: Option<Timestamp>,
    moved: Vec<Moved>,
    rungs: Vec<Rung<'a>>,
}

/// When a deadline was replaced, and which it was.
#[derive(Serialize)]
struct Moved {
    at: Timestamp,
    from: Timestamp,
}

/// A rung that spoke.
#[derive(Serialize)]
struct Rung<'a> {
    at: Timestamp,
    to: Audience,
    people: &'a [String],
    rung: String,
    nominal: Timestamp,
    warns: bool,
    and_so_on: Option<String>,
}

/// A promise that did not start, and the milestone that it waits for.
#[derive(Serialize)]
struct Waiting<'a> {
    promise: &'a str,
    from: Milestone,
}

impl<'a> Document<'a> {
    fn of(play: &'a Play, project: &'a Project) -> Self {
        Self {
            received: play.at,
            until: play.until,
            timezone: &project.policy.calendar.zone_name,
            severity: play.ticket.severity,
            events: play.events.iter().map(|(at, e)| Happened { at: *at, event: e.word() }).collect(),
            clocks: play.courses.iter().map(Clock::of).collect(),
            not_started: play.waiting.iter().map(|(promise, from)| Waiting { promise, from: *from }).collect(),
            holidays: project.policy.calendar.next_holidays(play.at),
            warnings: &play.warnings,
        }
    }
}

impl<'a> Clock<'a> {
    fn of(course: &'a Course) -> Self {
        let rung = |w: &'a Word| Rung {
            at: w.at,
            to: w.to,
            people: &w.people,
            rung: w.rung.to_string(),
            nominal: w.nominal,
            warns: w.warns,
            and_so_on: w.and_so_on.map(|t| t.to_string()),
        };
        Self {
            promise: &course.promise,
            until: course.until,
            starts: course.starts,
            deadline: course.deadline,
            state: course.state,
            over: course.over,
            moved: course.moved.iter().map(|(at, from)| Moved { at: *at, from: *from }).collect(),
            rungs: course.words.iter().map(rung).collect(),
        }
    }
}

/// "Example: a report of high severity, received Fri 8 January 2027, 18:00 (…)".
fn text(play: &Play, project: &Project) -> String {
    let bold = anstyle::Style::new().bold();
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    let policy = &project.policy;
    let mut text = format!("{bold}{}{bold:#}\n", headline(play, project));
    let only = if play.events.is_empty() { "" } else { " else" };
    text.push_str(&format!("Played until {}, as if nobody did anything{only}.\n\n", when(play.until, policy)));
    let rows = rows(play, policy);
    let heading = [&format!("WHEN ({})", policy.calendar.zone_name), "UTC", "PROMISE", "WHAT", "TO"];
    text.push_str(&table(&heading, rows.iter().map(|row| row.cells(policy))));
    if play.courses.iter().flat_map(|c| &c.words).any(|w| w.at != w.nominal) {
        text.push_str("\n* moved out of quiet time: a warning comes earlier, a nag later.\n");
    }
    if play.courses.is_empty() {
        text.push_str("\nNo promise runs for this report.\n");
    }
    for (promise, from) in &play.waiting {
        text.push_str(&format!("\n{promise} starts when {from} is reached: play it with --event {from}@+3d.\n"));
    }
    text.push_str(&holidays(policy, play.at));
    if !play.warnings.is_empty() {
        text.push('\n');
    }
    for warning in &play.warnings {
        text.push_str(&format!("{yellow}warning:{yellow:#} {}\n", clean_line(warning, 400)));
    }
    text
}

/// A line of the table. Lines of one instant stand in the order of their `rank`.
struct Row {
    at: Timestamp,
    rank: u8,
    promise: String,
    what: String,
    to: String,
}

impl Row {
    fn cells(&self, policy: &Policy) -> Vec<String> {
        let local = self.at.to_zoned(policy.calendar.zone.clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string();
        let utc = self.at.strftime("%Y-%m-%d %H:%MZ").to_string();
        vec![local, utc, self.promise.clone(), self.what.clone(), self.to.clone()]
    }
}

fn rows(play: &Play, policy: &Policy) -> Vec<Row> {
    let row = |at, rank, promise: &str, what: String, to: String| Row { at, rank, promise: promise.into(), what, to };
    let mut rows = vec![row(play.at, 0, "", "the report is received".into(), String::new())];
    rows.extend(play.events.iter().map(|(at, e)| row(*at, 1, "", happened(*e), String::new())));
    for course in &play.courses {
        let name = &course.promise;
        let mut add = |at, rank, what: String| rows.push(row(at, rank, name, what, String::new()));
        if course.starts > play.at {
            add(course.starts, 3, format!("starts; due {}", when(course.deadline, policy)));
        }
        for (at, (_, from)) in course.moved.iter().map(|m| (m.0, m)) {
            add(at, 2, format!("the deadline moves; it was {}", when(*from, policy)));
        }
        let broken = course.over.is_none_or(|over| over > course.deadline);
        if broken && course.deadline <= play.until {
            add(course.deadline, 4, format!("DEADLINE: BROKEN unless {} by now", course.until));
        }
        if let Some(over) = course.over {
            add(over, 2, ended(course).into());
        }
        rows.extend(course.words.iter().map(|w| row(w.at, 5, name, said(w, course), hearers(w))));
    }
    rows.sort_by_key(|r| (r.at, r.rank));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            calendar: crate::policy::Calendar {
                zone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
                zone_name: "Europe/Berlin".into(),
                ..Default::default()
            },
            promises: Vec::new(),
            ladder: Vec::new(),
            automatic_counts: false,
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let expect: Timestamp = "2027-01-08T17:00:00Z".parse().unwrap();
        for text in
            ["2027-01-08T17:00:00Z", "2027-01-08T18:00+01:00", "2027-01-08 18:00", "2027-01-08T18:00[Europe/Berlin]"]
        {
            assert_eq!(instant(text, &policy()), Ok(expect), "{text}");
        }
        for text in ["", "tomorrow", "18:00", "1066-10-14 09:00", "9999-12-31T00:00Z", "2027-13-01"] {
            let error = instant(text, &policy()).unwrap_err();
            assert!(error.ends_with("write \"2027-01-08 18:00\" (Europe/Berlin) or 2027-01-08T17:00:00Z"), "{error}");
        }
    }

    #[test]
    fn events_say_what_and_when() {
        let start: Timestamp = "2027-01-08T17:00:00Z".parse().unwrap();
        let check = |text: &str, expect: &str| {
            let (at, _) = event(text, start, &policy()).unwrap();
            assert_eq!(at.to_string(), expect, "{text}");
        };
        check("accepted@+3d", "2027-01-11T17:00:00Z");
        check("ask@+2 business days", "2027-01-12T16:00:00Z");
        check("severity:high@+36h", "2027-01-10T05:00:00Z");
        check("public@2027-02-01 12:00", "2027-02-01T11:00:00Z");
        let fails = |text: &str, expect: &str| {
            let error = event(text, start, &policy()).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        };
        fails("accepted", "write accepted@+3d");
        fails("accepted@", "or +3d");
        fails("accepted@3d", "or +3d");
        fails("accepted@+3", "the unit is missing");
        fails("acepted@+3d", "write one of acknowledged");
        fails("accepted@2026-01-01", "before the report");
    }
}
