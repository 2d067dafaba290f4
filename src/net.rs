//! A TCP connection to a mail server, and TLS over it: what IMAP and SMTP share.

pub(crate) mod certificate;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::certificate::Certificate;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314 section 3).
    Implicit,
    /// Plain text first, then STARTTLS, which must succeed.
    StartTls,
    /// No protection; the config accepts it for loopback only.
    None,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address; also the name that the certificate must bear.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// How it is protected.
    pub tls: Tls,
    /// Authorities to trust in place of the machine's own, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Why a connection did not come about. The texts hold no secrets and no mail.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Name resolution or TCP failed.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// The handshake failed; and what to do, where that is known.
    #[error("TLS with {0} failed: {1}{2}")]
    Tls(String, std::io::Error, String),
    /// The authorities cannot be read.
    #[error("cannot read the certificate authorities{0}: {1}")]
    Authorities(String, String),
    /// The name cannot stand in a certificate.
    #[error("{0:?} is no name that a certificate can bear")]
    Name(String),
}

/// How long one connection attempt, name resolution included, may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long sent data may stay unacknowledged before the kernel gives the connection up.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connects, without Nagle's delay (a mail protocol is small writes that wait for answers) and with keepalive,
/// so that a peer that has silently gone is noticed.
pub(crate) async fn tcp(to: &Endpoint) -> Result<TcpStream, NetError> {
    let name = format!("{}:{}", to.server, to.port);
    let failed = |e| NetError::Connect(name.clone(), e);
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((to.server.as_str(), to.port)))
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let socket = socket2::SockRef::from(&stream);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive).map_err(failed)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT)).map_err(failed)?;
    Ok(stream)
}

/// Speaks TLS over a connection; the certificate must bear the server's name.
pub(crate) async fn tls(stream: TcpStream, to: &Endpoint) -> Result<TlsStream<TcpStream>, NetError> {
    let seen = Seen::default();
    let config = client_config(to, Arc::clone(&seen))?;
    let name = ServerName::try_from(to.server.clone()).map_err(|_| NetError::Name(to.server.clone()))?;
    tokio::time::timeout(CONNECT_TIMEOUT, TlsConnector::from(config).connect(name, stream))
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(|e| {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
            let remedy = remedy(&e, seen.as_ref(), to);
            NetError::Tls(format!("{}:{}", to.server, to.port), e, remedy)
        })
}

/// What a server showed of itself, good or not.
type Seen = Arc<Mutex<Option<Certificate>>>;

/// What to change after a handshake that failed.
fn remedy(error: &std::io::Error, seen: Option<&Certificate>, to: &Endpoint) -> String {
    let cause = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    let by = seen.map_or_else(|| "somebody".into(), |c| format!("{:?}", c.issuer));
    match cause {
        Some(rustls::Error::InvalidMessage(_)) if to.tls == Tls::Implicit => format!(
            "; the server does not begin with TLS on port {}: write tls = \"starttls\", or another port",
            to.port
        ),
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => match &to.ca_file {
            None => format!(
                "; the certificate is by {by}, an authority that this machine does not know: write the file with its \
                 certificate (PEM) into ca_file"
            ),
            Some(file) => {
                format!("; the certificate is by {by}, which is not among those of ca_file, {}", file.display())
            }
        },
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => {
            let ended = seen.map_or_else(String::new, |c| format!(" on {}", c.ends));
            format!("; the certificate ended{ended}: have it renewed, or mend the clock of this machine")
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "; write one of the names of the certificate into server".to_owned(),
        Some(_) | None => String::new(),
    }
}

/// The usual verifier, which keeps what the server showed: rustls tells nobody whose certificate it did not like.
#[derive(Debug)]
struct Watching {
    usual: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Certificate::read(end_entity);
        self.usual.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn client_config(to: &Endpoint, seen: Seen) -> Result<Arc<ClientConfig>, NetError> {
    let mut roots = RootCertStore::empty();
    match &to.ca_file {
        Some(path) => {
            let unreadable = |e: String| NetError::Authorities(format!(" in {}", path.display()), e);
            let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unreadable(e.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
                roots.add(certificate).map_err(|e| unreadable(e.to_string()))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let why = found.errors.first().map_or_else(|| "there are none".into(), ToString::to_string);
                return Err(NetError::Authorities(" of this machine".into(), why));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |e: String| NetError::Authorities(String::new(), e);
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let usual = usual.map_err(|e| unusable(e.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Watching { usual, seen }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;

    /// A server with the fixture's certificate for "localhost".
    pub(crate) fn acceptor() -> tokio_rustls::TlsAcceptor {
        let fixture = |name| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
        let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    }
}
