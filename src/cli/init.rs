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
use crate::config::{Config, ConfigError, Inbox, Outgoing, Password, Secret};
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
    // Looked at before the questions, so that nobody answers them in vain.
    if asker.has_all() {
        places.check(&[&places.config, &places.password(Held::Mailbox)])?;
    }
    let mut answers = Answers::ask(args, &asker, address, daemon::exchangers)?;
    let login = answers.entry.pass.secret().is_none();
    let tries = !args.offline && !login;
    if tries && !asker.is_there() && !args.yes && !args.no_send {
        asker.lack("--yes", "to try it, mail is sent to your own mailbox; --no-send sends none");
    }
    asker.finish()?;
    let now = clock::now();
    // Of a database that is there already, its key: a daemon beside it knows the mails of the trial by it.
    let key = match open::key_if_any(&read(&answers, &places)?).ok().flatten() {
        Some(key) => key,
        None => open::fresh_key(now)?,
    };
    let findings = loop {
        let findings = if !tries { Vec::new() } else { tried(args, &asker, &answers, &places, &key)? };
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
    let next = places.next(login);
    let warning = unbelieved(args, &answers);
    if out.wants_json() {
        let findings: Vec<_> = findings.iter().map(check::document_of).collect();
        out.json(
            &json!({ "ok": true, "config": written.first(), "written": written, "findings": findings, "next": next,
                     "warnings": warning.as_slice() }),
        )?;
        return Ok(Exit::Done);
    }
    let files: String = written.iter().map(|file| format!("  {}\n", file.display())).collect();
    let [first, second] = next;
    let untried = if tries { "" } else { "\nNothing was tried: `disclosed check --online` does it.\n" };
    let warning = warning.map_or_else(String::new, |warning| format!("\nwarning: {warning}\n"));
    out.text(&format!("\nWritten:\n{files}{untried}{warning}\nNext:\n  {first}\n  {second}\n"))?;
    Ok(Exit::Done)
}

/// What the trial would have said of a server of the operator's own whose name nobody has told.
fn unbelieved(args: &Args, answers: &Answers) -> Option<String> {
    let is_silent = answers.provider.is_own() && answers.authserv_ids.is_empty();
    (args.offline && is_silent).then(|| {
        "no results of your server are believed, so that a command by mail needs a signature or a code. If it checks \
         senders, write its name, the first word of Authentication-Results in mail that it took, into authserv_ids: \
         `disclosed help identity`"
            .to_owned()
    })
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
    // No line of a file that nobody has seen.
    let told = |error: ConfigError| match error.mistakes() {
        [] => Usage(error.to_string()),
        all => Usage(all.iter().map(|m| format!("{}; write {}", m.what, m.write)).collect::<Vec<_>>().join("\n")),
    };
    Ok(Config::parse(&text::config(answers, places), &places.config).map_err(told)?)
}

/// Tries the answers, with the passwords in memory alone.
fn tried(args: &Args, asker: &Asker, answers: &Answers, places: &Places, key: &Key) -> Result<Vec<Finding>> {
    let mut config = read(answers, places)?;
    let mails = mails(args, asker, &config)?;
    let entry = &answers.entry;
    let Some((secret, _)) = entry.pass.secret() else { return Ok(Vec::new()) };
    let inward = Memory::new(secret)?;
    let outward = Memory::new(entry.sending.as_ref().map_or(secret, |(_, password)| password))?;
    if let Inbox::Imap(imap) = &mut config.inbox {
        inward.stands_for(&mut imap.login.secret);
    }
    if let Outgoing::Smtp(smtp) = &mut config.outgoing
        && let Some(login) = &mut smtp.login
    {
        outward.stands_for(&mut login.secret);
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
        Some(false) | None => Ok(Mails::None),
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

    /// Puts it in the place of what the config names, or of what tokens are asked for with.
    fn stands_for(&self, secret: &mut Secret) {
        let file = Secret::File(PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd())));
        match secret {
            Secret::Token { with, .. } => *with = Some(Box::new(file)),
            Secret::File(_) | Secret::Credential(_) | Secret::Command(_) => *secret = file,
        }
    }
}

/// Writes the passwords and then the config, which so is never there without them; and, where no systemd makes it, the
/// database with the key that the mails of the trial bear. Says what was made: the config first, then other files, folders.
fn write(answers: &Answers, places: &Places, key: &Key) -> Result<Vec<PathBuf>> {
    let (text, entry) = (text::config(answers, places), &answers.entry);
    let config = read(answers, places)?;
    let line = |password: &Password| format!("{}\n", password.expose());
    let mut files = Vec::new();
    if let Some((secret, held)) = entry.pass.secret() {
        files.push((places.password(held), line(secret), 0o600, 0o700));
    }
    if let Some((_, password)) = &entry.sending {
        files.push((places.password(Held::Sending), line(password), 0o600, 0o700));
    }
    // The user of the unit is another one than root.
    files.push((places.config.clone(), text, 0o644, 0o755));
    places.check(&files.iter().map(|(file, ..)| file.as_path()).collect::<Vec<_>>())?;
    let (mut written, mut folders): (Vec<PathBuf>, Vec<PathBuf>) = Default::default();
    for (file, text, mode, folder_mode) in &files {
        let file = places.now(file);
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
        let absent = file.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty() && !p.exists());
        folders.extend(absent.map(Path::to_owned));
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
        let before = open::state_files(&config);
        open::found(&config, key)?;
        written.extend(open::state_files(&config).into_iter().filter(|file| !before.contains(file)));
    }
    written.extend(folders);
    Ok(written)
}
