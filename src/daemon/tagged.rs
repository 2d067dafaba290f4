//! Where mail to a tagged address of ours comes out (RFC 5233), for `check --online`.
//!
//! Each notice asks for answers to such an address. Some servers (cPanel, MXroute, iRedMail) put what comes to one into
//! a folder that they make for the tag, where nobody looks; some know no such address. So a mail is sent as notices are,
//! and looked for in the inbox and in the list of folders, by a session of its own that only reads. Its tag is a token,
//! as long as that of a notice, and good for nothing; the mail bears our mark, so that a daemon beside it takes it for
//! what it is: our own.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::canary::letter;
use super::finding::{Finding, Mend};
use super::folder::{Folder, FolderError};
use super::forged::{PATIENCE, PAUSE, look};
use crate::config::{Config, Outgoing, SmtpConfig};
use crate::token::{self, Key, Purpose, Token};
use crate::vocabulary::{Address, Outcome, Said};
use crate::{clock, smtp};

/// How far two clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(2);
/// The tag of an address that no mail is sent to.
const KNOCK: &str = "check";

/// Where the mail was found.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In the inbox; when the server took it, by its own clock.
    Inbox(Option<Timestamp>),
    Folder(String),
    Nowhere,
}

/// Sends it and says where it came out, and what to do.
pub(super) async fn tagged(config: &Config, key: Option<&Key>, now: Timestamp) -> Vec<Finding> {
    if !config.identity.plus_addressing {
        return vec![Finding::good("identity: plus_addressing = false, so answers are known by what they refer to")];
    }
    let unknown = |why: &str| vec![Finding::unknown(format!("identity: {}: {why}", unfound(config)))];
    let Outgoing::Smtp(smtp) = &config.outgoing else {
        return unknown("outgoing is a Maildir, so that no mail goes through the server");
    };
    let Some(key) = key else {
        let why = "no mail is sent before there is a database; run `disclosed run`, and check again";
        return match knock(config, smtp).await {
            Ok(found) => unknown(why).into_iter().chain(found).collect(),
            Err(why) => unknown(&why),
        };
    };
    match travel(config, smtp, key, now).await {
        Ok(found) => found,
        Err(why) => unknown(&why),
    }
}

/// As much as can be found out with nothing sent: whether the server takes the tagged sender and the tagged recipient. It
/// may still refuse the sender after the mail, as Microsoft does.
async fn knock(config: &Config, smtp: &SmtpConfig) -> Result<Vec<Finding>, String> {
    let tagged = config.mailbox.tagged(KNOCK).ok_or("the address of the mailbox takes no tag")?;
    let secret = smtp.secret().await.map_err(|e| format!("the secret for sending: {e}"))?;
    let (server, shown) = (&smtp.endpoint.server, example(&config.mailbox));
    let by = async |from| smtp::try_addresses(smtp, secret.as_ref(), from, &tagged).await;
    let tried = match by(&tagged).await {
        Err(outcome) if outcome.may_be_the_senders() => match by(&config.mailbox).await {
            Ok(()) => return Ok(vec![plain_sender(server, &shown, outcome.said())]),
            Err(outcome) => Err(outcome),
        },
        tried => tried,
    };
    match tried {
        Ok(()) => Ok(vec![Finding::good(format!(
            "outgoing: {server} takes {shown} as envelope sender and as recipient, as far as can be seen with nothing sent"
        ))]),
        Err(outcome) => Ok(untaken(outcome, server, &shown)?.into_iter().collect()),
    }
}

fn plain_sender(server: &str, shown: &str, said: &Said) -> Finding {
    Finding::good(format!(
        "outgoing: {server} refuses {shown} as the envelope sender ({said}), so notices leave with the plain address; what \
         bounces is known by its Message-ID all the same"
    ))
}

/// What is asked.
fn unfound(config: &Config) -> String {
    format!("where mail to {} comes out is not known", example(&config.mailbox))
}

/// The address, with a word in place of the token.
fn example(mailbox: &Address) -> String {
    format!("{}+TOKEN@{}", mailbox.local(), mailbox.domain())
}

async fn travel(config: &Config, smtp: &SmtpConfig, key: &Key, now: Timestamp) -> Result<Vec<Finding>, String> {
    let mut random = [0; 3];
    getrandom::fill(&mut random).map_err(|e| format!("no random numbers: {e}"))?;
    let [a, b, c] = random;
    let letter = Letter::new(config, key, u32::from_be_bytes([0, a, b, c]), now)
        .ok_or("the address of the mailbox takes no tag")?;
    let inbox = |e: FolderError| format!("the inbox: {e}");
    let mut folder = Folder::open(&config.inbox).await.map_err(inbox)?;
    let known: HashSet<String> = folder.list().await.map_err(inbox)?.names.iter().cloned().collect();
    let folders = folder.folders().await.map_err(inbox)?;
    let secret = smtp.secret().await.map_err(|e| format!("the secret for sending: {e}"))?;
    let send = async |from| {
        let letter = smtp::Letter { from: Some(from), to: &letter.to, bytes: &letter.bytes };
        smtp::send_at_once(smtp, secret.as_ref(), letter).await
    };
    let mut sent = send(&letter.envelope).await;
    let mut refused = None;
    if sent.may_be_the_senders() {
        let said = sent.said().clone();
        sent = send(&config.mailbox).await;
        refused = matches!(sent, Outcome::Sent(_)).then_some(said);
    }
    let (server, shown) = (&smtp.endpoint.server, example(&config.mailbox));
    let mut found = match untaken(sent, server, &shown)? {
        Some(finding) => vec![finding],
        None => {
            let place = wait(&mut folder, known, &folders, &letter.tag).await.map_err(inbox)?;
            let mut found = vec![judge(&place, &shown)];
            if let Place::Inbox(Some(taken)) = place {
                found.push(skew(taken, (now, clock::now())));
            }
            found
        }
    };
    if let Some(said) = refused {
        found.push(plain_sender(server, &shown, &said));
    }
    Ok(found)
}

/// What a server says of the setting that did not take the mail; `None` where it did.
fn untaken(outcome: Outcome, server: &str, shown: &str) -> Result<Option<Finding>, String> {
    match outcome {
        Outcome::Sent(_) => Ok(None),
        Outcome::Deferred(said) | Outcome::Unknown(said) | Outcome::Away(said) | Outcome::Slower(said) => {
            Err(format!("{server} did not take the mail: {said}"))
        }
        Outcome::Closed(said) | Outcome::Unclear(said) => {
            Ok(Some(Finding::bad(format!("outgoing: {server} takes no mail from us: {said}"))))
        }
        Outcome::Refused(said) => Ok(Some(Finding::bad(format!(
            "identity: {server} takes no mail to {shown} ({said}): answers to notices would not arrive. Have the mail \
             server take such addresses, or write plus_addressing = false"
        ))
        .mended_by(Mend::NoTags))),
    }
}

/// The mail as it leaves.
struct Letter {
    tag: String,
    to: Address,
    envelope: Address,
    bytes: Vec<u8>,
}

impl Letter {
    fn new(config: &Config, key: &Key, number: u32, now: Timestamp) -> Option<Self> {
        let (from, party) = (&config.address, token::party(&config.address));
        let token = |notice| Token { purpose: Purpose::Check, party, ticket: None, notice }.sign(key);
        let tag = token(number);
        let to = config.mailbox.tagged(&tag)?;
        // What bounces is not the mail that is looked for.
        let envelope = config.mailbox.tagged(&token(!number))?;
        let why = "`disclosed check --online` sent this mail to find out where mail to an address with a\r\n\
                   tag comes out. A folder that was made for it may be deleted too.";
        let bytes = letter(from, &to, &tag, why, now);
        Some(Self { tag, to, envelope, bytes })
    }
}

/// Looks until it is found, or for [`PATIENCE`]. `known` and `before` are the mails and folders that were there.
async fn wait(
    folder: &mut Folder<'_>,
    mut known: HashSet<String>,
    before: &BTreeSet<String>,
    tag: &str,
) -> Result<Place, FolderError> {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Some(come) = look(folder, &mut known, tag).await? {
            return Ok(Place::Inbox(come.taken));
        }
        let mut new: Vec<String> = folder.folders().await?.difference(before).cloned().collect();
        // Another may have been made meanwhile by somebody else.
        if let Some(own) = new.iter().find(|name| name.to_ascii_lowercase().contains(tag)) {
            return Ok(Place::Folder(own.clone()));
        }
        if tokio::time::Instant::now() >= end {
            return Ok(new.pop().map_or(Place::Nowhere, Place::Folder));
        }
    }
}

/// Whether the server's clock is right by ours: it took the mail between these two instants.
fn skew(taken: Timestamp, (sent, seen): (Timestamp, Timestamp)) -> Finding {
    let (early, late) = (sent.duration_since(taken), taken.duration_since(seen));
    let off = |by: SignedDuration, how: &str| {
        Finding::bad(format!(
            "inbox: the server's clock is {} minutes {how} that of this machine, and deadlines count from when it takes a \
             mail: mend the one that is wrong",
            by.as_mins()
        ))
    };
    if early > SKEW {
        off(early, "behind")
    } else if late > SKEW {
        off(late, "ahead of")
    } else {
        Finding::good("inbox: the clocks of the server and of this machine agree")
    }
}

/// What the place says about the setting.
fn judge(place: &Place, shown: &str) -> Finding {
    match place {
        Place::Inbox(_) => Finding::good(format!("identity: mail to {shown} comes into the inbox")),
        Place::Folder(name) => Finding::bad(format!(
            "identity: mail to {shown} does not come into the inbox; the folder {name:?} was made for it, and nobody \
             reads that. Answers to notices would be lost: have the mail server put such mail into the inbox (with \
             Dovecot: lmtp_save_to_detail_mailbox = no, and no `-m ${{extension}}`), or write plus_addressing = false"
        ))
        .mended_by(Mend::NoTags),
        Place::Nowhere => Finding::bad(format!(
            "identity: mail to {shown} did not come within {} s, neither into the inbox nor into a folder of its own. \
             Look into Junk, and check again; if it never comes, answers to notices would be lost: write \
             plus_addressing = false",
            PATIENCE.as_secs()
        ))
        .mended_by(Mend::NoTags),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::intake::claims::Claims;
    use crate::mail::read;
    use crate::maildir::Maildir;
    use crate::token::KEY_LENGTH;

    fn config(home: &Path) -> Config {
        let text = "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[inbox]\nmaildir = \"in\"\n[outgoing]\n\
                    maildir = \"out\"\n[[person]]\nname = \"A\"\naddress = \"a@example.org\"\n";
        Config::parse(text, &home.join("config.toml")).unwrap()
    }

    fn letter(config: &Config) -> Letter {
        let now = "2027-01-04T10:00:00Z".parse().unwrap();
        Letter::new(config, &Key::new([7; KEY_LENGTH]), 5, now).unwrap()
    }

    #[test]
    fn a_daemon_takes_the_mail_for_its_own_and_its_tag_for_nothing() {
        let (config, key) = (config(Path::new("")), Key::new([7; KEY_LENGTH]));
        let letter = letter(&config);
        assert!(crate::notice::write::check_wire(&letter.bytes).is_ok());
        let text = String::from_utf8(letter.bytes).unwrap();
        // Also where a server gives it another Message-ID.
        for raw in [text.clone(), text.replace("Message-ID: <", "Message-ID: <renamed")] {
            let mail = read::read(raw.as_bytes());
            assert_eq!(mail.problems, [""; 0]);
            let claims = Claims::of(&mail, &config.project(), &key);
            assert!(claims.own.is_some_and(|t| t.ticket.is_none() && t.notice == 5));
            assert!(claims.token.is_none() && claims.notices().next().is_none());
            // Whoever sees the tag cannot answer with it.
            let stranger = read::read(raw.replace("From: <s@", "From: <a@").as_bytes());
            assert!(Claims::of(&stranger, &config.project(), &key).token.is_none());
        }
    }

    /// In virtual time: what the Maildir becomes by the mail, and where it is then said to be.
    #[tokio::test(start_paused = true)]
    async fn it_is_found_where_it_comes_out() {
        type Case = (fn(&Path, &Letter), fn(&Letter) -> Place, bool);
        let cases: [Case; 5] = [
            (|inbox, l| std::fs::write(inbox.join("new/1"), &l.bytes).unwrap(), |_| Place::Inbox(None), true),
            (|_, _| {}, |_| Place::Nowhere, false),
            (
                |inbox, l| drop(Maildir::create(&inbox.join(format!(".INBOX.{}", l.tag.to_uppercase()))).unwrap()),
                |l| Place::Folder(format!(".INBOX.{}", l.tag.to_uppercase())),
                false,
            ),
            // A folder that says nothing of the tag counts when nothing else is found.
            (
                |inbox, _| drop(Maildir::create(&inbox.join(".plus")).unwrap()),
                |_| Place::Folder(".plus".to_owned()),
                false,
            ),
            (
                |inbox, l| {
                    Maildir::create(&inbox.join(".other")).unwrap();
                    std::fs::write(inbox.join("cur/1:2,S"), &l.bytes).unwrap();
                },
                |_| Place::Inbox(None),
                true,
            ),
        ];
        for (deliver, expect, good) in cases {
            let home = tempfile::tempdir().unwrap();
            let (config, inbox) = (config(home.path()), home.path().join("in"));
            Maildir::create(&inbox).unwrap();
            Maildir::create(&inbox.join(".Archive")).unwrap();
            let letter = letter(&config);
            let mut folder = Folder::open(&config.inbox).await.unwrap();
            let before = folder.folders().await.unwrap();
            assert_eq!(before, BTreeSet::from([".Archive".to_owned()]));
            deliver(&inbox, &letter);
            let mut place = wait(&mut folder, HashSet::new(), &before, &letter.tag).await.unwrap();
            if let Place::Inbox(taken) = &mut place {
                assert!(taken.take().is_some(), "when it came is known");
            }
            assert_eq!(place, expect(&letter));
            let finding = judge(&place, "s+TOKEN@example.org");
            assert_eq!((finding.good, finding.known), (good, true));
            assert_eq!(finding.text.contains("plus_addressing = false"), !good, "{}", finding.text);
            assert!(finding.text.len() < 600, "the command line cuts it");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_either_way() {
        let sent: Timestamp = "2027-01-04T10:00:00Z".parse().unwrap();
        let check = |minutes: i64, good: bool, words: &str| {
            let found = skew(sent + SignedDuration::from_mins(minutes), (sent, sent + SignedDuration::from_secs(30)));
            assert!(found.good == good && found.text.contains(words), "{}", found.text);
        };
        check(0, true, "agree");
        check(2, true, "agree");
        check(-2, true, "agree");
        check(-60, false, "60 minutes behind");
        check(60, false, "59 minutes ahead");
    }

    #[test]
    fn a_server_that_does_not_take_it_says_what_is_wrong() {
        let check = |outcome| untaken(outcome, "mx", "s+TOKEN@example.org").map(|f| f.map(|f| (f.good, f.text)));
        assert_eq!(check(Outcome::Sent("250 ok".into())), Ok(None));
        let (good, text) = check(Outcome::Refused("550 5.1.1 no such user".into())).unwrap().unwrap();
        assert!(!good && text.contains("no such user") && text.contains("plus_addressing = false"), "{text}");
        let (good, text) = check(Outcome::Closed("550 5.7.60 send as".into())).unwrap().unwrap();
        assert!(!good && text.starts_with("outgoing: ") && !text.contains("plus_addressing"), "{text}");
        for unclear in [Outcome::Deferred("451 later".into()), Outcome::Unknown("lost".into())] {
            assert!(check(unclear).is_err());
        }
    }

    #[tokio::test]
    async fn where_it_cannot_be_known_that_is_said() {
        let mut config = config(Path::new(""));
        let found = tagged(&config, None, Timestamp::UNIX_EPOCH).await;
        assert!(found.iter().all(|f| f.good && !f.known), "{found:?}");
        assert!(found[0].text.contains("s+TOKEN@example.org") && found[0].text.contains("outgoing is a Maildir"));
        config.identity.plus_addressing = false;
        let found = tagged(&config, None, Timestamp::UNIX_EPOCH).await;
        assert!(found[0].good && found[0].known, "nothing is sent");
    }
}
