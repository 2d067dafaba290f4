//! Long lists: a page for a person, with the way to the one before it; all of it for a program.

use std::fs;

use serde_json::Value;

use crate::desk::Desk;

/// More than two pages.
const MAILS: usize = 205;

/// A desk to which a person has handed so many reports.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path().join("mails")).unwrap();
    for n in 1..=MAILS {
        let mail = format!(
            "From: r{n}@example.test\r\nTo: security@example.org\r\nMessage-ID: <{n}@example.test>\r\n\
             Subject: report {n}\r\n\r\nIt fails in place {n}.\r\n"
        );
        desk.write(&format!("mails/{n}.eml"), &mail);
    }
    desk.ok(&["ingest", "mails"]);
    desk
}

/// The numbers of the rows of a page.
fn numbers(text: &str) -> Vec<usize> {
    let number = |line: &str| line.strip_prefix("SEC-").unwrap_or(line).split(' ').next()?.parse().ok();
    text.lines().filter_map(number).collect()
}

#[test]
fn the_pages_of_a_list_lead_to_all_of_it_and_a_program_gets_all_at_once() {
    let desk = desk();
    for (words, list) in [
        (&["list"][..], "tickets"),
        (&["list", "--open"], "tickets"),
        (&["inbox"], "receipts"),
        (&["outbox"], "notices"),
    ] {
        let rows = desk.json(words)[list].as_array().unwrap().clone();
        let number = |row: &Value| match row["id"].as_str() {
            Some(id) => id.strip_prefix("SEC-").unwrap().parse().unwrap(),
            None => usize::try_from(row["number"].as_u64().unwrap()).unwrap(),
        };
        let all: Vec<usize> = rows.iter().map(number).collect();
        assert!(all.len() >= MAILS && all.is_sorted() && all.first() == Some(&1), "{words:?}: {all:?}");

        let (mut seen, mut asked) = (Vec::new(), words.iter().map(ToString::to_string).collect::<Vec<_>>());
        loop {
            let page = desk.ok(&asked.iter().map(String::as_str).collect::<Vec<_>>());
            let shown = numbers(&page);
            assert!(shown.is_sorted() && shown.len() <= 100, "{asked:?}: {shown:?}");
            seen.splice(0..0, shown);
            let Some((_, way)) = page.split_once("Older ones: `disclosed ") else { break };
            asked = way.split_once('`').unwrap().0.split(' ').map(str::to_owned).collect();
        }
        assert_eq!(seen, all, "{words:?}");
        assert_eq!(numbers(&desk.ok(&[words, &["--all"]].concat())), all, "{words:?}");
    }
    assert_eq!(desk.ok(&["list", "--before", "SEC-1"]), "Nothing comes before it.\n");
    desk.fails(2, &["list", "--before", "yesterday"], "\"yesterday\" is no number of this list");
    desk.fails(2, &["outbox", "--before", "7", "--json"], "cannot be used with");
}

#[test]
fn status_lists_the_first_and_for_a_program_all() {
    let desk = desk();
    // All promises to answer are broken then, and a ticket that is closed needs nobody.
    desk.ok(&["do", "100", "/spam"]);
    desk.run(&["run", "--once", "--now", "2099-01-05T10:00:00Z"]);
    let (code, text, _) = desk.run(&["status"]);
    let shown = text.lines().filter(|line| line.contains("`disclosed show SEC-")).count();
    assert_eq!((code, shown), (3, 20), "{text}");
    assert!(
        text.contains(&format!("… and {} more with a broken promise: `disclosed status --json`", MAILS - 21)),
        "{text}"
    );
    let status = desk.json(&["status"]);
    assert_eq!(status["broken"].as_array().unwrap().len(), MAILS - 1);
    assert!(status["broken"].as_array().unwrap().iter().all(|t| t["ticket"] != "SEC-100"));
    // A domain has 20 acknowledgements an hour.
    assert_eq!(status["holds"].as_array().unwrap().len(), MAILS - 21);
    assert!(text.contains(&format!("… and {} more that are held", MAILS - 41)), "{text}");
}
