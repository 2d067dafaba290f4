//! One question: answered by its flag, else at the terminal, else by what is usual.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, Result};
use dialoguer::console::Term;
use dialoguer::{Confirm, Input};

use crate::cli::desk::Usage;
use crate::config::Password;
use crate::vocabulary::clean_line;

/// More than any password has, in octets.
const MOST: u64 = 64 * 1024;

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
    /// Nothing: it must be said.
    None,
    /// What is likely, and not sure enough to be taken where nobody looks.
    Guess(String),
    /// What is right for most.
    Default(String),
}

/// Whom to ask.
pub(super) struct Asker {
    terminal: Option<Term>,
}

impl Asker {
    /// Somebody at a terminal, if there is one and they want to be asked.
    pub(super) fn new(yes: bool) -> Self {
        let there = !yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Self { terminal: there.then(Term::stderr) }
    }

    /// Whether there is somebody to ask.
    pub(super) fn is_there(&self) -> bool {
        self.terminal.is_some()
    }

    /// Says something to whoever is there.
    pub(super) fn tell(&self, text: &str) {
        if let Some(terminal) = &self.terminal {
            // Whoever does not see it is asked all the same.
            let _ = terminal.write_line(text);
        }
    }

    /// Gets one answer. At the terminal a wrong one is asked for again.
    ///
    /// # Errors
    /// [`Usage`], which names the flag, when the flag is wrong, or when there is neither flag nor terminal.
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
        let Some(terminal) = &self.terminal else {
            return match usual {
                Usual::Default(usual) => Ok(read(usual).map_err(wrong)?),
                Usual::None | Usual::Guess(_) => Err(Usage(format!("{flag} is missing: {asks}")).into()),
            };
        };
        loop {
            let input = Input::<String>::new().with_prompt(*asks).allow_empty(true);
            let input = match usual {
                Usual::Guess(usual) | Usual::Default(usual) if !usual.is_empty() => input.default(usual.clone()),
                Usual::None | Usual::Guess(_) | Usual::Default(_) => input,
            };
            match read(input.interact_text_on(terminal)?.trim()) {
                Ok(answer) => return Ok(answer),
                Err(why) => terminal.write_line(&format!("  {}", clean_line(&why, 300)))?,
            }
        }
    }

    /// Whether to do something; `None` where nobody is there.
    pub(super) fn confirm(&self, asks: &str, usual: bool) -> Result<Option<bool>> {
        let Some(terminal) = &self.terminal else { return Ok(None) };
        Ok(Some(Confirm::new().with_prompt(asks).default(usual).wait_for_newline(true).interact_on(terminal)?))
    }

    /// Gets a password: from a file ("-" is the standard input), else at the terminal, where it is not shown.
    ///
    /// # Errors
    /// Where the file holds none, or there is neither file nor terminal.
    pub(super) fn password(&self, flag: &'static str, asks: &str, file: Option<&Path>) -> Result<Password> {
        if let Some(file) = file {
            let mut bytes = Vec::new();
            let read = if file == Path::new("-") {
                std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
            } else {
                std::fs::File::open(file).and_then(|f| f.take(MOST + 1).read_to_end(&mut bytes))
            };
            read.with_context(|| format!("{flag} {}", file.display()))?;
            return Ok(Password::parse(bytes, &format!("{flag} {}", file.display()))?);
        }
        let Some(terminal) = &self.terminal else {
            let why = format!("{flag} is missing: a file that holds {asks}, or \"-\" for the standard input");
            return Err(Usage(why).into());
        };
        loop {
            terminal.write_str(&format!("{} (not shown): ", capital(asks)))?;
            match Password::parse(terminal.read_secure_line()?.into_bytes(), "the terminal") {
                Ok(password) => return Ok(password),
                Err(why) => terminal.write_line(&format!("  {why}"))?,
            }
        }
    }
}

/// With a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
