//! `disclosed log`: the timeline of one ticket, a line an entry.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::out::{Out, alarming};
use super::{Desk, Exit, local};
use crate::project::Project;
use crate::ticket::words::{who, words};
use crate::ticket::{Actor, Entry};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The ticket: SEC-17 or 17
    ticket: String,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let found = desk.read(|tx, _| {
        Ok(match desk.ticket(tx, &args.ticket)? {
            Ok(id) => Ok((id, tx.entries(id)?)),
            Err(none) => Err(none),
        })
    })?;
    let (id, entries) = found?;
    if out.wants_json() {
        let all: Vec<Value> = entries.iter().map(|e| document(e, &desk.project)).collect();
        out.json(&json!({ "ticket": desk.project.show(id), "entries": all }))?;
    } else {
        out.text(&lines(&entries, &desk.project, ""))?;
    }
    Ok(Exit::Done)
}

/// One line an entry: when, who, what.
pub(super) fn lines(entries: &[Entry], project: &Project, indent: &str) -> String {
    let line = |e: &Entry| {
        let what = alarming(&words(e, project));
        format!("{indent}{}  {} {what}\n", local(e.at, project), who(&e.by, project))
    };
    entries.iter().map(line).collect()
}

/// An entry as programs see it: the fields of its kind stand beside the common ones. `text` is what stands in the
/// entry, or what happened, in words, where nothing does.
pub(super) fn document(entry: &Entry, project: &Project) -> Value {
    let by = match &entry.by {
        Actor::Daemon => "daemon",
        Actor::Local => "local",
        Actor::Reporter => "reporter",
        Actor::Stranger => "stranger",
        Actor::Person(address) => address.as_str(),
    };
    let kind = serde_json::to_value(&entry.kind).ok();
    let mut object = match kind {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let words = words(entry, project);
    object.insert("seq".into(), entry.seq.into());
    object.insert("at".into(), json!(entry.at));
    object.insert("by".into(), by.into());
    object.insert("party".into(), json!(entry.party));
    object.insert("text".into(), entry.text.clone().unwrap_or_else(|| words.clone()).into());
    object.insert("words".into(), words.into());
    Value::Object(object)
}
