//! A report is read on the machine: the mails of a ticket whole, their bytes, their files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::desk::{Desk, REPORT};

const LONG: &str = "The parser trusts the length in the header, so that a crafted file overflows the buffer and \
                    overwrites the return address.";

/// A second mail of the reporter's in the ticket, with these files attached. It bears the address that the
/// acknowledgement gave out.
fn follow_up(files: &[&str]) -> String {
    let mut mail = format!(
        "From: Reporter <reporter@example.test>\nTo: <to>\nSubject: Re: \u{1b}[2JHeap overflow\n\
         Message-ID: <report-2@example.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: text/plain; charset=utf-8\n\n{LONG}\n\n    at 0x1\u{1b}[31m\u{202e}  in parse\nMail 9 of 9\n"
    );
    for name in files {
        mail.push_str(&format!(
            "--b\nContent-Type: text/x-python\nContent-Transfer-Encoding: base64\n\
             Content-Disposition: attachment; filename=\"{name}\"\n\nYQBi\n"
        ));
    }
    mail + "--b--\n"
}

/// A desk with a ticket of two mails.
fn desk(files: &[&str]) -> Desk {
    let desk = Desk::with_report();
    // At the time that it is: an acknowledgement that is a day late is not sent.
    desk.ok(&["run", "--once"]);
    let sent = fs::read_dir(desk.path().join("out/new")).unwrap();
    let sent = sent.map(|e| fs::read_to_string(e.unwrap().path()).unwrap());
    let acknowledgement = sent.into_iter().find(|m| m.contains("To: reporter@example.test")).unwrap();
    let to = acknowledgement.lines().find_map(|l| l.strip_prefix("Reply-To: ")).unwrap().to_owned();
    desk.write("in/new/2", &follow_up(files).replace("<to>", &to));
    assert_eq!(desk.ok(&["ingest", "in"]), "2 mails: 1 follow_up, 1 known already.\n");
    desk
}

#[test]
fn a_ticket_shows_its_mails_whole() {
    let desk = desk(&["poc.py"]);
    let shown = desk.ok(&["show", "SEC-1"]);
    for part in [
        "\nMail 1 of 2 (report)\n  Received:  ",
        "\n  From:      Reporter <reporter@example.test>\n  Date:      2027-01-04 11:00 (Europe/Berlin), as it says\n",
        "\n\n  | Version 1.2 overflows, CVE-2026-1234.\n  | Severity: high\n\nMail 2 of 2 (follow_up)\n",
        "\n  Subject:   Re: [2JHeap overflow\n  Attached:  poc.py (text/x-python, 3 octets)\n  Odd:       it ",
        "\n  | The parser trusts the length in the header, so that a crafted file overflows\n  : the buffer and \
         overwrites the return address.\n  |\n  |     at 0x1[31m  in parse\n  | Mail 9 of 9\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
    let (_, timeline) = shown.split_once("\nTimeline:\n").unwrap();
    assert!(timeline.lines().all(|l| l.chars().count() <= 80), "{shown}");
    assert!(timeline.contains("  the reporter wrote: mail 2\n"), "{shown}");
    // Without the mails below it the timeline says what it has of them, in their own lines.
    let log = desk.ok(&["log", "1"]);
    let wrote = "  the reporter wrote:\n                  | The parser trusts the length in the header, so that a\n";
    assert!(log.contains(wrote) && log.ends_with("                  | Mail 9 of 9\n"), "{log}");
    let second = desk.ok(&["show", "SEC-1", "--mail", "2"]);
    assert!(second.starts_with("Mail 2 of 2 (follow_up)\n") && shown.ends_with(&second), "{second}");
    // A receipt alone is shown in the same way.
    let receipt = desk.ok(&["inbox", "--show", "2"]);
    let below = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert!(receipt.starts_with("Receipt 2, SEC-1 (follow_up)\n") && below(&receipt) == below(&second), "{receipt}");

    let mails = desk.json(&["show", "SEC-1"])["mails"].clone();
    let expect = serde_json::json!([{
        "name": "poc.py", "type": "text/x-python", "size": 3,
        "sha256": "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138",
    }]);
    assert_eq!((&mails[0]["number"], &mails[0]["from"]), (&1.into(), &"reporter@example.test".into()));
    assert_eq!(mails[0]["text"], "Version 1.2 overflows, CVE-2026-1234.\nSeverity: high\n");
    assert_eq!(
        (&mails[0]["date"], &mails[0]["subject"]),
        (&"2027-01-04T10:00:00Z".into(), &"Heap overflow in the parser".into())
    );
    assert_eq!(mails[1]["attachments"], expect);
    assert_eq!(desk.json(&["show", "SEC-1", "--mail", "2"])["mail"], mails[1]);
    assert_eq!(desk.json(&["inbox", "--show", "2"])["mail"]["text"], mails[1]["text"]);
    desk.fails(1, &["show", "SEC-1", "--mail", "3"], "there is no mail 3 of SEC-1; `disclosed show SEC-1` shows all 2");
    desk.fails(1, &["show", "SEC-1", "--mail", "0"], "there is no mail 0");
    desk.fails(1, &["inbox", "--show", "7"], "there is no receipt 7");
    desk.fails(2, &["show", "SEC-1", "--mail", "1", "--raw", "1"], "cannot be used with");
    desk.fails(2, &["show", "SEC-1", "--raw", "1", "--json"], "cannot be used with");
}

#[test]
fn the_bytes_of_a_mail_are_those_that_came() {
    let desk = desk(&[]);
    assert_eq!(desk.ok(&["show", "1", "--raw", "1"]), REPORT);
    let raw = desk.command(&["show", "1", "--raw", "2"]).output().unwrap().stdout;
    assert_eq!(raw, fs::read(desk.path().join("in/new/2")).unwrap());
}

#[test]
fn what_was_erased_is_said_to_be() {
    let desk = desk(&["poc.py"]);
    desk.ok(&["do", "1", "/spam"]);
    desk.ok(&["erase", "1", "--yes"]);
    let shown = desk.ok(&["show", "1", "--mail", "2"]);
    assert!(shown.ends_with("  From:      nobody who can be answered\n  It was erased here.\n"), "{shown}");
    let mail = desk.json(&["inbox", "--show", "2"])["mail"].clone();
    assert_eq!((&mail["erased"], &mail["text"]), (&true.into(), &serde_json::Value::Null));
    desk.fails(1, &["show", "1", "--raw", "2"], "mail 2 of SEC-1 was erased");
    assert_eq!(desk.ok(&["show", "1", "--attachments", "files"]), "SEC-1 has no attachments.\n");
    assert!(!desk.path().join("files").exists());
}

#[test]
fn files_from_outside_get_harmless_names_and_write_over_nothing() {
    let long = "x".repeat(300);
    let names = ["../../etc/passwd", "CON", "a/b", "a\0b", &long, "gpj.\u{202e}exe", "poc.py", "poc.py", ".bashrc"];
    let desk = desk(&names);
    let said = desk.ok(&["show", "1", "--attachments", "files"]);
    let folder = desk.path().join("files");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut found: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    let cut = format!("2-5-{}_", "x".repeat(99));
    let expect = [
        "2-1-_.._etc_passwd",
        "2-2-CON",
        "2-3-a_b",
        "2-4-ab",
        &cut,
        "2-6-gpj.exe",
        "2-7-poc.py",
        "2-8-poc.py",
        "2-9-bashrc",
    ];
    assert_eq!(found, expect);
    for name in expect {
        assert_eq!(fs::read(folder.join(name)).unwrap(), b"a\0b");
        assert_eq!(mode(&folder.join(name)), 0o600);
    }
    assert!(said.contains("files/2-7-poc.py\n  of mail 2: text/x-python, 3 octets\n  SHA-256 "), "{said}");
    assert!(said.contains("9 files from outside, unopened, in files.\nOdd in mail 2: it has no Date\n"), "{said}");

    // Nothing is written over, none of them is written.
    desk.fails(
        1,
        &["show", "1", "--attachments", "files"],
        "2-1-_.._etc_passwd: is there already, and nothing is overwritten",
    );
    let other = desk.path().join("other");
    fs::create_dir(&other).unwrap();
    let outside = desk.path().join("outside");
    for target in [&outside, &desk.path().join("config.toml")] {
        let link = other.join("2-8-poc.py");
        symlink(target, &link).unwrap();
        desk.fails(1, &["show", "1", "--attachments", "other"], "2-8-poc.py: is there already");
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        fs::remove_file(link).unwrap();
    }
    assert!(!outside.exists());
    desk.fails(1, &["show", "1", "--attachments", "config.toml"], "config.toml: ");
    let files = desk.json(&["show", "1", "--attachments", "other"])["files"].clone();
    assert_eq!((&files[1]["path"], &files[1]["name"]), (&"other/2-2-CON".into(), &"CON".into()));
    assert_eq!(
        (&files[1]["mail"], &files[1]["size"], &files[1]["type"]),
        (&2.into(), &3.into(), &"text/x-python".into())
    );
}
