//! A page of the manual: the part of Markdown that it is written in, as text for a terminal and as a man page.
//!
//! Headings, paragraphs, lists of one level, tables, code between fences; `code` and **bold** within a line.

use comfy_table::{ContentArrangement, Table, presets};

use crate::notice::plain::wrapped;

/// Columns of a table. [`wrapped`] makes prose as wide; two more stand before each line that is no heading.
const COLUMNS: u16 = 76;

#[derive(Debug, PartialEq)]
enum Block<'a> {
    Heading(usize, &'a str),
    Paragraph(String),
    /// Its mark ("-" or "1.") and its text.
    Item(&'a str, String),
    Code(Vec<&'a str>),
    Table(Vec<Vec<String>>),
}

/// What a page says of itself in its first line: "# Backup: copies, and the way back" is "copies, and the way back".
pub(super) fn about(page: &str) -> &str {
    let title = page.lines().next().unwrap_or_default();
    title.split_once(": ").map_or(title, |(_, about)| about)
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with("<!--") {
            continue;
        }
        if line.starts_with("```") {
            found.push(Block::Code(lines.by_ref().take_while(|l| !l.starts_with("```")).collect()));
        } else if let Some((marks, title)) =
            line.split_once("# ").filter(|(marks, _)| marks.trim_matches('#').is_empty())
        {
            found.push(Block::Heading(marks.len() + 1, title));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|l| l.starts_with('|')) {
                rows.extend(Some(cells(row)).filter(|_| !row.starts_with("|---")));
            }
            found.push(Block::Table(rows));
        } else {
            let goes_on = |l: &&str| !l.is_empty() && !["```", "|", "#", "- ", "<!--"].iter().any(|s| l.starts_with(s));
            let (mark, text) = item(line).map_or((None, line), |(mark, text)| (Some(mark), text));
            let mut text = text.to_owned();
            while let Some(more) = lines.next_if(|l| goes_on(l) && item(l).is_none()) {
                text.push(' ');
                text.push_str(more.trim_start());
            }
            found.push(match mark {
                Some(mark) => Block::Item(mark, text),
                None => Block::Paragraph(text),
            });
        }
    }
    found
}

/// "- text" or "12. text" as mark and text.
fn item(line: &str) -> Option<(&str, &str)> {
    let (mark, text) = line.split_once(' ')?;
    let number = mark.strip_suffix('.').is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
    (mark == "-" || number).then_some((mark, text))
}

fn cells(row: &str) -> Vec<String> {
    // A bar in a cell is written "\|".
    let row = row.trim_matches(['|', ' ']).replace("\\|", "\0");
    row.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
}

/// For a terminal; colour and bold as escape sequences.
pub(super) fn to_text(page: &str) -> String {
    let bold = anstyle::Style::new().bold();
    let mut out = String::new();
    let mut was_item = false;
    for block in blocks(page) {
        let is_item = matches!(block, Block::Item(..));
        if !(out.is_empty() || was_item && is_item) {
            out.push('\n');
        }
        was_item = is_item;
        let text = match block {
            Block::Heading(_, title) => {
                out.push_str(&format!("{bold}{title}{bold:#}\n"));
                continue;
            }
            Block::Paragraph(text) => emphasised(&wrapped(&text, "")),
            Block::Item(mark, text) => emphasised(&wrapped(&format!("{mark} {text}"), &" ".repeat(mark.len() + 1))),
            Block::Code(lines) => lines.iter().map(|line| format!("    {line}\n")).collect(),
            Block::Table(rows) => table(rows),
        };
        text.lines().for_each(|line| out.push_str(&format!("{}\n", format!("  {line}").trim_end())));
    }
    out
}

/// As a man page without its head; parts of it are sections.
pub(super) fn to_roff(page: &str) -> String {
    let mut out = String::new();
    let as_it_is = |out: &mut String, lines: &str| {
        out.push_str(&format!(
            ".PP\n.RS 4\n.nf\n{}.fi\n.RE\n",
            lines.lines().map(|l| roff(l) + "\n").collect::<String>()
        ));
    };
    for block in blocks(page) {
        match block {
            Block::Heading(1, title) => out.push_str(&format!(".SH {}\n", roff(&title.to_uppercase()))),
            Block::Heading(_, title) => out.push_str(&format!(".SS {}\n", roff(title))),
            Block::Paragraph(text) => out.push_str(&format!(".PP\n{}\n", in_bold(&roff(&text)))),
            Block::Item("-", text) => out.push_str(&format!(".IP \\(bu 2\n{}\n", in_bold(&roff(&text)))),
            Block::Item(mark, text) => out.push_str(&format!(".IP {mark} 4\n{}\n", in_bold(&roff(&text)))),
            Block::Code(lines) => as_it_is(&mut out, &lines.join("\n")),
            Block::Table(rows) => as_it_is(&mut out, &anstream::adapter::strip_str(&table(rows)).to_string()),
        }
    }
    out
}

/// A text that no line of roff takes for a request.
pub(super) fn roff(text: &str) -> String {
    // The last one has no name in every terminal.
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\(ga").replace('…', "...");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// What stands between two stars, in bold for a terminal.
fn emphasised(text: &str) -> String {
    let bold = anstyle::Style::new().bold();
    alternating(text, "**", &bold.render().to_string(), &bold.render_reset().to_string())
}

/// The same for roff.
fn in_bold(text: &str) -> String {
    alternating(text, "**", "\\fB", "\\fP")
}

fn alternating(text: &str, mark: &str, begin: &str, end: &str) -> String {
    let mut out = String::new();
    for (at, piece) in text.split(mark).enumerate() {
        out.push_str(match at {
            0 => "",
            odd if odd % 2 == 1 => begin,
            _ => end,
        });
        out.push_str(piece);
    }
    out
}

/// Columns without borders, each as wide as it needs; the first row is the heading.
fn table(rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    let mut rows = rows.into_iter();
    table.set_header(rows.next().unwrap_or_default());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
