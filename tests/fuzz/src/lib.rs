//! What holds for whatever is read, whichever target read it.

use disclosed::testing::mail::Mail;
use disclosed::testing::vocabulary::{Address, MessageId, clean, clean_line};

/// The most octets of text that a mail is read for, and a little for the marks that HTML becomes.
const TEXT: usize = 1024 * 1024 + 4096;

/// Text for people: no control characters but line ends, nothing that turns the direction of writing or has no width.
#[track_caller]
pub fn is_clean(text: &str) {
    assert_eq!(clean(text), text, "not clean: {text:?}");
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' || turns(c)), "{text:?}");
}

/// [`is_clean`], on one line of at most `max` characters.
#[track_caller]
pub fn is_line(text: &str, max: usize) {
    is_clean(text);
    assert!(!text.contains('\n') && text.chars().count() <= max, "{text:?}");
}

/// An address that can be written down is read as itself.
#[track_caller]
pub fn is_plain(address: &Address) {
    let again = Address::parse(address.as_str()).map(String::from);
    assert_eq!(again.as_deref(), Some(address.as_str()));
    assert!(address.as_str().is_ascii() && address.local().len() <= 64 && address.as_str().len() <= 254);
}

/// A Message-ID that can be written down is read as itself.
#[track_caller]
pub fn is_id(id: &MessageId) {
    assert_eq!(MessageId::parse(&id.to_string()).as_ref(), Some(id));
}

/// Whether the lines of `part` are lines of `whole`, in its order, but for blanks at their ends.
pub fn is_of(part: &str, whole: &str) -> bool {
    let mut lines = whole.lines().map(str::trim_end);
    part.lines().all(|l| l.trim_end().is_empty() || lines.any(|w| w == l.trim_end()))
}

/// What the doc comments of [`Mail`] say of each field.
#[track_caller]
pub fn is_sound(mail: &Mail) {
    mail.from.iter().for_each(is_plain);
    mail.display_name.iter().for_each(|n| is_line(n, 100));
    is_line(&mail.subject, 250);
    mail.message_id.iter().chain(&mail.references).for_each(is_id);
    mail.recipients.iter().for_each(is_plain);
    assert!(mail.references.len() <= 20 && mail.recipients.len() <= 100);
    is_clean(&mail.text);
    assert!(mail.text.len() <= TEXT, "{} octets of text", mail.text.len());
    is_clean(&mail.reply_text);
    assert!(is_of(&mail.reply_text, &mail.text), "{:?}\nis not of\n{:?}", mail.reply_text, mail.text);
    assert!(mail.attachments.len() <= 100 && mail.problems.len() <= 30);
    for attachment in &mail.attachments {
        is_line(&attachment.name, 100);
        is_line(&attachment.media_type, 200);
        assert!(!attachment.name.contains(['/', '\\']), "{:?}", attachment.name);
    }
    mail.problems.iter().for_each(|p| is_line(p, 1_000));
    for found in mail.fields.cves.iter().chain(&mail.fields.cwes).chain(&mail.fields.cvss) {
        is_line(found, 300);
    }
    if let Some(bounce) = &mail.bounce {
        assert!(mail.automatic.is_some(), "a delivery report that could be answered");
        bounce.recipients.iter().for_each(is_plain);
        bounce.message_ids.iter().for_each(is_id);
        assert!(bounce.recipients.len() <= 100 && bounce.message_ids.len() <= 100);
    }
}

/// Two readings of the same bytes, addresses included, which `{:?}` does not show.
#[track_caller]
pub fn is_same(one: &Mail, other: &Mail) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert!(one.from == other.from && one.recipients == other.recipients, "other addresses");
}

/// [`clean_line`] is a fixed point.
pub fn line(text: &str, max: usize) -> String {
    let line = clean_line(text, max);
    is_line(&line, max);
    assert_eq!(clean_line(&line, max), line);
    line
}

/// What the grammars are made of: single bytes seldom become two of these in the right order.
pub const WORDS: &[&str] = &[
    " with ",
    " WITH\t",
    "LMTP",
    "local",
    "lmtps;",
    " by ",
    "from ",
    " for ",
    "(",
    ")",
    " ( ",
    " ) ",
    "\\",
    "\"",
    ";",
    "; ",
    "=",
    ".",
    "@",
    " ",
    "\t",
    "\r\n ",
    "\r\n",
    ":",
    "/1",
    "1",
    "mx.example.org",
    "MX.EXAMPLE.ORG",
    "corp.test",
    "evil.test",
    "dmarc",
    "dkim",
    "spf",
    "none",
    "pass",
    "fail",
    "header.from",
    "header",
    "from",
    "smtp.mailfrom",
    "reason",
    "dmarc=pass",
    "header.from=corp.test",
    " dmarc=pass header.from=corp.test",
    "Authentication-Results: mx.example.org; ",
    "Received: ",
    "From: ann@corp.test",
    "ARC-Authentication-Results: ",
    "(c)",
    "((",
    "))",
    "\\)",
    "\\(",
    "ESMTPS",
    "id 1; date",
    "x",
    ",",
    "<",
    ">",
];

/// Half of the inputs are read as a list of words: those, and `more`.
pub fn written(data: &[u8], more: &[&str]) -> String {
    let words: Vec<&str> = WORDS.iter().chain(more).copied().collect();
    match data.split_first() {
        Some((first, rest)) if first % 2 == 1 => {
            rest.iter().map(|b| words.get(usize::from(*b) % (words.len() + 8)).copied().unwrap_or("y")).collect()
        }
        _ => String::from_utf8_lossy(data).into_owned(),
    }
}
