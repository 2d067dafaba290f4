//! `disclosed completions`: what a shell completes of the command line.

use anyhow::Result;
use clap_complete::Shell;

use super::desk::Exit;
use super::out::Out;

#[derive(clap::Args)]
pub(super) struct Args {
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, mut command: clap::Command, out: &mut Out) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "disclosed", &mut script);
    out.text(&String::from_utf8(script)?)?;
    Ok(Exit::Done)
}
