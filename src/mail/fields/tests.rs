//! Whole reports, as people write them.

use proptest::prelude::*;

use super::*;

/// The parts that a text really lacks.
fn missing(subject: &str, text: &str) -> String {
    let Fields { parts, may_lack, .. } = recognise(subject, text);
    Part::ALL.iter().filter(|p| may_lack.has(**p) && !parts.has(**p)).map(|p| p.word()).collect::<Vec<_>>().join(" ")
}

const WHOLE: &str = "\
Hello,

The image loader of libexample copies a palette into a buffer of fixed size and
does not look at the length that the file claims, so a crafted file writes past
the end of the heap buffer (CWE-122).

Versions: <= 4.1 and 5.0.2 are affected, v5.1 is not.
Source: src/image/palette.c:120, at commit 3f2a9b1c04
https://git.example.org/example/blob/v5.0.2/src/image/palette.c#L120
It was built with the default options on Debian.

1. Run ./viewer poc.img
2. It crashes.

An attacker can run code. CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H, high severity.
Fix: check the length before copying. Related: CVE-2024-12345.
";

#[test]
fn everything_is_recognised() {
    let found = recognise("Heap overflow", WHOLE);
    assert_eq!(found.severity, Some(Severity::High));
    assert_eq!(found.cvss.as_deref(), Some("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"));
    assert_eq!(found.score.unwrap().to_string(), "7.8 high");
    assert_eq!(found.cves, ["CVE-2024-12345"]);
    assert_eq!(found.cwes, ["CWE-122"]);
    assert_eq!(found.versions, ["<= 4.1", "5.0.2", "v5.1"]);
    assert_eq!(found.paths, ["src/image/palette.c:120"]);
    assert_eq!(found.locations, ["3f2a9b1c04", "https://git.example.org/example/blob/v5.0.2/src/image/palette.c#L120"]);
    assert_eq!(found.parts, Parts::all());
}

#[test]
fn versions_are_announced_by_what_stands_before_them() {
    for (text, expect) in [
        ("affects version 2.3", &["2.3"][..]),
        ("Version: 4", &["4"]),
        ("versions before 1.2 and up to 1.4, 1.5", &["1.2", "1.4", "1.5"]),
        ("version >= 2.0", &[">= 2.0"]),
        ("in <= 4.1", &["<= 4.1"]),
        ("tested on `v1.0`", &["v1.0"]),
        ("1.2.3 and again 1.2.3.", &["1.2.3"]),
        ("a score of 9.8 by 192.0.2.1 on 2 machines", &[]),
        ("commit 3f2a9b1", &[]),
        ("> 2 machines\n> 3 more", &[]),
    ] {
        assert_eq!(recognise("", text).versions, expect, "{text}");
    }
}

#[test]
fn commits_are_announced_by_what_stands_before_them() {
    for (text, expect) in [
        ("since commit 3f2a9b1", &["3f2a9b1"][..]),
        ("commit id: `3f2a9b1`,", &["3f2a9b1"]),
        ("revision 3f2a9b1 and 0123456", &["3f2a9b1", "0123456"]),
        ("at 0x7f3f2a9b1c04 3f2a9b1", &[]),
        ("we commit to defaced", &[]),
    ] {
        assert_eq!(recognise("", text).locations, expect, "{text}");
    }
    let whole = "3f2a9b1c".repeat(5);
    assert_eq!(recognise("", &format!("({whole})")).locations, [whole]);
}

#[test]
fn numbers_are_found_once_and_in_capitals() {
    let found =
        recognise("cve-2024-12345 in x", "CVE-2024-12345, CVE-2023-0001. CVE-24-1 CVE-2024-123 CWE-79/CWE-89 XCVE");
    assert_eq!(found.cves, ["CVE-2024-12345", "CVE-2023-0001"]);
    assert_eq!(found.cwes, ["CWE-79", "CWE-89"]);
}

#[test]
fn missing_only_where_there_is_no_sign() {
    let all = Part::ALL.map(Part::word).join(" ");
    assert_eq!(missing("Bug", "hello"), all);
    assert_eq!(missing("", ""), all);
    let vague = "Dear team, I am a researcher and I have found a critical security vulnerability in your web site. \
                 Do you have a bounty program? How much do you pay? I will tell you more when I hear from you.";
    assert_eq!(missing("Urgent", vague), all.replace("description ", ""));
    let good = "An attacker can read any file of the server because the path is not checked when it is \
                joined. To reproduce: curl http://localhost/..%2f. Seen in 1.2.3.";
    assert_eq!(missing("Path traversal", good), "paths configuration remediation");
    let without = good.replace("1.2.3", "it");
    assert_eq!(missing("Path traversal", &without), "paths configuration remediation affected-version");
    assert!(missing("x", "9.8 192.0.2.1").ends_with("affected-version"));
}

/// A sign of one part in words that are signs of no other that matters here.
#[test]
fn each_part_has_its_signs() {
    for (part, texts) in [
        (
            Part::Type,
            &[
                "SQL injection",
                "a race",
                "Type: logic",
                "Type of the issue: any of the known ones or a new one",
                "- **Kind of thing:** all of those that are listed below",
                "## Type of issue",
                "CWE-79",
            ][..],
        ),
        (
            Part::Paths,
            &[
                "see lib/x.rb",
                "in `parser.c`,",
                "Affected files:",
                "https://git.example/a/b/blob/main/index.js",
                "at /build/a/b.go:12",
            ],
        ),
        (Part::Location, &["on the branch next", "https://app.example/login", "v1.2", "commit 3f2a9b1"]),
        (Part::Configuration, &["with default settings", "Ubuntu", "## Environment", "OS: any"]),
        (Part::Steps, &["Steps:", "1. Log in.\n2. Look.", "```\nx\n```", "POST /login HTTP/1.1"]),
        (Part::ProofOfConcept, &["PoC attached", "exploit code", "```\nx\n```", "GET / HTTP/1.1"]),
        (Part::Impact, &["Impact", "an attacker may", "RCE"]),
        (Part::Remediation, &["Suggested fix: none", "mitigation", "it should be sanitized? We recommend it"]),
        (Part::AffectedVersion, &["latest release", "version 2", "2.x"]),
    ] {
        for text in texts {
            assert!(recognise("", text).parts.has(part), "{part:?}: {text}");
        }
    }
    for (part, text) in [
        (Part::Type, "this type of mail is one that we see on each and every day of the week"),
        (Part::Paths, "we went down that path and looked at the function of it for a while, in Node.js"),
        (Part::Steps, "1. one thing only"),
        (Part::Location, "the main thing is where you are, or so they say, and from where you came"),
    ] {
        assert!(!recognise("", text).parts.has(part), "{part:?}: {text}");
    }
}

#[test]
fn nothing_is_missed_in_what_cannot_be_read() {
    let sealed = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n";
    assert_eq!(missing("...", sealed), "");
    let chinese = "您好,我在登录页面发现了一个漏洞。用户名没有经过检查就被放进了查询语句,所以任何人都可以读取数据库。\
                   请在输入框中输入一个引号,然后点击登录,页面会显示数据库的错误信息。";
    assert_eq!(missing("漏洞", chinese), "");
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n";
    assert!(!missing("", signed).is_empty());
}

/// Whose language has no cues here is asked for nothing; whoever wrote a sentence, for what helps most.
#[test]
fn nobody_is_asked_for_what_stands_there() {
    for text in [
        "Buongiorno,\n\nho trovato una vulnerabilità di tipo iniezione nella pagina di accesso del vostro sito.\n\n\
         Versioni interessate: tutte\n\nPassaggi:\n- aprire la pagina\n- inserire un apice",
        "Dzień dobry,\n\nznalazłem podatność typu przejęcie sesji w panelu klienta waszej aplikacji, dotyczy ona pliku \
         cookie.\n\nKroki odtworzenia:\n- zalogować się\n- skopiować ciasteczko",
        "Hallo, ik heb een lek gevonden in het formulier van de klanten: als u een aanhalingsteken invult, dan ziet u \
         de gegevens van alle andere klanten. Dit is erg gevaarlijk voor uw klanten.",
    ] {
        assert_eq!(missing("", text), "", "{text}");
    }
    assert_eq!(missing("XSS", "The search of the shop shows what I type there as HTML."), "steps affected-version");
    assert_eq!(missing("XSS", "Die Suche zeigt mit <b> fette Wörter, und Skripte laufen auch, Version 2.1."), "steps");
    assert!(missing("XSS", "See the attached file.").starts_with("description"));
}

#[test]
fn hostile_text_costs_its_length() {
    for unit in [
        "CVE-",
        "CVSS:3.1/AV:N/",
        "severity high ",
        "AV:",
        "- ",
        "high-",
        "a/b.c:1 ",
        "1.2.3 ",
        "<= ",
        "<",
        "version ",
        "version 1.2.3, ",
        "commit 3f2a9b1 ",
        "https://a/b/tree/c ",
        "(((((((",
        "``` ",
        "1. ",
        "é",
        "≤1.0 ",
        "\u{202e}src/x.c ",
        "a.b.c.d.",
    ] {
        let found = recognise(unit, &unit.repeat(300_000 / unit.len()));
        bounded(&found);
    }
    let many = |form: &dyn Fn(usize) -> String| -> Fields {
        let found = recognise("", &(1000..9000).map(form).collect::<Vec<_>>().join(" "));
        bounded(&found);
        found
    };
    assert_eq!(many(&|n| format!("CVE-2024-{n}")).cves.len(), MAX_LISTED);
    assert_eq!(many(&|n| format!("1.2.{n}")).versions.len(), MAX_LISTED);
    assert_eq!(many(&|n| format!("src/{n}.c")).paths.len(), MAX_LISTED);
    assert_eq!(many(&|n| format!("https://a.example/b/commit/{n}")).locations.len(), MAX_LISTED);
}

/// What is kept is short, little, and printable.
fn bounded(found: &Fields) {
    for list in [&found.cves, &found.cwes, &found.versions, &found.paths, &found.locations] {
        assert!(list.len() <= MAX_LISTED);
        for one in list {
            assert!(one.len() <= 210 && one.bytes().all(|c| c == b' ' || c.is_ascii_graphic()), "{one:?}");
        }
    }
    assert!(found.cvss.as_ref().is_none_or(|v| v.len() <= MAX_TOKEN && v.is_ascii()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a mail, in whatever order, it is read, and what is kept of it is fit to be shown.
    #[test]
    fn any_text_is_read(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "CVE-2024-", "CWE-", "CVSS:3.1/", "CVSS:4.0/", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "/A:Z", " ",
                    "\n", "<=", "≤", "version ", "commit ", "3f2a9b1", "1.2.3", "v", ".", "-", "/", ":", "#L", "src/x.c",
                    "https://", "a.example/b/commit/", "```", "(", ")", "*", "severity ", "high ", "1. ", "\u{202e}", "é",
                    "-----BEGIN PGP MESSAGE-----", "\\", "x", "999999999999",
                ]).prop_map(str::to_owned),
                "\\PC{0,12}",
                any::<char>().prop_map(String::from),
            ],
            0..60,
        ),
    ) {
        let text = pieces.concat();
        bounded(&recognise(&text, &text));
    }

    /// The order of the lines decides nothing about which parts are there.
    #[test]
    fn parts_do_not_hang_on_the_order_of_lines(seed in any::<u64>()) {
        let mut lines: Vec<&str> = WHOLE.lines().collect();
        let mut state = seed | 1;
        for at in (1..lines.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            lines.swap(at, usize::try_from(state >> 33).unwrap_or(0) % (at + 1));
        }
        prop_assert_eq!(recognise("", &lines.join("\n")).parts, Parts::all());
    }
}
