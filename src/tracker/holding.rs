//! Hold: the database may be older than what has left, so that nothing leaves until a person has looked.
//!
//! Two witnesses show it. The mark, a file beside the database, says how far the numbers had come; a database that was
//! restored without it is behind it, or lacks it. And mail that answers notices which this database does not know shows
//! it where both were restored; so a daemon of another machine on the same mailbox is noticed too, on both sides.

use jiff::Timestamp;

use super::news::News;
use super::work::Work;
use super::{Result, Tracker};
use crate::intake::claims::Claims;
use crate::mail::Mail;
use crate::notice::text::trouble::Trouble;
use crate::store::{Mark, Memo, Standing, Store};
use crate::token::{self, Token};

/// What was found of the mark beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundMark {
    /// There is none.
    None,
    /// There is one that nobody can read.
    Unreadable,
    /// One that says this.
    At(Mark),
}

impl Tracker {
    /// Compares the mark with what the database says of itself, before anything is numbered. The mark is written after
    /// what it says is committed, so that an honest one is never ahead.
    pub fn compare(store: &mut Store, found: FoundMark, now: Timestamp) -> Result<()> {
        let (own, marked) = store.read(|tx| Ok((tx.mark()?, tx.memo::<String>(Memo::Marked)?.is_some())))?;
        let (why, above) = match found {
            FoundMark::At(mark) if mark.is_above(own) => {
                let why = format!(
                    "disclosed.mark says that notice {} and ticket {} had been reached, and the database knows of {} and \
                     {}: it was restored from before that",
                    mark.notice, mark.ticket, own.notice, own.ticket
                );
                (why, mark)
            }
            FoundMark::Unreadable => ("disclosed.mark beside the database cannot be read".to_owned(), own),
            FoundMark::None if marked => {
                ("disclosed.mark is not beside the database: this is a copy, or was restored".to_owned(), own)
            }
            FoundMark::At(_) | FoundMark::None => return Ok(()),
        };
        store.write(|tx| tx.enter_hold(&why, above, now))
    }

    /// Tells the leads of a hold of which they have not been told.
    pub fn tell_hold(&mut self, now: Timestamp) -> Result<News> {
        if self.store.read(|tx| tx.hold())?.is_none_or(|hold| hold.notice.is_some()) {
            return Ok(News::default());
        }
        let (project, key) = (&self.project, &self.key);
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            work.tell_hold()?;
            Ok(work.news)
        })
    }

    /// Since when nothing leaves, and why.
    pub fn hold(&mut self) -> Result<Option<(Standing, String)>> {
        self.store.read(|tx| Ok(tx.hold()?.zip(Some(tx.memo(Memo::HoldWhy)?.unwrap_or_default()))))
    }

    /// What the mark beside the database is to say; `None` in hold, where it stays as it was found.
    pub fn mark(&mut self) -> Result<Option<Mark>> {
        self.store.read(|tx| if tx.hold()?.is_some() { Ok(None) } else { tx.mark().map(Some) })
    }

    /// The mark was written: from now on the database knows that there is one.
    pub fn note_marked(&mut self) -> Result<()> {
        if self.store.read(|tx| tx.memo::<String>(Memo::Marked))?.is_none() {
            self.store.write(|tx| tx.set_memo(Memo::Marked, "yes"))?;
        }
        Ok(())
    }

    /// A person ends the hold, and drops what need not be sent. Where some of that does not wait, nothing is done, and
    /// these numbers are given.
    pub fn end_hold(&mut self, drop: &[u32]) -> Result<Vec<u32>> {
        self.store.write(|tx| {
            let mut unknown = Vec::new();
            for number in drop {
                if !tx.is_notice_waiting(*number)? {
                    unknown.push(*number);
                }
            }
            if unknown.is_empty() {
                drop.iter().try_for_each(|number| tx.drop_waiting(*number))?;
                tx.end_hold()?;
            }
            Ok(unknown)
        })
    }
}

impl Work<'_> {
    /// Looks for a valid token of a notice that this database has not made: only a later state of it can have, or another
    /// daemon on the same mailbox. What was lost at an earlier hold is known to be lost.
    pub(super) fn look_for_witness(&mut self, mail: &Mail) -> Result<()> {
        for token in Claims::of(mail, self.project, self.key).notices() {
            let why = if token.notice >= self.next_notice {
                format!("notice {}, which this database has not made", token.notice)
            } else if token.notice > self.tx.raised()?.notice && !self.is_ours(&token)? {
                format!("notice {}, which this database has made for somebody else", token.notice)
            } else {
                continue;
            };
            let why = format!(
                "a mail answers {why}: the database was restored from before that, or another disclosed works on the same \
                 mailbox"
            );
            let above = Mark { notice: token.notice, ticket: token.ticket.map_or(0, |t| t.0) };
            self.tx.enter_hold(&why, above, self.now)?;
            self.next_notice = self.tx.next_notice()?;
        }
        self.tell_hold()
    }

    pub(super) fn tell_hold(&mut self) -> Result<()> {
        if self.tx.hold()?.is_none_or(|hold| hold.notice.is_some()) {
            return Ok(());
        }
        let why = self.tx.memo(Memo::HoldWhy)?.unwrap_or_default();
        self.trouble(&Trouble::Hold(why))
    }

    /// Whether a notice of that number is to whom the token says, about the ticket that it says. One that was lost, below
    /// where the numbers were raised, is nobody else's; of one that was erased it is not known any more.
    pub(super) fn is_ours(&self, token: &Token) -> Result<bool> {
        Ok(self
            .tx
            .addressed(token.notice)?
            .is_none_or(|(to, ticket)| ticket == token.ticket && to.is_none_or(|to| token::party(&to) == token.party)))
    }
}
