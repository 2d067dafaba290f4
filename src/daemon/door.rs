//! What a port of a mail server speaks, before anybody logs in, for `check --online`.
//!
//! A server that expects TLS from the first byte says nothing to whoever waits for its greeting, and waits itself. So a
//! greeting that does not come soon is not waited for alone: TLS is tried beside it, and a server that answers to that has
//! told what to write.

use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::finding::Finding;
use crate::net::certificate::Certificate;
use crate::net::{self, Endpoint, NetError, Tls};
use crate::{imap, smtp};

/// How long something is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// A greeting, before TLS is tried beside it.
    silence: Duration,
    /// A greeting, after that. Some servers wait on purpose, to be rid of senders of spam.
    greeting: Duration,
    /// TLS.
    handshake: Duration,
}

const PATIENCE: Patience =
    Patience { silence: Duration::from_secs(5), greeting: Duration::from_secs(25), handshake: Duration::from_secs(10) };

/// Which server, in a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Inbox,
    Outgoing,
}

impl Door {
    fn word(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Outgoing => "outgoing",
        }
    }
}

/// Looks at the port and its certificate. `None` where there is nothing to say.
///
/// # Errors
/// What is wrong, where nobody could log in by it.
pub(super) async fn look(door: Door, to: &Endpoint, now: Timestamp) -> Result<Option<Finding>, Finding> {
    look_within(door, to, now, PATIENCE).await
}

async fn look_within(
    door: Door,
    to: &Endpoint,
    now: Timestamp,
    patience: Patience,
) -> Result<Option<Finding>, Finding> {
    let Patience { silence, greeting, handshake } = patience;
    let (word, server) = (door.word(), format!("{}:{}", to.server, to.port));
    let wrong = |why: &dyn std::fmt::Display| Finding::bad(format!("{word}: {why}"));
    if to.tls != Tls::Implicit {
        let tcp = net::tcp(to).await.map_err(|e| wrong(&e))?;
        if timeout(silence, tcp.readable()).await.is_err() {
            if speaks_tls(to, handshake).await {
                let usual = if door == Door::Inbox { 143 } else { 587 };
                return Err(Finding::bad(format!(
                    "{word}: {server} expects TLS from the first byte: write tls = \"implicit\", or for plain text first \
                     another port, mostly {usual}"
                )));
            }
            if timeout(greeting, tcp.readable()).await.is_err() {
                return Err(Finding::bad(format!(
                    "{word}: {server} says nothing within {} s; is that the right port?",
                    (silence + greeting).as_secs()
                )));
            }
        }
    }
    let tcp = match to.tls {
        Tls::None => return Ok(None),
        Tls::Implicit => net::tcp(to).await.map_err(|e| wrong(&e))?,
        // What goes wrong before TLS is told at the login, in its words.
        Tls::StartTls => match ask_for_tls(door, to).await {
            Some(tcp) => tcp,
            None => return Ok(None),
        },
    };
    let stream = match timeout(handshake, net::tls(tcp, to)).await {
        Ok(stream) => stream.map_err(|e| wrong(&e))?,
        Err(_) => {
            return Err(Finding::bad(format!(
                "{word}: {server} does not answer to TLS within {} s; where plain text comes first, write \
                 tls = \"starttls\"",
                handshake.as_secs()
            )));
        }
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(|all| Certificate::read(all.first()?));
    Ok(shown.map(|certificate| judge(word, &server, &certificate, now)))
}

async fn ask_for_tls(door: Door, to: &Endpoint) -> Option<TcpStream> {
    let mut tcp = net::tcp(to).await.ok()?;
    match door {
        Door::Inbox => imap::ask_for_tls(&mut tcp).await.ok().map(|()| tcp),
        Door::Outgoing => smtp::ask_for_tls(tcp).await.ok(),
    }
}

/// Whether TLS is what it waits for: also a certificate that is not good is an answer to TLS.
async fn speaks_tls(to: &Endpoint, within: Duration) -> bool {
    let to = Endpoint { tls: Tls::Implicit, ..to.clone() };
    let Ok(tcp) = net::tcp(&to).await else { return false };
    match timeout(within, net::tls(tcp, &to)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => is_about_certificate(&error),
        Err(_) => false,
    }
}

fn is_about_certificate(error: &NetError) -> bool {
    let NetError::Tls(_, error, _) = error else { return false };
    let cause = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

fn judge(word: &str, server: &str, certificate: &Certificate, now: Timestamp) -> Finding {
    let Certificate { issuer, ends, .. } = certificate;
    let day = ends.strftime("%Y-%m-%d");
    if certificate.ends_soon(now) {
        let days = ends.duration_since(now).as_hours() / 24;
        Finding::bad(format!(
            "{word}: the certificate of {server} ends on {day}, in {days} days, and then nobody gets in: have it renewed"
        ))
    } else {
        Finding::good(format!("{word}: {server}: TLS, with a certificate by {issuer:?} until {day}"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says these words to everybody, and then nothing.
    async fn server(words: &'static [u8]) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(words).await.unwrap();
                open.push(stream);
            }
        });
        port
    }

    async fn looked(port: u16, tls: Tls) -> Result<Option<Finding>, Finding> {
        let to = Endpoint { server: "127.0.0.1".into(), port, tls, ca_file: None };
        let soon = Duration::from_millis(50);
        let patience = Patience { silence: soon, greeting: soon, handshake: soon };
        look_within(Door::Outgoing, &to, Timestamp::UNIX_EPOCH, patience).await
    }

    #[tokio::test]
    async fn plain_text_where_tls_is_expected_says_what_to_write() {
        for greeting in [&b"220 mx.example.org ESMTP\r\n"[..], b"* OK ready\r\n"] {
            let found = looked(server(greeting).await, Tls::Implicit).await.unwrap_err();
            assert!(!found.good && found.text.contains("write tls = \"starttls\""), "{}", found.text);
        }
        assert_eq!(looked(server(b"220 mx\r\n").await, Tls::None).await, Ok(None));
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let found = looked(server(b"").await, Tls::StartTls).await.unwrap_err();
        assert!(found.text.contains("says nothing within"), "{}", found.text);
        let found = looked(server(b"").await, Tls::Implicit).await.unwrap_err();
        assert!(found.text.contains("does not answer to TLS"), "{}", found.text);
    }

    #[test]
    fn a_certificate_is_told_and_one_that_ends_is_wrong() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let certificate = Certificate {
            issuer: "Example CA".into(),
            begins: at("2026-10-01T00:00:00Z"),
            ends: at("2026-12-30T00:00:00Z"),
        };
        let of = |now| judge("inbox", "mx:993", &certificate, at(now));
        let found = of("2026-11-01T00:00:00Z");
        assert_eq!(
            (found.good, found.text.as_str()),
            (true, "inbox: mx:993: TLS, with a certificate by \"Example CA\" until 2026-12-30")
        );
        let found = of("2026-12-20T00:00:00Z");
        assert!(!found.good && found.text.contains("ends on 2026-12-30, in 10 days"), "{}", found.text);
    }
}
