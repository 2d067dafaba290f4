//! One connection, and the one loop that sends a command and reads until its tagged answer.
//!
//! Commands are written here and not by the library, for three reasons: before the login it offers no checked way
//! to do so, it sends a command in four small writes, and it logs passwords at trace level.

use std::fmt::Debug;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_imap::Client;
use imap_proto::{MailboxDatum, Outcome, Response, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::ImapError;

/// What a session can run over: TLS, TCP, or a pipe in a test.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Debug + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Debug + Send> Transport for T {}

/// How long a command may take from its first octet to its tagged answer.
pub(super) const COMMAND: Duration = Duration::from_secs(60);
/// How much of what a server says is told on.
const TEXT: usize = 200;

/// A connection and whether it can be trusted.
#[derive(Debug)]
pub(super) struct Wire<S: Transport> {
    client: Client<S>,
    tag: u32,
    /// No command is under way and none was ever left half done.
    sound: bool,
    /// Mails in the open folder, by the server's latest word.
    pub(super) exists: u32,
    /// Whether that number rose or fell for another reason than an EXPUNGE since it was last asked.
    pub(super) changed: bool,
}

impl<S: Transport> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Wire { client: Client::new(stream), tag: 0, sound: true, exists: 0, changed: false }
    }

    /// Reads the greeting. PREAUTH is refused: it would make us somebody we did not log in as, and under STARTTLS
    /// it is how an attacker avoids the TLS.
    pub(super) async fn greeting(&mut self) -> Result<(), ImapError> {
        self.sound = false;
        let until = Instant::now() + COMMAND;
        let is_ok = |answer: &Response<'_>| matches!(answer, Response::Data { status: Status::Ok, .. });
        if !self.next("the greeting", until, is_ok).await? {
            return Err(ImapError::Protocol("the greeting is not OK"));
        }
        self.sound = true;
        Ok(())
    }

    /// Sends a command and shows each answer to `each`, the tagged OK last. An untagged NO or BAD is a remark of the
    /// server and no failure (RFC 3501 sections 7.1.2, 7.1.3).
    pub(super) async fn command(
        &mut self,
        name: &'static str,
        command: &str,
        within: Duration,
        mut each: impl FnMut(&Response<'_>) -> Result<(), ImapError>,
    ) -> Result<(), ImapError> {
        let until = Instant::now() + within;
        let tag = self.send(name, command, within).await?;
        loop {
            let step = |answer: &Response<'_>| match done(&tag, answer)? {
                Some(Done::Refused(text)) => Ok(Some(Done::Refused(text))),
                finished => each(answer).map(|()| finished),
            };
            match self.next(name, until, step).await?? {
                None => {}
                Some(Done::Ok) => {
                    self.finished();
                    return Ok(());
                }
                Some(Done::Refused(text)) => {
                    self.finished();
                    return Err(ImapError::Refused { command: name, text });
                }
            }
        }
    }

    /// Begins a command: from here until [`Wire::finished`] the connection is not sound, also if the future that
    /// runs the command is dropped.
    pub(super) async fn send(
        &mut self,
        name: &'static str,
        command: &str,
        within: Duration,
    ) -> Result<String, ImapError> {
        if !self.sound {
            return Err(ImapError::Poisoned);
        }
        self.sound = false;
        self.tag += 1;
        let tag = format!("D{}", self.tag);
        self.write(name, format!("{tag} {command}\r\n").as_bytes(), within).await?;
        Ok(tag)
    }

    /// The tagged answer has been read: nothing more is under way.
    pub(super) fn finished(&mut self) {
        self.sound = true;
    }

    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// Gives the connection up.
    pub(super) fn poison(&mut self, why: ImapError) -> ImapError {
        self.sound = false;
        why
    }

    pub(super) async fn write(&mut self, name: &'static str, octets: &[u8], within: Duration) -> Result<(), ImapError> {
        let stream = self.client.get_mut();
        let written = async {
            stream.write_all(octets).await?;
            stream.flush().await
        };
        match timeout(within, written).await {
            Err(_) => Err(ImapError::Stalled(name)),
            Ok(written) => written.map_err(|e| broken(name, e.kind())),
        }
    }

    /// Reads one answer, keeps count of the mails, and hands it to `on`. Waiting can be given up without loss.
    pub(super) async fn next<T>(
        &mut self,
        name: &'static str,
        until: Instant,
        on: impl FnOnce(&Response<'_>) -> T,
    ) -> Result<T, ImapError> {
        // The parser panics on a few malformed answers (INTERNALDATE NIL is one); the daemon shall not.
        let mut reading = pin!(self.client.read_response());
        let caught = poll_fn(|context| {
            let poll = catch_unwind(AssertUnwindSafe(|| reading.as_mut().poll(context)));
            poll.map_or(Poll::Ready(None), |poll| poll.map(Some))
        });
        let answer = match timeout_at(until, caught).await {
            Err(_) => return Err(ImapError::Stalled(name)),
            Ok(None) => return Err(ImapError::Protocol("an answer that cannot be read")),
            Ok(Some(Ok(None))) => return Err(ImapError::Closed(name)),
            Ok(Some(Err(e))) => return Err(broken(name, e.kind())),
            Ok(Some(Ok(Some(answer)))) => answer,
        };
        let answer = answer.parsed();
        if let Response::Data { status: Status::Bye, outcome } = answer {
            return Err(ImapError::Bye(text(outcome)));
        }
        if let Response::Data { status: Status::PreAuth, .. } = answer {
            return Err(ImapError::Protocol("PREAUTH: the server takes us for somebody without a login"));
        }
        if let Response::MailboxData(MailboxDatum::Exists(count)) = answer {
            self.changed |= self.exists != *count;
            self.exists = *count;
        }
        if let Response::Expunge(_) = answer {
            self.exists = self.exists.saturating_sub(1);
        }
        Ok(on(answer))
    }
}

/// How a command ended.
pub(super) enum Done {
    Ok,
    Refused(String),
}

/// Whether this answer ends the command with this tag.
pub(super) fn done(tag: &str, answer: &Response<'_>) -> Result<Option<Done>, ImapError> {
    if matches!(answer, Response::Continue(_)) {
        return Err(ImapError::Protocol("a \"+\" that nothing asked for"));
    }
    let Response::Done { tag: theirs, status, outcome } = answer else { return Ok(None) };
    if theirs.0 != tag {
        return Err(ImapError::Protocol("an answer to a command that was not sent"));
    }
    match status {
        Status::Ok => Ok(Some(Done::Ok)),
        Status::No | Status::Bad => Ok(Some(Done::Refused(text(outcome)))),
        Status::PreAuth | Status::Bye => Err(ImapError::Protocol("a tagged answer that is neither OK, NO nor BAD")),
    }
}

/// The errors of the library carry what was received in their text, so only their kind is told on.
fn broken(name: &'static str, kind: ErrorKind) -> ImapError {
    if kind == ErrorKind::UnexpectedEof {
        ImapError::Closed(name)
    } else if kind == ErrorKind::Other {
        ImapError::Protocol("an answer that cannot be read")
    } else {
        ImapError::Broken(name, kind)
    }
}

fn text(outcome: &Outcome<'_>) -> String {
    outcome.information.as_deref().map_or_else(|| "no reason given".into(), cleaned)
}

/// What a server said, fit for a log: short, one line, no control characters.
pub(super) fn cleaned(said: &str) -> String {
    said.trim().chars().take(TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
