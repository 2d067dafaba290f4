//! All that decides what a mail is: the mail, what it refers to, and what the store knows of that.

use jiff::Timestamp;

use super::claims::Claims;
use super::standing::First;
use super::through::Through;
use crate::command::{self, Orders};
use crate::mail::Mail;
use crate::mail::automatic::{Automatic, Passed, is_role};
use crate::mail::enclosed::Enclosed;
use crate::mail::identity::{Identity, Vouch};
use crate::mail::written::{Content, Ours};
use crate::notice::text::team::Contents;
use crate::project::{Person, Project};
use crate::rules::decide::fresh;
use crate::token::{self, Purpose};
use crate::vocabulary::{Address, MailRef, NoticeKind, Role, TicketId};

/// What the store knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// A mail of the same sender, Message-ID, date, subject and text was handled before.
    pub duplicate_of: Option<First>,
    /// Tickets whose mails it refers to, with their reporter.
    pub referenced: Vec<(TicketId, Option<Address>)>,
    /// The reporter of the ticket that the token names; outer `None`: there is no such ticket.
    pub token_ticket: Option<Option<Address>>,
    /// Where the notice that bounced went, and what it was.
    pub bounced_notice: Option<(Address, NoticeKind)>,
    /// The ticket whose mail the returned mail of a delivery report answers.
    pub returned_to: Option<TicketId>,
    /// The last notice of five days to somebody whom a delivery report names.
    pub sent_to: Option<Sent>,
    /// The revision of the ticket that the notice with the token showed.
    pub seen: Option<u32>,
    /// The notice with the token holds a code for commands that nobody vouched for.
    pub requested: bool,
    /// Whether the person to whom the token was given may get another such code.
    pub may_ask: bool,
    /// The revision of that ticket at the Date of the mail.
    pub seen_at: Option<u32>,
    /// Automatic acknowledgements to this sender in the last 24 hours.
    pub acks_to_sender: u32,
    /// Automatic acknowledgements to this sender's domain in the last hour.
    pub acks_to_domain: u32,
    /// Automatic acknowledgements to whoever a way of the operator's named, in the last hour.
    pub acks_through: u32,
    /// Mails of the last hour that made us send anything.
    pub provoked: u32,
    /// The reserve has room for an acknowledgement to this sender, who is believed and new.
    pub reserve: bool,
    /// What we sent to its author about that ticket, to know it by where it is quoted.
    pub sent: Ours,
    /// Of a mail that was sent from the mailbox: it is a notice of ours by recipient, subject and time.
    pub made: bool,
    /// Of a mail in the folder for junk: its sender is the reporter of a ticket.
    pub reports: bool,
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
    pub kind: NoticeKind,
    /// To whom it went.
    pub to: Address,
}

impl Known {
    /// Whether the team is told of more mail for a ticket, whatever its headers say.
    pub(super) fn has_room(&self, project: &Project) -> bool {
        self.provoked < project.limits.automatic_per_hour && !self.ticket_full
    }
}

/// Whom a mail is answered at: its sender, or whom the operator's way names. A From that is not plain is read as people
/// read it, but never for one of ours: whoever writes so is no sender to believe.
pub(crate) fn answered<'a>(mail: &'a Mail, through: Option<&'a Through<'_>>, project: &Project) -> Option<&'a Address> {
    let ours = |a: &Address| project.is_ours(a) || project.person(a).is_some();
    through.map_or_else(
        || mail.answerable.as_ref().filter(|a| mail.from.is_ok() || !ours(a)),
        |through| through.answer_to.as_ref(),
    )
}

/// Everything that [`super::take`] looks at.
pub(crate) struct Given<'a> {
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
    /// What the folder is for that it lies in.
    pub role: Role,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Given<'a> {
    /// Whether the mail answers the notice that it returns: its recipient wrote it, or a responder of theirs, perhaps from
    /// where they have their mail passed on to.
    pub(super) fn answers_bounced(&self) -> bool {
        let from = self.mail.from.as_ref();
        self.mail.signs.away() || self.known.bounced_notice.as_ref().is_some_and(|(to, _)| from == Ok(to))
    }

    /// Whom the mail is answered at: see [`answered`].
    pub(super) fn answer_to(&self) -> Option<&'a Address> {
        answered(self.mail, self.through, self.project)
    }

    /// The ticket for which the token of the mail proves anything. One that was given to a reporter ends with them: once
    /// the team has named another, it is no proof, and the mail is one like any other.
    pub(super) fn proven(&self) -> Option<TicketId> {
        let (token, reporter) = self.claims.token.zip(self.known.token_ticket.as_ref())?;
        let is_over = |r: &Address| token.purpose == Purpose::Reporter && token.party != token::party(r);
        token.ticket.filter(|_| !reporter.as_ref().is_some_and(is_over))
    }

    /// The mail of somebody else that a person of the project passes on here, and that person. It came to them, or to an
    /// address that nobody answers: they are not its reporter. Whether anybody vouches for the person is no matter, since
    /// less is sent than for any other mail.
    pub(super) fn passed_on(&self) -> Option<(&'a Person, &'a Enclosed)> {
        let Self { mail, project, .. } = self;
        let person = project.person(mail.from.as_ref().ok()?)?;
        let outside = |a: &Address| !project.is_ours(a) && project.person(a).is_none();
        let inner = mail.enclosed.iter().find(|inner| inner.address.as_ref().map_or(inner.named, outside))?;
        Some((person, inner))
    }

    /// Who vouches for the mail as it was read, for the words of a person; else why nobody does.
    ///
    /// What was read must follow from what is vouched for, and the mail must be new: our server took it in the last week, and
    /// its Date, for which only who vouches for all vouches, was not a week before. Of a signature that is known
    /// already.
    pub(super) fn vouch(&self) -> Result<&Vouch, String> {
        let Self { mail, identity, received, now, .. } = self;
        let vouch = identity.vouch().ok_or_else(|| format!("nobody vouches for the sender: {}", identity.reason))?;
        let dated = mail.date.filter(|_| vouch.is_whole());
        if !fresh(*received, *now) || dated.is_some_and(|date| !fresh(date, *received)) {
            return Err("it is more than a week old".into());
        }
        mail.reading.fixed_without(&|name| vouch.covers(name))?;
        Ok(vouch)
    }

    /// Whether the mail was written to that address: in To or Cc, which whoever vouches vouches for.
    pub(super) fn is_to(&self, vouch: &Vouch, address: &Address) -> bool {
        let [to, cc] = &self.mail.addressed;
        [("to", to), ("cc", cc)].into_iter().any(|(name, all)| vouch.covers(name) && all.contains(address))
    }

    /// The person of the project to whom the token of the mail was given, for a ticket that there is.
    pub(super) fn holder(&self) -> Option<(&'a Person, TicketId)> {
        let token = self.claims.token.filter(|t| t.purpose == Purpose::Person && self.known.token_ticket.is_some())?;
        Some((self.project.holder(token.party)?, token.ticket?))
    }

    /// What the mail holds, for a person: its text without what looks quoted.
    pub(super) fn contents(&self) -> Contents {
        let (text, folded) = Content::of(&self.mail.text, &self.known.sent).shown();
        let (attachments, problems) = (self.mail.attachments.clone(), self.mail.problems.clone());
        // What is forwarded in the text stands there.
        let mails = self.mail.enclosed.iter().filter(|inner| inner.text.is_some()).cloned().collect();
        Contents { text, folded, attachments, problems, mails }
    }

    /// The commands, of lines that nobody quotes, and what their author wrote below them.
    pub(super) fn orders(&self) -> Orders {
        let orders = command::split(&self.mail.reply_text);
        let content = Content::of(&self.mail.text, &self.known.sent);
        Orders { text: content.sent_from(content.below(&orders.written())), ..orders }
    }

    /// Why no machine may answer the mail, if a program wrote it.
    pub(super) fn automatic(&self) -> Option<Automatic> {
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
            .or(claims.echo.map(|_| Automatic::Echo))
    }
}
