//! Mail that waits for its DKIM signatures to be checked: what is to be asked, and what comes of the answer.
//!
//! Such a mail is stored (G1) and not handled. A shell takes the next question, asks for the keys, and gives the verdict
//! back; a crash in between costs a try. Reports are handled whatever comes of it, since silence is the worse failure;
//! only a person's commands and answers wait for name servers that do not answer, for a day.

use jiff::{SignedDuration, Timestamp};

use super::reading::{Stowed, UNREADABLE, read_one};
use super::signed::occasion;
use super::{News, Tracker};
use crate::intake::claims::Claims;
use crate::mail::identity;
use crate::mail::signature::{self, Dkim, Question, Share, Sieved};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::store::{Result, StoreError};
use crate::vocabulary::MailRef;

/// Tries to check the signatures of a person's mail: more than fit into a day.
const TRIES: u32 = 40;
/// After so many of them the team is told.
const TOLD: u32 = 4;
/// How long a person's mail waits for keys that cannot be had.
const WAIT: SignedDuration = SignedDuration::from_hours(24);

/// Whether something is to be asked about the signatures of a mail.
#[derive(Clone, Debug)]
pub enum Asked {
    /// No: this is known without.
    Known(Dkim),
    /// Yes.
    Open(Question),
}

impl Tracker {
    /// The next mail that waits for its signatures to be checked, as a question for whoever asks for keys. The try is
    /// counted first, and the mail is due again later, so that one that ends the daemon does not end it at once again.
    pub fn next_question(&mut self, now: Timestamp) -> Result<(News, Option<(MailRef, Question)>)> {
        let mut news = News::default();
        while let Some(waits) = self.store.read(|tx| tx.unverified(now))? {
            let mail = waits.mail;
            let after = if waits.share.is_word() { pause(waits.tries) } else { SignedDuration::from_mins(1) };
            let due = now.checked_add(after).unwrap_or(Timestamp::MAX);
            self.store.write(|tx| tx.try_unverified(mail, due))?;
            let raw = match self.store.read(|tx| tx.raw(mail)) {
                Err(StoreError::Corrupt(_)) => {
                    self.store.write(|tx| tx.no_longer_unverified(mail))?;
                    news.add(self.resume(now)?);
                    continue;
                }
                raw => raw?,
            };
            if waits.tries >= if waits.share.is_word() { TRIES } else { super::TRIES } {
                let why = Dkim::Temporary("checking it did not come to an end".into());
                news.add(self.verified(mail, why, now)?);
                continue;
            }
            let read = read_one(&Stowed::whole(&waits, &raw, None)).0;
            let sieved = match &read.from {
                Ok(from) if self.project.dkim => {
                    let refers = Claims::of(&read, &self.project, &self.key);
                    signature::sieve(&raw, &occasion(&read, from, waits.received, &self.project, &refers))
                }
                Ok(_) | Err(_) => Sieved::default(),
            };
            match read.from {
                Ok(from) if !sieved.worth.is_empty() => {
                    let question = Question { raw, from, signatures: sieved.worth, share: waits.share };
                    return Ok((news, Some((mail, question))));
                }
                // The config is another one since.
                Ok(_) | Err(_) => news.add(self.verified(mail, Dkim::Unasked, now)?),
            }
        }
        Ok((news, None))
    }

    /// What came of a question: the mail is handled now. Where no answer could be had and a person's word depends on
    /// it, it is asked again, for a day after we took the mail; then it is handled without one.
    pub fn verified(&mut self, mail: MailRef, dkim: Dkim, now: Timestamp) -> Result<News> {
        let Some(waits) = self.store.read(|tx| tx.still_unverified(mail))? else { return Ok(News::default()) };
        let young = now.duration_since(waits.first_seen) < WAIT;
        if matches!(dkim, Dkim::Temporary(_)) && waits.share.is_word() && young && waits.tries < TRIES {
            return if waits.tries == TOLD { self.trouble(&Trouble::Dns, now) } else { Ok(News::default()) };
        }
        let is_answered = match dkim {
            Dkim::Pass(_) | Dkim::Fail(_) | Dkim::None => true,
            Dkim::Temporary(_) | Dkim::Unasked => false,
        };
        let raw = self.store.read(|tx| tx.raw(mail))?;
        let stowed = Stowed::whole(&waits, &raw, Some(dkim));
        let news = match self.handle(&[stowed], now) {
            Err(StoreError::Corrupt(_)) if waits.tries >= super::TRIES => {
                let aside = Stowed { quarantine: Some(UNREADABLE), ..Stowed::whole(&waits, &raw, None) };
                self.handle(&[aside], now)
            }
            done => done,
        }?;
        // Where nothing waits any more nothing may be asked for weeks, and what the people were told is over: what
        // came of their mail without an answer is told to each.
        self.store.write(|tx| {
            let is_over = is_answered || tx.unverified_mails()?.0 == 0;
            if is_over { tx.end_trouble(TroubleKind::Dns) } else { Ok(()) }
        })?;
        Ok(news)
    }

    /// The question that a mail would raise, whatever would depend on it. None, where our own server vouches, or
    /// calls it forged, or no signature deserves a look.
    pub fn question(&self, raw: &[u8], now: Timestamp) -> Asked {
        let mail = read_one(&Stowed::tried(raw, now, None)).0;
        let plain = identity::identify(&mail, &self.project.server, &Dkim::Unasked);
        match &mail.from {
            Ok(from) if self.project.dkim && !plain.believed() => {
                let refers = Claims::of(&mail, &self.project, &self.key);
                let sieved = signature::sieve(raw, &occasion(&mail, from, now, &self.project, &refers));
                if sieved.worth.is_empty() {
                    return Asked::Known(sieved.verdict());
                }
                Asked::Open(Question {
                    raw: raw.to_vec(),
                    from: from.clone(),
                    signatures: sieved.worth,
                    share: Share::Named,
                })
            }
            Ok(_) | Err(_) => Asked::Known(Dkim::Unasked),
        }
    }
}

/// How long until the keys of a person's mail are asked for again.
fn pause(tries: u32) -> SignedDuration {
    SignedDuration::from_mins((5_i64 << tries.min(4)).min(60))
}
