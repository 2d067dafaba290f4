use super::*;
use crate::mail::read::read;
use proptest::prelude::*;

const GOOD: &str = "v=1; a=rsa-sha256; c=relaxed/simple; d=corp.test; s=s1; t=1767225600;\r\n\th=from:subject:date:to; bh=YQ==;\r\n\tb=aGVs\r\n bG8=";
const REST: &str =
    "From: Ann <ann@corp.test>\r\nTo: s@example.org\r\nSubject: Hi\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n";

fn received() -> Timestamp {
    "2026-01-01T00:05:00Z".parse().unwrap()
}

fn sieved(signatures: &[&str], rest: &str) -> Sieved {
    let lines: String = signatures.iter().map(|s| format!("DKIM-Signature: {s}\r\n")).collect();
    let raw = format!("{lines}{rest}\r\ntext\r\n");
    let mail = read(raw.as_bytes());
    let from = mail.from.unwrap();
    sieve(raw.as_bytes(), &Occasion::of(&from, received(), mail.date))
}

#[track_caller]
fn admitted(signature: &str, rest: &str) -> Signature {
    let found = sieved(&[signature], rest);
    assert_eq!(found.refused, [""; 0], "{signature}");
    assert_eq!(found.worth.len(), 1, "{signature}");
    found.worth[0].clone()
}

#[track_caller]
fn refused(signature: &str, rest: &str, why: &str) {
    let found = sieved(&[signature], rest);
    assert_eq!(found.worth, [], "{signature}");
    assert!(found.refused.join(";").contains(why), "{signature}: {:?}", found.refused);
    assert!(matches!(found.verdict(), Dkim::Fail(_)));
}

#[test]
fn what_signs_all_that_counts_is_looked_at() {
    let found = admitted(GOOD, REST);
    assert_eq!(found.key_name(), "s1._domainkey.corp.test");
    assert_eq!((found.bytes.as_slice(), found.ed25519), (&b"hello"[..], false));
    assert_eq!(sieved(&[], REST).verdict(), Dkim::None);
}

#[test]
fn no_other_character_is_a_blank() {
    for odd in ["\u{a0}", "\u{3000}", "\u{2028}", "\u{c}"] {
        for (old, new) in [("d=corp.test", "d=corp.test{}"), ("v=1", "{}v=1"), ("; s=", ";{}s="), ("bG8=", "bG8={}")] {
            let odd = GOOD.replace(old, &new.replace("{}", odd));
            assert!(sieved(&[&odd], REST).worth.is_empty(), "{odd:?}");
        }
    }
}

/// Each rule: a change that keeps to it, and one that breaks it.
#[test]
fn each_rule_admits_and_refuses() {
    let with = |old: &str, new: &str| {
        let changed = GOOD.replace(old, new);
        assert_ne!(changed, GOOD);
        changed
    };
    let check = |(old, good): (&str, &str), (from, bad): (&str, &str), why: &str| {
        admitted(&with(old, good), REST);
        refused(&with(from, bad), REST, why);
    };
    check(("d=corp.test", "d = CORP.test"), ("d=corp.test", "d=evil.test"), "the signature is by evil.test");
    check(("d=corp.test", "d=corp.test "), ("d=corp.test", "d=mail.corp.test"), "by mail.corp.test");
    check(("d=corp.test", "d1=x; d=corp.test"), ("d=corp.test", "d=test"), "by test");
    check(("a=rsa-sha256", "a=ed25519-sha256"), ("a=rsa-sha256", "a=rsa-sha1"), "SHA-1");
    check(("a=rsa-sha256", "a=RSA-SHA256"), ("a=rsa-sha256", "a=rsa-md5"), "unknown way");
    check(("v=1", "v = 1"), ("v=1", "v=2"), "unknown version");
    check(("s=s1", "s=a_b.c-1"), ("s=s1", "s=a b"), "names no key");
    check(("s=s1", "s=S1"), ("s=s1", "s=a..b"), "names no key");
    check(("c=relaxed/simple", "c=simple"), ("c=relaxed/simple", "l=5"), "unsigned (l=)");
    check(("c=relaxed/simple", "q=dns/txt"), ("c=relaxed/simple", "l=0"), "unsigned (l=)");
    check(("h=from:subject", "h=From : Subject:from"), ("h=from:", "h="), "does not sign the from");
    check((":to;", ":to:cc;"), (":to;", ":cc;"), "does not sign the to");
    check(("subject:", "subject:subject:"), ("subject:", "x:"), "does not sign the subject");
    check(("date:", "date:x:"), ("date:", ""), "does not sign the date");
    check(("t=1767225600;", "t=1766621100;"), ("t=1767225600", "t=1766621099"), "more than 7 days");
    check(("t=1767225600;", "t=1767229500;"), ("t=1767225600", "t=1767229501"), "from the future");
    check(("t=1767225600;", ""), ("t=1767225600", "t=soon"), "unreadable t=");
    check(("t=1767225600;", "t=1767225600; x=1767225901;"), ("t=", "x=1767225900; t="), "had expired");
    check(("t=", "x=1767229500; t="), ("t=1767225600", "t=1767229000; x=1767228999"), "before it was made");
    check(("t=", "x=999999999999; t="), ("t=", "x=9999999999999; t="), "unreadable x=");
    check(("b=aGVs\r\n bG8=", "b=aGVsbG8="), ("b=aGVs", "b=a*Vs"), "not in base64");
    check(("b=aGVs\r\n bG8=", "b=aGVsbG8=;"), ("b=aGVs\r\n bG8=", "b="), "not in base64");
    check(("c=relaxed/simple", "x_y=1"), ("c=relaxed/simple", "d=corp.test"), "stands in it twice");
    check(("c=relaxed/simple", "z=From:a|To:b"), ("c=relaxed/simple", "D=evil.test"), "odd name");
    check(("c=relaxed/simple", "i=@corp.test"), ("c=relaxed/simple", "relaxed"), "not a list of tags");
    check(("c=relaxed/simple", "i=x@a.corp.test"), ("c=relaxed/simple", "i=\u{e9}"), "more than ASCII");
    let (few, many) = ("x:".repeat(96), "x:".repeat(97));
    check(("h=", &format!("h={few}")), ("h=", &format!("h={many}")), "too many fields");
    let (short, long) = ("y".repeat(7_000), "y".repeat(9_000));
    check(("c=relaxed/simple", &format!("y={short}")), ("c=relaxed/simple", &format!("y={long}")), "too long");
}

#[test]
fn no_field_stands_unsigned_beside_a_signed_one() {
    let twice = GOOD.replace("subject", "subject:subject");
    let added = format!("Subject: Other\r\n{REST}");
    refused(GOOD, &added, "fewer subject fields");
    admitted(&twice, &added);
    refused(GOOD, &format!("{REST}To: x@example.org\r\n"), "fewer to fields");
    let kind = "Content-Type: text/plain\r\n";
    admitted(GOOD, &format!("{REST}{kind}{kind}"));
    refused(&GOOD.replace(":to", ":to:content-type"), &format!("{REST}{kind}{kind}"), "fewer content-type fields");
}

#[test]
fn a_command_was_sent_to_us() {
    let ours = Address::parse("s@example.org").unwrap();
    let check = |signature: &str, rest: &str| {
        let raw = format!("DKIM-Signature: {signature}\r\n{rest}\r\ntext\r\n");
        let mail = read(raw.as_bytes());
        let from = mail.from.unwrap();
        let occasion = Occasion { to: Some([&ours, &ours]), ..Occasion::of(&from, received(), mail.date) };
        let found = sieve(raw.as_bytes(), &occasion);
        found.refused.first().cloned().unwrap_or_default()
    };
    let with_cc = GOOD.replace(":to;", ":to:cc;");
    let elsewhere = REST.replace("s@example.org", "r@example.test");
    let copy = format!("{elsewhere}Cc: S+tag@example.org\r\n");
    assert_eq!(check(GOOD, REST), "");
    assert_eq!(check(GOOD, &REST.replace("s@example.org", "Us <S+tag@Example.org>, x@y.test")), "");
    assert_eq!(check(&with_cc, &copy), "");
    for (signature, rest) in [
        (GOOD, elsewhere.clone()),
        (GOOD, copy),
        (GOOD, REST.replace("s@", "ss@")),
        (GOOD, REST.replace("example.org", "example.test")),
    ] {
        let why = check(signature, &rest);
        assert!(why.contains("not sent to us"), "{rest}: {why}");
    }
}

#[test]
fn without_a_time_of_its_own_the_date_counts() {
    let undated = GOOD.replace("t=1767225600;", "");
    admitted(&undated, REST);
    refused(&undated, &REST.replace("1 Jan 2026", "24 Dec 2025"), "more than 7 days");
    refused(&undated, &REST.replace("1 Jan 2026", "2 Jan 2026"), "from the future");
    refused(&undated, &REST.replace("Thu, 1 Jan 2026 00:00:00 +0000", "soon"), "when it was made");
}

#[test]
fn few_are_looked_at() {
    let named = |n: usize| GOOD.replace("s=s1", &format!("s=s{n}"));
    let many: Vec<String> = (0..6).map(named).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = sieved(&many, REST);
    assert_eq!((found.worth.len(), found.refused.len()), (5, 1), "{:?}", found.refused);
    assert_eq!(sieved(&[GOOD, GOOD, GOOD], REST).worth.len(), 1, "the same one three times is one");
    let other = GOOD.replace("corp.test", "list.example");
    let mut crowd = vec![other.as_str(); 6];
    crowd.push(GOOD);
    let found = sieved(&crowd, REST);
    assert_eq!((found.worth.len(), found.refused.len()), (1, 1), "others' signatures are passed over");
    let mut crowd = vec![other.as_str(); 20];
    crowd.push(GOOD);
    let found = sieved(&crowd, REST);
    assert_eq!(found.worth, []);
    assert!(found.refused.join(";").contains("it has 21 signatures"));
}

#[test]
fn keys_are_for_mail() {
    for good in ["p=YQ==", "v=DKIM1; k=rsa; p=Y Q==;", "v=DKIM1; h=sha1:sha256; s=email; t=s; n=x; p=YQ=="] {
        assert_eq!(usable_key(good.as_bytes(), false), Ok(()), "{good}");
    }
    assert_eq!(usable_key(b"k=ed25519; p=YQ==", true), Ok(()));
    for (bad, why) in [
        ("", "no key"),
        ("v=spf1 -all", "no key"),
        ("v=DKIM1", "no key"),
        ("v=DKIM1; p=", "revoked"),
        ("v=DKIM2; p=YQ==", "version"),
        ("k=ed25519; p=YQ==", "another kind"),
        ("k=dsa; p=YQ==", "another kind"),
        ("h=sha1; p=YQ==", "SHA-256"),
        ("s=other; p=YQ==", "not for mail"),
        ("t=s:y; p=YQ==", "tried out"),
        ("p=YQ==; p=Yg==", "no key"),
    ] {
        let got = usable_key(bad.as_bytes(), false).unwrap_err();
        assert!(got.contains(why), "{bad}: {got}");
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

    #[test]
    fn whatever_it_says_it_is_bounded(parts in proptest::collection::vec("[ -~]{0,12}", 0..12)) {
        let value = parts.join(";");
        let found = sieved(&[&value, GOOD], REST);
        prop_assert!(found.worth.len() <= MOST && found.refused.len() <= MOST_READ);
        prop_assert!(found.worth.iter().any(|s| s.selector == "s1"));
    }
}

#[test]
fn a_pin_names_one_organisation() {
    let of = Address::parse("ann@eng.corp.test").unwrap();
    for (pin, own, other) in [
        ("Acme.onmicrosoft.com", "acme.onmicrosoft.com", "x.acme.onmicrosoft.com"),
        ("acme.*.gappssmtp.com", "acme.20230601.gappssmtp.com", "other.20230601.gappssmtp.com"),
        ("acme.20230601.gappssmtp.com", "acme.20230601.gappssmtp.com", "acme.20150623.gappssmtp.com"),
        ("corp.test", "corp.test", "eng.corp.test"),
    ] {
        let pin = Pin::parse(pin, &of).unwrap();
        assert!(pin.fits(own) && !pin.fits(other), "{pin:?}");
    }
    let tenants =
        ["onmicrosoft.com", "*.onmicrosoft.com", ".onmicrosoft.com", "gappssmtp.com", "*.20230601.gappssmtp.com"];
    let others = ["acme.x_y.gappssmtp.com", "*.corp.test", "test", "eng.corp.test", "orp.test", "evil.test", ""];
    for other in tenants.iter().chain(&others) {
        assert!(Pin::parse(other, &of).is_err(), "{other}");
    }
}
