//! What the commands stand on: the config, its database, how a command ends, and words that several print.

use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

use crate::config::{Config, ConfigError};
use crate::notice::codename::Codename;
use crate::project::{Project, Role};
use crate::store::{self, Memo, StoreError, Tx};
use crate::vocabulary::TicketId;
use crate::{clock, open};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done,
    Failed,
    Config,
    Person,
}

/// The arguments make no sense together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// A config and what it names.
pub(super) struct Desk {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) project: Project,
}

impl Desk {
    pub(super) fn open(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        let path = Config::find(explicit)?;
        let config = Config::load(&path)?;
        Ok(Self { path, project: config.project(), config })
    }

    /// Reads one consistent state of the database, beside the daemon if need be.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Tx<'_>, Timestamp) -> store::Result<T>) -> Result<T> {
        let mut store = open::to_read(&self.config)?;
        Ok(store.read(|tx| work(tx, present(tx)?))?)
    }

    /// Now, for what changes the database; an error when there is none yet.
    pub(super) fn now(&self) -> Result<Timestamp> {
        self.read(|_, now| Ok(now))
    }

    /// The ticket that somebody means. When there is none, the error says which there are.
    pub(super) fn ticket(&self, tx: &Tx<'_>, text: &str) -> store::Result<Result<TicketId, NoTicket>> {
        let named = || open::present_key(&self.config).ok().and_then(|key| Codename::find(text, &key));
        let found = match TicketId::parse(text, &self.project.prefix) {
            Some(id) => Some(id),
            // A name stands for some number always; that of no ticket is nobody's.
            None => named().filter(|id| matches!(tx.reporter(*id), Ok(Some(_)))),
        };
        let last = TicketId(tx.next_ticket()?.0 - 1);
        let prefix = &self.project.prefix;
        Ok(match found {
            Some(id) if tx.reporter(id)?.is_some() => Ok(id),
            Some(id) if last.0 > 0 => {
                Err(NoTicket(format!("there is no {}; the last is {}", id.show(prefix), last.show(prefix))))
            }
            Some(id) => Err(NoTicket(format!("there is no {}; there is no ticket yet", id.show(prefix)))),
            None => {
                let text = crate::vocabulary::clean_line(text, 60);
                Err(NoTicket(format!("{text:?} is no ticket; write {prefix}-17 or 17")))
            }
        })
    }
}

/// No such ticket.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoTicket(String);

/// Now; and in a database that was given a time of its own, by `run --once --now`, never before its last scan: what has
/// come to pass in it does not come undone.
fn present(tx: &Tx<'_>) -> Result<Timestamp, StoreError> {
    let now = clock::now();
    let scan = if tx.memo::<String>(Memo::Played)?.is_some() { tx.memo(Memo::LastScan)? } else { None };
    Ok(scan.map_or(now, |scan: Timestamp| scan.max(now)))
}

/// "2027-01-04 10:00" in the policy's zone.
pub(super) fn local(at: Timestamp, project: &Project) -> String {
    at.to_zoned(project.policy.calendar.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// As the config writes it.
pub(super) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Maintainer => "maintainer",
        Role::Lead => "lead",
        Role::Escalation => "escalation",
        Role::Observer => "observer",
    }
}
