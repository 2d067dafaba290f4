//! A rung of the ladder speaks.

use jiff::Timestamp;

use super::level::{Text, Words};
use super::{clock_table, reporter, state_line, team};
use crate::policy::Milestone;
use crate::policy::shown::{length, when};
use crate::project::Project;
use crate::ticket::Ticket;
use crate::ticket::clock::Clock;

/// A promise nears its deadline or has passed it.
pub fn text(ticket: &Ticket, clock: &Clock<'_>, project: &Project, now: Timestamp) -> Text {
    let name = &clock.promise.name;
    let date = when(clock.deadline, &project.policy);
    let distance = length(clock.deadline.duration_since(now));
    let number = project.show(ticket.id);
    let (title, first) = if clock.deadline > now {
        (format!("{name}: {distance} left"), format!("The promise \"{name}\" on {number} ends in {distance}:\n{date}."))
    } else {
        let just_now = now.duration_since(clock.deadline) < jiff::SignedDuration::from_mins(1);
        let (overdue, ago) = if just_now {
            (String::new(), " now".to_owned())
        } else {
            (format!(", {distance} overdue"), format!(" {distance} ago"))
        };
        (
            format!("{name}: BROKEN{overdue}"),
            format!("The promise \"{name}\" on {number} is broken. It was due{ago}:\n{date}."),
        )
    };
    Text::news(ticket, &title, project, now)
        .quiet_subject(&title)
        .quiet(format!("\n{}\n", first.replace(&format!(" on {number}"), "")))
        .state(format!(
            "{first}\n{}\n{}\nReceived: {}.\n\nPromises:\n{}{}",
            to_do(ticket, clock, project, now),
            state_line(ticket, project),
            when(ticket.received, &project.policy),
            clock_table(ticket, &project.policy, now),
            team::commands(ticket)
        ))
}

/// What the promise asks for, in the project's words; how it is kept where no other command does; and past the
/// deadline, who does not know of it yet.
fn to_do(ticket: &Ticket, clock: &Clock<'_>, project: &Project, now: Timestamp) -> String {
    let promise = clock.promise;
    let mut text = promise.about.as_ref().map_or(String::new(), |about| format!("{about}\n"));
    if promise.until == Milestone::Done {
        text.push_str(&format!("/done {0} keeps it; /extend {0} with a date and a reason moves it.\n", promise.name));
    } else if promise.until == Milestone::Erased {
        let number = project.show(ticket.id);
        text.push_str(&format!("To keep it, on the daemon's machine: disclosed erase {number}\n"));
    } else if clock.deadline <= now {
        text.push_str(&format!("{}\n", untold(ticket, clock, project)));
    }
    text
}

/// That the reporter does not know, and a text for a person to send.
fn untold(ticket: &Ticket, clock: &Clock<'_>, project: &Project) -> String {
    if ticket.reporter.is_none() {
        return "The report came without an address to answer to: nobody outside has been told.".to_owned();
    }
    format!(
        "The reporter has not been told; that is for a person to do. A draft to copy below\n\
         /reply; {DRAFT}{}\n\
         Instead, /extend {} with a new date and a reason moves the date and tells the reporter.",
        reporter::late(ticket, clock, project),
        clock.promise.name
    )
}

/// The draft in a reminder, if it offers one.
pub fn draft(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once(DRAFT)?;
    rest.split_once("Instead, /extend ").map(|(draft, _)| draft)
}

/// What stands above a draft.
const DRAFT: &str = "fill in what stands in brackets:\n\n";

/// Many reminders for one person as one mail; their subjects say what that person's level does.
pub fn many(subjects: &[&str], project: &Project) -> Words {
    let list: String = subjects.iter().map(|s| format!("  {s}\n")).collect();
    let body = format!(
        "{} promises of {} need somebody:\n\n{list}\n\
         `/list` in reply to this mail shows all open tickets. To act on one, reply to an\n\
         earlier mail about it, or use `disclosed do` on the daemon's machine.\n",
        subjects.len(),
        project.name
    );
    (format!("{} promises need somebody", subjects.len()), body)
}

#[cfg(test)]
mod tests {
    use crate::project::Level;
    use std::path::Path;

    use super::*;
    use crate::command;
    use crate::config::{Config, EXAMPLE};
    use crate::mail::read;
    use crate::notice::text::invitation::MARK;
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

    fn full(text: &Text) -> Words {
        text.at(Level::Full, &Key::new([0; KEY_LENGTH]))
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
            let (_, body) = full(&text(&ticket, clock, &project, at(now)));
            let draft = draft(&body).expect("there is a draft");
            for part in
                ["SEC-3", crate::notice::text::meaning(promise), &when(clock.deadline, &project.policy), reporter::GAP]
            {
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
            let reply = decision.notices.iter().find(|n| n.kind == NoticeKind::Reply).expect("it is sent");
            assert!(
                reply.to.as_str() == "r@reporter.example" && reply.body.starts_with(draft.trim_end()),
                "{}",
                reply.body
            );
        }
    }

    #[test]
    fn there_is_no_draft_before_the_deadline_nor_for_nobody() {
        let project = project();
        let check = |reporter: Option<&str>, now: &str, expect: &str| {
            let ticket = ticket(reporter);
            let all = clocks(&ticket, &project.policy, at(now));
            let (_, body) = full(&text(&ticket, &all[0], &project, at(now)));
            assert!(!body.contains(reporter::GAP) && body.contains(expect), "{body}");
        };
        check(Some("r@reporter.example"), "2027-01-06T08:00:00Z", "ends in 60 minutes");
        check(None, "2027-01-06T10:00:00Z", "nobody outside has been told");
    }
}
