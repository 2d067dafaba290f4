//! HTML as text that a person can read. Nothing is fetched, run or styled.
//!
//! One pass over the characters: no tree is built, so no nesting and no number of tags costs more than its length.
//! Parsers that build the tree of HTML 5 make of 256 KiB of misnested tags several million nodes.

use mail_parser::decoders::html::add_html_token;

/// The most octets of HTML that are read.
pub(crate) const MAX_OCTETS: usize = 1024 * 1024;
/// The longest entity ("&CounterClockwiseContourIntegral;").
const MAX_ENTITY: usize = 34;
/// How deep quotations are marked; deeper ones are marked like this.
const MAX_QUOTE: usize = 5;
/// How deep elements within a hidden one are told apart.
const MAX_HIDDEN_DEPTH: usize = 50;
/// Elements that hold nothing, and so hide nothing (HTML, "void elements").
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
/// Elements whose end is often left out: the next of their kind ends them.
const OPEN_ENDED: &[&str] = &["p", "li", "td", "th", "tr", "dt", "dd", "option"];

/// The text of an HTML document; quotations get `> ` before their lines, links their target behind them. What a
/// browser would not show is left out, and how many letters and digits that are is said beside it; where nothing else
/// is there, it is shown.
pub fn to_text(html: &str) -> (String, usize) {
    let (text, hidden) = read(html, true);
    if text.is_empty() && hidden > 0 { read(html, false) } else { (text, hidden) }
}

fn read(html: &str, hides: bool) -> (String, usize) {
    let mut page = Page::default();
    let mut quotes = true;
    // Whether comments and scripts end. Once one does not, all that follows is shown: to look for further ends would be
    // quadratic.
    let mut ends = true;
    let mut rest = html.get(..html.floor_char_boundary(MAX_OCTETS)).unwrap_or(html);
    while let Some((text, tag)) = rest.split_once('<') {
        page.text(text);
        if let Some(comment) = tag.strip_prefix('!').filter(|c| ends && c.starts_with("--")) {
            let after = comment.split_once("-->").map(|(_, after)| after);
            (ends, rest) = (after.is_some(), after.unwrap_or(comment.trim_start_matches('-')));
            continue;
        }
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            page.text("<");
            rest = tag;
            continue;
        }
        let (inside, after) = split_tag(tag, &mut quotes);
        rest = after;
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(20)
            .collect::<String>()
            .to_ascii_lowercase();
        if inside.starts_with('/') {
            page.close(&name);
            page.leave(&name);
            continue;
        }
        if ends
            && matches!(name.as_str(), "script" | "style" | "title" | "template" | "iframe")
            && !inside.ends_with('/')
        {
            let after = after_element(rest, &name);
            (ends, rest) = (after.is_some(), after.unwrap_or(rest));
            continue;
        }
        let looks = if hides { looks(inside) } else { Vec::new() };
        let void = VOID.contains(&name.as_str());
        if !void {
            page.enter(&name, &looks);
        }
        if !void || looks.iter().all(|(_, hides)| !hides) {
            page.open(&name, inside);
        }
    }
    page.text(rest);
    page.finish()
}

/// What stands after the end tag of an element that holds no text for people, if it ends.
fn after_element<'h>(rest: &'h str, name: &str) -> Option<&'h str> {
    let mut from = rest;
    while let Some((_, tag)) = from.split_once("</") {
        if tag.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name)) {
            return Some(tag.split_once('>').map_or("", |(_, after)| after));
        }
        from = tag;
    }
    None
}

/// Splits after the `>` that ends a tag; one within quotes does not end it. Once a quote has swallowed all that
/// follows, quotes are not heeded any more: looking for the end of each again would be quadratic.
fn split_tag<'h>(tag: &'h str, quotes: &mut bool) -> (&'h str, &'h str) {
    let mut quote = None;
    let mut after_equals = false;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if after_equals && *quotes => quote = Some(c),
            (None, '>') => {
                let (inside, after) = tag.split_at_checked(at).unwrap_or((tag, ""));
                return (inside, after.strip_prefix('>').unwrap_or(after));
            }
            (None, _) => {}
        }
        after_equals = c == '=' || after_equals && c.is_whitespace();
    }
    *quotes = false;
    tag.split_once('>').unwrap_or((tag, ""))
}

/// The attributes of a tag with their values, as they stand; the names are matched whole.
fn attributes(inside: &str) -> impl Iterator<Item = (&str, &str)> {
    let blank = |c: char| c.is_ascii_whitespace() || c == '/';
    let mut rest = inside.trim_start_matches(|c| !blank(c));
    std::iter::from_fn(move || {
        let begin = rest.trim_start_matches(blank);
        let end = begin.find(|c| blank(c) || c == '=').unwrap_or(begin.len());
        let (name, after) = begin.split_at_checked(end)?;
        let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else {
            rest = after;
            return (!name.is_empty()).then_some((name, ""));
        };
        let quoted = value.strip_prefix(['"', '\'']).zip(value.chars().next());
        let (value, after) = match quoted {
            Some((value, quote)) => value.split_once(quote).unwrap_or((value, "")),
            None => value.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((value, "")),
        };
        rest = after;
        Some((name, value))
    })
}

fn attribute<'h>(inside: &'h str, name: &str) -> Option<&'h str> {
    attributes(inside).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The properties by which a tag says whether its element is seen, and whether each hides it.
fn looks(inside: &str) -> Vec<(&'static str, bool)> {
    let mut looks = Vec::new();
    for (name, value) in attributes(inside) {
        if name.eq_ignore_ascii_case("hidden") {
            looks.push(("hidden", true));
        } else if name.eq_ignore_ascii_case("style") {
            let style = entities(value).to_ascii_lowercase();
            let (mut small, mut cut) = (false, false);
            for (property, value) in style.split(';').filter_map(|d| d.split_once(':')) {
                let value = value.trim().trim_end_matches("!important").trim_end();
                let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').parse::<f32>().ok();
                let (property, hides) = match property.trim() {
                    "display" => ("display", value == "none"),
                    "mso-hide" => ("mso-hide", value == "all"),
                    "visibility" => ("visibility", value == "hidden" || value == "collapse"),
                    "color" => ("color", value == "transparent"),
                    "font-size" => ("font-size", number == Some(0.0)),
                    "opacity" => ("opacity", number == Some(0.0)),
                    "left" | "top" | "text-indent" => ("left", number.is_some_and(|n| n < -900.0)),
                    size @ ("height" | "max-height" | "width" | "max-width") => {
                        small |= number == Some(0.0);
                        (if size.ends_with("height") { "height" } else { "width" }, false)
                    }
                    "overflow" => {
                        cut = value == "hidden";
                        ("overflow", false)
                    }
                    _ => continue,
                };
                // Of several the last counts.
                looks.retain(|(before, _)| *before != property);
                looks.push((property, hides));
            }
            if small && cut {
                looks.push(("overflow", true));
            }
        }
    }
    looks
}

/// A hidden element that is being read. Its text is taken back when the element ends; one that is never ended, or not
/// before what it stands in, hides nothing: in doubt a person sees too much.
struct Hidden {
    by: &'static str,
    /// What is open within it, itself first.
    open: Vec<String>,
    /// How the page stood before it.
    length: usize,
    breaks: usize,
    blanks: usize,
    quote: usize,
    pre: usize,
    lists: usize,
}

#[derive(Default)]
struct Page {
    out: String,
    /// Line ends that stand before the next word: 1 ends the line, 2 leave an empty one.
    breaks: usize,
    /// Blanks that stand there where no line ends: two part the cells of a table.
    blanks: usize,
    quote: usize,
    pre: usize,
    link: Option<(String, usize)>,
    /// Where the mark of an item ends that nothing stands behind yet.
    marked: usize,
    /// The lists that are open: the number of the next item, where items have numbers, and how these are written.
    lists: Vec<(Option<i64>, char)>,
    hidden: Option<Hidden>,
    /// Letters and digits that were taken back.
    taken: usize,
}

impl Page {
    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.pre > 0 {
            let decoded = entities(text);
            for (n, line) in decoded.split('\n').enumerate() {
                if n > 0 {
                    self.breaks += 1;
                }
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    self.start_line(3);
                    self.out.push_str(line);
                }
            }
            return;
        }
        for (n, word) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if n > 0 {
                self.blanks = self.blanks.max(1);
            }
            if word.is_empty() {
                continue;
            }
            self.start_line(2);
            if word.contains('&') {
                self.out.push_str(&entities(word));
            } else {
                self.out.push_str(word);
            }
        }
    }

    /// Writes what stands before a word: line ends, marks of quotation, one blank.
    fn start_line(&mut self, most: usize) {
        let blanks = std::mem::take(&mut self.blanks);
        if self.marked > 0 && self.marked == self.out.len() {
            // A paragraph that begins an item stands beside its mark.
            self.breaks = 0;
            return;
        }
        let breaks = std::mem::take(&mut self.breaks).min(most);
        if breaks == 0 && !self.out.is_empty() {
            for _ in usize::from(self.out.ends_with(' '))..blanks {
                self.out.push(' ');
            }
            return;
        }
        let mark = "> ".repeat(self.quote.min(MAX_QUOTE));
        if !self.out.is_empty() {
            self.out.push('\n');
            for _ in 1..breaks {
                self.out.push_str(mark.trim_end());
                self.out.push('\n');
            }
        }
        self.out.push_str(&mark);
    }

    fn line_break(&mut self, least: usize) {
        self.breaks = self.breaks.max(least);
        self.blanks = 0;
    }

    /// Begins an element; one that hides what it holds is remembered.
    fn enter(&mut self, name: &str, looks: &[(&'static str, bool)]) {
        if let Some(last) = self.hidden.as_ref().and_then(|h| h.open.last()).cloned() {
            let block = matches!(name, "p" | "div" | "table" | "ul" | "ol" | "dl" | "pre" | "blockquote" | "hr");
            if OPEN_ENDED.contains(&last.as_str()) && (last == name || last == "p" && block) {
                self.leave(&last);
            }
        }
        if let Some(hidden) = &mut self.hidden {
            hidden.open.push(name.to_owned());
            // What is within can be seen all the same where it says so: pages set their letters to nothing and each
            // cell's back.
            let back = matches!(hidden.by, "mso-hide" | "visibility" | "color" | "font-size")
                && looks.contains(&(hidden.by, false));
            if back || hidden.open.len() > MAX_HIDDEN_DEPTH {
                self.hidden = None;
            }
        } else if let Some((by, _)) = looks.iter().find(|(_, hides)| *hides) {
            let Self { breaks, blanks, quote, pre, .. } = *self;
            let (open, length, lists) = (vec![name.to_owned()], self.out.len(), self.lists.len());
            self.hidden = Some(Hidden { by, open, length, breaks, blanks, quote, pre, lists });
        }
    }

    /// Ends an element: with a hidden one its text goes.
    fn leave(&mut self, name: &str) {
        let Some(hidden) = &mut self.hidden else { return };
        match hidden.open.iter().rposition(|open| open == name) {
            Some(at) => hidden.open.truncate(at),
            // What ends is around it, or it is a mark of letters that is ended out of order.
            None if matches!(name, "b" | "i" | "u" | "a" | "p" | "em" | "font" | "strong" | "br" | "o") => {}
            None => self.hidden = None,
        }
        let Some(hidden) = self.hidden.take_if(|h| h.open.is_empty()) else { return };
        let text = self.out.get(hidden.length..).unwrap_or_default();
        self.taken += text.chars().filter(|c| c.is_alphanumeric()).count();
        self.out.truncate(hidden.length);
        (self.breaks, self.blanks, self.quote, self.pre) = (hidden.breaks, hidden.blanks, hidden.quote, hidden.pre);
        self.lists.truncate(hidden.lists);
        self.link = None;
    }

    /// The mark of an item: its number, or a star, set in by the lists around its own.
    fn item(&mut self, inside: &str) {
        self.line_break(1);
        self.marked = 0;
        self.start_line(2);
        for _ in 1..self.lists.len().min(MAX_QUOTE) {
            self.out.push_str("   ");
        }
        match self.lists.last_mut() {
            Some((Some(next), kind)) => {
                let number = attribute(inside, "value").and_then(|v| v.trim().parse().ok()).unwrap_or(*next);
                *next = number.saturating_add(1);
                self.out.push_str(&format!("{}. ", numeral(number, *kind)));
            }
            Some((None, _)) | None => self.out.push_str("* "),
        }
        self.marked = self.out.len();
    }

    fn open(&mut self, name: &str, inside: &str) {
        match name {
            "br" => {
                self.breaks += 1;
                self.blanks = 0;
            }
            "ul" | "ol" => {
                self.line_break(if self.lists.is_empty() { 2 } else { 1 });
                let start = attribute(inside, "start").and_then(|v| v.trim().parse().ok()).unwrap_or(1);
                let kind = attribute(inside, "type").and_then(|t| t.trim().chars().next()).unwrap_or('1');
                self.lists.push(((name == "ol").then_some(start), kind));
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl" => self.line_break(2),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "form" | "body" => {
                self.line_break(1);
            }
            "hr" => {
                self.line_break(1);
                self.text("--------");
                self.line_break(1);
            }
            "li" => self.item(inside),
            "td" | "th" => self.blanks = 2,
            "pre" => {
                self.line_break(1);
                self.pre += 1;
            }
            "blockquote" => {
                self.line_break(1);
                self.quote += 1;
            }
            "img" => {
                if let Some(alt) = attribute(inside, "alt").filter(|a| !a.trim().is_empty()) {
                    self.text(alt);
                }
            }
            "a" => {
                self.close("a");
                let target = attribute(inside, "href").map(|t| entities(t).trim().to_owned());
                self.link = target.filter(|t| !t.starts_with('#')).map(|t| (t, self.out.len()));
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "ul" | "ol" => {
                self.lists.pop();
                self.line_break(if self.lists.is_empty() { 2 } else { 1 });
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl" => self.line_break(2),
            "div" | "tr" | "li" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "form" => {
                self.line_break(1);
            }
            "pre" => {
                self.pre = self.pre.saturating_sub(1);
                self.line_break(1);
            }
            "blockquote" => {
                self.quote = self.quote.saturating_sub(1);
                self.line_break(1);
            }
            "a" => {
                let Some((target, from)) = self.link.take() else { return };
                // Where a link leads is part of a report; where its words already say so, once is enough.
                let words = self.out.get(from..).unwrap_or_default().trim();
                let said = target.trim_start_matches("mailto:").trim_end_matches('/');
                if !words.is_empty() && !words.contains(said) && target.len() <= 2000 {
                    self.out.push_str(" <");
                    self.out.push_str(&target);
                    self.out.push('>');
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> (String, usize) {
        self.close("a");
        let mut text: String = self.out.lines().map(str::trim_end).flat_map(|l| [l, "\n"]).collect();
        text.truncate(text.trim_end().len());
        (text, self.taken)
    }
}

/// A number as the type of a list has it: letters, Roman numerals, digits.
fn numeral(number: i64, kind: char) -> String {
    let letter = || char::from_digit(u32::try_from(number).ok()? + 9, 36);
    let text = match (kind, number) {
        ('a' | 'A', 1..=26) => letter().map(String::from).unwrap_or_default(),
        ('i' | 'I', 1..=39) => {
            const ONES: [&str; 10] = ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"];
            let ones = usize::try_from(number % 10).ok().and_then(|n| ONES.get(n)).copied().unwrap_or_default();
            "x".repeat(usize::try_from(number / 10).unwrap_or_default()) + ones
        }
        _ => return number.to_string(),
    };
    if kind.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

/// Text with its character references replaced.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(MAX_ENTITY).position(|c| !c.is_ascii_alphanumeric() && c != b'#');
        let entity = end.filter(|&n| n > 0 && after.as_bytes().get(n) == Some(&b';'));
        match entity.and_then(|n| after.split_at_checked(n + 1)) {
            Some((entity, tail)) => {
                add_html_token(&mut out, format!("&{entity}").as_bytes(), false);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
