//! Words that are signs, and how they are found at the cost of one look for each word of a text.

pub(super) mod lists;

use self::lists::*;
use super::part::Part;

/// The word may name a severity: see [`super::severity`].
pub(super) const SEVERITY: u32 = 1 << 10;
/// What comes after the word is rather a version.
pub(super) const VERSION: u32 = 1 << 11;
/// What comes after the word is rather a commit.
pub(super) const COMMIT: u32 = 1 << 12;
/// The word is common in a language whose words are cues here, and in no other that is near it.
pub(super) const COMMON: u32 = 1 << 13;
/// One of these two.
pub(super) const ANNOUNCES: u32 = VERSION | COMMIT;

/// How far the bits of [`labelled`] lie above those of the parts.
const LABELLED: u32 = 16;

/// A sign of a part where the word is a label or stands in a heading; in a sentence it says too little.
const fn labelled(part: Part) -> u32 {
    part.bit() << LABELLED
}

/// The parts that a word with these bits is a sign of.
pub(super) fn parts(bits: u32, is_label: bool) -> u32 {
    if is_label { bits | bits >> LABELLED } else { bits }
}

const GROUPS: &[(u32, &[&str])] = &[
    (Part::Steps.bit(), STEPS),
    (Part::ProofOfConcept.bit(), PROOF),
    (Part::Impact.bit(), IMPACT),
    (Part::AffectedVersion.bit(), AFFECTED),
    (Part::Type.bit(), TYPE),
    (labelled(Part::Type), TYPE_LABELS),
    (labelled(Part::Paths), PATHS_LABELS),
    (Part::Location.bit(), LOCATION),
    (labelled(Part::Location), LOCATION_LABELS),
    (Part::Configuration.bit(), CONFIGURATION),
    (labelled(Part::Configuration), CONFIGURATION_LABELS),
    (Part::Remediation.bit(), REMEDIATION),
    (SEVERITY, SEVERITIES),
    (VERSION, VERSION_WORDS),
    (COMMIT, COMMIT_WORDS),
    (COMMON, COMMON_WORDS),
];

/// Longer words are no cues.
const LONGEST: usize = 20;
/// One shelf for each letter and each length below [`LONGEST`].
const SHELVES: usize = 32 * LONGEST;

/// Words in lower case, on a shelf for each first letter and length. Most words of a text are told apart by the shelf
/// and the last letter alone.
pub(super) struct Cues<const N: usize> {
    words: [(&'static str, u32); N],
    /// For each shelf the last letters of what stands on it: a bit each.
    lasts: [u32; SHELVES],
    /// Where each shelf begins; one more for the end.
    starts: [u16; SHELVES + 1],
}

/// Five bits that tell letters apart whatever their case.
const fn letter(octet: u8) -> u8 {
    octet & 31
}

/// All cues of reports.
pub(super) static CUES: Cues<{ count(GROUPS) }> = Cues::of(GROUPS);
/// The extensions of source files.
pub(super) static SOURCES: Cues<{ EXTENSIONS.len() }> = Cues::of(&[(1, EXTENSIONS)]);
/// Words that may stand between what announces a version or a commit and what is announced.
pub(super) static FILLER: Cues<{ FILLERS.len() }> = Cues::of(&[(1, FILLERS)]);

#[expect(clippy::indexing_slicing, reason = "runs when it is compiled, over lists of our own")]
const fn count(groups: &[(u32, &[&str])]) -> usize {
    let (mut all, mut at) = (0, 0);
    while at < groups.len() {
        all += groups[at].1.len();
        at += 1;
    }
    all
}

#[expect(clippy::indexing_slicing, reason = "runs when it is compiled, over lists of our own")]
const fn shelf_of(word: &str) -> usize {
    let octets = word.as_bytes();
    assert!(octets.len() < LONGEST && octets[0].is_ascii_lowercase());
    letter(octets[0]) as usize * LONGEST + octets.len()
}

impl<const N: usize> Cues<N> {
    #[expect(clippy::indexing_slicing, reason = "runs when it is compiled, over lists of our own")]
    const fn of(groups: &[(u32, &[&'static str])]) -> Self {
        assert!(N < u16::MAX as usize);
        let mut lengths = [0; SHELVES];
        let mut group = 0;
        while group < groups.len() {
            let mut at = 0;
            while at < groups[group].1.len() {
                lengths[shelf_of(groups[group].1[at])] += 1;
                at += 1;
            }
            group += 1;
        }
        let mut starts = [0; SHELVES + 1];
        let mut shelf = 0;
        while shelf < SHELVES {
            starts[shelf + 1] = starts[shelf] + lengths[shelf];
            shelf += 1;
        }
        let mut words = [("", 0); N];
        let mut lasts = [0; SHELVES];
        let mut free = starts;
        group = 0;
        while group < groups.len() {
            let mut at = 0;
            while at < groups[group].1.len() {
                let word = groups[group].1[at];
                let shelf = shelf_of(word);
                words[free[shelf] as usize] = (word, groups[group].0);
                lasts[shelf] |= 1 << letter(word.as_bytes()[word.len() - 1]);
                free[shelf] += 1;
                at += 1;
            }
            group += 1;
        }
        Self { words, lasts, starts }
    }

    /// What a word is a sign of, in whatever case; 0 for nothing.
    #[inline]
    pub(super) fn bits(&self, word: &[u8]) -> u32 {
        let (Some(first), Some(last)) = (word.first(), word.last()) else { return 0 };
        let shelf = usize::from(letter(*first)) * LONGEST + word.len();
        let is_there = |lasts: &u32| lasts >> letter(*last) & 1 != 0;
        if word.len() >= LONGEST || !self.lasts.get(shelf).is_some_and(is_there) {
            return 0;
        }
        self.on_shelf(shelf, word)
    }

    /// What a word is a sign of that may stand on a shelf.
    fn on_shelf(&self, shelf: usize, word: &[u8]) -> u32 {
        let (Some(start), Some(end)) = (self.starts.get(shelf), self.starts.get(shelf + 1)) else { return 0 };
        let on_it = self.words.get(usize::from(*start)..usize::from(*end)).unwrap_or_default();
        // A word may be a sign of several things, and stands there once for each.
        on_it.iter().filter(|(cue, _)| cue.as_bytes().eq_ignore_ascii_case(word)).fold(0, |all, (_, bits)| all | bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_held_in_any_case_and_whole() {
        for (bits, words) in GROUPS {
            for word in *words {
                assert_eq!(word.to_ascii_lowercase(), *word);
                for held in [(*word).to_owned(), word.to_ascii_uppercase()] {
                    assert_eq!(CUES.bits(held.as_bytes()) & bits, *bits, "{held}");
                }
                assert_eq!(CUES.bits(format!("{word}{word}").as_bytes()), 0, "{word}");
                assert_eq!(words.iter().filter(|w| *w == word).count(), 1, "{word} twice");
            }
        }
        for other in ["", "a", "9", "zzzz", "criticale", "é", &"c".repeat(40)] {
            assert_eq!(CUES.bits(other.as_bytes()), 0, "{other}");
        }
        assert!(EXTENSIONS.iter().all(|e| SOURCES.bits(e.as_bytes()) == 1));
    }

    #[test]
    fn the_bits_of_parts_and_roles_are_apart() {
        let parts = Part::ALL.iter().fold(0, |all, part| all | part.bit());
        let labels = Part::ALL.iter().fold(0, |all, part| all | labelled(*part));
        let roles = SEVERITY | VERSION | COMMIT | COMMON;
        assert_eq!((parts & labels, parts & roles, labels & roles), (0, 0, 0));
        assert_eq!(super::parts(labelled(Part::Type), true) & parts, Part::Type.bit());
        assert_eq!(super::parts(labelled(Part::Type), false) & parts, 0);
    }
}
