//! The built program where an operator keeps house: erasing, keys, the breaker, receipts, a lost database.

use std::fs;

use serde_json::Value;

use crate::desk::{CONFIG, Desk, REPORT};

#[test]
fn a_closed_ticket_is_erased_with_yes_alone() {
    let desk = Desk::with_report();
    desk.fails(1, &["erase", "SEC-1", "--yes"], "only a closed ticket can be erased");
    assert!(desk.json(&["erase", "SEC-1"])["refused"].as_str().unwrap().contains("/close it first"));
    desk.ok(&["do", "SEC-1", "/spam"]);
    assert_eq!(desk.json(&["erase", "reporter@example.test"])["tickets"], serde_json::json!(["SEC-1"]));
    desk.fails(1, &["erase", "SEC-1"], "nothing was erased; add --yes");
    desk.fails(1, &["erase", "SEC-9", "--yes"], "there is no SEC-9");
    assert_eq!(desk.json(&["erase", "1"])["erased"], false);
    assert!(desk.ok(&["show", "SEC-1"]).contains("Heap overflow"));

    let said = desk.ok(&["erase", "SEC-1", "--yes"]);
    for part in ["mails that came: 1", "mailbox may still hold", "<report-1@example.test>", "Backups from before"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let shown = desk.ok(&["show", "SEC-1"]);
    assert!(!shown.contains("Heap overflow") && !shown.contains("reporter@example.test"), "{shown}");
    assert!(desk.ok(&["log", "SEC-1"]).contains("erased the addresses, texts and mails"));
    assert_eq!(desk.json(&["list"])["tickets"][0]["reporter"], Value::Null);
    assert!(desk.ok(&["inbox"]).contains("report"));
    desk.fails(1, &["outbox", "--show", "1"], "was erased with its ticket");
    assert!(desk.ok(&["rebuild"]).contains("1 tickets"));
    // The mail still lies in the folder, and is known.
    assert_eq!(desk.ok(&["ingest", "in"]), "1 mail: 1 known already.\n");
    // A report about mail belongs to no ticket.
    let report = "From: dmarc@example.test\nSubject: Report Domain: example.org Submitter: example.test Report-ID: 1\n\
                  Message-ID: <d1@example.test>\n\
                  Content-Type: application/gzip; name=\"example.test!example.org!1700000000!1700086400.xml.gz\"\n\nx\n";
    desk.write("in/new/2", report);
    assert_eq!(desk.ok(&["ingest", "in/new/2"]), "1 mail: 1 automatic.\n");
    desk.fails(1, &["erase", "dmarc@example.test"], "nothing was erased; add --yes");
    let said = desk.ok(&["erase", "dmarc@example.test", "--yes"]);
    assert!(said.starts_with("1 mails from dmarc@example.test that belong to no ticket were erased."), "{said}");
    assert!(said.contains("<d1@example.test>"), "{said}");
    assert!(!desk.ok(&["inbox"]).contains("dmarc@"));
    assert_eq!(desk.ok(&["export", "dmarc@example.test"]), "Nothing is held about dmarc@example.test.\n");
    desk.fails(1, &["erase", "ada@example.org", "--yes"], "one of the people in the config");
    let again = desk.json(&["erase", "SEC-1", "--yes"]);
    assert_eq!((&again["erased"], again["mails"].as_array().unwrap().len()), (&true.into(), 0));
}

#[test]
fn all_that_is_held_about_an_address_is_one_document() {
    let desk = Desk::with_report();
    assert_eq!(desk.ok(&["export", "nobody@example.test"]), "Nothing is held about nobody@example.test.\n");
    desk.fails(1, &["export", "Reporter <reporter@example.test>"], "not a plain mail address");
    let text = desk.ok(&["export", "REPORTER@example.test"]);
    for part in [
        "SEC-1, as its reporter: received",
        "reported (by the reporter): Heap overflow",
        "Version 1.2 overflows",
        "We have received",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("ada@example.org"), "{text}");
    let all = desk.json(&["export", "reporter@example.test"]);
    assert_eq!(all["tickets"][0]["id"], "SEC-1");
    assert_eq!(all["entries"][0]["kind"], "reported");
    assert_eq!((&all["mails"][0]["message_id"], &all["person"]), (&"report-1@example.test".into(), &Value::Null));
    let raw = all["mails"][0]["raw_base64"].as_str().unwrap();
    assert_eq!(data_encoding::BASE64.decode(raw.as_bytes()).unwrap(), REPORT.as_bytes());
    assert_eq!(all["notices"][0]["kind"], "acknowledgement");
    let ada = desk.json(&["export", "ada@example.org"]);
    assert_eq!((&ada["person"]["name"], &ada["notices"][0]["kind"]), (&"Ada".into(), &"report".into()));
}

#[test]
fn the_key_is_rotated_and_an_old_secret_dropped() {
    let desk = Desk::with_report();
    let ids = || {
        let all = desk.json(&["key", "list"])["secrets"].as_array().unwrap().clone();
        all.iter().map(|s| (s["id"].as_u64().unwrap(), s["signs"].as_bool().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(ids(), [(1, true)]);
    desk.fails(1, &["key", "drop", "1"], "1 is the only secret");
    assert!(desk.ok(&["key", "rotate"]).starts_with("Secret 2 signs"));
    assert_eq!(ids(), [(2, true), (1, false)]);
    assert!(desk.ok(&["key", "list"]).contains("signs and verifies"));
    assert!(desk.ok(&["key", "drop", "1"]).contains("are not obeyed"));
    desk.fails(1, &["key", "drop", "1"], "there is no secret 1");
    assert_eq!(ids(), [(2, true)]);
    let outbox = desk.json(&["outbox"]);
    assert!(outbox["notices"].as_array().unwrap().iter().all(|n| n["kind"] != "trouble"), "a rotation is no trouble");
}

#[test]
fn what_the_breaker_holds_is_shown_and_released() {
    let desk = Desk::new();
    desk.write("config.toml", &format!("{CONFIG}[limits]\nbreaker_per_hour = 1\n"));
    desk.write("1.eml", REPORT);
    desk.ok(&["ingest", "1.eml"]);
    assert!(desk.json(&["outbox"])["held_since"].is_null());
    desk.write("2.eml", &REPORT.replace("report-1", "report-2"));
    desk.ok(&["ingest", "2.eml"]);
    let outbox = desk.json(&["outbox"]);
    assert!(outbox["held_since"].is_string());
    let held = outbox["notices"].as_array().unwrap().iter().filter(|n| n["state"] == "held").count();
    assert_eq!(held, 4, "{outbox}");
    let (code, text, _) = desk.run(&["status"]);
    assert_eq!(code, 3);
    assert!(text.contains("more than 1 events") && text.contains("`disclosed outbox --release`"));
    assert!(desk.ok(&["outbox"]).contains("outbox --release"));
    assert_eq!(desk.ok(&["outbox", "--release"]), "Released: 5 notices leave now, as fast as the server takes them.\n");
    assert_eq!(desk.ok(&["outbox", "--release"]), "Nothing is held for having been too much.\n");
    assert!(desk.json(&["outbox"])["held_since"].is_null());
}

#[test]
fn a_receipt_is_taken_by_its_number() {
    let desk = Desk::with_report();
    desk.write("auto.eml", &REPORT.replace("report-1", "auto").replace("\n\n", "\nAuto-Submitted: auto-generated\nX-Failed-Recipients: a@b.test\nReturn-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"));
    desk.ok(&["ingest", "auto.eml"]);
    let numbers = |desk: &Desk| {
        desk.json(&["inbox"])["receipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["number"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&desk), [1, 2]);
    assert!(desk.ok(&["inbox"]).starts_with("NO "));
    desk.fails(1, &["inbox", "--take", "1"], "it is the report of SEC-1 already");
    desk.fails(1, &["inbox", "--take", "3"], "there is no receipt 3");
    let taken = desk.json(&["inbox", "--take", "2"]);
    assert_eq!((&taken["ticket"], &taken["acknowledgement"]), (&"SEC-2".into(), &"withheld".into()));
    assert_eq!(desk.json(&["inbox"])["receipts"][1]["disposition"], "report");
    desk.fails(1, &["inbox", "--take", "2"], "it is the report of SEC-2 already");
    assert_eq!(desk.ok(&["ingest", "--earlier"]), "0 mails.\n");
    desk.fails(2, &["ingest"], "PATH");
    desk.fails(2, &["ingest", "--since", "2027-01-01", "in"], "--since");
    desk.fails(2, &["ingest", "--earlier", "--since", "monday"], "--since");
    desk.write(
        "auto.eml",
        &REPORT.replace("report-1", "gone").replace(
            "\n\n",
            "\nReturn-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n",
        ),
    );
    desk.ok(&["ingest", "auto.eml"]);
    desk.ok(&["erase", "reporter@example.test", "--yes"]);
    desk.fails(1, &["inbox", "--take", "3"], "its content was erased");
}

/// H4: a password that everybody on the machine can read is said to be one.
#[test]
fn a_secret_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.write("secret", "s3cret\n");
    let imap = "[inbox.imap]\nserver = \"imap.example.org\"\nuser = \"security\"\npassword_file = \"secret\"";
    desk.write("config.toml", &CONFIG.replace("[inbox]\nmaildir = \"in\"", imap));
    let says = |mode: u32| {
        fs::set_permissions(desk.path().join("secret"), fs::Permissions::from_mode(mode)).unwrap();
        desk.run(&["check"]).1
    };
    let told = "inbox.imap.password_file: every user of this machine can read ";
    assert!(says(0o644).contains(told), "{}", says(0o644));
    assert!(!says(0o640).contains(told));
}
