//! The config: any text is a config or a list of mistakes that point into it.
#![no_main]

use std::path::Path;

use disclosed::testing::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // The one thing of the file system that a config names and parsing reads.
    if text.to_ascii_lowercase().contains(".ics") {
        return;
    }
    let file = Path::new("/nonexistent/config.toml");
    let read = Config::parse(text, file);
    match &read {
        Ok(config) => {
            let project = config.project();
            assert!(project.responsible().next().is_some(), "nobody would hear of a report");
            assert!(project.team().next().is_some());
            assert!(!project.people.iter().any(|p| p.address == project.address), "we would write to ourselves");
            let mut keys: Vec<String> = project.people.iter().map(|p| p.address.key()).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), project.people.len(), "two people with one address");
            assert!(!project.policy.promises.is_empty() || text.contains("promise"), "no promise to keep");
        }
        Err(error) => {
            let mistakes = error.mistakes();
            assert!(!mistakes.is_empty() && mistakes.len() <= 500, "{} mistakes", mistakes.len());
            let lines = text.split('\n').count() + 1;
            for mistake in mistakes {
                assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake}");
                assert!(!mistake.what.is_empty() && !mistake.write.is_empty(), "{mistake}");
                let shown = mistake.to_string();
                assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            }
            assert!(mistakes.is_sorted_by_key(|m| (m.line, m.column)), "not in the order of the file:\n{error}");
        }
    }
    let again = Config::parse(text, file);
    assert_eq!(format!("{read:?}"), format!("{again:?}"));
});
