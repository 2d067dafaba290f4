//! What the daemon guarantees, seen from outside: the mailbox, the reporter's mailbox, and the command line.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::daemon::{Daemon, SECRET, SOON, Settings, header, report};
use crate::process::{stays, until};
use crate::rig::Rig;

/// Long enough for several looks into the mailbox: what has not happened by then does not happen.
const A_WHILE: Duration = Duration::from_secs(6);

#[test]
fn a_pushed_mail_is_acknowledged_at_once() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    // Without the push it would be seen after an hour.
    let daemon = Daemon::started(&rig, &Settings { poll: "1h", ..Settings::default() });
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    let report = report(1);
    rig.deliver("security", &report.raw);
    daemon.wait_for(&rig, 1);

    let mails = rig.mailbox("reporter");
    let acknowledgement = mails.first().expect("it was counted");
    assert_eq!(header(acknowledgement, "In-Reply-To").as_deref(), Some(report.id.as_str()));
    // RFC 3834 section 5: nobody's vacation notice answers it.
    let automatic = header(acknowledgement, "Auto-Submitted").unwrap_or_default();
    assert!(automatic.starts_with("auto-replied"), "{automatic}");
    assert!(until(SOON, || !rig.mailbox("bob").is_empty()), "no maintainer was told: {}", daemon.standing(&rig));
    assert_eq!(rig.mailbox("security").len(), 1, "the mailbox is as it was");
}

#[test]
fn a_mail_is_found_by_looking() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let daemon = Daemon::started(&rig, &Settings { idle: false, ..Settings::default() });
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
}

#[test]
fn what_lies_there_at_the_first_start_is_listed_and_told_once() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    for n in 1..=3 {
        rig.deliver("security", &report(n).raw);
    }
    let mut daemon = Daemon::started(&rig, &Settings { first: true, ..Settings::default() });
    assert!(until(SOON, || daemon.receipts().len() == 3), "{}", daemon.standing(&rig));
    daemon.kill();
    daemon.start();
    rig.deliver("security", &report(4).raw);
    daemon.wait_for(&rig, 1);
    let dispositions: Vec<_> = daemon.receipts().iter().map(|r| r["disposition"].clone()).collect();
    assert_eq!(dispositions, ["earlier", "earlier", "earlier", "report"]);
    let told = |n: &&serde_json::Value| n["kind"] == "flood" && n["to"] == "bob@example.test";
    assert_eq!(daemon.notices().iter().filter(told).count(), 1, "{}", daemon.standing(&rig));
}

#[test]
fn starttls_serves_both_ways() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    rig.deliver("security", &report(1).raw);
    let daemon = Daemon::started(&rig, &Settings { starttls: true, ..Settings::default() });
    daemon.wait_for(&rig, 1);
}

#[test]
fn the_log_holds_no_mail_and_no_secret() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    rig.deliver("security", &report(1).raw);
    let daemon = Daemon::started(&rig, &Settings::default());
    daemon.wait_for(&rig, 1);
    let log = daemon.log();
    assert!(!log.is_empty(), "an operator sees nothing");
    for secret in [SECRET, "reporter@reporter.test", crate::rig::PASSWORD] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}

/// G1, G2, G3 under SIGKILL at any moment.
#[test]
fn killed_at_random_moments_it_loses_nothing_and_doubles_nothing() {
    const MAILS: usize = 30;
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut random = Random(0x5EED);
    let reports = (0..MAILS).map(report).collect::<Vec<_>>();
    let mut daemon = Daemon::started(&rig, &Settings::default());
    // Shortly after each start it is at work on what came while it was down, or did not get done before.
    for (round, report) in reports.iter().enumerate() {
        rig.deliver("security", &report.raw);
        for _ in 0..=round % 2 {
            let moment = Duration::from_millis(random.below(800));
            assert!(stays(moment, || daemon.runs()), "it ended by itself:\n{}", daemon.log());
            daemon.kill();
            daemon.start();
        }
    }
    let quiet = until(2 * SOON, || {
        let notices = daemon.notices();
        daemon.tickets().len() >= MAILS
            && !notices.is_empty()
            && notices.iter().all(|notice| !matches!(notice["state"].as_str(), Some("waiting" | "sending")))
    });
    assert!(quiet, "it does not become quiet: {}", daemon.standing(&rig));
    assert!(daemon.runs(), "it ended by itself:\n{}", daemon.log());

    assert_eq!(daemon.tickets().len(), MAILS, "tickets: {}", daemon.standing(&rig));
    let receipts = daemon.receipts();
    for report in &reports {
        let of_it = receipts.iter().filter(|receipt| same_id(receipt["message_id"].as_str(), &report.id));
        let dispositions = of_it.map(|receipt| receipt["disposition"].as_str()).collect::<Vec<_>>();
        assert_eq!(dispositions, [Some("report")], "{}: {}", report.id, daemon.standing(&rig));
    }

    // One acknowledgement each, decided once.
    let notices = daemon.notices();
    let to_reporter = notices.iter().filter(|notice| notice["to"] == "reporter@reporter.test").collect::<Vec<_>>();
    assert_eq!(to_reporter.len(), MAILS, "{}", daemon.standing(&rig));
    // A kill between the last byte and the server's answer leaves open whether the mail was taken. Only such a mail
    // may be missing, and only such a mail may come twice: then as the same bytes.
    let mut arrived = BTreeMap::<String, Vec<Vec<u8>>>::new();
    assert!(
        until(SOON, || rig.mailbox("reporter").len() >= to_reporter.iter().filter(|n| n["state"] == "sent").count())
    );
    for raw in rig.mailbox("reporter") {
        let id = header(&raw, "Message-ID").expect("our mails have a Message-ID");
        arrived.entry(id).or_default().push(as_sent(&raw));
    }
    for notice in &to_reporter {
        let id = notice["message_id"].as_str().expect("our mails have a Message-ID");
        let copies = arrived.iter().find(|(found, _)| same_id(Some(found), id)).map_or(&[][..], |(_, copies)| copies);
        match notice["state"].as_str() {
            Some("sent") => assert!(!copies.is_empty(), "{id} is lost: {}", daemon.standing(&rig)),
            Some("unknown") => {}
            other => panic!("{id} is {other:?}: {}", daemon.standing(&rig)),
        }
        assert!(copies.len() <= 2, "{id} came {} times", copies.len());
        assert!(copies.windows(2).all(|pair| pair[0] == pair[1]), "{id} came in two versions");
    }
    assert!(arrived.len() <= MAILS, "more mails than were decided: {:?}", arrived.keys());
    assert_eq!(rig.mailbox("security").len(), MAILS, "the mailbox is as it was");
}

#[test]
fn it_outlives_a_server_that_stops() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    rig.stop();
    assert!(stays(A_WHILE, || daemon.runs()), "{}", daemon.log());
    rig.start();
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
}

#[test]
fn it_outlives_a_server_that_freezes() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    rig.freeze();
    // Postfix still takes mail, and keeps it until Dovecot moves again.
    rig.send("reporter@reporter.test", "security@example.test", &report(2).raw);
    assert!(stays(Duration::from_secs(8), || daemon.runs()), "{}", daemon.log());
    rig.thaw();
    daemon.wait_for(&rig, 2);
}

#[test]
fn a_new_uidvalidity_makes_no_new_tickets() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    let daemon = Daemon::started(&rig, &Settings::default());
    for n in 0..5 {
        rig.deliver("security", &report(n).raw);
    }
    daemon.wait_for(&rig, 5);
    rig.reset_uidvalidity("security");
    // The next mail comes in as ever, so the daemon has seen the old ones again.
    rig.deliver("security", &report(5).raw);
    daemon.wait_for(&rig, 6);
    assert!(stays(A_WHILE, || rig.mailbox("reporter").len() == 6));
    daemon.has_exactly(&rig, 6);
}

/// Restored from a copy, Dovecot hands out UIDs again that were known: to fewer, as many and more mails than were lost.
#[test]
fn a_mailbox_that_is_restored_from_a_copy_loses_no_report() {
    for came in [1, 3, 5] {
        let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
        let daemon = Daemon::started(&rig, &Settings::default());
        for n in 0..3 {
            rig.deliver("security", &report(n).raw);
        }
        daemon.wait_for(&rig, 3);
        let copy = rig.back_up("security");
        for n in 3..6 {
            rig.deliver("security", &report(n).raw);
        }
        daemon.wait_for(&rig, 6);
        let highest = |rig: &Rig| rig.imap_command("security", "INBOX", "UID SEARCH ALL");
        let before = highest(&rig);
        rig.restore("security", &copy);
        assert_ne!(highest(&rig), before, "the server is where it was");
        for n in 6..6 + came {
            rig.deliver("security", &report(n).raw);
        }
        daemon.wait_for(&rig, 6 + came);
        assert!(stays(A_WHILE, || rig.mailbox("reporter").len() == 6 + came));
        daemon.has_exactly(&rig, 6 + came);
    }
}

#[test]
fn new_uids_under_the_old_uidvalidity_make_no_new_tickets() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    for n in 0..5 {
        rig.deliver("security", &report(n).raw);
    }
    daemon.wait_for(&rig, 5);
    rig.rm_uidlist("security");
    rig.deliver("security", &report(5).raw);
    daemon.wait_for(&rig, 6);
    // A session that was open sees only the mails that came later; a new one sees all of them, under their new UIDs.
    daemon.kill();
    daemon.start();
    rig.deliver("security", &report(6).raw);
    daemon.wait_for(&rig, 7);
    assert!(stays(A_WHILE, || rig.mailbox("reporter").len() == 7));
    daemon.has_exactly(&rig, 7);
}

#[test]
fn a_mail_that_somebody_has_read_is_still_a_report() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    rig.deliver("security", &report(1).raw);
    rig.imap_command("security", "INBOX", "UID STORE 1 +FLAGS (\\Seen)");
    let daemon = Daemon::started(&rig, &Settings::default());
    daemon.wait_for(&rig, 1);
}

#[test]
fn a_mail_that_is_moved_away_and_back_is_the_same_report() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    rig.imap_command("security", "INBOX", "UID MOVE 1 Archive");
    rig.imap_command("security", "Archive", "UID MOVE 1 INBOX");
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
    assert!(stays(A_WHILE, || rig.mailbox("reporter").len() == 2));
    daemon.has_exactly(&rig, 2);
}

#[test]
fn a_ticket_outlives_its_mail() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    rig.imap_command("security", "INBOX", "UID STORE 1 +FLAGS (\\Deleted)");
    rig.imap_command("security", "INBOX", "EXPUNGE");
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
    assert_eq!(rig.mailbox("security").len(), 1);
}

#[test]
fn a_second_daemon_on_one_database_ends_at_once() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    let status = daemon.another().wait(Duration::from_secs(20));
    assert!(status.is_some_and(|status| status.code() == Some(1)), "{status:?}\n{}", daemon.log());
    assert!(daemon.runs(), "{}", daemon.log());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
}

#[test]
fn sigterm_ends_it_in_good_order() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    let status = daemon.terminate(Duration::from_secs(20));
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", daemon.log());

    // Nor does a server that says nothing hold it up.
    daemon.start();
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
    rig.freeze();
    let status = daemon.terminate(Duration::from_secs(20));
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", daemon.log());
}

#[test]
fn a_broken_config_leaves_the_old_one_in_force() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::started(&rig, &Settings::default());
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    let before = daemon.log().len();
    fs::write(daemon.config(), "[project]\nname = \n").expect("the config");
    daemon.reload();
    let said = until(SOON, || daemon.log().get(before..).is_some_and(|new| new.contains("config")));
    assert!(said, "nobody hears that the config is broken:\n{}", daemon.log());
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
    assert!(daemon.runs());
}

#[test]
fn a_wrong_password_is_said_and_not_tried_again_and_again() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let mut daemon = Daemon::new(&rig, &Settings::default());
    daemon.set_password("not the password");
    rig.deliver("security", &report(1).raw);
    daemon.start();
    assert!(until(SOON, || rig.failed_logins() > 0), "{}", daemon.log());
    // A server that counts failures locks the account of whoever hammers.
    assert!(stays(2 * A_WHILE, || rig.failed_logins() == 1), "{} attempts", rig.failed_logins());
    assert!(daemon.runs(), "{}", daemon.log());
    let log = daemon.log().to_lowercase();
    assert!(log.contains("password") || log.contains("login"), "nobody hears of it:\n{log}");
    assert!(!log.contains("not the password"), "the password is in the log:\n{log}");
    let status = daemon.ask("status");
    assert!(status.as_ref().is_some_and(|status| status["healthy"] == false), "{status:?}");

    // Whoever mends it need not wait.
    daemon.set_password(crate::rig::PASSWORD);
    daemon.reload();
    daemon.wait_for(&rig, 1);
}

/// Message-IDs with and without angle brackets are the same.
fn same_id(found: Option<&str>, wanted: &str) -> bool {
    let bare = |id: &str| id.trim_matches(['<', '>']).to_owned();
    found.is_some_and(|found| bare(found) == bare(wanted))
}

/// A mail without what the servers on its way put above it.
fn as_sent(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(raw);
    let mut ours = Vec::new();
    let mut theirs = true;
    for line in text.split_inclusive('\n') {
        let trace = ["Return-Path:", "Delivered-To:", "Received:"].iter().any(|name| line.starts_with(name));
        theirs = theirs && (trace || line.starts_with([' ', '\t']));
        if !theirs {
            ours.extend_from_slice(line.as_bytes());
        }
    }
    ours
}

/// A generator of numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn a_forged_line_is_sent_and_found_beside_a_running_daemon() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let daemon = Daemon::started(&rig, &Settings::default());
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    let findings = daemon.check_online("[identity]\nauthserv_ids = [\"mx.example.test\"]\ndkim = false\n");
    let about = |f: &&serde_json::Value| f["text"].as_str().is_some_and(|t| t.starts_with("identity: a forged line"));
    let found = findings.iter().find(about).unwrap_or_else(|| panic!("{findings:#?}"));
    // Neither server takes such lines out, and both write their Received above.
    let text = found["text"].as_str().unwrap_or_default();
    assert!(found["good"] == true && found["known"] == true, "{findings:#?}");
    assert!(text.contains("came through, but below a Received line"), "{text}");
    assert!(says(&findings, true, "example.test comes into the inbox"), "{findings:#?}");
    has_only_own(&daemon, &rig, 2);
}

/// Whether one of the findings says so.
fn says(findings: &[serde_json::Value], good: bool, text: &str) -> bool {
    findings.iter().any(|f| f["good"] == good && f["text"].as_str().is_some_and(|t| t.contains(text)))
}

/// The daemon has taken in so many mails, each as its own.
#[track_caller]
fn has_only_own(daemon: &Daemon, rig: &Rig, mails: usize) {
    let own = || daemon.receipts().iter().filter(|r| r["disposition"] == "own").count();
    assert!(until(SOON, || own() == mails), "{}", daemon.standing(rig));
    let others = daemon.tickets().len() + daemon.notices().len() + daemon.receipts().len() - mails;
    assert_eq!(others, 0, "{}", daemon.standing(rig));
}

#[test]
fn a_folder_that_the_server_makes_for_a_tag_is_found() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    rig.reconfigure_dovecot("lmtp_save_to_detail_mailbox = yes\nlda_mailbox_autocreate = yes\n");
    let daemon = Daemon::started(&rig, &Settings::default());
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    let findings = daemon.check_online("[identity]\ndkim = false\n");
    assert!(says(&findings, false, "was made for it"), "{findings:#?}");
    has_only_own(&daemon, &rig, 0);
}

/// Postfix with `reject_sender_login_mismatch` refuses a tagged sender at RCPT.
#[test]
fn a_server_that_takes_only_the_plain_sender_gets_it() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    rig.reconfigure_postfix(
        "smtpd_sender_login_maps = inline:{security@example.test=security}\n\
         smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch\n",
    );
    let daemon = Daemon::started(&rig, &Settings::default());
    assert!(until(SOON, || daemon.has_looked()), "{}", daemon.standing(&rig));
    let findings = daemon.check_online("[identity]\ndkim = false\n");
    assert!(says(&findings, true, "refuses security+TOKEN@example.test as the envelope sender"), "{findings:#?}");
    assert!(says(&findings, true, "comes into the inbox"), "{findings:#?}");
    for number in 1..=2 {
        rig.deliver("security", &report(number).raw);
        daemon.wait_for(&rig, number);
    }
    assert!(until(SOON, || daemon.notices().iter().all(|n| n["state"] == "sent" && n["attempts"] == 1)));
    assert!(daemon.ask("status").is_some_and(|s| s["tag_refused_since"].is_string() && s["healthy"] == true));
    // Found out once.
    assert_eq!(daemon.log().matches("refuses tagged envelope senders").count(), 1, "{}", daemon.log());
    assert!(
        rig.mailbox("reporter").iter().all(|m| header(m, "Return-Path").as_deref() == Some("<security@example.test>"))
    );
}
