//! The raw header block: what identity is decided on.

use super::Address;

/// Why a mail has no sender that anything may be sent to or believed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSender {
    /// No From at all.
    Missing,
    /// More than one From line (RFC 5322 section 3.6 allows one).
    Several,
    /// More than one address in it, or a group.
    NotOne,
    /// Not a plain ASCII address.
    NotPlain,
}

/// A line of the header that says which way the mail came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// A Received line, unfolded.
    Received(String),
    /// An Authentication-Results line (RFC 8601), unfolded.
    AuthenticationResults(String),
}

/// Addresses that a header names as its recipients.
pub type Recipients = Vec<Address>;
