//! People whom mail does not reach: a small fact for each, from the first notice that did not arrive.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, named_params};

use super::memo::UNREACHED;
use super::{Memo, Result, Tx, millis};
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
    last: Timestamp,
}

impl Tx<'_> {
    /// Notes that a mail to somebody did not arrive. Says since when none does, where another was lost before it.
    pub fn note_unreached(&self, to: &Address, reply: &str, now: Timestamp) -> Result<Option<Timestamp>> {
        let before = self.unreached(to, now)?.map(|u| u.since);
        let since = before.unwrap_or(now);
        self.set_memo(Memo::Unreached(to), format!("{since} {now} {} {reply}", to.as_str()))?;
        Ok(before)
    }

    /// Whether mail does not reach somebody, and since when.
    fn unreached(&self, to: &Address, now: Timestamp) -> Result<Option<Unreached>> {
        let found = self.memo::<String>(Memo::Unreached(to))?.and_then(|value| read(&value));
        Ok(if found.as_ref().map_or(Ok(false), |u| self.reached_since(u, now))? { None } else { found })
    }

    /// All of the project's people whom mail does not reach, by address.
    pub fn all_unreached(&self, project: &Project, now: Timestamp) -> Result<Vec<Unreached>> {
        let mut query = self.0.prepare_cached("SELECT value FROM meta WHERE key GLOB ?1 || '*' ORDER BY key")?;
        let values = query.query_map([UNREACHED], |r| r.get::<_, String>(0))?;
        let mut all = Vec::new();
        for value in values {
            let Some(found) = read(&value?) else { continue };
            if project.person(&found.to).is_some() && !self.reached_since(&found, now)? {
                all.push(found);
            }
        }
        Ok(all)
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

fn read(value: &str) -> Option<Unreached> {
    let mut parts = value.splitn(4, ' ');
    let (since, last) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Unreached { to: Address::parse(parts.next()?)?, since, last, reply: parts.next()?.to_owned() })
}
