//! What a person wrote, told from what their mail program added: each line in exactly one place.

use disclosed::testing::mail::written::{Content, Ours, Place};
use disclosed::testing::notice::leak::Known;
use disclosed::testing::vocabulary::Address;

use crate::world;

/// One letter a line: what stands in the folded view (`c`), what is folded (`q`, `i`, `s`), and what is ours (`o`).
fn places(text: &str, texts: &[&str]) -> String {
    let texts = texts.iter().map(ToString::to_string).collect();
    let sent = Ours { texts, name: "Example".into(), address: Address::parse("security@example.org") };
    let letter = |(line, place): &(&str, Place)| match place {
        _ if line.trim().is_empty() => '.',
        Place::Content => 'c',
        Place::Quoted => 'q',
        Place::Introduction => 'i',
        Place::Signature => 's',
        Place::Ours => 'o',
    };
    Content::of(text, &sent).lines().iter().map(letter).collect()
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(places(text, &[]), expect, "{text}");
}

#[test]
fn what_only_looks_like_a_quotation_is_content() {
    check("Here is how:\n\n>>> import acme\n>>> acme.parse('A')\nSegmentation fault\n", "c.ccc");
    check("$ cat <<X | acme\n> AAAA\n> X\nmysql> select 1;\n> drop table t;\nDone.", "cccccc");
    check("The payload:\n\n><script>alert(1)</script>\n\nIt runs.", "c.c.c");
    check("Two more.\n\n--\nFinding 2\n\n--\nFinding 3: RCE", "c.cc.cc");
    check("Send this:\n\nFrom: a@x.test\nTo: b@y.test\nDate: 1\nSubject: hi\n\nbody\n\nRoot.", "c.cccc.c.c");
    check("FYI:\n\n---------- Forwarded message ---------\nFrom: V\nDate: x\nSubject: y\n\nYes.\n> no", "c.cccc.cc");
    check("Try:\n\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n-a\n+b\n-- \n2.39.1\n\nIf yes, Monday.", "c.ccccccc.c");
    check(
        "A patch.\n\nFrom: Bo <bo@r.test>\nDate: 1\nSubject: [PATCH] check\n\nLong.\n\n--- a/p\n+++ b/p\n@@ -1 +1 @@\n-a\n+b\n\nIt holds.",
        "c.ccc.c.ccccc.c",
    );
    check("On Mon, 1 Jan 2024, A <a@p.test> wrote:\n[...]\n> Is it?\n\nYes.\n\n> And?\n\nNo.", "qcq.c.q.c");
    check("On 1 Jan 2024, A <a@p.test> wrote:\n<cut>\n> Is it?\nYes.\n> And?\nNo.", "qcqcqc");
    check("It is:\n\n  >>> import acme\n  >>> acme.run()\n", "c.cc");
    check("*** a.c\n--- b.c\n***************\n*** 1,2 ****\n! > a\n--- 1,2 ----\n! > b\n", "ccccccc");
    check("```\n> kept\n-- \nx\n```\nEnd.", "cccccc");
    check(&format!("Text.\n-- \n{}", "more\n".repeat(13)), &"c".repeat(15));
    check(
        "The fix in pkg@2.1 is fine, we tested it.\nIt may end on Friday.\nOn Mon, 1 Jan 2024 at 09:00, Ada <a@p.test> wrote:\n> q",
        "ccqq",
    );
    check("Sent via the form without a token.\nThen it fails.", "cc");
}

#[test]
fn quotations_and_signatures_are_folded() {
    check("Yes.\n\n> Is it?\n", "c.q");
    check("Fine.\n\nBo\n\n---- On Mon, 01 Jan 2024 09:00 Ada <a@p.test> wrote ---\n\nIs it?\n\nAda", "c.c.q.q.q");
    check(
        "Hello.\n\nSent: Monday, January 01, 2024\nFrom: \"Ada\" <a@p.test>\nTo: b@r.test\nSubject: Re: x\nFine?",
        "c.qqqqq",
    );
    check("Yes.\n-- \nAnn\n\nOn Mon, 1 Jan 2024, B <b@p.test> wrote:\n> q", "css.qq");
    check("Yes.\n\nSent from my iPhone\n\n> q", "c.s.q");
    check(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nBad.\n- -- \nAda\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\nfooter",
        "ss.csss.ssc",
    );
}

#[test]
fn our_own_mail_is_known_in_any_language() {
    let ours = "Lea, on SEC-1:\n\nwrote a note:\n\n| customer ACME is affected, do not tell\n\nStatus: received.";
    for intro in [
        "Von: Project <security@example.org>\nGesendet: Fri\nAn: Mara\nBetreff: [SEC-1] x",
        "发件人: Project <security@example.org>\n发送时间: Fri\n收件人: Mara\n主题: [SEC-1] x",
        "Feladó: Project <security@example.org>\nElküldve: Fri\nTárgy: [SEC-1] x",
        "Sent: Monday, January 01, 2024 at 9:00 AM\nFrom: \"Ada Example\"\nTo: bo",
        "Project <security+abc@example.org> rakstīja 1. jan.:",
        "____________________\nZ: Project <security@example.org>\nData: Fri",
        "==== original ====",
        "Feladó: Example\nElküldve: 2027. január 4.\nTárgy: [SEC-1] x",
        "من: Example\nمرسل: ٤ يناير ٢٠٢٧\nالموضوع: x",
        "ma 4. tammik. 2027 klo 10.00 Example\n<security@example.org> kirjoitti:",
        "Example <security@example.org> 于2027年1月4日周一\n10:00写道：",
        "Example wrote:",
    ] {
        let text = format!("Thank you.\n\n{intro}\n\n{ours}");
        let lines = intro.lines().count();
        let expect = format!("c.{}.o.o.o.o", "i".repeat(lines));
        assert_eq!(places(&text, &[ours]), expect, "{text}");
        let sent =
            Ours { texts: vec![ours.into()], name: "Example".into(), address: Address::parse("security@example.org") };
        assert_eq!(Content::of(&text, &sent).sent_from(0), "Thank you.");
        assert_eq!(Content::of(&text, &sent).shown(), ("Thank you.".into(), lines));
    }
    let marked = ours.lines().map(|l| format!("> {l}\n")).collect::<String>();
    assert_eq!(places(&format!("Yes.\n{marked}No."), &[ours]), "cooooooooc".replace("oooooooo", "ooooooo"));
    // A patch leaves with each of its blanks.
    let patch = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n \n-a \n+b\n-- \n2.39.1\n";
    let text = format!("/reply\nTry:\n\n{patch}\nSoon.\n-- \nDana\n");
    let content = Content::of(&text, &Ours::default());
    assert_eq!(content.sent_from(content.below(&["/reply"])), format!("Try:\n\n{patch}\nSoon."));
    // The person says it, with no word that it is quoted.
    assert_eq!(places(&format!("Yes.\n\n{ours}"), &[ours]), "c.c.c.c.c");
    // A word of ours in an answer between is no quotation.
    let inline =
        "Lea, on SEC-1:\n\nwrote a note:\n| customer ACME is affected, do not tell\nreceived.\nStatus: received.";
    let text = format!("On 1.1.2024 security@example.org wrote:\n{inline}");
    assert_eq!(places(&text, &[ours]), "io.oocc");
}

#[test]
fn a_paragraph_of_a_note_counts_as_a_whole() {
    for (note, leaves, held) in [
        ("Acme pays for silence.\n\nLee", "They say: ACME pays\n> for silence", true),
        ("Hi Dana,\n\nAsk legal first", "1. Ask\n2. legal\n3. first", true),
        ("报告是假的", "他们说：报告是假的。", true),
        ("Not ours.\n\nLee", "Not ours.", false),
    ] {
        let mut known = Known::about(leaves);
        known.note(note);
        assert_eq!(!known.hits(leaves, &world::key()).is_empty(), held, "{note}");
    }
}

/// Eight times as much of whatever costs most takes some eight times as long; what grows with the square takes 64.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures")]
fn hostile_text_costs_what_its_length_does() {
    let cost = |line: &str, octets: usize| {
        let (text, ours) = (line.repeat(octets / line.len()), "a b ".repeat(octets / 4));
        let sent =
            Ours { texts: vec![ours; 2], name: "Example".into(), address: Address::parse("security@example.org") };
        let start = std::time::Instant::now();
        let content = Content::of(&text, &sent);
        content.shown();
        let mut known = Known::about(&content.sent_from(0));
        known.secret(&text);
        known.allowed(&text);
        known.hits(&text, &world::key());
        start.elapsed()
    };
    for line in [
        "> a\n",
        "\n",
        "--\n",
        "a b ",
        "> a b a b a b a b\n",
        "On 1 Jan 2024, a@b.test wrote\n",
        "From: a@b.test\nDate: 1 Jan 2024\nTo: b\n\n",
        "______________________\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\n",
        "```\n@@ -1 +1 @@\n+a\n",
        ">>> a\n",
        "Subject: [PATCH] x\n",
        "漢字漢字漢字漢字漢字漢字\n",
    ] {
        // Another process may have had the machine: one good run of some is proof.
        let ratio = || cost(line, 1 << 16).as_secs_f64() / cost(line, 1 << 13).as_secs_f64();
        assert!(std::iter::repeat_with(ratio).take(5).any(|r| r < 24.0), "{line:?}");
    }
}
