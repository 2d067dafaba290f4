//! Text from outside, made fit to be shown.

/// Text from outside made fit for a terminal, a log and a mail: no control characters but `\n` and the tabs of a patch, no
/// bidirectional overrides, no zero-width characters (CVE-2021-42574).
pub fn clean(text: &str) -> String {
    // Without a branch for each octet, so that many are looked at at once.
    let plain = |octets: &[u8]| octets.iter().fold(true, |plain, c| plain & ((0x20..0x7f).contains(c) | (*c == b'\n')));
    if text.as_bytes().chunks(128).all(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Most of it is plain, and goes over in runs.
    while !rest.is_empty() {
        let run = rest.bytes().position(|c| !plain(&[c])).unwrap_or(rest.len());
        let (run, other) = rest.split_at_checked(run).unwrap_or((rest, ""));
        out.push_str(run);
        let mut chars = other.chars();
        out.extend(chars.next().and_then(fit));
        rest = chars.as_str();
    }
    out
}

/// What becomes of a character in [`clean`].
fn fit(c: char) -> Option<char> {
    match c {
        '\n' | '\t' | ' '..='~' => Some(c),
        '\u{a0}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => None,
        // The Arabic letter mark turns the direction too; the others are marks and tags that nobody sees.
        '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

/// [`clean`], on one line, at most `max` characters.
pub fn clean_line(text: &str, max: usize) -> String {
    let line = clean(text).replace(['\n', '\t'], " ");
    let line = line.trim();
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Without the blanks of a header at its ends (RFC 5322 section 2.2.2, and what folding leaves): what decides who somebody
/// is does not overlook characters that other programs count.
pub(crate) fn trim_blanks(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// A piece of somebody's text for an error message: quoted, control characters escaped, cut when long.
pub(crate) fn piece(text: &str) -> String {
    const MOST: usize = 40;
    let mut chars = text.chars();
    let mut head: String = chars.by_ref().take(MOST).collect();
    if chars.next().is_some() {
        head.push('…');
    }
    format!("{head:?}")
}
