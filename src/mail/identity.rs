//! Who wrote a mail, and how sure that is.
//!
//! The From line is free text. What is believed is what somebody vouches for, and only for the bytes that they vouch for:
//!
//! - **Our own server's results** (RFC 8601), where no sender can have written them: see [`super::results`]. A pass that is
//!   shown to be by the envelope (SPF) vouches for the whole mail as it arrived. One that may be by a signature
//!   vouches for nothing here: the signature may be sent again by somebody else, with another header, so it is checked
//!   by ourselves.
//! - **A DKIM signature** (RFC 6376) by the domain of the From, or by one that the config names for that person, checked by
//!   ourselves: it vouches for the body and the fields that it names. See [`super::signature`] for which count.
//! - **A seal** (ARC, RFC 8617) by the one provider that the config names, checked likewise: it says what that provider
//!   found out, and vouches for the body and the fields that it names.
//!
//! What our own server calls forged, wherever that stands, is believed by our own check of a signature alone.

use super::Mail;
use super::passage::Passage;
use super::results::{self, Outcome};
use super::signature::{Dkim, Proof};
use crate::provider::Server;

/// The verdict on the From line of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it comes to (rule 2 of the authority rules).
    pub verdict: Verdict,
    /// The domains that had a hand in the mail, as our own server's results or our own check say: those that signed or
    /// sealed it, and that of its envelope.
    pub vouched: Vec<String>,
    /// A check failed for now only: later it may vouch.
    pub unsure: bool,
    /// The verdict in words.
    pub reason: String,
    /// Each thing that was looked at.
    pub checks: Vec<Check>,
}

/// What all that was looked at comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody vouches for the sender.
    Vouched(Vouch),
    /// Nobody does.
    Unvouched,
    /// Somebody did, for what was obeyed as another mail.
    Spent,
    /// Nobody does, and our own server calls the sender forged (`dmarc=fail`).
    Forged,
}

/// Who vouches for a sender, and for which bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouch {
    /// Who.
    pub by: Proof,
    /// Whether a signature of the sender's is good, as we or our own server found: then the mail cannot be repeated, since
    /// no other one that bears the signature is believed once this one was. A signature that merely stands in the mail
    /// shows nothing: whoever can send in that name by the envelope can put one there.
    pub signed: bool,
    /// The fields that it vouches for, lower case, beside the body; `None` for the whole mail as it arrived.
    fields: Option<Vec<String>>,
}

impl Vouch {
    /// Whether it vouches for the whole mail as it arrived.
    pub fn is_whole(&self) -> bool {
        self.fields.is_none()
    }

    /// Whether it vouches for the header fields of that name, all that are there.
    pub fn covers(&self, name: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|f| f == name))
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub by: Proof,
    /// Whether it vouches.
    pub passed: bool,
    /// The verdict in words.
    pub reason: String,
}

impl Identity {
    /// Who vouches for the sender.
    pub fn vouch(&self) -> Option<&Vouch> {
        if let Verdict::Vouched(vouch) = &self.verdict { Some(vouch) } else { None }
    }

    /// Whether anybody vouches for the sender.
    pub fn believed(&self) -> bool {
        self.vouch().is_some()
    }

    /// What it comes to where the mail was obeyed before, as another one: whoever vouches, vouches for that one.
    pub fn spent(self) -> Self {
        let reason = "it was obeyed before, in another mail".to_owned();
        let checks = self.checks.into_iter().map(|check| Check { passed: false, ..check }).collect();
        Self { verdict: Verdict::Spent, unsure: false, reason, checks, ..self }
    }

    /// Whether our own server calls the sender forged, and nobody vouches.
    pub fn forged(&self) -> bool {
        self.verdict == Verdict::Forged
    }
}

/// Decides whether anybody vouches for the sender of a mail. `server` runs our mailbox; `dkim` is what is known of the
/// signatures.
pub fn identify(mail: &Mail, server: &Server, dkim: &Dkim) -> Identity {
    let Ok(from) = &mail.from else {
        let reason = "it has no sender that is one plain address".to_owned();
        let (checks, vouched) = (Vec::new(), Vec::new());
        let forged = mail.answerable.as_ref().is_some_and(|a| results::calls_forged(mail, server, a.domain()));
        let verdict = if forged { Verdict::Forged } else { Verdict::Unvouched };
        return Identity { verdict, vouched, unsure: false, reason, checks };
    };
    let counted = results::counted(mail, server);
    let mut vouched = counted.as_ref().map_or(Vec::new(), |counted| domains(mail, &counted.outcomes));
    let said = results::of_sender(mail, from, counted.as_ref());
    let forged = results::calls_forged(mail, server, from.domain());
    let mut checks =
        vec![Check { by: Proof::AuthenticationResults, passed: said.passed && !forged, reason: said.reason }];
    let mut vouch = Some(Vouch { by: Proof::AuthenticationResults, signed: said.signed, fields: None })
        .filter(|_| said.passed && !forged);
    if let Dkim::Pass(signed) = dkim {
        vouched.push(signed.domain.clone());
        if signed.by == Proof::Arc {
            vouched.extend(results::sealed(mail, server).iter().flat_map(|outcomes| domains(mail, outcomes)));
        }
        if signed.of_sender && (signed.by == Proof::Dkim || !forged) {
            vouch = vouch.or_else(|| Some(Vouch { by: signed.by, signed: true, fields: Some(signed.fields.clone()) }));
        }
    }
    let by = if let Dkim::Pass(signed) = dkim { signed.by } else { Proof::Dkim };
    let passed = vouch.as_ref().is_some_and(|v| v.by == by);
    checks.extend(dkim.words().map(|reason| Check { by, passed, reason }));
    let reason = match &vouch {
        Some(vouch) => checks.iter().find(|c| c.by == vouch.by).map(|c| c.reason.clone()).unwrap_or_default(),
        None => checks.iter().map(|c| c.reason.as_str()).collect::<Vec<_>>().join("; "),
    };
    let unsure = vouch.is_none() && !forged && matches!(dkim, Dkim::Temporary(_));
    let verdict = match vouch {
        Some(vouch) => Verdict::Vouched(vouch),
        None if forged => Verdict::Forged,
        None => Verdict::Unvouched,
    };
    Identity { verdict, vouched, unsure, reason, checks }
}

/// The domains that passed a check (RFC 8601 section 2.7): by signature, by the sender's policy, by envelope, by seal.
fn domains(mail: &Mail, outcomes: &[Outcome]) -> Vec<String> {
    let mut domains = Vec::new();
    for outcome in outcomes.iter().filter(|o| o.result == "pass") {
        let names: &[&str] = match outcome.method.as_str() {
            "dkim" => &["header.d", "header.i"],
            "dmarc" => &["header.from"],
            "spf" => &["smtp.mailfrom"],
            "arc" => {
                domains.extend(mail.passage.sealer.clone());
                &[]
            }
            _ => &[],
        };
        domains.extend(names.iter().flat_map(|name| outcome.domains(name)));
    }
    domains
}

/// Whether a server on the way wrote down, when it took the mail, that a sender of that domain was forged. Our own
/// server's words are not among these: what it says of the sender it says after the way has changed the mail.
pub(crate) fn recorded_as_forged(passage: &Passage, domain: &str, server: &Server) -> bool {
    let fails = |line: &str| results::parse(line).1.is_some_and(|all| all.iter().any(|o| o.is_dmarc("fail", domain)));
    // Of the sealed ones ours is the last, if any is: the way may have the same server.
    let last = passage.sealed.iter().filter_map(|line| results::numbered(line).0).max();
    let sealed = passage.sealed.iter().any(|full| {
        let (number, line) = results::numbered(full);
        let own = number.is_some() && number == last && server.is_ours(results::parse(line).0.as_deref());
        !own && fails(line)
    });
    sealed || passage.recorded.iter().any(|line| fails(line))
}

#[cfg(test)]
mod tests;
