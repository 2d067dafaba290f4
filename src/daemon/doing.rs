//! What runs beside the loop, one at a time: a check of signatures, and a notice with a mail server.

use crate::dkim::Verifier;
use crate::mail::signature::Dkim;
use crate::smtp::{Keeper, Ready};
use crate::store::Claim;
use crate::vocabulary::{MailRef, Outcome};
use anyhow::Result;
use jiff::Timestamp;

use super::{Daemon, Sending, Verdict, outgoing, way};

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

    /// Sends what is due: into a Maildir at once, to a server one at a time.
    pub(super) fn send(&mut self, now: Timestamp) -> Result<()> {
        while self.sending.is_none() && self.way.closed_until(now).is_none() {
            let account = outgoing::account(&self.config);
            let plain = self.way.tries_plain() || self.tracker.knows_tag_refused(&account, now)?;
            let (news, picked) = self.tracker.pick(now)?;
            self.log(news);
            let Some(mut claim) = picked else { break };
            claim.envelope = claim.envelope.filter(|_| !plain);
            match outgoing::prepare(&self.config) {
                outgoing::Way::Maildir(path) => {
                    if self.tracker.offer(&claim, now)?.is_some() {
                        let outcome = outgoing::into_maildir(path, &claim, now);
                        self.ended(&claim, &outcome)?;
                    }
                }
                outgoing::Way::Smtp(smtp) => {
                    let (from, smtp) = (self.config.mailbox.clone(), smtp.clone());
                    let keeper = Keeper::Outbox(self.gates.0.clone(), claim.number);
                    let (session, habit) = (claim.clone(), self.way.habit());
                    let task =
                        tokio::spawn(async move { outgoing::by_smtp(&smtp, &habit, &from, &session, keeper).await });
                    self.sending = Some(Sending { claim, account, task });
                }
            }
        }
        Ok(())
    }

    /// A session is at the final dot. Its notice is offered, and that is on disk, before it gets leave; a session that is
    /// not ours any more gets none, nor does one whose notice changed meanwhile.
    pub(super) fn give_leave(&mut self, ready: Ready) -> Result<()> {
        let now = self.now();
        // The database may have gone since the pass in which it was picked.
        self.look_at_files(now)?;
        let Some(sending) = self.sending.as_ref().filter(|s| s.claim.number == ready.notice) else { return Ok(()) };
        match self.tracker.offer(&sending.claim, now)? {
            // Where the session is gone, its notice is in doubt as after a crash.
            Some(leave) => drop(ready.leave.send(leave)),
            None => tracing::info!(notice = ready.notice, "not sent: it was dropped, or is held, since it was picked"),
        }
        Ok(())
    }

    /// Waits for the session that is under way, and gives it leave.
    pub(super) async fn finish(&mut self) -> Result<bool> {
        loop {
            let Some(sending) = &mut self.sending else { return Ok(false) };
            tokio::select! {
                biased;
                Some(ready) = self.gates.1.recv() => self.give_leave(ready)?,
                ended = &mut sending.task => {
                    self.settle(ended)?;
                    return Ok(true);
                }
            }
        }
    }

    pub(super) fn settle(&mut self, ended: Result<Option<Outcome>, tokio::task::JoinError>) -> Result<()> {
        let Some(Sending { claim, account, .. }) = self.sending.take() else { return Ok(()) };
        let outcome = match ended {
            Ok(Some(outcome)) => outcome,
            // It had no leave, and the outbox knows why.
            Ok(None) => return Ok(()),
            Err(error) => {
                // A notice that was offered is doubtful from here on, as after a crash: the next pass says so.
                let how = if error.is_panic() { "a panic" } else { "it was cancelled" };
                tracing::error!("sending ended unexpectedly: {how}");
                return Ok(());
            }
        };
        match self.way.judge_sender(&outcome, claim.envelope.is_some()) {
            way::Sender::Suspect => return Ok(self.tracker.put_back(&claim, self.now())?),
            way::Sender::OnlyPlain(said) => {
                self.tracker.note_tag_refused(&account, self.now())?;
                let said = said.for_log();
                tracing::warn!("the server refuses tagged envelope senders ({said}); notices leave with the plain one");
            }
            way::Sender::NoMatter => {}
        }
        self.ended(&claim, &outcome)
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
            Outcome::Unclear(why) => {
                let why = why.for_log();
                tracing::warn!(notice = number, kind, "refused ({why}); how other mail fares will say whether by us");
            }
            Outcome::Unknown(_) => tracing::warn!(notice = number, kind, "the server's answer was lost"),
            Outcome::Away(why) => tracing::warn!(notice = number, "mail cannot be sent now: {}", why.for_log()),
            Outcome::Slower(why) => tracing::warn!(notice = number, "mail is sent more slowly: {}", why.for_log()),
            Outcome::Closed(why) => tracing::error!(notice = number, "mail cannot be sent: {}", why.for_log()),
        }
        self.way.ended(outcome, now);
        self.log(news);
        Ok(())
    }
}
