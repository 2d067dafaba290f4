//! What is signed or encrypted as one piece, by tables of cases.

use disclosed::testing::mail::{Mail, read};

fn value(tag: u8, content: &[u8], marked: bool) -> Vec<u8> {
    let length = content.len();
    match (marked, length) {
        (true, _) => [&[tag, 0x80], content, &[0, 0]].concat(),
        (false, ..0x80) => [&[tag, length as u8], content].concat(),
        (false, _) => [&[tag, 0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8], content].concat(),
    }
}

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// A SignedData around what is said to be its content, `None` for none.
fn signed(content: Option<Vec<u8>>, marked: bool) -> Vec<u8> {
    let content = content.map(|c| value(0xa0, &c, marked)).unwrap_or_default();
    let info = value(0x30, &[DATA, &content].concat(), marked);
    let digests = value(0x31, &value(0x30, b"\x06\x01\x2a", false), marked);
    let data = value(0x30, &[b"\x02\x01\x01", digests.as_slice(), &info, &value(0x31, b"", false)].concat(), marked);
    let kind = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    value(0x30, &[kind.as_slice(), &value(0xa0, &data, marked)].concat(), marked)
}

fn opaque(message: &[u8], fields: &str) -> Mail {
    let body = data_encoding::BASE64.encode(message);
    let head = "From: a@example.org\r\nContent-Transfer-Encoding: base64\r\n";
    read::read(format!("{head}Content-Type: {fields}\r\n\r\n{body}").as_bytes())
}

const SMIME: &str = "application/pkcs7-mime; name=smime.p7m";

#[test]
fn what_is_signed_as_one_piece_is_read() {
    let entity = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n/ack\r\nThe text.\r\n--b\r\nContent-Type: a/b; name=poc.c\r\n\r\nx\r\n--b--";
    let (one, two) = entity.split_at(60);
    let pieces = [value(4, one, false), value(4, two, false)].concat();
    let nested = [value(0x24, &value(4, one, false), true), value(4, two, false)].concat();
    for (how, content) in [
        ("whole", value(4, entity, false)),
        ("pieces", value(0x24, &pieces, false)),
        ("marked pieces", value(0x24, &pieces, true)),
        ("nested pieces", value(0x24, &nested, true)),
        ("nested pieces of known length", value(0x24, &nested, false)),
    ] {
        for marked in [false, true] {
            let message = signed(Some(content.clone()), marked);
            let again = b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n";
            let again = [again.as_slice(), data_encoding::BASE64.encode(&message).as_bytes()].concat();
            for message in [message, signed(Some(value(4, &again, false)), marked)] {
                for fields in [SMIME, "application/x-pkcs7-mime", "application/octet-stream; name=smime.p7m"] {
                    let mail = opaque(&message, fields);
                    assert_eq!(mail.text, "/ack\nThe text.", "{how} {marked} {fields}");
                    assert_eq!(mail.reply_text, "", "what nobody has verified commands nothing");
                    let names: Vec<&str> = mail.attachments.iter().map(|a| a.name.as_str()).collect();
                    assert_eq!(names, ["poc.c"]);
                    assert!(
                        mail.problems.iter().any(|p| p.contains("(S/MIME) was not verified")),
                        "{:?}",
                        mail.problems
                    );
                    assert!(
                        !mail.problems.iter().any(|p| p.contains("cut off") || p.contains("no text")),
                        "{:?}",
                        mail.problems
                    );
                }
            }
        }
    }
}

/// Not the first part alone, and not at the top alone.
#[test]
fn what_is_signed_is_read_wherever_it_stands() {
    let part = |content: &str| {
        let message = signed(Some(value(4, content.as_bytes(), false)), false);
        let der = data_encoding::BASE64.encode(&message);
        format!("Content-Type: {SMIME}\r\nContent-Transfer-Encoding: base64\r\n\r\n{der}\r\n")
    };
    let (one, two) = (part("\r\none"), part("\r\ntwo"));
    let cut = format!("Content-Type: {SMIME}\r\n\r\nx\r\n");
    let mixed = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{cut}--b\r\n{one}--b\r\n{two}--b--");
    let mail = read::read(mixed.as_bytes());
    assert_eq!((mail.text.as_str(), mail.reply_text.as_str()), ("one\ntwo", ""));
    let attached = read::read(format!("Content-Type: message/rfc822\r\n\r\n{one}").as_bytes());
    assert_eq!((attached.text.as_str(), attached.reply_text.as_str()), ("one", ""));
    assert!(attached.problems.iter().any(|p| p.contains("not verified")), "{:?}", attached.problems);
}

#[test]
fn what_is_signed_or_encrypted_and_cannot_be_read_says_which() {
    let problem = |message: &[u8], fields: &str, words: &str| {
        let mail = opaque(message, fields);
        assert!(mail.problems.iter().any(|p| p.contains(words)), "{words}: {:?}", mail.problems);
        assert!(!mail.problems.iter().any(|p| p.contains("no text")), "{:?}", mail.problems);
        mail
    };
    let whole = signed(Some(value(4, b"Content-Type: text/plain\r\n\r\nThe beginning and the end.", false)), false);
    problem(&signed(None, false), SMIME, "signed (S/MIME), and its content is missing");
    problem(&whole[..20], "application/pkcs7-mime; smime-type=signed-data", "missing or cut");
    problem(b"", "application/pkcs7-mime; smime-type=signed-data", "missing or cut");
    let mail = problem(&whole[..whole.len() - 11], SMIME, "missing or cut");
    assert_eq!(mail.text, "The beginning and");
    let pieces =
        signed(Some(value(0x24, &[value(4, b"\r\none", false), value(4, b"two", false)].concat(), false)), false);
    let at = pieces.windows(5).position(|w| w == [0x04, 3, b't', b'w', b'o']).unwrap();
    assert_eq!(problem(&pieces[..at], SMIME, "missing or cut").text, "one");
    let of = |kind: &[u8]| value(0x30, &[&[6, kind.len() as u8], kind].concat(), true);
    problem(&of(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"), SMIME, "it is encrypted");
    problem(&of(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"), SMIME, "it is encrypted");
    problem(b"??", "application/pkcs7-mime; smime-type=enveloped-data", "it is encrypted");
    problem(b"??", "application/pkcs7-mime; smime-type=authEnveloped-data", "it is encrypted");
    problem(&of(b"\x2a\x03"), SMIME, "cannot be read here");
}

#[test]
fn hostile_signatures_cost_their_length() {
    let bodies = [
        b"\x30\x80".repeat(500_000),
        signed(Some(b"\x24\x80".repeat(500_000)), true),
        b"\x30\x84\xff\xff\xff\xff".to_vec(),
    ];
    for body in bodies {
        for cut in [body.len(), body.len() / 2, body.len().min(70), body.len().min(33), 1] {
            opaque(&body[..cut], SMIME);
        }
    }
    let whole = signed(Some(value(0x24, &value(4, b"\r\nx", false), true)), true);
    for at in 0..whole.len() {
        for octet in 0..=255 {
            let mut broken = whole.clone();
            broken[at] = octet;
            opaque(&broken, SMIME);
        }
    }
}
