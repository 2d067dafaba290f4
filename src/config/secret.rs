//! How a password or token is fetched, each time it is needed: what was rotated is found at the next login.
//!
//! No text of an error holds what was read or printed.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::settings::{Secret, SmtpConfig};
use crate::oauth::{Source, TokenError};

/// How long `password_command` may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest secret, in octets. Access tokens have a few thousand.
const MAX_SECRET: u64 = 64 * 1024;

/// A password or token. `{:?}` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// One line without its line end; an empty one or more than one line is no secret.
    pub(crate) fn parse(bytes: Vec<u8>, place: &str) -> Result<Self, SecretError> {
        let wrong = |why| Err(SecretError::Unfit { place: place.to_owned(), why });
        if bytes.len() as u64 > MAX_SECRET {
            return wrong("is longer than 64 KiB");
        }
        let Ok(text) = String::from_utf8(bytes) else { return wrong("is not UTF-8") };
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return wrong("is empty");
        }
        if line.contains(['\n', '\r', '\0']) {
            return wrong("has more than one line; it must be the secret and nothing else");
        }
        Ok(Self(line.to_owned()))
    }

    /// The secret itself, for the login and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a secret could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret in {}: {why}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// systemd handed no credentials to this process.
    #[error("the credential {0:?}: CREDENTIALS_DIRECTORY is not set; add LoadCredential={0}:/path to the unit")]
    NoCredentials(String),
    /// The command could not be started or read.
    #[error("the command {program:?} for the secret cannot be run: {why}")]
    NotRun {
        /// The first word of the command.
        program: String,
        /// What the system said.
        why: std::io::Error,
    },
    /// The command did not end in time.
    #[error("the command {0:?} for the secret did not end within 10 s; it must not ask for anything")]
    Slow(String),
    /// The command ended with a failure.
    #[error("the command {program:?} for the secret failed with {status}; run it by hand as the same user to see why")]
    Failed {
        /// The first word of the command.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// There is no access token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What was found is no secret.
    #[error("the secret from {place} {why}")]
    Unfit {
        /// Where it was found.
        place: String,
        /// What is wrong with it, without showing it.
        why: &'static str,
    },
}

impl SecretError {
    /// Whether trying again may help without a person.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Token(error) if error.may_pass())
    }

    /// The same without a server's own words: for the log (G6).
    pub(crate) fn without_words(&self) -> String {
        if let Self::Token(error) = self { error.without_words() } else { self.to_string() }
    }
}

impl SmtpConfig {
    /// Fetches the secret to log in with; `None` for a relay that trusts this machine.
    ///
    /// # Errors
    /// See [`Secret::read`].
    pub async fn secret(&self) -> Result<Option<Password>, SecretError> {
        match &self.login {
            Some(login) => login.secret.read().await.map(Some),
            None => Ok(None),
        }
    }
}

impl Secret {
    /// Fetches the secret: reads the file, or runs the command without a shell, for at most 10 seconds.
    ///
    /// # Errors
    /// When there is none, it cannot be had, or it is not exactly one line.
    pub async fn read(&self) -> Result<Password, SecretError> {
        self.read_with(credentials().as_deref(), COMMAND_TIMEOUT).await
    }

    /// Looks at what lies in a file or credential, and asks nobody. False where nothing could be looked at: systemd hands
    /// credentials to the unit alone, a command is run only where a login needs it, and a person's login is no secret of the
    /// config.
    ///
    /// # Errors
    /// When it is not there, or is no secret.
    pub(crate) fn look(&self) -> Result<bool, SecretError> {
        self.look_with(credentials().as_deref())
    }

    fn look_with(&self, credentials: Option<&Path>) -> Result<bool, SecretError> {
        let lies = match self {
            Self::Token { with, .. } => with.as_deref(),
            Self::File(_) | Self::Credential(_) | Self::Command(_) => Some(self),
        };
        let file = match lies {
            Some(Self::File(file)) => Some(file.clone()),
            Some(Self::Credential(name)) => credentials.map(|folder| folder.join(name)),
            Some(Self::Command(_) | Self::Token { .. }) | None => None,
        };
        // What is no file may wait for whoever writes it, or be read once only.
        let Some(file) = file.filter(|f| std::fs::metadata(f).map_or(true, |m| m.is_file())) else { return Ok(false) };
        match self {
            Self::Token { source, .. } => source.check_secret(whole(&file)?.trim())?,
            Self::File(_) | Self::Credential(_) | Self::Command(_) => drop(from_file(&file)?),
        }
        Ok(true)
    }

    /// The credential of systemd that it lies in.
    pub(crate) fn credential(&self) -> Option<&str> {
        match self {
            Self::Credential(name) => Some(name),
            Self::Token { with, .. } => with.as_ref()?.credential(),
            Self::File(_) | Self::Command(_) => None,
        }
    }

    async fn read_with(&self, credentials: Option<&Path>, timeout: Duration) -> Result<Password, SecretError> {
        match self {
            Self::File(file) => from_file(file),
            Self::Credential(name) => {
                let folder = credentials.ok_or_else(|| no_credentials(name))?;
                from_file(&folder.join(name))
            }
            Self::Command(words) => from_command(words, timeout).await,
            Self::Token { source, with, user } => {
                let secret = match with.as_deref() {
                    // The file of a service account has many lines.
                    Some(Self::File(file)) => whole(file)?,
                    Some(Self::Credential(name)) => {
                        whole(&credentials.ok_or_else(|| no_credentials(name))?.join(name))?
                    }
                    Some(Self::Command(words)) => from_command(words, timeout).await?.0,
                    Some(Self::Token { .. }) | None => String::new(),
                };
                Ok(Password(source.token(user, secret.trim()).await?))
            }
        }
    }

    /// Where an access token is asked for.
    pub(super) fn token_source(&self) -> Option<&Arc<Source>> {
        match self {
            Self::Token { source, .. } => Some(source),
            Self::File(_) | Self::Credential(_) | Self::Command(_) => None,
        }
    }

    /// A mail server took what was read.
    pub(crate) async fn was_accepted(&self, read: &Password) {
        if let Self::Token { source, user, .. } = self {
            source.accepted(user, read.expose()).await;
        }
    }

    /// A mail server refused what was read. Whether reading again may find something else: an access token that was good
    /// before may have been called back.
    pub(crate) async fn was_refused(&self, read: &Password) -> bool {
        match self {
            Self::Token { source, user, .. } => source.refused(user, read.expose()).await,
            Self::File(_) | Self::Credential(_) | Self::Command(_) => false,
        }
    }

    /// What `check` should say about where the secret lies: a file that everybody on the machine can read.
    pub fn concern(&self) -> Option<String> {
        let file = match self {
            Self::File(file) => file,
            Self::Token { source, .. } if source.lacks_login() => return Some(TokenError::NoLogin.to_string()),
            Self::Token { with, .. } => return with.as_ref()?.concern(),
            Self::Credential(_) | Self::Command(_) => return None,
        };
        open_to_all(file)
    }
}

/// What is wrong with a file that everybody on the machine can read or write.
pub(crate) fn open_to_all(file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let open = mode & 0o006 != 0;
    open.then(|| format!("every user of this machine can read {0}; run: chmod o-rwx {0}", file.display()))
}

/// Where systemd puts what the unit is handed.
fn credentials() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "systemd names the place of credentials in the environment only")]
    let folder = std::env::var("CREDENTIALS_DIRECTORY");
    folder.ok().map(PathBuf::from)
}

fn no_credentials(name: &str) -> SecretError {
    SecretError::NoCredentials(name.to_owned())
}

fn from_file(file: &Path) -> Result<Password, SecretError> {
    Password::parse(bytes_of(file)?, &file.display().to_string())
}

fn whole(file: &Path) -> Result<String, SecretError> {
    let unfit = |why| SecretError::Unfit { place: file.display().to_string(), why };
    let bytes = bytes_of(file)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(unfit("is longer than 64 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| unfit("is not UTF-8"))
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, SecretError> {
    let unreadable = |why| SecretError::Unreadable { file: file.to_owned(), why };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

async fn from_command(words: &[String], timeout: Duration) -> Result<Password, SecretError> {
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let not_run = |why| SecretError::NotRun { program: program.to_owned(), why };
    let mut command = Command::new(program);
    // What it says on stderr might hold the secret too, and our stderr is the journal.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let run = async {
        let mut child = command.spawn().map_err(not_run)?;
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_SECRET + 1).read_to_end(&mut bytes).await.map_err(not_run)?;
        }
        if bytes.len() as u64 > MAX_SECRET {
            // It may go on printing for ever: dropped here, it is killed.
            return Password::parse(bytes, program);
        }
        let status = child.wait().await.map_err(not_run)?;
        if !status.success() {
            return Err(SecretError::Failed { program: program.to_owned(), status });
        }
        Password::parse(bytes, program)
    };
    tokio::time::timeout(timeout, run).await.unwrap_or_else(|_| Err(SecretError::Slow(program.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(secret: &Secret, credentials: Option<&Path>) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(secret.read_with(credentials, COMMAND_TIMEOUT));
        found.map(|p| p.expose().to_owned()).map_err(|e| e.to_string())
    }

    fn command(words: &[&str]) -> Secret {
        Secret::Command(words.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_file_and_a_credential_hold_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imap");
        for (content, expect) in [
            ("hunter two\n", Some("hunter two")),
            ("hunter\r\n", Some("hunter")),
            ("hunter", Some("hunter")),
            (" spaces stay ", Some(" spaces stay ")),
            ("", None),
            ("\n", None),
            ("two\nlines\n", None),
            ("line\n\n", None),
        ] {
            std::fs::write(&file, content).unwrap();
            let by_file = read(&Secret::File(file.clone()), None);
            assert_eq!(by_file.as_deref().ok(), expect, "{content:?}");
            assert_eq!(by_file, read(&Secret::Credential("imap".into()), Some(folder.path())));
        }
        std::fs::write(&file, vec![b'a'; 70_000]).unwrap();
        assert!(read(&Secret::File(file), None).unwrap_err().ends_with("is longer than 64 KiB"));
        assert!(read(&Secret::Credential("imap".into()), None).unwrap_err().contains("LoadCredential=imap:"));
        assert!(read(&Secret::File(folder.path().join("none")), None).is_err());
    }

    #[test]
    fn a_command_prints_it_and_its_failure_shows_nothing_of_it() {
        assert_eq!(read(&command(&["printf", "%s\n", "hunter two"]), None), Ok("hunter two".into()));
        // Words reach the program as they are: no shell expands them.
        assert_eq!(read(&command(&["printf", "%s", "$HOME;*"]), None), Ok("$HOME;*".into()));
        let failed = read(&command(&["sh", "-c", "echo hunter; echo hunter >&2; exit 3"]), None).unwrap_err();
        assert_eq!(
            failed,
            "the command \"sh\" for the secret failed with exit status: 3; run it by hand as the same user to see why"
        );
        assert_eq!(read(&command(&["true"]), None), Err("the secret from true is empty".into()));
        assert_eq!(read(&command(&["yes"]), None), Err("the secret from yes is longer than 64 KiB".into()));
        assert!(read(&command(&["/nonexistent/tool"]), None).unwrap_err().contains("cannot be run"));
        // Nothing waits for a person: its standard input is empty.
        assert_eq!(read(&command(&["cat"]), None), Err("the secret from cat is empty".into()));
    }

    #[test]
    fn a_command_that_hangs_is_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(command(&["sleep", "60"]).read_with(None, Duration::from_millis(20)));
        assert!(matches!(found, Err(SecretError::Slow(_))), "{found:?}");
    }

    /// It would be read once only, or never.
    #[test]
    fn what_is_no_file_is_not_looked_at() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let pipe = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer)));
        assert!(!Secret::File(pipe).look_with(None).unwrap());
    }

    #[test]
    fn debug_does_not_show_it() {
        let password = Password::parse(b"hunter2".to_vec(), "here").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn a_file_for_all_to_read_is_a_concern() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imap");
        std::fs::write(&file, "hunter").unwrap();
        for (mode, concern) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Secret::File(file.clone()).concern().is_some(), concern, "{mode:o}");
        }
    }
}
