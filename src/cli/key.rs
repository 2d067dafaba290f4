//! `disclosed key`: the secrets that sign reply addresses, and their rotation.

use anyhow::Result;
use serde_json::{Value, json};

use super::desk::{Desk, Exit, local};
use super::out::{Out, table};
use crate::open;
use crate::policy::shown::length;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// List the secrets: number and age, the newest first
    List,
    /// Make a new secret; the others stay good for what they made
    Rotate,
    /// End one secret: replies to the notices that it made are not obeyed any more
    Drop {
        /// Its number, from `disclosed key list`
        id: u8,
    },
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    match args.what {
        What::List => list(desk, out)?,
        What::Rotate => {
            let id = open::rotate_key(&desk.config, crate::clock::now())?;
            if out.wants_json() {
                out.json(&json!({ "secret": id }))?;
            } else {
                out.text(&format!(
                    "Secret {id} signs the reply addresses from now on; the daemon reads it within half a minute.\n\
                     The older ones stay good for what they made. Make a backup of the new key file, and when nobody\n\
                     answers old notices any more: `disclosed key list`, `disclosed key drop ID`.\n"
                ))?;
            }
        }
        What::Drop { id } => {
            open::drop_key(&desk.config, id, crate::clock::now())?;
            if out.wants_json() {
                out.json(&json!({ "dropped": id }))?;
            } else {
                out.text(&format!(
                    "Secret {id} is gone. Commands in reply to the notices that it made are not obeyed, mail that\n\
                     answers them is a report of its own, and bounces of them are not known.\n"
                ))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn list(desk: &Desk, out: &mut Out) -> Result<()> {
    let key = open::present_key(&desk.config)?;
    let now = crate::clock::now();
    if out.wants_json() {
        let one = |(n, s): (usize, &crate::token::Secret)| json!({ "id": s.id, "made": s.made, "signs": n == 0 });
        let all: Vec<Value> = key.secrets().iter().enumerate().map(one).collect();
        return out.json(&json!({ "secrets": all }));
    }
    let rows = key.secrets().iter().enumerate().map(|(n, s)| {
        vec![
            s.id.to_string(),
            s.made.map_or("not known".to_owned(), |m| local(m, &desk.project)),
            s.made.map_or("-".to_owned(), |m| length(now.duration_since(m))),
            if n == 0 { "signs and verifies" } else { "verifies" }.to_owned(),
        ]
    });
    out.text(&table(&["ID", "MADE", "AGE", "USE"], rows))
}
