//! The parts of a good report.

use serde::{Deserialize, Serialize};

/// A part of a good report. A closed list: each has signs that [`super::recognise`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What is wrong.
    Description,
    /// Which kind of weakness it is: an overflow, an injection.
    Type,
    /// Which source files have it.
    Paths,
    /// Where the source is: tag, branch, commit or URL.
    Location,
    /// What must be set up to see it.
    Configuration,
    /// How to see it.
    Steps,
    /// A program, a request or an input that shows it.
    ProofOfConcept,
    /// What an attacker gains.
    Impact,
    /// How it may be mended.
    Remediation,
    /// Which version has it.
    AffectedVersion,
}

impl Part {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Description,
        Self::Type,
        Self::Paths,
        Self::Location,
        Self::Configuration,
        Self::Steps,
        Self::ProofOfConcept,
        Self::Impact,
        Self::Remediation,
        Self::AffectedVersion,
    ];

    /// The word for it in the config and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Type => "type",
            Self::Paths => "paths",
            Self::Location => "location",
            Self::Configuration => "configuration",
            Self::Steps => "steps",
            Self::ProofOfConcept => "proof-of-concept",
            Self::Impact => "impact",
            Self::Remediation => "remediation",
            Self::AffectedVersion => "affected-version",
        }
    }

    /// As mails name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Type => "type of issue",
            Self::Paths => "paths of the source files",
            Self::Location => "tag, branch, commit or URL of the source",
            Self::Configuration => "configuration needed to reproduce it",
            Self::Steps => "steps to reproduce",
            Self::ProofOfConcept => "proof of concept",
            Self::Impact => "impact",
            Self::Remediation => "possible remediation",
            Self::AffectedVersion => "affected version",
        }
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of parts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts(u32);

impl Parts {
    pub(super) fn of(bits: u32) -> Self {
        Self(bits & Self::all().0)
    }

    /// Every part.
    pub fn all() -> Self {
        Self(Part::ALL.iter().fold(0, |bits, part| bits | part.bit()))
    }

    /// Whether a part is in it.
    pub fn has(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }

    /// The same and one more.
    pub fn with(self, part: Part) -> Self {
        Self(self.0 | part.bit())
    }

    /// The parts of both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its parts, in the order of [`Part::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| self.has(*part))
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_bit_and_words_of_its_own() {
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part.bit(), 1 << at);
            assert_eq!(serde_json::to_value(part).unwrap(), part.word());
            assert!(Parts::all().has(part) && !Parts::default().has(part));
            assert_eq!(Parts::default().with(part).iter().collect::<Vec<_>>(), [part]);
            let same = |other: &&Part| other.name() == part.name();
            assert_eq!(Part::ALL.iter().filter(same).count(), 1);
        }
    }
}
