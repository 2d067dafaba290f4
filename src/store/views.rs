//! What the command line shows.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, params};

use super::ticket::TITLE;
use super::{Result, StoreError, Tx, address, instant, millis};
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

/// A part of a list, by the numbers of its rows.
#[derive(Clone, Copy, Debug)]
pub enum Span {
    /// All of it, by number.
    All,
    /// The last so many of it, or of what stands before a number; the newest first.
    Last {
        /// How many.
        most: u32,
        /// Before which number.
        before: Option<i64>,
    },
}

impl Span {
    /// The end of a statement that lists such a part by the column `id`, with [`Span::bounds`] as its parameters.
    pub(super) fn clause(self, id: &str) -> String {
        let order = match self {
            Self::All => "ASC",
            Self::Last { .. } => "DESC",
        };
        format!("{id} < ?1 ORDER BY {id} {order} LIMIT ?2")
    }

    /// Before which number, and how many: to SQLite, fewer than none are all.
    pub(super) fn bounds(self) -> (i64, i64) {
        match self {
            Self::All => (i64::MAX, -1),
            Self::Last { most, before } => (before.unwrap_or(i64::MAX), most.into()),
        }
    }
}

/// What is wrong with a notice that somebody may have to look at. The words stand here as in the index: SQLite takes a
/// partial one only where a query says its condition. Of those that were refused without a try none: a person answered in
/// their place, or they were erased.
const FAILED: &str = "o.closed = 0 AND (o.state IN ('held', 'unknown') OR o.state = 'refused' AND o.attempts > 0)
    AND o.state = ?1 AND (o.ticket IS NOT NULL OR o.created > ?2)";

/// [`Result`], or another error that whoever looks at the rows has.
type Found<E> = std::result::Result<(), E>;

/// All rows that are handed over, where they are few.
pub(crate) fn few<T>(rows: impl FnOnce(&mut dyn FnMut(T) -> Result<()>) -> Result<()>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    rows(&mut |row| {
        all.push(row);
        Ok(())
    })?;
    Ok(all)
}

impl Tx<'_> {
    /// Hands each row of a statement to somebody, one after the other: there may be more than there is memory for.
    pub(super) fn each_row<T, E: From<StoreError>>(
        &self,
        sql: &str,
        row: &[&dyn ToSql],
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
        mut each: impl FnMut(T) -> Found<E>,
    ) -> Found<E> {
        let failed = |e: rusqlite::Error| E::from(StoreError::from(e));
        let mut query = self.0.prepare_cached(sql).map_err(failed)?;
        let mut rows = query.query(row).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(read(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Tickets: all, or the open ones.
    pub fn each_ticket<E: From<StoreError>>(
        &self,
        all: bool,
        part: Span,
        each: impl FnMut(TicketRow) -> Found<E>,
    ) -> Found<E> {
        let (before, most) = part.bounds();
        let of = if all { "true" } else { "t.open = 1" };
        let sql = ticket_rows(&format!("{of} AND {}", part.clause("t.id")));
        self.each_row(&sql, &[&before, &most], TicketRow::from_row, each)
    }

    /// One ticket.
    pub fn ticket_row(&self, id: TicketId) -> Result<Option<TicketRow>> {
        let mut query = self.0.prepare_cached(&ticket_rows("t.id = ?1"))?;
        Ok(query.query_row([id], TicketRow::from_row).optional()?)
    }

    /// Tickets of which a deadline has passed that is not kept, those that are longest overdue first: all, or so many.
    pub fn each_broken<E: From<StoreError>>(
        &self,
        now: Timestamp,
        most: Option<u32>,
        each: impl FnMut(TicketRow) -> Found<E>,
    ) -> Found<E> {
        let sql = ticket_rows("t.next_deadline <= ?1 ORDER BY t.next_deadline, t.id LIMIT ?2");
        self.each_row(&sql, &[&millis(now), &limit(most)], TicketRow::from_row, each)
    }

    /// The tickets that an address reported or owns, by number.
    pub(super) fn tickets_of(&self, address: i64) -> Result<Vec<TicketRow>> {
        let sql = ticket_rows("(t.reporter = ?1 OR t.owner = ?1) ORDER BY t.id");
        few(|each| self.each_row(&sql, &[&address], TicketRow::from_row, each))
    }

    /// Notices, in the order of their making.
    pub fn each_notice<E: From<StoreError>>(&self, part: Span, each: impl FnMut(NoticeRow) -> Found<E>) -> Found<E> {
        let (before, most) = part.bounds();
        self.each_row(&notice_rows(&part.clause("o.id")), &[&before, &most], NoticeRow::from_row, each)
    }

    /// One notice.
    pub fn notice_row(&self, number: u32) -> Result<Option<NoticeRow>> {
        Ok(self.notices_where("o.id = ?1", &[&number])?.pop())
    }

    /// The notices about a ticket, in the order of their making.
    pub fn notices_of(&self, ticket: TicketId) -> Result<Vec<NoticeRow>> {
        self.notices_where("o.ticket = ?1 ORDER BY o.id", &[&ticket])
    }

    /// The notices to an address, in the order of their making.
    pub(super) fn notices_for(&self, address: i64) -> Result<Vec<NoticeRow>> {
        self.notices_where("o.recipient = ?1 ORDER BY o.id", &[&address])
    }

    /// The notices that wait or are being sent, in the order of their making.
    pub fn unsent(&self) -> Result<Vec<NoticeRow>> {
        let mut unsent = self.notices_where("o.state = 'waiting'", &[])?;
        unsent.append(&mut self.notices_where("o.state = 'sending'", &[])?);
        unsent.sort_by_key(|n| n.number);
        Ok(unsent)
    }

    /// Notices in a state that somebody may have to look at: about open tickets, and those about no ticket that were made
    /// since then, which come first. All, or so many.
    pub fn each_failed<E: From<StoreError>>(
        &self,
        state: NoticeState,
        since: Timestamp,
        most: Option<u32>,
        each: impl FnMut(NoticeRow) -> Found<E>,
    ) -> Found<E> {
        let sql = notice_rows(&format!("{FAILED} ORDER BY o.ticket, o.created LIMIT ?3"));
        self.each_row(&sql, &[&state, &millis(since), &limit(most)], NoticeRow::from_row, each)
    }

    /// How many of them there are.
    pub fn failed(&self, state: NoticeState, since: Timestamp) -> Result<u32> {
        let sql = format!("SELECT count(*) FROM outbox o WHERE {FAILED}");
        Ok(self.0.prepare_cached(&sql)?.query_row(params![state, millis(since)], |r| r.get(0))?)
    }

    fn notices_where(&self, condition: &str, row: &[&dyn ToSql]) -> Result<Vec<NoticeRow>> {
        few(|each| self.each_row(&notice_rows(condition), row, NoticeRow::from_row, each))
    }
}

/// The statement for the tickets that meet a condition.
fn ticket_rows(condition: &str) -> String {
    format!(
        r"
        SELECT t.id, t.status, t.open, t.severity, o.shown AS owner, r.shown AS reporter, t.received, t.acknowledged,
               t.assessed, t.fix_released, t.public, t.closed, t.next_promise, t.next_deadline,
               {TITLE} AS title
        FROM ticket t LEFT JOIN address o ON o.id = t.owner LEFT JOIN address r ON r.id = t.reporter
        WHERE {condition}"
    )
}

/// The statement for the notices that meet a condition.
fn notice_rows(condition: &str) -> String {
    format!(
        r"
        SELECT o.id, o.created, o.kind, o.lane, a.shown AS recipient, o.ticket, o.message_id, o.state, o.attempts,
               o.reply
        FROM outbox o LEFT JOIN address a ON a.id = o.recipient
        WHERE {condition}"
    )
}

/// As SQLite takes it: fewer than none are all.
fn limit(most: Option<u32>) -> i64 {
    most.map_or(-1, i64::from)
}
