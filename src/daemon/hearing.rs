//! What the loop does with what it hears: from the inbox, and from whoever changed the config.

use super::inbox::Watching;
use super::inward::{Inward, Unseen};
use crate::config::Config;
use crate::notice::text::trouble::Trouble;
use crate::tracker::{Look, Looked, News, Posted};
use crate::vocabulary::Role;
use crate::{clock, open};
use anyhow::{Context, Result, bail};
use std::time::Duration;

use super::way::Way;
use super::{Daemon, tell_systemd};

impl Daemon {
    pub(super) fn inward(&mut self, message: Inward) -> Result<()> {
        if !self.has_time(clock::now())? {
            return Ok(()); // Unanswered, the mail stays where it is and is found again.
        }
        let now = self.now();
        match message {
            Inward::Listing { folder, names, role, whole, uidnext, sightings, unseen } => {
                let not_before = self.tracker.last_scan(&folder)?;
                let (first, sightings) = (self.first, &sightings);
                let look = Look { folder: &folder, names: &names, uidnext, sightings, first, role };
                let (Looked { source, new, doubted }, news) = self.tracker.looked(&look, now)?;
                self.log(news);
                let sought = self.tracker.sought(source, new, whole, now)?;
                // Whoever asked may be gone: then the mail is found again.
                let _ = unseen.send(Unseen { source, sought, doubted, not_before, asked: now });
            }
            Inward::Witnesses { folder, uids } => {
                let _ = uids.send(self.tracker.witnesses(&folder)?);
            }
            Inward::Recognise { folder, sightings, known } => {
                let _ = known.send(self.tracker.recognise(&folder, &sightings)?);
            }
            Inward::Witnessed { folder, sightings } => {
                let news = self.tracker.witnessed(&folder, &sightings, now)?;
                self.log(news);
            }
            Inward::Asking { source, names, tries, noted } => {
                self.tracker.strike(source, &names, tries, now)?;
                let _ = noted.send(());
            }
            Inward::PutAside { aside, stored } => {
                let news = self.tracker.put_aside(&aside, now)?;
                let _ = stored.send(());
                self.log(news);
            }
            Inward::Mails { mut arrivals, stored } => {
                if self.fixed.is_some() {
                    // Files have dates of another clock than the one that was given.
                    arrivals.iter_mut().for_each(|a| a.internal_date = None);
                }
                self.look_at_files(now)?;
                let news = self.tracker.on_mail(&arrivals, now)?;
                self.look_at_arrivals(&arrivals)?;
                let _ = stored.send(());
                self.log(news);
            }
            Inward::Scanned { folder, role: Role::Sent | Role::Junk, listed, done } => {
                self.tracker.scanned_beside(&folder, listed)?;
                let _ = done.send(());
            }
            Inward::Beside { refused: None } => self.tracker.beside_opened()?,
            Inward::Beside { refused: Some(what) } => {
                tracing::warn!("a folder beside the inbox cannot be opened");
                let news = self.tracker.trouble(&Trouble::Folder(what), now)?;
                self.log(news);
            }
            Inward::Scanned { folder, role: Role::Inbox, listed, done } => {
                let news = self.tracker.scanned(&folder, listed, now)?;
                self.log(news);
                if self.watch.failing.take().is_some() {
                    tracing::info!("the inbox can be read again");
                }
                let _ = done.send(());
            }
            Inward::Failed { what, brief, login } => {
                tracing::warn!("the inbox: {brief}");
                let since = *self.watch.failing.get_or_insert(now);
                self.tracker.inbox_fails(since)?;
                if login {
                    let news = self.tracker.trouble(&Trouble::Login(what), now)?;
                    self.log(news);
                }
            }
            Inward::Odd { what } => {
                tracing::warn!("the inbox: {what}");
                let news = self.tracker.trouble(&Trouble::Odd(what), now)?;
                self.log(news);
            }
        }
        Ok(())
    }

    /// Reads the config again; a wrong one changes nothing.
    pub(super) fn reload(&mut self) -> Result<()> {
        tell_systemd(&[sd_notify::NotifyState::Reloading]);
        let new = Config::load(&self.config_path).context("the config was not reloaded, the old one stays in force");
        let done = new.and_then(|mut new| {
            let digest = open::digest(&new)?;
            if new.store != self.config.store {
                bail!("store.path cannot change while the daemon runs: restart it; the old config stays in force");
            }
            let now = self.now();
            let news = self.tracker.reload(new.project(), digest, now)?;
            self.log(news);
            new.keep_tokens(&self.config);
            self.config = new;
            if let Some(watch) = self.watch.task.take() {
                watch.abort();
            }
            self.way = Way::default();
            // The next ones are opened by the new config.
            self.hand.let_go(Duration::ZERO);
            self.watch(Watching::ForGood);
            tracing::info!("the config was reloaded");
            Ok(())
        });
        tell_systemd(&[sd_notify::NotifyState::Ready]);
        done
    }

    /// One line for each thing that happened. No address, no title, no text (G6).
    pub(super) fn log(&mut self, news: News) {
        let show =
            |t: Option<crate::vocabulary::TicketId>| t.map_or("-".to_owned(), |t| self.tracker.project().show(t));
        for (_, disposition, ticket, _) in &news.receipts {
            tracing::info!(ticket = show(*ticket), disposition = disposition.word(), "mail");
        }
        for (ticket, entry) in &news.entries {
            tracing::info!(ticket = show(Some(*ticket)), seq = entry.seq, "{}", entry.kind.word());
        }
        for Posted { number, notice, .. } in &news.notices {
            let held = notice.held.is_some();
            tracing::info!(
                ticket = show(notice.ticket()),
                notice = number,
                kind = notice.kind().word(),
                held,
                "notice"
            );
        }
        if news.moved > 0 {
            tracing::warn!(deadlines = news.moved, "the policy has changed, and deadlines of open tickets with it");
        }
        if self.fixed.is_some() {
            self.told.add(news);
        }
    }
}
