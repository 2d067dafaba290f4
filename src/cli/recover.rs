//! `disclosed recover`: a person says that the daemon may go on.

use anyhow::Result;

use super::clock;
use super::desk::{Desk, Exit};
use super::out::Out;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The clock of this machine is right, and the database is ahead of it
    #[arg(long, required = true)]
    clock: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if args.clock { clock::accept(desk, out) } else { Ok(Exit::Done) }
}
