//! Versions as mails write them: "1.2.3", "v2.0", "<= 4.1", "2.x".

/// The longest that is taken.
const LONGEST: usize = 40;

/// What is said before a version: "<=" of "<= 4.1". Only the signs that stand at its beginning.
pub(super) fn comparison(token: &str) -> &'static str {
    [("<=", "<="), ("≤", "<="), (">=", ">="), ("≥", ">="), ("<", "<"), (">", ">"), ("==", ""), ("=", ""), ("~", "")]
        .into_iter()
        .find(|(sign, _)| token.starts_with(sign))
        .map_or("", |(_, shown)| shown)
}

/// Whether a token is nothing but the sign of a comparison.
pub(super) fn is_comparison(token: &str) -> bool {
    matches!(token, "<" | ">" | "<=" | ">=" | "=" | "==" | "≤" | "≥")
}

/// The version in a token, with the comparison before it: "(<=4.0.1)," is "<= 4.0.1". `announced`: a word or a sign
/// before it says that a version comes; without that "9.8" is rather a score and "2" a number.
pub(super) fn find(token: &str, announced: bool) -> Option<String> {
    let token = token.trim_start_matches(['(', '[', '"', '\'', '`', '*', ':']);
    let bare = token.trim_start_matches(['<', '>', '=', '≤', '≥', '~', '^', ' ']);
    let sign = comparison(token);
    let signed = bare.len() < token.len();
    let end = bare.find(|c: char| !(c.is_ascii_alphanumeric() || ".-+_".contains(c))).unwrap_or(bare.len());
    let (version, rest) = bare.split_at_checked(end)?;
    // What goes on is a path, an address, a function call; not the end of a phrase.
    if rest.contains(|c: char| c.is_ascii_alphanumeric() || !c.is_ascii()) {
        return None;
    }
    let version = version.trim_end_matches(['.', '-', '_', '+']);
    if version.is_empty() || version.len() > LONGEST || !is_version(version, announced || signed) {
        return None;
    }
    Some(if sign.is_empty() { version.to_owned() } else { format!("{sign} {version}") })
}

fn is_version(text: &str, announced: bool) -> bool {
    let (numbers, marked) = match text.strip_prefix(['v', 'V']) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let digits = |n: &str, most: usize| (1..=most).contains(&n.len()) && n.bytes().all(|c| c.is_ascii_digit());
    // "1.2.3-beta.1+build": what follows the numbers says little and is kept.
    let (numbers, after) =
        numbers.split_at_checked(numbers.find(['-', '+', '_']).unwrap_or(numbers.len())).unwrap_or_default();
    let mut parts = numbers.split('.');
    if !parts.next().is_some_and(|n| digits(n, 4)) {
        return false;
    }
    let rest: Vec<&str> = parts.take(4).collect();
    // "x" for any, "1.0.2k", "3.0rc1": letters at the end of the last.
    let part = |(at, n): (usize, &&str)| {
        let tail = n.trim_start_matches(|c: char| c.is_ascii_digit());
        *n == "x" || n.len() <= 12 && tail.len() < n.len() && (tail.is_empty() || at + 1 == rest.len())
    };
    let is_good = rest.iter().enumerate().all(part);
    // Four numbers are rather an IP address.
    let told = match rest.as_slice() {
        [] => announced && after.is_empty(),
        [one] => announced || marked || *one == "x",
        [_, _] => true,
        [..] => (announced || marked) && rest.len() == 3,
    };
    // "2024-01-05" and "10.1016/…" are none; "4-5" has no dot.
    is_good && told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_as_written() {
        for (token, announced, expect) in [
            ("1.2.3", false, Some("1.2.3")),
            ("(v2.0),", false, Some("v2.0")),
            ("<=4.0.1", false, Some("<= 4.0.1")),
            ("≤4.0.1.", false, Some("<= 4.0.1")),
            ("<5", false, Some("< 5")),
            ("==1.0", false, Some("1.0")),
            ("2.x", false, Some("2.x")),
            ("1.2.3-beta.1+7", false, Some("1.2.3-beta.1+7")),
            ("1.0.2k", false, Some("1.0.2k")),
            ("4.1", true, Some("4.1")),
            ("4.1", false, None),
            ("2", true, Some("2")),
            ("v2", true, Some("v2")),
            ("v2", false, None),
            ("192.0.2.1", false, None),
            ("9.8", false, None),
            ("2024-01-05", true, None),
            ("1.2.3.4.5", true, None),
            ("1.2.3/etc", false, None),
            ("99999.1.2", false, None),
            ("1..2", true, None),
            ("a.b.c", true, None),
            ("v", true, None),
            ("", true, None),
            ("<", true, None),
        ] {
            assert_eq!(find(token, announced).as_deref(), expect, "{token} {announced}");
        }
    }
}
