//! A change outside the signed bytes never makes or changes a command.

use proptest::collection::vec;
use proptest::prelude::*;

use super::layout::{Seen, rows};
use super::signing::{GMAILS, MICROSOFTS, fields, is, signature};
use super::{Base, MARA, Sender, now, tried, truth};

/// A change to the header below our server's own lines.
#[derive(Clone, Debug)]
enum Change {
    /// That line more, before the field with that number.
    Add(usize, &'static str),
    Remove(usize),
    Swap(usize, usize),
    Rename(usize, &'static str),
    /// Another value.
    Say(usize, &'static str),
}

/// Lines that readers of mail look at. None holds a token.
const LINES: &[&str] = &[
    "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=mara@team.test; dmarc=pass header.from=team.test",
    "Authentication-Results: mx.example.org; dmarc=fail header.from=team.test",
    "Received: from a.test by mx.example.org with ESMTPS id 1; Mon, 4 Jan 2027 08:00:00 +0000",
    "Received: from a.test by mx.example.org with LMTP id 1; Mon, 4 Jan 2027 08:00:00 +0000",
    "Content-Type: multipart/mixed; boundary=\"b2\"",
    "Content-Type: text/plain; charset=utf-7",
    "Content-Type: message/rfc822",
    "Content-Type: text/html",
    "Content-Transfer-Encoding: quoted-printable",
    "Content-Transfer-Encoding: base64",
    "Content-Disposition: attachment",
    "Subject: Re: [SEC-2] other",
    "To: other@example.org",
    "Cc: rae@reporter.example",
    "From: eve@evil.test",
    "Sender: eve@evil.test",
    "Reply-To: eve@evil.test",
    "Date: Mon, 4 Jan 2027 08:30:00 +0000",
    "Message-ID: <other@team.test>",
    "Auto-Submitted: no",
    "List-Id: <security.example.org>",
    "X-Pm-Internal-Id: abc==",
    "X-Anything: at all",
];

/// Names that a field may be given.
const NAMES: &[&str] = &["X-Old", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "Cc", "In-Reply-To"];

/// Values that the fields which say how to read a body may be given.
const VALUES: &[&str] = &[
    "text/plain; charset=utf-8; format=flowed; delsp=yes",
    "text/plain; charset=utf-16",
    "text/html",
    "multipart/mixed; boundary=b1",
    "multipart/mixed; boundary=b",
    "multipart/alternative; boundary=b1",
    "multipart/digest; boundary=b1",
    "multipart/signed; boundary=b1",
    "multipart/mixed; boundary=b2",
    "quoted-printable",
    "base64",
    "x-uuencode",
];

fn change() -> impl Strategy<Value = Change> {
    let at = || 0_usize..20;
    prop_oneof![
        (at(), prop::sample::select(LINES)).prop_map(|(at, line)| Change::Add(at, line)),
        at().prop_map(Change::Remove),
        (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at(), prop::sample::select(NAMES)).prop_map(|(at, name)| Change::Rename(at, name)),
        (at(), prop::sample::select(VALUES)).prop_map(|(at, value)| Change::Say(at, value)),
    ]
}

/// Mails that she signed, each with its signature on top: commands, and what would be one in another reading.
fn signed(base: &Base) -> Vec<String> {
    let plain = "Content-Type: text/plain; charset=utf-8";
    let mixed = |body: &str| base.letter(MARA, body).replacen(plain, "Content-Type: multipart/mixed; boundary=b1", 1);
    let letters = [
        base.letter(MARA, "/severity high\n\nIt is bad.\n"),
        base.letter(MARA, "/severity high\n\n--b2\nContent-Type: text/plain\n\n/severity low\n--b2--\n"),
        base.letter(MARA, "=2Fseverity low\n"),
        base.letter(MARA, "/severity h=\nigh\n/severity =6Cow\n"),
        mixed(&format!("--b1\n{plain}\n\n/severity high\n--b1\n{plain}\n\n/severity low\n--b1--\n")),
        mixed(&format!("--b1\n{plain}\n\nThanks.\n\n--b2\n{plain}\n\n/severity low\n--b2--\n--b1--\n")),
        mixed("--b1\nContent-Type: text/html\n\n<p>Thanks\n--b1\nContent-Type: text/plain\n\n/severity low\n--b1--\n"),
    ];
    let of = |letter: &String| [GMAILS, MICROSOFTS].map(|names| signature(letter, "team.test", names) + letter);
    letters.iter().flat_map(of).collect()
}

/// Makes the changes that leave the signed fields, and those that hold tokens, as they are.
fn changed(mail: &str, changes: &[Change]) -> String {
    let names = if mail.contains("h=From:To:") { GMAILS } else { MICROSOFTS };
    let mut all: Vec<String> = fields(mail).into_iter().map(String::from).collect();
    let is_kept = |f: &String| {
        let told = ["dkim-signature", "to", "in-reply-to", "references"].iter().any(|n| is(f, n));
        told || names.iter().any(|n| is(f, n))
    };
    for change in changes {
        let count = all.len();
        match *change {
            Change::Add(at, line) => all.insert(at % (count + 1), line.to_owned()),
            Change::Swap(a, b) => all.swap(a % count, b % count),
            Change::Remove(at) if !is_kept(&all[at % count]) => drop(all.remove(at % count)),
            Change::Rename(at, name) if !is_kept(&all[at % count]) => {
                let value = all[at % count].split_once(':').unwrap().1.to_owned();
                all[at % count] = format!("{name}:{value}");
            }
            Change::Say(at, value) if !is_kept(&all[at % count]) => {
                let name = all[at % count].split_once(':').unwrap().0.to_owned();
                all[at % count] = format!("{name}: {value}");
            }
            Change::Remove(_) | Change::Rename(..) | Change::Say(..) => {}
        }
    }
    format!("{}\n\n{}", all.join("\n"), mail.split_once("\n\n").unwrap().1)
}

#[test]
fn a_change_outside_the_signed_bytes_makes_no_other_command() {
    let base = Base::new();
    let row = rows().into_iter().find(|r| r.name.starts_with("custom")).unwrap();
    let mut tracker = base.tracker(&row);
    let (_, seen) = truth(&base, &row, Sender::S1);
    let seen = Seen { envelope: "eve@evil.test".into(), by_envelope: false, ..seen };
    let mails: Vec<(String, Option<String>)> = signed(&base)
        .into_iter()
        .map(|mail| (mail.clone(), tried(&mut tracker, &row.render(&seen, &mail), now()).1))
        .collect();
    let commanding = mails.iter().filter(|(_, o)| o.as_ref().is_some_and(|o| o.contains("High"))).count();
    assert!(commanding >= 6, "{mails:#?}");
    // Sent from the server of somebody else.
    let config = ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tracker = std::cell::RefCell::new(tracker);
    let survivors = std::cell::Cell::new(0);
    let result = runner.run(&(0..mails.len(), vec(change(), 1..5)), |(number, changes)| {
        let (mail, before) = &mails[number];
        let other = changed(mail, &changes);
        let after = tried(&mut tracker.borrow_mut(), &row.render(&seen, &other), now()).1;
        survivors.set(survivors.get() + u32::from(after.is_some()));
        prop_assert!(after.is_none() || after == *before, "{before:?}\n{after:?}\n{other}");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let survived = survivors.get();
    assert!(survived > 100, "only {survived} were still read: the property says little");
}
