//! Measuring, and the line that says what came out.

use std::time::{Duration, Instant};

/// One line: the part, what was measured, the figure, its bound.
pub(crate) fn print(part: &str, what: &str, value: f64, unit: &str, bound: Option<f64>) {
    let verdict = match bound {
        Some(bound) if value <= bound => format!("at most {bound:<6} PASS"),
        Some(bound) => format!("at most {bound:<6} over"),
        None => "for information".to_owned(),
    };
    println!("{part:<8} {what:<72} {value:>9.3} {unit:<6} {verdict}");
}

/// How long it took, and what came of it.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = now();
    let done = work();
    (begin.elapsed(), done)
}

/// The present, to measure with.
#[expect(clippy::disallowed_methods, reason = "a bench measures")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The middle one; NaN of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median ratio of pairs that were measured in turns.
pub(crate) fn median_ratio(pairs: &[(Duration, Duration)]) -> f64 {
    median(pairs.iter().map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()))
}

/// In milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
