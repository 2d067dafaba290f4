//! The program is killed at each commit, at each write to its files and at each write to a socket, one after the other,
//! and started again. What it does then is held against what the server has.
//!
//! strace counts the calls and kills. `DISCLOSED_KILLS=1` tries each; an ordinary run tries each commit, and some of the
//! others.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::smtp::{Act, Server};
use crate::desk::{self, Desk};

/// What is killed at, and each how-manieth of them in an ordinary run.
const CALLS: [(&str, usize); 3] = [("fsync", 1), ("sendto", 5), ("pwrite64", 25)];
/// Calls of a kind that one pass makes at most.
const MOST: usize = 2_000;

#[test]
fn killed_at_any_write_it_loses_nothing_and_doubles_only_what_is_in_doubt() {
    if !can_trace() {
        println!("left out: kills at each write (strace is not installed, or may not trace)");
        return;
    }
    let all = std::env::var_os("DISCLOSED_KILLS").is_some();
    for (call, stride) in CALLS {
        let stride = if all { 1 } else { stride };
        let (mut kills, mut doubled) = (0, 0);
        for nth in (1..MOST).step_by(stride) {
            let Some(twice) = killed_at(call, nth) else { break };
            (kills, doubled) = (kills + 1, doubled + twice);
        }
        println!("{kills} kills at {call}, {doubled} mails twice");
        assert!(kills > 3, "{call}: it is not what the program does");
    }
}

/// Kills a pass at its nth call of a kind, and has another finish what it left. How many mails came twice; `None` where
/// there are not so many calls.
fn killed_at(call: &str, nth: usize) -> Option<usize> {
    let server = Server::start(Box::new(|_: &str, _: usize, _: Option<&str>| Act::Right));
    let desk = super::desk(server.port, 0);
    for n in ["one", "two"] {
        desk.write(&format!("in/new/{n}"), &desk::REPORT.replace("report-1", n).replace("Heap", n));
    }
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let pass = desk.command(&["run", "--once"]);
    let mut traced = desk.shell("exec \"$@\"");
    traced
        .args(["sh", "strace", "-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .args(["-e", &inject]);
    traced.arg(pass.get_program()).args(pass.get_args()).stdout(Stdio::null()).stderr(Stdio::null());
    let at = format!("killed at {call} {nth}");
    // A shell or strace in between may say of the kill what a shell says.
    match traced.status().unwrap().code() {
        Some(0) => return None,
        None | Some(137) => {}
        Some(other) => panic!("{at}: it ended with {other} by itself"),
    }
    let offered = in_doubt(&desk);
    for _ in 0..4 {
        let (code, _, said) = desk.run(&["run", "--once"]);
        assert!(code == 0, "{at}: {said}");
        super::hurry(&desk);
    }
    assert_eq!(desk.json(&["list"])["tickets"].as_array().unwrap().len(), 2, "{at}: a report is one ticket (G1)");
    let (notices, taken) = (super::notices(&desk), server.taken());
    assert!(notices.len() >= 4, "{at}: each report is acknowledged and told: {notices:?}");
    for notice in &notices {
        let id = notice["message_id"].as_str().unwrap();
        let copies = taken.get(id).map_or(&[][..], |mail| &mail.copies);
        assert!(notice["state"] == "sent" && !copies.is_empty(), "{at}: lost: {notice}");
        assert!(copies.len() == 1 || copies.len() == 2 && offered.contains(id), "{at}: taken too often: {notice}");
        assert!(copies.windows(2).all(|pair| pair[0] == pair[1]), "{at}: other bytes: {notice}");
    }
    assert!(taken.len() == notices.len(), "{at}: a mail that nobody decided");
    Some(taken.values().filter(|mail| mail.copies.len() > 1).count())
}

/// The Message-IDs of the notices that were offered, and of which nothing more is known.
fn in_doubt(desk: &Desk) -> BTreeSet<String> {
    let Ok(database) = rusqlite::Connection::open(desk.path().join("disclosed.db")) else { return BTreeSet::new() };
    // A kill may come before there are tables.
    let Ok(mut query) = database.prepare("SELECT message_id FROM outbox WHERE state = 'sending'") else {
        return BTreeSet::new();
    };
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn can_trace() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
