//! A ticket in the making, and what is to be done about it.

use jiff::Timestamp;

use crate::notice::Notice;
use crate::notice::key::NoticeKey;
use crate::notice::text::level::Text;
use crate::project::Project;
use crate::ticket::{Actor, Entry, EntryKind, Ticket};
use crate::token::{Key, Purpose};
use crate::vocabulary::{Address, MailRef, NoticeKind};

/// Characters of a mail that an entry keeps; the whole mail is in the store.
pub(super) const EXCERPT: usize = 2_000;

/// What is to be done: all of it, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Decision {
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
pub struct Answer {
    /// In words.
    pub text: String,
    /// Whether nothing was done.
    pub refused: bool,
}

/// A ticket in the making: each entry is at once part of what the next rule sees.
pub(super) struct Draft<'a> {
    pub ticket: Ticket,
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
        self.ticket.apply(&entry);
        self.decision.entries.push(entry);
    }

    /// A notice about this ticket that stands for the entry just written.
    /// A person of the project reads it at their level.
    pub(super) fn notice(&self, kind: NoticeKind, to: &Address, text: impl Into<Text>) -> Notice {
        let (subject, body) = text.into().at(self.project.level(to), self.key);
        let (ticket, revision) = (self.ticket.id, self.ticket.revision);
        let carries = if self.project.person(to).is_some() { Purpose::Person } else { Purpose::Reporter };
        Notice {
            kind,
            to: to.clone(),
            ticket: Some(self.ticket.id),
            keys: vec![NoticeKey::Revision { kind, ticket, revision, to: to.clone() }],
            carries: Some(carries),
            subject,
            body,
            in_reply_to: None,
            held: None,
            revision: self.ticket.revision,
            calendar: Vec::new(),
        }
    }

    /// The same notice for everyone of the team but one, for each at their level.
    pub(super) fn tell_team(&mut self, kind: NoticeKind, but: Option<&Address>, text: &Text) {
        let to: Vec<Address> = self.project.team().map(|p| p.address.clone()).filter(|a| Some(a) != but).collect();
        for address in to {
            self.decision.notices.push(self.notice(kind, &address, text.clone()));
        }
    }

    /// A notice to the reporter, in answer to the report; nothing when there is nobody to write to.
    pub(super) fn tell_reporter(&mut self, kind: NoticeKind, text: (String, String)) {
        let Some(to) = self.ticket.reporter.clone() else { return };
        // Whatever a person has them told, the reporter has heard from us, and needs no machine's word any more.
        self.decision.answered |= kind != NoticeKind::Acknowledgement;
        let mut notice = self.notice(kind, &to, text);
        notice.carries = Some(Purpose::Reporter);
        notice.in_reply_to = self.ticket.report_id.clone();
        self.decision.notices.push(notice);
    }
}
