//! The ticket: what is tracked, and the entries that it is the fold of.
//!
//! `ticket = fold(entries)`: nothing about a ticket is known that its timeline does not say, and [`Ticket::apply`] alone
//! changes one. The rules that make new entries stand in [`crate::rules`]; what is to be known of each kind of entry in
//! [`kinds`]; the promises running on a ticket in [`clock`], who hears of them in [`hearer`].

pub(crate) mod clock;
mod embargo;
mod entry;
mod fold;
mod heard;
pub(crate) mod hearer;
pub(crate) mod kinds;
pub(crate) mod moved;
mod status;

pub(crate) use embargo::Embargo;
pub use embargo::EmbargoState;
pub use entry::{Acknowledgement, Actor, Entry, EntryKind, Fact, Seat};
pub(crate) use entry::{ActorKind, Aspect, Undelivered};
pub(crate) use fold::Pending;
pub use fold::{State, Ticket};
pub(crate) use status::Status;
