//! From a push of a real Dovecot to an acknowledgement that a mail server has taken, beside the moment when a plain
//! client sees the same push.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::figure::{median, millis, now, print};
use crate::rig::{PASSWORD, Rig};
use crate::wire::Wire;
use crate::{mails, world};

const SAMPLES: u32 = 30;
/// The first mails find nothing warm.
const WARMING: u32 = 3;
/// How long one mail may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Until the daemon waits for the next push, with what a busy machine adds.
const PAUSE: Duration = Duration::from_millis(1_500);

pub(crate) fn measure() {
    let Some(rig) = Rig::dovecot() else {
        println!("left out: the way from a push to the acknowledgement");
        return;
    };
    let (seen_at_sink, taken) = channel();
    let smtp = sink(seen_at_sink);
    let (seen_by_client, pushed) = channel();
    let imap = rig.ports.imap;
    thread::spawn(move || client(imap, &seen_by_client));
    let home = configure(&rig, "bench", smtp);
    let daemon = Daemon::start(&home);
    sleep(PAUSE);
    let mut beyond = Vec::new();
    for n in 1..=WARMING + SAMPLES {
        rig.deliver("security", &mails::text(n, 5_000));
        let seen = pushed.recv_timeout(PATIENCE).expect("the client sees the push");
        // The acknowledgement, and the team's notice; whichever goes first.
        let notices = [taken.recv_timeout(PATIENCE), taken.recv_timeout(PATIENCE)];
        let ours = notices.into_iter().flatten().find(|(_, to, _)| *to == mails::sender(n));
        let Some((acknowledged, ..)) = ours else {
            panic!("no acknowledgement comes: {}", fs::read_to_string(home.join("log")).unwrap_or_default());
        };
        if n > WARMING {
            let late = millis(acknowledged.saturating_duration_since(seen));
            beyond.push(late - millis(seen.saturating_duration_since(acknowledged)));
        }
        sleep(PAUSE);
    }
    daemon.stop();
    print("push", "until the acknowledgement is taken, beyond a plain client", median(beyond), "ms", Some(60.0));
}

pub(crate) fn configure(rig: &Rig, name: &str, smtp: u16) -> PathBuf {
    let home = rig.path(name);
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("password"), PASSWORD).expect("the secret");
    fs::set_permissions(home.join("password"), fs::Permissions::from_mode(0o600)).expect("our own file");
    let ways = format!(
        "[inbox.imap]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"security\"\n\
         password_file = \"password\"\n[outgoing.smtp]\nserver = \"127.0.0.1\"\nport = {smtp}\ntls = \"none\"\n",
        rig.ports.imap
    );
    fs::write(home.join("config.toml"), format!("{}{ways}", world::basics())).expect("the config");
    home
}

/// A mail program that does nothing but wait for pushes (RFC 2177).
fn client(port: u16, seen: &Sender<Instant>) {
    let mut wire = Wire::plain(port);
    wire.imap_login("security", PASSWORD);
    wire.imap("EXAMINE INBOX");
    wire.send("x IDLE");
    for _ in 0..WARMING + SAMPLES {
        while !wire.line().ends_with(" EXISTS") {}
        if seen.send(now()).is_err() {
            return;
        }
    }
}

/// A mail that was taken: when, for whom, and what.
pub(crate) type Taken = (Instant, String, Vec<u8>);

/// A mail server that takes everything, and notes when it took which recipient's mail. Its port.
pub(crate) fn sink(taken: Sender<Taken>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = taken.clone();
            // A connection that breaks is the daemon's trouble, and shows as a notice that does not come.
            thread::spawn(move || converse(&stream, &taken).ok());
        }
    });
    port
}

fn converse(stream: &TcpStream, taken: &Sender<Taken>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream;
    let mut lines = BufReader::new(stream).lines();
    let mut next = || lines.next().unwrap_or_else(|| Err(ErrorKind::UnexpectedEof.into()));
    let mut recipient = String::new();
    writer.write_all(b"220 sink\r\n")?;
    loop {
        let line = next()?;
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => writer.write_all(b"250-sink\r\n250 8BITMIME\r\n")?,
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                let mut mail = Vec::new();
                loop {
                    let line = next()?;
                    if line == "." {
                        break;
                    }
                    mail.extend([line.as_bytes(), b"\r\n"].concat());
                }
                writer.write_all(b"250 taken\r\n")?;
                let _ = taken.send((now(), recipient.clone(), mail));
            }
            "QUIT" => return writer.write_all(b"221 bye\r\n"),
            _ => {
                if verb == "RCPT" {
                    let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                    recipient = address.map(|(address, _)| address.to_owned()).unwrap_or_default();
                }
                writer.write_all(b"250 ok\r\n")?;
            }
        }
    }
}
