//! To the reporter: only what a maintainer wrote for them, and dates.

use jiff::Timestamp;

use super::Text;
use crate::command::{Ask, Verb, reporters_verbs};
use crate::notice::block::{Block, Form, Mark, Usage, always};
use crate::notice::level::Said;
use crate::notice::standing::{Due, depends_on_severity, promises_ahead};
use crate::policy::Milestone;
use crate::policy::shown::{in_zones, when};
use crate::project::Project;
use crate::ticket::{Embargo, Status, Ticket};

/// `/ack`: a person has read the report.
pub(crate) fn acknowledged(ticket: &Ticket, by: &str, words: &str, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    let text = Text::to_reporter(ticket, "A person has read your report", project)
        .paragraph([always(format!("{by} of {} has read your report {number}.", project.name))])
        .and(written(words));
    let ahead = promises_ahead(ticket, &project.policy, now);
    let next = if ahead.is_empty() { Vec::new() } else { what_comes_next(ahead) };
    text.and(next).paragraph([always("To add something, reply to this mail.")])
}

/// `/reply` and `/ask`: the words of the maintainer.
pub(crate) fn reply(ticket: &Ticket, by: &str, words: &str, project: &Project) -> Text {
    let signature = format!("-- \n{by}, {}\nabout your report {}", project.name, project.show(ticket.id));
    Text::to_reporter(ticket, "About your report", project)
        .block(Said::Always, Form::Verbatim(words.to_owned()))
        .block(Said::Always, Form::Verbatim(signature))
}

/// What a person adds in their own words, if anything.
fn written(words: &str) -> Option<Block> {
    let form = Form::Verbatim(words.to_owned());
    Some(Block { said: Said::Always, apart: true, form }).filter(|_| !words.is_empty())
}

fn what_comes_next(ahead: Vec<String>) -> Vec<Block> {
    let list = Form::List(Mark::Dash, ahead);
    vec![Block::paragraph([always("What comes next:")]), Block { said: Said::Always, apart: false, form: list }]
}

/// A fact that the reporter was promised to hear.
fn update(ticket: &Ticket, what: &str, more: impl IntoIterator<Item = Block>, project: &Project) -> Text {
    Text::to_reporter(ticket, "News of your report", project)
        .paragraph([always(format!("About your report {} to {}: {what}", project.show(ticket.id), project.name))])
        .and(more)
        .paragraph([always("To answer, reply to this mail.")])
}

/// A fixed version is out.
pub(crate) fn released(ticket: &Ticket, note: &str, project: &Project) -> Text {
    update(ticket, "a fixed version has been released.", written(note).into_iter().chain(thanks(ticket)), project)
}

/// It was made public.
pub(crate) fn public(ticket: &Ticket, note: &str, project: &Project) -> Text {
    let what = "the vulnerability has been made public.";
    update(ticket, what, written(note).into_iter().chain(thanks(ticket)), project)
}

/// Asked with the news that there is something to be named in, while nobody has said how.
fn thanks(ticket: &Ticket) -> Option<Block> {
    let asks = "Whom may we thank? Reply with /credit and a name on the first line, or /credit none.\n\
                We name nobody who has not said so.";
    Some(Block::paragraph([always(asks)])).filter(|_| ticket.credit.is_none())
}

/// A date until which nothing is published.
pub(crate) fn embargo(
    ticket: &Ticket,
    proposed: bool,
    until: Timestamp,
    zone: Option<&str>,
    project: &Project,
) -> Text {
    let date = in_zones(until, zone, &project.policy);
    let (what, asks) = if proposed {
        ("we propose to publish nothing before", "Please tell us whether you agree, by a reply to this mail.")
    } else {
        (
            "nothing is to be published before",
            "If that is not what we agreed on, please say so by a reply to this mail.",
        )
    };
    update(ticket, &format!("\n{what}\n{date}."), [Block::paragraph([always(asks)])], project)
}

/// Nothing is kept back any more.
pub(crate) fn embargo_over(ticket: &Ticket, project: &Project) -> Text {
    update(ticket, "the embargo is over.", [], project)
}

/// A deadline was moved.
pub(crate) fn moved(ticket: &Ticket, until: Milestone, to: Timestamp, project: &Project) -> Text {
    let (what, date) = (until.means(), when(to, &project.policy));
    update(ticket, &format!("\na date has changed. Now {what} by {date}."), [], project)
}

/// What the reporter asked for.
pub(crate) fn asked(ticket: &Ticket, asks: &[Ask], project: &Project, now: Timestamp) -> Text {
    let first = format!("About your report {} to {}:", project.show(ticket.id), project.name);
    let mut text = Text::to_reporter(ticket, "Your question", project).paragraph([always(first)]);
    for ask in asks {
        text = match ask {
            Ask::Status => stands(text, ticket, project, now),
            Ask::Credit(name) if is_none(name) => text.paragraph([always("We will not name you.")]),
            Ask::Credit(_) => {
                text.paragraph([always("The name that you gave is written down; we name you so when we publish.")])
            }
            Ask::Withdraw(_) => {
                text.paragraph([always("The team is told that you take it back. They decide what becomes of it.")])
            }
            Ask::Help => help(text),
        };
    }
    text.paragraph([always("This was answered automatically. The people who handle your report have been told.")])
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
    let stands = match ticket.status {
        Status::Received => "It has arrived and waits to be assessed.",
        Status::Invalid => "We found no vulnerability of ours in it.",
        Status::Valid => "We have assessed it: it is a vulnerability.",
        Status::Accepted => "We have assessed it and work on it.",
        Status::Deferred => "We have assessed it; work on it is put off.",
        Status::Closed => "It is closed.",
    };
    let date = |at: Timestamp| when(at, &project.policy);
    let reached = [
        (Milestone::Acknowledged, "A person answered you"),
        (Milestone::FixReleased, "A fixed version was released"),
        (Milestone::Public, "It was made public"),
    ];
    let reached = reached.iter().filter_map(|(milestone, what)| Some((what, ticket.milestones.get(milestone)?)));
    let embargo = ticket.embargo.as_ref().and_then(Embargo::holds);
    let facts = reached.map(|(what, at)| format!("{what}: {}", date(*at)));
    let facts = facts.chain(embargo.map(|(until, _)| format!("Nothing is to be published before {}", date(until))));
    let text = text.paragraph([always(stands)]).below(Said::Always, Form::List(Mark::Dash, facts.collect()));
    let ahead = promises_ahead(ticket, &project.policy, now);
    let next = if ahead.is_empty() { Vec::new() } else { what_comes_next(ahead) };
    text.and(next.into_iter().map(|block| Block { apart: false, ..block }))
}

/// Whether a credit says that the reporter is not to be named.
pub(crate) fn is_none(credit: &str) -> bool {
    ["none", "no", "nobody", "anonymous"].iter().any(|w| credit.trim().eq_ignore_ascii_case(w))
}

/// Rungs for the reporter: good news, said by a machine, so that it says no more than what is planned.
pub(crate) fn at_work(ticket: &Ticket, news: &[Due], project: &Project) -> Text {
    let plan = |due: &Due| match due.promise.until.means() {
        what if depends_on_severity(&due.promise, ticket) => {
            format!("Now planned: {what}; the date depends on how severe it is.")
        }
        what => format!("Now planned: {what} by\n{}.", when(due.deadline, &project.policy)),
    };
    let plans: Vec<String> = news.iter().map(plan).collect();
    let first = format!("We are still at work on your report {}.", project.show(ticket.id));
    Text::to_reporter(ticket, "Still at work on your report", project)
        .paragraph([always(first)])
        .paragraph([always(plans.join("\n"))])
        .paragraph([always("To add something, reply to this mail.")])
}

/// What a person can send when a promise was broken: a draft, since how it went on no machine knows.
pub(crate) fn late(ticket: &Ticket, due: &Due, project: &Project) -> String {
    let promise = due.promise.until.means();
    let date = when(due.deadline, &project.policy);
    format!(
        "About your report {}: we had promised that {promise} by\n{date}.\n\
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
