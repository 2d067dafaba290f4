//! What mail programs make of characters, names, pages and signatures, by tables of cases.

use disclosed::testing::mail::decode::{self, Fit};
use disclosed::testing::mail::header::Header;
use disclosed::testing::mail::parts::{MAX_DECODED, MAX_PARTS, Parts};
use disclosed::testing::mail::{Mail, read};

use crate::corpus;

#[test]
fn charsets_of_mail_programs_are_read() {
    let sjis = b"\x90\xc6\x8e\xe3\x90\xab";
    let gbk = b"\xc2\xa9\xb6\xb4";
    let kr = b"\xc3\xeb\xbe\xe0\xc1\xa1";
    let table: &[(&str, &[u8], &str)] = &[
        ("cp932", sjis, "脆弱性"),
        ("CP-932", sjis, "脆弱性"),
        ("ms932", sjis, "脆弱性"),
        ("windows-932", sjis, "脆弱性"),
        ("windows-31j", sjis, "脆弱性"),
        ("x-sjis", sjis, "脆弱性"),
        ("Shift_JIS*ja", sjis, "脆弱性"),
        ("cp936", gbk, "漏洞"),
        ("ms936", gbk, "漏洞"),
        ("gb2312", gbk, "漏洞"),
        ("gb18030", gbk, "漏洞"),
        ("euc-cn", gbk, "漏洞"),
        ("cp949", kr, "취약점"),
        ("x-windows-949", kr, "취약점"),
        ("uhc", kr, "취약점"),
        ("ks_c_5601-1987", kr, "취약점"),
        ("euc-kr", kr, "취약점"),
        ("cp950", b"\xba\x7c\xac\x7d", "漏洞"),
        ("big5-hkscs", b"\xba\x7c\xac\x7d", "漏洞"),
        ("cp51932", b"\xc0\xc8\xbc\xe5\xc0\xad", "脆弱性"),
        ("iso-2022-jp", b"\x1b$B@H<e@-\x1b(B.", "脆弱性."),
        ("cp50221", b"\x1b$B@H<e@-\x1b(B.", "脆弱性."),
        ("iso-2022-kr", b"\x1b$)C\n\x0eCk>`A!\x0f MARK\n\x0eCk\x0f", "\n취약점 MARK\n취"),
        ("hz-gb-2312", b"a ~{B)64~} ~~ b ~{B)\nc", "a 漏洞 ~ b 漏\nc"),
        ("utf-7", b"+ZeVnLIqe-", "日本語"),
        ("cp850", b"\x81", "ü"),
        ("windows-1251", b"\xff", "я"),
        ("cp1251", b"\xff", "я"),
        ("koi8-r", b"\xd1", "я"),
        ("cp28595", b"\xef", "я"),
        ("cp65001", "я".as_bytes(), "я"),
        ("iso_8859_1", b"\xe4", "ä"),
        ("us-ascii", b"\x1b$B@H\x1b(B", "脆"),
        ("ANSI_X3.4-1968", "я".as_bytes(), "я"),
        ("utf-16be", b"\0a\0b", "ab"),
        // Only letters and digits tell names apart.
        ("csWindows31J", sjis, "脆弱性"),
        ("SJIS-win", sjis, "脆弱性"),
        ("ShiftJIS", sjis, "脆弱性"),
        ("x-ms-cp932", sjis, "脆弱性"),
        ("ibm943", sjis, "脆弱性"),
        ("csGB18030", gbk, "漏洞"),
        ("gb-2312", gbk, "漏洞"),
        ("cp54936", gbk, "漏洞"),
        ("Big5-ETEN", b"\xba\x7c\xac\x7d", "漏洞"),
        ("ksc5601-1987", kr, "취약점"),
        ("eucJP-win", b"\xc0\xc8\xbc\xe5\xc0\xad", "脆弱性"),
        ("hz-gb", b"~{B)~}", "漏"),
        ("koi8r", b"\xd1", "я"),
        ("cp20866", b"\xd1", "я"),
        ("win1251", b"\xff", "я"),
        ("microsoft-cp1251", b"\xff", "я"),
        ("IBM-866", b"\xef", "я"),
        ("8859_5", b"\xef", "я"),
        ("ISO8859-5", b"\xef", "я"),
        ("latin-2", b"\xb1", "ą"),
        ("tis620", b"\xa1", "ก"),
        ("cp1200", b"a\0", "a"),
        ("MacRoman", b"\x8e", "é"),
        // A blank ends what is shifted, and stays.
        ("UTF7", b"s+AOk-curit+AOk +AOA- 1 +- 2 +AOk", "sécurité à 1 + 2 é"),
        // Escapes that meet, and escapes under another name.
        ("iso-2022-jp", b"\x1b$B@H<e\x1b(B\x1b$B@-\x1b(B", "脆弱性"),
        ("utf-8", b"\x1b$B@H\x1b(B", "脆"),
        ("gb2312", b"\x1b$)C\x0eCk\x0f", "취"),
    ];
    for (charset, octets, expect) in table {
        assert_eq!(decode::charset(octets, Some(charset)), ((*expect).to_owned(), Fit::Held), "{charset}");
    }
    assert_eq!(decode::charset(b"\x1b$)C\n\x0eCk\x0f", None), ("\n취".to_owned(), Fit::Held));
    assert_eq!(decode::charset(b"\x1b[1mbold\x1b[0m", None), ("\x1b[1mbold\x1b[0m".to_owned(), Fit::Held));
    assert_eq!(decode::charset(b"\x1b$)A\x0eVP", Some("iso-2022-cn")).1, Fit::Unknown);
    let cut = ["脆弱性".repeat(20).as_bytes(), b"\xe8"].concat();
    assert_eq!(decode::charset(&cut, Some("utf-8")), ("脆弱性".repeat(20) + "\u{fffd}", Fit::Broken));
}

#[test]
fn charsets_are_decoded_as_claimed_where_that_can_be() {
    let check = |raw: &[u8], claimed: &str, text: &str, fit: Fit| {
        assert_eq!(decode::charset(raw, Some(claimed)), (text.to_owned(), fit), "{claimed}");
    };
    use Fit::{Broken, Held, Unknown};
    check("\u{20ac}".as_bytes(), "us-ascii", "\u{20ac}", Held);
    check("\u{20ac}".as_bytes(), "UTF-8", "\u{20ac}", Held);
    check(b"\xe4", "ISO-8859-1", "\u{e4}", Held);
    check(b"\xe4", "utf-8", "\u{e4}", Broken);
    check(b"\xe4", "no-such", "\u{e4}", Unknown);
    check("\u{e4}".as_bytes(), "no-such", "\u{e4}", Unknown);
    // These four octets are valid UTF-8 too.
    check(b"\xc1\xaa\xcd\xa8", "gb2312", "\u{8054}\u{901a}", Held);
    check(b"\x1b$B$\"\x1b(B", "iso-2022-jp", "\u{3042}", Held);
    // So many are no chance.
    for claimed in ["windows-1251", "koi8-r", "gb2312", "big5", "utf-16", "utf-7", "iso-2022-jp"] {
        check("脆弱性の報告".as_bytes(), claimed, "脆弱性の報告", Broken);
    }
    check("脆弱性の報告".as_bytes(), "no-such", "脆弱性の報告", Unknown);
    check(b"d\xe9j\xe0", "us-ascii", "déjà", Broken);
    check(b"a\0b\0", "utf-16le", "ab", Held);
}

#[test]
fn transfer_encodings_are_undone_leniently() {
    assert_eq!(decode::quoted_printable(b"a=3Db=\r\nc =\r\n=zz=4\n", 99), b"a=bc =zz=4\n");
    assert_eq!(decode::quoted_printable(b"abc", 2), b"ab");
    assert_eq!(decode::quoted_printable(b"a  \r\n\r\nb", 99), b"a\n\nb");
    assert_eq!(decode::base64(b"aGVs bG8=\r\nIQ==", 99), b"hello!");
    assert_eq!(decode::base64(b"aGVsbG8", 99), b"hello");
    assert_eq!(decode::base64(b"aGVsbG8=", 2), b"he");
    assert_eq!(decode::base64_size(b"aGVs\r\nbG8="), 5);
}

#[test]
fn encoded_words_are_decoded() {
    assert_eq!(decode::words(b" =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?b?IQ==?= x ", None), "J\u{f6}rg! x");
    assert_eq!(decode::words(b"a =?nonsense b", None), "a =?nonsense b");
    assert_eq!(decode::words(b"", None), "");
}

#[test]
fn a_charset_that_nothing_reads_is_named_with_the_way_to_the_raw_mail() {
    let mail = read::read(b"Content-Type: text/plain; charset=iso-2022-cn\n\n\x1b$)A\x0eVP\x0f");
    let problem = mail.problems.iter().find(|p| p.contains("charset")).unwrap();
    assert!(problem.contains("iso-2022-cn, which cannot be read here"), "{problem}");
    assert!(problem.contains("`disclosed show TICKET --raw N`"), "{problem}");
}

#[test]
fn a_page_without_a_charset_may_name_its_own() {
    for name in ["charset=gbk", "charset='gbk'", "content=\"text/html; charset=GB2312\""] {
        let raw = [b"Content-Type: text/html\n\n<meta ", name.as_bytes(), b"><p>\xc2\xa9\xb6\xb4"].concat();
        let mail = read::read(&raw);
        assert_eq!(mail.text.trim(), "漏洞", "{name}");
        assert!(!mail.problems.iter().any(|p| p.contains("charset")), "{:?}", mail.problems);
    }
    let mail = read::read(b"Content-Type: text/html\n\n<p>\xc2\xa9\xb6\xb4");
    assert!(mail.problems.iter().any(|p| p.contains("names no charset")), "{:?}", mail.problems);
}

#[test]
fn encoded_words_are_joined_before_they_are_decoded() {
    let table: &[(&[u8], &str)] = &[
        (b"=?utf-8?q?a=C3?= =?utf-8?q?=A4?=", "aä"),
        (b"=?utf-8?B?w6?=\r\n\t=?UTF-8?b?TDtg==?= x", "äö x"),
        (b"=?iso-2022-jp?B?GyRCQEg=?=\r\n =?iso-2022-jp?B?PGUbKEI=?=", "脆弱"),
        (b"=?ISO-2022-JP?B?GyRCQEg8ZRsoQg==?= =?ISO-2022-JP?B?GyRCQC0bKEI=?=", "脆弱性"),
        (b"=?utf-8*en?q?J=C3=B6rg_x?=", "Jörg x"),
        (b"=?cp932?B?kMaO45Cr?=", "脆弱性"),
        (b"=?iso-2022-kr?B?GyQpQw5Daw8=?= z", "취 z"),
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=E4?=", "aä"),
        (b"a =?utf-8?q?b?= c =?utf-8?q?d?=", "a b c d"),
        (b"(=?utf-8?q?b?=)", "(b)"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"=?x-klingon?q?b?= c", "=?x-klingon?q?b?= c"),
        (b"J\xf6rg =?utf-8?q?=C3=B6?=", "Jörg ö"),
        ("Jörg =?utf-8?q?=C3=B6?=".as_bytes(), "Jörg ö"),
        (b"\x1b$B@H<e@-\x1b(B 1.2", "脆弱性 1.2"),
        (b"=?utf-8?q?never ended", "=?utf-8?q?never ended"),
        (b"=?utf-8?x?a?= =?utf-8?q?b?=", "=?utf-8?x?a?= b"),
        (b"=?utf-8?q??=", ""),
        (b"", ""),
    ];
    for (value, expect) in table {
        assert_eq!(decode::words(value, None), *expect, "{}", String::from_utf8_lossy(value));
    }
}

#[test]
fn raw_octets_are_in_the_charset_of_the_text() {
    let raw = b"Subject: \x90\xc6\x8e\xe3\x90\xab =?utf-8?q?=C3=A4?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain; charset=cp932\r\n\r\n\x90\xc6\r\n--b\r\n\
        Content-Type: a/b; name=\"\x8e\xe3.txt\"\r\n\r\nx\r\n--b\r\nContent-Type: a/b; name=\"\xc3\xa4.txt\"\r\n\r\nx\r\n--b--";
    let mail = read::read(raw);
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("脆弱性 ä", "脆"));
    let names: Vec<&str> = mail.attachments.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["弱.txt", "ä.txt"]);
}

#[test]
fn file_names_are_read_in_every_form_that_is_sent() {
    let name = |fields: &[u8]| {
        let raw =
            [b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".as_slice(), fields, b"\r\n\r\nx\r\n--b--"];
        read::read(&raw.concat()).attachments.first().map(|a| a.name.clone())
    };
    let table: &[(&[u8], &str)] = &[
        (b"Content-Type: a/b; name=\"=?utf-8?b?w6TDtsO8LWxhbmdlci1uYW1lLnR4?=\r\n\t=?utf-8?b?dA==?=\"", "äöü-langer-name.txt"),
        (b"Content-Type: a/b; name==?utf-8?q?=C3=A4?=\r\n =?utf-8?q?=C3=B6.c?=", "äö.c"),
        (b"Content-Type: a/b; name=\"=?utf-8?q?a=C3?=\"\r\n \"=?utf-8?q?=A4?=\"", "aä"),
        (b"Content-Type: a/b; name=\"=?cp932?B?kMaO4w==?= =?cp932?B?kKsudHh0?=\"", "脆弱性.txt"),
        (b"Content-Disposition: attachment; filename*=utf-8''%E8%84%86.txt", "脆.txt"),
        (b"Content-Disposition: attachment; filename*0*=utf-8'en'%E8%84;\r\n filename*1*=%86;\r\n filename*2=\".txt\"", "脆.txt"),
        (b"Content-Disposition: attachment; filename*2=c; filename*0=a; filename*1=b", "abc"),
        (b"Content-Disposition: attachment; filename*0=\"=?utf-8?q?=C3\"; filename*1=\"=A4?=\"", "ä"),
        (b"Content-Disposition: attachment; filename=\"x.txt\"; filename*0*=utf-8''%C3%A4; filename*1*=.txt", "ä.txt"),
        (b"Content-Disposition: attachment; filename*=cp932''%90%C6.txt", "脆.txt"),
        (b"Content-Disposition: attachment; filename*=plain%20name.txt", "plain name.txt"),
        (b"Content-Disposition: attachment; filename=\"Pr\xfcfung.txt\"", "Prüfung.txt"),
        ("Content-Disposition: attachment; filename=\"Prüfung.txt\"".as_bytes(), "Prüfung.txt"),
        (b"Content-Disposition: attachment; filename=My report (1).pdf ; size=1", "My report (1).pdf"),
        (b"Content-Disposition: attachment; filename=\"a;b\\\"c.txt\" (x)", "a;b\"c.txt"),
        (b"Content-Disposition: attachment; filename=\"never ended", "never ended"),
    ];
    for (fields, expect) in table {
        assert_eq!(name(fields).as_deref(), Some(*expect), "{}", String::from_utf8_lossy(fields));
    }
}

#[test]
fn parameters_are_read_apart_from_what_stands_behind_them() {
    let mail =
        |kind: &str, body: &[u8]| read::read(&[format!("Content-Type: {kind}\r\n\r\n").as_bytes(), body].concat());
    let text = |kind: &str, body: &[u8]| -> String {
        let Mail { text, .. } = mail(kind, body);
        text
    };
    assert_eq!(text("text/plain; charset=utf-8 (plain)", "ä".as_bytes()), "ä");
    assert_eq!(text("Text/PLAIN ; Charset = \"iso-8859-1\"; x", b"\xe4"), "ä");
    assert_eq!(text("text/plain;", b"a"), "a");
    assert_eq!(text("", b"a"), "a");
    assert_eq!(text(" multipart/mixed; boundary=\"b;c\"", b"--b;c\r\n\r\na\r\n--b;c--"), "a");
    assert_eq!(text("multipart/mixed; boundary=\"b\" (the end); boundary=c", b"--b\r\n\r\na\r\n--b--"), "a");
    assert_eq!(text("text/plain; charset*=us-ascii'en'utf-8", "ä".as_bytes()), "ä");
}

#[track_caller]
/// The media type and content of each leaf, and the problems.
fn leaves(raw: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (header, body) = Header::split(raw.as_bytes());
    let parts = Parts::find(&header, body);
    let leaves = parts.leaves.iter().map(|p| (p.media.clone(), p.text().0)).collect();
    (leaves, parts.problems)
}

#[track_caller]
fn parts(raw: &str, expect: &[(&str, &str)]) {
    let (got, _) = leaves(raw);
    let got: Vec<(&str, &str)> = got.iter().map(|(m, t)| (m.as_str(), t.as_str())).collect();
    assert_eq!(got, expect, "{raw}");
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\n\n";

#[test]
fn boundaries_are_whole_lines() {
    parts("\nbody\n--b\n", &[("text/plain", "body\n--b\n")]);
    parts(
        &format!("{MIXED}pre\n--b\n\nNote: one\n--b\n\ntwo\n--b--\npost\n"),
        &[("text/plain", "Note: one"), ("text/plain", "two")],
    );
    parts(&format!("{MIXED}--b \t\r\n\r\none\r\n--bc\r\n--b--\r\n"), &[("text/plain", "one\n--bc")]);
    parts(
        &format!("{MIXED}--b\n\none\n--b\u{c}\n--b x\n--b-\n --b\n--b--x\n--b-- \t\n"),
        &[("text/plain", "one\n--b\u{c}\n--b x\n--b-\n --b\n--b--x")],
    );
    parts(&format!("{MIXED}--b\n\none\n"), &[("text/plain", "one\n")]);
    parts(&format!("{MIXED}--b\nContent-Type: image/png\n--b--"), &[("image/png", "")]);
    parts(&format!("{MIXED}no part at all"), &[("text/plain", "no part at all")]);
    parts("Content-Type: multipart/mixed\n\n--b\n\nx", &[("text/plain", "--b\n\nx")]);
}

#[test]
fn multiparts_stand_within_each_other() {
    let inner = "Content-Type: multipart/alternative; boundary=\"b b\"\n\n--b b\n\none\n--b b\nContent-Type: text/html\n\ntwo\n--b b--\n";
    parts(
        &format!("{MIXED}--b\n{inner}\n--b\nContent-Type: a/b\n\nthree\n--b--"),
        &[("text/plain", "one"), ("text/html", "two"), ("a/b", "three")],
    );
    // The outer boundary ends an inner multipart that does not end itself.
    parts(
        &format!("{MIXED}--b\n{}--b\n\nthree", inner.replace("--b b--", "")),
        &[("text/plain", "one"), ("text/html", "two\n"), ("text/plain", "three")],
    );
    parts(
        &format!("{MIXED}--b\nContent-Type: multipart/mixed; boundary=c\n\nlost?\n--b\n\nthree"),
        &[("text/plain", "lost?"), ("text/plain", "three")],
    );
    let digest = "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--";
    parts(digest, &[("message/rfc822", "Subject: x\n\ny")]);
}

#[test]
fn bounds_hold_and_are_told() {
    let deep: String = (0..30).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let (got, problems) = leaves(&format!("{deep}\ntext"));
    assert_eq!(got.len(), 1);
    assert!(problems.iter().any(|p| p.contains("nested too deep")), "{problems:?}");
    let (got, problems) = leaves(&format!("{MIXED}{}", "--b\n\nx\n".repeat(600)));
    assert_eq!(got.len(), MAX_PARTS);
    assert!(problems.iter().any(|p| p.contains("too many parts")), "{problems:?}");
    let (_, problems) = leaves(&format!("{MIXED}{}", "--b\n\nx\n".repeat(MAX_PARTS - 1)));
    assert_eq!(problems, Vec::<String>::new());
    let long = "x".repeat(MAX_DECODED + 1);
    let (got, _) = leaves(&format!("\n{long}"));
    assert_eq!(got.first().map(|(_, t)| t.len()), Some(MAX_DECODED));
}

#[test]
fn names_are_made_harmless() {
    let name = |field: &str| {
        let raw = format!("Content-Disposition: attachment; {field}\n\n");
        Parts::find(&Header::split(raw.as_bytes()).0, b"").top.name
    };
    assert_eq!(name("filename=\"../../etc/passwd\"").as_deref(), Some("_.._etc_passwd"));
    assert_eq!(name("filename=\"=?utf-8?q?=E2=80=AEgnp.exe?=\"").as_deref(), Some("gnp.exe"));
    assert_eq!(name("filename*=utf-8''a%0Ab.txt").as_deref(), Some("a b.txt"));
    assert_eq!(name("filename=\"\""), None);
    assert_eq!(name(&format!("filename={}", "a".repeat(500))).map(|n| n.chars().count()), Some(100));
}

fn read_text(raw: &str) -> Mail {
    read::read(raw.as_bytes())
}

#[test]
fn text_is_decoded_whatever_is_claimed() {
    let text = |head: &str, body: &[u8]| read::read(&[head.as_bytes(), b"\r\n\r\n", body].concat()).text;
    assert_eq!(text("Content-Type: text/plain; charset=utf-8", "\u{20ac}".as_bytes()), "\u{20ac}");
    assert_eq!(text("Content-Type: text/plain; charset=us-ascii", "\u{20ac}".as_bytes()), "\u{20ac}");
    assert_eq!(text("Content-Type: text/plain; charset=iso-8859-1", b"\xe4"), "\u{e4}");
    assert_eq!(text("Content-Type: text/plain; charset=utf-8", b"\xe4"), "\u{e4}");
    assert_eq!(text("Content-Type: text/plain; charset=nosuch", b"\xe4"), "\u{e4}");
    assert_eq!(text("Content-Type: text/plain; charset=utf-16le", b"a\0b\0"), "ab");
    assert_eq!(text("Content-Transfer-Encoding: quoted-printable", b"a=\r\nb=3D =zz\r\n"), "ab= =zz\n");
    assert_eq!(text("Content-Transfer-Encoding: base64", b"aGVs*\r\nbG8="), "hello");
    assert_eq!(text("Content-Transfer-Encoding: x-yenc", b"abc"), "abc");
    assert_eq!(text("Content-Type: nonsense", b"abc"), "");
    assert_eq!(text("X: y", "a\u{202e}b\u{0}\u{1b}[1mc".as_bytes()), "ab[1mc");
    assert_eq!(text("X: y", "a\u{61c}b\u{e0041}\u{2067}c\u{180e}".as_bytes()), "abc");
}

#[test]
fn flowed_text_is_joined() {
    let text = |parameters: &str, body: &str| {
        read_text(&format!("Content-Type: text/plain; format=flowed{parameters}\r\n\r\n{body}")).text
    };
    assert_eq!(text("", "one \r\ntwo\r\n\r\n> a \r\n> b\r\nc\r\n"), "one two\n\n> a b\nc\n");
    assert_eq!(text("; delsp=yes", "/clo \r\nse\r\n"), "/close\n");
    assert_eq!(text("", " >not quoted\r\n-- \r\nAnn\r\n"), ">not quoted\n-- \nAnn\n");
}

#[test]
fn plain_text_is_preferred_and_html_yields_no_command() {
    let parts = |kind: &str, parts: &[(&str, &str)]| {
        let mut raw = format!("Content-Type: multipart/{kind}; boundary=\"b b\"\r\n\r\npreamble\r\n");
        for (media, body) in parts {
            raw += &format!("--b b\r\nContent-Type: {media}\r\n\r\n{body}\r\n");
        }
        read_text(&(raw + "--b b--\r\nepilogue"))
    };
    let m = parts("alternative", &[("text/plain", "plain"), ("text/html", "<b>html</b>")]);
    assert_eq!((m.text.as_str(), m.from_html), ("plain", false));
    let m = parts("alternative", &[("text/plain", " "), ("text/html", "<b>html</b>")]);
    assert_eq!((m.text.as_str(), m.from_html), ("html", true));
    let m = parts("mixed", &[("text/html", "<b>html</b>"), ("text/plain", "footer")]);
    assert_eq!((m.text.as_str(), m.from_html), ("html\nfooter", true));
    let m = parts("mixed", &[("text/plain", "plain"), ("text/html", "<b>html</b>"), ("text/plain", "more")]);
    assert_eq!((m.text.as_str(), m.from_html), ("plain\nmore", false));
    let m = parts(
        "mixed",
        &[
            ("image/png; name=\"../a\\/b.png\"", "xyz"),
            ("text/plain; name=poc.txt\r\nContent-Disposition: attachment", "poc"),
        ],
    );
    assert_eq!(m.text, "");
    let names: Vec<(&str, u64)> = m.attachments.iter().map(|a| (a.name.as_str(), a.size)).collect();
    assert_eq!(names, [("_a_b.png", 3), ("poc.txt", 3)]);
}

#[test]
fn html_that_says_more_is_told() {
    let raw = |page: &str| {
        format!(
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nSee the HTML.\r\n--b\r\nContent-Type: text/html\r\n\r\n{page}\r\n--b--\r\n"
        )
    };
    let m = read_text(&raw(&"<p>leak</p> ".repeat(50)));
    assert!(m.problems.iter().any(|p| p.contains("HTML says")), "{:?}", m.problems);
    let m = read_text(&raw(&format!("{}See the HTML.", "<p class=x > </p> ".repeat(50))));
    assert!(!m.problems.iter().any(|p| p.contains("HTML says")), "{:?}", m.problems);
}

/// A value of DER; with no length known before, as BER marks its end.
/// The samples of this kind that stand beside the corpus, where there is one.
#[test]
fn the_samples_beside_the_corpus_are_read() {
    let Some(place) = corpus::found() else { return };
    let mail = |name: &str| read::read(&std::fs::read(place.join(name)).unwrap());
    let has = |name: &str, text: &str| {
        let mail = mail(name);
        assert!(mail.text.contains(text), "{name}: {:?} {:?}", mail.text, mail.problems);
        mail
    };
    assert_eq!(has("90-ja-nocharset.eml", "こんにちは。脆昴性を報告します。").subject, "脆昴性");
    has("92-charset-cp932.eml", "脆弱性① MARK");
    has("92-charset-iso-2022-kr.eml", "취약점 MARK");
    has("132-html-list.eml", "1. Open\n2. Click\n   * sub\n\nParam  Value\nid  1' OR 1=1");
    let names: Vec<String> = mail("name-in-two-words.eml").attachments.into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["äöü-langer-name.txt"]);
    has("104-smime-opaque-signed.eml", "The signed report: /run of version 2.1 executes commands.");
    let cut = mail("smime-opaque-signed.eml");
    assert!(cut.problems.iter().any(|p| p.contains("it is signed (S/MIME), and its content is missing")));
    assert!(!cut.problems.iter().any(|p| p.contains("encrypted")));
}
