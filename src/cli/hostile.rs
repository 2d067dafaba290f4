//! Whatever a mail says of itself, a terminal shows it as text: no control characters, nothing that turns the
//! direction of writing or cannot be seen.

use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

use super::mails::MailDocument;
use super::{log, out, show, try_mail};
use crate::config::{Config, EXAMPLE as CONFIG};
use crate::mail::read;
use crate::store::Store;
use crate::ticket::Ticket;
use crate::token::{KEY_LENGTH, Key};
use crate::tracker::{Arrival, Posted, Tracker};
use crate::vocabulary::{Address, Outcome, TicketId};

/// What the colours of our own are; nothing else of that kind may stand in what is printed.
fn uncoloured(text: &str) -> String {
    let bold = anstyle::Style::new().bold();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    [format!("{red}"), format!("{red:#}"), format!("{bold}"), format!("{bold:#}")]
        .iter()
        .fold(text.to_owned(), |text, style| text.replace(style, ""))
}

/// Text as an attacker would choose it, encoded so that it arrives.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z@<>., ]{1,12}",
        prop::sample::select(
            &[
                "\u{1b}[2J",
                "\u{1b}]0;x\u{7}",
                "\u{9b}31m",
                "\u{202e}",
                "\u{2066}",
                "\u{202b}",
                "\u{2069}",
                "\u{200f}",
                "\u{61c}",
                "\u{200b}",
                "\u{feff}",
                "\u{e0041}",
                "\r",
                "\n",
                "\0",
                "\u{8}",
                "\u{7f}",
                "\u{85}",
                "\u{2028}",
                "\t",
                "\u{fffd}",
                "BROKEN",
                "\\",
                "../../",
                "\"",
                "=?utf-8?q?=1B?=",
            ][..]
        )
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An encoded word (RFC 2047): the only way for most of it to survive a header.
fn word(text: &str) -> String {
    format!("=?utf-8?b?{}?=", data_encoding::BASE64.encode(text.as_bytes()))
}

/// Said here once more, so that `clean` is not measured by itself: the marks that turn the direction of writing
/// (Unicode Standard Annex 9), and what has no width or shape.
const UNSEEN: &str = "\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\
    \u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{fff9}\u{e0001}\u{e0041}";

fn harmless(what: &str, text: &str) -> Result<(), TestCaseError> {
    let text = uncoloured(text);
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || UNSEEN.contains(c);
    prop_assert!(!text.contains(bad), "{}: {:?}", what, text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_and_what_leaves_is_text(
        name in hostile(), subject in hostile(), file in hostile(), body in hostile(), local in "[!-~]{1,20}",
    ) {
        let now: Timestamp = "2027-01-04T09:00:00Z".parse().unwrap();
        let project = Config::parse(CONFIG, Path::new("config.toml")).unwrap().project();
        let key = Key::new([7; KEY_LENGTH]);
        let mut tracker = Tracker::new(Store::in_memory().unwrap(), project.clone(), key.clone(), None, now).unwrap();
        let from = Address::parse(&format!("{local}@reporter.example")).map_or("r@reporter.example".into(), String::from);
        let body = data_encoding::BASE64.encode(body.as_bytes());
        let raw = format!(
            "From: {} <{from}>\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n\
             --b\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=\"{}\"\r\n\r\nPK\r\n--b--\r\n",
            word(&name), word(&subject), word(&file)
        );
        let tried = tracker.try_mail(raw.as_bytes(), crate::mail::signature::Dkim::Unasked, now).unwrap();
        harmless("try", &try_mail::text(&tried, &[], &project))?;
        for attachment in &tried.mail.attachments {
            prop_assert!(!attachment.name.contains(['/', '\\']), "{:?}", attachment.name);
        }

        let raw = raw.into_bytes();
        let arrival = Arrival {
            size: raw.len() as u64, raw, internal_date: None, not_before: None, place: None, listing: std::sync::Arc::default(),
        };
        let mut news = tracker.on_mail(&[arrival], now).unwrap();
        while let Some(claim) = tracker.claim(now).unwrap() {
            let reply = format!("550 {subject}");
            news.add(tracker.delivered(&claim, &Outcome::Refused(reply.into()), now).unwrap());
        }
        for Posted { number, notice, .. } in &news.notices {
            let bytes = tracker.store().read(|tx| tx.notice_bytes(*number)).unwrap();
            harmless("subject", &read::read(&bytes).subject)?;
            let sent = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            harmless(notice.kind().word(), &sent.body_text(0).unwrap().replace("\r\n", "\n"))?;
        }

        let entries = tracker.store().read(|tx| tx.entries(TicketId(1))).unwrap();
        let ticket = Ticket::fold(TicketId(1), &entries);
        let timeline = log::lines(&entries, &project, "", &[]);
        harmless("show", &show::text(&ticket, &timeline, Some(&key), &project, now))?;
        harmless("log", &timeline)?;
        let mail = tracker.store().read(|tx| MailDocument::of(tx, &tx.receipts()?[0], Some(1))).unwrap();
        harmless("mail", &mail.shown("Mail 1", &project))?;
        // `list`, `inbox` and `outbox` are tables, whatever their cells hold.
        let cells = vec![name.clone(), subject.clone(), from, file.clone()];
        let table = out::table(&["A", "B", "C", "D"], [cells]);
        harmless("table", &table)?;
    }
}
