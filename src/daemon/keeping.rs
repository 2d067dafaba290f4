//! What the loop keeps an eye on beside its work: its files, the mark, the hold, and a database that fails.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::{Daemon, Fault, tell_systemd};
use crate::open;

/// The least time between two marks beside the database.
const MARKED_EVERY: SignedDuration = SignedDuration::from_mins(1);

impl Daemon {
    /// Whether the database is still the one that was opened: what is written to a file that is gone is lost, and what
    /// is sent by it is sent again. `disclosed key` puts another file in the place of the key, which is read here.
    pub(super) fn look_at_files(&mut self, now: Timestamp) -> Result<()> {
        if let Some(key) = self.files.look()? {
            self.tracker.rekey(key, now)?;
            tracing::info!("the key file was read again");
        }
        Ok(())
    }

    /// The loop could not do its work: nothing leaves, and mail stays where it is, until a commit succeeds again.
    pub(super) fn fails(&mut self, error: &anyhow::Error) {
        let since = self.now();
        let what = format!("{error:#}");
        tracing::error!("{what}; nothing is sent, and no mail is taken in, until this is mended");
        tell_systemd(&[sd_notify::NotifyState::Status(&what)]);
        self.fault = Some(Fault { since: self.fault.take().map_or(since, |f| f.since), what });
    }

    /// Writes the mark, where it says less than it could: at most once a minute, and at the end. In hold it stays as it is.
    pub(super) fn keep_mark(&mut self, now: Timestamp, at_end: bool) -> Result<()> {
        let lately = self.mark.is_some_and(|(_, at)| at <= now && now.duration_since(at) < MARKED_EVERY);
        if lately && !at_end {
            return Ok(());
        }
        let Some(mark) = self.tracker.mark()? else { return Ok(()) };
        if self.mark.is_none_or(|(before, _)| before != mark) {
            open::write_mark(&self.config, mark)?;
            self.tracker.note_marked()?;
        }
        self.mark = Some((mark, now));
        Ok(())
    }

    /// Says in the log that nothing leaves, and that it does again.
    pub(super) fn look_at_hold(&mut self) -> Result<()> {
        let hold = self.tracker.hold()?;
        if self.holds != hold.is_some() {
            match &hold {
                Some((_, why)) => tracing::error!("nothing leaves until `disclosed recover`, since {why}"),
                None => tracing::info!("the hold is over, and what waits leaves"),
            }
            self.holds = hold.is_some();
        }
        Ok(())
    }
}
