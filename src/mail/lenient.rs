//! Senders as people write them, for *whom to answer*. Never for authority: that is [`super::header::sender`].
//!
//! Real programs write `'ann@a.example' <ann@a.example>`, `Smith, Ann <ann@a.example>`, `Ann: Acme <ann@a.example>`
//! or `ann@a.example,`. A person sees at once who wrote. Where two people could be meant, nobody is guessed.

use super::decode;
use crate::vocabulary::Address;

/// The one address that such a line means: the one in angle brackets, unless another stands beside it as a mailbox of its
/// own; without brackets the only one.
pub(crate) fn one(line: &[u8]) -> Option<Address> {
    if line.len() > decode::MAX_VALUE {
        return None;
    }
    let line = decode::bytes(&decode::unfolded(line));
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let (mut in_angles, mut bare) = (Vec::new(), Vec::new());
    for piece in without_quoted(&line).split([',', ';']) {
        let angles: Vec<&str> = piece.split('<').skip(1).filter_map(|p| Some(p.split_once('>')?.0)).collect();
        let words = || piece.split(|c: char| c.is_whitespace() || "<>[]:".contains(c));
        if angles.is_empty() {
            bare.extend(words().filter_map(plain));
        } else {
            in_angles.extend(angles.into_iter().filter_map(plain));
        }
    }
    let first = in_angles.first().or(bare.first())?.clone();
    in_angles.iter().chain(&bare).all(|other| *other == first).then_some(first)
}

fn plain(word: &str) -> Option<Address> {
    let word = word.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\'' | '*'));
    let mailto = word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    Address::parse(if mailto { word.get(7..)? } else { word })
}

/// A line without its quoted strings and comments. One that does not end is none.
fn without_quoted(line: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    // Where one has no end, none of its kind is looked for any more: that keeps it linear.
    let mut open: Vec<char> = vec!['"', '('];
    while let Some(at) = rest.find(open.as_slice()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        out.push(' ');
        let quoted = from.starts_with('"');
        let after = from.get(1..).unwrap_or_default();
        rest = ended(after, if quoted { '"' } else { ')' }).unwrap_or_else(|| {
            open.retain(|c| (*c == '"') != quoted);
            after
        });
    }
    out + &rest.replace(['"', '('], " ")
}

/// What stands behind the end of a quoted string or of a comment.
fn ended(text: &str, end: char) -> Option<&str> {
    let (mut depth, mut escaped) = (1_u32, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == end && depth == 1 => return text.get(at + c.len_utf8()..),
            ')' if end == ')' => depth -= 1,
            '(' if end == ')' => depth += 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_line_means() {
        for line in [
            "ann@a.example",
            "'ann@a.example' <ann@a.example>",
            "'Ann O'Neil' <ann@a.example>",
            "Smith, Ann <ann@a.example>",
            "Smith, Ann, Dr. (Acme; Berlin) <ann@a.example>",
            "Acme: Smith <ann@a.example>",
            "ann@a.example,",
            "<ann@a.example>;",
            "Ann Smith ann@a.example",
            "\"Smith, Ann\" ann@a.example",
            "\"Smith, Ann <ann@a.example>",
            "Smith \"Ann <ann@a.example>",
            "Ann (home <ann@a.example>",
            "ann@a.example (Ann, or (at work) ann@b.example)",
            "\"bob@b.example\" <ann@a.example>",
            "bob@b.example <ann@a.example>",
            "Ann <ann@a.example>, Ann <Ann@A.example>",
            "Ann [mailto:ann@a.example]",
            "Ann <ann@a.example<mailto:ann@a.example>>",
            "*Ann* <MAILTO:ann@a.example>",
            "'ann@a.example'",
            "Team: ann@a.example;",
            "=?utf-8?q?Ann=2C_B=40b?= <ann@a.example>",
        ] {
            assert_eq!(one(line.as_bytes()).map(String::from).as_deref(), Some("ann@a.example"), "{line}");
        }
    }

    /// Two people could be meant, or nobody.
    #[test]
    fn nobody_is_guessed() {
        for line in [
            "ann@a.example, bob@b.example",
            "ann@a.example, Bob <bob@b.example>",
            "Ann <ann@a.example> <bob@b.example>",
            "Ann <ann@a.example>, Bob <bob@b.example>",
            "Team: ann@a.example, bob@b.example;",
            "ann@a.example bob@b.example",
            "Ann Smith",
            "undisclosed-recipients:;",
            "\"ann@a.example\"",
            "(ann@a.example)",
            "Ann <ann at a.example>",
            "Ann <ann@a.example\u{1}>",
            "",
        ] {
            assert!(one(line.as_bytes()).is_none(), "{line}");
        }
        assert!(one("ann@a.example ".repeat(2_000).as_bytes()).is_none());
    }
}
