//! The byte stream under the SMTP client, held to what SMTP without pipelining allows.
//!
//! lettre's client reads without a bound on a line, and a reply again from its beginning with each line. It refuses
//! replies that are not UTF-8 even when the code says that the mail was taken, waits for ever for the CR of a line that
//! ends with LF alone, takes no bare "250" (RFC 5321 section 4.2.1 has clients take it), and would take a reply that came
//! too early for the answer to the next command. All this is settled here, below it: before a command or a final dot is
//! written, nothing that the server said may be unread, or its replies would be shifted against what they answer. The dot
//! passes only with leave.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::gate::Gate;

/// Octets that a server may say to one command; they are about one hundred.
const MAX_READ: usize = 256 * 1024;
/// Octets of a line that are passed on: lettre takes a thousand, and all of a reply within a hundred thousand. RFC 5321 section
/// 4.5.3.1.5 has 512.
const MAX_LINE: usize = 500;
/// Lines of one reply before its last.
pub(super) const MAX_LINES: usize = 200;
/// What lettre's client reads first on a connection whose greeting was read before STARTTLS.
const GREETING: &[u8] = b"220 \r\n";
/// Octets of a reply's code.
const CODE: usize = 3;

/// A stream that reads ASCII in whole lines, a bounded amount, and at most one reply after each write.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    gate: Option<Gate>,
    /// Octets that the server may still say.
    left: usize,
    /// The current line so far.
    line: Vec<u8>,
    /// Whole lines that were read and not passed on.
    whole: VecDeque<u8>,
    /// Lines of the current reply so far.
    lines: usize,
    /// Whether a whole reply was read since the last write.
    replied: bool,
    /// Whether more came with that reply. What came is dropped; the reply itself still counts.
    excess: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A fresh connection, on which the server speaks first.
    pub(super) fn new(stream: S) -> Self {
        let (line, whole) = (Vec::new(), VecDeque::new());
        Self { stream, gate: None, left: MAX_READ, line, whole, lines: 0, replied: false, excess: false }
    }

    /// A connection after STARTTLS: the server does not greet again (RFC 3207 section 4.2).
    pub(super) fn greeted(stream: S) -> Self {
        Self { whole: GREETING.iter().copied().collect(), ..Self::new(stream) }
    }

    /// With a gate before the final dot.
    pub(super) fn behind(self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self }
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

    /// Before a command, and before the dot: whoever speaks now speaks out of turn, or has hung up.
    fn overhear(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut part = [0; 64];
        let mut read = ReadBuf::new(&mut part);
        match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) if read.filled().is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Poll::Ready(Ok(())) => Err(invalid("the server speaks out of turn")),
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    /// Hears what was read, up to the end of a reply.
    fn hear(&mut self, read: &[u8]) -> io::Result<()> {
        self.left = self.left.checked_sub(read.len()).ok_or_else(|| invalid("the server says too much"))?;
        for &byte in read {
            if self.replied {
                self.excess = true;
                return Ok(());
            }
            self.line.push(if byte.is_ascii() { byte } else { b'?' });
            if byte == b'\n' {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// Passes a line on, as lettre wants it: with a blank after a bare code, and with CRLF.
    fn end_line(&mut self) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.truncate(line.trim_ascii_end().len().min(MAX_LINE));
        if line.len() == CODE {
            line.push(b' ');
        }
        // No hyphen after the code: the last line of its reply (RFC 5321 section 4.2.1).
        self.replied = line.get(CODE).is_some_and(|mark| *mark != b'-');
        self.lines = if self.replied { 0 } else { self.lines + 1 };
        if self.lines > MAX_LINES {
            return Err(invalid("the server says too much"));
        }
        self.whole.extend(line);
        self.whole.extend(b"\r\n");
        Ok(())
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.whole.is_empty() {
            self.in_turn()?;
            let mut part = [0; 1024];
            let mut read = ReadBuf::new(&mut part);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.hear(read.filled())?;
        }
        let fit = self.whole.len().min(buf.remaining());
        let passed: Vec<u8> = self.whole.drain(..fit).collect();
        buf.put_slice(&passed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.in_turn()?;
        let at_dot = self.gate.as_ref().is_some_and(Gate::is_at_dot);
        if self.replied || at_dot {
            self.overhear(cx).inspect_err(|_| self.gate.iter().for_each(Gate::shut))?;
        }
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_open(cx))?;
        }
        (self.replied, self.left) = (false, MAX_READ);
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
