//! The parts of a mail (RFC 2046), found in one pass that is bounded by construction.
//!
//! mail-parser is not given whole mails: 20,000 attached mails within each other end the process, and multiparts
//! that never end cost quadratic time (0.11.9). Here a mail is read line by line against a stack of at most
//! [`MAX_DEPTH`] boundaries; an attached mail is a leaf and is not looked into; no content is decoded or copied
//! before somebody asks for it.

use super::decode::{self, Fit};
use super::header::Header;
use super::smime::{self, Wrapped};
use crate::vocabulary::{clean_line, trim_blanks};

/// The most parts that are told apart.
pub const MAX_PARTS: usize = 500;
/// How deep multiparts may stand within each other.
pub(crate) const MAX_DEPTH: usize = 20;
/// The most octets that a part decodes to; three times as many are read, for the wordiest encoding.
pub const MAX_DECODED: usize = 1024 * 1024;
/// The most octets of a signed message that are opened.
const MAX_SIGNED: usize = 8 * 1024 * 1024;
/// How many signed parts within each other are opened.
const MAX_SIGNED_DEPTH: usize = 3;
/// What is said of what is encrypted.
pub(crate) const ENCRYPTED: &str = "it is encrypted: it cannot be read here";
/// Where what cannot be read here is found.
pub(crate) const RAW_MAIL: &str = "`disclosed show TICKET --raw N` gives the raw mail";

/// What the Content-* fields of a part say.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// "text/plain", in lower case; text/plain when not said (RFC 2045 section 5.2).
    pub media: String,
    /// The charset it claims.
    pub charset: Option<String>,
    /// The name it claims, cleaned, without path separators, at most 100 characters.
    pub name: Option<String>,
    /// Whether Content-Disposition says "attachment".
    pub attached: bool,
    /// Whether format=flowed, and whether DelSp=yes (RFC 3676 section 4).
    pub flowed: Option<bool>,
    /// The report-type of a multipart/report (RFC 6522).
    pub report_type: Option<String>,
    /// The method of a text/calendar, in lower case (RFC 6047 section 2.4).
    pub method: Option<String>,
    /// The smime-type of an application/pkcs7-mime, in lower case (RFC 8551 section 3.2.2).
    pub smime: Option<String>,
    /// The multipart/alternative that it stands in, if any: its number.
    pub alternative: Option<usize>,
    encoding: Encoding,
    boundary: Option<Vec<u8>>,
    body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    None,
    Base64,
    QuotedPrintable,
    Unknown,
}

/// The leaves of a mail, in their order.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// What the top of the mail says it is.
    pub top: Part<'a>,
    /// Every part that is not a multipart.
    pub leaves: Vec<Part<'a>>,
    /// Whether a delimiter stands in it; else it is one leaf, whatever it says.
    pub parted: bool,
    /// What could not be read as it is meant, for the team.
    pub problems: Vec<String>,
}

/// A multipart that is being read.
struct Frame {
    boundary: Vec<u8>,
    alternative: Option<usize>,
    digest: bool,
}

impl<'a> Parts<'a> {
    /// Finds the parts of a body.
    pub fn find(header: &Header<'_>, body: &'a [u8]) -> Self {
        Self::below(Part::of(header, body, false, None), body)
    }

    /// What a body says by itself, whatever header stands above it. Whoever accepts the same commands from each of these
    /// readings needs nobody to vouch for that header:
    ///
    /// - Parts, where the first line that is not blank is a delimiter with a Content-Type below it. The headers of parts
    ///   stand in the body, and the first text is the same in a multipart of any subtype. So that nobody gains by a blank at
    ///   the end of a line, which many signatures leave out, it is read with its lines joined as its parts say and not.
    /// - Else text as it stands: as it is, with quoted-printable undone, and with flowed lines joined.
    ///
    /// Below "-----Original Message-----", which is a delimiter by its form, no program writes a Content-Type first.
    pub fn by_itself(body: &'a [u8]) -> Vec<Self> {
        let bare = Part::of(&Header::default(), body, false, None);
        if let Some(boundary) = first_boundary(body) {
            let top = Part { media: "multipart/mixed".to_owned(), boundary: Some(boundary.to_vec()), ..bare };
            let parts = Self::below(top, body);
            let mut unjoined = parts.clone();
            unjoined.leaves.iter_mut().for_each(|part| part.flowed = None);
            return vec![parts, unjoined];
        }
        let encoded = Part { encoding: Encoding::QuotedPrintable, ..bare.clone() };
        let flowed = Part { flowed: Some(false), ..bare.clone() };
        [bare, encoded, flowed].map(|top| Self::below(top, body)).into()
    }

    /// The part that says whether there is new text, and where: the first that is text at all.
    pub fn first_text(&self) -> Option<&Part<'a>> {
        self.leaves.iter().find(|part| part.is_text())
    }

    fn below(top: Part<'a>, body: &'a [u8]) -> Self {
        let mut found = Self { top: top.clone(), leaves: Vec::new(), parted: false, problems: Vec::new() };
        let mut frames: Vec<Frame> = Vec::new();
        let mut alternatives = 0;
        let (mut part, mut rest) = (top, body);
        loop {
            // Here `part` has been announced by its header and `rest` is what follows it.
            let is_multipart = part.media.starts_with("multipart/");
            match part.boundary.take().filter(|_| is_multipart) {
                Some(boundary) if frames.len() < MAX_DEPTH => {
                    let alternative = if part.media == "multipart/alternative" {
                        alternatives += 1;
                        part.alternative.or(Some(alternatives))
                    } else {
                        part.alternative
                    };
                    frames.push(Frame { boundary, alternative, digest: part.media == "multipart/digest" });
                    let depth = frames.len();
                    let (content, next) = until_boundary(rest, &mut frames);
                    found.parted |= next.is_some();
                    // A multipart without any part in it is shown as the text it is.
                    if next.is_none() || frames.len() < depth {
                        found.note("a multipart in it has no parts: it may be cut off");
                        found.leaves.push(Part { media: "text/plain".to_owned(), body: content, ..part });
                    }
                    match next {
                        Some(after) => rest = after,
                        None => break,
                    }
                }
                boundary => {
                    if boundary.is_some() {
                        found.note("its parts are nested too deep: what is deeper was not read");
                    } else if is_multipart {
                        // Better its raw parts before a person's eyes than nothing.
                        found.note("a multipart in it names no boundary: it is shown as it is");
                        part.media = "text/plain".to_owned();
                    }
                    let (content, next) = until_boundary(rest, &mut frames);
                    part.body = content;
                    found.leaves.push(part);
                    match next {
                        Some(after) => rest = after,
                        None => break,
                    }
                }
            }
            if found.leaves.len() >= MAX_PARTS {
                found.note("it has too many parts: the rest was not read");
                break;
            }
            // A part begins; the frame it stands in is the innermost that is left.
            let (header, after) = Header::split_part(rest);
            let digest = frames.last().is_some_and(|f| f.digest);
            part = Part::of(&header, after, digest, found.charset());
            part.alternative = frames.last().and_then(|f| f.alternative);
            rest = after;
        }
        found
    }

    /// The charset that its first part with one claims: what a program writes without one is most likely in that too.
    pub fn charset(&self) -> Option<&str> {
        self.leaves.iter().find_map(|part| part.charset.as_deref())
    }

    /// What S/MIME has signed as one opaque piece: the content of each such leaf, by its place; and what is to be said of
    /// such leaves.
    pub fn signed(&self, problems: &mut Vec<String>) -> Vec<(usize, Vec<u8>)> {
        let leaves = self.leaves.iter().enumerate();
        leaves.filter_map(|(index, part)| Some((index, part.signed(problems, 0)?))).collect()
    }

    /// Reads what is signed like any mail; its wrapper gives way to what it wraps.
    pub fn open(&mut self, signed: &'a [(usize, Vec<u8>)]) {
        for (index, content) in signed.iter().rev() {
            let (header, body) = Header::split(content);
            let Self { leaves, problems, .. } = Self::find(&header, body);
            self.leaves.splice(index..=index, leaves);
            self.problems.extend(problems);
        }
    }

    fn note(&mut self, problem: &str) {
        if !self.problems.iter().any(|p| p == problem) {
            self.problems.push(problem.to_owned());
        }
    }
}

/// Reads up to the next line that begins a part. Gives what stood before it, and what follows it, or `None` when
/// there is no further part. Frames that end on the way are taken off. Linear in the octets it passes.
fn until_boundary<'a>(raw: &'a [u8], frames: &mut Vec<Frame>) -> (&'a [u8], Option<&'a [u8]>) {
    let mut content: Option<&[u8]> = None;
    let mut rest = raw;
    let mut at = 0_usize;
    while !rest.is_empty() && !frames.is_empty() {
        let len = rest.iter().position(|&c| c == b'\n').map_or(rest.len(), |n| n + 1);
        let (line, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        if let Some((index, last)) = delimiter(line, frames) {
            content = content.or_else(|| raw.get(..at));
            frames.truncate(if last { index } else { index + 1 });
            if !last {
                return (without_line_end(content.unwrap_or(raw)), Some(after));
            }
        }
        at += len;
        rest = after;
    }
    (content.map_or(raw, without_line_end), None)
}

/// The frame that a line delimits, the innermost that fits, and whether it is its end (RFC 2046 section 5.1.1). A line
/// is compared whole: only blanks may follow.
fn delimiter(line: &[u8], frames: &[Frame]) -> Option<(usize, bool)> {
    let line = delimiting(line)?;
    frames.iter().enumerate().rev().find_map(|(index, frame)| {
        let tail = line.strip_prefix(frame.boundary.as_slice())?;
        match tail {
            b"" => Some((index, false)),
            b"--" => Some((index, true)),
            _ => None,
        }
    })
}

/// What stands behind the two dashes of a line that may be a delimiter, without blanks at its end.
fn delimiting(line: &[u8]) -> Option<&[u8]> {
    let line = without_line_end(line.strip_prefix(b"--")?);
    let end = line.iter().rposition(|c| !matches!(c, b' ' | b'\t')).map_or(0, |last| last + 1);
    line.get(..end)
}

/// The boundary that a body begins with, where its first line that is not blank is a delimiter and the part below it
/// begins with a field of MIME, and has a Content-Type.
fn first_boundary(body: &[u8]) -> Option<&[u8]> {
    let blank = |line: &&[u8]| line.iter().all(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n'));
    let above: usize = body.split_inclusive(|&c| c == b'\n').take_while(blank).map(<[u8]>::len).sum();
    let rest = body.get(above..)?;
    let line = rest.split_inclusive(|&c| c == b'\n').next()?;
    let part = rest.get(line.len()..)?;
    let says_type = Header::split_part(part).0.first("content-type").is_some();
    let begins = part.get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"content-"));
    delimiting(line).filter(|boundary| !boundary.is_empty() && begins && says_type)
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(content: &[u8]) -> &[u8] {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    content.strip_suffix(b"\r").unwrap_or(content)
}

impl<'a> Part<'a> {
    /// Reads the Content-* fields of a part.
    fn of(header: &Header<'_>, body: &'a [u8], in_digest: bool, around: Option<&str>) -> Self {
        let default = if in_digest { "message/rfc822" } else { "text/plain" };
        let mut part = Self {
            media: default.to_owned(),
            charset: None,
            name: None,
            attached: false,
            flowed: None,
            report_type: None,
            method: None,
            smime: None,
            alternative: None,
            encoding: Encoding::None,
            boundary: None,
            body,
        };
        if let Some(kind) = header.first("content-type").map(|field| ContentField::parse(field, around)) {
            part.media = match kind.value.split_once('/') {
                Some(_) => clean_line(&kind.value, 100),
                // "Content-Type: text" is old software's text/plain.
                None if kind.value == "text" => "text/plain".to_owned(),
                None if kind.value.is_empty() => part.media,
                None => "application/octet-stream".to_owned(),
            };
            part.charset = kind.word("charset").map(|c| clean_line(c, 50));
            part.name = kind.get("name").and_then(file_name);
            part.boundary =
                kind.get("boundary").map(|b| b.as_bytes().trim_ascii_end().to_vec()).filter(|b| !b.is_empty());
            let lower = |name: &str| kind.word(name).map(str::to_ascii_lowercase);
            part.flowed = lower("format").filter(|f| f == "flowed").map(|_| lower("delsp").as_deref() == Some("yes"));
            part.report_type = lower("report-type");
            part.method = lower("method");
            part.smime = lower("smime-type");
        }
        if let Some(how) = header.first("content-disposition").map(|field| ContentField::parse(field, around)) {
            part.attached = how.value == "attachment";
            part.name = how.get("filename").and_then(file_name).or(part.name);
        }
        part.encoding = match header.keyword("content-transfer-encoding").as_deref().map(trim_blanks) {
            None | Some("" | "7bit" | "8bit" | "binary") => Encoding::None,
            Some(e) if e.starts_with("base64") => Encoding::Base64,
            Some(e) if e.starts_with("quoted-printable") => Encoding::QuotedPrintable,
            Some(_) => Encoding::Unknown,
        };
        part
    }

    /// Its octets with the transfer encoding undone, at most [`MAX_DECODED`] of them; true when there are more.
    pub fn decoded(&self) -> (Vec<u8>, bool) {
        self.decoded_to(MAX_DECODED)
    }

    /// All of its octets with the transfer encoding undone.
    pub(super) fn content(&self) -> Vec<u8> {
        self.decoded_to(self.body.len()).0
    }

    fn decoded_to(&self, max: usize) -> (Vec<u8>, bool) {
        let raw = self.body.get(..3 * max).unwrap_or(self.body);
        let mut octets = match self.encoding {
            Encoding::Base64 => decode::base64(raw, max + 1),
            Encoding::QuotedPrintable => decode::quoted_printable(raw, max + 1),
            Encoding::None | Encoding::Unknown => raw.get(..max + 1).unwrap_or(raw).to_vec(),
        };
        let more = octets.len() > max || raw.len() < self.body.len();
        octets.truncate(max);
        (octets, more)
    }

    /// The content of what S/MIME has signed, of which one may stand in another; and what is to be said of it. Gateways
    /// call it a file.
    fn signed(&self, problems: &mut Vec<String>, depth: usize) -> Option<Vec<u8>> {
        let named = || self.name.as_deref().is_some_and(|n| n.to_ascii_lowercase().ends_with(".p7m"));
        if !(self.media.ends_with("pkcs7-mime") || self.media == "application/octet-stream" && named()) {
            return None;
        }
        let missing = || format!("it is signed (S/MIME), and its content is missing or cut off: {RAW_MAIL}");
        let (problem, content) = match (smime::open(&self.decoded_to(MAX_SIGNED).0), self.smime.as_deref()) {
            (Wrapped::Signed(content, whole), _) => {
                let read = (!content.is_empty()).then_some(content);
                let unverified = "its signature (S/MIME) was not verified: it commands nothing";
                problems.extend(read.as_ref().map(|_| unverified.to_owned()));
                ((!whole || read.is_none()).then(missing), read)
            }
            (Wrapped::Encrypted, _) | (Wrapped::Other, Some("enveloped-data" | "authenveloped-data")) => {
                (Some(ENCRYPTED.to_owned()), None)
            }
            (Wrapped::Other, Some("signed-data")) => (Some(missing()), None),
            (Wrapped::Other, _) => {
                (Some(format!("it holds an S/MIME message that cannot be read here: {RAW_MAIL}")), None)
            }
        };
        problems.extend(problem);
        let content = content?;
        let (header, body) = Header::split(&content);
        let deeper = match Parts::find(&header, body).leaves.as_slice() {
            [inner] if depth < MAX_SIGNED_DEPTH => inner.signed(problems, depth + 1),
            _ => None,
        };
        Some(deeper.unwrap_or(content))
    }

    /// Its text with lines that end in `\n`, not cleaned; and what was odd about it.
    pub fn text(&self) -> (String, Vec<String>) {
        let mut problems = Vec::new();
        let (octets, more) = self.decoded();
        // A page may name its charset itself.
        let named = || {
            let head = decode::bytes(octets.get(..1024).unwrap_or(&octets)).to_ascii_lowercase();
            let (_, named) = head.split_once("charset=").filter(|_| self.media == "text/html")?;
            named.split(['"', '\'', '/', '>', ' ']).find(|w| !w.is_empty()).map(|c| clean_line(c, 50))
        };
        let claimed = self.charset.clone().or_else(named);
        let (text, fit) = decode::charset(&octets, claimed.as_deref());
        if more {
            problems.push("its text is longer than 1 MiB: the rest is in the raw mail only".to_owned());
        }
        let named = claimed.is_some();
        let claimed = claimed.as_deref().unwrap_or("us-ascii");
        match fit {
            Fit::Held => {}
            Fit::Broken if !named => problems.push("its text names no charset: letters may be wrong".to_owned()),
            Fit::Broken => problems.push(format!("its text is not in the charset it claims ({claimed})")),
            Fit::Unknown => {
                problems.push(format!("its text is in the charset {claimed}, which cannot be read here: {RAW_MAIL}"))
            }
        }
        if self.encoding == Encoding::Unknown {
            problems.push("it has an unknown transfer encoding".to_owned());
        }
        (decode::line_ends(text), problems)
    }

    /// How many octets it holds, decoded; not counted exactly where that would mean decoding it.
    pub fn size(&self) -> u64 {
        match self.encoding {
            Encoding::Base64 => decode::base64_size(self.body),
            Encoding::None | Encoding::QuotedPrintable | Encoding::Unknown => {
                u64::try_from(self.body.len()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Whether it is text for a person to read at once.
    pub fn is_inline_text(&self) -> bool {
        !self.attached && self.is_text()
    }

    fn is_text(&self) -> bool {
        self.media == "text/plain" || self.media == "text/html"
    }

    /// Whether it is plain text that its sender typed: a text that bears a name is a file.
    pub fn is_typed(&self) -> bool {
        self.media == "text/plain" && !self.attached && self.name.is_none()
    }
}

/// A Content-* field: a value and its parameters (RFC 2045 section 5.1), read leniently. One pass over its octets.
struct ContentField {
    /// In lower case.
    value: String,
    parameters: Vec<(String, String)>,
}

impl ContentField {
    fn parse(field: &[u8], around: Option<&str>) -> Self {
        let field = decode::unfolded(field);
        let mut octets = field.iter().copied();
        let value = decode::bytes(&next_piece(&mut octets));
        let value =
            value.split(|c: char| c.is_ascii_whitespace() || c == '(').find(|w| !w.is_empty()).unwrap_or_default();
        let mut pieces = Vec::new();
        while octets.len() > 0 {
            let piece = next_piece(&mut octets);
            let Some(at) = piece.iter().position(|&c| c == b'=') else { continue };
            let (name, octets) = piece.split_at_checked(at).unwrap_or((&piece, &[]));
            let name = decode::bytes(name.trim_ascii()).to_ascii_lowercase();
            let octets = octets.strip_prefix(b"=").unwrap_or(octets).trim_ascii().to_vec();
            let (base, number) = name.trim_end_matches('*').split_once('*').unwrap_or((&name, "0"));
            pieces.push(Piece {
                name: base.trim_end_matches('*').to_owned(),
                number: number.parse().unwrap_or(u32::MAX),
                plain: usize::MAX - name.matches('*').count(),
                encoded: name.ends_with('*'),
                octets,
            });
        }
        // Of one that is there in several forms that of RFC 2231 says most; else the first counts.
        pieces.sort_by(|a, b| (&a.name, a.number, a.plain).cmp(&(&b.name, b.number, b.plain)));
        pieces.dedup_by(|later, first| (&later.name, later.number) == (&first.name, first.number));
        let parameters =
            pieces.chunk_by(|a, b| a.name == b.name).filter_map(|pieces| parameter(pieces, around)).collect();
        Self { value: value.to_ascii_lowercase(), parameters }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is one word: comments and what else stands behind it are not of it.
    fn word(&self, name: &str) -> Option<&str> {
        self.get(name)?.split(|c: char| c.is_ascii_whitespace() || c == '(').find(|w| !w.is_empty())
    }
}

/// The octets up to the next `;` outside of quotes, without the quotes.
fn next_piece(octets: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let mut piece = Vec::new();
    let (mut quoted, mut closed) = (false, false);
    while let Some(c) = octets.next() {
        match c {
            b'"' => {
                closed = quoted;
                quoted = !quoted;
            }
            b'\\' if quoted => piece.extend(octets.next()),
            b';' if !quoted => break,
            // Behind a quoted string only another one counts.
            _ if closed && !quoted => {}
            _ => piece.push(c),
        }
    }
    piece
}

/// A parameter, or a piece of one (RFC 2231 section 3).
struct Piece {
    name: String,
    number: u32,
    /// The greater, the less of the RFC is in its form.
    plain: usize,
    encoded: bool,
    octets: Vec<u8>,
}

/// Joins the pieces of a parameter before they are decoded: a character may stand across two.
fn parameter(pieces: &[Piece], around: Option<&str>) -> Option<(String, String)> {
    let first = pieces.first()?;
    let mut charset = "utf-8".to_owned();
    let mut octets = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut fields = piece.octets.splitn(3, |&c| c == b'\'');
        let content = match (fields.next(), fields.nth(1)) {
            (Some(named), Some(content)) if index == 0 && piece.encoded => {
                charset = Some(decode::bytes(named)).filter(|c| !c.is_empty()).unwrap_or(charset);
                content
            }
            _ => &piece.octets,
        };
        octets.extend(if piece.encoded { decode::percent(content) } else { content.to_vec() });
    }
    let value = if first.encoded { decode::charset(&octets, Some(&charset)).0 } else { decode::words(&octets, around) };
    Some((first.name.clone(), value))
}

fn file_name(claimed: &str) -> Option<String> {
    let name: String = claimed.chars().map(|c| if matches!(c, '/' | '\\' | ':') { '_' } else { c }).collect();
    Some(clean_line(name.trim_start_matches('.'), 100)).filter(|n| !n.is_empty())
}
