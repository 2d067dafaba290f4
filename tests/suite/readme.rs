//! What the README says that the code knows better.

use disclosed::testing::command::{Class, verbs};
use disclosed::testing::policy::Milestone;

const README: &str = include_str!("../../README.md");

#[test]
fn the_commands_of_the_readme_are_the_table() {
    let between = README.split("<!-- commands -->").nth(1).unwrap().split("<!-- /commands -->").next().unwrap();
    let rows: Vec<&str> = between.lines().filter(|l| l.starts_with("| `/")).collect();
    let expected: Vec<String> = verbs()
        .map(|verb| {
            let usage = format!("/{} {}", verb.name, verb.arguments.replace('|', "\\|"));
            let code = if verb.class == Class::Grave { "yes " } else { "" };
            format!("| `{}` | {} | {code}|", usage.trim_end(), verb.about)
        })
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_two_commands_stand_first() {
    let commands: Vec<&str> = README.split("```").skip(1).step_by(2).take(2).map(str::trim).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "tests/run"]);
}

/// Whoever adds a milestone tells of it where people look for them.
#[test]
fn each_milestone_is_told_of() {
    const EXAMPLE: &str = include_str!("../../config.toml.example");
    let readme = README.lines().find(|l| l.starts_with("- **Milestones**")).unwrap();
    let between =
        |text: &str| text.split_once("what keeps it: ").unwrap().1.split_once(". `from`").unwrap().0.to_owned();
    for milestone in Milestone::ALL {
        let word = milestone.word();
        assert!(readme.contains(word), "README.md: {word}");
        assert!(between(EXAMPLE).contains(word), "config.toml.example: {word}");
    }
}
