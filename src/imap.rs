//! Where mail comes from: one folder of an IMAP server (RFC 3501), only ever read.
//!
//! The library is the parser here and no more: its own commands report a refusal, and even the end of the
//! connection, as "no mail" (an empty list and `Ok`). So `wire` holds the one command loop, and the commands
//! above it succeed in a single way: the server answered *our* tag with OK. Everything else is an error, and every
//! error but a clean refusal leaves the session unusable. The caller drops it and connects again, because an
//! answer that is still on its way would be taken for the answer to the next command.
//!
//! What this module promises:
//! - nothing is ever marked or removed on the server: the folder is opened with EXAMINE;
//! - a mail is what the server answered under the UID that was asked for; an answer to anything else is dropped;
//! - an empty answer is never a mail;
//! - no message data ever stands in a command: numbers and constants only, besides user, secret and folder;
//! - nothing waits for ever, and whatever a server says costs a bounded amount of memory, and time in proportion;
//! - no text of a server is told on before it was held against the secret of the login.
//!
//! Reading order: `screen`, `wire`, `login`, this file, `fetch`, `answers`.

mod answers;
mod error;
mod fetch;
mod login;
mod name;
mod screen;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use self::error::ImapError;
pub(crate) use self::fetch::{Fetched, Headers};
pub use self::screen::Screen;
pub(crate) use self::wire::Transport;
use self::wire::{COMMAND, Done, Wire, done};
use crate::config::ImapConfig;
use crate::net::{self, NetError, Tls};
use crate::sasl::Secrets;
use crate::vocabulary::clean_line;

/// The folder as it was when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// UIDs mean the same mails only as long as this number stays (RFC 3501 section 2.3.1.1).
    pub uidvalidity: u32,
    /// The UID of the next mail, where the server says it.
    pub uidnext: Option<u32>,
    /// How many mails there are.
    pub exists: u32,
}

/// The UIDs of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uids {
    /// All that the server names, ascending.
    pub uids: Vec<u32>,
    /// Whether they are as many as it says that there are mails.
    pub agrees: bool,
}

/// Why [`Session::idle`] returned. Only a hint: after each of them the folder is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// There may be new mail, or the server ended the wait by itself.
    Mail,
    /// Nothing happened.
    Timeout,
    /// The server does not do this, at least not for us; ask by the clock instead.
    Unsupported,
}

/// Longer waits are cut by firewalls and address translators that forget the connection.
const IDLE_AT_MOST: Duration = Duration::from_secs(5 * 60);
/// How long the server may take to notice that we stop waiting.
const IDLE_END: Duration = Duration::from_secs(15);
/// The most folders whose names are kept.
const FOLDERS: usize = 10_000;
/// Characters that are kept of one such name.
const FOLDER_NAME: usize = 200;
/// Mails whose UIDs are asked for in one command.
const UIDS_AT_ONCE: u32 = 50_000;
/// A goodbye is a courtesy.
const LOGOUT: Duration = Duration::from_secs(5);

/// A logged-in session. Every method that fails with anything but [`ImapError::Refused`] or
/// [`ImapError::Unusable`], or whose future is dropped, leaves the session unusable: later calls fail at once.
#[derive(Debug)]
pub(crate) struct Session<S: Transport = Box<dyn Transport>> {
    wire: Wire<S>,
}

/// Connects and logs in.
pub(crate) async fn connect(config: &ImapConfig, password: &str) -> Result<Session, ImapError> {
    let to = &config.endpoint;
    let secrets = Secrets::of(password);
    let untold = |error: NetError| ImapError::Tls(secrets.tell(&error.to_string()));
    let mut tcp = net::tcp(to).await?;
    let (stream, greeted): (Box<dyn Transport>, bool) = match to.tls {
        Tls::Implicit => (Box::new(net::tls(tcp, to).await.map_err(untold)?), false),
        Tls::StartTls => {
            login::ask_for_tls(&mut tcp, &secrets).await?;
            (Box::new(net::tls(tcp, to).await.map_err(untold)?), true)
        }
        Tls::None => (Box::new(tcp), false),
    };
    let mut wire = Wire::new(stream, secrets);
    if !greeted {
        wire.greeting().await?;
    }
    login::log_in(&mut wire, &config.login, to, password).await?;
    tracing::debug!(server = %to.server, "logged in");
    Ok(Session { wire })
}

/// Greeting and STARTTLS, and no login: what comes next on the connection is TLS.
pub(crate) async fn ask_for_tls(tcp: &mut TcpStream) -> Result<(), ImapError> {
    login::ask_for_tls(tcp, &Secrets::none()).await
}

impl<S: Transport> Session<S> {
    /// Opens a folder for reading only. Asking again is how some servers are made to see new mail.
    pub(crate) async fn select(&mut self, folder: &str) -> Result<Mailbox, ImapError> {
        let command = format!("EXAMINE {}", name::quoted_folder(folder)?);
        let (mut uidvalidity, mut uidnext, mut exists) = (None, None, None);
        self.wire
            .command("EXAMINE", &command, COMMAND, |answer, _| {
                if let Response::Data { outcome, .. } | Response::Done { outcome, .. } = answer {
                    match outcome.code {
                        Some(ResponseCode::UidValidity(value)) => uidvalidity = Some(value),
                        Some(ResponseCode::UidNext(value)) => uidnext = Some(value),
                        Some(_) | None => {}
                    }
                }
                if let Response::MailboxData(MailboxDatum::Exists(count)) = answer {
                    exists = Some(*count);
                }
                Ok(())
            })
            .await?;
        self.wire.changed = false;
        let Some(uidvalidity) = uidvalidity.filter(|value| *value != 0) else {
            return Err(self.wire.poison(ImapError::Protocol("the folder has no UIDVALIDITY")));
        };
        let Some(exists) = exists else {
            return Err(self.wire.poison(ImapError::Protocol("EXAMINE without the number of mails")));
        };
        Ok(Mailbox { uidvalidity, uidnext: uidnext.filter(|next| *next != 0), exists })
    }

    /// All UIDs of the folder, ascending. Where they are not as many as the server says that there are mails, it is asked
    /// again once it had an occasion to say what has changed, and then for the UID of each mail in turn.
    pub(crate) async fn uids(&mut self) -> Result<Uids, ImapError> {
        let mut uids = Vec::new();
        for again in [false, true] {
            if again {
                self.wire.command("NOOP", "NOOP", COMMAND, |_, _| Ok(())).await?;
            }
            uids = self.search("ALL").await?;
            if uids.len() == self.wire.exists as usize {
                return Ok(Uids { uids, agrees: true });
            }
        }
        let mut next = 1;
        while next <= self.wire.exists {
            let command = format!("FETCH {next}:{} (UID)", self.wire.exists.min(next + UIDS_AT_ONCE - 1));
            let each = |answer: &Response<'_>, _| {
                if let Response::Fetch(_, attributes) = answer {
                    let said =
                        attributes.iter().find_map(|a| if let AttributeValue::Uid(u) = a { Some(*u) } else { None });
                    uids.extend(said);
                }
                Ok(())
            };
            self.wire.command("FETCH", &command, COMMAND, each).await?;
            next += UIDS_AT_ONCE;
        }
        uids.sort_unstable();
        uids.dedup();
        let agrees = uids.len() == self.wire.exists as usize;
        Ok(Uids { uids, agrees })
    }

    /// How many mails there are, by the server's latest word.
    pub(crate) fn exists(&self) -> u32 {
        self.wire.exists
    }

    /// The UIDs above this one, ascending. Mail may become visible late, below it: that only [`Session::uids`] shows.
    pub(crate) async fn uids_above(&mut self, uid: u32) -> Result<Vec<u32>, ImapError> {
        let Some(next) = uid.checked_add(1) else { return Ok(Vec::new()) };
        // No star: it is the last mail, even if that is below.
        let mut uids = self.search(&format!("UID {next}:{}", u32::MAX)).await?;
        uids.retain(|found| *found > uid);
        Ok(uids)
    }

    async fn search(&mut self, what: &str) -> Result<Vec<u32>, ImapError> {
        // Before the search, not after: mail that comes while the server searches is news.
        self.wire.changed = false;
        let mut uids = Vec::new();
        let each = |answer: &Response<'_>, _| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = answer {
                uids.extend(found.iter().copied().filter(|uid| *uid != 0));
            }
            Ok(())
        };
        self.wire.command("UID SEARCH", &format!("UID SEARCH {what}"), COMMAND, each).await?;
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The names of all folders, as the server writes them (RFC 3501 section 6.3.8); of very many, some.
    pub(crate) async fn folders(&mut self) -> Result<BTreeSet<String>, ImapError> {
        let mut names = BTreeSet::new();
        self.wire
            .command("LIST", "LIST \"\" \"*\"", COMMAND, |answer, _| {
                if let Response::MailboxData(MailboxDatum::List(listed)) = answer
                    && names.len() < FOLDERS
                {
                    names.insert(clean_line(&listed.name, FOLDER_NAME));
                }
                Ok(())
            })
            .await?;
        Ok(names)
    }

    /// Waits until the server tells of new mail (RFC 2177), at most so long and at most five minutes. Only a number of
    /// mails that is not the known one wakes: some servers repeat the old one at each beginning. A server that ends
    /// the wait at once is answered at once, so the caller keeps a least time between two looks.
    pub(crate) async fn idle(&mut self, at_most: Duration) -> Result<Woke, ImapError> {
        if self.wire.is_sound() && std::mem::take(&mut self.wire.changed) {
            return Ok(Woke::Mail);
        }
        let tag = self.wire.send("IDLE", "IDLE", COMMAND).await?;
        // News may come before the "+": RFC 2177's own example has it so.
        let begun = Instant::now() + COMMAND;
        loop {
            match self.idling(&tag, begun).await? {
                Idling::Begun => break,
                Idling::Other => {}
                // OK without a wait is no IDLE either, and would make a loop of it.
                Idling::Ended | Idling::Refused => return Ok(Woke::Unsupported),
            }
        }
        let until = Instant::now() + at_most.min(IDLE_AT_MOST);
        while !self.wire.changed {
            match self.idling(&tag, until).await {
                Ok(Idling::Begun) => return Err(ImapError::Protocol("IDLE begun twice")),
                Ok(Idling::Other) => {}
                Ok(Idling::Ended) => return Ok(Woke::Mail),
                Ok(Idling::Refused) => return Ok(Woke::Unsupported),
                Err(ImapError::Stalled(_)) => break,
                Err(e) => return Err(e),
            }
        }
        self.wire.write("IDLE", b"DONE\r\n", IDLE_END).await?;
        let ended = Instant::now() + IDLE_END;
        loop {
            match self.idling(&tag, ended).await? {
                Idling::Ended | Idling::Refused => break,
                Idling::Begun | Idling::Other => {}
            }
        }
        Ok(if std::mem::take(&mut self.wire.changed) { Woke::Mail } else { Woke::Timeout })
    }

    /// One step of IDLE.
    async fn idling(&mut self, tag: &str, until: Instant) -> Result<Idling, ImapError> {
        let step = self
            .wire
            .next("IDLE", until, |answer, _| -> Result<Idling, ImapError> {
                if matches!(answer, Response::Continue(_)) {
                    return Ok(Idling::Begun);
                }
                Ok(match done(tag, answer)? {
                    None => Idling::Other,
                    Some(Done::Ok) => Idling::Ended,
                    Some(Done::Refused(_)) => Idling::Refused,
                })
            })
            .await??;
        if matches!(step, Idling::Ended | Idling::Refused) {
            self.wire.finished();
        }
        Ok(step)
    }

    /// Says goodbye, if there is anybody to say it to.
    pub(crate) async fn logout(mut self) {
        let bye = async {
            let sent = self.wire.send("LOGOUT", "LOGOUT", LOGOUT).await?;
            let until = Instant::now() + LOGOUT;
            let ours = |answer: &Response<'_>, _| matches!(answer, Response::Done { tag, .. } if tag.0 == sent);
            while !self.wire.next("LOGOUT", until, ours).await? {}
            Ok::<(), ImapError>(())
        };
        // The BYE that answers LOGOUT arrives as an error; whatever it is, the connection is dropped now.
        let _ = tokio::time::timeout(LOGOUT, bye).await;
    }
}

/// One answer while IDLE runs.
enum Idling {
    Begun,
    Other,
    Ended,
    Refused,
}
