//! One-time codes: what is grave, or may not be meant for the reporter, waits for one.

use super::answering::{Refusal, answer_to, person_of};
use super::draft::{Answer, Draft};
use super::event::Order;
use crate::command::{self, Command};
use crate::notice::block::Obeyed;
use crate::notice::leak::Hit;
use crate::notice::says::About;
use crate::project::Person;
use crate::ticket::{Actor, EntryKind, Pending};
use crate::vocabulary::Address;
use jiff::SignedDuration;
use std::sync::Arc;

/// How long a one-time code is good for.
const CODE_GOOD: SignedDuration = SignedDuration::from_hours(1);

/// How long the code is good for that sends a text as it stands.
const SEND_GOOD: SignedDuration = SignedDuration::from_hours(24);

/// Octets of commands and text that can wait for a look.
const SEND_MAX: usize = 64 << 10;

/// The code goes to whoever asked, or to all others who may command when a second person must agree.
pub(super) fn ask_code(draft: &mut Draft<'_>, order: &Order, person: &Address, second: bool) -> Vec<Obeyed> {
    draft.enter(&order.by, EntryKind::CodeAsked { second, send: false }, &as_kept(order), order.mail);
    let lines: Vec<String> = order.orders.lines.iter().map(|l| l.written.clone()).collect();
    let until = draft.now.checked_add(CODE_GOOD).unwrap_or(draft.now);
    let project = draft.project;
    if !second {
        let code = with_code(draft, &order.by, draft.ticket.revision, |parts| draft.key.code(parts));
        let mut notice = draft.notice(person, draft.says(About::Code { lines, code, until }));
        notice.in_reply_to = order.reply_to.clone();
        draft.decision.notices.push(notice);
        return Vec::new();
    }
    let who = project.name_of(person).to_owned();
    for other in project.responsible().filter(|p| p.address != *person) {
        let other_by = Actor::Person(other.address.clone());
        let code = with_code(draft, &other_by, draft.ticket.revision, |parts| draft.key.code(parts));
        let says = draft.says(About::CodeOfSecond { who: who.clone(), lines: lines.clone(), code, until });
        draft.decision.notices.push(draft.notice(&other.address, says));
    }
    let says = draft.says(About::WaitsForSecond { lines, until });
    draft.decision.notices.push(answer_to(draft, order, person, says));
    Vec::new()
}

/// The orders as they are kept until their code comes.
fn as_kept(order: &Order) -> String {
    format!("{}\n\n{}", order.orders.written().join("\n"), order.orders.text).trim().to_owned()
}

/// Nothing leaves before whoever asked has looked at it: the code is for them alone.
pub(super) fn ask_look(
    draft: &mut Draft<'_>,
    order: &Order,
    hits: &[Hit],
    leaves: &str,
) -> Result<Vec<Obeyed>, Refusal> {
    let asked = as_kept(order);
    if asked.len() > SEND_MAX || command::split(&asked) != order.orders {
        let Hit { line, why } = hits.first().cloned().unwrap_or_else(|| Hit { line: String::new(), why: "" });
        let why = format!("this line {why}, and a text of this length can only be sent without such lines");
        return Err(Refusal { line, column: None, why });
    }
    draft.enter(&order.by, EntryKind::CodeAsked { second: false, send: true }, &asked, order.mail);
    let code = with_code(draft, &order.by, draft.ticket.revision, |parts| draft.key.code(parts));
    let until = draft.now.checked_add(SEND_GOOD).unwrap_or(draft.now);
    let says = draft.says(About::Look { hits: hits.to_vec(), text: leaves.to_owned(), code, until });
    draft.decision.answer = Some(Answer { says: Arc::clone(&says), refused: true });
    if let Some(person) = person_of(&order.by) {
        let mut notice = draft.notice(person, says);
        notice.in_reply_to = order.reply_to.clone();
        draft.decision.notices.push(notice);
    }
    Ok(Vec::new())
}

/// Bound to the ticket, the person and the entry that asked, and through it to the lines.
fn with_code<T>(draft: &Draft<'_>, by: &Actor, seq: u32, then: impl FnOnce(&[&[u8]]) -> T) -> T {
    let ticket = draft.ticket.id.0.to_be_bytes();
    let key = if let Actor::Person(person) = by { person.key() } else { String::new() };
    then(&[&ticket, key.as_bytes(), &seq.to_be_bytes()])
}

/// The orders that a code lets be done, if it is the right one, in time and from whoever may give it.
pub(super) fn confirmed(draft: &mut Draft<'_>, order: &Order, given: &str, send: bool) -> Result<Order, String> {
    let pending = draft.ticket.pending.clone().filter(|p| p.send == send);
    let pending = pending.ok_or(if send { "no text waits for a look" } else { "no command waits for a code" })?;
    if !confirms(&pending, &order.by) {
        return Err(if pending.second {
            "the command waits for the code of another person than whoever asked".into()
        } else {
            "the code is for whoever asked for it".into()
        });
    }
    // Whoever asked may have left the project since.
    if let Actor::Person(person) = &pending.by
        && !draft.project.person(person).is_some_and(Person::commands)
    {
        return Err("whoever asked for it may not command any more".into());
    }
    if draft.now.duration_since(pending.at) > if send { SEND_GOOD } else { CODE_GOOD } {
        return Err("the code is too old; send the command again".into());
    }
    if !is_right(draft, &pending, &order.by, given) {
        return Err("that is not the code; send the command again to get another".into());
    }
    draft.enter(&order.by, EntryKind::CodeUsed, "", order.mail);
    Ok(Order { by: pending.by, orders: command::split(&pending.lines), ..order.clone() })
}

/// Whether this actor may give the code: whoever asked, or any other person when a second must agree.
fn confirms(pending: &Pending, by: &Actor) -> bool {
    match by {
        Actor::Person(_) => (*by == pending.by) != pending.second,
        // Whoever may sit there may be anybody.
        Actor::Local(_) => pending.by.kind() == by.kind(),
        Actor::Daemon | Actor::Reporter | Actor::Stranger => false,
    }
}

fn is_right(draft: &Draft<'_>, pending: &Pending, by: &Actor, given: &str) -> bool {
    with_code(draft, by, pending.seq, |parts| draft.key.is_code(given, parts))
}

/// Whether these orders give a wrong code for what their sender asked for.
pub(super) fn guesses(draft: &Draft<'_>, order: &Order) -> bool {
    let Some(pending) = &draft.ticket.pending else { return false };
    let wrong = |given: &str| confirms(pending, &order.by) && !is_right(draft, pending, &order.by, given);
    order.orders.commands().any(|command| {
        let (Command::Confirm(given) | Command::Send(given)) = command else { return false };
        matches!(command, Command::Send(_)) == pending.send && wrong(given)
    })
}
