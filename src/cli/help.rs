//! `disclosed help`: the manual, which is in the binary, and the help of the commands.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::Result;
use serde::Serialize;

use super::desk::{Exit, Usage};
use super::out::Out;
use super::page;
use crate::config::nearest;

/// The topics, in the order in which somebody needs them.
pub(super) const TOPICS: &[(&str, &str)] = &[
    ("setup", include_str!("../manual/setup.md")),
    ("providers", include_str!("../manual/providers.md")),
    ("identity", include_str!("../manual/identity.md")),
    ("policy", include_str!("../manual/policy.md")),
    ("commands", include_str!("../manual/commands.md")),
    ("reports", include_str!("../manual/reports.md")),
    ("troubles", include_str!("../manual/troubles.md")),
    ("privacy", include_str!("../manual/privacy.md")),
    ("backup", include_str!("../manual/backup.md")),
    ("moving", include_str!("../manual/moving.md")),
    ("scale", include_str!("../manual/scale.md")),
    ("threats", include_str!("../manual/threats.md")),
    ("limits", include_str!("../manual/limits.md")),
];

/// More lines than this do not fit a screen.
const LONG: usize = 24;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A topic of the manual, or a command; without one, the topics are listed
    topic: Vec<String>,
}

pub(super) fn run(args: &Args, command: clap::Command, out: &mut Out) -> Result<Exit> {
    let Some(asked) = args.topic.first() else {
        let topics = TOPICS.iter().map(|(topic, text)| Topic { topic, about: page::about(text), text: None });
        if out.wants_json() {
            out.json(&Topics { topics: topics.collect() })?;
        } else {
            out.text(&list())?;
        }
        return Ok(Exit::Done);
    };
    if let Some((topic, text)) = TOPICS.iter().find(|(topic, _)| topic.eq_ignore_ascii_case(asked)) {
        if out.wants_json() {
            out.json(&Topic { topic, about: page::about(text), text: Some(text) })?;
        } else {
            let also = command.find_subcommand(topic).map(|_| format!("\nThe command: `disclosed {topic} --help`.\n"));
            show(&(page::to_text(text) + &also.unwrap_or_default()), out)?;
        }
        return Ok(Exit::Done);
    }
    let words = || command.get_subcommands().map(clap::Command::get_name).chain(TOPICS.iter().map(|(topic, _)| *topic));
    if !words().any(|word| word == asked) {
        let write = nearest(asked, words())
            .map_or_else(|| "`disclosed help` alone for a list".to_owned(), |near| format!("{near:?}"));
        return Err(Usage(format!("there is no topic or command {asked:?}; write {write}")).into());
    }
    let line = ["disclosed"].into_iter().chain(args.topic.iter().map(String::as_str)).chain(["--help"]);
    match command.clone().try_get_matches_from(line) {
        Err(help) if !help.use_stderr() => show(&help.render().ansi().to_string(), out)?,
        Err(error) => return Err(Usage(error.to_string()).into()),
        Ok(_) => {}
    }
    Ok(Exit::Done)
}

/// The topics, a line each.
fn list() -> String {
    let topics = TOPICS.iter().map(|(topic, text)| format!("  {topic:<11}{}\n", page::about(text)));
    format!(
        "The manual. `disclosed help TOPIC` shows one of:\n\n{}\n`disclosed help COMMAND` shows a command; \
         `disclosed --help` lists them.\n",
        topics.collect::<String>()
    )
}

#[derive(Serialize)]
struct Topics {
    topics: Vec<Topic>,
}

/// What programs see; the text is Markdown.
#[derive(Serialize)]
struct Topic {
    topic: &'static str,
    about: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'static str>,
}

/// Through the pager where a person would have to scroll back.
pub(super) fn show(text: &str, out: &mut Out) -> Result<()> {
    let stdout = std::io::stdout();
    if stdout.is_terminal() && text.lines().count() > LONG {
        let plain = anstream::AutoStream::choice(&stdout) == anstream::ColorChoice::Never;
        let paged = if plain { anstream::adapter::strip_str(text).to_string() } else { text.to_owned() };
        if through_pager(&paged) {
            return Ok(());
        }
    }
    out.text(text)
}

/// Whether a pager took the text: $PAGER, else less.
fn through_pager(text: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "every program finds the pager in the environment")]
    let (pager, less) = (std::env::var("PAGER"), std::env::var("LESS"));
    // With arguments, it is a line for a shell.
    let mut command = Command::new("sh");
    command.args(["-c", &pager.unwrap_or_else(|_| "less".to_owned())]).stdin(Stdio::piped());
    // Bold as it is; no pager for what fits the screen.
    command.env("LESS", less.unwrap_or_else(|_| "-FRX".to_owned()));
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever leaves the pager early has read enough.
        let _ = stdin.write_all(text.as_bytes());
    }
    // 127: the shell found no such program.
    child.wait().is_ok_and(|status| status.code() != Some(127))
}
