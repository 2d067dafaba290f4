//! A rung of the ladder speaks.

use jiff::{SignedDuration, Timestamp};

use super::{Text, reporter};
use crate::notice::block::{Block, Form, Mark, always, content, state};
use crate::notice::level::Said;
use crate::notice::plain::wrapped;
use crate::notice::standing::{Due, state_line};
use crate::policy::Milestone;
use crate::policy::shown::{by_when, capital, date, length};
use crate::project::{Level, Project};
use crate::ticket::Ticket;
use crate::token::Key;

/// A promise nears its deadline or has passed it. `missed` is the name of whoever was told first and not reached.
pub(crate) fn text(ticket: &Ticket, due: &Due, missed: Option<&str>, project: &Project, now: Timestamp) -> Text {
    let Due { promise, deadline } = due;
    let policy = &project.policy;
    let title = capital(&by_when(&promise.to_do(), *deadline, policy, now));
    let left = length(deadline.duration_since(now));
    let left = match deadline.duration_since(now) {
        away if !away.is_positive() && away > -SignedDuration::from_mins(1) => {
            "The promise is BROKEN: it was due now.".to_owned()
        }
        away if !away.is_positive() => format!("The promise is BROKEN: it was due {left} ago."),
        _ => format!("{left} left."),
    };
    let mut text = Text::news(ticket, &title, project, now).quiet_subject(&title);
    if let Some(missed) = missed {
        text = text.paragraph([always(format!("Passed on to you, since it did not reach {missed}."))]);
    }
    let by = ticket.reporter.as_ref().map(|reporter| content(format!(" by {}", reporter.as_str())));
    let reported = [state(format!("{} was reported", project.show(ticket.id)))].into_iter().chain(by);
    text = text
        .paragraph(reported.chain([state(format!(" on {}.", date(ticket.received, policy)))]))
        .line([always(format!("Promised (\"{}\"): {} by {}.", promise.name, promise.to_do(), date(*deadline, policy)))])
        .line([always(left)]);
    if let Some(about) = &promise.about {
        text = text.line([state(about)]);
    }
    to_do(text, ticket, due, project, now)
        .paragraph([state(state_line(ticket, project))])
        .promises(ticket, project, now)
        .commands(ticket)
}

/// Exactly what to write, so that the promise is kept or moved; and past the deadline, who does not know of it yet.
fn to_do(text: Text, ticket: &Ticket, due: &Due, project: &Project, now: Timestamp) -> Text {
    let Due { promise, deadline } = due;
    let name = &promise.name;
    let reply = "To keep it, reply to this mail with";
    let text = text.paragraph([state(match promise.until {
        Milestone::Acknowledged => {
            format!("{reply} /ack on the first line, and below it a sentence for the reporter.")
        }
        Milestone::Assessed => format!("{reply} /valid, or with /invalid and your reasons below it."),
        Milestone::Accepted => format!("{reply} /accept, or with /defer or /invalid."),
        Milestone::FixReady => format!("{reply} /fix once there is a fix."),
        Milestone::FixReleased => format!("{reply} /released and the version, such as /released 2.1.4"),
        Milestone::Public => format!("{reply} /public and the link to what you published."),
        Milestone::Received | Milestone::Closed => format!("{reply} /close"),
        Milestone::Exploited => format!("{reply} /exploited once you know of attacks."),
        Milestone::LastHeardFromUs => {
            format!("{reply} /reply on the first line, and below it how things stand.")
        }
        Milestone::Done => format!("{reply} /done {name}"),
        Milestone::Erased => {
            format!("To keep it, on the daemon's machine: `disclosed erase {}`", project.show(ticket.id))
        }
    })]);
    if promise.until == Milestone::Erased {
        return text;
    }
    if *deadline > now || promise.until == Milestone::Done {
        return text.line([state(format!("{ELSE}{name} with a date and a reason."))]);
    }
    if ticket.reporter.is_none() {
        let nobody = "The report came without an address to answer to: nobody outside has been told.";
        return text.line([state(nobody)]);
    }
    text.paragraph([state("The reporter has not been told; that is for a person to do. A draft to copy below /reply:")])
        .line([state(FILL_IN)])
        .block(Said::State, Form::Draft(wrapped(&reporter::late(ticket, due, project), "")))
        .paragraph([state(format!("{ELSE}{name} with a date and a reason. The reporter is told."))])
}

/// The draft in a reminder, if it offers one.
pub(crate) fn draft(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once(FILL_IN)?;
    rest.split_once(ELSE).map(|(draft, _)| draft.trim())
}

/// What stands above a draft, and below it.
const FILL_IN: &str = "(fill in what stands in brackets)";
const ELSE: &str = "Or move it: /extend ";

/// Many reminders for one person as one mail: the subject of each, with the title at `full`.
pub(crate) fn many(all: &[Text], key: &Key, project: &Project) -> Text {
    let count = all.len();
    let list = |said, form: &dyn Fn(&Text) -> String| {
        let items = all.iter().map(form).collect();
        Block { said, apart: true, form: Form::List(Mark::Indent, items) }
    };
    let subject = |text: &Text| text.subject(Level::Summary, key);
    let titled = |text: &Text| {
        let title = text.title.iter().map(|title| format!("\n    | {title}"));
        title.fold(subject(text), |all, title| all + &title)
    };
    Text::desk(format!("{count} promises need somebody"))
        .paragraph([always(format!("{count} promises of {} need somebody:", project.name))])
        .and([
            list(Said::Content, &titled),
            list(Said::Instead, &subject),
            list(Said::Quiet, &|text| text.subject(Level::None, key)),
        ])
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
    use crate::policy::shown::when;
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
        check(Some("r@reporter.example"), "2027-01-06T08:00:00Z", "\n60 minutes left.");
        check(None, "2027-01-06T10:00:00Z", "nobody outside has been\ntold.");
    }
}
