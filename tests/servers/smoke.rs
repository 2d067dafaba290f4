//! The rig itself does what the tests of the daemon rely on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::process::{stays, until};
use crate::rig::{PASSWORD, Rig};
use crate::wire::Wire;

const MAIL: &[u8] = b"From: <reporter@reporter.test>\r\nTo: <security@example.test>\r\nSubject: overflow\r\n\
    Message-ID: <1@reporter.test>\r\n\r\n.A line that begins with a dot.\r\n";

const SOON: Duration = Duration::from_secs(30);

fn holds(mails: &[Vec<u8>], text: &str) -> bool {
    mails.iter().any(|raw| String::from_utf8_lossy(raw).contains(text))
}

#[test]
fn a_delivered_mail_is_seen_by_imap_and_on_the_disk() {
    let Some(rig) = Rig::dovecot() else { return };
    rig.deliver("security+tag", MAIL);
    let mails = rig.mailbox("security");
    assert_eq!(mails.len(), 1);
    assert!(holds(&mails, "\n.A line that begins with a dot."), "{mails:?}");
    assert_eq!(rig.imap_command("security", "INBOX", "UID SEARCH ALL"), ["* SEARCH 1"]);
    assert!(rig.mailbox("bob").is_empty());
}

#[test]
fn an_appended_mail_keeps_its_date_and_a_second_client_can_flag_move_and_expunge() {
    let Some(rig) = Rig::dovecot() else { return };
    rig.append("security", "INBOX", "(\\Flagged) \"02-Jan-2020 03:04:05 +0000\"", MAIL);
    rig.append("security", "INBOX", "", MAIL);
    let fetched = rig.imap_command("security", "INBOX", "UID FETCH 1 (FLAGS INTERNALDATE)").join("\n");
    assert!(fetched.contains("\"02-Jan-2020 03:04:05 +0000\"") && fetched.contains("\\Flagged"), "{fetched}");

    rig.imap_command("security", "INBOX", "UID STORE 1 +FLAGS (\\Seen)");
    assert_eq!(rig.imap_command("security", "INBOX", "UID SEARCH SEEN"), ["* SEARCH 1"]);
    rig.imap_command("security", "INBOX", "UID MOVE 1 Archive");
    assert_eq!(rig.imap_command("security", "Archive", "UID SEARCH ALL"), ["* SEARCH 1"]);
    rig.imap_command("security", "INBOX", "UID STORE 2 +FLAGS (\\Deleted)");
    rig.imap_command("security", "INBOX", "EXPUNGE");
    assert_eq!(rig.imap_command("security", "INBOX", "UID SEARCH ALL"), ["* SEARCH"]);
    assert!(rig.mailbox("security").is_empty());
}

#[test]
fn imap_speaks_tls_at_once_and_by_starttls() {
    let Some(rig) = Rig::dovecot() else { return };
    Wire::tls(rig.ports.imaps, &rig.ca(), None).imap_login("bob", PASSWORD);
    let mut wire = Wire::tls(rig.ports.imap, &rig.ca(), Some("imap"));
    // The greeting came before TLS.
    wire.imap("NOOP");
}

#[test]
fn a_frozen_server_does_not_answer_and_a_stopped_one_comes_back() {
    let Some(mut rig) = Rig::dovecot() else { return };
    rig.deliver("bob", MAIL);
    let mut wire = Wire::plain(rig.ports.imap);
    wire.imap_login("bob", PASSWORD);
    rig.freeze();
    wire.send("x NOOP");
    let answered = AtomicBool::new(false);
    let silent = std::thread::scope(|scope| {
        let silent = scope.spawn(|| {
            let silent = stays(Duration::from_millis(300), || !answered.load(Ordering::Relaxed));
            rig.thaw();
            silent
        });
        assert!(wire.line().starts_with("x OK"));
        answered.store(true, Ordering::Relaxed);
        silent.join().expect("no panic")
    });
    assert!(silent, "it answered while frozen");
    rig.stop();
    rig.start();
    assert_eq!(rig.imap_command("bob", "INBOX", "UID SEARCH ALL"), ["* SEARCH 1"]);
}

#[test]
fn uids_can_lose_their_meaning() {
    let Some(mut rig) = Rig::dovecot() else { return };
    rig.deliver("security", MAIL);
    let before = rig.uidvalidity("security");
    rig.imap_command("security", "INBOX", "NOOP");
    rig.rm_uidlist("security");
    assert_eq!(rig.uidvalidity("security"), before);
    assert_eq!(rig.imap_command("security", "INBOX", "UID SEARCH ALL"), ["* SEARCH 2"]);
    rig.reset_uidvalidity("security");
    assert_ne!(rig.uidvalidity("security"), before);
    assert_eq!(rig.mailbox("security").len(), 1);
}

#[test]
fn a_wrong_password_is_counted() {
    let Some(rig) = Rig::dovecot() else { return };
    let mut wire = Wire::plain(rig.ports.imap);
    wire.line();
    wire.send("x LOGIN bob wrong");
    assert!(wire.line().starts_with("x NO"));
    assert!(until(SOON, || rig.failed_logins() == 1), "{}", rig.log());
}

#[test]
fn postfix_hands_mail_to_dovecot() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    rig.send("reporter@reporter.test", "security+tag@example.test", MAIL);
    assert!(until(SOON, || holds(&rig.mailbox("security"), "overflow")));
}

#[test]
fn postfix_takes_mail_from_a_user_over_tls() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let submit = |mut wire: Wire, subject: &str| {
        wire.send("EHLO tests");
        wire.reply("250");
        wire.auth_plain("security", PASSWORD);
        wire.mail(
            "security@example.test",
            "reporter@reporter.test",
            format!("Subject: {subject}\r\n\r\n\r\n").as_bytes(),
        );
    };
    let mut implicit = Wire::tls(rig.ports.submissions, &rig.ca(), None);
    implicit.reply("220");
    submit(implicit, "by 465");
    submit(Wire::tls(rig.ports.submission, &rig.ca(), Some("smtp")), "by 587");
    assert!(until(SOON, || holds(&rig.mailbox("reporter"), "by 465") && holds(&rig.mailbox("reporter"), "by 587")));

    let mut plain = Wire::plain(rig.ports.submission);
    plain.reply("220");
    plain.send("EHLO tests");
    plain.reply("250");
    plain.send("MAIL FROM:<security@example.test>");
    plain.reply("530");
}
