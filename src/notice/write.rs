//! A notice as the bytes that leave (RFC 5322, RFC 2045): ASCII, CRLF, no line over 998 octets.
//!
//! Same notice, same bytes: the outbox keeps them and sends the same ones again (G3). What stands in a subject or
//! a body may be hostile; it can neither add a header nor end the mail early (RFC 5321 section 4.1.1.4).

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, ContentTypeErr, HeaderName, HeaderValue, MIME_VERSION_1_0,
};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::{CalendarEvent, calendar};
use crate::token::LOOP_FIELD;
use crate::vocabulary::{Address, MessageId, clean, clean_line};

/// What a mail that leaves says. One recipient a mail (G6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    /// The name beside the From address: the project's. Only letters, digits and plain punctuation of it are used.
    pub from_name: &'a str,
    /// The From address.
    pub from: &'a Address,
    /// To whom it goes; never with a name, since names come from outside.
    pub to: &'a Address,
    /// One line; more than 250 characters are cut.
    pub subject: &'a str,
    /// The text. Any line ends; it leaves with exactly one at its end.
    pub body: &'a str,
    /// Message-ID (RFC 5322 section 3.6.4).
    pub message_id: &'a MessageId,
    /// The Date header, in UTC; an instant outside of the years 1970 to 9999 is moved to the nearest inside.
    pub date: jiff::Timestamp,
    /// Where an answer shall go: the address with the token.
    pub reply_to: Option<&'a Address>,
    /// What it answers.
    pub in_reply_to: Option<&'a MessageId>,
    /// The thread, the nearest last; only the last [`REFERENCES`] are written.
    pub references: &'a [MessageId],
    /// Who caused it.
    pub auto_submitted: AutoSubmitted,
    /// The deadlines that it carries as a calendar file.
    pub calendar: &'a [CalendarEvent],
    /// The token by which it is known when it comes back: see [`LOOP_FIELD`].
    pub mark: Option<&'a str>,
}

/// Who caused a mail (RFC 3834 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoSubmitted {
    /// A program, in answer to one mail.
    Replied,
    /// A program, by itself: reminders, digests.
    Generated,
    /// A person: no header.
    No,
}

/// Why no mail was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// An address that the mail library refuses, such as an impossible top-level domain.
    #[error("the {0} address cannot stand in a mail: {1}")]
    Address(&'static str, lettre::address::AddressError),
    /// The mail library refused the type of a part.
    #[error("a part of the mail has no type: {0}")]
    Type(#[from] ContentTypeErr),
    /// The mail library refused the whole.
    #[error("the mail cannot be built: {0}")]
    Build(#[from] lettre::error::Error),
    /// The result would not be fit for the wire.
    #[error("the mail that was built {0}")]
    Unfit(#[from] Unfit),
}

/// Why bytes must not be given to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// RFC 5321 section 2.3.8: CR and LF occur only together. A lone one ends the mail early at some servers.
    #[error("holds a bare CR or LF")]
    BareLineEnd,
    /// RFC 5322 section 4.1.
    #[error("holds a NUL")]
    Nul,
    /// What is not ASCII needs an extension that a server may lack (RFC 6152).
    #[error("is not ASCII")]
    NotAscii,
    /// RFC 5322 section 2.1.1.
    #[error("has a line of more than 998 octets")]
    LongLine,
}

/// How many Message-IDs a References header gets: a long thread must not make a line that a server refuses.
pub(crate) const REFERENCES: usize = 5;
/// The longest line that is not encoded.
const READABLE: usize = 150;
/// RFC 5322 section 2.1.1, without the CRLF.
const LINE: usize = 998;
/// 9999-12-31T23:59:59Z: later dates have no RFC 5322 form (section 3.3).
const LAST_SECOND: i64 = 253_402_300_799;

/// The bytes that leave.
///
/// # Errors
/// [`WriteError`]; nothing that a mail from outside says can cause one, except an address that our own parser
/// accepts and the library's does not.
pub(crate) fn write(mail: &Outgoing) -> Result<Vec<u8>, WriteError> {
    let from = lettre_address("From", mail.from)?;
    let to = lettre_address("To", mail.to)?;
    // The library would else read both again from the header that it has written.
    let envelope = Envelope::new(Some(from.clone()), vec![to.clone()])?;
    let name = plain_name(mail.from_name);
    let mut builder = Message::builder()
        .envelope(envelope)
        .from(Mailbox::new((!name.is_empty()).then_some(name), from))
        .to(to.into());
    if let Some(to) = mail.reply_to {
        builder = builder.reply_to(lettre_address("Reply-To", to)?.into());
    }
    builder = builder
        .subject(plain_subject(mail.subject))
        .date(date(mail.date))
        .raw_header(ready(HeaderName::new_from_ascii_str("Message-ID"), mail.message_id.to_string()));
    if let Some(id) = mail.in_reply_to {
        builder = builder.raw_header(ready(HeaderName::new_from_ascii_str("In-Reply-To"), id.to_string()));
    }
    let oldest = mail.references.len().saturating_sub(REFERENCES);
    let references: Vec<String> = mail.references.iter().skip(oldest).map(ToString::to_string).collect();
    if !references.is_empty() {
        builder = builder.raw_header(ready(HeaderName::new_from_ascii_str("References"), references.join("\r\n ")));
    }
    let automatic = match mail.auto_submitted {
        AutoSubmitted::Replied => Some("auto-replied"),
        AutoSubmitted::Generated => Some("auto-generated"),
        AutoSubmitted::No => None,
    };
    if let Some(value) = automatic {
        builder = builder
            .raw_header(ready(HeaderName::new_from_ascii_str("Auto-Submitted"), value.into()))
            // Exchange's word for "do not answer". Not "All", which would silence the bounces that we must hear of.
            .raw_header(ready(
                HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"),
                "DR, RN, NRN, OOF, AutoReply".into(),
            ));
    }
    if let Some(mark) = mail.mark {
        builder = builder.raw_header(ready(HeaderName::new_from_ascii_str(LOOP_FIELD), mark.to_owned()));
    }
    let text = plain_body(mail.body);
    let mut bytes = match calendar::file(mail.calendar, mail.from, mail.date) {
        None => builder.header(MIME_VERSION_1_0).header(ContentType::TEXT_PLAIN).body(body(text))?.formatted(),
        Some(file) => builder.multipart(with_file(text, &file)?)?.formatted(),
    };
    // The library leaves base64 without the end of its last line.
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    check_wire(&bytes)?;
    Ok(bytes)
}

/// The text first, for whoever reads without a calendar, then the file as an attachment (RFC 6047 section 2.4): what
/// stands inline, some programs show in place of the text.
fn with_file(text: String, file: &str) -> Result<MultiPart, ContentTypeErr> {
    // Of what it parts, so that no text can hold it and the same mail has the same bytes.
    let hash = Sha256::new_with_prefix(&text).chain_update(file);
    let boundary = data_encoding::HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default());
    let kind = ContentType::parse(&format!("multipart/mixed; boundary=\"{boundary}\""))?;
    let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body(text));
    let calendar = ContentType::parse(&format!("text/calendar; method={}; charset=utf-8", calendar::METHOD))?;
    let part = SinglePart::builder().header(calendar).header(ContentDisposition::attachment(calendar::NAME));
    let part = part.body(body(file.replace("\r\n", "\n")));
    Ok(MultiPart::builder().header(kind).singlepart(plain).singlepart(part))
}

/// ASCII leaves as it is when no line is long, so that a stored mail can be read as it lies there. RFC 5322 section
/// 2.1.1 demands lines of at most 998 and wishes for 78; a date with its zone makes ours a little longer than that.
/// What else there is, `Body` makes quoted-printable or base64, whichever is shorter.
fn body(text: String) -> Body {
    if text.is_ascii() && text.lines().all(|l| l.len() <= READABLE) {
        let lines = text.replace('\n', "\r\n").into_bytes();
        // The library calls it dangerous because it checks nothing. The condition above and `check_wire` check it.
        return Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit);
    }
    Body::new(text)
}

/// Whether bytes may be given to any mail server as one mail: ASCII, CRLF only, no NUL, lines of at most 998 octets.
///
/// # Errors
/// The first reason why not.
pub(crate) fn check_wire(bytes: &[u8]) -> Result<(), Unfit> {
    let plain = |line: &[u8]| match line.strip_suffix(b"\r\n") {
        Some(text) => {
            text.len() <= LINE && text.iter().fold(true, |good, c| good & (1..=127).contains(c) & (*c != b'\r'))
        }
        None => false,
    };
    if bytes.split_inclusive(|c| *c == b'\n').all(plain) {
        return Ok(());
    }
    let mut line = 0;
    let mut after_cr = false;
    for &byte in bytes {
        if after_cr != (byte == b'\n') {
            return Err(Unfit::BareLineEnd);
        }
        after_cr = byte == b'\r';
        match byte {
            0 => return Err(Unfit::Nul),
            b'\r' => {}
            b'\n' => line = 0,
            _ if !byte.is_ascii() => return Err(Unfit::NotAscii),
            _ if line == LINE => return Err(Unfit::LongLine),
            _ => line += 1,
        }
    }
    if after_cr { Err(Unfit::BareLineEnd) } else { Ok(()) }
}

fn lettre_address(header: &'static str, address: &Address) -> Result<lettre::Address, WriteError> {
    lettre::Address::new(address.local(), address.domain()).map_err(|e| WriteError::Address(header, e))
}

/// A header whose value is ASCII already, by its type. The library would fold a Message-ID away from its name,
/// which some servers misread.
fn ready(name: HeaderName, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}

/// A display name without anything that has a meaning in an address or in an encoded word (RFC 2047 section 2);
/// the library panics on control characters here.
fn plain_name(name: &str) -> String {
    let spaced: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.'&+!".contains(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    clean_line(&words.join(" "), 60)
}

/// One line, in which nothing that we did not encode looks like an encoded word.
fn plain_subject(subject: &str) -> String {
    let subject = clean_line(subject, 250).replace("=?", "= ?");
    let words: Vec<&str> = subject.split_whitespace().collect();
    words.join(" ")
}

/// Lines that end in `\n`, and nothing that a reader does not see: see [`clean`].
fn plain_body(body: &str) -> String {
    let mut text = clean(&crate::mail::decode::line_ends(body.to_owned()));
    text.truncate(text.trim_end_matches('\n').len());
    text.push('\n');
    text
}

fn date(at: jiff::Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.as_second().clamp(0, LAST_SECOND)).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests;
