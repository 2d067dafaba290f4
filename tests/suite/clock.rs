//! A database that is ahead of the clock of its machine, as a person and a monitor see it.

use disclosed::testing::config::Config;
use disclosed::testing::{clock, open};
use jiff::SignedDuration;

use crate::desk::Desk;

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_person_says_that_the_clock_is_right_and_reads_what_that_means() {
    let desk = Desk::with_report();
    // What waits while its time passes is another trouble.
    desk.ok(&["run", "--once"]);
    assert_eq!(desk.run(&["status"]).0, 0);
    let nothing = desk.ok(&["recover", "--clock"]);
    assert!(nothing.starts_with("Nothing lies ahead of the clock, which says "), "{nothing}");

    let config = Config::load(&desk.path().join("config.toml")).unwrap();
    let ahead = clock::now() + SignedDuration::from_hours(24 * 120);
    let mut tracker = open::tracker(&config, clock::now()).unwrap();
    tracker.on_tick(ahead).unwrap();
    tracker.scanned("in", Some(ahead), ahead).unwrap();
    drop(tracker);
    let (code, text, _) = desk.run(&["status"]);
    assert!(code == 3 && one_line(&text).contains("if it is right, `disclosed recover --clock`"), "{text}");
    assert!(desk.json(&["status"])["ahead"].is_string());

    let text = desk.ok(&["recover", "--clock"]);
    let text = one_line(&text);
    assert!(text.starts_with("The clock is right from now on: it says "), "{text}");
    let deadlines: Vec<&str> = text.split(" SEC-1 ").skip(1).collect();
    assert_eq!(deadlines.len(), 3, "each promise: {text}");
    let means = "it was called broken before its time, and runs; reminders that came before their time come again";
    assert!(deadlines.iter().all(|l| l.contains(" left; ") && l.ends_with(means)), "{text}");
    let (code, text, _) = desk.run(&["status"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(desk.json(&["recover", "--clock"])["ahead"], serde_json::Value::Null);
    assert!(one_line(&desk.ok(&["log", "1"])).contains("said that the clock had been ahead"));
    assert!(desk.ok(&["recover"]).starts_with("There is no hold"), "that is another question");
}
