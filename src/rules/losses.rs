//! A notice that did not arrive is itself news.

use std::sync::Arc;

use jiff::Timestamp;

use super::draft::Draft;
use super::event::{Loss, Reminded};
use crate::notice::says::About;
use crate::policy::Audience;
use crate::project::Person;
use crate::ticket::clock::clocks;
use crate::ticket::{Actor, EntryKind, Undelivered};
use crate::vocabulary::{Address, NoticeKind, TicketId};

impl Draft<'_> {
    pub(super) fn undelivered(&mut self, loss: &Loss) {
        let Loss { notice, to, perhaps, .. } = loss;
        // What tells of an undeliverable notice is not itself worth telling, or two dead mailboxes would feed
        // one another.
        let mailed = serde_json::from_value(notice.as_str().into());
        let kind = EntryKind::Undeliverable { notice: mailed.unwrap_or_else(|_| Undelivered::Unknown(notice.clone())) };
        self.enter_about(&Actor::Daemon, kind, Some(to.clone()), &loss.reply, loss.mail);
        if notice == NoticeKind::Undeliverable.word() {
            return;
        }
        if notice == NoticeKind::Report.word() {
            self.unreached(&loss.mailed);
        }
        let passed = self.pass_on(loss);
        let (notice, to, perhaps, reply) = (notice.clone(), to.clone(), *perhaps, loss.reply.clone());
        let says = self.says(About::Undeliverable { notice, to, perhaps, reply });
        let others = self.project.responsible().map(|p| &p.address);
        let key = undeliverable_key(loss, self.now);
        for address in others.filter(|a| **a != loss.to && !passed.contains(a)) {
            let mut news = self.notice(address, Arc::clone(&says));
            news.keys = vec![format!("{key}:{}", address.key())];
            self.decision.notices.push(news);
        }
    }

    /// A report of which the notice reached nobody of the team, perhaps since their filters refuse what it quotes: all
    /// who are responsible are told, once for each ticket, and without a word of what is in it. Who came later was not
    /// mailed.
    fn unreached(&mut self, mailed: &[Address]) {
        let missed = &self.ticket.unreached;
        if self.project.team().any(|p| mailed.contains(&p.address) && !missed.contains(&p.address)) {
            return;
        }
        let says = self.says(About::Unreached);
        for address in self.project.responsible().map(|p| &p.address) {
            let mut news = self.notice(address, Arc::clone(&says));
            news.keys = vec![format!("unreached:{}:{}", self.ticket.id.0, address.key())];
            self.decision.notices.push(news);
        }
    }

    /// A reminder that did not reach its audience goes to the next on the ladder, to those who have not been told of
    /// it; each time further, until all who are responsible know. Says to whom.
    fn pass_on(&mut self, loss: &Loss) -> Vec<Address> {
        let missed = &loss.to;
        let mut passed = Vec::new();
        let before = Arc::clone(&self.ticket);
        let policy = &self.project.policy;
        for clock in clocks(&before, policy, self.now).iter().filter(|c| c.live) {
            let of = |r: &&Reminded| r.promise == clock.promise.name && r.deadline == clock.deadline;
            let Some(step) = loss.reminded.iter().find(of) else { continue };
            let spoke_to = policy.audience_at(clock.promise, clock.starts, clock.deadline, step.nominal);
            let onward = match spoke_to {
                None | Some(Audience::Owner | Audience::Observer) => {
                    &[Audience::Team, Audience::Lead, Audience::Escalation][..]
                }
                Some(Audience::Team) => &[Audience::Lead, Audience::Escalation],
                Some(Audience::Lead) => &[Audience::Escalation],
                Some(Audience::Escalation) => &[],
                // No reminder: what else tells the team of a lost mail tells of this one.
                Some(Audience::Reporter) => continue,
            };
            let next = onward.iter().map(|a| self.project.audience(*a, before.owner.as_ref()));
            let everybody = self.project.responsible().collect();
            let untold = |people: Vec<&'_ Person>| -> Vec<Address> {
                let all = people.into_iter().map(|p| p.address.clone());
                all.filter(|a| a != missed && !step.told.contains(a)).collect()
            };
            let next = next.chain([everybody]).map(untold).find(|people| !people.is_empty()).unwrap_or_default();
            let missed_by = self.project.name_of(missed).to_owned();
            let says = self.says(About::Reminder { due: clock.into(), missed: Some(missed_by) });
            for person in next {
                let mut notice = self.notice(&person, Arc::clone(&says));
                let rung = rung_key(self.ticket.id, &step.promise, step.deadline, step.nominal, &person);
                // It says whom mail does not reach, so that needs no word of its own.
                let lost = undeliverable_key(loss, self.now);
                notice.keys = vec![rung, passed_key(self.ticket.id, loss.number), format!("{lost}:{}", person.key())];
                self.decision.notices.push(notice);
                passed.push(person);
            }
        }
        passed
    }
}

/// What a reminder stands for (G3). By its instant: the number of a rung means another one when the ladder in the
/// config changes.
pub fn rung_key(ticket: TicketId, promise: &str, deadline: Timestamp, nominal: Timestamp, person: &Address) -> String {
    let (deadline, nominal) = (deadline.as_millisecond(), nominal.as_millisecond());
    format!("rung:{}:{promise}:{deadline}:{nominal}:{}", ticket.0, person.key())
}

/// That a lost reminder was passed on: a second report about it takes it no further.
pub fn passed_key(ticket: TicketId, number: u32) -> String {
    format!("passed:{}:{number}", ticket.0)
}

/// What the news of a lost notice stands for: each that holds a person's words, else one a day for each address that
/// mail does not reach. The timeline holds all.
pub fn undeliverable_key(loss: &Loss, now: Timestamp) -> String {
    if loss.number == 0 {
        return format!("undeliverable:by-hand:{}", loss.mail.map_or(0, |m| m.0));
    }
    if loss.notice == NoticeKind::Reply.word() || loss.notice == NoticeKind::Update.word() {
        return format!("undeliverable:{}", loss.number);
    }
    format!("undeliverable:{}:{}", now.as_second().div_euclid(24 * 3_600), loss.to.key())
}
