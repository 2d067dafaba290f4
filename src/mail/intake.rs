//! From a mail and what the store knows about it to what happened: whose mail is it, and may they?
//!
//! Two steps, so that the store is asked once in between: [`claims`] says what the mail refers to, [`take`] decides
//! with what the store knows of that.
//!
//! Who may do what, on the raw header bytes:
//! 1. One From with one plain address, not automatic, not through a list.
//! 2. Its domain vouches: see [`super::identity`].
//! 3. To change a ticket, a token that was given to that person for that ticket, in the address or the Message-ID.
//! 4. A grave command also needs the one-time code: see the orders of the ticket.
//! 5. Anything less: no answer, no effect, an entry, and a word to the team. Whoever holds their own token hears why:
//!    see [`unheard`].
//!
//! A reporter's mail joins the ticket by token, or by a believed sender who is the reporter and refers to one of its
//! mails. An acknowledgement asks for less than a command, since silence is the worse failure.

pub mod copies;
mod unheard;

pub use unheard::{Unheard, unheard};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::automatic::{Automatic, Bounce, Passed, Report as Form, is_role};
use super::header::NoSender;
use super::identity::Identity;
use super::through::{self, Through};
use super::written::{Content, Ours};
use super::{Address, Mail, MessageId, clean_line, leak};
use crate::command::{self, Orders};
use crate::project::{AcknowledgeWhom, Project, Way};
use crate::ticket::decide::{Ask, Event, FollowUp, Loss, Order, Report, fresh};
use crate::ticket::{Acknowledgement, Actor, MailRef, Person, TicketId};
use crate::token::{self, Key, Purpose, Token};

/// How one mail was handled. Each mail ends in exactly one of these, and all are listed (G1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// A new report.
    Report,
    /// More for a ticket, from its reporter's side.
    FollowUp,
    /// Commands, obeyed or not.
    Command,
    /// A maintainer's answer or note.
    Answer,
    /// A delivery report.
    Bounce,
    /// Written by a program.
    Automatic,
    /// Sent by ourselves.
    Own,
    /// A second copy of a mail we have.
    Duplicate,
    /// It was in the folder before the first start, and waits there to be taken in.
    Earlier,
    /// Nothing in it could be read; it is a ticket all the same.
    Unreadable,
    /// Reading it failed again and again; a person must look.
    Quarantined,
}

impl Disposition {
    /// The word for it in the database and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::FollowUp => "follow_up",
            Self::Command => "command",
            Self::Answer => "answer",
            Self::Bounce => "bounce",
            Self::Automatic => "automatic",
            Self::Own => "own",
            Self::Duplicate => "duplicate",
            Self::Earlier => "earlier",
            Self::Unreadable => "unreadable",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What a mail refers to, proven by our key or merely claimed.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// A valid token in an address that it was sent to, else in a Message-ID that it answers.
    pub token: Option<Token>,
    /// Our own mail came back: its Message-ID is one of ours, or it bears our mark.
    pub own: Option<Token>,
    /// It bears our mark under another sender's name: an echo.
    pub echo: bool,
    /// The notice that a delivery report is about: it came to the notice's envelope sender, or returns its Message-ID or
    /// our mark.
    pub bounced: Option<Token>,
    /// What the returned mail of a delivery report answers: of an answer by hand, a mail of its ticket.
    pub returned: Vec<MessageId>,
    /// The ticket that a notice was about which the returned mail answers.
    pub returned_ticket: Option<TicketId>,
    /// It came to the envelope sender of a notice.
    pub to_envelope: bool,
    /// The Message-IDs that it answers and that are not ours: the reporter's own, perhaps.
    pub references: Vec<MessageId>,
    /// A ticket number in its subject, `[SEC-17]`: a hint and no more.
    pub subject_tag: Option<TicketId>,
}

impl Claims {
    /// Whether it comes of a notice that left: of any but the mails of `check --online`, which no database knows.
    pub fn has_a_past(&self) -> bool {
        let notice = |t: Token| t.notice < token::CHECKS;
        self.echo || [self.token, self.own, self.bounced].into_iter().flatten().any(notice)
    }
}

/// What the store knows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// A mail of the same sender, Message-ID, date, subject and text was handled before.
    pub duplicate_of: Option<copies::First>,
    /// Tickets whose mails it refers to, with their reporter.
    pub referenced: Vec<(TicketId, Option<Address>)>,
    /// The reporter of the ticket that the token names; outer `None`: there is no such ticket.
    pub token_ticket: Option<Option<Address>>,
    /// Where the notice that bounced went, and what it was.
    pub bounced_notice: Option<(Address, String)>,
    /// The ticket whose mail the returned mail of a delivery report answers.
    pub returned_to: Option<TicketId>,
    /// The last notice of five days to somebody whom a delivery report names.
    pub sent_to: Option<Sent>,
    /// The revision of the ticket that the notice with the token showed.
    pub seen: Option<u32>,
    /// Automatic acknowledgements to this sender in the last 24 hours.
    pub acks_to_sender: u32,
    /// Automatic acknowledgements to this sender's domain in the last hour.
    pub acks_to_domain: u32,
    /// Automatic acknowledgements to whoever a way of the operator's named, in the last hour.
    pub acks_through: u32,
    /// Mails that incoming mail made us send in the last hour.
    pub provoked: u32,
    /// What we sent to its author about that ticket, to know it by where it is quoted.
    pub sent: Ours,
    /// Whether the team has been told of as much mail for the ticket that this one may belong to as is told one by one.
    pub ticket_full: bool,
}

/// A notice that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its number.
    pub number: u32,
    /// The ticket that it was about.
    pub ticket: Option<TicketId>,
    /// What it was.
    pub notice: String,
    /// To whom it went.
    pub to: Address,
}

impl Known {
    /// Whether the team is told of more mail for a ticket, whatever its headers say.
    fn has_room(&self, project: &Project) -> bool {
        self.provoked < project.limits.automatic_per_hour && !self.ticket_full
    }
}

/// What to do with a mail.
#[derive(Clone, Debug)]
pub struct Intake {
    /// How it was handled.
    pub disposition: Disposition,
    /// Why, in words for the operator; holds no address and no content.
    pub reason: String,
    /// The ticket it belongs to; `None` for a new one or for none.
    pub ticket: Option<TicketId>,
    /// What happened; `None` when it changes nothing.
    pub event: Option<Event>,
}

/// What a mail refers to.
pub fn claims(mail: &Mail, project: &Project, key: &Key) -> Claims {
    let domain = project.address.domain();
    let in_id = |id: &MessageId| Token::in_message_id(id, domain, key).filter(|t| t.purpose.answers());
    let addressed = |wanted: fn(Purpose) -> bool| {
        let ours = [&project.mailbox, &project.address];
        let token = |a: &Address| ours.iter().find_map(|o| Token::in_address(a, o, key));
        mail.recipients.iter().filter_map(token).find(|t| wanted(t.purpose))
    };
    let answered = || mail.references.iter().rev().find_map(in_id);
    let envelope = addressed(|p| p == Purpose::Bounce);
    let loops = |mark: &String| Token::verify(mark, key).filter(|t| t.purpose == Purpose::Loop);
    let mark = mail.mark.as_ref().and_then(loops);
    let returned = |b: &Bounce| b.message_ids.iter().find_map(in_id).or_else(|| b.mark.as_ref().and_then(loops));
    let ours = mail.from.as_ref() == Ok(&project.address);
    Claims {
        token: addressed(Purpose::answers).or_else(answered),
        own: mail.message_id.as_ref().and_then(in_id).or(mark).filter(|_| ours),
        echo: mark.is_some() && !ours,
        bounced: envelope.or_else(|| mail.bounce.as_ref().and_then(returned)),
        returned: mail.bounce.as_ref().map_or(Vec::new(), |b| b.references.clone()),
        returned_ticket: mail.bounce.as_ref().and_then(|b| b.references.iter().rev().find_map(in_id)?.ticket),
        to_envelope: envelope.is_some(),
        references: mail.references.iter().filter(|id| in_id(id).is_none()).cloned().collect(),
        subject_tag: subject_tag(&mail.subject, &project.prefix),
    }
}

fn subject_tag(subject: &str, prefix: &str) -> Option<TicketId> {
    let inside = |part: &str| {
        part.split_once(']').and_then(|(tag, _)| TicketId::parse(tag, prefix).filter(|_| tag.contains('-')))
    };
    subject.split('[').skip(1).take(10).find_map(inside)
}

/// What a check of the DKIM signatures would be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing: no question is asked.
    Nothing,
    /// It may bring the mail to its ticket, or its acknowledgement on the way; it is not waited for.
    Opinion,
    /// A person's commands or answer depend on it: it is waited for.
    Word,
}

/// Whether a check of the DKIM signatures could change what is done with a mail. Names are asked for only where it
/// could, since the mail chooses them: for a person of the project who commands or answers, for somebody who refers
/// to an earlier mail and may be the reporter of a ticket, and for all where acknowledgements need it.
pub fn wants_dkim(mail: &Mail, project: &Project, claims: &Claims, identity: &Identity) -> Want {
    let Ok(from) = &mail.from else { return Want::Nothing };
    // A way of the operator's counts only where somebody vouches for it.
    let ways: Vec<&Way> = through::says(mail, project).collect();
    let passed = ways.iter().map(|way| way.passed()).max().unwrap_or(Passed::Directly);
    let vouched = ways.iter().all(|way| identity.vouched.iter().any(|domain| way.covers(domain)));
    let program = mail.signs.automatic(passed).is_some() || mail.bounce.is_some() || claims.own.is_some();
    if !project.dkim || program || identity.forged && ways.is_empty() || identity.believed && vouched {
        return Want::Nothing;
    }
    let refers = !claims.references.is_empty();
    let speaks = || {
        let answers = claims.token.is_some_and(|t| t.ticket.is_some());
        answers || refers || !command::split(&mail.reply_text).lines.is_empty()
    };
    if project.person(from).is_some_and(Person::commands) && speaks() {
        Want::Word
    } else if refers || !ways.is_empty() || project.acknowledge == AcknowledgeWhom::Believed {
        Want::Opinion
    } else {
        Want::Nothing
    }
}

/// Everything that [`take`] looks at.
pub struct Given<'a> {
    /// The mail as read.
    pub mail: &'a Mail,
    /// Where it is stored.
    pub stored: MailRef,
    /// When our mail server took it.
    pub received: Timestamp,
    /// How sure the sender is.
    pub identity: &'a Identity,
    /// The way of the operator's by which it came.
    pub through: Option<&'a Through<'a>>,
    /// What it refers to.
    pub claims: &'a Claims,
    /// What the store knows of that.
    pub known: &'a Known,
    /// The project.
    pub project: &'a Project,
    /// Now.
    pub now: Timestamp,
}

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
pub fn take(given: &Given<'_>) -> Intake {
    copies::raise(given, alone(given))
}

/// Decides what a mail is, if no other copy of it has come.
fn alone(given: &Given<'_>) -> Intake {
    let Given { mail, claims, known, .. } = given;
    if claims.own.is_some() {
        let ticket = claims.own.and_then(|t| t.ticket);
        return nothing(Disposition::Own, ticket, "a notice of ours came back");
    }
    let ticket = claims.token.filter(|_| known.token_ticket.is_some()).and_then(|t| t.ticket);
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
    if let Some(why) = given.automatic() {
        return automatic(given, why, ticket.or(bounced.and_then(|t| t.ticket)));
    }
    let person = mail.from.as_ref().ok().and_then(|from| given.project.person(from)).filter(|p| p.commands());
    if let Some(person) = person {
        let orders = orders(mail, &known.sent);
        if ticket.is_some() || !orders.lines.is_empty() {
            return from_person(given, person, orders, ticket);
        }
        if let Some(ticket) = answered_in_copy(given) {
            return wrote(given, person, ticket, true);
        }
    }
    from_outside(given, ticket)
}

/// The commands, of lines that nobody quotes, and what their author wrote below them.
fn orders(mail: &Mail, sent: &Ours) -> Orders {
    let lines = command::split(&mail.reply_text).lines;
    let content = Content::of(&mail.text, sent);
    Orders { text: content.sent_from(content.below(&lines)), lines }
}

impl Given<'_> {
    /// Whether the mail answers the notice that it returns: its recipient wrote it, or a responder of theirs, perhaps from
    /// where they have their mail passed on to.
    fn answers_bounced(&self) -> bool {
        let from = self.mail.from.as_ref();
        self.mail.signs.away() || self.known.bounced_notice.as_ref().is_some_and(|(to, _)| from == Ok(to))
    }

    /// Why no machine may answer the mail, if a program wrote it.
    fn automatic(&self) -> Option<Automatic> {
        let Self { mail, claims, .. } = self;
        // Where a way put its own address into From, that says nothing of who wrote.
        let hidden = self.through.filter(|t| t.rewritten);
        // What is confirmed must be ours: people end a subject with [CWE-79].
        let another = mail.signs.confirms && claims.subject_tag.is_none();
        let counts = |why: &Automatic| {
            (*why != Automatic::RoleSender || hidden.is_none()) && (*why != Automatic::Subject || !another)
        };
        let passed = self.through.map_or(Passed::Directly, |t| t.passed);
        let said = mail.signs.automatic(passed).filter(counts);
        let answers_to_role = hidden.and_then(|t| t.answer_to.as_ref()).is_some_and(|a| is_role(a.local()));
        said.or(answers_to_role.then_some(Automatic::RoleSender))
            .or(mail.bounce.as_ref().map(|_| Automatic::Bounce))
            .or(claims.echo.then_some(Automatic::Echo))
    }
}

fn nothing(disposition: Disposition, ticket: Option<TicketId>, reason: &str) -> Intake {
    Intake { disposition, reason: reason.to_owned(), ticket, event: None }
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
    let notice = claims.bounced.zip(known.bounced_notice.clone());
    let found = match (notice, known.returned_to, &known.sent_to) {
        (Some((token, (to, notice))), ..) => Some((token.ticket, token.notice, to, notice, false)),
        (None, Some(ticket), _) => {
            recipient.map(|to| (Some(ticket), 0, to.clone(), "answer by hand".to_owned(), false))
        }
        (None, None, Some(sent)) => Some((sent.ticket, sent.number, sent.to.clone(), sent.notice.clone(), true)),
        (None, None, None) => None,
    };
    let ticket = found.as_ref().and_then(|(ticket, ..)| *ticket);
    let Some((ticket, number, to, notice, perhaps)) = found.filter(|_| permanent) else {
        return nothing(Disposition::Bounce, ticket.or(by_token), "a delivery report");
    };
    let (did, reply) = (if perhaps { "perhaps did" } else { "did" }, mail.text.chars().take(500).collect());
    let reason = format!("a notice {did} not arrive: {notice}");
    let loss =
        Loss { number, notice, to, reply, mail: Some(*stored), reminded: Vec::new(), mailed: Vec::new(), perhaps };
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
        let (excerpt, folded) = Content::of(&mail.text, &known.sent).shown();
        let follow_up = FollowUp {
            by: Actor::Stranger,
            program: true,
            who: format!("a program ({reason})"),
            holder: None,
            excerpt,
            folded,
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
    let Given { mail, stored, identity, claims, .. } = given;
    let held = claims.token.filter(|t| t.purpose == Purpose::Person);
    let mine = held.is_some_and(|t| t.party == token::party(&person.address));
    let commands = !orders.lines.is_empty();
    if commands {
        let only_reads =
            orders.lines.iter().all(|l| command::parse(l).is_ok_and(|(v, _)| v.class == command::Class::Read));
        let why = if !identity.believed {
            Some(format!("nobody vouches for the sender: {}", identity.reason))
        } else if mail.from_html {
            Some("commands are read from plain text only, and this mail has none".into())
        } else if !mine && !only_reads {
            Some("it does not answer a notice of ours to that person; reply to one, and keep its address".into())
        } else {
            None
        };
        let Some(why) = why else {
            let mut orders = orders;
            if !mine {
                // What only reads is all that is done without a token; a text below would be a note on the ticket.
                orders.text.clear();
            }
            let order = Order {
                by: Actor::Person(person.address.clone()),
                orders,
                mail: Some(*stored),
                reply_to: mail.message_id.clone(),
                // A mail without a token asks for nothing that could be overtaken.
                seen: given.known.seen.filter(|_| mine),
                known: leak::Known::default(),
            };
            return Intake {
                disposition: Disposition::Command,
                reason: "commands of a maintainer".into(),
                ticket,
                event: Some(Event::Ordered(order)),
            };
        };
        // About no ticket: whoever reports something that begins like a command is heard all the same.
        if ticket.is_none() {
            let event =
                report(given, (Acknowledgement::Withheld, format!("its commands are not obeyed: {why}")), false);
            return Intake {
                disposition: Disposition::Report,
                reason: format!("{}{why}", copies::NOT_OBEYED),
                ticket: None,
                event: Some(event),
            };
        }
        let holder = unheard::holder(given).map(|(person, _)| person.address.clone());
        let event = Event::Attempted { from: mail.from.clone().ok(), holder, why: why.clone(), mail: Some(*stored) };
        return Intake {
            disposition: Disposition::Command,
            reason: format!("{}{why}", copies::NOT_OBEYED),
            ticket,
            event: Some(event),
        };
    }
    if let Some(ticket) = ticket.filter(|_| mine && identity.believed) {
        let reporter = given.known.token_ticket.clone().flatten();
        let to_reporter = reporter.is_some_and(|r| mail.recipients.contains(&r));
        return wrote(given, person, ticket, to_reporter);
    }
    from_outside(given, ticket)
}

/// The ticket that a believed maintainer answers from their own mailbox, with us in copy: the mail refers to one of
/// the ticket's and goes to its reporter.
fn answered_in_copy(given: &Given<'_>) -> Option<TicketId> {
    let is_to = |r: &Option<Address>| r.as_ref().is_some_and(|r| given.mail.recipients.contains(r));
    let referenced = given.known.referenced.iter().find(|(_, reporter)| is_to(reporter)).map(|(t, _)| *t);
    referenced.filter(|_| given.identity.believed)
}

/// What a maintainer writes without a command: an answer when the reporter gets it, else a note.
fn wrote(given: &Given<'_>, person: &Person, ticket: TicketId, to_reporter: bool) -> Intake {
    let (text, folded) = Content::of(&given.mail.text, &given.known.sent).shown();
    let event = Event::Wrote { by: person.address.clone(), text, folded, mail: Some(given.stored), to_reporter };
    let reason = if to_reporter { "a maintainer's answer to the reporter" } else { "a maintainer's note" };
    Intake { disposition: Disposition::Answer, reason: reason.into(), ticket: Some(ticket), event: Some(event) }
}

/// Everyone else: more for a ticket, or a new report.
fn from_outside(given: &Given<'_>, by_token: Option<TicketId>) -> Intake {
    let Given { mail, stored, identity, claims, known, .. } = given;
    // A From that the operator's way wrote is undone for who it may be, and no more.
    let from = given.through.map_or(mail.from.as_ref().ok(), |t| t.answer_to.as_ref());
    // Without a token: the sender is believed, is the reporter, and refers to a mail of the ticket.
    let by_reference = || {
        let is_reporter = |r: &Option<Address>| r.is_some() && r.as_ref() == from && identity.believed;
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
    let holder = unheard::holder(given).map(|(person, _)| person.address.clone());
    let claimed = given.through.filter(|t| t.rewritten).map(|t| format!("claimed by {}", t.way.name()));
    let (by, who) = if is_reporter && identity.believed && claimed.is_none() {
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
    let asks = if holds && is_reporter && !mail.from_html { asks(&mail.reply_text) } else { Vec::new() };
    let (excerpt, folded) = Content::of(&mail.text, &known.sent).shown();
    let reply_to = mail.message_id.clone();
    let follow_up = FollowUp { by, program: false, who, holder, excerpt, folded, mail: *stored, tell, asks, reply_to };
    Intake {
        disposition: Disposition::FollowUp,
        reason: if by_token.is_some() { "it answers a notice" } else { "the reporter refers to the report" }.into(),
        ticket: Some(ticket),
        event: Some(Event::FollowedUp(follow_up)),
    }
}

/// What a reporter asks for on the first lines; what is not understood is simply text for the team.
fn asks(text: &str) -> Vec<Ask> {
    let read = |line: &String| {
        let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = clean_line(rest, 200);
        match verb.to_ascii_lowercase().as_str() {
            "/status" => Some(Ask::Status),
            "/credit" if !rest.is_empty() => Some(Ask::Credit(rest)),
            "/withdraw" => Some(Ask::Withdraw(rest)),
            "/help" => Some(Ask::Help),
            _ => None,
        }
    };
    command::split(text).lines.iter().take(command::LINES_MAX).filter_map(read).collect()
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

fn report(given: &Given<'_>, acknowledge: (Acknowledgement, String), off_subject: bool) -> Event {
    let Given { mail, stored, received, identity, claims, known, project, .. } = given;
    let claimed = given.through.filter(|t| t.rewritten);
    let from = claimed.map_or(mail.from.clone().ok(), |t| t.answer_to.clone()).filter(|f| !project.is_ours(f));
    let mut shown = match (&mail.from, &mail.display_name) {
        (Ok(address), Some(name)) => format!("{name} <{}>", address.as_str()),
        (Ok(address), None) => address.as_str().to_owned(),
        (Err(why), _) => format!("nobody who can be answered: {}", why.words()),
    };
    if let (Some(through), Some(from)) = (claimed, from.as_ref().filter(|f| Some(*f) != mail.from.as_ref().ok())) {
        shown = format!("{} (as {} claims; it came as {shown})", from.as_str(), through.way.name());
    }
    Event::Reported(Box::new(Report {
        mail: *stored,
        from,
        shown,
        identity: identity.reason.clone(),
        title: project.reports.title(&mail.subject).to_owned(),
        excerpt: mail.text.clone(),
        message_id: mail.message_id.clone(),
        received: *received,
        fields: mail.fields.clone(),
        missing: project.reports.missing(&mail.fields, &mail.attachments),
        off_subject,
        attachments: mail.attachments.clone(),
        problems: mail.problems.clone(),
        may_belong_to: claims
            .subject_tag
            .or_else(|| known.referenced.first().map(|(t, _)| *t))
            .or(claims.bounced.filter(|_| known.bounced_notice.is_some()).and_then(|t| t.ticket))
            .or(known.sent_to.as_ref().and_then(|sent| sent.ticket)),
        acknowledge,
        tell: known.provoked < project.limits.automatic_per_hour,
        through: claimed.map(|t| t.way.name().to_owned()),
        backscatter: (mail.signs.null_path || mail.signs.daemon)
            && claims.bounced.is_none()
            && known.referenced.is_empty(),
    }))
}

/// Whether the automatic acknowledgement leaves. Less than for a command is asked, since silence is the worse
/// failure; the fixed text and the caps bound what it can be misused for.
fn acknowledge(given: &Given<'_>) -> (Acknowledgement, String) {
    let Given { mail, received, identity, claims, known, project, now, .. } = given;
    let limits = &project.limits;
    let from = match &mail.from {
        Ok(from) => from,
        Err(why) => return (Acknowledgement::Withheld, why.words().to_owned()),
    };
    let Some(from) = given.through.map_or(Some(from), |t| t.answer_to.as_ref()) else {
        return (Acknowledgement::Withheld, "the list that it came through hides who wrote".into());
    };
    if project.is_ours(from) {
        return (Acknowledgement::Withheld, "it claims to come from our own address".into());
    }
    // A convention sorts what wants an answer from what does not; it must not lose a report, so a person looks.
    if let Some(prefix) = project.reports.lacks(&mail.subject) {
        return (Acknowledgement::Withheld, format!("its subject does not begin with \"{prefix}\""));
    }
    let claimed = given.through.filter(|t| t.rewritten).map(|t| t.way.name());
    // A way that is vouched for breaks what it passes on; what it wrote down when it took the mail still holds.
    let hold = if identity.forged && given.through.is_none_or(|t| !t.vouched) {
        format!("our own mail server calls the sender forged ({})", identity.reason)
    } else if given.through.is_some_and(|t| t.forged) {
        "the sender was forged when it came to the way in front of the mailbox".into()
    } else if project.acknowledge == AcknowledgeWhom::Believed && !identity.believed {
        format!("nobody vouches for the sender ({})", identity.reason)
    } else if known.acks_to_sender >= limits.acks_per_sender_day {
        format!("this sender had {} acknowledgements within a day", known.acks_to_sender)
    } else if known.acks_to_domain >= limits.acks_per_domain_hour {
        format!("this sender's domain had {} acknowledgements within an hour", known.acks_to_domain)
    } else if let Some(way) = claimed.filter(|_| known.acks_through >= limits.acks_per_domain_hour) {
        format!("senders that {way} named had {} acknowledgements within an hour", known.acks_through)
    } else if known.provoked >= limits.automatic_per_hour {
        format!("incoming mail made us send {} mails within an hour", known.provoked)
    } else if claims.to_envelope {
        // A responder that says nothing of itself, most likely; each answer would give it a new address to answer.
        "it came to an address that only mail servers write to".into()
    } else if !fresh(*received, *now) {
        "the mail is more than a week old".into()
    } else {
        return (Acknowledgement::Sent, String::new());
    };
    (Acknowledgement::Held, hold)
}

impl NoSender {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "the mail has no From",
            Self::Several => "the mail has more than one From",
            Self::NotOne => "its From does not hold exactly one address",
            Self::NotPlain => "its From is no plain address",
        }
    }
}
