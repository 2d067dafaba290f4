//! The built daemon, run against the rig and asked by its command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use disclosed::testing::store::Store;
use serde_json::Value;

use crate::process::{Process, until};
use crate::rig::{PASSWORD, Rig};

/// How long anything may take that should happen at once, on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// What differs between the tests.
pub(crate) struct Settings {
    /// Between two looks when the server does not push.
    pub(crate) poll: &'static str,
    /// Whether to ask the server to push.
    pub(crate) idle: bool,
    /// STARTTLS for both servers in place of TLS from the first byte.
    pub(crate) starttls: bool,
    /// Whether its first look is the first of all: what lies in the inbox then was there before.
    pub(crate) first: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { poll: "2s", idle: true, starttls: false, first: false }
    }
}

/// One daemon with its config and database. It is killed when this is dropped.
pub(crate) struct Daemon {
    process: Option<Process>,
    home: PathBuf,
}

impl Daemon {
    /// Writes the config; nothing runs yet.
    pub(crate) fn new(rig: &Rig, settings: &Settings) -> Self {
        let daemon = Self { process: None, home: rig.path("daemon") };
        fs::create_dir(&daemon.home).expect("a folder");
        daemon.write_secret("smtp-password", PASSWORD);
        daemon.set_password(PASSWORD);
        let text = config(rig, settings);
        fs::write(daemon.config(), &text).expect("the config");
        // What the command line reads, also while a test has broken the daemon's own.
        fs::write(daemon.home.join("ask.toml"), text).expect("the config");
        if !settings.first {
            let mut store = Store::open(&daemon.home.join("disclosed.db")).expect("a database");
            store.write(|tx| tx.source("before")).expect("our own database");
        }
        daemon
    }

    /// Configured and started.
    pub(crate) fn started(rig: &Rig, settings: &Settings) -> Self {
        let mut daemon = Self::new(rig, settings);
        daemon.start();
        daemon
    }

    /// The config that the daemon reads.
    pub(crate) fn config(&self) -> PathBuf {
        self.home.join("config.toml")
    }

    /// The password for the inbox, as the daemon will read it.
    pub(crate) fn set_password(&self, password: &str) {
        self.write_secret("imap-password", password);
    }

    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        let path = self.home.join(name);
        fs::write(&path, secret).expect("the secret");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("our own file");
    }

    /// Logs in with access tokens from a server at this port, in place of the passwords.
    pub(crate) fn take_tokens(&self, rig: &Rig, port: u16, how: &str) {
        let text = fs::read_to_string(self.config()).expect("the config");
        let with = |line: &str| if line.starts_with("password_file") { "auth = \"oauth2\"" } else { line }.to_owned();
        let text = text.lines().map(with).collect::<Vec<_>>().join("\n");
        let ca = rig.ca();
        let text = format!(
            "{text}\n[oauth2]\nclient_id = \"disclosed\"\ntoken_url = \"https://localhost:{port}/token\"\n\
             ca_file = \"{}\"\n{how}\n",
            ca.display()
        );
        for name in ["config.toml", "ask.toml"] {
            fs::write(self.home.join(name), &text).expect("the config");
        }
    }

    pub(crate) fn start(&mut self) {
        self.process = Some(self.another());
    }

    /// A further process with the same config.
    pub(crate) fn another(&self) -> Process {
        let log = fs::OpenOptions::new().append(true).create(true).open(self.home.join("log")).expect("the log");
        Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_disclosed"))
                .arg("--config")
                .arg(self.config())
                .arg("run")
                .env_remove("NOTIFY_SOCKET")
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second handle"))
                .stderr(log),
        )
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and how it ended; `None` when it did not.
    pub(crate) fn terminate(&mut self, limit: Duration) -> Option<ExitStatus> {
        let mut process = self.process.take().expect("the daemon was started");
        process.signal("TERM");
        process.wait(limit)
    }

    /// SIGHUP: read the config again.
    pub(crate) fn reload(&self) {
        self.process.as_ref().expect("the daemon was started").signal("HUP");
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// All that it has logged, over all its starts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }

    /// Asks by the command line; `None` while there is no answer, for instance before the first start.
    pub(crate) fn ask(&self, subcommand: &str) -> Option<Value> {
        let output = Command::new(env!("CARGO_BIN_EXE_disclosed"))
            .arg("--config")
            .arg(self.home.join("ask.toml"))
            .args([subcommand, "--json"])
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        // 3 is an answer too: something in it needs a person.
        matches!(output.status.code(), Some(0 | 3)).then(|| {
            serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|e| panic!("{subcommand}: {e}: {}", String::from_utf8_lossy(&output.stdout)))
        })
    }

    /// `check --online` with the daemon's config and `more` behind it; the findings.
    pub(crate) fn check_online(&self, more: &str) -> Vec<Value> {
        let path = self.home.join("check.toml");
        let text = fs::read_to_string(self.config()).expect("the config");
        fs::write(&path, format!("{text}\n{more}")).expect("the config");
        let output = Command::new(env!("CARGO_BIN_EXE_disclosed"))
            .arg("--config")
            .arg(path)
            .args(["check", "--online", "--json"])
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let document: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("check: {e}: {said}"));
        document["findings"].as_array().unwrap_or_else(|| panic!("check: {document}")).clone()
    }

    pub(crate) fn tickets(&self) -> Vec<Value> {
        self.rows("list", "tickets")
    }

    pub(crate) fn receipts(&self) -> Vec<Value> {
        self.rows("inbox", "receipts")
    }

    pub(crate) fn notices(&self) -> Vec<Value> {
        self.rows("outbox", "notices")
    }

    fn rows(&self, subcommand: &str, name: &str) -> Vec<Value> {
        let Some(answer) = self.ask(subcommand) else { return Vec::new() };
        answer[name].as_array().unwrap_or_else(|| panic!("{subcommand} gives no {name}: {answer}")).clone()
    }

    /// Whether the daemon has looked into the mailbox.
    pub(crate) fn has_looked(&self) -> bool {
        self.ask("status").is_some_and(|status| status["last_scan"].is_string())
    }

    /// Waits until there are so many tickets, and as many acknowledgements have arrived at the reporter's.
    #[track_caller]
    pub(crate) fn wait_for(&self, rig: &Rig, tickets: usize) {
        let done = until(SOON, || self.tickets().len() >= tickets && rig.mailbox("reporter").len() >= tickets);
        assert!(done, "no {tickets} acknowledged tickets in time: {}", self.standing(rig));
        self.has_exactly(rig, tickets);
    }

    /// There are so many tickets and acknowledgements, and not one more.
    #[track_caller]
    pub(crate) fn has_exactly(&self, rig: &Rig, tickets: usize) {
        let found = (self.tickets().len(), rig.mailbox("reporter").len());
        assert_eq!(found, (tickets, tickets), "tickets and acknowledgements: {}", self.standing(rig));
    }

    /// For a person who reads why a test failed.
    pub(crate) fn standing(&self, rig: &Rig) -> String {
        let tickets = self.tickets().len();
        let (security, reporter) = (rig.mailbox("security").len(), rig.mailbox("reporter").len());
        let (receipts, notices) = (self.receipts(), self.notices());
        let log = self.log();
        format!(
            "{tickets} tickets, {security} mails at security's, {reporter} at the reporter's\n\
             receipts: {receipts:#?}\nnotices: {notices:#?}\nlog:\n{log}"
        )
    }
}

/// One report as it comes over the wire.
pub(crate) struct Report {
    /// Its Message-ID, with the angle brackets.
    pub(crate) id: String,
    pub(crate) raw: Vec<u8>,
}

/// What must never be seen in the log.
pub(crate) const SECRET: &str = "in the parser of frobnications";

/// The report number `n`; each has a text and a Message-ID of its own.
pub(crate) fn report(n: usize) -> Report {
    let id = format!("<report-{n}@reporter.test>");
    let raw = format!(
        "From: Reporter <reporter@reporter.test>\r\nTo: security@example.test\r\nSubject: Overflow {n} {SECRET}\r\n\
         Date: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: {id}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         There is overflow number {n} {SECRET}.\r\n\r\nVersion 1.{n} is affected.\r\n"
    );
    Report { id, raw: raw.into_bytes() }
}

/// A header field of a mail that the daemon wrote, unfolded.
pub(crate) fn header(raw: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n");
    let (head, _) = text.split_once("\n\n")?;
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn config(rig: &Rig, settings: &Settings) -> String {
    let (tls, imap, smtp) = if settings.starttls {
        ("starttls", rig.ports.imap, rig.ports.submission)
    } else {
        ("implicit", rig.ports.imaps, rig.ports.submissions)
    };
    let ca = rig.ca();
    let ca = ca.display();
    let Settings { poll, idle, .. } = settings;
    // The caps are raised: here many mails of one sender are no attack.
    format!(
        r#"
[project]
name = "Example"
address = "security@example.test"

[store]
path = "disclosed.db"

[inbox.imap]
server = "localhost"
port = {imap}
tls = "{tls}"
ca_file = "{ca}"
user = "security"
password_file = "imap-password"
folder = "INBOX"
poll = "{poll}"
idle = {idle}

[outgoing.smtp]
server = "localhost"
port = {smtp}
tls = "{tls}"
ca_file = "{ca}"
user = "security"
password_file = "smtp-password"

[[person]]
name = "Bob"
address = "bob@example.test"
roles = ["maintainer", "lead"]

[[person]]
name = "Alice"
address = "alice@example.test"
roles = ["maintainer", "escalation"]

[policy]
timezone = "UTC"

[[policy.promise]]
name = "acknowledge"
from = "received"
until = "acknowledged"
within = "48h"

[limits]
acks_per_sender_day = 10000
acks_per_domain_hour = 10000
automatic_per_hour = 10000
reports_per_hour = 10000
breaker_per_hour = 10000
"#
    )
}
