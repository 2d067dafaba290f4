//! The code as the way out, where nobody vouches for a person's commands.
//!
//! Nothing is done then. The person to whom the token of the mail was given is asked, at the registered address and
//! nowhere else: the commands as understood, all that would leave, and a code. Whoever sends that code with the token of
//! that very notice reads this mailbox, and is believed to be the person, whatever address the mail has and whoever
//! vouches for it. That is less than a signature: it never does what is grave.
//!
//! A request stands apart from its ticket. Whoever got hold of a token leaves no state there by it, and can bring about
//! no more than a few mails to the owner of the token.

use super::disposition::{Disposition, Intake};
use super::given::Given;
use super::standing::NOT_OBEYED;
use crate::command::{Asked, Class, Command, Line, Orders};
use crate::mail::automatic::Automatic;
use crate::mail::identity::Verdict;
use crate::notice::leak;
use crate::project::Project;
use crate::rules::decide::fresh;
use crate::rules::event::{Event, Order, Warrant};
use crate::ticket::Actor;

/// Octets of text below the commands that a code is mailed for: all of it stands in that mail.
const TEXT_MAX: usize = 64 << 10;

/// The code, with the token of the notice that it was mailed in.
pub(super) fn confirmed(given: &Given<'_>) -> Option<Intake> {
    let notice = given.claims.token.filter(|_| given.known.requested)?.notice;
    let order = in_the_name(given)?;
    code(&order.orders)?;
    command(given, "the code of commands that nobody vouched for".into(), Event::Confirmed(order, notice))
}

/// Commands that are not obeyed, for want of somebody who vouches and of nothing else.
pub(super) fn asked(given: &Given<'_>) -> Option<Intake> {
    let Given { mail, received, identity, known, project, now, .. } = given;
    let order = order(given)?;
    let from = mail.from.as_ref().ok()?;
    // What reporters write is a part of the ticket, whatever address they found.
    let of_reporter =
        order.by != Actor::Person(from.clone()) && known.token_ticket.as_ref() == Some(&Some(from.clone()));
    // A way of the operator's that is vouched for breaks what it passes on.
    let way = given.through.filter(|t| t.vouched);
    let forged = identity.forged() && way.is_none() || given.through.is_some_and(|t| t.forged);
    if !project.code
        || identity.verdict == Verdict::Spent
        || !known.may_ask
        || of_reporter
        || forged
        || !fresh(*received, *now)
    {
        return None;
    }
    let why = given.vouch().err().or(given.automatic().map(|why| why.words().into()));
    let why = why.unwrap_or_else(|| "it came from another address than theirs".into());
    command(given, format!("{NOT_OBEYED} yet, its person was written to: {why}"), Event::Requested(order))
}

/// Of what a person wrote, as far as can be seen.
fn command(given: &Given<'_>, reason: String, event: Event) -> Option<Intake> {
    let ticket = Some(given.holder()?.1);
    let written = !given.automatic().is_some_and(Automatic::by_own_word);
    written.then_some(Intake { disposition: Disposition::Command, reason, ticket, event: Some(event) })
}

/// What a mail commands in the name of the person of its token, if a code can let that be done. Whoever sent it and
/// whoever vouches for it is no part of this: the mail says the same when it is read again for its code.
pub(crate) fn order(given: &Given<'_>) -> Option<Order> {
    let order = in_the_name(given).filter(|order| order.orders.text.len() <= TEXT_MAX)?;
    let of_code = |asked: &Asked| matches!(asked.command, Command::Confirm(_) | Command::Send(_));
    let lines = &order.orders.lines;
    let can = !lines.is_empty() && lines.iter().all(|line| line.read.as_ref().is_ok_and(|asked| !of_code(asked)));
    (can && grave(&order.orders, given.project).is_none()).then_some(order)
}

/// The plain commands of a mail as those of whoever its token was given to.
fn in_the_name(given: &Given<'_>) -> Option<Order> {
    let Given { mail, stored, known, .. } = given;
    let (person, _) = given.holder().filter(|(person, _)| person.commands())?;
    if mail.from_html {
        return None;
    }
    Some(Order {
        by: Actor::Person(person.address.clone()),
        orders: given.orders(),
        mail: Some(*stored),
        // Of these, whoever gives the code has seen nothing.
        attachments: Vec::new(),
        reply_to: mail.message_id.clone(),
        seen: known.seen.map(|seen| seen.min(known.seen_at.unwrap_or(u32::MAX))),
        answers: given.claims.token.map(|token| token.notice),
        repeated: false,
        warrant: Warrant { grave: false, signed: false },
        known: leak::Known::default(),
        hold: None,
    })
}

/// The code in a mail that holds one and no other command.
pub(crate) fn code(orders: &Orders) -> Option<&str> {
    let [Line { read: Ok(Asked { command: Command::Confirm(code), .. }), .. }] = orders.lines.as_slice() else {
        return None;
    };
    Some(code)
}

/// The first of some commands that takes more than somebody who reads the person's mailbox.
pub(super) fn grave<'o>(orders: &'o Orders, project: &Project) -> Option<&'o str> {
    let is_grave = |line: &&Line| line.read.as_ref().is_ok_and(|asked| project.class(asked.verb) == Class::Grave);
    orders.lines.iter().find(is_grave).map(|line| line.written.as_str())
}
