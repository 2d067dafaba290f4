//! From the greeting to the login.

use tokio::io::AsyncReadExt;

use super::*;
use crate::config::{Auth, Login, Secret};
use crate::imap::login;
use crate::net::{Endpoint, Tls};

fn login_of(user: &str, auth: Auth) -> Login {
    Login { user: user.into(), secret: Secret::Credential("imap".into()), auth }
}

async fn log_in(script: &str, user: &str, secret: &str, auth: Auth) -> Result<(), ImapError> {
    let to = Endpoint { server: "mail.example.org".into(), port: 993, tls: Tls::Implicit, ca_file: None };
    let (ours, theirs) = duplex(64 << 10);
    let server = tokio::spawn(play(script.into(), theirs));
    let mut wire = Wire::new(ours, Secrets::of(secret));
    let result = async {
        wire.greeting().await?;
        login::log_in(&mut wire, &login_of(user, auth), &to, secret).await
    }
    .await;
    drop(wire);
    server.await.unwrap().unwrap();
    result
}

fn greeted(capabilities: &str) -> String {
    format!("S: * OK ready\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 {capabilities}\nS: $ OK done\n")
}

#[tokio::test(start_paused = true)]
async fn every_way_to_log_in() {
    let check = async |capabilities: &str, script: &str, user: &str, secret: &str, auth: Auth| {
        log_in(&(greeted(capabilities) + script), user, secret, auth).await.expect(script);
    };
    // PLAIN, with and without the response in the command; what comes between is passed over.
    let plain = "C: AUTHENTICATE PLAIN AHNlYwBwdw==\nS: * CAPABILITY IMAP4rev1\nS: $ OK in\n";
    check("AUTH=PLAIN SASL-IR", plain, "sec", "pw", Auth::Password).await;
    let asked = "C: AUTHENTICATE PLAIN\nS: * OK wait\nS: +\nc: AHNlYwBwdw==\nS: $ OK in\n";
    check("AUTH=plain", asked, "sec", "pw", Auth::Password).await;
    // LOGIN, quoted, and as literals where quoting does not do.
    let quoted = r#"C: LOGIN "sec" "p\"w\\"
        S: $ OK in
        "#;
    check("", quoted, "sec", r#"p"w\"#, Auth::Password).await;
    let literal = "C: LOGIN \"sec\" {3}\nS: + go\nc: pü\nS: $ OK in\n";
    check("", literal, "sec", "pü", Auth::Password).await;
    let literals = "C: LOGIN {3}\nS: + go\nc: sé {3}\nS: + go\nc: pü\nS: $ OK in\n";
    check("", literals, "sé", "pü", Auth::Password).await;
    // "user=sec\x01auth=Bearer t\x01\x01"
    let xoauth2 = "C: AUTHENTICATE XOAUTH2 dXNlcj1zZWMBYXV0aD1CZWFyZXIgdAEB\nS: $ OK in\n";
    check("SASL-IR", xoauth2, "sec", "t", Auth::XOauth2).await;
    check("SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER", xoauth2, "sec", "t", Auth::OAuth2).await;
    // "n,a=s=2Cc,\x01host=mail.example.org\x01port=993\x01auth=Bearer t\x01\x01"
    let response = "bixhPXM9MkNjLAFob3N0PW1haWwuZXhhbXBsZS5vcmcBcG9ydD05OTMBYXV0aD1CZWFyZXIgdAEB";
    let bearer = format!("C: AUTHENTICATE OAUTHBEARER\nS: + \nc: {response}\nS: $ OK in\n");
    check("", &bearer, "s,c", "t", Auth::OauthBearer).await;
    check("AUTH=OAUTHBEARER", &bearer, "s,c", "t", Auth::OAuth2).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_told_apart() {
    let check = async |script: String, auth: Auth, is_refusal: bool| {
        let error = log_in(&script, "sec", "pw", auth).await.expect_err(&script);
        assert_eq!(error.is_login_refused(), is_refusal, "{error:?} after\n{script}");
        assert!(!error.to_string().contains("pw"));
        error
    };
    let plain = greeted("AUTH=PLAIN SASL-IR") + "C: AUTHENTICATE PLAIN AHNlYwBwdw==\n";
    check(plain.clone() + "S: $ NO [AUTHENTICATIONFAILED] no\n", Auth::Password, true).await;
    check(plain.clone() + "S: $ BAD no\nC: LOGIN \"sec\" \"pw\"\nS: $ NO no\n", Auth::Password, true).await;
    // A mechanism may be refused where the password is right; where it is wrong, it is not tried twice.
    let again = "S: $ NO not by this\nC: LOGIN \"sec\" \"pw\"\n";
    check(plain.clone() + again + "S: $ NO no\n", Auth::Password, true).await;
    assert!(log_in(&(plain.clone() + again + "S: $ OK in\n"), "sec", "pw", Auth::Password).await.is_ok());
    let disabled = greeted("AUTH=PLAIN SASL-IR LOGINDISABLED") + "C: AUTHENTICATE PLAIN AHNlYwBwdw==\n";
    check(disabled + "S: $ NO no\n", Auth::Password, true).await;
    check(plain.clone() + "S: $ NO [UNAVAILABLE] later\n", Auth::Password, false).await;
    check(plain.clone() + "S: * BYE too many\nclose\n", Auth::Password, false).await;
    check(plain.clone() + "close\n", Auth::Password, false).await;
    check(plain + "S: + \nc: \nS: + \nc: \nS: + \nc: \nS: + \nc: \nS: + \n", Auth::Password, false).await;
    check(greeted("LOGINDISABLED"), Auth::Password, true).await;
    // The description of the error has to be answered before the refusal comes.
    let token = greeted("SASL-IR") + "C: AUTHENTICATE XOAUTH2 dXNlcj1zZWMBYXV0aD1CZWFyZXIgcHcBAQ==\n";
    check(token + "S: + eyJzdGF0dXMiOiI0MDAifQ==\nc: \nS: $ NO no\n", Auth::XOauth2, true).await;
    let token = "bixhPXNlYywBaG9zdD1tYWlsLmV4YW1wbGUub3JnAXBvcnQ9OTkzAWF1dGg9QmVhcmVyIHB3AQE=";
    let token = format!("{}C: AUTHENTICATE OAUTHBEARER\nS: + \nc: {token}\n", greeted(""));
    check(token + "S: + eyJzdGF0dXMiOiI0MDAifQ==\nc: AQ==\nS: $ NO no\n", Auth::OauthBearer, true).await;
    for greeting in ["S: * PREAUTH hello\n", "S: * NO\n", "S: HTTP/1.1 400 Bad Request\n", "S: * BYE full\n", "close\n"]
    {
        check(greeting.into(), Auth::Password, false).await;
    }
    for (user, secret) in [("", "pw"), ("sec", ""), ("sec\r\nD2 LOGOUT", "pw"), ("sec", "pw\n"), ("sec", "p\0w")] {
        let error = log_in("S: * OK ready\n", user, secret, Auth::Password).await.unwrap_err();
        assert!(matches!(error, ImapError::Unfit(_)), "{error:?}");
    }
}

/// What stands behind the answer to STARTTLS is left to the handshake, and nothing but OK leads to one.
#[tokio::test(start_paused = true)]
async fn starttls_reads_not_one_octet_too_many() {
    let (mut ours, theirs) = duplex(1024);
    let script = "S: * OK ready\nC: STARTTLS\nS: * OK wait\nS: $ OK go\\r\\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\nclose\n";
    let server = tokio::spawn(play(script.into(), theirs));
    login::ask_for_tls(&mut ours, &Secrets::none()).await.unwrap();
    server.await.unwrap().unwrap();
    let mut rest = String::new();
    ours.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n");

    for script in [
        "S: * PREAUTH hello\n",
        "S: * BYE full\n",
        "close\n",
        "stall\n",
        "S: * OK ready\nC: STARTTLS\nS: $ NO not here\n",
        "S: * OK ready\nC: STARTTLS\nS: $ BAD what\n",
        "S: * OK ready\nC: STARTTLS\nS: D9 OK another\n",
        "S: * OK ready\nC: STARTTLS\nS: * BYE no\n",
        "S: * OK ready\nC: STARTTLS\nstall\n",
        &format!("S: {}\n", "x".repeat(9000)),
        &format!("S: * OK ready\nC: STARTTLS\n{}", "S: * OK\n".repeat(60)),
    ] {
        let (mut ours, theirs) = duplex(64 << 10);
        let server = tokio::spawn(play(script.into(), theirs));
        login::ask_for_tls(&mut ours, &Secrets::none()).await.expect_err(script);
        server.abort();
    }
}

/// Wherever a server says the secret back, it is in no error.
#[tokio::test(start_paused = true)]
async fn no_secret_comes_back() {
    let (plain, secret) = ("AHNlYwBodW50ZXIgdHdv", "hunter two");
    for said in
        [format!("no AUTHENTICATE PLAIN {plain}"), "no LOGIN \"sec\" \"Hunter Two\"".into(), plain.to_lowercase()]
    {
        let asked = greeted("AUTH=PLAIN SASL-IR") + "C: AUTHENTICATE PLAIN " + plain + "\n";
        for script in [
            format!("{asked}S: $ NO {said}\nC: LOGIN \"sec\" \"hunter two\"\nS: $ NO {said}\n"),
            format!("{asked}S: $ BAD [LIMIT] {said}\n"),
            format!("{asked}S: * BYE {said}\nclose\n"),
            format!("S: * OK ready\nC: CAPABILITY\nS: $ NO {said}\n"),
            format!("S: * BYE {said}\nclose\n"),
        ] {
            let error = log_in(&script, "sec", secret, Auth::Password).await.unwrap_err();
            assert!(
                error.to_string().ends_with("(the text is left out: it may hold the secret of the login)"),
                "{error}"
            );
            assert!(!format!("{error:?}").to_lowercase().contains("hunter"), "{error:?}");
        }
        for script in [format!("S: * BYE {said}\n"), format!("S: * OK ready\nC: STARTTLS\nS: $ NO {said}\n")] {
            let (mut ours, theirs) = duplex(1024);
            let server = tokio::spawn(play(script, theirs));
            let error = login::ask_for_tls(&mut ours, &Secrets::of(secret)).await.unwrap_err();
            assert!(error.to_string().contains("(the text is left out"), "{error}");
            server.abort();
        }
    }
}
