//! Where the files of one set-up lie, and how it is started: as a unit of systemd, or by hand from a folder.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::desk::Usage;
use crate::open::files;

/// Where a unit file lies once it is installed.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The files of one set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// The instance of the unit; `None` where it is started by hand.
    pub(super) unit: Option<String>,
    /// The config, as it is named later.
    pub(super) config: PathBuf,
    /// What stands before each path while it is written: the root of an image.
    root: Option<PathBuf>,
    /// Whether the config is found without being named.
    found: bool,
}

/// A password that the config names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// That of the mailbox, for reading and mostly for sending too.
    Mailbox,
    /// That of another login for sending.
    Sending,
    /// The client secret of the application that asks for access tokens.
    Client,
}

impl Held {
    fn word(self) -> &'static str {
        match self {
            Self::Mailbox => "imap-password",
            Self::Sending => "smtp-password",
            Self::Client => "client-secret",
        }
    }
}

/// Whether the unit file is installed.
pub(super) fn has_unit() -> bool {
    UNITS.iter().any(|folder| Path::new(folder).join("disclosed@.service").exists())
}

impl Places {
    /// The places of a unit, or beside a config.
    pub(super) fn new(unit: Option<String>, explicit: Option<&Path>, root: Option<&Path>) -> Result<Self> {
        let config = match (&unit, explicit) {
            (Some(name), None) => PathBuf::from(format!("/etc/disclosed/{name}.toml")),
            (Some(name), Some(_)) => {
                let why =
                    format!("--unit {name} reads /etc/disclosed/{name}.toml; leave --config out, or write --unit none");
                return Err(Usage(why).into());
            }
            (None, Some(file)) => file.to_owned(),
            (None, None) => PathBuf::from("config.toml"),
        };
        Ok(Self { unit, config, root: root.map(Path::to_owned), found: explicit.is_none() })
    }

    /// Where a file is written now.
    pub(super) fn now(&self, path: &Path) -> PathBuf {
        let Some(root) = &self.root else { return path.to_owned() };
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The file of a password.
    pub(super) fn password(&self, held: Held) -> PathBuf {
        match &self.unit {
            Some(name) => PathBuf::from(format!("/etc/credstore/disclosed.{name}.{}", held.word())),
            None => self.config.with_file_name(held.word()),
        }
    }

    /// How the config names it.
    pub(super) fn password_line(&self, held: Held) -> String {
        let what = match held {
            Held::Mailbox | Held::Sending => "password",
            Held::Client => "client_secret",
        };
        let place = if self.unit.is_some() { "credential" } else { "file" };
        format!("{what}_{place} = \"{}\"", held.word())
    }

    /// The database, as the config names it.
    pub(super) fn store(&self) -> String {
        self.unit
            .as_ref()
            .map_or_else(|| "disclosed.db".to_owned(), |name| format!("/var/lib/disclosed/{name}/disclosed.db"))
    }

    /// Whether all can be written: nothing is there, and this user may make it.
    pub(super) fn check(&self, files: &[&Path]) -> Result<()> {
        for file in files.iter().map(|file| self.now(file)) {
            if file.symlink_metadata().is_ok() {
                let shown = file.display();
                let look = if file == self.now(&self.config) {
                    format!(" `disclosed --config {shown} check` says what it holds.")
                } else {
                    String::new()
                };
                bail!("{shown} is there already, and nothing is overwritten.{look} To begin anew, move it away");
            }
            files::can_be_made(&file)?;
        }
        Ok(())
    }

    /// The two commands that come next; the first of them is `login` where a person has to allow it.
    pub(super) fn next(&self, login: bool) -> [String; 2] {
        let config = self.config.display();
        let named = if self.found && self.unit.is_none() { String::new() } else { format!(" --config {config}") };
        let start = match &self.unit {
            Some(name) => format!("sudo systemctl enable --now disclosed@{name}"),
            None => format!("disclosed{named} run"),
        };
        if login {
            // Who runs the unit owns its state.
            let as_unit = self.unit.as_ref().map_or_else(String::new, |name| {
                let state = format!("-p DynamicUser=yes -p StateDirectory=disclosed/{name}");
                format!("sudo systemd-run --pipe --wait --collect {state} ")
            });
            return [format!("{as_unit}disclosed{named} login"), start];
        }
        [start, format!("disclosed{named} status")]
    }
}

/// The name of a unit; "none" is none.
pub(super) fn unit(text: &str) -> Result<Option<String>, String> {
    match text {
        "none" | "" => Ok(None),
        _ if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !text.starts_with('.') => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(format!("{text:?} is no name of a unit: letters, digits, \"-\", \"_\" and \".\", or \"none\"")),
    }
}
