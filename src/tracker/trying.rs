//! What would be done with a mail, and nothing is stored.

use super::Tracker;
use super::once::Once;
use super::reading::{Stowed, read_one};
use super::work::Work;
use crate::intake;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::unheard::Unheard;
use crate::mail::signature::Dkim;
use crate::mail::{Mail, identity};
use crate::store::{ReceiptRow, Result};
use jiff::Timestamp;

/// What `disclosed try` shows.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The mail as read.
    pub mail: Mail,
    /// How sure the sender is.
    pub identity: identity::Identity,
    /// What would be done; what was done, where a second copy of it would change nothing.
    pub intake: Intake,
    /// The receipt that the mail, or a copy of it, has already.
    pub known: Option<ReceiptRow>,
    /// What a person whose own reply address it bears would be told of it.
    pub unheard: Option<Unheard>,
}

impl Tracker {
    /// What would be done with this mail, of whose signatures this is known; nothing is stored.
    pub fn try_mail(&mut self, raw: &[u8], dkim: Dkim, now: Timestamp) -> Result<Tried> {
        let stowed = Stowed::tried(raw, now, Some(dkim.clone()));
        let (mail, prints) = read_one(&stowed);
        let (project, key) = (&self.project, &self.key);
        self.store.read(|tx| {
            let work = Work::new(tx, project, key, now)?;
            let prints = work.with_old(&prints, &mail, raw)?;
            let identity = identity::identify(&mail, &project.server, &dkim);
            let identity = work.unless_spent(identity, &Once::of(&stowed, &mail, &prints))?;
            let first = work.first(&mail, &prints)?;
            let (mut intake, unheard) = work.look(&stowed, &mail, first.clone(), &identity, intake::take)?;
            let same = tx.known(raw)?.map(|m| tx.receipt_of(m)).transpose()?.flatten();
            let happened = same.is_some() || intake.disposition == Disposition::Duplicate;
            let first = first.filter(|f| f.altered.is_none());
            let first = first.map(|f| tx.receipt_row(f.receipt)).transpose()?.flatten();
            let known = same.or(first);
            if let Some(receipt) = known.as_ref().filter(|_| happened) {
                let (disposition, ticket) = (receipt.disposition, receipt.ticket);
                intake = Intake { disposition, reason: receipt.reason.clone(), ticket, event: None };
            }
            Ok(Tried { mail, identity, intake, known, unheard })
        })
    }
}
