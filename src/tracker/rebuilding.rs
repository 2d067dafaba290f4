//! Tickets from the mail that is there, where the database is lost.
//!
//! Everything that lay in the folder is stored first, and then read in the order in which our mail server took it, as if
//! each mail came then. What people sent is taken in; what people commanded is not done again, since nobody knows what was
//! done; nothing is sent about any of it. All of this is under hold, with numbers well above all that any mail proves.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::reading::{Stowed, read_one};
use super::work::Work;
use super::{Arrival, FoundMark, Tracker};
use crate::intake::disposition::Intake;
use crate::intake::proven::{Lying, Proven, proven};
use crate::mail::signature::Dkim;
use crate::rules::event::{Event, Report};
use crate::store::{Mark, Memo, NewMail, Result, Stored};
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Ticket};
use crate::vocabulary::{MailRef, Role, TicketId};

/// Mails of one transaction.
const BATCH: usize = 500;
/// What is not known of a ticket that was made anew.
const UNKNOWN: &str = "Made anew from the mail in the inbox, since the database was lost. Not known: whether and when \
                       somebody answered from elsewhere or by a command, its status, severity, owner and embargo, \
                       deadlines that were moved, and what was said in notices. Look through the mail of the team, and \
                       set what matters.";
const NOT_ANSWERED: &str = "made anew from the inbox; whether it was acknowledged before is not known";

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Mails that were read.
    pub mails: usize,
    /// Tickets that were made of them.
    pub tickets: usize,
    /// Those of them that have their old number, since a token proves it.
    pub proven: usize,
    /// The number above which all others stand.
    pub above: u32,
}

/// A mail that is to be read.
type Waiting = (Timestamp, MailRef, bool);

impl Tracker {
    /// Stores mails, and does nothing else about them.
    pub fn stow(&mut self, arrivals: &[Arrival], now: Timestamp) -> Result<()> {
        self.store.write(|tx| {
            for arrival in arrivals {
                let (place, received) = (arrival.place.as_ref(), arrival.received(now));
                match tx.store_mail(&NewMail { raw: &arrival.raw, size: arrival.size, received, place }, now)? {
                    Stored::New(_) | Stored::Known(_) => {}
                }
            }
            Ok(())
        })
    }

    /// Makes tickets of all that is stowed. `found` is the mark of the database that was lost.
    pub fn rebuild_from_mail(&mut self, found: FoundMark, now: Timestamp) -> Result<Rebuilt> {
        let (project, key) = (&self.project, &self.key);
        let mut waiting: Vec<Waiting> = self
            .store
            .read(|tx| Ok(tx.waiting_mails(u32::MAX)?.into_iter().map(|w| (w.received, w.mail, w.whole)).collect()))?;
        // As they came, wherever they lie in the folder now.
        waiting.sort_unstable();
        let mut lying = Vec::new();
        for (received, mail, whole) in &waiting {
            let (raw, role) = self.store.read(|tx| Ok((tx.raw(*mail)?, tx.role_of(*mail)?)))?;
            let (read, _) = read_one(&Stowed::by_hand(*mail, &raw, *received, *whole));
            // What we sent proves numbers, and is no report.
            let report = (role != Role::Sent).then_some(*mail);
            lying.push(Lying::of(report, *received, &read, project, key));
        }
        let proven = proven(&lying);
        let above = self.store.write(|tx| {
            let (notice, ticket) = proven.highest;
            let lost = if let FoundMark::At(mark) = found { mark } else { Mark::default() };
            let above = Mark { notice: notice.max(lost.notice), ticket: ticket.max(lost.ticket) };
            tx.enter_hold("the database was lost, and made anew from the inbox", above, now)?;
            Work::new(tx, project, key, now)?.tell_hold()?;
            Ok(tx.raised()?.ticket)
        })?;
        let mut rebuilt = Rebuilt { mails: waiting.len(), above, ..Rebuilt::default() };
        for batch in waiting.chunks(BATCH) {
            for ticket in self.read_again(batch, &proven, now)? {
                rebuilt.tickets += 1;
                rebuilt.proven += usize::from(ticket.0 <= above);
            }
        }
        Ok(rebuilt)
    }

    /// Gives the tickets that were made.
    fn read_again(&mut self, batch: &[Waiting], proven: &Proven, now: Timestamp) -> Result<Vec<TicketId>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let mut made = Vec::new();
            for (received, mail, whole) in batch {
                let raw = tx.raw(*mail)?;
                let stowed = Stowed {
                    dkim: Some(Dkim::Unasked),
                    by_hand: false,
                    ..Stowed::by_hand(*mail, &raw, *received, *whole)
                };
                let (read, prints) = read_one(&stowed);
                let mut work = Work::new(tx, project, key, (*received).min(now))?;
                work.rebuilds = Some(&proven.numbers);
                work.mail(&stowed, &read, &prints)?;
                let reported = work.news.entries.iter().filter(|(_, e)| matches!(e.kind, EntryKind::Reported { .. }));
                made.extend(reported.map(|(ticket, _)| *ticket));
            }
            tx.set_memo(Memo::LastScan, now)?;
            Ok(made)
        })
    }
}

impl Work<'_> {
    /// What a mail brings about when it is read again: it is taken in, and nobody is answered or obeyed.
    pub(super) fn read_again(&self, intake: Intake) -> Intake {
        if self.rebuilds.is_none() {
            return intake;
        }
        let withheld = |report: Box<Report>| {
            let acknowledge = (Acknowledgement::Withheld, NOT_ANSWERED.to_owned());
            Box::new(Report { acknowledge, tell: true, reserved: false, ..*report })
        };
        let event = match intake.event {
            Some(Event::Reported(report)) => Some(Event::Reported(withheld(report))),
            Some(Event::Copied(report, altered)) => Some(Event::Copied(withheld(report), altered)),
            Some(Event::FollowedUp(mut mail)) => {
                mail.asks.clear();
                Some(Event::FollowedUp(mail))
            }
            Some(event @ Event::Wrote { .. }) => Some(event),
            Some(
                Event::Flooded(_)
                | Event::Ordered(_)
                | Event::Attempted { .. }
                | Event::Requested(_)
                | Event::Confirmed(..)
                | Event::Undelivered(_)
                | Event::Erased(_)
                | Event::ClockSet(_)
                | Event::Tick,
            ) => {
                let reason = format!("{}; not done again, since the database was made anew", intake.reason);
                return Intake { event: None, reason, ..intake };
            }
            None => None,
        };
        Intake { event, ..intake }
    }

    /// The number of a new ticket: the one that a report had before, where that is proven.
    pub(super) fn number_of(&self, report: &Report) -> Result<TicketId> {
        let before: Option<&BTreeMap<MailRef, TicketId>> = self.rebuilds;
        match before.and_then(|numbers| numbers.get(&report.mail)) {
            Some(number) => Ok(*number),
            None => self.tx.next_ticket(),
        }
    }

    /// A ticket that was made anew says what is not known of it.
    pub(super) fn note_unknown(&mut self, id: TicketId) -> Result<()> {
        let Some(ticket) = self.tx.ticket(id)?.filter(|_| self.rebuilds.is_some()) else { return Ok(()) };
        let note = Entry {
            seq: ticket.revision + 1,
            at: self.now,
            by: Actor::Daemon,
            kind: EntryKind::Note,
            party: None,
            text: Some(UNKNOWN.to_owned()),
            mail: None,
            order: None,
        };
        let mut after: Ticket = ticket;
        after.apply(&note);
        self.tx.append(id, std::slice::from_ref(&note))?;
        self.tx.project(&after, self.project)?;
        self.news.entries.push((id, note));
        Ok(())
    }
}
