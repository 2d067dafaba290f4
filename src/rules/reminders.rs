//! Time passes: the rungs of the ladder speak, and what broke is written down.

use std::sync::Arc;

use jiff::Timestamp;

use super::draft::Draft;
use crate::notice::key::NoticeKey;
use crate::notice::says::{About, Says};
use crate::notice::{Notice, appointment};
use crate::policy::ladder::Step;
use crate::project::Person;
use crate::ticket::clock::{Clock, clocks};
use crate::ticket::hearer::{self, Hearer, Who, hearers};
use crate::ticket::{Actor, EntryKind};
use crate::vocabulary::{Address, NoticeKind};

impl Draft<'_> {
    pub(super) fn tick(&mut self) {
        let policy = &self.project.policy;
        // Entries of a tick touch no milestone, so the clocks stay what they were.
        let before = Arc::clone(&self.ticket);
        let hearers = hearers(&before, self.project, self.now);
        let mut good_news = Vec::new();
        for clock in clocks(&before, policy, self.now) {
            let (promise, deadline) = clock.key();
            if clock.breaks(&self.ticket, self.now) {
                self.enter(&Actor::Daemon, EntryKind::Broken { promise: promise.clone(), deadline }, "", None);
            }
            for hearer in &hearers {
                let Some(step) = clock.due(&before, policy, hearer, self.now) else { continue };
                let people: Vec<&Person> = match &hearer.who {
                    Who::Everybody => {
                        let audiences = clock.audiences(&before, policy, hearer, &step);
                        let people = audiences.iter().flat_map(|a| hearer::together(*a, &before, self.project));
                        let mut told = std::collections::HashSet::new();
                        people.filter(|p| told.insert(p.address.key())).collect()
                    }
                    Who::Person(person) => vec![person],
                    Who::Reporter { .. } => {
                        good_news.push((clock.clone(), step.nominal));
                        Vec::new()
                    }
                };
                self.spoke(&clock, hearer, &step, &people);
                people.into_iter().for_each(|p| self.remind(&clock, p, step.nominal));
            }
        }
        self.tell_of_work(&good_news);
    }

    /// Writes down that a rung spoke, and to whom.
    fn spoke(&mut self, clock: &Clock<'_>, hearer: &Hearer<'_>, step: &Step, people: &[&Person]) {
        let (promise, deadline) = clock.key();
        let (rung, round, nominal) = (step.rung, step.round, step.nominal);
        let kind = EntryKind::Reminded { promise, deadline, rung, round, nominal };
        let names: Vec<&str> = people.iter().map(|p| p.name.as_str()).collect();
        self.enter_about(&Actor::Daemon, kind, hearer.party().cloned(), &names.join(", "), None);
    }

    fn remind(&mut self, clock: &Clock<'_>, person: &Person, nominal: Timestamp) {
        let says = self.says(About::Reminder { due: clock.into(), missed: None });
        let mut notice = self.notice(&person.address, says);
        if appointment::shows(person) {
            notice.calendar = appointment::reminded(clock, &self.ticket, self.project, self.now);
        }
        notice.keys = vec![self.rung_key(clock, nominal, &person.address)];
        self.decision.notices.push(notice);
    }

    fn rung_key(&self, clock: &Clock<'_>, nominal: Timestamp, to: &Address) -> NoticeKey {
        let (promise, deadline) = clock.key();
        NoticeKey::Rung { ticket: self.ticket.id, promise, deadline, nominal, to: to.clone() }
    }

    /// What is planned, to the reporter: one mail, whatever number of promises it is about.
    fn tell_of_work(&mut self, news: &[(Clock<'_>, Timestamp)]) {
        if news.is_empty() {
            return;
        }
        // Not by `tell_reporter`: a machine's word is no answer, and a held acknowledgement stays held.
        let work = news.iter().map(|(clock, _)| clock.into()).collect();
        let Some(mut notice) = self.to_reporter(About::AtWork(work)) else { return };
        notice.keys = news.iter().map(|(clock, nominal)| self.rung_key(clock, *nominal, &notice.to)).collect();
        self.decision.notices.push(notice);
    }
}

/// More reminders for one person in one pass than that become one mail.
pub(crate) const REMINDERS_MAX: usize = 5;

/// Joins the reminders of one pass: a person who would get more than [`REMINDERS_MAX`] gets one.
pub(crate) fn coalesce(notices: Vec<Notice>) -> Vec<Notice> {
    let mut by_person: std::collections::BTreeMap<String, Vec<Notice>> = std::collections::BTreeMap::new();
    let (reminders, mut out): (Vec<_>, Vec<_>) = notices.into_iter().partition(|n| n.kind() == NoticeKind::Reminder);
    for notice in reminders {
        by_person.entry(notice.to.key()).or_default().push(notice);
    }
    for mut mine in by_person.into_values() {
        if mine.len() <= REMINDERS_MAX {
            out.append(&mut mine);
            continue;
        }
        let says = Arc::new(Says::Reminders(mine.iter().map(|n| Arc::clone(&n.says)).collect()));
        let keys = mine.iter().flat_map(|n| n.keys.clone()).collect();
        if let Some(first) = mine.into_iter().next() {
            // A list to look through is no file of appointments.
            out.push(Notice { says, keys, calendar: Vec::new(), ..first });
        }
    }
    out
}
