//! The package on a machine with systemd: installed, set up as the README says, watched, backed up and taken away.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::daemon::{SOON, report};
use crate::process::{Process, now, until};
use crate::rig::{PASSWORD, Rig};

const README: &str = include_str!("../../README.md");
const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// A systemd of our own: see `booted.sh`. It ends when this is dropped.
struct Machine {
    process: Option<Process>,
    pid: String,
    folder: TempDir,
}

impl Machine {
    /// `None` where this machine cannot, after saying so.
    fn boot() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("disclosed-booted-").tempdir().expect("a temporary folder");
        let log = || fs::File::create(folder.path().join("log")).expect("a file");
        let mut process = Process::spawn(
            Command::new("bash")
                .arg(Path::new(SOURCE).join("tests/servers/booted.sh"))
                .arg(folder.path())
                .stdin(Stdio::null())
                .stdout(log())
                .stderr(log()),
        );
        let pid = folder.path().join("pid");
        until(SOON, || pid.exists() || process.ended().is_some());
        let mut machine = Self { process: Some(process), pid: String::new(), folder };
        machine.pid = fs::read_to_string(pid).unwrap_or_default().trim().to_owned();
        if !machine.pid.is_empty()
            && until(SOON, || machine.run("systemctl is-system-running | grep -E 'running|degraded'").0)
        {
            return Some(machine);
        }
        let log = fs::read_to_string(machine.folder.path().join("log")).unwrap_or_default();
        left_out(&format!("the package under systemd (none can be booted here: {})", log.lines().last().unwrap_or("")));
        None
    }

    /// A path of the machine, as it is seen from outside.
    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    fn write(&self, path: &str, mode: u32, text: &str) {
        fs::write(self.path(path), text).unwrap_or_else(|e| panic!("{path}: {e}"));
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("our own file");
    }

    /// Whether a line for the shell succeeds as root, and what it says.
    fn run(&self, line: &str) -> (bool, String) {
        let output = Command::new("nsenter")
            .args(["--target", &self.pid, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "env", "-i"])
            .args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-euc", &format!("exec 2>&1; {line}")])
            .stdin(Stdio::null())
            .output()
            .expect("nsenter starts");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    #[track_caller]
    fn ok(&self, line: &str) -> String {
        let (ok, said) = self.run(line);
        assert!(ok, "{line}:\n{said}\n{}", self.run("journalctl --no-pager -n 50").1);
        said
    }

    #[track_caller]
    fn comes(&self, line: &str, what: &str) {
        let done = until(SOON, || self.run(line).1.contains(what));
        assert!(done, "{line}: no {what:?}: {}\n{}", self.run(line).1, self.run("journalctl --no-pager -n 50").1);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.process = None;
        let Ok(group) = fs::read_to_string(self.folder.path().join("group")) else { return };
        let empty =
            || Command::new("find").args([group.trim(), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]).output();
        until(SOON, || empty().is_ok() && !Path::new(group.trim()).exists());
    }
}

fn left_out(what: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}");
}

/// The package of the built program; soon, not small.
fn package(into: &Path) -> PathBuf {
    let made = Command::new(Path::new(SOURCE).join("systemd/package"))
        .args(["--program", env!("CARGO_BIN_EXE_disclosed")])
        .arg(into)
        .envs([("DPKG_DEB_COMPRESSOR_LEVEL", "0"), ("XZ_OPT", "-0")])
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut files = fs::read_dir(into).expect("the folder").map(|file| file.expect("a file").path());
    files.find(|path| path.extension().is_some_and(|e| e == "deb")).expect("a package")
}

/// The README's config, for the servers of the rig.
fn config(rig: &Rig) -> String {
    let (_, config) = README.split_once("```toml\n").expect("a config");
    let (config, _) = config.split_once("```").expect("its end");
    let door = |port| format!("server = \"localhost\"\nport = {port}\nca_file = \"/etc/disclosed/ca.pem\"");
    let config = config.replace("example.org", "example.test").replace("ada@", "alice@").replace("grace@", "bob@");
    let config = config.replacen("server = \"mail.example.test\"", &door(rig.ports.imaps), 1);
    config.replacen("server = \"mail.example.test\"", &door(rig.ports.submissions), 1)
}

#[test]
fn installed_and_set_up_by_the_readme_it_acknowledges_and_systemd_keeps_it() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        return left_out("the package under systemd (dpkg-deb is not installed)");
    }
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let Some(machine) = Machine::boot() else { return };
    let begin = now();
    fs::copy(package(&machine.folder.path().join("made")), machine.path("/root/disclosed.deb")).expect("a copy");
    machine.ok("dpkg --install /root/disclosed.deb");
    machine.write("/etc/disclosed/example.toml", 0o644, &config(&rig));
    machine.write("/etc/disclosed/ca.pem", 0o644, &fs::read_to_string(rig.ca()).expect("the authority"));
    for door in ["imap", "smtp"] {
        machine.write(&format!("/etc/credstore/disclosed.example.{door}-password"), 0o600, PASSWORD);
    }
    let block = README.split("```\n").find(|b| b.contains("systemctl enable")).expect("how it is started");
    for line in block.replace("\\\n", "").replace("sudo ", "").lines() {
        machine.ok(line);
    }

    // It has said that it is ready, or systemd would not call it active; the passwords came as credentials.
    let ask = "disclosed --config /etc/disclosed/example.toml";
    let unit = |what: &str| machine.ok(&format!("systemctl show --value -p {what} disclosed@example"));
    assert_eq!(unit("ActiveState"), "active");
    machine.comes(&format!("{ask} status --json"), "\"last_scan\": \"");
    rig.send("reporter@reporter.test", "security@example.test", &report(1).raw);
    assert!(until(SOON, || !rig.mailbox("reporter").is_empty()), "{}", machine.run(&format!("{ask} outbox")).1);
    let took = begin.elapsed().as_secs();
    let _ = writeln!(std::io::stderr(), "from the program to the first acknowledged report under systemd: {took} s");

    // A reload is the same process; a config that is wrong changes nothing.
    let (log, pid) = ("journalctl --no-pager -u disclosed@example", unit("MainPID"));
    machine.ok("systemctl reload disclosed@example");
    machine.comes(log, "the config was reloaded");
    machine.ok("echo wrong >>/etc/disclosed/example.toml; systemctl reload disclosed@example");
    machine.comes(log, "the old one stays in force");
    machine.ok("sed -i '$d' /etc/disclosed/example.toml");
    // So is another package over it, and whoever installs it hears so.
    let said = machine.ok("dpkg --install /root/disclosed.deb");
    assert!(said.contains("disclosed@example.service runs on as it was"), "{said}");
    assert_eq!((unit("ActiveState").as_str(), unit("MainPID")), ("active", pid));

    // A backup, and the way back as the head of its unit has it.
    machine.ok("systemctl start disclosed-backup@example");
    machine.ok("systemctl stop disclosed@example");
    assert_eq!((unit("Result").as_str(), unit("ExecMainStatus").as_str()), ("success", "0"));
    machine.comes(log, "stopped");
    machine.ok("cd /var/lib/disclosed/example; rm disclosed.db*; for kind in db key; do \
         install -m 0600 /var/backups/disclosed/example/*.$kind disclosed.$kind; done; \
         chown --reference=. disclosed.db disclosed.key; systemctl start disclosed@example");
    assert!(machine.ok(&format!("{ask} list")).contains("SEC-1"));

    // One that does nothing any more is started again.
    machine.write("/etc/quick.conf", 0o644, "[Service]\nWatchdogSec=5s\nRestartSec=100ms\n");
    machine.ok("install -D /etc/quick.conf /etc/systemd/system/disclosed@example.service.d/quick.conf");
    machine.ok("systemctl daemon-reload; systemctl restart disclosed@example");
    machine.ok("systemctl kill --signal=STOP disclosed@example");
    machine.comes(log, "Watchdog timeout");
    machine.comes("systemctl show -p NRestarts -p ActiveState disclosed@example", "NRestarts=1\nActiveState=active");

    machine.ok("dpkg --remove disclosed");
    assert_eq!(machine.run("systemctl is-active disclosed@example").1, "inactive");
    machine.ok("test ! -e /usr/bin/disclosed && test -s /var/lib/disclosed/example/disclosed.db");
}
