//! Policies ready to use.

use jiff::SignedDuration;

use super::{Audience, Milestone, Promise, Rung, RungAt, Term, Within};

/// The presets by name, each with one line on what it promises.
pub(crate) const NAMES: [(&str, &str); 1] =
    [("standard", "acknowledge within 48 hours, assess within 7 days, disclose within 90 days")];

/// The promises of a preset; None if there is none of this name.
pub(crate) fn by_name(name: &str) -> Option<Vec<Promise>> {
    match name {
        "standard" => Some(standard()),
        _ => None,
    }
}

/// What most security policies say: acknowledge in 48 hours, assess in 7 days, public in 90 days.
pub(crate) fn standard() -> Vec<Promise> {
    vec![
        promise("acknowledge", Milestone::Acknowledged, hours(48)),
        promise("assess", Milestone::Assessed, days(7)),
        promise("disclose", Milestone::Public, days(90)),
    ]
}

/// The ladder when none is configured: half time to the owner, then to team and lead at distances of which each promise
/// gets those that fit it, the break itself to all of them, and each day after it to the escalation.
pub(crate) fn default_ladder() -> Vec<Rung> {
    let rung = |at, to| Rung { at, to, every: None };
    vec![
        rung(RungAt::Share(50), Audience::Owner),
        rung(RungAt::Fitting(days(14)), Audience::Team),
        rung(RungAt::Fitting(days(7)), Audience::Team),
        rung(RungAt::Fitting(days(3)), Audience::Lead),
        rung(RungAt::Fitting(hours(24)), Audience::Team),
        rung(RungAt::Fitting(hours(4)), Audience::Lead),
        // Of one instant the last is the highest.
        rung(RungAt::Due, Audience::Owner),
        rung(RungAt::Due, Audience::Team),
        rung(RungAt::Due, Audience::Escalation),
        Rung { at: RungAt::After(days(1)), to: Audience::Escalation, every: Some(days(1)) },
    ]
}

fn promise(name: &str, until: Milestone, term: Term) -> Promise {
    Promise {
        name: name.to_owned(),
        from: Milestone::Received,
        until,
        within: Within::All(term),
        recurring: false,
        pauses: false,
        or_sooner: None,
        about: None,
        ladder: None,
    }
}

fn hours(hours: i64) -> Term {
    Term::Elapsed(SignedDuration::from_hours(hours))
}

fn days(days: u16) -> Term {
    Term::Civil { months: 0, days }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_preset_is_there_and_says_what_its_line_says() {
        for (name, _) in NAMES {
            let promises = by_name(name).unwrap();
            assert!(!promises.is_empty(), "{name}");
        }
        assert!(by_name("Standard ").is_none());
        let terms: Vec<_> = standard().iter().map(|p| format!("{} {}", p.name, p.term(None).unwrap())).collect();
        assert_eq!(terms, ["acknowledge 48h", "assess 7d", "disclose 90d"]);
    }

    #[test]
    fn the_default_ladder_reads_as_documented() {
        let text: Vec<_> = default_ladder()
            .iter()
            .map(|rung| {
                let every = rung.every.map_or_else(String::new, |every| format!(" every {every}"));
                format!("{}{every} {}", rung.at, rung.to)
            })
            .collect();
        let before = ["50% owner", "-14d team", "-7d team", "-3d lead", "-24h team", "-4h lead"];
        let after = ["due owner", "due team", "due escalation", "+1d every 1d escalation"];
        assert_eq!(text, [&before[..], &after[..]].concat());
    }
}
