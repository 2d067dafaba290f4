//! `disclosed demo`: 90 days in half a minute.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::desk::Exit;
use super::out::Closed;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to play; must be absent or empty
    #[arg(default_value = "disclosed-demo")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    let folder = args.folder.as_path();
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("{}: is not empty; name a folder that is, or none that exists", folder.display());
            }
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e).with_context(|| folder.display().to_string()),
    }
    match crate::demo::play(folder, crate::clock::now(), anstream::stdout()) {
        Ok(()) => Ok(Exit::Done),
        // The demo talks to nobody but the terminal.
        Err(error) if error.chain().any(closed) => Err(Closed.into()),
        Err(error) => Err(error),
    }
}

fn closed(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}
