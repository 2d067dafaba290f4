//! The watch and the loop against an IMAP server that does wrong, in a time that is a value.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[path = "../../../tests/suite/scripted/imap.rs"]
mod scripted;

use scripted::{Act, Server};

/// When it all begins.
const BEGIN: &str = "2027-03-01T12:00:00Z";
/// When the server took the mails, as it says.
const TAKEN: &str = "01-Mar-2027 11:59:00 +0000";

/// A daemon whose mailbox is on a server that is ours.
struct Kept {
    server: Server,
    daemon: Daemon,
    config: Config,
    begun: Instant,
    _home: tempfile::TempDir,
}

fn report(n: u32) -> String {
    format!(
        "From: r{n}@reporter.test\r\nSubject: report {n}\r\nMessage-ID: <{n}@reporter.test>\r\n\
         Date: Mon, 1 Mar 2027 11:58:00 +0000\r\n\r\nThe text of report {n}.\r\n"
    )
}

impl Kept {
    /// An empty mailbox, and a daemon that has seen it. `more` stands in `[inbox.imap]`.
    async fn new(more: &str) -> Self {
        let (server, port) = Server::start().await;
        // What is tested here is no disk, and a hundred databases wait long for one.
        let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        std::fs::write(home.path().join("password"), "secret").unwrap();
        let imap = format!(
            "[inbox.imap]\nserver = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"u\"\n\
             password_file = \"password\"\n{more}\n"
        );
        let limits = "[limits]\nreports_per_hour = 1000000\nautomatic_per_hour = 1000000\n";
        let text = CONFIG.replace("[inbox]\nmaildir = \"in\"\n", &imap) + limits;
        let config = Config::parse(&text, &home.path().join("config.toml")).unwrap();
        let daemon = Self::start(&config, BEGIN.parse().unwrap());
        let mut kept = Self { server, daemon, config, begun: Instant::now(), _home: home };
        kept.pass(Duration::from_secs(5)).await;
        kept
    }

    fn start(config: &Config, now: Timestamp) -> Daemon {
        let mut daemon = Daemon::start(Path::new(""), config.clone(), Some(now)).unwrap();
        daemon.stays = true;
        daemon.watch(Watching::ForGood);
        daemon
    }

    fn now(&self) -> Timestamp {
        BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }

    /// The process ends, and another one begins.
    fn restart(&mut self) {
        self.daemon.watch.task.take().unwrap().abort();
        self.daemon = Self::start(&self.config, self.now());
    }

    /// So much time passes.
    async fn pass(&mut self, span: Duration) {
        let end = Instant::now() + span;
        loop {
            let tick = (Instant::now() + Duration::from_secs(5 * 60)).min(end);
            tokio::select! {
                Some(message) = self.daemon.watch.inward.recv() => {
                    self.daemon.fixed = Some(self.now());
                    self.daemon.inward(message).unwrap();
                }
                () = tokio::time::sleep_until(tick) => {
                    self.daemon.fixed = Some(self.now());
                    self.daemon.work().unwrap();
                    if tick == end {
                        return;
                    }
                }
            }
        }
    }

    /// What became of each mail, by its Message-ID; of those that have none, by their number.
    fn receipts(&mut self) -> BTreeMap<String, Vec<&'static str>> {
        let mut found: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        for row in self.daemon.tracker.store().read(|tx| tx.receipts()).unwrap() {
            found.entry(row.message_id.unwrap_or_default()).or_default().push(row.disposition.word());
        }
        found
    }

    fn troubles(&mut self) -> Vec<&'static str> {
        let troubles = self.daemon.tracker.store().read(|tx| tx.troubles()).unwrap();
        troubles.into_iter().map(|t| t.kind.word()).collect()
    }

    /// That these reports ended as one receipt each, and nothing else is there.
    fn holds(&mut self, reports: std::ops::RangeInclusive<u32>, why: &str) {
        let expect = reports.map(|n| (format!("{n}@reporter.test"), vec!["report"])).collect::<BTreeMap<_, _>>();
        assert_eq!(self.receipts(), expect, "{why}");
    }
}

/// The steps of all dialogues of a daemon that finds new mail.
const STEPS: [&str; 8] =
    ["greeting", "CAPABILITY", "AUTHENTICATE", "EXAMINE", "UID SEARCH", "RFC822.SIZE", "BODY.PEEK[]", "IDLE"];

/// Whatever goes wrong, once or for an hour: when the server does well again, each mail has ended in one receipt; nobody is
/// in the dark meanwhile, and the server is left in peace.
#[tokio::test(start_paused = true)]
async fn each_fault_at_each_step_delays_and_loses_nothing() {
    for step in STEPS {
        for act in Act::WRONG {
            // What a server gives as one mail is that mail.
            if act == Act::Shifted && step == "BODY.PEEK[]" {
                continue;
            }
            for times in [1, usize::MAX] {
                let case = format!("{act:?} at {step}, {times} times");
                let mut kept = Kept::new("").await;
                let mut left = times;
                kept.server.fault(move |command| {
                    let hit = left > 0 && command.contains(step);
                    left -= usize::from(hit);
                    if hit { act } else { Act::Well }
                });
                for n in 1..=3 {
                    kept.server.deliver("INBOX", TAKEN, &report(n));
                }
                let before = kept.server.seen("greeting");
                kept.pass(Duration::from_secs(3600)).await;
                let sessions = kept.server.seen("greeting") - before;
                assert!(sessions <= 60, "{case}: {sessions} sessions in an hour");
                let in_the_dark = kept.receipts().len() < 3 && kept.troubles().is_empty();
                assert!(!in_the_dark, "{case}: nobody hears of it");
                if times == 1 {
                    kept.holds(1..=3, &case);
                }
                kept.server.heal();
                kept.server.deliver("INBOX", TAKEN, &report(4));
                kept.pass(Duration::from_secs(3600)).await;
                kept.holds(1..=4, &case);
                assert_eq!(kept.troubles(), [""; 0], "{case}");
            }
        }
    }
}

/// Five mails at which the session ends, in each way that it can: the good one is in within a minute, and they end as
/// quarantined, told once each.
#[tokio::test(start_paused = true)]
async fn bad_mails_delay_no_good_one_and_end_as_quarantined() {
    for act in [Act::Close, Act::Bye, Act::Hang, Act::Drip, Act::Garbage, Act::No, Act::Empty] {
        for step in ["RFC822.SIZE", "BODY.PEEK[]"] {
            let case = format!("{act:?} at {step}");
            let mut kept = Kept::new("").await;
            kept.server.deliver("INBOX", TAKEN, &report(1));
            kept.pass(Duration::from_secs(60)).await;
            kept.holds(1..=1, &case);
            let bad = |command: &str| {
                let list = command.strip_prefix("UID FETCH ").and_then(|rest| rest.split(' ').next());
                list.is_some_and(|list| list.split(',').any(|uid| ["2", "3", "4", "5", "6"].contains(&uid)))
            };
            kept.server.fault(move |command| if command.contains(step) && bad(command) { act } else { Act::Well });
            for n in 2..=7 {
                kept.server.deliver("INBOX", TAKEN, &report(n));
            }
            kept.pass(Duration::from_secs(60)).await;
            assert!(kept.receipts().contains_key("7@reporter.test"), "{case}: it waits behind others");
            // Another one, at a moment when the bad ones are tried again.
            for n in 8..=11 {
                kept.server.deliver("INBOX", TAKEN, &report(n));
                kept.pass(Duration::from_secs(60)).await;
                assert!(kept.receipts().contains_key(&format!("{n}@reporter.test")), "{case}: {n} waits behind others");
            }
            kept.pass(Duration::from_secs(3600)).await;
            let receipts = kept.receipts();
            assert_eq!(receipts.get(""), Some(&vec!["quarantined"; 5]), "{case}");
            assert_eq!(receipts.len(), 7, "{case}: {receipts:?}");
            assert_eq!(kept.troubles(), [""; 0], "{case}");
            let asked = kept.server.seen("UID FETCH");
            kept.pass(Duration::from_secs(3600)).await;
            assert_eq!(kept.server.seen("UID FETCH"), asked, "{case}: it is over");
        }
    }
}

/// The same where the process ends at a mail, each time.
#[tokio::test(start_paused = true)]
async fn a_mail_at_which_the_process_ends_is_put_aside() {
    let mut kept = Kept::new("").await;
    let mut ended = 0;
    for n in 1..=4 {
        kept.server.deliver("INBOX", TAKEN, &report(n));
    }
    // The kill is at the moment when the mail is on its way.
    kept.server.fault(|command| match command.strip_prefix("UID FETCH ").and_then(|rest| rest.split(' ').next()) {
        Some(list) if list.split(',').any(|uid| uid == "2") && command.contains("BODY") => Act::Hang,
        _ => Act::Well,
    });
    let mut asked = 0;
    for _ in 0..200 {
        kept.pass(Duration::from_secs(15)).await;
        let now = kept.server.with(|state| {
            let at =
                |c: &&String| c.contains("BODY") && c.contains("UID FETCH") && c.split([' ', ',']).any(|u| u == "2");
            state.commands.iter().filter(at).count()
        });
        if now > asked {
            (asked, ended) = (now, ended + 1);
            kept.restart();
        }
    }
    assert!((3..12).contains(&ended), "it ended {ended} times");
    let receipts = kept.receipts();
    assert_eq!(receipts.get(""), Some(&vec!["quarantined"]), "{receipts:?}");
    assert_eq!(receipts.len(), 4, "{receipts:?}");
}

/// While the server gives no mail at all, none is called bad; a single one alone in the folder is trouble, and none of ours.
#[tokio::test(start_paused = true)]
async fn no_mail_is_put_aside_for_what_its_server_does() {
    for act in [Act::No, Act::Close, Act::Empty] {
        let mut kept = Kept::new("").await;
        kept.server.deliver("INBOX", TAKEN, &report(1));
        kept.pass(Duration::from_secs(60)).await;
        kept.server.fault(move |command| if command.contains("BODY.PEEK[]") { act } else { Act::Well });
        for n in 2..=4 {
            kept.server.deliver("INBOX", TAKEN, &report(n));
        }
        kept.pass(Duration::from_secs(24 * 3600)).await;
        kept.holds(1..=1, &format!("{act:?}"));
        assert!(!kept.troubles().is_empty(), "{act:?}: nobody hears of it");
        kept.server.heal();
        kept.pass(Duration::from_secs(3600)).await;
        kept.holds(1..=4, &format!("{act:?}"));
        assert_eq!(kept.troubles(), [""; 0]);
    }
}
