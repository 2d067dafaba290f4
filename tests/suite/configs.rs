//! The config: good ones parse, and each bad one in `tests/configs` gives exactly the errors that its first lines
//! say. `UPDATE_EXPECT=1 cargo test configs` rewrites those lines.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by a panic")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disclosed::testing::config::{Auth, Config, ImapConfig, Inbox, KEYS, Outgoing, Secret};
use disclosed::testing::mail::fields::Part;
use disclosed::testing::net::Tls;
use disclosed::testing::policy::calendar::Quiet;
use disclosed::testing::policy::{Milestone, RungAt, Severity, Term, Within};
use disclosed::testing::project::{Reports, Support};
use proptest::prelude::*;

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
    assert_eq!(config.policy.ladder.len(), 3);
    let promise = |name: &str| config.policy.promises.iter().find(|p| p.name == name).unwrap();
    let own = promise("fix").ladder.as_ref().unwrap();
    let hours = jiff::SignedDuration::from_hours;
    assert_eq!(
        own.iter().map(|rung| rung.at).collect::<Vec<_>>(),
        [RungAt::Share(50), RungAt::Before(Term::Elapsed(hours(12))), RungAt::Due]
    );
    assert_eq!(promise("disclose").or_sooner, Some((Milestone::FixReleased, Term::Civil { months: 0, days: 0 })));
    assert!(promise("inform").recurring && !promise("fix").recurring);
    assert_eq!(config.people.len(), 2);
}

/// What the example calls the default is the default.
#[test]
fn the_example_tells_the_defaults() {
    let required = ["name", "address", "server", "user", "password_file"];
    let own = [
        "ca_file",
        "authserv_ids",
        "command",
        "heartbeat",
        "holidays",
        "sent_folder",
        "junk_folder",
        "supported",
        "unsupported",
        "subject",
        "note",
    ];
    let key = |line: &str| line.split_once(" = ").map_or(String::new(), |(k, _)| k.to_owned());
    let people_and_policy = |text: &str| {
        // The second person, the promises, the ladder and [oauth2] are examples, not defaults.
        let mut table = String::new();
        let mut people = 0;
        let mut kept = String::new();
        for line in text.lines() {
            if line.starts_with('[') {
                table = line.to_owned();
                people += usize::from(line == "[[person]]");
            }
            let example = matches!(table.as_str(), "[[policy.promise]]" | "[[policy.rung]]" | "[oauth2]");
            if !(example || table == "[[person]]" && people > 1) {
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
            "{} {:?} {inbox:?} {outgoing:?} {:?} {:?} {:?} {:?} {:?}",
            c.prefix, c.store, c.identity, c.policy, c.limits, c.digest, c.reports
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
        "through" => Some("[[inbox.through]]".to_owned()),
        "heartbeat" => Some("[alarm.heartbeat]".to_owned()),
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

const LEAST: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox.imap]
server = "localhost"
user = "security@example.org"
password_file = "imap-password"
[outgoing.smtp]
server = "mail.example.org"
[[person]]
name = "Ada"
address = "ada@example.org"
"#;

/// A line in place of another of the least config, or at its end.
fn with(old: &str, new: &str) -> Config {
    let text = if old.is_empty() { format!("{LEAST}{new}\n") } else { LEAST.replace(old, new) };
    parse(&text).unwrap_or_else(|e| panic!("{new}: {e:#?}"))
}

fn imap(old: &str, new: &str) -> ImapConfig {
    match with(old, new).inbox {
        Inbox::Imap(imap) => imap,
        Inbox::Maildir(_) => panic!("not IMAP"),
    }
}

#[test]
fn ports_follow_tls() {
    for (tls, port, expect) in
        [("implicit", "", 993), ("starttls", "", 143), ("none", "", 143), ("none", "port = 0x7d0", 2000)]
    {
        let imap = imap("user =", &format!("tls = \"{tls}\"\n{port}\nuser ="));
        assert_eq!(imap.endpoint.port, expect, "{tls}");
    }
    for (server, tls, expect) in
        [("mail.example.org", "implicit", 465), ("mail.example.org", "starttls", 587), ("::1", "none", 25)]
    {
        let new = format!("server = \"{server}\"\ntls = \"{tls}\"");
        let Outgoing::Smtp(smtp) = with("server = \"mail.example.org\"", &new).outgoing else { panic!("not SMTP") };
        assert_eq!((smtp.endpoint.port, smtp.login.is_none()), (expect, true), "{tls}");
    }
}

#[test]
fn secrets_are_found_in_three_places() {
    let words = |words: &[&str]| Secret::Command(words.iter().map(ToString::to_string).collect());
    for (line, expect) in [
        ("password_file = \"imap\"", Secret::File("tests/configs/imap".into())),
        ("password_file = \"/run/imap\"", Secret::File("/run/imap".into())),
        ("password_credential = \"imap\"", Secret::Credential("imap".into())),
        ("password_command = \"pass  show mail\"", words(&["pass", "show", "mail"])),
        ("password_command = [\"pass\", \"show\", \"my mail\"]", words(&["pass", "show", "my mail"])),
    ] {
        assert_eq!(imap("password_file = \"imap-password\"", line).login.secret, expect, "{line}");
    }
}

#[test]
fn what_is_odd_is_accepted_with_a_warning() {
    let check = |old: &str, new: &str, expect: &str| {
        let warnings = with(old, new).warnings;
        assert!(warnings.iter().any(|w| w.ends_with(expect)), "{new}: {warnings:#?}");
    };
    let ids = "[identity]\nauthserv_ids = [\"mx.example.org\"]\n";
    assert_eq!(with("", ids).warnings, [""; 0]);
    assert_eq!(with("", "[identity]\nauthserv_ids = []\n").warnings, [""; 0], "signatures alone, on purpose");
    check("", "", "senders are believed by their DKIM signatures only");
    check("", "[identity]\nauthserv_ids = []\ndkim = false", "commands come from `disclosed do` only and not by mail");
    let nobody = "[identity]\ndkim = false\nacknowledge = \"believed\"";
    check("", nobody, "and not by mail, and nobody is acknowledged");
    check("user =", "port = 143\nuser =", "port 143 expects plain text first; with this tls, 993 is usual");
    check("", "[limits]\nacks_per_sender_day = 0", "acks_per_sender_day = 0: every such mail is held for a person");
    let promise = "[[policy.promise]]\nname = \"fix\"\nuntil = \"fix-released\"\n\
                   within = { low = \"7d\", critical = \"1 month\", medium = \"3d\" }";
    check("", promise, ":17:1: critical has more time (1 month) than medium (3d)");
    check("", "[[policy.rung]]\nat = \"due\"\nto = \"team\"", "people hear of it when it is too late");
}

#[test]
fn a_promise_replaces_that_of_the_preset() {
    let names = |text: &str| with("", text).policy.promises.into_iter().map(|p| p.name).collect::<Vec<_>>();
    let standard = names("");
    assert_eq!(names("[policy]\npreset = \"standard\""), standard);
    let own = "[[policy.promise]]\nname = \"acknowledge\"\nuntil = \"acknowledged\"\nwithin = \"5h\"\n\
               [[policy.promise]]\nname = \"tea\"\nevery = \"14d\"\npauses = true";
    assert_eq!(names(own), ["acknowledge", "tea"]);
    let merged = with("", &format!("[policy]\npreset = \"standard\"\n{own}")).policy.promises;
    assert_eq!(merged.len(), standard.len() + 1);
    let five = Within::All(Term::Elapsed(jiff::SignedDuration::from_hours(5)));
    assert!(merged.iter().any(|p| p.name == "acknowledge" && p.within == five));
    let tea = merged.iter().find(|p| p.name == "tea").unwrap();
    assert!(tea.recurring && tea.pauses);
    assert_eq!((tea.from, tea.until), (Milestone::Received, Milestone::LastHeardFromUs));
}

#[test]
fn working_time_is_read() {
    let calendar = with(
        "",
        "[policy]\ntimezone = \"europe/berlin\"\nworkdays = [\"Sun\", \"Mon\"]\nhours = \"8:00-12:30\"\n\
         holidays = [\"2027-01-01\", 2027-12-25, \"holidays.ics\"]\nquiet = \"22:00-07:00\"",
    )
    .policy
    .calendar;
    let time = |hour, minute| jiff::civil::Time::new(hour, minute, 0, 0).unwrap();
    assert_eq!(calendar.zone_name, "Europe/Berlin");
    assert_eq!(calendar.workdays, [true, false, false, false, false, false, true]);
    assert_eq!(calendar.hours, [(time(8, 0), time(12, 30)); 7]);
    assert_eq!(calendar.quiet, Quiet::Between(time(22, 0), time(7, 0)));
    let days = ["2027-01-01", "2027-05-01", "2027-12-25"].map(|d| d.parse::<jiff::civil::Date>().unwrap());
    assert_eq!(calendar.holidays.into_iter().collect::<Vec<_>>(), days);
}

#[test]
fn hours_may_differ_by_day() {
    let hours = |policy: &str| with("", &format!("[policy]\n{policy}")).policy.calendar.hours;
    let time = |hour| jiff::civil::Time::new(hour, 0, 0, 0).unwrap();
    let usual = (time(9), time(17));
    assert_eq!(hours(""), [usual; 7]);
    let days = hours("hours = { Fri = \"09:00-13:00\", Mon = \"10:00-16:00\" }");
    assert_eq!(days, [(time(10), time(16)), usual, usual, usual, (time(9), time(13)), usual, usual]);
    // Midnight at the end of a day is of that day, not of the next: a deadline reads "Fri 23:59".
    let last = jiff::civil::time(23, 59, 59, 0);
    assert_eq!(hours("hours = \"00:00-24:00\""), [(time(0), last); 7]);
}

/// Where two readings do not differ by capitals alone, capitals do not matter.
#[test]
fn words_and_lengths_are_read_in_capitals_too() {
    let check = |small: &str, large: &str| {
        let shown = |policy: &str| format!("{:?}", with("", policy));
        assert_eq!(shown(small), shown(large));
    };
    check(
        "[policy]\nworkdays = [\"Mon\", \"Tue\"]\nhours = { Mon = \"09:00-13:00\" }\nquiet = \"never\"",
        "[policy]\nworkdays = [\"MON\", \"tue\"]\nhours = { mON = \"09:00-13:00\" }\nquiet = \"Never\"",
    );
    check(
        "[[policy.promise]]\nname = \"a\"\nuntil = \"acknowledged\"\nwithin = \"3 business days\"\nor_sooner = \"fix-ready\"\n\
         grace = \"2d\"\nrungs = [{ at = \"-12h\", to = \"team\" }]",
        "[[policy.promise]]\nname = \"a\"\nuntil = \"Acknowledged\"\nwithin = \"3 Business Days\"\nor_sooner = \"FIX-READY\"\n\
         grace = \"2D\"\nrungs = [{ at = \"-12H\", to = \"Team\" }]",
    );
    check("[limits]\nmessage = \"40MB\"", "[limits]\nmessage = \"40mb\"");
    check("[reports]\ndigest = \"never\"", "[reports]\ndigest = \"Never\"");
    let poll = |poll: &str| imap("user =", &format!("{poll}\nuser =")).poll;
    assert_eq!(poll("poll = \"5m\""), poll("poll = \"5 Min\""));
}

#[test]
fn a_person_may_have_a_time_of_their_own() {
    let own = |person: &str, policy: &str| {
        let text = format!(
            "[project]\nname = \"E\"\naddress = \"security@example.org\"\n[inbox]\nmaildir = \"in\"\n\
             [outgoing]\nmaildir = \"out\"\n[[person]]\nname = \"Ada\"\naddress = \"ada@example.org\"\n{person}\n\
             [policy]\n{policy}"
        );
        parse(&text).unwrap().people.remove(0).calendar
    };
    assert_eq!(own("", "quiet = \"never\""), None, "who says nothing goes with the others");
    let policy = "timezone = \"Europe/Berlin\"\nquiet = \"never\"\nworkdays = [\"Mon\"]\nholidays = [\"2027-03-01\"]";
    let calendar = own("timezone = \"America/New_York\"", policy).unwrap();
    assert_eq!((calendar.zone_name.as_str(), calendar.quiet), ("America/New_York", Quiet::Never));
    assert_eq!(calendar.workdays, [true, false, false, false, false, false, false]);
    assert_eq!(calendar.holidays.len(), 1, "working days and holidays are the policy's");
    let calendar = own("quiet = \"outside hours\"", policy).unwrap();
    assert_eq!((calendar.zone_name.as_str(), calendar.quiet), ("Europe/Berlin", Quiet::OutsideHours));
}

#[test]
fn what_reports_should_hold_is_read() {
    let reports = with(
        "",
        "[reports]\nasks = [\"impact\", \"proof-of-concept\"]\nsupported = [\"1.x.x\"]\nunsupported = [\"< 1.0\"]\n\
         subject = \"SECURITY: \"\nnote = \"\"\"\nCall us.\nOr write.\n\"\"\"",
    )
    .reports;
    assert_eq!(reports.asks, [Part::Impact, Part::ProofOfConcept]);
    assert_eq!(reports.versions.of("1.7"), Support::Supported);
    assert_eq!(reports.versions.of("0.7"), Support::Unsupported);
    assert_eq!(reports.subject.as_deref(), Some("SECURITY:"));
    assert_eq!(reports.note.as_deref(), Some("Call us.\nOr write."));
    assert_eq!(with("", "[reports]\nasks = []").reports.asks, []);
    assert_eq!(with("", "").reports, Reports::default());
}

#[test]
fn the_digest_can_be_turned_off() {
    assert_eq!(with("", "").digest.as_deref(), Some("0 0 9 * * Mon"));
    assert_eq!(with("", "[reports]\ndigest = \"never\"").digest, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a config, it is read or its mistakes are told, each at a place that is there.
    #[test]
    fn a_damaged_config_is_read_or_explained(
        at in 0..6_000_usize,
        out in 0..30_usize,
        put in prop::sample::select(vec!["", "\"", "[", "]", "=", "#", "\n", "1", "-", "ä", "{", "true", "\0", "[[", "9999999999999"]),
    ) {
        let whole = turned_on(|l| l.starts_with("maildir"));
        let before: String = whole.chars().take(at).collect();
        let after: String = whole.chars().skip(at + out).collect();
        let text = before + put + &after;
        if let Err(error) = Config::parse(&text, Path::new("config.toml")) {
            prop_assert!(!error.mistakes().is_empty());
            for mistake in error.mistakes() {
                let line = text.split('\n').nth(mistake.line - 1);
                prop_assert!(line.is_some_and(|l| (1..=l.chars().count() + 1).contains(&mistake.column)), "{}", mistake);
            }
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
            (named("bounty"), Within::All(days(30)), Milestone::Done),
            (named("notify-reporter"), Within::All(days(2)), Milestone::LastHeardFromUs),
            (named("announce"), Within::All(days(2)), Milestone::Done),
            (named("thank"), Within::All(days(14)), Milestone::Done),
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
            (
                named("emergency-contact"),
                Within::BySeverity(vec![(Severity::Critical, Term::Elapsed(jiff::SignedDuration::from_hours(12)))]),
                Milestone::Done,
            ),
            (named("notify-users"), Within::All(days(2)), Milestone::Done),
            (named("acknowledgments"), Within::All(days(14)), Milestone::Done),
            (named("retention"), Within::All(Term::Civil { months: 24, days: 0 }), Milestone::Erased),
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
