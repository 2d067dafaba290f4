//! Shapes as text, every piece of text escaped; and how wide text is, about.

use std::fmt::Write;

use crate::vocabulary::clean_line;

/// The most characters of one label.
const LABEL: usize = 220;

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Font {
    size: f64,
    colour: &'static str,
    bold: bool,
}

impl Font {
    pub(super) const fn plain(size: f64, colour: &'static str) -> Self {
        Self { size, colour, bold: false }
    }

    pub(super) const fn bold(size: f64, colour: &'static str) -> Self {
        Self { size, colour, bold: true }
    }
}

/// What is drawn so far.
#[derive(Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    /// Writing to a string does not fail.
    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(shape);
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str, more: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"{more}/>"#
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64, dashes: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="{width}"{dashes}/>"#
        ));
    }

    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, fill: &str) {
        self.add(format_args!(
            r##"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{fill}" stroke="#fff" stroke-width="1.5"/>"##
        ));
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.add(format_args!(r##"<polygon points="{points}" fill="{fill}" stroke="#fff" stroke-width="1.5"/>"##));
    }

    pub(super) fn text(&mut self, x: f64, y: f64, font: Font, text: &str) {
        self.words(x, y, font, text, "");
    }

    /// Text that can be read on top of lines.
    pub(super) fn halo(&mut self, x: f64, y: f64, font: Font, text: &str) {
        self.words(x, y, font, text, r##" paint-order="stroke" stroke="#fff" stroke-width="3""##);
    }

    fn words(&mut self, x: f64, y: f64, font: Font, text: &str, more: &str) {
        let Font { size, colour, bold } = font;
        let weight = if bold { r#" font-weight="bold""# } else { "" };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" fill="{colour}"{weight}{more}>{text}</text>"#
        ));
    }

    /// What follows, up to [`Canvas::end`], shows this text to a pointer that rests on it.
    pub(super) fn begin(&mut self, says: &str) {
        let says = escaped(says);
        self.add(format_args!("<g><title>{says}</title>"));
    }

    pub(super) fn end(&mut self) {
        self.add(format_args!("</g>"));
    }

    /// The whole picture.
    pub(super) fn svg(&self, width: f64, height: f64, title: &str) -> String {
        let (title, body) = (escaped(title), &self.body);
        format!(
            r##"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif">
<title>{title}</title>
<rect width="{width}" height="{height}" fill="#fff"/>
{body}</svg>
"##
        )
    }
}

/// Text as XML, without control characters, on one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean_line(text, LABEL).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 section 2.2 has no place for these two.
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// About how wide text is, rather too wide: nobody knows the fonts of whoever looks.
pub(super) fn width(text: &str, font: Font) -> f64 {
    let each = if font.bold { 0.68 } else { 0.6 };
    #[expect(clippy::cast_precision_loss, reason = "labels have few characters")]
    let chars = text.chars().count() as f64;
    chars * font.size * each
}

/// A row for each label (x, width) that stands to the right of its x, so that no label covers another or the line
/// that leads down from a label in a higher row.
pub(super) fn rows(labels: &[(f64, f64)]) -> Vec<u16> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let x = |at: &usize| labels.get(*at).map_or(0.0, |(x, _)| *x);
    order.sort_by(|a, b| x(b).total_cmp(&x(a)));
    let mut rows = vec![0_u16; labels.len()];
    let mut placed: Vec<(f64, u16)> = Vec::new();
    for at in order {
        let Some((left, width)) = labels.get(at).copied() else { continue };
        let under = placed.iter().filter(|(x, _)| *x < left + width).map(|(_, row)| row + 1).max().unwrap_or(0);
        placed.push((left, under));
        if let Some(row) = rows.get_mut(at) {
            *row = under;
        }
    }
    rows
}

/// Text in lines of at most so many characters, broken at spaces.
pub(super) fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|l| l.chars().count() + 1 + word.chars().count() <= most) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_cover_one_another() {
        let check = |labels: &[(f64, f64)], expect: &[u16]| assert_eq!(rows(labels), expect, "{labels:?}");
        check(&[], &[]);
        check(&[(0.0, 10.0), (20.0, 10.0)], &[0, 0]);
        check(&[(0.0, 10.0), (5.0, 10.0), (30.0, 1.0)], &[1, 0, 0]);
        check(&[(0.0, 30.0), (10.0, 30.0), (20.0, 30.0)], &[2, 1, 0]);
        // The first would fit into the lowest row, were it not for the line of the second.
        check(&[(0.0, 12.0), (10.0, 30.0), (20.0, 30.0)], &[2, 1, 0]);
        check(&[(5.0, 9.0), (5.0, 9.0)], &[0, 1]);
    }

    #[test]
    fn text_is_escaped_and_wrapped() {
        assert_eq!(escaped("a<b>&\"'\u{1b}\n\u{ffff}c"), "a&lt;b&gt;&amp;&quot;&#39; c");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), Vec::<String>::new());
    }
}
