//! What others learn of the daemon by another way than mail: alarms, a heartbeat, numbers, the status that systemd shows.
//!
//! Alarms follow from how things stand, and not from what happens: each look compares what [`Health`] finds with what was
//! told, and one program after the other is told of the difference. So a restart repeats nothing, and what ended while
//! nobody could be told has no beginning either.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Daemon, tell_systemd};
use crate::config::Heartbeat;
use crate::health::{Alarm, Health, metrics};
use crate::net::{self, Endpoint};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::store::Memo;

/// The least time between two looks: a burst of mail must not read the database anew for each.
const LOOK: Duration = Duration::from_secs(5);
/// How long the program that hears of an alarm may take.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause after it failed; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);
/// The least time between two files of numbers.
const MEASURE: Duration = Duration::from_secs(15);
/// The least time between two heartbeats.
const BEAT: Duration = Duration::from_secs(60);
/// How long a heartbeat may take that goes to a server.
const BEAT_TIMEOUT: Duration = Duration::from_secs(20);
/// With less room on the disk of the database, people are told: a few of the largest mails. Over the second it is over.
const DISK_LOW: u64 = 200;
const DISK_WELL: u64 = 250;

/// An alarm that is told: whether it begins.
type Step = (Alarm, bool);

/// What was told, and what is under way.
#[derive(Default)]
pub(super) struct Outward {
    /// The alarms of which somebody was told that they began, by name.
    told: BTreeMap<String, Alarm>,
    /// Names of those whose row is not on disk as it should be.
    unwritten: BTreeSet<String>,
    /// The program runs; it gives the steps that were told, and why the next was not.
    telling: Option<oneshot::Receiver<(Vec<Step>, Option<String>)>>,
    /// When it failed last, and how often in a row.
    failed: Option<(Instant, u32)>,
    /// Since when nothing can be done for the database's sake.
    stuck: Option<Timestamp>,
    looked: Option<Instant>,
    measured: Option<Instant>,
    beat: Option<Instant>,
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

impl Daemon {
    /// What was told before this start.
    pub(super) fn recall_alarms(&mut self) -> Result<()> {
        let told = self.tracker.store().read(|tx| tx.alarms())?;
        let read = |(name, value): (String, String)| Some((name, serde_json::from_str(&value).ok()?));
        self.outward.told = told.into_iter().filter_map(read).collect();
        Ok(())
    }

    /// Tells whoever is to be told how things stand after a pass, which worked or did not.
    pub(super) fn look_outward(&mut self, now: Timestamp, worked: bool) {
        if self.outward.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.outward.looked = Some(Instant::now());
        // A pass that had nothing to do shows nothing: a full disk is known by a row.
        let worked = worked && self.tracker.store().note(|tx| tx.set_memo(Memo::Beat, now)).is_ok();
        self.outward.stuck = if worked { None } else { Some(self.outward.stuck.unwrap_or(now)) };
        let project = self.tracker.project().clone();
        let health = self.tracker.store().read(|tx| Health::read(tx, &project, now));
        // What cannot be read is not over.
        let mut stand: Vec<Alarm> = match &health {
            Ok(health) => health.alarms(&project),
            Err(_) => self.outward.told.values().cloned().collect(),
        };
        let store = "store".to_owned();
        stand.retain(|alarm| alarm.name != store);
        stand.extend(self.outward.stuck.map(|since| Alarm {
            name: store.clone(),
            kind: store,
            ticket: None,
            since,
            text: "The database cannot be read or written: nothing is taken in or sent.".into(),
        }));
        self.tell_alarms(&stand, now);
        if let Ok(health) = &health {
            tell_systemd(&[sd_notify::NotifyState::Status(&health.line(&project))]);
            if let Err(error) = self.look_at_disk(health, now) {
                tracing::warn!("{error:#}");
            }
            if worked && health.beats() {
                self.beat(now);
            }
            if let Err(error) = self.write_metrics(health) {
                tracing::warn!("the metrics: {error:#}");
            }
            if let Err(error) = self.look_for_canary(now) {
                tracing::warn!("the canary: {error:#}");
            }
        }
    }

    fn tell_alarms(&mut self, stand: &[Alarm], now: Timestamp) {
        let Some(command) = self.config.alarm.command.clone() else { return };
        if let Some(telling) = &mut self.outward.telling {
            let (done, failed) = match telling.try_recv() {
                Ok(ended) => ended,
                Err(oneshot::error::TryRecvError::Empty) => return,
                Err(oneshot::error::TryRecvError::Closed) => (Vec::new(), Some("it ended unexpectedly".into())),
            };
            self.outward.telling = None;
            for (alarm, begins) in done {
                tracing::info!(kind = alarm.kind, begins, "alarm");
                self.outward.unwritten.insert(alarm.name.clone());
                if begins {
                    self.outward.told.insert(alarm.name.clone(), alarm);
                } else {
                    self.outward.told.remove(&alarm.name);
                }
            }
            let times = self.outward.failed.map_or(0, |(_, times)| times);
            self.outward.failed = failed.map(|why| {
                tracing::error!("the program of [alarm] command: {why}; it is tried again");
                (Instant::now(), times.saturating_add(1))
            });
        }
        self.write_alarms();
        let pause = |times: u32| (PAUSE * 2_u32.saturating_pow(times.saturating_sub(1))).min(PAUSE_MAX);
        let steps = steps(stand, &self.outward.told);
        if steps.is_empty() || self.outward.failed.is_some_and(|(at, times)| at.elapsed() < pause(times)) {
            return;
        }
        let (says, hears) = oneshot::channel();
        let name = self.tracker.project().name.clone();
        tokio::spawn(async move {
            let mut done = Vec::new();
            for (alarm, begins) in steps {
                if let Err(why) = tell(&command, &said(&name, &alarm, begins, now)).await {
                    let _ = says.send((done, Some(why)));
                    return;
                }
                done.push((alarm, begins));
            }
            // Whoever waited for it may be gone.
            let _ = says.send((done, None));
        });
        self.outward.telling = Some(hears);
    }

    /// What was told is known after a restart too, once the database can be written.
    fn write_alarms(&mut self) {
        let Self { outward: Outward { told, unwritten, .. }, tracker, .. } = self;
        if unwritten.is_empty() {
            return;
        }
        let written = tracker.store().write(|tx| {
            for name in unwritten.iter() {
                match told.get(name).and_then(|alarm| serde_json::to_string(alarm).ok()) {
                    Some(value) => tx.set_memo(Memo::Alarm(name), value)?,
                    None => tx.drop_memo(Memo::Alarm(name))?,
                }
            }
            Ok(())
        });
        if written.is_ok() {
            unwritten.clear();
        }
    }

    /// Whether the disk of the database has room.
    fn look_at_disk(&mut self, health: &Health, now: Timestamp) -> Result<()> {
        let folder = self.config.store.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let found = nix::sys::statvfs::statvfs(folder).with_context(|| folder.display().to_string())?;
        let left = found.blocks_available().saturating_mul(found.fragment_size()) / 1_000_000;
        if left < DISK_LOW {
            let news = self.tracker.trouble(&Trouble::Disk { left }, now)?;
            self.log(news);
        } else if left > DISK_WELL && health.troubles.iter().any(|t| t.kind == TroubleKind::Disk) {
            self.tracker.store().write(|tx| tx.end_trouble(TroubleKind::Disk))?;
        }
        Ok(())
    }

    /// Writes the numbers for Prometheus, whole or not at all. Also when nothing has changed: by its age a monitor knows
    /// that nobody writes the file any more.
    fn write_metrics(&mut self, health: &Health) -> Result<()> {
        let Some(path) = self.config.metrics.clone() else { return Ok(()) };
        if self.outward.measured.is_some_and(|at| at.elapsed() < MEASURE) {
            return Ok(());
        }
        self.outward.measured = Some(Instant::now());
        let project = self.tracker.project().clone();
        let text = self.tracker.store().read(|tx| metrics::text(tx, health, &project))?;
        // The collector reads files that end in .prom.
        let draft = path.with_extension(format!("prom.{}", std::process::id()));
        let write = || {
            std::fs::write(&draft, text)?;
            // Another user reads it, and it names nobody.
            std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o644))?;
            std::fs::rename(&draft, &path)
        };
        write().with_context(|| path.display().to_string())
    }

    /// Shows whoever watches from outside that all goes on.
    fn beat(&mut self, now: Timestamp) {
        if let Some(Ok(Err(why))) = self.outward.beating.as_mut().map(oneshot::Receiver::try_recv) {
            tracing::warn!("the heartbeat: {why}");
            self.outward.beating = None;
        }
        let Some(heartbeat) = self.config.alarm.heartbeat.clone() else { return };
        if self.outward.beat.is_some_and(|at| at.elapsed() < BEAT) {
            return;
        }
        self.outward.beat = Some(Instant::now());
        match heartbeat {
            Heartbeat::File(path) => {
                if let Err(error) = std::fs::write(&path, format!("{now}\n")) {
                    tracing::warn!("the heartbeat: {}: {error}", path.display());
                }
            }
            Heartbeat::Url { to, path } => {
                let (says, hears) = oneshot::channel();
                tokio::spawn(async move {
                    let asked = tokio::time::timeout(BEAT_TIMEOUT, get(&to, &path)).await;
                    let _ = says.send(asked.unwrap_or_else(|_| Err("the server did not answer in time".into())));
                });
                self.outward.beating = Some(hears);
            }
        }
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
async fn tell(words: &[String], input: &[u8]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Err("there is none".into()) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let run = async {
        let mut child = command.spawn().map_err(|e| format!("it cannot be run: {e}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing may have its reasons.
            let _ = stdin.write_all(input).await;
        }
        let status = child.wait().await.map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("it failed with {status}")) }
    };
    tokio::time::timeout(PROGRAM_TIMEOUT, run).await.unwrap_or_else(|_| Err("it did not end within 30 s".into()))
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
