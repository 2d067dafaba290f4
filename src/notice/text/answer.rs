//! To the person who commanded: what was understood, what was done, or why nothing was.

use jiff::Timestamp;

use super::Text;
use crate::command::{self, Line};
use crate::notice::block::{
    Block, Faulty, Form, Mark, Obeyed, Quotation, Usage, always, content, instead, quiet, state,
};
use crate::notice::leak::Hit;
use crate::notice::level::Said;
use crate::notice::plain;
use crate::notice::says::Request;
use crate::notice::standing::{clock_rows, state_line};
use crate::policy::shown::when;
use crate::project::Project;
use crate::ticket::Ticket;

/// All was done: each line with what it did, then what left for the reporter and the state.
pub(crate) fn done(
    ticket: &Ticket,
    lines: &[Obeyed],
    left: impl Iterator<Item = String>,
    project: &Project,
    now: Timestamp,
) -> Text {
    let mut text = Text::answer(ticket, "Done", project)
        .block(Said::Always, Form::Obeyed(lines.to_vec()))
        .with_deadlines(ticket, project, now);
    for body in left {
        text = text.paragraph([content("This left for the reporter:")]).block(Said::Content, Quotation::whole(&body));
    }
    text.and(status(ticket, project, now))
}

/// State and clocks of one ticket.
pub fn status(ticket: &Ticket, project: &Project, now: Timestamp) -> [Block; 2] {
    let (number, received) = (project.show(ticket.id), when(ticket.received, &project.policy));
    let line = format!("{number}: {}\nReceived: {received}.", state_line(ticket, project));
    let clocks = Form::Clocks(clock_rows(ticket, &project.policy, now));
    [Block::paragraph([state(line)]), Block { said: Said::State, apart: true, form: clocks }]
}

/// Nothing was done: the faulty line with a caret.
pub(crate) fn refused(ticket: &Ticket, line: &str, column: Option<usize>, why: &str, project: &Project) -> Text {
    refusal(Text::answer(ticket, REFUSED, project), line, column, why)
}

/// The same for commands in a mail about no ticket.
pub(crate) fn no_ticket(line: &str) -> Text {
    let why = "this mail answers no notice about a ticket; reply to one of its notices";
    refusal(Text::desk(REFUSED), line, None, why)
}

const REFUSED: &str = "Nothing was done";

fn refusal(text: Text, line: &str, column: Option<usize>, why: &str) -> Text {
    text.line([always("Nothing was done.")])
        .block(Said::Always, Form::Faulty(Faulty { line: line.to_owned(), column }))
        .line([always(why)])
        .paragraph([always("All lines of a mail are done, or none. /help lists the commands.")])
}

/// To the person whose own reply address a mail bears: what was not done with it, and why.
pub(crate) fn unheard(ticket: &Ticket, line: Option<&str>, why: &str, filed: &str, project: &Project) -> Text {
    let mut text = Text::answer(ticket, "Not done", project);
    text = match line {
        Some(line) => text
            .line([always("A line of a mail that bears your reply address was not read as a command:")])
            .block(Said::Always, Form::Faulty(Faulty { line: line.to_owned(), column: None })),
        None => text.line([always("A mail that bears your reply address was not taken for yours.")]),
    };
    text.paragraph([always(format!("{filed}\nWhy: {why}."))]).paragraph([always("/help lists the commands.")])
}

/// A grave command waits for its code.
pub(crate) fn code(ticket: &Ticket, lines: &[String], code: &str, until: Timestamp, project: &Project) -> Text {
    Text::answer(ticket, "Please confirm", project)
        .line([
            state(format!("You asked on {} for what cannot be taken back:", project.show(ticket.id))),
            quiet("You asked for what cannot be taken back:"),
        ])
        .block(Said::Always, commands_of(lines))
        .paragraph([always(format!(
            "Nothing has been done yet. To do it, reply to this mail with this line, until\n{}:",
            when(until, &project.policy)
        ))])
        .block(Said::Always, Form::Draft(format!("/confirm {code}")))
        .paragraph([always(
            "If you did not ask for it, somebody else can send mail in your name: tell your\n\
             team, and do not send the code.",
        )])
}

/// Commands that nobody vouches for wait for a code. No line of this is one that confirms, so that a program which
/// sends all of it back does not.
pub(crate) fn request(ticket: &Ticket, asked: &Request, leaves: Vec<String>, project: &Project) -> Text {
    let Request { from, lines, text, code, until, .. } = asked;
    let usage = |line: &Line| {
        let about = line.read.as_ref().map_or("", |asked| asked.verb.about);
        Usage { command: line.written.clone(), about: about.to_owned() }
    };
    let from = from.as_ref().map(|from| content(format!(" It came from {}.", from.as_str())));
    let notice = Text::answer(ticket, "Is this from you?", project)
        .line([
            state(format!("A mail with your reply address asks for this on {}:", project.show(ticket.id))),
            quiet("A mail with your reply address asks for this:"),
        ])
        .block(Said::Always, Form::Usage(USAGE, lines.iter().map(usage).collect()))
        .paragraph([always("Nobody vouches that you wrote it, so nothing has been done.")].into_iter().chain(from));
    let quote = |said, what: &str, text: &str| {
        let form = Quotation::whole(text);
        [Block { said, ..Block::paragraph([always(what)]) }, Block { said, apart: true, form }]
    };
    let leaving = leaves.iter().flat_map(|body| quote(Said::Content, "This would leave for the reporter:", body));
    // What stands in that need not stand there twice; but whoever confirms sees all of it, at each level.
    let twice = leaves.iter().any(|body| body.contains(text));
    let said: &[Said] = if twice { &[Said::Instead, Said::Quiet] } else { &[Said::Always] };
    let below = said.iter().filter(|_| !text.is_empty());
    notice
        .and(leaving)
        .and(below.flat_map(|said| quote(*said, "The text below the commands:", text)))
        .paragraph([always(format!(
            "If it is from you and all of it is meant so, the code is {code}.\n\
             Reply to this mail with the command /confirm and the code behind it, until\n{}.",
            when(*until, &project.policy)
        ))])
        .paragraph([always(
            "If it is not, somebody else has your reply address: tell your team, and do not\n\
             send the code.",
        )])
}

fn commands_of(lines: &[String]) -> Form {
    Form::List(Mark::Indent, lines.iter().filter(|l| l.starts_with('/')).cloned().collect())
}

/// A text waits for a look before it goes to the reporter: which lines, and all of it as it would leave.
pub(crate) fn look(ticket: &Ticket, hits: &[Hit], text: &str, code: &str, until: Timestamp, project: &Project) -> Text {
    let lines = hits.iter().map(|hit| format!("{}\n    {}", hit.line, hit.why)).collect();
    let left_out = "The lines and the text are those of your mail; this one does not repeat them.";
    Text::answer(ticket, "Nothing was sent", project)
        .line([always("Nothing was done or sent. What was to go to the reporter may not be meant for them.")])
        .block(Said::Content, Form::List(Mark::Quote, lines))
        .paragraph([content("The whole text, as it would leave:")])
        .block(Said::Content, Quotation::whole(text))
        .line([instead(left_out), quiet(left_out)])
        .paragraph([always(format!(
            "To change it, send your commands again with another text. To send it as it stands,\n\
             reply to this mail with this line, until\n{}:",
            when(until, &project.policy)
        ))])
        .block(Said::Always, Form::Draft(format!("/send {code}")))
}

/// A command of somebody else waits for this person's code.
pub(crate) fn code_of_second(
    ticket: &Ticket,
    who: &str,
    lines: &[String],
    code: &str,
    until: Timestamp,
    project: &Project,
) -> Text {
    // The reader did not write these lines, so their arguments are content; without them nobody can agree.
    let verbs: Vec<&str> =
        lines.iter().filter_map(|l| l.split_whitespace().next()).filter(|w| w.starts_with('/')).collect();
    let verbs = || Form::List(Mark::Indent, vec![verbs.join(" ")]);
    Text::answer(ticket, "A second person is needed", project)
        .line([
            state(format!("{who} asked on {} for what takes two of you:", project.show(ticket.id))),
            quiet(format!("{who} asked for what takes two of you:")),
        ])
        .block(Said::Content, commands_of(lines))
        .block(Said::Instead, verbs())
        .block(Said::Quiet, verbs())
        .paragraph([always(format!(
            "Nothing has been done yet. If you agree, reply to this mail with this line, until\n{}:",
            when(until, &project.policy)
        ))])
        .block(Said::Always, Form::Draft(format!("/confirm {code}")))
        .paragraph([always(format!("If you do not, do nothing. Ask {who} by another way first if you are not sure."))])
}

/// To whoever asked: the others have been asked.
pub(crate) fn waits_for_second(ticket: &Ticket, lines: &[String], until: Timestamp, project: &Project) -> Text {
    Text::answer(ticket, "Waiting for a second person", project)
        .line([
            state(format!("You asked on {} for what takes two of you:", project.show(ticket.id))),
            quiet("You asked for what takes two of you:"),
        ])
        .block(Said::Always, commands_of(lines))
        .paragraph([always(format!(
            "Nothing has been done yet. The others have a code each; one of them has to send\nit until {}.",
            when(until, &project.policy)
        ))])
}

/// The commands.
pub(crate) fn help(project: &Project) -> Text {
    Text::desk(format!("Commands of {}'s security desk", project.name))
        .paragraph([always(
            "Reply to a mail about a ticket with commands on the first lines. The first line\n\
             that is none ends them; what stands below is the text. All lines are done, or\n\
             none. Without a command, your text is filed as a note of the team.",
        )])
        .and([table(project)])
}

/// The table of commands as text, a line each.
pub(crate) fn commands(project: &Project) -> String {
    plain::body(&[table(project)])
}

/// Characters of the longest command in the table that moves its column.
const USAGE: usize = 28;

fn table(project: &Project) -> Block {
    let usage = |v: &command::Verb| {
        let code = match (project.class(v), project.needs_second(v)) {
            (command::Class::Grave, false) => " (asks for a code)",
            (command::Class::Grave, true) => " (asks another person for a code)",
            (command::Class::Ask | command::Class::Read | command::Class::Act, _) => "",
        };
        let command = format!("/{} {}", v.name, v.arguments).trim_end().to_owned();
        Usage { command, about: format!("{}{code}", v.about) }
    };
    let form = Form::Usage(USAGE, command::verbs().map(usage).collect());
    Block { said: Said::Always, apart: true, form }
}
