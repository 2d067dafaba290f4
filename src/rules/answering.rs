//! What whoever commanded is answered.

use super::draft::Draft;
use super::event::Order;
use crate::command::Line;
use crate::notice::Notice;
use crate::notice::key::NoticeKey;
use crate::notice::says::Says;
use crate::ticket::Actor;
use crate::vocabulary::Address;
use std::sync::Arc;

/// Why nothing was done.
pub(super) struct Refusal {
    pub(super) line: String,
    pub(super) column: Option<usize>,
    pub(super) why: String,
}

impl Refusal {
    /// Of a line that could be read.
    pub(super) fn of(line: &Line, why: String) -> Self {
        Self { line: line.written.clone(), column: None, why }
    }
}

/// The name that the reporter hears too: a login says nothing to them.
pub(super) fn name_of_actor(draft: &Draft<'_>, by: &Actor) -> String {
    by.person().map_or("A maintainer", |person| draft.project.name_of(person)).to_owned()
}

/// The person who did it, if it was one.
pub(super) fn person_of(by: &Actor) -> Option<&Address> {
    if let Actor::Person(person) = by { Some(person) } else { None }
}

/// An answer stands for the mail that asked, so that the same mail is answered once.
pub(super) fn answer_to(draft: &Draft<'_>, order: &Order, person: &Address, says: Arc<Says>) -> Notice {
    let mut notice = draft.notice(person, says);
    if let Some(mail) = order.mail {
        notice.keys = vec![NoticeKey::Answer(mail)];
    }
    notice.in_reply_to = order.reply_to.clone();
    notice
}
