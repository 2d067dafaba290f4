//! The byte stream under the SMTP client, held to what SMTP without pipelining allows.
//!
//! lettre's client reads without a bound on a line, and a reply again from its beginning with each line. It refuses
//! replies that are not UTF-8 even when the code says that the mail was taken, and would take a reply that came too
//! early for the answer to the next command. All four are settled here, below it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Octets that a server may say in one connection; a mail takes about one thousand.
const MAX_READ: usize = 256 * 1024;
/// Lines of one reply before its last.
pub(super) const MAX_LINES: usize = 200;
/// What lettre's client reads first on a connection whose greeting was read before STARTTLS.
const GREETING: &[u8] = b"220 \r\n";

/// A stream that reads ASCII, a bounded amount, and at most one reply after each write.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// Read before anything of the stream.
    before: &'static [u8],
    left: usize,
    /// Lines of the current reply so far.
    lines: usize,
    /// Octets of the current line so far.
    column: usize,
    /// Whether the current line is the last of its reply: no hyphen after the code (RFC 5321 section 4.2.1).
    last_line: bool,
    /// Whether a whole reply was read since the last write.
    replied: bool,
    /// Whether more came with that reply. What came is dropped; the reply itself still counts.
    excess: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A fresh connection, on which the server speaks first.
    pub(super) fn new(stream: S) -> Self {
        let left = MAX_READ;
        Self { stream, before: b"", left, lines: 0, column: 0, last_line: false, replied: false, excess: false }
    }

    /// A connection after STARTTLS: the server does not greet again (RFC 3207 section 4.2).
    pub(super) fn greeted(stream: S) -> Self {
        Self { before: GREETING, ..Self::new(stream) }
    }

    /// The stream alone, to speak TLS over; an error if the server has said more than it was asked.
    pub(super) fn into_inner(self) -> io::Result<S> {
        self.in_turn()?;
        Ok(self.stream)
    }

    /// Sends one line, if there is one, and reads the reply: its code and its whole text.
    pub(super) async fn exchange(&mut self, line: Option<&str>) -> io::Result<(u16, String)> {
        if let Some(line) = line {
            self.write_all(format!("{line}\r\n").as_bytes()).await?;
            self.flush().await?;
        }
        let mut text = Vec::new();
        while !self.replied {
            let mut part = [0; 1024];
            let read = self.read(&mut part).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            text.extend_from_slice(part.get(..read).unwrap_or_default());
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let code = text.get(..3).and_then(|code| code.parse().ok());
        let code = code.ok_or_else(|| invalid("the reply has no code"))?;
        Ok((code, text))
    }

    fn in_turn(&self) -> io::Result<()> {
        if self.excess { Err(invalid("the server speaks out of turn")) } else { Ok(()) }
    }

    /// Takes note of what was read and answers how much of it may be passed on: all up to the end of a reply.
    fn check(&mut self, read: &mut [u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(read.len()).ok_or_else(|| invalid("the server says too much"))?;
        for (at, byte) in read.iter_mut().enumerate() {
            if self.replied {
                self.excess = true;
                return Ok(at);
            }
            if !byte.is_ascii() {
                *byte = b'?';
            }
            if self.column == 3 {
                self.last_line = *byte != b'-';
            }
            self.column += 1;
            if *byte == b'\n' {
                self.replied = self.last_line;
                self.lines = if self.last_line { 0 } else { self.lines + 1 };
                if self.lines > MAX_LINES {
                    return Err(invalid("the server says too much"));
                }
                self.last_line = false;
                self.column = 0;
            }
        }
        Ok(read.len())
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.in_turn()?;
        let start = buf.filled().len();
        if self.before.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let (now, later) = self.before.split_at(self.before.len().min(buf.remaining()));
            buf.put_slice(now);
            self.before = later;
        }
        let fit = self.check(buf.filled_mut().get_mut(start..).unwrap_or_default())?;
        buf.set_filled(start + fit);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.in_turn()?;
        self.replied = false;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync + std::fmt::Debug> AsyncTokioStream for Wire<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
