//! HTML as text: of bounded length, clean once `read` has it, and never a command.
#![no_main]

use disclosed::testing::mail::html::to_text;
use disclosed::testing::mail::read::read;
use disclosed_fuzz::is_sound;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|html: &str| {
    let (text, hidden) = to_text(html);
    assert_eq!(to_text(html), (text.clone(), hidden));
    // A tag of four octets becomes a line end, and at most its marks of quotation and the place of its item.
    assert!(text.len() <= 24 * html.len() + 64, "{} octets made of {}", text.len(), html.len());

    let raw = format!("From: a@example.test\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}");
    let mail = read(raw.as_bytes());
    is_sound(&mail);
    assert!(mail.from_html || mail.text.trim().is_empty(), "HTML that passes for plain text");
    if !html.contains('<') && !html.contains('&') {
        let words = |t: &str| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(html), "text without a tag is itself");
    }
});
