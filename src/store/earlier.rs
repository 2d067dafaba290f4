//! Mail that was there before the first start: known by the names of the first whole listing, never by a date.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Memo, Result, Tx, millis};
use crate::vocabulary::MailRef;

/// The value of [`Memo::FirstStart`].
const BEGUN: &str = "begun";

impl Tx<'_> {
    /// Whether all that a folder lists was there before the first start: no folder was ever listed, or none whole, and
    /// this one not under this name, since it was numbered anew meanwhile. What a person handed over says nothing of it.
    pub fn is_first_listing(&self, folder: &str) -> Result<bool> {
        let sql = r"
            SELECT NOT EXISTS (SELECT 1 FROM source WHERE name = ?1)
                   AND (NOT EXISTS (SELECT 1 FROM source) OR ?2)";
        Ok(self.0.query_row(sql, params![folder, self.is_first_start()?], |r| r.get(0))?)
    }

    /// Whether a first start is not over: what was in the folder then is not told yet.
    pub fn is_first_start(&self) -> Result<bool> {
        Ok(self.memo::<String>(Memo::FirstStart)?.is_some_and(|value| value == BEGUN))
    }

    /// Writes down what a folder holds at the first start, which is not over from here on.
    pub fn note_earlier(&self, source: i64, listing: &[String]) -> Result<()> {
        self.note_before(source, listing)?;
        self.set_memo(Memo::FirstStart, BEGUN)
    }

    /// Writes down what a folder held before it was watched.
    pub fn note_before(&self, source: i64, listing: &[String]) -> Result<()> {
        let sql = "INSERT INTO earlier (source, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let mut insert = self.0.prepare_cached(sql)?;
        Ok(listing.iter().try_for_each(|name| insert.execute(params![source, name]).map(drop))?)
    }

    /// Whether a mail was there before the first start, and nobody has asked for it.
    pub fn is_earlier(&self, mail: MailRef) -> Result<bool> {
        let sql = r"
            SELECT 1
            FROM place p JOIN earlier e ON e.source = p.source AND e.name = p.name
            WHERE p.mail = ?1";
        Ok(self.0.prepare_cached(sql)?.exists([mail])?)
    }

    /// The receipt of a mail that was there before, and that nobody has looked at.
    pub fn earlier_receipt(&self, mail: MailRef) -> Result<Option<i64>> {
        // The word stands here as in the index: SQLite takes a partial one only where a query says its condition.
        let sql = "SELECT id FROM receipt WHERE mail = ?1 AND disposition = 'earlier'";
        Ok(self.0.prepare_cached(sql)?.query_row([mail], |r| r.get(0)).optional()?)
    }

    /// Has a mail that was there before handled as if it had come `received`. False where it was erased.
    pub fn promote(&self, mail: MailRef, received: Timestamp) -> Result<bool> {
        let sql = r"
            UPDATE mail
            SET state = 'stored', received = ?2, attempts = 1
            WHERE id = ?1 AND EXISTS (SELECT 1 FROM raw WHERE mail = ?1)";
        let changed = self.0.prepare_cached(sql)?.execute(params![mail, millis(received)])? > 0;
        let sql = "DELETE FROM earlier WHERE (source, name) IN (SELECT source, name FROM place WHERE mail = ?1)";
        self.0.prepare_cached(sql)?.execute([mail])?;
        Ok(changed)
    }

    /// Whether all other places of a mail are in other folders than this one: a person moved it. A folder under another
    /// UIDVALIDITY is the same folder.
    pub fn is_moved(&self, mail: MailRef, source: i64) -> Result<bool> {
        let sql = r"
            SELECT DISTINCT s.id, s.name
            FROM place p JOIN source s ON s.id = p.source
            WHERE p.mail = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([mail], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let (here, others): (Vec<(i64, String)>, Vec<_>) =
            rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().partition(|(id, _)| *id == source);
        let same = |other: &str| here.iter().any(|(_, here)| folder(here) == folder(other));
        Ok(!others.is_empty() && !others.iter().any(|(_, other)| same(other)))
    }

    /// Mails from before the first start, and whether each is here whole, the oldest first: such as came at `since` or
    /// later, and no more at once than `octets`, but for one.
    pub fn earlier_mails(&self, since: Timestamp, most: u32, octets: i64) -> Result<Vec<(MailRef, bool)>> {
        let sql = r"
            SELECT m.id, m.whole, m.size
            FROM receipt r JOIN mail m ON m.id = r.mail
            WHERE r.disposition = 'earlier' AND m.state = 'done' AND m.received >= ?1
                  AND EXISTS (SELECT 1 FROM raw WHERE mail = m.id)
            ORDER BY m.received, m.id
            LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let mut rows = query.query(params![millis(since), most])?;
        let (mut found, mut all) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            all += row.get::<_, i64>("size")?;
            if !found.is_empty() && all > octets {
                break;
            }
            found.push((row.get("id")?, row.get("whole")?));
        }
        Ok(found)
    }
}

/// The name of a source without the UIDVALIDITY that an IMAP folder bears, and without what [`Tx::next_source`] adds.
pub(super) fn folder(source: &str) -> &str {
    source.rsplit_once(';').filter(|_| source.starts_with("imap:")).map_or(source, |(folder, _)| folder)
}
