//! A small IMAP server that answers well, or as badly as a test wants it to, at any step of any dialogue.
//!
//! It knows the commands that the daemon gives (RFC 3501, RFC 2177) and no others. What it is told to do wrong stands in
//! [`Act`]; which command that happens to, the test says. Whoever includes this file decides over its clock: it waits only
//! by tokio's time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What becomes of the answer to a command. The greeting is answered as the command `greeting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The right answer.
    Well,
    /// A tagged NO.
    No,
    /// A tagged BAD.
    Bad,
    /// The right answer but for its end: BYE, and the end of the connection.
    Bye,
    /// The end of the connection.
    Close,
    /// The first half of the answer, and the end of the connection.
    Cut,
    /// Nothing, for ever.
    Hang,
    /// The answer, one octet each five seconds.
    Drip,
    /// What no IMAP server says.
    Garbage,
    /// The answer, octet by octet.
    Split,
    /// Each line of it twice, but for the tagged one.
    Doubled,
    /// The UIDs in it are one too high.
    Shifted,
    /// The answer, after half a minute.
    Late,
    /// OK, and nothing else.
    Empty,
    /// The tag of another command.
    WrongTag,
    /// Sizes are ten times what they are.
    TooLarge,
    /// Sizes are 1.
    TooSmall,
}

impl Act {
    /// All that are wrong.
    pub(crate) const WRONG: [Self; 16] = [
        Self::No,
        Self::Bad,
        Self::Bye,
        Self::Close,
        Self::Cut,
        Self::Hang,
        Self::Drip,
        Self::Garbage,
        Self::Split,
        Self::Doubled,
        Self::Shifted,
        Self::Late,
        Self::Empty,
        Self::WrongTag,
        Self::TooLarge,
        Self::TooSmall,
    ];
}

/// A mail in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// Its UID.
    pub(crate) uid: u32,
    /// Its INTERNALDATE, as it is written.
    pub(crate) date: String,
    /// Its octets.
    pub(crate) raw: String,
}

/// A folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// Its UIDVALIDITY.
    pub(crate) uidvalidity: u32,
    /// The UID of the next mail.
    pub(crate) uidnext: u32,
    /// What is in it.
    pub(crate) mails: Vec<Mail>,
    /// UIDs that no listing by SEARCH shows.
    pub(crate) hidden: Vec<u32>,
}

type Fault = Box<dyn FnMut(&str) -> Act + Send>;

/// What the server holds, and what it has seen.
pub(crate) struct State {
    /// The folders, by name.
    pub(crate) folders: BTreeMap<String, Folder>,
    /// Whether it says what UID is next.
    pub(crate) uidnext: bool,
    /// All commands so far, without their tags.
    pub(crate) commands: Vec<String>,
    /// Octets in and out.
    pub(crate) octets: u64,
    fault: Fault,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

impl Server {
    /// A server with an empty INBOX, which listens on the port that is given back.
    pub(crate) async fn start() -> (Self, u16) {
        let folder = Folder { uidvalidity: 7, uidnext: 1, mails: Vec::new(), hidden: Vec::new() };
        let state = State {
            folders: BTreeMap::from([("INBOX".to_owned(), folder)]),
            uidnext: true,
            commands: Vec::new(),
            octets: 0,
            fault: Box::new(|_| Act::Well),
        };
        let server = Self { state: Arc::new(Mutex::new(state)), news: Arc::default() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                // A client that goes away ends its session, and that is all.
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (server, port)
    }

    /// Looks at the server, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// From now on commands are answered so.
    pub(crate) fn fault(&self, fault: impl FnMut(&str) -> Act + Send + 'static) {
        self.with(|state| state.fault = Box::new(fault));
    }

    /// From now on all commands are answered well.
    pub(crate) fn heal(&self) {
        self.fault(|_| Act::Well);
    }

    /// Makes a folder.
    pub(crate) fn add(&self, name: &str) {
        let folder = Folder { uidvalidity: 7, uidnext: 1, mails: Vec::new(), hidden: Vec::new() };
        self.with(|state| state.folders.insert(name.to_owned(), folder));
    }

    /// Moves a mail to another folder, where it gets a UID of its own.
    pub(crate) fn shift(&self, uid: u32, from: &str, to: &str) {
        let mail = self.with(|state| {
            let mails = &mut state.folders.get_mut(from).unwrap().mails;
            mails.remove(mails.iter().position(|mail| mail.uid == uid).unwrap())
        });
        self.deliver(to, &mail.date, &mail.raw);
    }

    /// Puts a mail into a folder, and tells whoever waits there; its UID.
    pub(crate) fn deliver(&self, folder: &str, date: &str, raw: &str) -> u32 {
        let uid = self.with(|state| {
            let folder = state.folders.get_mut(folder).unwrap();
            let uid = folder.uidnext;
            folder.uidnext += 1;
            folder.mails.push(Mail { uid, date: date.to_owned(), raw: raw.to_owned() });
            uid
        });
        self.news.notify_waiters();
        uid
    }

    /// How many commands so far contain this.
    pub(crate) fn seen(&self, text: &str) -> usize {
        self.with(|state| state.commands.iter().filter(|c| c.contains(text)).count())
    }

    fn act(&self, command: &str) -> Act {
        self.with(|state| {
            state.commands.push(command.to_owned());
            (state.fault)(command)
        })
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let act = self.act("greeting");
        self.say(&mut stream, act, "*", &[], "OK ready").await?;
        let mut selected = String::new();
        let mut known = 0;
        loop {
            let line = self.line(&mut stream).await?;
            let (tag, command) = line.split_once(' ')?;
            let act = self.act(command);
            if command == "IDLE" && act == Act::Well {
                self.idle(&mut stream, tag, &selected, &mut known).await?;
                continue;
            }
            let (mut lines, end) = self.answer(command, &mut selected);
            if command.starts_with("EXAMINE") || command == "NOOP" {
                known = self.exists(&selected);
            } else if self.exists(&selected) != known {
                // What came meanwhile is told with whatever is asked next (RFC 3501 section 5.2).
                known = self.exists(&selected);
                lines.push(format!("* {known} EXISTS\r\n"));
            }
            self.say(&mut stream, act, tag, &lines, &end).await?;
            if command == "LOGOUT" {
                return None;
            }
        }
    }

    async fn line<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut line = String::new();
        let read = stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        self.with(|state| state.octets += read as u64);
        Some(line.trim_end().to_owned())
    }

    fn exists(&self, folder: &str) -> usize {
        self.with(|state| state.folders.get(folder).map_or(0, |f| f.mails.len()))
    }

    async fn idle<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        tag: &str,
        folder: &str,
        known: &mut usize,
    ) -> Option<()> {
        self.send(stream, b"+ idling\r\n").await?;
        loop {
            let news = self.news.notified();
            if self.exists(folder) != *known {
                *known = self.exists(folder);
                self.send(stream, format!("* {known} EXISTS\r\n").as_bytes()).await?;
            }
            tokio::select! {
                () = news => {}
                line = self.line(stream) => {
                    line?;
                    return self.send(stream, format!("{tag} OK done\r\n").as_bytes()).await;
                }
            }
        }
    }

    /// The untagged answers to a command, and what follows the tag.
    fn answer(&self, command: &str, selected: &mut String) -> (Vec<String>, String) {
        let ok = || "OK done".to_owned();
        if command == "CAPABILITY" {
            return (vec!["* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR IDLE\r\n".into()], ok());
        }
        if let Some(name) = command.strip_prefix("EXAMINE ") {
            let name = name.trim_matches('"').to_owned();
            return self.with(|state| {
                let Some(folder) = state.folders.get(&name) else { return (Vec::new(), "NO no such folder".into()) };
                *selected = name;
                let next = format!("* OK [UIDNEXT {}] next\r\n", folder.uidnext);
                let lines = [
                    format!("* {} EXISTS\r\n", folder.mails.len()),
                    format!("* OK [UIDVALIDITY {}] valid\r\n", folder.uidvalidity),
                    if state.uidnext { next } else { String::new() },
                ];
                (lines.to_vec(), "OK [READ-ONLY] done".into())
            });
        }
        self.with(|state| {
            let Some(folder) = state.folders.get(selected) else { return (Vec::new(), ok()) };
            let numbered = folder.mails.iter().zip(1..);
            if let Some(what) = command.strip_prefix("UID SEARCH ") {
                let least = what.strip_prefix("UID ").and_then(|set| set.split(':').next()?.parse().ok()).unwrap_or(0);
                let found = folder.mails.iter().map(|m| m.uid);
                let found = found.filter(|uid| *uid >= least && !folder.hidden.contains(uid));
                let found: Vec<String> = found.map(|uid| uid.to_string()).collect();
                return (vec![format!("* SEARCH {}\r\n", found.join(" "))], ok());
            }
            if command.starts_with("FETCH 1:") {
                let lines = numbered.map(|(m, n)| format!("* {n} FETCH (UID {})\r\n", m.uid));
                return (lines.collect(), ok());
            }
            let Some(fetch) = command.strip_prefix("UID FETCH ") else { return (Vec::new(), ok()) };
            let (set, items) = fetch.split_once(' ').unwrap();
            let wanted: Vec<u32> = set.split(',').filter_map(|uid| uid.parse().ok()).collect();
            let lines = numbered.filter(|(m, _)| wanted.contains(&m.uid)).map(|(m, n)| fetched(m, n, items));
            (lines.collect(), ok())
        })
    }

    /// Answers in the way that the test wants.
    async fn say<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        act: Act,
        tag: &str,
        lines: &[String],
        end: &str,
    ) -> Option<()> {
        let mut lines = lines.to_vec();
        let mut end = format!("{tag} {end}\r\n");
        match act {
            Act::No => (lines, end) = (Vec::new(), format!("{tag} NO not now\r\n")),
            Act::Bad => (lines, end) = (Vec::new(), format!("{tag} BAD what\r\n")),
            Act::Bye => end = "* BYE so long\r\n".into(),
            Act::Close => return None,
            Act::Hang => std::future::pending().await,
            Act::Garbage => (lines, end) = (vec!["* XFOO (((\r\n".into()], "\u{0}\r\n".into()),
            Act::Doubled => lines = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect(),
            Act::Shifted => lines = lines.iter().map(|line| shifted(line)).collect(),
            Act::Late => tokio::time::sleep(Duration::from_secs(30)).await,
            Act::Empty => lines.clear(),
            Act::WrongTag => end = end.replace(tag, "X9"),
            Act::TooLarge => lines = lines.iter().map(|line| sized(line, |n| n * 10)).collect(),
            Act::TooSmall => lines = lines.iter().map(|line| sized(line, |_| 1)).collect(),
            Act::Well | Act::Cut | Act::Drip | Act::Split => {}
        }
        let whole = format!("{}{end}", lines.concat());
        let octets = whole.as_bytes();
        match act {
            Act::Cut => {
                self.send(stream, &octets[..octets.len() / 2]).await?;
                None
            }
            Act::Drip | Act::Split => {
                for octet in octets {
                    self.send(stream, std::slice::from_ref(octet)).await?;
                    if act == Act::Drip {
                        tokio::time::sleep(Duration::from_secs(5)).await;
                    }
                }
                Some(())
            }
            Act::Bye => {
                self.send(stream, octets).await?;
                None
            }
            Act::Well
            | Act::No
            | Act::Bad
            | Act::Close
            | Act::Hang
            | Act::Garbage
            | Act::Doubled
            | Act::Shifted
            | Act::Late
            | Act::Empty
            | Act::WrongTag
            | Act::TooLarge
            | Act::TooSmall => self.send(stream, octets).await,
        }
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>, octets: &[u8]) -> Option<()> {
        self.with(|state| state.octets += octets.len() as u64);
        stream.write_all(octets).await.ok()?;
        stream.flush().await.ok()
    }
}

/// The answer about one mail.
fn fetched(mail: &Mail, number: usize, items: &str) -> String {
    let mut said = vec![format!("UID {}", mail.uid)];
    if items.contains("RFC822.SIZE") {
        said.push(format!("RFC822.SIZE {}", mail.raw.len()));
    }
    if items.contains("INTERNALDATE") {
        said.push(format!("INTERNALDATE \"{}\"", mail.date));
    }
    if let Some((_, list)) = items.split_once("BODY.PEEK[HEADER.FIELDS (") {
        let list = list.split_once(')').unwrap().0;
        let names: Vec<String> = list.split(' ').map(|name| format!("{}:", name.to_lowercase())).collect();
        let header = mail.raw.split("\r\n\r\n").next().unwrap_or_default();
        let lines = header.lines().filter(|line| names.iter().any(|name| line.to_lowercase().starts_with(name)));
        let header: String = lines.map(|line| format!("{line}\r\n")).chain(["\r\n".to_owned()]).collect();
        said.push(format!("BODY[HEADER.FIELDS ({list})] {{{}}}\r\n{header}", header.len()));
    }
    if let Some((_, slice)) = items.split_once("BODY.PEEK[]<") {
        let (from, count) = slice.split_once('>').unwrap().0.split_once('.').unwrap();
        let from: usize = from.parse().unwrap();
        let to = mail.raw.len().min(from + count.parse::<usize>().unwrap());
        let part = mail.raw.get(from..to).unwrap_or_default();
        said.push(format!("BODY[]<{from}> {{{}}}\r\n{part}", part.len()));
    }
    format!("* {number} FETCH ({})\r\n", said.join(" "))
}

/// The line with each UID one higher.
fn shifted(line: &str) -> String {
    changed(line, "(UID ", |uid| uid + 1)
}

/// The line with another size.
fn sized(line: &str, other: impl Fn(usize) -> usize) -> String {
    changed(line, "RFC822.SIZE ", other)
}

/// The line with another number behind this word.
fn changed(line: &str, word: &str, other: impl Fn(usize) -> usize) -> String {
    let Some((before, rest)) = line.split_once(word) else { return line.to_owned() };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{word}{}{rest}", other(digits.parse().unwrap_or(0)))
}
