//! What is known of mail providers: their servers and logins, and where the one that runs our mailbox writes what it found
//! out about a mail.
//!
//! A server's results prove something only where no sender can have written them. That place differs by provider, and is
//! a fact about the provider: so it is data, and one table holds it, each row with its source. How a row is used stands
//! in [`crate::mail::identity`].
//!
//! A server writes its own name after `by` in its Received lines; what stands before it, the name in HELO among it, is
//! the sender's to choose. So rows know hosts by what stands after `by`, never by `from`.

/// Where a server writes the results of its checks (RFC 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Above the Received line of its edge.
    Above,
    /// Right below it, above all that came over the network.
    Below,
    /// All of one name together, those of the sender among them: all of its name must agree, wherever they stand.
    Together,
    /// Nowhere that could be believed. What they call forged is forged all the same.
    Nowhere,
}

/// What a mail must bear besides, so that the results are those of this mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing.
    Free,
    /// Exactly one field of that name, with that value.
    Says(&'static str, &'static str),
    /// A field of that name with the queue id of the edge's Received line: the filter that writes the results may have been
    /// down while the server took mail, and nobody knows the id before the mail is taken.
    Queued(&'static str),
}

/// A server of a provider, and how TLS begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// Its name.
    pub host: &'static str,
    /// Its TCP port.
    pub port: u16,
    /// Whether plain text comes first, and then STARTTLS; else TLS is from the first byte (RFC 8314 section 3).
    pub starttls: bool,
}

impl Door {
    const fn tls(host: &'static str, port: u16) -> Self {
        Self { host, port, starttls: false }
    }

    const fn starttls(host: &'static str, port: u16) -> Self {
        Self { host, port, starttls: true }
    }

    /// The door of the server of that name, where TLS begins only after plain text. No server of this machine is known.
    pub fn only_starttls(host: &str) -> Option<Self> {
        let known = PROVIDERS.iter().filter_map(|p| p.service).flat_map(|service| [service.imap, service.smtp]);
        let mut only = known.filter(|door| door.starttls && door.host.contains(char::is_alphabetic));
        only.find(|door| door.host.eq_ignore_ascii_case(host))
    }
}

/// What a login takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A password; the words say which, and where it is found.
    Password(&'static str),
    /// No password at all; the words say what is needed.
    Token(&'static str),
}

/// How one gets into a provider's mailbox, and whose mailboxes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where mail is read.
    pub imap: Door,
    /// Where mail is handed in.
    pub smtp: Door,
    /// What the login takes.
    pub takes: Takes,
    /// The provider's own domains of addresses.
    pub domains: &'static [&'static str],
    /// How the hosts are named that take mail for other domains (MX), with `*` for what varies.
    pub exchangers: &'static [&'static str],
    /// Whether mail to `security+tag@` comes into the inbox.
    pub tags: bool,
}

impl Service {
    /// One with TLS from the first byte, on the usual ports.
    const fn tls(imap: &'static str, smtp: &'static str, takes: &'static str) -> Self {
        let (imap, smtp) = (Door::tls(imap, 993), Door::tls(smtp, 465));
        Self { imap, smtp, takes: Takes::Password(takes), domains: &[], exchangers: &[], tags: true }
    }
}

/// What is known of one provider.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name in the config.
    pub name: &'static str,
    /// Its authserv-ids, with `*` for what varies; empty where the config names them.
    pub ids: &'static [&'static str],
    /// Whether its results bear no authserv-id at all.
    pub nameless: bool,
    /// Where they stand.
    pub place: Place,
    /// Its edge: what stands after `by`, the host and the beginning of a comment behind it.
    pub edge: &'static [&'static str],
    /// Its hops behind the edge, likewise. A delivery agent by LMTP is one everywhere.
    pub inner: &'static [&'static str],
    /// What else the mail must bear.
    pub bound: Bound,
    /// The domain whose seal says what its edge found out (RFC 8617).
    pub sealer: Option<&'static str>,
    /// Where it gives out access tokens for its mail servers, if it does.
    pub tokens: Option<&'static Tokens>,
    /// Its servers; `None` for a server of the operator's own, and where they differ from one customer to the next.
    pub service: Option<Service>,
}

/// Where a provider gives out access tokens (RFC 6749); `{tenant}` stands for the customer's name there.
#[derive(Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The token endpoint.
    pub at: &'static str,
    /// Where a login at another device begins (RFC 8628), if it gives mail that way.
    pub device: Option<&'static str>,
    /// Whether a service account signs for itself (RFC 7523); else an application has a client secret.
    pub signs: bool,
    /// What an application or a service account asks for.
    pub scope: &'static str,
    /// What a person allows.
    pub personal_scope: &'static str,
}

/// Microsoft's "Authenticate an IMAP, POP or SMTP connection using OAuth".
const MICROSOFT_TOKENS: Tokens = Tokens {
    at: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    device: Some("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode"),
    signs: false,
    scope: "https://outlook.office365.com/.default",
    personal_scope: "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
};

/// Google's "Using OAuth 2.0 for Server to Server Applications"; its logins at another device may not ask for mail.
const GOOGLE_TOKENS: Tokens = Tokens {
    at: "https://oauth2.googleapis.com/token",
    device: None,
    signs: true,
    scope: "https://mail.google.com/",
    personal_scope: "",
};

/// Any host at all: whatever line is the first that is no delivery agent's.
const ANY: &[&str] = &["*"];

const USUAL: Provider = Provider {
    name: "custom",
    ids: &[],
    nameless: false,
    place: Place::Above,
    edge: ANY,
    inner: &[],
    bound: Bound::Free,
    sealer: None,
    tokens: None,
    service: None,
};

/// Servers of which nothing that would prove a sender is known: no DMARC, or where it stands others can write it too. Our
/// own check of signatures is what is left there, and the one-time code.
const MUTE: Provider = Provider { place: Place::Nowhere, ..USUAL };

/// Of a mail that a person handed in as a file; no config can name it.
const NOBODY: Provider = Provider { name: "nobody", ..USUAL };

/// rspamd writes below the line of the server that called it, and takes out lines of that name, of which mailcow's setting
/// leaves the second.
const RSPAMD: Provider =
    Provider { name: "rspamd", place: Place::Below, bound: Bound::Queued("x-rspamd-queue-id"), ..USUAL };

/// All of them; behind each stands where it is known from.
pub(crate) static PROVIDERS: &[Provider] = &[
    // `authserv_ids` alone mean this one: a server that writes on top of its own line.
    USUAL,
    // Debian 12: Postfix 3.7.11, opendkim 2.11.0, opendmarc 1.4.2; mailinabox setup/dkim.sh.
    Provider { name: "opendkim+opendmarc", ..USUAL },
    Provider { name: "mail-in-a-box", ..USUAL },
    // mox smtpserver/server.go; maddy internal/msgpipeline.
    Provider { name: "mox", ..USUAL },
    Provider { name: "maddy", ..USUAL },
    // Debian 12: Postfix 3.7.11, rspamd 3.4; rspamd milter_headers.lua; mailcow milter_headers.conf.
    RSPAMD,
    Provider { name: "mailcow", ..RSPAMD },
    // stalwart crates/smtp/src/inbound/data.rs. Mail by login gets neither line.
    Provider { name: "stalwart", place: Place::Below, ..USUAL },
    // mailauth test/fixtures: results below, and the same in a seal that signs To.
    Provider {
        name: "gmail",
        ids: &["mx.google.com"],
        sealer: Some("google.com"),
        service: Some(Service { domains: &["gmail.com", "googlemail.com"], ..GOOGLE }),
        ..MUTE
    },
    Provider {
        name: "google-workspace",
        ids: &["mx.google.com"],
        sealer: Some("google.com"),
        tokens: Some(&GOOGLE_TOKENS),
        service: Some(Service { exchangers: &["*.google.com", "*.googlemail.com"], ..GOOGLE }),
        ..MUTE
    },
    // php-imap tests/messages/issue-275.eml; the header firewall (Exchange manual, bb232136) takes fields of this kind out
    // of what comes from outside, and mail by login of a colleague says "Internal".
    MICROSOFT,
    Provider {
        name: "outlook.com",
        service: Some(Service {
            smtp: Door::starttls("smtp-mail.outlook.com", 587),
            domains: &["outlook.com", "hotmail.com", "live.com", "msn.com"],
            exchangers: &[],
            ..OFFICE
        }),
        ..MICROSOFT
    },
    // authentication_milter Handler/Sanitize.pm; deltachat test mails.
    Provider {
        name: "fastmail",
        ids: &["*.messagingengine.com"],
        edge: &["*.messagingengine.com (Postfix)"],
        inner: &["*.messagingengine.com (Authentication Milter)", "*.internal (", "* (Cyrus "],
        service: Some(Service {
            domains: &["fastmail.com", "fastmail.fm"],
            exchangers: &["*.messagingengine.com"],
            ..Service::tls("imap.fastmail.com", "smtp.fastmail.com", APP)
        }),
        ..USUAL
    },
    // proton-bridge pkg/message/build.go: all fields of one name stand together.
    Provider {
        name: "proton-bridge",
        ids: &["mail.protonmail.ch"],
        place: Place::Together,
        service: Some(Service {
            imap: Door::starttls("127.0.0.1", 1143),
            smtp: Door::starttls("127.0.0.1", 1025),
            domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
            exchangers: &["*.protonmail.ch"],
            ..Service::tls("", "", "the password that Proton Bridge shows on this machine")
        }),
        ..USUAL
    },
    // Mails in public archives, of 2021 to 2026, for all that follow.
    Provider {
        name: "zoho",
        ids: &["mx.zohomail.*"],
        edge: &["mx.zohomail.*"],
        service: Some(Service {
            exchangers: &["mx*.zoho.*"],
            ..Service::tls("imappro.zoho.com", "smtppro.zoho.com", APP)
        }),
        ..USUAL
    },
    // Mail of an iCloud user comes by another host, and without results.
    Provider {
        name: "icloud",
        ids: &["dmarc.icloud.com", "spf.icloud.com", "dkim-verifier.icloud.com", "arc.icloud.com", "bimi.icloud.com"],
        place: Place::Below,
        edge: &["*.me.com (Postfix)", "*-icloudmta-smtpin-* (Postfix)"],
        inner: &["*-mailgateway-*"],
        service: Some(Service {
            smtp: Door::starttls("smtp.mail.me.com", 587),
            domains: &["icloud.com", "me.com", "mac.com"],
            exchangers: &["*.mail.icloud.com"],
            ..Service::tls("imap.mail.me.com", "", APP)
        }),
        ..USUAL
    },
    YAHOO,
    Provider {
        name: "aol",
        service: Some(Service {
            domains: &["aol.com"],
            tags: false,
            ..Service::tls("imap.aol.com", "smtp.aol.com", APP)
        }),
        ..YAHOO
    },
    Provider {
        name: "ses",
        ids: &["amazonses.com"],
        place: Place::Below,
        edge: &["inbound-smtp.*.amazonaws.com"],
        ..USUAL
    },
    Provider {
        name: "posteo",
        ids: &["posteo.de"],
        edge: &["mx*.posteo.de (Postfix)"],
        inner: &["*.posteo.name (Dovecot)", "proxy*.posteo.de (Postfix)", "mailin*.posteo.de (Postfix)"],
        service: Some(Service {
            domains: &["posteo.de", "posteo.net", "posteo.org", "posteo.eu"],
            ..Service::tls("posteo.de", "posteo.de", OWN)
        }),
        ..USUAL
    },
    Provider {
        name: "gmx",
        ids: &["gmx.net"],
        service: Some(Service {
            domains: &["gmx.net", "gmx.de", "gmx.at", "gmx.ch"],
            ..Service::tls(
                "imap.gmx.net",
                "mail.gmx.net",
                "the password of the mailbox, with IMAP switched on in its settings",
            )
        }),
        ..MUTE
    },
    Provider {
        name: "mailbox.org",
        ids: &["*.mailbox.org", "*.heinlein-hosting.de"],
        service: Some(Service {
            domains: &["mailbox.org"],
            exchangers: &["*.mailbox.org"],
            ..Service::tls("imap.mailbox.org", "smtp.mailbox.org", APP)
        }),
        ..MUTE
    },
    Provider {
        name: "migadu",
        ids: &["*.migadu.com"],
        service: Some(Service {
            exchangers: &["*.migadu.com"],
            ..Service::tls("imap.migadu.com", "smtp.migadu.com", OWN)
        }),
        ..MUTE
    },
    // chasquid internal/smtpsrv/conn.go: no DMARC.
    Provider { name: "chasquid", ..MUTE },
];

/// The usual words for a password.
const OWN: &str = "the password of the mailbox";
/// Of one that is made for a single program.
const APP: &str = "an app password, which the settings of the account make";

const GOOGLE: Service = Service::tls(
    "imap.gmail.com",
    "smtp.gmail.com",
    "an app password (Google account, Security, with 2-step verification on), 16 letters without blanks",
);

const OFFICE: Service = Service {
    imap: Door::tls("outlook.office365.com", 993),
    smtp: Door::starttls("smtp.office365.com", 587),
    takes: Takes::Token("Microsoft takes no passwords for IMAP, but access tokens"),
    domains: &[],
    exchangers: &["*.mail.protection.outlook.com"],
    tags: true,
};

const MICROSOFT: Provider = Provider {
    name: "microsoft365",
    service: Some(OFFICE),
    nameless: true,
    edge: &["*.mail.protection.outlook.com"],
    inner: &["*.outlook.com", "*.office365.com"],
    bound: Bound::Says("x-ms-exchange-organization-authas", "anonymous"),
    tokens: Some(&MICROSOFT_TOKENS),
    ..USUAL
};

const YAHOO: Provider = Provider {
    name: "yahoo",
    ids: &["atlas*.yahoo.com"],
    place: Place::Below,
    edge: &["atlas*.yahoo.com"],
    service: Some(Service {
        domains: &["yahoo.com", "ymail.com"],
        exchangers: &["*.yahoodns.net"],
        tags: false,
        ..Service::tls("imap.mail.yahoo.com", "smtp.mail.yahoo.com", APP)
    }),
    ..USUAL
};

impl Provider {
    /// Whether it is a server of the operator's own, whose name the config says.
    pub fn is_own(&self) -> bool {
        self.ids.is_empty() && !self.nameless
    }
}

/// Names of fields that a row asks for, lower case, and the one that Proton Bridge puts into each mail.
pub(crate) fn marks() -> impl Iterator<Item = &'static str> {
    let of = |p: &'static Provider| match p.bound {
        Bound::Free => None,
        Bound::Says(name, _) | Bound::Queued(name) => Some(name),
    };
    PROVIDERS.iter().filter_map(of).chain([BRIDGE])
}

/// The field that Proton Bridge puts into each mail that it builds anew.
pub(crate) const BRIDGE: &str = "x-pm-internal-id";

/// The server that runs our mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What is known of its provider.
    pub provider: &'static Provider,
    /// Whose results are ours, where the provider does not say.
    ids: Vec<String>,
}

impl Server {
    /// A server of that provider; `ids` are those of the config.
    pub fn new(provider: &'static Provider, ids: Vec<String>) -> Self {
        Self { provider, ids }
    }

    /// One of which no more is known than its authserv-ids; an empty list believes nobody (RFC 8601 section 7.1).
    pub fn custom(ids: Vec<String>) -> Self {
        Self::new(&USUAL, ids)
    }

    /// The provider with that name in the config.
    pub fn provider(name: &str) -> Option<&'static Provider> {
        PROVIDERS.iter().find(|p| p.name.eq_ignore_ascii_case(name))
    }

    /// Nobody's: anybody may have written a file that is handed in.
    pub fn nobody() -> &'static Self {
        static SERVER: Server = Server { provider: &NOBODY, ids: Vec::new() };
        &SERVER
    }

    /// Whether it is nobody's.
    pub fn is_nobody(&self) -> bool {
        self.provider.name == NOBODY.name
    }

    /// Whose mailbox an address is, by its domain, else by the hosts that take its mail.
    pub fn of(domain: &str, exchangers: &[String]) -> Option<&'static Provider> {
        let with = |fits: &dyn Fn(&Service) -> bool| PROVIDERS.iter().find(|p| p.service.as_ref().is_some_and(fits));
        with(&|service| service.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))).or_else(|| {
            with(&|service| exchangers.iter().any(|host| service.exchangers.iter().any(|own| fits(own, host))))
        })
    }

    /// The names of all providers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROVIDERS.iter().map(|p| p.name)
    }

    /// Whose results are ours, for people: the names or patterns.
    pub fn ids(&self) -> Vec<&str> {
        self.patterns().collect()
    }

    fn patterns(&self) -> impl Iterator<Item = &str> {
        self.provider.ids.iter().copied().chain(self.ids.iter().map(String::as_str))
    }

    /// Whether that authserv-id is ours; `None` for results without any.
    pub fn is_ours(&self, id: Option<&str>) -> bool {
        match id {
            None => self.provider.nameless,
            Some(id) => self.patterns().any(|p| fits(p, id)),
        }
    }

    /// Whether nobody's results are ours.
    pub fn is_silent(&self) -> bool {
        !self.provider.nameless && self.patterns().next().is_none()
    }

    /// Whether the edge names itself so after `by`.
    pub fn is_edge(&self, by: &str) -> bool {
        self.provider.edge.iter().any(|p| begins(p, by))
    }

    /// Whether a hop behind the edge names itself so after `by`. The edge is none, whatever else fits it.
    pub fn is_inner(&self, by: &str) -> bool {
        let edge = !self.provider.is_own() && self.is_edge(by);
        !edge && self.provider.inner.iter().any(|p| begins(p, by))
    }
}

/// Whether a name fits a pattern, in any case; a `*` stands for at least one character.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let (head, mut tails) = (parts.next().unwrap_or_default(), parts.collect::<Vec<_>>());
    let Some(last) = tails.pop() else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head).and_then(|rest| rest.strip_suffix(last)) else { return false };
    for part in tails {
        let after = rest.get(1..).and_then(|r| r.split_once(part));
        let Some((_, after)) = after else { return false };
        rest = after;
    }
    !rest.is_empty()
}

/// Whether a host, and what stands behind it, fit a pattern and its beginning of a comment.
fn begins(pattern: &str, by: &str) -> bool {
    let parted = |text: &'_ str| {
        let (host, rest) = text.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((text, ""));
        (host.to_owned(), rest.trim_ascii_start().to_ascii_lowercase())
    };
    let ((wanted, comment), (host, rest)) = (parted(pattern), parted(by));
    fits(&wanted, host.trim_end_matches(';')) && rest.starts_with(&comment)
}
