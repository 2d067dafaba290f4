//! The timeline, and the projections of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{Result, StoreError, Tx, address, instant, millis};
use crate::notice::text::digest::{LINES_MAX, Line, Open};
use crate::notice::text::flood::Sample;
use crate::notice::text::trouble::TroubleKind;
use crate::policy::Milestone;
use crate::project::Project;
use crate::ticket::clock::{clocks, next_deadline};
use crate::ticket::hearer::hearers;
use crate::ticket::{Actor, Entry, Seat, Ticket};
use crate::vocabulary::{Address, TicketId};

/// The title of a ticket `t`: the text of its first entry, none once that is erased.
pub(super) const TITLE: &str =
    "(SELECT x.text FROM entry e JOIN text x ON x.id = e.text WHERE e.ticket = t.id AND e.seq = 1)";

impl Tx<'_> {
    /// The number of the next ticket.
    pub fn next_ticket(&self) -> Result<TicketId> {
        let last: Option<u32> = self.0.prepare_cached("SELECT max(id) FROM ticket")?.query_row([], |r| r.get(0))?;
        Ok(TicketId(last.unwrap_or(0).max(self.raised()?.ticket) + 1))
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
            r"
            SELECT e.seq, e.at, e.by_kind, b.shown, e.kind, p.shown,
                   CASE WHEN {with_text} THEN (SELECT text FROM text WHERE id = e.text) END, e.mail, e.by_order,
                   e.by_login
            FROM entry e LEFT JOIN address b ON b.id = e.by_address LEFT JOIN address p ON p.id = e.party
            WHERE e.ticket = ?1
            ORDER BY e.seq"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let mut rows = query.query([ticket])?;
        while let Some(row) = rows.next()? {
            each(entry(row)?);
        }
        Ok(())
    }

    /// A ticket, folded from its timeline; `None` when there is none of that number.
    pub fn ticket(&self, id: TicketId) -> Result<Option<Ticket>> {
        let mut ticket = Ticket::new(id);
        self.each_entry(id, "e.folds_text", |e| ticket.apply(&e))?;
        Ok((ticket.revision > 0).then_some(ticket))
    }

    /// Whether somebody is the reporter of any ticket.
    pub fn is_reporter(&self, address: &Address) -> Result<bool> {
        let sql = "SELECT 1 FROM ticket WHERE reporter = (SELECT id FROM address WHERE key = ?1)";
        Ok(self.0.prepare_cached(sql)?.exists([address.key()])?)
    }

    /// The reporter of a ticket; outer `None` when there is no such ticket.
    pub fn reporter(&self, id: TicketId) -> Result<Option<Option<Address>>> {
        let sql = r"
            SELECT a.shown
            FROM ticket t LEFT JOIN address a ON a.id = t.reporter
            WHERE t.id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([id], |r| Ok(address(r.get(0)?))).optional()?)
    }

    /// How far the timeline of a ticket had come at that time.
    pub fn revision_at(&self, id: TicketId, at: Timestamp) -> Result<u32> {
        let sql = "SELECT coalesce(max(seq), 0) FROM entry WHERE ticket = ?1 AND at <= ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![id, millis(at)], |r| r.get(0))?)
    }

    /// Whether a ticket is open, or a promise still runs on it other than that of erasing it.
    pub fn is_open(&self, id: TicketId) -> Result<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM ticket WHERE id = ?1 AND open = 1")?.exists([id])?)
    }

    /// What is to be known of a ticket to list one more of many reports in it: its last entry, and whether it still
    /// waits for a person.
    pub fn gathers(&self, id: TicketId) -> Result<Option<(u32, bool)>> {
        let sql = "SELECT revision, open = 1 AND acknowledged IS NULL FROM ticket WHERE id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
    }

    /// Adds one of many reports to the timeline; of the projections only the revision changes.
    pub fn list_member(&self, id: TicketId, entry: &Entry) -> Result<()> {
        self.append(id, std::slice::from_ref(entry))?;
        self.0.prepare_cached("UPDATE ticket SET revision = ?2 WHERE id = ?1")?.execute(params![id, entry.seq])?;
        Ok(())
    }

    /// How many reports a ticket lists.
    pub fn members(&self, id: TicketId) -> Result<u32> {
        let sql = "SELECT count(*) FROM entry WHERE ticket = ?1 AND name = 'member'";
        Ok(self.0.prepare_cached(sql)?.query_row([id], |r| r.get(0))?)
    }

    /// The senders and titles of the mails that a ticket lists after an entry of its timeline, at most so many; and how
    /// many there are.
    pub fn members_after(&self, id: TicketId, after: u32, most: usize) -> Result<(Vec<Sample>, usize)> {
        let sql = r"
            SELECT a.shown, coalesce(t.text, '') AS subject
            FROM entry e LEFT JOIN address a ON a.id = e.party LEFT JOIN text t ON t.id = e.text
            WHERE e.ticket = ?1 AND e.seq > ?2 AND e.name = 'member'
            ORDER BY e.seq";
        let mut query = self.0.prepare_cached(sql)?;
        let mut rows = query.query(params![id, after])?;
        let (mut found, mut all) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            all += 1;
            if found.len() < most {
                found.push(Sample { from: row.get("shown")?, subject: row.get("subject")? });
            }
        }
        Ok((found, all))
    }

    /// Adds to the timeline. All entries come through here, so that here is held that each is by somebody who may make it
    /// (G5).
    pub fn append(&self, ticket: TicketId, entries: &[Entry]) -> Result<()> {
        let sql = r"
            INSERT INTO entry (ticket, seq, at, by_kind, by_address, by_login, name, kind, party, folds_text, text, mail, by_order)
            VALUES (:ticket, :seq, :at, :by_kind, :by_address, :by_login, :name, :kind, :party, :folds_text, :text, :mail, :by_order)";
        let mut insert = self.0.prepare_cached(sql)?;
        for e in entries {
            let (row, by) = (e.kind.row(), e.by.kind());
            if !row.makers.contains(&by) {
                return Err(StoreError::Unauthorized { kind: row.word, by: by.word() });
            }
            let login = if let Actor::Local(seat) = &e.by { seat.login.as_deref() } else { None };
            insert.execute(named_params! {
                ":ticket": ticket,
                ":seq": e.seq,
                ":at": millis(e.at),
                ":by_kind": by.word(),
                ":by_address": e.by.person().map(|a| self.address_id(a)).transpose()?,
                ":by_login": login,
                ":name": row.name,
                ":kind": serde_json::to_string(&e.kind).map_err(|e| StoreError::Corrupt(e.to_string()))?,
                ":party": e.party.as_ref().map(|a| self.address_id(a)).transpose()?,
                ":folds_text": row.folds_text,
                ":text": e.text.as_deref().map(|t| self.text_id(t)).transpose()?,
                ":mail": e.mail,
                ":by_order": e.order,
            })?;
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
        let sql = r"
            INSERT INTO ticket (id, revision, status, open, severity, owner, reporter, received, acknowledged, assessed,
                                fix_released, public, closed, next_promise, next_deadline, waits_since)
            VALUES (:id, :revision, :status, :open, :severity, :owner, :reporter, :received, :acknowledged,
                    :assessed, :fix_released, :public, :closed, :next_promise, :next_deadline,
                    :waits_since)
            ON CONFLICT (id) DO UPDATE
            SET revision = excluded.revision, status = excluded.status, open = excluded.open,
                severity = excluded.severity, owner = excluded.owner, reporter = excluded.reporter,
                received = excluded.received, acknowledged = excluded.acknowledged, assessed = excluded.assessed,
                fix_released = excluded.fix_released, public = excluded.public, closed = excluded.closed,
                next_promise = excluded.next_promise, next_deadline = excluded.next_deadline,
                waits_since = excluded.waits_since";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": ticket.id,
            ":revision": ticket.revision,
            ":status": ticket.status,
            ":open": ticket.is_open(&all),
            ":severity": ticket.severity,
            ":owner": ticket.owner.as_ref().map(|a| self.address_id(a)).transpose()?,
            ":reporter": ticket.reporter.as_ref().map(|a| self.address_id(a)).transpose()?,
            ":received": millis(ticket.received),
            ":acknowledged": at(Milestone::Acknowledged),
            ":assessed": at(Milestone::Assessed),
            ":fix_released": at(Milestone::FixReleased),
            ":public": at(Milestone::Public),
            ":closed": at(Milestone::Closed),
            ":next_promise": next.as_ref().map(|c| c.promise.name.as_str()),
            ":next_deadline": next.as_ref().map(|c| millis(c.deadline)),
            ":waits_since": ticket.paused_since().map(millis),
        })?;
        self.0.prepare_cached("DELETE FROM deadline WHERE ticket = ?1")?.execute([ticket.id])?;
        let sql = r"
            INSERT INTO deadline (ticket, promise, deadline, wake)
            VALUES (:ticket, :promise, :deadline, :wake)";
        let mut insert = self.0.prepare_cached(sql)?;
        let hearers = hearers(ticket, project, now);
        for clock in all.iter().filter(|c| c.live) {
            insert.execute(named_params! {
                ":ticket": ticket.id,
                ":promise": clock.promise.name,
                ":deadline": millis(clock.deadline),
                ":wake": clock.wake(ticket, &project.policy, &hearers).map(not_before),
            })?;
        }
        // Whoever remakes them has read the timeline, and from here on the ticket is due when its clocks say so.
        self.end_trouble(TroubleKind::Timeline(ticket.id))
    }

    /// Puts a ticket aside that claimed to be due and had nothing to say, so that it cannot keep the daemon busy.
    pub fn postpone(&self, ticket: TicketId, from: Timestamp, to: Timestamp) -> Result<()> {
        let sql = "UPDATE deadline SET wake = :to WHERE ticket = :ticket AND wake <= :from";
        let row = named_params! { ":ticket": ticket, ":from": millis(from), ":to": millis(to) };
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Tickets that need a look at `now`, those that waited longest first.
    pub fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<TicketId>> {
        let sql = "SELECT ticket FROM deadline WHERE wake <= ?1 ORDER BY wake, ticket LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![millis(now), limit], |r| r.get(0))?;
        let mut due: Vec<TicketId> = rows.collect::<rusqlite::Result<_>>()?;
        let mut once = std::collections::HashSet::new();
        due.retain(|t| once.insert(*t));
        Ok(due)
    }

    /// When the next ticket needs a look.
    pub fn next_wake(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT wake FROM deadline WHERE wake IS NOT NULL ORDER BY wake LIMIT 1";
        let mut query = self.0.prepare_cached(sql)?;
        Ok(query.query_row([], |r| r.get(0)).optional()?.map(instant))
    }

    /// The earliest deadline that lies ahead, of any promise that runs.
    pub fn next_deadline(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(deadline) FROM deadline WHERE deadline > ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([millis(now)], |r| r.get::<_, Option<i64>>(0))?.map(instant))
    }

    /// Throws the projections away and remakes them; says how many tickets there are.
    pub fn rebuild(&self, project: &Project, mut each: impl FnMut(u32)) -> Result<u32> {
        self.0.execute_batch("DELETE FROM ticket; DELETE FROM deadline;")?;
        let mut query = self.0.prepare("SELECT DISTINCT ticket FROM entry ORDER BY ticket")?;
        let mut rows = query.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if let Some(ticket) = self.ticket(row.get(0)?)? {
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
        Ok(query.query_row([ticket], |r| r.get(0))?)
    }

    /// The deadlines of a ticket that still want an answer, by the names of their promises.
    pub fn deadlines(&self, ticket: TicketId) -> Result<BTreeMap<String, Timestamp>> {
        let mut query = self.0.prepare_cached("SELECT promise, deadline FROM deadline WHERE ticket = ?1")?;
        let rows = query.query_map([ticket], |r| Ok((r.get(0)?, instant(r.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The open tickets, with those whose deadline is nearest as a mail lists them.
    pub fn open_list(&self, project: &Project, now: Timestamp) -> Result<Open> {
        let mut first = Vec::new();
        // Those without a deadline come last. Two statements, since one that says so would sort all; and the index is named,
        // since SQLite would rather take one that has closed tickets too.
        for condition in ["t.next_deadline IS NOT NULL", "t.next_deadline IS NULL"] {
            let sql = format!(
                r"
                SELECT t.id, t.status, t.severity, a.shown AS owner, t.next_promise, t.next_deadline, t.waits_since,
                       {TITLE} AS title
                FROM ticket t INDEXED BY ticket_open LEFT JOIN address a ON a.id = t.owner
                WHERE t.open = 1 AND {condition}
                ORDER BY t.next_deadline, t.id
                LIMIT ?1"
            );
            let room = i64::from(LINES_MAX) - i64::try_from(first.len()).unwrap_or(i64::MAX);
            let mut query = self.0.prepare_cached(&sql)?;
            let rows = query.query_map([room], |r| line(r, project))?;
            first.append(&mut rows.collect::<rusqlite::Result<_>>()?);
        }
        let overdue = "SELECT count(*) FROM ticket WHERE open = 1 AND next_deadline <= ?1";
        let overdue = self.0.prepare_cached(overdue)?.query_row([millis(now)], |r| r.get(0))?;
        Ok(Open { first, all: self.open_tickets()?, overdue })
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

fn line(row: &Row<'_>, project: &Project) -> rusqlite::Result<Line> {
    let at = |column| -> rusqlite::Result<Option<Timestamp>> { Ok(row.get::<_, Option<i64>>(column)?.map(instant)) };
    let promise: Option<String> = row.get("next_promise")?;
    Ok(Line {
        ticket: row.get("id")?,
        title: row.get::<_, Option<String>>("title")?.unwrap_or_default(),
        status: row.get("status")?,
        severity: row.get("severity")?,
        owner: address(row.get("owner")?).map(|o| project.name_of(&o).to_owned()),
        next: promise.zip(at("next_deadline")?),
        waits_since: at("waits_since")?,
    })
}

/// Columns by position: this is read for every entry whenever a ticket is, and to find eight columns by name made a
/// third of its cost.
fn entry(row: &Row<'_>) -> Result<Entry> {
    let by_kind = row.get_ref(2)?.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let kind = row.get_ref(4)?.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(Entry {
        seq: row.get(0)?,
        at: instant(row.get(1)?),
        by: actor(by_kind, address(row.get(3)?), row.get(9)?)?,
        kind: serde_json::from_str(kind).map_err(|e| StoreError::Corrupt(format!("an entry: {e}")))?,
        party: address(row.get(5)?),
        text: row.get(6)?,
        mail: row.get(7)?,
        order: row.get(8)?,
    })
}

/// Who did something, from the word of [`crate::ticket::ActorKind`], the address of a person and a login name.
fn actor(by_kind: &str, by_address: Option<Address>, login: Option<String>) -> Result<Actor> {
    match (by_kind, by_address) {
        ("daemon", _) => Ok(Actor::Daemon),
        ("local", person) => Ok(Actor::Local(Seat { login, person })),
        ("reporter", _) => Ok(Actor::Reporter),
        ("stranger", _) => Ok(Actor::Stranger),
        ("person", Some(address)) => Ok(Actor::Person(address)),
        ("person", None) => Err(StoreError::Corrupt("an entry is by a person without an address".into())),
        (unknown, _) => Err(StoreError::Corrupt(format!("an entry is by \"{unknown}\", which is nobody"))),
    }
}
