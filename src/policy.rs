//! What the project has published: its promises, the ladder of reminders, the people's hours.
//!
//! Everything here is a value; nothing reads a clock. `calendar` knows working time and quiet time,
//! `deadline` turns a term and a start into an instant and a ladder into dated steps, `digest` knows when
//! the next digest is due, and `presets` holds policies ready to use.

pub mod calendar;
pub mod deadline;
pub mod digest;
pub mod presets;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use calendar::Calendar;

/// A point in the life of a ticket that starts or keeps a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// Our mail server took the report.
    Received,
    /// A person answered the reporter.
    Acknowledged,
    /// The report left the status `received`.
    Assessed,
    /// The team took the report on.
    Accepted,
    /// A fix exists.
    FixReady,
    /// A fixed version is out.
    FixReleased,
    /// The vulnerability is public.
    Public,
    /// The ticket is closed.
    Closed,
    /// We became aware of attacks.
    Exploited,
    /// The reporter last heard from a person here.
    LastHeardFromUs,
}

/// How bad it is: the qualitative scale of CVSS v3.1 and v4.0 without "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0.
    Critical,
}

/// A length of time as a policy states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// "48h", "30m": elapsed time.
    Elapsed(SignedDuration),
    /// "7d", "2w", "1 month": civil days and months in the policy's zone, at the same local time.
    Civil {
        /// Whole months, added first.
        months: u16,
        /// Whole days.
        days: u16,
    },
    /// "3 business days": close of business of the nth working day after the day of the start.
    Business(u16),
}

/// How long a promise gives, for each severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// The same for all.
    All(Term),
    /// By severity. A severity that is not listed has no such promise; until one is set, the strictest holds.
    BySeverity(Vec<(Severity, Term)>),
}

/// One published promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Its name in mail, commands and JSON: lower case, letters, digits and dashes.
    pub name: String,
    /// The milestone that starts it.
    pub from: Milestone,
    /// The milestone that keeps it.
    pub until: Milestone,
    /// The term.
    pub within: Within,
    /// True for `every`: each time the reporter hears from us, it starts again.
    pub recurring: bool,
    /// True when it stops while we wait for the reporter.
    pub pauses: bool,
    /// "or sooner": the deadline comes forward to this milestone plus the grace.
    pub or_sooner: Option<(Milestone, Term)>,
    /// Reminders of this promise alone, in place of the policy's ladder.
    pub ladder: Option<Vec<Rung>>,
}

/// One step of the ladder of reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// When it speaks.
    pub at: RungAt,
    /// To whom.
    pub to: Audience,
    /// Whether it speaks again, and how often.
    pub every: Option<Term>,
}

/// Where on the way to its deadline, or past it, a rung stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RungAt {
    /// "50%": after that share of the term, in percent, 1 to 99.
    Share(u8),
    /// "-24h": that long before the deadline.
    Before(Term),
    /// "due": at the deadline.
    Due,
    /// "+1d": that long after the deadline.
    After(Term),
}

/// Who is to hear a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The owner of the ticket; the team when there is none.
    Owner,
    /// Every maintainer.
    Team,
    /// The leads.
    Lead,
    /// Those who are told last, before the world is.
    Escalation,
    /// Those who follow along.
    Observer,
}

/// All that a project has promised, and how it wants to be reminded.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Working time, holidays, quiet time, the zone.
    pub calendar: Calendar,
    /// The promises, in the order of the config.
    pub promises: Vec<Promise>,
    /// The ladder for promises that have none of their own.
    pub ladder: Vec<Rung>,
    /// Whether the automatic acknowledgement keeps the promise to acknowledge.
    pub automatic_counts: bool,
}
