//! The one place that reads the clock.

use jiff::Timestamp;

/// No clock that shows less is right: this program was not there yet.
pub(crate) const EARLIEST: Timestamp = Timestamp::constant(1_790_812_800, 0);

/// Now, in whole milliseconds, as the database keeps them: what was decided at an instant is found at it.
#[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
