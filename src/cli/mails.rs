//! Mails that came in, each whole: its head, what is attached, what is odd about it, its text.

use std::convert::Infallible;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::desk::local;
use super::out::{beside, set_off};
use crate::intake::disposition::Disposition;
use crate::mail::enclosed::Enclosed;
use crate::mail::{attached, read};
use crate::project::Project;
use crate::store::{self, ReceiptRow, Tx};
use crate::vocabulary::{Address, TicketId, clean_line};

/// A mail as programs see it. What is not known, or was erased, is null.
#[derive(Serialize)]
pub(super) struct MailDocument {
    /// Its place among the mails of its ticket, from 1; that of a receipt alone has none.
    number: Option<usize>,
    receipt: i64,
    received: Timestamp,
    disposition: Disposition,
    from: Option<Address>,
    name: Option<String>,
    /// As the mail says.
    date: Option<Timestamp>,
    message_id: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    attachments: Vec<File>,
    pub(super) problems: Vec<String>,
    /// Mails within it.
    enclosed: Vec<Within>,
    erased: bool,
}

/// A mail within a mail, as it says itself.
#[derive(Serialize)]
struct Within {
    from: String,
    date: String,
    subject: String,
    /// Null where it stands in the text of the mail around it.
    text: Option<String>,
}

/// An attachment as programs see it.
#[derive(Serialize)]
pub(super) struct File {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) media: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl File {
    pub(super) fn of(attachment: attached::Attachment, content: &[u8]) -> Self {
        let attached::Attachment { name, media_type: media, size } = attachment;
        Self { name, media, size, sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(content)) }
    }

    /// "text/plain, 12 octets".
    pub(super) fn kind(&self) -> String {
        format!("{}, {} octets", self.media, self.size)
    }
}

/// The receipts of a ticket's mails in the order in which they came, each mail once: its number is its place here.
pub(super) fn of_ticket(tx: &Tx<'_>, ticket: TicketId) -> store::Result<Vec<ReceiptRow>> {
    let mut once = std::collections::HashSet::new();
    let mut receipts = tx.receipts_of_ticket(ticket)?;
    receipts.retain(|r| once.insert(r.mail));
    Ok(receipts)
}

impl MailDocument {
    /// Reads a stored mail anew.
    pub(super) fn of(tx: &Tx<'_>, receipt: &ReceiptRow, number: Option<usize>) -> store::Result<Self> {
        let raw = tx.raw(receipt.mail)?;
        let mut document = Self {
            number,
            receipt: receipt.number,
            received: receipt.received,
            disposition: receipt.disposition,
            from: receipt.from.clone(),
            name: None,
            date: None,
            message_id: receipt.message_id.clone(),
            subject: None,
            text: None,
            attachments: Vec::new(),
            problems: Vec::new(),
            enclosed: Vec::new(),
            erased: raw.is_empty(),
        };
        if raw.is_empty() {
            return Ok(document);
        }
        let (_, whole, size) = tx.facts(receipt.mail)?;
        if !whole {
            let here = raw.len();
            document.problems.push(format!("it is over limits.message: of its {size} octets {here} are here"));
        }
        if receipt.disposition == Disposition::Quarantined {
            document.problems.push("it was put aside, since reading it failed: it is not read here".to_owned());
            return Ok(document);
        }
        let mail = read::read(&raw);
        let mut attachments = Vec::new();
        let Ok(()) = attached::each::<Infallible>(&raw, |attachment, content| {
            attachments.push(File::of(attachment, content));
            Ok(())
        });
        document.problems.extend(mail.problems);
        document.enclosed.extend(mail.enclosed.into_iter().map(|inner| {
            let Enclosed { from, date, subject, text, .. } = inner;
            Within { from, date, subject, text }
        }));
        let (name, date, subject, text) = (mail.display_name, mail.date, Some(mail.subject), Some(mail.text));
        Ok(Self { name, date, subject, text, attachments, ..document })
    }

    /// For a person, in 80 columns.
    pub(super) fn shown(&self, heading: &str, project: &Project) -> String {
        let bold = anstyle::Style::new().bold();
        let mut out = format!("{bold}{heading}{bold:#} ({})\n", self.disposition.word());
        let mut line = |name: &str, value: &str| out.push_str(&beside(&format!("  {name:<11}"), value));
        let zone = &project.policy.calendar.zone_name;
        line("Received:", &format!("{} ({zone}), receipt {}", local(self.received, project), self.receipt));
        let from = self.from.as_ref().map_or("nobody who can be answered", Address::as_str);
        line("From:", &self.name.as_ref().map_or(from.to_owned(), |name| format!("{name} <{from}>")));
        if let Some(date) = self.date {
            line("Date:", &format!("{} ({zone}), as it says", local(date, project)));
        }
        if let Some(subject) = &self.subject {
            line("Subject:", if subject.is_empty() { "(none)" } else { subject });
        }
        for file in &self.attachments {
            line("Attached:", &format!("{} ({})", file.name, file.kind()));
        }
        for problem in &self.problems {
            line("Odd:", &format!("{}.", clean_line(problem, 400)));
        }
        match &self.text {
            _ if self.erased => out.push_str("  It was erased here.\n"),
            Some(text) => out.push_str(&format!("\n{}", set_off(text, "  "))),
            None => {}
        }
        for inner in self.enclosed.iter().filter(|inner| inner.text.is_some()) {
            out.push_str("\n  Attached to it is a mail, which anybody could have written:\n");
            for (name, value) in [("From:", &inner.from), ("Date:", &inner.date), ("Subject:", &inner.subject)] {
                out.push_str(&beside(&format!("  {name:<11}"), value));
            }
            out.push_str(&format!("\n{}", set_off(inner.text.as_deref().unwrap_or_default(), "  ")));
        }
        out
    }
}
