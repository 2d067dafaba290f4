//! CVSS vectors (FIRST, versions 3.0, 3.1 and 4.0), as a reporter wrote them, and what they come to.

use cvss::Cvss;
use serde::{Deserialize, Serialize};

use crate::policy::Severity;

/// Shorter tokens hold no vector with all its base metrics.
pub(super) const SHORTEST: usize = 35;

const BASE_OF_3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const BASE_OF_4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

/// What a vector comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Tenths, from 0 to 100.
    pub tenths: u8,
    /// Its rating; `None` is the rating "none" of a score of 0.
    pub rating: Option<Severity>,
}

impl Score {
    /// The score of a vector that [`super::Fields::cvss`] holds; `None` when it is not a valid one, or lacks one of
    /// the base metrics. A vector of version 3 without its prefix is read as one of 3.1.
    pub fn of(vector: &str) -> Option<Self> {
        let prefixed = if vector.starts_with("CVSS:") { vector.to_owned() } else { format!("CVSS:3.1/{vector}") };
        let base = if prefixed.starts_with("CVSS:4") { &BASE_OF_4[..] } else { &BASE_OF_3 };
        // The crate scores what is not there as nothing.
        let has = |name: &&str| prefixed.split('/').any(|m| m.split_once(':').is_some_and(|(n, _)| n == *name));
        if !base.iter().all(has) {
            return None;
        }
        let read: Cvss = prefixed.parse().ok()?;
        let rating = match read.severity() {
            cvss::Severity::None => None,
            cvss::Severity::Low => Some(Severity::Low),
            cvss::Severity::Medium => Some(Severity::Medium),
            cvss::Severity::High => Some(Severity::High),
            cvss::Severity::Critical => Some(Severity::Critical),
        };
        let score = read.score();
        // A table in place of a cast: what is no tenth from 0.0 to 10.0 is no score.
        let tenths = (0..=100_u8).find(|t| (f64::from(*t) / 10.0 - score).abs() < 0.01)?;
        Some(Self { tenths, rating })
    }

    /// The number: 9.8.
    pub fn value(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// The word for its rating.
    pub fn word(self) -> String {
        self.rating.map_or_else(|| "none".to_owned(), |r| r.to_string())
    }
}

/// "9.8 critical".
impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {}", self.tenths / 10, self.tenths % 10, self.word())
    }
}

/// A vector and what it comes to, for people: never more than a claim.
pub(super) fn shown(vector: &str, score: Option<Score>) -> String {
    match score {
        Some(score) if vector.starts_with("CVSS:") => format!("{vector} = {score} (as the reporter claims)"),
        Some(score) => format!("{vector} = {score} (as the reporter claims; read as CVSS 3.1)"),
        None => format!("{vector} (not a valid vector)"),
    }
}

/// The vector in a token, as written; version 3 is known by its metrics even without its prefix.
pub(super) fn find(token: &str) -> Option<String> {
    let start = token.find("CVSS:").or_else(|| token.find("AV:"))?;
    let tail = token.get(start..)?;
    let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || ":/.".contains(c))).unwrap_or(tail.len());
    let vector = tail.get(..end)?.trim_end_matches(['.', '/', ':']);
    let metrics = match vector.strip_prefix("CVSS:") {
        Some(rest) => {
            let (version, metrics) = rest.split_once('/')?;
            ["3.0", "3.1", "4.0"].contains(&version).then_some(metrics)?
        }
        None => vector,
    };
    let mut count = 0;
    for metric in metrics.split('/') {
        let (name, value) = metric.split_once(':')?;
        let word = |w: &str, max: usize| (1..=max).contains(&w.len()) && w.bytes().all(|c| c.is_ascii_alphabetic());
        if !word(name, 3) || !word(value, 6) {
            return None;
        }
        count += 1;
    }
    let has = |name: &str| metrics.split('/').any(|m| m.starts_with(name));
    let is_v4 = vector.starts_with("CVSS:4");
    let whole = if is_v4 { count >= 11 && has("AT:") && has("VC:") } else { count >= 8 && has("S:") && has("C:") };
    (whole && has("AV:") && has("PR:")).then(|| vector.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V3: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    const V4: &str = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";

    #[test]
    fn vectors_are_found_as_written() {
        assert_eq!(find(&format!("({V3}).")).as_deref(), Some(V3));
        assert_eq!(find(&format!("https://example.org/#{V4}")).as_deref(), Some(V4));
        assert_eq!(find("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H").as_deref(), V3.get(9..));
        assert_eq!(find("CVSS:3.1/AV:N/AC:L/PR:N"), None);
        assert_eq!(find("CVSS:9.9/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), None);
        assert_eq!(find("AV:N/AC:L/Au:N/C:P/I:P/A:P"), None);
    }

    /// Scores that FIRST publishes in its examples and calculators.
    #[test]
    fn a_whole_vector_is_scored() {
        for (vector, expect) in [
            (V3, Some("9.8 critical")),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some("10.0 critical")),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some("6.1 medium")),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some("0.0 none")),
            ("CVSS:3.1/A:H/I:H/C:H/S:U/UI:N/PR:N/AC:L/AV:N", Some("9.8 critical")),
            ("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some("9.8 critical")),
            (V4, Some("9.3 critical")),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Some("0.0 none")),
            // A value that is not there, a metric twice, one that is missing behind two others.
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:Z", None),
            ("CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/E:P/RL:O", None),
            ("CVSS:3.1/AV:N", None),
            ("CVSS:4.0/AV:N", None),
            ("", None),
        ] {
            assert_eq!(Score::of(vector).map(|s| s.to_string()).as_deref(), expect, "{vector}");
        }
    }

    #[test]
    fn what_is_shown_is_a_claim() {
        for (vector, expect) in [
            (V3, " = 9.8 critical (as the reporter claims)"),
            ("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", " = 9.8 critical (as the reporter claims; read as CVSS 3.1)"),
            ("CVSS:3.1/AV:Q", " (not a valid vector)"),
        ] {
            assert_eq!(shown(vector, Score::of(vector)), format!("{vector}{expect}"));
        }
    }
}
