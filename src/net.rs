//! A TCP connection to a mail server, and TLS over it: what IMAP and SMTP share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

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
    /// The handshake failed.
    #[error("TLS with {0} failed: {1}")]
    Tls(String, std::io::Error),
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
    let config = client_config(to)?;
    let name = ServerName::try_from(to.server.clone()).map_err(|_| NetError::Name(to.server.clone()))?;
    tokio::time::timeout(CONNECT_TIMEOUT, TlsConnector::from(config).connect(name, stream))
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(|e| NetError::Tls(format!("{}:{}", to.server, to.port), e))
}

fn client_config(to: &Endpoint) -> Result<Arc<ClientConfig>, NetError> {
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
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| NetError::Authorities(String::new(), e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
