//! A whole mail: what comes out is bounded, clean and the same each time.
#![no_main]

use disclosed::testing::command;
use disclosed::testing::mail::read::read;
use disclosed_fuzz::{is_same, is_sound};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let mail = read(raw);
    is_sound(&mail);
    is_same(&mail, &read(raw));
    let orders = command::split(&mail.reply_text);
    // A command is a line that its sender wrote, in the text that a person sees.
    for order in &orders.lines {
        assert!(
            mail.text.lines().any(|l| l.trim_start().trim_end_matches([' ', '\t']) == order.written),
            "{:?} stands nowhere in the text",
            order.written
        );
    }
    // What our own server puts on top changes who is believed, never what is read.
    let trace = [b"Received: from a.example by mx.example.org with ESMTPS id 1; date\r\n".as_slice(), raw].concat();
    let trace = read(&trace);
    is_sound(&trace);
    // The line that a mailbox file puts on top is one only on top.
    let from_file = raw.starts_with(b"From ") || raw.starts_with(b">From ");
    if mail.from.is_ok() && !from_file {
        assert_eq!(trace.from, mail.from);
        assert_eq!(trace.reply_text, mail.reply_text);
    }
});
