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
/// How many words describe something.
const DESCRIPTION_WORDS: usize = 20;

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
        let mut words: Vec<String> = Vec::new();
        for token in line.split(|c: char| c.is_whitespace() || "()[]<>{},;\"'`*|“”".contains(c)) {
            if token.is_empty() || token.len() > 300 {
                continue;
            }
            self.token(token);
            for word in token.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
                words.push(word.to_ascii_lowercase());
            }
        }
        self.words += words.len();
        for word in &words {
            self.word(word);
        }
        self.severity_in(&words);
    }

    fn token(&mut self, token: &str) {
        if self.cvss.is_none() && token.len() >= 35 {
            self.cvss = cvss(token);
        }
        if token.contains('-') {
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
        self.version |= is_version(token);
    }

    fn word(&mut self, word: &str) {
        match word {
            "step" | "steps" | "reproduce" | "reproduced" | "reproduces" | "reproducing" | "reproduction"
            | "reproducer" | "repro" | "poc" | "proof" | "exploit" | "payload" | "curl" | "testcase" | "script"
            | "trigger" | "triggers" | "triggered" | "demonstrates" | "demo" | "asan" | "harness" | "fuzzer" => {
                self.steps = true
            }
            "impact" | "impacts" | "attacker" | "attackers" | "adversary" | "malicious" | "allows" | "allowing"
            | "arbitrary" | "rce" | "xss" | "csrf" | "ssrf" | "idor" | "dos" | "denial" | "leak" | "leaks"
            | "leaked" | "disclosure" | "injection" | "bypass" | "bypasses" | "escalation" | "escalate"
            | "takeover" | "hijack" | "steal" | "exfiltrate" | "crash" | "crashes" | "overflow" | "corruption"
            | "execute" | "execution" | "unauthorized" | "unauthenticated" | "consequence" | "consequences" => {
                self.impact = true
            }
            "version" | "versions" | "affected" | "affects" | "release" | "releases" | "commit" | "latest"
            | "master" | "revision" | "tested" | "build" | "tag" => self.version = true,
            _ => {}
        }
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
            let number = |w: &str| w.bytes().all(|c| c.is_ascii_digit());
            let by_label = label(before(1))
                || label(before(2)) && (filler(before(1)) || number(before(1)) || severity_word(before(1)).is_some())
                || label(before(3))
                    && (filler(before(2)) || number(before(2)))
                    && (filler(before(1)) || number(before(1)));
            let rated = label(after) || matches!(before(1), "rated" | "risk") && after.is_empty();
            if by_label || rated {
                labelled.push(severity);
            } else if matches!(severity, Severity::Critical | Severity::High)
                && matches!(
                    after,
                    "vulnerability" | "vulnerabilities" | "security" | "flaw" | "risk" | "rce" | "bug" | "issue"
                )
                && (severity == Severity::Critical || matches!(after, "risk"))
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
