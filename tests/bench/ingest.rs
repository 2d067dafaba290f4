//! Taking in an inbox of 10,000 mails, against the least that anyone would have to do.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use mail_parser::MessageParser;
use rusqlite::Connection;

use crate::figure::{median_ratio, millis, print, timed};
use crate::mails;
use crate::world::{BATCH, BATCH_OCTETS, World, folder};

const MAILS: u32 = 10_000;

pub(crate) fn measure() {
    let mut world = World::new();
    let home = folder();
    let least = least_database(home.path());
    let mut pairs = Vec::new();
    let mut octets = 0;
    let mut numbers = 1..=MAILS;
    loop {
        let batch = batch(&mut numbers);
        if batch.is_empty() {
            break;
        }
        octets += batch.iter().map(Vec::len).sum::<usize>();
        let alone = parse_and_write(&least, &batch);
        pairs.push((world.take(batch), alone));
    }
    let total = |of: fn(&(Duration, Duration)) -> Duration| pairs.iter().map(of).sum::<Duration>();
    let (ours, alone) = (total(|p| p.0), total(|p| p.1));
    let what = format!("10,000 mails of {} kB, against parsing and writing them alone", octets / 10_000_000);
    print("ingest", &what, ours.as_secs_f64() / alone.as_secs_f64(), "times", Some(4.0));
    print("ingest", "the median of the batches", median_ratio(&pairs), "times", None);
    print("ingest", "a mail", millis(ours) / f64::from(MAILS), "ms", None);
    print("ingest", "a mail, parsing and writing alone", millis(alone) / f64::from(MAILS), "ms", None);
}

/// What the daemon takes in at a time.
fn batch(numbers: &mut impl Iterator<Item = u32>) -> Vec<Vec<u8>> {
    let mut batch = Vec::new();
    let mut octets = 0;
    while batch.len() < BATCH && octets < BATCH_OCTETS {
        let Some(n) = numbers.next() else { break };
        let raw = mails::mixed(n);
        octets += raw.len();
        batch.push(raw);
    }
    batch
}

/// As safe against a loss of power as ours.
fn least_database(home: &Path) -> Connection {
    let database = Connection::open(home.join("least.db")).expect("a database");
    database.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    database.pragma_update(None, "synchronous", "FULL").expect("FULL");
    database.execute("CREATE TABLE mail (id INTEGER PRIMARY KEY, raw BLOB NOT NULL)", []).expect("a table");
    database
}

fn parse_and_write(database: &Connection, batch: &[Vec<u8>]) -> Duration {
    let parser = MessageParser::default();
    let work = || {
        let transaction = database.unchecked_transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO mail (raw) VALUES (?1)")?;
        for raw in batch {
            black_box(parser.parse(raw));
            insert.execute([raw])?;
        }
        drop(insert);
        transaction.commit()
    };
    let (time, done) = timed(work);
    done.expect("the least database takes it");
    time
}
