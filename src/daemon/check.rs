//! `check --online`: whether the servers can be used as the config says.

use jiff::{SignedDuration, Timestamp};

use super::forged;
use crate::clock;
use crate::config::{Config, ImapConfig, Inbox, Outgoing, SmtpConfig};
use crate::dkim::Verifier;
use crate::imap::{self, Woke};
use crate::maildir::Maildir;
use crate::smtp;
use crate::token::Key;

/// One line of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether all is well, as far as is known.
    pub good: bool,
    /// Whether it could be found out.
    pub known: bool,
    /// What was looked at, and what to do when it is not well.
    pub text: String,
}

impl Finding {
    /// All is well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { good: true, known: true, text: text.into() }
    }

    /// Something is wrong.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { good: false, known: true, text: text.into() }
    }

    /// It could not be found out.
    pub fn unknown(text: impl Into<String>) -> Self {
        Self { good: true, known: false, text: text.into() }
    }
}

fn good(text: impl Into<String>) -> Finding {
    Finding::good(text)
}

fn bad(text: impl Into<String>) -> Finding {
    Finding::bad(text)
}

/// Logs in, looks at the folder, waits for a push, greets the outgoing server; where Authentication-Results are
/// believed, sends one mail to ourselves with a forged one. Marks nothing. `key` is that of the database.
pub fn check_online(config: &Config, key: Option<&Key>) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![bad(format!("no runtime: {error}"))],
    };
    let found = runtime.block_on(async {
        let mut found = match &config.inbox {
            Inbox::Maildir(path) => vec![match Maildir::open(path).and_then(|m| m.list()) {
                Ok(mails) => good(format!("inbox: {} holds {} mails", path.display(), mails.len())),
                Err(error) => bad(format!("inbox: {error}; make the Maildir, or name another in inbox.maildir")),
            }],
            Inbox::Imap(imap) => inbox(imap).await,
        };
        found.push(match &config.outgoing {
            Outgoing::Maildir(path) => match Maildir::create(path) {
                Ok(_) => good(format!("outgoing: notices go into {}, and nothing leaves this machine", path.display())),
                Err(error) => bad(format!("outgoing: {error}")),
            },
            Outgoing::Smtp(smtp) => outgoing(smtp).await,
        });
        let usable = found.iter().all(|f| f.good);
        if config.identity.dkim {
            found.push(match Verifier::system().try_out(config.address.domain(), clock::now()).await {
                Ok(()) => good("identity: DKIM keys can be asked for"),
                Err(why) => bad(format!(
                    "identity: DKIM keys cannot be asked for: {why}; mend the name servers of this machine, or write \
                     dkim = false"
                )),
            });
        }
        // With a server that cannot be used there is nothing to send, and why is said above.
        if usable {
            found.extend(forged::forged(config, key, clock::now()).await);
        }
        found
    });
    runtime.shutdown_background();
    found
}

async fn inbox(config: &ImapConfig) -> Vec<Finding> {
    let server = format!("{}:{}", config.endpoint.server, config.endpoint.port);
    let secret = match config.login.secret.read().await {
        Ok(secret) => secret,
        Err(error) => return vec![bad(format!("inbox: {error}"))],
    };
    let mut session = match imap::connect(config, secret.expose()).await {
        Ok(session) => session,
        Err(error) => return vec![bad(format!("inbox: {server}: {error}"))],
    };
    let mut found = vec![good(format!("inbox: {server}: the login works"))];
    match session.select(&config.folder).await {
        Ok(mailbox) => {
            found.push(good(format!("inbox: the folder {:?} holds {} mails", config.folder, mailbox.exists)))
        }
        Err(error) => {
            found.push(bad(format!(
                "inbox: the folder {:?} cannot be opened: {error}; set inbox.imap.folder",
                config.folder
            )));
            return found;
        }
    }
    if let Some(finding) = skew(&mut session).await {
        found.push(finding);
    }
    if config.idle {
        found.push(match session.idle(std::time::Duration::from_secs(1)).await {
            Ok(Woke::Mail | Woke::Timeout) => good("inbox: the server pushes new mail (IDLE)"),
            Ok(Woke::Unsupported) => bad(format!(
                "inbox: the server does not push; set idle = false, and mail is seen each {} s",
                config.poll.as_secs()
            )),
            Err(error) => bad(format!("inbox: IDLE fails: {error}; set idle = false")),
        });
    }
    session.logout().await;
    found
}

/// How far the server's clock is from ours, by the newest mail: it cannot have come from the future.
async fn skew<S: imap::Transport>(session: &mut imap::Session<S>) -> Option<Finding> {
    let newest = session.uids().await.ok()?.last().copied()?;
    let chunk = session.fetch_chunk(&[newest], 1).await.ok()?;
    let date = chunk.mails.iter().find_map(|m| match m {
        imap::Fetched::Mail { internal_date, .. } | imap::Fetched::Oversize { internal_date, .. } => *internal_date,
        imap::Fetched::Missing(_) | imap::Fetched::Placeholder(_) => None,
    })?;
    let now: Timestamp = clock::now();
    let ahead = date.duration_since(now);
    Some(if ahead > SignedDuration::from_mins(2) {
        bad(format!(
            "inbox: the server's clock is {} minutes ahead of this machine's; mend one of them",
            ahead.as_mins()
        ))
    } else {
        good("inbox: the newest mail is not from the future")
    })
}

async fn outgoing(config: &SmtpConfig) -> Finding {
    let server = format!("{}:{}", config.endpoint.server, config.endpoint.port);
    let secret = match &config.login {
        Some(login) => match login.secret.read().await {
            Ok(secret) => Some(secret),
            Err(error) => return bad(format!("outgoing: {error}")),
        },
        None => None,
    };
    match smtp::check(config, secret.as_ref().map(crate::config::Password::expose)).await {
        Ok(greeting) => good(format!("outgoing: {server}: {greeting}")),
        Err(error) => bad(format!("outgoing: {server}: at {}: {}", error.stage.as_str(), error.reply)),
    }
}
