//! From a mail and what the store knows about it to what happened: whose mail is it, and may they?
//!
//! Two steps, so that the store is asked once in between: [`claims`] says what the mail refers to, [`take`] decides
//! with what the store knows of that.
//!
//! Who may do what, on the raw header bytes:
//! 1. One From with one plain address, not automatic, not through a list.
//! 2. Its domain vouches: see [`crate::mail::identity`].
//! 3. To change a ticket, a token that was given to that person for that ticket, in the address or the Message-ID.
//! 4. A grave command also needs the one-time code: see the orders of the ticket.
//! 5. Where 3 holds and 2 does not: nothing is done, and the person of the token gets a code, which lets it be done. See
//!    [`request`].
//! 6. Anything less: no answer, no effect, an entry, and a word to the team. Whoever holds their own token hears why:
//!    see [`unheard`].
//!
//! A reporter's mail joins the ticket by token, or by a believed sender who is the reporter and refers to one of its
//! mails. An acknowledgement asks for less than a command, since silence is the worse failure.

mod beside;
pub(crate) mod claims;
pub(crate) mod copies;
pub(crate) mod disposition;
pub(crate) mod given;
pub(crate) mod proven;
mod report;
pub(crate) mod request;
pub(crate) mod standing;
pub(crate) mod through;
pub(crate) mod unheard;

use self::disposition::{Disposition, Intake, nothing};
use self::given::Given;
use self::report::{acknowledge, report};

use crate::command::{self, Orders};
use crate::mail::automatic::{Automatic, Report as Form};
use crate::mail::identity::Vouch;
use crate::notice::leak;
use crate::project::Person;
use crate::rules::event::{Event, FollowUp, Loss, Lost, Order, Warrant};
use crate::ticket::{Acknowledgement, Actor};
use crate::token::{self, Purpose};
use crate::vocabulary::{Address, Role, TicketId, clean};

/// A mail that ends without a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// A delivery report.
    Bounce,
    /// Another report about mail.
    Report,
}

/// No words decide that a mail is no report. Without a ticket end only:
///
/// - (a) a top-level multipart/report of type delivery-status, disposition-notification or tlsrpt;
/// - (b) a null return path *and* a machine's sender *and* a message/rfc822 or text/rfc822-headers *part*: a copy that is
///   pasted as text is no structure;
/// - (c) an aggregate report of DMARC: the subject in the RFC's form and an archive named for our domain, a single one,
///   with no other attachment and no In-Reply-To;
/// - (d) mail to a bounce token of ours with a null return path; but what its recipient or a responder writes is an
///   answer.
///
/// Everything else is a ticket, or belongs to one; in doubt one without acknowledgement that the team sees.
fn ends(given: &Given<'_>) -> Option<Ends> {
    let Given { mail, claims, project, .. } = given;
    let signs = &mail.signs;
    let ours = |domain: &str| project.address.domain() == domain || project.mailbox.domain() == domain;
    match &signs.report {
        Some(Form::Delivery) => return Some(Ends::Bounce),
        Some(Form::Disposition | Form::Tls) => return Some(Ends::Report),
        Some(Form::Aggregate(domain)) if ours(domain) => return Some(Ends::Report),
        // Somebody calls our mail spam: that is for a person, however it came.
        Some(Form::Feedback) => return None,
        Some(Form::Aggregate(_) | Form::Other) | None => {}
    }
    let returned = signs.null_path && signs.role && signs.returns;
    (returned || claims.to_envelope && signs.null_path && !given.answers_bounced()).then_some(Ends::Bounce)
}

/// Decides what a mail is.
pub(crate) fn take(given: &Given<'_>) -> Intake {
    copies::raise(given, alone(given))
}

/// Decides what a mail is, if no other copy of it has come.
fn alone(given: &Given<'_>) -> Intake {
    let Given { mail, claims, known, .. } = given;
    if claims.own.is_some() {
        let ticket = claims.own.and_then(|t| t.ticket);
        return nothing(Disposition::Own, ticket, "a notice of ours came back");
    }
    match given.role {
        Role::Inbox => {}
        Role::Sent => {
            if let Some(sent) = beside::sent(given) {
                return sent;
            }
        }
        Role::Junk if beside::is_known(given) => {}
        Role::Junk => return beside::junk(given),
    }
    let ticket = given.proven();
    let bounced = claims.bounced.filter(|_| known.bounced_notice.is_some());
    match ends(given) {
        Some(Ends::Bounce) => return bounce(given, ticket),
        Some(Ends::Report) if ticket.is_none() => {
            return nothing(Disposition::Automatic, None, Automatic::Report.words());
        }
        // A server's own words about a notice of ours, which it returns in a form that no standard names: a token of
        // ours says so.
        None if bounced.is_some() && !claims.to_envelope && mail.signs.by_mail_server() && !given.answers_bounced() => {
            return bounce(given, ticket);
        }
        Some(Ends::Report) | None => {}
    }
    if let Some(confirmed) = request::confirmed(given) {
        return confirmed;
    }
    let intake = match given.automatic() {
        Some(why) => automatic(given, why, ticket.or(bounced.and_then(|t| t.ticket))),
        None => written(given, ticket),
    };
    let obeyed = matches!(intake.event, Some(Event::Ordered(_)));
    if obeyed { intake } else { request::asked(given).unwrap_or(intake) }
}

/// What a person wrote, as far as can be seen.
fn written(given: &Given<'_>, ticket: Option<TicketId>) -> Intake {
    let person = given.mail.from.as_ref().ok().and_then(|from| given.project.person(from)).filter(|p| p.commands());
    if let Some(person) = person {
        let orders = given.orders();
        if ticket.is_some() || !orders.lines.is_empty() {
            return from_person(given, person, orders, ticket);
        }
        if let Some(ticket) = answered_in_copy(given) {
            return wrote(given, person, ticket, true);
        }
    }
    from_outside(given, ticket)
}

/// A delivery report about a mail of ours is news on its ticket. It names a notice by the address that it comes to, by
/// our Message-ID or by our mark; only who has seen the notice knows these. An answer by hand is known by what it
/// answered. Else the recipient is held against what was sent to them in five days: then perhaps it was that. A forged
/// report tells the team, and silences nobody: nothing is withdrawn, and later notices to the same person leave.
fn bounce(given: &Given<'_>, by_token: Option<TicketId>) -> Intake {
    let Given { mail, stored, claims, known, .. } = given;
    // From nowhere, to the envelope sender, in no form that is known: what else could it be? Of a report in due form
    // that names nobody, all went well.
    let unformed = mail.signs.null_path && mail.signs.report.is_none();
    let permanent = mail.bounce.as_ref().map_or(unformed, |b| b.permanent);
    let recipient = mail.bounce.as_ref().and_then(|b| b.recipients.first());
    let notice = |number, kind| Lost::Notice { number, kind, report: Some(*stored) };
    let bounced = claims.bounced.zip(known.bounced_notice.as_ref());
    let found = match (bounced, known.returned_to, &known.sent_to) {
        (Some((token, (to, kind))), ..) => Some((token.ticket, notice(token.notice, *kind), to, false)),
        (None, Some(ticket), _) => recipient.map(|to| (Some(ticket), Lost::ByHand { report: *stored }, to, false)),
        (None, None, Some(sent)) => Some((sent.ticket, notice(sent.number, sent.kind), &sent.to, true)),
        (None, None, None) => None,
    };
    let ticket = found.as_ref().and_then(|(ticket, ..)| *ticket);
    let Some((ticket, of, to, perhaps)) = found.filter(|_| permanent) else {
        return nothing(Disposition::Bounce, ticket.or(by_token), "a delivery report");
    };
    let did = if perhaps { "perhaps did" } else { "did" };
    // What the server said in a field of its own, else the beginning of what it wrote.
    let said = mail.bounce.as_ref().map(|b| b.said.clone()).filter(|said| !said.is_empty());
    let reply = said.unwrap_or_else(|| clean(&mail.text.chars().take(500).collect::<String>()));
    let reason = format!("a notice {did} not arrive: {}", of.mailed().word());
    let loss = Loss { of, to: to.clone(), reply, since: None, reminded: Vec::new(), mailed: Vec::new(), perhaps };
    Intake { disposition: Disposition::Bounce, reason, ticket, event: Some(Event::Undelivered(loss)) }
}

/// No automatic mail is answered. One that answers a notice, or goes on with a thread that its sender began here, is
/// filed with that ticket; anything else, a scanner's, a list's or an answering machine's mail, is a ticket that a
/// person sees: a classification decides what we answer, never whether a report is one.
fn automatic(given: &Given<'_>, why: Automatic, ticket: Option<TicketId>) -> Intake {
    let Given { mail, stored, claims, known, project, .. } = given;
    let reason = why.words();
    let begun = || known.referenced.iter().find(|(_, r)| r.is_some() && r.as_ref() == mail.from.as_ref().ok());
    if let Some(ticket) = ticket.or_else(|| begun().map(|(ticket, _)| *ticket)) {
        // What says of itself, or by its form, that a machine answers has nothing to say. All else may have: a reporter's
        // own ticket system, a list that they write through, a person whose subject reads like a machine's.
        let may_say = match why {
            Automatic::AutoSubmitted
            | Automatic::Subject
            | Automatic::NullSender
            | Automatic::List
            | Automatic::Bulk
            | Automatic::RoleSender => true,
            Automatic::AutoReplied
            | Automatic::Bounce
            | Automatic::Echo
            | Automatic::Report
            | Automatic::Calendar
            | Automatic::Responder => false,
        };
        // What answers in the name of our own people would go round in a circle.
        let to_person = || known.bounced_notice.as_ref().is_some_and(|(to, _)| project.person(to).is_some());
        let of_person = claims.token.map_or_else(to_person, |t| t.purpose == Purpose::Person);
        let follow_up = FollowUp {
            by: Actor::Stranger,
            program: true,
            who: format!("a program ({reason})"),
            holder: None,
            contents: given.contents(),
            mail: *stored,
            tell: may_say && !of_person && known.has_room(project),
            asks: Vec::new(),
            reply_to: None,
        };
        let event = Some(Event::FollowedUp(follow_up));
        return Intake { disposition: Disposition::Automatic, reason: reason.into(), ticket: Some(ticket), event };
    }
    let event = report(given, (Acknowledgement::Withheld, format!("it is automatic mail ({reason})")), false);
    Intake { disposition: Disposition::Automatic, reason: reason.into(), ticket: None, event: Some(event) }
}

/// Mail in the name of a person of the project, with a token or with commands.
fn from_person(given: &Given<'_>, person: &Person, orders: Orders, ticket: Option<TicketId>) -> Intake {
    let mine = given.claims.token_of(person).is_some();
    if !orders.lines.is_empty() {
        return commanded(given, person, orders, ticket, mine);
    }
    if let (Some(ticket), true, Ok(vouch)) = (ticket, mine, given.vouch()) {
        let reporter = given.known.token_ticket.clone().flatten();
        return wrote(given, person, ticket, reporter.is_some_and(|r| given.is_to(vouch, &r)));
    }
    from_outside(given, ticket)
}

/// Commands of a person, for which somebody vouches; `mine` when they answer a notice of ours to them.
fn obeyed(
    given: &Given<'_>,
    person: &Person,
    (mut orders, ticket): (Orders, Option<TicketId>),
    mine: bool,
    vouch: &Vouch,
) -> Intake {
    let Given { mail, stored, known, .. } = given;
    if !mine {
        // What only reads is all that is done without a token; a text below would be a note on the ticket.
        orders.text.clear();
    }
    // Where the Subject alone says what a mail is for, whoever has the mail may have waited for a newer token.
    let addressed = vouch.covers("to");
    let newest = if addressed { u32::MAX } else { known.seen_at.unwrap_or(0) };
    let order = Order {
        by: Actor::Person(person.address.clone()),
        orders,
        mail: Some(*stored),
        attachments: mail.attachments.clone(),
        reply_to: mail.message_id.clone(),
        // A mail without a token asks for nothing that could be overtaken.
        seen: known.seen.filter(|_| mine).map(|seen| seen.min(newest)),
        answers: given.claims.token_of(person).map(|token| token.notice),
        repeated: false,
        warrant: Warrant { grave: addressed, signed: vouch.signed },
        known: leak::Known::default(),
        hold: None,
    };
    Intake {
        disposition: Disposition::Command,
        reason: "commands of a maintainer".into(),
        ticket,
        event: Some(Event::Ordered(order)),
    }
}

/// Mail with commands in the name of a person of the project; `mine` when it answers a notice of ours to them.
fn commanded(given: &Given<'_>, person: &Person, orders: Orders, ticket: Option<TicketId>, mine: bool) -> Intake {
    let Given { mail, stored, .. } = given;
    let only_reads =
        orders.lines.iter().all(|l| l.read.as_ref().is_ok_and(|asked| asked.verb.class == command::Class::Read));
    let why = match given.vouch() {
        Err(why) => Err(why),
        Ok(_) if mail.from_html => Err(unheard::HTML_ONLY.to_owned()),
        Ok(_) if !mine && !only_reads => {
            Err("it does not answer a notice of ours to that person; reply to one, and keep its address".into())
        }
        Ok(vouch) => Ok(vouch),
    };
    let why = match why {
        Ok(vouch) => return obeyed(given, person, (orders, ticket), mine, vouch),
        Err(why) => why,
    };
    // About no ticket: whoever reports something that begins like a command is heard all the same.
    if ticket.is_none() {
        let event = report(given, (Acknowledgement::Withheld, format!("its commands are not obeyed: {why}")), false);
        return Intake {
            disposition: Disposition::Report,
            reason: format!("{}: {why}", standing::NOT_OBEYED),
            ticket: None,
            event: Some(event),
        };
    }
    let holder = given.holder().map(|(person, _)| person.address.clone());
    let tell = given.known.provoked < given.project.limits.automatic_per_hour;
    let from = mail.from.clone().ok();
    let sender = given.vouch().is_ok().then(|| person.address.clone());
    let event = Event::Attempted { from, sender, holder, why: why.clone(), mail: Some(*stored), tell };
    Intake {
        disposition: Disposition::Command,
        reason: format!("{}: {why}", standing::NOT_OBEYED),
        ticket,
        event: Some(event),
    }
}

/// The ticket that a believed maintainer answers from their own mailbox, with us in copy: the mail refers to one of
/// the ticket's and goes to its reporter.
fn answered_in_copy(given: &Given<'_>) -> Option<TicketId> {
    let vouch = given.vouch().ok()?;
    let is_to = |r: &Option<Address>| r.as_ref().is_some_and(|r| given.is_to(vouch, r));
    given.known.referenced.iter().find(|(_, reporter)| is_to(reporter)).map(|(t, _)| *t)
}

/// What a maintainer writes without a command: an answer when the reporter gets it, else a note.
fn wrote(given: &Given<'_>, person: &Person, ticket: TicketId, to_reporter: bool) -> Intake {
    let contents = given.contents();
    let event = Event::Wrote { by: person.address.clone(), contents, mail: Some(given.stored), to_reporter };
    let reason = if to_reporter { "a maintainer's answer to the reporter" } else { "a maintainer's note" };
    Intake { disposition: Disposition::Answer, reason: reason.into(), ticket: Some(ticket), event: Some(event) }
}

/// Everyone else: more for a ticket, or a new report.
fn from_outside(given: &Given<'_>, by_token: Option<TicketId>) -> Intake {
    let Given { mail, stored, identity, claims, known, .. } = given;
    // A From that the operator's way wrote, or that is not plain, is undone for who it may be, and no more.
    let from = given.answer_to();
    // Without a token: the sender is believed, is the reporter, and refers to a mail of the ticket.
    let by_reference = || {
        let is_reporter = |r: &Option<Address>| r.is_some() && r.as_ref() == from && identity.believed();
        known.referenced.iter().find(|(_, r)| is_reporter(r)).map(|(t, _)| *t)
    };
    let Some(ticket) = by_token.or_else(by_reference) else {
        return new_report(given);
    };
    let reporter = if by_token.is_some() {
        known.token_ticket.clone().flatten()
    } else {
        known.referenced.iter().find(|(t, _)| *t == ticket).and_then(|(_, r)| r.clone())
    };
    let is_reporter = from.is_some() && reporter.as_ref() == from;
    let holder = given.holder().map(|(person, _)| person.address.clone());
    let claimed = given.through.filter(|t| t.rewritten).map(|t| format!("claimed by {}", t.way.name()));
    let (by, who) = if is_reporter && identity.believed() && claimed.is_none() {
        (Actor::Reporter, "the reporter".to_owned())
    } else if is_reporter {
        (Actor::Reporter, format!("the reporter's address ({})", claimed.as_ref().unwrap_or(&identity.reason)))
    } else {
        let from = from.map_or("somebody", Address::as_str);
        let who = match holder {
            Some(_) => from.to_owned(),
            None => format!("{from}, who is not the reporter and holds an address that we gave out for this ticket"),
        };
        (Actor::Stranger, who)
    };
    let tell = known.has_room(given.project);
    // The token proves that they saw our mail to the reporter, and the answer goes to the reporter's address alone.
    let holds = claims.token.is_some_and(|t| {
        t.purpose == Purpose::Reporter && reporter.as_ref().is_some_and(|r| t.party == token::party(r))
    });
    let asks = if holds && is_reporter && !mail.from_html { command::asks(&mail.reply_text) } else { Vec::new() };
    let contents = given.contents();
    let reply_to = mail.message_id.clone();
    let follow_up = FollowUp { by, program: false, who, holder, contents, mail: *stored, tell, asks, reply_to };
    Intake {
        disposition: Disposition::FollowUp,
        reason: if by_token.is_some() { "it answers a notice" } else { "the reporter refers to the report" }.into(),
        ticket: Some(ticket),
        event: Some(Event::FollowedUp(follow_up)),
    }
}

fn new_report(given: &Given<'_>) -> Intake {
    let Given { mail, .. } = given;
    let unreadable = mail.text.trim().is_empty() && mail.subject.is_empty() && mail.attachments.is_empty();
    let (disposition, reason) = if unreadable {
        (Disposition::Unreadable, "nothing in it could be read")
    } else {
        (Disposition::Report, "a new report")
    };
    let off_subject = given.project.reports.lacks(&mail.subject).is_some();
    let event = report(given, acknowledge(given), off_subject);
    Intake { disposition, reason: reason.into(), ticket: None, event: Some(event) }
}
