//! How long the watch waits after a failure.

use std::time::Duration;

/// The first pause after a failure; it doubles up to the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// After a session that ended at one mail: the others come next, and must not wait for what that mail did.
const AT_MAIL: Duration = Duration::from_secs(1);
/// Sessions in a row that ended at a mail and brought nothing, after which it is the server and not the mails.
const IN_A_ROW: u32 = 20;

/// What the watch remembers of its failures from one session to the next.
pub(super) struct Pauses {
    /// Whether anything was taken in since the last failure.
    progress: bool,
    /// Whether the last failure was at one mail.
    at_mail: bool,
    /// How many such failures there were since anything was taken in.
    in_a_row: u32,
    /// The pause after the next failure that was not at a mail.
    next: Duration,
    /// How often mails were compared since that last came to an end.
    compared: u32,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { progress: false, at_mail: false, in_a_row: 0, next: FIRST, compared: 0 }
    }
}

impl Pauses {
    /// Something was taken in.
    pub(super) fn progress(&mut self) {
        (self.progress, self.in_a_row) = (true, 0);
    }

    /// The session ends while one mail is asked for.
    pub(super) fn at_mail(&mut self) {
        self.at_mail = true;
        self.in_a_row += 1;
    }

    /// Whether to look again at mails that were taken in. A server that ends the session at that is not to end them all.
    pub(super) fn may_compare(&mut self) -> bool {
        self.compared += 1;
        !self.compared.is_multiple_of(3)
    }

    /// That look came to its end.
    pub(super) fn compared(&mut self) {
        self.compared = 0;
    }

    /// How long to wait after a failure: twice as long as the last time, unless something was taken in since.
    pub(super) fn after_failure(&mut self) -> Duration {
        if std::mem::take(&mut self.at_mail) && self.in_a_row <= IN_A_ROW {
            return AT_MAIL;
        }
        let pause = if std::mem::take(&mut self.progress) { FIRST } else { self.next };
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_something_comes_in() {
        let mut pauses = Pauses::default();
        let all: Vec<u64> = (0..10).map(|_| pauses.after_failure().as_secs()).collect();
        assert_eq!(all, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        pauses.progress();
        assert_eq!([2, 4].map(Duration::from_secs), [(); 2].map(|()| pauses.after_failure()));
    }

    #[test]
    fn a_mail_that_ends_the_session_holds_up_nothing_and_a_server_that_ends_all_is_left_in_peace() {
        let mut pauses = Pauses::default();
        pauses.after_failure();
        let mut ends = || {
            pauses.at_mail();
            pauses.after_failure()
        };
        assert_eq!((0..IN_A_ROW).map(|_| ends()).max(), Some(AT_MAIL));
        assert_eq!([ends(), ends()], [4, 8].map(Duration::from_secs));
    }
}
