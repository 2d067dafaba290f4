//! What is spent: no mail is obeyed that bears what another one bore when it was.

use jiff::Timestamp;
use rusqlite::{named_params, params};

use super::{Result, Tx, millis};
use crate::vocabulary::{MailRef, Print};

impl Tx<'_> {
    /// Whether another mail has spent any of these: not a copy, which bears one of these fingerprints.
    pub fn is_spent(&self, prints: &[Print], mail: MailRef, fingerprints: &[Print]) -> Result<bool> {
        let sql = r"
            SELECT m.fingerprint
            FROM spent s JOIN mail m ON m.id = s.mail
            WHERE s.print IN (?1, ?2) AND s.mail <> ?3";
        let mut query = self.0.prepare_cached(sql)?;
        for print in prints {
            let mut rows = query.query(params![print, print.short(), mail])?;
            while let Some(row) = rows.next()? {
                let by: Option<Print> = row.get("fingerprint")?;
                if by.is_none_or(|by| !fingerprints.contains(&by)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Spends these for a mail that is obeyed.
    pub fn spend(&self, prints: &[Print], mail: MailRef, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO spent (print, mail, at) VALUES (:print, :mail, :at) ON CONFLICT DO NOTHING";
        let mut insert = self.0.prepare_cached(sql)?;
        for print in prints {
            insert.execute(named_params! { ":print": print, ":mail": mail, ":at": millis(now) })?;
        }
        Ok(())
    }

    /// Forgets what no mail can be obeyed by any more.
    pub fn forget_spent(&self, before: Timestamp) -> Result<()> {
        self.0.prepare_cached("DELETE FROM spent WHERE at < ?1")?.execute([millis(before)])?;
        Ok(())
    }
}
