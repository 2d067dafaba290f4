//! Notices that leave, side by side. A notice is picked, a task says all but its final dot over a session, and asks for
//! leave. What asks and what has ended meanwhile is answered by one commit, without waiting for more, and what is due next is
//! picked by it: [`crate::tracker::Tracker::turn`].

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::hand::{Asked, Joined, Sending, Then};
use super::{Daemon, outgoing, way};
use crate::smtp::{Keeper, Ready};
use crate::store::Claim;
use crate::tracker::{Turn, Turned};
use crate::vocabulary::Outcome;

impl Daemon {
    /// Sends what is due: into a Maildir at once, to a server side by side.
    pub(super) fn send(&mut self, now: Timestamp) -> Result<()> {
        let outgoing::Way::Maildir(path) = outgoing::prepare(&self.config) else { return self.turn(None, Then::Sends) };
        let path = path.to_owned();
        while self.room(now) > 0 {
            let (news, picked) = self.tracker.pick(now, &[])?;
            self.log(news);
            let Some(claim) = picked else { break };
            if self.tracker.offer(&claim, now)?.is_some() {
                let outcome = outgoing::into_maildir(&path, &claim, now);
                self.way.ended(&outcome, now, now);
                self.answer(vec![(claim, outcome)], Vec::new(), 0)?;
            }
        }
        Ok(())
    }

    /// Shows a notice to a server, by a task of its own.
    fn begin(&mut self, mut claim: Claim, account: String, plain: bool, now: Timestamp) {
        let outgoing::Way::Smtp(smtp) = outgoing::prepare(&self.config) else { return };
        claim.envelope = claim.envelope.filter(|_| !plain);
        let (from, smtp) = (self.config.mailbox.clone(), smtp.clone());
        let keeper = Keeper::Outbox(self.hand.gates.0.clone(), claim.number);
        let (session, habit, rested) = (claim.clone(), self.way.habit(), self.hand.rested());
        let sends = async move { outgoing::by_smtp(&smtp, &habit, &from, &session, keeper, rested).await };
        let task = self.hand.tasks.spawn(sends).id();
        self.hand.sending.push(Sending { claim, account, begun: now, task });
    }

    /// How many more notices may be taken in hand.
    pub(super) fn room(&self, now: Timestamp) -> usize {
        let most = match outgoing::prepare(&self.config) {
            outgoing::Way::Maildir(_) => 1,
            outgoing::Way::Smtp(smtp) => smtp.connections,
        };
        if self.way.closed_until(now).is_some() { 0 } else { self.hand.room(self.way.width(most)) }
    }

    /// Answers the next thing that a session asks, or settles what the database did not take; false if there is neither.
    pub(super) async fn finish(&mut self) -> Result<bool> {
        if self.hand.sending.is_empty() {
            let left = !self.hand.unsettled.is_empty();
            return self.turn(None, Then::Rests).map(|()| left);
        }
        let asked = self.hand.next().await;
        self.turn(Some(asked), Then::Rests)?;
        Ok(true)
    }

    /// The same until there is nothing. What a server has answered is known to nobody else: a database that does not take
    /// it is tried again, for as long as whoever waits for this has patience.
    pub(super) async fn finish_all(&mut self) {
        loop {
            match self.finish().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!("{error:#}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Answers all that sessions ask by now, and settles what has ended, also what the database did not take before. What is
    /// due next is taken in hand by the same commit, unless the loop rests.
    pub(super) fn turn(&mut self, first: Option<Asked>, then: Then) -> Result<()> {
        let (joined, ready) = self.hand.drain(first);
        let mut ended = std::mem::take(&mut self.hand.unsettled);
        ended.extend(joined.into_iter().filter_map(|joined| self.close(joined)));
        let room = match then {
            Then::Sends if matches!(outgoing::prepare(&self.config), outgoing::Way::Smtp(_)) => self.room(self.now()),
            Then::Sends | Then::Rests => 0,
        };
        if ended.is_empty() && ready.is_empty() && room == 0 { Ok(()) } else { self.answer(ended, ready, room) }
    }

    /// One commit: what has ended is settled, what is at the final dot is offered, and what is due next is taken in hand.
    /// That is on disk before a session gets leave; one that is not ours any more gets none, nor does one whose notice
    /// changed meanwhile.
    fn answer(&mut self, ended: Vec<(Claim, Outcome)>, ready: Vec<Ready>, room: usize) -> Result<()> {
        let now = self.now();
        // The database may have gone since the pass in which they were picked.
        let there = if ready.is_empty() { Ok(()) } else { self.look_at_files(now) };
        let (ready, claims): (Vec<Ready>, Vec<&Claim>) = ready
            .into_iter()
            .filter_map(|r| {
                let claim = self.hand.sending.iter().map(|s| &s.claim).find(|c| c.number == r.notice)?;
                Some((r, claim))
            })
            .unzip();
        let outcomes: Vec<(&Claim, &Outcome)> = ended.iter().map(|(claim, outcome)| (claim, outcome)).collect();
        let turn = Turn { ended: &outcomes, ready: &claims, hand: &self.hand.numbers(), room };
        let account = outgoing::account(&self.config);
        let done = there.and_then(|()| {
            let plain = self.way.tries_plain() || room > 0 && self.tracker.knows_tag_refused(&account, now)?;
            Ok((plain, self.tracker.turn(&turn, now)?))
        });
        let (plain, Turned { news, leaves, picked }) = match done {
            Ok(done) => done,
            Err(error) => {
                // Else a notice that a server took would be sent again, or one that it did not take never would be.
                self.hand.unsettled = ended;
                return Err(error);
            }
        };
        for (Ready { notice, leave }, given) in ready.into_iter().zip(leaves) {
            match given {
                // Where the session is gone, its notice is in doubt as after a crash.
                Some(given) => drop(leave.send(given)),
                None => tracing::info!(notice, "not sent: it was dropped, or is held, since it was picked"),
            }
        }
        ended.iter().for_each(|(claim, outcome)| log(claim, outcome));
        self.log(news);
        picked.into_iter().for_each(|claim| self.begin(claim, account.clone(), plain, now));
        Ok(())
    }

    /// A task has ended: how its delivery did, if there is something to settle.
    fn close(&mut self, joined: Joined) -> Option<(Claim, Outcome)> {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let at = self.hand.sending.iter().position(|s| s.task == id)?;
        let Sending { claim, account, begun, .. } = self.hand.sending.remove(at);
        let (outcome, session) = match joined {
            Ok((_, ended)) => ended,
            Err(error) => {
                // A notice that was offered is doubtful from here on, as after a crash: the next pass says so.
                let how = if error.is_panic() { "a panic" } else { "it was cancelled" };
                tracing::error!("sending ended unexpectedly: {how}");
                return None;
            }
        };
        if session.is_some() {
            self.hand.carried = Some(Instant::now());
        }
        match session {
            Some(session) if account == outgoing::account(&self.config) => {
                self.hand.resting.push((session, Instant::now()));
            }
            // The config was reloaded meanwhile, and names another way.
            Some(session) => session.leave(),
            None => {}
        }
        let Some(outcome) = outcome else {
            // It had no leave, so that nothing was accepted and nothing is in doubt. Where the database does not take that,
            // it is in doubt as after a crash.
            let _ = self.tracker.put_back(&claim, self.now());
            return None;
        };
        match self.way.judge_sender(&outcome, claim.number, claim.envelope.is_some()) {
            // Where the database does not take that, it is settled like any other.
            way::Sender::Suspect => {
                return self.tracker.put_back(&claim, self.now()).err().map(|_| (claim, outcome));
            }
            way::Sender::OnlyPlain(said) => {
                if let Err(error) = self.tracker.note_tag_refused(&account, self.now()) {
                    tracing::error!("{error}");
                }
                let said = said.for_log();
                tracing::warn!("the server refuses tagged envelope senders ({said}); notices leave with the plain one");
            }
            way::Sender::NoMatter => {}
        }
        self.way.ended(&outcome, begun, self.now());
        Some((claim, outcome))
    }
}

fn log(claim: &Claim, outcome: &Outcome) {
    let (number, kind) = (claim.number, claim.kind.word());
    match outcome {
        Outcome::Sent(_) => tracing::info!(notice = number, kind, attempts = claim.tries, "sent"),
        Outcome::Deferred(_) => tracing::warn!(notice = number, kind, attempts = claim.tries, "not sent yet"),
        Outcome::Refused(_) => tracing::warn!(notice = number, kind, "refused for good"),
        Outcome::Unclear(why) => {
            let why = why.for_log();
            tracing::warn!(notice = number, kind, "refused ({why}); how other mail fares will say whether by us");
        }
        Outcome::Unknown(_) => tracing::warn!(notice = number, kind, "the server's answer was lost"),
        Outcome::Away(why) => tracing::warn!(notice = number, "mail cannot be sent now: {}", why.for_log()),
        Outcome::Slower(why) => tracing::warn!(notice = number, "mail is sent more slowly: {}", why.for_log()),
        Outcome::Closed(why) => tracing::error!(notice = number, "mail cannot be sent: {}", why.for_log()),
    }
}
