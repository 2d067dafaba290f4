//! A policy played forward: what the project has promised, before it happens.
//!
//! A report comes in, people command, time passes, and the real rules are asked each time: the play knows no rule of its
//! own, and its ticket is the fold of the entries that the rules make. What is odd about the promises themselves stands
//! in `concerns`.

mod concerns;
pub(crate) mod course;

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;

use self::course::{Course, Word};
use super::decide::{decide, not_erasable};
use super::event::{Event, FollowUp, Order, Report};
use crate::command;
use crate::mail::fields::Fields;
use crate::notice::text::report::Authors;
use crate::notice::text::team::Contents;
use crate::policy::shown::when;
use crate::policy::{Audience, Milestone, Policy, Promise, Severity, Term};
use crate::project::{Person, Project};
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::hearer::{Hearer, hearers, together};
use crate::ticket::{Acknowledgement, Actor, EntryKind, Seat, Status, Ticket};
use crate::token::{KEY_LENGTH, Key};
use crate::vocabulary::{Address, MailRef, TicketId};

/// The longest play.
pub(crate) const DAYS_MAX: u16 = 400;
/// How long a play goes on after its last deadline when no length is asked for.
const AFTER: Term = Term::Civil { months: 0, days: 7 };
/// Nags of one rung that are told one by one; the others are told as "and so on".
const NAGS: u32 = 3;
/// Looks at the clocks in one play. It bounds the cost of warnings that repeat every few minutes for months; nobody
/// reads a table as long as this.
const LOOKS: usize = 5_000;

/// What is played.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// When our mail server takes the report, in whole seconds.
    pub at: Timestamp,
    /// The severity, when it is known from the start.
    pub severity: Option<Severity>,
    /// What people do and when, in any order; nothing lies before `at`.
    pub events: Vec<(Timestamp, Happening)>,
    /// How many civil days are played; `None` for a week more than the last deadline.
    pub days: Option<u16>,
}

/// Something that people do in a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A milestone is reached.
    Milestone(Milestone),
    /// The severity is set.
    Severity(Severity),
    /// We ask the reporter: the clocks that may pause stand still.
    Ask,
    /// The reporter answers: they run again.
    Answer,
}

/// How a play went.
#[derive(Clone, Debug)]
pub struct Play {
    /// When the report came.
    pub at: Timestamp,
    /// Up to when it was played.
    pub until: Timestamp,
    /// What people did, in order; without what the rules refused.
    pub events: Vec<(Timestamp, Happening)>,
    /// The ticket at the end.
    pub ticket: Ticket,
    /// The clocks, in the order in which they started, then of the policy.
    pub courses: Vec<Course>,
    /// Promises that never started, with the milestone that they wait for.
    pub waiting: Vec<(String, Milestone)>,
    /// What is odd about these promises, and which events the rules refused.
    pub warnings: Vec<String>,
}

/// Plays a report forward.
pub fn play(project: &Project, scenario: &Scenario) -> Play {
    let mut events = scenario.events.clone();
    events.sort_by_key(|(at, _)| *at);
    let mut stage = Stage {
        project,
        ticket: Ticket::new(TicketId(1)),
        now: scenario.at,
        courses: BTreeMap::new(),
        nags: BTreeMap::new(),
        happened: Vec::new(),
        refused: Vec::new(),
    };
    stage.let_happen(&Event::Reported(Box::new(report(scenario.at))));
    if let Some(severity) = scenario.severity {
        stage.order(&format!("/severity {severity}"));
    }
    let (until, whole) = stage.run(&events, scenario.days);
    let policy = &project.policy;
    let courses: Vec<Course> = stage.courses.into_values().collect();
    let started = |p: &&Promise| courses.iter().any(|c| c.promise == p.name);
    let waits = |p: &&Promise| !started(p) && !stage.ticket.milestones.contains_key(&p.from);
    let waiting = policy.promises.iter().filter(waits).map(|p| (p.name.clone(), p.from)).collect();
    let mut warnings = concerns::of(policy, &stage.ticket, &courses);
    let refusal = |(at, what): &(Timestamp, Happening)| {
        format!(
            "{}: on {} the rules refuse it, as they would a command; it is left out",
            what.word(),
            when(*at, policy)
        )
    };
    warnings.extend(stage.refused.iter().map(refusal));
    if !whole {
        warnings.push("the play stops early: its reminders are too many; let them repeat less often".to_owned());
    }
    let (at, events, ticket) = (scenario.at, stage.happened, stage.ticket);
    Play { at, until, events, ticket, courses, waiting, warnings }
}

/// The mail that everything in a play came in: no rule looks into it.
const MAIL: MailRef = MailRef(1);

/// The report that is played, by somebody of whom nothing but an address is known: rungs may be for the reporter.
fn report(received: Timestamp) -> Report {
    Report {
        mail: MAIL,
        from: Address::parse("reporter@reporter.invalid"),
        shown: String::new(),
        identity: String::new(),
        title: String::new(),
        excerpt: String::new(),
        message_id: None,
        received,
        fields: Fields::default(),
        missing: Vec::new(),
        off_subject: false,
        attachments: Vec::new(),
        authors: Authors::Named(Vec::new()),
        attached: Vec::new(),
        problems: Vec::new(),
        may_belong_to: None,
        acknowledge: (Acknowledgement::Sent, String::new()),
        tell: false,
        through: None,
        backscatter: false,
        reserved: false,
        junk: false,
    }
}

/// More mail of the reporter.
fn follow_up() -> FollowUp {
    FollowUp {
        by: Actor::Reporter,
        program: false,
        who: String::new(),
        holder: None,
        contents: Contents::default(),
        mail: MAIL,
        tell: false,
        asks: Vec::new(),
        reply_to: None,
    }
}

/// A ticket with the clocks that are watched on it.
struct Stage<'a> {
    project: &'a Project,
    ticket: Ticket,
    now: Timestamp,
    /// By start and place in the policy.
    courses: BTreeMap<(Timestamp, usize), Course>,
    /// How often a rung has nagged of a deadline: promise, deadline, rung, and whom if that was one alone.
    nags: BTreeMap<(String, Timestamp, usize, Option<Address>), u32>,
    /// What people did.
    happened: Vec<(Timestamp, Happening)>,
    /// What the rules did not let them do.
    refused: Vec<(Timestamp, Happening)>,
}

impl Stage<'_> {
    /// Runs to the end, and says when that is, and whether it is not cut short by [`LOOKS`].
    fn run(&mut self, events: &[(Timestamp, Happening)], days: Option<u16>) -> (Timestamp, bool) {
        let policy = &self.project.policy;
        let day = |days| Term::Civil { months: 0, days };
        let start = self.now;
        let last = policy.add(start, day(days.unwrap_or(DAYS_MAX).min(DAYS_MAX)));
        let mut events = events.iter().peekable();
        for _ in 0..LOOKS {
            while let Some((_, what)) = events.next_if(|(at, _)| *at <= self.now) {
                self.happen(*what);
            }
            self.watch();
            self.let_happen(&Event::Tick);
            // What the tick wrote down is seen too.
            self.watch();
            let ends = if days.is_some() { last } else { self.ends(start).min(last) };
            let next = self.wakes().into_iter().chain(events.peek().map(|(at, _)| *at)).min();
            let Some(next) = next.filter(|next| *next <= ends || (events.peek().is_some() && *next <= last)) else {
                self.now = ends;
                self.watch();
                return (ends, true);
            };
            self.now = next;
        }
        (self.now, false)
    }

    /// When the clocks next need a look.
    fn wakes(&self) -> Option<Timestamp> {
        let policy = &self.project.policy;
        let hearers = hearers(&self.ticket, self.project, self.now);
        let clocks = clocks(&self.ticket, policy, self.now);
        let each = clocks.iter().flat_map(|c| hearers.iter().map(move |h| self.wake(c, h)));
        let broken = clocks.iter().map(|c| c.wake(&self.ticket, policy, &[]));
        each.chain(broken).flatten().filter(|at| *at > self.now).min()
    }

    /// When a clock next needs a look for one who hears it. Nags that are not told any more need none: whoever looks later sees the same,
    /// since the highest step alone speaks.
    fn wake(&self, clock: &Clock<'_>, hearer: &Hearer<'_>) -> Option<Timestamp> {
        let policy = &self.project.policy;
        let (name, deadline) = clock.key();
        let key = |rung| (name.clone(), deadline, rung, hearer.party().cloned());
        let told = |rung| self.nags.get(&key(rung)).is_some_and(|nags| *nags >= NAGS);
        let rungs = policy.rungs(clock.promise);
        if !clock.live || !(0..rungs.len()).any(told) {
            return clock.wake(&self.ticket, policy, std::slice::from_ref(hearer));
        }
        let mut quieter = rungs.to_vec();
        quieter.iter_mut().enumerate().filter(|(at, _)| told(*at)).for_each(|(_, rung)| rung.every = None);
        let quieter = Promise { ladder: Some(quieter), ..clock.promise.clone() };
        let run = policy.run(&quieter, clock.starts, deadline).heard(hearer.calendar, &hearer.audiences);
        run.next(None, self.now).map(|s| s.at)
    }

    /// A week after the last deadline and the last thing that happened.
    fn ends(&self, start: Timestamp) -> Timestamp {
        let over = self.courses.values().flat_map(|c| [Some(c.starts), Some(c.deadline), c.over]).flatten();
        let latest = over.chain(self.ticket.milestones.values().copied()).max().unwrap_or(start);
        self.project.policy.add(latest, AFTER)
    }

    /// People do something, in the words of their commands.
    fn happen(&mut self, what: Happening) {
        let happened = match what {
            Happening::Milestone(milestone) => self.reach(milestone),
            Happening::Severity(to) => self.order(&format!("/severity {to}")),
            Happening::Ask => self.order("/ask\n\nWhich version is it?"),
            Happening::Answer => self.let_happen(&Event::FollowedUp(follow_up())),
        };
        let list = if happened { &mut self.happened } else { &mut self.refused };
        list.push((self.now, what));
    }

    /// People bring a milestone about. The commands are those that a person would need from where the ticket stands.
    fn reach(&mut self, milestone: Milestone) -> bool {
        let status = self.ticket.status;
        match milestone {
            // The play begins with it.
            Milestone::Received => false,
            Milestone::Acknowledged => self.order("/ack"),
            Milestone::LastHeardFromUs => self.order("/reply\n\nWe are at work on it."),
            // Whoever has accepted it has judged it.
            Milestone::Assessed => status != Status::Received || self.order("/valid"),
            Milestone::Accepted => match (status, self.ticket.before_closed) {
                (Status::Closed, Status::Accepted) => self.order("/reopen"),
                (Status::Closed, _) => self.order("/reopen\n/accept"),
                (Status::Received | Status::Invalid | Status::Valid | Status::Accepted | Status::Deferred, _) => {
                    self.order("/accept")
                }
            },
            Milestone::FixReady => self.order("/fix"),
            Milestone::FixReleased => self.order("/released"),
            Milestone::Public => self.order("/public"),
            Milestone::Exploited => self.order("/exploited"),
            Milestone::Closed => match status {
                // Nothing says that it is no vulnerability, or that anybody took it on.
                Status::Received | Status::Valid => self.order("/defer\n/close"),
                Status::Invalid | Status::Accepted | Status::Deferred | Status::Closed => {
                    self.order("/close unpublished")
                }
            },
            Milestone::Done => {
                let promises = self.project.policy.promises.iter().filter(|p| p.until == milestone);
                // Each that can be kept now, and not only the first.
                promises.filter(|promise| self.order(&format!("/done {}", promise.name))).count() > 0
            }
            Milestone::Erased => {
                not_erasable(&self.ticket, self.project, self.now).is_none()
                    && self.let_happen(&Event::Erased(Seat::default()))
            }
        }
    }

    /// Somebody commands who may do everything.
    fn order(&mut self, mail: &str) -> bool {
        self.let_happen(&Event::Ordered(Order { orders: command::split(mail), ..Order::local() }))
    }

    /// Asks the rules what follows from an event, and lets that happen; false where they refuse it.
    fn let_happen(&mut self, event: &Event) -> bool {
        // No mail leaves a play, so that any key will do.
        let key = Key::new([0; KEY_LENGTH]);
        let decision = decide(&self.ticket, event, self.project, &key, self.now);
        for entry in &decision.entries {
            if let EntryKind::Reminded { promise, deadline, rung, round, nominal } = &entry.kind {
                self.hear(promise, *deadline, *rung, *round, *nominal, entry.party.as_ref());
            }
            self.ticket.apply(entry);
        }
        !decision.answer.is_some_and(|answer| answer.refused)
    }

    fn hear(
        &mut self,
        name: &str,
        deadline: Timestamp,
        rung: usize,
        round: u32,
        nominal: Timestamp,
        party: Option<&Address>,
    ) {
        let policy = &self.project.policy;
        let live = |c: &Clock<'_>| c.promise.name == name;
        let Some(clock) = clocks(&self.ticket, policy, self.now).into_iter().find(live) else { return };
        let place = place(policy, clock.promise);
        let audiences = self.audiences(&clock, party);
        let Some(course) = self.courses.get_mut(&(clock.starts, place)) else { return };
        let Some(step) = policy.rungs(clock.promise).get(rung) else { return };
        // A deadline that came forward to this instant leaves nothing to warn of.
        let warns = nominal < deadline && self.now < deadline;
        let mut and_so_on = None;
        if let Some(every) = step.every.filter(|_| !warns) {
            let nags = self.nags.entry((name.to_owned(), deadline, rung, party.cloned())).or_default();
            *nags += 1;
            if *nags > NAGS {
                return;
            }
            and_so_on = (*nags == NAGS).then_some(every);
        }
        let heard: Vec<&Person> = match party {
            None => audiences.iter().flat_map(|a| together(*a, &self.ticket, self.project)).collect(),
            Some(party) => self.project.person(party).into_iter().collect(),
        };
        let mut people: Vec<String> = Vec::new();
        for Person { name, .. } in heard {
            if !people.contains(name) {
                people.push(name.clone());
            }
        }
        let (at, rung, to) = (self.now, step.at, step.to);
        course.words.push(Word { at, nominal, rung, round, to, audiences, people, warns, and_so_on });
    }

    /// Whom the rung that is due speaks to, nearest to the ticket first.
    fn audiences(&self, clock: &Clock<'_>, party: Option<&Address>) -> Vec<Audience> {
        let (policy, ticket, now) = (&self.project.policy, &self.ticket, self.now);
        let heard = hearers(ticket, self.project, now).into_iter().find(|h| h.party() == party).and_then(|hearer| {
            let step = clock.due(ticket, policy, &hearer, now)?;
            Some(clock.audiences(ticket, policy, &hearer, &step))
        });
        let heard = heard.unwrap_or_default();
        Audience::ALL.into_iter().filter(|a| heard.contains(a)).collect()
    }

    /// Looks at the clocks as they stand.
    fn watch(&mut self) {
        let (policy, now) = (&self.project.policy, self.now);
        let clocks = clocks(&self.ticket, policy, now);
        for clock in &clocks {
            let place = place(policy, clock.promise);
            let course = self.courses.entry((clock.starts, place)).or_insert_with(|| Course::new(clock));
            course.see(clock, now);
            // A promise that recurs is done when its next round begins.
            course.done = !clock.promise.recurring && self.ticket.milestones.contains_key(&clock.promise.until);
        }
        // A round of a promise that recurs is over when the next one began; other clocks end when the severity takes
        // their promise away.
        for ((starts, at), course) in &mut self.courses {
            let gone = |c: &Clock<'_>| c.promise.name == course.promise && c.starts == *starts;
            if course.over.is_none() && !clocks.iter().any(gone) {
                let recurs = policy.promises.get(*at).is_some_and(|p| p.recurring);
                let heard = clocks.iter().find(|c| c.promise.name == course.promise).map(|c| c.starts);
                course.over = Some(heard.unwrap_or(now));
                course.done = heard.is_some();
                course.state = match heard {
                    Some(heard) if recurs && heard <= course.deadline => ClockState::Kept,
                    Some(_) => ClockState::Broken,
                    None => ClockState::Ended,
                };
            }
        }
    }
}

fn place(policy: &Policy, promise: &Promise) -> usize {
    policy.promises.iter().position(|p| p.name == promise.name).unwrap_or(0)
}

impl Happening {
    /// As it is written in an event, and shown.
    pub fn word(self) -> String {
        match self {
            Self::Milestone(milestone) => milestone.word().to_owned(),
            Self::Severity(severity) => format!("severity:{severity}"),
            Self::Ask => "ask".to_owned(),
            Self::Answer => "answer".to_owned(),
        }
    }
}

impl FromStr for Happening {
    type Err = String;

    /// Reads "accepted", "severity:high", "ask" or "answer".
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(severity) = text.strip_prefix("severity:") {
            return severity.parse().map(Self::Severity);
        }
        match text {
            "ask" => Ok(Self::Ask),
            "answer" => Ok(Self::Answer),
            _ => match text.parse::<Milestone>() {
                Ok(Milestone::Received) => Err("when the report is received is said by --at".to_owned()),
                Ok(milestone) => Ok(Self::Milestone(milestone)),
                Err(_) => {
                    let all = Milestone::ALL.iter().filter(|m| **m != Milestone::Received);
                    let all: Vec<&str> = all.map(|m| m.word()).collect();
                    let shown = crate::vocabulary::piece(text);
                    Err(format!("{shown} is no event: write one of {}, severity:high, ask or answer", all.join(", ")))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests;
