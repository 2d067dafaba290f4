//! From raw bytes to a [`Mail`]. It never fails: what cannot be read becomes a problem that a person sees.
//!
//! Bounded by construction: at most 256 KiB and 1,000 fields of header, 500 parts, 20 levels, 1 MiB of text; the
//! rest of the mail is passed over once, line by line, and not copied.

use jiff::Timestamp;
use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::automatic::{Automatic, Passed, Signs};
use super::body::Text;
use super::enclosed::{self, Enclosed};
use super::header::{self, Header, NoSender};
use super::parts::{ENCRYPTED, Part, Parts};
use super::passage::Passage;
use super::reading::Reading;
use super::{Mail, attached, bounce, fields, reply};
use crate::token::LOOP_FIELD;
use crate::vocabulary::{MessageId, clean_line};

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 250;
/// The most Message-IDs that one mail refers to.
const MAX_REFERENCES: usize = 20;
/// The longest Date, in octets.
const MAX_DATE: usize = 200;
/// The most problems that are told.
const MAX_PROBLEMS: usize = 30;

/// Reads a mail.
pub fn read(raw: &[u8]) -> Mail {
    let (header, body) = Header::split(raw);
    let mut parts = Parts::find(&header, body);
    let mut problems = header_problems(&header);
    let signed = parts.signed(&mut problems);
    parts.open(&signed);
    problems.extend(parts.problems.iter().cloned());

    let from = header::sender(&header);
    problems.extend(from.as_ref().err().map(|why| sender_problem(*why).to_owned()));
    let subject = clean_line(&header.text("subject", parts.charset()).unwrap_or_default(), MAX_SUBJECT);
    let mut chosen = Text::choose(&parts);
    problems.append(&mut chosen.problems);
    problems.extend(part_problems(&parts));
    if is_armoured(&chosen.text) {
        problems.push(ENCRYPTED.to_owned());
    }
    if chosen.text.trim().is_empty() && !parts.leaves.iter().any(is_encrypted) {
        problems.push("it has no text".to_owned());
    }
    let reply_text = match &chosen {
        other if other.attached || !signed.is_empty() => String::new(),
        // It commands nothing, and its sender is told so.
        page if page.from_html => reply::new_text(&page.text),
        plain => reply::new_text(plain.typed()),
    };
    let reading = if chosen.from_html { Reading::default() } else { Reading::of(&parts, &reply_text, body) };
    let mut enclosed: Vec<_> = enclosed::forwarded(&chosen.text);
    enclosed.extend(enclosed::attached(&parts));
    let fields = fields::recognise(&subject, &with_attached(&chosen.text, &enclosed));
    let date = header.first("date").and_then(date);
    if header.first("date").is_some() && date.is_none() {
        problems.push("its Date is no date".to_owned());
    }
    let message_id = message_id(&header, &mut problems);
    let answerable = header::answerable(&header);
    let signs = Signs::of(&header, answerable.as_ref(), &subject, &parts);
    let bounce = bounce::bounce(&header, &parts, &signs, &subject, &chosen.text);
    let mut seen = std::collections::BTreeSet::new();
    problems.retain(|p| seen.insert(p.clone()));
    problems.truncate(MAX_PROBLEMS);

    Mail {
        display_name: header::display_name(&header).map(|n| clean_line(&n, 100)).filter(|n| !n.is_empty()),
        message_id,
        references: references(&header),
        recipients: header.recipients(),
        addressed: ["to", "cc"].map(|name| header.addressed(name)),
        date,
        reply_text,
        reading,
        from_html: chosen.from_html,
        signed: !signed.is_empty(),
        attachments: attached::list(&parts),
        enclosed,
        automatic: signs.automatic(Passed::Directly).or(bounce.as_ref().map(|_| Automatic::Bounce)),
        signs,
        bounce,
        passage: Passage::of(&header),
        mark: header.first(LOOP_FIELD).map(|v| clean_line(&header::unfold(v), 100)),
        unsigned: ["dkim-signature", "arc-seal"].into_iter().all(|name| header.first(name).is_none()),
        trace: header.trace(),
        fields,
        answerable,
        from,
        subject,
        text: chosen.text,
        problems,
    }
}

/// A text, and what the mails that are attached say: where the report is.
fn with_attached(text: &str, enclosed: &[Enclosed]) -> String {
    let attached = enclosed.iter().filter_map(|mail| Some((mail, mail.text.as_deref()?)));
    let others = attached.filter(|(_, inner)| *inner != text);
    let others = others.map(|(mail, inner)| format!("\n{}\n{inner}", mail.subject));
    [text.to_owned()].into_iter().chain(others).collect()
}

/// The one Message-ID, where there is one that can be used.
fn message_id(header: &Header<'_>, problems: &mut Vec<String>) -> Option<MessageId> {
    let fields: Vec<&[u8]> = header.all("message-id").collect();
    let (id, problem) = match fields.as_slice() {
        [] => (None, "it has no Message-ID"),
        [one] => (MessageId::parse(&header::unfold(one)), "its Message-ID cannot be used"),
        _ => (None, "it has several Message-IDs"),
    };
    if id.is_none() {
        problems.push(problem.to_owned());
    }
    id
}

/// Whether a part cannot be read because it is encrypted, or is a signed one that says nothing more.
fn is_encrypted(part: &Part<'_>) -> bool {
    part.media == "application/pgp-encrypted" || part.media.ends_with("pkcs7-mime")
}

/// The Message-IDs it refers to: References, then In-Reply-To, which is the nearest (RFC 5322 section 3.6.4).
fn references(header: &Header<'_>) -> Vec<MessageId> {
    let mut found: Vec<MessageId> = Vec::new();
    for value in header.all("references").chain(header.all("in-reply-to")) {
        // The nearest stand last; of a list that is cut they would be missing.
        for id in header::message_ids(value) {
            found.retain(|known| *known != id);
            found.push(id);
            if found.len() > MAX_REFERENCES {
                found.remove(0);
            }
        }
    }
    found
}

/// The Date of a mail, where it is one: mail-parser takes 30 February, hour 25 and a zone of 99 hours.
fn date(value: &[u8]) -> Option<Timestamp> {
    if value.len() > MAX_DATE {
        return None;
    }
    let mut line = header::unfold(value);
    let zones = line.split_ascii_whitespace().filter_map(|w| w.strip_prefix(['+', '-'])).filter_map(|w| w.get(..2));
    if zones.filter_map(|hours| hours.parse::<u8>().ok()).any(|hours| hours > 14) {
        return None;
    }
    line.push('\n');
    let HeaderValue::DateTime(d) = MessageStream::new(line.as_bytes()).parse_date() else { return None };
    let small = |n: u8| i8::try_from(n).ok();
    let second = small(d.second.min(59))?;
    let year = i16::try_from(d.year).ok().filter(|y| (1980..=2200).contains(y))?;
    let civil =
        jiff::civil::DateTime::new(year, small(d.month)?, small(d.day)?, small(d.hour)?, small(d.minute)?, second, 0)
            .ok()?;
    let offset = i32::from(d.tz_hour) * 3600 + i32::from(d.tz_minute) * 60;
    let offset = jiff::tz::Offset::from_seconds(if d.tz_before_gmt { -offset } else { offset }).ok()?;
    offset.to_timestamp(civil).ok()
}

fn header_problems(header: &Header<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |bad: bool, words: &str| {
        if bad {
            problems.push(words.to_owned());
        }
    };
    note(header.is_empty(), "it has no header");
    note(header.truncated, "its header is too long: the end of it was not read");
    note(header.is_cut(), "a field of its header is too long to be read whole");
    note(header.unseparated, "no empty line parts its header from its text");
    note(header.control, "its header holds bare CRs or NULs");
    note(header.leading_space, "its header begins with a blank");
    note(header.first("date").is_none(), "it has no Date");
    problems
}

/// Why there is no sender, in words for the team.
fn sender_problem(why: NoSender) -> &'static str {
    match why {
        NoSender::Missing => "it has no From line",
        NoSender::Several => "it has more than one From line",
        NoSender::NotOne => "its From names more than one address, or a group",
        NoSender::NotPlain => "its From is not one plain address that every program reads alike",
    }
}

fn part_problems(parts: &Parts<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for part in &parts.leaves {
        let named = |name: &str| part.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
        if part.media.ends_with("/ms-tnef") || part.media.ends_with("/vnd.ms-tnef") || named("winmail.dat") {
            problems.push("it has a winmail.dat: some of its content may be in there only".to_owned());
        }
        if part.media == "application/pgp-encrypted" {
            problems.push(ENCRYPTED.to_owned());
        }
        if part.media == "message/partial" || part.media == "message/external-body" {
            problems.push(format!("it holds a {}: the rest of it is elsewhere", part.media));
        }
    }
    problems
}

/// Whether a text is an armoured OpenPGP message (RFC 9580 section 6.2).
fn is_armoured(text: &str) -> bool {
    const BEGIN: &str = "-----BEGIN PGP MESSAGE-----";
    text.contains(BEGIN) && text.lines().any(|l| l == BEGIN)
}

#[cfg(test)]
mod tests {
    use super::super::body::MAX_TEXT;
    use super::*;
    use crate::vocabulary::clean;
    use proptest::prelude::*;

    fn mail(raw: &str) -> Mail {
        read(raw.as_bytes())
    }

    #[track_caller]
    fn has_problem(raw: &[u8], words: &str) -> Mail {
        let mail = read(raw);
        assert!(
            mail.problems.iter().any(|p| p.contains(words)),
            "{words}: {:?} {:?} in {}",
            mail.problems,
            mail.date,
            String::from_utf8_lossy(raw)
        );
        mail
    }

    const HEAD: &str = "From: Ann <ann@example.org>\r\nMessage-ID: <1@example.org>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\nSubject: Hi\r\n";

    #[test]
    fn a_plain_mail_has_no_problems() {
        let m = mail(&format!(
            "{HEAD}Content-Type: text/plain; charset=UTF-8\r\nReferences: <0@example.org> <x@example.org>\r\nIn-Reply-To: <0@example.org>\r\nTo: s@example.org\r\n\r\nHello\r\n> old\r\n"
        ));
        assert_eq!(m.problems, Vec::<String>::new());
        assert_eq!(m.from.unwrap().as_str(), "ann@example.org");
        assert_eq!(m.display_name.as_deref(), Some("Ann"));
        assert_eq!(m.subject, "Hi");
        assert_eq!(m.text, "Hello\n> old\n");
        assert_eq!(m.reply_text, "Hello");
        assert_eq!(m.date.unwrap().to_string(), "2024-01-01T09:00:00Z");
        let references: Vec<&str> = m.references.iter().map(MessageId::as_str).collect();
        assert_eq!(references, ["x@example.org", "0@example.org"]);
        assert!(m.automatic.is_none() && m.bounce.is_none() && m.attachments.is_empty() && !m.from_html);
    }

    #[test]
    fn broken_mail_is_read_and_its_faults_are_told() {
        has_problem(b"", "no header");
        has_problem(b"Subject: x\r\n\r\nt", "no From line");
        has_problem(b"From: a@b.test\r\nFrom: c@d.test\r\n\r\nt", "more than one From line");
        has_problem(b"From: a@b.test\r\n\r\nt", "no Date");
        has_problem(b"From: a@b.test\r\n\r\nt", "no Message-ID");
        has_problem(b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\nt", "several Message-IDs");
        has_problem(b"Message-ID: nonsense\r\n\r\nt", "Message-ID cannot be used");
        let long = format!("Message-ID: <{}@b.test>\r\n\r\nt", "a".repeat(10_000));
        assert!(has_problem(long.as_bytes(), "Message-ID cannot be used").message_id.is_none());
        for date in [
            "30 Feb 2024 10:00:00 +0000",
            "1 Jan 2024 25:00:00 +0000",
            "1 Jan 2024 10:00:00 +9959",
            "soon",
            "1 Jan 9999 0:0:0 +0000",
        ] {
            assert_eq!(has_problem(format!("Date: {date}\r\n\r\nt").as_bytes(), "no date").date, None, "{date}");
        }
        assert_eq!(has_problem(b"Subject: x\r\nThe text.\r\n", "no empty line").text, "The text.\n");
        assert_eq!(has_problem(b"Subject: x\rTo: y\r\rone\rtwo", "bare CRs").text, "one\ntwo");
        assert_eq!(read(b"From me Mon Jan 1\nSubject: x\n\nt").subject, "x");
        assert_eq!(read(b"\xef\xbb\xbfSubject: x\n\nt").subject, "x");
        assert_eq!(read(b"Subject: J\xf6rg\n\nt").subject, "J\u{f6}rg");
        assert!(!read(b"Subject: =?nosuch?q?a=FF?= b\n\nt").subject.is_empty());
        has_problem(b"Subject: x\n\n", "no text");
        let late = format!("Date: Mon, 1 Jan 2024 10:00:00 +0000{}(x)\r\n\r\nt", " ".repeat(MAX_DATE));
        assert_eq!(has_problem(late.as_bytes(), "no date").date, None);
        has_problem(format!("To: a@b.test{}\r\n\r\nt", " (x)".repeat(5_000)).as_bytes(), "too long to be read whole");
    }

    #[test]
    fn encrypted_and_wrapped_content_is_told() {
        let pgp = "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n";
        has_problem(pgp.as_bytes(), "encrypted");
        has_problem(b"Subject: x\n\n-----BEGIN PGP MESSAGE-----\nx\n", "encrypted");
        has_problem(
            b"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\nAAAA\n",
            "winmail.dat",
        );
        has_problem(b"Content-Type: message/partial; id=1\n\nx\n", "message/partial");
        let m = has_problem(b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: y\n\n/close SEC-1\n--b--\n", "attached to it");
        assert_eq!((m.text.as_str(), m.reply_text.as_str()), ("/close SEC-1", ""), "nobody's attached mail commands");
    }

    /// Mails that cost other readers their stack, their time or their memory.
    fn hostile() -> Vec<(&'static str, Vec<u8>)> {
        let head = "From: a@example.org\r\n";
        let mut nested_multiparts = head.to_owned();
        for n in 0..5_000 {
            nested_multiparts += &format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        }
        let mut encoded = b"Subject: inner\r\n\r\ntext".to_vec();
        for _ in 0..12 {
            let wrapped = data_encoding::BASE64.encode(&encoded);
            encoded = format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{wrapped}")
                .into_bytes();
        }
        let inner = "Content-Type: message/rfc822\r\n\r\n".repeat(20_000);
        let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
        vec![
            ("nested mails", (head.to_owned() + &inner).into_bytes()),
            ("nested mails in base64", encoded),
            (
                "nested mails within one base64 mail",
                format!(
                    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                    data_encoding::BASE64.encode(inner.as_bytes())
                )
                .into_bytes(),
            ),
            ("nested multiparts", nested_multiparts.into_bytes()),
            (
                "multiparts without an end",
                (mixed.to_owned()
                    + &(0..10_000)
                        .map(|n| format!("--b\r\nContent-Type: multipart/mixed; boundary=c{n}\r\n\r\n"))
                        .collect::<String>())
                    .into_bytes(),
            ),
            ("a million parts", (mixed.to_owned() + &"--b\r\n\r\n".repeat(1_000_000)).into_bytes()),
            ("digests", (mixed.replace("mixed", "digest") + &"--b\r\n\r\n\r\n".repeat(100_000)).into_bytes()),
            ("addresses", format!("To: {}\r\n\r\n", "a@example.org, ".repeat(100_000)).into_bytes()),
            ("fields", ("X: y\r\n".repeat(100_000) + "\r\nbody").into_bytes()),
            ("one long field", format!("Subject: {}\r\n\r\n", "=?utf-8?q?a?= ".repeat(100_000)).into_bytes()),
            ("one long From", format!("From: {}\r\n\r\n", "(".repeat(200_000)).into_bytes()),
            ("references", format!("References: {}\r\n\r\n", "<a@b> ".repeat(40_000)).into_bytes()),
            ("parameters", format!("Content-Type: text/plain; {}\r\n\r\nx", "a*0=b; ".repeat(30_000)).into_bytes()),
            (
                "boundaries",
                [b"Content-Type: multipart/mixed; boundary=-\r\n\r\n".as_slice(), &b"-".repeat(1_000_000)].concat(),
            ),
            (
                "charsets",
                (mixed.to_owned()
                    + &(0..600)
                        .map(|n| format!("--b\r\nContent-Type: text/plain; charset=x{n}\r\n\r\na\r\n"))
                        .collect::<String>())
                    .into_bytes(),
            ),
            ("html", format!("Content-Type: text/html\r\n\r\n{}", "<div><b id=1><p>".repeat(60_000)).into_bytes()),
            (
                "tags whose quotes do not fit",
                format!("Content-Type: text/html\r\n\r\n{}", "<a x='>'".repeat(100_000)).into_bytes(),
            ),
            ("quotes", format!("{head}\r\n{}", "> a\r\n".repeat(150_000)).into_bytes()),
            ("introductions", format!("{head}\r\n{}", "On 1 Jan 2024, a@b.test wrote\r\n".repeat(30_000)).into_bytes()),
            ("blank lines", format!("{head}\r\n{}", "\r\n".repeat(500_000)).into_bytes()),
            (
                "a bounce of nothing",
                format!(
                    "From: mailer-daemon@b.test\r\nSubject: failure notice\r\n\r\n{}",
                    "<a@b.test> failed ".repeat(60_000)
                )
                .into_bytes(),
            ),
            (
                "status groups",
                format!(
                    "Content-Type: message/delivery-status\r\n\r\n{}",
                    "Final-Recipient: rfc822;a@b.test\r\n\r\n".repeat(30_000)
                )
                .into_bytes(),
            ),
        ]
    }

    /// How long this thread has worked, where Linux says so: the first number of its schedstat, in nanoseconds.
    fn worked() -> Option<std::time::Duration> {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        stat.split_whitespace().next()?.parse().ok().map(std::time::Duration::from_nanos)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test measures")]
    fn hostile_mail_costs_a_bounded_time_and_stack() {
        for (name, raw) in hostile() {
            // The stack that a thread gets by default; and the time that it works, so that a busy machine costs none.
            let reader = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(move || {
                let start = std::time::Instant::now();
                let mail = read(&raw);
                (mail, worked().unwrap_or_else(|| start.elapsed()))
            });
            let (mail, took) = reader.unwrap().join().unwrap();
            println!("{name}: {took:?}");
            assert!(took.as_secs() < 5, "{name}: {took:?}");
            assert!(mail.text.len() <= MAX_TEXT && mail.subject.chars().count() <= MAX_SUBJECT, "{name}");
            assert!(mail.recipients.len() <= 100 && mail.attachments.len() <= 100, "{name}");
            assert!(mail.problems.len() <= MAX_PROBLEMS, "{name}: {}", mail.problems.len());
        }
    }

    fn is_clean(text: &str) -> bool {
        !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c))
    }

    fn check_any(raw: &[u8]) {
        let mail = read(raw);
        assert!(is_clean(&mail.text) && is_clean(&mail.subject) && is_clean(&mail.reply_text));
        assert!(mail.display_name.as_deref().is_none_or(|n| is_clean(n) && !n.contains('\n')));
        assert!(mail.problems.iter().all(|p| is_clean(p)));
        assert!(mail.attachments.iter().all(|a| is_clean(&a.name) && is_clean(&a.media_type)));
        for address in mail.recipients.iter().chain(mail.from.as_ref().ok()) {
            assert_eq!(crate::vocabulary::Address::parse(address.as_str()).as_ref(), Some(address));
        }
    }

    /// Pieces that mails are made of, for mails that look like mails.
    fn piece() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec![
            "From: ",
            "a@b.test",
            "<",
            ">",
            ",",
            ";",
            ":",
            "(",
            ")",
            "\"",
            "\\",
            "\r\n",
            "\n",
            "\r",
            " ",
            "\t",
            "\0",
            "Content-Type: ",
            "multipart/mixed",
            "message/rfc822",
            "text/html",
            "; boundary=b",
            "--b",
            "--",
            "=?utf-8?b?",
            "?=",
            "Content-Transfer-Encoding: base64",
            "On 1 Jan 2024 a wrote:",
            "> ",
            "-- ",
            "<div>",
            "</div>",
            "&amp;",
            "&#0;",
            "Final-Recipient: rfc822;",
            "Authentication-Results: ",
            "dmarc=pass",
            "\u{202e}",
            "\u{e4}",
            "CVE-2024-1234",
            "CVSS:3.1/AV:N/",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn random_bytes_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
            check_any(&raw);
        }

        #[test]
        fn random_mails_never_panic(pieces in proptest::collection::vec(piece(), 0..120)) {
            check_any(pieces.concat().as_bytes());
        }

        #[test]
        fn mutated_mails_never_panic(at in 0_usize..400, octet in any::<u8>(), cut in 0_usize..400) {
            let mut raw = format!("{HEAD}Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; format=flowed\r\n\r\nHi \r\nthere\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x&amp;</p>\r\n--b--\r\n").into_bytes();
            if let Some(place) = raw.get_mut(at) {
                *place = octet;
            }
            raw.truncate(raw.len() - cut.min(raw.len()));
            check_any(&raw);
        }

        #[test]
        fn addresses_parse_again(text in "[ -~\u{e4}]{0,20}@[ -~]{0,20}") {
            if let Some(address) = crate::vocabulary::Address::parse(&text) {
                prop_assert_eq!(crate::vocabulary::Address::parse(address.as_str()), Some(address));
            }
        }

        #[test]
        fn clean_text_is_clean(text in any::<String>()) {
            prop_assert!(is_clean(&clean(&text)));
            prop_assert!(!clean_line(&text, 50).contains('\n'));
            prop_assert!(clean_line(&text, 50).chars().count() <= 50);
        }
    }
}
