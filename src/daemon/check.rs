//! `check --online`: whether the servers can be used as the config says.

use jiff::{SignedDuration, Timestamp};

use super::door::Door;
use super::finding::{Finding, Mend};
use super::folder::{Fetched, Folder, FolderError, Listing};
use super::{canary, door, forged, profile, tagged};
use crate::config::{Config, ImapConfig, Inbox, Outgoing, SmtpConfig};
use crate::dkim::Verifier;
use crate::imap::Woke;
use crate::maildir::Maildir;
use crate::open::files;
use crate::token::Key;
use crate::{clock, smtp};

/// Folders that are named.
const FOLDERS: usize = 12;

fn good(text: impl Into<String>) -> Finding {
    Finding::good(text)
}

fn bad(text: impl Into<String>) -> Finding {
    Finding::bad(text)
}

/// What is sent to find out more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mails {
    /// Nothing.
    None,
    /// One mail to a tagged address of ours and, where Authentication-Results are believed, one to ourselves with a
    /// forged one.
    ToUs,
    /// One to the public address too.
    RoundTrip,
}

/// Logs in, looks at the folder, waits for a push, greets the outgoing server, and sends those mails. Marks nothing.
/// `key` is that of the database: without one nothing is sent, since a daemon would not know the mails for ours.
pub(crate) fn check_online(config: &Config, key: Option<&Key>, mails: Mails) -> Vec<Finding> {
    let key = key.filter(|_| mails != Mails::None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![bad(format!("no runtime: {error}"))],
    };
    let found = runtime.block_on(async {
        let mut found = match &config.inbox {
            Inbox::Maildir(path) => vec![match list(&config.inbox).await {
                Ok(listing) => good(format!("inbox: {} holds {} mails", path.display(), listing.names.len())),
                Err(error) => bad(format!("inbox: {error}; make the Maildir, or name another in inbox.maildir")),
            }],
            Inbox::Imap(imap) => inbox(config, imap).await,
        };
        found.extend(match &config.outgoing {
            Outgoing::Maildir(path) => vec![match Maildir::create(path) {
                Ok(_) => good(format!("outgoing: notices go into {}, and nothing leaves this machine", path.display())),
                Err(error) => bad(format!("outgoing: {error}")),
            }],
            Outgoing::Smtp(smtp) => outgoing(smtp).await,
        });
        let usable = found.iter().all(|f| f.good);
        if config.identity.dkim {
            found.push(match Verifier::system().try_out(config.address.domain()).await {
                Ok(()) => good("identity: DKIM keys can be asked for"),
                Err(why) => bad(format!(
                    "identity: DKIM keys cannot be asked for: {why}; mend the name servers of this machine, or write \
                     dkim = false"
                )),
            });
        }
        // With a server that cannot be used there is nothing to send, and why is said above.
        if usable {
            let now = clock::now();
            found.push(profile::profile(config).await);
            let (forged, tagged) = tokio::join!(forged::forged(config, key, now), tagged::tagged(config, key, now));
            found.extend(forged.into_iter().chain(tagged));
            if mails == Mails::RoundTrip {
                found.push(canary::round_trip(config, key, now).await);
            }
        }
        config.rest_tokens().await;
        found
    });
    runtime.shutdown_background();
    found
}

/// The hosts that take mail for a domain; none where none is known within seconds.
pub(crate) fn exchangers(domain: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map(|runtime| runtime.block_on(Verifier::system().exchangers(domain))).unwrap_or_default()
}

async fn list(inbox: &Inbox) -> Result<Listing, FolderError> {
    Folder::open(inbox).await?.list().await
}

async fn inbox(whole: &Config, config: &ImapConfig) -> Vec<Finding> {
    let server = format!("{}:{}", config.endpoint.server, config.endpoint.port);
    let mut found = match door::look(Door::Inbox, &config.endpoint, clock::now()).await {
        Ok(found) => Vec::from_iter(found),
        Err(wrong) => return vec![wrong],
    };
    let mut folder = match Folder::open(&whole.inbox).await {
        Ok(folder) => folder,
        Err(error) => {
            let of = if matches!(error, FolderError::Secret(_)) { String::new() } else { format!("{server}: ") };
            found.push(bad(format!("inbox: {of}{error}")));
            return found;
        }
    };
    found.push(good(format!("inbox: {server}: the login works")));
    let listing = match folder.list().await {
        Ok(listing) => listing,
        Err(error) => {
            let there = others(&mut folder, &error).await;
            let folder = &config.folder;
            found.push(bad(format!(
                "inbox: the folder {folder:?} cannot be opened: {error}; set inbox.imap.folder{there}"
            )));
            return found;
        }
    };
    let held = listing.names.len();
    found.push(good(format!("inbox: the folder {:?} holds {held} mails{}", config.folder, before(whole, held))));
    if let Some(finding) = skew(&mut folder, &listing).await {
        found.push(finding);
    }
    for name in [&config.sent_folder, &config.junk_folder].into_iter().flatten() {
        folder.turn_to(name);
        match folder.list().await {
            Ok(listing) => found.push(good(format!("inbox: the folder {name:?} holds {} mails", listing.names.len()))),
            Err(error) => {
                let there = others(&mut folder, &error).await;
                found.push(bad(format!("inbox: the folder {name:?} cannot be opened: {error}; see inbox.imap{there}")));
                return found;
            }
        }
    }
    if config.idle {
        found.push(match folder.idle(std::time::Duration::from_secs(1)).await {
            Ok(Woke::Mail | Woke::Timeout) => good("inbox: the server pushes new mail (IDLE)"),
            Ok(Woke::Unsupported) => bad(format!(
                "inbox: the server does not push; set idle = false, and mail is seen each {} s",
                config.poll.as_secs()
            ))
            .mended_by(Mend::NoPush),
            Err(error) => bad(format!("inbox: IDLE fails: {error}; set idle = false")).mended_by(Mend::NoPush),
        });
    }
    folder.close().await;
    found
}

/// The folders that there are, after a refusal of one that is not.
async fn others(folder: &mut Folder<'_>, error: &FolderError) -> String {
    if !error.is_refusal() {
        return String::new();
    }
    let Ok(names) = folder.folders().await else { return String::new() };
    let shown: Vec<String> = names.iter().take(FOLDERS).map(|name| format!("{name:?}")).collect();
    let more = if names.len() > FOLDERS { " …" } else { "" };
    if shown.is_empty() { String::new() } else { format!("; there are {}{more}", shown.join(", ")) }
}

/// What becomes of the mails that are there before the first start.
fn before(config: &Config, held: usize) -> &'static str {
    let first = !files::is_begun(&config.store).unwrap_or(true);
    if held > 0 && first {
        "; the first `disclosed run` lists them as earlier and answers nobody, and `run --once` takes them all in"
    } else {
        ""
    }
}

/// How far the server's clock is from ours, by the newest mail: it cannot have come from the future.
async fn skew(folder: &mut Folder<'_>, listing: &Listing) -> Option<Finding> {
    let newest = listing.names.last()?;
    let batch = folder.fetch(std::slice::from_ref(newest), 1).await.ok()?;
    let date = batch.mails.iter().find_map(|mail| match mail {
        Fetched::Mail { internal_date, .. } => *internal_date,
        Fetched::Missing(_) | Fetched::Unreadable(_) => None,
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

async fn outgoing(config: &SmtpConfig) -> Vec<Finding> {
    let server = format!("{}:{}", config.endpoint.server, config.endpoint.port);
    let mut found = match door::look(Door::Outgoing, &config.endpoint, clock::now()).await {
        Ok(found) => Vec::from_iter(found),
        Err(wrong) => return vec![wrong],
    };
    found.push(match config.secret().await {
        Err(error) => bad(format!("outgoing: {error}")),
        Ok(secret) => match smtp::check(config, secret.as_ref()).await {
            Ok(greeting) => good(format!("outgoing: {server}: {greeting}")),
            Err(said) => bad(format!("outgoing: {server}: {said}")),
        },
    });
    found
}
