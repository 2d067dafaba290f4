//! `[alarm]`: who hears of trouble by another way than mail.

use std::time::Duration;

use super::reader::{Table, Value, Wrong};
use super::settings::{Alarm, Canary, Heartbeat, Inbox, Outgoing, SmtpConfig};
use super::value::{self, path, words};
use crate::net::{Endpoint, Tls};

/// How long the inbox may be unread.
const INBOX_AFTER: Duration = Duration::from_secs(30 * 60);

/// How long the inbox may be unread, and who hears of it.
pub(super) fn alarm(file: &Table<'_>, inbox: Option<&Inbox>) -> (Duration, Alarm) {
    let table = file.table("alarm", "[alarm]");
    let bounds = (Duration::from_secs(60), Duration::from_secs(24 * 3_600));
    let read = |text| value::duration(text, bounds.0, bounds.1, "a time from \"1m\" to \"24h\"");
    let after = table.as_ref().and_then(|t| t.get("inbox_after")).and_then(|v| v.parse("30m", read));
    // Between two looks it is unread on purpose.
    let between = match inbox {
        Some(Inbox::Imap(imap)) => imap.poll * 2,
        Some(Inbox::Maildir(_)) | None => Duration::ZERO,
    };
    let command = table.as_ref().and_then(|t| t.get("command")).and_then(|v| words(v, "/usr/local/bin/alarm"));
    let heartbeat = table.as_ref().and_then(|t| t.get("heartbeat")).and_then(heartbeat);
    (after.unwrap_or(INBOX_AFTER).max(between), Alarm { command, heartbeat })
}

/// `[canary]`, by a way out that is not that of `[outgoing]`: a provider does not send its own mail around by the way that
/// mail from outside takes, and may drop what an account sends to itself.
pub(super) fn canary(
    file: &Table<'_>,
    outgoing: Option<&Outgoing>,
    read_smtp: fn(&Table<'_>) -> Option<SmtpConfig>,
) -> Option<Canary> {
    let table = file.table("canary", "[canary]")?;
    let address = table.need("address", "canary@elsewhere.example");
    let address = address.and_then(|v| v.parse("canary@elsewhere.example", value::address));
    let time = |key, example, default: u64, least: u64, most: u64, bounds: &'static str| {
        let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
        let read = |text: &str| value::duration(text, least, most, bounds);
        table.get(key).map_or(Some(Duration::from_secs(default)), |v| v.parse(example, read))
    };
    let every = time("every", "6h", 6 * 3_600, 900, 7 * 24 * 3_600, "a time from \"15m\" to \"168h\"");
    let within = time("within", "15m", 900, 60, 24 * 3_600, "a time from \"1m\" to \"24h\"");
    if let (Some(every), Some(within), Some(value)) = (every, within, table.get("within"))
        && within > every
    {
        value.wrong("the next one is sent before this one is missed", "less than \"every\"");
    }
    let Some(smtp) = table.table("smtp", "[canary.smtp]") else {
        if table.get("smtp").is_none() && !table.misspelt("smtp") {
            table.wrong(
                "[canary] does not say by which second way out",
                "[canary.smtp] with a server of another provider",
            );
        }
        return None;
    };
    let way = read_smtp(&smtp)?;
    if let (Some(Outgoing::Smtp(own)), Some(server)) = (outgoing, smtp.get("server"))
        && own.endpoint.server.eq_ignore_ascii_case(&way.endpoint.server)
    {
        server.wrong("this is the server of [outgoing.smtp]", "that of another provider");
    }
    Some(Canary { address: address?, every: every?, within: within?, smtp: way })
}

fn heartbeat(value: Value<'_>) -> Option<Heartbeat> {
    let write = "{ file = \"/run/disclosed/heartbeat\" } or { url = \"https://watch.example/token\" }";
    let table = value.table_or("heartbeat", "a file or a url", write)?;
    match (table.get("file"), table.get("url")) {
        (Some(file), None) => path(file, "/run/disclosed/heartbeat").map(Heartbeat::File),
        (None, Some(url)) => url.parse("https://watch.example/token", self::url),
        (Some(_), Some(_)) | (None, None) => {
            value.wrong("a heartbeat is one file or one url", write);
            None
        }
    }
}

/// A https URL, as a server and what is asked of it. Nothing of it stands in an error: its path is a secret.
fn url(text: &str) -> Result<Heartbeat, Wrong> {
    let wrong = |what: &str| Wrong::new(what, "\"https://watch.example/token\"");
    let rest = text.strip_prefix("https://").ok_or_else(|| wrong("this url is not https"))?;
    let (host, asked) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    let (server, port) = match host.rsplit_once(':') {
        Some((server, port)) => (server, port.parse().map_err(|_| wrong("this url has no port that is a number"))?),
        None => (host, 443),
    };
    let server = value::server(server).map_err(|_| wrong("this url names no server"))?;
    if !asked.bytes().all(|c| c.is_ascii_graphic()) || asked.contains('#') {
        return Err(wrong("this url holds what no url may, or a fragment"));
    }
    let path = if asked.starts_with('/') { asked.to_owned() } else { format!("/{asked}") };
    Ok(Heartbeat::Url { to: Endpoint { server, port, tls: Tls::Implicit, ca_file: None }, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_path() {
        let check = |text: &str| match url(text) {
            Ok(Heartbeat::Url { to, path }) => format!("{} {} {path}", to.server, to.port),
            Ok(Heartbeat::File(_)) => unreachable!("no file"),
            Err(wrong) => wrong.what,
        };
        assert_eq!(check("https://watch.example/a/b?c=d"), "watch.example 443 /a/b?c=d");
        assert_eq!(check("https://watch.example:8443"), "watch.example 8443 /");
        assert_eq!(check("https://watch.example?x"), "watch.example 443 /?x");
        for (bad, why) in [
            ("http://watch.example/", "this url is not https"),
            ("https://user:secret@watch.example/", "this url has no port that is a number"),
            ("https://user@watch.example/", "this url names no server"),
            ("https://watch.example/ HTTP/1.1\r\nX: y", "this url holds what no url may, or a fragment"),
            ("https:///path", "this url names no server"),
        ] {
            assert_eq!(check(bad), why, "{bad:?}");
        }
    }
}
