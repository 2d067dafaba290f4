//! What can happen to a ticket.

use jiff::Timestamp;

use crate::command::{Ask, Orders};
use crate::mail::Attachment;
use crate::mail::enclosed::Enclosed;
use crate::mail::fields::{Fields, Part};
use crate::notice::leak::Known;
use crate::notice::text::report::Authors;
use crate::notice::text::team::Contents;
use crate::ticket::{Acknowledgement, Actor, Seat};
use crate::vocabulary::{Address, MailRef, Mailed, MessageId, NoticeKind, TicketId};

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new report.
    Reported(Box<Report>),
    /// The first of many reports that come at once: the ticket is for all of them.
    Flooded(Box<Report>),
    /// The report of this ticket in a second copy, which says more of its sender than the first did, and whether its
    /// text is another one.
    Copied(Box<Report>, bool),
    /// More mail for this ticket.
    FollowedUp(FollowUp),
    /// Commands, from someone who may give them.
    Ordered(Order),
    /// A maintainer wrote without a command.
    Wrote {
        /// Who.
        by: Address,
        /// What.
        contents: Contents,
        /// The mail.
        mail: Option<MailRef>,
        /// Whether the reporter got it too: then it is an answer, else a note.
        to_reporter: bool,
    },
    /// Commands, from someone who may not give them.
    Attempted {
        /// The From address.
        from: Option<Address>,
        /// The person of the project whom somebody vouches for as its sender.
        sender: Option<Address>,
        /// The person of the project whose own reply address it bears: see [`crate::intake::unheard::unheard`].
        holder: Option<Address>,
        /// What failed.
        why: String,
        /// The mail.
        mail: Option<MailRef>,
        /// Whether there is room to tell the team.
        tell: bool,
    },
    /// Commands that nobody vouches for, with the token of whoever may give them: nothing happens to the ticket, and that
    /// person is asked. See [`crate::intake::request`].
    Requested(Order),
    /// The code of such commands, with the number of the notice that held it: what it was made for happens.
    Confirmed(Order, u32),
    /// A notice did not arrive.
    Undelivered(Loss),
    /// Somebody at the command line erases what is held about people in it.
    Erased(Seat),
    /// Somebody at the command line says that the clock had been ahead, and is right now.
    ClockSet(Seat),
    /// Time passed.
    Tick,
}

impl Event {
    /// Whether it is the word of a person whom somebody vouches for: commands, an answer, a note.
    pub fn is_word(&self) -> bool {
        matches!(self, Self::Ordered(_) | Self::Wrote { .. })
    }
}

/// A notice that did not arrive, or an answer by hand.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What was lost.
    pub of: Lost,
    /// To whom it went.
    pub to: Address,
    /// What the server said.
    pub reply: String,
    /// Since when no mail reaches them, where another of the project's people was told so before. Only the store knows.
    pub since: Option<Timestamp>,
    /// If it was a reminder: of what. Only the store knows.
    pub reminded: Vec<Reminded>,
    /// If it was about a report: to whom such notices went. Only the store knows.
    pub mailed: Vec<Address>,
    /// Nothing but the recipient says that it was this notice.
    pub perhaps: bool,
}

/// What did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A notice of ours.
    Notice {
        /// Its number in the outbox.
        number: u32,
        /// What it was.
        kind: NoticeKind,
        /// The delivery report; `None` when our own server refused the notice.
        report: Option<MailRef>,
    },
    /// A reminder that could not leave before its time was over. What there is to say now, the ladder says.
    Late,
    /// An answer that a person sent by hand.
    ByHand {
        /// The delivery report.
        report: MailRef,
    },
}

impl Lost {
    /// What was mailed.
    pub fn mailed(self) -> Mailed {
        match self {
            Self::Notice { kind, .. } => Mailed::Notice(kind),
            Self::Late => Mailed::Notice(NoticeKind::Reminder),
            Self::ByHand { .. } => Mailed::ByHand,
        }
    }

    /// The kind of the notice, if it was one.
    pub fn kind(self) -> Option<NoticeKind> {
        match self {
            Self::Notice { kind, .. } => Some(kind),
            Self::Late => Some(NoticeKind::Reminder),
            Self::ByHand { .. } => None,
        }
    }

    /// The delivery report, if one came.
    pub fn report(self) -> Option<MailRef> {
        match self {
            Self::Notice { report, .. } => report,
            Self::Late => None,
            Self::ByHand { report } => Some(report),
        }
    }
}

/// What a reminder that did not arrive spoke of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminded {
    /// Of which promise.
    pub promise: String,
    /// Its deadline then.
    pub deadline: Timestamp,
    /// Where the ladder put it.
    pub nominal: Timestamp,
    /// All who were told of it, whether it arrived or not.
    pub told: Vec<Address>,
}

/// A new report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The stored mail.
    pub mail: MailRef,
    /// Its sender, when it has exactly one plain one.
    pub from: Option<Address>,
    /// The sender for the team: name and address as claimed.
    pub shown: String,
    /// Whether and why the sender is believed.
    pub identity: String,
    /// Its subject.
    pub title: String,
    /// Its new text.
    pub excerpt: String,
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// When our mail server took it.
    pub received: Timestamp,
    /// What was recognised in it.
    pub fields: Fields,
    /// What the project asks for and is not in it.
    pub missing: Vec<Part>,
    /// Its subject does not begin as the project asks for, and so nothing is sent by itself.
    pub off_subject: bool,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Who wrote it, as it says itself.
    pub authors: Authors,
    /// The mails that are attached to it.
    pub attached: Vec<Enclosed>,
    /// What was odd.
    pub problems: Vec<String>,
    /// A ticket that it names without proof.
    pub may_belong_to: Option<TicketId>,
    /// Whether to acknowledge it, and why not.
    pub acknowledge: (Acknowledgement, String),
    /// Whether the team is told of it at once; not when too much comes in.
    pub tell: bool,
    /// The way of the operator's that named the sender, whom nobody else vouches for.
    pub through: Option<String>,
    /// It came from where mail servers return mail from, and refers to nothing of ours.
    pub backscatter: bool,
    /// Its acknowledgement leaves, and is drawn from the reserve for new senders who are believed: see the caps.
    pub reserved: bool,
    /// It lay in the folder for junk, and nothing speaks for it.
    pub junk: bool,
}

/// More mail for a ticket.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// The reporter, or somebody who holds the reporter's token.
    pub by: Actor,
    /// Whether a program wrote it, as far as can be seen.
    pub program: bool,
    /// The sender for the team, and how sure that is.
    pub who: String,
    /// The person of the project whose own reply address it bears, where the sender is not known to be them.
    pub holder: Option<Address>,
    /// What they wrote.
    pub contents: Contents,
    /// The mail.
    pub mail: MailRef,
    /// Whether the team is told at once: not of what a program answered.
    pub tell: bool,
    /// What the reporter asks for, on the first lines; empty for anybody else.
    pub asks: Vec<Ask>,
    /// Its Message-ID, to answer it.
    pub reply_to: Option<MessageId>,
}

/// Commands.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who commands; has the right to.
    pub by: Actor,
    /// The lines and the text.
    pub orders: Orders,
    /// The mail they came in.
    pub mail: Option<MailRef>,
    /// What is attached to it, by whoever commands.
    pub attachments: Vec<Attachment>,
    /// Its Message-ID, to answer it.
    pub reply_to: Option<MessageId>,
    /// The revision of the ticket that the answered notice showed; `None` for the command line and for what only reads.
    pub seen: Option<u32>,
    /// The number of that notice.
    pub answers: Option<u32>,
    /// The same person gave the same lines and text before, in answer to the same notice.
    pub repeated: bool,
    /// How far its authority reaches.
    pub warrant: Warrant,
    /// What the store knows of the words that may leave.
    pub known: Known,
    /// Why the acknowledgement of a reporter whom they name is held, if it is.
    pub hold: Option<String>,
}

/// How far the authority of commands reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warrant {
    /// They may ask for what is grave.
    pub grave: bool,
    /// They bear a good signature, which is spent: no other mail can repeat them. Without one, a repetition is not done,
    /// and what was changed since the notice that they answer, by their author too, stays as it is until somebody has
    /// looked.
    pub signed: bool,
}

impl Warrant {
    /// Beyond all doubt.
    pub const FULL: Self = Self { grave: true, signed: true };
}

impl Order {
    /// Somebody at the command line, of whom nothing is known, without a word yet.
    pub fn local() -> Self {
        let (orders, known) = (Orders::default(), Known::default());
        Self {
            by: Actor::Local(Seat::default()),
            orders,
            mail: None,
            attachments: Vec::new(),
            reply_to: None,
            seen: None,
            answers: None,
            repeated: false,
            warrant: Warrant::FULL,
            known,
            hold: None,
        }
    }
}
