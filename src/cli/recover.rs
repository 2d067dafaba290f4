//! `disclosed recover`: a person says that the daemon may go on.

use anyhow::Result;

use super::clock;
use super::desk::{Desk, Exit};
use super::hold;
use super::out::Out;

#[derive(clap::Args)]
pub(super) struct Args {
    /// End the hold after a restore: what waits leaves from then on
    #[arg(long)]
    yes: bool,
    /// Notices that are not to be sent, by their numbers: 12,15
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "yes")]
    drop: Vec<u32>,
    /// The clock of this machine is right, and the database is ahead of it
    #[arg(long, conflicts_with_all = ["yes", "drop"])]
    clock: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if args.clock { clock::accept(desk, out) } else { hold::end(args.yes, &args.drop, desk, out) }
}
