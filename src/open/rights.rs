//! Whether the user of the daemon may use a file, also where somebody else asks: by mode and owner, along the whole path
//! (path_resolution(7)). Lists for access (ACLs) are not looked at.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// What somebody wants of a file or folder: the bits of its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// To read a file.
    Read,
    /// To see what is in a folder, and read it.
    List,
    /// To make and change files in a folder, which may be there only later.
    Make,
    /// To run a program.
    Run,
}

impl Want {
    fn bits(self) -> u32 {
        match self {
            Self::Read => 0o4,
            Self::List => 0o5,
            Self::Make => 0o3,
            Self::Run => 0o1,
        }
    }
}

/// The user as whom the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runner {
    uid: u32,
    groups: Vec<u32>,
    /// For people.
    name: String,
}

/// Below it systemd makes the folder of a unit, and a user for it who is in no group (systemd.exec(5), DynamicUser).
const OF_UNITS: &str = "/var/lib/disclosed";
/// The number of such a user, which is not known before: that of nobody's file.
const FLEETING: u32 = u32::MAX - 1;

impl Runner {
    /// Whose database it is; of one that is not there, who may make it: the owner of the folder that it comes into.
    pub(crate) fn of(store: &Path) -> Self {
        let absolute = std::path::absolute(store).unwrap_or_else(|_| store.to_owned());
        let found = absolute.ancestors().find_map(|p| Some((p, std::fs::metadata(p).ok()?)));
        match found {
            Some((path, _)) if absolute.starts_with(OF_UNITS) && Path::new(OF_UNITS).starts_with(path) => {
                Self { uid: FLEETING, groups: Vec::new(), name: "the user that systemd makes for the unit".into() }
            }
            // Whoever may write where all may, or as root, is whoever asks.
            Some((_, found)) if found.uid() == 0 && !Uid::effective().is_root() => Self::ours(),
            Some((_, found)) => Self::named(found.uid(), found.gid()),
            None => Self::ours(),
        }
    }

    fn ours() -> Self {
        Self::named(Uid::effective().as_raw(), Gid::effective().as_raw())
    }

    fn named(uid: u32, gid: u32) -> Self {
        let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else {
            return Self { uid, groups: vec![gid], name: format!("user {uid}") };
        };
        let groups = std::ffi::CString::new(user.name.clone()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
        let groups = groups.map_or_else(|| vec![gid], |all| all.into_iter().map(Gid::as_raw).collect());
        Self { uid, groups, name: user.name }
    }

    /// Whether it is whoever asks.
    pub(crate) fn is_us(&self) -> bool {
        self.uid == Uid::effective().as_raw()
    }

    /// Whether systemd makes it anew at each start.
    pub(crate) fn is_fleeting(&self) -> bool {
        self.uid == FLEETING
    }

    /// Its name, for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why the user may not do so with that path, if that is so.
    pub(crate) fn hindered(&self, path: &Path, want: Want) -> Option<String> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut folders: Vec<&Path> = path.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders {
            match std::fs::metadata(folder) {
                Ok(found) if !found.is_dir() => return Some(format!("{} is no folder", folder.display())),
                Ok(found) if !self.has(&found, 0o1) => return Some(self.closed(folder, &found)),
                Ok(_) => {}
                Err(error) => return self.missing(&path, folder, &error, want),
            }
        }
        match std::fs::metadata(&path) {
            Ok(found) if matches!(want, Want::List | Want::Make) && !found.is_dir() => {
                Some(format!("{} is no folder", path.display()))
            }
            Ok(found) if want == Want::Run && found.is_dir() => Some(format!("{} is a folder", path.display())),
            // Not even root runs what nobody may.
            Ok(found) if want == Want::Run && found.mode() & 0o111 == 0 => Some(self.closed(&path, &found)),
            Ok(found) if self.has(&found, want.bits()) => None,
            Ok(found) => Some(self.closed(&path, &found)),
            Err(error) => self.missing(&path, &path, &error, want),
        }
    }

    /// A folder that is not there can be made where the one above it lets the user.
    fn missing(&self, path: &Path, at: &Path, error: &std::io::Error, want: Want) -> Option<String> {
        if want != Want::Make || error.kind() != ErrorKind::NotFound {
            return Some(format!("{}: {error}", path.display()));
        }
        let above: PathBuf = at.parent()?.to_owned();
        let found = std::fs::metadata(&above).ok()?;
        (!self.has(&found, 0o3)).then(|| self.closed(&above, &found))
    }

    fn closed(&self, path: &Path, found: &Metadata) -> String {
        let mode = found.mode() & 0o7777;
        format!("{} has mode {mode:04o} and belongs to {}", path.display(), Self::named(found.uid(), found.gid()).name)
    }

    /// Whether the mode gives these bits to the user, as whom of owner, group and others it counts first.
    fn has(&self, found: &Metadata, bits: u32) -> bool {
        let shift = if self.uid == found.uid() {
            6
        } else if self.groups.contains(&found.gid()) {
            3
        } else {
            0
        };
        self.uid == 0 || (found.mode() >> shift) & bits == bits
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn somebody() -> Runner {
        Runner { uid: 4321, groups: vec![4322], name: "somebody".into() }
    }

    #[test]
    fn a_mode_counts_for_the_owner_then_the_group_then_others() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = home.path().join("f");
        fs::write(&file, "x").unwrap();
        let found = |mode: u32| {
            fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            fs::metadata(&file).unwrap()
        };
        let (owner, group) = (found(0o600).uid(), found(0o600).gid());
        let of = |uid, groups: &[u32]| Runner { uid, groups: groups.to_vec(), name: String::new() };
        for (runner, mode, may) in [
            (of(4321, &[]), 0o604, true),
            (of(4321, &[]), 0o640, false),
            (of(4321, &[group]), 0o640, true),
            // A group that may not is not saved by the others.
            (of(4321, &[group]), 0o604, false),
            (of(0, &[]), 0o000, true),
        ] {
            assert_eq!(runner.has(&found(mode), 0o4), may, "{runner:?} {mode:o}");
        }
        assert!(owner == 0 || !of(owner, &[]).has(&found(0o044), 0o4));
    }

    #[test]
    fn the_whole_way_counts() {
        let home = tempfile::tempdir().unwrap();
        let (inner, file) = (home.path().join("inner"), home.path().join("inner/f"));
        fs::create_dir(&inner).unwrap();
        fs::write(&file, "x").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        for path in [home.path(), &inner] {
            mode(path, 0o755);
        }
        mode(&file, 0o644);
        assert_eq!(somebody().hindered(&file, Want::Read), None);
        mode(&inner, 0o700);
        let why = somebody().hindered(&file, Want::Read).unwrap();
        assert!(why.contains("inner has mode 0700"), "{why}");
        mode(&inner, 0o755);
        mode(&file, 0o600);
        assert!(somebody().hindered(&file, Want::Read).is_some());
        assert!(somebody().hindered(&inner.join("none"), Want::Read).unwrap().contains("No such file"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let home = tempfile::tempdir().unwrap();
        let mode = |mode| fs::set_permissions(home.path(), PermissionsExt::from_mode(mode)).unwrap();
        let wanted = home.path().join("state/below");
        mode(0o755);
        assert!(somebody().hindered(&wanted, Want::Make).unwrap().contains("has mode 0755"));
        mode(0o777);
        assert_eq!(somebody().hindered(&wanted, Want::Make), None);
        fs::write(home.path().join("state"), "a file").unwrap();
        assert!(somebody().hindered(&wanted, Want::Make).unwrap().ends_with("state is no folder"));
        assert!(Runner::of(&wanted).hindered(&wanted, Want::Make).is_some(), "nor by root");
    }
}
