use super::*;
use proptest::prelude::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next times of a schedule, in UTC.
fn times(text: &str, after: &str, name: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text).unwrap();
    let zone = zone(name);
    std::iter::successors(schedule.next(at(after), &zone), |last| schedule.next(*last, &zone))
        .take(count)
        .map(|time| time.to_string())
        .collect()
}

#[test]
fn working_days_at_nine_are_right_across_both_changes() {
    let berlin = |after| times("0 0 9 * * Mon-Fri", after, "Europe/Berlin", 2);
    assert_eq!(berlin("2027-03-26T08:00:00Z"), ["2027-03-29T07:00:00Z", "2027-03-30T07:00:00Z"]);
    assert_eq!(berlin("2027-10-29T07:00:00Z"), ["2027-11-01T08:00:00Z", "2027-11-02T08:00:00Z"]);
}

#[test]
fn a_time_in_a_gap_comes_when_the_gap_ends() {
    let next = times("0 30 2 * * *", "2027-03-27T12:00:00Z", "Europe/Berlin", 2);
    assert_eq!(next, ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]);
    let next = times("0 15 2 * * *", "2027-10-02T12:00:00Z", "Australia/Lord_Howe", 1);
    assert_eq!(next, ["2027-10-02T15:30:00Z"], "02:00 +10:30 is 02:30 +11:00");
}

#[test]
fn a_time_that_comes_twice_is_told_once() {
    let next = times("0 30 2 * * *", "2027-10-30T12:00:00Z", "Europe/Berlin", 2);
    assert_eq!(next, ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
    // Asked in the second pass, with the first behind.
    let next = times("*/20 * * * * *", "2027-10-31T01:10:00Z", "Europe/Berlin", 1);
    assert_eq!(next, ["2027-10-31T02:00:00Z"]);
    let next = times("* * * * * *", "2027-10-31T01:00:00Z", "Europe/Berlin", 1);
    assert_eq!(next, ["2027-10-31T02:00:00Z"]);
}

#[test]
fn two_times_in_one_gap_are_one() {
    let next = times("0 0,30 2,3 * * *", "2027-03-27T12:00:00Z", "Europe/Berlin", 2);
    assert_eq!(next, ["2027-03-28T01:00:00Z", "2027-03-28T01:30:00Z"]);
}

#[test]
fn the_missing_day_of_apia() {
    // 30 December 2011 was not; its nine o'clock is the first instant of the 31st.
    let next = times("0 0 9 * * *", "2011-12-29T12:00:00Z", "Pacific/Apia", 3);
    assert_eq!(next, ["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"]);
}

#[test]
fn names_of_days_are_understood() {
    let monday = times("0 0 9 * * Mon", "2027-01-01T00:00:00Z", "UTC", 1);
    assert_eq!(monday, ["2027-01-04T09:00:00Z"]);
    let weekend = times("0 0 9 * * Sat-Sun", "2027-01-01T00:00:00Z", "UTC", 3);
    assert_eq!(weekend, ["2027-01-02T09:00:00Z", "2027-01-03T09:00:00Z", "2027-01-09T09:00:00Z"]);
    let long = times("0 0 9 * * friday-monday", "2027-01-05T00:00:00Z", "UTC", 2);
    assert_eq!(long, ["2027-01-08T09:00:00Z", "2027-01-09T09:00:00Z"]);
    let first = times("0 0 9 1-7 * Mon", "2027-01-05T00:00:00Z", "UTC", 2);
    assert_eq!(first, ["2027-02-01T09:00:00Z", "2027-03-01T09:00:00Z"], "both days must hold");
    let leap = times("0 0 0 29 Feb *", "2027-01-01T00:00:00Z", "UTC", 2);
    assert_eq!(leap, ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    assert_eq!(Schedule::parse(" 0 0  9 * * Sat-Sun ").unwrap().to_string(), "0 0 9 * * Sat-Sun");
}

#[test]
fn a_faulty_schedule_is_told_with_what_to_write() {
    let check = |text: &str, expect: &str| {
        let error = Schedule::parse(text).unwrap_err();
        assert!(error.contains(expect), "{text}: {error}");
    };
    check("0 9 * * Mon", r#"write "0 0 9 * * Mon""#);
    check("0 9 * * 1-5", r#"write "0 0 9 * * Mon-Fri""#);
    check("0 9 * * 0,3", r#"write "0 0 9 * * Sun,Wed""#);
    check("30 8 1 * *", r#"write "0 30 8 1 * *""#);
    check("0 0 9 * * 1-5", r#"write "0 0 9 * * Mon-Fri""#);
    check("0 0 9 * * 7", r#"write "0 0 9 * * Sun""#);
    check("0 0 9 * * 5-7", r#"write "0 0 9 * * Fri,Sat,Sun""#);
    check("0 0 9 * * */2", "by name");
    check("0 0 9 * * 9", r#"write "0 0 9 * * Mon-Fri""#);
    check("@daily", r#"write "0 0 0 * * *""#);
    check("@fortnightly", "1 fields");
    check("", "0 fields");
    check("0 0 9 * * Mon 2027", "7 fields");
    check("0 0 25 * * Mon", "is not a schedule");
    check("0 0 9 * * Moonday", "is not a schedule");
    check("0 0/0 9 * * Mon", "a step of 0");
    check("0 0 9 30 Feb *", "never comes");
    check(&"*".repeat(10_000), "too long");
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in r"\PC{0,30}|([0-9*,/?-]{1,5} ){5}[a-zA-Z*,/?-]{1,7}|([0-9*/,-]{1,3} ){4,6}\*") {
        if let Ok(schedule) = Schedule::parse(&text) {
            prop_assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule));
        }
    }

    #[test]
    fn next_is_after_and_monotone(
        text in prop::sample::select(vec!["0 30 2 * * *", "0 */7 * * * *", "15 0 9 * * Mon-Fri", "0 59 23 31 * *"]),
        name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
        // Around the changes of 2027 and around the end of 2011.
        base in prop::sample::select(vec![1_325_200_000_i64, 1_806_195_600, 1_824_944_400, 1_805_007_600, 1_825_567_200]),
        offset in -200_000_i64..200_000,
        later in 0_i64..100_000,
    ) {
        let schedule = Schedule::parse(text).unwrap();
        let zone = zone(name);
        let after = Timestamp::from_second(base + offset).unwrap();
        let next = schedule.next(after, &zone).unwrap();
        prop_assert!(next > after);
        let again = schedule.next(Timestamp::from_second(base + offset + later).unwrap(), &zone).unwrap();
        prop_assert!(again >= next);
        // Nothing between: just before the next, it is still the next.
        prop_assert_eq!(schedule.next(Timestamp::from_second(next.as_second() - 1).unwrap(), &zone), Some(next));
    }
}
