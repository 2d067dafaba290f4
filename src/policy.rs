//! What the project has published: its promises, the ladder of reminders, the people's hours.
//!
//! Everything here is a value; nothing reads a clock. `term` reads lengths of time as people write them,
//! `calendar` knows working time and quiet time, `deadline` turns a term and a start into an instant,
//! `ladder` turns reminders into dated steps, `digest` knows when the next digest is due, and `presets`
//! holds policies ready to use.

pub(crate) mod calendar;
mod choice;
pub(crate) mod deadline;
pub(crate) mod digest;
pub(crate) mod ladder;
mod milestone;
pub(crate) mod presets;
pub(crate) mod shown;
pub(crate) mod term;

use self::choice::among;
use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub(crate) use calendar::Calendar;
pub use milestone::Milestone;
pub(crate) use milestone::{Kept, Lasts};

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
    /// What is to be done, in the project's words; stands in the mail to the team.
    pub about: Option<String>,
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

impl RungAt {
    /// Whether it warns: it stands before the deadline.
    pub fn warns(self) -> bool {
        match self {
            RungAt::Share(_) | RungAt::Before(_) | RungAt::Fitting(_) => true,
            RungAt::Due | RungAt::After(_) => false,
        }
    }
}

/// Where on the way to its deadline, or past it, a rung stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RungAt {
    /// "50%": after that share of the term, in percent, 1 to 99.
    Share(u8),
    /// "-24h": that long before the deadline.
    Before(Term),
    /// The same in the default ladder, which is one for terms of hours and of months: silent where it would speak
    /// before half of the term. What a config says speaks where the config puts it.
    Fitting(Term),
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
    /// The reporter: only before the deadline, for good news alone. That a promise is broken they hear from a person.
    Reporter,
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

impl Promise {
    /// What is to be done to keep it, to the team: "answer the reporter". What no other milestone tells of goes by its
    /// name.
    pub fn to_do(&self) -> String {
        match self.until {
            Milestone::Done => self.name.replace('-', " "),
            until @ (Milestone::Received
            | Milestone::Acknowledged
            | Milestone::Assessed
            | Milestone::Accepted
            | Milestone::FixReady
            | Milestone::FixReleased
            | Milestone::Public
            | Milestone::Closed
            | Milestone::Exploited
            | Milestone::LastHeardFromUs
            | Milestone::Erased) => until.to_do().to_owned(),
        }
    }
}

impl Severity {
    /// All severities, mildest first.
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// Its name in the config, in commands and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl Audience {
    /// All audiences, nearest to the ticket first.
    pub const ALL: [Audience; 6] =
        [Audience::Owner, Audience::Team, Audience::Lead, Audience::Escalation, Audience::Observer, Audience::Reporter];

    /// All audiences of people of the project, who hear what is to be done.
    pub const PEOPLE: [Audience; 5] =
        [Audience::Owner, Audience::Team, Audience::Lead, Audience::Escalation, Audience::Observer];

    /// Its name in the config and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Audience::Owner => "owner",
            Audience::Team => "team",
            Audience::Lead => "lead",
            Audience::Escalation => "escalation",
            Audience::Observer => "observer",
            Audience::Reporter => "reporter",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Severity, String> {
        among("severity", text, &Severity::ALL, Severity::word)
    }
}

impl FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Audience, String> {
        among("audience", text, &Audience::ALL, Audience::word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(all: &[T])
    where
        T: Copy + PartialEq + fmt::Debug + fmt::Display + FromStr<Err = String> + Serialize,
        T: for<'de> Deserialize<'de>,
    {
        for one in all {
            assert_eq!(one.to_string().parse::<T>(), Ok(*one));
            assert_eq!(one.to_string().to_uppercase().parse::<T>(), Ok(*one));
            let json = serde_json::to_string(one).unwrap();
            assert_eq!(json, format!("\"{one}\""), "the word and serde must agree");
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *one);
        }
    }

    #[test]
    fn words_are_the_same_everywhere() {
        check(&Milestone::ALL);
        check(&Severity::ALL);
        check(&Audience::ALL);
    }

    #[test]
    fn an_unknown_word_is_told_with_the_known_ones() {
        assert_eq!(
            "sever".parse::<Severity>().unwrap_err(),
            "\"sever\" is not a severity: write one of low, medium, high, critical"
        );
        assert!("".parse::<Milestone>().is_err());
        assert!("fixready".parse::<Milestone>().unwrap_err().contains("fix-ready"));
    }
}
