//! `disclosed status`: how things stand, for a person and for a monitor.

use std::collections::HashSet;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::out::{Out, alarming};
use super::{Desk, Exit, list, local};
use crate::mail::intake::Disposition;
use crate::mail::text::length;
use crate::notice::NoticeKind;
use crate::project::Project;
use crate::store::{self, NoticeRow, ReceiptRow, StoreError, TicketRow, Tx};
use crate::ticket::TicketId;

/// How long trouble with a mail about no ticket is worth a word.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A notice that has waited so long to leave wants a person: the way out is closed.
const STUCK: SignedDuration = SignedDuration::from_hours(1);

/// How things stand.
struct State {
    now: Timestamp,
    last_scan: Option<Timestamp>,
    last_send: Option<Timestamp>,
    waiting: usize,
    /// Mails that are stored, and handled once their DKIM signatures are checked.
    unverified: u32,
    next_deadline: Option<Timestamp>,
    /// Tickets whose next deadline has passed.
    broken: Vec<TicketRow>,
    /// Mails that were put aside unread.
    quarantined: usize,
    /// Notices that wait for a person.
    held: Vec<NoticeRow>,
    /// Notices of which we do not know that they arrived, or know that they did not.
    undelivered: Vec<NoticeRow>,
    /// The last trouble of the daemon, unless the inbox was read since.
    trouble: Option<NoticeRow>,
    /// Since when the inbox cannot be read.
    inbox_fails: Option<Timestamp>,
    /// Since when the oldest notice waits, when that is too long.
    stuck: Option<Timestamp>,
    /// Since when all but reminders and codes is held, because too much was made.
    breaker: Option<Timestamp>,
    /// The database is not the one that the inbox belongs to.
    begun: bool,
}

pub(super) fn run(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let state = desk.read(read)?;
    if out.wants_json() {
        out.json(&state.document(&desk.project))?;
    } else {
        out.text(&state.text(&desk.project))?;
    }
    Ok(if state.healthy() { Exit::Done } else { Exit::Person })
}

fn read(tx: &Tx<'_>, now: Timestamp) -> store::Result<State> {
    let tickets = tx.tickets(true)?;
    let last_scan = tx.meta_time("last_scan")?;
    // Whoever closed a ticket has seen what was wrong with it.
    let ids: HashSet<TicketId> = tickets.iter().filter(|t| t.open).map(|t| t.id).collect();
    let concerns = |ticket: Option<TicketId>, at: Timestamp| match ticket {
        Some(ticket) => ids.contains(&ticket),
        None => now.duration_since(at) < RECENT,
    };
    let aside = |r: &&ReceiptRow| r.disposition == Disposition::Quarantined && concerns(r.ticket, r.received);
    let mut state = State {
        now,
        last_scan,
        last_send: tx.meta_time("last_send")?,
        waiting: 0,
        unverified: tx.unverified_mails()?.0,
        next_deadline: tx.next_deadline(now)?,
        broken: Vec::new(),
        quarantined: tx.receipts()?.iter().filter(aside).count(),
        held: Vec::new(),
        undelivered: Vec::new(),
        trouble: tx.last_notice(NoticeKind::Trouble.word())?.filter(|n| last_scan.is_none_or(|s| s < n.created)),
        inbox_fails: tx.meta_time("inbox_fails")?,
        stuck: None,
        breaker: tx.breaker()?,
        begun: tx.is_begun()?,
    };
    for notice in tx.unsettled_notices()? {
        match notice.state.as_str() {
            "waiting" | "sending" => {
                state.waiting += 1;
                let open = state.breaker.is_none() || notice.lane == 0;
                let late = open && now.duration_since(notice.created) > STUCK;
                state.stuck = state.stuck.or(late.then_some(notice.created));
            }
            _ if !concerns(notice.ticket, notice.created) => {}
            "held" => state.held.push(notice),
            "unknown" => state.undelivered.push(notice),
            // One that was never tried was dropped: a person answered in its place.
            "refused" if notice.attempts > 0 => state.undelivered.push(notice),
            _ => {}
        }
    }
    state.broken = tickets.into_iter().filter(|t| t.next.as_ref().is_some_and(|(_, at)| *at <= now)).collect();
    Ok(state)
}

impl State {
    fn healthy(&self) -> bool {
        self.broken.is_empty()
            && self.quarantined == 0
            && self.held.is_empty()
            && self.undelivered.is_empty()
            && self.trouble.is_none()
            && self.inbox_fails.is_none()
            && self.stuck.is_none()
            && self.breaker.is_none()
            && !self.begun
    }

    fn document(&self, project: &Project) -> Value {
        let notice = |n: &NoticeRow| {
            let ticket = n.ticket.map(|t| project.show(t));
            json!({ "notice": n.number, "kind": n.kind, "ticket": ticket, "state": n.state, "reason": n.reply })
        };
        let broken = |t: &TicketRow| {
            let (promise, deadline) = t.next.clone().unzip();
            json!({ "ticket": project.show(t.id), "promise": promise, "deadline": deadline })
        };
        json!({
            "last_scan": self.last_scan,
            "last_send": self.last_send,
            "waiting": self.waiting,
            "unverified": self.unverified,
            "next_deadline": self.next_deadline,
            "holds": self.held.iter().map(notice).collect::<Vec<_>>(),
            "undelivered": self.undelivered.iter().map(notice).collect::<Vec<_>>(),
            "broken": self.broken.iter().map(broken).collect::<Vec<_>>(),
            "quarantined": self.quarantined,
            "trouble": self.trouble.as_ref().map(|n| n.created),
            "inbox_fails_since": self.inbox_fails,
            "stuck_since": self.stuck,
            "held_since": self.breaker,
            "database_lost": self.begun,
            "healthy": self.healthy(),
        })
    }

    fn text(&self, project: &Project) -> String {
        let ago = |at: Option<Timestamp>| {
            at.map_or("never".into(), |at| {
                format!("{}, {} ago", local(at, project), length(self.now.duration_since(at)))
            })
        };
        let ahead = self.next_deadline.map_or("none".into(), |at| {
            format!("{}, {} left", local(at, project), length(at.duration_since(self.now)))
        });
        let mut text = format!("Last scan of the inbox: {}\n", ago(self.last_scan));
        text.push_str(&format!("Last mail sent:         {}\n", ago(self.last_send)));
        text.push_str(&format!("Waiting to be sent:     {}\n", self.waiting));
        text.push_str(&format!("Next deadline:          {ahead}\n"));
        if self.unverified > 0 {
            text.push_str(&format!("Waiting for DKIM keys:  {}\n", self.unverified));
        }
        if self.healthy() {
            text.push_str("\nNothing needs a person.\n");
            return text;
        }
        text.push_str("\nThis needs a person:\n");
        if self.begun {
            text.push_str(&format!("  {}\n", StoreError::Begun));
        }
        if let Some(trouble) = &self.trouble {
            let (number, at) = (trouble.number, local(trouble.created, project));
            text.push_str(&format!("  the daemon is in trouble since {at}: `disclosed outbox --show {number}`\n"));
        }
        if let Some(since) = self.inbox_fails {
            let since = local(since, project);
            text.push_str(&format!("  the inbox cannot be read since {since}: `disclosed check --online`\n"));
        }
        if let Some(since) = self.stuck {
            let since = local(since, project);
            text.push_str(&format!("  mail waits to be sent since {since}: `disclosed check --online`\n"));
        }
        if let Some(since) = self.breaker {
            let since = local(since, project);
            let limit = project.limits.breaker_per_hour;
            text.push_str(&format!(
                "  mail is held since {since}: more than {limit} were made within an hour; look at `disclosed outbox`, \
                 then `disclosed outbox --release`\n"
            ));
        }
        for t in &self.broken {
            let (promise, at) = t.next.clone().unwrap_or_default();
            let id = project.show(t.id);
            let line = format!("  {id}: {}; `disclosed show {id}`\n", list::next(&promise, at, project, self.now));
            text.push_str(&alarming(&line));
        }
        if self.quarantined > 0 {
            text.push_str(&format!("  {} mails put aside unread: `disclosed inbox`\n", self.quarantined));
        }
        for n in &self.held {
            let about = n.ticket.map_or(String::new(), |t| format!(" for {}", project.show(t)));
            let answer = n.ticket.map_or(String::new(), |t| format!(", `disclosed do {} /ack`", project.show(t)));
            let why = crate::mail::clean_line(n.reply.as_deref().unwrap_or_default(), 200);
            text.push_str(&format!(
                "  a held {}{about}: {why}; `disclosed outbox --show {}`{answer}\n",
                n.kind, n.number
            ));
        }
        for n in &self.undelivered {
            let about = n.ticket.map_or(String::new(), |t| format!(" for {}", project.show(t)));
            let how = if n.state == "unknown" { "may not have arrived" } else { "was refused" };
            let why = crate::mail::clean_line(n.reply.as_deref().unwrap_or_default(), 200);
            text.push_str(&format!("  notice {}, a {}{about}, {how}: {why}\n", n.number, n.kind));
        }
        text
    }
}
