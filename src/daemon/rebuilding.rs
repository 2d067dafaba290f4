//! The database anew from the inbox and the folder of what was sent, where it is lost: all that lies there is fetched once,
//! by the same watch as ever.

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::inbox::{self, Watching};
use super::inward::{Inward, Unseen};
use crate::config::{Config, ImapConfig, Inbox};
use crate::tracker::{Aside, First, Look, Looked, Rebuilt, Tracker};
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
    let rebuilt = runtime.block_on(fill(config, &mut draft));
    runtime.shutdown_background();
    open::keep_draft(config, draft, rebuilt)
}

/// Takes all that lies in the folders into a database in which nothing is.
pub(super) async fn fill(config: &Config, draft: &mut Tracker) -> Result<Rebuilt> {
    let aside = stow_all(config, draft).await?;
    let rebuilt = draft.rebuild_from_mail(open::found_mark(config)?, clock::now())?;
    // A ticket for each that its server does not give, numbered like any other that nothing proves.
    aside.iter().try_for_each(|aside| draft.put_aside(aside, clock::now()).map(drop))?;
    Ok(rebuilt)
}

/// Stores all that the folder holds, and gives what its server lists and does not give.
async fn stow_all(config: &Config, draft: &mut Tracker) -> Result<Vec<Aside>> {
    let (to, mut inward) = mpsc::channel(4);
    let watch = tokio::spawn(inbox::watch(without_junk(&config.inbox), config.limits.message, to, Watching::OnePass));
    let mut asides = Vec::new();
    while let Some(message) = inward.recv().await {
        let now = clock::now();
        // Whoever asked waits for each answer.
        match message {
            Inward::Listing { folder, names, role, whole, uidnext, sightings, unseen } => {
                let (first, sightings) = (First::Taken, &sightings);
                let look = Look { folder: &folder, names: &names, uidnext, sightings, first, role };
                let (Looked { source, new, doubted }, _) = draft.looked(&look, now)?;
                let sought = draft.sought(source, new, whole, now)?;
                let _ = unseen.send(Unseen { source, sought, doubted, not_before: None, asked: now });
            }
            Inward::Witnesses { folder, uids } => drop(uids.send(draft.witnesses(&folder)?)),
            Inward::Recognise { folder, sightings, known } => drop(known.send(draft.recognise(&folder, &sightings)?)),
            Inward::Witnessed { folder, sightings } => drop(draft.witnessed(&folder, &sightings, now)?),
            Inward::Asking { source, names, tries, noted } => {
                draft.strike(source, &names, tries, now)?;
                let _ = noted.send(());
            }
            Inward::PutAside { aside, stored } => {
                asides.push(aside);
                let _ = stored.send(());
            }
            Inward::Mails { arrivals, stored } => {
                draft.stow(&arrivals, now)?;
                let _ = stored.send(());
            }
            Inward::Scanned { folder, role: _, listed, done } => {
                draft.scanned(&folder, listed, now)?;
                let _ = done.send(());
            }
            // What cannot be read there proves nothing; whoever has no such folder has none in the config.
            Inward::Beside { refused: Some(what) } => bail!("{what}"),
            Inward::Beside { refused: None } => {}
            Inward::Failed { what, .. } | Inward::Odd { what } => bail!("the inbox: {what}"),
        }
    }
    watch.await?;
    Ok(asides)
}

/// The inbox, and what was sent: our answers prove numbers, and those by hand are answers. What lies among junk is left to
/// the daemon.
fn without_junk(inbox: &Inbox) -> Inbox {
    match inbox.clone() {
        Inbox::Imap(imap) => Inbox::Imap(ImapConfig { junk_folder: None, ..imap }),
        maildir @ Inbox::Maildir(_) => maildir,
    }
}
