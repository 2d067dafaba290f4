//! What a mail is known by when it comes again as another one.
//!
//! Whoever has a mail can send it again, with other fields around what is signed, one more blank line, a signature more or
//! less. So a mail that is obeyed spends every signature and seal in it, verified or not, and what its writer made: one
//! that bears any of them again is the same word again. A signature cannot be altered and stay good; where no signature
//! vouches, whoever alters the rest must be able to send in that name, and needs no old mail for it.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::Mail;
use super::header::{self, Header};
use super::signature::{MOST_SEALS, without_blanks};
use crate::vocabulary::{Address, MessageId, Print};

/// The fields that bear a signature, in their tag `b=` (RFC 6376 section 3.5, RFC 8617 section 4.1).
const SIGNATURES: [&str; 3] = ["dkim-signature", "arc-message-signature", "arc-seal"];

/// All that a mail spends when it is obeyed: each `b=` as octets, of at most [`MOST_SEALS`] fields of a kind, which is as
/// many as are ever read; and From, Date, Message-ID and the relaxed body (RFC 6376 section 3.4.4).
pub(crate) fn prints(mail: &Mail, raw: &[u8]) -> Vec<Print> {
    let (header, body) = Header::split(raw);
    let fields = SIGNATURES.iter().flat_map(|name| header.all(name).take(MOST_SEALS));
    let mut all: Vec<Print> = fields.flat_map(signatures).collect();
    let from = mail.from.as_ref().map_or(String::new(), Address::key);
    let date = mail.date.map_or(String::new(), |date| date.to_string());
    let mut hash = parts(&[&from, &date, mail.message_id.as_ref().map_or("", MessageId::as_str)]);
    relaxed(body, &mut hash);
    all.push(Print::of(hash.finalize().into()));
    all
}

/// The print of what these texts say together.
pub(crate) fn print_of(texts: &[&str]) -> Print {
    Print::of(parts(texts).finalize().into())
}

/// Each text with its length before it, so that no two lists are one.
fn parts(texts: &[&str]) -> Sha256 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash
}

/// The `b=` of a field, also where its other tags cannot be read; of several the first two.
fn signatures(field: &[u8]) -> Vec<Print> {
    let field = header::unfold(field);
    let values = field.split(';').filter_map(|tag| tag.split_once('=')).filter(|(name, _)| name.trim() == "b");
    let octets = values.map(|(_, value)| without_blanks(value)).filter(|value| !value.is_empty()).map(|value| {
        let decoded = BASE64.decode(value.as_bytes());
        decoded.unwrap_or_else(|_| value.into_bytes())
    });
    octets.take(2).map(|octets| Print::of(Sha256::digest(octets).into())).collect()
}

/// The body as no way changes it that keeps a relaxed signature good.
fn relaxed(body: &[u8], hash: &mut Sha256) {
    let is_blank = |c: &u8| matches!(c, b' ' | b'\t');
    let mut empty = 0_u64;
    for line in body.split(|c| *c == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = line.iter().rposition(|c| !is_blank(c)).map_or(0, |at| at + 1);
        if end == 0 {
            empty += 1;
            continue;
        }
        (0..std::mem::take(&mut empty)).for_each(|_| hash.update(b"\r\n"));
        for (number, word) in line.get(..end).unwrap_or(line).split(is_blank).enumerate() {
            if number > 0 && !word.is_empty() {
                hash.update(b" ");
            }
            hash.update(word);
        }
        hash.update(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::read::read;

    const MAIL: &str = "DKIM-Signature: v=1; d=a.test; b=aGVs\r\n bG8=\r\nFrom: ada@a.test\r\n\
                        Date: Mon, 4 Jan 2027 10:00:00 +0000\r\nMessage-ID: <1@a.test>\r\nSubject: s\r\n\r\n/valid\r\n\r\n\
                        one  two\r\n";

    fn of(raw: &str) -> Vec<Print> {
        prints(&read(raw.as_bytes()), raw.as_bytes())
    }

    fn shares(raw: &str) -> bool {
        let own = of(MAIL);
        of(raw).iter().any(|print| own.contains(print))
    }

    #[test]
    fn what_was_obeyed_is_known_however_it_is_changed() {
        let stripped = MAIL.replace("DKIM-Signature", "X-Was");
        for (old, new) in [
            ("Subject: s", "Subject: other"),
            ("<1@a.test>", "<2@a.test>"),
            ("10:00:00", "11:00:00"),
            ("one", "another"),
            ("b=aGVs\r\n bG8=", "b=a G V s b G 8 ="),
            ("v=1; d=a.test; b=aGVs\r\n bG8=", "b=aGVsbG8=; b=eWVz; v=2; v=2; nonsense"),
            ("DKIM-Signature: v=1; d=a.test;", "ARC-Seal: i=1; d=other.test;"),
            ("DKIM-Signature: v=1; d=a.test;", "ARC-Message-Signature: i=1;"),
            ("DKIM-Signature", "DKIM-Signature: v=1; b=eWVz\r\nDKIM-Signature"),
        ] {
            assert!(MAIL.contains(old) && shares(&MAIL.replace(old, new)), "{new}");
        }
        for (old, new) in [
            ("one  two\r\n", "one\t \ttwo \r\n\r\n \r\n"),
            ("one  two\r\n", "one two"),
            ("\r\n", "\n"),
            ("From: ada@a.test", "From: \"Ada\" <Ada@A.test>"),
            ("Mon, 4 Jan 2027 10:00:00 +0000", "4 Jan 2027 11:00:00 +0100"),
        ] {
            assert!(stripped.contains(old) && shares(&stripped.replace(old, new)), "{new}");
        }
        for (old, new) in [
            ("<1@a.test>", "<2@a.test>"),
            ("10:00:00", "11:00:00"),
            ("one  two", "onetwo"),
            ("\r\n\r\none", "\r\none"),
            ("\r\n\r\none", "\r\n\r\n\r\none"),
            ("one", " one"),
            ("From: ada", "From: bob"),
        ] {
            assert!(stripped.contains(old) && !shares(&stripped.replace(old, new)), "{new}");
        }
    }

    #[test]
    fn the_prints_of_one_mail_are_bounded() {
        let many = |name: &str| (0..300).map(|n| format!("{name}: b={n}\r\n")).collect::<String>();
        let crowd = format!("{}{}{}{MAIL}", many("DKIM-Signature"), many("ARC-Seal"), many("ARC-Message-Signature"));
        assert_eq!(of(&crowd).len(), 3 * MOST_SEALS + 1);
        assert_eq!(of("\r\n").len(), 1);
        assert_ne!(print_of(&["a", "bc"]), print_of(&["ab", "c"]));
    }
}
