//! A database that is ahead of the clock: how far, and how it is brought back.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Memo, Result, Tx, instant, millis};
use crate::vocabulary::{NoticeKind, TicketId};

impl Tx<'_> {
    /// The last slot of all tallies, but for those that no time ends.
    pub fn last_slot(&self) -> Result<Option<i64>> {
        let mut query = self.0.prepare_cached("SELECT max(slot) FROM tally WHERE slot < ?1")?;
        Ok(query.query_row([i64::MAX], |r| r.get(0))?)
    }

    /// When the newest notice was made.
    pub fn last_notice(&self) -> Result<Option<Timestamp>> {
        let mut query = self.0.prepare_cached("SELECT created FROM outbox ORDER BY id DESC LIMIT 1")?;
        Ok(query.query_row([], |r| r.get(0)).optional()?.map(instant))
    }

    /// What was put off by a clock that was ahead is due now: mail that was not given, mail that waits for signatures to be
    /// checked, and notices.
    pub fn due_now(&self, now: Timestamp) -> Result<()> {
        self.hurry_unverified(now)?;
        self.0.prepare_cached("UPDATE strike SET at = ?1 WHERE at > ?1")?.execute([millis(now)])?;
        let sql = "UPDATE outbox SET due = ?1 WHERE state = 'waiting' AND due > ?1";
        self.0.prepare_cached(sql)?.execute([millis(now)])?;
        Ok(())
    }

    /// The tickets to which something happened later than that.
    pub fn tickets_after(&self, at: Timestamp) -> Result<Vec<TicketId>> {
        let mut query = self.0.prepare("SELECT DISTINCT ticket FROM entry WHERE at > ?1 ORDER BY ticket")?;
        let rows = query.query_map([millis(at)], |r| r.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// No instant that is kept lies ahead any more, but for those of timelines, which are never changed. Reminders from
    /// then may be said again: what they stood for is forgotten.
    /// Nor are there tallies after a slot.
    pub fn bring_back(&self, now: Timestamp, slot: i64) -> Result<()> {
        let at = millis(now);
        let sql = r"
            DELETE FROM notice_key
            WHERE notice IN (SELECT id FROM outbox WHERE created > ?1 AND kind IN (?2, ?3))";
        // Reporters are told in updates.
        self.0.execute(sql, params![at, NoticeKind::Reminder, NoticeKind::Update])?;
        self.due_now(now)?;
        self.0.execute("UPDATE outbox SET created = ?1 WHERE created > ?1", [at])?;
        self.0.execute("UPDATE mail SET received = min(received, ?1), first_seen = ?1 WHERE first_seen > ?1", [at])?;
        self.0.execute("UPDATE request SET at = ?1 WHERE at > ?1", [at])?;
        self.0.execute("UPDATE spent SET at = ?1 WHERE at > ?1", [at])?;
        self.0.execute("DELETE FROM tally WHERE slot > ?1 AND slot < ?2", [slot, i64::MAX])?;
        self.drop_memo(Memo::Ahead)?;
        self.bring_memos_back(now)
    }

    /// An instant in a small fact stands alone, or among the first words of its value.
    fn bring_memos_back(&self, now: Timestamp) -> Result<()> {
        let mut query = self.0.prepare("SELECT key, value FROM meta")?;
        let rows = query.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
        let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let mut update = self.0.prepare("UPDATE meta SET value = ?2 WHERE key = ?1")?;
        for (key, value) in rows {
            let is_ahead = |word: &str| word.parse().is_ok_and(|at: Timestamp| at > now);
            let mut words: Vec<String> = value.splitn(3, ' ').map(str::to_owned).collect();
            words.iter_mut().take(2).filter(|w| is_ahead(w)).for_each(|word| *word = now.to_string());
            let back = words.join(" ");
            if back != value {
                update.execute([key, back])?;
            }
        }
        Ok(())
    }
}
