//! One POST of a form over TLS (RFC 9112). No redirect is followed and no proxy is used: a token endpoint has one address,
//! and what is sent there is a secret.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::TokenError;
use super::form::Form;
use crate::net::{self, Endpoint};

/// All of one question and its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Octets of an answer; tokens have a few thousand.
const ANSWER: usize = 256 * 1024;
/// Octets read at a time.
const PIECE: usize = 4096;

/// The address of an endpoint: `https:` and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The server.
    pub to: Endpoint,
    /// What is asked of it: path and query.
    pub path: String,
}

impl Place {
    /// The server, for people.
    pub(super) fn server(&self) -> &str {
        &self.to.server
    }

    /// The server as requests name it (RFC 9110 section 7.2).
    fn host(&self) -> String {
        let Endpoint { server, port, .. } = &self.to;
        if *port == 443 { server.clone() } else { format!("{server}:{port}") }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "https://{}{}", self.host(), self.path)
    }
}

/// Posts a form; answers with the status and the body.
///
/// # Errors
/// [`TokenError`] where no whole answer came within 30 s and 256 KiB.
pub(super) async fn post(to: &Place, form: &Form) -> Result<(u16, Vec<u8>), TokenError> {
    let slow = || Err(odd(to, "did not answer within 30 s"));
    tokio::time::timeout(TIMEOUT, exchange(to, form)).await.unwrap_or_else(|_| slow())
}

fn odd(to: &Place, what: &str) -> TokenError {
    TokenError::Http(to.server().to_owned(), what.to_owned())
}

async fn exchange(to: &Place, form: &Form) -> Result<(u16, Vec<u8>), TokenError> {
    let tcp = net::tcp(&to.to).await.map_err(TokenError::Net)?;
    let stream = net::tls(tcp, &to.to).await.map_err(TokenError::Net)?;
    // What hyper says of an answer may quote it.
    let broken = |_| odd(to, "speaks no HTTP, or broke off");
    let (mut sender, connection) = http1::handshake(Joined(stream)).await.map_err(broken)?;
    // Nobody waits for it any more when the answer is there, or too late.
    let _driver = AbortOnDrop(tokio::spawn(async move { drop(connection.await) }));
    let request = Request::post(&to.path)
        .header("host", to.host())
        .header("user-agent", concat!("disclosed/", env!("CARGO_PKG_VERSION")))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(Full::new(Bytes::from(form.encoded())))
        .map_err(|_| odd(to, "has an address that no request can hold"))?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER).collect().await;
    let body = body.map_err(|_| odd(to, "broke off, or says too much"))?;
    Ok((status, body.to_bytes().to_vec()))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stream of tokio's as one of hyper's.
struct Joined<S>(S);

impl<S: AsyncRead + Unpin> hyper::rt::Read for Joined<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut piece = [0; PIECE];
        let most = to.remaining().min(PIECE);
        let mut read = ReadBuf::new(piece.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut read))?;
        to.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for Joined<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
