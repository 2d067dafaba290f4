//! Holidays from an iCalendar file (RFC 5545): all-day events, once or each year. Whatever else stands in the file
//! is refused with its line rather than misread, since a missed holiday is a wrong deadline. What the calendar marks as
//! an observance is left out: people work on it.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::vocabulary::piece;

/// The last year for which a yearly event is written out.
const LAST_YEAR: i16 = 2100;
/// The longest event. A longer one is no holiday.
const LONGEST_DAYS: i64 = 366;
/// Far more events than any country has holidays in a century.
const MOST_EVENTS: usize = 20_000;

/// Reads the days of all all-day events that are no observances.
///
/// Of RFC 5545: line unfolding (3.1), VEVENT (3.6.1) with DTSTART, DTEND, DURATION and STATUS, and RRULE only as
/// "each year on the same date" with COUNT or UNTIL; without them up to the year 2100. What marks an observance stands in
/// SUMMARY, DESCRIPTION or CATEGORIES.
///
/// # Errors
/// A sentence with the line that cannot be used, and why.
pub(crate) fn holidays_from_ics(text: &str) -> Result<BTreeSet<Date>, String> {
    let mut days = BTreeSet::new();
    let (mut events, mut observances) = (0, 0);
    let mut calendar = false;
    let mut event: Option<Event> = None;
    // Depth of components inside of an event: alarms have properties of their own.
    let mut inside = 0_u32;
    for (number, line) in unfold(text) {
        let Some(property) = Property::read(&line) else { continue };
        let here = |why: String| format!("line {number}: {why}");
        match (property.name.as_str(), event.as_mut()) {
            ("BEGIN", None) if property.value.eq_ignore_ascii_case("VCALENDAR") => calendar = true,
            ("BEGIN", None) if property.value.eq_ignore_ascii_case("VEVENT") => {
                events += 1;
                if events > MOST_EVENTS {
                    return Err(here(format!("more than {MOST_EVENTS} events: this is not a list of holidays")));
                }
                event = Some(Event { line: number, ..Event::default() });
            }
            ("BEGIN", Some(_)) => inside = inside.saturating_add(1),
            ("END", Some(_)) if inside > 0 => inside -= 1,
            ("END", Some(_)) => {
                let event = event.take().unwrap_or_default();
                observances += usize::from(event.observance);
                days.extend(event.days()?);
            }
            (_, Some(event)) if inside == 0 => event.take_in(&property).map_err(here)?,
            (_, Some(_) | None) => {}
        }
    }
    if let Some(event) = event {
        return Err(format!("line {}: this event has no END:VEVENT: is the file cut off?", event.line));
    }
    if !calendar {
        return Err("this is not an iCalendar file: BEGIN:VCALENDAR is missing".to_owned());
    }
    if days.is_empty() && observances > 0 {
        return Err(format!("all that this calendar has are observances ({observances}), on which people work"));
    }
    if days.is_empty() {
        return Err("no all-day event is in this calendar".to_owned());
    }
    Ok(days)
}

/// Joins folded lines: a line that begins with a blank continues the one before it (RFC 5545 section 3.1).
fn unfold(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            (Some(_), None) | (None, _) => lines.push((index + 1, line.to_owned())),
        }
    }
    lines
}

/// One content line: NAME;PARAMETER=…:VALUE.
struct Property {
    name: String,
    value: String,
}

impl Property {
    fn read(line: &str) -> Option<Property> {
        let mut quoted = false;
        // A colon inside of a quoted parameter does not end the parameters (RFC 5545 section 3.2).
        let colon = line.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == ':' && !quoted
        })?;
        let (head, value) = line.split_at_checked(colon.0)?;
        let (name, _) = head.split_once(';').unwrap_or((head, ""));
        Some(Property { name: name.trim().to_ascii_uppercase(), value: value.strip_prefix(':')?.trim().to_owned() })
    }

    /// A date, when it is one: VALUE=DATE may be left out by producers, eight digits are clear enough.
    fn date(&self) -> Result<Date, String> {
        if self.value.contains(['T', 't']) {
            return Err(format!("{} has a time of day: only all-day events (VALUE=DATE) are holidays", self.name));
        }
        compact(&self.value).ok_or_else(|| format!("{} is not a date: write it like 20271225", piece(&self.value)))
    }
}

/// "20271225".
fn compact(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// What of a VEVENT makes its days.
#[derive(Default)]
struct Event {
    line: usize,
    start: Option<Date>,
    end: Option<Date>,
    days: Option<i64>,
    yearly: Option<Yearly>,
    cancelled: bool,
    observance: bool,
}

/// Each year on the same date, so long.
#[derive(Default)]
struct Yearly {
    count: Option<usize>,
    until: Option<Date>,
    month: Option<i8>,
    day: Option<i8>,
}

impl Event {
    fn take_in(&mut self, property: &Property) -> Result<(), String> {
        match property.name.as_str() {
            "DTSTART" => self.start = Some(property.date()?),
            "DTEND" => self.end = Some(property.date()?),
            "DURATION" => self.days = Some(duration(&property.value)?),
            "RRULE" => self.yearly = Some(Yearly::read(&property.value)?),
            "STATUS" => self.cancelled = property.value.eq_ignore_ascii_case("CANCELLED"),
            "SUMMARY" | "DESCRIPTION" | "CATEGORIES" => self.observance |= marks_observance(&property.value),
            "RDATE" | "EXDATE" | "EXRULE" | "RECURRENCE-ID" => {
                return Err(format!("{} is not understood: list each day as an event of its own", property.name));
            }
            _ => {}
        }
        Ok(())
    }

    fn days(self) -> Result<Vec<Date>, String> {
        let here = |why: &str| format!("line {}: {why}", self.line);
        if self.cancelled || self.observance {
            return Ok(Vec::new());
        }
        let start = self.start.ok_or_else(|| here("this event has no DTSTART"))?;
        let length = match (self.end, self.days) {
            // DTEND is the day after the last one. Many programs write the same day for one day.
            (Some(end), _) => {
                i64::from(start.until(end).map_or(0, |span| span.get_days())).max(i64::from(end == start))
            }
            (None, Some(days)) => days,
            (None, None) => 1,
        };
        if length < 1 {
            return Err(here("this event ends before it begins"));
        }
        if length > LONGEST_DAYS {
            return Err(here("this event lasts longer than a year: a holiday is a day or a few"));
        }
        let starts = match self.yearly {
            None => vec![start],
            Some(yearly) => yearly.starts(start).map_err(|why| here(&why))?,
        };
        let run = |first: Date| (0..length).map_while(move |day| first.checked_add(day.days()).ok());
        Ok(starts.into_iter().flat_map(run).collect())
    }
}

/// Whether an event says that people work on its day. Google's calendars say so in the language of their reader: below
/// what the day is, a second line tells how to hide such days in Google's settings, and no public holiday has that line.
fn marks_observance(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let said = ["observance", "not a public holiday"].iter().any(|mark| value.contains(mark));
    said || value.split_once("\\n").is_some_and(|(_, below)| below.contains("google"))
}

/// "P3D" or "P1W" (RFC 5545 section 3.3.6).
fn duration(text: &str) -> Result<i64, String> {
    let read = |unit: char| text.strip_prefix('P')?.strip_suffix(unit)?.parse::<u8>().ok().map(i64::from);
    let days = read('D').or_else(|| read('W').map(|weeks| weeks * 7));
    days.ok_or_else(|| format!("{} is not a number of days: write it like P1D", piece(text)))
}

impl Yearly {
    fn read(rule: &str) -> Result<Yearly, String> {
        let refused = || {
            format!(
                "the rule {} is not understood: only FREQ=YEARLY on one date is; list the days one by one",
                piece(rule)
            )
        };
        let mut yearly = Yearly::default();
        let mut each_year = false;
        for part in rule.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(refused)?;
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" if value.eq_ignore_ascii_case("YEARLY") => each_year = true,
                "INTERVAL" if value == "1" => {}
                "WKST" => {}
                "COUNT" => yearly.count = Some(value.parse().map_err(|_| refused())?),
                "UNTIL" => {
                    let day = value.split(['T', 't']).next().unwrap_or_default();
                    yearly.until = Some(compact(day).ok_or_else(refused)?);
                }
                "BYMONTH" => yearly.month = Some(value.parse().map_err(|_| refused())?),
                "BYMONTHDAY" => yearly.day = Some(value.parse().map_err(|_| refused())?),
                _ => return Err(refused()),
            }
        }
        if each_year { Ok(yearly) } else { Err(refused()) }
    }

    fn starts(&self, start: Date) -> Result<Vec<Date>, String> {
        if self.month.is_some_and(|month| month != start.month()) || self.day.is_some_and(|day| day != start.day()) {
            return Err("the rule of this event names another date than its DTSTART".to_owned());
        }
        // BYMONTH alone keeps the day; BYMONTHDAY alone would mean that day of every month.
        if self.day.is_some() && self.month.is_none() {
            return Err("the rule of this event names a day without its month: write BYMONTH too".to_owned());
        }
        let until = self.until.unwrap_or(date(LAST_YEAR, 12, 31)).min(date(LAST_YEAR, 12, 31));
        // 29 February comes in leap years only: RFC 5545 section 3.3.10 passes over dates that do not exist.
        Ok((start.year()..=LAST_YEAR)
            .filter_map(|year| Date::new(year, start.month(), start.day()).ok())
            .take_while(|day| *day <= until)
            .take(self.count.unwrap_or(usize::MAX))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A calendar around one event.
    fn calendar(event: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    }

    fn days(text: &str) -> Vec<String> {
        holidays_from_ics(text).unwrap().iter().map(Date::to_string).collect()
    }

    #[test]
    fn all_day_events_become_days() {
        let check = |event: &str, expect: &[&str]| assert_eq!(days(&calendar(event)), expect, "{event}");
        check("DTSTART;VALUE=DATE:20271225", &["2027-12-25"]);
        check("DTSTART:20271225", &["2027-12-25"]);
        check("dtstart;value=date:20271225\r\ndtend;value=date:20271226", &["2027-12-25"]);
        check("DTSTART;VALUE=DATE:20271225\r\nDTEND;VALUE=DATE:20271225", &["2027-12-25"]);
        check("DTSTART;VALUE=DATE:20271231\r\nDTEND;VALUE=DATE:20280102", &["2027-12-31", "2028-01-01"]);
        check("DTSTART;VALUE=DATE:20280228\r\nDURATION:P2D", &["2028-02-28", "2028-02-29"]);
        check("DTSTART;X-NOTE=\"a:b;c\";VALUE=DATE:20271225", &["2027-12-25"]);
        check("DTSTART;VALUE=DA\r\n TE:2027\r\n\t1225", &["2027-12-25"]);
        check(
            "DTSTART;VALUE=DATE:20271225\r\nBEGIN:VALARM\r\nTRIGGER:-PT1H\r\nDURATION:PT5M\r\nEND:VALARM",
            &["2027-12-25"],
        );
        check("SUMMARY:DTSTART;VALUE=DATE:20270101\r\nDTSTART;VALUE=DATE:20271225", &["2027-12-25"]);
        check("DTSTART;VALUE=DATE:20271225\r\nRRULE:FREQ=YEARLY;COUNT=2", &["2027-12-25", "2028-12-25"]);
        check("DTSTART;VALUE=DATE:20280229\r\nRRULE:FREQ=YEARLY;UNTIL=20330101T000000Z", &["2028-02-29", "2032-02-29"]);
    }

    #[test]
    fn a_yearly_day_goes_on_to_the_last_year() {
        let days = days(&calendar("DTSTART;VALUE=DATE:19700101\r\nRRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1"));
        assert_eq!((days.len(), days.last().map(String::as_str)), (131, Some("2100-01-01")));
    }

    #[test]
    fn a_cancelled_event_is_no_holiday() {
        let text = calendar("DTSTART:20271224\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20271225");
        assert_eq!(days(&text), ["2027-12-25"]);
    }

    /// Google writes the mark in the language of the calendar.
    #[test]
    fn an_observance_is_no_holiday() {
        let feast = "DTSTART;VALUE=DATE:20271225\r\nSUMMARY:A day off\r\nDESCRIPTION:";
        for mark in [
            "DESCRIPTION:Observance\\nTo hide observances\\, go to Google Calendar Setting\r\n s > Holidays",
            "DESCRIPTION:Gedenktag\\nEinstellungen von Google Kalender > Feiertage",
            "DESCRIPTION:\u{8a18}\u{5ff5}\u{65e5}\\nGoogle \u{8a2d}\u{5b9a}",
            "CATEGORIES:Religious,Observance",
            "SUMMARY:Half of a day (not a public holiday)",
        ] {
            let both =
                format!("DTSTART;VALUE=DATE:20270214\r\n{mark}\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n{feast}Public holiday");
            assert_eq!(days(&calendar(&both)), ["2027-12-25"], "{mark}");
        }
        // What only moved is a day off, and so is what says more of itself.
        for kept in ["Public holiday", "Public holiday\\nOffices are closed", "Christmas Day (observed)"] {
            assert_eq!(days(&calendar(&format!("{feast}{kept}"))), ["2027-12-25"], "{kept}");
        }
        let none = calendar("DTSTART;VALUE=DATE:20270214\r\nCATEGORIES:Observance");
        assert!(holidays_from_ics(&none).unwrap_err().contains("observances (1)"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_line() {
        let check = |event: &str, expect: &str| {
            let error = holidays_from_ics(&calendar(event)).unwrap_err();
            assert!(error.contains(expect), "{event}: {error}");
        };
        check("DTSTART:20271225T090000Z", "line 4: DTSTART has a time of day");
        check("DTSTART;VALUE=DATE:20271325", "is not a date");
        check("DTSTART;VALUE=DATE:２0271225", "is not a date");
        check("SUMMARY:no day", "line 3: this event has no DTSTART");
        check("DTSTART:20271225\r\nDTEND:20271224", "ends before it begins");
        check("DTSTART:20271225\r\nDTEND:20291225", "longer than a year");
        check("DTSTART:20271225\r\nDURATION:PT5H", "line 5:");
        check("DTSTART:20271225\r\nRRULE:FREQ=MONTHLY", "only FREQ=YEARLY");
        check("DTSTART:20271125\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "only FREQ=YEARLY");
        check("DTSTART:20271225\r\nRRULE:FREQ=YEARLY;INTERVAL=2", "only FREQ=YEARLY");
        check("DTSTART:20271225\r\nRRULE:FREQ=YEARLY;BYMONTH=11", "another date");
        check("DTSTART:20271225\r\nRRULE:FREQ=YEARLY;BYMONTHDAY=25", "write BYMONTH too");
        check("DTSTART:20271225\r\nEXDATE:20281225", "EXDATE is not understood");
        assert!(holidays_from_ics("").unwrap_err().contains("BEGIN:VCALENDAR"));
        assert!(holidays_from_ics("<html>404</html>").unwrap_err().contains("BEGIN:VCALENDAR"));
        assert!(holidays_from_ics("BEGIN:VCALENDAR\nEND:VCALENDAR").unwrap_err().contains("no all-day event"));
        let cut = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20271225\n";
        assert!(holidays_from_ics(cut).unwrap_err().contains("cut off"));
    }
}
