//! What somebody else may send who has a right token of Mara's: his own words under her name, from his own server, and
//! a mail that she signed, sent again. The provider says of it what is true.

use jiff::{SignedDuration, Timestamp};

use super::layout::{Row, Seen, rows};
use super::signing::{GMAILS, MICROSOFTS, UNSOUND, fields, is, seal, signature};
use super::{Base, MARA, MAX, Sender, now, truth};

/// A forged mail, and what came before it.
pub(super) struct Forged {
    pub(super) name: String,
    /// The mails, and what the provider finds out about each. What comes of the last one counts.
    pub(super) mails: Vec<(Seen, String)>,
    pub(super) at: Timestamp,
    /// It is, as she signed it, her answer to the notice, and no command.
    pub(super) hers: bool,
}

/// What he changes of a mail that he writes himself.
type Change = fn(&Row, &mut Seen, &mut String);

/// A result that says what he would like, under an authserv-id.
fn pass(id: &str) -> String {
    format!(
        "Authentication-Results: {id}; dkim=pass header.d=team.test; spf=pass smtp.mailfrom={MARA}; dmarc=pass (p=reject) \
         header.from=team.test\n"
    )
}

/// The same as Microsoft writes it.
const NAMELESS: &str = "Authentication-Results: spf=pass (sender IP is 192.0.2.10)\n smtp.mailfrom=team.test; dkim=pass \
    (signature was verified)\n header.d=team.test;dmarc=pass action=none\n header.from=team.test;compauth=pass \
    reason=100\n";

fn above(mail: &mut String, lines: &str) {
    mail.insert_str(0, lines);
}

fn received(by: &str, with: &str) -> String {
    format!(
        "Received: from out.team.test (out.team.test [192.0.2.10]) by {by} with {with} id 9; Mon, 4 Jan 2027 08:00:00 +0000\n"
    )
}

fn host(edge: &str) -> &str {
    edge.split(' ').next().unwrap_or(edge)
}

/// Mails of his own, by what he writes into them.
const WRITTEN: &[(&str, Change)] = &[
    ("nothing", |_, _, _| {}),
    ("own-line", |row, _, mail| above(mail, &pass(&row.id))),
    ("own-line-quoted", |row, _, mail| above(mail, &pass(&format!("\"{}\"", row.id)))),
    ("own-line-with-comment", |row, _, mail| above(mail, &pass(&format!("(c) {} (c) 1", row.id)))),
    ("own-line-with-version", |row, _, mail| above(mail, &pass(&format!("{} 1", row.id)))),
    ("own-line-in-capitals", |row, _, mail| above(mail, &pass(&row.id.to_uppercase()))),
    ("own-line-of-a-sibling", |row, _, mail| {
        let parent = row.id.split_once('.').map_or("", |(_, parent)| parent);
        above(mail, &pass(&format!("phl-mx-99.{parent}")));
    }),
    ("own-line-twice", |row, _, mail| above(mail, &pass(&row.id).repeat(2))),
    ("own-line-and-a-fail", |row, _, mail| {
        above(mail, &(pass(&row.id) + &pass(&row.id).replace("dmarc=pass", "dmarc=fail")));
    }),
    ("nameless-line", |_, _, mail| above(mail, NAMELESS)),
    ("auth-as-internal", |_, _, mail| {
        above(
            mail,
            &format!(
                "X-MS-Exchange-Organization-AuthAs: Internal\nX-MS-Exchange-CrossTenant-FromEntityHeader: Hosted\n{NAMELESS}"
            ),
        );
    }),
    ("auth-as-anonymous", |_, _, mail| {
        above(mail, &format!("X-MS-Exchange-Organization-AuthAs: Anonymous\n{NAMELESS}"))
    }),
    ("signed-by-evil", |row, seen, mail| {
        above(mail, &(signature(mail, "evil.test", GMAILS) + &pass(&row.id) + NAMELESS));
        seen.dkim = Some(("evil.test", true));
    }),
    ("helo-with-lmtp", |row, seen, mail| {
        seen.helo = "x.test with LMTP".into();
        above(mail, &pass(&row.id));
    }),
    ("helo-by-edge", |row, seen, mail| {
        seen.helo = format!("x by {} with LMTP id 9", row.edge);
        above(mail, &(pass(&row.id) + &received(&row.edge, "ESMTPS")));
    }),
    ("helo-by-inner", |row, seen, mail| {
        seen.helo = format!("x by {}", if row.inner.is_empty() { &row.edge } else { &row.inner });
        above(mail, &(pass(&row.id) + &received(&row.edge, "ESMTPS")));
    }),
    ("envelope-by-edge", |row, seen, mail| {
        seen.envelope = format!("\"x by {} with LMTP \"@evil.test", host(&row.edge));
        above(mail, &pass(&row.id));
    }),
    ("envelope-with-result", |_, seen, _| {
        seen.envelope = format!("\"x; dmarc=pass header.from=team.test; spf=pass smtp.mailfrom={MARA}\"@evil.test");
    }),
    ("recipient-by-edge", |row, seen, mail| {
        seen.recipient = format!("\"x by {} with LMTP \"@example.org", host(&row.edge));
        above(mail, &pass(&row.id));
    }),
    ("edge-line", |row, _, mail| {
        above(mail, &(pass(&row.id) + NAMELESS + &received(&row.edge, "ESMTPS") + &pass(&row.id)));
    }),
    ("inner-hop", |row, _, mail| {
        let inner = if row.inner.is_empty() { &row.edge } else { &row.inner };
        above(mail, &(received(inner, "ESMTPS") + &pass(&row.id) + NAMELESS + &received(&row.edge, "ESMTPS")));
    }),
    ("lmtp-hop", |row, _, mail| above(mail, &(received(host(&row.edge), "LMTP") + &pass(&row.id)))),
    ("queue-id", |row, _, mail| above(mail, &format!("{}X-Rspamd-Queue-Id: 4GUESSED9\n", pass(&row.id)))),
    ("bridge-id", |row, _, mail| {
        above(mail, &format!("{}{}X-Pm-Internal-Id: def==\n", pass(&row.id), pass("mail.protonmail.ch")));
    }),
    ("server-in-front", |_, _, mail| above(mail, &pass("mx.cloudflare.net"))),
    ("unsound-seal", |_, _, mail| {
        let sealed = seal(mail, "google.com", "mx.google.com; dmarc=pass header.from=team.test");
        let unsound: String = fields(sealed.trim_end())
            .into_iter()
            .map(|f| match f.rsplit_once("b=") {
                Some((head, _)) if !is(f, "arc-authentication-results") => format!("{head}b={UNSOUND}\n"),
                _ => format!("{f}\n"),
            })
            .collect();
        above(mail, &unsound);
    }),
    ("seal-by-evil", |_, seen, mail| {
        let results = format!("mx.google.com; dmarc=pass header.from={0}; spf=pass smtp.mailfrom={0}", seen.domain);
        above(mail, &seal(mail, "evil.test", &results));
    }),
];

/// Whole traces of true mail, copied into his own.
fn copied(base: &Base, row: &Row, mail: &str) -> Vec<(&'static str, String)> {
    let (_, seen) = truth(base, row, Sender::S4);
    let trace = |row: &Row| {
        let whole = row.render(&seen, mail);
        let from = fields(&whole).into_iter().take_while(|f| !is(f, "from"));
        from.map(|f| format!("{f}\n")).collect::<String>()
    };
    let all = rows();
    let named = |name: &str| all.iter().find(|r| r.name == name).unwrap();
    vec![
        ("trace-copied", trace(row) + mail),
        ("trace-of-microsoft", trace(named("microsoft365")) + mail),
        ("trace-of-gmail", trace(named("gmail")) + mail),
        ("trace-of-mailcow", trace(named("mailcow")) + "X-Rspamd-Queue-Id: 7360C9D2D33\n" + mail),
    ]
}

/// All that is forged at a set-up.
pub(super) fn all(base: &Base, row: &Row) -> Vec<Forged> {
    let victim = if row.is_inside() { MAX } else { MARA };
    let letter = base.letter(victim, "/severity critical\n");
    let (_, seen) = truth(base, row, Sender::S4);
    let his = Seen {
        envelope: "eve@evil.test".into(),
        helo: "mail.evil.test".into(),
        ip: "198.51.100.66",
        by_envelope: false,
        ..seen
    };
    let one = |name: &str, seen: &Seen, mail: String| Forged {
        name: name.into(),
        mails: vec![(seen.clone(), mail)],
        at: now(),
        hers: false,
    };
    let mut forged: Vec<Forged> = WRITTEN
        .iter()
        .map(|(name, change)| {
            let (mut seen, mut mail) = (his.clone(), letter.clone());
            change(row, &mut seen, &mut mail);
            one(name, &seen, mail.replace("team.test", his.domain))
        })
        .collect();
    forged.extend(copied(base, row, &letter).into_iter().map(|(name, mail)| one(name, &his, mail)));
    if !row.is_inside() {
        forged.extend(replayed(base, row, &his));
    }
    forged
}

/// Mails that she signed and did not send us as a command, or not now, or that came already: each as she signed it,
/// and as he sends it, with the signature as good as it is then.
fn replayed(base: &Base, row: &Row, his: &Seen) -> Vec<Forged> {
    let signed = |mail: &str, names: &[&str]| signature(mail, "team.test", names) + mail;
    let command = base.letter(MARA, "/severity critical\n");
    let true_one = signed(&command, GMAILS);
    let ticket = "[SEC-1]";
    assert!(command.contains(ticket));
    // Without a command as she wrote them.
    let typed = |kind: &str, body: &str| {
        base.letter(MARA, body).replace("Content-Type: text/plain; charset=utf-8", &format!("Content-Type: {kind}"))
    };
    let part = |kind: &str, text: &str| format!("Content-Type: {kind}\n\n{text}\n");
    let mixed = typed(
        "multipart/mixed; boundary=\"b1\"",
        &format!(
            "--b1\n{}--b1\n{}--b1--\n",
            part("text/plain", "Thanks."),
            part("text/plain\nContent-Disposition: attachment", "/severity critical")
        ),
    );
    let within = typed(
        "multipart/mixed; boundary=\"b1\"",
        &format!(
            "--b1\n{}--b1--\n",
            part("text/plain", &format!("Thanks.\n\n--b2\n{}--b2--\n", part("text/plain", "/severity critical")))
        ),
    );
    let prefix = typed(
        "multipart/mixed; boundary=\"b12\"",
        &format!("--b12\n{}--b1\n{}--b12--\n", part("text/x-log", "x"), part("text/plain", "/severity critical")),
    );
    let quoted = base.letter(MARA, "=2Fseverity critical\n");
    let encoded = base.letter(MARA, "L3NldmVyaXR5IGNyaXRpY2FsCg==\n");
    let html = typed("text/html", "<div>/severity critical\n</div><div>is what I would have said</div>\n");
    let good = |from: &str, old: &str, new: &str| signed(from, GMAILS).replacen(old, new, 1);
    let unsigned_to = command.replace(ticket, "a hole");
    let to_other = command.replace(&format!("To: {}", base.answers[MARA].to), "To: rae@reporter.example");
    let of_microsoft = signed(&command, MICROSOFTS);
    let on_top = |mail: &str, line: &str| format!("{line}\n{mail}");
    let subject = &base.answers[MARA].subject;
    let sent_again = true_one.replace("MIME-Version: 1.0\n", "MIME-Version: 1.0\nX-Again: yes\n");
    let cells = [
        ("boundary-changed", true, good(&within, "\"b1\"", "\"b2\"")),
        ("boundary-cut", true, good(&prefix, "\"b12\"", "\"b1\"")),
        ("subtype-changed", true, good(&mixed, "multipart/mixed", "multipart/alternative")),
        ("subtype-digest", true, good(&mixed, "multipart/mixed", "multipart/digest")),
        ("type-changed", true, good(&html, "text/html", "text/plain")),
        ("encoding-changed-to-qp", true, good(&quoted, "Encoding: 7bit", "Encoding: quoted-printable")),
        ("encoding-changed-to-base64", true, good(&encoded, "Encoding: 7bit", "Encoding: base64")),
        ("body-prepended", false, true_one.replacen("\n\n/sev", "\n\n/public\n\n/sev", 1)),
        ("body-appended", false, format!("{true_one}\n/public\n")),
        ("to-not-signed", true, signed(&unsigned_to, MICROSOFTS)),
        ("to-another", true, on_top(&signed(&to_other, GMAILS), &format!("X-Original-To: {}", base.answers[MARA].to))),
        ("to-added", true, on_top(&signed(&to_other, GMAILS), &format!("To: {}", base.answers[MARA].to))),
        (
            "to-not-signed-and-results-recorded",
            true,
            on_top(
                &signed(&unsigned_to, MICROSOFTS),
                &format!(
                    "X-Original-Authentication-Results: i=50; mx.google.com; dmarc=pass header.from=team.test; \
                     spf=pass smtp.mailfrom={MARA}"
                ),
            ),
        ),
        // What our own server's line leaves out, a second one in its name would add.
        (
            "to-not-signed-and-results-completed",
            true,
            on_top(
                &signed(&unsigned_to, MICROSOFTS),
                &format!("Authentication-Results: {}; spf=pass smtp.mailfrom={MARA}", row.id),
            ),
        ),
        ("to-not-signed-and-subject-changed", false, signed(&unsigned_to, MICROSOFTS).replace("Re: ", "Re: [SEC-1] ")),
        ("subject-changed", false, of_microsoft.replace(ticket, "[SEC-1] [SEC-2]")),
        ("subject-added", true, on_top(&of_microsoft, &format!("Subject: {subject}"))),
    ];
    let seen = |good: bool| Seen { dkim: Some(("team.test", good)), ..his.clone() };
    let mut forged: Vec<Forged> = cells
        .into_iter()
        .map(|(name, good, mail)| {
            let hers = ["boundary", "subtype", "type", "encoding"].iter().any(|n| name.starts_with(n));
            Forged { name: format!("replay-{name}"), mails: vec![(seen(good), mail)], at: now(), hers }
        })
        .collect();
    let (first, known) = truth(base, row, Sender::S1);
    let again = vec![(known, first), (seen(true), sent_again)];
    forged.push(Forged { name: "replay-again".into(), mails: again, at: now(), hers: false });
    let few = signed(&command, &GMAILS[..4]);
    let renamed = few.replace("Message-ID: <c1@", "Message-ID: <c2@");
    let again = vec![(seen(true), few), (seen(true), renamed)];
    forged.push(Forged { name: "replay-by-another-id".into(), mails: again, at: now(), hers: false });
    let later = now() + SignedDuration::from_hours(8 * 24);
    forged.push(Forged { name: "replay-old".into(), mails: vec![(seen(true), true_one)], at: later, hers: false });
    forged
}
