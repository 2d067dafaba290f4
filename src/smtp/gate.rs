//! The gate before the final dot. A session may say all of a mail but that to a server, and nothing is accepted by it. At
//! the dot the session asks whoever keeps the outbox for leave, and waits; without leave it ends there.
//!
//! Any number of sessions may stand at their gates at once, and ask by one channel: whoever answers can write down that
//! all of these are offered by one commit.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::{mpsc, oneshot};

use crate::store::Leave;

/// A session that is at the final dot, and asks for leave.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Of which notice.
    pub notice: u32,
    /// Who waits for the answer. To drop it is to refuse.
    pub leave: oneshot::Sender<Leave>,
}

/// Who is asked before the final dot.
#[derive(Clone, Debug, Default)]
pub(crate) enum Keeper {
    /// Nobody: the mail is no notice.
    #[default]
    Nobody,
    /// Whoever listens here, for the notice with this number.
    Outbox(mpsc::UnboundedSender<Ready>, u32),
}

/// How far the mail of a session got, and who is asked before its dot: for both who write it and who keep the gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Dot(Arc<(AtomicU8, Mutex<Keeper>)>);

/// The mail is not at its end.
const AHEAD: u8 = 0;
/// What is written next is the dot.
const REACHED: u8 = 1;
/// The dot may have left.
const PASSED: u8 = 2;

impl Dot {
    /// A mail begins, of which `keeper` keeps the gate.
    pub(super) fn begin(&self, keeper: Keeper) {
        *self.0.1.lock().unwrap_or_else(PoisonError::into_inner) = keeper;
        self.0.0.store(AHEAD, Ordering::Relaxed);
    }

    fn keeper(&self) -> Keeper {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is written next is the dot.
    pub(super) fn reach(&self) {
        self.0.0.store(REACHED, Ordering::Relaxed);
    }

    /// Whether the dot may have left: only then can the mail have been accepted.
    pub(super) fn has_passed(&self) -> bool {
        self.0.0.load(Ordering::Relaxed) == PASSED
    }

    /// Whether the content is with the server and the dot has not left.
    pub(super) fn is_reached(&self) -> bool {
        self.0.0.load(Ordering::Relaxed) == REACHED
    }
}

/// The gate, as the stream has it.
#[derive(Debug)]
pub(super) struct Gate {
    dot: Dot,
    asked: Option<oneshot::Receiver<Leave>>,
}

impl Gate {
    pub(super) fn new(dot: Dot) -> Self {
        Self { dot, asked: None }
    }

    /// Whether what is written next is the dot.
    pub(super) fn is_at_dot(&self) -> bool {
        self.dot.is_reached()
    }

    /// The dot will not be written, and that is the server's doing.
    pub(super) fn shut(&self) {
        self.dot.0.0.store(AHEAD, Ordering::Relaxed);
    }

    /// Lets everything through but the dot; that, once there is leave.
    ///
    /// # Errors
    /// There is no leave.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.dot.is_reached() {
            return Poll::Ready(Ok(()));
        }
        if let Keeper::Outbox(asks, notice) = self.dot.keeper() {
            let answer = self.asked.get_or_insert_with(|| {
                let (leave, answer) = oneshot::channel();
                // Where nobody listens any more, the answer's other end is gone with the question.
                let _ = asks.send(Ready { notice, leave });
                answer
            });
            let leave = ready!(Pin::new(answer).poll(cx)).ok().filter(|leave| leave.of() == notice);
            self.asked = None;
            if leave.is_none() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "there is no leave to send it",
                )));
            }
        }
        self.dot.0.0.store(PASSED, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}
