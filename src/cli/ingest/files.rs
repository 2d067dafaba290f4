//! What a path holds: one mail, an mbox, a Maildir, or a folder of .eml files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::found::{Failure, Found};
use super::mbox;
use crate::maildir::{HEAD, Maildir, ReadMail};

/// Hands over every mail of a path, each of at most `max` octets, one at a time.
pub(super) fn each(path: &Path, max: u64, take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
    if !path.metadata()?.is_dir() {
        return file(path, max, take);
    }
    if path.join("new").is_dir() && path.join("cur").is_dir() {
        return maildir(path, max, take);
    }
    let mails = eml_files(path)?;
    if mails.is_empty() {
        return Err(io::Error::other("neither a Maildir (new, cur) nor a folder of .eml files").into());
    }
    mails.iter().try_for_each(|mail| file(mail, max, take))
}

fn file(path: &Path, max: u64, take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut reader = BufReader::new(File::open(path)?);
    let start = reader.fill_buf()?;
    if start.is_empty() {
        return Ok(());
    }
    // RFC 4155: only an mbox begins so. The header field has a colon.
    if start.starts_with(b"From ") { mbox::split(reader, max, take) } else { take(bounded(reader, max)?) }
}

fn maildir(path: &Path, max: u64, take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
    let maildir = Maildir::open(path)?;
    for mail in maildir.list()? {
        let found = match maildir.read(&mail, max) {
            Ok(ReadMail::Whole(raw)) => Found { size: raw.len() as u64, raw },
            Ok(ReadMail::Oversize { size, head }) => Found { raw: head, size },
            // Somebody has deleted it meanwhile.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e.into()),
        };
        take(found)?;
    }
    Ok(())
}

fn eml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut mails = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml")) && path.is_file() {
            mails.push(path);
        }
    }
    mails.sort();
    Ok(mails)
}

/// Reads one mail; of one that is over the limit the beginning, and counts the rest.
fn bounded(mut reader: impl Read, max: u64) -> io::Result<Found> {
    let mut raw = Vec::new();
    let mut size = reader.by_ref().take(max.saturating_add(1)).read_to_end(&mut raw)? as u64;
    if size > max {
        size += io::copy(&mut reader, &mut io::sink())?;
        raw.truncate(usize::try_from(HEAD.min(max)).unwrap_or(usize::MAX));
    }
    Ok(Found { raw, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_mail_is_read_to_its_limit_and_counted_to_its_end() {
        let check = |length: usize, max: u64, raw: usize| {
            let found = bounded(&vec![b'x'; length][..], max).unwrap();
            assert_eq!((found.raw.len(), found.size), (raw, length as u64), "{length} of {max}");
        };
        check(10, 10, 10);
        check(11, 10, 10);
        check(100_000, 99_999, 65_536);
        check(0, 10, 0);
    }
}
