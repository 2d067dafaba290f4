//! Files that the daemon's user could not use, as `run` would find out later: whoever checks is mostly another user.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::desk::Desk;
use crate::config::{Config, Heartbeat, Inbox, Login, Outgoing, Secret};
use crate::daemon::Finding;
use crate::net::Endpoint;
use crate::open::rights::{Runner, Want};
use crate::open::{self, files};

/// Where a unit of systemd finds programs (systemd.exec(5), ExecSearchPath), and so all others too.
const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A file of the config.
struct Named {
    what: &'static str,
    path: PathBuf,
    want: Want,
    secret: bool,
}

/// Why the database cannot be made, if that is so.
pub(super) fn unmade(store: &Path, runner: &Runner) -> Option<String> {
    // systemd makes the folder for such a user.
    if runner.is_fleeting() {
        return None;
    }
    let folder = store.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What only the system knows, as a file system that is read only, is known of ourselves alone.
    let ours = runner.is_us().then(|| files::can_be_made(store).err().map(|error| error.to_string())).flatten();
    runner.hindered(folder, Want::Make).or(ours)
}

/// What is closed to the user of the daemon, each with what to do.
pub(super) fn closed(desk: &Desk, runner: &Runner) -> Vec<Finding> {
    let told = |named: Named| {
        let Named { what, path, want, secret } = named;
        let why = runner.hindered(&path, want)?;
        let does = match want {
            Want::Read | Want::List => "read",
            Want::Make => "write in",
            Want::Run => "run",
        };
        let write = if secret && runner.is_fleeting() {
            "hand it over as a credential, with password_credential: `disclosed help setup`"
        } else {
            "give it to that user (chown), or let them in (chmod)"
        };
        let (name, shown) = (runner.name(), path.display());
        if secret && std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == ErrorKind::NotFound) {
            return Some(Finding::bad(format!("{what}: {shown} is not there; put the secret into it, mode 0600")));
        }
        Some(Finding::bad(format!("{what}: {name}, as whom the daemon runs, may not {does} {shown}: {why}; {write}")))
    };
    let mut found: Vec<Finding> = named(desk).into_iter().filter_map(told).collect();
    found.extend(programs(&desk.config, runner));
    found
}

/// Programs that the daemon's user could not run: it is started where trouble is, and then it is too late to hear of that.
fn programs(config: &Config, runner: &Runner) -> Vec<Finding> {
    let alarm = config.alarm.command.as_ref().map(|words| ("alarm.command".to_owned(), words));
    let passwords = config.logins().filter_map(|(table, login)| match &login.secret {
        Secret::Command(words) => Some((format!("{table}.password_command"), words)),
        Secret::File(_) | Secret::Credential(_) | Secret::Token { .. } => None,
    });
    let told = |(what, words): (String, &Vec<String>)| {
        let program = Path::new(words.first()?);
        if program.components().count() > 1 {
            let why = runner.hindered(program, Want::Run)?;
            let write = "put the program there, or let that user run it (chmod)";
            return Some(Finding::bad(format!("{what}: {} may not run it: {why}; {write}", runner.name())));
        }
        // Whoever runs it without a unit has a path of their own.
        let ours = std::env::var_os("PATH").filter(|_| runner.is_us()).unwrap_or_default();
        let mut folders = PROGRAMS.iter().map(PathBuf::from).chain(std::env::split_paths(&ours));
        let found = folders.any(|folder| runner.hindered(&folder.join(program), Want::Run).is_none());
        let (shown, folders) = (program.display(), PROGRAMS.join(", "));
        let beside = if ours.is_empty() { "" } else { ", or in your PATH" };
        let told = || format!("{what}: there is no program {shown} in {folders}{beside}; write its whole path");
        (!found).then(|| Finding::bad(told()))
    };
    alarm.into_iter().chain(passwords).filter_map(told).collect()
}

fn named(desk: &Desk) -> Vec<Named> {
    let Desk { config, path, .. } = desk;
    let mut all = Vec::new();
    let mut add = |what, path: &Path, want, secret| all.push(Named { what, path: path.to_owned(), want, secret });
    add("config", path, Want::Read, false);
    for file in open::state_files(config) {
        add("database", &file, Want::Read, false);
    }
    for (what, endpoint, login) in servers(config) {
        if let Some(file) = &endpoint.ca_file {
            add(what, file, Want::Read, false);
        }
        if let Some(file) = login.as_ref().and_then(|login| file_of(&login.secret)) {
            add(what, file, Want::Read, true);
        }
    }
    if let Inbox::Maildir(folder) = &config.inbox {
        // That it is not there is told apart; it may be made later.
        for part in ["new", "cur"].map(|part| folder.join(part)).iter().filter(|part| part.is_dir()) {
            add("inbox.maildir", part, Want::List, false);
        }
    }
    if let Outgoing::Maildir(folder) = &config.outgoing {
        add("outgoing.maildir", folder, Want::Make, false);
    }
    let heartbeat = match &config.alarm.heartbeat {
        Some(Heartbeat::File(file)) => Some(file),
        Some(Heartbeat::Url { .. }) | None => None,
    };
    // Those in /run are made at each start.
    for (what, file) in [("metrics.file", config.metrics.as_ref()), ("alarm.heartbeat", heartbeat)] {
        if let Some(folder) = file.and_then(|file| file.parent()).filter(|folder| folder.is_dir()) {
            add(what, folder, Want::Make, false);
        }
    }
    all
}

/// The file that a secret lies in, or that its tokens are asked for with.
fn file_of(secret: &Secret) -> Option<&Path> {
    match secret {
        Secret::File(file) => Some(file),
        Secret::Token { with, .. } => with.as_deref().and_then(file_of),
        Secret::Credential(_) | Secret::Command(_) => None,
    }
}

/// The servers of a config, and who logs in there.
fn servers(config: &Config) -> Vec<(&'static str, &Endpoint, Option<&Login>)> {
    let mut all = Vec::new();
    if let Inbox::Imap(imap) = &config.inbox {
        all.push(("inbox.imap", &imap.endpoint, Some(&imap.login)));
    }
    if let Outgoing::Smtp(smtp) = &config.outgoing {
        all.push(("outgoing.smtp", &smtp.endpoint, smtp.login.as_ref()));
    }
    if let Some(canary) = &config.canary {
        all.push(("canary.smtp", &canary.smtp.endpoint, canary.smtp.login.as_ref()));
    }
    all
}
