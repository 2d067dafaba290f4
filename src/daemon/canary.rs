//! Whether mail from outside comes into the inbox: a mail that is sent by another provider to the public address, and
//! expected in time. A way that loses reports silently (a filter, a group, a full mailbox, an MX record) is seen by
//! nothing else.
//!
//! It bears a token that says that it is ours and no more, so that it leaves no ticket. What was sent last, and when, is
//! on disk before it leaves: a restart sends none anew. `check --online --round-trip` does the same once, by our own way
//! out.

use std::collections::HashSet;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::Daemon;
use super::finding::Finding;
use super::folder::{Folder, FolderError};
use super::forged::{PATIENCE, PAUSE, look};
use crate::config::{Canary, Config, Outgoing, SmtpConfig};
use crate::notice::text::trouble::{Trouble, TroubleKind};
use crate::smtp::{self, Letter};
use crate::store::Memo;
use crate::token::{self, Key, LOOP_FIELD, Purpose, Token};
use crate::tracker::Arrival;
use crate::vocabulary::{Address, Outcome, Said};

/// Octets of a mail in which its token is looked for: its header.
const OCTETS: usize = 64 * 1024;

/// The canary that was sent last.
struct Sent {
    at: Timestamp,
    /// Its token, while it is on its way.
    awaited: Option<String>,
}

impl Sent {
    fn read(value: &str) -> Option<Self> {
        let (at, tag) = value.split_once(' ').unwrap_or((value, ""));
        Some(Self { at: at.parse().ok()?, awaited: Some(tag.to_owned()).filter(|tag| !tag.is_empty()) })
    }
}

impl Daemon {
    fn canary(&mut self) -> Result<Option<Sent>> {
        Ok(self.tracker.store().read(|tx| tx.memo::<String>(Memo::Canary))?.and_then(|value| Sent::read(&value)))
    }

    /// Sends the next one when it is time, and tells when the last did not come.
    pub(super) fn look_for_canary(&mut self, now: Timestamp) -> Result<()> {
        let sent = self.canary()?;
        let Some(canary) = self.config.canary.clone() else {
            if sent.is_some() {
                self.tracker.store().write(|tx| {
                    tx.drop_memo(Memo::Canary)?;
                    tx.end_trouble(TroubleKind::Canary)
                })?;
            }
            return Ok(());
        };
        // A clock that was set back begins anew.
        let passed = sent.as_ref().map(|sent| now.duration_since(sent.at)).filter(|passed| !passed.is_negative());
        if let (Some(Sent { at, awaited: Some(_) }), Some(passed)) = (&sent, passed)
            && passed > SignedDuration::try_from(canary.within).unwrap_or(SignedDuration::MAX)
        {
            let news = self.tracker.trouble(&Trouble::Canary { sent: *at }, now)?;
            self.log(news);
        }
        if passed.is_none_or(|passed| passed.unsigned_abs() >= canary.every) {
            self.send_canary(canary, now)?;
        }
        Ok(())
    }

    fn send_canary(&mut self, canary: Canary, now: Timestamp) -> Result<()> {
        let to = self.config.address.clone();
        let tag = check_tag(self.tracker.key(), &to)?;
        self.tracker.store().write(|tx| tx.set_memo(Memo::Canary, format!("{now} {tag}")))?;
        let why = "disclosed sent this mail by its second way out, to see that mail comes through.";
        let bytes = letter(&canary.address, &to, &tag, why, now);
        tokio::spawn(async move {
            // That it does not come is told by its time, whatever the reason.
            match send(&canary.smtp, &canary.address, &to, &bytes).await {
                Ok(()) => tracing::info!("the canary was sent"),
                Err(why) => tracing::warn!("the canary could not be sent: {}", why.for_log()),
            }
        });
        Ok(())
    }

    /// Looks whether what has come is the canary that is expected.
    pub(super) fn look_at_arrivals(&mut self, arrivals: &[Arrival]) -> Result<()> {
        if self.config.canary.is_none() {
            return Ok(());
        }
        let Some(Sent { at, awaited: Some(tag) }) = self.canary()? else { return Ok(()) };
        let bears = |raw: &[u8]| {
            raw.get(..raw.len().min(OCTETS)).unwrap_or_default().windows(tag.len()).any(|w| w == tag.as_bytes())
        };
        if arrivals.iter().any(|arrival| bears(&arrival.raw)) {
            self.tracker.store().write(|tx| {
                tx.set_memo(Memo::Canary, at)?;
                tx.end_trouble(TroubleKind::Canary)
            })?;
            tracing::info!("the canary has come");
        }
        Ok(())
    }
}

/// A token that no other mail bears.
fn check_tag(key: &Key, to: &Address) -> Result<String> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|e| anyhow::anyhow!("no random numbers: {e}"))?;
    let notice = u32::from_be_bytes(random);
    Ok(Token { purpose: Purpose::Check, party: token::party(to), ticket: None, notice }.sign(key))
}

/// A mail that is looked for, and why it was sent, in a sentence.
pub(super) fn letter(from: &Address, to: &Address, tag: &str, why: &str, now: Timestamp) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: A check by disclosed ({tag})\r\nDate: {}\r\n\
         Message-ID: <{tag}@{}>\r\n{LOOP_FIELD}: {tag}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\r\n{why}\r\nIt may be deleted.\r\n",
        now.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        from.domain(),
        from = from.as_str(),
        to = to.as_str(),
    )
    .into_bytes()
}

async fn send(smtp: &SmtpConfig, from: &Address, to: &Address, bytes: &[u8]) -> Result<(), Said> {
    let secret = smtp.secret().await.map_err(|e| Said::from(e.to_string()))?;
    match smtp::send_at_once(smtp, secret.as_ref(), Letter { from: Some(from), to, bytes }).await {
        // It may have come all the same.
        Outcome::Sent(_) | Outcome::Unknown(_) => Ok(()),
        Outcome::Deferred(said)
        | Outcome::Slower(said)
        | Outcome::Away(said)
        | Outcome::Unclear(said)
        | Outcome::Refused(said)
        | Outcome::Closed(said) => Err(said),
    }
}

/// Sends one mail to the public address by our own way out, and waits for it.
pub(super) async fn round_trip(config: &Config, key: Option<&Key>, now: Timestamp) -> Finding {
    let (Outgoing::Smtp(smtp), Some(key)) = (&config.outgoing, key) else {
        return Finding::unknown("round trip: it needs [outgoing.smtp] and a database; run `disclosed run` first");
    };
    let shown = config.address.as_str();
    match travel(config, smtp, key, now).await {
        Ok(true) => Finding::good(format!("round trip: a mail to {shown} came into the inbox")),
        Ok(false) => Finding::bad(format!(
            "round trip: a mail to {shown} did not come into the inbox within {} s; look into Junk, and at what stands \
             between the address and the inbox",
            PATIENCE.as_secs()
        )),
        Err(why) => Finding::bad(format!("round trip: {why}")),
    }
}

async fn travel(config: &Config, smtp: &SmtpConfig, key: &Key, now: Timestamp) -> Result<bool, String> {
    let to = &config.address;
    let tag = check_tag(key, to).map_err(|e| e.to_string())?;
    let inbox = |e: FolderError| format!("the inbox: {e}");
    let mut folder = Folder::open(&config.inbox).await.map_err(inbox)?;
    let mut known: HashSet<String> = folder.list().await.map_err(inbox)?.names.iter().cloned().collect();
    let why = "`disclosed check --online --round-trip` sent this mail to see that mail comes through.";
    send(smtp, &config.mailbox, to, &letter(&config.mailbox, to, &tag, why, now))
        .await
        .map_err(|said| said.to_string())?;
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(PAUSE).await;
        if look(&mut folder, &mut known, &tag).await.map_err(inbox)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::EXAMPLE;
    use crate::intake::disposition::Disposition;

    const CANARY: &str = "[canary]\naddress = \"canary@elsewhere.example\"\nevery = \"1h\"\nwithin = \"15m\"\n\
                          [canary.smtp]\nserver = \"127.0.0.1\"\ntls = \"none\"\nport = 1\n";

    fn arrival(raw: Vec<u8>) -> Arrival {
        let (size, listing) = (raw.len() as u64, std::sync::Arc::default());
        Arrival { raw, size, internal_date: None, not_before: None, place: None, listing }
    }

    /// The mail that is on its way, as it would come.
    fn on_its_way(daemon: &mut Daemon) -> Vec<u8> {
        let tag = daemon.canary().unwrap().unwrap().awaited.unwrap();
        let from = &daemon.config.canary.as_ref().unwrap().address;
        letter(from, &daemon.config.address, &tag, "why", crate::clock::now())
    }

    fn stands(daemon: &mut Daemon) -> bool {
        daemon.tracker.store().read(|tx| tx.trouble(TroubleKind::Canary)).unwrap().is_some()
    }

    #[tokio::test]
    async fn a_canary_that_does_not_come_is_told_until_one_comes() {
        let folder = tempfile::tempdir().unwrap();
        let open = |more: &str| {
            let config = Config::parse(&format!("{EXAMPLE}{more}"), &folder.path().join("config.toml")).unwrap();
            Daemon::start(Path::new(""), config, None).unwrap()
        };
        let mut daemon = open(CANARY);
        let now = crate::clock::now();
        let at = |minutes: i64| now + SignedDuration::from_mins(minutes);
        daemon.look_for_canary(at(0)).unwrap();
        let first = on_its_way(&mut daemon);
        assert!(crate::notice::write::check_wire(&first).is_ok());
        daemon.look_for_canary(at(14)).unwrap();
        assert!(!stands(&mut daemon));
        daemon.look_for_canary(at(16)).unwrap();
        assert!(stands(&mut daemon));

        // Known after a restart; one that was answered before does not end it.
        drop(daemon);
        let mut daemon = open(CANARY);
        daemon.look_for_canary(at(17)).unwrap();
        assert!(stands(&mut daemon));
        daemon.look_for_canary(at(61)).unwrap();
        let second = on_its_way(&mut daemon);
        daemon.look_at_arrivals(&[arrival(first)]).unwrap();
        assert!(stands(&mut daemon), "the one that is expected is another");
        daemon.look_at_arrivals(&[arrival(second.clone())]).unwrap();
        assert!(!stands(&mut daemon));
        daemon.look_for_canary(at(100)).unwrap();
        assert!(!stands(&mut daemon) && daemon.canary().unwrap().unwrap().awaited.is_none());

        // It leaves no ticket, whoever its sender is, and proves no notice.
        let news = daemon.tracker.on_mail(&[arrival(second)], at(62)).unwrap();
        assert_eq!(news.receipts.iter().map(|(_, d, ..)| *d).collect::<Vec<_>>(), [Disposition::Own]);
        assert!(news.entries.is_empty() && news.notices.is_empty());

        daemon.look_for_canary(at(122)).unwrap();
        daemon.look_for_canary(at(150)).unwrap();
        assert!(stands(&mut daemon));
        drop(daemon);
        let mut daemon = open("");
        daemon.look_for_canary(at(151)).unwrap();
        assert!(!stands(&mut daemon), "without a canary none is missed");
    }
}
