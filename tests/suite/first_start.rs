//! What lies in the folder at the first start.

use std::path::Path;

use disclosed::testing::open;
use disclosed::testing::store::{NewMail, Place, Result, Store};
use disclosed::testing::token::{CHECKS, KEY_LENGTH, Key, Purpose, Token, party};
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::vocabulary::{Address, MailRef, NoticeKind, TicketId};
use jiff::Timestamp;

use crate::world;

const FOLDER: &str = "imap:security@mx.example.org:993/INBOX;1";

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

fn start(path: &Path, key: u8) -> Result<Tracker> {
    let config = world::config("");
    let (store, key) = (Store::open(path).unwrap(), Key::new([key; KEY_LENGTH]));
    let mut tracker = Tracker::new(store, config.project(), key, open::digest(&config).unwrap(), now())?;
    tracker.recover(now())?;
    Ok(tracker)
}

fn names() -> Vec<String> {
    (1..=5).map(|n: u8| n.to_string()).collect()
}

fn lying(source: i64, name: &str, raw: &str) -> Arrival {
    let (raw, place) = (raw.as_bytes().to_vec(), Some(Place { source, name: name.into() }));
    Arrival { size: raw.len() as u64, raw, internal_date: None, not_before: None, place, listing: names().into() }
}

fn told(tracker: &mut Tracker) -> usize {
    tracker.store().read(|tx| tx.notices(0)).unwrap().len()
}

fn dispositions(tracker: &mut Tracker) -> Vec<&'static str> {
    tracker.store().read(|tx| tx.receipts()).unwrap().into_iter().map(|r| r.disposition.word()).collect()
}

/// K9: the process may end between any two steps; the mail of the first listing is earlier all the same, each once.
#[test]
fn a_kill_between_two_steps_of_the_first_start_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let mail = |n: usize| format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext {n}\r\n");
    // Listed and on disk, nothing fetched.
    let (source, new) = start(&path, 7).unwrap().listed(FOLDER, &names()[..4]).unwrap();
    assert_eq!(new.len(), 4);
    // One taken in, one only stored.
    start(&path, 7).unwrap().on_mail(&[lying(source, "1", &mail(1))], now()).unwrap();
    {
        let arrival = lying(source, "2", &mail(2));
        let mut tracker = start(&path, 7).unwrap();
        let new = NewMail { raw: &arrival.raw, size: arrival.size, received: now(), place: arrival.place.as_ref() };
        tracker.store().write(|tx| tx.store_mail(&new, now())).unwrap();
    }
    // A fifth comes before the rest is fetched: that one is new.
    let mut tracker = start(&path, 7).unwrap();
    let (_, new) = tracker.listed(FOLDER, &names()).unwrap();
    assert_eq!(new, ["3", "4", "5"]);
    let rest: Vec<Arrival> = (3..=5).map(|n| lying(source, &n.to_string(), &mail(n))).collect();
    tracker.on_mail(&rest, now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["earlier", "earlier", "earlier", "earlier", "report"]);
    drop(tracker);
    let mut tracker = start(&path, 7).unwrap();
    let before = told(&mut tracker);
    tracker.scanned(FOLDER, Some(now()), now()).unwrap();
    let team = tracker.project().team().count();
    assert_eq!(told(&mut tracker), before + team);
    drop(tracker);
    let mut tracker = start(&path, 7).unwrap();
    tracker.scanned(FOLDER, Some(now()), now()).unwrap();
    assert_eq!(told(&mut tracker), before + team, "once");
    assert_eq!(tracker.listed(FOLDER, &names()).unwrap().1, [""; 0]);
    // Taking them in may be broken off too.
    tracker.store().write(|tx| tx.promote(MailRef(3), now())).unwrap();
    drop(tracker);
    let mut tracker = start(&path, 7).unwrap();
    assert_eq!(tracker.take_earlier(Timestamp::MIN, now()).unwrap().0, 3);
    assert_eq!(tracker.take_earlier(Timestamp::MIN, now()).unwrap().0, 0);
    assert_eq!(dispositions(&mut tracker), ["report"; 5]);
    assert_eq!(tracker.store().read(|tx| tx.tickets(true)).unwrap().len(), 5);
}

#[test]
fn copies_among_what_was_there_before_are_one_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let mut tracker = start(&folder.path().join("db"), 7).unwrap();
    let (source, _) = tracker.listed(FOLDER, &names()).unwrap();
    let mail = |hop: &str| format!("Received: from {hop}\r\nFrom: r@example.test\r\nSubject: s\r\n\r\ntext\r\n");
    let all: Vec<Arrival> = names().iter().take(3).map(|n| lying(source, n, &mail(n))).collect();
    tracker.on_mail(&all, now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["earlier"; 3]);
    let news = tracker.take_earlier(Timestamp::MIN, now()).unwrap().1;
    assert_eq!(news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Acknowledgement).count(), 1);
    let mut found = dispositions(&mut tracker);
    found.sort();
    assert_eq!(found, ["duplicate", "duplicate", "report"]);
    assert_eq!(tracker.take_earlier(Timestamp::MIN, now()).unwrap().0, 0);
}

#[test]
fn a_folder_that_is_numbered_anew_before_it_is_taken_in_is_still_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut tracker = start(&folder.path().join("db"), 7).unwrap();
    let mail = |n: usize| format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext {n}\r\n");
    let (source, _) = tracker.listed(FOLDER, &names()[..3]).unwrap();
    tracker.on_mail(&[lying(source, "1", &mail(1))], now()).unwrap();
    let anew = FOLDER.replace(";1", ";2");
    let (source, _) = tracker.listed(&anew, &names()[..3]).unwrap();
    let three: Vec<Arrival> = (1..=3).map(|n| lying(source, &n.to_string(), &mail(n))).collect();
    tracker.on_mail(&three, now()).unwrap();
    tracker.scanned(&anew, Some(now()), now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["earlier"; 3]);
    // Later it is only another folder.
    let anew = FOLDER.replace(";1", ";3");
    let (source, _) = tracker.listed(&anew, &names()[..4]).unwrap();
    let four: Vec<Arrival> = (1..=4).map(|n| lying(source, &n.to_string(), &mail(n))).collect();
    tracker.on_mail(&four, now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["earlier", "earlier", "earlier", "report"]);
}

/// What a person hands over is taken in, before the first start and after it, and changes nothing else about it.
#[test]
fn what_is_handed_over_is_no_first_start_and_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut tracker = start(&folder.path().join("db"), 7).unwrap();
    let mail = |n: usize| format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext {n}\r\n");
    let handed = |raw: &str| Arrival { place: None, ..lying(0, "", raw) };
    tracker.on_mail(&[handed(&mail(0))], now()).unwrap();
    let (source, _) = tracker.listed(FOLDER, &names()[..3]).unwrap();
    let lying: Vec<Arrival> = (0..3).map(|n| lying(source, &(n + 1).to_string(), &mail(n))).collect();
    tracker.on_mail(&lying, now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["report", "earlier", "earlier"]);
    for (again, copy) in [mail(1), mail(1), mail(2).replace("\r\n", "\n")].into_iter().enumerate() {
        let news = tracker.on_mail(&[handed(&copy)], now()).unwrap();
        let acknowledged = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Acknowledgement).count();
        assert_eq!(acknowledged, usize::from(again != 1), "{copy:?}");
    }
    assert_eq!(dispositions(&mut tracker), ["report"; 3]);
    assert_eq!(tracker.take_earlier(Timestamp::MIN, now()).unwrap().0, 0);
}

/// A folder with mail that answers our notices, and a database that knows none of them.
#[test]
fn a_start_that_is_not_the_first_sends_nothing_until_a_person_has_looked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let token = |notice| {
        let key = Key::new([7; KEY_LENGTH]);
        let to = Address::parse("r@example.test").unwrap();
        let token = Token { purpose: Purpose::Reporter, party: party(&to), ticket: Some(TicketId(1)), notice };
        token.sign(&key)
    };
    let answer = |notice| {
        let to = format!("security+{}@example.org", token(notice));
        format!("From: r@example.test\r\nTo: {to}\r\nSubject: Re: s\r\n\r\nmore {notice}\r\n")
    };
    let mut tracker = start(&path, 7).unwrap();
    let (source, _) = tracker.listed(FOLDER, &names()).unwrap();
    let plain = lying(source, "1", "From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n");
    // What an older `check --online` left there is no sign.
    let check = lying(source, "2", &answer(CHECKS + 5));
    tracker.on_mail(&[plain, check], now()).unwrap();
    assert!(tracker.hold().unwrap().is_none());
    let (sign, rest) = (lying(source, "3", &answer(4)), lying(source, "4", "From: x@example.test\r\n\r\nx\r\n"));
    tracker.on_mail(&[sign, rest], now()).unwrap();
    assert_eq!(dispositions(&mut tracker), ["earlier"; 4], "all of it is taken in");
    for _ in 0..2 {
        let (_, why) = tracker.hold().unwrap().expect("at each start");
        assert!(why.contains("notice 4"), "{why}");
        drop(tracker);
        tracker = start(&path, 7).unwrap();
    }
    let told = tracker.store().read(|tx| tx.notices(0)).unwrap();
    assert!(told.len() == 1 && told[0].kind == NoticeKind::Trouble && told[0].number > 4, "{told:?}");
    // Another key was never used for any of it.
    let fresh = tempfile::tempdir().unwrap();
    let mut tracker = start(&fresh.path().join("db"), 8).unwrap();
    let (source, _) = tracker.listed(FOLDER, &names()).unwrap();
    tracker.on_mail(&[lying(source, "3", &answer(4))], now()).unwrap();
    assert!(tracker.hold().unwrap().is_none());
}
