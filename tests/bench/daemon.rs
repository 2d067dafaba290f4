//! The built daemon as a process.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::figure::now;
use crate::process::Process;

/// How long a daemon may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon. It is killed when this is dropped.
pub(crate) struct Daemon {
    process: Process,
    /// From its start until it said that it is ready.
    pub(crate) started: Duration,
}

impl Daemon {
    /// Starts it on the config in a folder, and waits until it tells systemd that it is ready (sd_notify).
    pub(crate) fn start(home: &Path) -> Self {
        // The path of a socket must be short.
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let log = fs::OpenOptions::new().append(true).create(true).open(home.join("log")).expect("the log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_disclosed"));
        command.arg("--config").arg(home.join("config.toml")).arg("run");
        command.env("NOTIFY_SOCKET", &path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let begin = now();
        let process = Process::spawn(&mut command);
        let mut message = [0; 256];
        loop {
            let said = socket.recv(&mut message);
            let said = said.unwrap_or_else(|e| panic!("the daemon does not get ready: {e}; see {}", home.display()));
            if message[..said].starts_with(b"READY=1") {
                return Self { process, started: begin.elapsed() };
            }
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.process.signal("TERM");
        assert!(self.process.wait(PATIENCE).is_some(), "the daemon does not stop");
    }

    /// A field of `/proc/PID/status` that is an amount of memory, in MB.
    pub(crate) fn memory(&mut self, field: &str) -> f64 {
        let path = format!("/proc/{}/status", self.process.child().id());
        let status = fs::read_to_string(path).expect("the daemon runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|number| number.parse::<f64>().ok());
        kib.expect("Linux says so") * 1_024.0 / 1e6
    }

    /// Seconds of CPU that it has used.
    pub(crate) fn cpu(&mut self) -> f64 {
        let path = format!("/proc/{}/stat", self.process.child().id());
        let stat = fs::read_to_string(path).expect("the daemon runs");
        // The second field is the name in brackets; the 14th and 15th are hundredths of seconds.
        let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
        after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }
}
