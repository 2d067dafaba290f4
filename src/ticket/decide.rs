//! Every rule: (ticket, event, project, now) → entries and notices. Total, synchronous, the same each time (G10).

use jiff::{SignedDuration, Timestamp};

use super::calendar;
use super::clock::{Clock, clocks};
use super::hearer::{self, Hearer, Who, hearers};
use super::orders;
use super::{Acknowledgement, Actor, Entry, EntryKind, MailRef, Person, Status, Ticket, TicketId};
use crate::command::Orders;
use crate::mail::fields::{Fields, Part};
use crate::mail::leak::Known;
use crate::mail::text::level::Text;
use crate::mail::text::{acknowledgement, folded_line, reminder, reporter, team};
use crate::mail::{Address, Attachment, MessageId};
use crate::notice::{Notice, NoticeKind};
use crate::policy::ladder::Step;
use crate::policy::{Audience, Milestone};
use crate::project::Project;
use crate::token::{Key, Purpose};

/// Characters of a mail that an entry keeps; the whole mail is in the store.
const EXCERPT: usize = 2_000;

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new report.
    Reported(Box<Report>),
    /// The first of many reports that come at once: the ticket is for all of them.
    Flooded(Box<Report>),
    /// The report of this ticket in a second copy, which says more of its sender than the first did, and whether its
    /// text is another one.
    Copied(Box<Report>, bool),
    /// More mail for this ticket.
    FollowedUp(FollowUp),
    /// Commands, from someone who may give them.
    Ordered(Order),
    /// A maintainer wrote without a command.
    Wrote {
        /// Who.
        by: Address,
        /// What.
        text: String,
        /// Lines of it that look quoted, and were left out.
        folded: usize,
        /// The mail.
        mail: Option<MailRef>,
        /// Whether the reporter got it too: then it is an answer, else a note.
        to_reporter: bool,
    },
    /// Commands, from someone who may not give them.
    Attempted {
        /// The From address.
        from: Option<Address>,
        /// The person of the project whose own reply address it bears: see [`crate::mail::intake::unheard`].
        holder: Option<Address>,
        /// What failed.
        why: String,
        /// The mail.
        mail: Option<MailRef>,
    },
    /// A notice did not arrive.
    Undelivered(Loss),
    /// Somebody at the command line erases what is held about people in it.
    Erased,
    /// Time passed.
    Tick,
}

/// A notice that did not arrive.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Its number in the outbox; 0 for an answer that a person sent by hand.
    pub number: u32,
    /// What it was.
    pub notice: String,
    /// To whom it went.
    pub to: Address,
    /// What the server said.
    pub reply: String,
    /// The delivery report; `None` when our own server refused the notice.
    pub mail: Option<MailRef>,
    /// If it was a reminder: of what. Only the store knows.
    pub reminded: Vec<Reminded>,
    /// If it was about a report: to whom such notices went. Only the store knows.
    pub mailed: Vec<Address>,
    /// Nothing but the recipient says that it was this notice.
    pub perhaps: bool,
}

/// What a reminder that did not arrive spoke of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminded {
    /// Of which promise.
    pub promise: String,
    /// Its deadline then.
    pub deadline: Timestamp,
    /// Where the ladder put it.
    pub nominal: Timestamp,
    /// All who were told of it, whether it arrived or not.
    pub told: Vec<Address>,
}

/// A new report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The stored mail.
    pub mail: MailRef,
    /// Its sender, when it has exactly one plain one.
    pub from: Option<Address>,
    /// The sender for the team: name and address as claimed.
    pub shown: String,
    /// Whether and why the sender is believed.
    pub identity: String,
    /// Its subject.
    pub title: String,
    /// Its new text.
    pub excerpt: String,
    /// Its Message-ID.
    pub message_id: Option<MessageId>,
    /// When our mail server took it.
    pub received: Timestamp,
    /// What was recognised in it.
    pub fields: Fields,
    /// What the project asks for and is not in it.
    pub missing: Vec<Part>,
    /// Its subject does not begin as the project asks for, and so nothing is sent by itself.
    pub off_subject: bool,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// What was odd.
    pub problems: Vec<String>,
    /// A ticket that it names without proof.
    pub may_belong_to: Option<TicketId>,
    /// Whether to acknowledge it, and why not.
    pub acknowledge: (Acknowledgement, String),
    /// Whether the team is told of it at once; not when too much comes in.
    pub tell: bool,
    /// The way of the operator's that named the sender, whom nobody else vouches for.
    pub through: Option<String>,
    /// It came from where mail servers return mail from, and refers to nothing of ours.
    pub backscatter: bool,
}

/// More mail for a ticket.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// The reporter, or somebody who holds the reporter's token.
    pub by: Actor,
    /// Whether a program wrote it, as far as can be seen.
    pub program: bool,
    /// The sender for the team, and how sure that is.
    pub who: String,
    /// The person of the project whose own reply address it bears, where the sender is not known to be them.
    pub holder: Option<Address>,
    /// What they wrote.
    pub excerpt: String,
    /// Lines of it that look quoted, and were left out.
    pub folded: usize,
    /// The mail.
    pub mail: MailRef,
    /// Whether the team is told at once: not of what a program answered.
    pub tell: bool,
    /// What the reporter asks for, on the first lines; empty for anybody else.
    pub asks: Vec<Ask>,
    /// Its Message-ID, to answer it.
    pub reply_to: Option<MessageId>,
}

/// What reporters can ask for in their own ticket, by a reply to one of our mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// How it stands.
    Status,
    /// To be named so; "none" for not at all.
    Credit(String),
    /// To take it back.
    Withdraw(String),
    /// What can be asked for.
    Help,
}

/// Commands.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who commands; has the right to.
    pub by: Actor,
    /// The lines and the text.
    pub orders: Orders,
    /// The mail they came in.
    pub mail: Option<MailRef>,
    /// Its Message-ID, to answer it.
    pub reply_to: Option<MessageId>,
    /// The revision of the ticket that the answered notice showed; `None` for the command line and for what only reads.
    pub seen: Option<u32>,
    /// What the store knows of the words that may leave.
    pub known: Known,
}

impl Order {
    /// Somebody at the command line, without a word yet.
    pub fn local() -> Self {
        let (orders, known) = (Orders::default(), Known::default());
        Self { by: Actor::Local, orders, mail: None, reply_to: None, seen: None, known }
    }
}

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
}

/// Decides. Adds nothing for an event that changes nothing.
pub fn decide(ticket: &Ticket, event: &Event, project: &Project, key: &Key, now: Timestamp) -> Decision {
    let mut draft = Draft { ticket: ticket.clone(), project, key, now, decision: Decision::default() };
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
    calendar::attach(ticket, &draft.ticket, &mut draft.decision, project, now);
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
    }
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
        let entry = Entry { seq: self.ticket.revision + 1, at: self.now, by: by.clone(), kind, party, text, mail };
        self.ticket.apply(&entry);
        self.decision.entries.push(entry);
    }

    /// A notice about this ticket that stands for the entry just written.
    /// A person of the project reads it at their level.
    pub(super) fn notice(&self, kind: NoticeKind, to: &Address, text: impl Into<Text>) -> Notice {
        let (subject, body) = text.into().at(self.project.level(to), self.key);
        let key = format!("{}:{}:{}:{}", kind.word(), self.ticket.id.0, self.ticket.revision, to.key());
        let carries = if self.project.person(to).is_some() { Purpose::Person } else { Purpose::Reporter };
        Notice {
            kind,
            to: to.clone(),
            ticket: Some(self.ticket.id),
            keys: vec![key],
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
        notice.keys = vec![format!("told:{}", mail.mail.0)];
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

    fn undelivered(&mut self, loss: &Loss) {
        let Loss { notice, to, perhaps, .. } = loss;
        // What tells of an undeliverable notice is not itself worth telling, or two dead mailboxes would feed
        // one another.
        let kind = EntryKind::Undeliverable { notice: notice.clone() };
        self.enter_about(&Actor::Daemon, kind, Some(to.clone()), &loss.reply, loss.mail);
        if notice == NoticeKind::Undeliverable.word() {
            return;
        }
        if notice == NoticeKind::Report.word() {
            self.unreached(&loss.mailed);
        }
        let passed = self.pass_on(loss);
        let text = team::undeliverable(&self.ticket, notice, to, *perhaps, &loss.reply, self.project, self.now);
        let others = self.project.responsible().map(|p| &p.address).filter(|a| *a != to && !passed.contains(a));
        let all: Vec<Address> = others.cloned().collect();
        let key = undeliverable_key(loss, self.now);
        for address in all {
            let mut news = self.notice(NoticeKind::Undeliverable, &address, text.clone());
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
        let text = team::unreached(&self.ticket, self.project, self.now);
        let all: Vec<Address> = self.project.responsible().map(|p| p.address.clone()).collect();
        for address in all {
            let mut news = self.notice(NoticeKind::Undeliverable, &address, text.clone());
            news.keys = vec![format!("unreached:{}:{}", self.ticket.id.0, address.key())];
            self.decision.notices.push(news);
        }
    }

    /// A reminder that did not reach its audience goes to the next on the ladder, to those who have not been told of
    /// it; each time further, until all who are responsible know. Says to whom.
    fn pass_on(&mut self, loss: &Loss) -> Vec<Address> {
        let missed = &loss.to;
        let mut passed = Vec::new();
        let before = self.ticket.clone();
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
            let next = onward.iter().map(|a| self.project.audience(*a, &before));
            let everybody = self.project.responsible().collect();
            let untold = |people: Vec<&'_ Person>| -> Vec<Address> {
                let all = people.into_iter().map(|p| p.address.clone());
                all.filter(|a| a != missed && !step.told.contains(a)).collect()
            };
            let next = next.chain([everybody]).map(untold).find(|people| !people.is_empty()).unwrap_or_default();
            let text = reminder::text(&self.ticket, clock, self.project, self.now);
            let missed_by = self.project.name_of(missed);
            let text = text.first(format!("Passed on to you, since it did not reach {missed_by}.\n\n"));
            for person in next {
                let mut notice = self.notice(NoticeKind::Reminder, &person, text.clone());
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

    fn tick(&mut self) {
        let policy = &self.project.policy;
        // Entries of a tick touch no milestone, so the clocks stay what they were.
        let before = self.ticket.clone();
        let hearers = hearers(&before, self.project, self.now);
        let mut good_news = Vec::new();
        for clock in clocks(&before, policy, self.now) {
            let (promise, deadline) = clock.key();
            if clock.breaks(&self.ticket, self.now) {
                self.enter(&Actor::Daemon, EntryKind::Broken { promise: promise.clone(), deadline }, "", None);
            }
            for hearer in &hearers {
                let Some(step) = clock.due(&before, policy, hearer, self.now) else { continue };
                self.spoke(&clock, hearer, &step);
                match &hearer.who {
                    Who::Everybody => {
                        let audiences = clock.audiences(&before, policy, hearer, &step);
                        let people = audiences.iter().flat_map(|a| hearer::together(*a, &before, self.project));
                        let mut told = std::collections::HashSet::new();
                        people
                            .filter(|p| told.insert(p.address.key()))
                            .for_each(|p| self.remind(&clock, p, step.nominal));
                    }
                    Who::Person(person) => self.remind(&clock, person, step.nominal),
                    Who::Reporter { .. } => good_news.push((clock.clone(), step.nominal)),
                }
            }
        }
        self.tell_of_work(&good_news);
    }

    /// Writes down that a rung spoke.
    fn spoke(&mut self, clock: &Clock<'_>, hearer: &Hearer<'_>, step: &Step) {
        let (promise, deadline) = clock.key();
        let (rung, round, nominal) = (step.rung, step.round, step.nominal);
        let kind = EntryKind::Reminded { promise, deadline, rung, round, nominal };
        self.enter_about(&Actor::Daemon, kind, hearer.party().cloned(), "", None);
    }

    fn remind(&mut self, clock: &Clock<'_>, person: &Person, nominal: Timestamp) {
        let text = reminder::text(&self.ticket, clock, self.project, self.now);
        let mut notice = self.notice(NoticeKind::Reminder, &person.address, text);
        if calendar::shows(person) {
            notice.calendar = calendar::reminded(clock, &self.ticket, self.project, self.now);
        }
        notice.keys = vec![self.rung_key(clock, nominal, &person.address)];
        self.decision.notices.push(notice);
    }

    fn rung_key(&self, clock: &Clock<'_>, nominal: Timestamp, to: &Address) -> String {
        rung_key(self.ticket.id, &clock.promise.name, clock.deadline, nominal, to)
    }

    /// What is planned, to the reporter: one mail, whatever number of promises it is about.
    fn tell_of_work(&mut self, news: &[(Clock<'_>, Timestamp)]) {
        let Some(to) = self.ticket.reporter.clone().filter(|_| !news.is_empty()) else { return };
        let clocks: Vec<&Clock<'_>> = news.iter().map(|(clock, _)| clock).collect();
        // Not by `tell_reporter`: a machine's word is no answer, and a held acknowledgement stays held.
        let mut notice = self.notice(NoticeKind::Update, &to, reporter::at_work(&self.ticket, &clocks, self.project));
        notice.keys = news.iter().map(|(clock, nominal)| self.rung_key(clock, *nominal, &to)).collect();
        notice.carries = Some(Purpose::Reporter);
        notice.in_reply_to = self.ticket.report_id.clone();
        self.decision.notices.push(notice);
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

/// More reminders for one person in one pass than that become one mail.
pub const REMINDERS_MAX: usize = 5;

/// Joins the reminders of one pass: a person who would get more than [`REMINDERS_MAX`] gets one.
pub fn coalesce(notices: Vec<Notice>, project: &Project) -> Vec<Notice> {
    let mut by_person: std::collections::BTreeMap<String, Vec<Notice>> = std::collections::BTreeMap::new();
    let (reminders, mut out): (Vec<_>, Vec<_>) = notices.into_iter().partition(|n| n.kind == NoticeKind::Reminder);
    for notice in reminders {
        by_person.entry(notice.to.key()).or_default().push(notice);
    }
    for mut mine in by_person.into_values() {
        if mine.len() <= REMINDERS_MAX {
            out.append(&mut mine);
            continue;
        }
        let subjects: Vec<&str> = mine.iter().map(|n| n.subject.as_str()).collect();
        let (subject, body) = reminder::many(&subjects, project);
        let keys = mine.iter().flat_map(|n| n.keys.clone()).collect();
        if let Some(first) = mine.into_iter().next() {
            // A list to look through is no file of appointments.
            out.push(Notice { subject, body, keys, ticket: None, calendar: Vec::new(), ..first });
        }
    }
    out
}

/// Whether a mail that came at `received` still deserves an automatic acknowledgement: after a week it would only
/// confuse, and a first start on an old inbox would answer years of mail.
pub fn fresh(received: Timestamp, now: Timestamp) -> bool {
    now.duration_since(received) <= SignedDuration::from_hours(7 * 24)
}
