//! Logins with access tokens: a token server of our own, and a Dovecot that asks it about each token.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::daemon::{Daemon, SOON, Settings, report};
use crate::process::{Process, stays, until};
use crate::rig::Rig;
use crate::tokens::{ACCOUNT, CLIENT_SECRET, Tokens};

const HOUR: Duration = Duration::from_secs(3600);

/// RFC 6749 section 4.4, and XOAUTH2. The token is called back under each of the two logins.
#[test]
fn an_application_gets_another_token_where_one_is_called_back() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    let tokens = Tokens::new(&rig, HOUR);
    tokens.teach(&mut rig, "xoauth2");
    let mut daemon = Daemon::new(&rig, &Settings::default());
    daemon.take_tokens(&rig, tokens.port, "client_secret_file = \"client-secret\"");
    daemon.write_secret("client-secret", CLIENT_SECRET);
    let findings = daemon.check_online("");
    let says = |text: &str| findings.iter().any(|f| f["good"] == true && f["text"].to_string().contains(text));
    assert!(says("the login works") && says("lets us in"), "{findings:#?}");
    daemon.start();
    rig.deliver("security", &report(1).raw);
    daemon.wait_for(&rig, 1);
    assert_eq!((tokens.given(), tokens.refused()), (2, 0), "one for the check, one for both logins of the daemon");

    tokens.call_back();
    rig.stop();
    rig.start();
    rig.deliver("security", &report(2).raw);
    daemon.wait_for(&rig, 2);
    assert_eq!((tokens.given(), tokens.refused()), (1, 1), "{}", daemon.log());

    // The session that reads stands; what sends logs in anew, once its sessions have rested for 5 s.
    assert!(stays(Duration::from_secs(7), || daemon.runs()));
    tokens.call_back();
    rig.deliver("security", &report(3).raw);
    assert!(until(SOON, || tokens.given() == 1), "{}", daemon.standing(&rig));
    // What met the refusal is tried again after a minute or so; what is new leaves with the new token.
    rig.deliver("security", &report(4).raw);
    assert!(until(SOON, || rig.mailbox("reporter").len() >= 3), "{}", daemon.standing(&rig));
    assert_eq!(daemon.ask("status").map(|s| s["healthy"].clone()), Some(true.into()), "{}", daemon.standing(&rig));

    // Now the client secret has ended: one more question, and then people are told.
    tokens.refuse("invalid_client");
    tokens.call_back();
    rig.stop();
    rig.start();
    let told = || daemon.notices().iter().any(|n| n["kind"] == "trouble");
    assert!(until(SOON, told), "{}", daemon.standing(&rig));
    let log = daemon.log();
    assert!(log.contains("client_id") && !log.contains("not this time"), "{log}");
    for secret in [CLIENT_SECRET, "access-token-"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// RFC 7523: the account signs for the mailbox of each login.
#[test]
fn a_service_account_logs_in_for_the_mailbox() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    let tokens = Tokens::new(&rig, HOUR);
    tokens.teach(&mut rig, "xoauth2 oauthbearer");
    let daemon = Daemon::new(&rig, &Settings::default());
    daemon.take_tokens(&rig, tokens.port, "service_account_file = \"account\"");
    daemon.write_secret("account", ACCOUNT);
    let findings = daemon.check_online("");
    let says = |text: &str| findings.iter().any(|f| f["good"] == true && f["text"].to_string().contains(text));
    assert!(says("the login works") && says("lets us in"), "{findings:#?}");
    assert_eq!((tokens.given(), tokens.refused()), (1, 0));
    daemon.write_secret("account", &ACCOUNT.replace("disclosed@", "another@"));
    let findings = daemon.check_online("");
    let says = |text: &str| findings.iter().any(|f| f["good"] == false && f["text"].to_string().contains(text));
    assert!(says("says no: invalid_grant") && says("delegation"), "{findings:#?}");
}

/// RFC 8628, and OAUTHBEARER. Tokens end after seconds, and each refresh token is good once: whoever shows an old one, or
/// uses a token that has ended, is found out.
#[test]
fn a_person_allows_it_once_and_it_goes_on() {
    let Some(mut rig) = Rig::dovecot_and_postfix() else { return };
    let tokens = Tokens::new(&rig, Duration::from_secs(6));
    tokens.teach(&mut rig, "oauthbearer");
    let mut daemon = Daemon::new(&rig, &Settings::default());
    let device = format!("device_url = \"https://localhost:{}/device\"", tokens.port);
    daemon.take_tokens(&rig, tokens.port, &device);
    let kept = rig.path("daemon/disclosed.login");

    let said = std::fs::File::create(rig.path("login.said")).expect("a file");
    let mut login = Process::spawn(
        Command::new(env!("CARGO_BIN_EXE_disclosed"))
            .arg("--config")
            .arg(daemon.config())
            .arg("login")
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a second handle"))
            .stderr(said),
    );
    let read = || std::fs::read_to_string(rig.path("login.said")).unwrap_or_default();
    assert!(until(SOON, || read().contains("WDJB-MJHT")), "{}", read());
    assert!(read().contains("https://localhost/device") && login.ended().is_none() && !kept.exists());
    tokens.allow();
    assert!(login.wait(SOON).is_some_and(|status| status.success()), "{}", read());
    let first = std::fs::read_to_string(&kept).expect("it is kept");

    daemon.start();
    for n in 1..=3 {
        rig.deliver("security", &report(n).raw);
        daemon.wait_for(&rig, n);
        assert!(stays(Duration::from_secs(4), || daemon.runs()));
    }
    // Another process with the same refresh token.
    daemon.check_online("");
    rig.deliver("security", &report(4).raw);
    daemon.wait_for(&rig, 4);
    let shown = tokens.shown();
    let mut once = shown.clone();
    once.dedup();
    assert!(shown.len() >= 3 && shown == once, "{shown:?}");
    assert_eq!(tokens.refused(), 0, "{}", daemon.log());
    let last = std::fs::read_to_string(&kept).expect("it is kept");
    assert!(last != first && !daemon.log().contains("refresh-token"), "{last}");
}
