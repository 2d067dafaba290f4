//! What runs beside the loop, one at a time: a check of signatures, and a notice with a mail server.

use crate::dkim::Verifier;
use crate::mail::signature::Dkim;
use crate::smtp::Sending;
use crate::store::Claim;
use crate::vocabulary::{MailRef, Outcome};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::{Daemon, Delivery, Verdict, outgoing};

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

    /// Claims and sends what is due: into a Maildir at once, to a server one at a time.
    pub(super) fn send(&mut self, now: Timestamp) -> Result<()> {
        if self.closed.is_some_and(|(until, _)| until > now) {
            return Ok(());
        }
        while self.sending.is_none() {
            // Asked before a notice is claimed: from then on it is doubtful until its end is known.
            let account = outgoing::account(&self.config);
            let plain = self.tracker.knows_tag_refused(&account, now)?;
            let Some(mut claim) = self.tracker.claim(now)? else { break };
            claim.envelope = claim.envelope.filter(|_| !plain);
            match outgoing::prepare(&self.config) {
                outgoing::Way::Maildir(path) => {
                    let outcome = outgoing::into_maildir(path, &claim, now);
                    self.ended(&claim, &outcome)?;
                    if matches!(outcome, Outcome::Closed(_)) {
                        break;
                    }
                }
                outgoing::Way::Smtp(smtp) => {
                    let from = self.config.mailbox.clone();
                    let smtp = smtp.clone();
                    self.sending = Some(tokio::spawn(async move {
                        let sending = outgoing::by_smtp(&smtp, &from, &claim).await;
                        (claim, account, sending)
                    }));
                }
            }
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, ended: Result<Delivery, tokio::task::JoinError>) -> Result<()> {
        match ended {
            Ok((claim, account, Sending { outcome, refused_sender })) => {
                self.ended(&claim, &outcome)?;
                if let Some(said) = refused_sender {
                    self.tracker.note_tag_refused(&account, self.now())?;
                    let said = said.for_log();
                    tracing::warn!(
                        "the server refuses tagged envelope senders ({said}); notices leave with the plain one"
                    );
                }
                Ok(())
            }
            Err(error) => {
                // The notice stays claimed, and is doubtful from here on, as after a crash: the next pass says so.
                let how = if error.is_panic() { "a panic" } else { "it was cancelled" };
                tracing::error!("sending ended unexpectedly: {how}");
                Ok(())
            }
        }
    }

    pub(super) fn ended(&mut self, claim: &Claim, outcome: &Outcome) -> Result<()> {
        let now = self.now();
        let news = match self.tracker.delivered(claim, outcome, now) {
            Ok(news) => news,
            Err(error) => {
                // Else a notice that a server took would be sent again, or one that it did not take never would be.
                self.unsettled = Some((claim.clone(), outcome.clone()));
                return Err(error.into());
            }
        };
        let (number, kind) = (claim.number, claim.kind.word());
        match outcome {
            Outcome::Sent(_) => tracing::info!(notice = number, kind, attempts = claim.tries, "sent"),
            Outcome::Deferred(_) => tracing::warn!(notice = number, kind, attempts = claim.tries, "not sent yet"),
            Outcome::Refused(_) => tracing::warn!(notice = number, kind, "refused for good"),
            Outcome::Unknown(_) => tracing::warn!(notice = number, kind, "the server's answer was lost"),
            Outcome::Closed(why) => tracing::error!(notice = number, "mail cannot be sent: {}", why.for_log()),
        }
        self.closed = match (outcome, self.closed) {
            (Outcome::Closed(_), before) => {
                let tries = before.map_or(0, |(_, n)| n) + 1;
                let minutes = i64::from(1_u32 << tries.min(4)).min(15);
                Some((now + SignedDuration::from_mins(minutes), tries))
            }
            (Outcome::Sent(_) | Outcome::Refused(_) | Outcome::Deferred(_) | Outcome::Unknown(_), _) => None,
        };
        self.log(news);
        Ok(())
    }
}
