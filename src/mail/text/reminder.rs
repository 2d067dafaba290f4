//! A rung of the ladder speaks.

use jiff::Timestamp;

use super::{clock_table, length, state_line, subject, team, when};
use crate::policy::Milestone;
use crate::project::Project;
use crate::ticket::Ticket;
use crate::ticket::clock::Clock;

const NOT_TOLD: &str = "The reporter has not been told; that is for a person to do: /reply.";

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
                "The promise \"{name}\" on {number} is broken. It was due{ago}:\n{date}.\n{}",
                if clock.promise.until == Milestone::Erased { "" } else { NOT_TOLD }
            ),
        )
    };
    let first = if clock.promise.until == Milestone::Erased {
        format!("{}\nTo keep it, on the daemon's machine: disclosed erase {number}", first.trim_end())
    } else {
        first
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
