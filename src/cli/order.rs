//! `disclosed do`: commands from this machine's command line, with full authority.

use std::io::Read;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::desk::{Desk, Exit};
use super::out::{Out, alarming, complain};
use super::seat::seat;
use crate::command::{self, Orders};
use crate::open;
use crate::vocabulary::{clean, clean_line};

/// Octets of a text on standard input.
const TEXT_MAX: u64 = 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17 or 17
    ticket: String,
    /// The commands, each beginning with "/"; /help lists them
    #[arg(required = true, value_name = "COMMAND")]
    commands: Vec<String>,
    /// The text that /reply, /ask, /ack and /note take; "-" reads it from standard input
    #[arg(long)]
    text: Option<String>,
    /// Whoever of the config does it, by name or address; else the name of the login is written down
    #[arg(long = "as", value_name = "PERSON")]
    named: Option<String>,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let mut orders = command::split(&args.commands.join("\n"));
    // Text below the commands is for the commands; words in their place are a slip of the pen: they would be sent.
    if let Some(word) = args.commands.iter().find(|c| !c.trim_start().starts_with('/')) {
        let word = clean_line(word, 60);
        let why = format!(
            "{word:?} is no command: a command begins with \"/\", and stands in quotes with its words: \"/severity high\". \
             A text stands behind --text. /help lists the commands; nothing was done"
        );
        return answer(out, &why, true);
    }
    let seat = seat(args.named.as_deref(), &desk.project)?;
    add_text(&mut orders, args.text.as_deref())?;
    let found = desk.read(|tx, now| Ok(desk.ticket(tx, &args.ticket)?.map(|id| (id, now))))?;
    let (id, now) = found?;
    let mut tracker = open::tracker(&desk.config, now)?;
    let news =
        tracker.order(id, orders, seat, now)?.with_context(|| format!("there is no {}", desk.project.show(id)))?;
    match news.answer {
        Some(said) => answer(out, &said.text, said.refused),
        None => answer(out, "Done.", false),
    }
}

fn add_text(orders: &mut Orders, text: Option<&str>) -> Result<()> {
    let more = match text {
        None => return Ok(()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().take(TEXT_MAX + 1).read_to_string(&mut text).context("standard input")?;
            if text.len() as u64 > TEXT_MAX {
                bail!("standard input: the text is longer than 1 MiB");
            }
            text
        }
        Some(text) => text.to_owned(),
    };
    let both = format!("{}\n\n{}", orders.text, clean(&more).trim());
    orders.text = both.trim().to_owned();
    Ok(())
}

fn answer(out: &mut Out, text: &str, refused: bool) -> Result<Exit> {
    if out.wants_json() {
        out.json(&json!({ "done": !refused, "answer": text }))?;
    } else if refused {
        complain(text.trim_end());
    } else {
        out.text(&format!("{}\n", alarming(clean(text).trim_end())))?;
    }
    Ok(if refused { Exit::Failed } else { Exit::Done })
}
