use super::*;
use crate::mail::read::read;
use crate::mail::results::{Forged, forged_line, names_authserv};
use crate::mail::signature::Signed;
use crate::provider::{Bound, PROVIDERS, Place};

const RECEIVED: &str = "Received: from x (y [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 1; date";
const LOCAL: &str = "Received: from mx.example.org by mail.example.org with LMTP id 1 for <s@example.org>; date";
const PASS: &str = "Authentication-Results: mx.example.org; dmarc=pass (p=reject) header.from=corp.test";

fn pass(domain: &str) -> Dkim {
    Dkim::Pass(Signed {
        by: Proof::Dkim,
        domain: domain.into(),
        selector: "s1".into(),
        fields: Vec::new(),
        of_sender: domain == "corp.test",
    })
}

fn ours() -> Server {
    Server::custom(vec!["mx.example.org".to_owned()])
}

fn identity(header: &[&str]) -> Identity {
    let raw = format!("{}\r\nFrom: Ann <ann@Corp.test>\r\n\r\ntext", header.join("\r\n"));
    identify(&read(raw.as_bytes()), &ours(), &Dkim::Unasked)
}

#[track_caller]
fn believed(header: &[&str]) {
    let got = identity(header);
    assert!(got.vouch().is_some_and(|v| v.by == Proof::AuthenticationResults), "{header:?}: {}", got.reason);
}

#[track_caller]
fn doubted(header: &[&str], reason: &str) {
    let got = identity(header);
    assert!(!got.believed(), "{header:?}: {}", got.reason);
    assert!(got.reason.contains(reason), "{header:?}: {}", got.reason);
}

/// A signature that stands in the mail shows nothing; one of the sender's that our server found good does.
#[test]
fn a_mail_is_signed_where_its_signature_was_found_good() {
    let line = |dkim: &str| {
        format!(
            "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=ann@corp.test{dkim}; dmarc=pass header.from=corp.test"
        )
    };
    for (dkim, signed) in [
        ("", false),
        ("; dkim=none", false),
        ("; dkim=fail header.d=corp.test", false),
        ("; dkim=pass header.d=evil.test", false),
        ("; dkim=pass header.d=notcorp.test", false),
        ("; dkim=pass header.d=corp.test.evil.test", false),
        ("; dkim=pass", false),
        ("; dkim=pass header.d=corp.test", true),
        ("; dkim=pass header.i=@mail.corp.test", true),
        ("; dkim=pass header.d=evil.test; dkim=pass header.d=corp.test", true),
    ] {
        let got = identity(&[&line(dkim), RECEIVED, "DKIM-Signature: v=1; d=corp.test; b=eA=="]);
        assert_eq!(got.vouch().map(|v| v.signed), Some(signed), "{dkim}: {}", got.reason);
    }
    let by_ourselves = identify(&read(b"From: Ann <ann@corp.test>\r\n\r\n"), &ours(), &pass("corp.test"));
    assert!(by_ourselves.vouch().is_some_and(|v| v.signed && !v.is_whole()), "a signature vouches for what it signs");
    assert!(identity(&[PASS, RECEIVED]).vouch().is_some_and(|v| v.is_whole() && v.covers("date")));
}

/// Rows of which a true mail would be obeyed by its signature all the same: here nothing but the results vouches.
#[test]
fn a_row_finds_the_results_where_its_provider_writes_them() {
    let results = |id| {
        format!("Authentication-Results: {id}; spf=pass smtp.mailfrom=corp.test; dmarc=pass header.from=corp.test")
    };
    let hop = |by| format!("Received: from a (b [10.0.0.1]) by {by} with ESMTP id 1; date");
    let posteo = [
        "Received: from proxy02.posteo.name ([127.0.0.1]) by dovecot08.posteo.name (Dovecot) with LMTP id 6; date"
            .into(),
        hop("proxy02.posteo.de (Postfix)"),
        hop("mailin02.posteo.de (Postfix)"),
        results("posteo.de"),
        hop("mx01.posteo.de (Postfix)"),
    ];
    // Bridge writes all fields of one name together, wherever that is.
    let bridge =
        [hop("mailin047.protonmail.ch (Postfix)"), results("mail.protonmail.ch"), "X-Pm-Internal-Id: abc==".into()];
    for (name, header) in [("posteo", &posteo[..]), ("proton-bridge", &bridge[..])] {
        let server = Server::new(Server::provider(name).unwrap(), Vec::new());
        let raw = format!("{}\r\nFrom: Ann <ann@corp.test>\r\n\r\ntext", header.join("\r\n"));
        let got = identify(&read(raw.as_bytes()), &server, &Dkim::Unasked);
        assert!(got.vouch().is_some_and(Vouch::is_whole), "{name}: {}", got.reason);
    }
}

#[test]
fn what_our_server_wrote_is_believed() {
    believed(&[PASS, RECEIVED]);
    believed(&["Return-Path: <ann@corp.test>", LOCAL, PASS, RECEIVED]);
    believed(&[PASS]);
    believed(&[PASS, PASS, RECEIVED]);
    let spf = "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=ann@corp.test";
    believed(&["Authentication-Results: mx.example.org; dkim=none", PASS, spf, RECEIVED]);
    believed(&[
        "Authentication-Results: MX.example.org 1 ;\r\n\tspf=pass smtp.mailfrom=\"a;b\"@corp.test;\r\n dkim=pass header.d=corp.test header.b=\"x/y=\"; dmarc = pass action=none header.from=CORP.test",
        RECEIVED,
    ]);
    believed(&[
        "Authentication-Results: (c (d)) \"mx.example.org\"; none; dmarc/1=pass reason=\"x; y\" header . from = corp.test;",
        RECEIVED,
    ]);
    believed(&["Authentication-Results: other.example; dmarc=fail header.from=other.test", PASS, RECEIVED]);
}

#[test]
fn what_others_could_have_written_is_not() {
    doubted(&[RECEIVED, PASS], "stand below");
    doubted(&[LOCAL, RECEIVED, PASS], "stand below");
    doubted(&[LOCAL, PASS], "no Received line");
    let twice = "Received: from evil with LMTP by x (c) by mx.example.org with ESMTP id 1; d";
    doubted(&[twice, PASS, RECEIVED], "not of our server's edge");
    doubted(&["Received: from x (a) by mx.example.org id 1 (with LMTP); d", PASS, RECEIVED], "stand below");
    for helo in ["x with LMTP (", "x with LMTP (\\)", "x with LMTP (y \")\"", "x with LMTP ) ("] {
        let line = format!("Received: from {helo} (h [192.0.2.1]) by mx.example.org (Postfix) with ESMTPS id 1; d");
        doubted(&[&line, PASS, RECEIVED], "stand below");
    }
    let fail = "Authentication-Results: mx.example.org; dmarc=fail header.from=corp.test";
    doubted(&[PASS, fail, RECEIVED], "dmarc results that differ");
    believed(&[PASS, RECEIVED, fail]);
    doubted(
        &["Authentication-Results: other.example; dmarc=fail header.from=corp.test", PASS, RECEIVED],
        "beside them",
    );
    doubted(&["Authentication-Results: mx.example.org 99; dmarc=pass header.from=corp.test", RECEIVED], "malformed");
    doubted(&[RECEIVED], "no Authentication-Results by mx.example.org");
    for id in ["mx.example.org.evil.test", "xmx.example.org", "mx.example.or", "mx.example.org@evil.test"] {
        let line = format!("Authentication-Results: {id}; dmarc=pass header.from=corp.test");
        doubted(&[&line, RECEIVED], "no Authentication-Results by");
    }
}

#[test]
fn nothing_is_smuggled_into_the_value() {
    for (value, reason) in [
        ("spf=pass smtp.mailfrom=\"x dmarc=pass header.from=corp.test\"", "no dmarc result"),
        ("spf=pass (dmarc=pass header.from=corp.test) smtp.mailfrom=x", "no dmarc result"),
        ("spf=pass (\\) ; dmarc=pass header.from=corp.test) smtp.mailfrom=x", "no dmarc result"),
        ("spf=pass smtp.mailfrom=x dmarc=pass header.from=corp.test", "malformed"),
        (
            "spf=pass smtp.mailfrom=x; dmarc=pass header.from=corp.test; dmarc=fail header.from=evil.test",
            "dmarc results that differ",
        ),
        ("dmarc=pass header.from=corp.test (no end", "malformed"),
        ("dmarc=pass header.from=\"corp.test", "malformed"),
        ("dmarc=pass header.from=evil.test", "another domain"),
        ("dmarc=pass header.from=evil.test header.from=corp.test", "several header.from"),
        ("dmarc=pass", "names no header.from"),
        ("dmarc=pass policy.from=corp.test", "names no header.from"),
        ("dmarc=none header.from=corp.test", "dmarc=none"),
        ("xdmarc=pass header.from=corp.test", "no dmarc result"),
        ("dkim=pass header.d=corp.test", "no dmarc result"),
        ("", "no dmarc result"),
    ] {
        doubted(&[&format!("Authentication-Results: mx.example.org; {value}"), RECEIVED], reason);
    }
}

/// Only blank and tab part the words of results and of Received lines.
#[test]
fn no_other_character_is_a_blank() {
    for odd in ["\u{a0}", "\u{3000}", "\u{2028}", "\u{b}", "\u{c}"] {
        for value in ["mx.example.org{}; dmarc=pass", "{}mx.example.org; dmarc=pass", "mx.example.org;{}dmarc=pass"] {
            let line = format!("Authentication-Results: {} header.from=corp.test", value.replace("{}", odd));
            doubted(&[&line, RECEIVED], "Authentication-Results by mx.example.org");
        }
        let line = format!("Authentication-Results: mx.example.org; dmarc=pass header.from=corp.test{odd}");
        doubted(&[&line, RECEIVED], "another domain");
        let hop = format!("Received: from x by mx.example.org with{odd}LMTP id 1; d");
        doubted(&[&hop, PASS, RECEIVED], "stand below");
    }
}

#[test]
fn a_failure_tells_a_forgery() {
    let fail = "Authentication-Results: mx.example.org; dmarc=fail header.from=corp.test";
    assert!(identity(&[fail, RECEIVED]).forged());
    assert!(identity(&[RECEIVED, fail]).forged(), "wherever it stands: who writes it himself is not acknowledged");
    assert!(!identity(&[PASS, RECEIVED]).forged());
    let mail = read(format!("{PASS}\r\nFrom: a@corp.test\r\n\r\n").as_bytes());
    let nobody = identify(&mail, Server::nobody(), &Dkim::Unasked);
    assert!(!nobody.believed() && nobody.reason.starts_with("it was handed in as a file"));
    let two = read(format!("{PASS}\r\nFrom: a@corp.test\r\nFrom: b@corp.test\r\n\r\n").as_bytes());
    assert!(!identify(&two, &ours(), &pass("corp.test")).believed());
}

#[test]
fn a_signature_vouches_where_our_server_is_silent() {
    let with = |header: &str, dkim: &Dkim| {
        identify(&read(format!("{header}\r\nFrom: a@Corp.test\r\n\r\n").as_bytes()), &ours(), dkim)
    };
    let good = with(RECEIVED, &pass("corp.test"));
    assert!(good.vouch().is_some_and(|v| v.by == Proof::Dkim));
    assert_eq!(good.reason, "dkim=pass for corp.test (key s1)");
    let both: Vec<_> = good.checks.iter().map(|c| (c.by, c.passed)).collect();
    assert_eq!(both, [(Proof::AuthenticationResults, false), (Proof::Dkim, true)]);
    assert!(!with(RECEIVED, &pass("evil.test")).believed(), "another domain's word");
    let both = with(&format!("{PASS}\r\n{RECEIVED}"), &pass("corp.test"));
    assert_eq!(both.vouch().map(|v| v.by), Some(Proof::AuthenticationResults));
    let forged = PASS.replace("pass", "fail");
    let forged = with(&format!("{forged}\r\n{RECEIVED}"), &pass("corp.test"));
    assert!(forged.vouch().is_some_and(|v| v.by == Proof::Dkim), "our own check is our own");
    let bad = with(RECEIVED, &Dkim::Fail("the body was changed".into()));
    assert!(!bad.believed() && !bad.unsure);
    assert_eq!(bad.reason, "no Authentication-Results by mx.example.org; DKIM: the body was changed");
    let later = with(RECEIVED, &Dkim::Temporary("no answer".into()));
    assert!(!later.believed() && later.unsure);
    assert!(with(RECEIVED, &Dkim::None).reason.ends_with("; it has no DKIM signature"));
}

/// What a seal says of other domains counts with the seal, and with no other signature: anybody may have written it.
#[test]
fn what_a_seal_found_counts_with_the_seal() {
    let raw = format!(
        "ARC-Authentication-Results: i=1; mx.example.org; spf=pass smtp.mailfrom=way.test\r\n{RECEIVED}\r\n\
         From: a@corp.test\r\n\r\n"
    );
    let vouched = |by: Proof| {
        let Dkim::Pass(signed) = pass("corp.test") else { unreachable!() };
        identify(&read(raw.as_bytes()), &ours(), &Dkim::Pass(Signed { by, ..signed })).vouched
    };
    assert_eq!(vouched(Proof::Arc), ["corp.test", "way.test"]);
    assert_eq!(vouched(Proof::Dkim), ["corp.test"]);
}

#[test]
fn a_forged_line_is_found_where_it_stands() {
    let check = |header: &[&str], expect: Forged| {
        let mail = read(format!("{}\r\n\r\n", header.join("\r\n")).as_bytes());
        assert_eq!(forged_line(&mail.trace, &ours(), "mx.example.org", "x1.invalid"), expect, "{header:?}");
    };
    let forged = "Authentication-Results: MX.example.org; dmarc=pass header.from=x1.invalid";
    check(&[PASS, RECEIVED], Forged::Gone);
    check(&[RECEIVED, "X-Old-Authentication-Results: mx.example.org; header.from=x1.invalid"], Forged::Gone);
    check(&["Authentication-Results: other.example; dmarc=pass header.from=x1.invalid", RECEIVED], Forged::Gone);
    check(&[PASS, RECEIVED, forged], Forged::Passed);
    check(&[LOCAL, PASS, RECEIVED, forged], Forged::Passed);
    check(&[forged, RECEIVED], Forged::Believed);
    check(&[LOCAL, forged, RECEIVED], Forged::Believed);
    check(&[forged], Forged::Believed);
    // The server's own is another one.
    let own = |line: &str| {
        let mail = read(format!("{line}\r\n\r\n").as_bytes());
        names_authserv(&mail.trace[0], "mx.example.org", "x1.invalid")
    };
    assert!(own(PASS) && !own(forged) && !own(RECEIVED) && !own(&PASS.replace("mx.", "mx2.")));
}

/// What stands in our name below the edge may be the sender's: it takes away, and adds nothing.
#[test]
fn below_the_edge_the_first_line_alone_proves() {
    let server = Server::new(Server::provider("stalwart").unwrap(), vec!["mx.example.org".into()]);
    let verdict = |lines: &[&str]| {
        let head: String = lines.iter().map(|l| format!("Authentication-Results: mx.example.org; {l}\r\n")).collect();
        let raw = format!("{RECEIVED}\r\n{head}DKIM-Signature: v=1\r\nFrom: Ann <ann@Corp.test>\r\n\r\ntext");
        identify(&read(raw.as_bytes()), &server, &Dkim::Unasked).believed()
    };
    let (dmarc, spf) = ("dmarc=pass header.from=corp.test", "spf=pass smtp.mailfrom=ann@corp.test");
    let whole = format!("{spf}; {dmarc}");
    assert!(verdict(&[&whole]));
    assert!(verdict(&[&whole, dmarc]), "who agrees takes nothing away");
    assert!(!verdict(&[dmarc, spf]), "by a signature, and the envelope is the sender's own word");
    assert!(!verdict(&["dkim=pass header.d=corp.test", &whole]));
    assert!(!verdict(&["none", &whole]));
    assert!(!verdict(&[&whole, "dmarc=fail header.from=corp.test"]));
    assert!(!verdict(&[&whole, "spf=fail smtp.mailfrom=x@evil.test"]));
}

/// A name of which the server wrote nothing is not the sender's to write in.
#[test]
fn below_the_edge_no_further_name_proves() {
    let server = Server::new(Server::provider("icloud").unwrap(), Vec::new());
    let edge = "Received: from h by p00-icloudmta-smtpin-us-1 (Postfix) with ESMTPS id 1; date";
    let verdict = |below: &str| {
        let dmarc = "Authentication-Results: dmarc.icloud.com; dmarc=pass header.from=corp.test";
        let spf = "Authentication-Results: spf.icloud.com; spf=pass smtp.mailfrom=ann@corp.test";
        let (own, theirs) = if below.is_empty() {
            (format!("{spf}\r\n"), String::new())
        } else {
            (String::new(), format!("{spf}\r\n"))
        };
        let raw = format!(
            "{edge}\r\n{dmarc}\r\n{own}{below}{theirs}DKIM-Signature: v=1\r\nFrom: Ann <ann@Corp.test>\r\n\r\ntext"
        );
        identify(&read(raw.as_bytes()), &server, &Dkim::Unasked).believed()
    };
    assert!(verdict(""));
    assert!(!verdict("Received: from x by y; date\r\n"));
}

#[test]
fn each_provider_is_found_by_its_name() {
    assert!(Server::names().eq(PROVIDERS.iter().map(|row| row.name)));
    for row in PROVIDERS {
        let found = Server::provider(&row.name.to_uppercase());
        assert!(found.is_some_and(|found| std::ptr::eq(found, row)), "{}", row.name);
    }
}

/// Whoever knows a row can write all that it asks for, but for what its edge calls itself.
#[test]
fn results_prove_by_an_edge_of_the_provider_alone() {
    let fitting = |pattern: &str| pattern.replace('*', "x1");
    let rows = Server::names().filter_map(Server::provider).filter(|row| row.place != Place::Together);
    for row in rows {
        let own = if row.is_own() { vec!["mx.example.org".to_owned()] } else { Vec::new() };
        let server = Server::new(row, own);
        let id = server.ids().first().map_or(String::new(), |id| fitting(id) + "; ");
        let found = format!(
            "Authentication-Results: {id}spf=pass smtp.mailfrom=corp.test; dmarc=pass header.from=corp.test\r\n"
        );
        let mark = match row.bound {
            Bound::Free => String::new(),
            Bound::Says(name, value) => format!("{name}: {value}\r\n"),
            Bound::Queued(name) => format!("{name}: Q1\r\n"),
        };
        let believed = |by: &str| {
            let edge = format!("Received: from h by {by} with ESMTPS id Q1; date\r\n");
            [format!("{found}{edge}"), format!("{edge}{found}")].iter().any(|trace| {
                let raw = format!("{trace}{mark}From: a@corp.test\r\n\r\n");
                identify(&read(raw.as_bytes()), &server, &Dkim::Unasked).believed()
            })
        };
        let edge = row.edge.first().map_or(String::new(), |edge| fitting(edge));
        assert_eq!(believed(&edge), row.place != Place::Nowhere, "{}", row.name);
        assert!(row.is_own() || !believed("mx.evil.test (Postfix)"), "{}: another edge", row.name);
    }
}
