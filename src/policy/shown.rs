//! Instants and lengths of time as people read them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Policy;

/// "Wed 6 January 2027, 10:00 (Europe/Berlin, UTC+01:00)".
pub(crate) fn when(at: Timestamp, policy: &Policy) -> String {
    let local = at.to_zoned(policy.calendar.zone.clone());
    let offset = local.strftime("%:z");
    let zone = &policy.calendar.zone_name;
    let zone = if zone == "UTC" { "UTC".to_owned() } else { format!("{zone}, UTC{offset}") };
    format!("{} ({zone})", local.strftime("%a %-d %B %Y, %H:%M"))
}

/// "Wed 6 January 2027", in the policy's zone.
pub(crate) fn day(at: Timestamp, policy: &Policy) -> String {
    at.to_zoned(policy.calendar.zone.clone()).strftime("%a %-d %B %Y").to_string()
}

/// "Wed 6 January 2027, 10:00": which zone that is, is said once beside it.
pub(crate) fn day_and_time(at: Timestamp, policy: &Policy) -> String {
    at.to_zoned(policy.calendar.zone.clone()).strftime("%a %-d %B %Y, %H:%M").to_string()
}

/// An instant in the policy's zone, and in the one that it was written in.
pub(crate) fn in_zones(at: Timestamp, zone: Option<&str>, policy: &Policy) -> String {
    let ours = when(at, policy);
    match zone.filter(|z| *z != policy.calendar.zone_name).and_then(|z| TimeZone::get(z).ok()) {
        Some(theirs) => {
            let local = at.to_zoned(theirs);
            let name = local.time_zone().iana_name().unwrap_or_default().to_owned();
            format!("{} ({name}, UTC{}), which is {ours}", local.strftime("%a %-d %B %Y, %H:%M"), local.strftime("%:z"))
        }
        None => ours,
    }
}

/// The next holidays as they are understood, a line each below a heading; empty where the policy has none at all.
pub(crate) fn holidays(policy: &Policy, now: Timestamp) -> String {
    if policy.calendar.holidays.is_empty() {
        return String::new();
    }
    let days = policy.calendar.next_holidays(now);
    if days.is_empty() {
        return "\nHolidays: all that are listed are over\n".to_owned();
    }
    let lines = days.iter().map(|day| format!("  {}\n", day.strftime("%a %-d %B %Y")));
    format!("\nThe next holidays:\n{}", lines.collect::<String>())
}

/// "3 days", "5 hours", "12 minutes": a length of time in its largest unit that makes two of it, rounded down. An hour
/// short of a day is that day, since a change of the clocks takes one from ninety days.
pub(crate) fn length(d: SignedDuration) -> String {
    let minutes = (d.abs().as_secs() + 30) / 60;
    let unit = |n: i64, name: &str| format!("{n} {name}{}", if n == 1 { "" } else { "s" });
    match minutes {
        m if m >= 48 * 60 => unit((m + 60) / (24 * 60), "day"),
        m if m >= 120 => unit(m / 60, "hour"),
        m => unit(m, "minute"),
    }
}
