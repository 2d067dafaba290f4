//! Personal data: what is erased is gone from the files, byte by byte, and all that is counted on stays.

use std::io::Read as _;
use std::path::PathBuf;

use disclosed::testing::command;
use disclosed::testing::policy::Milestone;
use disclosed::testing::store::{Claim, Place, Store};
use disclosed::testing::ticket::{EntryKind, Seat, State, Ticket};
use disclosed::testing::tracker::{Arrival, Erasure, News, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeKind, Outcome, TicketId};
use jiff::Timestamp;

use crate::world::{self, Letter, Proof};

/// A database on disk, and a Maildir's worth of names.
struct Desk {
    folder: tempfile::TempDir,
    tracker: Tracker,
    names: Vec<String>,
}

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

/// What stands in every corner of the n-th report, and nowhere else.
fn mark(n: usize) -> String {
    format!("mark{n}x")
}

fn reporter(n: usize) -> String {
    format!("{0}@{0}.example", mark(n))
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("d.db")).unwrap();
        let config = world::config("");
        let tracker = Tracker::new(store, config.project(), world::key(), None, now()).unwrap();
        Self { folder, tracker, names: Vec::new() }
    }

    fn arrive(&mut self, raw: Vec<u8>) -> News {
        self.names.push(format!("{}.mail", self.names.len()));
        let (source, new) = self.tracker.unseen("folder", &self.names).unwrap();
        let arrival = Arrival {
            size: raw.len() as u64,
            raw,
            internal_date: None,
            not_before: None,
            place: Some(Place { source, name: new[0].clone() }),
            listing: self.names.clone().into(),
        };
        self.tracker.on_mail(&[arrival], now()).unwrap()
    }

    fn report(&mut self, n: usize) -> Vec<u8> {
        let mark = mark(n);
        let raw = Letter {
            from: Some(reporter(n)),
            proof: Proof::Vouched,
            id: format!("<{mark}-{}@{mark}.example>", self.names.len()),
            date: now(),
            headers: vec![format!("From: \"{mark} Person\" <{}>", reporter(n)), format!("Subject: {mark} overflows")],
            body: format!("{mark} in line after line\n").repeat(1 + n % 7 * 40),
            ..Letter::default()
        };
        let raw = raw.bytes();
        self.arrive(raw.clone());
        raw
    }

    /// Sends what waits; a server that is asked about a marked address says it back.
    fn send(&mut self) -> Vec<Claim> {
        let mut sent = Vec::new();
        while let Some(claim) = self.tracker.claim(now()).unwrap() {
            let to = claim.to.as_str();
            let outcome = if claim.kind == NoticeKind::Reply {
                Outcome::Refused(format!("550 5.1.1 <{to}> is unknown").into())
            } else {
                Outcome::Sent(format!("250 2.0.0 Ok, for {to}").into())
            };
            self.tracker.delivered(&claim, &outcome, now()).unwrap();
            sent.push(claim);
        }
        sent
    }

    fn order(&mut self, ticket: u32, lines: &str) {
        let orders = command::split(lines);
        let answer =
            self.tracker.order(TicketId(ticket), orders, Seat::default(), now()).unwrap().unwrap().answer.unwrap();
        assert!(!answer.refused, "{}", answer.text);
    }

    fn erase(&mut self, ticket: u32) -> Erasure {
        self.tracker.erase(TicketId(ticket), Seat::default(), now()).unwrap().unwrap()
    }

    fn ticket(&mut self, id: u32) -> Ticket {
        self.tracker.store().read(|tx| tx.ticket(TicketId(id))).unwrap().unwrap()
    }

    /// In which of the files of the database a word stands, in any case: as it is, or in what is packed.
    fn files_with(&self, word: &str) -> Vec<PathBuf> {
        let holds = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            has(&bytes, word) || packed(&bytes).any(|text| has(&text, word))
        };
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().path());
        files.filter(holds).collect()
    }
}

fn has(bytes: &[u8], word: &str) -> bool {
    bytes.to_ascii_lowercase().windows(word.len()).any(|w| w == word.as_bytes())
}

/// What is packed anywhere in a file, as far as it can be read: also in the gaps between rows, and what is half written over.
fn packed(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let starts = file.windows(4).enumerate().filter(|(_, four)| *four == [0x28, 0xB5, 0x2F, 0xFD]);
    starts.map(|(at, _)| {
        let mut text = Vec::new();
        let dictionary = include_bytes!("../../src/store/packed/notices_1.dict");
        let frame = zstd::stream::read::Decoder::with_dictionary(&file[at..], dictionary).unwrap().single_frame();
        // What came before the damage is there nevertheless.
        let _ = frame.take(1 << 20).read_to_end(&mut text);
        text
    })
}

/// Tickets: enough for rows to move between pages.
const N: usize = 12;

#[test]
fn no_byte_of_an_erased_ticket_is_left() {
    let mut desk = Desk::new();
    let raws: Vec<Vec<u8>> = (0..N).map(|n| desk.report(n)).collect();
    desk.send();
    for (n, ticket) in (0..N).zip(1..) {
        let mark = mark(n);
        desk.order(ticket, &format!("/reply\n\nDear {mark}, thank you."));
        desk.order(ticket, &format!("/note\n\n{mark} is the name of a person."));
        desk.order(ticket, &format!("/invalid not {mark}\n/close"));
        let sent = desk.send();
        // A maintainer's mail quotes it, and somebody else commands in the reporter's name.
        let change = sent.iter().rev().find(|c| c.kind == NoticeKind::Change).unwrap();
        let quote = format!("Noted.\n\n> {mark} overflows\n");
        let to = change.to.as_str().to_owned();
        desk.arrive(world::answer(&to, &change.bytes, &quote, &format!("<a{n}@example.org>"), now()).bytes());
        let mut bad =
            world::answer(&reporter(n), &change.bytes, &format!("/spam {mark}"), &format!("<b{n}@x.example>"), now());
        bad.proof = Proof::Silent;
        desk.arrive(bad.bytes());
        desk.send();
    }
    let (word, other) = (mark(5), mark(4));
    assert!(!desk.files_with(&word).is_empty() && !desk.files_with(&other).is_empty());
    let file = std::fs::read(desk.folder.path().join("d.db-wal")).unwrap();
    let notices = packed(&file).filter(|text| has(text, &word) && has(text, "\nauto-submitted: ")).count();
    assert!(notices >= 5, "what is packed is seen: {notices}");
    let before = desk.ticket(6);

    let Erasure::Done { erased, scrubbed, .. } = desk.erase(6) else { panic!("it is closed") };
    assert_eq!(scrubbed, Ok(()));
    assert!(erased.mails.len() >= 3 && erased.texts >= 5 && erased.notices >= 5, "{erased:?}");
    assert!(erased.mails.iter().any(|m| m.message_id.as_deref().is_some_and(|i| i.contains(&word))));
    assert!(desk.files_with(&word).is_empty(), "bytes are left in {:?}", desk.files_with(&word));
    assert!(!desk.files_with(&other).is_empty(), "other tickets keep theirs");

    // What is counted on is as it was: the fold, its projections, what was kept and when.
    let after = desk.ticket(6);
    let expect = State {
        revision: after.revision,
        reporter: None,
        title: String::new(),
        report_id: None,
        milestones: before.milestones.iter().map(|(m, at)| (*m, *at)).chain([(Milestone::Erased, now())]).collect(),
        ..State::clone(&before)
    };
    assert_eq!(*after, expect);
    let projections = |desk: &mut Desk| desk.tracker.store().read(|tx| tx.projections()).unwrap();
    let made = projections(&mut desk);
    desk.tracker.rebuild(|_| ()).unwrap();
    assert_eq!(projections(&mut desk), made);
    assert_eq!(desk.tracker.store().read(|tx| tx.next_ticket()).unwrap(), TicketId(13));

    // Both ways in which a mail comes a second time; neither is a report, and neither brings the data back.
    let second = desk.arrive(raws[5].clone());
    assert_eq!(second.receipts[0].1.word(), "duplicate");
    let other_way = [&b"Received: from backup.example by mx.example.org; later\r\n"[..], &raws[5]].concat();
    let second = desk.arrive(other_way);
    assert_eq!((second.receipts[0].1.word(), second.receipts[0].2), ("duplicate", Some(TicketId(6))));
}

/// That a fixed version was told to the reporter is an answer, whether we still know who they were or not.
#[test]
fn what_a_reporter_was_told_still_counts() {
    let mut desk = Desk::new();
    desk.report(1);
    desk.order(1, "/accept\n/released 1.2\n/extend disclose 2027-05-31 a month more\n/close unpublished");
    desk.send();
    let before = desk.ticket(1).milestones.clone();
    assert!(before.contains_key(&Milestone::Acknowledged) && before.contains_key(&Milestone::LastHeardFromUs));
    assert!(matches!(desk.erase(1), Erasure::Done { .. }));
    let mut after = desk.ticket(1).milestones.clone();
    assert_eq!(after.remove(&Milestone::Erased), Some(now()));
    assert_eq!(after, before);
}

/// The raw bytes of a second copy stand in the database again: erasing once more takes them out.
#[test]
fn erasing_again_erases_what_came_since_and_says_nothing_twice() {
    let mut desk = Desk::new();
    let raw = desk.report(1);
    desk.order(1, "/spam");
    desk.send();
    assert!(matches!(desk.erase(1), Erasure::Done { .. }));
    desk.send();
    let entries = |desk: &mut Desk| desk.tracker.store().read(|tx| tx.entries(TicketId(1))).unwrap();
    let made = entries(&mut desk);
    assert_eq!(made.last().map(|e| &e.kind), Some(&EntryKind::Erased));
    desk.arrive([&b"Received: from backup.example by mx.example.org; later\r\n"[..], &raw].concat());
    assert!(!desk.files_with(&mark(1)).is_empty());
    let Erasure::Done { erased, news, .. } = desk.erase(1) else { panic!("it is closed") };
    assert_eq!((erased.mails.len(), erased.texts, erased.notices), (1, 0, 2), "the copy, and what told of the erasing");
    assert!(news.entries.is_empty() && news.notices.is_empty());
    assert_eq!(entries(&mut desk), made);
    assert!(desk.files_with(&mark(1)).is_empty());
}

#[test]
fn an_address_goes_with_the_last_ticket_that_names_it() {
    let mut desk = Desk::new();
    desk.report(1);
    desk.report(1);
    for ticket in [1, 2] {
        desk.order(ticket, "/assign Dana\n/spam");
    }
    desk.send();
    let address = Address::parse(&reporter(1)).unwrap();
    desk.erase(1);
    assert_eq!(desk.ticket(1).reporter, None);
    assert_eq!(desk.ticket(2).reporter.as_ref(), Some(&address));
    let held = desk.tracker.store().read(|tx| tx.held_about(&address)).unwrap();
    assert_eq!((held.tickets.len(), held.mails.len()), (1, 1));
    assert!(held.entries.iter().all(|(t, _)| *t == TicketId(2)), "{:?}", held.entries);
    desk.send();
    desk.erase(2);
    assert!(desk.files_with(&mark(1)).is_empty());
    let held = desk.tracker.store().read(|tx| tx.held_about(&address)).unwrap();
    assert!(held.tickets.is_empty() && held.entries.is_empty() && held.mails.is_empty() && held.notices.is_empty());
    // Our own people stay.
    assert_eq!(desk.ticket(1).owner, Address::parse("dana@example.org"));
}

#[test]
fn what_may_not_be_erased_is_left_whole() {
    let mut desk = Desk::new();
    desk.report(1);
    let refused = |desk: &mut Desk, expect: &str| {
        let before = desk.tracker.store().read(|tx| Ok((tx.entries(TicketId(1))?, tx.erasable(TicketId(1))?))).unwrap();
        match desk.erase(1) {
            Erasure::Refused(why) => assert!(why.contains(expect), "{why}"),
            Erasure::Done { .. } => panic!("erased, though {expect}"),
        }
        let after = desk.tracker.store().read(|tx| Ok((tx.entries(TicketId(1))?, tx.erasable(TicketId(1))?))).unwrap();
        assert_eq!(after, before);
    };
    refused(&mut desk, "/close it first");
    // Nobody has answered: whom to answer must not be forgotten.
    desk.order(1, "/invalid\n/close");
    refused(&mut desk, "\"acknowledge\" still runs on SEC-1");
    desk.order(1, "/spam");
    let claim = desk.tracker.claim(now()).unwrap().unwrap();
    refused(&mut desk, "is being sent");
    desk.tracker.delivered(&claim, &Outcome::Deferred("451".into()), now()).unwrap();
    let Erasure::Done { erased, news, .. } = desk.erase(1) else { panic!("it is closed") };
    assert!(erased.unsent > 0);
    // Of this ticket only the word that it was erased leaves now.
    let sent = desk.send();
    assert_eq!(sent.len(), news.notices.len());
    assert!(sent.iter().all(|c| c.kind == NoticeKind::Change && !c.bytes.is_empty()));
    assert!(desk.tracker.erase(TicketId(9), Seat::default(), now()).unwrap().is_none());
}

/// An access request shows what an address wrote and heard, and nobody else's part of the same ticket.
#[test]
fn what_is_held_about_one_is_nothing_of_another() {
    let mut desk = Desk::new();
    desk.report(1);
    desk.report(2);
    let sent = desk.send();
    let mine = sent.iter().find(|c| c.to.as_str() == reporter(1)).unwrap();
    // Somebody else answers with the first reporter's token.
    desk.arrive(world::answer(&reporter(2), &mine.bytes, "And mark2x says so too.", "<c@x.example>", now()).bytes());
    desk.order(1, "/note\n\nDana thinks of mark3x.");
    desk.order(1, "/reply\n\nThank you, mark1x.");
    desk.send();
    let held = |desk: &mut Desk, who: &str| {
        let address = Address::parse(who).unwrap();
        desk.tracker.store().read(|tx| tx.held_about(&address)).unwrap()
    };
    let all = |held: &disclosed::testing::store::Held| {
        let entries = held.entries.iter().map(|(_, e)| e.text.clone().unwrap_or_default());
        let mails = held.mails.iter().map(|m| String::from_utf8_lossy(&m.raw).into_owned());
        let notices = held.notices.iter().map(|(_, b)| String::from_utf8_lossy(b).into_owned());
        entries.chain(mails).chain(notices).collect::<Vec<_>>().join("\n")
    };
    let first = held(&mut desk, &reporter(1));
    assert_eq!((first.tickets.len(), first.mails.len(), first.notices.len()), (1, 1, 2));
    let text = all(&first);
    assert!(text.contains("mark1x overflows") && text.contains("Thank you, mark1x."), "{text}");
    assert!(!text.contains("mark2x") && !text.contains("mark3x"), "{text}");
    let second = held(&mut desk, &reporter(2));
    assert_eq!((second.tickets.len(), second.mails.len(), second.notices.len()), (1, 2, 1));
    let text = all(&second);
    assert!(
        text.contains("And mark2x says so too.") && !text.contains("mark3x") && !text.contains("mark1x overflows"),
        "{text}"
    );
    assert!(held(&mut desk, "nobody@example.test").mails.is_empty());
}

/// A server that refuses a notice says why in words of what it refused. Whom mail does not reach stays known.
#[test]
fn what_a_server_quoted_of_it_is_forgotten() {
    let mut desk = Desk::new();
    let (mark, project) = (mark(3), world::config("").project());
    desk.report(3);
    while let Some(claim) = desk.tracker.claim(now()).unwrap() {
        let refused = claim.kind == NoticeKind::Report;
        let outcome = if refused { Outcome::Refused(format!("554 {mark} is a virus").into()) } else { sent() };
        desk.tracker.delivered(&claim, &outcome, now()).unwrap();
    }
    let replies = |desk: &mut Desk| -> Vec<String> {
        let all = desk.tracker.store().read(|tx| tx.all_unreached(&project, now())).unwrap();
        all.into_iter().map(|u| u.reply).collect()
    };
    let quotes = format!("554 {mark} is a virus");
    assert_eq!(replies(&mut desk), [quotes.as_str(), quotes.as_str()]);
    desk.order(1, "/ack\n/invalid\n/close");
    desk.send();
    let Erasure::Done { .. } = desk.erase(1) else { panic!("it is closed") };
    assert!(desk.files_with(&mark).is_empty(), "bytes are left in {:?}", desk.files_with(&mark));
    assert_eq!(replies(&mut desk), ["", ""]);
}

fn sent() -> Outcome {
    Outcome::Sent("250 2.0.0 Ok".into())
}
