//! The loop: one owner of the store, one thread. Everything that waits does so at this rim; what it brings is handed
//! to the tracker with the time, and what the tracker decided is on disk before the next thing is done.
//!
//! The inbox is watched by a task of its own ([`inbox`]) that asks the loop, message by message, and never touches
//! the store. A few notices at a time are with a mail server ([`sending`]), and one mail at a time has its signatures
//! checked ([`crate::dkim`]); it is stored by then, and handled once the answer is there. The loop sleeps until the
//! earliest thing that is due, and never longer than half a minute, so that a clock that was set is noticed.

mod canary;
pub(crate) mod check;
mod doing;
mod door;
mod fetching;
mod finding;
mod folder;
mod forged;
mod hand;
mod hearing;
pub(crate) mod inbox;
mod inward;
mod keeping;
mod looking;
pub(crate) mod outgoing;
mod outward;
mod pauses;
mod profile;
mod rebuilding;
mod sending;
mod steady;
mod tagged;
mod telling;
mod way;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use check::{Mails, check_online, exchangers};
pub(crate) use finding::{Finding, Mend};
pub(crate) use rebuilding::rebuild;

use crate::config::Config;
use crate::dkim::Verifier;
use crate::health::Health;
use crate::mail::signature::Dkim;
use crate::notice::text::trouble::Trouble;
use crate::open::files::{FilesError, Watched};
use crate::store::{Mark, StoreError};
use crate::tracker::{First, News, Tracker};
use crate::vocabulary::MailRef;
use crate::{clock, open};
use hand::{Asked, Hand, Then};
use inbox::Watching;
use inward::Inward;
use outward::Outward;
use steady::Steady;
use way::Way;

/// How long notices may leave one after the other before all that is due is looked at again.
const SPELL: Duration = Duration::from_millis(100);
/// The longest sleep.
const NAP: Duration = Duration::from_secs(30);
/// How long a notice that is with a server may take to finish when the daemon is asked to stop.
const LAST_WORD: Duration = Duration::from_secs(25);
/// After an error of the database: nothing leaves, and the mail stays on its server.
const STORE_PAUSE: Duration = Duration::from_secs(30);

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(config_path: &Path, config: Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut daemon = Daemon::start(config_path, config, None)?;
        let done = daemon.live(&mut signals).await;
        if done.is_err() {
            daemon.last_word(false).await;
        }
        done
    });
    // A name look-up that hangs in its own thread must not hold up the end.
    runtime.shutdown_background();
    done
}

/// Takes in all there is, sends all that is due. `now` stands for the present: then nothing has a date of its own,
/// and the outbox must be a Maildir. Says whether something needs a person.
pub(crate) fn once(config: &Config, now: Option<Timestamp>) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut daemon = Daemon::start(Path::new(""), config.clone(), now)?;
        daemon.pass().await
    });
    runtime.shutdown_background();
    done
}

/// The daemon with a time that is given: what `demo` plays with.
pub(crate) struct Rehearsal {
    daemon: Daemon,
    runtime: tokio::runtime::Runtime,
}

impl Rehearsal {
    /// Opens what the config names.
    pub(crate) fn new(config: &Config, now: Timestamp) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let daemon = Daemon::start(Path::new(""), config.clone(), Some(now))?;
        Ok(Self { daemon, runtime })
    }

    /// One pass at that time; says all that it brought about.
    pub(crate) fn at(&mut self, now: Timestamp) -> Result<News> {
        self.daemon.fixed = Some(now);
        self.runtime.block_on(self.daemon.pass())?;
        Ok(std::mem::take(&mut self.daemon.told))
    }

    /// When something is due next.
    pub(crate) fn next(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.daemon.tracker.next_wake(true)?)
    }
}

struct Signals {
    stop: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            stop: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

struct Daemon {
    config_path: PathBuf,
    config: Config,
    tracker: Tracker,
    /// One daemon a database.
    _lock: std::fs::File,
    /// The files of the database, which may not go away or be replaced under us.
    files: Watched,
    /// Why the loop cannot do its work.
    fault: Option<Fault>,
    /// What the mark beside the database says, and since when.
    mark: Option<(Mark, Timestamp)>,
    /// Whether nothing leaves, as far as the log has it.
    holds: bool,
    /// The time that `run --once --now` was given.
    fixed: Option<Timestamp>,
    /// Under a given time, all that happened since somebody asked.
    told: News,
    watch: Watch,
    /// The notices that are with a server.
    hand: Hand,
    /// Checks DKIM signatures; away while it does.
    verifier: Option<Box<Verifier>>,
    /// The mail whose signatures are being checked.
    checking: Option<(MailRef, JoinHandle<Verdict>)>,
    /// The way out.
    way: Way,
    steady: Steady,
    outward: Outward,
    /// One pass takes in all that is there.
    first: First,
}

/// The watch over one folder, as the loop has it.
struct Watch {
    /// What it asks and tells.
    inward: mpsc::Receiver<Inward>,
    task: Option<JoinHandle<()>>,
    /// Since when the folder fails.
    failing: Option<Timestamp>,
}

/// Why the loop cannot do its work. It stands in no database, since the database is what fails: whoever tells people of it
/// needs another way than mail.
#[derive(Debug)]
struct Fault {
    /// Since when.
    since: Timestamp,
    /// What the system or SQLite says, and what to do.
    what: String,
}

/// A verdict on signatures, with whoever gave it.
type Verdict = (Box<Verifier>, Dkim);

/// What woke the loop.
enum Woken {
    Stop,
    Reload,
    Inward(Inward),
    Asked(Asked),
    Checked(MailRef, Result<Verdict, tokio::task::JoinError>),
    WatchEnded,
    Time,
}

impl Daemon {
    fn start(config_path: &Path, config: Config, fixed: Option<Timestamp>) -> Result<Self> {
        let now = fixed.unwrap_or_else(clock::now);
        let lock = open::lock(&config)?;
        let mut tracker = open::tracker(&config, now)?;
        tracker.plays(fixed.is_some())?;
        let mut files = open::watched(&config)?;
        if let Some(key) = files.look()? {
            tracker.rekey(key, now)?;
        }
        let news = tracker.recover(now)?;
        let watch = Watch { inward: mpsc::channel(1).1, task: None, failing: None };
        let config_path = config_path.to_owned();
        let steady = Steady::new(now);
        let mut daemon = Self {
            config_path,
            config,
            tracker,
            _lock: lock,
            files,
            fault: None,
            mark: None,
            holds: false,
            fixed,
            told: News::default(),
            watch,
            hand: Hand::default(),
            verifier: None,
            checking: None,
            way: Way::default(),
            steady,
            outward: Outward::default(),
            first: First::InboxTaken,
        };
        daemon.log(news);
        Ok(daemon)
    }

    /// The time, as far as the clock is believed: what ends in the moment of a doubt is settled by the one that ran on.
    fn now(&self) -> Timestamp {
        self.fixed.unwrap_or_else(|| self.steady.time(clock::now()))
    }

    fn watch(&mut self, watching: Watching) {
        let (to, from) = mpsc::channel(4);
        self.watch.inward = from;
        let (inbox, max) = (self.config.inbox.clone(), self.config.limits.message);
        self.watch.task = Some(tokio::spawn(inbox::watch(inbox, max, to, watching)));
    }

    /// The daemon's life.
    async fn live(&mut self, signals: &mut Signals) -> Result<()> {
        self.first = First::Before;
        self.watch(Watching::ForGood);
        self.recall_alarms()?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            store = %self.config.store.display(),
            inbox = %self.config.inbox,
            outgoing = %self.config.outgoing,
            policy = self.tracker.policy(),
            "ready"
        );
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        // While mail leaves, what is due is looked at now and then, and not between any two notices.
        let mut worked: Option<tokio::time::Instant> = None;
        loop {
            let spell = worked.map(|at| SPELL.saturating_sub(at.elapsed())).filter(|left| !left.is_zero());
            let nap = match spell.map_or_else(|| self.work(), Ok) {
                Ok(nap) => {
                    // Fed by progress: the store was read, and what was due is decided.
                    tell_systemd(&[sd_notify::NotifyState::Watchdog]);
                    nap
                }
                Err(error) if wants_person(&error) => return Err(error),
                Err(error) => {
                    self.fails(&error);
                    STORE_PAUSE
                }
            };
            self.look_outward(self.now());
            let woken = self.wait(signals, nap).await;
            if matches!(woken, Woken::Asked(_)) {
                // Those whose server has answered meanwhile come into the same commit.
                for _ in 0..self.hand.sending.len() {
                    tokio::task::yield_now().await;
                }
            }
            let goes_on = matches!(woken, Woken::Asked(_)) && self.fault.is_none();
            worked = goes_on.then(|| worked.filter(|_| spell.is_some()).unwrap_or_else(tokio::time::Instant::now));
            let done = match woken {
                Woken::Stop => break,
                Woken::Reload => self.reload(),
                Woken::Inward(message) => self.inward(message),
                Woken::Asked(asked) => self.turn(Some(asked), if goes_on { Then::Sends } else { Then::Rests }),
                Woken::Checked(mail, checked) => self.checked(mail, checked),
                Woken::WatchEnded => {
                    tracing::error!("the watch over the inbox ended unexpectedly; it starts again");
                    let now = self.now();
                    self.watch.failing.get_or_insert(now);
                    // What ended it may end it again at once.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.watch(Watching::ForGood);
                    Ok(())
                }
                Woken::Time => Ok(()),
            };
            if let Err(error) = done {
                if wants_person(&error) {
                    return Err(error);
                }
                match error.downcast_ref() {
                    Some(StoreError::Sqlite(_) | StoreError::File(..)) => self.fails(&error),
                    Some(_) | None => tracing::error!("{error:#}"),
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tell_systemd(&[sd_notify::NotifyState::Stopping]);
        if let Some(watch) = self.watch.task.take() {
            watch.abort();
        }
        if let Some((_, checking)) = self.checking.take() {
            // It is due again at the next start.
            checking.abort();
        }
        self.last_word(true).await;
        self.keep_mark(self.now(), true)?;
        tracing::info!("stopped");
        Ok(())
    }

    async fn wait(&mut self, signals: &mut Signals, nap: Duration) -> Woken {
        let checking = async {
            match &mut self.checking {
                Some((mail, task)) => (*mail, task.await),
                None => std::future::pending().await,
            }
        };
        let watching = async {
            match &mut self.watch.task {
                Some(task) => drop(task.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = signals.stop.recv() => Woken::Stop,
            _ = signals.interrupt.recv() => Woken::Stop,
            _ = signals.reload.recv() => Woken::Reload,
            asked = self.hand.next() => Woken::Asked(asked),
            (mail, checked) = checking => { self.checking = None; Woken::Checked(mail, checked) }
            Some(message) = self.watch.inward.recv() => Woken::Inward(message),
            () = watching => { self.watch.task = None; Woken::WatchEnded }
            () = tokio::time::sleep(nap) => Woken::Time,
        }
    }

    /// What servers have answered, or are about to, is known to nobody else: it is settled before the daemon ends. Tokens
    /// only, where the files of the database are not what they were.
    async fn last_word(&mut self, settles: bool) {
        let config = self.config.clone();
        let settle = async {
            if settles {
                self.finish_all().await;
            }
        };
        let all = async { tokio::join!(settle, config.rest_tokens()) };
        if tokio::time::timeout(LAST_WORD, all).await.is_err() {
            tracing::warn!("some mail was still with a server; it is tried again after the next start");
        }
    }

    /// One pass: all mail there is, all that is due, all that can leave.
    async fn pass(&mut self) -> Result<bool> {
        let done = self.pass_through().await;
        if let Err(error) = &done {
            self.last_word(!wants_person(error)).await;
        }
        done
    }

    async fn pass_through(&mut self) -> Result<bool> {
        self.watch(Watching::OnePass);
        let mut unread = None;
        while let Some(message) = self.watch.inward.recv().await {
            if let Inward::Failed { what, .. } = &message {
                unread = Some(what.clone());
            }
            self.inward(message)?;
        }
        // The channel is closed: the scan is over.
        loop {
            self.work()?;
            if let Some((mail, checking)) = self.checking.take() {
                self.checked(mail, checking.await)?;
                continue;
            }
            if !self.finish().await? {
                break;
            }
            if self.way.closed_until(self.now()).is_some() {
                bail!("mail cannot be sent; see the log");
            }
        }
        self.hand.let_go(Duration::ZERO);
        let now = self.now();
        self.keep_mark(now, true)?;
        // What is due does not wait for an inbox that cannot be read.
        if let Some(what) = unread {
            bail!("the inbox: {what}");
        }
        let project = self.tracker.project().clone();
        Ok(self.tracker.store().read(|tx| Health::read(tx, &project, now))?.needs_person())
    }

    /// Whether there is a time to go by. One before this program was made is none: a machine that boots into 1970 would
    /// take mail for years old. A clock that is behind the database only is told.
    fn has_time(&mut self, now: Timestamp) -> Result<bool> {
        if self.fixed.is_some() {
            return Ok(true);
        }
        if now < clock::EARLIEST {
            tracing::error!("the clock says {now}; nothing is done until it is set right");
            return Ok(false);
        }
        if !self.steady.believes(now) {
            tracing::warn!("the clock has jumped by more than a day; all waits for a second look");
            return Ok(false);
        }
        let news = self.tracker.look_at_clock(now, self.steady.how())?;
        self.log(news);
        Ok(true)
    }

    /// All that is due now; says how long to sleep.
    fn work(&mut self) -> Result<Duration> {
        let now = self.now();
        self.look_at_files(now)?;
        if self.fault.is_some() {
            // All that is due may be only read; what the trouble was about is writing.
            self.tracker.try_commit(now)?;
            if let Some(Fault { since, what }) = self.fault.take() {
                tracing::info!("the database can be written again; since {since}: {what}");
            }
        }
        if !self.has_time(clock::now())? {
            return Ok(NAP);
        }
        let now = self.now();
        self.turn(None, Then::Rests)?;
        // What was offered and is with no server any more ended without a word.
        let news = self.tracker.doubt(now, &self.hand.numbers())?;
        self.log(news);
        let news = self.tracker.resume(now)?;
        self.log(news);
        self.check(now)?;
        // Else each would derive all deadlines by its own config in turn, and tell of it each time.
        if self.fixed.is_none()
            && self.tracker.has_other_policy()?
            && let Err(why) = self.reload()
        {
            tracing::warn!("another process has a config that cannot be read here: {why:#}");
        }
        loop {
            let (news, more) = self.tracker.on_tick(now)?;
            self.log(news);
            if !more {
                break;
            }
        }
        let patience = self.tracker.project().inbox_after;
        if let Some(since) = self.watch.failing.filter(|s| now.duration_since(*s) > patience) {
            let news = self.tracker.trouble(&Trouble::Inbox { since }, now)?;
            self.log(news);
        }
        self.look_at_hold()?;
        self.send(now)?;
        self.keep_mark(now, false)?;
        let closed = self.way.closed_until(now);
        let next = [self.tracker.next_wake(self.room(now) > 0)?, closed].into_iter().flatten().min();
        let nap = next.map_or(NAP, |at| at.duration_since(now).unsigned_abs().min(NAP));
        // What is due and was not done, such as a notice behind the one being sent, is woken by its own event.
        Ok(if next.is_some_and(|at| at <= now) { Duration::from_millis(500) } else { nap })
    }
}

/// Whether a person has to mend it before anything can go on.
fn wants_person(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(FilesError::wants_person)
}

fn tell_systemd(state: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(state);
}

#[cfg(test)]
mod tests;
