//! What a monitor asks for, as numbers: kept along, or found by an index.

use super::{Result, Tx, millis};
use jiff::Timestamp;

/// What is counted along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Mails, by what became of them.
    Mails,
    /// Notices, by where they stand.
    Notices,
    /// Tickets: `open` and `closed`.
    Tickets,
}

impl Tx<'_> {
    /// How many there are of each name.
    pub fn counts(&self, what: Counted) -> Result<Vec<(String, u32)>> {
        let what = match what {
            Counted::Mails => "mail",
            Counted::Notices => "notice",
            Counted::Tickets => "ticket",
        };
        let mut query = self.0.prepare_cached("SELECT name, count FROM counted WHERE what = ?1 ORDER BY name")?;
        let rows = query.query_map([what], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many there are of some names.
    pub(super) fn count_of(&self, what: Counted, names: &[&str]) -> Result<u32> {
        Ok(self.counts(what)?.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, count)| count).sum())
    }

    /// How many tickets are open.
    pub fn open_tickets(&self) -> Result<u32> {
        self.count_of(Counted::Tickets, &["open"])
    }

    /// How many tickets have a deadline next that lies no later than that.
    pub fn tickets_due(&self, until: Timestamp) -> Result<u32> {
        let sql = r"
            SELECT (SELECT coalesce(sum(tickets), 0) FROM due_hour WHERE hour < ?1 / 3600000)
                   + (SELECT count(*) FROM ticket
                      WHERE next_deadline BETWEEN ?1 / 3600000 * 3600000 AND ?1)";
        Ok(self.0.prepare_cached(sql)?.query_row([millis(until)], |r| r.get(0))?)
    }
}
