//! Between the moment at which a notice is picked and the final dot it is in a session, and nothing is in doubt: what ends
//! there costs a try, and what changes there does not leave.

use disclosed::testing::command;
use disclosed::testing::store::{Claim, Mark, Store};
use disclosed::testing::ticket::Seat;
use disclosed::testing::tracker::{Erasure, News, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeKind, NoticeState, Outcome, TicketId};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::world::{self, Letter, Proof};

const REPORTER: &str = "reporter@researcher.example";

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

fn minutes(n: i64) -> Timestamp {
    now() + SignedDuration::from_mins(n)
}

/// A database on disk, whose process can end.
struct Desk {
    folder: tempfile::TempDir,
    config: String,
    tracker: Tracker,
}

impl Desk {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tracker = open(&folder, config, now());
        Self { folder, config: config.to_owned(), tracker }
    }

    /// The process ends at this moment, and another starts.
    fn restart(&mut self, at: Timestamp) {
        self.tracker = open(&self.folder, &self.config, at);
        self.tracker.recover(at).unwrap();
    }

    fn arrive(&mut self, letter: &Letter) -> News {
        let arrival = world::found(&mut self.tracker, letter.bytes());
        self.tracker.on_mail(&[arrival], now()).unwrap()
    }

    fn report(&mut self, n: u32) -> News {
        self.arrive(&Letter {
            from: Some(REPORTER.to_owned()),
            proof: Proof::Vouched,
            id: format!("<{n}@researcher.example>"),
            date: now(),
            headers: vec![format!("Subject: Overflow {n}")],
            body: format!("Overflow {n}.\n"),
            ..Letter::default()
        })
    }

    fn pick(&mut self, at: Timestamp) -> Option<Claim> {
        self.tracker.pick(at, &[]).unwrap().1
    }

    /// Sends what waits, up to the first notice of a kind: that is in hand now. Gives all others.
    fn up_to(&mut self, kind: NoticeKind) -> (Claim, Vec<Claim>) {
        let mut sent = Vec::new();
        loop {
            let claim = self.pick(now()).expect("one of this kind waits");
            if claim.kind == kind {
                return (claim, sent);
            }
            assert!(self.tracker.offer(&claim, now()).unwrap().is_some());
            self.tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), now()).unwrap();
            sent.push(claim);
        }
    }

    fn state(&mut self, claim: &Claim) -> (NoticeState, u32) {
        let row = self.tracker.store().read(|tx| tx.notices(claim.number)).unwrap().remove(0);
        (row.state, row.tries)
    }
}

fn open(folder: &tempfile::TempDir, config: &str, at: Timestamp) -> Tracker {
    let store = Store::open(&folder.path().join("d.db")).unwrap();
    Tracker::new(store, world::config(config).project(), world::key(), None, at).unwrap()
}

#[test]
fn a_process_that_ends_before_the_offer_leaves_no_doubt_and_one_that_ends_after_it_does() {
    let mut desk = Desk::new("");
    desk.report(1);
    let first = desk.pick(now()).unwrap();
    desk.restart(now());
    let again = desk.pick(now()).unwrap();
    assert_eq!((again.number, again.tries, again.doubts), (first.number, 1, 0));
    assert!(desk.tracker.offer(&again, now()).unwrap().is_some());
    assert_eq!(desk.state(&again), (NoticeState::Sending, 1));
    desk.restart(now());
    assert_eq!(desk.state(&again), (NoticeState::Waiting, 1));
    let third = std::iter::from_fn(|| desk.pick(minutes(2))).find(|c| c.number == first.number).unwrap();
    assert_eq!((third.tries, third.doubts), (2, 1));
    assert!(desk.tracker.offer(&third, minutes(2)).unwrap().is_some());
    desk.restart(minutes(2));
    assert_eq!(desk.state(&third), (NoticeState::Unknown, 2), "never a third time (G3)");
}

/// What happens while a session with the acknowledgement to the first reporter stands before its dot.
fn in_an_open_session(config: &str, change: impl FnOnce(&mut Desk, &[Claim])) -> (Desk, Claim, bool) {
    let mut desk = Desk::new(config);
    desk.report(1);
    let (claim, sent) = desk.up_to(NoticeKind::Acknowledgement);
    change(&mut desk, &sent);
    let leaves = desk.tracker.offer(&claim, now()).unwrap().is_some();
    (desk, claim, leaves)
}

#[test]
fn what_is_as_it_was_picked_leaves() {
    let (mut desk, claim, leaves) = in_an_open_session("", |_, _| {});
    assert!(leaves);
    assert_eq!(desk.state(&claim), (NoticeState::Sending, 1));
    assert!(desk.tracker.offer(&claim, now()).unwrap().is_none(), "one offer, one dot");
}

#[test]
fn what_is_erased_in_an_open_session_does_not_leave() {
    let (mut desk, claim, leaves) = in_an_open_session("", |desk, _| {
        desk.tracker.order(TicketId(1), command::split("/spam"), Seat::default(), now()).unwrap();
        let erased = desk.tracker.erase(TicketId(1), Seat::default(), now()).unwrap();
        assert!(matches!(erased, Some(Erasure::Done { .. })), "{erased:?}");
    });
    assert!(!leaves);
    // Nor does what the server said of it, however it ended, bring it back.
    for outcome in [Outcome::Deferred("451 for the reporter".into()), Outcome::Sent("250".into())] {
        desk.tracker.delivered(&claim, &outcome, now()).unwrap();
        assert_eq!(desk.state(&claim).0, NoticeState::Refused);
    }
}

/// The acknowledgement is for the first reporter; by the code somebody else became it.
#[test]
fn what_a_confirmed_command_dropped_in_an_open_session_does_not_leave() {
    let (mut desk, claim, leaves) = in_an_open_session("[commands]\nconfirm = [\"reporter\"]\n", |desk, sent| {
        let dana = sent.iter().find(|c| c.to.as_str() == "dana@example.org").unwrap();
        let answer = |desk: &mut Desk, notice: &[u8], text: &str, id: &str| {
            desk.arrive(&world::answer("dana@example.org", notice, text, id, now()))
        };
        answer(desk, &dana.bytes, "/reporter other@elsewhere.example\n", "<1@example.org>");
        let asked = desk.pick(now()).unwrap();
        let code = world::code(&asked.bytes).expect("a code");
        answer(desk, &asked.bytes, &format!("/confirm {code}\n"), "<2@example.org>");
        let ticket = desk.tracker.store().read(|tx| tx.ticket(TicketId(1))).unwrap().unwrap();
        assert_eq!(ticket.reporter, Address::parse("other@elsewhere.example"));
    });
    assert!(!leaves);
    assert_eq!(desk.state(&claim).0, NoticeState::Refused);
}

#[test]
fn what_the_breaker_holds_in_an_open_session_waits() {
    let (mut desk, claim, leaves) = in_an_open_session("[limits]\nbreaker_per_hour = 2\n", |desk, _| {
        (2..6).for_each(|n| drop(desk.report(n)));
        assert!(desk.tracker.store().read(|tx| tx.breaker()).unwrap().is_some());
    });
    assert!(!leaves);
    assert_eq!(desk.state(&claim), (NoticeState::Waiting, 0), "it waits, and was not tried");
    desk.tracker.release().unwrap();
    let again = std::iter::from_fn(|| desk.tracker.claim(now()).unwrap()).find(|c| c.number == claim.number);
    assert_eq!(again.map(|c| c.bytes), Some(claim.bytes));
}

/// A sign of an older backup may come by any mail, also while others leave.
#[test]
fn what_a_hold_stops_in_an_open_session_waits() {
    let (mut desk, claim, leaves) = in_an_open_session("", |desk, _| {
        let above = Mark { notice: 100, ticket: 10 };
        desk.tracker.store().write(|tx| tx.enter_hold("the mark is above it", above, now())).unwrap();
    });
    assert!(!leaves);
    assert_eq!(desk.state(&claim), (NoticeState::Waiting, 0), "it waits, and was not tried");
    assert_eq!(desk.pick(now()).map(|c| c.kind), None, "nothing but what tells of the hold leaves");
    desk.tracker.end_hold(&[]).unwrap();
    let again = std::iter::from_fn(|| desk.tracker.claim(now()).unwrap()).find(|c| c.number == claim.number);
    assert_eq!(again.map(|c| c.bytes), Some(claim.bytes));
}

#[test]
fn other_bytes_than_those_in_hand_do_not_leave() {
    let (_, _, leaves) = in_an_open_session("", |desk, _| {
        let other = Connection::open(desk.folder.path().join("d.db")).unwrap();
        other.execute("UPDATE letter SET bytes = CAST(bytes || x'0d0a' AS BLOB)", []).unwrap();
    });
    assert!(!leaves);
}

/// A notice at which the program ends: first it is tried again at once, then when others have gone, then it is put aside.
#[test]
fn a_notice_that_ends_the_program_does_not_block_all_behind_it() {
    let mut desk = Desk::new("");
    desk.report(1);
    let poison = desk.pick(now()).unwrap();
    let (mut at, mut ends, mut others) = (now(), 1, 0);
    let told = loop {
        desk.restart(at);
        let (news, picked) = desk.tracker.pick(at, &[]).unwrap();
        if !news.entries.is_empty() {
            break news;
        }
        match picked {
            Some(claim) if claim.number == poison.number => {
                assert_eq!(claim.doubts, 0, "nothing was offered");
                ends += 1;
            }
            Some(claim) => {
                assert!(ends >= 3, "the process may have been ended by anything");
                assert!(desk.tracker.offer(&claim, at).unwrap().is_some());
                desk.tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), at).unwrap();
                others += 1;
            }
            None => at += SignedDuration::from_mins(10),
        }
        assert!(at < minutes(24 * 60), "it is never put aside");
    };
    assert!(ends >= 3 && others > 0, "{ends} {others}");
    assert_eq!(desk.state(&poison).0, NoticeState::Refused);
    let kinds: Vec<_> = told.notices.iter().map(|p| p.notice.kind()).collect();
    assert!(kinds.contains(&NoticeKind::Undeliverable), "{kinds:?}");
}
