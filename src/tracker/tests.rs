//! What no transcript can play: batches, and errors between two steps.

mod hostile;
mod lost;
mod trouble;

use super::*;
use crate::config::{Config, EXAMPLE as CONFIG};
use crate::notice::Notice;
use crate::ticket::EntryKind;
use crate::token::KEY_LENGTH;

fn now() -> Timestamp {
    "2027-01-04T10:00:00Z".parse().unwrap()
}

fn project(more: &str) -> Project {
    Config::parse(&format!("{CONFIG}{more}"), std::path::Path::new("config.toml")).unwrap().project()
}

fn tracker() -> Tracker {
    Tracker::new(Store::in_memory().unwrap(), project(""), Key::new([7; KEY_LENGTH]), None, now()).unwrap()
}

fn arrival(raw: &str) -> Arrival {
    let raw = raw.as_bytes().to_vec();
    Arrival {
        size: raw.len() as u64,
        raw,
        internal_date: None,
        not_before: None,
        place: None,
        listing: std::sync::Arc::default(),
    }
}

#[test]
fn two_copies_that_are_found_at_once_are_one_report() {
    let mut tracker = tracker();
    let listing = vec!["1".to_owned(), "2".to_owned()];
    let (source, new) = tracker.unseen("folder", &listing).unwrap();
    let arrivals: Vec<Arrival> = new
        .iter()
        .map(|name| Arrival {
            place: Some(Place { source, name: name.clone() }),
            listing: std::sync::Arc::new(listing.clone()),
            ..arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")
        })
        .collect();
    let news = tracker.on_mail(&arrivals, now()).unwrap();
    let mut found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
    found.sort_unstable();
    assert_eq!(found, ["duplicate", "report"]);
    assert_eq!(news.notices.iter().filter(|p| p.notice.kind() == NoticeKind::Acknowledgement).count(), 1);
}

#[test]
fn mails_that_differ_in_their_text_are_two_reports() {
    let check = |one: &str, other: &str| {
        let mut tracker = tracker();
        let news = tracker.on_mail(&[arrival(one), arrival(other)], now()).unwrap();
        let found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
        assert_eq!(found, ["report", "report"], "{one:?}");
    };
    let head = "From: r@example.test\nSubject: s\n";
    check(&format!("{head}\none\r\n\r\nbye"), &format!("{head}\nother\r\n\r\nbye"));
    check(&format!("{head}no empty line: one\n\nbye"), &format!("{head}no empty line: other\n\nbye"));
    check(&format!("{head}Not a field\n\nbye"), &format!("{head}Neither a field\n\nbye"));
    let cr = head.replace('\n', "\r");
    check(&format!("{cr}\rone"), &format!("{cr}\rother"));
}

/// Each reminder until the deadline is over, as (subject, recipient's part before the at).
fn reminders(tracker: &mut Tracker, until: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(at) = tracker.next_wake(false).unwrap().filter(|at| *at <= until) {
        let (news, _) = tracker.on_tick(at).unwrap();
        said.extend(news.notices.into_iter().map(|p| p.words.subject));
    }
    said
}

const LADDER: &str =
    "[policy]\n[[policy.promise]]\nname = \"acknowledge\"\nuntil = \"acknowledged\"\nwithin = \"48h\"\n";

fn rungs(at: &[&str]) -> Project {
    let rung = |at: &&str| format!("[[policy.rung]]\nat = \"{at}\"\nto = \"team\"\n");
    project(&format!("{LADDER}{}", at.iter().map(rung).collect::<String>()))
}

#[test]
fn a_rung_that_moves_up_the_ladder_still_speaks() {
    let mut tracker = tracker();
    tracker.reload(rungs(&["-24h", "-4h", "due"]), None, now()).unwrap();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let hours = |h| now() + SignedDuration::from_hours(h);
    assert_eq!(reminders(&mut tracker, hours(30)), ["[SEC-1] acknowledge: 24 hours left"]);
    // What was rung 1 is rung 0 now.
    tracker.reload(rungs(&["-4h", "due"]), None, hours(31)).unwrap();
    // Four hours before is quiet time here, and it warns before that.
    assert_eq!(reminders(&mut tracker, hours(47)), ["[SEC-1] acknowledge: 17 hours left"]);
}

#[test]
fn projections_follow_the_policy_of_whoever_reads_them() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    // Its number of entries changes: what moved there and back is written down.
    let deadlines = |tracker: &mut Tracker| {
        let all = tracker.store.read(|tx| tx.projections()).unwrap();
        all.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let ours = deadlines(&mut tracker);
    // `disclosed do` with a config that the daemon has not read.
    let other = rungs(&["-1h"]);
    tracker.store.write(|tx| tx.set_memo(Memo::Policy, "of another process").and(tx.rebuild(&other, |_| ()))).unwrap();
    assert_ne!(deadlines(&mut tracker), ours);
    tracker.on_tick(now()).unwrap();
    assert_eq!(deadlines(&mut tracker), ours);
}

/// What undo and audit go by: which entries belong together, and that no others do.
#[test]
fn each_entry_names_the_order_that_made_it() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let mut order = |lines: &str| {
        tracker.order(TicketId(1), crate::command::split(lines), now()).unwrap();
    };
    order("/accept\n/severity high\n\nWe work on it.");
    order("/frobnicate");
    order("/close fixed");
    let entries = tracker.store.read(|tx| tx.entries(TicketId(1))).unwrap();
    let orders: Vec<(u32, Option<u32>)> = entries.iter().map(|e| (e.seq, e.order)).collect();
    // The report and its acknowledgement; valid, accepted, high and the note; closed.
    let (first, second) = (Some(3), Some(7));
    assert_eq!(orders, [(1, None), (2, None), (3, first), (4, first), (5, first), (6, first), (7, second)]);
}

#[test]
fn a_stale_wake_is_mended_by_the_look_that_it_causes() {
    let mut tracker = tracker();
    tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let next = tracker.next_wake(false).unwrap().unwrap();
    let at = next - SignedDuration::from_mins(10);
    let all = |wake: Timestamp| move |tx: &Tx<'_>| tx.postpone(TicketId(1), Timestamp::MAX, wake);
    tracker.store.write(all(at)).unwrap();
    tracker.on_tick(at).unwrap();
    assert_eq!(tracker.next_wake(false).unwrap(), Some(next), "not an hour later");
}

/// Changes a database beside its tracker.
fn tamper(folder: &tempfile::TempDir, sql: &str) {
    rusqlite::Connection::open(folder.path().join("db")).unwrap().execute_batch(sql).unwrap();
}

/// A tracker with two tickets, whose database was changed by this SQL.
fn on_disk(sql: &str) -> (tempfile::TempDir, Tracker) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = Tracker::new(Store::open(&path).unwrap(), project(""), key, None, now()).unwrap();
    let mail = |n: u8| arrival(&format!("From: r{n}@example.test\r\nSubject: s\r\n\r\ntext\r\n"));
    tracker.on_mail(&[mail(1), mail(2)], now()).unwrap();
    tamper(&folder, sql);
    (folder, tracker)
}

#[test]
fn a_timeline_that_cannot_be_read_does_not_silence_the_others() {
    let (_folder, mut tracker) = on_disk("UPDATE entry SET kind = '{\"kind\":\"from-the-future\"}' WHERE ticket = 1");
    let (news, _) = tracker.on_tick(now() + SignedDuration::from_hours(47)).unwrap();
    let kinds: Vec<_> = news.notices.iter().map(|p| (p.notice.kind(), p.notice.ticket())).collect();
    assert!(kinds.contains(&(NoticeKind::Reminder, Some(TicketId(2)))), "{kinds:?}");
    assert!(kinds.contains(&(NoticeKind::Trouble, None)), "{kinds:?}");
}

#[test]
fn a_mail_that_cannot_be_handled_is_put_aside_and_the_next_is_taken() {
    let sql = "DELETE FROM receipt; UPDATE mail SET state = 'stored', attempts = 1, fingerprint = NULL; \
               UPDATE raw SET bytes = x'ffff' WHERE mail = 1;";
    let (_folder, mut tracker) = on_disk(sql);
    let news = tracker.resume(now()).unwrap();
    let found: Vec<_> = news.receipts.iter().map(|(_, disposition, ..)| disposition.word()).collect();
    assert_eq!(found, ["quarantined", "report"]);
}

#[test]
fn a_full_disk_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let open = |pages: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        let store = Store::with(connection).unwrap();
        Tracker::new(store, project(""), Key::new([7; KEY_LENGTH]), None, now()).unwrap()
    };
    // What does not compress, so that the disk fills in the middle of the mails.
    let noise = |n: u64| {
        let mut x = n + 1;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((x >> 33) % 90).unwrap())
        };
        (0..20_000).map(|i| if i % 70 == 0 { '\n' } else { next() }).collect::<String>()
    };
    let mails: Vec<Arrival> = (0..20)
        .map(|n| arrival(&format!("From: r{n}@example.test\r\nSubject: s{n}\r\n\r\n{}\r\n", noise(n))))
        .collect();

    let mut tracker = open(120);
    let taken = mails.iter().take_while(|m| tracker.on_mail(std::slice::from_ref(m), now()).is_ok()).count();
    assert!((1..20).contains(&taken), "the disk was to fill in between, not after {taken}");
    drop(tracker);

    // The mails still lie in the inbox: with room, all of them are offered again.
    let mut tracker = open(1_000_000);
    tracker.recover(now()).unwrap();
    tracker.on_mail(&mails, now()).unwrap();
    let (tickets, receipts) = tracker.store().read(|tx| Ok((tx.tickets(true)?, tx.receipts()?))).unwrap();
    assert_eq!((tickets.len(), receipts.len()), (20, 20));
}

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
    let later = "SEC-1 assess: Sun 4 April 2027, 09:00 -> Sun 4 April 2027, 10:00 (later)";
    assert!(policy_mails(&news)[0].contains(later));
    let all = ["assess: 11 Jan 10:00 to 4 Apr 09:00", "assess: 4 Apr 09:00 to 4 Apr 10:00"];
    assert_eq!(rederived(&mut tracker, 1), all);
    assert_eq!(rederived(&mut tracker, 2), all);

    // What the change alone has made overdue comes first, and is said to be; what was overdue before is not new.
    let both = format!("{}{}", promise("fix", "fix-released", "30d"), promise("assess", "assessed", "1h"));
    let news = tracker.reload(policy(&both), None, hours(3)).unwrap();
    let body = policy_mails(&news)[0];
    let lines: Vec<&str> = body.lines().filter(|l| l.contains("SEC-")).collect();
    assert_eq!(news.moved, 4);
    assert!(lines[0].starts_with("  OVERDUE NOW: SEC-1 assess: ") && lines[0].ends_with("11:00 (earlier)"), "{body}");
    assert!(lines[1].starts_with("  OVERDUE NOW: SEC-2"), "{body}");
    assert_eq!(lines[2], "  SEC-1 fix: -> Wed 3 February 2027, 10:00 (new)");
    let gone = tracker.reload(policy(&promise("fix", "fix-released", "30d")), None, hours(4)).unwrap();
    assert!(policy_mails(&gone)[0].contains("SEC-2 assess: Mon 4 January 2027, 11:00 -> none (gone)"));
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
        .map(|n| arrival(&format!("From: r{n}@example.test\r\nSubject: s{n}\r\n\r\ntext {n}\r\n")))
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

/// A tracker with a ticket of r@example.test, and what a person of the project gets a notice about it with.
fn with_ticket(more: &str) -> (Tracker, String) {
    let key = Key::new([7; KEY_LENGTH]);
    let mut tracker = Tracker::new(Store::in_memory().unwrap(), project(more), key.clone(), None, now()).unwrap();
    let news = tracker.on_mail(&[arrival("From: r@example.test\r\nSubject: s\r\n\r\ntext\r\n")], now()).unwrap();
    let told = news.notices.iter().find(|p| p.notice.kind() == NoticeKind::Report).unwrap();
    let token = crate::token::Token {
        purpose: crate::token::Purpose::Person,
        party: crate::token::party(&told.notice.to),
        ticket: Some(TicketId(1)),
        notice: told.number,
    };
    (tracker, token.sign(&key))
}

/// A command of Ada's with a signature that is worth a look; whether it is good, the test says.
fn signed(token: &str, text: &str, more: &str) -> Arrival {
    let at = now().as_second();
    arrival(&format!(
        "{more}DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; \
         b=aGVsbG8=\r\nFrom: ada@example.org\r\nTo: security+{token}@example.org\r\nSubject: Re: s\r\n\
         Date: Mon, 4 Jan 2027 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n{text}\r\n"
    ))
}

fn pass() -> Dkim {
    Dkim::Pass { domain: "example.org".into(), selector: "s1".into(), print: 7 }
}

fn dispositions(news: &News) -> Vec<(&'static str, &str)> {
    news.receipts.iter().map(|(_, disposition, _, reason)| (disposition.word(), reason.as_str())).collect()
}

fn unverified(tracker: &mut Tracker) -> u32 {
    tracker.store.read(|tx| Ok(tx.unverified_mails()?.0)).unwrap()
}

#[test]
fn a_signed_command_is_obeyed_once_its_signature_is_checked() {
    let (mut tracker, token) = with_ticket("");
    let news = tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    assert!(news.receipts.is_empty() && news.notices.is_empty(), "stored, and not handled yet");
    assert_eq!(unverified(&mut tracker), 1);
    assert_eq!(tracker.next_wake(false).unwrap(), Some(now()));
    let (_, asked) = tracker.next_question(now()).unwrap();
    let (mail, question) = asked.unwrap();
    assert!(question.word && question.from.as_str() == "ada@example.org");
    assert_eq!(question.signatures[0].key_name(), "s1._domainkey.example.org");
    let news = tracker.verified(mail, pass(), now()).unwrap();
    assert_eq!(dispositions(&news), [("command", "commands of a maintainer")]);
    assert!(!news.entries.is_empty());
    assert_eq!(unverified(&mut tracker), 0);
    assert!(tracker.verified(mail, pass(), now()).unwrap().receipts.is_empty(), "once");
}

/// A list that breaks the sender's own signature is vouched for by its own, and never makes the sender believed.
#[test]
fn the_signature_of_the_operators_list_lets_the_acknowledgement_leave() {
    let mut project = project("");
    project.through = vec![crate::mail::passage::Way::List("security.lists.example.org".into())];
    let at = now().as_second();
    let mail = arrival(&format!(
        "DKIM-Signature: v=1; a=rsa-sha256; d=lists.example.org; s=s1; t={at}; h=from:to:subject:date; bh=YQ==; \
         b=aGVsbG8=\r\nList-Id: <security.lists.example.org>\r\nPrecedence: list\r\nFrom: ann@strict.example\r\n\
         To: security@lists.example.org\r\nSubject: s\r\nDate: Mon, 4 Jan 2027 10:00:00 +0000\r\n\r\ntext\r\n"
    ));
    for good in [true, false] {
        let mut tracker =
            Tracker::new(Store::in_memory().unwrap(), project.clone(), Key::new([7; KEY_LENGTH]), None, now()).unwrap();
        assert!(tracker.on_mail(std::slice::from_ref(&mail), now()).unwrap().receipts.is_empty());
        let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
        assert_eq!(question.signatures[0].key_name(), "s1._domainkey.lists.example.org");
        let pass = Dkim::Pass { domain: "lists.example.org".into(), selector: "s1".into(), print: 7 };
        let news = tracker.verified(mail, if good { pass } else { Dkim::Fail("changed".into()) }, now()).unwrap();
        let word = if good { "report" } else { "automatic" };
        assert_eq!(news.receipts[0].1.word(), word);
        let acknowledged = |n: &Notice| n.kind() == NoticeKind::Acknowledgement && n.held.is_none();
        assert_eq!(news.notices.iter().any(|p| acknowledged(&p.notice)), good);
    }
}

#[test]
fn a_signature_is_believed_for_one_mail_only() {
    let (mut tracker, token) = with_ticket("");
    let mut command = |mail: Arrival| {
        tracker.on_mail(&[mail], now()).unwrap();
        match tracker.next_question(now()).unwrap().1 {
            Some((mail, _)) => tracker.verified(mail, pass(), now()).unwrap(),
            None => News::default(),
        }
    };
    assert_eq!(dispositions(&command(signed(&token, "/valid", "")))[0].1, "commands of a maintainer");
    // The same mail by another way is a second copy, and nothing is asked.
    assert!(dispositions(&command(signed(&token, "/valid", "Received: by another way\r\n"))).is_empty());
    let mut again = signed(&token, "/valid", "");
    again.raw = String::from_utf8(again.raw).unwrap().replace("<1@", "<2@").into_bytes();
    let news = command(again);
    let (disposition, reason) = dispositions(&news)[0];
    assert_eq!(disposition, "command");
    assert!(reason.contains("not obeyed") && reason.contains("was used before"), "{reason}");
}

#[test]
fn a_command_waits_a_day_for_a_key_and_no_longer() {
    let (mut tracker, token) = with_ticket("");
    let later = |h: i64| now() + SignedDuration::from_hours(h);
    let silent = || Dkim::Temporary("the name servers gave no usable answer".into());
    tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    let mut at = now();
    let mut tries = 0;
    let mut told = Vec::new();
    let news = loop {
        let (_, question) = tracker.next_question(at).unwrap();
        let (mail, _) = question.expect("it is due when it was said to be");
        tries += 1;
        let news = tracker.verified(mail, silent(), at).unwrap();
        told.extend(news.notices.iter().map(|p| p.notice.kind()));
        if !news.receipts.is_empty() {
            break news;
        }
        assert_eq!(unverified(&mut tracker), 1);
        assert!(tracker.next_question(at).unwrap().1.is_none(), "not at once again");
        // Nothing else takes it, and no try is counted against it.
        assert!(tracker.recover(at).unwrap().receipts.is_empty() && tracker.resume(at).unwrap().receipts.is_empty());
        let wait = tracker.store.read(|tx| Ok(tx.waiting_mails(9)?.len())).unwrap();
        assert_eq!(wait, 0);
        at += SignedDuration::from_hours(1);
    };
    assert_eq!((at, tries), (later(24), 25));
    let (disposition, reason) = dispositions(&news)[0];
    assert_eq!(disposition, "command");
    assert!(reason.contains("not obeyed") && reason.contains("DKIM could not be checked"), "{reason}");
    assert!(told.contains(&NoticeKind::Trouble), "people hear of it while it waits: {told:?}");
    assert!(news.notices.iter().any(|p| p.notice.to.as_str() == "ada@example.org"), "she is told what failed");
}

#[test]
fn a_key_that_comes_late_is_in_time() {
    let (mut tracker, token) = with_ticket("");
    tracker.on_mail(&[signed(&token, "/valid", "")], now()).unwrap();
    let (mail, _) = tracker.next_question(now()).unwrap().1.unwrap();
    tracker.verified(mail, Dkim::Temporary("late".into()), now()).unwrap();
    let at = tracker.store.read(|tx| Ok(tx.unverified_mails()?.1)).unwrap().unwrap();
    assert_eq!(at, now() + SignedDuration::from_mins(5));
    let (mail, _) = tracker.next_question(at).unwrap().1.unwrap();
    assert_eq!(dispositions(&tracker.verified(mail, pass(), at).unwrap())[0].1, "commands of a maintainer");
}

#[test]
fn reports_do_not_wait_for_keys() {
    let (mut tracker, _) = with_ticket("[identity]\nacknowledge = \"believed\"\n");
    let report = |n: u8| {
        let mut mail = signed("x", "a report", "");
        mail.raw = String::from_utf8(mail.raw).unwrap().replace("ada@", &format!("r{n}@")).into_bytes();
        mail.size = mail.raw.len() as u64;
        mail
    };
    tracker.on_mail(&[report(1)], now()).unwrap();
    let (mail, question) = tracker.next_question(now()).unwrap().1.unwrap();
    assert!(!question.word);
    let news = tracker.verified(mail, Dkim::Temporary("no answer".into()), now()).unwrap();
    assert_eq!(dispositions(&news), [("report", "a new report")]);
    assert!(news.notices.iter().any(|p| p.notice.held.as_ref().is_some_and(|h| h.contains("no answer"))));
    // One whose check ends the daemon is handled without it after a few tries.
    tracker.on_mail(&[report(2)], now()).unwrap();
    let mut at = now();
    for _ in 0..3 {
        assert!(tracker.next_question(at).unwrap().1.is_some());
        at += SignedDuration::from_mins(1);
    }
    let (news, none) = tracker.next_question(at).unwrap();
    assert!(none.is_none());
    assert_eq!(dispositions(&news), [("report", "a new report")]);
}

/// Copies of one mail, of which some wait for keys: one acknowledgement, and one order, whichever comes when.
#[test]
fn copies_that_wait_for_keys_are_one_mail() {
    let of = |hop: &str, is_signed: bool| {
        let mut mail = signed("x", "a report", &format!("Received: from {hop}\r\n"));
        let text = String::from_utf8(mail.raw).unwrap().replace("ada@", "r@");
        let text = if is_signed { text } else { text.replace("DKIM-Signature", "X-Broken") };
        (mail.size, mail.raw) = (text.len() as u64, text.into_bytes());
        mail
    };
    let (a, b, c) = (of("a", true), of("b", false), of("c", true));
    let believed = "[identity]\nacknowledge = \"believed\"\n";
    let orders: [&[&[&Arrival]]; 5] =
        [&[&[&a, &b]], &[&[&b], &[&a]], &[&[&a], &[&b]], &[&[&a, &c]], &[&[&b], &[&c], &[&a]]];
    for order in orders {
        let mut tracker =
            Tracker::new(Store::in_memory().unwrap(), project(believed), Key::new([7; KEY_LENGTH]), None, now())
                .unwrap();
        for batch in order {
            tracker.on_mail(&batch.iter().map(|a| (*a).clone()).collect::<Vec<_>>(), now()).unwrap();
            while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
                tracker.verified(mail, pass(), now()).unwrap();
            }
        }
        let (tickets, mut notices) = tracker.store.read(|tx| Ok((tx.tickets(true)?, tx.notices(0)?))).unwrap();
        notices.retain(|n| n.kind == NoticeKind::Acknowledgement);
        assert_eq!((tickets.len(), notices.len(), notices[0].state), (1, 1, NoticeState::Waiting), "{order:?}");
    }
    // The list's copy cannot command, the direct one can, though it bears the same signature; once.
    let (mut tracker, token) = with_ticket("");
    let mut obeyed = 0;
    for more in ["List-Id: <l.example.org>\r\n", "", "Received: from elsewhere\r\n", "Received: from nowhere\r\n"] {
        tracker.on_mail(&[signed(&token, "/valid", more)], now()).unwrap();
        while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
            let news = tracker.verified(mail, pass(), now()).unwrap();
            obeyed += news.entries.iter().filter(|(_, e)| matches!(e.kind, EntryKind::Status { .. })).count();
        }
    }
    assert_eq!(obeyed, 1);
}

#[test]
fn nothing_is_asked_where_it_would_change_nothing() {
    let asked = |more: &str, change: &dyn Fn(String) -> String| {
        let (mut tracker, token) = with_ticket(more);
        let mut mail = signed(&token, "/valid", "");
        mail.raw = change(String::from_utf8(mail.raw).unwrap()).into_bytes();
        mail.size = mail.raw.len() as u64;
        tracker.on_mail(&[mail], now()).unwrap();
        unverified(&mut tracker) > 0
    };
    let same = |raw: String| raw;
    let ids = "[identity]\nauthserv_ids = [\"mx.example.org\"]\n";
    let results = |word: &'static str| {
        move |raw: String| {
            format!("Authentication-Results: mx.example.org; dmarc={word} header.from=example.org\r\n{raw}")
        }
    };
    assert!(asked("", &same));
    assert!(asked(ids, &same));
    assert!(!asked("[identity]\ndkim = false\n", &same), "it is switched off");
    assert!(!asked(ids, &results("pass")), "our own server vouches");
    assert!(!asked(ids, &results("fail")), "our own server calls it forged");
    assert!(asked(ids, &results("none")));
    assert!(!asked("", &|raw| raw.replace("From: ada@example.org", "From: r@example.org")), "a report of anybody");
    assert!(!asked("", &|raw| format!("Auto-Submitted: auto-replied\r\n{raw}")), "a program");
    assert!(!asked("", &|raw| raw.replace("d=example.org", "d=evil.test")), "another domain's signature");
    let refers = |raw: String| {
        raw.replace("From: ada@example.org", "From: r@example.org")
            .replace("Message-ID", "In-Reply-To: <a@b>\r\nMessage-ID")
    };
    assert!(asked("", &refers), "it may be the reporter of a ticket");
}

/// Every way to be a little less than believed, in all combinations: exactly those are obeyed that keep all rules.
#[test]
fn only_who_keeps_all_rules_is_obeyed() {
    const BOB: &str =
        "[identity]\nauthserv_ids = [\"mx.example.org\"]\n[[person]]\nname = \"Bob\"\naddress = \"bob@example.org\"\n";
    let (mut tracker, hers) = with_ticket(BOB);
    let read = |token: &str| crate::token::Token::verify(token, &Key::new([7; KEY_LENGTH])).unwrap();
    let of = |change: &dyn Fn(&mut crate::token::Token), key: u8| {
        let mut token = read(&hers);
        change(&mut token);
        format!("+{}", token.sign(&Key::new([key; KEY_LENGTH])))
    };
    let bob = crate::vocabulary::Address::parse("bob@example.org").unwrap();
    let tokens = [
        (format!("+{hers}"), true),
        (format!("+{}", hers.to_uppercase()), true),
        (String::new(), false),
        (of(&|t| t.party = crate::token::party(&bob), 7), false),
        (of(&|t| t.purpose = crate::token::Purpose::Reporter, 7), false),
        (of(&|t| t.ticket = Some(TicketId(9)), 7), false),
        (of(&|_| (), 8), false),
    ];
    let senders = [
        ("From: ada@example.org", true),
        ("From: \"Bob\" <Ada@Example.org>", true),
        ("From: ada@example.org\r\nFrom: ada@example.org", false),
        ("From : ada@example.org", false),
        ("From: team: ada@example.org;", false),
        ("From: ada@example.org <x@evil.test>", false),
        ("From: ada@example.org.evil.test", false),
    ];
    let line = |id: &str, word: &str| format!("Authentication-Results: {id}; dmarc={word} header.from=example.org\r\n");
    const OURS: &str = "mx.example.org";
    let received = "Received: from x by mx.example.org with ESMTPS; date\r\n";
    // What our server says: whether it vouches, and whether it calls the sender forged.
    let results = [
        (received.to_owned(), false, false),
        (line(OURS, "pass") + received, true, false),
        (line(OURS, "fail") + received, false, true),
        (line(OURS, "none") + received, false, false),
        (received.to_owned() + &line(OURS, "pass"), false, false),
        (line(OURS, "pass") + &line(OURS, "pass") + received, false, false),
        (line("mx.evil.test", "pass") + received, false, false),
        (line(OURS, "none smtp.mailfrom=\"x; dmarc=pass header.from=example.org\"") + received, false, false),
    ];
    let other = Dkim::Pass { domain: "evil.test".into(), selector: "s".into(), print: 8 };
    let signatures = [
        (pass(), true),
        (other, false),
        (Dkim::Unasked, false),
        (Dkim::None, false),
        (Dkim::Fail("changed".into()), false),
        (Dkim::Temporary("late".into()), false),
    ];
    let kinds = [("", true), ("Auto-Submitted: auto-replied\r\n", false), ("List-Id: <l.example.org>\r\n", false)];
    let (mut obeyed, mut all) = (0, 0);
    for (sender, one) in &senders {
        for (results, vouched, forged) in &results {
            for (token, mine) in &tokens {
                for (kind, by_person) in &kinds {
                    let raw = format!(
                        "{results}{kind}{sender}\r\nTo: security{token}@example.org\r\nSubject: s\r\n\
                         Message-ID: <1@x>\r\n\r\n/valid\r\n"
                    );
                    for (dkim, signed) in &signatures {
                        let tried = tracker.try_mail(raw.as_bytes(), dkim.clone(), now()).unwrap();
                        // Without a ticket there is nothing to do, and the person is told so.
                        let ordered = matches!(&tried.intake.event, Some(Event::Ordered(_)));
                        let got = ordered && tried.intake.ticket == Some(TicketId(1));
                        let expect = *one && *mine && *by_person && (*vouched || *signed && !forged);
                        assert_eq!(got, expect, "{raw}\n{dkim:?}: {}", tried.intake.reason);
                        obeyed += u32::from(got);
                        all += 1;
                    }
                }
            }
        }
    }
    // Two senders, two spellings of the token; our server vouches, or a signature does where it does not call it forged.
    assert_eq!((all, obeyed), (7 * 8 * 7 * 3 * 6, 2 * 2 * (6 + 6)));
}
