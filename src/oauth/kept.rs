//! The file with the refresh token: what a person has allowed once, and the next start needs.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::TokenError;

/// How long another process may be at it, and how often that is looked at.
const TURN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

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
        let folder = File::open(self.folder()).map_err(failed)?;
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
        self.replace(refresh).map_err(|e| TokenError::kept(&self.0, e))
    }

    fn replace(&self, refresh: &str) -> io::Result<()> {
        let (folder, draft) = (File::open(self.folder())?, self.0.with_extension("login.new"));
        // One that was left half written has a mode of its own.
        if let Err(error) = fs::remove_file(&draft)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let (ours, theirs) = (file.metadata()?, folder.metadata()?);
        if ours.uid() != theirs.uid() && nix::unistd::geteuid().is_root() {
            fchown(&file, Some(theirs.uid()), Some(theirs.gid()))?;
        }
        file.write_all(format!("{refresh}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &self.0)?;
        folder.sync_all()
    }

    fn folder(&self) -> &Path {
        self.0.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}
