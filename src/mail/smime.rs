//! What an S/MIME message wraps: the content of signed-data (RFC 8551 section 3.5.2, RFC 5652 section 5), which is as
//! plain as any mail. Nothing is verified, and so nothing in it commands.
//!
//! The DER, or the BER with lengths that are not known before, is walked no further than to that content: a few
//! headers, one pass over what stands before it, no recursion, and no copy but of the content.

/// What a message holds, by its own words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrapped {
    /// Signed: as much of its content as there is, and whether that is all of it.
    Signed(Vec<u8>, bool),
    /// Enveloped, authenticated-enveloped or encrypted data.
    Encrypted,
    /// Something else, or nothing that can be read.
    Other,
}

/// id-signedData, and the types of what is encrypted (RFC 5652 sections 5, 6 and 8; RFC 5083; PKCS #7 section 12).
const SIGNED: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENCRYPTED: [&[u8]; 4] = [
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x04",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",
];
const SEQUENCE: u8 = 0x30;
const EXPLICIT_0: u8 = 0xa0;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;

/// Says what a message holds, and gives the content of what is signed.
pub(crate) fn open(message: &[u8]) -> Wrapped {
    let mut walk = Walk(message);
    match walk.enter(SEQUENCE).and_then(|()| walk.object()) {
        Some(SIGNED) => {
            let mut content = Vec::new();
            // The signatures stand behind it.
            let whole = walk.content(&mut content).is_some() && !walk.0.is_empty();
            Wrapped::Signed(content, whole)
        }
        Some(kind) if ENCRYPTED.contains(&kind) => Wrapped::Encrypted,
        Some(_) | None => Wrapped::Other,
    }
}

/// What is left of a message.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    /// The tag and the length of the next value (X.690 section 8.1); no length where its end is marked.
    fn header(&mut self) -> Option<(u8, Option<usize>)> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        if first < 0x80 {
            return Some((tag, Some(usize::from(first))));
        }
        // All tags that stand before a content are of one octet.
        let octets =
            self.0.get(..usize::from(first & 0x7f)).filter(|octets| octets.len() <= 4 && tag & 0x1f != 0x1f)?;
        self.0 = self.0.get(octets.len()..)?;
        let length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        Some((tag, (first != 0x80).then_some(length)))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn enter(&mut self, wanted: u8) -> Option<()> {
        self.header().filter(|(tag, _)| *tag == wanted).map(|_| ())
    }

    fn object(&mut self) -> Option<&'a [u8]> {
        let (_, length) = self.header().filter(|(tag, _)| *tag == 0x06)?;
        self.take(length?)
    }

    /// Passes over a value, whatever is in it.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.header()? {
                (0, Some(0)) => open = open.checked_sub(1)?,
                (_, Some(length)) => drop(self.take(length)?),
                (_, None) => open += 1,
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    /// The content of a SignedData, from behind its type; `None` where it is missing or cut.
    fn content(&mut self, into: &mut Vec<u8>) -> Option<()> {
        self.enter(EXPLICIT_0)?;
        self.enter(SEQUENCE)?;
        // Its version and the algorithms of its digests; then what it holds: a type and the content itself.
        self.skip()?;
        self.skip()?;
        self.enter(SEQUENCE)?;
        self.object()?;
        self.enter(EXPLICIT_0)?;
        // In one piece; or in several, and these perhaps too: up to its end, or to as many marks of an end as are open.
        let (mut end, mut open) = (None, 0_usize);
        loop {
            match self.header()? {
                (OCTETS, Some(length)) => self.piece(length, into)?,
                (OCTETS_IN_PIECES, Some(length)) => end = end.or(Some(self.0.len().saturating_sub(length))),
                (OCTETS_IN_PIECES, None) => open += 1,
                (0, Some(0)) => open = open.checked_sub(1)?,
                _ => return None,
            }
            if open == 0 && end.is_none_or(|end| self.0.len() <= end) {
                return Some(());
            }
        }
    }

    /// As much of a piece of the content as there is.
    fn piece(&mut self, length: usize, into: &mut Vec<u8>) -> Option<()> {
        into.extend(self.0.iter().take(length));
        self.take(length).map(|_| ())
    }
}
