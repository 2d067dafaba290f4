//! `disclosed demo`: 90 days in half a minute.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::desk::Exit;
use super::out::Closed;

/// What to do where the folder is not one's own.
const ELSEWHERE: &str = "play in a folder that you may write in: disclosed demo FOLDER";

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
        Err(e) => bail!("{}: {e}; {ELSEWHERE}", folder.display()),
    }
    match crate::demo::play(folder, crate::clock::now(), anstream::stdout()) {
        Ok(()) => Ok(Exit::Done),
        // The demo talks to nobody but the terminal.
        Err(error) if error.chain().any(|cause| is(cause, ErrorKind::BrokenPipe)) => Err(Closed.into()),
        Err(error) if error.chain().any(|cause| is(cause, ErrorKind::PermissionDenied)) => {
            Err(anyhow!("{error:#}; {ELSEWHERE}"))
        }
        Err(error) => Err(error),
    }
}

fn is(cause: &(dyn std::error::Error + 'static), kind: ErrorKind) -> bool {
    cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == kind)
}
