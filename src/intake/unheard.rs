//! Nobody who holds their own token meets silence.

use super::disposition::{Disposition, Intake};
use super::given::Given;
use super::request;
use crate::command;
use crate::mail::automatic::Automatic;
use crate::mail::parts::ENCRYPTED;
use crate::mail::reply::is_command;
use crate::rules::decide::fresh;
use crate::rules::event::Event;
use crate::ticket::Actor;
use crate::vocabulary::{Address, TicketId, clean_line};

/// What became of a mail that bears a person's own token, where that was not what they may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The person hears what was not done, and why, at the registered address.
    Told {
        /// The address that is registered for whoever was given the token.
        to: Address,
        /// The ticket that the token names.
        ticket: TicketId,
        /// The first line that looks like a command and was not read as one.
        line: Option<String>,
        /// Why.
        why: String,
        /// What was done with the mail all the same.
        filed: &'static str,
    },
    /// A program wrote it by its own word, so nobody is answered. Its new text begins like a command: that is counted.
    Counted,
}

/// Whoever holds their own token is never met with silence. When a mail bears a valid token that was given to a person
/// for a ticket, then, unless it is ours, a bounce, a second copy, old, or automatic by its own word, that person hears at
/// the registered address what was not done and why: that the mail came another way, from another address, or with
/// nobody who vouches for it, and so was taken for a stranger's; that commands were not obeyed; that a line looks
/// like a command and was not read as one; or that what is encrypted could be one. Nothing is said where all was done.
pub(crate) fn unheard(given: &Given<'_>, intake: &Intake) -> Option<Unheard> {
    let Given { mail, project, .. } = given;
    let (person, ticket) = given.holder()?;
    // Answered apart.
    if matches!(intake.event, Some(Event::Requested(_) | Event::Confirmed(..))) {
        return None;
    }
    let ours = matches!(intake.disposition, Disposition::Own | Disposition::Bounce | Disposition::Duplicate);
    if ours || !fresh(given.received, given.now) {
        return None;
    }
    // What nobody has verified, and so is no reply text, is looked through too.
    let text = if mail.reply_text.is_empty() { &mail.text } else { &mail.reply_text };
    let automatic = given.automatic();
    if automatic.is_some_and(Automatic::by_own_word) {
        return text.trim_start().lines().next().is_some_and(is_command).then_some(Unheard::Counted);
    }
    // What was obeyed is no line that was not read.
    let (text, filed) = match &intake.event {
        Some(Event::Ordered(order)) if order.by == Actor::Person(person.address.clone()) => {
            (&order.orders.text, "The lines above it were read as commands, and answered apart.")
        }
        Some(Event::Ordered(_)) => return None,
        Some(Event::Attempted { .. }) => (text, "Nothing was done."),
        Some(Event::Wrote { .. }) => (text, "The mail is filed as your note."),
        Some(Event::FollowedUp(_)) => {
            (text, "It is filed with the ticket as the mail of a stranger; nothing was done.")
        }
        Some(_) | None => (text, "Nothing was done."),
    };
    let wrote = matches!(intake.event, Some(Event::Wrote { .. }));
    let line = text.lines().find(|l| is_command(l)).map(|l| clean_line(l, 200));
    let stranger = match (automatic, &mail.from) {
        (Some(why), _) => Some(format!("{}, and nothing in such mail is obeyed", why.words())),
        (None, Err(why)) => Some(format!("nobody can be told who sent it: {}", why.words())),
        (None, Ok(from)) if *from != person.address => Some(OTHER.to_owned()),
        (None, Ok(_)) if !person.commands() => Some("observers are told, and command nothing".to_owned()),
        (None, Ok(_)) => given.vouch().err(),
    };
    let why = match stranger {
        Some(why) => match request::grave(&command::split(text), project).filter(|_| project.code) {
            Some(line) => format!("{why}. {}", UNCODED.replace("<line>", &clean_line(line, 200))),
            None => why,
        },
        None if wrote && mail.problems.iter().any(|p| p == ENCRYPTED) => UNREAD.to_owned(),
        None if line.is_none() => return None,
        None if mail.signed => SIGNED.to_owned(),
        None if mail.reply_text.is_empty() => ATTACHED.to_owned(),
        None if mail.from_html => format!("{HTML_ONLY}.\n\n{AS_PLAIN}"),
        None => BELOW.to_owned(),
    };
    Some(Unheard::Told { to: person.address.clone(), ticket, line, why, filed })
}

const BELOW: &str = "it stands below other text: only the first lines of a mail are read as commands";
const UNCODED: &str = "No code is mailed\nfor it, since this takes more than that:\n\n    <line>\n\n\
                       Send it by a way that lets our mail server tell that it is from you, or have it\ndone on the \
                       daemon's machine, with `disclosed do`";
const UNREAD: &str = "the mail is encrypted, and whatever it says cannot be read here";
const OTHER: &str = "it came from another address than the one that is registered for you, and only that one commands";
const ATTACHED: &str = "it stands in an attached mail or text, or in a quotation";
const SIGNED: &str = "the mail is signed as one opaque piece (S/MIME), which is not verified here; sign so that the text \
                      stays readable beside the signature, or do not sign";
/// Why the commands of a person are not obeyed that came without plain text.
pub(super) const HTML_ONLY: &str = "it came as HTML only, and commands are read from plain text";
const AS_PLAIN: &str = "Send it again as plain text (Gmail: the three dots below the text, \"Plain text mode\";\n\
                        Outlook: a new mail, Format Text, \"Plain Text\", in the new Outlook the three dots above\n\
                        the text, \"Switch to plain text\")";
