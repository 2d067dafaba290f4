//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    disclosed::run(std::env::args_os())
}
