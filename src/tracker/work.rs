//! One transaction's work: a mail, a decision, a notice, each carried out whole.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::news::{News, Posted, Told};
use super::tallies::{Cause, DAY, HOUR, SLOT, Scope};
use crate::intake::disposition::Disposition;
use crate::mail::Mail;
use crate::notice::Notice;
use crate::notice::codename::Codename;
use crate::notice::key::{self, NoticeKey};
use crate::notice::says::Says;
use crate::notice::text::digest::Counts;
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::notice::write::{self, AutoSubmitted};
use crate::policy::Audience;
use crate::project::{Level, Person, Project};
use crate::rules::draft::Decision;
use crate::rules::event::Order;
use crate::store::{Memo, Outgoing, Result, StoreError, Tx};
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Ticket};
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::{Address, MailRef, MessageId, NoticeKind, TicketId};

/// How long what is spent is kept: a mail counts for a week after its signature or its Date, which may be an hour ahead,
/// and may then lie in the inbox for a week. One day for clocks that are set.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 15);

/// One transaction's work.
pub(super) struct Work<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) project: &'a Project,
    pub(super) key: &'a Key,
    pub(super) now: Timestamp,
    pub(super) next_notice: u32,
    /// Tallies of the last hour that each mail asks for: read once, then counted along.
    pub(super) provoked: Cell<Option<u32>>,
    pub(super) made: Cell<Option<u32>>,
    /// What the mail in hand has caused; of a tick or a delivery, what that has.
    pub(super) cause: Cause,
    /// Where the database is made anew from the inbox: the numbers that reports had before.
    pub(super) rebuilds: Option<&'a BTreeMap<MailRef, TicketId>>,
    pub(super) news: News,
}

impl<'a> Work<'a> {
    pub(super) fn new(tx: &'a Tx<'a>, project: &'a Project, key: &'a Key, now: Timestamp) -> Result<Self> {
        let (provoked, made, news) = (Cell::new(None), Cell::new(None), News::default());
        Ok(Self {
            tx,
            project,
            key,
            now,
            next_notice: tx.next_notice()?,
            provoked,
            made,
            cause: Cause::default(),
            rebuilds: None,
            news,
        })
    }

    /// Once an hour, what no cap counts any more.
    pub(super) fn forget_counts(&self) -> Result<()> {
        let hour = self.now.as_second().div_euclid(HOUR);
        if self.tx.memo(Memo::CountsForgotten)? == Some(hour) {
            return Ok(());
        }
        self.tx.forget_counts(*self.slots(DAY).start())?;
        self.tx.forget_spent(self.now.checked_sub(KEPT).unwrap_or(Timestamp::MIN))?;
        self.tx.forget_requests(self.now.checked_sub(SignedDuration::from_secs(DAY)).unwrap_or(Timestamp::MIN))?;
        self.tx.set_memo(Memo::CountsForgotten, hour)
    }

    /// Counts one now.
    pub(super) fn count(&self, scope: Scope<'_>) -> Result<()> {
        self.tx.count(scope, self.now.as_second().div_euclid(SLOT))
    }

    /// The slots of the last so many seconds. What lies ahead was counted by a clock that was wrong then, and would fill
    /// a cap for as long; the next slot may be another process's, whose transaction came first.
    pub(super) fn slots(&self, seconds: i64) -> RangeInclusive<i64> {
        let now = self.now.as_second();
        (now - seconds).div_euclid(SLOT) + 1..=now.div_euclid(SLOT) + 1
    }

    pub(super) fn answer(&mut self, order: &Order, mail: &Mail, says: Says) -> Result<()> {
        let (Actor::Person(to), Some(asked)) = (&order.by, order.mail) else { return Ok(()) };
        let mut notice = desk(Arc::new(says), to, vec![NoticeKey::Answer(asked)]);
        notice.in_reply_to = mail.message_id.clone();
        self.post(notice)
    }

    /// All open tickets.
    pub(super) fn list(&self) -> Result<Says> {
        Ok(Says::List(self.tx.open_list(self.project, self.now)?))
    }

    /// The same notice for several people, by no decision of a ticket's rules.
    pub(super) fn tell<'p>(
        &mut self,
        to: impl Iterator<Item = &'p Person>,
        key: impl Fn(Address) -> NoticeKey,
        says: Says,
    ) -> Result<()> {
        let says = Arc::new(says);
        for person in to {
            let keys = vec![key(person.address.clone())];
            self.post(desk(Arc::clone(&says), &person.address, keys))?;
        }
        Ok(())
    }

    /// A text for the terminal, which holds nothing back.
    pub(super) fn in_full(&self, says: &Says) -> String {
        says.words(Level::Full, self.key, self.project, self.now).body
    }

    /// The daemon itself is in trouble: that is noted until it is over, and all but observers are told, once a day for
    /// each kind.
    pub(super) fn trouble(&mut self, trouble: &Trouble) -> Result<()> {
        let (kind, first, at) = (trouble.kind(), self.next_notice, self.now);
        let key = |to| NoticeKey::Trouble { kind, at, to };
        let says = Says::Trouble(trouble.clone());
        if kind == TroubleKind::Hold {
            self.tell(self.project.audience(Audience::Lead, None).into_iter(), key, says)?;
        } else {
            self.tell(self.project.responsible(), key, says)?;
        }
        let told = (self.next_notice > first).then_some(first);
        self.tx.note_trouble(kind, self.now, told)
    }

    pub(super) fn digest(&mut self) -> Result<()> {
        let open = self.tx.open_list(self.project, self.now)?;
        let held = self.tx.held()?;
        let last = self.tx.memo(Memo::LastDigest)?.unwrap_or(self.now);
        let by_programs = |d: &Disposition| matches!(d, Disposition::Automatic | Disposition::Bounce);
        let handled = self.tx.without_ticket(last)?;
        let listed = handled.iter().filter(|(d, _)| by_programs(d)).map(|(_, count)| count).sum();
        let unheard = self.tx.memo(Memo::Unheard)?.unwrap_or_default();
        self.tx.drop_memo(Memo::Unheard)?;
        let at = self.now;
        let refused = self.tx.refused_commands(last)?;
        let unreached = self.tx.all_unreached(self.project, at)?;
        let unreached = unreached.into_iter().map(|u| (u.to, u.since, u.reply)).collect();
        let says = Says::Digest(open, Counts { unreached, held, listed, unheard, refused });
        self.tell(self.project.people.iter(), |to| NoticeKey::Digest { at, to }, says)?;
        self.tx.set_memo(Memo::LastDigest, at)
    }

    /// Entries, projections, notices: all that a decision asks for.
    pub(super) fn carry_out(&mut self, ticket: &Ticket, mut decision: Decision) -> Result<()> {
        let notices = std::mem::take(&mut decision.notices);
        self.commit(ticket, decision)?;
        notices.into_iter().try_for_each(|n| self.post(n))
    }

    pub(super) fn commit(&mut self, ticket: &Ticket, decision: Decision) -> Result<()> {
        if decision.answered {
            self.tx.drop_held(ticket.id)?;
        }
        if decision.released {
            self.tx.release_held(ticket.id, self.now)?;
            self.count_provoked()?;
        }
        let is_named = |e: &&Entry| e.kind == EntryKind::Reporter;
        if let Some(named) = decision.entries.iter().find(is_named).and_then(|e| e.party.as_ref()) {
            if let Some(earlier) = &ticket.reporter {
                self.tx.drop_unsent(ticket.id, earlier)?;
            }
            let sent = EntryKind::Acknowledgement { outcome: Acknowledgement::Sent };
            if decision.entries.iter().any(|e| e.kind == sent) {
                self.count_acknowledgement(named)?;
            }
        }
        if !decision.entries.is_empty() {
            let mut after = ticket.clone();
            decision.entries.iter().for_each(|e| after.apply(e));
            self.tx.append(ticket.id, &decision.entries)?;
            self.tx.project(&after, self.project)?;
        }
        self.news.entries.extend(decision.entries.into_iter().map(|e| (ticket.id, e)));
        if let Some(answer) = decision.answer {
            self.news.answer = Some(Told { text: self.in_full(&answer.says), refused: answer.refused });
        }
        Ok(())
    }

    /// Makes a notice final: number, words for its reader, token, Message-ID, bytes. One that stands only for what
    /// others stood for already is not made again.
    pub(super) fn post(&mut self, notice: Notice) -> Result<()> {
        let fresh = self.tx.fresh_keys(&notice.keys)?;
        if fresh.is_empty() || self.rebuilds.is_some() {
            return Ok(());
        }
        let number = self.next_notice;
        let ours = &self.project.address;
        let words = notice.says.words(self.project.level(&notice.to), self.key, self.project, self.now);
        let (kind, ticket) = (notice.kind(), notice.ticket());
        let holds = matches!(&*notice.says, Says::Trouble(Trouble::Hold(_)));
        let lane = if holds { NoticeKind::HOLD } else { self.lane(kind) };
        let token = Token { purpose: notice.carries, party: token::party(&notice.to), ticket, notice: number };
        let unusable = || StoreError::Corrupt("the project's address makes no Message-ID".into());
        let signed = token.sign(self.key);
        let message_id = MessageId::parse(&format!("{signed}@{}", ours.domain())).ok_or_else(unusable)?;
        let tagged = |tag: &str| self.project.mailbox.tagged(tag).filter(|_| self.project.plus_addressing);
        let reply_to = tagged(&signed);
        let envelope = tagged(&Token { purpose: Purpose::Bounce, ..token }.sign(self.key));
        let mark = Token { purpose: Purpose::Loop, ..token }.sign(self.key);
        let thread = notice.in_reply_to.clone().or_else(|| self.thread(ticket?, &notice.to));
        // Its own stands last, so that of a chain of notices the newest is the nearest.
        let references: Vec<MessageId> = thread.into_iter().chain(token.reference(self.key, ours.domain())).collect();
        let bytes = write::write(&write::Outgoing {
            from_name: &self.project.name,
            from: ours,
            to: &notice.to,
            subject: &words.subject,
            body: &words.body,
            message_id: &message_id,
            date: self.now,
            reply_to: reply_to.as_ref(),
            in_reply_to: notice.in_reply_to.as_ref(),
            references: &references,
            auto_submitted: auto_submitted(kind),
            calendar: &notice.calendar,
            mark: Some(&mark),
        });
        let bytes = bytes.map_err(|e| StoreError::Corrupt(format!("a notice cannot be written: {e}")))?;
        let new = Outgoing {
            number,
            kind,
            lane,
            to: &notice.to,
            ticket,
            message_id: message_id.as_str(),
            held: notice.held.as_deref(),
            revision: notice.revision(),
            envelope: envelope.as_ref(),
            expires: key::expires(kind, &notice.keys, self.now),
            bytes: &bytes,
        };
        self.tx.post(&new, &fresh, self.now)?;
        if kind.provoked() && notice.held.is_none() {
            self.count_provoked()?;
        }
        self.next_notice += 1;
        let leaves = notice.held.is_none();
        self.news.notices.push(Posted { number, notice, words });
        if leaves { self.watch_breaker(lane) } else { Ok(()) }
    }

    /// A Message-ID that stands for the ticket, so that mail programs show its notices as one thread. Nothing is ever
    /// sent under it, and it proves nothing.
    fn thread(&self, ticket: TicketId, to: &Address) -> Option<MessageId> {
        let level = self.project.person(to).map_or(Level::Full, |p| p.notices);
        let name = match level {
            Level::Full | Level::Summary => format!("ticket-{}", ticket.0),
            Level::None => Codename::of(ticket, self.key).slug(),
        };
        MessageId::parse(&format!("{name}@{}", self.project.address.domain()))
    }
}

fn auto_submitted(kind: NoticeKind) -> AutoSubmitted {
    match kind {
        NoticeKind::Acknowledgement | NoticeKind::Told | NoticeKind::Answer | NoticeKind::Code => {
            AutoSubmitted::Replied
        }
        NoticeKind::Reply => AutoSubmitted::No,
        NoticeKind::Update
        | NoticeKind::Report
        | NoticeKind::FollowUp
        | NoticeKind::Change
        | NoticeKind::Reminder
        | NoticeKind::Attempt
        | NoticeKind::Undeliverable
        | NoticeKind::Flood
        | NoticeKind::Digest
        | NoticeKind::Policy
        | NoticeKind::Trouble => AutoSubmitted::Generated,
    }
}

/// A notice to a person of the project by no decision of a ticket's rules.
pub(super) fn desk(says: Arc<Says>, to: &Address, keys: Vec<NoticeKey>) -> Notice {
    let carries = Purpose::Person;
    Notice { says, to: to.clone(), keys, carries, in_reply_to: None, held: None, calendar: Vec::new() }
}
