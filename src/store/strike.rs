//! How often a mail of a folder was asked for and did not come.

use jiff::Timestamp;
use rusqlite::params;

use super::{Result, Tx, instant, millis};

/// A mail that was asked for and did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// A UID or a file name.
    pub name: String,
    /// How often it was asked for.
    pub tries: u32,
    /// When it was last.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// Notes which try it is at each of these mails of a folder.
    pub fn strike(&self, source: i64, names: &[String], tries: u32, now: Timestamp) -> Result<()> {
        let sql = r"
            INSERT INTO strike (source, name, tries, at)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (source, name) DO UPDATE SET tries = excluded.tries, at = excluded.at";
        let mut count = self.0.prepare_cached(sql)?;
        names.iter().try_for_each(|name| count.execute(params![source, name, tries, millis(now)]).map(drop))?;
        Ok(())
    }

    /// The mails of a folder that were asked for and did not come.
    pub fn struck(&self, source: i64) -> Result<Vec<Strike>> {
        let mut query = self.0.prepare_cached("SELECT name, tries, at FROM strike WHERE source = ?1")?;
        let rows = query.query_map([source], |r| {
            Ok(Strike { name: r.get("name")?, tries: r.get("tries")?, at: instant(r.get("at")?) })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A mail has come, or is no longer there.
    pub fn forget_strike(&self, source: i64, name: &str) -> Result<()> {
        let mut forget = self.0.prepare_cached("DELETE FROM strike WHERE source = ?1 AND name = ?2")?;
        forget.execute(params![source, name])?;
        Ok(())
    }
}
