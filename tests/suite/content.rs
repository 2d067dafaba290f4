//! By what a mail is known, however it was kept.

use disclosed::testing::mail::content::{fingerprints, hashes};
use disclosed::testing::mail::read;

fn common<T: PartialEq>(one: &str, other: &str, of: impl Fn(&[u8]) -> Vec<T>) -> bool {
    // Stored is the first; looked up are all.
    of(other.as_bytes()).contains(&of(one.as_bytes())[0])
}

#[test]
fn bytes_are_known_whatever_their_line_ends() {
    let same = |one: &str, other: &str, expect: bool| {
        assert_eq!(common(one, other, hashes), expect, "{one:?} {other:?}");
    };
    for (crlf, lf) in [("a\r\n\r\nb\r\n", "a\n\nb\n"), ("a\r\nb", "a\nb"), ("a\rb\r\n", "a\rb\n"), ("", "")] {
        same(crlf, lf, true);
        same(lf, crlf, true);
        same(lf, lf, true);
    }
    same("a\r\nb\r\n", "a\r\nb\n", true);
    same("a\nb\n", "a\r\nb\n", true);
    same("a\rb", "a\nb", false);
    same("a\r\r\nb", "a\r\nb", false);
    same("a\n", "a", false);
    assert_eq!(hashes(b"a\r\nb\n").len(), 3);
    assert_eq!(hashes(b"a\r\nb\r\n").len(), 2);
}

#[test]
fn words_are_known_however_they_were_kept() {
    let head = "From: r@example.test\nSubject: s\n\n";
    let prints = |raw: &[u8]| fingerprints(&read::read(raw), raw, true);
    let same = |one: &str, other: &str, expect: bool| {
        for (a, b) in [(one, other), (other, one)] {
            for crlf in [false, true] {
                let a = if crlf { format!("{head}{a}").replace('\n', "\r\n") } else { format!("{head}{a}") };
                assert_eq!(common(&a, &format!("{head}{b}"), prints), expect, "{a:?} {b:?}");
            }
        }
    };
    same("a\nb\n", "a\nb", true);
    same("a\nb\n", "a\nb\n\n\n", true);
    same("x\nFrom me\n>From you\n", "x\n>From me\n>>From you\n", true);
    same("x\nFrom me\n>From you\n", "x\n>From me\n>From you\n", true);
    same(">>From a\n", "From a\n", true);
    same("> From a\n", " From a\n", false);
    same(">x\n", "x\n", false);
    same("a\n\nb", "a\nb", false);
    same("a\rb", "a\nb", false);
    same("", "\n", true);
}

#[test]
fn a_mark_on_top_makes_no_other_mail() {
    let mail = "From: R <r@example.test>\nMessage-ID: <1@example.test>\nSubject: s\n\ntext\n";
    let prints = |raw: &[u8]| fingerprints(&read::read(raw), raw, true);
    for top in ["\u{feff}", "\n", "\u{feff}\r\n"] {
        assert!(common(mail, &format!("{top}{mail}"), prints), "{top:?}");
        assert!(common(&format!("{top}{mail}"), mail, prints), "{top:?}");
    }
    for other in
        ["From: q@example.test", "From: r@example.test, q@example.test", "From: r@example.test\nFrom: q@example.test"]
    {
        assert!(!common(mail, &format!("\u{feff}{}", mail.replace("From: R <r@example.test>", other)), prints));
    }
}
