//! Tokens: proof that whoever writes has seen one certain notice, and the keys that make them.
//!
//! A token is 30 bytes, 48 characters of lower-case base32 (relays fold case):
//! purpose 1 | key 1 | party 4 | ticket 4 | notice 4 | HMAC-SHA256 truncated to 16 (RFC 2104 section 5).
//! One stands in the plus-address of a Reply-To, in the Message-ID and in the References of each notice, one in the
//! envelope sender, so that a bounce says what it is about, and one in a header by which our own mail is known when it
//! comes back.
//!
//! Each purpose has a key of its own, derived from the secret, so that nothing made for one verifies as another.
//! A token never authorises by itself: a command also needs a believed sender who is that party.

use std::fmt::Write as _;

use data_encoding::{Encoding, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::vocabulary::{Address, MessageId, TicketId};

/// The field that marks our own mail. It holds a token, so that nobody can have a mail passed over by writing it.
pub(crate) const LOOP_FIELD: &str = "X-Disclosed-Loop";
/// Octets of a secret.
pub const KEY_LENGTH: usize = 32;
/// Characters of a token.
pub const LENGTH: usize = 48;
/// From here on, above all numbers of notices, an older disclosed numbered the mails by which it tried the servers out:
/// they bore tokens like those of notices, and may still lie in a folder. See [`Token::is_of_notice`].
pub const CHECKS: u32 = 0xff00_0000;
/// The most secrets that are in force at a time.
pub(crate) const SECRETS_MAX: usize = 16;
const MAC_LENGTH: usize = 16;
/// Behind the token in [`Token::reference`].
const REFERENCE: &str = ".ref";
/// Octets of a one-time code: eight characters.
const CODE_LENGTH: usize = 5;

/// The secrets of this database, the newest first. They never leave it. The newest makes tokens; the others are still
/// good for what they made, until a person drops them.
#[derive(Clone)]
pub struct Key(Vec<Secret>);

/// One secret.
#[derive(Clone)]
pub struct Secret {
    /// Its number, which stands in each token that it made.
    pub id: u8,
    /// When it was made; `None` for one from a file that does not say.
    pub made: Option<Timestamp>,
    bytes: [u8; KEY_LENGTH],
}

/// Why a key file is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is neither a bare secret nor lines of number, time and secret.
    #[error("not a key file; restore it from a backup")]
    Unreadable,
    /// Two secrets have one number.
    #[error("two secrets have the number {0}; restore it from a backup")]
    Twice(u8),
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A person of the project answers a notice.
    Person,
    /// A reporter answers; it lets them add to the ticket, and nothing else.
    Reporter,
    /// The envelope sender of a notice: what comes to it says that the notice did not arrive, if a program wrote it.
    Bounce,
    /// Stands in a header of each notice, to know it by when it comes back.
    Loop,
    /// Stands in a mail by which we try the servers out, and that no database knows: of `check --online`, and of any
    /// other that asks whether mail comes through. It says that the mail is ours and no more: it is no proof that there
    /// was a notice, so that it never means that the database is older than the mailbox.
    Check,
}

impl Purpose {
    const ALL: [Self; 5] = [Self::Person, Self::Reporter, Self::Bounce, Self::Loop, Self::Check];

    /// Its number in a token.
    fn number(self) -> u8 {
        match self {
            Self::Person => 1,
            Self::Reporter => 2,
            Self::Bounce => 3,
            Self::Loop => 4,
            Self::Check => 5,
        }
    }

    /// What its key is derived with.
    fn label(self) -> &'static str {
        match self {
            Self::Person => "reply as a person",
            Self::Reporter => "reply as a reporter",
            Self::Bounce => "bounce",
            Self::Loop => "loop",
            Self::Check => "check",
        }
    }

    /// Whether it lets its holder answer a notice.
    pub fn answers(self) -> bool {
        match self {
            Self::Person | Self::Reporter => true,
            Self::Bounce | Self::Loop | Self::Check => false,
        }
    }

    /// Whether it marks a mail of ours that is no answer to anything.
    pub fn marks(self) -> bool {
        match self {
            Self::Loop | Self::Check => true,
            Self::Person | Self::Reporter | Self::Bounce => false,
        }
    }
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// What it is good for.
    pub purpose: Purpose,
    /// Fingerprint of the address that it was given to.
    pub party: u32,
    /// The ticket; `None` for a notice about no single ticket.
    pub ticket: Option<TicketId>,
    /// The number of the notice in the outbox.
    pub notice: u32,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The key of one purpose: HKDF-Expand (RFC 5869 section 2.3) for 32 octets. The secret is as random as a key can
    /// be, so that there is nothing to extract (section 3.3).
    fn keyed(&self, label: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length, so this cannot fail.
        let mut derive = Hmac::<Sha256>::new_from_slice(&self.bytes).ok()?;
        derive.update(label.as_bytes());
        derive.update(&[1]);
        Hmac::<Sha256>::new_from_slice(&derive.finalize().into_bytes()).ok()
    }

    /// HMAC-SHA256 of parts, each with its length, so that no two inputs run together.
    fn mac(&self, label: &str, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = self.keyed(label)?;
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }

    /// A word that tells this secret from another, and nothing about it.
    fn print(&self) -> String {
        let mac = self.mac("which key this is", &[&[self.id]]).map(|m| m.finalize().into_bytes());
        BASE32.encode(&mac.into_iter().flatten().take(CODE_LENGTH).collect::<Vec<u8>>())
    }
}

impl Key {
    /// One secret, of number 0: what a key file of 32 octets holds.
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(vec![Secret { id: 0, made: None, bytes }])
    }

    /// The first secret of a database.
    pub fn first(bytes: [u8; KEY_LENGTH], made: Timestamp) -> Self {
        Self(vec![Secret { id: 1, made: Some(made), bytes }])
    }

    /// Reads a key file: 32 raw octets, or a line `NUMBER MADE SECRET` for each secret, the newest first. Lines that
    /// begin with `#` are for people.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn parse(file: &[u8]) -> Result<Self, KeyError> {
        if let Ok(bytes) = <[u8; KEY_LENGTH]>::try_from(file) {
            return Ok(Self::new(bytes));
        }
        let text = std::str::from_utf8(file).map_err(|_| KeyError::Unreadable)?;
        let mut secrets: Vec<Secret> = Vec::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let secret = secret_line(line).ok_or(KeyError::Unreadable)?;
            if secrets.iter().any(|s| s.id == secret.id) {
                return Err(KeyError::Twice(secret.id));
            }
            secrets.push(secret);
        }
        if secrets.is_empty() || secrets.len() > SECRETS_MAX { Err(KeyError::Unreadable) } else { Ok(Self(secrets)) }
    }

    /// The key file.
    pub fn to_text(&self) -> String {
        let mut text = "# The secrets of disclosed: number, when it was made, secret; the newest first.\n".to_owned();
        for s in &self.0 {
            let made = s.made.map_or("-".to_owned(), |m| m.to_string());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {made} {}", s.id, HEXLOWER.encode(&s.bytes));
        }
        text
    }

    /// All secrets, the newest first.
    pub fn secrets(&self) -> &[Secret] {
        &self.0
    }

    /// The same with a new secret in front; `None` when there are [`SECRETS_MAX`] already.
    pub fn rotated(&self, bytes: [u8; KEY_LENGTH], made: Timestamp) -> Option<Self> {
        let newest = self.0.first().map_or(0, |s| s.id);
        // The next number that no secret in force has: what an old token names must not be another secret.
        let id = (1..=u8::MAX).map(|n| newest.wrapping_add(n)).find(|id| self.0.iter().all(|s| s.id != *id))?;
        let mut secrets = vec![Secret { id, made: Some(made), bytes }];
        secrets.extend(self.0.iter().cloned());
        (secrets.len() <= SECRETS_MAX).then_some(Self(secrets))
    }

    /// The same without one secret; `None` when there is none of that number, or no other.
    pub fn without(&self, id: u8) -> Option<Self> {
        let rest: Vec<Secret> = self.0.iter().filter(|s| s.id != id).cloned().collect();
        (!rest.is_empty() && rest.len() < self.0.len()).then_some(Self(rest))
    }

    /// A word for each secret, to know it by.
    pub fn prints(&self) -> Vec<String> {
        self.0.iter().map(Secret::print).collect()
    }

    /// A one-time code of eight characters for a grave command, bound to all of the parts.
    pub fn code(&self, parts: &[&[u8]]) -> String {
        let mac = self.0.first().and_then(|s| s.mac(CODE, parts)).map(|m| m.finalize().into_bytes());
        BASE32.encode(&mac.into_iter().flatten().take(CODE_LENGTH).collect::<Vec<u8>>())
    }

    /// Whether a person gave the code for these parts, in time that does not tell how nearly. A code that was sent
    /// before the key was rotated is still one.
    pub fn is_code(&self, given: &str, parts: &[&[u8]]) -> bool {
        let Ok(given) = BASE32.decode(given.trim().as_bytes()) else { return false };
        let good = |s: &Secret| s.mac(CODE, parts).is_some_and(|m| m.verify_truncated_left(&given).is_ok());
        given.len() == CODE_LENGTH && self.0.iter().any(good)
    }

    /// A number that only this key makes of these parts, for one use that the label names. The oldest secret makes it,
    /// so that what is named by it keeps its name when the key is rotated.
    pub fn number(&self, label: &str, parts: &[&[u8]]) -> u32 {
        let mac = self.0.last().and_then(|s| s.mac(label, parts)).map(|m| m.finalize().into_bytes());
        u32::from_be_bytes(mac.as_ref().and_then(|m| m.first_chunk()).copied().unwrap_or_default())
    }
}

/// What the key of one-time codes is derived with.
const CODE: &str = "one-time code";

fn secret_line(line: &str) -> Option<Secret> {
    let mut words = line.split_whitespace();
    let id = words.next()?.parse().ok()?;
    let made = match words.next()? {
        "-" => None,
        made => Some(made.parse().ok()?),
    };
    let bytes = HEXLOWER.decode(words.next()?.as_bytes()).ok()?;
    let bytes = <[u8; KEY_LENGTH]>::try_from(bytes).ok()?;
    words.next().is_none().then_some(Secret { id, made, bytes })
}

/// Digits and lower-case letters without i, l, o, u: nothing that a person could misread or a relay could change.
static BASE32: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
    let mut spec = data_encoding::Specification::new();
    spec.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    spec.translate.from.push_str("ABCDEFGHJKMNPQRSTVWXYZ");
    spec.translate.to.push_str("abcdefghjkmnpqrstvwxyz");
    #[expect(clippy::expect_used, reason = "a constant alphabet of 32 distinct symbols; a test holds it")]
    spec.encoding().expect("the alphabet is sound")
});

/// The fingerprint of an address in a token.
pub fn party(address: &Address) -> u32 {
    let hash: [u8; 32] = Sha256::digest(address.key().as_bytes()).into();
    u32::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

impl Token {
    fn head(&self, key: u8) -> [u8; 14] {
        let mut head = [0; 14];
        let fields = [self.purpose.number(), key]
            .into_iter()
            .chain(self.party.to_be_bytes())
            .chain(self.ticket.map_or(0, |t| t.0).to_be_bytes())
            .chain(self.notice.to_be_bytes());
        head.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        head
    }

    /// Whether it was made for a notice, which the database that made it knows.
    pub fn is_of_notice(&self) -> bool {
        self.purpose != Purpose::Check && self.notice < CHECKS
    }

    /// The token as text, made by the newest secret.
    pub fn sign(&self, key: &Key) -> String {
        let Some(secret) = key.0.first() else { return String::new() };
        let head = self.head(secret.id);
        let mac = secret.mac(self.purpose.label(), &[&head]).map(|m| m.finalize().into_bytes());
        let bytes: Vec<u8> = head.into_iter().chain(mac.into_iter().flatten().take(MAC_LENGTH)).collect();
        BASE32.encode(&bytes)
    }

    /// Reads a token; `None` unless a secret that is in force made it.
    pub fn verify(text: &str, key: &Key) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let bytes = BASE32.decode(text.as_bytes()).ok()?;
        let (head, mac) = bytes.split_at_checked(14)?;
        let number = |at: usize| -> Option<u32> { Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?)) };
        let purpose = Purpose::ALL.into_iter().find(|p| Some(&p.number()) == head.first())?;
        let secret = key.0.iter().find(|s| Some(&s.id) == head.get(1))?;
        // Both halves of the comparison are of the right length: the text is, so its octets are.
        secret.mac(purpose.label(), &[head])?.verify_truncated_left(mac).ok()?;
        let ticket = Some(TicketId(number(6)?)).filter(|t| t.0 != 0);
        Some(Self { purpose, party: number(2)?, ticket, notice: number(10)? })
    }

    /// The Message-ID that carries this token.
    pub fn message_id(&self, key: &Key, domain: &str) -> Option<MessageId> {
        MessageId::parse(&format!("{}@{domain}", self.sign(key)))
    }

    /// The id that carries this token in the References of its notice. Some servers (SES, WorkMail, Outlook.com) give
    /// each mail a Message-ID of their own; whoever answers copies the References all the same (RFC 5322 section 3.6.4).
    ///
    /// It is another than the Message-ID, and no mail ever bears it: a mail that refers to itself loses its place.
    /// RFC 5256 section 3 takes its parent away (REFERENCES, step 1.B), and Thunderbird throws its references away.
    pub fn reference(&self, key: &Key, domain: &str) -> Option<MessageId> {
        MessageId::parse(&format!("{}{REFERENCE}@{domain}", self.sign(key)))
    }

    /// The token in one of our Message-IDs or references.
    pub fn in_message_id(id: &MessageId, domain: &str, key: &Key) -> Option<Self> {
        let (local, at) = id.as_str().split_once('@')?;
        let (token, rest) = local.split_at_checked(LENGTH)?;
        let ours = at.eq_ignore_ascii_case(domain) && (rest.is_empty() || rest.eq_ignore_ascii_case(REFERENCE));
        ours.then(|| Self::verify(token, key)).flatten()
    }

    /// The token in one of our plus-addresses.
    pub fn in_address(address: &Address, ours: &Address, key: &Key) -> Option<Self> {
        let (local, tag) = address.local().split_once('+')?;
        let same = local.eq_ignore_ascii_case(ours.local()) && address.domain() == ours.domain();
        same.then(|| Self::verify(tag, key)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token { purpose: Purpose::Person, party: 0xdead_beef, ticket: Some(TicketId(17)), notice: 42 }
    }

    #[test]
    fn a_token_survives_the_round_trip_and_case_folding() {
        let key = Key::new([7; KEY_LENGTH]);
        let text = token().sign(&key);
        assert_eq!(text.len(), LENGTH);
        assert_eq!(Token::verify(&text, &key), Some(token()));
        assert_eq!(Token::verify(&text.to_ascii_uppercase(), &key), Some(token()));
    }

    #[test]
    fn any_other_bit_or_key_is_no_token() {
        let key = Key::new([7; KEY_LENGTH]);
        let text = token().sign(&key);
        assert_eq!(Token::verify(&text, &Key::new([8; KEY_LENGTH])), None);
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(other == text || Token::verify(&other, &key).is_none(), "position {at}");
        }
        assert_eq!(Token::verify(text.get(1..).unwrap(), &key), None);
        assert_eq!(Token::verify("", &key), None);
    }

    #[test]
    fn nothing_made_for_one_purpose_is_good_for_another() {
        let key = Key::new([7; KEY_LENGTH]);
        let macs: Vec<(Purpose, String)> =
            Purpose::ALL.into_iter().map(|purpose| (purpose, Token { purpose, ..token() }.sign(&key))).collect();
        for (purpose, text) in &macs {
            assert_eq!(Token::verify(text, &key).map(|t| t.purpose), Some(*purpose));
            for (other, theirs) in macs.iter().filter(|(o, _)| o != purpose) {
                // The head of one with the MAC of another, and one whose first octet was changed.
                let head = BASE32.decode(text.as_bytes()).unwrap();
                let mac = BASE32.decode(theirs.as_bytes()).unwrap();
                let forged: Vec<u8> = head.iter().take(14).chain(mac.iter().skip(14)).copied().collect();
                assert_eq!(Token::verify(&BASE32.encode(&forged), &key), None, "{purpose:?} by {other:?}");
                let mut renamed = mac.clone();
                renamed[0] = purpose.number();
                assert_eq!(Token::verify(&BASE32.encode(&renamed), &key), None, "{other:?} as {purpose:?}");
            }
        }
        // Even over the same octets the keys differ, the one of the codes included.
        let labels = Purpose::ALL.iter().map(|p| p.label()).chain([CODE, "which key this is"]);
        let all: std::collections::BTreeSet<Vec<u8>> =
            labels.map(|l| key.0[0].mac(l, &[b"same"]).unwrap().finalize().into_bytes().to_vec()).collect();
        assert_eq!(all.len(), 7);
        let code = key.code(&[b"a", b"b"]);
        assert!(key.is_code(&code.to_uppercase(), &[b"a", b"b"]));
        for (given, parts) in [(code.as_str(), [b"a", b"c"]), ("", [b"a", b"b"]), ("00000000", [b"a", b"b"])] {
            assert!(!key.is_code(given, &[parts[0], parts[1]]), "{given}");
        }
        assert!(!key.is_code(&code, &[b"ab", b""]), "parts do not run together");
        assert!(!key.is_code(code.get(..6).unwrap(), &[b"a", b"b"]), "a part of a code is none");
    }

    #[test]
    fn an_older_secret_is_good_until_it_is_dropped() {
        let made = |n: i64| Timestamp::from_second(n).unwrap();
        let old = Key::new([7; KEY_LENGTH]);
        let (text, code) = (token().sign(&old), old.code(&[b"x"]));
        let both = old.rotated([8; KEY_LENGTH], made(60)).unwrap();
        assert_eq!(Token::verify(&text, &both), Some(token()));
        assert!(both.is_code(&code, &[b"x"]));
        let new = token().sign(&both);
        assert_ne!(new, text);
        assert_eq!(Token::verify(&new, &old), None, "made by the newest");
        let ids = |k: &Key| k.secrets().iter().map(|s| s.id).collect::<Vec<_>>();
        assert_eq!(ids(&both), [1, 0]);
        let rest = both.without(0).unwrap();
        assert_eq!((Token::verify(&text, &rest), Token::verify(&new, &rest)), (None, Some(token())));
        assert!(!rest.is_code(&code, &[b"x"]));
        assert!(rest.without(1).is_none(), "the last one stays");
        assert!(both.without(9).is_none());
        // A number is not used again while a secret bears it.
        let mut many = both;
        while let Some(more) = many.rotated([9; KEY_LENGTH], made(120)) {
            many = more;
        }
        assert_eq!(many.secrets().len(), SECRETS_MAX);
        assert_eq!(ids(&many).iter().collect::<std::collections::BTreeSet<_>>().len(), SECRETS_MAX);
        assert_eq!(Token::verify(&text, &many), Some(token()));
        let full = many.to_text();
        assert_eq!(Key::parse(full.as_bytes()).unwrap().secrets().len(), SECRETS_MAX);
        let more = format!("{full}200 - {}\n", "ab".repeat(KEY_LENGTH));
        assert!(matches!(Key::parse(more.as_bytes()), Err(KeyError::Unreadable)));
    }

    #[test]
    fn key_files_are_read_as_they_are_written() {
        let made = Timestamp::from_second(1_800_000_000).unwrap();
        let old = Key::parse(&[7; KEY_LENGTH]).unwrap();
        let key = old.rotated([8; KEY_LENGTH], made).unwrap();
        let again = Key::parse(key.to_text().as_bytes()).unwrap();
        assert_eq!(again.to_text(), key.to_text());
        assert_eq!(again.prints(), key.prints());
        assert_eq!(again.secrets()[0].made, Some(made));
        let line = format!("1 - {}\n", "07".repeat(32));
        for (file, why) in [
            (String::new(), KeyError::Unreadable),
            ("# nothing\n".into(), KeyError::Unreadable),
            ("1 - 0707\n".into(), KeyError::Unreadable),
            (format!("1 yesterday {}\n", "07".repeat(32)), KeyError::Unreadable),
            (line.replace('\n', " more\n"), KeyError::Unreadable),
            (line.repeat(2), KeyError::Twice(1)),
        ] {
            assert_eq!(Key::parse(file.as_bytes()).err(), Some(why), "{file}");
        }
        assert!(Key::parse(line.as_bytes()).is_ok());
        assert!(!format!("{key:?} {:?}", key.secrets()).contains('7'), "no secret reaches a log");
    }

    #[test]
    fn the_carriers_hold_it() {
        let key = Key::new([7; KEY_LENGTH]);
        let ours = Address::parse("security@example.org").unwrap();
        let tagged = ours.tagged(&token().sign(&key)).unwrap();
        assert!(tagged.local().len() <= 64, "RFC 5321 section 4.5.3.1.1");
        assert_eq!(Token::in_address(&tagged, &ours, &key), Some(token()));
        let other = Address::parse("security@example.net").unwrap();
        assert_eq!(Token::in_address(&tagged, &other, &key), None);
        let id = token().message_id(&key, "example.org").unwrap();
        assert_eq!(Token::in_message_id(&id, "example.org", &key), Some(token()));
        assert_eq!(Token::in_message_id(&id, "example.net", &key), None);
        let reference = token().reference(&key, "example.org").unwrap();
        assert_ne!(reference, id, "no mail refers to itself");
        for (id, expect) in [
            (reference.as_str().to_owned(), Some(token())),
            (reference.as_str().to_ascii_uppercase(), Some(token())),
            (reference.as_str().replace(".ref", ".rex"), None),
            (reference.as_str().replace("example.org", "example.net"), None),
        ] {
            assert_eq!(Token::in_message_id(&MessageId::parse(&id).unwrap(), "example.org", &key), expect, "{id}");
        }
    }
}
