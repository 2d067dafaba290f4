//! What many tickets cost whoever asks: each command as a process of its own, each tick, each start.
//!
//! `DISCLOSED_TICKETS=1000000 DISCLOSED_HOME=FOLDER cargo bench -- scale` makes so many, and keeps them in that folder; what
//! lies there already is taken as it is. Memory is what time(1) says.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use disclosed::testing::clock;
use jiff::SignedDuration;
use rusqlite::Connection;

use crate::daemon::Daemon;
use crate::figure::{median, millis, print, timed};
use crate::world::{self, World};

/// Rounds of a command.
const ROUNDS: usize = 5;
/// What a page may cost.
const PAGE_MILLIS: f64 = 50.0;
const PAGE_MEMORY: f64 = 20.0;
/// How long a daemon at rest is watched.
const REST: Duration = Duration::from_secs(60);

pub(crate) fn measure() {
    let tickets = wanted("DISCLOSED_TICKETS").and_then(|n| n.parse().ok()).unwrap_or(world::LARGE);
    let kept = wanted("DISCLOSED_HOME");
    let own = world::folder();
    let home = kept.as_ref().map_or(own.path(), Path::new);
    std::fs::create_dir_all(home).expect("the folder can be made");
    if !home.join("disclosed.db").exists() {
        let (time, ()) = timed(|| {
            let mut world = World::within(home);
            world.fill(tickets);
        });
        print("scale", "a mail that becomes a ticket", millis(time) / f64::from(tickets), "ms", None);
    }
    let database = Connection::open(home.join("disclosed.db")).expect("the database");
    let tickets: u32 = database.query_row("SELECT count(*) FROM ticket", [], |r| r.get(0)).expect("it has tickets");
    let octets = std::fs::metadata(home.join("disclosed.db")).expect("the database").len();
    print("scale", &format!("{tickets} tickets, on disk, each"), octets as f64 / f64::from(tickets) / 1e3, "kB", None);

    commands(home, tickets, "all waits");
    let change = |sql: &str| database.execute_batch(sql).expect("it is ours");
    change("UPDATE outbox SET state = 'sent' WHERE state = 'waiting'");
    commands(home, tickets, "all left");
    rest(home);
    // As under a time that is given by hand: no command looks at it before that.
    let later = clock::now() + SignedDuration::from_hours(72);
    change("INSERT OR REPLACE INTO meta VALUES ('played', 'yes')");
    change(&format!("INSERT OR REPLACE INTO meta VALUES ('last_scan', '{later}')"));
    commands(home, tickets, "all is broken");
    change("UPDATE outbox SET state = 'refused', attempts = 1 WHERE kind = 'acknowledgement'");
    commands(home, tickets, "no acknowledgement arrived");
}

/// All that reads: pages within their bounds, and what is whole.
fn commands(home: &Path, tickets: u32, how: &str) {
    let middle = (tickets / 2).to_string();
    let pages: &[&[&str]] = &[
        &["status"],
        &["list"],
        &["list", "--open"],
        &["list", "--before", &middle],
        &["show", &middle],
        &["show", &middle, "--json"],
        &["log", &middle],
        &["inbox"],
        &["inbox", "--before", &middle],
        &["inbox", "--show", &middle],
        &["outbox"],
        &["outbox", "--before", &middle],
        &["outbox", "--show", &middle],
    ];
    for words in pages {
        say(home, words, how, Some((PAGE_MILLIS, PAGE_MEMORY)));
    }
    for words in [&["status", "--json"], &["list", "--json"], &["inbox", "--json"], &["outbox", "--json"]] {
        say(home, words, how, None);
    }
}

fn say(home: &Path, words: &[&str], how: &str, bounds: Option<(f64, f64)>) {
    let rounds = if bounds.is_some() { ROUNDS } else { 1 };
    let runs: Vec<(f64, f64)> = (0..rounds).map(|_| run(home, words)).collect();
    let what = format!("{}: {how}", words.join(" "));
    print("scale", &what, median(runs.iter().map(|r| r.0)), "ms", bounds.map(|b| b.0));
    print(
        "scale",
        &format!("{what}, peak"),
        median(runs.iter().map(|r| r.1)),
        "MB",
        bounds.map(|b| b.1).or(Some(PAGE_MEMORY)),
    );
}

/// Milliseconds and MB.
fn run(home: &Path, words: &[&str]) -> (f64, f64) {
    let report = home.join("time");
    let mut command = Command::new("time");
    command.args(["-f", "%M", "-o"]).arg(&report).arg(env!("CARGO_BIN_EXE_disclosed"));
    command.arg("--config").arg(home.join("config.toml")).args(words);
    command.stdin(Stdio::null()).stdout(File::create("/dev/null").expect("it is there"));
    let (time, status) = timed(|| command.status().expect("time(1) is there"));
    assert!(matches!(status.code(), Some(0 | 3)), "{words:?}: {status}");
    let report = std::fs::read_to_string(report).unwrap_or_default();
    let peak = report.lines().last().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (millis(time), peak * 1_024.0 / 1e6)
}

/// A daemon that has nothing to do.
fn rest(home: &Path) {
    let mut daemon = Daemon::start(home);
    print("scale", "until the daemon is ready", millis(daemon.started), "ms", Some(200.0));
    sleep(Duration::from_secs(5));
    let before = daemon.cpu();
    sleep(REST);
    let spent = (daemon.cpu() - before) * 1e3 / (REST.as_secs_f64() / 30.0);
    print("scale", "at rest, each half a minute", spent, "ms", None);
    print("scale", "resident at rest", daemon.memory("VmRSS"), "MB", Some(15.0));
    daemon.stop();
}

#[expect(clippy::disallowed_methods, reason = "a bench is told how much to make by those who run it")]
fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
