//! What needs a person is one rule: `status` and one pass of `run` say the same of each condition.

use std::fs;

use disclosed::testing::config::Config;
use disclosed::testing::intake::disposition::Disposition;
use disclosed::testing::notice::text::trouble::Trouble;
use disclosed::testing::open;
use disclosed::testing::store::{NewMail, NewReceipt, Stored};
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::vocabulary::{Outcome, TicketId};
use jiff::{SignedDuration, Timestamp};

use crate::desk::Desk;

const NOW: &str = "2027-01-04T10:00:00Z";
/// The promise to acknowledge the report is broken by then.
const LATER: &str = "2027-01-07T10:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn config(desk: &Desk) -> Config {
    Config::load(&desk.path().join("config.toml")).unwrap()
}

fn tracker(desk: &Desk) -> Tracker {
    open::tracker(&config(desk), now()).unwrap()
}

fn report(name: &str) -> String {
    format!("From: Reporter <{name}@example.test>\r\nMessage-ID: <{name}@example.test>\r\n\r\n{name}\r\n")
}

/// A report comes, and is handled at this time.
fn comes(tracker: &mut Tracker, at: Timestamp) {
    let raw = report("other").into_bytes();
    let (size, listing) = (raw.len() as u64, std::sync::Arc::default());
    let arrival = Arrival { raw, size, internal_date: None, not_before: None, place: None, listing };
    tracker.on_mail(&[arrival], at).unwrap();
}

/// All that is sent of what a report brings about ends so.
fn ends(desk: &Desk, outcome: &Outcome) {
    let mut tracker = tracker(desk);
    comes(&mut tracker, now());
    for minutes in [0, 2] {
        let at = now() + SignedDuration::from_mins(minutes);
        while let Some(claim) = tracker.claim(at).unwrap() {
            tracker.delivered(&claim, outcome, at).unwrap();
        }
    }
}

fn raise(desk: &Desk, trouble: &Trouble) {
    tracker(desk).trouble(trouble, now()).unwrap();
}

fn put_aside(desk: &Desk) {
    let mut tracker = tracker(desk);
    let put = tracker.store().write(|tx| {
        let raw = report("other").into_bytes();
        let new = NewMail { raw: &raw, size: raw.len() as u64, received: now(), place: None };
        let Stored::New(mail) = tx.store_mail(&new, now())? else { panic!("it is new") };
        tx.receipt(&NewReceipt {
            mail,
            at: now(),
            sender: None,
            message_id: None,
            disposition: Disposition::Quarantined,
            ticket: None,
            reason: "reading it failed",
            fingerprint: Some(Default::default()),
        })
    });
    put.unwrap();
}

fn hold(desk: &Desk) {
    let text = fs::read_to_string(desk.path().join("config.toml")).unwrap();
    desk.write("config.toml", &format!("{text}[limits]\nacks_per_domain_hour = 1\n"));
    comes(&mut tracker(desk), now());
}

fn lose_a_secret(desk: &Desk) {
    let file = desk.path().join("disclosed.key");
    let before = fs::read(&file).unwrap();
    open::rotate_key(&config(desk), now()).unwrap();
    fs::write(&file, before).unwrap();
    drop(tracker(desk));
}

/// What is wrong, when it is looked at, whether it is still so after a pass, and what makes it so.
type Condition = (&'static str, &'static str, bool, fn(&Desk));

const CONDITIONS: &[Condition] = &[
    ("nothing", NOW, false, |_| ()),
    ("a broken promise", LATER, true, |desk| drop(desk.ok(&["run", "--once", "--now", LATER]))),
    ("a mail put aside", NOW, true, put_aside),
    ("a held notice", NOW, true, hold),
    ("a refused notice", NOW, true, |desk| ends(desk, &Outcome::Refused("550 no".into()))),
    ("a notice of unknown fate", NOW, true, |desk| ends(desk, &Outcome::Unknown("no answer".into()))),
    ("a notice that waits for long", NOW, false, |desk| {
        comes(&mut tracker(desk), now() - SignedDuration::from_hours(2));
    }),
    ("an inbox that fails", NOW, false, |desk| {
        tracker(desk).inbox_fails(now() - SignedDuration::from_mins(31)).unwrap();
    }),
    ("an inbox that fails for long", NOW, false, |desk| raise(desk, &Trouble::Inbox { since: now() })),
    ("a refused login", NOW, false, |desk| raise(desk, &Trouble::Login("no such user".into()))),
    ("an odd inbox", NOW, false, |desk| raise(desk, &Trouble::Odd("no such mail".into()))),
    ("a way out that is closed", NOW, true, |desk| ends(desk, &Outcome::Away("nobody there".into()))),
    ("a way out that a person has to open", NOW, true, |desk| ends(desk, &Outcome::Closed("535 5.7.8".into()))),
    ("a lost secret", NOW, true, lose_a_secret),
    ("silent name servers", NOW, true, |desk| raise(desk, &Trouble::Dns)),
    ("a breaker that fell", NOW, true, |desk| raise(desk, &Trouble::Breaker)),
    ("a hold", NOW, true, |desk| raise(desk, &Trouble::Hold("it was restored".into()))),
    ("a torn timeline", NOW, true, |desk| raise(desk, &Trouble::Timeline { ticket: TicketId(9), why: "torn".into() })),
];

#[test]
fn one_pass_and_the_status_agree_on_what_needs_a_person() {
    for (name, at, stays, make) in CONDITIONS {
        let desk = Desk::new();
        desk.write("in/new/1", &report("reporter"));
        let pass = |at: &str| desk.json(&["run", "--once", "--now", at])["needs_person"].as_bool().unwrap();
        assert!(!pass(NOW));
        assert_eq!(desk.run(&["status"]).0, 0, "{name}");
        make(&desk);
        let (code, text, _) = desk.run(&["status"]);
        assert_eq!(code, if *name == "nothing" { 0 } else { 3 }, "{name}: {text}");
        let said = pass(at);
        let (code, text, _) = desk.run(&["status"]);
        assert_eq!((said, code), (*stays, if *stays { 3 } else { 0 }), "{name}: {text}");
        assert_eq!(desk.json(&["status"])["healthy"], !stays, "{name}");
    }
}

/// H2: what the daemon is in trouble about stood in `status` until the next look into the inbox, and no longer.
#[test]
fn the_status_names_trouble_and_its_notice_until_it_is_over() {
    let desk = Desk::new();
    desk.ok(&["run", "--once", "--now", NOW]);
    lose_a_secret(&desk);
    raise(&desk, &Trouble::Timeline { ticket: TicketId(9), why: "torn".into() });
    raise(&desk, &Trouble::Timeline { ticket: TicketId(10), why: "torn too".into() });
    desk.ok(&["run", "--once", "--now", NOW]);
    let status = desk.json(&["status"]);
    assert_eq!((&status["healthy"], &status["trouble"]), (&false.into(), &NOW.into()));
    let trouble = |kind: &str, ticket: Option<&str>, notice: Option<u32>| serde_json::json!({ "kind": kind, "ticket": ticket, "since": NOW, "notice": notice });
    let all = serde_json::json!([
        trouble("key", None, Some(1)),
        trouble("timeline", Some("SEC-9"), Some(2)),
        trouble("timeline", Some("SEC-10"), None),
    ]);
    assert_eq!(status["troubles"], all);
    let (code, text, _) = desk.run(&["status"]);
    assert_eq!(code, 3);
    let lines = "  the daemon is in trouble since Mon 4 Jan 2027, 11:00:
    `disclosed outbox --show 1`
  a secret is missing from disclosed.key: restore the file, or go on without
    it by `disclosed key rotate`
  the daemon is in trouble since Mon 4 Jan 2027, 11:00:
    `disclosed outbox --show 2`
  the daemon is in trouble since Mon 4 Jan 2027, 11:00 (timeline of SEC-10):
    `disclosed log SEC-10`
";
    assert!(text.ends_with(&format!("\nThis needs a person:\n{lines}")), "{text}");
    assert!(desk.ok(&["outbox", "--show", "1"]).contains("disclosed.key beside the database lacks a secret"));
    desk.ok(&["key", "rotate"]);
    assert_eq!(desk.json(&["status"])["troubles"].as_array().unwrap().len(), 2);
}
