use super::*;
use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

/// The default hours in a zone.
fn calendar(name: &str) -> Calendar {
    Calendar { zone: TimeZone::get(name).unwrap(), zone_name: name.to_owned(), ..Calendar::default() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn local(text: &str) -> DateTime {
    text.parse().unwrap()
}

#[test]
fn local_times_in_gaps_and_folds() {
    let check = |name: &str, text: &str, expect: &str| {
        let zone = TimeZone::get(name).unwrap();
        assert_eq!(resolve(&zone, local(text)), at(expect), "{name} {text}");
    };
    check("Europe/Berlin", "2027-03-28T01:59:59", "2027-03-28T00:59:59Z");
    check("Europe/Berlin", "2027-03-28T02:00:00", "2027-03-28T01:00:00Z");
    check("Europe/Berlin", "2027-03-28T02:59:59", "2027-03-28T01:00:00Z");
    check("Europe/Berlin", "2027-03-28T03:00:00", "2027-03-28T01:00:00Z");
    check("Europe/Berlin", "2027-10-31T02:30:00", "2027-10-31T00:30:00Z");
    check("Europe/Berlin", "2027-10-31T03:00:00", "2027-10-31T02:00:00Z");
    check("America/New_York", "2027-03-14T02:30:00", "2027-03-14T07:00:00Z");
    check("America/New_York", "2027-11-07T01:30:00", "2027-11-07T05:30:00Z");
    check("Australia/Lord_Howe", "2027-10-03T02:15:00", "2027-10-02T15:30:00Z");
    check("Australia/Lord_Howe", "2027-04-04T01:45:00", "2027-04-03T14:45:00Z");
    check("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z");
    // Midnight itself is not there, or comes twice.
    check("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z");
    check("America/Sao_Paulo", "2018-11-04T00:59:59", "2018-11-04T03:00:00Z");
    check("America/Sao_Paulo", "2019-02-16T23:30:00", "2019-02-17T01:30:00Z");
    // Ramadan: the clocks go back on 7 February and forward on 14 March 2027.
    check("Africa/Casablanca", "2027-02-07T02:30:00", "2027-02-07T01:30:00Z");
    check("Africa/Casablanca", "2027-03-14T02:30:00", "2027-03-14T02:00:00Z");
    check("Asia/Kathmandu", "2027-03-28T02:30:00", "2027-03-27T20:45:00Z");
    // A rule for all years to come, past the table of the zone.
    check("Europe/Berlin", "2090-03-26T02:30:00", "2090-03-26T01:00:00Z");
    check("UTC", "9999-12-31T23:59:59", "9999-12-30T22:00:00.999999999Z");
}

#[test]
fn hours_of_each_day() {
    let mut calendar = calendar("Europe/Berlin");
    calendar.hours[0] = (time(10, 0, 0, 0), time(16, 0, 0, 0));
    calendar.hours[4] = (time(8, 0, 0, 0), time(13, 0, 0, 0));
    // Friday 5, Saturday 6, Monday 8, Tuesday 9 March 2027.
    let closes = |day| calendar.close_of_business(date(2027, 3, day));
    assert_eq!(closes(5), at("2027-03-05T12:00:00Z"));
    assert_eq!(closes(6), at("2027-03-06T16:00:00Z"), "a day without work closes at the usual time");
    assert_eq!(closes(8), at("2027-03-08T15:00:00Z"));
    assert_eq!(closes(9), at("2027-03-09T16:00:00Z"));
    let check = |text: &str, earlier: &str, later: &str| {
        assert_eq!((calendar.earlier(at(text)), calendar.later(at(text))), (at(earlier), at(later)), "{text}");
    };
    check("2027-03-05T12:00:01Z", "2027-03-05T12:00:00Z", "2027-03-08T09:00:00Z");
    check("2027-03-08T08:30:00Z", "2027-03-05T12:00:00Z", "2027-03-08T09:00:00Z");
    check("2027-03-08T15:30:00Z", "2027-03-08T15:00:00Z", "2027-03-09T08:00:00Z");
    check("2027-03-05T07:00:00Z", "2027-03-05T07:00:00Z", "2027-03-05T07:00:00Z");
}

#[test]
fn several_holidays_in_a_row_at_the_end_of_a_year() {
    let mut calendar = calendar("Europe/Berlin");
    // Thursday 24 December 2026 to Friday 1 January 2027, with two weekends around them.
    calendar.holidays.extend((24..=31).map(|day| date(2026, 12, day)));
    calendar.holidays.insert(date(2027, 1, 1));
    assert_eq!(calendar.workday_after(date(2026, 12, 23), 1), date(2027, 1, 4));
    assert_eq!(calendar.workday_before(date(2027, 1, 4), 1), date(2026, 12, 23));
    assert_eq!(calendar.earlier(at("2026-12-31T23:59:59Z")), at("2026-12-23T16:00:00Z"));
    assert_eq!(calendar.later(at("2026-12-23T16:00:01Z")), at("2027-01-04T08:00:00Z"));
    // 29 February 2028 is a Tuesday.
    assert_eq!(calendar.workday_after(date(2028, 2, 28), 1), date(2028, 2, 29));
    assert_eq!(calendar.workday_after(date(2028, 2, 25), 3), date(2028, 3, 1));
}

#[test]
fn working_days() {
    let mut calendar = calendar("Pacific/Apia");
    calendar.holidays.insert(date(2027, 12, 27));
    let check = |day: Date, expect: bool| assert_eq!(calendar.is_workday(day), expect, "{day}");
    check(date(2027, 12, 24), true);
    check(date(2027, 12, 25), false);
    check(date(2027, 12, 27), false);
    check(date(2027, 12, 28), true);
    check(date(2011, 12, 29), true);
    check(date(2011, 12, 30), false);
    // Thursday, then the Friday that was not, then the weekend.
    assert_eq!(calendar.workday_after(date(2011, 12, 29), 1), date(2012, 1, 2));
    assert_eq!(calendar.workday_before(date(2012, 1, 2), 1), date(2011, 12, 29));
}

#[test]
fn a_calendar_without_working_days_comes_to_an_end() {
    let calendar = Calendar { workdays: [false; 7], ..Calendar::default() };
    let start = at("2027-01-01T12:00:00Z");
    assert!(calendar.is_quiet(start));
    assert_eq!(calendar.earlier(start), start);
    assert_eq!(calendar.later(start), start);
    assert_eq!(calendar.workday_after(date(2027, 1, 1), 3), date(2027, 1, 1).checked_add(402.days()).unwrap());
    assert_eq!(calendar.workday_after(Date::MAX, 3), Date::MAX);
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(calendar.earlier(end), end);
        assert_eq!(calendar.later(end), end);
    }
}

#[test]
fn quiet_outside_hours() {
    let calendar = calendar("Europe/Berlin");
    let check = |text: &str, earlier: &str, later: &str| {
        let now = at(text);
        assert_eq!(calendar.earlier(now), at(earlier), "{text}");
        assert_eq!(calendar.later(now), at(later), "{text}");
        assert_eq!(calendar.is_quiet(now), earlier != text, "{text}");
    };
    // Friday 5 March 2027, 09:00 to 17:00 at UTC+1; both ends are not quiet.
    check("2027-03-05T08:00:00Z", "2027-03-05T08:00:00Z", "2027-03-05T08:00:00Z");
    check("2027-03-05T16:00:00Z", "2027-03-05T16:00:00Z", "2027-03-05T16:00:00Z");
    check("2027-03-05T16:00:01Z", "2027-03-05T16:00:00Z", "2027-03-08T08:00:00Z");
    check("2027-03-05T07:59:59Z", "2027-03-04T16:00:00Z", "2027-03-05T08:00:00Z");
    // The Sunday of the change: Friday at UTC+1, Monday at UTC+2.
    check("2027-03-28T12:00:00Z", "2027-03-26T16:00:00Z", "2027-03-29T07:00:00Z");
}

#[test]
fn quiet_nights() {
    let quiet = |from, until| Calendar {
        quiet: Quiet::Between(time(from, 0, 0, 0), time(until, 0, 0, 0)),
        ..Calendar::default()
    };
    let check = |calendar: &Calendar, text: &str, earlier: &str, later: &str| {
        assert_eq!(calendar.earlier(at(text)), at(earlier), "{text}");
        assert_eq!(calendar.later(at(text)), at(later), "{text}");
    };
    // Past midnight, 22:00 to 07:00; 3 March 2027 is a Wednesday.
    let night = quiet(22, 7);
    check(&night, "2027-03-03T23:00:00Z", "2027-03-03T22:00:00Z", "2027-03-04T07:00:00Z");
    check(&night, "2027-03-04T03:00:00Z", "2027-03-03T22:00:00Z", "2027-03-04T07:00:00Z");
    check(&night, "2027-03-04T21:00:00Z", "2027-03-04T21:00:00Z", "2027-03-04T21:00:00Z");
    check(&night, "2027-03-06T12:00:00Z", "2027-03-05T22:00:00Z", "2027-03-08T07:00:00Z");
    // Within one day.
    let early = quiet(0, 7);
    check(&early, "2027-03-03T23:30:00Z", "2027-03-03T23:30:00Z", "2027-03-03T23:30:00Z");
    check(&early, "2027-03-04T03:00:00Z", "2027-03-04T00:00:00Z", "2027-03-04T07:00:00Z");
    check(&early, "2027-03-06T12:00:00Z", "2027-03-06T00:00:00Z", "2027-03-08T07:00:00Z");
    let noon = quiet(12, 13);
    check(&noon, "2027-03-03T12:30:00Z", "2027-03-03T12:00:00Z", "2027-03-03T13:00:00Z");
    // No night at all leaves only the days that are not working days.
    check(&quiet(5, 5), "2027-03-03T05:00:00Z", "2027-03-03T05:00:00Z", "2027-03-03T05:00:00Z");
    let never = Calendar { quiet: Quiet::Never, ..Calendar::default() };
    check(&never, "2027-03-06T12:00:00Z", "2027-03-06T12:00:00Z", "2027-03-06T12:00:00Z");
    assert!(!never.is_quiet(at("2027-03-06T12:00:00Z")));
}

#[test]
fn quiet_nights_that_end_within_a_change_of_clocks() {
    let night = Calendar { quiet: Quiet::Between(time(22, 0, 0, 0), time(2, 30, 0, 0)), ..calendar("Europe/Berlin") };
    let all_days = Calendar { workdays: [true; 7], ..night };
    // 02:30 is not there on 28 March, and comes twice on 31 October.
    assert_eq!(all_days.later(at("2027-03-28T00:00:00Z")), at("2027-03-28T01:00:00Z"));
    assert_eq!(all_days.later(at("2027-10-31T00:00:00Z")), at("2027-10-31T00:30:00Z"));
    assert!(!all_days.is_quiet(at("2027-10-31T01:10:00Z")), "once woken, nobody sleeps again");
}

/// Quiet time by the words of [`Quiet`], from the local time alone, with its two ends taken off.
fn quiet_by_the_words(calendar: &Calendar, at: Timestamp) -> bool {
    let local = calendar.zone.to_datetime(at);
    let idle = |day: Date| {
        calendar.holidays.contains(&day) || !calendar.workdays[day.weekday().to_monday_zero_offset() as usize]
    };
    // Where midnight was left out, the day begins later.
    let midnight = local.date().to_zoned(calendar.zone.clone()).unwrap().timestamp() == at;
    let ends_a_working_day = midnight && !idle(local.date().yesterday().unwrap());
    match calendar.quiet {
        Quiet::Never => false,
        Quiet::OutsideHours => {
            let (open, close) = calendar.hours[local.weekday().to_monday_zero_offset() as usize];
            idle(local.date()) || local.time() < open || local.time() > close
        }
        Quiet::Between(from, until) if from < until => {
            let night = local.time() > from && local.time() < until;
            (night || idle(local.date()) || midnight && from == Time::midnight()) && !ends_a_working_day
        }
        Quiet::Between(from, until) => idle(local.date()) || local.time() > from || local.time() < until,
    }
}

fn calendars() -> impl Strategy<Value = Calendar> {
    let zones = vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Sao_Paulo",
    ];
    let hours = prop::array::uniform7(prop::sample::select(vec![(9, 17), (10, 11), (0, 23), (15, 22)]));
    let quiets = vec![
        Quiet::OutsideHours,
        Quiet::Between(time(22, 0, 0, 0), time(7, 30, 0, 0)),
        Quiet::Between(time(4, 0, 0, 0), time(7, 0, 0, 0)),
        Quiet::Between(time(0, 0, 0, 0), time(7, 0, 0, 0)),
        Quiet::Never,
    ];
    let holidays = prop::collection::btree_set(-12_i64..12, 0..6);
    (
        prop::sample::select(zones),
        prop::sample::select(quiets),
        prop::array::uniform7(prop::bool::weighted(0.7)),
        holidays,
        prop::sample::select(CHANGES.to_vec()),
        hours,
    )
        .prop_map(|(name, quiet, workdays, holidays, base, hours)| {
            let base = at(base).to_zoned(TimeZone::UTC).date();
            let holidays = holidays.into_iter().map(|day| base.checked_add(day.days()).unwrap()).collect();
            let hours = hours.map(|(open, close)| (time(open, 0, 0, 0), time(close, 0, 0, 0)));
            Calendar { quiet, workdays, hours, holidays, ..calendar(name) }
        })
}

/// Days on which the clocks of some zone change, and a year's end.
const CHANGES: [&str; 8] = [
    "2018-11-04T00:00:00Z",
    "2027-02-07T00:00:00Z",
    "2027-03-28T00:00:00Z",
    "2027-10-31T00:00:00Z",
    "2027-03-14T00:00:00Z",
    "2027-11-07T00:00:00Z",
    "2027-10-03T00:00:00Z",
    "2027-12-31T00:00:00Z",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against walking in steps of half an hour, on which all changes of quiet time lie here.
    #[test]
    fn moving_is_walking(
        calendar in calendars(),
        base in prop::sample::select(CHANGES.to_vec()),
        halves in -300_i64..300,
        rest in prop::sample::select(vec![0_i64, 1, 899, 900, 1799]),
    ) {
        // All zones here are off by whole quarters of an hour.
        const QUARTER: i64 = 900;
        let start = at(base).as_second() + halves * 1800;
        let now = Timestamp::from_second(start + rest).unwrap();
        let instant = |second| Timestamp::from_second(second).unwrap();
        let quiet = |second| quiet_by_the_words(&calendar, instant(second));
        prop_assert_eq!(calendar.is_quiet(now), quiet(now.as_second()), "{}", now);

        let reach = 20 * 96;
        let grid = now.as_second().div_euclid(QUARTER) * QUARTER;
        let back = (0..reach).map(|n| grid - n * QUARTER).find(|second| !quiet(*second));
        let up = (1..reach).map(|n| grid + n * QUARTER).find(|second| !quiet(*second));
        if quiet(now.as_second()) {
            if let Some(back) = back { prop_assert_eq!(calendar.earlier(now), instant(back)); }
            if let Some(up) = up { prop_assert_eq!(calendar.later(now), instant(up)); }
        } else {
            prop_assert_eq!(calendar.earlier(now), now);
            prop_assert_eq!(calendar.later(now), now);
        }
    }

    #[test]
    fn moving_keeps_the_order(calendar in calendars(), second in 1_805_000_000_i64..1_831_000_000, more in 0_i64..900_000) {
        let (one, two) = (Timestamp::from_second(second).unwrap(), Timestamp::from_second(second + more).unwrap());
        prop_assert!(calendar.earlier(one) <= calendar.earlier(two));
        prop_assert!(calendar.later(one) <= calendar.later(two));
    }
}
