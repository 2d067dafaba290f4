//! The tables of the config but `[policy]`, `[reports]` and those of the people.
//!
//! A function that gives `None` has noted why. One that gives a value may have noted mistakes too: the config is
//! used only when there are none.

use std::time::Duration;

use super::login::{Logins, SECRETS, login};
use super::people::{notices, people, untagged};
use super::reader::{Table, Value, Wrong};
use super::settings::{Commands, Config, IdentityConfig, ImapConfig, Inbox, Outgoing, SmtpConfig};
use super::value::{self, beside, path};
use super::{alarm, policy, reports};
use crate::command::{self, Class};
use crate::mail::passage::Way;
use crate::net::{Endpoint, Tls};
use crate::policy::digest::Schedule;
use crate::project::{AcknowledgeWhom, Level, Limits, Person};
use crate::provider::{PROVIDERS, Place, Provider, Server};
use crate::vocabulary::Address;

const TLS: &[(&str, Tls)] = &[("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)];
const ACKNOWLEDGE: &[(&str, AcknowledgeWhom)] =
    &[("unless_forged", AcknowledgeWhom::UnlessForged), ("believed", AcknowledgeWhom::Believed)];

/// Monday at nine.
const DIGEST: &str = "0 0 9 * * Mon";

/// The whole config, but for its warnings.
pub(super) fn config(file: &Table<'_>) -> Option<Config> {
    let project = need_table(file, "project", "[project]", "[project] with name and address");
    let titles_in_subjects = project.as_ref().is_some_and(|t| t.boolean("titles_in_subjects", false));
    let project = project.map(|t| self::project(&t));
    let store = file.table("store", "[store]").and_then(|t| path(t.get("path")?, "disclosed.db"));
    let store = store.unwrap_or_else(|| beside(file.findings.file(), "disclosed.db"));
    let identity = identity(file);
    let logins = Logins::read(file, identity.server.provider, &store);
    let inbox = need_table(file, "inbox", "[inbox]", "[inbox] with maildir, or [inbox.imap]");
    let mailbox = inbox.as_ref().and_then(|t| t.get("address"));
    let mailbox = mailbox.and_then(|v| Some((v, v.parse("security-in@example.org", value::address)?)));
    let through = inbox.as_ref().map(through).unwrap_or_default();
    let inbox = inbox.and_then(|t| self::inbox(&t, &logins));
    let outgoing = need_table(file, "outgoing", "[outgoing]", "[outgoing] with maildir, or [outgoing.smtp]");
    let leaving = outgoing.as_ref().and_then(|t| t.get("maildir"));
    let outgoing = outgoing.and_then(|t| self::outgoing(&t, &logins));
    if let (Some(Inbox::Maildir(from)), Some(Outgoing::Maildir(to)), Some(value)) = (&inbox, &outgoing, leaving)
        && from == to
    {
        value.wrong("[outgoing] is the Maildir of [inbox]: what leaves would come in again", "another folder");
    }
    let (name, address, prefix, level) = project.unwrap_or_default();
    let policy = policy::policy(file);
    let people = people(file, (address.as_ref(), &through), policy.as_ref(), level);
    if let Some((value, mailbox)) = &mailbox
        && let Some(person) = people.iter().find(|p| untagged(&p.address) == untagged(mailbox))
    {
        value.wrong(format!("this is the address of {:?}", person.name), "the mailbox that [inbox] reads");
    }
    let commands = commands(file, &people);
    let (inbox_after, alarm) = alarm::alarm(file, inbox.as_ref());
    let metrics = file.table("metrics", "[metrics]").and_then(|t| path(t.get("file")?, "disclosed.prom"));
    let canary = alarm::canary(file, outgoing.as_ref(), |t| smtp(t, &logins));
    let limits = limits(file);
    let reporting = file.table("reports", "[reports]");
    let digest = digest(reporting.as_ref());
    let calendar = reporting.as_ref().is_none_or(|t| t.boolean("calendar", true));
    let reports = reporting.as_ref().map(reports::reports).unwrap_or_default();
    Some(Config {
        name: name?,
        mailbox: mailbox.map_or_else(|| address.clone(), |(_, mailbox)| Some(mailbox))?,
        through,
        address: address?,
        prefix: prefix?,
        titles_in_subjects,
        store,
        inbox: inbox?,
        outgoing: outgoing?,
        identity,
        people,
        policy: policy?,
        limits,
        commands,
        digest,
        calendar,
        reports,
        alarm,
        inbox_after,
        metrics,
        canary,
        warnings: Vec::new(),
    })
}

fn need_table<'a>(file: &Table<'a>, key: &str, name: &'static str, write: &str) -> Option<Table<'a>> {
    if file.get(key).is_none() && !file.misspelt(key) {
        file.wrong(format!("there is no {name}"), write);
    }
    file.table(key, name)
}

/// Name, address, prefix, and how much notices say.
fn project(table: &Table<'_>) -> (Option<String>, Option<Address>, Option<String>, Level) {
    let prefix = table.get("ticket_prefix").map_or(Some("SEC".to_owned()), |v| v.parse("SEC", value::prefix));
    (
        table.need("name", "Example").and_then(|v| v.parse("Example", value::title)),
        table.need("address", "security@example.org").and_then(|v| v.parse("security@example.org", value::address)),
        prefix,
        notices(table).unwrap_or_default(),
    )
}

fn inbox(table: &Table<'_>, logins: &Logins) -> Option<Inbox> {
    match (table.get("maildir"), table.get("imap")) {
        (Some(maildir), None) => path(maildir, "Maildir").map(Inbox::Maildir),
        (None, Some(imap)) => self::imap(&imap.table("[inbox.imap]")?, logins).map(Inbox::Imap),
        (Some(_), Some(imap)) => {
            imap.table("[inbox.imap]").as_ref().map(|t| self::imap(t, logins));
            imap.wrong_key("[inbox] has maildir and [inbox.imap]", "one of them");
            None
        }
        (None, None) if table.misspelt("maildir") || table.misspelt("imap") => None,
        (None, None) => {
            table.wrong("[inbox] does not say where mail comes from", "maildir = \"Maildir\", or [inbox.imap]");
            None
        }
    }
}

/// The operator's own lists and forwarders, each `{ list = "…" }` or `{ forwarder = "…" }`.
fn through(table: &Table<'_>) -> Vec<Way> {
    let write = "{ list = \"security.example.org\" } or { forwarder = \"relay.example\" }";
    let Some(value) = table.get("through") else { return Vec::new() };
    if !value.is_list() {
        value.wrong("\"through\" must be a list", "through = [{ forwarder = \"relay.example\" }]");
        return Vec::new();
    }
    let one = |entry: Value<'_>| {
        let table = entry.table_or("through", "a list or a forwarder", write)?;
        let name = |v: Value<'_>| v.parse("relay.example", domain);
        match (table.get("list"), table.get("forwarder")) {
            (Some(list), None) => name(list).map(Way::List),
            (None, Some(forwarder)) => name(forwarder).map(Way::Forwarder),
            (Some(_), Some(_)) | (None, None) => {
                entry.wrong("an entry of \"through\" is one list or one forwarder", write);
                None
            }
        }
    };
    value.list(write).unwrap_or_default().into_iter().filter_map(one).collect()
}

/// A domain with at least two labels, in lower case: the identifier of a list is written like one (RFC 2919 section 2).
fn domain(text: &str) -> Result<String, Wrong> {
    let wrong = |write: String| Wrong::new(format!("{text:?} is no domain"), write);
    let bare = text.rsplit_once('@').map_or(text, |(_, domain)| domain).trim_matches(['<', '>']);
    match Address::parse(&format!("x@{bare}")).filter(|a| a.domain().contains('.')) {
        Some(address) if bare == text => Ok(address.domain().to_owned()),
        Some(address) => Err(wrong(format!("{:?}", address.domain()))),
        None => Err(wrong("\"relay.example\"".to_owned())),
    }
}

fn outgoing(table: &Table<'_>, logins: &Logins) -> Option<Outgoing> {
    match (table.get("maildir"), table.get("smtp")) {
        (Some(maildir), None) => path(maildir, "Outgoing").map(Outgoing::Maildir),
        (None, Some(smtp)) => self::smtp(&smtp.table("[outgoing.smtp]")?, logins).map(Outgoing::Smtp),
        (Some(_), Some(smtp)) => {
            smtp.table("[outgoing.smtp]").as_ref().map(|t| self::smtp(t, logins));
            smtp.wrong_key("[outgoing] has maildir and [outgoing.smtp]", "one of them");
            None
        }
        (None, None) if table.misspelt("maildir") || table.misspelt("smtp") => None,
        (None, None) => {
            table.wrong("[outgoing] does not say where mail goes", "maildir = \"Outgoing\", or [outgoing.smtp]");
            None
        }
    }
}

fn imap(table: &Table<'_>, logins: &Logins) -> Option<ImapConfig> {
    let endpoint = endpoint(table, |tls| match tls {
        Tls::Implicit => 993,
        Tls::StartTls | Tls::None => 143,
    });
    let login = login(table, logins);
    if login.is_none() && table.get("user").is_none() {
        table.need("user", "security@example.org");
    }
    let folder = table.get("folder").map_or(Some("INBOX".to_owned()), |_| self::folder(table, "folder", "INBOX"));
    let (sent_folder, junk_folder) =
        (self::folder(table, "sent_folder", "Sent"), self::folder(table, "junk_folder", "Junk"));
    for (key, name) in [("sent_folder", &sent_folder), ("junk_folder", &junk_folder)] {
        let others = [&folder, &sent_folder.clone().filter(|_| key != "sent_folder")];
        if let (Some(value), Some(name)) = (table.get(key), name)
            && others.iter().any(|other| other.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(name)))
        {
            value.wrong(format!("{name:?} is watched already"), "another folder");
        }
    }
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(3600));
    let read = |text| value::duration(text, least, most, "a time from \"1s\" to \"1h\"");
    let poll = table.get("poll").map_or(Some(Duration::from_secs(120)), |v| v.parse("2m", read));
    let idle = table.boolean("idle", true);
    Some(ImapConfig {
        endpoint: endpoint?,
        login: login?,
        folder: folder?,
        sent_folder,
        junk_folder,
        poll: poll?,
        idle,
    })
}

/// A folder of a mail server.
fn folder(table: &Table<'_>, key: &'static str, example: &str) -> Option<String> {
    let value = table.get(key)?;
    let folder = value.string(example)?.to_owned();
    if folder.is_empty() || folder.contains(char::is_control) {
        value.wrong(format!("{folder:?} is no folder"), format!("{example:?}"));
    }
    Some(folder)
}

fn smtp(table: &Table<'_>, logins: &Logins) -> Option<SmtpConfig> {
    let endpoint = endpoint(table, |tls| match tls {
        Tls::Implicit => 465,
        Tls::StartTls => 587,
        Tls::None => 25,
    });
    let secrets = SECRETS.iter().find_map(|key| table.get(key));
    let login = login(table, logins);
    match (table.get("user"), secrets) {
        (None, Some(secret)) => secret.wrong_key(format!("{} without a user", secret.key), "user = \"…\" beside it"),
        (None, None) => {
            if let Some(auth) = table.get("auth") {
                auth.wrong_key("auth without a user", "user and password_file beside it");
            }
        }
        (Some(_), _) => {}
    }
    let connections = table.number("connections", 4, &(1..=20)) as usize;
    Some(SmtpConfig { endpoint: endpoint?, login, connections })
}

fn endpoint(table: &Table<'_>, default_port: impl Fn(Tls) -> u16) -> Option<Endpoint> {
    let server = table.need("server", "mail.example.org");
    let server = server.and_then(|v| Some((v, v.parse("mail.example.org", value::server)?)));
    let tls_value = table.get("tls");
    let tls = tls_value.map_or(Some(Tls::Implicit), |v| v.choose("tls", TLS));
    if let (Some(value), Some(Tls::None), Some((_, server))) = (tls_value, tls, &server)
        && !value::is_loopback(server)
    {
        let what = format!("tls = \"none\" sends mail and password unprotected to {server}");
        value.wrong(what, "\"implicit\" or \"starttls\" (\"none\" is for this machine alone)");
    }
    let standard = default_port(tls.unwrap_or(Tls::Implicit));
    let port = table.number("port", standard.into(), &(1..=u16::MAX.into()));
    let ca_file = table.get("ca_file").map(|v| path(v, "/etc/ssl/certs/example.pem"));
    let tls = tls?;
    // A handshake on the port of the other kind hangs until its timeout; better said here.
    let other = TLS.iter().map(|(_, tls)| *tls).find(|other| *other != tls && u32::from(default_port(*other)) == port);
    if let (Some(value), Some(other), true) =
        (table.get("port"), other, tls != Tls::None && port != u32::from(standard))
    {
        let expects = if other == Tls::Implicit { "TLS from the first byte" } else { "plain text first" };
        value.warn(format!("port {port} expects {expects}; with this tls, {standard} is usual"));
    }
    Some(Endpoint {
        server: server.map(|(_, server)| server)?,
        port: u16::try_from(port).ok()?,
        tls,
        ca_file: ca_file.flatten(),
    })
}

fn identity(file: &Table<'_>) -> IdentityConfig {
    let table = file.table("identity", "[identity]");
    let mut identity = IdentityConfig {
        server: Server::custom(Vec::new()),
        dkim: true,
        code: true,
        plus_addressing: true,
        acknowledge: AcknowledgeWhom::UnlessForged,
    };
    if let Some(table) = &table {
        let listed = table.get("authserv_ids").and_then(|v| v.list("mx.example.org")).unwrap_or_default();
        let ids = listed.into_iter().filter_map(|v| v.parse("mx.example.org", authserv_id));
        identity.server = server(table, ids.collect());
        identity.code = table.boolean("code", true);
        identity.dkim = table.boolean("dkim", true);
        identity.plus_addressing = table.boolean("plus_addressing", true);
        if let Some(whom) = table.get("acknowledge").and_then(|v| v.choose("acknowledge", ACKNOWLEDGE)) {
            identity.acknowledge = whom;
        }
    }
    // Who writes the empty list relies on signatures alone, and has said so.
    let meant =
        identity.dkim && table.as_ref().is_some_and(|t| ["server", "authserv_ids"].iter().any(|k| t.get(k).is_some()));
    if identity.server.is_silent() && !meant {
        let mut what = if identity.dkim {
            "authserv_ids is empty: senders are believed by their DKIM signatures only"
        } else {
            "authserv_ids is empty: no sender is believed, so commands come from `disclosed do` only and not by mail"
        }
        .to_owned();
        if identity.acknowledge == AcknowledgeWhom::Believed && !identity.dkim {
            what.push_str(", and nobody is acknowledged");
        }
        table.as_ref().unwrap_or(file).warn(what);
    }
    identity
}

/// The server that runs the mailbox. Where its provider names itself, what the file says must be so.
fn server(table: &Table<'_>, ids: Vec<String>) -> Server {
    let Some(value) = table.get("server") else { return Server::custom(ids) };
    let names: Vec<(&str, &'static Provider)> = PROVIDERS.iter().map(|p| (p.name, p)).collect();
    let Some(provider) = value.choose("server", &names) else { return Server::custom(ids) };
    let server = Server::new(provider, Vec::new());
    if provider.is_own() {
        if ids.is_empty() && provider.place != Place::Nowhere && *provider != *Server::custom(Vec::new()).provider {
            value.wrong(
                format!("{} is a server of your own, and nothing says what it calls itself", provider.name),
                "authserv_ids = [\"mx.example.org\"] beside it, as its Authentication-Results begin",
            );
        }
        return Server::new(provider, ids);
    }
    if let Some(other) = ids.iter().find(|id| !server.is_ours(Some(id.as_str()))) {
        let what = format!("{other:?} is not how {} signs its results", provider.name);
        let own =
            if provider.nameless { "no authserv_ids: it writes none".into() } else { format!("{:?}", provider.ids) };
        table.get("authserv_ids").unwrap_or(value).wrong(what, own);
    }
    server
}

/// A value of RFC 8601 section 2.5: as our own mail server writes it, compared without its case.
fn authserv_id(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_graphic() && !b"\"();,<>@\\".contains(&c)) {
        let write =
            "the first word of the Authentication-Results that your mail server adds, such as \"mx.example.org\"";
        return Err(Wrong::new(format!("{text:?} is no authserv-id"), write));
    }
    Ok(text.to_owned())
}

fn commands(file: &Table<'_>, people: &[Person]) -> Commands {
    let Some(table) = file.table("commands", "[commands]") else { return Commands::default() };
    let second_person = table.get("second_person").map(verbs).unwrap_or_default();
    if let (false, Some(value)) = (second_person.is_empty(), table.get("second_person"))
        && people.iter().filter(|p| p.commands()).count() < 2
    {
        value.wrong("there is no second person who may command", "a second [[person]], or second_person = []");
    }
    Commands { confirm: table.get("confirm").map(verbs), second_person }
}

/// Verbs that change something; what only shows needs no code, and the code itself none either.
fn verbs(value: Value<'_>) -> Vec<&'static str> {
    let change = command::verbs().filter(|v| v.class != Class::Read && !["confirm", "send"].contains(&v.name));
    let known: Vec<(&'static str, &'static str)> = change.map(|v| (v.name, v.name)).collect();
    value.list("public").unwrap_or_default().into_iter().filter_map(|item| item.choose("command", &known)).collect()
}

fn limits(file: &Table<'_>) -> Limits {
    let mut limits = Limits {
        acks_per_sender_day: 3,
        acks_per_domain_hour: 20,
        automatic_per_hour: 120,
        reports_per_hour: 60,
        breaker_per_hour: 600,
        message: 50_000_000,
    };
    let Some(table) = file.table("limits", "[limits]") else { return limits };
    let bounds = 0..=1_000_000;
    for (key, limit) in [
        ("acks_per_sender_day", &mut limits.acks_per_sender_day),
        ("acks_per_domain_hour", &mut limits.acks_per_domain_hour),
        ("automatic_per_hour", &mut limits.automatic_per_hour),
    ] {
        *limit = table.number(key, *limit, &bounds);
        if let (0, Some(value)) = (*limit, table.get(key)) {
            value.warn(format!("{key} = 0: every such mail is held for a person"));
        }
    }
    // Nothing at all is no limit that anybody wants: it would make of each report one of many, and let nothing leave.
    let bounds = 1..=1_000_000;
    limits.reports_per_hour = table.number("reports_per_hour", limits.reports_per_hour, &bounds);
    limits.breaker_per_hour = table.number("breaker_per_hour", limits.breaker_per_hour, &bounds);
    if let Some(size) = table.get("message").and_then(|v| v.parse("50MB", value::size)) {
        limits.message = size;
    }
    limits
}

fn digest(reporting: Option<&Table<'_>>) -> Option<String> {
    let value = reporting.and_then(|t| t.get("digest"));
    let Some(value) = value else { return Some(DIGEST.to_owned()) };
    let read = |text: &str| match text.to_ascii_lowercase().as_str() {
        "never" => Ok(None),
        _ => match Schedule::parse(text) {
            Ok(_) => Ok(Some(text.to_owned())),
            Err(why) => Err(Wrong::sentence(&why, "\"0 0 9 * * Mon\"")),
        },
    };
    value.parse(DIGEST, read).flatten()
}
