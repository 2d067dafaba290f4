//! Names and strings as IMAP wants them in a command.

use data_encoding::BASE64_NOPAD;

use super::error::ImapError;

/// A folder name, as a quoted string in modified UTF-7 (RFC 3501 section 5.1.3).
pub(super) fn quoted_folder(name: &str) -> Result<String, ImapError> {
    if name.is_empty() {
        return Err(ImapError::Unusable("the folder has no name"));
    }
    if name.chars().any(char::is_control) {
        return Err(ImapError::Unusable("the name of the folder holds a control character"));
    }
    Ok(quoted(&modified_utf7(name)))
}

/// A quoted string. The text is printable ASCII.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whether a text can stand in a quoted string.
pub(super) fn is_printable(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

fn modified_utf7(name: &str) -> String {
    let mut encoded = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut encoded, &mut shifted);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            shifted.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut encoded, &mut shifted);
    encoded
}

/// Writes out what waits as base64 over UTF-16, with "," in place of "/".
fn unshift(encoded: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        encoded.push('&');
        encoded.push_str(&BASE64_NOPAD.encode(shifted).replace('/', ","));
        encoded.push('-');
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::quoted_folder;

    #[test]
    fn a_folder_is_encoded_and_quoted() {
        fn check(name: &str, expect: &str) {
            assert_eq!(quoted_folder(name).unwrap(), expect, "{name}");
        }
        check("INBOX", r#""INBOX""#);
        check("Post & Co", r#""Post &- Co""#);
        check("Entwürfe", r#""Entw&APw-rfe""#);
        // The example of RFC 3501 section 5.1.3.
        check("~peter/mail/台北/日本語", r#""~peter/mail/&U,BTFw-/&ZeVnLIqe-""#);
        check("😀", r#""&2D3eAA-""#);
        check(r#"a"b\c"#, r#""a\"b\\c""#);
        check("日&本", r#""&ZeU-&-&Zyw-""#);
    }

    #[test]
    fn a_folder_cannot_carry_a_second_command() {
        for name in ["", "INBOX\r\nA2 DELETE INBOX", "a\nb", "a\rb", "a\0b", "a\u{7f}b", "a\u{85}b"] {
            assert!(quoted_folder(name).is_err(), "{name:?}");
        }
    }
}
