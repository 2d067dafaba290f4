use super::*;

#[tokio::test]
async fn a_program_that_hangs_is_given_up() {
    let words = |line: &str| ["sh", "-c", line].map(str::to_owned).to_vec();
    assert_eq!(run(&words("exit 0"), &[b'x'; 100_000]).await, Ok(()), "one that reads nothing");
    assert!(run(&words("exit 4"), b"").await.unwrap_err().contains("exit status: 4"));
    assert!(run(&["/nonexistent".to_owned()], b"").await.unwrap_err().starts_with("it cannot be run"));
    tokio::time::pause();
    assert!(run(&words("sleep 1000"), b"").await.unwrap_err().contains("30 s"));
}

#[tokio::test]
async fn a_url_is_asked_for_and_must_answer_well() {
    for (answer, expect) in [
        ("HTTP/1.1 200 OK\r\n\r\n", Ok(())),
        ("HTTP/1.0 204 No Content\r\n\r\n", Ok(())),
        ("HTTP/1.1 404 Not Found\r\n\r\n", Err("the server answered 404")),
        ("HTTP/1.1 301 Moved\r\n\r\n", Err("the server answered 301")),
        ("220 mail.example.org ESMTP\r\n", Err("the server does not speak HTTP")),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1_000);
        let asked = tokio::spawn(async move { ask(ours, "watch.example", "/a?b").await });
        let mut request = vec![0; 30];
        theirs.read_exact(&mut request).await.unwrap();
        assert!(request.starts_with(b"GET /a?b HTTP/1.1\r\nHost: wat"), "{request:?}");
        theirs.write_all(answer.as_bytes()).await.unwrap();
        assert_eq!(asked.await.unwrap(), expect.map_err(str::to_owned), "{answer}");
    }
}

#[test]
fn what_began_is_told_before_what_is_over() {
    let alarm = |name: &str| Alarm {
        name: name.to_owned(),
        kind: name.to_owned(),
        ticket: None,
        since: Timestamp::UNIX_EPOCH,
        text: String::new(),
    };
    let told = ["a", "b"].map(|name| (name.to_owned(), alarm(name))).into();
    assert_eq!(steps(&[alarm("b"), alarm("c")], &told), [(alarm("c"), true), (alarm("a"), false)]);
    assert_eq!(steps(&[alarm("a"), alarm("b")], &told), []);
}
