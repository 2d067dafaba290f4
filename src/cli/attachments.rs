//! `disclosed show ID --attachments DIR`: the files of a ticket's mails, into a folder.
//!
//! Their names are the sender's words, and so is what is in them: nothing is opened, and nothing that is there is
//! written over or followed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::mails::File;
use crate::intake::disposition::Disposition;
use crate::mail::attached;
use crate::store::{ReceiptRow, Tx};
use crate::vocabulary::clean;

/// Octets of a claimed name that are kept; no file system takes more than 255 in all.
const NAME_MAX: usize = 120;
/// Octets of an ending that is kept where a name is cut.
const ENDING_MAX: usize = 16;

/// A file that was written.
#[derive(Serialize)]
pub(super) struct Saved {
    mail: usize,
    path: PathBuf,
    #[serde(flatten)]
    file: File,
}

/// Writes the attachments of all mails into a folder, which is made when it is absent; none of them when a file of one
/// of their names is there.
pub(super) fn save(tx: &Tx<'_>, mails: &[ReceiptRow], folder: &Path) -> Result<Vec<Saved>> {
    let mut any = false;
    each(tx, mails, |mail, place, attachment, _| {
        any = true;
        let path = folder.join(safe_name(mail, place, &attachment.name));
        if path.symlink_metadata().is_ok() {
            bail!("{}: is there already, and nothing is overwritten; name another folder", path.display());
        }
        Ok(())
    })?;
    if any && !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(folder).with_context(|| folder.display().to_string())?;
    }
    let mut saved = Vec::new();
    each(tx, mails, |mail, place, attachment, content| {
        let path = folder.join(safe_name(mail, place, &attachment.name));
        write(&path, content).with_context(|| path.display().to_string())?;
        saved.push(Saved { mail, path, file: File::of(attachment, content) });
        Ok(())
    })?;
    Ok(saved)
}

/// Each attachment, with the number of its mail and its place there.
fn each(
    tx: &Tx<'_>,
    mails: &[ReceiptRow],
    mut each: impl FnMut(usize, usize, attached::Attachment, &[u8]) -> Result<()>,
) -> Result<()> {
    // Reading what was put aside failed.
    let readable = |(_, receipt): &(usize, &ReceiptRow)| receipt.disposition != Disposition::Quarantined;
    for (mail, receipt) in (1..).zip(mails).filter(readable) {
        let mut place = 0;
        attached::each(&tx.raw(receipt.mail)?, |attachment, content| {
            place += 1;
            each(mail, place, attachment, content)
        })?;
    }
    Ok(())
}

/// A new file: `create_new` follows no link and writes over nothing (open(2), O_EXCL).
fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(content);
    if written.is_err() {
        // Half a file must not pass for what came. That it cannot be removed either changes nothing about the error.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// "2-1-poc.py": the first file of mail 2. The numbers make it the only one of its name, and no name that begins with
/// one is hidden, an option or reserved anywhere. What is no letter, digit, dot, dash or underscore becomes one, so that
/// it is no path and nothing to a shell.
fn safe_name(mail: usize, place: usize, claimed: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let name: String = claimed.chars().map(safe).collect();
    // Some file systems drop dots at the end.
    let name = name.trim_end_matches('.');
    let ending = name.rfind('.').and_then(|at| name.get(at..)).filter(|e| e.len() <= ENDING_MAX).unwrap_or_default();
    let stem = name.strip_suffix(ending).unwrap_or(name);
    let stem = stem.get(..stem.floor_char_boundary(NAME_MAX - ending.len())).unwrap_or(stem);
    format!("{mail}-{place}-{stem}{ending}")
}

pub(super) fn text(saved: &[Saved], folder: &Path, id: &str) -> String {
    if saved.is_empty() {
        return format!("{id} has no attachments.\n");
    }
    let mut text = String::new();
    for Saved { mail, path, file } in saved {
        let path = clean(&path.display().to_string());
        text.push_str(&format!("{path}\n  of mail {mail}: {}\n  SHA-256 {}\n", file.kind(), file.sha256));
    }
    let files = if saved.len() == 1 { "1 file".to_owned() } else { format!("{} files", saved.len()) };
    text.push_str(&format!("{files} from outside, unopened, in {}.\n", clean(&folder.display().to_string())));
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_that_came_meanwhile_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("2-1-poc.py"), folder.path().join("target"));
        symlink(&target, &link).unwrap();
        assert!(write(&link, b"x").is_err() && !target.exists(), "nor is what it names made");
        std::fs::write(&target, "kept").unwrap();
        assert!(write(&link, b"x").is_err() && write(&target, b"x").is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
    }

    #[test]
    fn a_name_from_outside_is_harmless() {
        let long = format!("{}.py", "ü".repeat(300));
        let cut = format!("2-1-{}.py", "ü".repeat(58));
        for (claimed, expect) in [
            ("poc.py", "2-1-poc.py"),
            ("../../etc/passwd", "2-1-.._.._etc_passwd"),
            ("/etc/passwd", "2-1-_etc_passwd"),
            ("a\\b:c", "2-1-a_b_c"),
            ("CON", "2-1-CON"),
            ("con.txt", "2-1-con.txt"),
            (".bashrc", "2-1-.bashrc"),
            ("-rf *", "2-1--rf__"),
            ("..", "2-1-"),
            ("", "2-1-"),
            ("a\0b", "2-1-a_b"),
            ("gpj.\u{202e}exe", "2-1-gpj._exe"),
            ("$(id);`id`\n\u{1b}[2J", "2-1-__id___id____2J"),
            ("crash.bin. .", "2-1-crash.bin._"),
            ("Übersicht 漢字.pdf", "2-1-Übersicht_漢字.pdf"),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(safe_name(2, 1, claimed), expect, "{claimed:?}");
            assert!(safe_name(2, 1, claimed).len() < 200);
        }
    }
}
