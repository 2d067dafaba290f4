//! What is counted, by which names, in slots of five minutes.

use crate::vocabulary::{Address, TicketId};

/// The tallies' slot: five minutes.
pub(super) const SLOT: i64 = 5 * 60;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

/// What counts mails from where servers return mail from, and the small fact that names the ticket for those on top.
pub(super) const BACKSCATTER: &str = "backscatter";
/// The small fact that says when those that were gathered since are told.
pub(super) const GATHERED_DUE: &str = "gathered_due";
/// What counts the mails that incoming mail made us send.
pub(super) const PROVOKED: &str = "provoked";
/// The small fact that counts the commands in mail of programs that no person heard of, until the digest says so.
pub(super) const UNHEARD: &str = "unheard";
/// What the breaker counts: all that is made but the first lane.
pub(super) const MADE: &str = "made";

/// Tagged addresses are one mailbox (RFC 5233), and one sender. The store keeps hashes of these.
pub(super) fn sender_scope(from: &Address) -> String {
    let base = from.local().split('+').next().unwrap_or_default().to_ascii_lowercase();
    format!("sender:{base}@{}", from.domain())
}

pub(super) fn ticket_scope(ticket: TicketId) -> String {
    format!("told:{}", ticket.0)
}

/// What a way of the operator's says of a sender can be made up by anybody: all that it names have one cap.
pub(super) fn way_scope(way: &str) -> String {
    format!("way:{way}")
}

pub(super) fn domain_scope(from: &Address) -> String {
    format!("domain:{}", from.domain())
}
