//! `disclosed check`: what the config says, as it was understood.

mod closed;

use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::{Desk, Exit, role_word};
use super::out::{Out, complain};
use crate::command::{Class, Verb, verbs};
use crate::config::{Config, ConfigError, Inbox, Login, Mistake, Outgoing, Secret, SecretError, open_to_all};
use crate::daemon::{self, Finding, Mails};
use crate::net::{Endpoint, Tls};
use crate::open::files::{self, FilesError};
use crate::open::rights::Runner;
use crate::policy::calendar::Quiet;
use crate::policy::shown::{holidays, when};
use crate::policy::{Calendar, Promise, Rung, Within};
use crate::project::{Level, Project, Reports};
use crate::store::{Memo, Store};
use crate::vocabulary::clean_line;
use crate::{clock, open, provider};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Also log in, look at the folder, greet the outgoing server, and send two mails to yourselves: one to a tagged
    /// address, to see where it comes out, and one with a forged Authentication-Results line, to see whether it comes
    /// through
    #[arg(long)]
    online: bool,
    /// Also send a mail to the public address and wait a minute for it
    #[arg(long, requires = "online")]
    round_trip: bool,
}

/// Digests that are shown.
const DIGESTS: usize = 3;

pub(super) fn run(args: &Args, explicit: Option<&Path>, out: &mut Out) -> Result<Exit> {
    let desk = match Desk::open(explicit) {
        Ok(desk) => desk,
        Err(error) if out.wants_json() => {
            out.json(&json!({ "ok": false, "error": error.to_string(), "mistakes": mistakes(&error) }))?;
            return Ok(Exit::Config);
        }
        Err(error) => {
            complain(&error.to_string());
            return Ok(Exit::Config);
        }
    };
    let runner = Runner::of(&desk.config.store);
    let mut findings = vec![database(&desk.config, &runner)];
    findings.extend(closed::closed(&desk, &runner));
    findings.extend(unusable(&desk.config));
    let mut warnings = desk.config.warnings.clone();
    warnings.extend(secrets(&desk.config));
    warnings.extend(doors(&desk.config));
    if args.online {
        let key = open::key_if_any(&desk.config)?;
        let mails = if args.round_trip { Mails::RoundTrip } else { Mails::ToUs };
        findings.extend(daemon::check_online(&desk.config, key.as_ref(), mails));
    } else {
        warnings.extend(inbox(&desk.config));
    }
    let good = findings.iter().all(|f| f.good);
    let now = clock::now();
    let digests = digests(&desk.config, now)?;
    if out.wants_json() {
        out.json(&document(&desk, &warnings, &digests, &findings, now))?;
    } else {
        out.text(&text(&desk, &warnings, &digests, &findings, now))?;
    }
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn mistakes(error: &ConfigError) -> Vec<Value> {
    let one =
        |m: &Mistake| json!({ "file": m.file, "line": m.line, "column": m.column, "what": m.what, "write": m.write });
    error.mistakes().iter().map(one).collect()
}

fn database(config: &Config, runner: &Runner) -> Finding {
    let shown = config.store.display();
    match files::is_there(&config.store) {
        Ok(true) => {}
        Ok(false) => {
            if let Ok(Some(lost)) = open::lost(config) {
                return Finding::bad(format!("database: {lost}"));
            }
            return match closed::unmade(&config.store, runner) {
                None => Finding::good(format!("database: {shown} is not there yet; `disclosed run` makes it")),
                Some(why) => Finding::bad(format!(
                    "database: {shown} is not there, and `disclosed run` cannot make it: {why}; make the folder and give it \
                     to the user of the daemon, or name another in store.path"
                )),
            };
        }
        Err(error) => return Finding::bad(format!("database: {error}")),
    }
    let hold = |mut store: Store| {
        store.check()?;
        Ok(store.read(|tx| tx.memo::<String>(Memo::HoldWhy))?)
    };
    match open::to_read(config).and_then(hold) {
        Ok(Some(why)) => Finding::bad(format!("database: nothing leaves, since {why}; see `disclosed recover`")),
        Ok(None) => Finding::good(format!("database: {shown} is whole")),
        Err(error) if error.is::<FilesError>() => Finding::bad(format!("database: {error}")),
        Err(error) => Finding::bad(format!("database: {error:#}; restore a backup")),
    }
}

/// Where the secret of a login is named.
fn table_of<'a>(table: &'a str, login: &Login) -> &'a str {
    match &login.secret {
        Secret::Token { .. } => "oauth2",
        Secret::File(_) | Secret::Credential(_) | Secret::Command(_) => table,
    }
}

/// Secrets that are none, and credentials that nobody could look at.
fn unusable(config: &Config) -> Vec<Finding> {
    let told = |(table, login): (&'static str, &Login)| {
        let (table, secret) = (table_of(table, login), &login.secret);
        match (secret.look(), secret.credential()) {
            (Ok(false), Some(name)) => Some(Finding::unknown(format!(
                "{table}: the credential {name:?} was not looked at, which only the unit is handed; to look at it, set \
                 CREDENTIALS_DIRECTORY: `disclosed help setup`, \"Check\""
            ))),
            (Ok(_), _) => None,
            // That a file of the config cannot be read is said beside all others of which that is so.
            (Err(SecretError::Unreadable { .. }), None) => None,
            (Err(error), _) => Some(Finding::bad(format!("{table}: {error}"))),
        }
    };
    let mut found: Vec<Finding> = config.logins().filter_map(told).collect();
    // Two logins have one [oauth2].
    found.dedup();
    found
}

/// Servers of which it is known that TLS begins otherwise than the config says.
fn doors(config: &Config) -> Vec<String> {
    let inbox = if let Inbox::Imap(imap) = &config.inbox { Some(("inbox.imap", &imap.endpoint)) } else { None };
    let outgoing =
        if let Outgoing::Smtp(smtp) = &config.outgoing { Some(("outgoing.smtp", &smtp.endpoint)) } else { None };
    let canary = config.canary.as_ref().map(|canary| ("canary.smtp", &canary.smtp.endpoint));
    let told = |(table, endpoint): (&str, &Endpoint)| {
        let door = provider::Door::only_starttls(&endpoint.server).filter(|_| endpoint.tls != Tls::StartTls)?;
        let port = if endpoint.port == door.port { "" } else { " and leave port out" };
        Some(format!(
            "{table}: {} takes plain text first, and then TLS, on port {}: write tls = \"starttls\"{port}",
            door.host, door.port
        ))
    };
    [inbox, outgoing, canary].into_iter().flatten().filter_map(told).collect()
}

/// What is wrong with where the secrets lie.
fn secrets(config: &Config) -> Vec<String> {
    let concern = |(table, login): (&str, &Login)| {
        let place = match table_of(table, login) {
            "oauth2" => "oauth2".to_owned(),
            table => format!("{table}.password_file"),
        };
        Some(format!("{place}: {}", login.secret.concern()?))
    };
    let state =
        open::state_files(config).into_iter().filter_map(|file| Some(format!("database: {}", open_to_all(&file)?)));
    let mut concerns: Vec<String> = config.logins().filter_map(concern).chain(state).collect();
    // Two logins have one [oauth2].
    concerns.dedup();
    concerns
}

/// The Maildir, when it is one: whether it is there is known without asking a server. It may be made later.
fn inbox(config: &Config) -> Option<String> {
    let Inbox::Maildir(path) = &config.inbox else { return None };
    let there = path.join("new").is_dir() && path.join("cur").is_dir();
    let text = format!("inbox: {} is no Maildir yet; make it, or name another in inbox.maildir", path.display());
    (!there).then_some(text)
}

fn digests(config: &Config, now: Timestamp) -> Result<Vec<Timestamp>> {
    let zone = &config.policy.calendar.zone;
    let schedule = open::digest(config)?;
    let after = |at: &Timestamp| schedule.as_ref().and_then(|s| s.next(*at, zone));
    Ok(std::iter::successors(after(&now), after).take(DIGESTS).collect())
}

/// "48h", "critical 48h, high 7d".
fn term(promise: &Promise) -> String {
    match &promise.within {
        Within::All(term) => term.to_string(),
        Within::BySeverity(terms) => {
            terms.iter().map(|(severity, term)| format!("{severity} {term}")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// "acknowledge: from received until acknowledged, within 48h, pauses".
fn promise_line(promise: &Promise) -> String {
    let how = if promise.recurring { "every" } else { "within" };
    let pauses = if promise.pauses { "; pauses while we wait for the reporter" } else { "" };
    let sooner = promise.or_sooner.map_or(String::new(), |(milestone, grace)| {
        if grace.is_zero() {
            format!("; or sooner: {milestone}")
        } else {
            format!("; or sooner: {milestone} + {grace}")
        }
    });
    format!("{}: {} → {}, {how} {}{sooner}{pauses}", promise.name, promise.from, promise.until, term(promise))
}

/// "50% owner, -24h team, +1d escalation (every 1d)".
fn ladder(rungs: &[Rung]) -> String {
    let rung = |r: &Rung| {
        let every = r.every.map_or(String::new(), |e| format!(" (every {e})"));
        format!("{} {}{every}", r.at, r.to)
    };
    rungs.iter().map(rung).collect::<Vec<_>>().join(", ")
}

/// "office hours in America/New_York".
fn own_time(calendar: &Calendar) -> String {
    let zone = &calendar.zone_name;
    match calendar.quiet {
        Quiet::OutsideHours => format!("office hours in {zone}"),
        Quiet::Between(from, until) => {
            format!("working days in {zone}, quiet {}-{}", from.strftime("%H:%M"), until.strftime("%H:%M"))
        }
        Quiet::Never => "night and day".to_owned(),
    }
}

fn document(desk: &Desk, warnings: &[String], digests: &[Timestamp], findings: &[Finding], now: Timestamp) -> Value {
    let config = &desk.config;
    let promise = |p: &Promise| {
        json!({
            "name": p.name,
            "from": p.from,
            "until": p.until,
            "term": term(p),
            "recurring": p.recurring,
            "pauses": p.pauses,
            "ladder": ladder(config.policy.rungs(p)),
        })
    };
    let person = |p: &crate::project::Person| {
        let roles: Vec<&str> = p.roles.iter().map(|r| role_word(*r)).collect();
        json!({
            "name": p.name,
            "address": p.address,
            "roles": roles,
            "notices": p.notices.word(),
            "own_time": p.calendar.as_ref().map(own_time),
        })
    };
    json!({
        "ok": findings.iter().all(|f| f.good),
        "config": desk.path,
        "warnings": warnings,
        "promises": config.policy.promises.iter().map(promise).collect::<Vec<_>>(),
        "holidays": config.policy.calendar.next_holidays(now),
        "people": config.people.iter().map(person).collect::<Vec<_>>(),
        "commands": { "confirm": asking(&desk.project, false), "second_person": asking(&desk.project, true) },
        "reports": {
            "asks": config.reports.asks,
            "supported": config.reports.versions.supported.iter().map(|p| &p.text).collect::<Vec<_>>(),
            "unsupported": config.reports.versions.unsupported.iter().map(|p| &p.text).collect::<Vec<_>>(),
            "subject": config.reports.subject,
            "note": config.reports.note,
        },
        "digests": digests,
        "findings": findings.iter().map(document_of).collect::<Vec<_>>(),
    })
}

fn text(desk: &Desk, warnings: &[String], digests: &[Timestamp], findings: &[Finding], now: Timestamp) -> String {
    let config = &desk.config;
    let policy = &config.policy;
    let bold = anstyle::Style::new().bold();
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    let mut text = format!("{bold}{}{bold:#}: the config of {}\n", shown(&desk.path), clean_line(&config.name, 100));
    for warning in warnings {
        text.push_str(&format!("{yellow}warning:{yellow:#} {}\n", clean_line(warning, 400)));
    }
    text.push_str("\nPromises:\n");
    for promise in &policy.promises {
        text.push_str(&format!("  {}\n", promise_line(promise)));
        if let Some(own) = &promise.ladder {
            text.push_str(&format!("      reminders: {}\n", ladder(own)));
        }
    }
    text.push_str(&format!("  reminders: {}\n", ladder(&policy.ladder)));
    text.push_str(&holidays(policy, now));
    text.push_str("\nPeople:\n");
    for person in &config.people {
        let roles: Vec<&str> = person.roles.iter().map(|r| role_word(*r)).collect();
        let name = clean_line(&person.name, 100);
        let own = person.calendar.as_ref().map_or(String::new(), |own| format!("; reminders by {}", own_time(own)));
        let notices = match person.notices {
            Level::Full => String::new(),
            Level::Summary | Level::None => format!("; notices: {}", person.notices.word()),
        };
        text.push_str(&format!("  {name} <{}>: {}{own}{notices}\n", person.address.as_str(), roles.join(", ")));
    }
    text.push_str(&format!("\nCommands by mail:\n{}", codes(&desk.project)));
    text.push_str(&format!("\nReports:\n{}", reports(&config.reports)));
    text.push_str("\nDigest:\n");
    for at in digests {
        text.push_str(&format!("  {}\n", when(*at, policy)));
    }
    if digests.is_empty() {
        text.push_str("  never\n");
    }
    text.push_str(&format!("\nMail comes from {} and leaves by {}.\n", way_in(config), way_out(config)));
    if let Some(source) = config.token_source() {
        text.push_str(&format!("The login is by {}.\n", source.describe()));
    }
    text.extend(findings.iter().map(line));
    text
}

/// A finding, for a person.
pub(super) fn line(finding: &Finding) -> String {
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mark = match finding {
        Finding { known: false, .. } => format!("{yellow}UNKNOWN:{yellow:#}"),
        Finding { good: true, .. } => "ok:".to_owned(),
        Finding { good: false, .. } => format!("{red}WRONG:{red:#}"),
    };
    format!("{mark} {}\n", clean_line(&finding.text, 600))
}

/// A finding, for a program.
pub(super) fn document_of(finding: &Finding) -> Value {
    json!({ "good": finding.good, "known": finding.known, "text": finding.text })
}

/// The commands that ask for a code of whoever asks, or of a second person.
fn asking(project: &Project, second: bool) -> Vec<&'static str> {
    let asks = |v: &&'static Verb| project.class(v) == Class::Grave && project.needs_second(v) == second;
    verbs().filter(asks).map(|v| v.name).collect()
}

fn codes(project: &Project) -> String {
    let line = |what: &str, verbs: Vec<&str>| {
        let verbs: Vec<String> = verbs.iter().map(|v| format!("/{v}")).collect();
        if verbs.is_empty() { String::new() } else { format!("  {what}: {}\n", verbs.join(", ")) }
    };
    let own = line("a code from whoever asks", asking(project, false));
    let text = own + &line("a code from a second person", asking(project, true));
    if text.is_empty() { "  none asks for a code\n".into() } else { text }
}

fn reports(reports: &Reports) -> String {
    let asks: Vec<&str> = reports.asks.iter().map(|p| p.name()).collect();
    let mut text = format!("  should hold: {}\n", if asks.is_empty() { "nothing".into() } else { asks.join(", ") });
    if let Some(line) = reports.versions.sentence() {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(prefix) = &reports.subject {
        text.push_str(&format!("  acknowledged when the subject begins with {prefix:?}\n"));
    }
    text
}

fn way_in(config: &Config) -> String {
    match &config.inbox {
        Inbox::Maildir(path) => format!("the Maildir {}", path.display()),
        Inbox::Imap(imap) => format!("{:?} at {}:{}", imap.folder, imap.endpoint.server, imap.endpoint.port),
    }
}

fn way_out(config: &Config) -> String {
    match &config.outgoing {
        Outgoing::Maildir(path) => format!("the Maildir {}: nothing leaves this machine", path.display()),
        Outgoing::Smtp(smtp) => format!("{}:{}", smtp.endpoint.server, smtp.endpoint.port),
    }
}

fn shown(path: &Path) -> String {
    let absolute: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn a_time_of_ones_own_is_told() {
        let check = |quiet: Quiet, expect: &str| {
            assert_eq!(own_time(&Calendar { quiet, ..Calendar::default() }), expect);
        };
        check(Quiet::OutsideHours, "office hours in UTC");
        let night = Quiet::Between(time(22, 0, 0, 0), time(7, 30, 0, 0));
        check(night, "working days in UTC, quiet 22:00-07:30");
        check(Quiet::Never, "night and day");
    }
}
