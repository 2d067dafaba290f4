//! A mail address that can be written to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One plain ASCII addr-spec (RFC 5322 section 3.4.1, dot-atoms only): no quotes, no literals, no comments,
/// local part of at most 64 octets, at most 254 in all (RFC 5321 section 4.5.3.1). The domain is lower case;
/// the local part keeps its case and is compared without it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// Reads one address; `None` for anything but a plain one.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        let good = text.len() <= 254
            && local.len() <= 64
            && !local.starts_with('-')
            && local.split('.').all(|a| !a.is_empty() && a.bytes().all(atom))
            && domain.split('.').all(label);
        good.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(l, _)| l)
    }

    /// What stands after the `@`, lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, d)| d)
    }

    /// The form in which two addresses are compared: all lower case. Providers that tell the case of local
    /// parts apart are not found in practice, and a maintainer's phone capitalises at will.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The same mailbox with a tag: `security+tag@…` (RFC 5233 section 1); `None` where it would be too long.
    pub fn tagged(&self, tag: &str) -> Option<Self> {
        Self::parse(&format!("{}+{tag}@{}", self.local(), self.domain()))
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Address {}
impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Address {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// Addresses never reach the log (G6): what `{:?}` prints is no address.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a plain mail address")
    }
}
impl From<Address> for String {
    fn from(a: Address) -> Self {
        a.0
    }
}
