//! How things stand, and the one rule of what needs a person: `status` prints it, `run --once` says it.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::intake::disposition::Disposition;
use crate::notice::text::trouble::TroubleKind;
use crate::store::{NoticeRow, ReceiptRow, Result, Standing, TicketRow, Tx};
use crate::vocabulary::TicketId;

/// How long trouble with a mail about no ticket is worth a word.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A notice that has waited so long to leave wants a person: the way out is closed.
const STUCK: SignedDuration = SignedDuration::from_hours(1);

/// How things stand at one instant, as the store knows it.
#[derive(Clone, Debug)]
pub struct Health {
    /// The instant.
    pub now: Timestamp,
    /// When the inbox was last read to its end.
    pub last_scan: Option<Timestamp>,
    /// When a notice last left.
    pub last_send: Option<Timestamp>,
    /// How many notices are on their way.
    pub waiting: usize,
    /// Mails that are stored, and handled once their DKIM signatures are checked.
    pub unverified: u32,
    /// The earliest deadline ahead.
    pub next_deadline: Option<Timestamp>,
    /// Tickets whose next deadline has passed.
    pub broken: Vec<TicketRow>,
    /// Mails that were put aside unread.
    pub quarantined: usize,
    /// Notices that wait for a person.
    pub held: Vec<NoticeRow>,
    /// Notices of which we do not know that they arrived, or know that they did not.
    pub undelivered: Vec<NoticeRow>,
    /// Trouble of the daemon that is not over, the oldest first.
    pub troubles: Vec<Standing>,
    /// Since when the inbox cannot be read.
    pub inbox_fails: Option<Timestamp>,
    /// Since when the oldest notice waits, when that is too long.
    pub stuck: Option<Timestamp>,
    /// Since when all but reminders and codes is held, because too much was made.
    pub breaker: Option<Timestamp>,
    /// The database is not the one that the inbox belongs to.
    pub begun: bool,
}

impl Health {
    /// Reads it, all in one look.
    pub fn read(tx: &Tx<'_>, now: Timestamp) -> Result<Self> {
        let tickets = tx.tickets(true)?;
        // Whoever closed a ticket has seen what was wrong with it.
        let ids: HashSet<TicketId> = tickets.iter().filter(|t| t.open).map(|t| t.id).collect();
        let concerns = |ticket: Option<TicketId>, at: Timestamp| match ticket {
            Some(ticket) => ids.contains(&ticket),
            None => now.duration_since(at) < RECENT,
        };
        let aside = |r: &&ReceiptRow| r.disposition == Disposition::Quarantined && concerns(r.ticket, r.received);
        let troubles = tx.troubles()?;
        let breaker = troubles.iter().find(|t| t.kind == TroubleKind::Breaker).map(|t| t.since);
        let mut health = Self {
            now,
            last_scan: tx.meta_time("last_scan")?,
            last_send: tx.meta_time("last_send")?,
            waiting: 0,
            unverified: tx.unverified_mails()?.0,
            next_deadline: tx.next_deadline(now)?,
            broken: Vec::new(),
            quarantined: tx.receipts()?.iter().filter(aside).count(),
            held: Vec::new(),
            undelivered: Vec::new(),
            troubles,
            inbox_fails: tx.meta_time("inbox_fails")?,
            stuck: None,
            breaker,
            begun: tx.is_begun()?,
        };
        for notice in tx.unsettled_notices()? {
            match notice.state.as_str() {
                "waiting" | "sending" => {
                    health.waiting += 1;
                    let open = health.breaker.is_none() || notice.lane == 0;
                    let late = open && now.duration_since(notice.created) > STUCK;
                    health.stuck = health.stuck.or(late.then_some(notice.created));
                }
                _ if !concerns(notice.ticket, notice.created) => {}
                "held" => health.held.push(notice),
                "unknown" => health.undelivered.push(notice),
                // One that was never tried was dropped: a person answered in its place.
                "refused" if notice.attempts > 0 => health.undelivered.push(notice),
                _ => {}
            }
        }
        health.broken = tickets.into_iter().filter(|t| t.next.as_ref().is_some_and(|(_, at)| *at <= now)).collect();
        Ok(health)
    }

    /// Whether something needs a person.
    pub fn needs_person(&self) -> bool {
        // Each field is named, so that a new one is a condition or none by decision.
        let Self {
            now: _,
            last_scan: _,
            last_send: _,
            waiting: _,
            unverified: _,
            next_deadline: _,
            // One of the troubles.
            breaker: _,
            broken,
            quarantined,
            held,
            undelivered,
            troubles,
            inbox_fails,
            stuck,
            begun,
        } = self;
        !broken.is_empty()
            || *quarantined > 0
            || !held.is_empty()
            || !undelivered.is_empty()
            || !troubles.is_empty()
            || inbox_fails.is_some()
            || stuck.is_some()
            || *begun
    }
}
