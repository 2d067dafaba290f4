//! The check of signatures that runs beside the loop.

use crate::dkim::Verifier;
use crate::mail::signature::Dkim;
use crate::vocabulary::MailRef;
use anyhow::Result;
use jiff::Timestamp;

use super::{Daemon, Verdict};

impl Daemon {
    /// Has the signatures of the next mail checked that waits for it: one mail at a time, beside the loop.
    pub(super) fn check(&mut self, now: Timestamp) -> Result<()> {
        if self.checking.is_some() {
            return Ok(());
        }
        let (news, question) = self.tracker.next_question(now)?;
        self.log(news);
        let Some((mail, question)) = question else { return Ok(()) };
        let mut verifier = self.verifier.take().unwrap_or_else(|| {
            let verifier = Box::new(Verifier::system());
            if let Some(why) = verifier.trouble() {
                tracing::error!("DKIM signatures cannot be checked: {why}");
            }
            verifier
        });
        let task = tokio::spawn(async move {
            let dkim = verifier.check(&question, now).await;
            (verifier, dkim)
        });
        self.checking = Some((mail, task));
        Ok(())
    }

    pub(super) fn checked(&mut self, mail: MailRef, checked: Result<Verdict, tokio::task::JoinError>) -> Result<()> {
        let dkim = match checked {
            Ok((verifier, dkim)) => {
                // Without a resolver the next one may find one.
                self.verifier = Some(verifier).filter(|v| v.trouble().is_none());
                dkim
            }
            Err(_) => {
                tracing::error!("checking a signature ended unexpectedly");
                Dkim::Fail("checking it failed".into())
            }
        };
        if let Dkim::Temporary(_) = &dkim {
            tracing::warn!(mail = mail.0, "a DKIM key could not be asked for");
        }
        let now = self.now();
        let news = self.tracker.verified(mail, dkim, now)?;
        self.log(news);
        Ok(())
    }
}
