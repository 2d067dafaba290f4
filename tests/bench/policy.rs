//! What time costs with 100,000 open tickets: a policy that changes, a day of ticks; and one ticket played forward.

use std::time::Duration;

use disclosed::testing::config::Config;
use disclosed::testing::project::Project;
use disclosed::testing::rules::simulate::{Scenario, play};
use jiff::{SignedDuration, Timestamp};

use crate::figure::{median, millis, print, timed};
use crate::world::{self, LARGE, World};

/// How long the daemon sleeps at most.
const NAP: SignedDuration = SignedDuration::from_secs(30);
/// Rounds of a play.
const PLAYS: usize = 100;

/// A policy that moves deadlines of every ticket, and back.
pub(crate) fn policy(large: &mut World) {
    let now = large.at(SignedDuration::from_hours(1), 0);
    let reload = |large: &mut World, text: &str| {
        let project = project(text);
        timed(|| large.tracker().reload(project, None, now).expect("the policy is adopted").moved)
    };
    // Two of the three promises of the preset give a day more.
    let longer =
        |name, until, within| format!("[[policy.promise]]\nname = {name:?}\nuntil = {until:?}\nwithin = {within:?}\n");
    let config = world::basics();
    let other = format!("{config}{}{}", longer("assess", "assessed", "8d"), longer("disclose", "public", "91d"));
    let (changed, moved) = reload(large, &other);
    assert!(moved >= 2 * LARGE as usize, "two deadlines of each ticket");
    // The same promises under another ladder: all is read and derived anew, and nothing has moved.
    let (same, none) = reload(large, &format!("{other}[[policy.rung]]\nat = \"-1h\"\nto = \"team\"\n"));
    assert_eq!(none, 0, "a ladder moves no deadline");
    let (back, again) = reload(large, config);
    assert_eq!(again, moved, "and back");
    print("policy", "100,000 open tickets, 200,000 deadlines move", changed.as_secs_f64(), "s", None);
    print("policy", "100,000 open tickets, none moves", same.as_secs_f64(), "s", None);
    print("policy", "all move against none moves", changed.as_secs_f64() / same.as_secs_f64(), "times", Some(4.0));
    print("policy", "the same, back again", back.as_secs_f64() / same.as_secs_f64(), "times", Some(4.0));
}

/// A day without mail, as the daemon lives it: it looks when something is due, and each 30 s.
pub(crate) fn day(large: &mut World) {
    // 24 hours after each report its first reminder is due: a day with one for each ticket.
    let (begin, end) = (large.at(SignedDuration::from_hours(2), 0), large.at(SignedDuration::from_hours(26), 0));
    let (mut now, mut looks, mut said) = (begin, 0_u32, 0_usize);
    let mut busy = Duration::ZERO;
    let mut idle = Vec::new();
    while now < end {
        let (time, (news, more)) = timed(|| large.tracker().on_tick(now).expect("a tick"));
        (looks, said) = (looks + 1, said + news.entries.len());
        busy += time;
        if news.entries.is_empty() {
            idle.push(millis(time));
        }
        if !more {
            let next = large.tracker().next_wake(false).expect("the next look").unwrap_or(Timestamp::MAX);
            // The reports came within 100 s. What is due within a second is looked at together: work takes time.
            now = next.max(now + SignedDuration::from_secs(1)).min(now + NAP);
        }
    }
    print("day", "100,000 open tickets, a day: all looks together", busy.as_secs_f64(), "s", Some(864.0));
    print("day", "the same: one look with nothing due", median(idle), "ms", Some(1.0));
    print("day", "the same: looks", f64::from(looks), "", None);
    print("day", "the same: entries written", said as f64, "", None);
}

/// One report played to its end, under the preset.
pub(crate) fn simulate() {
    let project = project(world::basics());
    let at = "2027-01-08T17:00:00Z".parse().expect("an instant");
    let scenario = Scenario { at, severity: None, events: Vec::new(), days: None };
    let times = (0..PLAYS).map(|_| {
        let (time, play) = timed(|| play(&project, &scenario));
        assert_eq!(play.courses.len(), 3, "three promises");
        millis(time)
    });
    print("simulate", "one report under the preset, 97 days", median(times), "ms", Some(50.0));
}

fn project(text: &str) -> Project {
    let file = std::path::Path::new("config.toml");
    let ways = "[inbox]\nmaildir = \"inbox\"\n[outgoing]\nmaildir = \"outgoing\"\n";
    Config::parse(&format!("{text}{ways}"), file).expect("a good config").project()
}
