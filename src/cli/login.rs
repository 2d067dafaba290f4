//! `disclosed login`: a person allows the daemon to read and to send mail, once.

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::desk::{Desk, Exit};
use super::out::Out;
use crate::oauth::Source;

pub(super) fn run(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let Some(source) = desk.config.token_source() else {
        bail!("{}: no login has auth = \"oauth2\", so there is nothing to allow", desk.path.display());
    };
    if !source.is_a_persons() {
        bail!("{}: it logs in with {}, so nobody has to allow it", desk.path.display(), source.describe());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(allow(source, out));
    runtime.shutdown_background();
    done.context("the login")
}

async fn allow(source: &Source, out: &mut Out) -> Result<Exit> {
    let asked = source.begin().await?;
    let (page, code, minutes) = (&asked.page, &asked.code, asked.within.as_secs().div_ceil(60));
    if out.wants_json() {
        out.json(&json!({ "page": page, "code": code, "minutes": minutes }))?;
    } else {
        out.text(&format!(
            "Within {minutes} minutes, open\n\n    {page}\n\nin a browser anywhere, write\n\n    {code}\n\nand log in as \
             the mailbox that is watched.\n"
        ))?;
    }
    out.finish()?;
    source.finish(&asked).await?;
    if !out.wants_json() {
        out.text("It is allowed. `disclosed check --online` tries it.\n")?;
    }
    Ok(Exit::Done)
}
