//! One folder of the inbox, opened for reading. The watch, `check --online` and its forged line all come by here: it is
//! the one place that fetches the secret, logs in, opens the folder and lists it. Nothing is ever marked or removed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::{ImapConfig, Inbox, SecretError};
use crate::imap::{self, ImapError, Session, Woke};
use crate::maildir::{Found, Maildir, ReadMail};
use crate::tracker::Sighting;

/// Mails of one fetch, at most.
pub(super) const BATCH: usize = 64;
/// Octets after which no further mail of a Maildir is read in one fetch.
const BATCH_OCTETS: usize = 4 << 20;

/// A folder that is open: for IMAP, a session that is logged in.
pub(super) enum Folder<'a> {
    Maildir {
        maildir: Maildir,
        path: &'a Path,
        /// The latest listing, by name.
        found: Vec<Found>,
    },
    Imap {
        session: Box<Session>,
        config: &'a ImapConfig,
        /// The folder that is listed.
        name: &'a str,
    },
}

/// What a folder holds.
pub(super) struct Listing {
    /// What the folder is called in the store. Under another UIDVALIDITY, or another user's, it is another folder
    /// (RFC 3501 section 2.3.1.1).
    pub(super) folder: String,
    /// Its mails, the earliest first: UIDs, or the names of files without their flags.
    pub(super) names: Arc<Vec<String>>,
    /// Of a server: the UID of the next mail.
    pub(super) uidnext: Option<u32>,
    /// Of a server that says how many mails there are and lists another number: that number.
    pub(super) claims: Option<u32>,
}

/// What came of the leading names of a list.
pub(super) struct Batch {
    /// How many names of the list this answers; at least one if there was one.
    pub(super) taken: usize,
    /// The answers, in the order of the list. A file that has gone has none.
    pub(super) mails: Vec<Fetched>,
}

/// What came of one name.
pub(super) enum Fetched {
    /// A mail, or the beginning of one that is larger than was allowed.
    Mail {
        name: String,
        raw: Vec<u8>,
        /// Octets of the whole mail.
        size: u64,
        /// When the server took it, or the time of the file.
        internal_date: Option<Timestamp>,
    },
    /// The server listed it and gives nothing, or a text of its own in its place.
    Missing(String),
    /// The file is there and cannot be read.
    Unreadable(std::io::Error),
}

/// Why a folder could not be opened, or be used any longer. The texts hold no mail and no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// There is no secret to log in with.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no session, or it has ended.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// The Maildir cannot be read.
    #[error(transparent)]
    Maildir(#[from] std::io::Error),
}

impl FolderError {
    /// The same without the server's own words: for the log (G6).
    pub(super) fn without_words(&self) -> String {
        match self {
            Self::Imap(error) => error.without_words(),
            Self::Secret(error) => error.without_words(),
            Self::Maildir(_) => self.to_string(),
        }
    }

    /// Whether the server answered, and said no: the session is as good as before.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Imap(ImapError::Refused { .. }))
    }

    /// Whether a person has to mend the login: trying again soon only helps to lock the account.
    pub(super) fn is_login(&self) -> bool {
        match self {
            Self::Secret(error) => !error.may_pass(),
            Self::Imap(error) => error.is_login_refused(),
            Self::Maildir(_) => false,
        }
    }
}

impl<'a> Folder<'a> {
    /// Fetches the secret and logs in, or finds the Maildir. That the folder of a server is there is known only when it
    /// is listed.
    pub(super) async fn open(inbox: &'a Inbox) -> Result<Self, FolderError> {
        match inbox {
            Inbox::Maildir(path) => Ok(Self::Maildir { maildir: Maildir::open(path)?, path, found: Vec::new() }),
            Inbox::Imap(config) => {
                let session = loop {
                    let secret = config.login.secret.read().await?;
                    match imap::connect(config, secret.expose()).await {
                        // Once more, since what is read next is new.
                        Err(error) if error.is_login_refused() && config.login.secret.was_refused(&secret).await => {}
                        Err(error) => return Err(error.into()),
                        Ok(session) => {
                            config.login.secret.was_accepted(&secret).await;
                            break session;
                        }
                    }
                };
                Ok(Self::Imap { session: Box::new(session), config, name: &config.folder })
            }
        }
    }

    /// Turns to another folder of the server, which the next listing opens.
    pub(super) fn turn_to(&mut self, folder: &'a str) {
        match self {
            Self::Maildir { .. } => {}
            Self::Imap { name, .. } => *name = folder,
        }
    }

    /// Opens the folder anew and lists it: some servers show new mail to nobody who does not ask again.
    pub(super) async fn list(&mut self) -> Result<Listing, FolderError> {
        self.list_above(None).await
    }

    /// The same; of a server, only the UIDs above this one.
    pub(super) async fn list_above(&mut self, above: Option<u32>) -> Result<Listing, FolderError> {
        match self {
            Self::Maildir { maildir, path, found } => {
                *found = maildir.list()?;
                let names = found.iter().map(|f| f.name.clone()).collect();
                found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                let folder = format!("maildir:{}", path.display());
                Ok(Listing { folder, names: Arc::new(names), uidnext: None, claims: None })
            }
            Self::Imap { session, config, name: folder } => {
                let mailbox = session.select(folder).await?;
                let (login, to) = (&config.login, &config.endpoint);
                let folder = format!("imap:{}@{}:{}/{folder};{}", login.user, to.server, to.port, mailbox.uidvalidity);
                let (uids, agrees) = match above {
                    Some(above) => (session.uids_above(above).await?, true),
                    None => session.uids().await.map(|listed| (listed.uids, listed.agrees))?,
                };
                let claims = Some(session.exists()).filter(|_| !agrees);
                let names = Arc::new(uids.iter().map(u32::to_string).collect());
                Ok(Listing { folder, names, uidnext: mailbox.uidnext, claims })
            }
        }
    }

    /// The names of the folders beside it: of a server all there are, of a Maildir those that lie in it, as Maildir++
    /// has them.
    pub(super) async fn folders(&mut self) -> Result<BTreeSet<String>, FolderError> {
        match self {
            Self::Maildir { maildir, .. } => Ok(maildir.folders()?),
            Self::Imap { session, .. } => Ok(session.folders().await?),
        }
    }

    /// Fetches as many leading mails of the list as fit one bounded batch. The names are of the latest listing, each
    /// once; `max` is the octets of the largest mail that is wanted whole.
    ///
    /// # Errors
    /// The session has ended. A single mail may be the cause, so the next one had better ask for one at a time.
    pub(super) async fn fetch(&mut self, names: &[String], max: u64) -> Result<Batch, FolderError> {
        match self {
            Self::Maildir { maildir, found, .. } => Ok(read_files(maildir, found, names, max)),
            Self::Imap { session, .. } => {
                let uids: Vec<u32> = names.iter().take(BATCH).filter_map(|name| name.parse().ok()).collect();
                let chunk = session.fetch_chunk(&uids, max).await?;
                // None at all would be asked for again and again.
                Ok(Batch { taken: chunk.taken.max(1), mails: chunk.mails.into_iter().map(from_server).collect() })
            }
        }
    }

    /// How long a server may take over a mail from here on, besides the time that its octets need.
    pub(super) fn be_patient(&mut self, patience: Duration) {
        match self {
            Self::Maildir { .. } => {}
            Self::Imap { session, .. } => session.be_patient(patience),
        }
    }

    /// What a server says of these mails besides their content. None of a Maildir, and none where the server says no.
    pub(super) async fn sightings(&mut self, names: &[String]) -> Result<Vec<Sighting>, FolderError> {
        let Self::Imap { session, .. } = self else { return Ok(Vec::new()) };
        let uids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let seen = match session.headers(&uids).await {
            Err(ImapError::Refused { .. }) => Vec::new(),
            seen => seen?,
        };
        let sighting = |h: imap::Headers| {
            let imap::Headers { uid, size, internal_date, header } = h;
            Sighting { uid, size, internal_date, header }
        };
        Ok(seen.into_iter().map(sighting).collect())
    }

    /// How large a mail of the latest listing is, and when it came, as far as that is known.
    pub(super) async fn facts(&mut self, name: &str) -> Result<(Option<u64>, Option<Timestamp>), FolderError> {
        match self {
            Self::Maildir { found, .. } => {
                let at = found.binary_search_by(|f| f.name.as_str().cmp(name)).ok().and_then(|at| found.get(at));
                Ok(at.map_or((None, None), |f| (Some(f.size), Some(f.modified))))
            }
            Self::Imap { session, .. } => {
                let Ok(uid) = name.parse() else { return Ok((None, None)) };
                let (size, internal_date) = session.facts(uid).await?;
                Ok((size.map(u64::from), internal_date))
            }
        }
    }

    /// Waits for a push, at most so long, by the rules of [`Session::idle`]. A Maildir never pushes.
    pub(super) async fn idle(&mut self, at_most: Duration) -> Result<Woke, FolderError> {
        match self {
            Self::Maildir { .. } => Ok(Woke::Unsupported),
            Self::Imap { session, .. } => Ok(session.idle(at_most).await?),
        }
    }

    /// Says goodbye to a server.
    pub(super) async fn close(self) {
        match self {
            Self::Maildir { .. } => {}
            Self::Imap { session, .. } => session.logout().await,
        }
    }
}

fn read_files(maildir: &Maildir, listed: &[Found], names: &[String], max: u64) -> Batch {
    let mut batch = Batch { taken: 0, mails: Vec::new() };
    let mut octets = 0;
    for name in names {
        if batch.mails.len() >= BATCH || octets >= BATCH_OCTETS {
            break;
        }
        batch.taken += 1;
        let at = listed.binary_search_by(|f| f.name.cmp(name)).ok();
        let Some(found) = at.and_then(|at| listed.get(at)) else { continue };
        let (raw, size) = match maildir.read(found, max) {
            Ok(ReadMail::Whole(raw)) => (raw, None),
            Ok(ReadMail::Oversize { size, head }) => (head, Some(size)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                batch.mails.push(Fetched::Unreadable(error));
                continue;
            }
        };
        octets += raw.len();
        let size = size.unwrap_or(raw.len() as u64);
        batch.mails.push(Fetched::Mail { name: name.clone(), raw, size, internal_date: Some(found.modified) });
    }
    batch
}

fn from_server(fetched: imap::Fetched) -> Fetched {
    match fetched {
        imap::Fetched::Mail { uid, internal_date, raw } => {
            Fetched::Mail { name: uid.to_string(), size: raw.len() as u64, raw, internal_date }
        }
        imap::Fetched::Oversize { uid, internal_date, size, head } => {
            Fetched::Mail { name: uid.to_string(), size, raw: head, internal_date }
        }
        imap::Fetched::Missing(uid) | imap::Fetched::Placeholder(uid) => Fetched::Missing(uid.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// Lists a Maildir with these mails, changes it by `meanwhile`, and fetches all that was listed.
    async fn fetched(mails: &[(&str, usize)], max: u64, meanwhile: impl FnOnce(&Path)) -> Vec<(usize, Vec<String>)> {
        let home = tempfile::tempdir().unwrap();
        let inbox = Inbox::Maildir(home.path().to_owned());
        Maildir::create(home.path()).unwrap();
        for (at, (name, octets)) in mails.iter().enumerate() {
            let place = if name.contains('/') { PathBuf::from(name) } else { Path::new("new").join(name) };
            let file = fs::File::create(home.path().join(place)).unwrap();
            file.set_len(*octets as u64).unwrap();
            let time = std::time::UNIX_EPOCH + Duration::from_secs(at as u64);
            file.set_modified(time).unwrap();
        }
        let mut folder = Folder::open(&inbox).await.unwrap();
        let listing = folder.list().await.unwrap();
        assert_eq!(listing.folder, format!("maildir:{}", home.path().display()));
        assert!(
            listing.names.iter().eq(mails.iter().map(|(name, _)| name.trim_start_matches("cur/"))),
            "the earliest first"
        );
        meanwhile(home.path());
        let (mut rest, mut batches) = (listing.names.as_slice(), Vec::new());
        while !rest.is_empty() {
            let batch = folder.fetch(rest, max).await.unwrap();
            let shown = batch.mails.into_iter().map(|mail| match mail {
                Fetched::Mail { name, raw, size, .. } => format!("{name} {}/{size}", raw.len()),
                Fetched::Missing(name) => panic!("{name}"),
                Fetched::Unreadable(_) => "unreadable".to_owned(),
            });
            batches.push((batch.taken, shown.collect()));
            rest = &rest[batch.taken..];
        }
        batches
    }

    #[tokio::test]
    async fn a_maildir_is_fetched_as_it_was_listed() {
        let found = fetched(&[("z", 3), ("a", 5), ("m", 2)], 4, |_| {}).await;
        assert_eq!(found, [(3, vec!["z 3/3".into(), "a 4/5".into(), "m 2/2".into()])]);
        // A file that has gone is no answer and no failure; of one that cannot be read the failure is told. The others
        // come all the same.
        let mails = [("a", 1), ("cur/odd", 1), ("z", 1)];
        let found = fetched(&mails, 9, |home| fs::remove_file(home.join("cur/odd")).unwrap());
        assert_eq!(found.await, [(3, vec!["a 1/1".into(), "z 1/1".into()])]);
        let found = fetched(&mails, 9, |home| {
            fs::rename(home.join("cur"), home.join("away")).unwrap();
            fs::write(home.join("cur"), "no folder").unwrap();
        });
        assert_eq!(found.await, [(3, vec!["a 1/1".into(), "unreadable".into(), "z 1/1".into()])]);
    }

    #[tokio::test]
    async fn one_batch_is_bounded() {
        let names: Vec<String> = (0..70).map(|n| format!("{n:02}")).collect();
        let small: Vec<(&str, usize)> = names.iter().map(|n| (n.as_str(), 1)).collect();
        let taken = |found: Vec<(usize, Vec<String>)>| found.iter().map(|(taken, _)| *taken).collect::<Vec<_>>();
        assert_eq!(taken(fetched(&small, 9, |_| {}).await), [64, 6]);
        let large = [("a", 3 << 20), ("b", 3 << 20), ("c", 1)];
        assert_eq!(taken(fetched(&large, 9 << 20, |_| {}).await), [2, 1]);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_opened_says_why() {
        let home = tempfile::tempdir().unwrap();
        let error = Folder::open(&Inbox::Maildir(home.path().join("none"))).await.err().unwrap();
        assert!(error.to_string().contains("none/new") && !error.is_login(), "{error}");
        let text = "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[outgoing]\nmaildir = \"out\"\n[[person]]\n\
                    name = \"A\"\naddress = \"a@example.org\"\n[inbox.imap]\nserver = \"127.0.0.1\"\nport = 9\n\
                    user = \"s\"\npassword_file = \"none\"\n";
        let config = crate::config::Config::parse(text, &home.path().join("config.toml")).unwrap();
        let error = Folder::open(&config.inbox).await.err().unwrap();
        assert!(matches!(error, FolderError::Secret(_)) && error.is_login(), "{error}");
        // What a server says may name the user.
        let said = |text| crate::sasl::Secrets::none().tell(text);
        let refused = FolderError::Imap(ImapError::LoginRefused(said("no such user s@example.org")));
        assert!(refused.is_login() && !refused.without_words().contains("example.org"));
        assert!(!FolderError::Imap(ImapError::Bye(said("s@example.org"))).is_login());
    }

    /// Of a server that says the login back, neither the mail to people nor the log has the secret.
    #[tokio::test]
    async fn an_echo_of_the_login_reaches_nobody() {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("password"), "hunter two").unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let text = format!(
            "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[outgoing]\nmaildir = \"out\"\n[[person]]\n\
             name = \"A\"\naddress = \"a@example.org\"\n[inbox.imap]\nserver = \"127.0.0.1\"\nport = {}\n\
             tls = \"none\"\nuser = \"s\"\npassword_file = \"password\"\n",
            listener.local_addr().unwrap().port()
        );
        tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut line = String::new();
            stream.write_all(b"* OK ready\r\n").await.unwrap();
            stream.read_line(&mut line).await.unwrap();
            stream.write_all(b"* CAPABILITY IMAP4rev1\r\nD1 OK\r\n").await.unwrap();
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            stream.write_all(format!("D2 NO what is {line}").as_bytes()).await.unwrap();
        });
        let config = crate::config::Config::parse(&text, &home.path().join("config.toml")).unwrap();
        let error = Folder::open(&config.inbox).await.err().unwrap();
        assert!(error.is_login());
        for told in [error.to_string(), error.without_words(), format!("{error:?}")] {
            assert!(!told.contains("hunter") && told.to_lowercase().contains("refused"), "{told}");
        }
    }

    /// A token that was called back is asked for anew, once; then a person is told. Of a token server that is away nobody
    /// is.
    #[tokio::test]
    async fn a_token_that_is_refused_is_asked_for_anew_once() {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

        use crate::oauth::tests::{Server, json, token};
        let [away, ended] = [("503 Away", "oops"), ("401 No", "invalid_client")]
            .map(|(status, code)| json(status, &format!("{{\"error\":\"{code}\",\"error_description\":\"s@e.org\"}}")));
        let answers = ["one", "two", "three"].map(|name| token(name, None));
        let tokens = Server::new(&[&answers[..], &[away, ended]].concat()).await;
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("client-secret"), "hunter two").unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let text = format!(
            "[project]\nname = \"E\"\naddress = \"s@example.org\"\n[outgoing]\nmaildir = \"out\"\n[[person]]\n\
             name = \"A\"\naddress = \"a@example.org\"\n[inbox.imap]\nserver = \"127.0.0.1\"\nport = {}\n\
             tls = \"none\"\nuser = \"s\"\nauth = \"oauth2\"\n{}",
            listener.local_addr().unwrap().port(),
            tokens.config()
        );
        let config = crate::config::Config::parse(&text, &home.path().join("config.toml")).unwrap();
        let (says, mut hears) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            for verdict in ["OK in", "NO out", "OK in", "NO out", "NO out"] {
                let mut stream = BufReader::new(listener.accept().await.unwrap().0);
                stream.write_all(b"* OK ready\r\n").await.unwrap();
                let mut line = String::new();
                while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    let answer = match words[1] {
                        "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n{} OK\r\n", words[0]),
                        "AUTHENTICATE" => {
                            let sent = data_encoding::BASE64.decode(words[3].as_bytes()).unwrap();
                            says.send(String::from_utf8(sent).unwrap().replace('\x01', " ")).unwrap();
                            format!("{} {verdict}\r\n", words[0])
                        }
                        _ => format!("{} OK\r\n", words[0]),
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    line.clear();
                }
            }
        });
        assert!(Folder::open(&config.inbox).await.is_ok());
        assert!(Folder::open(&config.inbox).await.is_ok());
        let error = Folder::open(&config.inbox).await.err().unwrap();
        assert!(matches!(error, FolderError::Imap(_)) && error.is_login(), "{error}");
        let mut seen = Vec::new();
        while let Ok(sent) = hears.try_recv() {
            seen.push(sent.trim_end().rsplit(' ').next().unwrap().to_owned());
        }
        assert_eq!(seen, ["one", "one", "two", "two", "three"]);
        for (is_login, says) in [(false, "tried again"), (true, "client_id")] {
            let error = Folder::open(&config.inbox).await.err().unwrap();
            assert!(error.is_login() == is_login && error.without_words().contains(says), "{error}");
            assert!(!error.without_words().contains("e.org") && !format!("{error:?}").contains("hunter"));
        }
    }
}
