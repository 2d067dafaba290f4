//! A ticket in the making, and what is to be done about it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::mail::fields::Part;
use crate::notice::Notice;
use crate::notice::key::NoticeKey;
use crate::notice::says::{About, Says};
use crate::project::Project;
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Ticket};
use crate::token::{Key, Purpose};
use crate::vocabulary::{Address, MailRef, NoticeKind};

/// Characters of a mail that an entry keeps; the whole mail is in the store.
pub(super) const EXCERPT: usize = 2_000;

/// What is to be done: all of it, in one transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decision {
    /// For the timeline, in order.
    pub entries: Vec<Entry>,
    /// For the outbox.
    pub notices: Vec<Notice>,
    /// The answer to whoever commanded, for the terminal; in a mail it is a notice too.
    pub answer: Option<Answer>,
    /// The held acknowledgement of this ticket is not needed any more: a person answered.
    pub answered: bool,
    /// The held acknowledgement of this ticket leaves.
    pub released: bool,
}

/// What whoever commanded is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// As facts.
    pub says: Arc<Says>,
    /// Whether nothing was done.
    pub refused: bool,
}

/// A ticket in the making: each entry is at once part of what the next rule sees.
pub(super) struct Draft<'a> {
    /// Notices hold it as it stood when they were made.
    pub ticket: Arc<Ticket>,
    pub project: &'a Project,
    pub key: &'a Key,
    pub now: Timestamp,
    pub decision: Decision,
    /// The order that is obeyed: see [`Entry::order`].
    pub order: Option<u32>,
}

impl Draft<'_> {
    /// Writes an entry.
    pub(super) fn enter(&mut self, by: &Actor, kind: EntryKind, text: &str, mail: Option<MailRef>) {
        self.enter_about(by, kind, None, text, mail);
    }

    /// Writes an entry about somebody.
    pub(super) fn enter_about(
        &mut self,
        by: &Actor,
        kind: EntryKind,
        party: Option<Address>,
        text: &str,
        mail: Option<MailRef>,
    ) {
        // A text that waits to be sent is all there.
        let max = if matches!(kind, EntryKind::CodeAsked { .. }) { usize::MAX } else { EXCERPT };
        let text = Some(text.chars().take(max).collect::<String>()).filter(|t| !t.is_empty());
        let entry = Entry {
            seq: self.ticket.revision + 1,
            at: self.now,
            by: by.clone(),
            kind,
            party,
            text,
            mail,
            order: self.order,
        };
        self.apply(entry);
    }

    /// Takes in an entry as it is.
    pub(super) fn apply(&mut self, entry: Entry) {
        Arc::make_mut(&mut self.ticket).apply(&entry);
        self.decision.entries.push(entry);
    }

    /// Something about this ticket as it stands.
    pub(super) fn says(&self, about: About) -> Arc<Says> {
        Arc::new(Says::About(Arc::clone(&self.ticket), about))
    }

    /// A notice about this ticket that stands for the entry just written.
    pub(super) fn notice(&self, to: &Address, says: Arc<Says>) -> Notice {
        let (kind, ticket, revision) = (says.kind(), self.ticket.id, self.ticket.revision);
        let carries = if self.project.person(to).is_some() { Purpose::Person } else { Purpose::Reporter };
        Notice {
            says,
            to: to.clone(),
            keys: vec![NoticeKey::Revision { kind, ticket, revision, to: to.clone() }],
            carries,
            in_reply_to: None,
            held: None,
            calendar: Vec::new(),
        }
    }

    /// The same notice for everyone of the team but one.
    pub(super) fn tell_team(&mut self, but: Option<&Address>, about: About) {
        let says = self.says(about);
        for person in self.project.team().filter(|p| Some(&p.address) != but) {
            self.decision.notices.push(self.notice(&person.address, Arc::clone(&says)));
        }
    }

    /// A notice to the reporter, in answer to the report; `None` when there is nobody to write to.
    pub(super) fn to_reporter(&self, about: About) -> Option<Notice> {
        let (to, in_reply_to) = (self.ticket.reporter.as_ref()?, self.ticket.report_id.clone());
        Some(Notice { carries: Purpose::Reporter, in_reply_to, ..self.notice(to, self.says(about)) })
    }

    /// The automatic acknowledgement: sent, held for a person, or none.
    pub(super) fn acknowledge(&mut self, outcome: Acknowledgement, why: &str, missing: Vec<Part>) {
        self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome }, why, None);
        if outcome == Acknowledgement::Withheld {
            return;
        }
        self.tell_reporter(About::Acknowledgement { missing });
        if let Some(notice) = self.decision.notices.last_mut().filter(|_| outcome == Acknowledgement::Held) {
            notice.held = Some(why.to_owned());
        }
    }

    /// The reporter hears from the project.
    pub(super) fn tell_reporter(&mut self, about: About) {
        if self.ticket.reporter.is_none() {
            return;
        }
        // Whatever a person has them told, the reporter has heard from us, and needs no machine's word any more.
        self.decision.answered |= about.kind() != NoticeKind::Acknowledgement;
        let notice = self.to_reporter(about);
        self.decision.notices.extend(notice);
    }
}
