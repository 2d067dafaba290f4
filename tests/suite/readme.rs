//! What the README says that the code knows better: it is what somebody sees first.

use crate::desk::Desk;

const README: &str = include_str!("../../README.md");

/// The texts between fences.
fn blocks() -> impl Iterator<Item = &'static str> {
    README.split("```").skip(1).step_by(2)
}

#[test]
fn the_two_commands_stand_first() {
    let commands: Vec<&str> = blocks().take(2).map(str::trim).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "tests/run"]);
}

#[test]
fn it_is_read_in_one_sitting() {
    assert!(README.lines().count() <= 200);
    let long = README.lines().filter(|l| l.chars().count() >= 120 && !l.starts_with('|')).collect::<Vec<_>>();
    assert_eq!(long, [""; 0]);
}

/// The mails that it shows are those of the transcript of a Friday evening, from their first line on.
#[test]
fn its_mails_are_as_they_leave() {
    const PLAYED: &str = include_str!("../transcripts/friday-evening.txt");
    let text = |read: &str| {
        let (_, rest) = PLAYED.split_once(&format!("\nread {read}\n")).unwrap();
        let lines = rest.lines().map_while(|l| l.strip_prefix('=')).map(|l| l.strip_prefix("   ").unwrap_or(l));
        let mut lines = lines.skip_while(|l| !l.starts_with("Subject:"));
        let subject = lines.next().unwrap();
        let body = lines.skip_while(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
        format!("{subject}\n{body}")
    };
    let mut shown = blocks().map(str::trim).filter(|b| b.starts_with("Subject:"));
    for read in ["acknowledgement to reporter@researcher.example", "reminder to Dana"] {
        let (shown, whole) = (shown.next().unwrap(), text(read));
        assert!(whole.starts_with(&format!("{shown}\n")) || whole == shown, "{shown}\n---\n{whole}");
    }
    assert_eq!(shown.next(), None);
}

/// The config is one, and the picture of ninety days is what `simulate` makes of it.
#[test]
fn its_config_makes_its_picture() {
    let desk = Desk::new();
    let config = blocks().find_map(|b| b.strip_prefix("toml\n")).unwrap();
    desk.write("readme.toml", config);
    let played = ["simulate", "--at", "2027-01-08 18:00", "--event", "acknowledged@+1d", "--event", "assessed@+2d"];
    let played = desk.ok(&[&played[..], &["--config", "readme.toml"]].concat());
    let picture = blocks().map(str::trim).find(|b| b.contains("DEADLINE")).unwrap();
    assert!(played.contains(picture), "{played}");
}

#[test]
fn its_counts_are_true() {
    let verdicts = include_str!("providers/verdicts.txt");
    let layouts = verdicts.lines().filter(|l| l.starts_with("== ")).count();
    assert!(README.contains(&format!("at {layouts} layouts of mail servers")), "{layouts}");
}
