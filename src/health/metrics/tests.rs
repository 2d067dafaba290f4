use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::{Config, EXAMPLE};
use crate::notice::text::trouble::TroubleKind;
use crate::store::Store;
use crate::token::{KEY_LENGTH, Key};
use crate::tracker::{Arrival, Tracker};
use crate::vocabulary::Outcome;

/// Reads the text as the exposition format says: heads before their samples, each series once, each name grouped.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut heads, mut current) = (BTreeMap::new(), BTreeSet::new(), String::new());
    assert!(text.ends_with('\n'), "the last line ends too");
    let is_name = |name: &str| {
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
        first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    };
    let mut typed = false;
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty() && !help.contains('\\'), "{line}");
            assert!(heads.insert(name.to_owned()), "{name} has one head");
            (current, typed) = (name.to_owned(), false);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{current} gauge"));
            typed = true;
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            assert!(typed && name == current, "{line} stands below its head");
            let labels = labels.strip_suffix('}').unwrap();
            if !labels.is_empty() {
                let (label, quoted) = labels.split_once('=').unwrap();
                let word = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap();
                assert!(is_name(label) && !word.contains(['"', '\\', '\n']), "{line}");
            }
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} stands once");
        }
    }
    samples
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_799_056_800 + seconds).unwrap()
}

#[test]
fn the_numbers_are_those_of_the_database_in_the_format_of_prometheus() {
    let config = Config::parse(EXAMPLE, std::path::Path::new("config.toml")).unwrap();
    let project = config.project();
    let (store, key) = (Store::in_memory().unwrap(), Key::new([7; KEY_LENGTH]));
    let mut tracker = Tracker::new(store, config.project(), key, None, at(0)).unwrap();
    let page = |tracker: &mut Tracker, now| {
        let read = |tx: &Tx<'_>| text(tx, &Health::read(tx, &project, now)?, &project);
        parse(&tracker.store().read(read).unwrap())
    };
    let empty = page(&mut tracker, at(0));
    assert_eq!((empty["disclosed_needs_person"], empty["disclosed_tickets_open"]), (0.0, 0.0));
    assert!(!empty.contains_key("disclosed_sent_timestamp_seconds"), "what is not known is not there");

    for text in ["one", "two"] {
        let raw = format!("From: r@example.test\r\nSubject: s\r\n\r\n{text}\r\n").into_bytes();
        let (size, listing) = (raw.len() as u64, std::sync::Arc::default());
        let arrival = Arrival { raw, size, internal_date: None, not_before: None, place: None, listing };
        tracker.on_mail(&[arrival], at(0)).unwrap();
    }
    tracker.scanned("folder", Some(at(9)), at(9)).unwrap();
    let claim = tracker.claim(at(10)).unwrap().unwrap();
    tracker.delivered(&claim, &Outcome::Sent("250 ok".into()), at(10)).unwrap();
    tracker.store().write(|tx| tx.note_trouble(TroubleKind::Login, at(10), None)).unwrap();
    let found = page(&mut tracker, at(10));
    for (series, value) in [
        ("mails{outcome=\"report\"}", 2),
        ("notices{state=\"sent\"}", 1),
        ("notices{state=\"waiting\"}", 3),
        ("notices{state=\"sending\"}", 0),
        ("tickets_open", 2),
        ("promises_due", 0),
        ("promises_broken", 0),
        ("needs_person", 1),
        ("trouble{kind=\"login\"}", 1),
        ("inbox_read_timestamp_seconds", at(9).as_second()),
        ("sent_timestamp_seconds", at(10).as_second()),
        ("notices_oldest_waiting_timestamp_seconds", at(0).as_second()),
    ] {
        assert_eq!(found.get(&format!("disclosed_{series}")).copied(), Some(value as f64), "{series}: {found:?}");
    }
    let day = 24 * 3_600;
    assert_eq!(page(&mut tracker, at(day + 60))["disclosed_promises_due"], 2.0);
    assert_eq!(page(&mut tracker, at(3 * day))["disclosed_promises_broken"], 2.0);
}
