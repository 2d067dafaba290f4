//! Dovecot and Postfix on loopback, in a temporary folder, on free ports, with a certificate authority of their own.

mod conf;

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, until};
use crate::wire::Wire;
use conf::Owner;

/// Whoever has a mailbox: `security`, two maintainers, a reporter. Any domain will do.
pub(crate) const USERS: [&str; 4] = ["security", "bob", "alice", "reporter"];
/// Everyone's password: with what IMAP must quote.
pub(crate) const PASSWORD: &str = r#"s3 "cre\t"#;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Postfix's daemon itself: `postfix start` would detach it from us.
const MASTER: &str = "/usr/lib/postfix/sbin/master";

/// Where the servers listen.
pub(crate) struct Ports {
    pub(crate) imap: u16,
    pub(crate) imaps: u16,
    pub(crate) lmtp: u16,
    /// Where Postfix asks Dovecot about passwords.
    pub(crate) sasl: u16,
    /// Takes mail for our domains, as port 25 does.
    pub(crate) smtp: u16,
    /// STARTTLS, then a password, as port 587.
    pub(crate) submission: u16,
    /// TLS from the first byte, then a password, as port 465.
    pub(crate) submissions: u16,
}

/// Running servers. They stop when it is dropped.
pub(crate) struct Rig {
    // The servers end before the folder goes.
    dovecot: Option<Process>,
    postfix: Option<Process>,
    /// Where the servers listen.
    pub(crate) ports: Ports,
    /// Holds the block of ports against other tests, in this process or another.
    _claim: TcpListener,
    home: TempDir,
}

impl Rig {
    /// Dovecot alone; `None` where it cannot run, after saying so.
    pub(crate) fn dovecot() -> Option<Self> {
        if find("dovecot").is_none() {
            return left_out("dovecot is not installed");
        }
        if !Path::new("/usr/lib/dovecot/lmtp").exists() {
            return left_out("dovecot's LMTP server is not installed");
        }
        if find("openssl").is_none() {
            return left_out("openssl is not installed");
        }
        let home = tempfile::Builder::new().prefix("disclosed-rig-").tempdir().expect("a temporary folder");
        let Some(owner) = owner(home.path()) else {
            return left_out("this user or its group has no name in /etc");
        };
        let (ports, claim) = free_ports();
        let mut rig = Self { dovecot: None, postfix: None, ports, _claim: claim, home };
        rig.lay_out(&owner);
        rig.start();
        Some(rig)
    }

    /// Dovecot and Postfix; `None` where they cannot run, after saying so.
    pub(crate) fn dovecot_and_postfix() -> Option<Self> {
        if find("postfix").is_none() || !Path::new(MASTER).exists() {
            return left_out("postfix is not installed");
        }
        if !is_root() {
            return left_out("postfix starts for root only");
        }
        let mut rig = Self::dovecot()?;
        rig.start_postfix();
        Some(rig)
    }

    /// A path in the folder of the servers.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The certificate authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// What Dovecot has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("dovecot.log")).unwrap_or_default()
    }

    /// How many times somebody came with a wrong password.
    pub(crate) fn failed_logins(&self) -> usize {
        self.log().matches("Password mismatch").count()
    }

    /// Delivers a mail, as a mail server does behind the mailbox.
    pub(crate) fn deliver(&self, user: &str, raw: &[u8]) {
        let mut wire = Wire::plain(self.ports.lmtp);
        wire.reply("220");
        wire.send("LHLO reporter.test");
        wire.reply("250");
        wire.mail("reporter@reporter.test", &format!("{user}@example.test"), raw);
    }

    /// Hands a mail to Postfix, as a stranger's mail server does. It is queued when this returns.
    pub(crate) fn send(&self, from: &str, to: &str, raw: &[u8]) {
        let mut wire = Wire::plain(self.ports.smtp);
        wire.reply("220");
        wire.send("EHLO reporter.test");
        wire.reply("250");
        wire.mail(from, to, raw);
    }

    /// Puts a mail into a folder by IMAP; `options` are flags and a date as they stand in the command, or nothing.
    pub(crate) fn append(&self, user: &str, folder: &str, options: &str, raw: &[u8]) {
        let mut wire = self.imap(user);
        wire.imap_append(folder, options, raw);
    }

    /// Another mail program: selects a folder, does one command, and gives its untagged answers.
    pub(crate) fn imap_command(&self, user: &str, folder: &str, command: &str) -> Vec<String> {
        let mut wire = self.imap(user);
        wire.imap(&format!("SELECT {folder}"));
        wire.imap(command)
    }

    fn imap(&self, user: &str) -> Wire {
        let mut wire = Wire::plain(self.ports.imap);
        wire.imap_login(user, PASSWORD);
        wire
    }

    /// The mails in a user's inbox as they lie on the disk, oldest first.
    pub(crate) fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for folder in ["new", "cur"] {
            let Ok(files) = fs::read_dir(self.maildir(user).join(folder)) else { continue };
            for file in files.flatten() {
                // A mail program may have moved it from `new` to `cur` a moment ago; then the next look finds it.
                if let Ok(raw) = fs::read(file.path()) {
                    found.push((file.file_name(), raw));
                }
            }
        }
        found.sort();
        found.dedup_by(|a, b| a.0 == b.0);
        found.into_iter().map(|(_, raw)| raw).collect()
    }

    /// The validity of the inbox's UIDs (RFC 3501 section 2.3.1.1).
    pub(crate) fn uidvalidity(&self, user: &str) -> u32 {
        let answer = self.imap(user).imap("STATUS INBOX (UIDVALIDITY)").join("\n");
        let number = answer.split_once("UIDVALIDITY ").and_then(|(_, rest)| rest.split(')').next());
        number.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no UIDVALIDITY in {answer}"))
    }

    /// Stops Dovecot in its tracks: connections stand, nothing answers.
    pub(crate) fn freeze(&self) {
        self.running().signal_group("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.running().signal_group("CONT");
    }

    fn running(&self) -> &Process {
        self.dovecot.as_ref().expect("dovecot runs")
    }

    /// More lines at the end of Dovecot's config, and a new start.
    pub(crate) fn reconfigure_dovecot(&mut self, more: &str) {
        self.stop();
        let text = fs::read_to_string(self.path("dovecot.conf")).expect("the config");
        self.write("dovecot.conf", &format!("{text}{more}"));
        self.start();
    }

    /// More lines at the end of Postfix's `main.cf`, which it reads again.
    pub(crate) fn reconfigure_postfix(&self, more: &str) {
        let text = fs::read_to_string(self.path("postfix/conf/main.cf")).expect("the config");
        self.write("postfix/conf/main.cf", &format!("{text}{more}"));
        self.postfix.as_ref().expect("postfix runs").signal("HUP");
        let read = || fs::read_to_string(self.path("postfix.log")).unwrap_or_default();
        assert!(until(PATIENCE, || read().contains("reload")), "postfix does not read its config again: {}", read());
    }

    /// Stops Dovecot; every connection ends.
    pub(crate) fn stop(&mut self) {
        let mut dovecot = self.dovecot.take().expect("dovecot runs");
        dovecot.signal("TERM");
        assert!(dovecot.wait(PATIENCE).is_some(), "dovecot does not stop");
    }

    /// Starts Dovecot and waits until it answers.
    pub(crate) fn start(&mut self) {
        let mut dovecot = Process::spawn(
            Command::new(find("dovecot").expect("it was found before"))
                .args(["-F", "-c"])
                .arg(self.path("dovecot.conf"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(self.path("dovecot.stderr")).expect("a file")),
        );
        for port in [self.ports.imap, self.ports.imaps, self.ports.lmtp, self.ports.sasl] {
            let up = until(PATIENCE, || accepts(port) || dovecot.ended().is_some()) && accepts(port);
            let said = fs::read_to_string(self.path("dovecot.stderr")).unwrap_or_default();
            assert!(up, "dovecot does not answer on {port}:\n{said}\n{}", self.log());
        }
        self.dovecot = Some(dovecot);
    }

    /// Stops, forgets what Dovecot knows of a user's mail, starts: the UIDs of before mean nothing any more.
    pub(crate) fn reset_uidvalidity(&mut self, user: &str) {
        let before = self.uidvalidity(user);
        // The new value is the second of the clock; within the same second it would be the old one again.
        let changed = until(PATIENCE, || {
            self.stop();
            for file in fs::read_dir(self.maildir(user)).expect("a Maildir").flatten() {
                if file.file_name().to_string_lossy().starts_with("dovecot") {
                    fs::remove_file(file.path()).expect("a file of dovecot");
                }
            }
            self.start();
            self.uidvalidity(user) != before
        });
        assert!(changed, "UIDVALIDITY stays {before}");
    }

    /// Takes the list of UIDs away while Dovecot runs: the same UIDVALIDITY, and the same mails under new UIDs.
    pub(crate) fn rm_uidlist(&self, user: &str) {
        fs::remove_file(self.maildir(user).join("dovecot-uidlist")).expect("there is a list of UIDs");
    }

    /// A copy of a user's mail store, with all that Dovecot keeps beside the mails.
    pub(crate) fn back_up(&self, user: &str) -> PathBuf {
        let copy = self.path(&format!("backup-{user}"));
        copy_all(&self.maildir(user), &copy);
        copy
    }

    /// Puts such a copy in the place of the mail store, as after a disk that was lost.
    pub(crate) fn restore(&mut self, user: &str, copy: &Path) {
        self.stop();
        fs::remove_dir_all(self.maildir(user)).expect("the mail store");
        copy_all(copy, &self.maildir(user));
        self.start();
    }

    fn maildir(&self, user: &str) -> PathBuf {
        self.path("mail").join(user).join("Maildir")
    }

    fn lay_out(&self, owner: &Owner) {
        let home = self.home.path();
        // Dovecot's workers are other users and must be able to pass.
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).expect("our own folder");
        for name in ["run", "state", "mail"] {
            fs::create_dir(home.join(name)).expect("a folder");
        }
        chown(home.join("mail"), Some(owner.uid), Some(owner.gid)).expect("the mail's owner");
        self.write("users", &conf::users(home, owner));
        self.write("dovecot.conf", &conf::dovecot(home, &self.ports, owner));
        self.certify();
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap_or_else(|e| panic!("{name}: {e}"));
    }

    fn certify(&self) {
        self.write(
            "server.ext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n",
        );
        const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        self.openssl(&format!(
            "req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=tests \
             -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
        ));
        self.openssl(&format!("req {KEY} -keyout server.key -out server.csr -subj /CN=localhost"));
        self.openssl(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile server.ext",
        );
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.home.path())
            .output()
            .expect("openssl starts");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn start_postfix(&mut self) {
        let conf = self.path("postfix/conf");
        for name in ["postfix/conf", "postfix/queue", "postfix/data"] {
            fs::create_dir_all(self.path(name)).expect("a folder");
        }
        let postfix = passwd(|name, _| name == "postfix").expect("postfix brings its user");
        chown(self.path("postfix/data"), Some(postfix.uid), None).expect("postfix's folder");
        self.write("postfix/conf/main.cf", &conf::postfix_main(self.home.path(), &self.ports));
        self.write("postfix/conf/master.cf", &conf::postfix_master(&self.ports));
        let said = || fs::File::create(self.path("postfix.said")).expect("a file");
        // It makes the folders of the queue.
        let mut check = Command::new(find("postfix").expect("it was found before"));
        check.arg("-c").arg(&conf).arg("check").stdin(Stdio::null()).stdout(said()).stderr(said());
        let checked = Process::spawn(&mut check).wait(PATIENCE);
        let read = |name| fs::read_to_string(self.path(name)).unwrap_or_default();
        assert!(checked.is_some_and(|status| status.success()), "postfix check:\n{}", read("postfix.said"));
        // Debug mode is what leaves it in our process group; any other way it becomes a group of its own, and would
        // outlive us.
        let mut postfix = Process::spawn(
            Command::new(MASTER)
                .arg("-d")
                .env("MAIL_CONFIG", &conf)
                .current_dir(self.path("postfix/queue"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(said()),
        );
        for port in [self.ports.smtp, self.ports.submission, self.ports.submissions] {
            let up = until(PATIENCE, || accepts(port) || postfix.ended().is_some()) && accepts(port);
            assert!(up, "postfix does not answer on {port}:\n{}\n{}", read("postfix.said"), read("postfix.log"));
        }
        self.postfix = Some(postfix);
    }
}

/// Says what cannot be tested here. Standard error itself, because the test harness holds back what `eprintln!` says.
fn left_out<T>(why: &str) -> Option<T> {
    let _ = writeln!(std::io::stderr(), "left out: real servers ({why})");
    None
}

fn find(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The line of a user in `/etc/passwd`.
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

fn passwd(wanted: impl Fn(&str, u32) -> bool) -> Option<User> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        wanted(&name, uid).then_some(User { name, uid, gid })
    })
}

/// Dovecot touches no mail as root, so there the mail is the user `mail`'s.
fn owner(home: &Path) -> Option<Owner> {
    if is_root() {
        let mail = passwd(|name, _| name == "mail")?;
        return Some(Owner { uid: mail.uid, gid: mail.gid, unprivileged: None });
    }
    let me = fs::metadata(home).expect("our own folder").uid();
    let me = passwd(|_, uid| uid == me)?;
    let group = group(me.gid)?;
    Some(Owner { uid: me.uid, gid: me.gid, unprivileged: Some((me.name, group)) })
}

/// The name of a group in `/etc/group`.
fn group(wanted: u32) -> Option<String> {
    let text = fs::read_to_string("/etc/group").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.nth(1)?.parse() == Ok(wanted)).then_some(name)
    })
}

/// A block of ports below those that the kernel gives to outgoing connections. Its first port stays bound, so that
/// whoever looks at the same time goes on to the next block.
fn free_ports() -> (Ports, TcpListener) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const BLOCKS: u16 = 1000;
    let begin = u16::try_from(std::process::id() % u32::from(BLOCKS)).expect("below 1000");
    for _ in 0..BLOCKS {
        let base = 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS * 10;
        let bind = |offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).ok();
        let Some(claim) = bind(0) else { continue };
        if (1..=7).all(|offset| bind(offset).is_some()) {
            let ports = Ports {
                imap: base + 1,
                imaps: base + 2,
                lmtp: base + 3,
                sasl: base + 4,
                smtp: base + 5,
                submission: base + 6,
                submissions: base + 7,
            };
            return (ports, claim);
        }
    }
    panic!("no eight free ports in a row between 20000 and 30000");
}

fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// With owners and times.
fn copy_all(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}
