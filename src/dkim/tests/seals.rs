//! Seals of the provider that runs the mailbox.

use mail_auth::common::crypto::SigningKey;

use super::*;
use crate::provider::Server;
use crate::vocabulary::Address;

/// What a provider adds to a mail that it takes: its results under a number, its signature, and its seal over both and over
/// the seals before. `chain` says how it found those.
fn seal(mail: &str, number: u32, results: &str, chain: &str, fields: &str) -> String {
    let sign = |text: &str| BASE64.encode(&rsa().sign(text.as_bytes()).unwrap());
    let t = clock::now().as_second();
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let hash = BASE64.encode(&<sha2::Sha256 as sha2::Digest>::digest(body.as_bytes()));
    let line = |name: &str| {
        let (name, value) =
            head.split("\r\n").find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name))).unwrap();
        format!("{}:{value}\r\n", name.to_lowercase())
    };
    let signed: String = fields.split(':').map(line).collect();
    let results = format!("i={number}; mx.google.com; {results}");
    let signature =
        format!("i={number}; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc; t={t}; h={fields}; bh={hash}; b=");
    let signature = format!("{signature}{}", sign(&format!("{signed}arc-message-signature:{signature}")));
    let mut sealed: Vec<&str> = head.split("\r\n").filter(|l| l.starts_with("ARC-")).collect();
    sealed.reverse();
    let earlier: String = sealed
        .iter()
        .map(|l| {
            let (name, value) = l.split_once(": ").unwrap();
            format!("{}:{value}\r\n", name.to_lowercase())
        })
        .collect();
    let seal = format!("i={number}; a=rsa-sha256; cv={chain}; d=google.com; s=arc; t={t}; b=");
    let own = format!("arc-authentication-results:{results}\r\narc-message-signature:{signature}\r\narc-seal:{seal}");
    let seal = format!("{seal}{}", sign(&format!("{earlier}{own}")));
    format!("ARC-Seal: {seal}\r\nARC-Message-Signature: {signature}\r\nARC-Authentication-Results: {results}\r\n{mail}")
}

/// What a mail proves in a mailbox at the provider that seals.
fn sealed(raw: &str) -> Dkim {
    let mail = read(raw.as_bytes());
    let from = mail.from.clone().expect("one plain sender");
    let gmail = Server::new(Server::provider("gmail").unwrap(), Vec::new());
    let vouches = crate::mail::results::sealed_for(&mail, &from, &gmail);
    let ours = Address::parse("security@example.org").unwrap();
    let occasion = Occasion {
        to: Some([&ours, &ours]),
        sealer: Some(("google.com", vouches)),
        ..Occasion::of(&from, clock::now(), mail.date)
    };
    let key = ("arc._domainkey.google.com".to_owned(), Answer::Records(vec![record().into_bytes()]));
    judged(raw, &occasion, &mut Verifier::fixed([key]))
}

#[test]
fn a_seal_says_what_the_provider_of_the_mailbox_found() {
    const FOUND: &str = "spf=pass smtp.mailfrom=ann@corp.test; dmarc=pass header.from=corp.test";
    const FIELDS: &str = "from:to:subject:date";
    let speaks = |got: &Dkim| matches!(got, Dkim::Pass(by) if by.by == Proof::Arc && by.of_sender);
    let good = seal(&mail(), 1, FOUND, "none", FIELDS);
    let got = sealed(&good);
    assert!(speaks(&got), "{got:?}");
    // A sender's server may have sealed what it sent: its keys are not asked for.
    let other =
        seal(&mail(), 1, "dmarc=none header.from=x.test", "none", FIELDS).replace("d=google.com", "d=other.test");
    assert!(speaks(&sealed(&seal(&other, 2, FOUND, "pass", FIELDS))));
    for (raw, why) in [
        (good.replace("It is so", "It is not"), "the text was changed"),
        (good.replace("Subject: Re: [SEC-1]", "Subject: Re: [SEC-2]"), "a signed field was changed"),
        (good.replace("To: security+tag", "To: security+other"), "a signed field was changed"),
        (good.replace("smtp.mailfrom=ann@corp.test", "smtp.mailfrom=bob@corp.test"), "a signed field was changed"),
        (good.replace("d=google.com", "d=Google.com"), "a signed field was changed"),
        (seal(&mail(), 1, FOUND, "none", "from:to:subject"), "does not sign the date"),
        (seal(&other, 2, FOUND, "fail", FIELDS), "chain before it is broken"),
        (seal(&mail().replace("security+tag@", "other@"), 1, FOUND, "none", FIELDS), "was not sent to us"),
        (other.clone(), ""),
        // One by somebody else on top.
        (
            seal(&good, 2, FOUND, "pass", FIELDS)
                .replace("i=2; a=rsa-sha256; cv=pass; d=google.com", "i=2; a=rsa-sha256; cv=pass; d=evil.test"),
            "",
        ),
        // Two of one number.
        (format!("{}{good}", good.split_inclusive("\r\n").next().unwrap()), ""),
    ] {
        let got = sealed(&raw);
        assert!(!matches!(got, Dkim::Pass(_)), "{raw}");
        assert!(
            why.is_empty() || matches!(&got, Dkim::Fail(reason) if reason.contains(why)),
            "{got:?} is not {why}\n{raw}"
        );
    }
    // What the sender wrote, in a field that no seal is over, under a number of his own.
    for forged in ["X-Original-Authentication-Results: i=50", "X-Original-Authentication-Results: i=1"] {
        let mail = format!("{forged}; mx.google.com; {FOUND}\r\n{}", mail());
        let got = sealed(&seal(&mail, 1, "spf=pass smtp.mailfrom=x@evil.test", "none", FIELDS));
        assert!(matches!(&got, Dkim::Pass(by) if !by.of_sender), "{forged}: {got:?}");
    }
    // A pass that was by a signature, another's results, or none: the seal is good and says nothing of the sender.
    for found in [
        "spf=pass smtp.mailfrom=x@evil.test; dmarc=pass header.from=corp.test",
        "spf=pass smtp.mailfrom=ann@corp.test; dmarc=pass header.from=corp.test; dmarc=fail header.from=corp.test",
        "spf=pass smtp.mailfrom=ann@corp.test; dmarc=fail header.from=corp.test",
        "spf=pass smtp.mailfrom=x@evil.test; dmarc=pass header.from=evil.test",
        "dkim=pass header.d=corp.test",
    ] {
        let got = sealed(&seal(&mail(), 1, found, "none", FIELDS));
        assert!(matches!(&got, Dkim::Pass(by) if !by.of_sender), "{found}: {got:?}");
    }
}
