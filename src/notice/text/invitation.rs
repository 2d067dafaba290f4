//! How to command: below each notice about a ticket to the team.

/// Stands in each notice about a ticket to the team, so that a quote of one is known for what it is.
pub const MARK: &str = "Reply to this mail with a command on the first line";

/// How to command.
pub(super) fn invitation(words: &[&str]) -> String {
    format!("\n{MARK}:\n  {}\n", words.join("  "))
}
