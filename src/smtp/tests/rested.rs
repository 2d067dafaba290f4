//! Mails that follow one another over one session.

use std::sync::atomic::AtomicUsize;

use super::*;

/// What goes wrong at a step, once.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// One reply more, so long after the right one.
    Extra(&'static [u8], Duration),
    /// In place of the right one.
    Instead(&'static [u8]),
    Close,
}

/// Where: the number of a mail, from 1, and a step of it; "rest" is after the mail.
type Place = (usize, &'static str);

/// Serves mails until the client leaves, and counts those that it has accepted.
async fn serve_many(stream: DuplexStream, fault: Option<(Place, Fault)>, accepted: Arc<AtomicUsize>) {
    let mut stream = BufReader::new(stream);
    let (mut step, mut mail) = ("greeting", 1);
    loop {
        let here = fault.filter(|(place, _)| *place == (mail, step)).map(|(_, fault)| fault);
        let Do::Say(reply) = usual(step) else { unreachable!() };
        let mut accepts = step == "content";
        match here {
            None => stream.write_all(reply).await.unwrap_or(()),
            Some(Fault::Extra(more, wait)) => {
                let _ = stream.write_all(reply).await;
                tokio::time::sleep(wait).await;
                let _ = stream.write_all(more).await;
            }
            Some(Fault::Instead(other)) => {
                let _ = stream.write_all(other).await;
                accepts &= other.starts_with(b"250");
                if step == "DATA" && !other.starts_with(b"354") {
                    step = "";
                }
            }
            Some(Fault::Close) => return,
        }
        if accepts {
            accepted.fetch_add(1, Ordering::Relaxed);
        }
        if step == "content" {
            let rest = fault.filter(|(place, _)| *place == (mail, "rest")).map(|(_, fault)| fault);
            mail += 1;
            match rest {
                Some(Fault::Close) => return,
                Some(Fault::Extra(more, wait)) => {
                    tokio::time::sleep(wait).await;
                    let _ = stream.write_all(more).await;
                }
                Some(Fault::Instead(_)) | None => {}
            }
        }
        if step == "DATA" {
            let mut content = Vec::new();
            while !content.ends_with(b"\r\n.\r\n") {
                if stream.read_until(b'\n', &mut content).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            step = "content";
            continue;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        step = STEPS.into_iter().find(|s| *s == verb).unwrap_or("QUIT");
    }
}

/// Sends three mails, each over the session of the one before where that goes on. The first connection has the fault. For
/// each mail how it ended, and whether a server has accepted it; and how many connections there were.
async fn three(fault: Option<(Place, Fault)>) -> (Vec<(Outcome, bool)>, usize) {
    let config = SmtpConfig { endpoint: endpoint(1, Tls::None, None), login: None, connections: 1 };
    let (mut rested, mut ended, mut connections) = (None, Vec::new(), 0);
    let accepted = Arc::new(AtomicUsize::new(0));
    let from = Address::parse("security@example.org").unwrap();
    for _ in 0..3 {
        let before = accepted.load(Ordering::Relaxed);
        let open = async |_: &mut Stage, gate| {
            connections += 1;
            let (ours, theirs) = tokio::io::duplex(1024);
            let fault = fault.filter(|_| connections == 1);
            tokio::spawn(serve_many(theirs, fault, Arc::clone(&accepted)));
            Ok(Box::new(Wire::new(ours).behind(gate)) as Box<dyn AsyncTokioStream>)
        };
        let letter = Letter { from: Some(&from), to: &to(), bytes: MAIL };
        let account = Account { config: &config, secret: None, habit: &Habit::default() };
        let (outcome, session) = transact(open, account, letter, Keeper::Nobody, rested.take()).await;
        // What was said late is there by the time of the next mail, or with its first command.
        tokio::time::sleep(Duration::from_millis(20)).await;
        rested = session;
        ended.push((outcome.unwrap(), accepted.load(Ordering::Relaxed) > before));
    }
    (ended, connections)
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent(_))
}

#[tokio::test(start_paused = true)]
async fn three_mails_go_over_one_session() {
    let (ended, connections) = three(None).await;
    assert!(ended.iter().all(|(outcome, accepted)| is_sent(outcome) && *accepted), "{ended:?}");
    assert_eq!(connections, 1);
}

/// Whatever a server doubles, shifts, delays or leaves out: what is called sent was accepted, and what is called not sent
/// was not. Only between the dot and its reply is there a doubt.
#[tokio::test(start_paused = true)]
async fn no_shifted_reply_is_believed() {
    let late = Duration::from_millis(10);
    let extras: [&[u8]; 4] = [b"250 2.0.0 ok\r\n", b"354 go on\r\n", b"250-half", b"421 4.3.2 bye\r\n"];
    let mut faults = vec![Fault::Close, Fault::Instead(b"421 4.3.2 bye\r\n"), Fault::Instead(b"250 2.0.0 ok\r\n")];
    for extra in extras {
        faults.extend([Fault::Extra(extra, Duration::ZERO), Fault::Extra(extra, late)]);
    }
    for mail in 1..=2 {
        for step in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "rest"] {
            for fault in &faults {
                // What comes between the dot and its reply cannot be told from its reply.
                if step == "DATA" && matches!(fault, Fault::Extra(_, wait) if !wait.is_zero()) {
                    continue;
                }
                let (ended, _) = three(Some(((mail, step), *fault))).await;
                for (outcome, accepted) in &ended {
                    let doubt = matches!(outcome, Outcome::Unknown(_));
                    assert!(doubt || is_sent(outcome) == *accepted, "{mail} {step} {fault:?}: {ended:?}");
                }
            }
        }
    }
}

/// A session that ended while it rested is no word about the next mail; a fresh one that ends is.
#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_costs_no_try() {
    let bye = Fault::Instead(b"421 4.3.2 bye\r\n");
    for (place, fault) in [
        ((1, "rest"), Fault::Close),
        ((2, "MAIL"), Fault::Close),
        ((2, "MAIL"), bye),
        ((1, "rest"), Fault::Extra(b"421 4.4.2 idle\r\n", Duration::ZERO)),
    ] {
        let (ended, connections) = three(Some((place, fault))).await;
        assert!(ended.iter().all(|(outcome, _)| is_sent(outcome)), "{place:?} {fault:?}: {ended:?}");
        assert_eq!(connections, 2);
    }
    for fault in [Fault::Close, bye] {
        let (ended, connections) = three(Some(((1, "MAIL"), fault))).await;
        assert!(!is_sent(&ended[0].0) && connections == 2, "{ended:?}");
        let (ended, connections) = three(Some(((2, "RCPT"), fault))).await;
        assert!(!is_sent(&ended[1].0) && is_sent(&ended[2].0) && connections == 2, "{ended:?}");
    }
}
