//! The newly written text of a mail: without what it quotes, without its signature.
//!
//! Nothing that a program quotes may ever look like a new word of its sender, and no word that a person wrote
//! between quotations may be lost. So marked quotations are taken out line by line, and only where a mail program
//! says "all below is the earlier mail" is the rest cut off.

/// The most lines that an introduction ("On …, … wrote:") is wrapped over.
const MAX_INTRO_LINES: usize = 4;
/// The longest introduction, in octets.
const MAX_INTRO: usize = 400;
/// The most lines of a block of header lines above a quotation.
const MAX_BLOCK: usize = 9;
/// How many lines a signature under a bare "--" may have; more are text under a rule.
const MAX_SIGNATURE: usize = 12;

/// What introductions say somebody did, in lower case.
const WROTE: &[&str] = &[
    "wrote",
    "writes",
    "a écrit",
    "a ecrit",
    "schrieb",
    "geschrieben",
    "ha scritto",
    "escribió",
    "escribio",
    "escreveu",
    "schreef",
    "geschreven",
    "skrev",
    "napisał",
    "napisal",
    "pisze",
    "napsal",
    "kirjoitti",
    "írta",
    "написал",
    "пишет",
    "писал",
    "пише",
    "yazdı",
    "a scris",
    "έγραψε",
    "写道",
    "寫道",
    "书写",
    "のメッセージ",
    "書きました",
    "작성",
    "said",
    "viết",
];

/// How introductions begin, in lower case.
const STARTS: &[&str] = &[
    "on ",
    "le ",
    "am ",
    "il ",
    "el ",
    "em ",
    "op ",
    "den ",
    "w dniu ",
    "dnia ",
    "på ",
    "dne ",
    "în ",
    "pe ",
    "la ",
    "в ",
    "у ",
    "στις ",
    "vào ",
    "no dia ",
    "a(z) ",
    "at ",
    "fra ",
    "från ",
    "von ",
    "del ",
    "de ",
    "on\u{a0}",
    "在",
];

/// The words between the dashes of a separator, in lower case.
const SEPARATORS: &[&str] = &[
    "original message",
    "original mail",
    "original appointment",
    "originalmessage",
    "forwarded message",
    "forwarded by",
    "ursprüngliche nachricht",
    "ursprungliche nachricht",
    "originalnachricht",
    "original-nachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "message original",
    "message d’origine",
    "message transféré",
    "mensaje original",
    "mensaje reenviado",
    "messaggio originale",
    "messaggio inoltrato",
    "mensagem original",
    "oorspronkelijk bericht",
    "ursprungligt meddelande",
    "oprindelig meddelelse",
    "opprinnelig melding",
    "пересылаемое сообщение",
    "исходное сообщение",
    "wiadomość oryginalna",
];

/// Lines that begin a forwarded mail without dashes, in lower case.
const FORWARDS: &[&str] = &[
    "begin forwarded message:",
    "anfang der weitergeleiteten",
    "début du message réexpédié",
    "inizio messaggio inoltrato",
    "inicio del mensaje reenviado",
    "reply above this line",
];

/// The names of header lines as mail programs translate them, in lower case: who wrote it.
const FROM_NAMES: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "fra",
    "från",
    "od",
    "от",
    "expéditeur",
    "mittente",
    "发件人",
    "寄件者",
    "差出人",
    "보낸 사람",
];

/// The same: the other lines of such a block.
const OTHER_NAMES: &[&str] = &[
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "reply-to",
    "bcc",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "kopie",
    "envoyé",
    "à",
    "objet",
    "enviado",
    "enviado el",
    "fecha",
    "para",
    "asunto",
    "inviato",
    "data",
    "a",
    "oggetto",
    "verzonden",
    "aan",
    "onderwerp",
    "skickat",
    "till",
    "ämne",
    "sendt",
    "til",
    "emne",
    "wysłano",
    "do",
    "temat",
    "отправлено",
    "дата",
    "кому",
    "тема",
    "发送时间",
    "收件人",
    "主题",
    "日期",
    "送信日時",
    "宛先",
    "件名",
    "organization",
    "message-id",
    "importance",
    "envoyé le",
    "odesláno",
    "komu",
    "předmět",
    "assunto",
    "data/hora",
];

/// How the lines begin that phones and mail programs put below, in lower case.
const DEVICES: &[&str] = &[
    "sent from ",
    "sent via ",
    "sent with ",
    "sent using ",
    "get outlook for ",
    "gesendet von ",
    "von meinem ",
    "envoyé de mon ",
    "envoyé depuis ",
    "enviado desde ",
    "enviado do meu ",
    "enviado de mi ",
    "inviato da ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "skickat från ",
    "sendt fra ",
    "wysłane z ",
    "отправлено с ",
];

/// The newly written text of `text`, without blank lines at its ends. Linear in the text.
pub fn new_text(text: &str) -> String {
    let page = Page::of(text);
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(&line) = page.lines.get(at) {
        if is_quoted(line) {
            at += 1;
            // A quotation leaves a gap, so that what stands around it stays two paragraphs.
            if kept.last().is_some_and(|l| !l.is_empty()) && page.lines.get(at).is_some_and(|l| !is_quoted(l)) {
                kept.push("");
            }
            continue;
        }
        if page.ends_new_text(at) {
            break;
        }
        match page.introduction(at) {
            Some(Introduction { lines, quoted: true }) => at += lines,
            Some(Introduction { quoted: false, .. }) => break,
            None => {
                if !is_device_line(line) {
                    kept.push(line.trim_end());
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
struct Introduction {
    lines: usize,
    /// Whether the quotation below it is marked with `>`.
    quoted: bool,
}

/// The lines of a text, and for each the next one that is not blank.
struct Page<'t> {
    lines: Vec<&'t str>,
    next: Vec<usize>,
}

impl<'t> Page<'t> {
    fn of(text: &'t str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut next = Vec::with_capacity(lines.len());
        let mut filled = lines.len();
        for (at, line) in lines.iter().enumerate().rev() {
            next.push(filled);
            if !line.trim().is_empty() {
                filled = at;
            }
        }
        next.reverse();
        Self { lines, next }
    }

    fn line(&self, at: usize) -> &'t str {
        self.lines.get(at).copied().unwrap_or_default()
    }

    /// The next line after this one that is not blank; empty at the end.
    fn next_filled(&self, at: usize) -> &'t str {
        self.next.get(at).map_or("", |&n| self.line(n))
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
                let below = self.next_filled(at);
                self.next.get(at).is_some_and(|&n| self.is_header_block(n))
                    || below.to_lowercase().contains("mailing list")
            }
            Some(_) => is_forward(line) || self.is_header_block(at),
        }
    }

    /// Whether a block of translated header lines begins here: who, and at least two more.
    fn is_header_block(&self, at: usize) -> bool {
        if !header_name(self.line(at)).is_some_and(|n| FROM_NAMES.contains(&n.as_str())) {
            return false;
        }
        let block = self.lines.iter().skip(at + 1).take(MAX_BLOCK);
        let others = block.filter_map(|l| header_name(l)).filter(|n| OTHER_NAMES.contains(&n.as_str()));
        others.take(2).count() == 2
    }

    /// The introduction that begins at this line, if one does.
    fn introduction(&self, at: usize) -> Option<Introduction> {
        let first = self.line(at).trim();
        if first.len() > MAX_INTRO || first.is_empty() {
            return None;
        }
        // Nearly every line of a text comes here, and most of them go no further.
        let goes_on = || starts_like_introduction(first) || first.contains('@');
        let mut joined = String::new();
        for lines in 1..=MAX_INTRO_LINES {
            let line = self.line(at + lines - 1).trim();
            if line.is_empty() || is_quoted(line) || joined.len() + line.len() > MAX_INTRO {
                return None;
            }
            if lines == 2 && !goes_on() {
                return None;
            }
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(line);
            if ends_like_introduction(line) {
                let quoted = is_quoted(self.next_filled(at + lines - 1));
                if says_wrote(&joined, starts_like_introduction(first), quoted) {
                    // Below is no marked quotation: all of it is the earlier mail, if anything is.
                    return Some(Introduction { lines, quoted });
                }
            }
        }
        None
    }
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

fn ends_like_introduction(line: &str) -> bool {
    let line = line.trim_end_matches([' ', '*', '_', '\u{a0}']);
    line.ends_with([':', '：'])
        || line.len() <= 60 && {
            let lower = line.to_lowercase();
            WROTE.iter().any(|w| lower.ends_with(w))
        }
}

fn starts_like_introduction(line: &str) -> bool {
    let end = line.char_indices().nth(12).map_or(line.len(), |(at, _)| at);
    let start = line.get(..end).unwrap_or(line).trim_start_matches(['-', '*', ' ']);
    start.starts_with(|c: char| c.is_ascii_digit()) || begins_with(start, STARTS) || is_weekday(start)
}

fn is_weekday(start: &str) -> bool {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "lun", "mar", "mer", "jeu", "ven", "sam", "dim"];
    start.chars().nth(3).is_some_and(|c| matches!(c, ',' | '.' | ' ')) && begins_with(start, &days)
}

/// Whether a line is an introduction: what somebody did, and when or under which address; or, above a marked
/// quotation, only an address or a date and a colon.
fn says_wrote(joined: &str, started: bool, quoted: bool) -> bool {
    let lower = joined.to_lowercase();
    let wrote = WROTE.iter().any(|w| lower.contains(w));
    let digits = joined.chars().filter(char::is_ascii_digit).count();
    let address = joined.contains('@');
    if quoted {
        wrote && (digits > 0 || address || started || joined.len() < 60) || address && digits >= 4 || started && address
    } else {
        wrote && digits >= 2 && (started || address)
    }
}

/// The name of a header line ("From: …", "*Von:* …"), in lower case.
fn header_name(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches(['*', '_', '|', ' ']);
    let head = line.get(..line.floor_char_boundary(60)).unwrap_or(line);
    // Most lines have no colon: of those that have none, no character is decoded.
    if !head.bytes().any(|c| c == b':' || !c.is_ascii()) {
        return None;
    }
    let (name, _) = head.split_once([':', '：'])?;
    Some(name.trim_end_matches(['*', '_', ' ', '\u{a0}']).to_lowercase()).filter(|n| !n.is_empty())
}

/// "-----Original Message-----" and its translations.
fn is_separator(line: &str) -> bool {
    let words = line.trim_matches(|c: char| "-_=*#~ ".contains(c));
    if line.len() > 200
        || words.is_empty()
        || !line.get(..2).is_some_and(|s| ["--", "__", "==", "**", "##", "~~"].contains(&s))
    {
        return false;
    }
    let words = words.to_lowercase();
    SEPARATORS.iter().any(|s| words.starts_with(s)) || FORWARDS.iter().any(|f| words.contains(f))
}

fn is_forward(line: &str) -> bool {
    line.len() <= 100 && line.chars().next().is_some_and(char::is_alphabetic) && begins_with(line, FORWARDS)
}

/// A line of at least twenty dashes or underscores.
fn is_rule(line: &str) -> bool {
    line.len() >= 20 && line.bytes().all(|c| matches!(c, b'_' | b'-' | b'*'))
}

/// "Sent from my phone" and its like: one short line.
fn is_device_line(line: &str) -> bool {
    let line = line.trim().trim_start_matches(['(', '*', '_', '[', '-', ' ']);
    line.len() <= 120
        && begins_with(line, DEVICES)
        && line.split_whitespace().take(13).count() <= 12
        // "Sent from my script, it fails." goes on; a device line is a phrase.
        && !line.contains(", ")
        && !line.trim_end_matches('.').contains(". ")
}

/// Whether a line begins like one of these, which are in lower case. Most lines begin with another letter, and cost
/// no more than that.
fn begins_with(line: &str, any: &[&str]) -> bool {
    let Some(first) = line.bytes().next().map(|c| c.to_ascii_lowercase()) else { return false };
    let same = |words: &str| {
        let mut line = line.chars().flat_map(char::to_lowercase);
        words.chars().all(|c| line.next() == Some(c))
    };
    any.iter().any(|words| (words.bytes().next() == Some(first) || !first.is_ascii()) && same(words))
}
