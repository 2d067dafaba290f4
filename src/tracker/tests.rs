//! What no transcript can play: batches, and errors between two steps.

use super::*;
use crate::config::Config;
use crate::token::KEY_LENGTH;

const CONFIG: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada"
address = "ada@example.org"
"#;

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

fn project(more: &str) -> Project {
    Config::parse(&format!("{CONFIG}{more}"), std::path::Path::new("config.toml")).unwrap().project()
}

fn tracker() -> Tracker {
    Tracker::new(Store::in_memory().unwrap(), project(""), Key::new([7; KEY_LENGTH]), None, now()).unwrap()
}

fn arrival(raw: &str) -> Arrival {
    let raw = raw.as_bytes().to_vec();
    Arrival { size: raw.len() as u64, raw, internal_date: None, not_before: None, place: None, listing: Vec::new() }
}

#[test]
fn two_copies_that_are_found_at_once_are_one_report() {
    let mut tracker = tracker();
    let listing = vec!["1".to_owned(), "2".to_owned()];
    let (source, new) = tracker.unseen("folder", &listing).unwrap();
    let arrivals: Vec<Arrival> = new
        .iter()
        .map(|name| Arrival {
            place: Some(Place { source, name: name.clone() }),
            listing: listing.clone(),
            ..arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")
        })
        .collect();
    let news = tracker.on_mail(&arrivals, now()).unwrap();
    let mut found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
    found.sort_unstable();
    assert_eq!(found, ["duplicate", "report"]);
    assert_eq!(news.notices.iter().filter(|(_, n)| n.kind == NoticeKind::Acknowledgement).count(), 1);
}
