//! From octets to characters: transfer encodings, charsets, encoded words. None of it fails; what cannot be
//! decoded stays as it came.

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::parsers::MessageStream;

/// Text without a charset: UTF-8 where it is valid, else Windows-1252, in which every octet is a character.
pub fn bytes(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => windows_1252(raw),
    }
}

fn windows_1252(raw: &[u8]) -> String {
    charset_decoder(b"windows-1252").map_or_else(|| String::from_utf8_lossy(raw).into_owned(), |decode| decode(raw))
}

/// Text in a charset that its sender claims, and whether the claim held.
///
/// "us-ascii" and "iso-8859-1" are claimed by software that does not look; valid UTF-8 is believed over them.
pub fn charset(raw: &[u8], claimed: Option<&str>) -> (String, bool) {
    let claimed = claimed.unwrap_or("us-ascii").trim().to_ascii_lowercase();
    let known = charset_decoder(claimed.as_bytes());
    // mail-parser has no decoder for UTF-8, since that is what it decodes to.
    let is_utf8 = claimed == "utf-8" || claimed == "utf8";
    let careless = ["us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"].contains(&claimed.as_str());
    let utf8 = std::str::from_utf8(raw).ok().filter(|_| is_utf8 || careless || known.is_none());
    match (utf8, known) {
        (Some(text), known) => (text.to_owned(), is_utf8 || known.is_some()),
        (None, Some(decode)) => {
            let text = decode(raw);
            if text.contains('\u{fffd}') { (bytes(raw), false) } else { (text, true) }
        }
        (None, None) => (bytes(raw), false),
    }
}

/// Text whose lines end in `\n`, whatever they ended in.
pub fn line_ends(text: String) -> String {
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

/// A header value on one line with its encoded words decoded (RFC 2047).
pub fn words(value: &[u8]) -> String {
    let line = super::header::unfold(value);
    if !line.contains("=?") {
        return line.trim().to_owned();
    }
    let line = format!("{line}\n");
    MessageStream::new(line.as_bytes()).parse_unstructured().as_text().unwrap_or(line.trim()).to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_are_decoded_as_claimed_where_that_can_be() {
        let check = |raw: &[u8], claimed: &str, text: &str, held: bool| {
            assert_eq!(charset(raw, Some(claimed)), (text.to_owned(), held), "{claimed}");
        };
        check("\u{20ac}".as_bytes(), "us-ascii", "\u{20ac}", true);
        check("\u{20ac}".as_bytes(), "UTF-8", "\u{20ac}", true);
        check(b"\xe4", "ISO-8859-1", "\u{e4}", true);
        check(b"\xe4", "utf-8", "\u{e4}", false);
        check(b"\xe4", "no-such", "\u{e4}", false);
        check("\u{e4}".as_bytes(), "no-such", "\u{e4}", false);
        // These four octets are valid UTF-8 too.
        check(b"\xc1\xaa\xcd\xa8", "gb2312", "\u{8054}\u{901a}", true);
        check(b"\x1b$B$\"\x1b(B", "iso-2022-jp", "\u{3042}", true);
        check(b"a\0b\0", "utf-16le", "ab", true);
    }

    #[test]
    fn transfer_encodings_are_undone_leniently() {
        assert_eq!(quoted_printable(b"a=3Db=\r\nc =\r\n=zz=4\n", 99), b"a=bc =zz=4\n");
        assert_eq!(quoted_printable(b"abc", 2), b"ab");
        assert_eq!(quoted_printable(b"a  \r\n\r\nb", 99), b"a\n\nb");
        assert_eq!(base64(b"aGVs bG8=\r\nIQ==", 99), b"hello!");
        assert_eq!(base64(b"aGVsbG8", 99), b"hello");
        assert_eq!(base64(b"aGVsbG8=", 2), b"he");
        assert_eq!(base64_size(b"aGVs\r\nbG8="), 5);
    }

    #[test]
    fn encoded_words_are_decoded() {
        assert_eq!(words(b" =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?b?IQ==?= x "), "J\u{f6}rg! x");
        assert_eq!(words(b"a =?nonsense b"), "a =?nonsense b");
        assert_eq!(words(b""), "");
    }
}
