//! Servers that mean harm, or are broken as if they did.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::*;
use crate::imap::screen::Screen;

/// A server that has its say, in pieces of so many octets, whatever it is asked.
#[derive(Clone, Debug)]
struct Says {
    text: Vec<u8>,
    /// Said again and again after that; nothing: the end of the connection.
    again: Vec<u8>,
    at: usize,
    piece: usize,
    /// Where the first piece ends, if not after `piece`.
    first: usize,
}

fn says(text: impl Into<Vec<u8>>) -> Says {
    Says { text: text.into(), again: Vec::new(), at: 0, piece: usize::MAX, first: 0 }
}

impl AsyncRead for Says {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let piece = if self.at < self.first { self.first - self.at } else { self.piece };
        let Says { text, again, at, .. } = &mut *self;
        let rest = match at.checked_sub(text.len()) {
            Some(over) if !again.is_empty() => &again[over % again.len()..],
            _ => text.get(*at..).unwrap_or_default(),
        };
        let said = &rest[..piece.min(rest.len()).min(buf.remaining())];
        buf.put_slice(said);
        *at += said.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Says {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn session(server: Says) -> Session<Says> {
    Session { wire: Wire::new(server, Secrets::none()) }
}

/// What comes through a screen: each answer with its body, and why it ended.
type Screened = (Vec<(Vec<u8>, Option<Vec<u8>>)>, Option<&'static str>);

/// Reads as async-imap does: 4 KiB at a time, and with each read all of the answer anew. Says what came, and how many
/// octets were read in sum.
async fn screened(server: Says, largest: u64) -> (Screened, usize) {
    let mut screen = Screen::new(server);
    screen.keep(largest);
    screen.refill();
    let (mut answers, mut steps) = (Vec::new(), 0);
    loop {
        screen.expect();
        let mut answer = Vec::new();
        while !screen.agrees() {
            let mut part = [0; 4096];
            match screen.read(&mut part).await {
                Ok(read) if read > 0 => answer.extend_from_slice(&part[..read]),
                Ok(_) | Err(_) => return ((answers, screen.fault()), steps),
            }
            steps += answer.len();
        }
        answers.push((answer, screen.take_body()));
    }
}

fn search(uids: u32) -> String {
    (1..=uids).fold("* SEARCH".to_owned(), |line, uid| line + " " + &uid.to_string()) + "\r\n"
}

/// Four times as much costs about four times as much: counted in octets that the parser reads, not in seconds.
#[tokio::test]
async fn what_the_parser_reads_grows_with_what_the_server_says() {
    let fetched = |n: usize| "* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n".repeat(n);
    let flags = |n: usize| format!("* FLAGS ({})\r\n", "\\F ".repeat(n / 10));
    let split = |n: usize| "* 1 FETCH (UID 7 BODY[]<0> {9}\r\n(((((((((\r\n)\r\n".repeat(n);
    let makes: [&dyn Fn(usize) -> String; 4] = [&|n| search(n as u32), &fetched, &flags, &split];
    for make in makes {
        for piece in [1, 4096, usize::MAX] {
            let mut steps = [0; 2];
            for (n, steps) in [5_000, 20_000].into_iter().zip(&mut steps) {
                let text = make(n);
                let octets = text.len();
                let ((_, fault), counted) = screened(Says { piece, ..says(text) }, 100).await;
                assert_eq!(fault, None);
                // An answer of 64 KiB takes 16 reads; all others are shorter.
                assert!(counted <= 8 * octets, "{counted} for {octets}");
                *steps = counted;
            }
            assert!(steps[1] <= 9 * steps[0], "{steps:?} in pieces of {piece}");
        }
    }
}

#[tokio::test]
async fn a_long_list_of_uids_is_several() {
    let all: Vec<u32> = (1..=1_000_000).collect();
    for line in [search(1_000_000), search(1_000_000).replacen("SEARCH", "search", 1).replace("\r\n", " \r\n")] {
        let found = session(says(format!("* 1000000 EXISTS\r\n{line}D1 OK done\r\n"))).uids().await.unwrap().uids;
        assert!(found == all, "{} UIDs", found.len());
    }
}

#[tokio::test]
async fn a_flood_of_answers_is_read_once_each() {
    let listed =
        "* 3 FETCH (UID 99 FLAGS ())\r\n* 1 FETCH (UID 7)\r\n".repeat(100_000) + &"* 2 EXPUNGE\r\n".repeat(100_000);
    let text =
        listed + "* 1 FETCH (RFC822.SIZE 3)\r\nD1 OK done\r\n* 1 FETCH (UID 7 BODY[]<0> {3}\r\nabc)\r\nD2 OK done\r\n";
    let chunk = session(says(text)).fetch_chunk(&[7], MAX).await.unwrap();
    assert_eq!(chunk.mails, [mail(7, "abc")]);
}

/// None of these ends the process, and the words say what the server did.
#[tokio::test(start_paused = true)]
async fn no_server_ends_the_process() {
    let deep = "(".repeat(1_000_000);
    let unreadable = "an answer that cannot be read";
    let (nested, long) = ("an answer with too many parentheses", "an answer longer than 64 KiB");
    let much = "more answers than one command can have";
    let closed = "the connection ended during UID FETCH";
    let list = "x ".repeat(100_000);
    let cases: Vec<(String, String, &str)> = vec![
        (format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(2000)), "".into(), nested),
        (format!("* 1 FETCH (BODYSTRUCTURE {deep}"), "".into(), nested),
        // What bounds a word to one reader and not to another: all of it is counted, or kept from the parser.
        (format!("* 1 FETCH (X \"\\\\\" BODYSTRUCTURE {deep}"), "".into(), nested),
        (format!("* 1 FETCH (BODYSTRUCTURE {}", "(\")\" ".repeat(9000)), "".into(), nested),
        (format!("* 1 FETCH (X (a {{1000008}}\r\n) BODY {deep}"), "".into(), closed),
        (format!("* 1 FETCH (X (a {{1000020}}\r\n) BODYSTRUCTURE {deep}      \r\n"), "x\r\n".into(), unreadable),
        (format!("* 1 FETCH (X a{{1000016}}\r\n BODYSTRUCTURE {deep}\r\n"), "x\r\n".into(), unreadable),
        (format!("* OK {{1000026}}\r\n* 1 FETCH (BODYSTRUCTURE {deep}\r\n"), "x\r\n".into(), unreadable),
        // An answer that goes on in the next, or is two, for the parser alone.
        ("* OK {5}\r\nabcde* 5 EXISTS\r\n".into(), "".into(), unreadable),
        ("* 1 FETCH (X (a\r\n".into(), "* 1 FETCH (X (a\r\n".into(), unreadable),
        (String::new(), "x".into(), long),
        ("* SEARCH ".into(), "1".into(), long),
        ("* SEARCH".into(), " 1000000000".repeat(1000), much),
        (String::new(), format!("* OK {}\r\n", "x".repeat(4000)), much),
        (
            String::new(),
            format!("* 1 FETCH (UID 1 BODY[] {{900000}}\r\n{})\r\n", "x".repeat(900_000)),
            "more mail than was asked for",
        ),
        ("* 1 FETCH (BODY[] {4294967295}\r\n".into(), "x".into(), "a literal larger than 512 MiB"),
        ("* 1 FETCH (BODY[] {99999999999999999999}\r\n".into(), "x".into(), "a literal larger than 512 MiB"),
        ("* 1 FETCH (BODY[] {1}\r\na BODY[] {1}\r\na)\r\n".into(), "".into(), "two bodies in one answer"),
        (format!("* FLAGS ({list})\r\n"), "".into(), long),
        (format!("* CAPABILITY IMAP4rev1 {list}\r\n"), "".into(), long),
        ("* OK \0\r\n".into(), "".into(), unreadable),
        ("\0\u{fffd}".into(), "\0\u{fffd}\n".into(), unreadable),
        ("* OK a\n".into(), "".into(), unreadable),
        ("* 1 FETCH (BODY[] {900}\r\nabc".into(), "".into(), closed),
    ];
    for (text, again, fault) in cases {
        // Octet by octet where that is not megabytes.
        let least = if text.len() > 300_000 { 4095 } else { 1 };
        let pieces: &[usize] = if fault == much { &[usize::MAX] } else { &[least, usize::MAX] };
        for piece in pieces.iter().copied() {
            let server = Says { again: again.clone().into(), piece, ..says(text.clone()) };
            let start = text.get(..60).unwrap_or(&text);
            let mut session = session(server);
            let begun = Instant::now();
            let error = session.fetch_chunk(&[1], 10 << 20).await.unwrap_err().to_string();
            assert!(error.ends_with(&format!(": {fault}")) || error == fault, "{error} {start:?} {again:.20?}");
            assert!(!session.wire.is_sound() && begun.elapsed() < COMMAND);
        }
    }
}

/// A server that always has something to say does not keep the clock from being asked.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_pauses_is_given_up_in_time() {
    let mut session = session(Says { again: b"* 5 EXISTS\r\n".to_vec(), ..says("") });
    let until = Instant::now() + COMMAND;
    session.wire.next("NOOP", until, |_, _| ()).await.unwrap();
    tokio::time::advance(COMMAND).await;
    assert!(matches!(session.wire.next("NOOP", until, |_, _| ()).await, Err(ImapError::Stalled(_))));
}

/// Of a mail that is too large there is one octet too many, and no more.
#[tokio::test]
async fn a_body_takes_no_more_memory_than_the_limit() {
    let text = format!("* 1 FETCH (UID 7 BODY[] {{{}}}\r\n{})\r\n", 4 << 20, "x".repeat(4 << 20));
    let ((answers, fault), _) = screened(says(text.clone()), 1000).await;
    let shown = b"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n".to_vec();
    assert_eq!((answers, fault), (vec![(shown, Some(vec![b'x'; 1001]))], None));
    let script = format!("* 1 FETCH (UID 7 RFC822.SIZE 3)\r\nD1 OK done\r\n{text}D2 OK done\r\n");
    let chunk = session(says(script)).fetch_chunk(&[7], 1000).await.unwrap();
    assert!(matches!(&chunk.mails[..], [Fetched::Oversize { size: 1001, .. }]), "{chunk:?}");
}

/// Each place at which the octets can be parted, and each length of piece: the same comes through.
async fn is_whole_however_parted(text: &[u8]) {
    let (whole, _) = screened(says(text), 40).await;
    for at in 1..=text.len() {
        let parted = Says { first: at, ..says(text) };
        assert_eq!(screened(parted, 40).await.0, whole, "parted at {at}");
        assert_eq!(screened(Says { piece: at, ..says(text) }, 40).await.0, whole, "pieces of {at}");
    }
}

#[tokio::test]
async fn where_the_octets_are_parted_makes_no_difference() {
    let text = "* OK [X] a (b {x}\r\n* 1 FETCH (UID 7 BODY[]<12> {7}\r\n{3}\r\n)))\r\n* 2 FETCH (BODY[TEXT] {3}\r\n(a( \
                body[] {50}\r\n"
        .to_owned()
        + &"y\r\n)(".repeat(10)
        + " X {0}\r\n Y \"{1}\" {02}\r\n\r\n)\r\n+ \r\nD1 OK {}\r\n* LIST () {2}\r\n\r\r\n"
        + "* 1 FETCH (BODY[] {1}\r\na BODY[] {1}\r\na)\r\n";
    is_whole_however_parted(text.as_bytes()).await;
    let ((answers, fault), _) = screened(says(text), 40).await;
    let bodies: Vec<Option<usize>> = answers.iter().map(|(_, body)| body.as_ref().map(Vec::len)).collect();
    assert_eq!(bodies, [None, Some(7), Some(41), None, None, None]);
    assert_eq!(answers[1], (b"* 1 FETCH (UID 7 BODY[]<12> {0}\r\n)\r\n".to_vec(), Some(b"{3}\r\n))".to_vec())));
    assert_eq!(fault, Some("two bodies in one answer"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same of any octets; and the parser never sees more than it can bear.
    #[test]
    fn whatever_is_said_is_bounded(pieces in collection::vec(piece(), 0..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let text = pieces.concat();
            is_whole_however_parted(&text).await;
            let ((answers, _), _) = screened(says(text.clone()), 40).await;
            assert!(answers.iter().map(|(shown, body)| shown.len() + body.as_ref().map_or(0, Vec::len)).sum::<usize>() <= text.len());
            assert!(answers.iter().all(|(shown, _)| shown.ends_with(b"\n")));
        });
    }
}
