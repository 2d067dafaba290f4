//! Seals: who adds to a sealed mail is never believed for what was added, nor for what the sealer found forged.
#![no_main]

use disclosed::testing::dkim::Verifier;
use disclosed::testing::mail::header::Header;
use disclosed::testing::mail::identity::identify;
use disclosed::testing::mail::read::read;
use disclosed::testing::mail::results::sealed_for;
use disclosed::testing::mail::signature::{Dkim, MOST, Occasion, Question, Share, sieve};
use disclosed::testing::provider::Server;
use disclosed_fuzz::written;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

#[path = "../../suite/providers/signing.rs"]
#[allow(dead_code, reason = "the seals alone are used")]
mod signing;

const MAIL: &str = "From: Ann <ann@corp.test>\nTo: security@example.org\nSubject: s\nDate: Mon, 4 Jan 2027 09:00:00 +0000\n\
                    Message-ID: <a@corp.test>\n\n/ack\n";
/// What a seal of these holds of the header.
const SIGNED: [&str; 5] = ["From", "To", "Subject", "Date", "Message-ID"];
const WORDS: &[&str] = &[
    "ARC-Seal: ",
    "ARC-Message-Signature: ",
    "ARC-Authentication-Results: ",
    "DKIM-Signature: ",
    "i=1; ",
    "i=2; ",
    "a=ed25519-sha256; ",
    "a=rsa-sha256; ",
    "cv=none; ",
    "cv=pass; ",
    "cv=fail; ",
    "d=google.com; ",
    "d=corp.test; ",
    "d=evil.test; ",
    "s=s1; ",
    "t=1799053200; ",
    "c=relaxed/simple; ",
    "h=From:To:Subject:Date:Message-ID; ",
    "bh=YQ==; ",
    "b=AAAA",
    "b=",
    "v=1; ",
    "l=0; ",
    "mx.google.com; spf=pass smtp.mailfrom=corp.test; dmarc=pass header.from=corp.test",
    "Subject: t\r\n",
    "To: evil@evil.test\r\n",
];

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

/// Whether a mail is believed, by whatever vouches.
fn believed(raw: &str) -> bool {
    let raw = raw.as_bytes();
    let mail = read(raw);
    let (Ok(from), Some(server)) = (&mail.from, Server::provider("gmail")) else { return false };
    let server = Server::new(server, Vec::new());
    let sealer = Some(("google.com", sealed_for(&mail, from, &server)));
    let occasion = Occasion { sealer, ..Occasion::of(from, now(), mail.date) };
    let sieved = sieve(raw, &occasion);
    assert!(sieved.worth.len() <= MOST);
    let dkim = if sieved.worth.is_empty() {
        sieved.verdict()
    } else {
        let question =
            Question { raw: raw.to_vec(), from: from.clone(), signatures: sieved.worth, share: Share::Strangers };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(Verifier::fixed(signing::published()).check(&question, now()))
    };
    let identity = identify(&mail, &server, &dkim);
    assert!(!identity.believed() || matches!(dkim, Dkim::Pass(_)), "gmail's results alone vouched");
    identity.believed()
}

fuzz_target!(|data: &[u8]| {
    let [at, found, rest @ ..] = data else { return };
    let added = written(rest, WORDS).replace("\r\n", "\n");

    let found = ["pass", "fail", "none"][usize::from(*found) % 3];
    let results =
        format!("mx.google.com; spf={found} smtp.mailfrom=corp.test; dmarc={found} header.from=corp.test");
    let sealed = signing::seal(MAIL, "google.com", &results) + MAIL;
    assert_eq!(believed(&sealed.replace('\n', "\r\n")), found == "pass", "as it was sealed");

    // The input before one of the lines, or before the first.
    let lines: Vec<usize> = [0].into_iter().chain(sealed.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let (above, below) = sealed.split_at(lines[usize::from(*at) % lines.len()]);
    let changed = format!("{above}{added}{}{below}", if added.ends_with('\n') { "" } else { "\n" });
    let changed = changed.replace('\n', "\r\n");
    if !believed(&changed) {
        return;
    }
    assert_eq!(found, "pass", "the sealer found it forged\n{changed}");
    let (was, is) = (sealed.replace('\n', "\r\n"), changed.as_bytes());
    let ((was, body), (is, same)) = (Header::split(was.as_bytes()), Header::split(is));
    assert_eq!(body.trim_ascii_end(), same.trim_ascii_end(), "another body\n{changed}");
    for name in SIGNED {
        let all = |header: &Header<'_>| -> Vec<String> {
            let plain = |v: &[u8]| String::from_utf8_lossy(v).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            header.all(&name.to_ascii_lowercase()).map(plain).collect()
        };
        assert_eq!(all(&was), all(&is), "another {name}\n{changed}");
    }
});
