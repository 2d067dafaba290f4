//! A year of one mailbox, hour by hour: reports every day, floods, outages of the mailbox and of the way out, restarts,
//! reloads, clocks that are set, and a database that is put back from a backup. All guarantees are asserted on the way.
//!
//! A short stretch of it by default. `DISCLOSED_SOAK=20000` plays a year of 20,000 reports.

use std::collections::BTreeSet;

use disclosed::testing::command;
use disclosed::testing::store::Store;
use disclosed::testing::ticket::Seat;
use disclosed::testing::tracker::{FoundMark, Tracker};
use disclosed::testing::vocabulary::{NoticeKind, TicketId};
use jiff::SignedDuration;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::configs::CONFIGS;
use super::{Sim, connect, open, world};

/// In a year.
const REPORTS: u64 = 20_000;
const HOURS: u64 = 365 * 24;
const SHORT: u64 = 400;

#[test]
fn a_year_ends_with_all_reports_and_all_promises() {
    #[expect(clippy::disallowed_methods, reason = "the switch of the soak")]
    let reports = std::env::var("DISCLOSED_SOAK").ok().and_then(|v| v.parse().ok()).unwrap_or(SHORT);
    let mut sim = Sim::new(REPORTS, 2);
    sim.looks = 0;
    let (hours, mut year) = (HOURS * reports / REPORTS, Year::default());
    for hour in 0..hours {
        year.hour(&mut sim, (hour, hours), reports);
    }
    sim.away = false;
    // Caps let go a part each hour of what piled up.
    for _ in 0..500 {
        if sim.count("SELECT count(*) FROM outbox WHERE state IN ('waiting', 'sending')") == 0 {
            break;
        }
        sim.with(|t| t.release());
        sim.deliver(true);
        sim.now += SignedDuration::from_mins(80);
    }
    sim.settle();
    sim.check_all();
    sim.check_mails();
    sim.check_outbox();
    sim.check_rebuild();
    let tickets = sim.count("SELECT count(*) FROM ticket");
    println!(
        "{hours} hours: {} reports, {} mails, {tickets} tickets, {} notices that left, {} lives, {year:?}",
        year.reports,
        sim.mails.len(),
        sim.left.len(),
        sim.lives
    );
    assert!(year.reports >= reports && year.restored >= 2, "the year has lost its way");
}

#[derive(Debug, Default)]
struct Year {
    reports: u64,
    floods: u32,
    /// Days on which the mailbox, or the way out, could not be reached.
    inbox_away: u32,
    way_away: u32,
    restored: u32,
    /// Until which hour the mailbox, and the way out, cannot be reached.
    blind: u64,
    mute: u64,
}

impl Year {
    fn hour(&mut self, sim: &mut Sim, (hour, hours): (u64, u64), reports: u64) {
        if hour.is_multiple_of(24) {
            self.day(sim, hour);
        }
        let flood = hour % (hours / 3).max(1) == hours / 7;
        self.floods += u32::from(flood);
        let due = (reports * (hour + 1)).div_ceil(hours) + if flood { reports / 50 } else { 0 };
        while self.reports < due {
            let report = sim.report(sim.mails.len());
            sim.put(report, sim.now);
            self.reports += 1;
        }
        if sim.random.percent(30) {
            sim.arrive();
        }
        if sim.random.percent(10) {
            sim.attack();
        }
        sim.away = hour < self.mute;
        if hour >= self.blind && (hour.is_multiple_of(3) || flood) {
            sim.scan();
        }
        sim.run(SignedDuration::from_hours(1));
        sim.now += SignedDuration::from_mins(30);
        // Half of the way and at its end, so that what is put back is a day old and more.
        if hour % (hours / 2).max(1) == hours / 2 - 1 {
            self.restore(sim);
        }
    }

    fn day(&mut self, sim: &mut Sim, hour: u64) {
        if sim.random.percent(6) {
            (self.blind, self.inbox_away) = (hour + 24, self.inbox_away + 1);
        }
        if sim.random.percent(6) {
            (self.mute, self.way_away) = (hour + 24, self.way_away + 1);
        }
        if sim.random.percent(20) {
            sim.tracker = None;
            sim.start();
        }
        if sim.random.percent(5) {
            sim.config = world::config(CONFIGS[usize::try_from(sim.random.below(2)).unwrap()]);
            let (project, digest, now) = (sim.config.project(), open::digest(&sim.config).unwrap(), sim.now);
            sim.with(|t| t.reload(project, digest, now));
        }
        if sim.random.percent(2) {
            sim.renumber();
        }
        if sim.random.percent(3) {
            sim.went_back = true;
            sim.now -= sim.random.minutes(180);
        }
        // A person looks after what piled up.
        sim.with(|t| t.release());
        sim.judge();
        sim.tidy_up();
        if hour.is_multiple_of(30 * 24) {
            sim.check_all();
        }
    }

    /// The host is lost, and a backup of the day before is put in place beside the mark, which is newer.
    fn restore(&mut self, sim: &mut Sim) {
        let kept = copy(&sim.anchor, &format!("file:/soak-backup-{}?vfs=memdb", self.restored));
        for _ in 0..24 {
            let report = sim.report(sim.mails.len());
            sim.put(report, sim.now);
            self.reports += 1;
            sim.scan();
            sim.run(SignedDuration::from_hours(1));
        }
        sim.away = false;
        sim.deliver(true);
        self.restored += 1;
        sim.put_back(&kept, self.restored);
    }
}

fn copy(from: &Connection, uri: &str) -> Connection {
    let mut to = connect(uri);
    Backup::new(from, &mut to).unwrap().step(-1).unwrap();
    to
}

impl Sim {
    fn count(&self, sql: &str) -> u32 {
        self.anchor.query_row(sql, [], |r| r.get(0)).unwrap()
    }

    fn check_all(&mut self) {
        self.check_authority();
        self.check_timeline();
        self.check_clocks();
    }

    /// Most reports of this world are nothing, which somebody sees on the next day. The others live on.
    fn judge(&mut self) {
        let open = self.numbers("SELECT id FROM ticket WHERE open = 1 ORDER BY id");
        for id in open {
            let line = match self.random.below(100) {
                0..80 => "/spam",
                80..85 => "/invalid no",
                85..90 => "/ack",
                90..93 => "/accept",
                _ => continue,
            };
            self.local.insert(id);
            let now = self.now;
            self.with(|t| t.order(TicketId(id), command::split(line), Seat::default(), now));
        }
    }

    /// Old mail is moved out of the folder, and what nobody answers any more is forgotten.
    fn tidy_up(&mut self) {
        let old = self.now - SignedDuration::from_hours(10 * 24);
        self.folder.retain(|item| item.received > old);
        let much = self.sink.len().saturating_sub(300);
        self.sink.drain(..much);
    }

    fn put_back(&mut self, kept: &Connection, number: u32) {
        let Some(Some(mark)) = self.with(|t| t.mark()) else { panic!("no mark") };
        self.tracker = None;
        self.uri = format!("file:/soak-{number}?vfs=memdb");
        self.anchor = copy(kept, &self.uri);
        let mut store = Store::with(connect(&self.uri)).unwrap();
        Tracker::compare(&mut store, FoundMark::At(mark), self.now).unwrap();
        drop(store);
        // What is known of timelines, words and codes is of another database.
        self.looked = BTreeSet::from_iter(self.numbers("SELECT DISTINCT ticket FROM entry"))
            .into_iter()
            .map(|id| (id, self.count(&format!("SELECT max(seq) FROM entry WHERE ticket = {id}"))))
            .collect();
        self.words.iter_mut().for_each(|word| word.obeyed = None);
        self.codes.clear();
        self.appointments.clear();
        self.went_back = true;
        let before = self.left.clone();
        self.start();
        assert!(self.with(|t| t.hold()).unwrap().is_some(), "a database that was put back does not hold");
        for _ in 0..6 {
            self.scan();
            self.run(SignedDuration::from_hours(1));
        }
        let left = self.sink.iter().filter(|s| self.left.get(&s.notice) != before.get(&s.notice));
        assert!({ left }.all(|s| s.kind == NoticeKind::Trouble), "something left of a database that was put back");
        // Whoever recovers it drops what left before.
        let drop: Vec<u32> = self
            .numbers("SELECT id FROM outbox WHERE state = 'waiting'")
            .into_iter()
            .filter(|notice| before.contains_key(notice))
            .collect();
        let unknown = self.with(|t| t.end_hold(&drop)).unwrap();
        assert!(unknown.is_empty());
    }
}
