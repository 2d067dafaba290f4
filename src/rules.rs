//! Every rule: (ticket, event, project, now) → entries and notices; and the same rules played forward.

mod answering;
mod codes;
pub mod decide;
pub mod draft;
pub mod event;
pub mod losses;
mod orders;
pub mod reminders;
pub mod simulate;
mod verbs;
