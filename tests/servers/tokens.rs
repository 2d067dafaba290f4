//! A server that gives out access tokens (RFC 6749, RFC 7523, RFC 8628), and tells Dovecot which are good (RFC 7662).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::process::now;
use crate::rig::Rig;

/// The client secret that it knows.
pub(crate) const CLIENT_SECRET: &str = "correct-horse-battery";

/// The key of the service account that it knows.
pub(crate) const ACCOUNT: &str = include_str!("../fixtures/service-account/key.json");

/// The server. It ends with the tests.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// Gives out tokens, over TLS with the rig's certificate.
    pub(crate) port: u16,
    /// Dovecot asks here, without TLS.
    introspection: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    lives: Duration,
    /// Each token that was given out, and until when it is good.
    given: Vec<(String, Instant)>,
    /// The one refresh token that is good.
    refresh: Option<String>,
    /// A person said yes.
    allowed: bool,
    /// What is answered in place of a token.
    refusal: Option<&'static str>,
    /// Logins with a token that is not good.
    refused: usize,
    /// Each refresh token that was shown.
    shown: Vec<String>,
}

impl Tokens {
    /// Its tokens live so long.
    pub(crate) fn new(rig: &Rig, lives: Duration) -> Self {
        let chain = vec![CertificateDer::from_pem_file(rig.path("server.pem")).expect("the rig's certificate")];
        let key = PrivateKeyDer::from_pem_file(rig.path("server.key")).expect("the rig's key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.expect("versions").with_no_client_auth().with_single_cert(chain, key);
        let tls = Arc::new(tls.expect("the key fits the certificate"));
        let state = State {
            lives,
            given: Vec::new(),
            refresh: None,
            allowed: false,
            refusal: None,
            refused: 0,
            shown: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let protected = listen(Arc::clone(&state), move |tcp| {
            let session = ServerConnection::new(Arc::clone(&tls)).ok()?;
            Some(Box::new(StreamOwned::new(session, tcp)))
        });
        let introspection = listen(Arc::clone(&state), |tcp| Some(Box::new(tcp)));
        Self { port: protected, introspection, state }
    }

    /// Has Dovecot take its tokens, by these mechanisms.
    pub(crate) fn teach(&self, rig: &mut Rig, mechanisms: &str) {
        let file = rig.path("dovecot-oauth2.conf.ext");
        let text = format!(
            "introspection_url = http://127.0.0.1:{}/introspect\nintrospection_mode = post\n\
             username_attribute = username\nactive_attribute = active\nactive_value = true\n",
            self.introspection
        );
        std::fs::write(&file, text).expect("a file");
        rig.reconfigure_dovecot(&format!(
            "auth_mechanisms = plain {mechanisms}\n\
             passdb {{\n  driver = oauth2\n  mechanisms = {mechanisms}\n  args = {}\n}}\n",
            file.display()
        ));
    }

    /// Calls back all tokens that it gave out.
    pub(crate) fn call_back(&self) {
        self.state().given.clear();
    }

    /// Gives out no more.
    pub(crate) fn refuse(&self, code: &'static str) {
        self.state().refusal = Some(code);
    }

    /// A person says yes.
    pub(crate) fn allow(&self) {
        self.state().allowed = true;
    }

    /// How many tokens it has given out.
    pub(crate) fn given(&self) -> usize {
        self.state().given.len()
    }

    /// How many logins came with a token that is not good.
    pub(crate) fn refused(&self) -> usize {
        self.state().refused
    }

    /// Each refresh token that was shown, in order.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.state().shown.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn listen(state: Arc<Mutex<State>>, wrap: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let _ = tcp.set_read_timeout(Some(Duration::from_secs(10)));
            // Whoever hangs up is no concern of the others.
            let _ = wrap(tcp).and_then(|stream| serve(stream, &state));
        }
    });
    port
}

/// One request, and its answer.
fn serve(mut stream: Box<dyn Stream>, state: &Mutex<State>) -> Option<()> {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    let (head, body) = loop {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(piece.get(..read)?));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let named = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
            if body.len() >= head.lines().find_map(named).unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        }
    };
    let field = |name: &str| body.split('&').find_map(|f| f.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    let path = head.split(' ').nth(1)?;
    let (status, answer) = state.lock().expect("no panic").answer(path, &field);
    let answer = answer.to_string();
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n\
         {answer}"
    )
    .ok()?;
    stream.flush().ok()
}

impl State {
    fn answer(&mut self, path: &str, field: &dyn Fn(&str) -> Option<String>) -> (u16, Value) {
        let no = |code: &str| (400, json!({ "error": code, "error_description": "not this time" }));
        match path {
            "/introspect" => {
                let token = field("token").unwrap_or_default();
                let good = self.given.iter().any(|(given, until)| *given == token && now() < *until);
                self.refused += usize::from(!good);
                (200, json!({ "active": good, "username": "security" }))
            }
            "/device" => {
                let page = "https://localhost/device";
                let begun = json!({
                    "device_code": "a-device-code", "user_code": "WDJB-MJHT", "verification_uri": page,
                    "interval": 1, "expires_in": 60,
                });
                (200, begun)
            }
            _ if self.refusal.is_some() => no(self.refusal.unwrap_or_default()),
            _ => match field("grant_type").unwrap_or_default().as_str() {
                "client_credentials" if field("client_secret").as_deref() == Some(CLIENT_SECRET) => {
                    (200, self.token(false))
                }
                "client_credentials" => no("invalid_client"),
                "refresh_token" => {
                    let shown = field("refresh_token");
                    self.shown.extend(shown.clone());
                    if shown == self.refresh {
                        return (200, self.token(true));
                    }
                    // Somebody has stolen it: nobody gets any more (RFC 9700 section 4.14).
                    self.refresh = None;
                    no("invalid_grant")
                }
                kind if kind.ends_with("jwt-bearer") => match field("assertion").as_deref().and_then(signed) {
                    Some(claims) if claims["sub"] == "security" => (200, self.token(false)),
                    _ => no("invalid_grant"),
                },
                _ if !self.allowed => no("authorization_pending"),
                _ => (200, self.token(true)),
            },
        }
    }

    fn token(&mut self, rotates: bool) -> Value {
        let number = self.given.len() + self.shown.len() + self.refused;
        let token = format!("access-token-{number}-{:08x}", number.wrapping_mul(0x9E37_79B1) & 0xFFFF_FFFF);
        self.given.push((token.clone(), now() + self.lives));
        let mut answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": self.lives.as_secs() });
        if rotates {
            let next = format!("refresh-token-{number}");
            answer["refresh_token"] = json!(next);
            self.refresh = Some(next);
        }
        answer
    }
}

/// What the service account says, if it is by its key (RFC 7515 section 5.2).
fn signed(assertion: &str) -> Option<Value> {
    let (text, signature) = assertion.rsplit_once('.')?;
    let decode = |part: &str| data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).ok();
    let account: Value = serde_json::from_str(ACCOUNT).ok()?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(account["private_key"].as_str()?.as_bytes()).ok()?;
    let pair = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    public.verify(text.as_bytes(), &decode(signature)?).ok()?;
    let claims: Value = serde_json::from_slice(&decode(text.split_once('.')?.1)?).ok()?;
    (claims["iss"] == account["client_email"]).then_some(claims)
}
