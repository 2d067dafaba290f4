//! Small facts about the database itself: each is a row of `meta`, and one that is not known has none.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::{Result, Tx};
use crate::notice::key::Gathered;
use crate::notice::text::trouble::TroubleKind;

/// How the names of troubles begin: `trouble:login`, `trouble:timeline:17`.
pub(super) const TROUBLE: &str = "trouble:";

/// How the names of alarms begin: `alarm:inbox`.
const ALARM: &str = "alarm:";

/// How the names of these begin: `unreached:17`.
pub(super) const UNREACHED: &str = "unreached:";

/// A small fact that the database keeps about itself. Instants stand as RFC 3339 writes them, where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memo<'a> {
    /// When the inbox was last read to its end.
    LastScan,
    /// When this folder was last listed that was then read to its end.
    LastScanOf(&'a str),
    /// When a notice last left.
    LastSend,
    /// When the daemon last tried whether it can write.
    LastCommit,
    /// Since when the inbox cannot be read.
    InboxFails,
    /// Since when no notice could leave, whatever notice it was.
    SendFails,
    /// When the last digest was made; before the first one, when the database was.
    LastDigest,
    /// The fingerprint of the policy that the projections were made by.
    Policy,
    /// The fingerprints of the secrets of the key that were there last, with blanks between.
    Secrets,
    /// The fingerprints of the secrets that are missed, with blanks between.
    MissedSecrets,
    /// The highest notice that was offered to a server.
    Offered,
    /// That a mark was written beside the database.
    Marked,
    /// Up to where numbers were raised: see [`Tx::raised`].
    Raised,
    /// Why nothing leaves, while it does not: see [`Tx::hold`].
    HoldWhy,
    /// That a first start is not over: `begun` from the first listing until what was listed is told. An older disclosed
    /// wrote `told` then; now there is no row.
    FirstStart,
    /// That some fingerprints of mail are of the kind that version 1 of the schema had.
    OldPrints,
    /// The hour, counted from 1970, in which tallies were last looked through for what is too old to count.
    CountsForgotten,
    /// How many commands in mail of programs no person heard of, until the digest says so.
    Unheard,
    /// The number of the ticket that gathers such mails.
    Gathers(Gathered),
    /// When the team was last told of what that ticket gathers, in seconds from 1970. An older disclosed wrote the
    /// number of the ticket and a blank before that.
    GatheredTold(Gathered),
    /// When the team is told of what was gathered since.
    GatheredDue(Gathered),
    /// The revision of the ticket up to which what it gathers was told.
    GatheredListed(Gathered),
    /// Since when the outgoing server is known to refuse tagged senders; behind a blank, the account: see
    /// [`Tx::tag_refused`].
    TagRefused,
    /// The latest instant that the database had seen when the clock was found to be behind it.
    Ahead,
    /// That it has a time of its own, given by hand: see `run --now`.
    Played,
    /// The alarm of this name that somebody was told of, as what was said when it began.
    Alarm(&'a str),
    /// When the last canary was sent; while it is on its way, behind a blank, its token.
    Canary,
    /// Trouble that stands: see [`super::Standing`].
    Trouble(TroubleKind),
    /// That mail does not reach the address with this number: see [`super::Unreached`].
    Unreached(i64),
}

impl Memo<'_> {
    fn key(self) -> String {
        let key = match self {
            Self::LastScan => "last_scan",
            Self::LastScanOf(folder) => return format!("last_scan:{folder}"),
            Self::LastSend => "last_send",
            Self::LastCommit => "last_commit",
            Self::InboxFails => "inbox_fails",
            Self::SendFails => "send_fails",
            Self::LastDigest => "digest",
            Self::Policy => "policy",
            Self::Secrets => "key",
            Self::MissedSecrets => "key_missed",
            Self::Offered => "offered",
            Self::Marked => "marked",
            Self::Raised => "raised",
            Self::HoldWhy => "hold_why",
            Self::FirstStart => "first_start",
            Self::OldPrints => "old_prints",
            Self::CountsForgotten => "counts_forgotten",
            Self::Unheard => "unheard",
            Self::Gathers(what) => what.word(),
            Self::GatheredTold(what) => return format!("{}_told", what.word()),
            // As these were called when nothing else had them.
            Self::GatheredDue(Gathered::Returned) => "gathered_due",
            Self::GatheredListed(Gathered::Returned) => "gathered_listed",
            Self::GatheredDue(what) => return format!("{}_due", what.word()),
            Self::GatheredListed(what) => return format!("{}_listed", what.word()),
            Self::TagRefused => "tag_refused",
            Self::Ahead => "ahead",
            Self::Played => "played",
            Self::Alarm(name) => return format!("{ALARM}{name}"),
            Self::Canary => "canary",
            Self::Unreached(address) => return format!("{UNREACHED}{address}"),
            Self::Trouble(kind) => {
                let ticket = kind.ticket().map_or(String::new(), |ticket| format!(":{}", ticket.0));
                return format!("{TROUBLE}{}{ticket}", kind.word());
            }
        };
        key.to_owned()
    }
}

impl Tx<'_> {
    /// A small fact, if it is known. An older disclosed wrote an empty value where nothing is known.
    pub fn memo<T: FromStr>(&self, memo: Memo<'_>) -> Result<Option<T>> {
        let mut query = self.0.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let value: Option<String> = query.query_row([memo.key()], |r| r.get(0)).optional()?;
        Ok(value.filter(|v| !v.is_empty()).and_then(|v| v.parse().ok()))
    }

    /// Writes a small fact down.
    pub fn set_memo(&self, memo: Memo<'_>, value: impl Display) -> Result<()> {
        let sql = r"
            INSERT INTO meta (key, value)
            VALUES (?1, ?2)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.0.prepare_cached(sql)?.execute([memo.key(), value.to_string()])?;
        Ok(())
    }

    /// Since when an outgoing server is known to refuse tagged envelope senders, and of which account.
    pub fn tag_refused(&self) -> Result<Option<(Timestamp, String)>> {
        let value: Option<String> = self.memo(Memo::TagRefused)?;
        let parts = |v: String| v.split_once(' ').and_then(|(at, of)| Some((at.parse().ok()?, of.to_owned())));
        Ok(value.and_then(parts))
    }

    /// When the team is next told of what was gathered.
    pub fn gathered_due(&self) -> Result<Option<Timestamp>> {
        let due = Gathered::LISTED.map(|what| self.memo(Memo::GatheredDue(what)));
        Ok(due.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().min())
    }

    /// The alarms that somebody was told of, by name, as what was said when they began.
    pub fn alarms(&self) -> Result<Vec<(String, String)>> {
        self.memos(ALARM)
    }

    /// The small facts whose names begin so, by the rest of their names.
    pub(super) fn memos(&self, begin: &str) -> Result<Vec<(String, String)>> {
        let sql = "SELECT substr(key, length(?1) + 1), value FROM meta WHERE key >= ?1 AND key < ?1 || char(1114111)";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([begin], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// From now on a small fact is not known.
    pub fn drop_memo(&self, memo: Memo<'_>) -> Result<()> {
        self.0.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([memo.key()])?;
        Ok(())
    }
}
