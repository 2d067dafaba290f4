//! What a transaction brought about.

use crate::intake::disposition::Disposition;
use crate::notice::Notice;
use crate::notice::words::Words;
use crate::ticket::Entry;
use crate::vocabulary::{MailRef, TicketId};

/// For the log, the terminal and the demo.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// Each mail with its receipt.
    pub receipts: Vec<(MailRef, Disposition, Option<TicketId>, String)>,
    /// Each new entry.
    pub entries: Vec<(TicketId, Entry)>,
    /// Each new notice.
    pub notices: Vec<Posted>,
    /// Deadlines that a new policy moved; their entries are not among the above, for there may be very many.
    pub moved: usize,
    /// What whoever commanded is told.
    pub answer: Option<Told>,
}

/// A notice that was put into the outbox.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its number.
    pub number: u32,
    /// What it says, to whom.
    pub notice: Notice,
    /// The same in words for its reader.
    pub words: Words,
}

/// What whoever commanded at the terminal is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// In words.
    pub text: String,
    /// Whether nothing was done.
    pub refused: bool,
}

impl News {
    /// Takes in more.
    pub fn add(&mut self, more: News) {
        self.receipts.extend(more.receipts);
        self.entries.extend(more.entries);
        self.notices.extend(more.notices);
        self.moved += more.moved;
        self.answer = more.answer.or(self.answer.take());
    }
}
