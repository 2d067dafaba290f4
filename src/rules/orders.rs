//! Commands obeyed: all lines of a mail, or none.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::draft::{Answer, Draft};
use super::event::Order;
use crate::command::{self, Asked, Class, Command, Line, Orders, When};
use crate::notice::Notice;
use crate::notice::block::Obeyed;
use crate::notice::key::NoticeKey;
use crate::notice::leak::Hit;
use crate::notice::says::{About, Says};
use crate::notice::text::team::Did;
use crate::notice::text::{answer, reporter};
use crate::policy::Milestone;
use crate::policy::shown::{in_zones, when};
use crate::project::Person;
use crate::ticket::clock::clocks;
use crate::ticket::{Actor, Aspect, Embargo, EmbargoState, EntryKind, Fact, Pending, Status};
use crate::vocabulary::{Address, NoticeKind};

/// How long a one-time code is good for.
const CODE_GOOD: SignedDuration = SignedDuration::from_hours(1);
/// How long the code is good for that sends a text as it stands.
const SEND_GOOD: SignedDuration = SignedDuration::from_hours(24);
/// Octets of commands and text that can wait for a look.
const SEND_MAX: usize = 64 << 10;

/// Why nothing was done.
struct Refusal {
    line: String,
    column: Option<usize>,
    why: String,
}

impl Refusal {
    /// Of a line that could be read.
    fn of(line: &Line, why: String) -> Self {
        Self { line: line.written.clone(), column: None, why }
    }
}

/// The lines with what they ask for, or the first that cannot be read.
fn read(orders: &Orders) -> Result<Vec<(&Line, &Asked)>, Refusal> {
    let read = |line: &'_ Line| match &line.read {
        Ok(_) => Ok(()),
        Err(fault) => Err(Refusal { line: line.written.clone(), column: Some(fault.column), why: fault.what.clone() }),
    };
    orders.lines.iter().try_for_each(read)?;
    Ok(orders.lines.iter().filter_map(|line| Some((line, line.read.as_ref().ok()?))).collect())
}

/// Does all lines, or says why none was done.
pub(super) fn obey(draft: &mut Draft<'_>, order: &Order) {
    let before = (Arc::clone(&draft.ticket), std::mem::take(&mut draft.decision));
    draft.order = Some(draft.ticket.revision + 1);
    match all(draft, order) {
        Ok(done) => told(draft, order, done),
        Err(refusal) => {
            (draft.ticket, draft.decision) = before;
            if guesses(draft, order) {
                // One guess a code, or whoever can send mail in a person's name could try until it fits.
                draft.enter(&order.by, EntryKind::CodeWrong, "", order.mail);
                let who = name(draft, &order.by);
                draft.tell_team(person(&order.by), About::Change { who, did: Did::GuessedCode });
            }
            refuse(draft, order, refusal);
        }
    }
}

fn all(draft: &mut Draft<'_>, order: &Order) -> Result<Vec<Obeyed>, Refusal> {
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
        return confirm(draft, order, code, send).map_err(|why| Refusal::of(line, why));
    }
    // The code goes to the registered address of the person who asked; the command line is beyond all doubt.
    if let Actor::Person(person) = &order.by
        && lines.iter().any(|(_, asked)| draft.project.class(asked.verb) == Class::Grave)
    {
        // A command that cannot be done now is refused now, not after a code.
        overtaken(draft, order, &lines)?;
        let length = lines.iter().map(|(line, _)| line.written.len()).sum::<usize>() + order.orders.text.len();
        if let Some((line, _)) = lines.first().filter(|_| length > 1_500) {
            let why = "what needs a code takes at most 1,500 characters; send a longer text in a mail of its own";
            return Err(Refusal::of(line, why.into()));
        }
        let second = lines.iter().any(|(_, asked)| draft.project.needs_second(asked.verb));
        return Ok(ask_code(draft, order, person, second));
    }
    overtaken(draft, order, &lines)?;
    run(draft, order, &lines, false)
}

/// Whether somebody else changed, after the notice that these commands answer, what they would change: two people who
/// answer the same notice must not undo one another unseen.
fn overtaken(draft: &Draft<'_>, order: &Order, lines: &[(&Line, &Asked)]) -> Result<(), Refusal> {
    let Some(seen) = order.seen else { return Ok(()) };
    for (line, asked) in lines {
        let Some((seq, by)) = aspect(&asked.command).and_then(|a| draft.ticket.changed.get(&a)) else { continue };
        if *seq > seen && *by != order.by {
            let why = format!(
                "{} changed that after the mail that you answer was sent; answer the newest mail about {} if it \
                 still holds",
                name(draft, by),
                draft.project.show(draft.ticket.id)
            );
            return Err(Refusal::of(line, why));
        }
    }
    Ok(())
}

/// What a command changes.
fn aspect(command: &Command) -> Option<Aspect> {
    match command {
        Command::Valid
        | Command::Invalid(_)
        | Command::Accept
        | Command::Defer(_)
        | Command::Close(_)
        | Command::Reopen
        | Command::Spam => Some(Aspect::Status),
        Command::Severity(_) => Some(Aspect::Severity),
        Command::Assign(_) | Command::Claim | Command::Pass => Some(Aspect::Owner),
        Command::Embargo { .. } | Command::Lift(_) => Some(Aspect::Embargo),
        Command::Extend { promise, .. } => Some(Aspect::Deadline(promise.clone())),
        Command::Ack
        | Command::Reply
        | Command::Ask
        | Command::Resume
        | Command::Note
        | Command::Fix(_)
        | Command::Released(_)
        | Command::Exploited(_)
        | Command::Public(_)
        | Command::Credit(_)
        | Command::Done { .. }
        | Command::Confirm(_)
        | Command::Send(_)
        | Command::Status
        | Command::List
        | Command::Help => None,
    }
}

/// Does the lines; or nothing of them, and asks for a look, where what goes to the reporter may not be meant for them
/// and nobody has looked at it.
fn run(
    draft: &mut Draft<'_>,
    order: &Order,
    lines: &[(&Line, &Asked)],
    looked_at: bool,
) -> Result<Vec<Obeyed>, Refusal> {
    let before = (Arc::clone(&draft.ticket), draft.decision.clone());
    let mut done = Vec::new();
    let text = order.orders.text.as_str();
    let mut used = false;
    for (line, Asked { verb, command }) in lines {
        let takes = matches!(command, Command::Ack | Command::Reply | Command::Ask | Command::Note);
        if takes && used {
            let why = "two commands of this mail would take the text below them; send two mails".into();
            return Err(Refusal::of(line, why));
        }
        used |= takes;
        let did = one(draft, order, command, text);
        let did = did.map_err(|why| Refusal::of(line, why))?;
        done.push(Obeyed { line: line.written.clone(), verb: Some(verb.name), did });
    }
    if !used && !text.is_empty() {
        draft.enter(&order.by, EntryKind::Note, text, order.mail);
        let did = "written down as a note for the team".into();
        done.push(Obeyed { line: "(the text below)".into(), verb: None, did });
    }
    let leaves = lines.iter().filter_map(|(_, asked)| asked.command.sends(text)).collect::<Vec<_>>().join("\n\n");
    let hits = order.known.hits(&leaves, draft.key);
    if looked_at || hits.is_empty() || draft.ticket.reporter.is_none() {
        return Ok(done);
    }
    (draft.ticket, draft.decision) = before;
    ask_look(draft, order, &hits, &leaves)
}

/// One command. The words that come back say what it did.
fn one(draft: &mut Draft<'_>, order: &Order, command: &Command, text: &str) -> Result<String, String> {
    let by = &order.by;
    let name = name(draft, by);
    let reporter = if draft.ticket.reporter.is_some() {
        Ok(())
    } else {
        Err("this ticket has no reporter whom we could write to")
    };
    if command.sends(text).is_some_and(reporter::has_gap) {
        return Err("the draft still has its gap: put the date, or what holds it up, in place of the brackets".into());
    }
    let needs_text = |verb: &str| {
        if text.is_empty() { Err(format!("/{verb} needs a text below the commands")) } else { Ok(()) }
    };
    match command {
        Command::Ack => {
            draft.enter(by, EntryKind::Acknowledged, text, order.mail);
            draft.decision.answered = true;
            if reporter.is_err() {
                return Ok("recorded as answered; there is no address that we could write to".into());
            }
            draft.tell_reporter(About::Acknowledged { by: name, words: text.to_owned() });
            Ok("the reporter is told that a person has read the report".into())
        }
        Command::Reply | Command::Ask => {
            reporter?;
            needs_text(if *command == Command::Ask { "ask" } else { "reply" })?;
            draft.enter(by, EntryKind::Answered, text, order.mail);
            draft.decision.answered = true;
            draft.tell_reporter(About::Reply { by: name, words: text.to_owned() });
            if *command == Command::Reply && draft.ticket.paused_since().is_some() {
                draft.enter(by, EntryKind::Resumed, "", None);
                return Ok("the text is sent to the reporter, and the clocks that stood still run again".into());
            }
            if *command == Command::Ask {
                draft.enter(by, EntryKind::Paused, "", None);
                return Ok("the text is sent to the reporter, and the clocks that may pause stand still".into());
            }
            Ok("the text is sent to the reporter".into())
        }
        Command::Note => {
            needs_text("note")?;
            draft.enter(by, EntryKind::Note, text, order.mail);
            Ok("written down".into())
        }
        Command::Claim => match by {
            Actor::Person(address) => own(draft, by, Some(&address.clone())),
            Actor::Daemon | Actor::Local | Actor::Reporter | Actor::Stranger => {
                Err("only a person can claim a ticket; write /assign PERSON".into())
            }
        },
        Command::Assign(who) => {
            let address = find(&draft.project.people, who)?.address.clone();
            own(draft, by, Some(&address))
        }
        Command::Pass => own(draft, by, None),
        Command::Severity(to) => {
            draft.enter(by, EntryKind::Severity { to: *to }, "", order.mail);
            Ok(format!("severity is {to}"))
        }
        Command::Valid => go(draft, order, Status::Valid, ""),
        Command::Invalid(reason) => go(draft, order, Status::Invalid, reason),
        Command::Accept => go(draft, order, Status::Accepted, ""),
        Command::Defer(reason) => go(draft, order, Status::Deferred, reason),
        Command::Close(reason) => go(draft, order, Status::Closed, reason),
        Command::Reopen => {
            if draft.ticket.status != Status::Closed {
                return Err(format!("it is not closed, but {}", draft.ticket.status));
            }
            let to = draft.ticket.before_closed;
            draft.enter(by, EntryKind::Status { to }, "", order.mail);
            Ok(format!("open again, as {to}"))
        }
        Command::Spam => {
            draft.enter(by, EntryKind::Spam, "", order.mail);
            draft.decision.answered = true;
            Ok("closed as spam; no promise runs, and nobody is answered".into())
        }
        Command::Fix(note) => fact(draft, order, Fact::FixReady, note, None),
        Command::Released(version) => {
            fact(draft, order, Fact::FixReleased, version, Some(About::Released(version.clone())))
        }
        Command::Exploited(note) => fact(draft, order, Fact::Exploited, note, None),
        Command::Public(link) => fact(draft, order, Fact::Public, link, Some(About::Public(link.clone()))),
        Command::Extend { promise, to, reason } => extend(draft, order, promise, to, reason),
        Command::Embargo { propose, until, reason } => embargo(draft, order, *propose, until, reason),
        Command::Lift(reason) => lift(draft, order, reason),
        Command::Resume => {
            if draft.ticket.paused_since().is_none() {
                return Err("no clock stands still".into());
            }
            draft.enter(by, EntryKind::Resumed, "", order.mail);
            Ok("the clocks that stood still run again".into())
        }
        Command::Credit(name) => {
            draft.enter(by, EntryKind::Credit, name, order.mail);
            Ok("written down; nothing is sent".into())
        }
        Command::Done { promise, note } => done(draft, order, promise, note),
        // Each answer ends with it.
        Command::Status => Ok("as it stands:".into()),
        Command::Help => Ok(answer::commands(draft.project)),
        // All are handled before a line is run: codes alone, /list with what only the store knows.
        Command::Confirm(_) | Command::Send(_) | Command::List => Err("write it in a mail of its own".into()),
    }
}

fn own(draft: &mut Draft<'_>, by: &Actor, to: Option<&Address>) -> Result<String, String> {
    draft.enter_about(by, EntryKind::Owner, to.cloned(), "", None);
    Ok(match to {
        Some(to) => format!("{} owns it now", draft.project.name_of(to)),
        None => "the team owns it now".into(),
    })
}

fn find<'a>(people: &'a [Person], who: &str) -> Result<&'a Person, String> {
    let address = Address::parse(who);
    let is = |p: &&Person| p.name.eq_ignore_ascii_case(who) || address.as_ref() == Some(&p.address);
    let first = |p: &&Person| p.name.split_whitespace().next().is_some_and(|f| f.eq_ignore_ascii_case(who));
    let mut firsts = people.iter().filter(first);
    let by_first = || firsts.next().filter(|_| firsts.next().is_none());
    people.iter().find(is).or_else(by_first).ok_or_else(|| {
        let names: Vec<&str> = people.iter().map(|p| p.name.as_str()).collect();
        format!("{who:?} is nobody here; the people are: {}", names.join(", "))
    })
}

/// The ways that Vultron's report management model allows; from `received`, /accept and /defer judge it valid on
/// the way.
fn go(draft: &mut Draft<'_>, order: &Order, to: Status, reason: &str) -> Result<String, String> {
    use Status::{Accepted, Closed, Deferred, Invalid, Received, Valid};
    let from = draft.ticket.status;
    if from == to {
        return Err(format!("it is {to} already"));
    }
    match (from, to) {
        (Received, Valid | Invalid) | (Invalid, Valid | Closed) | (Valid, Accepted | Deferred) => {}
        (Accepted, Deferred | Closed) | (Deferred, Accepted | Closed) => {}
        // A second look may find that it is none after all.
        (Valid | Accepted | Deferred, Invalid) => {}
        (Received | Invalid, Accepted | Deferred) => {
            draft.enter(&order.by, EntryKind::Status { to: Valid }, "", order.mail);
        }
        (Received, Closed) => return Err("nobody has judged it yet: /invalid, /accept or /spam it first".into()),
        (Valid, Closed) => return Err("a valid report is not closed as it is: /accept or /defer it first".into()),
        (Closed, _) => return Err("it is closed; /reopen it first".into()),
        (_, Received) | (Valid, Valid) | (Invalid, Invalid) | (Accepted, Accepted | Valid) => {
            return Err(format!("it is {from}, and does not go back to {to}"));
        }
        (Deferred, Deferred | Valid) => return Err(format!("it is {from}, and does not go back to {to}")),
    }
    draft.enter(&order.by, EntryKind::Status { to }, reason, order.mail);
    Ok(format!("it is {to} now"))
}

fn fact(draft: &mut Draft<'_>, order: &Order, fact: Fact, note: &str, tell: Option<About>) -> Result<String, String> {
    let milestone = fact.milestone();
    if draft.ticket.milestones.contains_key(&milestone) {
        return Err(format!("{milestone} is recorded already"));
    }
    draft.enter(&order.by, EntryKind::Fact { fact }, note, order.mail);
    match tell {
        Some(about) if draft.ticket.reporter.is_some() => {
            draft.tell_reporter(about);
            Ok(format!("{milestone} is recorded, and the reporter is told"))
        }
        _ => Ok(format!("{milestone} is recorded")),
    }
}

fn extend(draft: &mut Draft<'_>, order: &Order, promise: &str, to: &When, reason: &str) -> Result<String, String> {
    let policy = &draft.project.policy;
    let all = clocks(&draft.ticket, policy, draft.now);
    let Some(clock) = all.iter().find(|c| c.promise.name == promise && c.live) else {
        let names: Vec<&str> = all.iter().filter(|c| c.live).map(|c| c.promise.name.as_str()).collect();
        return Err(format!("no promise {promise:?} runs here; those that do: {}", names.join(", ")));
    };
    if clock.promise.until == Milestone::Public && draft.ticket.embargo.as_ref().and_then(Embargo::holds).is_some() {
        return Err("that date is an embargo agreed on with the reporter: move it by /embargo".into());
    }
    let at = ahead(draft, to)?;
    let tells = clock.promise.until != Milestone::Done && draft.ticket.reporter.is_some();
    let until = clock.promise.until;
    draft.enter(&order.by, EntryKind::DeadlineMoved { promise: promise.to_owned(), to: at }, reason, order.mail);
    let date = when(at, policy);
    if !tells {
        return Ok(format!("{promise} ends {date} now"));
    }
    draft.tell_reporter(About::Moved { until, to: at });
    Ok(format!("{promise} ends {date} now; the reporter is told the date"))
}

/// The instant of a date that must lie ahead.
fn ahead(draft: &Draft<'_>, to: &When) -> Result<Timestamp, String> {
    let policy = &draft.project.policy;
    let at = to.instant(&policy.calendar);
    if at <= draft.now {
        return Err(format!("{} is over", when(at, policy)));
    }
    Ok(at)
}

/// Vultron's embargo management: a proposal leaves what was agreed on as it is, and nothing is agreed on any more once
/// it is public.
fn embargo(draft: &mut Draft<'_>, order: &Order, propose: bool, until: &When, reason: &str) -> Result<String, String> {
    if draft.ticket.milestones.contains_key(&Milestone::Public) {
        return Err("it is public already".into());
    }
    let at = ahead(draft, until)?;
    let policy = &draft.project.policy;
    let zone = until.zone().map(str::to_owned);
    let date = in_zones(at, zone.as_deref(), policy);
    let to = if propose { EmbargoState::Proposed } else { EmbargoState::Active };
    draft.enter(&order.by, EntryKind::Embargo { to, until: Some(at), zone: zone.clone() }, reason, order.mail);
    draft.tell_reporter(About::Embargo { proposed: propose, until: at, zone });
    let mut did = if propose {
        format!("an embargo until {date} is proposed; /embargo with that date makes it agreed on")
    } else {
        format!("the embargo lasts until {date}; no pause and no fix moves it")
    };
    if draft.ticket.reporter.is_some() {
        did.push_str(". The reporter is told");
    }
    if !policy.calendar.is_workday(policy.calendar.day(at)) {
        did.push_str(".\nMind that nobody works on that day");
    }
    if draft.ticket.milestones.contains_key(&Milestone::Exploited) {
        did.push_str(".\nMind that attacks are known: an embargo then keeps the users in the dark, not the attackers");
    }
    Ok(did)
}

fn lift(draft: &mut Draft<'_>, order: &Order, reason: &str) -> Result<String, String> {
    if draft.ticket.embargo.as_ref().is_none_or(|e| e.state == EmbargoState::Ended) {
        return Err("there is no embargo".into());
    }
    draft.enter(&order.by, EntryKind::Embargo { to: EmbargoState::Ended, until: None, zone: None }, reason, order.mail);
    draft.tell_reporter(About::EmbargoOver);
    Ok("the embargo is over".into())
}

fn done(draft: &mut Draft<'_>, order: &Order, promise: &str, note: &str) -> Result<String, String> {
    let policy = &draft.project.policy;
    let mut all = policy.promises.iter().filter(|p| p.until == Milestone::Done);
    if !all.clone().any(|p| p.name == promise) {
        let names: Vec<&str> = all.map(|p| p.name.as_str()).collect();
        return Err(if names.is_empty() {
            "the policy has no promise with until = \"done\"; the others are kept by what they name".into()
        } else {
            format!("{promise:?} is not kept by /done; those that are: {}", names.join(", "))
        });
    }
    let from = all.find(|p| p.name == promise).map_or(Milestone::Received, |p| p.from);
    if !draft.ticket.milestones.contains_key(&from) {
        return Err(format!("{promise} has not begun: it waits for {from}"));
    }
    if draft.ticket.done.contains_key(promise) {
        return Err(format!("{promise} is done already"));
    }
    draft.enter(&order.by, EntryKind::Done { promise: promise.to_owned() }, note, order.mail);
    Ok(format!("{promise} is kept"))
}

/// The code goes to whoever asked, or to all others who may command when a second person must agree.
fn ask_code(draft: &mut Draft<'_>, order: &Order, person: &Address, second: bool) -> Vec<Obeyed> {
    draft.enter(&order.by, EntryKind::CodeAsked { second, send: false }, &whole(order), order.mail);
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
    draft.decision.notices.push(reply(draft, order, person, says));
    Vec::new()
}

/// The orders as they are kept until their code comes.
fn whole(order: &Order) -> String {
    format!("{}\n\n{}", order.orders.written().join("\n"), order.orders.text).trim().to_owned()
}

/// Nothing leaves before whoever asked has looked at it: the code is for them alone.
fn ask_look(draft: &mut Draft<'_>, order: &Order, hits: &[Hit], leaves: &str) -> Result<Vec<Obeyed>, Refusal> {
    let asked = whole(order);
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
    if let Some(person) = person(&order.by) {
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

fn confirm(draft: &mut Draft<'_>, order: &Order, given: &str, send: bool) -> Result<Vec<Obeyed>, String> {
    let pending = draft.ticket.pending.clone().filter(|p| p.send == send);
    let pending = pending.ok_or(if send { "no text waits for a look" } else { "no command waits for a code" })?;
    if !confirms(&pending, &order.by) {
        return Err(if pending.second {
            "the command waits for the code of another person than whoever asked".into()
        } else {
            "the code is for whoever asked for it".into()
        });
    }
    if draft.now.duration_since(pending.at) > if send { SEND_GOOD } else { CODE_GOOD } {
        return Err("the code is too old; send the command again".into());
    }
    if !is_right(draft, &pending, &order.by, given) {
        return Err("that is not the code; send the command again to get another".into());
    }
    draft.enter(&order.by, EntryKind::CodeUsed, "", order.mail);
    let orders = command::split(&pending.lines);
    let asked = Order { by: pending.by.clone(), orders, ..order.clone() };
    let lines = read(&asked.orders).map_err(|r| r.why)?;
    overtaken(draft, &asked, &lines).map_err(|r| format!("{}: {}", r.line, r.why))?;
    let mut done = run(draft, &asked, &lines, send).map_err(|r| format!("{}: {}", r.line, r.why))?;
    if done.is_empty() && asked.by != order.by {
        let who = name(draft, &asked.by);
        let waits = |(line, asked): &(&Line, &Asked)| Obeyed {
            line: line.written.clone(),
            verb: Some(asked.verb.name),
            did: format!("waits for a look of {who}"),
        };
        done = lines.iter().map(waits).collect();
    }
    Ok(done)
}

/// Whether this actor may give the code: whoever asked, or any other person when a second must agree.
fn confirms(pending: &Pending, by: &Actor) -> bool {
    match by {
        Actor::Person(_) => (*by == pending.by) != pending.second,
        Actor::Local => *by == pending.by,
        Actor::Daemon | Actor::Reporter | Actor::Stranger => false,
    }
}

fn is_right(draft: &Draft<'_>, pending: &Pending, by: &Actor, given: &str) -> bool {
    with_code(draft, by, pending.seq, |parts| draft.key.is_code(given, parts))
}

/// Whether these orders give a wrong code for what their sender asked for.
fn guesses(draft: &Draft<'_>, order: &Order) -> bool {
    let Some(pending) = &draft.ticket.pending else { return false };
    let wrong = |given: &str| confirms(pending, &order.by) && !is_right(draft, pending, &order.by, given);
    order.orders.commands().any(|command| {
        let (Command::Confirm(given) | Command::Send(given)) = command else { return false };
        matches!(command, Command::Send(_)) == pending.send && wrong(given)
    })
}

fn name(draft: &Draft<'_>, by: &Actor) -> String {
    match by {
        Actor::Person(address) => draft.project.name_of(address).to_owned(),
        Actor::Local | Actor::Daemon | Actor::Reporter | Actor::Stranger => "A maintainer".into(),
    }
}

/// The person who did it, if it was one.
fn person(by: &Actor) -> Option<&Address> {
    if let Actor::Person(person) = by { Some(person) } else { None }
}

/// Answers whoever commanded, and tells the rest of the team what changed.
fn told(draft: &mut Draft<'_>, order: &Order, done: Vec<Obeyed>) {
    if done.is_empty() {
        return; // A code was asked for: its mail is the answer.
    }
    let to_reporter = |n: &&Notice| matches!(n.kind(), NoticeKind::Reply | NoticeKind::Update);
    let left = draft.decision.notices.iter().filter(to_reporter).map(|n| Arc::clone(&n.says)).collect();
    let says = draft.says(About::Done { lines: done.clone(), left });
    draft.decision.answer = Some(Answer { says: Arc::clone(&says), refused: false });
    let person = person(&order.by);
    if let Some(person) = person {
        let notice = reply(draft, order, person, says);
        draft.decision.notices.push(notice);
    }
    // What only reads leaves no entry, and nobody needs to hear of it.
    if !draft.decision.entries.is_empty() {
        let local = order.by == Actor::Local;
        let who = if local { "somebody at the daemon's machine".to_owned() } else { name(draft, &order.by) };
        let notes = draft.decision.entries.iter().filter(|e| e.kind == EntryKind::Note).filter_map(|e| e.text.clone());
        let did = Did::Commanded(done, notes.collect());
        draft.tell_team(person, About::Change { who, did });
    }
}

fn refuse(draft: &mut Draft<'_>, order: &Order, refusal: Refusal) {
    let Refusal { line, column, why } = refusal;
    let says = draft.says(About::Refused { line, column, why });
    draft.decision.answer = Some(Answer { says: Arc::clone(&says), refused: true });
    if let Some(person) = person(&order.by) {
        let notice = reply(draft, order, person, says);
        draft.decision.notices.push(notice);
    }
}

/// An answer stands for the mail that asked, so that the same mail is answered once.
fn reply(draft: &Draft<'_>, order: &Order, person: &Address, says: Arc<Says>) -> Notice {
    let mut notice = draft.notice(person, says);
    if let Some(mail) = order.mail {
        notice.keys = vec![NoticeKey::Answer(mail)];
    }
    notice.in_reply_to = order.reply_to.clone();
    notice
}
