//! An mbox, mail by mail (RFC 4155 appendix A). Of the whole file only one mail is in memory at a time.

use std::io::{BufRead, Read};

use super::{Failure, Found};
use crate::maildir::HEAD;

/// Octets that are looked at in one go; a longer line is handed on in pieces.
const PIECE: u64 = 64 * 1024;

/// Hands over the mails. One begins at a line "From " at the start of the file or after an empty line. What follows
/// the word is not checked: a body that was split in two makes one ticket too many, a mail that was joined to the
/// one before would be lost. So a Content-Length, by which some writers leave such lines as they are, is believed only
/// where the mail indeed ends there.
pub(super) fn split(
    mut reader: impl BufRead,
    max: u64,
    take: &mut dyn FnMut(Found) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut splitter = Splitter { mail: None, max, at_start: true, after_empty: true, in_from: false, counts: true };
    let mut piece = Vec::new();
    loop {
        piece.clear();
        if reader.by_ref().take(PIECE).read_until(b'\n', &mut piece)? == 0 {
            break;
        }
        splitter.push(&piece, take)?;
    }
    splitter.recount(take)?;
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
    /// Whether a Content-Length is looked at.
    counts: bool,
}

impl Splitter {
    fn push(&mut self, piece: &[u8], take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
        let starts = self.at_start;
        self.at_start = piece.ends_with(b"\n");
        if starts {
            self.in_from = self.after_empty && piece.starts_with(b"From ");
            self.after_empty = piece == b"\n" || piece == b"\r\n";
            if self.in_from
                && let Some(mail) = self.mail.as_mut().filter(|m| m.rest() > 0)
            {
                (mail.joined, self.in_from) = (true, false);
            }
            if self.in_from {
                self.recount(take)?;
                if let Some(before) = self.mail.replace(Collected::new(self.max, self.counts)) {
                    take(before.finish())?;
                }
            }
        }
        if let Some(mail) = self.mail.as_mut().filter(|_| !self.in_from) {
            mail.push(if starts { unescaped(piece) } else { piece }, piece.len() as u64);
            // More than the empty line that the mbox adds.
            if mail.rest() < -2 {
                self.recount(take)?;
            }
        }
        Ok(())
    }

    /// Goes over a mail again without its Content-Length, where it does not end there. Each octet is read twice at most.
    fn recount(&mut self, take: &mut dyn FnMut(Found) -> Result<(), Failure>) -> Result<(), Failure> {
        let Some(wrong) = self.mail.take_if(|m| m.joined && !m.is_whole()) else { return Ok(()) };
        let after = (self.at_start, self.after_empty, self.in_from);
        self.mail = Some(Collected::new(self.max, false));
        (self.at_start, self.after_empty, self.in_from, self.counts) = (true, false, false, false);
        wrong.raw.split_inclusive(|c| *c == b'\n').try_for_each(|line| self.push(line, take))?;
        (self.at_start, self.after_empty, self.in_from) = after;
        self.counts = true;
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
    /// Octets that its Content-Length says its body has, once that is read, and those that were.
    length: Option<i64>,
    body: Option<i64>,
    /// A line "From " was taken for a part of the body.
    joined: bool,
}

impl Collected {
    fn new(max: u64, counts: bool) -> Self {
        let body = if counts { None } else { Some(0) };
        Self { raw: Vec::new(), size: 0, max, length: None, body, joined: false }
    }

    /// Octets of the body that are still to come; 0 where nobody knows.
    fn rest(&self) -> i64 {
        self.length.zip(self.body).map_or(0, |(length, body)| length - body)
    }

    /// Whether it ends where its Content-Length says, but for the empty line that the mbox adds.
    fn is_whole(&self) -> bool {
        let empty = self.raw.ends_with(b"\n\n") || self.raw.ends_with(b"\n\r\n");
        self.rest() == 0 || empty && (-2..0).contains(&self.rest())
    }

    /// Takes a piece in, which has so many octets in the file.
    fn push(&mut self, piece: &[u8], octets: u64) {
        self.size += piece.len() as u64;
        if self.size <= self.max {
            self.raw.extend_from_slice(piece);
        }
        match &mut self.body {
            Some(body) => *body = body.saturating_add_unsigned(octets),
            None if piece == b"\n" || piece == b"\r\n" => self.body = Some(0),
            None => {
                let name = piece.get(..15).is_some_and(|n| n.eq_ignore_ascii_case(b"content-length:"));
                let value = piece.get(15..).filter(|_| name).and_then(|v| str::from_utf8(v).ok());
                // What is over the limit could not be gone over again.
                let value =
                    value.and_then(|v| v.trim().parse().ok()).filter(|n: &i64| n.unsigned_abs() <= self.max / 2);
                self.length = value.or(self.length);
            }
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
    fn a_content_length_is_believed_where_the_mail_ends_there() {
        let mail = |length: usize, body: &str| format!("From a\nContent-Length: {length}\n\n{body}");
        let whole = |body: &str| format!("Content-Length: {}\n\n{body}", body.len());
        let body = "x\n\nFrom here\n\nFrom there\n";
        let next = "From b\nA: 2\n\ny\n";
        check(&format!("{}\n{next}", mail(body.len(), body)), &[&whole(body), "A: 2\n\ny\n"]);
        check(&format!("{}{next}", mail(body.len(), &format!("{body}\n"))), &[&whole(body), "A: 2\n\ny\n"]);
        check(&mail(body.len(), body), &[&whole(body)]);
        // Wrong ones: too short, too long, longer than the file.
        let parts = ["x\n", "\n", "\n", "A: 2\n\ny\n"];
        for length in [3, 9, 20, 30, 40, 90] {
            let head = format!("Content-Length: {length}\n\n{}", parts[0]);
            let expect = [head.as_str(), parts[1], parts[2], parts[3]];
            check(&format!("{}\n{next}", mail(length, body)), &expect);
        }
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
