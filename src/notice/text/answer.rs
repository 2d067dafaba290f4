//! To the person who commanded: what was understood, what was done, or why nothing was.

use jiff::Timestamp;

use super::level::Text;
use super::{clock_table, done_lines, quoted, state_line};
use crate::command;
use crate::notice::leak::Hit;
use crate::policy::shown::when;
use crate::project::Project;
use crate::ticket::Ticket;
use crate::vocabulary::TicketId;

/// All was done: each line with what it did, then the state.
/// `left` is what the reporter got.
pub fn done(ticket: &Ticket, lines: &[(String, String)], left: &[&str], project: &Project, now: Timestamp) -> Text {
    let left = left.iter().map(|body| format!("\nThis left for the reporter:\n\n{}", quoted(body, usize::MAX)));
    Text::answer(Some(ticket.id), "Done", project)
        .quiet("\n")
        .always(done_lines(lines))
        .content(left.collect::<String>())
        .state(format!("\n{}", status(ticket, project, now)))
        .clocks(ticket, project, now)
}

/// Nothing was done: the faulty line with a caret.
pub fn refused(ticket: Option<TicketId>, line: &str, column: Option<usize>, why: &str, project: &Project) -> Text {
    let mut body = format!("Nothing was done.\n\n    {line}\n");
    if let Some(column) = column {
        body.push_str(&format!("    {}^\n", " ".repeat(column)));
    }
    body.push_str(&format!("{why}\n\nAll lines of a mail are done, or none. /help lists the commands.\n"));
    Text::answer(ticket, "Nothing was done", project).always(body)
}

/// To the person whose own reply address a mail bears: what was not done with it, and why.
pub fn unheard(ticket: TicketId, line: Option<&str>, why: &str, filed: &str, project: &Project) -> Text {
    let (what, line) = match line {
        Some(line) => {
            ("A line of a mail that bears your reply address was not read as a command:", format!("    {line}\n\n"))
        }
        None => ("A mail that bears your reply address was not taken for yours.", String::new()),
    };
    let body = format!("{what}\n\n{line}Why: {why}.\n\n{filed}\n\n/help lists the commands.\n");
    Text::answer(Some(ticket), "Not done", project).always(body)
}

/// A grave command waits for its code.
pub fn code(ticket: TicketId, lines: &str, code: &str, until: Timestamp, project: &Project) -> Text {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    Text::answer(Some(ticket), "Please confirm", project)
        .state(format!("You asked on {} for what cannot be taken back:\n\n", project.show(ticket)))
        .quiet("You asked for what cannot be taken back:\n\n")
        .always(format!(
            "{quoted}\n\
             Nothing has been done yet. To do it, reply to this mail with this line, until\n{}:\n\n/confirm {code}\n\n\
             If you did not ask for it, somebody else can send mail in your name: tell your\n\
             team, and do not send the code.\n",
            when(until, &project.policy)
        ))
}

/// A text waits for a look before it goes to the reporter: which lines, and all of it as it would leave.
pub fn look(ticket: TicketId, hits: &[Hit], text: &str, code: &str, until: Timestamp, project: &Project) -> Text {
    let lines: String = hits.iter().map(|hit| format!("| {}\n    {}\n", hit.line, hit.why)).collect();
    let left_out = "The lines and the text are those of your mail; this one does not repeat them.\n";
    Text::answer(Some(ticket), "Nothing was sent", project)
        .always("Nothing was done or sent. What was to go to the reporter may not be meant for them.\n")
        .content(format!("\n{lines}\nThe whole text, as it would leave:\n\n{}", quoted(text, usize::MAX)))
        .instead(left_out)
        .quiet(left_out)
        .always(format!(
            "\nTo change it, send your commands again with another text. To send it as it stands,\n\
             reply to this mail with this line, until\n{}:\n\n/send {code}\n",
            when(until, &project.policy)
        ))
}

/// A command of somebody else waits for this person's code.
pub fn code_of_second(
    ticket: TicketId,
    who: &str,
    lines: &str,
    code: &str,
    until: Timestamp,
    project: &Project,
) -> Text {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    // The reader did not write these lines, so their arguments are content; without them nobody can agree.
    let verbs: String = lines
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .filter(|w| w.starts_with('/'))
        .collect::<Vec<_>>()
        .join(" ");
    Text::answer(Some(ticket), "A second person is needed", project)
        .state(format!("{who} asked on {} for what takes two of you:\n\n", project.show(ticket)))
        .quiet(format!("{who} asked for what takes two of you:\n\n"))
        .content(quoted)
        .instead(format!("  {verbs}\n"))
        .quiet(format!("  {verbs}\n"))
        .always(format!(
            "\nNothing has been done yet. If you agree, reply to this mail with this line, until\n{}:\n\n\
             /confirm {code}\n\n\
             If you do not, do nothing. Ask {who} by another way first if you are not sure.\n",
            when(until, &project.policy)
        ))
}

/// To whoever asked: the others have been asked.
pub fn waits_for_second(ticket: TicketId, lines: &str, until: Timestamp, project: &Project) -> Text {
    let quoted: String = lines.lines().filter(|l| l.starts_with('/')).map(|l| format!("  {l}\n")).collect();
    Text::answer(Some(ticket), "Waiting for a second person", project)
        .state(format!("You asked on {} for what takes two of you:\n\n", project.show(ticket)))
        .quiet("You asked for what takes two of you:\n\n")
        .always(format!(
            "{quoted}\nNothing has been done yet. The others have a code each; one of them has to send\n\
             it until {}.\n",
            when(until, &project.policy)
        ))
}

/// The commands.
pub fn help(project: &Project) -> Text {
    Text::desk(format!("Commands of {}'s security desk", project.name)).always(format!(
        "Reply to a mail about a ticket with commands on the first lines. The first line\n\
         that is none ends them; what stands below is the text. All lines are done, or\n\
         none. Without a command, your text is filed as a note of the team.\n\n{}",
        commands(project)
    ))
}

/// The table as text, a line each, for the help mail.
pub fn commands(project: &Project) -> String {
    let usage = |v: &command::Verb| format!("/{} {}", v.name, v.arguments).trim_end().to_owned();
    let width = command::verbs().map(|v| usage(v).chars().count()).max().unwrap_or(0).min(28);
    let line = |v: &command::Verb| {
        let code = match (project.class(v), project.needs_second(v)) {
            (command::Class::Grave, false) => " (asks for a code)",
            (command::Class::Grave, true) => " (asks another person for a code)",
            (command::Class::Ask | command::Class::Read | command::Class::Act, _) => "",
        };
        format!("  {:width$}  {}{code}\n", usage(v), v.about)
    };
    command::verbs().map(line).collect()
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
