//! Personal data: all that is held about an address, and erasing what a ticket holds about people.
//!
//! What a person wrote or is called stands in `address`, `text`, `raw`, `letter` and `packed` (the bytes of notices), the words of mail
//! servers and Message-IDs. All else, the timeline, hashes and receipts, says what was done and when, and stays: the
//! ticket is still the fold of its entries, and a second copy of an erased mail is still known for one.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::{NoticeRow, ReceiptRow, Result, TicketRow, Tx, instant};
use crate::project::Project;
use crate::ticket::{Actor, Entry};
use crate::vocabulary::{Address, NoticeState, TicketId};

/// What there is to erase in a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasable {
    /// The mails that came, which the mailbox may still hold.
    pub mails: Vec<ErasableMail>,
    /// Texts of the timeline.
    pub texts: u32,
    /// Notices about it that were made.
    pub notices: u32,
    /// Those of them that have not left, and will not.
    pub unsent: u32,
}

/// A mail to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasableMail {
    /// When our mail server took it.
    pub received: Timestamp,
    /// What to find it by in the mailbox.
    pub message_id: Option<String>,
}

impl ErasableMail {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { received: instant(row.get("received")?), message_id: row.get("message_id")? })
    }
}

/// All that is held about an address, and nothing about other people.
#[derive(Clone, Debug)]
pub struct Held {
    /// The tickets that it reported or owns.
    pub tickets: Vec<TicketRow>,
    /// What it did, and what is written about it.
    pub entries: Vec<(TicketId, Entry)>,
    /// The mails that came from it.
    pub mails: Vec<HeldMail>,
    /// The mails to it, with their bytes.
    pub notices: Vec<(NoticeRow, Vec<u8>)>,
}

/// A mail from an address.
#[derive(Clone, Debug)]
pub struct HeldMail {
    /// Its receipt.
    pub receipt: ReceiptRow,
    /// Its bytes.
    pub raw: Vec<u8>,
}

/// The mails of ticket ?1.
const MAILS: &str = r"
    SELECT mail FROM receipt WHERE ticket = ?1
    UNION SELECT mail FROM entry WHERE ticket = ?1 AND mail IS NOT NULL";
/// The mails from the address with key ?1 that belong to no ticket.
const LOOSE: &str = r"
    SELECT mail FROM receipt WHERE sender = (SELECT id FROM address WHERE key = ?1)
    EXCEPT SELECT mail FROM receipt WHERE ticket IS NOT NULL";
/// That the bytes of a notice are here.
const HAS_BYTES: &str = "(id IN (SELECT notice FROM letter) OR id IN (SELECT notice FROM packed))";

impl Tx<'_> {
    /// Whether a notice about a ticket is being sent: whoever sends it will write down what the server says.
    pub fn is_sending(&self, ticket: TicketId) -> Result<bool> {
        Ok(self.0.prepare("SELECT 1 FROM outbox WHERE ticket = ?1 AND state = 'sending'")?.exists([ticket])?)
    }

    /// What there is to erase in a ticket.
    pub fn erasable(&self, ticket: TicketId) -> Result<Erasable> {
        let sql = format!(
            r"
            SELECT m.received, max(r.message_id) AS message_id
            FROM mail m LEFT JOIN receipt r ON r.mail = m.id
            WHERE m.id IN ({MAILS}) AND EXISTS (SELECT 1 FROM raw WHERE mail = m.id)
            GROUP BY m.id
            ORDER BY m.id"
        );
        let mut query = self.0.prepare(&sql)?;
        let mails = query.query_map([ticket], ErasableMail::from_row)?.collect::<rusqlite::Result<_>>()?;
        let count = |sql: &str| self.0.query_row(sql, [ticket], |r| r.get(0));
        let unsent = "SELECT count(*) FROM outbox WHERE ticket = ?1 AND state IN (?2, ?3)";
        let row = params![ticket, NoticeState::Waiting, NoticeState::Held];
        Ok(Erasable {
            mails,
            texts: count("SELECT count(*) FROM entry WHERE ticket = ?1 AND text IS NOT NULL")?,
            notices: count(&format!("SELECT count(*) FROM outbox WHERE ticket = ?1 AND {HAS_BYTES}"))?,
            unsent: self.0.query_row(unsent, row, |r| r.get(0))?,
        })
    }

    /// Takes what is held about people out of a ticket: the addresses of all but the project's own people, all texts,
    /// Message-IDs, and the bytes of the mails that came and left. What has not left will not. The projections have to
    /// be made anew, then the addresses go by [`Tx::forget_addresses`].
    pub fn erase(&self, ticket: TicketId, project: &Project) -> Result<Erasable> {
        let erasable = self.erasable(ticket)?;
        let run = |sql: &str| self.0.execute(sql, [ticket]);
        run(&format!("DELETE FROM raw WHERE mail IN ({MAILS})"))?;
        // What cannot be read again cannot be done.
        run(&format!("DELETE FROM request WHERE mail IN ({MAILS})"))?;
        run(&format!("UPDATE outbox SET reply = NULL WHERE ticket = ?1 AND {HAS_BYTES}"))?;
        let sql = r"
            UPDATE outbox
            SET state = ?4, reply = 'it was erased'
            WHERE ticket = ?1 AND state IN (?2, ?3)";
        self.0.execute(sql, params![ticket, NoticeState::Waiting, NoticeState::Held, NoticeState::Refused])?;
        run("DELETE FROM letter WHERE notice IN (SELECT id FROM outbox WHERE ticket = ?1)")?;
        run("DELETE FROM packed WHERE notice IN (SELECT id FROM outbox WHERE ticket = ?1)")?;
        // The hash of the Message-ID stays.
        run("UPDATE receipt SET message_id = NULL WHERE ticket = ?1")?;
        let mut query = self.0.prepare("SELECT text FROM entry WHERE ticket = ?1 AND text IS NOT NULL")?;
        let texts: Vec<i64> = query.query_map([ticket], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        run("UPDATE entry SET text = NULL WHERE ticket = ?1")?;
        for text in texts {
            self.0.prepare_cached("DELETE FROM text WHERE id = ?1")?.execute([text])?;
        }
        run("UPDATE entry SET kind = json_remove(kind, '$.message_id') WHERE ticket = ?1 AND name = 'reported'")?;
        for stranger in self.strangers(ticket, project)? {
            let sql = r"
                UPDATE entry
                SET kind = json_set(kind, '$.erased', json('true'))
                WHERE ticket = ?1 AND party = ?2 AND name = 'reported'";
            self.0.execute(sql, params![ticket, stranger])?;
            for sql in [
                "UPDATE entry SET party = NULL WHERE ticket = ?1 AND party = ?2",
                "UPDATE receipt SET sender = NULL WHERE ticket = ?1 AND sender = ?2",
                "UPDATE outbox SET recipient = NULL WHERE ticket = ?1 AND recipient = ?2",
            ] {
                self.0.execute(sql, params![ticket, stranger])?;
            }
        }
        Ok(erasable)
    }

    /// The mails from an address that belong to no ticket and are here whole.
    pub fn loose_mails(&self, from: &Address) -> Result<Vec<ErasableMail>> {
        let sql = format!(
            r"
            SELECT m.received, r.message_id
            FROM receipt r JOIN mail m ON m.id = r.mail
            WHERE m.id IN ({LOOSE}) AND EXISTS (SELECT 1 FROM raw WHERE mail = m.id)
            GROUP BY m.id
            ORDER BY m.id"
        );
        let mut query = self.0.prepare(&sql)?;
        let mails = query.query_map([from.key()], ErasableMail::from_row)?;
        Ok(mails.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes sender, Message-ID and bytes out of the mails from an address that belong to no ticket. Their receipts
    /// and hashes stay. Then the address goes by [`Tx::forget_addresses`], if nothing else names it.
    pub fn erase_loose_mails(&self, from: &Address) -> Result<Vec<ErasableMail>> {
        let mails = self.loose_mails(from)?;
        self.0.execute(&format!("DELETE FROM raw WHERE mail IN ({LOOSE})"), [from.key()])?;
        let sql = format!("UPDATE receipt SET sender = NULL, message_id = NULL WHERE mail IN ({LOOSE})");
        self.0.execute(&sql, [from.key()])?;
        Ok(mails)
    }

    /// The addresses of a ticket that are not those of the project's people, past ones included: whoever acted on any
    /// ticket, or owned one, is one of them.
    fn strangers(&self, ticket: TicketId, project: &Project) -> Result<Vec<i64>> {
        let sql = r"
            SELECT a.id, a.key
            FROM address a
            WHERE a.id IN (
                    SELECT party FROM entry WHERE ticket = ?1
                    UNION SELECT sender FROM receipt WHERE ticket = ?1
                    UNION SELECT recipient FROM outbox WHERE ticket = ?1)
                  AND NOT EXISTS (SELECT 1 FROM entry WHERE by_address = a.id)
                  AND NOT EXISTS (SELECT 1 FROM entry WHERE party = a.id AND name = 'owner')";
        let mut query = self.0.prepare(sql)?;
        let mut rows = query.query([ticket])?;
        let mut strangers = Vec::new();
        while let Some(row) = rows.next()? {
            let key: String = row.get(1)?;
            if !project.people.iter().any(|p| p.address.key() == key) {
                strangers.push(row.get(0)?);
            }
        }
        Ok(strangers)
    }

    /// Removes the addresses that nothing refers to any more.
    pub fn forget_addresses(&self) -> Result<()> {
        let sql = r"
            DELETE FROM address
            WHERE id NOT IN (
                SELECT by_address FROM entry WHERE by_address IS NOT NULL
                UNION SELECT party FROM entry WHERE party IS NOT NULL
                UNION SELECT sender FROM receipt WHERE sender IS NOT NULL
                UNION SELECT recipient FROM outbox WHERE recipient IS NOT NULL
                UNION SELECT owner FROM ticket WHERE owner IS NOT NULL
                UNION SELECT reporter FROM ticket WHERE reporter IS NOT NULL)";
        self.0.execute(sql, [])?;
        Ok(())
    }

    /// All that is held about an address.
    pub fn held_about(&self, address: &Address) -> Result<Held> {
        let query = "SELECT id FROM address WHERE key = ?1";
        let id: Option<i64> = self.0.query_row(query, [address.key()], |r| r.get(0)).optional()?;
        let Some(id) = id else {
            return Ok(Held { tickets: Vec::new(), entries: Vec::new(), mails: Vec::new(), notices: Vec::new() });
        };
        let tickets = self.tickets_of(id)?;
        let mails = self.mails_from(id)?;
        let sql = r"
            SELECT ticket FROM entry WHERE by_address = ?1 OR party = ?1
            UNION SELECT ticket FROM receipt WHERE sender = ?1 AND ticket IS NOT NULL
            UNION SELECT id FROM ticket WHERE reporter = ?1
            ORDER BY 1";
        let mut query = self.0.prepare(sql)?;
        let of: Vec<TicketId> = query.query_map([id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut entries = Vec::new();
        for ticket in of {
            let is_reporter = self.reporter(ticket)?.flatten().as_ref() == Some(address);
            let concerns = |e: &Entry| {
                let by = e.by.person() == Some(address) || e.by == Actor::Reporter && is_reporter;
                by || e.party.as_ref() == Some(address)
                    || e.mail.is_some_and(|m| mails.iter().any(|h| h.receipt.mail == m))
            };
            entries.extend(self.entries(ticket)?.into_iter().filter(concerns).map(|e| (ticket, e)));
        }
        let mut notices = Vec::new();
        for notice in self.notices_for(id)? {
            let bytes = self.notice_bytes(notice.number)?;
            notices.push((notice, bytes));
        }
        Ok(Held { tickets, entries, mails, notices })
    }

    fn mails_from(&self, sender: i64) -> Result<Vec<HeldMail>> {
        let receipts = self.receipts_where("r.sender = ?1 ORDER BY r.id", &[&sender])?;
        receipts.into_iter().map(|receipt| Ok(HeldMail { raw: self.raw(receipt.mail)?, receipt })).collect()
    }
}
