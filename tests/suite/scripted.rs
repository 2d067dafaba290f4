//! A mail server that does what a script says, and the built program that has to get on with it. What took the mail, and
//! what the program believes, are held against one another.

mod failpoints;
mod kills;
mod smtp;

use std::collections::BTreeMap;

use serde_json::Value;

use self::smtp::Taken;
use crate::desk::{self, Desk};

/// A desk whose mail leaves by a server on this port.
fn desk(port: u16, reports: usize) -> Desk {
    let desk = Desk::new();
    let config = desk::CONFIG.replace(
        "[outgoing]\nmaildir = \"out\"\n",
        &format!("[outgoing.smtp]\nserver = \"127.0.0.1\"\ntls = \"none\"\nport = {port}\n"),
    );
    let limits = "[identity]\ndkim = false\n[limits]\nautomatic_per_hour = 100000\nreports_per_hour = 100000\n\
                  breaker_per_hour = 100000\nacks_per_domain_hour = 100000\nacks_per_sender_day = 100000\n";
    desk.write("config.toml", &format!("{config}{limits}"));
    for n in 0..reports {
        desk.write(
            &format!("in/new/{n}"),
            &desk::REPORT.replace("report-1", &format!("r{n}")).replace("Heap", &n.to_string()),
        );
    }
    desk.ok(&["ingest", "in"]);
    desk
}

/// Time passes for the outbox: all that waits is due.
fn hurry(desk: &Desk) {
    let database = rusqlite::Connection::open(desk.path().join("disclosed.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database.execute("UPDATE outbox SET due = 0 WHERE state = 'waiting'", []).unwrap();
}

fn notices(desk: &Desk) -> Vec<Value> {
    desk.json(&["outbox"])["notices"].as_array().unwrap().clone()
}

/// What the server took, held against what the outbox says (G3).
fn check(notices: &[Value], taken: &BTreeMap<String, Taken>, what: &str) {
    for notice in notices {
        let id = notice["message_id"].as_str().unwrap();
        let (copies, unclear) = taken.get(id).map_or((&[][..], 0), |t| (&t.copies[..], t.unclear));
        match notice["state"].as_str().unwrap() {
            "sent" => assert!(!copies.is_empty(), "{what}: counts as sent, and no server took it: {notice}"),
            "unknown" => assert!(unclear >= 2, "{what}: in doubt without a reason: {notice}"),
            "refused" | "waiting" => {
                assert!(copies.len() <= unclear, "{what}: was taken, and it is not known: {notice}")
            }
            other => panic!("{what}: {other}: {notice}"),
        }
        assert!(copies.len() <= 1 + unclear.min(1), "{what}: taken {} times: {notice}", copies.len());
        assert!(copies.windows(2).all(|pair| pair[0] == pair[1]), "{what}: other bytes: {notice}");
    }
    let known: Vec<_> = notices.iter().map(|n| n["message_id"].as_str().unwrap()).collect();
    assert!(taken.keys().all(|id| known.contains(&id.as_str())), "{what}: a mail that nobody decided");
}
