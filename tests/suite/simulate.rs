//! `disclosed simulate`: the table, the JSON of the contract, the picture; and what is wrong with arguments.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{CONFIG, Desk};

/// Friday evening, in the zone of the policy.
const FRIDAY: [&str; 3] = ["simulate", "--at", "2027-01-08 18:00"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    FRIDAY.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn the_table_says_who_hears_what_and_when() {
    let desk = Desk::new();
    let text = desk.ok(&FRIDAY);
    let first =
        "Example: a report of no known severity, received Fri 8 January 2027, 18:00 (Europe/Berlin, UTC+01:00)\n";
    assert!(text.starts_with(first), "{text}");
    for part in [
        "Sat 2027-01-09 18:00 +01:00  2027-01-09 17:00Z  acknowledge  warning (-24h), 24 hours left",
        "Sun 2027-01-10 18:00 +01:00  2027-01-10 17:00Z  acknowledge  DEADLINE: BROKEN unless acknowledged by now\n",
        "Mon 2027-01-11 09:00 +01:00  2027-01-11 08:00Z  acknowledge  nag (due), 15 hours late*",
        "Thu 2027-04-08 18:00 +02:00  2027-04-08 16:00Z  disclose     DEADLINE",
        "… and so on each 1d",
        "lead: Ada",
        "\n* moved out of quiet time",
        "\nwarning: acknowledge: all of the 48h from this start lie in quiet time",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let times: Vec<&str> = text.lines().filter_map(|l| l.get(29..46)).filter(|t| t.starts_with("2027-")).collect();
    assert!(times.is_sorted() && times.len() > 10, "{times:?}");
    assert!(!desk.path().join("disclosed.db").exists(), "a play leaves nothing behind");

    let kept = desk.ok(&with(&["--event", "acknowledged@+1d", "--event", "accepted@+3d", "--days", "30"]));
    assert!(kept.contains("acknowledge  kept\n") && kept.contains("assess       kept\n"), "{kept}");
    assert!(!kept.contains("BROKEN"), "{kept}");
    assert!(desk.ok(&["simulate"]).contains("the report is received"), "now, when no time is given");
}

#[test]
fn the_next_holidays_that_count_are_listed() {
    let desk = Desk::new();
    desk.write("config.toml", &CONFIG.replace("[[person]]", "holidays = [\"days.ics\"]\n[[person]]"));
    let event = |day: &str, says: &str| {
        format!("BEGIN:VEVENT\nDTSTART;VALUE=DATE:{day}\nRRULE:FREQ=YEARLY\nDESCRIPTION:{says}\nEND:VEVENT\n")
    };
    let days = event("20260106", "Public holiday") + &event("20260214", "Observance");
    desk.write("days.ics", &format!("BEGIN:VCALENDAR\n{days}END:VCALENDAR\n"));
    let text = desk.ok(&FRIDAY);
    let (_, listed) = text.split_once("\nThe next holidays:\n").expect("a list");
    assert!(listed.starts_with("  Thu 6 January 2028\n  Sat 6 January 2029\n"), "{listed}");
    assert_eq!(listed.lines().take_while(|line| line.starts_with("  ")).count(), 10);
    assert!(desk.ok(&["check"]).contains("\nThe next holidays:\n"));
    let holidays = &desk.json(&FRIDAY)["holidays"];
    assert_eq!((&holidays[0], holidays.as_array().map(Vec::len)), (&json!("2028-01-06"), Some(10)));
}

#[test]
fn the_document_keeps_the_contract() {
    let desk = Desk::new();
    let play = desk.json(&FRIDAY);
    let clocks = play["clocks"].as_array().unwrap();
    let names: Vec<&Value> = clocks.iter().map(|c| &c["promise"]).collect();
    assert_eq!(names, ["acknowledge", "assess", "disclose"]);
    assert_eq!(clocks[0]["starts"], "2027-01-08T17:00:00Z");
    assert_eq!(clocks[0]["deadline"], "2027-01-10T17:00:00Z");
    assert_eq!(clocks[0]["state"], "broken");
    let rung = &clocks[0]["rungs"][0];
    assert_eq!((&rung["at"], &rung["to"]), (&"2027-01-09T17:00:00Z".into(), &"team".into()));
    assert_eq!((&rung["people"], &rung["rung"], &rung["warns"]), (&json!(["Ada"]), &"-24h".into(), &true.into()));
    let last = clocks[0]["rungs"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["and_so_on"], &last["warns"]), (&"1d".into(), &false.into()));
    assert!(play["warnings"][0].as_str().unwrap().starts_with("acknowledge: "), "{play}");
    let events = desk.json(&with(&["--severity", "high", "--event", "public@2027-02-01T12:00:00Z"]));
    assert_eq!(events["severity"], "high");
    assert_eq!(events["events"], json!([{ "at": "2027-02-01T12:00:00Z", "event": "public" }]));
    assert_eq!(events["clocks"][2]["state"], "kept");
    assert_eq!(events["clocks"][2]["over"], "2027-02-01T12:00:00Z");
}

#[test]
fn the_picture_is_well_formed_and_stands_alone() {
    let desk = Desk::new();
    let config = fs::read_to_string(desk.path().join("config.toml")).unwrap();
    desk.write("config.toml", &config.replace("\"Ada\"", "\"Ada <&> \\\"x\\\"\""));
    let said = desk.ok(&with(&["--event", "accepted@+3d", "--svg", "play.svg"]));
    assert!(said.ends_with("\nDrawn: play.svg\n"), "{said}");
    let svg = fs::read_to_string(desk.path().join("play.svg")).unwrap();
    let words = elements(&svg);
    for word in ["acknowledge", "assess", "disclose", "received", "accepted", "warning", "deadline"] {
        assert!(words.iter().any(|w| w == word), "{word}: {words:?}");
    }
    assert!(words.iter().any(|w| w == "due Sun 10 January 2027, 18:00 (Europe/Berlin, UTC+01:00)"), "{words:?}");
    assert_eq!(svg.matches("http").count(), 1, "the name of SVG itself alone");
    let (code, out, said) = desk.run(&with(&["--json", "--svg", "again.svg"]));
    assert_eq!(code, 0, "{said}");
    assert!(serde_json::from_str::<Value>(&out).is_ok() && desk.path().join("again.svg").exists());
    desk.fails(1, &with(&["--svg", "no/such/folder.svg"]), "no/such/folder.svg");
}

#[test]
fn faulty_arguments_are_told_with_what_to_write() {
    let desk = Desk::new();
    let check = |arguments: &[&str], expect: &str| desk.fails(2, &[&["simulate"], arguments].concat(), expect);
    check(&["--at", "friday"], "write \"2027-01-08 18:00\" (Europe/Berlin) or 2027-01-08T17:00:00Z");
    check(&["--severity", "grave"], "write one of low, medium, high, critical");
    check(&["--event", "accepted"], "write accepted@+3d");
    check(&["--event", "acepted@+3d"], "\"acepted\" is no event: write one of acknowledged");
    check(&["--event", "received@+3d"], "--at");
    check(&["--event", "accepted@+3"], "the unit is missing");
    check(&["--event", "accepted@2020-01-01"], "before the report");
    check(&["--event", "accepted@+3d", "--days", "2"], "raise --days");
    check(&["--event", "accepted@+2y"], "write an earlier one");
    check(&["--days", "0"], "0 is not in 1..=400");
    check(&["--days", "401"], "401 is not in 1..=400");
    check(&["--config", "none.toml"], "none.toml");
}

/// A small reader of XML, which knows what the picture is made of: every element ends, every attribute is quoted, no
/// bare sign is left. Gives the texts.
fn elements(svg: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    let mut rest = svg.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration").trim_start();
    while let Some((text, tag)) = rest.split_once('<') {
        for entity in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|e| entity.starts_with(e));
            assert!(known, "{text}");
        }
        assert!(!text.contains('>'), "{text}");
        texts.extend(Some(text.trim().to_owned()).filter(|t| !t.is_empty()));
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
        let outside: String = attributes.split('"').step_by(2).collect();
        assert!(outside.chars().all(|c| c.is_ascii_alphanumeric() || " =-:".contains(c)), "{tag}");
        if !empty {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    texts
}
