//! To the team: a notice did not arrive.

use jiff::Timestamp;

use super::Text;
use crate::notice::block::{Quotation, always, content, instead, quiet, state};
use crate::notice::level::Said;
use crate::policy::shown::day;
use crate::project::Project;
use crate::ticket::Ticket;
use crate::vocabulary::{Address, Mailed};

/// What shows the mails of ours and what became of them.
const OUTBOX: &str = "disclosed outbox";
/// Characters of what a server said that a notice shows.
const REPLY: usize = 500;

/// A notice about a ticket: what it was, to whom it went, and whether only the recipient says that it was this one.
pub(crate) fn of_ticket(
    ticket: &Ticket,
    (notice, to, perhaps): (Mailed, &Address, bool),
    (since, reply): (Option<Timestamp>, &str),
    project: &Project,
    now: Timestamp,
) -> Text {
    let (title, did, was) = if perhaps {
        ("A mail may not have arrived", "may not have reached", "It may have been")
    } else {
        ("A mail did not arrive", "did not reach", "It was")
    };
    let who = match project.person(to) {
        _ if ticket.reporter.as_ref() == Some(to) => "the reporter",
        Some(person) => &person.name,
        None => "somebody who is no longer here",
    };
    Text::news(ticket, title, project, now)
        .paragraph([
            state(format!("A mail about {} {did} {who}", project.show(ticket.id))),
            content(format!(" ({})", to.as_str())),
            state(format!(".\n{was}: {}.{}", notice.word(), none_since(since, project))),
            content(" The mail server said:"),
        ])
        .block(Said::Content, Quotation::of(reply, REPLY, super::shown_by(ticket, project)))
        .line([state("Somebody should reach them another way.")])
}

/// That it is not the first mail that was lost so.
fn none_since(since: Option<Timestamp>, project: &Project) -> String {
    since.map_or(String::new(), |at| format!("\nNo mail has reached them since {}.", day(at, &project.policy)))
}

/// The notice of a report reached nobody of the team. Nothing of the report stands in it, nor what a server said, since
/// that may be what the notice was refused for.
pub(crate) fn unreached(ticket: &Ticket, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Nobody was mailed about a report", project, now)
        .paragraph([state(format!(
            "A report has arrived, and the mail about it reached nobody of the team: {number}."
        ))])
        .paragraph([state(format!(
            "Read it with `disclosed show {number}` on the daemon's machine. A filter in front of your\n\
             mailboxes may refuse mail that quotes what a report holds."
        ))])
        .line([quiet("The mail about a report reached nobody of the team.")])
}

/// A notice about no single ticket.
pub(crate) fn of_many(
    notice: Mailed,
    to: &Address,
    (since, reply): (Option<Timestamp>, &str),
    project: &Project,
) -> Text {
    Text::desk("A mail did not arrive")
        .shown_by(OUTBOX)
        .paragraph([
            always("A mail about several tickets did not reach "),
            content(format!("{} ({})", project.name_of(to), to.as_str())),
            instead(project.person(to).map_or("somebody who is no longer here", |p| &p.name)),
            quiet("one of you"),
            always(format!(".\nIt was: {}.{}", notice.word(), none_since(since, project))),
            content(" The mail server said:"),
        ])
        .block(Said::Content, Quotation::of(reply, REPLY, OUTBOX))
        .line([always(
            "Somebody should reach them another way. A reply to this mail with /list shows\n\
             all open tickets.",
        )])
}
