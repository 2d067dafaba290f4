//! A scripted server at the other end of a duplex pipe, in virtual time; TLS over loopback TCP.

mod leave;
mod logins;
mod rested;
mod senders;
mod steps;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::net::TcpListener;

use super::*;
use crate::config::Secret;
use crate::net::Endpoint;

const MAIL: &[u8] = b"Subject: x\r\n\r\nHello\r\n.\r\n..\r\nend\r\n";
const STEPS: [&str; 7] = ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "content"];

/// What the server does at one step.
#[derive(Clone, Debug)]
enum Do {
    Say(&'static [u8]),
    /// After so long.
    Late(&'static [u8], Duration),
    /// Octet by octet, so long before each.
    Drip(&'static [u8], Duration),
    Hang,
    Close,
}

/// What the server saw.
#[derive(Debug, Default)]
struct Seen {
    commands: Vec<String>,
    mails: Vec<Vec<u8>>,
}

fn usual(step: &str) -> Do {
    Do::Say(match step {
        "greeting" => b"220 mx.example.org ESMTP\r\n",
        "EHLO" => b"250-mx.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n",
        "AUTH" => b"235 2.7.0 ok\r\n",
        "MAIL" | "RCPT" => b"250 2.1.0 ok\r\n",
        "DATA" => b"354 go on\r\n",
        "STARTTLS" => b"220 go on\r\n",
        "content" => b"250 2.0.0 queued as 4711\r\n",
        "QUIT" => b"221 bye\r\n",
        _ => b"500 what?\r\n",
    })
}

/// Serves one connection; `script` replaces the usual answer to a step.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, script: Vec<(&'static str, Do)>) -> Seen {
    let mut stream = BufReader::new(stream);
    let mut seen = Seen::default();
    let mut step = "greeting".to_owned();
    loop {
        let scripted = script.iter().find(|(at, _)| *at == step).map(|(_, what)| what.clone());
        match scripted.unwrap_or_else(|| usual(&step)) {
            Do::Hang => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return seen;
            }
            Do::Close => return seen,
            Do::Say(reply) | Do::Late(reply, _) | Do::Drip(reply, _) => {
                let (first, each) = match script.iter().find(|(at, _)| *at == step) {
                    Some((_, Do::Late(_, wait))) => (*wait, Duration::ZERO),
                    Some((_, Do::Drip(_, wait))) => (Duration::ZERO, *wait),
                    _ => (Duration::ZERO, Duration::ZERO),
                };
                tokio::time::sleep(first).await;
                if each.is_zero() {
                    let _ = stream.write_all(reply).await;
                }
                for octet in reply.iter().filter(|_| !each.is_zero()) {
                    tokio::time::sleep(each).await;
                    let _ = stream.write_all(&[*octet]).await;
                }
                let _ = stream.flush().await;
                if step == "DATA" && reply.starts_with(b"354") {
                    let mut mail = Vec::new();
                    while !mail.ends_with(b"\r\n.\r\n") {
                        if stream.read_until(b'\n', &mut mail).await.unwrap_or(0) == 0 {
                            return seen;
                        }
                    }
                    seen.mails.push(mail);
                    step = "content".to_owned();
                    continue;
                }
            }
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return seen;
        }
        // A script may tell the mechanisms apart.
        let words: Vec<String> = line.split_whitespace().take(2).map(str::to_ascii_uppercase).collect();
        let both = words.join(" ");
        let told_apart = script.iter().any(|(at, _)| *at == both);
        step = if told_apart { both } else { words.first().cloned().unwrap_or_default() };
        seen.commands.push(line.trim_end().to_owned());
        if step == "STARTTLS" && !script.iter().any(|(at, _)| *at == step) {
            let _ = stream.write_all(b"220 go on\r\n").await;
            return seen;
        }
    }
}

fn login(auth: Auth) -> Login {
    Login { user: "security@example.org".into(), secret: Secret::Credential("smtp".into()), auth }
}

fn secret() -> Password {
    Password::parse(b"secret".to_vec(), "a test").unwrap()
}

fn to() -> Address {
    Address::parse("reporter@example.test").unwrap()
}

async fn over(stream: DuplexStream, auth: Auth, secret: &str, bytes: &[u8]) -> Outcome {
    guarded(stream, auth, secret, bytes, Keeper::Nobody).await.expect("nobody has to give leave")
}

async fn guarded(stream: DuplexStream, auth: Auth, secret: &str, bytes: &[u8], keeper: Keeper) -> Option<Outcome> {
    with_habit(stream, (auth, secret), bytes, keeper, &Habit::default()).await
}

async fn with_habit(
    stream: DuplexStream,
    (auth, secret): (Auth, &str),
    bytes: &[u8],
    keeper: Keeper,
    habit: &Habit,
) -> Option<Outcome> {
    let open = async |_: &mut Stage, gate| Ok(Box::new(Wire::new(stream).behind(gate)) as Box<dyn AsyncTokioStream>);
    let from = Address::parse("security+bounce@example.org").unwrap();
    let letter = Letter { from: Some(&from), to: &to(), bytes };
    let config = SmtpConfig { endpoint: endpoint(1, Tls::None, None), login: Some(login(auth)), connections: 1 };
    let secret = Password::parse(secret.as_bytes().to_vec(), "a test").ok();
    let account = Account { config: &config, secret: secret.as_ref(), habit };
    let (outcome, session) = transact(open, account, letter, keeper, None).await;
    session.into_iter().for_each(|session| session.leave());
    outcome
}

/// Sends from the null sender.
async fn send_null(config: &SmtpConfig, secret: Option<&Password>, bytes: &[u8]) -> Outcome {
    send_at_once(config, secret, Letter { from: None, to: &to(), bytes }).await
}

async fn scripted(script: Vec<(&'static str, Do)>) -> (Outcome, Seen) {
    let (ours, theirs) = tokio::io::duplex(1024);
    let server = tokio::spawn(serve(theirs, script));
    let outcome = over(ours, Auth::Password, "secret", MAIL).await;
    (outcome, server.await.unwrap())
}

/// The outcome's kind and stage; `None` for a stage where there is none.
fn kind(outcome: &Outcome) -> (&'static str, Option<Stage>) {
    match outcome {
        Outcome::Sent(said) => ("sent", said.stage),
        Outcome::Deferred(said) => ("deferred", said.stage),
        Outcome::Refused(said) => ("refused", said.stage),
        Outcome::Unclear(said) => ("unclear", said.stage),
        Outcome::Unknown(said) => ("unknown", said.stage),
        Outcome::Closed(said) => ("closed", said.stage),
        Outcome::Away(said) => ("away", said.stage),
        Outcome::Slower(said) => ("slower", said.stage),
    }
}

fn stage_of(step: &str) -> Stage {
    match step {
        "greeting" | "EHLO" => Stage::Hello,
        "AUTH" => Stage::Auth,
        "MAIL" => Stage::Mail,
        "RCPT" => Stage::Rcpt,
        "DATA" => Stage::Data,
        "content" => Stage::Content,
        other => panic!("{other}"),
    }
}

/// What a step comes to that is not answered.
fn unanswered(step: &str) -> &'static str {
    if ["greeting", "EHLO", "AUTH"].contains(&step) { "away" } else { "deferred" }
}

#[tokio::test(start_paused = true)]
async fn one_mail_arrives_as_it_is() {
    let (outcome, seen) = scripted(vec![]).await;
    assert_eq!(outcome, Outcome::Sent("250 2.0.0 queued as 4711".into()));
    assert_eq!(seen.mails, [b"Subject: x\r\n\r\nHello\r\n..\r\n...\r\nend\r\n.\r\n"]);
    assert_eq!(
        seen.commands,
        [
            "EHLO [127.0.0.1]",
            &format!("AUTH PLAIN {}", BASE64.encode(b"\0security@example.org\0secret")),
            "MAIL FROM:<security+bounce@example.org>",
            "RCPT TO:<reporter@example.test>",
            "DATA",
            "QUIT",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hang_ends_in_time() {
    for step in STEPS {
        let start = tokio::time::Instant::now();
        let (outcome, _) = scripted(vec![(step, Do::Hang)]).await;
        let expect = if step == "content" { ("unknown", None) } else { (unanswered(step), Some(stage_of(step))) };
        assert_eq!(kind(&outcome), expect, "{step}");
        let limit = if step == "content" { CONTENT_TIMEOUT } else { STEP_TIMEOUT };
        assert!(start.elapsed() <= limit + QUIT_TIMEOUT, "{step}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_slow_at_every_step_is_given_up() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let start = tokio::time::Instant::now();
    tokio::spawn(async move {
        let mut stream = BufReader::new(theirs);
        for step in ["greeting", "EHLO", "AUTH", "MAIL", "RCPT"] {
            tokio::time::sleep(Duration::from_secs(140)).await;
            let Do::Say(reply) = usual(step) else { panic!() };
            stream.write_all(reply).await.unwrap();
            stream.read_line(&mut String::new()).await.unwrap();
        }
    });
    let outcome = over(ours, Auth::Password, "secret", MAIL).await;
    assert_eq!(kind(&outcome).0, "deferred");
    assert_eq!(start.elapsed(), BEFORE_CONTENT_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_hang_at_quit_changes_nothing() {
    for what in [Do::Hang, Do::Close] {
        let start = tokio::time::Instant::now();
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(serve(theirs, vec![("QUIT", what)]));
        let outcome = over(ours, Auth::Password, "secret", MAIL).await;
        assert_eq!((kind(&outcome), start.elapsed()), (("sent", None), Duration::ZERO), "nobody waits for it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_unknown_only_after_the_dot() {
    for step in STEPS {
        let (outcome, seen) = scripted(vec![(step, Do::Close)]).await;
        let expect = if step == "content" { ("unknown", None) } else { (unanswered(step), Some(stage_of(step))) };
        assert_eq!(kind(&outcome), expect, "{step}");
        assert_eq!(seen.mails.len(), usize::from(step == "content"), "{step}");
    }
}

/// A server that stops reading in the middle of a large mail cannot have accepted it.
#[tokio::test(start_paused = true)]
async fn a_stop_inside_the_mail_is_safe_to_try_again() {
    for close in [false, true] {
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(async move {
            let mut stream = BufReader::new(theirs);
            for step in ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
                let Do::Say(reply) = usual(step) else { panic!() };
                stream.write_all(reply).await.unwrap();
                stream.read_line(&mut String::new()).await.unwrap();
            }
            if !close {
                std::future::pending::<()>().await;
            }
        });
        let outcome = over(ours, Auth::Password, "secret", &b"x\r\n".repeat(100_000)).await;
        assert_eq!(kind(&outcome), ("deferred", Some(Stage::Content)), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_are_told_apart_by_step_and_code() {
    let (deferred, refused, closed, unknown) = ("deferred", "refused", "closed", "unknown");
    let (away, slower, unclear) = ("away", "slower", "unclear");
    for (step, reply, expect) in [
        ("greeting", &b"421 4.3.2 not now\r\n"[..], away),
        ("greeting", b"554 5.7.1 no service for you\r\n", closed),
        ("greeting", b"SSH-2.0-x\r\n", away),
        ("EHLO", b"451 4.3.0 later\r\n", away),
        ("EHLO", b"550 5.7.1 no\r\n", closed),
        ("AUTH", b"454 4.7.0 later\r\n", away),
        ("AUTH", b"535 5.7.8 wrong\r\n", closed),
        ("AUTH", b"550 5.7.30 Basic authentication is not supported\r\n", closed),
        ("MAIL", b"452 4.3.1 full\r\n", away),
        ("MAIL", b"530 5.7.0 log in\r\n", closed),
        ("MAIL", b"553 5.7.1 not your address\r\n", closed),
        ("MAIL", b"354 what\r\n", deferred),
        ("RCPT", b"450 4.7.1 greylisted\r\n", deferred),
        ("RCPT", b"421 4.7.0 too many\r\n", slower),
        ("RCPT", b"550 5.1.1 no such user\r\n", refused),
        ("RCPT", b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", refused),
        ("RCPT", b"501 5.1.3 bad address\r\n", refused),
        ("RCPT", b"554 5.7.1 <x>: Relay access denied\r\n", closed),
        ("RCPT", b"550 relaying denied\r\n", closed),
        ("RCPT", b"554 5.7.1 <x[192.0.2.1]>: Client host rejected: Access denied\r\n", closed),
        ("RCPT", b"550 5.4.5 Daily sending quota exceeded\r\n", closed),
        ("RCPT", b"503 5.5.1 sequence\r\n", closed),
        ("RCPT", b"354 what\r\n", deferred),
        ("DATA", b"451 4.3.0 later\r\n", deferred),
        ("DATA", b"554 5.5.1 no valid recipients\r\n", unclear),
        ("DATA", b"250 ok\r\n", deferred),
        ("content", b"451 4.3.0 later\r\n", deferred),
        ("content", b"421 4.3.2 shutting down\r\n", away),
        ("content", b"554 5.6.0 spam\r\n", refused),
        ("content", b"552 5.3.4 too big, relay\r\n", refused),
        ("content", b"550 5.4.5 Daily sending quota exceeded\r\n", closed),
        ("content", b"554 5.2.252 SendAsDenied\r\n", closed),
        ("content", b"354 go on\r\n", unknown),
        ("content", b"251 will forward\r\n", unknown),
        ("content", b"what?\r\n", unknown),
        ("content", b"250-half\r\n554 no\r\n", unknown),
    ] {
        let (outcome, seen) = scripted(vec![(step, Do::Say(reply))]).await;
        let stage = (expect != unknown).then(|| stage_of(step));
        assert_eq!(kind(&outcome), (expect, stage), "{step} {:?} {outcome:?}", String::from_utf8_lossy(reply));
        assert!(seen.mails.len() <= 1);
    }
}

/// A reply that comes before the mail is given over is no answer to it.
#[tokio::test(start_paused = true)]
async fn a_reply_too_early_is_not_believed() {
    let (outcome, seen) = scripted(vec![("DATA", Do::Say(b"354 go on\r\n250 ok\r\n"))]).await;
    assert_eq!(kind(&outcome), ("deferred", Some(Stage::Content)));
    assert!(seen.mails.is_empty());
}

/// What was accepted counts as accepted, however the server puts it.
#[tokio::test(start_paused = true)]
async fn the_code_decides_and_not_the_words() {
    for reply in [
        &b"250 zugestellt f\xfcr Sie\r\n"[..],
        b"250-2.0.0\r\n250 \xff\xfe\0\r\n",
        b"250 ok\r\n421 4.3.2 bye\r\n",
        b"250 \r\n",
    ] {
        let (outcome, _) = scripted(vec![("content", Do::Say(reply))]).await;
        assert_eq!(kind(&outcome), ("sent", None), "{:?} {outcome:?}", String::from_utf8_lossy(reply));
    }
}

#[tokio::test(start_paused = true)]
async fn replies_are_short_and_clean() {
    let long: &'static [u8] =
        Box::leak(format!("550 5.1.1 \x1b[31m{}\r\n", "x".repeat(900)).into_bytes().into_boxed_slice());
    let (outcome, _) = scripted(vec![("RCPT", Do::Say(long))]).await;
    let Outcome::Refused(Said { reply, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reply.chars().count(), judge::REPLY);
    assert!(reply.starts_with("550 5.1.1 [31mx"), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_end_is_given_up() {
    let lines = |count| "250-x\r\n".repeat(count) + "250 x\r\n";
    for (endless, expect) in [
        ("x".repeat(1024 * 1024), "deferred"),
        (lines(100_000), "deferred"),
        (lines(wire::MAX_LINES + 1), "deferred"),
        (lines(wire::MAX_LINES), "sent"),
    ] {
        let endless = Box::leak(endless.into_bytes().into_boxed_slice());
        let start = tokio::time::Instant::now();
        let (outcome, _) = scripted(vec![("RCPT", Do::Say(endless))]).await;
        assert_eq!(kind(&outcome).0, expect, "{outcome:?}");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn unfit_bytes_are_not_sent() {
    let config = SmtpConfig { endpoint: endpoint(1, Tls::None, None), login: None, connections: 1 };
    for bytes in [
        &b"Subject: x\r\n\r\na\n.\r\nMAIL FROM:<x@example.test>\r\n"[..],
        b"a\r.\r\n",
        b"a\0\r\n",
        "ä\r\n".as_bytes(),
        &[b'x'; 999],
    ] {
        let outcome = send_null(&config, None, bytes).await;
        assert_eq!(kind(&outcome), ("refused", Some(Stage::Content)), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn text_that_looks_like_smtp_stays_one_mail() {
    let mail = b".\r\n\r\n.\r\nMAIL FROM:<x@example.test>\r\n.\r\n.\r\n";
    let (ours, theirs) = tokio::io::duplex(64);
    let server = tokio::spawn(serve(theirs, vec![]));
    assert_eq!(kind(&over(ours, Auth::Password, "secret", mail).await), ("sent", None));
    let seen = server.await.unwrap();
    assert_eq!(seen.mails.len(), 1);
    let unstuffed: Vec<u8> = seen.mails[0]
        .split_inclusive(|&b| b == b'\n')
        .filter(|l| *l != b".\r\n")
        .flat_map(|l| l.strip_prefix(b".").unwrap_or(l))
        .copied()
        .collect();
    assert_eq!(unstuffed, mail);
    assert_eq!(seen.commands.last().unwrap(), "QUIT");
}

#[tokio::test(start_paused = true)]
async fn starttls_or_nothing() {
    for (script, expect) in [
        (vec![], Ok(())),
        (vec![("EHLO", Do::Say(b"250-mx\r\n250 AUTH PLAIN\r\n"))], Err(("closed", Stage::Tls))),
        (vec![("EHLO", Do::Say(b"250 STARTTLS\r\n"))], Err(("closed", Stage::Tls))),
        (vec![("EHLO", Do::Say(b"502 what\r\n"))], Err(("closed", Stage::Hello))),
        (vec![("greeting", Do::Say(b"421 later\r\n"))], Err(("away", Stage::Hello))),
        (vec![("greeting", Do::Say(b"220 hi\r\n250-mx\r\n250 STARTTLS\r\n"))], Err(("closed", Stage::Hello))),
        (vec![("greeting", Do::Say(b"x\r\n"))], Err(("away", Stage::Hello))),
        (vec![("STARTTLS", Do::Say(b"454 4.7.0 later\r\n"))], Err(("away", Stage::Tls))),
        (vec![("STARTTLS", Do::Say(b"501 no\r\n"))], Err(("closed", Stage::Tls))),
        (vec![("STARTTLS", Do::Hang)], Err(("away", Stage::Tls))),
        (vec![("STARTTLS", Do::Close)], Err(("away", Stage::Tls))),
        // The injection of hazard C6: what follows the 220 must never be read as said under TLS.
        (vec![("STARTTLS", Do::Say(b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n"))], Err(("closed", Stage::Tls))),
    ] {
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(serve(theirs, script.clone()));
        let mut stage = Stage::Connect;
        let done = starttls(&mut stage, ours).await;
        let found = done.map(drop).map_err(|cause| {
            let (kind, stage) = kind(&judge(stage, cause, &Secrets::none()));
            (kind, stage.unwrap())
        });
        assert_eq!(found, expect, "{script:?}");
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn endpoint(port: u16, tls: Tls, ca: Option<&str>) -> Endpoint {
    Endpoint { server: "localhost".into(), port, tls, ca_file: ca.map(fixture) }
}

/// Sends over real TCP and TLS to a server that holds the fixture's certificate for "localhost".
async fn over_tls(tls: Tls, change: impl FnOnce(&mut Endpoint)) -> (Outcome, Result<String, Said>, Vec<Seen>) {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let mut endpoint = endpoint(listener.local_addr().unwrap().port(), tls, Some("ca.pem"));
    change(&mut endpoint);
    let server = tokio::spawn(async move {
        let mut all = Vec::new();
        for _ in 0..2 {
            let (mut tcp, _) = listener.accept().await.unwrap();
            if tls == Tls::StartTls {
                all.push(serve(&mut tcp, vec![]).await);
            }
            if let Ok(stream) = crate::net::tests::acceptor().accept(tcp).await {
                // After STARTTLS there is no second greeting.
                let script = if tls == Tls::StartTls { vec![("greeting", Do::Say(b""))] } else { vec![] };
                all.push(serve(stream, script).await);
            }
        }
        all
    });
    let config = SmtpConfig { endpoint, login: Some(login(Auth::Password)), connections: 1 };
    let checked = check(&config, Some(&secret())).await;
    // Spawned: the daemon may want to.
    let outcome = tokio::spawn(async move { send_null(&config, Some(&secret()), MAIL).await }).await.unwrap();
    (outcome, checked, server.await.unwrap())
}

#[tokio::test]
async fn tls_both_ways() {
    for tls in [Tls::Implicit, Tls::StartTls] {
        let (outcome, checked, seen) = over_tls(tls, |_| {}).await;
        assert_eq!(kind(&outcome), ("sent", None), "{outcome:?}");
        assert_eq!(checked.as_deref(), Ok("mx.example.org lets us in"));
        assert_eq!(seen.iter().map(|s| s.mails.len()).sum::<usize>(), 1);
        assert!(seen.last().unwrap().commands.iter().any(|c| c == "MAIL FROM:<>"), "{seen:?}");
        if tls == Tls::StartTls {
            assert_eq!(seen[0].commands, ["EHLO [127.0.0.1]", "STARTTLS"]);
        }
    }
}

#[tokio::test]
async fn a_wrong_certificate_gets_no_password() {
    for tls in [Tls::Implicit, Tls::StartTls] {
        // Another name than the certificate bears; authorities that did not sign it.
        let wrong: [fn(&mut Endpoint); 2] =
            [|e| e.server = "127.0.0.1".into(), |e| e.ca_file = Some(fixture("server.pem"))];
        for change in wrong {
            let (outcome, checked, seen) = over_tls(tls, change).await;
            assert_eq!(kind(&outcome), ("closed", Some(Stage::Tls)), "{outcome:?}");
            assert_eq!(checked.unwrap_err().stage, Some(Stage::Tls));
            assert!(seen.iter().all(|s| s.mails.is_empty() && !s.commands.iter().any(|c| c.starts_with("AUTH"))));
        }
    }
}

#[tokio::test]
async fn nobody_there_is_for_later() {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let config = SmtpConfig { endpoint: endpoint(port, Tls::None, None), login: None, connections: 1 };
    assert_eq!(kind(&send_null(&config, None, MAIL).await), ("away", Some(Stage::Connect)));
    assert_eq!(check(&config, None).await.unwrap_err().stage, Some(Stage::Connect));
}
