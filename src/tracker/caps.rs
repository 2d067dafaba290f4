//! What bounds all that incoming mail can make us send, whatever its headers say (G7): per sender, per domain, per
//! ticket, per hour; many reports at once are one ticket; and a breaker for what no other cap has seen.

use std::cell::Cell;
use std::sync::Arc;

use jiff::SignedDuration;

use super::tallies::{
    BACKSCATTER, DAY, GATHERED_DUE, HOUR, MADE, PROVOKED, SLOT, UNHEARD, domain_scope, sender_scope, ticket_scope,
    way_scope,
};
use super::work::{Work, desk};
use crate::intake::unheard::Unheard;
use crate::mail::Mail;
use crate::notice::Notice;
use crate::notice::says::{About, Says};
use crate::notice::text::flood::RETURNED_LINES;
use crate::notice::text::trouble::Trouble;
use crate::rules::decide;
use crate::rules::event::{Event, Report};
use crate::store::Result;
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
        self.of_the_hour(&self.provoked, PROVOKED)
    }

    /// Counts one more of them.
    pub(super) fn count_provoked(&self) -> Result<()> {
        let before = self.provoked()?;
        self.tx.count(PROVOKED, self.now.as_second().div_euclid(SLOT))?;
        self.provoked.set(Some(before + 1));
        Ok(())
    }

    fn of_the_hour(&self, known: &Cell<Option<u32>>, scope: &str) -> Result<u32> {
        if let Some(count) = known.get() {
            return Ok(count);
        }
        let count = self.tx.counted(scope, self.slot(HOUR))?;
        known.set(Some(count));
        Ok(count)
    }

    /// Counts what a report made us send; over the cap, the team gets one word an hour in place of many.
    pub(super) fn bound(&mut self, report: &Report) -> Result<()> {
        if let (Acknowledgement::Sent, Some(from)) = (report.acknowledge.0, &report.from) {
            let slot = self.now.as_second().div_euclid(SLOT);
            self.tx.count(&sender_scope(from), slot)?;
            self.tx.count(&domain_scope(from), slot)?;
            if let Some(way) = &report.through {
                self.tx.count(&way_scope(way), slot)?;
            }
        }
        if report.tell { Ok(()) } else { self.flood() }
    }

    /// More comes in than is told one by one: one word an hour for each of the team.
    pub(super) fn flood(&mut self) -> Result<()> {
        let hour = self.now.as_second().div_euclid(HOUR);
        self.tell(self.project.team(), &format!("flood:{hour}"), Says::Flood)
    }

    /// Counts what mail for a ticket made us say; over the caps, the team gets one word an hour in place of many.
    pub(super) fn bound_ticket(&mut self, ticket: &Ticket, told: bool) -> Result<()> {
        if told {
            return self.tx.count(&ticket_scope(ticket.id), self.now.as_second().div_euclid(SLOT));
        }
        if self.provoked()? >= self.project.limits.automatic_per_hour {
            return self.flood();
        }
        if self.is_full(ticket.id)? {
            let hour = self.now.as_second().div_euclid(HOUR);
            let says = Says::About(Arc::new(ticket.clone()), About::Flood);
            return self.tell(self.project.team(), &format!("flood:{}:{hour}", ticket.id.0), says);
        }
        Ok(())
    }

    pub(super) fn is_full(&self, ticket: TicketId) -> Result<bool> {
        self.told_enough(&ticket_scope(ticket))
    }

    fn told_enough(&self, scope: &str) -> Result<bool> {
        Ok(self.tx.counted(scope, self.slot(HOUR))? >= TOLD_PER_HOUR
            || self.tx.counted(scope, self.slot(DAY))? >= TOLD_PER_DAY)
    }

    /// Tells a person what was not done with a mail that bears their own reply address: once a mail, and no more often
    /// than the team is told of the mail for one ticket. Their mailbox may answer each time.
    pub(super) fn unheard(&mut self, unheard: &Unheard, stored: MailRef, mail: &Mail) -> Result<()> {
        let Unheard::Told { to, ticket, line, why, filed } = unheard else {
            let before: u32 = self.tx.meta(UNHEARD)?.and_then(|n| n.parse().ok()).unwrap_or_default();
            return self.tx.set_meta(UNHEARD, &before.saturating_add(1).to_string());
        };
        let scope = format!("unheard:{}", to.key());
        if self.told_enough(&scope)? || self.provoked()? >= self.project.limits.automatic_per_hour {
            return Ok(());
        }
        self.tx.count(&scope, self.now.as_second().div_euclid(SLOT))?;
        let Some(ticket) = self.tx.ticket(*ticket)? else { return Ok(()) };
        let about = About::Unheard { line: line.clone(), why: why.clone(), filed };
        let keys = vec![format!("unheard:{}", stored.0)];
        let notice = desk(Arc::new(Says::About(Arc::new(ticket), about)), to, keys);
        self.post(Notice { in_reply_to: mail.message_id.clone(), ..notice })
    }

    /// Whether more new tickets came in within an hour than people can look at one by one. By when our mail server took
    /// the mails: what has waited for a daemon that was down is no flood.
    pub(super) fn is_flood(&self, report: &Report) -> Result<bool> {
        Ok(self.before(report, "ticket")? >= self.project.limits.reports_per_hour)
    }

    /// Whether more mail that servers returned to the wrong address came in within an hour than gets tickets of its own.
    pub(super) fn is_backscatter(&self, report: &Report) -> Result<bool> {
        Ok(report.backscatter && self.before(report, BACKSCATTER)? >= RETURNED_PER_HOUR)
    }

    /// How many of a kind our mail server took in the hour that ended with this one.
    fn before(&self, report: &Report, scope: &str) -> Result<u32> {
        let last = report.received.as_second();
        self.tx.counted_in(scope, (last - HOUR).div_euclid(SLOT) + 1..=last.div_euclid(SLOT))
    }

    /// One of many: listed in a ticket for all of them, which waits for a person like any other. The team is told of it
    /// once, and then at most once an hour.
    pub(super) fn one_of_many(&mut self, report: &Report) -> Result<TicketId> {
        let gathered = if report.backscatter { BACKSCATTER } else { "many" };
        let known = self.tx.meta(gathered)?.and_then(|v| v.parse().ok()).map(TicketId);
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
                self.tx.set_meta(gathered, &ticket.id.0.to_string())?;
                ticket.id
            }
        };
        let now = self.now.as_second();
        let told = self.tx.meta(&format!("{gathered}_told"))?.unwrap_or_default();
        let told = told.split_once(' ').filter(|(of, _)| *of == id.0.to_string()).and_then(|(_, at)| at.parse().ok());
        // Either way, for a clock that was wrong when it was told.
        if told.is_none_or(|at: i64| now.abs_diff(at) >= HOUR.unsigned_abs()) {
            self.tell_gathered(gathered, id)?;
        } else if report.backscatter && self.tx.meta_time(GATHERED_DUE)?.is_none() {
            let due = self.now.checked_add(SignedDuration::from_secs(HOUR)).unwrap_or(self.now);
            self.tx.set_meta(GATHERED_DUE, &due.to_string())?;
        }
        Ok(id)
    }

    /// What was gathered and not told yet, at the end of its hour.
    pub(super) fn tell_rest(&mut self) -> Result<()> {
        let known = self.tx.meta(BACKSCATTER)?.and_then(|v| v.parse().ok()).map(TicketId);
        known.map_or(Ok(()), |id| self.tell_gathered(BACKSCATTER, id))
    }

    fn tell_gathered(&mut self, gathered: &str, id: TicketId) -> Result<()> {
        let now = self.now.as_second();
        self.tx.set_meta(&format!("{gathered}_told"), &format!("{} {now}", id.0))?;
        let Some(ticket) = self.tx.ticket(id)? else { return Ok(()) };
        let about = if gathered == BACKSCATTER {
            self.tx.set_meta(GATHERED_DUE, "")?;
            let listed = self.tx.meta("gathered_listed")?.and_then(|v| v.parse().ok()).map(|n: u32| n);
            let since = listed.filter(|n| *n < ticket.revision).unwrap_or(0);
            self.tx.set_meta("gathered_listed", &ticket.revision.to_string())?;
            let (newest, all) = self.tx.members_after(id, since, RETURNED_LINES)?;
            About::Returned { newest, all }
        } else {
            About::Many(self.tx.members(id)?)
        };
        let says = Says::About(Arc::new(ticket), about);
        self.tell(self.project.team(), &format!("{gathered}:{}:{now}", id.0), says)
    }

    /// Counts what is made. Far more than any honest hour brings means that something is wrong that no other cap has
    /// seen: then nothing leaves but the first lane, until a person has looked.
    pub(super) fn watch_breaker(&mut self, kind: NoticeKind) -> Result<()> {
        if kind.lane() == 0 {
            return Ok(());
        }
        let before = self.of_the_hour(&self.made, MADE)?;
        self.tx.count(MADE, self.now.as_second().div_euclid(SLOT))?;
        self.made.set(Some(before + 1));
        if before < self.project.limits.breaker_per_hour || self.tx.breaker()?.is_some() {
            return Ok(());
        }
        self.trouble(&Trouble::Breaker)
    }
}
