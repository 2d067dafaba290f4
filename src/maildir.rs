//! A Maildir: where mail comes from, and where notices go when nothing shall leave the machine.
//!
//! In the inbox nothing is ever moved, marked or deleted (G1). A mail is known by the unique part of its file name,
//! which stays when a mail program moves it from `new/` to `cur/` and adds flags. Delivery is safe against crashes:
//! the same notice under the same name is there once, and whole.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// A Maildir on this machine. Errors name the path.
#[derive(Clone, Debug)]
pub struct Maildir {
    path: PathBuf,
}

/// One mail that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file name without its flags: what tells the mail from others, now and later.
    pub name: String,
    /// Where it was just now; [`Maildir::read`] finds it too when it has moved since.
    pub path: PathBuf,
    /// Octets.
    pub size: u64,
    /// When it was delivered, by the file's time.
    pub modified: Timestamp,
}

/// A mail as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadMail {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than was allowed.
    Oversize {
        /// Octets.
        size: u64,
        /// Its beginning, at most [`HEAD`] octets and never more than was allowed.
        head: Vec<u8>,
    },
}

/// What a delivery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was put there.
    New,
    /// An earlier try had put it there.
    AlreadyThere,
}

/// Octets of a mail that is too large to be taken in: enough for its header.
pub(crate) const HEAD: u64 = 64 * 1024;

/// The folders that hold mail, in the order in which a mail passes them: read in this order, a mail that is moved
/// meanwhile is seen twice and not never.
const FOLDERS: [&str; 2] = ["new", "cur"];

impl Maildir {
    /// A Maildir that is there; creates nothing.
    ///
    /// # Errors
    /// One of its folders is not there or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        for folder in FOLDERS {
            let folder = path.join(folder);
            fs::read_dir(&folder).map_err(|e| at(&folder, &e))?;
        }
        Ok(Self { path: path.to_owned() })
    }

    /// A Maildir that is created where it is not there, for the owner only.
    ///
    /// # Errors
    /// A folder cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        for folder in ["tmp", "new", "cur"] {
            let folder = path.join(folder);
            DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|e| at(&folder, &e))?;
        }
        Self::open(path)
    }

    /// All mail in `new/` and `cur/`, the earliest first. Only regular files: a link could show any file of this
    /// machine to the team.
    ///
    /// # Errors
    /// A folder cannot be read. What vanishes meanwhile is no error.
    pub fn list(&self) -> io::Result<Vec<Found>> {
        let mut by_name: HashMap<String, Found> = HashMap::new();
        for folder in FOLDERS {
            for path in self.files(folder)? {
                let Some(metadata) = regular(&path)? else { continue };
                let mut found = Found {
                    name: unique_part(path.file_name().unwrap_or_default()),
                    size: metadata.len(),
                    modified: metadata.modified().ok().and_then(|t| Timestamp::try_from(t).ok()).unwrap_or_default(),
                    path,
                };
                // Seen in new/ and moved since: the same mail. If the other is still there, they are two, and the
                // second gets a name of its own rather than being lost.
                if by_name.get(&found.name).is_some_and(|other| other.path.exists()) {
                    found.name = printable(found.path.file_name().unwrap_or_default());
                }
                by_name.insert(found.name.clone(), found);
            }
        }
        let mut all: Vec<Found> = by_name.into_values().collect();
        all.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        Ok(all)
    }

    /// The names of the folders that lie in it beside its own three.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn folders(&self) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(|e| at(&self.path, &e))? {
            let entry = entry.map_err(|e| at(&self.path, &e))?;
            let name = printable(&entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !["tmp", "new", "cur"].contains(&name.as_str()) {
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// Reads a mail of at most `max` octets; of a larger one only the beginning.
    ///
    /// # Errors
    /// `NotFound` when it is gone, and whatever reading gives.
    pub fn read(&self, found: &Found, max: u64) -> io::Result<ReadMail> {
        match read_file(&found.path, max) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let moved = self.list()?.into_iter().find(|other| other.name == found.name);
                moved.map_or(Err(e), |moved| read_file(&moved.path, max))
            }
            other => other,
        }
    }

    /// Puts a mail there under the name `unique`: letters, digits and `.-_=+@`, at most 200, the first no dot.
    /// Once it is answered, the mail survives a loss of power. `now` becomes the time of the file.
    ///
    /// With `again` it may be there already, by an earlier try, and a mail program may have moved it since: then the folders
    /// are looked through for it. A first try costs the same in a Maildir of any size.
    ///
    /// # Errors
    /// `InvalidInput` for another name; `AlreadyExists` when a different mail bears it; whatever writing gives.
    pub fn deliver(&self, bytes: &[u8], unique: &str, again: bool, now: Timestamp) -> io::Result<Delivered> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b".-_=+@".contains(&c);
        if unique.is_empty() || unique.len() > 200 || unique.starts_with('.') || !unique.bytes().all(plain) {
            return Err(io::Error::new(ErrorKind::InvalidInput, format!("{unique:?} cannot name a mail")));
        }
        let new = self.path.join("new");
        let path = new.join(unique);
        let found = if path.symlink_metadata().is_ok() {
            Some(path.clone())
        } else if again {
            self.find(unique)?
        } else {
            None
        };
        if let Some(path) = found {
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if read_file(&path, size)? != ReadMail::Whole(bytes.to_owned()) {
                return Err(at(&path, &io::Error::new(ErrorKind::AlreadyExists, "a different mail has this name")));
            }
            // The crash may have come before this.
            sync_folder(&new)?;
            return Ok(Delivered::AlreadyThere);
        }
        let tmp = self.path.join("tmp").join(unique);
        match fs::remove_file(&tmp) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(at(&tmp, &e)),
            // Left by a crash: never seen by anybody.
            Ok(()) | Err(_) => {}
        }
        write_file(&tmp, bytes, now).map_err(|e| at(&tmp, &e))?;
        fs::rename(&tmp, &path).map_err(|e| at(&path, &e))?;
        sync_folder(&new)?;
        Ok(Delivered::New)
    }

    fn find(&self, unique: &str) -> io::Result<Option<PathBuf>> {
        for folder in FOLDERS {
            let mut files = self.files(folder)?.into_iter();
            if let Some(path) = files.find(|p| unique_part(p.file_name().unwrap_or_default()) == unique) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The entries of a folder that are not hidden.
    fn files(&self, folder: &str) -> io::Result<Vec<PathBuf>> {
        let folder = self.path.join(folder);
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|e| at(&folder, &e))?;
        Ok(entries.iter().filter(|e| !e.file_name().as_bytes().starts_with(b".")).map(fs::DirEntry::path).collect())
    }
}

fn at(path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{}: {e}", path.display()))
}

/// What the name keeps for the life of the mail: what stands before `:2,`, or `;2,` where a colon is not allowed.
fn unique_part(file_name: &OsStr) -> String {
    let name = printable(file_name);
    let unique = name.split_once(":2,").or_else(|| name.split_once(";2,")).map(|(unique, _)| unique.to_owned());
    unique.unwrap_or(name)
}

/// The name as text; two names never become one.
fn printable(file_name: &OsStr) -> String {
    file_name.to_str().map_or_else(|| file_name.as_bytes().escape_ascii().to_string(), str::to_owned)
}

/// What is known about a regular file; `None` for anything else and for what is gone.
fn regular(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file().then_some(metadata)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at(path, &e)),
    }
}

fn read_file(path: &Path, max: u64) -> io::Result<ReadMail> {
    let gone = || at(path, &ErrorKind::NotFound.into());
    let listed = regular(path)?.ok_or_else(gone)?;
    let file = File::open(path).map_err(|e| at(path, &e))?;
    let metadata = file.metadata().map_err(|e| at(path, &e))?;
    // Replaced meanwhile, perhaps by a link.
    if (listed.dev(), listed.ino()) != (metadata.dev(), metadata.ino()) {
        return Err(gone());
    }
    let mut bytes = Vec::new();
    let size = metadata.len();
    let limit = if size > max { HEAD.min(max) } else { max.saturating_add(1) };
    file.take(limit).read_to_end(&mut bytes).map_err(|e| at(path, &e))?;
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size <= max && read <= max {
        return Ok(ReadMail::Whole(bytes));
    }
    // It grew while it was read, if it was not too large before.
    bytes.truncate(usize::try_from(HEAD.min(max)).unwrap_or(usize::MAX));
    Ok(ReadMail::Oversize { size: size.max(read), head: bytes })
}

fn write_file(path: &Path, bytes: &[u8], now: Timestamp) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_modified(now.into())?;
    file.sync_all()
}

/// Makes the names in a folder survive a loss of power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| at(folder, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const NOW: &str = "2026-03-01T10:20:30Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn empty() -> (tempfile::TempDir, Maildir) {
        let dir = tempfile::tempdir().unwrap();
        let maildir = Maildir::create(&dir.path().join("box")).unwrap();
        (dir, maildir)
    }

    fn put(maildir: &Maildir, name: impl AsRef<OsStr>, seconds: i64, bytes: &[u8]) {
        let path = maildir.path.join(Path::new(name.as_ref()));
        fs::write(&path, bytes).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(Timestamp::from_second(seconds).unwrap().into()).unwrap();
    }

    fn names(maildir: &Maildir) -> Vec<String> {
        maildir.list().unwrap().into_iter().map(|f| f.name).collect()
    }

    #[test]
    fn mail_is_listed_by_age_and_nothing_else_is() {
        let (_dir, maildir) = empty();
        put(&maildir, "new/b", 20, b"bb");
        put(&maildir, "cur/c:2,S", 10, b"c");
        put(&maildir, "new/a", 20, b"a");
        put(&maildir, "cur/d,S=3;2,RS", 30, b"d");
        put(&maildir, "cur/e:2,", 30, b"e");
        put(&maildir, "cur/f", -5, b"f");
        put(&maildir, "tmp/half", 1, b"x");
        put(&maildir, "new/.hidden", 1, b"x");
        put(&maildir, "dovecot-uidlist", 1, b"x");
        fs::create_dir(maildir.path.join("new/folder")).unwrap();
        symlink("/etc/passwd", maildir.path.join("new/link")).unwrap();
        symlink("nowhere", maildir.path.join("new/broken")).unwrap();
        assert_eq!(names(&maildir), ["f", "c", "a", "b", "d,S=3", "e"]);
        let second = maildir.list().unwrap().swap_remove(3);
        assert_eq!((second.size, second.modified), (2, Timestamp::from_second(20).unwrap()));
    }

    #[test]
    fn a_moved_mail_is_the_same_mail() {
        let (_dir, maildir) = empty();
        put(&maildir, "new/17.host", 1, b"hello");
        let before = maildir.list().unwrap().swap_remove(0);
        fs::rename(maildir.path.join("new/17.host"), maildir.path.join("cur/17.host:2,FS")).unwrap();
        let after = maildir.list().unwrap().swap_remove(0);
        assert_eq!(before.name, after.name);
        assert_eq!(maildir.read(&before, 10).unwrap(), ReadMail::Whole(b"hello".to_vec()));
        fs::remove_file(&after.path).unwrap();
        assert_eq!(maildir.read(&before, 10).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn no_two_mails_share_a_name() {
        let (_dir, maildir) = empty();
        put(&maildir, "new/a", 1, b"1");
        put(&maildir, "cur/a:2,S", 2, b"2");
        put(&maildir, OsStr::from_bytes(b"new/\xff"), 3, b"3");
        put(&maildir, OsStr::from_bytes(b"new/\xfe"), 4, b"4");
        assert_eq!(names(&maildir), ["a", "a:2,S", "\\xff", "\\xfe"]);
    }

    #[test]
    fn reading_is_bounded() {
        let (_dir, maildir) = empty();
        let large = vec![b'x'; 100_000];
        put(&maildir, "new/a", 1, &large);
        let found = maildir.list().unwrap().swap_remove(0);
        for (max, head) in [(99_999, Some(65_536)), (10, Some(10)), (0, Some(0)), (100_000, None), (u64::MAX, None)] {
            let expect = match head {
                Some(head) => ReadMail::Oversize { size: 100_000, head: vec![b'x'; head] },
                None => ReadMail::Whole(large.clone()),
            };
            assert!(maildir.read(&found, max).unwrap() == expect, "{max}");
        }
        fs::remove_file(&found.path).unwrap();
        symlink("/etc/passwd", &found.path).unwrap();
        assert_eq!(maildir.read(&found, 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_folder_that_is_gone_is_named() {
        let (dir, maildir) = empty();
        assert!(Maildir::open(&dir.path().join("other")).unwrap_err().to_string().contains("other/new: "));
        assert!(!dir.path().join("other").exists());
        put(&maildir, "new/a", 1, b"1");
        fs::remove_dir(maildir.path.join("cur")).unwrap();
        let e = maildir.list().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NotFound);
        assert!(e.to_string().contains("box/cur: "), "{e}");
        assert!(maildir.deliver(b"x", "x", true, now()).unwrap_err().to_string().contains("box/cur: "));
    }

    #[test]
    fn a_notice_is_delivered_once() {
        let (_dir, maildir) = empty();
        // A crash has left half of it.
        put(&maildir, "tmp/n1@x", 1, b"hal");
        assert_eq!(maildir.deliver(b"whole", "n1@x", false, now()).unwrap(), Delivered::New);
        assert_eq!(maildir.deliver(b"whole", "n1@x", false, now()).unwrap(), Delivered::AlreadyThere);
        fs::rename(maildir.path.join("new/n1@x"), maildir.path.join("cur/n1@x:2,S")).unwrap();
        assert_eq!(maildir.deliver(b"whole", "n1@x", true, now()).unwrap(), Delivered::AlreadyThere);
        let all = maildir.list().unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].modified, now());
        assert_eq!(maildir.read(&all[0], 99).unwrap(), ReadMail::Whole(b"whole".to_vec()));
        assert_eq!(fs::metadata(&all[0].path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(maildir.path.join("tmp")).unwrap().count(), 0);
    }

    /// What was never tried is nowhere, so that no folder is looked through for it.
    #[test]
    fn a_first_try_lists_no_folder() {
        let (_dir, maildir) = empty();
        put(&maildir, "cur/n1:2,S", 1, b"one");
        assert_eq!(maildir.deliver(b"one", "n1", false, now()).unwrap(), Delivered::New);
        assert_eq!(maildir.deliver(b"one", "n1", true, now()).unwrap(), Delivered::AlreadyThere);
    }

    #[test]
    fn another_mail_is_never_taken_for_it() {
        let (_dir, maildir) = empty();
        maildir.deliver(b"one", "n1", false, now()).unwrap();
        for other in [&b"two"[..], b"one more", b"on", b""] {
            assert_eq!(maildir.deliver(other, "n1", false, now()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        assert_eq!(maildir.deliver(b"two", "n11", false, now()).unwrap(), Delivered::New);
        assert_eq!(names(&maildir), ["n1", "n11"]);
    }

    #[test]
    fn a_name_stays_inside() {
        let (_dir, maildir) = empty();
        for name in ["", ".x", "../x", "a/b", "a:2,S", "a;2,S", "a\0", "ä", &"x".repeat(201)] {
            assert_eq!(
                maildir.deliver(b"x", name, false, now()).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{name}"
            );
        }
        assert!(names(&maildir).is_empty());
    }
}
