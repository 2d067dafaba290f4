use super::*;

#[track_caller]
fn from(header: &[u8], expect: Result<&str, NoSender>) {
    let raw = [header, b"\r\n\r\nFrom: body@example.org\r\n"].concat();
    let got = sender(&Header::split(&raw).0);
    assert_eq!(got.as_ref().map(Address::as_str), expect.as_ref().copied(), "{}", String::from_utf8_lossy(header));
}

#[test]
fn one_plain_mailbox_is_a_sender() {
    from(b"From: a@example.org", Ok("a@example.org"));
    from(b"from:a@Example.ORG", Ok("a@example.org"));
    from(b"FROM: Ann <a@example.org>", Ok("a@example.org"));
    from(b"From: \"Ann, B. <x@y>\" <a@example.org>", Ok("a@example.org"));
    from(b"From: =?utf-8?q?J=C3=B6rg?= <j.o-e+x@example.org>", Ok("j.o-e+x@example.org"));
    from(b"From: Ann\r\n <a@example.org>", Ok("a@example.org"));
    from(b"From: a@example.org (Ann (of Test))", Ok("a@example.org"));
    from(b"From: a@example.org <A@example.org>", Ok("A@example.org"));
    from("From: J\u{f6}rg <j@example.org>".as_bytes(), Ok("j@example.org"));
    from(b"From j@example.org Mon Jan 1 00:00:00 2024\nFrom: a@example.org", Ok("a@example.org"));
}

#[test]
fn whatever_could_be_read_as_two_senders_is_none() {
    use NoSender::{Missing, NotOne, NotPlain, Several};
    from(b"To: a@example.org", Err(Missing));
    from(b"From: a@example.org\r\nFrom: b@example.org", Err(Several));
    from(b"From: a@example.org\r\nFROM : b@example.org", Err(Several));
    from(b"From : a@example.org", Err(NotPlain));
    from(b"From\t: a@example.org", Err(NotPlain));
    from(b" From: a@example.org\r\nFrom: b@example.org", Err(NotPlain));
    from(b" X: y\r\nFrom: b@example.org", Err(NotPlain));
    from(b"\r\nFrom: b@example.org", Err(NotPlain));
    from(b"\xef\xbb\xbfFrom: b@example.org", Err(NotPlain));
    from(b"From: a@example.org, b@example.org", Err(NotOne));
    from(b"From: team: a@example.org;", Err(NotOne));
    from(b"From: <admin@corp.test> <evil@x.test>", Err(NotOne));
    from(b"From: <admin@corp.test> evil@x.test", Err(NotOne));
    from(b"From: admin@corp.test <evil@x.test>", Err(NotPlain));
    from(b"From: admin@corp.test (evil@x.test)", Err(NotPlain));
    from(b"From: (<admin@corp.test>) evil@x.test", Err(NotPlain));
    from(b"From: adm(x)in@corp.test", Err(NotPlain));
    from(b"From: <adm(x)in@corp.test>", Err(NotPlain));
    from(b"From: adm in@corp.test", Err(NotPlain));
    from(b"From: adm\r\n in@corp.test", Err(NotPlain));
    from(b"From: <@a.test:admin@corp.test>", Err(NotOne));
    from(b"From: <@a.test,@b.test:admin@corp.test>", Err(NotOne));
    from(b"From: \"a b\"@corp.test", Err(NotPlain));
    from(b"From: <\"a b\"@corp.test>", Err(NotPlain));
    from(b"From: a@[192.0.2.1]", Err(NotPlain));
    from(b"From: admin@corp.test\0<evil@x.test>", Err(NotPlain));
    from(b"From: a@example.org\rFrom: b@example.org", Err(NotPlain));
    from(b"Subject: x\rFrom: b@example.org\r\nFrom: a@example.org", Err(NotPlain));
    from("From: \u{430}dmin@corp.test".as_bytes(), Err(NotPlain));
    from(b"From: <admin@corp.test", Err(NotPlain));
    from(b"From: \"admin@corp.test", Err(NotPlain));
    from(b"From: ", Err(NotPlain));
    from(b"From: a@example.org\r\nFrom b@example.org Mon Jan 1 00:00:00 2024\r\nX: y", Err(NotPlain));
    from(b"From: a@example.org\r\nno field\r\nFrom: b@example.org", Err(NotPlain));
    from(&[b"From: a@example.org\r\n".as_slice(), &b"X: y\r\n".repeat(MAX_FIELDS)].concat(), Err(NotPlain));
}

/// Characters that other programs count are none of the blanks around an address.
#[test]
fn only_the_blanks_of_mail_are_taken_off() {
    for odd in ["\u{a0}", "\u{3000}", "\u{2028}", "\u{85}", "\u{b}", "\u{c}", "\u{feff}"] {
        for from in
            ["{}a@example.org", "a@example.org{}", "<{}a@example.org>", "<a@example.org{}>", "A <a@example.org>{}"]
        {
            let from = from.replace("{}", odd);
            let raw = format!("From: {from}\n\n");
            assert!(sender(&Header::split(raw.as_bytes()).0).is_err(), "{from:?}");
        }
        assert_eq!(message_ids(format!("<{odd}a@b.test> <c@d.test{odd}>").as_bytes()), []);
        assert_eq!(MessageId::parse(&format!("<a@b.test>{odd}")), None);
    }
    from(b"From:\t a@example.org \t", Ok("a@example.org"));
}

/// The beginning of what is too long to be read whole may say another thing than the whole.
#[test]
fn no_field_that_decides_is_read_in_part() {
    let over = |field: &str, end: &str| format!("{field}{}{end}", " ".repeat(decode::MAX_VALUE)).into_bytes();
    from(&over("From: a@example.org", ", b@example.org"), Err(NoSender::NotPlain));
    from(&over("From: a@example.org (", ")"), Err(NoSender::NotPlain));
    from(format!("From: {} <a@example.org>", "a".repeat(decode::MAX_VALUE - 17)).as_bytes(), Ok("a@example.org"));
    for name in WHOLE.into_iter().skip(1) {
        let field = over(&format!("{name}: x@example.org"), "y");
        from(&[b"From: a@example.org\r\n", field.as_slice()].concat(), Err(NoSender::NotPlain));
    }
    from(&[b"From: a@example.org\r\n", over("X: y", "z").as_slice()].concat(), Ok("a@example.org"));
    from(&[b"From: a@example.org\r\n", over("References: <a@b.test>", "z").as_slice()].concat(), Ok("a@example.org"));
    assert_eq!(message_ids(&over("<a@b.test>", "<c@d.test>")), []);
    let many: String = (0..MAX_ADDRESSES + 1).map(|n| format!("<{n}@b.test> ")).collect();
    let ids = message_ids(many.as_bytes());
    assert_eq!((ids.len(), ids[0].as_str()), (MAX_ADDRESSES, "1@b.test"));
}

#[test]
fn broken_headers_are_still_read() {
    let raw = b"\xef\xbb\xbfSubject: a\n\tb\nX : y\n\nbody";
    let (header, body) = Header::split(raw);
    assert_eq!(header.text("subject", None).as_deref(), Some("a\tb"));
    assert_eq!(header.first("x"), Some(b"y".as_slice()));
    assert_eq!(body, b"body");
    let (header, body) = Header::split(b"Subject: a\rX: y\r\rbody");
    assert!(header.control);
    assert_eq!(header.text("subject", None).as_deref(), Some("a"));
    assert_eq!(body, b"body");
    let (header, body) = Header::split(b"\n \nSubject: a\n\nbody");
    assert!(header.leading_space);
    assert_eq!((header.text("subject", None).as_deref(), body), (Some("a"), b"body".as_slice()));
    let (header, body) = Header::split_part(b"\nNote: text");
    assert!(header.is_empty() && !header.leading_space);
    assert_eq!(body, b"Note: text");
    let (header, body) = Header::split(b"Subject: a\nHello there\n");
    assert!(header.unseparated);
    assert_eq!(body, b"Hello there\n");
}

#[test]
fn recipients_are_plain_and_bounded() {
    let (header, _) =
        Header::split(b"To: \"x@y.test\" <security+t@example.org>, Ann <b@example.org>;\nCc: b@example.org, bad@\n\n");
    let got: Vec<String> = header.recipients().iter().map(Address::key).collect();
    assert_eq!(got, ["security+t@example.org", "b@example.org"]);
}
