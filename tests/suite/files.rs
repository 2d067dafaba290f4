//! The files of a database as whoever is at the command line meets them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::desk::{CONFIG, Desk};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A desk whose database lies in a folder of its own, and the program where everybody can run it.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("config.toml", &format!("{CONFIG}\n[store]\npath = \"state/d.db\"\n"));
    desk.ok(&["run", "--once"]);
    let program = desk.path().join("disclosed");
    fs::hard_link(env!("CARGO_BIN_EXE_disclosed"), &program)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_disclosed"), &program).map(drop))
        .unwrap();
    mode(desk.path(), 0o755);
    mode(&program, 0o755);
    desk
}

fn is_root(desk: &Desk) -> bool {
    fs::metadata(desk.path().join("config.toml")).unwrap().uid() == 0
}

/// The program by somebody who may not read the state: another user, where the tests run as root.
fn stranger(desk: &Desk, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(desk.path().join("disclosed"));
    command.args(arguments).current_dir(desk.path());
    if is_root(desk) {
        command.uid(65_534).gid(65_534);
    }
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn permission_denied_is_not_that_there_is_none_yet() {
    let desk = desk();
    let state = desk.path().join("state");
    let files = ["d.db", "d.key", "d.lock"];
    for (folder, file) in [(0o755, 0o000), (0o000, 0o600)] {
        files.iter().for_each(|name| mode(&state.join(name), file));
        mode(&state, folder);
        for arguments in [&["list"][..], &["status"], &["do", "1", "/ack"], &["run", "--once"], &["try", "config.toml"]]
        {
            let (code, said) = stranger(&desk, arguments);
            assert!(code == 1 && said.contains("permission denied; it belongs to"), "{arguments:?}: {code} {said}");
            assert!(!said.contains("no database yet"), "{said}");
            let line = format!("disclosed {}", arguments.join(" "));
            assert!(said.contains("run this: sudo ") && said.trim_end().ends_with(&line), "{arguments:?}: {said}");
        }
    }
    mode(&state, 0o755);
    files.iter().for_each(|name| mode(&state.join(name), 0o600));
    desk.ok(&["list"]);
}

/// What root leaves, the daemon's user could not read at its next start.
#[test]
fn root_prints_the_command_for_the_user_whose_state_it_is() {
    let desk = desk();
    let state = desk.path().join("state");
    let all = || fs::read_dir(&state).unwrap().map(|e| e.unwrap().path());
    if !is_root(&desk) {
        // Nobody but root can be mistaken so, and nobody but root can give files away.
        desk.ok(&["key", "rotate"]);
        return;
    }
    all().for_each(|path| chown(path, Some(4321), Some(4321)).unwrap());
    chown(&state, Some(4321), Some(4321)).unwrap();
    let before = fs::read(state.join("d.key")).unwrap();
    for arguments in [&["key", "rotate"][..], &["run", "--once"], &["run"], &["ingest", "config.toml"], &["rebuild"]] {
        let line = format!("run this: sudo -u '#4321' {} {}", env!("CARGO_BIN_EXE_disclosed"), arguments.join(" "));
        desk.fails(1, arguments, &line);
    }
    desk.ok(&["list"]);
    desk.ok(&["backup", "copy.db"]);
    assert_eq!(fs::read(state.join("d.key")).unwrap(), before);
    assert!(all().all(|path| fs::metadata(path).unwrap().uid() == 4321));
}

/// Neither the database nor the key is made while the other is there.
#[test]
fn what_is_lost_is_not_made_anew() {
    let desk = Desk::with_report();
    desk.ok(&["run", "--once"]);
    let all = |names: &[&str], from: &str, to: &str| {
        for name in names {
            let _ = fs::rename(desk.path().join(format!("{name}{from}")), desk.path().join(format!("{name}{to}")));
        }
    };
    let database = ["disclosed.db", "disclosed.db-wal", "disclosed.db-shm"];
    all(&database, "", ".away");
    for arguments in [&["run"][..], &["run", "--once"], &["ingest", "in"], &["key", "rotate"]] {
        desk.fails(1, arguments, "disclosed.key is there, so this is no first start");
    }
    desk.fails(1, &["list"], "this is no first start");
    assert!(!desk.path().join("disclosed.db").exists());
    all(&database, ".away", "");
    all(&["disclosed.key"], "", ".away");
    for arguments in [&["run"][..], &["ingest", "in"], &["key", "drop", "1"]] {
        desk.fails(1, arguments, "there is no");
        assert!(!desk.path().join("disclosed.key").exists());
    }
    desk.ok(&["key", "rotate"]);
    desk.ok(&["run", "--once"]);
}

/// What `run` could not use is not called ok: a database that cannot be made, and files that its user may not read.
#[test]
fn check_meets_files_as_the_daemon_would() {
    let desk = Desk::new();
    let wrong = |config: &str, words: &str| {
        desk.write("rights.toml", config);
        let (code, out, said) = desk.run(&["check", "--config", "rights.toml"]);
        assert!(code == 1 && out.contains("WRONG: ") && out.contains(words), "{words}: {out}{said}");
    };
    let store = |path: &str| format!("{CONFIG}[store]\npath = \"{path}\"\n");
    assert!(desk.ok(&["check"]).contains("`disclosed run` makes it"));
    wrong(&store("config.toml/state/disclosed.db"), "`disclosed run` cannot make it");
    let imap = "[inbox.imap]\nserver = \"mail.example.org\"\nuser = \"s\"\npassword_file = \"secret\"\n";
    let by_imap = CONFIG.replace("[inbox]\nmaildir = \"in\"\n", imap);
    let tokens = "auth = \"oauth2\"\n[oauth2]\ntoken_url = \"https://e.org/t\"\nclient_id = \"1\"\nclient_secret_file";
    for config in [by_imap.clone(), by_imap.replace("password_file", tokens)] {
        wrong(&config, "secret is not there; put the secret into it");
    }
    desk.write("secret", "hunter");
    desk.ok(&["check", "--config", "rights.toml"]);
    // Root checks for another user, whose folder the database comes into.
    fs::create_dir(desk.path().join("state")).unwrap();
    if std::os::unix::fs::chown(desk.path().join("state"), Some(4321), Some(4321)).is_err() {
        return crate::corpus::left_out("files of another user (the tests do not run as root)");
    }
    let mode = |name: &str, mode| fs::set_permissions(desk.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    mode("", 0o755);
    mode("secret", 0o600);
    let others = format!("{by_imap}[store]\npath = \"state/disclosed.db\"\n");
    wrong(&others, "inbox.imap: user 4321, as whom the daemon runs, may not read ");
    mode("secret", 0o644);
    fs::create_dir(desk.path().join("out")).unwrap();
    wrong(&others, "outgoing.maildir: user 4321, as whom the daemon runs, may not write in ");
    mode("out", 0o777);
    assert!(desk.ok(&["check", "--config", "rights.toml"]).contains("every user of this machine can read"));
    // What a command of root left beside the database.
    desk.write("state/disclosed.key", "x");
    mode("state/disclosed.key", 0o600);
    wrong(&others, "database: user 4321, as whom the daemon runs, may not read ");
}

/// What lies in files and credentials is looked at without a server: no secret, no key that signs, no program.
#[test]
fn check_finds_what_no_login_could_use() {
    let desk = Desk::new();
    let config = |secret: &str, more: &str| {
        let imap = format!("[inbox.imap]\nserver = \"mail.example.org\"\nuser = \"s\"\n{secret}\n");
        desk.write("wrong.toml", &format!("{}{more}", CONFIG.replace("[inbox]\nmaildir = \"in\"\n", &imap)));
    };
    let says = |code: i32, words: &str| {
        let output = desk.command(&["check", "--config", "wrong.toml"]).env("CREDENTIALS_DIRECTORY", "given").output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(code) && text.contains(words), "{words}: {text}");
    };
    fs::create_dir(desk.path().join("given")).unwrap();
    config("password_credential = \"imap-password\"", "");
    let unset = desk.ok(&["check", "--config", "wrong.toml"]);
    assert!(unset.contains("UNKNOWN: inbox.imap: the credential \"imap-password\" was not looked at"), "{unset}");
    says(1, "WRONG: inbox.imap: the secret in given/imap-password: No such file");
    desk.write("given/imap-password", "two\nlines\n");
    says(1, "WRONG: inbox.imap: the secret from given/imap-password has more than one line");
    desk.write("given/imap-password", "hunter\n");
    says(0, "ok: database");
    desk.write("secret", "");
    config("password_file = \"secret\"", "");
    says(1, "secret is empty");

    let google = "[identity]\nserver = \"google-workspace\"\n[oauth2]\nservice_account_file = \"key.json\"\n";
    config("auth = \"oauth2\"", google);
    let key = include_str!("../fixtures/service-account/key.json");
    for (text, words) in [
        ("{", "WRONG: oauth2: the access token: the service account's file lacks client_email or private_key"),
        (
            &key.replace("BEGIN PRIVATE", "BEGIN EC PRIVATE"),
            "WRONG: oauth2: the access token: the service account's file holds",
        ),
    ] {
        desk.write("key.json", text);
        says(1, words);
    }
    desk.write("key.json", key);
    says(0, "ok: database");

    desk.write("secret", "hunter\n");
    desk.write("no-program", "#!/bin/sh\n");
    for (alarm, words) in [
        ("/nonexistent/alarm", "WRONG: alarm.command: "),
        ("./no-program", "WRONG: alarm.command: "),
        (
            "no-such-program-anywhere",
            "WRONG: alarm.command: there is no program no-such-program-anywhere in /usr/local",
        ),
    ] {
        config("password_file = \"secret\"", &format!("[alarm]\ncommand = [\"{alarm}\", \"x\"]\n"));
        says(1, words);
    }
    config("password_file = \"secret\"", "[alarm]\ncommand = [\"sh\", \"-c\", \"true\"]\n");
    says(0, "ok: database");
    config("password_command = [\"/nonexistent/pass\"]", "");
    says(1, "WRONG: inbox.imap.password_command: ");
}

/// Of a server that is known to begin with plain text, the other kind of TLS is told before anybody waits for it.
#[test]
fn check_knows_where_tls_begins() {
    let desk = Desk::new();
    desk.write("secret", "hunter\n");
    for (server, tls, warns) in [
        ("SMTP.office365.com", "", true),
        ("smtp.office365.com", "tls = \"starttls\"\n", false),
        ("smtp.mail.me.com", "port = 465\n", true),
        ("smtp.gmail.com", "", false),
        ("127.0.0.1", "", false),
    ] {
        let smtp = format!("[outgoing.smtp]\nserver = \"{server}\"\n{tls}user = \"s\"\npassword_file = \"secret\"\n");
        desk.write("config.toml", &CONFIG.replace("[outgoing]\nmaildir = \"out\"\n", &smtp));
        let checked = desk.json(&["check"]);
        let warned = checked["warnings"].to_string().contains("on port 587: write tls = \\\"starttls\\\"");
        assert_eq!(warned, warns, "{server} {tls}: {checked}");
    }
}

/// An inbox that never was read needs a person, also where only single passes try it.
#[test]
fn an_inbox_that_never_was_read_is_told() {
    let desk = Desk::new();
    fs::remove_dir_all(desk.path().join("in")).unwrap();
    desk.write("in", "a file, and no Maildir");
    for _ in 0..2 {
        desk.fails(1, &["run", "--once"], "the inbox: ");
        let (code, said, _) = desk.run(&["status"]);
        assert!(code == 3 && said.contains("the inbox was never read, and fails since "), "{code}: {said}");
        assert_eq!(desk.json(&["status"])["healthy"], false);
    }
    fs::remove_file(desk.path().join("in")).unwrap();
    for folder in ["in/new", "in/cur", "in/tmp"] {
        fs::create_dir_all(desk.path().join(folder)).unwrap();
    }
    desk.ok(&["run", "--once"]);
    desk.ok(&["status"]);
}

/// What is wrong on the command line says what to write.
#[test]
fn mistakes_at_the_command_line_have_a_way_on() {
    let desk = Desk::new();
    desk.ok(&["run", "--once"]);
    for arguments in [["inbox", "--show", "x"], ["inbox", "--take", "x"], ["outbox", "--show", "x"]] {
        desk.fails(2, &arguments, "write the number of a row of the list");
    }
    desk.fails(1, &["demo", "config.toml/demo"], "play in a folder that you may write in: disclosed demo FOLDER");
    if is_root(&desk) {
        let program = self::desk();
        mode(program.path(), 0o755);
        let (code, said) = stranger(&program, &["demo"]);
        assert!(code == 1 && said.contains("disclosed demo FOLDER"), "{said}");
    }
}

/// Nobody is told that a new one is made in its place.
#[test]
fn a_database_that_was_lost_is_called_so_by_whoever_looks_for_it() {
    let desk = Desk::with_report();
    for name in ["disclosed.db", "disclosed.db-wal", "disclosed.db-shm"] {
        let _ = std::fs::remove_file(desk.path().join(name));
    }
    for look in ["run --once", "status", "list", "check"] {
        let (code, out, said) = desk.run(&look.split(' ').collect::<Vec<_>>());
        assert!(code == 1 && [out, said].concat().contains("this is no first start"), "{look}");
    }
}

#[test]
fn a_database_that_everybody_can_read_is_a_concern() {
    let desk = Desk::with_report();
    let concern = |desk: &Desk| desk.ok(&["check"]).contains("chmod o-rwx");
    assert!(!concern(&desk));
    for name in ["disclosed.db", "disclosed.key"] {
        let file = desk.path().join(name);
        let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(concern(&desk), "{name}");
        mode(0o600);
    }
}
