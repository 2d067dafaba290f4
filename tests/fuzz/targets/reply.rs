//! The newly written text: lines of the mail, none of them quoted, and nothing that stands in a quotation.
#![no_main]

use disclosed::testing::command;
use disclosed::testing::mail::reply;
use disclosed::testing::vocabulary::clean;
use disclosed_fuzz::{is_clean, is_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // As `read` hands it over.
    let text = clean(&text.replace("\r\n", "\n"));
    let new = reply::new_text(&text);
    is_clean(&new);
    assert!(is_of(&new, &text), "{new:?}\nis not of\n{text:?}");
    assert!(!new.lines().any(|l| l.trim_start().starts_with('>')), "a quoted line: {new:?}");
    assert_eq!(new.trim_matches('\n'), new);
    assert_eq!(reply::new_text(&text), new);

    // All of it quoted is nothing new.
    let quote: String = text.lines().map(|l| format!("> {l}\n")).collect();
    assert_eq!(reply::new_text(&quote), "");
    // Answered above the quotation, it yields no command.
    let answer = format!("Thank you.\n\nOn Mon, 4 Jan 2027 at 10:00, Example wrote:\n{quote}");
    let answered = reply::new_text(&answer);
    assert!(command::split(&answered).lines.is_empty());
    assert_eq!(answered, "Thank you.");
});
