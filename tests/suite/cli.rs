//! The built program, as a person and a monitor use it: text, JSON, exit codes.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::desk::{CONFIG, Desk, REPORT};

#[test]
fn a_report_is_listed_shown_and_logged() {
    let desk = Desk::with_report();
    let list = desk.ok(&["list"]);
    let stands = "SEC-1 | Heap overflow in the parser\n    answer the reporter by ";
    assert!(list.contains(stands) && list.contains(" (2 days left); owner nobody; received\n"), "{list}");
    let ticket = desk.json(&["list"])["tickets"][0].clone();
    assert_eq!((&ticket["id"], &ticket["status"]), (&"SEC-1".into(), &"received".into()));
    assert_eq!(ticket["reporter"], "reporter@example.test");
    assert_eq!(ticket["next"]["promise"], "acknowledge");
    assert!(ticket["received"].as_str().unwrap().ends_with('Z'), "{ticket}");
    for unknown in ["severity", "owner", "acknowledged", "assessed", "fix_released", "public", "closed"] {
        assert_eq!(ticket.get(unknown), Some(&Value::Null), "{unknown}");
    }

    for id in ["SEC-1", "sec-1", "1"] {
        let text = desk.ok(&["show", id]);
        for part in ["Heap overflow in the parser", "Ada <ada@example.org>: maintainer, lead", "disclose  "] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let shown = desk.json(&["show", "SEC-1"]);
    assert_eq!(shown["ticket"]["id"], "SEC-1");
    assert_eq!(shown["ticket"]["embargo"], Value::Null);
    assert_eq!(shown["ticket"]["parties"][0]["role"], "reporter");
    let clock = &shown["ticket"]["clocks"][0];
    assert_eq!((&clock["promise"], &clock["state"]), (&"acknowledge".into(), &"running".into()));
    assert!(clock["starts"].is_string() && clock["deadline"].is_string());
    let entry = &shown["entries"][0];
    assert_eq!((&entry["kind"], &entry["by"]), (&"reported".into(), &"reporter".into()));
    assert_eq!(entry["text"], "Heap overflow in the parser");

    let log = desk.ok(&["log", "1"]);
    assert!(log.lines().next().unwrap().ends_with("the reporter reported “Heap overflow in the parser”"), "{log}");
    assert_eq!(desk.json(&["log", "1"])["entries"], shown["entries"]);
}

#[test]
fn receipts_and_notices_are_all_there() {
    let desk = Desk::with_report();
    let receipt = desk.json(&["inbox"])["receipts"][0].clone();
    let expect = [
        ("message_id", "report-1@example.test"),
        ("from", "reporter@example.test"),
        ("disposition", "report"),
        ("ticket", "SEC-1"),
        ("reason", "a new report"),
    ];
    for (key, value) in expect {
        assert_eq!(receipt[key], value, "{key}");
    }
    assert!(desk.ok(&["inbox"]).contains("reporter@example.test"));

    let notices = desk.json(&["outbox"])["notices"].clone();
    let kinds: Vec<&str> = notices.as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["acknowledgement", "report"]);
    assert_eq!((&notices[0]["state"], &notices[0]["attempts"]), (&"waiting".into(), &0.into()));
    assert_eq!((&notices[0]["to"], &notices[0]["ticket"]), (&"reporter@example.test".into(), &"SEC-1".into()));
    assert!(desk.ok(&["outbox"]).contains("acknowledgement"));
    let bytes = desk.ok(&["outbox", "--show", "1"]);
    let id = notices[0]["message_id"].as_str().unwrap();
    assert!(bytes.contains(&format!("Message-ID: <{id}>\r\n")), "{bytes}");
    desk.fails(1, &["outbox", "--show", "99"], "there is no notice 99");
}

#[test]
fn commands_are_done_or_refused() {
    let desk = Desk::with_report();
    let done = desk.ok(&["do", "SEC-1", "/severity high", "/ack", "--text", "We look into it."]);
    assert!(done.contains("severity is high"), "{done}");
    let ticket = desk.json(&["list"])["tickets"][0].clone();
    assert_eq!(ticket["severity"], "high");
    assert!(ticket["acknowledged"].is_string());
    assert_eq!(desk.json(&["show", "1"])["ticket"]["clocks"][0]["state"], "kept");
    assert!(desk.ok(&["log", "1"]).contains("alice (command line) set the severity to high"));

    desk.fails(1, &["do", "1", "/acept"], "did you mean /accept?");
    desk.fails(1, &["do", "1", "accept it"], "a command begins with \"/\"");
    desk.fails(1, &["do", "1", "/reply", "Hello", "there"], "\"Hello\" is no command");
    desk.fails(1, &["do", "9", "/ack"], "there is no SEC-9; the last is SEC-1");
    desk.fails(2, &["do", "1"], "COMMAND");
    let refused = desk.json(&["do", "1", "/acept"]);
    assert_eq!(refused["done"], false);
    assert!(refused["answer"].as_str().unwrap().contains("/accept"), "{refused}");
    assert_eq!(desk.json(&["do", "1", "/accept"])["done"], true);

    let mut child = desk.command(&["do", "1", "/note", "--text", "-"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Seen in the wild\x1b[2J?\n").unwrap();
    assert!(child.wait().unwrap().success());
    let log = desk.ok(&["log", "1"]);
    assert!(log.contains("noted: Seen in the wild[2J?"), "{log}");
}

/// Who acted stands in the timeline and in the notice to the team; the reporter hears no login.
#[test]
fn whoever_acts_is_named() {
    let desk = Desk::with_report();
    desk.ok(&["do", "1", "/note", "--text", "First.\n\nSecond."]);
    let log = desk.ok(&["log", "1"]);
    let paragraphs =
        "  alice (command line) noted:\n                  | First.\n                  |\n                  | Second.\n";
    assert!(log.contains(paragraphs), "{log}");
    assert!(desk.ok(&["show", "1"]).contains("| First."));
    desk.fails(1, &["do", "1", "/claim"], "say who you are\nby --as");
    desk.fails(
        1,
        &["do", "1", "/claim", "--as", "Bob"],
        "\"Bob\" is nobody here; the people are: Ada; nothing was done",
    );
    for (person, did) in [("ada", "/claim"), ("ADA@example.org", "/ack")] {
        desk.ok(&["do", "1", did, "--as", person]);
    }
    let log = desk.ok(&["log", "1"]);
    assert!(log.contains("  Ada (command line of alice) became the owner\n"), "{log}");
    let entries = desk.json(&["log", "1"])["entries"].clone();
    let by = |seq: usize| (entries[seq]["by"].as_str().unwrap(), entries[seq]["by_kind"].as_str().unwrap());
    let found = [by(0), by(1), by(2), by(3)];
    let local = |who| (who, "local");
    let alice = "Ada (command line of alice)";
    assert_eq!(found, [("reporter", "reporter"), ("daemon", "daemon"), local("alice (command line)"), local(alice)]);

    let notices = desk.json(&["outbox"])["notices"].clone();
    let last = |kind: &str| {
        let of_kind = notices.as_array().unwrap().iter().rev().find(|n| n["kind"] == kind).expect(kind);
        desk.ok(&["outbox", "--show", &of_kind["number"].to_string()])
    };
    let change = last("change");
    assert!(change.contains("To: ada@example.org") && change.contains(&format!("{alice}, on SEC-1:")), "{change}");
    let letter = last("reply");
    assert!(letter.contains("Ada") && !letter.contains("alice"), "{letter}");

    // Whatever the environment says, it is a name and no command to a terminal.
    let set = |name: &str, called: Option<&str>| {
        let mut command = desk.command(&["do", "1", &format!("/severity {name}")]);
        let command = command.env_remove("SUDO_USER").envs(called.map(|called| ("SUDO_USER", called)));
        assert!(command.output().unwrap().status.success());
        desk.ok(&["log", "1"]).lines().last().unwrap().to_owned()
    };
    let hostile = set("low", Some("\u{1b}[2J\u{202e}root\n"));
    assert!(hostile.ends_with("  [2Jroot (command line) set the severity to low"), "{hostile}");
    let id = std::process::Command::new("id").args(["-u", "-n"]).output().unwrap();
    let login = String::from_utf8(id.stdout).unwrap();
    let own = set("high", None);
    assert!(own.ends_with(&format!("  {} (command line) set the severity to high", login.trim())), "{own}");
}

#[test]
fn closed_tickets_are_listed_too_unless_only_open_ones_are_asked_for() {
    let desk = Desk::with_report();
    // What the team noted waits for a look here too.
    desk.ok(&["do", "1", "/note", "--text", "Legal pays nothing"]);
    let held = desk.json(&["do", "1", "/reply", "--text", "We think that\nLEGAL PAYS, nothing else."]);
    let held = held["answer"].as_str().unwrap().to_owned();
    assert!(held.contains("| LEGAL PAYS, nothing else.\n    stands in"), "{held}");
    let code = held.lines().find(|l| l.starts_with("/send ")).unwrap();
    let sent = desk.ok(&["do", "1", code]);
    assert!(sent.contains("| We think that\n| LEGAL PAYS, nothing else.\n"), "{sent}");
    desk.fails(1, &["do", "1", code], "no text waits for a look");
    desk.ok(&["do", "1", "/ack", "/invalid", "/close"]);
    assert_eq!(desk.json(&["list"])["tickets"][0]["status"], "closed");
    assert_eq!(desk.json(&["list", "--open"])["tickets"], Value::Array(Vec::new()));
    assert_eq!(desk.ok(&["list", "--open"]), "No ticket is open.\n");
}

#[test]
fn a_mail_is_tried_and_leaves_no_trace() {
    let desk = Desk::new();
    desk.write("1.eml", REPORT);
    let tried = desk.json(&["try", "1.eml"]);
    assert_eq!((&tried["disposition"], &tried["ticket"]), (&"report".into(), &Value::Null));
    assert_eq!(tried["sender"], "reporter@example.test");
    assert_eq!(tried["reporter"], "reporter@example.test");
    assert_eq!(tried["claimed"], Value::Array(Vec::new()));
    assert_eq!(tried["identity"]["believed"], false);
    assert_eq!(tried["identity"]["by"], Value::Null);
    assert!(tried["identity"]["reason"].is_string());
    assert_eq!(tried["fields"]["severity"], "high");
    assert_eq!(tried["fields"]["cves"][0], "CVE-2026-1234");
    assert_eq!(tried["bounce"]["recipients"], Value::Array(Vec::new()));
    assert!(tried["reply_text"].as_str().unwrap().starts_with("Version 1.2"));
    assert!(tried["fields"]["missing"].is_array() && tried["problems"].is_array() && tried["commands"].is_array());
    assert!(desk.ok(&["try", "1.eml"]).contains("Disposition: report"));
    assert!(!desk.path().join("disclosed.db").exists() && !desk.path().join("disclosed.key").exists());

    // Whom a person would see in it, and a machine does not believe.
    let odd = "From: Smith, Ann <ann@example.test>\nReply-To: Rita <rita@example.test>";
    desk.write("odd.eml", &REPORT.replace("From: Reporter <reporter@example.test>", odd));
    let tried = desk.json(&["try", "odd.eml"]);
    assert_eq!((&tried["sender"], &tried["reporter"]), (&Value::Null, &"ann@example.test".into()));
    assert_eq!(tried["claimed"][0]["by"], "Reply-To");
    assert_eq!(tried["claimed"][0]["address"], "rita@example.test");
    let shown = desk.ok(&["try", "odd.eml"]);
    assert!(shown.contains("Reporter:    ann@example.test\nClaimed:     rita@example.test (by Reply-To)\n"), "{shown}");

    let commands = REPORT.replace("Version 1.2", "/Severity  high\n/ack\n\nVersion 1.2");
    let mut child = desk.command(&["try", "-", "--json"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let tried: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(tried["commands"][0]["verb"], "severity");
    assert_eq!(tried["commands"][0]["arguments"], "high");
    assert_eq!(tried["commands"][1]["arguments"], "");
    desk.fails(1, &["try", "none.eml"], "none.eml");

    // With a database it is asked, and stays as it is: a saved copy says what happened to the mail.
    assert_eq!(tried["known"], Value::Null);
    desk.ok(&["ingest", "1.eml"]);
    let crlf = REPORT.replace('\n', "\r\n");
    for copy in [REPORT, &crlf, crlf.trim_end(), &format!("X-Saved-By: a program\r\n{crlf}\r\n")] {
        desk.write("copy.eml", copy);
        let tried = desk.json(&["try", "copy.eml"]);
        let known = &tried["known"];
        assert_eq!((&tried["disposition"], &tried["ticket"]), (&"report".into(), &"SEC-1".into()), "{copy:?}");
        assert_eq!((&tried["reason"], &known["ticket"]), (&"a new report".into(), &"SEC-1".into()), "{copy:?}");
        assert!(known["received"].is_string() && known["disposition"] == "report", "{copy:?}");
        let text = desk.ok(&["try", "copy.eml"]);
        assert!(text.contains("SEC-1") && text.contains("here already, since"), "{text}");
    }
    assert_eq!(desk.json(&["inbox"])["receipts"].as_array().unwrap().len(), 1);
}

/// Whichever way a mail comes first and second, it is one ticket.
#[test]
fn a_mail_is_one_by_each_pair_of_ways() {
    let body = "\nFrom the log:\n\nFrom here on it overflows.\n>From there too.\n";
    let mail = REPORT.replace("\nVersion", &format!("{body}Version"));
    let quoted = |all: bool| -> String {
        let head_is_over = mail.find("\n\n").unwrap();
        let (head, body) = mail.split_at(head_is_over);
        let line = |l: &str| {
            let bare = if all { l.trim_start_matches('>') } else { l };
            format!("{}{l}", if bare.starts_with("From ") { ">" } else { "" })
        };
        format!("{head}{}", body.split_inclusive('\n').map(line).collect::<String>())
    };
    let from = "From MAILER-DAEMON Mon Jan  4 10:00:00 2027\n";
    let whole = format!("Content-Length: {}\n{mail}", mail.len() - mail.find("\n\n").unwrap() - 2);
    let ways = [
        ("crlf.eml", mail.replace('\n', "\r\n")),
        ("in/new/1", mail.clone()),
        ("saved.eml", mail.trim_end().to_owned()),
        ("o.mbox", format!("{from}{}\n", quoted(false))),
        ("rd.mbox", format!("{from}{}\n", quoted(true))),
        ("rd-crlf.mbox", format!("{from}{}\n", quoted(true)).replace('\n', "\r\n")),
        ("cl2.mbox", format!("{from}{whole}\n")),
    ];
    for (first, _) in &ways {
        for (second, _) in &ways {
            let desk = Desk::new();
            for (name, text) in ways.iter().filter(|(n, _)| n == first || n == second) {
                desk.write(name, text);
            }
            for path in [first, second] {
                desk.ok(&["ingest", if *path == "in/new/1" { "in" } else { path }]);
            }
            assert_eq!(desk.json(&["list"])["tickets"].as_array().unwrap().len(), 1, "{first}, {second}");
            let sent = desk.json(&["outbox"]);
            let kinds = sent["notices"].as_array().unwrap().iter().filter(|n| n["kind"] == "acknowledgement");
            assert_eq!(kinds.count(), 1, "{first}, {second}");
        }
    }
}

#[test]
fn trying_a_mail_says_what_became_of_each_check() {
    let desk = Desk::new();
    let at = disclosed::testing::clock::now().as_second();
    let signature = |domain: &str| {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; b=YQ==\n"
        )
    };
    let checks = |desk: &Desk, raw: &str| {
        desk.write("1.eml", raw);
        let tried = desk.json(&["try", "1.eml", "--offline"]);
        assert_eq!((&tried["identity"]["by"], &tried["identity"]["asked"]), (&Value::Null, &Value::Array(Vec::new())));
        let of = |c: &Value| {
            assert_eq!(c["passed"], false);
            format!("{}: {}", c["by"].as_str().unwrap(), c["reason"].as_str().unwrap())
        };
        tried["identity"]["checks"].as_array().unwrap().iter().map(of).collect::<Vec<_>>().join("\n")
    };
    let none = checks(&desk, REPORT);
    assert_eq!(none, "authentication_results: no authserv_ids configured\ndkim: it has no DKIM signature");
    let good = checks(&desk, &format!("{}{REPORT}", signature("example.test")));
    assert!(good.ends_with("dkim: DKIM could not be checked: not asked for its key (--offline)"), "{good}");
    // What is refused beforehand is never asked for, with or without --offline.
    let other = format!("{}{REPORT}", signature("list.example"));
    assert!(checks(&desk, &other).ends_with("the signature is by list.example, and the sender is of example.test"));
    assert!(desk.ok(&["try", "1.eml"]).contains("  Looked at: DKIM: the signature is by list.example"));
    desk.write("config.toml", &format!("{CONFIG}[identity]\ndkim = false\n"));
    assert_eq!(checks(&desk, &other), "authentication_results: no authserv_ids configured");
}

#[test]
fn mail_is_ingested_from_all_kinds_of_files_and_once() {
    let desk = Desk::new();
    let mail = |n: u32| REPORT.replace("report-1", &format!("report-{n}")).replace("1.2", &format!("1.{n}"));
    let mbox: String =
        (1..=100).map(|n| format!("From x@example.test Mon Jan  4 10:00:00 2027\n{}\n", mail(n))).collect();
    desk.write("old.mbox", &mbox);
    let all = desk.json(&["ingest", "old.mbox"]);
    assert_eq!((&all["mails"], &all["known"], &all["dispositions"]["report"]), (&100.into(), &0.into(), &100.into()));
    assert_eq!(desk.json(&["list"])["tickets"].as_array().unwrap().len(), 100);

    fs::create_dir(desk.path().join("folder")).unwrap();
    desk.write("folder/a.eml", &mail(1));
    desk.write("folder/b.EML", &mail(200));
    desk.write("folder/c.txt", &mail(300));
    desk.write("in/cur/1:2,S", &mail(400));
    let (code, out, said) = desk.run(&["ingest", "folder", "gone.eml", "in", "old.mbox"]);
    assert_eq!((code, out.as_str()), (1, "103 mails: 2 report, 101 known already.\n"), "{said}");
    assert!(said.contains("gone.eml: "), "{said}");
    fs::create_dir(desk.path().join("empty")).unwrap();
    desk.fails(1, &["ingest", "empty"], "neither a Maildir");
}

#[test]
fn the_status_is_an_exit_code() {
    let desk = Desk::new();
    desk.fails(1, &["status"], "there is no database yet; `disclosed run` makes it");
    desk.fails(1, &["do", "1", "/ack"], "there is no database yet");
    assert!(!desk.path().join("disclosed.db").exists(), "looking makes no database");
    desk.write("in/new/1", REPORT);
    desk.ok(&["run", "--once", "--now", "2027-01-04T10:00Z"]);
    let status = desk.json(&["status"]);
    assert_eq!((&status["healthy"], &status["holds"]), (&true.into(), &Value::Array(Vec::new())));
    assert_eq!((&status["last_scan"], &status["waiting"]), (&"2027-01-04T10:00:00Z".into(), &0.into()));
    assert_eq!(status["last_send"], "2027-01-04T10:00:00Z");
    assert_eq!(status["next_deadline"], "2027-01-06T10:00:00Z");
    assert!(desk.ok(&["status"]).contains("Nothing needs a person."));

    desk.ok(&["run", "--once", "--now", "2027-01-06T10:00Z"]);
    let (code, text, _) = desk.run(&["status"]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("      overdue now: answer the reporter; owner nobody; received\n      `disclosed show SEC-1`"),
        "{text}"
    );
    assert_eq!(desk.json(&["status"])["healthy"], false);
    assert!(desk.ok(&["list"]).contains("overdue now"), "what broke in the database's time is broken");
    assert_eq!(desk.json(&["show", "1"])["ticket"]["clocks"][0]["state"], "broken");
    assert!(desk.ok(&["log", "1"]).contains("found acknowledge BROKEN"));
    desk.ok(&["do", "1", "/ack"]);
    desk.ok(&["status"]);
}

#[test]
fn a_rebuild_changes_nothing() {
    let desk = Desk::with_report();
    desk.ok(&["do", "1", "/severity low"]);
    let before = desk.json(&["show", "1"]);
    assert_eq!(desk.ok(&["rebuild"]), "Made anew from their timelines: 1 tickets.\n");
    assert_eq!(desk.json(&["rebuild"])["tickets"], 1);
    assert_eq!(desk.json(&["show", "1"]), before);
}

#[test]
fn the_config_is_named_before_or_after_the_command() {
    let desk = Desk::with_report();
    let other = tempfile::tempdir().unwrap();
    let config = desk.path().join("config.toml");
    let config = config.to_str().unwrap();
    for arguments in [["--config", config, "list", "--json"], ["list", "--json", "--config", config]] {
        let output = desk.command(&arguments).current_dir(other.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(list["tickets"][0]["id"], "SEC-1");
    }
    let none = desk.command(&["list", "--config", "none.toml"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn what_is_unusable_is_told_with_code_2_and_what_is_unknown_with_code_1() {
    let desk = Desk::with_report();
    desk.fails(1, &["show", "SEC-99"], "there is no SEC-99; the last is SEC-1");
    desk.fails(1, &["log", "none"], "\"none\" is no ticket; write SEC-17 or 17");
    desk.fails(2, &["frobnicate"], "frobnicate");
    desk.fails(2, &[], "Usage");
    desk.fails(2, &["run", "--now", "2027-01-04T10:00Z"], "--once");
    desk.fails(2, &["run", "--once", "--now", "tomorrow"], "write an instant like 2027-01-04T10:00:00Z");
    let smtp = CONFIG.replace("maildir = \"out\"", "[outgoing.smtp]\nserver = \"mail.example.org\"");
    desk.write("smtp.toml", &smtp);
    let now = ["run", "--once", "--now", "2027-01-04T10:00Z", "--config", "smtp.toml"];
    desk.fails(2, &now, "--now needs outgoing.maildir");

    desk.write("bad.toml", &CONFIG.replace("name = \"Example\"", "nme = \"Example\""));
    for command in [&["list"][..], &["check"], &["run", "--once"], &["try", "x"], &["do", "1", "/ack"]] {
        desk.fails(2, &[command, &["--config", "bad.toml"]].concat(), "bad.toml:3:1");
    }
    let bad = desk.json(&["check", "--config", "bad.toml"]);
    assert_eq!((&bad["ok"], &bad["mistakes"][0]["line"]), (&false.into(), &3.into()), "{bad}");
}

#[test]
fn check_says_what_was_understood() {
    let desk = Desk::with_report();
    let text = desk.ok(&["check"]);
    let promises = "  acknowledge: received → acknowledged, within 48h\n";
    for part in [promises, "Ada <ada@example.org>: maintainer, lead", "09:00 (Europe/Berlin", "is whole", "warning: "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let document = desk.json(&["check", "--online"]);
    assert_eq!(document["ok"], true, "{document}");
    assert_eq!(document["digests"].as_array().unwrap().len(), 3);
    fs::remove_dir_all(desk.path().join("in")).unwrap();
    assert!(desk.ok(&["check"]).contains("is no Maildir yet"));
    assert_eq!(desk.run(&["check", "--online"]).0, 1);
    desk.write("disclosed.db", &"no database at all".repeat(1_000));
    let (code, out, _) = desk.run(&["check"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("WRONG: database: "), "{out}");
}

/// What its people ask for is done: no answer of theirs waits for a look. And the lines that it offers do what they say.
#[test]
fn the_demo_ends_as_it_tells() {
    let desk = Desk::new();
    let told = desk.ok(&["demo", "its folder"]);
    for line in ["SEC-3   Dana answered the reporter", "SEC-3   Dana set the status to closed"] {
        assert!(told.contains(line), "{line}");
    }
    let (_, offered) = told.split_once("Each line can be pasted:").unwrap();
    let mut lines = offered.lines().filter(|l| l.starts_with("  ")).map(|line| {
        let output = desk.shell(line).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    });
    for (command, part) in [
        ("list", "SEC-2"),
        ("show", "Lee moved the deadline of disclose"),
        ("status", "Nothing needs a person."),
        ("outbox", "Subject: [SEC-1] "),
        ("do", "severity is high"),
        ("run", ""),
    ] {
        let (code, said) = lines.next().unwrap();
        assert!(code == Some(0) && said.contains(part), "{command}: {code:?} {said}");
    }
    assert_eq!(lines.next(), None);
    let config = ["--config", "its folder/config.toml"];
    let left = desk.json(&[&["outbox"][..], &config].concat());
    assert_eq!(left["notices"].as_array().unwrap().iter().filter(|n| n["state"] != "sent").count(), 0, "{left}");
}

#[test]
fn the_demo_wants_an_empty_folder() {
    let desk = Desk::new();
    desk.fails(1, &["demo", "in"], "is not empty");
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let desk = Desk::with_report();
    for arguments in [&["list"][..], &["show", "1", "--json"], &["outbox", "--show", "1"], &["--help"], &["check"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = desk.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn each_command_explains_itself() {
    let desk = Desk::new();
    let help = desk.ok(&["--help"]);
    let commands = [
        "run", "check", "demo", "simulate", "list", "show", "log", "inbox", "outbox", "status", "do", "ingest", "try",
        "backup", "rebuild",
    ];
    for command in commands {
        assert!(help.contains(&format!("\n  {command:<9}")), "{command}: {help}");
        let text = desk.ok(&[command, "--help"]);
        assert!(text.contains(&format!("disclosed {command}")), "{command}: {text}");
    }
    assert!(desk.ok(&["--version"]).starts_with("disclosed "));
}

/// Without a client secret a person has to allow it once, and until then `check` says so.
#[test]
fn check_says_how_it_logs_in_and_what_that_lacks() {
    let desk = Desk::new();
    desk.fails(1, &["login"], "no login has auth = \"oauth2\"");
    let imap = "[inbox.imap]\nserver = \"imap.example.org\"\nuser = \"s\"\nauth = \"oauth2\"\n[identity]\n\
                server = \"microsoft365\"\n[oauth2]\ntenant = \"example.org\"\nclient_id = \"1\"\n";
    let text = CONFIG.replace("[inbox]\nmaildir = \"in\"\n", imap);
    desk.write("config.toml", &text);
    let said = desk.ok(&["check"]);
    assert!(said.contains("oauth2: the access token: nobody has allowed it yet; run `disclosed login`"), "{said}");
    let by = "The login is by an access token of login.microsoftonline.com by";
    assert!(said.contains(&format!("{by} `disclosed login`.")), "{said}");
    desk.write("disclosed.login", "a refresh token");
    assert!(!desk.ok(&["check"]).contains("nobody has allowed it"));
    desk.write("secret", "s");
    let with = format!("{imap}client_secret_file = \"secret\"\n");
    desk.write("config.toml", &CONFIG.replace("[inbox]\nmaildir = \"in\"\n", &with));
    assert!(desk.ok(&["check"]).contains(&format!("{by} the client secret.")));
}
