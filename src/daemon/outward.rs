//! What others learn of the daemon by another way than mail, and how it reaches them: a program, a URL.
//!
//! Alarms follow from how things stand, and not from what happens: each look compares what stands with what was
//! told, and one program after the other is told of the difference. So a restart repeats nothing, and what ended while
//! nobody could be told has no beginning either.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::health::Alarm;
use crate::net::{self, Endpoint};

/// How long the program that hears of an alarm may take.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause after it failed; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long a heartbeat may take that goes to a server.
const BEAT_TIMEOUT: Duration = Duration::from_secs(20);

/// An alarm that is told: whether it begins.
type Step = (Alarm, bool);

/// What was told, and what is under way.
#[derive(Default)]
pub(super) struct Outward {
    /// The alarms of which somebody was told that they began, by name.
    pub(super) told: BTreeMap<String, Alarm>,
    /// Names of those whose row is not on disk as it should be.
    pub(super) unwritten: BTreeSet<String>,
    /// The program runs; it gives the steps that were told, and why the next was not.
    pub(super) telling: Option<oneshot::Receiver<(Vec<Step>, Option<String>)>>,
    /// When it failed last, and how often in a row.
    pub(super) failed: Option<(Instant, u32)>,
    /// When the first look was taken.
    pub(super) begun: Option<Instant>,
    /// When a look was last taken, the numbers were written, the heart beat.
    pub(super) looked: Option<Instant>,
    pub(super) measured: Option<Instant>,
    pub(super) beat: Option<Instant>,
    beating: Option<oneshot::Receiver<Result<(), String>>>,
}

/// What the program reads.
#[derive(Serialize)]
struct Document<'a> {
    project: &'a str,
    event: &'static str,
    kind: &'a str,
    ticket: Option<&'a str>,
    since: Timestamp,
    at: Timestamp,
    /// The same for the beginning and the end of one trouble, and for no other.
    id: String,
    text: &'a str,
}

/// What is to be told, in order: what began, then what is over.
fn steps(stand: &[Alarm], told: &BTreeMap<String, Alarm>) -> Vec<Step> {
    let begun = stand.iter().filter(|alarm| !told.contains_key(&alarm.name)).map(|alarm| (alarm.clone(), true));
    let is_over = |alarm: &&Alarm| stand.iter().all(|s| s.name != alarm.name);
    begun.chain(told.values().filter(is_over).map(|alarm| (alarm.clone(), false))).collect()
}

impl Outward {
    /// Takes in what has been told since; false while the program runs.
    pub(super) fn is_idle(&mut self) -> bool {
        let Some(telling) = &mut self.telling else { return true };
        let (done, failed) = match telling.try_recv() {
            Ok(ended) => ended,
            Err(oneshot::error::TryRecvError::Empty) => return false,
            Err(oneshot::error::TryRecvError::Closed) => (Vec::new(), Some("it ended unexpectedly".into())),
        };
        self.telling = None;
        for (alarm, begins) in done {
            tracing::info!(kind = alarm.kind, begins, "alarm");
            self.unwritten.insert(alarm.name.clone());
            if begins {
                self.told.insert(alarm.name.clone(), alarm);
            } else {
                self.told.remove(&alarm.name);
            }
        }
        let times = self.failed.map_or(0, |(_, times)| times);
        self.failed = failed.map(|why| {
            tracing::error!("the program of [alarm] command: {why}; it is tried again");
            (Instant::now(), times.saturating_add(1))
        });
        true
    }

    /// Has the program told of what has changed, a step after the other, unless it failed a short while ago.
    pub(super) fn tell(&mut self, command: Vec<String>, project: String, stand: &[Alarm], now: Timestamp) {
        let pause = |times: u32| (PAUSE * 2_u32.saturating_pow(times.saturating_sub(1))).min(PAUSE_MAX);
        let steps = steps(stand, &self.told);
        if steps.is_empty() || self.failed.is_some_and(|(at, times)| at.elapsed() < pause(times)) {
            return;
        }
        let (says, hears) = oneshot::channel();
        tokio::spawn(async move {
            let (mut done, mut failed) = (Vec::new(), None);
            for (alarm, begins) in steps {
                failed = run(&command, &said(&project, &alarm, begins, now)).await.err();
                if failed.is_some() {
                    break;
                }
                done.push((alarm, begins));
            }
            // Whoever waited for it may be gone.
            let _ = says.send((done, failed));
        });
        self.telling = Some(hears);
    }

    /// Asks for the URL of a heartbeat; what came of the last time is said.
    pub(super) fn ask_for(&mut self, to: Endpoint, path: String) {
        if let Some(Ok(Err(why))) = self.beating.as_mut().map(oneshot::Receiver::try_recv) {
            tracing::warn!("the heartbeat: {why}");
        }
        let (says, hears) = oneshot::channel();
        tokio::spawn(async move {
            let asked = tokio::time::timeout(BEAT_TIMEOUT, get(&to, &path)).await;
            let _ = says.send(asked.unwrap_or_else(|_| Err("the server did not answer in time".into())));
        });
        self.beating = Some(hears);
    }
}

/// What the program is told, as one line of JSON.
fn said(project: &str, alarm: &Alarm, begins: bool, at: Timestamp) -> Vec<u8> {
    let Alarm { name, kind, ticket, since, text } = alarm;
    let event = if begins { "begin" } else { "end" };
    let (id, ticket) = (format!("{name}@{since}"), ticket.as_deref());
    let document = Document { project, event, kind, ticket, since: *since, at, id, text };
    let mut line = serde_json::to_vec(&document).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Runs the program with this on its standard input. What it prints is for nobody.
async fn run(words: &[String], input: &[u8]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Err("there is none".into()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let running = async {
        let mut child = command.spawn().map_err(|e| format!("it cannot be run: {e}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing may have its reasons.
            let _ = stdin.write_all(input).await;
        }
        let status = child.wait().await.map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("it failed with {status}")) }
    };
    tokio::time::timeout(PROGRAM_TIMEOUT, running).await.unwrap_or_else(|_| Err("it did not end within 30 s".into()))
}

/// Asks for a URL.
async fn get(to: &Endpoint, path: &str) -> Result<(), String> {
    let stream = net::tcp(to).await.map_err(|e| e.to_string())?;
    let stream = net::tls(stream, to).await.map_err(|e| e.to_string())?;
    let host = if to.port == 443 { to.server.clone() } else { format!("{}:{}", to.server, to.port) };
    ask(stream, &host, path).await
}

/// One request (RFC 9112 section 3). Of the answer only the status counts, and no more of it is read.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: disclosed/{version}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    stream.flush().await.map_err(|e| e.to_string())?;
    stream.read_exact(&mut answer).await.map_err(|e| e.to_string())?;
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', hundreds, tens, ones] = answer else {
        return Err("the server does not speak HTTP".into());
    };
    let status = String::from_utf8_lossy(&[hundreds, tens, ones]).into_owned();
    if hundreds == b'2' { Ok(()) } else { Err(format!("the server answered {}", status.escape_default())) }
}

#[cfg(test)]
mod tests;
