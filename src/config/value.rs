//! What stands in a single value: a length of time, a size, hours of the day, a server, a path.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;

use super::reader::{Value, Wrong};
use crate::net::{Endpoint, Tls};
use crate::vocabulary::Address;

/// "30s", "2m", "1h", within the bounds; months are far beyond them, so "2M" is minutes too.
pub(super) fn duration(text: &str, least: Duration, most: Duration, bounds: &str) -> Result<Duration, Wrong> {
    let wrong = |why: &str| Wrong::new(format!("{text:?} {why}"), bounds);
    let (number, unit) = split_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(wrong("is no length of time")),
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    let found = Duration::from_secs(seconds.ok_or_else(|| wrong("is no length of time"))?);
    if (least..=most).contains(&found) { Ok(found) } else { Err(wrong("is out of bounds")) }
}

/// "50MB", "64 kB", "1MiB", from 64 kB to 200 MB, in octets.
pub(super) fn size(text: &str) -> Result<u64, Wrong> {
    let wrong = |why: &str| Wrong::new(format!("{text:?} {why}"), "a size from \"64kB\" to \"200MB\"");
    let (number, unit) = split_unit(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "kb" => 1_000,
        "mb" => 1_000_000,
        "kib" => 1_024,
        "mib" => 1_048_576,
        _ => return Err(wrong("is no size in kB, MB, KiB or MiB")),
    };
    let octets = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    let octets = octets.ok_or_else(|| wrong("is no size in kB, MB, KiB or MiB"))?;
    if (64_000..=200_000_000).contains(&octets) { Ok(octets) } else { Err(wrong("is out of bounds")) }
}

/// "50 MB" into "50" and "MB".
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, unit.trim_start_matches(' '))
}

/// "09:00-17:00": two local times. The second may be "24:00", which is midnight.
pub(super) fn hours(text: &str) -> Option<(Time, Time)> {
    let (start, end) = text.split_once('-').or_else(|| text.split_once('–'))?;
    let time = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let digits = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|c| c.is_ascii_digit());
        if !digits(hour) || minute.len() != 2 || !digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let end = if end.trim() == "24:00" { "00:00" } else { end };
    Some((time(start)?, time(end)?))
}

/// A path of the config, which is relative to its file.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

/// The same, as a value.
pub(super) fn path(value: Value<'_>, example: &str) -> Option<PathBuf> {
    let file = value.file();
    value.parse(example, |text| match text {
        "" => Err(Wrong::new(format!("{:?} is empty", value.key), format!("a path such as {example:?}"))),
        home if home.starts_with('~') => Err(Wrong::new("~ is not expanded here", "the whole path")),
        _ => Ok(beside(file, text)),
    })
}

/// A program and its arguments, as a list: no shell reads them.
pub(super) fn words(value: Value<'_>, example: &str) -> Option<Vec<String>> {
    let words = value.list(example)?;
    let words: Vec<Option<&str>> = words.iter().map(|word| word.string(example)).collect();
    let words: Vec<String> = words.into_iter().map(|word| word.map(str::to_owned)).collect::<Option<_>>()?;
    if words.first().is_none_or(String::is_empty) {
        value.wrong(format!("{} is empty", value.key), "a program and its arguments");
    }
    Some(words)
}

/// A name for people to read: one line, 1 to 100 characters.
pub(super) fn title(text: &str) -> Result<String, Wrong> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.chars().count() > 100 || crate::vocabulary::clean_line(trimmed, 100) != trimmed {
        return Err(Wrong::new(format!("{text:?} is no name"), "1 to 100 characters on one line"));
    }
    Ok(trimmed.to_owned())
}

/// A plain mail address.
pub(super) fn address(text: &str) -> Result<Address, Wrong> {
    Address::parse(text).ok_or_else(|| {
        // "Security <security@example.org>", " security@example.org ".
        let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest).trim().trim_end_matches('>');
        let write = Address::parse(inner).map_or("name@example.org", |_| inner);
        Wrong::new(format!("{text:?} is no plain mail address"), format!("{write:?}"))
    })
}

/// A host name or an IP address, with nothing around it.
pub(super) fn server(text: &str) -> Result<String, Wrong> {
    let wrong = |write: String| Err(Wrong::new(format!("{text:?} is no server name"), write));
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let bare = text.trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() {
        return wrong(format!("{bare:?}"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        return wrong(format!("{:?}", rest.trim_end_matches('/')));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.parse::<u16>().is_ok()
    {
        return wrong(format!("server = {:?} and port = {port}", host.trim_matches(['[', ']'])));
    }
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if text.len() > 253 || !text.trim_end_matches('.').split('.').all(label) {
        return wrong("\"mail.example.org\"".to_owned());
    }
    Ok(text.to_owned())
}

/// Whether a server is this machine: what is sent to it unprotected does not pass a network.
pub(super) fn is_loopback(server: &str) -> bool {
    server.eq_ignore_ascii_case("localhost") || server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// "SEC": 1 to 10 capital letters or digits, a letter first.
pub(super) fn prefix(text: &str) -> Result<String, Wrong> {
    let good = text.len() <= 10
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let write = "1 to 10 capital letters or digits, a letter first, such as \"SEC\"";
    if good { Ok(text.to_owned()) } else { Err(Wrong::new(format!("{text:?} is no ticket prefix"), write)) }
}

/// The words of a command, for a program and not for a shell.
pub(super) fn command(text: &str) -> Result<Vec<String>, Wrong> {
    if let Some(c) = text.chars().find(|c| "'\"`$|&;<>*?~\\".contains(*c)) {
        let what = format!("password_command holds {c:?}, but no shell reads it");
        return Err(Wrong::new(what, "a list of words, such as [\"pass\", \"show\", \"security mail\"]"));
    }
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return Err(Wrong::new("password_command is empty", "a program and its arguments"));
    }
    Ok(words)
}

/// A https URL, as a server and what is asked of it. Nothing of it stands in an error: its path may be a secret.
pub(super) fn url(text: &str, example: &str) -> Result<(Endpoint, String), Wrong> {
    let wrong = |what: &str| Wrong::new(what, format!("{example:?}"));
    let rest = text.strip_prefix("https://").ok_or_else(|| wrong("this url is not https"))?;
    let (host, asked) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    let (server, port) = match host.rsplit_once(':') {
        Some((server, port)) => (server, port.parse().map_err(|_| wrong("this url has no port that is a number"))?),
        None => (host, 443),
    };
    let server = self::server(server).map_err(|_| wrong("this url names no server"))?;
    if !asked.bytes().all(|c| c.is_ascii_graphic()) || asked.contains('#') {
        return Err(wrong("this url holds what no url may, or a fragment"));
    }
    let path = if asked.starts_with('/') { asked.to_owned() } else { format!("/{asked}") };
    Ok((Endpoint { server, port, tls: Tls::Implicit, ca_file: None }, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str| duration(text, Duration::from_secs(10), Duration::from_secs(3600), "").ok();
        for (text, expect) in [
            ("10s", Some(10)),
            ("2m", Some(120)),
            ("1h", Some(3600)),
            ("2 m", Some(120)),
            ("2M", Some(120)),
            ("2 MIN", Some(120)),
            ("1H", Some(3600)),
            ("9s", None),
            ("2h", None),
            ("120", None),
            ("m", None),
            ("-2m", None),
            ("99999999999999999999s", None),
            ("99999999999999999h", None),
            ("", None),
        ] {
            assert_eq!(check(text), expect.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, expect) in [
            ("50MB", Some(50_000_000)),
            ("64kB", Some(64_000)),
            ("1 MiB", Some(1_048_576)),
            ("50mb", Some(50_000_000)),
            ("64KB", Some(64_000)),
            ("200MB", Some(200_000_000)),
            ("63kB", None),
            ("201MB", None),
            ("50000000", None),
            ("5 GB", None),
            ("99999999999999999999MB", None),
            ("18446744073709551615kB", None),
        ] {
            assert_eq!(size(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn hours_are_two_times() {
        let t = |h, m| Time::new(h, m, 0, 0).unwrap();
        for (text, expect) in [
            ("09:00-17:00", Some((t(9, 0), t(17, 0)))),
            ("9:00 - 17:30", Some((t(9, 0), t(17, 30)))),
            ("22:00-07:00", Some((t(22, 0), t(7, 0)))),
            ("09:00–17:00", Some((t(9, 0), t(17, 0)))),
            ("9-17", None),
            ("09:00", None),
            ("09:00-24:00", Some((t(9, 0), t(0, 0)))),
            ("24:00-09:00", None),
            ("09:00-24:01", None),
            ("09:0-17:00", None),
            ("+9:00-17:00", None),
        ] {
            assert_eq!(hours(text), expect, "{text}");
        }
    }

    #[test]
    fn servers() {
        for text in ["mail.example.org", "localhost", "127.0.0.1", "::1", "mail"] {
            assert!(server(text).is_ok(), "{text}");
        }
        for (text, write) in [
            ("imaps://mail.example.org/", "\"mail.example.org\""),
            ("mail.example.org:993", "server = \"mail.example.org\" and port = 993"),
            ("[::1]", "\"::1\""),
            ("[::1]:143", "server = \"::1\" and port = 143"),
            ("mail example.org", "\"mail.example.org\""),
            ("", "\"mail.example.org\""),
        ] {
            assert_eq!(server(text).unwrap_err().write, write, "{text}");
        }
        for (text, expect) in [
            ("localhost", true),
            ("127.8.9.1", true),
            ("::1", true),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(text), expect, "{text}");
        }
    }

    #[test]
    fn a_command_is_words() {
        assert_eq!(command(" pass  show mail ").unwrap(), ["pass", "show", "mail"]);
        for text in ["", "  ", "pass show 'my mail'", "echo $SECRET", "a | b", "cat ~/secret"] {
            assert!(command(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_url_is_a_server_and_a_path() {
        let check = |text: &str| match url(text, "https://watch.example/token") {
            Ok((to, path)) => format!("{} {} {path}", to.server, to.port),
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
