//! Words of closed lists.

use crate::vocabulary::piece;

/// Finds a word in a closed list, whatever its case. The error lists all there are.
pub(super) fn among<T: Copy>(noun: &str, text: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T, String> {
    let wanted = text.trim();
    all.iter().copied().find(|one| word(*one).eq_ignore_ascii_case(wanted)).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|one| word(*one)).collect();
        format!("{} is not a {noun}: write one of {}", piece(wanted), words.join(", "))
    })
}
