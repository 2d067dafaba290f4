//! Every rule: (ticket, event, project, now) → entries and notices. Total, synchronous, the same each time (G10).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::draft::{Decision, Draft, EXCERPT};
use super::event::{Event, FollowUp, Report};
use super::orders;
use crate::command::Ask;
use crate::notice::Notice;
use crate::notice::appointment;
use crate::notice::key::NoticeKey;
use crate::notice::says::About;
use crate::notice::text::report::NewReport;
use crate::notice::text::team::{Contents, Did, MoreMail};
use crate::policy::Milestone;
use crate::project::Project;
use crate::ticket::clock::clocks;
use crate::ticket::kinds::who;
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Seat, Status, Ticket};
use crate::token::Key;
use crate::vocabulary::{Address, MailRef};

/// Decides. Adds nothing for an event that changes nothing.
pub(crate) fn decide(ticket: &Ticket, event: &Event, project: &Project, key: &Key, now: Timestamp) -> Decision {
    let (before, decision) = (Arc::new(ticket.clone()), Decision::default());
    let mut draft = Draft { ticket: before, project, key, now, decision, order: None };
    match event {
        Event::Reported(report) => draft.reported(report),
        Event::Flooded(first) => draft.flooded(first),
        Event::Copied(report, altered) => draft.copied(report, *altered),
        Event::FollowedUp(mail) => draft.followed_up(mail),
        Event::Ordered(order) => orders::obey(&mut draft, order),
        Event::Wrote { by, contents, mail, to_reporter } => draft.wrote(by, contents, *mail, *to_reporter),
        Event::Attempted { from, sender, holder, why, mail, tell } => {
            draft.attempted(from.as_ref(), (sender.as_ref(), holder.as_ref()), why, *mail, *tell);
        }
        // Until their code comes, they are nothing to the ticket.
        Event::Requested(_) | Event::Confirmed(..) => {}
        Event::Undelivered(loss) => draft.undelivered(loss),
        Event::Erased(seat) => draft.erased(seat),
        Event::ClockSet(seat) => draft.enter(&Actor::Local(seat.clone()), EntryKind::ClockSet, "", None),
        Event::Tick => draft.tick(),
    }
    if !draft.decision.entries.is_empty() {
        appointment::attach(ticket, &draft.ticket, &mut draft.decision.notices, project, now);
    }
    draft.decision
}

/// One more of many reports, as an entry. It changes nothing of its ticket, so that the ticket need not be read: ten
/// thousand of them must not cost ten thousand times ten thousand entries.
pub(crate) fn member(after: u32, report: &Report, now: Timestamp) -> Entry {
    let text = Some(report.title.chars().take(EXCERPT).collect::<String>()).filter(|t| !t.is_empty());
    Entry {
        seq: after + 1,
        at: now,
        by: Actor::Daemon,
        kind: EntryKind::Member,
        party: report.from.clone(),
        text,
        mail: Some(report.mail),
        order: None,
    }
}

impl Draft<'_> {
    fn reported(&mut self, report: &Report) {
        let kind = EntryKind::Reported {
            received: report.received,
            message_id: report.message_id.clone(),
            may_belong_to: report.may_belong_to,
            erased: false,
        };
        self.enter_about(&Actor::Reporter, kind, report.from.clone(), &report.title, Some(report.mail));
        self.acknowledge_report(report);
        if report.tell {
            let news = NewReport {
                from: report.shown.clone(),
                identity: report.identity.clone(),
                excerpt: report.excerpt.clone(),
                fields: report.fields.clone(),
                missing: report.missing.clone(),
                off_subject: report.off_subject,
                attachments: report.attachments.clone(),
                authors: report.authors.clone(),
                attached: report.attached.clone(),
                problems: report.problems.clone(),
                acknowledgement: report.acknowledge.clone(),
                may_belong_to: report.may_belong_to,
            };
            self.tell_team(None, About::Report(Box::new(news)));
        }
    }

    fn acknowledge_report(&mut self, report: &Report) {
        let (outcome, why) = &report.acknowledge;
        self.acknowledge(*outcome, why, report.missing.clone());
    }

    /// A second copy shows that a person wrote it: who was not answered for what the first looked like is answered
    /// now, once (G2).
    fn copied(&mut self, report: &Report, altered: bool) {
        let excerpt = if altered { report.excerpt.as_str() } else { "" };
        if altered {
            self.enter(&Actor::Stranger, EntryKind::FollowUp, excerpt, Some(report.mail));
        }
        let sent = report.acknowledge.0 == Acknowledgement::Sent;
        let why = "a second copy shows that a person wrote it";
        if !self.ticket.is_unanswered() {
            self.enter(&Actor::Daemon, EntryKind::Note, why, Some(report.mail));
        } else if self.ticket.held && sent {
            self.decision.released = true;
            self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome: report.acknowledge.0 }, why, None);
        } else if self.ticket.held {
            self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome: Acknowledgement::Held }, why, None);
        } else {
            self.acknowledge_report(report);
        }
        if report.tell {
            let sent = self.ticket.auto_acknowledged == Some(self.now);
            self.tell_team(None, About::Copied { sent, excerpt: excerpt.to_owned() });
        }
    }

    fn flooded(&mut self, first: &Report) {
        let kind =
            EntryKind::Reported { received: first.received, message_id: None, may_belong_to: None, erased: false };
        let (title, why) = match first {
            Report { junk: true, .. } => (JUNK, "they lay in the folder for junk"),
            Report { backscatter: true, .. } => (RETURNED, "they are many at once"),
            Report { .. } => (MANY, "they are many at once"),
        };
        self.enter(&Actor::Daemon, kind, title, None);
        let outcome = Acknowledgement::Withheld;
        self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome }, why, None);
        self.apply(member(self.ticket.revision, first, self.now));
    }

    fn followed_up(&mut self, mail: &FollowUp) {
        self.enter(&mail.by, EntryKind::FollowUp, &mail.contents.text, Some(mail.mail));
        // A person who holds the reporter's address for this ticket is the answer that was waited for, from another
        // mailbox of theirs or not: a clock that runs too early reminds, one that never runs is silent. What a program
        // writes is nobody's answer.
        if !mail.program && self.ticket.paused_since().is_some() {
            self.enter(&Actor::Daemon, EntryKind::Resumed, "", None);
        }
        self.asked(mail);
        if mail.tell {
            let more = MoreMail {
                by: mail.by.clone(),
                who: mail.who.clone(),
                holder: mail.holder.as_ref().map(|h| self.project.name_of(h).to_owned()),
                contents: mail.contents.clone(),
            };
            self.tell_team(None, About::FollowUp(more));
        }
    }

    /// What the reporter asked for is written down, and answered in one mail at the address that reported.
    fn asked(&mut self, mail: &FollowUp) {
        for ask in &mail.asks {
            match ask {
                Ask::Status => self.enter(&mail.by, EntryKind::Asked, "", Some(mail.mail)),
                Ask::Credit(name) => self.enter(&mail.by, EntryKind::Credit, name, Some(mail.mail)),
                Ask::Withdraw(why) => self.enter(&mail.by, EntryKind::Withdrawn, why, Some(mail.mail)),
                Ask::Help => {}
            }
        }
        if mail.asks.is_empty() || !mail.tell {
            return;
        }
        let (keys, in_reply_to) = (vec![NoticeKey::Told(mail.mail)], mail.reply_to.clone());
        let notice = self.to_reporter(About::Asked(mail.asks.clone()));
        self.decision.notices.extend(notice.map(|notice| Notice { keys, in_reply_to, ..notice }));
    }

    fn wrote(&mut self, by: &Address, contents: &Contents, mail: Option<MailRef>, to_reporter: bool) {
        let kind = if to_reporter { EntryKind::Answered } else { EntryKind::Note };
        self.decision.answered = to_reporter;
        self.enter(&Actor::Person(by.clone()), kind, &contents.text, mail);
        let did = Did::Wrote { to_reporter, contents: contents.clone() };
        self.tell_team(Some(by), About::Change { who: self.project.name_of(by).to_owned(), did });
    }

    /// Whoever has an address of ours can go on with this all day: the first few are told, some more are written down,
    /// and the rest has its receipts, which the digest counts.
    fn attempted(
        &mut self,
        from: Option<&Address>,
        (sender, holder): (Option<&Address>, Option<&Address>),
        why: &str,
        mail: Option<MailRef>,
        tell: bool,
    ) {
        let before = self.ticket.attempts_on(self.now);
        if before >= ATTEMPTS_ENTERED {
            return;
        }
        self.enter_about(&Actor::Stranger, EntryKind::Attempt, from.cloned(), why, mail);
        if before >= ATTEMPTS_TOLD || !tell {
            return;
        }
        let name = |of: Option<&Address>| of.map(|person| self.project.name_of(person).to_owned());
        let (sender, told) = (name(sender), name(holder));
        self.tell_team(holder, About::Attempt { from: from.cloned(), sender, holder: told, why: why.to_owned() });
    }

    /// Only what is closed is erased: nobody could go on with the rest. What is erased already stays as it is.
    fn erased(&mut self, seat: &Seat) {
        let is_erased = self.ticket.milestones.contains_key(&Milestone::Erased);
        if is_erased || not_erasable(&self.ticket, self.project, self.now).is_some() {
            return;
        }
        let by = Actor::Local(seat.clone());
        self.enter(&by, EntryKind::Erased, "", None);
        let who = who(&by, self.project);
        self.tell_team(None, About::Change { who, did: Did::Erased });
    }
}

/// Why a ticket cannot be erased, if it cannot: it is open, or its reporter still waits for an answer that nobody
/// could send any more.
pub(crate) fn not_erasable(ticket: &Ticket, project: &Project, now: Timestamp) -> Option<String> {
    let (number, status) = (project.show(ticket.id), ticket.status);
    if status != Status::Closed {
        return Some(format!("{number} is {status}, and only a closed ticket can be erased: /close it first"));
    }
    let runs =
        clocks(ticket, &project.policy, now).into_iter().find(|c| c.live && c.promise.until != Milestone::Erased);
    runs.map(|c| format!("the promise {:?} still runs on {number}: /ack or /spam it first", c.promise.name))
}
/// The title of a ticket for mail that servers returned to the wrong address.
pub(crate) const RETURNED: &str = "Returned mail that is none of ours";

/// The title of a ticket for mail in the folder for junk.
pub(crate) const JUNK: &str = "Mail that was taken for junk";

/// The title of a ticket for many reports.
pub(crate) const MANY: &str = "Many reports at once";

/// Refused commands of one ticket that the team is told of in a day, and that stand in the timeline.
const ATTEMPTS_TOLD: u32 = 3;
const ATTEMPTS_ENTERED: u32 = 10;

/// Whether a mail that came at `received` still deserves an automatic acknowledgement: after a week it would only
/// confuse, and a first start on an old inbox would answer years of mail.
pub(crate) fn fresh(received: Timestamp, now: Timestamp) -> bool {
    now.duration_since(received) <= SignedDuration::from_hours(7 * 24)
}
