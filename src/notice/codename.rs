//! What a ticket is called where its number must not stand: two words, made of the key and the number.
//!
//! The words of all tickets are a shuffled deck that the key deals: no two of the first 16,384 tickets share a name,
//! a name tells nothing of its number without the key, and with it the number is found again without a table.

use std::fmt;

use crate::token::Key;
use crate::vocabulary::TicketId;

/// Two words, as "quiet harbour".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codename {
    first: &'static str,
    second: &'static str,
    /// How often all names were dealt before: a number behind the words, from the second time on.
    dealt: u32,
}

/// Words of each list; a half of the deck's 14 bits.
const WORDS: u32 = 128;
/// Rounds of the shuffle: a Feistel network, which can be gone backwards whatever its rounds compute.
const ROUNDS: u32 = 6;

impl Codename {
    /// The name of a ticket.
    pub fn of(ticket: TicketId, key: &Key) -> Self {
        let dealt = ticket.0 / (WORDS * WORDS);
        let card = ticket.0 % (WORDS * WORDS);
        let (mut left, mut right) = (card / WORDS, card % WORDS);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ mixed(key, dealt, round, right));
        }
        Self { first: word(FIRST, left), second: word(SECOND, right), dealt }
    }

    /// The ticket that a person means: "quiet-harbour", "Quiet Harbour", "quiet harbour 2". It need not exist.
    pub fn find(text: &str, key: &Key) -> Option<TicketId> {
        let mut words = text.split(['-', ' ']).filter(|w| !w.is_empty());
        let place =
            |list: &[&str], given: &str| u32::try_from(list.iter().position(|w| w.eq_ignore_ascii_case(given))?).ok();
        let (mut left, mut right) = (place(FIRST, words.next()?)?, place(SECOND, words.next()?)?);
        let dealt = match words.next() {
            None => 0,
            Some(number) => number.parse::<u32>().ok()?.checked_sub(1)?,
        };
        if words.next().is_some() {
            return None;
        }
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ mixed(key, dealt, round, left), left);
        }
        let number = dealt.checked_mul(WORDS * WORDS)?.checked_add(left * WORDS + right)?;
        Some(TicketId(number)).filter(|t| t.0 > 0)
    }

    /// As one word for a command line: "quiet-harbour".
    pub fn slug(&self) -> String {
        self.to_string().replace(' ', "-")
    }

    /// As it stands out in a text: "QUIET HARBOUR".
    pub fn loud(&self) -> String {
        self.to_string().to_ascii_uppercase()
    }
}

/// "quiet harbour".
impl fmt::Display for Codename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.first, self.second)?;
        if self.dealt > 0 { write!(f, " {}", self.dealt + 1) } else { Ok(()) }
    }
}

fn mixed(key: &Key, dealt: u32, round: u32, half: u32) -> u32 {
    key.number("codename", &[&dealt.to_be_bytes(), &round.to_be_bytes(), &half.to_be_bytes()]) % WORDS
}

fn word(list: &'static [&'static str], at: u32) -> &'static str {
    usize::try_from(at).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
}

/// What something is like. Neutral beside each word of the other list; never of people, bodies, peoples or colours of
/// skin.
const FIRST: &[&str] = &[
    "amber", "ample", "ancient", "arched", "autumn", "balanced", "basic", "braided", "breezy", "bright", "brisk",
    "broad", "calm", "carved", "cedar", "central", "chilly", "clear", "cloudy", "coastal", "copper", "coral", "crisp",
    "curved", "daily", "dappled", "deep", "distant", "dotted", "double", "dusty", "early", "eastern", "empty", "even",
    "faded", "fair", "famous", "fast", "fifth", "floral", "fine", "first", "folded", "formal", "fourth", "fresh",
    "frosty", "gentle", "glossy", "golden", "grand", "granite", "green", "hazel", "hidden", "hollow", "humble",
    "indigo", "inner", "icy", "jade", "keen", "lilac", "lasting", "late", "leafy", "level", "light", "linen", "lively",
    "local", "lofty", "lunar", "maple", "marble", "mellow", "merry", "mild", "misty", "modest", "mossy", "narrow",
    "nimble", "neat", "new", "noble", "northern", "open", "orange", "outer", "painted", "patient", "pearly", "plain",
    "polished", "quiet", "rapid", "rising", "rustic", "sandy", "second", "silent", "silver", "sturdy", "sixth",
    "smooth", "snowy", "solar", "southern", "spare", "spring", "stable", "steady", "still", "sunny", "tall", "third",
    "tidal", "tidy", "upper", "usual", "violet", "warm", "western", "wide", "winter", "woven",
];

/// Places and things.
const SECOND: &[&str] = &[
    "acorn", "almanac", "anchor", "arcade", "archway", "atlas", "avenue", "balcony", "barrel", "basin", "basket",
    "bay", "beacon", "bell", "bench", "boulder", "bridge", "brook", "cabin", "canal", "candle", "canvas", "canyon",
    "carpet", "castle", "cellar", "chapel", "chart", "circle", "cliff", "clock", "cloud", "comet", "compass", "corner",
    "cottage", "cove", "crater", "creek", "crossing", "curtain", "delta", "desk", "dune", "engine", "evening",
    "factory", "farm", "feather", "fence", "ferry", "field", "flute", "forest", "fountain", "gallery", "garden",
    "gate", "glacier", "grove", "harbour", "harvest", "hedge", "hill", "horizon", "inlet", "island", "journey",
    "junction", "kettle", "ladder", "lagoon", "lake", "lamp", "lantern", "ledger", "library", "lodge", "magnet", "map",
    "market", "meadow", "mill", "mirror", "morning", "mountain", "museum", "notebook", "oasis", "ocean", "orchard",
    "paddle", "palace", "parade", "park", "path", "pebble", "pier", "pillow", "plateau", "pocket", "pond", "prairie",
    "quarry", "rainbow", "reef", "ridge", "river", "road", "saddle", "sail", "shelf", "shore", "signal", "spiral",
    "square", "stairway", "station", "summit", "table", "terrace", "tower", "trail", "valley", "village", "wagon",
    "window", "workshop",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::token::KEY_LENGTH;

    fn key(n: u8) -> Key {
        Key::new([n; KEY_LENGTH])
    }

    #[test]
    fn the_lists_are_as_long_as_they_must_be() {
        let words: HashSet<&str> = FIRST.iter().chain(SECOND).copied().collect();
        assert_eq!((FIRST.len(), SECOND.len(), words.len()), (128, 128, 256), "each word once");
        for word in words {
            assert!((3..=9).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn no_two_tickets_share_a_name_and_each_is_found() {
        let key = key(7);
        let names: HashSet<String> = (1..=16_500).map(|n| Codename::of(TicketId(n), &key).to_string()).collect();
        assert_eq!(names.len(), 16_500);
        for n in (1..40_000).step_by(61).chain([16_383, 16_384, 16_385, u32::MAX]) {
            let name = Codename::of(TicketId(n), &key);
            for written in [name.to_string(), name.slug(), name.loud(), name.slug().to_uppercase()] {
                assert_eq!(Codename::find(&written, &key), Some(TicketId(n)), "{written}");
            }
        }
    }

    #[test]
    fn the_key_makes_the_name() {
        let (one, same, other) = (key(7), key(7), key(8));
        let of = |key: &Key| (1..50).map(|n| Codename::of(TicketId(n), key).to_string()).collect::<Vec<_>>();
        assert_eq!(of(&one), of(&same));
        let alike = of(&one).iter().zip(of(&other)).filter(|(a, b)| *a == b).count();
        assert!(alike <= 1, "{alike} names do not depend on the key");
        // Neighbours share no word as a rule, or the order of tickets would show.
        let slugs = of(&one);
        let near = slugs.windows(2).filter(|w| w[0].split(' ').next() == w[1].split(' ').next()).count();
        assert!(near <= 3, "{near}");
    }

    #[test]
    fn what_is_no_name_is_none() {
        let key = key(7);
        for text in [
            "",
            "quiet",
            "quiet-",
            "harbour-quiet",
            "quiet-harbour-0",
            "quiet harbour x",
            "quiet-harbour-2-3",
            "quiet-harbour-4294967295",
            "SEC-1",
            "17",
        ] {
            assert_eq!(Codename::find(text, &key), None, "{text:?}");
        }
    }
}
