//! The session against a server that follows a script, in virtual time.
//!
//! A script is lines: `C: ` a command that must come (without its tag), `c: ` a line that must come as it is, `S: ` a
//! line of the server (`$` at its beginning is the tag of the last command, `\r\n` inside of it a line end), `close`
//! and `stall` what they say.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::Instant;

use super::wire::Wire;
use super::{Chunk, Fetched, ImapError, Mailbox, Session, Woke, login};
use crate::config::{Auth, Login, Secret};
use crate::net::{Endpoint, Tls};

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
    let mut session = Session { wire: Wire::new(ours) };
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
    S: * 3 EXISTS
    S: * 0 RECENT
    S: * OK [UIDVALIDITY 77] valid
    S: $ OK [READ-ONLY] done
    "#;
const SEARCH: &str = "C: UID SEARCH ALL
    S: * SEARCH 9 2 5
    S: * SEARCH 5 1000
    S: $ OK done
    ";
/// The slice that every mail begins with.
const FIRST: &str = "BODY.PEEK[]<0.1048576>";

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
        ("uids", SEARCH.into()),
        ("noop", "C: NOOP\nS: * 4 EXISTS\nS: $ OK done\n".into()),
        ("fetch", sizes("2,5", listed) + &bodies("2,5", &fetched)),
    ]
}

async fn call(command: &str, session: &mut Session<DuplexStream>) -> Result<(), ImapError> {
    match command {
        "select" => session.select("INBOX").await.map(drop),
        "uids" => session.uids().await.map(drop),
        "noop" => session.noop().await,
        "fetch" => session.fetch_chunk(&[2, 5], MAX).await.map(drop),
        _ => unreachable!(),
    }
}

/// A1, A16, A17: whatever goes wrong, after however many good answers, is an error, never a shorter success; and only
/// a clean refusal leaves the session usable.
#[tokio::test(start_paused = true)]
async fn every_command_fails_aloud() {
    type Expect = fn(&ImapError) -> bool;
    let endings: [(&str, Expect); 12] = [
        ("S: $ NO [SERVERBUG] broken", |e| matches!(e, ImapError::Refused { .. })),
        ("S: $ BAD what", |e| matches!(e, ImapError::Refused { .. })),
        ("S: * BYE so long\nclose", |e| matches!(e, ImapError::Bye(text) if text == "so long")),
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

/// A17: what is merely odd does no harm.
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
        for (command, script) in normal() {
            let script = script.replace("S: $ OK", &format!("{odd}\nS: $ OK"));
            with(&script, async |session| call(command, session).await).await.expect(odd);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_opened_for_reading() {
    let opened = with(EXAMINE, async |session| session.select("INBOX").await).await.unwrap();
    assert_eq!(opened, Mailbox { uidvalidity: 77, exists: 3 });
    // A18: nothing here depends on the right to write, whatever the server says of it.
    let writable = EXAMINE.replace("[READ-ONLY]", "[READ-WRITE]");
    assert_eq!(with(&writable, async |session| session.select("INBOX").await).await.unwrap(), opened);
    // A5: UIDNEXT may be absent or anything.
    let next = EXAMINE.replace("S: * 0 RECENT", "S: * OK [UIDNEXT 1] low");
    assert_eq!(with(&next, async |session| session.select("INBOX").await).await.unwrap(), opened);
    // UIDVALIDITY may not.
    for bad in ["[UIDNOTSTICKY]", "[UIDVALIDITY 0]", "[UIDVALIDITY 4294967296]"] {
        let script = EXAMINE.replace("[UIDVALIDITY 77]", bad);
        let error = with(&script, async |session| session.select("INBOX").await).await.unwrap_err();
        assert!(matches!(error, ImapError::Protocol(_)), "{bad} {error:?}");
    }
    // A25
    let error = with("", async |session| session.select("INBOX\r\nD2 DELETE INBOX").await).await.unwrap_err();
    assert!(matches!(error, ImapError::Unusable(_)));
}

#[tokio::test(start_paused = true)]
async fn uids_are_sorted_and_distinct() {
    let script = format!("{EXAMINE}{SEARCH}");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert_eq!(session.uids().await.unwrap(), [2, 5, 9, 1000]);
    })
    .await;
    // Three mails and no word of them is no empty folder; no mails and no word of them is.
    let script = format!("{EXAMINE}C: UID SEARCH ALL\nS: $ OK done\n");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert!(matches!(session.uids().await, Err(ImapError::Protocol(_))));
    })
    .await;
    let script = script.replace("* 3 EXISTS", "* 0 EXISTS");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert!(session.uids().await.unwrap().is_empty());
    })
    .await;
}

async fn fetched(script: &str, uids: &[u32]) -> Chunk {
    with(script, async |session| session.fetch_chunk(uids, MAX).await).await.unwrap()
}

/// A2, A6, A11, and repetitions: a body belongs to the UID that it came with.
#[tokio::test(start_paused = true)]
async fn answers_are_matched_by_uid() {
    let listed = "S: * 2 FETCH (UID 5 RFC822.SIZE 3 INTERNALDATE \" 7-Jul-2026 02:44:25 +0200\")
        S: * 1 FETCH (UID 2 RFC822.SIZE 3)
        S: * 3 FETCH (UID 9 RFC822.SIZE 3)";
    let answers = [
        body(3, 9, "ninth"),
        body(4, 99, "unasked"),
        // Split, and in between something about another mail.
        "S: * 2 FETCH (UID 5 FLAGS (\\Seen))\nS: * 1 FETCH (FLAGS ())\n".into(),
        "S: * 2 FETCH (BODY[]<0> {5}\\r\\nfifth)\n".into(),
        // The body before its UID.
        "S: * 1 FETCH (BODY[]<0> {6}\\r\\nsecond)\nS: * 1 FETCH (UID 2)\n".into(),
        body(3, 9, "ninth again"),
        // The header is not the mail.
        "S: * 2 FETCH (UID 5 BODY[HEADER] {4}\\r\\nhead)\n".into(),
    ]
    .concat();
    let chunk = fetched(&(sizes("2,5,9", listed) + &bodies("2,5,9", &answers)), &[2, 5, 9]).await;
    let internal_date = Some("2026-07-07T00:44:25Z".parse().unwrap());
    let fifth = Fetched::Mail { uid: 5, internal_date, raw: b"fifth".to_vec() };
    assert_eq!(chunk, Chunk { taken: 3, mails: vec![mail(2, "second"), fifth, mail(9, "ninth")] });
}

/// A10: sequence numbers move while the answers come.
#[tokio::test(start_paused = true)]
async fn an_expunge_between_answers_moves_no_body() {
    let listed = "S: * 2 FETCH (UID 5 RFC822.SIZE 3)\nS: * 3 FETCH (UID 9 RFC822.SIZE 3)";
    let answers = "S: * 2 FETCH (UID 5)
        S: * 3 FETCH (UID 9)
        S: * 1 EXPUNGE
        S: * 1 FETCH (BODY[]<0> {5}\\r\\nfifth)
        S: * 2 FETCH (BODY[]<0> {5}\\r\\nninth)";
    let chunk = fetched(&(sizes("5,9", listed) + &bodies("5,9", answers)), &[5, 9]).await;
    assert_eq!(chunk.mails, [mail(5, "fifth"), mail(9, "ninth")]);
    // The mail itself goes: what comes under its number now is another's.
    let answers = "S: * 2 FETCH (UID 5)\nS: * 2 EXPUNGE\nS: * 2 FETCH (BODY[]<0> {5}\\r\\nninth)";
    let chunk = fetched(&(sizes("5,9", listed) + &bodies("5,9", answers)), &[5, 9]).await;
    assert_eq!(chunk.mails, [Fetched::Missing(5), Fetched::Missing(9)]);
}

/// A12: a mail that answers nothing is not an empty mail.
#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_no_mail() {
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 3)\nS: * 2 FETCH (UID 5 RFC822.SIZE 3)";
    for answer in [
        "",
        "S: * 1 FETCH (UID 2)",
        "S: * 1 FETCH (UID 2 BODY[]<0> NIL)",
        "S: * 1 FETCH (UID 2 BODY[] NIL)",
        "S: * 1 FETCH (UID 2 BODY[]<0> \"\")",
        "S: * 1 FETCH (UID 2 BODY[]<0> {0}\\r\\n)",
        "S: * 1 FETCH (UID 2 BODY[] {0}\\r\\n)",
    ] {
        let answers = format!("{answer}\n{}", body(2, 5, "def"));
        let chunk = fetched(&(sizes("2,5", listed) + &bodies("2,5", &answers)), &[2, 5]).await;
        assert_eq!(chunk, Chunk { taken: 2, mails: vec![Fetched::Missing(2), mail(5, "def")] }, "{answer}");
    }
    // Gone before its size was asked: no second command.
    let chunk = fetched(&sizes("2,5", ""), &[2, 5]).await;
    assert_eq!(chunk.mails, [Fetched::Missing(2), Fetched::Missing(5)]);
    assert_eq!(fetched("", &[]).await, Chunk { taken: 0, mails: vec![] });
}

/// A13, and that a report that quotes such a mail is a report.
#[tokio::test(start_paused = true)]
async fn a_placeholder_is_no_mail() {
    let from = "From: \"Microsoft Exchange Server\" <>";
    let subject = "Subject: Retrieval using the IMAP4 protocol failed for the following\\r\\n message: 752";
    let text = "The server couldn't retrieve the following message:\\r\\n\\r\\nSubject: x\\r\\n";
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 300)";
    let check = async |mail: String, placeholder: bool| {
        let chunk = fetched(&(sizes("2", listed) + &bodies("2", &body(1, 2, &mail))), &[2]).await;
        assert_eq!(chunk.mails[0] == Fetched::Placeholder(2), placeholder, "{mail}");
    };
    check(format!("{from}\\r\\n{subject}\\r\\n\\r\\n{text}"), true).await;
    check(format!("From: ada@reporter.example\\r\\n{subject}\\r\\n\\r\\n{text}"), false).await;
    check(format!("{from}\\r\\nSubject: Re: help\\r\\n\\r\\n{subject}\\r\\n{text}"), false).await;
    check(format!("{from}\\r\\n{subject}\\r\\n\\r\\nwhat is this?"), false).await;
}

const MIB: usize = 1 << 20;

fn slice(uid: u32, from: usize, answer: &str) -> String {
    format!("C: UID FETCH {uid} (UID BODY.PEEK[]<{from}.1048576>)\n{answer}\nS: $ OK done\n")
}

fn part(uid: u32, from: usize, length: usize) -> String {
    format!("S: * 1 FETCH (UID {uid} BODY[]<{from}> {{{length}}}\\r\\n{})", "x".repeat(length))
}

/// A14: what came is the truth, whatever was announced.
#[tokio::test(start_paused = true)]
async fn the_size_may_lie() {
    let listed = |size: usize| sizes("7", &format!("S: * 1 FETCH (UID 7 RFC822.SIZE {size})"));
    let check = async |script: String, expect: Option<usize>| {
        let chunk = fetched(&script, &[7]).await;
        assert_eq!(chunk.taken, 1);
        match (&chunk.mails[0], expect) {
            (Fetched::Mail { uid: 7, raw, .. }, Some(length)) => {
                assert_eq!(raw.len(), length);
                assert!(raw.iter().all(|octet| *octet == b'x'));
            }
            (Fetched::Missing(7), None) => {}
            (other, _) => panic!("{:.80}", format!("{other:?}")),
        }
    };
    let (one, two) = (slice(7, 0, &part(7, 0, MIB)), slice(7, MIB, &part(7, MIB, 500)));
    // True.
    check(listed(MIB + 500) + &one + &two, Some(MIB + 500)).await;
    // Announced small, is large.
    check(listed(10) + &one + &two, Some(MIB + 500)).await;
    // No size at all.
    check(sizes("7", "S: * 1 FETCH (UID 7)") + &one + &two, Some(MIB + 500)).await;
    // Announced large, is small: one more question, answered by nothing more.
    let end = slice(7, 500, "S: * 1 FETCH (UID 7 BODY[]<500> \"\")");
    check(listed(5 * MIB) + &slice(7, 0, &part(7, 0, 500)) + &end, Some(500)).await;
    // A server that gives less than a slice at a time.
    let less = slice(7, 0, &part(7, 0, 500)) + &slice(7, 500, &part(7, 500, MIB - 500));
    check(listed(MIB) + &less, Some(MIB)).await;
    // A server that knows no slices.
    let whole = format!("S: * 1 FETCH (UID 7 BODY[] {{{}}}\\r\\n{})", MIB + 500, "x".repeat(MIB + 500));
    check(listed(MIB + 500) + &slice(7, 0, &whole), Some(MIB + 500)).await;
    // Exactly one slice, and behind it an empty one, or nothing.
    for end in ["", "S: * 1 FETCH (UID 7 BODY[]<1048576> \"\")", "S: * 1 FETCH (UID 7 BODY[]<1048576> NIL)"] {
        check(listed(MIB) + &one + &slice(7, MIB, end), Some(MIB)).await;
    }
    // Gone between two slices: not a mail that ends there.
    for gone in ["", "S: * 1 FETCH (UID 7 BODY[]<1048576> NIL)"] {
        check(listed(MIB + 500) + &one + &slice(7, MIB, gone), None).await;
    }
    // The wrong slice.
    let script = listed(MIB + 500) + &one + &slice(7, MIB, &part(7, 0, 500));
    let error = with(&script, async |session| session.fetch_chunk(&[7], MAX).await).await.unwrap_err();
    assert!(matches!(error, ImapError::Protocol(_)));
}

#[tokio::test(start_paused = true)]
async fn a_mail_above_the_limit_keeps_its_head() {
    let listed = sizes("7,8", "S: * 1 FETCH (UID 7 RFC822.SIZE 99000000)\nS: * 2 FETCH (UID 8 RFC822.SIZE 1)");
    let script = listed + &slice(7, 0, &part(7, 0, MIB)) + &slice(7, MIB, &part(7, MIB, MIB));
    let chunk = with(&script, async |session| session.fetch_chunk(&[7, 8], MIB as u64 + 1).await).await.unwrap();
    let head = vec![b'x'; 256 << 10];
    let expect = Fetched::Oversize { uid: 7, internal_date: None, size: 99_000_000, head };
    assert_eq!(chunk, Chunk { taken: 1, mails: vec![expect] });
}

/// A chunk is bounded in mails and octets, and a large mail has its own.
#[tokio::test(start_paused = true)]
async fn chunks_are_bounded() {
    let check = async |sizes_of: &[usize], together: usize| {
        let uids: Vec<u32> = (1..=u32::try_from(sizes_of.len()).unwrap()).collect();
        let join = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let listed: String = (uids.iter().zip(sizes_of).take(50))
            .map(|(uid, size)| format!("S: * {uid} FETCH (UID {uid} RFC822.SIZE {size})\n"))
            .collect();
        let answers: String = uids[..together].iter().map(|uid| body(*uid, *uid, "x")).collect();
        let asked = uids.len().min(50);
        let script = sizes(&join(&uids[..asked]), &listed) + &bodies(&join(&uids[..together]), &answers);
        assert_eq!(fetched(&script, &uids).await.taken, together, "{sizes_of:?}");
    };
    check(&[100; 70], 50).await;
    check(&[256 << 10; 12], 8).await;
    check(&[100, 100, MIB, 100], 2).await;
}

/// A2: a fetch that was given up leaves its answers on the way, so the session is over.
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
        assert_eq!(error.to_string(), "the server refused EXAMINE: [NONEXISTENT] no such folder");
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
        assert_eq!(session.uids().await.unwrap(), [2, 5, 9, 1000]);
        let chunk = session.fetch_chunk(&[2, 5], MAX).await.unwrap();
        assert_eq!(chunk.mails, [mail(2, "a{3}\\r\\n"), mail(5, "D1 OK\\r\\n* BYE\\r\\n")]);
    })
    .await;
}

/// A15
#[tokio::test(start_paused = true)]
async fn idle_in_all_its_forms() {
    async fn check(script: &str, expect: Woke, seconds: u64) {
        let begun = Instant::now();
        let script = format!("{EXAMINE}{script}");
        let woke = with(&script, async |session| {
            session.select("INBOX").await.unwrap();
            let woke = session.idle(Duration::from_secs(3600)).await.unwrap();
            assert!(session.wire.is_sound());
            woke
        });
        assert_eq!(woke.await, expect, "{script}");
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
    }
    let done = "c: DONE\nS: $ OK done\n";
    check(&format!("C: IDLE\nS: + idling\nS: * 4 EXISTS\n{done}"), Woke::Mail, 0).await;
    check(&format!("C: IDLE\nS: * 4 EXISTS\nS: + idling\n{done}"), Woke::Mail, 0).await;
    check("C: IDLE\nS: + idling\nc: DONE\nS: * 4 EXISTS\nS: $ OK done\n", Woke::Mail, 300).await;
    check(&format!("C: IDLE\nS: + idling\n{done}"), Woke::Timeout, 300).await;
    // What is no news: the same number again, flags, a keepalive, one mail less.
    let quiet = "S: * 3 EXISTS\nS: * 1 FETCH (FLAGS ())\nS: * OK Still here\nS: * 1 EXPUNGE\n";
    check(&format!("C: IDLE\nS: + \n{quiet}{done}"), Woke::Timeout, 300).await;
    check("C: IDLE\nS: $ NO not here\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: $ BAD what\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: $ OK done\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: + idling\nS: $ OK too long\n", Woke::Mail, 0).await;
    check("C: IDLE\nS: + idling\nS: $ BAD no more\n", Woke::Unsupported, 0).await;
}

#[tokio::test(start_paused = true)]
async fn idle_fails_in_time() {
    for (script, seconds) in [
        ("C: IDLE\nstall\n", 60),
        ("C: IDLE\nS: + idling\nstall\n", 315),
        ("C: IDLE\nS: + idling\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: * BYE kicked\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: * 1 EXISTS\nc: DONE\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: + idling\nstall\n", 0),
    ] {
        let begun = Instant::now();
        with(script, async |session| {
            session.idle(Duration::MAX).await.unwrap_err();
            assert!(matches!(session.noop().await, Err(ImapError::Poisoned)), "{script}");
        })
        .await;
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
    }
}

/// Mail that came between two commands is news before there is any waiting, once.
#[tokio::test(start_paused = true)]
async fn news_before_idle_is_not_lost() {
    let script =
        format!("{EXAMINE}{SEARCH}C: NOOP\nS: * 4 EXISTS\nS: $ OK done\nC: IDLE\nS: + \nc: DONE\nS: $ OK done\n");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        session.uids().await.unwrap();
        session.noop().await.unwrap();
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Mail);
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Timeout);
    })
    .await;
    let script = format!("{EXAMINE}{}", SEARCH.replace("S: $", "S: * 4 EXISTS\nS: $"));
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        session.uids().await.unwrap();
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Mail);
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
        Session { wire: Wire::new(ours) }.logout().await;
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
        server.abort();
    }
}

fn login_of(user: &str, auth: Auth) -> Login {
    Login { user: user.into(), secret: Secret::Credential("imap".into()), auth }
}

async fn log_in(script: &str, user: &str, secret: &str, auth: Auth) -> Result<(), ImapError> {
    let to = Endpoint { server: "mail.example.org".into(), port: 993, tls: Tls::Implicit, ca_file: None };
    with(script, async |session| {
        session.wire.greeting().await?;
        login::log_in(&mut session.wire, &login_of(user, auth), &to, secret).await
    })
    .await
}

fn greeted(capabilities: &str) -> String {
    format!("S: * OK ready\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 {capabilities}\nS: $ OK done\n")
}

#[tokio::test(start_paused = true)]
async fn every_way_to_log_in() {
    let check = async |capabilities: &str, script: &str, user: &str, secret: &str, auth: Auth| {
        log_in(&(greeted(capabilities) + script), user, secret, auth).await.expect(script);
    };
    // PLAIN, with and without the response in the command; what comes between is passed over.
    let plain = "C: AUTHENTICATE PLAIN AHNlYwBwdw==\nS: * CAPABILITY IMAP4rev1\nS: $ OK in\n";
    check("AUTH=PLAIN SASL-IR", plain, "sec", "pw", Auth::Password).await;
    let asked = "C: AUTHENTICATE PLAIN\nS: * OK wait\nS: +\nc: AHNlYwBwdw==\nS: $ OK in\n";
    check("AUTH=plain", asked, "sec", "pw", Auth::Password).await;
    // LOGIN, quoted, and as literals where quoting does not do.
    let quoted = r#"C: LOGIN "sec" "p\"w\\"
        S: $ OK in
        "#;
    check("", quoted, "sec", r#"p"w\"#, Auth::Password).await;
    let literal = "C: LOGIN \"sec\" {3}\nS: + go\nc: pü\nS: $ OK in\n";
    check("", literal, "sec", "pü", Auth::Password).await;
    let literals = "C: LOGIN {3}\nS: + go\nc: sé {3}\nS: + go\nc: pü\nS: $ OK in\n";
    check("", literals, "sé", "pü", Auth::Password).await;
    // "user=sec\x01auth=Bearer t\x01\x01"
    let xoauth2 = "C: AUTHENTICATE XOAUTH2 dXNlcj1zZWMBYXV0aD1CZWFyZXIgdAEB\nS: $ OK in\n";
    check("SASL-IR", xoauth2, "sec", "t", Auth::XOauth2).await;
    // "n,a=s=2Cc,\x01host=mail.example.org\x01port=993\x01auth=Bearer t\x01\x01"
    let response = "bixhPXM9MkNjLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTMBYXV0aD1CZWFyZXIgdAEB";
    let bearer = format!("C: AUTHENTICATE OAUTHBEARER\nS: + \nc: {response}\nS: $ OK in\n");
    check("", &bearer, "s,c", "t", Auth::OauthBearer).await;
}

/// A19, A27
#[tokio::test(start_paused = true)]
async fn a_refused_login_is_told_apart() {
    let check = async |script: String, auth: Auth, is_refusal: bool| {
        let error = log_in(&script, "sec", "pw", auth).await.expect_err(&script);
        assert_eq!(error.is_login_refused(), is_refusal, "{error:?} after\n{script}");
        assert!(!error.to_string().contains("pw"));
        error
    };
    let plain = greeted("AUTH=PLAIN SASL-IR") + "C: AUTHENTICATE PLAIN AHNlYwBwdw==\n";
    check(plain.clone() + "S: $ NO [AUTHENTICATIONFAILED] no\n", Auth::Password, true).await;
    check(plain.clone() + "S: $ BAD no\n", Auth::Password, true).await;
    check(plain.clone() + "S: $ NO [UNAVAILABLE] later\n", Auth::Password, false).await;
    check(plain.clone() + "S: * BYE too many\nclose\n", Auth::Password, false).await;
    check(plain.clone() + "close\n", Auth::Password, false).await;
    check(plain + "S: + \nc: \nS: + \nc: \nS: + \nc: \nS: + \nc: \nS: + \n", Auth::Password, false).await;
    check(greeted("LOGINDISABLED"), Auth::Password, true).await;
    // The description of the error has to be answered before the refusal comes.
    let token = greeted("SASL-IR") + "C: AUTHENTICATE XOAUTH2 dXNlcj1zZWMBYXV0aD1CZWFyZXIgcHcBAQ==\n";
    check(token + "S: + eyJzdGF0dXMiOiI0MDAifQ==\nc: \nS: $ NO no\n", Auth::XOauth2, true).await;
    for greeting in ["S: * PREAUTH hello\n", "S: * NO\n", "S: HTTP/1.1 400 Bad Request\n", "S: * BYE full\n", "close\n"]
    {
        check(greeting.into(), Auth::Password, false).await;
    }
    for (user, secret) in [("", "pw"), ("sec", ""), ("sec\r\nD2 LOGOUT", "pw"), ("sec", "pw\n"), ("sec", "p\0w")] {
        let error = log_in("S: * OK ready\n", user, secret, Auth::Password).await.unwrap_err();
        assert!(matches!(error, ImapError::Unusable(_)), "{error:?}");
    }
}

/// A27: what stands behind the answer to STARTTLS is left to the handshake, and nothing but OK leads to one.
#[tokio::test(start_paused = true)]
async fn starttls_reads_not_one_octet_too_many() {
    let (mut ours, theirs) = duplex(1024);
    let script = "S: * OK ready\nC: STARTTLS\nS: * OK wait\nS: $ OK go\\r\\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\nclose\n";
    let server = tokio::spawn(play(script.into(), theirs));
    login::ask_for_tls(&mut ours).await.unwrap();
    server.await.unwrap().unwrap();
    let mut rest = String::new();
    ours.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n");

    for script in [
        "S: * PREAUTH hello\n",
        "S: * BYE full\n",
        "close\n",
        "stall\n",
        "S: * OK ready\nC: STARTTLS\nS: $ NO not here\n",
        "S: * OK ready\nC: STARTTLS\nS: $ BAD what\n",
        "S: * OK ready\nC: STARTTLS\nS: D9 OK another\n",
        "S: * OK ready\nC: STARTTLS\nS: * BYE no\n",
        "S: * OK ready\nC: STARTTLS\nstall\n",
        &format!("S: {}\n", "x".repeat(9000)),
        &format!("S: * OK ready\nC: STARTTLS\n{}", "S: * OK\n".repeat(60)),
    ] {
        let (mut ours, theirs) = duplex(64 << 10);
        let server = tokio::spawn(play(script.into(), theirs));
        login::ask_for_tls(&mut ours).await.expect_err(script);
        server.abort();
    }
}
