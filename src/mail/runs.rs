//! Runs of words by which one text is found in another, whatever its quote marks, wraps, case and punctuation.

use std::hash::{DefaultHasher, Hash, Hasher};

/// How much a run of words weighs that is no accident: six words, or twelve characters of a script without blanks.
const RUN: u32 = 12;
/// How much a word weighs. Half of it is the weight of a character of a script without blanks.
const WORD: u32 = 2;

/// A word of a text, or one character of a script without blanks, in lower case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// What it is, as a hash.
    pub hash: u64,
    /// The line that it stands on, from 0.
    pub line: usize,
    weight: u32,
}

/// The words of lines: no quote marks, no wraps, no punctuation, no case.
pub(crate) fn words<'t>(lines: impl IntoIterator<Item = &'t str>) -> Vec<Word> {
    let mut found = Vec::new();
    for (line, text) in lines.into_iter().enumerate() {
        let mut add = |word: &str, weight| {
            let mut hash = DefaultHasher::new();
            // By way of the upper case, which is that of "ß" as of "ss".
            word.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).for_each(|c| c.hash(&mut hash));
            found.push(Word { hash: hash.finish(), line, weight });
        };
        for word in unmarked(text).split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
            let mut rest = word;
            while let Some((at, wide)) = rest.char_indices().find(|(_, c)| is_wide(*c)) {
                let (before, from) = rest.split_at(at);
                let (one, after) = from.split_at(wide.len_utf8());
                if !before.is_empty() {
                    add(before, WORD);
                }
                add(one, WORD / 2);
                rest = after;
            }
            if !rest.is_empty() {
                add(rest, WORD);
            }
        }
    }
    found
}

/// A line without the marks of a quotation or of a list, a name ("Ann> ") or a number ("1. ") in them included.
fn unmarked(line: &str) -> &str {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let name = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let number = rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = rest.get(name..).and_then(|r| r.strip_prefix('>')).filter(|_| (1..=6).contains(&name));
        let listed = || rest.get(number..).and_then(|r| r.strip_prefix(". ").or_else(|| r.strip_prefix(") ")));
        let after = after.or_else(|| listed().filter(|_| (1..=3).contains(&number)));
        match after {
            Some(after) => rest = after,
            None => return rest,
        }
    }
}

/// Whether a character belongs to a script that sets no blanks between words, or few.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// The runs that begin with the first of these words, up to one that is no accident: their hashes, how many words
/// they have, and whether they are it.
pub(crate) fn runs(words: &[Word]) -> impl Iterator<Item = (u64, usize, bool)> {
    let (mut hash, mut weight, mut whole) = (DefaultHasher::new(), 0, false);
    words.iter().enumerate().map_while(move |(at, word)| {
        if std::mem::replace(&mut whole, weight + word.weight >= RUN) {
            return None;
        }
        hash.write_u64(word.hash);
        weight += word.weight;
        Some((hash.finish(), at + 1, whole))
    })
}

/// The run that begins with the first of these words and is no accident.
pub(crate) fn run(words: &[Word]) -> Option<(u64, usize)> {
    runs(words).find(|(_, _, whole)| *whole).map(|(hash, length, _)| (hash, length))
}
