//! `[policy]`: the promises, the ladders, the people's hours.

use std::collections::BTreeSet;
use std::io::Read;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::error::{any_of, nearest};
use super::reader::{Table, Value, Wrong};
use super::value;
use crate::policy::calendar::{self, OFFICE_HOURS, Quiet};
use crate::policy::{Audience, Calendar, Milestone, Policy, Promise, Rung, RungAt, Severity, Term, Within, presets};

/// Monday first, as [`Calendar::workdays`].
const WEEKDAYS: &[(&str, usize)] =
    &[("Mon", 0), ("Tue", 1), ("Wed", 2), ("Thu", 3), ("Fri", 4), ("Sat", 5), ("Sun", 6)];

/// The preset when neither a preset nor a promise is written.
const STANDARD: &str = "standard";
/// The longest .ics file of holidays, in octets.
const MAX_ICS: u64 = 1024 * 1024;
/// No reminder repeats faster: a person cannot act sooner, and would stop to read them.
const FASTEST_REPEAT: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// The policy: what is not written is the preset `standard` and office hours in UTC.
pub(super) fn policy(file: &Table<'_>) -> Option<Policy> {
    let Some(table) = file.table("policy", "[policy]") else {
        return Some(Policy {
            calendar: Calendar::default(),
            promises: presets::by_name(STANDARD)?,
            ladder: presets::default_ladder(),
            automatic_counts: false,
        });
    };
    let calendar = calendar(&table);
    let preset = table.get("preset").and_then(|v| v.choose("preset", &preset_names()));
    let own: Vec<Option<Promise>> = unique_promises(&table.tables("promise", "[[policy.promise]]"));
    let standard = if own.is_empty() { Some(STANDARD) } else { None };
    let mut promises = preset.or(standard).and_then(presets::by_name).unwrap_or_default();
    for promise in own.into_iter().flatten() {
        match promises.iter_mut().find(|p| p.name == promise.name) {
            Some(replaced) => *replaced = promise,
            None => promises.push(promise),
        }
    }
    let ladder = ladder(&table, "rung", "[[policy.rung]]").unwrap_or_else(presets::default_ladder);
    let automatic_counts = table.boolean("automatic_counts", false);
    Some(Policy { calendar, promises, ladder, automatic_counts })
}

fn preset_names() -> Vec<(&'static str, &'static str)> {
    presets::NAMES.iter().map(|(name, _)| (*name, *name)).collect()
}

fn milestone(value: Value<'_>) -> Option<Milestone> {
    value.choose("milestone", &Milestone::ALL.map(|milestone| (milestone.word(), milestone)))
}

fn calendar(table: &Table<'_>) -> Calendar {
    let mut calendar = Calendar::default();
    if let Some((name, zone)) = table.get("timezone").and_then(|v| v.parse("UTC", zone)) {
        calendar.zone_name = name;
        calendar.zone = zone;
    }
    if let Some(workdays) = table.get("workdays").and_then(workdays) {
        calendar.workdays = workdays;
    }
    if let Some(hours) = table.get("hours").and_then(|v| hours(v, calendar.workdays)) {
        calendar.hours = hours;
    }
    if let Some(listed) = table.get("holidays").and_then(|v| v.list("2027-01-01")) {
        calendar.holidays = listed.into_iter().flat_map(holidays).collect();
    }
    if let Some(quiet) = table.get("quiet").and_then(|v| v.parse("outside hours", quiet)) {
        calendar.quiet = quiet;
    }
    calendar
}

/// What a person says of their own time; `None` when they go by the policy's.
pub(super) fn own_calendar(table: &Table<'_>, policy: &Calendar) -> Option<Calendar> {
    let zone = table.get("timezone").and_then(|v| v.parse("Europe/Berlin", zone));
    let quiet = table.get("quiet").and_then(|v| v.parse("22:00-07:00", quiet));
    if zone.is_none() && quiet.is_none() {
        return None;
    }
    let mut own = policy.clone();
    if let Some((name, zone)) = zone {
        (own.zone_name, own.zone) = (name, zone);
    }
    own.quiet = quiet.unwrap_or(own.quiet);
    Some(own)
}

fn zone(text: &str) -> Result<(String, TimeZone), Wrong> {
    TimeZone::get(text).map(|zone| (zone.iana_name().unwrap_or(text).to_owned(), zone)).map_err(|_| {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = nearest(text, names.iter().map(String::as_str));
        let write = near.map_or_else(|| "an IANA name such as \"Europe/Berlin\"".to_owned(), |n| format!("{n:?}"));
        Wrong::new(format!("unknown timezone {text:?}"), write)
    })
}

fn workdays(value: Value<'_>) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    let listed = value.list("Mon")?;
    if listed.is_empty() {
        value.wrong("nobody ever works: \"business days\" would have no end", "at least one day");
    }
    for item in listed {
        if let Some(day) = item.choose("day", WEEKDAYS).and_then(|index| days.get_mut(index)) {
            if *day {
                item.wrong("this day stands here twice", "each day once");
            }
            *day = true;
        }
    }
    Some(days)
}

/// The same hours for all days, or a table by day. A working day that is not in the table has the usual ones.
fn hours(value: Value<'_>, workdays: [bool; 7]) -> Option<[Hours; 7]> {
    if value.is_string() {
        return value.parse("09:00-17:00", office_hours).map(|all| [all; 7]);
    }
    let write = "\"09:00-17:00\" for all days, or a table such as { Fri = \"09:00-13:00\" }";
    let mut hours: [Option<Hours>; 7] = [None; 7];
    for value in value.entries("a time", write)? {
        let is_meant = |(day, _): &&(&str, usize)| day.eq_ignore_ascii_case(value.key);
        let Some((day, index)) = WEEKDAYS.iter().find(is_meant) else {
            let days = || WEEKDAYS.iter().map(|(day, _)| *day);
            let write = nearest(value.key, days()).map_or_else(|| any_of(days()), |near| format!("{near:?}"));
            value.wrong_key(format!("unknown day {:?}", value.key), write);
            continue;
        };
        let (Some(hours), Some(works)) = (hours.get_mut(*index), workdays.get(*index)) else { continue };
        if hours.is_some() {
            value.wrong_key("this day stands here twice", "each day once");
        }
        *hours = value.parse("09:00-17:00", office_hours);
        if !works {
            value.wrong_key(format!("{day} has hours and is no working day"), format!("it in workdays, or no {day}"));
        }
    }
    Some(hours.map(|hours| hours.unwrap_or(OFFICE_HOURS)))
}

/// Start and close of business.
type Hours = (Time, Time);

/// Close of business where business does not close: "24:00".
const LAST_SECOND: Time = jiff::civil::time(23, 59, 59, 0);

fn office_hours(text: &str) -> Result<Hours, Wrong> {
    let write = "start and close of business, such as \"09:00-17:00\"";
    let (open, close) = value::hours(text).ok_or_else(|| Wrong::new(format!("{text:?} are no hours"), write))?;
    // Midnight itself is of the next day, and a deadline then would be a day later to whoever reads it.
    let close = if close == Time::midnight() { LAST_SECOND } else { close };
    if open >= close {
        return Err(Wrong::new(format!("the hours {text:?} end before they start"), write));
    }
    Ok((open, close))
}

fn quiet(text: &str) -> Result<Quiet, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "outside hours" => Ok(Quiet::OutsideHours),
        "never" => Ok(Quiet::Never),
        _ => match value::hours(text) {
            Some((start, end)) if start != end => Ok(Quiet::Between(start, end)),
            _ => {
                let write = "\"outside hours\", \"never\" or a time such as \"22:00-07:00\"";
                Err(Wrong::new(format!("{text:?} is no quiet time"), write))
            }
        },
    }
}

/// One day, or those of an .ics file.
fn holidays(value: Value<'_>) -> BTreeSet<Date> {
    // Without quotes it is a date to TOML, and as clear.
    let bare = value.bare_date();
    let text = match &bare {
        Some(date) => date.as_str(),
        None => value.string("2027-01-01").unwrap_or_default(),
    };
    if text.is_empty() && !value.is_string() {
        return BTreeSet::new();
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2027-01-01".len()
    {
        return BTreeSet::from([date]);
    }
    if !text.to_ascii_lowercase().ends_with(".ics") {
        value.wrong(format!("{text:?} is neither a day nor an .ics file"), "\"2027-01-01\" or \"holidays.ics\"");
        return BTreeSet::new();
    }
    let path = value.file().parent().map_or_else(|| text.into(), |folder| folder.join(text));
    let read = std::fs::File::open(path).and_then(|file| {
        let mut ics = String::new();
        file.take(MAX_ICS).read_to_string(&mut ics).map(|_| ics)
    });
    let days = read.map_err(|e| e.to_string()).and_then(|ics| calendar::holidays_from_ics(&ics));
    days.unwrap_or_else(|why| {
        value.wrong(format!("the holidays in {text:?} cannot be read: {why}"), "an iCalendar file beside the config");
        BTreeSet::new()
    })
}

fn unique_promises(tables: &[Table<'_>]) -> Vec<Option<Promise>> {
    let mut names: Vec<String> = Vec::new();
    tables
        .iter()
        .map(|table| {
            let promise = promise(table)?;
            if names.contains(&promise.name)
                && let Some(value) = table.get("name")
            {
                value.wrong(format!("two promises are named {:?}", promise.name), "a name of its own for each");
            }
            names.push(promise.name.clone());
            Some(promise)
        })
        .collect()
}

fn promise(table: &Table<'_>) -> Option<Promise> {
    let name = table.need("name", "acknowledge").and_then(|v| v.parse("acknowledge", promise_name));
    let recurring = table.get("every").is_some();
    let term = promised_term(table);
    let from = table.get("from").map_or(Some(Milestone::Received), milestone);
    let default_until = recurring.then_some(Milestone::LastHeardFromUs);
    if default_until.is_none() {
        table.need("until", "acknowledged");
    }
    let until = table.get("until").map_or(default_until, milestone);
    // No other milestone comes again: from the second round on, the promise could not be kept.
    if let (true, Some(until), Some(value)) = (recurring && table.get("within").is_none(), until, table.get("until"))
        && until != Milestone::LastHeardFromUs
    {
        value.wrong("every promises that the reporter hears from us again and again", "no until beside every");
    }
    if let (Some(from), Some(until), Some(value)) = (from, until, table.get("until")) {
        if from == until {
            value.wrong("this promise ends where it starts", "another milestone in from or until");
        } else if until == Milestone::Received {
            value.wrong("\"received\" keeps no promise: it is where each report starts", "a later milestone");
        }
    }
    if let (Some(Milestone::Done), Some(value)) = (from, table.get("from")) {
        value.wrong("\"done\" only keeps a promise, by /done with its name; it starts none", "another milestone");
    }
    let or_sooner = or_sooner(table);
    let pauses = table.boolean("pauses", false);
    let about = table.get("about").and_then(|v| v.parse("Mail the registered users.", about));
    let own = ladder(table, "rung", "[[policy.promise.rung]]");
    let listed = ladder(table, "rungs", "[[policy.promise.rung]]");
    if let (Some(value), Some(_)) = (table.get("rungs"), table.get("rung")) {
        value.wrong_key("a promise with rungs and [[policy.promise.rung]]", "one of them");
    }
    let tells = own.iter().chain(&listed).flatten().any(|rung| rung.to == Audience::Reporter);
    if let (Some(ladder), Some(Milestone::Acknowledged), true) =
        (table.get("rungs").or(table.get("rung")), until, tells)
    {
        ladder.wrong_key(
            "a rung to the reporter in a promise to acknowledge: it would say that nobody has answered",
            "another audience",
        );
    }
    Some(Promise {
        name: name?,
        from: from?,
        until: until?,
        within: term?,
        recurring,
        pauses,
        or_sooner: or_sooner?,
        about,
        ladder: own.or(listed),
    })
}

/// How long after its beginning a promise is due: `within`, or `every` for one that recurs.
fn promised_term(table: &Table<'_>) -> Option<Within> {
    match (table.get("within"), table.get("every")) {
        (Some(within), None) => self::within(within),
        (None, Some(every)) => positive_term(every, "14d").map(Within::All),
        (Some(_), Some(every)) => {
            every.wrong_key("a promise with within and every", "one of them");
            None
        }
        (None, None) => {
            table.wrong("[[policy.promise]] has no term", "within = \"48h\", or every = \"14d\"");
            None
        }
    }
}

/// The milestone that brings a promise forward, and how long after it the promise is due. The outer `None` is a
/// mistake that has been noted.
fn or_sooner(table: &Table<'_>) -> Option<Option<(Milestone, Term)>> {
    let grace = table.get("grace").map(|v| term_of(v, "0d"));
    let Some(sooner) = table.get("or_sooner") else {
        let Some(grace) = table.get("grace") else { return Some(None) };
        grace.wrong_key("grace without or_sooner", "or_sooner = \"fix-released\" beside it");
        return None;
    };
    let milestone = self::milestone(sooner);
    if milestone == Some(Milestone::Done) {
        sooner.wrong("\"done\" only keeps a promise, it brings none forward", "another milestone");
    }
    let grace = grace.unwrap_or(Some(Term::Civil { months: 0, days: 0 }));
    milestone.zip(grace).map(Some)
}

fn about(text: &str) -> Result<String, Wrong> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 300 || text.chars().any(char::is_control) {
        let write = "one line of at most 300 characters, such as \"Mail the registered users.\"";
        return Err(Wrong::new("about is not one short line", write));
    }
    Ok(crate::vocabulary::clean_line(text, 300))
}

fn promise_name(text: &str) -> Result<String, Wrong> {
    let good = (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    if good {
        return Ok(text.to_owned());
    }
    let write = "1 to 40 small letters, digits and dashes, a letter first, such as \"acknowledge\"";
    Err(Wrong::new(format!("{text:?} is no name of a promise"), write))
}

/// One term, or one by severity.
fn within(value: Value<'_>) -> Option<Within> {
    if value.is_string() {
        return positive_term(value, "48h").map(Within::All);
    }
    let table = value.table_or("within", "a term", "one such as \"48h\", or { critical = \"48h\", high = \"7d\" }")?;
    // The worst first, which has the least time.
    let severities = Severity::ALL.into_iter().rev();
    let named = severities.filter_map(|severity| Some((severity, table.get(severity.word())?)));
    let terms: Vec<_> = named.map(|(severity, value)| Some((severity, positive_term(value, "7d")?))).collect();
    if terms.is_empty() {
        value.wrong("within names no severity", "within = { critical = \"48h\", high = \"7d\" }");
    }
    let terms: Vec<(Severity, Term)> = terms.into_iter().collect::<Option<_>>()?;
    for ((worse, long), (better, short)) in terms.iter().zip(terms.iter().skip(1)) {
        if long.nominal() > short.nominal() {
            value.warn(format!("{worse} has more time ({long}) than {better} ({short})"));
        }
    }
    Some(Within::BySeverity(terms))
}

fn term_of(value: Value<'_>, example: &str) -> Option<Term> {
    value.parse(example, |text| Term::parse(text).map_err(|why| Wrong::sentence(&why, "\"48h\" or \"7d\"")))
}

fn positive_term(value: Value<'_>, example: &str) -> Option<Term> {
    let term = term_of(value, example)?;
    if term.is_zero() {
        value.wrong("a term of no time cannot be kept", format!("a longer one, such as {example:?}"));
        return None;
    }
    Some(term)
}

/// The rungs below a key; `None` when there is no such key.
fn ladder(table: &Table<'_>, key: &str, name: &'static str) -> Option<Vec<Rung>> {
    let value = table.get(key)?;
    let tables = table.tables(key, name);
    if tables.is_empty() && value.is_list() {
        value.wrong(
            "a ladder without rungs: the promise would be broken unannounced",
            "at least { at = \"due\", to = \"team\" }",
        );
    }
    let rungs: Vec<Option<Rung>> = tables.iter().map(rung).collect();
    let rungs: Vec<Rung> = rungs.into_iter().collect::<Option<_>>()?;
    let people = || rungs.iter().filter(|rung| rung.to != Audience::Reporter);
    if !rungs.is_empty() && people().next().is_none() {
        value.wrong(
            "a ladder that speaks to the reporter alone: the promise would be broken unannounced",
            "a rung to owner, team, lead or escalation too",
        );
    } else if !people().any(|rung| rung.at.warns()) {
        value.warn("no rung speaks before the deadline: people hear of it when it is too late");
    }
    Some(rungs)
}

fn rung(table: &Table<'_>) -> Option<Rung> {
    let at = table.need("at", "-24h").and_then(|value| {
        value.parse("-24h", |text| RungAt::parse(text).map_err(|why| Wrong::sentence(&why, "\"-24h\" or \"due\"")))
    });
    let to = table
        .need("to", "team")
        .and_then(|value| value.choose("audience", &Audience::ALL.map(|audience| (audience.word(), audience))));
    let every = table.get("every").map(|value| {
        let term = positive_term(value, "1d")?;
        if term.nominal() < FASTEST_REPEAT {
            value.wrong("a reminder that repeats so fast is not read", "\"10m\" or longer");
        }
        Some(term)
    });
    if let (Some(at), Some(Audience::Reporter), Some(value)) = (at, to, table.get("at"))
        && !at.warns()
    {
        value.wrong(
            "a rung to the reporter at or after the deadline: a broken promise is told to the reporter by a person",
            "a share or a time before the deadline, such as \"50%\" or \"-7d\"",
        );
    }
    Some(Rung { at: at?, to: to?, every: every.map_or(Some(None), |e| e.map(Some))? })
}
