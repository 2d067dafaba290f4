use super::*;
use crate::store::Memo;
use jiff::SignedDuration;

mod beside;
mod mailbox;

const CONFIG: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[store]
path = "d.db"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada"
address = "ada@example.org"
"#;

/// A clock that is behind what the database has seen is told, and nobody is met with silence. One from before this
/// program is no clock.
#[tokio::test]
async fn a_clock_behind_the_last_look_is_told_and_mail_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    let now = clock::now();
    let arrival = || crate::tracker::Arrival {
        raw: b"From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n".to_vec(),
        size: 45,
        internal_date: None,
        not_before: None,
        place: None,
        listing: std::sync::Arc::default(),
    };
    daemon.tracker.scanned("f", None, now + SignedDuration::from_hours(2)).unwrap();
    daemon.work().unwrap();
    let project = daemon.tracker.project().clone();
    let mut health = || daemon.tracker.store().read(|tx| Health::read(tx, &project, clock::now())).unwrap();
    assert!(health().needs_person() && health().ahead.is_some() && health().last_send.is_some());
    assert_eq!(health().troubles.iter().map(|t| t.kind.word()).collect::<Vec<_>>(), ["clock"]);

    let (stored, answer) = tokio::sync::oneshot::channel();
    daemon.inward(Inward::Mails { arrivals: vec![arrival()], stored }).unwrap();
    assert!(answer.await.is_ok());
    assert_eq!(daemon.tracker.store().read(|tx| tx.tickets(true)).unwrap().len(), 1);

    assert!(!daemon.has_time("1970-01-02T00:00:00Z".parse().unwrap()).unwrap());
    assert!(daemon.has_time(clock::now()).unwrap());
}

/// A maintainer's command whose domain vouches by its signature: stored, checked beside the loop, then obeyed.
#[tokio::test]
async fn a_signed_command_is_obeyed() {
    use crate::dkim::tests::{How, record, sign};
    use crate::dkim::{Answer, Verifier};
    use crate::store::Place;

    let folder = tempfile::tempdir().unwrap();
    let text = CONFIG.replace("ada@example.org", "ann@corp.test");
    let config = Config::parse(&text, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    let key = |answer| Verifier::fixed([("s1._domainkey.corp.test".to_owned(), answer)]);
    let source = daemon.tracker.unseen("folder", &[]).unwrap().0;
    let come = |daemon: &mut Daemon, raw: String| {
        let name = raw.clone();
        let arrival = crate::tracker::Arrival {
            size: raw.len() as u64,
            raw: raw.into_bytes(),
            internal_date: None,
            not_before: None,
            place: Some(Place { source, name }),
            listing: std::sync::Arc::default(),
        };
        let (stored, _answer) = tokio::sync::oneshot::channel();
        daemon.inward(Inward::Mails { arrivals: vec![arrival], stored }).unwrap();
        daemon.work().unwrap();
    };
    let last = |daemon: &mut Daemon| {
        let receipts = daemon.tracker.store().read(|tx| tx.receipts()).unwrap();
        receipts.last().map(|r| r.reason.clone()).unwrap_or_default()
    };
    let list = |n: u8| {
        let mail = format!(
            "From: ann@corp.test\r\nTo: security@example.org\r\nSubject: all\r\nDate: now\r\n\
             Message-ID: <{n}@corp.test>\r\n\r\n/list\r\n{n}\r\n"
        );
        sign(&mail, &How::default())
    };
    daemon.verifier = Some(Box::new(key(Answer::Records(vec![record().into_bytes()]))));
    come(&mut daemon, list(1));
    let (mail, checking) = daemon.checking.take().expect("it is being checked");
    assert_eq!(last(&mut daemon), "", "and not handled before");
    daemon.checked(mail, checking.await).unwrap();
    assert_eq!(last(&mut daemon), "commands of a maintainer");

    // Where no answer can be had it waits; where the check itself breaks down it is handled without.
    daemon.verifier = Some(Box::new(key(Answer::Temporary("no answer".into()))));
    come(&mut daemon, list(2));
    let (mail, checking) = daemon.checking.take().unwrap();
    daemon.checked(mail, checking.await).unwrap();
    assert_eq!(daemon.tracker.store().read(|tx| tx.receipts()).unwrap().len(), 1);
    assert!(daemon.checking.is_none());
    come(&mut daemon, list(3));
    let (mail, checking) = daemon.checking.take().unwrap();
    checking.abort();
    daemon.checked(mail, checking.await).unwrap();
    assert!(last(&mut daemon).contains("checking it failed"), "{}", last(&mut daemon));
}

#[tokio::test]
async fn a_rotated_key_is_read_while_the_daemon_runs() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config.clone(), None).unwrap();
    daemon.work().unwrap();
    let known =
        |daemon: &mut Daemon| daemon.tracker.store().read(|tx| tx.memo::<String>(Memo::Secrets)).unwrap().unwrap();
    let before = known(&mut daemon);
    open::rotate_key(&config, clock::now()).unwrap();
    daemon.work().unwrap();
    assert_eq!(known(&mut daemon).split(' ').count(), 2);
    assert!(known(&mut daemon).ends_with(&before));
    assert!(daemon.tracker.store().read(|tx| tx.notices(0)).unwrap().is_empty(), "it is no trouble");
}

/// Nothing leaves by a database that is not there any more: it would be sent again from the one that is.
#[tokio::test]
async fn without_its_files_the_daemon_ends_before_anything_is_sent() {
    for name in ["d.db", "d.lock", "d.key"] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
        let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
        daemon.work().unwrap();
        daemon.tracker.trouble(&Trouble::Odd("a notice that waits".into()), clock::now()).unwrap();
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let error = daemon.work().unwrap_err();
        assert!(wants_person(&error) && error.to_string().contains(name), "{error:#}");
        let stored = tokio::sync::oneshot::channel().0;
        let error = daemon.inward(Inward::Mails { arrivals: Vec::new(), stored }).unwrap_err();
        assert!(wants_person(&error), "nor is anything taken in: {error:#}");
        assert!(!folder.path().join("out").exists());
    }
}

/// A disk that fills under the daemon: nothing leaves, the mail stays where it is, and all goes on by itself.
#[tokio::test]
async fn a_full_disk_stops_what_leaves_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    daemon.tracker.trouble(&Trouble::Odd("a notice that waits".into()), clock::now()).unwrap();
    let raw: String =
        (0..200_000_u32).map(|i| char::from(b'!' + u8::try_from(i.wrapping_mul(i ^ 0x9e37) % 90).unwrap())).collect();
    let raw = format!("From: r@example.test\r\nSubject: s\r\n\r\n{raw}\r\n").into_bytes();
    let arrival = || crate::tracker::Arrival {
        size: raw.len() as u64,
        raw: raw.clone(),
        internal_date: None,
        not_before: None,
        place: None,
        listing: std::sync::Arc::default(),
    };
    let sent = || folder.path().join("out/new").read_dir().map_or(0, Iterator::count);
    daemon.tracker.store().set_room(0).unwrap();
    let (stored, answer) = tokio::sync::oneshot::channel();
    let error = daemon.inward(Inward::Mails { arrivals: vec![arrival()], stored }).unwrap_err();
    assert!(!wants_person(&error) && answer.await.is_err(), "unanswered, so that the mail is found again");
    daemon.fails(&error);
    assert!(daemon.fault.as_ref().is_some_and(|f| f.what.contains("make room on its disk")), "{:?}", daemon.fault);
    // Whatever else would still fit, nothing is done before a commit succeeds.
    daemon.tracker.store().fail_writes(true).unwrap();
    let error = daemon.work().unwrap_err();
    assert!(!wants_person(&error) && daemon.fault.is_some() && sent() == 0);
    daemon.tracker.store().fail_writes(false).unwrap();
    daemon.tracker.store().set_room(1_000_000).unwrap();
    daemon.work().unwrap();
    assert!(daemon.fault.is_none() && sent() > 0);
    let (stored, answer) = tokio::sync::oneshot::channel();
    daemon.inward(Inward::Mails { arrivals: vec![arrival()], stored }).unwrap();
    assert!(answer.await.is_ok());
}

/// `disclosed do` reads the config that stands there now. Deadlines must not go to and fro between the two.
#[tokio::test]
async fn a_config_that_another_process_has_read_is_read_here_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let write = |within: &str| {
        let promise = format!("[[policy.promise]]\nname = \"assess\"\nuntil = \"assessed\"\nwithin = \"{within}\"\n");
        std::fs::write(&path, format!("{CONFIG}{promise}")).unwrap();
        Config::load(&path).unwrap()
    };
    let mut daemon = Daemon::start(&path, write("7d"), None).unwrap();
    daemon.work().unwrap();
    let new = write("8d");
    drop(open::tracker(&new, clock::now()).unwrap());
    assert!(daemon.tracker.has_other_policy().unwrap());
    daemon.work().unwrap();
    assert!(!daemon.tracker.has_other_policy().unwrap());
    assert_eq!(daemon.tracker.project().policy.promises[0].within, new.policy.promises[0].within);
}

/// Only a daemon that stays has a first start: what one pass finds is taken in.
#[tokio::test]
async fn what_lies_there_at_the_first_start_is_earlier_for_a_daemon_that_stays() {
    for (first, expect) in [(First::Before, "earlier"), (First::InboxTaken, "report")] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
        let path = folder.path().join("in");
        crate::maildir::Maildir::create(&path).unwrap();
        let put = |name: &str| {
            let mail = format!("From: r@example.test\r\nSubject: {name}\r\n\r\ntext\r\n");
            std::fs::write(path.join("new").join(name), mail).unwrap();
        };
        put("1");
        let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
        daemon.first = first;
        for name in ["2", "3"] {
            daemon.watch(Watching::OnePass);
            while let Some(message) = daemon.watch.inward.recv().await {
                daemon.inward(message).unwrap();
            }
            put(name);
        }
        let receipts = daemon.tracker.store().read(|tx| tx.receipts()).unwrap();
        let found: Vec<_> = receipts.iter().map(|r| r.disposition.word()).collect();
        assert_eq!(found, [expect, "report"]);
    }
}

/// A mail server that takes mail only from an address without a tag, and says so after the final dot. Tells of each
/// sender, and whether the mail was taken.
async fn refuses_tags(listener: tokio::net::TcpListener, told: mpsc::UnboundedSender<(bool, bool)>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    while let Ok((tcp, _)) = listener.accept().await {
        let mut tcp = BufReader::new(tcp);
        let (mut tagged, mut content, mut line) = (false, false, String::new());
        let mut reply = "220 mx";
        loop {
            tcp.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            line.clear();
            while tcp.read_line(&mut line).await.unwrap_or(0) > 0 && content && line != ".\r\n" {
                line.clear();
            }
            reply = match line.get(..4) {
                Some("MAIL") => {
                    tagged = line.contains('+');
                    "250 ok"
                }
                Some("DATA") => {
                    content = true;
                    "354 go on"
                }
                None if content => {
                    content = false;
                    told.send((tagged, !tagged)).unwrap();
                    if tagged { "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException" } else { "250 ok" }
                }
                None => break,
                Some(_) => "250 mx",
            };
        }
    }
}

#[tokio::test]
async fn a_refused_tag_is_remembered_over_a_restart_until_the_account_changes() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let smtp = format!(
        "[outgoing.smtp]\nserver = \"127.0.0.1\"\ntls = \"none\"\nport = {}\n",
        listener.local_addr().unwrap().port()
    );
    let (to, mut told) = mpsc::unbounded_channel();
    tokio::spawn(refuses_tags(listener, to));
    let folder = tempfile::tempdir().unwrap();
    let config = |text: &str| Config::parse(text, &folder.path().join("config.toml")).unwrap();
    let text = CONFIG.replace("[outgoing]\nmaildir = \"out\"\n", &smtp);
    let other = text.replace("[inbox]\n", "[inbox]\naddress = \"box@example.org\"\n");
    let (tagged, plain) = ((true, false), (false, true));
    let week = SignedDuration::from_hours(7 * 24);
    let mut at = clock::now();
    for (config, later, expect) in [
        (config(&text), SignedDuration::ZERO, vec![tagged, plain]),
        (config(&text), SignedDuration::from_hours(25), vec![plain]),
        (config(&other), SignedDuration::from_hours(25), vec![tagged, plain]),
        (config(&other), week - SignedDuration::from_hours(1), vec![plain]),
        (config(&other), week, vec![tagged, plain]),
    ] {
        at += later;
        // Each time another daemon on the same database, and one notice.
        let mut daemon = Daemon::start(Path::new(""), config, Some(at)).unwrap();
        daemon.tracker.trouble(&Trouble::Odd("a notice".into()), at).unwrap();
        daemon.work().unwrap();
        daemon.finish_all().await;
        if daemon.way.tries_plain() {
            daemon.work().unwrap();
            daemon.finish_all().await;
        }
        let mut seen = Vec::new();
        while let Ok(one) = told.try_recv() {
            seen.push(one);
        }
        assert_eq!(seen, expect, "after {later}");
        let project = daemon.tracker.project().clone();
        let health = daemon.tracker.store().read(|tx| Health::read(tx, &project, at)).unwrap();
        assert!(health.tag_refused.is_some() && health.undelivered == 0);
    }
}

/// What a server has answered is known to nobody else: the daemon settles it before it ends, though no session is left.
#[tokio::test(start_paused = true)]
async fn an_end_settles_what_the_database_did_not_take() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = with_answered(CONFIG, &folder);
    daemon.finish_all().await;
    assert!(daemon.tracker.store().read(|tx| tx.interrupted()).unwrap().is_empty(), "it would be sent again");
}

/// A daemon with a notice that its server took, which the database does not know yet.
fn with_answered(config: &str, folder: &tempfile::TempDir) -> Daemon {
    let config = Config::parse(config, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    let now = daemon.now();
    daemon.tracker.trouble(&Trouble::Odd("a notice".into()), now).unwrap();
    let claim = daemon.tracker.pick(now, &[]).unwrap().1.unwrap();
    assert!(daemon.tracker.offer(&claim, now).unwrap().is_some());
    daemon.hand.unsettled.push((claim, crate::vocabulary::Outcome::Sent("250 ok".into())));
    daemon
}

/// Whatever ends a single pass.
#[tokio::test]
async fn a_pass_that_fails_settles_what_servers_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = with_answered(CONFIG, &folder);
    std::fs::write(folder.path().join("in"), "a file, and no Maildir").unwrap();
    daemon.tracker.trouble(&Trouble::Odd("another".into()), daemon.now()).unwrap();
    let error = daemon.pass().await.unwrap_err();
    assert!(error.to_string().starts_with("the inbox: "), "{error}");
    assert_eq!(daemon.tracker.store().read(|tx| tx.waiting()).unwrap(), 0, "what is due leaves all the same");
    assert!(daemon.tracker.store().read(|tx| tx.interrupted()).unwrap().is_empty(), "it would be sent again");
}

/// What ends while the clock is doubted is settled by the time that is believed: a date in another year would be the last
/// time that a mail left, and the next time that one is tried.
#[tokio::test]
async fn what_ends_under_a_doubted_clock_is_settled_by_the_time_that_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = with_answered(CONFIG, &folder);
    let believed = clock::now() - SignedDuration::from_hours(48);
    daemon.steady = Steady::new(believed);
    assert!(!daemon.has_time(clock::now()).unwrap());
    daemon.turn(None, Then::Rests).unwrap();
    let last: Timestamp = daemon.tracker.store().read(|tx| tx.memo(Memo::LastSend)).unwrap().unwrap();
    assert!(last.duration_since(believed) < SignedDuration::from_hours(1), "{last}");
}

/// A refresh token that could not be written down is known to nobody else.
#[tokio::test]
async fn a_reload_goes_on_with_the_tokens_that_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let write = |client: &str| {
        let imap = format!(
            "[inbox.imap]\nserver = \"127.0.0.1\"\nport = 1\nuser = \"s\"\nauth = \"oauth2\"\n[oauth2]\n\
             client_id = \"{client}\"\nclient_secret_file = \"secret\"\ntoken_url = \"https://127.0.0.1/token\"\n"
        );
        std::fs::write(&path, CONFIG.replace("[inbox]\nmaildir = \"in\"\n", &imap)).unwrap();
        Config::load(&path).unwrap()
    };
    let mut daemon = Daemon::start(&path, write("1"), None).unwrap();
    let before = std::sync::Arc::clone(daemon.config.token_source().unwrap());
    let mut is_kept = |client: &str| {
        write(client);
        daemon.reload().unwrap();
        std::sync::Arc::ptr_eq(&before, daemon.config.token_source().unwrap())
    };
    assert!(is_kept("1"));
    assert!(!is_kept("2"), "another application has tokens of its own");
}
