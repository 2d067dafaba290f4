//! Why a command came to nothing.

use crate::net::NetError;
use crate::sasl::{Told, Unfit};

/// Why a command, and mostly the whole session, came to nothing. The texts hold no mail and no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImapError {
    /// There is no connection.
    #[error(transparent)]
    Net(#[from] NetError),
    /// There is no TLS. What a certificate says is a text of the server too.
    #[error("{0}")]
    Tls(Told),
    /// A tagged NO or BAD. The session is still good.
    #[error("the server refused {command}: {text}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the server said, at most 200 characters.
        text: Told,
    },
    /// The server knows neither this user nor this secret, or wants another way to log in.
    #[error("the server refused the login: {0}")]
    LoginRefused(Told),
    /// The server ended the session (RFC 3501 section 7.1.5).
    #[error("the server said goodbye: {0}")]
    Bye(Told),
    /// The connection ended in the middle of a command.
    #[error("the connection ended during {0}")]
    Closed(&'static str),
    /// The connection broke in the middle of a command.
    #[error("the connection broke during {0}: {1}")]
    Broken(&'static str, std::io::ErrorKind),
    /// The server went silent, or too slow, in the middle of a command.
    #[error("the server did not finish {0} in time")]
    Stalled(&'static str),
    /// The server said what no IMAP server may say, or what cannot be read.
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(&'static str),
    /// The name of the folder cannot be sent.
    #[error("{0}")]
    Unusable(&'static str),
    /// The user name or the secret cannot be sent.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An earlier command failed or was abandoned, so that what comes next on this connection is unknown.
    #[error("the session is no longer usable")]
    Poisoned,
}

impl ImapError {
    /// The same without the server's own words, which may name the user: for the log (G6).
    #[must_use]
    pub(crate) fn without_words(&self) -> String {
        match self {
            Self::Refused { command, .. } => format!("the server refused {command}"),
            Self::LoginRefused(_) => "the server refused the login".to_owned(),
            Self::Bye(_) => "the server said goodbye".to_owned(),
            Self::Net(_)
            | Self::Tls(_)
            | Self::Closed(_)
            | Self::Broken(..)
            | Self::Stalled(_)
            | Self::Protocol(_)
            | Self::Unusable(_)
            | Self::Unfit(_)
            | Self::Poisoned => self.to_string(),
        }
    }

    /// Whether trying again soon only helps to lock the account.
    #[must_use]
    pub(crate) fn is_login_refused(&self) -> bool {
        matches!(self, Self::LoginRefused(_))
    }
}
