//! The config: good ones parse, and each bad one in `tests/configs` gives exactly the errors that its first lines
//! say. `UPDATE_EXPECT=1 cargo test configs` rewrites those lines.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disclosed::config::{Auth, Config, Inbox, KEYS, Outgoing, Secret};
use disclosed::net::Tls;
use disclosed::policy::{Milestone, Severity, Term, Within};

const EXAMPLE: &str = include_str!("../../config.toml.example");
const HEAD: &str = "# error: ";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs")
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    // The name that stands in the messages; beside it lie the .ics files.
    Config::parse(text, Path::new("tests/configs/config.toml"))
        .map_err(|e| e.to_string().lines().map(|l| l.replace("tests/configs/config.toml", "config.toml")).collect())
}

#[test]
fn each_bad_config_gives_its_errors() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites expectations")]
    let update = std::env::var("UPDATE_EXPECT").is_ok();
    let (mut seen, mut wrong) = (0, String::new());
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".toml") || name.starts_with("policy-") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let expect: Vec<&str> = text.lines().map_while(|l| l.strip_prefix(HEAD)).collect();
        let found = parse(&text).err().unwrap_or_default();
        if found == expect && !found.is_empty() {
            continue;
        }
        writeln!(wrong, "{name}:\n  expected {expect:#?}\n  found {found:#?}").unwrap();
        if update {
            rewrite(&path, &text);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen >= 40, "only {seen} bad configs");
}

/// Puts the errors that are found at the top. Their number moves the lines that they name.
fn rewrite(path: &Path, text: &str) {
    let body: String = text.lines().skip_while(|l| l.starts_with(HEAD)).fold(String::new(), |all, l| all + l + "\n");
    let mut text = body.clone();
    for _ in 0..2 {
        let found = parse(&text).err().unwrap_or_default();
        text = found.iter().fold(String::new(), |all, l| all + HEAD + l + "\n") + &body;
    }
    std::fs::write(path, text).unwrap();
}

/// The example with every setting turned on; those for which `without` holds turned off.
fn turned_on(without: impl Fn(&str) -> bool) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(line).filter(|l| !without(l)).fold(String::new(), |all, l| all + &l + "\n")
}

#[test]
fn the_example_is_a_config() {
    let config = parse(EXAMPLE).unwrap();
    assert!(matches!(config.inbox, Inbox::Maildir(p) if p == Path::new("tests/configs/Maildir")));
    assert_eq!(config.prefix, "SEC");
    assert_eq!(config.store, Path::new("tests/configs/disclosed.db"));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].contains("authserv_ids is empty"));
}

#[test]
fn the_example_with_everything_turned_on_is_a_config() {
    let config = parse(&turned_on(|l| l.starts_with("maildir"))).unwrap();
    let Inbox::Imap(imap) = config.inbox else { panic!("not IMAP") };
    assert_eq!((imap.endpoint.port, imap.endpoint.tls, imap.poll), (993, Tls::Implicit, Duration::from_secs(120)));
    assert_eq!(imap.login.secret, Secret::File("/etc/disclosed/imap-password".into()));
    assert_eq!(imap.login.auth, Auth::Password);
    let Outgoing::Smtp(smtp) = config.outgoing else { panic!("not SMTP") };
    assert_eq!((smtp.endpoint.port, smtp.login.is_some()), (465, true));
    assert_eq!(config.policy.ladder.len(), 5);
    assert_eq!(config.people.len(), 2);
}

/// What the example calls the default is the default.
#[test]
fn the_example_tells_the_defaults() {
    let required = ["name", "address", "server", "user", "password_file"];
    let own = ["ca_file", "authserv_ids", "holidays", "sent_folder", "junk_folder"];
    let key = |line: &str| line.split_once(" = ").map_or(String::new(), |(k, _)| k.to_owned());
    let people_and_policy = |text: &str| {
        // The second person and the promises are examples, not defaults.
        let mut table = String::new();
        let mut people = 0;
        let mut kept = String::new();
        for line in text.lines() {
            if line.starts_with('[') {
                table = line.to_owned();
                people += usize::from(line == "[[person]]");
            }
            if table != "[[policy.promise]]" && !(table == "[[person]]" && people > 1) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        kept
    };
    let all = people_and_policy(&turned_on(|l| l.starts_with("maildir") || own.contains(&key(l).as_str())));
    let least: String = all
        .lines()
        .filter(|l| l.starts_with('[') && *l != "[[policy.rung]]" || required.contains(&key(l).as_str()))
        .fold(String::new(), |all, l| all + l + "\n");
    let (all, least) = (parse(&all).unwrap(), parse(&least).unwrap());
    // What is left out of the least is the role of lead.
    let shown = |c: &Config| {
        let (inbox, outgoing) = (&c.inbox, &c.outgoing);
        format!(
            "{} {:?} {inbox:?} {outgoing:?} {:?} {:?} {:?} {:?}",
            c.prefix, c.store, c.identity, c.policy, c.limits, c.digest
        )
    };
    assert_eq!(shown(&all), shown(&least));
}

#[test]
fn the_example_has_every_key() {
    for (table, keys) in KEYS {
        for key in *keys {
            let setting = format!("{key} = ");
            let head = format!("{key}]");
            let found = EXAMPLE.contains(&setting) || EXAMPLE.contains(&head);
            assert!(found, "{key} of {table} is not in config.toml.example");
        }
    }
}

/// Every key that is read is listed in KEYS and the other way round: each one alone, with a value of a kind that no
/// key takes, is a mistake about that key, never an unknown key.
#[test]
fn every_listed_key_is_read() {
    let path = |table: &str| match table {
        "the file" => None,
        "within" => Some("[[policy.promise]]\n[policy.promise.within]".to_owned()),
        "[[policy.promise.rung]]" => Some("[[policy.promise]]\n[[policy.promise.rung]]".to_owned()),
        _ => Some(table.to_owned()),
    };
    for (table, keys) in KEYS {
        for key in *keys {
            let text = format!("{}\n{key} = 1.5\n", path(table).unwrap_or_default());
            let found = parse(&text).unwrap_err();
            let named = format!("{key:?} must be ");
            assert!(found.iter().any(|m| m.contains(&named)), "{key} of {table}: {found:#?}");
            assert!(!found.iter().any(|m| m.contains("unknown key")), "{key} of {table}: {found:#?}");
        }
    }
}

fn policy(name: &str) -> Vec<(String, Within, Milestone)> {
    let config = Config::load(&fixtures().join(name)).unwrap();
    config.policy.promises.into_iter().map(|p| (p.name, p.within, p.until)).collect()
}

#[test]
fn published_policies_are_configs() {
    let days = |days| Term::Civil { months: 0, days };
    let hours = |h| Within::All(Term::Elapsed(jiff::SignedDuration::from_hours(h)));
    let business = |n| Within::All(Term::Business(n));
    let named = |n: &str| n.to_owned();
    assert_eq!(
        policy("policy-callgent.toml"),
        [
            (named("acknowledge"), business(3), Milestone::Acknowledged),
            (named("assess"), business(10), Milestone::Assessed),
            (named("inform"), Within::All(days(14)), Milestone::LastHeardFromUs),
            (named("disclose"), Within::All(days(90)), Milestone::Public),
        ]
    );
    assert_eq!(
        policy("policy-voicenow-crm.toml"),
        [
            (named("acknowledge"), hours(48), Milestone::Acknowledged),
            (named("respond"), Within::All(days(7)), Milestone::Assessed),
        ]
    );
    assert_eq!(
        policy("policy-ai-lead-qualifier.toml"),
        [
            (named("acknowledge"), hours(48), Milestone::Acknowledged),
            (named("assess"), business(5), Milestone::Assessed),
            (named("fix"), Within::BySeverity(vec![(Severity::Critical, days(30))]), Milestone::FixReleased),
        ]
    );
    let by_severity = vec![
        (Severity::Critical, Term::Elapsed(jiff::SignedDuration::from_hours(48))),
        (Severity::High, days(7)),
        (Severity::Medium, days(14)),
        (Severity::Low, Term::Civil { months: 1, days: 0 }),
    ];
    assert_eq!(
        policy("policy-whatsapp-hubspot.toml"),
        [
            (named("acknowledge"), hours(48), Milestone::Acknowledged),
            (named("fix"), Within::BySeverity(by_severity), Milestone::FixReleased),
        ]
    );
}

#[test]
fn a_config_in_another_encoding_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, b"[project]\nname = \"B\xfcro\"\n").unwrap();
    let said = Config::load(&file).unwrap_err();
    assert_eq!(said.to_string(), format!("{}:2:10: not UTF-8; write the file in UTF-8", file.display()));
    let none = Config::load(&folder.path().join("none.toml")).unwrap_err();
    assert!(none.to_string().contains("none.toml: cannot be read: "), "{none}");
    assert!(none.mistakes().is_empty());
}

#[test]
fn the_named_config_is_used() {
    assert_eq!(Config::find(Some(Path::new("other.toml"))).unwrap(), Path::new("other.toml"));
}
