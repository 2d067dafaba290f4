//! The operator's own way: a list or a forwarder that stands in front of the mailbox, named by `[inbox] through`.
//!
//! Such a way writes into people's mail what elsewhere is the sign of a program: the fields of a list, Precedence,
//! X-Loop, Feedback-ID, and of a forwarder `Auto-Submitted: auto-generated`. Some write their own address into From.
//! For a way that is named these do not count, and the From is undone for *whom to answer*, never for authority.
//!
//! A header that says "I came that way" can be written by anybody, who could then make us write to a victim. So a way
//! counts only where our own server's results or our DKIM check vouch for the way itself (its signature, its seal, its
//! envelope), or where it kept the From and they vouch for that. What a way that is vouched for breaks, a `dmarc=fail`
//! of a From that it kept, holds no acknowledgement. What it wrote down when it took the mail does.

use super::header::{self, Header};
use super::identity::{self, Identity};
use super::{Address, Mail};
use crate::project::{Project, Way};

/// What the header of a mail says of the way by which it came; anybody could have written it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// The identifier in List-Id (RFC 2919), lower case.
    pub list_id: Option<String>,
    /// Where one writes to the list (RFC 2369 section 3.4).
    pub list_post: Option<Address>,
    /// The domains of those who say that they passed it on, the From among them.
    pub hops: Vec<String>,
    /// Who wrote it, as a way says that put its own address into From; the surest first.
    pub claimed: Vec<Address>,
    /// What others wrote down when they took it: Authentication-Results that a way moved or sealed.
    pub recorded: Vec<String>,
    /// The domain of the last seal (RFC 8617 section 4.1.3).
    pub sealer: Option<String>,
}

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
        let first = |name: &'static str| header.first(name).map(header::addresses).unwrap_or_default();
        let hops = HOPS.into_iter().flat_map(|name| header.all(name).take(3));
        let one = |name| <[Address; 1]>::try_from(first(name)).ok().map(|[address]| address);
        let seals = header.all("arc-seal").take(MAX_SETS).map(header::unfold);
        let seals = seals.filter_map(|seal| Some((tag(&seal, "i")?.parse::<u8>().ok()?, tag(&seal, "d")?)));
        let recorded = header.all("x-original-authentication-results").chain(header.all("arc-authentication-results"));
        Self {
            list_id: header.keyword("list-id").map(|id| within_angles(&id).to_owned()).filter(|id| !id.is_empty()),
            list_post: header
                .keyword("list-post")
                .and_then(|post| Address::parse(within_angles(&post).strip_prefix("mailto:")?)),
            hops: hops.flat_map(header::addresses).take(20).map(|a| a.domain().to_owned()).collect(),
            claimed: ["x-original-from", "x-original-sender", "reply-to"].into_iter().filter_map(one).collect(),
            recorded: recorded.take(MAX_SETS).map(header::unfold).collect(),
            sealer: seals.max_by_key(|(i, _)| *i).map(|(_, domain)| domain.to_ascii_lowercase()),
        }
    }
}

/// What stands between the last pair of angle brackets, else all of it.
fn within_angles(value: &str) -> &str {
    let inside = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    inside.unwrap_or(value).trim()
}

/// The value of a tag in a list of them (RFC 6376 section 3.2).
fn tag(list: &str, name: &str) -> Option<String> {
    let tags = list.split(';').filter_map(|t| t.split_once('='));
    tags.map(|(n, v)| (n.trim(), v.trim())).find(|(n, _)| *n == name).map(|(_, v)| v.to_owned())
}

/// A mail that came by a way of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through<'p> {
    /// Which.
    pub way: &'p Way,
    /// Whether the way itself is vouched for.
    pub vouched: bool,
    /// Whom to answer, where the way put its own address into From; `None` where it hides who wrote.
    pub answer_to: Option<Address>,
    /// Whether it put its own address into From.
    pub rewritten: bool,
    /// What it wrote down when it took the mail says that the sender is forged.
    pub forged: bool,
}

/// The way of the operator's by which a mail says that it came, whether that is vouched for or not.
pub fn says<'p>(mail: &Mail, project: &'p Project) -> Option<&'p Way> {
    let Passage { list_id, hops, sealer, .. } = &mail.passage;
    project.through.iter().find(|way| match way {
        Way::List(id) => list_id.as_ref() == Some(id),
        Way::Forwarder(_) => hops.iter().chain(sealer).any(|domain| way.covers(domain)),
    })
}

/// The way of the operator's by which a mail came: see the head of this file.
pub fn through<'p>(mail: &Mail, project: &'p Project, identity: &Identity) -> Option<Through<'p>> {
    let from = mail.from.as_ref().ok()?;
    let way = says(mail, project)?;
    let vouched = identity.vouched.iter().any(|domain| way.covers(domain));
    let rewritten = match way {
        Way::List(id) => {
            let post = id.split_once('.').and_then(|(local, rest)| Address::parse(&format!("{local}@{rest}")));
            [post.as_ref(), mail.passage.list_post.as_ref()].contains(&Some(from)) || project.is_ours(from)
        }
        Way::Forwarder(_) => way.covers(from.domain()),
    };
    if !vouched && (rewritten || !identity.believed) {
        return None;
    }
    let usable = |a: &&Address| !project.is_ours(a) && mail.passage.list_post.as_ref() != Some(*a);
    let claimed = mail.passage.claimed.iter().find(usable).cloned();
    // A forwarder's address in From is a way back to whoever wrote; a list's is the list.
    let alias = || Some(from.clone()).filter(|_| matches!(way, Way::Forwarder(_)) && !project.is_ours(from));
    let answer_to = if rewritten { claimed.or_else(alias) } else { Some(from.clone()) };
    let domain = answer_to.as_ref().map_or(from.domain(), Address::domain);
    let forged = identity::recorded_as_forged(&mail.passage.recorded, domain, &project.authserv_ids);
    Some(Through { way, vouched, answer_to, rewritten, forged })
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
        let claimed = passage("Reply-To: a@a.example, b@b.example\r\nX-Original-Sender: c@c.example").claimed;
        assert_eq!(claimed.iter().map(Address::as_str).collect::<Vec<_>>(), ["c@c.example"]);
    }
}
