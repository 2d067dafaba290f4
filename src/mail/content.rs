//! What makes two mails one: the same bytes but for their line ends, or the same words by another way.
//!
//! IMAP hands over CRLF, a Maildir LF; an editor drops the last line end, an mbox adds one and writes ">" before
//! "From " (RFC 4155 appendix A). None of that makes another mail. A lone CR is no line end.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Mail;
use super::automatic::Automatic;
use super::header::{self, Header};
use crate::token::LENGTH;
use crate::vocabulary::{Address, MessageId, Print};

/// The hashes that these bytes may be stored under: as they are, with all line ends CRLF, with all LF. No copy is made,
/// since a mail may be large.
pub fn hashes(raw: &[u8]) -> Vec<[u8; 32]> {
    let of = |end: &[u8]| -> [u8; 32] {
        let mut hash = Sha256::new();
        each_piece(raw, end, |piece| hash.update(piece));
        hash.finalize().into()
    };
    let mut all = vec![Sha256::digest(raw).into()];
    all.extend(other_ends(raw).map(of));
    all
}

/// The line ends that the bytes do not bear throughout.
fn other_ends(raw: &[u8]) -> impl Iterator<Item = &'static [u8]> {
    let mut lines = raw.split_inclusive(|c| *c == b'\n').filter(|l| l.ends_with(b"\n"));
    let (mut lf, mut crlf) = (false, false);
    while !(lf && crlf)
        && let Some(line) = lines.next()
    {
        *if line.ends_with(b"\r\n") { &mut crlf } else { &mut lf } = true;
    }
    lf.then_some(&b"\r\n"[..]).into_iter().chain(crlf.then_some(&b"\n"[..]))
}

/// The bytes with all their line ends made one, piece by piece.
fn each_piece(raw: &[u8], end: &[u8], mut take: impl FnMut(&[u8])) {
    for line in raw.split_inclusive(|c| *c == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                take(text.strip_suffix(b"\r").unwrap_or(text));
                take(end);
            }
            None => take(line),
        }
    }
}

/// What a mail is known by: sender, Message-ID, date, subject and body, not the headers that each hop
/// adds. The first is what is stored. By the `old` ones it is known where an earlier version stored it: they count
/// each byte of the body, as received, with CRLF, with LF.
pub fn fingerprints(mail: &Mail, raw: &[u8], old: bool) -> Vec<Print> {
    let (header, body) = Header::split(raw);
    let from = mail.from.as_ref().map_or(String::new(), Address::key);
    let id = mail.message_id.as_ref().map_or("", MessageId::as_str);
    let date = mail.date.map_or(String::new(), |d| d.to_string());
    let head = |from: &str| {
        let mut head = Sha256::new();
        for part in [from, id, &date, &mail.subject] {
            head.update((part.len() as u64).to_be_bytes());
            head.update(part);
        }
        head
    };
    let tokens = tokens(mail);
    let exact = |end: Option<&[u8]>| {
        let (mut hash, mut length) = (head(&from), 0_u64);
        match end {
            Some(end) => each_piece(body, end, |piece| length += piece.len() as u64),
            None => length = body.len() as u64,
        }
        hash.update(length.to_be_bytes());
        match end {
            Some(end) => each_piece(body, end, |piece| hash.update(piece)),
            None => hash.update(body),
        }
        tokens.iter().for_each(|t| hash.update(t));
        Print::of(hash.finalize().into())
    };
    // A byte order mark on top costs a mail its sender, and makes no other mail of it.
    let named: Vec<String> = header.all("from").flat_map(header::addresses).map(|a| a.key()).collect();
    let mut all = vec![alike(head(&named.join(",")), body, &tokens)];
    if old {
        all.push(exact(None));
        all.extend(other_ends(body).map(|end| exact(Some(end))));
    }
    all
}

/// The body as no way of keeping it changes it: LF throughout, no line end at the very end, no ">" that a line of an
/// mbox bears before "From ". Which writer put how many there need not be known.
fn alike(mut hash: Sha256, body: &[u8], tokens: &BTreeSet<String>) -> Print {
    hash.update([u8::try_from(tokens.len()).unwrap_or(u8::MAX)]);
    tokens.iter().for_each(|t| hash.update(t));
    let end = body.iter().rposition(|c| !matches!(c, b'\r' | b'\n')).map_or(0, |at| at + 1);
    for line in body.get(..end).unwrap_or(body).split_inclusive(|c| *c == b'\n') {
        let quotes = line.iter().take_while(|c| **c == b'>').count();
        let bare = line.get(quotes..).filter(|rest| rest.starts_with(b"From ")).unwrap_or(line);
        each_piece(bare, b"\n", |piece| hash.update(piece));
    }
    Print::of(hash.finalize().into())
}

/// Two reports about two notices may differ in nothing but where they go. A command may not: sent once more to another
/// address, it is still the same command.
fn tokens(mail: &Mail) -> BTreeSet<String> {
    if mail.bounce.is_none() && !matches!(mail.automatic, Some(Automatic::Bounce | Automatic::NullSender)) {
        return BTreeSet::new();
    }
    let tags = mail.recipients.iter().filter_map(|a| a.local().split_once('+')).map(|(_, tag)| tag);
    tags.filter(|t| t.len() == LENGTH).map(str::to_ascii_lowercase).collect()
}
