//! Whose fault it is that a step did not succeed: this mail's or its recipient's, or ours. A refusal of ours, taken for the
//! recipient's, would burn the whole queue, one notice after the other.
//!
//! A refusal is ours where every recipient would be refused alike: our client, sender, login or quota. All that comes
//! before the recipient is named is. After that it is told by the enhanced code (RFC 3463) where that names the mailbox or
//! the content, and by the words: servers share 550 5.7.1 between "no relaying", "not your address", "no such user" and
//! "spam". Where neither says it, the answer is that it is unclear, and the outbox waits for how other mail fares.

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use crate::net::NetError;
use crate::sasl::Secrets;
use crate::vocabulary::{Outcome, Said, Stage, clean_line};

/// How much of a reply is kept, in characters.
pub(super) const REPLY: usize = 200;

/// Why a step did not succeed.
#[derive(Debug)]
pub(super) enum Cause {
    /// The server answered, and not as hoped.
    Reply(u16, String),
    /// There was no usable answer.
    Broken(String),
    /// Not the server's doing, or not to be mended by waiting.
    Ours(String),
}

impl Cause {
    pub(super) fn too_slow() -> Self {
        Self::Broken("no answer in time".into())
    }

    pub(super) fn said(response: &Response) -> Self {
        let text: Vec<&str> = response.message().collect();
        Self::Reply(u16::from(response.code()), text.join(" "))
    }

    /// All that is told on of what the server said.
    pub(super) fn text(&self, secrets: &Secrets) -> String {
        match self {
            Self::Reply(code, text) => clean_line(&format!("{code} {}", secrets.tell(text)), REPLY),
            Self::Broken(text) | Self::Ours(text) => secrets.tell(text).to_string(),
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        let detail = || std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        match error.status() {
            Some(code) => Self::Reply(u16::from(code), detail()),
            None if error.is_client() => Self::Ours(detail()),
            None => Self::Broken(error.to_string()),
        }
    }
}

impl From<NetError> for Cause {
    fn from(error: NetError) -> Self {
        let text = error.to_string();
        match error {
            NetError::Connect(..) => Self::Broken(text),
            // What rustls objects to (a certificate, no TLS at all) does not pass; a lost connection does.
            NetError::Tls(_, e, _) if e.kind() != std::io::ErrorKind::InvalidData => Self::Broken(text),
            NetError::Tls(..) | NetError::Authorities(..) | NetError::Name(_) => Self::Ours(text),
        }
    }
}

/// What an unsuccessful step means. Nothing was accepted yet, or the server has said so.
pub(super) fn judge(stage: Stage, cause: Cause, secrets: &Secrets) -> Outcome {
    let said = Said::at(stage, cause.text(secrets));
    // Before the recipient is named: no other mail would fare better.
    let way = match stage {
        Stage::Connect | Stage::Tls | Stage::Hello | Stage::Auth | Stage::Mail => true,
        Stage::Rcpt | Stage::Data | Stage::Content => false,
    };
    match cause {
        Cause::Ours(_) => Outcome::Closed(said),
        Cause::Reply(code @ 500..=599, text) => match whose(code, &Reply::of(&text)) {
            _ if way => Outcome::Closed(said),
            Whose::Ours => Outcome::Closed(said),
            Whose::Mails => Outcome::Refused(said),
            Whose::Unclear => Outcome::Unclear(said),
        },
        Cause::Reply(code @ 400..=499, text) => {
            let reply = Reply::of(&text);
            if is_too_fast(code, &reply) {
                Outcome::Slower(said)
            } else if way || code == 421 || reply.is_ours() {
                Outcome::Away(said)
            } else {
                Outcome::Deferred(said)
            }
        }
        // No answer, or one that answers something else. A connection may also be lost because of what this mail is.
        Cause::Reply(..) | Cause::Broken(_) => match stage {
            Stage::Connect | Stage::Tls | Stage::Hello | Stage::Auth => Outcome::Away(said),
            Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Content => Outcome::Deferred(said),
        },
    }
}

/// Whose fault a lasting refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// That of this mail or of its recipient.
    Mails,
    /// Ours.
    Ours,
    /// The words do not say.
    Unclear,
}

/// Of a lasting refusal once the recipient is named.
fn whose(code: u16, reply: &Reply) -> Whose {
    // Unknown command, bad sequence, a server that takes no mail (RFC 7504), authentication required or failed
    // (RFC 4954 section 6).
    if matches!(code, 500 | 502 | 503 | 521 | 525 | 530 | 534 | 535 | 538) {
        return Whose::Ours;
    }
    // What names a sender says so before it quotes why: "Sender address rejected: User unknown".
    if reply.names_sender() {
        return Whose::Ours;
    }
    match reply.enhanced.as_deref() {
        // Address and mailbox of the recipient, size and content of the mail.
        Some(
            "5.1.1" | "5.1.2" | "5.1.3" | "5.1.4" | "5.1.6" | "5.1.9" | "5.1.10" | "5.2.1" | "5.2.2" | "5.2.3"
            | "5.2.4" | "5.2.122" | "5.3.4",
        ) => return Whose::Mails,
        Some(code) if code.starts_with("5.6.") => return Whose::Mails,
        // The sender's mailbox (RFC 3463 section 3.2, RFC 7505), a spent quota, a login that is missing,
        // wrong or of a forbidden kind, and where Microsoft refuses whoever the recipient is.
        Some(
            "5.1.7" | "5.1.8" | "5.1.90" | "5.2.252" | "5.4.5" | "5.7.3" | "5.7.8" | "5.7.14" | "5.7.27" | "5.7.30"
            | "5.7.57" | "5.7.60" | "5.7.64" | "5.7.139" | "5.7.232" | "5.7.233" | "5.7.236" | "5.7.705" | "5.7.708"
            | "5.7.750",
        ) => return Whose::Ours,
        Some(code) if ["5.7.50", "5.7.51", "5.7.60"].iter().any(|c| code.len() == 7 && code.starts_with(c)) => {
            return Whose::Ours;
        }
        _ => {}
    }
    if reply.is_ours() {
        Whose::Ours
    } else if reply.says_any(MAILS) {
        Whose::Mails
    } else {
        Whose::Unclear
    }
}

/// Of a passing refusal: whether it is for the number or the pace of our mails. A greylist, or a recipient who gets too
/// much, is neither.
fn is_too_fast(code: u16, reply: &Reply) -> bool {
    let other = ["greylist", "graylist", "grey-list", "gray-list", "recipient", "receiving mail", "mailbox"];
    if reply.says_any(&other) {
        return false;
    }
    let policy = reply.enhanced.as_deref().is_some_and(|e| e.starts_with("4.7."));
    // 454: what checks passwords or speaks TLS is away (RFC 4954 section 6, RFC 3207 section 4.1).
    code != 454 && policy && !reply.names_sender() || reply.says_any(PACE) || code == 421 && reply.says("too ")
}

/// What a server said, in lower case.
struct Reply {
    enhanced: Option<String>,
    text: String,
}

impl Reply {
    fn of(text: &str) -> Self {
        // Mostly the first word, and with qmail the last: "(#5.1.1)".
        let bare = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()));
        Self { enhanced: bare.filter(|w| is_enhanced(w)).map(str::to_owned).next(), text: text.to_ascii_lowercase() }
    }

    fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    fn says_any(&self, all: &[&str]) -> bool {
        all.iter().any(|words| self.says(words))
    }

    /// Whether it is about the sender, in the envelope or in the header.
    fn names_sender(&self) -> bool {
        self.says_any(SENDER)
    }

    /// Whether it is about our client, sender, login, account or quota.
    fn is_ours(&self) -> bool {
        // The list that a recipient stands in, or a host that is named in passing, is no word on relaying.
        let relaying = self.says("relay") && self.says_any(DENIED) && !self.says("relay recipient table");
        let quota = self.says_any(&["limit", "quota", "exceed", "too many", "too much"]) && self.says_any(OUR_QUOTA);
        self.names_sender() || relaying || quota || self.says_any(OURS)
    }
}

/// RFC 3463 section 2: a class, a subject and a detail.
fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number) && matches!(parts.first(), Some(&("4" | "5")))
}

/// About who sends.
const SENDER: &[&str] = &[
    "sender address",
    "sender verif",
    "sender rejected",
    "sender denied",
    "sender domain",
    "sender identi",
    "sender signature",
    "sender is not allowed",
    "sender not allowed",
    "sender is not authorized",
    "sender unauthorized",
    "sender mismatch",
    "invalid sender",
    "outbound sender",
    "unauthorized sender",
    "unverified sender",
    "not owned by",
    "sendasdenied",
    "send as",
    "send on behalf",
    "from address",
    "from: address",
    "from header",
    "from field",
    "header from",
    "mail from",
    "mailfrom",
    "envelope from",
    "envelope-from",
    "envelope sender",
    "return-path",
    "return path",
    "is not verified",
    "must equal auth",
    "same as auth",
];

/// Words that refuse, beside "relay".
const DENIED: &[&str] = &[
    "denied",
    "not permitted",
    "not allowed",
    "disallowed",
    "prohibited",
    "unable",
    "cannot",
    "do not",
    "does not",
    "no relay",
    "refused",
    "rejected",
];

/// Whose quota it is, beside "exceeded": not a mailbox that is full.
const OUR_QUOTA: &[&str] = &[
    "send",
    "daily",
    "hour",
    "per day",
    "per minute",
    "messages per",
    "emails per",
    "mails per",
    "outgoing",
    "outbound",
    "submission",
    "rate",
    "recipients",
    "your ",
    "from you",
];

/// Words on the pace or the number of our mails.
const PACE: &[&str] = &[
    "throttl",
    "rate limit",
    "ratelimit",
    "rate exceeded",
    "sending rate",
    "too fast",
    "too quickly",
    "too many",
    "too much mail",
    "too often",
    "slow down",
    "limit exceeded",
    "exceeded the rate",
    "exceeded the max",
    "quota exceeded",
    "concurren",
    "temporarily deferred",
];

/// About our client, login or account.
const OURS: &[&str] = &[
    // The client.
    "client host",
    "client address",
    "helo",
    "ehlo",
    "blocked using",
    "sending ip",
    "your ip",
    "your host",
    "your server",
    "your connection",
    "unauthorized ip",
    "connections not accepted",
    // The login.
    "authentication required",
    "authentication failed",
    "authentication is required",
    "authentication unsuccessful",
    "authentication needed",
    "auth required",
    "must authenticate",
    "not authenticated",
    "unauthenticated",
    "not logged in",
    "login required",
    "log in first",
    "must be logged",
    "smtp auth",
    "before smtp",
    "check for new mail first",
    // The account.
    "account suspended",
    "has been suspended",
    "is suspended",
    "been blocked from sending",
    "blocked from sending",
    "your account",
    "your domain",
    "your organization",
    "your subscription",
    "your plan",
    "your tenant",
    "your daily",
    "you are not allowed",
    "you are not authorized",
    "you're not",
    "you must",
    "you have reached",
    "you have exceeded",
    "you've",
    "you need to",
    "you cannot send",
    "not allowed to send",
    "not permitted to send",
    "not authorized to send",
    "cannot send",
    "unusual sending",
    "sending activity",
    "sending suspended",
    "sending paused",
    "sending disabled",
    "outgoing mail",
    "outbound mail",
    "outbound spam",
    "submissionquota",
    "compromised",
    "sandbox",
    "test purposes",
    "billing",
    "unpaid",
];

/// About the recipient, or about the mail.
const MAILS: &[&str] = &[
    "user unknown",
    "unknown user",
    "unknown recipient",
    "recipient unknown",
    "addressee unknown",
    "unknown address",
    "no such user",
    "no such recipient",
    "no such address",
    "no such mailbox",
    "no such person",
    "no such domain",
    "no mailbox",
    "user not found",
    "mailbox not found",
    "recipient not found",
    "not found in",
    "not exist",
    "n't exist",
    "doesn't have a",
    "not our customer",
    "invalid recipient",
    "invalid mailbox",
    "invalid address",
    "invalid-recipient",
    "bad address",
    "bad destination",
    "is no longer valid",
    "no longer active",
    "not a valid email",
    "not a valid mailbox",
    "not a known user",
    "not in recipient list",
    "unroutable",
    "unrouteable",
    "domain not found",
    "host unknown",
    "mailbox full",
    "mailbox is full",
    "mailbox for user is full",
    "over quota",
    "overquota",
    "mailbox is disabled",
    "account is disabled",
    "account disabled",
    "recipient has exceeded",
    "is receiving mail at a rate",
    "message size",
    "message too",
    "too large",
    "too big",
    "size limit",
    "virus",
    "malware",
    "infected",
    "attachment",
    "banned content",
];

#[cfg(test)]
mod tests;
