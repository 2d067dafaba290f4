//! `disclosed demo`: the life of three reports in ninety days of virtual time, without any server.
//!
//! It is the real daemon on real folders: a Maildir that mail is delivered into, a Maildir that notices go into, and a
//! database. Only the time is given, and the people are a script that answers the notices it finds. The ninety days
//! end now, so that every other command works on the folder as on one of today.

mod script;

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail};
use jiff::civil::{DateTime, Weekday, time};
use jiff::{SignedDuration, Span, Timestamp};

use crate::config::Config;
use crate::daemon::Rehearsal;
use crate::mail::read;
use crate::maildir::Maildir;
use crate::policy::Calendar;
use crate::project::Project;
use crate::ticket::kinds::{who, words};
use crate::tracker::{News, Posted};
use crate::vocabulary::{NoticeKind, TicketId};
use script::{Act, LATER, SCRIPT, SHOWN};

const CONFIG: &str = include_str!("demo/config.toml");
/// The last act and the reminders around it lie in so many days.
const DAYS: i64 = 90;

/// Plays it in a folder that is empty or not there, up to `end`; what happens is written to `out`.
pub(crate) fn play(folder: &Path, end: Timestamp, out: impl Write) -> Result<()> {
    if folder.read_dir().is_ok_and(|mut d| d.next().is_some()) {
        bail!("{}: not empty; name another folder: disclosed demo FOLDER", folder.display());
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let config_path = folder.join("config.toml");
    fs::write(&config_path, CONFIG).with_context(|| config_path.display().to_string())?;
    let config = Config::load(&config_path)?;
    let calendar = config.policy.calendar.clone();
    let first = first_evening(&calendar, end - SignedDuration::from_hours(24 * DAYS));
    let start = calendar.instant(first);
    let mut stage = Stage {
        inbox: Maildir::create(&folder.join("inbox"))?,
        outgoing: folder.join("outgoing"),
        project: config.project(),
        calendar,
        first,
        delivered: 0,
        mails: 0,
        shown: Shown::default(),
        out,
        progress: std::io::stderr().is_terminal(),
    };
    Maildir::create(&stage.outgoing)?;
    let mut daemon = Rehearsal::new(&config, start)?;

    let day = first.strftime("%A %-d %B %Y");
    stage
        .line(&format!("{DAYS} days of a security inbox, from the evening of {day} on, in {}.\n", folder.display()))?;
    let mut script = SCRIPT.iter().peekable();
    let mut now = start;
    loop {
        while let Some((_, act)) = script.next_if(|(hours, _)| stage.after(*hours) <= now) {
            stage.act(act, now)?;
        }
        let news = daemon.at(now)?;
        stage.show(&news, now)?;
        if now >= end {
            break;
        }
        let acts = script.peek().map(|(hours, _)| stage.after(*hours));
        let next = acts.into_iter().chain(daemon.next()?).min().unwrap_or(end);
        // What is due at once was done; a retry may be due in the past.
        now = next.max(now + SignedDuration::from_secs(1)).min(end);
        stage.progress(now)?;
    }
    stage.end(folder)
}

/// The last Friday evening up to an instant: promises that run over a weekend are those that get broken.
fn first_evening(calendar: &Calendar, latest: Timestamp) -> DateTime {
    let evening = time(17, 30, 0, 0);
    let days = std::iter::successors(Some(calendar.day(latest)), |day| day.yesterday().ok());
    let mut fridays = days.filter(|day| day.weekday() == Weekday::Friday).map(|day| day.to_datetime(evening));
    fridays.find(|friday| calendar.instant(*friday) <= latest).unwrap_or(DateTime::MIN)
}

/// The mails that the end shows.
#[derive(Default)]
struct Shown {
    acknowledgement: Option<u32>,
    reminder: Option<u32>,
    command: Option<String>,
    answer: Option<u32>,
}

struct Stage<W: Write> {
    inbox: Maildir,
    outgoing: PathBuf,
    project: Project,
    calendar: Calendar,
    /// When it begins, by the clock on the wall.
    first: DateTime,
    delivered: u32,
    mails: u32,
    shown: Shown,
    out: W,
    progress: bool,
}

const DIM: Style = Style::new().dimmed();
const MAIL: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const ALARM: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();

impl<W: Write> Stage<W> {
    /// So many hours after the start by the clock on the wall, whatever summer time does between.
    fn after(&self, hours: i64) -> Timestamp {
        self.calendar.instant(self.first.saturating_add(SignedDuration::from_hours(hours)))
    }

    fn line(&mut self, text: &str) -> Result<()> {
        self.clear()?;
        writeln!(self.out, "{text}")?;
        Ok(())
    }

    /// Everything that a pass brought about, a line each.
    fn show(&mut self, news: &News, now: Timestamp) -> Result<()> {
        let date = now.to_zoned(self.calendar.zone.clone()).strftime("%a %d %b %H:%M").to_string();
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
        for (style, ticket, text) in lines {
            let text = crate::vocabulary::clean_line(&text, 160);
            self.line(&format!("{DIM}{date}{DIM:#}  {ticket:7} {style}{text}{style:#}"))?;
        }
        self.remember(news);
        Ok(())
    }

    /// Counts what leaves, and keeps the first of each that the end shows.
    fn remember(&mut self, news: &News) {
        self.mails += u32::try_from(news.notices.len()).unwrap_or(u32::MAX);
        let first = |kind| news.notices.iter().find(|n| n.notice.kind() == kind).map(|n| n.number);
        let shown = &mut self.shown;
        shown.acknowledgement = shown.acknowledgement.or_else(|| first(NoticeKind::Acknowledgement));
        shown.reminder = shown.reminder.or_else(|| first(NoticeKind::Reminder));
        if shown.command.is_some() {
            shown.answer = shown.answer.or_else(|| first(NoticeKind::Answer));
        }
    }

    fn act(&mut self, act: &Act, now: Timestamp) -> Result<()> {
        match act {
            Act::Mail(mail) => {
                self.deliver(&mail.replace("{date}", &written(now)), now)?;
            }
            Act::Reply { by, ticket, text } => {
                let notice = self.last_notice(by, *ticket)?;
                let later = self.first.date().saturating_add(Span::new().days(LATER)).to_string();
                let mail =
                    self.reply(&format!("{by}@demo.example"), &notice, "", &text.replace("{later}", &later), now)?;
                if *text == SHOWN {
                    // Nobody reads what is quoted below.
                    self.shown.command = mail.split_once("\n> ").map(|(own, _)| format!("{own}\n> …"));
                }
            }
            Act::Confirm { by, ticket } => {
                let notice = self.last_notice(by, *ticket)?;
                let code = notice.lines().map(str::trim).find(|l| l.starts_with("/confirm "));
                let code = code.context("the last notice asks for no code")?.to_owned();
                self.reply(&format!("{by}@demo.example"), &notice, "", &code, now)?;
            }
            Act::More { from, ticket, headers, text } => {
                let notice = self.last_notice(from, *ticket)?;
                self.reply(from, &notice, headers, text, now)?;
            }
        }
        Ok(())
    }

    /// Each mail that left, with its number, in the order in which they left.
    fn sent(&self) -> Result<Vec<(u32, String)>> {
        let read = |found: crate::maildir::Found| Ok((number(&found.name), fs::read_to_string(&found.path)?));
        let mut all = Maildir::open(&self.outgoing)?.list()?.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        all.sort_by_key(|(number, _)| *number);
        Ok(all)
    }

    /// The last mail about a ticket to somebody, as it left.
    fn last_notice(&self, to: &str, ticket: u32) -> Result<String> {
        let tag = format!("[{}]", self.project.show(TicketId(ticket)));
        let is_meant = |text: &str| {
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            head.contains(&tag) && head.lines().any(|l| l.starts_with("To: ") && l.contains(to))
        };
        let last = self.sent()?.into_iter().map(|(_, text)| text).rfind(|text| is_meant(text));
        last.with_context(|| format!("no notice about {tag} to {to}"))
    }

    /// What a mail program makes of a reply: to the Reply-To, above the quote. The demo's mail server vouches for it.
    fn reply(&mut self, from: &str, notice: &str, headers: &str, text: &str, now: Timestamp) -> Result<String> {
        let domain = from.split_once('@').map_or("", |(_, d)| d);
        let date = written(now);
        let (to, id, subject) = (field(notice, "Reply-To"), field(notice, "Message-ID"), field(notice, "Subject"));
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
        self.deliver(&mail, now)?;
        Ok(mail)
    }

    fn deliver(&mut self, mail: &str, now: Timestamp) -> Result<()> {
        self.delivered += 1;
        let unique = format!("{}.{}.demo", now.as_second(), self.delivered);
        self.inbox.deliver(mail.replace('\n', "\r\n").as_bytes(), &unique, false, now)?;
        Ok(())
    }

    fn progress(&mut self, now: Timestamp) -> Result<()> {
        if self.progress {
            let day = (now.duration_since(self.after(0)).as_hours() / 24).min(DAYS);
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

    /// Four of the mails, as their readers saw them, and how to look around.
    fn end(&mut self, folder: &Path) -> Result<()> {
        self.line(&format!("\n{DAYS} days are over: {} mails came in, {} went out.", self.delivered, self.mails))?;
        let shown = std::mem::take(&mut self.shown);
        let sent = self.sent()?;
        let mail = |number: Option<u32>| sent.iter().find(|(n, _)| Some(*n) == number).map(|(_, text)| text.as_str());
        for (what, mail) in [
            ("What the reporter of SEC-1 got at once", mail(shown.acknowledgement)),
            ("What the maintainers got when nobody had answered", mail(shown.reminder)),
            ("How a maintainer commands: by a reply, three days later", shown.command.as_deref()),
            ("What came back", mail(shown.answer)),
        ] {
            let mail = mail.with_context(|| format!("the demo has no mail for {what:?}"))?;
            self.line(&format!("\n{BOLD}{what}:{BOLD:#}\n\n{}", as_read(mail).trim_end()))?;
        }
        let me = word(&std::env::args().next().unwrap_or_else(|| "disclosed".into()));
        let config = word(&folder.join("config.toml").display().to_string());
        let reminder = shown.reminder.unwrap_or(1);
        let command = |words: &str, what: &str| format!("  {me} --config {config} {words}   # {what}\n");
        let text = [
            format!("\n{BOLD}Look around. Each line can be pasted:{BOLD:#}\n\n"),
            command("list", "the tickets"),
            command("show SEC-2", "one of them: promises, people, timeline, mails"),
            command("status", "how things stand"),
            command(&format!("outbox --show {reminder}"), "the reminder above, with all its headers"),
            command("do SEC-2 \"/severity high\" /fix --as Lee", "commands work without mail too"),
            command("run --once", "takes in what lies in inbox/, sends what is due into outgoing/"),
            format!(
                "\nIn {}: config.toml, which explains itself; inbox/, which reports arrive in and where nothing\n\
                 was changed; outgoing/new/, each mail as it left; disclosed.db, which holds tickets, timelines and\n\
                 raw mail; disclosed.key, which signs the reply addresses. A mail of your own that you put into\n\
                 inbox/new/ is a report at the next `run --once`.",
                folder.display()
            ),
        ];
        self.line(&text.concat())
    }
}

/// A field of a mail's header, on one line.
fn field(mail: &str, name: &str) -> String {
    let head = mail.lines().take_while(|l| !l.is_empty());
    let mut values = head.filter_map(|l| l.split_once(':')).filter(|(n, _)| *n == name).map(|(_, v)| v.trim());
    values.next().unwrap_or_default().to_owned()
}

/// The date of a mail's header.
fn written(now: Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// What a mail program shows of a mail.
fn as_read(mail: &str) -> String {
    let read = read::read(mail.as_bytes());
    let head = ["From", "To"].map(|name| format!("{name}: {}\n", field(mail, name))).concat();
    let all = format!("{head}Subject: {}\n\n{}", read.subject, read.text.trim_end());
    all.lines().map(|l| if l.is_empty() { "\n".to_owned() } else { format!("    {l}\n") }).collect()
}

/// A word as a shell reads it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The number of a notice in the name of its file: "1799425800.12.disclosed".
fn number(name: &str) -> u32 {
    name.split('.').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
