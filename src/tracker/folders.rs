//! A folder of a mail server that may have been set back.
//!
//! A UID means one mail as long as UIDVALIDITY stays (RFC 3501 section 2.3.1.1), but a server that is restored from a
//! backup hands out UIDs again, under the same UIDVALIDITY, for other mails. What tells: the UID of the next mail has
//! fallen, or what the server says of a mail that was taken in is not what it said then. From there on the folder is
//! another source, of which nothing was taken in, as it is under another UIDVALIDITY; the mails in it are compared with
//! those that are here by their headers first, so that what is known need not be fetched again.

use jiff::Timestamp;

use super::Tracker;
use super::news::News;
use super::work::Work;
use crate::mail::header::{Header, unfold};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::store::{Known, Memo, Place, Result, StoreError, Tx, Witness};
use crate::vocabulary::{MailRef, MessageId, Role};

/// What a server says of a mail besides its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Its UID.
    pub uid: u32,
    /// Octets.
    pub size: Option<u32>,
    /// When the server took it.
    pub internal_date: Option<Timestamp>,
    /// Its From, Date and Message-ID.
    pub header: Vec<u8>,
}

impl Sighting {
    fn id(&self) -> Option<MessageId> {
        id(&Header::split(&self.header).0)
    }

    fn witness(&self) -> Witness {
        Witness::new(self.uid, self.internal_date, self.id().as_ref())
    }
}

/// A listing of a folder of a mail server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    /// What it is called, with its UIDVALIDITY.
    pub folder: &'a str,
    /// The UIDs in it, or those above the highest that were listed before.
    pub names: &'a [String],
    /// The UID of the next mail.
    pub uidnext: Option<u32>,
    /// What the server says of the witnesses that it still has.
    pub sightings: &'a [Sighting],
    pub first: First,
    pub role: Role,
}

/// What becomes of the mail that lies in a folder when it is looked at for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It was there before, and is listed and no more: a daemon that stays begins with what comes.
    Before,
    /// Beside the inbox it was there before; the inbox itself is taken in.
    InboxTaken,
    /// All of it is taken in.
    Taken,
}

impl Look<'_> {
    fn highest(&self) -> Option<u32> {
        self.names.iter().filter_map(|name| name.parse().ok()).max()
    }
}

/// What is new in it.
#[derive(Clone, Debug)]
pub(crate) struct Looked {
    /// Its number in the store.
    pub source: i64,
    /// The names that were not taken in.
    pub new: Vec<String>,
    /// Whether they are to be compared with what is here.
    pub doubted: bool,
}

impl Tracker {
    /// The UIDs of a folder that are to be looked at again, to see whether they mean the same mails.
    pub(crate) fn witnesses(&mut self, folder: &str) -> Result<Vec<u32>> {
        self.store.read(|tx| {
            let Some(known) = tx.folder(folder)? else { return Ok(Vec::new()) };
            let witnesses = tx.witnesses(known.source)?;
            if witnesses.is_empty() {
                return tx.newest_places(known.source);
            }
            Ok(witnesses.into_iter().map(|w| w.uid).collect())
        })
    }

    /// What is new in a folder, and whether its UIDs mean what they meant.
    pub(crate) fn looked(&mut self, look: &Look<'_>, now: Timestamp) -> Result<(Looked, News)> {
        let (project, key) = (&self.project, &self.key);
        let Look { folder, names, uidnext, sightings, first, role } = *look;
        let inbox_before = first == First::Before && role == Role::Inbox;
        self.store.write(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            let first_listing = inbox_before && tx.is_first_listing(folder)?;
            let before = tx.folder(folder)?;
            let known = match before {
                None => {
                    let renumbered = tx.is_renumbered(folder)?;
                    let known = Known { source: tx.source(folder)?, uidnext, doubted: None };
                    let known = if renumbered { work.doubt(folder, known)? } else { known };
                    if first_listing {
                        tx.note_earlier(known.source, names)?;
                    } else if first != First::Taken && role != Role::Inbox && !renumbered {
                        tx.note_before(known.source, names)?;
                    }
                    known
                }
                Some(known) if is_set_back(tx, &known, look)? => {
                    let known = Known { source: tx.next_source(folder)?, uidnext, ..known };
                    if inbox_before && tx.is_first_start()? {
                        tx.note_earlier(known.source, names)?;
                    }
                    work.doubt(folder, known)?
                }
                Some(known) => Known { uidnext, ..known },
            };
            if before != Some(known) {
                tx.set_folder(folder, &known)?;
            }
            tx.set_role(known.source, role)?;
            let witnesses: Vec<Witness> = sightings.iter().map(Sighting::witness).collect();
            if known.doubted.is_none() {
                tx.add_witnesses(known.source, &witnesses)?;
            }
            let new = tx.unseen(known.source, names)?;
            Ok((Looked { source: known.source, new, doubted: known.doubted.is_some() }, work.news))
        })
    }

    /// Those of these mails, new under their UIDs, that are here already: their bodies need not be fetched.
    ///
    /// Only what its Message-ID names is, where it, From, Date and size are those of one stored mail, and the server took
    /// it before the folder was last in order: whoever imitates a known mail comes later.
    pub(crate) fn recognise(&mut self, folder: &str, sightings: &[Sighting]) -> Result<Vec<String>> {
        self.store.write(|tx| {
            let Some(Known { source, doubted: Some(before), .. }) = tx.folder(folder)? else { return Ok(Vec::new()) };
            let mut recognised = Vec::new();
            for sighting in sightings {
                if let Some(mail) = stored(tx, sighting, before)? {
                    let name = sighting.uid.to_string();
                    tx.add_place(&Place { source, name: name.clone() }, mail)?;
                    recognised.push(name);
                }
            }
            Ok(recognised)
        })
    }

    /// What the server says of mails that were just taken in, to know them by. Where it gave one mail under the UID of
    /// another, the folder is looked through like one that was set back.
    pub(crate) fn witnessed(&mut self, folder: &str, sightings: &[Sighting], now: Timestamp) -> Result<News> {
        let (project, key) = (&self.project, &self.key);
        self.store.note(|tx| {
            let mut work = Work::new(tx, project, key, now)?;
            let Some(known) = tx.folder(folder)? else { return Ok(work.news) };
            for sighting in sightings {
                let taken = tx.at_place(known.source, &sighting.uid.to_string())?;
                let receipt = taken.map_or(Ok(None), |mail| tx.receipt_of(mail))?;
                let id = receipt.and_then(|r| r.message_id);
                if id.zip(sighting.id()).is_some_and(|(taken, said)| taken != said.as_str()) {
                    let role = taken.map_or(Ok(Role::Inbox), |mail| tx.role_of(mail))?;
                    let known = Known { source: tx.next_source(folder)?, ..known };
                    tx.set_role(known.source, role)?;
                    let known = work.doubt(folder, known)?;
                    tx.set_folder(folder, &known)?;
                    return Ok(work.news);
                }
            }
            let witnesses: Vec<Witness> = sightings.iter().map(Sighting::witness).collect();
            tx.add_witnesses(known.source, &witnesses)?;
            Ok(work.news)
        })
    }
}

impl Tracker {
    /// Notes that a folder beside the inbox was looked at; see [`Tracker::scanned`].
    pub(crate) fn scanned_beside(&mut self, folder: &str, listed: Option<Timestamp>) -> Result<()> {
        let Some(at) = listed else { return Ok(()) };
        self.store.write(|tx| {
            tx.end_doubt(folder)?;
            tx.set_memo(Memo::LastScanOf(folder), at)
        })
    }

    /// All folders beside the inbox could be opened.
    pub(crate) fn beside_opened(&mut self) -> Result<()> {
        if self.store.read(|tx| tx.trouble(TroubleKind::Folder))?.is_some() {
            self.store.write(|tx| tx.end_trouble(TroubleKind::Folder))?;
        }
        Ok(())
    }
}

impl Work<'_> {
    /// From here on all mails of a folder are compared with those that are here.
    fn doubt(&mut self, folder: &str, known: Known) -> Result<Known> {
        let before = match self.tx.memo(Memo::LastScanOf(folder))? {
            Some(at) => Some(at),
            None => self.tx.memo(Memo::LastScan)?,
        };
        self.trouble(&Trouble::Renumbered)?;
        Ok(Known { doubted: Some(before.unwrap_or(Timestamp::UNIX_EPOCH)), ..known })
    }
}

/// Whether the UIDs of a folder mean other mails than when it was last looked at.
fn is_set_back(tx: &Tx<'_>, known: &Known, look: &Look<'_>) -> Result<bool> {
    if known.uidnext.zip(look.uidnext).is_some_and(|(before, next)| next < before) {
        return Ok(true);
    }
    let witnesses = tx.witnesses(known.source)?;
    // Where the server does not say what UID is next, nothing else is left to tell: none of them is there, nor any later.
    if let (None, Some(last), [], Some(highest)) = (look.uidnext, witnesses.last(), look.sightings, look.highest()) {
        return Ok(highest < last.uid);
    }
    let of = |uid: u32| witnesses.binary_search_by_key(&uid, |w| w.uid).ok().and_then(|at| witnesses.get(at));
    Ok(look.sightings.iter().any(|s| of(s.uid).is_some_and(|w| !w.agrees(&s.witness()))))
}

/// The one stored mail that this is, if there is no doubt.
fn stored(tx: &Tx<'_>, sighting: &Sighting, before: Timestamp) -> Result<Option<MailRef>> {
    let (said, _) = Header::split(&sighting.header);
    let (Some(id), Some(size)) = (id(&said), sighting.size) else { return Ok(None) };
    if sighting.internal_date.is_none_or(|at| at > before) {
        return Ok(None);
    }
    let [(mail, octets)] = tx.with_id(&id)?[..] else { return Ok(None) };
    if octets != i64::from(size) {
        return Ok(None);
    }
    let raw = match tx.raw(mail) {
        // What was erased, or cannot be read, is nothing to compare with.
        Err(StoreError::Corrupt(_)) => return Ok(None),
        raw => raw?,
    };
    let (here, _) = Header::split(&raw);
    let same = ["from", "date"].iter().all(|name| here.first(name).is_some() && here.first(name) == said.first(name));
    Ok((same && self::id(&here).as_ref() == Some(&id)).then_some(mail))
}

/// The one Message-ID, as that of a whole mail is read.
fn id(header: &Header<'_>) -> Option<MessageId> {
    let mut fields = header.all("message-id");
    match (fields.next(), fields.next()) {
        (Some(one), None) => MessageId::parse(&unfold(one)),
        (Some(_) | None, _) => None,
    }
}
