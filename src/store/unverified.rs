//! Mails that wait until their DKIM signatures are checked.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{Result, Tx, instant, millis};
use crate::mail::signature::Share;
use crate::vocabulary::MailRef;

/// A stored mail whose DKIM signatures are to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// The mail.
    pub mail: MailRef,
    /// When our mail server took it.
    pub received: Timestamp,
    /// When we did.
    pub first_seen: Timestamp,
    /// Of whose questions these are.
    pub share: Share,
    /// Tries so far.
    pub tries: u32,
}

impl Unverified {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            mail: row.get("mail")?,
            received: instant(row.get("received")?),
            first_seen: instant(row.get("first_seen")?),
            share: row.get("word")?,
            tries: row.get("tries")?,
        })
    }
}

impl Tx<'_> {
    /// Puts a stored mail off until its signatures are checked.
    pub fn put_off(&self, mail: MailRef, share: Share, now: Timestamp) -> Result<()> {
        let sql = r"
            INSERT INTO unverified (mail, word, due, tries)
            VALUES (:mail, :word, :due, 0)
            ON CONFLICT DO NOTHING";
        let row = named_params! { ":mail": mail, ":word": share, ":due": millis(now) };
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The next mail whose signatures are to be checked by now, those that people wait for first.
    pub fn unverified(&self, now: Timestamp) -> Result<Option<Unverified>> {
        let sql = r"
            SELECT u.mail, m.received, m.first_seen, u.word, u.tries
            FROM unverified u JOIN mail m ON m.id = u.mail
            WHERE u.due <= ?1
            ORDER BY u.word DESC, m.id
            LIMIT 1";
        Ok(self.0.prepare_cached(sql)?.query_row([millis(now)], Unverified::from_row).optional()?)
    }

    /// One mail, if its signatures are still to be checked.
    pub fn still_unverified(&self, mail: MailRef) -> Result<Option<Unverified>> {
        let sql = r"
            SELECT u.mail, m.received, m.first_seen, u.word, u.tries
            FROM unverified u JOIN mail m ON m.id = u.mail
            WHERE u.mail = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([mail], Unverified::from_row).optional()?)
    }

    /// Counts a try, before it is made, and says when the next may be.
    pub fn try_unverified(&self, mail: MailRef, due: Timestamp) -> Result<()> {
        let sql = "UPDATE unverified SET tries = tries + 1, due = ?2 WHERE mail = ?1";
        self.0.prepare_cached(sql)?.execute(params![mail, millis(due)])?;
        Ok(())
    }

    /// After a start: what was put off is due at once.
    pub fn hurry_unverified(&self, now: Timestamp) -> Result<()> {
        self.0.prepare_cached("UPDATE unverified SET due = ?1 WHERE due > ?1")?.execute([millis(now)])?;
        Ok(())
    }

    /// Puts a mail off no longer: it is handled as it is.
    pub fn no_longer_unverified(&self, mail: MailRef) -> Result<()> {
        self.0.prepare_cached("DELETE FROM unverified WHERE mail = ?1")?.execute([mail])?;
        Ok(())
    }

    /// How many mails wait for their signatures to be checked, and when the next is due.
    pub fn unverified_mails(&self) -> Result<(u32, Option<Timestamp>)> {
        let mut query = self.0.prepare_cached("SELECT count(*), min(due) FROM unverified")?;
        Ok(query.query_row([], |r| Ok((r.get(0)?, r.get::<_, Option<i64>>(1)?.map(instant))))?)
    }
}
