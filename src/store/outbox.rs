//! The outbox: notices on their way, as the bytes that leave.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, named_params, params};
use sha2::{Digest, Sha256};

use super::{Result, Tx, address, instant, millis};
use crate::intake::given::Sent;
use crate::notice::text::trouble::TroubleKind;
use crate::vocabulary::{Address, NoticeKind, TicketId};

/// How long a notice is tried (RFC 5321 section 4.5.4.1 asks for four to five days).
pub const RETRY_FOR: SignedDuration = SignedDuration::from_hours(5 * 24);

/// The longest time between two attempts.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(2);

/// A notice for the outbox.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Its number, from [`Tx::next_notice`].
    pub number: u32,
    /// What it is.
    pub kind: NoticeKind,
    /// To whom.
    pub to: &'a Address,
    /// About which ticket.
    pub ticket: Option<TicketId>,
    /// The revision of the ticket that it shows.
    pub revision: u32,
    /// Its Message-ID, without angle brackets.
    pub message_id: &'a str,
    /// Why it is held.
    pub held: Option<&'a str>,
    /// The envelope sender; `None` for the project's own address.
    pub envelope: Option<&'a Address>,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A notice that is ours to send: its attempt is counted and on disk. Only a committed claim makes one.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub kind: String,
    /// To whom.
    pub to: Address,
    /// About which ticket.
    pub ticket: Option<TicketId>,
    /// When it was made.
    pub created: Timestamp,
    /// This attempt counted.
    pub attempts: u32,
    /// How often the server's last answer was lost.
    pub doubts: u32,
    /// The envelope sender; `None` for the project's own address.
    pub envelope: Option<Address>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Claim {
    /// `None` where the address was erased: then there is nobody to send to.
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let Some(to) = address(row.get("recipient")?) else { return Ok(None) };
        Ok(Some(Self {
            number: row.get("id")?,
            kind: row.get("kind")?,
            to,
            ticket: row.get("ticket")?,
            created: instant(row.get("created")?),
            attempts: row.get("attempts")?,
            doubts: row.get("doubts")?,
            envelope: address(row.get("envelope")?),
            bytes: row.get("bytes")?,
        }))
    }
}

impl Tx<'_> {
    /// The number of the next notice.
    pub fn next_notice(&self) -> Result<u32> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
        let last: Option<u32> = self.0.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Those keys that no notice stands for yet, each once: a notice made of several may bring one twice.
    pub fn fresh_keys(&self, keys: &[String]) -> Result<Vec<[u8; 32]>> {
        let mut query = self.0.prepare_cached("SELECT 1 FROM notice_key WHERE key = ?1")?;
        let mut fresh = Vec::new();
        for key in keys {
            let key = notice_key(key);
            if !fresh.contains(&key) && !query.exists([&key[..]])? {
                fresh.push(key);
            }
        }
        Ok(fresh)
    }

    /// The revision of the ticket that a notice showed.
    pub fn revision_of(&self, notice: u32) -> Result<Option<u32>> {
        let mut query = self.0.prepare_cached("SELECT revision FROM outbox WHERE id = ?1")?;
        Ok(query.query_row([notice], |r| r.get(0)).optional()?)
    }

    /// The last notice that left to an address since then.
    pub fn sent_to(&self, to: &Address, since: Timestamp) -> Result<Option<Sent>> {
        let sql = r"
            SELECT id, ticket, kind
            FROM outbox
            WHERE recipient = (SELECT id FROM address WHERE key = ?1) AND created >= ?2 AND state IN ('sent', 'unknown')
            ORDER BY id DESC
            LIMIT 1";
        let mut query = self.0.prepare_cached(sql)?;
        let row = query.query_row(params![to.key(), millis(since)], |r| {
            Ok(Sent { number: r.get("id")?, ticket: r.get("ticket")?, notice: r.get("kind")?, to: to.clone() })
        });
        Ok(row.optional()?)
    }

    /// Puts a notice into the outbox, with what it stands for.
    pub fn post(&self, new: &Outgoing<'_>, keys: &[[u8; 32]], now: Timestamp) -> Result<()> {
        let sql = r"
            INSERT INTO outbox (id, created, kind, lane, recipient, ticket, revision, message_id, state, due, reply,
                                envelope, bytes)
            VALUES (:id, :now, :kind, :lane, :recipient, :ticket, :revision, :message_id, :state, :now, :held,
                    :envelope, :bytes)";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": new.number,
            ":now": millis(now),
            ":kind": new.kind.word(),
            ":lane": new.kind.lane(),
            ":recipient": self.address_id(new.to)?,
            ":ticket": new.ticket,
            ":revision": new.revision,
            ":message_id": new.message_id,
            ":state": if new.held.is_some() { "held" } else { "waiting" },
            ":held": new.held,
            ":envelope": new.envelope.map(Address::as_str),
            ":bytes": new.bytes,
        })?;
        let mut insert = self.0.prepare_cached("INSERT INTO notice_key (key, notice) VALUES (?1, ?2)")?;
        for key in keys {
            insert.execute(params![&key[..], new.number])?;
        }
        Ok(())
    }

    /// Since when all but the first lane is held, because too much was made: see the breaker in the tracker.
    pub fn breaker(&self) -> Result<Option<Timestamp>> {
        Ok(self.trouble(TroubleKind::Breaker)?.map(|trouble| trouble.since))
    }

    /// The last lane that may leave.
    fn last_lane(&self) -> Result<u8> {
        Ok(if self.breaker()?.is_some() { 0 } else { u8::MAX })
    }

    /// How many notices wait.
    pub fn waiting(&self) -> Result<u32> {
        let mut query = self.0.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'waiting'")?;
        Ok(query.query_row([], |r| r.get(0))?)
    }

    /// Takes the next notice that is due, and counts the attempt. None waits longer than `WAIT_MAX`: what is due later
    /// than that was put off by a clock that was wrong then.
    pub fn claim(&self, now: Timestamp) -> Result<Option<Claim>> {
        // The index is named, since SQLite would rather collect all that is due, and sort it.
        let sql = r"
            UPDATE outbox
            SET state = 'sending', attempts = attempts + 1
            WHERE id = (
                SELECT id
                FROM outbox INDEXED BY outbox_waiting
                WHERE state = 'waiting' AND lane <= :last_lane AND (due <= :now OR due > :wrong)
                ORDER BY lane, id
                LIMIT 1)
            RETURNING id, kind, (SELECT shown FROM address WHERE address.id = recipient) AS recipient, ticket, created,
                      attempts, doubts, envelope, bytes";
        let mut query = self.0.prepare_cached(sql)?;
        let wrong = now.checked_add(WAIT_MAX).unwrap_or(now);
        let row = named_params! { ":now": millis(now), ":wrong": millis(wrong), ":last_lane": self.last_lane()? };
        Ok(query.query_row(row, Claim::from_row).optional()?.flatten())
    }

    /// Notes how an attempt ended.
    pub fn settle(&self, number: u32, state: &str, due: Timestamp, doubts: u32, reply: &str) -> Result<()> {
        let sql = "UPDATE outbox SET state = :state, due = :due, doubts = :doubts, reply = :reply WHERE id = :id";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": number,
            ":state": state,
            ":due": millis(due),
            ":doubts": doubts,
            ":reply": reply,
        })?;
        Ok(())
    }

    /// Notices that were being sent when the process ended: what the server said is not known.
    pub fn interrupted(&self) -> Result<Vec<u32>> {
        let mut query = self.0.prepare_cached("SELECT id FROM outbox WHERE state = 'sending' ORDER BY id")?;
        let rows = query.query_map([], |r| r.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// To whom notices of a kind about a ticket went.
    pub fn mailed(&self, ticket: TicketId, kind: &str) -> Result<Vec<Address>> {
        let sql = r"
            SELECT a.shown
            FROM outbox o JOIN address a ON a.id = o.recipient
            WHERE o.ticket = ?1 AND o.kind = ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let shown = query.query_map(params![ticket, kind], |r| r.get(0))?;
        Ok(shown.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(address).collect())
    }

    /// A claim as it stands, to settle it after a restart.
    pub fn claimed(&self, number: u32) -> Result<Option<Claim>> {
        let sql = r"
            SELECT o.id, o.kind, a.shown AS recipient, o.ticket, o.created, o.attempts, o.doubts, o.envelope, o.bytes
            FROM outbox o LEFT JOIN address a ON a.id = o.recipient
            WHERE o.id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([number], Claim::from_row).optional()?.flatten())
    }

    /// Drops the held acknowledgement of a ticket: a person answered in its place.
    pub fn drop_held(&self, ticket: TicketId) -> Result<()> {
        let sql = r"
            UPDATE outbox
            SET state = 'refused', reply = 'a person answered in its place'
            WHERE ticket = ?1 AND state = 'held'";
        self.0.prepare_cached(sql)?.execute([ticket])?;
        Ok(())
    }

    /// Lets the held acknowledgement of a ticket go, as it is.
    pub fn release_held(&self, ticket: TicketId, now: Timestamp) -> Result<()> {
        let sql = "UPDATE outbox SET state = 'waiting', due = ?2, reply = NULL WHERE ticket = ?1 AND state = 'held'";
        self.0.prepare_cached(sql)?.execute(params![ticket, millis(now)])?;
        Ok(())
    }

    /// When the next notice is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let all = "SELECT min(due) FROM outbox WHERE state = 'waiting'";
        let first = "SELECT min(due) FROM outbox INDEXED BY outbox_waiting WHERE state = 'waiting' AND lane = 0";
        let mut query = self.0.prepare_cached(if self.breaker()?.is_some() { first } else { all })?;
        Ok(query.query_row([], |r| r.get::<_, Option<i64>>(0))?.map(instant))
    }

    /// How many notices are held.
    pub fn held(&self) -> Result<u32> {
        let mut query = self.0.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'held'")?;
        Ok(query.query_row([], |r| r.get(0))?)
    }

    /// Which notice stands for a key.
    pub fn noticed(&self, key: &str) -> Result<Option<u32>> {
        let mut query = self.0.prepare_cached("SELECT notice FROM notice_key WHERE key = ?1")?;
        Ok(query.query_row([&notice_key(key)[..]], |r| r.get(0)).optional()?)
    }

    /// The tickets that a notice about several is about: the first numbers in its keys.
    pub fn noticed_tickets(&self, number: u32) -> Result<Vec<TicketId>> {
        let mut query = self.0.prepare_cached("SELECT key FROM notice_key WHERE notice = ?1 ORDER BY key")?;
        let rows = query.query_map([number], |r| {
            let key: Vec<u8> = r.get(0)?;
            Ok(TicketId(u32::from_be_bytes(key.first_chunk().copied().unwrap_or_default())))
        })?;
        let mut tickets: Vec<TicketId> = rows.collect::<rusqlite::Result<_>>()?;
        tickets.dedup();
        Ok(tickets)
    }

    /// To whom a notice went, and what it was.
    pub fn notice(&self, number: u32) -> Result<Option<(Address, String)>> {
        let sql = "SELECT a.shown, o.kind FROM outbox o JOIN address a ON a.id = o.recipient WHERE o.id = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let row: Option<(Option<String>, String)> =
            query.query_row([number], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        Ok(row.and_then(|(shown, kind)| Some((address(shown)?, kind))))
    }
}

/// What a notice stands for, as the key of a row: the first number in it, which is a ticket's if any is, and a hash.
fn notice_key(text: &str) -> [u8; 32] {
    let mut key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let number: u32 = text.split(':').find_map(|part| part.parse().ok()).unwrap_or(0);
    if let Some(first) = key.first_chunk_mut() {
        *first = number.to_be_bytes();
    }
    key
}
