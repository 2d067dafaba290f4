//! What the command line shows.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Result, Tx, address, instant};
use crate::vocabulary::{Address, MailRef, TicketId};

/// A ticket in the list.
#[derive(Clone, Debug)]
pub struct TicketRow {
    /// Its number.
    pub id: TicketId,
    /// Where it stands.
    pub status: String,
    /// Whether it is open, or a promise still runs on it other than that of erasing it.
    pub open: bool,
    /// How bad it is.
    pub severity: Option<String>,
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

/// A receipt.
#[derive(Clone, Debug)]
pub struct ReceiptRow {
    /// Its number.
    pub number: i64,
    /// Its mail.
    pub mail: MailRef,
    /// When our mail server took the mail.
    pub received: Timestamp,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Its sender.
    pub from: Option<Address>,
    /// How it was handled.
    pub disposition: String,
    /// Its ticket.
    pub ticket: Option<TicketId>,
    /// Why.
    pub reason: String,
}

/// A notice in the outbox.
#[derive(Clone, Debug)]
pub struct NoticeRow {
    /// Its number.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// What it is.
    pub kind: String,
    /// Which of the waiting ones go first: the lowest.
    pub lane: u8,
    /// To whom.
    pub to: Option<Address>,
    /// About which ticket.
    pub ticket: Option<TicketId>,
    /// Its Message-ID.
    pub message_id: String,
    /// Where it stands.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What the server said last, or why it is held.
    pub reply: Option<String>,
}

impl Tx<'_> {
    /// Tickets, by number.
    pub fn tickets(&self, all: bool) -> Result<Vec<TicketRow>> {
        let sql = "SELECT t.id, t.status, t.open, t.severity, o.shown, r.shown, t.received, t.acknowledged, t.assessed, \
                   t.fix_released, t.public, t.closed, t.next_promise, t.next_deadline FROM ticket t \
                   LEFT JOIN address o ON o.id = t.owner LEFT JOIN address r ON r.id = t.reporter \
                   WHERE ?1 OR t.open = 1 ORDER BY t.id";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([all], ticket_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every receipt, oldest first.
    pub fn receipts(&self) -> Result<Vec<ReceiptRow>> {
        self.receipt_rows("?1 = 0 ORDER BY r.id", 0)
    }

    /// One receipt.
    pub fn receipt_row(&self, number: i64) -> Result<Option<ReceiptRow>> {
        Ok(self.receipt_rows("r.id = ?1", number)?.pop())
    }

    /// The receipt of a mail, not that of a second copy of it.
    pub fn receipt_of(&self, mail: MailRef) -> Result<Option<ReceiptRow>> {
        Ok(self.receipt_rows("r.mail = ?1 ORDER BY r.disposition <> 'duplicate', r.id DESC", mail.0)?.pop())
    }

    fn receipt_rows(&self, condition: &str, number: i64) -> Result<Vec<ReceiptRow>> {
        let sql = format!(
            "SELECT m.received, r.message_id, a.shown, r.disposition, r.ticket, r.reason, r.id, r.mail FROM receipt r \
             JOIN mail m ON m.id = r.mail LEFT JOIN address a ON a.id = r.sender WHERE {condition}"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([number], |r| {
            Ok(ReceiptRow {
                received: instant(r.get(0)?),
                message_id: r.get(1)?,
                from: address(r.get(2)?),
                disposition: r.get(3)?,
                ticket: r.get::<_, Option<u32>>(4)?.map(TicketId),
                reason: r.get(5)?,
                number: r.get(6)?,
                mail: MailRef(r.get(7)?),
            })
        })?;
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

    /// Notices that did not leave, or of which that is not known.
    pub fn unsettled_notices(&self) -> Result<Vec<NoticeRow>> {
        self.notice_rows("o.state <> 'sent' AND o.id >= ?1", 0)
    }

    fn notice_rows(&self, condition: &str, number: u32) -> Result<Vec<NoticeRow>> {
        let sql = format!(
            "SELECT o.id, o.created, o.kind, a.shown, o.ticket, o.message_id, o.state, o.attempts, o.reply, \
             o.lane FROM outbox o LEFT JOIN address a ON a.id = o.recipient WHERE {condition} ORDER BY o.id"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([number], |r| {
            Ok(NoticeRow {
                number: r.get(0)?,
                created: instant(r.get(1)?),
                kind: r.get(2)?,
                to: address(r.get(3)?),
                ticket: r.get::<_, Option<u32>>(4)?.map(TicketId),
                message_id: r.get(5)?,
                state: r.get(6)?,
                attempts: r.get(7)?,
                reply: r.get(8)?,
                lane: r.get(9)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The bytes of a notice.
    pub fn notice_bytes(&self, number: u32) -> Result<Vec<u8>> {
        Ok(self.0.query_row("SELECT bytes FROM outbox WHERE id = ?1", params![number], |r| r.get(0))?)
    }
}

fn ticket_row(r: &Row<'_>) -> rusqlite::Result<TicketRow> {
    let at =
        |column: usize| -> rusqlite::Result<Option<Timestamp>> { Ok(r.get::<_, Option<i64>>(column)?.map(instant)) };
    let next: (Option<String>, Option<Timestamp>) = (r.get(12)?, at(13)?);
    Ok(TicketRow {
        id: TicketId(r.get(0)?),
        status: r.get(1)?,
        open: r.get(2)?,
        severity: r.get(3)?,
        owner: address(r.get(4)?),
        reporter: address(r.get(5)?),
        received: instant(r.get(6)?),
        acknowledged: at(7)?,
        assessed: at(8)?,
        fix_released: at(9)?,
        public: at(10)?,
        closed: at(11)?,
        next: next.0.zip(next.1),
    })
}
