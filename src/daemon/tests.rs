use super::*;

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

/// A clock that is behind what the database has seen: nothing is reminded of, taken in or sent.
#[tokio::test]
async fn a_clock_behind_the_last_look_holds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    let now = clock::now();
    daemon.tracker.trouble(&Trouble::Odd("a notice that waits".into()), now).unwrap();
    let arrival = || crate::tracker::Arrival {
        raw: b"From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n".to_vec(),
        size: 45,
        internal_date: None,
        not_before: None,
        place: None,
        listing: std::sync::Arc::default(),
    };
    let come = |daemon: &mut Daemon| {
        let (stored, answer) = tokio::sync::oneshot::channel();
        daemon.inward(Inward::Mails { arrivals: vec![arrival()], stored }).unwrap();
        answer
    };
    let sent =
        |daemon: &mut Daemon| daemon.tracker.store().read(|tx| tx.memo::<String>(Memo::LastSend)).unwrap().is_some();

    daemon.tracker.scanned("f", None, now + SignedDuration::from_hours(2)).unwrap();
    assert_eq!(daemon.work().unwrap(), NAP);
    assert!(come(&mut daemon).await.is_err(), "unanswered, so that the mail is found again");
    assert!(!sent(&mut daemon));

    daemon.tracker.scanned("f", None, now).unwrap();
    assert!(come(&mut daemon).await.is_ok());
    daemon.work().unwrap();
    assert!(sent(&mut daemon));
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
    let before = daemon.key_stamp;
    open::rotate_key(&config, clock::now()).unwrap();
    daemon.work().unwrap();
    assert!(daemon.key_stamp != before && daemon.key_stamp == open::key_stamp(&config));
    // What is no key is said, and changes nothing; the old one stays in use.
    std::fs::write(folder.path().join("d.key"), "nonsense").unwrap();
    daemon.work().unwrap();
    assert!(daemon.tracker.store().read(|tx| tx.notices(0)).unwrap().is_empty(), "none of this is trouble");
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
    for (stays, expect) in [(true, "earlier"), (false, "report")] {
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
        daemon.stays = stays;
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
        while daemon.finish().await.unwrap() && daemon.way.tries_plain() {
            daemon.work().unwrap();
        }
        let mut seen = Vec::new();
        while let Ok(one) = told.try_recv() {
            seen.push(one);
        }
        assert_eq!(seen, expect, "after {later}");
        let project = daemon.tracker.project().clone();
        let health = daemon.tracker.store().read(|tx| Health::read(tx, &project, at)).unwrap();
        assert!(health.tag_refused.is_some() && health.undelivered.is_empty());
    }
}
