//! `disclosed check --online` before anything runs, with real servers: each set-up that cannot work is told, and what to
//! write.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{now, until};
use crate::rig::{PASSWORD, Rig};

/// What somebody may get wrong.
struct Written {
    tls: &'static str,
    imap: u16,
    smtp: u16,
    ca_file: Option<String>,
    more: &'static str,
    identity: &'static str,
}

impl Written {
    fn right(rig: &Rig) -> Self {
        Self {
            tls: "implicit",
            imap: rig.ports.imaps,
            smtp: rig.ports.submissions,
            ca_file: Some(rig.ca().display().to_string()),
            more: "",
            identity: "dkim = false\n",
        }
    }

    fn text(&self) -> String {
        let Self { tls, imap, smtp, more, identity, .. } = self;
        let ca = self.ca_file.as_ref().map_or_else(String::new, |file| format!("ca_file = \"{file}\"\n"));
        let login =
            format!("server = \"localhost\"\ntls = \"{tls}\"\n{ca}user = \"security\"\npassword_file = \"p\"\n");
        format!(
            "[project]\nname = \"E\"\naddress = \"security@example.test\"\n[inbox.imap]\n{login}port = {imap}\n{more}\
             [outgoing.smtp]\n{login}port = {smtp}\n[identity]\n{identity}[[person]]\nname = \"Bob\"\n\
             address = \"bob@example.test\"\n"
        )
    }

    fn checked(&self, rig: &Rig) -> Vec<Value> {
        let folder = rig.path("check");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("p"), PASSWORD).unwrap();
        fs::write(folder.join("config.toml"), self.text()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_disclosed"))
            .args(["check", "--online", "--json"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        document["findings"].as_array().unwrap().clone()
    }
}

#[track_caller]
fn says(findings: &[Value], good: bool, begins: &str, words: &str) {
    let found = |f: &Value| {
        let text = f["text"].as_str().unwrap_or_default();
        f["good"] == good && text.starts_with(begins) && text.contains(words)
    };
    assert!(findings.iter().any(found), "{begins} … {words}: {findings:#?}");
}

#[test]
fn what_cannot_work_is_told_within_seconds_and_what_to_write() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    let right = Written::right(&rig);
    rig.deliver("security", &mail("mx.elsewhere.test"));
    let findings = right.checked(&rig);
    says(&findings, true, "inbox: localhost:", "TLS, with a certificate by \"tests\" until ");
    says(&findings, true, "outgoing: localhost:", "TLS, with a certificate by \"tests\" until ");
    says(&findings, true, "inbox: the folder \"INBOX\" holds 1 mails", "run` lists them as earlier and answers nobody");
    says(&findings, true, "outgoing: localhost takes security+TOKEN@example.test as envelope sender", "nothing sent");
    assert_eq!(rig.mailbox("security").len(), 1, "nothing was sent");

    // A port of the other kind, both ways.
    let begun = now();
    let plain = Written { imap: rig.ports.imap, smtp: rig.ports.submission, ..Written::right(&rig) };
    for begins in ["inbox: ", "outgoing: "] {
        says(&plain.checked(&rig), false, begins, "write tls = \"starttls\"");
    }
    let late = Written { tls: "starttls", ..Written::right(&rig) };
    let findings = late.checked(&rig);
    for begins in ["inbox: ", "outgoing: "] {
        says(&findings, false, begins, "expects TLS from the first byte: write tls = \"implicit\"");
    }
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
    let plain = Written { tls: "starttls", ..plain };
    says(&plain.checked(&rig), true, "outgoing: localhost:", "TLS, with a certificate by \"tests\" until ");

    let unknown = Written { ca_file: None, ..Written::right(&rig) };
    let findings = unknown.checked(&rig);
    for begins in ["inbox: ", "outgoing: "] {
        says(&findings, false, begins, "the certificate is by \"tests\", an authority that this machine does not know");
        says(&findings, false, begins, "ca_file");
    }

    let folder = Written { more: "folder = \"Reports\"\n", ..Written::right(&rig) };
    says(
        &folder.checked(&rig),
        false,
        "inbox: the folder \"Reports\"",
        "there are \"Archive\", \"INBOX\", \"Junk\", \"Sent\"",
    );

    let of_the_example =
        Written { identity: "authserv_ids = [\"mx.example.org\"]\ndkim = false\n", ..Written::right(&rig) };
    let findings = of_the_example.checked(&rig);
    says(&findings, false, "identity: none of the 1 newest mails bears results", "\"mx.elsewhere.test\"");
}

/// A tagged sender that is refused at RCPT is found out with nothing sent.
#[test]
fn a_refused_sender_is_found_before_anything_is_sent() {
    let Some(rig) = Rig::dovecot_and_postfix() else { return };
    // It runs before it is told to read its config again.
    says(&Written::right(&rig).checked(&rig), true, "outgoing: localhost takes security+TOKEN@", "nothing sent");
    rig.reconfigure_postfix(
        "smtpd_sender_login_maps = inline:{security@example.test=security}\n\
         smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch\n",
    );
    let refused = || Written::right(&rig).checked(&rig);
    let words = "refuses security+TOKEN@example.test as the envelope sender";
    let found = |findings: &[Value]| findings.iter().any(|f| f["text"].as_str().is_some_and(|t| t.contains(words)));
    // Postfix reads its config again in its own time.
    assert!(until(std::time::Duration::from_secs(60), || found(&refused())), "{:#?}", refused());
    assert_eq!(rig.mailbox("security").len(), 0, "nothing was sent");
}

/// As it comes from a server that writes its results where no row reads them.
fn mail(id: &str) -> Vec<u8> {
    format!(
        "Received: from a by b with ESMTP id 1; Mon, 05 Jan 2026 10:00:00 +0000\r\nAuthentication-Results: {id}; \
         spf=pass smtp.mailfrom=reporter.test\r\nFrom: Reporter <reporter@reporter.test>\r\n\
         To: security@example.test\r\nSubject: x\r\nMessage-ID: <1@reporter.test>\r\n\r\nx\r\n"
    )
    .into_bytes()
}
