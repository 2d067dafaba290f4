//! Who is believed: whatever a sender can write, in any place that is the sender's to write in, vouches for nobody.
#![no_main]

use disclosed::testing::mail::identity::identify;
use disclosed::testing::mail::read::read;
use disclosed::testing::mail::signature::Dkim;
use disclosed::testing::provider::Server;
use disclosed_fuzz::written;
use libfuzzer_sys::fuzz_target;

const ID: &str = "mx.example.org";
const FROM: &str = "From: Ann <ann@corp.test>\r\n";
const BORDER: &str = "Received: from x (h [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 1; date\r\n";
const PASS: &str = "Authentication-Results: mx.example.org; dmarc=pass header.from=corp.test\r\n";

fn believed(head: &[u8]) -> bool {
    let raw = [head, b"\r\ntext\r\n"].concat();
    let mail = read(&raw);
    let server = Server::custom(vec![ID.to_owned()]);
    let identity = identify(&mail, &server, &Dkim::Unasked);
    assert_eq!(identity, identify(&mail, &server, &Dkim::Unasked));
    assert!(!identity.reason.is_empty());
    assert!(!identity.believed() || mail.from.is_ok(), "nobody is believed");
    assert!(!identify(&mail, Server::nobody(), &Dkim::Unasked).believed(), "without a server of ours nobody vouches");
    // Whatever row is chosen, results are read and nothing panics.
    for name in Server::names() {
        let row = Server::new(Server::provider(name).unwrap(), vec![ID.to_owned()]);
        identify(&mail, &row, &Dkim::Unasked);
    }
    identity.believed()
}

fuzz_target!(|data: &[u8]| {
    let text = written(data, &[]);
    let data = text.as_bytes();
    let line: String = text.chars().filter(|c| !c.is_control()).collect();

    // Anything at all, once: only the invariants.
    believed(data);

    // Below the line of our own server all is the sender's.
    let below = [BORDER.as_bytes(), data, b"\r\n", FROM.as_bytes()].concat();
    assert!(!believed(&below), "what stands below our Received line vouched");

    // In a name that the sender gives itself when it connects.
    let helo = format!("Received: from {line} (h [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 1; date\r\n");
    let first = format!("{helo}{PASS}{BORDER}{FROM}");
    assert!(!believed(first.as_bytes()), "the name in HELO made our server's line a local one");

    // In the envelope sender, as our server writes it down: quoted, or in a comment.
    let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
    let quoted = format!("Authentication-Results: {ID}; spf=pass smtp.mailfrom=\"{escaped}\"@x.test\r\n{BORDER}{FROM}");
    assert!(!believed(quoted.as_bytes()), "a quoted string vouched");
    let escaped: String =
        line.chars().flat_map(|c| "\\()".contains(c).then_some('\\').into_iter().chain([c])).collect();
    let comment = format!("Authentication-Results: {ID}; spf=pass ({escaped}) smtp.mailfrom=x.test\r\n{BORDER}{FROM}");
    assert!(!believed(comment.as_bytes()), "a comment vouched");

    // As bare words that hold no semicolon, since a server must quote one.
    let bare: String = line.chars().filter(|c| *c != ';').collect();
    let bare = format!("Authentication-Results: {ID}; spf=pass smtp.mailfrom={bare}\r\n{BORDER}{FROM}");
    assert!(!believed(bare.as_bytes()), "an envelope sender vouched");

    // A second line by our own id that says otherwise makes both worthless.
    let two = format!("{PASS}Authentication-Results: {ID}; dmarc=none header.from=corp.test; {line}\r\n{BORDER}{FROM}");
    assert!(!believed(two.as_bytes()), "one of two lines was chosen");

    // The same, whole: what our server says of another domain is no word for this one.
    let other = format!("Authentication-Results: {ID}; dmarc=fail header.from=corp.test; {line}\r\n{BORDER}{FROM}");
    assert!(!believed(other.as_bytes()), "a failed sender was believed");
});
