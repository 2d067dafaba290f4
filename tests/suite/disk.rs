//! What a ticket costs on disk.

use std::fmt::Write as _;

use disclosed::testing::store::{Place, Store};
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::vocabulary::Outcome;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use crate::world;

/// Tickets.
const TICKETS: u32 = 1_000;
/// Octets of a mail.
const OCTETS: usize = 400;
/// What each may cost, in octets.
const MOST: u32 = 2_500;

/// A project of which no dictionary knows the names.
const PROJECT: &str = r#"
[project]
name = "Orchard Tools"
address = "vulns@orchard-tools.test"
ticket_prefix = "OT"

[inbox]
maildir = "in"

[outgoing]
maildir = "out"

[[person]]
name = "Mira Holm"
address = "mira.holm@orchard-tools.test"

[limits]
acks_per_domain_hour = 1000000
automatic_per_hour = 1000000
reports_per_hour = 1000000
breaker_per_hour = 1000000
"#;

/// A report with words of its own.
fn report(n: u32) -> Vec<u8> {
    let words = "the parser reads past end of buffer when a length field is crafted so that its heap memory can be written \
                 from network without authentication in version before fix and attacker may run code through header";
    let words: Vec<&str> = words.split(' ').collect();
    let mut state = n.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let domain = n % 100;
    let mut mail = format!(
        "From: Reporter {n} <reporter{n}@d{domain}.example>\r\nTo: vulns@orchard-tools.test\r\n\
         Subject: Overflow number {n} in the parser\r\nDate: Mon, 04 Jan 2027 10:00:00 +0000\r\n\
         Message-ID: <{:08x}.{n}@d{domain}.example>\r\n\r\n",
        random()
    );
    while mail.len() < OCTETS {
        let gap = if random() % 10 == 0 { "\r\n" } else { " " };
        write!(mail, "{}{gap}", words[random() as usize % words.len()]).unwrap();
    }
    mail.truncate(OCTETS - 2);
    mail.push_str("\r\n");
    mail.into_bytes()
}

/// A small mail that is a ticket, acknowledged and told to one maintainer. Not counted is what a database costs by itself,
/// and what is counted for the caps and forgotten after days.
#[test]
fn a_ticket_costs_little_on_disk() {
    // In memory, so that nothing waits for a disk; the pages are the same.
    let open = || Connection::open("file:what-a-ticket-costs?mode=memory&cache=shared").unwrap();
    let beside = open();
    let begin: Timestamp = "2027-01-04T10:00:00Z".parse().unwrap();
    let project = world::config(PROJECT).project();
    let mut tracker = Tracker::new(Store::with(open()).unwrap(), project, world::key(), None, begin).unwrap();
    let own = used(&beside);
    for n in 0..TICKETS {
        let now = begin + SignedDuration::from_secs(n.into());
        let (source, _) = tracker.unseen("imap:INBOX;1", &[]).unwrap();
        let place = Some(Place { source, name: n.to_string() });
        let arrival = Arrival { place, ..world::found(&mut tracker, report(n)) };
        tracker.on_mail(&[arrival], now).unwrap();
        while let Some(claim) = tracker.claim(now).unwrap() {
            let answer = format!("250 2.0.0 Ok: queued as 4d{:08X}", claim.number.wrapping_mul(2_654_435_761));
            tracker.delivered(&claim, &Outcome::Sent(answer.as_str().into()), now).unwrap();
            let kept = tracker.store().read(|tx| tx.notice_bytes(claim.number)).unwrap();
            assert!(kept == claim.bytes, "what has left is kept as it left");
        }
    }
    assert_eq!(tracker.store().read(|tx| tx.next_notice()).unwrap(), 2 * TICKETS + 1);
    let all = used(&beside);
    tracker.store().write(|tx| tx.forget_counts(i64::MAX)).unwrap();
    let each = (used(&beside) - own) / TICKETS;
    println!("{each} octets a ticket; with all else {}", all / TICKETS);
    assert!(each <= MOST, "{each} octets");
}

/// Octets of the pages that hold something.
fn used(database: &Connection) -> u32 {
    let number = |what: &str| database.query_row(&format!("PRAGMA {what}"), [], |r| r.get::<_, u32>(0)).unwrap();
    (number("page_count") - number("freelist_count")) * number("page_size")
}
