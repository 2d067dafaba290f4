//! Blocks as plain text.

use super::block::{Block, ClockRow, Fact, Faulty, Form, Mark, Obeyed, Quotation, Usage};
use crate::ticket::clock::ClockState;

/// Stands in each notice about a ticket to the team, so that a quote of one is known for what it is.
pub(crate) const MARK: &str = "Reply to this mail with a command on the first line";

/// Characters of a line of ours, so that with a quote mark or two it still fits a terminal.
const WIDTH: usize = 76;

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
        let is_below_quotation = matches!(above, Some(Form::Quotation(_) | Form::Title(_)));
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
        Form::Paragraph(spans) => {
            let text: String = spans.iter().map(|s| s.text.as_str()).collect();
            wrapped(&text.replace('\n', " "), "").replace(GLUE, " ") + "\n"
        }
        Form::Title(title) => format!("{title}\n"),
        Form::Verbatim(text) | Form::Draft(text) => format!("{text}\n"),
        Form::Head(facts) => head(facts),
        Form::Facts(facts) => facts.iter().map(fact).collect(),
        Form::Clocks(zone, rows) => clocks(zone, rows),
        Form::List(mark, items) => items.iter().map(|item| listed(*mark, item)).collect(),
        Form::Usage(width, all) => usage(*width, all),
        Form::Quotation(quotation) => quoted(&quotation.text, quotation.max) + &left_out(quotation),
        Form::Obeyed(all) => {
            all.iter().map(|Obeyed { line, did, .. }| format!("> {line}\n{}\n", wrapped(did, ""))).collect()
        }
        Form::Faulty(Faulty { line, column }) => {
            let caret = column.map_or(String::new(), |column| format!("    {}^\n", " ".repeat(column)));
            format!("    {line}\n{caret}")
        }
        Form::Commands(words) => format!("{MARK}:\n  {}\n", filled(words.iter().copied(), "  ", "  ")),
    }
}

/// An item of a list, with what stands before it and before what is broken off.
fn listed(mark: Mark, item: &str) -> String {
    let (first, rest) = match mark {
        Mark::Nothing => ("", "  "),
        Mark::Indent => ("  ", "    "),
        Mark::Dash => ("  - ", "    "),
        Mark::Quote => ("| ", "| "),
        // A command stays as it was written.
        Mark::Order => return format!("> {item}\n"),
    };
    wrapped(&format!("{first}{item}"), rest) + "\n"
}

/// The names in a column, as mail programs show a head.
fn head(facts: &[Fact]) -> String {
    let width = facts.iter().map(|f| f.name.len() + 1).max().unwrap_or(0);
    let indent = format!("{:width$} ", "");
    let value = |f: &Fact| f.value.replace('\n', &format!("\n{indent}"));
    facts.iter().map(|f| wrapped(&format!("{:width$} {}", format!("{}:", f.name), value(f)), &indent) + "\n").collect()
}

fn fact(Fact { name, value }: &Fact) -> String {
    let line = if name.is_empty() { value.clone() } else { format!("{name}: {value}") };
    wrapped(&line, "  ") + "\n"
}

/// The clocks of a ticket as a table: name, deadline, how it stands. The zone stands once in the head.
pub(crate) fn clocks(zone: &str, rows: &[ClockRow]) -> String {
    let width = rows.iter().map(|r| r.name.chars().count()).filter(|width| *width <= NAME).max().unwrap_or(0);
    let dates = rows.iter().map(|r| r.date.chars().count()).max().unwrap_or(0);
    let row = |r: &ClockRow| wrapped(&format!("  {:width$}  {}", r.name, clock(r, dates)), "    ") + "\n";
    format!("Promises ({zone}):\n{}", rows.iter().map(row).collect::<String>())
}

/// Characters of the longest name that moves the column of dates.
const NAME: usize = 24;

fn clock(ClockRow { state, live, date, distance, .. }: &ClockRow, width: usize) -> String {
    match state {
        ClockState::Running => format!("{date:width$}  {distance} left"),
        ClockState::Broken if *live => format!("{date:width$}  BROKEN {distance} ago"),
        ClockState::Broken => format!("{date:width$}  broken"),
        ClockState::Paused => "paused: we wait for the reporter".into(),
        ClockState::Kept => "kept".into(),
        ClockState::Ended => "ended".into(),
    }
}

/// What each command does, in two columns.
fn usage(width: usize, all: &[Usage]) -> String {
    let indent = format!("  {:width$}  ", "");
    all.iter()
        .map(|Usage { command, about }| wrapped(&format!("  {command:width$}  {about}"), &indent) + "\n")
        .collect()
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

/// A blank of a paragraph at which no line is broken.
pub(crate) const GLUE: &str = "\u{a0}";

/// A text with its lines broken at blanks where they are longer than [`WIDTH`]; what is broken off begins with `indent`.
/// What stands in backticks is not broken, nor a longer word. No line that is broken off begins with a command.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let line = |line: &str| {
        let mut code = false;
        let mut rest = line.chars();
        let blank = |c: char| {
            rest.next();
            code ^= c == '`';
            c == ' ' && !code && !rest.as_str().starts_with('/')
        };
        filled(line.split(blank), " ", indent)
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Pieces in lines, with a gap between those of one line.
fn filled<'a>(pieces: impl Iterator<Item = &'a str>, gap: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for (at, piece) in pieces.enumerate() {
        let length = piece.chars().count();
        let fits = width + gap.len() + length <= WIDTH;
        if at > 0 && (fits || out.trim_start_matches(' ').is_empty()) {
            out.push_str(gap);
            width += gap.len();
        } else if at > 0 {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(indent);
            width = indent.chars().count();
        }
        out.push_str(piece);
        width += length;
    }
    out
}
