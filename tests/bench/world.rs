//! A daemon's database that is filled by way of the tracker, as the daemon does it.

use std::path::Path;
use std::time::Duration;

use disclosed::testing::config::Config;
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::{clock, open};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::figure::timed;
use crate::mails;

/// Mails that the daemon takes in at a time.
pub(crate) const BATCH: usize = 64;
/// Octets that the daemon takes in at a time.
pub(crate) const BATCH_OCTETS: usize = 4 << 20;
/// The tickets of a large database.
pub(crate) const LARGE: u32 = 100_000;

/// A database and the mails that came so far, one each millisecond.
pub(crate) struct World {
    /// Removed in the end, where it is its own.
    home: Option<TempDir>,
    tracker: Tracker,
    /// When mail number 0 would have come.
    pub(crate) begin: Timestamp,
    taken: u32,
}

/// A folder on the disk that the build is on, not in memory: what is measured waits for a disk.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// Writes a config with two Maildirs, and one maintainer, whom nothing holds back.
pub(crate) fn configure(home: &Path) -> Config {
    let file = home.join("config.toml");
    std::fs::write(&file, format!("{}{WAYS}", basics())).expect("the config");
    Config::load(&file).expect("a good config")
}

const WAYS: &str = "[inbox]\nmaildir = \"inbox\"\n[outgoing]\nmaildir = \"outgoing\"\n";

/// The config without its ways in and out.
pub(crate) fn basics() -> &'static str {
    r#"
[project]
name = "Example"
address = "security@example.org"

[store]
path = "disclosed.db"

[[person]]
name = "Ada"
address = "ada@example.org"
roles = ["maintainer", "lead"]

[policy]
preset = "standard"
quiet = "never"

[limits]
acks_per_sender_day = 1000000
acks_per_domain_hour = 1000000
automatic_per_hour = 1000000
reports_per_hour = 1000000
breaker_per_hour = 1000000

"#
}

impl World {
    /// An empty one. It begins now, so that a daemon that is started on it finds nothing due.
    pub(crate) fn new() -> Self {
        let home = folder();
        let world = Self::within(home.path());
        Self { home: Some(home), ..world }
    }

    /// An empty one in this folder, which stays.
    pub(crate) fn within(home: &Path) -> Self {
        let config = configure(home);
        for name in ["inbox", "outgoing"] {
            disclosed::testing::maildir::Maildir::create(&home.join(name)).expect("a Maildir");
        }
        let begin = clock::now();
        let tracker = open::tracker(&config, begin).expect("a database");
        Self { home: None, tracker, begin, taken: 0 }
    }

    /// The tracker.
    pub(crate) fn tracker(&mut self) -> &mut Tracker {
        &mut self.tracker
    }

    /// Takes mails in; says how long that took.
    pub(crate) fn take(&mut self, mails: Vec<Vec<u8>>) -> Duration {
        let arrivals: Vec<Arrival> = mails.into_iter().map(|raw| self.arrival(raw)).collect();
        let now = self.at(SignedDuration::ZERO, self.taken);
        let (time, news) = timed(|| self.tracker.on_mail(&arrivals, now).expect("mail is taken in"));
        assert_eq!(news.notices.len(), 2 * arrivals.len(), "each mail is acknowledged, and the team told");
        time
    }

    /// Takes in one batch of small reports.
    pub(crate) fn take_small(&mut self) -> Duration {
        let numbers = self.taken + 1..;
        self.take(numbers.take(BATCH).map(|n| mails::text(n, 2_000)).collect())
    }

    /// Takes small reports in until there are so many tickets.
    pub(crate) fn fill(&mut self, tickets: u32) {
        while self.taken < tickets {
            self.take_small();
        }
    }

    /// A time after the one when mail number `n` came.
    pub(crate) fn at(&self, after: SignedDuration, n: u32) -> Timestamp {
        self.begin + after + SignedDuration::from_millis(n.into())
    }

    fn arrival(&mut self, raw: Vec<u8>) -> Arrival {
        self.taken += 1;
        let internal_date = Some(self.at(SignedDuration::ZERO, self.taken));
        let size = raw.len() as u64;
        Arrival { raw, size, internal_date, not_before: None, place: None, listing: std::sync::Arc::default() }
    }

    /// Closes the database for a daemon to open: nothing waits to be sent.
    pub(crate) fn retire(self) -> TempDir {
        drop(self.tracker);
        let home = self.home.expect("a folder of its own");
        let database = rusqlite::Connection::open(home.path().join("disclosed.db")).expect("the database");
        database.execute("UPDATE outbox SET state = 'sent' WHERE state = 'waiting'", []).expect("it is ours");
        home
    }
}
