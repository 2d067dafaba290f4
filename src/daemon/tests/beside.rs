//! The folders beside the inbox: what was sent by hand, and what was taken for junk.

use std::time::Duration;

use super::mailbox::scripted::Server;
use super::mailbox::{Kept, TAKEN, report};
use crate::daemon::rebuilding;
use crate::open;
use crate::policy::Milestone;
use crate::vocabulary::{NoticeKind, TicketId};

const BOTH: &str = "sent_folder = \"Sent\"\njunk_folder = \"Junk\"";
const MINUTES: Duration = Duration::from_secs(60);

fn both(server: &Server) {
    server.add("Sent");
    server.add("Junk");
}

/// With both folders, and one report that is acknowledged.
async fn reported() -> Kept {
    let mut kept = Kept::with(BOTH, both).await;
    kept.server.deliver("INBOX", TAKEN, &report(1));
    kept.pass(5 * MINUTES).await;
    kept
}

impl Kept {
    /// The last receipt: how it was handled, its ticket, and why.
    fn last(&mut self) -> (&'static str, Option<u32>, String) {
        let receipts = self.daemon.tracker.store().read(|tx| tx.receipts()).unwrap();
        let last = receipts.last().unwrap();
        (last.disposition.word(), last.ticket.map(|t| t.0), last.reason.clone())
    }

    fn is_answered(&mut self, ticket: u32) -> bool {
        let ticket = self.daemon.tracker.store().read(|tx| tx.ticket(TicketId(ticket))).unwrap().unwrap();
        ticket.milestones.contains_key(&Milestone::Acknowledged)
    }

    /// How many notices of this kind there are.
    fn notices(&mut self, kind: NoticeKind) -> usize {
        let notices = self.daemon.tracker.store().read(|tx| tx.notices(0)).unwrap();
        notices.iter().filter(|notice| notice.kind == kind).count()
    }

    /// The notices that left to an address, as they left.
    fn left_to(&self, to: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.home.path().join("out/new")).unwrap();
        let mails = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        mails.filter(|mail| mail.contains(&format!("To: {to}\r\n")) || mail.contains(&format!("<{to}>\r\n"))).collect()
    }
}

fn without(mail: &str, fields: &[&str]) -> String {
    let (header, body) = mail.split_once("\r\n\r\n").unwrap();
    let mut kept: Vec<&str> = Vec::new();
    let mut skips = false;
    for line in header.lines() {
        if !line.starts_with([' ', '\t']) {
            skips = fields.iter().any(|field| line.to_lowercase().starts_with(&format!("{}:", field.to_lowercase())));
        }
        if !skips {
            kept.push(line);
        }
    }
    format!("{}\r\n\r\n{body}", kept.join("\r\n"))
}

fn by_hand(from: &str, to: &str, references: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Re: report 1\r\nMessage-ID: <hand@example.org>\r\n\
         In-Reply-To: {references}\r\nDate: Mon, 1 Mar 2027 12:04:00 +0000\r\n\r\nWe look at it.\r\n"
    )
}

/// An answer by hand keeps the promise to answer, whoever of ours wrote it, and is filed; anything less is nobody's answer.
#[tokio::test(start_paused = true)]
async fn an_answer_by_hand_counts() {
    let outside = "From: x@elsewhere.test\r\nTo: r1@reporter.test\r\nIn-Reply-To: <1@reporter.test>\r\n\
                   Message-ID: <x@elsewhere.test>\r\nSubject: s\r\n\r\ntext\r\n";
    let vacation = by_hand("security@example.org", "r1@reporter.test", "<1@reporter.test>")
        .replace("Subject:", "Auto-Submitted: auto-replied\r\nSubject:");
    let report = "<1@reporter.test>";
    for (mail, expect, ticket, answered) in [
        (by_hand("security@example.org", "r1@reporter.test", report), "answer", Some(1), true),
        (by_hand("Ada <ada@example.org>", "r1@reporter.test", report), "answer", Some(1), true),
        (by_hand("security@example.org", "r1@reporter.test", "<other@x.test>"), "own", None, false),
        (by_hand("security@example.org", "other@reporter.test", report), "own", None, false),
        (vacation, "own", None, false),
        // What others wrote is a mail like any other, wherever it lies.
        (outside.to_owned(), "report", Some(2), false),
    ] {
        let mut kept = reported().await;
        assert!(!kept.is_answered(1));
        kept.server.deliver("Sent", TAKEN, &mail);
        kept.pass(4 * MINUTES).await;
        let (disposition, of, why) = kept.last();
        assert_eq!((disposition, of, kept.is_answered(1)), (expect, ticket, answered), "{why}: {mail}");
        kept.pass(30 * MINUTES).await;
        assert_eq!(kept.receipts().values().map(Vec::len).sum::<usize>(), 2, "once each");
    }
}

/// An answer to a notice of ours about the report, with our own reference.
#[tokio::test(start_paused = true)]
async fn an_answer_to_a_notice_counts_too() {
    let mut kept = reported().await;
    let acknowledgement = kept.left_to("r1@reporter.test").remove(0);
    let id = acknowledgement.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    kept.server.deliver("Sent", TAKEN, &by_hand("security@example.org", "r1@reporter.test", id));
    kept.pass(4 * MINUTES).await;
    assert_eq!((kept.last().0, kept.is_answered(1)), ("answer", true));
}

/// Whatever a provider leaves of a notice that it files among what was sent, that is no answer of a person.
#[tokio::test(start_paused = true)]
async fn our_own_notices_never_count() {
    let spared = ["Message-ID", "X-Disclosed-Loop", "References"];
    for gone in [&spared[..0], &spared[..1], &spared[1..2], &spared[..2], &spared[..]] {
        let mut kept = reported().await;
        let acknowledgement = kept.left_to("r1@reporter.test").remove(0);
        let refers = acknowledgement.to_lowercase().contains("in-reply-to: <1@reporter.test>");
        assert!(refers, "else this proves nothing: {acknowledgement}");
        let mut filed = without(&acknowledgement, &[gone, &["Auto-Submitted"]].concat());
        if gone.contains(&"Message-ID") {
            filed = format!("Message-ID: <rewritten@provider.test>\r\n{filed}");
        }
        kept.server.deliver("Sent", TAKEN, &filed);
        kept.pass(4 * MINUTES).await;
        assert_eq!((kept.last().0, kept.is_answered(1)), ("own", false), "without {gone:?}: {}", kept.last().2);
    }
}

/// Junk of nobody who is known is one ticket, told once a day; who is known goes the normal way; what a person moves to the
/// inbox has a ticket of its own, and is acknowledged.
#[tokio::test(start_paused = true)]
async fn junk_is_gathered_and_what_is_moved_is_a_report() {
    let mut kept = reported().await;
    let acknowledged = kept.notices(NoticeKind::Acknowledgement);
    for n in 10..30 {
        kept.server.deliver("Junk", TAKEN, &report(n));
        kept.pass(30 * MINUTES).await;
        assert_eq!(kept.last().1, Some(2), "{:?}", kept.last());
    }
    assert_eq!(kept.notices(NoticeKind::Acknowledgement), acknowledged, "nobody is answered");
    assert_eq!(kept.notices(NoticeKind::Flood), 1, "in ten hours");
    kept.pass(20 * 60 * MINUTES).await;
    assert_eq!(kept.notices(NoticeKind::Flood), 2, "the rest at the end of the day");
    kept.pass(48 * 60 * MINUTES).await;
    assert_eq!(kept.notices(NoticeKind::Flood), 2, "and no more of nothing");
    // The reporter of ticket 1 reports again.
    kept.server.deliver("Junk", TAKEN, &report(40).replace("r40@", "r1@"));
    kept.pass(4 * MINUTES).await;
    assert_eq!(kept.last().1, Some(3), "{:?}", kept.last());
    let acknowledged = kept.notices(NoticeKind::Acknowledgement);
    kept.server.shift(11, "Junk", "INBOX");
    kept.pass(4 * MINUTES).await;
    assert_eq!(kept.receipts().get("20@reporter.test"), Some(&vec!["report"]), "one receipt");
    let receipts = kept.daemon.tracker.store().read(|tx| tx.receipts()).unwrap();
    let moved = receipts.iter().find(|r| r.message_id.as_deref() == Some("20@reporter.test")).unwrap();
    assert_eq!(moved.ticket, Some(TicketId(4)), "{}", moved.reason);
    assert_eq!(kept.notices(NoticeKind::Acknowledgement), acknowledged + 1);
    // As a provider that writes into the mail moves it: another copy.
    kept.server.deliver("INBOX", TAKEN, &report(21).replace("Subject", "X-Moved: yes\r\nSubject"));
    kept.pass(4 * MINUTES).await;
    let receipts = kept.daemon.tracker.store().read(|tx| tx.receipts()).unwrap();
    let moved: Vec<_> = receipts.iter().filter(|r| r.message_id.as_deref() == Some("21@reporter.test")).collect();
    assert!(moved.iter().all(|r| r.ticket == Some(TicketId(5))), "{moved:?}");
    assert_eq!(kept.notices(NoticeKind::Acknowledgement), acknowledged + 2);
}

/// What lay there when it was first watched was there before; it is no first start that was none, and nobody is told.
#[tokio::test(start_paused = true)]
async fn what_lay_there_before_is_earlier() {
    let kept = reported().await;
    let acknowledgement = kept.left_to("r1@reporter.test").remove(0);
    let mut kept = Kept::with(BOTH, |server| {
        both(server);
        server.deliver("Sent", TAKEN, &acknowledgement);
        server.deliver("Sent", TAKEN, &by_hand("security@example.org", "r1@reporter.test", "<1@reporter.test>"));
        server.deliver("Junk", TAKEN, &report(9));
    })
    .await;
    kept.pass(10 * MINUTES).await;
    let found: Vec<_> = kept.receipts().into_values().flatten().collect();
    assert_eq!(found, ["earlier"; 3]);
    assert_eq!(kept.notices(NoticeKind::Flood), 0);
    kept.server.deliver("Junk", TAKEN, &report(10));
    kept.pass(4 * MINUTES).await;
    assert_eq!(kept.last().0, "report");
}

/// A folder that is not there is told, and takes nothing from the inbox.
#[tokio::test(start_paused = true)]
async fn a_folder_that_is_not_there_is_told() {
    let mut kept = Kept::with(BOTH, |server| server.add("Junk")).await;
    kept.server.deliver("INBOX", TAKEN, &report(1));
    kept.pass(5 * MINUTES).await;
    kept.server.deliver("Junk", TAKEN, &report(2));
    kept.pass(5 * MINUTES).await;
    assert_eq!((kept.troubles(), kept.receipts().len()), (vec!["folder"], 2));
    kept.server.add("Sent");
    kept.pass(5 * MINUTES).await;
    assert_eq!(kept.troubles(), [""; 0]);
}

/// However much lies in the folder for junk, the inbox has its turn.
#[tokio::test(start_paused = true)]
async fn junk_keeps_no_report_waiting() {
    let mut kept = Kept::with(BOTH, both).await;
    for n in 1000..1600 {
        kept.server.deliver("Junk", TAKEN, &report(n));
    }
    kept.pass(4 * MINUTES).await;
    assert_eq!(kept.receipts().len(), 600);
    let turns = kept.server.with(|state| {
        let examined = state.commands.iter().filter(|c| c.starts_with("EXAMINE") || c.contains("BODY.PEEK[]"));
        let mut between = vec![0];
        for command in examined {
            match command.as_str() {
                "EXAMINE \"INBOX\"" => between.push(0),
                c if c.starts_with("UID FETCH") => *between.last_mut().unwrap() += c.split(',').count(),
                _ => {}
            }
        }
        between
    });
    assert!(turns.iter().all(|mails| *mails <= 2 * 256), "{turns:?}");
    assert!(turns.iter().filter(|mails| **mails > 0).count() >= 3, "{turns:?}");
}

/// Where the database is lost, what we sent says which number a report had, and that it was answered.
#[tokio::test(start_paused = true)]
async fn a_rebuild_reads_what_was_sent() {
    let mut kept = reported().await;
    kept.server.deliver("INBOX", TAKEN, &report(2));
    kept.pass(5 * MINUTES).await;
    let acknowledgement = kept.left_to("r2@reporter.test").remove(0);
    kept.server.deliver("Sent", TAKEN, &acknowledgement);
    kept.server.deliver("Sent", TAKEN, &by_hand("security@example.org", "r1@reporter.test", "<1@reporter.test>"));
    for name in ["d.db", "d.db-wal", "d.db-shm"] {
        let _ = std::fs::remove_file(kept.home.path().join(name));
    }
    let mut draft = open::draft(&kept.config, kept.daemon.now()).unwrap();
    let rebuilt = rebuilding::fill(&kept.config, &mut draft).await.unwrap();
    assert_eq!((rebuilt.mails, rebuilt.tickets, rebuilt.proven), (4, 2, 1), "what we sent is no report");
    let tickets = draft.store().read(|tx| tx.tickets(true)).unwrap();
    let find = |title: &str| tickets.iter().find(|t| t.title == title).unwrap();
    assert_eq!(find("report 2").id, TicketId(2), "our answer proves it");
    assert!(find("report 1").id.0 > rebuilt.above);
    assert!(find("report 1").acknowledged.is_some() && find("report 2").acknowledged.is_none());
}
