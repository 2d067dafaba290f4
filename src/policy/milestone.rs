//! Milestones: what starts a promise, and what keeps it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::choice::among;

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
    /// Somebody said `/done` with the name of the promise: what keeps a promise that no other milestone tells of.
    Done,
    /// The personal data of the report is erased.
    Erased,
}

/// What a promise until a milestone is kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The first time that the milestone was reached.
    First,
    /// The latest time, if that is not from before the promise began.
    Latest,
    /// A person says so, by the name of the promise.
    ByName,
}

/// How long a promise until a milestone runs, if nothing keeps it. Spam and erasing end all but [`Lasts::UntilErased`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Until the report is closed or found invalid: then it makes no sense any more.
    UntilClosed,
    /// Until somebody kept it: a closed or invalid report still deserves an answer.
    UntilKept,
    /// Until the report is closed: one that is invalid is still to be closed.
    WhileInvalid,
    /// When the report is closed too, unless it was invalid: "tell the users" holds unless there was nothing to tell.
    WhenClosedValid,
    /// Until the data is erased, whatever becomes of the report.
    UntilErased,
}

/// What is known of a milestone.
struct Row {
    word: &'static str,
    means: &'static str,
    stage: Option<u8>,
    kept: Kept,
    lasts: Lasts,
}

impl Milestone {
    /// All milestones, in the order in which they tend to come.
    pub const ALL: [Self; 12] = [
        Self::Received,
        Self::Acknowledged,
        Self::Assessed,
        Self::Accepted,
        Self::FixReady,
        Self::FixReleased,
        Self::Public,
        Self::Closed,
        Self::Exploited,
        Self::LastHeardFromUs,
        Self::Done,
        Self::Erased,
    ];

    fn row(self) -> Row {
        let (word, means, stage, kept, lasts) = match self {
            Self::Received => ("received", "receive your report", Some(0), Kept::First, Lasts::UntilClosed),
            Self::Acknowledged => {
                ("acknowledged", "read your report and answer you", Some(1), Kept::First, Lasts::UntilKept)
            }
            Self::Assessed => ("assessed", "assess your report", Some(2), Kept::First, Lasts::UntilClosed),
            Self::Accepted => ("accepted", "start to work on it", Some(3), Kept::First, Lasts::UntilClosed),
            Self::FixReady => ("fix-ready", "have a fix ready", Some(4), Kept::First, Lasts::UntilClosed),
            Self::FixReleased => ("fix-released", "release a fixed version", Some(5), Kept::First, Lasts::UntilClosed),
            Self::Public => ("public", "publish the vulnerability", Some(6), Kept::First, Lasts::UntilClosed),
            Self::Closed => ("closed", "close your report", Some(7), Kept::First, Lasts::WhileInvalid),
            Self::Exploited => ("exploited", "tell of attacks", None, Kept::First, Lasts::UntilClosed),
            Self::LastHeardFromUs => {
                ("last-heard-from-us", "write to you again", None, Kept::Latest, Lasts::UntilClosed)
            }
            Self::Done => ("done", "do what else we have promised", None, Kept::ByName, Lasts::WhenClosedValid),
            Self::Erased => ("erased", "erase your data here", Some(8), Kept::First, Lasts::UntilErased),
        };
        Row { word, means, stage, kept, lasts }
    }

    /// Its name in the config and in JSON.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What we do to keep a promise until it, as a reporter is told: "we … by Monday".
    pub fn means(self) -> &'static str {
        self.row().means
    }

    /// Its place in the order in which milestones must come; `None` for what may come at any time.
    pub fn stage(self) -> Option<u8> {
        self.row().stage
    }

    /// What a promise until it is kept by.
    pub fn kept(self) -> Kept {
        self.row().kept
    }

    /// How long a promise until it runs.
    pub fn lasts(self) -> Lasts {
        self.row().lasts
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Milestone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        among("milestone", text, &Self::ALL, Self::word)
    }
}

#[cfg(test)]
mod tests {
    use super::Milestone;

    /// The one that stands behind it in [`Milestone::ALL`]; whoever adds one is asked here.
    fn next(milestone: Milestone) -> Option<Milestone> {
        match milestone {
            Milestone::Received => Some(Milestone::Acknowledged),
            Milestone::Acknowledged => Some(Milestone::Assessed),
            Milestone::Assessed => Some(Milestone::Accepted),
            Milestone::Accepted => Some(Milestone::FixReady),
            Milestone::FixReady => Some(Milestone::FixReleased),
            Milestone::FixReleased => Some(Milestone::Public),
            Milestone::Public => Some(Milestone::Closed),
            Milestone::Closed => Some(Milestone::Exploited),
            Milestone::Exploited => Some(Milestone::LastHeardFromUs),
            Milestone::LastHeardFromUs => Some(Milestone::Done),
            Milestone::Done => Some(Milestone::Erased),
            Milestone::Erased => None,
        }
    }

    #[test]
    fn all_are_listed() {
        let all: Vec<Milestone> = std::iter::successors(Some(Milestone::Received), |m| next(*m)).collect();
        assert_eq!(all, Milestone::ALL);
    }
}
