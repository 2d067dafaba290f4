//! What the process costs: memory, and the time until it is ready.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::figure::{median, millis, print};
use crate::process::until;
use crate::{mails, world};

/// A large mail, in octets.
const LARGE_MAIL: usize = 30_000_000;

/// The memory of a daemon that has nothing to do.
pub(crate) fn memory(home: &Path) {
    let mut daemon = Daemon::start(home);
    sleep(Duration::from_secs(5));
    print("memory", "at rest with 100,000 tickets", daemon.memory("VmRSS"), "MB", Some(20.0));
    daemon.stop();
}

/// The most memory that one large mail takes.
pub(crate) fn peak() {
    let mut world = world::World::new();
    // Else it would lie there before the first start.
    world.tracker().unseen("before", &[]).expect("a database");
    let home = world.retire();
    let raw = mails::with_attachment(1, LARGE_MAIL);
    fs::write(home.path().join("inbox/new/large"), raw).expect("a mail");
    let mut daemon = Daemon::start(home.path());
    let sent = || fs::read_dir(home.path().join("outgoing/new")).is_ok_and(|folder| folder.count() == 2);
    assert!(until(Duration::from_secs(120), sent), "the large mail is not handled");
    let peak = daemon.memory("VmHWM");
    print("peak", "the most memory for a mail of 30 MB, in mails", peak * 1e6 / LARGE_MAIL as f64, "times", Some(4.0));
    daemon.stop();
}

/// From the start of the process until it is ready.
pub(crate) fn start(home: &Path) {
    let run = |_| {
        let daemon = Daemon::start(home);
        let started = daemon.started;
        daemon.stop();
        started
    };
    // The first one warms the machine up.
    let times = (0..10).map(run).skip(1);
    print("start", "until it is ready with 100,000 tickets", median(times.map(millis)), "ms", Some(200.0));
}
