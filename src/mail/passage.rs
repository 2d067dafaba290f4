//! By which way a mail came, as its own header says.

use super::automatic::Passed;
use super::header::{self, Header};
use crate::vocabulary::{Address, trim_blanks};

/// A list or a forwarder of the operator's own: see [`crate::intake::through`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A mailing list or group, by its identifier (RFC 2919), lower case.
    List(String),
    /// A service or server that passes mail on, by its domain, lower case.
    Forwarder(String),
}

impl Way {
    /// As it stands in the config.
    pub fn name(&self) -> &str {
        match self {
            Self::List(name) | Self::Forwarder(name) => name,
        }
    }

    /// What it makes of a mail that it passes on.
    pub fn passed(&self) -> Passed {
        match self {
            Self::List(_) => Passed::List,
            Self::Forwarder(_) => Passed::Forwarder,
        }
    }

    /// Whether mail to that address goes that way.
    pub fn is_address(&self, address: &Address) -> bool {
        match self {
            Self::List(id) => id.split_once('.').is_some_and(|(local, domain)| {
                local.eq_ignore_ascii_case(address.local()) && domain == address.domain()
            }),
            Self::Forwarder(_) => self.covers(address.domain()),
        }
    }

    /// Whether a domain is the way's own: that of a list, whose identifier ends in it (RFC 2919 section 2), or one at
    /// or below a forwarder's.
    pub fn covers(&self, domain: &str) -> bool {
        let below = |name: &str, parent: &str| {
            name == parent || name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
        };
        match self {
            Self::List(id) => domain.contains('.') && below(id, domain),
            Self::Forwarder(own) => below(domain, own),
        }
    }
}

/// What the header of a mail says of the way by which it came; anybody could have written it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// The identifier in List-Id (RFC 2919), lower case.
    pub list_id: Option<String>,
    /// Where one writes to the list (RFC 2369 section 3.4).
    pub list_post: Option<Address>,
    /// The domains of those who say that they passed it on, the From among them.
    pub hops: Vec<String>,
    /// Who wrote it, as a way says that put its own address into From: what stands in each field, the surest first.
    /// A field that stands there twice is none, since the sender may have written one of them.
    pub claimed: Vec<Claimed>,
    /// What others wrote down when they took it: Authentication-Results that a way moved.
    pub recorded: Vec<String>,
    /// The same, sealed (RFC 8617 section 4.1.1), each with its number.
    pub sealed: Vec<String>,
    /// The domain of the last seal (RFC 8617 section 4.1.3).
    pub sealer: Option<String>,
}

/// A field that says who wrote the mail, and the addresses in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its name.
    pub field: &'static str,
    /// The plain addresses in it.
    pub addresses: Vec<Address>,
}

/// Fields in which ways write down who wrote a mail, the surest first; last those that answer by way of an alias of theirs.
const CLAIMS: [&str; 5] =
    ["X-Original-From", "X-Original-Sender", "Reply-To", "X-AnonAddy-Original-Sender", "X-SimpleLogin-Original-From"];
/// Fields in which whoever passes a mail on names itself.
const HOPS: [&str; 9] = [
    "from",
    "return-path",
    "resent-from",
    "resent-sender",
    "sender",
    "x-loop",
    "x-ms-exchange-inbox-rules-loop",
    "x-forwarded-for",
    "x-forwarded-by",
];
/// The most seals and recorded results that are read; RFC 8617 section 5.1.1 allows 50.
const MAX_SETS: usize = 50;

impl Passage {
    /// Reads the header of a mail.
    pub fn of(header: &Header<'_>) -> Self {
        let hops = HOPS.into_iter().flat_map(|name| header.all(name).take(3));
        let once = |name| <[&[u8]; 1]>::try_from(header.all(name).take(2).collect::<Vec<_>>()).ok();
        let seals = header.all("arc-seal").take(MAX_SETS).map(header::unfold);
        let seals = seals.filter_map(|seal| Some((tag(&seal, "i")?.parse::<u8>().ok()?, tag(&seal, "d")?)));
        let some = |name: &'static str| header.all(name).take(MAX_SETS).map(header::unfold).collect();
        Self {
            list_id: header.keyword("list-id").map(|id| within_angles(&id).to_owned()).filter(|id| !id.is_empty()),
            list_post: header
                .keyword("list-post")
                .and_then(|post| Address::parse(within_angles(&post).strip_prefix("mailto:")?)),
            hops: hops.flat_map(header::addresses).take(20).map(|a| a.domain().to_owned()).collect(),
            claimed: CLAIMS
                .into_iter()
                .filter_map(|field| Some(Claimed { field, addresses: header::addresses(once(field)?[0]) }))
                .collect(),
            recorded: some("x-original-authentication-results"),
            sealed: some("arc-authentication-results"),
            sealer: seals.max_by_key(|(i, _)| *i).map(|(_, domain)| domain.to_ascii_lowercase()),
        }
    }
}

/// What stands between the last pair of angle brackets, else all of it.
fn within_angles(value: &str) -> &str {
    let inside = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    trim_blanks(inside.unwrap_or(value))
}

/// The value of a tag in a list of them (RFC 6376 section 3.2).
fn tag(list: &str, name: &str) -> Option<String> {
    let tags = list.split(';').filter_map(|t| t.split_once('='));
    tags.map(|(n, v)| (trim_blanks(n), trim_blanks(v))).find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::read::read;

    #[test]
    fn what_a_header_says_of_the_way() {
        let passage = |header: &str| read(format!("{header}\r\n\r\nx").as_bytes()).passage;
        let list = passage(
            "List-ID: Security <Security.Example.ORG>\r\nList-Post: <https://a.example>, <mailto:security@example.org>",
        );
        assert_eq!(list.list_id.as_deref(), Some("security.example.org"));
        assert_eq!(list.list_post.map(|a| a.as_str().to_owned()).as_deref(), Some("security@example.org"));
        let seals = passage("ARC-Seal: i=2; a=x; d=Relay.example; b=x\r\nARC-Seal: i=1; a=x; d=other.example; b=x");
        assert_eq!(seals.sealer.as_deref(), Some("relay.example"));
        let claimed = passage(
            "X-Original-From: x@x.example\r\nX-Original-From: y@y.example\r\n\
             Reply-To: a@a.example, b@b.example\r\nX-Original-Sender: c@c.example",
        );
        let claimed: Vec<Vec<&str>> =
            claimed.claimed.iter().map(|c| c.addresses.iter().map(Address::as_str).collect()).collect();
        assert_eq!(claimed, [vec!["c@c.example"], vec!["a@a.example", "b@b.example"]]);
    }
}
