//! The timeline, and the projections of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};

use super::{Result, StoreError, Tx, address, instant, millis};
use crate::notice::text::digest::Line;
use crate::notice::text::team::Moved;
use crate::notice::text::trouble::TroubleKind;
use crate::policy::Milestone;
use crate::project::Project;
use crate::ticket::clock::{Clock, clocks, next_deadline};
use crate::ticket::hearer::hearers;
use crate::ticket::{Actor, Entry, EntryKind, Status, Ticket};
use crate::vocabulary::{Address, MailRef, TicketId};

impl Tx<'_> {
    /// The number of the next ticket.
    pub fn next_ticket(&self) -> Result<TicketId> {
        let last: Option<u32> = self.0.prepare_cached("SELECT max(id) FROM ticket")?.query_row([], |r| r.get(0))?;
        Ok(TicketId(last.unwrap_or(0) + 1))
    }

    /// The timeline of a ticket.
    pub fn entries(&self, ticket: TicketId) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.each_entry(ticket, "e.text IS NOT NULL", |e| entries.push(e))?;
        Ok(entries)
    }

    /// Reads the timeline, with the texts of those entries alone that meet a condition.
    fn each_entry(&self, ticket: TicketId, with_text: &str, mut each: impl FnMut(Entry)) -> Result<()> {
        let sql = format!(
            "SELECT e.seq, e.at, e.by_kind, b.shown, e.kind, p.shown, \
             CASE WHEN {with_text} THEN (SELECT text FROM text WHERE id = e.text) END, e.mail FROM entry e \
             LEFT JOIN address b ON b.id = e.by_address LEFT JOIN address p ON p.id = e.party \
             WHERE e.ticket = ?1 ORDER BY e.seq"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let mut rows = query.query([ticket.0])?;
        while let Some(row) = rows.next()? {
            each(entry(row)?);
        }
        Ok(())
    }

    /// A ticket, folded from its timeline; `None` when there is none of that number.
    pub fn ticket(&self, id: TicketId) -> Result<Option<Ticket>> {
        let mut ticket = Ticket::new(id);
        // The fold looks at these texts and no others; a long ticket has many.
        let with_text = "e.kind LIKE '{\"kind\":\"reported\"%' OR e.kind LIKE '{\"kind\":\"code-asked\"%' \
                         OR e.kind LIKE '{\"kind\":\"credit\"%'";
        self.each_entry(id, with_text, |e| ticket.apply(&e))?;
        Ok((ticket.revision > 0).then_some(ticket))
    }

    /// The reporter of a ticket; outer `None` when there is no such ticket.
    pub fn reporter(&self, id: TicketId) -> Result<Option<Option<Address>>> {
        let sql = "SELECT a.shown FROM ticket t LEFT JOIN address a ON a.id = t.reporter WHERE t.id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([id.0], |r| Ok(address(r.get(0)?))).optional()?)
    }

    /// What is to be known of a ticket to list one more of many reports in it: its last entry, and whether it still
    /// waits for a person.
    pub fn gathers(&self, id: TicketId) -> Result<Option<(u32, bool)>> {
        let sql = "SELECT revision, open = 1 AND acknowledged IS NULL FROM ticket WHERE id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([id.0], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
    }

    /// Adds one of many reports to the timeline; of the projections only the revision changes.
    pub fn list_member(&self, id: TicketId, entry: &Entry) -> Result<()> {
        self.append(id, std::slice::from_ref(entry))?;
        self.0.prepare_cached("UPDATE ticket SET revision = ?2 WHERE id = ?1")?.execute([id.0, entry.seq])?;
        Ok(())
    }

    /// How many reports a ticket lists.
    pub fn members(&self, id: TicketId) -> Result<u32> {
        let sql = "SELECT count(*) FROM entry WHERE ticket = ?1 AND kind = '{\"kind\":\"member\"}'";
        Ok(self.0.prepare_cached(sql)?.query_row([id.0], |r| r.get(0))?)
    }

    /// The senders and titles of the mails that a ticket lists after an entry of its timeline, at most so many; and how
    /// many there are.
    pub fn members_after(&self, id: TicketId, after: u32, most: usize) -> Result<(Vec<(String, String)>, usize)> {
        let sql = "SELECT coalesce(a.shown, ''), coalesce(t.text, '') FROM entry e LEFT JOIN address a ON a.id = e.party \
                   LEFT JOIN text t ON t.id = e.text \
                   WHERE e.ticket = ?1 AND e.seq > ?2 AND e.kind = '{\"kind\":\"member\"}' ORDER BY e.seq";
        let mut query = self.0.prepare_cached(sql)?;
        let mut rows = query.query(params![id.0, after])?;
        let (mut found, mut all) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            all += 1;
            if found.len() < most {
                found.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok((found, all))
    }

    /// Adds to the timeline.
    pub fn append(&self, ticket: TicketId, entries: &[Entry]) -> Result<()> {
        let sql = "INSERT INTO entry (ticket, seq, at, by_kind, by_address, kind, party, text, mail) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let mut insert = self.0.prepare_cached(sql)?;
        for e in entries {
            let (by, by_address) = match &e.by {
                Actor::Daemon => ("daemon", None),
                Actor::Local => ("local", None),
                Actor::Reporter => ("reporter", None),
                Actor::Stranger => ("stranger", None),
                Actor::Person(a) => ("person", Some(self.address_id(a)?)),
            };
            let kind = serde_json::to_string(&e.kind).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            let party = e.party.as_ref().map(|a| self.address_id(a)).transpose()?;
            let text = e.text.as_deref().map(|t| self.text_id(t)).transpose()?;
            let mail = e.mail.map(|m| m.0);
            insert.execute(params![ticket.0, e.seq, millis(e.at), by, by_address, kind, party, text, mail])?;
        }
        Ok(())
    }

    /// Remakes the projections of one ticket.
    pub fn project(&self, ticket: &Ticket, project: &Project) -> Result<()> {
        // No state that is stored here depends on the time of day; the clocks' own instants do the rest.
        let now = Timestamp::MIN;
        let at = |m: Milestone| ticket.milestones.get(&m).map(|t| millis(*t));
        let all = clocks(ticket, &project.policy, now);
        let next = next_deadline(ticket, &project.policy, now);
        // A ticket that only waits for its data to be erased is none to work on.
        let works = |c: &Clock<'_>| c.live && c.promise.until != Milestone::Erased;
        let open = ticket.status != Status::Closed || all.iter().any(works);
        let sql = "INSERT OR REPLACE INTO ticket (id, revision, status, open, severity, owner, reporter, received, \
                   acknowledged, assessed, fix_released, public, closed, next_promise, next_deadline, waits_since) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
        self.0.prepare_cached(sql)?.execute(params![
            ticket.id.0,
            ticket.revision,
            ticket.status.to_string(),
            open,
            ticket.severity.map(|s| s.to_string()),
            ticket.owner.as_ref().map(|a| self.address_id(a)).transpose()?,
            ticket.reporter.as_ref().map(|a| self.address_id(a)).transpose()?,
            millis(ticket.received),
            at(Milestone::Acknowledged),
            at(Milestone::Assessed),
            at(Milestone::FixReleased),
            at(Milestone::Public),
            at(Milestone::Closed),
            next.as_ref().map(|c| c.promise.name.as_str()),
            next.as_ref().map(|c| millis(c.deadline)),
            ticket.paused_since().map(millis),
        ])?;
        self.0.prepare_cached("DELETE FROM deadline WHERE ticket = ?1")?.execute([ticket.id.0])?;
        let sql = "INSERT INTO deadline (ticket, promise, deadline, wake) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.0.prepare_cached(sql)?;
        let hearers = hearers(ticket, project, now);
        for clock in all.iter().filter(|c| c.live) {
            let wake = clock.wake(ticket, &project.policy, &hearers).map(not_before);
            insert.execute(params![ticket.id.0, clock.promise.name, millis(clock.deadline), wake])?;
        }
        // Whoever remakes them has read the timeline, and from here on the ticket is due when its clocks say so.
        self.end_trouble(TroubleKind::Timeline(ticket.id))
    }

    /// Puts a ticket aside that claimed to be due and had nothing to say, so that it cannot keep the daemon busy.
    pub fn postpone(&self, ticket: TicketId, from: Timestamp, to: Timestamp) -> Result<()> {
        let sql = "UPDATE deadline SET wake = ?3 WHERE ticket = ?1 AND wake <= ?2";
        self.0.prepare_cached(sql)?.execute(params![ticket.0, millis(from), millis(to)])?;
        Ok(())
    }

    /// Tickets that need a look at `now`, those that waited longest first.
    pub fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<TicketId>> {
        let sql = "SELECT ticket FROM deadline WHERE wake <= ?1 ORDER BY wake, ticket LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![millis(now), limit], |r| Ok(TicketId(r.get(0)?)))?;
        let mut due: Vec<TicketId> = rows.collect::<rusqlite::Result<_>>()?;
        let mut once = std::collections::HashSet::new();
        due.retain(|t| once.insert(*t));
        Ok(due)
    }

    /// When the next ticket needs a look.
    pub fn next_wake(&self) -> Result<Option<Timestamp>> {
        let mut query =
            self.0.prepare_cached("SELECT wake FROM deadline WHERE wake IS NOT NULL ORDER BY wake LIMIT 1")?;
        Ok(query.query_row([], |r| r.get(0)).optional()?.map(instant))
    }

    /// The earliest deadline that lies ahead, of any promise that runs.
    pub fn next_deadline(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let mut query = self.0.prepare_cached("SELECT min(deadline) FROM deadline WHERE deadline > ?1")?;
        Ok(query.query_row([millis(now)], |r| r.get::<_, Option<i64>>(0))?.map(instant))
    }

    /// Throws the projections away and remakes them; says how many tickets there are.
    pub fn rebuild(&self, project: &Project, mut each: impl FnMut(u32)) -> Result<u32> {
        self.0.execute_batch("DELETE FROM ticket; DELETE FROM deadline;")?;
        let mut query = self.0.prepare("SELECT DISTINCT ticket FROM entry ORDER BY ticket")?;
        let mut rows = query.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let id = TicketId(row.get(0)?);
            if let Some(ticket) = self.ticket(id)? {
                self.project(&ticket, project)?;
                count += 1;
                each(count);
            }
        }
        Ok(count)
    }

    /// The ticket whose number comes next.
    pub fn ticket_after(&self, ticket: TicketId) -> Result<Option<TicketId>> {
        let mut query = self.0.prepare_cached("SELECT min(ticket) FROM entry WHERE ticket > ?1")?;
        Ok(query.query_row([ticket.0], |r| r.get::<_, Option<u32>>(0))?.map(TicketId))
    }

    /// Remakes the projections of one ticket under another policy. Each deadline that moved by that becomes an entry,
    /// and is given back.
    pub fn rederive(&self, id: TicketId, project: &Project, now: Timestamp) -> Result<Vec<Moved>> {
        let sql = "SELECT promise, deadline FROM deadline WHERE ticket = ?1 ORDER BY promise";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([id.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let mut before: BTreeMap<String, i64> = rows.collect::<rusqlite::Result<_>>()?;
        let mut ticket = match self.ticket(id) {
            Ok(Some(ticket)) => ticket,
            // One timeline that cannot be read must not keep the daemon from all the others; the tick tells of it.
            Ok(None) | Err(StoreError::Corrupt(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut moved = Vec::new();
        let mut see = |promise: &str, from: Option<i64>, to: Option<i64>| {
            if from != to {
                let (promise, from, to) = (promise.to_owned(), from.map(instant), to.map(instant));
                moved.push(Moved { ticket: id, promise, from, to, revision: 0 });
            }
        };
        for clock in clocks(&ticket, &project.policy, Timestamp::MIN).iter().filter(|c| c.live) {
            let name = &clock.promise.name;
            see(name, before.remove(name), Some(millis(clock.deadline)));
        }
        before.iter().for_each(|(name, from)| see(name, Some(*from), None));
        let mut entries = Vec::with_capacity(moved.len());
        for Moved { promise, from, to, .. } in moved.iter().cloned() {
            let kind = EntryKind::Rederived { promise, from, to };
            let seq = ticket.revision + 1;
            let entry = Entry { seq, at: now, by: Actor::Daemon, kind, party: None, text: None, mail: None };
            ticket.apply(&entry);
            entries.push(entry);
        }
        self.append(id, &entries)?;
        self.project(&ticket, project)?;
        moved.iter_mut().for_each(|m| m.revision = ticket.revision);
        Ok(moved)
    }

    /// All open tickets as the list shows them, those whose deadline is nearest first.
    pub fn open_lines(&self, project: &Project, limit: u32) -> Result<Vec<Line>> {
        let sql = "SELECT t.id, t.status, t.severity, a.shown, t.next_promise, t.next_deadline, t.waits_since FROM ticket t \
                   LEFT JOIN address a ON a.id = t.owner WHERE t.open = 1 \
                   ORDER BY t.next_deadline IS NULL, t.next_deadline, t.id LIMIT ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([limit], |r| {
            let owner = address(r.get(3)?);
            let next: (Option<String>, Option<i64>) = (r.get(4)?, r.get(5)?);
            Ok(Line {
                ticket: TicketId(r.get(0)?),
                status: word(r.get_ref(1)?).unwrap_or(Status::Received),
                severity: word(r.get_ref(2)?),
                owner: owner.map(|o| project.name_of(&o).to_owned()),
                next: next.0.zip(next.1.map(instant)),
                waits_since: r.get::<_, Option<i64>>(6)?.map(instant),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every byte of the projections, for the test that a rebuild changes none.
    pub fn projections(&self) -> Result<String> {
        let mut all = String::new();
        for sql in ["SELECT * FROM ticket ORDER BY id", "SELECT * FROM deadline ORDER BY ticket, promise"] {
            let mut query = self.0.prepare(sql)?;
            let columns = query.column_count();
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let values: rusqlite::Result<Vec<_>> = (0..columns).map(|c| row.get_ref(c)).collect();
                all.push_str(&format!("{:?}\n", values?));
            }
        }
        Ok(all)
    }
}

/// The first millisecond that is not before an instant: woken earlier, a ticket would have nothing to say yet.
fn not_before(at: Timestamp) -> i64 {
    millis(at) + i64::from(at.subsec_nanosecond() % 1_000_000 > 0)
}

/// An enum by its kebab-case word.
fn word<T: serde::de::DeserializeOwned>(value: ValueRef<'_>) -> Option<T> {
    serde_json::from_value(value.as_str().ok()?.into()).ok()
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let by: String = row.get(2)?;
    let by_address = address(row.get(3)?);
    let by = match (by.as_str(), by_address) {
        ("daemon", _) => Actor::Daemon,
        ("local", _) => Actor::Local,
        ("reporter", _) => Actor::Reporter,
        ("person", Some(a)) => Actor::Person(a),
        _ => Actor::Stranger,
    };
    let kind = row.get_ref(4)?.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let kind: EntryKind = serde_json::from_str(kind).map_err(|e| StoreError::Corrupt(format!("an entry: {e}")))?;
    Ok(Entry {
        seq: row.get(0)?,
        at: instant(row.get(1)?),
        by,
        kind,
        party: address(row.get(5)?),
        text: row.get(6)?,
        mail: row.get::<_, Option<i64>>(7)?.map(MailRef),
    })
}
