//! Mails that a person takes in: from before the first start, or what was taken for something else.

use super::Tracker;
use super::news::News;
use super::reading::{Stowed, UNREADABLE};
use super::work::Work;
use crate::intake::disposition::Disposition;
use crate::intake::standing::Part;
use crate::store::{Result, StoreError};
use jiff::Timestamp;

/// Mails from before the first start, and octets of them, that are taken in at a time.
const EARLIER: u32 = 64;

const EARLIER_OCTETS: i64 = 4 << 20;

impl Tracker {
    /// Takes in mail from before the first start as if it had just come, some at a time: what our mail server took at
    /// `since` or later. Says how many; none when all are.
    pub fn take_earlier(&mut self, since: Timestamp, now: Timestamp) -> Result<(usize, News)> {
        let mails = self.store.write(|tx| {
            let mut mails = Vec::new();
            for (mail, whole) in tx.earlier_mails(since, EARLIER, EARLIER_OCTETS)? {
                tx.promote(mail, now)?;
                mails.push((mail, whole, tx.raw(mail)?));
            }
            Ok(mails)
        })?;
        let stowed: Vec<Stowed<'_>> =
            mails.iter().map(|(mail, whole, raw)| Stowed::by_hand(*mail, raw, now, *whole)).collect();
        let news = if stowed.is_empty() { News::default() } else { self.handle(&stowed, now)? };
        Ok((mails.len(), news))
    }

    /// Makes a ticket of the mail of a receipt, by a person's decision; or says why not.
    pub fn take(&mut self, number: i64, now: Timestamp) -> Result<std::result::Result<News, String>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let Some(receipt) = tx.receipt_row(number)? else {
                return Ok(Err(format!("there is no receipt {number}; `disclosed inbox` shows all")));
            };
            let disposition = receipt.disposition;
            let (print, whole, size) = tx.facts(receipt.mail)?;
            if let Some(ticket) = receipt.ticket.filter(|_| disposition != Disposition::Duplicate)
                && let Some(print) = print
                && matches!(tx.part(ticket, print)?, Part::Opened { .. })
            {
                return Ok(Err(format!("it is the report of {} already", project.show(ticket))));
            }
            let raw = match tx.raw(receipt.mail) {
                Ok(raw) if raw.is_empty() && size > 0 => return Ok(Err("its content was erased".into())),
                Err(StoreError::Corrupt(_)) => Vec::new(),
                raw => raw?,
            };
            let earlier = disposition == Disposition::Earlier;
            if earlier {
                // No promise ran on it before.
                tx.promote(receipt.mail, now)?;
            }
            let received = if earlier { now } else { receipt.received };
            let quarantine = (disposition == Disposition::Quarantined).then_some(UNREADABLE);
            let mut work = Work::new(tx, project, key, now)?;
            work.take(&receipt, &Stowed { quarantine, ..Stowed::by_hand(receipt.mail, &raw, received, whole) })?;
            Ok(Ok(work.news))
        })
    }
}
