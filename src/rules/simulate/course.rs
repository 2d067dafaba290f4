//! The course of one clock in a play.

use jiff::Timestamp;

use crate::policy::{Audience, Milestone, RungAt, Term};
use crate::ticket::clock::{Clock, ClockState};

/// The course of one clock. A promise that recurs has one for each round.
#[derive(Clone, Debug)]
pub struct Course {
    /// The name of the promise.
    pub promise: String,
    /// The milestone that keeps it.
    pub until: Milestone,
    /// When it started.
    pub starts: Timestamp,
    /// Its deadline at the end of the play.
    pub deadline: Timestamp,
    /// Earlier deadlines, each with the instant at which it was replaced.
    pub moved: Vec<(Timestamp, Timestamp)>,
    /// What became of it.
    pub state: ClockState,
    /// When it was kept, late or not, or made no sense any more.
    pub over: Option<Timestamp>,
    /// Whether what was promised was done, in time or not.
    pub done: bool,
    /// What was said, in order.
    pub words: Vec<Word>,
}

/// A rung that spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// When.
    pub at: Timestamp,
    /// Where the ladder puts it; another instant when that is in quiet time.
    pub nominal: Timestamp,
    /// The place of the rung in the ladder.
    pub rung: RungAt,
    /// Which round of it, from 0.
    pub round: u32,
    /// To whom, as the config says.
    pub to: Audience,
    /// All whom it speaks to: also those of lower rungs that fall on the same instant. Nearest to the ticket first.
    pub audiences: Vec<Audience>,
    /// The names of those people; nobody for the reporter.
    pub people: Vec<String>,
    /// True before the deadline.
    pub warns: bool,
    /// The last of its kind that is told: it goes on at this distance.
    pub and_so_on: Option<Term>,
}

impl Course {
    pub(super) fn new(clock: &Clock<'_>) -> Self {
        Self {
            promise: clock.promise.name.clone(),
            until: clock.promise.until,
            starts: clock.starts,
            deadline: clock.deadline,
            moved: Vec::new(),
            state: clock.state,
            over: None,
            done: false,
            words: Vec::new(),
        }
    }

    pub(super) fn see(&mut self, clock: &Clock<'_>, now: Timestamp) {
        // A paused deadline moves with each look; where it went is known when the clock runs again.
        if clock.state != ClockState::Paused && clock.deadline != self.deadline {
            self.moved.push((now, self.deadline));
            self.deadline = clock.deadline;
        }
        self.state = clock.state;
        let over = !clock.live && clock.state != ClockState::Paused;
        self.over = self.over.or(over.then_some(now)).filter(|_| over);
    }
}
