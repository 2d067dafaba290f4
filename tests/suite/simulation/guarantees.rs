//! What must hold, looked up in the committed database and not taken from the tracker's word.

use std::collections::{BTreeMap, BTreeSet};

use disclosed::testing::policy::Audience;
use disclosed::testing::ticket::clock::clocks;
use disclosed::testing::ticket::hearer::{Hearer, hearers};
use disclosed::testing::ticket::{EmbargoState, EntryKind, Fact};
use disclosed::testing::tracker::News;
use disclosed::testing::vocabulary::{Address, MailRef, TicketId};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::Sim;
use crate::world;

/// An entry: its ticket, when, by what sort of actor, by whom, its kind, and the hash of its mail.
type New = (u32, i64, String, Option<String>, String, Option<Vec<u8>>);

impl Sim {
    pub(super) fn numbers(&self, sql: &str) -> Vec<u32> {
        let Ok(mut query) = self.anchor.prepare_cached(sql) else { return Vec::new() };
        query.query_map([], |r| r.get(0)).unwrap().map(|n| n.unwrap()).collect()
    }

    /// One input makes a bounded number of notices.
    pub(super) fn check_news(&self, news: &News) {
        let inputs = news.receipts.len().max(1) + news.entries.len();
        assert!(news.notices.len() <= inputs * (self.config.people.len() + 2) + 10, "one input makes too many notices");
    }

    /// What is new in the timelines: who may have done what (G5).
    pub(super) fn check_authority(&mut self) {
        let sql = "SELECT e.ticket, e.seq, e.at, e.by_kind, a.shown, e.kind, m.sha256 FROM entry e \
                   LEFT JOIN address a ON a.id = e.by_address LEFT JOIN mail m ON m.id = e.mail ORDER BY e.ticket, e.seq";
        let mut new: Vec<New> = Vec::new();
        let mut query = self.anchor.prepare_cached(sql).unwrap();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (ticket, seq): (u32, u32) = (row.get(0).unwrap(), row.get(1).unwrap());
            let looked = self.looked.entry(ticket).or_default();
            if seq > std::mem::replace(looked, seq.max(*looked)) {
                let get = |at| row.get(at).unwrap();
                new.push((ticket, row.get(2).unwrap(), get(3), row.get(4).unwrap(), get(5), row.get(6).unwrap()));
            }
        }
        drop(rows);
        drop(query);
        for (ticket, at, by, person, text, hash) in new {
            let kind: EntryKind = serde_json::from_str(&text).unwrap();
            let may = kind.row().makers.iter().any(|maker| maker.word() == by);
            assert!(may, "G5: {by} made the entry {text}");
            assert!(by != "local" || self.local.contains(&ticket), "G5: nobody commanded at the machine: {text}");
            if matches!(kind, EntryKind::CodeUsed) {
                self.coded = Some((ticket, at));
            }
            // A wrong code takes the authority from its mail, and leaves this behind.
            let Some(person) = person.filter(|_| by == "person" && !matches!(kind, EntryKind::CodeWrong)) else {
                continue;
            };
            let public = matches!(kind, EntryKind::Fact { fact: Fact::Public });
            let lifted = matches!(kind, EntryKind::Embargo { to: EmbargoState::Ended, .. });
            assert!(!public && !lifted || self.coded == Some((ticket, at)), "G5: {text} without a code");
            let (mail, sent) = *hash
                .and_then(|hash| self.known.get(&hash))
                .unwrap_or_else(|| panic!("G5: no mail made the entry {text} of {person}"));
            let person = Address::parse(&person).unwrap();
            if !self.is_confirmed(mail, ticket, at, &person) {
                self.check_word(mail, sent, (ticket, at), &person, &kind);
            }
        }
    }

    /// Whether a code was sent by whom it was mailed to, or by whoever had that mail of theirs, for what that mail says.
    fn is_confirmed(&mut self, mail: usize, ticket: u32, at: i64, person: &Address) -> bool {
        let sql = "SELECT m.sha256 FROM receipt r JOIN mail m ON m.id = r.mail WHERE r.ticket = ?1 AND r.at = ?2";
        let mut query = self.anchor.prepare_cached(sql).unwrap();
        let hashes: Vec<Vec<u8>> = query.query_map((ticket, at), |r| r.get(0)).unwrap().map(|h| h.unwrap()).collect();
        for (confirms, _) in hashes.iter().filter_map(|hash| self.known.get(hash)) {
            let Some(word) = self.mails[*confirms].word.map(|word| &self.words[word]) else { continue };
            let asked = word.code.and_then(|n| self.sink.iter().find(|s| s.notice == n && s.to == *person));
            let Some(asked) = asked.filter(|_| *confirms != mail) else { continue };
            let asks = world::field(&asked.bytes, "In-Reply-To").unwrap_or_default();
            let says = String::from_utf8_lossy(&self.mails[mail].bytes);
            let shown = world::reading(&asked.bytes).text.contains(self.mails[mail].says.trim());
            if says.contains(&asks) && shown {
                let used = self.codes.entry(asked.notice).or_insert((mail, at));
                assert_eq!(*used, (mail, at), "G5: a code was used twice");
                return true;
            }
        }
        false
    }

    /// A person did it by a mail of theirs, whoever brought it: not twice, not after a week, on no ticket that they did
    /// not write to, and nothing but what they wrote.
    fn check_word(&mut self, at: usize, sent: Timestamp, (ticket, when): (u32, i64), by: &Address, kind: &EntryKind) {
        let mail = &self.mails[at];
        let what = || format!("{kind:?} on {ticket} by {by:?}: {}", String::from_utf8_lossy(&mail.bytes));
        assert!(mail.authority.as_ref() == Some(by), "G5: no mail with authority made the entry {}", what());
        let word = &mut self.words[mail.word.expect("G5: of a person")];
        let is_for = word.is_for(ticket, mail.his, &self.adversary.leaked);
        assert!(word.by == *by && is_for, "G5: {by:?} wrote to another ticket: {}", what());
        let is_note = matches!(kind, EntryKind::Note | EntryKind::Answered);
        let hidden = matches!(kind, EntryKind::Fact { fact: Fact::Exploited });
        assert!((word.commands || is_note) && !hidden, "G5: a command that nobody gave: {}", what());
        assert!(*kind != EntryKind::Answered || word.to_reporter, "G5: no answer to the reporter: {}", what());
        let old = sent.duration_since(word.written) > SignedDuration::from_hours(8 * 24);
        assert!(!old, "G5: more than a week old: {}", what());
        let obeyed = *word.obeyed.get_or_insert((at, when));
        assert_eq!(obeyed, (at, when), "G5: obeyed twice: {}", what());
    }

    /// The timeline: what may be said once only (G3).
    pub(super) fn check_timeline(&self) {
        let sql = "SELECT ticket, kind, party FROM entry ORDER BY ticket, seq";
        let mut query = self.anchor.prepare_cached(sql).unwrap();
        let mut rows = query.query([]).unwrap();
        let mut said = BTreeSet::new();
        while let Some(row) = rows.next().unwrap() {
            let (ticket, text): (u32, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            let kind: EntryKind = serde_json::from_str(&text).unwrap();
            if matches!(kind, EntryKind::Reminded { .. } | EntryKind::Broken { .. }) {
                let party: Option<i64> = row.get(2).unwrap();
                assert!(said.insert((ticket, text.clone(), party)), "G3: said twice: {text}");
            }
        }
    }

    /// No promise is broken unannounced: once the daemon has looked, each clock that is near its deadline has been
    /// spoken of, and each that has passed it stands in the timeline.
    pub(super) fn check_clocks(&mut self) {
        self.tick();
        let (now, policy, project) = (self.now, self.config.policy.clone(), self.config.project());
        for id in self.numbers("SELECT DISTINCT ticket FROM entry ORDER BY ticket") {
            let Some(Some(ticket)) = self.with(|t| t.store().read(|tx| tx.ticket(TicketId(id)))) else { return };
            let hearers = hearers(&ticket, &project, now);
            for clock in clocks(&ticket, &policy, now).iter().filter(|c| c.live) {
                let key = clock.key();
                let near = clock.deadline - SignedDuration::from_hours(4);
                let moved = ticket.moved.get(&key.0).is_some_and(|(at, _)| *at > near);
                // All of the team hear of each promise a day before its deadline, each by their own quiet time.
                let team = hearers.iter().filter(|h| h.audiences.contains(&Audience::Team));
                let spoken = |h: &Hearer<'_>| ticket.spoken.contains_key(&(key.0.clone(), key.1, h.party().cloned()));
                // A promise that was broken before it stood still was spoken of then.
                let broken = ticket.broken.iter().any(|(promise, at)| *promise == key.0 && *at < key.1);
                let told = { team }.all(spoken) || moved || broken || clock.starts > near;
                assert!(now < near || told, "promise {} of ticket {id}, due {}, is unannounced at {now}", key.0, key.1);
                assert!(now < key.1 || ticket.broken.contains(&key), "no entry says that {} of {id} is broken", key.0);
            }
        }
    }

    /// G1 and G2: each mail is here whole with a receipt for each copy, and each report is one ticket.
    pub(super) fn check_mails(&mut self) {
        let mut groups: BTreeMap<usize, u32> = BTreeMap::new();
        let taken: Vec<usize> = self.copies.keys().copied().collect();
        for index in taken {
            let mail = self.mails[index].clone();
            let hash = Sha256::digest(&mail.bytes).to_vec();
            let one = "SELECT id, state FROM mail WHERE sha256 = ?1";
            let (id, state): (i64, String) = self
                .anchor
                .query_row(one, [&hash], |r| Ok((r.get(0)?, r.get(1)?)))
                .expect("G1: a mail of the folder is not stored");
            assert_eq!(state, "done", "G1: a mail was never handled");
            let raw = self.with(|t| t.store().read(|tx| tx.raw(MailRef(id)))).expect("readable");
            assert!(raw == mail.bytes, "G1: a mail is stored with other bytes");
            let count = |sql: &str| self.anchor.query_row(sql, [id], |r| r.get::<_, u32>(0)).unwrap();
            let receipts = count("SELECT count(*) FROM receipt WHERE mail = ?1");
            // Two mails of the world may be the same octets.
            let same = self.mails.iter().filter(|m| m.bytes == mail.bytes).count();
            let copies = self.copies[&index];
            assert!(same > 1 || receipts as usize == copies, "G1: {copies} copies of a mail have {receipts} receipts");
            let of = "name IN ('reported', 'member')";
            let reports = count(&format!("SELECT count(*) FROM entry WHERE mail = ?1 AND ({of})"));
            assert!(reports <= 1, "G2: one mail made {reports} tickets");
            if same == 1 {
                *groups.entry(mail.group).or_default() += reports;
            }
        }
        for (group, tickets) in groups {
            assert!(tickets <= 1, "G2: one report made {tickets} tickets by its copies");
            let whole = self.copies.contains_key(&group) && self.mails[group].report;
            assert!(!whole || tickets == 1, "G1: a report made no ticket");
        }
        let twice = "SELECT count(*) FROM (SELECT ticket FROM outbox WHERE kind = 'acknowledgement' GROUP BY ticket HAVING count(*) > 1)";
        assert_eq!(self.numbers(twice), [0], "G2: a ticket has two acknowledgements");
    }

    /// The outbox at the end: all that was decided has left, or is known not to have; caps held.
    pub(super) fn check_outbox(&mut self) {
        let open = self.numbers("SELECT id FROM outbox WHERE state IN ('waiting', 'sending') ORDER BY id");
        assert!(open.is_empty(), "{} notices never left, the first of them {:?}", open.len(), open.first());
        for number in self.numbers("SELECT id FROM outbox WHERE state = 'sent'") {
            assert!(self.left.contains_key(&number), "notice {number} is said to be sent and never reached the server");
        }
        let keyless = "SELECT count(*) FROM outbox WHERE id NOT IN (SELECT notice FROM notice_key)";
        assert_eq!(self.numbers(keyless), [0], "G3: a notice stands for nothing");
        if self.went_back {
            return; // A clock that goes back may forget what it counted.
        }
        // What was held first is decided again, when a copy shows that a person wrote it.
        let sql = "SELECT recipient, (SELECT max(at) FROM entry e WHERE e.ticket = o.ticket AND e.name = 'acknowledgement') \
                   FROM outbox o WHERE kind = 'acknowledgement' \
                   AND (state <> 'held' AND NOT (state = 'refused' AND attempts = 0)) ORDER BY 1, 2";
        let mut query = self.anchor.prepare_cached(sql).unwrap();
        let all: Vec<(i64, i64)> =
            query.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(|r| r.unwrap()).collect();
        let day = SignedDuration::from_mins(24 * 60 - 10).as_millis() as i64;
        for three in all.windows(3) {
            let [first, _, third] = three else { continue };
            assert!(first.0 != third.0 || third.1 - first.1 > day, "G7: three acknowledgements to one sender in a day");
        }
    }

    /// The projections are what the timeline says: a rebuild changes no byte.
    pub(super) fn check_rebuild(&mut self) {
        let tracker = self.tracker.as_mut().expect("the process runs");
        let before = tracker.store().read(|tx| tx.projections()).unwrap();
        tracker.rebuild(|_| ()).unwrap();
        let after = tracker.store().read(|tx| tx.projections()).unwrap();
        assert_eq!(before, after, "a rebuild changes the projections");
    }

    /// Every byte that matters, hashed.
    pub(super) fn dump(&mut self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for table in ["ticket", "deadline", "entry", "text", "address", "receipt", "outbox", "place", "mail", "meta"] {
            let mut query = self.anchor.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
            let columns = query.column_count();
            let mut rows = query.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    hash.update(format!("{:?}|", row.get_ref(column).unwrap()));
                }
            }
        }
        hash.finalize().to_vec()
    }
}
