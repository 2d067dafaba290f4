//! What the parser may see of what a server says.
//!
//! The parser (imap-proto, driven by async-imap) reads an unfinished answer again from its beginning after each few
//! kilobytes, which makes one long line quadratic, and it descends into each parenthesis on the stack, which lets two
//! thousand of them end the process. Neither can be switched off. So this stream stands below async-imap and hands it
//! only what it can bear, one answer a time, when that answer is there to its end:
//!
//! - a line is at most [`LINE`] octets; a longer list of UIDs becomes several `* SEARCH`, which mean the same;
//! - an answer opens at most [`OPENED`] parentheses, wherever they stand, so that no quoting hides a nesting;
//! - the octets of a literal never reach the parser. It sees an empty one in their place, and the body of a mail is kept
//!   here for [`Screen::take_body`]: whatever mails hold, and wherever the parser believes a literal to end, it finds
//!   nothing but lines that were counted.
//!
//! Each octet is looked at once. A server that breaks a bound has ended its session.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets of one answer without its literals. Flags and capabilities take a few thousand.
const LINE: usize = 64 << 10;
/// Octets after which a list of UIDs goes on in another answer.
const UIDS: usize = 4000;
/// Opening parentheses of one answer. What is asked for here takes two.
const OPENED: usize = 32;
/// Octets of all answers to one command without their literals: three million UIDs.
const ANSWERS: usize = 32 << 20;
/// Octets of one literal.
const LITERAL: u64 = 512 << 20;
/// Octets of mail that the answers to one command may hold besides the largest one: twice what is asked for at once.
const BESIDE: u64 = 4 << 20;
/// How a list of UIDs begins.
const SEARCH: &[u8] = b"* SEARCH";

/// A stream that gives whole answers, each after [`Screen::expect`].
#[derive(Debug)]
pub struct Screen<S> {
    stream: S,
    /// What was read and not yet looked at.
    ahead: Box<[u8]>,
    looked: usize,
    read: usize,
    answer: Answer,
    /// Octets of the answer that the parser has.
    given: usize,
    /// Whether an answer is waited for. One that the parser does not take as one ends the session.
    expected: bool,
    fault: Option<&'static str>,
    /// Octets that were read so far, for whoever waits meanwhile.
    octets: Arc<AtomicU64>,
}

/// The answer that is being read, and what is left of the bounds of the command.
#[derive(Debug)]
struct Answer {
    /// What the parser is shown.
    lines: Vec<u8>,
    whole: bool,
    /// Whether the next answer goes on with the list of UIDs of this one.
    goes_on: bool,
    opened: usize,
    /// Octets of the literal that have yet to come.
    literal: u64,
    /// How many of those are kept.
    kept: usize,
    body: Option<Vec<u8>>,
    /// The most octets that are kept of one body.
    largest: u64,
    answers_left: usize,
    bodies_left: u64,
}

impl<S> Screen<S> {
    /// Nothing was said yet, and no mail is wanted.
    pub fn new(stream: S) -> Self {
        let mut answer = Answer {
            lines: Vec::new(),
            whole: false,
            goes_on: false,
            opened: 0,
            literal: 0,
            kept: 0,
            body: None,
            largest: 0,
            answers_left: 0,
            bodies_left: 0,
        };
        answer.refill();
        let ahead = vec![0; 16 << 10].into_boxed_slice();
        Self {
            stream,
            ahead,
            looked: 0,
            read: 0,
            answer,
            given: 0,
            expected: false,
            fault: None,
            octets: Arc::default(),
        }
    }

    /// A command begins: its answers have bounds of their own.
    pub fn refill(&mut self) {
        self.answer.refill();
    }

    /// How much of a mail is kept from here on, in octets: of a larger one so much and one more.
    pub fn keep(&mut self, largest: u64) {
        self.answer.largest = largest.saturating_add(1);
    }

    /// Lets the parser have the next answer.
    pub fn expect(&mut self) {
        if self.answer.whole {
            self.answer.begin();
            self.given = 0;
        }
        self.expected = true;
    }

    /// Whether the parser made one answer of the one that it was given. If not, it reads otherwise than this screen.
    pub fn agrees(&self) -> bool {
        !self.expected
    }

    /// The body of a mail that stood in the latest answer, where the parser saw an empty literal.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        self.answer.body.take()
    }

    /// How many octets were read so far: goes on counting while an answer is read.
    pub fn octets(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.octets)
    }

    /// Which bound the server broke.
    pub fn fault(&self) -> Option<&'static str> {
        self.fault
    }
}

impl Answer {
    fn refill(&mut self) {
        self.answers_left = ANSWERS;
        self.bodies_left = self.largest.saturating_add(BESIDE);
    }

    /// Begins the next answer.
    fn begin(&mut self) {
        self.lines.clear();
        self.lines.extend_from_slice(if self.goes_on { SEARCH } else { b"" });
        (self.whole, self.goes_on, self.opened, self.body) = (false, false, 0, None);
    }

    /// Looks at what came, up to the end of an answer. Says how much that was.
    fn take(&mut self, input: &[u8]) -> Result<usize, &'static str> {
        let mut at = 0;
        while let Some(octet) = input.get(at).filter(|_| !self.whole) {
            if self.literal > 0 {
                at += self.pass(input.get(at..).unwrap_or_default());
            } else if *octet == b' ' && self.lines.len() >= UIDS && self.lists_uids() {
                self.lines.extend_from_slice(b"\r\n");
                (self.whole, self.goes_on) = (true, true);
            } else {
                at += 1;
                self.line(*octet)?;
            }
        }
        Ok(at)
    }

    fn lists_uids(&self) -> bool {
        self.lines.get(..SEARCH.len()).is_some_and(|start| start.eq_ignore_ascii_case(SEARCH))
    }

    /// Passes over octets of a literal; says how many.
    fn pass(&mut self, input: &[u8]) -> usize {
        let passed = input.len().min(usize::try_from(self.literal).unwrap_or(usize::MAX));
        let kept = passed.min(self.kept);
        if let Some(body) = &mut self.body {
            body.extend_from_slice(input.get(..kept).unwrap_or_default());
        }
        self.kept -= kept;
        self.literal -= passed as u64;
        passed
    }

    fn line(&mut self, octet: u8) -> Result<(), &'static str> {
        self.answers_left = self.answers_left.checked_sub(1).ok_or("more answers than one command can have")?;
        self.lines.push(octet);
        if self.lines.len() > LINE {
            return Err("an answer longer than 64 KiB");
        }
        if octet == b'(' {
            self.opened += 1;
            if self.opened > OPENED {
                return Err("an answer with too many parentheses");
            }
        }
        if octet != b'\n' {
            return Ok(());
        }
        match announced(&self.lines)? {
            None => self.whole = true,
            Some((before, octets)) => {
                self.literal = octets;
                self.lines.truncate(before);
                self.kept = 0;
                if is_body(&self.lines) {
                    self.begin_body(octets.min(self.largest))?;
                }
                self.lines.extend_from_slice(b"{0}\r\n");
            }
        }
        Ok(())
    }

    fn begin_body(&mut self, octets: u64) -> Result<(), &'static str> {
        if self.body.is_some() {
            return Err("two bodies in one answer");
        }
        let left = self.bodies_left.checked_sub(octets).ok_or("more mail than was asked for")?;
        let octets = usize::try_from(octets).map_err(|_| "more mail than was asked for")?;
        (self.bodies_left, self.kept) = (left, octets);
        // Set aside at once, which the bounds above allow: a large mail is not copied as it grows.
        let mut body = Vec::new();
        body.try_reserve_exact(octets).map_err(|_| "a mail larger than the memory")?;
        self.body = Some(body);
        Ok(())
    }
}

/// Where the `{n}` begins that ends these lines, and its number (RFC 3501 section 4.3).
fn announced(lines: &[u8]) -> Result<Option<(usize, u64)>, &'static str> {
    let Some(line) = lines.strip_suffix(b"}\r\n") else { return Ok(None) };
    let digits = line.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, digits) = line.split_at(line.len() - digits);
    let Some(before) = before.strip_suffix(b"{").filter(|_| !digits.is_empty()) else { return Ok(None) };
    let octets = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    match octets.filter(|octets| *octets <= LITERAL) {
        Some(octets) => Ok(Some((before.len(), octets))),
        None => Err("a literal larger than 512 MiB"),
    }
}

/// Whether what comes next is the body of a mail, a slice of one, or some of its fields: `BODY[] `, `BODY[]<0> ` or
/// `BODY[HEADER.FIELDS (FROM)] `.
fn is_body(before: &[u8]) -> bool {
    const BODY: &[u8] = b"BODY[]";
    const FIELDS: &[u8] = b"BODY[HEADER.FIELDS (";
    let Some(item) = before.strip_suffix(b" ") else { return false };
    if let Some(item) = item.strip_suffix(b")]") {
        let names = item.iter().rev().take_while(|octet| **octet != b'(').count();
        let item = item.get(..item.len() - names).unwrap_or_default();
        let at = item.len().checked_sub(FIELDS.len());
        return at.and_then(|at| item.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(FIELDS));
    }
    let item = item.strip_suffix(b">").map_or(item, |slice| {
        let digits = slice.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
        slice.get(..slice.len() - digits).and_then(|item| item.strip_suffix(b"<")).unwrap_or_default()
    });
    item.len().checked_sub(BODY.len()).and_then(|at| item.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(BODY))
}

impl<S: AsyncRead + Unpin> AsyncRead for Screen<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.expected {
            this.fault = Some("an answer that cannot be read");
        }
        loop {
            if this.fault.is_some() {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            if this.answer.whole {
                let rest = this.answer.lines.get(this.given..).unwrap_or_default();
                let now = rest.get(..buf.remaining()).unwrap_or(rest);
                buf.put_slice(now);
                this.given += now.len();
                this.expected = this.given < this.answer.lines.len();
                return Poll::Ready(Ok(()));
            }
            if this.looked == this.read {
                let mut ahead = ReadBuf::new(&mut this.ahead);
                ready!(Pin::new(&mut this.stream).poll_read(cx, &mut ahead))?;
                (this.looked, this.read) = (0, ahead.filled().len());
                this.octets.fetch_add(this.read as u64, Ordering::Relaxed);
                if this.read == 0 {
                    return Poll::Ready(Ok(()));
                }
            }
            match this.answer.take(this.ahead.get(this.looked..this.read).unwrap_or_default()) {
                Ok(looked) => this.looked += looked,
                Err(fault) => this.fault = Some(fault),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Screen<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
