//! From what a notice says to its words, for whoever reads it.

use jiff::Timestamp;

use super::plain;
use super::says::{About, Says};
use super::text::{
    Text, acknowledgement, answer, digest, flood, lost, policy, reminder, report, reporter, team, trouble,
};
use crate::project::{Level, Project};
use crate::ticket::Ticket;
use crate::token::Key;

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Its subject, without content of the ticket.
    pub subject: String,
    /// Its text.
    pub body: String,
}

impl Says {
    /// The words for a reader of that level.
    pub fn words(&self, level: Level, key: &Key, project: &Project, now: Timestamp) -> Words {
        let text = self.text(key, project, now);
        Words { subject: text.subject(level, key), body: plain::body(&text.blocks(level, key)) }
    }

    fn text(&self, key: &Key, project: &Project, now: Timestamp) -> Text {
        match self {
            Self::About(ticket, says) => about(ticket, says, key, project, now),
            Self::Lost { notice, to, since, reply } => lost::of_many(*notice, to, (*since, reply), project),
            Self::Earlier { all, newest } => flood::earlier(*all, newest, project),
            Self::Flood => flood::all(project),
            Self::Policy { moved, all } => policy::text(moved, *all, project, now),
            Self::Reminders(all) => {
                let texts: Vec<Text> = all.iter().map(|says| says.text(key, project, now)).collect();
                reminder::many(&texts, key, project)
            }
            Self::Digest(open, counts) => digest::text(open, counts, key, project, now),
            Self::List(open) => digest::list(open, key, project, now),
            Self::Help => answer::help(project),
            Self::NoTicket(line) => answer::no_ticket(line),
            Self::Trouble(trouble) => trouble::text(trouble, project),
        }
    }
}

fn about(ticket: &Ticket, says: &About, key: &Key, project: &Project, now: Timestamp) -> Text {
    match says {
        About::Acknowledgement { missing } => acknowledgement::text(ticket, missing, project, now),
        About::Acknowledged { by, words } => reporter::acknowledged(ticket, by, words, project, now),
        About::Reply { by, words, asks } => reporter::reply(ticket, by, words, *asks, project),
        About::Released(note) => reporter::released(ticket, note, project, now),
        About::Public(note) => reporter::public(ticket, note, project),
        About::Embargo { proposed, before, until, zone } => {
            reporter::embargo(ticket, *proposed, (*before, *until), zone.as_deref(), project)
        }
        About::EmbargoOver => reporter::embargo_over(ticket, project),
        About::Moved { until, from, to, reason } => reporter::moved(ticket, *until, (*from, *to), reason, project),
        About::AtWork(news) => reporter::at_work(ticket, news, project),
        About::Asked(asks) => reporter::asked(ticket, asks, project, now),
        About::Report(news) => report::text(ticket, news, project, now),
        About::Copied { sent, excerpt } => team::copied(ticket, *sent, excerpt, project, now),
        About::FollowUp(mail) => team::follow_up(ticket, mail, project, now),
        About::Change { who, did } => team::change(ticket, who, did, project, now),
        About::Attempt { from, sender, holder, why } => {
            let people = (sender.as_deref(), holder.as_deref());
            team::attempt(ticket, from.as_ref(), people, why, project, now)
        }
        About::Undeliverable { notice, to, perhaps, since, reply } => {
            lost::of_ticket(ticket, (*notice, to, *perhaps), (*since, reply), project, now)
        }
        About::Unreached => lost::unreached(ticket, project, now),
        About::Flood => flood::of_ticket(ticket, project, now),
        About::Many(members) => flood::many(ticket, *members, project, now),
        About::Returned { newest, all } => flood::returned(ticket, newest, *all, project, now),
        About::Junk { newest, all } => flood::junk(ticket, newest, *all, project, now),
        About::Reminder { due, missed } => reminder::text(ticket, due, missed.as_deref(), project, now),
        About::Done { lines, left } => {
            // What left reads the same at each level.
            let left = left.iter().map(|says| says.words(Level::Full, key, project, now).body);
            answer::done(ticket, lines, left, project, now)
        }
        About::Refused { line, column, why } => answer::refused(ticket, line, *column, why, project),
        About::Unheard { line, why, filed } => answer::unheard(ticket, line.as_deref(), why, filed, project),
        About::Code { lines, code, until } => answer::code(ticket, lines, code, *until, project),
        About::Request(asked) => {
            let leaves = asked.leaves.iter().map(|says| says.words(Level::Full, key, project, now).body).collect();
            answer::request(ticket, asked, leaves, project)
        }
        About::CodeOfSecond { who, lines, code, until } => {
            answer::code_of_second(ticket, who, lines, code, *until, project)
        }
        About::WaitsForSecond { lines, until } => answer::waits_for_second(ticket, lines, *until, project),
        About::Look { hits, text, code, until } => answer::look(ticket, hits, text, code, *until, project),
    }
}

#[cfg(test)]
mod letters;
#[cfg(test)]
mod tests;
