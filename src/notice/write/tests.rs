//! What mail programs and servers make of the bytes.

use super::*;
use mail_parser::{HeaderName as Parsed, MessageParser};
use proptest::prelude::*;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn written(from_name: &str, subject: &str, body: &str) -> Vec<u8> {
    let references: Vec<MessageId> = (0..9).map(|n| id(&format!("{n}{}@example.test", "x".repeat(180)))).collect();
    write(&Outgoing {
        from_name,
        from: &address("security@example.org"),
        to: &address("reporter@example.test"),
        subject,
        body,
        message_id: &id("n1.ack@example.org"),
        date: "2026-03-01T10:20:30Z".parse().unwrap(),
        reply_to: Some(&address("security+t0ken@example.org")),
        in_reply_to: Some(&id("report@example.test")),
        references: &references,
        auto_submitted: AutoSubmitted::Replied,
        calendar: &[],
        mark: None,
    })
    .unwrap()
}

#[test]
fn a_whole_mail() {
    let mail = write(&Outgoing {
        from_name: "Example Project",
        from: &address("security@example.org"),
        to: &address("reporter@example.test"),
        subject: "[SEC-17] Your report",
        body: "We have it.\n.\nThe team\n",
        message_id: &id("n1.ack@example.org"),
        date: "2026-03-01T10:20:30.5Z".parse().unwrap(),
        reply_to: Some(&address("security+t0ken@example.org")),
        in_reply_to: Some(&id("b@example.test")),
        references: &[id("a@example.test"), id("b@example.test")],
        auto_submitted: AutoSubmitted::Replied,
        calendar: &[],
        mark: None,
    })
    .unwrap();
    let expect = "\
From: \"Example Project\" <security@example.org>\r
To: reporter@example.test\r
Reply-To: security+t0ken@example.org\r
Subject: [SEC-17] Your report\r
Date: Sun, 01 Mar 2026 10:20:30 +0000\r
Message-ID: <n1.ack@example.org>\r
In-Reply-To: <b@example.test>\r
References: <a@example.test>\r
 <b@example.test>\r
Auto-Submitted: auto-replied\r
X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 7bit\r
\r
We have it.\r
.\r
The team\r
";
    assert_eq!(String::from_utf8(mail).unwrap(), expect);
}

/// A mail with one deadline that moved and one that ended.
fn with_calendar(body: &str) -> Vec<u8> {
    let event = |uid: &str, cancelled| CalendarEvent {
        uid: uid.into(),
        sequence: 4,
        summary: "SEC-17: fix due".into(),
        at: "2026-03-08T10:00:00Z".parse().unwrap(),
        cancelled,
    };
    write(&Outgoing {
        from_name: "",
        from: &address("security@example.org"),
        to: &address("ada@example.org"),
        subject: "[SEC-17] Changed by Ada",
        body,
        message_id: &id("n2@example.org"),
        date: "2026-03-01T10:20:30.5Z".parse().unwrap(),
        reply_to: None,
        in_reply_to: None,
        references: &[],
        auto_submitted: AutoSubmitted::Generated,
        calendar: &[event("sec-17-fix@example.org", false), event("sec-17-assess@example.org", true)],
        mark: None,
    })
    .unwrap()
}

#[test]
fn a_whole_mail_with_a_calendar_file() {
    let text = String::from_utf8(with_calendar("A deadline has moved.\n")).unwrap();
    let (head, rest) = text.split_once("Content-Type: ").unwrap();
    assert!(head.ends_with("\r\nMIME-Version: 1.0\r\n"), "{text}");
    let boundary = rest.split('"').nth(1).unwrap();
    let parts: Vec<&str> = rest.split(&format!("--{boundary}")).collect();
    assert_eq!(parts[0], format!("multipart/mixed; boundary=\"{boundary}\"\r\n\r\n"));
    let plain = "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                     A deadline has moved.\r\n\r\n";
    assert_eq!(parts[1], plain);
    let (part, head) = (
        parts[2],
        "\r\nContent-Type: text/calendar; method=PUBLISH; charset=utf-8\r\n\
             Content-Disposition: attachment; filename=\"deadlines.ics\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
             BEGIN:VCALENDAR\r\n",
    );
    assert!(part.starts_with(head) && part.contains("\r\nMETHOD:PUBLISH\r\n"), "{part}");
    assert!(part.ends_with("\r\nEND:VCALENDAR\r\n\r\n"), "{part}");
    assert_eq!(parts[3..], ["--\r\n"], "one file, whatever it changes");
}

#[test]
fn a_mail_with_a_calendar_file_is_read_as_its_text() {
    for body in ["A deadline has moved.\n", "Ändert sich\n--\n--b\n", &"x".repeat(2_000)] {
        let mail = with_calendar(body);
        assert_eq!(mail, with_calendar(body), "G3");
        let read = crate::mail::read::read(&mail);
        assert_eq!(seen(&read.text), seen(body));
        let names: Vec<&str> = read.attachments.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["deadlines.ics"]);
        assert_eq!(read.problems, [""; 0]);
    }
}

#[test]
fn only_what_is_there_gets_a_header() {
    let mail = write(&Outgoing {
        from_name: "\r\n\0\"<",
        from: &address("security@example.org"),
        to: &address("a@localhost"),
        subject: "",
        body: "",
        message_id: &id("n@example.org"),
        date: jiff::Timestamp::MIN,
        reply_to: None,
        in_reply_to: None,
        references: &[],
        auto_submitted: AutoSubmitted::No,
        calendar: &[],
        mark: None,
    })
    .unwrap();
    let text = String::from_utf8(mail).unwrap();
    assert!(text.starts_with("From: security@example.org\r\nTo: a@localhost\r\nSubject: \r\n"), "{text}");
    for absent in ["Reply-To", "References", "Auto-Submitted", "Suppress"] {
        assert!(!text.contains(absent), "{text}");
    }
    assert!(text.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"), "{text}");
}

#[test]
fn only_the_nearest_references_are_kept() {
    let text = String::from_utf8(written("P", "S", "B")).unwrap();
    let kept: Vec<char> = text
        .lines()
        .filter(|l| l.ends_with("xx@example.test>"))
        .map(|l| l.chars().nth(l.find('<').unwrap() + 1).unwrap())
        .collect();
    assert_eq!(kept, ['4', '5', '6', '7', '8']);
}

#[test]
fn an_encoded_word_in_a_subject_stays_text() {
    let mail = written("=?utf-8?q?Boss?=", "x =?utf-8?q?=0D=0AFrom:_a@example.test?= y", "B");
    let read = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(read.subject().unwrap(), "x = ?utf-8?q?=0D=0AFrom:_a@example.test?= y");
    assert_eq!(read.from().unwrap().first().unwrap().name(), Some("utf-8 q Boss"));
}

#[test]
fn what_is_fit_for_the_wire() {
    let long = [b'x'; 999];
    for (bytes, expect) in [
        (&b""[..], Ok(())),
        (b"a\r\n.\r\n", Ok(())),
        (&long[..998], Ok(())),
        (&long, Err(Unfit::LongLine)),
        (b"a\n.\r\n", Err(Unfit::BareLineEnd)),
        (b"\n", Err(Unfit::BareLineEnd)),
        (b"a\rb", Err(Unfit::BareLineEnd)),
        (b"a\r\r\n", Err(Unfit::BareLineEnd)),
        (b"a\r", Err(Unfit::BareLineEnd)),
        (b"a\0", Err(Unfit::Nul)),
        ("ä".as_bytes(), Err(Unfit::NotAscii)),
    ] {
        assert_eq!(check_wire(bytes), expect, "{bytes:?}");
    }
}

/// Text with the pieces that break mail.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z ]{1,30}",
        "[a-z]{1,1200}",
        prop::sample::select(
            &[
                "\r",
                "\n",
                "\r\n",
                "\0",
                ".",
                "\n.\n",
                "\n.\r\n",
                "\r\n.\r\n",
                "\r.\r",
                "..",
                "\nFrom ",
                "=?utf-8?q?=0A?=",
                "\r\nBcc: x@example.test",
                "\nFrom: x@example.test\n\n",
                "=",
                "=0A",
                "\t",
                " ",
                "  ",
                "\u{85}",
                "\u{2028}",
                "ä",
                "\u{1F512}",
                "\"",
                "<",
                ">",
                ",",
                "\\",
                "--",
                "QUIT\r\n",
                ";",
                ":",
                "(",
                "@",
            ][..]
        )
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What a reader must see of a body: line ends and blanks at line ends are the transport's.
fn seen(body: &str) -> String {
    let lines: Vec<&str> = body.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn hostile_text_stays_text(name in hostile(), subject in hostile(), body in hostile()) {
        let mail = written(&name, &subject, &body);
        prop_assert_eq!(check_wire(&mail), Ok(()));
        prop_assert!(mail.ends_with(b"\r\n"));
        prop_assert_eq!(&mail, &written(&name, &subject, &body));

        let text = std::str::from_utf8(&mail).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head.split("\r\n").filter(|l| !l.starts_with(' ')).map(|l| l.split_once(':').unwrap().0).collect();
        prop_assert_eq!(names, ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
            "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]);
        prop_assert!(head.split("\r\n").all(|l| !l.trim().is_empty()), "a blank line of folding: {head:?}");

        let read = MessageParser::default().parse(&mail).unwrap();
        prop_assert_eq!(read.parts.len(), 1);
        prop_assert_eq!(read.headers().iter().filter(|h| h.name == Parsed::From).count(), 1);
        prop_assert_eq!(read.from().unwrap().as_list().unwrap().len(), 1);
        prop_assert_eq!(read.from().unwrap().first().unwrap().address(), Some("security@example.org"));
        prop_assert_eq!(read.to().unwrap().as_list().unwrap().len(), 1);
        prop_assert_eq!(read.to().unwrap().first().unwrap().address(), Some("reporter@example.test"));
        prop_assert_eq!(read.subject().unwrap_or_default(), plain_subject(&subject));
        prop_assert_eq!(seen(&read.body_text(0).unwrap()), seen(&plain_body(&body)));
    }

    #[test]
    fn every_address_of_ours_can_be_written(local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,64}", domain in "([a-z0-9]{1,8}\\.){1,3}[a-z]{2,5}") {
        if let Some(address) = Address::parse(&format!("{local}@{domain}")) {
            prop_assert!(lettre_address("To", &address).is_ok(), "{}", address.as_str());
        }
    }
}
