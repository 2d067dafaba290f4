//! What a report says about itself. Recognised and shown, never trusted as a verdict.

use crate::policy::Severity;
use serde::{Deserialize, Serialize};

/// What was recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// A severity word, when the report names one.
    pub severity: Option<Severity>,
    /// A CVSS vector as written.
    pub cvss: Option<String>,
    /// CVE numbers.
    pub cves: Vec<String>,
    /// CWE numbers.
    pub cwes: Vec<String>,
    /// Which parts of a good report it seems to lack.
    pub missing: Vec<Part>,
}

/// A part of a good report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What is wrong.
    Description,
    /// How to see it.
    Steps,
    /// What an attacker gains.
    Impact,
    /// Which version has it.
    AffectedVersion,
}
