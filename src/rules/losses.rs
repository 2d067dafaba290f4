//! A notice that did not arrive is itself news.

use std::sync::Arc;

use jiff::Timestamp;

use super::draft::Draft;
use super::event::{Loss, Lost, Reminded};
use crate::notice::key::NoticeKey;
use crate::notice::says::About;
use crate::policy::Audience;
use crate::project::Person;
use crate::ticket::clock::clocks;
use crate::ticket::{Actor, EntryKind, Undelivered};
use crate::vocabulary::{Address, NoticeKind};

impl Draft<'_> {
    pub(super) fn undelivered(&mut self, loss: &Loss) {
        let Loss { of, to, perhaps, .. } = loss;
        // What tells of an undeliverable notice is not itself worth telling, or two dead mailboxes would feed
        // one another.
        let kind = EntryKind::Undeliverable { notice: Undelivered::Known(of.mailed()), perhaps: *perhaps };
        self.enter_about(&Actor::Daemon, kind, Some(to.clone()), &loss.reply, of.report());
        if of.kind() == Some(NoticeKind::Undeliverable) || *of == Lost::Late {
            return;
        }
        if of.kind() == Some(NoticeKind::Report) && !perhaps {
            self.unreached(&loss.mailed);
        }
        let passed = self.pass_on(loss);
        let (to, reply) = (to.clone(), loss.reply.clone());
        let says =
            self.says(About::Undeliverable { notice: of.mailed(), to, perhaps: *perhaps, since: loss.since, reply });
        let others = self.project.responsible().map(|p| &p.address);
        for address in others.filter(|a| **a != loss.to && !passed.contains(a)) {
            let mut news = self.notice(address, Arc::clone(&says));
            news.keys = vec![lost_key(loss, address.clone(), self.now)];
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
            news.keys = vec![NoticeKey::Unreached { ticket: self.ticket.id, to: address.clone() }];
            self.decision.notices.push(news);
        }
    }

    /// A reminder that did not reach its audience goes to the next on the ladder, to those who have not been told of
    /// it; each time further, until all who are responsible know. Says to whom.
    fn pass_on(&mut self, loss: &Loss) -> Vec<Address> {
        let missed = &loss.to;
        let mut passed = Vec::new();
        let Lost::Notice { number: lost, .. } = loss.of else { return passed };
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
                let (promise, deadline, nominal) = (step.promise.clone(), step.deadline, step.nominal);
                let ticket = self.ticket.id;
                // It says whom mail does not reach, so that needs no word of its own.
                notice.keys = vec![
                    NoticeKey::Rung { ticket, promise, deadline, nominal, to: person.clone() },
                    NoticeKey::Passed { ticket, lost },
                    lost_key(loss, person.clone(), self.now),
                ];
                self.decision.notices.push(notice);
                passed.push(person);
            }
        }
        passed
    }
}

/// What the news of a loss stands for: each loss of a person's words, else one a day for each address that mail does not
/// reach. The timeline holds all.
pub(crate) fn lost_key(loss: &Loss, to: Address, now: Timestamp) -> NoticeKey {
    match loss.of {
        Lost::ByHand { report } => NoticeKey::LostByHand { report, to },
        Lost::Notice { number, kind: NoticeKind::Reply | NoticeKind::Update, .. } => {
            NoticeKey::LostWords { lost: number, to }
        }
        Lost::Notice { .. } | Lost::Late => NoticeKey::LostMail { at: now, missed: loss.to.clone(), to },
    }
}
