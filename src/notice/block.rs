//! What texts are made of. A block says what it is, not how it looks: [`super::plain`] makes plain text of it.

use super::level::Said;
use crate::project::Level;
use crate::ticket::clock::ClockState;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it gives away; the spans of a paragraph say it for themselves.
    pub said: Said,
    /// Whether it is set apart from what stands above it; else it begins on the next line.
    pub apart: bool,
    /// What it is.
    pub form: Form,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Words of ours. The line breaks in them are for plain text alone.
    Paragraph(Vec<Span>),
    /// Words whose lines stay as they are.
    Verbatim(String),
    /// The head of a mail.
    Head(Vec<Fact>),
    /// What is known, a fact a line.
    Facts(Vec<Fact>),
    /// The promises that run on a ticket.
    Clocks(Vec<ClockRow>),
    /// A list, an item a line.
    List(Mark, Vec<String>),
    /// What each of some commands does; in plain text, the characters of their column.
    Usage(usize, Vec<Usage>),
    /// Words of somebody else.
    Quotation(Quotation),
    /// Commands, each with what it did.
    Obeyed(Vec<Obeyed>),
    /// A line that was not understood.
    Faulty(Faulty),
    /// Commands that make sense in a reply.
    Commands(Vec<&'static str>),
    /// What the reader can copy and send.
    Draft(String),
}

/// A part of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it gives away.
    pub said: Said,
    /// The words.
    pub text: String,
}

/// Something known by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The name; empty for what names itself.
    pub name: &'static str,
    /// What is known; more lines than one belong together.
    pub value: String,
    /// Whether it is a list that may be broken at its blanks.
    pub breaks: bool,
}

/// How a promise stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockRow {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub state: ClockState,
    /// Whether it still wants an answer.
    pub live: bool,
    /// The deadline.
    pub date: String,
    /// How far off that is, before or after.
    pub distance: String,
}

/// What stands before each item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: each item is a line of ours.
    Nothing,
    /// A list of lines to read through.
    Indent,
    /// A list of points.
    Dash,
    /// Words from outside.
    Quote,
    /// Commands that were obeyed.
    Order,
}

/// A command and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How it is written.
    pub command: String,
    /// What it does.
    pub about: String,
}

/// Words of somebody else, set off so that no line of them can pass for ours or for a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotation {
    /// All of them.
    pub text: String,
    /// The characters that are shown.
    pub max: usize,
    /// Lines that look quoted, and were left out.
    pub folded: usize,
    /// The command that shows all of it.
    pub shown_by: String,
}

/// A line of a command and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obeyed {
    /// The line, as it was written.
    pub line: String,
    /// The name of the command; `None` for the text below the commands.
    pub verb: Option<&'static str>,
    /// What it did.
    pub did: String,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faulty {
    /// The line.
    pub line: String,
    /// Where the fault is: the characters before it.
    pub column: Option<usize>,
}

/// What each level says: nothing of a ticket but what its reader wrote.
pub(crate) fn always(text: impl Into<String>) -> Span {
    Span { said: Said::Always, text: text.into() }
}

/// What `full` and `summary` say: number, state, clocks, roles, counts.
pub(crate) fn state(text: impl Into<String>) -> Span {
    Span { said: Said::State, text: text.into() }
}

/// What `full` alone says: whatever came from outside or was written by a person.
pub(crate) fn content(text: impl Into<String>) -> Span {
    Span { said: Said::Content, text: text.into() }
}

/// What `summary` says in place of content.
pub(crate) fn instead(text: impl Into<String>) -> Span {
    Span { said: Said::Instead, text: text.into() }
}

/// What `none` alone says.
pub(crate) fn quiet(text: impl Into<String>) -> Span {
    Span { said: Said::Quiet, text: text.into() }
}

impl Block {
    /// A paragraph, set apart.
    pub fn paragraph(spans: impl IntoIterator<Item = Span>) -> Self {
        Self { said: Said::Always, apart: true, form: Form::Paragraph(spans.into_iter().collect()) }
    }

    /// Whether a level leaves out something of it that another says and nothing stands for.
    pub fn leaves_out(&self, level: Level) -> bool {
        let out = |said: Said| matches!(said, Said::State | Said::Content) && !said.at(level);
        let Form::Paragraph(spans) = &self.form else { return out(self.said) };
        spans.iter().any(|span| out(span.said))
    }

    /// What a level says of it.
    pub fn at(mut self, level: Level) -> Option<Self> {
        if let Form::Paragraph(spans) = &mut self.form {
            spans.retain(|span| span.said.at(level));
            if spans.is_empty() {
                return None;
            }
        }
        Some(self).filter(|block| block.said.at(level))
    }
}

impl Quotation {
    /// All of a text.
    pub fn whole(text: &str) -> Form {
        Self::of(text, usize::MAX, "")
    }

    /// The beginning of a text, all of which that command shows.
    pub fn of(text: &str, max: usize, shown_by: impl Into<String>) -> Form {
        Form::Quotation(Self { text: text.to_owned(), max, folded: 0, shown_by: shown_by.into() })
    }
}

impl Fact {
    /// A fact on a line of its own.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), breaks: false }
    }

    /// Several things of one name.
    pub fn list(name: &'static str, values: &[impl AsRef<str>]) -> Self {
        let all: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        Self { name, value: all.join(", "), breaks: true }
    }
}
