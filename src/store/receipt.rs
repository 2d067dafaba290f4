//! Receipts: that each mail was handled, and how; and what is found through them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, named_params, params};

use super::{Counted, Result, Span, StoreError, Tx, address, few, instant, millis, short_hash};
use crate::intake::disposition::Disposition;
use crate::intake::standing::{First, JUNK, NOT_OBEYED, Part};
use crate::vocabulary::{Address, MailRef, MessageId, Print, TicketId};

/// A receipt to write down.
#[derive(Clone, Copy, Debug)]
pub struct NewReceipt<'a> {
    /// The mail that was handled.
    pub mail: MailRef,
    /// When.
    pub at: Timestamp,
    /// The sender of the mail.
    pub sender: Option<&'a Address>,
    /// The Message-ID of the mail.
    pub message_id: Option<&'a MessageId>,
    /// How it was handled.
    pub disposition: Disposition,
    /// The ticket that it belongs to.
    pub ticket: Option<TicketId>,
    /// Why.
    pub reason: &'a str,
    /// The fingerprint of a mail that has been read; `None` for a second copy of the same bytes.
    pub fingerprint: Option<Print>,
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
    pub disposition: Disposition,
    /// Its ticket.
    pub ticket: Option<TicketId>,
    /// Why.
    pub reason: String,
}

impl ReceiptRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get("id")?,
            mail: row.get("mail")?,
            received: instant(row.get("received")?),
            message_id: row.get("message_id")?,
            from: address(row.get("sender")?),
            disposition: row.get("disposition")?,
            ticket: row.get("ticket")?,
            reason: row.get("reason")?,
        })
    }
}

impl Tx<'_> {
    /// Writes down how a mail was handled. With a fingerprint the mail has been read, and is not looked at again;
    /// without one this is the receipt of a second copy of the same bytes.
    pub fn receipt(&self, new: &NewReceipt<'_>) -> Result<()> {
        match self.earlier_receipt(new.mail)?.filter(|_| new.fingerprint.is_some()) {
            Some(receipt) => self.raise_receipt(receipt, new.disposition, new.ticket, new.reason)?,
            None => self.add_receipt(new)?,
        }
        // The receipt of a second copy says nothing of the first, which may still wait to be read (G1).
        new.fingerprint.map_or(Ok(()), |print| self.done(new.mail, print))
    }

    fn add_receipt(&self, new: &NewReceipt<'_>) -> Result<()> {
        let sql = r"
            INSERT INTO receipt (mail, at, sender, message_id, message_hash, disposition, ticket, reason)
            VALUES (:mail, :at, :sender, :message_id, :message_hash, :disposition, :ticket, :reason)";
        let id = new.message_id.map(MessageId::as_str);
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":mail": new.mail,
            ":at": millis(new.at),
            ":sender": new.sender.map(|a| self.address_id(a)).transpose()?,
            ":message_id": id,
            ":message_hash": id.map(|i| short_hash(i.as_bytes())),
            ":disposition": new.disposition,
            ":ticket": new.ticket,
            ":reason": new.reason,
        })?;
        Ok(())
    }

    /// Raises a receipt: more was made of its mail than it says.
    pub fn raise_receipt(
        &self,
        receipt: i64,
        disposition: Disposition,
        ticket: Option<TicketId>,
        reason: &str,
    ) -> Result<()> {
        let sql = r"
            UPDATE receipt
            SET disposition = :disposition, ticket = :ticket, reason = :reason
            WHERE id = :receipt";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":receipt": receipt,
            ":disposition": disposition,
            ":ticket": ticket,
            ":reason": reason,
        })?;
        Ok(())
    }

    /// The receipts of handled mails with any of these fingerprints, the first first.
    pub fn same_mail(&self, prints: &[Print]) -> Result<Vec<First>> {
        let all = prints.iter().map(|print| self.copies("m.fingerprint", print));
        Ok(all.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// What was made of the mails with that Message-ID that belong to a ticket; the index knows no others.
    pub fn same_id(&self, id: &MessageId) -> Result<Vec<First>> {
        self.copies("r.ticket IS NOT NULL AND r.message_hash", &short_hash(id.as_str().as_bytes()))
    }

    fn copies(&self, column: &str, value: &dyn ToSql) -> Result<Vec<First>> {
        let sql = format!(
            r"
            SELECT r.id, r.mail, r.disposition, r.ticket, r.reason, m.fingerprint
            FROM mail m JOIN receipt r ON r.mail = m.id
            WHERE {column} = :value AND r.disposition <> :copy
            ORDER BY r.id
            LIMIT 20"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let mut rows = query.query(named_params! { ":value": value, ":copy": Disposition::Duplicate })?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let ticket: Option<TicketId> = row.get("ticket")?;
            let print: Option<Print> = row.get("fingerprint")?;
            found.push(First {
                receipt: row.get("id")?,
                mail: row.get("mail")?,
                disposition: row.get("disposition")?,
                obeyed: !row.get_ref("reason")?.as_str().is_ok_and(|r| r.starts_with(NOT_OBEYED)),
                ticket,
                junk: row.get_ref("reason")?.as_str().is_ok_and(|r| r == JUNK),
                part: ticket.zip(print).map_or(Ok(Part::Joined), |(t, print)| self.part(t, print))?,
                altered: None,
            });
        }
        Ok(found)
    }

    /// What a mail with that fingerprint is in its ticket. Whether anybody waits only its timeline says.
    pub fn part(&self, ticket: TicketId, print: Print) -> Result<Part> {
        let sql = r"
            SELECT e.name = 'reported', m.fingerprint = ?2
            FROM entry e LEFT JOIN mail m ON m.id = e.mail
            WHERE e.ticket = ?1 AND e.seq = 1";
        let mut query = self.0.prepare_cached(sql)?;
        let row = query.query_row(params![ticket, print], |r| Ok((r.get(0)?, r.get::<_, Option<bool>>(1)?)));
        Ok(match row.optional()? {
            Some((true, Some(true))) => Part::Opened { unanswered: false },
            // Only a ticket for many has no mail of its own.
            Some((true, None)) => Part::Gathered,
            Some(_) | None => Part::Joined,
        })
    }

    /// How many mails without a ticket were handled since then, by how they were handled.
    pub fn without_ticket(&self, since: Timestamp) -> Result<Vec<(Disposition, u32)>> {
        let sql = r"
            SELECT disposition, count(*)
            FROM receipt
            WHERE ticket IS NULL AND at > ?1
            GROUP BY disposition";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([millis(since)], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The tickets for which commands came since then that were not obeyed, and in how many mails.
    pub fn refused_commands(&self, since: Timestamp) -> Result<Vec<(TicketId, u32)>> {
        let sql = r"
            SELECT ticket, count(*)
            FROM receipt INDEXED BY receipt_command
            WHERE ticket IS NOT NULL AND at > :since AND disposition = 'command'
              AND substr(reason, 1, length(:refused)) = :refused
            GROUP BY ticket";
        let mut query = self.0.prepare_cached(sql)?;
        let row = named_params! {
            ":since": millis(since),
            ":refused": NOT_OBEYED,
        };
        let rows = query.query_map(row, |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many copies of a stored mail have a receipt.
    pub fn receipts_of(&self, mail: MailRef) -> Result<u32> {
        let mut query = self.0.prepare_cached("SELECT count(*) FROM receipt WHERE mail = ?1")?;
        Ok(query.query_row([mail], |r| r.get(0))?)
    }

    /// The ticket that any copy of a stored mail belongs to; outer `None` when none was handled.
    pub fn handled(&self, mail: MailRef) -> Result<Option<Option<TicketId>>> {
        let sql = "SELECT ticket FROM receipt WHERE mail = ?1 ORDER BY ticket IS NULL, id LIMIT 1";
        Ok(self.0.prepare_cached(sql)?.query_row([mail], |r| r.get(0)).optional()?)
    }

    /// The mails of a ticket, the newest first, with their sender and how they were handled.
    pub fn mails_of(&self, ticket: TicketId) -> Result<Vec<(MailRef, Option<Address>, Disposition)>> {
        let sql = r"
            SELECT r.mail, a.shown AS sender, r.disposition
            FROM receipt r LEFT JOIN address a ON a.id = r.sender
            WHERE r.ticket = ?1
            ORDER BY r.id DESC";
        let mut query = self.0.prepare_cached(sql)?;
        let rows =
            query.query_map([ticket], |r| Ok((r.get("mail")?, address(r.get("sender")?), r.get("disposition")?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The tickets that mails with these Message-IDs belong to, and their reporters.
    pub fn referenced(&self, ids: &[MessageId]) -> Result<Vec<(TicketId, Option<Address>)>> {
        let sql = r"
            SELECT message_id, ticket
            FROM receipt
            WHERE message_hash = ?1 AND ticket IS NOT NULL
            ORDER BY id
            LIMIT 20";
        let mut query = self.0.prepare_cached(sql)?;
        let mut found = Vec::new();
        for id in ids.iter().rev() {
            let mut rows = query.query([short_hash(id.as_str().as_bytes())])?;
            while let Some(row) = rows.next()? {
                let ticket = row.get(1)?;
                let same = row.get_ref(0)?.as_str().is_ok_and(|i| i == id.as_str());
                if same && !found.iter().any(|(t, _)| *t == ticket) {
                    found.push((ticket, self.reporter(ticket)?.flatten()));
                }
            }
        }
        Ok(found)
    }

    /// Receipts, by number.
    pub fn each_receipt<E: From<StoreError>>(
        &self,
        part: Span,
        each: impl FnMut(ReceiptRow) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (before, most) = part.bounds();
        self.each_row(&receipt_rows(&part.clause("r.id")), &[&before, &most], ReceiptRow::from_row, each)
    }

    /// How many mails were put aside unread, of tickets that are open or of none and since then; and when the first of
    /// them came.
    pub fn quarantined(&self, since: Timestamp) -> Result<(u32, Option<Timestamp>)> {
        // The word stands here as in the index: SQLite takes a partial one only where a query says its condition.
        let sql = r"
            SELECT count(*), min(m.received)
            FROM receipt r JOIN mail m ON m.id = r.mail LEFT JOIN ticket t ON t.id = r.ticket
            WHERE r.disposition = 'quarantined' AND (t.open = 1 OR r.ticket IS NULL AND m.received > ?1)";
        let row =
            self.0.prepare_cached(sql)?.query_row([millis(since)], |r| Ok((r.get(0)?, r.get::<_, Option<i64>>(1)?)));
        row.map(|(count, first)| (count, first.map(instant))).map_err(Into::into)
    }

    /// The mails from before the first start that came last, and how many there are.
    pub fn newest_earlier(&self, most: u32) -> Result<(Vec<ReceiptRow>, u32)> {
        let newest = "r.disposition = 'earlier' ORDER BY m.received DESC, r.id LIMIT ?1";
        Ok((self.receipts_where(newest, &[&most])?, self.count_of(Counted::Mails, &["earlier"])?))
    }

    /// The receipts of a ticket, oldest first.
    pub fn receipts_of_ticket(&self, ticket: TicketId) -> Result<Vec<ReceiptRow>> {
        self.receipts_where("r.ticket = ?1 ORDER BY r.id", &[&ticket])
    }

    /// One receipt.
    pub fn receipt_row(&self, number: i64) -> Result<Option<ReceiptRow>> {
        Ok(self.receipts_where("r.id = ?1", &[&number])?.pop())
    }

    /// The receipt of a mail, not that of a second copy of it.
    pub fn receipt_of(&self, mail: MailRef) -> Result<Option<ReceiptRow>> {
        let wanted_last = "r.mail = ?1 ORDER BY r.disposition <> ?2, r.id DESC";
        Ok(self.receipts_where(wanted_last, &[&mail, &Disposition::Duplicate])?.pop())
    }

    /// The receipts that meet a condition, with its parameters by position.
    pub(super) fn receipts_where(&self, condition: &str, row: &[&dyn ToSql]) -> Result<Vec<ReceiptRow>> {
        few(|each| self.each_row(&receipt_rows(condition), row, ReceiptRow::from_row, each))
    }
}

/// The statement for the receipts that meet a condition.
fn receipt_rows(condition: &str) -> String {
    format!(
        r"
        SELECT r.id, r.mail, m.received, r.message_id, a.shown AS sender, r.disposition, r.ticket, r.reason
        FROM receipt r JOIN mail m ON m.id = r.mail LEFT JOIN address a ON a.id = r.sender
        WHERE {condition}"
    )
}
