//! The walls of the house: which half may know what. `src/lib.rs` draws them, this holds them.

use std::fs;
use std::path::{Path, PathBuf};

/// What decides, and knows no I/O, no clock, no async.
const PURE: &[&str] = &["policy", "ticket", "mail", "command", "token", "project", "notice"];

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
    "crate::store",
    "crate::tracker",
    "crate::daemon",
    "crate::config",
    "crate::imap",
    "crate::smtp",
    "crate::maildir",
    "crate::net",
    "crate::sasl",
    "crate::open",
    "crate::clock",
    "crate::cli",
    "crate::demo",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The lines of the code itself: no comments, and no tests at its end.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().take_while(|l| !l.starts_with("#[cfg(test)]")).enumerate();
    lines.filter(|(_, l)| !l.trim_start().starts_with("//")).map(|(n, l)| (n + 1, l.to_owned())).collect()
}

fn all() -> Vec<PathBuf> {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 60);
    all
}

fn find(paths: impl Iterator<Item = PathBuf>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        for (number, line) in code(&path) {
            let hits = words.iter().filter(|w| line.contains(**w));
            found.extend(hits.map(|w| format!("{}:{number}: {w}", path.display())));
        }
    }
    found
}

#[test]
fn the_pure_half_knows_no_shell() {
    let is_pure = |path: &PathBuf| {
        let path = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let room = path.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let is_test = path.file_name().is_some_and(|n| n == "tests.rs");
        PURE.contains(&room.as_str()) && !is_test
    };
    assert_eq!(find(all().into_iter().filter(is_pure), SHELLS), [""; 0]);
}

#[test]
fn sql_stands_in_the_store_only() {
    let elsewhere =
        all().into_iter().filter(|p| !p.to_string_lossy().contains("/src/store") && !p.ends_with("tests.rs"));
    assert_eq!(find(elsewhere, &["rusqlite::", "SELECT ", "INSERT INTO"]), [""; 0]);
}

/// G11: the daemon listens on no port.
#[test]
fn nothing_listens() {
    let words = ["TcpListener", "UnixListener", "UdpSocket", "UnixDatagram", ".listen("];
    assert_eq!(find(all().into_iter().filter(|p| !p.ends_with("tests.rs")), &words), [""; 0]);
}
