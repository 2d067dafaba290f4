//! To the team: news of a ticket, what one of them did, and what went wrong.

use jiff::Timestamp;

use super::{clock_table, quoted, state_line, subject};
use crate::mail::fields::Fields;
use crate::mail::{Address, Attachment};
use crate::project::Project;
use crate::ticket::{Acknowledgement, Status, Ticket, TicketId};

/// Characters of a report that its notice shows; the rest is in the store.
const EXCERPT: usize = 4_000;

/// What a new report says, for its notice.
pub struct NewReport<'a> {
    /// The sender as shown to the team.
    pub from: &'a str,
    /// Whether and why the sender is believed.
    pub identity: &'a str,
    /// Its beginning.
    pub excerpt: &'a str,
    /// What was recognised in it.
    pub fields: &'a Fields,
    /// What is attached.
    pub attachments: &'a [Attachment],
    /// What was odd about the mail.
    pub problems: &'a [String],
    /// What became of the acknowledgement, and why.
    pub acknowledgement: (Acknowledgement, &'a str),
    /// A ticket that it may belong to.
    pub may_belong_to: Option<TicketId>,
}

/// A new report.
pub fn report(ticket: &Ticket, news: &NewReport<'_>, project: &Project, now: Timestamp) -> (String, String) {
    let mut body = format!("A report has arrived: {}.\n\n", project.show(ticket.id));
    body.push_str(&format!("From:    {}\n         ({})\n", news.from, news.identity));
    body.push_str(&format!("Subject: {}\n", if ticket.title.is_empty() { "(none)" } else { &ticket.title }));
    let acknowledgement = match news.acknowledgement {
        (Acknowledgement::Sent, _) => "The sender has been sent an automatic acknowledgement.".to_owned(),
        (Acknowledgement::Held, why) => {
            format!("The automatic acknowledgement is HELD: {why}.\nReply with /ack to answer the reporter.")
        }
        (Acknowledgement::Withheld, why) => format!("Nothing was sent to the sender: {why}."),
    };
    body.push_str(&format!("\n{acknowledgement}\n"));
    if let Some(other) = news.may_belong_to {
        body.push_str(&format!("It may belong to {}, which its subject or references name.\n", project.show(other)));
    }
    body.push_str(&format!("\nPromises:\n{}", clock_table(ticket, &project.policy, now)));
    body.push_str(&recognised(news));
    body.push_str(&format!("\n{}", quoted(news.excerpt, EXCERPT)));
    body.push_str(&commands(ticket));
    (subject(project, ticket.id, "New report"), body)
}

fn recognised(news: &NewReport<'_>) -> String {
    let mut lines = Vec::new();
    if let Some(severity) = news.fields.severity {
        lines.push(format!("It says of itself: severity {severity}."));
    }
    lines.extend(news.fields.cvss.iter().map(|v| format!("CVSS vector: {v}")));
    let numbers: Vec<&str> = news.fields.cves.iter().chain(&news.fields.cwes).map(String::as_str).collect();
    if !numbers.is_empty() {
        lines.push(format!("It names: {}", numbers.join(", ")));
    }
    if !news.fields.missing.is_empty() {
        let names: Vec<&str> = news.fields.missing.iter().map(|p| p.name()).collect();
        lines.push(format!("Not found in it: {}.", names.join(", ")));
    }
    lines
        .extend(news.attachments.iter().map(|a| format!("Attached: {} ({}, {} octets)", a.name, a.media_type, a.size)));
    lines.extend(news.problems.iter().map(|p| format!("Odd: {p}.")));
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

/// More mail for a ticket. `who` says how sure the sender is.
pub fn follow_up(ticket: &Ticket, who: &str, excerpt: &str, project: &Project, now: Timestamp) -> (String, String) {
    let body = format!(
        "More mail for {}, from {who}.\n{}\n\n{}\nPromises:\n{}{}",
        project.show(ticket.id),
        state_line(ticket, project),
        quoted(excerpt, EXCERPT),
        clock_table(ticket, &project.policy, now),
        commands(ticket)
    );
    (subject(project, ticket.id, "More mail"), body)
}

/// What one of the team did.
pub fn change(ticket: &Ticket, who: &str, done: &str, project: &Project, now: Timestamp) -> (String, String) {
    let body = format!(
        "{who}, on {}:\n\n{done}\n{}\n\nPromises:\n{}{}",
        project.show(ticket.id),
        state_line(ticket, project),
        clock_table(ticket, &project.policy, now),
        commands(ticket)
    );
    (subject(project, ticket.id, &format!("Changed by {who}")), body)
}

/// Somebody tried to command, about no ticket that they could prove to know of.
pub fn attempt_nowhere(from: &str, why: &str) -> (String, String) {
    let body = format!("A mail with commands was not obeyed, and not answered.\n\nFrom: {from}\nWhy:  {why}\n");
    ("Commands refused".into(), body)
}

/// Somebody tried to command and may not.
pub fn attempt(ticket: &Ticket, from: &str, why: &str, project: &Project) -> (String, String) {
    let body = format!(
        "A mail with commands for {} was not obeyed, and not answered.\n\nFrom: {from}\nWhy:  {why}\n\n\
         If it was one of you, `disclosed do {} \"/…\"` on the daemon's machine always works.\n",
        project.show(ticket.id),
        project.show(ticket.id)
    );
    (subject(project, ticket.id, "Commands refused"), body)
}

/// A notice did not arrive.
pub fn undeliverable(ticket: &Ticket, notice: &str, to: &Address, reply: &str, project: &Project) -> (String, String) {
    let who = if ticket.reporter.as_ref() == Some(to) { "the reporter" } else { project.name_of(to) };
    let body = format!(
        "A mail about {} did not reach {who} ({}).\nIt was: {notice}. The mail server said:\n\n{}\n\
         Somebody should reach them another way.\n",
        project.show(ticket.id),
        to.as_str(),
        quoted(reply, 500)
    );
    (subject(project, ticket.id, "A mail did not arrive"), body)
}

/// A notice about no single ticket did not arrive.
pub fn lost(notice: &str, to: &Address, reply: &str, project: &Project) -> (String, String) {
    let body = format!(
        "A mail about several tickets did not reach {} ({}).\nIt was: {notice}. The mail server said:\n\n{}\n\
         Somebody should reach them another way. A reply to this mail with /list shows\n\
         all open tickets.\n",
        project.name_of(to),
        to.as_str(),
        quoted(reply, 500)
    );
    ("A mail did not arrive".into(), body)
}

/// More comes in than is told one by one.
pub fn flood(limit: u32, project: &Project) -> (String, String) {
    let body = format!(
        "Incoming mail has made {} send {limit} mails within an hour. That is the limit\n\
         (limits.automatic_per_hour), so for now new reports are filed without an\n\
         acknowledgement, and new mail without a notice each. Nothing is lost, and the reminders\n\
         before deadlines go on.\n\n\
         `disclosed list` shows the tickets; a reply to this mail with /list does too.\n",
        project.name
    );
    ("Too much mail to tell one by one".into(), body)
}

/// More comes in for one ticket than is told one by one.
pub fn flood_of(ticket: &Ticket, project: &Project) -> (String, String) {
    let number = project.show(ticket.id);
    let body = format!(
        "More mail comes in for {number} than is told one by one. All of it is filed with the\n\
         ticket: `disclosed show {number}` shows it, and so does a reply with /status in part.\n\
         At most once an hour you hear of this again.\n{}",
        commands(ticket)
    );
    (subject(project, ticket.id, "Much more mail"), body)
}

/// Many reports at once, in one ticket.
pub fn many(ticket: &Ticket, members: u32, project: &Project, now: Timestamp) -> (String, String) {
    let number = project.show(ticket.id);
    let body = format!(
        "{} new tickets were made within an hour, the most there may be\n\
         (limits.reports_per_hour), so {number} stands for the reports that came on top: {members} so far.\n\
         None of their senders was sent anything. Somebody must look through them, since one\n\
         may be real: `disclosed show {number}` lists them, `disclosed inbox` too. Whoever writes\n\
         again when this is over gets a ticket of their own.\n\
         At most once an hour you hear of this again.\n\nPromises:\n{}{}",
        project.limits.reports_per_hour,
        clock_table(ticket, &project.policy, now),
        commands(ticket)
    );
    (subject(project, ticket.id, "Many reports at once"), body)
}

/// The daemon cannot do its work.
pub fn trouble(what: &str, project: &Project) -> (String, String) {
    let body = format!(
        "disclosed, which watches the security inbox of {}, is in trouble:\n\n{}\n\
         Until this is mended, reports may lie unread and promises may be missed.\n\
         `disclosed check --online` on its machine says more.\n",
        project.name,
        quoted(what, 500)
    );
    ("disclosed cannot do its work".into(), body)
}

/// Stands in each notice about a ticket to the team, so that a quote of one is known for what it is.
const MARK: &str = "Reply to this mail with a command on the first line";

/// Whether a text holds a quote of a notice to the team, however its lines were wrapped and marked. What is meant for
/// the reporter must not (G6).
pub fn is_quoted_in(text: &str) -> bool {
    let words =
        |t: &str| t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect();
    let (text, mark): (Vec<String>, Vec<String>) = (words(text), words(MARK));
    text.windows(mark.len()).any(|w| w == mark)
}

/// The commands that make sense now.
pub fn commands(ticket: &Ticket) -> String {
    let mut words: Vec<&str> = Vec::new();
    if !ticket.milestones.contains_key(&crate::policy::Milestone::Acknowledged) && !ticket.spam {
        words.push("/ack");
    }
    words.push("/reply");
    if ticket.owner.is_none() {
        words.push("/claim");
    }
    words.extend(match ticket.status {
        Status::Received => &["/valid", "/invalid", "/accept", "/spam"][..],
        Status::Invalid => &["/valid", "/close"],
        Status::Valid => &["/accept", "/defer"],
        Status::Accepted => &["/fix", "/released", "/public", "/defer", "/close"],
        Status::Deferred => &["/accept", "/close"],
        Status::Closed => &["/reopen"],
    });
    if ticket.severity.is_none() && ticket.status != Status::Closed {
        words.push("/severity high");
    }
    words.extend(["/note", "/help"]);
    format!("\n{MARK}:\n  {}\n", words.join("  "))
}
