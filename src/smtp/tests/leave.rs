//! The dot waits for leave, and nothing before it does.

use tokio::sync::mpsc;

use super::*;
use crate::store::Leave;

fn given(number: u32) -> Leave {
    Leave::for_tests(number)
}

/// Runs a session against a server; `answer` is what the keeper does when it is asked.
async fn asked(
    script: Vec<(&'static str, Do)>,
    answer: impl FnOnce(Ready) + Send + 'static,
) -> (Option<Outcome>, Seen) {
    let (ours, theirs) = tokio::io::duplex(1024);
    let server = tokio::spawn(serve(theirs, script));
    let (asks, mut asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let ready: Ready = asked.recv().await.expect("the session asks");
        assert_eq!(ready.notice, 7);
        answer(ready);
    });
    let outcome = guarded(ours, Auth::Password, "secret", MAIL, Keeper::Outbox(asks, 7)).await;
    (outcome, server.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn with_leave_the_mail_is_given_over() {
    let (outcome, seen) = asked(vec![], |ready| ready.leave.send(given(7)).unwrap()).await;
    assert_eq!(kind(&outcome.unwrap()), ("sent", None));
    assert_eq!(seen.mails.len(), 1);
}

/// The keeper refuses, is gone, says nothing, or gives leave for another notice: no dot leaves, and nothing is in doubt.
#[tokio::test(start_paused = true)]
async fn without_leave_no_dot_leaves() {
    let answers: [fn(Ready); 3] =
        [|ready| drop(ready), |ready| std::mem::forget(ready), |ready| ready.leave.send(given(8)).unwrap()];
    for answer in answers {
        let (outcome, seen) = asked(vec![], answer).await;
        assert_eq!(outcome, None);
        assert!(seen.mails.is_empty() && seen.commands.last().unwrap() == "DATA", "{seen:?}");
    }
    let (ours, theirs) = tokio::io::duplex(1024);
    let server = tokio::spawn(serve(theirs, vec![]));
    let keeper = Keeper::Outbox(mpsc::unbounded_channel().0, 7);
    assert_eq!(guarded(ours, Auth::Password, "secret", MAIL, keeper).await, None);
    assert!(server.await.unwrap().mails.is_empty());
}

/// What ends before the dot asks nobody.
#[tokio::test(start_paused = true)]
async fn a_session_that_ends_before_the_dot_asks_for_nothing() {
    for step in ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
        let (ours, theirs) = tokio::io::duplex(1024);
        tokio::spawn(serve(theirs, vec![(step, Do::Close)]));
        let (asks, mut asked) = mpsc::unbounded_channel();
        let outcome = guarded(ours, Auth::Password, "secret", MAIL, Keeper::Outbox(asks, 7)).await;
        assert_eq!(kind(&outcome.unwrap()).0, unanswered(step));
        assert!(asked.recv().await.is_none(), "{step}");
    }
}

/// Leave is asked for when all else is with the server: here it has the whole of a mail that fills no buffer.
#[tokio::test(start_paused = true)]
async fn it_is_asked_for_when_the_content_has_left() {
    let (ours, theirs) = tokio::io::duplex(64);
    let server = tokio::spawn(serve(theirs, vec![]));
    let (asks, mut asked) = mpsc::unbounded_channel();
    let bytes = [&b"Subject: x\r\n\r\n"[..], &b"line\r\n".repeat(10_000)].concat();
    let session =
        tokio::spawn(async move { guarded(ours, Auth::Password, "secret", &bytes, Keeper::Outbox(asks, 7)).await });
    let ready: Ready = asked.recv().await.unwrap();
    assert!(!session.is_finished() && !server.is_finished());
    ready.leave.send(given(7)).unwrap();
    assert_eq!(kind(&session.await.unwrap().unwrap()), ("sent", None));
    assert_eq!(server.await.unwrap().mails.len(), 1);
}
