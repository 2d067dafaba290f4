//! The JSON documents that others build on: the names of all fields, as they stand in the contract. A field that is
//! gone or renamed breaks whoever reads it; a new one is written down here.

use std::collections::{BTreeMap, BTreeSet};

use disclosed::testing::config::Config;
use disclosed::testing::notice::text::trouble::Trouble;
use disclosed::testing::open;
use disclosed::testing::vocabulary::{Outcome, TicketId};
use serde_json::Value;

use crate::desk::Desk;

const NOW: &str = "2027-01-04T10:00:00Z";

const CONFIG: &str = r#"
[limits]
acks_per_sender_day = 1
[reports]
supported = ["1.2"]
asks = ["affected-version", "impact"]
"#;

/// One deadline that the severity moves, and one promise that does not start.
const PROMISES: &str = r#"
[[policy.promise]]
name = "assess"
until = "assessed"
within = { critical = "48h", high = "7d", medium = "14d", low = "30d" }
[[policy.promise]]
name = "fix"
from = "accepted"
until = "fix-released"
within = "30d"
"#;

/// The names of the fields of each object in a document, by the way to it: `tickets[].next`.
type Names = BTreeMap<String, BTreeSet<String>>;

fn names(value: &Value, at: &str, into: &mut Names) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                into.entry(at.to_owned()).or_default().insert(name.clone());
                names(value, format!("{at}.{name}").trim_start_matches('.'), into);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| names(one, &format!("{at}[]"), into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn report(n: u32) -> String {
    format!(
        "From: Reporter <reporter@example.test>\nTo: security@example.org\nSubject: Heap overflow {n}\n\
         Message-ID: <report-{n}@example.test>\n\n/severity high\n\nVersion 1.2 overflows {n} times.\n"
    )
}

const BOUNCE: &str = "Return-Path: <>\nFrom: mailer-daemon@mx.example.test\nSubject: Undelivered\nMIME-Version: 1.0\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
    failed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.test\n\n\
    Final-Recipient: rfc822; x@example.test\nAction: failed\nStatus: 5.1.1\n\n--b--\n";

/// Two tickets with all that a document may hold: promises kept, running and broken, an embargo, held and refused
/// notices, trouble.
fn desk() -> Desk {
    let desk = Desk::new();
    let config = std::fs::read_to_string(desk.path().join("config.toml")).unwrap();
    desk.write("config.toml", &format!("{config}{CONFIG}"));
    for n in [1, 2] {
        desk.write(&format!("in/new/{n}"), &report(n));
    }
    desk.write("bounce.eml", BOUNCE);
    desk.ok(&["run", "--once", "--now", NOW]);
    desk.ok(&["do", "1", "/severity high", "/embargo 2027-03-01", "/ack"]);
    let config = Config::load(&desk.path().join("config.toml")).unwrap();
    let at = NOW.parse().unwrap();
    let mut tracker = open::tracker(&config, at).unwrap();
    // What goes to the reporter, and what goes to a person of the project.
    while let Some(claim) = tracker.claim(at).unwrap() {
        tracker.delivered(&claim, &Outcome::Refused("550 no".into()), at).unwrap();
    }
    tracker.trouble(&Trouble::Timeline { ticket: TicketId(9), why: "torn".into() }, at).unwrap();
    drop(tracker);
    desk.run(&["run", "--once", "--now", "2027-01-07T10:00:00Z"]);
    desk
}

/// The documents of a command, called in all these ways, hold these fields and no others: (the way to an object, what is
/// promised of it, what more it has).
fn check(desk: &Desk, ways: &[&[&str]], expect: &[(&str, &str, &str)]) {
    let mut found = Names::new();
    for way in ways {
        names(&desk.json(way), "", &mut found);
    }
    if let Some(entry) = found.get_mut("entries[]").filter(|entry| entry.contains("words")) {
        // Each kind of entry has fields of its own beside these.
        entry.retain(|name| {
            ["at", "kind", "by", "by_kind", "text", "order", "party", "seq", "words"].contains(&name.as_str())
        });
    }
    let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let all = expect.iter().map(|(at, promised, more)| {
        ((*at).to_owned(), split(promised).into_iter().chain(split(more)).collect::<BTreeSet<String>>())
    });
    assert_eq!(found, all.collect::<Names>(), "{ways:?}");
}

const TICKET: &str = "id status severity owner reporter received acknowledged assessed fix_released public closed next";

#[test]
fn the_documents_keep_the_names_of_their_fields() {
    let desk = desk();
    let list =
        [("", "tickets", ""), ("tickets[]", TICKET, "codename open"), ("tickets[].next", "promise deadline", "")];
    check(&desk, &[&["list"]], &list);
    let mail = "number from date subject text attachments disposition enclosed erased message_id name problems receipt \
                received";
    let show = [
        ("", "ticket entries", "mails"),
        ("mails[]", "", mail),
        ("ticket", &format!("{TICKET} clocks parties embargo"), "codename open title credit"),
        ("ticket.next", "promise deadline", ""),
        ("ticket.clocks[]", "promise state starts deadline", ""),
        ("ticket.parties[]", "address role", ""),
        ("ticket.embargo", "", "state until zone proposed since"),
        ("entries[]", "at kind by text", "by_kind order party seq words"),
    ];
    check(&desk, &[&["show", "1"]], &show);
    let receipt = "received message_id from disposition ticket reason";
    check(&desk, &[&["inbox"]], &[("", "receipts", ""), ("receipts[]", receipt, "number")]);
    check(
        &desk,
        &[&["inbox", "--show", "1"]],
        &[("", "", "receipt mail"), ("receipt", receipt, "number"), ("mail", "", mail)],
    );
    check(&desk, &[&["show", "1", "--mail", "1"]], &[("", "", "mail"), ("mail", "", mail)]);
    let notice = "created kind to ticket message_id state attempts";
    let outbox = [("", "notices", "held_since"), ("notices[]", notice, "number reply")];
    check(&desk, &[&["outbox"]], &outbox);
    let status = [
        (
            "",
            "last_scan last_send waiting next_deadline holds healthy",
            "ahead unverified undelivered unreached broken quarantined trouble troubles inbox_fails_since \
             inbox_unread_since send_fails_since stuck_since held_since tag_refused_since hold",
        ),
        ("holds[]", "", "notice kind ticket state reason"),
        ("undelivered[]", "", "notice kind ticket state reason"),
        ("unreached[]", "", "person since reply"),
        ("broken[]", "", "ticket promise deadline"),
        ("troubles[]", "", "kind ticket since notice"),
    ];
    check(&desk, &[&["status"]], &status);
    let tried = [
        (
            "",
            "disposition ticket sender identity reply_text commands bounce fields problems",
            "reason known subject reporter claimed",
        ),
        ("claimed[]", "", "by address"),
        ("known", "", "received disposition ticket"),
        ("identity", "believed by reason", "forged checks asked"),
        ("identity.checks[]", "", "by passed reason"),
        ("commands[]", "verb arguments", ""),
        ("bounce", "recipients", ""),
        ("fields", "severity cvss cves cwes missing", "score rating versions support paths locations found"),
        ("fields.support[]", "", "version support"),
    ];
    desk.write("claims.eml", &format!("Reply-To: other@example.test\n{}", report(3)));
    check(&desk, &[&["try", "in/new/1", "--offline"], &["try", "bounce.eml"], &["try", "claims.eml"]], &tried);
    let played = [
        ("", "clocks warnings", "received until timezone severity events not_started holidays"),
        ("clocks[]", "promise starts deadline rungs", "until state over moved"),
        ("clocks[].rungs[]", "at to", "audiences people rung nominal warns and_so_on"),
        ("clocks[].moved[]", "", "at from"),
        ("events[]", "", "at event"),
        ("not_started[]", "", "promise from"),
    ];
    let config = std::fs::read_to_string(desk.path().join("config.toml")).unwrap();
    desk.write("config.toml", &format!("{config}{PROMISES}"));
    let severity_comes_late = ["simulate", "--at", NOW, "--event", "severity:low@+1d"];
    check(&desk, &[&severity_comes_late], &played);
}

/// The contract promises nothing of these; the changelog tells what changes in them.
#[test]
fn the_other_documents_keep_the_names_of_their_fields() {
    let desk = desk();
    let config = std::fs::read_to_string(desk.path().join("config.toml")).unwrap();
    let check_ = [
        ("", "ok config warnings promises people commands reports digests findings holidays", ""),
        ("promises[]", "name from until term recurring pauses ladder", ""),
        ("people[]", "name address roles notices own_time", ""),
        ("commands", "confirm second_person", ""),
        ("reports", "asks supported unsupported subject note", ""),
        ("findings[]", "good known text", ""),
    ];
    check(&desk, &[&["check"]], &check_);
    let export = [
        ("", "address person tickets entries mails notices", ""),
        ("tickets[]", "id as status severity received acknowledged closed", ""),
        ("entries[]", "at kind by text", "seq ticket"),
        ("mails[]", "received message_id disposition ticket reason subject text raw_base64", ""),
        ("notices[]", "number created kind ticket message_id state reply subject text", ""),
    ];
    check(&desk, &[&["export", "reporter@example.test"]], &export);
    let mails = ("mails[]", "received message_id", "");
    check(&desk, &[&["erase", "1"]], &[("", "ticket erased refused mails texts notices unsent", ""), mails]);
    check(&desk, &[&["erase", "reporter@example.test"]], &[("", "address erased mails tickets", "")]);
    check(&desk, &[&["key", "list"]], &[("", "secrets", ""), ("secrets[]", "id made signs", "")]);
    check(&desk, &[&["backup", "copy.db"]], &[("", "database octets key", "")]);
    let recovered = [("", "clock ahead deadlines", "")];
    check(&desk, &[&["recover", "--clock"]], &recovered);
    check(&desk, &[&["rebuild"]], &[("", "tickets", "")]);
    check(&desk, &[&["do", "1", "/severity low"]], &[("", "done answer", "")]);
    let ingested = [
        ("", "mails known unverified dispositions failed", ""),
        ("dispositions", "bounce", ""),
        ("failed[]", "path why", ""),
    ];
    check(&desk, &[&["ingest", "bounce.eml", "nowhere.eml"]], &ingested);
    desk.write("config.toml", &format!("{config}\n[nonsense]\n"));
    let mistakes = [("", "ok error mistakes", ""), ("mistakes[]", "file line column what write", "")];
    check(&desk, &[&["check"]], &mistakes);
}
