//! Whether it pays to ask for the keys of a mail before it is handled, and what is known without.

use super::reading::Stowed;
use crate::intake::claims::{self, Claims};
use crate::intake::standing::Standing;
use crate::mail::signature::{self, Dkim, Occasion, Share};
use crate::mail::{Mail, identity, results};
use crate::project::Project;
use crate::token::Key;
use crate::vocabulary::Address;
use jiff::Timestamp;

/// What is to be done about the signatures of a mail.
pub(super) enum Signed {
    /// Nothing more.
    Known(Dkim),
    /// Ask for their keys, as one of these questions.
    Ask(Share),
}

/// How high a mail can stand by what its signatures prove, which a person waits for or not.
pub(super) fn highest(share: Share) -> Standing {
    if share.is_word() { Standing::Command } else { Standing::Report }
}

/// Whether it pays to ask for the keys of a mail, also for its acknowledgement where these are scarce.
pub(super) fn asks(stowed: &Stowed<'_>, mail: &Mail, project: &Project, key: &Key, scarce: bool) -> Signed {
    if !project.dkim || mail.from.is_err() {
        return Signed::Known(Dkim::Unasked);
    }
    let identity = identity::identify(mail, &project.server, &Dkim::Unasked);
    let refers = Claims::of(mail, project, key);
    let share = claims::wants_dkim(mail, project, &refers, &identity, scarce);
    let (Some(share), Ok(from)) = (share, &mail.from) else { return Signed::Known(Dkim::Unasked) };
    let sieved = signature::sieve(stowed.raw, &occasion(mail, from, stowed.received, project, &refers));
    if sieved.worth.is_empty() { Signed::Known(sieved.verdict()) } else { Signed::Ask(share) }
}

/// What the signatures of a mail are held against: one of a person who may command must have been sent to us.
pub(super) fn occasion<'a>(
    mail: &Mail,
    from: &'a Address,
    received: Timestamp,
    project: &'a Project,
    refers: &Claims,
) -> Occasion<'a> {
    let person = project.person(from).filter(|p| p.commands());
    Occasion {
        to: person.map(|_| [&project.address, &project.mailbox]),
        named: refers.named && person.is_some_and(|person| refers.token_of(person).is_some()),
        sealer: project.server.provider.sealer.map(|sealer| (sealer, results::sealed_for(mail, from, &project.server))),
        pins: person.map_or(&[], |p| &p.dkim_domains),
        ways: &project.through,
        ..Occasion::of(from, received, mail.date)
    }
}
