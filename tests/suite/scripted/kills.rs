//! The program is killed around its final dots, over and over. What the server has is held against what the outbox says:
//! nothing is lost, and only a kill between dot and reply leaves a second copy.
//!
//! `DISCLOSED_KILLS=2000` kills it so often; an ordinary run, a few times.

use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::smtp::{Act, Server};

const KILLS: usize = 30;

/// Where a kill falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It has been told of no mail yet.
    BeforeTheMail,
    /// It has the header of the mail. The program may have come to the dot by the time that the kill reaches it.
    InTheMail,
    /// It has the dot, and does not take the mail.
    AtTheDot,
    /// It took the mail, and has not said so.
    BeforeTheReply,
    /// It said so.
    AfterTheReply,
}

/// A generator of numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Who kills, and how often.
struct Killer {
    child: Arc<Mutex<Option<Child>>>,
    random: Random,
    left: usize,
    /// In a row before the mail: a notice at which the program ends again and again is put aside in the end.
    before: usize,
    /// Mails that may have been given over and were not taken: each once, since after two doubts it is not sent again.
    spurned: std::collections::BTreeSet<String>,
    /// The mail that the server took last.
    last: String,
    /// Mails that may be in doubt though the server saw no sign of it: it did not get to the dot, or had replied, and the
    /// program was a step further, or had not written the reply down.
    unsure: Vec<String>,
    fell: Vec<Moment>,
}

impl Killer {
    fn kill(&mut self, moment: Moment) {
        if let Some(child) = self.child.lock().unwrap().as_mut() {
            child.kill().unwrap();
            self.left -= 1;
            self.before = if moment == Moment::BeforeTheMail { self.before + 1 } else { 0 };
            self.fell.push(moment);
        }
    }

    fn at(&mut self, step: &str, id: Option<&str>) -> Act {
        if step == "dot" {
            self.last = id.unwrap_or_default().to_owned();
        }
        if self.left == 0 || self.random.below(2) == 0 {
            return Act::Right;
        }
        match (step, id) {
            ("DATA", _) if self.before < 2 && self.random.below(3) == 0 => {
                self.kill(Moment::BeforeTheMail);
                Act::Close
            }
            ("content", Some(id)) if self.random.below(2) == 0 && self.spurned.insert(id.to_owned()) => {
                self.unsure.push(id.to_owned());
                self.kill(Moment::InTheMail);
                Act::Close
            }
            ("dot", Some(id)) if self.random.below(2) == 0 && self.spurned.insert(id.to_owned()) => {
                self.kill(Moment::AtTheDot);
                Act::Close
            }
            ("dot", _) => {
                self.kill(Moment::BeforeTheReply);
                Act::TakeAndClose
            }
            // The reply is on its way, and is read or not.
            ("QUIT", _) => {
                self.unsure.push(self.last.clone());
                self.kill(Moment::AfterTheReply);
                Act::Close
            }
            _ => Act::Right,
        }
    }
}

#[test]
fn killed_around_the_dot_it_loses_nothing_and_doubles_only_what_is_in_doubt() {
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
    let kills = std::env::var("DISCLOSED_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let child: Arc<Mutex<Option<Child>>> = Arc::default();
    let killer = Killer {
        child: Arc::clone(&child),
        random: Random(0x5EED),
        left: kills,
        before: 0,
        spurned: std::collections::BTreeSet::new(),
        last: String::new(),
        unsure: Vec::new(),
        fell: Vec::new(),
    };
    let killer = Arc::new(Mutex::new(killer));
    let script = {
        let killer = Arc::clone(&killer);
        move |step: &str, _: usize, id: Option<&str>| killer.lock().unwrap().at(step, id)
    };
    let server = Server::start(Box::new(script));
    let desk = super::desk(server.port, kills / 3 + 5);
    let database = rusqlite::Connection::open(desk.path().join("disclosed.db")).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |r| r.get::<_, u32>(0)).unwrap();
    let open = || count("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')");
    let due = || {
        count("SELECT count(*) FROM outbox WHERE state = 'sending' OR state = 'waiting' AND due < unixepoch() * 1000")
    };
    let mut starts = 0;
    while open() > 0 {
        starts += 1;
        assert!(starts < 3 * kills + 100, "it does not come to an end: {} wait", open());
        let mut command = desk.command(&["run"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        *child.lock().unwrap() = Some(command.spawn().unwrap());
        // Until it is killed, or has nothing more to do that is due.
        let mut idle = 0;
        while idle < 10 {
            std::thread::sleep(Duration::from_millis(5));
            if child.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                break;
            }
            idle = if due() == 0 { idle + 1 } else { 0 };
        }
        if let Some(mut child) = child.lock().unwrap().take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
        super::hurry(&desk);
    }
    let killer = killer.lock().unwrap();
    let (all, mut taken) = (super::notices(&desk), server.taken());
    for id in &killer.unsure {
        taken.entry(id.clone()).or_default().unclear += 1;
    }
    super::check(&all, &taken, "after the kills");
    for notice in &all {
        let of_it = taken.get(notice["message_id"].as_str().unwrap());
        assert!(of_it.is_some_and(|t| !t.copies.is_empty()), "lost: {notice}");
    }
    let count = |moment| killer.fell.iter().filter(|m| **m == moment).count();
    let twice = taken.values().filter(|t| t.copies.len() > 1).count();
    println!(
        "{} kills: {} before the mail, {} in it, {} at the dot, {} before the reply, {} after it; {} mails, {twice} of them \
         twice",
        killer.fell.len(),
        count(Moment::BeforeTheMail),
        count(Moment::InTheMail),
        count(Moment::AtTheDot),
        count(Moment::BeforeTheReply),
        count(Moment::AfterTheReply),
        all.len(),
    );
    assert_eq!(killer.fell.len(), kills);
}
