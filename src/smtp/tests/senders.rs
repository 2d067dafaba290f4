//! Replies that may be about the envelope sender.

use super::*;

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

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_sender_is_known_wherever_it_comes() {
    for (step, reply) in REFUSED_SENDERS {
        let (outcome, _) = scripted(vec![(step, Do::Say(reply))]).await;
        assert_eq!(kind(&outcome), ("closed", Some(stage_of(step))), "{step} {outcome:?}");
        assert!(outcome.may_be_the_senders(), "{step} {outcome:?}");
    }
}

/// Nothing but a clear and lasting refusal is a reason to try another sender.
#[tokio::test(start_paused = true)]
async fn any_other_answer_is_no_reason_for_the_plain_sender() {
    for (step, answer, expect) in [
        ("AUTH", Do::Say(b"535 5.7.8 wrong\r\n"), "closed"),
        ("MAIL", Do::Say(b"451 4.3.0 later\r\n"), "away"),
        ("RCPT", Do::Say(b"550 5.1.1 no such user\r\n"), "refused"),
        ("RCPT", Do::Say(b"450 4.7.1 Sender address rejected: unverified\r\n"), "away"),
        ("content", Do::Say(b"554 5.6.0 spam\r\n"), "refused"),
        ("content", Do::Say(b"what? 554 5.2.252 SendAsDenied\r\n"), "unknown"),
        ("content", Do::Say(b"550-5.7.60 SendAsDenied\r\n250 ok\r\n"), "unknown"),
        ("content", Do::Close, "unknown"),
        ("RCPT", Do::Close, "deferred"),
    ] {
        let (outcome, _) = scripted(vec![(step, answer.clone())]).await;
        assert_eq!(kind(&outcome).0, expect, "{step} {answer:?}");
        assert!(!outcome.may_be_the_senders(), "{step} {answer:?}");
    }
}
