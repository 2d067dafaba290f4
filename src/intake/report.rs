//! A mail as a new report, and whether its automatic acknowledgement leaves.

use super::given::Given;
use crate::mail::Mail;
use crate::mail::enclosed::Enclosed;
use crate::mail::header::NoSender;
use crate::notice::text::report::Authors;
use crate::project::AcknowledgeWhom;
use crate::rules::decide::fresh;
use crate::rules::event::{Event, Report};
use crate::ticket::Acknowledgement;
use crate::vocabulary::Address;

/// The most addresses that are told, of those that a mail names beside its sender.
const MAX_AUTHORS: usize = 3;

/// A mail as a new report.
pub(super) fn report(given: &Given<'_>, acknowledge: (Acknowledgement, String), off_subject: bool) -> Event {
    let Given { mail, stored, received, identity, claims, known, project, .. } = given;
    let claimed = given.through.filter(|t| t.rewritten);
    let passed_on = given.passed_on();
    let from = given.answer_to().filter(|f| passed_on.is_none() && !project.is_ours(f)).cloned();
    let written = mail.display_name.as_deref().unwrap_or_default();
    let mut shown = match (&mail.from, &mail.display_name, &from) {
        (Ok(address), Some(name), _) => format!("{name} <{}>", address.as_str()),
        (Ok(address), None, _) => address.as_str().to_owned(),
        (Err(_), _, Some(from)) => format!("{written}\n(read as {})", from.as_str()),
        (Err(why), _, None) => format!("nobody who can be answered: {}\n{written}", why.words()).trim_end().to_owned(),
    };
    if let (Some(through), Some(from)) = (claimed, from.as_ref().filter(|f| Some(*f) != mail.from.as_ref().ok())) {
        shown = format!("{} (as {} claims; it came as {shown})", from.as_str(), through.way.name());
    }
    let authors = authors(given, from.as_ref());
    let reserved = known.reserve && acknowledge.0 == Acknowledgement::Sent;
    Event::Reported(Box::new(Report {
        mail: *stored,
        from,
        shown,
        identity: identity.reason.clone(),
        title: project.reports.title(passed_on.map_or(&mail.subject, |(_, inner)| title(inner, mail))).to_owned(),
        excerpt: mail.text.clone(),
        message_id: mail.message_id.clone(),
        received: *received,
        fields: mail.fields.clone(),
        missing: project.reports.missing(&mail.fields, &mail.attachments),
        off_subject,
        attachments: mail.attachments.clone(),
        authors,
        attached: mail.enclosed.iter().filter(|inner| inner.text.is_some()).cloned().collect(),
        problems: mail.problems.clone(),
        may_belong_to: claims
            .subject_tag
            .or_else(|| known.referenced.first().map(|(t, _)| *t))
            .or(claims.bounced.filter(|_| known.bounced_notice.is_some()).and_then(|t| t.ticket))
            .or(known.sent_to.as_ref().and_then(|sent| sent.ticket))
            // Of a reporter who is it no more.
            .or(claims.token.filter(|_| known.token_ticket.is_some()).and_then(|t| t.ticket)),
        acknowledge,
        tell: reserved || known.provoked < project.limits.automatic_per_hour,
        through: claimed.map(|t| t.way.name().to_owned()),
        backscatter: (mail.signs.null_path || mail.signs.daemon)
            && claims.bounced.is_none()
            && known.referenced.is_empty(),
        reserved,
        junk: false,
    }))
}

/// Who wrote it, as the mail itself says: whom the person names who passes it on, or other fields than From.
fn authors(given: &Given<'_>, from: Option<&Address>) -> Authors {
    let Given { mail, project, identity, .. } = given;
    if let Some((person, inner)) = given.passed_on() {
        let by = if identity.believed() { "" } else { "somebody in the name of " };
        let (by, from, address) = (format!("{by}{}", person.name), inner.from.clone(), inner.address.clone());
        return Authors::PassedOn { by, from, address };
    }
    // A colleague who is nobody here passes on what others sent: the acknowledgement is theirs, until a person says more.
    let colleague = from.is_some_and(|f| f.domain() == project.address.domain());
    let within = mail.enclosed.iter().filter(|_| colleague).filter_map(|inner| inner.address.as_ref());
    let claimed = mail.passage.claimed.iter().flat_map(|c| c.addresses.iter().map(|address| (c.field, address)));
    let mut named: Vec<(&'static str, Address)> = Vec::new();
    for (field, address) in claimed.chain(within.map(|address| ("A mail within it", address))) {
        let known = project.is_ours(address) || project.person(address).is_some() || Some(address) == from;
        if !known && named.len() < MAX_AUTHORS && !named.iter().any(|(_, other)| other == address) {
            named.push((field, address.clone()));
        }
    }
    Authors::Named(named)
}

/// The title of what somebody passes on: its own, where it has one.
fn title<'a>(inner: &'a Enclosed, mail: &'a Mail) -> &'a str {
    Some(inner.subject.as_str()).filter(|subject| !subject.is_empty()).unwrap_or(&mail.subject)
}

/// Whether the automatic acknowledgement leaves. Less than for a command is asked, since silence is the worse
/// failure; the fixed text and the caps bound what it can be misused for.
pub(super) fn acknowledge(given: &Given<'_>) -> (Acknowledgement, String) {
    let Given { mail, received, identity, claims, known, project, now, .. } = given;
    let limits = &project.limits;
    if given.passed_on().is_some() {
        return (Acknowledgement::Withheld, "one of you forwarded it".into());
    }
    let Some(from) = given.answer_to() else {
        let hidden = "the list that it came through hides who wrote";
        return (Acknowledgement::Withheld, mail.from.as_ref().err().map_or(hidden, |why| why.words()).into());
    };
    if project.is_ours(from) {
        return (Acknowledgement::Withheld, "it claims to come from our own address".into());
    }
    // A convention sorts what wants an answer from what does not; it must not lose a report, so a person looks.
    if let Some(prefix) = project.reports.lacks(&mail.subject) {
        return (Acknowledgement::Withheld, format!("its subject does not begin with \"{prefix}\""));
    }
    let claimed = given.through.filter(|t| t.rewritten).map(|t| t.way.name());
    // A way that is vouched for breaks what it passes on; what it wrote down when it took the mail still holds.
    let hold = if identity.forged() && given.through.is_none_or(|t| !t.vouched) {
        format!("our own mail server calls the sender forged ({})", identity.reason)
    } else if given.through.is_some_and(|t| t.forged) {
        "the sender was forged when it came to the way in front of the mailbox".into()
    } else if project.acknowledge == AcknowledgeWhom::Believed && !identity.believed() {
        format!("nobody vouches for the sender ({})", identity.reason)
    } else if let Some(full) = limits.acknowledged(known.acks_to_sender, known.acks_to_domain) {
        full
    } else if let Some(way) = claimed.filter(|_| known.acks_through >= limits.acks_per_domain_hour) {
        format!("senders that {way} named had {} acknowledgements within an hour", known.acks_through)
    } else if known.provoked >= limits.automatic_per_hour && !known.reserve {
        format!("{} mails made us send something within an hour", known.provoked)
    } else if claims.to_envelope {
        // A responder that says nothing of itself, most likely; each answer would give it a new address to answer.
        "it came to an address that only mail servers write to".into()
    } else if !fresh(*received, *now) {
        "the mail is more than a week old".into()
    } else {
        return (Acknowledgement::Sent, String::new());
    };
    (Acknowledgement::Held, hold)
}

impl NoSender {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "the mail has no From",
            Self::Several => "the mail has more than one From",
            Self::NotOne => "its From does not hold exactly one address",
            Self::NotPlain => "its From is no plain address",
        }
    }
}
