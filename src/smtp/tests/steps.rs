//! Every way to go wrong, at every step: each has its outcome, and none breaks what is guaranteed.

use super::*;

/// What goes wrong with the reply to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    RefusedForGood,
    RefusedForNow,
    Closed,
    Hangs,
    Drips,
    DripsTooSlowly,
    Garbage,
    NoLineEnd,
    Doubled,
    Shifted,
    Late,
    TooLate,
}

const ALL: [Wrong; 12] = [
    Wrong::RefusedForGood,
    Wrong::RefusedForNow,
    Wrong::Closed,
    Wrong::Hangs,
    Wrong::Drips,
    Wrong::DripsTooSlowly,
    Wrong::Garbage,
    Wrong::NoLineEnd,
    Wrong::Doubled,
    Wrong::Shifted,
    Wrong::Late,
    Wrong::TooLate,
];

fn reply_to(step: &str) -> &'static [u8] {
    let Do::Say(reply) = usual(step) else { panic!("{step}") };
    reply
}

fn does(step: &str, wrong: Wrong) -> Do {
    let right = reply_to(step);
    match wrong {
        Wrong::RefusedForGood => Do::Say(b"550 5.7.1 no\r\n"),
        Wrong::RefusedForNow => Do::Say(b"451 4.3.0 later\r\n"),
        Wrong::Closed => Do::Close,
        Wrong::Hangs => Do::Hang,
        Wrong::Drips => Do::Drip(right, Duration::from_secs(1)),
        Wrong::DripsTooSlowly => Do::Drip(right, Duration::from_secs(100)),
        Wrong::Garbage => Do::Say(b"\xff\xfe\0 \x1b[2J 250 ok\r\n"),
        Wrong::NoLineEnd => Do::Say(right.trim_ascii_end()),
        Wrong::Doubled => Do::Say([right, right].concat().leak()),
        Wrong::Shifted => Do::Say([b"250 2.0.0 ok\r\n", right].concat().leak()),
        Wrong::Late => Do::Late(right, Duration::from_secs(4 * 60)),
        Wrong::TooLate => Do::Late(right, Duration::from_secs(16 * 60)),
    }
}

/// What it comes to. Written down here apart from the code, by what the client can know.
fn expected(step: &str, wrong: Wrong) -> &'static str {
    let entering = ["greeting", "EHLO", "AUTH"].contains(&step);
    // Nobody says whether the mail was taken, if it was given over.
    let silence = match step {
        _ if entering => "away",
        "content" => "unknown",
        _ => "deferred",
    };
    match wrong {
        Wrong::Drips | Wrong::Late => "sent",
        Wrong::RefusedForGood if entering || step == "MAIL" => "closed",
        Wrong::RefusedForGood => "unclear",
        Wrong::RefusedForNow if entering || step == "MAIL" => "away",
        Wrong::RefusedForNow => "deferred",
        Wrong::Closed | Wrong::Hangs | Wrong::DripsTooSlowly | Wrong::Garbage | Wrong::NoLineEnd | Wrong::TooLate => {
            silence
        }
        // The answer to the last step is one, whatever comes after it.
        Wrong::Doubled | Wrong::Shifted if step == "content" => "sent",
        // What was said too much is noticed before the next step.
        Wrong::Doubled if step == "AUTH" => "deferred",
        Wrong::Shifted if step == "EHLO" => "closed",
        Wrong::Doubled | Wrong::Shifted => silence,
    }
}

#[tokio::test(start_paused = true)]
async fn each_wrong_at_each_step_has_its_outcome() {
    for step in STEPS {
        for wrong in ALL {
            let (outcome, seen) = scripted(vec![(step, does(step, wrong))]).await;
            assert_eq!(kind(&outcome).0, expected(step, wrong), "{step} {wrong:?} {outcome:?}");
            let (given, taken) = (seen.mails.len(), matches!(outcome, Outcome::Sent(_)));
            // Nothing counts as sent that was not given over, and nothing is in doubt that was not.
            assert!(given == 1 || !taken && !matches!(outcome, Outcome::Unknown(_)), "{step} {wrong:?}");
            // What was given over and not clearly refused is sent or in doubt.
            let refused = step == "content" && matches!(wrong, Wrong::RefusedForGood | Wrong::RefusedForNow);
            assert!(given == 0 || refused || taken || matches!(outcome, Outcome::Unknown(_)), "{step} {wrong:?}");
        }
    }
}

/// The reply to each step, in all pieces into which a network may cut it.
#[tokio::test(start_paused = true)]
async fn a_reply_in_pieces_is_a_reply() {
    for step in STEPS {
        for wait in [Duration::from_millis(1), Duration::from_secs(2)] {
            let (outcome, seen) = scripted(vec![(step, Do::Drip(reply_to(step), wait))]).await;
            assert_eq!((kind(&outcome).0, seen.mails.len()), ("sent", 1), "{step} {outcome:?}");
        }
    }
}

/// Bare codes, and lines that end with LF alone, at every step at once: these servers are understood.
#[tokio::test(start_paused = true)]
async fn a_reply_needs_no_text_and_no_carriage_return() {
    let bare: Vec<(&str, Do)> = [
        ("greeting", &b"220\r\n"[..]),
        ("EHLO", b"250-mx\r\n250 AUTH PLAIN\r\n"),
        ("AUTH", b"235\r\n"),
        ("MAIL", b"250\r\n"),
        ("RCPT", b"250\r\n"),
        ("DATA", b"354\r\n"),
        ("content", b"250\r\n"),
    ]
    .map(|(step, reply)| (step, Do::Say(reply)))
    .to_vec();
    let lf = bare.iter().map(|(step, what)| {
        let Do::Say(reply) = what else { panic!() };
        let reply = reply.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>();
        (*step, Do::Say(reply.leak()))
    });
    for script in [lf.collect(), bare] {
        let (outcome, seen) = scripted(script).await;
        assert_eq!((kind(&outcome), seen.mails.len()), (("sent", None), 1), "{outcome:?}");
    }
    // Nor is a refusal lost in that.
    for reply in [&b"550\n"[..], b"550-5.1.1 no such\n550 user\n", b"550\r\n"] {
        let (outcome, _) = scripted(vec![("RCPT", Do::Say(reply))]).await;
        assert!(["refused", "unclear"].contains(&kind(&outcome).0), "{outcome:?}");
    }
}
