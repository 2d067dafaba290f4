//! All SQL. One connection, one owner; everything that changes together changes in one transaction.
//!
//! SQLite in WAL mode with `synchronous=FULL`: what [`Store::write`] returned is on disk (G4). The schema stands in
//! `schema.sql` with a ladder of steps by `user_version`; a database of a newer version is refused untouched.

mod ahead;
mod counted;
mod earlier;
mod folder;
mod mail;
mod mark;
mod memo;
mod outbox;
mod packed;
mod personal;
mod receipt;
mod request;
mod spent;
mod strike;
mod ticket;
mod trouble;
mod unreached;
mod unverified;
mod values;
mod views;

pub(crate) use counted::Counted;
pub(crate) use folder::{Known, Witness};
pub(crate) use mail::WaitingMail;
pub use mail::{NewMail, Place, Stored};
pub use mark::Mark;
pub use memo::Memo;
pub use outbox::{Claim, Leave};
pub(crate) use outbox::{Outgoing, Settled};
pub use personal::Held;
pub(crate) use personal::{Erasable, ErasableMail, HeldMail};
pub use receipt::NewReceipt;
pub(crate) use receipt::ReceiptRow;
pub(crate) use request::Request;
pub(crate) use strike::Strike;
pub(crate) use trouble::Standing;
pub(crate) use unreached::Unreached;
pub(crate) use unverified::Unverified;
pub(crate) use views::{NoticeRow, Span, TicketRow, few};

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, named_params, params};
use sha2::{Digest, Sha256};

use crate::vocabulary::Address;

/// The version of the schema; each release that changes it adds a step to `STEPS`.
const VERSION: i64 = 6;
/// From version n to n + 1.
const STEPS: &[&str] = &[
    include_str!("store/schema.sql"),
    include_str!("store/version_2.sql"),
    include_str!("store/version_3.sql"),
    include_str!("store/version_4.sql"),
    include_str!("store/version_5.sql"),
    include_str!("store/version_6.sql"),
];
/// How long to wait for another process, such as `disclosed do`, to finish its transaction.
const BUSY: Duration = Duration::from_secs(10);

/// Pages that a backup copies at a time, between two words of progress.
const BACKUP_PAGES: i32 = 2_000;
/// How long a backup waits before it asks again.
const BACKUP_PAUSE: Duration = Duration::from_millis(50);

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no: a full disk, a broken file, a locked database.
    #[error("the database: {}", explain(.0))]
    Sqlite(rusqlite::Error),
    /// A file operation failed.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A newer disclosed wrote it.
    #[error(
        "the database is of version {found}, this disclosed knows up to {VERSION}; use the newer disclosed again, or restore a backup from before it"
    )]
    Newer {
        /// Its version.
        found: i64,
    },
    /// An older disclosed wrote it, and whoever only reads does not change that under a running daemon.
    #[error("the database is of version {found}, this disclosed wants {VERSION}; restart the daemon first")]
    Older {
        /// Its version.
        found: i64,
    },
    /// There is none yet.
    #[error("there is no database yet; `disclosed run` makes it")]
    Missing,
    /// An entry by somebody who may not make it (G5): this program is wrong, and nothing of the transaction is done.
    #[error("this program is wrong, and nothing was done: no {by} makes an entry \"{kind}\"")]
    Unauthorized {
        /// The word of its kind.
        kind: &'static str,
        /// What sort of actor it is by.
        by: &'static str,
    },
    /// Something in it cannot be read.
    #[error("the database: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether it is about one thing in a database that works otherwise.
    pub fn is_of_one_row(&self) -> bool {
        match self {
            Self::Corrupt(_) | Self::Unauthorized { .. } => true,
            Self::Sqlite(_) | Self::File(..) | Self::Newer { .. } | Self::Older { .. } | Self::Missing => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        // SQLite gave a value, and it is none of those that the column may hold.
        let is_unreadable = matches!(
            error,
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..)
        );
        if is_unreadable { Self::Corrupt(error.to_string()) } else { Self::Sqlite(error) }
    }
}

/// What SQLite says, and what to do where it says little.
fn explain(error: &rusqlite::Error) -> String {
    let hint = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "; make room on its disk",
        Some(rusqlite::ErrorCode::SystemIoFailure) => "; its disk is full or failing",
        Some(rusqlite::ErrorCode::ReadOnly) => "; this user may not write it, or its disk is read-only",
        Some(rusqlite::ErrorCode::CannotOpen) => "; this user may not open it, or the folder that it is in",
        Some(rusqlite::ErrorCode::DatabaseBusy) => "; another process holds it for more than 10 s",
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => "; restore it from a backup",
        _ => "",
    };
    format!("{error}{hint}")
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    /// Whether a commit waits for no disk now.
    hasty: bool,
}

/// Inside a transaction, or reading.
pub struct Tx<'a>(&'a Connection);

impl Store {
    /// Opens the database, and makes it when there is none, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let failed = |e| StoreError::File(path.to_owned(), e);
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // SQLite gives its -wal and -shm files the mode of the database.
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
        Self::with(Connection::open(path)?)
    }

    /// Opens the database to read; fails when there is none, or one of another version.
    pub fn open_to_read(path: &Path) -> Result<Self> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::Missing),
            Err(error) => return Err(StoreError::File(path.to_owned(), error)),
        }
        // Read-write without create: a reader of a WAL may have to recover it.
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY)?;
        match version(&connection)? {
            VERSION => Self::set_up(connection),
            // Made, and not filled yet.
            0 => Err(StoreError::Missing),
            found if found < VERSION => Err(StoreError::Older { found }),
            found => Err(StoreError::Newer { found }),
        }
    }

    /// A database that is on no disk, for what shall leave no trace.
    pub fn in_memory() -> Result<Self> {
        Self::with(Connection::open_in_memory()?)
    }

    /// Takes a connection that the caller opened, sets it up, and brings its schema up to date.
    pub fn with(connection: Connection) -> Result<Self> {
        let mut store = Self::set_up(connection)?;
        store.migrate()?;
        Ok(store)
    }

    /// Has the file grow by no more than so many pages, as on a disk that is full.
    #[cfg(test)]
    pub fn set_room(&mut self, pages: u32) -> Result<()> {
        let now: u32 = self.connection.query_row("PRAGMA page_count", [], |r| r.get(0))?;
        Ok(self.connection.pragma_update(None, "max_page_count", now.saturating_add(pages))?)
    }

    /// Has each write fail, as on a disk that is read-only.
    #[cfg(test)]
    pub fn fail_writes(&mut self, fail: bool) -> Result<()> {
        Ok(self.connection.pragma_update(None, "query_only", fail)?)
    }

    fn set_up(connection: Connection) -> Result<Self> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", -8_000)?;
        // In pages: 32 MB. Keys that are hashes change many pages a little; each is copied to its place less often.
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.pragma_update(None, "journal_size_limit", 48 << 20)?;
        // A bound value that took part in choosing an index has each statement prepared anew for each value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection, hasty: false })
    }

    fn migrate(&mut self) -> Result<()> {
        if version(&self.connection)? == VERSION {
            return Ok(());
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        let found = version(&tx)?;
        if found > VERSION {
            return Err(StoreError::Newer { found });
        }
        for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            tx.execute_batch(step)?;
        }
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
        Ok(())
    }

    /// Does all of it, or nothing. When this returns `Ok`, it is on disk.
    pub fn write<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.be_hasty(false)?;
        self.commit(work)
    }

    fn commit<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx: Transaction<'_> = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&Tx(&tx))?;
        tx.commit()?;
        Ok(done)
    }

    /// [`Store::write`] that waits for no disk: a commit survives the end of the process, and a power cut may take it. For
    /// counts of tries, which are there to notice that the process ends at something.
    pub fn note<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.be_hasty(true)?;
        self.commit(work)
    }

    /// It is asked before each commit, and not set back after one: that could fail, and all that follows would wait for no
    /// disk.
    fn be_hasty(&mut self, hasty: bool) -> Result<()> {
        if hasty != self.hasty {
            self.connection.pragma_update(None, "synchronous", if hasty { "NORMAL" } else { "FULL" })?;
            self.hasty = hasty;
        }
        Ok(())
    }

    /// Reads a consistent state.
    pub fn read<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let tx = self.connection.transaction()?;
        work(&Tx(&tx))
    }

    /// [`Store::write`], with zeros written over what is deleted.
    pub fn write_over<T>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let done = self.write(work);
        self.connection.pragma_update(None, "secure_delete", "OFF")?;
        done
    }

    /// Writes the files anew, so that no byte of what was deleted is left in them. Zeros over deleted rows are not
    /// enough: SQLite leaves old copies of a row in the gaps of a page when it moves rows between pages.
    ///
    /// False when another process reads an old state: the `-wal` file holds it until that ends.
    pub fn scrub(&mut self) -> Result<bool> {
        self.connection.execute_batch("VACUUM")?;
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        Ok(busy == 0)
    }

    /// Copies the database into a new file, as it stands when this begins, while others write on. The copy is checked,
    /// and is one file: it needs no -wal beside it. `progress` hears the share that is done, in percent.
    pub fn back_up(&mut self, to: &Path, mut progress: impl FnMut(i32)) -> Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let new = std::fs::OpenOptions::new().append(true).create_new(true).mode(0o600).open(to);
        new.map_err(|e| StoreError::File(to.to_owned(), e))?;
        let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // The open read keeps this one state in sight. Without it each write of the daemon would begin the copy anew.
        let state = self.connection.transaction()?;
        state.query_row("SELECT count(*) FROM meta", [], |r| r.get::<_, i64>(0))?;
        let backup = Backup::new(&state, &mut copy)?;
        let mut waited = Duration::ZERO;
        loop {
            let step = backup.step(BACKUP_PAGES)?;
            if step == StepResult::Done {
                break;
            }
            if step == StepResult::More {
                let done = backup.progress();
                progress(100 - done.remaining.saturating_mul(100) / done.pagecount.max(1));
            } else if waited < BUSY {
                std::thread::sleep(BACKUP_PAUSE);
                waited += BACKUP_PAUSE;
            } else {
                return Err(StoreError::Corrupt(format!("the backup cannot go on: {step:?}")));
            }
        }
        drop(backup);
        Self { connection: copy, hasty: false }.into_one_file()
    }

    /// Checks the database and closes it as one file, which needs no -wal beside it.
    pub fn into_one_file(self) -> Result<()> {
        self.connection.pragma_update(None, "journal_mode", "DELETE")?;
        self.check()?;
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// Whether SQLite finds its own structure whole.
    pub fn check(&self) -> Result<()> {
        let answer: String = self.connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        if answer == "ok" { Ok(()) } else { Err(StoreError::Corrupt(answer)) }
    }
}

impl Tx<'_> {
    fn address_id(&self, address: &Address) -> Result<i64> {
        let key = address.key();
        let mut query = self.0.prepare_cached("SELECT id FROM address WHERE key = ?1")?;
        if let Some(id) = query.query_row([&key], |r| r.get(0)).optional()? {
            return Ok(id);
        }
        let mut insert = self.0.prepare_cached("INSERT INTO address (key, shown) VALUES (?1, ?2)")?;
        Ok(insert.insert([&key, address.as_str()])?)
    }

    fn text_id(&self, text: &str) -> Result<i64> {
        Ok(self.0.prepare_cached("INSERT INTO text (text) VALUES (?1)")?.insert([text])?)
    }

    /// Adds to a tally of the hourly and daily caps.
    pub fn count(&self, scope: impl Display, slot: i64) -> Result<()> {
        let sql = r"
            INSERT INTO tally (scope, slot, count)
            VALUES (?1, ?2, 1)
            ON CONFLICT (scope, slot) DO UPDATE SET count = count + 1";
        self.0.prepare_cached(sql)?.execute(params![scope_hash(scope), slot])?;
        Ok(())
    }

    /// The sum of a tally over some slots.
    pub fn counted(&self, scope: impl Display, slots: std::ops::RangeInclusive<i64>) -> Result<u32> {
        let sql = r"
            SELECT coalesce(sum(count), 0)
            FROM tally
            WHERE scope = :scope AND slot BETWEEN :first AND :last";
        let row = named_params! { ":scope": scope_hash(scope), ":first": slots.start(), ":last": slots.end() };
        Ok(self.0.prepare_cached(sql)?.query_row(row, |r| r.get(0))?)
    }

    /// Begins a tally anew.
    pub fn uncount(&self, scope: impl Display) -> Result<()> {
        self.0.prepare_cached("DELETE FROM tally WHERE scope = ?1")?.execute([scope_hash(scope)])?;
        Ok(())
    }

    /// Forgets what is too old to count.
    pub fn forget_counts(&self, before_slot: i64) -> Result<()> {
        self.0.prepare_cached("DELETE FROM tally WHERE slot < ?1")?.execute([before_slot])?;
        Ok(())
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |r| r.get(0))
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What is counted, as the tallies know it: a hash, which names nobody.
fn scope_hash(scope: impl Display) -> i64 {
    short_hash(scope.to_string().as_bytes())
}

/// A hash of 8 octets, as SQLite's integer: for indexes that hostile keys cannot swell.
fn short_hash(bytes: &[u8]) -> i64 {
    leading(&Sha256::digest(bytes).into())
}

/// The first 8 octets of a hash, as SQLite's integer.
fn leading(hash: &[u8; 32]) -> i64 {
    i64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

fn address(shown: Option<String>) -> Option<Address> {
    shown.and_then(|s| Address::parse(&s))
}

#[cfg(test)]
mod tests;
