//! Lengths of time as people write them: "48h", "7d", "2 weeks", "3 business days".
//!
//! Hours are elapsed time, days and longer are civil: "24h" and "1d" differ on the day the clocks change.
//! That is why the two kinds do not mix in one term.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use super::{RungAt, Term};
use crate::vocabulary::piece;

/// The longest term that is read. Ten years outlast any promise; what is longer is a slip of the pen.
const LONGEST: SignedDuration = SignedDuration::from_hours(3653 * 24);

impl Term {
    /// Reads a term: whole numbers, each with a unit from seconds to years, or business days.
    ///
    /// Zero is read, for `grace = "0d"`; where it makes no sense, ask [`Term::is_zero`].
    ///
    /// # Errors
    /// A sentence for the person who wrote it, with what to write instead.
    pub fn parse(text: &str) -> Result<Term, String> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(format!("no length of time is given: write one like {EXAMPLES}"));
        }
        let mut sum: Option<Term> = None;
        while !rest.is_empty() {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = rest.strip_suffix(after).unwrap_or_default();
            let next = after.trim_start_matches(|c: char| !c.is_ascii_digit());
            let unit = after.strip_suffix(next).unwrap_or_default().trim();
            let part = part(number, unit).map_err(|why| format!("{}: {why}", piece(text)))?;
            sum = Some(match sum {
                None => part,
                Some(sum) => plus(sum, part).map_err(|why| format!("{}: {why}", piece(text)))?,
            });
            rest = next;
        }
        let term = sum.unwrap_or(Term::Civil { months: 0, days: 0 });
        if term.nominal() > LONGEST {
            return Err(format!("{} is longer than ten years: write a shorter term", piece(text)));
        }
        Ok(term)
    }

    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        self.nominal() == SignedDuration::ZERO
    }

    /// About how long it is, to compare terms of different kinds: a month counts as a twelfth of a year,
    /// a business day as 7/5 of a day.
    pub fn nominal(self) -> SignedDuration {
        match self {
            Term::Elapsed(duration) => duration,
            // 365.2425 days / 12 = 2,629,746 s, the mean of the Gregorian calendar.
            Term::Civil { months, days } => {
                SignedDuration::from_secs(i64::from(months) * 2_629_746 + i64::from(days) * 86_400)
            }
            Term::Business(days) => SignedDuration::from_secs(i64::from(days) * 86_400 * 7 / 5),
        }
    }
}

const EXAMPLES: &str = r#""48h", "7d", "2 weeks", "1 month" or "3 business days""#;

/// One number with its unit.
fn part(number: &str, unit: &str) -> Result<Term, String> {
    if number.is_empty() {
        return Err(if unit.starts_with(['-', '+', '−']) {
            format!("a term has no sign: write one like {EXAMPLES}")
        } else {
            format!("a term begins with a number in figures: write one like {EXAMPLES}")
        });
    }
    let too_long = || format!("{} is too large: the longest term is ten years", piece(number));
    let count: u32 = number.parse().map_err(|_| too_long())?;
    let times = |each: u32| count.checked_mul(each).and_then(|n| u16::try_from(n).ok()).ok_or_else(too_long);
    let seconds = |each: i64| Term::Elapsed(SignedDuration::from_secs(i64::from(count) * each));
    let days = |each| Ok(Term::Civil { months: 0, days: times(each)? });
    let months = |each| Ok(Term::Civil { months: times(each)?, days: 0 });
    if unit == "M" {
        return Err(format!(r#"a capital M may mean two things: write "{number}m" for minutes or "{number} months""#));
    }
    let words: Vec<String> = unit.split_whitespace().map(str::to_ascii_lowercase).collect();
    match words.join(" ").as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => Ok(seconds(1)),
        "m" | "min" | "mins" | "minute" | "minutes" => Ok(seconds(60)),
        "h" | "hr" | "hrs" | "hour" | "hours" => Ok(seconds(3600)),
        "d" | "day" | "days" => days(1),
        "w" | "week" | "weeks" => days(7),
        "month" | "months" => months(1),
        "y" | "year" | "years" => months(12),
        "business day" | "business days" | "working day" | "working days" | "workday" | "workdays" => {
            Ok(Term::Business(times(1)?))
        }
        "" => Err(format!(r#"the unit is missing: write "{number}h" for hours or "{number}d" for days"#)),
        other if other.starts_with(['.', ',']) => {
            Err(r#"only whole numbers are read: write "90m" rather than "1.5h""#.to_owned())
        }
        other => Err(format!("{} is not a unit: write m, h, d, w, month, year or business days", piece(other))),
    }
}

/// Adds what is of the same kind.
fn plus(left: Term, right: Term) -> Result<Term, String> {
    let too_long = || "this is longer than ten years: write a shorter term".to_owned();
    match (left, right) {
        (Term::Elapsed(a), Term::Elapsed(b)) => Ok(Term::Elapsed(a.saturating_add(b))),
        (Term::Civil { months, days }, Term::Civil { months: more_months, days: more_days }) => Ok(Term::Civil {
            months: months.checked_add(more_months).ok_or_else(too_long)?,
            days: days.checked_add(more_days).ok_or_else(too_long)?,
        }),
        (Term::Business(_), _) | (_, Term::Business(_)) => {
            Err(r#"business days stand alone: write "3 business days""#.to_owned())
        }
        (Term::Elapsed(_), Term::Civil { .. }) | (Term::Civil { .. }, Term::Elapsed(_)) => {
            Err(r#"days and hours do not mix, since a day is not always 24 hours: write "36h" or "2d""#.to_owned())
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Term::Elapsed(duration) => match duration.as_secs() {
                seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
                seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
                seconds => format!("{seconds}s"),
            },
            Term::Civil { months: 0, days } => format!("{days}d"),
            Term::Civil { months, days } => {
                let months = if months == 1 { "1 month".to_owned() } else { format!("{months} months") };
                if days == 0 { months } else { format!("{months} {days}d") }
            }
            Term::Business(1) => "1 business day".to_owned(),
            Term::Business(days) => format!("{days} business days"),
        };
        f.pad(&text)
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Term, String> {
        Term::parse(text)
    }
}

impl RungAt {
    /// Reads the place of a rung: "50%", "-24h", "due" or "+1d".
    ///
    /// # Errors
    /// A sentence for the person who wrote it, with what to write instead.
    pub fn parse(text: &str) -> Result<RungAt, String> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("due") {
            return Ok(RungAt::Due);
        }
        if let Some(number) = trimmed.strip_suffix('%') {
            return match number.trim_end().parse::<u8>() {
                Ok(share @ 1..=99) => Ok(RungAt::Share(share)),
                Ok(100) => Err(r#""100%" is the deadline itself: write "due""#.to_owned()),
                Ok(_) | Err(_) => Err(format!(
                    r#"{}: a share of the term is a whole number from "1%" to "99%"; past the deadline write "+1d""#,
                    piece(trimmed)
                )),
            };
        }
        let (place, term): (fn(Term) -> RungAt, _) = if let Some(rest) = trimmed.strip_prefix('-') {
            (RungAt::Before, Term::parse(rest)?)
        } else if let Some(rest) = trimmed.strip_prefix('+') {
            (RungAt::After, Term::parse(rest)?)
        } else {
            return Err(match Term::parse(trimmed) {
                Ok(term) => {
                    format!(r#"{}: before or after the deadline? Write "-{term}" or "+{term}""#, piece(trimmed))
                }
                Err(_) => format!(
                    r#"{} is not a place on the way to a deadline: write "50%", "-24h", "due" or "+1d""#,
                    piece(trimmed)
                ),
            });
        };
        if term.is_zero() {
            return Err(format!(r#"{} is the deadline itself: write "due""#, piece(trimmed)));
        }
        Ok(place(term))
    }
}

impl fmt::Display for RungAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            RungAt::Share(share) => format!("{share}%"),
            RungAt::Before(term) | RungAt::Fitting(term) => format!("-{term}"),
            RungAt::Due => "due".to_owned(),
            RungAt::After(term) => format!("+{term}"),
        };
        f.pad(&text)
    }
}

impl FromStr for RungAt {
    type Err = String;

    fn from_str(text: &str) -> Result<RungAt, String> {
        RungAt::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hours(n: i64) -> Term {
        Term::Elapsed(SignedDuration::from_hours(n))
    }

    fn days(days: u16) -> Term {
        Term::Civil { months: 0, days }
    }

    fn months(months: u16) -> Term {
        Term::Civil { months, days: 0 }
    }

    #[test]
    fn terms_are_read_and_written_back() {
        let check = |text: &str, expect: Term, written: &str| {
            assert_eq!(Term::parse(text), Ok(expect), "{text}");
            assert_eq!(expect.to_string(), written);
            assert_eq!(Term::parse(written), Ok(expect), "{written}");
        };
        check("30m", Term::Elapsed(SignedDuration::from_mins(30)), "30m");
        check("90s", Term::Elapsed(SignedDuration::from_secs(90)), "90s");
        check("48h", hours(48), "48h");
        check("24 hours", hours(24), "24h");
        check("87600h", hours(87_600), "87600h");
        check("1h30m", Term::Elapsed(SignedDuration::from_mins(90)), "90m");
        check(" 7d ", days(7), "7d");
        check("1 day", days(1), "1d");
        check("2w", days(14), "14d");
        check("1 week", days(7), "7d");
        check("2 Weeks", days(14), "14d");
        check("1 month", months(1), "1 month");
        check("1 month 3 days", Term::Civil { months: 1, days: 3 }, "1 month 3d");
        check("1y", months(12), "12 months");
        check("3 business days", Term::Business(3), "3 business days");
        check("1 working day", Term::Business(1), "1 business day");
        check("0d", days(0), "0d");
    }

    #[test]
    fn a_faulty_term_is_told_with_what_to_write() {
        let check = |text: &str, expect: &str| {
            let error = Term::parse(text).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("", r#"write one like "48h""#);
        check("   ", "no length of time");
        check("48", r#"write "48h" for hours or "48d" for days"#);
        check("-24h", "has no sign");
        check("two weeks", "number in figures");
        check("P7D", "number in figures");
        check("1.5h", r#"write "90m" rather than "1.5h""#);
        check("2M", r#"write "2m" for minutes or "2 months""#);
        check("7 dayz", r#""dayz" is not a unit"#);
        check("1d 12h", "do not mix");
        check("3 business days 4h", "stand alone");
        check("11 years", "ten years");
        check("3654d", "ten years");
        check("99999999999999999999h", "ten years");
        check("65535w", "ten years");
        check("7\u{202e}d", r"\u{202e}");
        check(&"x".repeat(9000), "…");
        assert!(Term::parse("10 years").is_ok());
    }

    #[test]
    fn zero_is_known_in_every_kind() {
        for text in ["0d", "0h", "0 months", "0 business days"] {
            assert!(Term::parse(text).unwrap().is_zero(), "{text}");
        }
        for text in ["1s", "1d", "1 month", "1 business day"] {
            assert!(!Term::parse(text).unwrap().is_zero(), "{text}");
        }
    }

    #[test]
    fn places_are_read_and_written_back() {
        let check = |text: &str, expect: RungAt| {
            assert_eq!(RungAt::parse(text), Ok(expect), "{text}");
            assert_eq!(RungAt::parse(&expect.to_string()), Ok(expect));
        };
        check("50%", RungAt::Share(50));
        check("99 %", RungAt::Share(99));
        check("-24h", RungAt::Before(hours(24)));
        check("- 2 business days", RungAt::Before(Term::Business(2)));
        check("due", RungAt::Due);
        check("Due", RungAt::Due);
        check("+1d", RungAt::After(days(1)));
    }

    #[test]
    fn a_faulty_place_is_told_with_what_to_write() {
        let check = |text: &str, expect: &str| {
            let error = RungAt::parse(text).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        };
        check("100%", r#"write "due""#);
        check("0%", r#""1%" to "99%""#);
        check("120%", r#"write "+1d""#);
        check("4x%", r#""1%" to "99%""#);
        check("24h", r#"Write "-24h" or "+24h""#);
        check("-0h", r#"write "due""#);
        check("+", "no length of time");
        check("soon", r#"write "50%""#);
        check("", r#"write "50%""#);
    }

    proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in r"\PC{0,30}|[0-9]{1,6} ?[a-zA-Z]{0,8}( [0-9]{0,6} ?[a-z]{0,8})?") {
            if let Ok(term) = Term::parse(&text) {
                prop_assert_eq!(Term::parse(&term.to_string()), Ok(term));
            }
            if let Ok(at) = RungAt::parse(&text) {
                prop_assert_eq!(RungAt::parse(&at.to_string()), Ok(at));
            }
        }
    }
}
