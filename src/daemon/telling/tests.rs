use jiff::SignedDuration;

use tokio::sync::oneshot;

use super::*;
use crate::config::{Config, EXAMPLE};
use crate::store::NewMail;

/// A daemon whose alarms go to a file, a line each.
fn daemon(folder: &Path, more: &str) -> Daemon {
    let text = format!("{EXAMPLE}{more}");
    let config = Config::parse(&text, &folder.join("config.toml")).unwrap();
    let mut daemon = Daemon::start(Path::new(""), config, None).unwrap();
    daemon.recall_alarms().unwrap();
    daemon
}

fn to_file(folder: &Path) -> String {
    let script = "if test -e fails; then exit 3; fi; cat >> alarms";
    format!("[alarm]\ncommand = [\"sh\", \"-c\", {:?}]\n", format!("cd {} && {script}", folder.display()))
}

/// One look, to the end of all that it starts.
async fn look(daemon: &mut Daemon) {
    for _ in 0..2 {
        daemon.outward.looked = None;
        daemon.look_outward(clock::now());
        if let Some(telling) = daemon.outward.telling.take() {
            let (says, hears) = oneshot::channel();
            says.send(telling.await.unwrap()).unwrap();
            daemon.outward.telling = Some(hears);
        }
    }
}

/// What was told so far: what, and whether it began.
fn told(folder: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder.join("alarms")).unwrap_or_default();
    let read = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["project"], "Example");
        let word = |key: &str| value[key].as_str().unwrap().to_owned();
        (word("kind"), word("event"))
    };
    text.lines().map(read).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(kind, event)| ((*kind).to_owned(), (*event).to_owned())).collect()
}

#[tokio::test]
async fn each_trouble_has_one_beginning_and_one_end_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let more = to_file(folder.path());
    let mut d = daemon(folder.path(), &more);
    look(&mut d).await;
    assert_eq!(told(folder.path()), []);
    d.tracker.trouble(&Trouble::Login("Ada's password".into()), clock::now()).unwrap();
    look(&mut d).await;
    look(&mut d).await;
    assert_eq!(told(folder.path()), pairs(&[("login", "begin")]));
    let text = std::fs::read_to_string(folder.path().join("alarms")).unwrap();
    assert!(!text.contains("Ada") && !text.contains("password of Ada"), "{text}");

    drop(d);
    let mut d = daemon(folder.path(), &more);
    look(&mut d).await;
    assert_eq!(told(folder.path()), pairs(&[("login", "begin")]), "known after a restart");
    d.tracker.scanned("f", None, clock::now()).unwrap();
    drop(d);
    let mut d = daemon(folder.path(), &more);
    look(&mut d).await;
    look(&mut d).await;
    assert_eq!(told(folder.path()), pairs(&[("login", "begin"), ("login", "end")]));
    let text = std::fs::read_to_string(folder.path().join("alarms")).unwrap();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone();
    let ids: Vec<_> = text.lines().map(id).collect();
    assert_eq!(ids[0], ids[1], "both are about one trouble");
}

#[tokio::test]
async fn an_inbox_that_is_unread_is_told_when_there_was_time_to_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = daemon(folder.path(), &to_file(folder.path()));
    let long_ago = clock::now() - SignedDuration::from_hours(48);
    d.tracker.scanned("f", Some(long_ago), long_ago).unwrap();
    look(&mut d).await;
    assert_eq!(told(folder.path()), [], "the machine was off");
    d.config.inbox_after = Duration::ZERO;
    look(&mut d).await;
    assert_eq!(told(folder.path()), pairs(&[("inbox", "begin")]));
}

#[tokio::test]
async fn a_program_that_fails_is_tried_again_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = daemon(folder.path(), &to_file(folder.path()));
    std::fs::write(folder.path().join("fails"), "").unwrap();
    d.tracker.trouble(&Trouble::Odd("odd".into()), clock::now()).unwrap();
    look(&mut d).await;
    assert!(d.outward.failed.is_some_and(|(_, times)| times == 1) && d.outward.told.is_empty());
    std::fs::remove_file(folder.path().join("fails")).unwrap();
    look(&mut d).await;
    assert_eq!(told(folder.path()), [], "after a pause");
    d.outward.failed = d.outward.failed.map(|(at, times)| (at.checked_sub(Duration::from_secs(30)).unwrap(), times));
    look(&mut d).await;
    assert_eq!(told(folder.path()), pairs(&[("odd", "begin")]));
    assert!(d.outward.failed.is_none());
}

/// A database that cannot be written is told too: what was told is remembered here until it can be.
#[tokio::test]
async fn a_database_that_fails_is_told_and_remembered_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = daemon(folder.path(), &to_file(folder.path()));
    d.tracker.trouble(&Trouble::Odd("odd".into()), clock::now()).unwrap();
    look(&mut d).await;
    let lock = rusqlite::Connection::open(&d.config.store).unwrap();
    lock.execute_batch("ALTER TABLE meta RENAME TO gone").unwrap();
    for _ in 0..3 {
        look(&mut d).await;
    }
    assert_eq!(told(folder.path()), pairs(&[("odd", "begin"), ("store", "begin")]), "what cannot be read is not over");
    assert!(!d.outward.unwritten.is_empty());
    lock.execute_batch("ALTER TABLE gone RENAME TO meta").unwrap();
    d.work().unwrap();
    look(&mut d).await;
    assert_eq!(told(folder.path()).last(), Some(&("store".into(), "end".into())));
    look(&mut d).await;
    assert!(d.outward.unwritten.is_empty());
    assert_eq!(d.tracker.store().read(|tx| tx.alarms()).unwrap().len(), 1);
}

#[tokio::test]
async fn the_heart_beats_while_the_inbox_is_read_and_the_database_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("beat");
    let mut d = daemon(folder.path(), &format!("[alarm]\nheartbeat = {{ file = {file:?} }}\n"));
    let beats = async |d: &mut Daemon| {
        let _ = std::fs::remove_file(&file);
        d.outward.beat = None;
        look(d).await;
        file.exists()
    };
    assert!(!beats(&mut d).await, "the inbox was not read yet");
    let now = clock::now();
    d.tracker.scanned("f", Some(now), now).unwrap();
    assert!(beats(&mut d).await);
    d.fails(&anyhow::anyhow!("a pass that failed"));
    assert!(!beats(&mut d).await);
    d.fault = None;
    let put_aside = d.tracker.store().write(|tx| {
        tx.store_mail(&NewMail { raw: b"x", size: 1, received: now, place: None }, now)?;
        tx.note_trouble(TroubleKind::Breaker, now, None)
    });
    put_aside.unwrap();
    assert!(beats(&mut d).await, "what else needs a person does not stop it");
    d.tracker.store().write(|tx| tx.note_trouble(TroubleKind::Hold, now, None)).unwrap();
    assert!(!beats(&mut d).await, "in hold");
    d.tracker.store().write(|tx| tx.end_trouble(TroubleKind::Hold)).unwrap();
    assert!(beats(&mut d).await);
    // At most once a minute.
    std::fs::remove_file(&file).unwrap();
    look(&mut d).await;
    assert!(!file.exists());
    let long = now - SignedDuration::from_mins(31);
    d.tracker.scanned("f", Some(long), long).unwrap();
    assert!(!beats(&mut d).await, "the inbox was read too long ago");
}
