//! The raw header block: what identity is decided on.
//!
//! Two views of the same bytes. The lenient one ([`Header::all`]) finds what a person should see in broken mail
//! (RFC 7103). The strict one ([`sender`]) refuses whatever two parsers could read differently, because a mail
//! that means one sender to our server and another to us is how senders are forged.

use super::{decode, lenient};
use crate::provider;
use crate::vocabulary::{Address, MessageId, trim_blanks};

/// The most octets of a header block that are looked at.
pub(crate) const MAX_OCTETS: usize = 256 * 1024;
/// The most fields of a header block that are looked at.
pub(crate) const MAX_FIELDS: usize = 1000;
/// The most addresses read from one mail.
pub const MAX_ADDRESSES: usize = 100;

/// Fields that say who wrote a mail, to whom, when and how it is read, and what was found out about that.
const WHOLE: [&str; 11] = [
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "content-type",
    "content-transfer-encoding",
    "authentication-results",
    "arc-authentication-results",
    "received",
];

/// Why a mail has no sender that anything may be sent to or believed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSender {
    /// No From at all.
    Missing,
    /// More than one From line (RFC 5322 section 3.6 allows one).
    Several,
    /// More than one address in it, or a group.
    NotOne,
    /// Not a plain ASCII address, or a header block that two parsers could read differently.
    NotPlain,
}

/// A line of the header that says which way the mail came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// A Received line, unfolded.
    Received(String),
    /// An Authentication-Results line (RFC 8601), unfolded.
    AuthenticationResults(String),
    /// A field by which a provider says what the results are of: its name, lower case, and its value, unfolded.
    Mark(&'static str, String),
}

/// Addresses that a header names as its recipients.
pub(crate) type Recipients = Vec<Address>;

/// A header block, split into fields that borrow the raw bytes.
#[derive(Clone, Debug, Default)]
pub struct Header<'a> {
    fields: Vec<Field<'a>>,
    /// True when the block was longer than [`MAX_OCTETS`] or [`MAX_FIELDS`]: the rest was not read.
    pub truncated: bool,
    /// True when no empty line separates it from the body (RFC 7103 section 7.3).
    pub unseparated: bool,
    /// True when lines end in a bare CR, or a NUL stands in it (RFC 5322 section 2.2 forbids both).
    pub control: bool,
    /// True when a byte order mark or blank lines stand above it, or its first line is a continuation of nothing.
    pub leading_space: bool,
}

#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    name: &'a str,
    /// Everything after the colon, still folded.
    value: &'a [u8],
    /// Whether blanks stood between name and colon (obsolete, RFC 5322 section 4.5).
    spaced: bool,
}

impl<'a> Header<'a> {
    /// Splits a mail into its header and its body. Linear, and never fails. A byte order mark or blank lines above the
    /// header are passed over for people's sake (RFC 7103 section 7.1); they cost the mail its sender.
    pub fn split(raw: &'a [u8]) -> (Self, &'a [u8]) {
        let unmarked = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
        let mut rest = unmarked;
        while let Some(line) = rest.split_inclusive(|&c| c == b'\n').next().filter(|l| l.trim_ascii().is_empty()) {
            rest = rest.get(line.len()..).unwrap_or_default();
        }
        let line = rest.split(|&c| c == b'\n').next().unwrap_or_default();
        let start = if field_name(line).is_some() { rest } else { unmarked };
        let (mut header, body) = Self::split_part(start);
        header.leading_space |= start.len() != raw.len();
        (header, body)
    }

    /// Splits a part of a mail: here an empty first line says that there is no header (RFC 2046 section 5.1).
    pub fn split_part(raw: &'a [u8]) -> (Self, &'a [u8]) {
        let mut header = Self::default();
        let mut rest = raw;
        let ends = LineEnds::of(rest);
        header.control = ends == LineEnds::Cr;
        // The field that is growing: where it began, and how long it is by now.
        let mut open: Option<(&'a [u8], usize)> = None;
        let (mut octets, mut first) = (0_usize, true);
        loop {
            if rest.is_empty() {
                break;
            }
            let (line, after) = take_line(rest, ends);
            let content = trim_end(line);
            if content.is_empty() {
                rest = after;
                break;
            }
            octets += line.len();
            header.control |= content.iter().any(|&c| c == b'\r' || c == 0);
            let folded = content.first().is_some_and(|&c| c == b' ' || c == b'\t');
            let fields = header.fields.len() + usize::from(open.is_some());
            let is_field = !folded && field_name(content).is_some();
            // "From " or ">From " lines are put on top by mailbox files, not by mail.
            let is_mailbox = fields == 0 && is_mbox_line(content);
            if !folded && !is_field && !is_mailbox {
                header.unseparated = true;
                break;
            }
            if header.truncated || octets > MAX_OCTETS || fields >= MAX_FIELDS && !folded {
                // The block is over its bound. Its end is still looked for, so that the body is found.
                header.truncated = true;
            } else if is_field {
                header.close(open.take());
                open = Some((rest, line.len()));
            } else if folded {
                header.leading_space |= first;
                if let Some((_, len)) = &mut open {
                    *len += line.len();
                }
            }
            first = false;
            rest = after;
        }
        header.close(open);
        (header, rest)
    }

    fn close(&mut self, open: Option<(&'a [u8], usize)>) {
        let Some(bytes) = open.and_then(|(start, len)| start.get(..len)) else { return };
        let Some((name, spaced)) = field_name(bytes) else { return };
        let value = bytes.iter().position(|&c| c == b':').and_then(|at| bytes.get(at + 1..)).unwrap_or_default();
        self.fields.push(Field { name, value: trim(value), spaced });
    }

    /// The raw values of all fields of this name, in their order; blanks before the colon do not hide a field.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'a [u8]> + 'h {
        self.fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
    }

    /// The raw value of the first field of this name.
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The first field of this name as text: unfolded, encoded words decoded (RFC 2047), not yet cleaned. `around` is
    /// the charset of the text, for octets that say nothing of theirs.
    pub fn text(&self, name: &str, around: Option<&str>) -> Option<String> {
        self.first(name).map(|value| decode::words(value, around))
    }

    /// The first field of this name, unfolded, in lower case: for fields whose values are keywords.
    pub fn keyword(&self, name: &str) -> Option<String> {
        self.first(name).map(|v| unfold(v).to_ascii_lowercase())
    }

    /// Whether a field whose name begins so is there.
    pub fn any_with_prefix(&self, prefix: &str) -> bool {
        self.fields.iter().any(|f| f.name.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix)))
    }

    /// Whether a field is longer than is read, without which nobody can be believed: its beginning may say another thing
    /// than the whole.
    pub fn is_cut(&self) -> bool {
        let counts = |name: &str| WHOLE.iter().any(|w| name.eq_ignore_ascii_case(w));
        self.fields.iter().any(|f| f.value.len() > decode::MAX_VALUE && counts(f.name))
    }

    /// True when it has no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Received and Authentication-Results lines and what belongs to them, the topmost first.
    pub fn trace(&self) -> Vec<Trace> {
        let traced = |f: &Field<'_>| match f.name {
            n if n.eq_ignore_ascii_case("received") => Some(Trace::Received(unfold(f.value))),
            n if n.eq_ignore_ascii_case("authentication-results") => {
                Some(Trace::AuthenticationResults(unfold(f.value)))
            }
            n => provider::marks().find(|m| n.eq_ignore_ascii_case(m)).map(|m| Trace::Mark(m, unfold(f.value))),
        };
        self.fields.iter().filter_map(traced).collect()
    }

    /// Plain addresses in the fields of that name, at most [`MAX_ADDRESSES`].
    pub fn addressed(&self, name: &str) -> Recipients {
        self.all(name).flat_map(addresses).take(MAX_ADDRESSES).collect()
    }

    /// Plain addresses in the fields that name recipients, at most [`MAX_ADDRESSES`].
    pub fn recipients(&self) -> Recipients {
        let mut found = Recipients::new();
        for name in ["to", "cc", "delivered-to", "x-original-to", "envelope-to"] {
            for value in self.all(name) {
                for address in addresses(value) {
                    if found.len() >= MAX_ADDRESSES {
                        return found;
                    }
                    if !found.contains(&address) {
                        found.push(address);
                    }
                }
            }
        }
        found
    }
}

/// The one sender of a mail, or why there is none (RFC 5322 section 3.6.2, without its obsolete forms).
///
/// # Errors
/// Whatever another parser could read as a different sender: a second From line, a second address, a group, a
/// bare CR, a NUL, a header block that is cut short or not ended, a field that is longer than is read.
pub fn sender(header: &Header<'_>) -> Result<Address, NoSender> {
    mailbox(from_value(header)?).map(|(address, _)| address)
}

/// Whom to answer: the sender, else the one address that people read in its From. It is no sender to believe.
pub(crate) fn answerable(header: &Header<'_>) -> Option<Address> {
    let value = from_value(header).ok()?;
    mailbox(value).map_or_else(|_| lenient::one(value), |(address, _)| Some(address))
}

/// The value of the one From of a header that each parser ends at the same place.
fn from_value<'a>(header: &Header<'a>) -> Result<&'a [u8], NoSender> {
    let mut from = header.fields.iter().filter(|f| f.name.eq_ignore_ascii_case("from"));
    let field = match (from.next(), from.next()) {
        (None, _) => return Err(NoSender::Missing),
        (Some(_), Some(_)) => return Err(NoSender::Several),
        (Some(field), None) => field,
    };
    let odd = header.truncated || header.unseparated || header.control || header.leading_space;
    if field.spaced || odd || header.is_cut() {
        return Err(NoSender::NotPlain);
    }
    Ok(field.value)
}

/// How the sender is called by itself, decoded but not cleaned; the whole From value where there is no one sender,
/// so that a person can see why.
pub fn display_name(header: &Header<'_>) -> Option<String> {
    let value = header.first("from")?;
    let name = match (sender(header), mailbox(value)) {
        (Ok(_), Ok((_, phrase))) => phrase,
        (Err(_), _) | (_, Err(_)) => value.to_vec(),
    };
    Some(decode::words(&name, None)).filter(|n| !n.trim().is_empty())
}

/// Reads a value that must be one mailbox; gives its address and the bytes of its display name without quotes.
fn mailbox(value: &[u8]) -> Result<(Address, Vec<u8>), NoSender> {
    if value.len() > decode::MAX_VALUE {
        return Err(NoSender::NotPlain);
    }
    let (mut phrase, mut plain, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    // What the address may stand in: nothing yet, an open angle bracket, a closed one.
    let (mut open, mut closed, mut quoted) = (false, false, false);
    let mut bytes = value.iter().copied().peekable();
    while let Some(c) = bytes.next() {
        match c {
            b'\r' | b'\n' | b'\t' | b' ' if !open => {
                phrase.push(b' ');
                plain.push(b' ');
            }
            0..=31 | 127 => return Err(NoSender::NotPlain),
            b',' | b';' | b':' => return Err(NoSender::NotOne),
            b'(' if open => return Err(NoSender::NotPlain),
            b'(' => {
                skip_comment(&mut bytes)?;
                // A comment parts words: "adm(x)in" is not "admin".
                plain.push(b' ');
            }
            b'"' if open || closed => return Err(NoSender::NotPlain),
            b'"' => {
                quoted = true;
                read_quoted(&mut bytes, &mut phrase)?;
            }
            b'<' if open || closed => return Err(NoSender::NotOne),
            b'<' => open = true,
            b'>' if !open => return Err(NoSender::NotPlain),
            b'>' => (open, closed) = (false, true),
            _ if open => inside.push(c),
            _ if closed => return Err(NoSender::NotOne),
            _ => {
                phrase.push(c);
                plain.push(c);
            }
        }
    }
    if open {
        return Err(NoSender::NotPlain);
    }
    let spec = if closed { &inside } else { &plain };
    let spec = trim_blanks(std::str::from_utf8(spec).map_err(|_| NoSender::NotPlain)?);
    let address = Address::parse(spec).ok_or(NoSender::NotPlain)?;
    if !closed {
        return if quoted { Err(NoSender::NotPlain) } else { Ok((address, Vec::new())) };
    }
    // Unquoted, "@" cannot stand in a display name. Where it is the very same address nothing is ambiguous, and
    // common software writes it so.
    if plain.contains(&b'@') && !trim(&plain).eq_ignore_ascii_case(spec.as_bytes()) {
        return Err(NoSender::NotPlain);
    }
    Ok((address, phrase))
}

/// Skips a comment whose `(` has been read. A comment that looks like an address makes the whole ambiguous.
fn skip_comment(bytes: &mut impl Iterator<Item = u8>) -> Result<(), NoSender> {
    let mut depth = 1_u32;
    while let Some(c) = bytes.next() {
        match c {
            b'@' | b'<' | b'>' | 0..=8 | 11 | 12 | 14..=31 | 127 => return Err(NoSender::NotPlain),
            b'\\' => match bytes.next() {
                Some(b'@' | b'<' | b'>') | None => return Err(NoSender::NotPlain),
                Some(_) => {}
            },
            b'(' => depth += 1,
            b')' if depth == 1 => return Ok(()),
            b')' => depth -= 1,
            _ => {}
        }
    }
    Err(NoSender::NotPlain)
}

/// Reads a quoted string whose opening quote has been read.
fn read_quoted(bytes: &mut impl Iterator<Item = u8>, into: &mut Vec<u8>) -> Result<(), NoSender> {
    while let Some(c) = bytes.next() {
        match c {
            b'"' => return Ok(()),
            b'\\' => into.push(bytes.next().ok_or(NoSender::NotPlain)?),
            b'\r' | b'\n' => {}
            _ => into.push(c),
        }
    }
    Err(NoSender::NotPlain)
}

/// The plain addresses in a list of mailboxes, read leniently: what is not plain is passed over.
/// Never used for the identity of a sender.
pub(crate) fn addresses(value: &[u8]) -> Vec<Address> {
    let value = value.get(..MAX_OCTETS.min(value.len())).unwrap_or(value);
    let mut found = Vec::new();
    let mut token = Vec::new();
    let mut bytes = value.iter().copied();
    let mut skipped = Vec::new();
    loop {
        let c = bytes.next();
        match c {
            Some(b'"') => {
                skipped.clear();
                if read_quoted(&mut bytes, &mut skipped).is_err() {
                    return found;
                }
            }
            Some(b'(') => {
                let _ = skip_comment(&mut bytes);
            }
            Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | b':' | b'<' | b'>') | None => {
                if let Some(address) = std::str::from_utf8(&token).ok().and_then(Address::parse) {
                    found.push(address);
                }
                token.clear();
                if c.is_none() || found.len() >= MAX_ADDRESSES {
                    return found;
                }
            }
            Some(c) => token.push(c),
        }
    }
}

/// A folded value on one line (RFC 5322 section 2.2.3), as text: UTF-8 where it is, else Windows-1252.
/// At most 16 KiB of it.
pub(crate) fn unfold(value: &[u8]) -> String {
    decode::bytes(&decode::unfolded(value))
}

/// The Message-IDs in angle brackets in a value, at most the last [`MAX_ADDRESSES`]; none of a value that is too long to be
/// read whole.
pub fn message_ids(value: &[u8]) -> Vec<MessageId> {
    if value.len() > decode::MAX_VALUE {
        return Vec::new();
    }
    let text = unfold(value);
    let ids = text.split('<').skip(1).filter_map(|t| t.split_once('>')).filter_map(|(id, _)| MessageId::parse(id));
    let mut ids: Vec<MessageId> = ids.collect();
    ids.split_off(ids.len().saturating_sub(MAX_ADDRESSES))
}

/// What ends a line here. A mail without any LF at its start is read by bare CR, for display only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Lf,
    Cr,
}

impl LineEnds {
    fn of(raw: &[u8]) -> Self {
        let start = raw.get(..raw.len().min(MAX_OCTETS)).unwrap_or(raw);
        if !start.contains(&b'\n') && start.contains(&b'\r') { Self::Cr } else { Self::Lf }
    }
}

fn take_line(rest: &[u8], ends: LineEnds) -> (&[u8], &[u8]) {
    let end = match ends {
        LineEnds::Lf => b'\n',
        LineEnds::Cr => b'\r',
    };
    let len = rest.iter().position(|&c| c == end).map_or(rest.len(), |at| at + 1);
    rest.split_at_checked(len).unwrap_or((rest, &[]))
}

/// The name of the field that a line begins, and whether blanks stand before its colon.
fn field_name(line: &[u8]) -> Option<(&str, bool)> {
    let colon = line.iter().position(|&c| c == b':')?;
    let before = line.get(..colon)?;
    let name = trim(before);
    let good = !name.is_empty() && name.len() <= 200 && name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| good)?;
    Some((name, name.len() != before.len()))
}

fn is_mbox_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") && field_name(line).is_none() || line.starts_with(b">From ")
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// [`trim_blanks`], of octets.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests;
