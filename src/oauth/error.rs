//! Why there is no access token.

use std::path::{Path, PathBuf};

use crate::net::NetError;
use crate::sasl::Told;

/// Why there is no access token. The texts hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The provider cannot be reached.
    #[error("the access token: {0}")]
    Net(NetError),
    /// The conversation with it broke off.
    #[error("the access token: {0} {1}")]
    Http(String, String),
    /// It says no.
    #[error("the access token: {server} says no: {said}; {}", .why.mended_by())]
    Refused {
        /// Who.
        server: String,
        /// Its code.
        why: Refusal,
        /// Its code and its own words.
        said: Told,
    },
    /// Nobody has logged in yet.
    #[error("the access token: nobody has allowed it yet; run `disclosed login` as the daemon's user")]
    NoLogin,
    /// The file with the refresh token.
    #[error("the refresh token in {}: {}", .0.display(), .1)]
    Kept(PathBuf, std::io::Error),
    /// The file of the service account is not one.
    #[error("the access token: the service account's file {0}; download its key from the provider as JSON")]
    Account(&'static str),
}

impl TokenError {
    /// The refresh token cannot be read or written.
    pub(super) fn kept(file: &Path, error: std::io::Error) -> Self {
        Self::Kept(file.to_owned(), error)
    }

    /// Whether trying again may help without a person.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Net(_) | Self::Http(..) => true,
            Self::Refused { why, .. } => why.may_pass(),
            Self::NoLogin | Self::Kept(..) | Self::Account(_) => false,
        }
    }

    /// The same without the provider's own words, which may name a user: for the log (G6).
    pub(crate) fn without_words(&self) -> String {
        match self {
            Self::Refused { server, why, .. } => format!("the access token: {server} says no; {}", why.mended_by()),
            Self::Net(_) | Self::Http(..) | Self::NoLogin | Self::Kept(..) | Self::Account(_) => self.to_string(),
        }
    }
}

/// The code of a refusal (RFC 6749 section 5.2, RFC 8628 section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The application is unknown, or its secret is wrong or has ended.
    Client,
    /// The application may not ask like this.
    Unauthorized,
    /// What the token would be given for has ended, or was called back.
    Grant,
    /// The application may not ask for mail.
    Scope,
    /// A person said no.
    Denied,
    /// A person did not answer in time.
    Expired,
    /// A person has not answered yet.
    Pending,
    /// The same, and it is asked too often.
    SlowDown,
    /// The server cannot answer now.
    Busy,
    /// Another one.
    Other,
}

impl Refusal {
    /// Of a code, and of the status that it came with.
    pub(super) fn of(code: &str, status: u16) -> Self {
        match code {
            "invalid_client" => Self::Client,
            "unauthorized_client" => Self::Unauthorized,
            "invalid_grant" => Self::Grant,
            "invalid_scope" => Self::Scope,
            "access_denied" => Self::Denied,
            "expired_token" => Self::Expired,
            "authorization_pending" => Self::Pending,
            "slow_down" => Self::SlowDown,
            "temporarily_unavailable" | "server_error" => Self::Busy,
            _ if status == 429 || status >= 500 => Self::Busy,
            _ => Self::Other,
        }
    }

    fn may_pass(self) -> bool {
        match self {
            Self::Pending | Self::SlowDown | Self::Busy => true,
            Self::Client
            | Self::Unauthorized
            | Self::Grant
            | Self::Scope
            | Self::Denied
            | Self::Expired
            | Self::Other => false,
        }
    }

    fn mended_by(self) -> &'static str {
        match self {
            Self::Client => "look at client_id and at the client secret, which may have ended: make a new one",
            Self::Unauthorized => {
                "the application or service account may not do this: allow it, see `disclosed help providers`"
            }
            Self::Grant => {
                "what was allowed has ended or was called back: run `disclosed login` again; for a service account, \
                 look at its key, its delegation, the user and this machine's clock"
            }
            Self::Scope => "the application lacks the permission for mail: see `disclosed help providers`",
            Self::Denied => "a person or a rule of the tenant said no",
            Self::Expired => "nobody answered in time: run `disclosed login` again",
            Self::Pending | Self::SlowDown => "nobody has answered yet",
            Self::Busy => "it is tried again",
            Self::Other => "look at the application in the provider's settings",
        }
    }
}
