//! When a mail came.

use jiff::Timestamp;

use crate::store::{Memo, Result, Tx};

/// The latest instant at which a mail can have come. Where our clock is behind the database, the mail server's says which
/// of the two is wrong.
pub(super) fn latest(tx: &Tx<'_>, now: Timestamp) -> Result<Timestamp> {
    Ok(tx.memo(Memo::Ahead)?.map_or(now, |ahead: Timestamp| ahead.max(now)))
}

/// When our mail server took a mail: as it says, but not before the last scan that did not list it, nor after the
/// `latest` instant that is known: mostly that is now, see [`latest`].
pub(super) fn taken_at(
    internal_date: Option<Timestamp>,
    not_before: Option<Timestamp>,
    now: Timestamp,
    latest: Timestamp,
) -> Timestamp {
    let claimed = internal_date.unwrap_or(now).min(latest);
    not_before.map_or(claimed, |n| claimed.max(n.min(now)))
}
