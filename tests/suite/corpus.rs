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

use disclosed::mail::{Mail, automatic, fields, read, reply};
use serde_json::Value;

const VARIABLE: &str = "DISCLOSED_CORPUS";

fn corpus() -> Option<PathBuf> {
    let place = std::env::var_os(VARIABLE).map(PathBuf::from);
    if place.is_none() {
        // Not through `println!`, which the harness keeps to itself when a test passes.
        let line = format!("left out: mail of other projects ({VARIABLE} is not set)\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    place
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
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{}", path.display());
        }
    }
    println!("{} files read", paths.len());
}

#[test]
fn bounces_and_automatic_mail() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for case in expectations(&place) {
        let (kind, expected, file) = (case["kind"].as_str().unwrap(), &case["expected"], &case["file"]);
        match kind {
            "bounce_report" | "bounce_recipients" => {
                let mail = mail(&place, &case);
                let is_bounce = expected["is_bounce"] == true;
                scores.add("is a bounce", mail.bounce.is_some() == is_bounce, || format!("{file}: {is_bounce}"));
                if !is_bounce {
                    continue;
                }
                scores.add("a bounce is automatic", mail.automatic.is_some(), || format!("{file}"));
                let bounce = mail.bounce.unwrap_or_default();
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
                    scores.add("recipients", a == b, || format!("{file}: {got:?}, not {want:?}"));
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
                scores.add("reports are automatic", mail.automatic.is_some(), || format!("{file}: {expected}"));
            }
            _ => {}
        }
    }
    scores.report(85);
}

fn automatic_key(address: &disclosed::mail::Address) -> String {
    address.key()
}

#[test]
fn labelled_mail() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for row in fs::read_to_string(place.join("INDEX.tsv")).unwrap().lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (path, label) = (place.join(columns[0]), columns[3]);
        if !path.is_file() || !["bounce", "dsn", "autoreply", "list"].contains(&label) {
            continue;
        }
        let raw = fs::read(&path).unwrap();
        if !raw.windows(6).any(|w| w.eq_ignore_ascii_case(b"\nfrom:")) {
            continue;
        }
        let automatic: Option<automatic::Automatic> = read::read(&raw).automatic;
        scores.add(&format!("{label} is automatic"), automatic.is_some(), || columns[0].to_owned());
    }
    scores.report(70);
}

#[test]
fn newly_written_text() {
    let Some(place) = corpus() else { return };
    let mut scores = Scores::default();
    for case in expectations(&place) {
        let (kind, expected, file) =
            (case["kind"].as_str().unwrap(), &case["expected"], case["file"].as_str().unwrap());
        let raw = || fs::read(place.join(file)).unwrap();
        let text = || {
            if file.ends_with(".eml") {
                read::read(&raw()).reply_text
            } else {
                reply::new_text(&disclosed::mail::clean(&String::from_utf8_lossy(&raw()).replace("\r\n", "\n")))
            }
        };
        match kind {
            "reply_text" => {
                let (got, want) = (text(), expected.as_str().unwrap());
                scores.add(kind, folded(&got) == folded(want), || format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            "reply_commands" => {
                let got = text();
                let want = expected["commands"].as_array().unwrap();
                let all = want.iter().all(|c| got.contains(c.as_str().unwrap()));
                scores.add(kind, all && !got.contains('>'), || format!("{file}\n{got}"));
            }
            "quote" => {
                let expected = expected["expected_quote_intro_line"]
                    .as_array()
                    .unwrap_or_else(|| expected["expected"].as_array().unwrap());
                let want: Vec<&str> =
                    expected.iter().filter(|p| p[0] == true).map(|p| p[1].as_str().unwrap()).collect();
                let (got, want) = (text(), want.join("\n"));
                scores.add(kind, folded(&got) == folded(&want), || format!("{file}\n--got:\n{got}\n--want:\n{want}\n"));
            }
            _ => {}
        }
    }
    scores.report(70);
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
