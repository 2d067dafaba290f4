//! Mail that others wrote, with the answers that their sources expect.
//!
//! The corpus is no part of the project; `DISCLOSED_CORPUS` says where it is. Scores are printed, and modest floors
//! asserted: an expectation may be of its source's own taste, a panic may not.

#![expect(clippy::unwrap_used, reason = "a corpus that is not as its README says must fail")]

mod dkim;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use disclosed::testing::mail::written::{Content, Ours, Place};
use disclosed::testing::mail::{Mail, automatic, fields, read, reply};
use serde_json::Value;

const VARIABLE: &str = "DISCLOSED_CORPUS";

fn corpus() -> Option<PathBuf> {
    let place = std::env::var_os(VARIABLE).map(PathBuf::from);
    if place.is_none() {
        left_out(&format!("mail of other projects ({VARIABLE} is not set)"));
    }
    place
}

/// The small mails that were found on the way, which stand beside the corpus.
pub(crate) fn found() -> Option<PathBuf> {
    let place = corpus()?.parent()?.join("findings/mail");
    if !place.is_dir() {
        left_out("the mails that were found on the way (there are none beside the corpus)");
        return None;
    }
    Some(place)
}

/// Says what was not tried. Not through `println!`, which the harness keeps to itself when a test passes.
pub(crate) fn left_out(what: &str) {
    std::io::stderr().write_all(format!("left out: {what}\n").as_bytes()).unwrap();
}

fn files(place: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(place).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn expectations(place: &Path) -> Vec<Value> {
    let mut paths = Vec::new();
    files(&place.join("expect"), &mut paths);
    paths.sort();
    let lines = paths.iter().flat_map(|p| {
        let text = fs::read_to_string(p).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<Value>>()
    });
    lines.collect()
}

fn mail(place: &Path, expectation: &Value) -> Mail {
    read::read(&fs::read(place.join(expectation["file"].as_str().unwrap())).unwrap())
}

/// Right answers and all answers of each kind; wrong ones are printed.
#[derive(Default)]
struct Scores(BTreeMap<String, (u32, u32)>);

impl Scores {
    fn add(&mut self, kind: &str, right: bool, what: impl FnOnce() -> String) {
        let (good, all) = self.0.entry(kind.to_owned()).or_default();
        *all += 1;
        if right {
            *good += 1;
        } else {
            println!("{kind}: {}", what());
        }
    }

    /// Prints the scores and asserts that each is at least `floor` per cent.
    fn report(&self, floor: u32) {
        for (kind, (good, all)) in &self.0 {
            println!("{kind}: {good} of {all}");
        }
        for (kind, (good, all)) in &self.0 {
            assert!(good * 100 >= all * floor, "{kind}: {good} of {all} is below {floor} %");
        }
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_file_is_read() {
    let Some(place) = corpus() else { return };
    let mut paths = Vec::new();
    files(&place, &mut paths);
    for path in &paths {
        let mail = read::read(&fs::read(path).unwrap());
        for text in [&mail.subject, &mail.text, &mail.reply_text] {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{}", path.display());
        }
    }
    println!("{} files read", paths.len());
}

/// Why a mail is no bounce here, whatever its source says.
const WORDS: &str = "nothing but its words says so: its sender could be a person, and gets a ticket";

/// What a source says that is not so, or is said for another purpose than ours; these are counted apart.
const NOT_SO: &[(&str, &str, &str)] = &[
    // (kind, file, why)
    ("is a bounce", "simple_42.txt", "a delivery report in due form; the source means that it yields no address"),
    ("is a bounce", "simple_43.txt", "a notice of failure; the source means that it yields no address"),
    ("is a bounce", "groupwise_02.txt", "one detector of the source says no, another one yes"),
    ("is a bounce", "hotmailbounce.txt", "a complaint about spam; only the name of the file calls it a bounce"),
    ("a bounce is automatic", "groupwise_02.txt", "as above"),
    ("is a bounce", "simple_20.txt", WORDS),
    ("is a bounce", "simple_22.txt", WORDS),
    ("is a bounce", "bounce_02.txt", WORDS),
    ("is a bounce", "microsoft_03.txt", WORDS),
    ("a bounce is automatic", "simple_20.txt", WORDS),
    ("a bounce is automatic", "simple_22.txt", WORDS),
    ("a bounce is automatic", "bounce_02.txt", WORDS),
    ("a bounce is automatic", "hotmailbounce.txt", WORDS),
    ("reports are automatic", "fbl-hotmail.txt", WORDS),
    ("bounce is automatic", "simple_20.txt", WORDS),
    ("bounce is automatic", "simple_22.txt", WORDS),
    ("bounce is automatic", "simple_43.txt", WORDS),
    ("bounce is automatic", "bounce_02.txt", WORDS),
    ("bounce is automatic", "hotmailbounce.txt", WORDS),
    ("dsn is automatic", "fbl-hotmail.txt", WORDS),
    ("recipients", "ndn_with_attachment.eml", "it names bob@example.org; the domain was changed in one place"),
    ("recipients", "yale_01.txt", "it names a local part alone; the source knows that server's domains"),
    ("recipients", "aol_01.txt", "the same"),
    ("bounce is automatic", "mailgun-pic.eml", "a person's mail; the label goes by the folder"),
    ("bounce is automatic", "ms_exchange_report_original_message.eml", "the mail of a person that was reported on"),
    ("bounce is automatic", "groupwise_03.txt", "a person's mail; the source too says that it is no bounce"),
    ("bounce is automatic", "unsubscribe.txt", "a log of a program, and no mail"),
];

fn is_not_so(kind: &str, file: &str) -> Option<&'static str> {
    NOT_SO.iter().find(|(k, f, _)| *k == kind && file.ends_with(f)).map(|(_, _, why)| *why)
}

/// Scores with expectations that are wrong counted apart.
fn add_true(scores: &mut Scores, kind: &str, file: &str, right: bool, what: impl FnOnce() -> String) {
    if let Some(why) = is_not_so(kind, file).filter(|_| !right) {
        println!("{kind}: {file}: {why}");
        scores.add(&format!("{kind} (the source is wrong)"), true, String::new);
    } else {
        scores.add(kind, right, what);
    }
}

#[test]
fn bounces_and_automatic_mail() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for case in expectations(&place) {
        let (kind, expected, file) =
            (case["kind"].as_str().unwrap(), &case["expected"], case["file"].as_str().unwrap());
        match kind {
            "bounce_report" | "bounce_recipients" => {
                let mail = mail(&place, &case);
                let is_bounce = expected["is_bounce"] == true;
                let right = mail.bounce.is_some() == is_bounce;
                add_true(&mut scores, "is a bounce", file, right, || format!("{file}: {is_bounce}"));
                if !is_bounce {
                    continue;
                }
                let automatic = mail.automatic.is_some();
                add_true(&mut scores, "a bounce is automatic", file, automatic, || file.to_owned());
                let Some(bounce) = mail.bounce else { continue };
                let got: Vec<String> = bounce.recipients.iter().map(automatic_key).collect();
                let mut want: Vec<String> = expected["addresses"]
                    .as_array()
                    .map(|a| a.iter().map(|v| v.as_str().unwrap().to_lowercase()).collect())
                    .unwrap_or_default();
                want.extend(expected["failed_recipient"].as_str().map(str::to_lowercase));
                if !want.is_empty() {
                    let (mut a, mut b) = (got.clone(), want.clone());
                    a.sort();
                    b.sort();
                    add_true(&mut scores, "recipients", file, a == b, || format!("{file}: {got:?}, not {want:?}"));
                }
                if let Some(temporary) = expected["temporary"].as_bool() {
                    scores.add("permanent", bounce.permanent != temporary, || format!("{file}: {temporary}"));
                }
                if let Some(id) = expected["original_message_id"].as_str() {
                    let ids: Vec<&str> = bounce.message_ids.iter().map(|i| i.as_str()).collect();
                    scores.add("message ids", ids.contains(&id), || format!("{file}: {ids:?}, not {id}"));
                }
            }
            "autoreply" => {
                let mail = mail(&place, &case);
                let want = expected["is_autoreply"] == true;
                scores.add("automatic", mail.automatic.is_some() == want, || format!("{file}: {want}"));
            }
            "report_type" | "arf" => {
                let mail = mail(&place, &case);
                let right = mail.automatic.is_some();
                add_true(&mut scores, "reports are automatic", file, right, || format!("{file}: {expected}"));
            }
            _ => {}
        }
    }
    scores.report(98);
}

fn automatic_key(address: &disclosed::testing::vocabulary::Address) -> String {
    address.key()
}

/// Whether the bytes are a mail with a sender, and no fragment of one.
fn has_sender(raw: &[u8]) -> bool {
    raw.get(..5).is_some_and(|s| s.eq_ignore_ascii_case(b"from:"))
        || raw.windows(6).any(|w| w.eq_ignore_ascii_case(b"\nfrom:"))
}

/// A plain look at the header, other than the one that is tested: whether it says of itself that a program, a list or
/// a campaign sent it. Mail of the corpus is labelled by what it is good for, and some that is "normal" says so.
fn says_automatic(raw: &[u8]) -> bool {
    let text = String::from_utf8_lossy(raw).replace("\r\n", "\n").to_lowercase();
    let head = text.trim_start().split("\n\n").next().unwrap_or_default().to_owned();
    let signs = [
        "list-",
        "precedence:",
        "auto-submitted: auto",
        "mailing-list:",
        "x-mailing-list:",
        "x-loop:",
        "return-path: <>",
        "feedback-id:",
        "x-autoreply:",
        "x-beenthere:",
        "x-mailman-version:",
        "content-type: multipart/report",
        "x-failed-recipients:",
    ];
    let senders = ["noreply", "no-reply", "donotreply", "mailer-daemon", "postmaster", "nobody@", "bounce"];
    head.lines().any(|l| {
        signs.iter().any(|s| l.starts_with(s)) || l.starts_with("from:") && senders.iter().any(|s| l.contains(s))
    })
}

#[test]
fn labelled_mail() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    let mut ordinary = Scores::default();
    for row in fs::read_to_string(place.join("INDEX.tsv")).unwrap().lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (file, path, label) = (columns[0], place.join(columns[0]), columns[3]);
        if !path.is_file() {
            continue;
        }
        let raw = fs::read(&path).unwrap();
        let automatic: Option<automatic::Automatic> = read::read(&raw).automatic;
        match label {
            "bounce" | "dsn" | "autoreply" | "list" if has_sender(&raw) => {
                let kind = format!("{label} is automatic");
                add_true(&mut scores, &kind, file, automatic.is_some(), || file.to_owned());
            }
            "calendar" | "normal" | "reply" | "pgp" | "smime" | "charset" | "dkim" | "arc" | "report"
                if has_sender(&raw) =>
            {
                if says_automatic(&raw) {
                    ordinary.add("said of itself to be automatic", true, String::new);
                } else {
                    let what = || format!("{file}: {automatic:?}");
                    ordinary.add("ordinary mail is not automatic", automatic.is_none(), what);
                }
            }
            _ => {}
        }
    }
    scores.report(98);
    ordinary.report(100);
}

/// What the team reads of a case at once: whole mails are read, the others are texts already. Of nothing is it known
/// that we sent it.
fn new_text(place: &Path, file: &str) -> String {
    let raw = fs::read(place.join(file)).unwrap();
    if file.ends_with(".eml") {
        shown(&read::read(&raw).text)
    } else {
        shown(&disclosed::testing::vocabulary::clean(&String::from_utf8_lossy(&raw).replace("\r\n", "\n")))
    }
}

fn shown(text: &str) -> String {
    let content = Content::of(text, &Ours::default());
    let lines = content.lines().iter().filter(|(_, place)| *place == Place::Content);
    lines.map(|(line, _)| *line).collect::<Vec<_>>().join("\n")
}

#[test]
fn newly_written_text() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for case in expectations(&place) {
        let (kind, expected, file) =
            (case["kind"].as_str().unwrap(), &case["expected"], case["file"].as_str().unwrap());
        let text = || new_text(&place, file);
        let mut score = |kind: &str, right: bool, what: String| scores.add(kind, right, || what);
        match kind {
            "reply_text" => {
                let (got, want) = (text(), expected.as_str().unwrap());
                score(kind, folded(&got) == folded(want), format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            // What stands above the first quotation; ours goes on with what was written between and below.
            "first_fragment" => {
                let (got, want) = (text(), expected.as_str().unwrap());
                let right = folded(&got).starts_with(&folded(want));
                score(kind, right, format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            "reply_contains" => {
                let got = text();
                let all = |name: &str| -> Vec<&str> {
                    expected[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
                };
                let holds = all("first_fragment_contains").iter().all(|w| got.contains(w));
                let lacks = all("not_in_first_fragment").iter().all(|w| !got.contains(w));
                score(kind, holds && lacks, format!("{file}: {expected}\n--got:\n{got}\n"));
            }
            "unwrap" => {
                // What was written above a forwarded or quoted mail.
                let want = expected["expected"]["text_top"].as_str().unwrap_or_default();
                let got = text();
                score(
                    kind,
                    folded(&got).starts_with(&folded(want)),
                    format!("{file}\n--got:\n{got}\n--want:\n{want}\n"),
                );
            }
            // The same in HTML, where the expectation is HTML too: compared as the texts that we make of both.
            "quote_html" | "unwrap_html_file" => {
                let whole = fs::read_to_string(place.join(file)).unwrap();
                let top = match expected["expected_quote_intro_line"].as_array() {
                    Some(pieces) => {
                        let own = pieces.iter().filter(|p| p[0] == true).filter_map(|p| p[1].as_str());
                        own.collect::<String>()
                    }
                    None => expected["expected"]["html_top"].as_str().unwrap_or_default().to_owned(),
                };
                let html =
                    |text: &str| read::read(format!("Content-Type: text/html; charset=utf-8\r\n\r\n{text}").as_bytes());
                let (got, want) = (shown(&html(&whole).text), html(&top).text);
                let (a, b) = (folded(&got), folded(&want));
                let right = if kind == "quote_html" { a == b } else { a.starts_with(&b) };
                score("reply text in HTML", right, format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            "reply_commands" => {
                let got = text();
                let want = expected["commands"].as_array().unwrap();
                let all = want.iter().all(|c| got.contains(c.as_str().unwrap()));
                score(kind, all && !got.contains('>'), format!("{file}\n{got}"));
            }
            "quote" => {
                let expected = expected["expected_quote_intro_line"]
                    .as_array()
                    .unwrap_or_else(|| expected["expected"].as_array().unwrap());
                let want: Vec<&str> =
                    expected.iter().filter(|p| p[0] == true).map(|p| p[1].as_str().unwrap()).collect();
                let (got, want) = (text(), want.join("\n"));
                score(kind, folded(&got) == folded(&want), format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            _ => {}
        }
    }
    scores.report(95);
}

/// Every quoted line of the corpus becomes a command, and every text stands once more below an introduction and once
/// more below a forward: none of it may be obeyed.
#[test]
fn no_command_comes_from_a_quotation() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for row in fs::read_to_string(place.join("INDEX.tsv")).unwrap().lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let path = place.join(columns[0]);
        if columns[3] != "reply" || !path.is_file() {
            continue;
        }
        let raw = fs::read(&path).unwrap();
        let text = if columns[0].ends_with(".eml") {
            read::read(&raw).text
        } else {
            disclosed::testing::vocabulary::clean(&String::from_utf8_lossy(&raw).replace("\r\n", "\n"))
        };
        let marked: String = text
            .lines()
            .map(|l| match l.trim_start().strip_prefix('>') {
                Some(_) => "> /close\n".to_owned(),
                None => format!("{l}\n"),
            })
            .collect();
        let below = format!("On Mon, 4 Jan 2027 at 10:00, Ann <ann@example.org> wrote:\n\n> /close\n{marked}");
        let forwarded = format!("---------- Forwarded message ---------\n/close\n{marked}");
        let original = format!("-----Original Message-----\nFrom: ann@example.org\n\n/close\n{marked}");
        for (how, text) in [("in it", marked), ("below", below), ("forwarded", forwarded), ("original", original)] {
            let lines = disclosed::testing::command::split(&reply::new_text(&text)).lines;
            let obeyed = lines.iter().any(|l| l.written.starts_with("/close"));
            scores.add("no command from a quotation", !obeyed, || format!("{}: {how}: {lines:?}", columns[0]));
        }
    }
    scores.report(100);
}

#[test]
fn advisories() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for case in expectations(&place).iter().filter(|c| c["kind"] == "advisory_fields") {
        let text = fs::read_to_string(place.join(case["file"].as_str().unwrap())).unwrap();
        let found = fields::recognise("", &text);
        let (expected, file) = (&case["expected"], &case["file"]);
        scores.add("cvss", found.cvss.as_deref() == expected["cvss"].as_str(), || format!("{file}: {:?}", found.cvss));
        let mut aliases = expected["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let all = aliases.all(|a| !a.starts_with("CVE-") || found.cves.iter().any(|c| c == a));
        scores.add("cves", all, || format!("{file}: {:?}", found.cves));
    }
    scores.report(90);
}
