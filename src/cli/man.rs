//! `disclosed man`: the manual as man pages, disclosed(1) and disclosed.toml(5).

use anyhow::Result;

use super::desk::Exit;
use super::help::TOPICS;
use super::out::Out;
use super::page::{roff, to_roff};

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
    let topics = TOPICS.iter().filter(|(topic, _)| !OF_CONFIG.contains(topic));
    page.extend(topics.map(|(_, text)| to_roff(text)));
    page + ".SH SEE ALSO\n.BR disclosed.toml (5)\n"
}

fn config() -> String {
    let keys = format!("# Every key: with its default\n\n```\n{EXAMPLE}```\n");
    let topics = TOPICS.iter().filter(|(topic, _)| OF_CONFIG.contains(topic));
    let mut page = to_roff(&keys);
    page.extend(topics.map(|(_, text)| to_roff(text)));
    page + ".SH SEE ALSO\n.BR disclosed (1)\n"
}
