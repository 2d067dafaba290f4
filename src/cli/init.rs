//! `disclosed init`: a config out of answers, tried on the spot.
//!
//! Questions → answers → the text of the config → tried with the real servers, while the password is in memory alone → files,
//! each whole or not at all, none over one that is there. What the trial finds out about the servers goes into the answers
//! before they are written.

mod answers;
mod args;
mod ask;
mod places;
mod text;

use std::fs::DirBuilder;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::json;

use self::answers::{Answers, Entry};
pub(super) use self::args::Args;
use self::ask::{Asker, Question, Usual};
use self::places::{Held, Places};
use super::check;
use super::desk::{Exit, Usage};
use super::out::Out;
use crate::config::{Config, Inbox, Outgoing, Password, Secret};
use crate::daemon::{self, Finding, Mails, Mend};
use crate::provider::Server;
use crate::token::Key;
use crate::{clock, open};

pub(super) fn run(args: &Args, explicit: Option<&Path>, out: &mut Out) -> Result<Exit> {
    if [&args.password_file, &args.smtp_password_file].iter().all(|f| f.as_deref() == Some(Path::new("-"))) {
        return Err(Usage("two passwords cannot both come from the standard input".into()).into());
    }
    let asker = Asker::new(args.yes);
    asker.tell("Enter takes the answer in brackets. Nothing is written before the end.\n");
    let address = answers::reports(args, &asker)?;
    let places = places(args, explicit, &asker, answers::label(&address))?;
    // Asked before the questions, so that nobody answers them in vain.
    places.check(&[&places.config, &places.password(Held::Mailbox)])?;
    let mut answers = Answers::ask(args, &asker, address, daemon::exchangers)?;
    let now = clock::now();
    // Of a database that is there already, its key: a daemon beside it knows the mails of the trial by it.
    let key = match open::key_if_any(&read(&answers, &places)?).ok().flatten() {
        Some(key) => key,
        None => open::fresh_key(now)?,
    };
    let findings = loop {
        let findings = if args.offline { Vec::new() } else { tried(args, &asker, &answers, &places, &key)? };
        if !out.wants_json() {
            out.text(&findings.iter().map(check::line).collect::<String>())?;
        }
        let (left, learnt) = learn(&asker, &mut answers, &findings)?;
        if !learnt.is_empty() && !out.wants_json() {
            out.text(&format!("So the config says: {}\n", learnt.join(", ")))?;
        }
        if left == 0 {
            break findings;
        }
        match asker.is_there() {
            true => match next_step(&asker)? {
                Step::Again => {
                    let (provider, mailbox) = (answers.provider, answers.mailbox.clone());
                    answers.entry = Entry::ask(args, &asker, provider, &mailbox, Some(&answers.entry))?;
                }
                Step::Write => break findings,
                Step::Stop => return Ok(Exit::Failed),
            },
            false => {
                if out.wants_json() {
                    let findings: Vec<_> = findings.iter().map(check::document_of).collect();
                    out.json(&json!({ "ok": false, "config": null, "findings": findings }))?;
                }
                bail!("nothing was written: mend what is wrong, or write the config untried with --offline");
            }
        }
    };
    let written = write(&answers, &places, &key)?;
    let next = places.next();
    if out.wants_json() {
        let findings: Vec<_> = findings.iter().map(check::document_of).collect();
        out.json(
            &json!({ "ok": true, "config": written.first(), "written": written, "findings": findings, "next": next }),
        )?;
        return Ok(Exit::Done);
    }
    let files: String = written.iter().map(|file| format!("  {}\n", file.display())).collect();
    let [first, second] = next;
    let untried = if args.offline { "\nNothing was tried: `disclosed check --online` does it.\n" } else { "" };
    out.text(&format!("\nWritten:\n{files}{untried}\nNext:\n  {first}\n  {second}\n"))?;
    Ok(Exit::Done)
}

fn places(args: &Args, explicit: Option<&Path>, asker: &Asker, label: &str) -> Result<Places> {
    let unit = if explicit.is_some() && args.unit.is_none() {
        None
    } else {
        let usual = if places::has_unit() { label } else { "none" };
        let asks = "Unit of systemd that runs it, disclosed@NAME (\"none\": files in this folder)";
        let question = Question { flag: "--unit", asks, usual: Usual::Default(usual.to_owned()) };
        asker.ask(&question, args.unit.as_deref(), places::unit)?
    };
    Places::new(unit, explicit, args.root.as_deref())
}

/// The config of these answers, as `disclosed check` will read it.
fn read(answers: &Answers, places: &Places) -> Result<Config> {
    Ok(Config::parse(&text::config(answers, places), &places.config)?)
}

/// Tries the answers, with the passwords in memory alone.
fn tried(args: &Args, asker: &Asker, answers: &Answers, places: &Places, key: &Key) -> Result<Vec<Finding>> {
    let mut config = read(answers, places)?;
    let mails = mails(args, asker, &config)?;
    let entry = &answers.entry;
    let inward = Memory::new(&entry.password)?;
    let outward = Memory::new(entry.sending.as_ref().map_or(&entry.password, |(_, password)| password))?;
    if let Inbox::Imap(imap) = &mut config.inbox {
        imap.login.secret = inward.secret();
    }
    if let Outgoing::Smtp(smtp) = &mut config.outgoing
        && let Some(login) = &mut smtp.login
    {
        login.secret = outward.secret();
    }
    asker.tell("\nTrying it; a mail may take a minute to come back …");
    Ok(daemon::check_online(&config, Some(key), mails))
}

/// Lists the mails that would try it, and asks.
fn mails(args: &Args, asker: &Asker, config: &Config) -> Result<Mails> {
    if args.no_send {
        return Ok(Mails::None);
    }
    if args.yes {
        return Ok(Mails::ToUs);
    }
    let mailbox = &config.mailbox;
    let (local, domain) = (mailbox.local(), mailbox.domain());
    let mut list = String::from("\nTo try it, mail is sent to your own mailbox, and to nobody else:\n");
    if config.identity.plus_addressing {
        list.push_str(&format!("  one to {local}+TOKEN@{domain}, to see where answers to notices come out\n"));
    }
    if !config.identity.server.ids().is_empty() {
        list.push_str(&format!(
            "  one to {}, with a forged line, to see whether it comes through\n",
            config.address.as_str()
        ));
    }
    asker.tell(&list);
    match asker.confirm("Send it?", true)? {
        Some(true) => Ok(Mails::ToUs),
        Some(false) => Ok(Mails::None),
        None => {
            let why = "to try it, mail is sent to your own mailbox: say --yes, or --no-send to send none";
            Err(Usage(why.into()).into())
        }
    }
}

/// Takes into the answers what the trial has found out. Says how many findings are still wrong, and what was taken.
fn learn(asker: &Asker, answers: &mut Answers, findings: &[Finding]) -> Result<(usize, Vec<String>)> {
    let (mut left, mut learnt) = (0, Vec::new());
    for finding in findings.iter().filter(|f| !f.good) {
        let mended = match &finding.mend {
            Some(Mend::NoTags) => {
                answers.tags = false;
                learnt.push("plus_addressing = false".to_owned());
                true
            }
            Some(Mend::NoPush) => {
                answers.idle = false;
                learnt.push("idle = false".to_owned());
                true
            }
            Some(Mend::Server(name, ids)) => {
                // Only a person knows whether a name is that of their own server.
                let asks = format!("Write server = {name:?}{}?", shown(ids));
                let yes = asker.confirm(&asks, ids.is_empty())?.unwrap_or_default();
                if let (true, Some(provider)) = (yes, Server::provider(name)) {
                    answers.provider = provider;
                    answers.authserv_ids = ids.clone();
                    learnt.push(format!("server = {name:?}"));
                }
                // Signatures and codes are left where no results are believed.
                true
            }
            None => false,
        };
        left += usize::from(!mended);
    }
    Ok((left, learnt))
}

fn shown(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(", authserv_ids = {ids:?} (only if this is your own server)") }
}

/// What to do after a trial that went wrong.
enum Step {
    Again,
    Write,
    Stop,
}

fn next_step(asker: &Asker) -> Result<Step> {
    let asks =
        "Not all is well. \"again\" asks for servers and login anew, \"write\" writes it all the same, \"stop\" ends";
    let question = Question { flag: "--offline", asks, usual: Usual::Default("again".into()) };
    asker.ask(&question, None, |text| match text {
        "again" => Ok(Step::Again),
        "write" => Ok(Step::Write),
        "stop" => Ok(Step::Stop),
        _ => Err("write \"again\", \"write\" or \"stop\"".into()),
    })
}

/// A password as a file that is nowhere but in memory, since a config names files.
struct Memory(OwnedFd);

impl Memory {
    fn new(password: &Password) -> Result<Self> {
        let file = memfd_create(c"password", MFdFlags::MFD_CLOEXEC).context("memory for the password")?;
        let mut rest = password.expose().as_bytes();
        while !rest.is_empty() {
            let written = nix::unistd::write(&file, rest).context("memory for the password")?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(Self(file))
    }

    fn secret(&self) -> Secret {
        Secret::File(PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd())))
    }
}

/// Writes the passwords and then the config, which so is never there without them; and, where no systemd makes it, the
/// database with the key that the mails of the trial bear. Says which files.
fn write(answers: &Answers, places: &Places, key: &Key) -> Result<Vec<PathBuf>> {
    let (text, entry) = (text::config(answers, places), &answers.entry);
    let config = read(answers, places)?;
    let line = |password: &Password| format!("{}\n", password.expose());
    let mut files = vec![(places.password(Held::Mailbox), line(&entry.password), 0o600, 0o700)];
    if let Some((_, password)) = &entry.sending {
        files.push((places.password(Held::Sending), line(password), 0o600, 0o700));
    }
    // The user of the unit is another one than root.
    files.push((places.config.clone(), text, 0o644, 0o755));
    places.check(&files.iter().map(|(file, ..)| file.as_path()).collect::<Vec<_>>())?;
    let mut written: Vec<PathBuf> = Vec::new();
    for (file, text, mode, folder_mode) in &files {
        let file = places.now(file);
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.map_or(Ok(()), |p| DirBuilder::new().recursive(true).mode(*folder_mode).create(p));
        let made = folder.map_err(Into::into).and_then(|()| open::make_new(&file, text.as_bytes(), *mode));
        if let Err(error) = made {
            // What is not whole would stand in the way of the next try.
            for file in &written {
                let _ = std::fs::remove_file(file);
            }
            return Err(error).with_context(|| file.display().to_string());
        }
        written.insert(0, file);
    }
    if places.unit.is_none() {
        open::found(&config, key)?;
    }
    Ok(written)
}
