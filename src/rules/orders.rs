//! Commands obeyed: all lines of a mail, or none.

use std::sync::Arc;

use super::answering::{Refusal, answer_to, name_of_actor, person_of};
use super::codes::{ask_code, ask_look, confirmed, guesses};
use super::draft::{Answer, Draft};
use super::endings::endings;
use super::event::Order;
use super::verbs::{aspect, do_one};
use crate::command::{self, Asked, Class, Command, Line, Orders};
use crate::notice::Notice;
use crate::notice::block::Obeyed;
use crate::notice::says::About;
use crate::notice::text::team::{Contents, Did};
use crate::ticket::kinds::who;
use crate::ticket::{Actor, Aspect, EntryKind};
use crate::vocabulary::NoticeKind;

/// The lines with what they ask for, or the first that cannot be read.
fn read(orders: &Orders) -> Result<Vec<(&Line, &Asked)>, Refusal> {
    let read = |line: &'_ Line| match &line.read {
        Ok(_) => Ok(()),
        Err(fault) => Err(Refusal { line: line.written.clone(), column: Some(fault.column), why: fault.what.clone() }),
    };
    orders.lines.iter().try_for_each(read)?;
    Ok(orders.lines.iter().filter_map(|line| Some((line, line.read.as_ref().ok()?))).collect())
}

/// What was done.
struct Done {
    /// The lines with what each did; none where they wait for a code.
    lines: Vec<Obeyed>,
    /// The text below them.
    words: String,
}

/// Does all lines, or says why none was done.
pub(super) fn obey(draft: &mut Draft<'_>, order: &Order) {
    let before = (Arc::clone(&draft.ticket), std::mem::take(&mut draft.decision));
    draft.order = Some(draft.ticket.revision + 1);
    match do_all(draft, order) {
        Ok(done) => tell_what_was_done(draft, order, done),
        Err(refusal) => {
            (draft.ticket, draft.decision) = before;
            if guesses(draft, order) {
                // One guess a code, or whoever can send mail in a person's name could try until it fits.
                draft.enter(&order.by, EntryKind::CodeWrong, "", order.mail);
                let who = name_of_actor(draft, &order.by);
                draft.tell_team(person_of(&order.by), About::Change { who, did: Did::GuessedCode });
            }
            tell_refusal(draft, order, refusal);
        }
    }
}

fn do_all(draft: &mut Draft<'_>, order: &Order) -> Result<Done, Refusal> {
    if let Some(last) = order.orders.lines.last().filter(|_| order.orders.lines.len() > command::LINES_MAX) {
        return Err(Refusal::of(last, format!("a mail holds at most {} commands", command::LINES_MAX)));
    }
    let lines = read(&order.orders)?;
    for (line, asked) in &lines {
        let (Command::Confirm(code) | Command::Send(code)) = &asked.command else { continue };
        if lines.len() > 1 {
            return Err(Refusal::of(line, format!("/{} stands alone", asked.verb.name)));
        }
        let send = matches!(asked.command, Command::Send(_));
        return do_confirmed(draft, order, code, send).map_err(|why| Refusal::of(line, why));
    }
    // The code goes to the registered address of the person who asked; the command line is beyond all doubt.
    if let Actor::Person(person) = &order.by
        && lines.iter().any(|(_, asked)| draft.project.class(asked.verb) == Class::Grave)
    {
        if let Some((line, _)) = lines.first().filter(|_| !order.warrant.grave) {
            let why = "this needs a mail whose To is signed, or that our own mail server vouches for: your provider's \
                       signature does not say to whom the mail was sent";
            return Err(Refusal::of(line, why.into()));
        }
        // A command that cannot be done now is refused now, not after a code.
        overtaken(draft, order, &lines)?;
        let length = lines.iter().map(|(line, _)| line.written.len()).sum::<usize>() + order.orders.text.len();
        if let Some((line, _)) = lines.first().filter(|_| length > 1_500) {
            let why = "what needs a code takes at most 1,500 characters; send a longer text in a mail of its own";
            return Err(Refusal::of(line, why.into()));
        }
        let second = lines.iter().any(|(_, asked)| draft.project.needs_second(asked.verb));
        return Ok(Done { lines: ask_code(draft, order, person, second), words: String::new() });
    }
    overtaken(draft, order, &lines)?;
    run(draft, order, &lines, false)
}

/// Whether somebody else changed, after the notice that these commands answer, what they would change: two people who
/// answer the same notice must not undo one another unseen. Where no signature is spent, these may be old words that
/// come once more: then whoever gave them before must look first, at the refusal, which shows the ticket as it is now.
fn overtaken(draft: &Draft<'_>, order: &Order, lines: &[(&Line, &Asked)]) -> Result<(), Refusal> {
    let changes = |(_, asked): &&(&Line, &Asked)| asked.verb.class != Class::Read;
    if let Some((line, _)) = lines.iter().find(changes).filter(|_| order.repeated && !order.warrant.signed) {
        let why = "you wrote the same in answer to the same mail before, and no signature shows that this is not a copy \
                   of it; answer this mail if you mean it once more";
        return Err(Refusal::of(line, why.into()));
    }
    let Some(seen) = order.seen else { return Ok(()) };
    for (line, asked) in lines {
        let Some((seq, by)) = aspect(&asked.command).and_then(|a| draft.ticket.changed.get(&a)) else { continue };
        if *seq > seen && (*by != order.by || !order.warrant.signed) {
            // Without the number: some people's notices may not say it.
            let why = format!(
                "{} changed that after the mail that you answer was sent; answer the newest mail about this ticket if \
                 it still holds",
                if *by == order.by { "you".to_owned() } else { name_of_actor(draft, by) }
            );
            return Err(Refusal::of(line, why));
        }
    }
    Ok(())
}

/// Does the lines; or nothing of them, and asks for a look, where what goes to the reporter may not be meant for them
/// and nobody has looked at it.
fn run(draft: &mut Draft<'_>, order: &Order, lines: &[(&Line, &Asked)], looked_at: bool) -> Result<Done, Refusal> {
    let before = (Arc::clone(&draft.ticket), draft.decision.clone());
    let mut done: Vec<Obeyed> = Vec::new();
    let below = order.orders.text.as_str();
    let (mut used, mut judged) = (false, 0);
    for (line, Asked { verb, command }) in lines {
        let text = order.orders.text_for(command);
        if command.takes_text() && used {
            let why = "two commands of this mail would take the text below them; send two mails".into();
            return Err(Refusal::of(line, why));
        }
        used |= command.takes_text() || !text.is_empty();
        let did = do_one(draft, order, command, text);
        let did = did.map_err(|why| Refusal::of(line, why))?;
        if aspect(command) == Some(Aspect::Status) {
            judged = done.len();
        }
        done.push(Obeyed { line: line.written.clone(), verb: Some(verb.name), did });
    }
    if let (Some(says), Some(line)) = (endings(&before.0, draft), done.get_mut(judged)) {
        line.did = format!("{}.\n{says}", line.did);
    }
    if !used && !below.is_empty() {
        draft.enter(&order.by, EntryKind::Note, below, order.mail);
        let did = "written down as a note for the team".into();
        done.push(Obeyed { line: "(the text below)".into(), verb: None, did });
    }
    let leaves = order.orders.sends().collect::<Vec<_>>().join("\n\n");
    let hits = order.known.hits(&leaves, draft.key);
    if looked_at || hits.is_empty() || draft.ticket.reporter.is_none() {
        return Ok(Done { lines: done, words: below.to_owned() });
    }
    (draft.ticket, draft.decision) = before;
    Ok(Done { lines: ask_look(draft, order, &hits, &leaves)?, words: String::new() })
}

/// Does what waited for a code.
fn do_confirmed(draft: &mut Draft<'_>, order: &Order, code: &str, send: bool) -> Result<Done, String> {
    let asked = confirmed(draft, order, code, send)?;
    let lines = read(&asked.orders).map_err(|r| r.why)?;
    overtaken(draft, &asked, &lines).map_err(|r| format!("{}: {}", r.line, r.why))?;
    let mut done = run(draft, &asked, &lines, send).map_err(|r| format!("{}: {}", r.line, r.why))?;
    if done.lines.is_empty() && asked.by != order.by {
        let who = name_of_actor(draft, &asked.by);
        let waits = |(line, asked): &(&Line, &Asked)| Obeyed {
            line: line.written.clone(),
            verb: Some(asked.verb.name),
            did: format!("waits for a look of {who}"),
        };
        done.lines = lines.iter().map(waits).collect();
    }
    Ok(done)
}

/// Answers whoever commanded, and tells the rest of the team what changed.
fn tell_what_was_done(draft: &mut Draft<'_>, order: &Order, Done { lines, words }: Done) {
    if lines.is_empty() {
        return; // A code was asked for: its mail is the answer.
    }
    let to_reporter = |n: &&Notice| matches!(n.kind(), NoticeKind::Reply | NoticeKind::Update);
    let left = draft.decision.notices.iter().filter(to_reporter).map(|n| Arc::clone(&n.says)).collect();
    let says = draft.says(About::Done { lines: lines.clone(), left });
    draft.decision.answer = Some(Answer { says: Arc::clone(&says), refused: false });
    let person = person_of(&order.by);
    if let Some(person) = person {
        let notice = answer_to(draft, order, person, says);
        draft.decision.notices.push(notice);
    }
    // What only reads leaves no entry, and nobody needs to hear of it.
    if !draft.decision.entries.is_empty() {
        let who = who(&order.by, draft.project);
        let below = Contents { text: words, attachments: order.attachments.clone(), ..Contents::default() };
        draft.tell_team(person, About::Change { who, did: Did::Commanded(lines, below) });
    }
}

fn tell_refusal(draft: &mut Draft<'_>, order: &Order, refusal: Refusal) {
    let Refusal { line, column, why } = refusal;
    let says = draft.says(About::Refused { line, column, why });
    draft.decision.answer = Some(Answer { says: Arc::clone(&says), refused: true });
    if let Some(person) = person_of(&order.by) {
        let notice = answer_to(draft, order, person, says);
        draft.decision.notices.push(notice);
    }
}
