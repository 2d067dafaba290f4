//! The text of a mail in which commands are looked for: without what it quotes, without its signature.
//!
//! Nothing that a program quotes may ever look like a new word of its sender. So marked quotations are taken out line
//! by line, and where a mail program says "all below is the earlier mail" the rest is cut off. It may well be too
//! little: [`super::written`] says what the person wrote.

pub(super) mod words;

use self::words::*;
use crate::vocabulary::trim_blanks;

/// The most lines that an introduction ("On …, … wrote:") is wrapped over.
const MAX_INTRO_LINES: usize = 4;
/// The longest introduction, in octets.
const MAX_INTRO: usize = 400;
/// The most lines of a block of header lines above a quotation.
const MAX_BLOCK: usize = 9;
/// How many lines a signature under a bare "--" may have; more are text under a rule.
pub(super) const MAX_SIGNATURE: usize = 12;
/// The most words of a line that greets, and of a gateway's banner.
const MAX_GREETING: usize = 5;
const MAX_BANNER: usize = 80;
/// The most lines above the first command, or above a text that is signed in the clear.
const MAX_ABOVE: usize = 24;

/// The text of `text` in which commands are looked for, without blank lines at its ends. Linear in the text.
pub fn new_text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // Only where commands are found below the armour is it none of the text.
    let armour = unarmour(&mut lines.clone());
    if armour.contains(&true) {
        let signed = lines.iter().zip(&armour).filter(|(_, armour)| !**armour).map(|(line, _)| *line);
        let signed = below_greeting(&strict(Page::of(signed.collect())));
        if signed.lines().next().is_some_and(|l| is_command(l.trim())) {
            return signed;
        }
    }
    below_greeting(&strict(Page::of(lines)))
}

/// Whether a line begins as commands do: a letter right after the slash and letters only, for /usr/bin is a path.
pub(crate) fn is_command(line: &str) -> bool {
    let word = line.strip_prefix('/').and_then(|l| l.split_whitespace().next());
    word.is_some_and(|w| line.starts_with(&format!("/{w}")) && w.chars().all(char::is_alphabetic))
}

/// A line as commands are read from it. A character behind an address that is no blank of mail belongs to the address.
pub(super) fn command_line(line: &str) -> &str {
    trim_blanks(line.trim_start())
}

/// The lines at the head of a text that begin like commands, and what stands below them. Empty lines before and between
/// are passed over.
pub(crate) fn head(text: &str) -> (Vec<&str>, &str) {
    let (mut lines, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = command_line(line);
        if is_command(line) {
            lines.push(line);
        } else if !line.trim().is_empty() {
            break;
        }
        rest = after;
    }
    (lines, rest.trim())
}

/// A text without the banner of a gateway and the greeting above its first command line.
fn below_greeting(text: &str) -> String {
    let mut lines = text.split_inclusive('\n').take(MAX_ABOVE).enumerate();
    let first = lines.find(|(_, l)| is_command(l.trim())).map_or(0, |(n, _)| n);
    let above: usize = text.split_inclusive('\n').take(first).map(str::len).sum();
    let (above, rest) = text.split_at(above);
    let is_passed = |part: &str| {
        let (banner, last) = part.rsplit_once('\n').unwrap_or(("", part));
        is_banner(part) || is_greeting(last) && (banner.is_empty() || is_banner(banner))
    };
    if above.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).all(is_passed) { rest } else { text }.to_owned()
}

/// One short paragraph that warns of mail from outside, and neither asks nor introduces.
fn is_banner(paragraph: &str) -> bool {
    let words = paragraph.to_lowercase();
    let holds = |list: &str| list.split('|').any(|w| words.contains(w));
    words.split_whitespace().nth(MAX_BANNER).is_none()
        && !words.ends_with([':', '：', '?', '？'])
        && (holds(OUTSIDE) && holds(MAILS) || words.trim_matches(['[', ']', '*', ' ']) == "external")
}

/// One short line that greets, and says nothing more: what goes on behind a comma greets too.
fn is_greeting(line: &str) -> bool {
    let line = line.trim();
    // The longer ones have endings of their own: "estimado", "estimada".
    let is_word =
        |part: &str, w: &str| w.len() > 4 || !part.get(w.len()..).is_some_and(|r| r.starts_with(char::is_alphanumeric));
    let greets = |part: &str| GREETINGS.split('|').any(|w| starts_with(part, w) && is_word(part, w));
    line.split_whitespace().nth(MAX_GREETING).is_none()
        && !line.contains(['@', '?', '？'])
        && !WROTE.stands_in(&line.to_lowercase())
        && line.trim_end_matches([',', '，', '、', ' ']).split([',', '，', '、']).all(|part| greets(part.trim_start()))
}

/// Takes the armour off a text that is signed in the clear (RFC 9580 section 7): says which lines are it, and undoes
/// the dashes before the others.
pub(super) fn unarmour(lines: &mut [&str]) -> Vec<bool> {
    let mut armour = vec![false; lines.len()];
    let first = |line: &str| lines.iter().position(|l| l.trim_end() == line);
    let begin = first(CLEAR).filter(|at| *at < MAX_ABOVE);
    let Some((begin, signature)) = begin.zip(first("-----BEGIN PGP SIGNATURE-----")).filter(|(b, s)| b < s) else {
        return armour;
    };
    let text = lines
        .iter()
        .skip(begin)
        .position(|l| l.trim().is_empty())
        .map_or(signature, |n| (begin + n + 1).min(signature));
    let end = lines.iter().position(|l| l.trim_end() == "-----END PGP SIGNATURE-----").unwrap_or(lines.len());
    for (at, (line, armour)) in lines.iter_mut().zip(&mut armour).enumerate() {
        *armour = (begin..text).contains(&at) || (signature..=end).contains(&at);
        if !*armour && (text..signature).contains(&at) {
            *line = line.strip_prefix("- ").unwrap_or(line);
        }
    }
    armour
}

/// How a text begins that is signed in the clear.
const CLEAR: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

fn strict(page: Page<'_>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    // A quotation leaves one blank line, so that what stands around it stays two paragraphs.
    let mut gap = false;
    let mut at = 0;
    while let Some(&line) = page.lines.get(at) {
        if is_quoted(line) || gap && line.trim().is_empty() {
            gap = true;
            at += 1;
            continue;
        }
        if page.ends_new_text(at) {
            break;
        }
        match page.introduction(at) {
            Some(Introduction { lines, quoted: true }) => {
                gap = true;
                at += lines;
            }
            Some(Introduction { quoted: false, .. }) => break,
            None => {
                if std::mem::take(&mut gap) && kept.last().is_some_and(|l| !l.is_empty()) {
                    kept.push("");
                }
                if !is_device_line(line) {
                    kept.push(line.trim_end_matches([' ', '\t']));
                }
                at += 1;
            }
        }
    }
    let first = kept.iter().position(|l| !l.is_empty()).unwrap_or(kept.len());
    let end = kept.iter().rposition(|l| !l.is_empty()).map_or(0, |n| n + 1);
    kept.get(first..end).unwrap_or_default().join("\n")
}

/// An introduction to a quotation.
pub(super) struct Introduction {
    pub(super) lines: usize,
    /// Whether the quotation below it is marked with `>`.
    quoted: bool,
}

/// The lines of a text, and for each the next one that is not blank.
pub(super) struct Page<'t> {
    pub(super) lines: Vec<&'t str>,
    next: Vec<usize>,
    /// For each the next one, itself included, that ends like an introduction.
    ending: Vec<usize>,
}

impl<'t> Page<'t> {
    pub(super) fn of(lines: Vec<&'t str>) -> Self {
        let mut next = Vec::with_capacity(lines.len());
        let mut ending = Vec::with_capacity(lines.len());
        let (mut filled, mut end) = (lines.len(), lines.len());
        for (at, line) in lines.iter().enumerate().rev() {
            next.push(filled);
            let line = line.trim();
            if !line.is_empty() {
                filled = at;
            }
            if ends_like_introduction(line) {
                end = at;
            }
            ending.push(end);
        }
        next.reverse();
        ending.reverse();
        Self { lines, next, ending }
    }

    pub(super) fn line(&self, at: usize) -> &'t str {
        self.lines.get(at).copied().unwrap_or_default()
    }

    /// The next line after this one that is not blank.
    pub(super) fn next_at(&self, at: usize) -> Option<usize> {
        self.next.get(at).copied().filter(|n| *n < self.lines.len())
    }

    /// The same; empty at the end.
    fn next_filled(&self, at: usize) -> &'t str {
        self.next_at(at).map_or("", |n| self.line(n))
    }

    /// Whether a list's footer stands below the rule at this line.
    pub(super) fn is_footer(&self, at: usize) -> bool {
        self.next_filled(at).to_lowercase().contains("mailing list")
    }

    /// How many lines the block of header lines has that begins here, if one does: who, and at least two more, in the
    /// order of any mail program.
    pub(super) fn header_block(&self, at: usize) -> Option<usize> {
        let names = self.lines.iter().skip(at).take(MAX_BLOCK).map_while(|l| header_name(l));
        let is_from = |n: &String| FROM_NAMES.has(n);
        let known: Vec<bool> = names.map_while(|n| Some(is_from(&n)).filter(|f| *f || OTHER_NAMES.has(&n))).collect();
        (known.len() >= 3 && known.contains(&true)).then_some(known.len())
    }

    /// Whether all from this line on is an earlier mail, a signature or a footer.
    fn ends_new_text(&self, at: usize) -> bool {
        let raw = self.line(at);
        let line = raw.trim();
        match line.chars().next() {
            None => false,
            Some('-' | '_' | '=' | '*' | '#' | '~') if is_separator(line) => true,
            Some('-') if line == "--" => {
                raw == "-- "
                    || self
                        .lines
                        .iter()
                        .skip(at + 1)
                        .filter(|l| !is_quoted(l) && !l.trim().is_empty())
                        .nth(MAX_SIGNATURE)
                        .is_none()
            }
            Some('_' | '-' | '*') if is_rule(line) => {
                self.next_at(at).is_some_and(|n| self.is_header_block(n)) || self.is_footer(at)
            }
            Some(_) => is_forward(line) || self.is_header_block(at),
        }
    }

    /// Whether a block of translated header lines begins here: who, and at least two more.
    fn is_header_block(&self, at: usize) -> bool {
        if !header_name(self.line(at)).is_some_and(|n| FROM_NAMES.has(&n)) {
            return false;
        }
        let block = self.lines.iter().skip(at + 1).take(MAX_BLOCK);
        let others = block.filter_map(|l| header_name(l)).filter(|n| OTHER_NAMES.has(n));
        others.take(2).count() == 2
    }

    /// The introduction that begins at this line, if one does.
    pub(super) fn introduction(&self, at: usize) -> Option<Introduction> {
        // Most lines have no end of one near: they need no look at their words.
        if self.ending.get(at).is_none_or(|&end| end >= at + MAX_INTRO_LINES || end >= self.lines.len()) {
            return None;
        }
        let first = self.line(at).trim();
        if first.len() > MAX_INTRO || first.is_empty() {
            return None;
        }
        let started = starts_like_introduction(first);
        if !started && !ends_like_introduction(first) && !first.contains('@') {
            return None;
        }
        let mut joined = String::new();
        for lines in 1..=MAX_INTRO_LINES {
            let line = self.line(at + lines - 1).trim();
            if line.is_empty() || is_quoted(line) || is_command(line) || joined.len() + line.len() > MAX_INTRO {
                return None;
            }
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(line);
            let below = self.next_filled(at + lines - 1);
            let quoted = is_quoted(below);
            if lines > 1 && !started && !first.contains('@') {
                return None;
            }
            if ends_like_introduction(line) && says_wrote(&joined, started, quoted) {
                // The person's own words above it are none of it.
                if lines > 1 && !ends_open(first, started) && self.says_enough(at + 1, lines - 1, quoted) {
                    return None;
                }
                // Below is no marked quotation: all of it is the earlier mail, if anything is.
                return Some(Introduction { lines, quoted });
            }
        }
        None
    }

    /// Whether one of the next lines begins an introduction that needs nothing above it.
    fn says_enough(&self, at: usize, lines: usize, quoted: bool) -> bool {
        (0..lines).any(|skip| {
            let rest: Vec<&str> = self.lines.iter().skip(at + skip).take(lines - skip).map(|l| l.trim()).collect();
            let rest = rest.join(" ");
            let digits = rest.chars().filter(char::is_ascii_digit).count();
            let started = starts_like_introduction(&rest);
            (digits >= 2 || rest.contains('@')) && says_wrote(&rest, started, quoted)
        })
    }
}

/// Whether the first line of an introduction goes on below: it holds a date, or ends with an address or a comma.
fn ends_open(line: &str, started: bool) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    started && digits >= 4 && !line.ends_with(['.', '!', '?']) || line.ends_with(['>', ')', ','])
}

pub(super) fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

pub(super) fn ends_like_introduction(line: &str) -> bool {
    let line = line.trim_end_matches([' ', '*', '_', '\u{a0}']);
    line.ends_with([':', '：']) || line.len() <= 60 && WROTE.ends(line)
}

fn starts_like_introduction(line: &str) -> bool {
    let start = line.trim_start_matches(['-', '*', ' ']);
    start.starts_with(|c: char| c.is_ascii_digit()) || STARTS.begins(start) || is_weekday(start)
}

fn is_weekday(start: &str) -> bool {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "lun", "mar", "mer", "jeu", "ven", "sam", "dim"];
    days.iter().any(|d| starts_with(start, d) && start.get(d.len()..).is_some_and(|r| r.starts_with([',', '.', ' '])))
}

/// Whether a line is an introduction: what somebody did, and when or under which address; or, above a marked
/// quotation, only an address or a date and a colon.
pub(super) fn says_wrote(joined: &str, started: bool, quoted: bool) -> bool {
    let lower = joined.to_lowercase();
    let wrote = WROTE.stands_in(&lower);
    let digits = joined.chars().filter(char::is_ascii_digit).count();
    let address = joined.contains('@');
    if quoted {
        wrote && (digits > 0 || address || started || joined.len() < 60) || address && digits >= 4 || started && address
    } else {
        wrote && digits >= 2 && (started || address)
    }
}

/// The name of a header line ("From: …", "*Von:* …"), in lower case.
pub(super) fn header_name(line: &str) -> Option<String> {
    let head = line.get(..line.floor_char_boundary(60)).unwrap_or(line);
    if head.is_ascii() && !head.as_bytes().contains(&b':') {
        return None;
    }
    let (name, _) = head.trim_start_matches(['*', '_', '|', ' ']).split_once([':', '：'])?;
    Some(name.trim_end_matches(['*', '_', ' ', '\u{a0}']).to_lowercase()).filter(|n| !n.is_empty())
}

/// "-----Original Message-----" and its translations.
pub(super) fn is_separator(line: &str) -> bool {
    let words = line.trim_matches(|c: char| "-_=*#~ ".contains(c));
    if line.len() > 200
        || words.is_empty()
        || !line.get(..2).is_some_and(|s| ["--", "__", "==", "**", "##", "~~"].contains(&s))
    {
        return false;
    }
    let words = words.to_lowercase();
    SEPARATORS.begins(&words) || FORWARDS.stands_in(&words)
}

pub(super) fn is_forward(line: &str) -> bool {
    line.len() <= 100 && FORWARDS.begins(line)
}

/// A line of at least twenty dashes or underscores.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() >= 20 && line.bytes().all(|c| matches!(c, b'_' | b'-' | b'*'))
}

/// "Sent from my phone" and its like: one short line.
pub(super) fn is_device_line(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['(', '*', '_', '[', '-', ' ']);
    !line.is_empty() && DEVICES.begins(line)
        && line.len() <= 120
        && line.split_whitespace().take(13).count() <= 12
        // "Sent from my script, it fails." goes on; a device line is a phrase.
        && !line.contains(", ")
        && !line.trim_end_matches('.').contains(". ")
}

#[cfg(test)]
mod tests;
