//! What the manual says that the code knows better, and how it is shown.

use std::path::Path;
use std::process::{Command, Stdio};

use disclosed::testing::command::{Class, verbs};
use disclosed::testing::config::Config;
use disclosed::testing::policy::Milestone;
use disclosed::testing::provider::Server;
use serde_json::Value;

use crate::desk::Desk;

/// A config without a word that has a default.
const LEAST: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[[person]]
name = "Ada"
address = "ada@example.org"
roles = ["maintainer", "lead"]
"#;

fn page(topic: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/manual/{topic}.md"));
    std::fs::read_to_string(&path).unwrap()
}

/// Every file of the manual, by its topic.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual");
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut topics: Vec<String> = names.map(|n| n.strip_suffix(".md").unwrap().to_owned()).collect();
    topics.sort();
    topics.into_iter().map(|topic| (topic.clone(), page(&topic))).collect()
}

/// What stands between a mark and its end.
fn between<'a>(text: &'a str, mark: &str) -> &'a str {
    let rest = text.split_once(&format!("<!-- {mark} -->")).unwrap().1;
    rest.split_once(&format!("<!-- /{mark} -->")).unwrap().0
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("config.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn the_commands_of_the_manual_are_the_table() {
    let page = page("commands");
    let rows: Vec<&str> = between(&page, "commands").lines().filter(|l| l.starts_with("| `/")).collect();
    let expected: Vec<String> = verbs()
        .map(|verb| {
            let usage = format!("/{} {}", verb.name, verb.arguments.replace('|', "\\|"));
            let code = if verb.class == Class::Grave { "yes " } else { "" };
            format!("| `{}` | {} | {code}|", usage.trim_end(), verb.about)
        })
        .collect();
    assert_eq!(rows, expected);
}

/// The list of commands and the exit codes are those of `disclosed --help`.
#[test]
fn the_command_line_of_the_manual_is_that_of_the_help() {
    let (page, help) = (page("commands"), Desk::new().ok(&["--help"]));
    let word = |line: &str| line.split([' ', '`']).next().unwrap_or_default().to_owned();
    let mut told: Vec<String> =
        between(&page, "command line").lines().filter_map(|l| l.strip_prefix("- `disclosed ")).map(word).collect();
    let (groups, rest) = help.split_once("\nOptions:").unwrap();
    let mut known: Vec<String> = groups.lines().filter_map(|l| l.strip_prefix("  ")).map(word).collect();
    told.sort();
    known.sort();
    assert_eq!(told, known);
    let codes = rest.split_once("Exit codes: ").unwrap().1;
    let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(blanks(between(&page, "exit codes")).contains(&blanks(codes)), "{codes}");
}

/// Whoever adds a milestone tells of it where people look for them.
#[test]
fn each_milestone_is_told_of() {
    const EXAMPLE: &str = include_str!("../../config.toml.example");
    let page = page("policy");
    let (_, example) = EXAMPLE.split_once("what keeps it: ").unwrap();
    let (example, _) = example.split_once(". `from`").unwrap();
    for milestone in Milestone::ALL {
        let word = milestone.word();
        assert!(between(&page, "milestones").contains(word), "policy.md: {word}");
        assert!(example.contains(word), "config.toml.example: {word}");
    }
}

#[test]
fn the_defaults_of_the_manual_are_those_of_the_config() {
    let config = parse(LEAST);
    let blanks = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (limits, page) = (&config.limits, blanks(page("limits")));
    for told in [
        format!(
            "After {} acknowledgements a day to one sender, {} an hour to one domain, or {} mails of an hour",
            limits.acks_per_sender_day, limits.acks_per_domain_hour, limits.automatic_per_hour
        ),
        format!("After {} new tickets in an hour", limits.reports_per_hour),
        format!("more than {} events of an hour", limits.breaker_per_hour),
        format!("`limits.message` ({} MB)", limits.message / 1_000_000),
    ] {
        assert!(page.contains(&told), "{told}");
    }

    let mut ladder: Vec<(String, String)> = Vec::new();
    for rung in &config.policy.ladder {
        let (at, to) = (format!("`{}`", rung.at), format!("{:?}", rung.to).to_lowercase());
        match ladder.last_mut() {
            Some((same, all)) if *same == at => all.push_str(&format!(", {to}")),
            _ => ladder.push((at, to)),
        }
    }
    let page = self::page("policy");
    let told = page.lines().filter(|l| l.starts_with("| `") && !l.starts_with("| `at`")).map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.trim().to_owned());
        (cells.next().unwrap(), cells.next().unwrap())
    });
    assert_eq!(told.collect::<Vec<_>>(), ladder);
}

#[test]
fn each_provider_is_told_of() {
    let page = page("providers");
    let rows = page.lines().filter_map(|l| l.strip_prefix("| ")?.split(" |").next());
    let told: Vec<&str> = rows.flat_map(|names| names.split([',', ' '])).collect();
    for name in Server::names() {
        assert!(told.contains(&name), "{name}");
    }
}

/// The servers that `init` takes for known are those that the manual names, in the row of their provider.
#[test]
fn the_servers_of_each_provider_are_told() {
    let page = page("providers");
    for name in Server::names() {
        let Some(service) = Server::provider(name).unwrap().service else { continue };
        let named = |row: &&str| row.split('|').nth(1).is_some_and(|names| names.split(',').any(|n| n.trim() == name));
        let row = page.lines().find(named).unwrap_or_else(|| panic!("{name}"));
        let cells: Vec<&str> = row.split('|').skip(2).collect();
        for (door, cell, (implicit, starttls)) in
            [(service.imap, cells[0], (993, 143)), (service.smtp, cells[1], (465, 587))]
        {
            let first = door.host.split('.').next().unwrap();
            assert!(cell.contains(door.host) || cell.ends_with(&format!("{first} ")), "{name}: {}: {row}", door.host);
            assert_eq!(cell.contains("starttls"), door.starttls, "{name}: {row}");
            let usual = if door.starttls { starttls } else { implicit };
            assert!(door.port == usual || cell.contains(&format!("port {}", door.port)), "{name}: {row}");
        }
    }
}

/// Each kind of trouble stands in the list that says what ends it.
#[test]
fn each_trouble_is_told_of() {
    let code = include_str!("../../src/notice/text/trouble.rs");
    let (_, words) = code.split_once("pub fn word(self)").unwrap();
    let words = words.split("\n    }\n").next().unwrap().split('"').skip(1).step_by(2);
    let page = page("troubles");
    for word in words {
        assert!(between(&page, "troubles").contains(&format!("`{word}`")), "{word}");
    }
}

/// What somebody copies out of the manual works: each config in it is one, below a least config where it is a part.
#[test]
fn each_config_of_the_manual_is_one() {
    let mut seen = 0;
    for (topic, page) in pages() {
        for block in page.split("```").skip(1).step_by(2).filter(|b| b.trim_start().starts_with('[')) {
            const INBOX: &str = "[inbox]\nmaildir = \"in\"\n";
            let text = if block.contains("[project]") {
                block.to_owned()
            } else if block.contains("[inbox]\n") {
                LEAST.replace(INBOX, "") + &block.replace("[inbox]\n", INBOX)
            } else if block.contains("[inbox.imap]\n") {
                LEAST.replace(INBOX, "").replace("[outgoing]\nmaildir = \"out\"\n", "") + block
            } else {
                LEAST.to_owned() + block
            };
            Config::parse(&text, Path::new("config.toml")).unwrap_or_else(|e| panic!("{topic}: {e}\n{text}"));
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn each_topic_is_shown_within_the_screen() {
    let desk = Desk::new();
    let list = desk.ok(&["help"]);
    let document = desk.json(&["help"]);
    let topics: Vec<&str> =
        document["topics"].as_array().unwrap().iter().map(|t| t["topic"].as_str().unwrap()).collect();
    let mut sorted = topics.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, pages().iter().map(|(topic, _)| topic.as_str()).collect::<Vec<_>>());
    for (topic, page) in pages() {
        assert!(list.contains(&format!("\n  {topic}")), "{topic}");
        let title = page.lines().next().unwrap();
        assert!(title.to_lowercase().starts_with(&format!("# {topic}: ")), "{title}");
        let long = page.lines().filter(|l| l.chars().count() > 120 && !l.starts_with('|')).collect::<Vec<_>>();
        assert_eq!(long, [""; 0], "{topic}");
        let text = desk.ok(&["help", &topic]);
        let wide = text.lines().filter(|l| l.chars().count() > 78 && !l.starts_with("      ")).collect::<Vec<_>>();
        assert_eq!(wide, [""; 0], "{topic}");
        assert!(!text.contains("**") && !text.contains("<!--") && !text.contains("|---"), "{topic}: {text}");
        // Nothing of a page is lost on its way to the screen.
        let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        let marks = page.lines().filter(|l| l.starts_with("<!--") || l.starts_with("```")).map(bare).sum::<usize>();
        let also = text.split_once("\nThe command: ").map_or(0, |(_, also)| bare(also) + bare("The command"));
        assert_eq!(bare(&text) - also, bare(&page) - marks, "{topic}");
        for named in page.split("disclosed help ").skip(1) {
            let word = named.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
            assert!(topics.contains(&word) || word.chars().all(char::is_uppercase), "{topic}: help {word}");
        }
        assert_eq!(desk.json(&["help", &topic])["text"], Value::String(page), "{topic}");
    }
}

#[test]
fn help_knows_topics_and_commands_and_proposes_the_nearest() {
    let desk = Desk::new();
    assert_eq!(desk.ok(&["help", "show"]), desk.ok(&["show", "--help"]));
    assert_eq!(desk.ok(&["help", "key", "rotate"]), desk.ok(&["key", "rotate", "--help"]));
    assert!(desk.ok(&["help", "Backup"]).contains("The command: `disclosed backup --help`."));
    desk.fails(2, &["help", "polcy"], "there is no topic or command \"polcy\"; write \"policy\"");
    desk.fails(2, &["help", "frobnicate"], "write `disclosed help` alone for a list");
}

/// What a package has: groff takes both pages without a word.
#[test]
fn the_man_pages_are_clean() {
    let desk = Desk::new();
    for (section, part) in [("1", "disclosed \\- "), ("5", "disclosed.toml \\- ")] {
        let page = desk.ok(&["man", section]);
        assert!(page.contains(part), "{page}");
        let groff = Command::new("groff")
            .args(["-man", "-ww", "-z", "-Kutf8", "-Tascii"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut groff) = groff else {
            return crate::corpus::left_out("the man pages (groff is not installed)");
        };
        std::io::Write::write_all(&mut groff.stdin.take().unwrap(), page.as_bytes()).unwrap();
        let output = groff.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "disclosed.{section}");
    }
}
