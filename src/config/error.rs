//! What is wrong with a config, where, and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// None was named and none stands where one is looked for.
    #[error("no config: neither {} exists; write --config FILE", .0.join(" nor "))]
    NotFound(Vec<String>),
    /// The file cannot be read.
    #[error("{}: cannot be read: {why}", .file.display())]
    Unreadable {
        /// The config.
        file: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Its text is wrong: every mistake that was found, in the order of the file, from 1 to 500.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Mistake>),
}

impl ConfigError {
    /// The mistakes in the text; none when the file could not be read at all.
    pub fn mistakes(&self) -> &[Mistake] {
        match self {
            Self::Mistakes(mistakes) => mistakes,
            Self::NotFound(_) | Self::Unreadable { .. } => &[],
        }
    }
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One mistake in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The config, as it was named.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub write: String,
}

/// `config.toml:12:8: unknown key "adress" in [project]; write "address"`.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; write {}", self.file.display(), self.line, self.column, self.what, self.write)
    }
}

/// A text and where its lines begin.
pub(super) struct Places<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after_break = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_break).collect() }
    }

    /// The line (from 1) of a byte offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Line and column (both from 1, the column in characters) of a byte offset; past the end it is the end.
    pub(super) fn find(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let start = line.checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(0);
        let rest = self.text.get(start..).unwrap_or_default();
        let column = rest.char_indices().take_while(|(at, _)| start + at < offset).count();
        (line, column + 1)
    }
}

/// What is longer is no misspelt word of the config, and comparing it would take long.
const LONGEST_WORD: usize = 64;

/// The known word that `word` was most likely meant to be; `None` when nothing is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    if length > LONGEST_WORD {
        return None;
    }
    // A third of the letters may be wrong: more than that is another word.
    let allowed = (length / 3).clamp(1, 3);
    let distance = |other: &str| {
        let other = other.to_lowercase();
        // "prefix" for "ticket_prefix", "Tuesday" for "Tue".
        let part = length >= 4 && (other.contains(&word) || (other.len() >= 3 && word.starts_with(&other)));
        edits(&word, &other).min(if part { 1 } else { usize::MAX })
    };
    known.into_iter().map(|k| (distance(k), k)).filter(|(d, _)| *d <= allowed).min_by_key(|(d, _)| *d).map(|(_, k)| k)
}

/// How many letters must be put in, left out or changed to make one word of the other (Levenshtein); two
/// neighbours that changed places count once.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&row, j) + usize::from(x != *y);
            let mut best = changed.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            if let Some(previous) = j.checked_sub(1)
                && last == Some(*y)
                && b.get(previous) == Some(&x)
            {
                best = best.min(at(&before, previous) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(x);
    }
    row.last().copied().unwrap_or(0)
}

/// `"a", "b" or "c"`.
pub(super) fn any_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("{w:?}")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_points_at_the_character() {
        let text = "ä = 1\nb = \"ü\" x";
        let places = Places::new(text);
        for (needle, expect) in [("ä", (1, 1)), ("=", (1, 3)), ("\n", (1, 6)), ("b", (2, 1)), ("x", (2, 9))] {
            assert_eq!(places.find(text.find(needle).unwrap()), expect, "{needle}");
        }
        assert_eq!(places.find(10_000), (2, 10));
        assert_eq!(Places::new("").find(0), (1, 1));
    }

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        let known = ["name", "address", "ticket_prefix"];
        for (word, expect) in [
            ("adress", Some("address")),
            ("addresses", Some("address")),
            ("Name", Some("name")),
            ("nmae", Some("name")),
            ("prefix", Some("ticket_prefix")),
            ("nam", Some("name")),
            ("names", Some("name")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expect, "{word}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, expect) in [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)] {
            assert_eq!((edits(a, b), edits(b, a)), (expect, expect), "{a} {b}");
        }
    }
}
