//! What the rules need to know of the project: the config without its files, servers and secrets.

mod person;
mod reports;
mod versions;

use jiff::SignedDuration;

use crate::command::{Class, Verb};
use crate::mail::passage::Way;
use crate::policy::{Audience, Policy};
use crate::provider::Server;
use crate::token;
use crate::vocabulary::{Address, TicketId};

pub use person::Level;
pub(crate) use person::{Person, Role};
pub use reports::Reports;
pub use versions::Support;
pub(crate) use versions::{Pattern, VersionTable};

/// The project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name, in mails.
    pub name: String,
    /// Where reports go, and the From of all that leaves.
    pub address: Address,
    /// The mailbox that is read; behind a group it is another than the address, and only it takes tags.
    pub mailbox: Address,
    /// The operator's own ways in front of the mailbox: `[inbox] through`.
    pub through: Vec<Way>,
    /// Before the number of a ticket.
    pub prefix: String,
    /// Whether subjects hold the titles of tickets, for those who may read all of a notice.
    pub titles_in_subjects: bool,
    /// Its people, in the order of the config.
    pub people: Vec<Person>,
    /// What it has promised.
    pub policy: Policy,
    /// The server that runs the mailbox, whose results are believed where no sender can have written them.
    pub server: Server,
    /// Whether DKIM signatures are checked here.
    pub dkim: bool,
    /// Whether a one-time code is the way out for commands that nobody vouches for.
    pub code: bool,
    /// Whether the mailbox takes `security+tag@`.
    pub plus_addressing: bool,
    /// To whom the automatic acknowledgement goes.
    pub acknowledge: AcknowledgeWhom,
    /// What bounds misuse.
    pub limits: Limits,
    /// `[alarm] inbox_after`: how long the inbox may be unread.
    pub inbox_after: SignedDuration,
    /// `[commands] confirm`: the verbs that need a one-time code; `None` for those of the table.
    pub confirm: Option<Vec<&'static str>>,
    /// `[commands] second_person`: the verbs whose code goes to the others, not to whoever asked.
    pub second_person: Vec<&'static str>,
    /// Whether notices to its people carry their deadlines as calendar files.
    pub calendar: bool,
    /// What it says about reports.
    pub reports: Reports,
}

/// `[identity] acknowledge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgeWhom {
    /// Everyone whom our own mail server does not call forged.
    UnlessForged,
    /// Only senders whose domain vouches for them.
    Believed,
}

/// `[limits]`: what bounds misuse whatever a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Automatic acknowledgements to one sender in 24 hours.
    pub acks_per_sender_day: u32,
    /// Automatic acknowledgements to one domain in an hour.
    pub acks_per_domain_hour: u32,
    /// Mails of an hour that may make us send anything by itself, however many people are told of each.
    pub automatic_per_hour: u32,
    /// New tickets from the mails of an hour; the reports that come on top of them are one ticket.
    pub reports_per_hour: u32,
    /// Mails, ticks and deliveries of an hour that may make what nobody asked for; over it, all such is held.
    pub breaker_per_hour: u32,
    /// Octets of the largest mail that is taken in whole.
    pub message: u64,
}

impl Limits {
    /// Why nobody acknowledges once more, automatically, what comes from an address to which, and to whose domain, so many
    /// acknowledgements went; `None` while there is room.
    pub fn acknowledged(&self, to_sender: u32, to_domain: u32) -> Option<String> {
        if to_sender >= self.acks_per_sender_day {
            return Some(format!("this address had {to_sender} acknowledgements within a day"));
        }
        let full = to_domain >= self.acks_per_domain_hour;
        full.then(|| format!("its domain had {to_domain} acknowledgements within an hour"))
    }
}

impl Project {
    /// Whether an address is ours, with or without a tag (RFC 5233): an answer to it would come straight back.
    pub fn is_ours(&self, address: &Address) -> bool {
        let bare = address.local().split('+').next().unwrap_or_default();
        let is = |own: &Address| address.domain() == own.domain() && bare.eq_ignore_ascii_case(own.local());
        is(&self.address) || is(&self.mailbox)
    }

    /// The person with that address.
    pub fn person(&self, address: &Address) -> Option<&Person> {
        self.people.iter().find(|p| p.address == *address)
    }

    /// The person whom somebody means by a name, a first name that only one has, or an address.
    ///
    /// # Errors
    /// In words that list the people, where it is none of them.
    pub fn person_named(&self, who: &str) -> Result<&Person, String> {
        let address = Address::parse(who);
        let is = |p: &&Person| p.name.eq_ignore_ascii_case(who) || address.as_ref() == Some(&p.address);
        let first = |p: &&Person| p.name.split_whitespace().next().is_some_and(|f| f.eq_ignore_ascii_case(who));
        let mut firsts = self.people.iter().filter(first);
        let by_first = || firsts.next().filter(|_| firsts.next().is_none());
        self.people.iter().find(is).or_else(by_first).ok_or_else(|| {
            let names: Vec<&str> = self.people.iter().map(|p| p.name.as_str()).collect();
            format!("{who:?} is nobody here; the people are: {}", names.join(", "))
        })
    }

    /// The person to whom a token was given that bears this fingerprint of their address.
    pub fn holder(&self, party: u32) -> Option<&Person> {
        self.people.iter().find(|p| token::party(&p.address) == party)
    }

    /// How much notices to that address say. Whoever is nobody here gets no notice that a level bears on.
    pub fn level(&self, address: &Address) -> Level {
        self.person(address).map_or(Level::None, |p| p.notices)
    }

    /// How mails call whoever has that address.
    pub fn name_of<'a>(&'a self, address: &'a Address) -> &'a str {
        self.person(address).map_or(address.as_str(), |p| &p.name)
    }

    /// How much a verb asks for in this project.
    pub fn class(&self, verb: &Verb) -> Class {
        let confirm = self.confirm.as_ref().map_or(verb.class == Class::Grave, |list| list.contains(&verb.name));
        match verb.class {
            Class::Ask | Class::Read => verb.class,
            Class::Act | Class::Grave if confirm || self.needs_second(verb) => Class::Grave,
            Class::Act | Class::Grave => Class::Act,
        }
    }

    /// Whether a verb needs a second person.
    pub fn needs_second(&self, verb: &Verb) -> bool {
        self.second_person.contains(&verb.name)
    }

    /// Those who are told of each report.
    pub fn team(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|p| p.handles())
    }

    /// Those who hear of trouble: everyone but pure observers.
    pub fn responsible(&self) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(|p| p.commands())
    }

    /// Whom an audience means for a ticket of that owner. An audience without people passes on to the next, so that a rung is
    /// never spoken to nobody; the config holds at least one maintainer.
    pub fn audience(&self, audience: Audience, owner: Option<&Address>) -> Vec<&Person> {
        let with = |role: Role| -> Vec<&Person> { self.people.iter().filter(|p| p.is(role)).collect() };
        let found = match audience {
            Audience::Owner => owner.and_then(|o| self.person(o)).into_iter().collect(),
            Audience::Team => self.team().collect(),
            Audience::Lead => with(Role::Lead),
            Audience::Escalation => with(Role::Escalation),
            Audience::Observer => with(Role::Observer),
            // Nobody of the project, and nobody stands in for them.
            Audience::Reporter => return Vec::new(),
        };
        if !found.is_empty() {
            return found;
        }
        match audience {
            Audience::Owner | Audience::Observer => self.audience(Audience::Team, owner),
            Audience::Lead => self.audience(Audience::Escalation, owner),
            Audience::Escalation | Audience::Team | Audience::Reporter => self.team().collect(),
        }
    }

    /// A ticket's number as people write it.
    pub fn show(&self, ticket: TicketId) -> String {
        ticket.show(&self.prefix)
    }
}
