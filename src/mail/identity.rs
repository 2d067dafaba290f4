//! Who wrote a mail, and how sure that is.

/// The verdict on the From line of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whether the domain of the From address vouches for the mail (rule 2 of the authority rules).
    pub believed: bool,
    /// Whether our own server says that the From address is forged (`dmarc=fail`).
    pub forged: bool,
    /// What vouched.
    pub by: Option<Proof>,
    /// The verdict in words.
    pub reason: String,
}

/// What vouched for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Our own mail server's Authentication-Results (RFC 8601).
    AuthenticationResults,
}
