//! The way out, as the loop knows it: whether it is closed, and which envelope sender it is tried with.

use jiff::{SignedDuration, Timestamp};

use crate::vocabulary::{Outcome, Said};

/// The way out. What it knows is forgotten with the process and with the config; what must not be is in the store.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Nothing is sent before, and how often in a row it was found closed.
    closed: Option<(Timestamp, u32)>,
    /// What the server said against a tagged sender: the next notice is tried with the plain one.
    suspect: Option<Said>,
}

/// What the outcome of a delivery says of the sender that it was tried with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Nothing.
    NoMatter,
    /// A tagged one may be what is refused: the notice is tried again at once, with the plain one.
    Suspect,
    /// The plain one was taken, where a tagged one was refused in these words.
    OnlyPlain(Said),
}

impl Way {
    /// When the next mail may leave, if that is ahead.
    pub(super) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.closed.map(|(until, _)| until).filter(|until| *until > now)
    }

    /// Whether the next mail is tried with the plain sender.
    pub(super) fn tries_plain(&self) -> bool {
        self.suspect.is_some()
    }

    /// Takes note of how a delivery ended that was tried with a tagged sender, or with the plain one. A refusal that may
    /// be about the sender is followed by one try with the plain one; what that comes to says whether it was.
    pub(super) fn judge_sender(&mut self, outcome: &Outcome, tagged: bool) -> Sender {
        if tagged && outcome.may_be_the_senders() {
            self.suspect = Some(outcome.said().clone());
            return Sender::Suspect;
        }
        if outcome.may_be_the_senders() {
            self.suspect = None;
        } else if matches!(outcome, Outcome::Sent(_)) {
            return self.suspect.take().map_or(Sender::NoMatter, Sender::OnlyPlain);
        }
        Sender::NoMatter
    }

    /// Takes note of how a delivery ended.
    pub(super) fn ended(&mut self, outcome: &Outcome, now: Timestamp) {
        self.closed = match outcome {
            Outcome::Closed(_) => {
                let tries = self.closed.map_or(0, |(_, n)| n) + 1;
                let minutes = i64::from(1_u32 << tries.min(4)).min(15);
                Some((now.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(now), tries))
            }
            Outcome::Sent(_) | Outcome::Refused(_) | Outcome::Deferred(_) | Outcome::Unknown(_) => None,
        };
    }
}
