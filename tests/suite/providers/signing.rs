//! Signatures and seals (RFC 6376, RFC 8617) with a key of our own, made for a time that the test says.

use data_encoding::BASE64;
use disclosed::testing::dkim::Answer;
use mail_auth::common::crypto::{Ed25519Key, SigningKey};
use sha2::{Digest, Sha256};

use super::now;

/// What Gmail, and most others, sign: To, and no Content-Type.
pub(super) const GMAILS: &[&str] =
    &["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version"];
/// What Microsoft signs: no To.
pub(super) const MICROSOFTS: &[&str] = &["From", "Date", "Subject", "Message-ID", "Content-Type", "MIME-Version"];

/// All who sign here, each with the same key.
const SIGNERS: &[&str] = &[
    "team.test",
    "teamtest.onmicrosoft.com",
    "evil.test",
    "example.org",
    "simplelogin.co",
    "google.com",
    "cloudflare-email.net",
    "zohomail.com",
    "messagingengine.com",
];

fn key() -> Ed25519Key {
    // RFC 8410 section 7: an Ed25519 key without its public half.
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    Ed25519Key::from_pkcs8_maybe_unchecked_der(&[&prefix[..], &[7; 32]].concat()).unwrap()
}

/// What is published of the keys.
pub(super) fn published() -> impl Iterator<Item = (String, Answer)> {
    let record = format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(&key().public_key()));
    let answer = Answer::Records(vec![record.into_bytes()]);
    SIGNERS.iter().map(move |signer| (format!("s1._domainkey.{signer}"), answer.clone()))
}

/// The fields of a header, each with the lines that it is folded into.
pub(super) fn fields(mail: &str) -> Vec<&str> {
    let head = mail.split_once("\n\n").map_or(mail, |(head, _)| head);
    let ends =
        head.match_indices('\n').map(|(at, _)| at).filter(|at| !head.get(at + 1..).unwrap().starts_with([' ', '\t']));
    let (mut found, mut start) = (Vec::new(), 0);
    for end in ends.chain([head.len()]) {
        found.push(head.get(start..end).unwrap());
        start = end + 1;
    }
    found
}

/// Whether it is a field of that name.
pub(super) fn is(field: &str, name: &str) -> bool {
    field.split_once(':').is_some_and(|(n, _)| n.trim().eq_ignore_ascii_case(name))
}

fn relaxed(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap();
    format!("{}:{}", name.to_ascii_lowercase(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

fn signed(mut input: String, unsigned: &str) -> String {
    input += &relaxed(unsigned);
    format!("{unsigned}{}\n", BASE64.encode(&key().sign(input.as_bytes()).unwrap()))
}

/// A signature field of that name and with those tags in front, over fields and body of a mail.
fn over(mail: &str, name: &str, tags: &str, domain: &str, names: &[&str]) -> String {
    let body = mail.split_once("\n\n").unwrap().1.trim_end_matches('\n').replace('\n', "\r\n") + "\r\n";
    let bh = BASE64.encode(&Sha256::digest(body.as_bytes()));
    let unsigned = format!(
        "{name}: {tags} a=ed25519-sha256; c=relaxed/simple; d={domain}; s=s1; t={}; h={}; bh={bh}; b=",
        now().as_second(),
        names.join(":")
    );
    let all = fields(mail);
    let first = |name: &&str| all.iter().rev().find(|f| is(f, name)).map(|f| relaxed(f) + "\r\n");
    signed(names.iter().filter_map(first).collect(), &unsigned)
}

/// A DKIM signature, to stand above the mail.
pub(super) fn signature(mail: &str, domain: &str, names: &[&str]) -> String {
    over(mail, "DKIM-Signature", "v=1;", domain, names)
}

/// The next seal of a mail, which says that its maker found this out.
pub(super) fn seal(mail: &str, domain: &str, results: &str) -> String {
    let named = |name: &str| -> Vec<&str> { fields(mail).into_iter().filter(|f| is(f, name)).collect() };
    let (recorded, messages, seals) =
        (named("arc-authentication-results"), named("arc-message-signature"), named("arc-seal"));
    let number = seals.len() + 1;
    let chain = match number {
        1 => "none",
        _ if seals.iter().any(|s| s.ends_with(UNSOUND)) => "fail",
        _ => "pass",
    };
    let record = format!("ARC-Authentication-Results: i={number}; {results}");
    let message = over(mail, "ARC-Message-Signature", &format!("i={number};"), domain, &GMAILS[..5]);
    // The oldest set stands lowest.
    let sets: String =
        recorded.iter().zip(&messages).zip(&seals).rev().flat_map(|((r, m), s)| [*r, *m, *s]).map(line).collect();
    let unsigned =
        format!("ARC-Seal: i={number}; a=ed25519-sha256; t={}; cv={chain}; d={domain}; s=s1; b=", now().as_second());
    format!("{}{message}{record}\n", signed(sets + &line(&record) + &line(message.trim_end()), &unsigned))
}

fn line(field: &str) -> String {
    relaxed(field) + "\r\n"
}

/// How a seal ends that was made without the key.
pub(super) const UNSOUND: &str = "AAAA";
