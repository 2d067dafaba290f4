//! What a project says about reports: what it asks for, which versions it mends, how a subject begins.

use super::versions::VersionTable;
use crate::mail::fields::{Fields, Part, attached};
use crate::mail::{Attachment, subject};

/// `[reports]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    /// What a good report holds, in the order of the project; each part once.
    pub asks: Vec<Part>,
    /// Which versions get fixes.
    pub versions: VersionTable,
    /// How the subject of a report begins; `None` where anything will do.
    pub subject: Option<String>,
    /// A text of the project's own for the acknowledgement: at most [`Reports::LONGEST_NOTE`] characters, clean lines.
    pub note: Option<String>,
}

impl Default for Reports {
    fn default() -> Self {
        Self {
            asks: vec![Part::Description, Part::Steps, Part::Impact, Part::AffectedVersion],
            versions: VersionTable::default(),
            subject: None,
            note: None,
        }
    }
}

impl Reports {
    /// The most characters of the note.
    pub const LONGEST_NOTE: usize = 1_500;

    /// What is asked for and not there: neither a sign of it in the text, which can be read, nor an attachment that may
    /// hold it.
    pub fn missing(&self, fields: &Fields, attachments: &[Attachment]) -> Vec<Part> {
        let there = fields.parts.and(attached(attachments));
        self.asks.iter().copied().filter(|part| fields.may_lack.has(*part) && !there.has(*part)).collect()
    }

    /// The beginning that a subject lacks; `None` where it is as asked for.
    pub fn lacks(&self, subject: &str) -> Option<&str> {
        self.subject.as_deref().filter(|prefix| subject::after_prefix(subject, prefix).is_none())
    }

    /// A subject as the title of a ticket: without the beginning that all have.
    pub fn title<'s>(&self, subject: &'s str) -> &'s str {
        let after = self.subject.as_deref().and_then(|prefix| subject::after_prefix(subject, prefix));
        after.filter(|title| !title.is_empty()).unwrap_or(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::fields::recognise;

    #[test]
    fn what_is_missing_is_told_in_the_order_of_the_project() {
        let reports = |asks: &[Part]| Reports { asks: asks.to_vec(), ..Reports::default() };
        let (four, none) = (reports(&[Part::Impact, Part::Remediation, Part::Steps, Part::Description]), reports(&[]));
        let fields = recognise("Bug", "hello");
        assert_eq!(four.missing(&fields, &[]), four.asks);
        assert_eq!(none.missing(&fields, &[]), []);
        let file = |media_type: &str| Attachment { name: "a".into(), media_type: media_type.into(), size: 1 };
        assert_eq!(four.missing(&fields, &[file("application/pdf")]), []);
        assert_eq!(four.missing(&fields, &[file("image/png")]), [Part::Impact, Part::Remediation, Part::Description]);
    }

    #[test]
    fn a_title_is_shown_without_the_prefix() {
        let reports = Reports { subject: Some("SECURITY:".into()), ..Reports::default() };
        for (subject, title, lacks) in [
            ("SECURITY: XSS", "XSS", false),
            ("Re: security: XSS", "XSS", false),
            ("SECURITY:", "SECURITY:", false),
            ("XSS", "XSS", true),
            ("", "", true),
        ] {
            assert_eq!((reports.title(subject), reports.lacks(subject).is_some()), (title, lacks), "{subject}");
        }
        assert_eq!((Reports::default().title("Re: a"), Reports::default().lacks("a")), ("Re: a", None));
    }
}
