//! What a person wrote, told from what their mail program added.
//!
//! [`super::reply`] asks what may be a command, and would rather see too little. Here nothing may be lost: each line
//! has one [`Place`], what is folded is counted where it is left out, and only lines that we sent ourselves are passed
//! over without a word.

use std::collections::{HashMap, HashSet};

use super::reply::words::{FROM_NAMES, Words};
use super::reply::{self, MAX_SIGNATURE, Page, is_device_line, is_quoted, is_rule};
use super::runs::{self, Word};
use crate::vocabulary::Address;

/// The most lines of a block of header lines.
const MAX_BLOCK: usize = 9;
/// Places where a run of words of ours is looked for.
const MAX_SEATS: usize = 8;
/// Names of the lines of a header block that hold a date, in lower case.
static DATES: Words = Words::of(
    "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|fecha|inviato|data|\
    data/hora|verzonden|skickat|sendt|wysłano|odesláno|отправлено|дата|发送时间|日期|送信日時",
);

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The person wrote it.
    Content,
    /// It looks like a quotation.
    Quoted,
    /// It introduces a quotation of what we sent.
    Introduction,
    /// A signature, a phone's line, the armour of OpenPGP.
    Signature,
    /// We sent it.
    Ours,
}

/// What we sent to the author of a mail, to know it by when it is quoted.
#[derive(Clone, Debug, Default)]
pub struct Ours {
    /// The texts.
    pub texts: Vec<String>,
    /// The name that we bear in it.
    pub name: String,
    /// Our address.
    pub address: Option<Address>,
}

/// The lines of a mail, each in its place. Linear in the text.
pub struct Content<'t>(Vec<(&'t str, Place)>);

impl<'t> Content<'t> {
    /// Puts each line of a text in its place.
    pub fn of(text: &'t str, sent: &Ours) -> Self {
        let mut lines: Vec<&str> = text.lines().collect();
        let armour = reply::unarmour(&mut lines);
        let mut places: Vec<Place> =
            armour.iter().map(|a| if *a { Place::Signature } else { Place::Content }).collect();
        let page = Page::of(lines);
        let literal = literal(&page.lines);
        let mut sorter = Sorter { page: &page, literal: &literal, places: &mut places };
        sorter.ours(sent);
        sorter.quotations();
        sorter.signature();
        Self(page.lines.into_iter().zip(places).collect())
    }

    /// The lines, in their order.
    pub fn lines(&self) -> &[(&'t str, Place)] {
        &self.0
    }

    /// What the team reads at once, and how many lines are folded away: all, where nothing else is left.
    pub fn shown(&self) -> (String, usize) {
        let shown = joined(&self.0, |place| place == Place::Content);
        if shown.is_empty() {
            return (joined(&self.0, |_| true), 0);
        }
        let folded = |(line, place): &&(&str, Place)| {
            !line.trim().is_empty() && matches!(place, Place::Quoted | Place::Introduction | Place::Signature)
        };
        (shown, self.0.iter().filter(folded).count())
    }

    /// What is sent when the lines from one on are to be sent: all but signatures, and but our own mail quoted at the
    /// end with what introduces it. Where the person wrote nothing, nothing is sent.
    pub fn sent_from(&self, first: usize) -> String {
        let ends = |(line, place): &(&str, Place)| *place == Place::Content && !line.trim().is_empty();
        let quoted = |(_, place): &(&str, Place)| *place == Place::Quoted;
        let end = self.0.iter().rposition(|l| ends(l) || quoted(l)).map_or(0, |last| last + 1);
        let lines = self.0.get(first..end).filter(|lines| lines.iter().any(ends)).unwrap_or_default();
        joined(lines, |place| place != Place::Signature).trim().to_owned()
    }

    /// The line below these lines, which stand in it in this order.
    pub fn below(&self, lines: &[&str]) -> usize {
        let mut at = 0;
        for line in lines {
            let rest = self.0.iter().skip(at);
            at += rest.take_while(|(l, _)| reply::command_line(l) != *line).count() + 1;
        }
        at.min(self.0.len())
    }
}

/// The lines of some places. What is left out leaves one blank line, so that what stands around it stays apart.
fn joined(lines: &[(&str, Place)], wanted: impl Fn(Place) -> bool) -> String {
    let mut out = String::new();
    let mut gap = false;
    for (line, place) in lines {
        if !wanted(*place) || gap && line.trim().is_empty() {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && !out.ends_with("\n\n") {
            out.push('\n');
        }
        // As it is: a blank at the end of a line is a part of a patch.
        out.push_str(line);
        out.push('\n');
    }
    out.trim_matches('\n').to_owned()
}

/// Which lines look like a part of a quotation, whosever it is and in whatever language: rather one too many.
pub(crate) fn looks_quoted(lines: &[&str]) -> Vec<bool> {
    let page = Page::of(lines.to_vec());
    let literal = literal(lines);
    let mut quoted: Vec<bool> = (0..lines.len())
        .map(|at| {
            let line = page.line(at).trim_start().to_ascii_lowercase();
            let ruled = is_ruled(line.trim_end()) && !line.starts_with(['*', '~']);
            is_quoted(&line)
                || line.contains("<blockquote")
                || is_separator(line.trim_end())
                || ruled
                || dated(&[&line])
        })
        .collect();
    for at in 0..lines.len() {
        let names = lines.iter().skip(at).take(MAX_BLOCK).take_while(|l| reply::header_name(l).is_some());
        let block: Vec<&str> = names.copied().collect();
        let unknown = if block.len() >= 3 && dated(&block) { block.len() } else { 0 };
        let of_block = page.header_block(at).unwrap_or(unknown);
        let of_introduction = page.introduction(at).map_or(0, |i| i.lines);
        quoted.iter_mut().skip(at).take(of_block.max(of_introduction)).for_each(|q| *q = true);
    }
    quoted.iter().zip(literal).map(|(quoted, literal)| *quoted && !literal).collect()
}

/// Whether lines name an address and a date, and the last or each of them goes on below or has a name.
fn dated(lines: &[&str]) -> bool {
    let digits = lines.iter().map(|l| l.chars().filter(char::is_ascii_digit).count()).max();
    let named = lines.len() > 1 || lines.iter().all(|l| l.trim_end().ends_with([':', '：']));
    named && digits >= Some(4) && lines.iter().any(|l| l.contains('@'))
}

/// Which lines are a program's and no mail's, whatever they begin with: diffs, fenced blocks, Python prompts.
fn literal(lines: &[&str]) -> Vec<bool> {
    let mut literal = vec![false; lines.len()];
    let mark = |literal: &mut Vec<bool>, from: usize, to: usize| {
        literal.iter_mut().take(to).skip(from).for_each(|l| *l = true);
    };
    let mut fence: Option<(usize, &str)> = None;
    let mut diff: Option<usize> = None;
    for (at, line) in lines.iter().enumerate() {
        let below = lines.get(at + 1).copied().unwrap_or_default();
        match fence {
            Some((from, sign)) if line.trim() == sign => {
                mark(&mut literal, from, at + 1);
                fence = None;
            }
            None => fence = ["```", "~~~"].into_iter().find(|s| line.trim_start().starts_with(s)).map(|s| (at, s)),
            Some(_) => {}
        }
        let begins = line.starts_with("diff --git ")
            || line.starts_with("--- ") && below.starts_with("+++ ")
            || line.starts_with("*** ") && below.starts_with("--- ")
            || line.starts_with("@@ -");
        let goes_on = || {
            line.starts_with(['+', '-', ' ', '\\', '@', '!', '*'])
                || ["diff --git ", "index ", "new file", "deleted file", "similarity ", "rename "]
                    .iter()
                    .any(|s| line.starts_with(s))
                || line.is_empty() && below.starts_with(['+', '-', ' ', '@', 'd'])
        };
        diff = if begins { diff.or(Some(at)) } else { diff.filter(|_| goes_on()) };
        // Git's own end of a patch: its version below two dashes.
        let version = diff.is_some() && *line == "-- " && below.starts_with(|c: char| c.is_ascii_digit());
        if diff.is_some() {
            mark(&mut literal, at, at + 1 + usize::from(version));
        }
    }
    // A patch as a mail: its header, and what it says of itself.
    for at in 0..lines.len() {
        let mut block = lines.iter().skip(at).take(MAX_BLOCK).take_while(|l| reply::header_name(l).is_some());
        if block.any(|l| l.contains("[PATCH"))
            && let Some(first) = literal.iter().skip(at).take(40).position(|l| *l)
        {
            mark(&mut literal, at, at + first);
        }
    }
    let is_prompt = |l: &&str| l.trim() == ">>>" || l.trim_start().starts_with(">>> ");
    let mut at = 0;
    while at < lines.len() {
        let block = lines.iter().skip(at).take_while(|l| is_quoted(l)).count();
        if lines.iter().skip(at).take(block).all(is_prompt) {
            mark(&mut literal, at, at + block);
        }
        at += block.max(1);
    }
    literal
}

/// "-----Original Message-----", and what Zoho makes of "On …, … wrote".
fn is_separator(line: &str) -> bool {
    let words = line.trim_matches(['-', ' ']);
    reply::is_separator(line)
        || line.starts_with("---") && line.ends_with("--") && reply::says_wrote(words, true, false)
}

/// Names what another mail is passed on by, and not what is answered.
fn is_forward(line: &str) -> bool {
    let line = line.to_lowercase();
    let words = ["forward", "weitergeleitet", "transféré", "réexpédi", "reenviado", "inoltrat", "пересыла"];
    reply::is_separator(&line) && words.iter().any(|w| line.contains(w)) || reply::is_forward(&line)
}

/// A text while its lines are put in their places.
struct Sorter<'a, 't> {
    page: &'a Page<'t>,
    literal: &'a [bool],
    places: &'a mut Vec<Place>,
}

impl Sorter<'_, '_> {
    fn is(&self, at: usize, place: Place) -> bool {
        self.places.get(at) == Some(&place)
    }

    /// A line that is nobody's yet.
    fn free(&self, at: usize) -> bool {
        self.is(at, Place::Content) && self.literal.get(at) == Some(&false)
    }

    fn put(&mut self, from: usize, lines: usize, place: Place) {
        for at in from..from + lines {
            if self.free(at)
                && let Some(here) = self.places.get_mut(at)
            {
                *here = place;
            }
        }
    }

    /// Our own lines: those whose words stand together in a text of ours, six at the least, where they are marked as a
    /// quotation or something above introduces them. Else it is the person who says the same.
    fn ours(&mut self, sent: &Ours) {
        let words = runs::words(self.page.lines.iter().copied());
        let held = standing_in(&words, self.page.lines.len(), &sent.texts);
        let wordless = self.wordless(&words);
        let mut introduced = false;
        let mut at = 0;
        while at < held.len() {
            if held.get(at) != Some(&true) || !self.free(at) {
                at += 1;
                continue;
            }
            let same = |n: &usize| self.free(*n) && (held.get(*n) == Some(&true) || wordless.get(*n) == Some(&true));
            let block: Vec<usize> = (at..held.len()).take_while(same).collect();
            let last = block.iter().rev().find(|n| held.get(**n) == Some(&true)).copied().unwrap_or(at);
            let marked = (at..=last).all(|n| is_marked(self.page.line(n)));
            if let Some(from) = self.introduces(at, sent) {
                self.put(from, at - from, Place::Introduction);
                // Below a quotation with marks, what has none is the person's again.
                introduced |= !marked;
            }
            if introduced || marked {
                self.put(at, last + 1 - at, Place::Ours);
            }
            at = last + 1;
        }
    }

    fn wordless(&self, words: &[Word]) -> Vec<bool> {
        let worded: HashSet<usize> = words.iter().map(|w| w.line).collect();
        (0..self.page.lines.len()).map(|at| !worded.contains(&at)).collect()
    }

    /// Where what introduces the quotation begins that begins at a line: in words of any language, a block of lines
    /// with names, or a line of dashes with words. Nothing above the line that holds the address or the date.
    fn introduces(&self, below: usize, sent: &Ours) -> Option<usize> {
        let filled = |n: &usize| !self.page.line(*n).trim().is_empty();
        let last = (0..below).rev().take_while(|n| self.is(*n, Place::Content)).find(filled)?;
        let free = |n: &usize| filled(n) && self.free(*n) && !self.page.line(*n).trim_start().starts_with('/');
        let above: Vec<usize> = (0..=last).rev().take(MAX_BLOCK).take_while(free).collect();
        let joined = |from: usize| (from..=last).map(|n| self.page.line(n).trim()).collect::<Vec<_>>().join(" ");
        let digits = |text: &str| text.chars().filter(|c| c.is_numeric()).count();
        let names_us = |text: &str| !sent.name.is_empty() && text.contains(&sent.name);
        let named = above.iter().take_while(|n| reply::header_name(self.page.line(**n)).is_some()).count();
        // The names above the address and the date are those of a person who writes so.
        let tells = |from: &&usize| {
            let line = self.page.line(**from);
            let is_from = reply::header_name(line).is_some_and(|n| FROM_NAMES.has(&n));
            line.contains(['@', '[']) || digits(line) >= 4 || is_from || names_us(line)
        };
        if let Some(from) = above.iter().take(named).rfind(tells).filter(|from| **from < last) {
            return Some(self.with_rule(*from));
        }
        let introduction = |from: &&usize| self.page.introduction(**from).is_some_and(|i| **from + i.lines == last + 1);
        let address = sent.address.as_ref().map(|a| format!("@{}", a.domain()).to_ascii_lowercase());
        let is_ours = |text: &str| address.as_ref().is_some_and(|a| text.to_ascii_lowercase().contains(a));
        let known = |from: &&usize| {
            let text = joined(**from);
            let says = text.ends_with([':', '：']) || reply::ends_like_introduction(&text);
            let says = says && (digits(&text) >= 4 || names_us(&text));
            text.len() <= 400 && (is_ours(&text) || says) || **from == last && is_ruled(text.trim())
        };
        let from = *above.iter().take(4).find(introduction).or_else(|| above.iter().take(3).find(known))?;
        // Wrapped between the date and the address: the other one stands above it.
        let rest = joined(from);
        let goes_on = |line: &str| {
            let lacks = digits(&rest) < 4 && digits(line) >= 4 || !is_ours(&rest) && is_ours(line);
            lacks && !line.trim_end().ends_with(['.', '!', '?', ':', ';'])
        };
        let wrapped = above.iter().find(|n| **n + 1 == from && goes_on(self.page.line(**n)));
        Some(wrapped.copied().unwrap_or(from))
    }

    /// With the rule or separator above it.
    fn with_rule(&self, from: usize) -> usize {
        let above = (0..from).rev().find(|n| !self.page.line(*n).trim().is_empty());
        above.filter(|n| self.free(*n) && is_ruled(self.page.line(*n).trim())).unwrap_or(from)
    }

    /// What looks quoted: lines with marks, and all below what a mail program sets above the earlier mail.
    fn quotations(&mut self) {
        let mut introduced = false;
        let mut at = 0;
        while at < self.page.lines.len() {
            let line = self.page.line(at);
            introduced |= self.is(at, Place::Introduction) || self.is(at, Place::Ours);
            if !self.free(at) {
                at += 1;
            } else if is_quoted(line) {
                let block = (at..self.page.lines.len()).take_while(|n| self.free(*n) && is_quoted(self.page.line(*n)));
                let block = block.count();
                // What goes on with a line of a shell, or of a page, is no quotation.
                let goes_on = at > 0 && self.free(at - 1) && !self.page.line(at - 1).trim().is_empty();
                let inner = (at..at + block).map(|n| self.page.line(n).trim_start_matches(['>', ' '])).collect();
                let inner = Page::of(inner);
                let goes_on = goes_on && !(0..block).any(|n| inner.introduction(n).is_some());
                let page = block == 1 && ["><", ">\"", ">'"].iter().any(|s| line.trim_start().starts_with(s));
                if introduced || !goes_on && !page {
                    self.put(at, block, Place::Quoted);
                }
                at += block;
            } else if is_forward(line.trim()) && self.is_shown(at, "/") {
                // Somebody passes another mail on: that is what they have to say.
                return;
            } else if let Some(i) = self.page.introduction(at) {
                introduced = true;
                // Also below a word that something was cut.
                let below = self.page.next_at(at + i.lines - 1);
                let marked = below.into_iter().chain(below.and_then(|n| self.page.next_at(n)));
                let marked = marked.into_iter().any(|n| is_quoted(self.page.line(n)));
                let lines = if marked { i.lines } else { self.page.lines.len() - at };
                self.put(at, lines, Place::Quoted);
                at += lines;
            } else if self.ends(at) {
                self.put(at, self.page.lines.len() - at, Place::Quoted);
                return;
            } else {
                at += 1;
            }
        }
    }

    /// Whether the person's own words above, or a line that begins so, say that they show what stands here.
    fn is_shown(&self, at: usize, or: &str) -> bool {
        let above = (0..at).rev().map(|n| self.page.line(n).trim()).find(|l| !l.is_empty() && !is_rule(l));
        above
            .is_some_and(|l| l.ends_with([':', '：']) || l.to_ascii_lowercase().starts_with("fyi") || l.starts_with(or))
    }

    /// Whether all from here on is an earlier mail, or a list's footer. A block of header lines is one where it holds a
    /// date and nobody shows it.
    fn ends(&self, at: usize) -> bool {
        let line = self.page.line(at).trim();
        let is_block = |at: usize| {
            let block = self.page.header_block(at)?;
            let names = (at..at + block).filter_map(|n| reply::header_name(self.page.line(n)));
            Some(!self.is_shown(at, "fyi") && names.into_iter().any(|n| DATES.has(&n)))
        };
        is_separator(line)
            || is_forward(line)
            || is_block(at).unwrap_or_default()
            || is_rule(line)
                && (self.page.is_footer(at) || self.page.next_at(at).and_then(is_block).unwrap_or_default())
    }

    /// A signature is short, and stands below the last line of two dashes; without the blank, below the only one.
    fn signature(&mut self) {
        let lines = self.page.lines.len();
        let is_dashes = |at: &usize| self.free(*at) && matches!(self.page.line(*at), "-- " | "--");
        let all: Vec<usize> = (0..lines).filter(is_dashes).collect();
        if let Some(&at) = all.last()
            && (self.page.line(at) == "-- " || all.len() == 1)
        {
            let blank = |n: &usize| self.page.line(*n).trim().is_empty();
            let below: Vec<usize> = (at + 1..lines).take_while(|n| self.is(*n, Place::Content)).collect();
            let diff = |n: &usize| self.literal.get(*n) == Some(&true);
            let patch = (0..at).rev().find(|n| !blank(n)).is_some_and(|n| diff(&n));
            if !patch && !below.iter().any(diff) && below.iter().filter(|n| !blank(n)).count() <= MAX_SIGNATURE {
                self.put(at, below.len() + 1, Place::Signature);
            }
        }
        let last = (0..lines).rev().find(|n| self.is(*n, Place::Content) && !self.page.line(*n).trim().is_empty());
        if let Some(at) = last.filter(|at| is_device_line(self.page.line(*at))) {
            self.put(at, 1, Place::Signature);
        }
    }
}

/// A line of dashes or their like, with words between them or none.
fn is_ruled(line: &str) -> bool {
    line.len() >= 4 && ["--", "__", "==", "**", "~~"].iter().any(|s| line.starts_with(s) && line.ends_with(s))
}

/// Whether a line is marked as quoted, in a way that nobody writes code in.
fn is_marked(line: &str) -> bool {
    line.trim().is_empty() || is_quoted(line) || line.trim_start().starts_with("| ")
}

/// Which lines stand with all their words in one of these texts, as a part of a run that is no accident.
fn standing_in(words: &[Word], lines: usize, texts: &[String]) -> Vec<bool> {
    let texts: Vec<Vec<Word>> = texts.iter().map(|t| runs::words(t.lines())).collect();
    let mut seats: HashMap<u64, Vec<&[Word]>> = HashMap::new();
    for from in texts.iter().flat_map(|t| (0..t.len()).filter_map(|at| t.get(at..))) {
        if let Some((hash, _)) = runs::run(from) {
            let seats = seats.entry(hash).or_default();
            if seats.len() < MAX_SEATS {
                seats.push(from);
            }
        }
    }
    let mut held = vec![false; lines];
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let same = |seat: &&[Word]| rest.iter().zip(seat.iter()).take_while(|(a, b)| a.hash == b.hash).count();
        let here = runs::run(rest).and_then(|(hash, _)| seats.get(&hash));
        let longest = here.and_then(|seats| seats.iter().map(same).max()).unwrap_or(0);
        let first = rest.first().map_or(0, |w| w.line);
        let whole_from = if at > 0 && words.get(at - 1).is_some_and(|w| w.line == first) { first + 1 } else { first };
        let next = rest.get(longest).map_or(lines, |w| w.line);
        if longest > 0 {
            let run = rest.iter().take(longest).filter(|w| w.line >= whole_from && w.line < next);
            run.for_each(|w| held.get_mut(w.line).into_iter().for_each(|h| *h = true));
        }
        at += longest.max(1);
    }
    held
}
