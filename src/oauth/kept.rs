//! The file with the refresh token: what a person has allowed once, and the next start needs.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::TokenError;
use crate::whole;

/// How long another process may be at it, and how often that is looked at.
const TURN: Duration = Duration::from_secs(60);
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Waits while another process (`check --online` beside the daemon) asks with this token: where a provider replaces it
    /// each time, whoever comes second with the old one loses all that was allowed. The lock is the folder's, since the
    /// file is replaced.
    pub(super) async fn turn(&self) -> Result<File, TokenError> {
        let failed = |e| TokenError::kept(&self.0, e);
        let folder = File::open(whole::folder(&self.0)).map_err(failed)?;
        let until = Instant::now() + TURN;
        while let Err(error) = folder.try_lock() {
            match error {
                fs::TryLockError::WouldBlock if Instant::now() < until => sleep(LOOK).await,
                fs::TryLockError::WouldBlock => return Err(failed(ErrorKind::TimedOut.into())),
                fs::TryLockError::Error(error) => return Err(failed(error)),
            }
        }
        Ok(folder)
    }

    /// The refresh token.
    pub(super) fn read(&self) -> Result<String, TokenError> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(TokenError::NoLogin),
            Err(e) => Err(TokenError::kept(&self.0, e)),
        }
    }

    /// Puts another one in its place: whole or not at all, and for the owner of the folder alone, also where root does it.
    pub(super) fn write(&self, refresh: &str) -> Result<(), TokenError> {
        let text = format!("{refresh}\n");
        whole::replace_secret(&self.0, text.as_bytes()).map_err(|e| TokenError::kept(&self.0, e))
    }
}
