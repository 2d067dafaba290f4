//! The walls of the house: which room may know which. `src/lib.rs` draws them, this holds them.

mod arrows;

use std::collections::{BTreeMap, BTreeSet};

use arrows::{House, Module};

/// The rooms, the lowest row first. A file may use only rooms of rows above its own line here.
const ROWS: &[&[&str]] = &[
    &["vocabulary"],
    &["policy", "provider", "token", "mail"],
    &["ticket", "command", "project"],
    &["notice"],
    &["rules"],
    &["intake"],
    &["store"],
    &["tracker"],
    &["health"],
    &["config", "net", "sasl", "oauth", "clock", "whole"],
    &["imap", "maildir", "smtp", "dkim"],
    &["open"],
    &["daemon"],
    &["demo"],
    &["cli"],
    &["main", "testing"],
];

/// Within a row, who may use whom.
const PAIRS: &[(&str, &str)] = &[
    ("mail", "policy"),
    ("mail", "provider"),
    ("mail", "token"),
    ("ticket", "project"),
    ("project", "command"),
    ("config", "net"),
    ("config", "oauth"),
    ("oauth", "net"),
    ("oauth", "sasl"),
    ("oauth", "clock"),
    ("oauth", "whole"),
];

/// The last row of the pure half: it decides, and knows no I/O, no clock, no async.
const PURE: usize = 5;

/// What the pure half may name of other crates and of the standard library: values, and nothing of the world.
const HARMLESS: &[&str] = &[
    "std::cmp",
    "std::collections",
    "std::fmt",
    "std::hash",
    "std::iter",
    "std::mem",
    "std::ops",
    "std::slice",
    "std::str",
    "std::sync",
    "std::time",
    "chrono",
    "cron",
    "cvss",
    "data_encoding",
    "encoding_rs",
    "hmac",
    "icalendar",
    "jiff",
    "lettre::Address",
    "lettre::address",
    "lettre::error",
    "lettre::message",
    "mail_parser",
    "semver",
    "serde",
    "sha2",
    "thiserror",
];

/// What it must not say: ways to the clock and to a terminal through what is harmless otherwise.
const WORLDLY: &[&str] =
    &["async", "await", ":: now (", ". elapsed (", "print !", "println !", "eprint !", "eprintln !", "dbg !"];

/// What no file says, since it brings in what this test does not see.
const HIDING: &[&str] = &["extern", "include !", "# [ path"];

/// Files of one room that use each other since they are one noun: each with the reason.
const ONE_NOUN: &[(&str, &str, &str)] = &[("daemon::check", "daemon::forged", "one check of the servers")];

fn row(room: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&room))
}

/// The arrows that no row allows, as "file -> room".
fn wrong_arrows(house: &House) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, _) in house.files().filter(|(m, _)| !m.is_empty()) {
        let room = &module[0];
        let mine = row(room).unwrap_or_else(|| panic!("{room} stands in no row"));
        for path in house.names(module) {
            // A name that is no room is the root's, which may pass one on.
            let other = if row(&path[0]).is_some() {
                &path[0]
            } else {
                house.home(&path).and_then(|h| h.first()).unwrap_or(&path[0])
            };
            if other == room {
                continue;
            }
            let Some(theirs) = row(other) else {
                wrong.push(format!("{} -> {}", module.join("::"), path.join("::")));
                continue;
            };
            if theirs > mine || theirs == mine && !PAIRS.contains(&(room, other)) {
                wrong.push(format!("{} -> {}", module.join("::"), path.join("::")));
            }
        }
    }
    wrong
}

/// The circles among files: each as the files that use each other, in order.
fn circles(house: &House) -> Vec<String> {
    let used: BTreeMap<&Module, BTreeMap<&Module, Vec<String>>> =
        house.files().map(|(m, _)| (m, house.used(m))).collect();
    let one_noun = |a: &str, b: &str| ONE_NOUN.iter().any(|(x, y, _)| (*x, *y) == (a, b) || (*x, *y) == (b, a));
    let reaches = |from: &Module, to: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            for other in used[next].keys() {
                if *other == to {
                    return true;
                }
                if seen.insert(*other) {
                    open.push(other);
                }
            }
        }
        false
    };
    let mut found = Vec::new();
    for (a, theirs) in &used {
        for (b, names) in theirs {
            let (from, to) = (a.join("::"), b.join("::"));
            if !one_noun(&from, &to) && reaches(b, a) {
                found.push(format!("{from} -> {to}: {}", names.join(", ")));
            }
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    assert_eq!(wrong_arrows(&House::read()), [""; 0]);
}

#[test]
fn no_files_use_each_other() {
    assert_eq!(circles(&House::read()), [""; 0]);
}

/// Each form in which Rust can name another room.
#[test]
fn a_wrong_arrow_is_seen_in_each_form() {
    let check = |text: &str| {
        let files = [
            (vec!["lib".to_owned()], "mod policy; mod store; mod cli; pub use cli::run; pub use store::Store as Kept;"),
            (vec!["cli".to_owned()], ""),
            (vec!["policy".to_owned()], "pub mod term;"),
            (vec!["policy".to_owned(), "term".to_owned()], text),
            (vec!["store".to_owned()], "pub struct Store;\npub mod views;"),
            (vec!["store".to_owned(), "views".to_owned()], ""),
        ];
        let files = files.into_iter().map(|(module, text)| (module, Default::default(), text.to_owned()));
        wrong_arrows(&House::of(files))
    };
    for form in [
        "use crate::store::Store;",
        "pub use crate::store::Store;",
        "pub(crate) use crate::store::Store as Other;",
        "use crate::{policy::Term, store};",
        "use crate::{\n    policy::Term,\n    store::{self, Store},\n};",
        "use super::super::store::Store;",
        "fn f() { crate::store::views::all() }",
        "fn f() -> super::super::store::Store { todo!() }",
        "mod inner { fn f() -> super::super::super::store::Store { todo!() } }",
        "fn f() { use crate::store::Store; }",
        "use crate::*;",
        "impl From<crate::store::Store> for T {}",
        "#[cfg(test)]\nconst A: A = A { b };\nuse crate::store::Store;",
        "struct A {\n    #[cfg(test)]\n    b: C,\n}\nuse crate::store::Store;",
        "fn f() { crate::run() }",
        "use crate::Kept;",
        "use crate as x; use x::{store::Store};",
        "pub(crate) use crate as root;",
        "use self::super::super::store::Store;",
        "fn f() { crate :: store /* here */ ::all() }",
        "fn f() { crate::r#store::all() }",
        "macro_rules! m { ($a:ident) => { crate::$a::all() } }",
        "macro_rules! m { () => { $crate::store::all() } }",
        "#[allow(unused)] use crate::store;",
        "mod inner { use super::super::super as up; }",
        "fn f() { (br\"\\\", /* \" */ crate::store::all()) }",
    ] {
        assert!(!check(form).is_empty(), "{form}");
    }
    for form in [
        "use super::Term;",
        "// crate::store::Store",
        "fn f() { \"crate::store::Store\" }",
        "use std::store::Store;",
        "\n#[cfg(test)]\nmod tests { use crate::store::Store; }",
        "#[cfg(test)] use crate::{store::{self, Store}};",
        "pub(crate) fn f(self, crate_: u8) {}",
    ] {
        assert_eq!(check(form), [""; 0], "{form}");
    }
}

/// Who says what: tokens in a row, apart by blanks.
fn find(house: &House, within: impl Fn(&Module) -> bool, sayings: &[&str]) -> Vec<String> {
    let files = house.files().filter(|(m, _)| within(m));
    let found = files.flat_map(|(_, file)| {
        let said = sayings.iter().filter(|s| file.says(&s.split(' ').collect::<Vec<_>>()));
        said.map(|s| format!("{}: {s}", file.path.display())).collect::<Vec<_>>()
    });
    found.collect()
}

fn is_pure(module: &Module) -> bool {
    module.first().and_then(|room| row(room)).is_some_and(|row| row <= PURE)
}

/// What the pure half names of the world, as "file: path".
fn worldly(house: &House) -> Vec<String> {
    let cargo = include_str!("../../Cargo.toml").split_once("\n[dependencies]").unwrap().1;
    let named = cargo.split("\n[").next().unwrap().lines().filter_map(|l| l.split_once(" = "));
    let crates: Vec<String> = named.map(|(name, _)| name.replace('-', "_")).collect();
    let mut found = find(house, is_pure, WORLDLY);
    for (module, _) in house.files().filter(|(m, _)| is_pure(m)) {
        for path in house.outside(module) {
            let is_outside = ["std", "core", "alloc"].contains(&path[0].as_str()) || crates.contains(&path[0]);
            let is_harmless = (1..=2).any(|n| path.get(..n).is_some_and(|p| HARMLESS.contains(&p.join("::").as_str())));
            if is_outside && !is_harmless {
                found.push(format!("{}: {}", module.join("::"), path.join("::")));
            }
        }
    }
    found
}

#[test]
fn the_pure_half_knows_no_world() {
    assert_eq!(worldly(&House::read()), [""; 0]);
}

#[test]
fn the_world_is_seen_in_each_form() {
    for text in [
        "use std::fs;",
        "use ::std::{collections::BTreeMap, fs as files};",
        "use std as s; fn f() { s::fs::read(p) }",
        "fn f() { std::thread::sleep(d) }",
        "use std::time::SystemTime as T; fn f() { T::now() }",
        "fn f() { jiff::Timestamp::now() }",
        "fn f(p: &std::path::Path) { p.exists() }",
        "fn f() { println!() }",
        "async fn f() {}",
        "fn f() { async move {} }",
        "use tokio::net;",
        "use lettre::SmtpTransport;",
        "fn f() { getrandom::fill(b) }",
    ] {
        let files = [(vec!["lib".to_owned()], "mod policy;"), (vec!["policy".to_owned()], text)];
        let files = files.into_iter().map(|(module, text)| (module, Default::default(), text.to_owned()));
        assert!(!worldly(&House::of(files)).is_empty(), "{text}");
    }
}

#[test]
fn no_file_hides_what_it_brings_in() {
    assert_eq!(find(&House::read(), |_| true, HIDING), [""; 0]);
    // A macro there could be used everywhere without a path, and a function would stand in no row.
    assert_eq!(find(&House::read(), Vec::is_empty, &["macro_rules", "fn", "rusqlite"]), [""; 0]);
}

#[test]
fn sql_stands_in_the_store_only() {
    let house = House::read();
    let is_elsewhere = |m: &Module| m.first().is_none_or(|room| room != "store");
    assert_eq!(find(&house, is_elsewhere, &["rusqlite"]), [""; 0]);
    let hands_on = house.files().filter(|(_, f)| f.hands_on("rusqlite")).map(|(m, _)| m.join("::"));
    assert_eq!(hands_on.collect::<Vec<_>>(), [""; 0]);
}

/// Who may make an entry is asked where entries are written: at one place, and what it wrote of it stays.
#[test]
fn entries_are_written_in_one_place() {
    let house = House::read();
    let code = house.files().map(|(_, f)| std::fs::read_to_string(&f.path).unwrap()).collect::<Vec<_>>().join("\n");
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let scripts = std::fs::read_dir(schema).unwrap().map(|e| e.unwrap().path());
    let scripts = scripts.filter(|p| p.extension().is_some_and(|e| e == "sql"));
    let all = scripts.fold(code, |all, path| all + &std::fs::read_to_string(path).unwrap());
    let words: Vec<String> = all.split_whitespace().map(|w| w.trim_matches('"').to_lowercase()).collect();
    let writes =
        words.windows(3).filter(|w| matches!(w[0].as_str(), "insert" | "replace" | "ignore") && w[1] == "into");
    assert_eq!(writes.filter(|w| w[2] == "entry").count(), 1);
    for (at, _) in words.windows(3).enumerate().filter(|(_, w)| w[..] == ["update", "entry", "set"]) {
        let mut set = words[at + 3..].iter().take_while(|w| !["where", "from"].contains(&w.as_str()));
        let changed = set.find(|w| ["by_kind", "by_address", "seq", "at", "ticket"].contains(&w.as_str()));
        assert_eq!(changed, None, "an entry does not change its maker, its place or its time");
    }
}

/// G11: the daemon listens on no port.
#[test]
fn nothing_listens() {
    let words = ["TcpListener", "UnixListener", "UdpSocket", "UnixDatagram", "listen"];
    assert_eq!(find(&House::read(), |_| true, &words), [""; 0]);
}

/// A newcomer sees the sources, the tests, an example and a README: what tools want beside them is hidden.
#[test]
fn the_top_level_is_small() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "config.toml.example",
        "src",
        "systemd",
        "target",
        "tests",
    ];
    let names = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let names = names.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let others: Vec<String> = names.filter(|n| !n.starts_with('.') && !allowed.contains(&n.as_str())).collect();
    assert_eq!(others, [""; 0]);
}

/// A file that one reading takes in.
#[test]
fn no_file_is_long() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines = Vec::new();
    for folder in ["src", "tests"] {
        for path in arrows::sources(&root.join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            lines.push((text.lines().count(), path.strip_prefix(root).unwrap().to_owned()));
        }
    }
    lines.sort();
    let long: Vec<_> = lines.iter().filter(|(count, _)| *count > 550).collect();
    assert!(long.is_empty(), "{long:?}");
    assert!(lines[lines.len() / 2].0 <= 200, "the median is {:?}", lines[lines.len() / 2]);
}
