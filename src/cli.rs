//! The command line: one file a subcommand.
//!
//! Every command that prints gives text for a person, or with `--json` one document for a program.
//! Commands that only read take no lock and work beside the daemon; those that change something are one
//! transaction each, which the daemon sees at its next look. Exit codes: 0 done, 1 failed, 2 usage or config,
//! 3 something needs a person.

mod attachments;
mod backup;
mod check;
mod clock;
mod completions;
mod demo;
mod desk;
mod erase;
mod export;
mod help;
mod hold;
#[cfg(test)]
mod hostile;
mod inbox;
mod ingest;
mod init;
mod key;
mod list;
mod lists;
mod log;
mod login;
mod mails;
mod man;
mod order;
mod out;
mod outbox;
mod page;
mod rebuild;
mod recover;
mod run;
mod seat;
mod show;
mod simulate;
mod status;
mod try_mail;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::ConfigError;
use crate::open::files::{FilesError, Owner};
use desk::{Desk, Exit, Usage};
use out::{Closed, Out};

/// Your SECURITY.md makes promises; disclosed keeps them.
///
/// Watches a security@ inbox, makes a ticket of each report, acknowledges it, and warns people before a promise is
/// broken.
#[derive(Parser)]
#[command(name = "disclosed", version, disable_help_subcommand = true)]
struct Cli {
    /// The config; else ./config.toml, else /etc/disclosed/config.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document in place of text; `run` logs in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon: take mail in, remind, send
    #[command(after_help = "Examples:
  disclosed run
  disclosed run --once
  disclosed run --once --now 2027-01-04T10:00Z    (with outgoing.maildir only)

--once takes in all there is, sends all that is due, and exits 0. RUST_LOG sets what is logged.")]
    Run(run::Args),
    /// Set up: ask what is needed, try it, and write the config
    #[command(after_help = "Examples:
  disclosed init
  sudo disclosed init --unit example
  disclosed init --yes --address security@example.org --provider gmail \\
      --password-file secret \\
      --person \"Ada <ada@example.org> maintainer, lead\"

Each question is a flag too, and a flag that is given is not asked for. Without a terminal, what has no usual answer must
be given; all that is missing is named at once. It logs in, looks at the folder, and sends one mail or two to your own mailbox, which it lists and asks about
first. Then it writes the config and, readable by their owner alone, the passwords. Nothing is overwritten.")]
    Init(Box<init::Args>),
    /// Check the config, and say what was understood
    #[command(after_help = "Examples:
  disclosed check
  disclosed --config /etc/disclosed/config.toml check --online

Exits 2 when the config is wrong, 1 when the database or a check online fails.")]
    Check(check::Args),
    /// Let the daemon read and send mail by a login in a browser, once
    #[command(after_help = "Example:
  disclosed login

For auth = \"oauth2\" without a client secret: see `disclosed help providers`. What is allowed lies beside the
database as disclosed.login; run this as the daemon's user.")]
    Login,
    /// Play 90 days in half a minute; needs no server and no config
    #[command(after_help = "Examples:
  disclosed demo
  disclosed demo /tmp/trial")]
    Demo(demo::Args),
    /// Read the manual, by topic, or the help of a command
    #[command(after_help = "Examples:
  disclosed help
  disclosed help setup
  disclosed help show

A long text is shown by $PAGER, or by less.")]
    Help(help::Args),
    /// Play the promises forward for a report, before there is one
    #[command(after_help = simulate::help())]
    Simulate(simulate::Args),
    /// List the tickets
    #[command(after_help = "Examples:
  disclosed list
  disclosed list --open --json
  disclosed list --before SEC-17

Without --before and --all it prints the last 100. The JSON document holds all of them, by number.")]
    List(list::Args),
    /// Show one ticket: state, promises, people, timeline, and its mails, whole
    #[command(after_help = "Examples:
  disclosed show SEC-17
  disclosed show SEC-17 --mail 2
  disclosed show SEC-17 --raw 2 > mail.eml
  disclosed show SEC-17 --attachments sec-17

The mails of a ticket are numbered in the order in which they came. --raw writes the bytes of one as they were stored;
on a terminal, which they could command, they are shown as clean text instead. --attachments writes what is attached to
all of them, each as a new file of mode 0600 named by the number of its mail, its place in it and the name that its
sender gave it: 2-1-poc.py. It opens nothing, and when one of these files is there already, it writes none.")]
    Show(show::Args),
    /// Show the timeline of one ticket
    #[command(after_help = "Example:
  disclosed log 17")]
    Log(log::Args),
    /// List every mail that came in, and how it was handled; show one, or make a ticket of it
    #[command(after_help = "Examples:
  disclosed inbox --json
  disclosed inbox --show 12
  disclosed inbox --take 12

--take makes a ticket of any mail that is not the report of one, whatever it was taken for, by its number in the list.
Its sender is acknowledged as for any report, unless a program wrote it.")]
    Inbox(inbox::Args),
    /// List every mail that left or waits, or show one
    #[command(after_help = "Examples:
  disclosed outbox
  disclosed outbox --show 12
  disclosed outbox --release

When more than limits.breaker_per_hour events of an hour have mail made that nobody asked for, such mail is held until
--release.")]
    Outbox(outbox::Args),
    /// Say how things stand; exits 3 when something needs a person
    #[command(after_help = "Example:
  disclosed status || echo \"look at the security desk\"

A broken promise, a mail put aside unread, a notice that is held or could not be delivered and an inbox that cannot
be read need a person.")]
    Status,
    /// Do a command on a ticket, with full authority
    #[command(after_help = "Examples:
  disclosed do SEC-17 /ack
  disclosed do SEC-17 \"/severity high\" /accept
  disclosed do SEC-17 /reply --text \"A fix is on its way.\"
  disclosed do SEC-17 /reply --text - < answer.txt
  disclosed do SEC-17 /claim --as Ada
  disclosed do SEC-17 /help

All of the commands are done, or none; exits 1 when they are refused. The timeline and the notice to the team say who
did it: the person whom --as names, and the login; below sudo, run0 or doas that of who called it.")]
    Do(order::Args),
    /// Take in mail from files: .eml, mbox, Maildir, a folder of .eml files
    #[command(after_help = "Examples:
  disclosed ingest report.eml
  disclosed ingest ~/Maildir old-reports.mbox
  disclosed ingest --earlier --since 2027-01-01

A mail that is known already is not taken in again. What is ingested counts as received now.
--earlier takes in the mails that were in the inbox before the first start, which `inbox` lists
as \"earlier\".")]
    Ingest(ingest::Args),
    /// Show what would be done with a mail; nothing is stored
    #[command(
        name = "try",
        after_help = "Examples:
  disclosed try report.eml
  disclosed try - < report.eml"
    )]
    Try(try_mail::Args),
    /// Say all that is held about an address
    #[command(after_help = "Examples:
  disclosed export reporter@example.test
  disclosed export reporter@example.test --json > reporter.json

For a request for access to personal data: the tickets, entries and mails of that address and the mails to it, and
nothing of other people on the same tickets. In JSON, mails that came are there whole too, in base64.")]
    Export(export::Args),
    /// Erase the personal data of a closed ticket, or of mail without one
    #[command(after_help = "Examples:
  disclosed erase SEC-17
  disclosed erase SEC-17 --yes
  disclosed erase reporter@example.test --yes

Without --yes it says what would go, does nothing, and exits 1. The addresses of reporters and strangers, all texts,
and the mails that came and left are erased; the addresses of your people, the timeline, hashes, receipts and
deadlines stay. The database file is written anew, which takes room and a while when it is large. The mailbox and
backups still hold the data: what it prints names the mails.

With an address, the mails from it that belong to no ticket are erased, and the tickets that hold more of it are
listed, to be erased one by one.")]
    Erase(erase::Args),
    /// Make the ticket tables anew from the timelines, or a lost database from the inbox
    #[command(after_help = "Examples:
  disclosed rebuild
  disclosed rebuild --from-inbox

--from-inbox is for when there is no backup, and needs the key (disclosed.key). It fetches all that is in the inbox, does
no command again, and sends nothing. A ticket has its old number only where a mail proves it; each says what is not known
of it. Then nothing leaves until `disclosed recover`.")]
    Rebuild(rebuild::Args),
    /// Say that the daemon may go on, after what only a person can judge
    #[command(after_help = "Examples:
  disclosed recover
  disclosed recover --yes
  disclosed recover --yes --drop 12,15
  disclosed recover --clock

A database that was restored from a backup, or that another disclosed has gone on with, is older than what people have in
their mailboxes. Then all mail is taken in and nothing leaves, until a person has looked. Without --yes it lists what
would be sent, changes nothing, and exits 1.

--clock: the database is ahead of the clock of this machine, and the clock is right. Look at it first: `date`. What the
database holds of later instants counts as of now, reminders that came before their time come again when it is there,
and what that means is printed for each deadline. It cannot be taken back.")]
    Recover(recover::Args),
    /// List, rotate or drop the secrets that sign reply addresses
    #[command(after_help = "Examples:
  disclosed key list
  disclosed key rotate
  disclosed key drop 1

A rotation ends nothing: the older secrets stay good for what they made, until they are dropped. Rotate and drop when
somebody who should not may have seen the key file.")]
    Key(key::Args),
    /// Print a man page, for whoever makes a package: section 1 or 5
    #[command(
        hide = true,
        after_help = "Example:
  disclosed man 1 > disclosed.1"
    )]
    Man(man::Args),
    /// Print what a shell needs to complete the command line
    #[command(
        hide = true,
        after_help = "Example:
  disclosed completions bash > /etc/bash_completion.d/disclosed"
    )]
    Completions(completions::Args),
    /// Copy the database and its key while the daemon runs
    #[command(after_help = "Examples:
  disclosed backup /var/backups/disclosed-2027-01-04.db
  disclosed backup copy.db --json

Nothing is overwritten. To restore, stop the daemon and put both files where store.path says, the database under
that name and the key beside it; leave disclosed.mark as it is. Then the daemon takes mail in and sends nothing until
`disclosed recover`.")]
    Backup(backup::Args),
}

/// The subcommands as the help shows them: first what one begins with.
const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["help", "init", "check", "login", "simulate", "demo", "run"]),
    ("Look", &["list", "show", "log", "inbox", "outbox", "status"]),
    ("Act", &["do", "ingest", "try"]),
    ("Personal data", &["export", "erase"]),
    ("Mend", &["backup", "recover", "rebuild", "key"]),
];

/// Does what the arguments say. All that is printed goes to standard output, errors to standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = command().try_get_matches_from(&arguments).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match cli {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that has gone away needs no help.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let mut out = Out::new(cli.json);
    let code = match obey(&cli, &mut out).and_then(|exit| out.finish().map(|()| exit)) {
        Ok(Exit::Done) => 0,
        Ok(Exit::Failed) => 1,
        Ok(Exit::Config) => 2,
        Ok(Exit::Person) => 3,
        Err(error) if error.is::<Closed>() => 0,
        Err(error) => {
            out::complain(&format!("{error:#}"));
            if let Some(owner) = error.downcast_ref::<FilesError>().and_then(FilesError::owner) {
                out::complain(&format!("run this: {}", as_owner(owner, &arguments)));
            }
            if error.is::<Usage>() || error.is::<ConfigError>() { 2 } else { 1 }
        }
    };
    ExitCode::from(code)
}

fn obey(cli: &Cli, out: &mut Out) -> Result<Exit> {
    let config = cli.config.as_deref();
    let desk = || Desk::open(config);
    match &cli.command {
        Command::Run(args) => run::run(args, &desk()?, out),
        Command::Init(args) => init::run(args, config, out),
        Command::Check(args) => check::run(args, config, out),
        Command::Login => login::run(&desk()?, out),
        Command::Demo(args) => demo::run(args),
        Command::Help(args) => help::run(args, command(), out),
        Command::Simulate(args) => simulate::run(args, &desk()?, out),
        Command::List(args) => list::run(args, &desk()?, out),
        Command::Show(args) => show::run(args, &desk()?, out),
        Command::Log(args) => log::run(args, &desk()?, out),
        Command::Inbox(args) => inbox::run(args, &desk()?, out),
        Command::Outbox(args) => outbox::run(args, &desk()?, out),
        Command::Status => status::run(&desk()?, out),
        Command::Do(args) => order::run(args, &desk()?, out),
        Command::Ingest(args) => ingest::run(args, &desk()?, out),
        Command::Try(args) => try_mail::run(args, &desk()?, out),
        Command::Export(args) => export::run(args, &desk()?, out),
        Command::Erase(args) => erase::run(args, &desk()?, out),
        Command::Rebuild(args) => rebuild::run(args, &desk()?, out),
        Command::Recover(args) => recover::run(args, &desk()?, out),
        Command::Man(args) => man::run(args, &command(), out),
        Command::Completions(args) => completions::run(args, command(), out),
        Command::Key(args) => key::run(args, &desk()?, out),
        Command::Backup(args) => backup::run(args, &desk()?, out),
    }
}

/// The same command line as the user whose files they are, to be pasted into a shell.
fn as_owner(owner: &Owner, arguments: &[OsString]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    let quoted = |word: &str| {
        if !word.is_empty() && word.chars().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let words = owner.prefix().into_iter().chain(arguments.iter().map(|a| a.to_string_lossy().into_owned()));
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// clap's command with the subcommands in groups.
fn command() -> clap::Command {
    let command = Cli::command();
    let mut groups = String::new();
    for (heading, names) in GROUPS {
        groups.push_str(&format!("{heading}:\n"));
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            groups.push_str(&format!("  {name:<10}{about}\n"));
        }
        groups.push('\n');
    }
    let template = "{about-with-newline}\n{usage-heading} {usage}\n\n";
    let rest = "Options:\n{options}\n\n`disclosed help` lists the topics of the manual, `disclosed help COMMAND` shows \
                examples. Exit codes: 0 done, 1 failed, 2 usage or config, 3 something needs a person.\n";
    let flow = |sub: clap::Command| match sub.get_after_help().map(|text| flowing(&text.to_string())) {
        Some(text) => sub.after_help(text),
        None => sub,
    };
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = names.iter().fold(command, |command, name| command.mut_subcommand(name, flow));
    command.help_template(format!("{template}{groups}{rest}"))
}

/// The paragraphs of a text as one line each, which clap wraps to the width that there is. Lines that are indented stay.
fn flowing(text: &str) -> String {
    let mut out = String::new();
    let mut before = "";
    for line in text.lines() {
        let goes_on = ![before, line].iter().any(|l| l.is_empty() || l.starts_with(' '));
        out.push_str(match (out.is_empty(), goes_on) {
            (true, _) => "",
            (false, true) => " ",
            (false, false) => "\n",
        });
        out.push_str(line);
        before = line;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::files;

    #[test]
    fn the_arguments_are_consistent_and_each_command_is_in_one_group() {
        command().debug_assert();
        let names = |c: &clap::Command| c.get_name().to_owned();
        let shown = |c: &&clap::Command| !c.is_hide_set();
        let mut known: Vec<String> = Cli::command().get_subcommands().filter(shown).map(names).collect();
        let mut grouped: Vec<String> = GROUPS.iter().flat_map(|(_, n)| n.iter().map(ToString::to_string)).collect();
        known.sort();
        grouped.sort();
        assert_eq!(known, grouped);
    }

    #[test]
    fn the_command_for_the_owner_is_one_for_a_shell() {
        let home = tempfile::tempdir().unwrap();
        let gone = files::check_usable(&home.path().join("d.db")).unwrap_err();
        assert!(gone.owner().is_none(), "what is not there is nobody's");
        let denied = FilesError::Denied { path: home.path().into(), owner: Owner::of(home.path()) };
        let words = ["disclosed", "do", "SEC-17", "/reply", "--text", "it's fixed"].map(OsString::from);
        let line = as_owner(denied.owner().unwrap(), &words);
        assert!(
            line.starts_with("sudo ") && line.ends_with(r"disclosed do SEC-17 /reply --text 'it'\''s fixed'"),
            "{line}"
        );
    }

    /// No line ends before the next word would not have fitted.
    #[test]
    fn help_fills_its_lines() {
        for name in command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>() {
            let help = command().term_width(80).try_get_matches_from(["disclosed", &name, "--help"]).unwrap_err();
            let help = help.to_string();
            for (line, next) in help.lines().zip(help.lines().skip(1)) {
                let word = next.split(' ').next().unwrap_or_default();
                let is_prose = ![line, next].iter().any(|l| l.is_empty() || l.starts_with(' '));
                assert!(line.chars().count() <= 80, "{name}: {line}");
                assert!(!is_prose || line.chars().count() + 1 + word.chars().count() > 80, "{name}: {line}\n{next}");
            }
        }
    }

    #[test]
    fn each_command_has_an_example() {
        for sub in Cli::command().get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("disclosed "), "{}", sub.get_name());
        }
    }
}
