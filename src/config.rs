//! `config.toml`, checked into types.

use std::path::PathBuf;
use std::time::Duration;

use crate::mail::Address;
use crate::net::Endpoint;
use crate::policy::Policy;
use crate::ticket::Person;

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
    /// `[reports] digest`: a cron expression of six fields.
    pub digest: Option<String>,
    /// What is accepted and yet wants a word: each one line for `check`.
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
    /// Whether the mailbox takes `security+tag@`.
    pub plus_addressing: bool,
    /// To whom the automatic acknowledgement goes.
    pub acknowledge: AcknowledgeWhom,
}

/// `[identity] acknowledge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgeWhom {
    /// Everyone whom our own mail server does not call forged.
    UnlessForged,
    /// Only senders whose domain vouches for them.
    Believed,
}

/// `[limits]`: what bounds misuse whatever a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Automatic acknowledgements to one sender in 24 hours.
    pub acks_per_sender_day: u32,
    /// Automatic acknowledgements to one domain in an hour.
    pub acks_per_domain_hour: u32,
    /// Mails that incoming mail can make us send in an hour.
    pub automatic_per_hour: u32,
    /// Octets of the largest mail that is taken in whole.
    pub message: u64,
}
