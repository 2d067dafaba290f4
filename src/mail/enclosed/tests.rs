use super::*;
use crate::mail::read::read;

/// How programs forward in the text: the mails of one person, in the words of several.
const FORWARDS: [(&str, &str); 13] = [
    (
        "Gmail",
        "FYI\n\n---------- Forwarded message ---------\nFrom: Rita Example <rita@r.example>\n\
         Date: Thu, 26 Nov 2026 at 10:00\nSubject: RCE in /run\nTo: <info@project.example>\n\nIt runs commands.",
    ),
    (
        "Gmail, with a sender that is too long for a line",
        "FYI\n\n---------- Forwarded message ---------\nFrom: Rita Example\n<rita@r.example>\n\
         Date: Thu, 26 Nov 2026 at 10:00\nSubject: RCE in /run\nTo: <info@project.example>\n\nIt runs commands.",
    ),
    (
        "Thunderbird, French",
        "-------- Message transféré --------\nSujet\u{a0}: \tRCE in /run\nDate\u{a0}: \tThu, 26 Nov 2026 10:00:00 +0000\n\
         De\u{a0}: \tRita Example <rita@r.example>\nPour\u{a0}: \tinfo@project.example\n\nIt runs commands.",
    ),
    (
        "Outlook, Korean",
        "참고하세요.\n\n보낸 사람: Rita Example <rita@r.example>\n보낸 날짜: 2026년 11월 26일 목요일 오전 10:00\n\
         받는 사람: Info <info@project.example>\n제목: RCE in /run\n\nIt runs commands.",
    ),
    (
        "Outlook, Chinese",
        "請參考。\n\n寄件者: Rita Example <rita@r.example>\n寄件日期: 2026年11月26日 上午 10:00\n\
         收件者: Info <info@project.example>\n主旨: RCE in /run\n\nIt runs commands.",
    ),
    (
        "Outlook, German",
        "Zur Kenntnis.\n\n________________________________\nVon: Rita Example <rita@r.example>\n\
         Gesendet: Donnerstag, 26. November 2026 10:00\nAn: Info <info@project.example>\nBetreff: RCE in /run\n\n\
         It runs commands.",
    ),
    (
        "Outlook, with an importance and links",
        "From: Rita Example <rita@r.example<mailto:rita@r.example>>\nSent: Thursday, November 26, 2026 10:00 AM\n\
         To: Info\nCc: Ada; Bob;\n Carl\nSubject: RCE in /run\nImportance: High\n\nIt runs commands.",
    ),
    (
        "Apple Mail",
        "> Begin forwarded message:\n> \n> From: Rita Example <rita@r.example>\n> Subject: RCE in /run\n\
         > Date: 26 November 2026 at 10:00:00 CET\n> To: info@project.example\n> \n> It runs commands.",
    ),
    (
        "Thunderbird",
        "-------- Forwarded Message --------\nSubject: \tRCE in /run\nDate: \tThu, 26 Nov 2026 10:00:00 +0000\n\
         From: \tRita Example <rita@r.example>\nTo: \tinfo@project.example\n\nIt runs commands.",
    ),
    (
        "K-9",
        "-------- Original Message --------\nFrom: Rita Example <rita@r.example>\n\
         Sent: 26 November 2026 10:00:00 UTC\nTo: info@project.example\nSubject: RCE in /run\n\nIt runs commands.",
    ),
    (
        "Thunderbird, Finnish, of which no name is known but the subject's",
        "-------- Välitetty viesti --------\nAihe: \tRCE in /run\nPäivämäärä: \tThu, 26 Nov 2026 10:00:00 +0000\n\
         Lähettäjä: \tRita Example <rita@r.example>\nVastaanottaja: \tinfo@project.example\n\nIt runs commands.",
    ),
    (
        "Gmail, Croatian, of which no name is known",
        "---------- Forwarded message ---------\nŠalje: Rita Example <rita@r.example>\n\
         Upućeno: čet, 26. stu 2026. u 10:00\nPredmetak: RCE in /run\nPrima: <info@project.example>\n\nIt runs.",
    ),
    (
        "HTML in bold",
        "*From:* Rita Example <rita@r.example>\n*Sent:* Thursday, 26 November 2026 10:00\n*To:* Info\n\
         *Subject:* RCE in /run\n\nIt runs commands.",
    ),
];

#[test]
fn a_mail_in_the_text_is_known_by_its_form() {
    for (program, text) in FORWARDS {
        let [found] = forwarded(text).try_into().expect(program);
        assert_eq!(found.address.map(String::from).as_deref(), Some("rita@r.example"), "{program}");
        assert!(found.from.starts_with("Rita Example <"), "{program}: {}", found.from);
        assert!(found.date.contains("26") && found.date.contains("2026"), "{program}: {}", found.date);
        assert_eq!(found.subject, "RCE in /run", "{program}");
        assert!(found.text.is_none());
    }
}

#[test]
fn what_is_no_mail_is_none() {
    for text in [
        "The parser overflows.\n\nVersion: 1.2\nComponent: parser\nContact: ann@a.example\n",
        "From: the parser\nTo: the lexer\n\nbytes go.",
        "On Thu, 26 Nov 2026 at 10:00, Rita <rita@r.example> wrote:\n> It runs commands.",
        "GET / HTTP/1.1\nHost: project.example\nDate: Thu, 26 Nov 2026 10:00:00 GMT\nAccept: */*\n",
        "",
    ] {
        assert!(forwarded(text).is_empty(), "{text}");
    }
    // A name without an address is a sender all the same; whom to answer nobody can tell.
    let bare = forwarded("From: Rita Example\nSent: Thursday, 26 November 2026 10:00\nTo: Info\nSubject: RCE\n\nIt.");
    assert!(bare.first().is_some_and(|mail| mail.address.is_none() && mail.from == "Rita Example"));
}

/// Each that passed it on stands before whom they had it from.
#[test]
fn a_forward_of_a_forward_is_two() {
    for [(_, outer), (program, inner)] in FORWARDS.array_windows() {
        let outer = outer.replace("rita@r.example", "carl@project.example");
        let found = forwarded(&format!("{outer}\n\n{inner}"));
        let from: Vec<&str> = found.iter().filter_map(|mail| Some(mail.address.as_ref()?.as_str())).collect();
        assert_eq!(from, ["carl@project.example", "rita@r.example"], "{program}");
    }
}

/// A mail with another attached to it, parted by that boundary.
fn with_attached(boundary: &str, cover: &str, inner: &str) -> String {
    format!(
        "From: bob@project.example\nSubject: Fwd\nContent-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n\n\
         {cover}\n--{boundary}\nContent-Type: message/rfc822\n\n{inner}\n--{boundary}--\n"
    )
}

#[test]
fn an_attached_mail_is_read_and_commands_nothing() {
    let inner = "From: 'Rita' <rita@r.example>\nDate: Thu, 26 Nov 2026 10:00:00 +0000\nSubject: =?utf-8?q?RCE_in_=2Frun?=\n\
                 Content-Type: multipart/mixed; boundary=i\n\n--i\n\n/severity low\nCVE-2026-11111, CWE-78, \
                 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H, severity critical.\n--i\nContent-Type: image/png; name=poc.png\n\nx\n--i--";
    let mail = read(with_attached("o", "FYI, see attached.\n\n-- \nBob\n", inner).as_bytes());
    let [found] = mail.enclosed.as_slice() else { panic!("{:?}", mail.enclosed) };
    assert_eq!((found.from.as_str(), found.subject.as_str()), ("'Rita' <rita@r.example>", "RCE in /run"));
    assert_eq!(found.attachments.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["poc.png"]);
    assert!(found.text.as_ref().is_some_and(|text| text.starts_with("/severity low")));
    assert_eq!((mail.fields.cves.as_slice(), mail.fields.cwes.len()), (["CVE-2026-11111".to_owned()].as_slice(), 1));
    assert!(mail.fields.cvss.is_some() && mail.fields.severity.is_some());
    assert!(!mail.text.contains("severity") && !mail.reply_text.contains("severity"), "{}", mail.text);

    // Without a cover its text is that of the mail, as it was.
    let bare = read(with_attached("o", "", inner).as_bytes());
    assert_eq!(bare.enclosed.first().and_then(|m| m.text.as_ref()), Some(&bare.text));
    assert!(bare.reply_text.is_empty());
}

#[test]
fn attached_mails_are_bounded() {
    let core = "Subject: core\n\nx".to_owned();
    let deep = (0..20).fold(core, |inner, n| with_attached(&format!("b{n}b"), "See below.", &inner));
    assert_eq!(read(deep.as_bytes()).enclosed.len(), MAX_DEPTH);
    let one = "--o\nContent-Type: message/rfc822\n\nSubject: one\n\nx\n";
    let many =
        format!("From: b@b.example\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nSee.\n{}--o--", one.repeat(50));
    assert_eq!(read(many.as_bytes()).enclosed.len(), MAX_MAILS);
}
