//! The server: connections side by side, and for each step of a dialogue what is scripted, or else what is right.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::world;

/// The steps of a dialogue without a login, in their order.
pub(super) const STEPS: [&str; 6] = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"];

/// What the server does at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// What is right.
    Right,
    /// This, in place of what is right. A mail that is answered so was not taken.
    Say(&'static str),
    /// The right reply in two pieces.
    Split,
    /// The right reply twice.
    Twice,
    /// Another reply before the right one.
    Shifted,
    /// Nothing, and the end.
    Close,
    /// The mail is taken, and the end comes before the reply. At any other step, [`Act::Close`].
    TakeAndClose,
}

/// One mail, by its Message-ID, as the server saw it.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// What it took.
    pub(super) copies: Vec<Vec<u8>>,
    /// How often it had the mail whole and gave no clear answer.
    pub(super) unclear: usize,
}

/// Says what to do: at which step, of the how-manieth connection, with the mail's Message-ID once that is known.
pub(super) type Script = dyn FnMut(&str, usize, Option<&str>) -> Act + Send;

pub(super) struct Server {
    pub(super) port: u16,
    taken: Arc<Mutex<BTreeMap<String, Taken>>>,
}

impl Server {
    /// Listens, and serves for as long as the test runs.
    pub(super) fn start(script: Box<Script>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::default();
        let server = Self { port, taken: Arc::clone(&taken) };
        std::thread::spawn(move || {
            let script = Arc::new(Mutex::new(script));
            for (nth, tcp) in listener.incoming().enumerate() {
                let (script, taken) = (Arc::clone(&script), Arc::clone(&taken));
                // A connection that breaks is what is tested here.
                std::thread::spawn(move || serve(&tcp.unwrap(), nth, &script, &taken).ok());
            }
        });
        server
    }

    pub(super) fn taken(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Taken>> {
        self.taken.lock().unwrap()
    }
}

fn right(step: &str) -> &'static str {
    match step {
        "greeting" => "220 mx.example.org ESMTP\r\n",
        "EHLO" => "250-mx.example.org\r\n250 8BITMIME\r\n",
        "DATA" => "354 go on\r\n",
        "QUIT" => "221 bye\r\n",
        _ => "250 2.0.0 ok\r\n",
    }
}

fn serve(
    tcp: &TcpStream,
    nth: usize,
    script: &Mutex<Box<Script>>,
    taken: &Mutex<BTreeMap<String, Taken>>,
) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(tcp), tcp);
    let mut step = "greeting".to_owned();
    let mut mail: Option<(String, Vec<u8>)> = None;
    loop {
        let act = script.lock().unwrap()(&step, nth, mail.as_ref().map(|(id, _)| id.as_str()));
        if let Some((id, bytes)) = mail.take() {
            let mut all = taken.lock().unwrap();
            let of_it = all.entry(id).or_default();
            match act {
                // Whatever it is that it says: with this code it has taken the mail.
                Act::Say(reply) if reply.starts_with("250") => of_it.copies.push(bytes),
                Act::Right | Act::Split | Act::Twice | Act::Shifted => of_it.copies.push(bytes),
                Act::TakeAndClose => {
                    of_it.copies.push(bytes);
                    of_it.unclear += 1;
                }
                Act::Say(reply) if reply.starts_with(['4', '5']) => {}
                Act::Say(_) | Act::Close => of_it.unclear += 1,
            }
        }
        let reply = right(&step);
        match act {
            Act::Right => writer.write_all(reply.as_bytes())?,
            Act::Say(other) => writer.write_all(other.as_bytes())?,
            Act::Twice => writer.write_all(format!("{reply}{reply}").as_bytes())?,
            Act::Shifted => writer.write_all(format!("250 2.0.0 ok\r\n{reply}").as_bytes())?,
            Act::Split => {
                let (one, two) = reply.as_bytes().split_at(2);
                writer.write_all(one)?;
                // Long enough for another segment, and no wait for anything.
                std::thread::yield_now();
                writer.write_all(two)?;
            }
            Act::Close | Act::TakeAndClose => return Ok(()),
        }
        let mut line = String::new();
        if step == "DATA" && !matches!(act, Act::Say(_)) {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n.\r\n") {
                if reader.read_until(b'\n', &mut bytes)? == 0 {
                    return Ok(());
                }
                let whole = bytes.ends_with(b"\r\n\r\n");
                if whole && script.lock().unwrap()("content", nth, id(&bytes).as_deref()) != Act::Right {
                    return Ok(());
                }
            }
            mail = Some((id(&bytes).unwrap_or_default(), bytes));
            step = "dot".to_owned();
            continue;
        }
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        step = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    }
}

/// The Message-ID of a mail, as the outbox has it.
fn id(bytes: &[u8]) -> Option<String> {
    world::field(bytes, "Message-ID").map(|id| id.trim_matches(['<', '>']).to_owned())
}

/// Each act at each step, in one dialogue after which all is well.
#[test]
fn whatever_the_server_does_nothing_is_lost_doubled_or_believed() {
    let say = |step: &'static str| match step {
        "greeting" | "EHLO" | "MAIL" => "421 4.3.2 not now\r\n",
        _ => "451 4.3.0 later\r\n",
    };
    for step in STEPS {
        for act in [
            Act::Say(say(step)),
            Act::Say("550 5.7.1 no\r\n"),
            Act::Say("\u{fffd} what\r\n"),
            Act::Say("250\n"),
            Act::Split,
            Act::Twice,
            Act::Shifted,
            Act::Close,
            Act::TakeAndClose,
        ] {
            let what = format!("{act:?} at {step}");
            let script =
                move |at: &str, nth: usize, _: Option<&str>| if nth < 2 && at == step { act } else { Act::Right };
            let server = Server::start(Box::new(script));
            let desk = super::desk(server.port, 1);
            for _ in 0..8 {
                desk.run(&["run", "--once"]);
                super::check(&super::notices(&desk), &server.taken(), &what);
                super::hurry(&desk);
            }
            let all = super::notices(&desk);
            super::check(&all, &server.taken(), &what);
            let first: Vec<_> =
                all.iter().filter(|n| ["report", "acknowledgement"].contains(&n["kind"].as_str().unwrap())).collect();
            assert_eq!(first.len(), 2, "{what}: {all:#?}");
            // It is well from the third connection on: nothing of ours was burnt, whatever was said before.
            assert!(first.iter().all(|n| n["state"] == "sent"), "{what}: {all:#?}");
            assert!(!desk.json(&["status"])["troubles"].to_string().contains("sender"), "{what}");
        }
    }
}
