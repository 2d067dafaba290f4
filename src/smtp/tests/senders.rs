//! A tagged envelope sender that a server refuses, and the plain one behind it.

use super::*;

/// Sends with a tagged and a plain sender to a server that plays one script a connection, and the last for all others.
async fn from_two(scripts: &[Vec<(&'static str, Do)>]) -> (Sending, Vec<Seen>) {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap().port(), Tls::None, None);
    let scripts = scripts.to_vec();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                biased;
                Ok((tcp, _)) = listener.accept() => {
                    let script = scripts.get(seen.len()).or(scripts.last()).cloned().unwrap_or_default();
                    seen.push(serve(tcp, script).await);
                }
                _ = &mut stopped => return seen,
            }
        }
    });
    let config = SmtpConfig { endpoint, login: Some(login(Auth::Password)) };
    let senders = ["security+bounce@example.org", "security@example.org"].map(|a| Address::parse(a).unwrap());
    let sending = send(&config, Some(&secret()), &[&senders[0], &senders[1]], &to(), MAIL).await;
    stop.send(()).unwrap();
    (sending, server.await.unwrap())
}

fn senders(seen: &[Seen]) -> Vec<&str> {
    let mails = seen.iter().flat_map(|s| &s.commands).filter_map(|c| c.strip_prefix("MAIL FROM:"));
    mails.collect()
}

const BOTH: [&str; 2] = ["<security+bounce@example.org>", "<security@example.org>"];

/// Replies that refuse the sender, as servers give them, and where.
const REFUSED_SENDERS: [(&str, &[u8]); 9] = [
    ("MAIL", b"553 5.7.1 not owned by user\r\n"),
    ("MAIL", b"550 no\r\n"),
    ("RCPT", b"553 5.7.1 <security+bounce@example.org>: Sender address rejected: not owned by user s\r\n"),
    ("RCPT", b"550-Verification failed\r\n550 Sender verify failed\r\n"),
    ("DATA", b"550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n"),
    ("content", b"554 5.2.252 SendAsDenied; s@example.org not allowed to send as security+bounce@example.org\r\n"),
    ("content", b"550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n"),
    ("content", b"554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied\r\n"),
    ("content", b"550 5.7.0 From address is not one of your addresses\r\n"),
];

#[tokio::test]
async fn a_server_that_refuses_the_tagged_sender_gets_the_plain_one() {
    for (step, reply) in REFUSED_SENDERS {
        let refused = vec![(step, Do::Say(reply))];
        let (sending, seen) = from_two(&[refused.clone(), vec![]]).await;
        let text = String::from_utf8_lossy(reply);
        assert_eq!(kind(&sending.outcome), ("sent", None), "{step} {text}");
        assert_eq!(sending.refused_sender.unwrap().stage, Some(stage_of(step)), "{step} {text}");
        assert_eq!(senders(&seen), BOTH, "{step} {text}");
        // Given over twice only where the first was clearly refused, and taken once.
        assert_eq!(seen.iter().map(|s| s.mails.len()).sum::<usize>(), if step == "content" { 2 } else { 1 });

        // Refused both: ours to mend, and not tried a third time.
        let (sending, seen) = from_two(&[refused]).await;
        assert_eq!(kind(&sending.outcome), ("closed", Some(stage_of(step))), "{step} {text}");
        assert!(sending.refused_sender.is_none());
        assert_eq!(senders(&seen), BOTH, "{step} {text}");
    }
}

/// Nothing but a clear and lasting refusal of the sender is followed by a second try.
#[tokio::test]
async fn any_other_answer_is_no_reason_for_the_plain_sender() {
    for (step, answer, expect) in [
        ("MAIL", Do::Say(b"451 4.3.0 later\r\n"), "deferred"),
        ("RCPT", Do::Say(b"550 5.1.1 no such user\r\n"), "refused"),
        ("RCPT", Do::Say(b"450 4.7.1 Sender address rejected: unverified\r\n"), "deferred"),
        ("RCPT", Do::Say(b"554 5.7.1 <x>: Relay access denied\r\n"), "closed"),
        ("content", Do::Say(b"554 5.6.0 spam\r\n"), "refused"),
        ("content", Do::Say(b"550 5.4.5 quota\r\n"), "closed"),
        ("content", Do::Say(b"what? 554 5.2.252 SendAsDenied\r\n"), "unknown"),
        ("content", Do::Say(b"550-5.7.60 SendAsDenied\r\n250 ok\r\n"), "unknown"),
        ("content", Do::Close, "unknown"),
        ("RCPT", Do::Close, "deferred"),
    ] {
        let (sending, seen) = from_two(&[vec![(step, answer.clone())]]).await;
        assert_eq!(kind(&sending.outcome).0, expect, "{step} {answer:?}");
        assert!(sending.refused_sender.is_none());
        assert_eq!(senders(&seen), BOTH[..1], "{step} {answer:?}");
    }
    // The plain one is refused for another reason: that is what counts.
    let (step, reply) = REFUSED_SENDERS[2];
    let tagged = vec![(step, Do::Say(reply))];
    let gone = vec![("RCPT", Do::Say(b"550 5.1.1 no such user\r\n"))];
    let (sending, seen) = from_two(&[tagged, gone]).await;
    assert_eq!((kind(&sending.outcome).0, senders(&seen).len()), ("refused", 2));
    assert!(sending.refused_sender.is_none(), "it is not known whether the plain one is taken");
}
