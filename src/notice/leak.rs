//! What is said to a reporter, held against what the team said among itself.

use std::collections::HashSet;

use super::plain::MARK;
use crate::mail::runs::{Word, run, runs, words};
use crate::mail::written;
use crate::token::{Key, LENGTH, Purpose, Token};

/// A note of so many words or less means nothing by itself: "yes", "not ours".
const NO_NOTE: usize = 2;
/// Octets of text for the team that are compared; of more, nobody can say that nothing of it leaves.
const MAX_COMPARED: usize = 64 << 20;

/// Calls `each` with what stands from each word on.
fn from_each(words: &[Word], each: impl FnMut(&[Word])) {
    (0..words.len()).filter_map(|at| words.get(at..)).for_each(each);
}

/// What the store knows about the words of a text that is to leave: where else they stand. Only of those words, so
/// that any number of texts can be looked through one after another.
#[derive(Clone, Debug, Default)]
pub struct Known {
    asked: HashSet<u64>,
    secret: HashSet<u64>,
    allowed: HashSet<u64>,
    compared: usize,
}

/// A line that may not leave as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// It.
    pub line: String,
    /// Why.
    pub why: &'static str,
}

impl Known {
    /// Nothing yet, about this text.
    pub fn about(text: &str) -> Self {
        let mut known = Self::default();
        from_each(&words(text.lines()), |rest| known.asked.extend(runs(rest).map(|(hash, ..)| hash)));
        known
    }

    /// This was written for the team: each run of six words in it, or of twelve characters.
    pub fn secret(&mut self, text: &str) {
        self.compared = self.compared.saturating_add(text.len());
        if self.compared <= MAX_COMPARED {
            from_each(&words(text.lines()), |rest| self.keep_secret(run(rest)));
        }
    }

    /// The same of a note, of which each paragraph counts as a whole where it is shorter.
    pub fn note(&mut self, text: &str) {
        self.secret(text);
        for part in text.split("\n\n") {
            let words = words(part.lines());
            let says = part.split_whitespace().nth(NO_NOTE).is_some() || words.len() >= 5;
            let whole = runs(&words).last().filter(|(_, length, _)| says && *length == words.len());
            self.keep_secret(whole.map(|(hash, length, _)| (hash, length)));
        }
    }

    /// There is a text for the team that cannot be read.
    pub fn give_up(&mut self) {
        self.compared = usize::MAX;
    }

    fn keep_secret(&mut self, run: Option<(u64, usize)>) {
        self.secret.extend(run.map(|(hash, _)| hash).filter(|hash| self.asked.contains(hash)));
    }

    /// The reporter wrote this, or got it, or it was offered to be sent to them.
    pub fn allowed(&mut self, text: &str) {
        let Self { asked, allowed, .. } = self;
        from_each(&words(text.lines()), |rest| {
            allowed.extend(runs(rest).map(|(hash, ..)| hash).filter(|hash| asked.contains(hash)));
        });
    }

    /// The rule of what reaches a reporter. A line of the text that is to leave is a hit when it holds
    /// - a part of a run of six words (twelve characters of a script without blanks) that stands, whatever the quote
    ///   marks, wraps, case and punctuation, in a note, a notice to the team or a colleague's mail, and in nothing
    ///   that the reporter wrote, was sent, or that we offered as a draft; a shorter note of more than two words
    ///   counts as a whole;
    /// - the token of a person of the project;
    /// - a quotation that is not proven to be the reporter's: an introduction, a header line, a separator or a quote
    ///   mark, outside of a diff, a fenced block and a Python prompt, with words that stand in nothing of the above.
    ///
    /// Where not all could be compared, every line is a hit.
    pub fn hits(&self, text: &str, key: &Key) -> Vec<Hit> {
        let lines: Vec<&str> = text.lines().collect();
        let words = words(lines.iter().copied());
        let mut why: Vec<Option<&'static str>> = vec![None; lines.len()];
        // Our mark stands in each notice to the team, also of other tickets.
        let mut marked = Self::about(text);
        marked.secret(MARK);
        from_each(&words, |rest| {
            for (hash, length, _) in runs(rest) {
                if (self.secret.contains(&hash) || marked.secret.contains(&hash)) && !self.allowed.contains(&hash) {
                    for word in rest.iter().take(length) {
                        if let Some(why) = why.get_mut(word.line) {
                            *why = Some("stands in what was written for the team");
                        }
                    }
                }
            }
        });
        let quoted = written::looks_quoted(&lines);
        for (at, (line, why)) in lines.iter().zip(&mut why).enumerate() {
            let from = words.partition_point(|w| w.line < at);
            let mine = words.get(from..words.partition_point(|w| w.line <= at)).unwrap_or_default();
            let is_token = |w: &str| {
                let verified = || Token::verify(&w.to_ascii_lowercase(), key);
                w.len() == LENGTH && verified().is_some_and(|t| t.purpose == Purpose::Person)
            };
            if self.compared > MAX_COMPARED {
                *why = Some("cannot be compared with all that is the team's");
            } else if line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_token) {
                *why = Some("holds an address that commands in your name");
            } else if why.is_none() && quoted.get(at) == Some(&true) && !self.is_allowed(mine) {
                *why = Some("is quoted, and not known to be in the reporter's words");
            }
        }
        lines.iter().zip(why).filter_map(|(line, why)| Some(Hit { line: (*line).to_owned(), why: why? })).collect()
    }

    /// Whether all of these words stand, in this order, in what the reporter has.
    fn is_allowed(&self, words: &[Word]) -> bool {
        let allowed = |hash: u64| self.allowed.contains(&hash);
        match run(words) {
            None => runs(words).last().is_none_or(|(hash, ..)| allowed(hash)),
            Some(_) => (0..words.len()).filter_map(|at| run(words.get(at..)?)).all(|(hash, _)| allowed(hash)),
        }
    }
}
