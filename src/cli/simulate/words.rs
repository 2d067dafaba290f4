//! What a play is told in.

use jiff::SignedDuration;

use crate::policy::Audience;
use crate::policy::shown::{date, length};
use crate::project::Project;
use crate::rules::simulate::course::{Course, Word};
use crate::rules::simulate::{Happening, Play};
use crate::ticket::clock::ClockState;
use crate::vocabulary::clean_line;

pub(super) fn headline(play: &Play, project: &Project) -> String {
    let severity = play.ticket.severity.map_or("no known severity".to_owned(), |s| format!("{s} severity"));
    let name = clean_line(&project.name, 80);
    format!("{name}: a report of {severity}, received {}", date(play.at, &project.policy))
}

pub(super) fn ended(course: &Course) -> &'static str {
    match course.state {
        ClockState::Kept => "kept",
        ClockState::Broken if course.done => "done, too late",
        ClockState::Broken | ClockState::Ended => "ends: no such promise any more",
        ClockState::Running | ClockState::Paused => "goes on",
    }
}

pub(super) fn happened(event: Happening) -> String {
    match event {
        Happening::Milestone(milestone) => format!("{milestone}"),
        Happening::Severity(severity) => format!("the severity is set to {severity}"),
        Happening::Ask => "we ask the reporter; what may pause stands still".into(),
        Happening::Answer => "the reporter answers; what stood still runs".into(),
    }
}

/// "warning (-24h), 24 hours left".
pub(super) fn said(word: &Word, course: &Course) -> String {
    let star = if word.at == word.nominal { "" } else { "*" };
    // A deadline that moved later was another one when this was said.
    let then = course.moved.iter().find(|(at, _)| *at > word.at).map_or(course.deadline, |(_, from)| *from);
    let away = then.duration_since(word.at);
    let more = word.and_so_on.map_or(String::new(), |every| format!(" … and so on each {every}"));
    match (word.warns, away) {
        (true, _) if word.to == Audience::Reporter => format!("good news ({}), {} left{star}", word.rung, length(away)),
        (true, _) => format!("warning ({}), {} left{star}", word.rung, length(away)),
        (false, SignedDuration::ZERO) => format!("nag ({}){star}{more}", word.rung),
        (false, _) => format!("nag ({}), {} late{star}{more}", word.rung, length(away)),
    }
}

/// "owner, team: Ada, Max"; "reporter".
pub(super) fn hearers(word: &Word) -> String {
    let to = audiences(word);
    if word.people.is_empty() { to } else { format!("{to}: {}", word.people.join(", ")) }
}

/// "owner, team".
pub(super) fn audiences(word: &Word) -> String {
    word.audiences.iter().map(|a| a.word()).collect::<Vec<_>>().join(", ")
}
