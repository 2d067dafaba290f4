//! A rung of the ladder speaks.

use jiff::{SignedDuration, Timestamp};

use super::{Text, reporter};
use crate::notice::block::{Form, Mark, always, state};
use crate::notice::level::Said;
use crate::notice::standing::{Due, state_line};
use crate::policy::Milestone;
use crate::policy::shown::{length, when};
use crate::project::Project;
use crate::ticket::Ticket;

/// A promise nears its deadline or has passed it. `missed` is the name of whoever was told first and not reached.
pub(crate) fn text(ticket: &Ticket, due: &Due, missed: Option<&str>, project: &Project, now: Timestamp) -> Text {
    let Due { promise, deadline } = due;
    let name = &promise.name;
    let distance = length(deadline.duration_since(now));
    let (title, how) = if *deadline > now {
        (format!("{name}: {distance} left"), format!("ends in {distance}"))
    } else if now.duration_since(*deadline) < SignedDuration::from_mins(1) {
        (format!("{name}: BROKEN"), "is broken. It was due now".to_owned())
    } else {
        (format!("{name}: BROKEN, {distance} overdue"), format!("is broken. It was due {distance} ago"))
    };
    let mut text = Text::news(ticket, &title, project, now).quiet_subject(&title);
    if let Some(missed) = missed {
        text = text.line([always(format!("Passed on to you, since it did not reach {missed}."))]);
    }
    text = text.paragraph([
        always(format!("The promise \"{name}\"")),
        state(format!(" on {}", project.show(ticket.id))),
        always(format!(" {how}:\n{}.", when(*deadline, &project.policy))),
    ]);
    if let Some(about) = &promise.about {
        text = text.line([state(about)]);
    }
    to_do(text, ticket, due, project, now)
        .paragraph([state(format!(
            "{}\nReceived: {}.",
            state_line(ticket, project),
            when(ticket.received, &project.policy)
        ))])
        .promises(ticket, project, now)
        .commands(ticket)
}

/// How the promise is kept where no other command does; and past the deadline, who does not know of it yet.
fn to_do(text: Text, ticket: &Ticket, due: &Due, project: &Project, now: Timestamp) -> Text {
    let Due { promise, deadline } = due;
    let name = &promise.name;
    if promise.until == Milestone::Done {
        return text.line([state(format!("/done {name} keeps it; /extend {name} with a date and a reason moves it."))]);
    }
    if promise.until == Milestone::Erased {
        let number = project.show(ticket.id);
        return text.line([state(format!("To keep it, on the daemon's machine: disclosed erase {number}"))]);
    }
    if *deadline > now {
        return text;
    }
    if ticket.reporter.is_none() {
        let nobody = "The report came without an address to answer to: nobody outside has been told.";
        return text.line([state(nobody)]);
    }
    text.line([state(format!(
        "The reporter has not been told; that is for a person to do. A draft to copy below\n/reply; {FILL_IN}"
    ))])
    .block(Said::State, Form::Draft(reporter::late(ticket, due, project)))
    .paragraph([state(format!("{INSTEAD}{name} with a new date and a reason moves the date and tells the reporter."))])
}

/// The draft in a reminder, if it offers one.
pub(crate) fn draft(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once(FILL_IN)?;
    rest.split_once(INSTEAD).map(|(draft, _)| draft.trim())
}

/// What stands above a draft, and below it.
const FILL_IN: &str = "fill in what stands in brackets:";
const INSTEAD: &str = "Instead, /extend ";

/// Many reminders for one person as one mail: their subjects where all is said, and at `none`.
pub(crate) fn many(subjects: Vec<String>, quietly: Vec<String>, project: &Project) -> Text {
    let count = subjects.len();
    Text::desk(format!("{count} promises need somebody"))
        .paragraph([always(format!("{count} promises of {} need somebody:", project.name))])
        .block(Said::State, Form::List(Mark::Indent, subjects))
        .block(Said::Quiet, Form::List(Mark::Indent, quietly))
        .paragraph([always(
            "`/list` in reply to this mail shows all open tickets. To act on one, reply to an\n\
             earlier mail about it, or use `disclosed do` on the daemon's machine.",
        )])
}

#[cfg(test)]
mod tests {
    use crate::project::Level;
    use std::path::Path;

    use super::*;
    use crate::command;
    use crate::config::{Config, EXAMPLE};
    use crate::mail::read;
    use crate::notice::plain::{self, MARK};
    use crate::rules::decide::decide;
    use crate::rules::event::{Event, Order};
    use crate::ticket::clock::clocks;
    use crate::ticket::{Actor, Entry, EntryKind};
    use crate::token::{KEY_LENGTH, Key};
    use crate::vocabulary::{Address, NoticeKind, TicketId};

    fn project() -> Project {
        let text = format!("{EXAMPLE}[policy]\ntimezone = \"Europe/Berlin\"\n");
        Config::parse(&text, Path::new("config.toml")).unwrap().project()
    }

    fn ticket(reporter: Option<&str>) -> Ticket {
        let kind = EntryKind::Reported {
            received: at("2027-01-04T09:00:00Z"),
            message_id: None,
            may_belong_to: None,
            erased: false,
        };
        let (party, text) = (reporter.and_then(Address::parse), Some("Secret title".to_owned()));
        let at = at("2027-01-04T09:00:00Z");
        let entry = Entry { seq: 1, at, by: Actor::Reporter, kind, party, text, mail: None, order: None };
        Ticket::fold(TicketId(3), [&entry])
    }

    fn full(text: Text) -> String {
        plain::body(&text.blocks(Level::Full, &Key::new([0; KEY_LENGTH])))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_late_comes_with_a_draft_that_can_be_sent() {
        let project = project();
        let ticket = ticket(Some("r@reporter.example"));
        for (promise, now) in project.policy.promises.iter().zip(["2027-01-07T09:00:00Z", "2027-01-15T09:00:00Z"]) {
            let all = clocks(&ticket, &project.policy, at(now));
            let clock = all.iter().find(|c| c.promise.name == promise.name).unwrap();
            let body = full(text(&ticket, &clock.into(), None, &project, at(now)));
            let draft = draft(&body).expect("there is a draft");
            for part in ["SEC-3", promise.until.means(), &when(clock.deadline, &project.policy), reporter::GAP] {
                assert!(draft.contains(part), "{part}: {draft}");
            }
            assert!(!draft.contains("Secret"), "{draft}");
            assert!(!draft.contains(MARK) && body.contains(MARK), "the draft alone is for the reporter");
            // Pasted into an answer, as a mail program sends it.
            let send = |draft: &str| {
                let mail = format!("From: ada@example.org\r\n\r\n/reply\r\n{}", draft.replace('\n', "\r\n"));
                let orders = command::split(&read::read(mail.as_bytes()).reply_text);
                assert_eq!(orders.written(), ["/reply"]);
                let order = Order { orders, ..Order::local() };
                decide(&ticket, &Event::Ordered(order), &project, &Key::new([0; KEY_LENGTH]), at(now))
            };
            for wrapped in [reporter::GAP.to_owned(), reporter::GAP.replacen(" or", "\nor", 1)] {
                let decision = send(&draft.replace(reporter::GAP, &wrapped));
                assert!(decision.answer.unwrap().refused && decision.notices.is_empty(), "{wrapped:?}");
            }
            let draft = draft.replace(reporter::GAP, "On Friday.");
            let decision = send(&draft);
            assert!(!decision.answer.unwrap().refused);
            let reply = decision.notices.iter().find(|n| n.kind() == NoticeKind::Reply).expect("it is sent");
            let body = reply.says.words(Level::Full, &Key::new([0; KEY_LENGTH]), &project, at(now)).body;
            assert!(reply.to.as_str() == "r@reporter.example" && body.starts_with(draft.trim_end()), "{body}");
        }
    }

    #[test]
    fn there_is_no_draft_before_the_deadline_nor_for_nobody() {
        let project = project();
        let check = |reporter: Option<&str>, now: &str, expect: &str| {
            let ticket = ticket(reporter);
            let all = clocks(&ticket, &project.policy, at(now));
            let body = full(text(&ticket, &(&all[0]).into(), None, &project, at(now)));
            assert!(!body.contains(reporter::GAP) && body.contains(expect), "{body}");
        };
        check(Some("r@reporter.example"), "2027-01-06T08:00:00Z", "ends in 60 minutes");
        check(None, "2027-01-06T10:00:00Z", "nobody outside has been told");
    }
}
