//! What the tests of the core share: a project, a key, letters as they come over the network, and answers to notices.

use std::fmt::Write as _;
use std::path::Path;

use calcard::icalendar::{ICalendarComponentType, ICalendarProperty, ICalendarValue};
use data_encoding::BASE64;
use disclosed::testing::config::Config;
use disclosed::testing::mail::{Mail, read};
use disclosed::testing::store::Place;
use disclosed::testing::token::{KEY_LENGTH, Key};
use disclosed::testing::tracker::{Arrival, Tracker};
use disclosed::testing::vocabulary::Address;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Where reports go.
pub(crate) const PROJECT: &str = "security@example.org";
/// Whose Authentication-Results are believed.
pub(crate) const AUTHSERV: &str = "mx.example.org";

const HEAD: &str = r#"
[project]
name = "Example"
address = "security@example.org"

[inbox]
maildir = "Maildir"

[outgoing]
maildir = "Outgoing"
"#;

/// The people of most tests: two who handle reports, one of them the lead, and one who hears what nobody answered.
const PEOPLE: &str = r#"
[[person]]
name = "Dana"
address = "dana@example.org"

[[person]]
name = "Lee"
address = "lee@example.org"
roles = ["maintainer", "lead"]

[[person]]
name = "Eve"
address = "eve@board.example"
roles = ["escalation"]
"#;

/// A config: what `text` says, and what is usual where it is silent.
pub(crate) fn config(text: &str) -> Config {
    let lacks = |table: &str| !text.lines().any(|l| l.trim() == table);
    let mut all = text.to_owned();
    for (table, usual) in [
        ("[project]", HEAD),
        ("[[person]]", PEOPLE),
        ("[identity]", "\n[identity]\nauthserv_ids = [\"mx.example.org\"]\n"),
        ("[policy]", "\n[policy]\ntimezone = \"Europe/Berlin\"\n"),
        ("[reports]", "\n[reports]\ndigest = \"never\"\n"),
    ] {
        if lacks(table) {
            all.push_str(usual);
        }
    }
    Config::parse(&all, Path::new("tests/configs/config.toml")).unwrap_or_else(|e| panic!("{e}\n{all}"))
}

/// The key of all tests, so that tokens are the same each time.
pub(crate) fn key() -> Key {
    Key::new([7; KEY_LENGTH])
}

/// What our own mail server says about a sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing.
    #[default]
    Silent,
    /// `dmarc=pass` by the envelope, and a signature, as most providers make one.
    Vouched,
    /// The same without a signature.
    Unsigned,
    /// `dmarc=fail`.
    Forged,
}

/// A mail from outside in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    /// Its sender; `None` for a mail without a From.
    pub(crate) from: Option<String>,
    /// Where it goes; the project when empty.
    pub(crate) to: String,
    /// What our own mail server says about the sender.
    pub(crate) proof: Proof,
    /// Its Message-ID, with angle brackets; none when empty.
    pub(crate) id: String,
    /// When it was written.
    pub(crate) date: Timestamp,
    /// More header lines. One that is there already replaces what is usual; `Above: …` puts one on top of all, where our
    /// mail server writes.
    pub(crate) headers: Vec<String>,
    /// Its body, with `\xNN` for octets that are no text.
    pub(crate) body: String,
}

impl Letter {
    /// The bytes as our mail server hands them over.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text: String =
            self.headers.iter().filter_map(|h| h.strip_prefix("Above: ")).map(|h| format!("{h}\n")).collect();
        let from = self.from.as_deref().unwrap_or_default();
        let domain = from.rsplit_once('@').map_or("nowhere.example", |(_, d)| d);
        let verdict = match self.proof {
            Proof::Silent => None,
            Proof::Vouched | Proof::Unsigned => Some("pass"),
            Proof::Forged => Some("fail"),
        };
        if let Some(verdict) = verdict {
            let signed =
                if self.proof == Proof::Vouched { format!("; dkim=pass header.d={domain}") } else { String::new() };
            writeln!(
                text,
                "Authentication-Results: {AUTHSERV}; spf={verdict} smtp.mailfrom={domain}{signed}; dmarc={verdict} header.from={domain}"
            )
            .unwrap();
        }
        let date = self.date.strftime("%a, %d %b %Y %H:%M:%S +0000");
        writeln!(text, "Received: from mail.{domain} by {AUTHSERV} with ESMTPS; {date}").unwrap();
        if self.proof == Proof::Vouched {
            let signed = BASE64.encode(&Sha256::digest(format!("{}{}", self.id, self.body)));
            writeln!(
                text,
                "DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1; h=from:to:subject:date; bh=YQ==; b={signed}"
            )
            .unwrap();
        }
        let own = |name: &str| self.headers.iter().any(|h| h.to_ascii_lowercase().starts_with(name));
        if self.from.is_some() && !own("from:") {
            writeln!(text, "From: {from}").unwrap();
        }
        if !own("to:") {
            writeln!(text, "To: {}", if self.to.is_empty() { PROJECT } else { &self.to }).unwrap();
        }
        if !own("date:") {
            writeln!(text, "Date: {date}").unwrap();
        }
        if !self.id.is_empty() && !own("message-id:") {
            writeln!(text, "Message-ID: {}", self.id).unwrap();
        }
        if !own("content-type:") {
            text.push_str("Content-Type: text/plain; charset=utf-8\n");
        }
        for header in self.headers.iter().filter(|h| !h.starts_with("Above: ")) {
            writeln!(text, "{header}").unwrap();
        }
        write!(text, "\n{}", self.body).unwrap();
        octets(&text.replace('\n', "\r\n"))
    }
}

/// `\xNN` as the octet that it stands for.
fn octets(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let hex = part.split_at_checked(2);
        match hex.and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest))) {
            Some((octet, rest)) => {
                out.push(octet);
                out.extend_from_slice(rest.as_bytes());
            }
            None => out.extend_from_slice(format!("\\x{part}").as_bytes()),
        }
    }
    out
}

/// A field of a notice's header, unfolded.
pub(crate) fn field(notice: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(notice).replace("\r\n ", " ");
    let head = text.split_once("\r\n\r\n").map_or(text.as_str(), |(head, _)| head).to_owned();
    head.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
}

/// A mail that came into the watched folder; one that a person hands over is believed by nothing.
pub(crate) fn found(tracker: &mut Tracker, raw: Vec<u8>) -> Arrival {
    static NAME: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let name = format!("found {}", NAME.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let (source, _) = tracker.unseen("found", &[]).unwrap();
    let (size, place) = (raw.len() as u64, Some(Place { source, name }));
    Arrival { raw, size, internal_date: None, not_before: None, place, listing: std::sync::Arc::default() }
}

/// An answer to a notice, as a mail program makes it: to its Reply-To, in reply to its Message-ID, vouched for.
pub(crate) fn answer(from: &str, notice: &[u8], body: &str, id: &str, date: Timestamp) -> Letter {
    let subject = field(notice, "Subject").unwrap_or_default();
    Letter {
        from: Some(from.to_owned()),
        to: field(notice, "Reply-To").unwrap_or_else(|| PROJECT.to_owned()),
        proof: Proof::Vouched,
        id: id.to_owned(),
        date,
        headers: vec![
            format!("Subject: Re: {subject}"),
            format!("In-Reply-To: {}", field(notice, "Message-ID").unwrap_or_default()),
        ],
        body: body.to_owned(),
    }
}

/// A delivery report about a notice (RFC 3464), from the mail server of its recipient.
pub(crate) fn bounce(notice: &[u8], to: &Address, permanent: bool, id: &str, date: Timestamp) -> Letter {
    let (action, status) = if permanent { ("failed", "5.1.1") } else { ("delayed", "4.4.1") };
    let returned = field(notice, "Message-ID").map_or(String::new(), |id| format!("Message-ID: {id}\n"));
    let body = format!(
        "--b\nContent-Type: text/plain\n\nYour mail to {} has not arrived ({action}).\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.{domain}\n\n\
         Final-Recipient: rfc822; {}\nAction: {action}\nStatus: {status}\n\
         Diagnostic-Code: smtp; 550 {status} <{}>: Recipient address rejected:\n User unknown\n\n\
         --b\nContent-Type: text/rfc822-headers\n\n{returned}From: {PROJECT}\n\n--b--\n",
        to.as_str(),
        to.as_str(),
        to.as_str(),
        domain = to.domain(),
    );
    Letter {
        from: Some(format!("mailer-daemon@{}", to.domain())),
        id: id.to_owned(),
        date,
        headers: vec![
            "Subject: Undelivered Mail Returned to Sender".into(),
            "Return-Path: <>".into(),
            "MIME-Version: 1.0".into(),
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b".into(),
        ],
        body,
        ..Letter::default()
    }
}

/// A notice as its recipient reads it.
pub(crate) fn reading(notice: &[u8]) -> Mail {
    read::read(notice)
}

/// What a notice does to the calendar of its reader.
pub(crate) struct Appointment {
    pub(crate) method: String,
    pub(crate) uid: String,
    pub(crate) sequence: i64,
    pub(crate) summary: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// The events in the calendar files of a notice, found and read by other parsers than ours.
pub(crate) fn calendar(notice: &[u8]) -> Vec<Appointment> {
    let mail = mail_parser::MessageParser::default().parse(notice).unwrap();
    let files = mail.attachments().filter_map(|part| part.text_contents()).filter(|t| t.starts_with("BEGIN:VCALENDAR"));
    let mut found = Vec::new();
    for file in files {
        let calcard::Entry::ICalendar(calendar) = calcard::Parser::new(file).entry() else {
            panic!("no calendar: {file}")
        };
        let text = |v: &ICalendarValue| v.as_text().map(str::to_owned);
        let top = calendar.components.iter().find(|c| c.component_type == ICalendarComponentType::VCalendar).unwrap();
        let method = text(&top.property(&ICalendarProperty::Method).unwrap().values[0]).unwrap();
        for event in calendar.components.iter().filter(|c| c.component_type == ICalendarComponentType::VEvent) {
            let value = |name| &event.property(&name).unwrap().values[0];
            let at = |name| Timestamp::from_second(value(name).as_partial_date_time().unwrap().to_timestamp().unwrap());
            found.push(Appointment {
                method: method.to_ascii_lowercase(),
                uid: text(value(ICalendarProperty::Uid)).unwrap(),
                sequence: value(ICalendarProperty::Sequence).as_integer().unwrap(),
                summary: text(value(ICalendarProperty::Summary)).unwrap(),
                from: at(ICalendarProperty::Dtstart).unwrap(),
                to: at(ICalendarProperty::Dtend).unwrap(),
            });
        }
    }
    found
}

/// The one-time code in a notice that holds one.
pub(crate) fn code(notice: &[u8]) -> Option<String> {
    let text = reading(notice).text;
    let said = |l: &str| Some(l.strip_suffix('.')?.split_once("the code is ")?.1.to_owned());
    let code = |l: &str| l.strip_prefix("/confirm ").or_else(|| l.strip_prefix("/send ")).map(|c| c.trim().to_owned());
    let code = |l: &str| code(l).or_else(|| said(l));
    text.lines().find_map(code).filter(|c| c.len() == 8)
}
