//! People whom mail does not reach: a small fact for each, from the first notice that did not arrive. It names them by
//! the number of their address, and is forgotten with it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, named_params};

use super::memo::UNREACHED;
use super::{Memo, Result, Tx, address, millis};
use crate::project::Project;
use crate::vocabulary::{Address, NoticeState};

/// A later mail that did not come back for so long has arrived.
const COMES_BACK: SignedDuration = SignedDuration::from_hours(24);

/// Somebody whom mail does not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// Whom.
    pub to: Address,
    /// Since when.
    pub since: Timestamp,
    /// What the server said of the last mail.
    pub reply: String,
    /// The number of the address, which names nobody.
    pub number: i64,
    last: Timestamp,
}

impl Tx<'_> {
    /// Notes that a mail to somebody did not arrive. Says since when none does, where another was lost before it.
    pub fn note_unreached(&self, to: &Address, reply: &str, now: Timestamp) -> Result<Option<Timestamp>> {
        let number = self.address_id(to)?;
        let memo = Memo::Unreached(number);
        let found = self.memo::<String>(memo)?.and_then(|value| read(to.clone(), number, &value));
        let over = found.as_ref().map_or(Ok(true), |u| self.reached_since(u, now))?;
        let before = found.filter(|_| !over).map(|u| u.since);
        self.set_memo(memo, format!("{} {now} {reply}", before.unwrap_or(now)))?;
        Ok(before)
    }

    /// All of the project's people whom mail does not reach, by address.
    pub fn all_unreached(&self, project: &Project, now: Timestamp) -> Result<Vec<Unreached>> {
        let found = self.memos(UNREACHED)?;
        let mut shown = self.0.prepare_cached("SELECT shown FROM address WHERE id = ?1")?;
        let mut all = Vec::new();
        for (number, value) in found {
            let Ok(number) = number.parse() else { continue };
            let to = address(shown.query_row([number], |r| r.get(0)).optional()?.flatten());
            let Some(found) = to.and_then(|to| read(to, number, &value)) else { continue };
            if project.person(&found.to).is_some() && !self.reached_since(&found, now)? {
                all.push(found);
            }
        }
        all.sort_by_key(|u| u.to.key());
        Ok(all)
    }

    /// Forgets what servers said: they may have quoted what is erased. That mail does not arrive stays known, of addresses
    /// that are.
    pub fn forget_unreached(&self) -> Result<()> {
        let sql = r"
            DELETE FROM meta
            WHERE key GLOB ?1 || '*' AND NOT EXISTS (SELECT 1 FROM address WHERE meta.key = ?1 || id)";
        self.0.execute(sql, [UNREACHED])?;
        // Behind the second blank.
        let sql = r"
            UPDATE meta
            SET value = substr(value, 1, instr(value, ' ') + instr(substr(value, instr(value, ' ') + 1), ' '))
            WHERE key GLOB ?1 || '*'";
        self.0.execute(sql, [UNREACHED])?;
        Ok(())
    }

    fn reached_since(&self, unreached: &Unreached, now: Timestamp) -> Result<bool> {
        let sql = r"
            SELECT 1
            FROM outbox
            WHERE recipient = (SELECT id FROM address WHERE key = :to) AND created > :last AND created < :old
                AND state = :sent";
        let old = now.checked_sub(COMES_BACK).unwrap_or(now);
        let row = named_params! {
            ":to": unreached.to.key(),
            ":last": millis(unreached.last),
            ":old": millis(old),
            ":sent": NoticeState::Sent,
        };
        Ok(self.0.prepare_cached(sql)?.query_row(row, |_| Ok(())).optional()?.is_some())
    }
}

fn read(to: Address, number: i64, value: &str) -> Option<Unreached> {
    let mut parts = value.splitn(3, ' ');
    let (since, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Unreached { to, number, since, last, reply: parts.next()?.to_owned() })
}
