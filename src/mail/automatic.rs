//! Mail written by programs: what must never be answered.
//!
//! RFC 3834 section 2 and what responders write in practice. A header that only asks *not to be answered*
//! (X-Auto-Response-Suppress) is no sign of a program: people's mail from Exchange bears it.

mod subjects;

use super::header::{self, Header};
use super::parts::{Part, Parts};
use crate::vocabulary::{Address, MessageId};
use serde::{Deserialize, Serialize};

/// Why a mail counts as automatic. It changes only what we answer, never whether a person sees the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automatic {
    /// Auto-Submitted other than "no" and "auto-replied" (RFC 3834 section 5).
    AutoSubmitted,
    /// Auto-Submitted: auto-replied: the answer of a program to a mail.
    AutoReplied,
    /// A delivery report by its form.
    Bounce,
    /// The null return path, and nothing that says more: what must not be answered (RFC 5321 section 4.5.5).
    NullSender,
    /// A mail of ours, come back under another sender's name.
    Echo,
    /// Another report: read receipt, feedback, DMARC, TLS.
    Report,
    /// The answer to an invitation: a person pressed a button, a calendar wrote the mail (RFC 5546 section 3.2.3).
    Calendar,
    /// List-* headers or Precedence: list.
    List,
    /// Precedence: bulk or junk.
    Bulk,
    /// A header that responders write, or their subject under a null return path.
    Responder,
    /// The subject of an answering machine, of a ticket system that confirms, or of a machine that wants a sender to
    /// prove that they are a person; nothing in the header says so.
    Subject,
    /// The sender is a mailbox of a program: mailer-daemon, noreply, owner-….
    RoleSender,
}

impl Automatic {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::AutoSubmitted => "its header says that a program wrote it",
            Self::AutoReplied => "its header says that it is an automatic reply",
            Self::Bounce => "a delivery report",
            Self::NullSender => "it comes from nobody: its return path is empty",
            Self::Echo => "it bears the mark of a mail of ours",
            Self::Report => "a report about mail",
            Self::Calendar => "the answer to an invitation",
            Self::List => "mail of a list",
            Self::Bulk => "bulk mail",
            Self::Responder => "the answer of an answering machine",
            Self::Subject => "its subject is that of an answering machine",
            Self::RoleSender => "its sender is the mailbox of a program",
        }
    }

    /// Whether the mail says of itself that a program wrote it, so that any answer could come round again; else that is
    /// only what its way or its sender looks like.
    pub fn by_own_word(self) -> bool {
        match self {
            Self::AutoSubmitted
            | Self::AutoReplied
            | Self::Bounce
            | Self::Echo
            | Self::Report
            | Self::Calendar
            | Self::Responder
            | Self::Subject => true,
            Self::NullSender | Self::List | Self::Bulk | Self::RoleSender => false,
        }
    }
}

/// What a delivery report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounce {
    /// Whom the mail did not reach.
    pub recipients: Vec<Address>,
    /// The Message-IDs that the returned mail, or its header, bears.
    pub message_ids: Vec<MessageId>,
    /// What the returned mail answers: its References and In-Reply-To.
    pub references: Vec<MessageId>,
    /// What stands in the field by which we mark our own mail, in the returned mail.
    pub mark: Option<String>,
    /// What the server said, for the first of them (Diagnostic-Code, RFC 3464 section 2.3.6); empty where no field says.
    pub said: String,
    /// True when delivery has failed for good (RFC 3464 section 2.3.3 "failed"), false for "delayed" and the like.
    pub permanent: bool,
}

/// The report that a mail is as a whole, by its structure and never by its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A top-level multipart/report about a delivery (RFC 3464).
    Delivery,
    /// One about what became of a mail, a read receipt (RFC 8098).
    Disposition,
    /// One about TLS (RFC 8460 section 5.3).
    Tls,
    /// An aggregate report of DMARC (RFC 7489 section 7.2.1.1), and the domain that it is about.
    Aggregate(String),
    /// Feedback, such as a report of abuse (RFC 5965): a person looks at it.
    Feedback,
    /// Another, which no standard names; or a part of such a report as the whole mail.
    Other,
}

/// What the header and the form of a mail say of who wrote it. What follows is said by [`Signs::automatic`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// The report that it is.
    pub report: Option<Report>,
    /// The null return path, `<>` (RFC 5321 section 4.5.5).
    pub null_path: bool,
    /// The sender is the mailbox of a program.
    pub role: bool,
    /// The sender is a mail server that returns mail: mailer-daemon.
    pub daemon: bool,
    /// Its subject is that of a ticket system which confirms a mail with a number in brackets, perhaps of ours.
    pub confirms: bool,
    /// A returned mail, or the header of one, stands in it as a part; a copy pasted as text is none.
    pub returns: bool,
    calendar: bool,
    failed: bool,
    replied: bool,
    generated: bool,
    responder: bool,
    subject: bool,
    list: bool,
    bulk: bool,
}

/// Fields that only responders and ticket systems write; any value counts but those of [`WRITTEN_BY_NOBODY`].
const RESPONDER_FIELDS: &[&str] = &[
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-auto-response",
    "x-autogenerated",
    "x-mail-autoreply",
    "x-auto-submitted",
    "x-autoresponse",
    "x-vacation",
    "x-fc-machinegenerated",
    "x-cron-env",
];

/// Values that deny it, and those by which a mail server marks what it only passed on by a rule of its user: whoever
/// wrote such a mail may well be a person.
const WRITTEN_BY_NOBODY: &[&str] = &["", "no", "none", "false", "mirror", "forward", "redirect"];

impl Signs {
    /// Reads the signs of a mail. `sender` is its one plain sender, if it has one.
    pub fn of(header: &Header<'_>, sender: Option<&Address>, subject: &str, parts: &Parts<'_>) -> Self {
        let field = |name: &str| header.keyword(name).unwrap_or_default();
        // RFC 3834 section 5: a keyword, then perhaps parameters and comments.
        let submitted = field("auto-submitted");
        let submitted = submitted.split([';', '(', ' ']).next().unwrap_or_default();
        let written = |name: &&&str| !WRITTEN_BY_NOBODY.contains(&field(name).trim());
        let precedence = field("precedence") + &field("x-precedence");
        Self {
            report: Report::of(header, subject, parts),
            null_path: has_null_return_path(header),
            role: is_machine(header, sender),
            daemon: sender.map_or_else(|| names(header, DAEMONS), |s| is_daemon(s.local())) || is_returned_by(header),
            returns: parts.leaves.iter().any(is_returned),
            calendar: is_calendar_answer(parts),
            failed: header.first("x-failed-recipients").is_some(),
            replied: submitted == "auto-replied",
            generated: !submitted.is_empty() && submitted != "no" && submitted != "auto-replied",
            responder: RESPONDER_FIELDS.iter().find(written).is_some()
                || field("delivered-to").starts_with("autoresponder")
                || precedence.contains("auto"),
            subject: subjects::is_responder(subject),
            confirms: subjects::confirms(&subject.to_lowercase()),
            list: precedence.contains("list") || is_through_list(header),
            bulk: precedence.contains("bulk") || precedence.contains("junk"),
        }
    }

    /// Whether a program wrote the mail. What says most is asked first: its form, then its own word for itself, then
    /// where it came from. `passed` neutralises what the operator's own way adds to people's mail: the fields of lists
    /// and Precedence, and of a forwarder "auto-generated" too; never the answer of a machine, nor a null path.
    pub fn automatic(&self, passed: Passed) -> Option<Automatic> {
        let (direct, forwarded) = (passed == Passed::Directly, passed == Passed::Forwarder);
        let said = [
            (self.report == Some(Report::Delivery) || self.failed, Automatic::Bounce),
            (self.report.is_some(), Automatic::Report),
            (self.calendar, Automatic::Calendar),
            (self.replied, Automatic::AutoReplied),
            (self.responder || self.subject && (self.null_path || self.generated), Automatic::Responder),
            (self.generated && !forwarded, Automatic::AutoSubmitted),
            (self.subject, Automatic::Subject),
            (self.null_path, Automatic::NullSender),
            (self.list && direct, Automatic::List),
            (self.bulk && direct, Automatic::Bulk),
            (self.role, Automatic::RoleSender),
        ];
        said.into_iter().find(|(is, _)| *is).map(|(_, why)| why)
    }

    /// Whether it says of itself, or by its subject, that its sender is away.
    pub fn away(&self) -> bool {
        self.responder || self.subject
    }

    /// Whether it has what mail servers return mail with: the null path, their mailbox, or their field.
    pub fn by_mail_server(&self) -> bool {
        self.null_path || self.daemon || self.failed
    }
}

/// The way by which a mail came to us, for what its header says: see [`crate::intake::through`]. The last adds the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passed {
    /// None that the operator named.
    Directly,
    /// A mailing list of the operator's.
    List,
    /// A forwarder of the operator's.
    Forwarder,
}

impl Report {
    fn of(header: &Header<'_>, subject: &str, parts: &Parts<'_>) -> Option<Self> {
        let top = &parts.top;
        let delivers =
            |p: &Part<'_>| p.media == "message/delivery-status" || p.media == "message/global-delivery-status";
        match (top.media.as_str(), top.report_type.as_deref()) {
            ("multipart/report", Some("delivery-status")) => Some(Self::Delivery),
            ("multipart/report", None) if parts.leaves.iter().any(delivers) => Some(Self::Delivery),
            ("multipart/report", Some("disposition-notification")) => Some(Self::Disposition),
            ("multipart/report", Some("tlsrpt")) => Some(Self::Tls),
            ("multipart/report", Some("feedback-report")) | ("message/feedback-report", _) => Some(Self::Feedback),
            _ if header.first("feedback-type").is_some() => Some(Self::Feedback),
            ("multipart/report" | "message/disposition-notification", _)
            | ("application/tlsrpt+gzip" | "application/tlsrpt+json", _) => Some(Self::Other),
            _ if header.first("tls-report-domain").is_some() => Some(Self::Other),
            _ => aggregate(header, subject, parts).map(Self::Aggregate),
        }
    }
}

/// The domain of an aggregate report of DMARC: the subject is in the RFC's form, and there is one archive, which names
/// the same domain, and nothing else attached. A person who sends such an archive as a proof writes something else in
/// the subject, or answers a mail.
fn aggregate(header: &Header<'_>, subject: &str, parts: &Parts<'_>) -> Option<String> {
    let mut attached = parts.leaves.iter().filter(|p| !p.is_inline_text() || p.name.is_some());
    let (archive, None) = (attached.next()?, attached.next()) else { return None };
    let domain = archive_domain(&archive.name.as_deref()?.to_ascii_lowercase())?;
    let subject = subject.to_ascii_lowercase();
    // One large sender puts a word in brackets before it.
    let plain = subject.strip_prefix('[').and_then(|s| s.split_once(']')).map_or(subject.as_str(), |(_, rest)| rest);
    let (of, rest) = plain.trim_start().strip_prefix("report domain:")?.split_once("submitter:")?;
    let (submitter, id) = rest.split_once("report-id:")?;
    let one = |text: &str| text.split_whitespace().count() == 1;
    let answers = header.first("in-reply-to").is_some();
    (one(of) && one(submitter) && one(id) && of.trim() == domain && !answers).then_some(domain)
}

/// receiver!domain!begin!end, perhaps with a number more, as the RFC names the file.
fn archive_domain(name: &str) -> Option<String> {
    let stem = [".xml.gz", ".xml", ".zip", ".gz"].iter().find_map(|end| name.strip_suffix(end))?;
    let words: Vec<&str> = stem.split('!').collect();
    let [_, domain, begin, end, ..] = words.as_slice() else { return None };
    let instant = |word: &str| word.len() >= 9 && word.bytes().all(|c| c.is_ascii_digit());
    (words.len() <= 5 && instant(begin) && instant(end)).then(|| (*domain).to_owned())
}

/// Whether a part is a mail that is returned, or its header (RFC 3464 section 2, RFC 6533 section 5).
pub(super) fn is_returned(part: &Part<'_>) -> bool {
    let returned = ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"];
    returned.contains(&part.media.as_str())
}

/// Whether the sender is a program: by the one address, and where there is none, by what stands in its place.
fn is_machine(header: &Header<'_>, sender: Option<&Address>) -> bool {
    let machines = || names(header, DAEMONS) || names(header, &["postmaster", "system administrator"]);
    sender.map_or_else(machines, |s| is_role(s.local()))
}

/// How mail servers that return mail are called in a From that is no plain address, such as "MAILER-DAEMON" alone.
const DAEMONS: &[&str] = &["mailer-daemon", "mail-daemon", "mailer_daemon", "mail delivery"];

fn names(header: &Header<'_>, names: &[&str]) -> bool {
    let from = header.keyword("from").unwrap_or_default();
    names.iter().any(|name| from.contains(name))
}

/// The envelope sender is a mail server that returns mail: the null path, or what some wrote in its place.
fn is_returned_by(header: &Header<'_>) -> bool {
    let path = header.first("return-path").map(header::addresses).unwrap_or_default();
    path.iter().any(|a| is_daemon(a.local()))
}

/// Whether a local part is that of the daemon of a mail server.
pub(crate) fn is_daemon(local: &str) -> bool {
    let bare: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    ["mailerdaemon", "maildaemon", "mdaemon", "maildeliverysystem", "maildeliverysubsystem"]
        .iter()
        .any(|name| bare.eq_ignore_ascii_case(name))
}

/// `Return-Path: <>`: the envelope of all that must not be answered (RFC 5321 section 4.5.5).
fn has_null_return_path(header: &Header<'_>) -> bool {
    header.first("return-path").is_some_and(|v| v.iter().filter(|c| !c.is_ascii_whitespace()).eq(b"<>"))
}

/// RFC 2369, RFC 2919. List-Unsubscribe says nothing: services that carry people's mail write it as well.
fn is_through_list(header: &Header<'_>) -> bool {
    let fields = [
        "list-id",
        "list-post",
        "list-help",
        "list-archive",
        "list-subscribe",
        "list-owner",
        "mailing-list",
        "x-mailing-list",
        "x-beenthere",
        "x-mailman-version",
        "x-listname",
    ];
    fields.iter().any(|name| header.first(name).is_some())
}

/// "Accepted", "declined", "another time?": the calendar part is the mail itself, or stands for its text. A report that
/// has such a file attached is a report.
fn is_calendar_answer(parts: &Parts<'_>) -> bool {
    let answers = |p: &Part<'_>| {
        p.media == "text/calendar"
            && matches!(p.method.as_deref(), Some("reply" | "counter" | "declinecounter" | "refresh"))
    };
    parts.leaves.iter().any(|p| answers(p) && !p.attached && (p.alternative.is_some() || parts.leaves.len() == 1))
}

/// Whether a local part is that of a program (RFC 5230 section 4.6, and what is common).
pub(crate) fn is_role(local: &str) -> bool {
    let local = local.to_ascii_lowercase();
    let name = local.split('+').next().unwrap_or_default();
    let bare: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let whole = [
        "maileradmin",
        "postmaster",
        "noreply",
        "donotreply",
        "dontreply",
        "noresponse",
        "bounce",
        "bounces",
        "majordomo",
        "listserv",
        "autoreply",
        "autoresponder",
        "autoresponse",
        "vacation",
        "nobody",
    ];
    let ends = ["-request", "-bounces", "-bounce", "-owner", "-noreply", ".noreply", "_noreply", "-no-reply"];
    let starts = ["owner-", "mailer-daemon", "noreply-", "no-reply-", "bounce-", "bounces-", "bounces+", "noreply."];
    whole.contains(&bare.as_str())
        || is_daemon(&bare)
        || ends.iter().any(|e| name.ends_with(e))
        || starts.iter().any(|s| local.starts_with(s))
}

#[cfg(test)]
mod tests;
