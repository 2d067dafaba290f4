//! Whoever is told what was not done may have a mailbox that answers each such mail, with nothing that says so: it ends
//! bounded all the same (G7).

use disclosed::testing::store::{Claim, Store};
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::vocabulary::{NoticeKind, Outcome};
use jiff::{SignedDuration, Timestamp};

use crate::world;

const DANA: &str = "dana@example.org";

fn arrival(tracker: &mut Tracker, raw: &str) -> Arrival {
    world::found(tracker, raw.replace('\n', "\r\n").into_bytes())
}

fn drain(tracker: &mut Tracker, now: Timestamp) -> Vec<Claim> {
    let mut sent = Vec::new();
    while let Some(claim) = tracker.claim(now).unwrap() {
        tracker.delivered(&claim, &Outcome::Sent("250 Ok".into()), now).unwrap();
        sent.push(claim);
    }
    sent
}

/// Dana's mailbox answers each notice to her within a minute, for two days; gives what she was told in each hour.
fn answered_by_a_machine(vouched: bool, text: &str) -> Vec<usize> {
    let start: Timestamp = "2027-01-04T09:00:00Z".parse().unwrap();
    let person = |name: &str, address: &str| format!("[[person]]\nname = \"{name}\"\naddress = \"{address}\"\n");
    let config = world::config(&(person("Dana", DANA) + &person("Lee", "lee@example.org")));
    let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
    let mut tracker = Tracker::new(store, config.project(), world::key(), None, start).unwrap();
    let report = "From: r@reporter.example\nMessage-ID: <r@reporter.example>\nSubject: Hole\n\nA hole.\n";
    let report = arrival(&mut tracker, report);
    tracker.on_mail(&[report], start).unwrap();
    let mut hours = vec![0; 48];
    let mut number = 0;
    for minute in 0..48 * 60 {
        let now = start + SignedDuration::from_mins(minute);
        for notice in drain(&mut tracker, now).into_iter().filter(|c| c.to.as_str() == DANA) {
            if notice.kind == NoticeKind::Attempt {
                hours[usize::try_from(minute / 60).unwrap()] += 1;
            }
            number += 1;
            let to = world::field(&notice.bytes, "Reply-To").unwrap();
            let verdict = if vouched { "pass" } else { "none" };
            let answer = format!(
                "Authentication-Results: {}; dmarc={verdict} header.from=example.org\n\
                 Received: from mail.example.org by mx.example.org with ESMTPS; date\nFrom: {DANA}\nTo: {to}\n\
                 Message-ID: <{number}@example.org>\nSubject: Re: your mail\n\n{text}\n",
                world::AUTHSERV
            );
            let answer = arrival(&mut tracker, &answer);
            tracker.on_mail(&[answer], now).unwrap();
        }
    }
    hours
}

#[test]
fn a_machine_that_answers_each_notice_is_told_a_bounded_number_of_times() {
    for (vouched, text) in [(false, "I am away."), (false, "/ack"), (true, "I am away.\n/ack is what you want?")] {
        let hours = answered_by_a_machine(vouched, text);
        assert!(hours.iter().sum::<usize>() >= 10, "{text}: it is told at first: {hours:?}");
        // The hour and the day of the caps slide; in two days they can begin three times.
        assert!(hours.iter().all(|told| *told <= 20), "{text}: {hours:?}");
        assert!(hours.chunks(24).all(|day| day.iter().sum::<usize>() <= 41), "{text}: {hours:?}");
    }
    assert_eq!(answered_by_a_machine(true, "I am away.").iter().sum::<usize>(), 0, "a note is a note");
}
