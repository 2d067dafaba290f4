//! What tells one thing that came in from every other.

/// The first 16 octets of a SHA-256: so many that nobody builds two things that share them. Whoever could would have one
/// pass for a copy of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print(pub [u8; 16]);

impl Print {
    /// Of a hash.
    pub fn of(hash: [u8; 32]) -> Self {
        Self(hash.first_chunk().copied().unwrap_or_default())
    }

    /// As a database of version 3 or before holds it: the first 8 octets, and zeros.
    #[must_use]
    pub fn short(self) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        Self([a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}
