//! By which way SQLite finds what is asked often.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::*;
use crate::mail::signature::Share;
use crate::vocabulary::Role;

/// What is asked once a mail, once a tick or once a notice costs the same in a database of any size: its statements
/// find their rows by the indexes that stand here beside its name. They walk no table that grows. Where it says SCAN,
/// what is walked holds only what waits or is open, or a row or two.
#[test]
fn what_is_asked_often_is_found_by_an_index() {
    type Ask = fn(&Tx<'_>) -> Result<()>;
    const NUMBER: &str = "INTEGER PRIMARY KEY (rowid=?)";
    let often: &[(&str, Ask, &[&str])] = &[
        // Once a mail.
        ("source", |tx| tx.source("folder").map(drop), &["sqlite_autoindex_source_1 (name=?)"]),
        ("unseen", |tx| tx.unseen(1, &["2".into()]).map(drop), &["PRIMARY KEY (source=? AND name>? AND name<?)"]),
        ("places", |tx| tx.places(1, MAIL).map(drop), &["place_mail (mail=? AND source=?)"]),
        ("known", |tx| tx.known(b"raw").map(drop), &["mail_hash (hash=?)"]),
        ("store_mail", |tx| tx.store_mail(&mail(b"raw", None), at(1)).map(drop), &["mail_hash (hash=?)"]),
        ("raw", |tx| tx.raw(MAIL).map(drop), &["sqlite_autoindex_raw_1 (mail=?)"]),
        ("facts", |tx| tx.facts(MAIL).map(drop), &[NUMBER]),
        (
            "waiting_mails",
            |tx| tx.waiting_mails(9).map(drop),
            &["SCAN mail USING INDEX mail_waiting", "USING ROWID SEARCH ON TABLE unverified"],
        ),
        ("is_waiting", |tx| tx.is_waiting(MAIL).map(drop), &[NUMBER]),
        ("done", |tx| tx.done(MAIL, PRINT), &[NUMBER]),
        ("count_try", |tx| tx.count_try(MAIL), &[NUMBER]),
        (
            "is_earlier",
            |tx| tx.is_earlier(MAIL).map(drop),
            &["place_mail (mail=?)", "PRIMARY KEY (source=? AND name=?)"],
        ),
        ("earlier_receipt", |tx| tx.earlier_receipt(MAIL).map(drop), &["receipt_earlier (mail=?)"]),
        ("is_moved", |tx| tx.is_moved(MAIL, 1).map(drop), &["place_mail (mail=?)", NUMBER]),
        (
            "promote",
            |tx| tx.promote(MAIL, at(1)).map(drop),
            &["place_mail (mail=?)", "PRIMARY KEY (source=? AND name=?)", NUMBER],
        ),
        ("folder", |tx| tx.folder("folder").map(drop), &["PRIMARY KEY (name=?)"]),
        ("set_folder", |tx| tx.set_folder("folder", &Known { source: 1, uidnext: None, doubted: None }), &[]),
        ("witnesses", |tx| tx.witnesses(1).map(drop), &["PRIMARY KEY (source=?)"]),
        (
            "add_witnesses",
            |tx| tx.add_witnesses(1, &[Witness::new(2, None, None)]),
            &["PRIMARY KEY (source=? AND uid<?)", "PRIMARY KEY (source=?)"],
        ),
        ("set_role", |tx| tx.set_role(1, Role::Sent), &[NUMBER]),
        ("role_of", |tx| tx.role_of(MAIL).map(drop), &["place_mail (mail=?)", NUMBER]),
        ("at_place", |tx| tx.at_place(1, "2").map(drop), &["PRIMARY KEY (source=? AND name=?)"]),
        ("with_id", |tx| tx.with_id(&message_id()).map(drop), &["receipt_message (message_hash=?)", NUMBER]),
        (
            "add_place",
            |tx| tx.add_place(&Place { source: 1, name: "2".into() }, MAIL),
            &["PRIMARY KEY (source=? AND name=?)"],
        ),
        ("strike", |tx| tx.strike(1, &["2".into()], 1, at(1)), &[]),
        ("struck", |tx| tx.struck(1).map(drop), &["PRIMARY KEY (source=?)"]),
        ("forget_strike", |tx| tx.forget_strike(1, "2"), &["PRIMARY KEY (source=? AND name=?)"]),
        ("put_off", |tx| tx.put_off(MAIL, Share::Named, at(1)), &[]),
        ("unverified", |tx| tx.unverified(at(9)).map(drop), &["SCAN u", NUMBER]),
        ("still_unverified", |tx| tx.still_unverified(MAIL).map(drop), &[NUMBER]),
        ("try_unverified", |tx| tx.try_unverified(MAIL, at(9)), &[NUMBER]),
        ("no_longer_unverified", |tx| tx.no_longer_unverified(MAIL), &[NUMBER]),
        ("unverified_mails", |tx| tx.unverified_mails().map(drop), &["SCAN unverified"]),
        ("request", |tx| tx.request(1).map(drop), &[NUMBER]),
        ("end_request", |tx| tx.end_request(1), &[NUMBER]),
        ("spend", |tx| tx.spend(&[PRINT], MAIL, at(1)), &[]),
        ("is_spent", |tx| tx.is_spent(&[PRINT], MailRef(2), &[]).map(drop), &["PRIMARY KEY (print=?)", NUMBER]),
        (
            "same_mail",
            |tx| tx.same_mail(&[PRINT]).map(drop),
            &["mail_fingerprint (fingerprint=?)", "receipt_mail (mail=?)", "PRIMARY KEY (ticket=? AND seq=?)"],
        ),
        (
            "same_id",
            |tx| tx.same_id(&message_id()).map(drop),
            &["receipt_message (message_hash=?)", NUMBER, "PRIMARY KEY (ticket=? AND seq=?)"],
        ),
        ("part", |tx| tx.part(TICKET, PRINT).map(drop), &["PRIMARY KEY (ticket=? AND seq=?)", NUMBER]),
        ("referenced", |tx| tx.referenced(&[message_id()]).map(drop), &["receipt_message (message_hash=?)", NUMBER]),
        ("receipt", |tx| tx.receipt(&report(&message_id(), Some(PRINT))), &["receipt_earlier (mail=?)", NUMBER]),
        ("raise_receipt", |tx| tx.raise_receipt(1, Disposition::Report, Some(TICKET), "raised"), &[NUMBER]),
        ("receipts_of", |tx| tx.receipts_of(MAIL).map(drop), &["receipt_mail (mail=?)"]),
        ("handled", |tx| tx.handled(MAIL).map(drop), &["receipt_mail (mail=?)"]),
        ("receipt_row", |tx| tx.receipt_row(1).map(drop), &[NUMBER]),
        ("receipt_of", |tx| tx.receipt_of(MAIL).map(drop), &["receipt_mail (mail=?)"]),
        ("mails_of", |tx| tx.mails_of(TICKET).map(drop), &["receipt_ticket (ticket=?)"]),
        ("last_slot", |tx| tx.last_slot().map(drop), &["tally_slot (slot<?)"]),
        ("last_notice", |tx| tx.last_notice().map(drop), &["SCAN outbox"]),
        ("count", |tx| tx.count("scope", 1), &[]),
        ("counted", |tx| tx.counted("scope", 1..=2).map(drop), &["PRIMARY KEY (scope=? AND slot>? AND slot<?)"]),
        ("uncount", |tx| tx.uncount("scope"), &["PRIMARY KEY (scope=?)"]),
        ("memo", |tx| tx.memo::<Timestamp>(Memo::LastScan).map(drop), &["PRIMARY KEY (key=?)"]),
        ("set_memo", |tx| tx.set_memo(Memo::LastScan, at(1)), &[]),
        ("gathered_due", |tx| tx.gathered_due().map(drop), &["PRIMARY KEY (key=?)"]),
        ("is_beside", |tx| tx.is_beside(MAIL, 1).map(drop), &["place_mail (mail=?)", NUMBER]),
        ("drop_memo", |tx| tx.drop_memo(Memo::InboxFails), &["PRIMARY KEY (key=?)"]),
        ("is_first_start", |tx| tx.is_first_start().map(drop), &["PRIMARY KEY (key=?)"]),
        // Of its ticket.
        (
            "is_reporter",
            |tx| tx.is_reporter(&reporter()).map(drop),
            &["ticket_reporter (reporter=?)", "address_1 (key=?)"],
        ),
        ("next_ticket", |tx| tx.next_ticket().map(drop), &["SEARCH ticket"]),
        ("ticket", |tx| tx.ticket(TICKET).map(drop), &["PRIMARY KEY (ticket=?)", NUMBER]),
        ("entries", |tx| tx.entries(TICKET).map(drop), &["PRIMARY KEY (ticket=?)", NUMBER]),
        ("reporter", |tx| tx.reporter(TICKET).map(drop), &[NUMBER]),
        ("gathers", |tx| tx.gathers(TICKET).map(drop), &[NUMBER]),
        ("members", |tx| tx.members(TICKET).map(drop), &["PRIMARY KEY (ticket=?)"]),
        ("members_after", |tx| tx.members_after(TICKET, 0, 9).map(drop), &["PRIMARY KEY (ticket=? AND seq>?)"]),
        (
            "list_member",
            |tx| tx.list_member(TICKET, &Entry { seq: 2, ..timeline().remove(0) }),
            &["address_1 (key=?)", NUMBER],
        ),
        ("append", |tx| tx.append(TicketId(2), &timeline()), &["address_1 (key=?)"]),
        (
            "project",
            |tx| tx.project(&Ticket::fold(TICKET, &timeline()), &project()),
            &["address_1 (key=?)", "PRIMARY KEY (ticket=?)"],
        ),
        ("deadlines", |tx| tx.deadlines(TICKET).map(drop), &["PRIMARY KEY (ticket=?)"]),
        ("ticket_after", |tx| tx.ticket_after(TICKET).map(drop), &["PRIMARY KEY (ticket>?)"]),
        // Once a tick.
        ("due", |tx| tx.due(at(9), 9).map(drop), &["deadline_wake (wake<?)"]),
        ("postpone", |tx| tx.postpone(TICKET, at(9), at(10)), &["PRIMARY KEY (ticket=?)"]),
        ("next_wake", |tx| tx.next_wake().map(drop), &["deadline_wake (wake>?)"]),
        ("next_due", |tx| tx.next_due().map(drop), &["SEARCH outbox USING COVERING INDEX outbox_due"]),
        ("breaker", |tx| tx.breaker().map(drop), &["PRIMARY KEY (key=?)"]),
        ("hold", |tx| tx.hold().map(drop), &["PRIMARY KEY (key=?)"]),
        ("raised", |tx| tx.raised().map(drop), &["PRIMARY KEY (key=?)"]),
        ("addressed", |tx| tx.addressed(1).map(drop), &[NUMBER]),
        ("trouble", |tx| tx.trouble(TroubleKind::Dns).map(drop), &["PRIMARY KEY (key=?)"]),
        ("end_trouble", |tx| tx.end_trouble(TroubleKind::Dns), &["PRIMARY KEY (key=?)"]),
        (
            "open_list",
            |tx| tx.open_list(&project(), at(9)).map(drop),
            &[
                "ticket_open (next_deadline>?)",
                "ticket_open (next_deadline=?)",
                "COVERING INDEX ticket_open (next_deadline<?)",
            ],
        ),
        (
            "without_ticket",
            |tx| tx.without_ticket(at(1)).map(drop),
            // The kinds are few.
            &["receipt_loose (at>?)", "USE TEMP B-TREE FOR GROUP BY"],
        ),
        (
            "refused_commands",
            |tx| tx.refused_commands(at(1)).map(drop),
            &["receipt_command (at>?)", "USE TEMP B-TREE FOR GROUP BY"],
        ),
        // Once a notice.
        ("next_notice", |tx| tx.next_notice().map(drop), &["SCAN sqlite_sequence"]),
        ("fresh_keys", |tx| tx.fresh_keys(&[key()]).map(drop), &["PRIMARY KEY (key=?)"]),
        (
            "post",
            |tx| tx.post(&Outgoing { number: 2, ..notice(&reporter()) }, &[[0; 20]], at(1)),
            // The walk is planned since a trigger follows, and made only where a row waits for this notice to be there.
            &["address_1 (key=?)", "SCAN notice_key"],
        ),
        ("tag_refused", |tx| tx.tag_refused().map(drop), &["PRIMARY KEY (key=?)"]),
        ("noticed", |tx| tx.noticed(&key()).map(drop), &["PRIMARY KEY (key=?)"]),
        (
            "pick",
            |tx| tx.pick(at(9), &[1, 2]).map(drop),
            // What is walked is the hand, of a few numbers.
            &["outbox_waiting (lane<?)", NUMBER, "SCAN json_each VIRTUAL TABLE INDEX 1:"],
        ),
        ("offer", |tx| tx.offer(&claim()).map(drop), &[NUMBER]),
        ("put_back", |tx| tx.put_back(&claim(), at(9)), &[NUMBER]),
        ("late", |tx| tx.late(at(9), 9).map(drop), &["outbox_expires (expires>? AND expires<?)", NUMBER]),
        (
            "all_unclear",
            |tx| tx.all_unclear(None).map(drop),
            &[
                "outbox_unclear (unclear>?)",
                "USE TEMP B-TREE FOR count(DISTINCT)",
                "USE TEMP B-TREE FOR count(DISTINCT)",
            ],
        ),
        ("offered", |tx| tx.offered(1).map(drop), &[NUMBER]),
        ("interrupted", |tx| tx.interrupted().map(drop), &["SCAN outbox USING COVERING INDEX outbox_sending"]),
        ("settle", |tx| tx.settle(1, 1, &SENT).map(drop), &[NUMBER]),
        ("notice", |tx| tx.notice(1).map(drop), &[NUMBER]),
        ("notice_bytes", |tx| tx.notice_bytes(1).map(drop), &[NUMBER]),
        ("revision_at", |tx| tx.revision_at(TICKET, at(1)).map(drop), &["PRIMARY KEY (ticket=?)"]),
        ("revision_of", |tx| tx.revision_of(1).map(drop), &[NUMBER]),
        ("sent_to", |tx| tx.sent_to(&reporter(), at(0)).map(drop), &["outbox_recipient (recipient=? AND created>?)"]),
        (
            "made_for",
            |tx| tx.made_for(&reporter(), at(0), at(9)).map(drop),
            &["outbox_recipient (recipient=? AND created>? AND created<?)"],
        ),
        ("mailed", |tx| tx.mailed(TICKET, NoticeKind::Report).map(drop), &["outbox_ticket (ticket=?)"]),
        ("notices_of", |tx| tx.notices_of(TICKET).map(drop), &["outbox_ticket (ticket=?)"]),
        ("waiting", |tx| tx.waiting().map(drop), &["PRIMARY KEY (what=?)"]),
        ("held", |tx| tx.held().map(drop), &["PRIMARY KEY (what=?)"]),
        ("drop_held", |tx| tx.drop_held(TICKET), &["outbox_held (ticket=?)"]),
        ("release_held", |tx| tx.release_held(TICKET, at(9)), &["outbox_held (ticket=?)"]),
        // Once a minute, by a monitor.
        ("counts", |tx| tx.counts(Counted::Mails).map(drop), &["PRIMARY KEY (what=?)"]),
        ("open_tickets", |tx| tx.open_tickets().map(drop), &["PRIMARY KEY (what=?)"]),
        (
            "tickets_due",
            |tx| tx.tickets_due(at(9)).map(drop),
            &["due_hour USING INTEGER PRIMARY KEY (rowid<?)", "ticket_next (next_deadline>? AND next_deadline<?)"],
        ),
        // Every few seconds, by the daemon itself.
        ("next_deadline", |tx| tx.next_deadline(at(9)).map(drop), &["deadline_deadline (deadline>?)"]),
        (
            "quarantined",
            |tx| tx.quarantined(at(1)).map(drop),
            // Such a mail made the program end three times.
            &["SCAN r USING INDEX receipt_quarantined", NUMBER],
        ),
        (
            "on_their_way",
            |tx| tx.on_their_way().map(drop),
            &["outbox_waiting (lane=?)", "SCAN outbox USING INDEX outbox_sending"],
        ),
        ("failed", |tx| tx.failed(NoticeState::Held, at(1)).map(drop), &["COVERING INDEX outbox_failed (state=?)"]),
        ("all_unreached", |tx| tx.all_unreached(&project(), at(9)).map(drop), &["PRIMARY KEY (key>? AND key<?)"]),
        ("troubles", |tx| tx.troubles().map(drop), &["PRIMARY KEY (key>? AND key<?)"]),
        ("alarms", |tx| tx.alarms().map(drop), &["PRIMARY KEY (key>? AND key<?)"]),
        // By people, and by programs that ask for all.
        ("is_open", |tx| tx.is_open(TICKET).map(drop), &[NUMBER]),
        ("ticket_row", |tx| tx.ticket_row(TICKET).map(drop), &[NUMBER]),
        ("notice_row", |tx| tx.notice_row(1).map(drop), &[NUMBER]),
        ("each_ticket", |tx| tx.each_ticket(true, PAGE, |_| Ok(())), &["t USING INTEGER PRIMARY KEY (rowid<?)"]),
        ("each_ticket", |tx| tx.each_ticket(false, PAGE, |_| Ok(())), &["ticket_open_number (id<?)"]),
        ("each_broken", |tx| tx.each_broken(at(9), Some(9), |_| Ok(())), &["ticket_next (next_deadline<?)"]),
        ("each_notice", |tx| tx.each_notice(PAGE, |_| Ok(())), &["o USING INTEGER PRIMARY KEY (rowid<?)"]),
        (
            "each_failed",
            |tx| tx.each_failed(NoticeState::Held, at(1), Some(9), |_| Ok(())),
            &["outbox_failed (state=?)"],
        ),
        ("each_receipt", |tx| tx.each_receipt(PAGE, |_| Ok(())), &["r USING INTEGER PRIMARY KEY (rowid<?)"]),
        // With the breaker tripped, another statement asks when the next notice is due.
        ("note_trouble", |tx| tx.note_trouble(TroubleKind::Breaker, at(9), None), &["PRIMARY KEY (key=?)"]),
        ("next_due", |tx| tx.next_due().map(drop), &["outbox_waiting (lane<?)"]),
    ];
    let mut store = filled();
    let (says, statements) = mpsc::channel();
    let tell = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, sql) = event {
            says.send(sql.to_owned()).unwrap();
        }
    };
    store.connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(tell)).unwrap();
    for (name, ask, found_by) in often {
        ask(&Tx(&store.connection)).unwrap();
        // What a trigger does is told as a comment.
        let ran: Vec<String> = statements.try_iter().filter(|sql: &String| !sql.starts_with("--")).collect();
        assert!(!ran.is_empty(), "{name} runs a statement");
        let steps: Vec<String> = ran.iter().flat_map(|sql| plan(&store.connection, sql)).collect();
        for index in *found_by {
            assert!(steps.iter().any(|s| s.contains(index)), "{name} uses no {index}: {steps:#?}");
        }
        // A list that is sorted is read whole before its first row. No table: one row, what a recursion has found, the
        // results of statements that stand here themselves.
        let sorts = |s: &str| name.starts_with("each_") && s.contains("FOR ORDER BY");
        let harmless = |s: &str| s == "SCAN CONSTANT ROW" || s == "SCAN used" || s.starts_with("SCAN (subquery");
        let walks = |s: &&String| s.starts_with("SCAN") && !harmless(s) || sorts(s);
        for walk in steps.iter().filter(walks) {
            assert!(found_by.contains(&walk.as_str()), "{name} walks a table: {steps:#?}");
        }
        // What the plans themselves asked.
        statements.try_iter().for_each(drop);
    }
    let listed: BTreeSet<&str> = often.iter().map(|(name, ..)| *name).chain(SELDOM.iter().copied()).collect();
    assert_eq!(listed, methods(), "each method of Tx is asked often, and its indexes stand here, or seldom");
}

/// A page of a list.
const PAGE: Span = Span::Last { most: 9, before: Some(9) };

pub(super) const SENT: Settled<'_> =
    Settled { state: NoticeState::Sent, due: Timestamp::UNIX_EPOCH, doubts: 0, unclear: None, reply: "250 ok" };

fn claim() -> Claim {
    filled().write(|tx| tx.pick(at(9), &[])).unwrap().expect("a notice waits")
}

/// What is asked at a start, once an hour or less, by a person, or when something went wrong: it may walk a table.
const SELDOM: &[&str] = &[
    "add_request",
    "bring_back",
    "drop_unsent",
    "drop_waiting",
    "due_now",
    "end_doubt",
    "earlier_mails",
    "end_hold",
    "enter_hold",
    "erasable",
    "erase",
    "erase_loose_mails",
    "forget_addresses",
    "forget_counts",
    "forget_requests",
    "forget_spent",
    "forget_unreached",
    "held_about",
    "hurry_unverified",
    "is_first_listing",
    "is_notice_waiting",
    "is_renumbered",
    "is_sending",
    "loose_mails",
    "mark",
    "newest_earlier",
    "newest_places",
    "next_source",
    "note_before",
    "note_earlier",
    "note_unreached",
    "noticed_tickets",
    "projections",
    "rebuild",
    "receipts_of_ticket",
    "tickets_after",
    "unsent",
];

/// The names of all that can be asked, as the source has them.
fn methods() -> BTreeSet<&'static str> {
    let files = [
        include_str!("../../store.rs"),
        include_str!("../ahead.rs"),
        include_str!("../counted.rs"),
        include_str!("../earlier.rs"),
        include_str!("../folder.rs"),
        include_str!("../memo.rs"),
        include_str!("../mail.rs"),
        include_str!("../mark.rs"),
        include_str!("../outbox.rs"),
        include_str!("../packed.rs"),
        include_str!("../personal.rs"),
        include_str!("../receipt.rs"),
        include_str!("../request.rs"),
        include_str!("../spent.rs"),
        include_str!("../strike.rs"),
        include_str!("../ticket.rs"),
        include_str!("../trouble.rs"),
        include_str!("../unreached.rs"),
        include_str!("../unverified.rs"),
        include_str!("../views.rs"),
    ];
    let of_tx = files.iter().filter_map(|file| file.split_once("\nimpl Tx<'_> {\n")?.1.split("\n}\n").next());
    of_tx.flat_map(str::lines).filter_map(|l| l.strip_prefix("    pub fn ")?.split(['(', '<']).next()).collect()
}

/// How SQLite finds the rows of a statement, table by table.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    query.raw_query().mapped(|r| r.get("detail")).map(|r| r.unwrap()).collect()
}

/// What a push asks of the store costs the same in a folder of any size.
#[test]
fn of_a_push_few_rows_are_looked_at() {
    let mut steps = Vec::new();
    for places in [100, 100_000] {
        let mut store = Store::in_memory().unwrap();
        let fill = format!(
            "PRAGMA foreign_keys = OFF;
             WITH RECURSIVE n (uid) AS (SELECT 1 UNION ALL SELECT uid + 1 FROM n WHERE uid < {places})
             INSERT INTO place SELECT 1, uid, 1 FROM n"
        );
        store.connection.execute_batch(&fill).unwrap();
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        let step = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        store.connection.progress_handler(1, Some(step)).unwrap();
        let new = (places + 1).to_string();
        assert_eq!(store.read(|tx| tx.unseen(1, std::slice::from_ref(&new))).unwrap(), [new]);
        steps.push(count.load(Ordering::Relaxed));
    }
    assert!(steps[0] > 0 && steps[1] * 10 <= steps[0] * 12, "{steps:?}");
}
