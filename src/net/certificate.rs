//! What a certificate says of itself (RFC 5280): who made it, and when it begins and ends. No library in the tree tells; the
//! check whether it is good is rustls's.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::vocabulary::clean_line;

/// How much of a name is told.
const NAME: usize = 100;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The name of its maker: its common name, else its organisation, else nothing.
    pub issuer: String,
    /// When it begins.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl Certificate {
    /// Reads the DER form; `None` for what cannot be read.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut fields = Der(Der(der).enter(SEQUENCE)?.0).enter(SEQUENCE)?;
        fields.next_if(VERSION);
        // The serial number, and how it is signed.
        fields.next()?;
        fields.next()?;
        let issuer = Der(fields.next()?.1);
        let mut validity = Der(fields.next()?.1);
        let (begins, ends) = (time(validity.next()?)?, time(validity.next()?)?);
        Some(Self { issuer: name(issuer), begins, ends })
    }

    /// Whether so little is left of it that whoever renews it is late: a quarter of its time, and at most three weeks.
    pub(crate) fn ends_soon(&self, now: Timestamp) -> bool {
        const THREE_WEEKS: i64 = 21 * 24 * 60 * 60;
        let whole = self.ends.as_second().saturating_sub(self.begins.as_second());
        self.ends.as_second().saturating_sub(now.as_second()) < (whole / 4).min(THREE_WEEKS)
    }
}

/// What is left to read of a row of values (X.690 section 8.1).
struct Der<'a>(&'a [u8]);

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The object identifiers 2.5.4.3 and 2.5.4.10.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];

impl<'a> Der<'a> {
    /// The next value: its tag and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            // More octets than four would be more than a certificate has.
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn next_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }

    /// What is in the next value, if it is of that tag.
    fn enter(mut self, tag: u8) -> Option<Self> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| Self(content))
    }
}

/// Of a distinguished name, what people know it by.
fn name(mut parts: Der<'_>) -> String {
    let mut found: [Option<String>; 2] = [None, None];
    while let Some((SET, set)) = parts.next() {
        let Some(mut pair) = Der(set).enter(SEQUENCE) else { continue };
        let (Some((_, kind)), Some((_, text))) = (pair.next(), pair.next()) else { continue };
        for (slot, wanted) in found.iter_mut().zip([COMMON_NAME, ORGANISATION]) {
            if kind == wanted {
                *slot = Some(clean_line(&String::from_utf8_lossy(text), NAME));
            }
        }
    }
    found.into_iter().flatten().next().unwrap_or_default()
}

/// Both forms of RFC 5280 section 4.1.2.5, which end in Z.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Years from 1950 on.
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match content.len() {
            short @ ..=0x7f => bytes.push(u8::try_from(short).unwrap()),
            long => bytes.extend([0x82, u8::try_from(long >> 8).unwrap(), u8::try_from(long & 0xff).unwrap()]),
        }
        bytes.extend(content);
        bytes
    }

    /// As much of a certificate as is read.
    fn certificate(names: &[(&[u8], &str)], times: [(u8, &str); 2]) -> Vec<u8> {
        let name = |(kind, text): &(&[u8], &str)| {
            value(SET, &value(SEQUENCE, &[value(6, kind), value(0x0c, text.as_bytes())].concat()))
        };
        let issuer = value(SEQUENCE, &names.iter().flat_map(name).collect::<Vec<_>>());
        let validity = times.map(|(tag, text)| value(tag, text.as_bytes())).concat();
        let fields = [
            value(VERSION, &value(2, &[2])),
            value(2, &[1; 20]),
            value(SEQUENCE, &value(6, &[42])),
            issuer,
            value(SEQUENCE, &validity),
            vec![0; 400],
        ];
        value(SEQUENCE, &value(SEQUENCE, &fields.concat()))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_says_who_made_it_and_when_it_ends() {
        let times = [(UTC_TIME, "261001000000Z"), (GENERALIZED_TIME, "20270101123000Z")];
        let read = |names: &[(&[u8], &str)]| Certificate::read(&certificate(names, times)).unwrap();
        let found = read(&[(ORGANISATION, "Example"), (COMMON_NAME, "Example CA\u{7}")]);
        assert_eq!(found.issuer, "Example CA");
        assert_eq!((found.begins, found.ends), (at("2026-10-01T00:00:00Z"), at("2027-01-01T12:30:00Z")));
        assert_eq!(read(&[(ORGANISATION, "Example")]).issuer, "Example");
        assert_eq!(read(&[]).issuer, "");
        assert_eq!(time((UTC_TIME, b"500101000000Z")), Some(at("1950-01-01T00:00:00Z")));
    }

    #[test]
    fn whoever_renews_it_is_late_in_its_last_quarter_or_three_weeks() {
        let of = |days: i64| {
            let begins = at("2026-10-01T00:00:00Z");
            Certificate { issuer: String::new(), begins, ends: begins + jiff::SignedDuration::from_hours(days * 24) }
        };
        let soon = |days, left: i64| {
            let certificate = of(days);
            certificate.ends_soon(certificate.ends - jiff::SignedDuration::from_hours(left * 24))
        };
        assert_eq!([soon(365, 22), soon(365, 20), soon(90, 29), soon(90, 20)], [false, true, false, true]);
        assert_eq!([soon(6, 2), soon(6, 1), soon(6, -1)], [false, true, true]);
    }

    #[test]
    fn what_is_none_is_not_read_and_harms_nobody() {
        let whole = certificate(&[(COMMON_NAME, "x")], [(UTC_TIME, "261001000000Z"), (UTC_TIME, "270101000000Z")]);
        for end in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..end]), None, "{end}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let _ = Certificate::read(&bytes);
        }
    }
}
