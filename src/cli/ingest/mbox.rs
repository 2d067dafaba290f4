//! An mbox, mail by mail (RFC 4155 appendix A). Of the whole file only one mail is in memory at a time.

use std::io::{BufRead, Read};

use super::{Failure, Found};
use crate::maildir::HEAD;

/// Octets that are looked at in one go; a longer line is handed on in pieces.
const PIECE: u64 = 64 * 1024;

/// Hands over the mails. One begins at a line "From " at the start of the file or after an empty line. What follows
/// the word is not checked: a body that was split in two makes one ticket too many, a mail that was joined to the
/// one before would be lost.
pub(super) fn split(
    mut reader: impl BufRead,
    max: u64,
    take: &mut dyn FnMut(Found) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut mail: Option<Collected> = None;
    let mut piece = Vec::new();
    let (mut at_start, mut after_empty, mut in_from) = (true, true, false);
    loop {
        piece.clear();
        if reader.by_ref().take(PIECE).read_until(b'\n', &mut piece)? == 0 {
            break;
        }
        let starts = at_start;
        at_start = piece.ends_with(b"\n");
        if starts {
            in_from = after_empty && piece.starts_with(b"From ");
            after_empty = piece == b"\n" || piece == b"\r\n";
            if in_from && let Some(before) = mail.replace(Collected::new(max)) {
                take(before.finish())?;
            }
        }
        if let Some(mail) = mail.as_mut().filter(|_| !in_from) {
            mail.push(if starts { unescaped(&piece) } else { &piece });
        }
    }
    mail.map_or(Ok(()), |last| take(last.finish()))
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
    fn new(max: u64) -> Self {
        Self { raw: Vec::new(), size: 0, max }
    }

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
