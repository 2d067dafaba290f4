//! Restored, lost, and taken over by another host: with the built program, on one Maildir.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::desk::{CONFIG, Desk};

/// The standby's config: the same inbox, a database and an outbox of its own.
const STANDBY: &[&str] = &["--config", "standby.toml"];

fn desk() -> Desk {
    let desk = Desk::new();
    let config = CONFIG.replace("\"out\"", "\"standby-out\"");
    desk.write("standby.toml", &format!("{config}\n[store]\npath = \"standby/d.db\"\n"));
    fs::create_dir(desk.path().join("standby")).unwrap();
    desk
}

fn report(desk: &Desk, n: u32) {
    let text = format!(
        "From: r{n}@example.test\nTo: security@example.org\nSubject: Hole {n}\nMessage-ID: <{n}@r.test>\n\
         Date: Mon, 04 Jan 2027 10:00:00 +0000\n\nThis is hole {n}.\n"
    );
    desk.write(&format!("in/new/{n}"), &text);
}

/// The mails that left into a Maildir: their header fields, unfolded.
fn left(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let Ok(all) = fs::read_dir(folder.join("new")) else { return Vec::new() };
    let mut all: Vec<PathBuf> = all.map(|e| e.unwrap().path()).collect();
    // By their numbers, which their names hold behind the time.
    all.sort_by_key(|p| p.file_name().unwrap().to_str().unwrap().split('.').nth(1).unwrap().parse::<u32>().unwrap());
    let fields = |path: &PathBuf| {
        let raw = fs::read_to_string(path).unwrap().replace("\r\n", "\n").replace("\n ", " ");
        let head = raw.split("\n\n").next().unwrap().to_owned();
        head.lines().filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    all.iter().map(fields).collect()
}

/// A reporter answers the last mail to them that left into that folder.
fn answer(desk: &Desk, n: u32, out: &str, name: &str) {
    let to = format!("r{n}@example.test");
    let mails = left(&desk.path().join(out));
    let mail = mails.iter().rfind(|m| m["To"].contains(&to)).expect("something to answer");
    let id = &mail["Message-ID"];
    let text = format!(
        "From: {to}\nTo: {}\nSubject: Re: Hole\nMessage-ID: <{name}@r.test>\nIn-Reply-To: {id}\nReferences: {} {id}\n\n\
         More of hole {n}, {name}.\n",
        mail["Reply-To"], mail["References"]
    );
    desk.write(&format!("in/new/{name}"), &text);
}

/// The tickets by their titles.
fn tickets(desk: &Desk, config: &[&str]) -> BTreeMap<String, String> {
    let all = desk.json(&[config, &["list"]].concat());
    let one = |t: &Value| {
        let id = t["id"].as_str().unwrap();
        let shown = desk.json(&[config, &["show", id]].concat());
        (shown["ticket"]["title"].as_str().unwrap().to_owned(), id.to_owned())
    };
    all["tickets"].as_array().unwrap().iter().map(one).collect()
}

fn pass(desk: &Desk, config: &[&str]) {
    let (code, _, said) = desk.run(&[config, &["run", "--once"]].concat());
    assert_eq!(code, 0, "{said}");
}

/// Nothing but that it holds has left since there were so many, and it stands until a person ends it.
fn holds(desk: &Desk, config: &[&str], out: &str, before: usize) {
    let since = left(&desk.path().join(out)).split_off(before);
    let trouble =
        |m: &BTreeMap<String, String>| m["Subject"].contains("cannot do its work") && m["To"].contains("ada@");
    assert!(since.len() == 1 && since.iter().all(trouble), "{since:?}");
    pass(desk, config);
    assert_eq!(left(&desk.path().join(out)).len(), before + 1, "told once");
    let status = desk.json(&[config, &["status"]].concat());
    assert!(status["hold"].is_string() && status["healthy"] == false, "{status}");
    let (code, listed, said) = desk.run(&[config, &["recover"]].concat());
    assert!(code == 1 && listed.contains("Nothing leaves, since") && said.contains("recover --yes"), "{listed}{said}");
}

/// A person ends the hold, and what waits leaves.
fn recover(desk: &Desk, config: &[&str], out: &str) {
    let before = left(&desk.path().join(out)).len();
    let listed = desk.json(&[config, &["recover"]].concat());
    assert_eq!(listed["recovered"], false);
    desk.ok(&[config, &["recover", "--yes"]].concat());
    assert_eq!(desk.json(&[config, &["status"]].concat())["hold"], Value::Null);
    pass(desk, config);
    let waited = listed["notices"].as_array().unwrap().len();
    assert!(left(&desk.path().join(out)).len() >= before + waited);
    desk.ok(&[config, &["recover"]].concat());
    pass(desk, config);
    assert_eq!(desk.json(&[config, &["status"]].concat())["hold"], Value::Null, "it stays so");
}

/// The first host: two reports, acknowledged; a copy of its database from between the two; the second is answered.
fn first_host() -> Desk {
    let desk = desk();
    report(&desk, 1);
    pass(&desk, &[]);
    desk.ok(&["backup", "standby/d.db"]);
    report(&desk, 2);
    pass(&desk, &[]);
    let numbers = [("Hole 1", "SEC-1"), ("Hole 2", "SEC-2")];
    assert_eq!(tickets(&desk, &[]), numbers.map(|(t, n)| (t.to_owned(), n.to_owned())).into());
    desk
}

#[test]
fn a_standby_goes_on_from_a_copy_and_the_old_host_holds_when_it_comes_back() {
    let desk = first_host();
    pass(&desk, STANDBY);
    holds(&desk, STANDBY, "standby-out", 0);
    let after = tickets(&desk, STANDBY);
    assert_eq!(after["Hole 1"], "SEC-1");
    assert!(after["Hole 2"] != "SEC-2" && after.len() == 2, "SEC-2 is what the first host made of it: {after:?}");
    recover(&desk, STANDBY, "standby-out");
    // The old host comes back: somebody answered what it never sent.
    answer(&desk, 2, "standby-out", "late");
    let before = left(&desk.path().join("out")).len();
    pass(&desk, &[]);
    holds(&desk, &[], "out", before);
}

#[test]
fn a_standby_goes_on_from_the_inbox_alone_and_the_old_host_holds_when_it_comes_back() {
    let desk = first_host();
    answer(&desk, 2, "out", "early");
    fs::remove_file(desk.path().join("standby/d.db")).unwrap();
    let rebuild = [STANDBY, &["rebuild", "--from-inbox"]].concat();
    let made = desk.json(&rebuild);
    assert_eq!((&made["mails"], &made["tickets"], &made["proven"]), (&3.into(), &2.into(), &1.into()));
    let after = tickets(&desk, STANDBY);
    assert_eq!(after["Hole 2"], "SEC-2", "the answer proves it");
    assert!(!["SEC-1", "SEC-2"].contains(&after["Hole 1"].as_str()), "{after:?}");
    desk.fails(1, &rebuild, "there is a database");
    pass(&desk, STANDBY);
    assert_eq!(tickets(&desk, STANDBY), after, "the daemon knows what is there");
    holds(&desk, STANDBY, "standby-out", 0);
    recover(&desk, STANDBY, "standby-out");
    // What goes on here is numbered where the old host never was.
    report(&desk, 3);
    pass(&desk, STANDBY);
    answer(&desk, 3, "standby-out", "late");
    let before = left(&desk.path().join("out")).len();
    pass(&desk, &[]);
    holds(&desk, &[], "out", before);
}

/// A backup put back in place: the mark beside it is newer.
#[test]
fn a_database_that_was_put_back_sends_nothing_by_itself() {
    let desk = desk();
    report(&desk, 1);
    pass(&desk, &[]);
    desk.ok(&["backup", "copy.db"]);
    let mark = |desk: &Desk| fs::read_to_string(desk.path().join("disclosed.mark")).unwrap();
    report(&desk, 2);
    pass(&desk, &[]);
    let newer = mark(&desk);
    for name in ["disclosed.db-wal", "disclosed.db-shm"] {
        let _ = fs::remove_file(desk.path().join(name));
    }
    fs::rename(desk.path().join("copy.db"), desk.path().join("disclosed.db")).unwrap();
    // Whatever is opened first sees it, before anything is numbered.
    desk.write("other.eml", "From: x@example.test\nSubject: Other\n\nother\n");
    desk.ok(&["ingest", "other.eml"]);
    let before = left(&desk.path().join("out")).len();
    pass(&desk, &[]);
    holds(&desk, &[], "out", before);
    let after = tickets(&desk, &[]);
    assert!(after.len() == 3 && !after.values().any(|id| id == "SEC-2"), "{after:?}");
    assert_eq!(mark(&desk), newer, "in hold it stays as it was found");
    // Neither number of a notice that was dropped leaves.
    let waits = desk.json(&["recover"])["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["number"].as_u64().unwrap())
        .collect::<Vec<_>>();
    desk.fails(1, &["recover", "--yes", "--drop", "1"], "no notice 1 waits");
    let drop = waits.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    desk.ok(&["recover", "--yes", "--drop", &drop]);
    let before = left(&desk.path().join("out")).len();
    pass(&desk, &[]);
    assert_eq!(left(&desk.path().join("out")).len(), before);
    assert_ne!(mark(&desk), newer);
    // A mark that is lost beside a database that has known one is a sign too.
    fs::remove_file(desk.path().join("disclosed.mark")).unwrap();
    pass(&desk, &[]);
    assert!(desk.json(&["status"])["hold"].as_str().unwrap().contains("disclosed.mark"));
}
