//! What the loop has in hand: the notices that are with a mail server, and the sessions that rest between two of them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::smtp::{Ended, Ready, Session};
use crate::store::Claim;
use crate::vocabulary::Outcome;

/// How long a session rests. Servers wait longer (RFC 5321 section 4.5.3.2.7 asks for five minutes), and count those that
/// are open.
const REST: Duration = Duration::from_secs(5);

/// How long one login speaks for others. A password that was changed is found out by one of them, and not by all at once,
/// which locks accounts.
const LOGGED_IN: Duration = Duration::from_secs(60);

/// A task that has ended.
pub(super) type Joined = Result<(Id, Ended), JoinError>;

/// A notice that is with a server.
pub(super) struct Sending {
    pub claim: Claim,
    /// By which account: see [`super::outgoing::account`].
    pub account: String,
    pub begun: Timestamp,
    pub task: Id,
}

/// What the loop has in hand.
pub(super) struct Hand {
    pub sending: Vec<Sending>,
    pub tasks: JoinSet<Ended>,
    pub resting: Vec<(Box<Session>, Instant)>,
    /// When a session last carried a mail.
    pub carried: Option<Instant>,
    /// Where sessions that are at the final dot ask for leave.
    pub gates: (mpsc::UnboundedSender<Ready>, mpsc::UnboundedReceiver<Ready>),
    /// How deliveries ended, while the database does not take it.
    pub unsettled: Vec<(Claim, Outcome)>,
}

/// What there is to answer.
pub(super) enum Asked {
    Joined(Joined),
    Ready(Ready),
}

/// What the loop does once sessions have their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It takes what is due next in hand.
    Sends,
    /// It looks at something else first, or stops.
    Rests,
}

impl Default for Hand {
    fn default() -> Self {
        let (sending, resting, unsettled) = (Vec::new(), Vec::new(), Vec::new());
        Self { sending, tasks: JoinSet::new(), resting, carried: None, gates: mpsc::unbounded_channel(), unsettled }
    }
}

impl Hand {
    /// How many more of at most so many may be taken in it. What the process has ended at goes alone.
    pub(super) fn room(&self, most: usize) -> usize {
        let most = if self.carried.is_some_and(|at| at.elapsed() < LOGGED_IN) { most } else { 1 };
        if self.sending.iter().any(|s| s.claim.begun > 1) { 0 } else { most.saturating_sub(self.sending.len()) }
    }

    /// The numbers of the notices in it.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.sending.iter().map(|s| s.claim.number).collect()
    }

    /// The next thing that a session asks, or that it has ended. For ever, if nothing is with a server. Sessions that have
    /// rested are ended meanwhile: there are servers that let nobody else in before.
    pub(super) async fn next(&mut self) -> Asked {
        loop {
            let rest = self.let_go(REST);
            tokio::select! {
                biased;
                Some(ready) = self.gates.1.recv() => return Asked::Ready(ready),
                Some(joined) = self.tasks.join_next_with_id() => return Asked::Joined(joined),
                () = tokio::time::sleep(rest.unwrap_or(Duration::MAX)) => {}
            }
        }
    }

    /// All that has ended, and all that asks by now.
    pub(super) fn drain(&mut self, first: Option<Asked>) -> (Vec<Joined>, Vec<Ready>) {
        let (mut joined, mut ready) = (Vec::new(), Vec::new());
        match first {
            Some(Asked::Joined(first)) => joined.push(first),
            Some(Asked::Ready(first)) => ready.push(first),
            None => {}
        }
        joined.extend(std::iter::from_fn(|| self.tasks.try_join_next_with_id()));
        ready.extend(std::iter::from_fn(|| self.gates.1.try_recv().ok()));
        (joined, ready)
    }

    /// A session that rests, the one that did so last.
    pub(super) fn rested(&mut self) -> Option<Box<Session>> {
        self.let_go(REST);
        self.resting.pop().map(|(session, _)| session)
    }

    /// Ends sessions that have rested for so long. How long until the next one has.
    pub(super) fn let_go(&mut self, rest: Duration) -> Option<Duration> {
        let ends = self.resting.extract_if(.., |(_, since)| since.elapsed() >= rest);
        ends.for_each(|(session, _)| session.leave());
        self.resting.first().map(|(_, since)| rest.saturating_sub(since.elapsed()))
    }
}
