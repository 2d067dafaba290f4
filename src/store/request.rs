//! Commands that wait for the code in a notice: see [`crate::intake::request`].

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Result, Tx, instant, millis};
use crate::vocabulary::MailRef;

/// Commands that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The mail with them, as long as it is here.
    pub mail: MailRef,
    /// When the code was made.
    pub at: Timestamp,
    /// Whether a code was given already.
    pub over: bool,
}

impl Tx<'_> {
    /// The commands of a mail wait for the code in a notice.
    pub fn add_request(&self, notice: u32, mail: MailRef, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO request (notice, mail, at) VALUES (?1, ?2, ?3)";
        self.0.prepare_cached(sql)?.execute(params![notice, mail, millis(now)])?;
        Ok(())
    }

    /// What waits for the code in a notice.
    pub fn request(&self, notice: u32) -> Result<Option<Request>> {
        let mut query = self.0.prepare_cached("SELECT mail, at, over FROM request WHERE notice = ?1")?;
        let request = query.query_row([notice], |r| {
            Ok(Request { mail: r.get("mail")?, at: instant(r.get("at")?), over: r.get("over")? })
        });
        Ok(request.optional()?)
    }

    /// It waits no longer.
    pub fn end_request(&self, notice: u32) -> Result<()> {
        self.0.prepare_cached("UPDATE request SET over = 1 WHERE notice = ?1")?.execute([notice])?;
        Ok(())
    }

    /// Forgets those whose code has long been too old.
    pub fn forget_requests(&self, before: Timestamp) -> Result<()> {
        self.0.prepare_cached("DELETE FROM request WHERE at < ?1")?.execute([millis(before)])?;
        Ok(())
    }
}
