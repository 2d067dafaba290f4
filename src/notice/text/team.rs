//! To the team: news of a ticket, and what one of them did.

use jiff::Timestamp;

use super::report::{EXCERPT, attached, facts, held, held_counted};
use super::{Text, shown_by};
use crate::mail::Attachment;
use crate::mail::enclosed::Enclosed;
use crate::notice::block::{Block, Fact, Form, Mark, Obeyed, Quotation, always, content, instead, quiet, state};
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
    /// What it holds.
    pub contents: Contents,
}

/// What a mail holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its text.
    pub text: String,
    /// Lines of it that look quoted, and were left out.
    pub folded: usize,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// What was odd about it; that it is encrypted, too.
    pub problems: Vec<String>,
    /// The mails that are attached to it.
    pub mails: Vec<Enclosed>,
}

impl Contents {
    fn blocks(&self, ticket: &Ticket, project: &Project) -> impl Iterator<Item = Block> {
        let Self { text, folded, attachments, problems, mails } = self;
        let shown_by = shown_by(ticket, project);
        let within: Vec<Block> = mails.iter().flat_map(|inner| attached(inner, text, &shown_by)).collect();
        let text = Quotation { text: text.clone(), max: EXCERPT, folded: *folded, shown_by };
        let text = Block { said: Said::Content, apart: true, form: Form::Quotation(text) };
        let held = facts(Said::Content, held(attachments, problems));
        let counted = facts(Said::Instead, held_counted(attachments, problems));
        held.into_iter().chain(counted).chain([text]).chain(within)
    }
}

/// What one of the team did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// They wrote to the reporter past the daemon, or a note.
    Wrote {
        /// Whether the reporter got it.
        to_reporter: bool,
        /// Their mail.
        contents: Contents,
    },
    /// They commanded: the lines, and what their mail holds below them.
    Commanded(Vec<Obeyed>, Contents),
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
        text = text.block(Said::Content, Quotation::of(excerpt, EXCERPT, shown_by(ticket, project)));
    }
    text.promises(ticket, project, now).commands(ticket)
}

/// More mail for a ticket.
pub(crate) fn follow_up(ticket: &Ticket, mail: &MoreMail, project: &Project, now: Timestamp) -> Text {
    let MoreMail { by, who, holder, contents } = mail;
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
        .and(contents.blocks(ticket, project))
        .promises(ticket, project, now)
        .commands(ticket)
}

/// What one of the team did. Without the arguments of commands, what they did stands in the state.
pub(crate) fn change(ticket: &Ticket, who: &str, did: &Did, project: &Project, now: Timestamp) -> Text {
    let text = Text::news(ticket, &format!("Changed by {who}"), project, now)
        .paragraph([state(format!("{who}, on {}:", project.show(ticket.id)))]);
    let ours = |text: Text, words: &str| text.paragraph([state(words)]);
    let text = match did {
        Did::Wrote { to_reporter, contents } => {
            let did = if *to_reporter { "answered the reporter" } else { "wrote a note" };
            text.paragraph([content(format!("{did}:")), instead(format!("{did}."))])
                .and(contents.blocks(ticket, project))
        }
        Did::Commanded(lines, below) => {
            let verb = |line: &Obeyed| line.verb.map_or("(a text)".to_owned(), |verb| format!("/{verb}"));
            text.block(Said::Content, Form::Obeyed(lines.clone()))
                .and(below.blocks(ticket, project).map(|block| Block { apart: false, ..block }))
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

/// Somebody tried to command and may not. `sender` is the name of the person whom somebody vouches for as its sender,
/// `holder` that of the person whose own reply address the mail bears.
pub(crate) fn attempt(
    ticket: &Ticket,
    from: Option<&Address>,
    (sender, holder): (Option<&str>, Option<&str>),
    why: &str,
    project: &Project,
    now: Timestamp,
) -> Text {
    let number = project.show(ticket.id);
    let from = from.map_or("nobody that could be made out", Address::as_str);
    let who = match (sender, holder) {
        (Some(sender), _) => sender.to_owned(),
        (None, Some(holder)) => format!("Somebody with the reply address of {holder}"),
        (None, None) => "Somebody".to_owned(),
    };
    let told = holder.map_or("nobody has been answered".to_owned(), |holder| format!("{holder} has been told why"));
    let mut text = Text::news(ticket, "Commands refused", project, now)
        .paragraph([state(format!("{who} sent commands for {number}. Nothing was done, and {told}."))])
        .block(Said::Content, Form::Head(vec![Fact::new("From", from), Fact::new("Why", why)]));
    if sender.is_none() {
        text = text.paragraph([state(format!(
            "If it was one of you, `disclosed do {number} \"/…\"` on the daemon's machine always works."
        ))]);
    }
    text
}
