//! Opening what a config names: the database, its key, its lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use crate::config::Config;
use crate::policy::digest::Schedule;
use crate::store::Store;
use crate::token::{KEY_LENGTH, Key, SECRETS_MAX};
use crate::tracker::Tracker;

/// More than any key file holds, in octets.
const KEY_FILE_MAX: u64 = 16 * 1024;

/// Opens the database of a config, and makes it and its key when there are none.
pub fn tracker(config: &Config, now: Timestamp) -> Result<Tracker> {
    let store = Store::open(&config.store).with_context(|| config.store.display().to_string())?;
    let key = key(&beside(&config.store, "key"), now)?;
    Ok(Tracker::new(store, config.project(), key, digest(config)?, now)?)
}

/// Opens the database of a config to read.
pub(crate) fn to_read(config: &Config) -> Result<Store> {
    Store::open_to_read(&config.store).with_context(|| config.store.display().to_string())
}

/// A tracker that writes nothing: on the database of a config when there is one, else on an empty one in memory.
pub(crate) fn to_try(config: &Config) -> Result<Tracker> {
    let path = beside(&config.store, "key");
    // Without the key no mail can answer a notice, so that any key will do.
    let key = if path.exists() { read_key(&path)? } else { Key::new([0; KEY_LENGTH]) };
    let store = if config.store.exists() { to_read(config)? } else { Store::in_memory()? };
    Ok(Tracker::to_try(store, config.project(), key))
}

/// The key of a config's database, if there is one.
pub(crate) fn key_if_any(config: &Config) -> Result<Option<Key>> {
    let path = beside(&config.store, "key");
    if path.exists() { read_key(&path).map(Some) } else { Ok(None) }
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
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).with_context(|| folder.display().to_string())?;
    Ok(copied)
}

fn copy_key(from: &Path, to: &Path) -> Result<Option<PathBuf>> {
    let bytes = match std::fs::read(from) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| from.display().to_string()),
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    file.and_then(|mut f| f.write_all(&bytes).and_then(|()| f.sync_all())).with_context(|| to.display().to_string())?;
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
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
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
    read_key(&beside(&config.store, "key"))
}

/// What tells the key file from another one that was put in its place: whoever holds a key asks for it again when
/// this changes. `None` while there is no such file.
pub(crate) fn key_stamp(config: &Config) -> Option<(u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(beside(&config.store, "key")).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec()))
}

/// Adds a new secret to the key file; it makes all tokens from now on. Says its number.
///
/// # Errors
/// When there are as many secrets as there may be, or the file cannot be written.
pub fn rotate_key(config: &Config, now: Timestamp) -> Result<u8> {
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
        let changed = read_key(&path).and_then(|key| {
            let changed = change(&key)?;
            replace_key(&path, changed.to_text().as_bytes()).with_context(|| path.display().to_string())?;
            Ok(changed)
        });
        // What was dropped on purpose is not missed at the next start.
        if let Ok(key) = &changed {
            Tracker::accept_key(tx, key)?;
        }
        Ok(changed)
    })?
}

/// The key file: readable by its owner alone, made with one secret when there is none. Losing it makes the reply
/// addresses of earlier notices worthless; whoever has it can make such addresses.
///
/// It is there whole or not at all: an empty file after a crash would need a person, and another key than the one in
/// use would make all addresses worthless. Of two that make it at once, the first has.
fn key(path: &Path, now: Timestamp) -> Result<Key> {
    if !path.exists() {
        let first = Key::first(random()?, now);
        make_key(path, first.to_text().as_bytes()).with_context(|| path.display().to_string())?;
    }
    read_key(path)
}

fn random() -> Result<[u8; KEY_LENGTH]> {
    let mut bytes = [0; KEY_LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no random numbers: {e}"))?;
    Ok(bytes)
}

fn read_key(path: &Path) -> Result<Key> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|f| f.take(KEY_FILE_MAX).read_to_end(&mut bytes))
        .with_context(|| path.display().to_string())?;
    Key::parse(&bytes).with_context(|| path.display().to_string())
}

fn make_key(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = draft_key(path, bytes)?;
    // A link, unlike a rename, never replaces what is there.
    let made = match std::fs::hard_link(&draft, path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
        Ok(()) | Err(_) => sync_folder(path),
    };
    std::fs::remove_file(&draft).and(made)
}

/// The file is the old one or the new one, whatever happens in between.
fn replace_key(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft = draft_key(path, bytes)?;
    std::fs::rename(&draft, path).and_then(|()| sync_folder(path))
}

fn draft_key(path: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    // A crash may have left one of the same name.
    match std::fs::remove_file(&draft) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    Ok(draft)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all())
}

fn beside(store: &Path, extension: &str) -> PathBuf {
    store.with_extension(extension)
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

    #[test]
    fn the_key_is_made_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disclosed.key");
        let read = || std::fs::read(&path).unwrap();
        key(&path, now()).unwrap();
        let first = read();
        assert_eq!(mode(&path), 0o600);
        key(&path, now()).unwrap();
        make_key(&path, &[9; KEY_LENGTH]).unwrap();
        assert_eq!(read(), first, "never replaced");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        std::fs::write(&path, b"").unwrap();
        assert!(key(&path, now()).is_err(), "what is no key is not used, and not replaced");
    }

    #[test]
    fn a_rotation_is_no_trouble_and_a_lost_secret_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(CONFIG, &folder.path().join("config.toml")).unwrap();
        let path = folder.path().join("disclosed.key");
        // As an earlier disclosed made it.
        make_key(&path, &[9; KEY_LENGTH]).unwrap();
        let ids = || present_key(&config).unwrap().secrets().iter().map(|s| s.id).collect::<Vec<_>>();
        let troubles = || {
            let mut tracker = tracker(&config, now()).unwrap();
            tracker.store().read(|tx| tx.notices(0)).unwrap().len()
        };
        assert_eq!((troubles(), ids()), (0, vec![0]));
        let stamp = key_stamp(&config);
        assert_eq!(rotate_key(&config, now()).unwrap(), 1);
        assert_ne!(key_stamp(&config), stamp);
        let both = std::fs::read(&path).unwrap();
        assert_eq!((troubles(), ids(), mode(&path)), (0, vec![1, 0], 0o600));
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
