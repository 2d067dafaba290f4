//! What is printed: text with colour on a terminal only, or one JSON document. A reader that closes the pipe ends the
//! command without a word.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;

use crate::vocabulary::clean;

/// Standard output.
pub(super) struct Out {
    json: bool,
    stream: AutoStream<io::Stdout>,
}

/// Whoever read our output has heard enough.
#[derive(Debug, thiserror::Error)]
#[error("the output was closed")]
pub(super) struct Closed;

impl Out {
    pub(super) fn new(json: bool) -> Self {
        Self { json, stream: anstream::stdout() }
    }

    /// Whether a program reads.
    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// One document, ended by a line end. Its fields stand in the order of the alphabet, so that the order in which a
    /// structure declares them is free.
    pub(super) fn json(&mut self, document: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(&serde_json::to_value(document)?)?;
        text.push('\n');
        self.write(text.as_bytes())
    }

    /// A document as [`Out::json`] prints it, of which some fields are lists. Their items are printed as they come, since
    /// there may be more of them than there is memory for.
    pub(super) fn stream(&mut self, rest: &impl Serialize, lists: &mut [(&str, Fill<'_>)]) -> Result<()> {
        let mut fields = serde_json::to_value(rest)?.as_object().cloned().unwrap_or_default();
        fields.extend(lists.iter().map(|(name, _)| ((*name).to_owned(), Value::Null)));
        let mut begin = "{";
        for (name, value) in &fields {
            self.write(format!("{begin}\n  {}: ", Value::from(name.as_str())).as_bytes())?;
            begin = ",";
            let Some((_, fill)) = lists.iter_mut().find(|(list, _)| list == name) else {
                self.write(indented(value, 2)?.as_bytes())?;
                continue;
            };
            let mut items = Items { out: &mut *self, text: String::new(), begin: "[" };
            fill(&mut items)?;
            items.end()?;
        }
        self.write(b"\n}\n")
    }

    /// Text of ours. What comes from outside in it was cleaned before it was put there.
    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        self.write(text.as_bytes())
    }

    /// Bytes as they are into a file or pipe; a terminal gets them as clean text.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if io::stdout().is_terminal() {
            return self.text(&clean(&String::from_utf8_lossy(bytes)));
        }
        let mut raw = io::stdout().lock();
        written(raw.write_all(bytes))
    }

    /// All of it so far is with the reader.
    pub(super) fn finish(&mut self) -> Result<()> {
        written(self.stream.flush())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        written(self.stream.write_all(bytes))
    }
}

/// Fills one list of a document.
pub(super) type Fill<'a> = &'a mut dyn FnMut(&mut Items<'_>) -> Result<()>;

/// The items of a list, on their way out.
pub(super) struct Items<'a> {
    out: &'a mut Out,
    /// What is not written yet.
    text: String,
    begin: &'static str,
}

impl Items<'_> {
    /// Octets that are written at a time.
    const PIECE: usize = 64 << 10;

    /// One more.
    pub(super) fn add(&mut self, item: &impl Serialize) -> Result<()> {
        self.text.push_str(std::mem::replace(&mut self.begin, ","));
        self.text.push_str("\n    ");
        self.text.push_str(&indented(item, 4)?);
        if self.text.len() < Self::PIECE { Ok(()) } else { self.out.write(std::mem::take(&mut self.text).as_bytes()) }
    }

    fn end(mut self) -> Result<()> {
        self.text.push_str(if self.begin == "[" { "[]" } else { "\n  ]" });
        self.out.write(self.text.as_bytes())
    }
}

/// A value as it stands in a document, that far from its margin. No string in JSON has a line end in it.
fn indented(value: &impl Serialize, by: usize) -> Result<String> {
    let text = serde_json::to_string_pretty(&serde_json::to_value(value)?)?;
    Ok(text.replace('\n', &format!("\n{:by$}", "")))
}

fn written(done: io::Result<()>) -> Result<()> {
    done.map_err(|e| if e.kind() == io::ErrorKind::BrokenPipe { Closed.into() } else { e.into() })
}

/// An error, for the person at the terminal.
pub(super) fn complain(text: &str) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let text = clean(text);
    // There is nobody left to tell that this could not be told.
    let _ = writeln!(anstream::stderr(), "{red}disclosed:{red:#} {text}");
}

/// Columns without borders; the first line is the heading. Cells come from outside, and are cleaned here.
pub(super) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heading.iter().map(ToString::to_string));
    for row in rows {
        table.add_row(row.iter().map(|cell| crate::vocabulary::clean_line(cell, 200)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let bold = anstyle::Style::new().bold();
    let mut text = String::new();
    for (at, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let line = if at == 0 { format!("{bold}{line}{bold:#}") } else { alarming(line) };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// What is broken stands out.
pub(super) fn alarming(text: &str) -> String {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let alarm = |text: String, word: &str| text.replace(word, &format!("{red}{word}{red:#}"));
    ["BROKEN", "overdue"].into_iter().fold(text.to_owned(), alarm)
}

/// Columns that a terminal has at least.
const COLUMNS: usize = 80;

/// A label and a text beside it, in lines of at most 80 columns; those below the first begin under the text.
pub(super) fn beside(label: &str, text: &str) -> String {
    let indent = label.chars().count();
    let mut out = label.to_owned();
    for (at, piece) in broken(text, COLUMNS.saturating_sub(indent)).into_iter().enumerate() {
        if at > 0 {
            out.push_str(&format!("\n{:indent$}", ""));
        }
        out.push_str(piece);
    }
    out.push('\n');
    out
}

/// Text from outside, whole, set off so that no line of it can pass for one of ours: "| " begins each of its lines,
/// and ": " what goes on of one that is broken at a blank. So no letter of it is lost. A line that begins with a
/// blank, or has a tab or two blanks in it, is code or a table: its author laid it out, and it stays as it is.
pub(super) fn set_off(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(2 * text.len());
    for line in text.lines() {
        let laid_out = line.starts_with(' ') || line.contains('\t') || line.contains("  ");
        let width = if laid_out { usize::MAX } else { COLUMNS.saturating_sub(indent.chars().count() + 2) };
        for (at, piece) in broken(line, width).into_iter().enumerate() {
            let mark = if at == 0 { "|" } else { ":" };
            let blank = if piece.is_empty() { "" } else { " " };
            out.push_str(&format!("{indent}{mark}{blank}{piece}\n"));
        }
    }
    out
}

/// A line in pieces of at most `width` characters, which a blank between each two would make one again. A longer word
/// is a piece of its own.
fn broken(line: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((end, _)) = rest.char_indices().nth(width) {
        let blanks = rest.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 0);
        let fits = blanks.clone().take_while(|at| *at <= end).last();
        let Some((piece, after)) = fits.or_else(|| blanks.clone().next()).and_then(|at| rest.split_at_checked(at))
        else {
            break;
        };
        pieces.push(piece);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    pieces.push(rest);
    pieces
}

/// A line on standard error that says how far a long command is; only on a terminal.
pub(super) struct Progress {
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { shown: io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, text: &str) {
        if self.shown {
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_of_a_text_is_lost_or_passes_for_ours(text in "([ -~\\täß漢]{0,200}\n){0,5}") {
            let mut again = String::new();
            for line in set_off(&text, "  ").lines() {
                match line.strip_prefix("  |") {
                    Some(begins) => again.push_str(&format!("\n{}", begins.strip_prefix(' ').unwrap_or(begins))),
                    None => {
                        let goes_on = line.strip_prefix("  :").expect("each line is marked");
                        again.push_str(&format!(" {}", goes_on.strip_prefix(' ').unwrap_or(goes_on)));
                    }
                }
            }
            let lines: String = text.lines().map(|line| format!("\n{line}")).collect();
            prop_assert_eq!(again, lines);
        }

        #[test]
        fn prose_fits_a_terminal(words in prop::collection::vec("[a-zé]{1,20}", 1..60)) {
            let prose = words.join(" ");
            for line in set_off(&prose, "  ").lines().chain(beside("  Subject:  ", &prose).lines()) {
                prop_assert!(line.chars().count() <= 80, "{}", line);
            }
        }
    }

    #[test]
    fn code_stays_as_it_is() {
        let wide = "x".repeat(100);
        for code in [format!("    if ({wide}) return;"), format!("+\t{wide} = 1;"), format!("at  0x1  {wide} b"), wide]
        {
            assert_eq!(set_off(&code, ""), format!("| {code}\n"));
        }
    }
}
