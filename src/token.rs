//! Reply tokens: proof that whoever writes has seen one certain notice.
//!
//! A token is 30 bytes, 48 characters of lower-case base32 (relays fold case), and stands in the plus-address of
//! a Reply-To or in the Message-ID of a notice:
//! purpose 1 | key 1 | party 4 | ticket 4 | notice 4 | HMAC-SHA256 truncated to 16 (RFC 2104 section 5).
//! It never authorises by itself: a command also needs a believed sender who is that party.

use data_encoding::Encoding;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::mail::{Address, MessageId};
use crate::ticket::TicketId;

/// Octets of the secret key.
pub const KEY_LENGTH: usize = 32;
/// Characters of a token.
pub const LENGTH: usize = 48;
const MAC_LENGTH: usize = 16;

/// The secret of this database; it never leaves it.
#[derive(Clone)]
pub struct Key([u8; KEY_LENGTH]);

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A person of the project answers a notice.
    Person,
    /// A reporter answers; it lets them add to the ticket, and nothing else.
    Reporter,
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

impl Key {
    /// Takes the bytes of a key.
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA256 over a label and parts, each with its length, so that no two inputs run together.
    fn mac(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes a key of any length, so this cannot fail; a zero MAC would verify nothing that was signed.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// A one-time code of eight characters for a grave command, bound to all of the parts.
    pub fn code(&self, parts: &[&[u8]]) -> String {
        let mac = self.mac("one-time code", parts);
        BASE32.encode(&mac.iter().copied().take(5).collect::<Vec<u8>>())
    }

    /// A number that only this key makes of these parts, for one use that the label names.
    pub fn number(&self, label: &str, parts: &[&[u8]]) -> u32 {
        u32::from_be_bytes(self.mac(label, parts).first_chunk().copied().unwrap_or_default())
    }
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

/// Whether two codes are the same, in time that does not tell where they differ.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (x, y)| d | (x ^ y)) == 0
}

impl Token {
    fn head(&self) -> [u8; 14] {
        let purpose = match self.purpose {
            Purpose::Person => 1,
            Purpose::Reporter => 2,
        };
        let mut head = [0; 14];
        let fields = [purpose, KEY_ID]
            .into_iter()
            .chain(self.party.to_be_bytes())
            .chain(self.ticket.map_or(0, |t| t.0).to_be_bytes())
            .chain(self.notice.to_be_bytes());
        head.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        head
    }

    /// The token as text.
    pub fn sign(&self, key: &Key) -> String {
        let head = self.head();
        let mac = key.mac("reply token", &[&head]);
        let bytes: Vec<u8> = head.into_iter().chain(mac.into_iter().take(MAC_LENGTH)).collect();
        BASE32.encode(&bytes)
    }

    /// Reads a token; `None` unless this key signed it.
    pub fn verify(text: &str, key: &Key) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let bytes = BASE32.decode(text.as_bytes()).ok()?;
        let (head, mac) = bytes.split_at_checked(14)?;
        let expected = key.mac("reply token", &[head]);
        let different = mac.iter().zip(expected).fold(0, |d, (x, y)| d | (x ^ y));
        if mac.len() != MAC_LENGTH || different != 0 {
            return None;
        }
        let number = |at: usize| -> Option<u32> { Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?)) };
        let purpose = match head.first()? {
            1 => Purpose::Person,
            2 => Purpose::Reporter,
            _ => return None,
        };
        let ticket = Some(TicketId(number(6)?)).filter(|t| t.0 != 0);
        Some(Self { purpose, party: number(2)?, ticket, notice: number(10)? })
    }

    /// The Message-ID that carries this token.
    pub fn message_id(&self, key: &Key, domain: &str) -> Option<MessageId> {
        MessageId::parse(&format!("{}@{domain}", self.sign(key)))
    }

    /// The token in one of our Message-IDs.
    pub fn in_message_id(id: &MessageId, domain: &str, key: &Key) -> Option<Self> {
        let (local, at) = id.as_str().split_once('@')?;
        at.eq_ignore_ascii_case(domain).then(|| Self::verify(local, key)).flatten()
    }

    /// The token in one of our plus-addresses.
    pub fn in_address(address: &Address, ours: &Address, key: &Key) -> Option<Self> {
        let (local, tag) = address.local().split_once('+')?;
        let same = local.eq_ignore_ascii_case(ours.local()) && address.domain() == ours.domain();
        same.then(|| Self::verify(tag, key)).flatten()
    }
}

/// The number of the key in use; rotation will count it up.
const KEY_ID: u8 = 0;

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
    }
}
