//! Sends one mail to one recipient (RFC 5321, RFC 6409).
//!
//! What a delivery came to is exactly one [`Outcome`], whose words are one clean line of at most 200 characters, and the
//! difference that matters most is drawn sharply: before the final dot nothing can have been accepted, so trying again is
//! safe; after it, only a reply tells. So the dot waits for leave ([`gate`]). A session over which a mail was accepted may
//! carry the next one; after anything else the socket is dropped. Nothing is pipelined: each command waits for its reply.

mod gate;
mod judge;
mod wire;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use data_encoding::BASE64;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials as Asked, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::gate::{Dot, Gate};
pub(crate) use self::gate::{Keeper, Ready};
use self::judge::{Cause, judge};
use self::wire::Wire;
use crate::config::{Auth, Login, Password, SmtpConfig};
use crate::net::{self, Tls};
use crate::notice::write::check_wire;
use crate::sasl::{Credentials, Secrets};
use crate::vocabulary::{Address, Outcome, Said, Stage};

/// Greeting, EHLO, AUTH, MAIL, RCPT, DATA: each (RFC 5321 section 4.5.3.2).
const STEP_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// All that comes before the mail itself, connecting included: one slow server must not hold the queue for long.
const BEFORE_CONTENT_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The mail and the reply to it. The reply alone is owed 10 minutes (RFC 5321 section 4.5.3.2.6): a shorter
/// patience makes duplicates.
const CONTENT_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A courtesy, after everything is decided.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Mails that one session carries.
const MAILS: u32 = 50;
/// The mail is written in pieces of this many octets.
const PIECE: usize = 16 * 1024;

/// By which login mail is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'a> {
    /// The server, and who logs in.
    pub config: &'a SmtpConfig,
    /// What `config.login` logs in with.
    pub secret: Option<&'a Password>,
    /// What is known of the server.
    pub habit: &'a Habit,
}

/// How a server is given a password where it offers two mechanisms, and refuses one. Who tries both each time has as many
/// failed logins as mails, and is locked out.
#[derive(Debug, Default)]
pub(crate) struct Habit(AtomicU8);

impl Habit {
    /// PLAIN first, and then LOGIN.
    const BOTH: u8 = 0;
    /// LOGIN works, where PLAIN was refused.
    const LOGIN: u8 = 1;
    /// Neither works: one try is enough to find out that it does again.
    const PLAIN: u8 = 2;

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, habit: u8) {
        self.0.store(habit, Ordering::Relaxed);
    }
}

/// A mail to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    /// The envelope sender; `None` is the null sender of RFC 5321 section 4.5.5.
    pub from: Option<&'a Address>,
    /// The one recipient.
    pub to: &'a Address,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A connection that is logged in, and over which the last mail was accepted.
pub(crate) struct Session {
    connection: AsyncSmtpConnection,
    dot: Dot,
    /// Mails that it has carried.
    mails: u32,
}

impl Session {
    /// Leaves the server, beside whatever goes on.
    pub(crate) fn leave(self) {
        tokio::spawn(quit(self.connection));
    }
}

/// What came of a mail, and the session that may carry another one.
///
/// Without an outcome there was no leave: the mail was not given over, and nothing is known of how it would have fared.
pub(crate) type Ended = (Option<Outcome>, Option<Box<Session>>);

/// Sends a mail, over a session that rests if there is one. `keeper` is asked for leave before the final dot. Never takes
/// longer than 26 minutes.
pub(crate) async fn send(
    account: Account<'_>,
    letter: Letter<'_>,
    keeper: Keeper,
    rested: Option<Box<Session>>,
) -> Ended {
    // Not the account's fault: the other mails of the queue may go.
    if let Err(unfit) = check_wire(letter.bytes) {
        let refused = Outcome::Refused(Said::at(Stage::Content, format!("not sent: the mail {unfit}")));
        return (Some(refused), rested);
    }
    let open = async |stage: &mut Stage, gate: Gate| connect(stage, account.config, gate).await;
    let (outcome, session) = transact(open, account, letter, keeper, rested).await;
    match outcome {
        Some(Outcome::Closed(said)) if is_worth_another(account, &said).await => (Some(Outcome::Away(said)), session),
        outcome => (outcome, session),
    }
}

/// Whether the login was refused for an access token that was good before: the next try gets a new one, and says whether a
/// person has to mend something.
async fn is_worth_another(Account { config, secret, .. }: Account<'_>, said: &Said) -> bool {
    let (Some(login), Some(secret)) = (&config.login, secret) else { return false };
    said.stage == Some(Stage::Auth) && login.secret.was_refused(secret).await
}

/// Sends a mail that is no notice, so that nobody is asked for leave.
pub(crate) async fn send_at_once(config: &SmtpConfig, secret: Option<&Password>, letter: Letter<'_>) -> Outcome {
    let account = Account { config, secret, habit: &Habit::default() };
    let (outcome, session) = send(account, letter, Keeper::Nobody, None).await;
    if let Some(session) = session {
        session.leave();
    }
    outcome.unwrap_or_else(|| Outcome::Deferred("it was not given over".into()))
}

/// Connects, logs in and leaves again; answers with a line about the server.
///
/// # Errors
/// What went wrong, and at which step.
pub(crate) async fn check(config: &SmtpConfig, secret: Option<&Password>) -> Result<String, Said> {
    let mut stage = Stage::Connect;
    let entered = timeout(BEFORE_CONTENT_TIMEOUT, async {
        let stream = connect(&mut stage, config, Gate::new(Dot::default())).await?;
        enter(&mut stage, stream, Account { config, secret, habit: &Habit::default() }).await
    });
    let secrets = secrets(secret.map(Password::expose));
    match entered.await.unwrap_or_else(|_| Err(Cause::too_slow())) {
        Ok(connection) => {
            let name = secrets.tell(connection.server_info().name());
            quit(connection).await;
            Ok(if config.login.is_some() { format!("{name} lets us in") } else { format!("{name} answers") })
        }
        Err(cause) => Err(Said::at(stage, cause.text(&secrets))),
    }
}

/// Greeting and STARTTLS, and no login: what comes next on the connection is TLS.
///
/// # Errors
/// What went wrong, and at which step.
pub(crate) async fn ask_for_tls(tcp: TcpStream) -> Result<TcpStream, Said> {
    let mut stage = Stage::Hello;
    starttls(&mut stage, tcp).await.map_err(|cause| Said::at(stage, cause.text(&Secrets::none())))
}

/// Goes as far as the recipient's address, and leaves again: whether a sender and a recipient are taken, with nothing sent.
///
/// # Errors
/// The outcome that a mail would have had.
pub(crate) async fn try_addresses(
    config: &SmtpConfig,
    secret: Option<&Password>,
    from: &Address,
    to: &Address,
) -> Result<(), Outcome> {
    let mut stage = Stage::Connect;
    let tried = timeout(BEFORE_CONTENT_TIMEOUT, async {
        let stream = connect(&mut stage, config, Gate::new(Dot::default())).await?;
        let mut connection = enter(&mut stage, stream, Account { config, secret, habit: &Habit::default() }).await?;
        let letter = Letter { from: Some(from), to, bytes: b"" };
        mail(&mut stage, &mut connection, letter).await?;
        recipient(&mut stage, &mut connection, letter).await?;
        Ok(connection)
    });
    let secrets = secrets(secret.map(Password::expose));
    let connection = tried.await.unwrap_or_else(|_| Err(Cause::too_slow()));
    quit(connection.map_err(|cause| judge(stage, cause, &secrets))?).await;
    Ok(())
}

/// One mail over a session that rested, or over the stream that `connect` opens.
async fn transact(
    connect: impl AsyncFnOnce(&mut Stage, Gate) -> Result<Box<dyn AsyncTokioStream>, Cause>,
    account: Account<'_>,
    letter: Letter<'_>,
    keeper: Keeper,
    rested: Option<Box<Session>>,
) -> Ended {
    let secrets = secrets(account.secret.map(Password::expose));
    let mut stage = Stage::Connect;
    let prepared = timeout(BEFORE_CONTENT_TIMEOUT, async {
        let mut session = begin(&mut stage, connect, account, letter, keeper, rested).await?;
        recipient(&mut stage, &mut session.connection, letter).await?;
        data(&mut stage, &mut session.connection).await?;
        Ok(session)
    });
    let mut session = match prepared.await.unwrap_or_else(|_| Err(Cause::too_slow())) {
        Ok(session) => session,
        Err(cause) => return (Some(judge(stage, cause, &secrets)), None),
    };
    match content(&mut session, letter.bytes, &secrets).await {
        Ok(outcome @ Outcome::Sent(_)) => {
            session.mails += 1;
            if session.mails < MAILS {
                return (Some(outcome), Some(session));
            }
            // Beside what follows: until the outcome is written down, the notice is in doubt.
            session.leave();
            (Some(outcome), None)
        }
        Ok(outcome) => (Some(outcome), None),
        Err(_) if session.dot.is_reached() => (None, None),
        Err(cause) => (Some(judge(Stage::Content, cause, &secrets)), None),
    }
}

/// A session in which the server has taken MAIL. One that rested may have ended meanwhile, or carried as much as the server
/// lets it, which is no word about this mail: then a fresh one is opened, once.
async fn begin(
    stage: &mut Stage,
    connect: impl AsyncFnOnce(&mut Stage, Gate) -> Result<Box<dyn AsyncTokioStream>, Cause>,
    account: Account<'_>,
    letter: Letter<'_>,
    keeper: Keeper,
    rested: Option<Box<Session>>,
) -> Result<Box<Session>, Cause> {
    if let Some(mut session) = rested {
        session.dot.begin(keeper.clone());
        match mail(stage, &mut session.connection, letter).await {
            Ok(()) => return Ok(session),
            Err(_) => *stage = Stage::Connect,
        }
    }
    let dot = Dot::default();
    dot.begin(keeper);
    let stream = connect(stage, Gate::new(dot.clone())).await?;
    let mut connection = enter(stage, stream, account).await?;
    mail(stage, &mut connection, letter).await?;
    Ok(Box::new(Session { connection, dot, mails: 0 }))
}

/// What the server may not say back.
fn secrets(secret: Option<&str>) -> Secrets {
    secret.map_or_else(Secrets::none, Secrets::of)
}

/// A connection that is protected as the config wants it, before lettre's client.
async fn connect(stage: &mut Stage, config: &SmtpConfig, gate: Gate) -> Result<Box<dyn AsyncTokioStream>, Cause> {
    let tcp = net::tcp(&config.endpoint).await?;
    Ok(match config.endpoint.tls {
        Tls::None => Box::new(Wire::new(tcp).behind(gate)),
        Tls::Implicit => {
            *stage = Stage::Tls;
            Box::new(Wire::new(net::tls(tcp, &config.endpoint).await?).behind(gate))
        }
        Tls::StartTls => {
            let tcp = starttls(stage, tcp).await?;
            Box::new(Wire::greeted(net::tls(tcp, &config.endpoint).await?).behind(gate))
        }
    })
}

/// STARTTLS (RFC 3207). Done here and not by lettre, which keeps what came unprotected after the 220 and reads it
/// as the server's first words under TLS. Here such a server is not spoken to.
async fn starttls<S: AsyncRead + AsyncWrite + Unpin>(stage: &mut Stage, stream: S) -> Result<S, Cause> {
    *stage = Stage::Hello;
    let mut wire = Wire::new(stream);
    plain_step(&mut wire, None, 220).await?;
    let offered = plain_step(&mut wire, Some(&format!("EHLO {}", ClientId::default())), 250).await?;
    *stage = Stage::Tls;
    // RFC 5321 section 4.1.1.1: one keyword a line, after the first line.
    let keyword = |line: &str| line.get(4..).is_some_and(|k| k.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offered.lines().skip(1).any(keyword) {
        return Err(Cause::Ours("the server does not offer STARTTLS; nothing was sent unprotected".into()));
    }
    plain_step(&mut wire, Some("STARTTLS"), 220).await?;
    // RFC 3207 section 4.2: what the server said before TLS must be forgotten; one that says more is not used.
    wire.into_inner().map_err(|e| Cause::Ours(format!("{e} before TLS")))
}

async fn plain_step<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    line: Option<&str>,
    expect: u16,
) -> Result<String, Cause> {
    match timeout(STEP_TIMEOUT, wire.exchange(line)).await {
        Err(_) => Err(Cause::too_slow()),
        Ok(Ok((code, text))) if code == expect => Ok(text),
        Ok(Ok((code, text))) => Err(Cause::Reply(code, text.get(4..).unwrap_or_default().to_owned())),
        // Somebody between us and the server, or a server that does not keep to SMTP.
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::InvalidData => Err(Cause::Ours(format!("{e} before TLS"))),
        Ok(Err(e)) => Err(Cause::Broken(e.to_string())),
    }
}

/// Greeting, EHLO and AUTH.
async fn enter(
    stage: &mut Stage,
    stream: Box<dyn AsyncTokioStream>,
    Account { config, secret, habit }: Account<'_>,
) -> Result<AsyncSmtpConnection, Cause> {
    *stage = Stage::Hello;
    // "[127.0.0.1]", which servers take from clients that log in; our host name is nobody's business.
    let hello = ClientId::default();
    let mut connection = step(AsyncSmtpConnection::connect_with_transport(stream, &hello)).await?;
    if let Some(login) = &config.login {
        *stage = Stage::Auth;
        let secret = secret.ok_or_else(|| Cause::Ours("there is no secret to log in with".into()))?;
        log_in(&mut connection, login, secret.expose(), habit).await?;
        login.secret.was_accepted(secret).await;
    }
    Ok(connection)
}

async fn log_in(connection: &mut AsyncSmtpConnection, login: &Login, secret: &str, habit: &Habit) -> Result<(), Cause> {
    let credentials = Credentials::new(&login.user, secret).map_err(|unfit| Cause::Ours(unfit.to_string()))?;
    let offers = |mechanism| connection.server_info().supports_auth_mechanism(mechanism);
    let (plain, by_login) = (offers(Mechanism::Plain), offers(Mechanism::Login));
    let first = match login.auth {
        Auth::Password if plain && !(by_login && habit.get() == Habit::LOGIN) => credentials.plain(),
        Auth::Password => return ask_for_password(connection, login, secret).await,
        Auth::XOauth2 => credentials.xoauth2(),
        Auth::OAuth2 if offers(Mechanism::Xoauth2) => credentials.xoauth2(),
        Auth::OauthBearer | Auth::OAuth2 => credentials.oauthbearer(None),
    };
    let command = format!("AUTH {} {}\r\n", first.mechanism, first.response);
    let refused = match step(connection.command(command)).await {
        Ok(response) => return entered(&response, login.auth),
        Err(cause) => cause,
    };
    // A mechanism may be refused where the password is right.
    let again = login.auth == Auth::Password && by_login && habit.get() == Habit::BOTH;
    if !again || !matches!(refused, Cause::Reply(500..=599, _)) {
        return Err(refused);
    }
    let second = ask_for_password(connection, login, secret).await;
    habit.set(if second.is_ok() { Habit::LOGIN } else { Habit::PLAIN });
    second.map_err(|_| refused)
}

/// LOGIN begins with nothing: the server asks for the user and for the secret, and lettre answers.
async fn ask_for_password(connection: &mut AsyncSmtpConnection, login: &Login, secret: &str) -> Result<(), Cause> {
    let asked = Asked::new(login.user.clone(), secret.to_owned());
    entered(&step(connection.auth(&[Mechanism::Login], &asked)).await?, login.auth)
}

/// Whether the server lets us in.
fn entered(response: &Response, auth: Auth) -> Result<(), Cause> {
    match u16::from(response.code()) {
        235 => Ok(()),
        // RFC 7628 section 3.2.2: the server says in a challenge why the token will not do. PLAIN has no challenges.
        334 => {
            let why = response.first_line().and_then(|l| BASE64.decode(l.trim().as_bytes()).ok()).unwrap_or_default();
            let secret = match auth {
                Auth::Password => "password",
                Auth::XOauth2 | Auth::OauthBearer | Auth::OAuth2 => "token",
            };
            // The code first, so that the log has no more than that.
            Err(Cause::Ours(format!("334 the {secret} was refused: {}", String::from_utf8_lossy(&why))))
        }
        _ => Err(Cause::said(response)),
    }
}

/// The envelope's sender. The addresses are plain by their type: nothing in them can end a command.
async fn mail(stage: &mut Stage, connection: &mut AsyncSmtpConnection, letter: Letter<'_>) -> Result<(), Cause> {
    *stage = Stage::Mail;
    let from = letter.from.map_or("", Address::as_str);
    expect(connection, format!("MAIL FROM:<{from}>\r\n"), 250..=250).await
}

/// The envelope's recipient.
async fn recipient(stage: &mut Stage, connection: &mut AsyncSmtpConnection, letter: Letter<'_>) -> Result<(), Cause> {
    *stage = Stage::Rcpt;
    // 251: the server forwards it itself (RFC 5321 section 3.4).
    expect(connection, format!("RCPT TO:<{}>\r\n", letter.to.as_str()), 250..=251).await
}

/// Leave to send.
async fn data(stage: &mut Stage, connection: &mut AsyncSmtpConnection) -> Result<(), Cause> {
    *stage = Stage::Data;
    expect(connection, "DATA\r\n".to_owned(), 354..=354).await
}

async fn expect(
    connection: &mut AsyncSmtpConnection,
    command: String,
    codes: RangeInclusive<u16>,
) -> Result<(), Cause> {
    let response = step(connection.command(command)).await?;
    if codes.contains(&u16::from(response.code())) { Ok(()) } else { Err(Cause::said(&response)) }
}

async fn step<T>(doing: impl Future<Output = Result<T, Error>>) -> Result<T, Cause> {
    match timeout(STEP_TIMEOUT, doing).await {
        Ok(done) => done.map_err(Cause::from),
        Err(_) => Err(Cause::too_slow()),
    }
}

/// The mail, the final dot, and the reply to it; an error says clearly that it was not accepted.
async fn content(session: &mut Session, bytes: &[u8], secrets: &Secrets) -> Result<Outcome, Cause> {
    let Session { connection, dot, .. } = session;
    // lettre writes CRLF before the dot itself.
    let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    // lettre asks for the piece after the last one just before it writes the dot.
    let end = std::iter::from_fn(|| {
        dot.reach();
        None
    });
    let answer = timeout(CONTENT_TIMEOUT, connection.message_iter(bytes.chunks(PIECE).chain(end))).await;
    let cause = match answer {
        Ok(Ok(response)) if u16::from(response.code()) == 250 => {
            return Ok(Outcome::Sent(Cause::said(&response).text(secrets).into()));
        }
        Ok(Ok(response)) => Cause::said(&response),
        Ok(Err(error)) => Cause::from(error),
        Err(_) => Cause::too_slow(),
    };
    // A refusal is clear that nothing was accepted, at the final dot too (RFC 5321 section 4.2.5).
    let refused = matches!(cause, Cause::Reply(400..=599, _));
    if dot.has_passed() && !refused {
        return Ok(Outcome::Unknown(cause.text(secrets).into()));
    }
    Err(cause)
}

async fn quit(mut connection: AsyncSmtpConnection) {
    // Whatever it answers, and whether it does.
    let _ = timeout(QUIT_TIMEOUT, connection.command("QUIT\r\n")).await;
}

#[cfg(test)]
mod tests;
