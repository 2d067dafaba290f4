//! What a report says about itself. Recognised and shown, never trusted as a verdict.
//!
//! One pass over the words. Which parts of a good report it shows any sign of is told here, and which of them a
//! project asks for is none of its business: see [`crate::project::Reports`]. A part is missing only where there is
//! really no sign of it: asking a reporter for what stands in the report costs more goodwill than not asking.
//!
//! `cues` finds words, `severity`, `vector`, `version` and `place` read what is more than a word. All that is kept is
//! printable ASCII, bounded in length and number.

mod attached;
mod cues;
mod part;
mod place;
mod severity;
mod vector;
mod version;

use serde::{Deserialize, Serialize};

use crate::policy::Severity;

pub(crate) use attached::attached;
pub use part::Part;
pub(crate) use part::Parts;
pub(crate) use vector::Score;

/// What was recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// A severity word, when the report names one.
    pub severity: Option<Severity>,
    /// A CVSS vector as written.
    pub cvss: Option<String>,
    /// What that vector comes to; `None` also when it is not a valid one.
    pub score: Option<Score>,
    /// CVE numbers.
    pub cves: Vec<String>,
    /// CWE numbers.
    pub cwes: Vec<String>,
    /// Versions, each with the comparison that stands before it: "1.2.3", "<= 4.1".
    pub versions: Vec<String>,
    /// Paths of source files: "src/foo/bar.c:120".
    pub paths: Vec<String>,
    /// Hashes of commits, and web addresses of code at a tag, a branch or a commit.
    pub locations: Vec<String>,
    /// Which parts of a good report there are signs of.
    pub parts: Parts,
    /// Which of the others are really not there, as far as can be told.
    pub may_lack: Parts,
}

impl Fields {
    /// The vector and what it comes to, for people.
    pub fn shown_cvss(&self) -> Option<String> {
        self.cvss.as_ref().map(|v| vector::shown(v, self.score))
    }
}

/// The most of one kind that are listed.
const MAX_LISTED: usize = 20;
/// The most octets that are looked at.
const MAX_OCTETS: usize = 256 * 1024;
/// The longest run without a blank that is looked at.
const MAX_TOKEN: usize = 300;
/// How many letters describe something.
const DESCRIPTION_LETTERS: usize = 40;
/// Who wrote fewer words wrote a sentence or two.
const BRIEF_WORDS: u32 = 20;
/// How many words tell the language that they are of.
const LANGUAGE_WORDS: u32 = 8;
/// One in so many words is a common one, in a language that is known.
const COMMON_SHARE: u32 = 20;
/// A line that is not longer may be a heading, and its words labels.
const HEADING: usize = 30;
/// The most words of a label before its colon.
const LABEL_WORDS: usize = 5;

/// Looks for what a report holds in its subject and text. Linear.
pub fn recognise(subject: &str, text: &str) -> Fields {
    let mut seen = Seen::default();
    let text = text.get(..text.floor_char_boundary(MAX_OCTETS)).unwrap_or(text);
    seen.line(subject, false);
    for line in text.lines() {
        seen.sealed |= line.starts_with("-----BEGIN PGP MESSAGE");
        seen.line(line, line.len() <= HEADING || line.starts_with('#'));
    }
    let describes = text.chars().filter(|c| c.is_alphabetic()).nth(DESCRIPTION_LETTERS - 1).is_some();
    let (parts, may_lack) = (seen.parts(describes), seen.may_lack(describes, text.len()));
    let score = seen.cvss.as_deref().and_then(Score::of);
    let Seen { named, cvss, cves, cwes, versions, paths, locations, .. } = seen;
    Fields { severity: named.severity(), cvss, score, cves, cwes, versions, paths, locations, parts, may_lack }
}

#[derive(Default)]
struct Seen {
    named: severity::Named,
    cvss: Option<String>,
    cves: Vec<String>,
    cwes: Vec<String>,
    versions: Vec<String>,
    paths: Vec<String>,
    locations: Vec<String>,
    /// The signs of parts: see [`cues`].
    signs: u32,
    words: u32,
    /// Of these the common ones of the languages that are known.
    common: u32,
    /// Octets of no ASCII.
    foreign: usize,
    /// Lines that begin with a number: "2. Log in."
    numbered: u32,
    /// The text is encrypted, and so says nothing.
    sealed: bool,
}

impl Seen {
    /// Nothing can be missed in what cannot be read: an encrypted text, another script, a language without cues. Who
    /// described it in a sentence is asked for no more than what helps most to see it.
    fn may_lack(&self, describes: bool, length: usize) -> Parts {
        let foreign = self.words >= BRIEF_WORDS && self.foreign * 5 > length;
        let unknown = self.words >= LANGUAGE_WORDS && self.common * COMMON_SHARE < self.words;
        if self.sealed || foreign || unknown {
            return Parts::default();
        }
        let is_brief = describes && self.words < BRIEF_WORDS;
        if is_brief { Parts::default().with(Part::Steps).with(Part::AffectedVersion) } else { Parts::all() }
    }

    fn parts(&self, describes: bool) -> Parts {
        let sign = |is_there: bool, part: Part| if is_there { part.bit() } else { 0 };
        Parts::of(
            self.signs
                | sign(describes, Part::Description)
                | sign(!self.cwes.is_empty(), Part::Type)
                | sign(!self.paths.is_empty(), Part::Paths)
                | sign(!self.locations.is_empty() || !self.versions.is_empty(), Part::Location)
                | sign(self.numbered >= 2, Part::Steps)
                | sign(!self.versions.is_empty(), Part::AffectedVersion),
        )
    }

    fn line(&mut self, line: &str, is_heading: bool) {
        let mut bits = 0;
        // What the words before announce: a version, a commit.
        let mut after = 0;
        let mut comparison = "";
        for (at, token) in tokens(line).enumerate() {
            // Most tokens are one word of ASCII, perhaps with marks around it: no number, no path, no vector.
            let octets = token.as_bytes();
            if let Some(word) = one_word(octets) {
                let found = self.word(word, octets, is_heading);
                bits |= found;
                self.words += 1;
                if at <= LABEL_WORDS && word.len() < octets.len() {
                    self.marked(at, word, octets, bits);
                }
                if after != 0 || word.len() == place::WHOLE_COMMIT {
                    after = self.announced(word, found, after, comparison);
                    comparison = "";
                } else {
                    after = found & cues::ANNOUNCES;
                }
                continue;
            }
            // At the beginning of a line ">" rather marks a quote.
            if at > 0 && version::is_comparison(token) {
                (comparison, after) = (version::comparison(token), cues::VERSION);
                continue;
            }
            // Scripts without blanks between words still describe.
            let is_version = self.token(token, after, comparison);
            comparison = "";
            let mut last = 0;
            for word in octets.split(|c| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
                last = self.word(word, octets, is_heading);
                // "use-after-free", "double-free": in a sentence the word says nothing.
                let is_freed = word.eq_ignore_ascii_case(b"free") && octets.contains(&b'-');
                self.signs |= if is_freed { Part::Type.bit() | Part::Impact.bit() } else { 0 };
                bits |= last;
            }
            after = if is_version { after } else { last & cues::ANNOUNCES };
        }
        // Few lines name a severity; only they are read again, with their context.
        if bits & cues::SEVERITY != 0 {
            let words: Vec<String> = tokens(line).flat_map(words).map(str::to_ascii_lowercase).collect();
            self.named.line(&words);
        }
    }

    /// Looks at the marks around one of the first words of a line; `bits` are those of the line so far.
    fn marked(&mut self, at: usize, word: &[u8], token: &[u8], bits: u32) {
        // "Type of issue: …": all words of a label.
        if token.iter().rev().take(3).any(|c| *c == b':') {
            self.signs |= cues::parts(bits, true);
        }
        self.numbered += u32::from(at == 0 && word.len() <= 2 && word.iter().all(u8::is_ascii_digit));
    }

    /// Takes a word as the sign that it is; says what it may announce.
    #[inline]
    fn word(&mut self, word: &[u8], token: &[u8], is_heading: bool) -> u32 {
        let bits = cues::CUES.bits(word);
        if bits != 0 {
            // "**Type**".
            self.signs |= cues::parts(bits, is_heading || token.ends_with(b"*"));
            self.common += u32::from(bits & cues::COMMON != 0);
        }
        bits
    }

    /// A word after what announces something: takes "3f2a9b1" of "commit 3f2a9b1" and "2" of "version 2". Gives what
    /// is announced for the next.
    fn announced(&mut self, word: &[u8], bits: u32, after: u32, comparison: &str) -> u32 {
        if place::is_commit(word, after & cues::COMMIT != 0) {
            push(&mut self.locations, String::from_utf8_lossy(word).into_owned());
            return after;
        }
        if after & cues::VERSION != 0
            && word.iter().any(u8::is_ascii_digit)
            && let Some(version) = version::find(str::from_utf8(word).unwrap_or_default(), true)
        {
            self.push_version(version, comparison);
            return after;
        }
        if cues::FILLER.bits(word) != 0 { after } else { bits & cues::ANNOUNCES }
    }

    fn push_version(&mut self, version: String, comparison: &str) {
        let is_signed = comparison.is_empty() || version.starts_with(['<', '>']);
        push(&mut self.versions, if is_signed { version } else { format!("{comparison} {version}") });
    }

    /// Takes what is more than a word; says whether it was a version that something announced.
    fn token(&mut self, token: &str, after: u32, comparison: &str) -> bool {
        let Marks { has_dot, has_slash, has_dash, has_colon, has_digit, foreign } = Marks::of(token);
        // Scripts without blanks between words still describe.
        self.words += if foreign == 0 { 1 } else { u32::try_from(token.len().div_ceil(6)).unwrap_or(1) };
        self.foreign += foreign;
        if has_slash && has_colon {
            if self.cvss.is_none() && token.len() >= vector::SHORTEST {
                self.cvss = vector::find(token);
            }
            self.address(token);
        } else if has_slash && token.starts_with("HTTP/") {
            // The first line of a request.
            self.signs |= Part::ProofOfConcept.bit() | Part::Steps.bit();
        }
        if has_dash {
            self.numbers(token, has_digit);
        } else if token.starts_with("```") || token.starts_with("~~~") {
            self.signs |= Part::ProofOfConcept.bit() | Part::Steps.bit();
        }
        let bare = unmarked(token.as_bytes());
        if has_dot && self.paths.len() < MAX_LISTED && place::may_be_path(bare) && !(has_colon && token.contains("://"))
        {
            let found = place::path(token);
            found.into_iter().for_each(|path| push(&mut self.paths, path));
        }
        if !has_digit {
            return false;
        }
        let is_commit = after & cues::COMMIT != 0;
        if (is_commit || bare.len() == place::WHOLE_COMMIT) && place::is_commit(bare, is_commit) {
            push(&mut self.locations, String::from_utf8_lossy(bare).into_owned());
            return is_commit;
        }
        // Without a dot only what is announced is one, here or before: "<5".
        let is_version = after & cues::VERSION != 0;
        let may_be =
            |c: &u8| c.is_ascii_digit() || matches!(c, b'v' | b'V' | b'<' | b'>' | b'=' | b'~' | b'^' | 0x80..);
        if (has_dot || is_version || token.starts_with(['<', '>', '≤', '≥']))
            && bare.first().is_some_and(may_be)
            && self.versions.len() < MAX_LISTED
            && let Some(found) = version::find(token, is_version)
        {
            self.push_version(found, comparison);
            return is_version;
        }
        false
    }

    fn address(&mut self, token: &str) {
        let Some(url) = place::url(token) else { return };
        self.signs |= Part::Location.bit();
        if place::is_state(url) {
            push(&mut self.locations, url.to_owned());
            // The path behind the state: "…/blob/main/src/x.c".
            let is_file = url.rsplit_once('/').is_some_and(|(_, name)| place::may_be_path(name.as_bytes()));
            self.signs |= if is_file { Part::Paths.bit() } else { 0 };
        }
    }

    fn numbers(&mut self, token: &str, has_digit: bool) {
        // Most words with a hyphen are no numbers of these kinds: only those are copied that may be.
        let is_full = self.cves.len() + self.cwes.len() >= 2 * MAX_LISTED;
        if is_full || !has_digit || !token.bytes().any(|c| matches!(c, b'C' | b'c')) {
            return;
        }
        let upper = token.to_ascii_uppercase();
        push_numbers(&mut self.cves, &upper, "CVE-", |n| {
            let (year, number) = n.split_once('-')?;
            let number = digits(number);
            (year.len() == 4 && is_digits(year) && (4..=7).contains(&number.len())).then(|| format!("{year}-{number}"))
        });
        push_numbers(&mut self.cwes, &upper, "CWE-", |n| {
            let number = digits(n);
            (1..=4).contains(&number.len()).then(|| number.to_owned())
        });
    }
}

/// What a token holds that tells what it may be, seen in one pass over it.
#[derive(Default)]
struct Marks {
    has_dot: bool,
    has_slash: bool,
    has_dash: bool,
    has_colon: bool,
    has_digit: bool,
    /// Octets of no ASCII.
    foreign: usize,
}

impl Marks {
    fn of(token: &str) -> Self {
        token.bytes().fold(Self::default(), |mut marks, c| {
            marks.has_dot |= c == b'.';
            marks.has_slash |= c == b'/';
            marks.has_dash |= c == b'-';
            marks.has_colon |= c == b':';
            marks.has_digit |= c.is_ascii_digit();
            marks.foreign += usize::from(!c.is_ascii());
            marks
        })
    }
}

/// The word that a token is, without the marks around it; `None` when it is more.
fn one_word(token: &[u8]) -> Option<&[u8]> {
    let is_word = |octets: &[u8]| octets.iter().all(u8::is_ascii_alphanumeric);
    if is_word(token) { Some(token) } else { Some(unmarked(token)).filter(|w| !w.is_empty() && is_word(w)) }
}

/// A token without the marks of sentences and of Markdown around it.
fn unmarked(mut octets: &[u8]) -> &[u8] {
    while let [b'(' | b'[' | b'"' | b'\'' | b'`' | b'*' | b'_', rest @ ..] = octets {
        octets = rest;
    }
    while let [rest @ .., b'.' | b',' | b':' | b';' | b'!' | b'?' | b')' | b']' | b'"' | b'\'' | b'`' | b'*' | b'_'] =
        octets
    {
        octets = rest;
    }
    octets
}

/// What stands between blanks; what is very long is an attachment in the text.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    line.split_ascii_whitespace().filter(|t| t.len() <= MAX_TOKEN)
}

fn words(token: &str) -> impl Iterator<Item = &str> {
    token.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty())
}

/// Adds the numbers of one kind that a token in capitals holds.
fn push_numbers(into: &mut Vec<String>, token: &str, prefix: &str, read: impl Fn(&str) -> Option<String>) {
    for number in token.split(prefix).skip(1).filter_map(read) {
        push(into, format!("{prefix}{number}"));
    }
}

/// Adds what is not there yet, while there is room.
fn push(into: &mut Vec<String>, found: String) {
    if into.len() < MAX_LISTED && !into.contains(&found) {
        into.push(found);
    }
}

fn digits(text: &str) -> &str {
    text.get(..text.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or_default()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests;
