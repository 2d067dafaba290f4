//! `disclosed try`: what would be done with a mail. Nothing is stored, and nothing is created on disk. With
//! `identity.dkim` the keys of its signatures are asked for, unless told otherwise; the answer names them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit, local};
use super::out::Out;
use crate::dkim::Verifier;
use crate::intake::disposition::{Disposition, Intake};
use crate::intake::unheard::Unheard;
use crate::mail::Mail;
use crate::mail::fields::{Fields, Part, Score};
use crate::mail::identity::Check;
use crate::mail::signature::Proof;
use crate::mail::signature::{Dkim, Signature};
use crate::notice::plain::quoted;
use crate::policy::Severity;
use crate::project::Project;
use crate::rules::event::{Event, Order, Report};
use crate::ticket::Actor;
use crate::tracker::{Asked, Tried};
use crate::vocabulary::{Address, TicketId, clean, clean_line};
use crate::{clock, command, open};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The mail; "-" is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Ask no name server for DKIM keys
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let raw = read(&args.file, desk.config.limits.message).with_context(|| args.file.display().to_string())?;
    let mut tracker = open::to_try(&desk.config)?;
    let now = clock::now();
    let (dkim, asked) = match tracker.question(&raw, now) {
        Asked::Known(dkim) => (dkim, Vec::new()),
        Asked::Open(_) if args.offline => (Dkim::Temporary("not asked for its key (--offline)".into()), Vec::new()),
        Asked::Open(question) => {
            let mut asked: Vec<String> = question.signatures.iter().map(Signature::key_name).collect();
            asked.dedup();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let dkim = runtime.block_on(Verifier::system().check(&question, now));
            runtime.shutdown_background();
            (dkim, asked)
        }
    };
    let tried = tracker.try_mail(&raw, dkim, now)?;
    if out.wants_json() {
        out.json(&Document::of(&tried, &asked, &desk.project))?;
    } else {
        out.text(&text(&tried, &asked, &desk.project))?;
    }
    Ok(Exit::Done)
}

fn read(file: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    let from: Box<dyn Read> = if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    from.take(max + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > max {
        return Err(io::Error::other("it is larger than limits.message"));
    }
    Ok(raw)
}

/// The command lines at the head of the new text, as (verb, arguments). HTML never yields any.
fn commands(mail: &Mail) -> Vec<(String, String)> {
    if mail.from_html {
        return Vec::new();
    }
    let parts = |line: &str| {
        let body = line.strip_prefix('/').unwrap_or(line);
        let (verb, arguments) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
        (verb.to_ascii_lowercase(), arguments.trim().to_owned())
    };
    command::split(&mail.reply_text).written().into_iter().map(parts).collect()
}

fn by(proof: Proof) -> &'static str {
    match proof {
        Proof::AuthenticationResults => "authentication_results",
        Proof::Dkim => "dkim",
        Proof::Arc => "arc",
    }
}

/// What programs see.
#[derive(Serialize)]
struct Document<'a> {
    disposition: Disposition,
    reason: &'a str,
    ticket: Option<String>,
    known: Option<Known>,
    sender: Option<&'a Address>,
    reporter: Option<&'a Address>,
    claimed: Vec<Claim<'a>>,
    identity: Sender<'a>,
    subject: &'a str,
    reply_text: &'a str,
    commands: Vec<Line>,
    bounce: Bounced<'a>,
    fields: Found<'a>,
    problems: &'a [String],
}

/// The receipt that the mail has already.
#[derive(Serialize)]
struct Known {
    received: Timestamp,
    disposition: Disposition,
    ticket: Option<String>,
}

/// Somebody whom the mail names beside its sender, and where: nobody vouches for that.
#[derive(Serialize)]
struct Claim<'a> {
    by: &'a str,
    address: &'a Address,
}

/// How sure the sender is.
#[derive(Serialize)]
struct Sender<'a> {
    believed: bool,
    forged: bool,
    by: Option<&'static str>,
    reason: &'a str,
    checks: Vec<Looked<'a>>,
    asked: &'a [String],
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Looked<'a> {
    by: &'static str,
    passed: bool,
    reason: &'a str,
}

/// A command line.
#[derive(Serialize)]
struct Line {
    verb: String,
    arguments: String,
}

/// Whom a delivery report is about.
#[derive(Serialize)]
struct Bounced<'a> {
    recipients: &'a [Address],
}

/// What the report says of itself.
#[derive(Serialize)]
struct Found<'a> {
    severity: Option<Severity>,
    cvss: Option<&'a str>,
    score: Option<f64>,
    rating: Option<String>,
    cves: &'a [String],
    cwes: &'a [String],
    versions: &'a [String],
    support: Vec<Supported<'a>>,
    paths: &'a [String],
    locations: &'a [String],
    found: Vec<Part>,
    missing: Vec<Part>,
}

/// What the project's table says of a version.
#[derive(Serialize)]
struct Supported<'a> {
    version: &'a str,
    support: &'static str,
}

impl<'a> Document<'a> {
    fn of(tried: &'a Tried, asked: &'a [String], project: &Project) -> Self {
        let Tried { mail, identity, intake, known, .. } = tried;
        let looked = |c: &'a Check| Looked { by: by(c.by), passed: c.passed, reason: &c.reason };
        let show = |ticket: Option<TicketId>| ticket.map(|t| project.show(t));
        let known =
            known.as_ref().map(|r| Known { received: r.received, disposition: r.disposition, ticket: show(r.ticket) });
        Self {
            disposition: intake.disposition,
            reason: &intake.reason,
            ticket: show(intake.ticket),
            known,
            sender: mail.from.as_ref().ok(),
            reporter: report_of(intake).and_then(|r| r.from.as_ref()),
            claimed: claimed(intake).map(|(by, address)| Claim { by, address }).collect(),
            identity: Sender {
                believed: identity.believed(),
                forged: identity.forged(),
                by: identity.vouch().map(|v| by(v.by)),
                reason: &identity.reason,
                checks: identity.checks.iter().map(looked).collect(),
                asked,
            },
            subject: &mail.subject,
            reply_text: new_text(mail),
            commands: commands(mail).into_iter().map(|(verb, arguments)| Line { verb, arguments }).collect(),
            bounce: Bounced { recipients: mail.bounce.as_ref().map_or(&[], |b| &b.recipients) },
            fields: Found::of(mail, project),
            problems: &mail.problems,
        }
    }
}

impl<'a> Found<'a> {
    fn of(mail: &'a Mail, project: &Project) -> Self {
        let Fields { severity, cvss, score, cves, cwes, versions, paths, locations, parts, may_lack: _ } = &mail.fields;
        let table = &project.reports.versions;
        let support = |v: &'a String| Supported { version: v, support: table.of(v).words() };
        Self {
            severity: *severity,
            cvss: cvss.as_deref(),
            score: score.map(Score::value),
            rating: score.map(Score::word),
            cves,
            cwes,
            versions,
            support: versions.iter().filter(|_| !table.is_empty()).map(support).collect(),
            paths,
            locations,
            found: parts.iter().collect(),
            missing: project.reports.missing(&mail.fields, &mail.attachments),
        }
    }
}

fn report_of(intake: &Intake) -> Option<&Report> {
    if let Some(Event::Reported(report) | Event::Copied(report, _)) = &intake.event { Some(report) } else { None }
}

/// Whom a report names beside its sender, and where.
fn claimed(intake: &Intake) -> impl Iterator<Item = (&'static str, &Address)> {
    report_of(intake).into_iter().flat_map(|report| report.authors.addresses())
}

/// What nobody verified may be read, and commands nothing.
fn new_text(mail: &Mail) -> &str {
    if mail.signed { &mail.text } else { &mail.reply_text }
}

pub(super) fn text(tried: &Tried, asked: &[String], project: &Project) -> String {
    let Tried { mail, identity, intake, known, unheard } = tried;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name:<13}{}\n", clean_line(value, 400)));
    };
    line("Disposition:", &format!("{} ({})", intake.disposition.word(), intake.reason));
    line(
        "Ticket:",
        &match (&intake.ticket, &intake.event) {
            (Some(ticket), _) => project.show(*ticket),
            (None, Some(Event::Reported(_))) => "a new one".into(),
            (None, _) => "none".into(),
        },
    );
    if let Some(receipt) = known {
        line(
            "Known:",
            &format!("here already, since {}: receipt {}", local(receipt.received, project), receipt.number),
        );
    }
    line("Sender:", mail.from.as_ref().map_or_else(|why| why.words(), Address::as_str));
    if let Some(report) = report_of(intake) {
        line("Reporter:", report.from.as_ref().map_or("nobody who can be answered", Address::as_str));
    }
    for (by, address) in claimed(intake) {
        line("Claimed:", &format!("{} (by {by})", address.as_str()));
    }
    let believed = if identity.believed() { "yes" } else { "no" };
    line("Believed:", &format!("{believed}: {}", identity.reason));
    for check in identity.checks.iter().filter(|_| identity.checks.len() > 1) {
        line("  Looked at:", &check.reason);
    }
    for name in asked {
        line("  Asked DNS:", name);
    }
    if let Some(Event::Requested(Order { by: Actor::Person(to), .. })) = &intake.event {
        line("Code:", &format!("one would be sent to {}, and nothing done before it comes back", project.name_of(to)));
    }
    if let Some(Unheard::Told { to, why, .. }) = unheard {
        line("Told:", &format!("{}, that it is not done: {why}", project.name_of(to)));
    }
    line("Subject:", &mail.subject);
    if let Some(bounce) = &mail.bounce {
        let recipients: Vec<&str> = bounce.recipients.iter().map(Address::as_str).collect();
        line("Bounced for:", &recipients.join(", "));
    }
    for (verb, arguments) in commands(mail) {
        line("Command:", format!("/{verb} {arguments}").trim_end());
    }
    let Fields { severity, cvss: _, score: _, cves, cwes, versions, paths, locations, parts: _, may_lack: _ } =
        &mail.fields;
    let severity = severity.map(|s| s.to_string());
    let found: Vec<String> =
        severity.into_iter().chain(mail.fields.shown_cvss()).chain(cves.iter().chain(cwes).cloned()).collect();
    line("Recognised:", if found.is_empty() { "nothing".into() } else { found.join(", ") }.as_str());
    let table = &project.reports.versions;
    let version = |v: &String| if table.is_empty() { v.clone() } else { format!("{v} ({})", table.of(v).words()) };
    let versions: Vec<String> = versions.iter().map(version).collect();
    for (name, found) in [("Versions:", &versions), ("Files:", paths), ("Source at:", locations)] {
        if !found.is_empty() {
            line(name, &found.join(", "));
        }
    }
    let missing = project.reports.missing(&mail.fields, &mail.attachments);
    let missing: Vec<&str> = missing.iter().map(|p: &Part| p.name()).collect();
    line("Missing:", if missing.is_empty() { "nothing".into() } else { missing.join(", ") }.as_str());
    for attachment in &mail.attachments {
        line("Attached:", &format!("{} ({}, {} octets)", attachment.name, attachment.media_type, attachment.size));
    }
    for problem in &mail.problems {
        line("Odd:", problem);
    }
    text.push_str(&format!("\nNew text:\n{}", clean(&quoted(new_text(mail), 4_000))));
    text
}
