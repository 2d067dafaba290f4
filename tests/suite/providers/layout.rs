//! The set-ups of `layouts.txt`, and mails as they stand in the mailbox of one.

use super::signing::{fields, is, seal, signature};

/// A set-up.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) name: String,
    /// Lines of `[identity]`.
    pub(super) identity: String,
    /// Entries of `[inbox] through`.
    pub(super) through: String,
    /// How its edge names itself.
    pub(super) edge: String,
    /// And a hop behind it.
    pub(super) inner: String,
    /// How it signs its results.
    pub(super) id: String,
    /// What must come of a true command, by sender.
    pub(super) truth: Vec<String>,
    change: String,
    trace: String,
}

/// What a provider finds out about a mail, and what its envelope says.
#[derive(Clone)]
pub(super) struct Seen {
    /// MAIL FROM.
    pub(super) envelope: String,
    pub(super) helo: String,
    pub(super) ip: &'static str,
    /// RCPT TO, as the lines of servers repeat it.
    pub(super) recipient: String,
    /// The same, as the mailbox is told of it.
    pub(super) to: String,
    /// Whose signature it has, and whether that is good.
    pub(super) dkim: Option<(&'static str, bool)>,
    /// The envelope is of the domain of the From.
    pub(super) by_envelope: bool,
    /// The From, and its domain.
    pub(super) from: String,
    pub(super) domain: &'static str,
}

/// All set-ups.
pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for section in include_str!("layouts.txt").split("\n== ").skip(1) {
        let (name, rest) = section.split_once('\n').unwrap();
        let mut row = Row { name: name.into(), ..Row::default() };
        let mut lines = rest.lines().peekable();
        while let Some((key, value)) = lines.peek().and_then(|l| l.split_once(": ")).filter(|(k, _)| KEYS.contains(k)) {
            match key {
                "identity" => row.identity = value.replace(", authserv", "\nauthserv"),
                "through" => row.through = value.into(),
                "edge" => row.edge = value.into(),
                "inner" => row.inner = value.into(),
                "id" => row.id = value.into(),
                "change" => row.change = value.into(),
                "true" => row.truth = value.split(' ').map(String::from).collect(),
                _ => {
                    let other = rows.iter().find(|r| r.name == value).unwrap().clone();
                    row = Row { name: row.name, identity: row.identity, ..other };
                }
            }
            lines.next();
        }
        let trace = lines.collect::<Vec<_>>().join("\n");
        if !trace.is_empty() {
            row.trace = trace.trim_end().to_owned();
        }
        assert_eq!(row.truth.len(), super::Sender::ALL.len(), "{name}");
        rows.push(row);
    }
    rows
}

const KEYS: [&str; 8] = ["identity", "through", "edge", "inner", "id", "change", "true", "like"];

impl Row {
    /// Whether mail is handed in by people of the same tenant, as is the true one.
    pub(super) fn is_inside(&self) -> bool {
        self.truth.first().is_some_and(|t| t == "-")
    }

    /// The mail as it stands in the mailbox.
    pub(super) fn render(&self, seen: &Seen, mail: &str) -> String {
        let word = |good: bool| if good { "pass" } else { "fail" };
        let aligned = seen.dkim == Some((seen.domain, true));
        let (mail, lifted) = self.changed(mail);
        let (head, body) = mail.split_once("\n\n").unwrap();
        let mut text = self.trace.replace("{lifted}\n", &lifted);
        for (name, value) in [
            ("to", seen.to.as_str()),
            ("rcpt", &seen.recipient),
            ("env", &seen.envelope),
            ("envd", seen.envelope.rsplit_once('@').map_or("", |(_, d)| d)),
            ("helo", &seen.helo),
            ("ip", seen.ip),
            ("spf", "pass"),
            ("dmarc", word(seen.by_envelope || aligned)),
            ("aligned", word(aligned)),
            ("from", &seen.from),
            ("d", seen.domain),
            ("date", "Mon, 4 Jan 2027 09:00:00 +0000"),
            ("mail", &mail),
            ("head", head),
            ("body", body),
        ] {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        while let Some((before, rest)) = text.split_once("{dkim ") {
            let (words, after) = rest.split_once('}').unwrap();
            let result = seen.dkim.map_or("dkim=none".into(), |(d, good)| format!("dkim={} {words}{d}", word(good)));
            text = format!("{before}{result}{after}");
        }
        // Whoever seals or signs anew had all below in hands: from the bottom up.
        while let Some((before, rest)) = text.rsplit_once("\n{") {
            let (words, below) = rest.split_once("}\n").unwrap();
            let field = match words.split(' ').collect::<Vec<_>>()[..] {
                ["arc", domain, id] => {
                    let mine = |f: &&str| is(f, "authentication-results") && f.contains(id) && f.contains("dmarc=");
                    let all = fields(&text);
                    let results = all.into_iter().find(mine).unwrap_or_default();
                    seal(below, domain, results.split_once(": ").map_or("", |(_, value)| value))
                }
                ["signed", domain] => signature(below, domain, &["From", "To", "Subject", "Date"]),
                _ => panic!("{words}"),
            };
            text = format!("{before}\n{field}{below}");
        }
        text.trim_end().to_owned() + "\n"
    }

    /// What the provider does to the mail itself, and the results of the sender's that it moves up.
    fn changed(&self, mail: &str) -> (String, String) {
        let has = |word: &str| self.change.contains(word);
        let rewritten = self.change.split_once("from=").map(|(_, from)| from);
        let (mut head, mut lifted) = (String::new(), String::new());
        for field in fields(mail) {
            match field {
                f if has("firewall") && f.to_ascii_lowercase().starts_with("x-ms-exchange-") => {}
                f if has("lifted") && is(f, "authentication-results") => lifted += &format!("{f}\n"),
                f if has("unsigned") && is(f, "dkim-signature") => head += &format!("X-{f}\n"),
                f if rewritten.is_some() && is(f, "from") => {
                    head += &format!("From: {}\n", rewritten.unwrap_or_default())
                }
                f if has("rebuilt") && is(f, "content-transfer-encoding") => {
                    head += "Content-Transfer-Encoding: quoted-printable\n";
                }
                f => head += &format!("{f}\n"),
            }
        }
        let body = mail.split_once("\n\n").unwrap().1;
        (format!("{head}\n{body}{}", if has("rebuilt") { "=\n" } else { "" }), lifted)
    }
}
