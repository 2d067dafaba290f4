use super::*;
use crate::policy::{Calendar, calendar::Quiet, presets};
use jiff::civil::{date, time};
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn term(text: &str) -> Term {
    Term::parse(text).unwrap()
}

fn rung(place: &str, to: Audience, every: Option<&str>) -> Rung {
    Rung { at: RungAt::parse(place).unwrap(), to, every: every.map(term) }
}

fn policy(zone: &str) -> Policy {
    let calendar = Calendar { zone: TimeZone::get(zone).unwrap(), zone_name: zone.to_owned(), ..Calendar::default() };
    Policy { calendar, promises: presets::standard(), ladder: presets::default_ladder(), automatic_counts: false }
}

/// What is heard, as text: instant, "warn" or "nag", rung and round, audience.
fn heard(policy: &Policy, start: &str, deadline: &str, count: usize) -> Vec<String> {
    let steps = policy.steps(&policy.promises[0], at(start), at(deadline)).take(count);
    steps.map(|step| told(&step)).collect()
}

fn told(step: &Step) -> String {
    let kind = if step.warns { "warn" } else { "nag" };
    format!("{} {kind} {}.{} {}", step.at, step.rung, step.round, step.to)
}

#[test]
fn a_week_in_working_hours() {
    // Wednesday to Wednesday: half time falls on Saturday night and three days before on Sunday. Both are heard on
    // Friday.
    assert_eq!(
        heard(&policy("UTC"), "2027-03-03T12:00:00Z", "2027-03-10T12:00:00Z", 7),
        [
            "2027-03-05T17:00:00Z warn 3.0 lead",
            "2027-03-09T12:00:00Z warn 4.0 team",
            "2027-03-09T17:00:00Z warn 5.0 lead",
            "2027-03-10T12:00:00Z nag 8.0 escalation",
            "2027-03-11T12:00:00Z nag 9.0 escalation",
            "2027-03-12T12:00:00Z nag 9.1 escalation",
            "2027-03-15T09:00:00Z nag 9.3 escalation",
        ]
    );
}

/// Who is warned by the default ladder of a term from noon on, how many hours before its deadline.
#[track_caller]
fn fits(term: &str, start: &str, expect: &[(i64, Audience)]) {
    let mut policy = policy("Europe/Berlin");
    policy.calendar.quiet = Quiet::Never;
    let deadline = policy.add(at(start), self::term(term));
    let warnings = policy.steps(&policy.promises[0], at(start), deadline).take_while(|step| step.warns);
    let found: Vec<_> = warnings.map(|s| ((deadline.duration_since(s.at).as_mins() + 59) / 60, s.to)).collect();
    assert_eq!(found, expect, "{term}");
}

#[test]
fn the_default_ladder_fits_hours_and_months() {
    use Audience::{Lead, Owner, Team};
    fits("48h", "2027-03-01T12:00:00Z", &[(24, Team), (4, Lead)]);
    fits("7d", "2027-03-01T12:00:00Z", &[(84, Owner), (72, Lead), (24, Team), (4, Lead)]);
    let months = [(1080, Owner), (336, Team), (168, Team), (72, Lead), (24, Team), (4, Lead)];
    fits("90d", "2027-04-05T12:00:00Z", &months);
    // A distance of half a term fits, also when the clocks change in the other half.
    fits("14d", "2027-03-01T12:00:00Z", &[(168, Team), (72, Lead), (24, Team), (4, Lead)]);
    fits("14d", "2027-03-20T12:00:00Z", &[(168, Owner), (167, Team), (72, Lead), (24, Team), (4, Lead)]);
    fits("13d", "2027-03-01T12:00:00Z", &[(156, Owner), (72, Lead), (24, Team), (4, Lead)]);
    fits("7h", "2027-03-01T12:00:00Z", &[(4, Lead), (4, Owner)]);
}

/// Of a break hear all who are to, the daemon down at the deadline or not; of what follows the escalation alone.
#[test]
fn of_the_break_hear_all_who_are_to() {
    let policy = policy("UTC");
    let run = policy.run(&policy.promises[0], at("2027-03-01T10:00:00Z"), at("2027-03-03T10:00:00Z"));
    let check = |spoken: &str, now: &str, expect: &[Audience]| {
        let step = run.due(Some(at(spoken)), at(now)).unwrap();
        assert_eq!(run.audiences(Some(at(spoken)), &step), expect, "{now}");
    };
    let all = [Audience::Escalation, Audience::Team, Audience::Owner];
    check("2027-03-02T10:00:00Z", "2027-03-03T10:00:00Z", &all);
    check("2027-03-02T10:00:00Z", "2027-03-05T12:00:00Z", &[&[Audience::Escalation], &all[..]].concat());
    check("2027-03-03T10:00:00Z", "2027-03-05T12:00:00Z", &[Audience::Escalation]);
}

#[test]
fn a_sunday_deadline_is_warned_of_on_friday() {
    assert_eq!(
        heard(&policy("UTC"), "2027-03-01T10:00:00Z", "2027-03-07T22:00:00Z", 4),
        [
            "2027-03-04T16:00:00Z warn 0.0 owner",
            "2027-03-04T17:00:00Z warn 3.0 lead",
            // The day before and four hours before both move to Friday's close: the higher one speaks alone.
            "2027-03-05T17:00:00Z warn 5.0 lead",
            // Due on Sunday and a day later both move to Monday's opening, where a day later is still to come.
            "2027-03-08T09:00:00Z nag 8.0 escalation",
        ]
    );
}

#[test]
fn a_friday_evening_report_is_warned_of_in_quiet_time() {
    // Friday 18:00 to Sunday 18:00. No time to speak lies between: the warnings speak at their own time.
    assert_eq!(
        heard(&policy("UTC"), "2027-03-05T18:00:00Z", "2027-03-07T18:00:00Z", 4),
        [
            "2027-03-06T18:00:00Z warn 4.0 team",
            "2027-03-07T14:00:00Z warn 5.0 lead",
            "2027-03-08T09:00:00Z nag 8.0 escalation",
            "2027-03-09T09:00:00Z nag 9.0 escalation",
        ]
    );
    // An hour earlier than close, Friday 16:00: then the warnings fit into Friday.
    assert_eq!(
        heard(&policy("UTC"), "2027-03-05T16:00:00Z", "2027-03-07T16:00:00Z", 2),
        ["2027-03-05T17:00:00Z warn 5.0 lead", "2027-03-08T09:00:00Z nag 8.0 escalation"]
    );
}

#[test]
fn a_term_shorter_than_quiet_time_is_warned_of() {
    // Two hours in the night: a day and four hours before lie before the start and are dropped.
    assert_eq!(
        heard(&policy("UTC"), "2027-03-03T22:00:00Z", "2027-03-04T00:00:00Z", 3),
        [
            "2027-03-03T23:00:00Z warn 0.0 owner",
            "2027-03-04T09:00:00Z nag 8.0 escalation",
            "2027-03-05T09:00:00Z nag 9.0 escalation",
        ]
    );
}

#[test]
fn after_downtime_the_highest_speaks_alone() {
    let policy = policy("UTC");
    let promise = &policy.promises[0];
    let (start, deadline) = (at("2027-03-01T10:00:00Z"), at("2027-03-03T10:00:00Z"));
    let due = |spoken, now: &str| policy.run(promise, start, deadline).due(spoken, at(now));
    let step = due(None, "2027-03-04T09:30:00Z").unwrap();
    assert_eq!(told(&step), "2027-03-03T10:00:00Z nag 8.0 escalation");
    assert_eq!(due(Some(step.nominal), "2027-03-04T09:59:59Z"), None);
    let step = due(Some(step.nominal), "2027-03-04T10:00:00Z").unwrap();
    assert_eq!((step.rung, step.round), (9, 0));
    // The clock goes back: nothing is said again.
    assert_eq!(due(Some(step.nominal), "2027-03-03T11:00:00Z"), None);
    let next = policy.run(promise, start, deadline).next(Some(step.nominal), at("2027-03-03T11:00:00Z"));
    assert_eq!(next.map(|step| step.round), Some(1));
}

#[test]
fn what_is_said_stays_said_when_the_ladder_changes() {
    let mut policy = policy("UTC");
    let (start, deadline) = (at("2027-03-01T10:00:00Z"), at("2027-03-31T10:00:00Z"));
    let now = at("2027-03-30T12:00:00Z");
    let promise = presets::standard().remove(0);
    let spoken = policy.run(&promise, start, deadline).due(None, now).unwrap().nominal;
    policy.ladder.insert(0, rung("10%", Audience::Observer, None));
    policy.ladder.insert(0, rung("-3d", Audience::Observer, None));
    assert_eq!(policy.run(&promise, start, deadline).due(Some(spoken), now), None);
}

#[test]
fn whole_seconds_stay_whole() {
    let mut policy = policy("UTC");
    policy.ladder = (1..100).map(|share| rung(&format!("{share}%"), Audience::Team, Some("7m"))).collect();
    let promise = presets::standard().remove(0);
    let (start, deadline) = (at("2027-03-01T10:00:07Z"), at("2027-03-03T10:01:00Z"));
    for step in policy.steps(&promise, start, deadline).take(300) {
        assert_eq!(step.nominal.subsec_nanosecond(), 0, "{step:?}");
    }
}

#[test]
fn a_promise_may_have_a_ladder_of_its_own() {
    let mut policy = policy("UTC");
    policy.promises[0].ladder = Some(vec![rung("-1 business day", Audience::Lead, None)]);
    assert_eq!(
        heard(&policy, "2027-03-01T10:00:00Z", "2027-03-08T17:00:00Z", 9),
        ["2027-03-05T17:00:00Z warn 0.0 lead"],
        "and it ends with its last rung"
    );
    policy.promises[0].ladder = Some(Vec::new());
    assert!(heard(&policy, "2027-03-01T10:00:00Z", "2027-03-08T17:00:00Z", 9).is_empty());
}

#[test]
fn a_deadline_that_was_over_when_set_nags_only() {
    assert_eq!(
        heard(&policy("UTC"), "2027-03-03T10:00:00Z", "2027-03-02T10:00:00Z", 2),
        ["2027-03-02T10:00:00Z nag 8.0 escalation", "2027-03-03T10:00:00Z nag 9.0 escalation"]
    );
}

#[test]
fn years_of_hourly_nags_cost_no_more_than_one() {
    let mut policy = policy("Europe/Berlin");
    let promise = presets::standard().remove(0);
    let (start, deadline) = (at("2027-03-01T10:00:00Z"), at("2027-03-03T10:00:00Z"));
    // Ten years and six hours later, at close of business.
    let now = at("2037-03-03T16:00:00Z");
    let rounds = [("1h", 87_678), ("1 day", 3653), ("1 month", 120), ("1 business day", 2609), ("1s", 315_640_800)];
    for (every, expect) in rounds {
        policy.ladder = vec![rung("due", Audience::Team, Some(every))];
        let step = policy.run(&promise, start, deadline).due(None, now).unwrap();
        assert_eq!(step.round, expect, "{every}");
        let next = policy.run(&promise, start, deadline).next(Some(step.nominal), now).unwrap();
        assert!(next.at > now && next.round > expect);
    }
    for every in ["1h", "1s", "1 day", "1 month", "3 business days"] {
        policy.ladder = vec![rung("-10 years", Audience::Team, Some(every)), rung("due", Audience::Team, Some(every))];
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for spoken in [None, Some(Timestamp::MIN), Some(Timestamp::MAX)] {
                policy.run(&promise, start, deadline).due(spoken, now);
                policy.run(&promise, start, deadline).next(spoken, now);
            }
        }
    }
}

/// Every step there is up to an instant, one by one.
fn all(
    policy: &Policy,
    calendar: &Calendar,
    hears: &[Audience],
    start: Timestamp,
    deadline: Timestamp,
    until: Timestamp,
) -> Vec<Step> {
    let times = |term: Term, n: u16| match term {
        Term::Elapsed(each) => Term::Elapsed(each * i32::from(n)),
        Term::Civil { months, days } => Term::Civil { months: months * n, days: days * n },
        Term::Business(days) => Term::Business(days * n),
    };
    let mut steps = Vec::new();
    for (index, rung) in policy.ladder.iter().enumerate() {
        if !hears.contains(&rung.to) {
            continue;
        }
        let first = match rung.at {
            RungAt::Share(_) if deadline <= start => continue,
            RungAt::Share(share) => {
                let seconds = deadline.duration_since(start).as_secs() * i64::from(share) / 100;
                start + SignedDuration::from_secs(seconds)
            }
            RungAt::Before(term) => policy.subtract(deadline, term),
            RungAt::Fitting(term) => {
                let at = policy.subtract(deadline, term);
                let (before, left) = (at.duration_since(start), deadline.duration_since(at));
                if before + SignedDuration::from_hours(2) < left {
                    continue;
                }
                at
            }
            RungAt::Due => deadline,
            RungAt::After(term) => policy.add(deadline, term),
        };
        for round in 0_u16.. {
            let nominal = match rung.every {
                Some(every) if round > 0 => policy.add(first, times(every, round)),
                None if round > 0 => break,
                Some(_) | None => first,
            };
            if nominal > until {
                break;
            }
            let warns = nominal < deadline;
            if warns && nominal <= start {
                continue;
            }
            let moved = if warns { calendar.earlier(nominal) } else { calendar.later(nominal) };
            let at = if warns && moved <= start { nominal } else { moved };
            steps.push(Step { rung: index, round: u32::from(round), nominal, at, to: rung.to, warns });
        }
    }
    steps
}

fn slow_due(all: &[Step], spoken: Option<Timestamp>, now: Timestamp) -> Option<Step> {
    let new = |step: &&Step| step.at <= now && spoken.is_none_or(|spoken| step.nominal > spoken);
    all.iter().filter(new).max_by_key(|step| (step.nominal, step.rung, step.round)).copied()
}

fn slow_next(all: &[Step], spoken: Option<Timestamp>, now: Timestamp) -> Option<Step> {
    let new = |step: &&Step| step.at > now && spoken.is_none_or(|spoken| step.nominal > spoken);
    let first = all.iter().filter(new).map(|step| step.at).min()?;
    all.iter()
        .filter(new)
        .filter(|step| step.at == first)
        .max_by_key(|step| (step.nominal, step.rung, step.round))
        .copied()
}

fn any_rung() -> impl Strategy<Value = Rung> {
    let places = vec![
        "1%",
        "25%",
        "50%",
        "99%",
        "-30m",
        "-4h",
        "-24h",
        "-3d",
        "-2 business days",
        "-1 month",
        "due",
        "+1h",
        "+1d",
        "+1 business day",
        "+1 month",
    ];
    let every = vec![
        None,
        None,
        Some("7h"),
        Some("1d"),
        Some("1 business day"),
        Some("2 business days"),
        Some("1 month"),
        Some("1 month 1 day"),
        Some("90m"),
    ];
    (prop::sample::select(places), prop::sample::select(every), prop::sample::select(Audience::ALL.to_vec()))
        .prop_map(|(place, every, to)| rung(place, to, every))
}

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];
const QUIETS: [Quiet; 4] = [
    Quiet::OutsideHours,
    Quiet::Between(time(22, 0, 0, 0), time(7, 30, 0, 0)),
    Quiet::Between(time(4, 0, 0, 0), time(7, 0, 0, 0)),
    Quiet::Never,
];

fn any_policy() -> impl Strategy<Value = Policy> {
    let (zones, quiets) = (ZONES.to_vec(), QUIETS.to_vec());
    let hours = prop::array::uniform7(prop::sample::select(vec![(9, 17), (10, 11), (0, 23), (15, 22)]));
    let workdays = prop::array::uniform7(prop::bool::weighted(0.7)).prop_filter("some", |days| days.contains(&true));
    let holidays = prop::collection::btree_set(0_i8..28, 0..10);
    let ladder = prop_oneof![Just(presets::default_ladder()), prop::collection::vec(any_rung(), 0..6)];
    (prop::sample::select(zones), prop::sample::select(quiets), workdays, hours, holidays, ladder).prop_map(
        |(zone, quiet, workdays, hours, holidays, ladder)| {
            let mut policy = policy(zone);
            policy.calendar.hours = hours.map(|(open, close)| (time(open, 0, 0, 0), time(close, 0, 0, 0)));
            policy.calendar.quiet = quiet;
            policy.calendar.workdays = workdays;
            policy.calendar.holidays = holidays.into_iter().map(|day| date(2027, 3, day + 1)).collect();
            policy.ladder = ladder;
            policy
        },
    )
}

/// Starts in March 2027 with its two changes of clocks, and the length of a term in minutes.
fn any_run() -> impl Strategy<Value = (Timestamp, Timestamp)> {
    let minutes = prop_oneof![1_i64..600, 600_i64..20_000, Just(-600_i64)];
    (0_i64..44_640, minutes).prop_map(|(offset, minutes)| {
        let start = at("2027-03-01T00:00:00Z") + SignedDuration::from_mins(offset);
        (start, start + SignedDuration::from_mins(minutes))
    })
}

const DAY: i64 = 24 * 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn steps_are_those_found_one_by_one(
        policy in any_policy(),
        (start, deadline) in any_run(),
        nows in prop::collection::vec((-DAY..40 * DAY, prop::option::of(-DAY..40 * DAY)), 12),
    ) {
        let promise = presets::standard().remove(0);
        // Quiet time may last for weeks here; steps beyond it are not looked at.
        let until = start + SignedDuration::from_hours(24 * 150);
        let all = all(&policy, &policy.calendar, &Audience::PEOPLE, start, deadline, until);
        let instant = |minutes| start + SignedDuration::from_mins(minutes);
        let mut cases: Vec<_> = nows.iter().map(|(now, spoken)| (instant(*now), spoken.map(instant))).collect();
        // The edges are where the errors are.
        for step in all.iter().filter(|step| step.at < instant(40 * DAY)).take(12) {
            cases.extend([(step.at, None), (shift(step.at, -TICK), None), (step.at, Some(step.nominal))]);
        }
        for (now, spoken) in cases {
            let due = policy.run(&promise, start, deadline).due(spoken, now);
            prop_assert_eq!(due, slow_due(&all, spoken, now), "due at {} after {:?}", now, spoken);
            let next = policy.run(&promise, start, deadline).next(spoken, now);
            prop_assert_eq!(next, slow_next(&all, spoken, now), "next after {} after {:?}", now, spoken);
            if let Some(next) = next {
                // What is due changes at the next step, and not before.
                prop_assert!(next.at > now);
                prop_assert_eq!(policy.run(&promise, start, deadline).due(spoken, shift(next.at, -TICK)), due);
                prop_assert_eq!(policy.run(&promise, start, deadline).due(spoken, next.at), Some(next));
            }
        }
    }

    /// Who has a quiet time of their own hears the rungs that are for them, moved by it, and the terms of the policy.
    #[test]
    fn each_hears_their_own_steps_by_their_own_time(
        policy in any_policy(),
        (zone, quiet) in (prop::sample::select(ZONES.to_vec()), prop::sample::select(QUIETS.to_vec())),
        hears in prop::collection::vec(prop::sample::select(Audience::ALL.to_vec()), 0..4),
        (start, deadline) in any_run(),
        nows in prop::collection::vec((-DAY..40 * DAY, prop::option::of(-DAY..40 * DAY)), 12),
    ) {
        let promise = presets::standard().remove(0);
        let zone = TimeZone::get(zone).unwrap();
        let own = Calendar { zone, quiet, ..policy.calendar.clone() };
        let run = policy.run(&promise, start, deadline).heard(&own, &hears);
        let all = all(&policy, &own, &hears, start, deadline, start + SignedDuration::from_hours(24 * 150));
        let instant = |minutes| start + SignedDuration::from_mins(minutes);
        for (now, spoken) in nows.iter().map(|(now, spoken)| (instant(*now), spoken.map(instant))) {
            prop_assert_eq!(run.due(spoken, now), slow_due(&all, spoken, now), "due at {} after {:?}", now, spoken);
            prop_assert_eq!(run.next(spoken, now), slow_next(&all, spoken, now), "next after {} after {:?}", now, spoken);
        }
    }

    #[test]
    fn each_step_speaks_once_when_nobody_sleeps(policy in any_policy(), (start, deadline) in any_run(), pace in 1_i64..90) {
        let promise = presets::standard().remove(0);
        let end = start + SignedDuration::from_mins(if pace < 5 { 2 * DAY } else { 15 * DAY });
        let pace = SignedDuration::from_mins(pace);
        let expect: Vec<_> =
            policy.steps(&promise, start, deadline).skip_while(|step| step.at <= start).take_while(|step| step.at <= end).collect();
        let mut said: Vec<Step> = Vec::new();
        let mut spoken = policy.run(&promise, start, deadline).due(None, start).map(|step| step.nominal);
        let mut now = start;
        while now + pace <= end {
            now += pace;
            if let Some(step) = policy.run(&promise, start, deadline).due(spoken, now) {
                prop_assert!(step.at <= now && step.at > now - pace, "on time: {:?} at {}", step, now);
                prop_assert!(spoken.is_none_or(|spoken| step.nominal > spoken), "never back");
                spoken = Some(step.nominal);
                said.push(step);
            }
        }
        // Of the steps between two looks the last speaks: all that were said are steps, and the last of each look is said.
        let mut rest = expect.iter().filter(|step| step.at <= now).peekable();
        for step in &said {
            while rest.next_if(|one| one.nominal < step.nominal).is_some() {}
            prop_assert_eq!(rest.next(), Some(step));
        }
        prop_assert_eq!(rest.next(), None);
    }
}
