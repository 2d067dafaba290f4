//! Whom a tick tells, and when it wakes: the rules of `decide` played against each other.

use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::policy::calendar::Quiet;
use crate::rules::decide::decide;
use crate::rules::event::Event;
use crate::ticket::clock::clocks;
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Fact};
use crate::token::{KEY_LENGTH, Key};
use crate::vocabulary::{NoticeKind, TicketId};

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
[[person]]
name = "Kim"
address = "kim@example.org"
roles = ["maintainer", "lead"]
[[person]]
name = "Eve"
address = "eve@example.org"
roles = ["escalation"]
"#;

/// Ada, Kim and Eve, of whom Kim leads and Eve hears last.
fn project(policy: &str) -> Project {
    let text = format!("{HEAD}\n[policy]\ntimezone = \"Europe/Berlin\"\n{policy}");
    Config::parse(&text, Path::new("config.toml")).unwrap().project()
}

fn own(project: &mut Project, name: &str, zone: &str, quiet: Quiet) {
    let zone_name = zone.to_owned();
    let own = Calendar { zone: TimeZone::get(zone).unwrap(), zone_name, quiet, ..project.policy.calendar.clone() };
    project.people.iter_mut().find(|p| p.name == name).unwrap().calendar = Some(own);
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A ticket and what its ticks said: when, to whom, of what kind, for which keys.
struct Play<'a> {
    project: &'a Project,
    ticket: Ticket,
    now: Timestamp,
    said: Vec<(Timestamp, String, NoticeKind, Vec<String>)>,
}

impl<'a> Play<'a> {
    fn new(project: &'a Project, start: Timestamp) -> Self {
        Self::reported(project, start, Some("reporter@r.example"), Acknowledgement::Sent)
    }

    fn reported(project: &'a Project, start: Timestamp, reporter: Option<&str>, outcome: Acknowledgement) -> Self {
        let mut play = Self { project, ticket: Ticket::new(TicketId(1)), now: start, said: Vec::new() };
        let party = reporter.and_then(Address::parse);
        let reported = EntryKind::Reported { received: start, message_id: None, may_belong_to: None, erased: false };
        let entry = Entry {
            seq: 1,
            at: start,
            by: Actor::Reporter,
            kind: reported,
            party,
            text: None,
            mail: None,
            order: None,
        };
        play.ticket.apply(&entry);
        play.enter(start, EntryKind::Acknowledgement { outcome });
        play
    }

    fn enter(&mut self, at: Timestamp, kind: EntryKind) {
        let seq = self.ticket.revision + 1;
        self.ticket.apply(&Entry {
            seq,
            at,
            by: Actor::Daemon,
            kind,
            party: None,
            text: None,
            mail: None,
            order: None,
        });
    }

    /// One look; says how much was said.
    fn tick(&mut self, now: Timestamp) -> usize {
        let decision = decide(&self.ticket, &Event::Tick, self.project, &Key::new([0; KEY_LENGTH]), now);
        decision.entries.iter().for_each(|e| self.ticket.apply(e));
        let count = decision.notices.len();
        let keys = |n: &crate::notice::Notice| n.keys.iter().map(ToString::to_string).collect();
        let said = decision.notices.iter().map(|n| (now, n.to.as_str().to_owned(), n.kind(), keys(n)));
        self.said.extend(said);
        count
    }

    fn wake(&self) -> Option<Timestamp> {
        let hearers = hearers(&self.ticket, self.project, Timestamp::MIN);
        let clocks = clocks(&self.ticket, &self.project.policy, Timestamp::MIN);
        clocks.iter().filter_map(|c| c.wake(&self.ticket, &self.project.policy, &hearers)).min()
    }

    /// Looks whenever something is to come.
    fn until(&mut self, end: Timestamp) {
        let mut last = Timestamp::MIN;
        while let Some(next) = self.wake().map(|next| next.max(self.now)).filter(|next| *next <= end) {
            assert!(next > last, "a look changed nothing: it would be made again at once");
            self.tick(next);
            last = next;
        }
        self.now = end;
    }

    /// When somebody was told of what.
    fn to(&self, name: &str) -> Vec<(Timestamp, Vec<String>)> {
        let address = format!("{}@", name.to_lowercase());
        self.said.iter().filter(|s| s.1.starts_with(&address)).map(|s| (s.0, s.3.clone())).collect()
    }

    fn times(&self, name: &str) -> Vec<String> {
        let local = |at: Timestamp| at.to_zoned(TimeZone::get("Europe/Berlin").unwrap());
        self.to(name).iter().map(|(at, _)| local(*at).strftime("%a %-d %b %H:%M").to_string()).collect()
    }
}

const ACKNOWLEDGE: &str = r#"
[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "48h"
"#;

const FIX: &str = r#"
[[policy.promise]]
name = "fix"
until = "fix-released"
within = "30d"
rungs = [
    { at = "50%", to = "reporter" },
    { at = "-7d", to = "reporter", every = "2d" },
    { at = "-24h", to = "team" },
    { at = "due", to = "lead" },
]
"#;

#[test]
fn each_is_told_by_their_own_time() {
    // Thursday 7 January 2027, 10:00 in Berlin; due on Saturday.
    let start = at("2027-01-07T09:00:00Z");
    let end = at("2027-01-12T12:00:00Z");
    let mut project = project(ACKNOWLEDGE);
    own(&mut project, "Kim", "America/New_York", Quiet::OutsideHours);
    let mut play = Play::new(&project, start);
    play.until(end);
    assert_eq!(play.times("Ada"), ["Fri 8 Jan 10:00", "Mon 11 Jan 09:00"]);
    // A day before is four in the morning in New York: the evening before. Four hours before is past midnight there.
    assert_eq!(play.times("Kim"), ["Thu 7 Jan 23:00", "Fri 8 Jan 23:00", "Mon 11 Jan 15:00"]);
    assert_eq!(play.times("Eve"), ["Mon 11 Jan 09:00", "Mon 11 Jan 10:00", "Tue 12 Jan 10:00"]);
    let entries: Vec<_> = play.ticket.spoken.keys().map(|(_, _, party)| party.clone()).collect();
    assert_eq!(entries, [None, Address::parse("kim@example.org")], "each count is of its own");
}

#[test]
fn a_rung_for_nobody_in_common_is_not_written_down() {
    let mut project = project(ACKNOWLEDGE);
    for name in ["Ada", "Kim", "Eve"] {
        own(
            &mut project,
            name,
            "Asia/Kathmandu",
            Quiet::Between(jiff::civil::time(22, 0, 0, 0), jiff::civil::time(7, 0, 0, 0)),
        );
    }
    let mut play = Play::new(&project, at("2027-01-04T09:00:00Z"));
    play.until(at("2027-01-20T09:00:00Z"));
    assert!(!play.ticket.spoken.is_empty());
    for (_, _, party) in play.ticket.spoken.keys() {
        assert!(party.is_some(), "nobody goes by the policy's quiet time");
    }
    assert!(play.to("Ada").len() == 2 && play.to("Eve").len() > 10, "{:?}", play.said);
}

#[test]
fn a_clock_that_jumps_says_nothing_twice() {
    let mut project = project(ACKNOWLEDGE);
    own(&mut project, "Eve", "Pacific/Apia", Quiet::Never);
    let start = at("2027-01-04T09:00:00Z");
    let hours = |h: i64| start + SignedDuration::from_hours(h);
    let mut play = Play::new(&project, start);
    assert_eq!(play.tick(hours(30)), 2, "half time and a day before: one word for each");
    // Forward by a week: of all that passed, the highest for each.
    assert_eq!(play.tick(hours(30 + 7 * 24)), 3, "{:?}", play.said);
    assert_eq!((play.to("ada").len(), play.to("kim").len(), play.to("eve").len()), (2, 2, 1));
    let broken = play.ticket.broken.len();
    for back in [29, 47, 48, 60, 30 + 7 * 24] {
        assert_eq!(play.tick(hours(back)), 0, "back at {back}: {:?}", play.said);
    }
    assert_eq!(play.ticket.broken.len(), broken);
    assert!(play.wake().unwrap() > hours(30 + 7 * 24));
}

#[test]
fn the_reporter_hears_good_news_alone() {
    let project = project(&format!("quiet = \"never\"\n{FIX}"));
    let start = at("2027-01-04T09:00:00Z");
    let day = |d: i64| start + SignedDuration::from_hours(24 * d);
    let mut play = Play::new(&project, start);
    play.until(day(60));
    let told: Vec<_> = play.to("reporter").iter().map(|(at, _)| at.duration_since(start).as_hours() / 24).collect();
    // Half time; seven, five, three and one day before. Never at the deadline or after it.
    assert_eq!(told, [15, 23, 25, 27, 29]);
    assert!(play.said.iter().all(|(_, to, kind, _)| (*kind == NoticeKind::Update) == to.starts_with("reporter@")));
    assert!(!play.ticket.milestones.contains_key(&Milestone::LastHeardFromUs), "a machine's word is no answer");
    // After downtime past the deadline too late is too late, and the team's warning is not swallowed either.
    let mut play = Play::new(&project, start);
    play.tick(day(31));
    assert_eq!((play.to("reporter").len(), play.to("kim").len()), (0, 1), "{:?}", play.said);
    assert_eq!(play.wake(), None);
    let mut play = Play::new(&project, start);
    play.tick(day(29) + SignedDuration::from_mins(1));
    assert_eq!((play.to("reporter").len(), play.to("ada").len()), (1, 1), "{:?}", play.said);
}

#[test]
fn the_reporter_hears_nothing_where_there_is_nothing_good_to_say() {
    let project = project(&format!("quiet = \"never\"\n{FIX}"));
    let start = at("2027-01-04T09:00:00Z");
    // A promise that runs beside it and is broken.
    let two = self::project(&format!("quiet = \"never\"\n{}{ACKNOWLEDGE}", FIX.replace("50%", "5%")));
    let mut other = Play::new(&two, start);
    other.until(start + SignedDuration::from_hours(24 * 29));
    assert_eq!(other.times("reporter"), ["Tue 5 Jan 22:00"], "before that one was broken, and not after it");
    let check = |expect: usize, kinds: &[EntryKind], why: &str| {
        let mut play = Play::new(&project, start);
        kinds.iter().for_each(|kind| play.enter(start, kind.clone()));
        play.until(start + SignedDuration::from_hours(24 * 20));
        assert_eq!(play.to("reporter").len(), expect, "{why}");
    };
    let status = |to| EntryKind::Status { to };
    check(1, &[], "half time");
    check(1, &[status(Status::Accepted)], "taken on");
    check(0, &[EntryKind::Spam], "spam");
    check(0, &[status(Status::Closed)], "closed");
    check(0, &[status(Status::Invalid)], "no vulnerability");
    check(0, &[status(Status::Deferred)], "not worked on");
    let broken = EntryKind::Broken { promise: "fix".into(), deadline: at("2027-02-03T09:00:00Z") };
    check(0, &[broken], "a promise is broken, which a person has to tell first");
    check(0, &[EntryKind::Fact { fact: Fact::FixReleased }], "the promise is kept");
    let mut silent = Play::reported(&project, start, Some("reporter@r.example"), Acknowledgement::Held);
    silent.until(start + SignedDuration::from_hours(24 * 20));
    assert_eq!(silent.to("reporter").len(), 0, "nobody has acknowledged it");
    // Once a person answered, only what comes later.
    let late = start + SignedDuration::from_hours(24 * 20);
    silent.enter(late, EntryKind::Answered);
    silent.until(start + SignedDuration::from_hours(24 * 24));
    assert_eq!(silent.times("reporter"), ["Wed 27 Jan 10:00"]);
    // The policy's ladder may have such a rung; a promise to acknowledge passes it over.
    let ladder = "[[policy.rung]]\nat = \"50%\"\nto = \"reporter\"\n[[policy.rung]]\nat = \"-1h\"\nto = \"team\"\n";
    let policy = format!("{ladder}{ACKNOWLEDGE}{}", ACKNOWLEDGE.replace("acknowledge", "assess"));
    let both = self::project(&policy.replace("assessd", "assessed"));
    let mut first = Play::new(&both, start);
    first.until(start + SignedDuration::from_hours(47));
    let told = first.to("reporter");
    assert!(told.len() == 1 && told[0].1.len() == 1 && told[0].1[0].contains(":assess:"), "{told:?}");
    let mut team = Play::reported(&project, start, Some("Ada@example.org"), Acknowledgement::Sent);
    team.until(start + SignedDuration::from_hours(24 * 20));
    assert_eq!(team.said, [], "one of us knows");
    let mut nobody = Play::reported(&project, start, None, Acknowledgement::Sent);
    nobody.until(start + SignedDuration::from_hours(24 * 20));
    assert_eq!(nobody.said, []);
}

#[test]
fn a_pause_takes_what_was_said_along() {
    let policy = "quiet = \"never\"\n[[policy.promise]]\nname = \"assess\"\nuntil = \"assessed\"\nwithin = \"10d\"\n\
                  pauses = true\nrungs = [{ at = \"50%\", to = \"team\" }, { at = \"-24h\", to = \"team\" }, \
                  { at = \"-4h\", to = \"lead\" }, { at = \"due\", to = \"escalation\" }]";
    let project = project(policy);
    let start = at("2027-01-04T09:00:00Z");
    let hours = |h: i64| start + SignedDuration::from_hours(h);
    let pause = |play: &mut Play<'_>, from, to| {
        play.until(hours(from));
        play.enter(hours(from), EntryKind::Paused);
        play.until(hours(to));
        play.enter(hours(to), EntryKind::Resumed);
    };
    let told = |play: &Play<'_>, name| {
        play.to(name).iter().map(|(at, _)| at.duration_since(start).as_hours()).collect::<Vec<_>>()
    };
    // Asked when half time was over and a day was left, twice.
    let mut play = Play::new(&project, start);
    pause(&mut play, 220, 500);
    pause(&mut play, 510, 600);
    play.until(hours(1_000));
    // 10 days and 370 hours: due at 610.
    assert_eq!(told(&play, "ada"), [120, 216], "not again for a deadline that moved by the wait alone");
    assert_eq!(told(&play, "kim"), [120, 216, 606]);
    assert_eq!(told(&play, "eve"), [610]);
    // What had not been said before is said.
    let mut play = Play::new(&project, start);
    pause(&mut play, 24, 500);
    play.until(hours(1_000));
    assert_eq!(told(&play, "ada"), [500, 692]);
    // A deadline that something else moved is another one, and spoken of.
    let mut play = Play::new(&project, start);
    pause(&mut play, 220, 500);
    let to = hours(530);
    play.enter(hours(501), EntryKind::DeadlineMoved { promise: "assess".into(), to });
    play.until(hours(1_000));
    assert_eq!(told(&play, "ada"), [120, 216, 506]);
}

fn quiets() -> impl Strategy<Value = Option<(&'static str, Quiet)>> {
    let time = |hour| jiff::civil::time(hour, 0, 0, 0);
    let zones = vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"];
    let quiets = vec![Quiet::OutsideHours, Quiet::Between(time(22), time(7)), Quiet::Never];
    prop::option::weighted(0.7, (prop::sample::select(zones), prop::sample::select(quiets)))
}

const LADDERS: [&str; 3] = [
    "",
    "[[policy.rung]]\nat = \"-60h\"\nto = \"reporter\"\nevery = \"1d\"\n[[policy.rung]]\nat = \"-12h\"\nto = \"lead\"\n\
     [[policy.rung]]\nat = \"-2 business days\"\nto = \"team\"\n[[policy.rung]]\nat = \"+3h\"\nevery = \"7h\"\nto = \"team\"\n",
    "[[policy.rung]]\nat = \"-1d\"\nto = \"observer\"\n[[policy.rung]]\nat = \"due\"\nto = \"escalation\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whom others sleep beside changes nothing; looking when it wakes is as good as looking all the time; no notice is
    /// made twice (G3).
    #[test]
    fn each_hears_the_same_whoever_else_sleeps(
        (ada, kim, eve) in (quiets(), quiets(), quiets()),
        ladder in prop::sample::select(LADDERS.to_vec()),
        hour in 0_i64..400,
    ) {
        let policy = format!("{ladder}{ACKNOWLEDGE}[[policy.promise]]\nname = \"assess\"\nuntil = \"assessed\"\nwithin = \"4 business days\"\n");
        // Around the change of the clocks in New York, before that in Berlin.
        let start = at("2027-03-05T00:00:00Z") + SignedDuration::from_hours(hour);
        let end = start + SignedDuration::from_hours(12 * 24);
        let with = |people: &[(&str, Option<(&str, Quiet)>)]| {
            let mut project = project(&policy);
            for (name, time) in people {
                if let Some((zone, quiet)) = time { own(&mut project, name, zone, *quiet) }
            }
            project
        };
        let all = with(&[("Ada", ada), ("Kim", kim), ("Eve", eve)]);
        let mut play = Play::new(&all, start);
        play.until(end);
        let mut keys = std::collections::BTreeSet::new();
        for key in play.said.iter().flat_map(|s| &s.3) {
            prop_assert!(keys.insert(key), "G3: {} twice", key);
        }
        for (name, time) in [("Ada", ada), ("Kim", kim), ("Eve", eve)] {
            if time.is_none() { continue }
            let alone = with(&[(name, time)]);
            let mut other = Play::new(&alone, start);
            other.until(end);
            prop_assert_eq!(other.to(name), play.to(name), "{} with the others by the policy's time", name);
        }
        // Every quarter of an hour, on which all falls here.
        let mut steady = Play::new(&all, start);
        let mut now = start;
        while now <= end {
            steady.tick(now);
            now += SignedDuration::from_mins(15);
        }
        for name in ["ada", "kim", "eve", "reporter"] {
            let first = |play: &Play<'_>| play.to(name).into_iter().filter(|(at, _)| *at > start).collect::<Vec<_>>();
            prop_assert_eq!(first(&steady), first(&play), "{}", name);
        }
    }
}
