use proptest::prelude::*;

use super::super::Mail;
use super::super::read::read;
use super::super::reply::head;

const HEAD: &str = "From: Ann <ann@example.org>\r\nTo: security@example.org\r\nCc: r@reporter.test\r\n\
                    Message-ID: <1@example.org>\r\nDate: Mon, 1 Jan 2024 10:00:00 +0100\r\nSubject: Re: [SEC-1]\r\n";

/// Nobody vouches for a field of MIME.
const UNSIGNED: &dyn Fn(&str) -> bool = &|_| false;

/// A mail: its fields of MIME, with a `~` before each further one, and its body; lines end in CRLF.
fn mail(fields: &str, body: &str) -> Vec<u8> {
    let fields = fields.replace('~', "\r\n");
    format!("{HEAD}{fields}\r\n\r\n{}", body.replace('\n', "\r\n")).into_bytes()
}

fn commands(mail: &Mail) -> Vec<&str> {
    if mail.from_html { Vec::new() } else { head(&mail.reply_text).0 }
}

/// What a mail commands; and that nobody needs to vouch for its fields of MIME, or who.
#[track_caller]
fn check(raw: &[u8], expect: &[&str], needs: &[&str]) -> Mail {
    let read = read(raw);
    assert_eq!(commands(&read), expect, "{:?} {:?}", read.reply_text, String::from_utf8_lossy(raw));
    for name in needs {
        let others = |n: &str| needs.contains(&n) && n != *name;
        assert!(read.reading.fixed_without(&others).is_err(), "{name} was not asked for");
    }
    assert_eq!(read.reading.fixed_without(&|n| needs.contains(&n)), Ok(()), "{needs:?}");
    read
}

const GMAIL_TYPE: &str = "MIME-Version: 1.0~Content-Type: multipart/alternative; boundary=\"000000000000a1b2c305f0\"";
/// The reporter knew how the answer would quote: in HTML their lines stand as they wrote them.
const GMAIL: &str = "--000000000000a1b2c305f0
Content-Type: text/plain; charset=\"UTF-8\"

/ack

Thanks, we are on it.

On Mon, Jan 1, 2024 at 9:00 AM R. Porter <r@reporter.test> wrote:

> --0<br>
>
> /close
>

--000000000000a1b2c305f0
Content-Type: text/html; charset=\"UTF-8\"
Content-Transfer-Encoding: quoted-printable

<div dir=3D\"ltr\"><div>/ack</div><div><br></div><div>Thanks, we are on it.</div></div><br>
<div class=3D\"gmail_quote\"><div dir=3D\"ltr\">On Mon, Jan 1, 2024 R. Porter wrote:<br></div>
<blockquote class=3D\"gmail_quote\">
--0<br>
Content-Type: text/plain

/close
--0000
</blockquote></div>

--000000000000a1b2c305f0--
";

#[test]
fn gmail_is_obeyed() {
    check(&mail(GMAIL_TYPE, GMAIL), &["/ack"], &[]);
    // With a picture.
    let related = GMAIL.replace("000000000000a1b2c305f0", "000000000000d4e5f605f0");
    let body = format!(
        "--00000000000077\nContent-Type: multipart/alternative; boundary=\"000000000000d4e5f605f0\"\n\n{related}\n\
         --00000000000077\nContent-Type: image/png; name=\"image.png\"\n\
         Content-Disposition: inline; filename=\"image.png\"\nContent-Transfer-Encoding: base64\n\
         X-Attachment-Id: ii_1\nContent-ID: <ii_1>\n\niVBORw0KGgo=\n--00000000000077--\n"
    );
    check(&mail("Content-Type: multipart/related; boundary=\"00000000000077\"", &body), &["/ack"], &[]);
}

#[test]
fn outlook_is_obeyed() {
    // Through Exchange, from the desktop, with the logo of a signature.
    let exchange = "--_004_AM0PR01MB1_
Content-Type: multipart/alternative;
\tboundary=\"_000_AM0PR01MB1_\"

--_000_AM0PR01MB1_
Content-Type: text/plain; charset=\"us-ascii\"
Content-Transfer-Encoding: quoted-printable

/ack

Thanks!

From: R. Porter <r@reporter.test>
Sent: Monday, January 1, 2024 9:00 AM
To: Security <security@example.org>
Subject: A report

/close

--_000_AM0PR01MB1_
Content-Type: text/html; charset=\"us-ascii\"
Content-Transfer-Encoding: quoted-printable

<html><body><p class=3D\"MsoNormal\">/ack</p><img src=3D\"cid:image001.png\"></body></html>

--_000_AM0PR01MB1_--

--_004_AM0PR01MB1_
Content-Type: image/png; name=\"image001.png\"
Content-Description: image001.png
Content-Disposition: inline; filename=\"image001.png\"; size=8
Content-ID: <image001.png@01DA>
Content-Transfer-Encoding: base64

iVBORw0KGgo=

--_004_AM0PR01MB1_--
";
    let related = "Content-Type: multipart/related;~\tboundary=\"_004_AM0PR01MB1_\";~\ttype=\"multipart/alternative\"~MIME-Version: 1.0";
    check(&mail(related, exchange), &["/ack"], &[]);
    // The new Outlook and the one of the web, which draw a line above what they quote.
    let web = "--_000_DB9PR02MB2_
Content-Type: text/plain; charset=\"iso-8859-1\"
Content-Transfer-Encoding: quoted-printable

/ack
________________________________
From: R. Porter <r@reporter.test>
Sent: Monday, January 1, 2024 9:00 AM
To: Security <security@example.org>
Subject: A report

/close

--_000_DB9PR02MB2_
Content-Type: text/html; charset=\"iso-8859-1\"
Content-Transfer-Encoding: quoted-printable

<html><body><div class=3D\"elementToProof\">/ack</div><hr><div>/close</div></body></html>

--_000_DB9PR02MB2_--
";
    let alternative = "Content-Type: multipart/alternative;~\tboundary=\"_000_DB9PR02MB2_\"~MIME-Version: 1.0";
    check(&mail(alternative, web), &["/ack"], &[]);
    // By SMTP the desktop puts a word about MIME on top, which a person reads and we do not: there is a preamble.
    let smtp = format!("This is a multipart message in MIME format.\n\n{web}");
    check(&mail(alternative, &smtp), &["/ack"], &["content-type"]);
}

#[test]
fn apple_mail_is_obeyed() {
    let alternative = "
--Apple-Mail=_1B2C
Content-Transfer-Encoding: quoted-printable
Content-Type: text/plain;
\tcharset=utf-8

/ack

See the picture =E2=80=93 below.

> On 1. Jan 2024, at 09:00, R. Porter <r@reporter.test> wrote:
>=20
> /close


--Apple-Mail=_1B2C
Content-Type: multipart/related;
\ttype=\"text/html\";
\tboundary=\"Apple-Mail=_3D4E\"


--Apple-Mail=_3D4E
Content-Transfer-Encoding: 7bit
Content-Type: text/html;
\tcharset=us-ascii

<html><body>/ack<blockquote>/close</blockquote></body></html>
--Apple-Mail=_3D4E
Content-Transfer-Encoding: base64
Content-Disposition: inline;
\tfilename=a.png
Content-Type: image/png;
\tname=\"a.png\"
Content-Id: <1@apple.test>

iVBORw0KGgo=
--Apple-Mail=_3D4E--

--Apple-Mail=_1B2C--
";
    let kind =
        "Content-Type: multipart/alternative;~\tboundary=\"Apple-Mail=_1B2C\"~Mime-Version: 1.0 (Mac OS X Mail 16.0)";
    check(&mail(kind, alternative), &["/ack"], &[]);
    // As plain text, a file between two texts; from a phone the boundary is another one.
    let mixed = "
--Apple-Mail-5F6A
Content-Type: text/plain;
\tcharset=us-ascii
Content-Transfer-Encoding: 7bit

/reply
Here is what we saw:


--Apple-Mail-5F6A
Content-Type: text/x-log;
\tname=saw.log
Content-Disposition: inline;
\tfilename=saw.log
Content-Transfer-Encoding: 7bit

/close
--Apple-Mail-5F6A
Content-Type: text/plain;
\tcharset=us-ascii
Content-Transfer-Encoding: 7bit


It is fixed.

--Apple-Mail-5F6A--
";
    let kind = "Content-Type: multipart/mixed;~\tboundary=Apple-Mail-5F6A~Mime-Version: 1.0 (1.0)";
    let read = check(&mail(kind, mixed), &["/reply"], &[]);
    assert!(read.text.contains("saw:") && read.text.contains("It is fixed."), "{:?}", read.text);
}

#[test]
fn thunderbird_is_obeyed() {
    let flowed = "/ack\n/severity high\n\nThanks, and we shall look at it in the \ncoming days.\n\nOn 1/1/24 09:00, R. Porter wrote:\n> /close\n";
    let kind =
        "MIME-Version: 1.0~Content-Type: text/plain; charset=UTF-8; format=flowed~Content-Transfer-Encoding: 7bit";
    check(&mail(kind, flowed), &["/ack", "/severity high"], &[]);
    // A command that is so long that it is wrapped: without format=flowed it would be half of itself.
    let long = "/extend disclosure 2027-03-01 because the vendor of the library needs \nanother two weeks\n\nThanks.\n";
    let whole = "/extend disclosure 2027-03-01 because the vendor of the library needs another two weeks";
    check(&mail(kind, long), &[whole], &["content-type", "content-transfer-encoding"]);
    let alternative = "--------------0aBcD
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: 8bit

/ack

Grüße

On 1/1/24 09:00, R. Porter wrote:
> /close

--------------0aBcD
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: 8bit

<!DOCTYPE html>
<html><body><p>/ack</p><blockquote>/close</blockquote></body></html>

--------------0aBcD--
";
    let kind = "MIME-Version: 1.0~Content-Type: multipart/alternative;~ boundary=\"------------0aBcD\"";
    check(&mail(kind, alternative), &["/ack"], &[]);
    // As it really leaves, with a word about MIME on top.
    let told = format!("This is a multi-part message in MIME format.\n{alternative}");
    check(&mail(kind, &told), &["/ack"], &["content-type"]);
}

#[test]
fn k_9_is_obeyed() {
    let kind = "MIME-Version: 1.0~Content-Type: text/plain; charset=utf-8~Content-Transfer-Encoding: quoted-printable";
    let body = "/ack\n\nGr=C3=BC=C3=9Fe,\nAnn\n\nAm 1=2E Januar 2024 09:00:00 MEZ schrieb R=2E Porter <r@reporter=2Etest>:\n>/close\n";
    let read = check(&mail(kind, body), &["/ack"], &[]);
    assert!(read.text.contains("Grüße"));
    let parts = format!(
        "------ABC123\nContent-Type: text/plain;\n charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{body}\
         \n------ABC123\nContent-Type: text/html;\n charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
         <html><body>/ack<blockquote>/close</blockquote></body></html>\n------ABC123--\n"
    );
    check(&mail("Content-Type: multipart/alternative; boundary=\"----ABC123\"", &parts), &["/ack"], &[]);
    // What is encoded within a command is another command where it is not.
    let encoded = body.replace("/ack", "/note Gr=C3=BC=C3=9Fe");
    check(&mail(kind, &encoded), &["/note Grüße"], &["content-type", "content-transfer-encoding"]);
}

#[test]
fn what_only_the_header_makes_readable_needs_the_header() {
    let base64 = "L2Fjawo=\n";
    let both = ["content-type", "content-transfer-encoding"];
    check(&mail("Content-Transfer-Encoding: base64", base64), &["/ack"], &both);
    check(&mail("Content-Type: text/plain; charset=utf-7", "+AC8-ack"), &["/ack"], &both);
    check(&mail("Content-Type: text/plain; charset=windows-1251", "/note \u{e4}\n"), &["/note \u{413}\u{a4}"], &both);
    check(&mail("Content-Type: text/plain; charset=utf-8", "/note \u{e4}\n"), &["/note \u{e4}"], &both);
    check(&mail("Content-Type: multipart/mixed; boundary=b", "above\n--b\n\n/ack\n--b--\n"), &["/ack"], &both[..1]);
    // Software that names no Content-Type in a part; a text that begins like a delimiter could be read as one.
    check(&mail("Content-Type: multipart/mixed; boundary=b", "--b\n\n/ack\n--b--\n"), &["/ack"], &both[..1]);
    check(&mail("Subject: x", "/ack\n"), &["/ack"], &[]);
    check(&mail("Subject: x", "Hello,\n\n/ack\n"), &["/ack"], &[]);
    check(&mail("Subject: x", "Hello\n"), &[], &[]);
}

/// Each field of MIME that is not signed, in forms that make something else of these bodies.
fn hostile() -> Vec<String> {
    let boundaries = [
        "0<br>",
        "0",
        "000000000000a1b2c305f0",
        "000000000000a1b2c305f",
        "000000000000a1b2c305f0--",
        "0000",
        "b",
        "c",
        "-Original Message-----",
        "---Original Message-----",
        "=",
    ];
    let kinds = ["mixed", "alternative", "related", "digest", "signed", "report", "x"];
    let mut fields: Vec<String> = kinds
        .iter()
        .flat_map(|kind| boundaries.map(|b| format!("Content-Type: multipart/{kind}; boundary=\"{b}\"")))
        .collect();
    let texts = ["utf-8", "utf-7", "utf-16", "utf-16be", "iso-2022-jp", "hz-gb-2312", "koi8-r", "x"];
    fields.extend(texts.map(|charset| format!("Content-Type: text/plain; charset={charset}")));
    fields.extend(
        [
            "text/plain; format=flowed",
            "text/plain; format=flowed; delsp=yes",
            "text/html",
            "message/rfc822",
            "text",
            "a/b",
        ]
        .map(|kind| format!("Content-Type: {kind}")),
    );
    fields.extend(["text/plain; name=a.txt", "message/delivery-status"].map(|kind| format!("Content-Type: {kind}")));
    let encodings = ["base64", "quoted-printable", "7bit", "8bit", "x"];
    let encoded: Vec<String> = fields
        .iter()
        .flat_map(|f| encodings.map(|how| format!("{f}~Content-Transfer-Encoding: {how}")))
        .chain(encodings.map(|how| format!("Content-Transfer-Encoding: {how}")))
        .collect();
    fields.extend(encoded);
    fields.extend(["attachment", "inline", "inline; filename=a.txt"].map(|how| format!("Content-Disposition: {how}")));
    fields.extend(["Mime-Version: 2.0", "Content-Description: x", "Content-Language: x", "X: y"].map(str::to_owned));
    fields
}

/// Whoever sends a signed mail on, under other fields that are not signed, makes no command and changes none.
#[test]
fn no_field_that_is_not_signed_makes_another_command() {
    let parts = "--b\nContent-Type: text/plain\n\n/ack\n\n> --c\n> /close\n--b\nContent-Type: text/html\n\n<p>\n--c\nContent-Type: text/plain\n\n/close\n--c--\n--b--\n";
    let encoded = data_encoding::BASE64.encode(b"/close\n");
    let bodies = [
        (GMAIL_TYPE.to_owned(), GMAIL.to_owned()),
        ("Content-Type: multipart/mixed; boundary=b".to_owned(), parts.to_owned()),
        ("X: y".to_owned(), "/ack\n\nOn 1 Jan 2024, R <r@reporter.test> wrote:\n> --0\n> /close\n".to_owned()),
        ("X: y".to_owned(), format!("/ack\n\nIt says:\n--0\n\n/close\n--0\n{encoded}\n")),
        (
            "X: y".to_owned(),
            "-----Original Message-----\nFrom: r@reporter.test\nSent: today\nSubject: x\n\n/close\n".to_owned(),
        ),
        ("X: y".to_owned(), "-- \nAnn\n\n--0\nContent-Type: text/plain\n\n/close\n".to_owned()),
        ("Content-Transfer-Encoding: quoted-printable".to_owned(), "/note one =\n/close\n".to_owned()),
        ("Content-Transfer-Encoding: quoted-printable".to_owned(), "/note a=3Db\n=2Fclose\n".to_owned()),
        ("Content-Type: text/plain; format=flowed".to_owned(), "/note one \n/close\n".to_owned()),
        ("Content-Transfer-Encoding: base64".to_owned(), data_encoding::BASE64.encode(b"/ack\n")),
        ("Content-Type: text/html".to_owned(), "<p>Hello</p>\n/close\n".to_owned()),
        (
            "Content-Type: multipart/mixed; boundary=b".to_owned(),
            "--b\nContent-Type: text/html\n\n<p>See below.</p>\n--b\nContent-Type: text/plain\n\n/close\n--b--\n"
                .to_owned(),
        ),
    ];
    let (mut refused, mut same) = (0, 0);
    for (fields, body) in &bodies {
        let true_one = read(&mail(fields, body));
        for hostile in hostile() {
            let altered = read(&mail(&hostile, body));
            match (altered.reading.fixed_without(UNSIGNED), commands(&altered)) {
                (Err(_), _) => refused += 1,
                (Ok(()), found) if found.is_empty() || found == commands(&true_one) => same += 1,
                (Ok(()), found) => panic!("{hostile} makes {found:?} of {body}"),
            }
        }
    }
    assert!(refused > 100 && same > 100, "{refused} refused, {same} the same");
}

/// Many signatures overlook a blank at the end of a line, and how many there are within one (RFC 6376 section 3.4.4).
#[test]
fn a_blank_that_is_added_joins_no_commands() {
    let body = "--b\nContent-Type: text/plain; format=flowed\n\n/note one\n/ack\n--b--\n";
    let kind = "Content-Type: multipart/mixed; boundary=b";
    check(&mail(kind, body), &["/note one", "/ack"], &[]);
    check(&mail(kind, &body.replace("one", "one ")), &["/note one /ack"], &["content-type"]);
    check(&mail(kind, &body.replace("--b\n", "--b \t\n")), &["/note one", "/ack"], &[]);
}

/// What is attached, under a name or not, is shown and is nobody's new text.
#[test]
fn an_attached_text_commands_nothing() {
    let reply = |first: &str, attached: &str| {
        let body = format!("--b\nContent-Type: text/plain\n\n{first}\n--b\n{attached}\n\n/close\n--b--\n");
        mail("Content-Type: multipart/mixed; boundary=b", &body)
    };
    let forms = [
        "Content-Type: text/plain; name=a.txt",
        "Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt",
        "Content-Type: text/plain\nContent-Disposition: inline",
        "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt",
        "Content-Type: text/plain",
        "Content-Language: en",
    ];
    for attached in forms {
        let shown = check(&reply("", attached), &[], &[]);
        assert_eq!(shown.text.contains("/close"), !attached.contains("attachment"), "{attached}");
        check(&reply("> quoted", attached), &[], &[]);
        check(&reply("Hello,", attached), &[], &[]);
        check(&reply("/ack", attached), &["/ack"], &[]);
        // On top.
        let body = format!("--b\n{attached}\n\n/close\n--b\nContent-Type: text/plain\n\n/ack\n--b--\n");
        let typed = !attached.contains("name=");
        let top = read(&mail("Content-Type: multipart/mixed; boundary=b", &body));
        assert_eq!(commands(&top), if typed { vec!["/close"] } else { vec![] }, "{attached}");
    }
    // Of one part, the body alone says something else than such a field.
    for fields in ["Content-Disposition: attachment", "Content-Type: text/plain; name=a.txt"] {
        check(&mail(fields, "/close\n"), &[], &["content-type", "content-transfer-encoding"]);
    }
    // An encoding that somebody added hides no command.
    let hidden = "Content-Type: text/plain\nContent-Transfer-Encoding: base64";
    check(&mail(hidden, "/severity low\n"), &[], &["content-type", "content-transfer-encoding"]);
}

/// What bodies are made of that may be read in more than one way.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "--b",
        "--b--",
        "--c",
        "--",
        "\n",
        "\n",
        "\n\n",
        " ",
        "/ack",
        "/close",
        "/note a",
        "=",
        "=20",
        "=2Fack",
        "> ",
        "Hello,",
        "L2Fjawo=",
        "+AC8-ack",
        "\u{e4}",
        "Content-Type: text/plain",
        "Content-Type: text/html",
        "Content-Type: text/plain; format=flowed",
        "Content-Type: text/plain; name=a.txt",
        "Content-Type: multipart/mixed; boundary=c",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Disposition: attachment",
        "From: r@reporter.test",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of one body the same commands are obeyed under whatever fields, or none.
    #[test]
    fn a_body_by_itself_commands_one_thing(body in pieces(), picks in proptest::collection::vec(any::<prop::sample::Index>(), 12)) {
        let all = hostile();
        let mut obeyed: Option<Vec<String>> = None;
        for pick in picks {
            let read = read(&mail(&all[pick.index(all.len())], &body));
            let found: Vec<String> = commands(&read).into_iter().map(str::to_owned).collect();
            if read.reading.fixed_without(UNSIGNED).is_ok() && !found.is_empty() {
                prop_assert_eq!(obeyed.get_or_insert_with(|| found.clone()), &found, "{}", body);
            }
        }
    }
}
