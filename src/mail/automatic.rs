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
pub fn is_daemon(local: &str) -> bool {
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
pub fn is_role(local: &str) -> bool {
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
mod tests {
    use super::{Automatic, Passed, is_role};
    use crate::mail::read::read;

    #[track_caller]
    fn check(header: &str, expect: Option<Automatic>) {
        let from = if header.contains("From:") { "" } else { "From: ann@example.org\r\n" };
        let mail = read(format!("{from}{header}\r\n\r\nHello.\r\n").as_bytes());
        assert_eq!(mail.automatic, expect, "{header}");
    }

    #[test]
    fn people_are_not_programs() {
        check("Subject: Security problem", None);
        check("Subject: Automatic reply servers can be looped", None);
        check("Auto-Submitted: No", None);
        check("X-Auto-Response-Suppress: All", None);
        check("Precedence: first-class", None);
        check("Return-Path: <ann@example.org>", None);
        check("X-Autogenerated: Mirror", None);
        check("Subject: Absence of a length check", None);
        check("Subject: Please confirm your message parser is affected", None);
        check("Subject: Ausência de validação no login", None);
        check("X-FC-MachineGenerated: false", None);
        check("Feedback-ID: 7:promo:example", None);
        check("X-Loop: x@example.org", None);
        check("List-Unsubscribe: <mailto:x@example.org>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click", None);
        check("Content-Type: multipart/mixed; boundary=b; report-type=delivery-status", None);
        let aggregate = "Content-Type: application/gzip; name=\"mx.example!example.org!1700000000!1700086400.xml.gz\"";
        check(&format!("Subject: XXE in your reader\r\n{aggregate}"), None);
        check(&format!("Subject: Report Domain: other.example Submitter: a.example Report-ID: 1\r\n{aggregate}"), None);
        check("Subject: Report domain: example.org Submitter: the form takes any Report-ID: see below", None);
        check("Subject: complaint about message from your server", None);
        check("Subject: Auto-reply from /contact leaks the internal host name", None);
        check("Subject: Out of office message leaks calendar entries", None);
        check("Subject: Automatic reply is sent to spoofed senders", None);
        check("Subject: Ticket received page leaks names", None);
        check("Subject: Request received [a] twice is confirmed", None);
        check("Content-Type: text/calendar; method=REQUEST", None);
        check("Content-Type: application/zip; name=poc.zip", None);
        check("Content-Type: application/zip; name=wow!such!a!poc.zip", None);
        check("From: \"Postmaster\" <bob@example.org>", None);
        check("From: norepy@example.org", None);
        check("Subject: Autoreplying daemons", None);
    }

    #[test]
    fn programs_are_told_by_what_they_write() {
        use Automatic::{
            AutoReplied, AutoSubmitted, Bounce, Bulk, Calendar, List, NullSender, Report, Responder, RoleSender,
            Subject,
        };
        check("Auto-Submitted: auto-replied", Some(AutoReplied));
        check("Auto-Submitted: auto-generated; owner-email=\"a@b.test\"", Some(AutoSubmitted));
        check("AUTO-SUBMITTED : auto-notified (x)", Some(AutoSubmitted));
        check("Return-Path: <>", Some(NullSender));
        check("Return-Path: < >", Some(NullSender));
        check("Return-Path: <>\r\nAuto-Submitted: auto-replied", Some(AutoReplied));
        check("Return-Path: <>\r\nSubject: Automatic reply: x", Some(Responder));
        check("Auto-Submitted: auto-generated\r\nSubject: Automatic reply: x", Some(Responder));
        check("Auto-Submitted: no\r\nSubject: Out of office", Some(Subject));
        check("X-Failed-Recipients: a@b.test", Some(Bounce));
        check("Content-Type: multipart/report; boundary=b; report-type=delivery-status", Some(Bounce));
        check("Content-Type: multipart/report; boundary=b; report-type=disposition-notification", Some(Report));
        check("Content-Type: Multipart/Report; boundary=b; report-type=feedback-report", Some(Report));
        check("TLS-Report-Domain: example.org", Some(Report));
        check("Feedback-Type: abuse", Some(Report));
        check("Content-Type: application/tlsrpt+json", Some(Report));
        let aggregate = "Subject: Report domain: example.org Submitter: mx.example Report-ID: <1>\r\n\
            Content-Type: application/gzip; name=\"mx.example!example.org!1700000000!1700086400.xml.gz\"";
        check(aggregate, Some(Report));
        check(&format!("{aggregate}\r\nIn-Reply-To: <1@example.org>"), None);
        check("Content-Type: text/calendar; charset=utf-8; method=REPLY", Some(Calendar));
        check("X-FC-MachineGenerated: true", Some(Responder));
        for subject in [
            "[Auto-Reply] Security",
            "=?utf-8?b?6Ieq5Yqo5Zue5aSNOiDlronlhag=?=",
            "=?utf-8?q?Automatick=C3=A1_odpov=C4=9B=C4=8F:_x?=",
            "Your email requires verification verify#1",
            "Automatic reply: Security",
            "Automatic reply from Joe Smith",
            "=?utf-8?q?R=C3=A9ponse_automatique_:_x?=",
            "Re: Out of Office",
            "Abwesenheitsnotiz: x",
            "Out of the office until Monday",
            "Out of office notification",
            "AUTO: Joe Smith is out of the office (returning 05/01/2027)",
            "Ticket Received - 2866 [SEC-1] About your report",
            "[Request received] Re: [SEC-12] New report",
            "Thank you for contacting us: [SEC-1] About your report",
        ] {
            check(&format!("Subject: {subject}"), Some(Subject));
        }
        check("Subject: [EXTERNAL] Re: [SEC-1] About your report", None);
        check("Precedence: bulk", Some(Bulk));
        check("Precedence: junk", Some(Bulk));
        check("Precedence: auto_reply", Some(Responder));
        check("Precedence: list", Some(List));
        check("List-Id: <x.example.org>", Some(List));
        check("X-Autoreply: yes", Some(Responder));
        check("X-Autorespond:", None);
        check("From: MAILER-DAEMON@example.org", Some(RoleSender));
        check("From: No-Reply <no-reply@example.org>", Some(RoleSender));
    }

    #[test]
    fn what_a_way_of_the_operators_adds_says_nothing() {
        let check = |header: &str, list, forwarder| {
            let signs = read(format!("From: ann@example.org\r\n{header}\r\n\r\nHello.\r\n").as_bytes()).signs;
            assert_eq!(
                (signs.automatic(Passed::List), signs.automatic(Passed::Forwarder)),
                (list, forwarder),
                "{header}"
            );
        };
        let both = |header: &str, why: Option<Automatic>| check(header, why, why);
        both("List-Id: <x.example.org>\r\nPrecedence: list", None);
        both("Precedence: bulk", None);
        check("Auto-Submitted: auto-generated", Some(Automatic::AutoSubmitted), None);
        both("Auto-Submitted: auto-replied", Some(Automatic::AutoReplied));
        both("Auto-Submitted: auto-generated\r\nSubject: Automatic reply: x", Some(Automatic::Responder));
        both("Return-Path: <>", Some(Automatic::NullSender));
        both("X-Autoreply: yes\r\nList-Id: <x.example.org>", Some(Automatic::Responder));
        both("Precedence: auto_reply", Some(Automatic::Responder));
        both("Subject: Out of office until Monday", Some(Automatic::Subject));
    }

    #[test]
    fn answers_of_calendars_are_told_from_reports_with_a_calendar() {
        let check = |rest: &str, expect| {
            let mail = read(format!("From: ann@example.org\r\nSubject: Accepted\r\n{rest}\r\n").as_bytes());
            assert_eq!(mail.automatic, expect, "{rest}");
        };
        let answer = Some(Automatic::Calendar);
        check("Content-Type: text/calendar; method=REPLY\r\n\r\nBEGIN:VCALENDAR", answer);
        check("Content-Type: text/calendar; charset=utf-8; method=\"Counter\"\r\n\r\nBEGIN:VCALENDAR", answer);
        check("Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR", None);
        check("Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY", None);
        let of = |kind: &str, how: &str| {
            format!(
                "Content-Type: multipart/{kind}; boundary=b\r\n\r\n--b\r\n\r\nSee you.\r\n\
                 --b\r\nContent-Type: text/calendar; method=REPLY\r\n{how}\r\nBEGIN:VCALENDAR\r\n--b--"
            )
        };
        check(&of("alternative", ""), answer);
        check(&of("mixed", ""), None);
        check(&of("alternative", "Content-Disposition: attachment; filename=poc.ics\r\n"), None);
        let inner = of("alternative", "").replace("boundary=b", "boundary=c").replace("--b", "--c");
        check(
            &format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{inner}\r\n--b\r\nContent-Type: application/ics\r\n\r\nx\r\n--b--"
            ),
            answer,
        );
    }

    #[test]
    fn mailboxes_of_programs() {
        for local in [
            "noreply",
            "No-Reply",
            "do_not_reply",
            "owner-list",
            "list-request",
            "list-bounces",
            "bounces+a=b",
            "noreply+x",
            "Postmaster",
        ] {
            assert!(is_role(local), "{local}");
        }
        for local in ["ann", "requester", "owner", "security", "replier", "ann-noreplyx"] {
            assert!(!is_role(local), "{local}");
        }
    }
}
