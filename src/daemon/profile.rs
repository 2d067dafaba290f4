//! Which provider's row fits the mailbox, by its newest mails, for `check --online`.
//!
//! A row fits a mail if results are found where it says that no sender can have written them. That a mail fits proves where
//! this server writes, and nothing of mail that came another way, nor that it writes into each mail.

use std::collections::BTreeSet;

use super::finding::{Finding, Mend};
use super::folder::{Fetched, Folder, FolderError};
use crate::config::Config;
use crate::mail::results::{first_id, is_read};
use crate::mail::{Mail, read};
use crate::provider::{PROVIDERS, Place, Server};

/// The newest mails that are looked at.
const NEWEST: usize = 20;
/// Names of servers that are told.
const NAMED: usize = 4;
/// Octets of a mail that are looked at: its header.
const OCTETS: u64 = 64 * 1024;

/// Looks at the newest mails.
pub(super) async fn profile(config: &Config) -> Finding {
    match newest(config).await {
        Ok(mails) => judge(&config.identity.server, &mails),
        Err(why) => Finding::unknown(format!("identity: which server fits the newest mails is not known: {why}")),
    }
}

async fn newest(config: &Config) -> Result<Vec<Mail>, FolderError> {
    let mut folder = Folder::open(&config.inbox).await?;
    let listing = folder.list().await?;
    let names: Vec<String> = listing.names.iter().rev().take(NEWEST).cloned().collect();
    let (mut mails, mut rest) = (Vec::new(), names.as_slice());
    while !rest.is_empty() {
        let batch = folder.fetch(rest, OCTETS).await?;
        for mail in batch.mails {
            if let Fetched::Mail { raw, .. } = mail {
                mails.push(read::read(&raw));
            }
        }
        rest = rest.get(batch.taken..).unwrap_or_default();
    }
    Ok(mails)
}

/// What the mails say of the setting.
fn judge(server: &Server, mails: &[Mail]) -> Finding {
    let fits = |server: &Server| mails.iter().filter(|mail| is_read(mail, server)).count();
    let (all, now, name) = (mails.len(), fits(server), server.provider.name);
    let proves = "This proves where it writes, and not that it does so for each mail: see `disclosed help identity`";
    if mails.is_empty() {
        return Finding::unknown("identity: no mail lies in the inbox, so which server fits is not known yet");
    }
    if now > 0 {
        return Finding::good(format!(
            "identity: {now} of the {all} newest mails bear results where server = {name:?} reads them. {proves}"
        ));
    }
    // A server of the operator's own is known by what it calls itself: if the config does not say, by the first that is
    // found.
    let ids = || -> Vec<String> { mails.iter().find_map(first_id).into_iter().collect() };
    let with = |provider: &'static crate::provider::Provider| {
        Server::new(provider, if provider.is_own() { ids() } else { Vec::new() })
    };
    let best = PROVIDERS.iter().map(with).map(|other| (fits(&other), other));
    let best =
        best.filter(|(count, _)| *count > 0).rev().max_by_key(|(count, other)| (*count, !other.provider.is_own()));
    match best {
        Some((count, other)) => {
            let named = if other.provider.is_own() {
                format!(", authserv_ids = {:?} if that is your own server", other.ids())
            } else {
                String::new()
            };
            let ids =
                if other.provider.is_own() { other.ids().iter().map(ToString::to_string).collect() } else { vec![] };
            Finding::bad(format!(
                "identity: none of the {all} newest mails bears results where server = {name:?} reads them, and {count} do \
                 where server = {:?} does. Write server = {:?}{named}. {proves}",
                other.provider.name, other.provider.name
            ))
            .mended_by(Mend::Server(other.provider.name, ids))
        }
        None if server.is_silent() || server.provider.place == Place::Nowhere => Finding::good(format!(
            "identity: no results are believed with server = {name:?}: DKIM, a seal or a code lets people command"
        )),
        None => unread(server, mails),
    }
}

/// Of mails that bear nothing that is read anywhere: whose results they bear, if any.
fn unread(server: &Server, mails: &[Mail]) -> Finding {
    let (all, name) = (mails.len(), server.provider.name);
    let borne: BTreeSet<String> = mails.iter().filter_map(first_id).collect();
    if server.provider.is_own() && !borne.is_empty() && !borne.iter().any(|id| server.is_ours(Some(id.as_str()))) {
        let borne: Vec<String> = borne.into_iter().take(NAMED).map(|id| format!("{id:?}")).collect();
        return Finding::bad(format!(
            "identity: none of the {all} newest mails bears results by {:?}, but some by {}. Write the name of your own \
             mail server into authserv_ids; where none is yours, authserv_ids = []",
            server.ids(),
            borne.join(", ")
        ));
    }
    Finding::unknown(format!(
        "identity: none of the {all} newest mails bears results that any server of the list writes, so what server = \
         {name:?} is worth is not known"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(header: &str) -> Mail {
        read::read(format!("{header}From: a@corp.test\r\n\r\nx\r\n").as_bytes())
    }

    fn results(id: &str) -> String {
        format!("Authentication-Results: {id}; spf=pass smtp.mailfrom=corp.test; dmarc=pass header.from=corp.test\r\n")
    }

    #[test]
    fn the_newest_mails_say_which_server_fits() {
        let check = |server: &Server, mails: &[Mail], good: bool, known: bool, words: &str| {
            let found = judge(server, mails);
            assert_eq!((found.good, found.known), (good, known), "{}", found.text);
            assert!(found.text.contains(words), "{}", found.text);
        };
        let custom = Server::custom(vec!["mx.example.org".into()]);
        let received = |by: &str| format!("Received: from h by {by} with ESMTPS id 1; d\r\n");
        let zoho = mail(&(results("mx.zohomail.com") + &received("mx.zohomail.com")));
        let ours = mail(&(results("mx.example.org") + &received("mx.example.org")));
        check(&custom, &[ours], true, true, "1 of the 1 newest mails");
        check(&custom, &[zoho.clone(), mail("")], false, true, "Write server = \"zoho\"");
        check(&Server::new(Server::provider("zoho").unwrap(), Vec::new()), &[zoho], true, true, "server = \"zoho\"");
        let stalwart = mail(&(received("mail.corp.test (Stalwart SMTP)") + &results("mail.corp.test")));
        check(&custom, &[stalwart], false, true, "\"mail.corp.test\"");
        check(&custom, &[mail("")], true, false, "not known");
        // Below all hops, where no row reads it: what they bear is told, and that it is none of ours.
        let odd = mail(&(received("x") + &received("y") + &results("mail.corp.test")));
        check(
            &custom,
            &[odd, mail("")],
            false,
            true,
            "bears results by [\"mx.example.org\"], but some by \"mail.corp.test\"",
        );
        check(&Server::custom(Vec::new()), &[mail("")], true, true, "no results are believed");
    }
}
