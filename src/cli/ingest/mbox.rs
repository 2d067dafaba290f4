//! An mbox, mail by mail (RFC 4155 appendix A). Of the whole file only one mail is in memory at a time.

use std::io::{BufRead, Read};

use super::found::{Failure, Found};
use crate::mail::header::Header;
use crate::maildir::HEAD;

/// Octets that are looked at in one go; a longer line is handed on in pieces.
const PIECE: u64 = 64 * 1024;

/// Hands over the mails. One begins at a line "From " at the start of the file, and at one after an empty line where a
/// field of a header stands below: some writers leave such lines of a body as they are. What follows the word is not
/// checked, and no Content-Length is believed: a body that was split in two makes one ticket too many, a mail that was
/// joined to the one before would be lost.
pub(super) fn split(
    mut reader: impl BufRead,
    max: u64,
    take: &mut dyn FnMut(Found) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut splitter =
        Splitter { mail: None, max, at_start: true, after_empty: true, in_from: false, from: Vec::new() };
    let mut piece = Vec::new();
    loop {
        piece.clear();
        if reader.by_ref().take(PIECE).read_until(b'\n', &mut piece)? == 0 {
            break;
        }
        splitter.push(&piece, take)?;
    }
    splitter.decide(b"", take)?;
    splitter.mail.map_or(Ok(()), |last| take(last.finish()))
}

/// An mbox as it is read.
struct Splitter {
    mail: Option<Collected>,
    max: u64,
    /// The next piece begins a line; the line before was empty; this one is a "From " line.
    at_start: bool,
    after_empty: bool,
    in_from: bool,
    /// A "From " line, of which the next line says whether it begins a mail.
    from: Vec<u8>,
}

impl Splitter {
    fn push(&mut self, piece: &[u8], take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
        let starts = self.at_start;
        self.at_start = piece.ends_with(b"\n");
        if starts {
            self.decide(piece, take)?;
            self.in_from = self.after_empty && piece.starts_with(b"From ");
            self.after_empty = piece == b"\n" || piece == b"\r\n";
        }
        if self.in_from {
            let room = usize::try_from(self.max).unwrap_or(usize::MAX).saturating_sub(self.from.len());
            self.from.extend(piece.iter().take(room));
        } else if let Some(mail) = &mut self.mail {
            mail.push(if starts { unescaped(piece) } else { piece });
        }
        Ok(())
    }

    /// Says of a "From " line what it was, now that the next line is known.
    fn decide(&mut self, next: &[u8], take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
        let from = std::mem::take(&mut self.from);
        match &mut self.mail {
            _ if from.is_empty() => {}
            Some(mail) if Header::split_part(next).0.is_empty() => mail.push(&from),
            before => {
                let new = Collected { raw: Vec::new(), size: 0, max: self.max };
                before.replace(new).map_or(Ok(()), |before| take(before.finish()))?;
            }
        }
        Ok(())
    }
}

/// ">From " was "From " before the mail was put into the mbox, ">>From " was ">From ".
fn unescaped(line: &[u8]) -> &[u8] {
    match line.strip_prefix(b">") {
        Some(rest)
            if rest.iter().position(|c| *c != b'>').is_some_and(|n| rest.iter().skip(n).take(5).eq(b"From ")) =>
        {
            rest
        }
        Some(_) | None => line,
    }
}

/// A mail being read.
struct Collected {
    raw: Vec<u8>,
    size: u64,
    max: u64,
}

impl Collected {
    fn push(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        if self.size <= self.max {
            self.raw.extend_from_slice(piece);
        }
    }

    fn finish(mut self) -> Found {
        if self.size > self.max {
            self.raw.truncate(usize::try_from(HEAD.min(self.max)).unwrap_or(usize::MAX));
            return Found { raw: self.raw, size: self.size };
        }
        // The empty line before the next "From " belongs to the mbox.
        for end in [&b"\r\n"[..], b"\n"] {
            let before = self.raw.strip_suffix(end).filter(|b| b.ends_with(b"\n")).map(<[u8]>::len);
            if let Some(length) = before {
                self.raw.truncate(length);
                break;
            }
        }
        Found { size: self.raw.len() as u64, raw: self.raw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(mbox: &[u8], max: u64) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        let done = split(mbox, max, &mut |found| {
            all.push((String::from_utf8(found.raw).unwrap(), found.size));
            Ok(())
        });
        assert!(done.is_ok());
        all
    }

    fn check(mbox: &str, expect: &[&str]) {
        let texts: Vec<String> = mails(mbox.as_bytes(), 1 << 20).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts, expect, "{mbox:?}");
    }

    #[test]
    fn mails_begin_after_an_empty_line() {
        check("From a\nA: 1\n\nx\n\nFrom b\nA: 2\n\ny\n", &["A: 1\n\nx\n", "A: 2\n\ny\n"]);
        check("From a\nA: 1\n\nx\nFrom here on\n", &["A: 1\n\nx\nFrom here on\n"]);
        check("From a\r\nA: 1\r\n\r\nx\r\n\r\nFrom b\r\nA: 2\r\n", &["A: 1\r\n\r\nx\r\n", "A: 2\r\n"]);
        check("From a\nA: 1\n\n>From b\n>>From c\n> From d\n", &["A: 1\n\nFrom b\n>From c\n> From d\n"]);
        check("From a\nA: 1\n\nx\n\n\n", &["A: 1\n\nx\n\n"]);
        check("From a\nA: 1\n\nno line end", &["A: 1\n\nno line end"]);
        check("From a", &[""]);
        check("", &[]);
    }

    #[test]
    fn a_mail_begins_where_a_field_stands_below() {
        let body = "x\n\nFrom here\n\nFrom there it is\nseen\n\nFrom x\n>From y\n";
        let next = "From b\nA: 2\n\ny\n";
        let whole = format!("Content-Length: 7\n\n{}", body.replace(">From", "From"));
        check(&format!("From a\nContent-Length: 7\n\n{body}\n{next}"), &[&whole, "A: 2\n\ny\n"]);
        check(&format!("From a\n\n{next}"), &["\n", "A: 2\n\ny\n"]);
        check("From a\nA: 1\n\nx\n\nFrom b", &["A: 1\n\nx\n\nFrom b"]);
        check("From a\nA: 1\n\nx\n\nFrom b\nFrom c\n\nFrom d\nA: 2\n", &["A: 1\n\nx\n\nFrom b\nFrom c\n", "A: 2\n"]);
    }

    #[test]
    fn a_long_line_stays_whole() {
        let line = "From ".repeat(50_000);
        check(&format!("From a\nA: 1\n\nx{line}\n\nFrom b\nB: 2\n"), &[&format!("A: 1\n\nx{line}\n"), "B: 2\n"]);
        check(&format!("From {line}\nA: 1\n"), &["A: 1\n"]);
    }

    #[test]
    fn a_large_mail_is_cut_and_the_next_is_not() {
        let body = "x\n".repeat(50_000);
        let found = mails(format!("From a\nA: 1\n\n{body}\nFrom b\nB: 2\n").as_bytes(), 70_000);
        let sizes: Vec<(usize, u64)> = found.iter().map(|(text, size)| (text.len(), *size)).collect();
        assert_eq!(sizes, [(65_536, 100_007), (5, 5)]);
    }
}
