//! What a mail is known by to mail programs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clean::trim_blanks;

/// A Message-ID (RFC 5322 section 3.6.4) without its angle brackets: printable ASCII, one `@`, at most 200 octets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Reads one Message-ID, with or without its angle brackets; `None` for anything that could not be put
    /// into a header again as it is.
    pub fn parse(text: &str) -> Option<Self> {
        let text = trim_blanks(text);
        let id = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
        let good = (3..=200).contains(&id.len())
            && id.bytes().all(|c| c.is_ascii_graphic() && !b"<>()\",;\\".contains(&c))
            && id.split('@').count() == 2
            && !id.starts_with('@')
            && !id.ends_with('@');
        good.then(|| Self(id.to_owned()))
    }

    /// Without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}
impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId(<{}>)", self.0)
    }
}
impl TryFrom<String> for MessageId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a Message-ID")
    }
}
impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}
