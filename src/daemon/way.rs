//! The way out, as the loop knows it: whether it is closed, and which envelope sender it is tried with.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::smtp::Habit;
use crate::vocabulary::{Outcome, Said};

/// The longest pause.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// The longest pause after mails that were not accepted one after the other, though nothing says that the way is closed.
const LONGEST_DOUBT: SignedDuration = SignedDuration::from_mins(4);
/// Mails in a row that are not accepted, from which on there is a pause: they may be those that are not for this world, or
/// the way is closed and does not say so.
const MISSES: u32 = 3;
/// The first pauses in seconds after a server could not be reached. There are several, since each of the processes of a
/// server that was started anew may fail once.
const SOON: [i64; 4] = [5, 5, 10, 20];
/// The first pause between two mails where a server wants them more slowly.
const PACE: SignedDuration = SignedDuration::from_secs(30);

/// The way out. What it knows is forgotten with the process and with the config; what must not be is in the store.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// Nothing is sent before.
    until: Option<Timestamp>,
    /// How often in a row it was found closed.
    failures: u32,
    /// How many mails in a row were not accepted, though it is open.
    misses: u32,
    /// How long to wait between two mails: it doubles each time that the server wants less, and halves with each mail that
    /// it takes.
    pace: SignedDuration,
    /// What the server said against the tagged sender of a notice: it is tried again with the plain one.
    suspect: Option<(u32, Said)>,
    habit: Arc<Habit>,
    /// A mail was accepted, and nothing went wrong since.
    well: bool,
    /// When a mail last found it closed, or was not accepted.
    troubled: Option<Timestamp>,
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
    /// When the next mail may leave, if that is ahead. What is ahead further than any pause was put there by a clock that
    /// was wrong then.
    pub(super) fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now && until.duration_since(now) <= LONGEST)
    }

    /// How many mails may be on their way: one finds out how things stand, as long as that is not known.
    pub(super) fn width(&self, most: usize) -> usize {
        if self.well && self.suspect.is_none() { most } else { 1 }
    }

    /// Whether the next mail is tried with the plain sender.
    pub(super) fn tries_plain(&self) -> bool {
        self.suspect.is_some()
    }

    /// Takes note of how a delivery ended that was tried with a tagged sender, or with the plain one. A refusal that may
    /// be about the sender is followed by one try with the plain one; what that comes to says whether it was.
    /// Another notice that is taken proves nothing of that: then the first is tried as it was.
    pub(super) fn judge_sender(&mut self, outcome: &Outcome, notice: u32, tagged: bool) -> Sender {
        if tagged && outcome.may_be_the_senders() {
            self.suspect = Some((notice, outcome.said().clone()));
            return Sender::Suspect;
        }
        if outcome.may_be_the_senders() {
            self.suspect = None;
        } else if matches!(outcome, Outcome::Sent(_)) {
            let proven = self.suspect.take().filter(|(suspected, _)| *suspected == notice && !tagged);
            return proven.map_or(Sender::NoMatter, |(_, said)| Sender::OnlyPlain(said));
        }
        Sender::NoMatter
    }

    /// How the server is logged in to.
    pub(super) fn habit(&self) -> Arc<Habit> {
        Arc::clone(&self.habit)
    }

    /// Takes note of how a delivery ended that began then. What began before the last trouble is part of it: it neither
    /// doubles a pause nor ends one.
    pub(super) fn ended(&mut self, outcome: &Outcome, begun: Timestamp, now: Timestamp) {
        if self.troubled.is_some_and(|troubled| begun < troubled && troubled <= now) {
            return;
        }
        self.well = matches!(outcome, Outcome::Sent(_) | Outcome::Refused(_)) && self.pace <= PACE / 8;
        if !matches!(outcome, Outcome::Sent(_) | Outcome::Refused(_)) {
            self.troubled = Some(now);
        }
        let pause = match outcome {
            Outcome::Sent(_) => {
                (self.failures, self.misses) = (0, 0);
                self.pace = if self.pace > PACE / 8 { self.pace / 2 } else { SignedDuration::ZERO };
                self.pace
            }
            // It was open for as long as to say that.
            Outcome::Refused(_) => {
                (self.failures, self.misses) = (0, 0);
                self.pace
            }
            Outcome::Deferred(_) | Outcome::Unclear(_) | Outcome::Unknown(_) => {
                (self.failures, self.misses) = (0, self.misses + 1);
                self.pace.max(doubling(self.misses.saturating_sub(MISSES - 1)).min(LONGEST_DOUBT))
            }
            Outcome::Closed(_) => {
                self.failures += 1;
                self.pace.max(doubling(self.failures))
            }
            // Most such servers are back at once: they were started anew.
            Outcome::Away(_) => {
                let soon = usize::try_from(self.failures).ok().and_then(|times| SOON.get(times).copied());
                let soon = soon.map(SignedDuration::from_secs);
                self.failures += 1;
                self.pace.max(soon.unwrap_or_else(|| doubling(self.failures.saturating_sub(4))))
            }
            Outcome::Slower(_) => {
                self.pace = (self.pace * 2).clamp(PACE, LONGEST);
                self.pace
            }
        };
        self.until = Some(pause).filter(|p| p.is_positive()).and_then(|p| now.checked_add(p).ok());
    }
}

/// Minutes: none, then 1, 2, 4, 8 and 15.
fn doubling(times: u32) -> SignedDuration {
    let minutes = times.checked_sub(1).map_or(0, |n| 1_i64 << n.min(4));
    SignedDuration::from_mins(minutes).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Stage;

    fn now() -> Timestamp {
        "2027-01-04T10:00:00Z".parse().unwrap()
    }

    /// The pauses in seconds after deliveries that end so, one after the other.
    fn pauses(outcomes: &[Outcome]) -> Vec<i64> {
        let mut way = Way::default();
        let pause = |outcome: &Outcome| {
            way.ended(outcome, now(), now());
            way.closed_until(now()).map_or(0, |until| until.duration_since(now()).as_secs())
        };
        outcomes.iter().map(pause).collect()
    }

    #[test]
    fn a_closed_way_is_asked_less_and_less_and_opens_at_once() {
        for (closed, expect) in [
            (Outcome::Closed("535".into()), [60, 120, 240, 480, 900, 900, 0]),
            (Outcome::Away("nobody there".into()), [5, 5, 10, 20, 60, 120, 0]),
        ] {
            let mut all = vec![closed; 6];
            all.push(Outcome::Sent("250".into()));
            assert_eq!(pauses(&all), expect);
        }
    }

    #[test]
    fn a_throttled_way_slows_down_and_finds_its_pace_again() {
        let (slower, sent) = (Outcome::Slower("421".into()), Outcome::Sent("250".into()));
        let mut all = vec![slower; 3];
        all.extend(vec![sent; 7]);
        assert_eq!(pauses(&all), [30, 60, 120, 60, 30, 15, 7, 3, 0, 0]);
        assert_eq!(pauses(&vec![Outcome::Slower("421".into()); 20]).last(), Some(&900));
    }

    #[test]
    fn one_mail_that_is_not_accepted_holds_up_no_other() {
        let later = || Outcome::Deferred("450".into());
        assert_eq!(pauses(&[later(), later(), Outcome::Refused("550".into()), later(), later()]), [0; 5]);
        assert_eq!(pauses(&vec![Outcome::Unclear("550".into()); 7]), [0, 0, 60, 120, 240, 240, 240]);
    }

    #[test]
    fn one_mail_finds_out_how_things_stand() {
        let mut way = Way::default();
        assert_eq!(way.width(4), 1, "nothing is known yet");
        for (outcome, expect) in [
            (Outcome::Sent("250".into()), 4),
            (Outcome::Refused("550".into()), 4),
            (Outcome::Deferred("450".into()), 1),
            (Outcome::Sent("250".into()), 4),
            (Outcome::Unknown("lost".into()), 1),
            (Outcome::Sent("250".into()), 4),
            (Outcome::Slower("421".into()), 1),
            (Outcome::Sent("250".into()), 1),
        ] {
            way.ended(&outcome, now(), now());
            assert_eq!(way.width(4), expect, "{outcome:?}");
        }
        let mut way = Way::default();
        way.ended(&Outcome::Sent("250".into()), now(), now());
        way.judge_sender(&Outcome::Closed(Said::at(Stage::Rcpt, "553 not owned".into())), 7, true);
        assert_eq!(way.width(4), 1, "the plain sender is tried alone");
    }

    /// Four that were under way together, and meet one trouble, are no four troubles; nor does one of them end it.
    #[test]
    fn what_began_before_the_trouble_is_part_of_it() {
        let mut way = Way::default();
        let later = |seconds| now() + SignedDuration::from_secs(seconds);
        for seconds in 1..5 {
            way.ended(&Outcome::Closed("535".into()), now(), later(seconds));
        }
        way.ended(&Outcome::Sent("250".into()), now(), later(5));
        assert_eq!(way.closed_until(later(5)), Some(later(61)));
        way.ended(&Outcome::Closed("535".into()), later(61), later(62));
        assert_eq!(way.closed_until(later(62)), Some(later(62 + 120)));
    }

    #[test]
    fn a_clock_that_was_ahead_closes_nothing() {
        let mut way = Way::default();
        let ahead = now() + SignedDuration::from_hours(3);
        way.ended(&Outcome::Closed("535".into()), ahead, ahead);
        assert_eq!(way.closed_until(now()), None);
        way.ended(&Outcome::Sent("250".into()), now(), now());
        assert_eq!(way.width(4), 4);
    }

    #[test]
    fn the_plain_sender_is_tried_once() {
        let said = Said::at(Stage::Rcpt, "553 not owned".into());
        let refused = Outcome::Closed(said.clone());
        let mut way = Way::default();
        assert_eq!(way.judge_sender(&Outcome::Deferred("450".into()), 7, true), Sender::NoMatter);
        assert_eq!(way.judge_sender(&refused, 7, true), Sender::Suspect);
        assert!(way.tries_plain());
        // What is not about the sender proves nothing of it.
        assert_eq!(way.judge_sender(&Outcome::Deferred("450".into()), 7, false), Sender::NoMatter);
        assert!(way.tries_plain());
        assert_eq!(way.judge_sender(&Outcome::Sent("250".into()), 7, false), Sender::OnlyPlain(said));
        assert!(!way.tries_plain());
        // Neither a tagged one that is taken proves it, nor the plain one of another notice.
        for (notice, tagged) in [(7, true), (8, true), (8, false)] {
            assert_eq!(way.judge_sender(&refused, 7, true), Sender::Suspect);
            assert_eq!(way.judge_sender(&Outcome::Sent("250".into()), notice, tagged), Sender::NoMatter);
            assert!(!way.tries_plain());
        }
        assert_eq!(way.judge_sender(&refused, 7, true), Sender::Suspect);
        assert_eq!(way.judge_sender(&refused, 7, false), Sender::NoMatter, "both are refused: it is not the tag");
        assert!(!way.tries_plain());
    }
}
