//! What a set-up needs to know, question by question.

use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::tz::TimeZone;

use super::args::Args;
use super::ask::{Asker, Question, Usual, capital};
use super::places::Held;
use crate::cli::desk::Usage;
use crate::config::{Password, nearest};
use crate::policy::Term;
use crate::provider::{Door, Provider, Server, Takes};
use crate::vocabulary::Address;

/// The promises that are asked for: the name, the milestone that keeps it, what is usual, and the question.
pub(super) const PROMISES: [(&str, &str, &str, &str); 3] = [
    ("acknowledge", "acknowledged", "48h", "SECURITY.md promises: a person answers within"),
    ("assess", "assessed", "7d", "… an assessment within"),
    ("disclose", "public", "90d", "… disclosure within"),
];

const ROLES: [&str; 4] = ["maintainer", "lead", "escalation", "observer"];

/// A server as the config says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: String,
}

/// Somebody who handles reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) roles: Vec<String>,
}

/// What lets one in.
#[derive(Clone, Debug)]
pub(super) enum Pass {
    Password(Password),
    Token(Token),
}

/// In whose name access tokens are asked for.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) tenant: String,
    pub(super) client: String,
    /// The client secret; without one a person allows it by `disclosed login`.
    pub(super) secret: Option<Password>,
}

impl Pass {
    /// What is kept secret, and as what.
    pub(super) fn secret(&self) -> Option<(&Password, Held)> {
        match self {
            Self::Password(password) => Some((password, Held::Mailbox)),
            Self::Token(token) => Some((token.secret.as_ref()?, Held::Client)),
        }
    }
}

/// How to get in and out.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) imap: At,
    pub(super) smtp: At,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) user: String,
    pub(super) pass: Pass,
    /// Another login for sending.
    pub(super) sending: Option<(String, Password)>,
    pub(super) folder: String,
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) mailbox: Address,
    /// "list" or "forwarder", and its name.
    pub(super) through: Vec<(String, String)>,
    pub(super) provider: &'static Provider,
    pub(super) authserv_ids: Vec<String>,
    pub(super) entry: Entry,
    pub(super) people: Vec<Who>,
    /// By the order of [`PROMISES`]; `None` where there is no such promise.
    pub(super) terms: Vec<Option<String>>,
    pub(super) timezone: String,
    pub(super) tags: bool,
    pub(super) idle: bool,
}

fn question<'a>(flag: &'static str, asks: &'a str, usual: Usual) -> Question<'a> {
    Question { flag, asks, usual }
}

fn some(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("something must stand here".into()) } else { Ok(text.to_owned()) }
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| format!("{text:?} is no address; write one like security@example.org"))
}

/// The address that reports go to.
pub(super) fn reports(args: &Args, asker: &Asker) -> Result<Address> {
    let asks = "The address that SECURITY.md names for reports";
    asker.ask(&question("--address", asks, Usual::Must("security@posteo.de")), args.address.as_deref(), address)
}

/// The first part of the domain: "example" of security@example.org.
pub(super) fn label(address: &Address) -> &str {
    address.domain().split('.').next().unwrap_or_default()
}

impl Answers {
    /// Asks for all but what is known already. `exchangers` tells of the hosts that take mail for a domain.
    pub(super) fn ask(
        args: &Args,
        asker: &Asker,
        address: Address,
        exchangers: impl FnOnce(&str) -> Vec<String>,
    ) -> Result<Self> {
        // Whom mail of anybody comes from says nothing of the project.
        let is_said = asker.is_there() || args.address.is_some();
        let is_public = is_said && Server::of(address.domain(), &[]).is_some();
        let usual = if is_public { Usual::Must("Example") } else { Usual::Default(capital(label(&address))) };
        let name =
            asker.ask(&question("--name", "What the project is called in mail", usual), args.name.as_deref(), some)?;
        let asks = "The mailbox that is read, if a group or forwarder stands before it";
        let usual = Usual::Default(address.as_str().to_owned());
        let mailbox = asker.ask(&question("--mailbox", asks, usual), args.mailbox.as_deref(), self::address)?;
        let through = through(args, asker, &address, &mailbox)?;
        let provider = provider(args, asker, &mailbox, exchangers)?;
        let entry = Entry::ask(args, asker, provider, &mailbox, None)?;
        let authserv_ids = authserv_ids(args, asker, provider)?;
        let people = people(args, asker)?;
        let (terms, timezone) = promises(args, asker)?;
        let tags = provider.service.is_none_or(|s| s.tags);
        Ok(Self {
            name,
            address,
            mailbox,
            through,
            provider,
            authserv_ids,
            entry,
            people,
            terms,
            timezone,
            tags,
            idle: true,
        })
    }
}

/// What stands in front of the mailbox.
fn through(args: &Args, asker: &Asker, address: &Address, mailbox: &Address) -> Result<Vec<(String, String)>> {
    let read = |text: &str| match text.split_once(':') {
        Some((kind @ ("list" | "forwarder"), name)) if !name.trim().is_empty() => {
            Ok((kind.to_owned(), name.trim().to_ascii_lowercase()))
        }
        _ => Err(format!("{text:?}: write list:LIST-ID or forwarder:DOMAIN")),
    };
    let asks = "What stands before it: list:LIST-ID of a group, or forwarder:DOMAIN";
    // A group's identifier is mostly its address with a dot (RFC 2919 section 2).
    let ask = |said: Option<&str>| {
        let usual = Usual::Guess(format!("list:{}.{}", address.local(), address.domain()));
        asker.ask(&question("--through", asks, usual), said, read)
    };
    if args.through.is_empty() && mailbox != address {
        return Ok(vec![ask(None)?]);
    }
    args.through.iter().map(|said| ask(Some(said))).collect()
}

fn provider(
    args: &Args,
    asker: &Asker,
    mailbox: &Address,
    exchangers: impl FnOnce(&str) -> Vec<String>,
) -> Result<&'static Provider> {
    let read = |text: &str| {
        Server::provider(text).ok_or_else(|| {
            let near = nearest(text, Server::names()).map_or_else(String::new, |near| format!(" {near:?}, or"));
            format!(
                "{text:?} is none that is known: write{near} one of {}",
                Server::names().collect::<Vec<_>>().join(", ")
            )
        })
    };
    let asks = "Who runs the mailbox (\"custom\": a server of your own)";
    let provider = match &args.provider {
        Some(said) => asker.ask(&question("--provider", asks, Usual::Must("custom")), Some(said), read)?,
        None => {
            let hosts =
                if Server::of(mailbox.domain(), &[]).is_some() { Vec::new() } else { exchangers(mailbox.domain()) };
            let known = Server::of(mailbox.domain(), &hosts).map_or("custom", |p| p.name);
            let names = Server::names().collect::<Vec<_>>().join(", ");
            asker.tell(&format!("Known providers: {names}."));
            asker.ask(&question("--provider", asks, Usual::Default(known.to_owned())), None, read)?
        }
    };
    Ok(provider)
}

/// What a server of one's own calls itself. Empty is a good answer: signatures and codes are what is left.
fn authserv_ids(args: &Args, asker: &Asker, provider: &Provider) -> Result<Vec<String>> {
    if !provider.is_own() {
        return Ok(Vec::new());
    }
    let asks = "First word of Authentication-Results in mail that your server took (Enter: not known)";
    let ids = asker.ask(
        &question("--authserv-id", asks, Usual::Default(String::new())),
        args.authserv_id.as_deref(),
        |text| Ok(text.split([',', ' ']).filter(|id| !id.is_empty()).map(ToOwned::to_owned).collect()),
    )?;
    Ok(ids)
}

impl Entry {
    /// Asks for servers and login; what was said `before` is what Enter takes, and then no flag counts.
    pub(super) fn ask(
        args: &Args,
        asker: &Asker,
        provider: &Provider,
        mailbox: &Address,
        before: Option<&Self>,
    ) -> Result<Self> {
        let flags = before.is_none();
        let said = |flag: &'_ Option<String>| flag.as_deref().filter(|_| flags).map(ToOwned::to_owned);
        let service = provider.service;
        let mail = format!("mail.{}", mailbox.domain());
        let usual = |before: Option<&At>, door: Option<Door>, guess: &str, implicit: u16| match (before, door) {
            (Some(at), _) => Usual::Guess(at.shown(implicit)),
            (None, Some(door)) => Usual::Default(At::of(door).shown(implicit)),
            (None, None) => Usual::Guess(guess.to_owned()),
        };
        let imap_usual = usual(before.map(|b| &b.imap), service.map(|s| s.imap), &mail, 993);
        let imap = server(
            asker,
            ["--imap", "--imap-tls"],
            "IMAP server, HOST or HOST:PORT (--provider NAME knows it)",
            imap_usual,
            [said(&args.imap), said(&args.imap_tls)],
            before.map(|b| b.imap.tls.as_str()),
        )?;
        let smtp_usual = usual(before.map(|b| &b.smtp), service.map(|s| s.smtp), &imap.host, 465);
        let smtp = server(
            asker,
            ["--smtp", "--smtp-tls"],
            "SMTP server, HOST or HOST:PORT (--provider NAME knows it)",
            smtp_usual,
            [said(&args.smtp), said(&args.smtp_tls)],
            before.map(|b| b.smtp.tls.as_str()),
        )?;
        let ca_file = ca_file(args, asker, &imap, before)?;
        let usual = before.map_or(mailbox.as_str(), |b| &b.user).to_owned();
        let user = asker.ask(
            &question("--user", "User of the login", Usual::Default(usual)),
            said(&args.user).as_deref(),
            some,
        )?;
        let file = args.password_file.as_deref().filter(|_| flags);
        let takes = service.map_or(Takes::Password("the password of the mailbox"), |s| s.takes);
        refuse_other_flags(args, takes, provider)?;
        let pass = match takes {
            Takes::Password(which) => Pass::Password(asker.password("--password-file", which, file)?),
            Takes::Token(_) => Pass::Token(Token::ask(args, asker, provider, mailbox, before)?),
        };
        let folder = |asker: &Asker| {
            let usual = before.map_or("INBOX", |b| &b.folder).to_owned();
            let asks = "Folder that reports arrive in";
            asker.ask(&question("--folder", asks, Usual::Default(usual)), said(&args.folder).as_deref(), some)
        };
        if matches!(pass, Pass::Token(_)) {
            // One application, or one person, for both.
            return Ok(Self { imap, smtp, ca_file, user, pass, sending: None, folder: folder(asker)? });
        }
        let usual = before.and_then(|b| b.sending.as_ref()).map_or(&user, |(user, _)| user).clone();
        let asks = "User for sending, if it is another login";
        let sender =
            asker.ask(&question("--smtp-user", asks, Usual::Default(usual)), said(&args.smtp_user).as_deref(), some)?;
        let file = args.smtp_password_file.as_deref().filter(|_| flags);
        let sending = if sender != user || file.is_some() {
            Some((sender, asker.password("--smtp-password-file", "the password for sending", file)?))
        } else {
            None
        };
        Ok(Self { imap, smtp, ca_file, user, pass, sending, folder: folder(asker)? })
    }
}

impl Token {
    /// Asks in whose name tokens are asked for. What was said `before` is what Enter takes, and then no flag counts.
    fn ask(args: &Args, asker: &Asker, provider: &Provider, mailbox: &Address, before: Option<&Entry>) -> Result<Self> {
        let before = before.and_then(|entry| match &entry.pass {
            Pass::Token(token) => Some(token),
            Pass::Password(_) => None,
        });
        let said = |flag: &'_ Option<String>| flag.clone().filter(|_| before.is_none());
        asker.tell(&format!(
            "{} takes no passwords here. An application that you register there logs in: `disclosed help providers`.",
            provider.name
        ));
        let is_personal = provider.service.is_some_and(|service| !service.domains.is_empty());
        let usual = match before {
            Some(token) => Usual::Default(token.tenant.clone()),
            None if is_personal => Usual::Default("consumers".to_owned()),
            None => Usual::Guess(mailbox.domain().to_owned()),
        };
        let asks = "Its directory (tenant): a domain, or an id";
        let tenant = asker.ask(&question("--tenant", asks, usual), said(&args.tenant).as_deref(), some)?;
        let usual = before
            .map_or(Usual::Must("00000000-0000-0000-0000-000000000000"), |token| Usual::Default(token.client.clone()));
        let asks = "Application (client) id";
        let client = asker.ask(&question("--client-id", asks, usual), said(&args.client_id).as_deref(), some)?;
        let known = before.and_then(|token| token.secret.clone());
        let asks = match known {
            Some(_) => "its client secret, the value and not the id (Enter: the one of before)",
            None => "its client secret, the value and not the id (Enter: none, a person logs in by `disclosed login`)",
        };
        let file = args.client_secret_file.as_deref().filter(|_| before.is_none());
        let secret = asker.password_if_any("--client-secret-file", asks, file, false)?.or(known);
        Ok(Self { tenant, client, secret })
    }
}

/// Flags of the other kind of login would do nothing: whoever gave one believes that it did.
fn refuse_other_flags(args: &Args, takes: Takes, provider: &Provider) -> Result<()> {
    let password = [
        ("--password-file", args.password_file.is_some()),
        ("--smtp-user", args.smtp_user.is_some()),
        ("--smtp-password-file", args.smtp_password_file.is_some()),
    ];
    let token = [
        ("--tenant", args.tenant.is_some()),
        ("--client-id", args.client_id.is_some()),
        ("--client-secret-file", args.client_secret_file.is_some()),
    ];
    let (others, instead) = match takes {
        Takes::Password(_) => (token, "it takes a password: --password-file"),
        Takes::Token(_) => (password, "it takes no passwords: --tenant, --client-id and --client-secret-file"),
    };
    match others.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Usage(format!("{flag} is not for {}; {instead}", provider.name)).into()),
        None => Ok(()),
    }
}

/// The authorities that vouch for the server, where they are not those of the machine: asked for where something was
/// wrong, and for a server of this machine that speaks TLS, which hardly ever has a public certificate.
fn ca_file(args: &Args, asker: &Asker, imap: &At, before: Option<&Entry>) -> Result<Option<PathBuf>> {
    let shown = |path: &Path| path.display().to_string();
    let read = |text: &str| match text {
        "" | "none" => Ok(None),
        text if Path::new(text).is_file() => std::path::absolute(text).map(Some).map_err(|e| e.to_string()),
        text => Err(format!("{text} is no file")),
    };
    let likely = before.is_some() || imap.tls != "none" && is_loopback(&imap.host);
    let said = args.ca_file.as_deref().filter(|_| before.is_none()).map(shown);
    if said.is_none() && !(asker.is_there() && likely) {
        return Ok(None);
    }
    let usual = before.and_then(|b| b.ca_file.as_deref()).map_or_else(|| "none".to_owned(), shown);
    let asks = "File with the authority of its certificate (PEM), if it is not a public one";
    asker.ask(&question("--ca-file", asks, Usual::Default(usual)), said.as_deref(), read)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl At {
    fn of(door: Door) -> Self {
        let tls = if door.starttls { "starttls" } else { "implicit" };
        Self { host: door.host.to_owned(), port: door.port, tls: tls.to_owned() }
    }

    fn shown(&self, implicit: u16) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == implicit && self.tls == "implicit" { host } else { format!("{host}:{}", self.port) }
    }
}

/// A server, and how TLS begins there, which mostly follows from the port.
fn server(
    asker: &Asker,
    [flag, tls_flag]: [&'static str; 2],
    asks: &str,
    usual: Usual,
    [said, tls_said]: [Option<String>; 2],
    tls_before: Option<&str>,
) -> Result<At> {
    let (implicit, starttls) = if flag == "--imap" { (993, 143) } else { (465, 587) };
    let (host, port) = asker.ask(&question(flag, asks, usual), said.as_deref(), host_and_port)?;
    let by_port = match port {
        None => Some("implicit"),
        Some(port) if port == implicit => Some("implicit"),
        Some(143 | 587 | 25 | 1143 | 1025) => Some("starttls"),
        Some(_) => None,
    };
    let read = |text: &str| match text {
        "implicit" | "starttls" | "none" => Ok(text.to_owned()),
        _ => Err(format!("{text:?}: write \"implicit\" (TLS from the first byte), \"starttls\" or \"none\"")),
    };
    let tls = match (tls_said, by_port) {
        (None, Some(usual)) => usual.to_owned(),
        (said, usual) => {
            let usual = Usual::Default(usual.or(tls_before).unwrap_or("implicit").to_owned());
            let asks = format!("How TLS begins at {host}: implicit (from the first byte), starttls, or none");
            asker.ask(&question(tls_flag, &asks, usual), said.as_deref(), read)?
        }
    };
    let port = port.unwrap_or(match tls.as_str() {
        "implicit" => implicit,
        "none" if flag == "--smtp" => 25,
        _ => starttls,
    });
    Ok(At { host, port, tls })
}

/// "mail.example.org", "mail.example.org:993", `[::1]:143`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("{text:?} is no server: write HOST or HOST:PORT");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':'))).ok_or_else(wrong)?,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if host.is_empty() || !host.chars().all(named) {
        return Err(wrong());
    }
    let port = port.map(str::parse).transpose().map_err(|_| wrong())?;
    Ok((host.to_owned(), port))
}

fn people(args: &Args, asker: &Asker) -> Result<Vec<Who>> {
    let mut people: Vec<Who> = Vec::new();
    let asks = "Who handles reports: NAME <ADDRESS> and roles (maintainer, lead, escalation, observer)";
    let example = || Usual::Must("ada@example.org");
    for said in &args.person {
        let first = people.is_empty();
        people.push(asker.ask(&question("--person", asks, example()), Some(said), |text| who(text, first))?);
    }
    if !people.is_empty() {
        return Ok(people);
    }
    asker.tell("People: NAME <ADDRESS>, and after it roles, if not \"maintainer\". The first is also \"lead\".");
    people.push(asker.ask(&question("--person", asks, example()), None, |text| who(text, true))?);
    let another = question("--person", "Another one (Enter: that is all)", Usual::Default(String::new()));
    let read = |text: &str| if text.is_empty() { Ok(None) } else { who(text, false).map(Some) };
    while let Some(who) = asker.ask(&another, None, read)? {
        people.push(who);
    }
    Ok(people)
}

/// "Ada <ada@example.org> maintainer, lead", or the address alone.
fn who(text: &str, first: bool) -> Result<Who, String> {
    let (name, rest) = text.split_once('<').unwrap_or(("", text));
    let (bare, roles) = match rest.split_once('>') {
        Some((bare, roles)) => (bare, roles),
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    let address = address(bare.trim())?;
    let name = if name.trim().is_empty() { capital(address.local()) } else { name.trim().to_owned() };
    let mut roles: Vec<String> =
        roles.split([',', ' ']).filter(|r| !r.is_empty()).map(|r| r.to_ascii_lowercase()).collect();
    if let Some(wrong) = roles.iter().find(|r| !ROLES.contains(&r.as_str())) {
        return Err(format!("{wrong:?} is no role: write maintainer, lead, escalation or observer"));
    }
    if roles.is_empty() {
        let usual: &[&str] = if first { &["maintainer", "lead"] } else { &["maintainer"] };
        roles = usual.iter().map(ToString::to_string).collect();
    }
    Ok(Who { name, address, roles })
}

/// What SECURITY.md promises, and where days begin and end.
fn promises(args: &Args, asker: &Asker) -> Result<(Vec<Option<String>>, String)> {
    let read = |text: &str| match text {
        "none" => Ok(None),
        _ if Term::parse(text)?.is_zero() => {
            Err("no time at all: write \"none\" where there is no such promise".into())
        }
        _ => Ok(Some(text.to_owned())),
    };
    let mut terms = Vec::new();
    for ((_, _, usual, asks), (flag, said)) in PROMISES.into_iter().zip([
        ("--acknowledge", &args.acknowledge),
        ("--assess", &args.assess),
        ("--disclose", &args.disclose),
    ]) {
        let asks = format!("{asks} (\"none\": no such promise)");
        terms.push(asker.ask(&question(flag, &asks, Usual::Default(usual.to_owned())), said.as_deref(), read)?);
    }
    if terms.iter().all(Option::is_none) {
        return Err(Usage("without any promise there is nothing to keep: leave one of the three".into()).into());
    }
    let zone = TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
    let read = |text: &str| match TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text:?} is no time zone: write one like Europe/Berlin")),
    };
    let asks = "Time zone in which your days begin and end";
    let timezone = asker.ask(&question("--timezone", asks, Usual::Default(zone)), args.timezone.as_deref(), read)?;
    Ok((terms, timezone))
}
