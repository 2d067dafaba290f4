//! Blocks as plain text.

use super::block::{Block, ClockRow, Fact, Faulty, Form, Mark, Obeyed, Quotation, Usage};
use crate::ticket::clock::ClockState;

/// Stands in each notice about a ticket to the team, so that a quote of one is known for what it is.
pub(crate) const MARK: &str = "Reply to this mail with a command on the first line";

/// Characters of a line that we break.
const WIDTH: usize = 78;

/// A text as its lines.
pub fn body(blocks: &[Block]) -> String {
    let mut out = String::new();
    let mut above: Option<&Form> = None;
    for Block { form, apart, .. } in blocks {
        let text = lines(form);
        if text.is_empty() {
            continue;
        }
        // What somebody else wrote ends with a blank line, or what follows would pass for theirs.
        let is_below_quotation = matches!(above, Some(Form::Quotation(_)));
        if above.is_some() && (*apart || is_below_quotation) {
            out.push('\n');
        }
        above = Some(form);
        out.push_str(&text);
    }
    out
}

fn lines(form: &Form) -> String {
    match form {
        Form::Paragraph(spans) => spans.iter().map(|s| s.text.as_str()).chain(["\n"]).collect(),
        Form::Verbatim(text) | Form::Draft(text) => format!("{text}\n"),
        Form::Head(facts) => head(facts),
        Form::Facts(facts) => facts.iter().map(fact).collect(),
        Form::Clocks(rows) => format!("Promises:\n{}", clocks(rows)),
        Form::List(mark, items) => items.iter().map(|item| format!("{}{item}\n", before(*mark))).collect(),
        Form::Usage(width, all) => usage(*width, all),
        Form::Quotation(quotation) => quoted(&quotation.text, quotation.max) + &left_out(quotation),
        Form::Obeyed(all) => all.iter().map(|Obeyed { line, did, .. }| format!("> {line}\n{did}\n")).collect(),
        Form::Faulty(Faulty { line, column }) => {
            let caret = column.map_or(String::new(), |column| format!("    {}^\n", " ".repeat(column)));
            format!("    {line}\n{caret}")
        }
        Form::Commands(words) => format!("{MARK}:\n  {}\n", words.join("  ")),
    }
}

fn before(mark: Mark) -> &'static str {
    match mark {
        Mark::Nothing => "",
        Mark::Indent => "  ",
        Mark::Dash => "  - ",
        Mark::Quote => "| ",
        Mark::Order => "> ",
    }
}

/// The names in a column, as mail programs show a head.
fn head(facts: &[Fact]) -> String {
    let width = facts.iter().map(|f| f.name.len() + 1).max().unwrap_or(0);
    let indent = format!("\n{:width$} ", "");
    facts.iter().map(|f| format!("{:width$} {}\n", format!("{}:", f.name), f.value.replace('\n', &indent))).collect()
}

fn fact(Fact { name, value, breaks }: &Fact) -> String {
    let line = if name.is_empty() { value.clone() } else { format!("{name}: {value}") };
    if *breaks { wrapped(&line, "  ") + "\n" } else { line + "\n" }
}

/// The clocks of a ticket as a table: name, state, deadline, distance.
pub(crate) fn clocks(rows: &[ClockRow]) -> String {
    let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(0);
    rows.iter().map(|r| format!("  {:width$}  {}\n", r.name, clock(r))).collect()
}

fn clock(ClockRow { state, live, date, distance, .. }: &ClockRow) -> String {
    match state {
        ClockState::Running => format!("by {date}, {distance} left"),
        ClockState::Broken if *live => format!("BROKEN: was due {date}, {distance} ago"),
        ClockState::Broken => format!("broken: was due {date}"),
        ClockState::Paused => "paused: we wait for the reporter".into(),
        ClockState::Kept => "kept".into(),
        ClockState::Ended => "ended".into(),
    }
}

/// What each command does, in two columns.
fn usage(width: usize, all: &[Usage]) -> String {
    all.iter().map(|Usage { command, about }| format!("  {command:width$}  {about}\n")).collect()
}

/// Text from outside, set off so that no line of it can pass for ours or for a command, at most `max` characters.
pub(crate) fn quoted(text: &str, max: usize) -> String {
    let text = text.trim();
    let end = text.char_indices().nth(max).map_or(text.len(), |(at, _)| at);
    let short = text.get(..end).unwrap_or(text);
    let mut out = String::with_capacity(2 * short.len());
    for line in short.lines() {
        out.push_str("| ");
        out.push_str(line);
        out.push('\n');
    }
    if short.len() < text.len() {
        out.push_str("| […]\n");
    }
    out
}

/// What of a text is not shown, and the command that shows it.
fn left_out(Quotation { text, max, folded, shown_by }: &Quotation) -> String {
    let cut = text.trim().chars().count().saturating_sub(*max);
    let cut = Some(format!("{cut} more characters")).filter(|_| cut > 0);
    let folded = match folded {
        0 => None,
        1 => Some("1 line that looks quoted".to_owned()),
        _ => Some(format!("{folded} lines that look quoted")),
    };
    let all: Vec<String> = cut.into_iter().chain(folded).collect();
    if all.is_empty() { String::new() } else { format!("[{}: {shown_by}]\n", all.join(" and ")) }
}

/// A text as lines of at most 78 characters, broken at blanks; all but the first begin with `indent`. A longer word
/// keeps its line to itself. Without a line break at its end.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut width = 0;
    for word in text.split_ascii_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            width = indent.chars().count();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}
