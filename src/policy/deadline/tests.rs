use super::*;
use crate::policy::{Calendar, Milestone, presets};
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn policy(zone: &str) -> Policy {
    let calendar = Calendar { zone: TimeZone::get(zone).unwrap(), zone_name: zone.to_owned(), ..Calendar::default() };
    Policy { calendar, promises: presets::standard(), ladder: presets::default_ladder(), automatic_counts: false }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn term(text: &str) -> Term {
    Term::parse(text).unwrap()
}

#[test]
fn deadlines() {
    let check = |zone: &str, start: &str, text: &str, expect: &str| {
        assert_eq!(policy(zone).add(at(start), term(text)), at(expect), "{zone}: {start} + {text}");
    };
    // Elapsed time does not care for clocks.
    check("Europe/Berlin", "2027-03-27T12:00:00Z", "48h", "2027-03-29T12:00:00Z");
    check("Europe/Berlin", "2027-03-27T12:00:00Z", "2d", "2027-03-29T11:00:00Z");
    check("Europe/Berlin", "2027-10-30T12:00:00Z", "2d", "2027-11-01T13:00:00Z");
    // Into a gap, into a fold, out of the second pass of a fold.
    check("Europe/Berlin", "2027-03-27T01:30:00Z", "1d", "2027-03-28T01:00:00Z");
    check("Europe/Berlin", "2027-10-30T00:30:00Z", "1d", "2027-10-31T00:30:00Z");
    check("Europe/Berlin", "2027-10-31T01:30:00Z", "1d", "2027-11-01T01:30:00Z");
    check("Europe/Berlin", "2027-10-31T01:30:00Z", "0d", "2027-10-31T01:30:00Z");
    check("America/New_York", "2027-03-13T07:30:00Z", "1 day", "2027-03-14T07:00:00Z");
    check("America/New_York", "2027-11-06T05:30:00Z", "1 day", "2027-11-07T05:30:00Z");
    check("Australia/Lord_Howe", "2027-10-01T15:45:00Z", "1 day", "2027-10-02T15:30:00Z");
    check("Australia/Lord_Howe", "2027-04-02T14:45:00Z", "1 day", "2027-04-03T14:45:00Z");
    check("Pacific/Apia", "2011-12-29T20:00:00Z", "1 day", "2011-12-30T10:00:00Z");
    check("Pacific/Apia", "2011-12-29T20:00:00Z", "2 days", "2011-12-30T20:00:00Z");
    // No midnight in São Paulo, nor an hour in Casablanca when Ramadan ends; New Year in a zone far ahead.
    check("America/Sao_Paulo", "2018-11-03T03:00:00Z", "1 day", "2018-11-04T03:00:00Z");
    check("America/Sao_Paulo", "2018-11-03T03:00:00Z", "2 days", "2018-11-05T02:00:00Z");
    check("Africa/Casablanca", "2027-03-13T02:30:00Z", "1 day", "2027-03-14T02:00:00Z");
    check("Africa/Casablanca", "2027-02-06T01:30:00Z", "1 day", "2027-02-07T01:30:00Z");
    check("Pacific/Apia", "2027-12-31T10:30:00Z", "1 business day", "2028-01-03T04:00:00Z");
    // Ends of months, leap days, the year's end.
    check("UTC", "2027-01-31T10:00:00Z", "1 month", "2027-02-28T10:00:00Z");
    check("UTC", "2028-01-31T10:00:00Z", "1 month", "2028-02-29T10:00:00Z");
    check("UTC", "2028-02-29T10:00:00Z", "1 year", "2029-02-28T10:00:00Z");
    check("UTC", "2028-02-28T10:00:00Z", "1d", "2028-02-29T10:00:00Z");
    check("UTC", "2027-12-31T23:00:00Z", "2w", "2028-01-14T23:00:00Z");
    check("UTC", "2027-01-31T10:00:00Z", "1 month 1 day", "2027-03-01T10:00:00Z");
    check("UTC", "2027-01-01T00:00:00Z", "90d", "2027-04-01T00:00:00Z");
    // Friday in hours, Friday night, Saturday: the same Wednesday.
    check("UTC", "2027-03-05T10:00:00Z", "3 business days", "2027-03-10T17:00:00Z");
    check("UTC", "2027-03-05T23:30:00Z", "3 business days", "2027-03-10T17:00:00Z");
    check("UTC", "2027-03-06T10:00:00Z", "3 business days", "2027-03-10T17:00:00Z");
    check("UTC", "2027-03-08T00:00:00Z", "1 business day", "2027-03-09T17:00:00Z");
    // The day of the start is that of the policy's zone: still Thursday in New York.
    check("America/New_York", "2027-03-05T03:00:00Z", "1 business day", "2027-03-05T22:00:00Z");
    check("Europe/Berlin", "2027-03-26T10:00:00Z", "1 business day", "2027-03-29T15:00:00Z");
}

#[test]
fn holidays_in_a_row_are_passed_over() {
    let mut policy = policy("Europe/Berlin");
    policy.calendar.holidays = [date(2027, 12, 24), date(2027, 12, 27), date(2027, 12, 31), date(2028, 1, 3)].into();
    let start = at("2027-12-23T10:00:00Z");
    assert_eq!(policy.add(start, term("1 business day")), at("2027-12-28T16:00:00Z"));
    assert_eq!(policy.add(start, term("4 business days")), at("2028-01-04T16:00:00Z"));
    assert_eq!(policy.subtract(at("2028-01-04T16:00:00Z"), term("4 business days")), at("2027-12-23T16:00:00Z"));
}

#[test]
fn the_way_back() {
    let check = |zone: &str, end: &str, text: &str, expect: &str| {
        assert_eq!(policy(zone).subtract(at(end), term(text)), at(expect), "{zone}: {end} - {text}");
    };
    check("Europe/Berlin", "2027-03-29T10:00:00Z", "24h", "2027-03-28T10:00:00Z");
    check("Europe/Berlin", "2027-03-29T10:00:00Z", "2d", "2027-03-27T11:00:00Z");
    check("Europe/Berlin", "2027-03-29T00:30:00Z", "1d", "2027-03-28T01:00:00Z");
    check("UTC", "2027-03-31T10:00:00Z", "1 month", "2027-02-28T10:00:00Z");
    check("UTC", "2027-03-08T10:00:00Z", "2 business days", "2027-03-04T17:00:00Z");
}

#[test]
fn the_ends_of_time_hold() {
    let policy = policy("Pacific/Apia");
    for text in ["10 years", "87600h", "120 months", "2600 business days", "1s"] {
        assert!(policy.add(Timestamp::MAX, term(text)) <= Timestamp::MAX, "{text}");
        assert!(policy.subtract(Timestamp::MIN, term(text)) >= Timestamp::MIN, "{text}");
        assert!(policy.add(Timestamp::MIN, term(text)) > Timestamp::MIN, "{text}");
    }
    let start = at("2027-01-01T00:00:00Z");
    assert_eq!(policy.advance(start, term("10 years"), u32::MAX), Timestamp::MAX);
    assert_eq!(policy.advance(start, term("87600h"), u32::MAX), Timestamp::MAX);
    assert_eq!(policy.advance(start, term("1s"), u32::MAX), start + SignedDuration::from_secs(i64::from(u32::MAX)));
}

#[test]
fn a_term_by_severity() {
    let promise = |within| Promise { within, ..presets::standard().remove(0) };
    let by = promise(Within::BySeverity(vec![
        (Severity::Low, term("1 month")),
        (Severity::High, term("5 business days")),
        (Severity::Critical, term("150h")),
    ]));
    assert_eq!(by.term(Some(Severity::High)), Some(term("5 business days")));
    assert_eq!(by.term(Some(Severity::Medium)), None);
    assert_eq!(by.term(None), Some(term("150h")), "the strictest, while none is set");
    assert_eq!(promise(Within::BySeverity(vec![])).term(None), None);
    let all = promise(Within::All(term("2w")));
    assert_eq!(all.term(None), all.term(Some(Severity::Low)));
    assert_eq!(all.from, Milestone::Received);
}

#[test]
fn ninety_days_or_sooner() {
    let policy = policy("UTC");
    let start = at("2027-01-01T10:00:00Z");
    let mut promise = presets::standard().remove(2);
    let full = at("2027-04-01T10:00:00Z");
    let fix = Some(at("2027-02-01T12:00:00Z"));
    assert_eq!(policy.deadline(&promise, start, None, fix), Some(full), "it does not say so");
    promise.or_sooner = Some((Milestone::FixReleased, term("0d")));
    assert_eq!(policy.deadline(&promise, start, None, None), Some(full));
    assert_eq!(policy.deadline(&promise, start, None, fix), fix);
    promise.or_sooner = Some((Milestone::FixReleased, term("30d")));
    assert_eq!(policy.deadline(&promise, start, None, fix), Some(at("2027-03-03T12:00:00Z")));
    assert_eq!(policy.deadline(&promise, start, None, Some(at("2027-03-20T12:00:00Z"))), Some(full));
    promise.within = Within::BySeverity(vec![(Severity::High, term("7d"))]);
    assert_eq!(policy.deadline(&promise, start, Some(Severity::Low), fix), None);
}

/// Day by day: the nth day after the start's that is neither off nor a holiday, then its close.
fn walk(policy: &Policy, start: Timestamp, days: u16) -> Timestamp {
    let calendar = &policy.calendar;
    let mut day = start.to_zoned(calendar.zone.clone()).date();
    let mut left = days;
    while left > 0 {
        day = day.tomorrow().unwrap();
        let works = calendar.workdays[day.weekday().to_monday_zero_offset() as usize];
        if works && !calendar.holidays.contains(&day) {
            left -= 1;
        }
    }
    let (_, close) = calendar.hours[day.weekday().to_monday_zero_offset() as usize];
    day.to_datetime(close).to_zoned(calendar.zone.clone()).unwrap().timestamp()
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let zones = vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
    let holidays = prop::collection::btree_set(0_i64..60, 0..25);
    let workdays = prop::array::uniform7(prop::bool::weighted(0.7)).prop_filter("some", |days| days.contains(&true));
    let closes = prop::array::uniform7(1_i8..24);
    (prop::sample::select(zones), workdays, closes, holidays).prop_map(|(zone, workdays, closes, holidays)| {
        let mut policy = policy(zone);
        let time = |hour| jiff::civil::time(hour, 0, 0, 0);
        policy.calendar.hours = closes.map(|close| (time(0), time(close)));
        let first = date(2027, 12, 1);
        policy.calendar.workdays = workdays;
        policy.calendar.holidays =
            holidays.into_iter().map(|days| first.checked_add(Span::new().days(days)).unwrap()).collect();
        policy
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn business_days_are_walking(policy in any_policy(), second in 1_827_000_000_i64..1_832_000_000, days in 1_u16..40) {
        let start = Timestamp::from_second(second).unwrap();
        let end = policy.add(start, Term::Business(days));
        prop_assert_eq!(end, walk(&policy, start, days));
        prop_assert!(end > start);
        prop_assert!(policy.calendar.is_workday(policy.calendar.day(end)));
        // And back: from the close of the nth day after, the nth before lies on or before the start's day.
        let back = policy.subtract(end, Term::Business(days));
        prop_assert!(policy.calendar.day(back) <= policy.calendar.day(start));
    }

    #[test]
    fn a_later_start_is_no_earlier_deadline(
        policy in any_policy(),
        second in 1_827_000_000_i64..1_832_000_000,
        more in 0_i64..200_000,
        term in prop::sample::select(vec!["48h", "7d", "1 month", "3 business days", "1 month 2 days"]),
    ) {
        // No zone here goes back in these months, where the second pass of an hour would be an exception.
        let (one, two) = (Timestamp::from_second(second).unwrap(), Timestamp::from_second(second + more).unwrap());
        let term = Term::parse(term).unwrap();
        prop_assert!(policy.add(one, term) > one);
        prop_assert!(policy.add(one, term) <= policy.add(two, term));
    }

    #[test]
    fn civil_days_keep_the_local_time(policy in any_policy(), second in 1_800_000_000_i64..1_832_000_000, days in 1_u16..400) {
        let zone = &policy.calendar.zone;
        let start = Timestamp::from_second(second).unwrap();
        let end = policy.add(start, Term::Civil { months: 0, days });
        let (from, to) = (zone.to_datetime(start), zone.to_datetime(end));
        prop_assert_eq!(from.date().checked_add(Span::new().days(days)).unwrap(), to.date());
        let wanted = to.date().to_datetime(from.time());
        if to.time() != from.time() {
            prop_assert!(zone.to_ambiguous_timestamp(wanted).is_ambiguous());
            prop_assert!(to.time() > from.time());
        }
    }
}
