//! The mark: a small file beside the database that says how far its numbers had come.
//!
//! It is written after what it says is committed, so that it is never ahead of its database; one that is was left by a
//! later state. It is no part of a backup, since its use is to be newer than that.

use std::path::Path;

use super::files::{FilesError, is_there};
use crate::store::Mark;
use crate::tracker::FoundMark;
use crate::whole;

/// Reads it.
///
/// # Errors
/// Where the system does not let us see whether there is one.
pub(super) fn read(path: &Path) -> Result<FoundMark, FilesError> {
    if !is_there(path)? {
        return Ok(FoundMark::None);
    }
    let bytes = whole::read(path).map_err(|e| FilesError::of(path, e))?;
    Ok(parse(&String::from_utf8_lossy(&bytes)).map_or(FoundMark::Unreadable, FoundMark::At))
}

fn parse(text: &str) -> Option<Mark> {
    let mut words = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    let mut number = |name: &str| if words.next() == Some(name) { words.next()?.parse().ok() } else { None };
    let mark = Mark { notice: number("notice")?, ticket: number("ticket")? };
    words.next().is_none().then_some(mark)
}

/// Writes it, on disk when this returns.
pub(super) fn write(path: &Path, mark: Mark) -> std::io::Result<()> {
    let Mark { notice, ticket } = mark;
    let text = format!(
        "# How far the numbers of the database beside it have come. Never restore it: without it, or behind it,\n\
         # disclosed sends nothing until `disclosed recover`.\nnotice {notice}\nticket {ticket}\n"
    );
    whole::replace(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.mark");
        assert_eq!(read(&path).unwrap(), FoundMark::None);
        for mark in [Mark { notice: 12, ticket: 3 }, Mark { notice: u32::MAX, ticket: 0 }] {
            write(&path, mark).unwrap();
            assert_eq!(read(&path).unwrap(), FoundMark::At(mark));
        }
        for torn in ["", "notice 12", "notice 12\nticket", "notice -1\nticket 3", "notice 1\nticket 3\nticket 4", "\0"]
        {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(read(&path).unwrap(), FoundMark::Unreadable, "{torn:?}");
        }
    }
}
