//! Whether the clock can be believed.

use jiff::{SignedDuration, Timestamp};

/// The wall clock may run that far ahead of the steady one before it is believed only at the second look.
const JUMP: SignedDuration = SignedDuration::from_hours(24);

/// Whether the wall clock runs with the steady one. A boot with a clock in 1970, or a step of years by a broken time
/// server, would else remind of everything at once.
pub(super) struct Steady {
    wall: Timestamp,
    at: tokio::time::Instant,
    doubted: bool,
}

impl Steady {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { wall: now, at: tokio::time::Instant::now(), doubted: false }
    }

    /// At most one look in doubt: what the next one confirms is the time.
    pub(super) fn believes(&mut self, now: Timestamp) -> bool {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        let ahead = now.duration_since(self.wall).saturating_sub(passed);
        let jumped = ahead > JUMP && !self.doubted;
        self.doubted = jumped;
        if !jumped {
            (self.wall, self.at) = (now, tokio::time::Instant::now());
        }
        !jumped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_believed_at_the_second_look_and_time_that_passed_at_once() {
        let start: Timestamp = "2027-01-04T10:00:00Z".parse().unwrap();
        let after = |hours: i64| start + SignedDuration::from_hours(hours);
        let mut steady = Steady::new(start);
        tokio::time::advance(Duration::from_secs(48 * 3_600)).await;
        assert!(steady.believes(after(48)), "two days that both clocks saw");
        assert!(steady.believes(after(48 + 23)), "less than a day ahead");
        assert!(!steady.believes(after(24 * 365)));
        assert!(steady.believes(after(24 * 365)), "the second look");
        assert!(steady.believes(start), "backwards reminds of nothing");
    }
}
