//! Mail as a value: what came in ([`Mail`]), and what a notice is made of before it goes out ([`mod@write`]).
//!
//! Nothing here does I/O. Every byte of a received mail is hostile: `read` bounds it and never fails. It takes the
//! raw `header` and the `parts` apart, `smime` opens what is signed, and the `body` chooses the text. `content` knows a
//! second copy of it. `identity` decides on the raw header bytes who wrote it and how sure that is, `through` by which
//! way of the operator's it came, `automatic` whether a program did, `bounce` what a delivery report says, `reply` where
//! commands may stand, `written` what the person wrote, `leak` what of it must not reach a reporter (both by `runs` of
//! words), `fields` what a report says about itself, `subject` whether its subject begins as the project asks for.

pub mod read;

pub mod body;
pub mod header;
pub mod parts;

pub mod decode;
pub mod html;

pub mod content;
pub mod identity;
pub mod intake;
pub mod signature;
pub mod smime;
pub mod through;

pub mod automatic;
pub mod bounce;

pub mod fields;
pub mod leak;
pub mod reply;
mod runs;
pub mod subject;
pub mod written;

pub mod calendar;
pub mod text;
pub mod write;

use std::fmt;

use serde::{Deserialize, Serialize};

/// One plain ASCII addr-spec (RFC 5322 section 3.4.1, dot-atoms only): no quotes, no literals, no comments,
/// local part of at most 64 octets, at most 254 in all (RFC 5321 section 4.5.3.1). The domain is lower case;
/// the local part keeps its case and is compared without it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// A Message-ID (RFC 5322 section 3.6.4) without its angle brackets: printable ASCII, one `@`, at most 200 octets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl Address {
    /// Reads one address; `None` for anything but a plain one.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        let good = text.len() <= 254
            && local.len() <= 64
            && !local.starts_with('-')
            && local.split('.').all(|a| !a.is_empty() && a.bytes().all(atom))
            && domain.split('.').all(label);
        good.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(l, _)| l)
    }

    /// What stands after the `@`, lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, d)| d)
    }

    /// The form in which two addresses are compared: all lower case. Providers that tell the case of local
    /// parts apart are not found in practice, and a maintainer's phone capitalises at will.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The same mailbox with a tag: `security+tag@…` (RFC 5233 section 1); `None` where it would be too long.
    pub fn tagged(&self, tag: &str) -> Option<Self> {
        Self::parse(&format!("{}+{tag}@{}", self.local(), self.domain()))
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Address {}
impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Address {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Addresses never reach the log (G6): what `{:?}` prints is no address.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a plain mail address")
    }
}
impl From<Address> for String {
    fn from(a: Address) -> Self {
        a.0
    }
}

impl MessageId {
    /// Reads one Message-ID, with or without its angle brackets; `None` for anything that could not be put
    /// into a header again as it is.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let id = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
        let good = (3..=200).contains(&id.len())
            && id.bytes().all(|c| c.is_ascii_graphic() && !b"<>()\",;\\".contains(&c))
            && id.split('@').count() == 2
            && !id.starts_with('@')
            && !id.ends_with('@');
        good.then(|| Self(id.to_owned()))
    }

    /// Without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}
impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId(<{}>)", self.0)
    }
}
impl TryFrom<String> for MessageId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a Message-ID")
    }
}
impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

/// A received mail as read: bounded, decoded, free of control characters. The raw bytes stay in the store.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Who wrote it, from the raw header: exactly one From with exactly one plain address, or why not.
    pub from: Result<Address, header::NoSender>,
    /// What the sender is called by itself, decoded, one line, at most 100 characters. For the team's eyes only: it
    /// proves nothing. Where the From is no plain mailbox, the whole of it.
    pub display_name: Option<String>,
    /// Subject, decoded, one line, at most 250 characters; empty when there is none.
    pub subject: String,
    /// Its Message-ID, when there is exactly one usable one.
    pub message_id: Option<MessageId>,
    /// What it answers: In-Reply-To and References, the nearest last, at most 20.
    pub references: Vec<MessageId>,
    /// Plain addresses in To, Cc, Delivered-To, X-Original-To and Envelope-To: where a token may stand. At most 100.
    pub recipients: Vec<Address>,
    /// The Date header, for display only.
    pub date: Option<jiff::Timestamp>,
    /// The whole text: text/plain, else HTML as text; at most 1 MiB, lines end in `\n`.
    pub text: String,
    /// The newly written part of it: no quotes, no signature.
    pub reply_text: String,
    /// True when the text was made from HTML: it never yields a command.
    pub from_html: bool,
    /// True when it is signed as one opaque piece (S/MIME) that nobody here verifies: it never yields a command.
    pub signed: bool,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Why no machine may answer it (RFC 3834 section 2); `None` for a person's mail.
    pub automatic: Option<automatic::Automatic>,
    /// What says so: its header and its form.
    pub signs: automatic::Signs,
    /// What the header says of the way by which it came.
    pub passage: through::Passage,
    /// What a delivery report says (RFC 3464); `None` for anything else.
    pub bounce: Option<automatic::Bounce>,
    /// What stands in the field by which we mark our own mail; it proves nothing until its token is verified.
    pub mark: Option<String>,
    /// The Authentication-Results and Received lines in the order of the header, for [`identity`].
    pub trace: Vec<header::Trace>,
    /// What a good report holds and this one seems to: see [`fields`].
    pub fields: fields::Fields,
    /// What was odd about it, in words for the team.
    pub problems: Vec<String>,
}

impl Mail {
    /// A mail of which nothing could be read, and why.
    pub fn unreadable(why: &str) -> Self {
        Self {
            from: Err(header::NoSender::Missing),
            display_name: None,
            subject: String::new(),
            message_id: None,
            references: Vec::new(),
            recipients: Vec::new(),
            date: None,
            text: String::new(),
            reply_text: String::new(),
            from_html: false,
            signed: false,
            attachments: Vec::new(),
            automatic: None,
            signs: automatic::Signs::default(),
            passage: through::Passage::default(),
            bounce: None,
            mark: None,
            trace: Vec::new(),
            fields: fields::Fields::default(),
            problems: vec![why.to_owned()],
        }
    }
}

/// A part that is not the text. Never opened; its content stays in the raw mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name as claimed, without control characters and path separators, at most 100 characters.
    pub name: String,
    /// Its media type as claimed.
    pub media_type: String,
    /// Octets, decoded.
    pub size: u64,
}

/// Text from outside made fit for a terminal, a log and a mail: no control characters but `\n` and the tabs of a patch, no
/// bidirectional overrides, no zero-width characters (CVE-2021-42574).
pub fn clean(text: &str) -> String {
    // Without a branch for each octet, so that many are looked at at once.
    let plain = |octets: &[u8]| octets.iter().fold(true, |plain, c| plain & ((0x20..0x7f).contains(c) | (*c == b'\n')));
    if text.as_bytes().chunks(128).all(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Most of it is plain, and goes over in runs.
    while !rest.is_empty() {
        let run = rest.bytes().position(|c| !plain(&[c])).unwrap_or(rest.len());
        let (run, other) = rest.split_at_checked(run).unwrap_or((rest, ""));
        out.push_str(run);
        let mut chars = other.chars();
        out.extend(chars.next().and_then(fit));
        rest = chars.as_str();
    }
    out
}

/// What becomes of a character in [`clean`].
fn fit(c: char) -> Option<char> {
    match c {
        '\n' | '\t' | ' '..='~' => Some(c),
        '\u{a0}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => None,
        // The Arabic letter mark turns the direction too; the others are marks and tags that nobody sees.
        '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

/// [`clean`], on one line, at most `max` characters.
pub fn clean_line(text: &str, max: usize) -> String {
    let line = clean(text).replace(['\n', '\t'], " ");
    let line = line.trim();
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}
