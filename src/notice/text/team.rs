//! To the team: news of a ticket, and what one of them did.

use jiff::Timestamp;

use super::Text;
use super::report::EXCERPT;
use crate::notice::block::{
    Block, Fact, Folded, Form, Mark, Obeyed, Quotation, always, content, instead, quiet, state,
};
use crate::notice::level::Said;
use crate::notice::standing::state_line;
use crate::project::Project;
use crate::ticket::{Actor, Ticket};
use crate::vocabulary::Address;

/// More mail for a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreMail {
    /// What its sender is to the ticket.
    pub by: Actor,
    /// Who they seem to be.
    pub who: String,
    /// The name of the person whose own reply address it bears.
    pub holder: Option<String>,
    /// Its beginning.
    pub excerpt: String,
    /// Lines of it that look quoted, and were left out.
    pub folded: usize,
}

/// What one of the team did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// They wrote to the reporter past the daemon, or a note: these words, and so many lines that look quoted.
    Wrote {
        /// Whether the reporter got it.
        to_reporter: bool,
        /// The words.
        words: String,
        /// Lines that were left out.
        folded: usize,
    },
    /// They commanded: the lines, and the notes below them.
    Commanded(Vec<Obeyed>, Vec<String>),
    /// They sent a wrong code.
    GuessedCode,
    /// They erased what is held about people in it.
    Erased,
}

/// A second copy of a report says more of its sender than the first did.
pub(crate) fn copied(ticket: &Ticket, sent: bool, excerpt: &str, project: &Project, now: Timestamp) -> Text {
    let sent = if sent { "\nThe sender has been sent an automatic acknowledgement." } else { "" };
    let mut text = Text::news(ticket, "A person wrote it", project, now).line([
        state(format!("A second copy of the mail of {}", project.show(ticket.id))),
        quiet("A second copy of its mail"),
        always(format!(" shows that a person wrote it.{sent}")),
    ]);
    if !excerpt.is_empty() {
        text = text.block(Said::Content, Quotation::of(excerpt, EXCERPT));
    }
    text.promises(ticket, project, now).commands(ticket)
}

/// More mail for a ticket.
pub(crate) fn follow_up(ticket: &Ticket, mail: &MoreMail, project: &Project, now: Timestamp) -> Text {
    let MoreMail { by, who, holder, excerpt, folded } = mail;
    let role = match (by, holder) {
        (Actor::Stranger, Some(name)) => format!("somebody with the reply address of {name}"),
        (Actor::Reporter, _) => "the reporter, or somebody at the reporter's address".into(),
        (Actor::Stranger, None) => {
            "somebody who is not the reporter and holds an address that we gave out for this ticket".into()
        }
        (Actor::Person(_) | Actor::Local(_) | Actor::Daemon, _) => "one of you".into(),
    };
    let who = holder.as_ref().map_or(who.clone(), |name| format!("{who}, with the reply address of {name}"));
    Text::news(ticket, "More mail", project, now)
        .paragraph([
            state(format!("More mail for {}, from ", project.show(ticket.id))),
            content(who),
            instead(role),
            state(format!(".\n{}", state_line(ticket, project))),
        ])
        .block(Said::Content, excerpt_of(excerpt, EXCERPT, *folded, ticket, project))
        .promises(ticket, project, now)
        .commands(ticket)
}

fn excerpt_of(text: &str, max: usize, folded: usize, ticket: &Ticket, project: &Project) -> Form {
    let folded = Some(Folded { lines: folded, number: project.show(ticket.id) });
    Form::Quotation(Quotation { text: text.to_owned(), max, folded })
}

/// Characters of a person's words that their colleagues are shown.
const WORDS: usize = 2_000;

/// What one of the team did. Without the arguments of commands, what they did stands in the state.
pub(crate) fn change(ticket: &Ticket, who: &str, did: &Did, project: &Project, now: Timestamp) -> Text {
    let text = Text::news(ticket, &format!("Changed by {who}"), project, now)
        .paragraph([state(format!("{who}, on {}:", project.show(ticket.id)))]);
    let ours = |text: Text, words: &str| text.paragraph([content(words), instead(words)]);
    let text = match did {
        Did::Wrote { to_reporter, words, folded } => {
            let did = if *to_reporter { "answered the reporter" } else { "wrote a note" };
            text.paragraph([content(format!("{did}:")), instead(format!("{did}."))])
                .block(Said::Content, excerpt_of(words, WORDS, *folded, ticket, project))
        }
        Did::Commanded(lines, notes) => {
            let verb = |line: &Obeyed| line.verb.map_or("(a text)".to_owned(), |verb| format!("/{verb}"));
            let notes = notes.iter().map(|note| Quotation::of(note, EXCERPT));
            let notes = notes.map(|form| Block { said: Said::Content, apart: true, form });
            text.block(Said::Content, Form::Obeyed(lines.clone()))
                .and(notes)
                .block(Said::Instead, Form::List(Mark::Order, lines.iter().map(verb).collect()))
        }
        Did::GuessedCode => ours(text, "sent a wrong code; the command that waited for it is dropped."),
        Did::Erased => ours(
            text,
            "erased the addresses of strangers, the texts and the mails of this ticket here.\n\
             The mailbox, backups and what you got by mail still hold them.",
        ),
    };
    text.paragraph([state(state_line(ticket, project))]).promises(ticket, project, now).commands(ticket)
}

/// Somebody tried to command and may not. `holder` is the name of the person whose own reply address the mail bears.
pub(crate) fn attempt(
    ticket: &Ticket,
    from: Option<&Address>,
    holder: Option<&str>,
    why: &str,
    project: &Project,
    now: Timestamp,
) -> Text {
    let number = project.show(ticket.id);
    let from = from.map_or("nobody that could be made out", Address::as_str);
    let answered = match holder {
        Some(name) => format!(".\nIt bears the reply address of {name}, who is told why"),
        None => ", and not answered".to_owned(),
    };
    Text::news(ticket, "Commands refused", project, now)
        .paragraph([state(format!("A mail with commands for {number} was not obeyed{answered}."))])
        .block(Said::Content, Form::Head(vec![Fact::new("From", from), Fact::new("Why", why)]))
        .paragraph([state(format!(
            "If it was one of you, `disclosed do {number} \"/…\"` on the daemon's machine always works."
        ))])
}
