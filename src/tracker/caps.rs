//! What bounds all that incoming mail can make us send, whatever its headers say (G7): per sender, per domain, per
//! ticket, per hour; many reports at once are one ticket; and a breaker for what no other cap has seen.
//!
//! What counts is the cause. A mail counts once in each row below, however many people are told of it.
//!
//! | what | counted in | what is over the cap |
//! |---|---|---|
//! | a mail that makes us send anything by itself | all mails of an hour | is filed; acknowledgement held, team told once an hour |
//! | of these, returned mail of strangers | itself alone | becomes one ticket |
//! | of these, a believed new sender's report | the reserve, while it has room | counts like any other |
//! | an acknowledgement | its sender and domain as well | is held |
//! | more mail for a ticket | its ticket as well | is filed, told once an hour |
//! | refused commands | their ticket, by the rules | stand in the digest |
//! | a mail, tick or delivery that makes what nobody asked for | the breaker | all such waits for a person |
//!
//! Nobody asked for what is in a lane behind [`NoticeKind::ASKED`]. What the reserve acknowledges is in no such lane, up
//! to a number a day: an attacker who has the breaker fall must not silence the answer to an honest report.

use std::cell::Cell;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::tallies::{DAY, HOUR, SLOT, Scope};
use super::work::{Work, desk};
use crate::command::{self, Command, Orders};
use crate::intake::unheard::Unheard;
use crate::mail::Mail;
use crate::notice::Notice;
use crate::notice::key::{Gathered, NoticeKey};
use crate::notice::says::{About, Says};
use crate::notice::text::flood::RETURNED_LINES;
use crate::notice::text::trouble::Trouble;
use crate::rules::decide;
use crate::rules::event::{Event, Order, Report};
use crate::store::{Memo, Result};
use crate::ticket::{Acknowledgement, Ticket};
use crate::vocabulary::{Address, MailRef, NoticeKind, TicketId};

/// Mails for one ticket that the team is told of one by one, in an hour and in a day.
const TOLD_PER_HOUR: u32 = 10;
const TOLD_PER_DAY: u32 = 40;
/// Reports that one ticket lists before another is made for those that follow.
const MEMBERS_MAX: u32 = 10_000;
/// Mails from where servers return mail from, about nothing of ours, that get a ticket each within an hour.
const RETURNED_PER_HOUR: u32 = 20;

impl Work<'_> {
    /// The mails of an hour that made us send anything.
    pub(super) fn provoked(&self) -> Result<u32> {
        self.of_the_hour(&self.provoked, Scope::Provoked)
    }

    /// Whether another mail may make us send anything.
    pub(super) fn has_room(&self) -> Result<bool> {
        Ok(self.provoked()? < self.project.limits.automatic_per_hour)
    }

    /// Whether only the reserve is left for the acknowledgements of new reports.
    pub(super) fn is_scarce(&self) -> Result<bool> {
        let limit = self.project.limits.reports_per_hour;
        Ok(!self.has_room()?
            || self.tx.counted(Scope::Reports, self.slots(HOUR))? >= limit
            || self.tx.breaker()?.is_some())
    }

    /// Counts the mail in hand as one more of them.
    pub(super) fn count_provoked(&mut self) -> Result<()> {
        if self.cause.apart || std::mem::replace(&mut self.cause.provoked, true) {
            return Ok(());
        }
        let before = self.provoked()?;
        self.count(Scope::Provoked)?;
        self.provoked.set(Some(before + 1));
        Ok(())
    }

    fn of_the_hour(&self, known: &Cell<Option<u32>>, scope: Scope<'_>) -> Result<u32> {
        if let Some(count) = known.get() {
            return Ok(count);
        }
        let count = self.tx.counted(scope, self.slots(HOUR))?;
        known.set(Some(count));
        Ok(count)
    }

    /// Whether the reserve has room for a sender: all its acknowledgements are bounded as else those to one domain are,
    /// and those of a domain as else those to one sender, so that who owns one domain cannot use it up.
    pub(super) fn has_reserve(&self, from: &Address) -> Result<bool> {
        let (limits, hour) = (&self.project.limits, self.slots(HOUR));
        Ok(self.tx.counted(Scope::Reserve, hour.clone())? < limits.acks_per_domain_hour
            && self.tx.counted(Scope::ReserveOf(from), hour)? < limits.acks_per_sender_day)
    }

    /// Says where what a report makes us send is counted. Returned mail is counted apart: whoever has our address used
    /// for spam must not cost honest reports their acknowledgement. Where only the reserve is left, no breaker holds what
    /// is drawn from it, up to as many in a day as there are in an hour.
    pub(super) fn draw(&mut self, report: &Report) -> Result<()> {
        let norm = self.project.limits.acks_per_domain_hour;
        self.cause.apart = report.backscatter || report.reserved;
        self.cause.sure =
            report.reserved && self.is_scarce()? && self.tx.counted(Scope::Reserve, self.slots(DAY))? < norm;
        Ok(())
    }

    /// Before which others a notice goes.
    pub(super) fn lane(&self, kind: NoticeKind) -> u8 {
        let sure = self.cause.sure && kind == NoticeKind::Acknowledgement;
        if sure { NoticeKind::ASKED } else { kind.lane() }
    }

    /// Orders with what the store knows of them: the words that may leave, and whether the acknowledgement of a reporter
    /// whom they name is over a cap. That one counts like one that a mail asks for, whoever it is that names them.
    pub(super) fn informed(&self, ticket: &Ticket, order: &Order) -> Result<Order> {
        let mut order = Order { known: self.known(ticket, order)?, ..order.clone() };
        let waiting = ticket.pending.as_ref().map(|p| command::split(&p.lines));
        for command in order.orders.commands().chain(waiting.iter().flat_map(Orders::commands)) {
            let Command::Reporter(to) = command else { continue };
            let to_sender = self.tx.counted(Scope::Sender(to), self.slots(DAY))?;
            let to_domain = self.tx.counted(Scope::Domain(to), self.slots(HOUR))?;
            order.hold = order.hold.or_else(|| self.project.limits.acknowledged(to_sender, to_domain));
        }
        Ok(order)
    }

    /// Counts an acknowledgement to whoever gets it.
    pub(super) fn count_acknowledgement(&self, to: &Address) -> Result<()> {
        self.count(Scope::Sender(to))?;
        self.count(Scope::Domain(to))
    }

    /// Counts what a report made us send; over the cap, the team gets one notice an hour in place of many.
    pub(super) fn bound(&mut self, report: &Report) -> Result<()> {
        if let (Acknowledgement::Sent, Some(from)) = (report.acknowledge.0, &report.from) {
            self.count_acknowledgement(from)?;
            if let Some(way) = &report.through {
                self.count(Scope::Way(way))?;
            }
            if report.reserved {
                self.count(Scope::Reserve)?;
                self.count(Scope::ReserveOf(from))?;
            }
        }
        if report.tell { Ok(()) } else { self.flood() }
    }

    /// More comes in than is told one by one: one notice an hour for each of the team.
    pub(super) fn flood(&mut self) -> Result<()> {
        let at = self.now;
        self.tell(self.project.team(), |to| NoticeKey::Flood { at, to }, Says::Flood)
    }

    /// Counts what mail for a ticket made us say; over the caps, the team gets one notice an hour in place of many.
    pub(super) fn bound_ticket(&mut self, ticket: &Ticket, told: bool) -> Result<()> {
        if told {
            return self.count(Scope::Told(ticket.id));
        }
        if !self.has_room()? {
            return self.flood();
        }
        if self.is_full(ticket.id)? {
            let says = Says::About(Arc::new(ticket.clone()), About::Flood);
            let (ticket, at) = (ticket.id, self.now);
            return self.tell(self.project.team(), |to| NoticeKey::FloodOf { ticket, at, to }, says);
        }
        Ok(())
    }

    pub(super) fn is_full(&self, ticket: TicketId) -> Result<bool> {
        self.told_enough(Scope::Told(ticket))
    }

    pub(super) fn told_enough(&self, scope: Scope<'_>) -> Result<bool> {
        Ok(self.tx.counted(scope, self.slots(HOUR))? >= TOLD_PER_HOUR
            || self.tx.counted(scope, self.slots(DAY))? >= TOLD_PER_DAY)
    }

    /// Tells a person what was not done with a mail that bears their own reply address: once a mail, and no more often
    /// than the team is told of the mail for one ticket. Their mailbox may answer each time.
    pub(super) fn unheard(&mut self, unheard: &Unheard, stored: MailRef, mail: &Mail) -> Result<()> {
        let Unheard::Told { to, ticket, line, why, filed } = unheard else {
            let before: u32 = self.tx.memo(Memo::Unheard)?.unwrap_or_default();
            return self.tx.set_memo(Memo::Unheard, before.saturating_add(1));
        };
        let scope = Scope::Unheard(to);
        if self.told_enough(scope)? || !self.has_room()? {
            return Ok(());
        }
        self.count(scope)?;
        let Some(ticket) = self.tx.ticket(*ticket)? else { return Ok(()) };
        let about = About::Unheard { line: line.clone(), why: why.clone(), filed };
        let notice = desk(Arc::new(Says::About(Arc::new(ticket), about)), to, vec![NoticeKey::Unheard(stored)]);
        self.post(Notice { in_reply_to: mail.message_id.clone(), ..notice })
    }

    /// Whether more new tickets came in within an hour than people can look at one by one. By when our mail server took
    /// the mails: what has waited for a daemon that was down is no flood.
    pub(super) fn is_flood(&self, report: &Report) -> Result<bool> {
        Ok(self.before(report, Scope::Reports)? >= self.project.limits.reports_per_hour)
    }

    /// Whether more mail that servers returned to the wrong address came in within an hour than gets tickets of its own.
    pub(super) fn is_backscatter(&self, report: &Report) -> Result<bool> {
        Ok(report.backscatter && self.before(report, Scope::Returned)? >= RETURNED_PER_HOUR)
    }

    /// How many of a kind our mail server took in the hour that ended with this one.
    fn before(&self, report: &Report, scope: Scope<'_>) -> Result<u32> {
        let last = report.received.as_second();
        self.tx.counted(scope, (last - HOUR).div_euclid(SLOT) + 1..=last.div_euclid(SLOT))
    }

    /// One of many: listed in a ticket for all of them, which waits for a person like any other. The team is told of it
    /// once, and then at most once an hour.
    pub(super) fn one_of_many(&mut self, report: &Report) -> Result<TicketId> {
        let what = match report {
            Report { junk: true, .. } => Gathered::Junk,
            Report { backscatter: true, .. } => Gathered::Returned,
            Report { .. } => Gathered::Reports,
        };
        let span = match what {
            Gathered::Reports | Gathered::Returned => HOUR,
            Gathered::Junk => DAY,
        };
        let known = self.tx.memo(Memo::Gathers(what))?.map(TicketId);
        let gathers = known.map(|id| self.tx.gathers(id)).transpose()?.flatten();
        let id = match (known, gathers) {
            // One that a person has dealt with must not swallow what comes later.
            (Some(id), Some((revision, true))) if revision < MEMBERS_MAX => {
                let entry = decide::member(revision, report, self.now);
                self.tx.list_member(id, &entry)?;
                self.news.entries.push((id, entry));
                id
            }
            _ => {
                let ticket = Ticket::new(self.tx.next_ticket()?);
                let event = Event::Flooded(Box::new(report.clone()));
                let decision = decide::decide(&ticket, &event, self.project, self.key, self.now);
                self.carry_out(&ticket, decision)?;
                self.tx.set_memo(Memo::Gathers(what), ticket.id.0)?;
                self.tx.drop_memo(Memo::GatheredTold(what))?;
                ticket.id
            }
        };
        let now = self.now.as_second();
        let told: Option<String> = self.tx.memo(Memo::GatheredTold(what))?;
        let told = told.and_then(|value| told_at(&value));
        // Either way, for a clock that was wrong when it was told.
        if told.is_none_or(|at| now.abs_diff(at) >= span.unsigned_abs()) {
            self.tell_gathered(what, id)?;
        } else if Gathered::LISTED.contains(&what) && self.tx.memo::<Timestamp>(Memo::GatheredDue(what))?.is_none() {
            let due = self.now.checked_add(SignedDuration::from_secs(span)).unwrap_or(self.now);
            self.tx.set_memo(Memo::GatheredDue(what), due)?;
        }
        Ok(id)
    }

    /// What was gathered and not told yet, at the end of its time.
    pub(super) fn tell_rest(&mut self) -> Result<()> {
        for what in Gathered::LISTED {
            let due: Option<Timestamp> = self.tx.memo(Memo::GatheredDue(what))?;
            let known = self.tx.memo(Memo::Gathers(what))?.map(TicketId);
            if let Some(id) = known.filter(|_| due.is_some_and(|at| at <= self.now)) {
                self.tell_gathered(what, id)?;
            }
        }
        Ok(())
    }

    fn tell_gathered(&mut self, what: Gathered, id: TicketId) -> Result<()> {
        self.tx.set_memo(Memo::GatheredTold(what), self.now.as_second())?;
        let Some(ticket) = self.tx.ticket(id)? else { return Ok(()) };
        let about = match what {
            Gathered::Returned | Gathered::Junk => {
                self.tx.drop_memo(Memo::GatheredDue(what))?;
                let listed: Option<u32> = self.tx.memo(Memo::GatheredListed(what))?;
                let since = listed.filter(|n| *n < ticket.revision).unwrap_or(0);
                self.tx.set_memo(Memo::GatheredListed(what), ticket.revision)?;
                let (newest, all) = self.tx.members_after(id, since, RETURNED_LINES)?;
                if what == Gathered::Junk { About::Junk { newest, all } } else { About::Returned { newest, all } }
            }
            Gathered::Reports => About::Many(self.tx.members(id)?),
        };
        let says = Says::About(Arc::new(ticket), about);
        let (ticket, at) = (id, self.now);
        self.tell(self.project.team(), |to| NoticeKey::Gathered { what, ticket, at, to }, says)
    }

    /// Counts what makes us send what nobody asked for. Far more of it than any honest hour brings means that something is
    /// wrong that no other cap has seen: then nothing of it leaves until a person has looked.
    pub(super) fn watch_breaker(&mut self, lane: u8) -> Result<()> {
        if lane <= NoticeKind::ASKED || std::mem::replace(&mut self.cause.made, true) {
            return Ok(());
        }
        let before = self.of_the_hour(&self.made, Scope::Made)?;
        self.count(Scope::Made)?;
        self.made.set(Some(before + 1));
        if before < self.project.limits.breaker_per_hour || self.tx.breaker()?.is_some() {
            return Ok(());
        }
        self.trouble(&Trouble::Breaker)
    }
}

/// The seconds in the value of [`Memo::GatheredTold`], also in that of an older version, which begins with a ticket.
fn told_at(value: &str) -> Option<i64> {
    value.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_the_team_was_told_is_read_from_both_forms() {
        assert_eq!(told_at("1799057472"), Some(1_799_057_472));
        assert_eq!(told_at("17 1799057472"), Some(1_799_057_472));
        assert_eq!(told_at("never"), None);
    }
}
