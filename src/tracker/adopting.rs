//! A policy that changed, in a transaction: what it moves is written down, and told.

use super::work::{Work, desk};
use crate::notice::appointment;
use crate::notice::key::NoticeKey;
use crate::notice::says::Says;
use crate::notice::text::policy::POLICY_LINES;
use crate::store::{Result, StoreError};
use crate::ticket::moved::{self, Moved};
use crate::vocabulary::TicketId;
use std::sync::Arc;

impl Work<'_> {
    /// Derives all projections anew under a policy that changed. Each deadline that moved stands in its timeline, and
    /// the team is told of all of them in one mail.
    pub(super) fn rederive(&mut self, policy: &str) -> Result<()> {
        let (mut late, mut other, mut all) = (Vec::new(), Vec::new(), 0);
        let mut last = TicketId(0);
        while let Some(id) = self.tx.ticket_after(last)? {
            last = id;
            for moved in self.moved(id)? {
                all += 1;
                let list = if moved.is_late(self.now) { &mut late } else { &mut other };
                // There may be a hundred thousand; no more are kept than are told.
                if list.len() < POLICY_LINES {
                    list.push(moved);
                }
            }
        }
        if all > 0 {
            late.append(&mut other);
            late.truncate(POLICY_LINES);
            let events =
                if self.project.calendar { appointment::moved(&late, self.project, self.now) } else { Vec::new() };
            let says = Arc::new(Says::Policy { moved: late, all });
            for person in self.project.team() {
                let (print, at, to) = (policy.to_owned(), self.now, person.address.clone());
                let keys = vec![NoticeKey::Policy { print, at, to }];
                let mut notice = desk(Arc::clone(&says), &person.address, keys);
                if appointment::shows(person) {
                    notice.calendar.clone_from(&events);
                }
                self.post(notice)?;
            }
        }
        self.news.moved += all;
        Ok(())
    }

    /// Remakes the projections of one ticket under a policy that changed, with an entry for each deadline that moved.
    fn moved(&self, id: TicketId) -> Result<Vec<Moved>> {
        let mut ticket = match self.tx.ticket(id) {
            Ok(Some(ticket)) => ticket,
            // One timeline that cannot be read must not keep the daemon from all the others; the tick tells of it.
            Ok(None) | Err(StoreError::Corrupt(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let (moved, entries) = moved::moved(&ticket, self.tx.deadlines(id)?, &self.project.policy, self.now);
        entries.iter().for_each(|e| ticket.apply(e));
        self.tx.append(id, &entries)?;
        self.tx.project(&ticket, self.project)?;
        Ok(moved)
    }
}
