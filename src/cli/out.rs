//! What is printed: text with colour on a terminal only, or one JSON document. A reader that closes the pipe ends the
//! command without a word.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

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

    /// All of it is with the reader.
    pub(super) fn finish(&mut self) -> Result<()> {
        written(self.stream.flush())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        written(self.stream.write_all(bytes))
    }
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
