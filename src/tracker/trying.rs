//! What would be done with a mail, and nothing is stored.

use super::Tracker;
use super::reading::{Stowed, read_one};
use super::signed::used_before;
use super::work::Work;
use crate::intake;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::unheard::Unheard;
use crate::mail::signature::Dkim;
use crate::mail::{Mail, identity};
use crate::store::{ReceiptRow, Result, Tx};
use crate::vocabulary::MailRef;
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
        let dkim = match dkim.clone() {
            Dkim::Pass { domain, print, selector } => {
                let used = |tx: &Tx<'_>| tx.is_signature_used(print, MailRef(0), &prints);
                if self.store.read(used)? { used_before(&domain) } else { Dkim::Pass { domain, selector, print } }
            }
            Dkim::Unasked | Dkim::None | Dkim::Fail(_) | Dkim::Temporary(_) => dkim,
        };
        let identity = identity::identify(&mail, &self.project.authserv_ids, &dkim);
        let (project, key) = (&self.project, &self.key);
        self.store.read(|tx| {
            let work = Work::new(tx, project, key, now)?;
            let first = work.first(&mail, &work.with_old(&prints, &mail, raw)?)?;
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
