//! The watch and the loop against an IMAP server that does wrong, in a time that is a value.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::*;

#[path = "../../../tests/suite/scripted/imap.rs"]
pub(super) mod scripted;

use scripted::{Act, Server};

/// When it all begins.
const BEGIN: &str = "2027-03-01T12:00:00Z";
/// When the server took the mails, as it says.
pub(super) const TAKEN: &str = "01-Mar-2027 11:59:00 +0000";

/// A daemon whose mailbox is on a server that is ours.
pub(super) struct Kept {
    pub(super) server: Server,
    pub(super) daemon: Daemon,
    pub(super) config: Config,
    begun: Instant,
    pub(super) home: tempfile::TempDir,
}

pub(super) fn report(n: u32) -> String {
    format!(
        "From: r{n}@reporter.test\r\nSubject: report {n}\r\nMessage-ID: <{n}@reporter.test>\r\n\
         Date: Mon, 1 Mar 2027 11:58:00 +0000\r\n\r\nThe text of report {n}.\r\n"
    )
}

impl Kept {
    /// An empty mailbox, and a daemon that has seen it. `more` stands in `[inbox.imap]`.
    pub(super) async fn new(more: &str) -> Self {
        Self::with(more, |_| {}).await
    }

    /// The same, of a server that was prepared.
    pub(super) async fn with(more: &str, prepare: impl FnOnce(&Server)) -> Self {
        let (server, port) = Server::start().await;
        prepare(&server);
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
        let mut kept = Self { server, daemon, config, begun: Instant::now(), home };
        kept.pass(Duration::from_secs(5)).await;
        kept
    }

    fn start(config: &Config, now: Timestamp) -> Daemon {
        let mut daemon = Daemon::start(Path::new(""), config.clone(), Some(now)).unwrap();
        daemon.first = First::Before;
        daemon.watch(Watching::ForGood);
        daemon
    }

    pub(super) fn now(&self) -> Timestamp {
        BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }

    /// The process ends, and another one begins.
    fn restart(&mut self) {
        self.daemon.watch.task.take().unwrap().abort();
        // It ends with the process.
        self.daemon._lock.unlock().unwrap();
        self.daemon = Self::start(&self.config, self.now());
    }

    /// So much time passes.
    pub(super) async fn pass(&mut self, span: Duration) {
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
    pub(super) fn receipts(&mut self) -> BTreeMap<String, Vec<&'static str>> {
        let mut found: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        for row in self.daemon.tracker.store().read(|tx| tx.receipts()).unwrap() {
            found.entry(row.message_id.unwrap_or_default()).or_default().push(row.disposition.word());
        }
        found
    }

    pub(super) fn troubles(&mut self) -> Vec<&'static str> {
        let troubles = self.daemon.tracker.store().read(|tx| tx.troubles()).unwrap();
        troubles.into_iter().map(|t| t.kind.word()).collect()
    }

    /// That these reports ended as one receipt each, and nothing else is there.
    fn holds(&mut self, reports: std::ops::RangeInclusive<u32>, why: &str) {
        let expect = reports.map(|n| (format!("{n}@reporter.test"), vec!["report"])).collect::<BTreeMap<_, _>>();
        let mut receipts = self.receipts();
        // Of a server that gives one mail, or its header, under the UID of another, that one is there twice.
        receipts.retain(|id, found| !(id.is_empty() && why.contains("Shifted at") && *found == ["duplicate"]));
        assert_eq!(receipts, expect, "{why}");
    }
}

/// The steps of all dialogues of a daemon that finds new mail.
const STEPS: [&str; 9] = [
    "greeting",
    "CAPABILITY",
    "AUTHENTICATE",
    "EXAMINE",
    "UID SEARCH",
    "RFC822.SIZE INTERNALDATE)",
    "BODY.PEEK[]",
    "HEADER.FIELDS",
    "IDLE",
];

/// Whatever goes wrong, once or for an hour: when the server does well again, each mail has ended in one receipt; nobody is
/// in the dark meanwhile, and the server is left in peace.
#[tokio::test(start_paused = true)]
async fn each_fault_at_each_step_delays_and_loses_nothing() {
    for step in STEPS {
        for act in Act::WRONG {
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
        for step in ["RFC822.SIZE INTERNALDATE)", "BODY.PEEK[]"] {
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
            let asked = kept.server.seen(step);
            kept.pass(Duration::from_secs(3600)).await;
            assert_eq!(kept.server.seen(step), asked, "{case}: it is over");
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
        Some(list) if list.split(',').any(|uid| uid == "2") && command.contains("BODY.PEEK[]") => Act::Hang,
        _ => Act::Well,
    });
    let mut asked = 0;
    for _ in 0..200 {
        kept.pass(Duration::from_secs(15)).await;
        let now = kept.server.with(|state| {
            let at = |c: &&String| {
                c.contains("BODY.PEEK[]") && c.contains("UID FETCH") && c.split([' ', ',']).any(|u| u == "2")
            };
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

impl Kept {
    /// The server loses the last mails, and whatever else it knew of them; what comes next has their UIDs.
    fn set_back(&self, to: u32) {
        self.server.with(|state| {
            let inbox = state.folders.get_mut("INBOX").unwrap();
            inbox.mails.retain(|mail| mail.uid <= to);
            inbox.uidnext = to + 1;
        });
    }

    /// So many bodies were asked for.
    fn bodies(&self) -> usize {
        self.server.seen("BODY.PEEK[]")
    }
}

/// A mail server is restored from a backup, and new mails get UIDs of mails that are known: each is a ticket. Whether
/// fewer, as many or more came since, and whether the daemon sees it at a login or in the middle of a session.
#[tokio::test(start_paused = true)]
async fn new_mail_under_known_uids_is_taken_in() {
    for came in [0, 1, 3, 6] {
        for uidnext in [true, false] {
            for login in [true, false] {
                let case = format!("{came} came, {}, {}", if uidnext { "UIDNEXT" } else { "no UIDNEXT" }, login);
                let mut kept = Kept::new("").await;
                if !uidnext {
                    kept.server.with(|state| state.uidnext = false);
                }
                for n in 1..=5 {
                    kept.server.deliver("INBOX", TAKEN, &report(n));
                    kept.pass(Duration::from_secs(60)).await;
                }
                kept.holds(1..=5, &case);
                if login {
                    kept.server.fault(|_| Act::Close);
                    kept.pass(Duration::from_secs(60)).await;
                }
                kept.set_back(2);
                for n in 6..6 + came {
                    kept.server.deliver("INBOX", "01-Mar-2027 13:00:00 +0000", &report(n));
                }
                kept.server.heal();
                kept.pass(Duration::from_secs(1800)).await;
                kept.holds(1..=5 + came, &case);
                let told = kept.daemon.tracker.store().read(|tx| tx.notices(0)).unwrap();
                let told = told.iter().filter(|n| n.kind == crate::vocabulary::NoticeKind::Trouble).count();
                // With nothing new, a server that does not say what UID is next is as one from which mail was removed.
                assert!(told == 1 || !uidnext && came == 0, "{case}: {told} are told");
                assert_eq!(kept.troubles(), [""; 0], "{case}: it is over");
                let examined = kept.server.seen("HEADER.FIELDS");
                kept.pass(Duration::from_secs(3600)).await;
                assert!(kept.server.seen("HEADER.FIELDS") - examined < 10, "{case}: compared for ever");
            }
        }
    }
}

/// Under another UIDVALIDITY all is compared; no body of a mail that is here is fetched, but for one that came since the
/// last look and has the header of another.
#[tokio::test(start_paused = true)]
async fn what_is_here_is_known_by_its_header() {
    let mut kept = Kept::new("").await;
    for n in 1..=5 {
        kept.server.deliver("INBOX", TAKEN, &report(n));
    }
    kept.pass(Duration::from_secs(660)).await;
    kept.holds(1..=5, "before");
    let before = kept.bodies();
    kept.server.fault(|_| Act::Close);
    kept.pass(Duration::from_secs(60)).await;
    kept.server.heal();
    kept.server.with(|state| {
        let inbox = state.folders.get_mut("INBOX").unwrap();
        inbox.uidvalidity = 8;
        inbox.mails.iter_mut().for_each(|mail| mail.uid += 100);
        inbox.uidnext = 106;
    });
    kept.pass(Duration::from_secs(600)).await;
    kept.holds(1..=5, "renumbered");
    assert_eq!(kept.bodies(), before, "no body is fetched");
    // The header and the size of a known mail, another text, and later than the last look.
    kept.server.with(|state| state.folders.get_mut("INBOX").unwrap().uidvalidity = 9);
    let imitation = report(3).replace("The text", "An exploit".get(..8).unwrap());
    assert_eq!(imitation.len(), report(3).len());
    kept.server.deliver("INBOX", "01-Mar-2027 12:30:00 +0000", &imitation);
    kept.pass(Duration::from_secs(600)).await;
    assert_eq!(kept.bodies(), before + 1, "one body is fetched");
    assert_eq!(kept.receipts().values().map(Vec::len).sum::<usize>(), 6);
}

/// A mail that becomes visible late, below the highest, and one that no search shows.
#[tokio::test(start_paused = true)]
async fn what_a_push_does_not_show_comes_within_ten_minutes() {
    let mut kept = Kept::new("").await;
    for n in 1..=3 {
        kept.server.deliver("INBOX", TAKEN, &report(n));
    }
    kept.pass(Duration::from_secs(60)).await;
    let late = kept.server.with(|state| {
        let inbox = state.folders.get_mut("INBOX").unwrap();
        inbox.uidnext += 1;
        scripted::Mail { uid: inbox.uidnext - 1, date: TAKEN.into(), raw: report(4) }
    });
    kept.server.deliver("INBOX", TAKEN, &report(5));
    kept.pass(Duration::from_secs(60)).await;
    kept.server.with(|state| state.folders.get_mut("INBOX").unwrap().mails.insert(3, late));
    kept.pass(Duration::from_secs(660)).await;
    kept.holds(1..=5, "it became visible late");
    kept.server.with(|state| state.folders.get_mut("INBOX").unwrap().hidden = vec![6]);
    kept.server.deliver("INBOX", TAKEN, &report(6));
    kept.pass(Duration::from_secs(660)).await;
    kept.holds(1..=6, "no search shows it");
    assert_eq!(kept.troubles(), [""; 0]);
}

/// What one push costs, on the wire and in commands, in a folder of any size.
#[tokio::test(start_paused = true)]
async fn a_push_costs_the_same_in_a_folder_of_any_size() {
    let mut costs = Vec::new();
    for mails in [100, 100_000] {
        let mut kept = Kept::new("").await;
        kept.server.deliver("INBOX", TAKEN, &report(1));
        kept.pass(Duration::from_secs(60)).await;
        // As if they had come one by one.
        let database = rusqlite::Connection::open(&kept.config.store).unwrap();
        database
            .execute_batch(&format!(
                "WITH RECURSIVE n (uid) AS (SELECT 2 UNION ALL SELECT uid + 1 FROM n WHERE uid < {mails})
                 INSERT INTO place SELECT 1, uid, 1 FROM n"
            ))
            .unwrap();
        kept.server.with(|state| {
            let inbox = state.folders.get_mut("INBOX").unwrap();
            inbox.mails.extend((2..=mails).map(|uid| scripted::Mail { uid, date: TAKEN.into(), raw: report(1) }));
            inbox.uidnext = 1_000_000;
        });
        kept.pass(Duration::from_secs(660)).await;
        let spent = |kept: &Kept| kept.server.with(|state| (state.octets, state.commands.len() as u64));
        let before = spent(&kept);
        kept.server.deliver("INBOX", TAKEN, &report(2));
        kept.pass(Duration::from_secs(1)).await;
        kept.holds(1..=2, "it is here at once");
        let after = spent(&kept);
        costs.push((after.0 - before.0, after.1 - before.1));
    }
    let [(few, asked), (many, asked_of_many)] = costs[..] else { panic!("two folders") };
    assert!(many * 10 <= few * 12, "{many} octets, and {few} in a small folder");
    assert_eq!(asked_of_many, asked, "commands");
}
