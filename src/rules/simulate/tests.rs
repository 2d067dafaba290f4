//! The rules are tested where they stand; here is tested that the play asks them.

mod lived;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::ticket::Entry;

const HEAD: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada"
address = "ada@example.org"
roles = ["maintainer", "lead"]
[[person]]
name = "Max"
address = "max@example.org"
roles = ["escalation"]
"#;

/// Friday 8 January 2027, 18:00 in Berlin.
const FRIDAY: &str = "2027-01-08T17:00:00Z";

fn project(policy: &str) -> Project {
    let config = format!("{HEAD}\n[policy]\ntimezone = \"Europe/Berlin\"\n{policy}");
    Config::parse(&config, Path::new("config.toml")).unwrap().project()
}

fn played(policy: &str, at: &str, severity: Option<Severity>, events: &[(&str, &str)]) -> Play {
    let events = events.iter().map(|(at, what)| (at.parse().unwrap(), what.parse().unwrap())).collect();
    play(&project(policy), &Scenario { at: at.parse().unwrap(), severity, events, days: None })
}

/// "acknowledge broken 2027-01-08T17:00:00Z..2027-01-10T17:00:00Z".
fn line(course: &Course) -> String {
    format!("{} {} {}..{}", course.promise, course.state, course.starts, course.deadline)
}

fn lines(play: &Play) -> Vec<String> {
    play.courses.iter().map(line).collect()
}

fn words(course: &Course) -> Vec<String> {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%a %-d %b %H:%M").to_string();
    let more = |w: &Word| w.and_so_on.map_or(String::new(), |t| format!(", and so on each {t}"));
    course
        .words
        .iter()
        .map(|w| format!("{}: {} {} {}{}", local(w.at), w.rung, w.to, w.people.join("+"), more(w)))
        .collect()
}

#[test]
fn friday_evening_with_48_hours() {
    let play = played("", FRIDAY, None, &[]);
    assert_eq!(
        lines(&play),
        [
            "acknowledge broken 2027-01-08T17:00:00Z..2027-01-10T17:00:00Z",
            "assess broken 2027-01-08T17:00:00Z..2027-01-15T17:00:00Z",
            "disclose broken 2027-01-08T17:00:00Z..2027-04-08T16:00:00Z",
        ],
        "90 days end at the same local time, in summer time"
    );
    assert_eq!(
        words(&play.courses[0]),
        [
            "Sat 9 Jan 18:00: -24h team Ada",
            "Sun 10 Jan 14:00: -4h lead Ada",
            "Mon 11 Jan 09:00: due escalation Ada+Max",
            "Tue 12 Jan 09:00: +1d escalation Max",
            "Wed 13 Jan 09:00: +1d escalation Max",
            "Thu 14 Jan 09:00: +1d escalation Max, and so on each 1d",
        ],
    );
    assert_eq!(play.until, "2027-04-15T16:00:00Z".parse().unwrap(), "a week after the last deadline");
}

#[test]
fn the_play_is_what_the_ladder_says() {
    let project = project("");
    let play = played("", "2027-01-05T10:00:00Z", None, &[]);
    for course in &play.courses {
        let promise = project.policy.promises.iter().find(|p| p.name == course.promise).unwrap();
        let steps = project.policy.steps(promise, course.starts, course.deadline);
        let expect: Vec<_> = steps.take(course.words.len()).map(|s| (s.at, s.nominal, s.to, s.warns)).collect();
        let found: Vec<_> = course.words.iter().map(|w| (w.at, w.nominal, w.to, w.warns)).collect();
        assert_eq!(found, expect, "{}", course.promise);
    }
}

#[test]
fn a_severity_sets_the_term() {
    let policy = r#"
[[policy.promise]]
name = "fix"
until = "fix-released"
within = { critical = "48h", high = "7d", low = "30d" }
"#;
    let at = "2027-01-04T10:00:00Z";
    let check = |severity, events: &[(&str, &str)], expect: &[&str], warning: &str| {
        let play = played(policy, at, severity, events);
        assert_eq!(lines(&play), expect);
        assert!(play.warnings.iter().any(|w| w.contains(warning)), "{warning}: {:?}", play.warnings);
        play
    };
    let none = "fix: there is no term for medium: a ticket of that severity has no such promise";
    check(None, &[], &["fix broken 2027-01-04T10:00:00Z..2027-01-06T10:00:00Z"], none);
    let play = played(policy, at, Some(Severity::High), &[]);
    assert_eq!(lines(&play), ["fix broken 2027-01-04T10:00:00Z..2027-01-11T10:00:00Z"]);
    assert_eq!(play.warnings, Vec::<String>::new());
    check(Some(Severity::Medium), &[], &[], none);
    // Set a day later: the strictest term runs until then, and is gone.
    let later = [("2027-01-05T10:00:00Z", "severity:low")];
    let play = played(policy, at, None, &later);
    assert_eq!(lines(&play), ["fix broken 2027-01-04T10:00:00Z..2027-02-03T10:00:00Z"]);
    let course = &play.courses[0];
    assert_eq!(course.moved, [("2027-01-05T10:00:00Z".parse().unwrap(), "2027-01-06T10:00:00Z".parse().unwrap())]);
    let play = played(policy, at, None, &[("2027-01-05T10:00:00Z", "severity:medium")]);
    assert_eq!(lines(&play), ["fix ended 2027-01-04T10:00:00Z..2027-01-06T10:00:00Z"]);
}

#[test]
fn each_has_their_own_steps() {
    let mut project = project(
        "[[policy.promise]]\nname = \"fix\"\nuntil = \"fix-released\"\nwithin = \"10d\"\nrungs = [{ at = \"50%\", to = \"reporter\" }, \
         { at = \"-24h\", to = \"team\" }, { at = \"due\", to = \"team\", every = \"1d\" }]\n",
    );
    let own = |calendar: &crate::policy::Calendar| crate::policy::Calendar {
        zone: jiff::tz::TimeZone::get("America/New_York").unwrap(),
        ..calendar.clone()
    };
    let calendar = own(&project.policy.calendar);
    let max = Address::parse("max@example.org").unwrap();
    for person in project.people.iter_mut().filter(|p| p.address == max) {
        person.roles.push(crate::project::Role::Maintainer);
        person.calendar = Some(calendar.clone());
    }
    let scenario = Scenario { at: FRIDAY.parse().unwrap(), severity: None, events: Vec::new(), days: None };
    let play = play(&project, &scenario);
    assert_eq!(
        words(&play.courses[0]),
        [
            // Half time is on Wednesday 18:00, and hours end at 17:00.
            "Wed 13 Jan 17:00: 50% reporter ",
            "Fri 15 Jan 17:00: -24h team Ada",
            "Fri 15 Jan 23:00: -24h team Max",
            // Due at noon in New York. Each is told three nags of their own.
            "Mon 18 Jan 18:00: due team Max",
            "Tue 19 Jan 09:00: due team Ada",
            "Tue 19 Jan 18:00: due team Max",
            "Wed 20 Jan 09:00: due team Ada",
            "Wed 20 Jan 18:00: due team Max, and so on each 1d",
            "Thu 21 Jan 09:00: due team Ada, and so on each 1d",
        ]
    );
}

#[test]
fn each_word_from_us_begins_a_new_round() {
    let policy = "[[policy.promise]]\nname = \"inform\"\nevery = \"14d\"\n";
    let at = "2027-01-04T10:00:00Z";
    let heard = [("2027-01-06T10:00:00Z", "acknowledged"), ("2027-01-21T10:00:00Z", "last-heard-from-us")];
    let play = played(policy, at, None, &heard);
    assert_eq!(
        lines(&play),
        [
            "inform kept 2027-01-04T10:00:00Z..2027-01-18T10:00:00Z",
            "inform broken 2027-01-06T10:00:00Z..2027-01-20T10:00:00Z",
            "inform broken 2027-01-21T10:00:00Z..2027-02-04T10:00:00Z",
        ]
    );
    let over: Vec<_> = play.courses.iter().map(|c| c.over.map(|t| t.to_string())).collect();
    assert_eq!(over, [Some("2027-01-06T10:00:00Z".to_owned()), Some("2027-01-21T10:00:00Z".to_owned()), None]);
}

#[test]
fn a_deadline_comes_forward() {
    let policy = r#"
[[policy.promise]]
name = "disclose"
until = "public"
within = "90d"
or_sooner = "fix-released"
grace = "7d"
"#;
    let at = "2027-01-04T10:00:00Z";
    let released = ("2027-02-01T10:00:00Z", "fix-released");
    let play = played(policy, at, None, &[released]);
    assert_eq!(lines(&play), ["disclose broken 2027-01-04T10:00:00Z..2027-02-08T10:00:00Z"]);
    assert_eq!(play.courses[0].moved[0].1, "2027-04-04T09:00:00Z".parse().unwrap());
    let play = played(policy, at, None, &[("2027-02-05T10:00:00Z", "public"), released]);
    assert_eq!(lines(&play), ["disclose kept 2027-01-04T10:00:00Z..2027-02-08T10:00:00Z"]);
    assert_eq!(play.courses[0].over, Some("2027-02-05T10:00:00Z".parse().unwrap()));
    assert_eq!(play.events[0].1, Happening::Milestone(Milestone::FixReleased), "in order of time");
}

#[test]
fn asking_stops_what_may_pause() {
    let policy = "[[policy.promise]]\nname = \"assess\"\nuntil = \"assessed\"\nwithin = \"7d\"\npauses = true\n";
    let at = "2027-01-04T10:00:00Z";
    let asked = ("2027-01-05T10:00:00Z", "ask");
    let play = played(policy, at, None, &[asked, ("2027-01-08T10:00:00Z", "answer")]);
    assert_eq!(lines(&play), ["assess broken 2027-01-04T10:00:00Z..2027-01-14T10:00:00Z"]);
    let play = played(policy, at, None, &[asked]);
    assert_eq!(play.courses[0].state, ClockState::Paused);
    assert_eq!(play.courses[0].words, []);
}

#[test]
fn what_is_done_in_time_is_kept_and_nobody_is_nagged() {
    let at = "2027-01-04T10:00:00Z";
    let play = played("", at, None, &[("2027-01-04T11:00:00Z", "accepted"), ("2027-01-05T10:00:00Z", "acknowledged")]);
    assert_eq!(lines(&play)[0], "acknowledge kept 2027-01-04T10:00:00Z..2027-01-06T10:00:00Z");
    assert_eq!(lines(&play)[1], "assess kept 2027-01-04T10:00:00Z..2027-01-11T10:00:00Z", "accepting is assessing");
    assert_eq!(play.courses[1].words, []);
    // Done late is broken for good, and silent from then on.
    let play = played("", at, None, &[("2027-01-07T10:00:00Z", "acknowledged")]);
    assert_eq!(play.courses[0].state, ClockState::Broken);
    assert_eq!(play.courses[0].over, Some("2027-01-07T10:00:00Z".parse().unwrap()));
    let last = play.courses[0].words.last().unwrap();
    assert!(last.at < "2027-01-07T10:00:00Z".parse().unwrap() && last.and_so_on.is_none(), "{last:?}");
}

#[test]
fn nags_are_cut_and_what_comes_after_them_is_not() {
    let policy = r#"
[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "24h"
rungs = [
    { at = "+1h", to = "team", every = "1h" },
    { at = "+3d", to = "escalation" },
]
"#;
    let play = played(policy, "2027-01-04T10:00:00Z", None, &[]);
    assert_eq!(
        words(&play.courses[0]),
        [
            "Tue 5 Jan 12:00: +1h team Ada",
            "Tue 5 Jan 13:00: +1h team Ada",
            "Tue 5 Jan 14:00: +1h team Ada, and so on each 1h",
            "Fri 8 Jan 11:00: +3d escalation Ada+Max",
        ]
    );
}

#[test]
fn nags_that_are_not_told_change_nothing_else() {
    // The same ladder with and without its repeats told: what else it says is the same.
    let policy = |every: &str| {
        format!(
            "{}rungs = [{{ at = \"+1h\", to = \"team\"{every} }}, {{ at = \"+50h\", to = \"lead\" }}, \
             {{ at = \"+9d\", to = \"escalation\" }}]\n",
            promise("acknowledge", "acknowledged", "24h")
        )
    };
    let repeats = played(&policy(", every = \"1h\""), "2027-01-04T10:00:00Z", None, &[]);
    let project = project(&policy(", every = \"1h\""));
    let course = &repeats.courses[0];
    let all = project.policy.steps(&project.policy.promises[0], course.starts, course.deadline);
    let all: Vec<_> = all.take_while(|s| s.at <= repeats.until).map(|s| (s.at, s.rung)).collect();
    let expect: Vec<_> =
        all.iter().filter(|(_, r)| *r == 0).take(3).chain(all.iter().filter(|(_, r)| *r > 0)).collect();
    let found: Vec<_> = course.words.iter().map(|w| w.at).collect();
    assert_eq!(found, expect.iter().map(|(at, _)| *at).collect::<Vec<_>>(), "{all:?}");
}

#[test]
fn what_waits_for_a_milestone_says_so() {
    let policy = r#"
[[policy.promise]]
name = "fix"
from = "accepted"
until = "fix-released"
within = "30d"
"#;
    let at = "2027-01-04T10:00:00Z";
    let play = played(policy, at, None, &[]);
    assert_eq!((play.courses.len(), play.waiting), (0, vec![("fix".to_owned(), Milestone::Accepted)]));
    let play = played(policy, at, None, &[("2027-01-06T10:00:00Z", "accepted")]);
    assert_eq!(lines(&play), ["fix broken 2027-01-06T10:00:00Z..2027-02-05T10:00:00Z"]);
    assert_eq!(play.waiting, []);
}

fn promise(name: &str, until: &str, within: &str) -> String {
    format!("[[policy.promise]]\nname = {name:?}\nuntil = {until:?}\nwithin = {within:?}\n")
}

#[test]
fn odd_promises_are_told() {
    let check = |policy: &str, at: &str, expect: &[&str]| {
        let found = played(policy, at, None, &[]).warnings;
        let fits = found.len() == expect.len() && found.iter().zip(expect).all(|(f, e)| f.contains(e));
        assert!(fits, "{policy}: {found:#?}");
    };
    let tuesday = "2027-01-05T10:00:00Z";
    let acknowledge = |within: &str| promise("acknowledge", "acknowledged", within);
    check(&acknowledge("48h"), tuesday, &[]);
    check(&acknowledge("4h"), tuesday, &["acknowledge: 4h is shorter than the quiet night (16 hours)"]);
    let open = format!("quiet = \"never\"\n{}", acknowledge("4h"));
    check(&open, tuesday, &[]);
    check(
        &acknowledge("48h"),
        FRIDAY,
        &["all of the 48h from this start lie in quiet time; the first warning comes Sat 9"],
    );
    let late = format!("{}rungs = [{{ at = \"-3d\", to = \"team\" }}]\n", acknowledge("24h"));
    check(&late, tuesday, &["nobody is warned before its deadline"]);
    // Public on a Sunday, and on a holiday.
    check(&promise("disclose", "public", "12d"), tuesday, &["17 January 2027 is a Sunday: what becomes public then"]);
    let holiday = format!("holidays = [\"2027-01-12\"]\n{}", promise("disclose", "public", "7d"));
    check(&holiday, tuesday, &["12 January 2027 is a holiday"]);
    assert!(played(&holiday, tuesday, None, &[]).warnings[0].ends_with("plan for Mon 11 January 2027"));
    check(&promise("assess", "assessed", "11d"), tuesday, &["is a Saturday; the last working day before it is Fri 15"]);
    let sooner = promise("disclose", "public", "90d") + "or_sooner = \"fix-released\"\n";
    check(&sooner, tuesday, &["disclose: without a grace it is broken the moment that fix-released is recorded"]);
    // Due in the wrong order.
    let swapped = acknowledge("3 business days") + &promise("assess", "assessed", "48h");
    check(
        &swapped,
        tuesday,
        &["assess: due Thu 7 January 2027, 11:00 (Europe/Berlin, UTC+01:00), before acknowledge has"],
    );
    let chain = promise("assess", "assessed", "7d")
        + &promise("fix", "fix-released", "90d").replace("until", "from = \"assessed\"\nuntil")
        + &promise("disclose", "public", "90d");
    check(&chain, tuesday, &["disclose: due Mon 5 April 2027"]);
}

#[test]
fn events_are_read_and_shown() {
    let check = |text: &str| assert_eq!(text.parse::<Happening>().unwrap().word(), text);
    for milestone in Milestone::ALL.iter().filter(|m| **m != Milestone::Received) {
        check(milestone.word());
    }
    for text in ["severity:critical", "ask", "answer"] {
        check(text);
    }
    let fails = |text: &str, expect: &str| {
        let error = text.parse::<Happening>().unwrap_err();
        assert!(error.contains(expect), "{text}: {error}");
    };
    fails("received", "--at");
    fails("acepted", "write one of acknowledged, assessed");
    fails("severity:bad", "write one of low");
    fails("", "severity:high, ask or answer");
}

#[test]
fn a_play_ends_whatever_the_ladder_says() {
    let policy = r#"
[[policy.rung]]
at = "+10m"
to = "team"
every = "10m"
[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "1h"
[[policy.promise]]
name = "disclose"
until = "public"
within = "3 months"
"#;
    let play = played(policy, "2027-01-05T10:00:00Z", None, &[]);
    assert_eq!(play.courses.iter().map(|c| c.words.len()).collect::<Vec<_>>(), [3, 3]);
    let stops = |play: &Play| play.warnings.iter().any(|w| w.starts_with("the play stops early"));
    assert!(play.until > play.courses[1].deadline && !stops(&play), "{:?}", play.warnings);
    let often = format!("quiet = \"never\"\n{}", policy.replace("+10m", "-80d"));
    let play = played(&often, "2027-01-05T10:00:00Z", None, &[]);
    assert!(stops(&play), "{:?}", play.warnings);
    let scenario = |days| Scenario { at: FRIDAY.parse().unwrap(), severity: None, events: Vec::new(), days };
    let project = project("");
    let ends = |days| when(super::play(&project, &scenario(days)).until, &project.policy);
    assert_eq!(ends(Some(1)), "Sat 9 January 2027, 18:00 (Europe/Berlin, UTC+01:00)");
    assert_eq!(ends(Some(u16::MAX)), "Sat 12 February 2028, 18:00 (Europe/Berlin, UTC+01:00)");
}

#[test]
fn what_the_rules_refuse_is_left_out_and_said() {
    let at = "2027-01-04T10:00:00Z";
    let released = ("2027-01-05T10:00:00Z", "fix-released");
    let play = played("", at, None, &[released, ("2027-01-06T10:00:00Z", "erased"), released]);
    let words: Vec<String> = play.events.iter().map(|(_, what)| what.word()).collect();
    assert_eq!(words, ["fix-released"]);
    let said: Vec<&String> = play.warnings.iter().filter(|w| w.contains("the rules refuse it")).collect();
    assert!(said.len() == 2 && said[1].starts_with("erased: on Wed 6 January 2027, 11:00"), "{said:?}");
    assert_eq!(lines(&play)[0], "acknowledge kept 2027-01-04T10:00:00Z..2027-01-06T10:00:00Z", "they were told of it");
}
