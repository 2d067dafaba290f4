//! After an outage: how long until all that waits in the mailbox is acknowledged and told, beside a plain fetch of the same
//! mails and a plain sending of the same notices, over as many connections.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::figure::{millis, now, print, timed};
use crate::rig::{PASSWORD, Rig};
use crate::wire::Wire;
use crate::{mails, push};

/// Mails that came meanwhile.
const WAITING: u32 = 5_000;
/// As the config has it where nothing is said.
const CONNECTIONS: usize = 4;
/// How long the next notice may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What recovery may cost of the plain way.
const BOUND: f64 = 3.0;
/// Milliseconds of CPU for a mail, its acknowledgement and a maintainer's notice.
const CPU: f64 = 0.6;

pub(crate) fn measure() {
    let Some(rig) = Rig::dovecot() else {
        println!("left out: recovery after an outage");
        return;
    };
    let (tells, taken) = channel();
    let smtp = push::sink(tells);
    let home = push::configure(&rig, "recovery", smtp);
    // What lies there at the first look is left alone, so that one mail comes after it.
    let daemon = Daemon::start(&home);
    std::thread::sleep(Duration::from_secs(2));
    rig.deliver("security", &mails::text(0, 5_000));
    for _ in 0..2 {
        taken.recv_timeout(PATIENCE).expect("the first notices leave");
    }
    daemon.stop();
    for n in 1..=WAITING {
        let file = rig.path("mail/security/Maildir/new").join(format!("{}.{n}.bench", 1_700_000_000 + n));
        std::fs::write(file, mails::text(n, 5_000)).expect("the folder is there");
    }
    let begin = now();
    let mut daemon = Daemon::start(&home);
    let mut notices = Vec::new();
    for _ in 0..2 * WAITING {
        notices.push(taken.recv_timeout(PATIENCE).expect("the notices leave"));
    }
    let last = notices.iter().map(|(at, ..)| *at).max().unwrap_or(begin);
    let recovery = last.saturating_duration_since(begin);
    let cpu = daemon.cpu();
    daemon.stop();

    let (fetch, octets) = timed(|| fetch(rig.ports.imap));
    assert!(octets > 5_000 * WAITING as usize, "it fetches all");
    let share = notices.len().div_ceil(CONNECTIONS);
    let (send, ()) = timed(|| {
        std::thread::scope(|scope| {
            for part in notices.chunks(share) {
                scope.spawn(move || send(smtp, part).expect("the sink takes them"));
            }
        });
    });
    print("recovery", "5,000 mails that waited, each acknowledged and told", millis(recovery), "ms", None);
    print("recovery", "a plain fetch of them", millis(fetch), "ms", None);
    print("recovery", "a plain sending of the same notices over as many connections", millis(send), "ms", None);
    let ratio = recovery.as_secs_f64() / (fetch + send).as_secs_f64();
    print("recovery", "beside both", ratio, "times", Some(BOUND));
    print("recovery", "CPU of the daemon for each of the mails", cpu * 1e3 / f64::from(WAITING), "ms", Some(CPU));
}

/// Fetches all at once; how many octets that were.
fn fetch(port: u16) -> usize {
    let mut wire = Wire::plain(port);
    wire.imap_login("security", PASSWORD);
    wire.imap("EXAMINE INBOX");
    wire.imap("UID FETCH 1:* BODY.PEEK[]").iter().map(|line| line.len() + 2).sum()
}

/// Sends them one after the other over one connection.
fn send(port: u16, notices: &[push::Taken]) -> std::io::Result<()> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
    let mut say = |what: &[u8]| {
        writer.write_all(what)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return std::io::Result::Ok(());
            }
        }
    };
    say(b"")?;
    say(b"EHLO bench\r\n")?;
    for (_, to, mail) in notices {
        say(b"MAIL FROM:<security@example.org>\r\n")?;
        say(format!("RCPT TO:<{to}>\r\n").as_bytes())?;
        say(b"DATA\r\n")?;
        say(&[mail, &b".\r\n"[..]].concat())?;
    }
    Ok(())
}
