//! What is to be said, as facts: one variant a kind of text. The rules choose; [`super::words`] makes words of it.
//!
//! To add a text: a variant here, and a function in [`super::text`] that makes its blocks. The compiler names the rest.

use std::sync::Arc;

use jiff::Timestamp;

use super::block::Obeyed;
use super::leak::Hit;
use super::standing::Due;
use super::text::digest::{Counts, Open};
use super::text::flood::Sample;
use super::text::report::NewReport;
use super::text::team::{Did, MoreMail};
use super::text::trouble::Trouble;
use crate::command::{self, Ask};
use crate::mail::fields::Part;
use crate::policy::Milestone;
use crate::ticket::Ticket;
use crate::ticket::moved::Moved;
use crate::vocabulary::{Address, Mailed, NoticeKind, TicketId};

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// About one ticket, as it stood when the rule spoke.
    About(Arc<Ticket>, About),
    /// A notice about no single ticket did not arrive.
    Lost {
        /// What it was.
        notice: Mailed,
        /// To whom it went.
        to: Address,
        /// Since when no mail reaches them, where that is not new.
        since: Option<Timestamp>,
        /// What the server said.
        reply: String,
    },
    /// What was in the inbox before the first start: how many mails, and the newest.
    Earlier {
        /// How many.
        all: u32,
        /// The newest, in this order, with when our mail server took them.
        newest: Vec<(Timestamp, Sample)>,
    },
    /// More comes in than is told one by one.
    Flood,
    /// The policy changed, and with it deadlines of open tickets.
    Policy {
        /// Those to list, in this order.
        moved: Vec<Moved>,
        /// How many there are.
        all: usize,
    },
    /// Many reminders for one person.
    Reminders(Vec<Arc<Says>>),
    /// The state of all open tickets, as often as the config says.
    Digest(Open, Counts),
    /// The answer to `/list`.
    List(Open),
    /// The answer to `/help`.
    Help,
    /// A mail with commands answers no notice about a ticket: the first of its lines.
    NoTicket(String),
    /// The daemon cannot do its work.
    Trouble(Trouble),
}

/// What a notice says about one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// To the reporter: the report arrived.
    Acknowledgement {
        /// What the project asks for and was not in it.
        missing: Vec<Part>,
    },
    /// To the reporter: a person has read the report.
    Acknowledged {
        /// Their name.
        by: String,
        /// What they add; may be empty.
        words: String,
    },
    /// To the reporter: the words of a person.
    Reply {
        /// Their name.
        by: String,
        /// The words.
        words: String,
        /// Whether they wait for an answer.
        asks: bool,
    },
    /// To the reporter: a fixed version is out, with a note of a person; may be empty.
    Released(String),
    /// To the reporter: it was made public, with a note of a person; may be empty.
    Public(String),
    /// To the reporter: a date until which nothing is published.
    Embargo {
        /// Whether it is only proposed.
        proposed: bool,
        /// The date that held before.
        before: Option<Timestamp>,
        /// The date.
        until: Timestamp,
        /// The zone that it was written in.
        zone: Option<String>,
    },
    /// To the reporter: the embargo is over.
    EmbargoOver,
    /// To the reporter: a deadline was moved.
    Moved {
        /// What keeps the promise.
        until: Milestone,
        /// The old date, where the reporter knows it.
        from: Option<Timestamp>,
        /// The new date.
        to: Timestamp,
        /// Why, in the words of a person; may be empty.
        reason: String,
    },
    /// To the reporter: what is planned.
    AtWork(Vec<Due>),
    /// To the reporter: what they asked for.
    Asked(Vec<Ask>),
    /// To the team: a new report.
    Report(Box<NewReport>),
    /// To the team: a second copy of the report says more of its sender than the first did.
    Copied {
        /// Whether the sender was acknowledged for it.
        sent: bool,
        /// Its text, where that is another one; else empty.
        excerpt: String,
    },
    /// To the team: more mail.
    FollowUp(MoreMail),
    /// To the team: what one of them did.
    Change {
        /// Who.
        who: String,
        /// What.
        did: Did,
    },
    /// To the team: somebody tried to command and may not.
    Attempt {
        /// The From address.
        from: Option<Address>,
        /// The name of the person whom somebody vouches for as its sender.
        sender: Option<String>,
        /// The name of the person whose own reply address the mail bears.
        holder: Option<String>,
        /// What failed.
        why: String,
    },
    /// To the team: a notice did not arrive.
    Undeliverable {
        /// What it was.
        notice: Mailed,
        /// To whom it went.
        to: Address,
        /// Whether nothing but the recipient says that it was this notice.
        perhaps: bool,
        /// Since when no mail reaches them, where that is not new.
        since: Option<Timestamp>,
        /// What the server said.
        reply: String,
    },
    /// To the team: the notice of the report reached nobody of them.
    Unreached,
    /// To the team: more comes in for it than is told one by one.
    Flood,
    /// To the team: it stands for many reports that came at once, so many so far.
    Many(u32),
    /// To the team: it gathers mail that servers returned to the wrong address.
    Returned {
        /// Those to list.
        newest: Vec<Sample>,
        /// How many came since this was last said.
        all: usize,
    },
    /// Mail in the folder for junk, gathered in one ticket.
    Junk {
        /// Those to list.
        newest: Vec<Sample>,
        /// How many came since this was last said.
        all: usize,
    },
    /// A promise nears its deadline or has passed it.
    Reminder {
        /// The promise and its deadline.
        due: Due,
        /// The name of whoever it did not reach, so that it was passed on.
        missed: Option<String>,
    },
    /// To whoever commanded: each line with what it did, and what left for the reporter.
    Done {
        /// The lines.
        lines: Vec<Obeyed>,
        /// What left.
        left: Vec<Arc<Says>>,
    },
    /// To whoever commanded: nothing was done.
    Refused {
        /// The faulty line.
        line: String,
        /// Where its fault is: the characters before it.
        column: Option<usize>,
        /// What is wrong.
        why: String,
    },
    /// To the person whose own reply address a mail bears: what was not done with it.
    Unheard {
        /// The line that was not read as a command.
        line: Option<String>,
        /// Why.
        why: String,
        /// What was done with the mail all the same.
        filed: &'static str,
    },
    /// To whoever commanded: grave commands wait for this code.
    Code {
        /// The commands.
        lines: Vec<String>,
        /// The code.
        code: String,
        /// Until when it is good.
        until: Timestamp,
    },
    /// To the person whose own reply address a mail bears that nobody vouches for: its commands wait for a code.
    Request(Box<Request>),
    /// To the others: the commands of somebody else wait for this code.
    CodeOfSecond {
        /// The name of whoever asked.
        who: String,
        /// The commands.
        lines: Vec<String>,
        /// The code.
        code: String,
        /// Until when it is good.
        until: Timestamp,
    },
    /// To whoever commanded: the others have been asked.
    WaitsForSecond {
        /// The commands.
        lines: Vec<String>,
        /// Until when their codes are good.
        until: Timestamp,
    },
    /// To whoever commanded: a text waits for a look before it goes to the reporter.
    Look {
        /// Why.
        hits: Vec<Hit>,
        /// All of it, as it would leave.
        text: String,
        /// The code that sends it.
        code: String,
        /// Until when the code is good.
        until: Timestamp,
    },
}

/// Commands that nobody vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The sender of their mail, where that is not whoever is asked.
    pub from: Option<Address>,
    /// The commands.
    pub lines: Vec<command::Line>,
    /// What would leave for the reporter.
    pub leaves: Vec<Arc<Says>>,
    /// The text below the commands.
    pub text: String,
    /// The code.
    pub code: String,
    /// Until when it is good.
    pub until: Timestamp,
}

impl Says {
    /// What kind of notice says it.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::About(_, about) => about.kind(),
            Self::Lost { .. } => NoticeKind::Undeliverable,
            Self::Earlier { .. } | Self::Flood => NoticeKind::Flood,
            Self::Policy { .. } => NoticeKind::Policy,
            Self::Reminders(_) => NoticeKind::Reminder,
            Self::Digest(..) => NoticeKind::Digest,
            Self::List(_) | Self::Help | Self::NoTicket(_) => NoticeKind::Answer,
            Self::Trouble(_) => NoticeKind::Trouble,
        }
    }

    /// The ticket that it is about; `None` for one about many or none.
    pub fn ticket(&self) -> Option<TicketId> {
        if let Self::About(ticket, _) = self { Some(ticket.id) } else { None }
    }

    /// The revision of that ticket; 0 without one.
    pub fn revision(&self) -> u32 {
        if let Self::About(ticket, _) = self { ticket.revision } else { 0 }
    }
}

impl About {
    /// What kind of notice says it.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Acknowledgement { .. } => NoticeKind::Acknowledgement,
            Self::Acknowledged { .. } | Self::Reply { .. } => NoticeKind::Reply,
            Self::Released(_)
            | Self::Public(_)
            | Self::Embargo { .. }
            | Self::EmbargoOver
            | Self::Moved { .. }
            | Self::AtWork(_) => NoticeKind::Update,
            Self::Asked(_) => NoticeKind::Told,
            Self::Report(_) => NoticeKind::Report,
            Self::Copied { .. } | Self::FollowUp(_) => NoticeKind::FollowUp,
            Self::Change { .. } => NoticeKind::Change,
            Self::Attempt { .. } | Self::Unheard { .. } => NoticeKind::Attempt,
            Self::Undeliverable { .. } | Self::Unreached => NoticeKind::Undeliverable,
            Self::Flood | Self::Many(_) | Self::Returned { .. } | Self::Junk { .. } => NoticeKind::Flood,
            Self::Reminder { .. } => NoticeKind::Reminder,
            Self::Done { .. } | Self::Refused { .. } | Self::WaitsForSecond { .. } => NoticeKind::Answer,
            Self::Code { .. } | Self::Request(_) | Self::CodeOfSecond { .. } | Self::Look { .. } => NoticeKind::Code,
        }
    }
}
