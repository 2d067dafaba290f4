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

use crate::mail::Mail;
use crate::mail::automatic::Passed;
use crate::mail::identity::{self, Identity};
use crate::mail::passage::{Claimed, Passage, Way};
use crate::project::Project;
use crate::vocabulary::Address;

/// A mail that came by a way of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Through<'p> {
    /// Which: of several that which put its own address into From, a list before a forwarder.
    pub way: &'p Way,
    /// What all of them together make of a mail.
    pub passed: Passed,
    /// Whether one of them is vouched for itself.
    pub vouched: bool,
    /// Whom to answer, where the way put its own address into From; `None` where it hides who wrote.
    pub answer_to: Option<Address>,
    /// Whether that way put its own address into From.
    pub rewritten: bool,
    /// What it wrote down when it took the mail says that the sender is forged.
    pub forged: bool,
}

/// The ways of the operator's by which a mail says that it came, whether that is vouched for or not.
pub(crate) fn says<'p>(mail: &Mail, project: &'p Project) -> impl Iterator<Item = &'p Way> {
    let Passage { list_id, hops, sealer, .. } = &mail.passage;
    project.through.iter().filter(move |way| match way {
        Way::List(id) => list_id.as_ref() == Some(id),
        Way::Forwarder(_) => hops.iter().chain(sealer).any(|domain| way.covers(domain)),
    })
}

/// The ways of the operator's by which a mail came, one behind the other: see the head of this file.
pub(crate) fn through<'p>(mail: &Mail, project: &'p Project, identity: &Identity) -> Option<Through<'p>> {
    let from = mail.from.as_ref().ok()?;
    let rewrote = |way: &Way| match way {
        Way::List(id) => {
            let post = id.split_once('.').and_then(|(local, rest)| Address::parse(&format!("{local}@{rest}")));
            [post.as_ref(), mail.passage.list_post.as_ref()].contains(&Some(from)) || project.is_ours(from)
        }
        Way::Forwarder(_) => way.covers(from.domain()),
    };
    let is_vouched = |way: &Way| identity.vouched.iter().any(|domain| way.covers(domain));
    let counts = |way: &&Way| is_vouched(way) || identity.believed() && !rewrote(way);
    let ways: Vec<&Way> = says(mail, project).filter(counts).collect();
    let way = *ways.iter().min_by_key(|way| (!rewrote(way), way.passed()))?;
    let (vouched, rewritten) = (ways.iter().any(|way| is_vouched(way)), rewrote(way));
    let passed = ways.iter().map(|way| way.passed()).max()?;
    let usable = |a: &&Address| !project.is_ours(a) && mail.passage.list_post.as_ref() != Some(*a);
    // Lists name themselves beside whoever wrote.
    let one = |claimed: &Claimed| {
        let mut usable = claimed.addresses.iter().filter(usable);
        usable.next().filter(|_| usable.next().is_none()).cloned()
    };
    let claimed = mail.passage.claimed.iter().find_map(one);
    // A forwarder's address in From is a way back to whoever wrote; a list's is the list.
    let alias = || Some(from).filter(|_| matches!(way, Way::Forwarder(_))).filter(usable).cloned();
    let answer_to = if rewritten { claimed.or_else(alias) } else { Some(from.clone()) };
    let domain = answer_to.as_ref().map_or(from.domain(), Address::domain);
    let forged = identity::recorded_as_forged(&mail.passage, domain, &project.server);
    Some(Through { way, passed, vouched, answer_to, rewritten, forged })
}
