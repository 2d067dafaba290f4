//! Mails, by UID, a bounded amount at a time.
//!
//! Bodies are asked for in slices only (`BODY.PEEK[]<from.count>`), because RFC822.SIZE is an estimate with some
//! servers and may be off in both directions: so a single answer is at most one slice, and the length of what came is
//! the truth. The size decides no more than how many mails share a command, and how much memory is set aside.

use std::time::Duration;

use jiff::Timestamp;

use super::Session;
use super::answers::{Answers, Body, Part};
use super::error::ImapError;
use super::wire::Transport;

/// Mails of one chunk.
const CHUNK_MAILS: usize = 50;
/// Octets of one chunk, as announced.
const CHUNK: u64 = 2 << 20;
/// What is larger is fetched alone.
const SMALL: u64 = 256 << 10;
/// Octets of one slice.
const SLICE: usize = 1 << 20;
/// Octets that are kept of the fields of a mail that are asked for on their own.
const SHORT: u64 = 8 << 10;
/// Octets that are kept of a mail that is too large: its header and the beginning of its text.
const HEAD: usize = 256 << 10;

/// The fate of the leading UIDs of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// How many UIDs of the list this answers; at least one if there was one.
    pub taken: usize,
    /// One answer for each, in the order of the list.
    pub mails: Vec<Fetched>,
}

/// What became of one UID.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// A mail, whole.
    Mail {
        /// Its UID.
        uid: u32,
        /// When the server took it, if it says so legibly.
        internal_date: Option<Timestamp>,
        /// Its octets.
        raw: Vec<u8>,
    },
    /// A mail that is larger than the limit.
    Oversize {
        /// Its UID.
        uid: u32,
        /// When the server took it.
        internal_date: Option<Timestamp>,
        /// Its octets as the server says, or as many as were seen if that is more.
        size: u64,
        /// The first 256 KiB.
        head: Vec<u8>,
    },
    /// The server listed it and now gives nothing, or an empty body. It may have been removed; it may come back.
    Missing(u32),
    /// The server gives a text of its own in place of the mail. It has to be asked again later.
    Placeholder(u32),
}

/// What the server says of a mail besides its content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    /// Its UID.
    pub uid: u32,
    /// Octets, as the server says.
    pub size: Option<u32>,
    /// When the server took it.
    pub internal_date: Option<Timestamp>,
    /// Its From, Date and Message-ID, as far as they are short.
    pub header: Vec<u8>,
}

impl<S: Transport> Session<S> {
    /// What the server says of these mails, as far as it answers.
    pub(crate) async fn headers(&mut self, uids: &[u32]) -> Result<Vec<Headers>, ImapError> {
        const ITEMS: &str = "RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM DATE MESSAGE-ID)]";
        self.wire.keep(SHORT);
        let mut answers = self.ask(uids, ITEMS).await?;
        let known = uids.iter().filter_map(|uid| Some((*uid, answers.remove(*uid)?)));
        let each = known.filter_map(|(uid, part)| {
            Some(Headers { uid, size: part.size, internal_date: part.internal_date, header: part.header? })
        });
        Ok(each.collect())
    }

    /// Fetches as many leading mails of the list as fit one bounded chunk. The list is distinct UIDs, as
    /// [`Session::uids`] gives them; `max` is the octets of the largest mail that is wanted whole.
    ///
    /// If a chunk fails or is refused, give lists of one UID (after a failure on a new connection): a single mail that
    /// the server cannot give, or gives in a form that cannot be read, then does not keep the others from arriving.
    pub(crate) async fn fetch_chunk(&mut self, uids: &[u32], max: u64) -> Result<Chunk, ImapError> {
        self.wire.keep(max);
        let leading: Vec<u32> = uids.iter().copied().take(CHUNK_MAILS).collect();
        let mut listed = self.ask(&leading, "RFC822.SIZE INTERNALDATE").await?;
        let (taken, together) = plan(&leading, &listed);
        let first_slice = format!("BODY.PEEK[]<0.{SLICE}>");
        let mut bodies = self.ask(&together, &first_slice).await?;

        let mut mails = Vec::with_capacity(taken);
        for uid in leading.iter().copied().take(taken) {
            let first = bodies.remove(uid).and_then(|part| part.body);
            // A mail that was announced as small and goes on is large: it ends the chunk before it, or is the chunk.
            let goes_on = first.as_ref().is_some_and(|slice| slice.octets.len() >= SLICE);
            if goes_on && !mails.is_empty() {
                break;
            }
            mails.push(match listed.remove(uid) {
                None => Fetched::Missing(uid),
                Some(_) if first.is_none() && together.contains(&uid) => Fetched::Missing(uid),
                Some(part) => self.mail(uid, &part, first, max).await?,
            });
            if goes_on {
                break;
            }
        }
        let taken = mails.len();
        tracing::debug!(asked = leading.len(), taken, "fetched");
        Ok(Chunk { taken, mails })
    }

    /// How long the server may take over a mail from here on, besides the time that its octets need.
    pub(crate) fn be_patient(&mut self, patience: Duration) {
        self.wire.patience = patience;
    }

    /// How large a mail is and when the server took it, as far as it says so.
    pub(crate) async fn facts(&mut self, uid: u32) -> Result<(Option<u32>, Option<Timestamp>), ImapError> {
        let part = self.ask(&[uid], "RFC822.SIZE INTERNALDATE").await?.remove(uid).unwrap_or_default();
        Ok((part.size, part.internal_date))
    }

    /// One mail, slice by slice, beginning with the one that is already here.
    async fn mail(&mut self, uid: u32, listed: &Part, mut here: Option<Body>, max: u64) -> Result<Fetched, ImapError> {
        let size = listed.size.map(u64::from);
        if let Some(size) = size.filter(|size| *size > max)
            && let Some(oversize) = self.oversize(uid, listed, size, max).await?
        {
            return Ok(oversize);
        }
        let mut raw: Vec<u8> = Vec::new();
        loop {
            let slice = match here.take() {
                Some(slice) => slice,
                None => match self.slice(uid, octets(&raw), SLICE).await? {
                    Some(slice) => slice,
                    // Some servers give nothing behind the end, in place of an empty slice.
                    None if !raw.is_empty() && size.is_some_and(|size| octets(&raw) >= size) => break,
                    None => return Ok(Fetched::Missing(uid)),
                },
            };
            let whole = slice.offset.is_none();
            if slice.offset.map_or(0, |offset| offset as usize) != raw.len() {
                return Err(self.wire.poison(ImapError::Protocol("another slice than was asked for")));
            }
            let got = slice.octets.len();
            if raw.is_empty() && (whole || got < SLICE) {
                raw = slice.octets;
            } else {
                if raw.is_empty() {
                    raw.reserve_exact(usize::try_from(size.unwrap_or(0).min(max)).unwrap_or(0));
                }
                raw.extend_from_slice(&slice.octets);
            }
            // A short slice is the end, unless a large mail should go on: then an empty one is.
            let ends = got < SLICE && size.is_none_or(|size| size <= SMALL || octets(&raw) >= size);
            if whole || got == 0 || ends || octets(&raw) > max {
                break;
            }
        }
        let internal_date = listed.internal_date;
        if raw.is_empty() {
            return Ok(Fetched::Missing(uid));
        }
        if octets(&raw) > max {
            let size = size.unwrap_or(0).max(octets(&raw));
            raw.truncate(HEAD);
            raw.shrink_to_fit();
            return Ok(Fetched::Oversize { uid, internal_date, size, head: raw });
        }
        if is_placeholder(&raw) {
            return Ok(Fetched::Placeholder(uid));
        }
        raw.shrink_to_fit();
        Ok(Fetched::Mail { uid, internal_date, raw })
    }

    /// The head of a mail that is said to be too large, if it is: there is an octet behind the limit.
    async fn oversize(&mut self, uid: u32, listed: &Part, size: u64, max: u64) -> Result<Option<Fetched>, ImapError> {
        let behind = self.slice(uid, max, 1).await?;
        if behind.is_none_or(|slice| slice.octets.is_empty() || slice.offset.map(u64::from) != Some(max)) {
            return Ok(None);
        }
        let Some(head) = self.slice(uid, 0, HEAD).await? else { return Ok(Some(Fetched::Missing(uid))) };
        let mut head = head.octets;
        head.truncate(HEAD);
        Ok(Some(Fetched::Oversize { uid, internal_date: listed.internal_date, size, head }))
    }

    async fn slice(&mut self, uid: u32, from: u64, count: usize) -> Result<Option<Body>, ImapError> {
        let mut answers = self.ask(&[uid], &format!("BODY.PEEK[]<{from}.{count}>")).await?;
        Ok(answers.remove(uid).and_then(|part| part.body))
    }

    /// One UID FETCH of an explicit list: in `n:*` the star is the last mail even if it is below n.
    async fn ask(&mut self, uids: &[u32], items: &str) -> Result<Answers, ImapError> {
        let mut answers = Answers::to(uids);
        if !uids.is_empty() {
            let list = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let command = format!("UID FETCH {list} (UID {items})");
            self.wire.fetch(&command, |answer, body| answers.take(answer, body)).await?;
        }
        Ok(answers)
    }
}

/// How many leading UIDs this chunk deals with, and which of them share a command. A mail that is large, or of which
/// the server does not say how large it is, has a chunk of its own.
fn plan(leading: &[u32], listed: &Answers) -> (usize, Vec<u32>) {
    let mut together = Vec::new();
    let mut total = 0;
    for (taken, uid) in leading.iter().enumerate() {
        let Some(part) = listed.get(*uid) else { continue };
        let size = part.size.map_or(u64::MAX, u64::from);
        if size > SMALL || total + size > CHUNK {
            return if together.is_empty() { (taken + 1, together) } else { (taken, together) };
        }
        total += size;
        together.push(*uid);
    }
    (leading.len(), together)
}

fn octets(raw: &[u8]) -> u64 {
    raw.len() as u64
}

/// Whether this is what Exchange gives in place of a mail that it cannot render. All three marks have to be there:
/// a reporter may well quote one of them.
fn is_placeholder(raw: &[u8]) -> bool {
    const FROM: &str = "microsoft";
    const SUBJECT: &str = "retrieval using the imap4 protocol failed for the following message";
    const BODY: &str = "retrieve the following message";
    if raw.len() > 64 << 10 {
        return false;
    }
    let text = String::from_utf8_lossy(raw).to_lowercase().replace("\r\n", "\n");
    let Some((header, body)) = text.split_once("\n\n") else { return false };
    let unfolded = header.replace("\n ", " ").replace("\n\t", " ");
    let field = |name: &str| unfolded.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    field("from:").contains(FROM) && field("subject:").trim_start().starts_with(SUBJECT) && body.contains(BODY)
}
