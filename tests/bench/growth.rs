//! What a large database costs more than a small one.

use std::time::Duration;

use jiff::SignedDuration;

use crate::figure::{median, median_ratio, millis, print, timed};
use crate::world::{BATCH, World};

/// The small database is at its 1,000th mail in the middle of the measurement, the large one at its 100,000th.
const MIDDLES: [u32; 2] = [1_000, 100_000];
/// Mails measured around the middle.
const WINDOW: u32 = 1_000;
/// Tickets due in a tick.
const DUE: u32 = 10;

pub(crate) fn growth(large: &mut World) {
    let mut small = World::new();
    let batches = WINDOW as usize / BATCH + 1;
    for (world, middle) in [(&mut small, MIDDLES[0]), (&mut *large, MIDDLES[1])] {
        world.fill(middle - WINDOW / 2);
    }
    let pairs: Vec<(Duration, Duration)> = (0..batches).map(|_| (large.take_small(), small.take_small())).collect();
    let total = |of: fn(&(Duration, Duration)) -> Duration| pairs.iter().map(of).sum::<Duration>().as_secs_f64();
    print("growth", "mail 100,000 against mail 1,000", median_ratio(&pairs), "times", Some(1.2));
    print("growth", "the same, of all of the 1,000 mails around each", total(|p| p.0) / total(|p| p.1), "times", None);
    let each = median(pairs.iter().map(|p| millis(p.0))) / BATCH as f64;
    print("growth", "mail 100,000 of 2 kB", each, "ms", None);
}

pub(crate) fn tick(large: &mut World) {
    let quiet = large.at(SignedDuration::from_hours(1), 0);
    let idle = (0..200).map(|_| tick_at(large, quiet, 0));
    let idle = median(idle.map(millis));
    print("tick", "100,000 open tickets, nothing due", idle, "ms", Some(1.0));

    let mut pairs = Vec::new();
    let mut next = DUE;
    for _ in 0..6 {
        let mut small = World::new();
        small.fill(100);
        // Half of 48 hours after each report the first reminder is due. Of the first of the small, and of others of
        // the large.
        for n in (DUE..=100).step_by(DUE as usize) {
            let after = SignedDuration::from_hours(24);
            let (at_small, at_large) = (small.at(after, n), large.at(after, next));
            pairs.push((tick_at(large, at_large, DUE), tick_at(&mut small, at_small, DUE)));
            next += DUE;
        }
    }
    let ten = median(pairs.iter().map(|p| millis(p.0)));
    print("tick", "100,000 open tickets, 10 due", ten, "ms", None);
    print("tick", "10 due of 100,000 against 10 due of 100", median_ratio(&pairs), "times", Some(1.2));
}

fn tick_at(world: &mut World, now: jiff::Timestamp, due: u32) -> Duration {
    let (time, done) = timed(|| world.tracker().on_tick(now).expect("a tick"));
    assert_eq!(done.0.entries.len(), due as usize, "what is due");
    time
}
