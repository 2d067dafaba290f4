//! The commands: one table from which the parser, the permission check, the help mails and the manual's list come.

mod orders;
mod table;
mod when;

pub use orders::{Asked, Line, Orders, parse, split};
pub(crate) use orders::{LINES_MAX, asks};
pub(crate) use table::reporters_verbs;
pub(crate) use table::{Ask, Command, Verb};
pub use table::{Class, verbs};
pub(crate) use when::When;
