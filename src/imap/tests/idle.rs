//! Waiting for mail.

use super::*;

#[tokio::test(start_paused = true)]
async fn idle_in_all_its_forms() {
    async fn check(script: &str, expect: Woke, seconds: u64) {
        let begun = Instant::now();
        let script = format!("{EXAMINE}{script}");
        let woke = with(&script, async |session| {
            session.select("INBOX").await.unwrap();
            let woke = session.idle(Duration::from_secs(3600)).await.unwrap();
            assert!(session.wire.is_sound());
            woke
        });
        assert_eq!(woke.await, expect, "{script}");
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
    }
    let done = "c: DONE\nS: $ OK done\n";
    check(&format!("C: IDLE\nS: + idling\nS: * 5 EXISTS\n{done}"), Woke::Mail, 0).await;
    check(&format!("C: IDLE\nS: * 5 EXISTS\nS: + idling\n{done}"), Woke::Mail, 0).await;
    check("C: IDLE\nS: + idling\nc: DONE\nS: * 5 EXISTS\nS: $ OK done\n", Woke::Mail, 300).await;
    check(&format!("C: IDLE\nS: + idling\n{done}"), Woke::Timeout, 300).await;
    // What is no news: the same number again, flags, a keepalive, one mail less.
    let quiet = "S: * 4 EXISTS\nS: * 1 FETCH (FLAGS ())\nS: * OK Still here\nS: * 1 EXPUNGE\n";
    check(&format!("C: IDLE\nS: + \n{quiet}{done}"), Woke::Timeout, 300).await;
    check("C: IDLE\nS: $ NO not here\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: $ BAD what\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: $ OK done\n", Woke::Unsupported, 0).await;
    check("C: IDLE\nS: + idling\nS: $ OK too long\n", Woke::Mail, 0).await;
    check("C: IDLE\nS: + idling\nS: $ BAD no more\n", Woke::Unsupported, 0).await;
}

#[tokio::test(start_paused = true)]
async fn idle_fails_in_time() {
    for (script, seconds) in [
        ("C: IDLE\nstall\n", 60),
        ("C: IDLE\nS: + idling\nstall\n", 315),
        ("C: IDLE\nS: + idling\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: * BYE kicked\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: * 1 EXISTS\nc: DONE\nclose\n", 0),
        ("C: IDLE\nS: + idling\nS: + idling\nstall\n", 0),
    ] {
        let begun = Instant::now();
        with(script, async |session| {
            session.idle(Duration::MAX).await.unwrap_err();
            assert!(matches!(session.noop().await, Err(ImapError::Poisoned)), "{script}");
        })
        .await;
        assert_eq!(begun.elapsed().as_secs(), seconds, "{script}");
    }
}

/// Mail that came between two commands is news before there is any waiting, once.
#[tokio::test(start_paused = true)]
async fn news_before_idle_is_not_lost() {
    let script =
        format!("{EXAMINE}{SEARCH}C: NOOP\nS: * 5 EXISTS\nS: $ OK done\nC: IDLE\nS: + \nc: DONE\nS: $ OK done\n");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        session.uids().await.unwrap();
        session.noop().await.unwrap();
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Mail);
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Timeout);
    })
    .await;
    // A fifth that the search does not show yet.
    let late = SEARCH.replace("S: $", "S: * 5 EXISTS\nS: $");
    let again = SEARCH.replace("1000", "1000 1001");
    let script = format!("{EXAMINE}{late}C: NOOP\nS: $ OK done\n{again}C: NOOP\nS: * 6 EXISTS\nS: $ OK done\n");
    with(&script, async |session| {
        session.select("INBOX").await.unwrap();
        assert_eq!(session.uids().await.unwrap().uids.len(), 5);
        session.noop().await.unwrap();
        assert_eq!(session.idle(Duration::MAX).await.unwrap(), Woke::Mail);
    })
    .await;
}
