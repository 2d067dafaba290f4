//! Working time, holidays and quiet time in the policy's zone.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// When people work and when they want to be left alone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The policy's time zone.
    pub zone: TimeZone,
    /// Its IANA name, to show beside each date.
    pub zone_name: String,
    /// Working days, Monday first.
    pub workdays: [bool; 7],
    /// Start and close of business, local time; start < close.
    pub hours: (Time, Time),
    /// Days on which nobody works.
    pub holidays: BTreeSet<Date>,
    /// When reminders are not sent if they can be sent at another time.
    pub quiet: Quiet,
}

/// Quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// All time outside `hours` on working days.
    OutsideHours,
    /// From the first to the second local time each night, and all of each day that is not a working day.
    /// It may pass midnight.
    Between(Time, Time),
    /// None.
    Never,
}
