//! `disclosed demo`: the life of three reports in ninety days of virtual time, without any server.
//!
//! It is the real daemon on real folders: a Maildir that mail is delivered into, a Maildir that notices go into, and a
//! database. Only the time is given, and the people are a script that answers the notices it finds.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::daemon::Rehearsal;
use crate::mail::read;
use crate::maildir::Maildir;
use crate::policy::shown::length;
use crate::project::Project;
use crate::ticket::kinds::{who, words};
use crate::tracker::{News, Posted};
use crate::vocabulary::{NoticeKind, TicketId};

const CONFIG: &str = include_str!("demo/config.toml");
/// Friday evening.
const START: &str = "2027-01-08T17:30:00+01:00";
const DAYS: i64 = 90;

/// Something that a person does.
enum Act {
    /// A mail from outside.
    Mail(&'static str),
    /// An answer to the last notice about a ticket to that person.
    Reply { by: &'static str, ticket: u32, text: &'static str },
    /// The same, with the code that the last notice asks for.
    Confirm { by: &'static str, ticket: u32 },
    /// The reporter, or their answering machine, answers the acknowledgement.
    More { from: &'static str, ticket: u32, headers: &'static str, text: &'static str },
}

/// Hours from the start, and what is done then.
const SCRIPT: &[(i64, Act)] = &[
    (0, Act::Mail(include_str!("demo/path-traversal.eml"))),
    (
        1,
        Act::More {
            from: "alex@researcher.example",
            ticket: 1,
            headers: "Auto-Submitted: auto-replied\n",
            text: "I am away until Monday.\n",
        },
    ),
    (26, Act::Mail(include_str!("demo/session.eml"))),
    (
        64,
        Act::Reply {
            by: "dana",
            ticket: 1,
            text: "/ack\n/claim\n\nThank you, we can see it. I will keep you posted.\n",
        },
    ),
    (70, Act::Mail(include_str!("demo/banner.eml"))),
    (
        71,
        Act::More {
            from: "alex@researcher.example",
            ticket: 1,
            headers: "",
            text: "It also works with a NUL byte in the name.\n",
        },
    ),
    (90, Act::Reply { by: "dana", ticket: 1, text: "/valid\n/severity high\n/accept\n" }),
    (92, Act::Reply { by: "dana", ticket: 3, text: "/invalid the version banner is public\n/acept\n" }),
    (
        93,
        Act::Reply {
            by: "dana",
            ticket: 3,
            text: "/reply\n/invalid the version banner is public\n\nThank you. We publish the version on purpose, so this is no vulnerability.\n",
        },
    ),
    (94, Act::Reply { by: "dana", ticket: 3, text: "/close\n" }),
    (
        98,
        Act::Reply {
            by: "lee",
            ticket: 2,
            text: "/reply\n/assign lee\n\nI am sorry that nobody answered in time. We look at it today.\n",
        },
    ),
    (120, Act::Reply { by: "lee", ticket: 2, text: "/severity medium\n/accept\n" }),
    (24 * 20, Act::Reply { by: "dana", ticket: 1, text: "/fix the branch is ready for review\n" }),
    (24 * 31, Act::Reply { by: "dana", ticket: 1, text: "/released 2.1.4\n" }),
    (24 * 45, Act::Reply { by: "dana", ticket: 1, text: "/public https://demo.example/advisories/1\n" }),
    (24 * 45 + 1, Act::Confirm { by: "dana", ticket: 1 }),
    (24 * 46, Act::Reply { by: "dana", ticket: 1, text: "/close\n" }),
    (24 * 80, Act::Reply { by: "lee", ticket: 2, text: "/extend disclose 2027-05-07 the fix needs a migration\n" }),
];

/// Plays it in a folder that is empty or not there.
pub(crate) fn play(folder: &Path) -> Result<()> {
    if folder.read_dir().is_ok_and(|mut d| d.next().is_some()) {
        bail!("{}: not empty; name another folder: disclosed demo FOLDER", folder.display());
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let config_path = folder.join("config.toml");
    fs::write(&config_path, CONFIG).with_context(|| config_path.display().to_string())?;
    let config = Config::load(&config_path)?;
    let start: Timestamp = START.parse()?;
    let mut stage = Stage {
        inbox: Maildir::create(&folder.join("inbox"))?,
        outgoing: folder.join("outgoing"),
        project: config.project(),
        zone: config.policy.calendar.zone.clone(),
        start,
        delivered: 0,
        mails: 0,
        out: anstream::stdout(),
        progress: std::io::stderr().is_terminal(),
    };
    Maildir::create(&stage.outgoing)?;
    let mut daemon = Rehearsal::new(&config, start)?;

    stage.line(&format!("Ninety days of a security inbox, from a Friday evening on, in {}.\n", folder.display()))?;
    let end = start + SignedDuration::from_hours(24 * DAYS);
    let mut script = SCRIPT.iter().peekable();
    let mut now = start;
    loop {
        while let Some((_, act)) = script.next_if(|(hours, _)| start + SignedDuration::from_hours(*hours) <= now) {
            stage.act(act, now)?;
        }
        let news = daemon.at(now)?;
        stage.show(&news, now)?;
        let acts = script.peek().map(|(hours, _)| start + SignedDuration::from_hours(*hours));
        let next = acts.into_iter().chain(daemon.next()?).min().unwrap_or(end);
        // What is due at once was done; a retry may be due in the past.
        now = next.max(now + SignedDuration::from_secs(1));
        stage.progress(now)?;
        if now > end {
            break;
        }
    }
    stage.end(folder)
}

struct Stage<W: Write> {
    inbox: Maildir,
    outgoing: PathBuf,
    project: Project,
    zone: TimeZone,
    start: Timestamp,
    delivered: u32,
    mails: u32,
    out: W,
    progress: bool,
}

const DIM: Style = Style::new().dimmed();
const MAIL: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const ALARM: Style = AnsiColor::Red.on_default().bold();

impl<W: Write> Stage<W> {
    fn line(&mut self, text: &str) -> Result<()> {
        self.clear()?;
        writeln!(self.out, "{text}")?;
        Ok(())
    }

    /// Everything that a pass brought about, a line each.
    fn show(&mut self, news: &News, now: Timestamp) -> Result<()> {
        let date = now.to_zoned(self.zone.clone()).strftime("%a %d %b %H:%M").to_string();
        let about = |t: Option<TicketId>| t.map_or("-".to_owned(), |t| self.project.show(t));
        let mut lines = Vec::new();
        for (_, disposition, ticket, reason) in &news.receipts {
            lines.push((DIM, about(*ticket), format!("mail in: {} ({reason})", disposition.word())));
        }
        for (ticket, entry) in &news.entries {
            let broken = matches!(entry.kind, crate::ticket::EntryKind::Broken { .. });
            lines.push((
                if broken { ALARM } else { GOOD },
                about(Some(*ticket)),
                format!("{} {}", who(&entry.by, &self.project), words(entry, &self.project)),
            ));
        }
        for Posted { notice, words, .. } in &news.notices {
            let to = self.project.person(&notice.to).map_or("the reporter", |p| p.name.as_str());
            let held = if notice.held.is_some() { " (held)" } else { "" };
            let alarm = notice.kind() == NoticeKind::Reminder && words.subject.contains("Overdue");
            let style = if alarm { ALARM } else { MAIL };
            lines.push((style, about(notice.ticket()), format!("  → to {to}: {}{held}", words.subject)));
        }
        self.mails += u32::try_from(news.notices.len()).unwrap_or(u32::MAX);
        for (style, ticket, text) in lines {
            let text = crate::vocabulary::clean_line(&text, 160);
            self.line(&format!("{DIM}{date}{DIM:#}  {ticket:7} {style}{text}{style:#}"))?;
        }
        Ok(())
    }

    fn act(&mut self, act: &Act, now: Timestamp) -> Result<()> {
        match act {
            Act::Mail(mail) => self.deliver(mail, now),
            Act::Reply { by, ticket, text } => {
                let notice = self.last_notice(by, *ticket)?;
                self.reply(&format!("{by}@demo.example"), &notice, "", text, now)
            }
            Act::Confirm { by, ticket } => {
                let notice = self.last_notice(by, *ticket)?;
                let code = notice.lines().map(str::trim).find(|l| l.starts_with("/confirm "));
                let code = code.context("the last notice asks for no code")?.to_owned();
                self.reply(&format!("{by}@demo.example"), &notice, "", &code, now)
            }
            Act::More { from, ticket, headers, text } => {
                let notice = self.last_notice(from, *ticket)?;
                self.reply(from, &notice, headers, text, now)
            }
        }
    }

    /// The last mail about a ticket to somebody, as it left.
    fn last_notice(&self, to: &str, ticket: u32) -> Result<String> {
        let tag = format!("[{}]", self.project.show(TicketId(ticket)));
        let mut last = None;
        let mut all = Maildir::open(&self.outgoing)?.list()?;
        all.sort_by_key(|f| number(&f.name));
        for found in all {
            let text = fs::read_to_string(&found.path)?;
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            let is_to = head.lines().any(|l| l.starts_with("To: ") && l.contains(to));
            if is_to && head.contains(&tag) {
                last = Some(text);
            }
        }
        last.with_context(|| format!("no notice about {tag} to {to}"))
    }

    /// What a mail program makes of a reply: to the Reply-To, above the quote. The demo's mail server vouches for it.
    fn reply(&mut self, from: &str, notice: &str, headers: &str, text: &str, now: Timestamp) -> Result<()> {
        let field =
            |name: &str| notice.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let domain = from.split_once('@').map_or("", |(_, d)| d);
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let (to, id, subject) = (field("Reply-To:"), field("Message-ID:"), field("Subject:"));
        let quoted: String = read::read(notice.as_bytes()).text.lines().map(|l| format!("> {l}\n")).collect();
        // Of this very mail, so that it is spent with it; the demo's mail server is the one that checks it.
        let signature = data_encoding::HEXLOWER.encode(format!("{id}{date}{text}").as_bytes());
        let mail = format!(
            "Authentication-Results: mx.demo.example; spf=pass smtp.mailfrom={from}; dkim=pass header.d={domain}; \
             dmarc=pass header.from={domain}\n\
             Received: from mail.{domain} by mx.demo.example with ESMTPS; {date}\n\
             DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=demo; h=from:to:subject:date; bh=ZGVtbw==; b={signature}\n\
             From: {from}\nTo: {to}\nSubject: Re: {subject}\nDate: {date}\n\
             Message-ID: <reply-{}@{domain}>\nIn-Reply-To: {id}\n{headers}\n{text}\n{quoted}",
            self.delivered
        );
        self.deliver(&mail, now)
    }

    fn deliver(&mut self, mail: &str, now: Timestamp) -> Result<()> {
        self.delivered += 1;
        let unique = format!("{}.{}.demo", now.as_second(), self.delivered);
        self.inbox.deliver(mail.replace('\n', "\r\n").as_bytes(), &unique, now)?;
        Ok(())
    }

    fn progress(&mut self, now: Timestamp) -> Result<()> {
        if self.progress {
            let day = (now.duration_since(self.start).as_hours() / 24).min(DAYS);
            write!(std::io::stderr(), "\r\x1b[2Kday {day} of {DAYS} ")?;
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        if self.progress {
            write!(std::io::stderr(), "\r\x1b[2K")?;
        }
        Ok(())
    }

    fn end(&mut self, folder: &Path) -> Result<()> {
        let f = folder.display();
        let me = std::env::args().next().unwrap_or_else(|| "disclosed".into());
        let took = length(SignedDuration::from_hours(24 * DAYS));
        let text = format!(
            "\n{took} are over: {} mails came in, {} went out. What holds what:\n\
             \x20 {f}/config.toml    the config; it documents itself\n\
             \x20 {f}/inbox/         the Maildir that reports arrive in; nothing in it was changed\n\
             \x20 {f}/outgoing/new/  each mail that left, as it left\n\
             \x20 {f}/disclosed.db   tickets, timeline, raw mail; disclosed.key signs the reply addresses\n\
             Look around:\n\
             \x20 {me} --config {f}/config.toml list\n\
             \x20 {me} --config {f}/config.toml show SEC-2     (also: log SEC-2, inbox, outbox)",
            self.delivered, self.mails
        );
        self.line(&text)
    }
}

/// The number of a notice in the name of its file: "1799425800.12.disclosed".
fn number(name: &str) -> u32 {
    name.split('.').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
