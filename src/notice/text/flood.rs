//! To the team: more has come than is told one by one.

use jiff::Timestamp;

use super::Text;
use crate::notice::block::{Form, Mark, always, content, quiet, state};
use crate::notice::level::Said;
use crate::project::Project;
use crate::ticket::Ticket;
use crate::vocabulary::clean_line;

/// One of many mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// From whom, as far as that can be made out.
    pub from: Option<String>,
    /// Its subject.
    pub subject: String,
}

/// Gathered mails that one notice lists; the rest is counted.
pub(crate) const RETURNED_LINES: usize = 200;
/// Characters of a subject in a list.
const SUBJECT: usize = 100;

/// What was in the inbox before the first start: how many mails, and the newest with when our mail
/// server took them.
pub(crate) fn earlier(all: u32, newest: &[(Timestamp, Sample)], project: &Project) -> Text {
    let zone = &project.policy.calendar.zone;
    let date = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%-d %b %Y");
    let item = |(received, Sample { from, subject }): &(Timestamp, Sample)| {
        let from = from.as_deref().unwrap_or("nobody that could be made out");
        format!("{}, {from}: {}", date(*received), clean_line(subject, SUBJECT))
    };
    let mails = if all == 1 { "1 mail was" } else { &format!("{all} mails were") };
    Text::desk("What was in the inbox before")
        .paragraph([always(format!(
            "{mails} in the inbox of {} when disclosed first looked into it.\n\
             Each is kept and listed, as \"earlier\": nobody was answered, and no promise runs on it.",
            project.name
        ))])
        .paragraph([content("The newest:")])
        .block(Said::Content, Form::List(Mark::Indent, newest.iter().map(item).collect()))
        .paragraph([always(
            "On the daemon's machine `disclosed inbox` lists all of them. `disclosed inbox --take N`\n\
             makes a ticket of one, and `disclosed ingest --earlier` takes them all in as if they had\n\
             just come, or with `--since 2027-01-01` those from that day on.",
        )])
}

/// More comes in than is told one by one.
pub(crate) fn all(project: &Project) -> Text {
    Text::desk("Too much mail to tell one by one")
        .paragraph([always(format!(
            "{} mails within an hour have made {} send something. That is the limit\n\
             (limits.automatic_per_hour), so for now new reports are filed without an\n\
             acknowledgement, and new mail without a notice each. Only some reports of new senders\n\
             whose domain vouches for them are still acknowledged, and told to you. Nothing is lost,\n\
             and the reminders before deadlines go on.",
            project.limits.automatic_per_hour, project.name
        ))])
        .paragraph([always("`disclosed list` shows the tickets; a reply to this mail with /list does too.")])
}

/// More comes in for one ticket than is told one by one.
pub(crate) fn of_ticket(ticket: &Ticket, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Much more mail", project, now)
        .paragraph([
            quiet("More mail comes in for it than is told one by one."),
            state(format!("More mail comes in for {number} than is told one by one.")),
            always(" All of it is filed with the\nticket"),
            state(format!(": `disclosed show {number}` shows it, and so does a reply with /status in part")),
            always(".\nAt most once an hour you hear of this again."),
        ])
        .commands(ticket)
}

/// Many reports at once, in one ticket.
pub(crate) fn many(ticket: &Ticket, members: u32, project: &Project, now: Timestamp) -> Text {
    Text::news(ticket, "Many reports at once", project, now)
        .line([
            always(format!(
                "{} new tickets were made within an hour, the most there may be\n(limits.reports_per_hour), so ",
                project.limits.reports_per_hour
            )),
            state(project.show(ticket.id)),
            quiet("this one"),
            always(format!(
                " stands for the reports that came on top: {members} so far.\n\
                 None of their senders was sent anything. Somebody must look through them, since one\n\
                 may be real: `disclosed inbox` lists them. Whoever writes again when this is over gets\n\
                 a ticket of their own.\n\
                 At most once an hour you hear of this again."
            )),
        ])
        .promises(ticket, project, now)
        .commands(ticket)
}

/// Mail that servers returned to the wrong address, gathered in one ticket: some of it, and how many came since the
/// last such notice.
pub(crate) fn returned(ticket: &Ticket, newest: &[Sample], all: usize, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    let items = items(newest, all);
    Text::news(ticket, "Returned mail", project, now)
        .line([
            always(
                "Much mail comes in that mail servers return, about mails that are none of ours:\n\
                 somebody uses this address as the sender of spam, most likely.",
            ),
            state(format!(
                " {number} gathers what\ncame on top of the first few within an hour, since you last heard of it: {all}."
            )),
        ])
        .block(Said::Content, Form::List(Mark::Quote, items))
        .paragraph([state(
            "If one of these is a report, `disclosed inbox --take N` on the daemon's machine makes a\n\
             ticket of it; `disclosed inbox` shows the numbers. At most once an hour you hear of\n\
             this again.",
        )])
        .promises(ticket, project, now)
        .commands(ticket)
}

/// Mail in the folder for junk, gathered in one ticket: some of it, and how much came since the last such notice.
pub(crate) fn junk(ticket: &Ticket, newest: &[Sample], all: usize, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Mail taken for junk", project, now)
        .line([
            always(
                "Your mail provider filed mail as junk. One of these may be a report, so somebody\n\
                 should look through them.",
            ),
            state(format!(" {number} gathers them; since you last heard of it: {all}.")),
        ])
        .block(Said::Content, Form::List(Mark::Quote, items(newest, all)))
        .paragraph([state(
            "Move a mail to the inbox, and it gets a ticket of its own and is acknowledged; or make one\n\
             with `disclosed inbox --take N` on the daemon's machine. None of the senders was sent\n\
             anything. At most once a day you hear of this again.",
        )])
        .promises(ticket, project, now)
        .commands(ticket)
}

/// A line for each, and how many more there are.
fn items(newest: &[Sample], all: usize) -> Vec<String> {
    let item = |Sample { from, subject }: &Sample| {
        format!("{}: {}", from.as_deref().unwrap_or("nobody"), clean_line(subject, SUBJECT))
    };
    let mut items: Vec<String> = newest.iter().map(item).collect();
    if all > items.len() {
        items.push(format!("… and {} more: `disclosed inbox` lists them.", all - newest.len()));
    }
    items
}
