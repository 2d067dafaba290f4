//! What the store knows about words: what we sent to somebody, and what of a text that is to leave was meant for the
//! team alone.

use std::collections::HashSet;

use super::reading::{Stowed, read_one};
use super::work::Work;
use crate::command::{self, Command, Orders};
use crate::intake::disposition::Disposition;
use crate::mail::read;
use crate::notice::leak::Known;
use crate::notice::text::reminder;
use crate::rules::event::Order;
use crate::store::Result;
use crate::ticket::{Actor, EntryKind, Ticket};
use crate::vocabulary::{Address, NoticeKind, NoticeState, TicketId};

/// Notices that a quotation may be of: the newest.
const SENT: usize = 30;
/// Octets of mail that are looked through for words that the reporter has: the newest. Of older words it is asked.
const ALLOWED: usize = 64 << 20;

impl Work<'_> {
    /// The newest texts that we sent to any of these about a ticket, before the notice of that number.
    pub(super) fn sent_to(&self, ticket: TicketId, to: &[&Address], before: u32) -> Result<Vec<String>> {
        let notices = self.tx.notices_of(ticket)?;
        let earlier = notices.iter().rev().filter(|n| n.number < before);
        let theirs = earlier.filter(|n| n.to.as_ref().is_some_and(|t| to.contains(&t)));
        theirs.take(SENT).map(|n| self.notice_text(n.number)).collect()
    }

    fn notice_text(&self, number: u32) -> Result<String> {
        Ok(read::read(&self.tx.notice_bytes(number)?).text)
    }

    /// What is known of the words that these orders may send to the reporter. All that is the team's is looked
    /// through; of what is the reporter's, the newest.
    pub(super) fn known(&self, ticket: &Ticket, order: &Order) -> Result<Known> {
        let waiting = ticket.pending.as_ref().map_or("", |p| &p.lines);
        let leaves = !waiting.is_empty() || sends(&order.orders, false);
        // What they send goes to whom they name.
        let waits = command::split(waiting);
        let mut commands = order.orders.commands().chain(waits.commands());
        let named = commands.find_map(|c| if let Command::Reporter(to) = c { Some(to) } else { None });
        let Some(reporter) = named.or(ticket.reporter.as_ref()).filter(|_| leaves) else {
            return Ok(Known::default());
        };
        let mut known =
            Known::about(&format!("{}\n{}\n{waiting}", order.orders.written().join("\n"), order.orders.text));
        let mut theirs = HashSet::new();
        let entries = self.tx.entries(ticket.id)?;
        // What an earlier reporter wrote or got is no word for the present one.
        let set = entries.iter().rev().find(|e| e.kind == EntryKind::Reporter).map_or(0, |e| e.seq);
        for entry in entries {
            let text = entry.text.as_deref().unwrap_or_default();
            let of_team = !matches!(entry.by, Actor::Reporter | Actor::Stranger);
            if of_team && matches!(entry.kind, EntryKind::Answered | EntryKind::Acknowledged) {
                // Meant for the reporter, and no secret because it did not arrive; colleagues have read it in a notice.
                if entry.seq > set { known.allowed(text) } else { known.secret(text) }
            }
            if entry.by == Actor::Reporter || entry.kind == EntryKind::Answered {
                theirs.extend(entry.mail);
            } else if entry.kind == EntryKind::Note {
                known.note(text);
            } else if of_team && !matches!(entry.kind, EntryKind::Acknowledged | EntryKind::CodeAsked { .. }) {
                known.secret(text);
            }
        }
        for notice in self.tx.notices_of(ticket.id)? {
            let text = self.notice_text(notice.number)?;
            if notice.to.as_ref() == Some(reporter) {
                match notice.state {
                    NoticeState::Held | NoticeState::Refused => {}
                    NoticeState::Waiting | NoticeState::Sending | NoticeState::Sent | NoticeState::Unknown => {
                        known.allowed(&text);
                    }
                }
                continue;
            }
            // What answers a command holds the words of whoever gave it, for the reporter most of all.
            if !matches!(notice.kind, NoticeKind::Answer | NoticeKind::Code) {
                known.secret(&text);
            }
            reminder::draft(&text).into_iter().for_each(|draft| known.allowed(draft));
        }
        let mut octets = 0;
        for (mail, sender, disposition) in self.tx.mails_of(ticket.id)? {
            // What was put aside cannot be read.
            if disposition == Disposition::Quarantined {
                continue;
            }
            let commands = disposition == Disposition::Command;
            let of_team = commands || sender.as_ref().is_some_and(|s| self.project.person(s).is_some());
            // What they wrote, or a colleague wrote to them. Who passes a report on may have written words of their own.
            let passed_on = disposition == Disposition::Report && of_team && sender.as_ref() != Some(reporter);
            let earlier = (set > 0 || named.is_some()) && sender.as_ref() != Some(reporter);
            let of_reporter = theirs.contains(&mail) && !commands && !passed_on && !earlier;
            if of_reporter && octets < ALLOWED || (of_team || earlier) && !of_reporter {
                let Ok(raw) = self.tx.raw(mail) else {
                    known.give_up();
                    continue;
                };
                let read = read_one(&Stowed::tried(&raw, self.now, None)).0;
                if of_reporter {
                    octets += raw.len();
                    known.allowed(&read.subject);
                    known.allowed(&read.text);
                } else if !sends(&command::split(&read.reply_text), true) {
                    // Else it was meant for the reporter, and is no secret because it was not sent.
                    known.secret(&read.text);
                }
            }
        }
        Ok(known)
    }
}

/// Whether orders send words of a person to the reporter; or, of these, the text below them.
fn sends(orders: &Orders, below: bool) -> bool {
    let orders = Orders { text: "\n".to_owned(), ..orders.clone() };
    orders.sends().any(|words| words == "\n" || !below)
}
