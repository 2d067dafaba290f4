//! Whether the clock can be believed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock;
use crate::notice::text::trouble::Set;
use crate::tracker::ahead::AHEAD;

/// The wall clock may run that far ahead of the steady one before it is believed only at the second look.
const JUMP: SignedDuration = SignedDuration::from_hours(24);
/// The second look comes so much later: who sets the clock of a machine may need a second try.
const SECOND: Duration = Duration::from_secs(20);

/// Whether the wall clock runs with the steady one, which only counts the time that passes. A boot with a clock in 1970,
/// or a step of years by a broken time server, would else remind of everything at once.
pub(super) struct Steady {
    /// What both showed at the start.
    start: (Timestamp, Instant),
    /// What both showed when the wall clock was believed last.
    last: (Timestamp, Instant),
    doubted: Option<Instant>,
    how: Set,
}

impl Steady {
    pub(super) fn new(now: Timestamp) -> Self {
        let both = (now, Instant::now());
        Self { start: both, last: both, doubted: None, how: Set::Before }
    }

    /// At most one look in doubt: what the next one confirms is the time.
    pub(super) fn believes(&mut self, now: Timestamp) -> bool {
        let moved = ahead_of(self.last, now);
        if moved <= JUMP {
            self.doubted = None;
        } else if self.doubted.get_or_insert_with(Instant::now).elapsed() < SECOND {
            return false;
        }
        if moved < -AHEAD {
            let since_start = ahead_of(self.start, now);
            let agrees = since_start.abs() <= AHEAD;
            self.how = if agrees { Set::Ahead(since_start - moved) } else { Set::Back(-moved) };
        }
        self.doubted = None;
        self.last = (now, Instant::now());
        true
    }

    /// The time to go by while the wall clock shows this: where that is not believed, what the steady clock has counted on
    /// from when it was.
    pub(super) fn time(&self, wall: Timestamp) -> Timestamp {
        let (last, at) = self.last;
        let is_believed = wall >= clock::EARLIEST && ahead_of(self.last, wall) <= JUMP;
        if is_believed { wall } else { last.checked_add(at.elapsed()).unwrap_or(wall) }
    }

    /// How the wall clock came to be where it is, as far as this process has seen.
    pub(super) fn how(&self) -> Set {
        self.how
    }
}

/// How far the wall clock went ahead of the steady one since both showed this.
fn ahead_of((wall, at): (Timestamp, Instant), now: Timestamp) -> SignedDuration {
    let passed = SignedDuration::try_from(at.elapsed()).unwrap_or(SignedDuration::MAX);
    now.duration_since(wall).saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(hours: i64) -> Timestamp {
        let start: Timestamp = "2027-01-04T10:00:00Z".parse().unwrap();
        start + SignedDuration::from_hours(hours)
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_believed_at_the_second_look_and_time_that_passed_at_once() {
        let mut steady = Steady::new(after(0));
        tokio::time::advance(Duration::from_secs(48 * 3_600)).await;
        assert!(steady.believes(after(48)), "two days that both clocks saw");
        assert!(steady.believes(after(48 + 23)), "less than a day ahead");
        assert!(!steady.believes(after(24 * 365)));
        assert!(!steady.believes(after(24 * 365)), "a mail that came woke the loop again at once");
        tokio::time::advance(SECOND).await;
        assert_eq!(steady.time(after(24 * 365)), after(48 + 23) + SECOND, "what ends meanwhile ends at this time");
        assert_eq!(steady.time("1970-01-02T00:00:00Z".parse().unwrap()), after(48 + 23) + SECOND);
        assert!(steady.believes(after(24 * 365)), "the second look");
        assert_eq!(steady.time(after(24 * 365)), after(24 * 365));
        assert!(steady.believes(after(0)), "backwards reminds of nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn the_steady_clock_says_which_of_two_clocks_moved() {
        let mut steady = Steady::new(after(0));
        assert!(steady.believes(after(0)) && steady.how() == Set::Before);
        assert!(steady.believes(after(2)) && steady.believes(after(0)));
        assert_eq!(steady.how(), Set::Ahead(SignedDuration::from_hours(2)), "it went ahead, and is back");
        assert!(steady.believes(after(-3)));
        assert_eq!(steady.how(), Set::Back(SignedDuration::from_hours(3)));
        // Asleep for twenty hours, which the steady clock did not count, and then set back by one hour.
        let mut steady = Steady::new(after(0));
        assert!(steady.believes(after(20)) && steady.believes(after(19)));
        assert_eq!(steady.how(), Set::Back(SignedDuration::from_hours(1)));
    }
}
