//! Erasing what is held about people.

use super::Tracker;
use super::news::News;
use super::work::Work;
use crate::policy::Milestone;
use crate::rules::decide;
use crate::rules::event::Event;
use crate::store::{Erasable, ErasableMail, Result};
use crate::ticket::Seat;
use crate::vocabulary::{Address, TicketId};
use jiff::Timestamp;

/// What became of erasing a ticket.
#[derive(Debug)]
pub enum Erasure {
    /// Nothing was done, and why.
    Refused(String),
    /// It is done.
    Done {
        /// What there was to erase.
        erased: Erasable,
        /// What the team is told.
        news: News,
        /// Whether the files hold no byte of it any more; else why they may: an old copy in a gap of the database.
        scrubbed: std::result::Result<(), String>,
    },
}

impl Tracker {
    /// Erases what is held about people in a closed ticket: see `Tx::erase`. `None`: there is no such ticket.
    pub fn erase(&mut self, id: TicketId, seat: Seat, now: Timestamp) -> Result<Option<Erasure>> {
        let (project, key) = (&self.project, &self.key);
        let done = self.store.write_over(|tx| {
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            if let Some(why) = decide::not_erasable(&ticket, project, now) {
                return Ok(Some(Err(why)));
            }
            if tx.is_sending(id)? {
                return Ok(Some(Err("a mail about it is being sent this moment; try again in a minute".into())));
            }
            let rest = tx.erasable(id)?;
            if ticket.milestones.contains_key(&Milestone::Erased) && rest.mails.is_empty() && rest.texts == 0 {
                // What tells of the erasing may still wait to leave.
                return Ok(Some(Ok((Erasable::default(), News::default()))));
            }
            let erased = tx.erase(id, project)?;
            // As it is now: nothing of what was erased can come into what the team is told.
            let Some(ticket) = tx.ticket(id)? else { return Ok(None) };
            let mut work = Work::new(tx, project, key, now)?;
            tx.project(&ticket, project)?;
            work.carry_out(&ticket, decide::decide(&ticket, &Event::Erased(seat), project, key, now))?;
            tx.forget_addresses()?;
            tx.forget_unreached()?;
            Ok(Some(Ok((erased, work.news))))
        })?;
        Ok(match done {
            None => None,
            Some(Err(why)) => Some(Erasure::Refused(why)),
            Some(Ok((erased, news))) => {
                let scrubbed = self.scrub();
                Some(Erasure::Done { erased, news, scrubbed })
            }
        })
    }

    /// Erases the mails of an address that belong to no ticket, such as reports of programs: see
    /// `Tx::erase_loose_mails`. Says which, and as [`Erasure::Done`] whether the files hold no byte of them any more.
    pub fn erase_loose_mails(&mut self, of: &Address) -> Result<(Vec<ErasableMail>, std::result::Result<(), String>)> {
        let mails = self.store.write_over(|tx| {
            let mails = tx.erase_loose_mails(of)?;
            tx.forget_addresses()?;
            tx.forget_unreached()?;
            Ok(mails)
        })?;
        Ok((mails, self.scrub()))
    }

    fn scrub(&mut self) -> std::result::Result<(), String> {
        match self.store.scrub() {
            Ok(true) => Ok(()),
            Ok(false) => Err("another process still reads the database".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}
