//! What is attached to a mail, and its content.

use serde::{Deserialize, Serialize};

use super::header::Header;
use super::parts::{Part, Parts};

/// A part that is not the text. Never opened; its content stays in the raw mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name as claimed, without control characters and path separators, at most 100 characters.
    pub name: String,
    /// Its media type as claimed.
    pub media_type: String,
    /// Octets, decoded.
    pub size: u64,
}

impl Attachment {
    fn of(part: &Part<'_>, size: u64) -> Self {
        let name = part.name.clone().unwrap_or_else(|| "(no name)".to_owned());
        Self { name, media_type: part.media.clone(), size }
    }
}

/// The most attachments that are listed of a mail.
pub(super) const MOST: usize = 100;

/// What is attached to a mail.
pub(super) fn list(parts: &Parts<'_>) -> Vec<Attachment> {
    attached(parts).take(MOST).map(|p| Attachment::of(p, p.size())).collect()
}

/// Hands out each attachment of a mail with its content, one at a time, in the order in which they stand: only the
/// transfer encoding is undone.
///
/// # Errors
/// The first of `each`, which ends it.
pub(crate) fn each<E>(raw: &[u8], mut each: impl FnMut(Attachment, &[u8]) -> Result<(), E>) -> Result<(), E> {
    let (header, body) = Header::split(raw);
    let mut parts = Parts::find(&header, body);
    // What is odd about the mail its reader says.
    let signed = parts.signed(&mut Vec::new());
    parts.open(&signed);
    for part in attached(&parts) {
        let content = part.content();
        each(Attachment::of(part, u64::try_from(content.len()).unwrap_or(u64::MAX)), &content)?;
    }
    Ok(())
}

/// The parts that are not its text.
fn attached<'p>(parts: &'p Parts<'_>) -> impl Iterator<Item = &'p Part<'p>> {
    parts.leaves.iter().filter(|p| !p.is_inline_text() || p.name.is_some())
}
