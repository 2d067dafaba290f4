//! One question: answered by its flag, else at the terminal, else by what is usual.

use std::cell::RefCell;
use std::io::{IsTerminal, Read, Write, stderr, stdin};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};

use crate::cli::desk::Usage;
use crate::config::Password;
use crate::vocabulary::clean_line;

/// More than any password or answer has, in octets.
const MOST: u64 = 64 * 1024;
/// Ctrl-C, where it is a character like any other.
const LEAVES: u8 = 3;

/// What is asked for, and by which flag it may be said.
pub(super) struct Question<'a> {
    /// The flag.
    pub(super) flag: &'static str,
    /// The question, in words.
    pub(super) asks: &'a str,
    /// What Enter takes.
    pub(super) usual: Usual,
}

/// What Enter takes.
pub(super) enum Usual {
    /// Nothing: it must be said. Where nobody says it, the questions go on with this example, so that all that is missing
    /// is named at once.
    Must(&'static str),
    /// What is likely, and not sure enough to be taken where nobody looks.
    Guess(String),
    /// What is right for most.
    Default(String),
}

/// Whom to ask.
pub(super) struct Asker {
    is_there: bool,
    /// What nobody has said.
    missing: RefCell<Vec<String>>,
}

impl Asker {
    /// Somebody at a terminal, if there is one and they want to be asked.
    pub(super) fn new(yes: bool) -> Self {
        Self { is_there: !yes && stdin().is_terminal() && stderr().is_terminal(), missing: RefCell::default() }
    }

    /// Whether there is somebody to ask.
    pub(super) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Says something to whoever is there.
    pub(super) fn tell(&self, text: &str) {
        if self.is_there {
            say(&format!("{text}\n"));
        }
    }

    /// Notes that a flag is missing, and what it says.
    pub(super) fn lack(&self, flag: &str, says: &str) {
        self.missing.borrow_mut().push(format!("{flag} is missing: {says}"));
    }

    /// Whether all was said that must be.
    pub(super) fn has_all(&self) -> bool {
        self.missing.borrow().is_empty()
    }

    /// All that is missing at once.
    ///
    /// # Errors
    /// [`Usage`], which names each flag.
    pub(super) fn finish(&self) -> Result<()> {
        if self.has_all() { Ok(()) } else { Err(Usage(self.missing.borrow().join("\n")).into()) }
    }

    /// Gets one answer. At the terminal a wrong one is asked for again. Where there is neither flag nor terminal, that is
    /// noted.
    ///
    /// # Errors
    /// [`Usage`], which names the flag, when the flag is wrong.
    pub(super) fn ask<T>(
        &self,
        question: &Question<'_>,
        said: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T> {
        let Question { flag, asks, usual } = question;
        let wrong = |why: String| Usage(format!("{flag}: {why}"));
        if let Some(said) = said {
            return Ok(read(said.trim()).map_err(wrong)?);
        }
        let (answer, by_enter) = match usual {
            Usual::Must(example) => (*example, None),
            Usual::Guess(usual) | Usual::Default(usual) => (usual.as_str(), Some(usual).filter(|u| !u.is_empty())),
        };
        if !self.is_there {
            if !matches!(usual, Usual::Default(_)) {
                self.lack(flag, asks);
            }
            return Ok(read(answer).map_err(wrong)?);
        }
        let prompt = by_enter.map_or_else(|| format!("{asks}: "), |usual| format!("{asks} [{usual}]: "));
        loop {
            let line = line(&prompt)?;
            let said = if line.trim().is_empty() { by_enter.map_or("", String::as_str) } else { line.trim() };
            match read(said) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.tell(&format!("  {}", clean_line(&why, 300))),
            }
        }
    }

    /// Whether to do something; `None` where nobody is there.
    pub(super) fn confirm(&self, asks: &str, usual: bool) -> Result<Option<bool>> {
        if !self.is_there {
            return Ok(None);
        }
        let prompt = format!("{asks} [{}]: ", if usual { "Y/n" } else { "y/N" });
        loop {
            match line(&prompt)?.trim().to_ascii_lowercase().as_str() {
                "" => return Ok(Some(usual)),
                "y" | "yes" => return Ok(Some(true)),
                "n" | "no" => return Ok(Some(false)),
                _ => self.tell("  write y or n"),
            }
        }
    }

    /// Gets a password: from a file ("-" is the standard input), else at the terminal, where it is not shown. Where there is
    /// neither, that is noted.
    ///
    /// # Errors
    /// Where the file holds none.
    pub(super) fn password(&self, flag: &'static str, asks: &str, file: Option<&Path>) -> Result<Password> {
        match self.password_if_any(flag, asks, file, true)? {
            Some(password) => Ok(password),
            None => {
                self.lack(flag, &format!("a file that holds {asks}, or \"-\" for the standard input"));
                Ok(Password::parse(b"none".to_vec(), flag)?)
            }
        }
    }

    /// The same where none is an answer too, unless it is a `must`.
    ///
    /// # Errors
    /// Where the file holds none.
    pub(super) fn password_if_any(
        &self,
        flag: &'static str,
        asks: &str,
        file: Option<&Path>,
        must: bool,
    ) -> Result<Option<Password>> {
        // At a terminal the standard input would show what is typed.
        let shown = |file: &&Path| *file == Path::new("-") && stdin().is_terminal();
        if let Some(file) = file.filter(|file| !shown(file)) {
            let mut bytes = Vec::new();
            let read = if file == Path::new("-") {
                stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
            } else {
                std::fs::File::open(file).and_then(|f| f.take(MOST + 1).read_to_end(&mut bytes))
            };
            read.with_context(|| format!("{flag} {}", file.display()))?;
            return Ok(Some(Password::parse(bytes, &format!("{flag} {}", file.display()))?));
        }
        if !self.is_there {
            return Ok(None);
        }
        loop {
            let line = unseen(&format!("{} (not shown): ", capital(asks)))?;
            if !must && line.trim().is_empty() {
                return Ok(None);
            }
            match Password::parse(line.into_bytes(), "the terminal") {
                Ok(password) => return Ok(Some(password)),
                Err(why) => self.tell(&format!("  {why}")),
            }
        }
    }
}

fn say(text: &str) {
    // Whoever does not see it is asked all the same.
    let _ = stderr().write_all(text.as_bytes());
}

/// One line of whoever is at the terminal, which edits it.
///
/// # Errors
/// Where it ends there (Ctrl-D).
fn line(prompt: &str) -> Result<String> {
    say(prompt);
    let mut line = Vec::new();
    for byte in stdin().lock().take(MOST).bytes() {
        line.push(byte?);
        if matches!(line.last(), Some(&(b'\n' | LEAVES))) {
            break;
        }
    }
    if matches!(line.last(), None | Some(&LEAVES)) {
        say("\n");
        bail!("the questions were left, and nothing was written; `disclosed init` begins anew");
    }
    Ok(String::from_utf8(line)?)
}

/// The same, and what is typed is not shown.
fn unseen(prompt: &str) -> Result<String> {
    let before = tcgetattr(stdin())?;
    let mut hidden = before.clone();
    // Else Ctrl-C ends the program, and the terminal goes on hiding what is typed.
    hidden.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
    if let Some(ends) = hidden.control_chars.get_mut(SpecialCharacterIndices::VEOL as usize) {
        *ends = LEAVES;
    }
    hidden.local_flags.insert(LocalFlags::ECHONL);
    tcsetattr(stdin(), SetArg::TCSANOW, &hidden)?;
    let line = line(prompt);
    tcsetattr(stdin(), SetArg::TCSANOW, &before)?;
    line
}

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
