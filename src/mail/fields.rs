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
/// The longest token, in octets. A line that is no longer has none that is, so its words are found without them.
const MAX_TOKEN: usize = 300;
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
    /// Whether the line that is looked at names a severity.
    rated: bool,
    steps: bool,
    impact: bool,
    version: bool,
}

impl Seen {
    fn line(&mut self, line: &str) {
        // Without a digit or a colon there is neither a number nor a vector.
        if line.bytes().any(|c| c.is_ascii_digit() || c == b':') {
            tokens(line).for_each(|token| self.token(token));
        }
        self.rated = false;
        if line.len() <= MAX_TOKEN {
            self.words(line);
        } else {
            tokens(line).for_each(|token| self.words(token));
        }
        if self.rated {
            let line = line.to_ascii_lowercase();
            self.severity_in(&tokens(&line).flat_map(words).collect::<Vec<_>>());
        }
    }

    fn words(&mut self, text: &str) {
        if text.is_ascii() {
            // The same words, without a look at each character.
            text.as_bytes().split(|c| !c.is_ascii_alphanumeric()).for_each(|word| self.word(word));
        } else {
            words(text).for_each(|word| self.word(word.as_bytes()));
        }
    }

    fn word(&mut self, word: &[u8]) {
        let lower;
        let word = if word.iter().any(u8::is_ascii_uppercase) {
            lower = word.to_ascii_lowercase();
            &lower
        } else {
            word
        };
        self.words += usize::from(!word.is_empty());
        self.steps = self.steps || is_about_steps(word);
        self.impact = self.impact || is_about_impact(word);
        self.version = self.version || is_about_version(word);
        self.rated = self.rated || severity_word(word).is_some();
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

    fn severity_in(&mut self, words: &[&str]) {
        let mut labelled: Vec<Severity> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some(severity) = severity_word(word.as_bytes()) else { continue };
            let before = |n: usize| at.checked_sub(n).and_then(|i| words.get(i)).copied().unwrap_or_default();
            let after = words.get(at + 1).copied().unwrap_or_default();
            if ["not", "no", "non", "isn", "never"].iter().any(|n| before(1) == *n || before(2) == *n) {
                continue;
            }
            let label = |w: &str| matches!(w, "severity" | "criticality" | "severidad" | "schweregrad");
            let filler =
                |w: &str| matches!(w, "is" | "rating" | "level" | "score" | "estimated" | "suggested" | "cvss" | "as");
            let number = |w: &str| w.bytes().all(|c| c.is_ascii_digit());
            let by_label = label(before(1))
                || label(before(2))
                    && (filler(before(1)) || number(before(1)) || severity_word(before(1).as_bytes()).is_some())
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

/// What stands between blanks, brackets and quotation marks. What is very long is an attachment in the text.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let tokens = line.split(|c: char| !c.is_ascii_alphanumeric() && is_gap(c));
    tokens.filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// What parts one token from the next.
fn is_gap(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '{' | '}' | ',' | ';' | '"' | '\'' | '`' | '*' | '|' | '“' | '”')
        || c.is_whitespace()
}

fn is_about_steps(word: &[u8]) -> bool {
    matches!(
        word,
        b"step"
            | b"steps"
            | b"reproduce"
            | b"reproduced"
            | b"reproduces"
            | b"reproducing"
            | b"reproduction"
            | b"reproducer"
            | b"repro"
            | b"poc"
            | b"proof"
            | b"exploit"
            | b"payload"
            | b"curl"
            | b"testcase"
            | b"script"
            | b"trigger"
            | b"triggers"
            | b"triggered"
            | b"demonstrates"
            | b"demo"
            | b"asan"
            | b"harness"
            | b"fuzzer"
    )
}

fn is_about_impact(word: &[u8]) -> bool {
    matches!(
        word,
        b"impact"
            | b"impacts"
            | b"attacker"
            | b"attackers"
            | b"adversary"
            | b"malicious"
            | b"allows"
            | b"allowing"
            | b"arbitrary"
            | b"rce"
            | b"xss"
            | b"csrf"
            | b"ssrf"
            | b"idor"
            | b"dos"
            | b"denial"
            | b"leak"
            | b"leaks"
            | b"leaked"
            | b"disclosure"
            | b"injection"
            | b"bypass"
            | b"bypasses"
            | b"escalation"
            | b"escalate"
            | b"takeover"
            | b"hijack"
            | b"steal"
            | b"exfiltrate"
            | b"crash"
            | b"crashes"
            | b"overflow"
            | b"corruption"
            | b"execute"
            | b"execution"
            | b"unauthorized"
            | b"unauthenticated"
            | b"consequence"
            | b"consequences"
    )
}

fn is_about_version(word: &[u8]) -> bool {
    matches!(
        word,
        b"version"
            | b"versions"
            | b"affected"
            | b"affects"
            | b"release"
            | b"releases"
            | b"commit"
            | b"latest"
            | b"master"
            | b"revision"
            | b"tested"
            | b"build"
            | b"tag"
    )
}

fn severity_word(word: &[u8]) -> Option<Severity> {
    match word {
        b"critical" | b"crit" => Some(Severity::Critical),
        b"high" | b"important" | b"severe" => Some(Severity::High),
        b"medium" | b"moderate" => Some(Severity::Medium),
        b"low" | b"minor" => Some(Severity::Low),
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
    if !numbers.next().is_some_and(|n| !n.is_empty() && n.len() <= 4 && is_digits(n)) {
        return false;
    }
    let rest: Vec<&str> = numbers.collect();
    let good = rest.iter().all(|n| n.starts_with(|c: char| c.is_ascii_digit() || c == 'x'));
    // Four numbers are rather an IP address.
    good && (rest.len() == 2 || !rest.is_empty() && marked || rest.len() == 1 && rest.first() == Some(&"x"))
}
