//! The outbox: notices on their way, as the bytes that leave.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, ToSql, named_params, params};
use sha2::{Digest, Sha256};

use super::{Counted, Result, StoreError, Tx, address, instant, millis};
use crate::intake::given::Sent;
use crate::notice::key::NoticeKey;
use crate::notice::text::trouble::TroubleKind;
use crate::vocabulary::{Address, NoticeKind, NoticeState, TicketId};

/// The longest time between two tries.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(2);

/// A notice that the process ended at is tried again at once so often; from then on after `END_WAIT`, when others have gone.
const ENDS_AT_ONCE: u32 = 2;
/// How long it waits then.
const END_WAIT: SignedDuration = SignedDuration::from_mins(30);

/// A notice for the outbox.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// Its number, from [`Tx::next_notice`].
    pub number: u32,
    /// What it is.
    pub kind: NoticeKind,
    /// Before which others it goes: see [`NoticeKind::lane`].
    pub lane: u8,
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
    /// From when on it is too late for it to leave.
    pub expires: Option<Timestamp>,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A notice in hand: the next to be tried. It may be shown to a server up to the final dot, and leaves only with
/// [`Leave`].
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its number.
    pub number: u32,
    /// What it is.
    pub kind: NoticeKind,
    /// To whom.
    pub to: Address,
    /// About which ticket.
    pub ticket: Option<TicketId>,
    /// When it was made.
    pub created: Timestamp,
    /// How often it was tried, this time counted.
    pub tries: u32,
    /// How often a try has begun of which no outcome is known, this time counted.
    pub begun: u32,
    /// How often the server's last answer was lost.
    pub doubts: u32,
    /// When the server refused it first without a word on whose fault that is.
    pub unclear: Option<Timestamp>,
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
            tries: row.get("tries")?,
            begun: row.get("begun")?,
            doubts: row.get("doubts")?,
            unclear: row.get::<_, Option<i64>>("unclear")?.map(instant),
            envelope: address(row.get("envelope")?),
            bytes: row.get("bytes")?,
        }))
    }
}

/// Where a notice stands after it was tried.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// Where.
    pub state: NoticeState,
    /// Not to be tried before.
    pub due: Timestamp,
    /// How often the server's last answer was lost.
    pub doubts: u32,
    /// When the server refused it first without a word on whose fault that is.
    pub unclear: Option<Timestamp>,
    /// What the server said.
    pub reply: &'a str,
}

/// Leave to write the final dot of a notice: that it is offered is on disk (G4). Nothing but [`Tx::offer`] makes one, and
/// it is worth nothing before the transaction is committed.
#[derive(Debug)]
pub struct Leave(u32);

impl Leave {
    /// Of which notice.
    pub fn of(&self) -> u32 {
        self.0
    }

    /// Leave that no database has given.
    #[cfg(test)]
    pub(crate) fn for_tests(number: u32) -> Self {
        Self(number)
    }
}

impl Tx<'_> {
    /// The number of the next notice.
    pub fn next_notice(&self) -> Result<u32> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'";
        let last: Option<u32> = self.0.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Those keys that no notice stands for yet, without repetition: a notice that joins several may name
    /// one twice.
    pub fn fresh_keys(&self, keys: &[NoticeKey]) -> Result<Vec<[u8; 20]>> {
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
            WHERE recipient = (SELECT id FROM address WHERE key = :to) AND created >= :since AND state IN (:sent, :unknown)
            ORDER BY id DESC
            LIMIT 1";
        let mut query = self.0.prepare_cached(sql)?;
        let row = named_params! {
            ":to": to.key(),
            ":since": millis(since),
            ":sent": NoticeState::Sent,
            ":unknown": NoticeState::Unknown,
        };
        let sent = query.query_row(row, |r| {
            Ok(Sent { number: r.get("id")?, ticket: r.get("ticket")?, kind: r.get("kind")?, to: to.clone() })
        });
        Ok(sent.optional()?)
    }

    /// The notices to an address that were made between two instants, as the bytes that left.
    pub fn made_for(&self, to: &Address, from: Timestamp, until: Timestamp) -> Result<Vec<Vec<u8>>> {
        let sql = r"
            SELECT id
            FROM outbox
            WHERE recipient = (SELECT id FROM address WHERE key = ?1) AND created BETWEEN ?2 AND ?3";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![to.key(), millis(from), millis(until)], |r| r.get(0))?;
        rows.map(|number| self.notice_bytes(number?)).collect()
    }

    /// Puts a notice into the outbox, with what it stands for.
    pub fn post(&self, new: &Outgoing<'_>, keys: &[[u8; 20]], now: Timestamp) -> Result<()> {
        let sql = r"
            INSERT INTO outbox (id, created, kind, lane, recipient, ticket, revision, message_id, state, due, reply,
                                envelope, expires, closed)
            VALUES (:id, :now, :kind, :lane, :recipient, :ticket, :revision, :message_id, :state, :now, :held,
                    :envelope, :expires, coalesce((SELECT NOT open FROM ticket WHERE id = :ticket), 0))";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": new.number,
            ":now": millis(now),
            ":kind": new.kind,
            ":lane": new.lane,
            ":recipient": self.address_id(new.to)?,
            ":ticket": new.ticket,
            ":revision": new.revision,
            ":message_id": new.message_id,
            ":state": if new.held.is_some() { NoticeState::Held } else { NoticeState::Waiting },
            ":held": new.held,
            ":envelope": new.envelope.map(Address::as_str),
            ":expires": new.expires.map(millis),
        })?;
        let mut insert = self.0.prepare_cached("INSERT INTO letter (notice, bytes) VALUES (?1, ?2)")?;
        insert.execute(params![new.number, new.bytes])?;
        let mut insert = self.0.prepare_cached("INSERT INTO notice_key (key, notice) VALUES (?1, ?2)")?;
        for key in keys {
            insert.execute(params![&key[..], new.number])?;
        }
        Ok(())
    }

    /// Since when all is held that nobody asked for, because too much was made: see the breaker in the tracker.
    pub fn breaker(&self) -> Result<Option<Timestamp>> {
        Ok(self.trouble(TroubleKind::Breaker)?.map(|trouble| trouble.since))
    }

    /// Whether a notice may leave now: the last lane that may. Whatever holds mail back says it here, and is asked both
    /// when a notice is picked and when it is offered, so that it also stops what is in hand.
    fn last_lane(&self) -> Result<u8> {
        Ok(if self.hold()?.is_some() {
            NoticeKind::HOLD
        } else if self.breaker()?.is_some() {
            NoticeKind::ASKED
        } else {
            u8::MAX
        })
    }

    /// How many notices wait.
    pub fn waiting(&self) -> Result<u32> {
        self.count_of(Counted::Notices, &["waiting"])
    }

    /// How many notices are on their way, those that are being sent among them; and when the oldest of them was made that
    /// may leave.
    pub fn on_their_way(&self) -> Result<(u32, Option<Timestamp>)> {
        // The first of each lane, since all of a lane may be many.
        let sql = r"
            WITH RECURSIVE used (lane) AS (
                SELECT min(lane) FROM outbox WHERE state = 'waiting'
                UNION ALL
                SELECT (SELECT min(lane) FROM outbox WHERE state = 'waiting' AND lane > used.lane)
                FROM used
                WHERE used.lane < ?1)
            SELECT min(created)
            FROM (
                SELECT (SELECT created FROM outbox WHERE state = 'waiting' AND lane = used.lane ORDER BY id LIMIT 1)
                       AS created
                FROM used
                WHERE used.lane <= ?1
                UNION ALL SELECT created FROM outbox WHERE state = 'sending' AND lane <= ?1)";
        let oldest = self.0.prepare_cached(sql)?.query_row([self.last_lane()?], |r| r.get::<_, Option<i64>>(0))?;
        Ok((self.count_of(Counted::Notices, &["waiting", "sending"])?, oldest.map(instant)))
    }

    /// Takes the next notice that is due in hand, and counts that a try begins. It stays `waiting`: nothing can be
    /// accepted before it is offered, so that a process that ends here has cost a try and no doubt. A notice that the
    /// process ends at time and again steps behind all others, by a `due` that stands only until the try has an outcome.
    ///
    /// None waits longer than `WAIT_MAX`: what is due later than that was put off by a clock that was wrong then. What is
    /// in hand is not taken again, nor what goes to the same person about the same ticket: they come one after the other.
    /// What the process has ended at goes alone, so that what is to blame for it is found.
    pub fn pick(&self, now: Timestamp, hand: &[u32]) -> Result<Option<Claim>> {
        // The index is named, since SQLite would rather collect all that is due, and sort it.
        let sql = r"
            UPDATE outbox
            SET begun = begun + 1, due = iif(begun < :patient, due, :later)
            WHERE id = (
                SELECT id
                FROM outbox INDEXED BY outbox_waiting
                WHERE state = 'waiting' AND lane <= :last_lane AND (due <= :now OR due > :wrong)
                  AND (begun = 0 OR :alone)
                  AND NOT EXISTS (
                    SELECT 1
                    FROM json_each(:hand) CROSS JOIN outbox AS h ON h.id = value
                    WHERE h.recipient IS outbox.recipient AND h.ticket IS outbox.ticket)
                ORDER BY lane, id
                LIMIT 1)
            RETURNING id, kind, (SELECT shown FROM address WHERE address.id = recipient) AS recipient, ticket, created,
                      attempts + 1 AS tries, begun, doubts, unclear, envelope,
                      (SELECT bytes FROM letter WHERE notice = outbox.id) AS bytes";
        let mut query = self.0.prepare_cached(sql)?;
        let after = |wait| now.checked_add(wait).unwrap_or(now);
        let row = named_params! {
            ":patient": ENDS_AT_ONCE,
            ":later": millis(after(END_WAIT)),
            ":now": millis(now),
            ":wrong": millis(after(WAIT_MAX)),
            ":last_lane": self.last_lane()?,
            ":hand": format!("{hand:?}"),
            ":alone": hand.is_empty(),
        };
        Ok(query.query_row(row, Claim::from_row).optional()?.flatten())
    }

    /// Offers a notice in hand to the server: from the commit on it is `sending`, and doubtful until its outcome is known.
    /// `None` where it may not leave any more as it is in hand: it was dropped or erased, or what is held now.
    pub fn offer(&self, claim: &Claim) -> Result<Option<Leave>> {
        let sql = r"
            UPDATE outbox
            SET state = :sending, attempts = :tries
            WHERE id = :id AND state = 'waiting' AND lane <= :last_lane AND recipient IS NOT NULL
              AND (SELECT bytes FROM letter WHERE notice = outbox.id) = :bytes";
        let offered = self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": claim.number,
            ":sending": NoticeState::Sending,
            ":tries": claim.tries,
            ":last_lane": self.last_lane()?,
            ":bytes": claim.bytes,
        })?;
        if offered == 0 {
            return Ok(None);
        }
        self.note_offered(claim.number)?;
        Ok(Some(Leave(claim.number)))
    }

    /// Puts a notice back that is in hand, and of which nothing was accepted: the try does not count.
    pub fn put_back(&self, claim: &Claim, now: Timestamp) -> Result<()> {
        let sql = r"
            UPDATE outbox
            SET state = 'waiting', due = :now, attempts = :before, begun = 0
            WHERE id = :id AND state IN ('waiting', 'sending')";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": claim.number,
            ":now": millis(now),
            ":before": claim.tries - 1,
        })?;
        Ok(())
    }

    /// Notes where a notice stands after it was tried for the `tries`th time.
    ///
    /// False where it was dropped or erased meanwhile, and so never offered: then it stays what it is.
    pub fn settle(&self, number: u32, tries: u32, to: &Settled<'_>) -> Result<bool> {
        let sql = r"
            UPDATE outbox
            SET state = :state, attempts = :tries, begun = 0, due = iif(:over, 0, :due), doubts = :doubts, unclear = :unclear,
                reply = :reply, envelope = iif(:over, NULL, envelope)
            WHERE id = :id AND state IN ('waiting', 'sending')";
        // Then nothing asks any more when it is due, and from whom it is.
        let over = matches!(to.state, NoticeState::Sent | NoticeState::Unknown | NoticeState::Refused);
        let settled = self.0.prepare_cached(sql)?.execute(named_params! {
            ":id": number,
            ":state": to.state,
            ":tries": tries,
            ":due": millis(to.due),
            ":doubts": to.doubts,
            ":unclear": to.unclear.map(millis),
            ":reply": to.reply,
            ":over": over,
        })?;
        if settled == 1 && over {
            match self.pack_notice(number) {
                // It stays as it is. That must not keep what a server said from being known.
                Err(StoreError::Corrupt(_)) => {}
                packed => packed?,
            }
        }
        Ok(settled == 1)
    }

    /// Notices that were being sent when the process ended: what the server said is not known.
    pub fn interrupted(&self) -> Result<Vec<u32>> {
        let mut query = self.0.prepare_cached("SELECT id FROM outbox WHERE state = 'sending' ORDER BY id")?;
        let rows = query.query_map([], |r| r.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// To whom notices of a kind about a ticket went.
    pub fn mailed(&self, ticket: TicketId, kind: NoticeKind) -> Result<Vec<Address>> {
        let sql = r"
            SELECT a.shown
            FROM outbox o JOIN address a ON a.id = o.recipient
            WHERE o.ticket = ?1 AND o.kind = ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let shown = query.query_map(params![ticket, kind], |r| r.get(0))?;
        Ok(shown.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(address).collect())
    }

    /// A notice that was offered, to settle it after a restart.
    pub fn offered(&self, number: u32) -> Result<Option<Claim>> {
        let sql = r"
            SELECT o.id, o.kind, a.shown AS recipient, o.ticket, o.created, o.attempts AS tries, o.begun, o.doubts,
                   o.unclear, o.envelope, l.bytes
            FROM outbox o JOIN letter l ON l.notice = o.id LEFT JOIN address a ON a.id = o.recipient
            WHERE o.id = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([number], Claim::from_row).optional()?.flatten())
    }

    /// Notices that wait, and for which it is too late: the longest so first, at most so many. With what the server said
    /// last of each.
    pub fn late(&self, now: Timestamp, most: u32) -> Result<Vec<(Claim, Option<String>)>> {
        let sql = r"
            SELECT o.id, o.kind, a.shown AS recipient, o.ticket, o.created, o.attempts AS tries, o.begun, o.doubts,
                   o.unclear, o.envelope, l.bytes, o.reply
            FROM outbox o INDEXED BY outbox_expires JOIN letter l ON l.notice = o.id JOIN address a ON a.id = o.recipient
            WHERE o.state = 'waiting' AND o.expires IS NOT NULL AND o.expires <= ?1
            ORDER BY o.expires
            LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![millis(now), most], |r| Ok((Claim::from_row(r)?, r.get("reply")?)))?;
        let late = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(late.into_iter().filter_map(|(claim, said)| Some((claim?, said))).collect())
    }

    /// Whether different mails to different people were refused since then, without a word on whose fault that is: then
    /// it is ours.
    pub fn all_unclear(&self, since: Option<Timestamp>) -> Result<bool> {
        let sql = r"
            SELECT count(DISTINCT recipient) > 1 AND count(DISTINCT kind || ' ' || ifnull(ticket, '')) > 1
            FROM outbox INDEXED BY outbox_unclear
            WHERE state = 'waiting' AND unclear IS NOT NULL AND unclear > ?1";
        let since = since.map_or(i64::MIN, millis);
        Ok(self.0.prepare_cached(sql)?.query_row([since], |r| r.get(0))?)
    }

    /// Drops the held acknowledgement of a ticket: a person answered in its place.
    pub fn drop_held(&self, ticket: TicketId) -> Result<()> {
        let sql = r"
            UPDATE outbox
            SET state = ?2, reply = 'a person answered in its place'
            WHERE ticket = ?1 AND state = 'held'";
        self.0.prepare_cached(sql)?.execute(params![ticket, NoticeState::Refused])?;
        Ok(())
    }

    /// Drops what has not left yet to somebody who was the reporter of a ticket. Nobody needs to look at it, however often
    /// it was tried.
    pub fn drop_unsent(&self, ticket: TicketId, to: &Address) -> Result<()> {
        let sql = r"
            UPDATE outbox
            SET state = ?3, attempts = 0, reply = 'the reporter is somebody else'
            WHERE ticket = ?1 AND recipient = (SELECT id FROM address WHERE key = ?2) AND state IN ('waiting', 'held')
              AND kind IN (?4, ?5, ?6, ?7)";
        let [acknowledgement, reply, update, told] = NoticeKind::TO_REPORTERS;
        let row = params![ticket, to.key(), NoticeState::Refused, acknowledgement, reply, update, told];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Lets the held acknowledgement of a ticket go, as it is.
    pub fn release_held(&self, ticket: TicketId, now: Timestamp) -> Result<()> {
        let sql = "UPDATE outbox SET state = ?3, due = ?2, reply = NULL WHERE ticket = ?1 AND state = 'held'";
        self.0.prepare_cached(sql)?.execute(params![ticket, millis(now), NoticeState::Waiting])?;
        Ok(())
    }

    /// When the next notice is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let all = "SELECT min(due) FROM outbox WHERE state = 'waiting'";
        let some =
            "SELECT min(due) FROM outbox INDEXED BY outbox_waiting WHERE state = 'waiting' AND lane <= :last_lane";
        let last_lane = self.last_lane()?;
        let fallen = last_lane < u8::MAX;
        let mut query = self.0.prepare_cached(if fallen { some } else { all })?;
        let last: &[(&str, &dyn ToSql)] = if fallen { &[(":last_lane", &last_lane)] } else { &[] };
        Ok(query.query_row(last, |r| r.get::<_, Option<i64>>(0))?.map(instant))
    }

    /// How many notices are held.
    pub fn held(&self) -> Result<u32> {
        self.count_of(Counted::Notices, &["held"])
    }

    /// Which notice stands for a key.
    pub fn noticed(&self, key: &NoticeKey) -> Result<Option<u32>> {
        let mut query = self.0.prepare_cached("SELECT notice FROM notice_key WHERE key = ?1")?;
        Ok(query.query_row([&notice_key(key)[..]], |r| r.get(0)).optional()?)
    }

    /// The tickets that a notice about several is about: those in its keys.
    pub fn noticed_tickets(&self, number: u32) -> Result<Vec<TicketId>> {
        let mut query = self.0.prepare_cached("SELECT key FROM notice_key WHERE notice = ?1 ORDER BY key")?;
        let rows = query.query_map([number], |r| {
            let key: Vec<u8> = r.get(0)?;
            Ok(u32::from_be_bytes(key.first_chunk().copied().unwrap_or_default()))
        })?;
        let mut numbers: Vec<u32> = rows.collect::<rusqlite::Result<_>>()?;
        numbers.dedup();
        Ok(numbers.into_iter().filter(|n| *n != NO_TICKET).map(TicketId).collect())
    }

    /// To whom a notice went, and what it was.
    pub fn notice(&self, number: u32) -> Result<Option<(Address, NoticeKind)>> {
        let sql = "SELECT a.shown, o.kind FROM outbox o JOIN address a ON a.id = o.recipient WHERE o.id = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let row: Option<(Option<String>, NoticeKind)> =
            query.query_row([number], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        Ok(row.and_then(|(shown, kind)| Some((address(shown)?, kind))))
    }
}

/// What stands in the place of a ticket's number where there is none; no ticket has it.
const NO_TICKET: u32 = 0;

/// What a notice stands for, as the key of a row: the number of its ticket, and the octets of the hash of its
/// text that follow.
///
/// An older disclosed took the first number of the text for the ticket's: a day, an hour, a mail. What it told under such
/// a key is not known by it any more, so that after an upgrade the same day's trouble or loss, or the same hour's flood,
/// may be told once more, at most once. The keys that are a ticket's own are what they were.
fn notice_key(of: &NoticeKey) -> [u8; 20] {
    let mut key = [0; 20];
    key.copy_from_slice(Sha256::digest(of.to_string().as_bytes()).first_chunk::<20>().unwrap_or(&[0; 20]));
    if let Some(first) = key.first_chunk_mut() {
        *first = of.ticket().map_or(NO_TICKET, |ticket| ticket.0).to_be_bytes();
    }
    key
}

#[cfg(test)]
mod tests;
