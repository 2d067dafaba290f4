//! `config.toml`, checked into types.
//!
//! `keys` lists every key there is, `reader` walks the document and knows where each key and value stands,
//! `sections` and `policy` make of the tables what `settings` declares, `value` of single strings, `error` says what
//! is wrong, where, and what to write instead: all of it at once. `secret` fetches passwords and tokens when they are
//! needed.

mod alarm;
mod error;
mod keys;
mod login;
mod people;
mod policy;
mod reader;
mod reports;
mod secret;
mod sections;
mod settings;
mod value;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

pub(crate) use error::{ConfigError, Mistake, nearest};
pub use keys::KEYS;
pub(crate) use secret::{Password, SecretError, open_to_all};
pub use settings::{Auth, Config, ImapConfig, Inbox, Outgoing, Secret};
pub(crate) use settings::{Canary, Heartbeat, Login, SmtpConfig};

use crate::oauth::Source;

/// A config that is good, for tests; tables may be added below it.
#[cfg(test)]
pub(crate) const EXAMPLE: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada"
address = "ada@example.org"
"#;

/// Where the config is looked for when none is named, in this order.
const PLACES: [&str; 2] = ["config.toml", "/etc/disclosed/config.toml"];
/// The longest config, in octets.
const MAX_CONFIG: u64 = 1024 * 1024;

impl Config {
    /// The config to use: the one that is named (`--config`), else `./config.toml`, else
    /// `/etc/disclosed/config.toml`.
    ///
    /// # Errors
    /// When none is named and none of the others exists.
    pub fn find(explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
        find_in(explicit, &PLACES)
    }

    /// The logins, each with its table.
    pub(crate) fn logins(&self) -> impl Iterator<Item = (&'static str, &Login)> {
        let inbox = if let Inbox::Imap(imap) = &self.inbox { Some(&imap.login) } else { None };
        let outgoing = if let Outgoing::Smtp(smtp) = &self.outgoing { smtp.login.as_ref() } else { None };
        let canary = self.canary.as_ref().and_then(|canary| canary.smtp.login.as_ref());
        let all = [("inbox.imap", inbox), ("outgoing.smtp", outgoing), ("canary.smtp", canary)];
        all.into_iter().filter_map(|(table, login)| Some((table, login?)))
    }

    /// Where access tokens come from, if a login needs one: all that do ask the same.
    pub(crate) fn token_source(&self) -> Option<&Arc<Source>> {
        self.logins().find_map(|(_, login)| login.secret.token_source())
    }

    /// Goes on with the tokens of the config that was in force, where this one asks for the same: what could not be
    /// written down is known there alone.
    pub(crate) fn keep_tokens(&mut self, before: &Self) {
        let inbox = if let Inbox::Imap(imap) = &mut self.inbox { Some(&mut imap.login) } else { None };
        let outgoing = if let Outgoing::Smtp(smtp) = &mut self.outgoing { smtp.login.as_mut() } else { None };
        let canary = self.canary.as_mut().and_then(|canary| canary.smtp.login.as_mut());
        for login in [inbox, outgoing, canary].into_iter().flatten() {
            if let (Secret::Token { source, .. }, Some(known)) = (&mut login.secret, before.token_source())
                && source == known
            {
                *source = Arc::clone(known);
            }
        }
    }

    /// Waits until no access token is being asked for: what a provider has answered is on disk then.
    pub(crate) async fn rest_tokens(&self) {
        if let Some(source) = self.token_source() {
            source.rest().await;
        }
    }

    /// Reads a config from its file.
    ///
    /// # Errors
    /// When the file cannot be read, or with every mistake in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |why| ConfigError::Unreadable { file: path.to_owned(), why };
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        opened.take(MAX_CONFIG + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_CONFIG {
            return Err(unreadable(std::io::Error::other("it is longer than 1 MiB")));
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let good = String::from_utf8_lossy(e.as_bytes().get(..e.utf8_error().valid_up_to()).unwrap_or_default());
            let (line, column) = error::Places::new(&good).find(good.len());
            ConfigError::Mistakes(vec![Mistake {
                file: path.to_owned(),
                line,
                column,
                what: "not UTF-8".to_owned(),
                write: "the file in UTF-8".to_owned(),
            }])
        })?;
        Self::parse(&text, path)
    }

    /// Reads a config from its text. `file` stands in messages, and relative paths are relative to it. Of the
    /// file system nothing is read but the `.ics` files of `holidays` and the machine's time zones.
    ///
    /// # Errors
    /// With every mistake in the text, in its order.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let findings = reader::Findings::new(file, text);
        let (document, errors) = DeTable::parse_recoverable(text);
        // What the parser guessed after an error is not worth a word: the syntax first.
        let mut config = None;
        if errors.is_empty() {
            config = sections::config(&reader::Table::new(keys::TOP, 0, document.get_ref(), &findings));
        }
        reader::note_syntax(&findings, &errors);
        let warnings = findings.finish()?;
        match config {
            Some(config) => Ok(Self { warnings, ..config }),
            None => Err(ConfigError::Mistakes(Vec::new())),
        }
    }
}

fn find_in(explicit: Option<&Path>, places: &[&str]) -> Result<PathBuf, ConfigError> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    let found = places.iter().find(|place| Path::new(place).exists()).map(PathBuf::from);
    found.ok_or_else(|| ConfigError::NotFound(places.iter().map(ToString::to_string).collect()))
}
