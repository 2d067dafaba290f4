//! What a monitor asks for, as numbers: kept along, or found by an index.

use jiff::Timestamp;
use rusqlite::params;

use super::{Result, Tx, millis};

/// What is counted along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Mails, by what became of them.
    Mails,
    /// Notices, by where they stand.
    Notices,
}

impl Tx<'_> {
    /// How many there are of each name.
    pub fn counts(&self, what: Counted) -> Result<Vec<(String, u32)>> {
        let what = match what {
            Counted::Mails => "mail",
            Counted::Notices => "notice",
        };
        let mut query = self.0.prepare_cached("SELECT name, count FROM counted WHERE what = ?1 ORDER BY name")?;
        let rows = query.query_map([what], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many tickets are open.
    pub fn open_tickets(&self) -> Result<u32> {
        let mut query = self.0.prepare_cached("SELECT count(*) FROM ticket WHERE open = 1")?;
        Ok(query.query_row([], |r| r.get(0))?)
    }

    /// How many tickets have a deadline next that lies between two instants, the second included.
    pub fn tickets_due(&self, after: Timestamp, until: Timestamp) -> Result<u32> {
        let sql = "SELECT count(*) FROM ticket WHERE next_deadline > ?1 AND next_deadline <= ?2";
        let mut query = self.0.prepare_cached(sql)?;
        Ok(query.query_row(params![millis(after), millis(until)], |r| r.get(0))?)
    }
}
