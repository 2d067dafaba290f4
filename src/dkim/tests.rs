//! Mail that is signed here by mail-auth's own signer, and then read as mail from the network is.

mod seals;

use data_encoding::BASE64;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::clock;
use crate::mail::read::read;
use crate::mail::signature::{Occasion, sieve};

/// A key that signs nothing but the mails of these tests.
const RSA: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDdALjThRrj1u1Z
/5B9CNXuO/yuqLr794Jx94bMZK02DMqZ22rEA/axjh9beUZeEGv37Y7Us7v6rJve
IWomCytz/vdFeksc0YFxijRlFEzVmO6k3hUrUJXDYAvtLcbwp9PrXnxWOLsUvE7T
6fdCHn6i7MFJmmuwycNkvBPymOCvPu9PocURBm3DKg0YJDAI0reX444KMDSTZ1hq
PGKx5YwgniHpUPG/2FGe/hKTBDnmE5DpirzDEzqiwoH7U88droiGgDkN/SMOCUH8
poOTiALLUeH0eWoJ7mUUmhdKd402z6MmfQhJGRvjjBLZb7srel9ue8uWbrBfnhz1
ubPbuEOVAgMBAAECggEAGjdY9XyDa1YmW0f5/Z8T85oJmDV7UuLyRi8w/iOOOYxs
ZzJ0WJLIy5i6pwj8nDFyAVvcluZITQz3Q3MuypsGGVE8R3FhoiZHJu8YVopBMBBf
dM7Eb5o0XdQRrh3BTPB3ruLLOJYruSK6biCBvIXuC0kvB5pqHnNcuqEl86AHfTov
K2KTw1wjXo/jabu+S2ijtUCQ4BW7scm6l99BstT0PSXECuwqE4FwC/0m6pfix5hr
44laysox4K29MswAzTAXjpgDXk2zNvx+46rh0C6dQyWtusxKhPPQd+LFjTKclYKg
t2MwGZvxZbHQpEmHnIaKxcst7p3JnOjVNdNfZ4aSQQKBgQD+7ZyDfosIq0wfm6Cc
5/thIUECDRKU9FXWALSy+fQpnKkkBleoQi6sSdG8wxTiZrVDyUVBI+u+b8K+0DIW
QcuC6cUkhtqxcIwV77Alo0YU7N9SxFubwFsWmnCmPn3A70EcMxLwmlLf8OOBjpUC
tA2rt7q/+m6ilVulMvJ6o7kPVQKBgQDd7phx48EsL1heGa4TwuNWK63UQVM05aV/
TA4Z5VjnW1jNW/UH8I1h8gqcTj3Q+Vs02bIyNZ/vSn+bG+D8/c6yT8f3CZ1E6nZa
AZfFKUj8cJKnJQ0w2ENht71nItb5acm1wED4+YOX7ENhphALZ7h2Ww5W2eRFQLuH
NSnSjpfjQQKBgHlG/TCpYOds5rgax5wd2L9qnIynP3HRk4xNpamHtBqfxu+2fLk1
UxLvw3HztNnIVu+6rtHAjwR4EsPINCvWfUT4hatM5HmJu3ssHjapqEuILO4pMBO2
vR7RtknAbP7+U5Fg0t/X6xlSdklKVaWFlwNcUuHF+CAswf6jcCvb+8xJAoGBAI8B
je3laraEE5cfSRKmxELkhnB9X5Z4XDo40eVR6gW60PATT0M8eH4irz+lEyQzadgW
Z0L/Vv2krbFPN50OF0DDNAE1ise7pWO+HwQG5Gb2Sym1MFjHIjQ3Z66rvoac6kNZ
jQRiE6+zqH+luDUBMtXhOs4wPW16ltw7H6X0CF+BAoGAaYIS1IRHTt8gOmXZYbim
YSu5LaOlT8cVkZ06kc747PWy+bwWpPc9uc6noCZ8LKSJEytcNi8jCwCaMhQh0cHd
kepjYATEM1t2tfXGA6mxyIzZsd4r+UhJcCJFCphTR5gy10uPJ5ftSYvYqjlQik8u
iNMPTYeS6aWyDMmQw4APl0Q=
-----END PRIVATE KEY-----
";
const RSA_PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3QC404Ua49btWf+QfQjV7jv8rqi6+/eCcfeGzGStNgzKmdtqxAP2sY4f\
    W3lGXhBr9+2O1LO7+qyb3iFqJgsrc/73RXpLHNGBcYo0ZRRM1ZjupN4VK1CVw2AL7S3G8KfT6158Vji7FLxO0+n3Qh5+ouzBSZpr\
    sMnDZLwT8pjgrz7vT6HFEQZtwyoNGCQwCNK3l+OOCjA0k2dYajxiseWMIJ4h6VDxv9hRnv4SkwQ55hOQ6Yq8wxM6osKB+1PPHa6I\
    hoA5Df0jDglB/KaDk4gCy1Hh9HlqCe5lFJoXSneNNs+jJn0ISRkb44wS2W+7K3pfbnvLlm6wX54c9bmz27hDlQIDAQAB";
/// A public key of 768 bits.
const WEAK_PUBLIC: &str = "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMARxCwfm4MI6WchDhqfou00n9/QvwhNHD61zcSnPs2pifQAfFffFzaVK3Nig0iECToP\
    WiutdzpaTttan4eAn3pKIZFoOwvpUfpTMQd0U3d7dyl96sEZaA+tB7pXA/i85QIDAQAB";
const SEED: [u8; 32] = [7; 32];

const HEAD: &str = "From: Ann <ann@corp.test>\r\nTo: security+tag@example.org\r\nSubject: Re: [SEC-1]\r\nDate: now\r\n";
const BODY: &str = "/valid\r\n\r\nIt is so.\r\n";
const SIGNED: [&str; 4] = ["From", "To", "Subject", "Date"];

fn mail() -> String {
    format!("{HEAD}\r\n{BODY}")
}

/// What a test signs with, other than usual.
#[derive(Clone)]
pub(crate) struct How {
    pub(crate) domain: &'static str,
    selector: String,
    headers: Vec<&'static str>,
    ed25519: bool,
    body_length: bool,
    simple: bool,
    i: &'static str,
}

impl Default for How {
    fn default() -> Self {
        Self {
            domain: "corp.test",
            selector: "s1".into(),
            headers: SIGNED.to_vec(),
            ed25519: false,
            body_length: false,
            simple: false,
            i: "",
        }
    }
}

fn ed25519() -> Ed25519Key {
    // RFC 8410 section 7: an Ed25519 key without its public half.
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    Ed25519Key::from_pkcs8_maybe_unchecked_der(&[&prefix[..], &SEED].concat()).unwrap()
}

fn rsa() -> RsaKey<Sha256> {
    RsaKey::from_key_der(PrivateKeyDer::from_pem_slice(RSA.as_bytes()).unwrap()).unwrap()
}

/// The mail with a signature on top.
pub(crate) fn sign(mail: &str, how: &How) -> String {
    let form = if how.simple { Canonicalization::Simple } else { Canonicalization::Relaxed };
    macro_rules! signed {
        ($key:expr) => {
            DkimSigner::from_key($key)
                .domain(how.domain)
                .selector(how.selector.clone())
                .headers(how.headers.clone())
                .header_canonicalization(form)
                .body_canonicalization(form)
                .body_length(how.body_length)
                .agent_user_identifier(how.i)
                .sign(mail.as_bytes())
                .unwrap()
                .to_header()
        };
    }
    let header = if how.ed25519 { signed!(ed25519()) } else { signed!(rsa()) };
    format!("{header}{mail}")
}

/// The record of the RSA key.
pub(crate) fn record() -> String {
    format!("v=DKIM1; k=rsa; p={RSA_PUBLIC}")
}

fn keys(record: &str) -> Verifier {
    Verifier::fixed([("s1._domainkey.corp.test".to_owned(), Answer::Records(vec![record.as_bytes().to_vec()]))])
}

/// The verdict on a mail that comes in at that time.
fn verdict_at(raw: &str, verifier: &mut Verifier, received: Timestamp) -> Dkim {
    let mail = read(raw.as_bytes());
    let from = mail.from.expect("one plain sender");
    judged(raw, &Occasion::of(&from, received, mail.date), verifier)
}

fn judged(raw: &str, occasion: &Occasion<'_>, verifier: &mut Verifier) -> Dkim {
    let sieved = sieve(raw.as_bytes(), occasion);
    if sieved.worth.is_empty() {
        return sieved.verdict();
    }
    let (from, signatures) = (occasion.from.clone(), sieved.worth);
    let question = Question { raw: raw.as_bytes().to_vec(), from, signatures, share: Share::Named };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(verifier.check(&question, occasion.received))
}

fn verdict(raw: &str) -> Dkim {
    verdict_at(raw, &mut keys(&record()), clock::now())
}

#[track_caller]
fn passes(raw: &str) {
    let got = verdict(raw);
    assert!(matches!(&got, Dkim::Pass(by) if by.domain == "corp.test" && by.selector == "s1"), "{got:?}");
}

#[track_caller]
fn fails(got: Dkim, why: &str) {
    assert!(matches!(&got, Dkim::Fail(reason) if reason.contains(why)), "{got:?}");
}

#[test]
fn a_good_signature_passes() {
    passes(&sign(&mail(), &How::default()));
    passes(&sign(&mail(), &How { simple: true, ..How::default() }));
    passes(&sign(&mail(), &How { i: "bot@corp.test", ..How::default() }));
    let ed = sign(&mail(), &How { ed25519: true, ..How::default() });
    let public = BASE64.encode(&ed25519().public_key());
    let got = verdict_at(&ed, &mut keys(&format!("v=DKIM1; k=ed25519; p={public}")), clock::now());
    assert!(matches!(got, Dkim::Pass(_)), "{got:?}");
    // What each hop adds on top, and a Maildir with bare LFs.
    let signed = sign(&mail(), &How::default());
    passes(&format!("Received: from a by b; date\r\nX-Spam: no\r\n{signed}"));
    passes(&signed.replace("\r\n", "\n"));
    passes(&sign(&mail(), &How { simple: true, ..How::default() }).replace("\r\n", "\n"));
}

#[test]
fn what_was_changed_fails() {
    let signed = sign(&mail(), &How::default());
    fails(verdict(&signed.replace("It is so", "It was so")), "the text was changed");
    fails(verdict(&format!("{signed}more\r\n")), "the text was changed");
    fails(verdict(&signed.replace("Re: [SEC-1]", "Re: [SEC-2]")), "a signed field was changed");
    fails(verdict(&signed.replace("+tag@", "+gat@")), "a signed field was changed");
    fails(verdict(&signed.replace("ann@corp", "eve@corp")), "a signed field was changed");
    fails(verdict(&format!("Subject: other\r\n{signed}")), "fewer subject fields");
    fails(verdict(&format!("To: other@example.org\r\n{signed}")), "fewer to fields");
    let (before, after) = signed.split_once("b=").unwrap();
    fails(verdict(&format!("{before}b=AA{}", after.get(2..).unwrap())), "");
}

#[test]
fn what_the_sieve_refuses_is_never_asked_for() {
    let mut nobody = Verifier::nowhere("must not be asked");
    let now = clock::now();
    let mut check = |how: How, received: Timestamp, why: &str| {
        fails(verdict_at(&sign(&mail(), &how), &mut nobody, received), why);
    };
    let days = |n: i64| now + SignedDuration::from_hours(24 * n);
    check(How { body_length: true, ..How::default() }, now, "l=");
    check(How { domain: "evil.test", ..How::default() }, now, "by evil.test");
    check(How { domain: "mail.corp.test", ..How::default() }, now, "by mail.corp.test");
    check(How { domain: "test", ..How::default() }, now, "by test");
    check(How { headers: vec!["From", "To", "Date"], ..How::default() }, now, "does not sign the subject");
    check(How::default(), days(8), "more than 7 days");
    check(How::default(), days(-1), "from the future");
    assert_eq!(verdict_at(&mail(), &mut nobody, now), Dkim::None);
    assert_eq!(nobody.asked.common.len(), 0);
}

#[test]
fn keys_that_do_not_count() {
    let signed = sign(&mail(), &How::default());
    let with = |record: &str| verdict_at(&signed, &mut keys(record), clock::now());
    fails(with("v=DKIM1; p="), "is revoked");
    fails(with("v=DKIM1"), "is no key");
    fails(with(&format!("v=DKIM1; k=ed25519; p={RSA_PUBLIC}")), "another kind");
    fails(with(&format!("v=DKIM1; t=y; p={RSA_PUBLIC}")), "being tried out");
    fails(with(&format!("v=DKIM1; p={WEAK_PUBLIC}")), "has 768 bits");
    fails(with("v=DKIM1; p=AAAA"), "bits");
    fails(with("v=DKIM1; p=!"), "no key");
    fails(with(&format!("p={}", "A".repeat(9_000))), "too large");
    let name = || "s1._domainkey.corp.test".to_owned();
    let answer = |a: Answer| verdict_at(&signed, &mut Verifier::fixed([(name(), a)]), clock::now());
    fails(answer(Answer::Missing), "is not published");
    fails(answer(Answer::Records(Vec::new())), "is not published");
    fails(answer(Answer::Records(vec![record().into_bytes(), record().into_bytes()])), "more than once");
    assert!(matches!(answer(Answer::Temporary("no answer".into())), Dkim::Temporary(w) if w.contains("no answer")));
    // For another address than it says: i= below d= with a key that forbids it.
    let below = sign(&mail(), &How { i: "@sub.corp.test", ..How::default() });
    fails(verdict_at(&below, &mut keys(&format!("t=s; p={RSA_PUBLIC}")), clock::now()), "another domain (i=)");
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let list = How { domain: "list.example", ..How::default() };
    let mut raw = sign(&mail(), &How::default());
    for _ in 0..6 {
        raw = sign(&raw, &list);
    }
    passes(&raw);
    // Six by the domain itself: five are looked at, and the good one is the sixth.
    let mut crowd = sign(&mail(), &How::default());
    for n in 2..7 {
        crowd = sign(&crowd, &How { selector: format!("s{n}"), ..How::default() });
    }
    let mut verifier = keys(&record());
    fails(verdict_at(&crowd, &mut verifier, clock::now()), "is not published");
    assert_eq!(verifier.asked.common.len(), MOST);
    // An answer that is missing for now outweighs one that is no.
    let both = sign(&sign(&mail(), &How::default()), &How { selector: "s2".into(), ..How::default() });
    let revoked = Answer::Records(vec![b"p=".to_vec()]);
    let later = Answer::Temporary("late".into());
    let mut two = Verifier::fixed([
        ("s1._domainkey.corp.test".to_owned(), later),
        ("s2._domainkey.corp.test".to_owned(), revoked),
    ]);
    assert!(matches!(verdict_at(&both, &mut two, clock::now()), Dkim::Temporary(_)));
}

#[test]
fn questions_are_bounded_by_the_hour() {
    let signed = sign(&mail(), &How::default());
    let mail = read(signed.as_bytes());
    let from = mail.from.unwrap();
    let now = clock::now();
    let signatures = sieve(signed.as_bytes(), &Occasion::of(&from, now, None)).worth;
    let question = |share: Share| Question {
        raw: signed.clone().into_bytes(),
        from: from.clone(),
        signatures: signatures.clone(),
        share,
    };
    let eve = crate::vocabulary::Address::parse("eve@corp.test").unwrap();
    let mut verifier = keys(&record());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let used_up = |verifier: &mut Verifier, share: Share, by: &crate::vocabulary::Address| {
        (0..1_000).filter(|_| verifier.asked.one_more(share, by, now)).count()
    };
    let good = |verifier: &mut Verifier, share: Share, at: Timestamp| {
        let got = runtime.block_on(verifier.check(&question(share), at));
        let used_up = matches!(&got, Dkim::Temporary(why) if why.contains("too many keys"));
        assert!(used_up || matches!(got, Dkim::Pass(_)), "{got:?}");
        !used_up
    };
    assert_eq!(used_up(&mut verifier, Share::Strangers, &eve), QUESTIONS / 2);
    assert!(!good(&mut verifier, Share::Strangers, now));
    assert!(good(&mut verifier, Share::Named, now), "half is kept for the people");
    // A thousand in the name of one of the people, and then one with a token.
    assert_eq!(used_up(&mut verifier, Share::Named, &from), QUESTIONS / 2 - 1);
    assert!(!good(&mut verifier, Share::Named, now));
    assert!(good(&mut verifier, Share::Holder, now), "a part is kept for mail with a token");
    // A token that leaked is good for that person's part, and no more.
    assert_eq!(used_up(&mut verifier, Share::Holder, &eve), OF_HOLDER);
    assert!(good(&mut verifier, Share::Holder, now), "each person has a part");
    assert!(!good(&mut verifier, Share::Named, now));
    assert!(good(&mut verifier, Share::Strangers, now + SignedDuration::from_hours(1)));
}

/// Without a resolver, and with one that never answers: no verdict, in time.
#[tokio::test(start_paused = true)]
async fn where_nobody_answers_it_is_said_in_time() {
    let signed = sign(&mail(), &How::default());
    let mail = read(signed.as_bytes());
    let from = mail.from.unwrap();
    let now = clock::now();
    let signatures = sieve(signed.as_bytes(), &Occasion::of(&from, now, None)).worth;
    let question = Question { raw: signed.into_bytes(), from, signatures, share: Share::Named };
    let mut nowhere = Verifier::nowhere("no resolver");
    assert!(matches!(nowhere.check(&question, now).await, Dkim::Temporary(why) if why.contains("no resolver")));
    // Port 9 of this machine takes what it gets, or nobody is there; neither answers.
    let server = mail_auth::hickory_resolver::config::NameServerConfig::udp(std::net::Ipv4Addr::LOCALHOST.into());
    let mut server = server;
    for connection in &mut server.connections {
        connection.port = 9;
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = MessageAuthenticator::new(config, ResolverOpts::default()).unwrap();
    let begun = tokio::time::Instant::now();
    let got = Verifier::with(Keys::Dns(Box::new(resolver))).check(&question, now).await;
    assert!(matches!(got, Dkim::Temporary(_)), "{got:?}");
    assert!(begun.elapsed() <= PATIENCE + Duration::from_secs(1));
}

/// What a name server of this test says about a name.
fn served(request: &[u8]) -> Option<Vec<u8>> {
    use mail_auth::hickory_resolver::proto::op::Message;
    use mail_auth::hickory_resolver::proto::rr::Record;
    use mail_auth::hickory_resolver::proto::rr::rdata::{CNAME, TXT};

    let request = Message::from_vec(request).ok()?;
    let query = request.queries.first()?.clone();
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata.recursion_available = true;
    response.add_query(query.clone());
    let asked = query.name().to_ascii().to_lowercase();
    // A key of 2,048 bits does not fit into one string of 255 octets.
    let record = record();
    let (head, tail) = record.split_at(250);
    let txt = |name: &Name| Record::from_rdata(name.clone(), 60, RData::TXT(TXT::new(vec![head.into(), tail.into()])));
    let other = Name::from_ascii("s1.keys.provider.example.").unwrap();
    match asked.split('.').next()? {
        "s1" => drop(response.add_answer(txt(query.name()))),
        "alias" => {
            response.add_answer(Record::from_rdata(query.name().clone(), 60, RData::CNAME(CNAME(other.clone()))));
            response.add_answer(txt(&other));
        }
        "gone" => response.metadata.response_code = ResponseCode::NXDomain,
        "empty" => {}
        "broken" => response.metadata.response_code = ResponseCode::ServFail,
        "refused" => response.metadata.response_code = ResponseCode::Refused,
        _ => return None,
    }
    response.to_vec().ok()
}

/// A resolver over real UDP: keys of several strings and behind aliases, names that are not there, servers that fail.
#[tokio::test]
async fn names_are_asked_for_by_dns() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 4_096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(response) = served(&buffer[..length]) {
                socket.send_to(&response, from).await.unwrap();
            }
        }
    });
    let mut server = mail_auth::hickory_resolver::config::NameServerConfig::udp(std::net::Ipv4Addr::LOCALHOST.into());
    for connection in &mut server.connections {
        connection.port = port;
    }
    let mut options = ResolverOpts::default();
    options.timeout = Duration::from_millis(500);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = MessageAuthenticator::new(config, options).unwrap();
    let name = |selector: &str| format!("{selector}._domainkey.corp.test");
    let found = Answer::Records(vec![record().into_bytes()]);
    for (selector, expect) in
        [("s1", &found), ("alias", &found), ("gone", &Answer::Missing), ("empty", &Answer::Missing)]
    {
        assert_eq!(look_up(&resolver, &name(selector)).await, *expect, "{selector}");
    }
    for selector in ["broken", "refused", "silent"] {
        assert!(matches!(look_up(&resolver, &name(selector)).await, Answer::Temporary(_)), "{selector}");
    }
    let signed = sign(&mail(), &How::default());
    let mail = read(signed.as_bytes());
    let (from, now) = (mail.from.unwrap(), clock::now());
    let signatures = sieve(signed.as_bytes(), &Occasion::of(&from, now, None)).worth;
    let question = Question { raw: signed.into_bytes(), from, signatures, share: Share::Named };
    let mut verifier = Verifier::with(Keys::Dns(Box::new(resolver)));
    assert!(matches!(verifier.check(&question, now).await, Dkim::Pass(_)));
    // What `check --online` asks; this server says nothing about it.
    assert_eq!(verifier.try_out("corp.test").await, Err("the name servers gave no usable answer".to_owned()));
    assert_eq!(Verifier::fixed([]).try_out("corp.test").await, Ok(()));
    assert!(Verifier::nowhere("no resolver").try_out("corp.test").await.is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

    /// Whatever is changed in a signed mail, no other reading of it passes.
    #[test]
    fn no_changed_byte_of_text_or_signed_field_passes(at in 0_usize..400, to in b'!'..b'~') {
        let mail = mail();
        let at = at % mail.len();
        let signed = sign(&mail, &How { simple: true, ..How::default() });
        let start = signed.len() - mail.len();
        let mut raw = signed.into_bytes();
        proptest::prop_assume!(raw[start + at] != to);
        raw[start + at] = to;
        let Ok(raw) = String::from_utf8(raw) else { return Ok(()) };
        if read(raw.as_bytes()).from.is_ok() {
            proptest::prop_assert!(!matches!(verdict(&raw), Dkim::Pass(_)), "{raw}");
        }
    }
}
