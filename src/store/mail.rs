//! Mails as they came: raw bytes, where they were found, whether they wait to be handled.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::packed::{MAIL, PIECE, pack, unpack};
use super::{Result, StoreError, Tx, instant, leading, millis};
use crate::mail::content;
use crate::vocabulary::{MailRef, Print};

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

/// A stored mail that waits to be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingMail {
    /// The mail.
    pub mail: MailRef,
    /// When our mail server took it.
    pub received: Timestamp,
    /// Whether all of it was stored.
    pub whole: bool,
    /// Tries so far.
    pub tries: u32,
}

impl WaitingMail {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            mail: row.get("id")?,
            received: instant(row.get("received")?),
            whole: row.get("whole")?,
            tries: row.get("attempts")?,
        })
    }
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
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Ok(Vec::new()) };
        // Of a push that is a row or two, however many there are.
        let sql = "SELECT name FROM place WHERE source = ?1 AND name BETWEEN ?2 AND ?3 ORDER BY name";
        let mut query = self.0.prepare_cached(sql)?;
        let mut seen = query.query(params![source, first, last])?;
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
        let names: rusqlite::Result<Vec<String>> = query.query_map(params![mail, source], |r| r.get(0))?.collect();
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
                return Ok(Some(id));
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
                let sql = r"
                    INSERT INTO mail (sha256, hash, size, whole, received, first_seen, state, attempts)
                    VALUES (:sha256, :hash, :size, :whole, :received, :first_seen, 'stored', 1)";
                let id = self.0.prepare_cached(sql)?.insert(named_params! {
                    ":sha256": &sha[..],
                    ":hash": leading(&sha),
                    ":size": i64::try_from(new.size).unwrap_or(i64::MAX),
                    ":whole": new.size == new.raw.len() as u64,
                    ":received": millis(new.received),
                    ":first_seen": millis(now),
                })?;
                let sql = "INSERT INTO raw (mail, piece, bytes) VALUES (:mail, :piece, :bytes)";
                let mut insert = self.0.prepare_cached(sql)?;
                for (piece, bytes) in (0_i64..).zip(new.raw.chunks(PIECE)) {
                    insert.execute(named_params! { ":mail": id, ":piece": piece, ":bytes": pack(bytes, MAIL)? })?;
                }
                Stored::New(MailRef(id))
            }
        };
        if let Some(place) = new.place {
            let (Stored::New(mail) | Stored::Known(mail)) = stored;
            self.add_place(place, mail)?;
        }
        Ok(stored)
    }

    /// The bytes of a stored mail.
    pub fn raw(&self, mail: MailRef) -> Result<Vec<u8>> {
        let mut query = self.0.prepare_cached("SELECT bytes FROM raw WHERE mail = ?1 ORDER BY piece")?;
        let mut rows = query.query([mail])?;
        let mut raw = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(0)?.as_blob().map_err(|e| StoreError::Corrupt(e.to_string()))?;
            raw.extend(unpack(bytes)?);
        }
        Ok(raw)
    }

    /// The fingerprint of a mail, once it has been read; whether all of it was stored, and how many octets it has.
    pub fn facts(&self, mail: MailRef) -> Result<(Option<Print>, bool, i64)> {
        let sql = "SELECT fingerprint, whole, size FROM mail WHERE id = ?1";
        Ok(self.0.query_row(sql, [mail], |r| Ok((r.get("fingerprint")?, r.get("whole")?, r.get("size")?)))?)
    }

    /// Mails that are stored and not handled: what a crash left behind, without those whose signatures are to be
    /// checked first.
    pub fn waiting_mails(&self, limit: u32) -> Result<Vec<WaitingMail>> {
        let sql = r"
            SELECT id, received, whole, attempts
            FROM mail
            WHERE state = 'stored' AND id NOT IN (SELECT mail FROM unverified)
            ORDER BY id
            LIMIT ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([limit], WaitingMail::from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a mail is stored and not handled.
    pub fn is_waiting(&self, mail: MailRef) -> Result<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM mail WHERE id = ?1 AND state = 'stored'")?.exists([mail])?)
    }

    /// Counts one more try at a mail, before it is tried.
    pub fn count_try(&self, mail: MailRef) -> Result<()> {
        self.0.prepare_cached("UPDATE mail SET attempts = attempts + 1 WHERE id = ?1")?.execute([mail])?;
        Ok(())
    }

    /// A mail has been handled, and is not looked at again.
    pub fn done(&self, mail: MailRef, fingerprint: Print) -> Result<()> {
        let sql = "UPDATE mail SET state = 'done', fingerprint = ?2 WHERE id = ?1";
        self.0.prepare_cached(sql)?.execute(params![mail, fingerprint])?;
        self.no_longer_unverified(mail)
    }
}
