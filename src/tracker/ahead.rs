//! A clock that is behind what the database has seen. Either it is wrong now, or it was when the database was written: a
//! program cannot know which, and a person says so.
//!
//! Meanwhile mail is taken in and answered, and what is due is said: a clock that is behind calls nothing due that is
//! not. What a clock that was ahead did to timelines stays until a person has said that the clock is right: else each
//! swing of it would have the same reminders sent anew.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::tallies::SLOT;
use super::work::Work;
use super::{News, Tracker};
use crate::notice::text::trouble::{Set, Trouble, TroubleKind};
use crate::policy::Policy;
use crate::rules::decide;
use crate::rules::event::Event;
use crate::store::{Memo, Result, Span, Tx, few};
use crate::ticket::clock::{Clock, ClockState, clocks};
use crate::ticket::{Seat, Ticket};
use crate::vocabulary::TicketId;

/// The database may be that far ahead of the clock: machines that share it, and clocks that are set, differ by less.
pub(crate) const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// The latest instant that the database has seen, where the clock is behind it: when the inbox was read last, of the
/// tallies, of the newest notice, or what was found before.
pub(crate) fn ahead(tx: &Tx<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
    // Of a slot it is known when it began.
    let slot = tx.last_slot()?.and_then(|slot| Timestamp::from_second(slot.saturating_mul(SLOT)).ok());
    let seen = [tx.memo(Memo::Ahead)?, tx.memo(Memo::LastScan)?, slot, tx.last_notice()?];
    Ok(seen.into_iter().flatten().max().filter(|seen| seen.duration_since(now) > AHEAD))
}

/// A deadline of an open ticket, after a person said that the clock is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redated {
    /// The ticket.
    pub ticket: TicketId,
    /// The promise.
    pub promise: String,
    /// What it says now.
    pub deadline: Timestamp,
    /// What it said before; `None` where the promise did not run.
    pub before: Option<Timestamp>,
    /// Whether it was broken before.
    pub was_broken: bool,
    /// Whether it is.
    pub is_broken: bool,
    /// Whether reminders that came before their time come again.
    pub again: bool,
}

impl Tracker {
    /// Notes whether its time is given by hand.
    pub fn plays(&mut self, plays: bool) -> Result<()> {
        self.store.write(|tx| match (plays, tx.memo::<String>(Memo::Played)?) {
            (true, None) => tx.set_memo(Memo::Played, "yes"),
            (false, Some(_)) => tx.drop_memo(Memo::Played),
            (true, Some(_)) | (false, None) => Ok(()),
        })
    }

    /// Looks whether the clock is behind what the database has seen. That is told, and stands until the clock has passed
    /// it or a person says that it is right.
    pub fn look_at_clock(&mut self, now: Timestamp, how: Set) -> Result<News> {
        let (found, stands) = self.store.read(|tx| Ok((ahead(tx, now)?, tx.memo::<Timestamp>(Memo::Ahead)?)))?;
        let (project, key) = (&self.project, &self.key);
        match (found, stands) {
            (None, None) => Ok(News::default()),
            (None, Some(_)) => self.store.write(|tx| {
                tx.drop_memo(Memo::Ahead)?;
                tx.end_trouble(TroubleKind::Clock)?;
                Ok(News::default())
            }),
            (Some(ahead), _) => self.store.write(|tx| {
                let mut work = Work::new(tx, project, key, now)?;
                if stands != Some(ahead) {
                    tx.set_memo(Memo::Ahead, ahead)?;
                    // Else they would wait until then.
                    tx.due_now(now)?;
                }
                work.trouble(&Trouble::Clock { now, ahead, how })?;
                Ok(work.news)
            }),
        }
    }

    /// A person says that the clock is right: nothing lies ahead of it any more. Says how far the database was ahead,
    /// `None` where it was not, and what that means for each deadline of an open ticket.
    pub(crate) fn recover_clock(&mut self, seat: &Seat, now: Timestamp) -> Result<Option<(Timestamp, Vec<Redated>)>> {
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let Some(seen) = ahead(tx, now)? else { return Ok(None) };
            let mut work = Work::new(tx, project, key, now)?;
            let mut deadlines = Vec::new();
            let later: BTreeSet<TicketId> = tx.tickets_after(now)?.into_iter().collect();
            let open = few(|each| tx.each_ticket(false, Span::All, |row| each(row.id)))?;
            for id in later.iter().copied().chain(open).collect::<BTreeSet<_>>() {
                let Some(before) = tx.ticket(id)? else { continue };
                let mut after = before.clone();
                if later.contains(&id) {
                    let decision = decide::decide(&before, &Event::ClockSet(seat.clone()), project, key, now);
                    decision.entries.iter().for_each(|e| after.apply(e));
                    work.carry_out(&before, decision)?;
                }
                deadlines.extend(redated(&before, &after, &project.policy, now));
            }
            tx.bring_back(now, now.as_second().div_euclid(SLOT))?;
            tx.end_trouble(TroubleKind::Clock)?;
            // Tickets that were put aside are due when their clocks say so.
            tx.rebuild(project, |_| ())?;
            Ok(Some((seen, deadlines)))
        })
    }
}

/// The clocks that run on a ticket, beside what they were before.
fn redated(before: &Ticket, after: &Ticket, policy: &Policy, now: Timestamp) -> Vec<Redated> {
    let (was, is) = (clocks(before, policy, now), clocks(after, policy, now));
    let is_broken = |c: &Clock<'_>| c.state == ClockState::Broken;
    let one = |clock: Clock<'_>| {
        let was = was.iter().find(|c| c.promise.name == clock.promise.name);
        let key = clock.key();
        let said = |t: &Ticket| {
            let of = t.spoken.iter().filter(|((promise, deadline, _), _)| (promise, deadline) == (&key.0, &key.1));
            of.map(|(_, nominal)| *nominal).max()
        };
        Redated {
            ticket: after.id,
            deadline: clock.deadline,
            before: was.map(|c| c.deadline),
            was_broken: was.is_some_and(is_broken),
            is_broken: is_broken(&clock),
            again: said(before) != said(after),
            promise: key.0.clone(),
        }
    };
    is.into_iter().filter(|clock| clock.live).map(one).collect()
}
