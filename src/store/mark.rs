//! How far the numbers of notices and tickets have come, and the hold in which none of what is made leaves.
//!
//! A database that was restored is older than what people have in their mailboxes. It would give the same numbers to other
//! reports, and send what was sent. So what shows that it is older puts it on hold and raises both numbers, in one
//! transaction, before anything more is numbered; only a person ends that.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::{Memo, Result, Standing, Tx, address};
use crate::notice::text::trouble::TroubleKind;
use crate::vocabulary::{Address, TicketId};

/// Notices between the highest that is known to have been made by whatever was lost, and the next: it may have made more.
const NOTICES_APART: u32 = 10_000;
/// The same for tickets.
const TICKETS_APART: u32 = 100;

/// How far the numbers have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The highest notice that was offered to a server; 0 for none.
    pub notice: u32,
    /// The highest ticket; 0 for none.
    pub ticket: u32,
}

impl Mark {
    /// Whether either number is higher.
    pub fn is_above(self, other: Self) -> bool {
        self.notice > other.notice || self.ticket > other.ticket
    }
}

impl Tx<'_> {
    /// The highest notice that was offered to a server, and the highest ticket.
    pub fn mark(&self) -> Result<Mark> {
        Ok(Mark { notice: self.memo(Memo::Offered)?.unwrap_or(0), ticket: self.next_ticket()?.0 - 1 })
    }

    /// A notice is offered to a server. Written down apart from its row, which forgets it where it does not leave after
    /// all: what the mark says once must never be less than this.
    pub(super) fn note_offered(&self, number: u32) -> Result<()> {
        if number > self.memo(Memo::Offered)?.unwrap_or(0) { self.set_memo(Memo::Offered, number) } else { Ok(()) }
    }

    /// How far the numbers have come that were given, offered or not.
    fn given(&self) -> Result<Mark> {
        Ok(Mark { notice: self.next_notice()? - 1, ticket: self.next_ticket()?.0 - 1 })
    }

    /// Up to where numbers were raised: those up to there may have been given twice, or by another database.
    pub fn raised(&self) -> Result<Mark> {
        let value: String = self.memo(Memo::Raised)?.unwrap_or_default();
        let mark =
            |(notice, ticket): (&str, &str)| Some(Mark { notice: notice.parse().ok()?, ticket: ticket.parse().ok()? });
        Ok(value.split_once(' ').and_then(mark).unwrap_or_default())
    }

    /// Since when nothing leaves, because this database may be older than what has left.
    pub fn hold(&self) -> Result<Option<Standing>> {
        self.trouble(TroubleKind::Hold)
    }

    /// From here on nothing leaves, and all new numbers are above these and well apart from them. Where that is so
    /// already, nothing changes.
    pub fn enter_hold(&self, why: &str, above: Mark, now: Timestamp) -> Result<()> {
        let (given, holds) = (self.given()?, self.hold()?.is_some());
        if holds && !above.is_above(given) {
            return Ok(());
        }
        let notice = given.notice.max(above.notice).saturating_add(NOTICES_APART);
        let ticket = given.ticket.max(above.ticket).saturating_add(TICKETS_APART);
        let update = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'outbox'";
        if self.0.prepare_cached(update)?.execute([notice])? == 0 {
            let insert = "INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?1)";
            self.0.prepare_cached(insert)?.execute([notice])?;
        }
        self.set_memo(Memo::Raised, format!("{notice} {ticket}"))?;
        if !holds {
            self.set_memo(Memo::HoldWhy, why)?;
        }
        self.note_trouble(TroubleKind::Hold, now, None)
    }

    /// What waits may leave from here on.
    pub fn end_hold(&self) -> Result<()> {
        self.drop_memo(Memo::HoldWhy)?;
        self.end_trouble(TroubleKind::Hold)
    }

    /// Of a notice of that number, to whom it is, unless that was erased, and about which ticket.
    pub fn addressed(&self, number: u32) -> Result<Option<(Option<Address>, Option<TicketId>)>> {
        let sql = "SELECT a.shown, o.ticket FROM outbox o LEFT JOIN address a ON a.id = o.recipient WHERE o.id = ?1";
        let row = self.0.prepare_cached(sql)?.query_row([number], |r| Ok((address(r.get(0)?), r.get(1)?)));
        Ok(row.optional()?)
    }

    /// Whether a notice waits to leave.
    pub fn is_notice_waiting(&self, number: u32) -> Result<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM outbox WHERE id = ?1 AND state = 'waiting'")?.exists([number])?)
    }

    /// Drops a notice that waits: a person knows that it is not needed.
    pub fn drop_waiting(&self, number: u32) -> Result<()> {
        let sql = r"
            UPDATE outbox
            SET state = 'refused', attempts = 0, reply = 'dropped by a person after the database was restored'
            WHERE id = ?1 AND state = 'waiting'";
        self.0.prepare_cached(sql)?.execute([number])?;
        Ok(())
    }
}
