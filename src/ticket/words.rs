//! The timeline in words: one sentence an entry, for the terminal.

use jiff::Timestamp;

use super::{Acknowledgement, Actor, EmbargoState, Entry, EntryKind};
use crate::policy::Milestone;
use crate::policy::shown::{in_zones, when};
use crate::project::Project;
use crate::vocabulary::{Address, clean_line};

/// Characters of a text from outside that one line shows.
const TEXT: usize = 160;

/// What an entry records, as a line that goes on where [`who`] stops: "set the status to valid". It may hold a title
/// or an address: for the operator's terminal, never for a log (G6).
pub fn words(entry: &Entry, project: &Project) -> String {
    let text = clean_line(entry.text.as_deref().unwrap_or_default(), TEXT);
    // What was done, and in whose words or why.
    let with = |what: &str| if text.is_empty() { what.to_owned() } else { format!("{what}: {text}") };
    let party = || entry.party.as_ref().map_or("somebody", Address::as_str);
    match &entry.kind {
        EntryKind::Reported { may_belong_to, .. } => {
            let title = if text.is_empty() { "without a title".to_owned() } else { format!("“{text}”") };
            let belongs = may_belong_to.map_or(String::new(), |t| format!("; it may belong to {}", project.show(t)));
            format!("reported {title}{belongs}")
        }
        EntryKind::Acknowledgement { outcome: Acknowledgement::Sent } => "acknowledged the mail automatically".into(),
        EntryKind::Acknowledgement { outcome: Acknowledgement::Held } => with("holds the automatic acknowledgement"),
        EntryKind::Acknowledgement { outcome: Acknowledgement::Withheld } => with("made no automatic acknowledgement"),
        EntryKind::Member => format!("listed a report from {}: “{text}”", party()),
        EntryKind::FollowUp => with("wrote"),
        EntryKind::Answered => with("answered the reporter"),
        EntryKind::Acknowledged => with("told the reporter that a person has read the report"),
        EntryKind::Paused => "waits for the reporter: the clocks that may pause stand still".into(),
        EntryKind::Resumed => "lets the paused clocks run again".into(),
        EntryKind::Status { to } => with(&format!("set the status to {to}")),
        EntryKind::Spam => "closed it as spam".into(),
        EntryKind::Severity { to } => with(&format!("set the severity to {to}")),
        EntryKind::Owner => match &entry.party {
            Some(owner) if entry.by == Actor::Person(owner.clone()) => "became the owner".into(),
            Some(owner) => format!("made {} the owner", clean_line(project.name_of(owner), TEXT)),
            None => "gave it back to the team".into(),
        },
        EntryKind::Note => with("noted"),
        EntryKind::Fact { fact } => with(&fact_words(*fact)),
        EntryKind::DeadlineMoved { promise, to } => {
            with(&format!("moved the deadline of {promise} to {}", when(*to, &project.policy)))
        }
        EntryKind::Reminded { promise, deadline, .. } => {
            let due = when(*deadline, &project.policy);
            match &entry.party {
                None => format!("reminded of {promise}, due {due}"),
                Some(party) => match project.person(party) {
                    Some(person) => format!("reminded {} of {promise}, due {due}", clean_line(&person.name, TEXT)),
                    None => format!("told the reporter what is planned: {promise}, due {due}"),
                },
            }
        }
        EntryKind::Rederived { promise, from, to } => {
            let date = |at: &Option<Timestamp>| at.map_or("none".to_owned(), |at| when(at, &project.policy));
            format!("derived the deadline of {promise} anew, since the policy changed: {} -> {}", date(from), date(to))
        }
        EntryKind::Broken { promise, deadline } => {
            format!("found {promise} BROKEN: it was due {}", when(*deadline, &project.policy))
        }
        EntryKind::Embargo { to: EmbargoState::Active, until: Some(until), zone } => {
            with(&format!("agreed on an embargo until {}", in_zones(*until, zone.as_deref(), &project.policy)))
        }
        EntryKind::Embargo { to: EmbargoState::Proposed | EmbargoState::Revised, until: Some(until), zone } => {
            with(&format!("proposed an embargo until {}", in_zones(*until, zone.as_deref(), &project.policy)))
        }
        EntryKind::Embargo { to, .. } => with(&format!("set the embargo to {to}")),
        EntryKind::Credit => with("wants to be named, or not, as"),
        EntryKind::Withdrawn => with("takes the report back"),
        EntryKind::Asked => "asked how the report stands".into(),
        EntryKind::Done { promise } => with(&format!("kept {promise}")),
        EntryKind::CodeAsked { send: true, .. } => with("was asked for a look at a text, to do"),
        EntryKind::CodeAsked { second: false, .. } => with("was asked for a code, to do"),
        EntryKind::CodeAsked { second: true, .. } => with("waits for a second person's code, to do"),
        EntryKind::CodeUsed => "gave the code".into(),
        EntryKind::CodeWrong => "gave a wrong code: the command that waited for it is dropped".into(),
        EntryKind::Attempt => with(&format!("sent commands that were not obeyed, as {}", party())),
        EntryKind::Erased => "erased the addresses, texts and mails".into(),
        EntryKind::Undeliverable { notice } => with(&format!("could not deliver the {notice} to {}", party())),
    }
}

/// Who did it: a name where the config knows one.
pub fn who(actor: &Actor, project: &Project) -> String {
    match actor {
        Actor::Daemon => "disclosed".into(),
        Actor::Local => "the command line".into(),
        Actor::Reporter => "the reporter".into(),
        Actor::Person(address) => clean_line(project.name_of(address), TEXT),
        Actor::Stranger => "a stranger".into(),
    }
}

fn fact_words(fact: Milestone) -> String {
    match fact {
        Milestone::FixReady => "noted that a fix is ready".into(),
        Milestone::FixReleased => "noted that a fixed version is out".into(),
        Milestone::Public => "noted that it is public".into(),
        Milestone::Exploited => "noted that attacks are seen".into(),
        Milestone::Received
        | Milestone::Acknowledged
        | Milestone::Assessed
        | Milestone::Accepted
        | Milestone::Closed
        | Milestone::LastHeardFromUs
        | Milestone::Done
        | Milestone::Erased => format!("noted: {fact}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EXAMPLE as CONFIG};
    use crate::policy::Severity;
    use crate::ticket::Status;
    use crate::vocabulary::TicketId;

    #[test]
    fn each_kind_is_one_clean_line() {
        let project = Config::parse(CONFIG, std::path::Path::new("config.toml")).unwrap().project();
        let check = |kind: EntryKind, party: Option<&str>, text: Option<&str>, expect: &str| {
            let entry = Entry {
                seq: 1,
                at: "2027-01-04T10:00:00Z".parse().unwrap(),
                by: Actor::Daemon,
                kind,
                party: party.and_then(Address::parse),
                text: text.map(str::to_owned),
                mail: None,
            };
            assert_eq!(words(&entry, &project), expect);
        };
        let at = "2027-01-06T10:00:00Z".parse().unwrap();
        let promise = || "acknowledge".to_owned();
        let reported = |t| EntryKind::Reported { received: at, message_id: None, may_belong_to: t, erased: false };
        check(reported(None), Some("r@example.test"), Some("Heap\u{1b}[2J\nflow"), "reported “Heap[2J flow”");
        check(reported(Some(TicketId(3))), None, None, "reported without a title; it may belong to SEC-3");
        let held = EntryKind::Acknowledgement { outcome: Acknowledgement::Held };
        check(held, None, Some("forged"), "holds the automatic acknowledgement: forged");
        check(EntryKind::Member, Some("r@example.test"), Some("Heap"), "listed a report from r@example.test: “Heap”");
        check(EntryKind::Status { to: Status::Invalid }, None, Some("not ours"), "set the status to invalid: not ours");
        check(EntryKind::Severity { to: Severity::High }, None, None, "set the severity to high");
        check(EntryKind::Owner, Some("ada@example.org"), None, "made Ada the owner");
        check(EntryKind::Owner, None, None, "gave it back to the team");
        check(
            EntryKind::Broken { promise: promise(), deadline: at },
            None,
            None,
            "found acknowledge BROKEN: it was due Wed 6 January 2027, 10:00 (UTC)",
        );
        let reminded = || EntryKind::Reminded { promise: promise(), deadline: at, rung: 0, round: 0, nominal: at };
        let due = "due Wed 6 January 2027, 10:00 (UTC)";
        check(reminded(), None, None, &format!("reminded of acknowledge, {due}"));
        check(reminded(), Some("ada@example.org"), None, &format!("reminded Ada of acknowledge, {due}"));
        check(
            reminded(),
            Some("r@example.test"),
            None,
            "told the reporter what is planned: acknowledge, due Wed 6 January 2027, 10:00 (UTC)",
        );
        check(
            EntryKind::Rederived { promise: promise(), from: None, to: Some(at) },
            None,
            None,
            "derived the deadline of acknowledge anew, since the policy changed: none -> Wed 6 January 2027, 10:00 (UTC)",
        );
        check(
            EntryKind::Undeliverable { notice: "reminder".into() },
            Some("ada@example.org"),
            Some("550 no such user"),
            "could not deliver the reminder to ada@example.org: 550 no such user",
        );
    }
}
