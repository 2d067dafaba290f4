//! Commands: the first lines and nothing else, and what is stored until it is confirmed is what was asked for.
#![no_main]

use disclosed::testing::command::{self, Orders};
use libfuzzer_sys::fuzz_target;

fn written(orders: &Orders) -> String {
    format!("{}\n\n{}", orders.written().join("\n"), orders.text)
}

fuzz_target!(|text: &str| {
    let orders = command::split(text);
    assert_eq!(command::split(&written(&orders)), orders, "what is confirmed is not what was asked");
    let mut lines = text.split('\n').map(str::trim).filter(|l| !l.is_empty());
    for command::Line { written: line, read } in &orders.lines {
        assert!(line.starts_with('/'), "{line:?}");
        assert_eq!(Some(line.as_str()), lines.next(), "a command that is not the next line");
        match read {
            Ok(command::Asked { verb, .. }) => {
                let name = line.strip_prefix('/').unwrap_or_default().split_whitespace().next().unwrap_or_default();
                assert!(name.eq_ignore_ascii_case(verb.name), "{line:?} was read as /{}", verb.name);
            }
            Err(fault) => {
                assert!(fault.column <= line.chars().count() + 1, "the caret stands beside {line:?}");
                assert!(!fault.what.is_empty());
            }
        }
    }
    if let Some(first) = lines.next() {
        assert!(orders.text.starts_with(first), "{first:?} is lost");
    }
    // Whoever quotes commands gives none.
    let quoted: String = text.lines().map(|l| format!("> {l}\n")).collect();
    assert!(command::split(&quoted).lines.is_empty());
});
