//! The walls of the house: which room may know which. `src/lib.rs` draws them, this holds them.

mod arrows;

use std::collections::{BTreeMap, BTreeSet};

use arrows::{House, Module};

/// The rooms, the lowest row first. A file may use only rooms of rows above its own line here.
const ROWS: &[&[&str]] = &[
    &["vocabulary"],
    &["policy", "token", "mail"],
    &["ticket", "command", "project"],
    &["notice"],
    &["rules"],
    &["intake"],
    &["store"],
    &["tracker"],
    &["health"],
    &["config", "net", "sasl", "clock"],
    &["imap", "maildir", "smtp", "dkim"],
    &["open"],
    &["daemon"],
    &["demo"],
    &["cli"],
    &["main", "testing"],
];

/// Within a row, who may use whom.
const PAIRS: &[(&str, &str)] =
    &[("mail", "policy"), ("mail", "token"), ("ticket", "project"), ("project", "command"), ("config", "net")];

/// The last row of the pure half: it decides, and knows no I/O, no clock, no async.
const PURE: usize = 5;

/// What the pure half must not name.
const SHELLS: &[&str] = &[
    "tokio",
    "rusqlite",
    "async_imap",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "SystemTime::now",
    "Instant::now",
    "async fn",
];

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
            let other = &path[0];
            let Some(theirs) = row(other).filter(|_| other != room) else {
                if other == "*" {
                    wrong.push(format!("{} -> everything", module.join("::")));
                }
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
            (vec!["lib".to_owned()], "mod policy;"),
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
    ] {
        assert!(!check(form).is_empty(), "{form}");
    }
    for form in [
        "use super::Term;",
        "// crate::store::Store",
        "fn f() { \"crate::store::Store\" }",
        "use std::store::Store;",
        "\n#[cfg(test)]\nmod tests { use crate::store::Store; }",
    ] {
        assert_eq!(check(form), [""; 0], "{form}");
    }
}

fn find(house: &House, within: impl Fn(&Module) -> bool, words: &[&str]) -> Vec<String> {
    let files = house.files().filter(|(m, _)| within(m));
    let found = files.flat_map(|(_, file)| {
        let hits = words.iter().filter(|w| file.code.contains(**w));
        hits.map(|w| format!("{}: {w}", file.path.display())).collect::<Vec<_>>()
    });
    found.collect()
}

#[test]
fn the_pure_half_knows_no_shell() {
    let is_pure = |m: &Module| m.first().and_then(|room| row(room)).is_some_and(|row| row <= PURE);
    assert_eq!(find(&House::read(), is_pure, SHELLS), [""; 0]);
    // Groups: `use std::{fs, net}`.
    let house = House::read();
    let pure = house.files().filter(|(m, _)| is_pure(m));
    let hidden = pure.filter(|(_, f)| f.code.contains("use std::{")).map(|(m, _)| m.join("::")).collect::<Vec<_>>();
    assert_eq!(hidden, [""; 0], "name each module of std on a line of its own, so that this test sees it");
}

#[test]
fn sql_stands_in_the_store_only() {
    let is_elsewhere = |m: &Module| m.first().is_some_and(|room| room != "store");
    assert_eq!(find(&House::read(), is_elsewhere, &["rusqlite::"]), [""; 0]);
}

/// G11: the daemon listens on no port.
#[test]
fn nothing_listens() {
    let words = ["TcpListener", "UnixListener", "UdpSocket", "UnixDatagram", ".listen("];
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
