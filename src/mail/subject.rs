//! The beginning of a subject that a project asks its reporters for: "SECURITY:".

/// What mail programs put before a subject when they answer or forward.
const MARKS: [&str; 24] = [
    "re", "fwd", "fw", "aw", "wg", "sv", "vs", "vl", "vb", "antw", "antwort", "rv", "tr", "res", "enc", "ref", "rif",
    "odp", "pd", "ynt", "ilt", "atb", "回复", "转发",
];

/// What follows the prefix in a subject, after any number of reply marks and `[tags]`; `None` where the prefix is not
/// there. In whatever case.
pub(crate) fn after_prefix<'s>(subject: &'s str, prefix: &str) -> Option<&'s str> {
    let mut rest = subject.trim_start();
    loop {
        if let Some(after) = without(rest, prefix) {
            return Some(after.trim());
        }
        rest = after_mark(rest)?.trim_start();
    }
}

fn without<'s>(text: &'s str, prefix: &str) -> Option<&'s str> {
    let mut rest = text.chars();
    let same = |wanted: char| rest.next().is_some_and(|found| found.to_lowercase().eq(wanted.to_lowercase()));
    let is_there = prefix.chars().all(same);
    Some(rest.as_str()).filter(|_| is_there)
}

/// `[list] …`, `Re: …`, `RE[2]: …`.
fn after_mark(text: &str) -> Option<&str> {
    if let Some(tag) = text.strip_prefix('[') {
        return tag.split_once(']').map(|(_, rest)| rest);
    }
    let (mark, rest) = text.split_once([':', '：'])?;
    let name = mark.trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^ ".contains(c));
    MARKS.iter().any(|m| name.eq_ignore_ascii_case(m)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_stands_at_the_beginning_but_for_marks() {
        for (subject, prefix, expect) in [
            ("SECURITY: XSS in login", "SECURITY:", Some("XSS in login")),
            ("security:XSS", "SECURITY:", Some("XSS")),
            ("Re: AW: [ext] Fwd: RE[2]: Security:  a: b ", "SECURITY:", Some("a: b")),
            ("[EXTERNAL][SEC-17] Re: SECURITY: x", "SECURITY:", Some("x")),
            ("回复：SECURITY: x", "SECURITY:", Some("x")),
            ("[Security] x", "[SECURITY]", Some("x")),
            ("Re: [Security] x", "[security]", Some("x")),
            ("SÉCURITÉ : fuite", "sécurité :", Some("fuite")),
            ("SECURITY:", "SECURITY:", Some("")),
            ("A SECURITY: x", "SECURITY:", None),
            ("SECURITY x", "SECURITY:", None),
            ("Offer: SECURITY: x", "SECURITY:", None),
            ("[unclosed SECURITY: x", "SECURITY:", None),
            ("SEC", "SECURITY:", None),
            ("", "SECURITY:", None),
        ] {
            assert_eq!(after_prefix(subject, prefix), expect, "{subject}");
        }
        assert_eq!(after_prefix(&"Re: [x] ".repeat(10_000), "SECURITY:"), None);
    }
}
