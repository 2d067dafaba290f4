//! How the config says to log in: a user and where the secret lies; or `[oauth2]`, where access tokens come from.

use std::path::Path;
use std::sync::Arc;

use super::reader::{Table, Value, Wrong};
use super::settings::{Auth, Login, Secret};
use super::value::{self, path, words};
use crate::net::Endpoint;
use crate::oauth::{Grant, Place, Source};
use crate::provider::Provider;

const AUTH: &[(&str, Auth)] = &[
    ("password", Auth::Password),
    ("oauth2", Auth::OAuth2),
    ("xoauth2", Auth::XOauth2),
    ("oauthbearer", Auth::OauthBearer),
];
/// Where a password, or a token of the operator's own making, may lie.
pub(super) const SECRETS: [&str; 3] = ["password_file", "password_credential", "password_command"];
const CLIENT_SECRETS: [&str; 3] = ["client_secret_file", "client_secret_credential", "client_secret_command"];
const ACCOUNTS: [&str; 2] = ["service_account_file", "service_account_credential"];
const TENANT: &str = "example.onmicrosoft.com";
const URL: &str = "https://login.example.org/token";

/// What `[oauth2]` says to the logins.
pub(super) struct Logins {
    /// It is there, be it right or wrong.
    announced: bool,
    tokens: Option<Tokens>,
}

struct Tokens {
    source: Arc<Source>,
    with: Option<Box<Secret>>,
}

/// The user and the secret; `None` also when there is neither.
pub(super) fn login(table: &Table<'_>, logins: &Logins) -> Option<Login> {
    let auth = table.get("auth").map_or(Some(Auth::Password), |v| v.choose("auth", AUTH));
    let user = table.get("user").map(|v| (v, v.string("security@example.org")));
    if let Some((value, Some(user))) = user
        && (user.is_empty() || user.contains(char::is_control))
    {
        value.wrong(format!("{user:?} is no user"), "\"security@example.org\"");
    }
    let mut secrets = SECRETS.iter().filter_map(|key| table.get(key));
    let secret = match (secrets.next(), secrets.next()) {
        (found, _) if auth == Some(Auth::OAuth2) => {
            if let Some(value) = found {
                value.wrong_key(format!("{} beside auth = \"oauth2\"", value.key), "the secret in [oauth2]");
            }
            if let (Some(value), false) = (table.get("auth"), logins.announced) {
                value.wrong("there is no [oauth2], which says where tokens come from", "[oauth2] with client_id");
            }
            let user = user?.1?.to_owned();
            let Tokens { source, with } = logins.tokens.as_ref()?;
            Some(Secret::Token { source: Arc::clone(source), with: with.clone(), user })
        }
        (Some(one), None) => secret(one),
        (Some(one), Some(two)) => {
            two.wrong_key(format!("{} has {} and {}", table.name, one.key, two.key), "one of them");
            None
        }
        (None, _) => {
            let said = SECRETS.iter().any(|key| table.misspelt(key));
            if let (Some((value, _)), false) = (user, said) {
                value.wrong_key("a user without a secret", "password_file, password_credential or password_command");
            }
            None
        }
    };
    Some(Login { user: user?.1?.to_owned(), secret: secret?, auth: auth? })
}

/// Where a secret lies, by the end of its key.
fn secret(value: Value<'_>) -> Option<Secret> {
    match value.key.rsplit_once('_').map_or("", |(_, kind)| kind) {
        "file" => path(value, "/etc/disclosed/password").map(Secret::File),
        "credential" => value.parse("mail-password", |name| {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
                return Err(Wrong::new(format!("{name:?} is no name of a credential"), "the name in LoadCredential="));
            }
            Ok(Secret::Credential(name.to_owned()))
        }),
        _ if value.is_list() => words(value, "pass").map(Secret::Command),
        _ => value.parse("pass show security", value::command).map(Secret::Command),
    }
}

impl Logins {
    /// Reads `[oauth2]`, if it is there. `provider` runs the mailbox; a refresh token lies beside the `store`.
    pub(super) fn read(file: &Table<'_>, provider: &'static Provider, store: &Path) -> Self {
        let tokens = file.table("oauth2", "[oauth2]").and_then(|table| tokens(&table, provider, store));
        Self { announced: file.get("oauth2").is_some(), tokens }
    }
}

fn tokens(table: &Table<'_>, provider: &'static Provider, store: &Path) -> Option<Tokens> {
    let known = provider.tokens.filter(|_| table.get("token_url").is_none());
    if known.is_none() && table.get("token_url").is_none() && !table.misspelt("token_url") {
        let write = "[identity] server = \"microsoft365\", \"outlook.com\" or \"google-workspace\"; token_url; or \
                     auth = \"password\" with an app password";
        table.wrong(format!("it is not known where {:?} gives out access tokens", provider.name), write);
    }
    let ca_file = table.get("ca_file").and_then(|v| path(v, "/etc/ssl/certs/example.pem"));
    let place = |(to, path)| Place { to: Endpoint { ca_file: ca_file.clone(), ..to }, path };
    let written = |key| Some(place(table.get(key)?.parse(URL, |text| value::url(text, URL))?));
    let named = known.is_some_and(|known| known.at.contains("{tenant}"));
    let tenant = if named { table.need("tenant", TENANT) } else { table.get("tenant") };
    let tenant = tenant.and_then(|v| v.parse(TENANT, self::tenant));
    let filled = |text: &str| {
        let text = if named { text.replace("{tenant}", tenant.as_ref()?) } else { text.to_owned() };
        value::url(&text, URL).ok().map(place)
    };
    let at = known.map_or_else(|| written("token_url"), |known| filled(known.at));
    let device = written("device_url").or_else(|| filled(known?.device?));
    let (client_secret, account) = (one_of(table, &CLIENT_SECRETS), one_of(table, &ACCOUNTS));
    if let (Some(one), Some(two)) = (client_secret, account) {
        two.wrong_key(format!("[oauth2] has {} and {}", one.key, two.key), "one of them");
    }
    match account {
        None if known.is_some_and(|known| known.signs) => table
            .wrong("[oauth2] has no key of a service account", "service_account_file = \"/etc/disclosed/google.json\""),
        Some(value) if known.is_some_and(|known| !known.signs) => {
            let what = format!("{:?} has no such service accounts", provider.name);
            value.wrong_key(what, "client_secret_file, or nothing and `disclosed login`");
        }
        None | Some(_) => {}
    }
    let grant = match (client_secret, account) {
        (_, Some(_)) => Grant::Account,
        (Some(_), None) => Grant::Application,
        (None, None) => Grant::Person,
    };
    let example = "00000000-0000-0000-0000-000000000000";
    let client = match grant {
        // A signature says in whose name it is.
        Grant::Account => table.get("client_id"),
        Grant::Application | Grant::Person => table.need("client_id", example),
    };
    let client = client.map_or((grant == Grant::Account).then_some(""), |v| v.string(example));
    if grant == Grant::Person && at.is_some() && device.is_none() && !known.is_some_and(|known| known.signs) {
        table.wrong(
            "[oauth2] has no client secret, and nowhere for a person to log in",
            "client_secret_file or device_url",
        );
    }
    let scope = table.get("scope").and_then(|v| v.string("mail"));
    let usual = known.map_or("", |known| if grant == Grant::Person { known.personal_scope } else { known.scope });
    let with = match client_secret.or(account) {
        Some(value) => Some(Box::new(secret(value)?)),
        None => None,
    };
    let (client, scope) = (client?.to_owned(), scope.unwrap_or(usual).to_owned());
    let source = Source::new(grant, client, scope, (at?, device), store.with_extension("login"));
    Some(Tokens { source: Arc::new(source), with })
}

/// The one of these keys that is there.
fn one_of<'a>(table: &Table<'a>, keys: &[&str]) -> Option<Value<'a>> {
    let mut found = keys.iter().filter_map(|key| table.get(key));
    let first = found.next();
    if let (Some(one), Some(two)) = (first, found.next()) {
        two.wrong_key(format!("{} has {} and {}", table.name, one.key, two.key), "one of them");
    }
    first
}

/// It stands in an address as it is.
fn tenant(text: &str) -> Result<String, Wrong> {
    let fit = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let wrong = || Wrong::new(format!("{text:?} is no tenant"), format!("{TENANT:?}, or the tenant's id"));
    if fit { Ok(text.to_owned()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    /// The config of an inbox with tokens.
    fn with(tables: &str) -> Config {
        let text = format!(
            "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[outgoing]\nmaildir = \"out\"\n[[person]]\n\
             name = \"A\"\naddress = \"a@example.org\"\n[inbox.imap]\nserver = \"mail.example.org\"\nuser = \"s\"\n\
             auth = \"oauth2\"\n{tables}"
        );
        Config::parse(&text, Path::new("config.toml")).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Where a token is asked for, where a person's login begins, and what is asked for.
    #[test]
    fn each_provider_is_asked_at_its_address() {
        let server = |name: &str, oauth2: &str| format!("[identity]\nserver = \"{name}\"\n[oauth2]\n{oauth2}");
        let application = "client_id = \"1\"\nclient_secret_file = \"secret\"\n";
        let microsoft = "https://login.microsoftonline.com/example.org/oauth2/v2.0";
        let consumers = microsoft.replace("example.org", "consumers");
        let person = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send \
                      offline_access";
        let own = "token_url = \"https://login.example.org:8443/token?v=2\"\nscope = \"mail\"\n";
        for (tables, expect) in [
            (
                server("microsoft365", &format!("tenant = \"example.org\"\n{application}")),
                format!(
                    "Application {microsoft}/token {microsoft}/devicecode \"https://outlook.office365.com/.default\""
                ),
            ),
            (
                server("outlook.com", "tenant = \"consumers\"\nclient_id = \"1\"\n"),
                format!("Person {consumers}/token {consumers}/devicecode {person:?}"),
            ),
            (
                server("google-workspace", "service_account_file = \"key\"\n"),
                "Account https://oauth2.googleapis.com/token  \"https://mail.google.com/\"".into(),
            ),
            (
                server("microsoft365", &format!("{application}{own}")),
                "Application https://login.example.org:8443/token?v=2  \"mail\"".into(),
            ),
            (
                format!("[oauth2]\n{own}client_id = \"1\"\ndevice_url = \"https://login.example.org/device\"\n"),
                "Person https://login.example.org:8443/token?v=2 https://login.example.org/device \"mail\"".into(),
            ),
        ] {
            let config = with(&tables);
            assert_eq!(format!("{:?}", config.token_source().unwrap()), format!("Source({expect})"), "{tables}");
        }
        assert!(Config::parse(super::super::EXAMPLE, Path::new("config.toml")).unwrap().token_source().is_none());
    }
}
