//! To the team: news of a ticket, what one of them did, and what went wrong. Each piece is marked with what it gives
//! away; see [`super::level`].

use jiff::Timestamp;

use super::invitation::invitation;
use super::level::Text;
use super::{clock_table, done_lines, folded_line, quoted, state_line, wrapped};
use crate::command;
use crate::mail::Attachment;
use crate::mail::fields::{Fields, Part};
use crate::project::{Project, VersionTable};
use crate::ticket::moved::Moved;
use crate::ticket::{Acknowledgement, Actor, Status, Ticket};
use crate::vocabulary::{Address, TicketId, clean_line};

/// Characters of a report that its notice shows; the rest is in the store.
const EXCERPT: usize = 4_000;

/// Moved deadlines that one mail lists; the rest is counted.
pub const POLICY_LINES: usize = 200;

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
    /// What the project asks for and is not in it.
    pub missing: &'a [Part],
    /// Its subject does not begin as the project asks for.
    pub off_subject: bool,
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
pub fn report(ticket: &Ticket, news: &NewReport<'_>, project: &Project, now: Timestamp) -> Text {
    let title = if ticket.title.is_empty() { "(none)" } else { &ticket.title };
    let text = Text::news(ticket, "New report", project, now)
        .state(format!("A report has arrived: {}.\n\n", project.show(ticket.id)))
        .content(format!("From:    {}\n         ({})\nSubject: {title}\n", news.from, news.identity))
        .instead(format!("It came from outside. {}\n", state_line(ticket, project)));
    // Why names the domain of the sender.
    let text = match news.acknowledgement {
        (Acknowledgement::Sent, _) => text.state("\nThe sender has been sent an automatic acknowledgement.\n"),
        (Acknowledgement::Held, why) => text
            .state("\nThe automatic acknowledgement is HELD")
            .content(format!(": {why}"))
            .state(".\nReply with /ack to answer the reporter.\n"),
        (Acknowledgement::Withheld, why) => {
            let text = text.state("\nNothing was sent to the sender").content(format!(": {why}")).state(".\n");
            if news.off_subject && ticket.reporter.is_some() {
                text.state("Reply with /ack to answer the sender, or with /spam to close it.\n")
            } else {
                text
            }
        }
    };
    let text = match news.may_belong_to {
        Some(other) => {
            let other = project.show(other);
            text.state(format!("It may belong to {other}, which its subject or references name.\n"))
        }
        None => text,
    };
    text.state(format!("\nPromises:\n{}", clock_table(ticket, &project.policy, now)))
        .content(recognised(news, &project.reports.versions))
        .instead(counted(news))
        .content(format!("\n{}", quoted(news.excerpt, EXCERPT)))
        .state(commands(ticket))
}

/// What was recognised, without a word of the report: a severity, numbers of public lists, counts.
fn counted(news: &NewReport<'_>) -> String {
    let mut lines = Vec::new();
    if let Some(severity) = news.fields.severity {
        lines.push(format!("It says of itself: severity {severity}."));
    }
    let numbers: Vec<&str> = news.fields.cves.iter().chain(&news.fields.cwes).map(String::as_str).collect();
    if !numbers.is_empty() {
        lines.push(format!("It names: {}", numbers.join(", ")));
    }
    for (count, what) in [(news.attachments.len(), "Attachments"), (news.problems.len(), "Oddities")] {
        if count > 0 {
            lines.push(format!("{what}: {count}."));
        }
    }
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

fn recognised(news: &NewReport<'_>, table: &VersionTable) -> String {
    let Fields { severity, cvss: _, score: _, cves, cwes, versions, paths, locations, parts: _ } = news.fields;
    let mut lines = Vec::new();
    if let Some(severity) = severity {
        lines.push(format!("It says of itself: severity {severity}."));
    }
    lines.extend(news.fields.shown_cvss());
    let numbers: Vec<&str> = cves.iter().chain(cwes).map(String::as_str).collect();
    if !numbers.is_empty() {
        lines.push(format!("It names: {}", numbers.join(", ")));
    }
    let version = |v: &String| if table.is_empty() { v.clone() } else { format!("{v} ({})", table.of(v).words()) };
    let versions: Vec<String> = versions.iter().map(version).collect();
    for (name, found) in [("Versions", &versions), ("Source files", paths), ("Source at", locations)] {
        if !found.is_empty() {
            lines.push(wrapped(&format!("{name}: {}", found.join(", ")), "  "));
        }
    }
    if !news.missing.is_empty() {
        let names: Vec<&str> = news.missing.iter().map(|p| p.name()).collect();
        lines.push(wrapped(&format!("Not found in it: {}.", names.join(", ")), "  "));
    }
    lines
        .extend(news.attachments.iter().map(|a| format!("Attached: {} ({}, {} octets)", a.name, a.media_type, a.size)));
    lines.extend(news.problems.iter().map(|p| format!("Odd: {p}.")));
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

/// A second copy of a report says more of its sender than the first did.
pub fn copied(ticket: &Ticket, sent: bool, excerpt: &str, project: &Project, now: Timestamp) -> Text {
    let sent = if sent { "The sender has been sent an automatic acknowledgement.\n" } else { "" };
    Text::news(ticket, "A person wrote it", project, now)
        .state(format!("A second copy of the mail of {}", project.show(ticket.id)))
        .quiet("A second copy of its mail")
        .always(format!(" shows that a person wrote it.\n{sent}"))
        .content(if excerpt.is_empty() { String::new() } else { format!("\n{}", quoted(excerpt, EXCERPT)) })
        .state(format!("\nPromises:\n{}{}", clock_table(ticket, &project.policy, now), commands(ticket)))
}

/// More mail for a ticket, from whom: what they are to it, who they seem to be, and the name of the person whose own
/// reply address it bears.
pub fn follow_up(
    ticket: &Ticket,
    (by, who, holder): (&Actor, &str, Option<&str>),
    (excerpt, folded): (&str, usize),
    project: &Project,
    now: Timestamp,
) -> Text {
    let named = holder.map(|name| format!("somebody with the reply address of {name}"));
    let role = match by {
        Actor::Stranger if named.is_some() => named.as_deref().unwrap_or_default(),
        Actor::Reporter => "the reporter, or somebody at the reporter's address",
        Actor::Stranger => "somebody who is not the reporter and holds an address that we gave out for this ticket",
        Actor::Person(_) | Actor::Local | Actor::Daemon => "one of you",
    };
    Text::news(ticket, "More mail", project, now)
        .state(format!("More mail for {}, from ", project.show(ticket.id)))
        .content(holder.map_or_else(|| who.to_owned(), |name| format!("{who}, with the reply address of {name}")))
        .instead(role)
        .state(format!(".\n{}\n\n", state_line(ticket, project)))
        .content(format!("{}{}\n", quoted(excerpt, EXCERPT), folded_line(folded, &project.show(ticket.id))))
        .state(format!("Promises:\n{}{}", clock_table(ticket, &project.policy, now), commands(ticket)))
}

/// What one of the team did: in full, and without a word that anybody wrote.
#[derive(Clone, Debug)]
pub struct Did {
    full: String,
    brief: String,
}

impl Did {
    /// In our own words, with nothing of the ticket in them.
    pub fn ours(words: &str) -> Self {
        Self { full: words.to_owned(), brief: words.to_owned() }
    }

    /// In our own words, and below them those of a person.
    pub fn wrote(ours: &str, theirs: &str, max: usize, folded: &str) -> Self {
        Self { full: format!("{ours}:\n\n{}{folded}", quoted(theirs, max)), brief: format!("{ours}.\n") }
    }

    /// Lines of commands, each with what it did, and the notes below them. Without their arguments, what they did
    /// stands in the state.
    pub fn lines<'n>(lines: &[(String, String)], notes: impl Iterator<Item = &'n str>) -> Self {
        let verb = |line: &String| match command::parse(line) {
            Ok(asked) => format!("> /{}\n", asked.verb.name),
            Err(_) => "> (a text)\n".to_owned(),
        };
        let notes = notes.map(|note| format!("\n{}", quoted(note, EXCERPT)));
        let full = done_lines(lines) + &notes.collect::<String>();
        Self { full, brief: lines.iter().map(|(line, _)| verb(line)).collect() }
    }
}

/// What one of the team did.
pub fn change(ticket: &Ticket, who: &str, did: &Did, project: &Project, now: Timestamp) -> Text {
    Text::news(ticket, &format!("Changed by {who}"), project, now)
        .state(format!("{who}, on {}:\n\n", project.show(ticket.id)))
        .content(&did.full)
        .instead(&did.brief)
        .state(format!(
            "\n{}\n\nPromises:\n{}{}",
            state_line(ticket, project),
            clock_table(ticket, &project.policy, now),
            commands(ticket)
        ))
}

/// Somebody tried to command and may not. `holder` is the name of the person whose own reply address the mail bears.
pub fn attempt(
    ticket: &Ticket,
    from: &str,
    holder: Option<&str>,
    why: &str,
    project: &Project,
    now: Timestamp,
) -> Text {
    let number = project.show(ticket.id);
    let answered = match holder {
        Some(name) => format!(".\nIt bears the reply address of {name}, who is told why"),
        None => ", and not answered".to_owned(),
    };
    Text::news(ticket, "Commands refused", project, now)
        .state(format!("A mail with commands for {number} was not obeyed{answered}.\n\n"))
        .content(format!("From: {from}\nWhy:  {why}\n\n"))
        .state(format!("If it was one of you, `disclosed do {number} \"/…\"` on the daemon's machine always works.\n"))
}

/// A notice did not arrive.
pub fn undeliverable(
    ticket: &Ticket,
    notice: &str,
    to: &Address,
    perhaps: bool,
    reply: &str,
    project: &Project,
    now: Timestamp,
) -> Text {
    let (title, did, was) = if perhaps {
        ("A mail may not have arrived", "may not have reached", "It may have been")
    } else {
        ("A mail did not arrive", "did not reach", "It was")
    };
    let who = match project.person(to) {
        _ if ticket.reporter.as_ref() == Some(to) => "the reporter",
        Some(person) => &person.name,
        None => "somebody who is no longer here",
    };
    Text::news(ticket, title, project, now)
        .state(format!("A mail about {} {did} {who}", project.show(ticket.id)))
        .content(format!(" ({})", to.as_str()))
        .state(format!(".\n{was}: {notice}."))
        .content(format!(" The mail server said:\n\n{}", quoted(reply, 500)))
        .state("\nSomebody should reach them another way.\n")
}

/// The notice of a report reached nobody of the team. Nothing of the report stands in it, nor what a server said, since
/// that may be what the notice was refused for.
pub fn unreached(ticket: &Ticket, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Nobody was mailed about a report", project, now)
        .state(format!(
            "A report has arrived, and the mail about it reached nobody of the team: {number}.\n\n\
             Read it with `disclosed show {number}` on the daemon's machine. A filter in front of your\n\
             mailboxes may refuse mail that quotes what a report holds.\n"
        ))
        .quiet("The mail about a report reached nobody of the team.\n")
}

/// A notice about no single ticket did not arrive.
pub fn lost(notice: &str, to: &Address, reply: &str, project: &Project) -> Text {
    Text::desk("A mail did not arrive")
        .always("A mail about several tickets did not reach ")
        .content(format!("{} ({})", project.name_of(to), to.as_str()))
        .instead(project.person(to).map_or("somebody who is no longer here", |p| &p.name))
        .quiet("one of you")
        .always(format!(".\nIt was: {notice}."))
        .content(format!(" The mail server said:\n\n{}", quoted(reply, 500)))
        .always(
            "\nSomebody should reach them another way. A reply to this mail with /list shows\n\
             all open tickets.\n",
        )
}

/// What was in the inbox before the first start: how many mails, and the newest as (when, from whom, subject).
pub fn earlier(all: usize, newest: &[(Timestamp, String, String)], project: &Project) -> Text {
    let date = |at: Timestamp| at.to_zoned(project.policy.calendar.zone.clone()).strftime("%-d %b %Y");
    let line = |(at, from, subject): &(Timestamp, String, String)| format!("  {}, {from}: {subject}\n", date(*at));
    let lines: String = newest.iter().map(line).collect();
    let mails = if all == 1 { "1 mail was" } else { &format!("{all} mails were") };
    Text::desk("What was in the inbox before")
        .always(format!(
            "{mails} in the inbox of {} when disclosed first looked into it.\n\
             Each is kept and listed, as \"earlier\": nobody was answered, and no promise runs on it.\n",
            project.name
        ))
        .content(format!("\nThe newest:\n\n{lines}"))
        .always(
            "\nOn the daemon's machine `disclosed inbox` lists all of them. `disclosed inbox --take N`\n\
             makes a ticket of one, and `disclosed ingest --earlier` takes them all in as if they had\n\
             just come, or with `--since 2027-01-01` those from that day on.\n",
        )
}

/// More comes in than is told one by one.
pub fn flood(limit: u32, project: &Project) -> Text {
    Text::desk("Too much mail to tell one by one").always(format!(
        "Incoming mail has made {} send {limit} mails within an hour. That is the limit\n\
         (limits.automatic_per_hour), so for now new reports are filed without an\n\
         acknowledgement, and new mail without a notice each. Nothing is lost, and the reminders\n\
         before deadlines go on.\n\n\
         `disclosed list` shows the tickets; a reply to this mail with /list does too.\n",
        project.name
    ))
}

/// The policy changed, and with it deadlines of open tickets: `moved` are those to list, in this order, `all` how many
/// there are.
pub fn policy(moved: &[Moved], all: usize, project: &Project, now: Timestamp) -> Text {
    let calendar = &project.policy.calendar;
    let date = |at: Timestamp| at.to_zoned(calendar.zone.clone()).strftime("%a %-d %B %Y, %H:%M").to_string();
    let mut lines = String::new();
    for one in moved {
        let late = if one.is_late(now) { "OVERDUE NOW: " } else { "" };
        let change = match (one.from, one.to) {
            (Some(from), Some(to)) => {
                let way = if to < from { "earlier" } else { "later" };
                format!("{} -> {} ({way})", date(from), date(to))
            }
            (None, Some(to)) => format!("-> {} (new)", date(to)),
            (Some(from), None) => format!("{} -> none (gone)", date(from)),
            (None, None) => continue,
        };
        lines.push_str(&format!("  {late}{} {}: {change}\n", project.show(one.ticket), one.promise));
    }
    if all > moved.len() {
        lines.push_str(&format!("  … and {} more: `disclosed list` shows all.\n", all - moved.len()));
    }
    let deadlines = if all == 1 { "deadline of an open ticket" } else { "deadlines of open tickets" };
    let zone = &calendar.zone_name;
    Text::desk(format!("The policy has changed: {all} {deadlines} moved"))
        .always(format!("The policy in the config of {} has changed, and with it {all} {deadlines}", project.name))
        .state(format!("\n(dates in {zone}):\n\n{lines}\n"))
        .quiet(".\n`disclosed list` on the daemon's machine shows them.\n\n")
        .always(
            "Reporters have not been told. Where one was given a date, that is for a person to do:\n\
             /reply or /extend in answer to a mail about the ticket.\n",
        )
}

/// More comes in for one ticket than is told one by one.
pub fn flood_of(ticket: &Ticket, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Much more mail", project, now)
        .quiet("\nMore mail comes in for it than is told one by one. ")
        .state(format!("More mail comes in for {number} than is told one by one. "))
        .always("All of it is filed with the\nticket")
        .state(format!(": `disclosed show {number}` shows it, and so does a reply with /status in part"))
        .always(".\nAt most once an hour you hear of this again.\n")
        .state(commands(ticket))
}

/// Many reports at once, in one ticket.
pub fn many(ticket: &Ticket, members: u32, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    Text::news(ticket, "Many reports at once", project, now)
        .always(format!(
            "{} new tickets were made within an hour, the most there may be\n(limits.reports_per_hour), so ",
            project.limits.reports_per_hour
        ))
        .state(&number)
        .quiet("this one")
        .always(format!(
            " stands for the reports that came on top: {members} so far.\n\
             None of their senders was sent anything. Somebody must look through them, since one\n\
             may be real: `disclosed inbox` lists them. Whoever writes again when this is over gets\n\
             a ticket of their own.\n\
             At most once an hour you hear of this again.\n"
        ))
        .state(format!("\nPromises:\n{}{}", clock_table(ticket, &project.policy, now), commands(ticket)))
}

/// Gathered mails that one notice lists; the rest is counted.
pub const RETURNED_LINES: usize = 200;

/// Mail that servers returned to the wrong address, gathered in one ticket: `lines` are senders and subjects, `all` how
/// many came since the last such notice.
pub fn returned(ticket: &Ticket, lines: &[(String, String)], all: usize, project: &Project, now: Timestamp) -> Text {
    let number = project.show(ticket.id);
    let one = |(from, title): &(String, String)| {
        let from = if from.is_empty() { "nobody" } else { from };
        format!("| {from}: {}\n", clean_line(title, 100))
    };
    let mut listed: String = lines.iter().map(one).collect();
    if all > lines.len() {
        listed.push_str(&format!("| … and {} more: `disclosed inbox` lists them.\n", all - lines.len()));
    }
    Text::news(ticket, "Returned mail", project, now)
        .always(
            "Much mail comes in that mail servers return, about mails that are none of ours:\n\
             somebody uses this address as the sender of spam, most likely. ",
        )
        .state(format!(
            "{number} gathers what\ncame on top of the first few within an hour, since you last heard of it: {all}.\n\n"
        ))
        .content(&listed)
        .state(
            "\nIf one of these is a report, `disclosed inbox --take N` on the daemon's machine makes a\n\
             ticket of it; `disclosed inbox` shows the numbers. At most once an hour you hear of\n\
             this again.\n",
        )
        .state(format!("\nPromises:\n{}{}", clock_table(ticket, &project.policy, now), commands(ticket)))
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
        Status::Accepted => &["/fix", "/released", "/public", "/embargo", "/defer", "/close"],
        Status::Deferred => &["/accept", "/close"],
        Status::Closed => &["/reopen"],
    });
    if ticket.severity.is_none() && ticket.status != Status::Closed {
        words.push("/severity high");
    }
    words.extend(["/note", "/help"]);
    invitation(&words)
}
