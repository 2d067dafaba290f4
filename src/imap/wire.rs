//! One connection, and the one loop that sends a command and reads until its tagged answer. What is read comes through
//! the [`Screen`].
//!
//! Commands are written here and not by the library, for three reasons: before the login it offers no checked way
//! to do so, it sends a command in four small writes, and it logs passwords at trace level.

use std::fmt::Debug;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use async_imap::Client;
use imap_proto::{MailboxDatum, Outcome, Response, Status};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::ImapError;
use super::screen::Screen;
use crate::sasl::{Secrets, Told};

/// What a session can run over: TLS, TCP, or a pipe in a test.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Debug + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Debug + Send> Transport for T {}

/// How long a command may take from its first octet to its tagged answer.
pub(super) const COMMAND: Duration = Duration::from_secs(60);
/// How long a server may take over a mail besides the time that its octets need.
const PATIENCE: Duration = Duration::from_secs(20);
/// Octets of mail that come in a second over the slowest line that is put up with.
const SLOWEST: u64 = 4096;

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// Till then.
    At(Instant),
    /// As long as the server keeps the pace of the slowest line.
    Paced {
        /// When the command was given.
        begun: Instant,
        /// How long it may take besides.
        patience: Duration,
        /// Octets that had come by then.
        before: u64,
    },
}

impl Until {
    fn instant(self, octets: u64) -> Instant {
        match self {
            Self::At(until) => until,
            Self::Paced { begun, patience, before } => {
                begun + patience + Duration::from_millis(octets.saturating_sub(before) * 1000 / SLOWEST)
            }
        }
    }
}

impl From<Instant> for Until {
    fn from(until: Instant) -> Self {
        Self::At(until)
    }
}

/// A connection and whether it can be trusted.
#[derive(Debug)]
pub(super) struct Wire<S: Transport> {
    client: Client<Screen<S>>,
    /// What no text of the server may bring back.
    secrets: Secrets,
    tag: u32,
    /// No command is under way and none was ever left half done.
    sound: bool,
    /// Mails in the open folder, by the server's latest word.
    pub(super) exists: u32,
    /// Whether that number rose or fell for another reason than an EXPUNGE since it was last asked.
    pub(super) changed: bool,
    /// How long the server may take over a mail besides the time that its octets need.
    pub(super) patience: Duration,
}

impl<S: Transport> Wire<S> {
    pub(super) fn new(stream: S, secrets: Secrets) -> Self {
        let client = Client::new(Screen::new(stream));
        Wire { client, secrets, tag: 0, sound: true, exists: 0, changed: false, patience: PATIENCE }
    }

    /// How much of a mail is wanted, in octets. Of a larger one at least one octet more is there.
    pub(super) fn keep(&mut self, largest: u64) {
        self.client.get_mut().keep(largest);
    }

    /// What the server said, as it may be told on.
    pub(super) fn told(&self, said: &str) -> Told {
        self.secrets.tell(said)
    }

    /// Reads the greeting. PREAUTH is refused: it would make us somebody we did not log in as, and under STARTTLS
    /// it is how an attacker avoids the TLS.
    pub(super) async fn greeting(&mut self) -> Result<(), ImapError> {
        self.sound = false;
        let until = Instant::now() + COMMAND;
        let is_ok = |answer: &Response<'_>, _| matches!(answer, Response::Data { status: Status::Ok, .. });
        if !self.next("the greeting", until, is_ok).await? {
            return Err(ImapError::Protocol("the greeting is not OK"));
        }
        self.sound = true;
        Ok(())
    }

    /// Sends a command and shows each answer to `each`, the tagged OK last, with the body of the mail that stood in it,
    /// which is an empty literal in the answer itself. An untagged NO or BAD is a remark of the
    /// server and no failure (RFC 3501 sections 7.1.2, 7.1.3).
    pub(super) async fn command(
        &mut self,
        name: &'static str,
        command: &str,
        within: Duration,
        each: impl FnMut(&Response<'_>, Option<Vec<u8>>) -> Result<(), ImapError>,
    ) -> Result<(), ImapError> {
        let until = Instant::now() + within;
        self.run(name, command, until.into(), each).await
    }

    /// [`Wire::command`] that asks for mail, and takes as long as the mail does.
    pub(super) async fn fetch(
        &mut self,
        command: &str,
        each: impl FnMut(&Response<'_>, Option<Vec<u8>>) -> Result<(), ImapError>,
    ) -> Result<(), ImapError> {
        let before = self.client.get_mut().octets().load(Ordering::Relaxed);
        let until = Until::Paced { begun: Instant::now(), patience: self.patience, before };
        self.run("UID FETCH", command, until, each).await
    }

    async fn run(
        &mut self,
        name: &'static str,
        command: &str,
        until: Until,
        mut each: impl FnMut(&Response<'_>, Option<Vec<u8>>) -> Result<(), ImapError>,
    ) -> Result<(), ImapError> {
        let tag = self.send(name, command, COMMAND).await?;
        loop {
            let step = |answer: &Response<'_>, body| match done(&tag, answer)? {
                Some(Done::Refused(text)) => Ok(Some(Done::Refused(text))),
                finished => each(answer, body).map(|()| finished),
            };
            match self.next(name, until, step).await?? {
                None => {}
                Some(Done::Ok) => {
                    self.finished();
                    return Ok(());
                }
                Some(Done::Refused(text)) => {
                    self.finished();
                    return Err(ImapError::Refused { command: name, text: self.told(&text) });
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
        self.client.get_mut().refill();
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
        until: impl Into<Until>,
        on: impl FnOnce(&Response<'_>, Option<Vec<u8>>) -> T,
    ) -> Result<T, ImapError> {
        const UNREADABLE: ImapError = ImapError::Protocol("an answer that cannot be read");
        // The timer is not asked while there is something to read, and a server that never pauses sees to that.
        let (until, octets) = (until.into(), self.client.get_mut().octets());
        let end = || until.instant(octets.load(Ordering::Relaxed));
        if Instant::now() >= end() {
            return Err(ImapError::Stalled(name));
        }
        self.client.get_mut().expect();
        let answer = {
            // The parser panics on a few malformed answers (INTERNALDATE NIL is one); the daemon shall not.
            let mut reading = pin!(self.client.read_response());
            let mut caught = pin!(poll_fn(|context| {
                let poll = catch_unwind(AssertUnwindSafe(|| reading.as_mut().poll(context)));
                poll.map_or(Poll::Ready(None), |poll| poll.map(Some))
            }));
            loop {
                match timeout_at(end(), caught.as_mut()).await {
                    Err(_) if end() > Instant::now() => {}
                    answer => break answer,
                }
            }
        };
        let screen = self.client.get_mut();
        if let Some(fault) = screen.fault() {
            return Err(ImapError::Protocol(fault));
        }
        let answer = match answer {
            Err(_) => return Err(ImapError::Stalled(name)),
            Ok(None) => return Err(UNREADABLE),
            Ok(Some(Ok(None))) => return Err(ImapError::Closed(name)),
            Ok(Some(Err(e))) if e.kind() == ErrorKind::Other => return Err(UNREADABLE),
            Ok(Some(Err(e))) => return Err(broken(name, e.kind())),
            Ok(Some(Ok(Some(answer)))) => answer,
        };
        if !screen.agrees() {
            return Err(UNREADABLE);
        }
        let body = screen.take_body();
        let answer = answer.parsed();
        if let Response::Data { status: Status::Bye, outcome } = answer {
            return Err(ImapError::Bye(self.told(&text(outcome))));
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
        Ok(on(answer, body))
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
    if kind == ErrorKind::UnexpectedEof { ImapError::Closed(name) } else { ImapError::Broken(name, kind) }
}

fn text(outcome: &Outcome<'_>) -> String {
    outcome.information.as_deref().unwrap_or("no reason given").to_owned()
}
