//! A notice that did not arrive, in a transaction: with what the store knows of it.

use super::work::Work;
use crate::notice::key::NoticeKey;
use crate::notice::says::Says;
use crate::rules::draft::Decision;
use crate::rules::event::{Event, Loss, Lost, Reminded};
use crate::rules::{decide, losses, reminders};
use crate::store::Result;
use crate::ticket::Ticket;
use crate::vocabulary::{Address, NoticeKind};
use jiff::Timestamp;

impl Work<'_> {
    /// A notice did not arrive.
    pub(super) fn undelivered(&mut self, ticket: Option<&Ticket>, loss: &Loss) -> Result<()> {
        let loss = &Loss { since: self.unreached(loss)?, ..loss.clone() };
        let Some(ticket) = ticket else { return self.lost(loss) };
        let mut decision = self.decide_loss(ticket, loss)?;
        match loss.of {
            Lost::Notice { report, .. } => {
                // Whoever got a notice of ours can report it lost, true or not. What one of the team did not get is told
                // whatever else comes in.
                if report.is_some() && self.project.person(&loss.to).is_none() && !decision.notices.is_empty() {
                    if self.has_room()? {
                        self.count_provoked()?;
                    } else {
                        decision.notices.retain(|n| n.kind() != NoticeKind::Undeliverable);
                        self.flood()?;
                    }
                }
                return self.carry_out(ticket, decision);
            }
            Lost::Late => return self.carry_out(ticket, decision),
            Lost::ByHand { .. } => {}
        }
        // Whoever knows a Message-ID of the ticket can say that an answer to it did not arrive, as often as they like.
        let told = !self.is_full(ticket.id)?;
        if !told {
            decision.notices.clear();
        }
        self.carry_out(ticket, decision)?;
        self.bound_ticket(ticket, told)
    }

    /// Notes whom of the project's people mail does not reach, and says since when where that is not new. Where only the
    /// recipient says that it was ours, anybody may have said so.
    fn unreached(&self, loss: &Loss) -> Result<Option<Timestamp>> {
        if loss.perhaps || loss.of == Lost::Late || self.project.person(&loss.to).is_none() {
            return Ok(None);
        }
        self.tx.note_unreached(&loss.to, &loss.reply, self.now)
    }

    /// A notice about no single ticket did not arrive, perhaps many reminders in one: the others are told (G9).
    fn lost(&mut self, loss: &Loss) -> Result<()> {
        if loss.of.kind() == Some(NoticeKind::Undeliverable) {
            return Ok(()); // Else two dead mailboxes would feed one another.
        }
        let (to, now) = (&loss.to, self.now);
        let (notice, since) = (loss.of.mailed(), loss.since);
        let says = Says::Lost { notice, to: to.clone(), since, reply: loss.reply.clone() };
        let others = self.project.responsible().filter(|p| p.address != *to);
        self.tell(others, |person| losses::lost_key(loss, person, now), says)?;
        let Lost::Notice { number, kind: kind @ NoticeKind::Reminder, .. } = loss.of else { return Ok(()) };
        // Many reminders in one: each goes on to whom its own ticket's ladder names next. The delivery report is of
        // none of them alone.
        let loss = Loss { of: Lost::Notice { number, kind, report: None }, ..loss.clone() };
        let mut onward = Vec::new();
        for id in self.tx.noticed_tickets(number)? {
            let Some(ticket) = self.readable(id)? else { continue };
            let mut decision = self.decide_loss(&ticket, &loss)?;
            onward.extend(decision.notices.drain(..).filter(|n| n.kind() == NoticeKind::Reminder));
            self.commit(&ticket, decision)?;
        }
        reminders::coalesce(onward).into_iter().try_for_each(|n| self.post(n))
    }

    /// What follows for a ticket from the loss, with what the store knows of it: which reminder it was, and who else
    /// got that.
    pub(super) fn decide_loss(&self, ticket: &Ticket, loss: &Loss) -> Result<Decision> {
        let mut reminded = Vec::new();
        let id = ticket.id;
        let loss = Loss { mailed: self.tx.mailed(id, NoticeKind::Report)?, ..loss.clone() };
        let lost = match loss.of {
            Lost::Notice { number, .. } if !loss.perhaps => number,
            Lost::Notice { .. } | Lost::Late | Lost::ByHand { .. } => {
                return Ok(decide::decide(ticket, &Event::Undelivered(loss), self.project, self.key, self.now));
            }
        };
        let passed = self.tx.noticed(&NoticeKey::Passed { ticket: id, lost })?.is_some();
        for ((promise, deadline, _), nominal) in &ticket.spoken {
            let told = |to: &Address| {
                let (promise, deadline, nominal, to) = (promise.clone(), *deadline, *nominal, to.clone());
                self.tx.noticed(&NoticeKey::Rung { ticket: id, promise, deadline, nominal, to })
            };
            if passed || told(&loss.to)? != Some(lost) {
                continue;
            }
            let mut all = Vec::new();
            for person in &self.project.people {
                if told(&person.address)?.is_some() {
                    all.push(person.address.clone());
                }
            }
            let (promise, deadline, nominal) = (promise.clone(), *deadline, *nominal);
            reminded.push(Reminded { promise, deadline, nominal, told: all });
        }
        let event = Event::Undelivered(Loss { reminded, ..loss });
        Ok(decide::decide(ticket, &event, self.project, self.key, self.now))
    }
}
