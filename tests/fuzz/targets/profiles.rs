//! What is known of providers: under none of them can a sender add anything to a mail that its server calls forged, and
//! be believed.
#![no_main]

use disclosed::testing::mail::identity::{Identity, identify};
use disclosed::testing::mail::read::read;
use disclosed::testing::mail::signature::Dkim;
use disclosed::testing::provider::{Bound, Place, Server};
use disclosed_fuzz::written;
use libfuzzer_sys::fuzz_target;

const FROM: &str = "From: Ann <ann@corp.test>\r\n";

/// A name that fits a pattern, and what stands behind it there.
fn fitting(pattern: &str) -> String {
    let name = if pattern == "*" { "mx.example.org".to_owned() } else { pattern.replace('*', "x1") };
    if name.contains('(') && !name.contains(')') { name + "x)" } else { name }
}

/// A mail as a server of that row writes it: in its results stands `result`, and all that is a sender's to write is
/// `added`, the name in HELO among it.
fn arrived(server: &Server, result: &str, helo: &str, added: &str) -> String {
    let row = server.provider;
    let edge = fitting(row.edge.first().copied().unwrap_or("*"));
    let inner: String =
        row.inner.iter().map(|by| format!("Received: from a by {} with LMTP id i; date\r\n", fitting(by))).collect();
    let edge = format!("Received: from {helo} (h [192.0.2.1]) by {edge} with ESMTPS id Q1; date\r\n");
    let mark = match row.bound {
        Bound::Free => String::new(),
        Bound::Says(name, value) => format!("{name}: {value}\r\n"),
        Bound::Queued(name) => format!("{name}: Q1\r\n"),
    };
    let id = server.ids().first().map_or(String::new(), |id| fitting(id) + "; ");
    let found =
        format!("Authentication-Results: {id}spf={result} smtp.mailfrom=corp.test; dmarc={result} header.from=corp.test\r\n");
    match row.place {
        Place::Above => format!("{inner}{found}{edge}{mark}{added}\r\n{FROM}"),
        Place::Below | Place::Nowhere => format!("{inner}{edge}{mark}{found}{added}\r\n{FROM}"),
        // All fields of one name stand together, in an order that is nobody's: the sender's first is the worst.
        Place::Together => format!("X-Pm-Internal-Id: 1\r\n{added}\r\n{found}{edge}{FROM}"),
    }
}

/// Who is believed; `None` for a mail in the name of another domain, of which nothing was found out.
fn seen(server: &Server, head: &str) -> Option<Identity> {
    let mail = read(format!("{head}\r\ntext\r\n").as_bytes());
    let ours = mail.from.as_ref().is_ok_and(|from| from.domain() == "corp.test");
    ours.then(|| identify(&mail, server, &Dkim::Unasked))
}

fuzz_target!(|data: &[u8]| {
    let Some((row, data)) = data.split_first() else { return };
    let names: Vec<&str> = Server::names().collect();
    let Some(row) = names.get(usize::from(*row) % names.len()).and_then(|name| Server::provider(name)) else { return };
    let own = if row.is_own() { vec!["mx.example.org".to_owned()] } else { Vec::new() };
    let server = Server::new(row, own);

    // The words of this row, so that hosts and names of its own are tried in every place.
    let mut words: Vec<String> = row.ids.iter().chain(row.edge).chain(row.inner).map(|p| fitting(p)).collect();
    words.extend(row.ids.iter().map(|p| format!("Authentication-Results: {}; ", p.replace('*', "x2"))));
    if let Bound::Says(name, value) = row.bound {
        words.push(format!("{name}: {value}\r\n"));
    }
    words.push("X-Pm-Internal-Id: 1\r\n".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let added = written(data, &words);
    let line: String = added.chars().filter(|c| !c.is_control()).collect();

    // The row is worth something at all.
    let good = seen(&server, &arrived(&server, "pass", "x", "X: y"));
    assert_eq!(good.is_some_and(|i| i.believed()), row.place != Place::Nowhere, "{}: its own pass", row.name);

    for (helo, added) in [("x", added.as_str()), (line.as_str(), "X: y"), (line.as_str(), added.as_str())] {
        let forged = arrived(&server, "fail", helo, added);
        let Some(identity) = seen(&server, &forged) else { continue };
        assert!(!identity.believed(), "{}: believed\n{forged}", row.name);
        // Where all of one name stand together, whose the first is nobody knows.
        assert!(identity.forged() || row.place == Place::Together, "{}: not called forged\n{forged}", row.name);
        // The same with nothing found out: no word of the sender's becomes the server's.
        let open = seen(&server, &arrived(&server, "none", helo, added));
        assert!(!open.is_some_and(|i| i.believed()), "{}: believed beside none\n{added}", row.name);
    }
});
