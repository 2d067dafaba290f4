//! What bounds all that incoming mail can make us send, whatever its headers say (G7): per sender, per domain, per
//! ticket, per hour; many reports at once are one ticket; and a breaker for what no other cap has seen.

use std::cell::Cell;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::tallies::{DAY, HOUR, SLOT, Scope};
use super::work::{Work, desk};
use crate::intake::unheard::Unheard;
use crate::mail::Mail;
use crate::notice::Notice;
use crate::notice::key::{Gathered, NoticeKey};
use crate::notice::says::{About, Says};
use crate::notice::text::flood::RETURNED_LINES;
use crate::notice::text::trouble::Trouble;
use crate::rules::decide;
use crate::rules::event::{Event, Report};
use crate::store::{Memo, Result};
use crate::ticket::{Acknowledgement, Ticket};
use crate::vocabulary::{MailRef, NoticeKind, TicketId};

/// Mails for one ticket that the team is told of one by one, in an hour and in a day.
const TOLD_PER_HOUR: u32 = 10;
const TOLD_PER_DAY: u32 = 40;
/// Reports that one ticket lists before another is made for those that follow.
const MEMBERS_MAX: u32 = 10_000;
/// Mails from where servers return mail from, about nothing of ours, that get a ticket each within an hour.
const RETURNED_PER_HOUR: u32 = 20;
impl Work<'_> {
    /// The mails that incoming mail made us send within an hour.
    pub(super) fn provoked(&self) -> Result<u32> {
        self.of_the_hour(&self.provoked, Scope::Provoked)
    }

    /// Counts one more of them.
    pub(super) fn count_provoked(&self) -> Result<()> {
        let before = self.provoked()?;
        self.count(Scope::Provoked)?;
        self.provoked.set(Some(before + 1));
        Ok(())
    }

    fn of_the_hour(&self, known: &Cell<Option<u32>>, scope: Scope<'_>) -> Result<u32> {
        if let Some(count) = known.get() {
            return Ok(count);
        }
        let count = self.tx.counted(scope, self.slot(HOUR))?;
        known.set(Some(count));
        Ok(count)
    }

    /// Counts what a report made us send; over the cap, the team gets one notice an hour in place of many.
    pub(super) fn bound(&mut self, report: &Report) -> Result<()> {
        if let (Acknowledgement::Sent, Some(from)) = (report.acknowledge.0, &report.from) {
            self.count(Scope::Sender(from))?;
            self.count(Scope::Domain(from))?;
            if let Some(way) = &report.through {
                self.count(Scope::Way(way))?;
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
        if self.provoked()? >= self.project.limits.automatic_per_hour {
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
        Ok(self.tx.counted(scope, self.slot(HOUR))? >= TOLD_PER_HOUR
            || self.tx.counted(scope, self.slot(DAY))? >= TOLD_PER_DAY)
    }

    /// Tells a person what was not done with a mail that bears their own reply address: once a mail, and no more often
    /// than the team is told of the mail for one ticket. Their mailbox may answer each time.
    pub(super) fn unheard(&mut self, unheard: &Unheard, stored: MailRef, mail: &Mail) -> Result<()> {
        let Unheard::Told { to, ticket, line, why, filed } = unheard else {
            let before: u32 = self.tx.memo(Memo::Unheard)?.unwrap_or_default();
            return self.tx.set_memo(Memo::Unheard, before.saturating_add(1));
        };
        let scope = Scope::Unheard(to);
        if self.told_enough(scope)? || self.provoked()? >= self.project.limits.automatic_per_hour {
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
        self.tx.counted_in(scope, (last - HOUR).div_euclid(SLOT) + 1..=last.div_euclid(SLOT))
    }

    /// One of many: listed in a ticket for all of them, which waits for a person like any other. The team is told of it
    /// once, and then at most once an hour.
    pub(super) fn one_of_many(&mut self, report: &Report) -> Result<TicketId> {
        let what = if report.backscatter { Gathered::Returned } else { Gathered::Reports };
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
        if told.is_none_or(|at| now.abs_diff(at) >= HOUR.unsigned_abs()) {
            self.tell_gathered(what, id)?;
        } else if report.backscatter && self.tx.memo::<Timestamp>(Memo::ReturnedDue)?.is_none() {
            let due = self.now.checked_add(SignedDuration::from_secs(HOUR)).unwrap_or(self.now);
            self.tx.set_memo(Memo::ReturnedDue, due)?;
        }
        Ok(id)
    }

    /// What was gathered and not told yet, at the end of its hour.
    pub(super) fn tell_rest(&mut self) -> Result<()> {
        let known = self.tx.memo(Memo::Gathers(Gathered::Returned))?.map(TicketId);
        known.map_or(Ok(()), |id| self.tell_gathered(Gathered::Returned, id))
    }

    fn tell_gathered(&mut self, what: Gathered, id: TicketId) -> Result<()> {
        self.tx.set_memo(Memo::GatheredTold(what), self.now.as_second())?;
        let Some(ticket) = self.tx.ticket(id)? else { return Ok(()) };
        let about = match what {
            Gathered::Returned => {
                self.tx.drop_memo(Memo::ReturnedDue)?;
                let listed: Option<u32> = self.tx.memo(Memo::ReturnedListed)?;
                let since = listed.filter(|n| *n < ticket.revision).unwrap_or(0);
                self.tx.set_memo(Memo::ReturnedListed, ticket.revision)?;
                let (newest, all) = self.tx.members_after(id, since, RETURNED_LINES)?;
                About::Returned { newest, all }
            }
            Gathered::Reports => About::Many(self.tx.members(id)?),
        };
        let says = Says::About(Arc::new(ticket), about);
        let (ticket, at) = (id, self.now);
        self.tell(self.project.team(), |to| NoticeKey::Gathered { what, ticket, at, to }, says)
    }

    /// Counts what is made. Far more than any honest hour brings means that something is wrong that no other cap has
    /// seen: then nothing leaves but the first lane, until a person has looked.
    pub(super) fn watch_breaker(&mut self, kind: NoticeKind) -> Result<()> {
        if kind.lane() == 0 {
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
