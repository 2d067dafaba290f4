//! One notice on its way: into a Maildir, or to a mail server.

use std::path::Path;

use jiff::Timestamp;

use crate::config::{Config, Outgoing, SmtpConfig};
use crate::maildir::Maildir;
use crate::smtp::{self, Account, Ended, Habit, Keeper, Letter, Session};
use crate::store::Claim;
use crate::vocabulary::{Address, Outcome};

/// Where notices go.
pub(crate) enum Way<'a> {
    /// Into a Maildir of this machine.
    Maildir(&'a Path),
    /// To a mail server.
    Smtp(&'a SmtpConfig),
}

/// Where the config sends notices.
pub(crate) fn prepare(config: &Config) -> Way<'_> {
    match &config.outgoing {
        Outgoing::Maildir(path) => Way::Maildir(path),
        Outgoing::Smtp(smtp) => Way::Smtp(smtp),
    }
}

/// Puts a notice into a Maildir; once, also when it is tried again after a crash.
pub(crate) fn into_maildir(path: &Path, claim: &Claim, now: Timestamp) -> Outcome {
    let unique = format!("{}.{}.disclosed", claim.created.as_second(), claim.number);
    match Maildir::create(path).and_then(|m| m.deliver(&claim.bytes, &unique, claim.tries > 1, now)) {
        Ok(_) => Outcome::Sent("put into the Maildir".into()),
        Err(error) => Outcome::Closed(error.to_string().into()),
    }
}

/// Sends a notice to a mail server, from its tagged sender or from the plain one, over a session that rests if there is one.
pub(crate) async fn by_smtp(
    config: &SmtpConfig,
    habit: &Habit,
    from: &Address,
    claim: &Claim,
    keeper: Keeper,
    rested: Option<Box<Session>>,
) -> Ended {
    let letter = Letter { from: Some(claim.envelope.as_ref().unwrap_or(from)), to: &claim.to, bytes: &claim.bytes };
    match config.secret().await {
        Ok(secret) => {
            let account = Account { config, secret: secret.as_ref(), habit };
            smtp::send(account, letter, keeper, rested).await
        }
        Err(error) if error.may_pass() => (Some(Outcome::Away(error.without_words().into())), None),
        Err(error) => (Some(Outcome::Closed(error.without_words().into())), None),
    }
}

/// What a finding about senders holds for: this account of this server, and this mailbox.
pub(crate) fn account(config: &Config) -> String {
    match &config.outgoing {
        Outgoing::Maildir(_) => String::new(),
        Outgoing::Smtp(SmtpConfig { endpoint, login, .. }) => {
            let user = login.as_ref().map_or("", |login| &login.user);
            format!("{user}@{}:{} {}", endpoint.server, endpoint.port, config.mailbox.as_str())
        }
    }
}
