//! `disclosed rebuild`: the ticket tables, anew from the timelines.

use anyhow::Result;
use serde_json::json;

use super::desk::{Desk, Exit};
use super::out::{Out, Progress};
use crate::open;

pub(super) fn run(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let mut tracker = open::tracker(&desk.config, desk.now()?)?;
    let progress = Progress::new();
    let tickets = tracker.rebuild(|done| {
        if done % 100 == 0 {
            progress.show(&format!("{done} tickets"));
        }
    })?;
    drop(progress);
    if out.wants_json() {
        out.json(&json!({ "tickets": tickets }))?;
    } else {
        out.text(&format!("Made anew from their timelines: {tickets} tickets.\n"))?;
    }
    Ok(Exit::Done)
}
