//! The config as types, a table each.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::mail::passage::Way;
use crate::net::Endpoint;
use crate::oauth::Source;
use crate::policy::Policy;
use crate::project::{AcknowledgeWhom, Limits, Person, Project, Reports};
use crate::provider::Server;
use crate::vocabulary::Address;

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
    /// `[project] titles_in_subjects`.
    pub titles_in_subjects: bool,
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
    /// `[alarm]`: who hears of trouble by another way.
    pub alarm: Alarm,
    /// `[alarm] inbox_after`: how long the inbox may be unread; at least twice the time between two looks.
    pub inbox_after: Duration,
    /// `[metrics] file`: where numbers for Prometheus are written.
    pub metrics: Option<PathBuf>,
    /// `[canary]`: the second way out, by which mail to ourselves is sent.
    pub canary: Option<Canary>,
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

/// For the log: the server and the folder, and no user, which is an address.
impl fmt::Display for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maildir(path) => write!(f, "{}", path.display()),
            Self::Imap(ImapConfig { endpoint, folder, .. }) => {
                write!(f, "{}:{} {folder}", endpoint.server, endpoint.port)
            }
        }
    }
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
    /// Where what was sent from the mailbox by hand is filed.
    pub sent_folder: Option<String>,
    /// Where the provider files what it takes for junk.
    pub junk_folder: Option<String>,
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

/// For the log: the server, and no user, which is an address.
impl fmt::Display for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maildir(path) => write!(f, "{}", path.display()),
            Self::Smtp(SmtpConfig { endpoint, .. }) => write!(f, "{}:{}", endpoint.server, endpoint.port),
        }
    }
}

/// `[outgoing.smtp]`.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Server, port, TLS.
    pub endpoint: Endpoint,
    /// How to log in; `None` for a relay that trusts this machine.
    pub login: Option<Login>,
    /// How many mails may be on their way side by side.
    pub connections: usize,
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
    /// An access token, which `[oauth2]` says where to ask for.
    Token {
        /// Where it is asked for.
        source: Arc<Source>,
        /// Where the client secret lies, or the service account's file; nothing for a person's login.
        with: Option<Box<Secret>>,
        /// Whose.
        user: String,
    },
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
    /// Whichever of the two for tokens the server offers, with a token that is asked for here.
    OAuth2,
}

/// `[alarm]`.
#[derive(Clone, Debug, Default)]
pub struct Alarm {
    /// A program and its arguments, which is told on its standard input that trouble begins or ends.
    pub command: Option<Vec<String>>,
    /// What is touched while all goes on.
    pub heartbeat: Option<Heartbeat>,
}

/// `[canary]`: mail that is sent from outside to the public address, to see that it comes.
#[derive(Clone, Debug)]
pub struct Canary {
    /// Its sender, a mailbox at the other provider.
    pub address: Address,
    /// Between two of them.
    pub every: Duration,
    /// How long one may be on its way.
    pub within: Duration,
    /// The way out of the other provider.
    pub smtp: SmtpConfig,
}

/// What is touched at most once a minute, so that somebody else notices when it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// A file that is written anew.
    File(PathBuf),
    /// A URL that is asked for.
    Url {
        /// Its server.
        to: Endpoint,
        /// Its path and query: mostly a secret.
        path: String,
    },
}

/// `[identity]`.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// The server that runs the mailbox, and whose Authentication-Results are believed; nobody's by default (RFC 8601
    /// section 7.1).
    pub server: Server,
    /// Whether DKIM signatures are checked here.
    pub dkim: bool,
    /// Whether a one-time code is the way out for commands that nobody vouches for.
    pub code: bool,
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
            titles_in_subjects: self.titles_in_subjects,
            people: self.people.clone(),
            policy: self.policy.clone(),
            server: self.identity.server.clone(),
            dkim: self.identity.dkim,
            code: self.identity.code,
            plus_addressing: self.identity.plus_addressing,
            acknowledge: self.identity.acknowledge,
            limits: self.limits.clone(),
            inbox_after: SignedDuration::try_from(self.inbox_after).unwrap_or(SignedDuration::MAX),
            confirm: self.commands.confirm.clone(),
            second_person: self.commands.second_person.clone(),
            calendar: self.calendar,
            reports: self.reports.clone(),
        }
    }
}
