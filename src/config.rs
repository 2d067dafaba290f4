//! `config.toml`, checked into types.
//!
//! `keys` lists every key there is, `reader` walks the document and knows where each key and value stands,
//! `sections` and `policy` make types of the tables, `value` of single strings, `error` says what is wrong,
//! where, and what to write instead: all of it at once. `secret` fetches passwords when they are needed.

mod error;
mod keys;
mod policy;
mod reader;
mod reports;
mod secret;
mod sections;
mod value;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use crate::mail::passage::Way;
use crate::net::Endpoint;
use crate::policy::Policy;
use crate::project::{AcknowledgeWhom, Limits, Person, Project, Reports};
use crate::vocabulary::Address;

pub(crate) use error::{ConfigError, Mistake};
pub use keys::KEYS;
pub(crate) use secret::{Password, SecretError};

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

/// The whole config. Paths are absolute or relative to the working directory: those in the file are relative
/// to the file and are joined here.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[project] name`.
    pub name: String,
    /// `[project] address`: where reports go, and the From of all that leaves.
    pub address: Address,
    /// `[project] ticket_prefix`.
    pub prefix: String,
    /// `[store] path`.
    pub store: PathBuf,
    /// Where mail comes from.
    pub inbox: Inbox,
    /// `[inbox] address`: the mailbox that is read; the project's address where nothing else is said.
    pub mailbox: Address,
    /// `[inbox] through`: the operator's own ways in front of it.
    pub through: Vec<Way>,
    /// Where mail goes.
    pub outgoing: Outgoing,
    /// `[identity]`.
    pub identity: IdentityConfig,
    /// `[[person]]`, in the order of the file.
    pub people: Vec<Person>,
    /// `[policy]`.
    pub policy: Policy,
    /// `[limits]`.
    pub limits: Limits,
    /// `[commands]`.
    pub commands: Commands,
    /// `[reports] digest`: a cron expression of six fields.
    pub digest: Option<String>,
    /// `[reports] calendar`: whether notices to people carry calendar files.
    pub calendar: bool,
    /// The rest of `[reports]`: what a report should hold, and what is said about it.
    pub reports: Reports,
    /// Warnings about what is accepted, each one line for `check`.
    pub warnings: Vec<String>,
}

/// Where mail comes from.
#[derive(Clone, Debug)]
pub enum Inbox {
    /// A Maildir on this machine.
    Maildir(PathBuf),
    /// An IMAP server.
    Imap(ImapConfig),
}

/// `[inbox.imap]`.
#[derive(Clone, Debug)]
pub struct ImapConfig {
    /// Server, port, TLS.
    pub endpoint: Endpoint,
    /// How to log in.
    pub login: Login,
    /// The folder that reports arrive in.
    pub folder: String,
    /// Between two looks when the server does not push.
    pub poll: Duration,
    /// Whether to ask the server to push (RFC 2177).
    pub idle: bool,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A Maildir on this machine: nothing leaves it.
    Maildir(PathBuf),
    /// An SMTP server.
    Smtp(SmtpConfig),
}

/// `[outgoing.smtp]`.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Server, port, TLS.
    pub endpoint: Endpoint,
    /// How to log in; `None` for a relay that trusts this machine.
    pub login: Option<Login>,
}

/// A user and the way to its secret.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// Where the password or token is found.
    pub secret: Secret,
    /// The mechanism.
    pub auth: Auth,
}

/// Where a secret is found. Never in the config itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A file that holds nothing else.
    File(PathBuf),
    /// A file in `$CREDENTIALS_DIRECTORY` (systemd's LoadCredential).
    Credential(String),
    /// A command that prints it; split at blanks, no shell.
    Command(Vec<String>),
}

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// LOGIN or PLAIN.
    Password,
    /// Google's and Microsoft's older mechanism.
    XOauth2,
    /// RFC 7628.
    OauthBearer,
}

/// `[identity]`.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// Whose Authentication-Results are believed; none by default (RFC 8601 section 7.1).
    pub authserv_ids: Vec<String>,
    /// Whether DKIM signatures are checked here.
    pub dkim: bool,
    /// Whether the mailbox takes `security+tag@`.
    pub plus_addressing: bool,
    /// To whom the automatic acknowledgement goes.
    pub acknowledge: AcknowledgeWhom,
}

/// `[commands]`.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// The verbs that need a one-time code; `None` for the default.
    pub confirm: Option<Vec<&'static str>>,
    /// The verbs whose code goes to another person than whoever asked.
    pub second_person: Vec<&'static str>,
}

impl Config {
    /// What the rules need to know of it.
    pub fn project(&self) -> Project {
        Project {
            name: self.name.clone(),
            address: self.address.clone(),
            mailbox: self.mailbox.clone(),
            through: self.through.clone(),
            prefix: self.prefix.clone(),
            people: self.people.clone(),
            policy: self.policy.clone(),
            authserv_ids: self.identity.authserv_ids.clone(),
            dkim: self.identity.dkim,
            plus_addressing: self.identity.plus_addressing,
            acknowledge: self.identity.acknowledge,
            limits: self.limits.clone(),
            confirm: self.commands.confirm.clone(),
            second_person: self.commands.second_person.clone(),
            calendar: self.calendar,
            reports: self.reports.clone(),
        }
    }

    /// The config to use: the one that is named (`--config`), else `./config.toml`, else
    /// `/etc/disclosed/config.toml`.
    ///
    /// # Errors
    /// When none is named and none of the others exists.
    pub fn find(explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
        find_in(explicit, &PLACES)
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
