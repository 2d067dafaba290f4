//! `disclosed man`: the manual as man pages, disclosed(1) and disclosed.toml(5).

use std::io::IsTerminal;

use anyhow::Result;

use super::desk::Exit;
use super::help::{self, TOPICS};
use super::out::Out;
use super::page::{roff, to_roff, to_text};

/// Every key of the config, with its default and what it means.
const EXAMPLE: &str = include_str!("../../config.toml.example");
/// The topics that are about the config.
const OF_CONFIG: [&str; 4] = ["providers", "identity", "policy", "reports"];

#[derive(clap::Args)]
pub(super) struct Args {
    #[arg(value_enum)]
    section: Section,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Section {
    /// The program
    #[value(name = "1")]
    Program,
    /// Its config
    #[value(name = "5")]
    Config,
}

pub(super) fn run(args: &Args, command: &clap::Command, out: &mut Out) -> Result<Exit> {
    if std::io::stdout().is_terminal() {
        // A person wants to read it, and not its source.
        let pages = match args.section {
            Section::Program => pages(|topic| !OF_CONFIG.contains(&topic)),
            Section::Config => keys() + &pages(|topic| OF_CONFIG.contains(&topic)),
        };
        help::show(&to_text(&pages), out)?;
        return Ok(Exit::Done);
    }
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let (name, section, what, page) = match args.section {
        Section::Program => ("disclosed", 1, about.trim_end_matches('.'), program(command)),
        Section::Config => ("disclosed.toml", 5, "the config of disclosed", config()),
    };
    let (title, version, what) = (name.to_uppercase(), env!("CARGO_PKG_VERSION"), roff(what));
    out.text(&format!(".TH {title} {section} \"\" \"disclosed {version}\"\n.SH NAME\n{name} \\- {what}\n{page}"))?;
    Ok(Exit::Done)
}

fn program(command: &clap::Command) -> String {
    let mut page = ".SH SYNOPSIS\n.B disclosed\n[\\fB\\-\\-config\\fP \\fIFILE\\fP] [\\fB\\-\\-json\\fP] \\fICOMMAND\\fP\n.SH COMMANDS\n".to_owned();
    for sub in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        page.push_str(&format!(".TP\n.B {}\n{}\n", roff(sub.get_name()), roff(&about)));
    }
    page.push_str(&to_roff(&pages(|topic| !OF_CONFIG.contains(&topic))));
    page + ".SH SEE ALSO\n.BR disclosed.toml (5)\n"
}

fn config() -> String {
    to_roff(&(keys() + &pages(|topic| OF_CONFIG.contains(&topic)))) + ".SH SEE ALSO\n.BR disclosed (1)\n"
}

fn keys() -> String {
    format!("# Every key: with its default\n\n```\n{EXAMPLE}```\n")
}

/// Some topics of the manual, one behind the other.
fn pages(of: impl Fn(&str) -> bool) -> String {
    TOPICS.iter().filter(|(topic, _)| of(topic)).map(|(_, text)| format!("{text}\n")).collect()
}
