//! Mails by UID, whatever the server makes of the question.

use super::*;

async fn fetched(script: &str, uids: &[u32]) -> Chunk {
    with(script, async |session| session.fetch_chunk(uids, MAX).await).await.unwrap()
}

/// A body belongs to the UID that it came with.
#[tokio::test(start_paused = true)]
async fn answers_are_matched_by_uid() {
    let listed = "S: * 2 FETCH (UID 5 RFC822.SIZE 3 INTERNALDATE \" 7-Jul-2026 02:44:25 +0200\")
        S: * 1 FETCH (UID 2 RFC822.SIZE 3)
        S: * 3 FETCH (UID 9 RFC822.SIZE 3)";
    let answers = [
        body(3, 9, "ninth"),
        body(4, 99, "unasked"),
        // Split, and in between something about another mail.
        "S: * 2 FETCH (UID 5 FLAGS (\\Seen))\nS: * 1 FETCH (FLAGS ())\n".into(),
        "S: * 2 FETCH (BODY[]<0> {5}\\r\\nfifth)\n".into(),
        // The body before its UID.
        "S: * 1 FETCH (BODY[]<0> {6}\\r\\nsecond)\nS: * 1 FETCH (UID 2)\n".into(),
        body(3, 9, "ninth again"),
        // The header is not the mail.
        "S: * 2 FETCH (UID 5 BODY[HEADER] {4}\\r\\nhead)\n".into(),
    ]
    .concat();
    let chunk = fetched(&(sizes("2,5,9", listed) + &bodies("2,5,9", &answers)), &[2, 5, 9]).await;
    let internal_date = Some("2026-07-07T00:44:25Z".parse().unwrap());
    let fifth = Fetched::Mail { uid: 5, internal_date, raw: b"fifth".to_vec() };
    assert_eq!(chunk, Chunk { taken: 3, mails: vec![mail(2, "second"), fifth, mail(9, "ninth")] });
}

/// Sequence numbers move while the answers come.
#[tokio::test(start_paused = true)]
async fn an_expunge_between_answers_moves_no_body() {
    let listed = "S: * 2 FETCH (UID 5 RFC822.SIZE 3)\nS: * 3 FETCH (UID 9 RFC822.SIZE 3)";
    let answers = "S: * 2 FETCH (UID 5)
        S: * 3 FETCH (UID 9)
        S: * 1 EXPUNGE
        S: * 1 FETCH (BODY[]<0> {5}\\r\\nfifth)
        S: * 2 FETCH (BODY[]<0> {5}\\r\\nninth)";
    let chunk = fetched(&(sizes("5,9", listed) + &bodies("5,9", answers)), &[5, 9]).await;
    assert_eq!(chunk.mails, [mail(5, "fifth"), mail(9, "ninth")]);
    // The mail itself goes: what comes under its number now is another's.
    let answers = "S: * 2 FETCH (UID 5)\nS: * 2 EXPUNGE\nS: * 2 FETCH (BODY[]<0> {5}\\r\\nninth)";
    let chunk = fetched(&(sizes("5,9", listed) + &bodies("5,9", answers)), &[5, 9]).await;
    assert_eq!(chunk.mails, [Fetched::Missing(5), Fetched::Missing(9)]);
}

/// A mail that answers nothing is not an empty mail.
#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_no_mail() {
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 3)\nS: * 2 FETCH (UID 5 RFC822.SIZE 3)";
    for answer in [
        "",
        "S: * 1 FETCH (UID 2)",
        "S: * 1 FETCH (UID 2 BODY[]<0> NIL)",
        "S: * 1 FETCH (UID 2 BODY[] NIL)",
        "S: * 1 FETCH (UID 2 BODY[]<0> \"\")",
        "S: * 1 FETCH (UID 2 BODY[]<0> {0}\\r\\n)",
        "S: * 1 FETCH (UID 2 BODY[] {0}\\r\\n)",
    ] {
        let answers = format!("{answer}\n{}", body(2, 5, "def"));
        let chunk = fetched(&(sizes("2,5", listed) + &bodies("2,5", &answers)), &[2, 5]).await;
        assert_eq!(chunk, Chunk { taken: 2, mails: vec![Fetched::Missing(2), mail(5, "def")] }, "{answer}");
    }
    // Gone before its size was asked: no second command.
    let chunk = fetched(&sizes("2,5", ""), &[2, 5]).await;
    assert_eq!(chunk.mails, [Fetched::Missing(2), Fetched::Missing(5)]);
    assert_eq!(fetched("", &[]).await, Chunk { taken: 0, mails: vec![] });
}

/// A placeholder is recognised, and a report that quotes such a mail is a report.
#[tokio::test(start_paused = true)]
async fn a_placeholder_is_no_mail() {
    let from = "From: \"Microsoft Exchange Server\" <>";
    let subject = "Subject: Retrieval using the IMAP4 protocol failed for the following\\r\\n message: 752";
    let text = "The server couldn't retrieve the following message:\\r\\n\\r\\nSubject: x\\r\\n";
    let listed = "S: * 1 FETCH (UID 2 RFC822.SIZE 300)";
    let check = async |mail: String, placeholder: bool| {
        let chunk = fetched(&(sizes("2", listed) + &bodies("2", &body(1, 2, &mail))), &[2]).await;
        assert_eq!(chunk.mails[0] == Fetched::Placeholder(2), placeholder, "{mail}");
    };
    check(format!("{from}\\r\\n{subject}\\r\\n\\r\\n{text}"), true).await;
    check(format!("From: ada@reporter.example\\r\\n{subject}\\r\\n\\r\\n{text}"), false).await;
    check(format!("{from}\\r\\nSubject: Re: help\\r\\n\\r\\n{subject}\\r\\n{text}"), false).await;
    check(format!("{from}\\r\\n{subject}\\r\\n\\r\\nwhat is this?"), false).await;
}

const MIB: usize = 1 << 20;

fn slice(uid: u32, from: usize, answer: &str) -> String {
    format!("C: UID FETCH {uid} (UID BODY.PEEK[]<{from}.1048576>)\n{answer}\nS: $ OK done\n")
}

fn part(uid: u32, from: usize, length: usize) -> String {
    format!("S: * 1 FETCH (UID {uid} BODY[]<{from}> {{{length}}}\\r\\n{})", "x".repeat(length))
}

/// What came is the truth, whatever was announced.
#[tokio::test(start_paused = true)]
async fn the_size_may_lie() {
    let listed = |size: usize| sizes("7", &format!("S: * 1 FETCH (UID 7 RFC822.SIZE {size})"));
    let check = async |script: String, expect: Option<usize>| {
        let chunk = fetched(&script, &[7]).await;
        assert_eq!(chunk.taken, 1);
        match (&chunk.mails[0], expect) {
            (Fetched::Mail { uid: 7, raw, .. }, Some(length)) => {
                assert_eq!(raw.len(), length);
                assert!(raw.iter().all(|octet| *octet == b'x'));
            }
            (Fetched::Missing(7), None) => {}
            (other, _) => panic!("{:.80}", format!("{other:?}")),
        }
    };
    let (one, two) = (slice(7, 0, &part(7, 0, MIB)), slice(7, MIB, &part(7, MIB, 500)));
    // True.
    check(listed(MIB + 500) + &one + &two, Some(MIB + 500)).await;
    // Announced small, is large.
    check(listed(10) + &one + &two, Some(MIB + 500)).await;
    // No size at all.
    check(sizes("7", "S: * 1 FETCH (UID 7)") + &one + &two, Some(MIB + 500)).await;
    // Announced large, is small: one more question, answered by nothing more.
    let end = slice(7, 500, "S: * 1 FETCH (UID 7 BODY[]<500> \"\")");
    check(listed(5 * MIB) + &slice(7, 0, &part(7, 0, 500)) + &end, Some(500)).await;
    // A server that gives less than a slice at a time.
    let less = slice(7, 0, &part(7, 0, 500)) + &slice(7, 500, &part(7, 500, MIB - 500));
    check(listed(MIB) + &less, Some(MIB)).await;
    // A server that knows no slices.
    let whole = format!("S: * 1 FETCH (UID 7 BODY[] {{{}}}\\r\\n{})", MIB + 500, "x".repeat(MIB + 500));
    check(listed(MIB + 500) + &slice(7, 0, &whole), Some(MIB + 500)).await;
    // Exactly one slice, and behind it an empty one, or nothing.
    for end in ["", "S: * 1 FETCH (UID 7 BODY[]<1048576> \"\")", "S: * 1 FETCH (UID 7 BODY[]<1048576> NIL)"] {
        check(listed(MIB) + &one + &slice(7, MIB, end), Some(MIB)).await;
    }
    // Gone between two slices: not a mail that ends there.
    for gone in ["", "S: * 1 FETCH (UID 7 BODY[]<1048576> NIL)"] {
        check(listed(MIB + 500) + &one + &slice(7, MIB, gone), None).await;
    }
    // The wrong slice.
    let script = listed(MIB + 500) + &one + &slice(7, MIB, &part(7, 0, 500));
    let error = with(&script, async |session| session.fetch_chunk(&[7], MAX).await).await.unwrap_err();
    assert!(matches!(error, ImapError::Protocol(_)));
}

/// Above the limit the head is kept; and a mail that is said to be above it and is not, is whole.
#[tokio::test(start_paused = true)]
async fn a_mail_above_the_limit_keeps_its_head() {
    let max = MIB + 1;
    let check = async |script: String, expect: Fetched| {
        let chunk = with(&script, async |session| session.fetch_chunk(&[7, 8], max as u64).await).await.unwrap();
        assert!(chunk == Chunk { taken: 1, mails: vec![expect] }, "{script:.500}");
    };
    let listed = |size: usize| {
        sizes("7,8", &format!("S: * 1 FETCH (UID 7 RFC822.SIZE {size})\nS: * 2 FETCH (UID 8 RFC822.SIZE 1)"))
    };
    let oversize = |size| Fetched::Oversize { uid: 7, internal_date: None, size, head: vec![b'x'; 256 << 10] };
    let probe = |answer: &str| format!("C: UID FETCH 7 (UID BODY.PEEK[]<{max}.1>)\n{answer}\nS: $ OK done\n");
    let head = format!("C: UID FETCH 7 (UID BODY.PEEK[]<0.262144>)\n{}\nS: $ OK done\n", part(7, 0, 256 << 10));
    let behind = format!("S: * 1 FETCH (UID 7 BODY[]<{max}> \"x\")");
    check(listed(99_000_000) + &probe(&behind) + &head, oversize(99_000_000)).await;
    let nothing = format!("S: * 1 FETCH (UID 7 BODY[]<{max}> \"\")");
    let end = slice(7, 500, "S: * 1 FETCH (UID 7 BODY[]<500> \"\")");
    let whole = Fetched::Mail { uid: 7, internal_date: None, raw: vec![b'x'; 500] };
    check(listed(99_000_000) + &probe(&nothing) + &slice(7, 0, &part(7, 0, 500)) + &end, whole).await;
    // Not said to be large at all.
    let slices = slice(7, 0, &part(7, 0, MIB)) + &slice(7, MIB, &part(7, MIB, MIB));
    check(listed(MIB) + &slices, oversize(2 << 20)).await;
}

/// A chunk is bounded in mails and octets, and a large mail has its own.
#[tokio::test(start_paused = true)]
async fn chunks_are_bounded() {
    let check = async |sizes_of: &[usize], together: usize| {
        let uids: Vec<u32> = (1..=u32::try_from(sizes_of.len()).unwrap()).collect();
        let join = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let listed: String = (uids.iter().zip(sizes_of).take(50))
            .map(|(uid, size)| format!("S: * {uid} FETCH (UID {uid} RFC822.SIZE {size})\n"))
            .collect();
        let answers: String = uids[..together].iter().map(|uid| body(*uid, *uid, "x")).collect();
        let asked = uids.len().min(50);
        let script = sizes(&join(&uids[..asked]), &listed) + &bodies(&join(&uids[..together]), &answers);
        assert_eq!(fetched(&script, &uids).await.taken, together, "{sizes_of:?}");
    };
    check(&[100; 70], 50).await;
    check(&[256 << 10; 12], 8).await;
    check(&[100, 100, MIB, 100], 2).await;

    // Announced as small, and each goes on behind its first slice: one at a time.
    let listed = "S: * 1 FETCH (UID 7 RFC822.SIZE 9)\nS: * 2 FETCH (UID 8 RFC822.SIZE 9)";
    let first = format!("{}\n{}", part(7, 0, MIB), part(8, 0, MIB));
    let script = sizes("7,8", listed) + &bodies("7,8", &first) + &slice(7, MIB, &part(7, MIB, 500));
    let chunk = fetched(&script, &[7, 8]).await;
    assert_eq!((chunk.taken, chunk.mails.len()), (1, 1));
}

/// Fields of a header come like a body, and are one.
#[tokio::test(start_paused = true)]
async fn fields_are_matched_by_uid() {
    let fields = "BODY[HEADER.FIELDS (FROM DATE MESSAGE-ID)]";
    let text = "From: a@b.test\\r\\n\\r\\n";
    let script = format!(
        "C: UID FETCH 2,5,9 (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM DATE MESSAGE-ID)])
        S: * 2 FETCH (UID 5 RFC822.SIZE 3 INTERNALDATE \" 7-Jul-2026 02:44:25 +0200\" {fields} {{18}}\\r\\n{text})
        S: * 1 FETCH (UID 2 {fields} \"\")
        S: * 4 FETCH (UID 7 {fields} \"From: x\")
        S: * 3 FETCH (UID 9 BODY[HEADER.FIELDS (\"FROM\" \"DATE\" \"MESSAGE-ID\")] {{18}}\\r\\n{text})
        S: $ OK done"
    );
    let found = with(&script, async |session| session.headers(&[2, 5, 9]).await).await.unwrap();
    let header = b"From: a@b.test\r\n\r\n".to_vec();
    let internal_date = Some("2026-07-07T00:44:25Z".parse().unwrap());
    let of = |uid, size, internal_date, header| Headers { uid, size, internal_date, header };
    let expect =
        [of(2, None, None, Vec::new()), of(5, Some(3), internal_date, header.clone()), of(9, None, None, header)];
    assert_eq!(found, expect);
}
