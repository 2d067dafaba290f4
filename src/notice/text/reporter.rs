//! To the reporter: only what a maintainer wrote for them, and dates. The subject is the news, the first sentence says
//! it in full; then stands what comes next, and what we ask.

use jiff::Timestamp;

use super::Text;
use crate::command::{Ask, Verb, reporters_verbs};
use crate::notice::block::{Block, Form, Mark, Usage, always};
use crate::notice::level::Said;
use crate::notice::plain::GLUE;
use crate::notice::standing::{Due, ahead_of, promises_ahead, publication};
use crate::policy::shown::{day, day_and_time, in_zones, when};
use crate::policy::{Milestone, Policy};
use crate::project::Project;
use crate::ticket::{Embargo, EmbargoState, Status, Ticket};

/// A paragraph of ours.
pub(super) fn says(words: &str) -> Block {
    Block::paragraph([always(words)])
}

/// Dates of which each stands on one line.
fn glued(dates: &str) -> String {
    dates.replace(' ', GLUE).replace(",\u{a0}", ", ").replace("\u{a0}(", " (")
}

/// A day that stands on one line.
fn date(at: Timestamp, policy: &Policy) -> String {
    glued(&day(at, policy))
}

/// What a person adds in their own words, if anything.
fn written(words: &str) -> Option<Block> {
    let form = Form::Verbatim(words.to_owned());
    Some(Block { said: Said::Always, apart: true, form }).filter(|_| !words.is_empty())
}

/// What is planned, an item a promise; nothing where nothing is.
pub(super) fn what_comes_next(ahead: Vec<String>, project: &Project) -> Vec<Block> {
    if ahead.is_empty() {
        return Vec::new();
    }
    let head = format!("What comes next (times in {}):", project.policy.calendar.zone_name);
    vec![says(&head), Block { said: Said::Always, apart: false, form: Form::List(Mark::Dash, ahead) }]
}

const TO_ADD: &str = "To add something, reply to this mail.";
const QUESTIONS: &str = "If you have questions, reply to this mail.";

/// `/ack`: a person has read the report.
pub(crate) fn acknowledged(ticket: &Ticket, by: &str, words: &str, project: &Project, now: Timestamp) -> Text {
    let thanks = if words.is_empty() { " Thank you for it." } else { "" };
    let first = format!("{by} of {} has read your report {}.{thanks}", project.name, project.show(ticket.id));
    Text::to_reporter(ticket, "A person has read your report", project)
        .and([says(&first)])
        .and(written(words))
        .and(what_comes_next(promises_ahead(ticket, &project.policy, now), project))
        .and([says(TO_ADD)])
}

/// `/reply`, and `/ask` where `asks`: the words of the maintainer.
pub(crate) fn reply(ticket: &Ticket, by: &str, words: &str, asks: bool, project: &Project) -> Text {
    let (what, waits) =
        if asks { ("has a question for you", "; we wait for your answer") } else { ("wrote to you", "") };
    let signature = format!("-- \n{by}, {}\nabout your report {}{waits}", project.name, project.show(ticket.id));
    Text::to_reporter(ticket, &format!("{by} {what}"), project)
        .block(Said::Always, Form::Verbatim(words.to_owned()))
        .block(Said::Always, Form::Verbatim(signature))
}

/// A fixed version is out.
pub(crate) fn released(ticket: &Ticket, note: &str, project: &Project, now: Timestamp) -> Text {
    let (number, name) = (project.show(ticket.id), &project.name);
    let (subject, fixed, note) = if is_version(note) {
        (format!("Fixed in {note}"), format!("{name} {note}"), "")
    } else {
        ("A fixed version is out".to_owned(), format!("a new version of {name}"), note)
    };
    let is_kept = ticket.embargo.as_ref().is_none_or(|e| e.state != EmbargoState::Ended)
        && !ticket.milestones.contains_key(&Milestone::Public);
    let keep = match publication(ticket, &project.policy, now).filter(|_| is_kept) {
        Some(at) => {
            format!(" We publish by {}; please keep it between us until then.", date(at, &project.policy))
        }
        None if is_kept => " Please keep it between us until we have agreed on a date to publish it.".to_owned(),
        None => String::new(),
    };
    Text::to_reporter(ticket, &subject, project)
        .and([says(&format!(
            "The problem that you reported ({number}) is fixed in {fixed}. Thank you for telling us."
        ))])
        .and(written(note))
        .and([says(&format!("Could you check that it is gone, and tell us if it is not?{keep}")), credit(ticket)])
}

/// Whether words are versions, and nothing else: "2.1.4", "v2.1.4 and 1.9.8".
fn is_version(words: &str) -> bool {
    let version = |w: &str| w == "and" || w.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    !words.is_empty() && words.split_whitespace().all(version)
}

/// It was made public.
pub(crate) fn public(ticket: &Ticket, note: &str, project: &Project) -> Text {
    let number = project.show(ticket.id);
    let is_link = note.contains("://") && !note.contains(char::is_whitespace);
    let (first, note) = if is_link {
        (format!("Your report {number} is public now:\n{note}"), "")
    } else {
        (format!("Your report {number} is public now."), note)
    };
    Text::to_reporter(ticket, "Published", project)
        .paragraph([always(first)])
        .and(written(note))
        .and([says("You are free to write about it. Thank you for your work and your patience."), credit(ticket)])
}

/// How they are named where it is told of, or how to say so. The name is theirs, or a person's who was told that it is
/// shown to them.
fn credit(ticket: &Ticket) -> Block {
    let change = "To change that, reply with /credit";
    says(&match ticket.credit.as_deref() {
        None => "How shall we name you? Reply with /credit and your name on the first line, or with /credit none. We \
                 name nobody who has not said so."
            .to_owned(),
        Some(name) if is_none(name) => format!("We do not name you. {change} and your name on the first line."),
        Some(name) => format!("We name you as \"{name}\". {change} and another name on the first line."),
    })
}

/// A date until which nothing is published, in place of another one where there was one.
pub(crate) fn embargo(
    ticket: &Ticket,
    proposed: bool,
    (before, until): (Option<Timestamp>, Timestamp),
    zone: Option<&str>,
    project: &Project,
) -> Text {
    let (number, policy) = (project.show(ticket.id), &project.policy);
    let (until_when, short) = (glued(&in_zones(until, zone, policy)), day(until, policy));
    let before = before.filter(|before| *before != until).map(|before| date(before, policy));
    let (subject, first, before, asks) = if proposed {
        (
            format!("Is {short} a good date to publish?"),
            format!("We propose that neither of us publishes anything about {number} before {until_when}."),
            before.map(|before| format!(" Until we agree on it, the date is {before}.")),
            "Does that suit you? Reply to this mail to say so, or to name another date.",
        )
    } else {
        (
            format!("Publication on {short}"),
            format!("As agreed, neither of us publishes anything about {number} before {until_when}."),
            before.map(|before| format!(" Until now the date was {before}.")),
            "If that is not what we agreed on, or the date does not work for you, reply to this mail.",
        )
    };
    let first = first + before.as_deref().unwrap_or_default();
    Text::to_reporter(ticket, &subject, project).and([says(&first), says(asks)])
}

/// Nothing is kept back any more.
pub(crate) fn embargo_over(ticket: &Ticket, project: &Project) -> Text {
    let number = project.show(ticket.id);
    let over = format!("The embargo on {number} is over: you need not keep it between us any more.");
    Text::to_reporter(ticket, "The embargo is over", project).and([says(&over), says(QUESTIONS)])
}

/// A deadline was moved from a date that they know to another one, with the reason of a person; may be empty.
pub(crate) fn moved(
    ticket: &Ticket,
    until: Milestone,
    (from, to): (Option<Timestamp>, Timestamp),
    reason: &str,
    project: &Project,
) -> Text {
    let (number, what, policy) = (project.show(ticket.id), until.means(), &project.policy);
    let new = format!("{} ({})", glued(&day_and_time(to, policy)), policy.calendar.zone_name);
    let is_later = from.is_none_or(|from| to >= from);
    let first = match from.map(|from| date(from, policy)) {
        Some(old) if is_later => {
            format!("We need longer with {number}. We had said that we would {what} by {old}; the new date is {new}.")
        }
        Some(old) => format!("Good news about {number}: we now plan to {what} by {new}. We had said {old}."),
        None => format!("There is a date for {number} now: we plan to {what} by {new}."),
    };
    let sorry = if from.is_some() && is_later { " We are sorry for the wait." } else { "" };
    Text::to_reporter(ticket, &format!("A new date: {}", day(to, policy)), project)
        .and([says(&(first + sorry))])
        .and(written(reason))
        .and([says(QUESTIONS)])
}

/// What the reporter asked for.
pub(crate) fn asked(ticket: &Ticket, asks: &[Ask], project: &Project, now: Timestamp) -> Text {
    let subject = match asks.first() {
        Some(Ask::Status) => "How your report stands",
        Some(Ask::Credit(_)) => "How we name you",
        Some(Ask::Withdraw(_)) => "You take your report back",
        Some(Ask::Help) | None => "What you can ask for",
    };
    let number = project.show(ticket.id);
    let mut text = Text::to_reporter(ticket, subject, project);
    for ask in asks {
        text = match ask {
            Ask::Status => stands(text, ticket, project, now),
            Ask::Credit(name) if is_none(name) => {
                text.and([says(&format!("We will not name you when we publish {number}."))])
            }
            Ask::Credit(name) => text.and([says(&format!("We will name you as \"{name}\" when we publish {number}."))]),
            Ask::Withdraw(_) => text.and([says(&format!(
                "Thank you for letting us know that you take {number} back. The people who handle it decide what \
                 becomes of it."
            ))]),
            Ask::Help => help(text),
        };
    }
    let name = &project.name;
    let told =
        format!("This answer is automatic. The people at {name} who handle your report have been told of your mail.");
    text.and([says(&told)])
}

/// What a reporter may ask for. Nothing of the ticket's inner life stands in the answers.
fn help(text: Text) -> Text {
    let usage = |verb: &Verb| {
        let command = format!("/{} {}", verb.name, verb.arguments).trim_end().to_owned();
        Usage { command, about: verb.about.to_owned() }
    };
    text.paragraph([always("Reply with one of these on the first line:")])
        .below(Said::Always, Form::Usage(17, reporters_verbs().map(usage).collect()))
        .line([always("All else is read by a person.")])
}

fn stands(text: Text, ticket: &Ticket, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    let stands = match ticket.status {
        Status::Received => format!("Your report {number} has arrived, and we have not assessed it yet."),
        Status::Invalid => format!("We found no vulnerability of ours in your report {number}."),
        Status::Valid => format!("We have assessed your report {number}: it is a vulnerability."),
        Status::Accepted => format!("We have assessed your report {number}, and work on it."),
        Status::Deferred => format!("We have assessed your report {number}; work on it is put off."),
        Status::Closed => format!("Your report {number} is closed."),
    };
    let reached = [
        (Milestone::Acknowledged, "a person answered you"),
        (Milestone::FixReleased, "a fixed version came out"),
        (Milestone::Public, "it was published"),
    ];
    let reached = reached.iter().filter_map(|(milestone, what)| Some((what, ticket.milestones.get(milestone)?)));
    let embargo = ticket.embargo.as_ref().and_then(Embargo::holds);
    let facts = reached.map(|(what, at)| format!("{what} on {}", day(*at, &project.policy)));
    let kept = |(until, _)| format!("neither of us publishes anything before {}", day(until, &project.policy));
    let facts = facts.chain(embargo.map(kept)).collect();
    text.and([says(&stands)])
        .below(Said::Always, Form::List(Mark::Dash, facts))
        .and(what_comes_next(promises_ahead(ticket, &project.policy, now), project))
}

/// Whether a credit says that the reporter is not to be named.
pub(crate) fn is_none(credit: &str) -> bool {
    ["none", "no", "nobody", "anonymous"].iter().any(|w| credit.trim().eq_ignore_ascii_case(w))
}

/// Rungs for the reporter: good news, said by a machine, so that it says no more than what is planned.
pub(crate) fn at_work(ticket: &Ticket, news: &[Due], project: &Project) -> Text {
    let first = format!("We are still at work on your report {}.", project.show(ticket.id));
    let plans = news.iter().map(|due| ahead_of(ticket, due, &project.policy)).collect();
    Text::to_reporter(ticket, "Still at work on your report", project)
        .and([says(&first)])
        .and(what_comes_next(plans, project))
        .and([says(TO_ADD)])
}

/// What a person can send when a promise was broken: a draft, since how it went on no machine knows.
pub(crate) fn late(ticket: &Ticket, due: &Due, project: &Project) -> String {
    let promise = due.promise.until.means();
    let date = when(due.deadline, &project.policy);
    format!(
        "About {}: we had promised to {promise} by\n{date}.\n\
         That date has passed, and we have not kept it. We are sorry.\n\
         {GAP}\n\
         If you have questions, reply to this mail.",
        project.show(ticket.id)
    )
}

/// Where a person writes the date that no machine knows.
pub(super) const GAP: &str = "[NEW DATE: write here by when, or what holds it up]";

/// Whether a text for the reporter still has the gap of [`late`], however a mail program wrapped and marked its lines.
pub(crate) fn has_gap(text: &str) -> bool {
    let words = |t: &'_ str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let gap = words(GAP);
    words(text).windows(gap.len()).any(|w| w == gap)
}
