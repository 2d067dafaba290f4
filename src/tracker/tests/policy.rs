//! A policy that changes under open tickets.

use super::*;

fn policy(promises: &str) -> Project {
    project(&format!("[policy]\n{promises}"))
}

fn promise(name: &str, until: &str, within: &str) -> String {
    format!("[[policy.promise]]\nname = {name:?}\nuntil = {until:?}\nwithin = {within:?}\n")
}

fn policy_mails(news: &News) -> Vec<&str> {
    let told = news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Policy);
    told.map(|p| p.words.body.as_str()).collect()
}

fn rederived(tracker: &mut Tracker, ticket: u32) -> Vec<String> {
    let entries = tracker.store.read(|tx| tx.entries(TicketId(ticket))).unwrap();
    let shown = |at: Option<Timestamp>| at.map_or("none".to_owned(), |at| at.strftime("%-d %b %H:%M").to_string());
    let each = entries.into_iter().filter_map(|e| {
        let EntryKind::Rederived { promise, from, to } = e.kind else { return None };
        Some(format!("{promise}: {} to {}", shown(from), shown(to)))
    });
    each.collect()
}

#[test]
fn a_policy_that_changes_says_what_it_moves() {
    let reports = |n: u8| arrival(&format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext\r\n"));
    let mut tracker = tracker();
    tracker.reload(policy(&promise("assess", "assessed", "7d")), None, now()).unwrap();
    tracker.on_mail(&[reports(1), reports(2)], now()).unwrap();
    let hours = |h: i64| now() + SignedDuration::from_hours(h);

    // The zone: 7 days end at the same local time, which the change of the clocks moves by an hour.
    let zone =
        |zone: &str, within: &str| policy(&format!("timezone = {zone:?}\n{}", promise("assess", "assessed", within)));
    let news = tracker.reload(zone("Europe/Berlin", "90d"), None, hours(1)).unwrap();
    assert_eq!((news.moved, policy_mails(&news).len()), (2, 1), "one mail for all");
    let news = tracker.reload(zone("UTC", "90d"), None, hours(2)).unwrap();
    assert_eq!(news.moved, 2);
    let later = "SEC-1 assess: Sun 4 Apr 2027, 09:00 -> Sun 4 Apr 2027, 10:00 (later)";
    assert!(policy_mails(&news)[0].contains(later));
    let all = ["assess: 11 Jan 10:00 to 4 Apr 09:00", "assess: 4 Apr 09:00 to 4 Apr 10:00"];
    assert_eq!(rederived(&mut tracker, 1), all);
    assert_eq!(rederived(&mut tracker, 2), all);

    // What the change alone has made overdue comes first, and is said to be; what was overdue before is not new.
    let both = format!("{}{}", promise("fix", "fix-released", "30d"), promise("assess", "assessed", "1h"));
    let news = tracker.reload(policy(&both), None, hours(3)).unwrap();
    let body = policy_mails(&news)[0];
    let body = body.replace("\n    ", " ");
    let lines: Vec<&str> = body.lines().filter(|l| l.contains("SEC-")).collect();
    assert_eq!(news.moved, 4);
    assert!(lines[0].starts_with("  OVERDUE NOW: SEC-1 assess: ") && lines[0].ends_with("11:00 (earlier)"), "{body}");
    assert!(lines[1].starts_with("  OVERDUE NOW: SEC-2"), "{body}");
    assert_eq!(lines[2], "  SEC-1 fix: -> Wed 3 Feb 2027, 10:00 (new)");
    let gone = tracker.reload(policy(&promise("fix", "fix-released", "30d")), None, hours(4)).unwrap();
    assert!(policy_mails(&gone)[0].contains("SEC-2 assess: Mon 4 Jan 2027, 11:00 -> none (gone)"));
    assert_eq!(rederived(&mut tracker, 2).last().map(String::as_str), Some("assess: 4 Jan 11:00 to none"));

    // A rebuild makes the same of it, and the same policy again says nothing.
    let before = tracker.store.read(|tx| tx.projections()).unwrap();
    tracker.rebuild(|_| ()).unwrap();
    assert_eq!(tracker.store.read(|tx| tx.projections()).unwrap(), before);
    let same = tracker.reload(policy(&promise("fix", "fix-released", "30d")), None, hours(5)).unwrap();
    assert!(same.moved == 0 && same.notices.is_empty());
}

#[test]
fn what_ran_and_has_nothing_more_to_say_is_not_new() {
    // Past the deadline, with all of the ladder spoken, no look is needed; the promise runs all the same.
    let quiet = |within: &str| {
        policy(&format!("{}rungs = [{{ at = \"50%\", to = \"team\" }}]\n", promise("assess", "assessed", within)))
    };
    let mut tracker = tracker();
    tracker.reload(quiet("1d"), None, now()).unwrap();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    tracker.on_tick(now() + SignedDuration::from_hours(30)).unwrap();
    assert_eq!(tracker.next_wake(false).unwrap(), None);
    let news = tracker.reload(quiet("1d"), None, now()).unwrap();
    assert_eq!(news.moved, 0);
    let news = tracker.reload(quiet("10d"), None, now()).unwrap();
    assert_eq!(rederived(&mut tracker, 1), ["assess: 5 Jan 10:00 to 14 Jan 10:00"]);
    assert_eq!(news.moved, 1);
}

#[test]
fn a_first_start_says_nothing_and_a_later_one_tells_of_the_new_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let start = |project: Project| {
        let mut tracker =
            Tracker::new(Store::open(&path).unwrap(), project, Key::new([7; KEY_LENGTH]), None, now()).unwrap();
        let news = tracker.recover(now()).unwrap();
        (tracker, news)
    };
    let (mut tracker, news) = start(policy(&promise("assess", "assessed", "7d")));
    assert!(news.moved == 0 && news.notices.is_empty());
    let mails: Vec<Arrival> = (0..=team_lines() + 5)
        .map(|n| format!("From: r{n}@example.test\r\nSubject: s{n}\r\n\r\ntext {n}\r\n"))
        // Handed over, so that they count as no flood.
        .map(|raw| Arrival { place: None, ..arrival(&raw) })
        .collect();
    tracker.on_mail(&mails, now()).unwrap();
    drop(tracker);
    let (mut tracker, news) = start(policy(&promise("assess", "assessed", "8d")));
    assert_eq!(news.moved, mails.len(), "the start tells it");
    assert_eq!(policy_mails(&news).len(), 1);
    let news = tracker.reload(policy(&promise("assess", "assessed", "9d")), None, now()).unwrap();
    let body = policy_mails(&news)[0];
    assert_eq!(body.lines().filter(|l| l.contains("SEC-")).count(), team_lines());
    assert!(body.contains("… and 6 more"), "{body}");
    assert!(news.entries.is_empty(), "no line of the log for each of so many");
}

fn team_lines() -> usize {
    crate::notice::text::policy::POLICY_LINES
}

#[test]
fn who_sleeps_when_is_part_of_what_wakes() {
    let people = |more: &str| {
        let text = CONFIG.replace("address = \"ada@example.org\"", &format!("address = \"ada@example.org\"\n{more}"));
        Config::parse(&text, std::path::Path::new("config.toml")).unwrap().project()
    };
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let wake = |tracker: &mut Tracker| tracker.next_wake(false).unwrap().unwrap().to_string();
    assert_eq!(wake(&mut tracker), "2027-01-05T10:00:00Z");
    let news = tracker.reload(people("timezone = \"Pacific/Auckland\""), None, now()).unwrap();
    assert_eq!((news.moved, news.notices.len()), (0, 0), "no deadline depends on it");
    // 23:00 in Auckland: the evening before.
    assert_eq!(wake(&mut tracker), "2027-01-05T04:00:00Z");
    tracker.reload(people(""), None, now()).unwrap();
    assert_eq!(wake(&mut tracker), "2027-01-05T10:00:00Z");
}
