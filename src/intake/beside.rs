//! Mail in the folders beside the inbox: what was sent from the mailbox by hand, and what the provider took for junk.

use super::disposition::{Disposition, Intake, nothing};
use super::given::Given;
use super::report::report;
use super::standing::JUNK;
use crate::rules::event::Event;
use crate::ticket::Acknowledgement;
use crate::vocabulary::{Address, TicketId};

/// What a mail in the folder of what was sent is. Whoever can put a mail there has the mailbox, so nobody need vouch for
/// it: what is from us or from a person of the project, and goes to the reporter of a ticket whose mail it answers, is an
/// answer by hand. A notice of ours that the provider files there never is. `None` for what others wrote.
pub(super) fn sent(given: &Given<'_>) -> Option<Intake> {
    let from = given.mail.from.as_ref().ok()?;
    if !given.project.is_ours(from) && given.project.person(from).is_none() {
        return None;
    }
    if given.known.made {
        return Some(nothing(Disposition::Own, None, "a notice of ours, by recipient, subject and time"));
    }
    if given.automatic().is_some() {
        return Some(nothing(Disposition::Own, None, "a program sent it from the mailbox"));
    }
    Some(match answered(given) {
        Some(ticket) => by_hand(given, from, ticket),
        None => nothing(Disposition::Own, None, "sent by hand, about no ticket"),
    })
}

/// The ticket whose reporter a mail goes to, and to whose mail or to a notice about which it refers.
fn answered(given: &Given<'_>) -> Option<TicketId> {
    let is_to = |r: &Address| given.mail.addressed.iter().flatten().any(|to| to == r);
    let by_token = given.claims.token.and_then(|t| t.ticket).zip(given.known.token_ticket.as_ref());
    let named = given.known.referenced.iter().map(|(ticket, reporter)| (*ticket, reporter)).chain(by_token);
    let mut theirs = named.filter(|(_, reporter)| reporter.as_ref().is_some_and(is_to));
    theirs.next().map(|(ticket, _)| ticket)
}

fn by_hand(given: &Given<'_>, from: &Address, ticket: TicketId) -> Intake {
    let event =
        Event::Wrote { by: from.clone(), contents: given.contents(), mail: Some(given.stored), to_reporter: true };
    let (disposition, reason) = (Disposition::Answer, "an answer to the reporter, sent by hand".to_owned());
    Intake { disposition, reason, ticket: Some(ticket), event: Some(event) }
}

/// Whether a mail in the folder for junk goes the way of any other: it proves to know a notice of ours, or is of somebody
/// who is known. Its own look decides no more: a report among spam is for a person to find.
pub(super) fn is_known(given: &Given<'_>) -> bool {
    let person = given.mail.from.as_ref().ok().and_then(|from| given.project.person(from));
    given.proven().is_some()
        || given.claims.bounced.is_some()
        || given.known.reports
        || person.is_some() && given.identity.believed()
}

/// One more in the ticket that gathers junk.
pub(super) fn junk(given: &Given<'_>) -> Intake {
    let mut event = report(given, (Acknowledgement::Withheld, "it lay in the folder for junk".into()), false);
    if let Event::Reported(report) = &mut event {
        (report.junk, report.tell) = (true, false);
    }
    Intake { disposition: Disposition::Report, reason: JUNK.into(), ticket: None, event: Some(event) }
}
