//! The header scan: two views of the same bytes, neither of which invents anything.
#![no_main]

use disclosed::testing::mail::header::{self, Header, Trace};
use disclosed_fuzz::{is_id, is_plain, line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let (header, body) = Header::split(raw);
    assert!(raw.ends_with(body), "the body is the end of the mail");
    let (again, _) = Header::split(raw);
    assert_eq!(format!("{header:?}"), format!("{again:?}"));

    let sender = header::sender(&header);
    if let Ok(from) = &sender {
        is_plain(from);
        assert_eq!(header.all("from").count(), 1, "one sender of several From lines");
        assert!(!header.truncated && !header.unseparated && !header.control && !header.leading_space);
        let value = header.first("from").unwrap_or_default();
        let written = String::from_utf8_lossy(value).to_ascii_lowercase();
        assert!(written.contains(&from.local().to_ascii_lowercase()), "a sender who does not stand there");
        assert!(!value.contains(&0), "{written:?}");
        // As plain as can be, it is the same one.
        let plain = format!("From: {}\r\n\r\n", from.as_str());
        assert_eq!(header::sender(&Header::split(plain.as_bytes()).0).as_ref(), Ok(from));
        // And a second line beside it makes it nobody.
        let twice = [b"From: x@example.test\r\n".as_slice(), raw].concat();
        assert!(header::sender(&Header::split(&twice).0).is_err(), "one of two senders was chosen");
    }
    let recipients = header.recipients();
    assert!(recipients.len() <= header::MAX_ADDRESSES);
    recipients.iter().for_each(is_plain);
    header::display_name(&header).iter().for_each(|n| drop(line(n, 100)));
    for name in ["subject", "from", "to"] {
        header.text(name, None).iter().for_each(|t| drop(line(t, 250)));
    }
    header.all("references").flat_map(header::message_ids).for_each(|id| is_id(&id));
    for trace in header.trace() {
        let (Trace::Received(text) | Trace::AuthenticationResults(text) | Trace::Mark(_, text)) = trace;
        assert!(!text.contains(['\r', '\n']), "not unfolded: {text:?}");
    }
});
