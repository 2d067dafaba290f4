//! Delivery reports: whatever a report says, it names plain addresses and Message-IDs, and is never answered.
#![no_main]

use disclosed::testing::mail::read::read;
use disclosed_fuzz::{is_same, is_sound};
use libfuzzer_sys::fuzz_target;

const REPORT: &str = "From: mailer-daemon@mx.example.test\r\nReturn-Path: <>\r\nSubject: Undelivered Mail\r\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n";
const STATUS: &str = "--b\r\nContent-Type: message/delivery-status\r\n\r\n\
    Reporting-MTA: dns; mx.example.test\r\n\r\n";
const PROSE: &str = "From: mailer-daemon@mx.example.test\r\nReturn-Path: <>\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    for parts in [&[REPORT, STATUS][..], &[REPORT], &[PROSE]] {
        let raw = [parts.concat().as_bytes(), data].concat();
        let mail = read(&raw);
        is_sound(&mail);
        is_same(&mail, &read(&raw));
        assert!(mail.automatic.is_some(), "a mail of a null return path could be answered");
        let Some(bounce) = &mail.bounce else { continue };
        // A Message-ID that the mail does not hold would be one that we made up; control characters are passed over.
        let mut decoded = String::from_utf8_lossy(&raw).to_ascii_lowercase();
        decoded.retain(|c| !c.is_control());
        for id in &bounce.message_ids {
            let local = id.as_str().to_ascii_lowercase();
            let stands = decoded.contains(&local) || decoded.contains("encoding") || decoded.contains("=");
            assert!(stands, "{id} stands nowhere");
        }
    }
});
