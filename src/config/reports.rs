//! `[reports]`, but for its digest: what a report should hold, and what is said about it.

use super::error::{any_of, nearest};
use super::reader::{Table, Value, Wrong};
use crate::mail::fields::Part;
use crate::project::{Pattern, Reports, VersionTable};
use crate::vocabulary::clean;

/// The most characters of a line of the note: it stands in a mail as it is written.
const LONGEST_LINE: usize = 200;
/// The most characters of a subject's beginning.
const LONGEST_PREFIX: usize = 50;
/// The most characters of a pattern: all of them stand in one line of a mail.
const LONGEST_PATTERN: usize = 40;
/// The most patterns of one list.
const MOST_PATTERNS: usize = 20;

pub(super) fn reports(table: &Table<'_>) -> Reports {
    let mut reports = Reports::default();
    if let Some(asks) = table.get("asks") {
        reports.asks = self::asks(asks).unwrap_or_default();
    }
    let patterns = |key: &str| table.get(key).map(|v| self::patterns(v)).unwrap_or_default();
    reports.versions = VersionTable { supported: patterns("supported"), unsupported: patterns("unsupported") };
    reports.subject = table.get("subject").and_then(|v| v.parse("SECURITY:", prefix));
    reports.note = table.get("note").and_then(|v| v.parse("We write English.", note));
    reports
}

fn asks(value: Value<'_>) -> Option<Vec<Part>> {
    let mut asks = Vec::new();
    for item in value.list("description")? {
        match item.parse("description", part) {
            Some(part) if asks.contains(&part) => item.wrong("this part stands here twice", "each part once"),
            Some(part) => asks.push(part),
            None => {}
        }
    }
    Some(asks)
}

fn part(text: &str) -> Result<Part, Wrong> {
    let words = || Part::ALL.into_iter().map(Part::word);
    let found = Part::ALL.into_iter().find(|p| p.word() == text);
    found.ok_or_else(|| {
        let near = nearest(text, words()).map(|near| format!("{near:?}: it is one of ")).unwrap_or_default();
        Wrong::new(format!("unknown part of a report {text:?}"), format!("{near}{}", any_of(words())))
    })
}

fn patterns(value: Value<'_>) -> Vec<Pattern> {
    let listed = value.list("1.x").unwrap_or_default();
    if listed.len() > MOST_PATTERNS {
        value.wrong(format!("{:?} has {} entries", value.key, listed.len()), format!("at most {MOST_PATTERNS}"));
        return Vec::new();
    }
    listed.into_iter().filter_map(|item| item.parse("1.x", pattern)).collect()
}

fn pattern(text: &str) -> Result<Pattern, Wrong> {
    let read = if text.chars().count() > LONGEST_PATTERN { Err("it is too long".into()) } else { Pattern::parse(text) };
    read.map_err(|why| {
        let write = "such as \"1.x\", \"< 1.0\", \">= 2.1, < 3\" or \"latest\"";
        Wrong::new(format!("{text:?} is no pattern of versions: {why}"), write)
    })
}

fn prefix(text: &str) -> Result<String, Wrong> {
    let trimmed = text.trim();
    if trimmed.is_empty()
        || trimmed.chars().count() > LONGEST_PREFIX
        || clean(trimmed) != trimmed
        || trimmed.contains('\n')
    {
        let write = format!("1 to {LONGEST_PREFIX} characters on one line, such as \"SECURITY:\"");
        return Err(Wrong::new(format!("{text:?} is no beginning of a subject"), write));
    }
    Ok(trimmed.to_owned())
}

/// The operator's own words. What they say is theirs; what hides in them (control characters, bidirectional
/// overrides) is refused.
fn note(text: &str) -> Result<String, Wrong> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let length = text.chars().count();
    if text.is_empty() {
        return Err(Wrong::new("note is empty", "a text for the acknowledgement, or leave it out"));
    }
    if length > Reports::LONGEST_NOTE {
        return Err(Wrong::new(format!("note has {length} characters"), format!("at most {}", Reports::LONGEST_NOTE)));
    }
    for (at, line) in text.lines().enumerate() {
        let (at, length) = (at + 1, line.chars().count());
        if let Some(c) = line.chars().find(|c| clean(&c.to_string()) != c.to_string()) {
            let what = format!("line {at} of note holds {:?}, which does not show", c);
            return Err(Wrong::new(what, "plain text, with blanks for tabs"));
        }
        if length > LONGEST_LINE {
            let what = format!("line {at} of note has {length} characters");
            return Err(Wrong::new(what, format!("at most {LONGEST_LINE} on a line")));
        }
    }
    Ok(text.to_owned())
}
