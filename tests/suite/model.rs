//! Taking in and sending as a model that is explored to its end: every order of steps up to a bound, with the process
//! dying between any two and at any commit within one, replies that are lost, a mailbox that renumbers, a database that is
//! put back to an earlier state, a second daemon on a copy of it. The steps are the daemon's own functions; of the world
//! only the mailbox, the mail server and the clock are played here.
//!
//! Each state is the committed database, what the process has in memory, and the world. One that was seen before is not
//! gone on from, unless more may still go wrong in it than before. `DISCLOSED_MODEL=N` sets how much may.

mod holds;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use disclosed::testing::config::Config;
use disclosed::testing::store::{Claim, Mark, Place, Result, Store};
use disclosed::testing::tracker::{Arrival, FoundMark, Tracker};
use disclosed::testing::vocabulary::Outcome;
use jiff::{SignedDuration, Timestamp};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use crate::world::{self, Letter};

/// How many things may go wrong in one life, where nothing else is said.
const TROUBLES: u8 = 1;
/// Minutes that a step of waiting takes: longer than a notice in doubt, or after its first failure, waits.
const WAIT: i64 = 2;
/// How often there may be waiting for something.
const WAITS: u8 = 3;
/// Commits of one step at which the process may die; no step has more.
const COMMITS: i64 = 6;
/// A report, and a second copy of it.
const MAILS: usize = 2;
const NEVER: i64 = i64::MAX / 2;

/// What the process has in memory about the notice in its hands.
#[derive(Clone)]
enum Hand {
    Empty,
    /// The session is open, and the server has the envelope and the content.
    Picked(Claim),
    /// The offer is on disk; the final dot may be written.
    Offered(Claim),
    /// The dot was answered, or the connection is gone; the database does not know it yet.
    Ended(Claim, Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The next mail comes into the folder.
    Arrive,
    /// All mails get new UIDs.
    Renumber,
    /// The folder is listed and what is new is taken in.
    Scan,
    /// The next notice that is due is taken in hand.
    Pick,
    /// Leave for the final dot is asked for.
    Offer,
    /// The server refuses for now, before the content.
    Defer,
    /// The server takes the mail and says so.
    Accept,
    /// The server refuses the mail at the dot.
    Refuse,
    /// The server takes the mail, and its reply is lost.
    LoseReply,
    /// The connection is lost at the dot, before the server has it.
    LoseDot,
    /// What came of it is written down.
    Settle,
    /// Time passes.
    Wait,
    /// The process dies where it stands.
    Die,
    /// The database is put back to what it was after the first scan; the mark beside it stays.
    Restore,
    /// It starts again.
    Start,
}

struct World {
    anchor: Connection,
    uri: String,
    config: Arc<Config>,
    runs: bool,
    hand: Hand,
    waits: u8,
    troubles: u8,
    now: Timestamp,
    arrived: usize,
    validity: u32,
    /// Under which UIDVALIDITY the folder was last read to its end, and how much was in it.
    scanned: (u32, usize),
    /// What the server took, and how often: by Message-ID.
    taken: BTreeMap<String, u8>,
    /// How often it was open whether the server has a notice: by Message-ID.
    doubts: BTreeMap<String, u8>,
    /// Which the server refused for good.
    refused: u8,
    /// What stands in the mark beside the database.
    mark: Option<Mark>,
    backup: Option<Rc<Kept>>,
    /// How many mails the server had taken when the database was put back, and whether the mark showed it.
    restored: Option<(u8, bool)>,
    /// What was done, for the message of a failure.
    path: Vec<(Step, i64)>,
}

/// A copy of the database as it was after the first look into the folder.
struct Kept {
    database: Connection,
    /// The highest notice that it knows as offered.
    notice: u32,
    /// The highest ticket.
    ticket: u32,
    /// What tells it from others.
    print: [u8; 32],
}

fn mails() -> [Vec<u8>; MAILS] {
    let letter = Letter {
        from: Some("ann@reporter.example".into()),
        proof: world::Proof::Vouched,
        id: "<a@reporter.example>".into(),
        date: start(),
        headers: vec!["Subject: A hole".into()],
        body: "It has a hole.\n".into(),
        ..Letter::default()
    };
    // The second time it comes by another way.
    let copy = Letter {
        headers: vec!["Subject: A hole".into(), "Above: Delivered-To: alias@example.org".into()],
        ..letter.clone()
    };
    [letter.bytes(), copy.bytes()]
}

fn start() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

fn config() -> Config {
    world::config("[[person]]\nname = \"Dana\"\naddress = \"dana@example.org\"\n")
}

fn connect(uri: &str) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).unwrap()
}

fn memory() -> (String, Connection) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let uri = format!("file:/model-{}?vfs=memdb", NUMBER.fetch_add(1, Ordering::Relaxed));
    let anchor = connect(&uri);
    (uri, anchor)
}

/// A database of its own with the same content.
fn copied(from: &Connection) -> (String, Connection) {
    let (uri, mut anchor) = memory();
    Backup::new(from, &mut anchor).unwrap().step(-1).unwrap();
    (uri, anchor)
}

impl World {
    fn new(troubles: u8) -> Self {
        let (uri, anchor) = memory();
        let mut world = Self {
            anchor,
            uri,
            config: Arc::new(config()),
            runs: false,
            hand: Hand::Empty,
            waits: WAITS,
            troubles,
            now: start(),
            arrived: 0,
            validity: 1,
            scanned: (1, 0),
            taken: BTreeMap::new(),
            doubts: BTreeMap::new(),
            refused: 0,
            mark: None,
            backup: None,
            restored: None,
            path: Vec::new(),
        };
        world.step(Step::Start, NEVER);
        world
    }

    fn copy(&self) -> Self {
        let (uri, anchor) = copied(&self.anchor);
        Self {
            anchor,
            uri,
            config: Arc::clone(&self.config),
            hand: self.hand.clone(),
            taken: self.taken.clone(),
            doubts: self.doubts.clone(),
            backup: self.backup.clone(),
            path: self.path.clone(),
            ..*self
        }
    }

    /// Steps that could be next.
    fn possible(&self) -> Vec<Step> {
        use Step::{
            Accept, Arrive, Defer, Die, LoseDot, LoseReply, Offer, Pick, Refuse, Renumber, Restore, Scan, Settle,
            Start, Wait,
        };
        let restore = (self.backup.is_some() && self.restored.is_none()).then_some(Restore);
        if !self.runs {
            return [Start].into_iter().chain(restore.filter(|_| self.troubles > 0)).collect();
        }
        let mut steps = match self.hand {
            // What would change nothing is left out.
            Hand::Empty => {
                let now = self.now.as_millisecond();
                let waiting = |is: &str| {
                    let sql = format!("SELECT count(*) FROM outbox WHERE state = 'waiting' AND due {is} {now}");
                    self.number(&sql) > 0
                };
                let mut steps = Vec::new();
                steps.extend(waiting("<=").then_some(Pick));
                steps.extend((self.scanned != (self.validity, self.arrived)).then_some(Scan));
                steps.extend((self.arrived < MAILS).then_some(Arrive));
                steps.extend((self.waits > 0 && waiting(">")).then_some(Wait));
                steps
            }
            Hand::Picked(_) => vec![Offer],
            Hand::Offered(_) => vec![Accept],
            Hand::Ended(..) => vec![Settle],
        };
        if self.troubles > 0 {
            steps.push(Die);
            match self.hand {
                Hand::Empty => steps.extend((self.arrived > 0).then_some(Renumber).into_iter().chain(restore)),
                // A mail may come at any time; here it is enough that it may come before and after.
                Hand::Picked(_) => steps.push(Defer),
                Hand::Offered(_) => steps.extend([Refuse, LoseReply, LoseDot]),
                Hand::Ended(..) => {}
            }
        }
        steps
    }

    /// Does a step; where a commit `dies`, the process is gone. Says whether that commit was reached.
    fn step(&mut self, step: Step, dies: i64) -> bool {
        self.path.push((step, if dies == NEVER { 0 } else { dies }));
        let fuse = Arc::new(AtomicI64::new(dies));
        let done = self.act(step, &fuse);
        let died = fuse.load(Ordering::SeqCst) <= 0;
        if let Err(error) = done {
            assert!(died, "an error without a cause: {error}; {:?}", self.path);
            self.dies();
        }
        if died
            || matches!(
                step,
                Step::Die
                    | Step::Renumber
                    | Step::Restore
                    | Step::Defer
                    | Step::Refuse
                    | Step::LoseReply
                    | Step::LoseDot
            )
        {
            self.troubles -= 1;
        }
        self.waits -= u8::from(step == Step::Wait);
        self.check();
        dies == NEVER || died
    }

    fn act(&mut self, step: Step, fuse: &Arc<AtomicI64>) -> Result<()> {
        let now = self.now;
        match step {
            Step::Arrive => self.arrived += 1,
            Step::Renumber => self.validity += 1,
            Step::Wait => self.now += SignedDuration::from_mins(WAIT),
            Step::Die => self.dies(),
            Step::Restore => {
                self.dies();
                let backup = self.backup.clone().unwrap();
                (self.uri, self.anchor) = copied(&backup.database);
                self.scanned = (self.validity, 0);
                let known = self.mark.is_some_and(|m| m.notice > backup.notice || m.ticket > backup.ticket);
                self.restored = Some((self.taken.values().sum(), known));
            }
            Step::Start => {
                self.tracker(fuse)?.recover(now)?;
                self.runs = true;
            }
            Step::Scan => self.scan(fuse)?,
            Step::Pick => {
                let (_, picked) = self.tracker(fuse)?.pick(now, &[])?;
                self.hand = picked.map_or(Hand::Empty, Hand::Picked);
            }
            Step::Offer => {
                let Hand::Picked(claim) = self.hand.clone() else { unreachable!() };
                let leave = self.tracker(fuse)?.offer(&claim, now)?;
                assert!(leave.is_some(), "nothing else changes a notice here: {:?}", self.path);
                self.hand = Hand::Offered(claim);
            }
            Step::Defer => self.ends(Outcome::Deferred("450 4.2.1 busy".into())),
            Step::Accept => {
                self.take();
                self.ends(Outcome::Sent("250 2.0.0 Ok".into()));
            }
            Step::Refuse => {
                self.refused += 1;
                self.ends(Outcome::Refused("550 5.1.1 no such user".into()));
            }
            Step::LoseReply => {
                self.take();
                self.doubt();
                self.ends(Outcome::Unknown("connection lost after the dot".into()));
            }
            Step::LoseDot => {
                self.doubt();
                self.ends(Outcome::Unknown("connection lost at the dot".into()));
            }
            Step::Settle => {
                let Hand::Ended(claim, outcome) = self.hand.clone() else { unreachable!() };
                let mut tracker = self.tracker(fuse)?;
                tracker.delivered(&claim, &outcome, now)?;
                self.hand = Hand::Empty;
                // As the daemon does after it has sent, and as a file does that no commit can take back.
                if let Some(mark) = tracker.mark()? {
                    self.mark = Some(mark);
                    tracker.note_marked()?;
                }
            }
        }
        Ok(())
    }

    fn tracker(&self, fuse: &Arc<AtomicI64>) -> Result<Tracker> {
        let mut connection = connect(&self.uri);
        let fuse = Arc::clone(fuse);
        connection.commit_hook(Some(move || fuse.fetch_sub(1, Ordering::SeqCst) == 1)).unwrap();
        let mut store = Store::with(connection)?;
        Tracker::compare(&mut store, self.mark.map_or(FoundMark::None, FoundMark::At), self.now)?;
        Tracker::new(store, self.config.project(), world::key(), None, self.now)
    }

    fn scan(&mut self, fuse: &Arc<AtomicI64>) -> Result<()> {
        let mut tracker = self.tracker(fuse)?;
        let folder = format!("INBOX/{}", self.validity);
        let listing: Vec<String> = (1..=self.arrived).map(|uid| uid.to_string()).collect();
        let (source, new) = tracker.unseen(&folder, &listing)?;
        let last = tracker.last_scan(&folder)?;
        let arrivals: Vec<Arrival> = new
            .into_iter()
            .map(|name| {
                let raw = mails()[name.parse::<usize>().unwrap() - 1].clone();
                let (size, place) = (raw.len() as u64, Some(Place { source, name }));
                Arrival {
                    raw,
                    size,
                    internal_date: Some(start()),
                    not_before: last,
                    place,
                    listing: listing.clone().into(),
                }
            })
            .collect();
        tracker.on_mail(&arrivals, self.now)?;
        tracker.scanned(&folder, Some(self.now), self.now)?;
        self.scanned = (self.validity, self.arrived);
        if self.backup.is_none() && self.arrived > 0 {
            let offered = "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = 'offered'";
            self.backup = Some(Rc::new(Kept {
                database: copied(&self.anchor).1,
                notice: u32::try_from(self.number(offered)).unwrap(),
                ticket: u32::try_from(self.number("SELECT coalesce(max(id), 0) FROM ticket")).unwrap(),
                print: self.print(),
            }));
        }
        Ok(())
    }

    /// The process is gone, and with it what it knew of the notice in its hands.
    fn dies(&mut self) {
        if matches!(self.hand, Hand::Offered(_) | Hand::Ended(_, Outcome::Sent(_) | Outcome::Refused(_))) {
            self.doubt();
        }
        (self.runs, self.hand) = (false, Hand::Empty);
    }

    fn id(&self) -> String {
        let (Hand::Picked(claim) | Hand::Offered(claim) | Hand::Ended(claim, _)) = &self.hand else { unreachable!() };
        world::field(&claim.bytes, "Message-ID").unwrap()
    }

    fn take(&mut self) {
        *self.taken.entry(self.id()).or_default() += 1;
    }

    fn doubt(&mut self) {
        *self.doubts.entry(self.id()).or_default() += 1;
    }

    fn ends(&mut self, outcome: Outcome) {
        self.hand = match std::mem::replace(&mut self.hand, Hand::Empty) {
            Hand::Picked(claim) | Hand::Offered(claim) => Hand::Ended(claim, outcome),
            Hand::Empty | Hand::Ended(..) => unreachable!(),
        };
    }

    fn number(&self, sql: &str) -> i64 {
        self.anchor.query_row(sql, [], |r| r.get(0)).unwrap()
    }
}

#[derive(Default)]
struct Seen {
    /// What may still go wrong and pass in each state that was gone on from.
    left: HashMap<[u8; 32], Vec<(u8, u8)>>,
    steps: u64,
}

fn explore(world: &World, seen: &mut Seen) {
    let left = (world.troubles, world.waits);
    let before = seen.left.entry(world.print()).or_default();
    if before.iter().any(|b| b.0 >= left.0 && b.1 >= left.1) {
        return;
    }
    before.push(left);
    // Whoever dies has all before it; else the last state stands for those that led to it.
    if before.len() == 1 && (!world.runs || world.possible().is_empty()) {
        world.ends_well();
        world.second_daemon_stays_silent();
    }
    for step in world.possible() {
        let most = if world.troubles > 0 { COMMITS } else { 0 };
        for dies in std::iter::once(NEVER).chain(1..=most) {
            let mut next = world.copy();
            seen.steps += 1;
            if !next.step(step, dies) {
                // There are no more commits in it.
                break;
            }
            explore(&next, seen);
        }
    }
}

#[test]
fn every_order_of_steps_and_troubles_ends_well() {
    #[expect(clippy::disallowed_methods, reason = "the switch of the model")]
    let troubles = std::env::var("DISCLOSED_MODEL").ok().and_then(|v| v.parse().ok()).unwrap_or(TROUBLES);
    let mut seen = Seen::default();
    explore(&World::new(troubles), &mut seen);
    println!("{} states by {} steps, with at most {troubles} troubles in each life", seen.left.len(), seen.steps);
    assert!(seen.left.len() > 100, "the model has lost its way");
}
