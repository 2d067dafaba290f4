//! What follows a verb on its line.

use super::{Command, When};
use crate::policy::Severity;

pub(super) fn none(arguments: &str, command: Command) -> Result<Command, String> {
    if arguments.is_empty() { Ok(command) } else { Err("this takes nothing on its line; write text below it".into()) }
}

pub(super) fn word(
    arguments: &str,
    what: &str,
    make: impl Fn(String) -> Result<Command, String>,
) -> Result<Command, String> {
    match arguments.split_whitespace().count() {
        0 => Err(format!("this needs {what}")),
        _ => make(arguments.to_owned()),
    }
}

pub(super) fn severity(word: String) -> Result<Command, String> {
    let severity = match word.to_ascii_lowercase().as_str() {
        "low" => Severity::Low,
        "medium" | "moderate" => Severity::Medium,
        "high" | "important" => Severity::High,
        "critical" => Severity::Critical,
        _ => return Err(format!("{word:?} is no severity; write low, medium, high or critical")),
    };
    Ok(Command::Severity(severity))
}

pub(super) fn extend(arguments: &str) -> Result<Command, String> {
    let mut words = arguments.split_whitespace();
    let (Some(promise), Some(date)) = (words.next(), words.next()) else {
        return Err("this needs a promise, a date and a reason".into());
    };
    let to = When::parse(date)?;
    let reason = words.collect::<Vec<_>>().join(" ");
    if reason.is_empty() {
        return Err("this needs a reason after the date".into());
    }
    Ok(Command::Extend { promise: promise.to_ascii_lowercase(), to, reason })
}

pub(super) fn embargo(arguments: &str) -> Result<Command, String> {
    let (propose, rest) = match arguments.split_once(char::is_whitespace) {
        Some((first, rest)) if first.eq_ignore_ascii_case("propose") => (true, rest.trim_start()),
        _ => (false, arguments),
    };
    let (date, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if date.is_empty() || date.eq_ignore_ascii_case("propose") {
        return Err("this needs the date until which nothing is published".into());
    }
    Ok(Command::Embargo { propose, until: When::parse(date)?, reason: reason.trim().to_owned() })
}

pub(super) fn done(arguments: &str) -> Result<Command, String> {
    let (promise, note) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    if promise.is_empty() {
        return Err("this needs the name of a promise".into());
    }
    Ok(Command::Done { promise: promise.to_ascii_lowercase(), note: note.trim().to_owned() })
}
