//! Transcripts: what arrives, how time passes, and all that leaves, as text that a person can read.
//!
//! Each file in `tests/transcripts` is a test; adding a case is adding a file. Lines that begin with `=` are what the
//! core did, and are compared whole; `DISCLOSED_BLESS=1 cargo test transcripts` writes them anew. All other lines are
//! what happens to it. A block of text, indented by two spaces, belongs to the line above it. Tokens, Message-IDs of
//! ours and one-time codes are shown as `<…>`.
//!
//! | line | what happens |
//! |---|---|
//! | `# …` | nothing: words for the reader |
//! | `config FILE` or `config` + block | begins anew with that config; what it leaves out is usual (world.rs) |
//! | `reload` + block | goes on with another config |
//! | `at INSTANT` | sets the clock; nobody is looking |
//! | `wait TERM`, `wait until INSTANT` | the daemon runs for so long |
//! | `down TERM` | the daemon is stopped for so long, then started |
//! | `mail from WHO [vouched\|forged] [received TERM ago]` + block | a mail arrives: more header lines, an empty line, the body |
//! | `reply from WHO to KIND [of WHO] [unvouched\|unsigned\|forged\|renamed]` + block | an answer to the last notice of that kind, to that person; `renamed`: to which a server gave a Message-ID of its own |
//! | `again, …` | the last mail once more: `a second copy`, `by another way`, `renumbered`, `with other line ends`, `from an mbox`, `moved from another folder` |
//! | `again, with` + block | the last mail once more, with these header lines on top; `-Name` takes a field out |
//! | `times N mail from …` + block | N mails, in which `<n>` is the number |
//! | `about KIND to WHO` | in the blocks that follow, `<envelope>`, `<id>`, `<mark>` and `<reply-to>` are those of the last such notice |
//! | `lies from WHO …` + block | a mail lies in the folder, and nobody has looked yet |
//! | `first start` | the daemon looks into the folder for the first time |
//! | `take N`, `ingest earlier [since DATE]` | `disclosed inbox --take N`, `disclosed ingest --earlier` |
//! | `bounce [delayed] of KIND to WHO` | a delivery report about a notice |
//! | `return of KIND to WHO` | a notice of ours comes back |
//! | `do TICKET [as WHO]` + block | commands at the command line |
//! | `erase TICKET` | erases the personal data in it |
//! | `server [for WHO[,WHO]] accepts\|later\|refuses\|doubts\|closed [ANSWER]` | how the outgoing server answers from now on |
//! | `read KIND to WHO` | shows the last such notice whole |
//! | `calendar KIND to WHO` | shows what the last such notice does to a calendar, as another reader of the files sees it |
//! | `show TICKET`, `log TICKET`, `list`, `inbox`, `outbox` | shows what is stored; of the outbox what was not sent |

mod arriving;
mod showing;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use disclosed::testing::policy::{Severity, Term};
use disclosed::testing::store::{Claim, Place, Store};
use disclosed::testing::ticket::{Acknowledgement, EntryKind, Seat};
use disclosed::testing::tracker::{Arrival, News, Posted, Tracker};
use disclosed::testing::vocabulary::{Address, NoticeState, Outcome, TicketId};
use disclosed::testing::{command, open};
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::world::{self};

#[test]
fn each_transcript_is_what_happens() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites expectations")]
    let bless = std::env::var("DISCLOSED_BLESS").is_ok();
    let samples = std::env::var_os("DISCLOSED_SAMPLES").map(PathBuf::from);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    let mut wrong = String::new();
    for path in &paths {
        let expected = std::fs::read_to_string(path).unwrap();
        let (found, sent) = play(&expected, path);
        let name = path.file_stem().unwrap().display();
        for (folder, claim) in samples.iter().flat_map(|folder| sent.iter().map(move |claim| (folder, claim))) {
            // As it is packed: with a NUL in place of the token in its Message-ID.
            let id = world::field(&claim.bytes, "Message-ID").unwrap();
            let token = id.trim_start_matches('<').split('@').next().unwrap();
            let text = String::from_utf8(claim.bytes.clone()).unwrap().replace(token, "\0");
            std::fs::write(folder.join(format!("{name}-{}", claim.number)), text).unwrap();
        }
        if found != expected {
            if bless {
                std::fs::write(path, &found).unwrap();
            }
            writeln!(wrong, "{}:\n{}", path.display(), difference(&expected, &found)).unwrap();
        }
    }
    assert!(wrong.is_empty() || bless, "{wrong}");
    assert!(paths.len() >= 25, "only {} transcripts", paths.len());
}

/// The first place where two texts part, with what stands around it.
fn difference(expected: &str, found: &str) -> String {
    let same = expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let part = |text: &str, sign: &str| -> String {
        text.lines().skip(same).take(8).map(|l| format!("  {sign} {l}\n")).collect()
    };
    format!("  line {}:\n{}{}", same + 1, part(expected, "expected"), part(found, "found   "))
}

/// Plays a transcript and gives it back with what was found in place of what was expected.
/// What happens, and what left under the last config.
fn play(text: &str, path: &Path) -> (String, Vec<Claim>) {
    let inputs: Vec<&str> = text.lines().filter(|l| !l.starts_with('=')).collect();
    let mut out = String::new();
    let mut play = Play::new("");
    let mut number = 0;
    while let Some(line) = inputs.get(number) {
        number += 1;
        writeln!(out, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut block = String::new();
        while let Some(length) = block_goes_on(&inputs[number..]) {
            for inner in &inputs[number..number + length] {
                writeln!(out, "{inner}").unwrap();
                writeln!(block, "{}", inner.strip_prefix("  ").unwrap_or(inner)).unwrap();
            }
            number += length;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Ok(()) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play.line(&words, &block))) else {
            panic!("{}: input line {}: {line}", path.display(), number);
        };
        let said = std::mem::take(&mut play.said);
        for line in &said {
            writeln!(out, "{}", format!("= {line}").trim_end()).unwrap();
        }
        if !said.is_empty() && inputs.get(number).is_some_and(|next| !next.is_empty()) {
            out.push('\n');
        }
    }
    (out, play.sent)
}

/// How many lines more belong to a block: one that is indented, and the empty ones before it.
fn block_goes_on(lines: &[&str]) -> Option<usize> {
    let empty = lines.iter().take_while(|l| l.is_empty()).count();
    lines.get(empty).filter(|l| l.starts_with("  ")).map(|_| empty + 1)
}

/// One transcript as it goes.
struct Play {
    tracker: Tracker,
    config: disclosed::testing::config::Config,
    now: Timestamp,
    /// The folder as it is: names and mails.
    folder: Vec<(String, Vec<u8>)>,
    /// Counted up when the folder gets other names.
    generation: u32,
    letters: usize,
    last: Vec<u8>,
    /// When our mail server took the mails that lie in the folder.
    lies: Vec<Timestamp>,
    sent: Vec<Claim>,
    /// For whom it answers so, all when empty; and how.
    server: (Vec<Address>, Outcome),
    said: Vec<String>,
    /// What the places in a block stand for.
    about: Vec<(&'static str, String)>,
}

impl Play {
    fn new(config: &str) -> Self {
        let config = world::config(config);
        let store = Store::with(rusqlite::Connection::open_in_memory().unwrap()).unwrap();
        let now: Timestamp = "2027-01-04T09:00:00+01:00".parse().unwrap();
        let tracker = Tracker::new(store, config.project(), world::key(), open::digest(&config).unwrap(), now).unwrap();
        Self {
            tracker,
            config,
            now,
            folder: Vec::new(),
            generation: 1,
            letters: 0,
            last: Vec::new(),
            lies: Vec::new(),
            sent: Vec::new(),
            server: (Vec::new(), Outcome::Sent("250 2.0.0 Ok".into())),
            said: Vec::new(),
            about: Vec::new(),
        }
    }

    fn line(&mut self, words: &[&str], block: &str) {
        match words {
            ["config"] => {
                let about = std::mem::take(&mut self.about);
                *self = Self { about, ..Self::new(block) };
            }
            ["config", file] => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                *self = Self::new(&std::fs::read_to_string(path).unwrap());
            }
            ["reload"] => {
                let config = world::config(block);
                let digest = open::digest(&config).unwrap();
                let news = self.tracker.reload(config.project(), digest, self.now).unwrap();
                self.config = config;
                self.said.push(format!("{} deadlines moved", news.moved));
                self.tell(&news);
                self.work();
            }
            ["at", at @ ..] => self.now = self.instant(&at.join(" ")),
            ["wait", "until", at @ ..] => self.wait(self.instant(&at.join(" "))),
            ["wait", term @ ..] => self.wait(self.after(&term.join(" "))),
            ["down", term @ ..] => {
                self.now = self.after(&term.join(" "));
                let news = self.tracker.recover(self.now).unwrap();
                self.tell(&news);
                self.work();
            }
            ["mail", "from", who, how @ ..] => self.mail(who, how, block),
            ["times", times, "mail", "from", who, how @ ..] => {
                for n in 1..=times.parse().unwrap() {
                    let n: usize = n;
                    self.mail(&who.replace("<n>", &n.to_string()), how, &block.replace("<n>", &n.to_string()));
                }
            }
            ["about", kind, "to", who] => {
                let claim = self.notice(kind, who);
                let field = |name| world::field(&claim.bytes, name).unwrap_or_default();
                let envelope = claim.envelope.as_ref().map_or(String::new(), |a| a.as_str().to_owned());
                self.about = vec![
                    ("<envelope>", envelope),
                    ("<id>", field("Message-ID")),
                    ("<mark>", field("X-Disclosed-Loop")),
                    ("<reply-to>", field("Reply-To")),
                ];
            }
            ["reply", "from", who, "to", kind, how @ ..] => self.reply(who, kind, how, block),
            ["lies", "from", who, how @ ..] => {
                let (raw, received) = self.letter(who, how, block);
                let name = format!("{}", self.folder.len() + 1);
                self.folder.push((name, raw));
                self.lies.push(received);
            }
            ["first", "start"] => self.first_start(),
            ["take", number] => match self.tracker.take(number.parse().unwrap(), self.now).unwrap() {
                Ok(news) => self.taken_in(&news),
                Err(why) => self.said.push(format!("REFUSED: {why}")),
            },
            ["ingest", "earlier", since @ ..] => {
                let since = match since {
                    ["since", day] => self.instant(&format!("{day} 00:00")),
                    _ => Timestamp::MIN,
                };
                while let (1.., news) = self.tracker.take_earlier(since, self.now).unwrap() {
                    self.taken_in(&news);
                }
            }
            ["again,", "with"] => self.again_with(block),
            ["again,", how @ ..] => self.again(&how.join(" ")),
            ["bounce", "delayed", "of", kind, "to", who] => self.bounce(kind, who, false),
            ["bounce", "of", kind, "to", who] => self.bounce(kind, who, true),
            ["return", "of", kind, "to", who] => {
                let notice = self.notice(kind, who).bytes.clone();
                self.arrive(
                    [b"Received: from relay.example by mx.example.org with ESMTPS; now\r\n", &notice[..]].concat(),
                );
            }
            ["do", ticket, as_ @ ..] => {
                // `alice` is who logged in wherever somebody is named.
                let seat = match as_ {
                    ["as", who] => Seat { login: Some("alice".into()), person: Some(self.address(who)) },
                    _ => Seat::default(),
                };
                let news = self.tracker.order(self.ticket_id(ticket), command::split(block), seat, self.now).unwrap();
                let news = news.expect("there is such a ticket");
                for line in news.answer.iter().flat_map(|a| a.text.lines()) {
                    self.said.push(format!("  {line}"));
                }
                self.tell(&news);
                self.work();
            }
            ["erase", ticket] => self.erase(ticket),
            ["server", "for", who, how, answer @ ..] => {
                self.answers(who.split(',').map(|w| self.address(w)).collect(), how, &answer.join(" "));
            }
            ["server", how, answer @ ..] => self.answers(Vec::new(), how, &answer.join(" ")),
            ["read", kind, "to", who] => self.read(kind, who),
            ["calendar", kind, "to", who] => self.calendar(kind, who),
            ["show", ticket] => self.show(ticket),
            ["log", ticket] => self.log(ticket),
            ["list"] => {
                for t in self.tracker.store().read(|tx| tx.tickets(true)).unwrap() {
                    let next = t.next.map_or("no promise runs".into(), |(n, at)| format!("{n} by {}", self.when(at)));
                    let owner = t.owner.map_or("nobody".into(), |o| self.name(&o));
                    let severity = t.severity.map_or("no severity", Severity::word);
                    let open = if t.open { "open" } else { "done" };
                    self.said.push(format!("SEC-{}: {open}, {}, {severity}, owner {owner}, {next}", t.id.0, t.status));
                }
            }
            ["inbox"] => {
                for r in self.tracker.store().read(|tx| tx.receipts()).unwrap() {
                    let from = r.from.map_or("nobody".into(), |f| self.name(&f));
                    let ticket = r.ticket.map_or("no ticket".into(), |t| format!("SEC-{}", t.0));
                    self.said.push(format!(
                        "{} from {from}: {}, {ticket} ({})",
                        self.when(r.received),
                        r.disposition.word(),
                        r.reason
                    ));
                }
            }
            ["outbox"] => {
                let notices = self.tracker.store().read(|tx| tx.notices(1)).unwrap();
                for n in notices.into_iter().filter(|n| n.state != NoticeState::Sent) {
                    let to = n.to.map_or("nobody".into(), |t| self.name(&t));
                    let reply = n.reply.unwrap_or_default();
                    let (kind, state, tries) = (n.kind.word(), n.state.word(), n.tries);
                    self.said.push(format!("{kind} to {to}: {state}, attempts: {tries}, {reply}"));
                }
            }
            _ => panic!("no such line"),
        }
    }

    fn instant(&self, text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|_| {
            let local: DateTime = text.parse().unwrap();
            local.to_zoned(self.config.policy.calendar.zone.clone()).unwrap().timestamp()
        })
    }

    fn after(&self, term: &str) -> Timestamp {
        self.config.policy.add(self.now, term.parse::<Term>().unwrap())
    }

    fn address(&self, who: &str) -> Address {
        let person = self.config.people.iter().find(|p| p.name.eq_ignore_ascii_case(who));
        person.map(|p| p.address.clone()).or_else(|| Address::parse(who)).expect("a person or an address")
    }

    fn name(&self, address: &Address) -> String {
        let person = self.config.people.iter().find(|p| p.address == *address);
        person.map_or(address.as_str().to_owned(), |p| p.name.clone())
    }

    fn ticket_id(&self, ticket: &str) -> TicketId {
        TicketId::parse(ticket, &self.config.prefix).unwrap()
    }

    fn when(&self, at: Timestamp) -> String {
        at.to_zoned(self.config.policy.calendar.zone.clone()).strftime("%a %-d %b %H:%M").to_string()
    }

    /// The daemon runs until then: it sleeps until the next thing is due, each time.
    fn wait(&mut self, until: Timestamp) {
        for _ in 0..10_000 {
            let next = self.tracker.next_wake(true).unwrap().filter(|at| *at <= until);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.work();
        }
        self.now = until;
        self.work();
    }

    /// What the daemon does when it wakes: ticks, then sends all that is due.
    fn work(&mut self) {
        let (news, _) = self.tracker.on_tick(self.now).unwrap();
        self.tell(&news);
        while let Some(claim) = self.tracker.claim(self.now).unwrap() {
            let outcome = match &self.server {
                (only, _) if !only.is_empty() && !only.contains(&claim.to) => Outcome::Sent("250 2.0.0 Ok".into()),
                (_, outcome) => outcome.clone(),
            };
            let subject = world::reading(&claim.bytes).subject;
            let line = format!("{} to {}: {subject}", claim.kind.word(), self.name(&claim.to));
            let when = self.when(self.now);
            self.said.push(match &outcome {
                Outcome::Sent(_) => format!("{when}  {line}"),
                Outcome::Deferred(why) => format!("{when}  NOT YET ({why}): {line}"),
                Outcome::Refused(why) => format!("{when}  REFUSED ({why}): {line}"),
                Outcome::Unclear(why) => format!("{when}  UNCLEAR ({why}): {line}"),
                Outcome::Unknown(why) => format!("{when}  IN DOUBT ({why}): {line}"),
                Outcome::Closed(why) | Outcome::Away(why) | Outcome::Slower(why) => {
                    format!("{when}  NO SERVER ({why})")
                }
            });
            let news = self.tracker.delivered(&claim, &outcome, self.now).unwrap();
            self.sent.push(claim);
            self.tell(&news);
            if outcome.is_way_closed() {
                break;
            }
        }
    }

    fn tell(&mut self, news: &News) {
        for (_, disposition, ticket, reason) in &news.receipts {
            let ticket = ticket.map_or("no ticket".into(), |t| self.tracker.project().show(t));
            self.said.push(format!("filed as {}, {ticket} ({reason})", disposition.word()));
        }
        for (_, entry) in &news.entries {
            if let EntryKind::Acknowledgement { outcome: Acknowledgement::Withheld } = entry.kind {
                self.said.push(format!("NO acknowledgement: {}", entry.text.as_deref().unwrap_or_default()));
            }
        }
        for Posted { notice, .. } in &news.notices {
            if let Some(why) = &notice.held {
                self.said.push(format!("HELD {} to {}: {why}", notice.kind().word(), self.name(&notice.to)));
            }
        }
    }

    fn next_id(&mut self, from: &str) -> String {
        self.letters += 1;
        format!("<{}@{}>", self.letters, from.rsplit_once('@').map_or("nowhere.example", |(_, d)| d))
    }

    fn mail(&mut self, who: &str, how: &[&str], block: &str) {
        let (raw, received) = self.letter(who, how, block);
        self.arrive_at(raw, received);
    }

    fn first_start(&mut self) {
        let listing: Vec<String> = self.folder.iter().map(|(n, _)| n.clone()).collect();
        let folder = self.source();
        let (source, unseen) = self.tracker.listed(&folder, &listing).unwrap();
        for ((name, raw), received) in self.folder.clone().into_iter().zip(std::mem::take(&mut self.lies)) {
            assert!(unseen.contains(&name));
            let (size, place, listing) = (raw.len() as u64, Some(Place { source, name }), listing.clone().into());
            let arrival = Arrival { raw, size, internal_date: Some(received), not_before: None, place, listing };
            match self.tracker.on_mail(&[arrival], self.now) {
                Ok(news) => self.tell(&news),
                Err(why) => return self.said.push(format!("STOPPED: {why}")),
            }
        }
        let news = self.tracker.scanned(&folder, Some(self.now), self.now).unwrap();
        self.tell(&news);
        self.work();
    }

    /// The folder by its name in the store, as that of an IMAP server.
    fn source(&self) -> String {
        format!("imap:security@mx.example.org:993/INBOX;{}", self.generation)
    }

    fn notice(&self, kind: &str, who: &str) -> &Claim {
        let to = self.address(who);
        self.sent.iter().rev().find(|c| c.kind.word() == kind && c.to == to).expect("such a notice has left")
    }
}

/// The first lines of a block are header lines when they look like it; an empty line ends them.
fn head_and_body(block: &str) -> (Vec<String>, String) {
    let is_header =
        |l: &str| l.split_once(": ").is_some_and(|(n, _)| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    if !block.lines().next().is_some_and(is_header) {
        return (Vec::new(), block.to_owned());
    }
    let (head, body) = block.split_once("\n\n").unwrap_or((block.trim_end(), ""));
    (head.lines().map(str::to_owned).collect(), body.to_owned())
}

/// A header value without what is secret or different each time.
fn masked(value: &str) -> String {
    let token = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    let mut out = String::new();
    for part in value.split_inclusive(|c| !token(c)) {
        let word = part.trim_end_matches(|c| !token(c));
        let shown = if word.len() == disclosed::testing::token::LENGTH { "<token>" } else { word };
        out.push_str(shown);
        out.extend(part.chars().skip(word.chars().count()));
    }
    out
}
