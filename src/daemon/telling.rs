//! After each pass: how things stand, told by other ways than mail: alarms, a heartbeat, numbers, systemd's status.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::time::Instant;

use super::outward::Outward;
use super::{Daemon, tell_systemd};
use crate::clock;
use crate::config::Heartbeat;
use crate::health::{Alarm, Health, metrics};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::store::Memo;

/// The least time between two looks: a burst of mail must not read the database anew for each.
const LOOK: Duration = Duration::from_secs(5);
/// The least time between two files of numbers.
const MEASURE: Duration = Duration::from_secs(15);
/// The least time between two heartbeats.
const BEAT: Duration = Duration::from_secs(60);
/// With less room on the disk of the database, in MB, people are told: a few of the largest mails. Over the second it is
/// over.
const DISK_LOW: u64 = 200;
const DISK_WELL: u64 = 250;

impl Daemon {
    /// What was told before this start.
    pub(super) fn recall_alarms(&mut self) -> Result<()> {
        let told = self.tracker.store().read(|tx| tx.alarms())?;
        let read = |(name, value): (String, String)| Some((name, serde_json::from_str(&value).ok()?));
        self.outward.told = told.into_iter().filter_map(read).collect();
        Ok(())
    }

    /// Tells whoever is to be told how things stand after a pass.
    pub(super) fn look_outward(&mut self, now: Timestamp) {
        if self.outward.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        self.outward.looked = Some(Instant::now());
        // A pass that had nothing to do shows nothing: a full disk is known by a row.
        if self.fault.is_none()
            && let Err(error) = self.tracker.try_commit(now)
        {
            self.fails(&error.into());
        }
        let commits = self.fault.is_none();
        let project = self.tracker.project().clone();
        let health = self.tracker.store().read(|tx| Health::read(tx, &project, now));
        // What cannot be read is not over.
        let mut stand: Vec<Alarm> = match &health {
            Ok(health) => health.alarms(&project),
            Err(_) => self.outward.told.values().cloned().collect(),
        };
        // Whoever was down for long is given as long to read it as it may be unread.
        let patience = self.config.inbox_after;
        if self.outward.begun.get_or_insert_with(Instant::now).elapsed() < patience {
            let told = &self.outward.told;
            stand.retain(|alarm| alarm.kind != TroubleKind::Inbox.word() || told.contains_key(&alarm.name));
        }
        let store = self.fault.as_ref().map(|fault| Alarm::store(fault.since));
        stand.retain(|alarm| alarm.name != Alarm::STORE);
        stand.extend(store);
        self.tell_alarms(&stand, now);
        if let Ok(health) = &health {
            if commits {
                tell_systemd(&[sd_notify::NotifyState::Status(&health.line(&project))]);
            }
            if let Err(error) = self.look_at_disk(health, now) {
                tracing::warn!("{error:#}");
            }
            // Without a time to go by, a pass does nothing.
            if commits && now >= clock::EARLIEST && health.beats() {
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
        if self.outward.is_idle() {
            self.write_alarms();
            self.outward.tell(command, self.tracker.project().name.clone(), stand, now);
        }
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
            Heartbeat::Url { to, path } => self.outward.ask_for(to, path),
        }
    }
}

#[cfg(test)]
mod tests;
