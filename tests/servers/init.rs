//! `disclosed init` at a terminal, with real servers: what somebody sees who has nothing yet.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::daemon::SOON;
use crate::process::{Process, until};
use crate::rig::{PASSWORD, Rig};

/// The program at a terminal of its own.
struct Terminal {
    process: Process,
    master: fs::File,
    /// All that was on the screen, and how much of it was read.
    screen: Arc<Mutex<String>>,
    read: usize,
}

impl Terminal {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let pty = openpty(None, None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a second handle"));
        let process = Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_disclosed"))
                .args(arguments)
                .current_dir(folder)
                .env("TERM", "dumb")
                .env("TZ", "Europe/Berlin")
                .stdin(end())
                .stdout(end())
                .stderr(end()),
        );
        let master = fs::File::from(pty.master);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (master.try_clone().expect("a second handle"), Arc::clone(&screen));
        // It ends with an error when the program has ended, since nobody holds the other end then.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { process, master, screen, read: 0 }
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until one of these is on the screen, below what was waited for before; says which.
    #[track_caller]
    fn sees<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let find = |screen: &str, from: usize| {
            words.iter().filter_map(|w| Some((screen.get(from..)?.find(w)? + from + w.len(), *w))).min()
        };
        assert!(until(SOON * 2, || find(&self.screen(), self.read).is_some()), "{words:?}: {}", self.screen());
        let (end, word) = find(&self.screen(), self.read).unwrap();
        self.read = end;
        word
    }

    /// Types a line, which is shown.
    #[track_caller]
    fn say(&mut self, line: &str) {
        self.master.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.sees(&["\n"]);
    }

    #[track_caller]
    fn answer(&mut self, question: &str, line: &str) {
        self.sees(&[question]);
        self.say(line);
    }

    /// A password is typed where nothing is shown.
    #[track_caller]
    fn answer_unseen(&mut self, question: &str, line: &str) {
        self.sees(&[question]);
        let shows = || tcgetattr(self.master.as_fd()).unwrap().local_flags.contains(LocalFlags::ECHO);
        assert!(until(SOON, || !shows()), "{question}: what is typed is shown");
        self.master.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.sees(&["\n"]);
    }
}

/// From nothing to a config that works, with the answers that a newcomer gives: what is tried and fails is asked for anew,
/// the password is nowhere but in its file, and the mails of the trial leave no ticket.
#[test]
fn a_newcomer_is_led_to_a_config_that_works() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    rig.reconfigure_dovecot("lmtp_save_to_detail_mailbox = yes\nlda_mailbox_autocreate = yes\n");
    let folder = rig.path("newcomer");
    fs::create_dir(&folder).unwrap();
    let mut at = Terminal::start(&folder, &["init"]);
    at.answer("SECURITY.md names", "security");
    at.sees(&["is no address"]);
    at.say("security@example.test");
    at.answer("Unit of systemd", "none");
    at.answer("called in mail [Example]", "");
    at.answer("mailbox that is read", "");
    at.answer("Who runs the mailbox", "postfix");
    at.sees(&["is none that is known"]);
    at.say("custom");
    at.answer("IMAP server", &format!("127.0.0.1:{}", rig.ports.imaps));
    at.answer("How TLS begins at 127.0.0.1", "");
    at.answer("SMTP server", &format!("127.0.0.1:{}", rig.ports.submissions));
    at.answer("How TLS begins at 127.0.0.1", "");
    at.answer("authority of its certificate", &rig.ca().display().to_string());
    at.answer("User of the login [security@example.test]", "");
    at.answer_unseen("not shown", "wrong");
    at.answer("User for sending", "");
    at.answer("Folder", "Reports");
    at.answer("First word of Authentication-Results", "");
    at.answer("Who handles reports", "Ada <ada@example.test>");
    at.answer("Another one", "Grace <grace@example.test> escalation");
    at.answer("Another one", "");
    at.answer("answers within", "");
    at.answer("assessment within", "");
    at.answer("disclosure within", "60d");
    at.answer("Time zone", "");
    at.answer("Send it?", "y");
    at.sees(&["WRONG"]);
    at.answer("Not all is well", "again");
    at.answer("IMAP server", "");
    at.answer("How TLS begins at 127.0.0.1", "");
    at.answer("SMTP server", "");
    at.answer("How TLS begins at 127.0.0.1", "");
    at.answer("authority of its certificate", "");
    at.answer("User of the login", "");
    at.answer_unseen("not shown", PASSWORD);
    at.answer("User for sending", "");
    at.answer("Folder that reports arrive in [Reports]", "INBOX");
    at.answer("Send it?", "y");
    at.sees(&["was made for it"]);
    at.sees(&["So the config says: plus_addressing = false"]);
    // Where the machine has no name servers.
    if at.sees(&["Next:", "Not all is well"]) != "Next:" {
        assert!(at.screen().contains("DKIM keys cannot be asked for"), "{}", at.screen());
        at.say("write");
        at.sees(&["Next:"]);
    }
    assert!(at.process.wait(SOON).is_some_and(|status| status.success()), "{}", at.screen());
    let screen = at.screen();
    assert!(!screen.contains(PASSWORD), "{screen}");
    let lines: Vec<&str> = screen.lines().rev().take(2).map(str::trim).collect();
    assert_eq!(lines, ["disclosed status", "disclosed run"], "{screen}");

    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(!config.contains(PASSWORD) && config.contains("plus_addressing = false"), "{config}");
    assert_eq!(fs::read_to_string(folder.join("imap-password")).unwrap(), format!("{PASSWORD}\n"));
    let mode = fs::metadata(folder.join("imap-password")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_disclosed")).args(arguments).current_dir(&folder).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run(&["check"]);
    assert!(code == Some(0) && !said.contains("warning"), "{said}");
    // Also where all that lies in the inbox is taken in at once.
    rig.append("security", "INBOX", "", &trial(&rig));
    assert_eq!(run(&["run", "--once"]).0, Some(0));
    let listed = run(&["inbox", "--json"]).1;
    assert!(listed.contains("\"own\"") && !listed.contains("\"report\""), "{listed}");
}

/// Ctrl-D at a question, and where nothing is shown, ends it in words, and there Ctrl-C does.
#[test]
fn whoever_leaves_the_questions_is_told_that_nothing_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let given = [
        "init --unit none --name E --mailbox s@posteo.de --provider posteo --imap posteo.de --smtp posteo.de",
        "--user s --address s@posteo.de",
    ]
    .join(" ");
    let given: Vec<&str> = given.split(' ').collect();
    for (arguments, question, key) in [
        (vec!["init"], "SECURITY.md names", b"\x04"),
        (given.clone(), "not shown", b"\x04"),
        (given, "not shown", b"\x03"),
    ] {
        let mut at = Terminal::start(folder.path(), &arguments);
        at.sees(&[question]);
        at.sees(&[": "]);
        at.master.write_all(key).unwrap();
        at.sees(&["nothing was written"]);
        assert!(at.process.wait(SOON).is_some_and(|status| status.code() == Some(1)), "{}", at.screen());
        let shows = tcgetattr(at.master.as_fd()).unwrap().local_flags.contains(LocalFlags::ECHO);
        assert!(shows && fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}

/// The mail of the trial, which this server has put into a folder of its own.
fn trial(rig: &Rig) -> Vec<u8> {
    let tagged = rig.imap_command("security", "INBOX", "LIST \"\" \"*\"");
    let folder =
        tagged.iter().filter_map(|line| line.rsplit(' ').next()).find(|name| name.trim_matches('"').len() > 20);
    let folder = folder.unwrap_or_else(|| panic!("{tagged:?}")).trim().trim_matches('"').to_owned();
    let stored = rig.path("mail/security/Maildir").join(format!(".{folder}"));
    let files = ["new", "cur"].into_iter().flat_map(|part| fs::read_dir(stored.join(part)).unwrap());
    let file = files.flatten().next().unwrap_or_else(|| panic!("no mail in {}", stored.display()));
    fs::read(file.path()).unwrap()
}
