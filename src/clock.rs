//! The one place that reads the clock.

use jiff::Timestamp;

/// Now, in whole milliseconds, as the database keeps them: what was decided at an instant is found at it.
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
