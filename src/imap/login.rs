//! From the first octet of a connection to a logged-in session.

use std::collections::VecDeque;

use imap_proto::{Capability, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::error::ImapError;
use super::name::{is_printable, quoted};
use super::wire::{COMMAND, Done, Transport, Wire, done};
use crate::config::{Auth, Login};
use crate::net::Endpoint;
use crate::sasl::{Credentials, Initial, Secrets, Told};

/// Octets of one line of the talk before TLS.
const LINE: usize = 8192;
/// Lines of that talk.
const LINES: usize = 50;
/// How often a server may ask "+" in one login: more than any mechanism here takes.
const CHALLENGES: usize = 4;

/// Greeting and STARTTLS (RFC 3501 section 6.2.1), octet by octet and without a buffer: whatever an attacker adds
/// behind the OK is then the beginning of the TLS handshake, which it breaks, and never an answer to us.
pub(super) async fn ask_for_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    secrets: &Secrets,
) -> Result<(), ImapError> {
    timeout(COMMAND, starttls(stream, secrets)).await.unwrap_or(Err(ImapError::Stalled("STARTTLS")))
}

async fn starttls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, secrets: &Secrets) -> Result<(), ImapError> {
    let greeting = line(stream).await?;
    match keyword(&greeting, "* ") {
        Some("OK") => {}
        Some("BYE") => return Err(ImapError::Bye(secrets.tell(&greeting))),
        // PREAUTH: there is no STARTTLS after a login, so nothing would ever be encrypted.
        _ => return Err(ImapError::Protocol("the greeting is not OK")),
    }
    let sent = async {
        stream.write_all(b"D0 STARTTLS\r\n").await?;
        stream.flush().await
    };
    sent.await.map_err(|e| ImapError::Broken("STARTTLS", e.kind()))?;
    for _ in 0..LINES {
        let answer = line(stream).await?;
        match keyword(&answer, "D0 ") {
            Some("OK") => return Ok(()),
            Some(_) => return Err(ImapError::Refused { command: "STARTTLS", text: secrets.tell(&answer) }),
            None if keyword(&answer, "* ") == Some("BYE") => return Err(ImapError::Bye(secrets.tell(&answer))),
            None if answer.starts_with("* ") => {}
            None => return Err(ImapError::Protocol("no answer to STARTTLS")),
        }
    }
    Err(ImapError::Protocol("no answer to STARTTLS"))
}

/// The first word after a prefix, in capitals as far as we know it.
fn keyword<'a>(line: &str, prefix: &str) -> Option<&'a str> {
    let word = line.strip_prefix(prefix)?.split_ascii_whitespace().next().unwrap_or_default();
    Some(["OK", "BYE"].into_iter().find(|known| known.eq_ignore_ascii_case(word)).unwrap_or("another"))
}

async fn line<S: AsyncRead + Unpin>(stream: &mut S) -> Result<String, ImapError> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(b'\n') => return Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
            Ok(octet) if line.len() < LINE => line.push(octet),
            Ok(_) => return Err(ImapError::Protocol("a line without an end")),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(ImapError::Closed("STARTTLS")),
            Err(e) => return Err(ImapError::Broken("STARTTLS", e.kind())),
        }
    }
}

/// What of the server's abilities matters for a login.
#[derive(Default)]
struct Abilities {
    plain: bool,
    xoauth2: bool,
    initial_response: bool,
    login_disabled: bool,
}

/// Logs in by the configured mechanism.
pub(super) async fn log_in<S: Transport>(
    wire: &mut Wire<S>,
    login: &Login,
    to: &Endpoint,
    secret: &str,
) -> Result<(), ImapError> {
    let credentials = Credentials::new(&login.user, secret)?;
    // Asked after TLS is up: what was said before it counts for nothing (RFC 3501 section 6.2.1).
    let abilities = abilities(wire).await?;
    let initial = match login.auth {
        Auth::Password if abilities.plain => {
            let refused = match authenticate(wire, credentials.plain(), &abilities).await {
                Err(ImapError::LoginRefused(text)) if !abilities.login_disabled && !names_password(&text) => text,
                done => return done,
            };
            // A mechanism may be refused where the password is right.
            let second = by_login(wire, &login.user, secret).await;
            return second.map_err(|_| ImapError::LoginRefused(refused));
        }
        Auth::Password if abilities.login_disabled => {
            return Err(ImapError::LoginRefused(wire.told("the server takes no password over this connection")));
        }
        Auth::Password => return by_login(wire, &login.user, secret).await,
        Auth::XOauth2 => credentials.xoauth2(),
        Auth::OAuth2 if abilities.xoauth2 => credentials.xoauth2(),
        Auth::OauthBearer | Auth::OAuth2 => credentials.oauthbearer(Some((&to.server, to.port))),
    };
    authenticate(wire, initial, &abilities).await
}

async fn abilities<S: Transport>(wire: &mut Wire<S>) -> Result<Abilities, ImapError> {
    let mut abilities = Abilities::default();
    let each = |answer: &Response<'_>, _| {
        if let Response::Capabilities(all) = answer {
            for capability in all {
                match capability {
                    Capability::Auth(name) => {
                        abilities.plain |= name.eq_ignore_ascii_case("PLAIN");
                        abilities.xoauth2 |= name.eq_ignore_ascii_case("XOAUTH2");
                    }
                    Capability::Atom(name) => {
                        abilities.initial_response |= name.eq_ignore_ascii_case("SASL-IR");
                        abilities.login_disabled |= name.eq_ignore_ascii_case("LOGINDISABLED");
                    }
                    Capability::Imap4rev1 => {}
                }
            }
        }
        Ok(())
    };
    wire.command("CAPABILITY", "CAPABILITY", COMMAND, each).await?;
    Ok(abilities)
}

/// AUTHENTICATE (RFC 3501 section 6.2.2), with the first response in the command where the server can take it
/// (RFC 4959).
async fn authenticate<S: Transport>(
    wire: &mut Wire<S>,
    initial: Initial,
    abilities: &Abilities,
) -> Result<(), ImapError> {
    let mut command = format!("AUTHENTICATE {}", initial.mechanism);
    let mut lines = VecDeque::from([initial.response, initial.after_refusal.to_owned()]);
    if abilities.initial_response
        && let Some(first) = lines.pop_front()
    {
        command.push(' ');
        command.push_str(&first);
    }
    converse(wire, &command, lines).await
}

/// LOGIN. What does not fit a quoted string is sent as a literal (RFC 3501 section 4.3).
async fn by_login<S: Transport>(wire: &mut Wire<S>, user: &str, secret: &str) -> Result<(), ImapError> {
    let mut lines = VecDeque::new();
    let mut line = String::from("LOGIN");
    for part in [user, secret] {
        if is_printable(part) {
            line.push(' ');
            line.push_str(&quoted(part));
        } else {
            line.push_str(&format!(" {{{}}}", part.len()));
            lines.push_back(std::mem::replace(&mut line, part.to_owned()));
        }
    }
    lines.push_back(line);
    let command = lines.pop_front().unwrap_or_default();
    converse(wire, &command, lines).await
}

/// Sends a command, and a line for each "+".
async fn converse<S: Transport>(
    wire: &mut Wire<S>,
    command: &str,
    mut lines: VecDeque<String>,
) -> Result<(), ImapError> {
    const NAME: &str = "the login";
    let until = Instant::now() + COMMAND;
    let tag = wire.send(NAME, command, COMMAND).await?;
    let mut challenges = 0;
    loop {
        let step = |answer: &Response<'_>, _| {
            if matches!(answer, Response::Continue(_)) {
                return Ok(Step::Asked);
            }
            done(&tag, answer).map(|done| done.map_or(Step::Other, Step::Done))
        };
        match wire.next(NAME, until, step).await?? {
            Step::Other => {}
            Step::Asked => {
                challenges += 1;
                if challenges > CHALLENGES {
                    return Err(ImapError::Protocol("the login has no end"));
                }
                let line = format!("{}\r\n", lines.pop_front().unwrap_or_default());
                wire.write(NAME, line.as_bytes(), COMMAND).await?;
            }
            Step::Done(Done::Ok) => {
                wire.finished();
                return Ok(());
            }
            Step::Done(Done::Refused(text)) => {
                // A tagged answer: what comes next on this connection is known.
                wire.finished();
                return Err(refused(&text, wire.told(&text)));
            }
        }
    }
}

enum Step {
    Other,
    Asked,
    Done(Done),
}

/// Whether a refusal is of this user or secret (RFC 5530 section 3), and not of how they were given: a second try would be
/// a second failed login, and servers count these.
fn names_password(said: &Told) -> bool {
    let capitals = said.to_string().to_ascii_uppercase();
    ["[AUTHENTICATIONFAILED]", "[AUTHORIZATIONFAILED]", "[EXPIRED]"].iter().any(|code| capitals.starts_with(code))
}

/// A refusal that says that it will pass (RFC 5530 section 3) is not one of the password.
fn refused(said: &str, text: Told) -> ImapError {
    let passing = ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"];
    let capitals = said.to_ascii_uppercase();
    if passing.iter().any(|code| capitals.starts_with(code)) {
        ImapError::Refused { command: "the login", text }
    } else {
        ImapError::LoginRefused(text)
    }
}
