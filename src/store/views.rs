//! What the command line shows.

use jiff::Timestamp;
use rusqlite::{Row, ToSql};

use super::ticket::TITLE;
use super::{Result, Tx, address, instant, millis};
use crate::policy::Severity;
use crate::ticket::Status;
use crate::vocabulary::{Address, NoticeKind, NoticeState, TicketId};

/// A ticket in the list.
#[derive(Clone, Debug)]
pub struct TicketRow {
    /// Its number.
    pub id: TicketId,
    /// Its title; may be empty.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// Whether it is open, or a promise still runs on it other than that of erasing it.
    pub open: bool,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// Who looks after it.
    pub owner: Option<Address>,
    /// Who reported it.
    pub reporter: Option<Address>,
    /// When our mail server took the report.
    pub received: Timestamp,
    /// When a person answered.
    pub acknowledged: Option<Timestamp>,
    /// When it was judged.
    pub assessed: Option<Timestamp>,
    /// When a fixed version came out.
    pub fix_released: Option<Timestamp>,
    /// When it became public.
    pub public: Option<Timestamp>,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// The promise that ends next, and when.
    pub next: Option<(String, Timestamp)>,
}

/// A notice in the outbox.
#[derive(Clone, Debug)]
pub struct NoticeRow {
    /// Its number.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// What it is.
    pub kind: NoticeKind,
    /// Which of the waiting ones go first: the lowest.
    pub lane: u8,
    /// To whom.
    pub to: Option<Address>,
    /// About which ticket.
    pub ticket: Option<TicketId>,
    /// Its Message-ID.
    pub message_id: String,
    /// Where it stands.
    pub state: NoticeState,
    /// How often it was tried.
    pub tries: u32,
    /// What the server said last, or why it is held.
    pub reply: Option<String>,
}

impl TicketRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let at =
            |column| -> rusqlite::Result<Option<Timestamp>> { Ok(row.get::<_, Option<i64>>(column)?.map(instant)) };
        let promise: Option<String> = row.get("next_promise")?;
        Ok(Self {
            id: row.get("id")?,
            title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
            status: row.get("status")?,
            open: row.get("open")?,
            severity: row.get("severity")?,
            owner: address(row.get("owner")?),
            reporter: address(row.get("reporter")?),
            received: instant(row.get("received")?),
            acknowledged: at("acknowledged")?,
            assessed: at("assessed")?,
            fix_released: at("fix_released")?,
            public: at("public")?,
            closed: at("closed")?,
            next: promise.zip(at("next_deadline")?),
        })
    }
}

impl NoticeRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("id")?,
            created: instant(row.get("created")?),
            kind: row.get("kind")?,
            lane: row.get("lane")?,
            to: address(row.get("recipient")?),
            ticket: row.get("ticket")?,
            message_id: row.get("message_id")?,
            state: row.get("state")?,
            tries: row.get("attempts")?,
            reply: row.get("reply")?,
        })
    }
}

impl Tx<'_> {
    /// Tickets, by number: all, or the open ones.
    pub fn tickets(&self, all: bool) -> Result<Vec<TicketRow>> {
        self.ticket_rows(if all { "true ORDER BY t.id" } else { "t.open = 1 ORDER BY t.id" }, &[])
    }

    /// Tickets of which a deadline has passed that is not kept, by number.
    pub fn broken_tickets(&self, now: Timestamp) -> Result<Vec<TicketRow>> {
        // The sign keeps SQLite from walking all tickets for their order.
        self.ticket_rows("t.next_deadline <= ?1 ORDER BY +t.id", &[&millis(now)])
    }

    /// The tickets that meet a condition, with its parameters by position.
    fn ticket_rows(&self, condition: &str, row: &[&dyn ToSql]) -> Result<Vec<TicketRow>> {
        let sql = format!(
            r"
            SELECT t.id, t.status, t.open, t.severity, o.shown AS owner, r.shown AS reporter, t.received, t.acknowledged,
                   t.assessed, t.fix_released, t.public, t.closed, t.next_promise, t.next_deadline,
                   {TITLE} AS title
            FROM ticket t LEFT JOIN address o ON o.id = t.owner LEFT JOIN address r ON r.id = t.reporter
            WHERE {condition}"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(row, TicketRow::from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The outbox from a number on, in the order of its making.
    pub fn notices(&self, from: u32) -> Result<Vec<NoticeRow>> {
        self.notice_rows("o.id >= ?1", from)
    }

    /// The notices about a ticket.
    pub fn notices_of(&self, ticket: TicketId) -> Result<Vec<NoticeRow>> {
        self.notice_rows("o.ticket = ?1", ticket.0)
    }

    /// Notices that are held, that may not have arrived, or that were refused. Of those that were refused without a try
    /// none: a person answered in their place, or they were erased.
    pub fn failed_notices(&self) -> Result<Vec<NoticeRow>> {
        // The words stand here as in the indexes: SQLite takes a partial one only where a query says its condition.
        let stuck = "o.id >= ?1 AND o.state IN ('held', 'unknown')";
        let refused = "o.id >= ?1 AND o.state = 'refused' AND o.attempts > 0";
        let mut failed = self.notice_rows(stuck, 0)?;
        failed.append(&mut self.notice_rows(refused, 0)?);
        failed.sort_by_key(|n| n.number);
        Ok(failed)
    }

    fn notice_rows(&self, condition: &str, number: u32) -> Result<Vec<NoticeRow>> {
        let sql = format!(
            r"
            SELECT o.id, o.created, o.kind, o.lane, a.shown AS recipient, o.ticket, o.message_id, o.state, o.attempts,
                   o.reply
            FROM outbox o LEFT JOIN address a ON a.id = o.recipient
            WHERE {condition}
            ORDER BY o.id"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([number], NoticeRow::from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The bytes of a notice.
    pub fn notice_bytes(&self, number: u32) -> Result<Vec<u8>> {
        Ok(self.0.query_row("SELECT bytes FROM outbox WHERE id = ?1", [number], |r| r.get(0))?)
    }
}
