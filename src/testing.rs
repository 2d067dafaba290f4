//! What the tests beside the crate look at. Nothing else may use it: it changes with the code.

pub mod clock {
    pub use crate::clock::now;
}
pub mod command {
    pub use crate::command::{Asked, Class, Line, Orders, parse, split, verbs};
}
pub mod config {
    pub use crate::config::{Auth, Config, ImapConfig, Inbox, KEYS, Outgoing, Secret};
}
pub mod dkim {
    pub use crate::dkim::{Answer, Verifier};
}
pub mod imap {
    pub use crate::imap::Screen;
}
pub mod intake {
    pub mod disposition {
        pub use crate::intake::disposition::Disposition;
    }
    pub mod unheard {
        pub use crate::intake::unheard::Unheard;
    }
}
pub mod mail {
    pub use crate::mail::Mail;
    pub mod automatic {
        pub use crate::mail::automatic::Automatic;
    }
    pub mod content {
        pub use crate::mail::content::{fingerprints, hashes};
    }
    pub mod decode {
        pub use crate::mail::decode::{Fit, base64, base64_size, charset, quoted_printable, words};
    }
    pub mod fields {
        pub use crate::mail::fields::{Part, recognise};
    }
    pub mod header {
        pub use crate::mail::header::{Header, MAX_ADDRESSES, Trace, display_name, message_ids, sender};
    }
    pub mod html {
        pub use crate::mail::html::to_text;
    }
    pub mod identity {
        pub use crate::mail::identity::{Identity, identify};
    }
    pub mod parts {
        pub use crate::mail::parts::{MAX_DECODED, MAX_PARTS, Parts};
    }
    pub mod read {
        pub use crate::mail::read::read;
    }
    pub mod reply {
        pub use crate::mail::reply::new_text;
    }
    pub mod results {
        pub use crate::mail::results::sealed_for;
    }
    pub mod signature {
        pub use crate::mail::signature::{Dkim, MOST, Occasion, Question, Share, sieve};
    }
    pub mod written {
        pub use crate::mail::written::{Content, Ours, Place};
    }
}
pub mod maildir {
    pub use crate::maildir::Maildir;
}
pub mod net {
    pub use crate::net::Tls;
}
pub mod notice {
    pub mod codename {
        pub use crate::notice::codename::Codename;
    }
    pub mod leak {
        pub use crate::notice::leak::Known;
    }
    pub mod plain {
        pub use crate::notice::plain::body;
    }
    pub mod text {
        pub mod answer {
            pub use crate::notice::text::answer::status;
        }
        pub mod trouble {
            pub use crate::notice::text::trouble::Trouble;
        }
    }
}
pub mod provider {
    pub use crate::provider::{Bound, Place, Server};
}
pub mod open {
    pub use crate::open::{digest, rotate_key, tracker};
}
pub mod policy {
    pub use crate::policy::{Audience, Milestone, RungAt, Severity, Term, Within};
    pub mod calendar {
        pub use crate::policy::calendar::Quiet;
    }
}
pub mod project {
    pub use crate::project::{Level, Project, Reports, Support};
}
pub mod rules {
    pub mod event {
        pub use crate::rules::event::Event;
    }
    pub mod simulate {
        pub use crate::rules::simulate::{Scenario, play};
    }
}
pub mod store {
    pub use crate::store::{
        Claim, Held, Leave, Mark, Memo, NewMail, NewReceipt, Place, Result, Store, StoreError, Stored, Tx,
    };
}
pub mod ticket {
    pub use crate::ticket::{Acknowledgement, Actor, EmbargoState, Entry, EntryKind, Fact, Seat, State, Ticket};
    pub mod clock {
        pub use crate::ticket::clock::clocks;
    }
    pub mod hearer {
        pub use crate::ticket::hearer::{Hearer, hearers};
    }
}
pub mod token {
    pub use crate::token::{CHECKS, KEY_LENGTH, Key, LENGTH, Purpose, Token, party};
}
pub mod tracker {
    pub use crate::tracker::{Arrival, Asked, Erasure, FoundMark, News, Posted, Tracker, Turn, Turned};
}
pub mod vocabulary {
    pub use crate::vocabulary::{
        Address, MailRef, MessageId, NoticeKind, NoticeState, Outcome, TicketId, clean, clean_line,
    };
}

impl crate::tracker::Tracker {
    /// Picks and offers at once: for tests in which nothing comes between.
    pub fn claim(&mut self, now: jiff::Timestamp) -> crate::store::Result<Option<crate::store::Claim>> {
        while let (_, Some(claim)) = self.pick(now, &[])? {
            if self.offer(&claim, now)?.is_some() {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }
}

impl crate::store::Tx<'_> {
    /// All tickets, or all that are open, by number.
    pub fn tickets(&self, all: bool) -> crate::store::Result<Vec<crate::store::TicketRow>> {
        crate::store::few(|each| self.each_ticket(all, crate::store::Span::All, each))
    }

    /// All receipts, by number.
    pub fn receipts(&self) -> crate::store::Result<Vec<crate::store::ReceiptRow>> {
        crate::store::few(|each| self.each_receipt(crate::store::Span::All, each))
    }

    /// All notices from a number on.
    pub fn notices(&self, from: u32) -> crate::store::Result<Vec<crate::store::NoticeRow>> {
        let mut found = crate::store::few(|each| self.each_notice(crate::store::Span::All, each))?;
        found.retain(|row| row.number >= from);
        Ok(found)
    }
}
