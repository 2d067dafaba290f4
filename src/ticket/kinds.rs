//! The table of the kinds of entries: one row a kind, and the sentence that people read.
//!
//! Whoever adds a kind is asked by the compiler for both.

use jiff::Timestamp;

use super::{Acknowledgement, Actor, ActorKind, Aspect, EmbargoState, Entry, EntryKind, Fact, Seat};
use crate::policy::shown::{in_zones, when};
use crate::project::Project;
use crate::vocabulary::{Address, clean_line};

/// What is to be known of one kind of entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in the database, by which it is looked for: the tag of its JSON.
    pub name: &'static str,
    /// The word for it in the log and in what is exported.
    pub word: &'static str,
    /// Who may make such an entry (G5).
    pub makers: &'static [ActorKind],
    /// What of the ticket it changes.
    pub changes: Option<Aspect>,
    /// Whether the fold needs its text. A long timeline has many texts, and most of them are for people alone.
    pub folds_text: bool,
}

impl Row {
    fn changes(self, aspect: Aspect) -> Self {
        Self { changes: Some(aspect), ..self }
    }

    fn folds_text(self) -> Self {
        Self { folds_text: true, ..self }
    }
}

impl EntryKind {
    /// The row of this kind.
    pub fn row(&self) -> Row {
        use ActorKind::{Daemon, Local, Person, Reporter, Stranger};
        // Whoever may command: by mail, or on the daemon's machine.
        const TEAM: &[ActorKind] = &[Person, Local];
        let row = |name, word, makers| Row { name, word, makers, changes: None, folds_text: false };
        match self {
            // The daemon reports many mails at once, of which none is the report.
            Self::Reported { .. } => row("reported", "reported", &[Reporter, Daemon]).folds_text(),
            Self::Member => row("member", "one of many", &[Daemon]),
            Self::Acknowledgement { outcome } => row("acknowledgement", acknowledgement(*outcome), &[Daemon]),
            Self::FollowUp => row("follow-up", "follow-up", &[Reporter, Stranger]),
            Self::Answered => row("answered", "answered", TEAM),
            Self::Acknowledged => row("acknowledged", "acknowledged", TEAM),
            Self::Paused => row("paused", "paused", TEAM),
            // The daemon, when the reporter has answered.
            Self::Resumed => row("resumed", "resumed", &[Person, Local, Daemon]),
            Self::Status { .. } => row("status", "status", TEAM).changes(Aspect::Status),
            Self::Spam => row("spam", "spam", TEAM).changes(Aspect::Status),
            Self::Severity { .. } => row("severity", "severity", TEAM).changes(Aspect::Severity),
            Self::Owner => row("owner", "owner", TEAM).changes(Aspect::Owner),
            Self::Reporter => row("reporter", "reporter", TEAM).changes(Aspect::Reporter),
            // The daemon notes what a second copy of the report shows.
            Self::Note => row("note", "note", &[Person, Local, Daemon]),
            Self::Fact { .. } => row("fact", "fact", TEAM),
            Self::DeadlineMoved { promise, .. } => {
                row("deadline-moved", "deadline moved", TEAM).changes(Aspect::Deadline(promise.clone()))
            }
            Self::Embargo { to, .. } => row("embargo", embargo(*to), TEAM).changes(Aspect::Embargo),
            Self::Credit => row("credit", "credit", &[Reporter, Person, Local]).folds_text(),
            Self::Withdrawn => row("withdrawn", "withdrawn", &[Reporter]),
            Self::Asked => row("asked", "asked", &[Reporter]),
            Self::Done { .. } => row("done", "done", TEAM),
            Self::Reminded { .. } => row("reminded", "reminded", &[Daemon]),
            Self::Rederived { .. } => row("rederived", "deadline derived anew", &[Daemon]),
            Self::Broken { .. } => row("broken", "promise broken", &[Daemon]),
            Self::CodeAsked { .. } => row("code-asked", "code asked", TEAM).folds_text(),
            Self::CodeUsed => row("code-used", "code used", TEAM),
            Self::CodeWrong => row("code-wrong", "code wrong", TEAM),
            Self::Attempt => row("attempt", "commands refused", &[Stranger]),
            Self::Undeliverable { .. } => row("undeliverable", "undeliverable", &[Daemon]),
            Self::ClockSet => row("clock-set", "clock set", &[Local]),
            Self::Erased => row("erased", "erased", &[Local]),
        }
    }

    /// The word for it in the log and in what is exported.
    pub fn word(&self) -> &'static str {
        self.row().word
    }
}

fn acknowledgement(outcome: Acknowledgement) -> &'static str {
    match outcome {
        Acknowledgement::Sent => "acknowledgement sent",
        Acknowledgement::Held => "acknowledgement held",
        Acknowledgement::Withheld => "no acknowledgement",
    }
}

fn embargo(to: EmbargoState) -> &'static str {
    match to {
        EmbargoState::Proposed => "embargo proposed",
        EmbargoState::Active => "embargo agreed",
        EmbargoState::Revised => "embargo revised",
        EmbargoState::Ended => "embargo ended",
    }
}

/// Characters of a text from outside that one line shows.
const TEXT: usize = 160;

/// What an entry records, as a line that goes on where [`who`] stops: "set the status to valid". It may hold a title
/// or an address: for the operator's terminal, never for a log (G6).
pub(crate) fn words(entry: &Entry, project: &Project) -> String {
    words_with(entry, &clean_line(entry.text.as_deref().unwrap_or_default(), TEXT), project)
}

/// [`words`], with this in place of its text.
pub(crate) fn words_with(entry: &Entry, text: &str, project: &Project) -> String {
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
        EntryKind::Acknowledged => with("said that a person has read the report"),
        EntryKind::Paused => "waits for the reporter: the clocks that may pause stand still".into(),
        EntryKind::Resumed => "lets the paused clocks run again".into(),
        EntryKind::Status { to } => with(&format!("set the status to {to}")),
        EntryKind::Spam => "closed it as spam".into(),
        EntryKind::Severity { to } => with(&format!("set the severity to {to}")),
        EntryKind::Owner => match &entry.party {
            Some(owner) if entry.by.person() == Some(owner) => "became the owner".into(),
            Some(owner) => format!("made {} the owner", clean_line(project.name_of(owner), TEXT)),
            None => "gave it back to the team".into(),
        },
        EntryKind::Reporter => format!("made {} the reporter", party()),
        EntryKind::Note => with("noted"),
        EntryKind::Fact { fact: Fact::FixReady } => with("noted that a fix is ready"),
        EntryKind::Fact { fact: Fact::FixReleased } => with("noted that a fixed version is out"),
        EntryKind::Fact { fact: Fact::Public } => with("noted that it is public"),
        EntryKind::Fact { fact: Fact::Exploited } => with("noted that attacks are seen"),
        EntryKind::DeadlineMoved { promise, to } => {
            with(&format!("moved the deadline of {promise} to {}", when(*to, &project.policy)))
        }
        EntryKind::Reminded { promise, deadline, .. } => {
            let due = when(*deadline, &project.policy);
            match &entry.party {
                None if text.is_empty() => format!("reminded of {promise}, due {due}"),
                None => format!("reminded {text} of {promise}, due {due}"),
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
        EntryKind::ClockSet => "said that the clock had been ahead: what is above with a later time was by now".into(),
        EntryKind::Erased => "erased the addresses, texts and mails".into(),
        EntryKind::Undeliverable { notice, perhaps } => {
            let perhaps = if *perhaps { "perhaps " } else { "" };
            with(&format!("{perhaps}could not deliver the {} to {}", notice.word(), party()))
        }
    }
}

/// Who did it: a name where the config knows one.
pub(crate) fn who(actor: &Actor, project: &Project) -> String {
    let name = |address: &Address| clean_line(project.name_of(address), TEXT);
    match actor {
        Actor::Daemon => "disclosed".into(),
        Actor::Local(Seat { login, person }) => {
            let login = login.as_deref().map(|login| clean_line(login, TEXT));
            match (person, login) {
                (Some(person), Some(login)) => format!("{} (command line of {login})", name(person)),
                (Some(person), None) => format!("{} (command line)", name(person)),
                (None, Some(login)) => format!("{login} (command line)"),
                (None, None) => "somebody at the daemon's machine".into(),
            }
        }
        Actor::Reporter => "the reporter".into(),
        Actor::Person(address) => name(address),
        Actor::Stranger => "a stranger".into(),
    }
}

/// An entry of each kind, in the order of the list, for tests: each names the one that comes after it, so that the
/// compiler asks for a kind that is new.
#[cfg(test)]
pub(crate) fn every_kind() -> Vec<EntryKind> {
    use super::{Status, Undelivered};
    use crate::policy::Severity;
    use crate::vocabulary::{Mailed, NoticeKind};
    let at = Timestamp::UNIX_EPOCH;
    let promise = || "assess".to_owned();
    let after = |kind: &EntryKind| {
        Some(match kind {
            EntryKind::Reported { .. } => EntryKind::Member,
            EntryKind::Member => EntryKind::Acknowledgement { outcome: Acknowledgement::Sent },
            EntryKind::Acknowledgement { .. } => EntryKind::FollowUp,
            EntryKind::FollowUp => EntryKind::Answered,
            EntryKind::Answered => EntryKind::Acknowledged,
            EntryKind::Acknowledged => EntryKind::Paused,
            EntryKind::Paused => EntryKind::Resumed,
            EntryKind::Resumed => EntryKind::Status { to: Status::Valid },
            EntryKind::Status { .. } => EntryKind::Spam,
            EntryKind::Spam => EntryKind::Severity { to: Severity::High },
            EntryKind::Severity { .. } => EntryKind::Owner,
            EntryKind::Owner => EntryKind::Reporter,
            EntryKind::Reporter => EntryKind::Note,
            EntryKind::Note => EntryKind::Fact { fact: Fact::FixReleased },
            EntryKind::Fact { .. } => EntryKind::DeadlineMoved { promise: promise(), to: at },
            EntryKind::DeadlineMoved { .. } => {
                EntryKind::Embargo { to: EmbargoState::Active, until: Some(at), zone: None }
            }
            EntryKind::Embargo { .. } => EntryKind::Credit,
            EntryKind::Credit => EntryKind::Withdrawn,
            EntryKind::Withdrawn => EntryKind::Asked,
            EntryKind::Asked => EntryKind::Done { promise: promise() },
            EntryKind::Done { .. } => {
                EntryKind::Reminded { promise: promise(), deadline: at, rung: 1, round: 2, nominal: at }
            }
            EntryKind::Reminded { .. } => EntryKind::Rederived { promise: promise(), from: None, to: Some(at) },
            EntryKind::Rederived { .. } => EntryKind::Broken { promise: promise(), deadline: at },
            EntryKind::Broken { .. } => EntryKind::CodeAsked { second: true, send: false },
            EntryKind::CodeAsked { .. } => EntryKind::CodeUsed,
            EntryKind::CodeUsed => EntryKind::CodeWrong,
            EntryKind::CodeWrong => EntryKind::Attempt,
            EntryKind::Attempt => EntryKind::Undeliverable {
                notice: Undelivered::Known(Mailed::Notice(NoticeKind::Report)),
                perhaps: false,
            },
            EntryKind::Undeliverable { .. } => EntryKind::ClockSet,
            EntryKind::ClockSet => EntryKind::Erased,
            EntryKind::Erased => return None,
        })
    };
    let first = EntryKind::Reported { received: at, message_id: None, may_belong_to: None, erased: false };
    std::iter::successors(Some(first), after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EXAMPLE as CONFIG};
    use crate::policy::Severity;
    use crate::ticket::{Status, Undelivered};
    use crate::vocabulary::{Mailed, NoticeKind, TicketId};

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
                order: None,
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
        check(reminded(), None, Some("Ada, Bob"), &format!("reminded Ada, Bob of acknowledge, {due}"));
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
            EntryKind::Undeliverable {
                notice: Undelivered::Known(Mailed::Notice(NoticeKind::Reminder)),
                perhaps: false,
            },
            Some("ada@example.org"),
            Some("550 no such user"),
            "could not deliver the reminder to ada@example.org: 550 no such user",
        );
    }

    #[test]
    fn a_kind_is_stored_by_its_name_and_comes_back_as_itself() {
        for kind in every_kind() {
            let json = serde_json::to_value(&kind).unwrap();
            assert_eq!(json["kind"], kind.row().name);
            assert_eq!(serde_json::from_value::<EntryKind>(json).unwrap(), kind);
        }
    }

    /// G5: whoever has no authority is written down, and changes nothing that the team decides.
    #[test]
    fn only_those_with_authority_make_what_needs_it() {
        let names = |maker: ActorKind| -> Vec<&str> {
            every_kind().iter().map(EntryKind::row).filter(|r| r.makers.contains(&maker)).map(|r| r.name).collect()
        };
        assert_eq!(names(ActorKind::Stranger), ["follow-up", "attempt"]);
        assert_eq!(names(ActorKind::Reporter), ["reported", "follow-up", "credit", "withdrawn", "asked"]);
        let rows: Vec<Row> = every_kind().iter().map(EntryKind::row).collect();
        for row in rows.iter().filter(|r| r.changes.is_some()) {
            assert_eq!(row.makers, [ActorKind::Person, ActorKind::Local], "{}", row.name);
        }
    }

    #[test]
    fn facts_and_what_did_not_arrive_are_words() {
        for fact in [Fact::FixReady, Fact::FixReleased, Fact::Public, Fact::Exploited] {
            assert_eq!(serde_json::to_value(fact).unwrap(), fact.milestone().word());
        }
        for word in ["reminder", "answer by hand", "a kind from the future"] {
            let notice: Undelivered = serde_json::from_value(word.into()).unwrap();
            assert_eq!((serde_json::to_value(&notice).unwrap(), notice.word()), (word.into(), word));
            let unknown = matches!(notice, Undelivered::Unknown(_));
            assert_eq!(unknown, word.ends_with("future"));
        }
    }
}
