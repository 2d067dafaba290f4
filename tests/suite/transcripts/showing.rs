//! What a transcript shows of what happened.

use super::*;
use crate::world::{self};
use disclosed::testing::notice::plain;
use disclosed::testing::notice::text::answer;
use disclosed::testing::ticket::{Actor, Entry, EntryKind};
use disclosed::testing::tracker::Erasure;
use jiff::Timestamp;

impl Play {
    pub(super) fn read(&mut self, kind: &str, who: &str) {
        let bytes = self.notice(kind, who).bytes.clone();
        for name in ["From", "To", "Reply-To", "Subject", "In-Reply-To", "Auto-Submitted"] {
            if let Some(value) = world::field(&bytes, name) {
                self.said.push(format!("  {name}: {}", masked(&value)));
            }
        }
        self.said.push(String::new());
        for line in world::reading(&bytes).text.lines() {
            let verb = ["/confirm ", "/send "].into_iter().find(|v| line.starts_with(v));
            let line = match (verb, line.split_once("the code is ").filter(|(_, code)| code.len() == "12345678.".len()))
            {
                (Some(verb), _) => format!("{verb}<code>"),
                (None, Some((before, _))) => format!("{before}the code is <code>."),
                (None, None) => line.to_owned(),
            };
            self.said.push(format!("  {line}"));
        }
    }

    pub(super) fn calendar(&mut self, kind: &str, who: &str) {
        let events = world::calendar(&self.notice(kind, who).bytes);
        for e in &events {
            let (from, to) = (self.when(e.from), self.when(e.to));
            self.said.push(format!("  {} {}, version {}: {} ({from} to {to})", e.does, e.uid, e.sequence, e.summary));
        }
        if events.is_empty() {
            self.said.push("  nothing".into());
        }
    }

    pub(super) fn show(&mut self, ticket: &str) {
        let id = self.ticket_id(ticket);
        let ticket = self.tracker.store().read(|tx| tx.ticket(id)).unwrap().expect("there is such a ticket");
        for line in plain::body(&answer::status(&ticket, self.tracker.project(), self.now)).lines() {
            self.said.push(format!("  {line}"));
        }
    }

    pub(super) fn erase(&mut self, ticket: &str) {
        let id = self.ticket_id(ticket);
        match self.tracker.erase(id, Seat::default(), self.now).unwrap().expect("there is such a ticket") {
            Erasure::Refused(why) => self.said.push(format!("  REFUSED: {why}")),
            Erasure::Done { erased, news, .. } => {
                let mails = erased.mails.len();
                self.said.push(format!("  erased: {mails} mails, {} texts, {} notices", erased.texts, erased.notices));
                self.tell(&news);
            }
        }
        self.work();
    }

    pub(super) fn log(&mut self, ticket: &str) {
        let id = self.ticket_id(ticket);
        for entry in self.tracker.store().read(|tx| tx.entries(id)).unwrap() {
            self.said.push(format!("{} {}", self.when(entry.at), self.entry(&entry)));
        }
    }

    pub(super) fn entry(&self, entry: &Entry) -> String {
        let by = match &entry.by {
            Actor::Local(Seat { person: Some(person), .. }) => format!("{}, local", self.name(person)),
            Actor::Daemon | Actor::Local(_) | Actor::Reporter | Actor::Stranger => entry.by.kind().word().to_owned(),
            Actor::Person(a) => self.name(a),
        };
        // The sentences of the product are for people. A transcript also shows what they leave out, such as the rung.
        let word = entry.kind.word();
        let what = match &entry.kind {
            EntryKind::Reported { may_belong_to: Some(t), .. } => format!("{word}, may belong to SEC-{}", t.0),
            EntryKind::Acknowledgement { outcome } => format!("acknowledgement {outcome:?}").to_lowercase(),
            EntryKind::Status { to } => format!("{word} {to}"),
            EntryKind::Severity { to } => format!("{word} {to}"),
            EntryKind::Fact { fact } => format!("{word} {}", fact.milestone()),
            EntryKind::DeadlineMoved { promise, to } => format!("moved {promise} to {}", self.when(*to)),
            EntryKind::Reminded { promise, deadline, rung, round, .. } => {
                format!("{word} of {promise}, due {}, rung {rung}, round {round}", self.when(*deadline))
            }
            EntryKind::Rederived { promise, from, to } => {
                let date = |at: &Option<Timestamp>| at.map_or("none".into(), |at| self.when(at));
                format!("derived {promise} anew, {} to {}", date(from), date(to))
            }
            EntryKind::Broken { promise, deadline } => format!("broken {promise}, due {}", self.when(*deadline)),
            EntryKind::Embargo { to, until, .. } => {
                format!("embargo {to}{}", until.map_or(String::new(), |u| format!(" until {}", self.when(u))))
            }
            EntryKind::Done { promise } => format!("{word} {promise}"),
            EntryKind::CodeAsked { send: true, .. } => "look asked".into(),
            EntryKind::CodeAsked { second: true, .. } => "second person asked".into(),
            EntryKind::Attempt => "attempt".into(),
            EntryKind::Undeliverable { notice, perhaps } => {
                format!("{}{word} {}", if *perhaps { "perhaps " } else { "" }, notice.word())
            }
            EntryKind::Reported { .. }
            | EntryKind::Member
            | EntryKind::FollowUp
            | EntryKind::Answered
            | EntryKind::Acknowledged
            | EntryKind::Paused
            | EntryKind::Resumed
            | EntryKind::Spam
            | EntryKind::Owner
            | EntryKind::Reporter
            | EntryKind::Note
            | EntryKind::Credit
            | EntryKind::Withdrawn
            | EntryKind::Asked
            | EntryKind::CodeAsked { .. }
            | EntryKind::CodeUsed
            | EntryKind::CodeWrong
            | EntryKind::ClockSet
            | EntryKind::Erased => word.into(),
        };
        let party = entry.party.as_ref().map_or(String::new(), |p| format!(" [{}]", self.name(p)));
        let text =
            entry.text.as_ref().map_or(String::new(), |t| format!(": {}", t.lines().collect::<Vec<_>>().join(" / ")));
        format!("{by}: {what}{party}{text}")
    }
}
