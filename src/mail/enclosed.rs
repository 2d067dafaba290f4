//! Mails within a mail: attached as a file of their own (RFC 2046 section 5.2.1), or forwarded in the text below a block of
//! header lines. Whoever sent the mail can have written them: they are shown as claimed, and they command nothing.

use super::attached::{self, Attachment};
use super::body::{self, Text};
use super::header::Header;
use super::lenient;
use super::parts::Parts;
use super::reply;
use super::reply::words::{FROM_NAMES, OTHER_NAMES, SUBJECT_NAMES};
use crate::vocabulary::{Address, clean_line};

/// The most mails that are read within one in each way, and how deep they may stand within each other.
const MAX_MAILS: usize = 5;
const MAX_DEPTH: usize = 3;
/// Lines of a text in which a forwarded mail is looked for.
const MAX_LINES: usize = 2_000;
/// The most lines of a block of header lines, and the most words and octets of a name in it.
const MAX_BLOCK: usize = 16;
const MAX_NAME_WORDS: usize = 3;
const MAX_NAME: usize = 40;
/// The longest value in it, in octets.
const MAX_VALUE: usize = 1_000;
/// The longest line that is shown of it, in characters.
const MAX_SHOWN: usize = 250;

/// A mail within another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// Its sender as written, decoded, one line.
    pub from: String,
    /// The one address in that, as [`lenient`] reads it.
    pub address: Option<Address>,
    /// Its date as written.
    pub date: String,
    /// Its subject, decoded, one line.
    pub subject: String,
    /// Its text; `None` where it stands in the text of the mail around it.
    pub text: Option<String>,
    /// What is attached to it.
    pub attachments: Vec<Attachment>,
    /// Whether known words name its sender; else its form alone says that it is a mail.
    pub named: bool,
}

/// The mails that are attached to one, those within them behind each.
pub(super) fn attached(parts: &Parts<'_>) -> Vec<Enclosed> {
    let mut found = Vec::new();
    collect(parts, 1, &mut found);
    found
}

fn collect(outer: &Parts<'_>, depth: usize, found: &mut Vec<Enclosed>) {
    for part in outer.leaves.iter().filter(|p| body::is_mail(p)) {
        if found.len() >= MAX_MAILS || depth > MAX_DEPTH {
            return;
        }
        let (octets, _) = part.decoded();
        let (header, body) = Header::split(&octets);
        let mut inner = Parts::find(&header, body);
        let signed = inner.signed(&mut Vec::new());
        inner.open(&signed);
        let text = Text::choose(&inner);
        let shown = |name| clean_line(&header.text(name, inner.charset()).unwrap_or_default(), MAX_SHOWN);
        found.push(Enclosed {
            from: shown("from"),
            address: header.first("from").and_then(lenient::one),
            date: shown("date"),
            subject: shown("subject"),
            // Without a text of its own that of a mail in it was taken, which comes next.
            text: Some(if text.attached { String::new() } else { text.text }),
            attachments: attached::list(&inner),
            named: true,
        });
        collect(&inner, depth + 1, found);
    }
}

/// The mails that are forwarded in a text, the outermost first. Programs name the lines of such a block in the language of whoever
/// forwards, so the form counts: lines of a name and a value, among them a date and, first of those with an address, the
/// sender. Where the name of the sender's line is a known word, two others that are known will do for the date.
pub(super) fn forwarded(text: &str) -> Vec<Enclosed> {
    let lines: Vec<&str> = text.lines().take(MAX_LINES).map(|l| l.trim_start_matches(['>', ' ', '\u{a0}'])).collect();
    let begins = |at: &usize| *at == 0 || lines.get(at - 1).is_none_or(|above| field(above).is_none());
    let (mut found, mut below) = (Vec::new(), 0);
    for at in (0..lines.len()).filter(begins) {
        if at >= below
            && found.len() < MAX_MAILS
            && let Some((mail, length)) = lines.get(at..).and_then(read)
        {
            found.push(mail);
            below = at + length;
        }
    }
    found
}

/// Reads the block at the head of some lines, and says how many it has.
fn read(lines: &[&str]) -> Option<(Enclosed, usize)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut length = 0;
    for line in lines.iter().take(MAX_BLOCK) {
        match (field(line), fields.last_mut()) {
            (Some(field), _) => fields.push(field),
            // A long list of recipients goes on below, and so does a name that is too long for its line.
            (None, Some((name, value))) if line.len() <= MAX_VALUE && goes_on(name, value, line) => {
                value.push(' ');
                value.push_str(line);
            }
            (None, _) => break,
        }
        length += 1;
    }
    let sender = |value: &str| lenient::one(value.as_bytes());
    let known = fields.iter().find(|(name, _)| FROM_NAMES.has(name));
    let (name, from) = known.or_else(|| fields.iter().find(|(_, value)| sender(value).is_some()))?;
    let others = || fields.iter().filter(|(other, _)| other != name);
    let is_other = |(name, _): &&(String, String)| OTHER_NAMES.has(name) || SUBJECT_NAMES.has(name);
    let date = others().find(|(_, value)| is_date(value) && sender(value).is_none());
    let is_mail = date.is_some() || known.is_some() && others().filter(is_other).count() >= 2;
    if fields.len() < 3 || !is_mail {
        return None;
    }
    let is_subject = |(other, value): &&(String, String)| {
        let dated = date.is_some_and(|(name, _)| name == other);
        !dated && sender(value).is_none()
    };
    let subject = others().find(|(name, _)| SUBJECT_NAMES.has(name)).or_else(|| others().find(is_subject));
    let shown = |field: Option<&(String, String)>| clean_line(field.map_or("", |(_, value)| value), MAX_SHOWN);
    let mail = Enclosed {
        from: clean_line(from, MAX_SHOWN),
        address: sender(from),
        date: shown(date),
        subject: shown(subject),
        text: None,
        attachments: Vec::new(),
        named: known.is_some(),
    };
    Some((mail, length))
}

/// Whether a value goes on in the line below it.
fn goes_on(name: &str, value: &str, line: &str) -> bool {
    let is_list = value.ends_with([',', ';']) && !line.trim().is_empty();
    is_list || FROM_NAMES.has(name) && line.contains('@') && lenient::one(value.as_bytes()).is_none()
}

/// A line of such a block: its name in lower case, and its value.
fn field(line: &str) -> Option<(String, String)> {
    let name = reply::header_name(line).filter(|name| name.len() <= MAX_NAME && !name.contains(['@', '/', '<']))?;
    let value = line.split_once([':', '：'])?.1.trim_matches(['*', '_', ' ', '\u{a0}']);
    let few = name.split_whitespace().nth(MAX_NAME_WORDS).is_none();
    (few && !value.is_empty() && value.len() <= MAX_VALUE).then(|| (name, value.to_owned()))
}

/// Whether a value looks like a date: a year, a day, and mostly a time.
fn is_date(value: &str) -> bool {
    let numbers = || value.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
    value.len() <= 100 && numbers().count() >= 2 && numbers().any(|n| n.len() == 4 && n.starts_with(['1', '2']))
}

#[cfg(test)]
mod tests;
