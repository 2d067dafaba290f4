//! `disclosed run`: the daemon, or one pass of it.

use std::io::IsTerminal;

use anyhow::Result;
use jiff::{Timestamp, Zoned};
use serde::Serialize;
use tracing::Level;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::desk::{Desk, Exit, Usage};
use super::out::Out;
use crate::config::Outgoing;
use crate::daemon;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Take in all there is, send all that is due, and exit
    #[arg(long)]
    once: bool,
    /// Play as if it were then: RFC 3339; only with --once and a Maildir outbox
    #[arg(long, value_name = "TIME", requires = "once", value_parser = instant)]
    now: Option<Timestamp>,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    if args.now.is_some() && matches!(desk.config.outgoing, Outgoing::Smtp(_)) {
        let why = "--now needs outgoing.maildir: mail of another time must not leave this machine";
        return Err(Usage(why.into()).into());
    }
    log(out.wants_json());
    for warning in &desk.config.warnings {
        tracing::warn!("{warning}");
    }
    if !args.once {
        daemon::run(&desk.path, desk.config.clone())?;
        return Ok(Exit::Done);
    }
    let needs_person = daemon::once(&desk.config, args.now)?;
    if out.wants_json() {
        out.json(&Document { needs_person })?;
    } else if needs_person {
        out.text("Something needs a person: `disclosed status` says what.\n")?;
    }
    Ok(Exit::Done)
}

/// What programs see of one pass.
#[derive(Serialize)]
struct Document {
    needs_person: bool,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let zoned = || text.parse::<Zoned>().map(|z| z.timestamp());
    text.parse().or_else(|_| zoned()).map_err(|_| "write an instant like 2027-01-04T10:00:00Z".to_owned())
}

/// The operator's log, on standard error. What it may hold is bounded twice: by `RUST_LOG`, and here, since the IMAP
/// library would trace passwords and bodies (G6). The resolver's warnings would name what strangers make us ask.
fn log(json: bool) {
    #[expect(clippy::disallowed_methods, reason = "this is the rim, and programs in Rust are asked so what they log")]
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let chosen = asked.unwrap_or_else(|| Targets::new().with_default(Level::INFO).with_target("hickory", Level::ERROR));
    let safe = filter_fn(|m| m.target().starts_with("disclosed") || *m.level() <= Level::INFO);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = if json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    // Set already: somebody else listens.
    let _ = tracing_subscriber::registry().with(lines.with_filter(safe).with_filter(chosen)).try_init();
    // The words of a panic may quote the text that it was about; the place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("a panic at {place}");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_write_them() {
        for good in
            ["2027-01-04T10:00:00Z", "2027-01-04T10:00Z", "2027-01-04T11:00+01:00", "2027-01-04T11:00[Europe/Berlin]"]
        {
            assert_eq!(instant(good), Ok("2027-01-04T10:00:00Z".parse().unwrap()), "{good}");
        }
        for bad in ["", "2027-01-04", "2027-01-04T10:00", "tomorrow", "2027-13-01T00:00Z"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
