//! From octets to characters: transfer encodings, charsets, encoded words. None of it fails; what cannot be
//! decoded stays as it came.

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_2022_JP, UTF_8, UTF_16BE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// The most octets of one value that are decoded or taken apart; a Message-ID or an address is far shorter.
pub(super) const MAX_VALUE: usize = 16 * 1024;

/// Octets without a charset: UTF-8 where they are valid, else Windows-1252, in which every octet is a character.
pub(crate) fn bytes(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(raw).0.into_owned(),
    }
}

/// Text without a charset, for people: as [`bytes`], but ISO-2022-JP and ISO-2022-KR where their escapes stand in it,
/// and what is no UTF-8 in the charset that its surroundings name, where it is in that.
fn text(raw: &[u8], around: Option<&str>) -> String {
    let around =
        || decoded(raw, &label(around?)).filter(|t| std::str::from_utf8(raw).is_err() && !t.contains('\u{fffd}'));
    escaped(raw).or_else(around).unwrap_or_else(|| bytes(raw))
}

/// Text of 7 bits whose escapes say what it is in (RFC 1468, RFC 1557): software of these languages often names no
/// charset.
fn escaped(raw: &[u8]) -> Option<String> {
    let escape = |wanted: &[u8]| find(raw, wanted, 0).is_some();
    let charset = match raw.contains(&0x1b) && raw.is_ascii() {
        true if escape(b"\x1b$B") || escape(b"\x1b$@") => "iso-2022-jp",
        true if escape(b"\x1b$)C") => "iso-2022-kr",
        _ => return None,
    };
    decoded(raw, charset).filter(|text| !text.contains('\u{fffd}'))
}

/// How far the charset that a text claims held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The text is in it.
    Held,
    /// It is known, and the text is not in it.
    Broken,
    /// Nothing here reads it.
    Unknown,
}

/// Text in a charset that its sender claims, and whether the claim held.
///
/// "us-ascii" and "iso-8859-1" are claimed by software that does not look; valid UTF-8 is believed over them, and escapes
/// over any. No text of some length in another charset is valid UTF-8 by chance.
pub fn charset(raw: &[u8], claimed: Option<&str>) -> (String, Fit) {
    const BY_CHANCE: usize = 10;
    if let Some(text) = escaped(raw) {
        return (text, Fit::Held);
    }
    let claimed = label(claimed.unwrap_or("us-ascii"));
    let known = encoding(&claimed);
    let utf_8 = std::str::from_utf8(raw).ok().filter(|_| known != Some(UTF_8));
    match utf_8 {
        Some(text) if known == Some(WINDOWS_1252) => return (text.to_owned(), Fit::Held),
        Some(text) if raw.iter().filter(|c| !c.is_ascii()).nth(BY_CHANCE).is_some() => {
            return (text.to_owned(), decoded(&[], &claimed).map_or(Fit::Unknown, |_| Fit::Broken));
        }
        Some(_) | None => {}
    }
    match decoded(raw, &claimed) {
        None => (bytes(raw), Fit::Unknown),
        Some(read) => match read.chars().filter(|c| *c == '\u{fffd}').count() {
            0 if claimed.contains("ascii") && !raw.is_ascii() => (read, Fit::Broken),
            0 => (read, Fit::Held),
            // One octet that a way has broken must not cost the others their meaning.
            broken if broken.saturating_mul(20) < read.len() => (read, Fit::Broken),
            _ => (bytes(raw), Fit::Broken),
        },
    }
}

/// Charsets, and how names that mail programs write begin, in letters and digits; or the numbers of code pages.
const NAMES: &[(&str, &str)] = &[
    ("shift_jis", "932 943 windows31j shiftjis sjis"),
    ("gb18030", "936 1386 51936 54936 euccn gb"),
    ("euc-kr", "949 1363 51949 euckr uhc ksc"),
    ("big5", "950 big5"),
    ("euc-jp", "20932 51932 eucjp ujis"),
    ("iso-2022-jp", "50220 50221 50222 iso2022jp jis"),
    ("iso-2022-kr", "50225 iso2022kr"),
    ("hz-gb-2312", "52936 hz"),
    ("windows-874", "874 tis620"),
    ("koi8-r", "20866 koi8r"),
    ("koi8-u", "21866 koi8u"),
    ("ibm866", "866"),
    ("cp850", "850"),
    ("macintosh", "10000 macroman"),
    ("x-mac-cyrillic", "10007 maccyrillic"),
    ("iso-8859-15", "latin9"),
    ("utf-16le", "1200"),
    ("utf-16be", "1201"),
    ("utf-7", "65000 utf7 unicode11utf7"),
    ("utf-8", "65001 utf8"),
];

/// What a charset is called in the registry of the Web, which lacks many names that mail programs write. Letters and
/// digits alone tell names apart (UTS 22 section 1.4).
fn label(claimed: &str) -> String {
    // A language may follow (RFC 2231 section 5).
    let claimed = claimed.split('*').next().unwrap_or_default().trim().to_ascii_lowercase();
    if encoding(&claimed).is_some() {
        return claimed;
    }
    let plain: String = claimed.trim_start_matches("x-").chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.strip_prefix("cs").unwrap_or(&plain);
    if let Some((_, part)) = plain.split_once("8859") {
        return format!("iso-8859-{}", part.trim_end_matches(|c: char| c.is_ascii_alphabetic()));
    }
    let page = plain.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let is = |word: &str| word == page || plain.starts_with(word) && !word.starts_with(|c: char| c.is_ascii_digit());
    match (NAMES.iter().find(|(_, words)| words.split(' ').any(is)), page.parse::<u16>()) {
        (Some((known, _)), _) => (*known).to_owned(),
        (None, Ok(1250..=1258)) => format!("windows-{page}"),
        (None, Ok(part @ 28591..=28606)) => format!("iso-8859-{}", part - 28590),
        (None, Ok(_) | Err(_)) if encoding(plain).is_some() => plain.to_owned(),
        (None, Ok(_) | Err(_)) => claimed,
    }
}

/// Octets in the charset of a [`label`]; `None` where nothing here reads it. What it does not have becomes U+FFFD.
fn decoded(raw: &[u8], label: &str) -> Option<String> {
    match label {
        // encoding_rs refuses these, since a page of the Web could hide its scripts in them.
        "iso-2022-kr" => Some(EUC_KR.decode_without_bom_handling(&unshift(raw, false)).0.into_owned()),
        "hz-gb-2312" => Some(GBK.decode_without_bom_handling(&unshift(raw, true)).0.into_owned()),
        "iso-2022-jp" => Some(ISO_2022_JP.decode_without_bom_handling(&last_escapes(raw)).0.into_owned()),
        "utf-7" => Some(utf_7(raw)),
        "cp850" => charset_decoder(label.as_bytes()).map(|decode| decode(raw)),
        _ => encoding(label).map(|e| e.decode(raw).0.into_owned()),
    }
}

fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
}

/// Without each escape that another follows at once, as where two encoded words meet: encoding_rs takes such for
/// errors.
fn last_escapes(raw: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = raw.split(|c| *c == 0x1b).collect();
    let last = pieces.len().saturating_sub(1);
    let kept = pieces.into_iter().enumerate().filter(|(n, piece)| *n == 0 || *n == last || piece.len() != 2);
    kept.map(|(_, piece)| piece).collect::<Vec<_>>().join(&0x1b)
}

/// UTF-7 (RFC 2152): between "+" and what is no base64, UTF-16; a "-" that ends it is not shown, and "+-" is "+".
fn utf_7(raw: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some((before, after)) = find(rest, b"+", 0).and_then(|at| rest.split_at_checked(at)) {
        let after = after.strip_prefix(b"+").unwrap_or(after);
        let is_digit = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
        let (digits, tail) =
            after.split_at_checked(after.iter().take_while(|c| is_digit(c)).count()).unwrap_or_default();
        out.push_str(&bytes(before));
        out.push_str(if digits.is_empty() { "+" } else { "" });
        out.push_str(&UTF_16BE.decode_without_bom_handling(&base64(digits, usize::MAX)).0);
        rest = tail.strip_prefix(b"-").unwrap_or(tail);
    }
    out.push_str(&bytes(rest));
    out
}

/// Text of 7 bits that shifts between ASCII and characters of two octets, as the charset of 8 bits that it stands for:
/// ISO-2022-KR shifts by SO and SI (RFC 1557), HZ by `~{` and `~}` (RFC 1843). Each line begins in ASCII.
fn unshift(raw: &[u8], hz: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut shifted = false;
    let mut rest = raw;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        match (c, after) {
            (0x21..=0x7d, [second @ 0x21..=0x7e, tail @ ..]) if shifted => {
                out.extend([c | 0x80, second | 0x80]);
                rest = tail;
            }
            (b'~', [shift @ (b'{' | b'}'), tail @ ..]) if hz => (shifted, rest) = (*shift == b'{', tail),
            (b'~', [b'~', tail @ ..]) if hz => {
                out.push(b'~');
                rest = tail;
            }
            // A line that goes on.
            (b'~', [b'\r' | b'\n', ..]) if hz => {}
            (0x0e | 0x0f, _) if !hz => shifted = c == 0x0e,
            (0x1b, [b'$', b')', b'C', tail @ ..]) if !hz => rest = tail,
            (_, _) => {
                shifted &= c != b'\n';
                out.push(c);
            }
        }
    }
    out
}

/// Text whose lines end in `\n`, whatever they ended in.
pub(crate) fn line_ends(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for (index, piece) in text.split('\r').enumerate() {
        if index > 0 && !piece.starts_with('\n') {
            out.push('\n');
        }
        out.push_str(piece);
    }
    out
}

/// A header value on one line with its encoded words decoded (RFC 2047), at most 16 KiB of it. What stands between
/// them is in the charset of the text `around` them, if in any; words of a charset that nothing here reads stay as they
/// came.
///
/// Words that only blanks part are joined before they are decoded where they say the same charset and encoding: much
/// software splits them within a character.
pub fn words(value: &[u8], around: Option<&str>) -> String {
    let line = unfolded(value);
    // Beyond the last of these no word ends: looking for it from each beginning would be quadratic.
    let last = line.windows(2).rposition(|w| w == b"?=").unwrap_or_default();
    let mut out = String::new();
    // The words that are being joined, and where they stand.
    let mut open: Option<Word> = None;
    let (mut at, mut plain) = (0, 0);
    while let Some(begin) = find(&line, b"=?", at) {
        let Some(word) = Word::at(&line, begin, last) else {
            at = begin + 2;
            continue;
        };
        let between = line.get(plain..begin).unwrap_or_default();
        (at, plain) = (word.end, word.end);
        open = match open.take() {
            Some(mut last) if between.trim_ascii().is_empty() => {
                if last.charset == word.charset && last.q == word.q {
                    last.text.extend(word.text);
                    last.end = word.end;
                    Some(last)
                } else {
                    last.write(&line, &mut out);
                    Some(word)
                }
            }
            last => {
                last.into_iter().for_each(|w| w.write(&line, &mut out));
                out.push_str(&text(between, around));
                Some(word)
            }
        };
    }
    open.into_iter().for_each(|w| w.write(&line, &mut out));
    out.push_str(&text(line.get(plain..).unwrap_or_default(), around));
    out.trim().to_owned()
}

/// An encoded word, or several joined.
struct Word {
    charset: String,
    q: bool,
    /// Still encoded.
    text: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Word {
    /// Reads the word that begins here, "=?charset?q?text?=", where a word can end no later than at `last`.
    fn at(line: &[u8], begin: usize, last: usize) -> Option<Self> {
        let mut fields = line.get(begin + 2..)?.splitn(3, |&c| c == b'?');
        let charset = std::str::from_utf8(fields.next()?).ok()?;
        let q = match fields.next()? {
            b"q" | b"Q" => true,
            b"b" | b"B" => false,
            _ => return None,
        };
        let start = begin + 2 + charset.len() + 3;
        if charset.is_empty() || charset.contains(char::is_whitespace) || start > last {
            return None;
        }
        let text = fields.next()?;
        let text = text.get(..find(text, b"?=", 0)?)?;
        let end = start + text.len() + 2;
        Some(Self { charset: label(charset), q, text: text.to_vec(), begin, end })
    }

    fn write(self, line: &[u8], out: &mut String) {
        let octets = if self.q {
            let text: Vec<u8> =
                self.text.into_iter().flat_map(|c| if c == b'_' { vec![b'=', b'2', b'0'] } else { vec![c] }).collect();
            quoted_printable(&text, usize::MAX)
        } else {
            base64(&self.text, usize::MAX)
        };
        match charset(&octets, Some(&self.charset)) {
            (read, Fit::Held | Fit::Broken) => out.push_str(&read),
            (_, Fit::Unknown) => out.push_str(&bytes(line.get(self.begin..self.end).unwrap_or_default())),
        }
    }
}

fn find(line: &[u8], what: &[u8], from: usize) -> Option<usize> {
    line.get(from..)?.windows(what.len()).position(|w| w == what).map(|at| from + at)
}

/// Undoes quoted-printable (RFC 2045 section 6.7). A "=" that encodes nothing stays.
pub fn quoted_printable(raw: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len().min(max));
    for line in raw.split_inclusive(|&c| c == b'\n') {
        let content = line.trim_ascii_end();
        // Blanks before the end of a line are transport padding, but a blank line's own end is not.
        let ended = line.ends_with(b"\n");
        let (content, soft) = match content.strip_suffix(b"=") {
            Some(before) => (before, true),
            None => (content, false),
        };
        let mut rest = content;
        while let Some((&c, after)) = rest.split_first() {
            if out.len() >= max {
                return out;
            }
            rest = after;
            let octet = match (c, after) {
                (b'=', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
                _ => None,
            };
            match octet {
                Some(octet) => {
                    out.push(octet);
                    rest = after.get(2..).unwrap_or_default();
                }
                None => out.push(c),
            }
        }
        if ended && !soft {
            out.push(b'\n');
        }
    }
    out
}

/// The octets of a folded value without its line ends; at most 16 KiB of it.
pub(crate) fn unfolded(value: &[u8]) -> Vec<u8> {
    let value = value.get(..MAX_VALUE.min(value.len())).unwrap_or(value);
    value.iter().copied().filter(|&c| c != b'\r' && c != b'\n').collect()
}

/// Undoes percent encoding (RFC 2231 section 4). A "%" that encodes nothing stays.
pub(crate) fn percent(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&c, after)) = rest.split_first() {
        let octet = match (c, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        out.push(octet.unwrap_or(c));
        rest = after.get(if octet.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    out
}

fn hex(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Undoes base64 (RFC 2045 section 6.8); what is not of its alphabet is passed over, as the RFC asks.
pub fn base64(raw: &[u8], max: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity((raw.len() / 4 * 3).min(max));
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &c in raw {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // Padding ends a group; some software joins several encodings.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., octet] = (bits >> count).to_be_bytes();
            out.push(octet);
            if out.len() >= max {
                break;
            }
        }
    }
    out
}

/// How many octets base64 holds, without decoding it.
pub fn base64_size(raw: &[u8]) -> u64 {
    let is_digit = |c: &u8| u8::from(c.is_ascii_alphanumeric() | (*c == b'+') | (*c == b'/'));
    // As many at a time as one octet counts: that is done for many at once.
    let digits: usize = raw.chunks(255).map(|c| usize::from(c.iter().map(is_digit).sum::<u8>())).sum();
    u64::try_from(digits).unwrap_or(u64::MAX) / 4 * 3 + [0, 0, 1, 2].get(digits % 4).copied().unwrap_or_default()
}
