//! `disclosed status`: how things stand, for a person and for a monitor.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit};
use super::list;
use super::out::{Fill, Items, Out, alarming};
use crate::health::Health;
use crate::notice::plain::wrapped;
use crate::notice::text::trouble::TroubleKind;
use crate::policy::shown::{date, length};
use crate::project::Project;
use crate::store::{self, NoticeRow, Standing, TicketRow, Tx, Unreached, few};
use crate::vocabulary::{NoticeKind, NoticeState, clean_line};

/// Lines of each kind that a person reads; a program gets all.
const LINES: u32 = 20;

pub(super) fn run(desk: &Desk, out: &mut Out) -> Result<Exit> {
    desk.read(|tx, now| {
        let health = Health::read(tx, &desk.project, now)?;
        Ok(print(tx, &health, &desk.project, out).map(|()| health.needs_person()))
    })?
    .map(|needs| if needs { Exit::Person } else { Exit::Done })
}

fn print(tx: &Tx<'_>, health: &Health, project: &Project, out: &mut Out) -> Result<()> {
    if !out.wants_json() {
        return out.text(&text(&First::read(tx, health)?, project));
    }
    let (now, since) = (health.now, Health::concerns_since(health.now));
    let unsettled = |n: NoticeRow, items: &mut Items<'_>| {
        items.add(&Unsettled {
            notice: n.number,
            kind: n.kind,
            ticket: n.ticket.map(|t| project.show(t)),
            state: n.state,
            reason: n.reply.as_deref(),
        })
    };
    let mut broken = |items: &mut Items<'_>| {
        tx.each_broken(now, None, |t| {
            items.add(&Broken {
                ticket: project.show(t.id),
                promise: t.next.as_ref().map(|(promise, _)| promise.as_str()),
                deadline: t.next.as_ref().map(|(_, deadline)| *deadline),
            })
        })
    };
    let mut holds = |items: &mut Items<'_>| tx.each_failed(NoticeState::Held, since, None, |n| unsettled(n, items));
    let mut undelivered = |items: &mut Items<'_>| {
        let mut states = Health::UNDELIVERED.into_iter();
        states.try_for_each(|state| tx.each_failed(state, since, None, |n| unsettled(n, items)))
    };
    let mut lists: [(&str, Fill<'_>); 3] =
        [("broken", &mut broken), ("holds", &mut holds), ("undelivered", &mut undelivered)];
    out.stream(&Document::of(health, project), &mut lists)
}

/// How things stand, with the first of all that needs a person.
struct First<'a> {
    health: &'a Health,
    broken: Vec<TicketRow>,
    held: Vec<NoticeRow>,
    undelivered: Vec<NoticeRow>,
}

impl<'a> First<'a> {
    fn read(tx: &Tx<'_>, health: &'a Health) -> Result<Self> {
        let (now, since, most) = (health.now, Health::concerns_since(health.now), Some(LINES));
        let failed = |state| few(|each| tx.each_failed(state, since, most, each));
        let mut undelivered = Health::UNDELIVERED.map(failed).into_iter().collect::<store::Result<Vec<_>>>()?.concat();
        undelivered.truncate(LINES as usize);
        let broken = few(|each| tx.each_broken(now, most, each))?;
        Ok(Self { health, broken, held: failed(NoticeState::Held)?, undelivered })
    }
}

/// That there are more than were listed.
fn more(all: u32, listed: &[impl Sized], what: &str) -> String {
    let more = all.saturating_sub(u32::try_from(listed.len()).unwrap_or(u32::MAX));
    if more == 0 { String::new() } else { format!("  … and {more} more {what}: `disclosed status --json`\n") }
}

/// What programs see, but for the lists that may be long.
#[derive(Serialize)]
struct Document<'a> {
    last_scan: Option<Timestamp>,
    last_send: Option<Timestamp>,
    waiting: u32,
    unverified: u32,
    next_deadline: Option<Timestamp>,
    unreached: Vec<NotReached<'a>>,
    quarantined: u32,
    ahead: Option<Timestamp>,
    trouble: Option<Timestamp>,
    troubles: Vec<Trouble>,
    inbox_fails_since: Option<Timestamp>,
    inbox_unread_since: Option<Timestamp>,
    send_fails_since: Option<Timestamp>,
    stuck_since: Option<Timestamp>,
    held_since: Option<Timestamp>,
    tag_refused_since: Option<Timestamp>,
    hold: Option<&'a str>,
    healthy: bool,
}

/// A notice that is held, or that may not have arrived.
#[derive(Serialize)]
struct Unsettled<'a> {
    notice: u32,
    kind: NoticeKind,
    ticket: Option<String>,
    state: NoticeState,
    reason: Option<&'a str>,
}

/// Somebody of the project whom mail does not reach.
#[derive(Serialize)]
struct NotReached<'a> {
    person: &'a str,
    since: Timestamp,
    reply: &'a str,
}

/// A ticket with a broken promise.
#[derive(Serialize)]
struct Broken<'a> {
    ticket: String,
    promise: Option<&'a str>,
    deadline: Option<Timestamp>,
}

/// Trouble of the daemon that is not over.
#[derive(Serialize)]
struct Trouble {
    kind: &'static str,
    ticket: Option<String>,
    since: Timestamp,
    notice: Option<u32>,
}

impl<'a> Document<'a> {
    fn of(health: &'a Health, project: &Project) -> Self {
        let unreached =
            |u: &'a Unreached| NotReached { person: u.to.as_str(), since: u.since, reply: u.reply.as_str() };
        let trouble = |t: &Standing| Trouble {
            kind: t.kind.word(),
            ticket: t.kind.ticket().map(|t| project.show(t)),
            since: t.since,
            notice: t.notice,
        };
        Self {
            last_scan: health.last_scan,
            last_send: health.last_send,
            waiting: health.waiting,
            unverified: health.unverified,
            next_deadline: health.next_deadline,
            unreached: health.unreached.iter().map(unreached).collect(),
            quarantined: health.quarantined,
            ahead: health.ahead,
            trouble: health.troubles.first().map(|t| t.since),
            troubles: health.troubles.iter().map(trouble).collect(),
            inbox_fails_since: health.inbox_fails,
            inbox_unread_since: health.unread,
            send_fails_since: health.send_fails,
            stuck_since: health.stuck,
            held_since: health.breaker,
            tag_refused_since: health.tag_refused,
            hold: health.hold.as_deref(),
            healthy: !health.needs_person(),
        }
    }
}

fn text(first: &First<'_>, project: &Project) -> String {
    alarming(&wrapped(&stands(first, project), "    "))
}

fn stands(first: &First<'_>, project: &Project) -> String {
    let health = first.health;
    let mut text = ordinary(health, project);
    if !health.needs_person() {
        text.push_str("\nNothing needs a person.\n");
        return text;
    }
    text.push_str("\nThis needs a person:\n");
    if let Some(why) = &health.hold {
        text.push_str(&format!("  on hold, since {why}\n"));
    }
    if let Some(seen) = health.ahead {
        let (now, seen) = (date(health.now, &project.policy), date(seen, &project.policy));
        text.push_str(&format!(
            "  the clock says {now}, and the database has seen {seen}: set it, or, if it is right, `disclosed recover --clock`\n"
        ));
    }
    for t in health.troubles.iter().filter(|t| t.kind != TroubleKind::Clock) {
        text.push_str(&trouble(t, project));
    }
    if let Some(since) = health.unread {
        let since = date(since, &project.policy);
        let not = if health.last_scan.is_none() { "was never read, and fails" } else { "was not read" };
        text.push_str(&format!("  the inbox {not} since {since}: `disclosed check --online`\n"));
    }
    if let Some(since) = health.send_fails {
        let since = date(since, &project.policy);
        text.push_str(&format!("  no mail can leave since {since}: `disclosed check --online`\n"));
    }
    if let Some(since) = health.stuck {
        let since = date(since, &project.policy);
        text.push_str(&format!("  mail waits to be sent since {since}: `disclosed check --online`\n"));
    }
    if let Some(since) = health.breaker {
        let since = date(since, &project.policy);
        let limit = project.limits.breaker_per_hour;
        text.push_str(&format!(
            "  mail is held since {since}: more than {limit} events within an hour made some; look at `disclosed outbox`, \
             then `disclosed outbox --release`\n"
        ));
    }
    for u in &health.unreached {
        let (name, since) = (project.name_of(&u.to), date(u.since, &project.policy));
        let said = clean_line(&u.reply, 200);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        text.push_str(&format!("  no mail reaches {name} since {since}{said}\n"));
    }
    for t in &first.broken {
        let line = list::stands(t, project, health.now).replace('\n', "\n  ");
        text.push_str(&format!("  {line}\n      `disclosed show {}`\n", project.show(t.id)));
    }
    text.push_str(&more(health.broken, &first.broken, "with a broken promise"));
    if health.quarantined > 0 {
        text.push_str(&format!("  {} mails put aside unread: `disclosed inbox`\n", health.quarantined));
    }
    for n in &first.held {
        let about = n.ticket.map_or(String::new(), |t| format!(" for {}", project.show(t)));
        let answer = n.ticket.map_or(String::new(), |t| format!(", `disclosed do {} /ack`", project.show(t)));
        let why = clean_line(n.reply.as_deref().unwrap_or_default(), 200);
        text.push_str(&format!(
            "  a held {}{about}: {why}; `disclosed outbox --show {}`{answer}\n",
            n.kind.word(),
            n.number
        ));
    }
    text.push_str(&more(health.held, &first.held, "that are held"));
    for n in &first.undelivered {
        let about = n.ticket.map_or(String::new(), |t| format!(" for {}", project.show(t)));
        let how = if n.state == NoticeState::Unknown { "may not have arrived" } else { "was refused" };
        let why = clean_line(n.reply.as_deref().unwrap_or_default(), 200);
        text.push_str(&format!("  notice {}, a {}{about}, {how}: {why}\n", n.number, n.kind.word()));
    }
    text.push_str(&more(health.undelivered, &first.undelivered, "that did not arrive"));
    text
}

/// What stands there whether or not anything needs a person.
fn ordinary(health: &Health, project: &Project) -> String {
    let ago = |at: Option<Timestamp>| {
        at.map_or("never".into(), |at| {
            let passed = health.now.duration_since(at);
            let which = if passed.is_negative() { "ahead of the clock" } else { "ago" };
            format!("{}, {} {which}", date(at, &project.policy), length(passed))
        })
    };
    let ahead = health.next_deadline.map_or("none".into(), |at| {
        format!("{}, {} left", date(at, &project.policy), length(at.duration_since(health.now)))
    });
    let mut text = format!("Times are in {}.\n", project.policy.calendar.zone_name);
    text.push_str(&format!("Last scan of the inbox: {}\n", ago(health.last_scan)));
    text.push_str(&format!("Last mail sent:         {}\n", ago(health.last_send)));
    text.push_str(&format!("Waiting to be sent:     {}\n", health.waiting));
    text.push_str(&format!("Next deadline:          {ahead}\n"));
    if health.unverified > 0 {
        text.push_str(&format!("Waiting for DKIM keys:  {}\n", health.unverified));
    }
    if let Some(since) = health.tag_refused {
        let since = date(since, &project.policy);
        text.push_str(&format!("Envelope sender:        plain: the server refused a tagged one on {since}\n"));
    }
    text
}

/// The lines about one trouble: since when, what says more, and how a person ends it where nothing else may.
fn trouble(t: &Standing, project: &Project) -> String {
    let (kind, at) = (t.kind.word(), date(t.since, &project.policy));
    let line = match (t.notice, t.kind.ticket()) {
        (Some(number), _) => format!("  the daemon is in trouble since {at}: `disclosed outbox --show {number}`\n"),
        (None, Some(ticket)) => {
            let id = project.show(ticket);
            format!("  the daemon is in trouble since {at} ({kind} of {id}): `disclosed log {id}`\n")
        }
        (None, None) => format!("  the daemon is in trouble since {at} ({kind}): `disclosed check --online`\n"),
    };
    if t.kind == TroubleKind::Hold {
        return format!("  nothing leaves since {at}: `disclosed recover`\n");
    }
    if t.kind == TroubleKind::Key {
        return format!(
            "{line}  a secret is missing from disclosed.key: restore the file, or go on without it by `disclosed key \
             rotate`\n"
        );
    }
    line
}
