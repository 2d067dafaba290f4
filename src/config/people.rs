//! The people of the config: `[[person]]`.

use super::reader::{Table, Wrong};
use super::{policy, value};
use crate::mail::passage::Way;
use crate::mail::signature::Pin;
use crate::policy::{Calendar, Policy};
use crate::project::{Level, Person, Role};
use crate::vocabulary::Address;

const ROLES: &[(&str, Role)] = &[
    ("maintainer", Role::Maintainer),
    ("lead", Role::Lead),
    ("escalation", Role::Escalation),
    ("observer", Role::Observer),
];
const LEVELS: &[(&str, Level)] = &[("full", Level::Full), ("summary", Level::Summary), ("none", Level::None)];

/// How much notices say, where a table says so.
pub(super) fn notices(table: &Table<'_>) -> Option<Level> {
    table.get("notices").and_then(|v| v.choose("level of notices", LEVELS))
}

/// Its people, in the order of the file.
pub(super) fn people(
    file: &Table<'_>,
    (project, through): (Option<&Address>, &[Way]),
    policy: Option<&Policy>,
    usual: Level,
) -> Vec<Person> {
    let office = policy.map_or_else(Calendar::default, |p| p.calendar.clone());
    let tables = file.tables("person", "[[person]]");
    let mut people: Vec<Person> = Vec::new();
    let mut complete = !tables.is_empty();
    for table in &tables {
        let name = table.need("name", "Ada").and_then(|v| Some((v, v.parse("Ada", value::title)?)));
        let address = table.need("address", "ada@example.org");
        let address = address.and_then(|v| Some((v, v.parse("ada@example.org", value::address)?)));
        let roles = roles(table);
        let notices = notices(table).unwrap_or(usual);
        let calendar = policy::own_calendar(table, &office);
        let dkim_domains = pins(table, address.as_ref().map(|(_, address)| address));
        if let Some((value, name)) = &name
            && people.iter().any(|p| p.name.to_lowercase() == name.to_lowercase())
        {
            value.wrong(format!("two people are named {name:?}"), "a name that tells them apart");
        }
        if let Some((value, address)) = &address {
            if let Some(other) = people.iter().find(|p| p.address == *address) {
                value.wrong(format!("this is the address of {:?} too", other.name), "an address of their own");
            }
            if project.is_some_and(|p| untagged(p) == untagged(address)) {
                value.wrong("this is the address of the project: its mail would come in again", "a personal address");
            }
            // Whatever goes there is read by all behind it, codes too, and comes in again.
            let own = |way: &Way| matches!(way, Way::Forwarder(_)) && project.is_some_and(|p| way.covers(p.domain()));
            if let Some(way) = through.iter().find(|way| way.is_address(address) && !own(way)) {
                let what = format!("this is an address of {}, which `through` names", way.name());
                value.wrong(what, "a personal address");
            }
        }
        match (name, address, roles) {
            (Some((_, name)), Some((_, address)), Some(roles)) => {
                people.push(Person { name, address, roles, notices, dkim_domains, calendar });
            }
            (_, _, _) => complete = false,
        }
    }
    if file.get("person").is_none() && !file.misspelt("person") {
        file.wrong("there is no [[person]]", "[[person]] with name and address: who handles reports");
    } else if complete && !people.iter().any(|p| p.roles.contains(&Role::Maintainer)) {
        tables
            .first()
            .unwrap_or(file)
            .wrong("nobody is a maintainer", "roles = [\"maintainer\"] for who handles reports");
    }
    people
}

/// Who may sign for a person besides the domain of their address.
fn pins(table: &Table<'_>, of: Option<&Address>) -> Vec<Pin> {
    let listed = table.get("dkim_domains").and_then(|v| v.list("acme.onmicrosoft.com")).unwrap_or_default();
    let write = "the d= of their signatures: acme.onmicrosoft.com, acme-org.*.gappssmtp.com, or a domain above theirs";
    let Some(of) = of else { return Vec::new() };
    let pin = |text: &str| Pin::parse(text, of).map_err(|what| Wrong::new(what, write));
    listed.into_iter().filter_map(|v| v.parse("acme.onmicrosoft.com", pin)).collect()
}

fn roles(table: &Table<'_>) -> Option<Vec<Role>> {
    let Some(value) = table.get("roles") else { return Some(vec![Role::Maintainer]) };
    let mut roles = Vec::new();
    let listed = value.list("maintainer")?;
    if listed.is_empty() {
        value.wrong("this person has no role", "roles = [\"maintainer\"]");
        return None;
    }
    let mut complete = true;
    for item in listed {
        match item.choose("role", ROLES) {
            Some(role) if roles.contains(&role) => item.wrong("this role stands here twice", "each role once"),
            Some(role) => roles.push(role),
            None => complete = false,
        }
    }
    complete.then_some(roles)
}

/// The mailbox without its tag (RFC 5233 section 1), to compare.
pub(super) fn untagged(address: &Address) -> String {
    let local = address.local().split_once('+').map_or(address.local(), |(local, _)| local);
    format!("{local}@{}", address.domain()).to_ascii_lowercase()
}
