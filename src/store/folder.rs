//! What an IMAP folder was when it was last looked at.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Place, Result, Tx, earlier, instant, millis, short_hash};
use crate::notice::text::trouble::TroubleKind;
use crate::vocabulary::{MailRef, MessageId, Role};

/// How many of the newest mails of a folder are witnesses.
pub(crate) const WITNESSES: u32 = 200;

/// A folder under one UIDVALIDITY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The source that its places stand under.
    pub source: i64,
    /// The UID of the next mail, where the server says it.
    pub uidnext: Option<u32>,
    /// Since when its UIDs are in doubt: the last whole scan before.
    pub doubted: Option<Timestamp>,
}

/// What the server said of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its UID.
    pub uid: u32,
    /// Its INTERNALDATE.
    pub internal_date: Option<Timestamp>,
    /// A hash of its Message-ID.
    pub message: Option<i64>,
}

impl Witness {
    /// What the server says of a mail now.
    pub fn new(uid: u32, internal_date: Option<Timestamp>, id: Option<&MessageId>) -> Self {
        Self { uid, internal_date, message: id.map(|id| short_hash(id.as_str().as_bytes())) }
    }

    /// Whether both can be said of one mail. What is not said contradicts nothing.
    pub fn agrees(&self, other: &Self) -> bool {
        let same_date = self.internal_date.zip(other.internal_date).is_none_or(|(one, two)| one == two);
        same_date && self.message.zip(other.message).is_none_or(|(one, two)| one == two)
    }
}

impl Tx<'_> {
    /// What is known of a folder.
    pub fn folder(&self, name: &str) -> Result<Option<Known>> {
        let sql = "SELECT source, uidnext, doubted FROM folder WHERE name = ?1";
        let row = self.0.prepare_cached(sql)?.query_row([name], |r| {
            let doubted = r.get::<_, Option<i64>>("doubted")?.map(instant);
            Ok(Known { source: r.get("source")?, uidnext: r.get("uidnext")?, doubted })
        });
        Ok(row.optional()?)
    }

    /// Writes down what is known of a folder.
    pub fn set_folder(&self, name: &str, known: &Known) -> Result<()> {
        let sql = r"
            INSERT INTO folder (name, source, uidnext, doubted)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE
            SET source = excluded.source, uidnext = excluded.uidnext, doubted = excluded.doubted";
        let row = params![name, known.source, known.uidnext, known.doubted.map(millis)];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Whether the folder is known, and only under another UIDVALIDITY.
    pub fn is_renumbered(&self, name: &str) -> Result<bool> {
        let mut query = self.0.prepare_cached("SELECT name FROM source")?;
        let names = query.query_map([], |r| r.get::<_, String>(0))?;
        let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
        let known = names.iter().any(|other| earlier::folder(other) == earlier::folder(name));
        Ok(known && !names.iter().any(|other| other == name))
    }

    /// A source for a folder whose UIDs mean other mails than before, though its UIDVALIDITY is the same.
    pub fn next_source(&self, name: &str) -> Result<i64> {
        let sql = "SELECT count(*) FROM source WHERE substr(name, 1, length(?1) + 1) = ?1 || '.'";
        let before: i64 = self.0.query_row(sql, [name], |r| r.get(0))?;
        self.source(&format!("{name}.{}", before + 2))
    }

    /// Says what a source is for.
    pub fn set_role(&self, source: i64, role: Role) -> Result<()> {
        let mut set = self.0.prepare_cached("UPDATE source SET role = ?2 WHERE id = ?1 AND role <> ?2")?;
        set.execute(params![source, role])?;
        Ok(())
    }

    /// What the folders are for in which a mail was found: the inbox, if it is there too or was handed over.
    pub fn role_of(&self, mail: MailRef) -> Result<Role> {
        let sql = "SELECT DISTINCT s.role FROM place p JOIN source s ON s.id = p.source WHERE p.mail = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let roles: Vec<Role> = query.query_map([mail], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        let is_only = |role| roles.first() == Some(&role) && roles.len() == 1;
        Ok(match roles.iter().find(|role| is_only(**role)) {
            Some(role) => *role,
            None if roles.is_empty() || roles.contains(&Role::Inbox) => Role::Inbox,
            // It was taken for junk, whoever sent it.
            None => Role::Junk,
        })
    }

    /// Whether a mail that is found in the inbox now lay only beside it before.
    pub fn is_beside(&self, mail: MailRef, here: i64) -> Result<bool> {
        let sql = r"
            SELECT s.id, s.role
            FROM place p JOIN source s ON s.id = p.source
            WHERE p.mail = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([mail], |r| Ok((r.get("id")?, r.get("role")?)))?;
        let (now, before): (Vec<(i64, Role)>, Vec<_>) =
            rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().partition(|(id, _)| *id == here);
        let in_inbox = |all: &[(i64, Role)]| all.iter().any(|(_, role)| *role == Role::Inbox);
        Ok(in_inbox(&now) && !before.is_empty() && !in_inbox(&before))
    }

    /// All mails of a folder were compared with those that are here.
    pub fn end_doubt(&self, name: &str) -> Result<()> {
        let sql = "UPDATE folder SET doubted = NULL WHERE name = ?1 AND doubted IS NOT NULL";
        let ended = self.0.prepare_cached(sql)?.execute([name])? > 0;
        let another = self.0.prepare_cached("SELECT 1 FROM folder WHERE doubted IS NOT NULL")?.exists([])?;
        if ended && !another { self.end_trouble(TroubleKind::Renumbered) } else { Ok(()) }
    }

    /// The witnesses of a source.
    pub fn witnesses(&self, source: i64) -> Result<Vec<Witness>> {
        let sql = "SELECT uid, internal_date, message_hash FROM witness WHERE source = ?1 ORDER BY uid";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([source], |r| {
            let internal_date = r.get::<_, Option<i64>>("internal_date")?.map(instant);
            Ok(Witness { uid: r.get("uid")?, internal_date, message: r.get("message_hash")? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Adds witnesses; only the newest are kept.
    pub fn add_witnesses(&self, source: i64, witnesses: &[Witness]) -> Result<()> {
        let sql = r"
            INSERT INTO witness (source, uid, internal_date, message_hash)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO NOTHING";
        let mut insert = self.0.prepare_cached(sql)?;
        for witness in witnesses {
            insert.execute(params![source, witness.uid, witness.internal_date.map(millis), witness.message])?;
        }
        let sql = r"
            DELETE FROM witness
            WHERE source = ?1
              AND uid <= (SELECT uid FROM witness WHERE source = ?1 ORDER BY uid DESC LIMIT 1 OFFSET ?2)";
        self.0.prepare_cached(sql)?.execute(params![source, WITNESSES])?;
        Ok(())
    }

    /// The highest UIDs that were taken in under a source: witnesses to be, where there are none.
    pub fn newest_places(&self, source: i64) -> Result<Vec<u32>> {
        let sql = r"
            SELECT CAST(name AS INTEGER) AS uid
            FROM place
            WHERE source = ?1
            ORDER BY uid DESC
            LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![source, WITNESSES], |r| r.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The mail that was taken in from a place.
    pub fn at_place(&self, source: i64, name: &str) -> Result<Option<MailRef>> {
        let mut query = self.0.prepare_cached("SELECT mail FROM place WHERE source = ?1 AND name = ?2")?;
        Ok(query.query_row(params![source, name], |r| r.get(0)).optional()?)
    }

    /// The mails with that Message-ID that belong to a ticket, and how many octets each had.
    pub fn with_id(&self, id: &MessageId) -> Result<Vec<(MailRef, i64)>> {
        let sql = r"
            SELECT DISTINCT m.id, m.size
            FROM receipt r JOIN mail m ON m.id = r.mail
            WHERE r.message_hash = ?1 AND r.ticket IS NOT NULL AND r.message_id = ?2
            LIMIT 2";
        let mut query = self.0.prepare_cached(sql)?;
        let row = params![short_hash(id.as_str().as_bytes()), id.as_str()];
        let rows = query.query_map(row, |r| Ok((r.get("id")?, r.get("size")?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes where a mail was found. It is asked for no more.
    pub fn add_place(&self, place: &Place, mail: MailRef) -> Result<()> {
        let sql = "INSERT INTO place (source, name, mail) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.0.prepare_cached(sql)?.execute(params![place.source, place.name, mail])?;
        self.forget_strike(place.source, &place.name)
    }
}
