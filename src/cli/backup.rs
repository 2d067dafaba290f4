//! `disclosed backup`: a copy of the database and its key, while the daemon runs.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::desk::{Desk, Exit};
use super::out::{Out, Progress, complain};
use crate::open;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The copy of the database; must not be there yet. The key goes beside it, with the ending .key
    file: PathBuf,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let progress = Progress::new();
    let copied = open::back_up(&desk.config, &args.file, |done| progress.show(&format!("{done} %")))?;
    drop(progress);
    if copied.key.is_none() {
        complain("the database has no key file beside it; replies to earlier notices will not be known by this backup");
    }
    if out.wants_json() {
        out.json(&json!({ "database": args.file, "octets": copied.octets, "key": copied.key }))?;
        return Ok(Exit::Done);
    }
    let mut text = format!("{}: the database, whole, {}\n", args.file.display(), size(copied.octets));
    if let Some(key) = &copied.key {
        text.push_str(&format!("{}: the key of the reply addresses; a restore needs both\n", key.display()));
    }
    out.text(&text)?;
    Ok(Exit::Done)
}

/// "512 octets", "84 KiB", "3.1 MiB".
fn size(octets: u64) -> String {
    match octets {
        n if n < 1 << 10 => format!("{n} octets"),
        n if n < 1 << 20 => format!("{} KiB", n >> 10),
        n => format!("{}.{} MiB", n >> 20, ((n % (1 << 20)) * 10) >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_read_well() {
        for (octets, expect) in [(0, "0 octets"), (1_024, "1 KiB"), (86_100, "84 KiB"), (3_300_000, "3.1 MiB")] {
            assert_eq!(size(octets), expect);
        }
    }
}
