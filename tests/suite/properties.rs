//! What holds for any input: commands are read without a panic and never from a quote, and any octets that arrive end
//! in exactly one receipt.

use disclosed::testing::mail::read;
use disclosed::testing::mail::signature::Dkim;
use disclosed::testing::mail::written::{Content, Ours, Place as Where};
use disclosed::testing::policy::Term;
use disclosed::testing::store::{Place, Store, Tx};
use disclosed::testing::tracker::{Arrival, News, Posted, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeKind, NoticeState};
use disclosed::testing::{command, open};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::{self, Letter, Proof};

/// Text as it might stand in a mail that commands, or nearly so.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("/ack".to_owned()),
        Just("/severity high".to_owned()),
        Just("> /close".to_owned()),
        Just(String::new()),
        Just("-- ".to_owned()),
        "/[a-zé]{0,9}( \\PC{0,30})?",
        "[ \t]{0,3}[/>|]{0,3} ?\\PC{0,40}",
    ];
    vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

fn tracker(now: Timestamp) -> Tracker {
    let config = world::config("");
    let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
    Tracker::new(store, config.project(), world::key(), open::digest(&config).unwrap(), now).unwrap()
}

fn arrival(tracker: &mut Tracker, raw: Vec<u8>, name: &str) -> Arrival {
    let (source, _) = tracker.unseen("INBOX", &[]).unwrap();
    let size = raw.len() as u64;
    let place = Some(Place { source, name: name.to_owned() });
    Arrival { raw, size, internal_date: None, not_before: None, place, listing: vec![name.to_owned()].into() }
}

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

/// What alone ends a mail without a ticket.
const REPORT: &str = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n";

/// A copy of one mail: the header lines that it bears on top, and whether it deserves an acknowledgement.
const COPIES: &[(&str, bool)] = &[
    ("", true),
    ("Authentication-Results: mx.example.org; dmarc=pass header.from=researcher.example\r\n", true),
    ("Authentication-Results: mx.example.org; dmarc=fail header.from=researcher.example\r\n", false),
    ("List-Id: <security.example.org>\r\nPrecedence: list\r\n", false),
    ("X-Failed-Recipients: security@example.org\r\n", false),
    ("Auto-Submitted: auto-generated\r\n", false),
    ("Return-Path: <>\r\nAuto-Submitted: auto-replied\r\n", false),
    (REPORT, false),
];

/// Lets copies of one report come in this order; says how many tickets, acknowledgements that leave, and receipts that
/// are no duplicate there are then.
fn come(order: &[usize], at_once: bool) -> (usize, usize, usize) {
    let mut tracker = tracker(now());
    let letter = Letter {
        from: Some("ann@researcher.example".into()),
        id: "<1@researcher.example>".into(),
        headers: vec!["Subject: Overflow".into()],
        body: "The parser of 1.2 overflows.\n".into(),
        date: now(),
        ..Letter::default()
    };
    let mut all: Vec<Arrival> = Vec::new();
    for (n, copy) in order.iter().enumerate() {
        let top = format!("{}Received: from hop-{n}.example by mx.example.org; now\r\n", COPIES[*copy].0);
        all.push(arrival(&mut tracker, [top.as_bytes(), &letter.bytes()].concat(), &format!("{n}")));
    }
    for batch in all.chunks(if at_once { all.len() } else { 1 }) {
        tracker.on_mail(batch, now()).unwrap();
        while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
            tracker.verified(mail, Dkim::Fail("no key is published".into()), now()).unwrap();
        }
    }
    let read = |tx: &Tx<'_>| Ok((tx.tickets(true)?, tx.receipts()?, tx.notices(0)?));
    let (tickets, receipts, mut notices) = tracker.store().read(read).unwrap();
    notices.retain(|n| n.kind == NoticeKind::Acknowledgement);
    assert!(receipts.len() == order.len() && notices.len() <= 1, "one receipt each, and no second acknowledgement");
    let left = notices.iter().filter(|n| n.state == NoticeState::Waiting).count();
    (tickets.len(), left, receipts.iter().filter(|r| r.disposition.word() != "duplicate").count())
}

/// G2: whatever copies of a report come in which order, there is one ticket, and one acknowledgement if any of them
/// deserves it.
#[test]
fn copies_in_any_order_are_one_report() {
    let all: Vec<usize> = (0..COPIES.len()).collect();
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..3 {
        let longer = |o: &Vec<usize>| all.iter().map(|c| o.iter().copied().chain([*c]).collect()).collect::<Vec<_>>();
        orders = orders.iter().flat_map(longer).collect();
        for order in &orders {
            for at_once in [false, true].into_iter().take(4 - order.len()) {
                let (tickets, acknowledged, first_hand) = come(order, at_once);
                let deserved = order.iter().any(|c| COPIES[*c].1);
                let only_reports = order.iter().all(|c| COPIES[*c].0 == REPORT);
                assert_eq!(tickets, usize::from(!only_reports), "{order:?}");
                assert_eq!((acknowledged, first_hand), (usize::from(deserved), 1), "{order:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_are_the_first_lines_and_nothing_else(text in text()) {
        let orders = command::split(&text);
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        for order in &orders.lines {
            prop_assert!(order.written.starts_with('/'));
            prop_assert_eq!(Some(order.written.as_str()), lines.next(), "a command that is not the next line");
        }
        // The line that ended the commands, and all below it, is text.
        if let Some(first) = lines.next() {
            prop_assert!(orders.text.starts_with(first), "{:?} is lost", first);
        }
    }

    #[test]
    fn any_line_is_a_command_or_a_fault_that_points_into_it(line in "/?\\PC{0,220}|/[a-z]{1,9}( \\PC{0,20}){0,4}") {
        if let Err(fault) = command::parse(&line) {
            prop_assert!(fault.column <= line.chars().count() + 1, "the caret stands beside the line");
            prop_assert!(!fault.what.is_empty());
        }
    }

    #[test]
    fn a_quoted_line_is_never_a_command(quoted in text(), own in "[a-zA-Z ]{0,20}") {
        let quote: String = quoted.lines().map(|l| format!("> {l}\n")).collect();
        let body = format!("{own}\n\nOn Mon, 4 Jan 2027 at 10:00, Example wrote:\n{quote}");
        let letter = Letter { from: Some("dana@example.org".into()), body, date: now(), ..Letter::default() };
        let mail = read::read(&letter.bytes());
        prop_assert!(command::split(&mail.reply_text).lines.is_empty());
    }

    #[test]
    fn html_never_commands(inner in text()) {
        let mut tracker = tracker(now());
        let report = Letter { from: Some("r@r.example".into()), body: "Overflow.".into(), date: now(), ..Letter::default() };
        let report = arrival(&mut tracker, report.bytes(), "1");
        tracker.on_mail(&[report], now()).unwrap();
        let dana = std::iter::from_fn(|| tracker.claim(now()).unwrap()).find(|c| c.to.as_str() == "dana@example.org");
        let body = format!("<pre>/close\n{inner}</pre>");
        let mut letter = world::answer("dana@example.org", &dana.unwrap().bytes, &body, "<2@example.org>", now());
        letter.headers.push("Content-Type: text/html".into());
        let order = arrival(&mut tracker, letter.bytes(), "2");
        let news = tracker.on_mail(&[order], now()).unwrap();
        for (_, entry) in &news.entries {
            prop_assert_ne!(&entry.by, &disclosed::testing::ticket::Actor::Person(disclosed::testing::vocabulary::Address::parse("dana@example.org").unwrap()), "{:?}", entry.kind);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_end_in_exactly_one_receipt(mails in vec(vec(any::<u8>(), 0..600), 1..6)) {
        ends_in_receipts(mails)?;
    }

    #[test]
    fn any_damage_to_a_mail_ends_in_exactly_one_receipt(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        headers in vec("[A-Za-z-]{1,20}: \\PC{0,80}", 0..6),
        body in text(),
    ) {
        let from = Some("dana@example.org".to_owned());
        let letter = Letter { from, proof: Proof::Vouched, headers, body, date: now(), ..Letter::default() };
        let mut raw = letter.bytes();
        for (at, octet) in damage {
            let at = at.index(raw.len());
            raw[at] = octet;
        }
        ends_in_receipts(vec![raw])?;
    }

    #[test]
    fn a_term_is_read_or_refused(text in "\\PC{0,20}|[0-9]{1,12} ?(h|d|w|m|business days|months?)") {
        if let Ok(term) = text.parse::<Term>() {
            let policy = world::config("").policy;
            policy.add(now(), term);
            policy.subtract(now(), term);
        }
    }
}

/// Lines as they stand in mail of people: prompts, quotations, headers, diffs, signatures, and lines of ours.
fn line_of_mail(ours: &'static str) -> impl Strategy<Value = String> {
    let ours: Vec<&str> = ours.lines().collect();
    prop_oneof![
        "[a-z ]{0,20}",
        "[>|]{1,3} ?[a-z ]{0,20}",
        prop::sample::select(vec![
            "",
            "-- ",
            "--",
            ">>> import acme",
            "```",
            "--- a/x",
            "+++ b/x",
            "@@ -1 +1 @@",
            "-a",
            "+b",
            "From: Ann <ann@r.example>",
            "Date: Mon, 4 Jan 2027",
            "Subject: [PATCH] x",
            "On Mon, 4 Jan 2027 at 10:00, Ann <ann@r.example> wrote:",
            "Od: Example <security@example.org>",
            "[...]",
            "-----Original Message-----",
            "---------- Forwarded message ---------",
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "-----BEGIN PGP SIGNATURE-----",
            "Sent from my phone",
        ])
        .prop_map(str::to_owned),
        // A person's words stand on a line of ours too.
        (prop::sample::select(ours), prop::sample::select(vec!["", "> ", "| ", "> > ", "mine "]), " ?[xyz]{0,4}")
            .prop_map(|(line, mark, end)| format!("{mark}{line}{end}")),
    ]
}

const OURS: &str = "Lee, on SEC-1:\n\nwrote a note:\n\n| The customer runs this in forty plants, tell nobody.\n\n\
                    Status: received. Severity: not set. Owner: nobody.\n\nPromises:\n  assess by Monday, 7 days left";

/// The words of a text, however it is wrapped and marked, for a plain comparison.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    format!(" {} ", words.map(|w| w.to_uppercase().to_lowercase()).collect::<Vec<_>>().join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_line_has_its_place_and_only_lines_of_ours_are_passed_over(
        lines in vec(line_of_mail(OURS), 0..40),
        whole in any::<prop::sample::Index>(),
    ) {
        // Our whole text stands somewhere in it.
        let mut lines = lines;
        let at = whole.index(lines.len() + 1);
        let own = ["", "", "mine "][at % 3];
        lines.insert(at, format!("> {own}{OURS}"));
        let text = lines.join("\n");
        let sent = Ours { texts: vec![OURS.to_owned()], name: "Example".into(), address: Address::parse(world::PROJECT) };
        let content = Content::of(&text, &sent);
        prop_assert_eq!(content.lines().len(), text.lines().count());
        let (shown, folded) = content.shown();
        let mut counted = 0;
        let mut left = shown.lines().peekable();
        for ((line, place), raw) in content.lines().iter().zip(text.lines()) {
            prop_assert!(*line == raw || raw.strip_prefix("- ") == Some(line), "another line: {:?}", line);
            match place {
                Where::Ours => prop_assert!(plain(OURS).contains(&plain(line)) || plain(line).trim().is_empty()),
                Where::Quoted | Where::Introduction | Where::Signature if !line.trim().is_empty() => counted += 1,
                Where::Content if !line.trim().is_empty() => {
                    while left.next_if(|l| l.trim().is_empty()).is_some() {}
                    prop_assert_eq!(left.next(), Some(*line), "content is shown, and in its order");
                }
                Where::Content | Where::Quoted | Where::Introduction | Where::Signature => {}
            }
        }
        prop_assert!(folded == counted || folded == 0 && !shown.is_empty(), "{} of {} are counted", folded, counted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// A colleague's note in whatever form a mail program quotes it, through the whole tracker: nothing of it leaves
    /// before somebody has looked.
    #[test]
    fn no_part_of_a_note_reaches_a_reporter_unseen(
        note in prop_oneof![vec("[a-zäöüß]{1,9}", 3..40), vec("[漢字報告書検証]{12,40}", 1..2)],
        command in any::<bool>(),
        (from, length) in (any::<prop::sample::Index>(), 6..40_usize),
        width in 10..90_usize,
        mark in prop::sample::select(vec!["", "> ", "| ", "> > ", "    ", "[ ", "# ", "Lee> ", "* ", "12. ", "• 3) "]),
        loud in any::<bool>(),
        head in prop::sample::select(vec![
            "",
            "On Mon, 4 Jan 2027 at 10:00, Lee <lee@example.org> wrote:\n",
            "-----Original Message-----\nFrom: Lee\nSent: Monday\nSubject: x\n\n",
            "Von: Lee <lee@example.org>\nGesendet: Montag\nBetreff: x\n\n",
            "________________________________\n",
            "---- Lee ----\n",
            "Lee wrote\n",
        ]),
    ) {
        let mut tracker = tracker(now());
        let send = |tracker: &mut Tracker, letter: Letter, name: &str| {
            let mail = arrival(tracker, letter.bytes(), name);
            tracker.on_mail(&[mail], now()).unwrap()
        };
        let report = Letter { from: Some("r@r.example".into()), body: "Overflow.".into(), date: now(), ..Letter::default() };
        send(&mut tracker, report, "1");
        let mut notices = std::collections::BTreeMap::new();
        while let Some(claim) = tracker.claim(now()).unwrap() {
            notices.insert(claim.to.as_str().to_owned(), claim.bytes);
        }
        let text = note.join(" ");
        let written = if command { format!("/note\n{text}\n") } else { format!("{text}\n") };
        send(&mut tracker, world::answer("lee@example.org", &notices["lee@example.org"], &written, "<2@example.org>", now()), "2");

        // A part of it, or all of a short one.
        let cjk = note.len() == 1;
        let units: Vec<String> = if cjk { text.chars().map(String::from).collect() } else { note.clone() };
        let length = if cjk { 12 + length } else { length }.min(units.len());
        let from = from.index(units.len() - length + 1);
        let part = units[from..from + length].to_vec();
        let mut quoted = String::new();
        let mut line = String::new();
        for unit in &part {
            if !line.is_empty() && line.chars().count() + unit.chars().count() > width {
                quoted += &format!("{mark}{line}\n");
                line.clear();
            }
            if !line.is_empty() && !cjk { line.push(' '); }
            line += unit;
        }
        quoted += &format!("{mark}{line}\n");
        let quoted = if loud { quoted.to_uppercase() } else { quoted };
        let body = format!("/reply\nThank you, we are on it.\n\n{head}{quoted}");
        let news = send(&mut tracker, world::answer("dana@example.org", &notices["dana@example.org"], &body, "<3@example.org>", now()), "3");
        // Six words, twelve characters, or all of it.
        let tell = |part: &[String]| if cjk { part.concat() } else { plain(&part.join(" ")) };
        let to_reporter = |news: &News| {
            news.notices.iter().find(|p| p.notice.to.as_str() == "r@r.example").map(|p| p.words.body.clone())
        };
        if let Some(body) = to_reporter(&news) {
            let body = if cjk { body.replace(|c: char| !c.is_alphanumeric(), "") } else { plain(&body) };
            let run = if cjk { 12 } else { 6 }.min(part.len());
            let told = part.windows(run).find(|run| body.contains(&tell(run)));
            prop_assert!(told.is_none(), "{:?} left:\n{}", told, body);
            return Ok(());
        }
        // With the code all of it does.
        let codes = |p: &Posted| p.words.body.lines().find_map(|l| l.strip_prefix("/send ").map(str::to_owned));
        let code = news.notices.iter().find_map(codes).unwrap();
        let body = format!("/send {code}\n");
        let letter = world::answer("dana@example.org", &notices["dana@example.org"], &body, "<4@example.org>", now());
        let left = to_reporter(&send(&mut tracker, letter, "4")).unwrap();
        let asked = news.notices.iter().find(|p| codes(p).is_some()).unwrap();
        let (_, shown) = asked.words.body.split_once("as it would leave:\n\n").unwrap();
        let shown: Vec<&str> = shown.lines().map_while(|l| l.strip_prefix("| ").or(l.strip_prefix('|'))).collect();
        prop_assert!(left.starts_with(&shown.join("\n")), "not as it was shown: {}", left);
    }
}

/// Takes mails in, each alone and then once more under another name, and looks at what became of them.
fn ends_in_receipts(mails: Vec<Vec<u8>>) -> Result<(), TestCaseError> {
    let mut tracker = tracker(now());
    let mut distinct = std::collections::BTreeSet::new();
    for (number, raw) in mails.into_iter().enumerate() {
        distinct.insert(raw.clone());
        for name in [format!("{number}"), format!("{number}-moved")] {
            let arrival = arrival(&mut tracker, raw.clone(), &name);
            tracker.on_mail(&[arrival], now()).unwrap();
            // No key of a signature is published, damaged or not.
            while let (_, Some((mail, _))) = tracker.next_question(now()).unwrap() {
                tracker.verified(mail, Dkim::Fail("no key is published".into()), now()).unwrap();
            }
        }
    }
    let receipts = tracker.store().read(|tx| tx.receipts()).unwrap();
    prop_assert_eq!(receipts.len(), distinct.len());
    let waiting = tracker.store().read(|tx| tx.waiting_mails(10)).unwrap();
    prop_assert!(waiting.is_empty());
    Ok(())
}
