//! The FETCH answers of one command, brought together by UID.
//!
//! A server may spread what it knows of a mail over several answers, mix in others that nobody asked for, repeat
//! itself, and remove mails meanwhile (RFC 3501 section 7, RFC 2683 section 3.4.4). So nothing is believed before the
//! tagged OK, and nothing by its place in the stream.

use std::collections::HashMap;

use imap_proto::{AttributeValue, Response};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

use super::error::ImapError;

/// What one command asked for and what came.
#[derive(Debug)]
pub(super) struct Answers {
    asked: Vec<u32>,
    by_uid: HashMap<u32, Part>,
    /// The UID that each sequence number stood for, as far as it was said.
    uid_at: HashMap<u32, u32>,
    /// Data without a UID, by sequence number, until the UID is said.
    nameless: HashMap<u32, Part>,
}

/// What is known of one mail.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// RFC822.SIZE: an estimate with some servers.
    pub(super) size: Option<u32>,
    pub(super) internal_date: Option<Timestamp>,
    pub(super) body: Option<Body>,
    /// Some fields of its header.
    pub(super) header: Option<Vec<u8>>,
}

/// A body or a slice of one; NIL is no body.
#[derive(Debug)]
pub(super) struct Body {
    /// Where the slice begins; `None` if the server sent the whole.
    pub(super) offset: Option<u32>,
    pub(super) octets: Vec<u8>,
}

impl Answers {
    pub(super) fn to(asked: &[u32]) -> Self {
        Answers { asked: asked.to_vec(), by_uid: HashMap::new(), uid_at: HashMap::new(), nameless: HashMap::new() }
    }

    /// Takes in one answer of the server and the body that stood in it; those that are no FETCH are none of our business.
    pub(super) fn take(&mut self, answer: &Response<'_>, body: Option<Vec<u8>>) -> Result<(), ImapError> {
        if let Response::Fetch(sequence, attributes) = answer {
            self.fetch(*sequence, attributes, body)
        } else {
            if let Response::Expunge(gone) = answer {
                self.expunge(*gone);
            }
            Ok(())
        }
    }

    /// What came for one UID. `None`: nothing.
    pub(super) fn get(&self, uid: u32) -> Option<&Part> {
        self.by_uid.get(&uid)
    }

    /// The same, out of here.
    pub(super) fn remove(&mut self, uid: u32) -> Option<Part> {
        self.by_uid.remove(&uid)
    }

    fn fetch(
        &mut self,
        sequence: u32,
        attributes: &[AttributeValue<'_>],
        body: Option<Vec<u8>>,
    ) -> Result<(), ImapError> {
        let said = attributes
            .iter()
            .find_map(|attribute| if let AttributeValue::Uid(uid) = attribute { Some(*uid) } else { None });
        if let Some(uid) = said {
            // One number for each mail that was asked for: what a server says of others takes no memory.
            self.uid_at.retain(|at, of| *at != sequence && *of != uid);
            if self.asked.contains(&uid) {
                self.uid_at.insert(sequence, uid);
            }
        }
        let Some(uid) = said.or_else(|| self.uid_at.get(&sequence).copied()) else {
            self.nameless.entry(sequence).or_default().add(attributes, body);
            // Flags of any mail may come at any time, but no more mails than were asked for can lack a UID.
            self.nameless.retain(|_, part| !part.is_empty());
            return if self.nameless.len() > self.asked.len() {
                Err(ImapError::Protocol("mails without a UID"))
            } else {
                Ok(())
            };
        };
        let early = self.nameless.remove(&sequence);
        if !self.asked.contains(&uid) {
            // Nobody would look for it; what nobody asked for takes no memory.
            return Ok(());
        }
        let part = self.by_uid.entry(uid).or_default();
        if let Some(early) = early {
            part.merge(early);
        }
        part.add(attributes, body);
        Ok(())
    }

    /// One mail is gone, and every sequence number above it is now one less (RFC 3501 section 7.4.1).
    fn expunge(&mut self, gone: u32) {
        self.uid_at = without(gone, std::mem::take(&mut self.uid_at));
        self.nameless = without(gone, std::mem::take(&mut self.nameless));
    }
}

fn without<T>(gone: u32, by_sequence: HashMap<u32, T>) -> HashMap<u32, T> {
    let kept = by_sequence.into_iter().filter(|(sequence, _)| *sequence != gone);
    kept.map(|(sequence, value)| (if sequence > gone { sequence - 1 } else { sequence }, value)).collect()
}

impl Part {
    fn is_empty(&self) -> bool {
        self.size.is_none() && self.internal_date.is_none() && self.body.is_none() && self.header.is_none()
    }

    /// The first word counts, but a body that is there counts more than an empty one.
    fn merge(&mut self, other: Part) {
        self.size = self.size.or(other.size);
        self.internal_date = self.internal_date.or(other.internal_date);
        self.header = self.header.take().or(other.header);
        if self.body.as_ref().is_none_or(|body| body.octets.is_empty()) {
            self.body = other.body.or(self.body.take());
        }
    }

    fn add(&mut self, attributes: &[AttributeValue<'_>], mut literal: Option<Vec<u8>>) {
        for attribute in attributes {
            let mut said = Part::default();
            if let AttributeValue::Rfc822Size(size) = attribute {
                said.size = Some(*size);
            } else if let AttributeValue::InternalDate(date) = attribute {
                said.internal_date = internal_date(date);
            } else if let AttributeValue::BodySection { section: None, index, data: Some(data) } = attribute {
                // Backslashes of a quoted string are kept: a mail in one, so without any line end, is not worth more.
                let octets = if data.is_empty() { literal.take().unwrap_or_default() } else { data.to_vec() };
                said.body = Some(Body { offset: *index, octets });
            } else if let AttributeValue::BodySection { section: Some(_), index: None, data: Some(data) } = attribute {
                let literal = if data.is_empty() { literal.take() } else { None };
                said.header = Some(literal.unwrap_or_else(|| data.to_vec()));
            }
            self.merge(said);
        }
    }
}

/// When the server took the mail: `17-Jul-1996 02:44:25 -0700`, a day below 10 led by a blank.
fn internal_date(text: &str) -> Option<Timestamp> {
    BrokenDownTime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).and_then(|time| time.to_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::internal_date;

    #[test]
    fn internal_dates() {
        fn check(text: &str, expect: Option<&str>) {
            assert_eq!(internal_date(text).map(|at| at.to_string()).as_deref(), expect, "{text:?}");
        }
        check("17-Jul-1996 02:44:25 -0700", Some("1996-07-17T09:44:25Z"));
        check(" 7-Jul-1996 02:44:25 +0000", Some("1996-07-07T02:44:25Z"));
        check("07-jul-2026 23:59:60 +0530", Some("2026-07-07T18:29:59Z"));
        check("29-Feb-2024 00:00:00 +1400", Some("2024-02-28T10:00:00Z"));
        for bad in [
            "",
            "NIL",
            "31-Feb-2026 00:00:00 +0000",
            "17-Jul-1996",
            "17-Jul-1996 25:00:00 +0000",
            "01-Jan-0000 00:00:00 +9999",
            "31-Dec-9999 23:59:59 -2359",
            "99999999999-Jan-2026 00:00:00 +0000",
            "17-Jül-1996 02:44:25 -0700",
            "\u{0}\u{ff}",
        ] {
            check(bad, None);
        }
    }
}
