//! The ticket: what is tracked, and the entries that it is the fold of.
//!
//! `ticket = fold(entries)`: nothing about a ticket is known that its timeline does not say, and [`Ticket::apply`] alone
//! changes one. The rules that make new entries stand in [`crate::rules`]; what is to be known of each kind of entry in
//! [`kinds`]; the promises running on a ticket in [`clock`], who hears of them in [`hearer`].

pub mod clock;
mod embargo;
mod entry;
mod fold;
mod heard;
pub mod hearer;
pub mod kinds;
pub mod moved;
mod status;

pub use embargo::{Embargo, EmbargoState};
pub use entry::{Acknowledgement, Actor, ActorKind, Aspect, Entry, EntryKind, Fact, Undelivered};
pub use fold::{Pending, State, Ticket};
pub use status::Status;
