//! What is counted, by which names, in slots of five minutes.

use std::fmt;

use crate::vocabulary::{Address, TicketId};

/// The tallies' slot: five minutes.
pub(super) const SLOT: i64 = 5 * 60;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

/// What one mail has caused so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cause {
    /// It has a cap of its own, and does not count among all mails.
    pub(super) apart: bool,
    /// Its acknowledgement leaves whatever else is held.
    pub(super) sure: bool,
    /// It is counted among all mails.
    pub(super) provoked: bool,
    /// It is counted for the breaker.
    pub(super) made: bool,
}

/// What is counted. The store keeps the hash of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// Automatic acknowledgements to a sender. Tagged addresses are one mailbox (RFC 5233), and one sender.
    Sender(&'a Address),
    /// Automatic acknowledgements to the domain of this address.
    Domain(&'a Address),
    /// Automatic acknowledgements to all senders that a way of the operator's names: anybody can make these up, so that
    /// they have one cap.
    Way(&'a str),
    /// Mails for a ticket that the team was told of one by one.
    Told(TicketId),
    /// Mails that bear the reply address of this person, and were not obeyed: told to them.
    Unheard(&'a Address),
    /// Codes for commands that nobody vouched for, mailed to this person.
    Codes(&'a Address),
    /// New tickets.
    Reports,
    /// New tickets of mail from where servers return mail from, about nothing of ours.
    Returned,
    /// Mails that made us send anything.
    Provoked,
    /// Acknowledgements that are drawn from the reserve.
    Reserve,
    /// Of these, those to the domain of this address and all below it: whoever has a domain has as many as they like.
    ReserveOf(&'a Address),
    /// What made us send anything that nobody asked for, for the breaker.
    Made,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sender(from) => {
                let base = from.local().split('+').next().unwrap_or_default().to_ascii_lowercase();
                write!(f, "sender:{base}@{}", from.domain())
            }
            Self::Domain(from) => write!(f, "domain:{}", from.domain()),
            Self::Way(way) => write!(f, "way:{way}"),
            Self::Told(ticket) => write!(f, "told:{}", ticket.0),
            Self::Unheard(person) => write!(f, "unheard:{}", person.key()),
            Self::Codes(person) => write!(f, "codes:{}", person.key()),
            Self::Reports => f.write_str("ticket"),
            Self::Returned => f.write_str("backscatter"),
            Self::Provoked => f.write_str("provoked"),
            Self::Reserve => f.write_str("reserve"),
            // Two labels are too few below some suffixes. There, several domains share one part of the reserve.
            Self::ReserveOf(from) => {
                let domain = from.domain();
                let second = domain.rmatch_indices('.').nth(1).map_or(0, |(dot, _)| dot + 1);
                write!(f, "reserve:{}", domain.get(second..).unwrap_or(domain))
            }
            Self::Made => f.write_str("made"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The store has the hashes of these: another text would begin a cap anew.
    #[test]
    fn each_scope_has_the_text_that_it_always_had() {
        let ada = Address::parse("Ada+Tag@Example.org").unwrap();
        let below = Address::parse("ada@a.b.example.org").unwrap();
        for (scope, text) in [
            (Scope::Sender(&ada), "sender:ada@example.org"),
            (Scope::Domain(&ada), "domain:example.org"),
            (Scope::Way("security.example.org"), "way:security.example.org"),
            (Scope::Told(TicketId(17)), "told:17"),
            (Scope::Unheard(&ada), "unheard:ada+tag@example.org"),
            (Scope::Codes(&ada), "codes:ada+tag@example.org"),
            (Scope::Reports, "ticket"),
            (Scope::Returned, "backscatter"),
            (Scope::Provoked, "provoked"),
            (Scope::Reserve, "reserve"),
            (Scope::ReserveOf(&ada), "reserve:example.org"),
            (Scope::ReserveOf(&below), "reserve:example.org"),
            (Scope::Made, "made"),
        ] {
            assert_eq!(scope.to_string(), text);
        }
    }
}
