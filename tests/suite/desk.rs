//! A folder with a config and two Maildirs, and the built program in it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const CONFIG: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[policy]
timezone = "Europe/Berlin"
[[person]]
name = "Ada"
address = "ada@example.org"
roles = ["maintainer", "lead"]
"#;

pub(crate) const REPORT: &str = "From: Reporter <reporter@example.test>\n\
To: security@example.org\n\
Subject: Heap overflow in the parser\n\
Message-ID: <report-1@example.test>\n\
Date: Mon, 04 Jan 2027 10:00:00 +0000\n\
\n\
Version 1.2 overflows, CVE-2026-1234.\n\
Severity: high\n";

/// A folder with a config and two Maildirs, and the program in it.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for folder in ["in/new", "in/cur", "in/tmp"] {
            fs::create_dir_all(desk.path().join(folder)).unwrap();
        }
        desk.write("config.toml", CONFIG);
        desk
    }

    /// One with a report in it.
    pub(crate) fn with_report() -> Self {
        let desk = Self::new();
        desk.write("in/new/1", REPORT);
        assert_eq!(desk.ok(&["ingest", "in"]), "1 mail: 1 report.\n");
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_disclosed"));
        command.args(arguments);
        command
    }

    /// A line that somebody pastes.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = self.program("sh");
        command.args(["-c", line]);
        command
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(self.path()).env_remove("RUST_LOG").stdin(Stdio::null());
        // Whoever runs the tests, it is alice.
        command.env("SUDO_USER", "alice").env_remove("DOAS_USER");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().expect("no signal ended it"), text(stdout), text(stderr))
    }

    /// What it prints when all is well.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let (code, out, said) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert!(!out.contains('\u{1b}'), "colour in a pipe: {out}");
        out
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (_, out, said) = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}{said}"))
    }

    pub(crate) fn fails(&self, code: i32, arguments: &[&str], expect: &str) {
        let (found, out, said) = self.run(arguments);
        assert_eq!(found, code, "{arguments:?}: {out}{said}");
        assert!(said.contains(expect), "{arguments:?}: {said}");
    }
}
