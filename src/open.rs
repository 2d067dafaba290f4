//! Opening what a config names: the database, its key, its lock.
//!
//! The key makes the reply addresses of notices: without it those of before are worth nothing, and whoever has it can make
//! such addresses. It and the database belong together, so that neither is made while the other is there.

pub(crate) mod files;
mod mark;
pub(crate) mod rights;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use self::files::{FilesError, Watched, beside};
use crate::config::Config;
use crate::policy::digest::Schedule;
use crate::store::{Mark, Store};
use crate::token::{KEY_LENGTH, Key, SECRETS_MAX};
use crate::tracker::{FoundMark, Tracker};
use crate::whole;

/// Opens the database of a config to write, and makes it and its key when there is neither.
///
/// # Errors
/// Where one is there without the other, where they are another user's, and where the database cannot be opened.
pub fn tracker(config: &Config, now: Timestamp) -> Result<Tracker> {
    let (path, key) = (&config.store, beside(&config.store, "key"));
    files::check_ours(path)?;
    let (has_key, found) = (files::is_there(&key)?, found_mark(config)?);
    match lost(config)? {
        Some(lost) => return Err(lost.into()),
        None if files::is_begun(path)? => files::check_usable(path)?,
        None => {}
    }
    let mut store = Store::open(path).with_context(|| path.display().to_string())?;
    if !has_key {
        if found != FoundMark::None || store.read(Tracker::has_key_of_before)? {
            return Err(FilesError::no_key(&key, path).into());
        }
        make_key(&key, now)?;
    }
    Tracker::compare(&mut store, found, now)?;
    let mut tracker = Tracker::new(store, config.project(), files::read_key(&key)?, digest(config)?, now)?;
    tracker.tell_hold(now)?;
    Ok(tracker)
}

/// What is wrong where a database is missing that there has been: its key is there, or its mark.
pub(crate) fn lost(config: &Config) -> Result<Option<FilesError>> {
    let (path, key, mark) = (&config.store, beside(&config.store, "key"), beside(&config.store, "mark"));
    // Asked before the database: whoever makes both makes the database first, and writes the mark after what it says.
    let rest = match files::is_there(&key)? {
        true => Some(key),
        false => Some(mark).filter(|_| !matches!(found_mark(config), Ok(FoundMark::None))),
    };
    let is_begun = files::is_begun(path)?;
    Ok(rest.filter(|_| !is_begun).map(|rest| FilesError::no_database(path, &rest)))
}

/// A database in the making, beside where one was lost. It has the key that is there, which alone can say what is ours.
///
/// # Errors
/// When there is a database, or no key.
pub(crate) fn draft(config: &Config, now: Timestamp) -> Result<Tracker> {
    let (path, key) = (&config.store, beside(&config.store, "key"));
    if files::is_begun(path)? {
        bail!("{}: there is a database; to make another one of the inbox, move it away", path.display());
    }
    if !files::is_there(&key)? {
        bail!(
            "{}: without the key nothing in the inbox can be proven; to begin anew, move {} away, then `disclosed run` and \
             `disclosed ingest --earlier`",
            key.display(),
            beside(path, "mark").display()
        );
    }
    let part = beside(path, "part");
    // What an earlier try left is worth nothing.
    for left in ["part", "part-wal", "part-shm"].map(|ending| beside(path, ending)) {
        if files::is_there(&left)? {
            std::fs::remove_file(&left).with_context(|| left.display().to_string())?;
        }
    }
    let store = Store::open(&part).with_context(|| part.display().to_string())?;
    Ok(Tracker::new(store, config.project(), files::read_key(&key)?, digest(config)?, now)?)
}

/// Puts a database that was made into its place, where making it ended well; else takes it away.
pub(crate) fn keep_draft<T>(config: &Config, draft: Tracker, made: Result<T>) -> Result<T> {
    let (path, part) = (&config.store, beside(&config.store, "part"));
    let made = made.and_then(|made| {
        draft.into_store().into_one_file().context("the new database")?;
        std::fs::rename(&part, path).with_context(|| path.display().to_string())?;
        whole::sync_folder(path).with_context(|| path.display().to_string())?;
        Ok(made)
    });
    if made.is_err() {
        // Its name says what it is, where it cannot be removed.
        let _ = std::fs::remove_file(&part);
    }
    made
}

/// The files that stand beside the database of a config, with it, as far as they are there.
pub(crate) fn state_files(config: &Config) -> Vec<PathBuf> {
    let beside = ["key", "lock", "mark", "db-wal", "db-shm"].map(|ending| beside(&config.store, ending));
    [config.store.clone()].into_iter().chain(beside).filter(|path| path.exists()).collect()
}

/// The mark beside the database of a config.
pub(crate) fn found_mark(config: &Config) -> Result<FoundMark> {
    Ok(mark::read(&beside(&config.store, "mark"))?)
}

/// Writes the mark beside the database of a config: what it says must be on disk before.
pub(crate) fn write_mark(config: &Config, mark: Mark) -> Result<()> {
    let path = beside(&config.store, "mark");
    mark::write(&path, mark).with_context(|| path.display().to_string())
}

/// A key for a database that is not made yet.
pub(crate) fn fresh_key(now: Timestamp) -> Result<Key> {
    Ok(Key::first(random()?, now))
}

/// Makes a database that has this key. Where there is any part of one, all stays as it is.
pub(crate) fn found(config: &Config, key: &Key) -> Result<()> {
    let path = &config.store;
    for part in [path, &beside(path, "key"), &beside(path, "mark")] {
        if files::is_there(part)? {
            return Ok(());
        }
    }
    // The database first, as ever: a key without one is no first start.
    Store::open(path).with_context(|| path.display().to_string())?;
    let path = beside(path, "key");
    whole::make(&path, key.to_text().as_bytes()).with_context(|| path.display().to_string())
}

/// Makes a file, whole, of that mode.
///
/// # Errors
/// Where there is one, which stays as it is.
pub(crate) fn make_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if whole::make_of(path, bytes, mode)? {
        return Ok(());
    }
    bail!("it is there already, and nothing is overwritten")
}

fn make_key(path: &Path, now: Timestamp) -> Result<()> {
    let first = fresh_key(now)?;
    whole::make(path, first.to_text().as_bytes()).with_context(|| path.display().to_string())
}

/// The files of a config's database, for whoever stays and looks at them.
pub(crate) fn watched(config: &Config) -> Result<Watched, FilesError> {
    Watched::new(&config.store)
}

/// Opens the database of a config to read.
pub(crate) fn to_read(config: &Config) -> Result<Store> {
    if files::is_there(&config.store)? {
        files::check_usable(&config.store)?;
    }
    if let Some(lost) = lost(config)? {
        return Err(lost.into());
    }
    Store::open_to_read(&config.store).with_context(|| config.store.display().to_string())
}

/// A tracker that writes nothing: on the database of a config when there is one, else on an empty one in memory.
pub(crate) fn to_try(config: &Config) -> Result<Tracker> {
    let path = beside(&config.store, "key");
    // Without the key no mail can answer a notice, so that any key will do.
    let key = if files::is_there(&path)? { files::read_key(&path)? } else { Key::new([0; KEY_LENGTH]) };
    let store = if files::is_begun(&config.store)? { to_read(config)? } else { Store::in_memory()? };
    Ok(Tracker::to_try(store, config.project(), key))
}

/// The key of a config's database, if there is one.
pub(crate) fn key_if_any(config: &Config) -> Result<Option<Key>> {
    let path = beside(&config.store, "key");
    Ok(if files::is_there(&path)? { Some(files::read_key(&path)?) } else { None })
}

/// A backup that was made.
#[derive(Debug)]
pub(crate) struct Copied {
    /// Octets of the copy of the database.
    pub octets: u64,
    /// The copy of the key; `None` when there is no key to copy.
    pub key: Option<PathBuf>,
}

/// Copies the database of a config to `to`, and its key beside it, both readable by their owner alone. Nothing is
/// overwritten, and `to` is there only once it is whole.
pub(crate) fn back_up(config: &Config, to: &Path, progress: impl FnMut(i32)) -> Result<Copied> {
    let key = beside(to, "key");
    let part = beside(to, "part");
    if key == to || part == to {
        bail!("{}: this ending is for the key and for what is not whole; name it backup.db", to.display());
    }
    for path in [to, &key] {
        if path.symlink_metadata().is_ok() {
            bail!("{}: is there already; name a file that is not", path.display());
        }
    }
    if part.symlink_metadata().is_ok() {
        bail!("{}: a backup runs, or was broken off; remove it if none runs", part.display());
    }
    let mut store = to_read(config)?;
    let copied = store.back_up(&part, progress).context("the backup").and_then(|()| {
        let key = copy_key(&beside(&config.store, "key"), &key)?;
        let octets = File::open(&part).and_then(|f| f.sync_all().and_then(|()| f.metadata())).map(|m| m.len());
        let octets = octets.with_context(|| part.display().to_string())?;
        std::fs::rename(&part, to).with_context(|| to.display().to_string())?;
        Ok(Copied { octets, key })
    });
    if copied.is_err() {
        // What is not whole must not pass for a backup. If it cannot be removed, its name still says what it is.
        let _ = std::fs::remove_file(&part);
        let _ = std::fs::remove_file(&key);
    }
    let copied = copied?;
    // The names are on disk too, or a power cut could take the backup that was just reported.
    whole::sync_folder(to).with_context(|| to.display().to_string())?;
    Ok(copied)
}

fn copy_key(from: &Path, to: &Path) -> Result<Option<PathBuf>> {
    if !files::is_there(from)? {
        return Ok(None);
    }
    let bytes = whole::read(from).with_context(|| from.display().to_string())?;
    whole::make(to, &bytes).with_context(|| to.display().to_string())?;
    Ok(Some(to.to_owned()))
}

/// The digest's schedule.
pub fn digest(config: &Config) -> Result<Option<Schedule>> {
    let parse = |text: &String| Schedule::parse(text).map_err(|e| anyhow::anyhow!("reports.digest: {e}"));
    config.digest.as_ref().map(parse).transpose()
}

/// Takes the lock of a database for as long as the file lives: one daemon a database.
pub(crate) fn lock(config: &Config) -> Result<File> {
    let path = beside(&config.store, "lock");
    files::check_ours(&config.store)?;
    let folder = whole::folder(&path);
    std::fs::create_dir_all(folder).map_err(|e| FilesError::of(folder, e))?;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let file = file.map_err(|e| FilesError::of(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another disclosed runs on {}; one daemon a database", config.store.display())
        }
        Err(TryLockError::Error(e)) => Err(e).with_context(|| path.display().to_string()),
    }
}

/// The key file of a config, as it stands.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(crate) fn present_key(config: &Config) -> Result<Key> {
    Ok(files::read_key(&beside(&config.store, "key"))?)
}

/// Adds a new secret to the key file; it makes all tokens from now on. Says its number. Where the file is lost, the new
/// secret is the only one: a person goes on without those of before.
///
/// # Errors
/// When there are as many secrets as there may be, or the file cannot be written.
pub fn rotate_key(config: &Config, now: Timestamp) -> Result<u8> {
    files::check_ours(&config.store)?;
    let path = beside(&config.store, "key");
    if files::is_begun(&config.store)? && !files::is_there(&path)? {
        make_key(&path, now)?;
        return Ok(change_key(config, now, |key| Ok(key.clone()))?.secrets().first().map_or(0, |s| s.id));
    }
    let fresh = random()?;
    let key = change_key(config, now, |key| {
        key.rotated(fresh, now).with_context(|| {
            format!("{SECRETS_MAX} secrets are in force; drop old ones first: `disclosed key drop ID`")
        })
    })?;
    Ok(key.secrets().first().map_or(0, |s| s.id))
}

/// Takes one secret out of the key file: what it made is worth nothing from then on.
///
/// # Errors
/// When there is none of that number, or no other, or the file cannot be written.
pub(crate) fn drop_key(config: &Config, id: u8, now: Timestamp) -> Result<()> {
    change_key(config, now, |key| {
        let known = key.secrets().iter().any(|s| s.id == id);
        key.without(id).with_context(|| {
            if known {
                format!("{id} is the only secret; `disclosed key rotate` first")
            } else {
                format!("there is no secret {id}; `disclosed key list` shows them")
            }
        })
    })
    .map(|_| ())
}

/// Changes the key file, one at a time: the database's own lock is held meanwhile.
fn change_key(config: &Config, now: Timestamp, change: impl FnOnce(&Key) -> Result<Key>) -> Result<Key> {
    let path = beside(&config.store, "key");
    // Makes both when there are none.
    let mut tracker = tracker(config, now)?;
    tracker.store().write(|tx| {
        let changed = files::read_key(&path).map_err(Into::into).and_then(|key| {
            let changed = change(&key)?;
            whole::replace(&path, changed.to_text().as_bytes()).with_context(|| path.display().to_string())?;
            Ok(changed)
        });
        // What was dropped on purpose is not missed at the next start.
        if let Ok(key) = &changed {
            Tracker::accept_key(tx, key)?;
        }
        Ok(changed)
    })?
}

fn random() -> Result<[u8; KEY_LENGTH]> {
    let mut bytes = [0; KEY_LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no random numbers: {e}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const CONFIG: &str = "[project]\nname = \"Example\"\naddress = \"security@example.org\"\n\
        [store]\npath = \"disclosed.db\"\n[inbox]\nmaildir = \"in\"\n[outgoing]\nmaildir = \"out\"\n\
        [[person]]\nname = \"Ada\"\naddress = \"ada@example.org\"\n";

    fn now() -> Timestamp {
        "2027-01-04T10:00:00Z".parse().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// Neither is made while the other is there, and a person has a way on.
    #[test]
    fn a_database_without_its_key_is_no_first_start_nor_a_key_without_its_database() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
        let [db, key] = ["disclosed.db", "disclosed.key"].map(|name| folder.path().join(name));
        let away = |path: &Path| std::fs::rename(path, path.with_extension("away")).unwrap();
        let back = |path: &Path| std::fs::rename(path.with_extension("away"), path).unwrap();
        let fails = || tracker(&config, now()).map(drop).unwrap_err().to_string();
        tracker(&config, now()).unwrap();
        assert_eq!(mode(&key), 0o600);
        let first = std::fs::read(&key).unwrap();
        away(&db);
        let said = fails();
        assert!(said.contains("disclosed.db") && said.contains("rebuild --from-inbox"), "{said}");
        assert!(!db.exists(), "nothing is made");
        std::fs::write(&db, "").unwrap();
        assert_eq!(fails(), said, "nor by an empty file");
        back(&db);
        away(&key);
        let said = fails();
        assert!(said.contains("disclosed.key") && said.contains("key rotate"), "{said}");
        assert!(!key.exists());
        assert!(drop_key(&config, 1, now()).is_err() && !key.exists());
        assert_eq!(rotate_key(&config, now()).unwrap(), 1, "a person goes on without it");
        assert_ne!(std::fs::read(&key).unwrap(), first);
        let mut tracker = tracker(&config, now()).unwrap();
        assert!(tracker.store().read(|tx| tx.troubles()).unwrap().is_empty(), "and it is not missed");
        // What ended between the database and the key goes on.
        let fresh = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &fresh.path().join("config.toml")).unwrap();
        Store::open(&config.store).unwrap();
        super::tracker(&config, now()).unwrap();
        std::fs::write(fresh.path().join("disclosed.key"), b"").unwrap();
        assert!(super::tracker(&config, now()).is_err(), "what is no key is not used, and not replaced");
    }

    #[test]
    fn a_rotation_is_no_trouble_and_a_lost_secret_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
        let path = folder.path().join("disclosed.key");
        Store::open(&config.store).unwrap();
        // As an earlier disclosed made it.
        std::fs::write(&path, [9; KEY_LENGTH]).unwrap();
        let ids = || present_key(&config).unwrap().secrets().iter().map(|s| s.id).collect::<Vec<_>>();
        let troubles = || {
            let mut tracker = tracker(&config, now()).unwrap();
            tracker.store().read(|tx| tx.notices(0)).unwrap().len()
        };
        assert_eq!((troubles(), ids()), (0, vec![0]));
        assert_eq!(rotate_key(&config, now()).unwrap(), 1);
        let both = std::fs::read(&path).unwrap();
        assert_eq!((troubles(), ids()), (0, vec![1, 0]));
        drop_key(&config, 0, now()).unwrap();
        assert_eq!((troubles(), ids()), (0, vec![1]));
        for (id, why) in [(0, "there is no secret 0"), (1, "1 is the only secret")] {
            let said = format!("{:#}", drop_key(&config, id, now()).unwrap_err());
            assert!(said.contains(why), "{said}");
        }
        // An older backup of the file lacks what was made since.
        rotate_key(&config, now()).unwrap();
        std::fs::write(&path, &both).unwrap();
        assert_eq!(troubles(), 1);
        assert_eq!(troubles(), 1, "once");
        let left = std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("disclosed.key"));
        assert_eq!(left.count(), 1, "no draft is left over");
    }
}
