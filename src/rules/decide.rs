//! Every rule: (ticket, event, project, now) → entries and notices. Total, synchronous, the same each time (G10).

use jiff::{SignedDuration, Timestamp};

use super::draft::{Answer, Decision, Draft, EXCERPT};
use super::event::{Event, FollowUp, Report};
use super::orders;
use crate::command::Ask;
use crate::notice::appointment;
use crate::notice::key::NoticeKey;
use crate::notice::text::{acknowledgement, folded_line, reporter, team};
use crate::policy::Milestone;
use crate::project::Project;
use crate::ticket::clock::clocks;
use crate::ticket::{Acknowledgement, Actor, Entry, EntryKind, Status, Ticket};
use crate::token::{Key, Purpose};
use crate::vocabulary::{Address, MailRef, NoticeKind};

/// Decides. Adds nothing for an event that changes nothing.
pub fn decide(ticket: &Ticket, event: &Event, project: &Project, key: &Key, now: Timestamp) -> Decision {
    let mut draft = Draft { ticket: ticket.clone(), project, key, now, decision: Decision::default(), order: None };
    match event {
        Event::Reported(report) => draft.reported(report),
        Event::Flooded(first) => draft.flooded(first),
        Event::Copied(report, altered) => draft.copied(report, *altered),
        Event::FollowedUp(mail) => draft.followed_up(mail),
        Event::Ordered(order) => orders::obey(&mut draft, order),
        Event::Wrote { by, text, folded, mail, to_reporter } => draft.wrote(by, (text, *folded), *mail, *to_reporter),
        Event::Attempted { from, holder, why, mail } => draft.attempted(from.as_ref(), holder.as_ref(), why, *mail),
        Event::Undelivered(loss) => draft.undelivered(loss),
        Event::Erased => draft.erased(),
        Event::Tick => draft.tick(),
    }
    if !draft.decision.entries.is_empty() {
        appointment::attach(ticket, &draft.ticket, &mut draft.decision.notices, project, now);
    }
    draft.decision
}

/// One more of many reports, as an entry. It changes nothing of its ticket, so that the ticket need not be read: ten
/// thousand of them must not cost ten thousand times ten thousand entries.
pub fn member(after: u32, report: &Report, now: Timestamp) -> Entry {
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
        self.acknowledge(report);
        let (outcome, why) = &report.acknowledge;
        if report.tell {
            let news = team::NewReport {
                from: &report.shown,
                identity: &report.identity,
                excerpt: &report.excerpt,
                fields: &report.fields,
                missing: &report.missing,
                off_subject: report.off_subject,
                attachments: &report.attachments,
                problems: &report.problems,
                acknowledgement: (*outcome, why),
                may_belong_to: report.may_belong_to,
            };
            let text = team::report(&self.ticket, &news, self.project, self.now);
            self.tell_team(NoticeKind::Report, None, &text);
        }
    }

    /// The automatic acknowledgement: sent, held for a person, or none.
    fn acknowledge(&mut self, report: &Report) {
        let (outcome, why) = &report.acknowledge;
        self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome: *outcome }, why, None);
        if *outcome != Acknowledgement::Withheld {
            let text = acknowledgement::text(&self.ticket, &report.missing, self.project, self.now);
            self.tell_reporter(NoticeKind::Acknowledgement, text);
            if *outcome == Acknowledgement::Held
                && let Some(notice) = self.decision.notices.last_mut()
            {
                notice.held = Some(why.clone());
            }
        }
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
            self.acknowledge(report);
        }
        if report.tell {
            let sent = self.ticket.auto_acknowledged == Some(self.now);
            let text = team::copied(&self.ticket, sent, excerpt, self.project, self.now);
            self.tell_team(NoticeKind::FollowUp, None, &text);
        }
    }

    fn flooded(&mut self, first: &Report) {
        let kind =
            EntryKind::Reported { received: first.received, message_id: None, may_belong_to: None, erased: false };
        self.enter(&Actor::Daemon, kind, if first.backscatter { RETURNED } else { MANY }, None);
        let outcome = Acknowledgement::Withheld;
        self.enter(&Actor::Daemon, EntryKind::Acknowledgement { outcome }, "they are many at once", None);
        let entry = member(self.ticket.revision, first, self.now);
        self.ticket.apply(&entry);
        self.decision.entries.push(entry);
    }

    fn followed_up(&mut self, mail: &FollowUp) {
        self.enter(&mail.by, EntryKind::FollowUp, &mail.excerpt, Some(mail.mail));
        // A person who holds the reporter's address for this ticket is the answer that was waited for, from another
        // mailbox of theirs or not: a clock that runs too early reminds, one that never runs is silent. What a program
        // writes is nobody's answer.
        if !mail.program && self.ticket.paused_since().is_some() {
            self.enter(&Actor::Daemon, EntryKind::Resumed, "", None);
        }
        self.asked(mail);
        if mail.tell {
            let holder = mail.holder.as_ref().map(|h| self.project.name_of(h));
            let words = (mail.excerpt.as_str(), mail.folded);
            let text = team::follow_up(&self.ticket, (&mail.by, &mail.who, holder), words, self.project, self.now);
            self.tell_team(NoticeKind::FollowUp, None, &text);
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
        let Some(to) = self.ticket.reporter.clone().filter(|_| !mail.asks.is_empty() && mail.tell) else { return };
        let text = reporter::asked(&self.ticket, &mail.asks, self.project, self.now);
        let mut notice = self.notice(NoticeKind::Told, &to, text);
        notice.carries = Some(Purpose::Reporter);
        notice.keys = vec![NoticeKey::Told(mail.mail)];
        notice.in_reply_to = mail.reply_to.clone();
        self.decision.notices.push(notice);
    }

    fn wrote(&mut self, by: &Address, (words, folded): (&str, usize), mail: Option<MailRef>, to_reporter: bool) {
        let kind = if to_reporter { EntryKind::Answered } else { EntryKind::Note };
        self.decision.answered = to_reporter;
        self.enter(&Actor::Person(by.clone()), kind, words, mail);
        let did = if to_reporter { "answered the reporter" } else { "wrote a note" };
        let did = team::Did::wrote(did, words, EXCERPT, &folded_line(folded, &self.project.show(self.ticket.id)));
        let text = team::change(&self.ticket, self.project.name_of(by), &did, self.project, self.now);
        self.tell_team(NoticeKind::Change, Some(by), &text);
    }

    fn attempted(&mut self, from: Option<&Address>, holder: Option<&Address>, why: &str, mail: Option<MailRef>) {
        self.enter_about(&Actor::Stranger, EntryKind::Attempt, from.cloned(), why, mail);
        if self.ticket.attempts.is_some_and(|(_, today)| today > ATTEMPTS_TOLD) {
            return;
        }
        let shown = from.map_or("nobody that could be made out", Address::as_str);
        let name = holder.map(|h| self.project.name_of(h));
        let text = team::attempt(&self.ticket, shown, name, why, self.project, self.now);
        self.tell_team(NoticeKind::Attempt, holder, &text);
    }

    /// Only what is closed is erased: nobody could go on with the rest. What is erased already stays as it is.
    fn erased(&mut self) {
        if let Some(text) = not_erasable(&self.ticket, self.project, self.now) {
            self.decision.answer = Some(Answer { text, refused: true });
            return;
        }
        if self.ticket.milestones.contains_key(&Milestone::Erased) {
            return;
        }
        self.enter(&Actor::Local, EntryKind::Erased, "", None);
        let who = "somebody at the daemon's machine";
        let what = "erased the addresses of strangers, the texts and the mails of this ticket here.\n\
                    The mailbox, backups and what you got by mail still hold them.\n";
        let text = team::change(&self.ticket, who, &team::Did::ours(what), self.project, self.now);
        self.tell_team(NoticeKind::Change, None, &text);
    }
}

/// Why a ticket cannot be erased, if it cannot: it is open, or its reporter still waits for an answer that nobody
/// could send any more.
pub fn not_erasable(ticket: &Ticket, project: &Project, now: Timestamp) -> Option<String> {
    let (number, status) = (project.show(ticket.id), ticket.status);
    if status != Status::Closed {
        return Some(format!("{number} is {status}, and only a closed ticket can be erased: /close it first"));
    }
    let runs =
        clocks(ticket, &project.policy, now).into_iter().find(|c| c.live && c.promise.until != Milestone::Erased);
    runs.map(|c| format!("the promise {:?} still runs on {number}: /ack or /spam it first", c.promise.name))
}
/// The title of a ticket for mail that servers returned to the wrong address.
pub const RETURNED: &str = "Returned mail that is none of ours";

/// The title of a ticket for many reports.
pub const MANY: &str = "Many reports at once";

/// Refused commands of one ticket that the team is told of in a day; the timeline holds all.
const ATTEMPTS_TOLD: u32 = 3;

/// Whether a mail that came at `received` still deserves an automatic acknowledgement: after a week it would only
/// confuse, and a first start on an old inbox would answer years of mail.
pub fn fresh(received: Timestamp, now: Timestamp) -> bool {
    now.duration_since(received) <= SignedDuration::from_hours(7 * 24)
}
