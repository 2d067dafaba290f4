//! A Received line, and which server wrote it.

use crate::provider::Server;

/// What parts words, after folding (RFC 5322 section 2.2.2); nothing else does that other programs count.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// A Received line (RFC 5321 section 4.4) as the server wrote it.
pub(super) struct Hop<'l> {
    /// What stands after `by`: the host, and all behind it. `None` where it is not clear which host that is.
    pub(super) by: Option<&'l str>,
    /// Its number in the queue there.
    pub(super) id: Option<&'l str>,
    /// The protocols that it names, lower case; empty where a comment or a quote could hide one.
    with: Vec<String>,
}

impl<'l> Hop<'l> {
    /// Reads one.
    pub(super) fn of(line: &'l str) -> Self {
        let blank = |at: usize| line.as_bytes().get(at).is_some_and(u8::is_ascii_whitespace);
        let is_word = |at: &usize| at.checked_sub(1).is_none_or(blank) && blank(at + 2);
        let lower = line.to_ascii_lowercase();
        let mut found = lower.match_indices("by").map(|(at, _)| at).filter(is_word);
        let by = match (found.next(), found.next()) {
            (Some(at), None) => line.get(at + 2..).map(str::trim_ascii_start),
            (None, _) | (Some(_), Some(_)) => None,
        };
        let behind = by.filter(|by| !by.contains(['\\', '"']) && is_nested(by)).map(without_comments);
        let words: Vec<String> =
            behind.iter().flat_map(|b| b.split(BLANKS)).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
        let named = words.iter().zip(words.iter().skip(1)).filter(|(word, _)| *word == "with");
        let with = named.map(|(_, protocol)| protocol.trim_end_matches(';').to_owned()).collect();
        let mut plain = by.unwrap_or_default().split_ascii_whitespace();
        let id =
            plain.find(|w| w.eq_ignore_ascii_case("id")).and_then(|_| plain.next()).map(|id| id.trim_end_matches(';'));
        Self { by, id, with }
    }

    /// Whether it is a hop behind our edge: one that the provider is known for, or a delivery agent by LMTP.
    pub(super) fn is_behind(&self, server: &Server) -> bool {
        let lmtp = |p: &String| matches!(p.as_str(), "lmtp" | "lmtps" | "lmtpa" | "lmtpsa");
        let agent = server.provider.is_own() && !self.with.is_empty() && self.with.iter().all(lmtp);
        agent || self.by.is_some_and(|by| server.is_inner(by))
    }

    /// Whether it was handed in by login (RFC 3848), or not over the network.
    pub(super) fn is_login(&self) -> bool {
        self.with.iter().any(|p| p.ends_with('a') || p.starts_with("lmtp"))
    }
}

/// Whether each parenthesis has its other half, in the right order.
fn is_nested(text: &str) -> bool {
    let mut depth = 0_i32;
    let never_closed_twice = text.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    });
    never_closed_twice && depth == 0
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    };
    text.chars().filter(outside).collect()
}
