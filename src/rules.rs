//! Every rule: (ticket, event, project, now) → entries and notices; and the same rules played forward.

mod answering;
mod codes;
pub(crate) mod decide;
pub(crate) mod draft;
mod endings;
pub(crate) mod event;
pub(crate) mod losses;
mod orders;
pub(crate) mod reminders;
pub(crate) mod simulate;
mod verbs;
