//! The text of a mail in which commands are looked for: without what it quotes, without its signature.
//!
//! Nothing that a program quotes may ever look like a new word of its sender. So marked quotations are taken out line
//! by line, and where a mail program says "all below is the earlier mail" the rest is cut off. It may well be too
//! little: [`super::written`] says what the person wrote.

use std::sync::OnceLock;

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

/// What introductions say somebody did, in lower case.
static WROTE: Words = Words::of(
    "wrote|writes|a écrit|a ecrit|schrieb|geschrieben|ha scritto|escribió|escribio|escreveu|\
    schreef|geschreven|skrev|napisał|napisal|pisze|napsal|kirjoitti|írta|написал|пишет|писал|пише|yazdı|\
    a scris|έγραψε|写道|寫道|书写|のメッセージ|書きました|작성|said|says|sagt|viết",
);

/// How introductions begin, in lower case.
static STARTS: Words = Words::of(
    "on |le |am |il |el |em |op |den |w dniu |dnia |på |dne |în |pe |la |в |у |στις |vào |\
    no dia |a(z) |at |fra |från |von |del |de |on\u{a0}|在",
);

/// The words between the dashes of a separator, in lower case.
static SEPARATORS: Words = Words::of(
    "original message|original mail|original appointment|originalmessage|\
    forwarded message|forwarded by|ursprüngliche nachricht|ursprungliche nachricht|originalnachricht|\
    original-nachricht|weitergeleitete nachricht|message d'origine|message original|message d’origine|\
    message transféré|mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato|\
    mensagem original|oorspronkelijk bericht|ursprungligt meddelande|oprindelig meddelelse|\
    opprinnelig melding|пересылаемое сообщение|исходное сообщение|wiadomość oryginalna",
);

/// Lines that begin a forwarded mail without dashes, in lower case.
static FORWARDS: Words = Words::of(
    "begin forwarded message:|anfang der weitergeleiteten|début du message réexpédié|\
    inizio messaggio inoltrato|inicio del mensaje reenviado|reply above this line",
);

/// The names of header lines as mail programs translate them, in lower case: who wrote it.
pub(super) static FROM_NAMES: Words =
    Words::of("from|von|de|da|van|fra|från|od|от|expéditeur|mittente|发件人|寄件者|差出人|보낸 사람");

/// The same: the other lines of such a block.
static OTHER_NAMES: Words = Words::of(
    "sent|date|to|cc|subject|reply-to|bcc|gesendet|datum|an|betreff|kopie|envoyé|à|\
    objet|enviado|enviado el|fecha|para|asunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|skickat|till|\
    ämne|sendt|til|emne|wysłano|do|temat|отправлено|дата|кому|тема|发送时间|收件人|主题|日期|送信日時|宛先|件名|organization|\
    message-id|importance|envoyé le|odesláno|komu|předmět|assunto|data/hora",
);

/// How the lines begin that phones and mail programs put below, in lower case.
static DEVICES: Words = Words::of(
    "sent from |sent via |sent with |sent using |get outlook for |gesendet von |\
    von meinem |envoyé de mon |envoyé depuis |enviado desde |enviado do meu |enviado de mi |inviato da |\
    verzonden vanaf |verstuurd vanaf |skickat från |sendt fra |wysłane z |отправлено с ",
);

/// How lines greet, in lower case.
const GREETINGS: &str = "hi|hello|hey|dear|good morning|good afternoon|good evening|good day|greetings|hallo|liebe|guten |sehr |moin|servus|bonjour|\
    salut|cher|chère|bonsoir|hola|buenos|buenas|estimad|ciao|buongiorno|salve|gentile|olá|ola|bom dia|\
    boa tarde|prezad|beste|geachte|goede|hej|hei|kära|kjære|cześć|witam|dzień|szanown|ahoj|dobrý|\
    здравствуйте|привет|добрый|уважаем|你好|您好|各位|大家|こんにちは|お疲れ|お世話|안녕|merhaba|selam|γεια|\
    hoi|szia|sziasztok|bună|tere|labas|sveiki|terve|moi|zdravo|bok|привіт|вітаю|добрий|xin chào|สวัสดี|שלום|مرحبا|السلام|नमस्ते|\
    to whom it may concern";

/// What a gateway's banner says, in lower case: a word of each list.
const OUTSIDE: &str = "extern|outside|außerhalb|ausserhalb|extérieur|exterieur|estern|fuera|fora d|buiten|\
    utanför|ekstern|zewn|spoza|vnějš|külső|dışından|exterior|ulkopuol|ulkoi|εξωτερικ|внешн|外部|외부|[ext]|\
    unknown sender|don't often get|don’t often get|erhalten nicht oft|pas souvent|no suele recibir|\
    non si ricevono spesso|ontvangt niet vaak|não costuma receber|får inte ofta|modtager ikke ofte";
const MAILS: &str = "mail|message|nachricht|sender|absender|organi|courriel|expéditeur|mensaje|correo|\
    remitente|messaggi|mittente|bericht|afzender|meddelande|wiadomo|письм|сообщени|e-posta|viesti|邮件|郵件|メール|메일|link|[ext";

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
pub fn is_command(line: &str) -> bool {
    let word = line.strip_prefix('/').and_then(|l| l.split_whitespace().next());
    word.is_some_and(|w| line.starts_with(&format!("/{w}")) && w.chars().all(char::is_alphabetic))
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

/// A list of words in lower case, parted by `|`. It is taken apart once, and most lines are told by their first or last
/// octet to do with none of them.
pub(super) struct Words {
    list: &'static str,
    split: OnceLock<Split>,
}

struct Split {
    words: Vec<&'static str>,
    /// The octets that they begin with in either case, and those that they end with.
    first: [bool; 256],
    last: [bool; 256],
}

impl Words {
    pub(super) const fn of(list: &'static str) -> Self {
        Self { list, split: OnceLock::new() }
    }

    fn split(&self) -> &Split {
        self.split.get_or_init(|| {
            let words: Vec<&str> = self.list.split('|').collect();
            let octets = |of: fn(&str) -> Option<u8>| {
                let mut octets = [false; 256];
                for octet in words.iter().filter_map(|w| of(w)) {
                    // The upper case of a letter outside of ASCII may have another octet.
                    let alike = |(n, _): &(usize, &mut bool)| same_octet(u8::try_from(*n).ok(), Some(octet));
                    octets.iter_mut().enumerate().filter(alike).for_each(|(_, is)| *is = true);
                }
                octets
            };
            let (first, last) = (octets(|w| w.bytes().next()), octets(|w| w.bytes().next_back()));
            Split { words, first, last }
        })
    }

    /// Whether a word is one of them.
    pub(super) fn has(&self, word: &str) -> bool {
        self.split().words.contains(&word)
    }

    /// Whether one of them stands in a text of lower case.
    fn stands_in(&self, lower: &str) -> bool {
        self.split().words.iter().any(|w| lower.contains(w))
    }

    /// Whether a text begins with one of them, whatever its case.
    fn begins(&self, text: &str) -> bool {
        let Split { words, first, .. } = self.split();
        let possible = text.bytes().next().and_then(|c| first.get(usize::from(c)));
        possible == Some(&true) && words.iter().any(|w| starts_with(text, w))
    }

    /// Whether a text ends with one of them, whatever its case.
    fn ends(&self, text: &str) -> bool {
        let Split { words, last, .. } = self.split();
        let possible = text.bytes().next_back().and_then(|c| last.get(usize::from(c)));
        possible == Some(&true) && words.iter().any(|w| ends_with(text, w))
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

/// Whether a text begins so, whatever its case; costs no copy, and mostly one comparison.
fn starts_with(text: &str, lower: &str) -> bool {
    // No upper-case letter outside of ASCII has a lower case within it that begins one of our words.
    if !same_octet(text.bytes().next(), lower.bytes().next()) {
        return false;
    }
    if let Some(start) = text.as_bytes().get(..lower.len()).filter(|start| start.is_ascii()) {
        return start.eq_ignore_ascii_case(lower.as_bytes());
    }
    let mut chars = text.chars().flat_map(char::to_lowercase);
    lower.chars().all(|c| chars.next() == Some(c))
}

/// Whether two octets could belong to the same letter in either case: all that is not ASCII could.
fn same_octet(a: Option<u8>, b: Option<u8>) -> bool {
    a.zip(b).is_some_and(|(a, b)| {
        if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(&b) } else { !a.is_ascii() && !b.is_ascii() }
    })
}

/// Whether a text ends so, whatever its case.
fn ends_with(text: &str, lower: &str) -> bool {
    if !same_octet(text.bytes().next_back(), lower.bytes().next_back()) {
        return false;
    }
    let mut chars = text.chars().rev().flat_map(char::to_lowercase);
    lower.chars().rev().all(|c| chars.next() == Some(c))
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
mod tests {
    use super::new_text;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(new_text(text), expect, "{text}");
    }

    #[test]
    fn quotations_are_taken_out_and_inline_answers_stay() {
        check("Yes.\n\n> Is it?\n", "Yes.");
        check("> Is it?\nYes.\n> And that?\nNo.\n", "Yes.\n\nNo.");
        check("On Mon, 1 Jan 2024 at 10:00, Ann <a@example.org> wrote:\n> Is it?\nYes.", "Yes.");
        check("Hi,\n\nOn Mon, 1 Jan 2024 at 10:00, Ann\n<a@example.org> wrote:\n\n> Is it?\n\nYes.", "Hi,\n\nYes.");
        check("  > indented\n>> twice\nnew", "new");
        check("a > b\n>c\n", "a > b");
        for above in [
            "[EXT]\n",
            "Caution\nThis mail came from outside.\n",
            "POZOR: e-mail z vnějšku.\n\nDobrý den,\n\n",
            "Hola a todos:\n",
            "Sehr geehrte Damen und Herren,\n",
            "Hi Lee, hi Ann,\n\n",
        ] {
            check(&format!("{above}/ack\n\nThanks."), "/ack\n\nThanks.");
        }
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nHi,\n\n/ack\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----";
        check(&format!("[EXTERNAL]\n\n{signed}"), "/ack");
        // What asks, introduces or says more is no greeting, and no banner.
        for above in [
            "Hello Lee wrote:",
            "[EXTERNAL] Lee wrote:",
            "External mail:",
            "Hello, do not send",
            "Good grief",
            "Hi?",
            "Is this mail external?",
        ] {
            check(&format!("{above}\n\n/ack"), &format!("{above}\n\n/ack"));
        }
        check("", "");
        check("> only\n> quoted", "");
    }

    #[test]
    fn introductions_in_other_languages() {
        for intro in [
            "Am 1.1.2024 um 10:00 schrieb Ann <a@example.org>:",
            "Ann <a@example.org> schrieb am Mo., 1. Jan. 2024, 10:00:",
            "Le lun. 1 janv. 2024 à 10:00, Ann <a@example.org> a écrit :",
            "El lun, 1 ene 2024 a las 10:00, Ann (<a@example.org>) escribió:",
            "Il giorno lun 1 gen 2024 alle ore 10:00 Ann <a@example.org> ha scritto:",
            "Em seg., 1 de jan. de 2024 às 10:00, Ann <a@example.org> escreveu:",
            "Op ma 1 jan 2024 om 10:00 schreef Ann <a@example.org>:",
            "Den mån 1 jan. 2024 kl 10:00 skrev Ann <a@example.org>:",
            "W dniu 1.01.2024 o 10:00, Ann pisze:",
            "1 янв. 2024 г., в 10:00, Ann <a@example.org> написал(а):",
            "2024年1月1日(月) 10:00 Ann <a@example.org>:",
            "在 2024年1月1日，10:00，Ann <a@example.org> 写道：",
        ] {
            check(&format!("New.\n\n{intro}\n> old\n"), "New.");
            check(&format!("New.\n\n{intro}\n\n> old\n\nBelow."), "New.\n\nBelow.");
        }
        check("New.\n\nOn Mon, 1 Jan 2024, Ann <a@example.org> wrote:\n\nold without marks\n", "New.");
    }

    #[test]
    fn what_people_write_is_not_an_introduction() {
        for text in [
            "On reflection this is bad:\nit crashes.",
            "The file says:\n\n    wrote 2024 bytes to disk",
            "From: the start, it was broken.\nIt still is.",
            "Steps:\n1. run it\n2. look",
            "--\nfirst\n\nsecond\n\nthird\n\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14",
            "----\nAnother section",
            "Sent from my script, the request fails.\nAlways.",
            "Version 1.2.3 wrote:\nno, it did not.",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn all_below_an_earlier_mail_is_cut() {
        for tail in [
            "-----Original Message-----\nFrom: x\n/close",
            "-----Ursprüngliche Nachricht-----\nold",
            "---------- Forwarded message ---------\nold",
            "Begin forwarded message:\n\nold",
            "From: Ann <a@example.org>\nSent: Monday\nTo: Security\nSubject: x\n\nold",
            "*From:* Ann\n*Date:* Monday\n*Subject:* x\n\nold",
            "Von: Ann\nGesendet: Montag\nAn: Security\nBetreff: x\n\nold",
            "De : Ann\nEnvoyé : lundi\nÀ : Security\nObjet : x\n\nold",
            "________________________________\nFrom: Ann\nSent: Monday\nTo: x\n\nold",
            "_______________________________________________\nexample mailing list\nlist@example.org",
            "-- \nAnn\nExample Ltd\n",
            "--\nAnn\n",
        ] {
            check(&format!("New.\n\n{tail}"), "New.");
        }
        for line in [
            "Sent from my iPhone",
            "Gesendet von meinem Telefon",
            "Envoyé de mon iPhone",
            "Get Outlook for iOS<https://a.example>",
        ] {
            check(&format!("New.\n\n{line}\n\n> old"), "New.");
        }
    }
}
