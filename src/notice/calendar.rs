//! Deadlines as a calendar file: iCalendar (RFC 5545), PUBLISH of iTIP (RFC 5546), as a part of a mail (RFC 6047).
//!
//! A mail has one file, whatever it changes. What is taken out is published as cancelled (RFC 5546 section 3.2.1): a
//! CANCEL is about one appointment, and many files are many questions to whoever reads the mail.
//!
//! What is known to people's calendars is a UID; of two versions the one with the higher SEQUENCE holds. Same events,
//! same bytes: the time stamp is an argument.

use icalendar::{Calendar, Class, Component, Event, EventStatus};
use jiff::{SignedDuration, Timestamp};

use super::CalendarEvent;
use crate::vocabulary::Address;

/// The name of the file.
pub(crate) const NAME: &str = "deadlines.ics";
/// What it asks of a calendar. The part of the mail says the same (RFC 6047 section 2.4).
pub(crate) const METHOD: &str = "PUBLISH";

/// What calendars show below the summary. Fixed: no word of a report belongs there.
const DESCRIPTION: &str = "A promise of the security policy ends here. To see how it stands, reply to a mail about \
                           this ticket with /status on the first line.";
/// How much of a day a deadline takes up: so much before it.
const LENGTH: SignedDuration = SignedDuration::from_mins(30);
/// The longest line (RFC 5545 section 3.1), without its CRLF.
const LINE: usize = 75;

/// The file that carries these events, lines of at most 75 octets that end in CRLF; `None` where there are none.
/// `organizer` is the project's own address; `now` is when it is made.
pub(crate) fn file(events: &[CalendarEvent], organizer: &Address, now: Timestamp) -> Option<String> {
    if events.is_empty() {
        return None;
    }
    let mut calendar = Calendar::empty();
    for property in [("VERSION", "2.0"), ("PRODID", "-//disclosed//disclosed//EN"), ("METHOD", METHOD)] {
        calendar.append_property(property);
    }
    for event in events {
        calendar.push(one(event, organizer, now));
    }
    Some(fold(&calendar.to_string()))
}

fn one(event: &CalendarEvent, organizer: &Address, now: Timestamp) -> Event {
    let status = if event.cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed };
    Event::new()
        .uid(&text(&event.uid))
        .sequence(event.sequence)
        .add_property("DTSTAMP", instant(now))
        .add_property("DTSTART", instant(event.at.checked_sub(LENGTH).unwrap_or(event.at)))
        .add_property("DTEND", instant(event.at))
        .add_property("ORGANIZER", format!("mailto:{}", organizer.as_str()))
        .summary(&text(&event.summary))
        .description(DESCRIPTION)
        // Nobody is busy because something is due.
        .add_property("TRANSP", "TRANSPARENT")
        .class(Class::Private)
        .status(status)
        .done()
}

/// "20270106T093000Z": UTC, whole seconds (RFC 5545 section 3.3.5), of the years that have four digits.
fn instant(at: Timestamp) -> String {
    const LAST_SECOND: i64 = 253_402_300_799;
    let at = Timestamp::from_second(at.as_second().clamp(0, LAST_SECOND)).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The library escapes line feeds and leaves other controls in, a CR among them: it would end the line.
fn text(text: &str) -> String {
    let text = crate::mail::decode::line_ends(text.to_owned());
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

/// The library makes continuation lines of up to 76 octets, which is one too many.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive("\r\n") {
        let mut rest = line.strip_suffix("\r\n").unwrap_or(line);
        let mut room = LINE;
        while rest.len() > room {
            let (head, tail) = rest.split_at_checked(rest.floor_char_boundary(room)).unwrap_or((rest, ""));
            out.push_str(head);
            out.push_str("\r\n ");
            rest = tail;
            // The blank that begins a continuation counts.
            room = LINE - 1;
        }
        out.push_str(rest);
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarProperty as Property, ICalendarValue};
    use calcard::{Entry, Parser};
    use proptest::prelude::*;

    use super::*;

    fn event(uid: &str, summary: &str, cancelled: bool) -> CalendarEvent {
        let at = "2027-01-06T10:00:00.7Z".parse().unwrap();
        CalendarEvent { uid: uid.into(), sequence: 3, summary: summary.into(), at, cancelled }
    }

    fn made(events: &[CalendarEvent]) -> Option<String> {
        let organizer = Address::parse("security@example.org").unwrap();
        let make = || file(events, &organizer, "2027-01-04T09:00:00Z".parse().unwrap());
        assert_eq!(make(), make(), "G10");
        make()
    }

    /// As another reader than the writer's sees a file.
    fn read(file: &str) -> ICalendar {
        for line in file.split_inclusive('\n') {
            let line = line.strip_suffix("\r\n").unwrap_or_else(|| panic!("not CRLF: {file:?}"));
            assert!(line.len() <= LINE && !line.contains('\r') && !line.is_empty(), "{line:?}");
        }
        let mut parser = Parser::new(file);
        let Entry::ICalendar(calendar) = parser.entry() else { panic!("no calendar: {file:?}") };
        assert!(matches!(parser.entry(), Entry::Eof), "{file:?}");
        calendar
    }

    /// The values of a property of each component of a kind, as text.
    fn values(calendar: &ICalendar, kind: &ICalendarComponentType, name: &Property) -> Vec<String> {
        let of_kind = calendar.components.iter().filter(|c| c.component_type == *kind);
        let entries = of_kind.flat_map(|c| c.properties(name));
        entries
            .map(|e| match e.values.as_slice() {
                [] => String::new(),
                [ICalendarValue::Text(text)] => text.clone(),
                [ICalendarValue::Integer(number)] => number.to_string(),
                [ICalendarValue::PartialDateTime(at)] => {
                    Timestamp::from_second(at.to_timestamp().unwrap()).unwrap().to_string()
                }
                [other] => other.as_text().map_or_else(|| format!("{other:?}"), str::to_owned),
                several => panic!("{name:?}: {several:?}"),
            })
            .collect()
    }

    #[test]
    fn a_whole_file() {
        let file = made(&[event("sec-17-acknowledge@example.org", "SEC-17: acknowledge due", false)]);
        let expect = "\
BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//disclosed//disclosed//EN\r
METHOD:PUBLISH\r
BEGIN:VEVENT\r
CLASS:PRIVATE\r
DESCRIPTION:A promise of the security policy ends here. To see how it stand\r
 s\\, reply to a mail about this ticket with /status on the first line.\r
DTEND:20270106T100000Z\r
DTSTAMP:20270104T090000Z\r
DTSTART:20270106T093000Z\r
ORGANIZER:mailto:security@example.org\r
SEQUENCE:3\r
STATUS:CONFIRMED\r
SUMMARY:SEC-17: acknowledge due\r
TRANSP:TRANSPARENT\r
UID:sec-17-acknowledge@example.org\r
END:VEVENT\r
END:VCALENDAR\r
";
        assert_eq!(file.as_deref(), Some(expect));
    }

    #[test]
    fn another_reader_sees_the_events() {
        use ICalendarComponentType::{VCalendar, VEvent};
        let uids = ["a@example.org", "b@example.org", "c@example.org"];
        let file = made(&uids.map(|uid| event(uid, "A", uid.starts_with('b')))).unwrap();
        let calendar = read(&file);
        assert_eq!(values(&calendar, &VCalendar, &Property::Method), [METHOD], "one METHOD a calendar");
        assert_eq!(values(&calendar, &VEvent, &Property::Uid), uids);
        assert_eq!(values(&calendar, &VEvent, &Property::Status), ["CONFIRMED", "CANCELLED", "CONFIRMED"]);
        let each = |name: Property| -> Vec<String> {
            let mut found = values(&calendar, &VEvent, &name);
            assert_eq!(found.len(), uids.len(), "{name:?}");
            found.dedup();
            found
        };
        assert_eq!(each(Property::Sequence), ["3"]);
        assert_eq!(each(Property::Dtstamp), ["2027-01-04T09:00:00Z"]);
        assert_eq!(each(Property::Dtstart), ["2027-01-06T09:30:00Z"]);
        assert_eq!(each(Property::Dtend), ["2027-01-06T10:00:00Z"]);
        assert_eq!(each(Property::Transp), ["TRANSPARENT"]);
        assert_eq!(each(Property::Description), [DESCRIPTION]);
    }

    #[test]
    fn nothing_is_no_file_and_far_instants_have_four_digits() {
        assert_eq!(made(&[]), None);
        for at in [Timestamp::MIN, Timestamp::MAX] {
            read(&made(&[CalendarEvent { at, ..event("a@example.org", "A", false) }]).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_name_comes_back(uid in "[ -~]{1,200}", pieces in prop::collection::vec(prop_oneof![
            any::<String>(),
            prop::sample::select(&[",", ";", ":", "\\", "\n", "\r\n", "\r", "\\n", "\"", "\0", "END:VEVENT", "\r\nUID:x", " ", "\t", "ä", "\u{1F512}"][..])
                .prop_map(String::from),
            "[a-z ]{1,120}",
        ], 0..8)) {
            let summary = pieces.concat();
            let event = event(&uid, &summary, false);
            let calendar = read(&made(std::slice::from_ref(&event)).unwrap());
            let kind = ICalendarComponentType::VEvent;
            prop_assert_eq!(values(&calendar, &kind, &Property::Summary).concat(), text(&summary));
            prop_assert_eq!(values(&calendar, &kind, &Property::Uid), [uid]);
            prop_assert_eq!(values(&calendar, &kind, &Property::Dtend), ["2027-01-06T10:00:00Z"]);
        }
    }
}
