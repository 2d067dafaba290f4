//! A rung of the ladder speaks.

use jiff::Timestamp;

use super::{clock_table, length, reporter, state_line, subject, team, when};
use crate::project::Project;
use crate::ticket::Ticket;
use crate::ticket::clock::Clock;

/// A promise nears its deadline or has passed it.
pub fn text(ticket: &Ticket, clock: &Clock<'_>, project: &Project, now: Timestamp) -> (String, String) {
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
            format!(
                "The promise \"{name}\" on {number} is broken. It was due{ago}:\n{date}.\n\
                 {}",
                untold(ticket, clock, project)
            ),
        )
    };
    let body = format!(
        "{first}\n\n{}\nReceived: {}.\n\nPromises:\n{}{}",
        state_line(ticket, project),
        when(ticket.received, &project.policy),
        clock_table(ticket, &project.policy, now),
        team::commands(ticket)
    );
    (subject(project, ticket.id, &title), body)
}

/// That the reporter does not know, and a text for a person to send.
fn untold(ticket: &Ticket, clock: &Clock<'_>, project: &Project) -> String {
    if ticket.reporter.is_none() {
        return "The report came without an address to answer to: nobody outside has been told.".to_owned();
    }
    format!(
        "The reporter has not been told; that is for a person to do. A draft to copy below\n\
         /reply; fill in what stands in brackets:\n\n{}\n\
         Instead, /extend {} with a new date and a reason moves the date and tells the reporter.",
        reporter::late(ticket, clock, project),
        clock.promise.name
    )
}

/// Many reminders for one person as one mail.
pub fn many(subjects: &[&str], project: &Project) -> (String, String) {
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
