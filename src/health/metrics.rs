//! How things stand as text for Prometheus, in the format that the textfile collector of its node exporter reads.
//!
//! Times stand as instants and not as ages: an age would be wrong as soon as it is written.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::Health;
use crate::project::Project;
use crate::store::{Counted, Result, Tx};

/// A promise that ends within so long is due.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// The text, in one look.
pub(crate) fn text(tx: &Tx<'_>, health: &Health, project: &Project) -> Result<String> {
    let mut page = Page::default();
    page.one("needs_person", "Whether something needs a person, as `disclosed status` says.", health.needs_person());
    // How mail ended may change: a second copy, or a person, raises it.
    page.several("mails", "Mails that came in, by how they ended.", "outcome", tx.counts(Counted::Mails)?);
    page.several("notices", "Mails to people, by where they stand.", "state", tx.counts(Counted::Notices)?);
    page.at(
        "notices_oldest_waiting_timestamp_seconds",
        "When the oldest notice was made that waits to leave.",
        health.oldest,
    );
    page.one("tickets_open", "Tickets that are open.", tx.open_tickets()?);
    let soon = health.now.checked_add(SOON).unwrap_or(Timestamp::MAX);
    let due = tx.tickets_due(soon)?.saturating_sub(health.broken);
    page.one("promises_due", "Tickets whose next promise ends within a day.", due);
    page.one("promises_broken", "Tickets with a promise that is broken and not kept yet.", health.broken);
    page.at("inbox_read_timestamp_seconds", "When the inbox was last read to its end.", health.last_scan);
    page.at("sent_timestamp_seconds", "When a mail last left.", health.last_send);
    page.one("held", "Notices that wait for a person.", health.held);
    page.one("quarantined", "Mails that could not be read and were put aside.", health.quarantined);
    let mut troubles: Vec<(String, u32)> = Vec::new();
    for alarm in health.alarms(project) {
        match troubles.iter_mut().find(|(kind, _)| *kind == alarm.kind) {
            Some((_, count)) => *count += 1,
            None => troubles.push((alarm.kind, 1)),
        }
    }
    page.several("trouble", "Trouble that stands, by its kind.", "kind", troubles);
    Ok(page.0)
}

/// The text so far.
#[derive(Default)]
struct Page(String);

impl Page {
    /// The head of a series. All are gauges.
    fn head(&mut self, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP disclosed_{name} {help}\n# TYPE disclosed_{name} gauge\n");
    }

    fn one(&mut self, name: &str, help: &str, value: impl TryInto<u64>) {
        self.head(name, help);
        let _ = writeln!(self.0, "disclosed_{name} {}", value.try_into().unwrap_or(u64::MAX));
    }

    /// An instant, if there is one.
    fn at(&mut self, name: &str, help: &str, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.head(name, help);
            let _ = writeln!(self.0, "disclosed_{name} {}", at.as_second());
        }
    }

    /// One series for each label. Labels are words of ours, with nothing in them to be escaped.
    fn several(&mut self, name: &str, help: &str, label: &str, values: Vec<(String, u32)>) {
        if values.is_empty() {
            return;
        }
        self.head(name, help);
        for (of, value) in values {
            let _ = writeln!(self.0, "disclosed_{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}

#[cfg(test)]
mod tests;
