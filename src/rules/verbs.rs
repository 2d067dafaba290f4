//! What each command does to a ticket.

use super::answering::name_of_actor;
use super::draft::Draft;
use super::endings::running;
use super::event::Order;
use crate::command::{Command, When};
use crate::notice::says::About;
use crate::notice::standing::depends_on_severity;
use crate::notice::text::{answer, reporter};
use crate::policy::Milestone;
use crate::policy::shown::{in_zones, when};
use crate::ticket::clock::clocks;
use crate::ticket::{Acknowledgement, Aspect, Embargo, EmbargoState, EntryKind, Fact, Status};
use crate::vocabulary::Address;
use jiff::Timestamp;

/// One command. The words that come back say what it did.
pub(super) fn do_one(draft: &mut Draft<'_>, order: &Order, command: &Command, text: &str) -> Result<String, String> {
    let by = &order.by;
    let name = name_of_actor(draft, by);
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
            let asks = *command == Command::Ask;
            draft.tell_reporter(About::Reply { by: name, words: text.to_owned(), asks });
            if *command == Command::Reply && draft.ticket.paused_since().is_some() {
                draft.enter(by, EntryKind::Resumed, "", order.mail);
                return Ok("the text is sent to the reporter, and the clocks that stood still run again".into());
            }
            if *command == Command::Ask {
                draft.enter(by, EntryKind::Paused, "", order.mail);
                return Ok("the text is sent to the reporter, and the clocks that may pause stand still".into());
            }
            Ok("the text is sent to the reporter".into())
        }
        Command::Note => {
            needs_text("note")?;
            draft.enter(by, EntryKind::Note, text, order.mail);
            Ok("written down".into())
        }
        Command::Reporter(address) => set_reporter(draft, order, address),
        Command::Claim => match by.person() {
            Some(address) => give_to(draft, order, Some(address)),
            None => Err("only a person can claim a ticket; write /assign PERSON, or say who you are by --as".into()),
        },
        Command::Assign(who) => {
            let address = draft.project.person_named(who)?.address.clone();
            give_to(draft, order, Some(&address))
        }
        Command::Pass => give_to(draft, order, None),
        Command::Severity(to) => {
            draft.enter(by, EntryKind::Severity { to: *to }, "", order.mail);
            Ok(format!("severity is {to}"))
        }
        Command::Valid => change_status(draft, order, Status::Valid, ""),
        Command::Invalid(reason) => change_status(draft, order, Status::Invalid, reason),
        Command::Accept => change_status(draft, order, Status::Accepted, ""),
        Command::Defer(reason) => change_status(draft, order, Status::Deferred, reason),
        Command::Close { unpublished, reason } => close(draft, order, *unpublished, reason),
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
            Ok("closed as spam; nobody is answered".into())
        }
        Command::Fix(note) => record_fact(draft, order, Fact::FixReady, note, None),
        Command::Released(version) => {
            record_fact(draft, order, Fact::FixReleased, version, Some(About::Released(version.clone())))
        }
        Command::Exploited(note) => record_fact(draft, order, Fact::Exploited, note, None),
        Command::Public(link) => record_fact(draft, order, Fact::Public, link, Some(About::Public(link.clone()))),
        Command::Extend { promise, to, reason } => move_deadline(draft, order, promise, to, (reason, text)),
        Command::Embargo { propose, until, reason } => set_embargo(draft, order, *propose, until, reason),
        Command::Lift(reason) => lift_embargo(draft, order, reason),
        Command::Resume => {
            if draft.ticket.paused_since().is_none() {
                return Err("no clock stands still".into());
            }
            draft.enter(by, EntryKind::Resumed, "", order.mail);
            Ok("the clocks that stood still run again".into())
        }
        Command::Credit(name) => {
            draft.enter(by, EntryKind::Credit, name, order.mail);
            Ok("written down; the reporter sees it with the news of a fixed version and of publication".into())
        }
        Command::Done { promise, note } => keep_promise(draft, order, promise, note),
        // Each answer ends with it.
        Command::Status => Ok("as it stands:".into()),
        Command::Help => Ok(answer::commands(draft.project)),
        // All are handled before a line is run: codes alone, /list with what only the store knows.
        Command::Confirm(_) | Command::Send(_) | Command::List => Err("write it in a mail of its own".into()),
    }
}

/// Whoever is named is answered from now on, and gets the acknowledgement that a report gets.
fn set_reporter(draft: &mut Draft<'_>, order: &Order, to: &Address) -> Result<String, String> {
    let (project, address) = (draft.project, to.as_str());
    if project.is_ours(to) {
        return Err(format!("{address} is the project's own address"));
    }
    if let Some(person) = project.person(to) {
        return Err(format!("{address} is {}, who hears of it as one of you", person.name));
    }
    if draft.ticket.reporter.as_ref() == Some(to) {
        return Err(format!("{address} is the reporter already"));
    }
    if draft.ticket.status == Status::Closed {
        return Err("it is closed; /reopen it first".into());
    }
    if draft.decision.entries.iter().any(|e| e.kind == EntryKind::Reporter) {
        return Err("a line above names another reporter".into());
    }
    let earlier = if draft.ticket.reporter.is_some() { "\nThe earlier one is no party any more." } else { "" };
    draft.enter_about(&order.by, EntryKind::Reporter, Some(to.clone()), "", order.mail);
    let (outcome, why) = match &order.hold {
        Some(why) => (Acknowledgement::Held, why.as_str()),
        None => (Acknowledgement::Sent, ""),
    };
    draft.acknowledge(outcome, why, Vec::new());
    let acknowledged = match &order.hold {
        Some(why) => format!(".\nThe acknowledgement is HELD: {why}. /ack answers."),
        None => ", and is sent the acknowledgement.".to_owned(),
    };
    Ok(format!("{address} is the reporter now{acknowledged}{earlier}"))
}

fn give_to(draft: &mut Draft<'_>, order: &Order, to: Option<&Address>) -> Result<String, String> {
    draft.enter_about(&order.by, EntryKind::Owner, to.cloned(), "", order.mail);
    Ok(match to {
        Some(to) => format!("{} owns it now", draft.project.name_of(to)),
        None => "the team owns it now".into(),
    })
}

/// The ways that Vultron's report management model allows; from `received`, /accept and /defer judge it valid on
/// the way.
fn change_status(draft: &mut Draft<'_>, order: &Order, to: Status, reason: &str) -> Result<String, String> {
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

/// What was taken on and is not public is closed by whoever says so twice: its users would never hear of it.
fn close(draft: &mut Draft<'_>, order: &Order, unpublished: bool, reason: &str) -> Result<String, String> {
    let is_public = draft.ticket.milestones.contains_key(&Milestone::Public);
    if draft.ticket.status == Status::Accepted && !is_public && !unpublished {
        let runs: Vec<String> = running(&draft.ticket, draft).map(|(_, shown)| shown).collect();
        let runs = if runs.is_empty() { String::new() } else { format!("These promises run: {}.\n", runs.join(", ")) };
        return Err(format!(
            "it is accepted, and nothing of it is public.\n{runs}/public LINK says that it is. To close it all the same: \
             /close unpublished REASON"
        ));
    }
    change_status(draft, order, Status::Closed, reason)
}

fn record_fact(
    draft: &mut Draft<'_>,
    order: &Order,
    fact: Fact,
    note: &str,
    tell: Option<About>,
) -> Result<String, String> {
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

fn move_deadline(
    draft: &mut Draft<'_>,
    order: &Order,
    promise: &str,
    to: &When,
    (reason, text): (&str, &str),
) -> Result<String, String> {
    if reason.is_empty() && text.is_empty() {
        return Err("this needs a reason: after the date for the team alone, or below the line for the reporter".into());
    }
    let policy = &draft.project.policy;
    let all = clocks(&draft.ticket, policy, draft.now);
    let Some(clock) = all.iter().find(|c| c.promise.name == promise && c.live) else {
        let names: Vec<&str> = all.iter().filter(|c| c.live).map(|c| c.promise.name.as_str()).collect();
        return Err(format!("no promise {promise:?} runs here; those that do: {}", names.join(", ")));
    };
    if clock.promise.until == Milestone::Public && draft.ticket.embargo.as_ref().and_then(Embargo::holds).is_some() {
        return Err("that date is an embargo agreed on with the reporter: move it by /embargo".into());
    }
    let at = date_ahead(draft, to)?;
    let tells = clock.promise.until != Milestone::Done && draft.ticket.reporter.is_some();
    let until = clock.promise.until;
    // What hangs on the severity they were told without a date.
    let from = Some(clock.deadline).filter(|_| !depends_on_severity(clock.promise, &draft.ticket));
    let why = format!("{reason}\n\n{text}");
    draft.enter(&order.by, EntryKind::DeadlineMoved { promise: promise.to_owned(), to: at }, why.trim(), order.mail);
    let date = when(at, policy);
    if !tells {
        return Ok(format!("{promise} ends {date} now"));
    }
    draft.tell_reporter(About::Moved { until, from, to: at, reason: text.to_owned() });
    let reason = if text.is_empty() {
        "The reporter is told the new date, without a reason: a text below would be one"
    } else {
        "Your reason, the text below, was sent to the reporter"
    };
    Ok(format!("{promise} ends {date} now.\n{reason}."))
}

/// The instant of a date that must lie ahead.
fn date_ahead(draft: &Draft<'_>, to: &When) -> Result<Timestamp, String> {
    let policy = &draft.project.policy;
    let at = to.instant(&policy.calendar);
    if at <= draft.now {
        return Err(format!("{} is over", when(at, policy)));
    }
    Ok(at)
}

/// Vultron's embargo management: a proposal leaves what was agreed on as it is, and nothing is agreed on any more once
/// it is public.
fn set_embargo(
    draft: &mut Draft<'_>,
    order: &Order,
    propose: bool,
    until: &When,
    reason: &str,
) -> Result<String, String> {
    if draft.ticket.milestones.contains_key(&Milestone::Public) {
        return Err("it is public already".into());
    }
    let at = date_ahead(draft, until)?;
    let policy = &draft.project.policy;
    let zone = until.zone().map(str::to_owned);
    let before = draft.ticket.embargo.as_ref().and_then(Embargo::holds).map(|(until, _)| until);
    let date = in_zones(at, zone.as_deref(), policy);
    let to = if propose { EmbargoState::Proposed } else { EmbargoState::Active };
    draft.enter(&order.by, EntryKind::Embargo { to, until: Some(at), zone: zone.clone() }, reason, order.mail);
    draft.tell_reporter(About::Embargo { proposed: propose, before, until: at, zone });
    let mut did = if propose {
        format!("an embargo until {date} is proposed; /embargo with that date makes it agreed on")
    } else {
        format!("the embargo lasts until {date}; no pause and no fix moves it")
    };
    if draft.ticket.reporter.is_some() {
        did.push_str(if reason.is_empty() {
            ". The reporter is told"
        } else {
            ". The reporter is told, without the reason"
        });
    }
    if !policy.calendar.is_workday(policy.calendar.day(at)) {
        did.push_str(".\nMind that nobody works on that day");
    }
    if draft.ticket.milestones.contains_key(&Milestone::Exploited) {
        did.push_str(".\nMind that attacks are known: an embargo then keeps the users in the dark, not the attackers");
    }
    Ok(did)
}

fn lift_embargo(draft: &mut Draft<'_>, order: &Order, reason: &str) -> Result<String, String> {
    if draft.ticket.embargo.as_ref().is_none_or(|e| e.state == EmbargoState::Ended) {
        return Err("there is no embargo".into());
    }
    draft.enter(&order.by, EntryKind::Embargo { to: EmbargoState::Ended, until: None, zone: None }, reason, order.mail);
    draft.tell_reporter(About::EmbargoOver);
    Ok("the embargo is over".into())
}

fn keep_promise(draft: &mut Draft<'_>, order: &Order, promise: &str, note: &str) -> Result<String, String> {
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

/// What a command changes.
pub(super) fn aspect(command: &Command) -> Option<Aspect> {
    match command {
        Command::Valid
        | Command::Invalid(_)
        | Command::Accept
        | Command::Defer(_)
        | Command::Close { .. }
        | Command::Reopen
        | Command::Spam => Some(Aspect::Status),
        Command::Severity(_) => Some(Aspect::Severity),
        Command::Assign(_) | Command::Claim | Command::Pass => Some(Aspect::Owner),
        Command::Reporter(_) => Some(Aspect::Reporter),
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
