//! The session against a server that follows a script, in virtual time.
//!
//! A script is lines: `C: ` a command that must come (without its tag), `c: ` a line that must come as it is, `S: ` a
//! line of the server (`$` at its beginning is the tag of the last command, `\r\n` inside of it a line end), `close`
//! and `stall` what they say.

mod fetch;
mod hostile;
mod idle;
mod login;

use std::time::Duration;

use proptest::prelude::*;
use proptest::{collection, sample::select};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::Instant;

use super::fetch::Chunk;
use super::wire::Wire;
use super::wire::{COMMAND, Transport};
use super::{FOLDERS, Fetched, Headers, ImapError, Mailbox, Session, Uids, Woke};
use crate::sasl::Secrets;

const MAX: u64 = 10 << 20;

/// Plays the server's side; returns whether the script came to its end.
async fn play(script: String, stream: DuplexStream) -> Result<(), String> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let mut tag = String::new();
    for step in script.lines().map(str::trim_start).filter(|step| !step.is_empty()) {
        if let Some(expected) = step.strip_prefix("C: ") {
            let line = lines.next_line().await.unwrap().ok_or(format!("gone before {expected:?}"))?;
            let (theirs, command) = line.split_once(' ').unwrap();
            assert_eq!(command, expected);
            tag = theirs.into();
        } else if let Some(expected) = step.strip_prefix("c: ") {
            let line = lines.next_line().await.unwrap().ok_or(format!("gone before {expected:?}"))?;
            assert_eq!(line, expected.trim_end());
        } else if let Some(said) = step.strip_prefix("S: ") {
            let said = said.replace("\\r\\n", "\r\n");
            let said = said.strip_prefix('$').map_or(said.clone(), |rest| format!("{tag}{rest}"));
            write.write_all(format!("{said}\r\n").as_bytes()).await.map_err(|e| e.to_string())?;
        } else if step == "close" {
            return Ok(());
        } else if step == "stall" {
            std::future::pending::<()>().await;
        } else {
            panic!("a script has no {step:?}");
        }
    }
    // Whatever the client says after the script is one command too many.
    match lines.next_line().await {
        Ok(None) | Err(_) => Ok(()),
        Ok(Some(line)) => Err(format!("unexpected {line:?}")),
    }
}

/// A session against a script; `buffer` octets of it are in flight at once.
async fn with_buffer<R>(buffer: usize, script: &str, test: impl AsyncFnOnce(&mut Session<DuplexStream>) -> R) -> R {
    let (ours, theirs) = duplex(buffer);
    let server = tokio::spawn(play(script.to_owned(), theirs));
    let mut session = Session { wire: Wire::new(ours, Secrets::none()) };
    let result = test(&mut session).await;
    drop(session);
    if !script.contains("stall") {
        server.await.unwrap().unwrap();
    }
    result
}

async fn with<R>(script: &str, test: impl AsyncFnOnce(&mut Session<DuplexStream>) -> R) -> R {
    with_buffer(64 << 10, script, test).await
}

const EXAMINE: &str = r#"C: EXAMINE "INBOX"
    S: * FLAGS (\Seen)
    S: * OK [PERMANENTFLAGS ()] none
    S: * 4 EXISTS
    S: * 0 RECENT
    S: * OK [UIDVALIDITY 77] valid
    S: $ OK [READ-ONLY] done
    "#;
const SEARCH: &str = "C: UID SEARCH ALL
    S: * SEARCH 9 2 5
    S: * SEARCH 5 1000
    S: $ OK done
    ";
const LIST: &str = r#"C: LIST "" "*"
    S: * LIST (\HasChildren) "." INBOX
    S: * LIST (\HasNoChildren) "." "INBOX.a b"
    S: * LIST () NIL x
    S: $ OK done
    "#;
/// The slice that every mail begins with.
const FIRST: &str = "BODY.PEEK[]<0.1048576>";

impl<S: Transport> Session<S> {
    /// Asks whether the server is there.
    async fn noop(&mut self) -> Result<(), ImapError> {
        self.wire.command("NOOP", "NOOP", COMMAND, |_, _| Ok(())).await
    }
}

fn sizes(uids: &str, answers: &str) -> String {
    format!("C: UID FETCH {uids} (UID RFC822.SIZE INTERNALDATE)\n{answers}\nS: $ OK done\n")
}

fn bodies(uids: &str, answers: &str) -> String {
    format!("C: UID FETCH {uids} (UID {FIRST})\n{answers}\nS: $ OK done\n")
}

/// A FETCH answer with a body that begins at 0.
fn body(sequence: u32, uid: u32, text: &str) -> String {
    let length = text.replace("\\r\\n", "\r\n").len();
    format!("S: * {sequence} FETCH (UID {uid} BODY[]<0> {{{length}}}\\r\\n{text})\n")
}

fn mail(uid: u32, text: &str) -> Fetched {
    Fetched::Mail { uid, internal_date: None, raw: text.replace("\\r\\n", "\r\n").into_bytes() }
}

/// The normal course of each command, and a call that follows it.
fn normal() -> Vec<(&'static str, String)> {
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 3)\nS: * 2 FETCH (UID 5 RFC822.SIZE 3)";
    let fetched = format!("{}{}", body(1, 2, "abc"), body(2, 5, "def"));
    vec![
        ("select", EXAMINE.into()),
        ("uids", SEARCH.replacen("S: *", "S: * 4 EXISTS\nS: *", 1)),
        ("folders", LIST.into()),
        ("noop", "C: NOOP\nS: * 4 EXISTS\nS: $ OK done\n".into()),
        ("fetch", sizes("2,5", listed) + &bodies("2,5", &fetched)),
    ]
}

async fn call(command: &str, session: &mut Session<DuplexStream>) -> Result<(), ImapError> {
    match command {
        "select" => session.select("INBOX").await.map(drop),
        "uids" => session.uids().await.map(drop),
        "folders" => session.folders().await.map(drop),
        "noop" => session.noop().await,
        "fetch" => session.fetch_chunk(&[2, 5], MAX).await.map(drop),
        _ => unreachable!(),
    }
}

/// Whatever goes wrong, after however many good answers, is an error, never a shorter success; and only
/// a clean refusal leaves the session usable.
#[tokio::test(start_paused = true)]
async fn every_command_fails_aloud() {
    type Expect = fn(&ImapError) -> bool;
    let endings: [(&str, Expect); 12] = [
        ("S: $ NO [SERVERBUG] broken", |e| matches!(e, ImapError::Refused { .. })),
        ("S: $ BAD what", |e| matches!(e, ImapError::Refused { .. })),
        ("S: * BYE so long\nclose", |e| matches!(e, ImapError::Bye(text) if text.to_string() == "so long")),
        ("close", |e| matches!(e, ImapError::Closed(_))),
        ("S: * 1 FETCH (UID 2 BODY[]<0> {900}\\r\\nabc\nclose", |e| matches!(e, ImapError::Closed(_))),
        ("stall", |e| matches!(e, ImapError::Stalled(_))),
        ("S: * 1 FETCH (UID 2 BODY[]<0> {900}\\r\\nabc\nstall", |e| matches!(e, ImapError::Stalled(_))),
        ("S: * 1 FETCH (UID 2 BODY[]<0> {629145600}\\r\\nabc\nstall", |e| matches!(e, ImapError::Protocol(_))),
        ("S: * XFOO (((\nstall", |e| matches!(e, ImapError::Protocol(_))),
        ("S: * 1 FETCH (UID 2 INTERNALDATE NIL)\nstall", |e| matches!(e, ImapError::Protocol(_))),
        ("S: D99 OK somebody else's\nstall", |e| matches!(e, ImapError::Protocol(_))),
        ("S: + go on\nstall", |e| matches!(e, ImapError::Protocol(_))),
    ];
    for (command, script) in normal() {
        with(&script, async |session| call(command, session).await).await.unwrap();
        let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        // A cut before a command of ours, or after the last answer, would be no fault.
        for cut in (1..lines.len()).filter(|cut| !lines[*cut].starts_with("C: ")) {
            for (ending, expect) in endings {
                let faulty = format!("{}\n{ending}\n", lines[..cut].join("\n"));
                with(&faulty, async |session| {
                    let error = call(command, session).await.expect_err(&faulty);
                    assert!(expect(&error), "{error:?} after\n{faulty}");
                    let refused = matches!(error, ImapError::Refused { .. });
                    assert_eq!(session.wire.is_sound(), refused, "{faulty}");
                    if !refused {
                        assert!(matches!(session.noop().await, Err(ImapError::Poisoned)));
                        assert!(matches!(session.idle(Duration::MAX).await, Err(ImapError::Poisoned)));
                    }
                })
                .await;
            }
        }
    }
}

/// What is merely odd does no harm.
#[tokio::test(start_paused = true)]
async fn odd_lines_are_passed_over() {
    for odd in [
        "S: * NO [ALERT] the disk is almost full",
        "S: * BAD I did not like something",
        "S: * OK [WEIRD stuff] r\u{e9}sum\u{e9}",
        "S: * OK",
        "S: * 7 EXISTS",
        "S: * CAPABILITY IMAP4rev1 X-NEW",
        "S: * 9 FETCH (FLAGS (\\Seen))",
        "S: * 9 FETCH (X-FOO (a b) UID 99)",
    ] {
        // Another number of mails is no mere oddity where they are listed.
        let listed = |(command, _): &(&str, String)| *command != "uids" || !odd.ends_with("EXISTS");
        for (command, script) in normal().into_iter().filter(listed) {
            let script = script.replace("S: $ OK", &format!("{odd}\nS: $ OK"));
            with(&script, async |session| call(command, session).await).await.expect(odd);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_opened_for_reading() {
    let opened = with(EXAMINE, async |session| session.select("INBOX").await).await.unwrap();
    assert_eq!(opened, Mailbox { uidvalidity: 77, uidnext: None, exists: 4 });
    // Nothing here depends on the right to write, whatever the server says of it.
    let writable = EXAMINE.replace("[READ-ONLY]", "[READ-WRITE]");
    assert_eq!(with(&writable, async |session| session.select("INBOX").await).await.unwrap(), opened);
    // UIDNEXT may be absent or anything.
    let next = EXAMINE.replace("S: * 0 RECENT", "S: * OK [UIDNEXT 1] low");
    let low = with(&next, async |session| session.select("INBOX").await).await.unwrap();
    assert_eq!(low, Mailbox { uidnext: Some(1), ..opened });
    // UIDVALIDITY may not.
    for bad in ["[UIDNOTSTICKY]", "[UIDVALIDITY 0]", "[UIDVALIDITY 4294967296]"] {
        let script = EXAMINE.replace("[UIDVALIDITY 77]", bad);
        let error = with(&script, async |session| session.select("INBOX").await).await.unwrap_err();
        assert!(matches!(error, ImapError::Protocol(_)), "{bad} {error:?}");
    }
    let error = with("", async |session| session.select("INBOX\r\nD2 DELETE INBOX").await).await.unwrap_err();
    assert!(matches!(error, ImapError::Unusable(_)));
}

#[tokio::test(start_paused = true)]
async fn uids_are_sorted_and_distinct() {
    let script = format!("{EXAMINE}{SEARCH}");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert_eq!(session.uids().await.unwrap().uids, [2, 5, 9, 1000]);
    })
    .await;
    // No mails and no word of them is an empty folder.
    let script = format!("{EXAMINE}C: UID SEARCH ALL\nS: $ OK done\n").replace("* 4 EXISTS", "* 0 EXISTS");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert!(session.uids().await.unwrap().uids.is_empty());
    })
    .await;
    let script = "C: UID SEARCH UID 10:4294967295\nS: * SEARCH 11 9 10\nS: $ OK done\n";
    assert_eq!(with(script, async |session| session.uids_above(9).await).await.unwrap(), [10, 11]);
}

/// Four mails, and a search that finds fewer: once is no word, twice is a reason to ask for each.
#[tokio::test(start_paused = true)]
async fn a_listing_that_disagrees_is_made_in_another_way() {
    let few = "C: UID SEARCH ALL\nS: * SEARCH 2\nS: $ OK done\nC: NOOP\nS: $ OK done\n";
    let check = async |script: String, expect: &[u32], agrees: bool| {
        let script = format!("{EXAMINE}{few}{script}");
        let found = with(&script, async |session| {
            session.select("INBOX").await.unwrap();
            session.uids().await.unwrap()
        });
        assert_eq!(found.await, Uids { uids: expect.to_vec(), agrees }, "{script}");
    };
    check(SEARCH.into(), &[2, 5, 9, 1000], true).await;
    let none = "C: UID SEARCH ALL\nS: $ OK done\nC: FETCH 1:4 (UID)\nS: * 1 FETCH (UID 2)\nS: * 2 FETCH (UID 5)\n";
    check(format!("{none}S: * 3 FETCH (UID 9)\nS: * 4 FETCH (UID 1000)\nS: $ OK"), &[2, 5, 9, 1000], true).await;
    check(format!("{none}S: $ OK done"), &[2, 5], false).await;
    // Two mails were removed meanwhile, which the server says as soon as it may.
    let gone = few.replace("C: NOOP\n", "C: NOOP\nS: * 1 EXPUNGE\nS: * 1 EXPUNGE\nS: * 1 EXPUNGE\n");
    let script = format!("{EXAMINE}{gone}C: UID SEARCH ALL\nS: * SEARCH 2\nS: $ OK done\n");
    let found = with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        session.uids().await.unwrap()
    });
    assert_eq!(found.await, Uids { uids: vec![2], agrees: true });
}

#[tokio::test(start_paused = true)]
async fn folders_are_listed_by_name() {
    let names = with(LIST, async |session| session.folders().await.unwrap()).await;
    assert!(names.iter().eq(["INBOX", "INBOX.a b", "x"]), "{names:?}");
    let many: String = (0..FOLDERS + 9).map(|n| format!("S: * LIST () \"/\" {n}\n")).collect();
    let names = with(&format!("C: LIST \"\" \"*\"\n{many}S: $ OK done"), async |s| s.folders().await.unwrap()).await;
    assert_eq!(names.len(), FOLDERS);
}

/// A fetch that was given up leaves its answers on the way, so the session is over.
#[tokio::test(start_paused = true)]
async fn a_cancelled_command_ends_the_session() {
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 3)";
    let cut = format!("C: UID FETCH 2 (UID {FIRST})\n{}stall\n", body(1, 2, "abc"));
    for script in ["C: UID FETCH 2 (UID RFC822.SIZE INTERNALDATE)\nstall\n".into(), sizes("2", listed) + &cut] {
        with(&script, async |session| {
            let given_up = tokio::time::timeout(Duration::from_secs(1), session.fetch_chunk(&[2], MAX)).await;
            assert!(given_up.is_err());
            assert!(matches!(session.fetch_chunk(&[9], MAX).await, Err(ImapError::Poisoned)));
            assert!(matches!(session.select("INBOX").await, Err(ImapError::Poisoned)));
            assert!(matches!(session.uids().await, Err(ImapError::Poisoned)));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_the_session_good() {
    let script = format!("C: EXAMINE \"Junk\"\nS: $ NO [NONEXISTENT] no\u{7}such folder\n{EXAMINE}");
    with(&script, async |session| {
        let error = session.select("Junk").await.unwrap_err();
        assert_eq!(error.to_string(), "the server refused EXAMINE: [NONEXISTENT] nosuch folder");
        session.select("INBOX").await.unwrap();
    })
    .await;
    let script = format!("C: NOOP\nS: $ NO {}\n", "long ".repeat(999));
    let error = with(&script, async |session| session.noop().await).await.unwrap_err();
    assert!(error.to_string().len() < 250);
}

#[tokio::test(start_paused = true)]
async fn octet_by_octet_is_as_good() {
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 3)\nS: * 2 FETCH (UID 5 RFC822.SIZE 3)";
    let fetched = format!("{}{}", body(1, 2, "a{3}\\r\\n"), body(2, 5, "D1 OK\\r\\n* BYE\\r\\n"));
    let script = format!("{EXAMINE}{SEARCH}{}{}", sizes("2,5", listed), bodies("2,5", &fetched));
    with_buffer(1, &script, async |session| {
        session.select("INBOX").await.unwrap();
        assert_eq!(session.uids().await.unwrap().uids, [2, 5, 9, 1000]);
        let chunk = session.fetch_chunk(&[2, 5], MAX).await.unwrap();
        assert_eq!(chunk.mails, [mail(2, "a{3}\\r\\n"), mail(5, "D1 OK\\r\\n* BYE\\r\\n")]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_bounded() {
    for (script, seconds) in [
        ("C: LOGOUT\nS: * BYE so long\nS: $ OK done\n", 0),
        ("C: LOGOUT\nS: $ OK done\n", 0),
        ("C: LOGOUT\nstall\n", 5),
        ("close\n", 0),
    ] {
        let begun = Instant::now();
        let (ours, theirs) = duplex(1024);
        let server = tokio::spawn(play(script.to_owned(), theirs));
        Session { wire: Wire::new(ours, Secrets::none()) }.logout().await;
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
        server.abort();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a server says, each call comes back, and does not panic.
    #[test]
    fn no_server_breaks_a_session(pieces in collection::vec(piece(), 0..10), call in 0..5, hangs: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = duplex(1 << 20);
            for piece in &pieces {
                theirs.write_all(piece).await.unwrap();
            }
            let mut session = Session { wire: Wire::new(ours, Secrets::none()) };
            // Kept until the end if the server is one that hangs.
            let _theirs = hangs.then_some(theirs);
            let begun = Instant::now();
            let good = match call {
                0 => session.select("INBOX").await.is_ok(),
                1 => session.uids().await.is_ok(),
                2 => session.fetch_chunk(&[1, 2, 9], MAX).await.is_ok(),
                3 => session.idle(Duration::MAX).await.is_ok(),
                _ => session.wire.greeting().await.is_ok(),
            };
            assert!(begun.elapsed() < Duration::from_secs(600));
            assert!(session.wire.is_sound() || !good);
        });
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        "* ",
        "D1 ",
        "+ ",
        "OK",
        "NO ",
        "\r\n",
        "[UIDVALIDITY 7] ",
        "é",
        "1 FETCH (",
        "UID 1 ",
        "UID 9)",
        "\"",
        "{9}",
        "INTERNALDATE NIL",
        "BODY[] NIL)",
        "SEARCH 1 2 0 4294967295",
        "+ \r\n",
        "* OK\r\n",
        "* BYE\r\n",
        "D1 OK\r\n",
        "D2 OK\r\n",
        "D1 NO\r\n",
        "* SEARCH 1\r\n",
        "* OK [COPYUID 1 2 3]é\r\n",
        "* OK [UIDVALIDITY 7]\r\n",
        "* 4294967295 EXISTS\r\n",
        "* 1 EXPUNGE\r\n",
        "* 0 EXPUNGE\r\n",
        "* 1 FETCH (INTERNALDATE NIL)\r\n",
        "* 1 FETCH (UID 1 RFC822.SIZE 3)\r\n",
        "* 9 FETCH (UID 9 RFC822.SIZE 4294967295)\r\n",
        "* 0 FETCH (UID 1 BODY[]<0> {3}\r\nabc)\r\n",
        "* 9 FETCH (BODY[]<0> {3}\r\nabc)\r\n",
    ];
    prop_oneof![8 => select(known.to_vec()).prop_map(|text| text.as_bytes().to_vec()), 1 => any::<[u8; 3]>().prop_map(Vec::from)]
}
