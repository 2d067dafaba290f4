//! Trouble of the daemon that stands: a small fact for each kind, from when it is raised until the event that ends it.

use jiff::Timestamp;

use super::memo::TROUBLE;
use super::{Memo, Result, Tx};
use crate::notice::text::trouble::TroubleKind;
use crate::vocabulary::TicketId;

/// Trouble that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub kind: TroubleKind,
    /// When it was raised first.
    pub since: Timestamp,
    /// The first of the notices that told of it last; `None` where nobody was told, since they had been on the same
    /// day of trouble of the same word.
    pub notice: Option<u32>,
}

impl Tx<'_> {
    /// Notes that there is trouble, and the notice that tells of it. Where it stands already, it stands since then.
    pub fn note_trouble(&self, kind: TroubleKind, now: Timestamp, notice: Option<u32>) -> Result<()> {
        let before = self.trouble(kind)?;
        if before.is_some() && notice.is_none() {
            return Ok(());
        }
        let since = before.map_or(now, |b| b.since);
        let notice = notice.map_or(String::new(), |n| format!(" {n}"));
        self.set_memo(Memo::Trouble(kind), format!("{since}{notice}"))
    }

    /// It is over.
    pub fn end_trouble(&self, kind: TroubleKind) -> Result<()> {
        self.drop_memo(Memo::Trouble(kind))
    }

    /// Trouble of this kind, if it stands.
    pub fn trouble(&self, kind: TroubleKind) -> Result<Option<Standing>> {
        Ok(self.memo::<String>(Memo::Trouble(kind))?.and_then(|value| standing(kind, &value)))
    }

    /// All trouble that stands, the oldest first.
    pub fn troubles(&self) -> Result<Vec<Standing>> {
        let found = self.memos(TROUBLE)?;
        let standing = |(name, value): &(String, String)| kind(name).and_then(|kind| standing(kind, value));
        let mut all: Vec<Standing> = found.iter().filter_map(standing).collect();
        all.sort_by_key(|trouble| (trouble.since, trouble.kind));
        Ok(all)
    }
}

fn kind(name: &str) -> Option<TroubleKind> {
    match name.split_once(':') {
        Some((word, ticket)) => TroubleKind::named(word, Some(TicketId(ticket.parse().ok()?))),
        None => TroubleKind::named(name, None),
    }
}

/// The value is since when it stands and, behind a blank, the number of the notice.
fn standing(kind: TroubleKind, value: &str) -> Option<Standing> {
    let (since, notice) = value.split_once(' ').unwrap_or((value, ""));
    Some(Standing { kind, since: since.parse().ok()?, notice: notice.parse().ok() })
}
