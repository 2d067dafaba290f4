//! A mail in a file, or why there is none.

/// One mail as found.
pub(super) struct Found {
    /// Its bytes; its beginning when it is over the limit.
    pub(super) raw: Vec<u8>,
    /// Octets in all.
    pub(super) size: u64,
}

/// Why a path was not taken in, or not to its end.
pub(super) enum Failure {
    /// The path is at fault: the others are still done.
    Path(std::io::Error),
    /// The database is: nothing more can be done.
    Store(anyhow::Error),
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Self::Path(e)
    }
}
