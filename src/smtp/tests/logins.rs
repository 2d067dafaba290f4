//! How the server is entered.

use std::path::Path;

use super::*;
use crate::oauth::Grant;
use crate::oauth::tests::{Server, token};

#[tokio::test(start_paused = true)]
async fn each_mechanism() {
    let challenge: &[u8] = b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n";
    let ok: &[u8] = b"235 ok\r\n";
    for (auth, answer, expect, line) in [
        (Auth::XOauth2, ok, "sent", Some("user=security@example.org\x01auth=Bearer t0ken\x01\x01")),
        (Auth::XOauth2, challenge, "closed", None),
        (Auth::OauthBearer, ok, "sent", Some("n,a=security@example.org,\x01auth=Bearer t0ken\x01\x01")),
        (Auth::OauthBearer, challenge, "closed", None),
        (Auth::OAuth2, ok, "sent", Some("user=security@example.org\x01auth=Bearer t0ken\x01\x01")),
        (Auth::Password, b"250 ok\r\n", "away", None),
        (Auth::Password, challenge, "closed", None),
    ] {
        let (ours, theirs) = tokio::io::duplex(1024);
        let server = tokio::spawn(serve(theirs, vec![("AUTH", Do::Say(answer))]));
        let outcome = over(ours, auth, "t0ken", MAIL).await;
        assert_eq!(kind(&outcome).0, expect, "{auth:?} {outcome:?}");
        let seen = server.await.unwrap();
        if let Some(line) = line {
            let sent = seen.commands[1].rsplit(' ').next().unwrap();
            assert_eq!(BASE64.decode(sent.as_bytes()).unwrap(), line.as_bytes());
        }
        if answer == challenge {
            assert!(format!("{outcome:?}").contains("401"), "{outcome:?}");
        }
    }
}

/// Whatever a server says back of the login, at whichever step, is told nowhere; the code is.
#[tokio::test(start_paused = true)]
async fn no_secret_comes_back() {
    let sent = BASE64.encode(b"\0security@example.org\0hunter two");
    let part = sent.split_at(34).1.to_lowercase();
    let json = BASE64.encode(b"{\"status\":\"400\",\"token\":\"hunter two\"}");
    for step in STEPS {
        for text in [format!("5.7.8 no AUTH PLAIN {sent}"), "Hunter Two".into(), format!("no\r\n535 {sent}")] {
            for code in [535, 454, 250] {
                let reply = format!("{code} {}\r\n", text.replace("\r\n535", &format!("\r\n{code}")));
                let reply = if text.contains('\n') { reply.replacen(' ', "-", 1) } else { reply };
                let script = vec![(step, Do::Say(Box::leak(reply.into_bytes().into_boxed_slice())))];
                let (ours, theirs) = tokio::io::duplex(1024);
                tokio::spawn(serve(theirs, script));
                let outcome = over(ours, Auth::Password, "hunter two", MAIL).await;
                let shown = format!("{outcome:?}").to_lowercase();
                assert!(!shown.contains("hunter") && !shown.contains(&part), "{step} {shown}");
                assert!(code == 250 || shown.contains(&format!("\"{code} (the text is left out")), "{step} {shown}");
            }
        }
    }
    let (ours, theirs) = tokio::io::duplex(1024);
    let challenge = Box::leak(format!("334 {json}\r\n").into_bytes().into_boxed_slice());
    tokio::spawn(serve(theirs, vec![("AUTH", Do::Say(challenge))]));
    let outcome = over(ours, Auth::XOauth2, "hunter two", MAIL).await;
    assert!(format!("{outcome:?}").contains("left out"), "{outcome:?}");
}

/// Where there is no PLAIN, the server asks for the user and for the password.
#[tokio::test(start_paused = true)]
async fn a_password_goes_by_login_where_there_is_no_plain() {
    let (outcome, seen) = scripted(vec![
        ("EHLO", Do::Say(b"250-mx.example.org\r\n250 AUTH LOGIN\r\n")),
        ("AUTH", Do::Say(b"334 VXNlcm5hbWU6\r\n")),
        ("C2VJDXJPDHLAZXHHBXBSZS5VCMC=", Do::Say(b"334 UGFzc3dvcmQ6\r\n")),
        ("C2VJCMV0", Do::Say(b"235 2.7.0 ok\r\n")),
    ])
    .await;
    assert_eq!(kind(&outcome), ("sent", None), "{outcome:?}");
    assert_eq!(seen.commands[1..4], ["AUTH LOGIN", "c2VjdXJpdHlAZXhhbXBsZS5vcmc=", "c2VjcmV0"]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_cannot_work_is_ours_to_mend() {
    let (ours, theirs) = tokio::io::duplex(1024);
    tokio::spawn(serve(theirs, vec![]));
    assert_eq!(kind(&over(ours, Auth::Password, "two\nlines", MAIL).await), ("closed", Some(Stage::Auth)));
    let (ours, theirs) = tokio::io::duplex(1024);
    tokio::spawn(serve(theirs, vec![]));
    assert_eq!(kind(&over(ours, Auth::XOauth2, "", MAIL).await), ("closed", Some(Stage::Auth)));

    let no_auth = Do::Say(b"250 mx.example.org\r\n");
    assert_eq!(kind(&scripted(vec![("EHLO", no_auth)]).await.0), ("closed", Some(Stage::Auth)));
}

/// A server that refuses PLAIN, and takes the same password by LOGIN where `works`.
fn no_plain(works: bool) -> Vec<(&'static str, Do)> {
    let last: &[u8] = if works { b"235 2.7.0 ok\r\n" } else { b"535 5.7.8 no\r\n" };
    vec![
        ("AUTH PLAIN", Do::Say(b"535 5.7.8 not by this mechanism\r\n")),
        ("AUTH LOGIN", Do::Say(b"334 VXNlcm5hbWU6\r\n")),
        ("C2VJDXJPDHLAZXHHBXBSZS5VCMC=", Do::Say(b"334 UGFzc3dvcmQ6\r\n")),
        ("C2VJCMV0", Do::Say(last)),
    ]
}

/// What works is found out once; what does not is not tried twice as often.
#[tokio::test(start_paused = true)]
async fn a_password_goes_by_login_where_plain_is_refused() {
    for (works, expect, first, then) in [
        (true, "sent", &["AUTH PLAIN", "AUTH LOGIN"][..], &["AUTH LOGIN"][..]),
        (false, "closed", &["AUTH PLAIN", "AUTH LOGIN"], &["AUTH PLAIN"]),
    ] {
        let habit = Habit::default();
        for tried in [first, then, then] {
            let (ours, theirs) = tokio::io::duplex(1024);
            let server = tokio::spawn(serve(theirs, no_plain(works)));
            let outcome = with_habit(ours, (Auth::Password, "secret"), MAIL, Keeper::Nobody, &habit).await.unwrap();
            assert_eq!(kind(&outcome).0, expect, "{outcome:?}");
            let seen = server.await.unwrap();
            let auths = seen.commands.iter().filter(|c| c.starts_with("AUTH"));
            let mechanisms: Vec<_> =
                auths.map(|c| c.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
            assert_eq!(mechanisms, tried);
        }
    }
}

/// Of the two mechanisms for tokens the one that the server offers.
#[tokio::test(start_paused = true)]
async fn a_token_goes_by_the_mechanism_that_is_offered() {
    for (offer, expect) in [("AUTH PLAIN XOAUTH2", "AUTH XOAUTH2"), ("AUTH OAUTHBEARER", "AUTH OAUTHBEARER")] {
        let (ours, theirs) = tokio::io::duplex(1024);
        let offer = Box::leak(format!("250-mx.example.org\r\n250 {offer}\r\n").into_bytes().into_boxed_slice());
        let server = tokio::spawn(serve(theirs, vec![("EHLO", Do::Say(offer))]));
        assert_eq!(kind(&over(ours, Auth::OAuth2, "t0ken", MAIL).await).0, "sent");
        let seen = server.await.unwrap();
        assert!(seen.commands[1].starts_with(expect), "{seen:?}");
    }
}

/// A token that was known from before may have been called back: the next try has another one. If that is refused too,
/// a person has to mend something.
#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_anew_once() {
    let tokens = Server::new(&["one", "two", "three"].map(|name| token(name, None))).await;
    let source = tokens.source(Grant::Application, Path::new("none"));
    let user = "security@example.org".to_owned();
    let secret = Secret::Token { source, with: None, user: user.clone() };
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap().port(), Tls::None, None);
    let config = SmtpConfig { endpoint, login: Some(Login { user, secret, auth: Auth::OAuth2 }), connections: 1 };
    let sends = async |reply: &'static [u8]| {
        let secret = config.secret().await.unwrap();
        let served = async { serve(listener.accept().await.unwrap().0, vec![("AUTH", Do::Say(reply))]).await };
        let (outcome, seen) = tokio::join!(send_null(&config, secret.as_ref(), MAIL), served);
        let sent = BASE64.decode(seen.commands[1].rsplit(' ').next().unwrap().as_bytes()).unwrap();
        let sent = String::from_utf8(sent).unwrap();
        let token = sent.rsplit("Bearer ").next().unwrap().trim_end_matches('\x01').to_owned();
        (token, kind(&outcome).0)
    };
    let refused: &[u8] = b"535 5.7.3 Authentication unsuccessful\r\n";
    assert_eq!(sends(b"235 ok\r\n").await, ("one".into(), "sent"));
    assert_eq!(sends(refused).await, ("one".into(), "away"));
    assert_eq!(sends(refused).await, ("two".into(), "closed"));
    assert_eq!(sends(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n").await, ("three".into(), "closed"));
}
