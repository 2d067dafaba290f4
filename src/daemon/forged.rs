//! Whether a forged Authentication-Results line comes through (RFC 8601 sections 5 and 7.1), for `check --online`.
//!
//! A mail is sent through our own way out to our own address. It bears a line under our own authserv-id, for a domain
//! that cannot exist and that nobody else can know. Then the inbox is watched for it, by a session of its own that only
//! reads. Its Message-ID is made with our key, so that a daemon beside it takes the mail for what it is: our own.
//!
//! What it proves is bounded, and said: a mail that is handed in with a login may go another way than mail from outside.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::finding::Finding;
use super::folder::{Fetched, Folder, FolderError};
use crate::config::{Config, Outgoing, SmtpConfig};
use crate::mail::header::Trace;
use crate::mail::read;
use crate::mail::results::{Forged, forged_line, names_authserv};
use crate::provider::Server;
use crate::smtp::{self, Letter};
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::Outcome;

/// How long the mail may be on its way.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// New mails that are looked at; a busy inbox is not read through.
const LOOK: usize = 200;
/// Octets of a mail that are looked at: its header.
const OCTETS: u64 = 64 * 1024;

/// Tries it for each authserv-id.
pub(super) async fn forged(config: &Config, key: Option<&Key>, now: Timestamp) -> Vec<Finding> {
    let server = &config.identity.server;
    let ids = server.ids();
    let Some(first) = ids.first() else {
        return vec![Finding::good("identity: no authserv_ids, so no Authentication-Results are believed")];
    };
    let unproven = |why: &str| {
        vec![Finding::unknown(format!("identity: whether others can write lines by {first} cannot be proven: {why}"))]
    };
    let Outgoing::Smtp(smtp) = &config.outgoing else {
        return unproven("outgoing is a Maildir, so that no mail goes through the server");
    };
    let Some(key) = key else {
        return unproven("no mail is sent before there is a database; run `disclosed run`, and check again");
    };
    match travel(config, smtp, key, now).await {
        Ok(raw) => {
            let trace = read::read(&raw.1).trace;
            ids.iter().map(|id| judge(&trace, server, id, &raw.0)).collect()
        }
        Err(why) => unproven(&why),
    }
}

/// Sends the mail and waits for it; gives its secret word and its bytes as they came.
async fn travel(config: &Config, smtp: &SmtpConfig, key: &Key, now: Timestamp) -> Result<(String, Vec<u8>), String> {
    let mut random = [0; 11];
    getrandom::fill(&mut random).map_err(|e| format!("no random numbers: {e}"))?;
    let [a, b, c, word @ ..] = random;
    let number = u32::from_be_bytes([0, a, b, c]);
    let word = format!("x{}.invalid", data_encoding::HEXLOWER.encode(&word));
    let mail = letter(config, key, number, &word, now).ok_or("the project's address makes no Message-ID")?;
    let mut folder = Folder::open(&config.inbox).await.map_err(|e| format!("the inbox: {e}"))?;
    let before = folder.list().await.map_err(|e| format!("the inbox: {e}"))?;
    let mut known: HashSet<String> = before.names.iter().cloned().collect();
    let secret = smtp.secret().await.map_err(|e| format!("the secret for sending: {e}"))?;
    let letter = Letter { from: Some(&config.address), to: &config.address, bytes: &mail };
    let outcome = smtp::send_at_once(smtp, secret.as_ref(), letter).await;
    if !matches!(outcome, Outcome::Sent(_)) {
        return Err(format!("the server did not take the mail: {}", outcome.said().reply));
    }
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(PAUSE).await;
        if let Some(come) = look(&mut folder, &mut known, &word).await.map_err(|e| e.to_string())? {
            return Ok((word, come.raw));
        }
    }
    Err(format!("the mail did not come back into the inbox within {} s; look into Junk", PATIENCE.as_secs()))
}

/// The mail: a forged line for each id, and words for whoever finds it.
fn letter(config: &Config, key: &Key, number: u32, word: &str, now: Timestamp) -> Option<Vec<u8>> {
    let ours = config.address.as_str();
    let party = token::party(&config.address);
    let token = Token { purpose: Purpose::Check, party, ticket: None, notice: number };
    let id = token.message_id(key, config.address.domain())?;
    let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let lines: String = config
        .identity
        .server
        .ids()
        .iter()
        .map(|id| format!("Authentication-Results: {id};\r\n dmarc=pass header.from={word}\r\n"))
        .collect();
    Some(
        format!(
            "{lines}From: <{ours}>\r\nTo: <{ours}>\r\nSubject: A check by disclosed ({word})\r\nDate: {date}\r\n\
             Message-ID: <{}>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=us-ascii\r\n\r\n\
             `disclosed check --online` sent this mail to find out whether lines that claim to be\r\n\
             by the mail server of this mailbox come through. It may be deleted.\r\n",
            id.as_str()
        )
        .into_bytes(),
    )
}

/// What the mail that came back says about the setting.
fn judge(trace: &[Trace], server: &Server, id: &str, word: &str) -> Finding {
    let way = "it was handed in with our own login; for mail from outside, which may go another way, look at a mail \
               from there with `disclosed try`";
    let own = if trace.iter().any(|t| names_authserv(t, id, word)) {
        ""
    } else {
        " The server wrote no result of its own into this mail."
    };
    match forged_line(trace, server, id, word) {
        Forged::Gone => Finding::good(format!(
            "identity: a forged line by {id} was taken out on the way. What this proves: {way}.{own}"
        )),
        Forged::Passed => Finding::good(format!(
            "identity: a forged line by {id} came through, but below a Received line, where none is believed. What \
             this proves: {way}.{own}"
        )),
        Forged::Believed => Finding::bad(format!(
            "identity: a forged line by {id} came through to where it is believed: whoever sends such a mail is \
             believed to be anybody. Write authserv_ids = [] until the mail server takes such lines out; then \
             commands by mail need DKIM"
        )),
    }
}

/// A mail of ours that has come.
pub(super) struct Come {
    pub(super) raw: Vec<u8>,
    /// When the server took it, by its own clock.
    pub(super) taken: Option<Timestamp>,
}

/// The mail that holds the word, if it has come. `known` are the names of those that do not.
pub(super) async fn look(
    folder: &mut Folder<'_>,
    known: &mut HashSet<String>,
    word: &str,
) -> Result<Option<Come>, FolderError> {
    let listing = folder.list().await?;
    let new: Vec<String> =
        listing.names.iter().rev().take(LOOK).filter(|name| !known.contains(*name)).cloned().collect();
    let mut rest = new.as_slice();
    while !rest.is_empty() {
        let batch = folder.fetch(rest, OCTETS).await?;
        for mail in batch.mails {
            match mail {
                Fetched::Mail { raw, internal_date, .. } if read::read(&raw).subject.contains(word) => {
                    return Ok(Some(Come { raw, taken: internal_date }));
                }
                Fetched::Mail { name, .. } => drop(known.insert(name)),
                // It is asked for again.
                Fetched::Missing(_) | Fetched::Unreadable(_) => {}
            }
        }
        rest = rest.get(batch.taken..).unwrap_or_default();
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::claims::Claims;

    use crate::token::KEY_LENGTH;

    const CONFIG: &str = r#"
[project]
name = "Example"
address = "security@example.org"
[inbox]
maildir = "in"
[outgoing]
maildir = "out"
[identity]
authserv_ids = ["mx.example.org", "mx2.example.org"]
[[person]]
name = "Ada"
address = "ada@example.org"
"#;
    const WORD: &str = "x0123.invalid";
    const RECEIVED: &str = "Received: from x by mx.example.org with ESMTPSA id 1; date\r\n";

    fn config() -> Config {
        Config::parse(CONFIG, std::path::Path::new("config.toml")).unwrap()
    }

    fn sent() -> String {
        let key = Key::new([7; KEY_LENGTH]);
        let now = "2027-01-04T10:00:00Z".parse().unwrap();
        String::from_utf8(letter(&config(), &key, 5, WORD, now).unwrap()).unwrap()
    }

    #[test]
    fn a_daemon_takes_the_mail_for_its_own() {
        let key = Key::new([7; KEY_LENGTH]);
        let mail = read::read(format!("{RECEIVED}{}", sent()).as_bytes());
        assert_eq!(mail.problems, [""; 0]);
        let claims = Claims::of(&mail, &config().project(), &key);
        assert!(claims.own.is_some_and(|t| t.ticket.is_none() && t.notice == 5));
        assert!(claims.notices().next().is_none(), "a check before the first start");
        assert!(crate::notice::write::check_wire(sent().as_bytes()).is_ok());
        assert!(mail.subject.contains(WORD));
    }

    #[test]
    fn what_came_back_says_what_the_setting_is_worth() {
        let check = |raw: &str, good: bool, words: &[&str]| {
            let found = judge(
                &read::read(raw.as_bytes()).trace,
                &Server::custom(vec!["mx.example.org".into()]),
                "mx.example.org",
                WORD,
            );
            assert_eq!(found.good, good, "{}", found.text);
            assert!(words.iter().all(|w| found.text.contains(w)), "{}", found.text);
        };
        let own = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\n";
        let stripped: String = sent().split_inclusive("\r\n").skip(4).collect();
        check(&format!("{own}{RECEIVED}{stripped}"), true, &["was taken out", "What this proves", "disclosed try"]);
        check(&format!("{RECEIVED}{stripped}"), true, &["was taken out", "no result of its own"]);
        check(&format!("{RECEIVED}{}", sent()), true, &["came through, but below", "no result of its own"]);
        let renamed = sent().replace("Authentication-Results", "X-Authentication-Results");
        check(&format!("{own}{RECEIVED}{renamed}"), true, &["was taken out"]);
        let (lines, rest) = sent().split_once("From:").map(|(a, b)| (a.to_owned(), format!("From:{b}"))).unwrap();
        check(&format!("{lines}{RECEIVED}{rest}"), false, &["believed to be anybody", "authserv_ids = []"]);
    }

    #[tokio::test]
    async fn where_it_cannot_be_proven_it_is_said() {
        let found = forged(&config(), None, Timestamp::UNIX_EPOCH).await;
        assert!(found.iter().all(|f| f.good && !f.known), "{found:?}");
        assert!(found[0].text.contains("cannot be proven: outgoing is a Maildir"), "{}", found[0].text);
        let mut none = config();
        none.identity.server = Server::custom(Vec::new());
        let found = forged(&none, None, Timestamp::UNIX_EPOCH).await;
        assert!(found[0].good && found[0].known && found[0].text.contains("no authserv_ids"));
    }
}
