//! From raw bytes to a [`Mail`]. It never fails: what cannot be read becomes a problem that a person sees.
//!
//! Bounded by construction: at most 256 KiB and 1,000 fields of header, 500 parts, 20 levels, 1 MiB of text; the
//! rest of the mail is passed over once, line by line, and not copied.

use jiff::Timestamp;
use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::header::{self, Header, NoSender};
use super::parts::{Part, Parts};
use super::{Attachment, Mail, MessageId, automatic, bounce, clean, clean_line, fields, html, reply};

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 250;
/// The longest text, in octets.
const MAX_TEXT: usize = 1024 * 1024;
/// The most Message-IDs that one mail refers to.
const MAX_REFERENCES: usize = 20;
/// The most attachments that are listed.
const MAX_ATTACHMENTS: usize = 100;
/// How often an attached mail is opened to find a text.
const MAX_ATTACHED_MAILS: usize = 3;

/// Reads a mail.
pub fn read(raw: &[u8]) -> Mail {
    let (header, body) = Header::split(raw);
    let parts = Parts::find(&header, body);
    let mut problems = header_problems(&header);
    problems.extend(parts.problems.iter().cloned());

    let from = header::sender(&header);
    problems.extend(from.as_ref().err().map(|why| sender_problem(*why).to_owned()));
    let subject = clean_line(&header.text("subject").unwrap_or_default(), MAX_SUBJECT);
    let chosen = Text::choose(&parts, 0);
    problems.extend(chosen.problems);
    problems.extend(part_problems(&parts));
    if is_armoured(&chosen.text) {
        problems.push("it is encrypted: it cannot be read here".to_owned());
    }
    if chosen.text.trim().is_empty() && !parts.leaves.iter().any(is_encrypted) {
        problems.push("it has no text".to_owned());
    }
    let reply_text = if chosen.attached { String::new() } else { reply::new_text(&chosen.text) };
    let date = header.first("date").and_then(date);
    if header.first("date").is_some() && date.is_none() {
        problems.push("its Date is no date".to_owned());
    }
    let message_ids: Vec<&[u8]> = header.all("message-id").collect();
    let message_id = match message_ids.as_slice() {
        [one] => MessageId::parse(&header::unfold(one)),
        _ => None,
    };
    match (message_ids.len(), &message_id) {
        (0, _) => problems.push("it has no Message-ID".to_owned()),
        (1, None) => problems.push("its Message-ID cannot be used".to_owned()),
        (1, Some(_)) => {}
        _ => problems.push("it has several Message-IDs".to_owned()),
    }
    let bounce = bounce::bounce(&header, &parts, from.as_ref().ok(), &subject, &chosen.text);
    let automatic = automatic::classify(&header, from.as_ref().ok(), &subject, &parts.top)
        .or(bounce.as_ref().map(|_| automatic::Automatic::Bounce));
    let mut seen = std::collections::BTreeSet::new();
    problems.retain(|p| seen.insert(p.clone()));

    Mail {
        display_name: header::display_name(&header).map(|n| clean_line(&n, 100)).filter(|n| !n.is_empty()),
        message_id,
        references: references(&header),
        recipients: header.recipients(),
        date,
        reply_text,
        from_html: chosen.from_html,
        attachments: attachments(&parts),
        automatic,
        bounce,
        trace: header.trace(),
        fields: fields::recognise(&subject, &chosen.text),
        from,
        subject,
        text: chosen.text,
        problems,
    }
}

/// The text of a mail, and where it was found.
#[derive(Default)]
struct Text {
    text: String,
    from_html: bool,
    /// True when it is that of an attached mail: somebody else wrote it.
    attached: bool,
    problems: Vec<String>,
}

impl Text {
    /// Takes the plain text; HTML where a person would see nothing else. Of an alternative (RFC 2046 section
    /// 5.1.4) only one is taken, so that a command in the plain text is one that stands alone.
    fn choose(parts: &Parts<'_>, depth: usize) -> Self {
        let mut chosen = Self::default();
        let mut texts: Vec<(&Part<'_>, String)> = Vec::new();
        for part in parts.leaves.iter().filter(|p| p.is_inline_text()) {
            if texts.iter().map(|(_, t)| t.len()).sum::<usize>() >= MAX_TEXT {
                chosen.problems.push("its text is longer than 1 MiB: the rest is in the raw mail only".to_owned());
                break;
            }
            let (text, problems) = part.text();
            if !text.trim().is_empty() {
                chosen.problems.extend(problems);
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
                continue;
            }
            let text = match (is_html, part.flowed) {
                (true, _) => html::to_text(text),
                (false, Some(del_sp)) => unflow(text, del_sp),
                (false, None) => text.clone(),
            };
            chosen.from_html |= is_html;
            if !chosen.text.is_empty() && !chosen.text.ends_with('\n') {
                chosen.text.push('\n');
            }
            chosen.text.push_str(&clean(&text));
        }
        chosen.text.truncate(chosen.text.floor_char_boundary(MAX_TEXT));
        if chosen.text.trim().is_empty() && depth < MAX_ATTACHED_MAILS {
            chosen.look_into_attached(parts, depth);
        }
        chosen
    }

    fn look_into_attached(&mut self, parts: &Parts<'_>, depth: usize) {
        let Some(part) = parts.leaves.iter().find(|p| is_mail(p)) else { return };
        let (octets, _) = part.decoded();
        let (header, body) = Header::split(&octets);
        let inner = Self::choose(&Parts::find(&header, body), depth + 1);
        if !inner.text.trim().is_empty() {
            *self = Self { attached: true, ..inner };
            self.problems.push("its text is that of the mail attached to it".to_owned());
        }
    }
}

fn is_mail(part: &Part<'_>) -> bool {
    matches!(part.media.as_str(), "message/rfc822" | "message/global")
}

fn is_encrypted(part: &Part<'_>) -> bool {
    part.media == "application/pgp-encrypted" || part.media.ends_with("pkcs7-mime")
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

fn attachments(parts: &Parts<'_>) -> Vec<Attachment> {
    let is_text = |p: &Part<'_>| p.is_inline_text() && p.name.is_none();
    parts
        .leaves
        .iter()
        .filter(|p| !is_text(p))
        .take(MAX_ATTACHMENTS)
        .map(|p| Attachment {
            name: p.name.clone().unwrap_or_else(|| "(no name)".to_owned()),
            media_type: p.media.clone(),
            size: p.size(),
        })
        .collect()
}

/// The Message-IDs it refers to: References, then In-Reply-To, which is the nearest (RFC 5322 section 3.6.4).
fn references(header: &Header<'_>) -> Vec<MessageId> {
    let mut found: Vec<MessageId> = Vec::new();
    for value in header.all("references").chain(header.all("in-reply-to")) {
        // The nearest stand last, so a long list is read from its end.
        let tail = value.get(value.len().saturating_sub(8 * 1024)..).unwrap_or(value);
        for id in message_ids(tail) {
            found.retain(|known| *known != id);
            found.push(id);
            if found.len() > MAX_REFERENCES {
                found.remove(0);
            }
        }
    }
    found
}

/// The Message-IDs in angle brackets in a value.
pub fn message_ids(value: &[u8]) -> Vec<MessageId> {
    let text = header::unfold(value);
    let ids = text.split('<').skip(1).filter_map(|t| t.split_once('>')).filter_map(|(id, _)| MessageId::parse(id));
    ids.take(header::MAX_ADDRESSES).collect()
}

/// The Date of a mail, where it is one: mail-parser takes 30 February and hour 25.
fn date(value: &[u8]) -> Option<Timestamp> {
    let mut line = header::unfold(value.get(..200).unwrap_or(value));
    line.push('\n');
    let HeaderValue::DateTime(d) = MessageStream::new(line.as_bytes()).parse_date() else { return None };
    let small = |n: u8| i8::try_from(n).ok();
    let second = small(d.second.min(59))?;
    let year = i16::try_from(d.year).ok().filter(|y| (1980..=2200).contains(y))?;
    let civil =
        jiff::civil::DateTime::new(year, small(d.month)?, small(d.day)?, small(d.hour)?, small(d.minute)?, second, 0)
            .ok()?;
    let offset = i32::from(d.tz_hour) * 3600 + i32::from(d.tz_minute) * 60;
    let offset = jiff::tz::Offset::from_seconds(if d.tz_before_gmt { -offset } else { offset }).ok()?;
    offset.to_timestamp(civil).ok()
}

fn header_problems(header: &Header<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |bad: bool, words: &str| {
        if bad {
            problems.push(words.to_owned());
        }
    };
    note(header.is_empty(), "it has no header");
    note(header.truncated, "its header is too long: the end of it was not read");
    note(header.unseparated, "no empty line parts its header from its text");
    note(header.control, "its header holds bare CRs or NULs");
    note(header.leading_space, "its header begins with a blank");
    note(header.first("date").is_none(), "it has no Date");
    problems
}

/// Why there is no sender, in words for the team.
fn sender_problem(why: NoSender) -> &'static str {
    match why {
        NoSender::Missing => "it has no From line",
        NoSender::Several => "it has more than one From line",
        NoSender::NotOne => "its From names more than one address, or a group",
        NoSender::NotPlain => "its From is not one plain address that every program reads alike",
    }
}

fn part_problems(parts: &Parts<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for part in &parts.leaves {
        let named = |name: &str| part.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
        if part.media.ends_with("/ms-tnef") || part.media.ends_with("/vnd.ms-tnef") || named("winmail.dat") {
            problems.push("it has a winmail.dat: some of its content may be in there only".to_owned());
        }
        if is_encrypted(part) {
            problems.push("it is encrypted: it cannot be read here".to_owned());
        }
        if part.media == "message/partial" || part.media == "message/external-body" {
            problems.push(format!("it holds a {}: the rest of it is elsewhere", part.media));
        }
    }
    problems
}

/// Whether a text is an armoured OpenPGP message (RFC 9580 section 6.2).
fn is_armoured(text: &str) -> bool {
    text.lines().any(|l| l == "-----BEGIN PGP MESSAGE-----")
}
