//! Dates as a person writes them in a command.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, Zoned};

use crate::policy::Calendar;

/// A date, a local time or an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// `2027-05-31`: close of business of that day in the policy's zone.
    Day(Date),
    /// `2027-05-31T14:00`: that time in the policy's zone.
    Local(DateTime),
    /// `2027-05-31T14:00Z`, `…+02:00`, `…[America/New_York]`: that instant, and the zone when one is named.
    Exact(Timestamp, Option<String>),
}

impl When {
    /// Reads it.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "{text:?} is no date; write it as 2027-05-31, 2027-05-31T14:00, 2027-05-31T14:00Z or \
                 2027-05-31T14:00[America/New_York]"
            )
        };
        if text.contains('[') {
            let zoned: Zoned = text.parse().map_err(|_| fault())?;
            let zone = zoned.time_zone().iana_name().map(str::to_owned);
            return Ok(Self::Exact(zoned.timestamp(), zone));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::Exact(at, None));
        }
        // A civil time is read from a longer text too, so the length tells the two apart.
        if text.len() == "2027-05-31".len() {
            return text.parse().map(Self::Day).map_err(|_| fault());
        }
        text.parse().map(Self::Local).map_err(|_| fault())
    }

    /// The instant that it means.
    pub fn instant(&self, calendar: &Calendar) -> Timestamp {
        match self {
            Self::Day(day) => calendar.close_of_business(*day),
            Self::Local(time) => calendar.instant(*time),
            Self::Exact(at, _) => *at,
        }
    }

    /// The zone that was named with it.
    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::Exact(_, zone) => zone.as_deref(),
            Self::Day(_) | Self::Local(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn dates_are_read_in_the_zone_that_they_name() {
        let calendar = Calendar { zone: TimeZone::get("Europe/Berlin").unwrap(), ..Calendar::default() };
        let check = |text: &str, instant: &str, zone: Option<&str>| {
            let when = When::parse(text).unwrap();
            assert_eq!((when.instant(&calendar).to_string().as_str(), when.zone()), (instant, zone), "{text}");
        };
        check("2027-05-31", "2027-05-31T15:00:00Z", None);
        check("2027-05-31T14:00", "2027-05-31T12:00:00Z", None);
        check("2027-05-31T14:00:30", "2027-05-31T12:00:30Z", None);
        check("2027-05-31T14:00Z", "2027-05-31T14:00:00Z", None);
        check("2027-05-31T14:00-04:00", "2027-05-31T18:00:00Z", None);
        check("2027-05-31T14:00[America/New_York]", "2027-05-31T18:00:00Z", Some("America/New_York"));
        // A local time that does not exist is the next that does.
        check("2027-03-28T02:30", "2027-03-28T01:00:00Z", None);
    }

    #[test]
    fn what_is_no_date_is_told_with_what_to_write() {
        for text in ["", "soon", "31.05.2027", "2027-02-30", "2027-5-31", "2027-05-31T25:00", "2027-05-31T14:00[Mars]"]
        {
            assert!(When::parse(text).unwrap_err().contains("write it as 2027-05-31"), "{text}");
        }
    }
}
