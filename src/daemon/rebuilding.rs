//! The database anew from the folder, where it is lost: all that lies there is fetched once, by the same watch as ever.

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::inbox::{self, Watching};
use super::inward::{Inward, Unseen};
use crate::config::Config;
use crate::tracker::{Rebuilt, Tracker};
use crate::{clock, open};

/// Makes a database of the mail in the folder. It is there once it is whole, and nothing leaves by it until
/// `disclosed recover`.
///
/// # Errors
/// When there is a database, or no key, or the folder cannot be read to its end.
pub(crate) fn rebuild(config: &Config) -> Result<Rebuilt> {
    let _lock = open::lock(config)?;
    let mut draft = open::draft(config, clock::now())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rebuilt = runtime.block_on(async {
        stow_all(config, &mut draft).await?;
        Ok(draft.rebuild_from_mail(&[], clock::now())?)
    });
    runtime.shutdown_background();
    open::keep_draft(config, draft, rebuilt)
}

/// Stores all that the folder holds.
async fn stow_all(config: &Config, draft: &mut Tracker) -> Result<()> {
    let (to, mut inward) = mpsc::channel(4);
    let watch = tokio::spawn(inbox::watch(config.inbox.clone(), config.limits.message, to, Watching::OnePass));
    while let Some(message) = inward.recv().await {
        // Whoever asked waits for each answer.
        match message {
            Inward::Listing { folder, names, whole, unseen, .. } => {
                let now = clock::now();
                let (source, new) = draft.unseen(&folder, &names)?;
                let sought = draft.sought(source, new, whole, now)?;
                let _ = unseen.send(Unseen { source, sought, doubted: false, not_before: None, asked: now });
            }
            Inward::Witnesses { folder, uids } => {
                let _ = uids.send(draft.witnesses(&folder)?);
            }
            Inward::Recognise { folder, sightings, known } => {
                let _ = known.send(draft.recognise(&folder, &sightings)?);
            }
            Inward::Witnessed { folder, sightings } => {
                draft.witnessed(&folder, &sightings, clock::now())?;
            }
            Inward::Asking { source, names, tries, noted } => {
                draft.strike(source, &names, tries, clock::now())?;
                let _ = noted.send(());
            }
            // The daemon asks for it again, and tells of it.
            Inward::PutAside { stored, .. } => {
                let _ = stored.send(());
            }
            Inward::Mails { arrivals, stored } => {
                draft.stow(&arrivals, clock::now())?;
                let _ = stored.send(());
            }
            Inward::Scanned { folder, listed, done } => {
                draft.scanned(&folder, listed, clock::now())?;
                let _ = done.send(());
            }
            Inward::Failed { what, .. } | Inward::Odd { what } => bail!("the inbox: {what}"),
        }
    }
    Ok(watch.await?)
}
