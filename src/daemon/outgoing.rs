//! One notice on its way: into a Maildir, or to a mail server.

use std::path::Path;

use jiff::Timestamp;

use crate::config::{Config, Outgoing, SmtpConfig};
use crate::maildir::Maildir;
use crate::smtp::{self, Outcome};
use crate::store::Claim;
use crate::tracker::Attempt;
use crate::vocabulary::Address;

/// Where notices go.
pub enum Way<'a> {
    /// Into a Maildir of this machine.
    Maildir(&'a Path),
    /// To a mail server.
    Smtp(&'a SmtpConfig),
}

/// Where the config sends notices.
pub fn prepare(config: &Config) -> Way<'_> {
    match &config.outgoing {
        Outgoing::Maildir(path) => Way::Maildir(path),
        Outgoing::Smtp(smtp) => Way::Smtp(smtp),
    }
}

/// Puts a notice into a Maildir; once, also when it is tried again after a crash.
pub fn into_maildir(path: &Path, claim: &Claim, now: Timestamp) -> Attempt {
    let unique = format!("{}.{}.disclosed", claim.created.as_second(), claim.number);
    match Maildir::create(path).and_then(|m| m.deliver(&claim.bytes, &unique, now)) {
        Ok(_) => Attempt::Sent("put into the Maildir".into()),
        Err(error) => Attempt::Closed(error.to_string()),
    }
}

/// Sends a notice to a mail server.
pub async fn by_smtp(config: &SmtpConfig, from: &Address, claim: &Claim) -> Attempt {
    let secret = match &config.login {
        Some(login) => match login.secret.read().await {
            Ok(secret) => Some(secret),
            Err(error) => return Attempt::Closed(error.to_string()),
        },
        None => None,
    };
    let secret = secret.as_ref().map(crate::config::Password::expose);
    let senders: Vec<&Address> = claim.envelope.iter().chain([from]).collect();
    match smtp::send(config, secret, &senders, &claim.to, &claim.bytes).await {
        Outcome::Sent { reply } => Attempt::Sent(reply),
        Outcome::Retry { stage, reply } => Attempt::Later(format!("at {}: {reply}", stage.as_str())),
        Outcome::Refused { stage, reply } => Attempt::Refused(format!("at {}: {reply}", stage.as_str())),
        Outcome::Unknown { reply } => Attempt::Doubtful(reply),
        // The server's words may name the recipient, and this goes to the log: the stage and the code are enough.
        Outcome::Account { stage, reply } => {
            let code: String = reply.chars().take_while(char::is_ascii_digit).collect();
            let what = if code.is_empty() { reply } else { format!("the server answered {code}") };
            Attempt::Closed(format!("at {}: {what}", stage.as_str()))
        }
    }
}
