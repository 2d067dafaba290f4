//! `disclosed backup`: what was copied opens, with the same tickets.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use serde_json::Value;

use crate::desk::Desk;

#[test]
fn a_backup_holds_the_same_tickets_and_answers_the_same_replies() {
    let desk = Desk::with_report();
    desk.ok(&["do", "1", "/severity high", "/ack"]);
    let said = desk.ok(&["backup", "copy.db"]);
    assert!(said.starts_with("copy.db: the database, whole, ") && said.contains("\ncopy.key: "), "{said}");
    for name in ["copy.db", "copy.key"] {
        let mode = fs::metadata(desk.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let names = || -> Vec<String> {
        let names = fs::read_dir(desk.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|n| n.starts_with("copy")).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["copy.db", "copy.key"], "the copy is one file and its key");
    let read = |name: &str| fs::read(desk.path().join(name)).unwrap();
    assert_eq!(read("copy.key"), read("disclosed.key"));

    let config = fs::read_to_string(desk.path().join("config.toml")).unwrap();
    desk.write("copy.toml", &format!("[store]\npath = \"copy.db\"\n{config}"));
    let copy = |command: &[&str]| desk.json(&[command, &["--config", "copy.toml"]].concat());
    for command in [&["list"][..], &["show", "1"], &["inbox"], &["outbox"]] {
        assert_eq!(copy(command), desk.json(command), "{command:?}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let desk = Desk::with_report();
    desk.write("there.db", "mine");
    desk.fails(1, &["backup", "there.db"], "there.db: is there already");
    desk.write("other.key", "mine");
    desk.fails(1, &["backup", "other.db"], "other.key: is there already");
    desk.write("half.part", "mine");
    desk.fails(1, &["backup", "half.db"], "half.part: a backup runs, or was broken off");
    desk.fails(1, &["backup", "disclosed.db"], "is there already");
    desk.fails(1, &["backup", "a.key"], "name it backup.db");
    desk.fails(1, &["backup", "no/such/folder.db"], "no/such/folder.part");
    for (name, expect) in [("there.db", "mine"), ("other.key", "mine"), ("half.part", "mine")] {
        assert_eq!(fs::read_to_string(desk.path().join(name)).unwrap(), expect);
    }
    assert!(!desk.path().join("other.db").exists() && !desk.path().join("there.key").exists());
    desk.fails(2, &["backup"], "FILE");
}

#[test]
fn without_a_database_there_is_nothing_to_copy() {
    let desk = Desk::new();
    desk.fails(1, &["backup", "copy.db"], "there is no database yet");
    assert!(!desk.path().join("copy.db").exists() && !desk.path().join("copy.key").exists());
}

#[test]
fn a_backup_is_one_state_while_others_write() {
    let desk = Desk::with_report();
    // Large enough for several steps, each in a transaction that keeps two rows equal.
    let writer = Connection::open(desk.path().join("disclosed.db")).unwrap();
    writer.execute_batch("CREATE TABLE pair (a INTEGER, b INTEGER); INSERT INTO pair VALUES (0, 0);").unwrap();
    writer.execute_batch("CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(40000000));").unwrap();
    let mut child = desk.command(&["backup", "copy.db", "--json"]);
    let mut child = child.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut writes = 0;
    while child.try_wait().unwrap().is_none() {
        writer.execute_batch("BEGIN; UPDATE pair SET a = a + 1; UPDATE pair SET b = b + 1; COMMIT;").unwrap();
        writes += 1;
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["database"], &document["key"]), (&"copy.db".into(), &"copy.key".into()));
    assert!(document["octets"].as_u64().unwrap() > 40_000_000, "{document}");
    let copy = Connection::open(desk.path().join("copy.db")).unwrap();
    let (a, b): (i64, i64) = copy.query_row("SELECT a, b FROM pair", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert!(a == b && b <= writes, "{a} {b} of {writes}");
}
