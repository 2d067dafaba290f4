//! The keys of the config: all there are, table by table. A key that is not listed here is a mistake.

/// The name of the document itself in [`KEYS`].
pub(super) const TOP: &str = "the file";

/// The keys of a way out.
const SMTP: &[&str] = &[
    "server",
    "port",
    "tls",
    "ca_file",
    "user",
    "password_file",
    "password_credential",
    "password_command",
    "auth",
    "connections",
];

/// Each table, as its head stands in the file, and its keys.
pub const KEYS: &[(&str, &[&str])] = &[
    (
        TOP,
        &[
            "project", "store", "inbox", "outgoing", "oauth2", "identity", "person", "policy", "commands", "limits",
            "reports", "alarm", "metrics", "canary",
        ],
    ),
    ("[project]", &["name", "address", "ticket_prefix", "notices", "titles_in_subjects"]),
    ("[store]", &["path"]),
    ("[inbox]", &["maildir", "imap", "address", "through"]),
    ("through", &["list", "forwarder"]),
    (
        "[inbox.imap]",
        &[
            "server",
            "port",
            "tls",
            "ca_file",
            "user",
            "password_file",
            "password_credential",
            "password_command",
            "auth",
            "folder",
            "sent_folder",
            "junk_folder",
            "poll",
            "idle",
        ],
    ),
    ("[outgoing]", &["maildir", "smtp"]),
    ("[outgoing.smtp]", SMTP),
    (
        "[oauth2]",
        &[
            "tenant",
            "client_id",
            "client_secret_file",
            "client_secret_credential",
            "client_secret_command",
            "service_account_file",
            "service_account_credential",
            "token_url",
            "device_url",
            "scope",
            "ca_file",
        ],
    ),
    ("[identity]", &["server", "authserv_ids", "dkim", "code", "plus_addressing", "acknowledge"]),
    (
        "[policy]",
        &["preset", "timezone", "workdays", "hours", "holidays", "quiet", "automatic_counts", "promise", "rung"],
    ),
    ("[[person]]", &["name", "address", "roles", "notices", "dkim_domains", "quiet", "timezone"]),
    (
        "[[policy.promise]]",
        &["name", "from", "until", "within", "every", "pauses", "or_sooner", "grace", "about", "rung", "rungs"],
    ),
    ("within", &["critical", "high", "medium", "low"]),
    ("[[policy.rung]]", &["at", "to", "every"]),
    ("[[policy.promise.rung]]", &["at", "to", "every"]),
    ("[commands]", &["confirm", "second_person"]),
    (
        "[limits]",
        &[
            "acks_per_sender_day",
            "acks_per_domain_hour",
            "automatic_per_hour",
            "reports_per_hour",
            "breaker_per_hour",
            "message",
        ],
    ),
    ("[alarm]", &["command", "heartbeat", "inbox_after"]),
    ("heartbeat", &["file", "url"]),
    ("[metrics]", &["file"]),
    ("[canary]", &["address", "every", "within", "smtp"]),
    ("[canary.smtp]", SMTP),
    ("[reports]", &["digest", "calendar", "asks", "supported", "unsupported", "subject", "note"]),
];

/// The keys of one table.
pub(super) fn keys_of(table: &str) -> &'static [&'static str] {
    KEYS.iter().find(|(name, _)| *name == table).map_or(&[], |(_, keys)| *keys)
}
