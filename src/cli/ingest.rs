//! `disclosed ingest`: mail from files, taken in as if it had just come.

mod files;
mod found;
mod mbox;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use self::found::{Failure, Found};
use super::desk::{Desk, Exit};
use super::out::{Out, Progress, complain};
use crate::dkim::Verifier;
use crate::tracker::{Arrival, News, Tracker};
use crate::{clock, open};

/// Mails in one transaction.
const BATCH: usize = 64;
/// Octets in one transaction, but for the last mail of it.
const BATCH_OCTETS: usize = 4 << 20;

#[derive(clap::Args)]
pub(super) struct Args {
    /// .eml files, mbox files, Maildirs, or folders of .eml files
    #[arg(required_unless_present = "earlier", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// In place of files, the mails that were in the inbox before the first start
    #[arg(long, conflicts_with = "paths")]
    earlier: bool,
    /// Only those that the mail server took on this day or later: 2027-01-01
    #[arg(long, value_name = "DATE", requires = "earlier", conflicts_with = "paths")]
    since: Option<Date>,
}

/// Mails on their way into the database, and what became of those before.
struct Intake {
    tracker: Tracker,
    verifier: Verifier,
    runtime: tokio::runtime::Runtime,
    batch: Vec<Arrival>,
    octets: usize,
    mails: usize,
    handled: BTreeMap<&'static str, usize>,
    progress: Progress,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let max = desk.config.limits.message;
    let mut intake = Intake {
        tracker: open::tracker(&desk.config, clock::now())?,
        verifier: Verifier::system(),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        batch: Vec::new(),
        octets: 0,
        mails: 0,
        handled: BTreeMap::new(),
        progress: Progress::new(),
    };
    if args.earlier {
        let zone = desk.project.policy.calendar.zone.clone();
        let since = args.since.map(|day| day.to_zoned(zone)).transpose()?;
        intake.earlier(since.map_or(Timestamp::MIN, |day| day.timestamp()))?;
    }
    let mut failed = Vec::new();
    for path in &args.paths {
        match files::each(path, max, &mut |found| intake.add(found).map_err(Failure::Store)) {
            Ok(()) => {}
            Err(Failure::Path(e)) => failed.push((path, e.to_string())),
            Err(Failure::Store(e)) => return Err(e),
        }
    }
    intake.flush()?;
    let (waiting, _) = intake.tracker.store().read(|tx| tx.unverified_mails())?;
    let Intake { mails, handled, progress, .. } = intake;
    drop(progress);
    // Mail that was put off before may come on top, or still wait.
    let rest = mails.saturating_sub(handled.values().sum::<usize>());
    let waiting = rest.min(usize::try_from(waiting).unwrap_or(usize::MAX));
    let known = rest - waiting;
    for (path, why) in &failed {
        complain(&format!("{}: {why}", path.display()));
    }
    if out.wants_json() {
        let failed: Vec<_> = failed.iter().map(|(path, why)| json!({ "path": path, "why": why })).collect();
        out.json(&json!({ "mails": mails, "known": known, "unverified": waiting, "dispositions": handled, "failed": failed }))?;
    } else {
        let mut parts: Vec<String> = handled.iter().map(|(word, n)| format!("{n} {word}")).collect();
        if waiting > 0 {
            parts.push(format!("{waiting} waiting for DKIM keys"));
        }
        if known > 0 {
            parts.push(format!("{known} known already"));
        }
        let (plural, colon) = (if mails == 1 { "" } else { "s" }, if parts.is_empty() { "" } else { ": " });
        out.text(&format!("{mails} mail{plural}{colon}{}.\n", parts.join(", ")))?;
    }
    Ok(if failed.is_empty() { Exit::Done } else { Exit::Failed })
}

impl Intake {
    fn add(&mut self, found: Found) -> Result<()> {
        self.octets += found.raw.len();
        self.mails += 1;
        self.batch.push(Arrival {
            raw: found.raw,
            size: found.size,
            internal_date: None,
            not_before: None,
            place: None,
            listing: std::sync::Arc::default(),
        });
        if self.batch.len() >= BATCH || self.octets >= BATCH_OCTETS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let news = self.tracker.on_mail(&self.batch, clock::now())?;
        self.batch.clear();
        self.octets = 0;
        self.settle(news)
    }

    /// Takes in what was there before the first start, from the store.
    fn earlier(&mut self, since: Timestamp) -> Result<()> {
        loop {
            let (mails, news) = self.tracker.take_earlier(since, clock::now())?;
            if mails == 0 {
                return Ok(());
            }
            self.mails += mails;
            self.settle(news)?;
        }
    }

    fn settle(&mut self, mut news: News) -> Result<()> {
        // Mail whose signatures could matter is handled once they are checked.
        loop {
            let (more, question) = self.tracker.next_question(clock::now())?;
            news.add(more);
            let Some((mail, question)) = question else { break };
            let dkim = self.runtime.block_on(self.verifier.check(&question, clock::now()));
            news.add(self.tracker.verified(mail, dkim, clock::now())?);
        }
        for (_, disposition, ..) in news.receipts {
            *self.handled.entry(disposition.word()).or_default() += 1;
        }
        self.progress.show(&format!("{} mails", self.mails));
        Ok(())
    }
}
