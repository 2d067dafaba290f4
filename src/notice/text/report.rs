//! To the team: a new report.

use jiff::Timestamp;

use super::Text;
use crate::mail::Attachment;
use crate::mail::enclosed::Enclosed;
use crate::mail::fields::{Fields, Part};
use crate::notice::block::{Block, Fact, Form, Quotation, content, instead, state};
use crate::notice::level::Said;
use crate::notice::standing::state_line;
use crate::project::{Project, VersionTable};
use crate::ticket::{Acknowledgement, Ticket};
use crate::vocabulary::{Address, TicketId};

/// Characters of a mail from outside that a notice shows; the rest is in the store.
pub(super) const EXCERPT: usize = 4_000;

/// What a new report says, for its notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    /// The sender as shown to the team.
    pub from: String,
    /// Whether and why the sender is believed.
    pub identity: String,
    /// Its beginning.
    pub excerpt: String,
    /// What was recognised in it.
    pub fields: Fields,
    /// What the project asks for and is not in it.
    pub missing: Vec<Part>,
    /// Its subject does not begin as the project asks for.
    pub off_subject: bool,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Who wrote it, as the mail itself says.
    pub authors: Authors,
    /// The mails that are attached to it.
    pub attached: Vec<Enclosed>,
    /// What was odd about the mail.
    pub problems: Vec<String>,
    /// What became of the acknowledgement, and why.
    pub acknowledgement: (Acknowledgement, String),
    /// A ticket that it may belong to.
    pub may_belong_to: Option<TicketId>,
}

/// Who wrote a mail, as it says itself, beside its sender. Nobody vouches for that, so a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authors {
    /// The fields that name somebody else, and whom.
    Named(Vec<(&'static str, Address)>),
    /// A person of the project passes on the mail of somebody else.
    PassedOn {
        /// The person's name.
        by: String,
        /// The sender of that mail, as written.
        from: String,
        /// Where they can be answered.
        address: Option<Address>,
    },
}

impl Authors {
    /// Their addresses, each with where it stands.
    pub(crate) fn addresses(&self) -> Vec<(&'static str, &Address)> {
        match self {
            Self::Named(all) => all.iter().map(|(by, address)| (*by, address)).collect(),
            Self::PassedOn { address, .. } => {
                address.iter().map(|address| ("the mail that is passed on", address)).collect()
            }
        }
    }

    /// What is said of them, and how one of them is made the reporter.
    fn text(&self, text: Text) -> Text {
        let hint = |address: Option<&Address>| match address {
            Some(a) => format!("\nReply with /reporter {}\nto make that the reporter, and to acknowledge.", a.as_str()),
            None => "\nReply with /reporter ADDRESS to name the reporter, and to acknowledge.".to_owned(),
        };
        match self {
            Self::Named(all) if all.is_empty() => text,
            Self::Named(all) => {
                let named: Vec<String> = all.iter().map(|(by, a)| format!("{by} names {}", a.as_str())).collect();
                let said = format!("{}; nobody vouches for that.", named.join(", "));
                let one = <&[_; 1]>::try_from(all.as_slice()).ok().map(|[(_, address)]| address);
                let other = "It names another address than the one that it came from; nobody vouches for that.";
                text.paragraph([content(said), instead(other), content(hint(one)), instead(hint(None))])
            }
            Self::PassedOn { by, from, address } => text.paragraph([
                content(format!("Forwarded by {by}. It says that it is from {from}.")),
                instead("One of you forwarded it."),
                content(hint(address.as_ref())),
                instead(hint(None)),
            ]),
        }
    }
}

/// A mail that is attached to one, unless its text is what is shown of that already.
pub(super) fn attached(inner: &Enclosed, around: &str, shown_by: &str) -> Vec<Block> {
    let names: Vec<&str> = inner.attachments.iter().map(|a| a.name.as_str()).collect();
    let names = names.join(", ");
    let facts = [("From", &inner.from), ("Date", &inner.date), ("Subject", &inner.subject), ("Attached", &names)];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| Fact::new(name, value));
    let said = "Attached to it is a mail, which anybody could have written:";
    let text = inner.text.as_deref().filter(|text| !text.trim().is_empty() && *text != around);
    let block = |form| Block { said: Said::Content, apart: true, form };
    [Block::paragraph([content(said)]), block(Form::Head(facts.collect()))]
        .into_iter()
        .chain(text.map(|text| block(Quotation::of(text, EXCERPT, shown_by))))
        .collect()
}

/// The text.
pub(crate) fn text(ticket: &Ticket, news: &NewReport, project: &Project, now: Timestamp) -> Text {
    let title = if ticket.title.is_empty() { "(none)" } else { &ticket.title };
    let sender = format!("{}\n({})", news.from, news.identity);
    let mut text = Text::first_news(ticket, "New report", project, now)
        .paragraph([state(format!("A report has arrived: {}.", project.show(ticket.id)))])
        .block(Said::Content, Form::Head(vec![Fact::new("From", sender), Fact::new("Subject", title)]))
        .paragraph([instead(format!("It came from outside. {}", state_line(ticket, project)))]);
    // Why names the domain of the sender.
    let (outcome, why) = &news.acknowledgement;
    let why = content(format!(": {why}"));
    text = match outcome {
        Acknowledgement::Sent => text.paragraph([state("The sender has been sent an automatic acknowledgement.")]),
        Acknowledgement::Held => text.paragraph([
            state("The automatic acknowledgement is HELD"),
            why,
            state(".\nReply with /ack to answer the reporter."),
        ]),
        Acknowledgement::Withheld => {
            let text = text.paragraph([state("Nothing was sent to the sender"), why, state(".")]);
            if news.off_subject && ticket.reporter.is_some() {
                text.line([state("Reply with /ack to answer the sender, or with /spam to close it.")])
            } else {
                text
            }
        }
    };
    text = news.authors.text(text);
    if let Some(other) = news.may_belong_to {
        let other = project.show(other);
        text = text.line([state(format!("It may belong to {other}, which its subject or references name."))]);
    }
    let shown_by = super::shown_by(ticket, project);
    text.promises(ticket, project, now)
        .and(facts(Said::Content, recognised(news, &project.reports.versions)))
        .and(facts(Said::Instead, counted(news)))
        .block(Said::Content, Quotation::of(&news.excerpt, EXCERPT, shown_by.as_str()))
        .and(news.attached.iter().flat_map(|inner| attached(inner, &news.excerpt, &shown_by)))
        .commands(ticket)
}

/// What the report says of itself in words of public lists: a severity and numbers.
fn public(fields: &Fields) -> (Option<Fact>, Option<Fact>) {
    let severity = fields.severity.map(|s| Fact::new("It says of itself", format!("severity {s}.")));
    let numbers: Vec<&str> = fields.cves.iter().chain(&fields.cwes).map(String::as_str).collect();
    (severity, Some(Fact::new("It names", numbers.join(", "))).filter(|_| !numbers.is_empty()))
}

/// What was recognised, without a word of the report: a severity, numbers of public lists, counts.
fn counted(news: &NewReport) -> Vec<Fact> {
    let (severity, numbers) = public(&news.fields);
    let counts = held_counted(&news.attachments, &news.problems);
    severity.into_iter().chain(numbers).chain(counts).collect()
}

/// What a mail holds beside its text: what is attached, and what is odd, to which it belongs that it is encrypted.
pub(super) fn held(attachments: &[Attachment], problems: &[String]) -> Vec<Fact> {
    let attached = |a: &Attachment| Fact::new("Attached", format!("{} ({}, {} octets)", a.name, a.media_type, a.size));
    let odd = problems.iter().map(|p| Fact::new("Odd", format!("{p}.")));
    attachments.iter().map(attached).chain(odd).collect()
}

/// The same without a word of the mail.
pub(super) fn held_counted(attachments: &[Attachment], problems: &[String]) -> Vec<Fact> {
    let counts = [("Attachments", attachments.len()), ("Oddities", problems.len())];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(name, count)| Fact::new(name, format!("{count}."))).collect()
}

/// Facts as a block, where there are any.
pub(super) fn facts(said: Said, facts: Vec<Fact>) -> Option<Block> {
    Some(Block { said, apart: true, form: Form::Facts(facts) }).filter(|b| b.form != Form::Facts(Vec::new()))
}

fn recognised(news: &NewReport, table: &VersionTable) -> Vec<Fact> {
    let Fields { severity: _, cvss: _, score: _, cves: _, cwes: _, versions, paths, locations, parts: _, may_lack: _ } =
        &news.fields;
    let (severity, numbers) = public(&news.fields);
    let version = |v: &String| if table.is_empty() { v.clone() } else { format!("{v} ({})", table.of(v).words()) };
    let versions: Vec<String> = versions.iter().map(version).collect();
    let lists = [("Versions", &versions), ("Source files", paths), ("Source at", locations)];
    let lists = lists.into_iter().filter(|(_, found)| !found.is_empty()).map(|(name, found)| Fact::list(name, found));
    let missing: Vec<&str> = news.missing.iter().map(|p| p.name()).collect();
    let missing = Some(Fact::list("Not found in it", &missing)).filter(|_| !missing.is_empty());
    let mut facts: Vec<Fact> = severity.into_iter().collect();
    facts.extend(news.fields.shown_cvss().map(|cvss| Fact::new("", cvss)));
    facts.extend(numbers);
    facts.extend(lists);
    facts.extend(missing.map(|fact| Fact { value: fact.value + ".", ..fact }));
    facts.extend(held(&news.attachments, &news.problems));
    facts
}
