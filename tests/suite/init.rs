//! `disclosed init` where nobody can be asked: by flags alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use disclosed::testing::config::{Config, Inbox, Outgoing};

use crate::desk::Desk;

const SECRET: &str = "abcd efgh-ijkl";

/// A folder with nothing but a password in it.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::remove_file(desk.path().join("config.toml")).unwrap();
    desk.write("secret", &format!("{SECRET}\n"));
    desk
}

/// What must be said, for a mailbox at a provider.
const LEAST: [&str; 9] = [
    "init",
    "--address",
    "security@example.org",
    "--provider",
    "google-workspace",
    "--password-file",
    "secret",
    "--person",
    "Ada <ada@example.org>",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&LEAST, more].concat()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Of the config that it writes, `check` has nothing to say, and each answer is in it.
#[test]
fn what_it_writes_is_a_config_without_a_warning() {
    let desk = desk();
    let said = desk.ok(&with(&["--offline"]));
    assert!(said.ends_with("Next:\n  disclosed run\n  disclosed status\n"), "{said}");
    let (config, password) = (desk.path().join("config.toml"), desk.path().join("imap-password"));
    assert_eq!((mode(&config), mode(&password)), (0o644, 0o600));
    let text = fs::read_to_string(&config).unwrap();
    assert!(!said.contains(SECRET) && !text.contains(SECRET));
    assert_eq!(fs::read_to_string(password).unwrap(), format!("{SECRET}\n"));
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let checked = desk.json(&["check"]);
    assert_eq!((&checked["ok"], checked["warnings"].as_array().unwrap().len()), (&true.into(), 0), "{checked}");
    let config = Config::load(&config).unwrap();
    let (Inbox::Imap(imap), Outgoing::Smtp(smtp)) = (&config.inbox, &config.outgoing) else { panic!("{config:?}") };
    assert_eq!((imap.endpoint.server.as_str(), imap.endpoint.port), ("imap.gmail.com", 993));
    assert_eq!((smtp.endpoint.server.as_str(), smtp.endpoint.port), ("smtp.gmail.com", 465));
    assert_eq!(config.identity.server.provider.name, "google-workspace");
    assert_eq!(config.name, "Example");
}

#[test]
fn nothing_is_overwritten() {
    let desk = desk();
    desk.ok(&with(&["--offline"]));
    let files = ["config.toml", "imap-password"].map(|name| desk.path().join(name));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    desk.fails(1, &with(&["--offline", "--name", "Other"]), "config.toml is there already, and nothing is overwritten");
    assert_eq!(files.clone().map(|file| fs::read(file).unwrap()), before);
    // A password alone is not overwritten either, and then there is no config that would go with it.
    fs::remove_file(&files[0]).unwrap();
    desk.fails(1, &with(&["--offline"]), "imap-password is there already");
    assert!(!files[0].exists());
    fs::remove_file(&files[1]).unwrap();
    desk.write("smtp-password", "another");
    let two = ["--offline", "--smtp-user", "sender", "--smtp-password-file", "secret"];
    desk.fails(1, &with(&two), "smtp-password is there already");
    assert!(!files[0].exists() && !files[1].exists(), "nor is a part of it left");
}

/// Without a terminal, all that is missing is named at once, by its flags.
#[test]
fn what_is_missing_is_named() {
    let desk = desk();
    let missing = |given: &[&str]| {
        let (code, _, said) = desk.run(given);
        assert_eq!(code, 2, "{said}");
        let named = said.lines().filter_map(|line| line.split_once(" is missing: "));
        named.map(|(flag, _)| flag.trim_start_matches("disclosed: ").to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(missing(&["init"]), "--address --password-file --person --yes");
    let mut given = vec!["init", "--address", "security@example.org", "--provider", "custom"];
    assert_eq!(missing(&given), "--imap --smtp --password-file --person --yes");
    given.extend(["--imap", "mail.example.org", "--smtp", "mail.example.org", "--person", "Ada <ada@example.org>"]);
    assert_eq!(missing(&given), "--password-file --yes");
    given.extend(["--password-file", "secret"]);
    assert_eq!(missing(&given), "--yes");
    let microsoft = ["init", "--offline", "--address", "s@corp.onmicrosoft.com", "--provider", "microsoft365"];
    assert_eq!(missing(&microsoft), "--tenant --client-id --person");
    // Whom mail of anybody comes from says nothing of the project.
    let public = ["init", "--offline", "--address", "foo@gmail.com", "--provider", "gmail"];
    assert_eq!(missing(&public), "--name --password-file --person");
    let password = [&microsoft[..], &["--password-file", "secret"]].concat();
    desk.fails(2, &password, "--password-file is not for microsoft365; it takes no passwords: --tenant");
    assert!(!desk.path().join("config.toml").exists());
    for (wrong, why) in [
        (
            &["--provider", "gogle-workspace"][..],
            "--provider: \"gogle-workspace\" is none that is known: write \"google-workspace\"",
        ),
        (&["--imap", "mail example"], "--imap: \"mail example\" is no server"),
        (&["--imap-tls", "ssl"], "--imap-tls: \"ssl\": write \"implicit\""),
        (&["--acknowledge", "soon"], "--acknowledge: "),
        (&["--person", "Bob"], "--person: \"Bob\" is no address"),
        (&["--person", "Bob <b@example.org> boss"], "--person: \"boss\" is no role"),
        (&["--through", "example.org"], "--through: \"example.org\": write list:"),
        (&["--unit", "../x"], "--unit: \"../x\" is no name of a unit"),
        (&["--timezone", "Berlin"], "--timezone: \"Berlin\" is no time zone"),
        (&["--client-id", "x"], "--client-id is not for custom; it takes a password: --password-file"),
    ] {
        let mut given = given.clone();
        if let Some(at) = given.iter().position(|word| *word == wrong[0]) {
            given.drain(at..at + 2);
        }
        desk.fails(2, &[&given[..], wrong].concat(), why);
    }
    // What only the whole shows is told of no line of a file that nobody has seen.
    let (code, _, said) =
        desk.run(&[&given[..given.len() - 4], &["--person", "Ada <ada@example.org> observer"]].concat());
    assert!(code == 2 && !said.contains("config.toml"), "{said}");
    let nobody = [&LEAST[..7], &["--person", "Ada <ada@example.org> observer", "--offline"]].concat();
    let (code, _, said) = desk.run(&nobody);
    assert!(code == 2 && said.contains("nobody is a maintainer; write ") && !said.contains("config.toml"), "{said}");
}

/// All that was made is listed, the config first; what a trial would have said of one's own server is said without one.
#[test]
fn what_was_made_is_listed() {
    let desk = desk();
    let all = ["new/config.toml", "new/imap-password", "new/disclosed.db", "new/disclosed.key", "new"];
    assert_eq!(desk.json(&with(&["--offline", "--config", "new/config.toml"]))["written"], serde_json::json!(all));
    let own = ["--offline", "--imap", "m.example.org", "--smtp", "m.example.org", "--config"];
    for (provider, ids, warns) in [("custom", "", true), ("rspamd", "", true), ("custom", "mx.example.org", false)] {
        let file = format!("{provider}{ids}.toml");
        let _ = fs::remove_file(desk.path().join("imap-password"));
        let of = ["init", "--address", "s@example.org", "--password-file", "secret", "--person", "ada@example.org"];
        let said = desk.ok(&[&of[..], &own, &[&file, "--provider", provider, "--authserv-id", ids]].concat());
        assert_eq!(said.contains("warning: no results of your server are believed"), warns, "{provider} {ids}: {said}");
    }
}

/// Where a provider takes no passwords: an application by its secret, or a person who allows it once.
#[test]
fn access_tokens_are_asked_for_where_there_are_no_passwords() {
    let desk = desk();
    let given = [
        "init",
        "--offline",
        "--address",
        "security@example.org",
        "--provider",
        "microsoft365",
        "--tenant",
        "example.org",
        "--client-id",
        "1234",
        "--person",
        "Ada <ada@example.org>",
    ];
    for (more, lies, next) in [
        (
            &["--client-secret-file", "secret", "--config", "a.toml"][..],
            "client_secret_file",
            "disclosed --config a.toml run",
        ),
        (&["--config", "b.toml"], "", "disclosed --config b.toml login"),
        (
            &["--unit", "x", "--root", "image", "--client-secret-file", "secret"],
            "client_secret_credential",
            "systemctl",
        ),
        (&["--unit", "y", "--root", "image"], "", "sudo systemd-run --pipe --wait --collect -p DynamicUser=yes"),
    ] {
        let said = desk.ok(&[&given, more].concat());
        assert!(said.contains(&format!("Next:\n  {next}")) || said.contains(next), "{more:?}: {said}");
        let file = match more {
            [.., "--config", file] => desk.path().join(file),
            [_, unit, ..] => desk.path().join(format!("image/etc/disclosed/{unit}.toml")),
            _ => unreachable!(),
        };
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches("auth = \"oauth2\"").count(), 2, "{text}");
        assert!(
            text.contains("[oauth2]\n") && text.contains("tenant = \"example.org\"\nclient_id = \"1234\"\n"),
            "{text}"
        );
        assert_eq!(text.contains("client_secret_"), !lies.is_empty(), "{text}");
        assert!(text.contains(lies) && !text.contains("password") && !text.contains(SECRET), "{text}");
        let config = Config::load(&file).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    }
    assert_eq!(mode(&desk.path().join("client-secret")), 0o600);
    assert_eq!(mode(&desk.path().join("image/etc/credstore/disclosed.x.client-secret")), 0o600);
}

/// As root, for a unit: the paths are those of its unit file, the password is a credential, and the config is for its user.
#[test]
fn a_unit_has_its_files_where_it_looks_for_them() {
    let desk = desk();
    let said = desk.ok(&with(&["--offline", "--unit", "example", "--root", "image"]));
    assert!(said.contains("sudo systemctl enable --now disclosed@example\n"), "{said}");
    let at = |path: &str| desk.path().join("image").join(path);
    let unit = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/disclosed@.service")).unwrap();
    for line in ["--config /etc/disclosed/%i.toml", "LoadCredential=imap-password:disclosed.%i.imap-password"] {
        assert!(unit.contains(line), "{line}");
    }
    assert_eq!(mode(&at("etc/disclosed/example.toml")), 0o644);
    assert_eq!(mode(&at("etc/credstore/disclosed.example.imap-password")), 0o600);
    assert_eq!(mode(&at("etc/credstore")), 0o700);
    let text = fs::read_to_string(at("etc/disclosed/example.toml")).unwrap();
    assert_eq!(text.matches("password_credential = \"imap-password\"").count(), 2, "{text}");
    assert!(text.contains("path = \"/var/lib/disclosed/example/disclosed.db\""), "{text}");
}

/// Every answer that is not the usual one.
#[test]
fn each_flag_is_in_the_config() {
    let desk = desk();
    desk.write("ca.pem", "x");
    let said = [
        "init",
        "--offline",
        "--address",
        "security@example.org",
        "--name",
        "Say \"hi\"",
        "--mailbox",
        "in@example.net",
        "--through",
        "list:security.example.org",
        "--through",
        "forwarder:relay.example",
        "--provider",
        "rspamd",
        "--authserv-id",
        "mx.example.net",
        "--imap",
        "[::1]:1143",
        "--imap-tls",
        "none",
        "--smtp",
        "out.example.net:587",
        "--ca-file",
        "ca.pem",
        "--user",
        "in",
        "--password-file",
        "secret",
        "--smtp-user",
        "out",
        "--smtp-password-file",
        "secret",
        "--folder",
        "Reports",
        "--person",
        "Ada <ada@example.org>",
        "--person",
        "grace@example.org escalation,observer",
        "--acknowledge",
        "3 business days",
        "--assess",
        "none",
        "--disclose",
        "60d",
        "--timezone",
        "Europe/Berlin",
        "--config",
        "other.toml",
    ];
    let said = desk.ok(&said);
    assert!(said.contains("disclosed --config other.toml run"), "{said}");
    let text = fs::read_to_string(desk.path().join("other.toml")).unwrap();
    for line in [
        "name = \"Say \\\"hi\\\"\"",
        "address = \"in@example.net\"",
        "through = [{ list = \"security.example.org\" }, { forwarder = \"relay.example\" }]",
        "server = \"rspamd\"",
        "authserv_ids = [\"mx.example.net\"]",
        "server = \"::1\"",
        "port = 1143",
        "tls = \"none\"",
        "tls = \"starttls\"",
        "user = \"out\"",
        "password_file = \"smtp-password\"",
        "folder = \"Reports\"",
        "roles = [\"maintainer\", \"lead\"]",
        "roles = [\"escalation\", \"observer\"]",
        "within = \"3 business days\"",
        "within = \"60d\"",
        "timezone = \"Europe/Berlin\"",
        "name = \"Grace\"",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    assert!(!text.contains("assess") && text.matches("/ca.pem\"").count() == 2, "{text}");
    assert_eq!(desk.run(&["check", "--config", "other.toml"]).0, 0);
}

/// Where the trial finds something wrong, and nobody can be asked, nothing is written.
#[test]
fn what_does_not_work_is_not_written() {
    let desk = desk();
    let given =
        with(&["--yes", "--imap", "127.0.0.1:9", "--imap-tls", "none", "--smtp", "127.0.0.1:9", "--smtp-tls", "none"]);
    let (code, out, said) = desk.run(&given);
    assert_eq!(code, 1);
    assert!(
        out.contains("WRONG: inbox: cannot connect to 127.0.0.1:9") && said.contains("nothing was written"),
        "{out}{said}"
    );
    assert!(!desk.path().join("config.toml").exists() && !desk.path().join("imap-password").exists());
    assert_eq!(desk.json(&given)["ok"], false);
}

/// A password is told neither on the command line nor by the output: it has no flag, and comes from a file or a pipe.
#[test]
fn a_password_may_come_from_a_pipe() {
    let desk = desk();
    let line = format!(
        "printf '%s\\n' '{SECRET}' | {} init --offline --address s@example.org --provider fastmail --password-file - \
         --person 'Ada <ada@example.org>'",
        env!("CARGO_BIN_EXE_disclosed")
    );
    let output = desk.shell(&line).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(desk.path().join("imap-password")).unwrap(), format!("{SECRET}\n"));
    assert!(!desk.ok(&["init", "--help"]).contains("--password <"));
}
