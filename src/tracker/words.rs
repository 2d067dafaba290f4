//! What the store knows about words: what we sent to somebody, and what of a text that is to leave was meant for the
//! team alone.

use super::reading::{Stowed, read_one};
use super::work::Work;
use crate::command::{self, Command, Orders};
use crate::mail::leak::Known;
use crate::mail::text::reminder;
use crate::mail::{Address, Mail, read};
use crate::notice::NoticeKind;
use crate::store::Result;
use crate::ticket::decide::Order;
use crate::ticket::{EntryKind, MailRef, Ticket, TicketId};

/// Notices that a quotation may be of: the newest.
const SENT: usize = 30;
/// Octets of mail that are looked through for words that the reporter has: the newest. Of older words it is asked.
const ALLOWED: usize = 64 << 20;

impl Work<'_> {
    /// The newest texts that we sent to any of these about a ticket.
    pub(super) fn sent_to(&self, ticket: TicketId, to: &[&Address]) -> Result<Vec<String>> {
        let notices = self.tx.notices_of(ticket)?;
        let theirs = notices.iter().rev().filter(|n| n.to.as_ref().is_some_and(|t| to.contains(&t)));
        theirs.take(SENT).map(|n| self.notice_text(n.number)).collect()
    }

    fn notice_text(&self, number: u32) -> Result<String> {
        Ok(read::read(&self.tx.notice_bytes(number)?).text)
    }

    fn mail_of(&self, mail: MailRef, octets: &mut usize) -> Result<Mail> {
        let raw = self.tx.raw(mail)?;
        *octets += raw.len();
        Ok(read_one(&Stowed::tried(&raw, self.now, None)).0)
    }

    /// What is known of the words that these orders may send to the reporter. All that is the team's is looked
    /// through; of what is the reporter's, the newest.
    pub(super) fn known(&self, ticket: &Ticket, order: &Order) -> Result<Known> {
        let (Some(reporter), true) = (&ticket.reporter, may_send(&order.orders)) else { return Ok(Known::default()) };
        let waiting = ticket.pending.as_ref().map_or("", |p| &p.lines);
        let mut known = Known::about(&format!("{}\n{}\n{waiting}", order.orders.lines.join("\n"), order.orders.text));
        let mut answers = Vec::new();
        for entry in self.tx.entries(ticket.id)? {
            let text = entry.text.as_deref().unwrap_or_default();
            match entry.kind {
                EntryKind::Note => known.note(text),
                // What a server said, and the reasons of the team.
                EntryKind::Status { .. }
                | EntryKind::Fact { .. }
                | EntryKind::DeadlineMoved { .. }
                | EntryKind::Embargo { .. }
                | EntryKind::Done { .. }
                | EntryKind::Attempt
                | EntryKind::Undeliverable { .. } => known.secret(text),
                EntryKind::Answered => answers.extend(entry.mail),
                EntryKind::Reported { .. }
                | EntryKind::Member
                | EntryKind::Acknowledgement { .. }
                | EntryKind::FollowUp
                | EntryKind::Acknowledged
                | EntryKind::Paused
                | EntryKind::Resumed
                | EntryKind::Spam
                | EntryKind::Severity { .. }
                | EntryKind::Owner
                | EntryKind::Credit
                | EntryKind::Withdrawn
                | EntryKind::Asked
                | EntryKind::Reminded { .. }
                | EntryKind::Rederived { .. }
                | EntryKind::Broken { .. }
                | EntryKind::CodeAsked { .. }
                | EntryKind::CodeUsed
                | EntryKind::CodeWrong
                | EntryKind::Erased => {}
            }
        }
        for notice in self.tx.notices_of(ticket.id)? {
            let text = self.notice_text(notice.number)?;
            if notice.to.as_ref() == Some(reporter) {
                if !matches!(notice.state.as_str(), "held" | "refused") {
                    known.allowed(&text);
                }
                continue;
            }
            // What answers a command holds the words of whoever gave it, for the reporter most of all.
            if notice.kind != NoticeKind::Answer.word() && notice.kind != NoticeKind::Code.word() {
                known.secret(&text);
            }
            reminder::draft(&text).into_iter().for_each(|draft| known.allowed(draft));
        }
        let (mut of_reporter, mut of_team) = (0, 0);
        for (mail, sender, disposition) in self.tx.mails_of(ticket.id)? {
            let colleague = sender.as_ref().is_some_and(|s| self.project.person(s).is_some());
            let commands = matches!(disposition.as_str(), "command" | "answer");
            let went_to_them = disposition == "answer" && answers.contains(&mail);
            if went_to_them || sender.as_ref() == Some(reporter) && !commands {
                if of_reporter < ALLOWED {
                    known.allowed(&self.mail_of(mail, &mut of_reporter)?.text);
                }
            } else if colleague || commands {
                let read = self.mail_of(mail, &mut of_team)?;
                // What was meant for the reporter is no secret because it was not sent.
                if !sends_text(&command::split(&read.reply_text)) {
                    known.secret(&read.text);
                }
            }
        }
        Ok(known)
    }
}

/// Whether orders may send words of a person to the reporter.
fn may_send(orders: &Orders) -> bool {
    sends_text(orders)
        || orders
            .lines
            .iter()
            .filter_map(|l| command::parse(l).ok())
            .any(|(_, command)| matches!(command, Command::Released(_) | Command::Public(_) | Command::Confirm(_)))
}

fn sends_text(orders: &Orders) -> bool {
    let mut commands = orders.lines.iter().filter_map(|l| command::parse(l).ok());
    commands.any(|(_, command)| matches!(command, Command::Ack | Command::Reply | Command::Ask))
}
