//! Severity words, taken only where the words around them say that a severity is meant.

use crate::policy::Severity;

/// What the lines so far name.
#[derive(Default)]
pub(super) struct Named {
    /// "Severity: high".
    labelled: Option<Severity>,
    /// "a critical vulnerability".
    in_passing: Option<Severity>,
}

impl Named {
    /// The severity that the report names.
    pub(super) fn severity(&self) -> Option<Severity> {
        self.labelled.or(self.in_passing)
    }

    /// Looks at the words of one line, in lower case.
    pub(super) fn line(&mut self, words: &[String]) {
        let mut labelled: Vec<Severity> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some(severity) = severity_word(word) else { continue };
            let before = |n: usize| at.checked_sub(n).and_then(|i| words.get(i)).map_or("", String::as_str);
            let after = words.get(at + 1).map_or("", String::as_str);
            if ["not", "no", "non", "isn", "never"].iter().any(|n| before(1) == *n || before(2) == *n) {
                continue;
            }
            let label = |w: &str| matches!(w, "severity" | "criticality" | "severidad" | "schweregrad");
            let filler =
                |w: &str| matches!(w, "is" | "rating" | "level" | "score" | "estimated" | "suggested" | "cvss" | "as");
            let number = |w: &str| !w.is_empty() && w.bytes().all(|c| c.is_ascii_digit());
            // "Severity rating: 9.8 (critical)": back over what may stand between a label and its value.
            let between = |w: &str| filler(w) || number(w) || severity_word(w).is_some();
            let by_label = (1..=5).find(|n| !between(before(*n))).is_some_and(|n| label(before(n)));
            let rated = label(after) || matches!(before(1), "rated" | "risk") && after.is_empty();
            if by_label || rated {
                labelled.push(severity);
            } else if matches!(severity, Severity::Critical | Severity::High)
                && matches!(
                    after,
                    "vulnerability" | "vulnerabilities" | "security" | "flaw" | "risk" | "rce" | "bug" | "issue"
                )
                && (severity == Severity::Critical || after == "risk")
            {
                self.in_passing.get_or_insert(severity);
            }
        }
        labelled.dedup();
        // "Severity: low / medium / high" is a form that nobody filled in.
        if let [one] = labelled.as_slice() {
            self.labelled.get_or_insert(*one);
        }
    }
}

fn severity_word(word: &str) -> Option<Severity> {
    match word {
        "critical" | "crit" => Some(Severity::Critical),
        "high" | "important" | "severe" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" | "minor" => Some(Severity::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::fields::recognise;

    #[track_caller]
    fn check(text: &str, expect: Option<Severity>) {
        assert_eq!(recognise("", text).severity, expect, "{text}");
    }

    #[test]
    fn a_severity_is_named_in_context() {
        check("Severity: high", Some(Severity::High));
        check("**Severity**: `Critical` (9.8)", Some(Severity::Critical));
        check("CVSS severity rating: 5.3 medium", Some(Severity::Medium));
        check("I think it is low severity.", Some(Severity::Low));
        check("a high-severity bug", Some(Severity::High));
        check("Severity: important", Some(Severity::High));
        check("We found a critical vulnerability in x", Some(Severity::Critical));
        check("a critical vulnerability\nSeverity: low", Some(Severity::Low));
        check("This is not a critical vulnerability", None);
        check("not high severity", None);
        check("the critical path has high latency and low memory", None);
        check("Severity: low / medium / high / critical", None);
        check("", None);
    }

    #[test]
    fn each_cue_of_a_severity_is_a_word_for_one() {
        use crate::mail::fields::cues::{CUES, SEVERITY};
        for word in ["critical", "crit", "high", "important", "severe", "medium", "moderate", "low", "minor"] {
            assert!(severity_word(word).is_some() && CUES.bits(word.as_bytes()) & SEVERITY != 0, "{word}");
        }
    }
}
