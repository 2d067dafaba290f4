//! What a notice stands for, so that it is made once (G3).

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::text::trouble::TroubleKind;
use crate::vocabulary::{Address, MailRef, NoticeKind, TicketId};

/// What a notice stands for. No two notices share one, and what stands in one place of a text is of one kind: the store
/// knows it by the hash of that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKey {
    /// What a ticket had come to when the notice was decided.
    Revision {
        /// What the notice is.
        kind: NoticeKind,
        /// The ticket.
        ticket: TicketId,
        /// Its revision then.
        revision: u32,
        /// To whom.
        to: Address,
    },
    /// The answer to what a mail of the reporter asked.
    Told(MailRef),
    /// The answer to the commands of a mail.
    Answer(MailRef),
    /// What was not done with a mail that bears the reply address of one of the team.
    Unheard(MailRef),
    /// A rung of the ladder that spoke. By its instant: the number of a rung means another one when the ladder in the
    /// config changes.
    Rung {
        /// The ticket.
        ticket: TicketId,
        /// The promise.
        promise: String,
        /// Its deadline then.
        deadline: Timestamp,
        /// Where the ladder puts the rung.
        nominal: Timestamp,
        /// To whom.
        to: Address,
    },
    /// That a lost reminder was passed on: a second report about the loss takes the reminder no further.
    Passed {
        /// The ticket.
        ticket: TicketId,
        /// The reminder that was lost.
        lost: u32,
    },
    /// News of a lost answer that a person sent by hand.
    LostByHand {
        /// The mail that reports the loss.
        report: MailRef,
        /// To whom.
        to: Address,
    },
    /// News of a lost notice that held the words of a person.
    LostWords {
        /// The notice that was lost.
        lost: u32,
        /// To whom.
        to: Address,
    },
    /// News of all other notices that were lost on the way to one address on one day.
    LostMail {
        /// When, to the day.
        at: Timestamp,
        /// Whom mail does not reach.
        missed: Address,
        /// To whom.
        to: Address,
    },
    /// That nobody of the team was reached with a report.
    Unreached {
        /// The ticket.
        ticket: TicketId,
        /// To whom.
        to: Address,
    },
    /// That more comes in than is told one by one.
    Flood {
        /// When, to the hour.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// That more comes in for one ticket than is told one by one.
    FloodOf {
        /// The ticket.
        ticket: TicketId,
        /// When, to the hour.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// What one ticket gathers.
    Gathered {
        /// Of which mails.
        what: Gathered,
        /// The ticket.
        ticket: TicketId,
        /// When, to the second.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// The digest.
    Digest {
        /// When, to the second.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// Deadlines that a new policy moved.
    Policy {
        /// The fingerprint of the policy.
        print: String,
        /// When, to the millisecond.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// Trouble of the daemon.
    Trouble {
        /// Which. All of one word are told together.
        kind: TroubleKind,
        /// When: to the day, but for the breaker and the hold, which come anew only when a person has ended them.
        at: Timestamp,
        /// To whom.
        to: Address,
    },
    /// What was in the inbox before the first start.
    Earlier {
        /// To whom.
        to: Address,
    },
}

/// Mails that come many at once and share one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathered {
    /// Reports.
    Reports,
    /// Mail that servers returned to the wrong address.
    Returned,
    /// What the provider took for junk.
    Junk,
}

impl Gathered {
    /// Those of which what came since the last word is listed, at the end of its time.
    pub const LISTED: [Self; 2] = [Self::Returned, Self::Junk];

    /// The word for it in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reports => "many",
            Self::Returned => "backscatter",
            Self::Junk => "junk",
        }
    }
}

impl NoticeKey {
    /// The ticket that it is about, if it is about one.
    pub fn ticket(&self) -> Option<TicketId> {
        match self {
            Self::Revision { ticket, .. }
            | Self::Rung { ticket, .. }
            | Self::Passed { ticket, .. }
            | Self::Unreached { ticket, .. }
            | Self::FloodOf { ticket, .. }
            | Self::Gathered { ticket, .. } => Some(*ticket),
            Self::Told(_)
            | Self::Answer(_)
            | Self::Unheard(_)
            | Self::LostByHand { .. }
            | Self::LostWords { .. }
            | Self::LostMail { .. }
            | Self::Flood { .. }
            | Self::Digest { .. }
            | Self::Policy { .. }
            | Self::Trouble { .. }
            | Self::Earlier { .. } => None,
        }
    }
}

/// The text that the store hashes: another text would be another key, and what was said would be said again.
impl fmt::Display for NoticeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision { kind, ticket, revision, to } => {
                write!(f, "{}:{}:{revision}:{}", kind.word(), ticket.0, to.key())
            }
            Self::Told(mail) => write!(f, "told:{}", mail.0),
            Self::Answer(mail) => write!(f, "answer:{}", mail.0),
            Self::Unheard(mail) => write!(f, "unheard:{}", mail.0),
            Self::Rung { ticket, promise, deadline, nominal, to } => {
                let (deadline, nominal) = (deadline.as_millisecond(), nominal.as_millisecond());
                write!(f, "rung:{}:{promise}:{deadline}:{nominal}:{}", ticket.0, to.key())
            }
            Self::Passed { ticket, lost } => write!(f, "passed:{}:{lost}", ticket.0),
            Self::LostByHand { report, to } => write!(f, "undeliverable:by-hand:{}:{}", report.0, to.key()),
            Self::LostWords { lost, to } => write!(f, "undeliverable:{lost}:{}", to.key()),
            Self::LostMail { at, missed, to } => {
                write!(f, "undeliverable:{}:{}:{}", day(*at), missed.key(), to.key())
            }
            Self::Unreached { ticket, to } => write!(f, "unreached:{}:{}", ticket.0, to.key()),
            Self::Flood { at, to } => write!(f, "flood:{}:{}", hour(*at), to.key()),
            Self::FloodOf { ticket, at, to } => write!(f, "flood:{}:{}:{}", ticket.0, hour(*at), to.key()),
            Self::Gathered { what, ticket, at, to } => {
                write!(f, "{}:{}:{}:{}", what.word(), ticket.0, at.as_second(), to.key())
            }
            Self::Digest { at, to } => write!(f, "digest:{}:{}", at.as_second(), to.key()),
            Self::Policy { print, at, to } => write!(f, "policy:{print}:{}:{}", at.as_millisecond(), to.key()),
            Self::Trouble { kind, at, to } => {
                let by_person = matches!(kind, TroubleKind::Breaker | TroubleKind::Hold);
                let once = if by_person { at.as_second() } else { day(*at) };
                write!(f, "trouble:{}:{once}:{}", kind.word(), to.key())
            }
            Self::Earlier { to } => write!(f, "earlier:{}", to.key()),
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * 3_600)
}

/// From when on it is too late for a notice to leave: a reminder of a deadline when that has passed, or of a broken one
/// when the next is due; an acknowledgement that is a day late only confuses.
pub(crate) fn expires(kind: NoticeKind, keys: &[NoticeKey], now: Timestamp) -> Option<Timestamp> {
    let day = || now.checked_add(SignedDuration::from_hours(24)).ok();
    let deadline = |key: &NoticeKey| {
        let NoticeKey::Rung { deadline, .. } = key else { return None };
        Some(*deadline)
    };
    match keys.iter().filter_map(deadline).max() {
        Some(deadline) if deadline > now => Some(deadline),
        Some(_) => day(),
        None if kind == NoticeKind::Acknowledgement => day(),
        None => None,
    }
}
