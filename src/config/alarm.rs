//! `[alarm]`: who hears of trouble by another way than mail.

use std::time::Duration;

use super::reader::{Table, Value};
use super::settings::{Alarm, Canary, Heartbeat, Inbox, Outgoing, SmtpConfig};
use super::value::{self, path, words};

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
    read_smtp: impl Fn(&Table<'_>) -> Option<SmtpConfig>,
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
        (None, Some(url)) => {
            let example = "https://watch.example/token";
            url.parse(example, |text| value::url(text, example)).map(|(to, path)| Heartbeat::Url { to, path })
        }
        (Some(_), Some(_)) | (None, None) => {
            value.wrong("a heartbeat is one file or one url", write);
            None
        }
    }
}
