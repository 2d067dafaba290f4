use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex as Shared;

use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::net::{Endpoint, Tls};

const KEY: &str = include_str!("../../tests/fixtures/service-account/key.json");
/// What no text may hold.
const SECRET: &str = "hunter-two-secret";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A token server on loopback with the fixture's certificate for "localhost". It gives these answers, one after the other
/// and the last again.
pub(crate) struct Server {
    place: Place,
    /// Whoever holds it keeps the answers back.
    gate: Arc<tokio::sync::Mutex<()>>,
    asked: Arc<Shared<Vec<String>>>,
}

impl Server {
    pub(crate) async fn new(answers: &[String]) -> Self {
        let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
        let to = Endpoint {
            server: "localhost".into(),
            port: listener.local_addr().unwrap().port(),
            tls: Tls::Implicit,
            ca_file: Some(fixture("ca.pem")),
        };
        let asked = Arc::new(Shared::new(Vec::new()));
        let (seen, answers) = (Arc::clone(&asked), answers.to_vec());
        let gate = Arc::new(tokio::sync::Mutex::new(()));
        let opens = Arc::clone(&gate);
        tokio::spawn(async move {
            let mut next = 0;
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = crate::net::tests::acceptor().accept(tcp).await else { continue };
                let (mut text, mut piece) = (String::new(), [0; 4096]);
                while !is_whole(&text) {
                    let read = stream.read(&mut piece).await.unwrap();
                    assert!(read > 0, "half a request: {text}");
                    text.push_str(&String::from_utf8_lossy(&piece[..read]));
                }
                seen.lock().unwrap().push(text);
                drop(opens.lock().await);
                let answer = answers[next.min(answers.len() - 1)].clone();
                next += 1;
                if answer.is_empty() {
                    // It never answers, and keeps the connection.
                    std::mem::forget(stream);
                } else {
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { place: Place { to, path: "/token?v=2".into() }, asked, gate }
    }

    /// `[oauth2]` with this server, and an application whose secret lies beside the config.
    pub(crate) fn config(&self) -> String {
        format!(
            "[oauth2]\nclient_id = \"client 1\"\nclient_secret_file = \"client-secret\"\ntoken_url = \"{}\"\n\
             ca_file = \"{}\"\n",
            self.place,
            fixture("ca.pem").display()
        )
    }

    pub(crate) fn source(&self, grant: Grant, file: &Path) -> Arc<Source> {
        let places = (self.place.clone(), Some(self.place.clone()));
        Arc::new(Source::new(grant, "client 1".into(), "mail".into(), places, file.to_owned()))
    }

    /// The time of the handshake is real.
    async fn is_asked(&self) {
        while self.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// The forms that it was posted.
    fn forms(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|text| text.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

pub(crate) fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}")
}

/// An access token that lives an hour, and a refresh token where there is one.
pub(crate) fn token(token: &str, refresh: Option<&str>) -> String {
    let refresh = refresh.map_or(String::new(), |next| format!(",\"refresh_token\":\"{next}\""));
    json("200 OK", &format!(r#"{{"access_token":"{token}","expires_in":3600,"token_type":"Bearer"{refresh}}}"#))
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_refused() {
    let server = Server::new(&[token("one", None), token("two", None), token("three", None)]).await;
    let source = server.source(Grant::Application, Path::new("none"));
    assert_eq!(source.token("s@example.org", "hunter & two").await.unwrap(), "one");
    assert_eq!(
        server.forms(),
        ["grant_type=client_credentials&client_id=client%201&client_secret=hunter%20%26%20two&scope=mail"]
    );
    let head = server.asked.lock().unwrap()[0].clone();
    assert!(head.starts_with("POST /token?v=2 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: localhost:{}\r\n", server.place.to.port)), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{head}");

    assert_eq!(source.token("s@example.org", "x").await.unwrap(), "one");
    assert!(!source.refused("s@example.org", "one").await, "no server has taken it: another one is no better");
    assert_eq!(source.token("s@example.org", "x").await.unwrap(), "two");
    source.accepted("s@example.org", "one").await;
    source.accepted("s@example.org", "two").await;
    assert!(source.refused("s@example.org", "two").await, "it was good before: once more is worth it");
    assert_eq!(source.token("s@example.org", "x").await.unwrap(), "three");
    assert!(source.refused("s@example.org", "two").await, "the other login had it refused too");
    assert_eq!(source.token("s@example.org", "x").await.unwrap(), "three", "and that did not cost the new one");
    assert_eq!(server.forms().len(), 3, "one that is known is not asked for");
}

#[tokio::test]
async fn a_token_is_asked_for_before_it_ends() {
    let short = json("200 OK", r#"{"access_token":"short","expires_in":"60"}"#);
    let long = json("200 OK", r#"{"access_token":"long","expires_in":99999999999}"#);
    // What cannot be read is not said; the token beside it counts.
    let odd = json("200 OK", r#"{"access_token":"odd","expires_in":-1,"error_description":7}"#);
    let fraction = json("200 OK", r#"{"access_token":"fraction","expires_in":60.5}"#);
    for (first, lasts) in
        [(token("one", None), 3300), (short, 30), (long, 24 * 3600 - 300), (odd, 3300), (fraction, 30)]
    {
        let server = Server::new(&[first, token("two", None)]).await;
        let source = server.source(Grant::Application, Path::new("none"));
        let before = source.token("s", "x").await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(lasts - 5)).await;
        assert_eq!(source.token("s", "x").await.unwrap(), before);
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
        assert_eq!(source.token("s", "x").await.unwrap(), "two", "{before} after {lasts} s");
    }
}

/// Whatever it answers, no secret comes back, and what may pass is told from what a person has to mend.
#[tokio::test]
async fn what_is_no_token_says_why() {
    let refusal = |code: &str, words: &str| {
        json("400 Bad Request", &format!(r#"{{"error":"{code}","error_description":"{words}"}}"#))
    };
    for (answer, passes, says) in [
        (refusal("invalid_client", "AADSTS7000215: no such secret"), false, "AADSTS7000215"),
        (refusal("invalid_client", &format!("{SECRET} is wrong")), false, "client_id"),
        (refusal("invalid_client", &SECRET.to_uppercase()), false, "left out"),
        (refusal("invalid_grant", ""), false, "called back"),
        (refusal("unauthorized_client", ""), false, "allow it"),
        (refusal("invalid_scope", ""), false, "permission for mail"),
        (refusal("access_denied", ""), false, "said no"),
        (refusal("temporarily_unavailable", ""), true, "tried again"),
        (refusal("something_else", ""), false, "something_else"),
        (json("503 Oops", r#"{"error":"oops"}"#), true, "tried again"),
        (json("429 Slow", r#"{"error":"too_many"}"#), true, "tried again"),
        (json("200 OK", r#"{"token_type":"Bearer"}"#), true, "answers 200 without a token"),
        (json("500 Oops", r#"{"access_token":"first"}"#), true, "answers 500 without a token"),
        (json("200 OK", r#"{"access_token":"a\nb"}"#), true, "without a token"),
        (json("200 OK", r#"{"access_token":""}"#), true, "without a token"),
        (json("302 Found", "<html>"), true, "no JSON"),
        (json("200 OK", &format!("\"{SECRET}\"")), true, "no JSON"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"access_token\":".into(), true, "broke off"),
        (format!("220 mail.example.org {SECRET}\r\n"), true, "speaks no HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n".into(), true, "says too much"),
        (json("200 OK", &" ".repeat(300 * 1024)), true, "says too much"),
    ] {
        let shown = answer.chars().take(200).collect::<String>();
        let server = Server::new(&[answer]).await;
        let source = server.source(Grant::Application, Path::new("none"));
        let error = source.token("s", SECRET).await.unwrap_err();
        assert!(error.to_string().contains(says) && error.may_pass() == passes, "{shown}: {error}");
        let all = format!("{error} {error:?} {} {source:?}", error.without_words()).to_lowercase();
        assert!(!all.contains("hunter"), "{all}");
        assert!(!error.without_words().contains("AADSTS"), "the log has no words of a server");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_silent_is_given_up() {
    let server = Server::new(&[String::new()]).await;
    let source = server.source(Grant::Application, Path::new("none"));
    let asks = tokio::spawn(async move { source.token("s", "x").await });
    server.is_asked().await;
    let begin = Instant::now();
    tokio::time::pause();
    let error = asks.await.unwrap().unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("30 s"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(31), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_wrong_certificate_gets_no_secret() {
    // Another name than the certificate bears; authorities that did not sign it.
    let wrong: [fn(&mut Endpoint); 2] =
        [|e| e.server = "127.0.0.1".into(), |e| e.ca_file = Some(fixture("server.pem"))];
    for change in wrong {
        let mut server = Server::new(&[token("one", None)]).await;
        change(&mut server.place.to);
        let error = server.source(Grant::Application, Path::new("none")).token("s", SECRET).await.unwrap_err();
        assert!(matches!(error, TokenError::Net(_)) && error.to_string().contains("TLS"), "{error}");
        assert!(server.forms().is_empty());
    }
}

fn kept() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disclosed.login");
    (folder, file)
}

/// A provider replaces the refresh token: the new one is on disk, for its owner alone, before the access token is used.
#[tokio::test]
async fn a_refresh_token_that_is_replaced_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, file) = kept();
    let server = Server::new(&[token("one", Some("next")), token("two", None)]).await;
    let source = server.source(Grant::Person, &file);
    assert!(source.lacks_login() && matches!(source.token("s", "").await, Err(TokenError::NoLogin)));
    std::fs::write(&file, "old\n").unwrap();
    assert!(!source.lacks_login());
    assert_eq!(source.token("s", "").await.unwrap(), "one");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "next\n");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    source.refused("s", "one").await;
    assert_eq!(source.token("s", "").await.unwrap(), "two");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "next\n", "what is not replaced stays");
    assert_eq!(
        server.forms(),
        ["old", "next"]
            .map(|refresh| format!("grant_type=refresh_token&client_id=client%201&refresh_token={refresh}&scope=mail"))
    );
}

/// Root may ask too, as `check --online` does: the file stays that of the daemon's user.
#[tokio::test]
async fn a_refresh_token_belongs_to_whom_the_folder_does() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (folder, file) = kept();
    if chown(folder.path(), Some(12_345), Some(12_346)).is_err() {
        println!("left out: the owner of the refresh token (only root gives files away)");
        return;
    }
    std::fs::write(&file, "old").unwrap();
    let server = Server::new(&[token("one", Some("next"))]).await;
    server.source(Grant::Person, &file).token("s", "").await.unwrap();
    let found = std::fs::metadata(&file).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (12_345, 12_346, 0o600));
}

/// A source whose refresh token "old" was replaced at a time when the new one, "next", could not be written down; what is in
/// the way of writing is there still.
async fn unkept(server: &Server, file: &Path) -> (Arc<Source>, PathBuf) {
    std::fs::write(file, "old").unwrap();
    let source = server.source(Grant::Person, file);
    let obstacle = file.with_extension(format!("login.{}", std::process::id()));
    let closed = server.gate.lock().await;
    let asks = tokio::spawn({
        let source = Arc::clone(&source);
        async move { source.token("s", "").await }
    });
    server.is_asked().await;
    std::fs::create_dir(&obstacle).unwrap();
    drop(closed);
    let error = asks.await.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Kept(..)) && !error.may_pass(), "{error}");
    (source, obstacle)
}

/// Where it cannot be written, nothing is used, and it is not lost: it is written before the next one is asked for.
#[tokio::test]
async fn a_refresh_token_is_on_disk_before_anything_is_used() {
    let (_folder, file) = kept();
    let server = Server::new(&[token("one", Some("next")), token("two", Some("last"))]).await;
    let (source, obstacle) = unkept(&server, &file).await;
    let error = source.token("s", "").await.unwrap_err();
    assert!(matches!(error, TokenError::Kept(..)) && !error.may_pass(), "{error}");
    assert_eq!((std::fs::read_to_string(&file).unwrap().as_str(), server.forms().len()), ("old\n", 1));
    std::fs::remove_dir(&obstacle).unwrap();
    assert_eq!(source.token("s", "").await.unwrap(), "two");
    assert!(server.forms()[1].contains("refresh_token=next&"), "{:?}", server.forms());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "last\n");
}

/// A person who logs in anew meanwhile has the last word.
#[tokio::test]
async fn a_new_login_outlives_what_could_not_be_written() {
    let (_folder, file) = kept();
    let server = Server::new(&[token("one", Some("next")), token("two", None)]).await;
    let (source, obstacle) = unkept(&server, &file).await;
    std::fs::remove_dir(&obstacle).unwrap();
    std::fs::write(&file, "anew").unwrap();
    assert_eq!(source.token("s", "").await.unwrap(), "two");
    assert!(server.forms()[1].contains("refresh_token=anew&"), "{:?}", server.forms());
}

/// Where it could not be written, it is not used: it may be good for one time only.
#[tokio::test]
async fn a_refresh_token_is_used_only_where_another_could_be_kept() {
    let (_folder, file) = kept();
    std::fs::write(&file, "old").unwrap();
    let server = Server::new(&[token("one", Some("next"))]).await;
    std::fs::create_dir(file.with_extension(format!("login.{}", std::process::id()))).unwrap();
    let error = server.source(Grant::Person, &file).token("s", "").await.unwrap_err();
    assert!(matches!(error, TokenError::Kept(..)) && server.forms().is_empty(), "{error}");
}

/// A reload, or the end of the daemon, while a token is being asked for: what the provider gives is kept all the same.
#[tokio::test]
async fn nobody_who_goes_away_loses_a_refresh_token() {
    let (_folder, file) = kept();
    std::fs::write(&file, "old").unwrap();
    let server = Server::new(&[token("one", Some("next"))]).await;
    let source = server.source(Grant::Person, &file);
    let closed = server.gate.lock().await;
    let asks = tokio::spawn({
        let source = Arc::clone(&source);
        async move { source.token("s", "").await }
    });
    server.is_asked().await;
    asks.abort();
    assert!(asks.await.is_err_and(|error| error.is_cancelled()));
    drop(closed);
    source.rest().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "next\n");
    assert_eq!(source.token("s", "").await.unwrap(), "one", "and used");
    assert_eq!(server.forms().len(), 1);
}

/// `check --online` beside the daemon: whoever comes second asks with what the first has kept.
#[tokio::test]
async fn two_processes_take_turns() {
    let (folder, file) = kept();
    std::fs::write(&file, "old").unwrap();
    let server = Server::new(&[token("one", None)]).await;
    let source = server.source(Grant::Person, &file);
    let other = std::fs::File::open(folder.path()).unwrap();
    other.lock().unwrap();
    tokio::time::pause();
    let (asked, ()) = tokio::join!(source.token("s", ""), async {
        // By then it has looked a few times.
        sleep(5 * kept::LOOK + kept::LOOK / 2).await;
        assert!(server.forms().is_empty());
        std::fs::write(&file, "of the other").unwrap();
        other.unlock().unwrap();
        tokio::time::advance(kept::LOOK).await;
        tokio::time::resume();
    });
    assert_eq!(asked.unwrap(), "one");
    assert!(server.forms()[0].contains("refresh_token=of%20the%20other"), "{:?}", server.forms());
    other.lock().unwrap();
    source.refused("s", "one").await;
    tokio::time::pause();
    let error = source.token("s", "").await.unwrap_err();
    assert!(matches!(error, TokenError::Kept(..)), "{error}");
}

fn begun(within: u64) -> String {
    json(
        "200 OK",
        &format!(
            r#"{{"device_code":"{SECRET}","user_code":"ABCD","verification_uri":"https://example.org/dev","interval":2,"expires_in":{within}}}"#
        ),
    )
}

fn no(code: &str) -> String {
    json("400 Bad Request", &format!(r#"{{"error":"{code}","error_description":"{SECRET}"}}"#))
}

/// A person's login from its beginning; how it ended, and how long that took.
async fn login(within: u64, answers: Vec<String>) -> (Result<(), TokenError>, u64, Server, PathBuf) {
    let (folder, file) = kept();
    let server = Server::new(&[vec![begun(within)], answers].concat()).await;
    let source = server.source(Grant::Person, &file);
    let asked = source.begin().await.unwrap();
    assert_eq!((asked.page.as_str(), asked.code.as_str()), ("https://example.org/dev", "ABCD"));
    // The pauses are virtual, the answers come over real sockets.
    let (begin, file) = (Instant::now(), folder.keep().join("disclosed.login"));
    let source = Source { kept: Kept::new(file.clone()), ..Arc::into_inner(source).unwrap() };
    tokio::time::pause();
    let ended = source.finish(&asked).await;
    let took = begin.elapsed().as_secs();
    tokio::time::resume();
    (ended, took, server, file)
}

#[tokio::test]
async fn a_person_allows_it_at_another_device() {
    let pending = no("authorization_pending");
    let answers = vec![pending.clone(), no("slow_down"), pending, token("one", Some("next"))];
    let (ended, took, server, file) = login(900, answers).await;
    ended.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "next\n");
    assert_eq!(server.forms()[0], "client_id=client%201&scope=mail");
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    assert_eq!(server.forms()[1], format!("grant_type={kind}&client_id=client%201&device_code={SECRET}"));
    assert!((18..40).contains(&took), "2 + 2 + 7 + 7 s, and not {took}");
    std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn a_login_that_is_not_allowed_says_why() {
    for (answer, says) in [
        (no("access_denied"), "said no"),
        (no("expired_token"), "in time"),
        (no("authorization_pending"), "in time"),
        (token("one", None), "offline access"),
        (json("200 OK", "{}"), "without a token"),
    ] {
        let (ended, _, _, file) = login(30, vec![answer]).await;
        let error = ended.unwrap_err();
        assert!(error.to_string().contains(says) && !format!("{error:?}").contains("hunter"), "{error}");
        assert!(!file.exists());
        std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    }
    for (answer, says) in [(no("unauthorized_client"), "allow it"), (json("404 No", "no"), "answers 404")] {
        let server = Server::new(&[answer]).await;
        let error = server.source(Grant::Person, Path::new("none")).begin().await.err().unwrap();
        assert!(error.to_string().contains(says), "{error}");
    }
    let server = Server::new(&[begun(9)]).await;
    assert!(server.source(Grant::Application, Path::new("none")).begin().await.is_err());
}

/// RFC 7523 and RFC 7515: checked by the public half of the key.
#[tokio::test]
async fn a_service_account_signs_for_a_user() {
    let server = Server::new(&[token("one", None)]).await;
    let source = server.source(Grant::Account, Path::new("none"));
    assert_eq!(source.token("security@example.org", KEY).await.unwrap(), "one");
    let form = server.forms().remove(0);
    let assertion = form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let (signed, signature) = assertion.unwrap().rsplit_once('.').unwrap();
    let decoded = |part: &str| data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    let key: serde_json::Value = serde_json::from_str(KEY).unwrap();
    let pem = PrivatePkcs8KeyDer::from_pem_slice(key["private_key"].as_str().unwrap().as_bytes()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pem.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    assert!(public.verify(signed.as_bytes(), &decoded(signature)).is_ok());
    let (header, claims) = signed.split_once('.').unwrap();
    assert_eq!(decoded(header), br#"{"alg":"RS256","typ":"JWT"}"#);
    let claims: serde_json::Value = serde_json::from_slice(&decoded(claims)).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&key["client_email"], &"security@example.org".into()));
    assert_eq!(claims["aud"], format!("https://localhost:{}/token?v=2", server.place.to.port));
    assert_eq!(claims["scope"], "mail");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let other = KEY.replace("BEGIN PRIVATE", "BEGIN EC PRIVATE");
    for wrong in ["", "{}", r#"{"client_email":"a","private_key":"b"}"#, &other] {
        let error = source.token("another", wrong).await.unwrap_err();
        assert!(matches!(error, TokenError::Account(_)) && !error.to_string().contains("BEGIN"), "{error}");
    }
}
