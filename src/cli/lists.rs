//! Lists that may be long: for a person the end of them, and how to see the rest; for a program all, as it comes.

use anyhow::{Result, anyhow};

use super::desk::Usage;
use super::out::Out;
use crate::store::Span;

/// Rows that a person sees at a time.
const PAGE: u32 = 100;
/// Rows that are printed at a time where all are.
const PIECE: usize = 1_000;

/// Reads the number of a row.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "write the number of a row of the list, as in its first column".to_owned())
}

/// Which part of a list is wanted.
#[derive(clap::Args)]
pub(super) struct Wanted {
    /// Only what comes before this one in the list
    #[arg(long, value_name = "NUMBER", conflicts_with = "json")]
    before: Option<String>,
    /// All of the list, and not only its last 100
    #[arg(long, conflicts_with = "before")]
    all: bool,
}

/// Hands rows to somebody, one after the other.
pub(super) type Each<'a, T> = &'a mut dyn FnMut(T) -> Result<()>;

/// How a list is shown to a person.
pub(super) struct Shown<'a, T> {
    /// The command that prints it.
    pub(super) command: &'a str,
    /// Reads a number as it is written.
    pub(super) parse: &'a dyn Fn(&str) -> Option<i64>,
    /// The number of a row, as it is written.
    pub(super) number: &'a dyn Fn(&T) -> String,
    /// Rows as text, the first of them at the top of the page or not.
    pub(super) text: &'a dyn Fn(&[T], bool) -> String,
    /// What is said where the list is empty.
    pub(super) empty: &'a str,
}

impl Wanted {
    /// Prints a page, or all, for a person. `rows` finds a part of the list.
    pub(super) fn print<T>(
        &self,
        shown: &Shown<'_, T>,
        out: &mut Out,
        rows: impl Fn(Span, Each<'_, T>) -> Result<()>,
    ) -> Result<()> {
        let mut page = Vec::new();
        if self.all {
            let mut top = true;
            rows(Span::All, &mut |row| {
                page.push(row);
                if page.len() < PIECE {
                    return Ok(());
                }
                out.text(&(shown.text)(&page, std::mem::take(&mut top)))?;
                page.clear();
                Ok(())
            })?;
            let rest = if page.is_empty() { String::new() } else { (shown.text)(&page, top) };
            return out.text(if top && page.is_empty() { shown.empty } else { &rest });
        }
        let unreadable = |text: &str| {
            let text = crate::vocabulary::clean_line(text, 60);
            anyhow!(Usage(format!("{text:?} is no number of this list; its first column has them")))
        };
        let before =
            self.before.as_ref().map(|text| (shown.parse)(text).ok_or_else(|| unreadable(text))).transpose()?;
        // One more than are shown says that there are more.
        rows(Span::Last { most: PAGE + 1, before }, &mut |row| {
            page.push(row);
            Ok(())
        })?;
        let more = page.len() > PAGE as usize;
        page.truncate(PAGE as usize);
        page.reverse();
        let Some(first) = page.first() else {
            return out.text(if before.is_some() { "Nothing comes before it.\n" } else { shown.empty });
        };
        out.text(&(shown.text)(&page, true))?;
        if more {
            let (command, first) = (shown.command, (shown.number)(first));
            out.text(&format!("\nOlder ones: `disclosed {command} --before {first}`; with --all, all of them.\n"))?;
        }
        Ok(())
    }
}
