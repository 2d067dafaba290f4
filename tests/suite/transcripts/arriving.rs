//! Mail that arrives in a transcript.

use super::*;
use crate::world::{self, Letter, Proof};
use disclosed::testing::mail::signature::Dkim;
use disclosed::testing::store::Place;
use disclosed::testing::tracker::{Arrival, News};
use disclosed::testing::vocabulary::{Address, Outcome};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Play {
    pub(super) fn reply(&mut self, who: &str, kind: &str, how: &[&str], block: &str) {
        let from = self.address(who).as_str().to_owned();
        let (to, how) = match how {
            ["of", whose, rest @ ..] => ((*whose).to_owned(), rest),
            rest => (who.to_owned(), rest),
        };
        let notice = self.notice(kind, &to).bytes.clone();
        let id = self.next_id(&from);
        let (headers, body) = head_and_body(&self.with_code(block));
        let mut letter = world::answer(&from, &notice, &body, &id, self.now);
        for header in headers {
            let name = header.split(':').next().unwrap_or_default().to_owned() + ":";
            letter.headers.retain(|h| !h.starts_with(&name));
            letter.headers.push(header);
        }
        letter.headers.retain(|h| !h.ends_with(": none"));
        match how {
            [] => {}
            ["unvouched"] => letter.proof = Proof::Silent,
            ["forged"] => letter.proof = Proof::Forged,
            ["unsigned"] => letter.proof = Proof::Unsigned,
            ["renamed"] => {
                letter.headers.retain(|h| !h.starts_with("In-Reply-To:"));
                let references = world::field(&notice, "References").unwrap_or_default();
                letter.headers.push(format!("References: {references} <renamed@relay.example>"));
                letter.headers.push("In-Reply-To: <renamed@relay.example>".into());
            }
            _ => panic!("reply from WHO to KIND [of WHO] [unvouched|unsigned|forged|renamed]"),
        }
        self.last = letter.bytes();
        self.arrive(self.last.clone());
    }

    /// `<code>` stands for the last one-time code, `<first code>` for the first.
    pub(super) fn with_code(&self, block: &str) -> String {
        let codes: Vec<String> = self.sent.iter().filter_map(|c| world::code(&c.bytes)).collect();
        let code = |c: Option<&String>| c.map_or("<none>", String::as_str).to_owned();
        block.replace("<code>", &code(codes.last())).replace("<first code>", &code(codes.first()))
    }

    pub(super) fn again(&mut self, how: &str) {
        match how {
            "a second copy" => self.arrive(self.last.clone()),
            "by another way" => {
                let way = b"Received: from backup.example.org by mx.example.org with ESMTPS; later\r\n";
                self.arrive([way, &self.last[..]].concat());
            }
            "renumbered" => {
                self.generation += 1;
                let names = 1..;
                for (item, number) in self.folder.iter_mut().zip(names) {
                    item.0 = format!("{number}");
                }
                self.scan(self.now);
            }
            "moved from another folder" => {
                let (source, _) = self.tracker.unseen("imap:security@mx.example.org:993/Other;7", &[]).unwrap();
                let (raw, place) = (self.last.clone(), Some(Place { source, name: "1".into() }));
                let (size, listing) = (raw.len() as u64, vec!["1".to_owned()].into());
                let (internal_date, not_before) = (Some(self.now), None);
                let arrival = Arrival { raw, size, internal_date, not_before, place, listing };
                let news = self.tracker.on_mail(&[arrival], self.now).unwrap();
                self.taken_in(&news);
            }
            "with other line ends" => self.hand_over(self.last.iter().copied().filter(|c| *c != b'\r').collect()),
            // As a writer of the kind mboxrd and a reader that undoes nothing leave it.
            "from an mbox" => {
                let text = String::from_utf8(self.last.clone()).unwrap().replace('\r', "");
                let (head, body) = text.split_once("\n\n").unwrap();
                let quoted = |l: &str| if l.trim_start_matches('>').starts_with("From ") { ">" } else { "" };
                let body: String = body.lines().map(|l| format!("{}{l}\n", quoted(l))).collect();
                self.hand_over(format!("{head}\nStatus: RO\n\n{body}\n").into_bytes());
            }
            _ => panic!(
                "again, a second copy | by another way | renumbered | with other line ends | from an mbox | moved …"
            ),
        }
    }

    pub(super) fn again_with(&mut self, block: &str) {
        let text = String::from_utf8(self.last.clone()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let gone: Vec<String> = block.lines().filter_map(|l| Some(format!("{}:", l.strip_prefix('-')?))).collect();
        let more = block.lines().filter(|l| !l.starts_with('-'));
        let kept = head.lines().filter(|l| !gone.iter().any(|g| l.starts_with(g)));
        let head: String = more.chain(kept).map(|l| format!("{l}\r\n")).collect();
        self.arrive(format!("{head}\r\n{body}").into_bytes());
    }

    /// A person hands a mail over: `disclosed ingest`.
    pub(super) fn hand_over(&mut self, raw: Vec<u8>) {
        let (size, listing) = (raw.len() as u64, Vec::new().into());
        let arrival = Arrival { raw, size, internal_date: None, not_before: None, place: None, listing };
        let news = self.tracker.on_mail(&[arrival], self.now).unwrap();
        self.taken_in(&news);
    }

    pub(super) fn bounce(&mut self, kind: &str, who: &str, permanent: bool) {
        let claim = self.notice(kind, who).clone();
        let id = self.next_id(claim.to.as_str());
        self.last = world::bounce(&claim.bytes, &claim.to, permanent, &id, self.now).bytes();
        self.arrive(self.last.clone());
    }

    pub(super) fn arrive(&mut self, raw: Vec<u8>) {
        self.arrive_at(raw, self.now);
    }

    pub(super) fn arrive_at(&mut self, raw: Vec<u8>, received: Timestamp) {
        let name = format!("{}", self.folder.len() + 1);
        self.folder.push((name, raw));
        self.scan(received);
    }

    /// The daemon looks into the folder and takes in what it has not seen.
    pub(super) fn scan(&mut self, received: Timestamp) {
        let listing: Vec<String> = self.folder.iter().map(|(n, _)| n.clone()).collect();
        let (source, unseen) = self.tracker.unseen(&self.source(), &listing).unwrap();
        let bytes: BTreeMap<&String, &Vec<u8>> = self.folder.iter().map(|(n, b)| (n, b)).collect();
        let arrivals: Vec<Arrival> = unseen
            .iter()
            .map(|name| Arrival {
                raw: bytes[name].clone(),
                size: bytes[name].len() as u64,
                internal_date: Some(received),
                not_before: None,
                place: Some(Place { source, name: name.clone() }),
                listing: listing.clone().into(),
            })
            .collect();
        let mut news = self.tracker.on_mail(&arrivals, self.now).unwrap();
        // No key of these signatures is published.
        while let (more, Some((mail, _))) = self.tracker.next_question(self.now).unwrap() {
            news.add(more);
            news.add(self.tracker.verified(mail, Dkim::Fail("no key is published".into()), self.now).unwrap());
        }
        self.taken_in(&news);
    }

    pub(super) fn taken_in(&mut self, news: &News) {
        self.tell(news);
        if news.receipts.is_empty() {
            self.said.push("nothing new".into());
        }
        self.work();
    }

    pub(super) fn answers(&mut self, only: Vec<Address>, how: &str, answer: &str) {
        let answer = answer.into();
        let outcome = match how {
            "accepts" => Outcome::Sent(answer),
            "later" => Outcome::Deferred(answer),
            "refuses" => Outcome::Refused(answer),
            "doubts" => Outcome::Unknown(answer),
            "closed" => Outcome::Closed(answer),
            "unclear" => Outcome::Unclear(answer),
            "away" => Outcome::Away(answer),
            _ => panic!("server [for WHO] accepts|later|refuses|doubts|closed [ANSWER]"),
        };
        self.server = (only, outcome);
    }

    /// The bytes of a mail, and when the mail server took it.
    pub(super) fn letter(&mut self, who: &str, how: &[&str], block: &str) -> (Vec<u8>, Timestamp) {
        let from = (who != "nobody").then(|| self.address(who).as_str().to_owned());
        let id = self.next_id(from.as_deref().unwrap_or_default());
        let block = self.about.iter().fold(self.with_code(block), |b, (name, value)| b.replace(name, value));
        let (headers, body) = head_and_body(&block);
        let mut letter = Letter { from, id, date: self.now, headers, body, ..Letter::default() };
        let mut received = self.now;
        match how {
            [] => {}
            ["vouched"] => letter.proof = Proof::Vouched,
            ["forged"] => letter.proof = Proof::Forged,
            ["received", term @ .., "ago"] => {
                received = self.config.policy.subtract(self.now, term.join(" ").parse().unwrap());
                letter.date = received;
            }
            _ => panic!("mail from WHO [vouched|forged] [received TERM ago]"),
        }
        self.last = letter.bytes();
        (self.last.clone(), received)
    }
}
