//! The outgoing server, and what happens to sessions with it: notices are picked, offered and settled, some side by side,
//! and between any two of these something may happen.

use disclosed::testing::store::Claim;
use disclosed::testing::tracker::Turn;
use disclosed::testing::vocabulary::{Address, NoticeKind, Outcome};

use super::{Accepted, Sim};
use crate::world;

impl Sim {
    pub(super) fn deliver(&mut self, well: bool) {
        for _ in 0..if well { 2_000 } else { 40 } {
            let Some(hand) = self.take_in_hand() else { continue };
            if hand.is_empty() || self.finds_closed(hand, well) {
                return;
            }
        }
    }

    /// Some notices that go out side by side. `None` where the process died over it.
    fn take_in_hand(&mut self) -> Option<Vec<Claim>> {
        let room = if self.random.percent(60) { 1 } else { 1 + self.random.below(4) as usize };
        let now = self.now;
        let done = self.with(|t| t.turn(&Turn { room, ..Turn::default() }, now))?;
        self.check_news(&done.news);
        for (at, claim) in done.picked.iter().enumerate() {
            let before = &done.picked[..at];
            assert!(before.iter().all(|c| c.number != claim.number), "G4: a notice is twice in hand");
            let beside = before.iter().any(|c| c.to == claim.to && c.ticket == claim.ticket);
            assert!(!beside, "two notices to one person about one ticket");
        }
        Some(done.picked)
    }

    /// What becomes of notices in hand. True when the way out is closed.
    fn finds_closed(&mut self, hand: Vec<Claim>, well: bool) -> bool {
        let now = self.now;
        let (mut ended, mut ready) = (Vec::new(), Vec::new());
        for claim in hand {
            let before = match (self.away, well) {
                (true, _) => 88,
                (false, true) => 0,
                (false, false) => self.random.below(100),
            };
            let outcome = match before {
                0..80 => {
                    ready.push(claim);
                    continue;
                }
                80..85 => Outcome::Deferred("450 4.2.1 busy".into()),
                85..87 => Outcome::Refused("550 5.1.1 no such user".into()),
                87 => Outcome::Unclear("550 5.7.1 no".into()),
                88 => Outcome::Away("connection refused".into()),
                89 => Outcome::Closed("535 5.7.8 no".into()),
                90..93 => {
                    let life = self.lives;
                    self.with(|t| t.put_back(&claim, now));
                    if self.lives != life {
                        return false;
                    }
                    continue;
                }
                // The process dies in a session, before its dot: no server has the mail, and nobody doubts it.
                _ => {
                    let doubts = self.doubts(claim.number);
                    self.die();
                    assert_eq!(self.doubts(claim.number), doubts, "G3: a crash before the offer is a doubt");
                    return false;
                }
            };
            ended.push((claim, outcome));
        }
        let life = self.lives;
        if !well && !ready.is_empty() {
            match self.random.below(40) {
                0 => self.scan(),
                1 => self.tick(),
                2 => self.order_locally(),
                _ => {}
            }
        }
        // Sessions end with their process.
        if self.lives != life {
            return false;
        }
        let closed = ended.iter().any(|(_, outcome)| outcome.is_way_closed());
        closed | self.pass_the_dots(&ended, &ready, well)
    }

    /// Sessions are at their dots, and others have ended: one commit settles these and offers those, and the server answers
    /// or does not. True when the way out is closed.
    fn pass_the_dots(&mut self, ended: &[(Claim, Outcome)], ready: &[Claim], well: bool) -> bool {
        let now = self.now;
        let (before, asks): (Vec<_>, Vec<_>) = (ended.iter().map(|(c, o)| (c, o)).collect(), ready.iter().collect());
        let turn = Turn { ended: &before, ready: &asks, ..Turn::default() };
        let Some(done) = self.with(|t| t.turn(&turn, now)) else { return false };
        self.check_news(&done.news);
        let offered: Vec<&Claim> =
            ready.iter().zip(done.leaves).filter_map(|(claim, leave)| leave.map(|_| claim)).collect();
        let mut after = Vec::new();
        for claim in offered {
            let fate = if well { 0 } else { self.random.below(100) };
            let (taken, outcome) = match fate {
                0..78 => (true, Outcome::Sent("250 2.0.0 Ok".into())),
                78..80 => (false, Outcome::Deferred("451 4.3.0 later".into())),
                80..82 => (false, Outcome::Refused("554 5.6.0 no".into())),
                82..87 => (true, Outcome::Unknown("connection lost after the dot".into())),
                87..92 => (false, Outcome::Unknown("connection lost within the dot".into())),
                92..94 => (false, Outcome::Closed("554 5.2.252 SendAsDenied".into())),
                // The process dies before the dot leaves, or after the server took the mail.
                dies => {
                    if dies < 97 {
                        self.accept(claim);
                    }
                    self.die();
                    return false;
                }
            };
            if taken {
                self.accept(claim);
            }
            if matches!(outcome, Outcome::Unknown(_)) {
                self.doubtful.insert(claim.number);
            }
            after.push((claim, outcome));
        }
        let settled: Vec<_> = after.iter().map(|(claim, outcome)| (*claim, outcome)).collect();
        if let Some(done) = self.with(|t| t.turn(&Turn { ended: &settled, ..Turn::default() }, now)) {
            self.check_news(&done.news);
        } else {
            self.doubtful.extend(settled.iter().map(|(claim, _)| claim.number));
        }
        after.iter().any(|(_, outcome)| outcome.is_way_closed())
    }

    fn die(&mut self) {
        self.tracker = None;
        self.now += self.random.minutes(30);
        self.start();
    }

    fn doubts(&self, notice: u32) -> u32 {
        self.anchor.query_row("SELECT doubts FROM outbox WHERE id = ?1", [notice], |r| r.get(0)).unwrap()
    }

    /// The server takes a mail: what it sees must be what is on disk (G3, G4), for one known party (G6, G7).
    fn accept(&mut self, claim: &Claim) {
        let sql = "SELECT o.state, o.attempts, a.shown, l.bytes FROM outbox o JOIN address a ON a.id = o.recipient \
                   JOIN letter l ON l.notice = o.id WHERE o.id = ?1";
        let mut query = self.anchor.prepare_cached(sql).unwrap();
        let row: (String, u32, String, Vec<u8>) = query
            .query_row([claim.number], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .expect("G4: what leaves is not in the committed database");
        assert_eq!((row.0.as_str(), row.1), ("sending", claim.tries), "G4: the try is not on disk");
        assert_eq!(row.2, claim.to.as_str());
        assert!(row.3 == claim.bytes, "G3: other bytes leave than were decided");
        let to = world::field(&claim.bytes, "To").expect("a recipient");
        assert_eq!(Address::parse(&to), Some(claim.to.clone()), "G6: one recipient a mail");
        // A person may answer the sender of an automatic mail; a program may not.
        let by_person = claim.kind == NoticeKind::Reply || claim.kind == NoticeKind::Update;
        assert!(by_person || !to.starts_with("robot"), "G7: automatic mail is answered by a {}", claim.kind.word());
        let person = self.config.people.iter().any(|p| p.address == claim.to);
        let leaks = || world::reading(&claim.bytes).text.contains("zq-");
        assert!(person || !leaks(), "G6: content of a report leaves in a {}", claim.kind.word());
        for e in world::calendar(&claim.bytes) {
            assert!(person, "G6: a calendar file leaves in a {} to a stranger", claim.kind.word());
            assert!(!format!("{}{}", e.uid, e.summary).contains("zq-"), "G6: content of a report in a calendar");
            let says = (e.does, e.summary, e.to);
            let known = self.appointments.entry((e.uid.clone(), e.sequence)).or_insert_with(|| says.clone());
            assert_eq!(*known, says, "one version of {} says two things", e.uid);
        }
        let left = self.left.entry(claim.number).or_default();
        *left += 1;
        let most = if self.doubtful.contains(&claim.number) { 2 } else { 1 };
        assert!(*left <= most, "G3: notice {} leaves {left} times", claim.number);
        let (notice, kind) = (claim.number, claim.kind);
        let (to, envelope) = (claim.to.clone(), claim.envelope.clone());
        let ticket = claim.ticket.map(|t| t.0);
        self.sink.push(Accepted { notice, kind, to, ticket, envelope, bytes: claim.bytes.clone() });
    }
}
