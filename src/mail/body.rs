//! The text of a mail: which of its parts a person is meant to read.

use super::header::Header;
use super::html;
use super::parts::{Part, Parts, RAW_MAIL};
use crate::vocabulary::clean;

/// The longest text, in octets.
pub(crate) const MAX_TEXT: usize = 1024 * 1024;
/// How many words the HTML may say more than the text beside it before it is told.
const MORE_WORDS: usize = 30;
/// How often an attached mail is opened to find a text.
const MAX_ATTACHED_MAILS: usize = 3;

/// The text of a mail, and where it was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// Clean, lines end in `\n`, at most [`MAX_TEXT`] octets.
    pub text: String,
    /// How many octets of it the sender typed first: the first part that is text, where it is plain and no file. What
    /// follows in other parts is shown, and is no place for commands.
    pub typed: usize,
    /// Whether any of it was made from HTML.
    pub from_html: bool,
    /// True when it is that of an attached mail: somebody else wrote it.
    pub attached: bool,
    /// What was odd about it, in words for the team.
    pub problems: Vec<String>,
}

impl Text {
    /// Takes the plain text; HTML where a person would see nothing else. Of an alternative (RFC 2046 section
    /// 5.1.4) only one is taken, so that a command in the plain text is one that stands alone.
    pub(crate) fn choose(parts: &Parts<'_>) -> Self {
        Self::choose_at(parts, 0)
    }

    fn choose_at(parts: &Parts<'_>, depth: usize) -> Self {
        let mut chosen = Self::default();
        let mut texts: Vec<(&Part<'_>, String)> = Vec::new();
        // Whether the sender typed the first of them.
        let mut typed = false;
        for (place, part) in parts.leaves.iter().filter(|p| p.is_inline_text()).enumerate() {
            if texts.iter().map(|(_, t)| t.len()).sum::<usize>() >= MAX_TEXT {
                chosen.problems.push("its text is longer than 1 MiB: the rest is in the raw mail only".to_owned());
                break;
            }
            let (text, problems) = part.text();
            if !text.trim().is_empty() {
                chosen.problems.extend(problems);
                typed |= place == 0 && parts.first_text().is_some_and(Part::is_typed);
                texts.push((part, text));
            }
        }
        let plain_in = |alternative: Option<usize>| {
            texts.iter().any(|(p, _)| p.media == "text/plain" && p.alternative == alternative)
        };
        // Outside of alternatives the first text says which kind the sender writes: what follows plain text as
        // HTML is its copy or a footer; what follows HTML as plain text is a footer of the way.
        let plain_first = texts.first().is_some_and(|(p, _)| p.media == "text/plain");
        for (part, text) in &texts {
            let is_html = part.media == "text/html";
            let left_out = is_html && if part.alternative.is_some() { plain_in(part.alternative) } else { plain_first };
            if left_out {
                chosen.compare(part, text, &texts);
                continue;
            }
            let text = match (is_html, part.flowed) {
                (true, _) => {
                    let (text, hidden) = html::to_text(text);
                    if hidden > 0 {
                        chosen.problems.push(format!(
                            "its HTML holds {hidden} letters that a browser does not show, and that are left out: \
                             {RAW_MAIL}"
                        ));
                    }
                    text
                }
                (false, Some(del_sp)) => unflow(text, del_sp),
                (false, None) => text.clone(),
            };
            chosen.from_html |= is_html;
            if !chosen.text.is_empty() && !chosen.text.ends_with('\n') {
                chosen.text.push('\n');
            }
            chosen.text.push_str(&clean(&text));
            if std::mem::take(&mut typed) {
                chosen.typed = chosen.text.len();
            }
        }
        chosen.text.truncate(chosen.text.floor_char_boundary(MAX_TEXT));
        if chosen.text.trim().is_empty() && depth < MAX_ATTACHED_MAILS {
            chosen.look_into_attached(parts, depth);
        }
        chosen
    }

    /// Tells the team when the HTML that nobody is shown says much that the text does not: the report may be in
    /// there (RFC 2046 section 5.1.4 asks for the same content, senders do not always heed it).
    fn compare(&mut self, part: &Part<'_>, page: &str, texts: &[(&Part<'_>, String)]) {
        let words = |text: &str| text.split_whitespace().count();
        let beside = texts.iter().filter(|(p, _)| p.media == "text/plain" && p.alternative == part.alternative);
        let plain: usize = beside.map(|(_, t)| words(t)).sum();
        // Tags have words too: only a page that could say more is converted.
        if words(page) > 2 * plain + MORE_WORDS && words(&html::to_text(page).0) > 2 * plain + MORE_WORDS {
            self.problems.push("its HTML says much that its text does not: see the raw mail".to_owned());
        }
    }

    /// The text in which commands are looked for, where nobody else wrote it.
    pub(crate) fn typed(&self) -> &str {
        self.text.get(..self.typed).unwrap_or(&self.text)
    }

    fn look_into_attached(&mut self, parts: &Parts<'_>, depth: usize) {
        let Some(part) = parts.leaves.iter().find(|p| is_mail(p)) else { return };
        let (octets, _) = part.decoded();
        let (header, body) = Header::split(&octets);
        let mut parts = Parts::find(&header, body);
        let signed = parts.signed(&mut self.problems);
        parts.open(&signed);
        let inner = Self::choose_at(&parts, depth + 1);
        if !inner.text.trim().is_empty() {
            let mut problems = std::mem::take(&mut self.problems);
            problems.extend(inner.problems);
            *self = Self { typed: 0, attached: true, problems, ..inner };
            self.problems.push("its text is that of the mail attached to it".to_owned());
        }
    }
}

/// Whether a part is a mail of its own.
pub(super) fn is_mail(part: &Part<'_>) -> bool {
    matches!(part.media.as_str(), "message/rfc822" | "message/global")
}

/// Joins the lines that format=flowed has broken (RFC 3676 section 4). Quoted lines keep their marks.
fn unflow(text: &str, del_sp: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    // The depth of quotation of the line that goes on, if one does.
    let mut flowing: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|&c| c == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let flows = content.ends_with(' ') && content != "-- ";
        let kept = if flows && del_sp { content.strip_suffix(' ').unwrap_or(content) } else { content };
        match lines.last_mut() {
            Some(last) if flowing == Some(depth) && content != "-- " => last.push_str(kept),
            _ => {
                let space = if depth > 0 && !kept.is_empty() { " " } else { "" };
                lines.push(format!("{}{space}{kept}", ">".repeat(depth)));
            }
        }
        flowing = flows.then_some(depth);
    }
    lines.push(String::new());
    lines.join("\n")
}
