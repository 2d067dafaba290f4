//! HTML as text that a person can read. Nothing is fetched, run or styled.
//!
//! One pass over the characters with a stack of nothing: no tree is built, so no nesting and no number of tags
//! costs more than its length. Parsers that build the tree of HTML 5 make of 256 KiB of misnested tags several
//! million nodes.

use mail_parser::decoders::html::add_html_token;

/// The most octets of HTML that are read.
pub const MAX_OCTETS: usize = 1024 * 1024;
/// The longest entity ("&CounterClockwiseContourIntegral;").
const MAX_ENTITY: usize = 34;
/// How deep quotations are marked; deeper ones are marked like this.
const MAX_QUOTE: usize = 5;

/// The text of an HTML document; quotations get `> ` before their lines, links their target behind them.
pub fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut quotes = true;
    let mut rest = html.get(..html.floor_char_boundary(MAX_OCTETS)).unwrap_or(html);
    while let Some((text, tag)) = rest.split_once('<') {
        page.text(text);
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
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
            continue;
        }
        if matches!(name.as_str(), "script" | "style" | "title" | "template" | "noscript") && !inside.ends_with('/') {
            rest = after_element(rest, &name);
            continue;
        }
        page.open(&name, inside);
    }
    page.text(rest);
    page.finish()
}

/// What stands after the end tag of an element that holds no text for people.
fn after_element<'h>(rest: &'h str, name: &str) -> &'h str {
    let mut from = rest;
    while let Some((_, tag)) = from.split_once("</") {
        if tag.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name)) {
            return tag.split_once('>').map_or("", |(_, after)| after);
        }
        from = tag;
    }
    ""
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

/// The value of an attribute, as it stands.
fn attribute<'h>(inside: &'h str, name: &str) -> Option<&'h str> {
    let at = inside.to_ascii_lowercase().find(&format!("{name}="))?;
    let value = inside.get(at + name.len() + 1..)?;
    match value.chars().next()? {
        q @ ('"' | '\'') => value.get(1..)?.split(q).next(),
        _ => value.split_whitespace().next(),
    }
}

#[derive(Default)]
struct Page {
    out: String,
    /// Line ends that stand before the next word: 1 ends the line, 2 leave an empty one.
    breaks: usize,
    space: bool,
    quote: usize,
    pre: usize,
    link: Option<(String, usize)>,
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
            self.space |= n > 0;
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
        let blank = std::mem::take(&mut self.space);
        let breaks = std::mem::take(&mut self.breaks).min(most);
        if breaks == 0 && !self.out.is_empty() {
            if blank && !self.out.ends_with(' ') {
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
        self.space = false;
    }

    fn open(&mut self, name: &str, inside: &str) {
        match name {
            "br" => {
                self.breaks += 1;
                self.space = false;
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "dl" => self.line_break(2),
            "div" | "tr" | "section" | "article" | "header" | "footer" | "dt" | "dd" | "form" | "body" => {
                self.line_break(1);
            }
            "hr" => {
                self.line_break(1);
                self.text("--------");
                self.line_break(1);
            }
            "li" => {
                self.line_break(1);
                self.text("* ");
            }
            "td" | "th" => self.space = true,
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
                let target = attribute(inside, "href").map(|t| entities(t).trim().to_owned());
                self.link = target.filter(|t| !t.starts_with('#')).map(|t| (t, self.out.len()));
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "dl" => self.line_break(2),
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

    fn finish(self) -> String {
        let mut text: String = self.out.lines().map(str::trim_end).flat_map(|l| [l, "\n"]).collect();
        text.truncate(text.trim_end().len());
        text
    }
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

#[cfg(test)]
mod tests {
    use super::to_text;

    #[track_caller]
    fn check(html: &str, text: &str) {
        assert_eq!(to_text(html), text, "{html}");
    }

    #[test]
    fn reads_like_the_page() {
        check("<p>One</p><p>Two <b>three</b></p>", "One\n\nTwo three");
        check("a<br>b<br><br>c", "a\nb\n\nc");
        check("<div>a</div><div>b</div>", "a\nb");
        check("<ul><li>x<li>y</ul>", "* x\n* y");
        check("<pre>int x;\n  y();\n</pre>z", "int x;\n  y();\nz");
        check("a &amp; b &lt;c&gt; &#65;&nosuch; &", "a & b <c> A&nosuch; &");
        check("<script>x</script><style>y</style><!-- z -->w", "w");
        check("new<blockquote>old<br>older</blockquote>", "new\n> old\n> older");
        check("<a href=\"https://e.example/x\">here</a>", "here <https://e.example/x>");
        check("<a href=\"https://e.example/\">https://e.example</a>", "https://e.example");
        check("1 < 2 <img src=x alt='pic>ture'>", "1 < 2 pic>ture");
        check("<p title=\"never ended>x", "x");
        check("<table><tr><td>a</td><td>b</td></tr></table>", "a b");
    }

    #[test]
    fn hostile_pages_cost_their_length() {
        for unit in [
            "<div>",
            "<b id=1><p>",
            "<a href='",
            "<blockquote>x",
            "&",
            "</",
            "<!--",
            "<script>",
            "<",
            "<td>",
            "<a x='>'",
        ] {
            let page = unit.repeat(200_000 / unit.len());
            assert!(to_text(&page).len() <= page.len() * 11, "{unit}");
        }
    }
}
