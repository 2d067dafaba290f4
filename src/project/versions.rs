//! The table of supported versions, as SECURITY.md has one: "1.x" yes, "< 1.0" no.
//!
//! A pattern and what a report names are both ranges of versions, and are held against each other by their numbers
//! alone: a release candidate is taken for the release that it leads to.

use semver::{Comparator, Op, VersionReq};

/// Which versions get fixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionTable {
    /// These do.
    pub supported: Vec<Pattern>,
    /// These do not.
    pub unsupported: Vec<Pattern>,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As the config writes it.
    pub text: String,
    /// `None` for "latest", whose number nobody here knows.
    range: Option<Range>,
}

/// What the table says of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It gets fixes, or, of several versions, one of them does.
    Supported,
    /// It gets none.
    Unsupported,
    /// It gets fixes if it is the latest.
    IfLatest,
    /// It is not in the table.
    Unlisted,
}

impl Support {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Unsupported => "unsupported",
            Self::IfLatest => "supported only if it is the latest",
            Self::Unlisted => "not in the table",
        }
    }
}

impl VersionTable {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.supported.is_empty() && self.unsupported.is_empty()
    }

    /// What it says of a version, or of versions such as "<= 4.1", as a report names them. Where one of several is
    /// supported they are, since then there is something to mend.
    pub fn of(&self, version: &str) -> Support {
        let asked = Range::read(version, Form::Report).ok();
        let within = |patterns: &[Pattern]| {
            asked.is_some_and(|asked| patterns.iter().filter_map(|p| p.range).any(|range| range.meets(asked)))
        };
        if within(&self.supported) {
            Support::Supported
        } else if within(&self.unsupported) {
            Support::Unsupported
        } else if self.supported.iter().any(|p| p.range.is_none()) {
            Support::IfLatest
        } else {
            Support::Unlisted
        }
    }

    /// What a reporter is told, without an end; `None` without a table.
    pub fn sentence(&self) -> Option<String> {
        let list = |patterns: &[Pattern]| patterns.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join("; ");
        match (self.supported.is_empty(), self.unsupported.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("Versions that get security fixes: {}.", list(&self.supported))),
            (true, false) => Some(format!("Versions that get no security fixes: {}.", list(&self.unsupported))),
            (false, false) => Some(format!(
                "Versions that get security fixes: {}. These get none: {}.",
                list(&self.supported),
                list(&self.unsupported)
            )),
        }
    }
}

impl Pattern {
    /// Reads "1.x", "< 1.0", ">= 2.1, < 3", "~1.4", "2.3" (which means 2.3.x) or "latest".
    ///
    /// # Errors
    /// In words for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let range =
            if trimmed.eq_ignore_ascii_case("latest") { None } else { Some(Range::read(trimmed, Form::Table)?) };
        if range.is_some_and(|r| r.from >= r.to) {
            return Err("no version is in it".into());
        }
        Ok(Self { text: trimmed.to_owned(), range })
    }
}

/// Who wrote it: a report may say "v1.0.2k-3", which as a pattern would be a slip.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Report,
}

/// Versions from one to before another: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    from: [u64; 3],
    to: [u64; 3],
}

const END: [u64; 3] = [u64::MAX; 3];

impl Range {
    fn read(text: &str, form: Form) -> Result<Self, String> {
        let padded: Vec<String> = text.split(',').map(|part| padded(part.trim(), form)).collect::<Result<_, _>>()?;
        let read = VersionReq::parse(&padded.join(", ")).map_err(|e| e.to_string())?;
        let all = Self { from: [0; 3], to: END };
        Ok(read.comparators.iter().map(Self::of).fold(all, Self::both))
    }

    fn of(one: &Comparator) -> Self {
        let from = [one.major, one.minor.unwrap_or(0), one.patch.unwrap_or(0)];
        // The first version behind all that begin with the numbers that are given.
        let behind = match (one.minor, one.patch) {
            (None, _) => [one.major.saturating_add(1), 0, 0],
            (Some(minor), None) => [one.major, minor.saturating_add(1), 0],
            (Some(minor), Some(patch)) => [one.major, minor, patch.saturating_add(1)],
        };
        let next_minor = [one.major, one.minor.unwrap_or(0).saturating_add(1), 0];
        let next_major = [one.major.saturating_add(1), 0, 0];
        let (from, to) = match one.op {
            Op::Exact | Op::Wildcard => (from, behind),
            Op::Greater => (behind, END),
            Op::GreaterEq => (from, END),
            Op::Less => ([0; 3], from),
            Op::LessEq => ([0; 3], behind),
            Op::Tilde => (from, if one.minor.is_some() { next_minor } else { next_major }),
            // The first number that is not 0 may not change.
            Op::Caret if one.major > 0 || one.minor.is_none() => (from, next_major),
            Op::Caret if one.minor != Some(0) || one.patch.is_none() => (from, next_minor),
            Op::Caret => (from, behind),
            // None other is known to this crate.
            _ => ([0; 3], END),
        };
        Self { from, to }
    }

    fn both(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    fn meets(self, other: Self) -> bool {
        let both = self.both(other);
        both.from < both.to
    }
}

/// One comparison as the crate reads it: "1.2" is "=1.2", "1.x.x" is "1.*", "v2024.01" is "=2024.1", "≤" is "<=".
fn padded(part: &str, form: Form) -> Result<String, String> {
    let version = part.trim_start_matches(['<', '>', '=', '~', '^', '≤', '≥']);
    let sign = part.strip_suffix(version).unwrap_or_default().replace('≤', "<=").replace('≥', ">=").replace("==", "=");
    let version = version.trim();
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let (numbers, after) =
        version.split_at_checked(version.find(['-', '+', '_']).unwrap_or(version.len())).unwrap_or_default();
    if form == Form::Table && !after.is_empty() {
        return Err(format!("{after:?} at its end has no order"));
    }
    let mut read: Vec<String> = Vec::new();
    let mut any = false;
    for number in numbers.split('.') {
        if matches!(number, "x" | "X" | "*") {
            any = true;
            continue;
        }
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() || any || form == Form::Table && digits.len() < number.len() {
            return Err(format!("{number:?} is no number"));
        }
        let bare = digits.trim_start_matches('0');
        read.push(if bare.is_empty() { "0".into() } else { bare.to_owned() });
    }
    if form == Form::Report {
        read.truncate(3);
    }
    match (any, read.is_empty(), sign.as_str()) {
        (true, true, "" | "=") => Ok("*".into()),
        (true, false, "" | "=") => Ok(format!("{}.*", read.join("."))),
        (true, _, _) => Err("a comparison and an \"x\" do not go together".into()),
        (false, _, "") => Ok(format!("={}", read.join("."))),
        (false, _, sign) => Ok(format!("{sign}{}", read.join("."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(supported: &[&str], unsupported: &[&str]) -> VersionTable {
        let read = |texts: &[&str]| texts.iter().map(|t| Pattern::parse(t).unwrap()).collect();
        VersionTable { supported: read(supported), unsupported: read(unsupported) }
    }

    #[test]
    fn a_version_is_held_against_the_table() {
        use Support::{IfLatest, Supported, Unlisted, Unsupported};
        let x = table(&["1.x.x"], &["< 1.0"]);
        let latest = table(&["Latest"], &["< 1.0"]);
        let many = table(&["2.3", ">= 4.1, < 5", "~6.2", "^0.3.1", "2024.01"], &["*"]);
        for (table, version, expect) in [
            (&x, "1.2.3", Supported),
            (&x, "v1.9", Supported),
            (&x, "1", Supported),
            (&x, "0.9.9", Unsupported),
            (&x, "1.0.0-rc1", Supported),
            (&x, "2.0", Unlisted),
            (&x, "<= 4.1", Supported),
            (&x, "< 1.0.0", Unsupported),
            (&x, "> 2", Unlisted),
            (&x, "nonsense", Unlisted),
            (&latest, "1.4", IfLatest),
            (&latest, "0.9", Unsupported),
            (&many, "2.3.9", Supported),
            (&many, "2.4", Unsupported),
            (&many, "4.0.9", Unsupported),
            (&many, "4.1.0", Supported),
            (&many, "5.0", Unsupported),
            (&many, "6.2.8", Supported),
            (&many, "6.3.0", Unsupported),
            (&many, "0.3.4", Supported),
            (&many, "0.4.0", Unsupported),
            (&many, "2024.1.7", Supported),
            (&many, "1.0.2k", Unsupported),
            (&VersionTable::default(), "1.0", Unlisted),
        ] {
            assert_eq!(table.of(version), expect, "{version} in {:?}", table.sentence());
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, expect) in [
            ("", "\"\" is no number"),
            ("newest", "\"newest\" is no number"),
            ("1.2-1.4", "\"-1.4\" at its end has no order"),
            ("1.0.2k", "\"2k\" is no number"),
            (">= 1.x", "a comparison and an \"x\" do not go together"),
            ("1.x.2", "\"2\" is no number"),
            (">= 2, < 1", "no version is in it"),
            ("< 0", "no version is in it"),
        ] {
            assert_eq!(Pattern::parse(text).unwrap_err(), expect, "{text}");
        }
        for text in ["1.2.3.4", "99999999999999999999", "=>1", "1,", "<>1"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_sentence_names_what_there_is() {
        assert_eq!(table(&[], &[]).sentence(), None);
        let both = "Versions that get security fixes: 1.x; latest. These get none: < 1.0.";
        assert_eq!(table(&["1.x", "latest"], &["< 1.0"]).sentence().as_deref(), Some(both));
    }
}
