//! What the README says that the code knows better.

use disclosed::command::{Class, verbs};

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
