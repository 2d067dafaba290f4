//! To the person who commanded: what was understood, what was done, or why nothing was.

use jiff::Timestamp;

use super::{clock_table, state_line, subject, when};
use crate::command;
use crate::project::Project;
use crate::ticket::{Ticket, TicketId};

/// All was done: each line with what it did, then the state.
pub fn done(ticket: &Ticket, lines: &[(String, String)], project: &Project, now: Timestamp) -> (String, String) {
    let body = format!("{}\n{}", done_lines(lines), status(ticket, project, now));
    (subject(project, ticket.id, "Done"), body)
}

/// The lines and what each did.
pub fn done_lines(lines: &[(String, String)]) -> String {
    lines.iter().map(|(line, did)| format!("> {line}\n{did}\n")).collect()
}

/// Nothing was done: the faulty line with a caret.
pub fn refused(
    ticket: Option<TicketId>,
    line: &str,
    column: Option<usize>,
    why: &str,
    project: &Project,
) -> (String, String) {
    let mut body = format!("Nothing was done.\n\n    {line}\n");
    if let Some(column) = column {
        body.push_str(&format!("    {}^\n", " ".repeat(column)));
    }
    body.push_str(&format!("{why}\n\nAll lines of a mail are done, or none. /help lists the commands.\n"));
    let what = "Nothing was done";
    (ticket.map_or(what.to_owned(), |t| subject(project, t, what)), body)
}

/// A grave command waits for its code.
pub fn code(ticket: TicketId, lines: &str, code: &str, until: Timestamp, project: &Project) -> (String, String) {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    let body = format!(
        "You asked on {} for what cannot be taken back:\n\n{quoted}\n\
         Nothing has been done yet. To do it, reply to this mail with this line, until\n{}:\n\n/confirm {code}\n\n\
         If you did not ask for it, somebody else can send mail in your name: tell your\n\
         team, and do not send the code.\n",
        project.show(ticket),
        when(until, &project.policy)
    );
    (subject(project, ticket, "Please confirm"), body)
}

/// A command of somebody else waits for this person's code.
pub fn code_of_second(
    ticket: TicketId,
    who: &str,
    lines: &str,
    code: &str,
    until: Timestamp,
    project: &Project,
) -> (String, String) {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    let body = format!(
        "{who} asked on {} for what takes two of you:\n\n{quoted}\n\
         Nothing has been done yet. If you agree, reply to this mail with this line, until\n{}:\n\n/confirm {code}\n\n\
         If you do not, do nothing. Ask {who} by another way first if you are not sure.\n",
        project.show(ticket),
        when(until, &project.policy)
    );
    (subject(project, ticket, "A second person is needed"), body)
}

/// To whoever asked: the others have been asked.
pub fn waits_for_second(ticket: TicketId, lines: &str, until: Timestamp, project: &Project) -> (String, String) {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    let body = format!(
        "You asked on {} for what takes two of you:\n\n{quoted}\n\
         Nothing has been done yet. The others have a code each; one of them has to send\n\
         it until {}.\n",
        project.show(ticket),
        when(until, &project.policy)
    );
    (subject(project, ticket, "Waiting for a second person"), body)
}

/// The commands.
pub fn help(project: &Project) -> (String, String) {
    let body = format!(
        "Reply to a mail about a ticket with commands on the first lines. The first line\n\
         that is none ends them; what stands below is the text. All lines are done, or\n\
         none. Without a command, your text is filed as a note of the team.\n\n{}",
        command::help(project)
    );
    (format!("Commands of {}'s security desk", project.name), body)
}

/// State and clocks of one ticket.
pub fn status(ticket: &Ticket, project: &Project, now: Timestamp) -> String {
    format!(
        "{}: {}\nReceived: {}.\n\nPromises:\n{}",
        project.show(ticket.id),
        state_line(ticket, project),
        when(ticket.received, &project.policy),
        clock_table(ticket, &project.policy, now)
    )
}
