//! What a report says about itself. Recognised and shown, never trusted as a verdict.
//!
//! One pass over the words. A missing part is only told where there is really no sign of it: asking a reporter for
//! what stands in the report costs more goodwill than not asking.

use crate::policy::Severity;
use serde::{Deserialize, Serialize};

/// What was recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// A severity word, when the report names one.
    pub severity: Option<Severity>,
    /// A CVSS vector as written.
    pub cvss: Option<String>,
    /// CVE numbers.
    pub cves: Vec<String>,
    /// CWE numbers.
    pub cwes: Vec<String>,
    /// Which parts of a good report it seems to lack.
    pub missing: Vec<Part>,
}

/// A part of a good report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What is wrong.
    Description,
    /// How to see it.
    Steps,
    /// What an attacker gains.
    Impact,
    /// Which version has it.
    AffectedVersion,
}

impl Part {
    /// As mails name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Steps => "steps to reproduce",
            Self::Impact => "impact",
            Self::AffectedVersion => "affected version",
        }
    }
}

/// The most CVE or CWE numbers that are listed.
const MAX_NUMBERS: usize = 20;
/// The most octets that are looked at.
const MAX_OCTETS: usize = 256 * 1024;
/// The longest run without a blank that is looked at.
const MAX_TOKEN: usize = 300;
/// How many words describe something.
const DESCRIPTION_WORDS: usize = 20;

/// Words that are a sign that the report shows how to see it.
const STEPS: Cues = Cues::of(&[
    "asan",
    "curl",
    "demo",
    "demonstrates",
    "exploit",
    "fuzzer",
    "harness",
    "payload",
    "poc",
    "proof",
    "repro",
    "reproduce",
    "reproduced",
    "reproducer",
    "reproduces",
    "reproducing",
    "reproduction",
    "script",
    "step",
    "steps",
    "testcase",
    "trigger",
    "triggered",
    "triggers",
]);

/// Words that are a sign that it says what an attacker gains.
const IMPACT: Cues = Cues::of(&[
    "adversary",
    "allowing",
    "allows",
    "arbitrary",
    "attacker",
    "attackers",
    "bypass",
    "bypasses",
    "consequence",
    "consequences",
    "corruption",
    "crash",
    "crashes",
    "csrf",
    "denial",
    "disclosure",
    "dos",
    "escalate",
    "escalation",
    "execute",
    "execution",
    "exfiltrate",
    "hijack",
    "idor",
    "impact",
    "impacts",
    "injection",
    "leak",
    "leaked",
    "leaks",
    "malicious",
    "overflow",
    "rce",
    "ssrf",
    "steal",
    "takeover",
    "unauthenticated",
    "unauthorized",
    "xss",
]);

/// Words that are a sign that it says which version has it.
const VERSION: Cues = Cues::of(&[
    "affected", "affects", "build", "commit", "latest", "master", "release", "releases", "revision", "tag", "tested",
    "version", "versions",
]);

/// Words that may name a severity: see [`severity_word`].
const SEVERITY: Cues =
    Cues::of(&["crit", "critical", "high", "important", "low", "medium", "minor", "moderate", "severe"]);

/// Looks for what a report holds in its subject and text. Linear.
pub fn recognise(subject: &str, text: &str) -> Fields {
    let mut seen = Seen::default();
    let text = text.get(..text.floor_char_boundary(MAX_OCTETS)).unwrap_or(text);
    for line in std::iter::once(subject).chain(text.lines()) {
        seen.line(line);
    }
    let missing = [
        (Part::Description, seen.words >= DESCRIPTION_WORDS),
        (Part::Steps, seen.steps),
        (Part::Impact, seen.impact),
        (Part::AffectedVersion, seen.version),
    ];
    Fields {
        severity: seen.labelled.or(seen.severity),
        cvss: seen.cvss,
        cves: seen.cves,
        cwes: seen.cwes,
        missing: missing.into_iter().filter(|(_, there)| !there).map(|(part, _)| part).collect(),
    }
}

/// Some words in lower case, and for each letter how long those are that begin with it: most words of a text are told
/// apart by that alone.
struct Cues {
    words: &'static [&'static str],
    /// Bit n for a length of n.
    lengths: [u32; 26],
}

impl Cues {
    #[expect(clippy::indexing_slicing, reason = "runs when it is compiled, over lists of our own")]
    const fn of(words: &'static [&'static str]) -> Self {
        let mut lengths = [0; 26];
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            lengths[(word[0] - b'a') as usize] |= 1 << word.len();
            at += 1;
        }
        Self { words, lengths }
    }

    /// Whether a word is one of them, in whatever case.
    fn hold(&self, word: Word<'_>) -> bool {
        self.lengths.get(word.letter).is_some_and(|lengths| lengths & word.length != 0)
            && self.words.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(word.octets))
    }
}

/// A word of a text, and what [`Cues`] know it by.
#[derive(Clone, Copy)]
struct Word<'t> {
    octets: &'t [u8],
    /// Which letter it begins with, from 0; more than 25 for none.
    letter: usize,
    /// The bit of its length; 0 where it is longer than any word that is looked for.
    length: u32,
}

impl<'t> Word<'t> {
    fn of(octets: &'t [u8]) -> Self {
        let letter = octets.first().map_or(u8::MAX, |c| c.to_ascii_lowercase().wrapping_sub(b'a'));
        let length = u32::try_from(octets.len()).ok().and_then(|n| 1_u32.checked_shl(n)).unwrap_or(0);
        Self { octets, letter: letter.into(), length }
    }
}

#[derive(Default)]
struct Seen {
    /// "Severity: high".
    labelled: Option<Severity>,
    /// "a critical vulnerability".
    severity: Option<Severity>,
    cvss: Option<String>,
    cves: Vec<String>,
    cwes: Vec<String>,
    words: usize,
    steps: bool,
    impact: bool,
    version: bool,
}

impl Seen {
    fn line(&mut self, line: &str) {
        let mut names_severity = false;
        for token in tokens(line) {
            // Most tokens are one word of ASCII: no number, no version, no vector.
            if token.bytes().all(|c| c.is_ascii_alphanumeric()) {
                self.words += 1;
                names_severity |= self.word(token.as_bytes());
                continue;
            }
            self.token(token);
            // Scripts without blanks between words still describe.
            self.words += if token.is_ascii() { 1 } else { token.len().div_ceil(6) };
            for word in token.as_bytes().split(|c| !c.is_ascii_alphanumeric()) {
                names_severity |= self.word(word);
            }
        }
        // Few lines name one; only they are read again, with their context.
        if names_severity {
            let words: Vec<String> = tokens(line).flat_map(words).map(str::to_ascii_lowercase).collect();
            self.severity_in(&words);
        }
    }

    /// Takes a word as the sign that it is; says whether it may name a severity.
    fn word(&mut self, word: &[u8]) -> bool {
        let word = Word::of(word);
        self.steps = self.steps || STEPS.hold(word);
        self.impact = self.impact || IMPACT.hold(word);
        self.version = self.version || VERSION.hold(word);
        SEVERITY.hold(word)
    }

    fn token(&mut self, token: &str) {
        if self.cvss.is_none() && token.len() >= 35 {
            self.cvss = cvss(token);
        }
        if self.cves.len() + self.cwes.len() < 2 * MAX_NUMBERS && token.contains('-') {
            push_number(&mut self.cves, token, "CVE-", |n| {
                let (year, number) = n.split_once('-')?;
                let number = digits(number);
                (year.len() == 4 && is_digits(year) && (4..=7).contains(&number.len()))
                    .then(|| format!("{year}-{number}"))
            });
            push_number(&mut self.cwes, token, "CWE-", |n| {
                let number = digits(n);
                (1..=4).contains(&number.len()).then(|| number.to_owned())
            });
        }
        self.version = self.version || is_version(token);
    }

    fn severity_in(&mut self, words: &[String]) {
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
                self.severity.get_or_insert(severity);
            }
        }
        labelled.dedup();
        // "Severity: low / medium / high" is a form that nobody filled in.
        if let [one] = labelled.as_slice() {
            self.labelled.get_or_insert(*one);
        }
    }
}

/// What stands between blanks; what is very long is an attachment in the text.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace().filter(|t| t.len() <= MAX_TOKEN)
}

fn words(token: &str) -> impl Iterator<Item = &str> {
    token.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty())
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

/// A CVSS vector (v3.0, v3.1, v4.0), as written; v3 is known by its metrics even without its prefix.
fn cvss(token: &str) -> Option<String> {
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

/// Adds the numbers of one kind that a token holds.
fn push_number(into: &mut Vec<String>, token: &str, prefix: &str, read: impl Fn(&str) -> Option<String>) {
    // Most words with a hyphen are no numbers of this kind: only those are copied that may be.
    if !token.bytes().any(|c| c.is_ascii_digit()) {
        return;
    }
    let upper = token.to_ascii_uppercase();
    for after in upper.split(prefix).skip(1) {
        let Some(number) = read(after) else { continue };
        let number = format!("{prefix}{number}");
        if into.len() < MAX_NUMBERS && !into.contains(&number) {
            into.push(number);
        }
    }
}

fn digits(text: &str) -> &str {
    text.get(..text.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or_default()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

/// "1.2.3", "v1.2", "<=4.0.1", "2.x"; not "9.8", which is rather a score.
fn is_version(token: &str) -> bool {
    if !token.contains('.') {
        return false;
    }
    let bare = token.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let (bare, marked) = match bare.strip_prefix(['v', 'V']) {
        Some(rest) => (rest, true),
        None => (bare, false),
    };
    let mut numbers = bare.split('.');
    let first = numbers.next().is_some_and(|n| !n.is_empty() && n.len() <= 4 && is_digits(n));
    let rest: Vec<&str> = numbers.collect();
    let good = rest.iter().all(|n| n.starts_with(|c: char| c.is_ascii_digit() || c == 'x'));
    // Four numbers are rather an IP address.
    first && good && (rest.len() == 2 || !rest.is_empty() && marked || rest.len() == 1 && rest.first() == Some(&"x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn severity(text: &str, expect: Option<Severity>) {
        assert_eq!(recognise("", text).severity, expect, "{text}");
    }

    #[test]
    fn a_severity_is_named_in_context() {
        severity("Severity: high", Some(Severity::High));
        severity("**Severity**: `Critical` (9.8)", Some(Severity::Critical));
        severity("CVSS severity rating: 5.3 medium", Some(Severity::Medium));
        severity("I think it is low severity.", Some(Severity::Low));
        severity("a high-severity bug", Some(Severity::High));
        severity("Severity: important", Some(Severity::High));
        severity("We found a critical vulnerability in x", Some(Severity::Critical));
        severity("a critical vulnerability\nSeverity: low", Some(Severity::Low));
        severity("This is not a critical vulnerability", None);
        severity("not high severity", None);
        severity("the critical path has high latency and low memory", None);
        severity("Severity: low / medium / high / critical", None);
        severity("", None);
    }

    #[test]
    fn numbers_and_vectors_are_found_as_written() {
        let v3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        let cvss = |text: &str| recognise("", text).cvss;
        assert_eq!(cvss(&format!("vector ({v3}).")).as_deref(), Some(v3));
        assert_eq!(cvss(&format!("https://example.org/#{v4}")).as_deref(), Some(v4));
        assert_eq!(cvss("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H").as_deref(), v3.get(9..));
        assert_eq!(cvss("CVSS:3.1/AV:N/AC:L/PR:N"), None);
        assert_eq!(cvss("CVSS:9.9/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), None);
        assert_eq!(cvss("AV:N/AC:L/Au:N/C:P/I:P/A:P padding padding"), None);
        let found =
            recognise("cve-2024-12345 in x", "CVE-2024-12345, CVE-2023-0001. CVE-24-1 CVE-2024-123 CWE-79/CWE-89 XCVE");
        assert_eq!(found.cves, ["CVE-2024-12345", "CVE-2023-0001"]);
        assert_eq!(found.cwes, ["CWE-79", "CWE-89"]);
    }

    #[test]
    fn missing_only_where_there_is_no_sign() {
        assert_eq!(
            recognise("Bug", "hello").missing,
            [Part::Description, Part::Steps, Part::Impact, Part::AffectedVersion]
        );
        let good = "An attacker can read any file of the server because the path is not checked when it is \
                    joined. To reproduce: curl http://localhost/..%2f. Seen in 1.2.3.";
        assert_eq!(recognise("Path traversal", good).missing, []);
        assert_eq!(recognise("Path traversal", &good.replace("1.2.3", "it")).missing, [Part::AffectedVersion]);
        assert!(recognise("x", "9.8 192.0.2.1").missing.contains(&Part::AffectedVersion));
    }

    #[test]
    fn cues_are_held_in_any_case_and_whole() {
        let hold = |cues: &Cues, word: &str| cues.hold(Word::of(word.as_bytes()));
        for cues in [&STEPS, &IMPACT, &VERSION, &SEVERITY] {
            for word in cues.words {
                assert_eq!(word.to_ascii_lowercase(), *word);
                assert!(hold(cues, word) && hold(cues, &word.to_ascii_uppercase()), "{word}");
                assert!(!hold(cues, &format!("{word}{word}")), "{word}");
            }
            for other in ["", "a", "9", "zzzz", "criticale", &"c".repeat(40)] {
                assert!(!hold(cues, other), "{other}");
            }
        }
        assert!(SEVERITY.words.iter().all(|w| severity_word(w).is_some()));
    }

    #[test]
    fn hostile_text_costs_its_length() {
        for unit in ["CVE-", "CVSS:3.1/AV:N/", "severity high ", "AV:", "- ", "high-"] {
            let found = recognise(unit, &unit.repeat(300_000 / unit.len()));
            assert!(found.cves.len() <= MAX_NUMBERS);
        }
        let many: String = (0..9000).map(|n| format!("CVE-2024-{} ", n + 1000)).collect();
        assert_eq!(recognise("", &many).cves.len(), MAX_NUMBERS);
    }
}
