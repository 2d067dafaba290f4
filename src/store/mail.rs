//! Mails as they came: raw bytes, where they were found, what became of them.

use std::cell::RefCell;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use zstd::bulk::Compressor;

use super::{Result, StoreError, Tx, address, instant, leading, millis, short_hash};
use crate::intake::disposition::Disposition;
use crate::intake::standing::{First, NOT_OBEYED, Part};
use crate::mail::content;
use crate::vocabulary::{Address, MailRef, MessageId, TicketId};

/// Octets of raw mail in one compressed piece: what a large mail costs in memory beside itself.
const PIECE: usize = 1 << 20;

/// Where a mail was found.
#[derive(Clone, Debug)]
pub struct Place {
    /// From [`Tx::source`].
    pub source: i64,
    /// A UID or a file name.
    pub name: String,
}

/// A mail to store.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    /// Its bytes; its beginning when it is over the limit.
    pub raw: &'a [u8],
    /// Octets on the server.
    pub size: u64,
    /// When our mail server took it.
    pub received: Timestamp,
    /// Where it was found; `None` when a person handed it over.
    pub place: Option<&'a Place>,
}

/// A stored mail whose DKIM signatures are to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// The mail.
    pub mail: MailRef,
    /// When our mail server took it.
    pub received: Timestamp,
    /// When we did.
    pub first_seen: Timestamp,
    /// Whether a person's commands or answer depend on it.
    pub word: bool,
    /// Tries so far.
    pub tries: u32,
}

/// What became of storing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New(MailRef),
    /// The same bytes are here already.
    Known(MailRef),
}

impl Tx<'_> {
    /// The number of a folder; a new UIDVALIDITY is a new folder.
    pub fn source(&self, name: &str) -> Result<i64> {
        let mut query = self.0.prepare_cached("SELECT id FROM source WHERE name = ?1")?;
        if let Some(id) = query.query_row([name], |r| r.get(0)).optional()? {
            return Ok(id);
        }
        Ok(self.0.prepare_cached("INSERT INTO source (name) VALUES (?1)")?.insert([name])?)
    }

    /// Those names of a listing that have not been taken in from there, sorted. Both sides are walked in order, so
    /// that a folder of any size costs no copy of itself.
    pub fn unseen(&self, source: i64, listing: &[String]) -> Result<Vec<String>> {
        let mut sorted: Vec<&String> = listing.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut query = self.0.prepare_cached("SELECT name FROM place WHERE source = ?1 ORDER BY name")?;
        let mut seen = query.query([source])?;
        let mut next = seen.next()?;
        let mut unseen = Vec::new();
        for name in sorted {
            let mut here = false;
            while let Some(row) = next {
                let order = row.get_ref(0)?.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))?.cmp(name);
                here = order.is_eq();
                if order.is_gt() {
                    break;
                }
                next = seen.next()?;
                if here {
                    break;
                }
            }
            if !here {
                unseen.push(name.clone());
            }
        }
        Ok(unseen)
    }

    /// The other places in the same folder where these bytes were found.
    pub fn places(&self, source: i64, mail: MailRef) -> Result<Vec<String>> {
        let mut query = self.0.prepare_cached("SELECT name FROM place WHERE mail = ?1 AND source = ?2")?;
        let names: rusqlite::Result<Vec<String>> = query.query_map(params![mail.0, source], |r| r.get(0))?.collect();
        Ok(names?)
    }

    /// The mail with these bytes, whatever their line ends.
    pub fn known(&self, raw: &[u8]) -> Result<Option<MailRef>> {
        self.find(&content::hashes(raw))
    }

    fn find(&self, hashes: &[[u8; 32]]) -> Result<Option<MailRef>> {
        let mut query = self.0.prepare_cached("SELECT id FROM mail WHERE hash = ?1 AND sha256 = ?2")?;
        for sha in hashes {
            let row = params![leading(sha), &sha[..]];
            if let Some(id) = query.query_row(row, |r| r.get(0)).optional()? {
                return Ok(Some(MailRef(id)));
            }
        }
        Ok(None)
    }

    /// Stores a mail whole, before anything else is done about it (G1).
    pub fn store_mail(&self, new: &NewMail<'_>, now: Timestamp) -> Result<Stored> {
        let hashes = content::hashes(new.raw);
        let stored = match (self.find(&hashes)?, hashes.first()) {
            (Some(mail), _) => Stored::Known(mail),
            (None, sha) => {
                let sha = sha.copied().unwrap_or_default();
                let sql = "INSERT INTO mail (sha256, hash, size, whole, received, first_seen, state, attempts) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'stored', 1)";
                let size = i64::try_from(new.size).unwrap_or(i64::MAX);
                let whole = new.size == new.raw.len() as u64;
                let row = params![&sha[..], leading(&sha), size, whole, millis(new.received), millis(now)];
                let id = self.0.prepare_cached(sql)?.insert(row)?;
                let mut insert = self.0.prepare_cached("INSERT INTO raw (mail, piece, bytes) VALUES (?1, ?2, ?3)")?;
                for (piece, bytes) in new.raw.chunks(PIECE).enumerate() {
                    insert.execute(params![id, i64::try_from(piece).unwrap_or(i64::MAX), compress(bytes)?])?;
                }
                Stored::New(MailRef(id))
            }
        };
        if let Some(place) = new.place {
            let (Stored::New(mail) | Stored::Known(mail)) = stored;
            let sql = "INSERT INTO place (source, name, mail) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            self.0.prepare_cached(sql)?.execute(params![place.source, place.name, mail.0])?;
        }
        Ok(stored)
    }

    /// The bytes of a stored mail.
    pub fn raw(&self, mail: MailRef) -> Result<Vec<u8>> {
        let mut query = self.0.prepare_cached("SELECT bytes FROM raw WHERE mail = ?1 ORDER BY piece")?;
        let mut rows = query.query([mail.0])?;
        let mut raw = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob().map_err(|e| StoreError::Corrupt(e.to_string()))?;
            raw.extend(zstd::bulk::decompress(bytes, PIECE).map_err(|e| StoreError::Corrupt(e.to_string()))?);
        }
        Ok(raw)
    }

    /// The fingerprint of a mail, once it has been read; whether all of it was stored, and how many octets it has.
    pub fn facts(&self, mail: MailRef) -> Result<(Option<i64>, bool, i64)> {
        let sql = "SELECT fingerprint, whole, size FROM mail WHERE id = ?1";
        Ok(self.0.query_row(sql, [mail.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?)
    }

    /// Mails that are stored and not handled: what a crash left behind, without those whose signatures are to be
    /// checked first. Number, received, whole, attempts so far.
    pub fn waiting_mails(&self, limit: u32) -> Result<Vec<(MailRef, Timestamp, bool, u32)>> {
        let sql = "SELECT id, received, whole, attempts FROM mail WHERE state = 'stored' \
                   AND id NOT IN (SELECT mail FROM unverified) ORDER BY id LIMIT ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([limit], |r| Ok((MailRef(r.get(0)?), instant(r.get(1)?), r.get(2)?, r.get(3)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a mail is stored and not handled.
    pub fn is_waiting(&self, mail: MailRef) -> Result<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM mail WHERE id = ?1 AND state = 'stored'")?.exists([mail.0])?)
    }

    /// Counts one more try at a mail, before it is tried.
    pub fn count_attempt(&self, mail: MailRef) -> Result<()> {
        self.0.prepare_cached("UPDATE mail SET attempts = attempts + 1 WHERE id = ?1")?.execute([mail.0])?;
        Ok(())
    }

    /// Puts a stored mail off until its signatures are checked.
    pub fn put_off(&self, mail: MailRef, word: bool, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO unverified (mail, word, due, tries) VALUES (?1, ?2, ?3, 0) ON CONFLICT DO NOTHING";
        self.0.prepare_cached(sql)?.execute(params![mail.0, word, millis(now)])?;
        Ok(())
    }

    /// The next mail whose signatures are to be checked by now, those that people wait for first.
    pub fn unverified(&self, now: Timestamp) -> Result<Option<Unverified>> {
        let sql = "SELECT m.id, m.received, m.first_seen, u.word, u.tries FROM unverified u JOIN mail m ON m.id = u.mail \
                   WHERE u.due <= ?1 ORDER BY u.word DESC, m.id LIMIT 1";
        Ok(self.0.prepare_cached(sql)?.query_row([millis(now)], unverified).optional()?)
    }

    /// One mail, if its signatures are still to be checked.
    pub fn still_unverified(&self, mail: MailRef) -> Result<Option<Unverified>> {
        let sql = "SELECT m.id, m.received, m.first_seen, u.word, u.tries FROM unverified u JOIN mail m ON m.id = u.mail \
                   WHERE u.mail = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([mail.0], unverified).optional()?)
    }

    /// Counts a try, before it is made, and says when the next may be.
    pub fn try_unverified(&self, mail: MailRef, due: Timestamp) -> Result<()> {
        let sql = "UPDATE unverified SET tries = tries + 1, due = ?2 WHERE mail = ?1";
        self.0.prepare_cached(sql)?.execute(params![mail.0, millis(due)])?;
        Ok(())
    }

    /// After a start: what was put off is due at once.
    pub fn hurry_unverified(&self, now: Timestamp) -> Result<()> {
        self.0.prepare_cached("UPDATE unverified SET due = ?1 WHERE due > ?1")?.execute([millis(now)])?;
        Ok(())
    }

    /// Puts a mail off no longer: it is handled as it is.
    pub fn no_longer_unverified(&self, mail: MailRef) -> Result<()> {
        self.0.prepare_cached("DELETE FROM unverified WHERE mail = ?1")?.execute([mail.0])?;
        Ok(())
    }

    /// How many mails wait for their signatures to be checked, and when the next is due.
    pub fn unverified_mails(&self) -> Result<(u32, Option<Timestamp>)> {
        let mut query = self.0.prepare_cached("SELECT count(*), min(due) FROM unverified")?;
        Ok(query.query_row([], |r| Ok((r.get(0)?, r.get::<_, Option<i64>>(1)?.map(instant))))?)
    }

    /// Whether a signature has vouched for another mail: not for a copy, which bears one of these fingerprints.
    pub fn is_signature_used(&self, print: i64, mail: MailRef, prints: &[i64]) -> Result<bool> {
        let sql =
            "SELECT m.fingerprint FROM signature s JOIN mail m ON m.id = s.mail WHERE s.print = ?1 AND s.mail <> ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let of: Option<Option<i64>> = query.query_row(params![print, mail.0], |r| r.get(0)).optional()?;
        Ok(of.is_some_and(|of| of.is_none_or(|of| !prints.contains(&of))))
    }

    /// Notes that a signature vouches for a mail.
    pub fn use_signature(&self, print: i64, mail: MailRef, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO signature (print, mail, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.0.prepare_cached(sql)?.execute(params![print, mail.0, millis(now)])?;
        Ok(())
    }

    /// Forgets signatures that are too old to vouch again.
    pub fn forget_signatures(&self, before: Timestamp) -> Result<()> {
        self.0.prepare_cached("DELETE FROM signature WHERE at < ?1")?.execute([millis(before)])?;
        Ok(())
    }

    /// The receipts of handled mails with any of these fingerprints, the first first.
    pub fn same_mail(&self, prints: &[i64]) -> Result<Vec<First>> {
        let all = prints.iter().map(|print| self.copies("m.fingerprint", *print));
        Ok(all.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// What was made of the mails with that Message-ID that belong to a ticket; the index knows no others.
    pub fn same_id(&self, id: &MessageId) -> Result<Vec<First>> {
        self.copies("r.ticket IS NOT NULL AND r.message_hash", short_hash(id.as_str().as_bytes()))
    }

    fn copies(&self, column: &str, value: i64) -> Result<Vec<First>> {
        let sql = format!(
            "SELECT r.id, r.mail, r.disposition, r.ticket, r.reason, m.fingerprint FROM mail m \
             JOIN receipt r ON r.mail = m.id WHERE {column} = ?1 AND r.disposition <> 'duplicate' ORDER BY r.id LIMIT 20"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let mut rows = query.query([value])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let ticket = row.get::<_, Option<u32>>(3)?.map(TicketId);
            let disposition = Disposition::named(row.get_ref(2)?.as_str().unwrap_or_default());
            let unknown = || StoreError::Corrupt("a receipt of no known disposition".into());
            let print: Option<i64> = row.get(5)?;
            found.push(First {
                receipt: row.get(0)?,
                mail: MailRef(row.get(1)?),
                disposition: disposition.ok_or_else(unknown)?,
                obeyed: !row.get_ref(4)?.as_str().is_ok_and(|r| r.starts_with(NOT_OBEYED)),
                ticket,
                part: ticket.zip(print).map_or(Ok(Part::Joined), |(t, print)| self.part(t, print))?,
                altered: None,
            });
        }
        Ok(found)
    }

    /// What a mail with that fingerprint is in its ticket. Whether anybody waits only its timeline says.
    pub fn part(&self, ticket: TicketId, print: i64) -> Result<Part> {
        let sql = "SELECT e.kind LIKE '{\"kind\":\"reported\"%', m.fingerprint = ?2 FROM entry e \
                   LEFT JOIN mail m ON m.id = e.mail WHERE e.ticket = ?1 AND e.seq = 1";
        let mut query = self.0.prepare_cached(sql)?;
        let row = query.query_row(params![ticket.0, print], |r| Ok((r.get(0)?, r.get::<_, Option<bool>>(1)?)));
        Ok(match row.optional()? {
            Some((true, Some(true))) => Part::Opened { unanswered: false },
            // Only a ticket for many has no mail of its own.
            Some((true, None)) => Part::Gathered,
            Some(_) | None => Part::Joined,
        })
    }

    /// Writes down how a mail was handled. With a fingerprint it has been read, and is not looked at again; without
    /// one it is the receipt of a second copy of the same bytes.
    #[expect(clippy::too_many_arguments, reason = "a row of eight columns")]
    pub fn receipt(
        &self,
        mail: MailRef,
        at: Timestamp,
        sender: Option<&Address>,
        message_id: Option<&MessageId>,
        disposition: Disposition,
        ticket: Option<TicketId>,
        reason: &str,
        fingerprint: Option<i64>,
    ) -> Result<()> {
        let sql = "INSERT INTO receipt (mail, at, sender, message_id, message_hash, disposition, ticket, reason) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let sender = sender.map(|a| self.address_id(a)).transpose()?;
        let id = message_id.map(MessageId::as_str);
        let hash = id.map(|i| short_hash(i.as_bytes()));
        let row = params![mail.0, millis(at), sender, id, hash, disposition.word(), ticket.map(|t| t.0), reason];
        match self.earlier_receipt(mail)?.filter(|_| fingerprint.is_some()) {
            Some(receipt) => self.raise_receipt(receipt, disposition, ticket, reason)?,
            None => drop(self.0.prepare_cached(sql)?.insert(row)?),
        }
        // The receipt of a second copy says nothing of the first, which may still wait to be read (G1).
        fingerprint.map_or(Ok(()), |print| self.done(mail, print))
    }

    /// A mail has been handled, and is not looked at again.
    pub fn done(&self, mail: MailRef, fingerprint: i64) -> Result<()> {
        let sql = "UPDATE mail SET state = 'done', fingerprint = ?2 WHERE id = ?1";
        self.0.prepare_cached(sql)?.execute(params![mail.0, fingerprint])?;
        self.no_longer_unverified(mail)
    }

    /// Raises a receipt: more was made of its mail than it says.
    pub fn raise_receipt(
        &self,
        receipt: i64,
        disposition: Disposition,
        ticket: Option<TicketId>,
        reason: &str,
    ) -> Result<()> {
        let sql = "UPDATE receipt SET disposition = ?2, ticket = ?3, reason = ?4 WHERE id = ?1";
        let row = params![receipt, disposition.word(), ticket.map(|t| t.0), reason];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// How many automatic mails without a ticket were handled since then.
    pub fn without_ticket(&self, since: Timestamp) -> Result<u32> {
        let sql = "SELECT count(*) FROM receipt WHERE ticket IS NULL AND at > ?1 \
                   AND disposition IN ('automatic', 'bounce')";
        Ok(self.0.prepare_cached(sql)?.query_row([millis(since)], |r| r.get(0))?)
    }

    /// How many copies of a stored mail have a receipt.
    pub fn receipts_of(&self, mail: MailRef) -> Result<u32> {
        let mut query = self.0.prepare_cached("SELECT count(*) FROM receipt WHERE mail = ?1")?;
        Ok(query.query_row([mail.0], |r| r.get(0))?)
    }

    /// How the first copy of a stored mail was handled.
    pub fn handled(&self, mail: MailRef) -> Result<Option<Option<TicketId>>> {
        let mut query =
            self.0.prepare_cached("SELECT ticket FROM receipt WHERE mail = ?1 ORDER BY ticket IS NULL, id LIMIT 1")?;
        Ok(query.query_row([mail.0], |r| Ok(r.get::<_, Option<u32>>(0)?.map(TicketId))).optional()?)
    }

    /// The mails of a ticket that can be read, the newest first, with their sender and how they were handled.
    pub fn mails_of(&self, ticket: TicketId) -> Result<Vec<(MailRef, Option<Address>, String)>> {
        let sql = "SELECT r.mail, a.shown, r.disposition FROM receipt r LEFT JOIN address a ON a.id = r.sender \
                   WHERE r.ticket = ?1 AND r.disposition <> 'quarantined' ORDER BY r.id DESC";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([ticket.0], |r| Ok((MailRef(r.get(0)?), address(r.get(1)?), r.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The tickets that mails with these Message-IDs belong to, and their reporters.
    pub fn referenced(&self, ids: &[MessageId]) -> Result<Vec<(TicketId, Option<Address>)>> {
        let sql = "SELECT r.message_id, r.ticket FROM receipt r \
                   WHERE r.message_hash = ?1 AND r.ticket IS NOT NULL ORDER BY r.id LIMIT 20";
        let mut query = self.0.prepare_cached(sql)?;
        let mut found = Vec::new();
        for id in ids.iter().rev() {
            let mut rows = query.query([short_hash(id.as_str().as_bytes())])?;
            while let Some(row) = rows.next()? {
                let ticket = TicketId(row.get(1)?);
                let same = row.get_ref(0)?.as_str().is_ok_and(|i| i == id.as_str());
                if same && !found.iter().any(|(t, _)| *t == ticket) {
                    found.push((ticket, self.reporter(ticket)?.flatten()));
                }
            }
        }
        Ok(found)
    }
}

fn unverified(row: &rusqlite::Row<'_>) -> rusqlite::Result<Unverified> {
    Ok(Unverified {
        mail: MailRef(row.get(0)?),
        received: instant(row.get(1)?),
        first_seen: instant(row.get(2)?),
        word: row.get(3)?,
        tries: row.get(4)?,
    })
}

thread_local! {
    /// Kept from mail to mail: to make one costs as much as to compress a short mail. Level 1, since the higher ones
    /// save little on mail, and cost several times as much.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let compressed = COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(bytes),
        None => kept.insert(Compressor::new(1)?).compress(bytes),
    });
    compressed.map_err(|e| StoreError::Corrupt(e.to_string()))
}
