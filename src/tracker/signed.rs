//! Whether it pays to ask for the keys of a mail before it is handled, and what is known without.

use super::reading::Stowed;
use crate::intake::claims::{self, Claims, Want};
use crate::intake::standing::Standing;
use crate::mail::signature::{self, Dkim, Occasion};
use crate::mail::{Mail, identity};
use crate::project::Project;
use crate::token::Key;
use crate::vocabulary::Address;
use jiff::Timestamp;

/// What is to be done about the signatures of a mail.
pub(super) enum Signed {
    /// Nothing more.
    Known(Dkim),
    /// Ask for their keys; whether a person waits for it.
    Ask { word: bool },
}

/// How high a mail can stand by what its signatures prove, which a person waits for or not.
pub(super) fn highest(word: bool) -> Standing {
    if word { Standing::Command } else { Standing::Report }
}

/// Whether it pays to ask for the keys of a mail.
pub(super) fn asks(stowed: &Stowed<'_>, mail: &Mail, project: &Project, key: &Key) -> Signed {
    if !project.dkim || mail.from.is_err() {
        return Signed::Known(Dkim::Unasked);
    }
    let identity = identity::identify(mail, &project.server, &Dkim::Unasked);
    let refers = Claims::of(mail, project, key);
    let word = match claims::wants_dkim(mail, project, &refers, &identity) {
        Want::Nothing => return Signed::Known(Dkim::Unasked),
        Want::Opinion => false,
        Want::Word => true,
    };
    let Ok(from) = &mail.from else { return Signed::Known(Dkim::Unasked) };
    let sieved = signature::sieve(stowed.raw, &occasion(mail, from, stowed.received, project, &refers));
    if sieved.worth.is_empty() { Signed::Known(sieved.verdict()) } else { Signed::Ask { word } }
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
        from,
        to: person.map(|_| [&project.address, &project.mailbox]),
        named: refers.named && person.is_some_and(|person| refers.token_of(person).is_some()),
        pins: person.map_or(&[], |p| &p.dkim_domains),
        ways: &project.through,
        received,
        date: mail.date,
    }
}
