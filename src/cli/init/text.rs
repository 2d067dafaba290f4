//! The config of a set-up, as a person would write it.

use super::answers::{Answers, At, PROMISES, Pass, Token, Who};
use super::places::{Held, Places};

/// The config; paths stand in it as they are once it is in its place.
pub(super) fn config(answers: &Answers, places: &Places) -> String {
    let Answers { entry, people, .. } = answers;
    let mut text = String::from(
        "# Written by `disclosed init`. After a change: `disclosed check`, which says what is wrong and what to write.\n\
         # `disclosed help setup` goes on from here; `disclosed man 5` has every key.\n",
    );
    let mut section = |head: &str, lines: Vec<String>| {
        text.push_str(&format!("\n{head}\n"));
        text.extend(lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n"));
    };
    section(
        "[project]",
        vec![
            key("name", &answers.name),
            "# Where reports go, as SECURITY.md says. All mail that leaves is from this address.".to_owned(),
            key("address", answers.address.as_str()),
        ],
    );
    let why = match places.unit {
        Some(_) => "# The state folder of the unit, which systemd makes.",
        None => "# Relative to this file. It holds embargoed reports: keep the folder closed, and back it up.",
    };
    section("[store]", vec![why.to_owned(), key("path", &places.store())]);
    if answers.mailbox != answers.address || !answers.through.is_empty() {
        let ways = answers.through.iter().map(|(kind, name)| format!("{{ {} }}", key(kind, name)));
        section(
            "[inbox]",
            vec![
                "# What stands in front of the mailbox, so that what it adds to people's mail is no sign of a program;"
                    .to_owned(),
                "# and the mailbox behind it, where replies go.".to_owned(),
                if answers.mailbox == answers.address {
                    String::new()
                } else {
                    key("address", answers.mailbox.as_str())
                },
                format!("through = [{}]", ways.collect::<Vec<_>>().join(", ")),
            ],
        );
    }
    let ca_file = entry.ca_file.as_ref().map_or_else(String::new, |path| key("ca_file", &path.display().to_string()));
    let mut lines = server(&entry.imap, 993, 143);
    lines.extend([ca_file.clone(), key("user", &entry.user)]);
    lines.extend(match &entry.pass {
        Pass::Password(_) => vec![
            format!(
                "# The password is in {}, so that everybody may read this file.",
                places.password(Held::Mailbox).display()
            ),
            places.password_line(Held::Mailbox),
        ],
        Pass::Token(_) => vec![key("auth", "oauth2")],
    });
    lines.extend([if entry.folder == "INBOX" { String::new() } else { key("folder", &entry.folder) }]);
    if !answers.idle {
        lines.push("# The server does not push: mail is seen each two minutes.".to_owned());
        lines.push("idle = false".to_owned());
    }
    section("[inbox.imap]", lines);
    let mut lines = server(&entry.smtp, 465, 587);
    let (user, held) = match &entry.sending {
        Some((user, _)) => (user, Held::Sending),
        None => (&entry.user, Held::Mailbox),
    };
    let by = match &entry.pass {
        Pass::Password(_) => places.password_line(held),
        Pass::Token(_) => key("auth", "oauth2"),
    };
    lines.extend([ca_file, key("user", user), by]);
    section("[outgoing.smtp]", lines);
    if let Pass::Token(token) = &entry.pass {
        section("[oauth2]", oauth2(token, places));
    }
    section("[identity]", identity(answers));
    for who in people {
        section("[[person]]", person(who));
    }
    let mut lines = vec![
        "# Days begin and end here, and people work here. Your holidays too: holidays = [\"2027-01-01\"]".to_owned(),
        key("timezone", &answers.timezone),
    ];
    let usual = answers.terms.iter().zip(PROMISES).all(|(term, (_, _, usual, _))| term.as_deref() == Some(usual));
    if usual {
        lines.push("# A person answers within 48 hours, assesses within 7 days, discloses after 90 days.".to_owned());
        lines.push(key("preset", "standard"));
    }
    section("[policy]", lines);
    if !usual {
        let kept = answers.terms.iter().zip(PROMISES).filter_map(|(term, (name, until, ..))| {
            Some(vec![key("name", name), key("until", until), key("within", term.as_deref()?)])
        });
        for lines in kept {
            section("[[policy.promise]]", lines);
        }
    }
    text
}

fn oauth2(token: &Token, places: &Places) -> Vec<String> {
    let mut lines = vec![
        "# In whose name access tokens are asked for: `disclosed help providers`.".to_owned(),
        key("tenant", &token.tenant),
        key("client_id", &token.client),
    ];
    if token.secret.is_some() {
        lines.push(format!("# The client secret is in {}.", places.password(Held::Client).display()));
        lines.push(places.password_line(Held::Client));
    } else {
        lines.push("# Without a client secret a person allows it once, by `disclosed login`.".to_owned());
    }
    lines
}

fn key(name: &str, value: &str) -> String {
    format!("{name} = {}", quoted(value))
}

/// A basic string of TOML, which is written like one of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn server(at: &At, implicit: u16, starttls: u16) -> Vec<String> {
    let usual = if at.tls == "implicit" { implicit } else { starttls };
    vec![
        key("server", &at.host),
        if at.tls == "implicit" { String::new() } else { key("tls", &at.tls) },
        if at.port == usual && at.tls != "none" { String::new() } else { format!("port = {}", at.port) },
    ]
}

fn identity(answers: &Answers) -> Vec<String> {
    let ids = &answers.authserv_ids;
    let own = answers.provider.is_own();
    let mut lines = Vec::new();
    if answers.provider.name != "custom" && !(own && ids.is_empty()) {
        lines.push(
            "# Who runs the mailbox: each writes what it found out about a sender in a place of its own.".to_owned(),
        );
        lines.push(key("server", answers.provider.name));
    }
    if own && ids.is_empty() {
        lines.push(
            "# No results of a server are believed: signatures (DKIM) and codes say who wrote a mail. To change"
                .to_owned(),
        );
        lines.push("# that: `disclosed help identity`.".to_owned());
    } else if own {
        lines.push("# The name that your own server writes first in Authentication-Results.".to_owned());
    }
    if own {
        let ids = ids.iter().map(|id| quoted(id)).collect::<Vec<_>>().join(", ");
        lines.push(format!("authserv_ids = [{ids}]"));
    }
    if !answers.tags {
        lines.push(
            "# Mail to security+tag@ does not come into the inbox: answers are known by what they refer to.".to_owned(),
        );
        lines.push("plus_addressing = false".to_owned());
    }
    lines
}

fn person(who: &Who) -> Vec<String> {
    let roles = who.roles.iter().map(|role| quoted(role)).collect::<Vec<_>>().join(", ");
    vec![key("name", &who.name), key("address", who.address.as_str()), format!("roles = [{roles}]")]
}
