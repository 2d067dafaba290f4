//! What is kept packed: mails as they came, and notices that have left.
//!
//! It is Zstandard (RFC 8878) with a dictionary, since most of what a notice says stands in others too. The dictionary is
//! made of the notices in `tests/transcripts`, never of real ones: it is part of the program, and would outlive erasing.
//! Each frame names its dictionary. Rows are read for ever, so that the bytes of one never change: one that packs better
//! is the next, beside it. `DISCLOSED_SAMPLES=FOLDER cargo test --test suite -- each_transcript` writes what it is to be
//! made of, `zstd --train-fastcover=k=1500,d=8 FOLDER/* --maxdict=32KB --dictID=2 -o FILE` makes it; of the first, those
//! transcripts were left out that play the policy of a project that there is.
//!
//! A notice is packed in the transaction that settles it for good: its bytes are at hand then, and nothing has to be
//! looked for later. What may still leave is kept as it is, so that no fault here can change it (G3). What had left
//! before there was a dictionary stays as it is, too: to pack it would make a start long, and saves once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroU32;

use rusqlite::{OptionalExtension, params};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{get_dict_id_from_frame, get_frame_content_size};

use super::{Result, StoreError, Tx};

pub(super) const DICTIONARY: &[u8] = include_bytes!("packed/notices_1.dict");
/// As the frames name it.
const VERSION: u32 = 1;

/// Octets that are packed at once: what unpacking costs in memory at most, whatever a damaged row says.
pub(super) const PIECE: usize = 1 << 20;

/// The level for mail: the higher ones save little on it, and cost several times as much.
pub(super) const MAIL: i32 = 1;
/// The level for notices, which are short.
pub(super) const NOTICE: i32 = 3;

thread_local! {
    /// By level. Kept from one to the next: to make one costs more than to pack something short.
    static PACKERS: RefCell<BTreeMap<i32, Compressor<'static>>> = const { RefCell::new(BTreeMap::new()) };
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Packs up to [`PIECE`] octets.
pub(super) fn pack(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    let packed = PACKERS.with_borrow_mut(|kept| match kept.entry(level) {
        Entry::Occupied(packer) => packer.into_mut().compress(bytes),
        Entry::Vacant(none) => {
            let mut packer = Compressor::with_dictionary(level, DICTIONARY)?;
            // A mail has its hash.
            packer.include_checksum(level == NOTICE)?;
            none.insert(packer).compress(bytes)
        }
    });
    packed.map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// What was packed, with this dictionary or, by an earlier version, without one.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is damaged, or a newer version packed it.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    if let Some(newer) = get_dict_id_from_frame(packed).map(NonZeroU32::get).filter(|id| *id != VERSION) {
        let why = format!("it was packed with dictionary {newer}, and this disclosed knows up to {VERSION}");
        return Err(StoreError::Corrupt(why));
    }
    let size = get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let Some(size) = size.filter(|size| *size <= PIECE) else {
        return Err(StoreError::Corrupt("what was packed is damaged".into()));
    };
    let bytes = UNPACKER.with_borrow_mut(|kept| match kept {
        Some(unpacker) => unpacker.decompress(packed, size),
        None => kept.insert(Decompressor::with_dictionary(DICTIONARY)?).decompress(packed, size),
    });
    bytes.map_err(|e| StoreError::Corrupt(format!("what was packed is damaged: {e}")))
}

impl Tx<'_> {
    /// The bytes of a notice, packed or not; none where they were erased.
    pub fn notice_bytes(&self, number: u32) -> Result<Vec<u8>> {
        let sql = r"
            SELECT bytes, NULL FROM letter WHERE notice = ?1
            UNION ALL
            SELECT p.bytes, o.message_id FROM packed p JOIN outbox o ON o.id = p.notice WHERE p.notice = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let found = query.query_row([number], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let (bytes, packed_beside): (Vec<u8>, Option<String>) = found.unwrap_or_default();
        let Some(id) = packed_beside else { return Ok(bytes) };
        let text = String::from_utf8(unpack(&bytes)?).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(text.replace('\0', local(&id)).into_bytes())
    }

    /// Packs a notice that will not leave any more. What is no text, or larger than a piece, stays as it is.
    ///
    /// Nothing shortens the token in its Message-ID, which stands in its row and several times in the notice: a NUL is
    /// packed in its place, which no mail of ours holds (`notice::write::check_wire`).
    pub(super) fn pack_notice(&self, number: u32) -> Result<()> {
        let sql = "SELECT l.bytes, o.message_id FROM letter l JOIN outbox o ON o.id = l.notice WHERE l.notice = ?1";
        let mut query = self.0.prepare_cached(sql)?;
        let found = query.query_row([number], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        let (bytes, id): (Vec<u8>, String) = found.unwrap_or_default();
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let token = local(&id);
        if token.is_empty() || text.len() > PIECE || text.contains('\0') {
            return Ok(());
        }
        let packed = pack(text.replace(token, "\0").as_bytes(), NOTICE)?;
        self.0
            .prepare_cached("INSERT INTO packed (notice, bytes) VALUES (?1, ?2)")?
            .execute(params![number, packed])?;
        self.0.prepare_cached("DELETE FROM letter WHERE notice = ?1")?.execute([number])?;
        Ok(())
    }
}

/// What stands before the domain of a Message-ID.
fn local(id: &str) -> &str {
    id.split_once('@').map_or(id, |(local, _)| local)
}
