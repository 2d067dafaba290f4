//! Small files that are there whole or not at all, whatever happens in between: the key, the mark, a login.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// More than any of these files holds, in octets.
const MOST: u64 = 16 * 1024;

/// What such a file holds.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes it, readable by its owner alone. One that is there stays as it is: of two that make it at once, the first has.
pub(crate) fn make(path: &Path, bytes: &[u8]) -> Result<()> {
    make_of(path, bytes, 0o600).map(drop)
}

/// The same with a mode; says whether it was made.
pub(crate) fn make_of(path: &Path, bytes: &[u8], mode: u32) -> Result<bool> {
    let draft = draft(path, bytes)?;
    let ready = std::fs::set_permissions(&draft, PermissionsExt::from_mode(mode));
    // A link, unlike a rename, never replaces what is there.
    let made = ready.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    });
    let made = made.and_then(|made| sync_folder(path).map(|()| made));
    std::fs::remove_file(&draft).and(made)
}

/// Puts another one in its place, of the same owner and mode; makes it where there is none.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, bytes, |draft| like(path, draft))
}

/// Puts one in its place, or makes it, that the owner of the folder alone may read, whoever writes it.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, bytes, |draft| {
        let (file, theirs) = (File::open(draft)?, std::fs::metadata(folder(path))?);
        let foreign = file.metadata()?.uid() != theirs.uid() && nix::unistd::geteuid().is_root();
        if foreign { fchown(&file, Some(theirs.uid()), Some(theirs.gid())) } else { Ok(()) }
    })
}

fn place(path: &Path, bytes: &[u8], prepare: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let draft = draft(path, bytes)?;
    let placed = prepare(&draft).and_then(|()| std::fs::rename(&draft, path));
    if placed.is_err() {
        // Else it would lie there for good, under the name of a process that is over.
        let _ = std::fs::remove_file(&draft);
    }
    placed.and_then(|()| sync_folder(path))
}

/// Gives a draft the owner and mode of what it replaces.
fn like(path: &Path, draft: &Path) -> Result<()> {
    let before = match std::fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        before => before?,
    };
    let file = File::open(draft)?;
    let new = file.metadata()?;
    // The unit refuses the call itself, also where it would change nothing.
    if (new.uid(), new.gid()) != (before.uid(), before.gid()) {
        fchown(&file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(PermissionsExt::from_mode(before.mode() & 0o7777))
}

fn draft(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let draft = path.with_extension(format!("{ending}.{}", std::process::id()));
    // A crash may have left one of the same name.
    match std::fs::remove_file(&draft) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    Ok(draft)
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Has the names in the folder of a file on disk, or a power cut could take what was just made.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    File::open(folder(path)).and_then(|f| f.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.key");
        let mode = || std::fs::metadata(&path).unwrap().mode() & 0o7777;
        make(&path, b"first").unwrap();
        assert_eq!(mode(), 0o600);
        make(&path, b"second").unwrap();
        assert_eq!(read(&path).unwrap(), b"first", "never replaced");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn another_in_its_place_keeps_owner_and_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.key");
        make(&path, b"first").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        // Where the tests run as root, it may be anybody's.
        let theirs = std::os::unix::fs::chown(&path, Some(4321), Some(4322)).is_ok();
        replace(&path, b"second").unwrap();
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o7777, read(&path).unwrap()), (0o640, b"second".to_vec()));
        assert!(!theirs || (found.uid(), found.gid()) == (4321, 4322));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
