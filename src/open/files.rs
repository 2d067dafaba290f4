//! The files of one database: whether they are there, whose they are, and whether they are still the same.
//!
//! A file that cannot be looked at is not a file that is missing: "permission denied" never reads as "there is none yet".
//! The files are looked at by name alone. To open and close the database beside SQLite would drop SQLite's locks on it
//! (POSIX: all locks of a process on a file end with the first close).

use std::fmt;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, Uid, User, access};

use crate::token::Key;
use crate::whole;

/// Why the files of a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// This user may not read or write it.
    #[error("{}: permission denied; {owner}", .path.display())]
    Denied {
        /// The file, or the folder that it is in.
        path: PathBuf,
        /// Whose it is.
        owner: Owner,
    },
    /// Root is about to write what another user works with, and would leave files that this user cannot read.
    #[error("{}: root does not write here, since the daemon could not read what root leaves; {owner}", .path.display())]
    Foreign {
        /// The file, or the folder that it is in.
        path: PathBuf,
        /// Whose it is.
        owner: Owner,
    },
    /// Of what belongs together, one is not there.
    #[error(
        "there is no {}, but {} is there, so this is no first start. Stop the daemon and restore it from a backup (`disclosed backup` made both). {otherwise}",
        .path.display(), .beside.display()
    )]
    Lost {
        /// What is missing.
        path: PathBuf,
        /// What is there.
        beside: PathBuf,
        /// What a person can do who has no backup.
        otherwise: &'static str,
    },
    /// It is not where it was, under a running daemon.
    #[error("{}: it is not there any more; nothing more is taken in or sent. Put it back, and start again", .0.display())]
    Gone(PathBuf),
    /// Another file stands in its place, under a running daemon.
    #[error("{}: another file stands in its place; nothing more is taken in or sent. If that is right, start again", .0.display())]
    Replaced(PathBuf),
    /// It is there, and is not what it should be.
    #[error("{}: {why}; nothing is taken in or sent until it is mended", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has trouble with its disk, which may end by itself.
    #[error("{}: {}", .0.display(), .1)]
    System(PathBuf, std::io::Error),
}

/// Without a backup of the database.
const NO_DATABASE: &str = "Without one, `disclosed rebuild --from-inbox` makes tickets of the mail that is there. To \
                           begin anew, move both the key and the mark away";
/// Without a backup of the key.
const NO_KEY: &str = "Without one, `disclosed key rotate` makes a new one: replies to the notices of before are then \
                      worth nothing";

impl FilesError {
    pub(super) fn of(path: &Path, error: std::io::Error) -> Self {
        let (kind, path) = (error.kind(), path.to_owned());
        if matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory) {
            Self::Gone(path)
        } else if kind == ErrorKind::PermissionDenied {
            Self::Denied { owner: Owner::of(&path), path }
        } else {
            Self::System(path, error)
        }
    }

    /// The database is missing, and something that stands beside one is there.
    pub(super) fn no_database(path: &Path, beside: &Path) -> Self {
        Self::Lost { path: path.to_owned(), beside: beside.to_owned(), otherwise: NO_DATABASE }
    }

    /// The key is missing, and a database that has known one is there.
    pub(super) fn no_key(path: &Path, beside: &Path) -> Self {
        Self::Lost { path: path.to_owned(), beside: beside.to_owned(), otherwise: NO_KEY }
    }

    /// Whether nothing goes on until a person has mended it.
    pub(crate) fn wants_person(&self) -> bool {
        match self {
            Self::Denied { .. }
            | Self::Foreign { .. }
            | Self::Lost { .. }
            | Self::Gone(_)
            | Self::Replaced(_)
            | Self::Unreadable { .. } => true,
            Self::System(..) => false,
        }
    }

    /// Who may do what was asked, where that is somebody else.
    pub(crate) fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Denied { owner, .. } | Self::Foreign { owner, .. } => Some(owner),
            Self::Lost { .. } | Self::Gone(_) | Self::Replaced(_) | Self::Unreadable { .. } | Self::System(..) => None,
        }
    }
}

/// Whose files they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    uid: u32,
    name: Option<String>,
    /// The state folder, below systemd's, of a unit whose user is there only while it runs (systemd.exec(5),
    /// DynamicUser).
    state: Option<PathBuf>,
}

/// Where systemd keeps the state of such units.
const PRIVATE: &str = "/var/lib/private";

impl Owner {
    /// Of a file; where that cannot be looked at, of the folder that it is in.
    pub(crate) fn of(path: &Path) -> Self {
        let uid = seen_above(path).map_or(0, |m| m.uid());
        let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        let found = path.ancestors().find_map(|p| p.canonicalize().ok());
        let folder = found.map(|p| if p.is_dir() { p } else { whole::folder(&p).to_owned() });
        let state = folder.and_then(|f| Some(f.strip_prefix(PRIVATE).ok()?.to_owned()));
        Self { uid, name, state: state.filter(|s| !s.as_os_str().is_empty()) }
    }

    /// The words before `disclosed` with which root has it run as them.
    pub(crate) fn prefix(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let Some(state) = &self.state else {
            return match (&self.name, self.uid) {
                (_, 0) => words(&["sudo"]),
                (Some(name), _) => words(&["sudo", "-u", name]),
                (None, uid) => words(&["sudo", "-u", &format!("#{uid}")]),
            };
        };
        let mut all: Vec<String> = words(&["systemd-run", "--pipe", "--wait", "--collect", "--quiet", "--same-dir"]);
        all.push("--property=DynamicUser=yes".to_owned());
        // By its name the user of a unit that runs is shared; else systemd would give the folder to a new one.
        all.extend(self.name.as_ref().map(|name| format!("--property=User={name}")));
        all.push(format!("--property=StateDirectory={}", state.display()));
        all
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "it belongs to {name}"),
            None => write!(f, "it belongs to user {}", self.uid),
        }
    }
}

/// What is known of a path, else of the nearest folder above it that can be looked at.
fn seen_above(path: &Path) -> Option<Metadata> {
    let named = |p: &Path| if p.as_os_str().is_empty() { PathBuf::from(".") } else { p.to_owned() };
    path.ancestors().find_map(|p| std::fs::metadata(named(p)).ok())
}

/// A file that stands beside the database.
pub(super) fn beside(store: &Path, extension: &str) -> PathBuf {
    store.with_extension(extension)
}

/// Whether a file is there.
///
/// # Errors
/// When that cannot be seen.
pub(crate) fn is_there(path: &Path) -> Result<bool, FilesError> {
    let error = match std::fs::metadata(path) {
        Ok(_) => return Ok(true),
        Err(error) => FilesError::of(path, error),
    };
    if matches!(error, FilesError::Gone(_)) { Ok(false) } else { Err(error) }
}

/// Whether there is a database: SQLite makes the file before there is anything in it.
pub(crate) fn is_begun(store: &Path) -> Result<bool, FilesError> {
    Ok(is_there(store)? && std::fs::metadata(store).map_err(|e| FilesError::of(store, e))?.len() > 0)
}

/// What a file is, that this user may use so.
fn usable(path: &Path, how: AccessFlags) -> Result<Metadata, FilesError> {
    let found = std::fs::metadata(path).map_err(|e| FilesError::of(path, e))?;
    access(path, how).map_err(|e| FilesError::of(path, e.into()))?;
    Ok(found)
}

/// Whether this user may read and write the database, as SQLite does also for those who only read.
pub(crate) fn check_usable(store: &Path) -> Result<(), FilesError> {
    usable(store, AccessFlags::R_OK | AccessFlags::W_OK).map(drop)
}

/// Whether this user may make a file there, with the folders above it that are missing.
///
/// # Errors
/// Why not.
pub(crate) fn can_be_made(path: &Path) -> Result<(), FilesError> {
    let folders = path.ancestors().skip(1).map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    for folder in folders {
        match std::fs::metadata(folder) {
            Ok(found) if found.is_dir() => return usable(folder, AccessFlags::W_OK | AccessFlags::X_OK).map(drop),
            Ok(_) => return Err(FilesError::System(folder.to_owned(), ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // One above it is a file.
            Err(error) if error.kind() == ErrorKind::NotADirectory => {}
            Err(error) => return Err(FilesError::of(folder, error)),
        }
    }
    Err(FilesError::Gone(path.to_owned()))
}

/// Root writes no state of another user.
///
/// # Errors
/// [`FilesError::Foreign`]
pub(crate) fn check_ours(store: &Path) -> Result<(), FilesError> {
    check_ours_as(Uid::effective(), store)
}

fn check_ours_as(user: Uid, store: &Path) -> Result<(), FilesError> {
    let foreign = user.is_root() && seen_above(store).is_some_and(|found| found.uid() != 0);
    if foreign { Err(FilesError::Foreign { path: store.to_owned(), owner: Owner::of(store) }) } else { Ok(()) }
}

/// The files of the database under a running daemon: looked at before each pass and before each mail that leaves.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The database and its lock, with device and inode: another file of that name is another database.
    same: [(PathBuf, (u64, u64)); 2],
    key: PathBuf,
    /// What tells the key file from another one that was put in its place.
    stamp: Option<(u64, u64, i64, i64)>,
}

impl Watched {
    /// The files as they are now; the key is read at the first look.
    pub(super) fn new(store: &Path) -> Result<Self, FilesError> {
        let same = |path: PathBuf| {
            let found = std::fs::metadata(&path).map_err(|e| FilesError::of(&path, e))?;
            Ok((path, (found.dev(), found.ino())))
        };
        let same = [same(store.to_owned())?, same(beside(store, "lock"))?];
        Ok(Self { same, key: beside(store, "key"), stamp: None })
    }

    /// Whether all is as it was. Gives the key where another one stands in its place, which is how it is rotated.
    ///
    /// # Errors
    /// [`FilesError`]: most want a person ([`FilesError::wants_person`]).
    pub(crate) fn look(&mut self) -> Result<Option<Key>, FilesError> {
        for (path, was) in &self.same {
            let found = usable(path, AccessFlags::R_OK | AccessFlags::W_OK)?;
            if (found.dev(), found.ino()) != *was {
                return Err(FilesError::Replaced(path.clone()));
            }
        }
        let found = usable(&self.key, AccessFlags::R_OK)?;
        let stamp = Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()));
        if self.stamp == stamp {
            return Ok(None);
        }
        let key = read_key(&self.key)?;
        self.stamp = stamp;
        Ok(Some(key))
    }
}

/// The key in a file.
pub(super) fn read_key(path: &Path) -> Result<Key, FilesError> {
    let bytes = whole::read(path).map_err(|e| FilesError::of(path, e))?;
    Key::parse(&bytes).map_err(|e| FilesError::Unreadable { path: path.to_owned(), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;
    use crate::token::KEY_LENGTH;

    /// A database, its lock and its key; only the names matter here.
    fn state() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("d.db");
        std::fs::write(&store, "x").unwrap();
        std::fs::write(beside(&store, "lock"), "").unwrap();
        std::fs::write(beside(&store, "key"), [7; KEY_LENGTH]).unwrap();
        (home, store)
    }

    #[test]
    fn what_is_missing_or_another_is_seen_at_the_next_look() {
        let moved = |path: &Path| std::fs::rename(path, path.with_extension("away")).unwrap();
        let replaced = |path: &Path| {
            let other = path.with_extension("other");
            std::fs::copy(path, &other).unwrap();
            std::fs::rename(other, path).unwrap();
        };
        for extension in ["db", "lock", "key"] {
            let (_home, store) = state();
            let mut watched = Watched::new(&store).unwrap();
            assert!(watched.look().unwrap().is_some(), "the key is read once");
            assert!(watched.look().unwrap().is_none());
            let path = beside(&store, extension);
            moved(&path);
            let error = watched.look().unwrap_err();
            assert!(matches!(&error, FilesError::Gone(p) if *p == path) && error.wants_person(), "{error}");
            std::fs::rename(path.with_extension("away"), &path).unwrap();
            assert!(watched.look().is_ok(), "it is the same file again");
            replaced(&path);
            match (extension, watched.look()) {
                ("key", Ok(Some(_))) | ("db" | "lock", Err(FilesError::Replaced(_))) => {}
                (_, other) => panic!("{extension}: {other:?}"),
            }
        }
        let (_home, store) = state();
        let mut watched = Watched::new(&store).unwrap();
        watched.look().unwrap();
        std::fs::write(beside(&store, "key"), "nonsense").unwrap();
        for _ in 0..2 {
            let error = watched.look().unwrap_err();
            assert!(matches!(error, FilesError::Unreadable { .. }) && error.wants_person(), "{error}");
        }
        std::fs::write(beside(&store, "key"), [8; KEY_LENGTH]).unwrap();
        assert!(watched.look().unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_seen_is_not_missing() {
        let denied = FilesError::of(Path::new("/root/d.db"), ErrorKind::PermissionDenied.into());
        assert!(denied.to_string().contains("permission denied; it belongs to") && denied.owner().is_some());
        assert!(denied.wants_person());
        let full = FilesError::of(Path::new("d.db"), std::io::Error::from_raw_os_error(28));
        assert!(!full.wants_person(), "a full disk ends by itself");
        let (home, store) = state();
        assert!(is_there(&store).unwrap() && !is_there(&home.path().join("d.db/below")).unwrap());
        std::fs::write(&store, "").unwrap();
        assert!(!is_begun(&store).unwrap() && is_there(&store).unwrap());
    }

    #[test]
    fn root_writes_only_its_own() {
        let (home, store) = state();
        let (root, other) = (Uid::from_raw(0), Uid::from_raw(std::fs::metadata(&store).unwrap().uid()));
        assert_eq!(check_ours_as(root, &store).is_ok(), other.is_root());
        assert!(check_ours_as(Uid::from_raw(4321), &store).is_ok(), "others may have been let in by the mode");
        if other.is_root() {
            chown(&store, Some(4321), None).unwrap();
            let error = check_ours_as(root, &store).unwrap_err();
            assert_eq!(error.owner().unwrap().prefix(), ["sudo", "-u", "#4321"]);
            chown(home.path(), Some(4321), None).unwrap();
            assert!(check_ours_as(root, &home.path().join("new/d.db")).is_err(), "nor makes it in their folder");
        }
    }

    #[test]
    fn the_command_runs_as_the_owner() {
        let owner = |uid, name: Option<&str>, state: Option<&str>| {
            Owner { uid, name: name.map(Into::into), state: state.map(Into::into) }.prefix().join(" ")
        };
        assert_eq!(owner(0, Some("root"), None), "sudo");
        assert_eq!(owner(7, Some("vmail"), None), "sudo -u vmail");
        assert_eq!(owner(7, None, None), "sudo -u #7");
        let run = "systemd-run --pipe --wait --collect --quiet --same-dir --property=DynamicUser=yes";
        let state = "--property=StateDirectory=disclosed/x";
        assert_eq!(owner(64_000, None, Some("disclosed/x")), format!("{run} {state}"));
        let named = owner(64_000, Some("_du1"), Some("disclosed/x"));
        assert_eq!(named, format!("{run} --property=User=_du1 {state}"));
    }
}
