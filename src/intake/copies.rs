//! One mail in several copies: a list's and a direct one, one with a header that somebody's program added, one from
//! the folder for junk. Whichever comes first, there is one ticket and one acknowledgement (G2), and no copy that looks
//! like less keeps what another one is from being seen (G1).

use super::disposition::nothing;
use super::disposition::{Disposition, Intake};
use super::given::Given;
use super::report::{acknowledge, report};
use super::standing::{Part, Standing};
use crate::command;
use crate::mail::Mail;
use crate::mail::automatic::Automatic;
use crate::rules::event::{Event, FollowUp};
use crate::ticket::{Acknowledgement, Actor};
use crate::vocabulary::Role;

/// Whether a mail is another one as a way changed it, which writes into subject and From, and below the text: Message-ID
/// and date are the same, one text holds the other, and both command the same.
pub(crate) fn is_altered(one: &Mail, other: &Mail) -> bool {
    let words = |mail: &Mail| mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (one_text, other_text) = (words(one), words(other));
    let holds = one_text.contains(&other_text) || other_text.contains(&one_text);
    let same = one.message_id.is_some() && one.message_id == other.message_id && one.date == other.date;
    let (ordered, other_ordered) = (command::split(&one.reply_text), command::split(&other.reply_text));
    same && ordered.written() == other_ordered.written() && holds && !one_text.is_empty() && !other_text.is_empty()
}

/// What a copy changes, which is decided as if it were alone: nothing, unless it stands higher than the first, or is
/// acknowledged where the first was not. Then the ticket of the first is raised, and there is no second one.
pub(super) fn raise(given: &Given<'_>, alone: Intake) -> Intake {
    let Some(first) = &given.known.duplicate_of else { return alone };
    // What was among the junk, and is in the inbox too or was moved there, is as if it had just come.
    if alone.disposition == Disposition::Own || first.junk && given.role == Role::Inbox {
        return alone;
    }
    let obeyed = !matches!(alone.event, Some(Event::Attempted { .. } | Event::Requested(_)));
    let acknowledged = matches!(&alone.event, Some(Event::Reported(r)) if r.acknowledge.0 == Acknowledgement::Sent);
    let raises = Standing::of(alone.disposition, obeyed) > first.standing() || acknowledged && first.is_unanswered();
    // Whoever answers to another name than the first may be somebody else. Commands are done once, and a copy of them is
    // no attempt.
    let altered = first.altered.is_some();
    let (done, from) = (first.standing() == Standing::Command, given.mail.from.as_ref());
    let told = match (&alone.event, &first.altered) {
        (_, None) => false,
        (Some(Event::Reported(report)), Some(of)) if report.from.as_ref() == Some(of) || from == Ok(of) => true,
        (_, Some(of)) if done && from == Ok(of) => false,
        (_, Some(_)) => return alone,
    };
    if !raises && !told {
        return nothing(Disposition::Duplicate, first.ticket, "a second copy of a mail that is here already");
    }
    let Some(ticket) = first.ticket else { return alone };
    let event = match (alone.event, first.part) {
        // Its text is told where it is another one.
        (Some(Event::Reported(report)), Part::Opened { .. }) if raises => Event::Copied(report, altered),
        (Some(Event::Reported(report)), Part::Opened { .. } | Part::Joined) => Event::FollowedUp(FollowUp {
            by: Actor::Stranger,
            program: altered,
            holder: None,
            who: format!("{} ({})", report.shown, report.identity),
            contents: given.contents(),
            mail: report.mail,
            tell: report.tell,
            asks: Vec::new(),
            reply_to: report.message_id,
        }),
        // What is gathered has no ticket of its own; and whatever is no report goes where it proves to belong.
        (event, _) => return Intake { event, ..alone },
    };
    let (disposition, reason) = match altered && !raises {
        true => (Disposition::FollowUp, "a copy of a mail that is here already, with another text".to_owned()),
        false => (alone.disposition, alone.reason),
    };
    Intake { ticket: Some(ticket), event: Some(event), disposition, reason }
}

/// A person decides that a mail is a report, whatever it was taken for. Only a person's is acknowledged.
pub(crate) fn by_hand(given: &Given<'_>) -> Intake {
    let program = given.automatic().or(given.claims.own.map(|_| Automatic::Echo));
    let acknowledge = match program {
        Some(why) => (Acknowledgement::Withheld, format!("it is automatic mail ({})", why.words())),
        None => acknowledge(given),
    };
    let event = Some(report(given, acknowledge, false));
    Intake { disposition: Disposition::Report, reason: "taken in by hand".into(), ticket: None, event }
}
